// SPDX-License-Identifier: MIT
/*
 * Next fit: first fit with a rover. A search begins where the last one ended and
 * goes once around, so that the small rests do not gather at the front of the
 * list, where each search would have to pass them.
 *
 *	free -> 8 at 0 -> 8 at 16 -> 60 at 40 -> (around)
 *	                             ^ rover
 *
 * It searches less than first fit, and spreads blocks all over the arena: large
 * free blocks do not last. Neighbours are found by their boundaries (prev and
 * next), as in best fit.
 *
 * Cost:	alloc: from the rover to the first that fits. free: constant.
 * Invariants:	N1  no two free blocks are neighbours
 *		N2  the rover is a free block, or NULL if there is none
 * Source:	D. E. Knuth, The Art of Computer Programming 1, exercise 2.5-6
 *		("the roving pointer").
 */
#include "../strategy.h"

struct next_fit {
	struct heap heap;
	struct block *free, *rover;
};

static struct next_fit *self(struct heap *heap)
{
	return (struct next_fit *)heap;
}

static void next_fit_init(struct heap *heap)
{
	list_push(&self(heap)->free, block_append(heap, 0, heap->arena));
	self(heap)->rover = self(heap)->free;
}

static struct block *after(struct heap *heap, const struct block *block)
{
	return block->link ? block->link : self(heap)->free;
}

/* In the list, @new takes the place of @old. */
static void replace(struct heap *heap, struct block *old, struct block *new)
{
	new->link = old->link;
	new->back = old->back;
	if (new->link)
		new->link->back = new;
	if (new->back)
		new->back->link = new;
	else
		self(heap)->free = new;
	old->link = old->back = NULL;
}

static void take_out(struct heap *heap, struct block *block)
{
	struct block *next = after(heap, block);

	list_remove(&self(heap)->free, block);
	if (self(heap)->rover == block)
		self(heap)->rover = next == block ? NULL : next;
}

static struct block *next_fit_alloc(struct heap *heap, size_t size,
				    unsigned int thread)
{
	struct block *start = self(heap)->rover, *block = start, *rest;

	(void)thread;
	if (!start)
		return NULL;
	for (;;) {
		lab_steps.visited++;
		if (block->size >= size)
			break;
		block = after(heap, block);
		if (block == start)
			return NULL;
	}
	if (block->size == size) {
		self(heap)->rover = block;
		take_out(heap, block);
		return block;
	}
	rest = block_split(heap, block, size);
	replace(heap, block, rest);
	self(heap)->rover = rest;
	return block;
}

static void next_fit_free(struct heap *heap, struct block *block,
			  unsigned int thread)
{
	struct block *next = block->next, *prev = block->prev;

	(void)thread;
	if (next && next->state == BLOCK_FREE) {
		take_out(heap, next);
		block_merge(heap, block);
	}
	if (prev && prev->state == BLOCK_FREE) {
		block_merge(heap, prev);
	} else {
		/* Behind the rover, where the search comes last. */
		list_push(&self(heap)->free, block);
	}
	if (!self(heap)->rover)
		self(heap)->rover = self(heap)->free;
}

static bool next_fit_list(struct heap *heap, unsigned int i, const char **name,
			  struct block **first)
{
	*name = "free";
	*first = self(heap)->free;
	return i == 0;
}

static const char *next_fit_check(struct heap *heap)
{
	struct block *block;
	bool found = !self(heap)->free;

	for (block = heap->first; block && block->next; block = block->next)
		if (block->state == BLOCK_FREE &&
		    block->next->state == BLOCK_FREE)
			return "N1: neighbours were not merged";
	for (block = self(heap)->free; block; block = block->link)
		found |= block == self(heap)->rover;
	return found ? NULL : "N2: the rover is on no free block";
}

const struct strategy next_fit = {
	.name = "next-fit",
	.title = "next fit: first fit that goes on where it ended",
	.file = __FILE__,
	.heap_size = sizeof(struct next_fit),
	.init = next_fit_init,
	.alloc = next_fit_alloc,
	.free = next_fit_free,
	.list = next_fit_list,
	.check = next_fit_check,
};
