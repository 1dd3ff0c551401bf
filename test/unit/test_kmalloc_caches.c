// SPDX-License-Identifier: MIT
/*
 * Tests of mm/kmalloc_caches.c: which cache malloc() has for a size, and that a
 * size which is used gets one of its own. take() plays the slow path of malloc().
 * In scenarios, since what has grown stays.
 */
#define _GNU_SOURCE
#include <linux/slab.h>
#include <pthread.h>

#include "cmdline.h"
#include "internal.h"
#include "memcheck.h"
#include "slab_test.h"
#include "unit.h"

static void *take(size_t size)
{
	void *p;

	malloc_cache_grow(size);
	p = sheaf_alloc_unwatched(malloc_cache(size), GFP_KERNEL, size, NULL);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_ge(ksize(p), size);
	return p;
}

/* R2, for every size and each alignment that divides it. */
static void check_index(void)
{
	size_t size, align;

	for (size = 0; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		struct kmem_cache *s = malloc_cache(size);

		ck_assert_int_ne(s->refcount, 0);
		ck_assert_uint_ge(s->object_size, size);
		ck_assert_uint_ge(s->align, 16);
		for (align = 32; align && size && size % align == 0; align *= 2) {
			s = malloc_cache_aligned(size, align);
			ck_assert_int_ne(s->refcount, 0);
			ck_assert_uint_ge(s->object_size, size);
			ck_assert_uint_ge(s->align, align);
		}
	}
}

TEST_SCENARIO(index_fine)
{
	unsigned int row;
	size_t size;

	check_index();
	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		row = kmalloc_row_index(size);
		ck_assert_ptr_eq(malloc_cache(size),
				 kmalloc_row_cache(KMALLOC_NORMAL, row));
	}
	ck_assert_ptr_eq(malloc_cache(0), malloc_cache(1));
}

TEST_SCENARIO(index_kernel)
{
	size_t size;

	check_index();
	for (size = 9; size <= KMALLOC_MAX_CACHE_SIZE; size++)
		ck_assert_ptr_eq(malloc_cache(size),
				 kmalloc_slab(size, GFP_KERNEL));
	for (size = 0; size < 1000; size++)
		kfree(take(100));
	ck_assert_uint_eq(malloc_cache(100)->object_size, 128);
}

START_TEST(index_leads_to_ladder)
{
	test_scenario_passes("index_fine", "kmalloc_ladder=fine");
	test_scenario_passes("index_kernel", "kmalloc_ladder=kernel");
	/* Reports name the size that was asked for. */
	test_scenario_passes("index_fine", "kmalloc_ladder=growing slab_debug=Z");
}
END_TEST

TEST_SCENARIO(grow_one)
{
	struct kmem_cache *from = malloc_cache(80), *own;
	unsigned int i, nr_from = 0;
	void *p[64];

	if (memcheck_active())
		return;
	ck_assert_uint_eq(from->object_size, 96);
	check_index();
	/* A large size has its own at once. */
	ck_assert_uint_eq(malloc_cache(1025)->object_size, 2048);
	kfree(take(1025));
	ck_assert_uint_eq(malloc_cache(1025)->object_size, 1152);
	ck_assert_uint_eq(malloc_cache(1153)->object_size, 2048);
	check_index();
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = take(65 + i % 16);
		nr_from += ksize(p[i]) == 96;
		/* Once it has one, it stays with it. */
		ck_assert_uint_eq(ksize(p[i]), i < nr_from ? 96 : 80);
	}
	ck_assert_uint_gt(nr_from, 0);
	ck_assert_uint_lt(nr_from, ARRAY_SIZE(p));
	own = malloc_cache(80);
	ck_assert_str_eq(own->name, "kmalloc-80");
	ck_assert_ptr_eq(malloc_cache(65), own);
	ck_assert_ptr_eq(malloc_cache(64), kmalloc_slab(64, GFP_KERNEL));
	ck_assert_ptr_eq(malloc_cache(81), from);
	/* kmalloc() keeps to the kernel's sizes. */
	ck_assert_ptr_eq(kmalloc_slab(80, GFP_KERNEL), from);
	check_index();
	/* What it has from the other one goes back there. */
	for (i = 0; i < ARRAY_SIZE(p); i++)
		kfree(p[i]);
	sheaf_flush_all(from, true);
	sheaf_flush_all(own, true);
	ck_assert_uint_eq(from->node.nr_inuse, 0);
	ck_assert_uint_eq(own->node.nr_inuse, 0);
	ck_assert_uint_eq(slab_validate(from) + slab_validate(own), 0);
}

/* All sizes, from the largest to the smallest and so over each other. */
TEST_SCENARIO(grow_all)
{
	unsigned int row;
	size_t size;
	int i;

	if (memcheck_active())
		return;
	for (size = KMALLOC_MAX_CACHE_SIZE; size; size -= 8) {
		for (i = 0; i < 10; i++)
			kfree(take(size));
		if (size % 256 == 0)
			check_index();
	}
	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		row = kmalloc_row_index(size);
		ck_assert_ptr_eq(malloc_cache(size),
				 kmalloc_row_cache(KMALLOC_NORMAL, row));
	}
}

START_TEST(grow_size_that_is_used_has_a_cache)
{
	test_scenario_passes("grow_one", "kmalloc_ladder=growing rseq=1");
	test_scenario_passes("grow_one", "kmalloc_ladder=growing rseq=0");
	test_scenario_passes("grow_one", "kmalloc_ladder=growing page_shift=16");
	test_scenario_passes("grow_all", "kmalloc_ladder=growing");
}
END_TEST

static void *grow_and_use(void *arg)
{
	unsigned long bad = 0;
	size_t size, i;

	(void)arg;
	for (size = 1; size <= KMALLOC_GROWN_SIZE; size++) {
		void *p[4];

		for (i = 0; i < ARRAY_SIZE(p); i++) {
			malloc_cache_grow(size);
			p[i] = sheaf_alloc_unwatched(malloc_cache(size),
						     GFP_KERNEL, size, NULL);
			bad += !p[i] || ksize(p[i]) < size;
		}
		for (i = 0; i < ARRAY_SIZE(p); i++)
			kfree(p[i]);
	}
	return (void *)bad;
}

TEST_SCENARIO(grow_threads)
{
	pthread_t threads[4];
	void *bad;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, grow_and_use,
						NULL), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
		ck_assert_ptr_null(bad);
	}
	check_index();
	assert_all_valid();
}

START_TEST(grow_in_many_threads)
{
	test_scenario_passes("grow_threads", "kmalloc_ladder=growing rseq=1");
	test_scenario_passes("grow_threads", "kmalloc_ladder=growing rseq=0");
}
END_TEST

Suite *suite_kmalloc_caches(void)
{
	Suite *s = suite_create("kmalloc_caches");
	TCase *tc = tcase_create("kmalloc_caches");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, index_leads_to_ladder);
	tcase_add_test(tc, grow_size_that_is_used_has_a_cache);
	tcase_add_test(tc, grow_in_many_threads);
	suite_add_tcase(s, tc);
	return s;
}
