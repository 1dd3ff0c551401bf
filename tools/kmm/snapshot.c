// SPDX-License-Identifier: MIT
/*
 * Taking snapshots of a heap.
 *
 *	stop -> view_read(), walk over the pages, slabs -> let it go on
 *
 * The pause is what the walk takes: about 32 bytes to copy per page, and the
 * slabs whose objects are shown. How many those are is bounded for all
 * snapshots together (MAX_STATES), and per cache, so that each cache has some.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kmm.h"
#include "process.h"
#include "residency.h"
#include "snapshot.h"

#define MAX_STATES 3000000	/* objects, in all snapshots: 1 MB of page */
#define SLABS_PER_CACHE 1024
#define EXAMPLES_PER_CACHE 4	/* where pageblocks are shown */

struct taking {
	struct series *series;
	struct snapshot *s;
	struct view *v;
	uint32_t *index;	/* of v->caches in series->names */
	unsigned int *nr_slabs;	/* whose objects are shown, by cache */
	size_t nr_states;
	struct view_slab slab;
};

static volatile sig_atomic_t interrupted;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Caches ------------------------------------------------------------------- */

/* A cache that was made anew at the same address is another one. */
static uint32_t name_cache(struct series *series, const struct view_cache *c)
{
	struct snapshot_name *n;
	size_t i;

	for (i = 0; i < series->nr_names; i++) {
		n = &series->names[i];
		if (n->address == c->address && !strcmp(n->name, c->name) &&
		    n->size == c->s.size)
			return (uint32_t)i;
	}
	series->names = xgrow(series->names, series->nr_names,
			      &series->max_names, sizeof(*series->names));
	n = &series->names[series->nr_names];
	*n = (struct snapshot_name){
		.address = c->address,
		.size = c->s.size,
		.object_size = c->s.object_size,
		.pad = c->s.red_left_pad,
		.order = c->s.order,
		.objects = c->s.objects,
		.capacity = c->s.sheaf_capacity,
	};
	memcpy(n->name, c->name, sizeof(n->name));
	return (uint32_t)series->nr_names++;
}

static uint32_t read_fill(struct view *v, const struct slab_sheaf *address,
			  uint32_t *capacity)
{
	struct slab_sheaf sheaf;

	*capacity = 0;
	if (!address ||
	    !view_read_at(v, (uint64_t)address, &sheaf, sizeof(sheaf)))
		return 0;
	*capacity = sheaf.capacity;
	return sheaf.size <= sheaf.capacity ? sheaf.size : sheaf.capacity;
}

static void take_cpu_sheaves(struct taking *t, const struct view_cache *c,
			     uint32_t index)
{
	struct snapshot *s = t->s;
	struct slub_percpu_sheaves pcs;
	struct snapshot_sheaves sheaves;
	uint32_t cpu;

	for (cpu = 0; c->s.sheaf_capacity && cpu < t->v->percpu.nr_used;
	     cpu++) {
		if (!view_read_at(t->v, (uint64_t)c->s.cpu_sheaves +
						cpu * PERCPU_UNIT_SIZE,
				  &pcs, sizeof(pcs)) ||
		    (!pcs.main && !pcs.spare))
			continue;
		sheaves.cache = index;
		sheaves.cpu = cpu;
		sheaves.main = read_fill(t->v, pcs.main,
					 &sheaves.main_capacity);
		sheaves.spare = read_fill(t->v, pcs.spare,
					  &sheaves.spare_capacity);
		if (!sheaves.main_capacity && !sheaves.spare_capacity)
			continue;
		s->sheaves = xgrow(s->sheaves, s->nr_sheaves, &s->max_sheaves,
				   sizeof(sheaves));
		s->sheaves[s->nr_sheaves++] = sheaves;
	}
}

static void take_caches(struct taking *t)
{
	const struct view_cache *c;
	size_t i;

	t->index = xcalloc(t->v->nr_caches + 1, sizeof(*t->index));
	t->nr_slabs = xcalloc(t->v->nr_caches + 1, sizeof(*t->nr_slabs));
	t->s->caches = xcalloc(t->v->nr_caches + 1, sizeof(*t->s->caches));
	for (i = 0; i < t->v->nr_caches; i++) {
		c = &t->v->caches[i];
		t->index[i] = name_cache(t->series, c);
		if (!c->s.node.nr_slabs)
			continue;
		t->s->caches[t->s->nr_caches++] = (struct snapshot_cache){
			.cache = t->index[i],
			.nr_slabs = c->s.node.nr_slabs,
			.nr_partial = c->s.node.nr_partial,
			.nr_objects = c->s.node.nr_objects,
			.active = view_active(c),
			.in_sheaves = c->in_cpu_sheaves,
			.in_barn = c->in_barn,
			.barn_full = c->s.barn.nr_full,
			.barn_empty = c->s.barn.nr_empty,
		};
		take_cpu_sheaves(t, c, t->index[i]);
	}
}

/* Pages -------------------------------------------------------------------- */

static enum snapshot_kind kind_of(const struct view_block *block)
{
	static const enum snapshot_kind kinds[NR_VIEW_KINDS] = {
		[VIEW_FREE] = SNAPSHOT_FREE,
		[VIEW_PCP] = SNAPSHOT_PCP,
		[VIEW_SLAB] = SNAPSHOT_SLAB,
		[VIEW_LARGE] = SNAPSHOT_LARGE,
		[VIEW_PAGES] = SNAPSHOT_PAGES,
		[VIEW_OTHER] = SNAPSHOT_OTHER,
	};

	if (block->kind == VIEW_FREE && PageZeroed(&block->page))
		return SNAPSHOT_ZERO;
	return kinds[block->kind];
}

static void take_slab(struct taking *t, const struct view_block *block,
		      struct snapshot_block *b)
{
	unsigned int max = t->s->whole ? EXAMPLES_PER_CACHE : SLABS_PER_CACHE;
	size_t cache, i;

	b->inuse = block->page.inuse;
	b->objects = block->page.objects;
	for (cache = 0; cache < t->v->nr_caches; cache++)
		if (t->v->caches[cache].address ==
		    (uint64_t)block->page.slab_cache)
			break;
	if (cache == t->v->nr_caches) {
		b->kind = SNAPSHOT_OTHER;
		return;
	}
	b->cache = t->index[cache];
	if (t->nr_states + b->objects > t->series->max_states ||
	    t->nr_slabs[cache] >= max ||
	    !view_read_slab(t->v, block, &t->slab))
		return;
	t->nr_slabs[cache]++;
	t->nr_states += b->objects;
	b->objects = (uint16_t)t->slab.nr_objects;
	b->state = xcalloc(b->objects + 1u, 1);
	for (i = 0; i < b->objects; i++)
		b->state[i] = t->slab.state[i];
}

static void add_block(struct taking *t, const struct view_block *block)
{
	struct snapshot *s = t->s;
	struct snapshot_block *b;

	s->blocks = xgrow(s->blocks, s->nr_blocks, &s->max_blocks, sizeof(*b));
	b = &s->blocks[s->nr_blocks++];
	*b = (struct snapshot_block){
		.address = block->pfn << t->series->page_shift,
		.kind = kind_of(block),
		.order = block->kind == VIEW_OTHER ? 0 : block->page.order,
		.nr_pages = (uint32_t)block->nr_pages,
	};
	if (b->kind == SNAPSHOT_SLAB)
		take_slab(t, block, b);
}

/* A slab, as long as there are few of its cache. */
static void add_example(struct taking *t, const struct view_block *block)
{
	add_block(t, block);
	if (!t->s->blocks[t->s->nr_blocks - 1].state)
		t->s->nr_blocks--;
}

/* A free block may span pageblocks; its pages count where they are. */
static void add_to_pageblocks(struct taking *t, const struct view_block *block)
{
	struct snapshot *s = t->s;
	struct snapshot_range *range = &s->ranges[s->nr_ranges - 1];
	uint64_t pfn = block->pfn - block->range->start_pfn;
	uint64_t end = pfn + block->nr_pages, next, i;

	for (; pfn < end; pfn = next) {
		i = range->first + (pfn >> t->series->pageblock_order);
		next = ((pfn >> t->series->pageblock_order) + 1)
		       << t->series->pageblock_order;
		if (next > end)
			next = end;
		if (i < range->first + range->nr)
			s->pageblocks[i].nr[kind_of(block)] +=
				(uint32_t)(next - pfn);
	}
}

static void begin_range(struct taking *t, const struct mem_range *range)
{
	struct snapshot *s = t->s;
	struct snapshot_range *r = &s->ranges[s->nr_ranges++];
	size_t per_block = (size_t)1 << t->series->pageblock_order;

	r->start = range->start_pfn << t->series->page_shift;
	r->nr_pages = range->end_pfn - range->start_pfn;
	r->first = s->whole ? s->nr_pageblocks : s->nr_blocks;
	if (s->whole) {
		r->nr = (r->nr_pages + per_block - 1) / per_block;
		s->nr_pageblocks += r->nr;
		s->pageblocks = xrealloc(s->pageblocks,
					 s->nr_pageblocks *
						 sizeof(*s->pageblocks));
		memset(&s->pageblocks[r->first], 0,
		       r->nr * sizeof(*s->pageblocks));
	}
}

static void take_block(struct view *v, const struct view_block *block,
		       void *data)
{
	struct taking *t = data;

	if (!t->s->nr_ranges ||
	    t->s->ranges[t->s->nr_ranges - 1].start !=
		    block->range->start_pfn << v->page_shift)
		begin_range(t, block->range);
	if (block->kind == VIEW_FREE && PageZeroed(&block->page))
		t->s->nr_zero[block->page.order]++;
	if (block->kind == VIEW_PCP)
		t->s->nr_pcp[block->page.order]++;
	if (!t->s->whole) {
		add_block(t, block);
		t->s->ranges[t->s->nr_ranges - 1].nr++;
		return;
	}
	add_to_pageblocks(t, block);
	if (block->kind == VIEW_SLAB)
		add_example(t, block);
}

static void take_pages(struct taking *t)
{
	struct snapshot *s = t->s;
	uint64_t nr_pages = 0;
	unsigned int i;

	for (i = 0; i < t->v->nr_ranges; i++)
		nr_pages += t->v->ranges[i].end_pfn - t->v->ranges[i].start_pfn;
	s->whole = nr_pages > SNAPSHOT_MAX_PAGES;
	s->ranges = xcalloc(t->v->nr_ranges + 1, sizeof(*s->ranges));
	view_for_each_block(t->v, take_block, t);
	view_slab_free(&t->slab);
}

static void take_zones(struct taking *t)
{
	struct snapshot *s = t->s;
	const struct view_zone *zone;
	unsigned int i, order, cpu;

	s->nr_cpus = t->v->percpu.nr_used;
	s->cpu_pages = xcalloc(s->nr_cpus + 1, sizeof(*s->cpu_pages));
	for (i = 0; i < MAX_NR_ZONES; i++) {
		zone = &t->v->zones[i];
		memcpy(t->series->zone_names[i], zone->name,
		       sizeof(zone->name));
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			s->nr_free[i][order] = zone->z.free_area[order].nr_free;
		for (cpu = 0; cpu < s->nr_cpus; cpu++)
			s->cpu_pages[cpu] += zone->pcps[cpu].count;
	}
}

/* Time --------------------------------------------------------------------- */

static void take(struct series *series)
{
	struct snapshot *s = &series->samples[series->nr_samples++];
	struct taking t = { .series = series, .s = s };
	struct process *process;
	uint64_t begin;

	if (remote_pid(series->remote))
		s->rss = residency_rss(series->remote);
	begin = now();
	process = process_stop(series->remote);
	t.v = view_read(series->remote, VIEW_SHEAF_OBJECTS);
	series->page_shift = t.v->page_shift;
	series->pageblock_order = t.v->pageblock_order;
	take_zones(&t);
	take_caches(&t);
	take_pages(&t);
	process_resume(process);
	s->pause = now() - begin;
	if (!series->start)
		series->start = begin;
	s->time = begin - series->start;
	view_memory(t.v, &s->memory);
	view_free(t.v);
	free(t.index);
	free(t.nr_slabs);
}

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* False if there is no more to be seen. */
static bool wait_until(const struct series *series, uint64_t when)
{
	struct timespec ts = { (time_t)(when / 1000000000),
			       (long)(when % 1000000000) };
	char byte;

	while (!interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
	return !interrupted && remote_read(series->remote, 0, &byte, 1) != -ESRCH;
}

void series_take(struct series *series, struct remote *remote, size_t max,
		 unsigned long interval_ms)
{
	struct sigaction action = { .sa_handler = interrupt }, before;

	memset(series, 0, sizeof(*series));
	series->remote = remote;
	series->program = remote_program(remote);
	if (!remote_pid(remote))
		max = 1;
	series->samples = xcalloc(max, sizeof(*series->samples));
	series->max_states = MAX_STATES / max;
	sigaction(SIGINT, &action, &before);
	do {
		take(series);
	} while (series->nr_samples < max &&
		 wait_until(series, series->start + series->nr_samples *
						    interval_ms * 1000000));
	sigaction(SIGINT, &before, NULL);
}

void series_free(struct series *series)
{
	struct snapshot *s;
	size_t i, n;

	for (i = 0; i < series->nr_samples; i++) {
		s = &series->samples[i];
		for (n = 0; n < s->nr_blocks; n++)
			free(s->blocks[n].state);
		free(s->ranges);
		free(s->blocks);
		free(s->pageblocks);
		free(s->cpu_pages);
		free(s->sheaves);
		free(s->caches);
	}
	free(series->samples);
	free(series->names);
	free(series->program);
}

/* Fragmentation ------------------------------------------------------------ */

struct free_sums {
	unsigned long pages, suitable;
};

static struct free_sums add_free(const struct snapshot *s, unsigned int order)
{
	struct free_sums sums = { 0 };
	unsigned int zone, k;
	unsigned long nr;

	for (zone = 0; zone < MAX_NR_ZONES; zone++) {
		for (k = 0; k < NR_PAGE_ORDERS; k++) {
			nr = s->nr_free[zone][k];
			sums.pages += nr << k;
			if (k >= order)
				sums.suitable += nr << (k - order);
		}
	}
	return sums;
}

int snapshot_unusable(const struct snapshot *s, unsigned int order)
{
	struct free_sums sums = add_free(s, order);

	if (!sums.pages)
		return 1000;
	return (int)((sums.pages - (sums.suitable << order)) * 1000 /
		     sums.pages);
}
