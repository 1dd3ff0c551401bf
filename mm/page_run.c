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
 * Any run of n pages holds an aligned block of about n / 3 at least. So the
 * used blocks of the two orders below n are looked at, at most so many of each
 * list, for the shortest run that they are part of. At most a quarter too much
 * is good enough. Each search in vain halves the number for the next one.
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
 * Not here:	which zone is searched, and when (page_alloc.c).
 */
#include "../lib/memcheck.h"
#include "buddy.h"
#include "page_poison.h"
#include "probes.h"

#define RUN_TRIES 16
#define RUN_MISSES_MAX 2
#define RUN_SLACK_SHIFT 2

struct run {
	struct page *page;
	unsigned long nr_pages;
};

static bool is_used_block(const struct zone *zone, const struct page *page)
{
	return PageBuddy(page) && !PageZeroed(page) && page_zone(page) == zone;
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

/* What surrounds a free block, until there is enough. */
static struct run find_run(struct zone *zone, struct page *page,
			   unsigned long wanted)
{
	const struct mem_range *range = page_range(page);
	struct page *end = range->pages + (range_end_pfn(range) -
					   range->start_pfn);
	struct run run = { page, 1UL << page->order };
	struct page *next, *before;

	while (run.nr_pages < wanted) {
		next = run.page + run.nr_pages;
		if (next >= end || !is_used_block(zone, next))
			break;
		run.nr_pages += 1UL << next->order;
	}
	while (run.nr_pages < wanted) {
		before = block_before(range, zone, run.page);
		if (!before)
			break;
		run.page = before;
		run.nr_pages += 1UL << before->order;
	}
	return run;
}

static void search_runs(struct zone *zone, unsigned int order, int type,
			unsigned long wanted, struct run *best)
{
	unsigned long enough = wanted + (wanted >> RUN_SLACK_SHIFT);
	unsigned int tries = RUN_TRIES >> zone->run_misses;
	struct page *page;
	struct run run;

	list_for_each_entry(page, &zone->free_area[order].free_list[type],
			    lru) {
		/* What reads as zero gathers at the end. */
		if (!tries-- || PageZeroed(page))
			return;
		run = find_run(zone, page, wanted);
		if (run.nr_pages >= wanted &&
		    (!best->page || run.nr_pages < best->nr_pages))
			*best = run;
		if (best->page && best->nr_pages <= enough)
			return;
	}
}

static struct page *take_run(struct zone *zone, struct run run,
			     unsigned long nr_pages)
{
	unsigned long pos, step;

	for (pos = 0; pos < run.nr_pages; pos += step) {
		step = 1UL << run.page[pos].order;
		del_from_free_list(zone, run.page + pos, run.page[pos].order);
	}
	count_taken(zone, run.nr_pages);
	if (run.nr_pages > nr_pages)
		free_run(zone, run.page + nr_pages, run.nr_pages - nr_pages,
			 false);
	run.page->order = 0;
	return run.page;
}

struct page *rmqueue_run(struct zone *zone, unsigned long nr_pages, int type)
{
	unsigned int high = min_t(unsigned int, ilog2(nr_pages), MAX_PAGE_ORDER);
	unsigned int low = high ? high - 1 : 0, k, i;
	struct run best = { NULL, 0 };
	struct page *page = NULL;

	if (zone_dirty(zone) < nr_pages)
		return NULL;
	spin_lock(&zone->lock);
	for (k = high + 1; k-- > low && !best.page;) {
		search_runs(zone, k, type, nr_pages, &best);
		for (i = 0; i < NR_FALLBACKS && !best.page; i++)
			search_runs(zone, k, fallbacks[type][i], nr_pages,
				    &best);
	}
	if (best.page) {
		zone->run_misses = 0;
		page = take_run(zone, best, nr_pages);
	} else if (zone->run_misses < RUN_MISSES_MAX) {
		zone->run_misses++;
	}
	spin_unlock(&zone->lock);
	return page;
}

/* Freeing and resizing ---------------------------------------------------- */

void free_frozen_exact(struct page *page, unsigned long nr_pages)
{
	struct zone *zone = page_zone(page);

	/* A block like any other, for the per-CPU lists too; unless it has
	 * become so by resizing, somewhere. */
	if (is_power_of_2(nr_pages) &&
	    IS_ALIGNED(page_to_pfn(page), nr_pages)) {
		free_frozen_pages(page, ilog2(nr_pages));
		return;
	}
	trace_mm_page_free(page, nr_pages);
	if (memcheck_active())
		memcheck_poison(page_address(page), nr_pages << PAGE_SHIFT);
	if (unlikely(page_debug_on))
		page_debug_free(page_address(page), nr_pages << PAGE_SHIFT);
	spin_lock(&zone->lock);
	free_run(zone, page, nr_pages, false);
	spin_unlock(&zone->lock);
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
static bool grow_frozen_exact(struct zone *zone, struct page *page,
			      unsigned long nr_pages, unsigned long more)
{
	const struct mem_range *range = page_range(page);
	struct page *next = page + nr_pages;
	unsigned long nr, pos = 0;
	bool zeroed = false;

	lockdep_assert_held(&zone->lock);
	nr = count_free_run(range, zone, next,
			    range->start_pfn +
				    (unsigned long)(next - range->pages),
			    more);
	if (nr < more || zone->nr_free < zone->watermark[WMARK_MIN] + more)
		return false;
	while (pos < nr) {
		zeroed = PageZeroed(next + pos);
		del_from_free_list(zone, next + pos, next[pos].order);
		ClearPageZeroed(next + pos);
		pos += 1UL << next[pos].order;
	}
	count_taken(zone, nr);
	if (nr > more)
		free_run(zone, next + more, nr - more, zeroed);
	return true;
}

bool resize_frozen_exact(struct page *page, unsigned long nr_pages,
			 unsigned long new_nr)
{
	struct zone *zone = page_zone(page);
	char *addr = page_address(page);
	bool done = true;

	if (memcheck_active() && new_nr < nr_pages)
		memcheck_poison(addr + (new_nr << PAGE_SHIFT),
				(nr_pages - new_nr) << PAGE_SHIFT);
	if (new_nr < nr_pages) {
		trace_mm_page_free(page + new_nr, nr_pages - new_nr);
		page_debug_free(addr + (new_nr << PAGE_SHIFT),
				(nr_pages - new_nr) << PAGE_SHIFT);
	}
	spin_lock(&zone->lock);
	if (new_nr < nr_pages)
		free_run(zone, page + new_nr, nr_pages - new_nr, false);
	else if (new_nr > nr_pages)
		done = grow_frozen_exact(zone, page, nr_pages,
					 new_nr - nr_pages);
	spin_unlock(&zone->lock);
	if (memcheck_active() && done && new_nr > nr_pages)
		memcheck_unpoison(addr + (nr_pages << PAGE_SHIFT),
				  (new_nr - nr_pages) << PAGE_SHIFT);
	if (done && new_nr > nr_pages) {
		page_debug_alloc(addr + (nr_pages << PAGE_SHIFT),
				 (new_nr - nr_pages) << PAGE_SHIFT);
		trace_mm_page_alloc(page + nr_pages, new_nr - nr_pages,
				    GFP_KERNEL | __GFP_MOVABLE);
	}
	if (new_nr < nr_pages)
		page_reporting_notify(zone);
	return done;
}
