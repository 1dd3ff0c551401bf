// SPDX-License-Identifier: MIT
/*
 * Checks exercise 01: first the numbers of the text, then every block of 1024
 * pages, then blocks of a machine with more memory than an int can count.
 *
 * The expected numbers come from halving intervals, as one would by hand: an
 * other way than the learner's, so both are unlikely to be wrong alike.
 */
#include "check.h"
#include "lab.h"

#define ORDERS 10

static struct block {
	unsigned long pfn;
	unsigned int order;
} *block;

/* One block, its buddy and their parent, as intervals. */
static void draw(void)
{
	unsigned long nr = 1UL << block->order;
	unsigned long parent = block->pfn / (2 * nr) * (2 * nr);
	bool upper = block->pfn != parent;

	if (block->pfn % nr) {
		check_print("      no block of %lu pages begins at %lu\n", nr,
			    block->pfn);
		return;
	}
	check_print("      order %-2u  |%*s|  [%lu, %lu)\n", block->order + 1,
		    31, "the parent             ", parent, parent + 2 * nr);
	check_print("      order %-2u  |%15s|%15s|  [%lu, %lu) [%lu, %lu)\n",
		    block->order, upper ? "its buddy   " : "the block   ",
		    upper ? "the block   " : "its buddy   ", parent, parent + nr,
		    parent + nr, parent + 2 * nr);
}

static void try_head(unsigned long pfn, unsigned int order)
{
	bool got, expected = pfn % (1UL << order) == 0;

	*block = (struct block){ pfn, order };
	check_call("is_head(%lu, %u)", pfn, order);
	got = is_head(pfn, order);
	check_return(" = %s", got ? "true" : "false");
	if (got != expected)
		check_fail("A block of 2^k pages begins at a multiple of 2^k.",
			   "%s, since %lu is %sa multiple of %lu\n%s",
			   expected ? "true" : "false", pfn,
			   expected ? "" : "not ", 1UL << order,
			   got ? "true" : "false");
}

static void try_buddy(unsigned long pfn, unsigned int order)
{
	unsigned long nr = 1UL << order, parent = pfn / (2 * nr) * (2 * nr);
	unsigned long expected = pfn == parent ? pfn + nr : parent, got;

	*block = (struct block){ pfn, order };
	check_call("buddy_pfn(%lu, %u)", pfn, order);
	got = buddy_pfn(pfn, order);
	check_return(" = %lu", got);
	if (got == pfn)
		check_fail("No block is its own buddy.", "%lu\n%lu, the block itself",
			   expected, got);
	if (got != expected && got == pfn + nr)
		check_fail("The buddy of an upper half is the lower half, before it: both lie in one parent, a multiple of twice the size.",
			   "%lu\n%lu, the block behind it, which has another parent",
			   expected, got);
	if (got != expected)
		check_fail("A block and its buddy are the two halves of one parent, which begins at a multiple of twice their size.",
			   "%lu\n%lu", expected, got);
}

static void try_parent(unsigned long pfn, unsigned int order)
{
	unsigned long nr = 1UL << order, expected = pfn / (2 * nr) * (2 * nr);
	unsigned long got;

	*block = (struct block){ pfn, order };
	check_call("parent_pfn(%lu, %u)", pfn, order);
	got = parent_pfn(pfn, order);
	check_return(" = %lu", got);
	if (got != expected)
		check_fail("The parent begins where the lower one of the two begins, at a multiple of twice their size.",
			   "%lu\n%lu", expected, got);
}

static void numbers_of_the_text(void)
{
	try_head(12, 2);
	try_head(12, 3);
	try_buddy(8, 2);
	try_buddy(12, 2);
	try_parent(12, 2);
	try_parent(8, 2);
}

static void all_blocks(void)
{
	unsigned long pfn;
	unsigned int order;

	for (order = 0; order <= ORDERS; order++)
		for (pfn = 0; pfn < 1UL << ORDERS; pfn++) {
			check_new_sequence();
			try_head(pfn, order);
			if (pfn % (1UL << order))
				continue;
			try_buddy(pfn, order);
			try_parent(pfn, order);
		}
}

static void large_machine(void)
{
	unsigned int i, order;
	unsigned long pfn;

	for (i = 0; i < 1000; i++) {
		order = check_random(ORDERS + 1);
		pfn = ((unsigned long)check_random(1U << 16) << 24 |
		       check_random(1U << 24)) >> order << order;
		check_new_sequence();
		try_head(pfn, order);
		try_buddy(pfn, order);
		try_parent(pfn, order);
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "the numbers of the text", numbers_of_the_text, draw },
		{ "all blocks of 1024 pages", all_blocks, draw },
		{ "a machine with 4 PiB of memory", large_machine, draw },
	};

	block = check_shared(sizeof(*block));
	return check_run("Exercise 01: the buddy of a block", cases,
			 ARRAY_SIZE(cases));
}
