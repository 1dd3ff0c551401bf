/* SPDX-License-Identifier: MIT */
/*
 * Fault injection at the entry points: one test in the slow path of each. See
 * failslab.c and fail_page_alloc.c. While a call may fail, all are watched
 * (watch.h), so that no fast path succeeds and each call comes to its test.
 */
#ifndef MM_FAILSLAB_H
#define MM_FAILSLAB_H

#include <linux/slab.h>

#include "../lib/compiler.h"
#include "../lib/fault_inject.h"
#include "watch.h"

/* At boot, before the first cache. */
int failslab_init(void);
void fail_page_alloc_init(void);
/* What a new cache of this name gets beyond @flags. */
slab_flags_t failslab_cache_flags(slab_flags_t flags, const char *name);

/* May a call with these flags fail at all? Boots. */
bool fault_call_counts(gfp_t gfp);
bool failslab_slow(struct kmem_cache *s, enum watch_op op, size_t size,
		   gfp_t gfp, const void *caller);
bool fail_page_alloc_slow(enum watch_op op, gfp_t gfp, unsigned int order,
			  size_t size, const void *caller);

/* Must this call of a malloc(), of kmalloc() or for an object fail? @s: NULL if
 * no cache will serve it. No lock held; boots. */
static inline bool should_failslab(struct kmem_cache *s, enum watch_op op,
				   size_t size, gfp_t gfp, const void *caller)
{
	return unlikely(fault_injection) &&
	       failslab_slow(s, op, size, gfp, caller);
}

/* The same of a call for pages. @order: of the largest block it needs. */
static inline bool should_fail_alloc_page(enum watch_op op, gfp_t gfp,
					  unsigned int order, size_t size,
					  const void *caller)
{
	return unlikely(fault_injection) &&
	       fail_page_alloc_slow(op, gfp, order, size, caller);
}

#endif /* MM_FAILSLAB_H */
