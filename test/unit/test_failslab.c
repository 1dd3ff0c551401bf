// SPDX-License-Identifier: MIT
/*
 * Tests of mm/failslab.c and mm/fail_page_alloc.c: which calls are counted and
 * can fail, and what a failure leaves behind. What malloc() does of it is tested
 * by test/preload/fail.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "backtrace.h"
#include "failslab.h"
#include "slab_test.h"

#define ALL "failslab=1,100,0,-1 fail_page_alloc=1,100,0,-1 fail_verbose=0"

static volatile size_t hundred = 100;	/* not known to the compiler */

/* What a call takes of the numbers. */
static u64 calls_since;

static void expect_counted(u64 nr)
{
	ck_assert_uint_eq(atomic_load(&fault_calls) - calls_since, nr);
	calls_since = atomic_load(&fault_calls);
}

TEST_SCENARIO(fail_third)
{
	void *p[5];
	int i;

	for (i = 0; i < 5; i++)
		p[i] = kmalloc(hundred, GFP_KERNEL);
	for (i = 0; i < 5; i++)
		ck_assert_msg(!p[i] == (i == 2), "call %d", i + 1);
	ck_assert_uint_eq(fault_failures, 1);
}

START_TEST(nth_fails_that_call_alone)
{
	const char *text;

	ck_assert_int_eq(test_run_scenario("fail_third", "fail_nth=3", &text), 0);
	ck_assert_msg(!strncmp(text, "FAULT_INJECTION: forcing a failure of kmalloc(100), call 3, by 0x", 65),
		      "%s", text);
	ck_assert_uint_eq(count_lines(text), 1);
	test_run_scenario("fail_third", "fail_nth=3 fail_verbose=2", &text);
	ck_assert_msg(strstr(text, "\n  #0 0x") && strstr(text, "\n  #1 0x"),
		      "%s", text);
	test_run_scenario("fail_third", "fail_nth=3 fail_verbose=0", &text);
	ck_assert_str_eq(text, "");
}
END_TEST

/* Each entry point is one call. */
TEST_SCENARIO(fail_counts)
{
	struct kmem_cache *s = make_cache("counted", 40, 0);
	struct page *pages[3] = { NULL };
	void *p, *bulk[3];

	calls_since = atomic_load(&fault_calls);
	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	expect_counted(1);
	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 3, bulk), 3);
	expect_counted(3);
	kfree(kmalloc(hundred * 1000, GFP_KERNEL));
	expect_counted(1);
	p = kmalloc(24, GFP_KERNEL);
	expect_counted(1);
	p = krealloc(p, hundred, GFP_KERNEL);
	expect_counted(1);
	kfree(p);
	__free_pages(alloc_pages(GFP_KERNEL, 2), 2);
	expect_counted(1);
	free_page(get_zeroed_page(GFP_KERNEL));
	expect_counted(1);
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 3, pages), 3);
	expect_counted(1);
	p = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	expect_counted(1);
	free_pages_exact(p, 3 * PAGE_SIZE);
	vfree(vmalloc(5 << 20));
	expect_counted(1);
	p = kmalloc(hundred, GFP_KERNEL | __GFP_NOFAIL);
	expect_counted(0);
	kfree(p);
	ck_assert_uint_eq(fault_failures, 0);
}

START_TEST(each_call_counts_once)
{
	test_scenario_passes("fail_counts", "fail_nth=1000000");
}
END_TEST

TEST_SCENARIO(fail_all)
{
	struct page *pages[2] = { NULL };

	ck_assert_ptr_null(kmalloc(hundred, GFP_KERNEL));
	ck_assert_ptr_null(kmalloc(24, GFP_ATOMIC));
	ck_assert_ptr_null(kmalloc(hundred * 1000, GFP_KERNEL));
	ck_assert_ptr_null(alloc_pages(GFP_KERNEL, 0));
	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 2, pages), 0);
	ck_assert_ptr_null(alloc_pages_exact(PAGE_SIZE, GFP_KERNEL));
	ck_assert_ptr_null(vmalloc(5 << 20));
	ck_assert_ptr_null(kvmalloc(hundred, GFP_KERNEL));
	ck_assert_uint_eq(fault_failures, fault_calls);
	/* These cannot take it. */
	ck_assert_ptr_nonnull(kmalloc(hundred, GFP_KERNEL | __GFP_NOFAIL));
	ck_assert_ptr_nonnull(kmalloc(hundred * 1000, GFP_KERNEL | __GFP_NOFAIL));
	ck_assert_ptr_nonnull(alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 1));
	ck_assert_ptr_nonnull(__vmalloc(5 << 20, GFP_KERNEL | __GFP_NOFAIL));
	assert_all_valid();
}

START_TEST(all_fail_but_nofail)
{
	test_scenario_passes("fail_all", ALL);
}
END_TEST

TEST_SCENARIO(fail_atomic)
{
	ck_assert_ptr_nonnull(kmalloc(hundred, GFP_KERNEL));
	ck_assert_ptr_nonnull(alloc_pages(GFP_KERNEL, 1));
	ck_assert_ptr_null(kmalloc(hundred, GFP_ATOMIC));
	ck_assert_ptr_null(alloc_pages(GFP_ATOMIC, 1));
	ck_assert_ptr_nonnull(alloc_pages(GFP_ATOMIC, 0));
}

START_TEST(kernels_exemptions_can_be_had)
{
	test_scenario_passes("fail_atomic",
			     ALL " fail_ignore_reclaim fail_page_min_order=1");
}
END_TEST

/* Only objects of the cache fail; its slabs, its record and the pages of others
 * do not. */
TEST_SCENARIO(fail_cache)
{
	struct kmem_cache *victim = make_cache("victim-1", 40, 0);
	struct kmem_cache *other = make_cache("victor", 40, 0);
	int i;

	ck_assert_uint_ne(victim->flags & SLAB_FAILSLAB, 0);
	for (i = 0; i < 2000; i++) {
		ck_assert_ptr_null(kmem_cache_alloc(victim, GFP_KERNEL));
		ck_assert_ptr_nonnull(kmem_cache_alloc(other, GFP_KERNEL));
		ck_assert_ptr_nonnull(kmalloc(hundred, GFP_KERNEL));
	}
	ck_assert_ptr_nonnull(kmalloc(hundred * 1000, GFP_KERNEL));
	ck_assert_uint_eq(fault_calls, 2000);
}

START_TEST(cache_filter_spares_others)
{
	test_scenario_passes("fail_cache", "failslab=1,100,0,-1 fail_verbose=0 failslab_cache=vic?im-*");
	test_scenario_passes("fail_cache", "failslab=1,100,0,-1 fail_verbose=0 slab_debug=A,victim-*");
}
END_TEST

TEST_SCENARIO(fail_no_cache)
{
	ck_assert_ptr_nonnull(kmalloc(hundred, GFP_KERNEL));
}

START_TEST(cache_filter_without_match_spares_all)
{
	test_scenario_passes("fail_no_cache", ALL " failslab_cache=nothing");
}
END_TEST

/* By the flag alone, as slab_debug=A sets it. */
TEST_SCENARIO(fail_flag)
{
	struct kmem_cache *s;

	/* There is space for its name, and no more. */
	s = make_cache("by flag", 40, SLAB_FAILSLAB);
	ck_assert_ptr_null(kmem_cache_alloc(s, GFP_KERNEL));
	ck_assert_ptr_nonnull(kmalloc(hundred, GFP_KERNEL));
}

START_TEST(cache_flag_is_a_filter)
{
	test_scenario_passes("fail_flag",
			     "failslab=1,100,30,-1 fail_verbose=0");
}
END_TEST

/* With pages and slabs of the library it is as without faults. */
TEST_SCENARIO(fail_own)
{
	struct kmem_cache *s = make_cache("own", 200, 0);
	int i;

	for (i = 0; i < 20000; i++)
		ck_assert_ptr_nonnull(kmem_cache_alloc(s, GFP_KERNEL));
	ck_assert_uint_eq(fault_calls, fault_failures);
	ck_assert_uint_eq(fault_failures, 0);
}

START_TEST(own_pages_never_fail)
{
	test_scenario_passes("fail_own", "fail_page_alloc=1,100,0,-1 failslab_cache=-");
}
END_TEST

TEST_SCENARIO(fail_krealloc)
{
	void *p = kmalloc(hundred, GFP_KERNEL | __GFP_NOFAIL);
	void *v = __vmalloc(5 << 20, GFP_KERNEL | __GFP_NOFAIL);

	fill(p, 100, 1);
	fill(v, 5 << 20, 2);
	ck_assert_ptr_null(krealloc(p, 4000, GFP_KERNEL));
	ck_assert(holds(p, 100, 1));
	ck_assert_ptr_null(vrealloc(v, 9 << 20, GFP_KERNEL));
	ck_assert(holds(v, 5 << 20, 2));
	kfree(p);
	vfree(v);
	assert_all_valid();
}

/* Of a bulk, all or nothing: what was had before the failure is free again. */
TEST_SCENARIO(fail_bulk)
{
	struct kmem_cache *s = make_cache("bulk", 40, 0);
	void *bulk[5];

	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 5, bulk), 0);
	ck_assert_uint_eq(fault_failures, 1);
	ck_assert_uint_eq(s->node.nr_inuse, 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 5, bulk), 5);
	kmem_cache_free_bulk(s, 5, bulk);
	kmem_cache_destroy(s);
}

START_TEST(failed_bulk_leaves_nothing)
{
	test_scenario_passes("fail_bulk", "fail_nth=3 fail_verbose=0");
}
END_TEST

START_TEST(failed_realloc_keeps_the_block)
{
	test_scenario_passes("fail_krealloc", ALL);
}
END_TEST

/* Stacks ------------------------------------------------------------------ */

/* A section of its own has a first and a last byte that the linker knows. */
#define HERE noinline __attribute__((section("fail_here")))
extern const char __start_fail_here[], __stop_fail_here[];

static HERE void *alloc_here(void)
{
	void *p = kmalloc(hundred, GFP_KERNEL);

	/* No tail call: the frame must be there. */
	__asm__ volatile("" : "+r"(p));
	return p;
}

static noinline void *alloc_elsewhere(void)
{
	void *p = kmalloc(hundred, GFP_KERNEL);

	__asm__ volatile("" : "+r"(p));
	return p;
}

TEST_SCENARIO(fail_inside)
{
	ck_assert_ptr_nonnull(alloc_elsewhere());
	ck_assert_ptr_null(alloc_here());
	ck_assert_ptr_nonnull(alloc_elsewhere());
	ck_assert_uint_eq(fault_calls, 1);
}

TEST_SCENARIO(fail_outside)
{
	ck_assert_ptr_null(alloc_elsewhere());
	ck_assert_ptr_nonnull(alloc_here());
	ck_assert_ptr_null(alloc_elsewhere());
	ck_assert_uint_eq(fault_calls, 2);
}

static const char *range_words(const char *name)
{
	static char words[300];
	unsigned long start, end;
	const char *path;

	ck_assert(backtrace_module((unsigned long)__start_fail_here, &path,
				   &start));
	end = start + (unsigned long)(__stop_fail_here - __start_fail_here);
	snprintf(words, sizeof(words), ALL " %s=libc.so.6+0x10-0x20,%s+0x%lx-0x%lx",
		 name, strrchr(path, '/') + 1, start, end);
	return words;
}

START_TEST(required_range_must_be_on_the_stack)
{
	test_scenario_passes("fail_inside", range_words("fail_require"));
}
END_TEST

START_TEST(rejected_range_must_not_be)
{
	test_scenario_passes("fail_outside", range_words("fail_reject"));
}
END_TEST

START_TEST(range_that_is_none_spares_all)
{
	const char *text;

	ck_assert_int_eq(test_run_scenario("fail_no_cache",
					   ALL " fail_require=prog+0x20-0x10", &text), 0);
	ck_assert_msg(!strncmp(text, "WARNING: fail_require: \"prog+0x20-0x10\"", 39),
		      "%s", text);
}
END_TEST

/* Threads ----------------------------------------------------------------- */

#define NR_THREADS 4
#define NR_CALLS 5000

static pthread_barrier_t all_there;

static void *allocate(void *arg)
{
	unsigned long failed = 0, i;
	void *p;

	(void)arg;
	pthread_barrier_wait(&all_there);
	for (i = 0; i < NR_CALLS; i++) {
		p = kmalloc(hundred, GFP_KERNEL);
		failed += !p;
		kfree(p);
	}
	return (void *)failed;
}

static unsigned long failures_of_threads(void)
{
	pthread_t threads[NR_THREADS];
	unsigned long sum = 0;
	void *failed;
	int i;

	pthread_barrier_init(&all_there, NULL, NR_THREADS);
	for (i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate,
						NULL), 0);
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], &failed);
		sum += (unsigned long)failed;
	}
	ck_assert_uint_eq(fault_calls, NR_THREADS * NR_CALLS);
	ck_assert_uint_eq(fault_failures, sum);
	return sum;
}

TEST_SCENARIO(fail_threads_interval)
{
	ck_assert_uint_eq(failures_of_threads(), NR_THREADS * NR_CALLS / 50);
}

TEST_SCENARIO(fail_threads_times)
{
	ck_assert_uint_eq(failures_of_threads(), 123);
}

TEST_SCENARIO(fail_threads_nth)
{
	ck_assert_uint_eq(failures_of_threads(), 1);
}

START_TEST(threads_are_counted_exactly)
{
	test_scenario_passes("fail_threads_interval",
			     "failslab=50,100,0,-1 fail_verbose=0");
	test_scenario_passes("fail_threads_times",
			     "failslab=1,100,0,123 fail_verbose=0");
	test_scenario_passes("fail_threads_nth", "fail_nth=7777 fail_verbose=0");
}
END_TEST

START_TEST(wrong_attribute_is_told)
{
	const char *text;

	ck_assert_int_eq(test_run_scenario("fail_no_cache", "failslab=10%",
					   &text), 0);
	ck_assert_str_eq(text, "WARNING: failslab: \"10%\" is not interval,probability,space,times\n");
}
END_TEST

Suite *suite_failslab(void)
{
	Suite *s = suite_create("failslab");
	TCase *tc = tcase_create("calls");

	tcase_add_test(tc, nth_fails_that_call_alone);
	tcase_add_test(tc, each_call_counts_once);
	tcase_add_test(tc, all_fail_but_nofail);
	tcase_add_test(tc, kernels_exemptions_can_be_had);
	tcase_add_test(tc, failed_bulk_leaves_nothing);
	tcase_add_test(tc, failed_realloc_keeps_the_block);
	tcase_add_test(tc, own_pages_never_fail);
	tcase_add_test(tc, threads_are_counted_exactly);
	tcase_add_test(tc, wrong_attribute_is_told);
	suite_add_tcase(s, tc);
	tc = tcase_create("filters");
	tcase_add_test(tc, cache_filter_spares_others);
	tcase_add_test(tc, cache_filter_without_match_spares_all);
	tcase_add_test(tc, cache_flag_is_a_filter);
	tcase_add_test(tc, required_range_must_be_on_the_stack);
	tcase_add_test(tc, rejected_range_must_not_be);
	tcase_add_test(tc, range_that_is_none_spares_all);
	suite_add_tcase(s, tc);
	return s;
}
