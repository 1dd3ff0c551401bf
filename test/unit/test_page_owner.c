// SPDX-License-Identifier: MIT
/*
 * Tests of mm/page_owner.c: each kind of block has its owner from its allocation
 * to its free, and the report names it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include <kmm/kmm.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "host.h"
#include "page_owner.h"
#include "slab_test.h"
#include "vmalloc.h"

static void assert_owned(const void *p, u64 size)
{
	struct page_owner owner;

	ck_assert(page_owner_get(lookup_page(p), &owner));
	ck_assert_uint_eq(owner.size, size);
	ck_assert_uint_ne(owner.handle, 0);
	ck_assert_uint_eq(owner.tid, (u32)host_gettid());
}

static void assert_freed(const void *p)
{
	struct page_owner owner;

	ck_assert(page_owner_get(lookup_page(p), &owner));
	ck_assert_uint_eq(owner.size, 0);
	ck_assert_uint_ne(owner.free_handle, 0);
}

TEST_SCENARIO(page_owner_blocks)
{
	volatile size_t size = 50000;
	struct page *page;
	void *p;

	page = alloc_pages(GFP_KERNEL, 2);
	p = page_address(page);
	assert_owned(p, PAGE_SIZE * 4);
	__free_pages(page, 2);
	assert_freed(p);

	p = kmalloc(size, GFP_KERNEL);
	assert_owned(p, 50000);
	p = krealloc(p, 60000, GFP_KERNEL);
	assert_owned(p, 60000);
	/* A bad free leaves the block to its owner. */
	kfree((char *)p + 8);
	assert_owned(p, 60000);
	kfree(p);
	assert_freed(p);
}

static const struct page_owner *vmalloc_owner(const void *p)
{
	struct treap_node *node = treap_find(&vmap_tree, (unsigned long)p);

	ck_assert_ptr_nonnull(node);
	return &container_of(node, struct vmap_area, node)->owner;
}

TEST_SCENARIO(page_owner_vmalloc)
{
	char *p = vmalloc(5000000);

	ck_assert_uint_eq(vmalloc_owner(p)->size, 5000000);
	ck_assert_uint_ne(vmalloc_owner(p)->handle, 0);
	p = vrealloc(p, 6000000, GFP_KERNEL);
	vfree(p);
}

/* Objects are not blocks of pages, whatever their slab is made of. */
TEST_SCENARIO(page_owner_objects)
{
	void *p = kmalloc(100, GFP_KERNEL);
	struct page_owner owner;

	ck_assert(!page_owner_get(slab_of(p), &owner));
	kfree(p);
	ck_assert(!page_owner_get(slab_of(p), &owner));
}

TEST_SCENARIO(page_owner_report)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	const char *text;
	char wanted[64];

	test_capture_begin(1);
	ck_assert_int_eq(kmm_show("page_owner", 1), 0);
	text = test_capture_end();
	snprintf(wanted, sizeof(wanted), "PFN 0x%lx size %lu ",
		 page_to_pfn(page), 2 * PAGE_SIZE);
	text = strstr(text, wanted);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\n #0 0x"));
	__free_pages(page, 1);
	test_capture_begin(1);
	ck_assert_int_eq(kmm_show("page_owner", 1), 0);
	ck_assert_ptr_null(strstr(test_capture_end(), wanted));
}

START_TEST(page_owner_knows_blocks_of_pages)
{
	test_scenario_passes("page_owner_blocks", "page_owner bad_free=warn");
}
END_TEST

START_TEST(page_owner_knows_vmalloc_blocks)
{
	test_scenario_passes("page_owner_vmalloc", "page_owner");
}
END_TEST

START_TEST(page_owner_leaves_objects_alone)
{
	test_scenario_passes("page_owner_objects", "page_owner");
}
END_TEST

START_TEST(page_owner_report_names_live_blocks)
{
	test_scenario_passes("page_owner_report", "page_owner");
}
END_TEST

TEST_SCENARIO(page_owner_off)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	struct page_owner owner;

	ck_assert(!page_owner_get(page, &owner));
	__free_pages(page, 0);
}

START_TEST(page_owner_off_keeps_nothing)
{
	test_scenario_passes("page_owner_off", "page_owner=off");
}
END_TEST

Suite *suite_page_owner(void)
{
	Suite *s = suite_create("page_owner");
	TCase *tc = tcase_create("page_owner");

	tcase_add_test(tc, page_owner_knows_blocks_of_pages);
	tcase_add_test(tc, page_owner_knows_vmalloc_blocks);
	tcase_add_test(tc, page_owner_leaves_objects_alone);
	tcase_add_test(tc, page_owner_report_names_live_blocks);
	tcase_add_test(tc, page_owner_off_keeps_nothing);
	suite_add_tcase(s, tc);
	return s;
}
