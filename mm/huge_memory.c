// SPDX-License-Identifier: MIT
/*
 * Huge pages: whether they pay.
 *
 * One fault brings a huge page for the price of seven small ones, if the host has
 * one at hand. It may not: a virtual machine whose free memory goes back to its
 * own host has to get it again. Measured on such a machine: 0.1 ms where the
 * page had been in use a moment ago, 2 to 4 ms where not, and 0.7 ms for the 512
 * small pages of the same size. So the first huge page of each region is touched
 * under the clock, and a few small pages beside it. If it does not pay, the
 * region is made of small pages, and so are the next ones:
 *
 *	tried  paid  tried  did not pay  -  tried  did not pay  -  -  tried ...
 *
 * What was touched still reads as zero. A huge page that paid will be used soon.
 * One that did not goes back to the host: it may lie where memory is used last,
 * and 2 MiB are much for a process that is not going to grow by as much.
 *
 * Context:	fresh memory that nobody else knows; system calls, so no lock but
 *		hotplug_lock.
 * Source:	ours; the kernel's mm/huge_memory.c is on the other side.
 * Not here:	which memory deserves huge pages: mm/sparse.c, mm/vmap_area.c.
 */
#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "internal.h"

/* Small pages to touch for comparison. */
#define NR_SMALL 8
/* Regions that go by untried after as many failures in a row: 2^n, up to this. */
#define MAX_SKIP_SHIFT 6

static _Atomic unsigned int to_skip, failures;

static u64 time_to_touch(char *addr, unsigned long nr_pages)
{
	u64 start = host_clock_precise();
	unsigned long i;

	for (i = 0; i < nr_pages; i++)
		((volatile char *)addr)[i << host.page_shift] = 0;
	return host_clock_precise() - start;
}

/* Of two who count at once one may be lost: these are hints. */
static bool skipped(void)
{
	unsigned int left = atomic_load_explicit(&to_skip, memory_order_relaxed);

	if (left)
		atomic_store_explicit(&to_skip, left - 1, memory_order_relaxed);
	return left != 0;
}

static void note_result(bool pays)
{
	unsigned int nr = 0;

	if (!pays) {
		nr = 1 + atomic_load_explicit(&failures, memory_order_relaxed);
		atomic_store_explicit(&to_skip,
				      1u << min_t(unsigned int, nr,
						  MAX_SKIP_SHIFT),
				      memory_order_relaxed);
	}
	atomic_store_explicit(&failures, nr, memory_order_relaxed);
}

/* The region holds a whole huge page, and a few pages before the end. */
static bool huge_page_pays(char *first, char *end)
{
	unsigned long small_per_huge = HUGE_PAGE_SIZE >> host.page_shift;
	unsigned long small_bytes = (unsigned long)NR_SMALL << host.page_shift;
	u64 small, huge;

	host_advise_huge(end - small_bytes, small_bytes, false);
	small = time_to_touch(end - small_bytes, NR_SMALL);
	huge = time_to_touch(first, 1);
	return huge <= small * (small_per_huge / NR_SMALL);
}

bool huge_advise(void *start, size_t size)
{
	char *first = (char *)ALIGN((unsigned long)start, HUGE_PAGE_SIZE);
	char *end = (char *)start + size;
	bool pays;

	if (kmm_params.thp == THP_NEVER)
		return false;
	if (kmm_params.thp == THP_ALWAYS)
		return !host_advise_huge(start, size, true);
	if (skipped() || host_advise_huge(start, size, true))
		return false;
	if (end < first + 2 * HUGE_PAGE_SIZE)
		return true;
	pays = huge_page_pays(first, end);
	note_result(pays);
	if (!pays) {
		host_advise_huge(start, size, false);
		host_discard(first, HUGE_PAGE_SIZE);
	}
	return pays;
}
