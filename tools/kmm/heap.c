// SPDX-License-Identifier: MIT
/*
 * Reading all blocks of a heap.
 *
 *	view.c    -> objects of slabs, less those that are free, in a sheaf, or
 *		     never handed out; large blocks; blocks of alloc_pages();
 *		     vmalloc blocks
 *	page_owner, slab_debug -> who allocated them
 *	kfence_pool -> guarded objects
 *	kmemleak  -> what the program said of its blocks
 *
 * Every pointer that is followed comes from the target, which may be damaged or
 * running: lengths are bounded, and what cannot be read is left out.
 *
 * The structs are the headers' of mm/; remote_find_heap() has checked that the
 * target's are laid out the same.
 */
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "kmm.h"
#include "kfence.h"
#include "kmemleak.h"
#include "page_owner.h"
#include "slab.h"
#include "stackdepot.h"
#include "view.h"
#include "vmalloc.h"

struct reader {
	struct heap *heap;
	struct view *v;
	uint64_t owners[MAX_RANGES];	/* of the pages of each range; 0: none */
	struct view_slab slab;		/* the one at hand */
	size_t max_blocks, max_extents, max_areas;
};

static struct block *add_block(struct reader *r, const struct block *block)
{
	struct heap *heap = r->heap;

	heap->blocks = xgrow(heap->blocks, heap->nr_blocks, &r->max_blocks,
			     sizeof(*block));
	heap->blocks[heap->nr_blocks] = *block;
	heap->tracked |= block->stack != 0;
	return &heap->blocks[heap->nr_blocks++];
}

static void add_extent(struct reader *r, uint64_t start, uint64_t end)
{
	struct heap *heap = r->heap;

	if (start >= end)
		return;
	heap->extents = xgrow(heap->extents, heap->nr_extents, &r->max_extents,
			      sizeof(*heap->extents));
	heap->extents[heap->nr_extents++] = (struct extent){ start, end };
}

/* Slabs -------------------------------------------------------------------- */

/* What the cache's own bookkeeping says of an object. */
static uint16_t cache_flags(const struct view_cache *c)
{
	/* It points to blocks. */
	if (!strcmp(c->name, "kmem_cache"))
		return KMEMLEAK_NOT_LEAK;
	return c->own ? KMEMLEAK_IGNORE : 0;
}

static void add_object(struct reader *r, const struct view_slab *slab,
		       unsigned int nr)
{
	const struct view_cache *c = slab->cache;
	unsigned int requested = view_requested(slab, nr);
	struct block block = {
		.start = view_object(slab, nr),
		.size = requested ? requested : c->s.object_size,
		.cache = c->name,
		.kind = c->own ? BLOCK_OWN : BLOCK_OBJECT,
		.flags = cache_flags(c),
		.min_count = 1,
	};
	struct track tracks[2], *track = &tracks[TRACK_ALLOC];

	if (view_tracks(slab, nr, tracks)) {
		block.stack = track->handle;
		block.tid = track->tid;
		block.when = track->when;
		/* It was damaged, and set aside: nobody's. */
		if (!track->when)
			return;
	}
	add_block(r, &block);
}

static void read_slab(struct reader *r, const struct view_block *block)
{
	unsigned int i;

	if (!view_read_slab(r->v, block, &r->slab))
		return;
	for (i = 0; i < r->slab.nr_objects; i++)
		if (r->slab.state[i] == OBJECT_LIVE)
			add_object(r, &r->slab, i);
}

/* Pages -------------------------------------------------------------------- */

static void set_owner(struct block *block, const struct page_owner *owner)
{
	if (!owner->size)
		return;
	block->stack = owner->handle;
	block->tid = owner->tid;
	block->when = owner->when;
	if (owner->size < block->size)
		block->size = owner->size;
}

static void add_pages(struct reader *r, const struct view_block *pages,
		      struct block *block)
{
	const struct mem_range *range = pages->range;
	uint64_t owners = r->owners[range - r->v->ranges];
	struct page_owner owner;

	block->start = pages->pfn << r->v->page_shift;
	block->kind = BLOCK_PAGES;
	block->min_count = 1;
	if (owners && view_read_at(r->v, owners + (pages->pfn - range->start_pfn) *
							  sizeof(owner),
				   &owner, sizeof(owner)))
		set_owner(block, &owner);
	add_block(r, block);
}

static void read_block(struct view *v, const struct view_block *pages,
		       void *data)
{
	struct block block = { .size = pages->nr_pages << v->page_shift };
	struct reader *r = data;

	switch (pages->kind) {
	case VIEW_SLAB:
		read_slab(r, pages);
		return;
	case VIEW_LARGE:
		/* With slab_debug, the page knows what was asked for, and who
		 * did. */
		block.size -= pages->page.slack;
		block.stack = pages->page.slack ? pages->page.stack : 0;
		add_pages(r, pages, &block);
		return;
	case VIEW_PAGES:
		/* These are the program's to keep track of, as in the kernel:
		 * they are searched, and never lost. */
		block.flags = KMEMLEAK_NOT_LEAK;
		add_pages(r, pages, &block);
		return;
	default:
		return;
	}
}

static void read_ranges(struct reader *r)
{
	const struct mem_range *range;
	struct kmm_anchor_root root;
	uint64_t owners;
	unsigned int i;

	/* The address of the first page, which is no reference to its block. */
	if (remote_root(r->v->remote, "memmap", &root))
		add_extent(r, (uint64_t)root.address,
			   (uint64_t)root.address + root.size);
	remote_read_root(r->v->remote, "page_owners", r->owners,
			 sizeof(r->owners));
	for (i = 0; i < r->v->nr_ranges; i++) {
		range = &r->v->ranges[i];
		owners = r->owners[i];
		add_extent(r, range->start_pfn << r->v->page_shift,
			   range->end_pfn << r->v->page_shift);
		add_extent(r, (uint64_t)range->pages,
			   (uint64_t)range->pages + range->map_bytes);
		if (owners)
			add_extent(r, owners,
				   owners + (range->limit_pfn - range->start_pfn) *
						    sizeof(struct page_owner));
	}
	view_for_each_block(r->v, read_block, r);
	view_slab_free(&r->slab);
}

static void read_vmalloc(struct reader *r)
{
	const struct vmap_area *area;
	struct block block;
	size_t i;

	for (i = 0; i < r->v->nr_areas; i++) {
		area = &r->v->areas[i];
		block = (struct block){ .start = area->node.key,
					.size = area->size,
					.kind = BLOCK_VMALLOC,
					.min_count = 1 };
		add_extent(r, area->base, area->end);
		set_owner(&block, &area->owner);
		add_block(r, &block);
	}
}

/* What the program said ---------------------------------------------------- */

static bool read_foreign(struct view *v, uint64_t node, void *data)
{
	struct kmemleak_object object;

	if (!view_read_at(v, node, &object, sizeof(object)))
		return false;
	if (!(object.flags & KMEMLEAK_FOREIGN))
		return true;
	add_block(data, &(struct block){ .start = object.node.key,
				      .size = object.size,
				      .kind = BLOCK_FOREIGN,
				      .stack = object.handle,
				      .flags = (uint16_t)object.flags,
				      .min_count = object.min_count });
	return true;
}

static bool read_colour(struct view *v, uint64_t node, void *data)
{
	struct kmemleak_object object;
	struct reader *r = data;
	struct block *block;

	if (!view_read_at(v, node, &object, sizeof(object)))
		return false;
	block = heap_find(r->heap, object.node.key);
	if (block && block->start == object.node.key)
		block->flags |= (uint16_t)object.flags;
	return true;
}

static bool read_area(struct view *v, uint64_t node, void *data)
{
	struct reader *r = data;
	struct heap *heap = r->heap;
	struct kmemleak_object object;

	if (!view_read_at(v, node, &object, sizeof(object)))
		return false;
	heap->areas = xgrow(heap->areas, heap->nr_areas, &r->max_areas,
			    sizeof(*heap->areas));
	heap->areas[heap->nr_areas++] = (struct extent){
		object.node.key, object.node.key + object.size
	};
	return true;
}

/* kmemleak's records name blocks: the pages they are in are not searched. */
static void read_record_pages(struct reader *r, const struct kmemleak *k)
{
	uint64_t chunk = (uint64_t)k->chunks, next;
	size_t steps = 0;

	for (; chunk && steps++ < 1000000; chunk = next) {
		add_extent(r, chunk, chunk + KMEMLEAK_CHUNK_BYTES);
		if (!view_read_at(r->v, chunk, &next, sizeof(next)))
			return;
	}
}

/* Guarded objects ---------------------------------------------------------- */

#define UNITS_AT_ONCE 1024

/* The name lives as long as the process: blocks point to it. */
static const char *guarded_name(struct reader *r,
				const struct kfence_metadata *meta)
{
	const struct view_cache *c = view_find_cache(r->v, (uint64_t)meta->cache);
	char name[64];

	if (c)
		return c->name;
	view_read_string(r->v, (uint64_t)meta->name, name, sizeof(name));
	return xstrdup(name);
}

static void read_guarded(struct reader *r, const struct kfence_metadata *meta,
			 uint64_t start_time)
{
	if (meta->state != KFENCE_OBJECT_ALLOCATED)
		return;
	add_block(r, &(struct block){ .start = meta->addr,
				      .size = meta->size,
				      .when = start_time + meta->alloc.time,
				      .cache = guarded_name(r, meta),
				      .stack = meta->alloc.stack,
				      .tid = (uint32_t)meta->alloc.tid,
				      .kind = BLOCK_OBJECT,
				      .min_count = 1 });
}

/* Its blocks are searched; what is around them, and their records, which name
 * each of them, are not. */
static void read_kfence(struct reader *r)
{
	struct kfence_metadata *metadata;
	struct kfence_pool pool;
	uint64_t unit, nr, i;

	remote_read_root(r->v->remote, "kfence_pool", &pool, sizeof(pool));
	if (!pool.size)
		return;
	add_extent(r, pool.start, pool.start + pool.size);
	add_extent(r, (uint64_t)pool.units,
		   (uint64_t)(pool.metadata + pool.nr_units));
	metadata = xcalloc(UNITS_AT_ONCE, sizeof(*metadata));
	for (unit = 1; unit < pool.window; unit += nr) {
		nr = pool.window - unit;
		if (nr > UNITS_AT_ONCE)
			nr = UNITS_AT_ONCE;
		if (!view_read_at(r->v, (uint64_t)(pool.metadata + unit),
				  metadata, nr * sizeof(*metadata)))
			continue;
		for (i = 0; i < nr; i++)
			read_guarded(r, &metadata[i], pool.start_time);
	}
	free(metadata);
}

/* All of it ---------------------------------------------------------------- */

static int compare_blocks(const void *a, const void *b)
{
	uint64_t x = ((const struct block *)a)->start;
	uint64_t y = ((const struct block *)b)->start;

	return x < y ? -1 : x > y;
}

static int compare_extents(const void *a, const void *b)
{
	uint64_t x = ((const struct extent *)a)->start;
	uint64_t y = ((const struct extent *)b)->start;

	return x < y ? -1 : x > y;
}

/* A foreign block may lie around others, or a running process have shown one
 * twice: the first one stays. */
static void sort_blocks(struct heap *heap)
{
	size_t i, nr = 0;

	qsort(heap->blocks, heap->nr_blocks, sizeof(*heap->blocks),
	      compare_blocks);
	for (i = 0; i < heap->nr_blocks; i++)
		if (!nr || heap->blocks[i].start >=
				   heap->blocks[nr - 1].start +
					   heap->blocks[nr - 1].size)
			heap->blocks[nr++] = heap->blocks[i];
	heap->nr_blocks = nr;
}

/* The copies of the caches' names are the library's own blocks. */
static void hide_names(struct reader *r)
{
	struct block *block;
	size_t i;

	for (i = 0; i < r->v->nr_caches; i++) {
		block = heap_find(r->heap, (uint64_t)r->v->caches[i].s.name);
		if (!block)
			continue;
		block->kind = BLOCK_OWN;
		block->flags |= KMEMLEAK_IGNORE;
	}
}

struct heap *heap_read(struct remote *remote)
{
	struct heap *heap = xcalloc(1, sizeof(*heap));
	struct reader r = { .heap = heap };
	struct kmemleak leak;

	heap->remote = remote;
	if (!remote_heap_is_up(remote))
		return heap;
	heap->view = r.v = view_read(remote, VIEW_SHEAF_OBJECTS);
	remote_read_root(remote, "kmemleak", &leak, sizeof(leak));
	read_ranges(&r);
	read_vmalloc(&r);
	read_kfence(&r);
	view_for_each_node(r.v, &leak.objects, read_foreign, &r);
	read_record_pages(&r, &leak);
	sort_blocks(heap);
	hide_names(&r);
	view_for_each_node(r.v, &leak.objects, read_colour, &r);
	view_for_each_node(r.v, &leak.areas, read_area, &r);
	qsort(heap->extents, heap->nr_extents, sizeof(*heap->extents),
	      compare_extents);
	qsort(heap->areas, heap->nr_areas, sizeof(*heap->areas),
	      compare_extents);
	return heap;
}

void heap_free(struct heap *heap)
{
	if (heap->view)
		view_free(heap->view);
	free(heap->blocks);
	free(heap->extents);
	free(heap->areas);
	free(heap);
}

struct block *heap_find(struct heap *heap, uint64_t address)
{
	size_t low = 0, high = heap->nr_blocks, mid;
	struct block *block;

	/* The first one that starts behind the address... */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (heap->blocks[mid].start > address)
			high = mid;
		else
			low = mid + 1;
	}
	if (!low)
		return NULL;
	block = &heap->blocks[low - 1];
	/* Nothing, allocated, is an address all the same. */
	return address - block->start < (block->size ? block->size : 1) ?
		       block : NULL;
}

bool heap_in_extent(const struct heap *heap, uint64_t address, uint64_t *end)
{
	size_t i;

	for (i = 0; i < heap->nr_extents; i++) {
		if (address >= heap->extents[i].start &&
		    address < heap->extents[i].end) {
			*end = heap->extents[i].end;
			return true;
		}
	}
	return false;
}

unsigned int heap_stack(struct remote *remote, uint32_t handle,
			uint64_t *entries, unsigned int max)
{
	uint64_t offset = (uint64_t)(handle & ((1u << DEPOT_OFFSET_BITS) - 1))
			  << DEPOT_UNIT_SHIFT;
	uint64_t slot = handle >> DEPOT_OFFSET_BITS, pool;
	struct stack_record record;
	struct stack_depot depot;

	remote_read_root(remote, "stack_depot", &depot, sizeof(depot));
	if (!handle || handle >= depot.next || slot >= DEPOT_NR_POOLS ||
	    remote_read(remote, (uint64_t)depot.pools + slot * sizeof(pool),
			&pool, sizeof(pool)) || !pool ||
	    remote_read(remote, pool + offset, &record, sizeof(record)) ||
	    record.handle != handle)
		return 0;
	if (record.nr < max)
		max = record.nr;
	return remote_read(remote, pool + offset + sizeof(record), entries,
			   max * sizeof(*entries)) ? 0 : max;
}
