/* SPDX-License-Identifier: MIT */
/*
 * Allocation tags: which line of a program allocates how much.
 *
 * A program that is compiled with CONFIG_MEM_ALLOC_PROFILING defined as 1 has a
 * struct alloc_tag for each place that allocates, and the parameter
 * mem_profiling counts by it. Without that, the macros of <linux/slab.h> and of
 * its neighbours are plain calls, as if this header were not there.
 *
 *	cc -DCONFIG_MEM_ALLOC_PROFILING=1 prog.c -lkmm
 *	KMM_CMDLINE=mem_profiling ./a.out	kmm_show("allocinfo", fd)
 *
 * Source: kernel include/linux/alloc_tag.h.
 */
#ifndef _LINUX_ALLOC_TAG_H
#define _LINUX_ALLOC_TAG_H

#include <kmm/types.h>

#ifndef CONFIG_MEM_ALLOC_PROFILING
#define CONFIG_MEM_ALLOC_PROFILING 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct alloc_tag - a place in a program that allocates
 * @modname: KBUILD_MODNAME if the program defines it, or %NULL.
 * @function: the function it is in.
 * @filename: as the compiler was given it.
 * @lineno: the line.
 * @site: the library's number of it; 0 before its first allocation.
 */
struct alloc_tag {
	const char *modname;
	const char *function;
	const char *filename;
	unsigned int lineno;
	uint32_t site;
};

/**
 * kmm_alloc_tag - the tag that this thread's allocations count for
 *
 * %NULL outside of alloc_hooks(). Context: the thread itself.
 */
extern KMM_API __thread struct alloc_tag *kmm_alloc_tag;

#ifdef KBUILD_MODNAME
#define KMM_STRINGIFY_1(x) #x
#define KMM_STRINGIFY(x) KMM_STRINGIFY_1(x)
#define KMM_ALLOC_TAG_MODNAME KMM_STRINGIFY(KBUILD_MODNAME)
#else
#define KMM_ALLOC_TAG_MODNAME NULL
#endif

/* In the section alloc_tags, for tools that look at the file. Not in C++: there
 * one function may be in a section group, and another not, and one section
 * cannot hold what belongs to both. */
#ifdef __cplusplus
#define KMM_ALLOC_TAG_SECTION
#else
#define KMM_ALLOC_TAG_SECTION __attribute__((used, section("alloc_tags")))
#endif

/** DEFINE_ALLOC_TAG() - define the tag of this place. */
#define DEFINE_ALLOC_TAG(_alloc_tag)					\
	static struct alloc_tag _alloc_tag KMM_ALLOC_TAG_SECTION = {	\
		KMM_ALLOC_TAG_MODNAME, __func__, __FILE__, __LINE__, 0 }

/** alloc_tag_save() - let allocations count for @tag; returns what they did. */
static inline struct alloc_tag *alloc_tag_save(struct alloc_tag *tag)
{
	struct alloc_tag *old = kmm_alloc_tag;

	kmm_alloc_tag = tag;
	return old;
}

/** alloc_tag_restore() - undo alloc_tag_save(), which returned @old. */
static inline void alloc_tag_restore(struct alloc_tag *old)
{
	kmm_alloc_tag = old;
}

/**
 * alloc_hooks_tag() - evaluate an expression that allocates, for a tag
 * @tag: whose the allocations are; an outer one is passed over.
 * @do_alloc: the expression.
 */
#define alloc_hooks_tag(tag, do_alloc)					\
	__extension__({							\
		struct alloc_tag *_old_tag = alloc_tag_save(tag);	\
		__typeof__(do_alloc) _alloc_result = do_alloc;		\
		alloc_tag_restore(_old_tag);				\
		_alloc_result;						\
	})

/**
 * alloc_hooks() - evaluate an expression that allocates, for its own place
 * @do_alloc: the expression: a call of a function whose name ends in _noprof,
 *            or of a program's own that is built on them.
 *
 * A program may wrap its own constructors, so that their callers are counted:
 * `#define make_node(args) alloc_hooks(make_node_noprof(args))`.
 */
#if CONFIG_MEM_ALLOC_PROFILING
#define alloc_hooks(do_alloc)						\
	__extension__({							\
		DEFINE_ALLOC_TAG(_alloc_tag);				\
		alloc_hooks_tag(&_alloc_tag, do_alloc);			\
	})
#else
#define alloc_hooks(do_alloc) do_alloc
#endif

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_ALLOC_TAG_H */
