/* SPDX-License-Identifier: MIT */
/*
 * What the tests of SLUB's debugging share.
 */
#ifndef TEST_SLUB_DEBUG_TEST_H
#define TEST_SLUB_DEBUG_TEST_H

#include <stdio.h>

#include "slab_test.h"

#define FZPU (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | \
	      SLAB_STORE_USER)

/* Calls in functions of their own, for their stacks to be told apart. */
static noinline __maybe_unused void *alloc_here(struct kmem_cache *s)
{
	void *object = kmem_cache_alloc(s, GFP_KERNEL);

	ck_assert_ptr_nonnull(object);
	return object;
}

static noinline __maybe_unused void free_here(struct kmem_cache *s, void *object)
{
	kmem_cache_free(s, object);
	__asm__ volatile("" ::: "memory");
}

static noinline __maybe_unused void free_again_here(struct kmem_cache *s, void *object)
{
	kmem_cache_free(s, object);
	__asm__ volatile("" ::: "memory");
}

/* Is @addr in @fn? The three are short. */
static inline bool is_in(unsigned long addr, const void *fn)
{
	return addr - (unsigned long)fn < 96;
}

/* The innermost frame of the stack below the line that begins with @head. */
static inline unsigned long first_frame(const char *text, const char *head)
{
	const char *line = strstr(text, head);
	unsigned long addr = 0;

	ck_assert_msg(line != NULL, "no \"%s\" in:\n%s", head, text);
	line = strchr(line, '\n');
	ck_assert_msg(line && sscanf(line, " #0 0x%lx", &addr) == 1,
		      "no stack below \"%s\" in:\n%s", head, text);
	return addr;
}

#define assert_stack(text, head, fn)					\
	ck_assert_msg(is_in(first_frame(text, head), fn),		\
		      "\"%s\" does not lead to " #fn ":\n%s", head, text)

static inline void assert_has(const char *text, const char *words)
{
	ck_assert_msg(strstr(text, words) != NULL, "no \"%s\" in:\n%s", words,
		      text);
}

static inline void assert_quiet(const char *scenario, const char *words)
{
	const char *text;
	int status = test_run_scenario(scenario, words, &text);

	ck_assert_msg(status == 0 && !*text, "%s \"%s\": wait status 0x%x\n%s",
		      scenario, words, (unsigned int)status, text);
}

/* The cache of the case. */
static struct kmem_cache *s;

static inline void make_debugged(unsigned int size, slab_flags_t flags)
{
	s = make_cache("unit-debugged", size, flags | SLAB_NO_MERGE);
}

/* Overwrite @n bytes with 'A', and say what the report will say of it. */
static inline void damage(void *object, long off, size_t n, unsigned int expected)
{
	unsigned char *p = (unsigned char *)object + off;

	dprintf(2, "expect 0x%lx-0x%lx @offset=%ld. First byte 0x41 instead of 0x%x\n",
		(unsigned long)p, (unsigned long)p + n - 1,
		(long)((char *)p - slab_address(slab_of(object))), expected);
	memset(p, 'A', n);
}

/* The line that the case expects, behind the word, without its newline. */
static inline const char *expected_line(const char *text)
{
	static char line[256];

	ck_assert_msg(sscanf(text, "expect %255[^\n]", line) == 1,
		      "no expectation:\n%s", text);
	return line;
}

#endif /* TEST_SLUB_DEBUG_TEST_H */
