// SPDX-License-Identifier: MIT
/*
 * First fit: one list of all free blocks, in the order of their addresses. A
 * request takes the first one that is large enough.
 *
 *	free -> 16 at 16 -> 16 at 52 -> 16 at 84	alloc 20: looks at three,
 *							and none will do
 *
 * Too large a block is split, and its rest stays in the list. What is freed is
 * put back where its address belongs, and merged with its neighbours: in an
 * ordered list they are the blocks before and behind it.
 *
 * Cost:	both calls walk the list: in the number of free blocks.
 * Invariants:	F1  the list is in ascending order of address
 *		F2  no two free blocks are neighbours
 * Source:	D. E. Knuth, The Art of Computer Programming 1, 2.5, algorithms A
 *		and B; B. W. Kernighan, D. M. Ritchie, The C Programming
 *		Language, 8.7.
 */
#include "../strategy.h"

struct first_fit {
	struct heap heap;
	struct block *free;
};

static struct first_fit *self(struct heap *heap)
{
	return (struct first_fit *)heap;
}

static void first_fit_init(struct heap *heap)
{
	list_push(&self(heap)->free, block_append(heap, 0, heap->arena));
}

static struct block *first_fit_alloc(struct heap *heap, size_t size,
				     unsigned int thread)
{
	struct block **where = &self(heap)->free, *block, *rest;

	(void)thread;
	while ((block = *where) != NULL) {
		lab_steps.visited++;
		if (block->size >= size)
			break;
		where = &block->link;
	}
	if (!block)
		return NULL;
	*where = block->link;
	if (block->size > size) {
		rest = block_split(heap, block, size);
		rest->link = block->link;
		*where = rest;
	}
	return block;
}

static bool adjacent(const struct block *left, const struct block *right)
{
	return left && right && left->start + left->size == right->start;
}

static void first_fit_free(struct heap *heap, struct block *block,
			   unsigned int thread)
{
	struct block *before = NULL, *after = self(heap)->free;

	(void)thread;
	while (after && after->start < block->start) {
		lab_steps.visited++;
		before = after;
		after = after->link;
	}
	block->link = after;
	if (before)
		before->link = block;
	else
		self(heap)->free = block;
	if (adjacent(block, after)) {
		block->link = after->link;
		block_merge(heap, block);
	}
	if (adjacent(before, block)) {
		before->link = block->link;
		block_merge(heap, before);
	}
}

static bool first_fit_list(struct heap *heap, unsigned int i, const char **name,
			   struct block **first)
{
	*name = "free";
	*first = self(heap)->free;
	return i == 0;
}

static const char *first_fit_check(struct heap *heap)
{
	struct block *block;

	for (block = self(heap)->free; block && block->link;
	     block = block->link) {
		if (block->link->start <= block->start)
			return "F1: the list is not in order of address";
		if (adjacent(block, block->link))
			return "F2: neighbours were not merged";
	}
	return NULL;
}

const struct strategy first_fit = {
	.name = "first-fit",
	.title = "first fit: one list in order of address",
	.file = __FILE__,
	.heap_size = sizeof(struct first_fit),
	.init = first_fit_init,
	.alloc = first_fit_alloc,
	.free = first_fit_free,
	.list = first_fit_list,
	.check = first_fit_check,
};
