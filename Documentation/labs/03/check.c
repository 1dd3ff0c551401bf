// SPDX-License-Identifier: MIT
/*
 * Checks exercise 03. Memory is cut into blocks that are all handed out; freed
 * in any order, the free lists must at each step be what a model says: of the
 * free pages, every aligned block that is free as a whole and in no larger one.
 */
#include "machine_check.h"
#include "lab.h"

#include <string.h>

static struct {
	unsigned long pfn;
	unsigned int order;
} blocks[MAX_PAGES];
static unsigned int nr_blocks;

/* Whether the free pages make a whole block of @order around @pfn. */
static bool whole(unsigned long pfn, unsigned int order)
{
	unsigned long head = pfn & ~((1UL << order) - 1);

	return order <= MAX_PAGE_ORDER && head + (1UL << order) <= nr_pages &&
	       !machine_is_given(head, order);
}

/* The largest such block. */
static unsigned int largest(unsigned long pfn)
{
	unsigned int order = 0;

	while (whole(pfn, order + 1))
		order++;
	return order;
}

static void check_merged(void)
{
	unsigned long pfn, head;
	unsigned int order;

	for (pfn = 0; pfn < nr_pages; pfn += 1UL << order) {
		order = 0;
		if (!whole(pfn, 0))
			continue;
		order = largest(pfn);
		head = pfn & ~((1UL << order) - 1);
		if (mem_map[head].buddy && mem_map[head].order == order)
			continue;
		check_fail("Two free buddies of one order never stay side by side: they merge, again and again, up to MAX_PAGE_ORDER.",
			   "pages [%lu, %lu) as one free block of order %u\nthey are several",
			   head, head + (1UL << order), order);
	}
}

static void try_free(unsigned long pfn, unsigned int order)
{
	int got;

	check_call("block_free(%lu, %u)", pfn, order);
	/* From here on the pages are free, whatever the learner's code does. */
	machine_take_back(pfn, order);
	got = block_free(pfn, order);
	check_return(" = %d", got);
	if (got)
		check_fail("A block that is handed out can be freed.",
			   "0\n%d", got);
	machine_validate();
	check_merged();
}

static void try_refused(unsigned long pfn, unsigned int order, const char *why)
{
	int got;

	check_call("block_free(%lu, %u)", pfn, order);
	got = block_free(pfn, order);
	check_return(" = %d", got);
	if (got != -1)
		check_fail("What cannot be a block that is handed out is refused, and nothing changes.",
			   "-1: %s\n%d", why, got);
	machine_validate();
	check_merged();
}

static void start(unsigned long pages)
{
	check_new_sequence();
	machine_reset(pages);
	nr_blocks = 0;
}

static void add(unsigned long pfn, unsigned int order)
{
	machine_give(pfn, order);
	blocks[nr_blocks].pfn = pfn;
	blocks[nr_blocks++].order = order;
}

/* Cuts [pfn, pfn + 2^order) at random into blocks that are handed out. */
static void cut(unsigned long pfn, unsigned int order)
{
	if (!order || !check_random(4)) {
		add(pfn, order);
		return;
	}
	cut(pfn, order - 1);
	cut(pfn + (1UL << (order - 1)), order - 1);
}

/*	|#|#|	free(0)   |.|#|	  free(1)   |. .|	*/
static void two_pages(void)
{
	start(2);
	add(0, 0);
	add(1, 0);
	try_free(0, 0);
	try_free(1, 0);
}

/* The last page is the one that all merges wait for. */
static void up_to_the_top(void)
{
	start(16);
	add(0, 3);
	add(8, 2);
	add(12, 1);
	add(14, 0);
	add(15, 0);
	try_free(0, 3);
	try_free(8, 2);
	try_free(12, 1);
	try_free(14, 0);
	try_free(15, 0);
}

/* Free neighbours that are no buddies: 1 and 2, or [2, 4) and [4, 6). */
static void neighbours_that_are_no_buddies(void)
{
	start(8);
	add(0, 0);
	add(1, 0);
	add(2, 1);
	add(4, 1);
	add(6, 1);
	try_free(1, 0);
	try_free(2, 1);
	try_free(4, 1);
	try_free(0, 0);
	try_free(6, 1);
}

/* The buddy of [0, 4) is at 4: free there is only its first page. */
static void a_buddy_that_is_split(void)
{
	start(8);
	add(0, 2);
	add(4, 0);
	add(5, 0);
	add(6, 1);
	try_free(4, 0);
	try_free(0, 2);
	try_free(6, 1);
	try_free(5, 0);
}

/* 12 pages: the buddy of [8, 12) would be behind the end. */
static void the_end_of_memory(void)
{
	start(12);
	add(0, 3);
	add(8, 2);
	try_free(8, 2);
	try_free(0, 3);
	start(MAX_PAGES);
	add(0, MAX_PAGE_ORDER);
	try_free(0, MAX_PAGE_ORDER);
}

static void what_must_be_refused(void)
{
	start(16);
	add(0, 3);
	add(8, 2);
	add(12, 2);
	try_free(8, 2);
	try_refused(8, 2, "it is free already");
	try_refused(8, 1, "it lies in a free block");
	try_refused(10, 1, "it lies in a free block");
	try_refused(2, 2, "2 is not a multiple of 4");
	try_refused(16, 2, "memory ends at page 16");
	try_refused(0, 5, "memory ends at page 16");
	try_refused(0, MAX_PAGE_ORDER + 1, "there is no such order");
	try_free(12, 2);
	try_refused(12, 2, "it is free already, merged into the block at 8");
}

static void random_order(void)
{
	unsigned int round, i;

	for (round = 0; round < 60; round++) {
		start(1UL << MAX_PAGE_ORDER);
		cut(0, MAX_PAGE_ORDER);
		while (nr_blocks) {
			i = check_random(nr_blocks);
			try_free(blocks[i].pfn, blocks[i].order);
			blocks[i] = blocks[--nr_blocks];
		}
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "two pages", two_pages, machine_draw },
		{ "merges up to the top", up_to_the_top, machine_draw },
		{ "neighbours that are no buddies", neighbours_that_are_no_buddies, machine_draw },
		{ "a buddy that is split", a_buddy_that_is_split, machine_draw },
		{ "the end of memory", the_end_of_memory, machine_draw },
		{ "what must be refused", what_must_be_refused, machine_draw },
		{ "random blocks in random order", random_order, machine_draw },
	};

	return check_run("Exercise 03: free a block and merge it", cases,
			 ARRAY_SIZE(cases));
}
