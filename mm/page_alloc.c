// SPDX-License-Identifier: MIT
/*
 * Page allocator: which zone serves a request for pages, and what is done if
 * none can.
 *
 *	alloc_pages()		a block with a reference, for callers
 *	alloc_frozen_pages()	the same without, for the library itself
 *	  get_used()		memory that was in use: it is resident
 *	  before_growth()	take back what caches and per-CPU lists keep
 *	  get_fresh()		memory that nobody has used yet
 *	  alloc_slowpath()	more from the host; the reserve; reclaim
 *	resize_frozen_exact()	a block of any number of pages, where it is
 *
 * Zones are asked from the highest that the request allows down, as long as
 * their watermarks agree. Small blocks come from this CPU's lists (pcp.c), others
 * from the zone (buddy.c).
 *
 * Lock order:	pcp->lock > zone->lock (outer first).
 * Context:	any thread; the functions for frozen pages are called inside the
 *		fork gate, the API enters it. No lock is held while memory is
 *		brought online or reclaimed.
 * Source:	kernel mm/page_alloc.c, get_page_from_freelist(),
 *		__alloc_pages_slowpath().
 * Not here:	free blocks (buddy.c), runs of pages (page_run.c), references and
 *		freeing by callers (page_ref.c), where memory comes from
 *		(sparse.c), giving it back (page_reporting.c).
 */
#include <errno.h>
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/memcheck.h"
#include "buddy.h"
#include "failslab.h"
#include "page_poison.h"
#include "probes.h"
#include "slab.h"
#include "watch.h"

unsigned int kmm_page_shift;

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

static struct page *alloc_slowpath(gfp_t gfp, unsigned int order);

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

/*
 * In less than a pageblock nothing can be kept apart, and each request of another
 * type than its own would be a fallback; so all have that type. The kernel does
 * the same: page_group_by_mobility_disabled.
 */
static int request_type(const struct zone *zone, gfp_t gfp)
{
	int type = gfp_migratetype(gfp);

	if (READ_ONCE(zone->managed_pages) < pageblock_nr_pages)
		return (int)pageblock_type(
			pfn_to_page(READ_ONCE(zone->start_pfn)));
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
	if (page)
		trace_mm_page_alloc_zone_locked(page, order, type, false);
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
		page = rmqueue(zone, order, request_type(zone, gfp),
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
		page = rmqueue_run(zone, nr_pages, request_type(zone, gfp));
		if (page)
			return page;
	}
	return NULL;
}

bool order_allowed(gfp_t gfp, unsigned int order)
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
#define RECLAIM_MIN ((256UL << 10) >> PAGE_SHIFT)

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
	sheaf_set_budget(used);
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
static void before_growth(gfp_t gfp, unsigned int order)
{
	if (reclaim_is_due()) {
		trace_mm_vmscan_direct_reclaim_begin(order, gfp);
		shrink_slab_caches(single_threaded());
		pcp_drain_all();
		trace_mm_vmscan_direct_reclaim_end(order);
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

/* A block that was in use may have pages in it that were not. */
static void keep_level(void)
{
	if (unlikely(vmap_kept_bytes()))
		page_reporting_keep_level();
}

/* The same, with what reclaim brings. */
static struct page *get_used_or_reclaim(gfp_t gfp, unsigned int order,
					unsigned long nr_pages,
					unsigned long *got)
{
	struct page *page = get_used(gfp, order, nr_pages, got);

	if (!gfpflags_allow_blocking(gfp))
		return page;
	/* What CPUs keep must not make the process grow. */
	if (unlikely(!page) && pcp_drain_runs())
		page = get_used(gfp, order, nr_pages, got);
	if (likely(page)) {
		keep_level();
		return page;
	}
	before_growth(gfp, order);
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

	clear_block_zeroed(page);
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
	trace_mm_page_alloc(page, nr_pages, gfp);
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
		page = rmqueue_one(zone, k, request_type(zone, gfp), false);
		if (page) {
			*order = k;
			trace_mm_page_alloc_zone_locked(page, k,
							request_type(zone, gfp),
							false);
		}
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
 * A request of n pages that finds no run of used ones gets the next power of two,
 * and what is over goes back at once:
 *
 *	n = 5, order 3:	|xxxxxxxxxx|..|....|	1 + 2 pages return
 */
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
	got = nr_pages;
	page = pcp_run_alloc(&zones[highest_zone(gfp)], nr_pages, min_order);
	if (!page)
		page = get_block(gfp, order, min_order ? 0 : nr_pages, &got);
	if (!page)
		return NULL;
	if (nr_pages != got) {
		zone = page_zone(page);
		spin_lock(&zone->lock);
		free_tail(zone, page, ilog2(got), nr_pages,
			  block_zeroed(page));
		spin_unlock(&zone->lock);
	}
	prep_new_block(page, nr_pages, gfp, zeroed);
	return page;
}

struct page *alloc_frozen_run(gfp_t gfp, unsigned long nr_pages)
{
	struct page *page;

	pcp_drain_runs();
	page = get_run(gfp, nr_pages);
	if (page) {
		keep_level();
		prep_new_block(page, nr_pages, gfp, NULL);
	}
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
		trace_mm_vmscan_direct_reclaim_begin(order, gfp);
		shrink_slab_caches(true);
		pcp_drain_all();
		vmalloc_shrink(SIZE_MAX);
		trace_mm_vmscan_direct_reclaim_end(order);
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

/* Resizing ---------------------------------------------------------------- */

/* Bring memory online for a block that is to grow by @nr_pages. */
static bool grow_memory(unsigned long nr_pages)
{
	before_growth(GFP_KERNEL, (unsigned int)get_order(nr_pages << PAGE_SHIFT));
	if (!sparse_grow(0, true))
		return false;
	setup_per_zone_wmarks();
	return true;
}

/*
 * Where a block ends with what is online, more is brought online behind it. To move
 * it would take as much, and its old place besides. Unless there is a place where
 * memory was in use: then it moves there. Others may take what comes meanwhile, since
 * no lock is held: then it is blocked, and moves as well.
 */
static bool grow_frozen_exact(struct zone *zone, struct page *page,
			      unsigned long nr_pages, unsigned long new_nr)
{
	const struct mem_range *range = page_range(page);
	enum grow_result ret = grow_run(zone, page, nr_pages, new_nr);
	unsigned long end;

	/* Mostly it is one of the last blocks that were freed. */
	if (ret == GROW_PCP && pcp_drain_runs())
		ret = grow_run(zone, page, nr_pages, new_nr);
	if (ret == GROW_PCP) {
		pcp_drain_all();
		ret = grow_run(zone, page, nr_pages, new_nr);
	}
	while (ret == GROW_MEMORY && zone_dirty(zone) < new_nr) {
		end = range_end_pfn(range);
		/* It may have come elsewhere. */
		if (!grow_memory(new_nr - nr_pages) ||
		    range_end_pfn(range) == end)
			break;
		ret = grow_run(zone, page, nr_pages, new_nr);
	}
	return ret == GROW_DONE;
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
	if (new_nr > nr_pages) {
		done = grow_frozen_exact(zone, page, nr_pages, new_nr);
	} else if (new_nr < nr_pages) {
		spin_lock(&zone->lock);
		free_run(zone, page + new_nr, nr_pages - new_nr, false);
		spin_unlock(&zone->lock);
	}
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

/* Freeing ----------------------------------------------------------------- */

void free_frozen_pages(struct page *page, unsigned int order)
{
	struct zone *zone = page_zone(page);
	const struct mem_range *range;

	trace_mm_page_free(page, 1UL << order);
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

/* The API ----------------------------------------------------------------- */

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
	got = pcp_alloc_bulk(zone, request_type(zone, gfp), nr, slots);
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

void drain_all_pages(void)
{
	if (!mm_ready())
		return;
	gate_enter();
	pcp_drain_all();
	gate_exit();
}

int page_alloc_init(void)
{
	static const char *const names[MAX_NR_ZONES] = {
		"DMA", "DMA32", "Normal", "Movable",
	};
	unsigned int i;

	/* 2 MiB: the unit of huge pages and of returning memory. */
	pageblock_order = min_t(unsigned int, 21 - PAGE_SHIFT, MAX_PAGE_ORDER);
	for (i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &zones[i];

		spin_lock_init(&zone->lock, LOCK_RANK_ZONE);
		zone->name = names[i];
		zone->index = i;
		if (pcp_zone_init(zone))
			return -ENOMEM;
	}
	return 0;
}
