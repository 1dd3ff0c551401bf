// SPDX-License-Identifier: MIT
/*
 * Free page reporting: free memory goes back to the host.
 *
 * A free block is taken off its list, its pages are discarded (madvise), and
 * it is put back marked PG_zeroed: reported once, and known to read as zero,
 * so that calloc() need not clear it. While it is off the list nobody can be
 * given it, so no lock is held over the system call.
 *
 * To give memory back and to need it again costs a system call and as many
 * page faults; to keep it costs memory. Three occasions:
 *
 *   make room	The process is about to touch new memory while it has free memory
 *		that does not fit (a block larger than all free ones, a mapping).
 *		As much goes back as would raise the process above its highest
 *		level so far. So the peak is that of the memory in use, and a
 *		process that stays below its peak pays nothing.
 *   reporter	A thread that looks once a second, while there is much free
 *		memory. What has been free for all of that second is surplus and
 *		goes back, whole pageblocks only. If nobody has asked for a page
 *		meanwhile, the process is idle: then the caches are emptied, and
 *		smaller blocks go as well. A load that needs its memory again
 *		within a second never has a surplus.
 *   kmm_trim()	All there is, at once.
 *
 * The reporter is started by whoever frees memory while PAGE_REPORTING_MIN bytes
 * are free, and ends after a while without work: a process that never has much
 * to give back has no second thread. A fork's child starts its own.
 *
 * Freed blocks that mm/vmap_kept.c keeps go on the same occasions, and first.
 *
 * Invariants:	R1  a block is marked only if the host did discard all of it
 *		R2  page_reporting_active: there is a reporter, or there must not
 *		    be one; it is set before the thread is started
 * Lock order:	none held; zone->lock is taken by the helpers of buddy.c.
 * Context:	inside the fork gate; the reporter enters it for each look.
 * Source:	kernel mm/page_reporting.c: its order, batches and delay. What has
 *		no counterpart there is the choice of what is surplus.
 */
#include <limits.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include <kmm/kmm.h>
#include "internal.h"
#include "probes.h"
#include "slab.h"

/* Blocks handled between two holds of zone->lock: few, since others cannot
 * have them meanwhile. (Kernel: 32.) */
#define REPORTING_CAPACITY 8

/* The reporter looks this often, ... */
#define REPORTING_INTERVAL_MS 1000
/* ... and ends after so many looks that found nothing to do. */
#define REPORTING_QUIET 5

/* The smallest blocks that are worth a system call: 64 KiB. */
#define REPORTING_MIN_ORDER 4

_Atomic bool page_reporting_active;

static size_t report_blocks(struct zone *zone, struct page **pages,
			    unsigned int *orders, unsigned int nr)
{
	size_t bytes = 0, size;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		size = PAGE_SIZE << orders[i];
		if (host_discard(page_address(pages[i]), size)) {
			/* Refused, or locked memory: keep it as it is. */
			putback_reported(zone, pages + i, orders + i, nr - i,
					 false);
			return bytes;
		}
		bytes += size - (block_zeroed(pages[i]) << PAGE_SHIFT);
		trace_page_reported(pages[i], orders[i]);
		putback_reported(zone, pages + i, orders + i, 1, true);
	}
	return bytes;
}

static size_t report_zone(struct zone *zone, unsigned int min_order,
			  bool keep_huge, size_t max_bytes)
{
	struct page *pages[REPORTING_CAPACITY];
	unsigned int orders[REPORTING_CAPACITY];
	size_t bytes = 0, got;
	unsigned int nr;

	do {
		nr = isolate_unreported(zone, min_order, keep_huge, pages,
					orders, REPORTING_CAPACITY);
		got = report_blocks(zone, pages, orders, nr);
		bytes += got;
	} while (nr && got && bytes < max_bytes);
	return bytes;
}

size_t report_free_pages(unsigned int min_order, bool keep_huge,
			 unsigned long max_pages)
{
	size_t max = max_pages > SIZE_MAX >> PAGE_SHIFT ? SIZE_MAX :
							  max_pages << PAGE_SHIFT;
	size_t bytes = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		if (bytes < max)
			bytes += report_zone(zone, min_order, keep_huge,
					     max - bytes);
	return bytes;
}

size_t kmm_trim(void)
{
	size_t bytes;

	if (!mm_ready())
		return 0;
	gate_enter();
	shrink_slab_caches(true);
	pcp_drain_all();
	bytes = vmalloc_shrink(SIZE_MAX) +
		report_free_pages(0, false, ULONG_MAX);
	gate_exit();
	return bytes;
}

/* Making room ------------------------------------------------------------- */

/* Pages that are, by all we know, resident: in use or dirty. */
static unsigned long resident_pages(void)
{
	unsigned long nr = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		nr += READ_ONCE(zone->managed_pages) -
		      READ_ONCE(zone->nr_zeroed);
	return nr + (vmalloc_bytes() >> PAGE_SHIFT);
}

/* Pages that were resident at one time; an estimate. */
static _Atomic unsigned long peak;

unsigned long page_reporting_make_room(unsigned long nr_pages, bool report)
{
	unsigned long level = resident_pages() + nr_pages;
	unsigned long highest = atomic_load_explicit(&peak,
						     memory_order_relaxed);

	if (level <= highest)
		return highest;
	level -= vmalloc_shrink((level - highest) << PAGE_SHIFT) >> PAGE_SHIFT;
	if (report && level > highest)
		level -= report_free_pages(REPORTING_MIN_ORDER, true,
					   level - highest) >> PAGE_SHIFT;
	/* Of two who raise it at once, one may lose. */
	if (level > highest)
		atomic_store_explicit(&peak, level, memory_order_relaxed);
	return highest;
}

/*
 * Free pages that were given back, and a freed block that is their buddy, become
 * one block, which counts as used. So the level may rise without memory that is
 * asked for as fresh:
 *
 *	|     |xxxxx|		given back, and in use
 *	|. . . . . .|		free, and half of it takes memory when it is used
 *
 * Kept blocks go for that, or the process would pass its highest level by what
 * they hold.
 */
void page_reporting_keep_level(void)
{
	unsigned long level = resident_pages();
	unsigned long highest = atomic_load_explicit(&peak,
						     memory_order_relaxed);

	if (level > highest)
		vmalloc_shrink((level - highest) << PAGE_SHIFT);
}

/* Or else a single request that nobody could meet would be the level below which
 * everything is kept. */
void page_reporting_no_room(unsigned long highest)
{
	if (atomic_load_explicit(&peak, memory_order_relaxed) > highest)
		atomic_store_explicit(&peak, highest, memory_order_relaxed);
}

/* The reporter ------------------------------------------------------------ */

static unsigned long count_events(enum zone_event event)
{
	unsigned long nr = 0;
	struct zone *zone;

	for_each_populated_zone(zone) {
		spin_lock(&zone->lock);
		nr += zone->event[event];
		spin_unlock(&zone->lock);
	}
	return nr;
}

static bool is_idle(void)
{
	static unsigned long last_taken;
	unsigned long taken = count_events(PGALLOC) + vmalloc_bytes_freed();
	bool idle = taken == last_taken;

	last_taken = taken;
	return idle;
}

/* Pages that have been free since the last call. */
static unsigned long restart_low_dirty(struct zone *zone)
{
	unsigned long low;

	spin_lock(&zone->lock);
	low = zone->low_dirty;
	zone->low_dirty = zone_dirty(zone);
	spin_unlock(&zone->lock);
	return low;
}

/* One look; false if there was nothing to do. */
static bool look(void)
{
	struct zone *zone;
	size_t bytes = 0, surplus;

	if (is_idle()) {
		shrink_slab_caches(true);
		pcp_drain_all();
		bytes = vmalloc_shrink(SIZE_MAX);
		bytes += report_free_pages(REPORTING_MIN_ORDER, false,
					   ULONG_MAX);
		return bytes != 0;
	}
	bytes = vmalloc_age();
	for_each_populated_zone(zone) {
		surplus = restart_low_dirty(zone) << PAGE_SHIFT;
		if (surplus)
			bytes += report_zone(zone, pageblock_order, true,
					     surplus);
	}
	return bytes != 0;
}

static void look_until_quiet(void)
{
	unsigned int quiet = 0;

	while (quiet < REPORTING_QUIET) {
		host_sleep_ms(REPORTING_INTERVAL_MS);
		gate_enter();
		quiet = look() ? 0 : quiet + 1;
		gate_exit();
	}
}

static void *reporter(void *arg)
{
	unsigned long freed;

	host_name_thread("kmm-reporter");
	do {
		look_until_quiet();
		freed = count_events(PGFREE);
		/* Whoever frees memory from now on starts another one; what
		 * came free in between is ours to look after. */
		atomic_store(&page_reporting_active, false);
	} while (freed != count_events(PGFREE) &&
		 !atomic_exchange(&page_reporting_active, true));
	return arg;
}

/* The process for which a thread may be started; a child of vfork() is none. */
static int reporting_pid;

noinline void page_reporting_start(void)
{
	struct zone *zone;

	if (!kmm_params.page_reporting || memcheck_active() ||
	    !reporting_pid || reporting_pid != host_getpid())
		return;
	if (atomic_exchange(&page_reporting_active, true))
		return;
	for_each_populated_zone(zone) {
		spin_lock(&zone->lock);
		zone->low_dirty = 0;
		spin_unlock(&zone->lock);
	}
	/* If the host refuses, it stays at that: there is still making room. */
	host_start_thread(reporter);
}

/* Threads may be started from the constructors on, and in the child of a fork,
 * which has none of its parent's. */
void page_reporting_enable(void)
{
	reporting_pid = host_getpid();
	atomic_store(&page_reporting_active, false);
}
