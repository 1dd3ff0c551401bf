// SPDX-License-Identifier: MIT
/*
 * Tests of mm/page_alloc.c: what a caller gets and gives back, and who gets the
 * last pages. How free memory is kept is the subject of test_buddy.c.
 */
#include <string.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "cmdline.h"
#include "host.h"
#include "internal.h"
#include "memcheck.h"
#include "page_test.h"
#include "unit.h"

#define MAX_PAGES 8192

static struct page *pages[MAX_PAGES];

/* Blocks ------------------------------------------------------------------ */

START_TEST(alloc_each_order_is_aligned_to_its_size)
{
	unsigned int order = (unsigned int)_i;
	size_t size = PAGE_SIZE << order;
	struct page *page = alloc_pages(GFP_KERNEL, order);
	char *addr;

	ck_assert_ptr_nonnull(page);
	addr = page_address(page);
	ck_assert_uint_eq((unsigned long)addr % size, 0);
	ck_assert_uint_eq(page_to_pfn(page) % (1UL << order), 0);
	ck_assert_int_eq(page_count(page), 1);
	ck_assert_uint_eq(compound_order(page), 0);
	ck_assert_int_eq(free_now(), free_at_start - (1L << order));
	mark(addr, 1UL << order, 42);
	ck_assert(is_marked(addr, 1UL << order, 42));
	validate();
	__free_pages(page, order);
	validate();
}
END_TEST

START_TEST(alloc_by_address_is_the_same)
{
	unsigned long addr = __get_free_pages(GFP_KERNEL | __GFP_HIGHMEM, 2);
	struct page *page = alloc_pages_node(0, GFP_KERNEL, 1);

	ck_assert_uint_ne(addr, 0);
	ck_assert_ptr_nonnull(page);
	ck_assert_ptr_eq(page_address(virt_to_page((void *)addr)),
			 (void *)addr);
	mark((void *)addr, 4, 7);
	free_pages(addr, 2);
	__free_pages(page, 1);
	addr = get_zeroed_page(GFP_KERNEL);
	ck_assert(is_zero((void *)addr, PAGE_SIZE));
	free_page(addr);
}
END_TEST

START_TEST(free_address_zero_is_ignored)
{
	free_pages(0, 0);
	free_pages(0, 3);
	free_page(0);
}
END_TEST

TEST_SCENARIO(order_too_large)
{
	volatile size_t huge = SIZE_MAX;	/* the compiler warns as well */

	ck_assert_ptr_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 11));
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_null(alloc_pages(GFP_KERNEL, 11));
	ck_assert_uint_eq(__get_free_pages(GFP_KERNEL, 11), 0);
	ck_assert_ptr_null(alloc_pages(GFP_KERNEL, 1000));
	ck_assert_ptr_null(alloc_pages_exact((PAGE_SIZE << 10) + 1, GFP_KERNEL));
	ck_assert_ptr_null(alloc_pages_exact(huge, GFP_KERNEL));
	validate();
}

START_TEST(alloc_order_too_large_warns_once)
{
	const char *text;
	int status = test_run_scenario("order_too_large", NULL, &text);

	ck_assert_str_eq(text, "WARNING: page allocation of order 11: the largest is 10\n");
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Bulk -------------------------------------------------------------------- */

START_TEST(bulk_fills_empty_slots_only)
{
	struct page *array[8] = { NULL }, *kept[8];
	struct page *a = alloc_page(GFP_KERNEL), *b = alloc_page(GFP_KERNEL);

	ck_assert(a && b);
	array[0] = a;
	array[5] = b;
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 8, array), 8);
	ck_assert_ptr_eq(array[0], a);
	ck_assert_ptr_eq(array[5], b);
	ck_assert_int_eq(free_now(), free_at_start - 8);
	memcpy(kept, array, sizeof(kept));
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 8, array), 8);
	ck_assert_mem_eq(array, kept, sizeof(kept));
	for (unsigned long i = 0; i < 8; i++) {
		ck_assert_int_eq(page_count(array[i]), 1);
		mark(page_address(array[i]), 1, i);
	}
	for (unsigned long i = 0; i < 8; i++) {
		ck_assert(is_marked(page_address(array[i]), 1, i));
		__free_page(array[i]);
	}
}
END_TEST

START_TEST(bulk_of_none_does_nothing)
{
	struct page *array[1] = { NULL };

	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 0, array), 0);
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, -1, array), 0);
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 0, NULL), 0);
	ck_assert_ptr_null(array[0]);
}
END_TEST

START_TEST(bulk_many_are_all_different)
{
	static struct page *array[500];

	memset(array, 0, sizeof(array));
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL | __GFP_ZERO, 500, array),
			  500);
	for (unsigned long i = 0; i < 500; i++) {
		ck_assert(is_zero(page_address(array[i]), PAGE_SIZE));
		mark(page_address(array[i]), 1, i);
	}
	validate();
	for (unsigned long i = 0; i < 500; i++) {
		ck_assert(is_marked(page_address(array[i]), 1, i));
		__free_page(array[i]);
	}
}
END_TEST

/* Zeroing ----------------------------------------------------------------- */

START_TEST(zero_used_memory_is_cleared)
{
	struct page *blocks[16];

	for (int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
			size_t size = PAGE_SIZE << (i % 5);

			blocks[i] = alloc_pages(GFP_KERNEL | __GFP_ZERO, i % 5);
			ck_assert_ptr_nonnull(blocks[i]);
			ck_assert(is_zero(page_address(blocks[i]), size));
			memset(page_address(blocks[i]), 0xff, size);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++)
			__free_pages(blocks[i], i % 5);
		if (round % 2)
			kmm_trim();
		validate();
	}
}
END_TEST

/* What nobody has touched since it came from the host is not cleared: it would
 * become resident. */
TEST_SCENARIO(zero_fresh)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 8);
	size_t size = PAGE_SIZE << 8;

	ck_assert_ptr_nonnull(page);
	if (!memcheck_active())
		ck_assert_uint_eq(resident_bytes(page_address(page), size), 0);
	ck_assert(is_zero(page_address(page), size));
	__free_pages(page, 8);
}

START_TEST(zero_fresh_memory_is_not_touched)
{
	test_scenario_passes("zero_fresh", NULL);
}
END_TEST

/* Once given back to the host, it reads as zero and is known to. */
START_TEST(zero_reported_memory_is_known)
{
	struct page *page = alloc_pages(GFP_KERNEL, 4);
	bool zeroed = false;

	ck_assert_ptr_nonnull(page);
	memset(page_address(page), 0xff, PAGE_SIZE << 4);
	__free_pages(page, 4);
	ck_assert_uint_ge(kmm_trim(), PAGE_SIZE << 4);
	ck_assert_uint_eq(kmm_trim(), 0);
	validate();
	page = alloc_frozen_pages(GFP_KERNEL, 4, &zeroed);
	ck_assert_ptr_nonnull(page);
	ck_assert(zeroed);
	ck_assert(is_zero(page_address(page), PAGE_SIZE << 4));
	free_frozen_pages(page, 4);
}
END_TEST

/* Frees that cannot be right ---------------------------------------------- */

static void free_single_twice(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	__free_page(page);
}

static void free_block_twice(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 5);

	__free_pages(page, 5);
	__free_pages(page, 5);
}

static void free_exact_twice(void)
{
	void *addr = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);

	free_pages_exact(addr, 3 * PAGE_SIZE);
	free_pages_exact(addr, 3 * PAGE_SIZE);
}

static void put_after_free(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	__free_pages(page, 2);
	put_page(page);
}

static void free_with_smaller_order(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	__free_pages(page, 2);
}

static void free_with_larger_order(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	__free_pages(page, 4);
}

static void free_tail(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	__free_page(page + 1);
}

static void free_compound_tail(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);

	__free_page(page + 1);
}

static void free_foreign(void)
{
	char on_stack[16];

	free_pages((unsigned long)on_stack, 0);
}

static const struct {
	void (*fn)(void);
	const char *message;
} bad_frees[] = {
	{ free_single_twice, "BUG double free of 0x" },
	{ free_block_twice, "BUG double free of 0x" },
	{ free_exact_twice, "BUG double free of 0x" },
	{ put_after_free, "BUG double free of 0x" },
	{ free_with_smaller_order, "freed as page block of another order" },
	{ free_with_larger_order, "freed as page block of another order" },
	{ free_tail, "BUG invalid free of 0x" },
	{ free_compound_tail, "BUG invalid free of 0x" },
	{ free_foreign, "not from this allocator" },
};

START_TEST(bad_free_aborts_with_report)
{
	const char *text;
	int status = test_run_child(bad_frees[_i].fn, &text);

	test_aborted_with(status, text, "BUG ");
	test_aborted_with(status, text, bad_frees[_i].message);
	test_aborted_with(status, text, "freed from 0x");
}
END_TEST

static int bad_free_nr;

static void go_on_after_bad_free(void)
{
	kmm_params.bad_free = BAD_FREE_WARN;
	bad_frees[bad_free_nr].fn();
	validate();
	drain_all_pages();
	validate();
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(alloc_pages(GFP_KERNEL, i % 6));
	validate();
}

START_TEST(bad_free_policy_warn_changes_nothing)
{
	const char *text;

	bad_free_nr = _i;
	ck_assert_int_eq(test_run_child(go_on_after_bad_free, &text), 0);
	ck_assert_ptr_nonnull(strstr(text, bad_frees[_i].message));
}
END_TEST

/* The last pages ---------------------------------------------------------- */

static unsigned int nr_pages;

/* Allocate single pages until there are none for @gfp; how many. */
static unsigned int exhaust(gfp_t gfp)
{
	unsigned int before = nr_pages;

	while (nr_pages < MAX_PAGES &&
	       (pages[nr_pages] = alloc_page(gfp | __GFP_NOWARN)))
		nr_pages++;
	ck_assert_uint_lt(nr_pages, MAX_PAGES);
	validate();
	return nr_pages - before;
}

static void free_all(void)
{
	while (nr_pages)
		__free_page(pages[--nr_pages]);
	drain_all_pages();
	validate();
}

/*	free pages  min ......... min / 2 ...... 3/8 min ...... 0
 *	            GFP_KERNEL    +__GFP_HIGH    GFP_ATOMIC     __GFP_MEMALLOC */
TEST_SCENARIO(reserve)
{
	struct zone *zone = &zones[ZONE_NORMAL];
	unsigned long nr_free[NR_PAGE_ORDERS], min;

	/* All memory is online afterwards: the watermarks have their last
	 * values. */
	exhaust(GFP_KERNEL);
	free_all();
	kmm_trim();
	min = zone->watermark[WMARK_MIN];
	for (unsigned int k = 0; k < NR_PAGE_ORDERS; k++)
		nr_free[k] = zone->free_area[k].nr_free;
	ck_assert_uint_gt(min, 8);
	ck_assert_uint_gt(zone->watermark[WMARK_LOW], min);
	ck_assert_uint_gt(zone->watermark[WMARK_HIGH],
			  zone->watermark[WMARK_LOW]);

	ck_assert_uint_gt(exhaust(GFP_KERNEL), 0);
	ck_assert_uint_eq(zone->nr_free + pcp_count(zone), min);
	ck_assert_uint_eq(exhaust(GFP_NOWAIT), 0);
	ck_assert_uint_eq(exhaust(__GFP_RECLAIM | __GFP_HIGH), min / 2);
	ck_assert_uint_gt(exhaust(GFP_ATOMIC), 0);
	ck_assert_uint_ge(zone->nr_free + pcp_count(zone),
			  (min - min / 2) - (min - min / 2) / 4);
	ck_assert_uint_eq(exhaust(GFP_KERNEL | __GFP_MEMALLOC |
				  __GFP_NOMEMALLOC), 0);
	ck_assert_uint_gt(exhaust(GFP_KERNEL | __GFP_MEMALLOC), 0);
	ck_assert_uint_eq(zone->nr_free + pcp_count(zone), 0);
	ck_assert_uint_eq(exhaust(GFP_ATOMIC), 0);
	ck_assert_ptr_null(alloc_pages_exact(3 * PAGE_SIZE,
					     GFP_KERNEL | __GFP_NOWARN));

	free_all();
	for (unsigned int k = 0; k < NR_PAGE_ORDERS; k++)
		ck_assert_uint_eq(zone->free_area[k].nr_free, nr_free[k]);
	ck_assert_uint_gt(exhaust(GFP_KERNEL), 0);
	free_all();
}

START_TEST(reserve_is_for_those_who_may)
{
	test_scenario_passes("reserve", "page_shift=12 mem=8M");
}
END_TEST

START_TEST(reserve_follows_parameter)
{
	test_scenario_passes("reserve",
			     "page_shift=12 mem=16M min_free_kbytes=1024");
}
END_TEST

TEST_SCENARIO(bulk_of_last_pages)
{
	static struct page *array[512];
	unsigned long nr;

	nr = alloc_pages_bulk(GFP_KERNEL | __GFP_NOWARN, 512, array);
	ck_assert_uint_gt(nr, 0);
	ck_assert_uint_lt(nr, 512);
	for (unsigned long i = 0; i < 512; i++)
		ck_assert_int_eq(array[i] != NULL, i < nr);
	validate();
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL | __GFP_NOWARN, 512,
					   array), nr);
	for (unsigned long i = 0; i < nr; i++)
		__free_page(array[i]);
	drain_all_pages();
	validate();
}

START_TEST(bulk_returns_what_there_is)
{
	test_scenario_passes("bulk_of_last_pages", "page_shift=12 mem=1M");
}
END_TEST

TEST_SCENARIO(failure_warning)
{
	exhaust(GFP_KERNEL);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_null(alloc_page(GFP_KERNEL));
	ck_assert_ptr_null(alloc_pages(GFP_ATOMIC, 9));
}

START_TEST(failure_is_told_once)
{
	const char *text;
	int status = test_run_scenario("failure_warning",
				       "page_shift=12 mem=1M", &text);

	ck_assert_int_eq(status, 0);
	ck_assert_ptr_eq(strstr(text, "WARNING: page allocation failure: order:0, mode:0xcc0: 1024 kB in use"),
			 text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

TEST_SCENARIO(nofail)
{
	exhaust(GFP_KERNEL);
	ck_assert_ptr_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0));
	(void)!alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 0);
}

START_TEST(nofail_aborts_rather_than_fail)
{
	const char *text;
	int status = test_run_scenario("nofail", "mem=4M", &text);

	test_aborted_with(status, text, "BUG page allocation failure: order:0, __GFP_NOFAIL: out of memory\n");
}
END_TEST

/* The host refuses from the Nth request on, for each N that the work below
 * makes: NULL at worst, nothing is lost, and it goes on when the host does. */
TEST_SCENARIO(refused)
{
	static struct page *blocks[4000];
	unsigned int nr = 0;
	unsigned long nth, last = 0;
	long free;
	void *exact;

	/* What caches hold would come free when the host refuses. */
	kmm_trim();
	for (nth = 1; nth < 100; nth++) {
		free = free_now();
		host_fail_nth = last = host_map_calls + nth;
		for (int i = 0; i < 24; i++) {
			blocks[nr] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 10);
			if (blocks[nr]) {
				nr++;
				free -= 1 << 10;
			}
			exact = alloc_pages_exact(700 * PAGE_SIZE,
						  GFP_ATOMIC | __GFP_NOWARN);
			if (exact)
				free_pages_exact(exact, 700 * PAGE_SIZE);
		}
		host_fail_nth = 0;
		ck_assert_int_eq(free_now(), free);
		validate();
		if (host_map_calls < last)
			break;		/* no request was refused */
		blocks[nr] = alloc_pages(GFP_KERNEL, 10);
		ck_assert_ptr_nonnull(blocks[nr]);
		nr++;
	}
	ck_assert_uint_lt(nth, 100);
	while (nr)
		__free_pages(blocks[--nr], 10);
	drain_all_pages();
	validate();
}

START_TEST(refused_at_any_request_loses_nothing)
{
	test_scenario_passes("refused", NULL);
}
END_TEST

/* Zones ------------------------------------------------------------------- */

TEST_SCENARIO(zones)
{
	static const unsigned int fall[] = {
		ZONE_MOVABLE, ZONE_NORMAL, ZONE_DMA32, ZONE_DMA,
	};
	unsigned int seen = 0, zone;
	unsigned long above = 0;

	for (zone = MAX_NR_ZONES; zone-- > 0;) {
		ck_assert(populated_zone(&zones[zone]));
		ck_assert_uint_eq(zones[zone].end_pfn - zones[zone].start_pfn,
				  zones[zone].managed_pages);
		above += zones[zone].managed_pages;
	}
	ck_assert_uint_eq(above << PAGE_SHIFT, kmm_params.mem);
	ck_assert_uint_eq(zones[ZONE_DMA].managed_pages << PAGE_SHIFT,
			  kmm_params.zone_dma);
	ck_assert_uint_eq(zones[ZONE_DMA32].managed_pages << PAGE_SHIFT,
			  kmm_params.zone_dma32);
	ck_assert_uint_eq(zones[ZONE_MOVABLE].managed_pages << PAGE_SHIFT,
			  kmm_params.movablecore);

	/* From the highest zone down, each for the first time. */
	exhaust(GFP_HIGHUSER_MOVABLE);
	for (unsigned int i = 0; i < nr_pages && seen < ARRAY_SIZE(fall); i++)
		if (page_zonenum(pages[i]) == fall[seen])
			seen++;
		else
			ck_assert(seen && page_zonenum(pages[i]) >=
						  fall[seen - 1]);
	ck_assert_uint_eq(seen, ARRAY_SIZE(fall));
	free_all();

	exhaust(GFP_DMA | __GFP_RECLAIM);
	for (unsigned int i = 0; i < nr_pages; i++)
		ck_assert_uint_eq(page_zonenum(pages[i]), ZONE_DMA);
	free_all();
	exhaust(GFP_KERNEL | GFP_DMA32);
	for (unsigned int i = 0; i < nr_pages; i++)
		ck_assert_uint_le(page_zonenum(pages[i]), ZONE_DMA32);
	free_all();
	exhaust(GFP_KERNEL);
	for (unsigned int i = 0; i < nr_pages; i++)
		ck_assert_uint_le(page_zonenum(pages[i]), ZONE_NORMAL);

	/* What is left is for those who can use nothing else. */
	ck_assert_uint_ge(zones[ZONE_DMA].nr_free,
			  zones[ZONE_DMA].watermark[WMARK_MIN] +
				  zones[ZONE_DMA].lowmem_reserve[ZONE_NORMAL]);
	ck_assert_uint_eq(zones[ZONE_DMA].lowmem_reserve[ZONE_NORMAL],
			  (zones[ZONE_DMA32].managed_pages +
			   zones[ZONE_NORMAL].managed_pages) / 256);
	ck_assert_uint_eq(zones[ZONE_DMA].lowmem_reserve[ZONE_DMA], 0);
	ck_assert_uint_gt(zones[ZONE_DMA].lowmem_reserve[ZONE_NORMAL], 0);
	ck_assert_uint_gt(exhaust(GFP_DMA | __GFP_RECLAIM), 0);
	free_all();
}

START_TEST(zones_fall_back_from_high_to_low)
{
	test_scenario_passes("zones", "page_shift=12 mem=24M zone_dma=2M zone_dma32=4M movablecore=8M");
}
END_TEST

/* Two zones in one pageblock: a type is the whole pageblock's. */
START_TEST(zones_may_share_a_pageblock)
{
	test_scenario_passes("zones", "page_shift=12 mem=24M zone_dma=1M zone_dma32=3584K movablecore=7M");
}
END_TEST

TEST_SCENARIO(zones_random)
{
	static const gfp_t gfp[] = {
		GFP_KERNEL, GFP_DMA | __GFP_RECLAIM, GFP_KERNEL | GFP_DMA32,
		GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_DMA | __GFP_RECLAIM | __GFP_MOVABLE,
		GFP_DMA | __GFP_RECLAIM | __GFP_RECLAIMABLE,
	};

	for (int step = 0; step < 4000; step++) {
		unsigned int i = (unsigned int)test_random() % 256;

		if (pages[i]) {
			__free_pages(pages[i], i % 7);
			pages[i] = NULL;
		} else {
			pages[i] = alloc_pages(gfp[test_random() %
						   ARRAY_SIZE(gfp)] |
						       __GFP_NOWARN, i % 7);
		}
		validate();
	}
	for (unsigned int i = 0; i < 256; i++)
		if (pages[i])
			__free_pages(pages[i], i % 7);
	drain_all_pages();
	validate();
}

START_TEST(zones_random_steps_keep_every_invariant)
{
	test_scenario_passes("zones_random", "page_shift=12 mem=8M zone_dma=1M zone_dma32=2560K movablecore=3M");
}
END_TEST

START_TEST(zones_absent_are_served_by_normal)
{
	static const gfp_t gfp[] = { GFP_DMA, GFP_DMA32, GFP_HIGHUSER_MOVABLE };

	for (size_t i = 0; i < ARRAY_SIZE(gfp); i++) {
		struct page *page = alloc_page(gfp[i] | __GFP_RECLAIM);

		ck_assert_ptr_nonnull(page);
		ck_assert_uint_eq(page_zonenum(page), ZONE_NORMAL);
		__free_page(page);
	}
}
END_TEST

/* Everything at random, against a model ------------------------------------ */

#define NR_LIVE 64
#define MAX_LIVE_PAGES 512

/* One allocation: contiguous pages, or an array of single ones. */
static struct live {
	enum { NOTHING, BLOCK, COMPOUND, EXACT, SINGLES } kind;
	unsigned int order;
	unsigned long nr, tag;
	void *addr;
	struct page *array[32];
} live[NR_LIVE];

static unsigned long nr_live_pages;

static void *single_addr(const struct live *l, unsigned long i)
{
	return page_address(l->array[i]);
}

static void live_alloc(struct live *l)
{
	gfp_t gfp = GFP_KERNEL | (test_random() % 3 ? 0 : __GFP_ZERO) |
		    (test_random() % 2 ? __GFP_MOVABLE : 0);
	struct page *page;

	l->kind = 1 + (unsigned int)(test_random() % 4);
	l->order = (unsigned int)(test_random() % 8);
	l->nr = 1UL << l->order;
	l->tag = test_random();
	switch (l->kind) {
	case COMPOUND:
		gfp |= __GFP_COMP;
		/* fall through */
	case BLOCK:
		page = alloc_pages(gfp, l->order);
		ck_assert_ptr_nonnull(page);
		l->addr = page_address(page);
		break;
	case EXACT:
		l->nr = 1 + test_random() % 100;
		l->addr = alloc_pages_exact(l->nr * PAGE_SIZE, gfp);
		ck_assert_ptr_nonnull(l->addr);
		break;
	default:
		l->nr = 1 + test_random() % ARRAY_SIZE(l->array);
		memset(l->array, 0, sizeof(l->array));
		ck_assert_uint_eq(alloc_pages_bulk(gfp, (int)l->nr, l->array),
				  l->nr);
		for (unsigned long i = 0; i < l->nr; i++) {
			if (gfp & __GFP_ZERO)
				ck_assert(is_zero(single_addr(l, i), 256));
			mark(single_addr(l, i), 1, l->tag + i);
		}
		nr_live_pages += l->nr;
		return;
	}
	if (gfp & __GFP_ZERO)
		for (unsigned long i = 0; i < l->nr; i++)
			ck_assert(is_zero((char *)l->addr + i * PAGE_SIZE, 256));
	mark(l->addr, l->nr, l->tag);
	nr_live_pages += l->nr;
}

/* A block becomes single pages, which keep their contents. */
static void live_split(struct live *l)
{
	split_page(virt_to_page(l->addr), l->order);
	for (unsigned long i = 0; i < l->nr; i++)
		l->array[i] = virt_to_page(l->addr) + i;
	l->kind = SINGLES;
}

static void live_free(struct live *l)
{
	struct page *page;

	if (l->kind == SINGLES) {
		for (unsigned long i = 0; i < l->nr; i++) {
			ck_assert(is_marked(single_addr(l, i), 1, l->tag + i));
			__free_page(l->array[i]);
		}
	} else {
		ck_assert(is_marked(l->addr, l->nr, l->tag));
		page = virt_to_page(l->addr);
		if (l->kind == EXACT) {
			free_pages_exact(l->addr, l->nr * PAGE_SIZE);
		} else if (test_random() % 4) {
			__free_pages(page, l->order);
		} else {
			get_page(page);
			__free_pages(page, l->order);
			put_page(page);
		}
	}
	nr_live_pages -= l->nr;
	l->kind = NOTHING;
}

static void live_step(void)
{
	struct live *l = &live[test_random() % NR_LIVE];

	if (l->kind == BLOCK && l->nr <= ARRAY_SIZE(l->array) &&
	    test_random() % 4 == 0)
		live_split(l);
	else if (l->kind != NOTHING)
		live_free(l);
	else if (nr_live_pages < MAX_LIVE_PAGES)
		live_alloc(l);
	if (test_random() % 128 == 0)
		kmm_trim();
}

/* Nothing came online meanwhile, so the same pages are free at the end as at
 * the start; and then they are cut in the same way. */
START_TEST(random_steps_end_where_they_began)
{
	struct zone *zone = &zones[ZONE_NORMAL];
	unsigned long nr_free[NR_PAGE_ORDERS], managed;

	while (zone->nr_free <= 4 * MAX_LIVE_PAGES)
		ck_assert(sparse_grow(MAX_PAGE_ORDER, true));
	drain_all_pages();
	managed = zone->managed_pages;
	for (unsigned int k = 0; k < NR_PAGE_ORDERS; k++)
		nr_free[k] = zone->free_area[k].nr_free;
	free_at_start = free_now();

	for (int step = 0; step < test_rounds(2000); step++) {
		live_step();
		validate();
		ck_assert_int_eq(free_now(),
				 free_at_start - (long)nr_live_pages);
	}
	for (unsigned int i = 0; i < NR_LIVE; i++)
		if (live[i].kind != NOTHING)
			live_free(&live[i]);
	drain_all_pages();
	ck_assert_uint_eq(zone->managed_pages, managed);
	for (unsigned int k = 0; k < NR_PAGE_ORDERS; k++)
		ck_assert_uint_eq(zone->free_area[k].nr_free, nr_free[k]);
}
END_TEST

Suite *suite_page_alloc(void)
{
	Suite *suite = suite_create("page_alloc");
	TCase *tc = tcase_create("blocks");

	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_add_loop_test(tc, alloc_each_order_is_aligned_to_its_size, 0,
			    NR_PAGE_ORDERS);
	tcase_add_test(tc, alloc_by_address_is_the_same);
	tcase_add_test(tc, free_address_zero_is_ignored);
	tcase_add_test(tc, alloc_order_too_large_warns_once);
	tcase_add_test(tc, zones_absent_are_served_by_normal);
	suite_add_tcase(suite, tc);

	tc = tcase_create("bulk");
	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_add_test(tc, bulk_fills_empty_slots_only);
	tcase_add_test(tc, bulk_of_none_does_nothing);
	tcase_add_test(tc, bulk_many_are_all_different);
	suite_add_tcase(suite, tc);

	tc = tcase_create("zero");
	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_add_test(tc, zero_used_memory_is_cleared);
	tcase_add_test(tc, zero_fresh_memory_is_not_touched);
	tcase_add_test(tc, zero_reported_memory_is_known);
	suite_add_tcase(suite, tc);

	tc = tcase_create("bad frees");
	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_add_loop_test(tc, bad_free_aborts_with_report, 0,
			    ARRAY_SIZE(bad_frees));
	tcase_add_loop_test(tc, bad_free_policy_warn_changes_nothing, 0,
			    ARRAY_SIZE(bad_frees));
	suite_add_tcase(suite, tc);

	tc = tcase_create("scarcity");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, reserve_is_for_those_who_may);
	tcase_add_test(tc, reserve_follows_parameter);
	tcase_add_test(tc, bulk_returns_what_there_is);
	tcase_add_test(tc, failure_is_told_once);
	tcase_add_test(tc, nofail_aborts_rather_than_fail);
	tcase_add_test(tc, refused_at_any_request_loses_nothing);
	suite_add_tcase(suite, tc);

	tc = tcase_create("zones");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, zones_fall_back_from_high_to_low);
	tcase_add_test(tc, zones_may_share_a_pageblock);
	tcase_add_test(tc, zones_random_steps_keep_every_invariant);
	suite_add_tcase(suite, tc);

	tc = tcase_create("random");
	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, random_steps_end_where_they_began);
	suite_add_tcase(suite, tc);
	return suite;
}
