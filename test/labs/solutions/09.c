// SPDX-License-Identifier: MIT
/*
 * Exercise 09: the sheaf and the barn. Reference solution.
 *
 * The spare sheaf is why a program that allocates and frees around the border
 * of a sheaf does not go to the barn each time: it takes a whole sheaf more in
 * one direction to get there.
 */
#include "lab.h"

static void swap(struct cpu_sheaves *c)
{
	struct sheaf *main = c->main;

	c->main = c->spare;
	c->spare = main;
}

/* An empty main for a full one; false if the barn has none. */
static bool exchange_for_full(struct cpu_sheaves *c)
{
	bool done = false;

	barn_lock();
	if (barn->nr_full) {
		barn->empty[barn->nr_empty++] = c->main;
		c->main = barn->full[--barn->nr_full];
		done = true;
	}
	barn_unlock();
	return done;
}

static bool exchange_for_empty(struct cpu_sheaves *c)
{
	bool done = false;

	barn_lock();
	if (barn->nr_empty) {
		barn->full[barn->nr_full++] = c->main;
		c->main = barn->empty[--barn->nr_empty];
		done = true;
	}
	barn_unlock();
	return done;
}

static bool refill(struct sheaf *sheaf)
{
	if (!slab_alloc_bulk(sheaf->objects, SHEAF_CAPACITY))
		return false;
	sheaf->size = SHEAF_CAPACITY;
	return true;
}

static void flush(struct sheaf *sheaf)
{
	if (sheaf->size)
		slab_free_bulk(sheaf->objects, sheaf->size);
	sheaf->size = 0;
}

void *sheaf_alloc(unsigned int cpu)
{
	struct cpu_sheaves *c = &cpus[cpu];

	if (!c->main->size) {
		if (c->spare->size)
			swap(c);
		else if (!exchange_for_full(c) && !refill(c->main))
			return NULL;
	}
	return c->main->objects[--c->main->size];
}

void sheaf_free(unsigned int cpu, void *object)
{
	struct cpu_sheaves *c = &cpus[cpu];

	if (c->main->size == SHEAF_CAPACITY) {
		if (c->spare->size < SHEAF_CAPACITY)
			swap(c);
		else if (!exchange_for_empty(c))
			flush(c->main);
	}
	c->main->objects[c->main->size++] = object;
}

void sheaf_drain(unsigned int cpu)
{
	flush(cpus[cpu].main);
	flush(cpus[cpu].spare);
}
