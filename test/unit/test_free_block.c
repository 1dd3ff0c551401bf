// SPDX-License-Identifier: MIT
/*
 * Tests of what is known of free blocks: which pages of them read as zero
 * (mm/buddy.c), and which run of them fits a request best (mm/page_run.c).
 *
 * The fixture takes one block of the largest order for itself and hides all other
 * free memory, so that a test decides which pages of the zone are free. A model
 * says of each page of the block whether it is free, and reads as zero.
 */
#include <string.h>

#include <linux/gfp.h>
#include <linux/mm.h>

#include "buddy.h"
#include "gate.h"
#include "page_list.h"
#include "unit.h"

#define NR_PAGES MAX_ORDER_NR_PAGES

static struct zone *zone;
static struct page *block;		/* its first page; aligned by number */
static bool is_free[NR_PAGES], is_zero[NR_PAGES];
static struct page_list hidden;
static unsigned long nr_hidden;		/* pages */

static bool all_are(const bool *model, bool value, unsigned long off,
		    unsigned long nr)
{
	for (unsigned long i = off; i < off + nr; i++)
		if (model[i] != value)
			return false;
	return true;
}

static unsigned long count_zero(unsigned long off, unsigned long nr)
{
	unsigned long count = 0;

	for (unsigned long i = off; i < off + nr; i++)
		count += is_free[i] && is_zero[i];
	return count;
}

/* Make pages [off, off + 2^order) free, as of fresh or of used memory. */
static void give(unsigned long off, unsigned int order, bool zeroed)
{
	struct page *page = block + off;
	unsigned long nr = 1UL << order;
	struct page_list list = { 0 };

	ck_assert(all_are(is_free, false, off, nr));
	memset(is_free + off, true, nr);
	memset(is_zero + off, zeroed, nr);
	memset(page_address(page), zeroed ? 0 : 0x5a, nr << PAGE_SHIFT);
	page->flags = 0;
	set_page_zone(page, zone->index);
	page->nr_zeroed = zeroed ? (u32)nr : 0;
	if (zeroed)
		SetPageZeroed(page);
	page->order = (u8)order;
	page_list_add(&list, page);
	free_pcppages_bulk(zone, &list, (unsigned int)nr);
}

static void forget(unsigned long off, unsigned long nr)
{
	ck_assert(all_are(is_free, true, off, nr));
	memset(is_free + off, false, nr);
}

/* Allocate from what is free, and compare what is said of it; the offset, or -1. */
static long take(unsigned int order)
{
	struct page_list list = { 0 };
	struct page *page;
	unsigned long off;

	if (!rmqueue_bulk(zone, order, 1, &list, MIGRATE_UNMOVABLE, true))
		return -1;
	page = page_list_pop(&list);
	ClearPagePcp(page);
	off = (unsigned long)(page - block);
	ck_assert_uint_lt(off, NR_PAGES);
	ck_assert_uint_eq(block_zeroed(page),
			  count_zero(off, 1UL << order));
	forget(off, 1UL << order);
	return (long)off;
}

static long take_run(unsigned long nr_pages)
{
	struct page *page = rmqueue_run(zone, nr_pages, MIGRATE_UNMOVABLE);

	if (!page)
		return -1;
	forget((unsigned long)(page - block), nr_pages);
	return page - block;
}

/* The zone knows what the model knows. */
static void assert_known(void)
{
	ck_assert_uint_eq(zone->nr_zeroed, count_zero(0, NR_PAGES));
	ck_assert_uint_eq(page_alloc_validate(), 0);
}

static void setup(void)
{
	unsigned int k, nr;
	int type;

	drain_all_pages();
	block = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	ck_assert_ptr_nonnull(block);
	atomic_store(&block->_refcount, 0);
	zone = page_zone(block);
	gate_enter();
	nr_hidden = zone->nr_free;
	for (type = 0; type < MIGRATE_PCPTYPES; type++)
		for (k = 0; k < NR_PAGE_ORDERS; k++)
			for (nr = 1; nr;)
				nr = rmqueue_bulk(zone, k, 1, &hidden, type,
						  true);
	ck_assert_uint_eq(zone->nr_free, 0);
	memset(is_free, false, sizeof(is_free));
}

static void teardown(void)
{
	while (take(0) >= 0)
		;
	ck_assert_uint_eq(zone->nr_free, 0);
	block->flags = 0;
	set_page_zone(block, zone->index);
	block->nr_zeroed = 0;
	block->order = MAX_PAGE_ORDER;
	atomic_store(&block->_refcount, 1);
	__free_pages(block, MAX_PAGE_ORDER);
	free_pcppages_bulk(zone, &hidden, (unsigned int)nr_hidden);
	gate_exit();
}

/* Fresh memory ------------------------------------------------------------ */

/*	|0 0 0 0|u u u u|	merged to one block of 8 pages: half of it is fresh */
START_TEST(part_zeroed_is_counted_across_merges)
{
	give(0, 2, true);
	ck_assert(PageZeroed(block));
	give(4, 2, false);
	ck_assert(PageBuddy(block));
	ck_assert_uint_eq(block->order, 3);
	ck_assert(!PageZeroed(block));
	ck_assert_uint_eq(block_zeroed(block), 4);
	assert_known();
	give(8, 3, true);
	ck_assert_uint_eq(block_zeroed(block), 12);
	assert_known();
}
END_TEST

/* Of |0 0 0 0|u u 0 0|: first the used pages, then the fresh ones beside them. */
START_TEST(part_zeroed_used_half_is_taken_first)
{
	give(0, 2, true);
	give(4, 1, false);
	give(6, 1, true);
	ck_assert_uint_eq(block->order, 3);
	ck_assert_int_eq(take(1), 4);
	ck_assert(PageZeroed(block) && PageZeroed(block + 6));
	assert_known();
	ck_assert_int_eq(take(1), 6);
	ck_assert_int_eq(take(2), 0);
	assert_known();
}
END_TEST

/* |0 0 0 0|u u u u|, where the upper half was fresh in an earlier life. */
START_TEST(part_zeroed_upper_half_was_fresh_before)
{
	give(4, 2, true);
	ck_assert_int_eq(take(2), 4);
	give(4, 2, false);
	give(0, 2, true);
	assert_known();
	ck_assert_int_eq(take(2), 4);
	assert_known();
}
END_TEST

/* Of |u 0 0 0|0 0 0 0| five pages are kept: of the rest it is known what it is. */
START_TEST(part_zeroed_tail_is_known)
{
	struct page *page;

	give(0, 0, false);
	give(1, 0, true);
	give(2, 1, true);
	give(4, 2, true);
	spin_lock(&zone->lock);
	page = rmqueue_one(zone, 3, MIGRATE_UNMOVABLE, true);
	free_tail(zone, page, 3, 5, block_zeroed(page));
	spin_unlock(&zone->lock);
	ck_assert_ptr_eq(page, block);
	forget(0, 5);
	ck_assert(PageBuddy(block + 5) && PageZeroed(block + 5));
	ck_assert(PageBuddy(block + 6) && PageZeroed(block + 6));
	assert_known();
}
END_TEST

START_TEST(part_zeroed_is_given_back_once)
{
	unsigned long reported = zone->event[PGREPORT];

	give(0, 4, true);
	give(16, 4, false);
	ck_assert_uint_eq(report_free_pages(4, false, 16), 16 << PAGE_SHIFT);
	ck_assert_uint_gt(zone->event[PGREPORT], reported);
	memset(is_zero, true, 32);
	ck_assert(PageZeroed(block));
	assert_known();
	ck_assert_uint_eq(report_free_pages(4, false, 16), 0);
}
END_TEST

static void random_step(void)
{
	unsigned int order = (unsigned int)test_random() % 6;
	unsigned long off = test_random() % NR_PAGES & ~((1UL << order) - 1);

	if (test_random() % 2)
		take(order);
	else if (all_are(is_free, false, off, 1UL << order))
		give(off, order, test_random() % 2);
}

START_TEST(part_zeroed_random_steps_are_known)
{
	for (int i = 0; i < 3000; i++) {
		random_step();
		if (i % 10 == 0)
			assert_known();
	}
}
END_TEST

/* Runs -------------------------------------------------------------------- */

/*
 *	|xxxx|u u u u|u u u u u u u u| .. |xxxxxxxx|u u u u u u u u|xxxx
 *
 * Six pages: not of the run of twelve, although it has the smaller block.
 */
START_TEST(run_of_larger_block_may_be_shorter)
{
	give(4, 2, false);
	give(8, 3, false);
	give(24, 3, false);
	ck_assert_int_eq(take_run(6), 24);
	assert_known();
	ck_assert_int_eq(take_run(6), 4);
	assert_known();
}
END_TEST

/* |x|0|u u|u u u u|: seven pages are there, but one of them is fresh. */
START_TEST(run_is_of_used_blocks)
{
	give(1, 0, true);
	give(2, 1, false);
	give(4, 2, false);
	ck_assert_int_eq(take_run(7), -1);
	ck_assert_int_eq(take_run(6), 2);
	assert_known();
}
END_TEST

/* A run ends inside of |u u u u 0 0 0 0|: what is over is as it was. */
START_TEST(run_leaves_fresh_pages_fresh)
{
	give(14, 1, false);
	give(16, 2, false);
	give(20, 2, true);
	ck_assert_uint_eq(block_zeroed(block + 16), 4);
	ck_assert_int_eq(take_run(6), 14);
	assert_known();
	ck_assert(PageBuddy(block + 20) && PageZeroed(block + 20));
}
END_TEST

Suite *suite_free_block(void)
{
	Suite *s = suite_create("free_block");
	TCase *tc = tcase_create("part zeroed");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, part_zeroed_is_counted_across_merges);
	tcase_add_test(tc, part_zeroed_used_half_is_taken_first);
	tcase_add_test(tc, part_zeroed_upper_half_was_fresh_before);
	tcase_add_test(tc, part_zeroed_tail_is_known);
	tcase_add_test(tc, part_zeroed_is_given_back_once);
	tcase_add_test(tc, part_zeroed_random_steps_are_known);
	suite_add_tcase(s, tc);

	tc = tcase_create("runs");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, run_of_larger_block_may_be_shorter);
	tcase_add_test(tc, run_is_of_used_blocks);
	tcase_add_test(tc, run_leaves_fresh_pages_fresh);
	suite_add_tcase(s, tc);
	return s;
}
