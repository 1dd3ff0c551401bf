// SPDX-License-Identifier: MIT
/*
 * What the strategies have in common: the blocks of an arena, the lock around
 * each call, and the check of the invariants that strategy.h numbers.
 *
 * A struct block is never given back while the heap lives: a strategy that
 * merges has some to spare, and the next split takes one. So no malloc() is in
 * what is measured, once the heap has been in use for a while.
 */
#include <stdlib.h>
#include <string.h>

#include "strategy.h"

__thread struct lab_steps lab_steps;

const struct strategy *const strategies[] = {
	&first_fit, &best_fit, &next_fit, &segregated, &ranges, &buddy,
	&thread_cache, NULL,
};

const struct strategy *strategy_find(const char *name)
{
	const struct strategy *const *s;

	for (s = strategies; *s; s++)
		if (!strcmp((*s)->name, name))
			return *s;
	return NULL;
}

/* Memory for the tool itself: without it, there is nothing to show. */
static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* Blocks ------------------------------------------------------------------- */

static struct block *block_new(struct heap *heap, size_t start, size_t size)
{
	struct block *block = heap->spare;

	if (block)
		heap->spare = block->link;
	else
		block = must(malloc(sizeof(*block)));
	*block = (struct block){ .start = start, .size = size };
	heap->at[start] = block;
	return block;
}

struct block *block_append(struct heap *heap, size_t start, size_t size)
{
	struct block *block = block_new(heap, start, size);
	struct block *last = heap->first;

	if (!last) {
		heap->first = block;
		return block;
	}
	/* Searched from the last one that starts before, not from the first. */
	while (start && !heap->at[--start])
		;
	last = heap->at[start];
	last->next = block;
	block->prev = last;
	return block;
}

struct block *block_split(struct heap *heap, struct block *block, size_t size)
{
	struct block *rest = block_new(heap, block->start + size,
				       block->size - size);

	block->size = size;
	rest->prev = block;
	rest->next = block->next;
	if (rest->next)
		rest->next->prev = rest;
	block->next = rest;
	lab_steps.splits++;
	return rest;
}

struct block *block_merge(struct heap *heap, struct block *block)
{
	struct block *gone = block->next;

	block->size += gone->size;
	block->next = gone->next;
	if (block->next)
		block->next->prev = block;
	heap->at[gone->start] = NULL;
	gone->link = heap->spare;
	heap->spare = gone;
	lab_steps.merges++;
	return block;
}

void list_push(struct block **list, struct block *block)
{
	block->back = NULL;
	block->link = *list;
	if (*list)
		(*list)->back = block;
	*list = block;
}

void list_remove(struct block **list, struct block *block)
{
	if (block->back)
		block->back->link = block->link;
	else
		*list = block->link;
	if (block->link)
		block->link->back = block->back;
	block->link = block->back = NULL;
}

/* Heaps -------------------------------------------------------------------- */

struct heap *heap_new(const struct strategy *strategy, size_t arena)
{
	struct heap *heap = must(calloc(1, strategy->heap_size));

	heap->strategy = strategy;
	heap->arena = strategy->fit ? strategy->fit(arena) : arena;
	heap->at = must(calloc(heap->arena + 1, sizeof(heap->at[0])));
	pthread_mutex_init(&heap->lock, NULL);
	strategy->init(heap);
	return heap;
}

void heap_destroy(struct heap *heap)
{
	struct block *block, *next;

	for (block = heap->first; block; block = next) {
		next = block->next;
		free(block);
	}
	for (block = heap->spare; block; block = next) {
		next = block->link;
		free(block);
	}
	pthread_mutex_destroy(&heap->lock);
	free(heap->at);
	free(heap);
}

static void heap_lock(struct heap *heap)
{
	if (heap->strategy->locks_itself)
		return;
	pthread_mutex_lock(&heap->lock);
	lab_steps.locks++;
}

static void heap_unlock(struct heap *heap)
{
	if (!heap->strategy->locks_itself)
		pthread_mutex_unlock(&heap->lock);
}

struct block *lab_alloc(struct heap *heap, size_t size, unsigned int thread)
{
	struct block *block;

	/* No byte is still a block, so that it can be told from others. */
	if (!size)
		size = 1;
	if (size > heap->arena)
		return NULL;
	heap_lock(heap);
	block = heap->strategy->alloc(heap, size, thread);
	if (block) {
		block->state = BLOCK_USED;
		block->wanted = size;
	}
	heap_unlock(heap);
	return block;
}

void lab_free(struct heap *heap, struct block *block, unsigned int thread)
{
	heap_lock(heap);
	block->state = BLOCK_FREE;
	block->wanted = 0;
	heap->strategy->free(heap, block, thread);
	heap_unlock(heap);
}

/* Checking ----------------------------------------------------------------- */

static const char *check_tiles(struct heap *heap, size_t *nr_free)
{
	struct block *block, *prev = NULL;
	size_t pos = 0;

	for (block = heap->first; block; block = block->next) {
		if (block->start != pos)
			return "A1: blocks leave a gap or overlap";
		if (!block->size || block->prev != prev)
			return "A1: neighbours do not know each other";
		if (heap->at[block->start] != block)
			return "A1: a block is not found by its start";
		if (block->state == BLOCK_USED && block->size < block->wanted)
			return "A3: a block is smaller than what was asked for";
		*nr_free += block->state == BLOCK_FREE;
		pos += block->size;
		prev = block;
	}
	return pos == heap->arena ? NULL : "A1: blocks do not fill the arena";
}

static const char *check_lists(struct heap *heap, size_t nr_free)
{
	const char *name, *bad = NULL;
	struct block *block;
	unsigned int i;
	size_t nr = 0;
	char *seen = must(calloc(heap->arena + 1, 1));

	for (i = 0; !bad && heap->strategy->list(heap, i, &name, &block); i++) {
		for (; block; block = block->link) {
			if (block->state != BLOCK_FREE ||
			    heap->at[block->start] != block)
				bad = "A2: what is on a list is not free";
			else if (seen[block->start])
				bad = "A2: a block is on the lists twice";
			if (bad)
				break;
			seen[block->start] = 1;
			nr++;
		}
	}
	free(seen);
	if (!bad && nr != nr_free)
		bad = "A2: a free block is on no list";
	return bad;
}

const char *heap_check(struct heap *heap)
{
	size_t nr_free = 0;
	const char *bad = check_tiles(heap, &nr_free);

	if (!bad)
		bad = check_lists(heap, nr_free);
	if (!bad && heap->strategy->check)
		bad = heap->strategy->check(heap);
	return bad;
}
