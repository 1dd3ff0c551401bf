// SPDX-License-Identifier: MIT
/*
 * Bins of ranges, with splitting inside: the lecture's picture of glibc. A bin
 * holds free blocks of [2^k, 2^(k + 1)) bytes.
 *
 *	bin 4-7:   5 at 20
 *	bin 8-15:  8 at 40 -> 12 at 0
 *
 * A request is served from its own bin if a block there is large enough; else by
 * any block of the next bin that has one. What is over goes back:
 *
 *	malloc(5), bin 4-7 empty:	|........|	takes the 8
 *					|xxxxx|...|	gives 3 back, to bin 2-3
 *
 * What is freed is merged with its free neighbours first (boundary tags), so
 * that bins that are in demand get blocks again by splitting larger ones.
 *
 * Cost:	alloc: the blocks of one bin, and one look at each bin above;
 *		free: constant.
 * Invariants:	R1  a block is in the bin of its size
 *		R2  no two free blocks are neighbours
 * Source:	D. Lea, A Memory Allocator, 1996 (dlmalloc, from which glibc's
 *		malloc comes); its exact small bins and its caches are left out.
 */
#include <stdio.h>

#include "../strategy.h"

#define NR_BINS 40

struct ranges {
	struct heap heap;
	struct block *bin[NR_BINS];
};

static struct ranges *self(struct heap *heap)
{
	return (struct ranges *)heap;
}

/* The greatest k with 2^k <= size. */
static unsigned int bin_of(size_t size)
{
	unsigned int k = 0;

	while (size >> (k + 1))
		k++;
	return k;
}

static struct block **bin(struct heap *heap, const struct block *block)
{
	return &self(heap)->bin[bin_of(block->size)];
}

static void ranges_init(struct heap *heap)
{
	struct block *block = block_append(heap, 0, heap->arena);

	list_push(bin(heap, block), block);
}

static struct block *ranges_find(struct heap *heap, size_t size)
{
	unsigned int k = bin_of(size);
	struct block *block;

	for (block = self(heap)->bin[k]; block; block = block->link) {
		lab_steps.visited++;
		if (block->size >= size)
			return block;
	}
	/* In the bins above, whatever comes first is large enough. */
	while (++k < NR_BINS) {
		block = self(heap)->bin[k];
		if (block) {
			lab_steps.visited++;
			return block;
		}
	}
	return NULL;
}

static struct block *ranges_alloc(struct heap *heap, size_t size,
				  unsigned int thread)
{
	struct block *block = ranges_find(heap, size), *rest;

	(void)thread;
	if (!block)
		return NULL;
	list_remove(bin(heap, block), block);
	if (block->size > size) {
		rest = block_split(heap, block, size);
		list_push(bin(heap, rest), rest);
	}
	return block;
}

static void ranges_free(struct heap *heap, struct block *block,
			unsigned int thread)
{
	struct block *next = block->next, *prev = block->prev;

	(void)thread;
	if (next && next->state == BLOCK_FREE) {
		list_remove(bin(heap, next), next);
		block_merge(heap, block);
	}
	if (prev && prev->state == BLOCK_FREE) {
		list_remove(bin(heap, prev), prev);
		block = block_merge(heap, prev);
	}
	list_push(bin(heap, block), block);
}

static bool ranges_list(struct heap *heap, unsigned int i, const char **name,
			struct block **first)
{
	static char text[48];

	if (i > bin_of(heap->arena))
		return false;
	snprintf(text, sizeof(text), i ? "bin %zu-%zu" : "bin %zu",
		 (size_t)1 << i, ((size_t)2 << i) - 1);
	*name = text;
	*first = self(heap)->bin[i];
	return true;
}

static const char *ranges_check(struct heap *heap)
{
	struct block *block;
	unsigned int k;

	for (k = 0; k < NR_BINS; k++)
		for (block = self(heap)->bin[k]; block; block = block->link)
			if (bin_of(block->size) != k)
				return "R1: a block is in the wrong bin";
	for (block = heap->first; block && block->next; block = block->next)
		if (block->state == BLOCK_FREE &&
		    block->next->state == BLOCK_FREE)
			return "R2: neighbours were not merged";
	return NULL;
}

const struct strategy ranges = {
	.name = "ranges",
	.title = "bins of ranges, split inside: the picture of glibc's malloc",
	.file = __FILE__,
	.heap_size = sizeof(struct ranges),
	.init = ranges_init,
	.alloc = ranges_alloc,
	.free = ranges_free,
	.list = ranges_list,
	.check = ranges_check,
};
