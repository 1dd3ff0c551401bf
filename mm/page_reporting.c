// SPDX-License-Identifier: MIT
/*
 * Free page reporting: free memory goes back to the host.
 *
 * A free block is taken off its list, its pages are discarded (madvise), and
 * it is put back marked PG_zeroed: reported once, and known to read as zero,
 * so that calloc() need not clear it. While it is off the list nobody can be
 * given it, so no lock is held over the system call.
 *
 * Invariants:	R1  a block is marked only if the host did discard all of it
 * Lock order:	none held; zone->lock is taken by the helpers of page_alloc.c.
 * Source:	kernel mm/page_reporting.c.
 */
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include <kmm/kmm.h>
#include "internal.h"
#include "slab.h"

/* Blocks handled between two holds of zone->lock, as in the kernel. */
#define REPORTING_CAPACITY 32

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
		putback_reported(zone, pages + i, orders + i, 1, true);
		bytes += size;
	}
	return bytes;
}

size_t report_free_pages(void)
{
	struct page *pages[REPORTING_CAPACITY];
	unsigned int orders[REPORTING_CAPACITY];
	size_t bytes = 0, got;
	struct zone *zone;
	unsigned int nr;

	for_each_populated_zone(zone) {
		do {
			nr = isolate_unreported(zone, 0, pages, orders,
						REPORTING_CAPACITY);
			got = report_blocks(zone, pages, orders, nr);
			bytes += got;
		} while (nr && got);
	}
	return bytes;
}

size_t kmm_trim(void)
{
	size_t bytes;

	if (!mm_ready())
		return 0;
	gate_enter();
	shrink_slab_caches();
	pcp_drain_all();
	bytes = report_free_pages();
	gate_exit();
	return bytes;
}
