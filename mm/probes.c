// SPDX-License-Identifier: MIT
/*
 * The probes themselves: what they pass on, in the kernel's order.
 *
 *	mm/slub.c	trace_alloc_slab() -> semaphore is 0: nothing
 *					   -> probe_alloc_slab(), here
 *	note in the	name, address, where each argument is; read by bpftrace,
 *	library		perf, SystemTap and gdb, which put a breakpoint there
 *
 * What the kernel gives as pfn is one here too: an address divided by the size
 * of a page. Names are those of the cache, as slabinfo has them.
 *
 * Six arguments are the most that bpftrace reads on x86-64; no probe has more.
 *
 * Without sys/sdt.h there are no probes, and no semaphore is ever raised.
 *
 * Source:	the kernel's include/trace/events/kmem.h; sys/sdt.h of SystemTap.
 */
#include "probes.h"

#include "../lib/bitops.h"
#include "slab.h"
#include "watch.h"

#if __has_include(<sys/sdt.h>)
#define SDT_USE_VARIADIC
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
#define PROBE(name, ...) STAP_PROBEV(kmem, name, __VA_ARGS__)
#else
static void no_probe(int none, ...) { (void)none; }
#define PROBE(name, ...) do if (0) no_probe(0, __VA_ARGS__); while (0)
#endif

/* The semaphore must be mapped from the file: not in .bss. */
#define SEMAPHORE(name)							\
	unsigned short kmem_##name##_semaphore				\
		__attribute__((section(".probes")))

/* Calls ------------------------------------------------------------------- */

/* percpu begins with its count of tracers. */
_Static_assert(offsetof(struct percpu_state, tracers) == 0, "is a semaphore");
#define kmem_kmalloc_semaphore percpu
#define kmem_kfree_semaphore percpu
#define kmem_kmem_cache_alloc_semaphore percpu
#define kmem_kmem_cache_free_semaphore percpu
#define kmem_vmalloc_semaphore percpu
#define kmem_vfree_semaphore percpu

/* As the kernel says it: any. */
#define NODE (-1)

static noinline void probe_kmalloc(const struct watch_call *call)
{
	PROBE(kmalloc, call->caller, call->result, call->size,
	      kmalloc_usable(call->result), call->gfp, NODE);
}

static noinline void probe_kfree(const struct watch_call *call)
{
	PROBE(kfree, call->caller, call->old);
}

void trace_call(const struct watch_call *call)
{
	const struct kmem_cache *s = call->cache;

	switch (call->op) {
	case WATCH_MALLOC:
	case WATCH_CALLOC:
	case WATCH_MEMALIGN:
	case WATCH_KMALLOC:
		probe_kmalloc(call);
		break;
	case WATCH_REALLOC:
		/* A block that stays where it is has been neither. */
		if (call->result && call->result == call->old)
			break;
		probe_kmalloc(call);
		if (call->result && call->old)
			probe_kfree(call);
		break;
	case WATCH_FREE:
	case WATCH_KFREE:
		probe_kfree(call);
		break;
	case WATCH_CACHE_ALLOC:
		PROBE(kmem_cache_alloc, call->caller, call->result,
		      (size_t)s->object_size, (size_t)s->size, call->gfp,
		      s->name);
		break;
	case WATCH_CACHE_FREE:
		PROBE(kmem_cache_free, call->caller, call->old, s->name);
		break;
	case WATCH_VMALLOC:
		PROBE(vmalloc, call->caller, call->result, call->size,
		      call->gfp);
		break;
	case WATCH_VFREE:
		PROBE(vfree, call->caller, call->old);
		break;
	case WATCH_ALLOC_PAGES:
	case WATCH_FREE_PAGES:
	case NR_WATCH_OPS:
		/* mm_page_alloc and mm_page_free say more. */
		break;
	}
}

/* Pages ------------------------------------------------------------------- */

SEMAPHORE(mm_page_alloc);
void probe_mm_page_alloc(const struct page *page, unsigned long nr_pages,
			 gfp_t gfp)
{
	PROBE(mm_page_alloc, page_to_pfn(page),
	      (unsigned int)fls_long(nr_pages - 1), gfp,
	      (int)gfp_migratetype(gfp), nr_pages);
}

SEMAPHORE(mm_page_free);
void probe_mm_page_free(const struct page *page, unsigned long nr_pages)
{
	PROBE(mm_page_free, page_to_pfn(page),
	      (unsigned int)fls_long(nr_pages - 1), nr_pages);
}

SEMAPHORE(mm_page_alloc_zone_locked);
void probe_mm_page_alloc_zone_locked(const struct page *page,
				     unsigned int order, int migratetype,
				     int percpu_refill)
{
	PROBE(mm_page_alloc_zone_locked, page_to_pfn(page), order, migratetype,
	      percpu_refill);
}

SEMAPHORE(mm_page_pcpu_drain);
void probe_mm_page_pcpu_drain(const struct page *page)
{
	PROBE(mm_page_pcpu_drain, page_to_pfn(page), (unsigned int)page->order,
	      (int)page->migratetype);
}

SEMAPHORE(mm_page_alloc_extfrag);
void probe_mm_page_alloc_extfrag(const struct page *page,
				 unsigned int alloc_order,
				 unsigned int fallback_order,
				 int alloc_migratetype,
				 int fallback_migratetype, int change_ownership)
{
	PROBE(mm_page_alloc_extfrag, page_to_pfn(page), alloc_order,
	      fallback_order, alloc_migratetype, fallback_migratetype,
	      change_ownership);
}

SEMAPHORE(mm_page_split);
void probe_mm_page_split(const struct page *page, unsigned int high,
			 unsigned int low)
{
	PROBE(mm_page_split, page_to_pfn(page), high, low);
}

SEMAPHORE(mm_page_merge);
void probe_mm_page_merge(const struct page *page, unsigned int order)
{
	PROBE(mm_page_merge, page_to_pfn(page), order);
}

SEMAPHORE(mm_vmscan_direct_reclaim_begin);
void probe_mm_vmscan_direct_reclaim_begin(unsigned int order, gfp_t gfp)
{
	PROBE(mm_vmscan_direct_reclaim_begin, order, gfp);
}

SEMAPHORE(mm_vmscan_direct_reclaim_end);
void probe_mm_vmscan_direct_reclaim_end(unsigned int order)
{
	PROBE(mm_vmscan_direct_reclaim_end, order);
}

/* The host ---------------------------------------------------------------- */

SEMAPHORE(online_pages);
void probe_online_pages(unsigned long pfn, unsigned long nr_pages,
			unsigned int zone)
{
	PROBE(online_pages, pfn, nr_pages, (const char *)zones[zone].name);
}

SEMAPHORE(page_reported);
void probe_page_reported(const struct page *page, unsigned int order)
{
	PROBE(page_reported, page_to_pfn(page), order);
}

/* Slabs ------------------------------------------------------------------- */

SEMAPHORE(alloc_slab);
void probe_alloc_slab(const struct kmem_cache *s, const struct page *slab)
{
	PROBE(alloc_slab, s->name, (void *)slab_address(slab),
	      (unsigned int)slab->order, (unsigned int)slab->objects);
}

SEMAPHORE(free_slab);
void probe_free_slab(const struct kmem_cache *s, const struct page *slab)
{
	PROBE(free_slab, s->name, (void *)slab_address(slab),
	      (unsigned int)slab->order, (unsigned int)slab->objects);
}

SEMAPHORE(sheaf_refill);
void probe_sheaf_refill(const struct kmem_cache *s, unsigned int objects,
			unsigned int capacity)
{
	PROBE(sheaf_refill, s->name, objects, capacity);
}

SEMAPHORE(sheaf_flush);
void probe_sheaf_flush(const struct kmem_cache *s, unsigned int objects)
{
	PROBE(sheaf_flush, s->name, objects);
}

SEMAPHORE(barn_get);
void probe_barn_get(const struct kmem_cache *s, unsigned int objects)
{
	PROBE(barn_get, s->name, objects);
}

SEMAPHORE(barn_put);
void probe_barn_put(const struct kmem_cache *s, unsigned int objects)
{
	PROBE(barn_put, s->name, objects);
}
