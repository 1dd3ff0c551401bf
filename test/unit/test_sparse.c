// SPDX-License-Identifier: MIT
/*
 * Tests of mm/sparse.c: from addresses to struct pages and back, memory brought
 * online step by step, ranges added when one cannot grow, and a host that says
 * no at any point. validate_ranges() checks invariants S1 to S4.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "cmdline.h"
#include "host.h"
#include "internal.h"
#include "unit.h"

#define MIB (1UL << 20)

/* Pages are numbered from 1: @before are of the ranges before. */
static void validate_links(const struct mem_range *range, unsigned long before)
{
	unsigned long nr = range->end_pfn - range->start_pfn;

	ck_assert_uint_eq(page_to_link(range->pages), before + 1);
	ck_assert_uint_eq(page_to_link(range->pages + nr - 1), before + nr);
	ck_assert_ptr_eq(link_to_page((u32)before + 1), range->pages);
	ck_assert_ptr_eq(link_to_page((u32)(before + nr)),
			 range->pages + nr - 1);
}

static void validate_ranges(void)
{
	unsigned int nr = sparse_nr_ranges();
	unsigned long online = 0;

	ck_assert_uint_gt(nr, 0);
	for (unsigned int i = 0; i < nr; i++) {
		const struct mem_range *a = sparse_range(i);

		ck_assert_uint_lt(a->start_pfn, a->end_pfn);
		ck_assert_uint_le(a->end_pfn, a->limit_pfn);
		for (unsigned int j = 0; j < i; j++) {		/* S1 */
			const struct mem_range *b = sparse_range(j);

			ck_assert(a->end_pfn <= b->start_pfn ||
				  b->end_pfn <= a->start_pfn);
		}
		ck_assert(pfn_valid(a->start_pfn));
		ck_assert(pfn_valid(a->end_pfn - 1));
		ck_assert_ptr_eq(pfn_to_page(a->end_pfn - 1),
				 a->pages + (a->end_pfn - 1 - a->start_pfn));
		ck_assert_uint_ge(a->map_bytes, (a->end_pfn - a->start_pfn) *
							sizeof(struct page));
		/* S2: readable, that is. */
		for (unsigned long pfn = a->start_pfn; pfn < a->end_pfn;
		     pfn += 64)
			ck_assert_int_ge(page_count(pfn_to_page(pfn)), 0);
		ck_assert_uint_eq(a->start_pfn % MAX_ORDER_NR_PAGES, 0); /* S3 */
		validate_links(a, online);				/* S5 */
		online += a->end_pfn - a->start_pfn;
	}
	ck_assert_ptr_null(link_to_page(0));
	ck_assert_ptr_null(link_to_page((u32)online + 1));
	ck_assert_uint_eq(sparse_onlined_bytes(), online << PAGE_SHIFT);
	if (kmm_params.mem)
		ck_assert_uint_le(sparse_onlined_bytes(), kmm_params.mem); /* S4 */
	ck_assert_uint_eq(page_alloc_validate(), 0);
}

/* Lookups ----------------------------------------------------------------- */

START_TEST(lookup_each_page_of_block)
{
	struct page *page = alloc_pages(GFP_KERNEL, 4);
	char *addr;

	ck_assert_ptr_nonnull(page);
	addr = page_address(page);
	for (unsigned long i = 0; i < 16; i++) {
		char *start = addr + i * PAGE_SIZE;

		ck_assert_ptr_eq(virt_to_page(start), page + i);
		ck_assert_ptr_eq(virt_to_page(start + PAGE_SIZE / 2), page + i);
		ck_assert_ptr_eq(virt_to_page(start + PAGE_SIZE - 1), page + i);
		ck_assert_ptr_eq(page_address(page + i), start);
		ck_assert_uint_eq(page_to_pfn(page + i),
				  (unsigned long)start / PAGE_SIZE);
		ck_assert_ptr_eq(pfn_to_page(page_to_pfn(page + i)), page + i);
		ck_assert(pfn_valid(page_to_pfn(page + i)));
		ck_assert_uint_eq(virt_to_pfn(start), page_to_pfn(page + i));
		ck_assert_ptr_eq(pfn_to_virt(page_to_pfn(page + i)), start);
		ck_assert_ptr_eq(virt_to_page_slow(start), page + i);
	}
	__free_pages(page, 4);
}
END_TEST

START_TEST(lookup_compound_tail_finds_head)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);
	char *addr;

	ck_assert_ptr_nonnull(page);
	addr = page_address(page);
	for (unsigned long i = 0; i < 8; i++) {
		ck_assert_ptr_eq(virt_to_head_page(addr + i * PAGE_SIZE), page);
		ck_assert_ptr_eq(compound_head(page + i), page);
	}
	__free_pages(page, 3);
}
END_TEST

START_TEST(lookup_foreign_memory_is_null)
{
	static char data[16];
	char stack[16];
	void *heap = malloc(100), *vmap = vmalloc(100);
	const void *foreign[] = {
		NULL, (void *)1, data, stack, heap, vmap, (void *)-1L,
		(void *)(1UL << 47), (void *)(1UL << 63), &memmap,
	};

	ck_assert(heap && vmap);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		ck_assert_ptr_null(virt_to_page(foreign[i]));
		ck_assert_ptr_null(virt_to_head_page(foreign[i]));
		ck_assert(!pfn_valid((unsigned long)foreign[i] >> PAGE_SHIFT));
	}
	free(heap);
	vfree(vmap);
}
END_TEST

/*	... | first range ........ | ...	one byte before, the first, the last,
 *					and one byte after */
START_TEST(lookup_ends_where_range_ends)
{
	const struct mem_range *range = sparse_range(0);
	char *start = pfn_to_virt(range->start_pfn);
	char *end = pfn_to_virt(range->end_pfn);

	ck_assert_uint_eq(memmap.base, (unsigned long)start);
	ck_assert_uint_eq(memmap.size, (unsigned long)(end - start));
	ck_assert_ptr_null(virt_to_page(start - 1));
	ck_assert_ptr_eq(virt_to_page(start), range->pages);
	ck_assert_ptr_eq(virt_to_page(end - 1),
			 range->pages + (end - start) / (long)PAGE_SIZE - 1);
	ck_assert_ptr_null(virt_to_page(end));
	ck_assert_ptr_eq(page_range(virt_to_page(start)), range);
	ck_assert_ptr_eq(page_range(virt_to_page(end - 1)), range);
}
END_TEST

START_TEST(get_order_covers_size)
{
	ck_assert_int_eq(get_order(1), 0);
	for (int order = 0; order <= MAX_PAGE_ORDER; order++) {
		ck_assert_int_eq(get_order(PAGE_SIZE << order), order);
		ck_assert_int_eq(get_order((PAGE_SIZE << order) + 1),
				 order + 1);
	}
	ck_assert_uint_eq(PAGE_ALIGN(1), PAGE_SIZE);
	ck_assert_uint_eq(PAGE_ALIGN(PAGE_SIZE), PAGE_SIZE);
	ck_assert_uint_eq(PAGE_ALIGN(0), 0);
}
END_TEST

/* Growth ------------------------------------------------------------------ */

/* Is the newest range as long as it can get? */
static bool last_range_is_full(void)
{
	const struct mem_range *last = sparse_range(sparse_nr_ranges() - 1);

	return last->end_pfn == last->limit_pfn;
}

/* The first is what a page of the map describes, the next one completes a MiB. Then
 * steps of an eighth of what is there, between 1 and 16 MiB, but for the last of a
 * range that had to be reserved. */
TEST_SCENARIO(sparse_steps)
{
	size_t before, step;

	ck_assert_uint_le(sparse_onlined_bytes(), 4 * MIB);
	/* What has been written of the map so far is one page. */
	ck_assert_uint_eq(resident_bytes(sparse_range(0)->pages,
					sparse_range(0)->map_bytes),
			  1ul << host.page_shift);
	for (int i = 0; i < 100; i++) {
		before = sparse_onlined_bytes();
		ck_assert(sparse_grow(0, true));
		step = sparse_onlined_bytes() - before;
		ck_assert_uint_gt(step, 0);
		ck_assert_uint_le(step, 18 * MIB);
		if (before < MIB) {
			ck_assert_uint_eq(before, PAGE_SIZE / sizeof(struct page) *
							  PAGE_SIZE);
			ck_assert_uint_eq(before + step, MIB);
		} else if (!last_range_is_full()) {
			ck_assert_uint_ge(step, MIB);
			ck_assert_uint_ge(step, min_t(size_t, before / 8,
						      16 * MIB));
		}
		/* Rounded up to a pageblock, once steps are larger than MIB. */
		ck_assert_uint_le(step, max_t(size_t, before / 8, MIB) + 2 * MIB);
		validate_ranges();
	}
}

START_TEST(grow_in_steps)
{
	test_scenario_passes("sparse_steps", NULL);
}
END_TEST

/* Whatever the order, there is a block of it afterwards. */
START_TEST(grow_makes_room_for_order)
{
	unsigned int order = (unsigned int)_i, k;
	unsigned long blocks = 0, before;

	before = sparse_onlined_bytes();
	ck_assert(sparse_grow(order, true));
	ck_assert_uint_ge(sparse_onlined_bytes(), before + (PAGE_SIZE << order));
	for (k = order; k < NR_PAGE_ORDERS; k++)
		blocks += zones[ZONE_NORMAL].free_area[k].nr_free;
	ck_assert_uint_gt(blocks, 0);
	validate_ranges();
}
END_TEST

TEST_SCENARIO(sparse_limit)
{
	while (sparse_grow(0, true))
		validate_ranges();
	ck_assert_uint_eq(sparse_onlined_bytes(), kmm_params.mem);
	ck_assert(!sparse_grow(0, true));
	ck_assert(!sparse_grow(0, false));
	validate_ranges();
}

/* Limits that are no multiple of a step, too. */
START_TEST(grow_stops_at_limit)
{
	static const char *const limits[] = {
		"page_shift=12 mem=256K", "page_shift=12 mem=1M",
		"mem=6M", "mem=11M", "mem=8256K",
	};

	test_scenario_passes("sparse_limit", limits[_i]);
}
END_TEST

/* Boot makes no objects: one page is enough for that, and is all there is. */
TEST_SCENARIO(sparse_one_page)
{
	struct page *page;

	ck_assert_int_eq(atomic_load(&mm_state), MM_UP);
	page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0);
	ck_assert_ptr_nonnull(page);
	ck_assert_ptr_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0));
	__free_pages(page, 0);
}

START_TEST(grow_one_page_is_enough_to_boot)
{
	test_scenario_passes("sparse_one_page", "mem=4K page_shift=12");
}
END_TEST

/* More ranges ------------------------------------------------------------- */

/* Put something foreign where the first range would grow to. A range that has
 * reserved its addresses cannot be blocked; it is used up instead. */
static void block_first_range(void)
{
	void *end = pfn_to_virt(sparse_range(0)->end_pfn);

	if (!sparse_range(0)->reserved)
		ck_assert_int_eq(host_map_fixed(end, PAGE_SIZE), 0);
}

#define MAX_BLOCKS 512

TEST_SCENARIO(sparse_second_range)
{
	static struct page *blocks[MAX_BLOCKS];
	const struct mem_range *second;
	unsigned int nr = 0, in_second = 0;

	block_first_range();
	/* Some of each. */
	do {
		ck_assert_uint_lt(nr, MAX_BLOCKS);
		blocks[nr] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		ck_assert_ptr_nonnull(blocks[nr]);
		nr++;
	} while (page_range(blocks[nr - 1]) == sparse_range(0) || nr % 8);
	validate_ranges();
	second = sparse_range(1);
	for (unsigned int i = 0; i < nr; i++) {
		unsigned long pfn = page_to_pfn(blocks[i]);
		char *addr = page_address(blocks[i]);
		bool far = page_range(blocks[i]) == second;

		in_second += far;
		ck_assert_int_eq(far, pfn >= second->start_pfn &&
					      pfn < second->end_pfn);
		ck_assert_uint_eq(pfn % MAX_ORDER_NR_PAGES, 0);
		ck_assert_ptr_eq(pfn_to_page(pfn), blocks[i]);
		ck_assert_ptr_eq(virt_to_page(addr), blocks[i]);
		ck_assert_ptr_eq(virt_to_page(addr + (PAGE_SIZE << 10) - 1),
				 blocks[i] + MAX_ORDER_NR_PAGES - 1);
		/* Beyond the first range the quick way says no. */
		if (far)
			ck_assert_ptr_null(__virt_to_page(addr));
		addr[0] = addr[PAGE_SIZE - 1] = (char)i;
	}
	ck_assert_uint_gt(in_second, 0);
	for (unsigned int i = 0; i < nr; i++) {
		ck_assert_int_eq(*(char *)page_address(blocks[i]), (char)i);
		__free_pages(blocks[i], MAX_PAGE_ORDER);
	}
	drain_all_pages();
	validate_ranges();
	/* The second range grows in its turn. */
	ck_assert(sparse_grow(0, true));
	ck_assert_uint_eq(sparse_nr_ranges(), 2);
	validate_ranges();
}

START_TEST(range_that_cannot_grow_is_followed_by_another)
{
	test_scenario_passes("sparse_second_range", NULL);
}
END_TEST

/* Each range is blocked as soon as it is there. */
TEST_SCENARIO(sparse_many_ranges)
{
	for (unsigned int nr = 1; nr < 8; nr++) {
		const struct mem_range *last = sparse_range(nr - 1);

		if (last->reserved)
			return;
		ck_assert_int_eq(host_map_fixed(pfn_to_virt(last->end_pfn),
						PAGE_SIZE), 0);
		ck_assert(sparse_grow(0, true));
		ck_assert_uint_eq(sparse_nr_ranges(), nr + 1);
		validate_ranges();
	}
}

START_TEST(range_after_range_is_added)
{
	test_scenario_passes("sparse_many_ranges", NULL);
}
END_TEST

/* The host says no -------------------------------------------------------- */

/* From the Nth request on, while a new step and a new range are made: the step
 * is refused, nothing is lost, and later it is granted. */
TEST_SCENARIO(sparse_refused)
{
	unsigned long online;

	block_first_range();
	for (unsigned long nth = 1; nth < 100; nth++) {
		online = sparse_onlined_bytes();
		host_fail_nth = host_map_calls + nth;
		if (sparse_grow(0, true)) {
			host_fail_nth = 0;
			ck_assert_uint_gt(sparse_onlined_bytes(), online);
			validate_ranges();
			return;
		}
		host_fail_nth = 0;
		ck_assert_uint_eq(sparse_onlined_bytes(), online);
		validate_ranges();
	}
	ck_abort_msg("never granted");
}

START_TEST(grow_refused_at_any_request_is_granted_later)
{
	test_scenario_passes("sparse_refused", NULL);
}
END_TEST

Suite *suite_sparse(void)
{
	Suite *s = suite_create("sparse");
	TCase *tc;

	tc = tcase_create("lookup");
	tcase_add_test(tc, lookup_each_page_of_block);
	tcase_add_test(tc, lookup_compound_tail_finds_head);
	tcase_add_test(tc, lookup_foreign_memory_is_null);
	tcase_add_test(tc, lookup_ends_where_range_ends);
	tcase_add_test(tc, get_order_covers_size);
	suite_add_tcase(s, tc);

	tc = tcase_create("growth");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, grow_in_steps);
	tcase_add_loop_test(tc, grow_makes_room_for_order, 0, NR_PAGE_ORDERS);
	tcase_add_loop_test(tc, grow_stops_at_limit, 0, 5);
	tcase_add_test(tc, grow_one_page_is_enough_to_boot);
	tcase_add_test(tc, grow_refused_at_any_request_is_granted_later);
	suite_add_tcase(s, tc);

	tc = tcase_create("ranges");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, range_that_cannot_grow_is_followed_by_another);
	tcase_add_test(tc, range_after_range_is_added);
	suite_add_tcase(s, tc);
	return s;
}
