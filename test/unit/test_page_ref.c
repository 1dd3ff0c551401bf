// SPDX-License-Identifier: MIT
/*
 * Tests of mm/page_ref.c: who holds a block, and when it goes.
 */
#include <string.h>

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"
#include "page_test.h"
#include "unit.h"

/*	|head|t|t t|t t t t|	__free_pages() with a reference left: the tails
 *				go at once, the head with its last reference */
START_TEST(free_with_reference_keeps_head_alone)
{
	unsigned int order = (unsigned int)_i;
	struct page *page = alloc_pages(GFP_KERNEL, order);

	ck_assert_ptr_nonnull(page);
	get_page(page);
	ck_assert_int_eq(page_count(page), 2);
	mark(page_address(page), 1, 5);
	__free_pages(page, order);
	ck_assert_int_eq(page_count(page), 1);
	ck_assert_int_eq(free_now(), free_at_start - 1);
	ck_assert(is_marked(page_address(page), 1, 5));
	validate();
	put_page(page);
	ck_assert_int_eq(page_count(page), 0);
	validate();
}
END_TEST

START_TEST(compound_tails_know_their_head)
{
	unsigned int order = (unsigned int)_i;
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

	ck_assert_ptr_nonnull(page);
	ck_assert_uint_eq(compound_order(page), order);
	ck_assert_uint_eq(page_size(page), PAGE_SIZE << order);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		ck_assert_ptr_eq(compound_head(page + i), page);
		ck_assert_int_eq(PageTail(page + i), i != 0);
	}
	__free_pages(page, order);
	for (unsigned long i = 0; i < 1UL << order; i++)
		ck_assert_ptr_eq(compound_head(page + i), page + i);
}
END_TEST

START_TEST(compound_reference_keeps_whole_block)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);

	ck_assert_ptr_nonnull(page);
	get_page(page + 5);
	ck_assert_int_eq(page_count(page), 2);
	ck_assert_int_eq(page_count(page + 7), 2);
	__free_pages(page, 3);
	ck_assert_int_eq(free_now(), free_at_start - 8);
	ck_assert_uint_eq(compound_order(page), 3);
	put_page(page + 6);
	ck_assert_int_eq(page_count(page), 0);
}
END_TEST

START_TEST(split_page_makes_single_pages)
{
	unsigned int order = (unsigned int)_i;
	struct page *page = alloc_pages(GFP_KERNEL, order);

	ck_assert_ptr_nonnull(page);
	mark(page_address(page), 1UL << order, 9);
	split_page(page, order);
	for (unsigned long i = 0; i < 1UL << order; i++)
		ck_assert_int_eq(page_count(page + i), 1);
	for (unsigned long i = 1UL << order; i-- > 0;) {
		ck_assert(is_marked(page_address(page + i), 1, 9 + i));
		if (i % 2)
			__free_page(page + i);
		else
			put_page(page + i);
	}
}
END_TEST

static void split_compound(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	split_page(page, 2);
	ck_assert_int_eq(page_count(page), 1);
	ck_assert_uint_eq(compound_order(page), 2);
	__free_pages(page, 2);
	validate();
}

START_TEST(split_page_compound_is_refused)
{
	const char *text;

	ck_assert_int_eq(test_run_child(split_compound, &text), 0);
	ck_assert_ptr_nonnull(strstr(text, "WARNING: "));
}
END_TEST

/* What has no references of its own has something else in their place, which must
 * stay as it is. */
static void get_pages_of_kmalloc(void)
{
	char *object = kmalloc(100, GFP_KERNEL);
	char *large = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);
	char *pages[] = { object, large };

	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		struct page *page = virt_to_page(pages[i]);
		struct page before = *page_head(page);

		ck_assert_int_eq(page_count(page), 0);
		get_page(page);
		ck_assert_int_eq(page_count(page), 0);
		ck_assert_mem_eq(&before, page_head(page), sizeof(before));
	}
	kfree(object);
	kfree(large);
	validate();
}

START_TEST(get_page_of_kmalloc_warns_and_does_nothing)
{
	const char *text;

	ck_assert_int_eq(test_run_child(get_pages_of_kmalloc, &text), 0);
	ck_assert_ptr_nonnull(strstr(text, "WARNING: "));
}
END_TEST

Suite *suite_page_ref(void)
{
	Suite *suite = suite_create("page_ref");
	TCase *tc = tcase_create("references");

	tcase_add_checked_fixture(tc, page_setup, page_teardown);
	tcase_add_loop_test(tc, free_with_reference_keeps_head_alone, 0,
			    NR_PAGE_ORDERS);
	tcase_add_loop_test(tc, compound_tails_know_their_head, 0,
			    NR_PAGE_ORDERS);
	tcase_add_test(tc, compound_reference_keeps_whole_block);
	tcase_add_loop_test(tc, split_page_makes_single_pages, 0,
			    NR_PAGE_ORDERS);
	tcase_add_test(tc, split_page_compound_is_refused);
	tcase_add_test(tc, get_page_of_kmalloc_warns_and_does_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}
