// SPDX-License-Identifier: MIT
/*
 * kmm rss: what the resident memory of a process is.
 *
 * Each resident byte of the heap is in one row, by what lies there:
 *
 *	range	-> block -> free: free_pages, or huge_excess if nobody has ever
 *				  written there (it came with a huge page, or was
 *				  populated ahead)
 *			 -> on a per-CPU list: page_lists
 *			 -> slab -> object: live up to what was asked for, the
 *					    rest of its place: rounding
 *				 -> free, fresh: free_objects; in a sheaf: sheaves
 *				 -> behind the last one: rounding
 *			 -> large, pages: live, rounding
 *	vmalloc block: live, rounding; KFENCE's pool: live
 *	struct pages, per-CPU memory, records of stacks and owners, the library's
 *	own objects and roots: metadata
 *
 * and what no row has claimed of each mapping's Rss is not_heap. So the sum is
 * checked twice: it can only be Rss if no byte was claimed that is not resident,
 * and none twice.
 *
 * Without tracking (slab_debug=U, page_owner) nobody knows what was asked for:
 * then it counts as all that the block's owner may use.
 */
#include <stdlib.h>
#include <string.h>

#include "kfence.h"
#include "kmemleak.h"
#include "kmm.h"
#include "page_owner.h"
#include "residency.h"
#include "tally.h"
#include "view_command.h"
#include "vmalloc.h"

enum row {
	ROW_LIVE,
	ROW_ROUNDING,
	ROW_FREE_OBJECTS,
	ROW_SHEAVES,
	ROW_PAGE_LISTS,
	ROW_FREE_PAGES,
	ROW_HUGE_EXCESS,
	ROW_METADATA,
	ROW_NOT_HEAP,
	NR_ROWS
};

static const struct {
	const char *name, *what;
} row_names[NR_ROWS] = {
	[ROW_LIVE] = { "live", "in use, as large as asked for where that is known" },
	[ROW_ROUNDING] = { "rounding", "the rest of blocks in use" },
	[ROW_FREE_OBJECTS] = { "free_objects", "free in partial and empty slabs" },
	[ROW_SHEAVES] = { "sheaves", "free, in the CPUs' sheaves and barns" },
	[ROW_PAGE_LISTS] = { "page_lists", "free pages on per-CPU lists" },
	[ROW_FREE_PAGES] = { "free_pages", "free, not yet given back" },
	[ROW_HUGE_EXCESS] = { "huge_excess", "never written to: came with huge pages, or ahead of need" },
	[ROW_METADATA] = { "metadata", "the library's own" },
	[ROW_NOT_HEAP] = { "not_heap", "program, libraries, stacks, other mappings" },
};

struct extent {
	uint64_t start, end;
};

struct explainer {
	struct residency *residency;
	double bytes[NR_ROWS];
	struct view_slab slab;
	uint64_t owners[MAX_RANGES];	/* arrays of struct page_owner, or 0 */
	struct extent *extents;		/* of metadata */
	size_t nr_extents, max_extents;
};

/* A part of what is claimed as a whole elsewhere. */
static void add_part(struct explainer *e, enum row row, uint64_t start,
		     uint64_t end)
{
	if (start < end)
		e->bytes[row] += residency_bytes(e->residency, start, end);
}

static void add_used(struct explainer *e, enum row row, uint64_t start,
		     uint64_t used, uint64_t end)
{
	if (used > end - start)
		used = end - start;
	add_part(e, row, start, start + used);
	add_part(e, ROW_ROUNDING, start + used, end);
}

/* Blocks ------------------------------------------------------------------- */

static void add_object(struct explainer *e, unsigned int nr, uint64_t start,
		       uint64_t end)
{
	const struct view_slab *slab = &e->slab;
	const struct kmem_cache *s = &slab->cache->s;
	uint64_t object = start + s->red_left_pad;
	unsigned int asked;

	switch (slab->state[nr]) {
	case OBJECT_IN_SHEAF:
		add_part(e, ROW_SHEAVES, start, end);
		break;
	case OBJECT_LIVE:
		asked = view_requested(slab, nr);
		add_part(e, ROW_ROUNDING, start, object);
		add_used(e, slab->cache->own ? ROW_METADATA : ROW_LIVE, object,
			 asked ? asked : s->object_size, end);
		break;
	default:
		add_part(e, ROW_FREE_OBJECTS, start, end);
	}
}

static void add_slab(struct explainer *e, struct view *v,
		     const struct view_block *block, uint64_t start,
		     uint64_t end)
{
	uint64_t at = start;
	unsigned int i;

	if (!view_read_slab(v, block, &e->slab)) {
		add_part(e, ROW_FREE_OBJECTS, start, end);
		return;
	}
	for (i = 0; i < e->slab.nr_objects; i++, at += e->slab.cache->s.size)
		add_object(e, i, at, at + e->slab.cache->s.size);
	add_part(e, ROW_ROUNDING, at, end);
}

/* Bytes asked for, of a block of pages; all of them if that is not known. A large
 * block with a red zone knows it itself. */
static uint64_t block_asked(struct explainer *e, struct view *v,
			    const struct view_block *block)
{
	size_t range = (size_t)(block->range - v->ranges);
	struct page_owner owner;
	uint64_t address;

	if (block->kind == VIEW_LARGE && block->page.slack)
		return (block->nr_pages << v->page_shift) - block->page.slack;
	if (!e->owners[range])
		return UINT64_MAX;
	address = e->owners[range] +
		  (block->pfn - block->range->start_pfn) * sizeof(owner);
	return view_read_at(v, address, &owner, sizeof(owner)) && owner.size ?
		       owner.size : UINT64_MAX;
}

static void add_block(struct view *v, const struct view_block *block,
		      void *data)
{
	struct explainer *e = data;
	uint64_t start = block->pfn << v->page_shift;
	uint64_t end = start + (block->nr_pages << v->page_shift);

	if (residency_claim(e->residency, start, end) <= 0)
		return;
	switch (block->kind) {
	case VIEW_FREE:
		add_part(e, PageZeroed(&block->page) ? ROW_HUGE_EXCESS :
						       ROW_FREE_PAGES,
			 start, end);
		break;
	case VIEW_PCP:
		add_part(e, ROW_PAGE_LISTS, start, end);
		break;
	case VIEW_SLAB:
		add_slab(e, v, block, start, end);
		break;
	case VIEW_LARGE:
	case VIEW_PAGES:
		add_used(e, ROW_LIVE, start, block_asked(e, v, block), end);
		break;
	default:
		/* On its way from one state to another. */
		add_part(e, ROW_METADATA, start, end);
	}
}

static void add_areas(struct explainer *e, const struct view *v)
{
	const struct vmap_area *area;

	for (area = v->areas; area < v->areas + v->nr_areas; area++) {
		residency_claim(e->residency, area->base, area->end);
		add_part(e, ROW_ROUNDING, area->base, area->node.key);
		add_used(e, ROW_LIVE, area->node.key,
			 area->owner.size ? area->owner.size : area->size,
			 area->end);
	}
}

/* Guarded blocks: those in use alone have pages. */
static void add_kfence(struct explainer *e, struct view *v)
{
	struct kfence_pool pool;

	remote_read_root(v->remote, "kfence_pool", &pool, sizeof(pool));
	if (pool.size <= UINT64_MAX - pool.start)
		e->bytes[ROW_LIVE] += residency_claim(e->residency, pool.start,
						      pool.start + pool.size);
}

/* Metadata ----------------------------------------------------------------- */

static void add_extent(struct explainer *e, uint64_t start, uint64_t bytes)
{
	if (!bytes)
		return;
	if (e->nr_extents == e->max_extents) {
		e->max_extents = e->max_extents ? 2 * e->max_extents : 256;
		e->extents = xrealloc(e->extents, e->max_extents *
							  sizeof(*e->extents));
	}
	e->extents[e->nr_extents++] = (struct extent){ start, start + bytes };
}

static bool in_range(const struct view *v, uint64_t address)
{
	uint64_t pfn = address >> v->page_shift;
	unsigned int i;

	for (i = 0; i < v->nr_ranges; i++)
		if (pfn >= v->ranges[i].start_pfn && pfn < v->ranges[i].end_pfn)
			return true;
	return false;
}

static void note_depot(struct explainer *e, struct view *v)
{
	struct stack_depot depot;
	uint64_t pool;
	u32 i;

	remote_read_root(v->remote, "stack_depot", &depot, sizeof(depot));
	if (!depot.pools)
		return;
	add_extent(e, (uint64_t)depot.pools, DEPOT_NR_POOLS * sizeof(pool));
	for (i = 0; i < DEPOT_NR_POOLS; i++) {
		if (!view_read_at(v, (uint64_t)depot.pools + i * sizeof(pool),
				  &pool, sizeof(pool)) || !pool)
			return;
		add_extent(e, pool, 1ul << DEPOT_POOL_SHIFT);
	}
}

static void note_kmemleak(struct explainer *e, struct view *v)
{
	struct kmemleak leak;
	uint64_t chunk;
	size_t steps;

	remote_read_root(v->remote, "kmemleak", &leak, sizeof(leak));
	chunk = (uint64_t)leak.chunks;
	for (steps = 0; chunk && steps < 65536; steps++) {
		add_extent(e, chunk, KMEMLEAK_CHUNK_BYTES);
		if (!view_read_at(v, chunk, &chunk, sizeof(chunk)))
			return;
	}
}

/* Of the profiles; their indexes are small beside them. */
static void note_tallies(struct explainer *e, struct view *v, const char *root)
{
	struct tally_table table;
	unsigned int k;

	remote_read_root(v->remote, root, &table, sizeof(table));
	for (k = 0; k < TALLY_CHUNKS && table.chunks[k]; k++)
		add_extent(e, (uint64_t)table.chunks[k],
			   sizeof(struct tally) << (TALLY_FIRST_SHIFT + k));
}

static void note_metadata(struct explainer *e, struct view *v)
{
	struct kmm_anchor_root root;
	const struct mem_range *range;
	unsigned int i;
	size_t n;

	for (i = 0; i < v->nr_ranges; i++) {
		range = &v->ranges[i];
		add_extent(e, (uint64_t)range->pages, range->map_bytes);
		if (e->owners[i])
			add_extent(e, e->owners[i],
				   (range->limit_pfn - range->start_pfn) *
					   sizeof(struct page_owner));
	}
	for (n = 0; n < v->nr_percpu_chunks; n++)
		add_extent(e, v->percpu_chunks[n],
			   (uint64_t)v->percpu.nr_units << PERCPU_UNIT_SHIFT);
	for (i = 0; remote_root_at(v->remote, i, &root); i++)
		add_extent(e, (uint64_t)root.address,
			   (uint64_t)root.size * root.count);
	for (n = 0; n < v->nr_caches; n++)
		if (!in_range(v, v->caches[n].address))
			add_extent(e, v->caches[n].address,
				   sizeof(struct kmem_cache));
	note_depot(e, v);
	note_kmemleak(e, v);
	note_tallies(e, v, "heap_profile");
	note_tallies(e, v, "alloc_sites");
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* They may overlap: a cache is also a part of a root. */
static void add_metadata(struct explainer *e)
{
	uint64_t done = 0, start;
	size_t i;

	qsort(e->extents, e->nr_extents, sizeof(*e->extents), compare_extents);
	for (i = 0; i < e->nr_extents; i++) {
		start = e->extents[i].start > done ? e->extents[i].start : done;
		if (start >= e->extents[i].end)
			continue;
		e->bytes[ROW_METADATA] += residency_claim(e->residency, start,
							  e->extents[i].end);
		done = e->extents[i].end;
	}
}

/* The table ---------------------------------------------------------------- */

static void show_row(struct output *o, const char *name, double bytes,
		     double rss, const char *what)
{
	output_string(o, name);
	output_number(o, (uint64_t)(bytes + 0.5));
	output_fraction(o, rss > 0 ? bytes / rss : 0);
	output_string(o, what);
}

static void show(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "row", OUTPUT_STRING },
		{ "bytes", OUTPUT_NUMBER },
		{ "of_rss", OUTPUT_FRACTION },
		{ "what", OUTPUT_STRING },
	};
	struct explainer e = { .residency = residency_read(v->remote) };
	double sum = 0, rss = (double)residency_rss(v->remote);
	int i;

	(void)operands;
	remote_read_root(v->remote, "page_owners", e.owners, sizeof(e.owners));
	view_for_each_block(v, add_block, &e);
	add_areas(&e, v);
	add_kfence(&e, v);
	note_metadata(&e, v);
	add_metadata(&e);
	e.bytes[ROW_NOT_HEAP] = residency_unclaimed(e.residency);

	output_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < NR_ROWS; i++) {
		show_row(o, row_names[i].name, e.bytes[i], rss,
			 row_names[i].what);
		sum += e.bytes[i];
	}
	show_row(o, "sum", sum, rss, "of the rows above");
	show_row(o, "rss", rss, rss, "as the kernel counts it, in smaps_rollup");
	view_slab_free(&e.slab);
	residency_free(e.residency);
	free(e.extents);
}

int cmd_rss(int argc, char **argv)
{
	static const struct view_command command = {
		.report = "rss",
		.args_doc = "PID",
		.doc = "Explains the resident memory of a process: each "
		       "resident byte is in one row.\vWhat was asked for is "
		       "known if the program was started with "
		       "KMM_CMDLINE=\"slab_debug=U page_owner\".",
		.parts = VIEW_SHEAF_OBJECTS,
		.process_only = true,
		.show = show,
	};

	return view_main(&command, argc, argv);
}
