/* SPDX-License-Identifier: MIT */
/*
 * The ladder of strategies: one interface, so that the same commands and the
 * same traces can be given to each.
 *
 * A heap manages an arena of @arena bytes, which exists only as numbers: what a
 * strategy knows of a block is kept beside it, in a struct block. So a block of
 * 16 bytes takes 16 bytes, as in a lecture's drawing, and not 16 and a header.
 *
 *	arena	|A.......|.......|B.....|...|	blocks tile it, in order of address
 *		 `- first  next -^	 by prev and next; at[start] finds one
 *	lists	free blocks, by link, in the order in which the strategy looks
 *
 * Invariants:	A1  blocks tile the arena: no gap, no overlap, at[] finds each
 *		A2  a free block is on exactly one list, once; no other one is
 *		A3  a used block is at least as large as what was asked for
 *
 * A strategy adds its own by its check(). lab_alloc() and lab_free() take the
 * heap's lock around the call, unless the strategy says that it takes it where
 * it needs it.
 *
 * What a call costs is counted in steps: free blocks looked at, splits, merges,
 * and locks taken; per thread, in lab_steps.
 */
#ifndef TOOLS_LAB_STRATEGY_H
#define TOOLS_LAB_STRATEGY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define LAB_MAX_THREADS 16

enum block_state { BLOCK_FREE, BLOCK_USED };

struct block {
	size_t start, size;		/* bytes [start, start + size) */
	size_t wanted;			/* bytes asked for, of a used one */
	enum block_state state;
	struct block *prev, *next;	/* neighbours in the arena */
	struct block *link, *back;	/* on a list of free blocks */
};

struct strategy;

struct heap {
	const struct strategy *strategy;
	size_t arena;
	struct block *first;		/* of the arena */
	struct block **at;		/* by start; NULL: none starts there */
	struct block *spare;		/* structs without a block, by link */
	pthread_mutex_t lock;
};

struct lab_steps {
	unsigned long visited;		/* free blocks looked at */
	unsigned long splits, merges;
	unsigned long locks;
};
extern __thread struct lab_steps lab_steps;

struct strategy {
	const char *name;
	const char *title;
	const char *file;		/* __FILE__ */
	size_t heap_size;		/* bytes of its struct, heap first */
	bool locks_itself;
	size_t (*fit)(size_t arena);	/* the arena it can manage; NULL: any */
	void (*init)(struct heap *heap);
	struct block *(*alloc)(struct heap *heap, size_t size,
			       unsigned int thread);
	void (*free)(struct heap *heap, struct block *block,
		     unsigned int thread);
	/* The i-th list: its name, and the first block on it; false: no more.
	 * The name lives until the next call. */
	bool (*list)(struct heap *heap, unsigned int i, const char **name,
		     struct block **first);
	/* Its own invariants: what is broken, or NULL. */
	const char *(*check)(struct heap *heap);
	/* What threads keep goes back to all; NULL: they keep nothing. */
	void (*drain)(struct heap *heap);
};

extern const struct strategy first_fit, best_fit, next_fit, segregated, ranges,
	buddy, thread_cache;
/* In the order of the lecture; ends with NULL. */
extern const struct strategy *const strategies[];

const struct strategy *strategy_find(const char *name);
struct heap *heap_new(const struct strategy *strategy, size_t arena);
void heap_destroy(struct heap *heap);

struct block *lab_alloc(struct heap *heap, size_t size, unsigned int thread);
void lab_free(struct heap *heap, struct block *block, unsigned int thread);
/* What is broken, in words, or NULL. */
const char *heap_check(struct heap *heap);

/* For strategies: ---------------------------------------------------------- */

/* One block over all of [start, start + size), at the end of what there is. */
struct block *block_append(struct heap *heap, size_t start, size_t size);
/* Keep @size bytes of a block; the rest is a new one, which is returned. */
struct block *block_split(struct heap *heap, struct block *block, size_t size);
/* @block swallows its right neighbour, and is returned. */
struct block *block_merge(struct heap *heap, struct block *block);

/* A list of free blocks, newest first; both ends of each link are kept. */
void list_push(struct block **list, struct block *block);
void list_remove(struct block **list, struct block *block);

/* The least k with 2^k >= size. */
static inline unsigned int log2_up(size_t size)
{
	unsigned int k = 0;

	while ((size_t)1 << k < size)
		k++;
	return k;
}

#endif /* TOOLS_LAB_STRATEGY_H */
