// SPDX-License-Identifier: MIT
/*
 * failslab: calls of malloc(), kmalloc() and for objects of caches that fail on
 * purpose.
 *
 * Each such call of the program asks should_failslab() before it does anything.
 * Never failed are
 *   - the library's own allocations, which come by no entry point, and its boot;
 *   - __GFP_NOFAIL, whose callers do not look at the result;
 *   - with fail_ignore_reclaim, calls that may block. That is the kernel's
 *     default (ignore-gfp-wait); there most calls that matter are atomic, here
 *     malloc() would be left out;
 *   - once a cache has SLAB_FAILSLAB, calls that no such cache serves
 *     (cache-filter). failslab_cache= gives caches that flag, and so does the
 *     letter A of slab_debug.
 * __GFP_NOWARN hides no message: malloc() always has it.
 *
 * realloc() is a call like any other, though a block that shrinks could stay
 * where it is: C promises no more.
 *
 * Context:	no lock held, outside the fork gate or inside.
 * Source:	kernel mm/failslab.c.
 * Not here:	how it is decided (lib/fault_inject.c); pages (fail_page_alloc.c).
 */
#include <string.h>

#include "../lib/cmdline.h"
#include "failslab.h"
#include "internal.h"
#include "slab.h"
#include "slub_debug.h"

static struct fault_attr failslab = FAULT_ATTR_INITIALIZER;
static bool cache_filter;	/* a cache has SLAB_FAILSLAB */

static const char *const function_names[NR_WATCH_OPS] = {
	[WATCH_MALLOC] = "malloc",
	[WATCH_CALLOC] = "calloc",
	[WATCH_REALLOC] = "realloc",
	[WATCH_MEMALIGN] = "memalign",
	[WATCH_KMALLOC] = "kmalloc",
	[WATCH_CACHE_ALLOC] = "kmem_cache_alloc",
};

bool fault_call_counts(gfp_t gfp)
{
	if (!mm_ready() || !fault_injection)
		return false;
	/* This thread boots. */
	if (atomic_load(&mm_state) != MM_UP)
		return false;
	if (gfp & __GFP_NOFAIL)
		return false;
	return !kmm_params.fail_ignore_reclaim ||
	       !(gfp & __GFP_DIRECT_RECLAIM);
}

noinline bool failslab_slow(struct kmem_cache *s, enum watch_op op, size_t size,
			    gfp_t gfp, const void *caller)
{
	struct fault_call call = {
		.function = function_names[op],
		.size = size,
		.caller = caller,
	};

	if (!fault_call_counts(gfp))
		return false;
	if (cache_filter && !(s && (s->flags & SLAB_FAILSLAB)))
		return false;
	if (op == WATCH_CACHE_ALLOC)
		call.cache = s->name;
	return should_fail(&failslab, &call);
}

slab_flags_t failslab_cache_flags(slab_flags_t flags, const char *name)
{
	const char *glob = param_text(kmm_params.failslab_cache);

	if (glob && glob_matches(glob, glob + strlen(glob), name))
		flags |= SLAB_FAILSLAB;
	if (flags & SLAB_FAILSLAB)
		cache_filter = true;
	return flags;
}

int __init failslab_init(void)
{
	fault_injection = kmm_params.fail_nth != 0;
	fault_attr_param(&failslab, "failslab", kmm_params.failslab);
	fail_page_alloc_init();
	/* A glob that matches nothing must not mean all caches. */
	cache_filter = kmm_params.failslab_cache != 0;
	if (!fault_injection)
		return 0;
	calls_watched = true;
	fault_inject_init();
	return 0;
}
