// SPDX-License-Identifier: MIT
/*
 * Tests of mm/kmemleak.c: what is said of a block is remembered until it is
 * freed, by whatever way. The search itself is tested with kmm.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kmemleak.h>
#include <linux/vmalloc.h>

#include "host.h"
#include "kmemleak.h"
#include "slab_test.h"

static struct kmemleak_object *record(struct treap *tree, const void *p)
{
	struct treap_node *node = treap_find(tree, (unsigned long)p);

	return node ? container_of(node, struct kmemleak_object, node) : NULL;
}

static u32 flags_of(const void *p)
{
	struct kmemleak_object *object = record(&kmemleak.objects, p);

	return object ? object->flags : 0;
}

static void assert_nothing_kept(void)
{
	ck_assert_uint_eq(kmemleak.nr_objects, 0);
	ck_assert_ptr_null(kmemleak.objects.root);
	ck_assert_ptr_null(kmemleak.areas.root);
}

TEST_SCENARIO(kmemleak_colours)
{
	volatile size_t large = 100000;
	char *p = kmalloc(100, GFP_KERNEL), *q = kmalloc(large, GFP_KERNEL);

	kmemleak_not_leak(p);
	ck_assert_uint_eq(flags_of(p), KMEMLEAK_NOT_LEAK);
	kmemleak_no_scan(p);
	ck_assert_uint_eq(flags_of(p), KMEMLEAK_NOT_LEAK | KMEMLEAK_NO_SCAN);
	kmemleak_ignore(q);
	ck_assert_uint_eq(flags_of(q), KMEMLEAK_IGNORE);
	kmemleak_not_leak(NULL);
	ck_assert_uint_eq(kmemleak.nr_objects, 2);
	kfree(p);
	ck_assert_uint_eq(flags_of(p), 0);
	ck_assert_uint_eq(flags_of(q), KMEMLEAK_IGNORE);
	kfree(q);
	assert_nothing_kept();
}

TEST_SCENARIO(kmemleak_areas)
{
	char *p = kmalloc(1000, GFP_KERNEL), *q = vmalloc(5000000);
	struct kmem_cache *s = make_cache("areas", 200, 0);
	char *r = kmem_cache_alloc(s, GFP_KERNEL);

	kmemleak_scan_area(p + 8, 16, GFP_KERNEL);
	kmemleak_scan_area(p + 500, 8, GFP_KERNEL);
	kmemleak_scan_area(p + 500, 24, GFP_KERNEL);
	kmemleak_scan_area(q + 4000000, 8, GFP_KERNEL);
	kmemleak_scan_area(r + 192, 8, GFP_KERNEL);
	ck_assert_uint_eq(kmemleak.nr_objects, 4);
	ck_assert_uint_eq(record(&kmemleak.areas, p + 500)->size, 24);
	kfree(p);
	ck_assert_uint_eq(kmemleak.nr_objects, 2);
	vfree(q);
	ck_assert_uint_eq(kmemleak.nr_objects, 1);
	kmem_cache_free(s, r);
	assert_nothing_kept();
	kmem_cache_destroy(s);
}

TEST_SCENARIO(kmemleak_foreign)
{
	static char arena[4096];
	struct kmemleak_object *object;

	kmemleak_alloc(arena, sizeof(arena), 2, GFP_KERNEL);
	object = record(&kmemleak.objects, arena);
	ck_assert_ptr_nonnull(object);
	ck_assert_uint_eq(object->size, sizeof(arena));
	ck_assert_int_eq(object->min_count, 2);
	ck_assert_uint_eq(object->flags, KMEMLEAK_FOREIGN);
	ck_assert_uint_ne(object->handle, 0);
	kmemleak_free(arena);
	assert_nothing_kept();
	kmemleak_alloc(arena, sizeof(arena), 0, GFP_KERNEL);
	ck_assert_uint_eq(flags_of(arena), KMEMLEAK_FOREIGN | KMEMLEAK_NOT_LEAK);
	kmemleak_free(arena);
	kmemleak_alloc(arena, sizeof(arena), -1, GFP_KERNEL);
	ck_assert_uint_eq(flags_of(arena), KMEMLEAK_FOREIGN | KMEMLEAK_IGNORE);
	kmemleak_free(arena);
	assert_nothing_kept();
}

#define MANY 5000
#define THREADS 8

static void *say_and_free(void *arg)
{
	static void *p[THREADS][MANY];
	long me = (long)arg;
	int i;

	for (i = 0; i < MANY; i++) {
		p[me][i] = kmalloc(32, GFP_KERNEL);
		kmemleak_not_leak(p[me][i]);
	}
	for (i = 0; i < MANY; i++)
		kfree(p[me][i]);
	return NULL;
}

TEST_SCENARIO(kmemleak_threads)
{
	pthread_t thread[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&thread[i], NULL, say_and_free,
					  (void *)i));
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_nothing_kept();
}

TEST_SCENARIO(kmemleak_off)
{
	char *p = kmalloc(100, GFP_KERNEL);

	kmemleak_not_leak(p);
	kmemleak_scan_area(p, 8, GFP_KERNEL);
	kmemleak_alloc(&p, sizeof(p), 1, GFP_KERNEL);
	assert_nothing_kept();
	kfree(p);
}

TEST_SCENARIO(kmemleak_no_memory)
{
	char *p = kmalloc(100, GFP_KERNEL);

	host_fail_nth = host_map_calls + 1;
	test_capture_begin(2);
	kmemleak_not_leak(p);
	ck_assert_str_eq(test_capture_end(),
			 "WARNING: kmemleak: out of memory\n");
	host_fail_nth = 0;
	kfree(p);
	assert_nothing_kept();
}

#define DEFINE_KMEMLEAK_TEST(name, cmdline)				\
	START_TEST(name##_test)						\
	{								\
		test_scenario_passes(#name, cmdline);			\
	}								\
	END_TEST

DEFINE_KMEMLEAK_TEST(kmemleak_colours, "kmemleak")
DEFINE_KMEMLEAK_TEST(kmemleak_areas, "kmemleak")
DEFINE_KMEMLEAK_TEST(kmemleak_foreign, "kmemleak")
DEFINE_KMEMLEAK_TEST(kmemleak_threads, "kmemleak")
DEFINE_KMEMLEAK_TEST(kmemleak_no_memory, "kmemleak")
DEFINE_KMEMLEAK_TEST(kmemleak_off, "kmemleak=off")

Suite *suite_kmemleak(void)
{
	Suite *s = suite_create("kmemleak");
	TCase *tc = tcase_create("kmemleak");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, kmemleak_colours_test);
	tcase_add_test(tc, kmemleak_areas_test);
	tcase_add_test(tc, kmemleak_foreign_test);
	tcase_add_test(tc, kmemleak_threads_test);
	tcase_add_test(tc, kmemleak_no_memory_test);
	tcase_add_test(tc, kmemleak_off_test);
	suite_add_tcase(s, tc);
	return s;
}
