// SPDX-License-Identifier: MIT
/*
 * Buddy system: a zone's free memory, as aligned blocks of 2^order pages.
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
 *		    consists of such pageblocks; its migratetype is t
 *		B5  page->nr_zeroed pages of the block read as zero; if that is all
 *		    of them, PG_zeroed says so. So do of its upper half as many as
 *		    that half's page->nr_zeroed says, and so on in each half of
 *		    which some pages do and some do not. zone->nr_zeroed is the sum
 *		B6  free blocks do not overlap, and lie in their zone's span
 *		B7  on each list, blocks that read as zero are behind all others
 * Lock order:	pcp->lock > zone->lock (outer first).
 * Context:	zone->lock is a leaf; no system call while it is held. Those
 *		functions of buddy.h need it that do not take it themselves.
 * Source:	kernel mm/page_alloc.c, __free_one_page(), expand(),
 *		__rmqueue_fallback(); the scheme: K. Knowlton, CACM 8(10), 1965.
 * Not here:	which zone serves a request, and what is done if none can
 *		(page_alloc.c); runs of pages across neighbours (page_run.c);
 *		per-CPU page lists (pcp.c).
 */
#include "../lib/memcheck.h"
#include "buddy.h"
#include "page_list.h"
#include "probes.h"

unsigned int pageblock_order;

struct zone zones[MAX_NR_ZONES];

/* The order in which other types are raided. */
const u8 fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

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

/* Blocks that read as zero gather at the end (B7), and those that wait for a
 * merge in front of them as far as that is cheap: see rmqueue_one(). */
static inline void list_add_block(struct free_area *area, struct page *page,
				  int type, bool wait)
{
	struct page_list *list = &area->free_list[type];

	page->migratetype = (u8)type;
	if (PageZeroed(page) || (wait && !page_list_empty(list) &&
				 !PageZeroed(page_list_last(list))))
		page_list_add_tail(list, page);
	else
		page_list_add(list, page);
}

static inline void list_del_block(struct free_area *area, struct page *page)
{
	page_list_del(&area->free_list[page->migratetype], page);
}

/* Of a block without PG_zeroed, @nr_zeroed pages read as zero. */
static void mark_zeroed(struct page *page, unsigned int order,
			unsigned long nr_zeroed)
{
	page->nr_zeroed = (u32)nr_zeroed;
	if (nr_zeroed == 1UL << order)
		SetPageZeroed(page);
}

static void add_to_free_list(struct zone *zone, struct page *page,
			     unsigned int order, int type, bool wait,
			     unsigned long nr_zeroed)
{
	struct free_area *area = &zone->free_area[order];

	page->order = (u8)order;
	SetPageBuddy(page);
	mark_zeroed(page, order, nr_zeroed);
	WRITE_ONCE(zone->nr_zeroed, zone->nr_zeroed + nr_zeroed);
	list_add_block(area, page, type, wait);
	area->nr_free++;
	WRITE_ONCE(zone->nr_free, zone->nr_free + (1UL << order));
}

void del_from_free_list(struct zone *zone, struct page *page,
			unsigned int order)
{
	struct free_area *area = &zone->free_area[order];

	list_del_block(area, page);
	ClearPageBuddy(page);
	area->nr_free--;
	WRITE_ONCE(zone->nr_free, zone->nr_free - (1UL << order));
	WRITE_ONCE(zone->nr_zeroed,
		   zone->nr_zeroed - block_zeroed(page));
	if (zone_dirty(zone) < zone->low_dirty)
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
void free_one_block(const struct mem_range *range, struct zone *zone,
		    struct page *page, unsigned long pfn, unsigned int order,
		    unsigned long nr_zeroed)
{
	enum migratetype type = get_pageblock_type(page, pfn);
	unsigned long buddy_zeroed;
	struct page *buddy;

	lockdep_assert_held(&zone->lock);
	/* Blocks of several pageblocks have one type in all of them, so that
	 * whoever cuts them later files each part right. What has grown over
	 * its neighbours may have several. */
	if (order > pageblock_order)
		change_pageblocks(page, pfn, order, type);
	while (order < MAX_PAGE_ORDER) {
		buddy = find_buddy(range, zone, page, pfn, order);
		if (!buddy)
			break;
		del_from_free_list(zone, buddy, order);
		if (order >= pageblock_order)
			change_pageblocks(buddy, pfn ^ (1UL << order), order,
					  type);
		/* The upper half knows its share, for whoever splits them. */
		buddy_zeroed = block_zeroed(buddy);
		ClearPageZeroed(buddy);
		if (buddy < page) {
			page->nr_zeroed = (u32)nr_zeroed;
			page = buddy;
			pfn ^= 1UL << order;
		}
		nr_zeroed += buddy_zeroed;
		order++;
		zone->event[PGMERGE]++;
		trace_mm_page_merge(page, order);
	}
	add_to_free_list(zone, page, order, type,
			 buddy_merge_likely(range, zone, page, pfn, order),
			 nr_zeroed);
}

/* What its struct page said was of another block. */
static void init_block(struct zone *zone, struct page *page)
{
	page->flags = 0;
	set_page_zone(page, zone->index);
}

/* In blocks as large as their alignment allows. */
void free_run(struct zone *zone, struct page *page, unsigned long nr_pages,
	      bool zeroed)
{
	const struct mem_range *range = page_range(page);
	unsigned long pfn = range->start_pfn +
			    (unsigned long)(page - range->pages);
	unsigned int order;

	lockdep_assert_held(&zone->lock);
	zone->event[PGFREE] += nr_pages;
	while (nr_pages) {
		order = min_t(unsigned int, ilog2(nr_pages), MAX_PAGE_ORDER);
		if (pfn)
			order = min_t(unsigned int, order, ffs_long(pfn));
		init_block(zone, page);
		free_one_block(range, zone, page, pfn, order,
			       zeroed ? 1UL << order : 0);
		page += 1UL << order;
		pfn += 1UL << order;
		nr_pages -= 1UL << order;
	}
}

/* Of two halves of @order @nr_zeroed pages read as zero; how many of the upper one,
 * @half? It knows, unless all or none are. */
static unsigned long half_zeroed(const struct page *half, unsigned int order,
				 unsigned long nr_zeroed)
{
	if (!nr_zeroed)
		return 0;
	return nr_zeroed == 2UL << order ? 1UL << order : half->nr_zeroed;
}

/* Cut a block of order @high down to @low, filing the upper halves; or the lower
 * one where less of it was in use. */
static struct page *expand(struct zone *zone, struct page *page,
			   unsigned int low, unsigned int high, int type,
			   unsigned long nr_zeroed)
{
	unsigned long upper;
	struct page *half;

	if (high > low)
		trace_mm_page_split(page, high, low);
	while (high > low) {
		high--;
		half = page + (1UL << high);
		upper = half_zeroed(half, high, nr_zeroed);
		if (upper < nr_zeroed - upper) {
			half = page;
			page += 1UL << high;
			upper = nr_zeroed - upper;
		}
		init_block(zone, half);
		add_to_free_list(zone, half, high, type, false, upper);
		nr_zeroed -= upper;
		zone->event[PGSPLIT]++;
	}
	init_block(zone, page);
	page->order = (u8)low;
	mark_zeroed(page, low, nr_zeroed);
	return page;
}

/* Take a free block of @current_order off its list and cut it to @order. */
static struct page *take_block(struct zone *zone, struct page *page,
			      unsigned int current_order, unsigned int order,
			      int type)
{
	del_from_free_list(zone, page, current_order);
	return expand(zone, page, order, current_order, type,
		      block_zeroed(page));
}

void free_tail(struct zone *zone, struct page *page, unsigned int order,
	       unsigned long nr_pages, unsigned long nr_zeroed)
{
	const struct mem_range *range = page_range(page);
	unsigned long upper;
	struct page *half;

	lockdep_assert_held(&zone->lock);
	zone->event[PGFREE] += (1UL << order) - nr_pages;
	while (nr_pages < 1UL << order) {
		order--;
		half = page + (1UL << order);
		upper = half_zeroed(half, order, nr_zeroed);
		if (nr_pages > 1UL << order) {
			page = half;
			nr_pages -= 1UL << order;
			nr_zeroed = upper;
			continue;
		}
		init_block(zone, half);
		free_one_block(range, zone, half,
			       range->start_pfn +
				       (unsigned long)(half - range->pages),
			       order, upper);
		nr_zeroed -= upper;
	}
}

/* The block to take from a list; without @fresh, only one that was in use. */
static struct page *first_block(const struct page_list *list, bool fresh)
{
	struct page *page = page_list_first(list);

	return page && (fresh || !PageZeroed(page)) ? page : NULL;
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
	struct free_area *area;

	end = min_t(unsigned long, start + pageblock_nr_pages,
		    range_end_pfn(page_range(page)));
	for (pfn = start; pfn < end;) {
		unsigned long step = 1;

		if (PageBuddy(pos) && page_zone(pos) == zone) {
			step = 1UL << pos->order;
			free += step;
			if (type >= 0) {
				area = &zone->free_area[pos->order];
				list_del_block(area, pos);
				list_add_block(area, pos, type, true);
			}
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
	trace_mm_page_alloc_extfrag(page, order, current_order, start_type,
				    fallback_type, type == start_type);
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
		for (i = 0; i < NR_FALLBACKS; i++) {
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
void count_taken(struct zone *zone, unsigned long nr_pages)
{
	lockdep_assert_held(&zone->lock);
	WRITE_ONCE(zone->event[PGALLOC], zone->event[PGALLOC] + nr_pages);
}

/*
 * Memory that was in use before is resident already, and costs no fault; so it
 * is taken first, even if a larger block must be cut for it, or one of another
 * type. Only then, and if the caller agrees, memory that is fresh from the host.
 */
struct page *rmqueue_one(struct zone *zone, unsigned int order, int type,
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
			  unsigned int count, struct page_list *list,
			  int migratetype, bool fresh)
{
	struct page *page;
	unsigned int i;

	spin_lock(&zone->lock);
	for (i = 0; i < count; i++) {
		page = rmqueue_one(zone, order, migratetype, fresh);
		if (!page)
			break;
		page->migratetype = (u8)migratetype;
		SetPagePcp(page);
		trace_mm_page_alloc_zone_locked(page, order, migratetype, true);
		/* In ascending order of address, as they come from a split. */
		page_list_add_tail(list, page);
	}
	spin_unlock(&zone->lock);
	return i;
}

void free_pcppages_bulk(struct zone *zone, struct page_list *list,
			unsigned int nr_pages)
{
	const struct mem_range *range;
	struct page *page;
	unsigned long nr_zeroed;

	spin_lock(&zone->lock);
	while ((page = page_list_pop(list)) != NULL) {
		trace_mm_page_pcpu_drain(page);
		ClearPagePcp(page);
		nr_zeroed = block_zeroed(page);
		clear_block_zeroed(page);
		range = page_range(page);
		free_one_block(range, zone, page,
			       range->start_pfn +
				       (unsigned long)(page - range->pages),
			       page->order, nr_zeroed);
	}
	zone->event[PGFREE] += nr_pages;
	spin_unlock(&zone->lock);
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
			struct page_list *list =
				&zone->free_area[k].free_list[type];

			page_list_for_each_safe(page, next, list) {
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
	unsigned long nr_zeroed;
	unsigned int i;

	spin_lock(&zone->lock);
	for (i = 0; i < nr; i++) {
		nr_zeroed = zeroed ? 1UL << orders[i] :
				     block_zeroed(pages[i]);
		clear_block_zeroed(pages[i]);
		free_one_block(page_range(pages[i]), zone, pages[i],
			       page_to_pfn(pages[i]), orders[i], nr_zeroed);
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

/* Validation -------------------------------------------------------------- */

static bool reads_as_zero(const struct page *page, unsigned int order)
{
	const char *bytes = page_address(page);
	unsigned long i;

	if (memcheck_active() || kmm_params.debug_pagealloc)
		return true;
	for (i = 0; i < PAGE_SIZE << order; i += 64)
		if (bytes[i])
			return false;
	return true;
}

/* B5, down to the parts that read as zero. */
static unsigned int validate_zeroed(const struct page *page, unsigned int order,
				    unsigned long nr_zeroed)
{
	const struct page *half;
	unsigned long upper;

	if (!nr_zeroed)
		return 0;
	if (nr_zeroed == 1UL << order)
		return !reads_as_zero(page, order);
	if (nr_zeroed > 1UL << order)
		return 1;
	order--;
	half = page + (1UL << order);
	upper = half_zeroed(half, order, nr_zeroed);
	if (upper > nr_zeroed)
		return 1;
	return validate_zeroed(page, order, nr_zeroed - upper) +
	       validate_zeroed(half, order, upper);
}

static unsigned int validate_free_block(struct zone *zone, struct page *page,
					unsigned int order, int type)
{
	const struct mem_range *range = page_range(page);
	unsigned long pfn = page_to_pfn(page), i;
	unsigned int bad = 0;

	if (!PageBuddy(page) || page->order != order || page->_refcount ||
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
	if (PageZeroed(page) != (page->nr_zeroed == 1UL << order))
		bad++;					/* B5 */
	return bad + validate_zeroed(page, order, block_zeroed(page));
}

/* How many blocks the list has; pages of them that read as zero are added. */
static unsigned long validate_list(struct zone *zone, unsigned int order,
				   int type, unsigned long *zeroed,
				   unsigned int *bad)
{
	struct page_list *list = &zone->free_area[order].free_list[type];
	struct page *page;
	unsigned long nr = 0;
	bool zeros = false;

	page_list_for_each(page, list) {
		*bad += validate_free_block(zone, page, order, type);
		*bad += !page_list_linked(list, page);
		*bad += page->migratetype != type;		/* B4 */
		*bad += zeros && !PageZeroed(page);		/* B7 */
		zeros = PageZeroed(page);
		*zeroed += block_zeroed(page);
		nr++;
	}
	return nr;
}

unsigned int page_alloc_validate(void)
{
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
				nr += validate_list(zone, k, type, &zeroed, &bad);
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
