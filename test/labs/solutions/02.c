// SPDX-License-Identifier: MIT
/*
 * Exercise 02: split a block and file the halves. Reference solution.
 *
 * As the kernel's __rmqueue_smallest() and expand(): the upper half is filed,
 * the lower half is halved again.
 */
#include "lab.h"

long block_alloc(unsigned int order)
{
	unsigned int have = order;
	unsigned long pfn;

	while (have < NR_PAGE_ORDERS && !free_area[have].first)
		have++;
	if (have >= NR_PAGE_ORDERS)
		return -1;
	pfn = page_to_pfn(free_area[have].first);
	unfile_block(pfn);
	while (have > order) {
		have--;
		file_block(pfn + (1UL << have), have);
	}
	return (long)pfn;
}
