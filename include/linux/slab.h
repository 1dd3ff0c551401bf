/* SPDX-License-Identifier: MIT */
/*
 * Object caches and kmalloc.
 *
 * A cache hands out objects of one size; kmalloc() is a row of such caches.
 * Names and meanings are the kernel's. The exported functions carry the
 * kernel's link names (`_noprof` and so on); programs use the macros.
 *
 * Source: kernel include/linux/slab.h.
 */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/sprintf.h>
#include <linux/vmalloc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bit numbers come from the enum; never write one as a number. */
enum _slab_flag_bits {
	_SLAB_CONSISTENCY_CHECKS,
	_SLAB_RED_ZONE,
	_SLAB_POISON,
	_SLAB_KMALLOC,
	_SLAB_HWCACHE_ALIGN,
	_SLAB_CACHE_DMA,
	_SLAB_CACHE_DMA32,
	_SLAB_STORE_USER,
	_SLAB_PANIC,
	_SLAB_TYPESAFE_BY_RCU,
	_SLAB_TRACE,
	_SLAB_NOLEAKTRACE,
	_SLAB_NO_MERGE,
	_SLAB_ACCOUNT,
	_SLAB_NO_USER_FLAGS,
	_SLAB_SKIP_KFENCE,
	_SLAB_RECLAIM_ACCOUNT,
	_SLAB_FAILSLAB,
	_SLAB_FLAGS_LAST_BIT
};

#define __SLAB_FLAG_BIT(nr)	((slab_flags_t)(1u << (nr)))

/* Every operation is checked at its slab; the cache has no per-CPU layer. */
#define SLAB_CONSISTENCY_CHECKS	__SLAB_FLAG_BIT(_SLAB_CONSISTENCY_CHECKS)
#define SLAB_RED_ZONE		__SLAB_FLAG_BIT(_SLAB_RED_ZONE)
#define SLAB_POISON		__SLAB_FLAG_BIT(_SLAB_POISON)
#define SLAB_STORE_USER		__SLAB_FLAG_BIT(_SLAB_STORE_USER)
#define SLAB_TRACE		__SLAB_FLAG_BIT(_SLAB_TRACE)
#define SLAB_FAILSLAB		__SLAB_FLAG_BIT(_SLAB_FAILSLAB)
/* The cache belongs to kmalloc. */
#define SLAB_KMALLOC		__SLAB_FLAG_BIT(_SLAB_KMALLOC)
/* Objects start on a cache line, or share one evenly when small. */
#define SLAB_HWCACHE_ALIGN	__SLAB_FLAG_BIT(_SLAB_HWCACHE_ALIGN)
/* Failure to create the cache aborts the process with a message. */
#define SLAB_PANIC		__SLAB_FLAG_BIT(_SLAB_PANIC)
/* A freed object may be reused at once, but its memory stays one of this
 * cache's objects until the cache is destroyed. */
#define SLAB_TYPESAFE_BY_RCU	__SLAB_FLAG_BIT(_SLAB_TYPESAFE_BY_RCU)
/* Never share the cache with another of the same size. */
#define SLAB_NO_MERGE		__SLAB_FLAG_BIT(_SLAB_NO_MERGE)
/* Pages come from RECLAIMABLE pageblocks. */
#define SLAB_RECLAIM_ACCOUNT	__SLAB_FLAG_BIT(_SLAB_RECLAIM_ACCOUNT)
#define SLAB_TEMPORARY		SLAB_RECLAIM_ACCOUNT
/* Accepted; their subject does not exist here. */
#define SLAB_CACHE_DMA		__SLAB_FLAG_BIT(_SLAB_CACHE_DMA)
#define SLAB_CACHE_DMA32	__SLAB_FLAG_BIT(_SLAB_CACHE_DMA32)
#define SLAB_ACCOUNT		__SLAB_FLAG_BIT(_SLAB_ACCOUNT)
#define SLAB_NOLEAKTRACE	__SLAB_FLAG_BIT(_SLAB_NOLEAKTRACE)
#define SLAB_NO_USER_FLAGS	__SLAB_FLAG_BIT(_SLAB_NO_USER_FLAGS)
#define SLAB_SKIP_KFENCE	__SLAB_FLAG_BIT(_SLAB_SKIP_KFENCE)

/** ZERO_SIZE_PTR - what kmalloc(0) returns: freeable, never to be read. */
#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(x) ((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

/** KMALLOC_MAX_SIZE - the largest kmalloc(): 4 MiB with pages of 4 KiB. */
#define KMALLOC_MAX_SIZE (PAGE_SIZE << MAX_PAGE_ORDER)
/** KMALLOC_MAX_CACHE_SIZE - the largest size served by a cache, in bytes. */
#define KMALLOC_MAX_CACHE_SIZE (1UL << KMALLOC_SHIFT_HIGH)
#define KMALLOC_SHIFT_LOW 3
#define KMALLOC_SHIFT_HIGH 13
#define KMALLOC_MIN_SIZE (1UL << KMALLOC_SHIFT_LOW)
/** ARCH_KMALLOC_MINALIGN - the alignment of every kmalloc() result. */
#define ARCH_KMALLOC_MINALIGN 8
#define ARCH_SLAB_MINALIGN 8

struct kmem_cache;

/**
 * struct kmem_cache_args - the less common arguments of kmem_cache_create()
 * @align: required alignment in bytes, a power of two; 0 for the default (8).
 * @useroffset: start of the usercopy region; noted, nobody asks for it here.
 * @usersize: its size. A cache with one is never merged.
 * @freeptr_offset: where in a free object the allocator may keep its pointer.
 *                  Valid if @use_freeptr_offset is set, only with
 *                  %SLAB_TYPESAFE_BY_RCU and without @ctor.
 * @use_freeptr_offset: whether @freeptr_offset is meant.
 * @ctor: runs once for each object when its slab is made; freed objects must
 *        be in the constructed state again. It runs with no lock held, but
 *        inside the fork gate: it may allocate and fork, but must not wait for
 *        another thread, whose fork() would wait for it, nor open or close a
 *        stream, for which it would wait.
 * @sheaf_capacity: least number of objects in a per-CPU sheaf; 0 for the
 *                  default. Such a cache is never merged.
 */
struct kmem_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	void (*ctor)(void *object);
	unsigned int sheaf_capacity;
};

/*
 * kmem_cache_create() in its forms:
 *
 *	kmem_cache_create(name, size, &args, flags)		struct args
 *	kmem_cache_create(name, size, NULL, flags)		default args
 *	kmem_cache_create(name, size, align, flags, ctor)	five arguments
 */

/**
 * __kmem_cache_create_args() - create an object cache
 * @name: shown in reports; copied.
 * @object_size: bytes, 1 to %KMALLOC_MAX_SIZE. With a ctor, or with
 *               %SLAB_TYPESAFE_BY_RCU and no freeptr_offset, a word behind the
 *               object is the allocator's; with it, and rounded up to the
 *               alignment, the object must not exceed %KMALLOC_MAX_SIZE.
 * @args: see struct kmem_cache_args.
 * @flags: SLAB_* flags.
 *
 * Context: Any thread, not a signal handler. Takes slab_mutex; may block.
 * Return: the cache, possibly one shared with an equal cache if merging is
 *         enabled; %NULL for bad arguments or without memory (a message says
 *         which), or no return with %SLAB_PANIC.
 */
KMM_API KMM_MUST_CHECK struct kmem_cache *
__kmem_cache_create_args(const char *name, unsigned int object_size,
			 struct kmem_cache_args *args, slab_flags_t flags);

static inline struct kmem_cache *
__kmem_cache_default_args(const char *name, unsigned int size, void *null,
			  slab_flags_t flags)
{
	struct kmem_cache_args args = KMM_INIT_ZERO;

	(void)null;
	return __kmem_cache_create_args(name, size, &args, flags);
}

static inline struct kmem_cache *
__kmem_cache_create(const char *name, unsigned int size, unsigned int align,
		    slab_flags_t flags, void (*ctor)(void *object))
{
	struct kmem_cache_args args = KMM_INIT_ZERO;

	args.align = align;
	args.ctor = ctor;
	return __kmem_cache_create_args(name, size, &args, flags);
}

/** kmem_cache_create_usercopy() - five-argument create; the region is noted. */
static inline struct kmem_cache *
kmem_cache_create_usercopy(const char *name, unsigned int size,
			   unsigned int align, slab_flags_t flags,
			   unsigned int useroffset, unsigned int usersize,
			   void (*ctor)(void *object))
{
	struct kmem_cache_args args = KMM_INIT_ZERO;

	args.align = align;
	args.ctor = ctor;
	args.useroffset = useroffset;
	args.usersize = usersize;
	return __kmem_cache_create_args(name, size, &args, flags);
}

#ifndef __cplusplus
#define kmem_cache_create(name, size, args, ...)			\
	_Generic((args),						\
		struct kmem_cache_args *: __kmem_cache_create_args,	\
		void *: __kmem_cache_default_args,			\
		default: __kmem_cache_create)(name, size, args, __VA_ARGS__)
#endif

/** KMEM_CACHE() - a cache for a struct, with its name, size and alignment. */
#ifdef __cplusplus
#define KMM_ALIGNOF(type) alignof(type)
#else
#define KMM_ALIGNOF(type) _Alignof(type)
#endif
#define KMEM_CACHE(__struct, __flags)					\
	__kmem_cache_create(#__struct, sizeof(struct __struct),		\
			    KMM_ALIGNOF(struct __struct), (__flags), NULL)
#define KMEM_CACHE_USERCOPY(__struct, __flags, __field)			\
	kmem_cache_create_usercopy(#__struct, sizeof(struct __struct),	\
		KMM_ALIGNOF(struct __struct), (__flags),		\
		offsetof(struct __struct, __field),			\
		sizeof(((struct __struct *)0)->__field), NULL)

/**
 * kmem_cache_destroy() - destroy a cache that has no live objects
 * @s: the cache; %NULL is ignored.
 *
 * With live objects nothing is destroyed: a report lists them, and the cache
 * stays usable. Free them and destroy it again. A merged cache goes when its
 * last user destroys it.
 *
 * Context: Any thread, not a signal handler. No other call may use @s.
 */
KMM_API void kmem_cache_destroy(struct kmem_cache *s);

/**
 * kmem_cache_shrink() - give back what a cache holds and nobody uses
 * @s: the cache.
 *
 * Empties the sheaves of every CPU and frees the empty slabs.
 * Return: 0 if no slab is left, 1 otherwise.
 */
KMM_API int kmem_cache_shrink(struct kmem_cache *s);

/**
 * validate_slab_cache() - check all that can be known of a cache and its objects
 * @s: the cache.
 *
 * With %SLAB_RED_ZONE and %SLAB_POISON, the bytes around each object and those
 * of each free one; for every cache, its slabs and freelists. What is wrong is
 * reported and repaired; the process does not end.
 * Source: kernel mm/slub.c, which returns nothing that can be relied on.
 *
 * Context: Any thread, not a signal handler. Takes list_lock for long.
 * Return: the number of problems found.
 */
KMM_API unsigned int validate_slab_cache(struct kmem_cache *s);

/**
 * kmem_dump_obj() - print what is known of an object
 * @object: a pointer to it, or into it.
 *
 * Its cache, its start and size, and with %SLAB_STORE_USER where it was
 * allocated, and freed last.
 *
 * Context: Any thread, not a signal handler. Prints.
 * Return: false, and prints nothing, if @object is not in a slab.
 */
KMM_API bool kmem_dump_obj(void *object);

/** kmem_cache_size() - the object size given at creation, in bytes. */
KMM_API unsigned int kmem_cache_size(struct kmem_cache *s);

/**
 * kmem_cache_alloc() - allocate one object
 * @s: the cache.
 * @gfp: GFP_* flags; %__GFP_ZERO clears the object (never with a ctor).
 *
 * Context: Any thread, not a signal handler.
 * Return: the object, aligned as the cache was told; %NULL without memory.
 */
KMM_API KMM_MALLOC void *kmem_cache_alloc_noprof(struct kmem_cache *s,
						 gfp_t gfp);

/** kmem_cache_alloc_lru() - kmem_cache_alloc(); @lru is accepted. */
struct list_lru;
KMM_API KMM_MALLOC void *kmem_cache_alloc_lru_noprof(struct kmem_cache *s,
						     struct list_lru *lru,
						     gfp_t gfp);

/** kmem_cache_alloc_node() - kmem_cache_alloc(); @node is accepted. */
KMM_API KMM_MALLOC void *kmem_cache_alloc_node_noprof(struct kmem_cache *s,
						      gfp_t gfp, int node);

/**
 * kmem_cache_free() - free one object
 * @s: the cache it came from.
 * @objp: the object; %NULL is reported.
 */
KMM_API void kmem_cache_free(struct kmem_cache *s, void *objp);

/**
 * kmem_cache_alloc_bulk() - allocate many objects
 * @s: the cache.
 * @gfp: GFP_* flags.
 * @size: how many.
 * @p: where the pointers go.
 *
 * Return: @size, or 0 with nothing allocated.
 */
KMM_API int kmem_cache_alloc_bulk_noprof(struct kmem_cache *s, gfp_t gfp,
					 size_t size, void **p);

/**
 * kmem_cache_free_bulk() - free many objects
 * @s: their cache; %NULL for any mix of kmalloc() and cache objects.
 * @size: how many.
 * @p: the pointers; the array's contents are undefined afterwards.
 */
KMM_API void kmem_cache_free_bulk(struct kmem_cache *s, size_t size, void **p);

static inline void kfree_bulk(size_t size, void **p)
{
	kmem_cache_free_bulk(NULL, size, p);
}

#define kmem_cache_alloc(s, gfp)	\
	alloc_hooks(kmem_cache_alloc_noprof(s, gfp))
#define kmem_cache_zalloc(s, gfp)	\
	alloc_hooks(kmem_cache_alloc_noprof(s, (gfp) | __GFP_ZERO))
#define kmem_cache_alloc_lru(s, lru, gfp)	\
	alloc_hooks(kmem_cache_alloc_lru_noprof(s, lru, gfp))
#define kmem_cache_alloc_node(s, gfp, node)	\
	alloc_hooks(kmem_cache_alloc_node_noprof(s, gfp, node))
#define kmem_cache_alloc_bulk(s, gfp, size, p)	\
	alloc_hooks(kmem_cache_alloc_bulk_noprof(s, gfp, size, p))

/* kmalloc ---------------------------------------------------------------- */

enum kmalloc_cache_type {
	KMALLOC_NORMAL,
	KMALLOC_RECLAIM,	/* __GFP_RECLAIMABLE requests */
	NR_KMALLOC_TYPES
};

/* The kernel's ladder, for sizes known when the program is compiled. */
extern KMM_API struct kmem_cache *
kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];

static inline enum kmalloc_cache_type kmalloc_type(gfp_t gfp)
{
	return (gfp & __GFP_RECLAIMABLE) ? KMALLOC_RECLAIM : KMALLOC_NORMAL;
}

/**
 * kmalloc_index() - the row entry for @size, 1 to %KMALLOC_MAX_CACHE_SIZE
 *
 * Entry k serves 2^k bytes; entries 1 and 2 serve 96 and 192.
 */
static inline __attribute__((always_inline)) unsigned int
kmalloc_index(size_t size)
{
	if (size <= 8)
		return 3;
	if (size > 64 && size <= 96)
		return 1;
	if (size > 128 && size <= 192)
		return 2;
	return (unsigned int)(8 * sizeof(long)) -
	       (unsigned int)__builtin_clzl(size - 1);
}

KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *__kmalloc_noprof(size_t size, gfp_t gfp);
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *__kmalloc_node_noprof(size_t size, gfp_t gfp, int node);
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *__kmalloc_large_noprof(size_t size, gfp_t gfp);
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(3)
void *__kmalloc_cache_noprof(struct kmem_cache *s, gfp_t gfp, size_t size);

/**
 * kmalloc() - allocate memory
 * @size: bytes, up to %KMALLOC_MAX_SIZE; 0 gives %ZERO_SIZE_PTR.
 * @gfp: GFP_* flags.
 *
 * Sizes that are powers of two are aligned to themselves, others to the
 * largest power of two that divides their bucket, at least 8. Only @size
 * bytes may be used; kmalloc_size_roundup() tells what could be asked for.
 *
 * Context: Any thread, not a signal handler.
 * Return: the memory; %NULL without memory or for a size that is too large.
 */
static inline __attribute__((always_inline)) KMM_MALLOC KMM_ALLOC_SIZE(1)
void *kmalloc_noprof(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size) {
		if (size > KMALLOC_MAX_CACHE_SIZE)
			return __kmalloc_large_noprof(size, gfp);
		return __kmalloc_cache_noprof(
			kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)],
			gfp, size);
	}
	return __kmalloc_noprof(size, gfp);
}

/** kmalloc_array() - kmalloc() of @n * @size; %NULL if that overflows. */
static inline KMM_MALLOC KMM_ALLOC_SIZE(1, 2)
void *kmalloc_array_noprof(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return NULL;
	return kmalloc_noprof(bytes, gfp);
}

/**
 * krealloc() - resize memory from kmalloc()
 * @p: the memory; %NULL or %ZERO_SIZE_PTR makes it kmalloc().
 * @new_size: bytes; 0 frees @p and gives %ZERO_SIZE_PTR.
 * @gfp: GFP_* flags; %__GFP_ZERO only if every call for @p has it.
 *
 * Return: the memory, moved or not; %NULL without memory, @p is then intact.
 */
KMM_API KMM_MUST_CHECK KMM_ALLOC_SIZE(2)
void *krealloc_noprof(const void *p, size_t new_size, gfp_t gfp);

/** krealloc_array() - krealloc() to @n * @size; %NULL if that overflows. */
static inline KMM_MUST_CHECK KMM_ALLOC_SIZE(2, 3)
void *krealloc_array_noprof(const void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return NULL;
	return krealloc_noprof(p, bytes, gfp);
}

/**
 * kfree() - free memory from kmalloc() or an object of any cache
 * @objp: the memory; %NULL and %ZERO_SIZE_PTR are ignored.
 *
 * A pointer that is not the start of a live allocation is reported: the line
 * names it and what it points into, and the process aborts (or goes on, see
 * the parameter bad_free).
 *
 * Context: Any thread, not a signal handler.
 */
KMM_API void kfree(const void *objp);

/** kfree_sensitive() - clear the whole bucket, then kfree(). */
KMM_API void kfree_sensitive(const void *objp);

/** ksize() - bytes of the bucket behind @objp; 0 for %NULL. */
KMM_API size_t ksize(const void *objp);

/** kmalloc_size_roundup() - the size whose kmalloc() wastes nothing. */
KMM_API size_t kmalloc_size_roundup(size_t size);

/**
 * kvmalloc() - kmalloc(), or vmalloc() where that fails
 * @size: bytes, up to INT_MAX.
 * @gfp: GFP_* flags; without blocking there is no vmalloc().
 *
 * Return: the memory, to be freed with kvfree(); %NULL without memory.
 */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *__kvmalloc_node_noprof(size_t size, gfp_t gfp, int node);

static inline KMM_MALLOC KMM_ALLOC_SIZE(1, 2)
void *kvmalloc_array_noprof(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return NULL;
	return __kvmalloc_node_noprof(bytes, gfp, NUMA_NO_NODE);
}

/**
 * kvrealloc() - resize memory from kvmalloc()
 *
 * As krealloc(), but the memory may change between kmalloc() and vmalloc().
 */
KMM_API KMM_MUST_CHECK KMM_ALLOC_SIZE(2)
void *kvrealloc_noprof(const void *p, size_t size, gfp_t gfp);

/** kvfree() - free memory from kvmalloc(), kmalloc() or vmalloc(). */
KMM_API void kvfree(const void *addr);

/** kvfree_sensitive() - clear @len bytes, then kvfree(). */
KMM_API void kvfree_sensitive(const void *addr, size_t len);

/** kmemdup() - a copy of @len bytes at @src. */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(2)
void *kmemdup_noprof(const void *src, size_t len, gfp_t gfp);

/** kmemdup_array() - a copy of @count elements of @size bytes. */
static inline KMM_MALLOC KMM_ALLOC_SIZE(2, 3)
void *kmemdup_array(const void *src, size_t count, size_t size, gfp_t gfp)
{
	return kmemdup_noprof(src, size_mul(count, size), gfp);
}

/** kmemdup_nul() - a copy of @len bytes at @s, with a NUL after them. */
KMM_API KMM_MALLOC char *kmemdup_nul(const char *s, size_t len, gfp_t gfp);

/** kstrdup() - a copy of the string @s; %NULL for %NULL. */
KMM_API KMM_MALLOC char *kstrdup_noprof(const char *s, gfp_t gfp);

/** kstrndup() - kstrdup() of at most @max characters. */
KMM_API KMM_MALLOC char *kstrndup_noprof(const char *s, size_t max, gfp_t gfp);

#define kmalloc(size, gfp)	alloc_hooks(kmalloc_noprof(size, gfp))
#define kzalloc(size, gfp)	\
	alloc_hooks(kmalloc_noprof(size, (gfp) | __GFP_ZERO))
#define kmalloc_array(n, size, gfp)	\
	alloc_hooks(kmalloc_array_noprof(n, size, gfp))
#define kcalloc(n, size, gfp)	\
	alloc_hooks(kmalloc_array_noprof(n, size, (gfp) | __GFP_ZERO))
#define kmalloc_node(size, gfp, node)	\
	alloc_hooks(__kmalloc_node_noprof(size, gfp, node))
#define kzalloc_node(size, gfp, node)	\
	alloc_hooks(__kmalloc_node_noprof(size, (gfp) | __GFP_ZERO, node))
#define kmalloc_array_node(n, size, gfp, node)	\
	alloc_hooks(__kmalloc_node_noprof(size_mul(n, size), gfp, node))
#define kcalloc_node(n, size, gfp, node) \
	kmalloc_array_node(n, size, (gfp) | __GFP_ZERO, node)
#define kmalloc_track_caller(size, gfp)	alloc_hooks(__kmalloc_noprof(size, gfp))
#define krealloc(p, size, gfp)	alloc_hooks(krealloc_noprof(p, size, gfp))
#define krealloc_array(p, n, size, gfp)	\
	alloc_hooks(krealloc_array_noprof(p, n, size, gfp))
#define kvmalloc(size, gfp)	\
	alloc_hooks(__kvmalloc_node_noprof(size, gfp, NUMA_NO_NODE))
#define kvzalloc(size, gfp)	\
	alloc_hooks(__kvmalloc_node_noprof(size, (gfp) | __GFP_ZERO, \
					   NUMA_NO_NODE))
#define kvmalloc_node(size, gfp, node)	\
	alloc_hooks(__kvmalloc_node_noprof(size, gfp, node))
#define kvzalloc_node(size, gfp, node)	\
	alloc_hooks(__kvmalloc_node_noprof(size, (gfp) | __GFP_ZERO, node))
#define kvmalloc_array(n, size, gfp)	\
	alloc_hooks(kvmalloc_array_noprof(n, size, gfp))
#define kvcalloc(n, size, gfp)	\
	alloc_hooks(kvmalloc_array_noprof(n, size, (gfp) | __GFP_ZERO))
#define kvrealloc(p, size, gfp)	alloc_hooks(kvrealloc_noprof(p, size, gfp))
#define kmemdup(src, len, gfp)	alloc_hooks(kmemdup_noprof(src, len, gfp))
#define kstrdup(s, gfp)	alloc_hooks(kstrdup_noprof(s, gfp))
#define kstrndup(s, max, gfp)	alloc_hooks(kstrndup_noprof(s, max, gfp))

#ifndef __cplusplus
DEFINE_FREE(kfree, void *, if (!IS_ERR_OR_NULL(_T)) kfree(_T))
DEFINE_FREE(kvfree, void *, if (!IS_ERR_OR_NULL(_T)) kvfree(_T))
#endif

#ifdef __cplusplus
}

/*
 * C++ has no _Generic: the three forms as two overloads. The struct's pointer
 * may be NULL, nullptr too: an overload of its own for that would make NULL,
 * which C++ compilers take for a number first, ambiguous.
 */
static inline struct kmem_cache *
kmem_cache_create(const char *name, unsigned int size,
		  struct kmem_cache_args *args, slab_flags_t flags)
{
	return args ? __kmem_cache_create_args(name, size, args, flags) :
		      __kmem_cache_default_args(name, size, NULL, flags);
}

static inline struct kmem_cache *
kmem_cache_create(const char *name, unsigned int size, unsigned int align,
		  slab_flags_t flags, void (*ctor)(void *object))
{
	return __kmem_cache_create(name, size, align, flags, ctor);
}
#endif

#endif /* _LINUX_SLAB_H */
