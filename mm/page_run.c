// SPDX-License-Identifier: MIT
/*
 * Page runs: blocks of any number of pages, across free blocks that are
 * neighbours, though not buddies.
 *
 * A request for whole pages that need no alignment can be met so:
 *
 *	|xx|. .|. . . .|xx|	blocks of 2 and 4 pages, 5 are wanted:
 *	|xx|y y y y y|.|xx|	1 goes back
 *
 * Best fit: of all runs the shortest that will do. What matters is how long a run
 * is in all, not where in it a power of two is aligned: taken from the end of a
 * run that is little longer, a block leaves the longer ones whole.
 *
 * Any run of 2^(k + 1) - 1 pages holds an aligned block of 2^k. So some blocks of
 * each order from there up are looked at, the smaller orders first, for the
 * shortest run that they are part of. At most a quarter too much is good enough.
 *
 * What was allocated as a run, or cut from a larger block, has no order: its
 * owner remembers how many pages it has. It is freed in blocks as large as their
 * alignment allows, and can grow and shrink where it is. A run may be longer than
 * the largest order.
 *
 * States:	free blocks of buddy.c -> run -> free blocks
 * Lock order:	takes zone->lock; see buddy.c.
 * Context:	inside the fork gate.
 * Source:	ours. The kernel's alloc_pages_exact() takes the next power of two
 *		and gives the rest back, as alloc_frozen_exact() does when there is
 *		no run.
 * Not here:	which zone is searched, and when; where else memory for a block that
 *		grows may come from (page_alloc.c).
 */
#include <limits.h>

#include "../lib/memcheck.h"
#include "buddy.h"
#include "page_list.h"
#include "page_poison.h"
#include "probes.h"

/* How many blocks of a list are looked at: of wanted / 2, within these. */
#define RUN_TRIES_MIN 8
#define RUN_TRIES_MAX 32
/* 1/4 too much is good enough. */
#define RUN_SLACK 4

struct run {
	struct page *page;
	unsigned long nr_pages;
};

/* Free, not fresh, and of the zone: three questions, one look. */
static bool is_used_block(const struct zone *zone, const struct page *page)
{
	const unsigned long zone_bits = PG_ZONE_MASK << PG_ZONE_SHIFT;

	return (READ_ONCE(page->flags) &
		(zone_bits | 1UL << PG_buddy | 1UL << PG_zeroed)) ==
	       ((unsigned long)zone->index << PG_ZONE_SHIFT | 1UL << PG_buddy);
}

/* The used free block that ends at @page; NULL if there is none. */
static struct page *block_before(const struct mem_range *range,
				 const struct zone *zone, struct page *page)
{
	unsigned long pfn = range->start_pfn +
			    (unsigned long)(page - range->pages);
	unsigned int k;

	for (k = 0; k < NR_PAGE_ORDERS; k++) {
		struct page *head = page - (1UL << k);

		if ((pfn & ((1UL << k) - 1)) ||
		    pfn - range->start_pfn < 1UL << k)
			return NULL;
		if (is_used_block(zone, head) && head->order == k)
			return head;
	}
	return NULL;
}

/* What surrounds a free block; no further than to twice what is wanted. */
static struct run find_run(const struct mem_range *range, struct zone *zone,
			   struct page *page, unsigned long wanted)
{
	struct page *end = range->pages + (range_end_pfn(range) -
					   range->start_pfn);
	struct run run = { page, 1UL << page->order };
	struct page *next, *before;

	while (run.nr_pages < 2 * wanted) {
		next = run.page + run.nr_pages;
		if (next >= end || !is_used_block(zone, next))
			break;
		run.nr_pages += 1UL << next->order;
	}
	while (run.nr_pages < 2 * wanted) {
		before = block_before(range, zone, run.page);
		if (!before)
			break;
		run.page = before;
		run.nr_pages += 1UL << before->order;
	}
	return run;
}

/* Is the run short enough, or shorter than any with a block of @order? */
static bool run_fits(const struct run *run, unsigned long wanted,
		     unsigned int order)
{
	return run->nr_pages <= wanted + DIV_ROUND_UP(wanted, RUN_SLACK) ||
	       run->nr_pages <= 1UL << order;
}

/* The shortest run of @wanted pages that a block of @order is part of, unless
 * @best is shorter. */
static void search_runs(struct zone *zone, unsigned int order, int type,
			unsigned long wanted, struct run *best)
{
	unsigned long tries = min_t(unsigned long, RUN_TRIES_MAX,
				    max_t(unsigned long, RUN_TRIES_MIN,
					  wanted / 2));
	const struct mem_range *range = NULL;
	struct page *page;
	struct run run;

	page_list_for_each(page, &zone->free_area[order].free_list[type]) {
		/* What reads as zero gathers at the end. */
		if (run_fits(best, wanted, order) || !tries-- ||
		    PageZeroed(page))
			return;
		/* While the run is found; each is a cache miss. */
		__builtin_prefetch(page_list_next(page));
		/* Mostly that of the last one. */
		if (!range || page < range->pages ||
		    page >= range->pages + (range->limit_pfn - range->start_pfn))
			range = page_range(page);
		run = find_run(range, zone, page, wanted);
		if (run.nr_pages >= wanted && run.nr_pages < best->nr_pages)
			*best = run;
	}
}

/* Take @nr_pages of free blocks that follow one another. The last one is cut. */
static void take_blocks(struct zone *zone, struct page *page,
			unsigned long nr_pages)
{
	unsigned long nr_zeroed, size;
	unsigned int order;

	for (; nr_pages; nr_pages -= min_t(unsigned long, size, nr_pages)) {
		order = page->order;
		size = 1UL << order;
		nr_zeroed = block_zeroed(page);
		del_from_free_list(zone, page, order);
		clear_block_zeroed(page);
		count_taken(zone, size);
		if (size > nr_pages)
			free_tail(zone, page, order, nr_pages, nr_zeroed);
		page += size;
	}
}

static struct page *take_run(struct zone *zone, struct run run,
			     unsigned long nr_pages)
{
	take_blocks(zone, run.page, nr_pages);
	run.page->order = 0;
	return run.page;
}

struct page *rmqueue_run(struct zone *zone, unsigned long nr_pages, int type)
{
	unsigned int low = min_t(unsigned int, ilog2(nr_pages + 1) - 1,
				 MAX_PAGE_ORDER);
	struct run best = { NULL, ULONG_MAX };
	unsigned int k, i;
	struct page *page = NULL;

	if (zone_dirty(zone) < nr_pages)
		return NULL;
	spin_lock(&zone->lock);
	for (k = low; k < NR_PAGE_ORDERS; k++) {
		if (run_fits(&best, nr_pages, k))
			break;
		if (!zone->free_area[k].nr_free)
			continue;
		search_runs(zone, k, type, nr_pages, &best);
		for (i = 0; i < NR_FALLBACKS; i++)
			search_runs(zone, k, fallbacks[type][i], nr_pages,
				    &best);
	}
	if (best.page)
		page = take_run(zone, best, nr_pages);
	spin_unlock(&zone->lock);
	return page;
}

/* Freeing and growing ----------------------------------------------------- */

void free_frozen_exact(struct page *page, unsigned long nr_pages)
{
	struct zone *zone = page_zone(page);

	trace_mm_page_free(page, nr_pages);
	if (memcheck_active())
		memcheck_poison(page_address(page), nr_pages << PAGE_SHIFT);
	if (unlikely(page_debug_on))
		page_debug_free(page_address(page), nr_pages << PAGE_SHIFT);
	if (!pcp_run_free(zone, page, nr_pages)) {
		spin_lock(&zone->lock);
		free_run(zone, page, nr_pages, false);
		spin_unlock(&zone->lock);
	}
	page_reporting_notify(zone);
}

/* Free pages from @page on, in whole blocks, until there are @wanted. */
static unsigned long count_free_run(const struct mem_range *range,
				    struct zone *zone, struct page *page,
				    unsigned long pfn, unsigned long wanted)
{
	unsigned long nr = 0, end = range_end_pfn(range);

	while (nr < wanted && pfn + nr < end && PageBuddy(page + nr) &&
	       page_zone(page + nr) == zone)
		nr += 1UL << page[nr].order;
	return nr;
}

/*
 * Grow by the pages behind the block, if they are free. Often they are: the
 * block was the start of a larger one, whose rest went back.
 *
 *	|x x x x x|. . .|	5 pages of 8: it grows to 8 where it is
 *
 * A free block that reaches across the new end is cut.
 */
enum grow_result grow_run(struct zone *zone, struct page *page,
			  unsigned long nr_pages, unsigned long new_nr)
{
	const struct mem_range *range = page_range(page);
	unsigned long more = new_nr - nr_pages, nr, pfn;
	enum grow_result ret = GROW_BLOCKED;
	struct page *next = page + nr_pages;

	pfn = range->start_pfn + (unsigned long)(next - range->pages);
	spin_lock(&zone->lock);
	nr = count_free_run(range, zone, next, pfn, more);
	if (nr >= more &&
	    zone->nr_free >= zone->watermark[WMARK_MIN] + more) {
		take_blocks(zone, next, more);
		ret = GROW_DONE;
	} else if (nr >= more || pfn + nr >= range_end_pfn(range)) {
		ret = GROW_MEMORY;
	} else if (PagePcp(next + nr)) {
		/* Without pcp->lock it is a hint. */
		ret = GROW_PCP;
	}
	spin_unlock(&zone->lock);
	return ret;
}
