// SPDX-License-Identifier: MIT
/*
 * Tests of mm/kmalloc_fit.c: caches for sizes that a program asks for much. The
 * slow path of malloc() is played by take(). Most run with the fine ladder, in
 * scenarios, since what is fitted stays.
 */
#include <linux/slab.h>

#include "cmdline.h"
#include "internal.h"
#include "memcheck.h"
#include "slab.h"
#include "unit.h"

#define MAX_BLOCKS 4096

static void *blocks[MAX_BLOCKS];
static unsigned int nr_blocks;

static void take(size_t size)
{
	struct kmem_cache *s = malloc_cache(size);

	blocks[nr_blocks] = sheaf_alloc_unwatched(s, GFP_KERNEL, size, NULL);
	ck_assert_ptr_nonnull(blocks[nr_blocks]);
	ck_assert_uint_ge(ksize(blocks[nr_blocks]), size);
	nr_blocks++;
	kmalloc_fit_note(s, size);
}

static void give_all(void)
{
	while (nr_blocks)
		kfree(blocks[--nr_blocks]);
}

/* malloc() has nothing below 16 bytes. */
static struct kmem_cache *ladder_cache(size_t size)
{
	return kmalloc_slab(size < 16 ? 16 : size, GFP_KERNEL);
}

/* F1: for each size a cache that holds it, and none larger than the ladder's. */
static void check_index(void)
{
	size_t size;

	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		ck_assert_uint_ge(malloc_cache(size)->object_size, size);
		ck_assert_uint_le(malloc_cache(size)->object_size,
				  ladder_cache(size)->object_size);
	}
}

/* Until the size has a cache of its own, or there is no end. */
static void take_until_fitted(size_t size)
{
	while (nr_blocks < MAX_BLOCKS && !malloc_cache(size)->fitted)
		take(size);
}

START_TEST(fit_begins_with_the_ladder)
{
	size_t size;

	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++)
		ck_assert_ptr_eq(malloc_cache(size), ladder_cache(size));
	ck_assert_ptr_eq(malloc_cache(0), ladder_cache(1));
}
END_TEST

TEST_SCENARIO(fit_one_size)
{
	struct kmem_cache *old = kmalloc_slab(1032, GFP_KERNEL), *s;

	/* Then every block must be as large as asked for, and nothing fits. */
	if (memcheck_active())
		return;
	/* What a program asks for when it begins does not count. */
	take(1150);
	take_until_fitted(1032);
	s = malloc_cache(1032);
	ck_assert(s->fitted);
	ck_assert_uint_eq(s->object_size, 1040);
	ck_assert_str_eq(s->name, "kmalloc-1040");
	/* Hardly anything is lost at the end of a slab. */
	ck_assert_uint_le((PAGE_SIZE << s->order) % s->size,
			  (PAGE_SIZE << s->order) / 64);
	/* The others of the step, and kmalloc(), go by the ladder. */
	ck_assert_ptr_eq(malloc_cache(1040), s);
	ck_assert_ptr_eq(malloc_cache(1025), s);
	ck_assert_ptr_eq(malloc_cache(1024), ladder_cache(1024));
	ck_assert_ptr_eq(malloc_cache(1041), old);
	ck_assert_ptr_eq(kmalloc_slab(1032, GFP_KERNEL), old);
	check_index();
	/* Objects go back to the cache that they are from. */
	while (nr_blocks < MAX_BLOCKS)
		take(1032);
	ck_assert_uint_gt(s->node.nr_slabs, 1);
	give_all();
	shrink_slab_caches(true);
	ck_assert_uint_eq(s->node.nr_slabs, 0);
	ck_assert_uint_eq(old->node.nr_slabs, 0);
	ck_assert_uint_eq(slab_validate(s) + slab_validate(old), 0);
}

START_TEST(fit_size_that_is_asked_for_much_has_a_cache)
{
	test_scenario_passes("fit_one_size",
			     "kmalloc_ladder=fine page_shift=12 rseq=1");
	test_scenario_passes("fit_one_size",
			     "kmalloc_ladder=fine page_shift=12 rseq=0");
	test_scenario_passes("fit_one_size",
			     "kmalloc_ladder=fine page_shift=16");
}
END_TEST

/* Sizes of all of a step, in whatever few are looked at; or close to its end, where
 * larger slabs alone would lose less. */
TEST_SCENARIO(fit_none)
{
	size_t i;

	for (i = 0; i < MAX_BLOCKS / 2; i++)
		take(1025 + i * 37 % 128);
	give_all();
	for (i = 0; i < MAX_BLOCKS / 2; i++)
		take(7100 + i % 53);
	for (i = 1; i <= KMALLOC_MAX_CACHE_SIZE; i++)
		ck_assert_ptr_eq(malloc_cache(i), ladder_cache(i));
	give_all();
}

START_TEST(fit_needs_a_gain)
{
	test_scenario_passes("fit_none", "kmalloc_ladder=fine");
	/* Nor where the ladder was chosen, or objects are watched. */
	test_scenario_passes("fit_never", "kmalloc_ladder=kernel");
	test_scenario_passes("fit_never", "kmalloc_ladder=fine slab_debug=F");
}
END_TEST

TEST_SCENARIO(fit_never)
{
	take_until_fitted(1032);
	ck_assert_uint_eq(nr_blocks, MAX_BLOCKS);
	ck_assert_ptr_eq(malloc_cache(1032), ladder_cache(1032));
	give_all();
}

/* More sizes than caches: those that come late are served as ever. */
TEST_SCENARIO(fit_many)
{
	unsigned int row, fitted = 0;
	size_t size;

	if (memcheck_active())
		return;
	for (row = kmalloc_row_index(520); row < KMALLOC_ROW_LENGTH; row++) {
		/* The smallest size of the step. */
		size = kmalloc_row_cache(KMALLOC_NORMAL, row - 1)->object_size + 1;
		take_until_fitted(size);
		fitted += malloc_cache(size)->fitted;
		check_index();
		give_all();
	}
	ck_assert_uint_eq(fitted, KMALLOC_NR_FITTED);
}

/* The smallest size of a step, until its cache has @bytes of slabs or there is one
 * that fits. */
static bool fill_step(unsigned int row, size_t bytes)
{
	struct kmem_cache *s = kmalloc_row_cache(KMALLOC_NORMAL, row);
	size_t size = kmalloc_row_cache(KMALLOC_NORMAL, row - 1)->object_size + 1;

	while (!malloc_cache(size)->fitted &&
	       s->node.nr_slabs * (PAGE_SIZE << s->order) < bytes)
		take(size);
	return malloc_cache(size)->fitted;
}

/* The same, but each cache has been looked at before the first is fitted. */
TEST_SCENARIO(fit_many_at_once)
{
	unsigned int first = kmalloc_row_index(520), row, fitted = 0;

	if (memcheck_active())
		return;
	for (row = first; row < KMALLOC_ROW_LENGTH; row++)
		ck_assert(!fill_step(row, 96 << 10));
	for (row = first; row < KMALLOC_ROW_LENGTH; row++)
		fitted += fill_step(row, 160 << 10);
	ck_assert_uint_eq(fitted, KMALLOC_NR_FITTED);
	check_index();
	/* The entries behind those for fitted ones are the reclaimable caches:
	 * nobody has asked for any. */
	ck_assert_int_eq(kmalloc_row[KMALLOC_RECLAIM][0].refcount, 0);
	give_all();
}

START_TEST(fit_caches_are_limited)
{
	test_scenario_passes("fit_many", "kmalloc_ladder=fine page_shift=12");
	test_scenario_passes("fit_many_at_once",
			     "kmalloc_ladder=fine page_shift=12");
}
END_TEST

/* malloc() of more than the ladder has. */
static void take_large(size_t size)
{
	struct kmem_cache *s = kmalloc_fit_large(size);
	void *p = s ? sheaf_alloc_unwatched(s, GFP_KERNEL, size, NULL) :
		      kmalloc_large(size, 1, GFP_KERNEL, NULL);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_ge(ksize(p), size);
	if (!s)
		kmalloc_fit_large_note(size);
	blocks[nr_blocks++] = p;
}

static void take_until_large_fitted(size_t size, unsigned int most)
{
	while (nr_blocks < most && !kmalloc_fit_large(size))
		take_large(size);
}

/* Some pages, and a header. */
TEST_SCENARIO(fit_pages_and_a_header)
{
	size_t size = ALIGN(3 * KMALLOC_MAX_CACHE_SIZE / 2, PAGE_SIZE) + 16;
	struct kmem_cache *s;

	if (memcheck_active())
		return;
	take_until_large_fitted(size, MAX_BLOCKS);
	/* That took some, and not many: 64 KiB are lost by then. */
	ck_assert_uint_gt(nr_blocks, 1);
	ck_assert_uint_le(nr_blocks, (64 << 10) / (PAGE_SIZE - 16) + 1);
	s = kmalloc_fit_large(size);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->object_size, size);
	ck_assert_uint_lt(PAGE_SIZE << s->order,
			  PAGE_ALIGN(size) * s->objects);
	/* Nothing else: what fills its pages has them. */
	ck_assert_ptr_eq(kmalloc_fit_large(size - 15), s);
	ck_assert_ptr_null(kmalloc_fit_large(size - 16));
	ck_assert_ptr_null(kmalloc_fit_large(size + 1));
	while (nr_blocks < 256)
		take_large(size);
	ck_assert_uint_gt(s->node.nr_slabs, 1);
	check_index();
	give_all();
	shrink_slab_caches(true);
	ck_assert_uint_eq(s->node.nr_slabs, 0);
	ck_assert_uint_eq(slab_validate(s), 0);
}

/* Few at a time, however often; other sizes beside them; nearly whole pages; and
 * those of whom a slab holds no more. */
TEST_SCENARIO(fit_no_pages)
{
	size_t i, whole = ALIGN(3 * KMALLOC_MAX_CACHE_SIZE / 2, PAGE_SIZE);

	for (i = 0; i < 1000; i++) {
		take_large(whole + 16);
		give_all();
	}
	for (i = 0; i < 300; i++)
		take_large(whole + 16 + i * 977 % (PAGE_SIZE - 16));
	give_all();
	for (i = 0; i < 300; i++)
		take_large(whole + PAGE_SIZE - 100);
	give_all();
	for (i = 0; i < 300; i++)
		take_large(PAGE_SIZE * LARGE_MAX_PAGES + 16);
	give_all();
	for (i = KMALLOC_MAX_CACHE_SIZE + 1; i < 16 * whole; i++)
		ck_assert_ptr_null(kmalloc_fit_large(i));
}

TEST_SCENARIO(fit_pages_never)
{
	size_t size = ALIGN(3 * KMALLOC_MAX_CACHE_SIZE / 2, PAGE_SIZE) + 16;

	take_until_large_fitted(size, 300);
	ck_assert_uint_eq(nr_blocks, 300);
	give_all();
}

START_TEST(fit_blocks_of_pages_and_a_header_share_slabs)
{
	test_scenario_passes("fit_pages_and_a_header",
			     "kmalloc_ladder=fine page_shift=12");
	test_scenario_passes("fit_pages_and_a_header",
			     "kmalloc_ladder=growing page_shift=12");
	test_scenario_passes("fit_no_pages", "kmalloc_ladder=fine page_shift=12");
	test_scenario_passes("fit_pages_never", "kmalloc_ladder=kernel");
	test_scenario_passes("fit_pages_never",
			     "kmalloc_ladder=fine slab_debug=F");
}
END_TEST

Suite *suite_kmalloc_fit(void)
{
	Suite *s = suite_create("kmalloc_fit");
	TCase *tc = tcase_create("kmalloc_fit");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, fit_begins_with_the_ladder);
	tcase_add_test(tc, fit_size_that_is_asked_for_much_has_a_cache);
	tcase_add_test(tc, fit_needs_a_gain);
	tcase_add_test(tc, fit_caches_are_limited);
	tcase_add_test(tc, fit_blocks_of_pages_and_a_header_share_slabs);
	suite_add_tcase(s, tc);
	return s;
}
