// SPDX-License-Identifier: MIT
/*
 * Buddy allocator: hands out aligned blocks of 2^order pages from a zone.
 *
 * A block of order k starts at a page number that is a multiple of 2^k. Its
 * buddy is the block beside it that makes up a block of order k + 1 with it;
 * their numbers differ in bit k alone:
 *
 *	buddy = pfn ^ (1 << k)		8 ^ 4 = 12, 12 ^ 4 = 8 at order 2
 *
 * Allocation takes the smallest free block that is large enough and splits it,
 * filing the upper halves. Freeing merges with the buddy while that is free:
 *
 *	order 3  |................|	one page wanted, one block of 8 free:
 *	order 2  |........|  free |
 *	order 1  |....|free|		3 splits, 3 halves filed, 1 page taken;
 *	order 0  |xx|fr|		freeing it undoes all of them
 *
 * Pageblocks: each 2 MiB of a zone has a migratetype, and free blocks are
 * filed under it, so that pages of one lifetime stay together. A request whose
 * type has no free block takes one of another type, and if most of that
 * pageblock is free, the whole pageblock changes over. (Kernel: always the
 * largest there is. Here memory that was in use goes first: it is resident.)
 *
 * States:	never used -> free head -> allocated -> free head
 *		a free tail belongs to its head; on pcp lists see pcp.c
 * Invariants:	B1  a free head of order k has PG_buddy, order k, reference
 *		    count 0, a pfn that is a multiple of 2^k, and is on exactly
 *		    one free_area[k] list
 *		B2  two free buddies of order below MAX_PAGE_ORDER in one zone
 *		    never coexist
 *		B3  zone->nr_free == sum over k of free_area[k].nr_free << k
 *		B4  a block on free_list[t] lies in a pageblock of type t, or
 *		    consists of such pageblocks
 *		B5  PG_zeroed: every byte of the block reads as zero; zone->nr_zeroed
 *		    is the sum of these blocks' pages
 *		B6  free blocks do not overlap, and lie in their zone's span
 * Lock order:	pcp->lock > zone->lock (outer first).
 * Context:	zone->lock is a leaf; no system call while it is held.
 * Source:	kernel mm/page_alloc.c, __free_one_page(), expand(),
 *		__rmqueue_fallback(); the scheme: K. Knowlton, CACM 8(10), 1965.
 * Not here:	per-CPU page lists (pcp.c), where pages come from (sparse.c),
 *		giving them back (page_reporting.c).
 */
#include <errno.h>
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "failslab.h"
#include "internal.h"
#include "page_poison.h"
#include "slab.h"
#include "watch.h"

unsigned int kmm_page_shift;
unsigned int pageblock_order;

struct zone zones[MAX_NR_ZONES];

/* How deep into the reserve a request may go; from its GFP flags. */
enum alloc_flags {
	ALLOC_WMARK_MIN = 0x00,
	ALLOC_WMARK_LOW = 0x01,
	ALLOC_NO_WATERMARKS = 0x04,
	ALLOC_MIN_RESERVE = 0x20,	/* __GFP_HIGH: half of min */
	ALLOC_NON_BLOCK = 0x10,		/* with it: another quarter */
	ALLOC_FRESH = 0x100,		/* memory that nobody has used yet */
};

/* Rounds of reclaim before giving up, and before __GFP_NOFAIL aborts. */
#define MAX_RECLAIM_RETRIES 3
#define MAX_NOFAIL_RETRIES 64

/* The order in which other types are raided. */
static const u8 fallbacks[MIGRATE_PCPTYPES][2] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

static struct page *alloc_slowpath(gfp_t gfp, unsigned int order);

/* Pageblocks -------------------------------------------------------------- */

/* The first page's byte holds type ^ MIGRATE_MOVABLE: zeroed memory is
 * movable, as in the kernel. */
static struct page *pageblock_start(const struct page *page, unsigned long pfn)
{
	return (struct page *)page - (pfn & (pageblock_nr_pages - 1));
}

static enum migratetype get_pageblock_type(const struct page *page,
					   unsigned long pfn)
{
	return READ_ONCE(pageblock_start(page, pfn)->pageblock) ^
	       MIGRATE_MOVABLE;
}

enum migratetype pageblock_type(const struct page *page)
{
	return get_pageblock_type(page, page_to_pfn(page));
}

static void set_pageblock_type(struct page *page, unsigned long pfn,
			       enum migratetype type)
{
	WRITE_ONCE(pageblock_start(page, pfn)->pageblock,
		   (u8)(type ^ MIGRATE_MOVABLE));
}

/* Free lists -------------------------------------------------------------- */

/* Blocks that read as zero gather at the end, and those that wait for a merge
 * in front of them as far as that is cheap: see rmqueue_one(). */
static void add_to_free_list(struct zone *zone, struct page *page,
			     unsigned int order, int type, bool wait)
{
	struct free_area *area = &zone->free_area[order];
	struct list_head *list = &area->free_list[type];

	page->order = (u8)order;
	SetPageBuddy(page);
	if (PageZeroed(page)) {
		list_add_tail(&page->lru, list);
		WRITE_ONCE(zone->nr_zeroed, zone->nr_zeroed + (1UL << order));
	} else if (wait && !list_empty(list) &&
		   !PageZeroed(list_last_entry(list, struct page, lru))) {
		list_add_tail(&page->lru, list);
	} else {
		list_add(&page->lru, list);
	}
	area->nr_free++;
	WRITE_ONCE(zone->nr_free, zone->nr_free + (1UL << order));
}

static void del_from_free_list(struct zone *zone, struct page *page,
			       unsigned int order)
{
	list_del_init(&page->lru);
	ClearPageBuddy(page);
	zone->free_area[order].nr_free--;
	WRITE_ONCE(zone->nr_free, zone->nr_free - (1UL << order));
	if (PageZeroed(page))
		WRITE_ONCE(zone->nr_zeroed, zone->nr_zeroed - (1UL << order));
	else if (zone_dirty(zone) < zone->low_dirty)
		zone->low_dirty = zone_dirty(zone);
}

/*
 * The free buddy of a block, or NULL. All struct pages of a range are mapped
 * (S2), so the buddy's may be read wherever it lies in the range; flags of
 * never-used memory are zero, so that it is not taken for a free head.
 */
static struct page *find_buddy(const struct mem_range *range, struct zone *zone,
			       struct page *page, unsigned long pfn,
			       unsigned int order)
{
	unsigned long buddy_pfn = pfn ^ (1UL << order);
	struct page *buddy;

	if (buddy_pfn < range->start_pfn || buddy_pfn >= range_end_pfn(range))
		return NULL;
	buddy = page + ((long)buddy_pfn - (long)pfn);
	if (!PageBuddy(buddy) || buddy->order != order ||
	    page_zone(buddy) != zone)
		return NULL;
	return buddy;
}

/*
 * If the block of the next order could merge as well once our buddy is freed,
 * our block had better wait: put it where it is taken last.
 */
static bool buddy_merge_likely(const struct mem_range *range,
			       struct zone *zone, struct page *page,
			       unsigned long pfn, unsigned int order)
{
	unsigned long above = pfn & ~(1UL << order);

	if (order >= MAX_PAGE_ORDER - 1)
		return false;
	return find_buddy(range, zone, page - (pfn - above), above,
			  order + 1) != NULL;
}

/* A whole pageblock or more changes over at once. */
static void change_pageblocks(struct page *page, unsigned long pfn,
			      unsigned int order, int type)
{
	unsigned long nr = 1UL << order;

	for (; nr; nr -= pageblock_nr_pages) {
		set_pageblock_type(page, pfn, type);
		page += pageblock_nr_pages;
		pfn += pageblock_nr_pages;
	}
}

/* File a block, merged with its buddies as far as that goes. */
static void free_one_block(const struct mem_range *range, struct zone *zone,
			   struct page *page, unsigned long pfn,
			   unsigned int order, bool zeroed)
{
	enum migratetype type = get_pageblock_type(page, pfn);
	struct page *buddy;

	lockdep_assert_held(&zone->lock);
	while (order < MAX_PAGE_ORDER) {
		buddy = find_buddy(range, zone, page, pfn, order);
		if (!buddy)
			break;
		del_from_free_list(zone, buddy, order);
		/* Blocks of several pageblocks have one type in all of them,
		 * so that whoever cuts them later files each part right. */
		if (order >= pageblock_order)
			change_pageblocks(buddy, pfn ^ (1UL << order), order,
					  type);
		zeroed = zeroed && PageZeroed(buddy);
		ClearPageZeroed(buddy);
		if (buddy < page) {
			page = buddy;
			pfn ^= 1UL << order;
		}
		order++;
		zone->event[PGMERGE]++;
	}
	if (zeroed)
		SetPageZeroed(page);
	add_to_free_list(zone, page, order, type,
			 buddy_merge_likely(range, zone, page, pfn, order));
}

/* Cut a block of order @high down to @low, filing the upper halves. */
static void expand(struct zone *zone, struct page *page, unsigned int low,
		   unsigned int high, int type)
{
	bool zeroed = PageZeroed(page);
	struct page *half;

	while (high > low) {
		high--;
		half = page + (1UL << high);
		half->flags = 0;
		set_page_zone(half, zone->index);
		if (zeroed)
			SetPageZeroed(half);
		add_to_free_list(zone, half, high, type, false);
		zone->event[PGSPLIT]++;
	}
}

/* Take a free block of @current_order off its list and cut it to @order. */
static struct page *take_block(struct zone *zone, struct page *page,
			       unsigned int current_order, unsigned int order,
			       int type)
{
	del_from_free_list(zone, page, current_order);
	expand(zone, page, order, current_order, type);
	page->order = (u8)order;
	return page;
}

/* The block to take from a list; without @fresh, only one that was in use. */
static struct page *first_block(const struct list_head *list, bool fresh)
{
	struct page *page;

	if (list_empty(list))
		return NULL;
	page = list_first_entry(list, struct page, lru);
	return fresh || !PageZeroed(page) ? page : NULL;
}

static struct page *rmqueue_smallest(struct zone *zone, unsigned int order,
				     int type, bool fresh)
{
	struct page *page;
	unsigned int k;

	for (k = order; k < NR_PAGE_ORDERS; k++) {
		page = first_block(&zone->free_area[k].free_list[type], fresh);
		if (page)
			return take_block(zone, page, k, order, type);
	}
	return NULL;
}

/* Fallback to other types ------------------------------------------------- */

/* Count the free pages of @page's pageblock, or with @type >= 0 move them to
 * that type's lists. */
static unsigned long scan_pageblock(struct zone *zone, struct page *page,
				    int type)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long start = pfn & ~(pageblock_nr_pages - 1);
	unsigned long end, free = 0;
	struct page *pos = page - (pfn - start);

	end = min_t(unsigned long, start + pageblock_nr_pages,
		    range_end_pfn(page_range(page)));
	for (pfn = start; pfn < end;) {
		unsigned long step = 1;

		if (PageBuddy(pos) && page_zone(pos) == zone) {
			step = 1UL << pos->order;
			free += step;
			if (type >= 0)
				list_move_tail(&pos->lru,
					       &zone->free_area[pos->order]
							.free_list[type]);
		}
		pfn += step;
		pos += step;
	}
	return free;
}

/*
 * Teaching zones may meet within a pageblock. Its type is then no zone's to
 * change: the others' free blocks are filed under it, behind other locks (B4).
 */
static bool pageblock_shared(const struct zone *zone, const struct page *page)
{
	unsigned long start = page_to_pfn(page) & ~(pageblock_nr_pages - 1);
	unsigned long end = start + pageblock_nr_pages;
	const struct zone *other;

	for_each_populated_zone(other)
		if (other != zone && READ_ONCE(other->start_pfn) < end &&
		    READ_ONCE(other->end_pfn) > start)
			return true;
	return false;
}

/*
 * Does the request deserve the pageblock? A movable request that needs little
 * takes little: its neighbours can be expected to go away. The others would
 * pin a pageblock for long, so they had better share one.
 */
static bool can_claim_block(unsigned int order, int start_type)
{
	return order >= pageblock_order / 2 || start_type != MIGRATE_MOVABLE;
}

static struct page *steal(struct zone *zone, struct page *page,
			  unsigned int current_order, unsigned int order,
			  int start_type, int fallback_type)
{
	int type = fallback_type;

	zone->event[PGSTEAL]++;
	if (current_order >= pageblock_order) {
		change_pageblocks(page, page_to_pfn(page), current_order,
				  start_type);
		type = start_type;
		zone->event[PGSTEAL_BLOCK]++;
	} else if (can_claim_block(current_order, start_type) &&
		   !pageblock_shared(zone, page) &&
		   scan_pageblock(zone, page, -1) >=
			   pageblock_nr_pages / 2) {
		scan_pageblock(zone, page, start_type);
		set_pageblock_type(page, page_to_pfn(page), start_type);
		type = start_type;
		zone->event[PGSTEAL_BLOCK]++;
	}
	return take_block(zone, page, current_order, order, type);
}

/*
 * Of fresh blocks the largest: that leaves the fewest mixed pageblocks. Of used
 * ones the smallest that will do: requests for large blocks need the others, or
 * they would have to be fresh.
 */
static struct page *rmqueue_fallback(struct zone *zone, unsigned int order,
				     int start_type, bool fresh)
{
	struct page *page;
	unsigned int j, k, i;

	for (j = order; j <= MAX_PAGE_ORDER; j++) {
		k = fresh ? MAX_PAGE_ORDER + order - j : j;
		for (i = 0; i < ARRAY_SIZE(fallbacks[0]); i++) {
			int type = fallbacks[start_type][i];

			page = first_block(&zone->free_area[k].free_list[type],
					   fresh);
			if (page)
				return steal(zone, page, k, order, start_type,
					     type);
		}
	}
	return NULL;
}

/* Read without the lock by reclaim_is_due(). */
static void count_taken(struct zone *zone, unsigned long nr_pages)
{
	lockdep_assert_held(&zone->lock);
	WRITE_ONCE(zone->event[PGALLOC], zone->event[PGALLOC] + nr_pages);
}

/*
 * Memory that was in use before is resident already, and costs no fault; so it
 * is taken first, even if a larger block must be cut for it, or one of another
 * type. Only then, and if the caller agrees, memory that is fresh from the host.
 */
static struct page *rmqueue_one(struct zone *zone, unsigned int order, int type,
				bool fresh)
{
	struct page *page = NULL;

	if (zone_dirty(zone) >= 1UL << order) {
		page = rmqueue_smallest(zone, order, type, false);
		if (!page)
			page = rmqueue_fallback(zone, order, type, false);
	}
	if (!page && fresh) {
		page = rmqueue_smallest(zone, order, type, true);
		if (!page)
			page = rmqueue_fallback(zone, order, type, true);
	}
	if (page)
		count_taken(zone, 1UL << order);
	return page;
}

/* For the per-CPU lists --------------------------------------------------- */

unsigned int rmqueue_bulk(struct zone *zone, unsigned int order,
			  unsigned int count, struct list_head *list,
			  int migratetype, bool fresh)
{
	struct page *page;
	unsigned int i;

	spin_lock(&zone->lock);
	for (i = 0; i < count; i++) {
		page = rmqueue_one(zone, order, migratetype, fresh);
		if (!page)
			break;
		page->pcp_type = (u8)migratetype;
		SetPagePcp(page);
		/* In ascending order of address, as they come from a split. */
		list_add_tail(&page->lru, list);
	}
	spin_unlock(&zone->lock);
	return i;
}

void free_pcppages_bulk(struct zone *zone, struct list_head *list,
			unsigned int nr_pages)
{
	const struct mem_range *range;
	struct page *page, *next;
	bool zeroed;

	spin_lock(&zone->lock);
	list_for_each_entry_safe(page, next, list, lru) {
		list_del_init(&page->lru);
		ClearPagePcp(page);
		zeroed = PageZeroed(page);
		ClearPageZeroed(page);
		range = page_range(page);
		free_one_block(range, zone, page,
			       range->start_pfn +
				       (unsigned long)(page - range->pages),
			       page->order, zeroed);
	}
	zone->event[PGFREE] += nr_pages;
	spin_unlock(&zone->lock);
}

/* Watermarks -------------------------------------------------------------- */

static bool zone_watermark_ok(struct zone *zone, unsigned int order,
			      unsigned int highest_zone, unsigned int flags)
{
	unsigned long mark = READ_ONCE(zone->watermark[flags & ALLOC_WMARK_LOW ?
							       WMARK_LOW :
							       WMARK_MIN]);
	unsigned long free = READ_ONCE(zone->nr_free);

	if (flags & ALLOC_NO_WATERMARKS)
		return free >= 1UL << order;
	if (flags & ALLOC_MIN_RESERVE) {
		mark -= mark / 2;
		if (flags & ALLOC_NON_BLOCK)
			mark -= mark / 4;
	}
	mark += READ_ONCE(zone->lowmem_reserve[highest_zone]);
	return free >= mark + (1UL << order);
}

/* Kernel: sqrt(16 * kB), between 128 kB and 256 MiB. */
static unsigned long min_free_pages(unsigned long managed)
{
	unsigned long kbytes = kmm_params.min_free_kbytes;

	if (!kbytes) {
		kbytes = int_sqrt((managed << (PAGE_SHIFT - 10)) * 16);
		kbytes = max_t(unsigned long, kbytes, 128);
		kbytes = min_t(unsigned long, kbytes, 262144);
	}
	return kbytes >> (PAGE_SHIFT - 10);
}

/*
 * The reserve is for requests that may not wait. The kernel needs it to free
 * memory at all; here it matters where memory is limited (mem=, RLIMIT_AS),
 * and must not eat a small limit: at most an eighth of a zone.
 */
void setup_per_zone_wmarks(void)
{
	static const unsigned int ratio[MAX_NR_ZONES] = { 256, 256, 32, 0 };
	unsigned long managed = 0, min, above;
	struct zone *zone;
	unsigned int i;

	for_each_populated_zone(zone)
		managed += zone->managed_pages;
	if (!managed)
		return;
	min = min_free_pages(managed);
	for_each_populated_zone(zone) {
		unsigned long share = min * zone->managed_pages / managed;
		unsigned long gap;

		share = min_t(unsigned long, share, zone->managed_pages / 8);
		gap = max_t(unsigned long, share / 4,
			    zone->managed_pages *
				    kmm_params.watermark_scale_factor / 10000);
		spin_lock(&zone->lock);
		WRITE_ONCE(zone->watermark[WMARK_MIN], share);
		WRITE_ONCE(zone->watermark[WMARK_LOW], share + gap);
		WRITE_ONCE(zone->watermark[WMARK_HIGH], share + 2 * gap);
		above = 0;
		for (i = zone->index + 1; i < MAX_NR_ZONES; i++) {
			above += zones[i].managed_pages;
			WRITE_ONCE(zone->lowmem_reserve[i],
				   ratio[zone->index] ?
					   above / ratio[zone->index] : 0);
		}
		spin_unlock(&zone->lock);
	}
}

/* Runs -------------------------------------------------------------------- */

static void free_run(struct zone *zone, struct page *page, unsigned long nr,
		     bool zeroed);

/*
 * A request for whole pages that need no alignment can be met across free blocks
 * that are neighbours, though not buddies:
 *
 *	|xx|. .|. . . .|xx|	blocks of 2 and 4 pages, 5 are wanted:
 *	|xx|y y y y y|.|xx|	1 goes back
 *
 * Any run of n pages holds an aligned block of about n / 3 at least. So the
 * used blocks of the two orders below n are looked at, at most so many of each
 * list, for the shortest run that they are part of. At most an eighth too much
 * is good enough. Each search in vain halves the number for the next one.
 */
#define RUN_TRIES 64
#define RUN_MISSES_MAX 4
#define RUN_SLACK_SHIFT 3

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

static struct page *rmqueue_run(struct zone *zone, unsigned long nr_pages,
				int type)
{
	unsigned int high = ilog2(nr_pages), low = high ? high - 1 : 0, k, i;
	struct run best = { NULL, 0 };
	struct page *page = NULL;

	if (zone_dirty(zone) < nr_pages)
		return NULL;
	spin_lock(&zone->lock);
	for (k = high + 1; k-- > low && !best.page;) {
		search_runs(zone, k, type, nr_pages, &best);
		for (i = 0; i < ARRAY_SIZE(fallbacks[0]) && !best.page; i++)
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

/* Allocation -------------------------------------------------------------- */

static unsigned int gfp_zone(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return ZONE_DMA;
	if (gfp & __GFP_DMA32)
		return ZONE_DMA32;
	if ((gfp & (__GFP_HIGHMEM | __GFP_MOVABLE)) ==
	    (__GFP_HIGHMEM | __GFP_MOVABLE))
		return ZONE_MOVABLE;
	return ZONE_NORMAL;
}

/* The highest zone a request may use; a zone that no parameter made is not
 * there, and its requests are served by NORMAL. */
static unsigned int highest_zone(gfp_t gfp)
{
	unsigned int zone = gfp_zone(gfp);

	while (zone < ZONE_NORMAL && !populated_zone(&zones[zone]))
		zone++;
	return zone;
}

static int request_type(gfp_t gfp)
{
	int type = gfp_migratetype(gfp);

	if (WARN_ON_ONCE(type >= MIGRATE_PCPTYPES))
		return MIGRATE_UNMOVABLE;
	return type;
}

static unsigned int gfp_to_alloc_flags(gfp_t gfp)
{
	unsigned int flags = ALLOC_WMARK_MIN | ALLOC_FRESH;

	if (gfp & __GFP_HIGH) {
		flags |= ALLOC_MIN_RESERVE;
		if (!gfpflags_allow_blocking(gfp))
			flags |= ALLOC_NON_BLOCK;
	}
	if ((gfp & __GFP_MEMALLOC) && !(gfp & __GFP_NOMEMALLOC))
		flags |= ALLOC_NO_WATERMARKS;
	return flags;
}

static struct page *rmqueue(struct zone *zone, unsigned int order, int type,
			    bool fresh)
{
	struct page *page;

	if (pcp_allowed_order(order)) {
		page = pcp_alloc(zone, order, type, fresh);
		if (likely(page))
			return page;
	}
	spin_lock(&zone->lock);
	page = rmqueue_one(zone, order, type, fresh);
	spin_unlock(&zone->lock);
	return page;
}

/* Walk the zonelist: from the highest zone allowed down. */
static struct page *get_page_from_freelist(gfp_t gfp, unsigned int order,
					   unsigned int flags)
{
	unsigned int highest = highest_zone(gfp);
	unsigned int i = highest + 1;
	struct page *page;

	while (i-- > 0) {
		struct zone *zone = &zones[i];

		if (!populated_zone(zone) ||
		    !zone_watermark_ok(zone, order, highest, flags))
			continue;
		page = rmqueue(zone, order, request_type(gfp),
			       flags & ALLOC_FRESH);
		if (page)
			return page;
	}
	return NULL;
}

/* The same for a run of used pages. */
static struct page *get_run(gfp_t gfp, unsigned long nr_pages)
{
	unsigned int highest = highest_zone(gfp);
	unsigned int i = highest + 1;
	struct page *page;

	while (i-- > 0) {
		struct zone *zone = &zones[i];

		if (!populated_zone(zone) ||
		    !zone_watermark_ok(zone, fls_long(nr_pages - 1), highest,
				       ALLOC_WMARK_LOW))
			continue;
		page = rmqueue_run(zone, nr_pages, request_type(gfp));
		if (page)
			return page;
	}
	return NULL;
}

static bool order_allowed(gfp_t gfp, unsigned int order)
{
	if (likely(order <= MAX_PAGE_ORDER))
		return true;
	if (!(gfp & __GFP_NOWARN))
		printk_once("WARNING: page allocation of order %u: the largest is %u\n",
			    order, MAX_PAGE_ORDER);
	return false;
}

/* Blocks from this order up, 512 KiB, are worth a system call to make room for
 * them. From 128 KiB up, a load of blocks of mixed sizes took a fifth longer. */
#define MAKE_ROOM_ORDER 7

/* Reclaim is worth its time once per so much growth at least. */
#define RECLAIM_MIN ((1UL << 20) >> PAGE_SHIFT)

/*
 * Time to take back what caches keep: when the memory in use has grown by a
 * sixteenth; or when pages that make a quarter of it were allocated, since by
 * then other sizes may be in use than those that caches are full of.
 */
static bool reclaim_is_due(void)
{
	static _Atomic unsigned long next_used, next_taken;
	unsigned long due, used = 0, taken = 0;
	struct zone *zone;

	for_each_populated_zone(zone) {
		used += READ_ONCE(zone->managed_pages) -
			READ_ONCE(zone->nr_zeroed);
		taken += READ_ONCE(zone->event[PGALLOC]);
	}
	due = atomic_load_explicit(&next_used, memory_order_relaxed);
	if (used < due &&
	    taken < atomic_load_explicit(&next_taken, memory_order_relaxed))
		return false;
	/* One of those who come at once; not the first of all. */
	if (!atomic_compare_exchange_strong(&next_used, &due,
					    used + max_t(unsigned long, used / 16,
							 RECLAIM_MIN)))
		return false;
	atomic_store_explicit(&next_taken,
			      taken + max_t(unsigned long, used / 4, RECLAIM_MIN),
			      memory_order_relaxed);
	return due != 0;
}

/*
 * Growing costs memory and a page fault for each page. Before that, take back
 * what caches keep; and for large blocks, which free memory in small pieces
 * cannot serve, give back as much of it.
 */
static void before_growth(unsigned int order)
{
	if (reclaim_is_due()) {
		shrink_slab_caches(single_threaded());
		pcp_drain_all();
	}
	page_reporting_make_room(1UL << order, order >= MAKE_ROOM_ORDER);
}

/*
 * Memory that was in use: a block of @order, or if @nr_pages is not 0, a run of
 * so many pages. *@got says how many they are. Short of a power of two a run
 * comes first, since it leaves larger blocks whole.
 */
static struct page *get_used(gfp_t gfp, unsigned int order,
			     unsigned long nr_pages, unsigned long *got)
{
	struct page *page = NULL;

	if (nr_pages && !is_power_of_2(nr_pages)) {
		page = get_run(gfp, nr_pages);
		*got = nr_pages;
	}
	if (!page) {
		page = get_page_from_freelist(gfp, order, ALLOC_WMARK_LOW);
		*got = 1UL << order;
	}
	if (!page && nr_pages && is_power_of_2(nr_pages))
		page = get_run(gfp, nr_pages);
	return page;
}

/* The same, with what reclaim brings. */
static struct page *get_used_or_reclaim(gfp_t gfp, unsigned int order,
					unsigned long nr_pages,
					unsigned long *got)
{
	struct page *page = get_used(gfp, order, nr_pages, got);

	if (likely(page) || !gfpflags_allow_blocking(gfp))
		return page;
	before_growth(order);
	return get_used(gfp, order, nr_pages, got);
}

static struct page *get_fresh(gfp_t gfp, unsigned int order)
{
	struct page *page = get_page_from_freelist(gfp, order, ALLOC_WMARK_LOW |
							       ALLOC_FRESH);

	return likely(page) ? page : alloc_slowpath(gfp, order);
}

static struct page *get_block(gfp_t gfp, unsigned int order,
			      unsigned long nr_pages, unsigned long *got)
{
	struct page *page = get_used_or_reclaim(gfp, order, nr_pages, got);

	if (likely(page))
		return page;
	*got = 1UL << order;
	return get_fresh(gfp, order);
}

/* Clear what the caller wants cleared and has not always been so. */
static void prep_new_block(struct page *page, unsigned long nr_pages, gfp_t gfp,
			   bool *zeroed)
{
	bool is_zero = PageZeroed(page);
	void *addr;

	ClearPageZeroed(page);
	if (unlikely(page_debug_on))
		page_debug_alloc(page_address(page), nr_pages << PAGE_SHIFT);
	if (memcheck_active() || ((gfp & __GFP_ZERO) && !is_zero)) {
		addr = page_address(page);
		memcheck_unpoison(addr, nr_pages << PAGE_SHIFT);
		if ((gfp & __GFP_ZERO) && !is_zero) {
			memset(addr, 0, nr_pages << PAGE_SHIFT);
			is_zero = true;
		}
	}
	if (zeroed)
		*zeroed = is_zero;
}

struct page *alloc_frozen_pages(gfp_t gfp, unsigned int order, bool *zeroed)
{
	unsigned long got;
	struct page *page;

	if (!order_allowed(gfp, order))
		return NULL;
	page = get_block(gfp, order, 0, &got);
	if (page)
		prep_new_block(page, 1UL << order, gfp, zeroed);
	return page;
}

/* A used block of an order below @order, from the zone itself: what is on the
 * per-CPU lists may be fresh. */
static struct page *get_smaller_used(gfp_t gfp, unsigned int *order,
				     unsigned int min_order)
{
	unsigned int highest = highest_zone(gfp), k;
	struct zone *zone = &zones[highest];
	struct page *page = NULL;

	if (!populated_zone(zone) || zone_dirty(zone) < 1UL << min_order ||
	    !zone_watermark_ok(zone, *order, highest, ALLOC_WMARK_LOW))
		return NULL;
	spin_lock(&zone->lock);
	for (k = *order; !page && k-- > min_order;) {
		page = rmqueue_one(zone, k, request_type(gfp), false);
		if (page)
			*order = k;
	}
	spin_unlock(&zone->lock);
	return page;
}

struct page *alloc_frozen_slab(gfp_t gfp, unsigned int order,
			       unsigned int min_order)
{
	struct page *page;
	unsigned long got;

	if (!order_allowed(gfp, order))
		return NULL;
	page = get_used_or_reclaim(gfp, order, 0, &got);
	if (!page)
		page = get_smaller_used(gfp, &order, min_order);
	if (!page)
		page = get_fresh(gfp, order);
	if (!page)
		return NULL;
	prep_new_block(page, 1UL << order, gfp, NULL);
	page->order = (u8)order;
	return page;
}

/*
 * The exact-pages path: a request of n pages that finds no run of used ones gets
 * the next power of two, and what is over goes back at once, in blocks as large
 * as alignment allows:
 *
 *	n = 5, order 3:	|xxxxxxxxxx|..|....|	1 + 2 pages return
 */
static void free_run(struct zone *zone, struct page *page, unsigned long nr,
		     bool zeroed)
{
	const struct mem_range *range = page_range(page);
	unsigned long pfn = range->start_pfn +
			    (unsigned long)(page - range->pages);
	unsigned int order;

	lockdep_assert_held(&zone->lock);
	zone->event[PGFREE] += nr;
	while (nr) {
		order = min_t(unsigned int, ilog2(nr), MAX_PAGE_ORDER);
		if (pfn)
			order = min_t(unsigned int, order, ffs_long(pfn));
		page->flags = 0;
		set_page_zone(page, zone->index);
		free_one_block(range, zone, page, pfn, order, zeroed);
		page += 1UL << order;
		pfn += 1UL << order;
		nr -= 1UL << order;
	}
}

struct page *alloc_frozen_exact(gfp_t gfp, unsigned long nr_pages,
				unsigned int min_order, bool *zeroed)
{
	unsigned int order = max_t(unsigned int, fls_long(nr_pages - 1),
				   min_order);
	unsigned long got;
	struct page *page;
	struct zone *zone;

	if (!order_allowed(gfp, order))
		return NULL;
	page = get_block(gfp, order, min_order ? 0 : nr_pages, &got);
	if (!page)
		return NULL;
	if (nr_pages != got) {
		zone = page_zone(page);
		spin_lock(&zone->lock);
		free_run(zone, page + nr_pages, got - nr_pages,
			 PageZeroed(page));
		spin_unlock(&zone->lock);
	}
	prep_new_block(page, nr_pages, gfp, zeroed);
	return page;
}

/* A message in the kernel's wording, for failures that nobody expects. */
static noinline __cold void warn_alloc(gfp_t gfp, unsigned int order)
{
	if (gfp & __GFP_NOWARN)
		return;
	printk_once("WARNING: page allocation failure: order:%u, mode:%#x: %zu kB in use, the host gives no more\n",
		    order, gfp, sparse_onlined_bytes() >> 10);
}

/*
 * The free lists have nothing above the low watermark. In this order: more
 * memory from the host; the reserve; what per-CPU layers and empty slabs hold.
 * A request that may not block may still bring memory online if no other
 * thread is doing so: one mapping call, and never a wait.
 */
static noinline struct page *alloc_slowpath(gfp_t gfp, unsigned int order)
{
	bool may_block = gfpflags_allow_blocking(gfp);
	unsigned int flags = gfp_to_alloc_flags(gfp);
	unsigned int retries = 0;
	struct page *page;

	for (;;) {
		/* Others may take what we brought: again until refused. */
		while (sparse_grow(order, may_block)) {
			setup_per_zone_wmarks();
			page = get_page_from_freelist(gfp, order, flags);
			if (page)
				return page;
		}
		page = get_page_from_freelist(gfp, order, flags);
		if (page)
			return page;
		if (!may_block)
			break;
		if ((gfp & __GFP_NORETRY) && retries)
			break;
		if (retries++ >= (gfp & __GFP_NOFAIL ? MAX_NOFAIL_RETRIES :
						       MAX_RECLAIM_RETRIES))
			break;
		shrink_slab_caches(true);
		pcp_drain_all();
		vmalloc_shrink(SIZE_MAX);
		page = get_page_from_freelist(gfp, order, flags);
		if (page)
			return page;
	}
	if ((gfp & __GFP_NOFAIL) && may_block)
		kmm_bug("BUG page allocation failure: order:%u, __GFP_NOFAIL: out of memory\n",
			order);
	warn_alloc(gfp, order);
	return NULL;
}

/* Freeing ----------------------------------------------------------------- */

void free_frozen_pages(struct page *page, unsigned int order)
{
	struct zone *zone = page_zone(page);
	const struct mem_range *range;

	if (memcheck_active())
		memcheck_poison(page_address(page), PAGE_SIZE << order);
	if (unlikely(page_debug_on))
		page_debug_free(page_address(page), PAGE_SIZE << order);
	if (pcp_allowed_order(order) && pcp_free(zone, page, order)) {
		page_reporting_notify(zone);
		return;
	}
	range = page_range(page);
	spin_lock(&zone->lock);
	zone->event[PGFREE] += 1UL << order;
	free_one_block(range, zone, page,
		       range->start_pfn + (unsigned long)(page - range->pages),
		       order, false);
	spin_unlock(&zone->lock);
	page_reporting_notify(zone);
}

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

/* Resize a block of whole pages where it is; false: it is as it was. */
bool resize_frozen_exact(struct page *page, unsigned long nr_pages,
			 unsigned long new_nr)
{
	struct zone *zone = page_zone(page);
	char *addr = page_address(page);
	bool done = true;

	if (memcheck_active() && new_nr < nr_pages)
		memcheck_poison(addr + (new_nr << PAGE_SHIFT),
				(nr_pages - new_nr) << PAGE_SHIFT);
	if (new_nr < nr_pages)
		page_debug_free(addr + (new_nr << PAGE_SHIFT),
				(nr_pages - new_nr) << PAGE_SHIFT);
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
	if (done && new_nr > nr_pages)
		page_debug_alloc(addr + (nr_pages << PAGE_SHIFT),
				 (new_nr - nr_pages) << PAGE_SHIFT);
	if (new_nr < nr_pages)
		page_reporting_notify(zone);
	return done;
}

/* Compound pages and references ------------------------------------------- */

static void prep_compound_page(struct page *page, unsigned int order)
{
	unsigned long i;

	SetPageHead(page);
	for (i = 1; i < 1UL << order; i++)
		page[i].compound_head = (unsigned long)page | 1;
}

static void destroy_compound_page(struct page *page, unsigned int order)
{
	unsigned long i;

	ClearPageHead(page);
	for (i = 1; i < 1UL << order; i++)
		page[i].compound_head = 0;
}

/* The owner of a plain block may treat each page as one of its own later. */
static void prep_tails(struct page *page, unsigned int order)
{
	unsigned long i;

	for (i = 1; i < 1UL << order; i++) {
		WRITE_ONCE(page[i].flags, 0);
		set_page_zone(&page[i], page_zonenum(page));
		page[i].order = 0;
		atomic_store_explicit(&page[i]._refcount, 0,
				      memory_order_relaxed);
	}
}

/* Is it certain that no large block reaches over this page? Their tails have
 * none of these flags, no reference, and no head to point to. */
static bool is_of_other_block(const struct page *page)
{
	return (READ_ONCE(page->flags) & (1UL << PG_buddy | 1UL << PG_pcp |
					  1UL << PG_slab | 1UL << PG_head)) ||
	       PageTail(page) || page_count(page) > 0;
}

/*
 * To mark the tails of a large block of kmalloc() would cost a store for each page, for the
 * sake of functions that hardly anybody calls. These walk back to the head:
 *
 *	| head: PG_large, private 5 |  |  | page |  |	3 steps, and 5 > 3
 */
struct page *large_head(const struct page *page)
{
	const struct mem_range *range = page_range(page);
	struct page *pos = (struct page *)page;
	unsigned long i, max = (unsigned long)(page - range->pages);

	max = min_t(unsigned long, max, MAX_ORDER_NR_PAGES - 1);
	for (i = 0; i <= max; i++, pos--) {
		if (PageLarge(pos))
			return READ_ONCE(pos->private) > i ? pos : NULL;
		if (is_of_other_block(pos))
			return NULL;
	}
	return NULL;
}

struct page *compound_head(const struct page *page)
{
	struct page *large = large_head(page);

	return large ? large : page_head(page);
}

struct page *virt_to_head_page(const void *addr)
{
	struct page *page = lookup_page(addr);

	return page ? compound_head(page) : NULL;
}

unsigned int compound_order(const struct page *page)
{
	if (PageLarge(page))
		return ilog2(page->private);
	return PageHead(page) || PageSlab(page) ? page->order : 0;
}

unsigned long compound_nr(const struct page *page)
{
	return PageLarge(page) ? page->private : 1UL << compound_order(page);
}

int page_count(const struct page *page)
{
	return atomic_load_explicit(&page_head(page)->_refcount,
				    memory_order_relaxed);
}

void get_page(struct page *page)
{
	int old = atomic_fetch_add_explicit(&page_head(page)->_refcount, 1,
					    memory_order_relaxed);

	WARN_ON_ONCE(old <= 0);
}

/* Drop a reference: true for the last one. */
static bool put_page_testzero(struct page *page)
{
	/* All accesses through other references come before the free. */
	return atomic_fetch_sub_explicit(&page->_refcount, 1,
					 memory_order_acq_rel) == 1;
}

static void free_block(struct page *page, unsigned int order)
{
	if (PageHead(page))
		destroy_compound_page(page, order);
	page->order = 0;
	if (want_init_on_free())
		memset(page_address(page), 0, PAGE_SIZE << order);
	free_frozen_pages(page, order);
}

/* Is this the head of a block that somebody holds a reference to? */
static bool page_is_live(const struct page *page)
{
	return !(READ_ONCE(page->flags) &
		 (1UL << PG_buddy | 1UL << PG_pcp | 1UL << PG_slab |
		  1UL << PG_large)) &&
	       !PageTail(page) && page_count(page) > 0;
}

/* @addr: what the caller passed, for the report; it may lie inside the page. */
static bool page_free_check(struct page *page, const void *addr,
			    const void *caller)
{
	if (likely(page_is_live(page)))
		return true;
	bad_free(addr ? addr : page_address(page), caller, "page");
	return false;
}

void put_page(struct page *page)
{
	const void *caller = __builtin_return_address(0);

	page = page_head(page);
	gate_enter();
	if (page_free_check(page, NULL, caller) && put_page_testzero(page)) {
		watch_free(WATCH_FREE_PAGES, page_address(page), caller);
		free_block(page, PageHead(page) ? page->order : 0);
	}
	gate_exit();
}

static void free_pages_caller(struct page *page, unsigned int order,
			      const void *addr, const void *caller, bool watched)
{
	bool compound;

	gate_enter();
	if (!page_free_check(page, addr, caller))
		goto out;
	if (unlikely(page->order != order)) {
		bad_free(page_address(page), caller,
			 "page block of another order");
		goto out;
	}
	compound = PageHead(page);
	if (put_page_testzero(page)) {
		if (watched)
			watch_free(WATCH_FREE_PAGES, page_address(page), caller);
		free_block(page, order);
	} else if (!compound) {
		/* Somebody else still holds the head page: free the rest, and
		 * leave a single page for the last put_page(). */
		page->order = 0;
		while (order-- > 0)
			free_frozen_pages(page + (1UL << order), order);
	}
out:
	gate_exit();
}

/* The API ----------------------------------------------------------------- */

static struct page *alloc_pages_unwatched(gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (!mm_ready())
		return NULL;
	if (want_init_on_alloc(gfp))
		gfp |= __GFP_ZERO;
	gate_enter();
	page = alloc_frozen_pages(gfp, order, NULL);
	gate_exit();
	if (!page)
		return NULL;
	page->order = (u8)order;
	if (gfp & __GFP_COMP && order)
		prep_compound_page(page, order);
	else
		prep_tails(page, order);
	atomic_store_explicit(&page->_refcount, 1, memory_order_relaxed);
	return page;
}

static struct page *alloc_pages_caller(gfp_t gfp, unsigned int order,
				       const void *caller)
{
	/* An order that is too large fails, but is a call. */
	size_t size = order <= MAX_PAGE_ORDER ? PAGE_SIZE << order : SIZE_MAX;
	struct page *page = NULL;

	if (!should_fail_alloc_page(WATCH_ALLOC_PAGES, gfp, order, size, caller))
		page = alloc_pages_unwatched(gfp, order);
	watch_alloc(WATCH_ALLOC_PAGES, page ? page_address(page) : NULL, size,
		    gfp, caller);
	return page;
}

struct page *alloc_pages_noprof(gfp_t gfp, unsigned int order)
{
	return alloc_pages_caller(gfp, order, __builtin_return_address(0));
}

struct page *alloc_pages_node_noprof(int nid, gfp_t gfp, unsigned int order)
{
	(void)nid;
	return alloc_pages_caller(gfp, order, __builtin_return_address(0));
}

static unsigned long get_free_pages_caller(gfp_t gfp, unsigned int order,
					   const void *caller)
{
	struct page *page = alloc_pages_caller(gfp & ~__GFP_HIGHMEM, order,
					       caller);

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_free_pages_noprof(gfp_t gfp, unsigned int order)
{
	return get_free_pages_caller(gfp, order, __builtin_return_address(0));
}

unsigned long get_zeroed_page_noprof(gfp_t gfp)
{
	return get_free_pages_caller(gfp | __GFP_ZERO, 0,
				     __builtin_return_address(0));
}

void __free_pages(struct page *page, unsigned int order)
{
	free_pages_caller(page, order, NULL, __builtin_return_address(0), true);
}

void free_pages(unsigned long addr, unsigned int order)
{
	struct page *page;

	if (!addr)
		return;
	page = lookup_page((void *)addr);
	if (page)
		free_pages_caller(page, order, (void *)addr,
				  __builtin_return_address(0), true);
	else
		bad_free((void *)addr, __builtin_return_address(0), "page");
}

void split_page(struct page *page, unsigned int order)
{
	unsigned long i;

	if (WARN_ON_ONCE(PageHead(page) || !page_count(page)))
		return;
	page->order = 0;
	for (i = 1; i < 1UL << order; i++)
		atomic_store_explicit(&page[i]._refcount, 1,
				      memory_order_relaxed);
}

/* Single pages for free slots [first, first + nr) of the array: one hold of
 * this CPU's list lock, which refills in batches. */
static unsigned int bulk_from_pcp(gfp_t gfp, struct page **slots,
				  unsigned int nr)
{
	unsigned int highest = highest_zone(gfp), got, i;
	struct zone *zone = &zones[highest];

	if (!populated_zone(zone) ||
	    !zone_watermark_ok(zone, 0, highest, ALLOC_WMARK_LOW) ||
	    READ_ONCE(zone->nr_free) < READ_ONCE(zone->watermark[WMARK_LOW]) + nr)
		return 0;
	got = pcp_alloc_bulk(zone, request_type(gfp), nr, slots);
	for (i = 0; i < got; i++) {
		prep_new_block(slots[i], 1, gfp, NULL);
		atomic_store_explicit(&slots[i]->_refcount, 1,
				      memory_order_relaxed);
	}
	for (; i < nr; i++)
		slots[i] = NULL;
	return got;
}

/* Watchers are told of each page. */
static void watch_bulk(gfp_t gfp, struct page **slots, unsigned long nr,
		       const void *caller)
{
	unsigned long i;

	for (i = 0; calls_watched && i < nr; i++)
		watch_alloc(WATCH_ALLOC_PAGES, page_address(slots[i]), PAGE_SIZE,
			    gfp, caller);
}

unsigned long alloc_pages_bulk_noprof(gfp_t gfp, int nr_pages,
				      struct page **page_array)
{
	unsigned long i = 0, run, nr = nr_pages > 0 ? (unsigned long)nr_pages : 0;
	const void *caller = __builtin_return_address(0);

	if (!mm_ready())
		return 0;
	while (i < nr && page_array[i])
		i++;
	if (i < nr && should_fail_alloc_page(WATCH_ALLOC_PAGES, gfp, 0,
					     (nr - i) << PAGE_SHIFT, caller))
		return i;
	if (want_init_on_alloc(gfp))
		gfp |= __GFP_ZERO;
	while (i < nr) {
		if (page_array[i]) {
			i++;
			continue;
		}
		for (run = 1; i + run < nr && !page_array[i + run]; run++)
			;
		gate_enter();
		run = bulk_from_pcp(gfp, page_array + i, (unsigned int)run);
		gate_exit();
		watch_bulk(gfp, page_array + i, run, caller);
		i += run;
		/* At least one try the normal way, which may reclaim. */
		if (!run) {
			page_array[i] = alloc_pages_unwatched(gfp, 0);
			if (!page_array[i])
				break;
			watch_bulk(gfp, page_array + i, 1, caller);
			i++;
		}
	}
	return i;
}

static void *alloc_pages_exact_unwatched(size_t size, gfp_t gfp)
{
	unsigned long i, nr_pages;
	struct page *page;

	if (WARN_ON_ONCE(gfp & (__GFP_COMP | __GFP_HIGHMEM)))
		gfp &= ~(__GFP_COMP | __GFP_HIGHMEM);
	if (!mm_ready() || !size)
		return NULL;
	if (size > PAGE_SIZE << MAX_PAGE_ORDER) {
		order_allowed(gfp, MAX_PAGE_ORDER + 1);
		return NULL;
	}
	nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	gate_enter();
	page = alloc_frozen_exact(gfp, nr_pages, fls_long(nr_pages - 1), NULL);
	gate_exit();
	if (!page)
		return NULL;
	/* Each page is one of its own, as after split_page(). */
	for (i = 0; i < nr_pages; i++) {
		if (i)
			WRITE_ONCE(page[i].flags, 0);
		set_page_zone(&page[i], page_zonenum(page));
		page[i].order = 0;
		atomic_store_explicit(&page[i]._refcount, 1,
				      memory_order_relaxed);
	}
	return page_address(page);
}

void *alloc_pages_exact_noprof(size_t size, gfp_t gfp)
{
	const void *caller = __builtin_return_address(0);
	void *p = NULL;

	if (!should_fail_alloc_page(WATCH_ALLOC_PAGES, gfp,
				    (unsigned int)get_order(size), size, caller))
		p = alloc_pages_exact_unwatched(size, gfp);
	watch_alloc(WATCH_ALLOC_PAGES, p, size, gfp, caller);
	return p;
}

void free_pages_exact(void *virt, size_t size)
{
	const void *caller = __builtin_return_address(0);
	char *end = (char *)virt + PAGE_ALIGN(size);
	char *pos;
	struct page *page;

	if (virt && size)
		watch_free(WATCH_FREE_PAGES, virt, caller);
	for (pos = virt; pos < end; pos += PAGE_SIZE) {
		page = lookup_page(pos);
		if (page)
			free_pages_caller(page, 0, pos, caller, false);
		else
			bad_free(pos, caller, "page");
	}
}

void drain_all_pages(void)
{
	if (!mm_ready())
		return;
	gate_enter();
	pcp_drain_all();
	gate_exit();
}

/* For page_reporting.c ---------------------------------------------------- */

/* Does the block share a huge page with others, if the host has followed our
 * advice? */
static bool part_of_huge(const struct page *page, unsigned int order)
{
	return order < pageblock_order &&
	       page_to_pfn(page) >= page_range(page)->huge_pfn;
}

unsigned int isolate_unreported(struct zone *zone, unsigned int min_order,
				bool keep_huge, struct page **pages,
				unsigned int *orders, unsigned int nr)
{
	struct page *page, *next;
	unsigned int k, type, found = 0;

	spin_lock(&zone->lock);
	for (k = MAX_PAGE_ORDER + 1; k-- > min_order && found < nr;) {
		for (type = 0; type < MIGRATE_TYPES; type++) {
			struct list_head *list =
				&zone->free_area[k].free_list[type];

			list_for_each_entry_safe(page, next, list, lru) {
				/* What reads as zero gathers at the end. */
				if (found == nr || PageZeroed(page))
					break;
				if (keep_huge && part_of_huge(page, k))
					continue;
				del_from_free_list(zone, page, k);
				pages[found] = page;
				orders[found++] = k;
			}
		}
	}
	spin_unlock(&zone->lock);
	return found;
}

void putback_reported(struct zone *zone, struct page **pages,
		      unsigned int *orders, unsigned int nr, bool zeroed)
{
	unsigned int i;

	spin_lock(&zone->lock);
	for (i = 0; i < nr; i++) {
		free_one_block(page_range(pages[i]), zone, pages[i],
			       page_to_pfn(pages[i]), orders[i], zeroed);
		if (zeroed)
			zone->event[PGREPORT] += 1UL << orders[i];
	}
	spin_unlock(&zone->lock);
}

/* Set-up ------------------------------------------------------------------ */

void zone_add_pages(unsigned int index, struct page *page, unsigned long pfn,
		    unsigned long nr_pages)
{
	struct zone *zone = &zones[index];
	unsigned long end_pfn = pfn + nr_pages;

	if (memcheck_active())
		memcheck_poison((void *)(pfn << PAGE_SHIFT),
				nr_pages << PAGE_SHIFT);
	spin_lock(&zone->lock);
	if (!zone->managed_pages)
		WRITE_ONCE(zone->start_pfn, pfn);
	WRITE_ONCE(zone->start_pfn,
		   min_t(unsigned long, zone->start_pfn, pfn));
	WRITE_ONCE(zone->end_pfn,
		   max_t(unsigned long, zone->end_pfn, end_pfn));
	WRITE_ONCE(zone->managed_pages, zone->managed_pages + nr_pages);
	/* The memory has never been touched: it reads as zero. */
	free_run(zone, page, nr_pages, true);
	zone->event[PGFREE] -= nr_pages;
	spin_unlock(&zone->lock);
}

int page_alloc_init(void)
{
	static const char *const names[MAX_NR_ZONES] = {
		"DMA", "DMA32", "Normal", "Movable",
	};
	unsigned int i, k, type;

	/* 2 MiB: the unit of huge pages and of returning memory. */
	pageblock_order = min_t(unsigned int, 21 - PAGE_SHIFT, MAX_PAGE_ORDER);
	for (i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &zones[i];

		spin_lock_init(&zone->lock, LOCK_RANK_ZONE);
		zone->name = names[i];
		zone->index = i;
		for (k = 0; k < NR_PAGE_ORDERS; k++)
			for (type = 0; type < MIGRATE_TYPES; type++)
				INIT_LIST_HEAD(
					&zone->free_area[k].free_list[type]);
		if (pcp_zone_init(zone))
			return -ENOMEM;
	}
	return 0;
}

/* Validation -------------------------------------------------------------- */

static unsigned int validate_free_block(struct zone *zone, struct page *page,
					unsigned int order, int type)
{
	const struct mem_range *range = page_range(page);
	unsigned long pfn = page_to_pfn(page), i;
	unsigned int bad = 0;
	const char *bytes;

	if (!PageBuddy(page) || page->order != order || page_count(page) ||
	    PageSlab(page) || PageLarge(page) || PagePcp(page) ||
	    (pfn & ((1UL << order) - 1)))
		bad++;					/* B1 */
	if (order < MAX_PAGE_ORDER && find_buddy(range, zone, page, pfn, order))
		bad++;					/* B2 */
	for (i = 0; i < 1UL << order; i += pageblock_nr_pages)
		if ((int)get_pageblock_type(page + i, pfn + i) != type)
			bad++;				/* B4 */
	for (i = 1; i < 1UL << order; i++)
		if (PageBuddy(page + i) || PagePcp(page + i))
			bad++;				/* B6 */
	if (pfn < zone->start_pfn || pfn + (1UL << order) > zone->end_pfn)
		bad++;					/* B6 */
	if (PageZeroed(page) && !memcheck_active() &&
	    !kmm_params.debug_pagealloc) {
		bytes = page_address(page);
		for (i = 0; i < PAGE_SIZE << order; i += 64)
			if (bytes[i])
				break;
		if (i < PAGE_SIZE << order)
			bad++;				/* B5 */
	}
	return bad;
}

unsigned int page_alloc_validate(void)
{
	struct page *page;
	struct zone *zone;
	unsigned int k, bad = 0;
	int type;

	for_each_populated_zone(zone) {
		unsigned long total = 0, zeroed = 0;

		spin_lock(&zone->lock);
		for (k = 0; k < NR_PAGE_ORDERS; k++) {
			struct free_area *area = &zone->free_area[k];
			unsigned long nr = 0;

			for (type = 0; type < MIGRATE_TYPES; type++)
				list_for_each_entry(page,
						    &area->free_list[type],
						    lru) {
					bad += validate_free_block(zone, page,
								   k, type);
					zeroed += PageZeroed(page) ? 1UL << k : 0;
					nr++;
				}
			bad += nr != area->nr_free;
			total += nr << k;
		}
		bad += total != zone->nr_free;		/* B3 */
		bad += zeroed != zone->nr_zeroed;	/* B5 */
		spin_unlock(&zone->lock);
	}
	if (bad)
		printk("BUG page_alloc: %u violated invariants\n", bad);
	return bad;
}
