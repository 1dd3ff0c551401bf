// SPDX-License-Identifier: MIT
/*
 * Segregated bins: a bin for each power of two from 4 on, each with a share of
 * the arena that is cut into blocks of its size once and for all.
 *
 *	arena of 128	| 4 4 4 4 4 4 4 4 | 8 8 8 8 | 16 16 | 32 |
 *			  bin 4             bin 8     bin 16  bin 32
 *
 * Nothing is searched, split or merged: both calls take or put one block at the
 * front of one list. It is paid for twice: a request of 2^k + 1 bytes takes
 * 2^(k + 1), so that up to half of a block is wasted inside; and a bin that has
 * run dry fails, however much the others hold.
 *
 * Cost:	constant, both.
 * Invariants:	G1  the blocks of a bin have its size
 * Source:	"simple segregated storage" of P. R. Wilson et al., Dynamic Storage
 *		Allocation: A Survey, 1995, 3.6; 4.2BSD's malloc by C. Kingsley.
 */
#include <stdio.h>

#include "../strategy.h"

#define MIN_SHIFT 2
#define MAX_BINS 40

struct segregated {
	struct heap heap;
	unsigned int nr_bins;
	struct block *bin[MAX_BINS];
};

static struct segregated *self(struct heap *heap)
{
	return (struct segregated *)heap;
}

/* As many bins as leave each a share for one block at least. */
static unsigned int count_bins(size_t arena)
{
	unsigned int nr = 1;

	while (nr < MAX_BINS - 1 &&
	       arena / (nr + 1) >= (size_t)1 << (nr + MIN_SHIFT))
		nr++;
	return nr;
}

static size_t blocks_of_bin(size_t arena, unsigned int bin)
{
	return (arena / count_bins(arena)) >> (bin + MIN_SHIFT);
}

static size_t bytes_of_bins(size_t arena)
{
	unsigned int bin;
	size_t sum = 0;

	for (bin = 0; bin < count_bins(arena); bin++)
		sum += blocks_of_bin(arena, bin) << (bin + MIN_SHIFT);
	return sum;
}

/* What shares do not hold a whole block of is not part of the arena; and the
 * arena that is left must have the same shares. */
static size_t segregated_fit(size_t arena)
{
	while (bytes_of_bins(arena) != arena)
		arena = bytes_of_bins(arena);
	return arena;
}

static void segregated_init(struct heap *heap)
{
	struct block *block = NULL, *rest = block_append(heap, 0, heap->arena);
	unsigned int bin;
	size_t i;

	self(heap)->nr_bins = count_bins(heap->arena);
	for (bin = self(heap)->nr_bins; bin-- > 0;) {
		for (i = blocks_of_bin(heap->arena, bin); i > 0; i--) {
			size_t size = (size_t)1 << (bin + MIN_SHIFT);

			block = rest;
			if (rest->size > size)
				block = block_split(heap, rest,
						    rest->size - size);
			list_push(&self(heap)->bin[bin], block);
		}
	}
}

static struct block *segregated_alloc(struct heap *heap, size_t size,
				      unsigned int thread)
{
	unsigned int shift = log2_up(size), bin;
	struct block *block;

	(void)thread;
	bin = shift < MIN_SHIFT ? 0 : shift - MIN_SHIFT;
	if (bin >= self(heap)->nr_bins)
		return NULL;
	block = self(heap)->bin[bin];
	lab_steps.visited += block != NULL;
	if (block)
		list_remove(&self(heap)->bin[bin], block);
	return block;
}

static void segregated_free(struct heap *heap, struct block *block,
			    unsigned int thread)
{
	(void)thread;
	list_push(&self(heap)->bin[log2_up(block->size) - MIN_SHIFT], block);
}

static bool segregated_list(struct heap *heap, unsigned int i,
			    const char **name, struct block **first)
{
	static char text[24];

	if (i >= self(heap)->nr_bins)
		return false;
	snprintf(text, sizeof(text), "bin %zu", (size_t)1 << (i + MIN_SHIFT));
	*name = text;
	*first = self(heap)->bin[i];
	return true;
}

static const char *segregated_check(struct heap *heap)
{
	struct block *block;
	unsigned int bin;

	for (bin = 0; bin < self(heap)->nr_bins; bin++)
		for (block = self(heap)->bin[bin]; block; block = block->link)
			if (block->size != (size_t)1 << (bin + MIN_SHIFT))
				return "G1: a bin has a block of another size";
	return NULL;
}

const struct strategy segregated = {
	.name = "segregated",
	.title = "segregated bins: powers of two from 4, nothing is ever cut",
	.file = __FILE__,
	.heap_size = sizeof(struct segregated),
	.fit = segregated_fit,
	.init = segregated_init,
	.alloc = segregated_alloc,
	.free = segregated_free,
	.list = segregated_list,
	.check = segregated_check,
};
