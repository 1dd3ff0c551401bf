// SPDX-License-Identifier: MIT
/*
 * Buddies, in bytes, from 4 on: every block has 2^k bytes and starts at a
 * multiple of its size. A block that is too large is halved until it fits, and
 * the upper halves are filed; a block that comes free merges with its buddy, the
 * other half of what they once were, as often as that is free too.
 *
 *	32 at 0, alloc 3:	|................................|
 *				|................|  16 filed     |
 *				|........| 8 filed|
 *				|xxx.|4 f.|		4 taken, for 3
 *
 *	buddy = start ^ size	4 ^ 4 = 0, 0 ^ 8 = 8
 *
 * No search among blocks, and merging needs one look, by arithmetic. The price
 * is inside the blocks: up to half of each. mm/buddy.c does the same with
 * pages, and slabs in front of it avoid the price.
 *
 * An arena that is no power of two begins as several blocks: 100 is 64, 32, 4.
 *
 * Cost:	both in the number of orders, at worst.
 * Invariants:	B1  a block has 2^k bytes, k >= 2, and starts at a multiple
 *		B2  two free buddies never coexist
 * Source:	K. C. Knowlton, A Fast Storage Allocator, CACM 8(10), 1965;
 *		D. E. Knuth, The Art of Computer Programming 1, 2.5, R and S.
 */
#include <stdio.h>

#include "../strategy.h"

#define MIN_ORDER 2
#define NR_ORDERS 40

struct buddy {
	struct heap heap;
	struct block *free[NR_ORDERS];
};

static struct buddy *self(struct heap *heap)
{
	return (struct buddy *)heap;
}

static size_t buddy_fit(size_t arena)
{
	return arena & ~(((size_t)1 << MIN_ORDER) - 1);
}

static void buddy_init(struct heap *heap)
{
	struct block *rest = block_append(heap, 0, heap->arena), *block = rest;
	unsigned int order = NR_ORDERS;

	while (order-- > MIN_ORDER) {
		if (!(heap->arena >> order & 1))
			continue;
		block = rest;
		if (rest->size > (size_t)1 << order)
			rest = block_split(heap, block, (size_t)1 << order);
		list_push(&self(heap)->free[order], block);
	}
}

static struct block *buddy_alloc(struct heap *heap, size_t size,
				 unsigned int thread)
{
	unsigned int want = log2_up(size), order;
	struct block *block = NULL, *half;

	(void)thread;
	if (want < MIN_ORDER)
		want = MIN_ORDER;
	for (order = want; order < NR_ORDERS && !block; order++)
		block = self(heap)->free[order];
	if (!block)
		return NULL;
	lab_steps.visited++;
	order--;
	list_remove(&self(heap)->free[order], block);
	while (order > want) {
		order--;
		half = block_split(heap, block, (size_t)1 << order);
		list_push(&self(heap)->free[order], half);
	}
	return block;
}

/* The free buddy of a block, or NULL. */
static struct block *find_buddy(struct heap *heap, const struct block *block)
{
	size_t start = block->start ^ block->size;
	struct block *other;

	if (start >= heap->arena)
		return NULL;
	lab_steps.visited++;
	other = heap->at[start];
	if (!other || other->state != BLOCK_FREE || other->size != block->size)
		return NULL;
	return other;
}

static void buddy_free(struct heap *heap, struct block *block,
		       unsigned int thread)
{
	struct block *other;

	(void)thread;
	while ((other = find_buddy(heap, block)) != NULL) {
		list_remove(&self(heap)->free[log2_up(other->size)], other);
		block = block_merge(heap, other->start < block->start ? other :
									block);
	}
	list_push(&self(heap)->free[log2_up(block->size)], block);
}

static bool buddy_list(struct heap *heap, unsigned int i, const char **name,
		       struct block **first)
{
	static char text[24];
	unsigned int order = i + MIN_ORDER;

	if (order >= NR_ORDERS || (size_t)1 << order > heap->arena)
		return false;
	snprintf(text, sizeof(text), "size %zu", (size_t)1 << order);
	*name = text;
	*first = self(heap)->free[order];
	return true;
}

static const char *buddy_check(struct heap *heap)
{
	struct block *block;

	for (block = heap->first; block; block = block->next) {
		if (block->size < (size_t)1 << MIN_ORDER ||
		    (block->size & (block->size - 1)) ||
		    (block->start & (block->size - 1)))
			return "B1: size or start of a block is wrong";
		if (block->state == BLOCK_FREE && find_buddy(heap, block))
			return "B2: two free buddies were not merged";
	}
	return NULL;
}

const struct strategy buddy = {
	.name = "buddy",
	.title = "buddies: powers of two from 4, halved and merged",
	.file = __FILE__,
	.heap_size = sizeof(struct buddy),
	.fit = buddy_fit,
	.init = buddy_init,
	.alloc = buddy_alloc,
	.free = buddy_free,
	.list = buddy_list,
	.check = buddy_check,
};
