// SPDX-License-Identifier: MIT
/*
 * Tests of mm/pcp.c: what is parked on this CPU's lists, when it comes and
 * when it goes, and the walker that checks invariants C1 to C3.
 *
 * The fixture pins the thread, so that this CPU's lists stay the same ones,
 * makes the zone large enough for lists of some length, and empties them all.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include <linux/slab.h>

#include "buddy.h"
#include "gate.h"
#include "page_list.h"
#include "percpu.h"
#include "unit.h"

#define MIN_ZONE 4096	/* pages; of which 64 may be parked */

static struct zone *zone;
static struct per_cpu_pages *pcp;
static cpu_set_t old_cpus;

static unsigned int violations(void)
{
	unsigned int bad;

	test_capture_begin(2);
	bad = pcp_validate();
	ck_assert_int_eq(strstr(test_capture_end(), "BUG pcp: ") != NULL,
			 bad != 0);
	return bad;
}

static void pcp_setup(void)
{
	cpu_set_t one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(old_cpus), &old_cpus), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	zone = &zones[ZONE_NORMAL];
	while (zone->managed_pages < MIN_ZONE)
		ck_assert(sparse_grow(0, true));
	/* A refill sets the sizes by that of the zone. */
	drain_all_pages();
	__free_page(alloc_page(GFP_KERNEL));
	drain_all_pages();
	pcp = per_cpu_ptr(zone->pcp, percpu_this_cpu());
	ck_assert_uint_ge(pcp->batch, MIN_ZONE / 256);
	ck_assert_uint_eq(pcp_count(zone), 0);
}

static void pcp_teardown(void)
{
	drain_all_pages();
	ck_assert_uint_eq(pcp_count(zone), 0);
	ck_assert_uint_eq(violations(), 0);
	ck_assert_uint_eq(page_alloc_validate(), 0);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(old_cpus), &old_cpus), 0);
}

static unsigned int list_length(unsigned int order, int type)
{
	unsigned int index = order * MIGRATE_PCPTYPES + (unsigned int)type;
	const struct page *page;
	unsigned int nr = 0;

	page_list_for_each(page, &pcp->lists[index])
		nr++;
	return nr;
}

/* Order 0 to 3 are parked, larger blocks are not. */
START_TEST(pcp_orders_up_to_costly_are_parked)
{
	unsigned int order = (unsigned int)_i;
	struct page *page = alloc_pages(GFP_KERNEL, order);

	ck_assert_ptr_nonnull(page);
	ck_assert(!PagePcp(page));
	__free_pages(page, order);
	ck_assert_int_eq(pcp_allowed_order(order),
			 order <= PAGE_ALLOC_COSTLY_ORDER);
	ck_assert_int_eq(PagePcp(page), order <= PAGE_ALLOC_COSTLY_ORDER);
	ck_assert_int_eq(pcp->count != 0, order <= PAGE_ALLOC_COSTLY_ORDER);
	if (PagePcp(page)) {
		ck_assert(!PageBuddy(page));
		ck_assert_uint_eq(page->order, order);
		ck_assert_int_eq(page->migratetype, (int)pageblock_type(page));
	}
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

/* An empty list is refilled with a batch of pages; one block of it is ours. */
START_TEST(pcp_empty_list_is_refilled_by_batch)
{
	unsigned int order = (unsigned int)_i, blocks;
	unsigned long allocs = pcp->allocs, free;
	struct page *page;

	/* No used memory, which would be preferred even if it is less. */
	kmm_trim();
	free = zone->nr_free;
	page = alloc_pages(GFP_KERNEL, order);
	ck_assert_ptr_nonnull(page);
	blocks = max_t(unsigned int, pcp->batch >> order, 1);
	ck_assert_uint_eq(list_length(order, MIGRATE_UNMOVABLE), blocks - 1);
	ck_assert_uint_eq(pcp->count, (blocks - 1) << order);
	ck_assert_uint_eq(free - zone->nr_free, blocks << order);
	ck_assert_uint_eq(pcp->allocs - allocs, 1);
	ck_assert_uint_eq(violations(), 0);
	__free_pages(page, order);
	ck_assert_uint_eq(pcp->count, blocks << order);
}
END_TEST

START_TEST(pcp_sizes_follow_zone)
{
	unsigned long managed, few;
	struct page *page;

	for (int i = 0; i < 8; i++) {
		drain_all_pages();
		page = alloc_page(GFP_KERNEL);
		ck_assert_ptr_nonnull(page);
		managed = zone->managed_pages;
		few = min_t(unsigned long, 16, managed / 16);
		ck_assert_uint_eq(pcp->batch,
				  min_t(unsigned long, 63,
					max_t(unsigned long, managed / 256, 1)));
		ck_assert_uint_eq(pcp->high,
				  min_t(unsigned long, 1024,
					max_t(unsigned long, managed / 64,
					      max_t(unsigned long, few,
						    4 * pcp->batch))));
		__free_page(page);
		ck_assert(sparse_grow(0, true));
	}
}
END_TEST

START_TEST(pcp_last_freed_is_first_allocated)
{
	struct page *a = alloc_page(GFP_KERNEL), *b = alloc_page(GFP_KERNEL);

	ck_assert(a && b);
	__free_page(a);
	__free_page(b);
	ck_assert_ptr_eq(alloc_page(GFP_KERNEL), b);
	ck_assert_ptr_eq(alloc_page(GFP_KERNEL), a);
	__free_page(a);
	__free_page(b);
}
END_TEST

/* Pages of one lifetime stay together: each type has its own list. */
START_TEST(pcp_types_have_lists_of_their_own)
{
	static const gfp_t gfp[MIGRATE_PCPTYPES] = {
		[MIGRATE_UNMOVABLE] = GFP_KERNEL,
		[MIGRATE_MOVABLE] = GFP_KERNEL | __GFP_MOVABLE,
		[MIGRATE_RECLAIMABLE] = GFP_KERNEL | __GFP_RECLAIMABLE,
	};
	struct page *page = alloc_page(gfp[_i]);
	unsigned int length;
	int type;

	ck_assert_ptr_nonnull(page);
	for (type = 0; type < MIGRATE_PCPTYPES; type++)
		ck_assert(type == _i || !list_length(0, type));
	type = (int)pageblock_type(page);
	length = list_length(0, type);
	__free_page(page);
	ck_assert_uint_eq(list_length(0, type), length + 1);
}
END_TEST

/* With less than a pageblock there are no types: what one leaves another takes. */
START_TEST(pcp_small_zone_has_no_types)
{
	unsigned long managed = zone->managed_pages, taken;
	enum migratetype type = pageblock_type(pfn_to_page(zone->start_pfn));
	struct page *page, *other;
	struct page_list held = { 0 };

	WRITE_ONCE(zone->managed_pages, pageblock_nr_pages - 1);
	/* Used memory comes first, and may lie in the fixture's pageblock. */
	for (;;) {
		page = alloc_pages(GFP_KERNEL | __GFP_MOVABLE, 2);
		ck_assert_ptr_nonnull(page);
		if (pageblock_type(page) == type)
			break;
		page_list_add(&held, page);
	}
	__free_pages(page, 2);
	taken = zone->event[PGALLOC];
	other = alloc_pages(GFP_KERNEL, 2);
	ck_assert_ptr_eq(other, page);
	ck_assert_uint_eq(zone->event[PGALLOC], taken);
	__free_pages(other, 2);
	while ((page = page_list_pop(&held)) != NULL)
		__free_pages(page, 2);
	WRITE_ONCE(zone->managed_pages, managed);
}
END_TEST

/* And yet room for two blocks of the largest order, or each free would flush. */
START_TEST(pcp_small_zone_keeps_large_blocks)
{
	unsigned long managed = zone->managed_pages, taken;
	const gfp_t gfp = GFP_KERNEL | __GFP_MOVABLE;
	struct page *page;

	WRITE_ONCE(zone->managed_pages, 256);
	page = alloc_pages(gfp, PAGE_ALLOC_COSTLY_ORDER);
	ck_assert_ptr_nonnull(page);
	taken = zone->event[PGALLOC];
	for (int i = 0; i < 10; i++) {
		__free_pages(page, PAGE_ALLOC_COSTLY_ORDER);
		page = alloc_pages(gfp, PAGE_ALLOC_COSTLY_ORDER);
		ck_assert_ptr_nonnull(page);
	}
	ck_assert_uint_eq(zone->event[PGALLOC], taken);
	__free_pages(page, PAGE_ALLOC_COSTLY_ORDER);
	WRITE_ONCE(zone->managed_pages, managed);
}
END_TEST

/* Half as much again as may be parked. */
#define MAX_PAGES 1536

static struct page *pages[MAX_PAGES];

static unsigned int alloc_more_than_high(void)
{
	unsigned int nr = min_t(unsigned int, MAX_PAGES,
				pcp->high + pcp->high / 2);

	for (unsigned int i = 0; i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		ck_assert_ptr_nonnull(pages[i]);
	}
	drain_all_pages();
	return nr;
}

/* C3, and the pages that go back are those that were freed first. */
START_TEST(pcp_above_high_the_coldest_go_back)
{
	unsigned int nr = alloc_more_than_high();
	bool flushed = false;

	for (unsigned int i = 0; i < nr; i++) {
		__free_page(pages[i]);
		ck_assert_uint_le(pcp->count, pcp->high);
		ck_assert(PagePcp(pages[i]));
		flushed = flushed || pcp->count <= i;
		if (i % 16 == 0)
			ck_assert_uint_eq(violations(), 0);
	}
	ck_assert(flushed);
	ck_assert(!PagePcp(pages[0]));
}
END_TEST

START_TEST(pcp_drain_returns_everything)
{
	unsigned int nr = alloc_more_than_high();
	unsigned long free, parked;

	for (unsigned int i = 0; i < nr; i++)
		__free_page(pages[i]);
	parked = pcp_count(zone);
	free = zone->nr_free;
	ck_assert_uint_gt(parked, 0);
	drain_all_pages();
	ck_assert_uint_eq(pcp_count(zone), 0);
	ck_assert_uint_eq(zone->nr_free, free + parked);
	for (unsigned int order = 0; order < NR_PCP_ORDERS; order++)
		for (int type = 0; type < MIGRATE_PCPTYPES; type++)
			ck_assert_uint_eq(list_length(order, type), 0);
	ck_assert_uint_eq(page_alloc_validate(), 0);
}
END_TEST

static void *park_a_page(void *arg)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page)
		__free_page(page);
	*(bool *)arg = page;
	return NULL;
}

/* Of threads that have ended, too. */
START_TEST(pcp_drain_reaches_all_cpus)
{
	pthread_t threads[4];
	bool good[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, park_a_page,
						&good[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(good[i]);
	}
	ck_assert_uint_gt(pcp_count(zone), 0);
	drain_all_pages();
	ck_assert_uint_eq(pcp_count(zone), 0);
}
END_TEST

/* The lists are only ever tried: while they are busy the zone serves alone. */
START_TEST(pcp_busy_lists_fall_back_to_zone)
{
	unsigned long allocs = pcp->allocs, frees = pcp->frees;
	unsigned long taken = zone->event[PGALLOC], put = zone->event[PGFREE];
	struct page *page, *array[3] = { NULL };

	/* Who may wait would reclaim first, and that drains the lists. */
	spin_lock(&pcp->lock);
	page = alloc_page(GFP_NOWAIT);
	ck_assert_ptr_nonnull(page);
	ck_assert_uint_eq(zone->event[PGALLOC], taken + 1);
	ck_assert_uint_eq(alloc_pages_bulk(GFP_NOWAIT, 3, array), 3);
	ck_assert_uint_eq(zone->event[PGALLOC], taken + 4);
	__free_page(page);
	ck_assert(!PagePcp(page));
	ck_assert_uint_eq(zone->event[PGFREE], put + 1);
	for (int i = 0; i < 3; i++)
		__free_page(array[i]);
	spin_unlock(&pcp->lock);
	ck_assert_uint_eq(pcp->allocs, allocs);
	ck_assert_uint_eq(pcp->frees, frees);
	ck_assert_uint_eq(pcp->count, 0);
}
END_TEST

START_TEST(pcp_bulk_takes_what_is_there)
{
	struct page *array[8];
	unsigned int nr;

	nr = pcp_alloc_bulk(zone, MIGRATE_UNMOVABLE, ARRAY_SIZE(array), array);
	ck_assert_uint_eq(nr, ARRAY_SIZE(array));
	for (unsigned int i = 0; i < nr; i++) {
		ck_assert(!PagePcp(array[i]));
		for (unsigned int j = 0; j < i; j++)
			ck_assert_ptr_ne(array[i], array[j]);
		free_frozen_pages(array[i], 0);
	}
	spin_lock(&pcp->lock);
	ck_assert_uint_eq(pcp_alloc_bulk(zone, MIGRATE_UNMOVABLE, 1, array), 0);
	ck_assert_ptr_null(pcp_alloc(zone, 0, MIGRATE_UNMOVABLE, true));
	spin_unlock(&pcp->lock);
}
END_TEST

/* Nothing is lost: free, parked and held pages are what the zone manages, but
 * for what was allocated before. */
START_TEST(pcp_random_steps_keep_every_invariant)
{
	static const gfp_t types[] = { 0, __GFP_MOVABLE, __GFP_RECLAIMABLE };
	struct page *held[32] = { NULL };
	unsigned long nr_held = 0, others;

	/* What caches keep might come free meanwhile. */
	kmm_trim();
	others = zone->managed_pages - zone->nr_free;
	for (int step = 0; step < test_rounds(5000); step++) {
		unsigned int i = (unsigned int)test_random() % ARRAY_SIZE(held);
		unsigned int order = i % (NR_PCP_ORDERS + 1);

		if (test_random() % 256 == 0)
			drain_all_pages();
		if (held[i]) {
			__free_pages(held[i], order);
			held[i] = NULL;
			nr_held -= 1UL << order;
		} else {
			held[i] = alloc_pages(GFP_KERNEL |
						      types[test_random() % 3],
					      order);
			ck_assert_ptr_nonnull(held[i]);
			nr_held += 1UL << order;
		}
		ck_assert_uint_eq(violations(), 0);
		ck_assert_uint_eq(zone->nr_free + pcp_count(zone) + nr_held +
					  others,
				  zone->managed_pages);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i])
			__free_pages(held[i], i % (NR_PCP_ORDERS + 1));
}
END_TEST

/* Runs -------------------------------------------------------------------- */

static struct page *take_run(unsigned long nr)
{
	struct page *page;

	gate_enter();
	page = alloc_frozen_exact(GFP_KERNEL, nr, 0, NULL);
	gate_exit();
	ck_assert_ptr_nonnull(page);
	ck_assert(!PagePcpRun(page) && !PagePcp(page));
	return page;
}

static void give_run(struct page *page, unsigned long nr)
{
	gate_enter();
	free_frozen_exact(page, nr);
	gate_exit();
	ck_assert_uint_eq(violations(), 0);
}

START_TEST(pcp_run_comes_back_as_it_is)
{
	struct page *five = take_run(5), *six = take_run(6);
	unsigned long nr_free = zone->nr_free;

	give_run(five, 5);
	give_run(six, 6);
	ck_assert(PagePcpRun(five) && PagePcpRun(six));
	ck_assert(!PageLarge(five));
	ck_assert_uint_eq(pcp_count(zone), pcp->count);
	ck_assert_uint_eq(pcp->run_pages, 11);
	ck_assert_uint_eq(zone->nr_free, nr_free);
	ck_assert_ptr_eq(take_run(5), five);
	ck_assert_ptr_eq(take_run(6), six);
	ck_assert_uint_eq(pcp->run_pages, 0);
	give_run(five, 5);
	give_run(six, 6);
}
END_TEST

/* What was kept is whole blocks again before another length is looked for. */
START_TEST(pcp_run_of_other_length_sends_all_back)
{
	struct page *five = take_run(5), *page;

	give_run(five, 5);
	page = take_run(13);
	ck_assert_uint_eq(pcp->nr_runs, 0);
	ck_assert(!PagePcpRun(five));
	give_run(page, 13);
}
END_TEST

/* The fifth run pushes the first one out. */
START_TEST(pcp_run_that_is_oldest_leaves)
{
	struct page *run[NR_PCP_RUNS + 1];
	unsigned int i;

	for (i = 0; i <= NR_PCP_RUNS; i++)
		run[i] = take_run(17);
	for (i = 0; i <= NR_PCP_RUNS; i++)
		give_run(run[i], 17);
	ck_assert(!PagePcp(run[0]));
	for (i = NR_PCP_RUNS; i > 0; i--)
		ck_assert_ptr_eq(take_run(17), run[i]);
	for (i = 1; i <= NR_PCP_RUNS; i++)
		give_run(run[i], 17);
}
END_TEST

/* A block of an order goes to the list of that order, and lists stay short. */
START_TEST(pcp_run_of_an_order_leaves_for_its_list)
{
	struct page *run[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(run); i++)
		run[i] = alloc_pages(GFP_KERNEL, 2);
	for (i = 0; i < ARRAY_SIZE(run); i++) {
		ck_assert_ptr_nonnull(run[i]);
		run[i]->_refcount = 0;
		give_run(run[i], 4);
		ck_assert_uint_le(pcp->count - pcp->run_pages, pcp->high);
	}
	ck_assert_uint_gt(list_length(2, (int)pageblock_type(run[0])), 0);
}
END_TEST

START_TEST(pcp_run_that_is_too_large_is_not_kept)
{
	unsigned long nr = PCP_RUN_MAX + 1;
	struct page *page = take_run(nr);

	give_run(page, nr);
	ck_assert(!PagePcp(page));
	ck_assert_uint_eq(pcp->nr_runs, 0);
}
END_TEST

/* An alignment that the run does not have is another request. */
START_TEST(pcp_run_is_as_aligned_as_wanted)
{
	struct page *block = alloc_pages(GFP_KERNEL, 4), *page;

	ck_assert_ptr_nonnull(block);
	block->_refcount = 0;
	gate_enter();
	set_page_zone(block + 1, page_zonenum(block));
	free_frozen_exact(block + 1, 6);
	ck_assert(PagePcpRun(block + 1));
	page = alloc_frozen_exact(GFP_KERNEL, 6, 3, NULL);
	ck_assert_ptr_nonnull(page);
	ck_assert_ptr_ne(page, block + 1);
	ck_assert_uint_eq(page_to_pfn(page) % 8, 0);
	free_frozen_exact(page, 6);
	free_frozen_exact(block, 1);
	set_page_zone(block + 7, page_zonenum(block));
	free_frozen_exact(block + 7, 9);
	gate_exit();
}
END_TEST

/* All used memory is in use but for runs that are kept: the next page is of them,
 * and not of memory that is fresh. */
TEST_SCENARIO(pcp_runs_before_fresh_memory)
{
	const unsigned long nr = PCP_RUN_MAX;
	void *run = kmalloc(nr << PAGE_SHIFT, GFP_KERNEL);
	unsigned long zeroed;
	struct page *page;

	zone = &zones[ZONE_NORMAL];
	while (zone->managed_pages < MIN_ZONE)
		ck_assert(sparse_grow(0, true));
	while (zone_dirty(zone) || pcp_count(zone))
		ck_assert_ptr_nonnull(alloc_page(GFP_KERNEL));
	zeroed = zone->nr_zeroed;
	kfree(run);
	ck_assert_uint_eq(pcp_count(zone), nr);
	page = alloc_page(GFP_KERNEL);
	ck_assert_ptr_nonnull(page);
	ck_assert_uint_eq(zone->nr_zeroed, zeroed);
	ck_assert_uint_eq(page_alloc_validate(), 0);
}

START_TEST(pcp_runs_do_not_cost_memory)
{
	test_scenario_passes("pcp_runs_before_fresh_memory", "thp=never");
}
END_TEST

static void free_run_twice(void)
{
	void *p = kmalloc(5 * PAGE_SIZE, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

static void free_inside_of_free_run(void)
{
	char *p = kmalloc(5 * PAGE_SIZE, GFP_KERNEL);

	kfree(p);
	kfree(p + 3 * PAGE_SIZE);
}

START_TEST(pcp_run_is_not_freed_twice)
{
	const char *text;
	int status;

	status = test_run_child(free_run_twice, &text);
	test_aborted_with(status, text, "BUG double free of ");
	status = test_run_child(free_inside_of_free_run, &text);
	test_aborted_with(status, text, "BUG double free of ");
}
END_TEST

/* Damage ------------------------------------------------------------------ */

static struct page *parked;

static void damage_setup(void)
{
	pcp_setup();
	parked = alloc_pages(GFP_KERNEL, 1);
	ck_assert_ptr_nonnull(parked);
	__free_pages(parked, 1);
	ck_assert(PagePcp(parked));
	ck_assert_uint_eq(violations(), 0);
}

START_TEST(validate_c1_wrong_count)
{
	pcp->count++;
	ck_assert_uint_gt(violations(), 0);
	pcp->count -= 2;
	ck_assert_uint_gt(violations(), 0);
	pcp->count++;
}
END_TEST

START_TEST(validate_c2_block_of_other_list)
{
	u8 type = parked->migratetype;

	parked->order = 2;
	ck_assert_uint_gt(violations(), 0);
	parked->order = 1;
	parked->migratetype = (u8)(type + 1) % MIGRATE_PCPTYPES;
	ck_assert_uint_gt(violations(), 0);
	parked->migratetype = type;
}
END_TEST

START_TEST(validate_c2_wrong_flags)
{
	ClearPagePcp(parked);
	ck_assert_uint_gt(violations(), 0);
	SetPagePcp(parked);
	SetPageBuddy(parked);
	ck_assert_uint_gt(violations(), 0);
	ClearPageBuddy(parked);
}
END_TEST

/* Refills may add a batch to each list, not more. */
START_TEST(validate_c3_too_many_parked)
{
	unsigned int high = pcp->high, batch = pcp->batch;

	for (int i = 0; i < 200; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		ck_assert_ptr_nonnull(pages[i]);
	}
	pcp->high = 1000;
	for (int i = 0; i < 200; i++)
		__free_page(pages[i]);
	ck_assert_uint_ge(pcp->count, 200);
	ck_assert_uint_eq(violations(), 0);
	pcp->high = 0;
	pcp->batch = 1;
	ck_assert_uint_gt(violations(), 0);
	pcp->high = high;
	pcp->batch = batch;
	drain_all_pages();
}
END_TEST

START_TEST(validate_c4_damaged_run)
{
	struct page *page = take_run(5);

	give_run(page, 5);
	page->private = 4;
	ck_assert_uint_gt(violations(), 0);
	page->private = 5;
	ClearPageLarge(page);
	ck_assert_uint_gt(violations(), 0);
	SetPageLarge(page);
	pcp->run_pages++;
	ck_assert_uint_gt(violations(), 0);
	pcp->run_pages--;
}
END_TEST

Suite *suite_pcp(void)
{
	Suite *s = suite_create("pcp");
	TCase *tc;

	tc = tcase_create("lists");
	tcase_add_checked_fixture(tc, pcp_setup, pcp_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, pcp_orders_up_to_costly_are_parked, 0,
			    NR_PAGE_ORDERS);
	tcase_add_loop_test(tc, pcp_empty_list_is_refilled_by_batch, 0,
			    NR_PCP_ORDERS);
	tcase_add_test(tc, pcp_sizes_follow_zone);
	tcase_add_test(tc, pcp_last_freed_is_first_allocated);
	tcase_add_loop_test(tc, pcp_types_have_lists_of_their_own, 0,
			    MIGRATE_PCPTYPES);
	tcase_add_test(tc, pcp_small_zone_has_no_types);
	tcase_add_test(tc, pcp_small_zone_keeps_large_blocks);
	tcase_add_test(tc, pcp_above_high_the_coldest_go_back);
	tcase_add_test(tc, pcp_drain_returns_everything);
	tcase_add_test(tc, pcp_drain_reaches_all_cpus);
	tcase_add_test(tc, pcp_busy_lists_fall_back_to_zone);
	tcase_add_test(tc, pcp_bulk_takes_what_is_there);
	tcase_add_test(tc, pcp_random_steps_keep_every_invariant);
	suite_add_tcase(s, tc);

	tc = tcase_create("runs");
	tcase_add_checked_fixture(tc, pcp_setup, pcp_teardown);
	tcase_add_test(tc, pcp_run_comes_back_as_it_is);
	tcase_add_test(tc, pcp_run_of_other_length_sends_all_back);
	tcase_add_test(tc, pcp_run_that_is_oldest_leaves);
	tcase_add_test(tc, pcp_run_of_an_order_leaves_for_its_list);
	tcase_add_test(tc, pcp_run_that_is_too_large_is_not_kept);
	tcase_add_test(tc, pcp_run_is_as_aligned_as_wanted);
	tcase_add_test(tc, pcp_run_is_not_freed_twice);
	tcase_add_test(tc, pcp_runs_do_not_cost_memory);
	suite_add_tcase(s, tc);

	tc = tcase_create("damage");
	tcase_add_checked_fixture(tc, damage_setup, pcp_teardown);
	tcase_add_test(tc, validate_c1_wrong_count);
	tcase_add_test(tc, validate_c2_block_of_other_list);
	tcase_add_test(tc, validate_c2_wrong_flags);
	tcase_add_test(tc, validate_c3_too_many_parked);
	tcase_add_test(tc, validate_c4_damaged_run);
	suite_add_tcase(s, tc);
	return s;
}
