// SPDX-License-Identifier: MIT
/*
 * Exercise 03: free a block and merge it. Reference solution.
 *
 * As the kernel's __free_one_page(). A buddy can be merged if it lies in memory,
 * heads a free block, and that block has the same order: a buddy that has been
 * split heads a free block as well, of a smaller one.
 */
#include "lab.h"

/* The free block that @pfn is inside, whichever its order; or -1. */
static long free_block_around(unsigned long pfn)
{
	unsigned long head;
	unsigned int order;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		head = pfn & ~((1UL << order) - 1);
		if (mem_map[head].buddy && mem_map[head].order >= order)
			return (long)head;
	}
	return -1;
}

static bool can_merge(unsigned long buddy, unsigned int order)
{
	return buddy + (1UL << order) <= nr_pages && mem_map[buddy].buddy &&
	       mem_map[buddy].order == order;
}

int block_free(unsigned long pfn, unsigned int order)
{
	unsigned long buddy;

	if (order > MAX_PAGE_ORDER || pfn & ((1UL << order) - 1) ||
	    pfn + (1UL << order) > nr_pages)
		return -1;
	if (free_block_around(pfn) >= 0)
		return -1;
	while (order < MAX_PAGE_ORDER) {
		buddy = pfn ^ (1UL << order);
		if (!can_merge(buddy, order))
			break;
		unfile_block(buddy);
		pfn &= buddy;
		order++;
	}
	file_block(pfn, order);
	return 0;
}
