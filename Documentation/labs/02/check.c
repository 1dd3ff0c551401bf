// SPDX-License-Identifier: MIT
/*
 * Checks exercise 02. Either half may be filed, so what is compared is not
 * where a block is, but the numbers of free blocks per order: a split of order
 * j down to k leaves one block of each order k to j-1, and changes no other.
 */
#include "machine_check.h"
#include "lab.h"

#include <stdio.h>
#include <string.h>

/* What the free lists have to be after block_alloc(order), if that succeeds. */
static bool expect(unsigned int order, unsigned long *nr)
{
	unsigned int have = order, k;

	for (k = 0; k < NR_PAGE_ORDERS; k++)
		nr[k] = free_area[k].nr;
	while (have < NR_PAGE_ORDERS && !nr[have])
		have++;
	if (have >= NR_PAGE_ORDERS)
		return false;
	nr[have]--;
	for (k = order; k < have; k++)
		nr[k]++;
	return true;
}

/* The refusal, or its absence, that is wrong. */
static void check_refusal(bool possible, unsigned int order, long got)
{
	if (!possible && got != -1)
		check_fail("Without a free block that is large enough there is none to give: return -1.",
			   "-1, since no free block has order %u or more\n%ld",
			   order, got);
	if (possible && got == -1)
		check_fail("A larger block serves a smaller request: it is split.",
			   "a block\n-1, though there is a free block of order %u or more",
			   order);
}

static void check_block(unsigned int order, long got)
{
	unsigned long nr = 1UL << order;

	if (got < 0 || (unsigned long)got + nr > nr_pages)
		check_fail("What is returned is the number of the block's first page.",
			   "a number in [0, %lu)\n%ld", nr_pages, got);
	if ((unsigned long)got % nr)
		check_fail("A block of 2^k pages begins at a multiple of 2^k.",
			   "a multiple of %lu\n%ld", nr, got);
	if (machine_is_given((unsigned long)got, order))
		check_fail("A page is handed out once.",
			   "pages that nobody has\n%ld, of which somebody has a part",
			   got);
	machine_give((unsigned long)got, order);
}

static void check_not_smaller(unsigned int order, const unsigned long *expected)
{
	unsigned int k;

	for (k = 0; k < order && k < NR_PAGE_ORDERS; k++)
		if (free_area[k].nr != expected[k])
			check_fail("Stop halving at the order that was asked for.",
				   "%lu free blocks of order %u, as before\n%lu",
				   expected[k], k, free_area[k].nr);
}

static void check_counts(const unsigned long *expected)
{
	char text[256];
	unsigned int k;

	for (k = 0; k < NR_PAGE_ORDERS; k++) {
		if (free_area[k].nr == expected[k])
			continue;
		machine_counts(text, sizeof(text));
		check_fail("The smallest block that is large enough is taken, and each split files one half: one block of every order in between.",
			   "%lu free blocks of order %u\nfree are: %s",
			   expected[k], k, text);
	}
}

static long try_alloc(unsigned int order)
{
	unsigned long expected[NR_PAGE_ORDERS];
	bool possible = expect(order, expected);
	long got;

	check_call("block_alloc(%u)", order);
	got = block_alloc(order);
	check_return(" = %ld", got);
	check_refusal(possible, order, got);
	if (possible)
		check_block(order, got);
	check_not_smaller(order, expected);
	machine_validate();
	if (possible)
		check_counts(expected);
	return got;
}

/* A machine whose memory is one free block. */
static void start(unsigned int order)
{
	check_new_sequence();
	machine_reset(1UL << order);
	file_block(0, order);
}

static void no_split(void)
{
	start(3);
	try_alloc(3);
	try_alloc(3);
}

/*
 *	|. . . . . . . .|	block_alloc(0)
 *	|#|.|. .|. . . .|	one free block of each order 0, 1, 2
 */
static void split_to_one_page(void)
{
	start(3);
	try_alloc(0);
	try_alloc(0);
	try_alloc(0);
	try_alloc(2);
	try_alloc(2);
	try_alloc(1);
	try_alloc(0);
	try_alloc(0);
}

/* A small hole beside a large block: the small one is to be taken. */
static void smallest_first(void)
{
	check_new_sequence();
	machine_reset(32);
	file_block(16, 4);
	file_block(4, 2);
	file_block(9, 0);
	machine_give(0, 2);
	machine_give(8, 0);
	machine_give(10, 1);
	machine_give(12, 2);
	try_alloc(1);
	try_alloc(0);
	try_alloc(0);
	try_alloc(3);
}

static void too_large(void)
{
	start(4);
	try_alloc(5);
	try_alloc(MAX_PAGE_ORDER);
	try_alloc(MAX_PAGE_ORDER + 1);
	try_alloc(4);
	try_alloc(0);
}

static void random_until_full(void)
{
	unsigned int round, order, misses;

	for (round = 0; round < 30; round++) {
		start(4 + check_random(MAX_PAGE_ORDER - 3));
		for (misses = 0; misses < 4;) {
			order = check_random(4) ? check_random(3) :
				check_random(6);
			misses += try_alloc(order) < 0;
		}
		while (try_alloc(0) >= 0)
			;
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "the whole memory at once", no_split, machine_draw },
		{ "8 pages, split down to one", split_to_one_page, machine_draw },
		{ "the smallest block that is enough", smallest_first, machine_draw },
		{ "more than there is", too_large, machine_draw },
		{ "random orders until memory is full", random_until_full, machine_draw },
	};

	return check_run("Exercise 02: split a block and file the halves", cases,
			 ARRAY_SIZE(cases));
}
