// SPDX-License-Identifier: MIT
/*
 * Reading all blocks of a heap.
 *
 *	ranges -> struct page[] -> head of a slab: its objects, less those that are
 *				   free, in a sheaf, or never handed out
 *				-> head of a large block
 *	vmap_tree -> vmalloc blocks
 *	kfence_pool -> guarded objects
 *	kmemleak  -> what the program said of its blocks
 *
 * Objects in sheaves count as in use for their slab, so the sheaves of all CPUs
 * and of the barns are read first.
 *
 * Every pointer that is followed comes from the target, which may be damaged or
 * running: lengths are bounded, and what cannot be read is left out.
 *
 * The structs are the headers' of mm/; remote_find_heap() has checked that the
 * target's are laid out the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "kmm.h"
#include "kfence.h"
#include "kmemleak.h"
#include "page_owner.h"
#include "slab.h"
#include "stackdepot.h"
#include "vmalloc.h"

/* A longer list is a cycle. */
#define MAX_STEPS (1ul << 30)

struct cache {
	uint64_t address;
	struct kmem_cache s;
	char *name;
	bool own;		/* objects are the library's */
	bool grey;		/* of those: they point to blocks */
};

struct reader {
	struct heap *heap;
	struct remote *remote;
	unsigned int page_shift;
	struct cache *caches;	/* by address */
	size_t nr_caches;
	uint64_t *in_sheaves;	/* objects, ascending */
	size_t nr_in_sheaves, max_in_sheaves;
	size_t max_blocks, max_extents, max_areas;
	struct kmm_anchor_root percpu_root;
	struct percpu_state percpu;
	void *memory;		/* of the slab at hand */
	size_t memory_size;
};

static bool read_at(struct reader *r, uint64_t address, void *buf, size_t len)
{
	int err = remote_read(r->remote, address, buf, len);

	if (err == -ESRCH)
		error(EXIT_FAILED, 0, "%s died while it was read",
		      remote_name(r->remote));
	return !err;
}

/* Room for one more element of @size bytes in an array of @nr. */
static void *grow(void *array, size_t nr, size_t *max, size_t size)
{
	if (nr < *max)
		return array;
	*max = *max ? *max * 2 : 1024;
	return xrealloc(array, *max * size);
}

static struct block *add_block(struct reader *r, const struct block *block)
{
	struct heap *heap = r->heap;

	heap->blocks = grow(heap->blocks, heap->nr_blocks, &r->max_blocks,
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
	heap->extents = grow(heap->extents, heap->nr_extents, &r->max_extents,
			     sizeof(*heap->extents));
	heap->extents[heap->nr_extents++] = (struct extent){ start, end };
}

/* Caches and sheaves ------------------------------------------------------- */

static char *read_string(struct reader *r, uint64_t address)
{
	char text[256];
	size_t len = 0;

	while (len < sizeof(text) - 1 &&
	       read_at(r, address + len, &text[len], 1) && text[len])
		len++;
	text[len] = 0;
	return xstrdup(text);
}

static void add_in_sheaf(struct reader *r, uint64_t object)
{
	r->in_sheaves = grow(r->in_sheaves, r->nr_in_sheaves,
			     &r->max_in_sheaves, sizeof(object));
	r->in_sheaves[r->nr_in_sheaves++] = object;
}

static void read_sheaf(struct reader *r, uint64_t address, uint64_t *next)
{
	struct slab_sheaf sheaf;
	uint64_t objects[1024];
	u32 i;

	if (next)
		*next = 0;
	if (!address || !read_at(r, address, &sheaf, sizeof(sheaf)))
		return;
	if (next)
		*next = (uint64_t)sheaf.next;
	if (sheaf.size > sizeof(objects) / sizeof(objects[0]) ||
	    !read_at(r, address + sizeof(sheaf), objects,
		     sheaf.size * sizeof(objects[0])))
		return;
	for (i = 0; i < sheaf.size; i++)
		add_in_sheaf(r, objects[i]);
}

static void read_cache_sheaves(struct reader *r, const struct kmem_cache *s)
{
	uint64_t sheaf = (uint64_t)s->barn.full;
	struct slub_percpu_sheaves pcs;
	u32 cpu, steps = 0;

	if (!s->sheaf_capacity)
		return;
	for (cpu = 0; cpu < r->percpu.nr_used; cpu++) {
		if (!read_at(r, (uint64_t)s->cpu_sheaves +
					cpu * PERCPU_UNIT_SIZE,
			     &pcs, sizeof(pcs)))
			continue;
		read_sheaf(r, (uint64_t)pcs.main, NULL);
		read_sheaf(r, (uint64_t)pcs.spare, NULL);
	}
	while (sheaf && steps++ < s->barn.nr_full)
		read_sheaf(r, sheaf, &sheaf);
}

static int compare_words(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_caches(const void *a, const void *b)
{
	return compare_words(&((const struct cache *)a)->address,
			     &((const struct cache *)b)->address);
}

static void read_caches(struct reader *r)
{
	struct kmm_anchor_root root;
	uint64_t head, node;
	struct list_head list;
	struct cache *c;
	size_t max = 0;

	remote_read_root(r->remote, "slab_caches", &list, sizeof(list));
	remote_root(r->remote, "slab_caches", &root);
	head = (uint64_t)root.address;
	for (node = (uint64_t)list.next; node != head;
	     node = (uint64_t)c->s.list.next) {
		r->caches = grow(r->caches, r->nr_caches, &max, sizeof(*c));
		c = &r->caches[r->nr_caches];
		c->address = node - offsetof(struct kmem_cache, list);
		if (!read_at(r, c->address, &c->s, sizeof(c->s)) ||
		    r->nr_caches > 1000000)
			break;
		c->name = read_string(r, (uint64_t)c->s.name);
		c->grey = !strcmp(c->name, "kmem_cache");
		c->own = c->grey || (c->s.flags & SLAB_NO_SHEAVES) ||
			 !strcmp(c->name, "vmap_area");
		read_cache_sheaves(r, &c->s);
		r->nr_caches++;
	}
	qsort(r->caches, r->nr_caches, sizeof(*r->caches), compare_caches);
	qsort(r->in_sheaves, r->nr_in_sheaves, sizeof(*r->in_sheaves),
	      compare_words);
}

static struct cache *find_cache(struct reader *r, uint64_t address)
{
	struct cache key = { .address = address };

	return bsearch(&key, r->caches, r->nr_caches, sizeof(key),
		       compare_caches);
}

static bool in_sheaf(struct reader *r, uint64_t object)
{
	return bsearch(&object, r->in_sheaves, r->nr_in_sheaves, sizeof(object),
		       compare_words);
}

/* Slabs -------------------------------------------------------------------- */

static uint64_t load(const char *memory, uint64_t offset)
{
	uint64_t word;

	memcpy(&word, memory + offset, sizeof(word));
	return word;
}

/* The number of the object at @address in the slab at @base; -1: none starts
 * there. */
static long object_number_at(const struct kmem_cache *s, uint64_t base,
			     u16 objects, uint64_t address)
{
	uint64_t off = address - base - s->red_left_pad;

	return off % s->size || off / s->size >= objects ?
		       -1 : (long)(off / s->size);
}

/* Mark the free objects, by the links that mm/slub.c encodes. */
static void mark_free(const struct cache *c, const struct page *page,
		      uint64_t base, const char *memory, bool *is_free)
{
	const struct kmem_cache *s = &c->s;
	uint64_t object = (uint64_t)page->freelist, where;
	unsigned int steps = 0, i;
	long nr;

	for (i = page->fresh; i < page->objects; i++)
		is_free[i] = true;
	while (object && steps++ < page->objects) {
		nr = object_number_at(s, base, page->objects, object);
		if (nr < 0)
			return;
		is_free[nr] = true;
		where = object + s->offset;
		object = load(memory, where - base) ^ s->random ^
			 __builtin_bswap64(where) ^
			 (uint64_t)page->slab_gen << 48;
	}
}

static void add_object(struct reader *r, const struct cache *c, uint64_t object,
		       const char *memory)
{
	const struct kmem_cache *s = &c->s;
	struct block block = {
		.start = object,
		.size = s->object_size,
		.cache = c->name,
		.kind = c->own ? BLOCK_OWN : BLOCK_OBJECT,
		.flags = c->grey ? KMEMLEAK_NOT_LEAK :
			 c->own	 ? KMEMLEAK_IGNORE : 0,
		.min_count = 1,
	};
	struct track track;
	u32 asked;

	if (s->track_offset) {
		memcpy(&track, memory + s->track_offset, sizeof(track));
		block.stack = track.handle;
		block.tid = track.tid;
		block.when = track.when;
		/* It was damaged, and set aside: nobody's. */
		if (!track.when)
			return;
	}
	if (s->orig_offset) {
		memcpy(&asked, memory + s->orig_offset, sizeof(asked));
		if (asked && asked <= s->object_size)
			block.size = asked;
	}
	add_block(r, &block);
}

static void read_slab(struct reader *r, const struct page *page, uint64_t base)
{
	const struct cache *c = find_cache(r, (uint64_t)page->slab_cache);
	size_t bytes = (size_t)1 << r->page_shift << page->order;
	bool *is_free;
	uint64_t object;
	unsigned int i;

	if (!c || page->order > MAX_PAGE_ORDER || page->fresh > page->objects ||
	    (uint64_t)page->objects * c->s.size > bytes)
		return;
	if (bytes > r->memory_size) {
		r->memory = xrealloc(r->memory, bytes);
		r->memory_size = bytes;
	}
	if (!read_at(r, base, r->memory, bytes))
		return;
	is_free = xcalloc(page->objects, sizeof(*is_free));
	mark_free(c, page, base, r->memory, is_free);
	for (i = 0; i < page->objects; i++) {
		object = base + c->s.red_left_pad + (uint64_t)i * c->s.size;
		if (!is_free[i] && !in_sheaf(r, object))
			add_object(r, c, object,
				   (char *)r->memory + (object - base));
	}
	free(is_free);
}

/* Pages -------------------------------------------------------------------- */

static void set_owner(struct reader *r, struct block *block, uint64_t address)
{
	struct page_owner owner;

	if (!address || !read_at(r, address, &owner, sizeof(owner)) ||
	    !owner.size)
		return;
	block->stack = owner.handle;
	block->tid = owner.tid;
	block->when = owner.when;
	if (owner.size < block->size)
		block->size = owner.size;
}

static void read_pages(struct reader *r, struct block *block, uint64_t owner)
{
	block->kind = BLOCK_PAGES;
	block->min_count = 1;
	set_owner(r, block, owner);
	add_block(r, block);
}

/* With slab_debug, the page knows what was asked for, and who did. */
static void read_large(struct reader *r, const struct page *page, uint64_t base,
		       uint64_t owner)
{
	struct block block = {
		.start = base,
		.size = (page->private << r->page_shift) - page->slack,
		.stack = page->slack ? page->stack : 0,
	};

	read_pages(r, &block, owner);
}

static void read_other(struct reader *r, const struct page *page, uint64_t base,
		       uint64_t owner)
{
	struct block block = {
		.start = base,
		.size = (uint64_t)1 << r->page_shift << page->order,
		.flags = KMEMLEAK_NOT_LEAK,
	};

	read_pages(r, &block, owner);
}

#define PAGES_AT_ONCE 4096

/* The head of a block from alloc_pages(). Its pages are the program's to keep
 * track of, as in the kernel: they are searched, and never lost. */
static bool page_in_use(const struct page *page)
{
	return page->_refcount > 0 && !page->slab_cache && !PageTail(page) &&
	       !PageBuddy(page) && !PagePcp(page) &&
	       page->order <= MAX_PAGE_ORDER;
}

static uint64_t owner_at(const struct mem_range *range, uint64_t owners,
			 uint64_t pfn)
{
	return owners ? owners + (pfn - range->start_pfn) *
					 sizeof(struct page_owner) : 0;
}

static void read_range(struct reader *r, const struct mem_range *range,
		       uint64_t owners)
{
	struct page *pages = xcalloc(PAGES_AT_ONCE, sizeof(*pages));
	uint64_t pfn, nr, i, address;

	add_extent(r, range->start_pfn << r->page_shift,
		   range->end_pfn << r->page_shift);
	add_extent(r, (uint64_t)range->pages,
		   (uint64_t)range->pages + range->map_bytes);
	if (owners)
		add_extent(r, owners,
			   owners + (range->limit_pfn - range->start_pfn) *
					    sizeof(struct page_owner));
	for (pfn = range->start_pfn; pfn < range->end_pfn; pfn += nr) {
		nr = range->end_pfn - pfn;
		if (nr > PAGES_AT_ONCE)
			nr = PAGES_AT_ONCE;
		address = (uint64_t)(range->pages + (pfn - range->start_pfn));
		if (!read_at(r, address, pages, nr * sizeof(*pages)))
			continue;
		for (i = 0; i < nr; i++) {
			address = (pfn + i) << r->page_shift;
			if (PageSlab(&pages[i]))
				read_slab(r, &pages[i], address);
			else if (PageLarge(&pages[i]))
				read_large(r, &pages[i], address,
					   owner_at(range, owners, pfn + i));
			else if (page_in_use(&pages[i]))
				read_other(r, &pages[i], address,
					   owner_at(range, owners, pfn + i));
		}
	}
	free(pages);
}

static void read_ranges(struct reader *r)
{
	struct mem_range ranges[MAX_RANGES];
	uint64_t owners[MAX_RANGES];
	unsigned int i;

	remote_read_root(r->remote, "sparse_ranges", ranges, sizeof(ranges));
	remote_read_root(r->remote, "page_owners", owners, sizeof(owners));
	for (i = 0; i < MAX_RANGES && ranges[i].pages; i++)
		read_range(r, &ranges[i], owners[i]);
}

/* Trees -------------------------------------------------------------------- */

/* Call @fn for each node of a treap, in no particular order. */
static void for_each_node(struct reader *r, const struct treap *tree,
			  void (*fn)(struct reader *r, uint64_t node))
{
	uint64_t *stack = NULL;
	size_t nr = 0, max = 0, steps = 0;
	struct treap_node node;
	uint64_t address;

	stack = grow(stack, nr, &max, sizeof(*stack));
	if (tree->root)
		stack[nr++] = (uint64_t)tree->root;
	while (nr && steps++ < MAX_STEPS) {
		address = stack[--nr];
		if (!read_at(r, address, &node, sizeof(node)))
			continue;
		fn(r, address);
		stack = grow(stack, nr + 1, &max, sizeof(*stack));
		if (node.left)
			stack[nr++] = (uint64_t)node.left;
		if (node.right)
			stack[nr++] = (uint64_t)node.right;
	}
	free(stack);
}

static void read_vmalloc(struct reader *r, uint64_t node)
{
	uint64_t address = node - offsetof(struct vmap_area, node);
	struct vmap_area area;
	struct block block = { .kind = BLOCK_VMALLOC, .min_count = 1 };

	if (!read_at(r, address, &area, sizeof(area)))
		return;
	block.start = area.node.key;
	block.size = area.size;
	add_extent(r, area.base, area.end);
	set_owner(r, &block, address + offsetof(struct vmap_area, owner));
	add_block(r, &block);
}

static void read_foreign(struct reader *r, uint64_t node)
{
	struct kmemleak_object object;

	if (!read_at(r, node, &object, sizeof(object)) ||
	    !(object.flags & KMEMLEAK_FOREIGN))
		return;
	add_block(r, &(struct block){ .start = object.node.key,
				      .size = object.size,
				      .kind = BLOCK_FOREIGN,
				      .stack = object.handle,
				      .flags = (uint16_t)object.flags,
				      .min_count = object.min_count });
}

static void read_colour(struct reader *r, uint64_t node)
{
	struct kmemleak_object object;
	struct block *block;

	if (!read_at(r, node, &object, sizeof(object)))
		return;
	block = heap_find(r->heap, object.node.key);
	if (block && block->start == object.node.key)
		block->flags |= (uint16_t)object.flags;
}

static void read_area(struct reader *r, uint64_t node)
{
	struct heap *heap = r->heap;
	struct kmemleak_object object;

	if (!read_at(r, node, &object, sizeof(object)))
		return;
	heap->areas = grow(heap->areas, heap->nr_areas, &r->max_areas,
			   sizeof(*heap->areas));
	heap->areas[heap->nr_areas++] = (struct extent){
		object.node.key, object.node.key + object.size
	};
}

/* kmemleak's records name blocks: the pages they are in are not searched. */
static void read_record_pages(struct reader *r, const struct kmemleak *k)
{
	uint64_t chunk = (uint64_t)k->chunks, next;
	size_t steps = 0;

	for (; chunk && steps++ < 1000000; chunk = next) {
		add_extent(r, chunk, chunk + KMEMLEAK_CHUNK_BYTES);
		if (!read_at(r, chunk, &next, sizeof(next)))
			return;
	}
}

/* Guarded objects ---------------------------------------------------------- */

#define UNITS_AT_ONCE 1024

static char *guarded_name(struct reader *r, const struct kfence_metadata *meta)
{
	const struct cache *c = find_cache(r, (uint64_t)meta->cache);

	return c ? c->name : read_string(r, (uint64_t)meta->name);
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

	remote_read_root(r->remote, "kfence_pool", &pool, sizeof(pool));
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
		if (!read_at(r, (uint64_t)(pool.metadata + unit), metadata,
			     nr * sizeof(*metadata)))
			continue;
		for (i = 0; i < nr; i++)
			read_guarded(r, &metadata[i], pool.start_time);
	}
	free(metadata);
}

/* All of it ---------------------------------------------------------------- */

static int compare_blocks(const void *a, const void *b)
{
	return compare_words(&((const struct block *)a)->start,
			     &((const struct block *)b)->start);
}

static int compare_extents(const void *a, const void *b)
{
	return compare_words(&((const struct extent *)a)->start,
			     &((const struct extent *)b)->start);
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

	for (i = 0; i < r->nr_caches; i++) {
		block = heap_find(r->heap, (uint64_t)r->caches[i].s.name);
		if (!block)
			continue;
		block->kind = BLOCK_OWN;
		block->flags |= KMEMLEAK_IGNORE;
	}
}

struct heap *heap_read(struct remote *remote)
{
	struct reader r = { .remote = remote };
	struct kmemleak leak;
	struct treap tree;

	r.heap = xcalloc(1, sizeof(*r.heap));
	r.heap->remote = remote;
	if (!remote_heap_is_up(remote))
		return r.heap;
	r.page_shift = remote_page_shift(remote);
	remote_read_root(remote, "percpu", &r.percpu, sizeof(r.percpu));
	remote_read_root(remote, "kmemleak", &leak, sizeof(leak));
	remote_read_root(remote, "vmap_tree", &tree, sizeof(tree));
	read_caches(&r);
	read_ranges(&r);
	for_each_node(&r, &tree, read_vmalloc);
	read_kfence(&r);
	for_each_node(&r, &leak.objects, read_foreign);
	read_record_pages(&r, &leak);
	sort_blocks(r.heap);
	hide_names(&r);
	for_each_node(&r, &leak.objects, read_colour);
	for_each_node(&r, &leak.areas, read_area);
	qsort(r.heap->extents, r.heap->nr_extents, sizeof(*r.heap->extents),
	      compare_extents);
	qsort(r.heap->areas, r.heap->nr_areas, sizeof(*r.heap->areas),
	      compare_extents);
	/* The names stay: blocks point to them. */
	free(r.caches);
	free(r.in_sheaves);
	free(r.memory);
	return r.heap;
}

void heap_free(struct heap *heap)
{
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
