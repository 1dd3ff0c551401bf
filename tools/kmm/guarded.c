// SPDX-License-Identifier: MIT
/*
 * Guarded objects, see guarded.h. The pool is a row of units, a page and a guard
 * each; mm/kfence.c draws it. An object of several units begins in the first.
 */
#include <string.h>

#include "guarded.h"

static void read_pool(struct view *v, struct kfence_pool *pool)
{
	remote_read_root(v->remote, "kfence_pool", pool, sizeof(*pool));
}

bool guarded_is(struct view *v, uint64_t address)
{
	struct kfence_pool pool;

	read_pool(v, &pool);
	return address - pool.start < pool.size;
}

uint64_t guarded_distance(const struct guarded *g, uint64_t address)
{
	uint64_t end = g->meta.addr + g->meta.size;

	if (address < g->meta.addr)
		return g->meta.addr - address;
	return address < end ? 0 : address - end + 1;
}

bool guarded_in_pages(struct view *v, const struct guarded *g, uint64_t address)
{
	uint64_t mask = (1ull << v->page_shift) - 1;

	return address >= (g->meta.addr & ~mask) &&
	       address < ((g->meta.addr + g->meta.size + mask) & ~mask);
}

/* The block that a unit is of. */
static bool read_unit(struct view *v, const struct kfence_pool *pool,
		      uint64_t address, struct guarded *g)
{
	uint64_t unit = (address - pool->start) >> (v->page_shift + 1);

	memset(g, 0, sizeof(*g));
	g->since = pool->start_time;
	return unit < pool->nr_units &&
	       view_read_at(v, (uint64_t)(pool->units + unit), &g->number,
			    sizeof(g->number)) &&
	       g->number && g->number <= unit &&
	       view_read_at(v, (uint64_t)(pool->metadata + g->number),
			    &g->meta, sizeof(g->meta)) &&
	       unit - g->number < g->meta.nr_units;
}

static bool is_better(const struct guarded *g, const struct guarded *than,
		      uint64_t address)
{
	bool live = g->meta.state == KFENCE_OBJECT_ALLOCATED;

	if (live != (than->meta.state == KFENCE_OBJECT_ALLOCATED))
		return live;
	return guarded_distance(g, address) < guarded_distance(than, address);
}

bool guarded_find(struct view *v, uint64_t address, struct guarded *best)
{
	uint64_t page = 1ull << v->page_shift;
	uint64_t start = address & ~(page - 1);
	const uint64_t places[] = { address, start + page, start - 1 };
	struct kfence_pool pool;
	struct guarded g;
	bool found = false;
	size_t i;

	read_pool(v, &pool);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!read_unit(v, &pool, places[i], &g))
			continue;
		if (!found || is_better(&g, best, address))
			*best = g;
		found = true;
		if (guarded_in_pages(v, best, address))
			break;
	}
	return found;
}

void guarded_name(struct view *v, const struct guarded *g, char *name,
		  size_t size)
{
	size_t i;

	for (i = 0; i < v->nr_caches; i++) {
		if (v->caches[i].address == (uint64_t)g->meta.cache) {
			strncpy(name, v->caches[i].name, size);
			name[size - 1] = '\0';
			return;
		}
	}
	/* Byte by byte: what is behind its end may not be there. */
	memset(name, 0, size);
	for (i = 0; i + 1 < size; i++)
		if (!view_read_at(v, (uint64_t)g->meta.name + i, &name[i], 1) ||
		    !name[i])
			break;
}
