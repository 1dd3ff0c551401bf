// SPDX-License-Identifier: MIT
/*
 * Best fit: one list of all free blocks, newest first. A request takes the
 * smallest one that is large enough, so that large ones stay whole.
 *
 *	free -> 40 at 60 -> 16 at 32 -> 24 at 0		alloc 20: looks at all three,
 *							takes 24, and leaves 4
 *
 * The rest of a good fit is small: best fit is known for leaving behind slivers
 * that nobody can use. A block finds its free neighbours by the boundaries it
 * shares with them (Knuth's boundary tags; here prev and next), so freeing
 * needs no search.
 *
 * Cost:	alloc: all free blocks, unless one fits exactly. free: constant.
 * Invariants:	S1  no two free blocks are neighbours
 * Source:	D. E. Knuth, The Art of Computer Programming 1, 2.5, algorithm C
 *		and exercise 2.5-5; J. E. Shore, CACM 18(8), 1975, 433-440.
 */
#include "../strategy.h"

struct best_fit {
	struct heap heap;
	struct block *free;
};

static struct best_fit *self(struct heap *heap)
{
	return (struct best_fit *)heap;
}

static void best_fit_init(struct heap *heap)
{
	list_push(&self(heap)->free, block_append(heap, 0, heap->arena));
}

static struct block *best_fit_alloc(struct heap *heap, size_t size,
				    unsigned int thread)
{
	struct block *block, *best = NULL;

	(void)thread;
	for (block = self(heap)->free; block; block = block->link) {
		lab_steps.visited++;
		if (block->size < size || (best && best->size <= block->size))
			continue;
		best = block;
		if (best->size == size)
			break;
	}
	if (!best)
		return NULL;
	list_remove(&self(heap)->free, best);
	if (best->size > size)
		list_push(&self(heap)->free, block_split(heap, best, size));
	return best;
}

static void best_fit_free(struct heap *heap, struct block *block,
			  unsigned int thread)
{
	struct block **list = &self(heap)->free;
	struct block *next = block->next, *prev = block->prev;

	(void)thread;
	if (next && next->state == BLOCK_FREE) {
		list_remove(list, next);
		block_merge(heap, block);
	}
	if (prev && prev->state == BLOCK_FREE) {
		list_remove(list, prev);
		block = block_merge(heap, prev);
	}
	list_push(list, block);
}

static bool best_fit_list(struct heap *heap, unsigned int i, const char **name,
			  struct block **first)
{
	*name = "free";
	*first = self(heap)->free;
	return i == 0;
}

static const char *best_fit_check(struct heap *heap)
{
	struct block *block;

	for (block = heap->first; block && block->next; block = block->next)
		if (block->state == BLOCK_FREE &&
		    block->next->state == BLOCK_FREE)
			return "S1: neighbours were not merged";
	return NULL;
}

const struct strategy best_fit = {
	.name = "best-fit",
	.title = "best fit: the smallest free block that is large enough",
	.file = __FILE__,
	.heap_size = sizeof(struct best_fit),
	.init = best_fit_init,
	.alloc = best_fit_alloc,
	.free = best_fit_free,
	.list = best_fit_list,
	.check = best_fit_check,
};
