// SPDX-License-Identifier: MIT
/*
 * Reading a heap that is in use.
 *
 *	zones -> per_cpu_pages of each used unit
 *	slab_caches -> kmem_cache -> sheaves of each used unit, and of the barn
 *	sparse_ranges -> struct page[] -> blocks -> objects of slabs
 *	vmap_tree, percpu_chunks
 *
 * A list that changes while it is followed can lead anywhere, and so can one of
 * a damaged process. So each list has a bound, each element must say itself that
 * it is what it is taken for (a sheaf names its cache, the links of a list lead
 * back), and where that fails the list ends there.
 *
 * Free blocks are counted by their struct pages, not by the lists they are on:
 * an array cannot mislead.
 *
 * Source:	mm/vmstat.c, mm/slabinfo.c and mm/slub.c, whose views these are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "report_format.h"
#include "view.h"
#include "vmalloc.h"

#define MAX_CACHES 65536
#define MAX_CHUNKS 65536
#define MAX_AREAS (1u << 24)
#define MAX_MISPLACED 1000
/* Of one sheaf; see mm/sheaf.c. */
#define MAX_SHEAF_OBJECTS 1024
#define MAX_UNITS 65536

bool view_read_at(struct view *v, uint64_t address, void *buf, size_t len)
{
	int err = remote_read(v->remote, address, buf, len);

	if (err == -ESRCH)
		remote_ended(v->remote);
	return !err;
}

/* An array of none may be NULL, which qsort() must not see. */
static void sort(void *array, size_t nr, size_t size,
		 int (*compare)(const void *a, const void *b))
{
	if (nr)
		qsort(array, nr, size, compare);
}

void view_read_string(struct view *v, uint64_t address, char *text,
		      size_t size)
{
	size_t len = 0;

	if (!view_read_at(v, address, text, size - 1))
		while (len < size - 1 &&
		       view_read_at(v, address + len, &text[len], 1) &&
		       text[len])
			len++;
	else
		len = size - 1;
	text[len] = 0;
}

/* Zones -------------------------------------------------------------------- */

static void read_zone(struct view *v, struct view_zone *zone)
{
	struct per_cpu_pages *pcp;
	uint64_t unit;
	u32 cpu;

	view_read_string(v, (uint64_t)zone->z.name, zone->name,
			 sizeof(zone->name));
	zone->pcps = xcalloc(v->percpu.nr_used, sizeof(*zone->pcps));
	for (cpu = 0; zone->z.pcp && cpu < v->percpu.nr_used; cpu++) {
		pcp = &zone->pcps[cpu];
		unit = (uint64_t)zone->z.pcp + cpu * PERCPU_UNIT_SIZE;
		if (!view_read_at(v, unit, pcp, sizeof(*pcp)))
			memset(pcp, 0, sizeof(*pcp));
	}
}

static void read_zones(struct view *v)
{
	struct zone copy[MAX_NR_ZONES];
	unsigned int i;

	remote_read_root(v->remote, "zones", copy, sizeof(copy));
	for (i = 0; i < MAX_NR_ZONES; i++) {
		v->zones[i].z = copy[i];
		read_zone(v, &v->zones[i]);
	}
}

unsigned long view_pcp_pages(const struct view *v, const struct view_zone *zone)
{
	unsigned long nr = 0;
	u32 cpu;

	for (cpu = 0; cpu < v->percpu.nr_used; cpu++)
		if (zone->pcps[cpu].batch)
			nr += zone->pcps[cpu].count;
	return nr;
}

unsigned int view_pfn_zone(const struct view *v, uint64_t pfn)
{
	const struct zone *z;
	unsigned int i;

	/* As mm/vmstat.c: only NORMAL's span can contain another zone. */
	for (i = 0; i < MAX_NR_ZONES; i++) {
		z = &v->zones[i].z;
		if (i != ZONE_NORMAL && z->managed_pages &&
		    pfn >= z->start_pfn && pfn < z->end_pfn)
			return i;
	}
	return ZONE_NORMAL;
}

/* Caches and sheaves ------------------------------------------------------- */

static void note_sheaf_objects(struct view *v, size_t *max, u32 cpu,
			       enum view_place place, const uint64_t *objects,
			       u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		v->in_sheaves = xgrow(v->in_sheaves, v->nr_in_sheaves, max,
				      sizeof(*v->in_sheaves));
		v->in_sheaves[v->nr_in_sheaves++] = (struct view_sheaf_object){
			objects[i], cpu, place
		};
	}
}

struct sheaf_reader {
	enum view_parts parts;
	size_t max;		/* room in in_sheaves */
};

/* Objects in the sheaf at @address; *next is the one behind it in the barn. */
static unsigned long read_sheaf(struct view *v, struct view_cache *c,
				struct sheaf_reader *r, uint64_t address,
				u32 cpu, enum view_place place, uint64_t *next)
{
	uint64_t objects[MAX_SHEAF_OBJECTS];
	struct slab_sheaf sheaf;

	*next = 0;
	if (!address || !view_read_at(v, address, &sheaf, sizeof(sheaf)) ||
	    (uint64_t)sheaf.cache != c->address ||
	    sheaf.size > sheaf.capacity || sheaf.size > MAX_SHEAF_OBJECTS)
		return 0;
	*next = (uint64_t)sheaf.next;
	c->nr_sheaves++;
	if (r->parts == VIEW_SHEAF_OBJECTS && sheaf.size &&
	    view_read_at(v, address + sizeof(sheaf), objects,
			 sheaf.size * sizeof(objects[0])))
		note_sheaf_objects(v, &r->max, cpu, place, objects,
				   sheaf.size);
	return sheaf.size;
}

static void read_sheaves(struct view *v, struct view_cache *c,
			 struct sheaf_reader *r)
{
	uint64_t next, unit, sheaf = (uint64_t)c->s.barn.full;
	struct slub_percpu_sheaves pcs;
	u32 cpu, steps;

	if (!c->s.sheaf_capacity)
		return;
	for (cpu = 0; cpu < v->percpu.nr_used; cpu++) {
		unit = (uint64_t)c->s.cpu_sheaves + cpu * PERCPU_UNIT_SIZE;
		if (!view_read_at(v, unit, &pcs, sizeof(pcs)))
			continue;
		c->refills += pcs.refills;
		c->flushes += pcs.flushes;
		c->in_cpu_sheaves += read_sheaf(v, c, r, (uint64_t)pcs.main,
						cpu, PLACE_MAIN, &next);
		c->in_cpu_sheaves += read_sheaf(v, c, r, (uint64_t)pcs.spare,
						cpu, PLACE_SPARE, &next);
	}
	for (steps = 0; sheaf && steps < c->s.barn.nr_full; steps++) {
		c->in_barn += read_sheaf(v, c, r, sheaf, 0, PLACE_BARN, &next);
		sheaf = next;
	}
	c->nr_sheaves += c->s.barn.nr_empty;
}

/* What every reader of a cache relies on. */
static bool plausible_cache(const struct kmem_cache *s)
{
	return s->size && s->objects && s->objects <= UINT16_MAX &&
	       s->order <= MAX_PAGE_ORDER && s->min_order <= s->order &&
	       s->object_size <= s->size &&
	       (uint64_t)s->red_left_pad + s->offset + sizeof(uint64_t) <=
		       s->size;
}

static bool is_own(const struct view_cache *c)
{
	return (c->s.flags & SLAB_NO_SHEAVES) ||
	       !strcmp(c->name, "kmem_cache") || !strcmp(c->name, "vmap_area");
}

static int compare_cache_addresses(const void *a, const void *b)
{
	uint64_t x = (*(struct view_cache *const *)a)->address;
	uint64_t y = (*(struct view_cache *const *)b)->address;

	return x < y ? -1 : x > y;
}

static int compare_sheaf_objects(const void *a, const void *b)
{
	uint64_t x = ((const struct view_sheaf_object *)a)->address;
	uint64_t y = ((const struct view_sheaf_object *)b)->address;

	return x < y ? -1 : x > y;
}

static void read_caches(struct view *v, enum view_parts parts)
{
	struct sheaf_reader sheaves = { .parts = parts };
	struct kmm_anchor_root root;
	uint64_t head, node, before;
	struct view_cache *c;
	struct list_head list;
	size_t max = 0, steps = 0, i;

	remote_read_root(v->remote, "slab_caches", &list, sizeof(list));
	remote_root(v->remote, "slab_caches", &root);
	head = before = (uint64_t)root.address;
	for (node = (uint64_t)list.next;
	     node != head && steps++ < MAX_CACHES;
	     before = node, node = (uint64_t)c->s.list.next) {
		v->caches = xgrow(v->caches, v->nr_caches, &max, sizeof(*c));
		c = &v->caches[v->nr_caches];
		memset(c, 0, sizeof(*c));
		c->address = node - offsetof(struct kmem_cache, list);
		if (!view_read_at(v, c->address, &c->s, sizeof(c->s)) ||
		    (uint64_t)c->s.list.prev != before)
			break;
		if (!plausible_cache(&c->s))
			continue;
		view_read_string(v, (uint64_t)c->s.name, c->name,
				 sizeof(c->name));
		c->own = is_own(c);
		read_sheaves(v, c, &sheaves);
		v->nr_caches++;
	}
	v->by_address = xcalloc(v->nr_caches, sizeof(*v->by_address));
	for (i = 0; i < v->nr_caches; i++)
		v->by_address[i] = &v->caches[i];
	sort(v->by_address, v->nr_caches, sizeof(*v->by_address),
	     compare_cache_addresses);
	sort(v->in_sheaves, v->nr_in_sheaves, sizeof(*v->in_sheaves),
	     compare_sheaf_objects);
}

const struct view_cache *view_find_cache(const struct view *v,
					 uint64_t address)
{
	struct view_cache key = { .address = address }, *wanted = &key;
	struct view_cache **found;

	if (!v->nr_caches)
		return NULL;
	found = bsearch(&wanted, v->by_address, v->nr_caches,
			sizeof(*v->by_address), compare_cache_addresses);
	return found ? *found : NULL;
}

const struct view_sheaf_object *view_in_sheaf(const struct view *v,
					      uint64_t object)
{
	struct view_sheaf_object key = { .address = object };

	if (!v->nr_in_sheaves)
		return NULL;
	return bsearch(&key, v->in_sheaves, v->nr_in_sheaves, sizeof(key),
		       compare_sheaf_objects);
}

unsigned long view_active(const struct view_cache *c)
{
	unsigned long inuse = c->s.node.nr_inuse;
	unsigned long in_sheaves = c->in_cpu_sheaves + c->in_barn;

	return inuse - (in_sheaves < inuse ? in_sheaves : inuse);
}

/* The rest ----------------------------------------------------------------- */

static void read_ranges(struct view *v)
{
	struct mem_range *range;
	unsigned int i;

	remote_read_root(v->remote, "sparse_ranges", v->ranges,
			 sizeof(v->ranges));
	for (i = 0; i < MAX_RANGES; i++) {
		range = &v->ranges[i];
		if (!range->pages || range->end_pfn < range->start_pfn ||
		    (range->end_pfn - range->start_pfn) * sizeof(struct page) >
			    range->map_bytes)
			break;
	}
	v->nr_ranges = i;
}

static void read_percpu_chunks(struct view *v)
{
	struct percpu_chunk chunk;
	uint64_t address;
	size_t max = 0;

	remote_read_root(v->remote, "percpu_chunks", &address,
			 sizeof(address));
	while (address && v->nr_percpu_chunks < MAX_CHUNKS &&
	       view_read_at(v, address, &chunk, sizeof(chunk))) {
		v->percpu_chunks = xgrow(v->percpu_chunks, v->nr_percpu_chunks,
					 &max, sizeof(*v->percpu_chunks));
		v->percpu_chunks[v->nr_percpu_chunks++] = (uint64_t)chunk.base;
		address = (uint64_t)chunk.next;
	}
}

/* A node to be visited, and the keys that may be below the link that led there. */
struct visit {
	uint64_t address;
	uint64_t low, high;
};

/* False: none can be there. */
static bool allowed_keys(const struct visit *from, const struct treap_node *node,
			 bool right, struct visit *to)
{
	*to = *from;
	to->address = (uint64_t)(right ? node->right : node->left);
	if (right)
		to->low = node->key + 1;
	else
		to->high = node->key - 1;
	return to->address &&
	       node->key != (right ? from->high : from->low);
}

/*
 * In a tree whose keys are in order nothing is met twice, and below each node the
 * range of keys is narrower: so a ring has nodes outside of theirs. A tree that is
 * turned over meanwhile has some as well. These are visited, with what they have
 * themselves as the range, as often as a tree may turn while it is read.
 */
void view_for_each_node(struct view *v, const struct treap *tree,
			view_node_fn fn, void *data)
{
	size_t nr = 0, max = 0, misplaced = 0;
	struct treap_node node;
	struct visit *stack, at;

	stack = xgrow(NULL, nr, &max, sizeof(*stack));
	if (tree->root)
		stack[nr++] = (struct visit){ (uint64_t)tree->root, 0, UINT64_MAX };
	while (nr) {
		at = stack[--nr];
		if (!view_read_at(v, at.address, &node, sizeof(node)) ||
		    !fn(v, at.address, data))
			continue;
		if ((node.key < at.low || node.key > at.high) &&
		    ++misplaced > MAX_MISPLACED)
			continue;
		if (node.key < at.low)
			at.low = 0;
		if (node.key > at.high)
			at.high = UINT64_MAX;
		stack = xgrow(stack, nr + 1, &max, sizeof(*stack));
		nr += allowed_keys(&at, &node, false, &stack[nr]);
		nr += allowed_keys(&at, &node, true, &stack[nr]);
	}
	free(stack);
}

static int compare_areas(const void *a, const void *b)
{
	uint64_t x = ((const struct vmap_area *)a)->node.key;
	uint64_t y = ((const struct vmap_area *)b)->node.key;

	return x < y ? -1 : x > y;
}

/* A treap that is turned over meanwhile may show an area twice, or be a ring. */
static void drop_double_areas(struct view *v)
{
	size_t i, nr = 0;

	for (i = 0; i < v->nr_areas; i++)
		if (!nr || v->areas[i].node.key >=
				   v->areas[nr - 1].node.key +
					   v->areas[nr - 1].size)
			v->areas[nr++] = v->areas[i];
	v->nr_areas = nr;
}

static bool read_area(struct view *v, uint64_t node, void *data)
{
	size_t *max = data;
	struct vmap_area area;

	if (v->nr_areas == MAX_AREAS ||
	    !view_read_at(v, node - offsetof(struct vmap_area, node), &area,
			  sizeof(area)) ||
	    area.node.key < area.base || area.node.key + area.size > area.end)
		return false;
	v->areas = xgrow(v->areas, v->nr_areas, max, sizeof(area));
	v->areas[v->nr_areas++] = area;
	return true;
}

static void read_areas(struct view *v)
{
	struct treap tree;
	size_t max = 0;

	remote_read_root(v->remote, "vmap_tree", &tree, sizeof(tree));
	view_for_each_node(v, &tree, read_area, &max);
	sort(v->areas, v->nr_areas, sizeof(*v->areas), compare_areas);
	drop_double_areas(v);
}

struct view *view_read(struct remote *remote, enum view_parts parts)
{
	struct view *v = xcalloc(1, sizeof(*v));

	v->remote = remote;
	v->page_shift = remote_page_shift(remote);
	if (!v->page_shift)
		error(EXIT_FAILED, 0, "%s has not allocated anything yet",
		      remote_name(remote));
	remote_read_root(remote, "pageblock_order", &v->pageblock_order,
			 sizeof(v->pageblock_order));
	remote_read_root(remote, "percpu", &v->percpu, sizeof(v->percpu));
	if (v->page_shift > 16 || v->pageblock_order > MAX_PAGE_ORDER ||
	    v->percpu.nr_used > v->percpu.nr_units ||
	    v->percpu.nr_units > MAX_UNITS)
		error(EXIT_FAILED, 0, "%s: the heap is damaged, or not yet up",
		      remote_name(remote));
	read_zones(v);
	read_caches(v, parts);
	read_ranges(v);
	read_percpu_chunks(v);
	read_areas(v);
	return v;
}

void view_free(struct view *v)
{
	unsigned int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		free(v->zones[i].pcps);
	free(v->caches);
	free(v->by_address);
	free(v->percpu_chunks);
	free(v->areas);
	free(v->in_sheaves);
	free(v);
}

void view_memory(const struct view *v, struct view_memory *m)
{
	unsigned long reserve = 0, nr_pages;
	const struct view_zone *zone;
	struct zone_stat stat;
	unsigned int i;
	size_t n;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < MAX_NR_ZONES; i++) {
		zone = &v->zones[i];
		if (!zone->z.managed_pages)
			continue;
		m->total += zone->z.managed_pages << v->page_shift;
		m->free += zone->z.nr_free << v->page_shift;
		zone_stat_read(&stat, &zone->z, zone->name);
		reserve += zone_stat_reserve(&stat) << v->page_shift;
		m->pcp += view_pcp_pages(v, zone) << v->page_shift;
	}
	m->available = m->free + m->pcp;
	m->available -= m->available < reserve ? m->available : reserve;
	for (n = 0; n < v->nr_caches; n++) {
		nr_pages = v->caches[n].s.node.nr_pages;
		if (v->caches[n].s.flags & SLAB_RECLAIM_ACCOUNT)
			m->slab_reclaimable += nr_pages << v->page_shift;
		else
			m->slab_unreclaimable += nr_pages << v->page_shift;
	}
	for (n = 0; n < v->nr_areas; n++)
		m->vmalloc += v->areas[n].size;
	for (i = 0; i < v->nr_ranges; i++)
		m->map += v->ranges[i].map_bytes;
	m->percpu = v->nr_percpu_chunks * v->percpu.nr_used
		    << PERCPU_UNIT_SHIFT;
}

/* Pages -------------------------------------------------------------------- */

#define PAGES_AT_ONCE 4096

static enum view_block_kind block_kind(const struct page *page)
{
	if (page->order > MAX_PAGE_ORDER)
		return VIEW_OTHER;
	if (PageBuddy(page))
		return VIEW_FREE;
	if (PagePcp(page))
		return VIEW_PCP;
	if (PageSlab(page))
		return VIEW_SLAB;
	if (PageLarge(page) && page->private)
		return VIEW_LARGE;
	if (page->_refcount > 0 && !PageTail(page))
		return VIEW_PAGES;
	return VIEW_OTHER;
}

static uint64_t block_pages(enum view_block_kind kind, const struct page *page)
{
	switch (kind) {
	case VIEW_OTHER:
		return 1;
	case VIEW_LARGE:
		return page->private;
	case VIEW_PCP:
		return pcp_block_pages(page);
	default:
		return 1ul << page->order;
	}
}

struct page_window {
	const struct mem_range *range;
	uint64_t pfn;			/* of pages[0] */
	uint64_t nr;
	struct page *pages;		/* room for PAGES_AT_ONCE */
};

/* A copy of the struct page; NULL if it cannot be read. */
static const struct page *window_page(struct view *v, struct page_window *w,
				      uint64_t pfn)
{
	const struct mem_range *range = w->range;
	uint64_t address;

	if (pfn >= w->pfn && pfn < w->pfn + w->nr)
		return &w->pages[pfn - w->pfn];
	w->pfn = pfn;
	w->nr = range->end_pfn - pfn;
	if (w->nr > PAGES_AT_ONCE)
		w->nr = PAGES_AT_ONCE;
	address = (uint64_t)range->pages +
		  (pfn - range->start_pfn) * sizeof(struct page);
	if (!view_read_at(v, address, w->pages, w->nr * sizeof(struct page))) {
		w->nr = 0;
		return NULL;
	}
	return w->pages;
}

/* Blocks of [pfn, end) until @fn says that it has seen enough. */
static void walk_blocks(struct view *v, const struct mem_range *range,
			uint64_t pfn, uint64_t end,
			bool (*fn)(struct view *v,
				   const struct view_block *block, void *data),
			void *data)
{
	struct view_block block = { .range = range };
	struct page_window w = { .range = range };
	uint64_t block_mask = (1ul << v->pageblock_order) - 1;
	uint64_t in_pageblock = UINT64_MAX;
	const struct page *page;

	w.pages = xcalloc(PAGES_AT_ONCE, sizeof(*w.pages));
	for (; pfn < end; pfn += block.nr_pages) {
		/* Types are with the first page, which may be far behind. */
		if ((pfn & ~block_mask) != in_pageblock) {
			in_pageblock = pfn & ~block_mask;
			page = window_page(v, &w, in_pageblock <
							  range->start_pfn ?
						  range->start_pfn :
						  in_pageblock);
			block.migratetype = page ? page->pageblock ^
							   MIGRATE_MOVABLE : 0;
			if (block.migratetype >= MIGRATE_TYPES)
				block.migratetype = MIGRATE_UNMOVABLE;
		}
		page = window_page(v, &w, pfn);
		/* A core may lack a part. */
		if (!page) {
			block.nr_pages = PAGES_AT_ONCE;
			continue;
		}
		block.pfn = pfn;
		block.page = *page;
		block.kind = block_kind(page);
		block.nr_pages = block_pages(block.kind, page);
		if (block.nr_pages > end - pfn)
			block.nr_pages = end - pfn;
		if (fn(v, &block, data))
			break;
	}
	free(w.pages);
}

struct every_block {
	view_block_fn fn;
	void *data;
};

static bool call_for_block(struct view *v, const struct view_block *block,
			   void *data)
{
	struct every_block *every = data;

	every->fn(v, block, every->data);
	return false;
}

void view_for_each_block(struct view *v, view_block_fn fn, void *data)
{
	struct every_block every = { fn, data };
	unsigned int i;

	for (i = 0; i < v->nr_ranges; i++)
		walk_blocks(v, &v->ranges[i], v->ranges[i].start_pfn,
			    v->ranges[i].end_pfn, call_for_block, &every);
}

struct wanted_block {
	uint64_t pfn;
	struct view_block *block;
	bool found;
};

static bool is_wanted(struct view *v, const struct view_block *block,
		      void *data)
{
	struct wanted_block *wanted = data;

	(void)v;
	if (wanted->pfn >= block->pfn + block->nr_pages)
		return false;
	*wanted->block = *block;
	wanted->found = true;
	return true;
}

/* What only the first page of a block says of itself. */
static bool begins_block(const struct page *page)
{
	enum view_block_kind kind = block_kind(page);

	return kind != VIEW_OTHER || PageTail(page);
}

/*
 * The large block, or run on a per-CPU list, that @pfn is a later page of, as
 * large_head() in mm/page_ref.c finds it: back to the first page that begins a block.
 */
static bool find_large(struct view *v, const struct mem_range *range,
		       uint64_t pfn, struct view_block *block)
{
	struct page_window w = { .range = range };
	const struct page *page = NULL;
	uint64_t pos = pfn;
	bool found = false;

	w.pages = xcalloc(PAGES_AT_ONCE, sizeof(*w.pages));
	while (!found && pos-- > range->start_pfn) {
		/* The window that ends here; its pages are read backwards. */
		if (pos < w.pfn || !w.nr) {
			uint64_t first = pos + 1 > PAGES_AT_ONCE ?
						 pos + 1 - PAGES_AT_ONCE : 0;

			if (first < range->start_pfn)
				first = range->start_pfn;
			if (!window_page(v, &w, first))
				break;
		}
		page = window_page(v, &w, pos);
		found = page && begins_block(page);
	}
	found = found && (PageLarge(page) || PagePcpRun(page)) &&
		page->private > pfn - pos;
	if (found) {
		block->pfn = pos;
		block->page = *page;
		block->kind = block_kind(page);
		block->nr_pages = page->private;
	}
	free(w.pages);
	return found;
}

/*
 * Only large blocks and runs reach over a multiple of the largest order. A walk that
 * begins in the middle of one takes its pages for pages of nothing.
 */
bool view_find_block(struct view *v, uint64_t address, struct view_block *block)
{
	struct wanted_block wanted = { address >> v->page_shift, block, false };
	uint64_t start = wanted.pfn & ~(MAX_ORDER_NR_PAGES - 1), end;
	const struct mem_range *range;
	unsigned int i;

	for (i = 0; i < v->nr_ranges; i++) {
		range = &v->ranges[i];
		if (wanted.pfn < range->start_pfn ||
		    wanted.pfn >= range->end_pfn)
			continue;
		end = start + MAX_ORDER_NR_PAGES;
		if (start < range->start_pfn)
			start = range->start_pfn;
		if (end > range->end_pfn)
			end = range->end_pfn;
		walk_blocks(v, range, start, end, is_wanted, &wanted);
		if (wanted.found && block->kind == VIEW_OTHER)
			find_large(v, range, wanted.pfn, block);
		/* One that begins in this window may end in the next. */
		else if (wanted.found && (PageLarge(&block->page) ||
					  PagePcpRun(&block->page)))
			block->nr_pages = block->page.private;
		return wanted.found;
	}
	return false;
}

/* Slabs -------------------------------------------------------------------- */

/* The number of the object that starts at @object; -1: none does. */
static long object_number_at(const struct view_slab *slab, uint64_t object)
{
	const struct kmem_cache *s = &slab->cache->s;
	uint64_t off = object - slab->base - s->red_left_pad;

	return off % s->size || off / s->size >= slab->nr_objects ?
		       -1 : (long)(off / s->size);
}

/* Follow the links, encoded as mm/slub.c says. */
static void mark_free(const struct page *page, struct view_slab *slab)
{
	const struct kmem_cache *s = &slab->cache->s;
	uint64_t object = page->freelist ? view_object(slab, page->freelist - 1u) :
					   0;
	uint64_t where;
	unsigned int steps;
	long nr;

	for (steps = 0; object && steps < slab->nr_objects; steps++) {
		nr = object_number_at(slab, object);
		if (nr < 0 || slab->state[nr] != OBJECT_LIVE) {
			slab->damaged = true;
			return;
		}
		slab->state[nr] = OBJECT_FREE;
		where = object + s->offset;
		memcpy(&object, slab->memory + (where - slab->base),
		       sizeof(object));
		object ^= s->random ^ __builtin_bswap64(where) ^
			  (uint64_t)page->slab_gen << 48;
	}
}

bool view_read_slab(struct view *v, const struct view_block *block,
		    struct view_slab *slab)
{
	const struct page *page = &block->page;
	uint64_t object;
	unsigned int i;

	slab->cache = view_find_cache(v, (uint64_t)page->slab_cache);
	slab->base = block->pfn << v->page_shift;
	slab->bytes = block->nr_pages << v->page_shift;
	slab->nr_objects = page->objects;
	slab->damaged = false;
	if (!slab->cache || page->fresh > page->objects || !page->objects ||
	    (uint64_t)page->objects * slab->cache->s.size > slab->bytes)
		return false;
	slab->memory = xrealloc(slab->memory, slab->bytes);
	slab->state = xrealloc(slab->state, slab->nr_objects);
	if (!view_read_at(v, slab->base, slab->memory, slab->bytes))
		return false;
	memset(slab->state, OBJECT_LIVE, slab->nr_objects);
	for (i = page->fresh; i < slab->nr_objects; i++)
		slab->state[i] = OBJECT_FRESH;
	mark_free(page, slab);
	for (i = 0; i < slab->nr_objects; i++) {
		object = view_object(slab, i);
		if (slab->state[i] == OBJECT_LIVE && view_in_sheaf(v, object))
			slab->state[i] = OBJECT_IN_SHEAF;
	}
	return true;
}

void view_slab_free(struct view_slab *slab)
{
	free(slab->memory);
	free(slab->state);
}

bool view_tracks(const struct view_slab *slab, unsigned int nr,
		 struct track tracks[2])
{
	const struct kmem_cache *s = &slab->cache->s;
	uint64_t at = view_object(slab, nr) - slab->base + s->track_offset;

	if (!s->track_offset || at + 2 * sizeof(tracks[0]) > slab->bytes)
		return false;
	memcpy(tracks, slab->memory + at, 2 * sizeof(tracks[0]));
	return true;
}

unsigned int view_requested(const struct view_slab *slab, unsigned int nr)
{
	const struct kmem_cache *s = &slab->cache->s;
	uint64_t at = view_object(slab, nr) - slab->base + s->orig_offset;
	u32 size;

	if (!s->orig_offset || at + sizeof(size) > slab->bytes)
		return 0;
	memcpy(&size, slab->memory + at, sizeof(size));
	return size <= s->object_size ? size : 0;
}
