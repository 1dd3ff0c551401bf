// SPDX-License-Identifier: MIT
/*
 * Tests of mm/page_run.c: any number of pages, and no page more.
 */
#include <string.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "gate.h"
#include "internal.h"
#include "memcheck.h"
#include "slab.h"
#include "page_test.h"
#include "unit.h"

static struct page *pages[8192];

/* What is over to the next power of two goes back at once. */
START_TEST(exact_takes_no_page_too_many)
{
	unsigned long nr = (unsigned long)_i;
	void *addr = alloc_pages_exact(nr * PAGE_SIZE, GFP_KERNEL);

	ck_assert_ptr_nonnull(addr);
	ck_assert_int_eq(free_now(), free_at_start - (long)nr);
	for (unsigned long i = 0; i < nr; i++)
		ck_assert_int_eq(page_count(virt_to_page(addr) + i), 1);
	mark(addr, nr, 3);
	validate();
	ck_assert(is_marked(addr, nr, 3));
	free_pages_exact(addr, nr * PAGE_SIZE);
	validate();
}
END_TEST

/*	|x|x|x|x|x|.|. .|	five pages of eight */
START_TEST(exact_tail_lies_free_behind)
{
	char *addr = alloc_pages_exact(4 * PAGE_SIZE + 1, GFP_KERNEL);
	struct page *page = virt_to_page(addr);

	ck_assert_ptr_nonnull(addr);
	ck_assert_uint_eq(page_to_pfn(page) % 8, 0);
	ck_assert(PageBuddy(page + 5));
	ck_assert_uint_eq(page[5].order, 0);
	ck_assert(PageBuddy(page + 6));
	ck_assert_uint_eq(page[6].order, 1);
	free_pages_exact(addr, 4 * PAGE_SIZE + 1);
}
END_TEST

/*
 *	|  A  |  B  |	While the pages of B were free, it has changed over to
 *			another type; then a block of A grew over it. It goes back
 *			as one block, of one type.
 */
START_TEST(exact_block_over_pageblocks_of_two_types)
{
	unsigned long nr = 1UL << MAX_PAGE_ORDER;
	struct page *page, *second;

	gate_enter();
	page = alloc_frozen_exact(GFP_KERNEL, nr, MAX_PAGE_ORDER, NULL);
	ck_assert_ptr_nonnull(page);
	second = page + pageblock_nr_pages;
	ck_assert_int_eq(pageblock_type(second), pageblock_type(page));
	second->pageblock = (u8)((pageblock_type(page) + 1) %
				 MIGRATE_PCPTYPES ^ MIGRATE_MOVABLE);
	ck_assert_int_ne(pageblock_type(second), pageblock_type(page));
	free_frozen_exact(page, nr);
	gate_exit();
	validate();
	ck_assert_int_eq(pageblock_type(second), pageblock_type(page));
}
END_TEST

/*	|x|x|x|x|x|.|. .|	grows to 8 of 8, shrinks to 3; not past what is used */
START_TEST(exact_resize_in_place)
{
	struct page *page, *behind;
	unsigned long held = 0;

	gate_enter();
	plenty();
	page = alloc_frozen_exact(GFP_KERNEL, 5, 3, NULL);
	ck_assert_ptr_nonnull(page);
	mark(page_address(page), 5, 77);
	ck_assert(resize_frozen_exact(page, 5, 8));
	ck_assert_int_eq(free_now(), free_at_start - 8);
	mark((char *)page_address(page) + 5 * PAGE_SIZE, 3, 82);
	ck_assert(is_marked(page_address(page), 8, 77));
	validate();
	ck_assert(resize_frozen_exact(page, 8, 3));
	ck_assert_int_eq(free_now(), free_at_start - 3);
	validate();
	/* The page behind is in use now. */
	behind = page + 3;
	while (PageBuddy(behind) || PagePcp(behind)) {
		pages[held] = alloc_page(GFP_KERNEL);
		ck_assert_ptr_nonnull(pages[held++]);
	}
	ck_assert(!resize_frozen_exact(page, 3, 4));
	ck_assert_int_eq(free_now(), free_at_start - 3 - (long)held);
	ck_assert(is_marked(page_address(page), 3, 77));
	while (held)
		__free_page(pages[--held]);
	free_frozen_exact(page, 3);
	gate_exit();
	validate();
}
END_TEST

/*	0       4       8               16
 *	|. . . .|x x x x|. . . . ...	grows to eight pages, which are no
 *	|. . . .|x x x x x x x x|. ...	block of order 3 where they lie */
START_TEST(exact_resize_to_unaligned_power_of_two)
{
	struct page *block;

	gate_enter();
	plenty();
	block = alloc_frozen_pages(GFP_KERNEL, 5, NULL);
	ck_assert_ptr_nonnull(block);
	/* Three blocks of it, each with a head. */
	set_page_zone(block + 4, page_zonenum(block));
	set_page_zone(block + 8, page_zonenum(block));
	free_frozen_exact(block, 4);
	free_frozen_exact(block + 8, 24);
	ck_assert(resize_frozen_exact(block + 4, 4, 8));
	mark(page_address(block + 4), 8, 31);
	validate();
	ck_assert(is_marked(page_address(block + 4), 8, 31));
	free_frozen_exact(block + 4, 8);
	validate();
	pcp_drain_all();
	validate();
	gate_exit();
}
END_TEST

/*	0                       16
 *	|x|.|. .|. . . .|x x ...|	blocks of 1, 2 and 4 pages, no buddies:
 *	|x|y y y y y y y|x x ...|	seven pages wanted, any six of them */
START_TEST(exact_run_across_blocks_that_are_no_buddies)
{
	unsigned long wanted = (unsigned long)_i;
	struct page *block, *run;

	gate_enter();
	plenty();
	block = alloc_frozen_pages(GFP_KERNEL, 4, NULL);
	ck_assert_ptr_nonnull(block);
	mark(page_address(block), 16, 9);
	set_page_zone(block + 1, page_zonenum(block));
	free_frozen_exact(block + 1, 7);
	pcp_drain_all();
	validate();
	/* What was used goes first, and of that the shortest run. */
	run = alloc_frozen_exact(GFP_KERNEL, wanted, 0, NULL);
	ck_assert_ptr_nonnull(run);
	ck_assert_msg(run >= block + 1 && run + wanted <= block + 8,
		      "page %td of the block", run - block);
	ck_assert_int_eq(free_now(), free_at_start - 9 - (long)wanted);
	validate();
	mark(page_address(run), wanted, 10);
	ck_assert(is_marked(page_address(block + 8), 1, 9 + 8));
	free_frozen_exact(run, wanted);
	validate();
	/* With an alignment it must lie elsewhere. */
	run = alloc_frozen_exact(GFP_KERNEL, wanted, 3, NULL);
	ck_assert_ptr_nonnull(run);
	ck_assert_uint_eq(page_to_pfn(run) % 8, 0);
	free_frozen_exact(run, wanted);
	set_page_zone(block + 8, page_zonenum(block));
	free_frozen_exact(block, 1);
	free_frozen_exact(block + 8, 8);
	pcp_drain_all();
	gate_exit();
	validate();
}
END_TEST

/*
 *	|x x x x|. . . .|. . . .|. . . .|	four blocks of the largest order:
 *	|x x x x|. y y y|y y y y|y y . .|	a run of more pages than any has
 */
TEST_SCENARIO(run_beyond_largest_order)
{
	unsigned long nr = MAX_ORDER_NR_PAGES, wanted = 2 * nr + nr / 2, i;
	struct page *block[4], *run;

	page_setup();
	gate_enter();
	for (i = 0; i < ARRAY_SIZE(block); i++) {
		block[i] = alloc_frozen_pages(GFP_KERNEL, MAX_PAGE_ORDER, NULL);
		ck_assert_ptr_nonnull(block[i]);
		ck_assert(!i || block[i] == block[i - 1] + nr);
		mark(page_address(block[i]), nr, 40 + i);
	}
	for (i = 1; i < ARRAY_SIZE(block); i++)
		free_frozen_pages(block[i], MAX_PAGE_ORDER);
	pcp_drain_all();
	/* Of fresh memory there is more. */
	while (zones[ZONE_NORMAL].nr_free < 5 * nr)
		ck_assert(sparse_grow(MAX_PAGE_ORDER, true));
	ck_assert_ptr_null(alloc_frozen_run(GFP_KERNEL, 3 * nr + 1));
	run = alloc_frozen_run(GFP_KERNEL, wanted);
	ck_assert_ptr_nonnull(run);
	ck_assert(run >= block[1] && run + wanted <= block[3] + nr);
	ck_assert_int_eq(free_now(), free_at_start - (long)(nr + wanted));
	validate();
	mark(page_address(run), wanted, 50);
	SetPageLarge(run);
	run->private = wanted;
	ck_assert_ptr_eq(compound_head(run + wanted - 1), run);
	ck_assert_ptr_ne(compound_head(run + wanted), run);
	ClearPageLarge(run);
	run->private = 0;
	ck_assert(is_marked(page_address(block[0]), nr, 40));
	ck_assert(is_marked(page_address(run), wanted, 50));
	free_frozen_exact(run, wanted);
	free_frozen_pages(block[0], MAX_PAGE_ORDER);
	gate_exit();
	page_teardown();
}

START_TEST(run_beyond_the_largest_order)
{
	test_scenario_passes("run_beyond_largest_order",
			     "page_shift=12 page_reporting=0 thp=never");
}
END_TEST

/* A slab is rather small than of memory that nobody has used. */
START_TEST(slab_of_used_page_before_fresh_block)
{
	struct page *block, *slab;

	gate_enter();
	plenty();
	block = alloc_frozen_pages(GFP_KERNEL, 1, NULL);
	ck_assert_ptr_nonnull(block);
	mark(page_address(block), 2, 9);
	set_page_zone(block + 1, page_zonenum(block));
	free_frozen_exact(block + 1, 1);
	pcp_drain_all();
	slab = alloc_frozen_slab(GFP_KERNEL, 1, 0);
	ck_assert_ptr_eq(slab, block + 1);
	ck_assert_uint_eq(slab->order, 0);
	free_frozen_pages(slab, 0);
	/* One of two pages must be elsewhere. */
	slab = alloc_frozen_slab(GFP_KERNEL, 1, 1);
	ck_assert_ptr_nonnull(slab);
	ck_assert_ptr_ne(slab, block);
	ck_assert_uint_eq(slab->order, 1);
	free_frozen_pages(slab, 1);
	free_frozen_pages(block, 0);
	pcp_drain_all();
	gate_exit();
	validate();
}
END_TEST

/* Growth takes back what caches keep, but not each time. The blocks of the
 * largest order do not merge, so that what is fresh stays fresh. */
TEST_SCENARIO(reclaim_before_growth)
{
	struct kmem_cache *s = kmem_cache_create("unit-kept", 64, 0,
						 SLAB_NO_MERGE, NULL);
	struct page *large, *more, *small[4];
	unsigned long i;

	ck_assert_ptr_nonnull(s);
	plenty();
	kmm_trim();
	large = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	small[0] = alloc_pages(GFP_KERNEL, 5);
	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	/* Hardly larger, and hardly a page was taken since. */
	small[1] = alloc_pages(GFP_KERNEL, 5);
	ck_assert_uint_gt(sheaf_count_objects(s), 0);
	/* As many pages as there are, though always the same. */
	for (i = 0; i <= zones[ZONE_NORMAL].managed_pages;
	     i += MAX_ORDER_NR_PAGES) {
		__free_pages(large, MAX_PAGE_ORDER);
		large = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	}
	ck_assert_uint_gt(sheaf_count_objects(s), 0);
	small[2] = alloc_pages(GFP_KERNEL, 5);
	ck_assert_uint_eq(sheaf_count_objects(s), 0);
	/* And when it has grown by much. */
	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	more = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	ck_assert_uint_gt(sheaf_count_objects(s), 0);
	small[3] = alloc_pages(GFP_KERNEL, 5);
	ck_assert_uint_eq(sheaf_count_objects(s), 0);
	for (i = 0; i < ARRAY_SIZE(small); i++)
		__free_pages(small[i], 5);
	__free_pages(large, MAX_PAGE_ORDER);
	__free_pages(more, MAX_PAGE_ORDER);
	kmem_cache_destroy(s);
}

START_TEST(growth_takes_back_what_caches_keep)
{
	/* Under a memory checker there are no sheaves. */
	if (!memcheck_active())
		test_scenario_passes("reclaim_before_growth",
				     "page_shift=12 page_reporting=0 thp=never");
}
END_TEST

/* Grow a block by eighths to @most pages, while it can; how many it has then. */
static unsigned long grow_by_eighths(struct page *page, unsigned long nr,
				     unsigned long most)
{
	unsigned long more;

	for (; nr < most; nr += more) {
		more = min_t(unsigned long, nr / 8, most - nr);
		if (!resize_frozen_exact(page, nr, nr + more))
			break;
		mark((char *)page_address(page) + nr * PAGE_SIZE, more, 9 + nr);
	}
	return nr;
}

#define GROWN_FROM 16

static struct page *marked_block(void)
{
	struct page *page = alloc_frozen_exact(GFP_KERNEL, GROWN_FROM, 0, NULL);

	ck_assert_ptr_nonnull(page);
	mark(page_address(page), GROWN_FROM, 9);
	return page;
}

/* What it needs comes online behind it, and not much besides. */
TEST_SCENARIO(grow_at_the_end)
{
	const unsigned long most = 16 * MAX_ORDER_NR_PAGES;
	struct page *page;
	unsigned long nr;

	gate_enter();
	page = marked_block();
	nr = grow_by_eighths(page, GROWN_FROM, most);
	ck_assert_uint_eq(nr, most);
	ck_assert(is_marked(page_address(page), nr, 9));
	ck_assert_uint_le(sparse_onlined_bytes(),
			  (most << PAGE_SHIFT) * 9 / 8 + (2 << 20));
	validate();
	free_frozen_exact(page, nr);
	gate_exit();
	validate();
}

START_TEST(exact_resize_brings_memory_online)
{
	test_scenario_passes("grow_at_the_end", "thp=never");
}
END_TEST

/* Memory that was in use is as long: it is better to move there. */
#define NR_USED 4

TEST_SCENARIO(grow_beside_used_memory)
{
	struct page *page, *used[NR_USED];
	unsigned long nr, online, held = 0;
	const unsigned long most = NR_USED * MAX_ORDER_NR_PAGES;
	unsigned int i;

	gate_enter();
	for (i = 0; i < NR_USED; i++) {
		used[i] = alloc_frozen_pages(GFP_KERNEL, MAX_PAGE_ORDER, NULL);
		ck_assert_ptr_nonnull(used[i]);
	}
	/* The first one that lies behind them. */
	while ((page = marked_block()) < used[NR_USED - 1])
		pages[held++] = page;
	nr = grow_by_eighths(page, GROWN_FROM, most / 2);
	ck_assert_uint_eq(nr, most / 2);
	for (i = 0; i < NR_USED; i++)
		free_frozen_pages(used[i], MAX_PAGE_ORDER);
	ck_assert_uint_ge(zone_dirty(page_zone(page)), most);
	/* As far as there is some at hand. */
	online = sparse_onlined_bytes();
	nr = grow_by_eighths(page, nr, most);
	ck_assert_uint_lt(nr, most);
	ck_assert_uint_eq(sparse_onlined_bytes(), online);
	free_frozen_exact(page, nr);
	while (held)
		free_frozen_exact(pages[--held], GROWN_FROM);
	gate_exit();
	validate();
}

START_TEST(exact_resize_prefers_used_memory)
{
	test_scenario_passes("grow_beside_used_memory", "thp=never page_reporting=0");
}
END_TEST

/* No memory is there: the block is as it was, and nothing is lost. */
TEST_SCENARIO(grow_at_the_limit)
{
	struct page *page;
	unsigned long nr;

	gate_enter();
	page = marked_block();
	nr = grow_by_eighths(page, GROWN_FROM, 16 * MAX_ORDER_NR_PAGES);
	ck_assert_uint_lt(nr << PAGE_SHIFT, 16 << 20);
	ck_assert_uint_le(sparse_onlined_bytes(), 16 << 20);
	ck_assert(is_marked(page_address(page), nr, 9));
	validate();
	free_frozen_exact(page, nr);
	gate_exit();
	validate();
}

START_TEST(exact_resize_ends_at_the_limit)
{
	test_scenario_passes("grow_at_the_limit", "thp=never mem=16M");
}
END_TEST

/* Up and down by random numbers of pages, until what is behind is used. */
START_TEST(exact_resize_random_steps_keep_contents)
{
	unsigned long nr = 1, to;
	struct page *page, *moved;

	gate_enter();
	plenty();
	page = alloc_frozen_exact(GFP_KERNEL, nr, 0, NULL);
	ck_assert_ptr_nonnull(page);
	mark(page_address(page), nr, 5);
	for (int i = 0; i < test_rounds(1000); i++) {
		/* Powers of two as well: they are no blocks of an order, unless
		 * they happen to be aligned. */
		to = test_random() % 2 ? 1 + test_random() % 200 :
					 1UL << test_random() % 7;
		if (!resize_frozen_exact(page, nr, to)) {
			moved = alloc_frozen_exact(GFP_KERNEL, to, 0, NULL);
			ck_assert_ptr_nonnull(moved);
			free_frozen_exact(page, nr);
			page = moved;
			mark(page_address(page), to, 5);
		}
		ck_assert(is_marked(page_address(page), to < nr ? to : nr, 5));
		nr = to;
		mark(page_address(page), nr, 5);
		validate();
		ck_assert_int_eq(free_now(), free_at_start - (long)nr);
	}
	free_frozen_exact(page, nr);
	gate_exit();
}
END_TEST

START_TEST(exact_size_zero_is_null)
{
	ck_assert_ptr_null(alloc_pages_exact(0, GFP_KERNEL));
	free_pages_exact(NULL, 0);
	free_pages_exact(NULL, 2 * PAGE_SIZE);
}
END_TEST

static void exact_with_wrong_flags(void)
{
	void *addr = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL | __GFP_COMP);

	ck_assert_ptr_nonnull(addr);
	ck_assert_uint_eq(compound_order(virt_to_page(addr)), 0);
	free_pages_exact(addr, 3 * PAGE_SIZE);
	validate();
}

START_TEST(exact_compound_is_dropped_with_warning)
{
	const char *text;

	ck_assert_int_eq(test_run_child(exact_with_wrong_flags, &text), 0);
	ck_assert_ptr_nonnull(strstr(text, "WARNING: "));
}
END_TEST

Suite *suite_page_run(void)
{
	Suite *suite = suite_create("page_run");
	TCase *tc = tcase_create("exact");

	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_add_loop_test(tc, exact_takes_no_page_too_many, 1, 34);
	tcase_add_test(tc, exact_tail_lies_free_behind);
	tcase_add_test(tc, exact_block_over_pageblocks_of_two_types);
	tcase_add_test(tc, exact_resize_in_place);
	tcase_add_test(tc, exact_resize_to_unaligned_power_of_two);
	tcase_add_loop_test(tc, exact_run_across_blocks_that_are_no_buddies, 5,
			    8);
	tcase_add_test(tc, slab_of_used_page_before_fresh_block);
	tcase_add_test(tc, run_beyond_the_largest_order);
	tcase_add_test(tc, growth_takes_back_what_caches_keep);
	tcase_add_test(tc, exact_resize_brings_memory_online);
	tcase_add_test(tc, exact_resize_prefers_used_memory);
	tcase_add_test(tc, exact_resize_ends_at_the_limit);
	tcase_add_test(tc, exact_resize_random_steps_keep_contents);
	tcase_add_test(tc, exact_size_zero_is_null);
	tcase_add_test(tc, exact_compound_is_dropped_with_warning);
	suite_add_tcase(suite, tc);
	return suite;
}
