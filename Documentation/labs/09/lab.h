/* SPDX-License-Identifier: MIT */
/*
 * Exercise 09: the sheaf and the barn.
 *
 *	cpu 0		cpu 1
 *	main  spare	main  spare	owner's thread only, no lock
 *	   \   |	   |   /
 *	    \  |           |  /
 *	     barn: full and empty sheaves	barn_lock()
 *	          |
 *	     slab_alloc_bulk(), slab_free_bulk()	have a lock of their own
 *
 * Sheaves move as a whole. There are as many as there are places: two for each
 * CPU, and BARN_SHEAVES in the barn, full or empty. None is made or lost; to
 * take a full one from the barn, leave an empty one there.
 */
#ifndef LAB_09_H
#define LAB_09_H

#include "begin.h"

#define NR_CPUS		4
#define SHEAF_CAPACITY	8
#define BARN_SHEAVES	4

struct sheaf {
	unsigned int size;		/* objects in it */
	void *objects[SHEAF_CAPACITY];	/* the newest is the last */
};

struct cpu_sheaves {
	struct sheaf *main, *spare;
};

struct barn {
	unsigned int nr_full, nr_empty;
	struct sheaf *full[BARN_SHEAVES];
	struct sheaf *empty[BARN_SHEAVES];
};

extern struct cpu_sheaves *cpus;	/* NR_CPUS of them */
extern struct barn *barn;		/* while barn_lock() is held only */

void barn_lock(void);
void barn_unlock(void);

/* @nr objects from slabs to @p: all of them, or false. Not under barn_lock(). */
bool slab_alloc_bulk(void **p, unsigned int nr);
/* @nr objects from @p back to their slabs. Not under barn_lock(). */
void slab_free_bulk(void **p, unsigned int nr);

/**
 * sheaf_alloc() - an object, on CPU @cpu
 *
 * 1. main has one: take the newest.
 * 2. spare has some: swap main and spare, then 1.
 * 3. the barn has a full sheaf: exchange main for it, then 1.
 * 4. refill main by one slab_alloc_bulk() of SHEAF_CAPACITY, then 1.
 *
 * Return: the object; %NULL if the slabs have none.
 */
void *sheaf_alloc(unsigned int cpu);

/**
 * sheaf_free() - give an object back, on CPU @cpu
 *
 * 1. main has room: push.
 * 2. spare has room: swap main and spare, then 1.
 * 3. the barn has an empty sheaf: exchange main for it, then 1.
 * 4. flush main by one slab_free_bulk() of SHEAF_CAPACITY, then 1.
 */
void sheaf_free(unsigned int cpu, void *object);

/** sheaf_drain() - give all objects of CPU @cpu's two sheaves to the slabs */
void sheaf_drain(unsigned int cpu);

#endif /* LAB_09_H */
