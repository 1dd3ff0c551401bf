// SPDX-License-Identifier: MIT
/*
 * fail_page_alloc: calls of alloc_pages() and vmalloc() that fail on purpose.
 *
 * The pages of a slab are the library's own and never fail here; in the kernel
 * they do, and fail the object with them. Exempt are __GFP_NOFAIL, blocks below
 * fail_page_min_order, and with fail_ignore_reclaim calls that may block. The
 * kernel spares order 0 by default, and what may block: it must survive; here
 * only the program is at stake. A vmalloc() is made of pages of order 0.
 *
 * Context:	no lock held, outside the fork gate or inside.
 * Source:	kernel mm/fail_page_alloc.c.
 * Not here:	how it is decided (lib/fault_inject.c).
 */
#include "../lib/cmdline.h"
#include "failslab.h"
#include "internal.h"

static struct fault_attr fail_page_alloc = FAULT_ATTR_INITIALIZER;

noinline bool fail_page_alloc_slow(enum watch_op op, gfp_t gfp,
				   unsigned int order, size_t size,
				   const void *caller)
{
	struct fault_call call = {
		.function = op == WATCH_VMALLOC ? "vmalloc" : "alloc_pages",
		.size = size,
		.caller = caller,
	};

	if (!fault_call_counts(gfp) ||
	    order < kmm_params.fail_page_min_order)
		return false;
	return should_fail(&fail_page_alloc, &call);
}

void fail_page_alloc_init(void)
{
	fault_attr_param(&fail_page_alloc, "fail_page_alloc",
			 kmm_params.fail_page_alloc);
}
