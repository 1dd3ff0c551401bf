// SPDX-License-Identifier: MIT
/*
 * The anchor: a map of the heap for readers outside the process.
 *
 * A kernel carries its own debug information for crash(8) and drgn to read it
 * with. A malloc is usually stripped, so it brings along what such a reader
 * needs, as constant data: the addresses of the roots and the layout of the
 * structs that are reached from them. A walk goes
 *
 *	pages:	  memmap, sparse_ranges -> struct page[]
 *	free:	  zones -> free_area[order].free_list[type] -> page.lru, and
 *		  zone.pcp -> per_cpu_pages.lists[] of each unit; these are
 *		  page_lists, whose links count from mem_range.first_link
 *	slabs:	  slab_caches -> kmem_cache.list -> node.partial and full ->
 *		  page.lru -> object page.freelist - 1, if that is not 0, whose
 *		  link is encoded as mm/slub.c says; object i
 *		  of a slab is kmem_cache.red_left_pad + i * size from its start
 *	vmalloc:  vmap_tree -> treap_node, in vmap_area
 *	owners:	  page_owners[range][page], of the same index as the range's pages
 *	sheaves:  kmem_cache.cpu_sheaves in each unit below percpu.nr_used, and
 *		  kmem_cache.barn, by slab_sheaf.next
 *		  percpu_chunks are the mappings that units are in
 *	stacks:	  stack_depot.pools -> stack_record; see lib/stackdepot.h
 *	guarded:  kfence_pool.metadata[unit], of those below its window
 *	profiles: heap_profile, alloc_sites -> tally; see lib/tally.h
 *
 * The process does not stop for the reader, so every pointer that it finds may
 * be stale: it checks each against the ranges and bounds the length of lists.
 *
 * This file alone of lib/ looks into mm/, on its left: it is a map of the
 * house and has no code that could call anything there.
 *
 * Source: the idea is that of the kernel's vmcoreinfo, kernel/vmcore_info.c.
 */
#include <kmm/anchor.h>

#include "../mm/kfence.h"
#include "../mm/kmemleak.h"
#include "../mm/page_owner.h"
#include "../mm/profile.h"
#include "../mm/slab.h"
#include "../mm/vmalloc.h"
#include "cmdline.h"
#include "fault_inject.h"
#include "host.h"
#include "stackdepot.h"

#define OBJECT(object) { #object, &(object), sizeof(object), 1 }
#define TABLE(array) { #array, array, sizeof((array)[0]), ARRAY_SIZE(array) }
#define STRUCT(type) { #type, sizeof(struct type), 0 }
#define FIELD(type, member)						\
	{ #type "." #member, offsetof(struct type, member),		\
	  sizeof(((struct type *)NULL)->member) }
#define FLEXIBLE(type, member)						\
	{ #type "." #member, offsetof(struct type, member),		\
	  sizeof(((struct type *)NULL)->member[0]) }
#define CONST(name) { #name, name, 0 }

static const struct kmm_anchor_root anchor_roots[] = {
	OBJECT(mm_state),
	OBJECT(kmm_page_shift),
	OBJECT(pageblock_order),
	OBJECT(memmap),
	TABLE(sparse_ranges),
	TABLE(zones),
	OBJECT(slab_caches),
	{ "kmalloc_row", kmalloc_row, sizeof(kmalloc_row[0][0]),
	  sizeof(kmalloc_row) / sizeof(kmalloc_row[0][0]) },
	OBJECT(percpu),
	OBJECT(percpu_chunks),
	OBJECT(vmap_tree),
	{ "page_owners", page_owners, sizeof(page_owners[0]), MAX_RANGES },
	OBJECT(kmemleak),
	OBJECT(kfence_pool),
	OBJECT(kmm_params),
	OBJECT(host),
	OBJECT(stack_depot),
	OBJECT(heap_profile),
	OBJECT(alloc_sites),
	OBJECT(fault_calls),
	OBJECT(fault_failures),
};

static const struct kmm_anchor_field anchor_fields[] = {
	CONST(MM_UP),
	CONST(MAX_NR_ZONES),
	CONST(NR_PAGE_ORDERS),
	CONST(MIGRATE_TYPES),
	CONST(MIGRATE_PCPTYPES),
	CONST(NR_PCP_LISTS),
	CONST(NR_WMARK),
	CONST(NR_ZONE_EVENTS),
	CONST(NR_KMALLOC_TYPES),
	CONST(KMALLOC_ROW_LENGTH),
	CONST(PERCPU_UNIT_SHIFT),

	STRUCT(list_head),
	FIELD(list_head, next),
	FIELD(list_head, prev),

	STRUCT(page_list),
	FIELD(page_list, first),
	FIELD(page_list, last),

	STRUCT(memmap),
	FIELD(memmap, base),
	FIELD(memmap, size),
	FIELD(memmap, pages),
	FIELD(memmap, shift),

	STRUCT(mem_range),
	FIELD(mem_range, start_pfn),
	FIELD(mem_range, end_pfn),
	FIELD(mem_range, limit_pfn),
	FIELD(mem_range, pages),
	FIELD(mem_range, first_link),

	STRUCT(page),
	FIELD(page, flags),
	FIELD(page, slab_cache),
	FIELD(page, tail_index),
	FIELD(page, lru.next),
	FIELD(page, lru.prev),
	FIELD(page, freelist),
	FIELD(page, slack),
	FIELD(page, stack),
	FIELD(page, inuse),
	FIELD(page, objects),
	FIELD(page, fresh),
	FIELD(page, list),
	FIELD(page, private),
	FIELD(page, _refcount),
	FIELD(page, nr_zeroed),
	FIELD(page, order),
	FIELD(page, pageblock),
	FIELD(page, migratetype),
	FIELD(page, slab_gen),
	/* Bits of page.flags. */
	CONST(PG_buddy),
	CONST(PG_slab),
	CONST(PG_head),
	CONST(PG_large),
	CONST(PG_zeroed),
	CONST(PG_pcp),
	CONST(PG_ZONE_SHIFT),
	CONST(PG_ZONE_MASK),
	/* Values of page.list. */
	CONST(SLAB_ON_NONE),
	CONST(SLAB_ON_PARTIAL),
	CONST(SLAB_ON_FULL),

	STRUCT(free_area),
	FIELD(free_area, free_list),
	FIELD(free_area, nr_free),

	STRUCT(zone),
	FIELD(zone, free_area),
	FIELD(zone, nr_free),
	FIELD(zone, event),
	FIELD(zone, managed_pages),
	FIELD(zone, start_pfn),
	FIELD(zone, end_pfn),
	FIELD(zone, watermark),
	FIELD(zone, lowmem_reserve),
	FIELD(zone, name),
	FIELD(zone, pcp),

	STRUCT(per_cpu_pages),
	FIELD(per_cpu_pages, count),
	FIELD(per_cpu_pages, high),
	FIELD(per_cpu_pages, batch),
	FIELD(per_cpu_pages, allocs),
	FIELD(per_cpu_pages, frees),
	FIELD(per_cpu_pages, lists),

	STRUCT(percpu_state),
	FIELD(percpu_state, nr_units),
	FIELD(percpu_state, nr_used),

	STRUCT(percpu_chunk),
	FIELD(percpu_chunk, next),
	FIELD(percpu_chunk, base),

	STRUCT(kmem_cache),
	FIELD(kmem_cache, cpu_sheaves),
	FIELD(kmem_cache, flags),
	FIELD(kmem_cache, object_size),
	FIELD(kmem_cache, size),
	FIELD(kmem_cache, offset),
	FIELD(kmem_cache, sheaf_capacity),
	FIELD(kmem_cache, order),
	FIELD(kmem_cache, min_order),
	FIELD(kmem_cache, random),
	FIELD(kmem_cache, ctor),
	FIELD(kmem_cache, objects),
	FIELD(kmem_cache, align),
	FIELD(kmem_cache, red_zone),
	FIELD(kmem_cache, red_left_pad),
	FIELD(kmem_cache, track_offset),
	FIELD(kmem_cache, orig_offset),
	FIELD(kmem_cache, refcount),
	FIELD(kmem_cache, name),
	FIELD(kmem_cache, list),
	FIELD(kmem_cache, node),
	FIELD(kmem_cache, barn),

	/* Two per object, at track_offset: of its allocation, its last free. */
	STRUCT(track),
	FIELD(track, addr),
	FIELD(track, handle),
	FIELD(track, tid),
	FIELD(track, when),
	FIELD(track, leak),

	STRUCT(kmem_cache_node),
	FIELD(kmem_cache_node, nr_partial),
	FIELD(kmem_cache_node, nr_slabs),
	FIELD(kmem_cache_node, nr_pages),
	FIELD(kmem_cache_node, nr_objects),
	FIELD(kmem_cache_node, nr_inuse),
	FIELD(kmem_cache_node, partial),
	FIELD(kmem_cache_node, full),

	STRUCT(node_barn),
	FIELD(node_barn, nr_full),
	FIELD(node_barn, nr_empty),
	FIELD(node_barn, full),
	FIELD(node_barn, empty),

	STRUCT(slub_percpu_sheaves),
	FIELD(slub_percpu_sheaves, main),
	FIELD(slub_percpu_sheaves, spare),
	FIELD(slub_percpu_sheaves, refills),
	FIELD(slub_percpu_sheaves, flushes),

	STRUCT(treap_node),
	FIELD(treap_node, left),
	FIELD(treap_node, right),
	FIELD(treap_node, key),

	STRUCT(vmap_area),
	FIELD(vmap_area, node),
	FIELD(vmap_area, size),
	FIELD(vmap_area, base),
	FIELD(vmap_area, end),
	FIELD(vmap_area, owner),

	STRUCT(page_owner),
	FIELD(page_owner, when),
	FIELD(page_owner, size),
	FIELD(page_owner, handle),
	FIELD(page_owner, free_handle),
	FIELD(page_owner, tid),

	STRUCT(kmemleak),
	FIELD(kmemleak, objects),
	FIELD(kmemleak, areas),
	STRUCT(kmemleak_object),
	FIELD(kmemleak_object, node),
	FIELD(kmemleak_object, size),
	FIELD(kmemleak_object, flags),
	FIELD(kmemleak_object, min_count),
	FIELD(kmemleak_object, handle),

	STRUCT(kfence_pool),
	FIELD(kfence_pool, start),
	FIELD(kfence_pool, size),
	FIELD(kfence_pool, metadata),
	FIELD(kfence_pool, units),
	FIELD(kfence_pool, nr_units),
	FIELD(kfence_pool, window),
	FIELD(kfence_pool, start_time),
	STRUCT(kfence_metadata),
	FIELD(kfence_metadata, state),
	FIELD(kfence_metadata, nr_units),
	FIELD(kfence_metadata, addr),
	FIELD(kfence_metadata, size),
	FIELD(kfence_metadata, cache),
	FIELD(kfence_metadata, name),
	FIELD(kfence_metadata, alloc),
	FIELD(kfence_metadata, free),
	STRUCT(kfence_track),
	FIELD(kfence_track, stack),
	FIELD(kfence_track, tid),
	FIELD(kfence_track, time),
	/* Values of kfence_metadata.state. */
	CONST(KFENCE_OBJECT_ALLOCATED),
	CONST(KFENCE_OBJECT_FREED),

	STRUCT(slab_sheaf),
	FIELD(slab_sheaf, size),
	FIELD(slab_sheaf, capacity),
	FIELD(slab_sheaf, next),
	FLEXIBLE(slab_sheaf, objects),

	CONST(DEPOT_OFFSET_BITS),
	CONST(DEPOT_UNIT_SHIFT),
	CONST(DEPOT_POOL_SHIFT),
	CONST(DEPOT_NR_POOLS),
	STRUCT(stack_depot),
	FIELD(stack_depot, pools),
	FIELD(stack_depot, next),
	FIELD(stack_depot, nr_stacks),
	STRUCT(stack_record),
	FIELD(stack_record, hash),
	FIELD(stack_record, nr),
	FIELD(stack_record, handle),
	FLEXIBLE(stack_record, entries),

	CONST(TALLY_FIRST_SHIFT),
	CONST(TALLY_CHUNKS),
	STRUCT(tally_table),
	FIELD(tally_table, nr),
	FIELD(tally_table, chunks),
	STRUCT(tally),
	FIELD(tally, key),
	FIELD(tally, nr_frees),
	FIELD(tally, free_bytes),
	FIELD(tally, nr_allocs),
	FIELD(tally, alloc_bytes),
	/* Values of alloc_sites' tally.key[1]. */
	CONST(SITE_CALLER),
	CONST(SITE_TAG),
};

const struct kmm_anchor kmm_anchor = {
	.magic = KMM_ANCHOR_MAGIC,
	.version = KMM_ANCHOR_VERSION,
	.size = sizeof(kmm_anchor),
	.page_shift = &kmm_page_shift,
	.roots = anchor_roots,
	.fields = anchor_fields,
	.nr_roots = ARRAY_SIZE(anchor_roots),
	.nr_fields = ARRAY_SIZE(anchor_fields),
};
