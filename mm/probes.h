/* SPDX-License-Identifier: MIT */
/*
 * Probes: places that a tracer can attach to (USDT, sys/sdt.h), named after the
 * kernel's tracepoints. A trace_... function stands where the event happens.
 * What each one says, and when, is a table in Documentation/probes.md.
 *
 * With nobody attached an event costs a look at one word, and its arguments
 * are not computed. Never on the fast paths: see trace_call().
 */
#ifndef MM_PROBES_H
#define MM_PROBES_H

#include <linux/gfp.h>

#include "../lib/compiler.h"
#include "internal.h"

struct kmem_cache;
struct watch_call;

/*
 * The kernel counts the tracers of a probe in its semaphore, from outside, in
 * each process that has mapped the library. Each probe_... function is out of
 * line: one place in the code for each probe.
 */
#define KMEM_PROBE(name, params, args)					\
	extern __hidden unsigned short kmem_##name##_semaphore;		\
	void probe_##name params;					\
	static inline void trace_##name params				\
	{								\
		if (unlikely(READ_ONCE(kmem_##name##_semaphore)))	\
			probe_##name args;				\
	}

/* Pages. Under zone->lock where the kernel's are: all but the first two and
 * those of reclaim. */
KMEM_PROBE(mm_page_alloc,
	   (const struct page *page, unsigned long nr_pages, gfp_t gfp),
	   (page, nr_pages, gfp))
KMEM_PROBE(mm_page_free, (const struct page *page, unsigned long nr_pages),
	   (page, nr_pages))
KMEM_PROBE(mm_page_alloc_zone_locked,
	   (const struct page *page, unsigned int order, int migratetype,
	    int percpu_refill),
	   (page, order, migratetype, percpu_refill))
KMEM_PROBE(mm_page_pcpu_drain, (const struct page *page), (page))
KMEM_PROBE(mm_page_alloc_extfrag,
	   (const struct page *page, unsigned int alloc_order,
	    unsigned int fallback_order, int alloc_migratetype,
	    int fallback_migratetype, int change_ownership),
	   (page, alloc_order, fallback_order, alloc_migratetype,
	    fallback_migratetype, change_ownership))
KMEM_PROBE(mm_page_split,
	   (const struct page *page, unsigned int high, unsigned int low),
	   (page, high, low))
KMEM_PROBE(mm_page_merge, (const struct page *page, unsigned int order),
	   (page, order))
KMEM_PROBE(mm_vmscan_direct_reclaim_begin, (unsigned int order, gfp_t gfp),
	   (order, gfp))
KMEM_PROBE(mm_vmscan_direct_reclaim_end, (unsigned int order), (order))

/* Memory from the host, and back. */
KMEM_PROBE(online_pages,
	   (unsigned long pfn, unsigned long nr_pages, unsigned int zone),
	   (pfn, nr_pages, zone))
KMEM_PROBE(page_reported, (const struct page *page, unsigned int order),
	   (page, order))

/* Slabs, sheaves and the barn; none under a lock of the cache but barn_get and
 * barn_put, which may be under that of a CPU's slot. */
KMEM_PROBE(alloc_slab, (const struct kmem_cache *s, const struct page *slab),
	   (s, slab))
KMEM_PROBE(free_slab, (const struct kmem_cache *s, const struct page *slab),
	   (s, slab))
KMEM_PROBE(sheaf_refill,
	   (const struct kmem_cache *s, unsigned int objects,
	    unsigned int capacity),
	   (s, objects, capacity))
KMEM_PROBE(sheaf_flush, (const struct kmem_cache *s, unsigned int objects),
	   (s, objects))
KMEM_PROBE(barn_get, (const struct kmem_cache *s, unsigned int objects),
	   (s, objects))
KMEM_PROBE(barn_put, (const struct kmem_cache *s, unsigned int objects),
	   (s, objects))

/*
 * The probes of calls: kmalloc, kfree, kmem_cache_alloc, kmem_cache_free,
 * vmalloc and vfree. They share one semaphore, percpu.tracers: while it is not
 * 0 every call takes its slow path, which ends in watch_call(), which calls
 * this.
 */
void trace_call(const struct watch_call *call);

#endif /* MM_PROBES_H */
