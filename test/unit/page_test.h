/* SPDX-License-Identifier: MIT */
/*
 * What the tests of pages share.
 *
 * free_now() counts the pages that nobody holds; what a call takes or returns
 * is its difference, wherever the pages are kept meanwhile.
 */
#ifndef TEST_PAGE_TEST_H
#define TEST_PAGE_TEST_H

#include <string.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "internal.h"
#include "unit.h"

static inline void validate(void)
{
	ck_assert_uint_eq(page_alloc_validate(), 0);
	ck_assert_uint_eq(pcp_validate(), 0);
}

/* Minus those that came online, which were free at no time before. */
static inline long free_now(void)
{
	long nr = 0;

	for (int i = 0; i < MAX_NR_ZONES; i++)
		if (populated_zone(&zones[i]))
			nr += (long)(zones[i].nr_free + pcp_count(&zones[i])) -
			      (long)zones[i].managed_pages;
	return nr;
}

static long free_at_start;

/* So much that nobody needs the reserve. */
static inline void plenty(void)
{
	while (zones[ZONE_NORMAL].nr_free < 4096)
		ck_assert(sparse_grow(MAX_PAGE_ORDER, true));
}

static inline void page_setup(void)
{
	/* Caches may keep what the first free pages of a process are for. */
	kmm_trim();
	free_at_start = free_now();
}

static inline void page_teardown(void)
{
	ck_assert_int_eq(free_now(), free_at_start);
	drain_all_pages();
	validate();
}

/* Contents: each page begins and ends with a number. */
static inline void mark(void *addr, unsigned long nr_pages, unsigned long tag)
{
	for (char *p = addr; nr_pages--; p += PAGE_SIZE, tag++) {
		memcpy(p, &tag, sizeof(tag));
		memcpy(p + PAGE_SIZE - sizeof(tag), &tag, sizeof(tag));
	}
}

static inline bool is_marked(const void *addr, unsigned long nr_pages,
		      unsigned long tag)
{
	for (const char *p = addr; nr_pages--; p += PAGE_SIZE, tag++)
		if (memcmp(p, &tag, sizeof(tag)) ||
		    memcmp(p + PAGE_SIZE - sizeof(tag), &tag, sizeof(tag)))
			return false;
	return true;
}

static inline bool is_zero(const char *p, size_t size)
{
	while (size--)
		if (*p++)
			return false;
	return true;
}

#endif /* TEST_PAGE_TEST_H */
