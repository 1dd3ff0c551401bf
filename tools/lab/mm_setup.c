// SPDX-License-Identifier: MIT
/*
 * What the library needs to behave on a machine of a few dozen pages as the
 * textbook says; and how to find its insides.
 *
 * The buddy system files free blocks by migratetype, one for each pageblock of
 * 2 MiB, so that pages of one lifetime stay together. A machine smaller than a
 * pageblock is movable all over, and each request of another type would raid
 * the largest block there is. The kernel turns the grouping off on machines so
 * small (page_group_by_mobility_disabled): all is unmovable then. Here the same
 * is done from outside, once after boot, while nobody else runs.
 */
#include <kmm/anchor.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mm_setup.h"

void *mm_root(const char *name)
{
	unsigned int i;

	for (i = 0; i < kmm_anchor.nr_roots; i++)
		if (!strcmp(kmm_anchor.roots[i].name, name))
			return (void *)(uintptr_t)kmm_anchor.roots[i].address;
	abort();
}

static void move_lists(struct free_area *area)
{
	struct list_head *from = &area->free_list[MIGRATE_MOVABLE];
	struct list_head *to = &area->free_list[MIGRATE_UNMOVABLE];
	struct page *page, *next;

	list_for_each_entry_safe(page, next, from, lru)
		list_move_tail(&page->lru, to);
}

void mm_group_nothing(void)
{
	const unsigned int *order = mm_root("pageblock_order");
	const struct mem_range *range = mm_root("sparse_ranges");
	struct zone *all = mm_root("zones");
	unsigned long pfn;
	unsigned int zone, i;

	if (range->end_pfn - range->start_pfn >= 1ul << *order)
		return;
	for (pfn = range->start_pfn; pfn < range->end_pfn; pfn++)
		if (!(pfn & ((1ul << *order) - 1)))
			range->pages[pfn - range->start_pfn].pageblock =
				MIGRATE_UNMOVABLE ^ MIGRATE_MOVABLE;
	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		for (i = 0; all[zone].managed_pages && i < NR_PAGE_ORDERS; i++)
			move_lists(&all[zone].free_area[i]);
}
