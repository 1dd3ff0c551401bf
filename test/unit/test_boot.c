// SPDX-License-Identifier: MIT
/*
 * Tests of mm/mm_init.c: the order of boot and its states, boot that the host
 * refuses at any step and that succeeds later, and who may boot.
 *
 * The library has booted before main(), so each test is a scenario. One that
 * begins with host_fail_nth=1 finds it down.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "cmdline.h"
#include "host.h"
#include "internal.h"
#include "memcheck.h"
#include "unit.h"

/* A little of everything; whether all of it was granted. */
static bool allocator_works(void)
{
	struct page *page;
	bool good = true;
	void *p;

	for (unsigned int order = 0; order <= 4; order++) {
		page = alloc_pages(GFP_KERNEL, order);
		good = good && page;
		if (page)
			__free_pages(page, order);
	}
	for (size_t size = 1; size <= 64 << 10; size *= 4) {
		p = kmalloc(size, GFP_KERNEL);
		good = good && p;
		if (p)
			memset(p, 'x', size);
		kfree(p);
	}
	p = vmalloc(100 << 10);
	good = good && p;
	vfree(p);
	return good && !page_alloc_validate() && !pcp_validate() &&
	       !vmalloc_validate();
}

START_TEST(boot_happens_before_main)
{
	ck_assert_int_eq(atomic_load(&mm_state), MM_UP);
	ck_assert(mm_ready());
	ck_assert_uint_eq(PAGE_SHIFT, max_t(unsigned int, host.page_shift,
					    kmm_params.page_shift));
}
END_TEST

START_TEST(boot_again_is_refused_and_changes_nothing)
{
	u64 mem = kmm_params.mem;

	ck_assert_int_eq(kmm_boot("mem=123M"), -EBUSY);
	ck_assert_int_eq(kmm_boot(NULL), -EBUSY);
	ck_assert_uint_eq(kmm_params.mem, mem);
	ck_assert_int_eq(atomic_load(&mm_state), MM_UP);
}
END_TEST

/* Refused from request number host_fail_nth on; prints "up" if boot needs
 * fewer than that. */
TEST_SCENARIO(boot_refused_then_granted)
{
	if (atomic_load(&mm_state) == MM_UP) {
		fputs("up", stderr);
		return;
	}
	ck_assert_int_eq(atomic_load(&mm_state), MM_DOWN);
	ck_assert_int_eq(kmm_boot(NULL), -ENOMEM);
	ck_assert_ptr_null(alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0));
	ck_assert_ptr_null(kmalloc(100, GFP_KERNEL | __GFP_NOWARN));
	ck_assert_ptr_null(vmalloc(100));
	drain_all_pages();
	ck_assert_uint_eq(kmm_trim(), 0);
	ck_assert_int_eq(atomic_load(&mm_state), MM_DOWN);

	host_fail_nth = 0;
	ck_assert_int_eq(kmm_boot(NULL), 0);
	ck_assert_int_eq(atomic_load(&mm_state), MM_UP);
	ck_assert_int_eq(kmm_boot(NULL), -EBUSY);
	ck_assert(allocator_works());
}

START_TEST(boot_refused_at_any_request_succeeds_later)
{
	const char *text;
	char words[64];
	unsigned int nth;
	int status;

	for (nth = 1; nth < 1000; nth++) {
		snprintf(words, sizeof(words), "host_fail_nth=%u", nth);
		status = test_run_scenario("boot_refused_then_granted", words,
					   &text);
		ck_assert_msg(!status, "%s: 0x%x\n%s", words,
			      (unsigned int)status, text);
		if (!strcmp(text, "up"))
			break;
	}
	/* At least per-CPU memory, struct pages and the first section. */
	ck_assert_uint_gt(nth, 3);
	ck_assert_uint_lt(nth, 1000);
}
END_TEST

#define NR_BOOTERS 8

static pthread_barrier_t all_are_there;
static _Atomic unsigned int nr_booted;

static void *boot_now(void *arg)
{
	int ret;

	pthread_barrier_wait(&all_are_there);
	ret = kmm_boot(NULL);
	ck_assert(!ret || ret == -EBUSY);
	nr_booted += !ret;
	return arg;
}

TEST_SCENARIO(boot_at_once)
{
	pthread_t threads[NR_BOOTERS];
	int i;

	ck_assert_int_eq(atomic_load(&mm_state), MM_DOWN);
	host_fail_nth = 0;
	pthread_barrier_init(&all_are_there, NULL, NR_BOOTERS);
	for (i = 0; i < NR_BOOTERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, boot_now,
						NULL), 0);
	for (i = 0; i < NR_BOOTERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(nr_booted, 1);
}

/* Some of many tries have a thread that comes between another's look and its
 * lock. */
START_TEST(boot_of_several_threads_is_one)
{
	int i;

	for (i = 0; i < 20; i++)
		test_scenario_passes("boot_at_once", "host_fail_nth=1");
}
END_TEST

TEST_SCENARIO(boot_by_allocation)
{
	ck_assert_int_eq(atomic_load(&mm_state), MM_DOWN);
	host_fail_nth = 0;
	ck_assert(allocator_works());
	ck_assert_int_eq(atomic_load(&mm_state), MM_UP);
}

START_TEST(boot_by_first_allocation)
{
	test_scenario_passes("boot_by_allocation", "host_fail_nth=1");
}
END_TEST

#define NR_THREADS 4

static pthread_barrier_t barrier;
static _Atomic int nr_working;

static void *allocate_at_once(void *arg)
{
	struct page *page;

	(void)arg;
	pthread_barrier_wait(&barrier);
	page = alloc_pages(GFP_KERNEL, 0);
	if (page)
		__free_pages(page, 0);
	atomic_fetch_add(&nr_working, page && allocator_works());
	return NULL;
}

TEST_SCENARIO(boot_by_threads)
{
	pthread_t threads[NR_THREADS];

	host_fail_nth = 0;
	pthread_barrier_init(&barrier, NULL, NR_THREADS);
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						allocate_at_once, NULL), 0);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	ck_assert_int_eq(atomic_load(&nr_working), NR_THREADS);
}

START_TEST(boot_by_several_threads_at_once)
{
	for (int i = 0; i < 10; i++)
		test_scenario_passes("boot_by_threads", "host_fail_nth=1");
}
END_TEST

/* Page sizes -------------------------------------------------------------- */

TEST_SCENARIO(boot_page_size)
{
	ck_assert_uint_eq(kmm_page_shift, kmm_params.page_shift);
	ck_assert_uint_eq(PAGE_SIZE, 1UL << kmm_params.page_shift);
	ck_assert_uint_eq(PAGE_MASK, ~(PAGE_SIZE - 1));
	/* 2 MiB, whatever the pages. */
	ck_assert_uint_eq(PAGE_SIZE << pageblock_order, 2UL << 20);
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);
		char *p;

		ck_assert_ptr_nonnull(page);
		p = page_address(page);
		ck_assert_uint_eq((unsigned long)p % (PAGE_SIZE << order), 0);
		ck_assert_uint_eq(page_to_pfn(page),
				  (unsigned long)p / PAGE_SIZE);
		p[0] = p[(PAGE_SIZE << order) - 1] = 'x';
		ck_assert_ptr_eq(virt_to_page(p + (PAGE_SIZE << order) - 1),
				 page + (1UL << order) - 1);
		__free_pages(page, order);
	}
	ck_assert(allocator_works());
}

START_TEST(boot_with_each_page_size)
{
	char words[32];

	if (_i < (int)host.page_shift)
		return;
	snprintf(words, sizeof(words), "page_shift=%d", _i);
	test_scenario_passes("boot_page_size", words);
}
END_TEST

/* Smaller pages than the host's cannot be protected or given back. */
TEST_SCENARIO(boot_host_page_size)
{
	ck_assert_uint_eq(kmm_page_shift, host.page_shift);
	ck_assert(allocator_works());
}

START_TEST(boot_without_page_size_takes_host_s)
{
	test_scenario_passes("boot_host_page_size", "page_shift=0");
}
END_TEST

/* The command line -------------------------------------------------------- */

TEST_SCENARIO(boot_words)
{
	ck_assert_uint_eq(kmm_params.mem, 32 << 20);
	ck_assert_uint_le(sparse_onlined_bytes(), 32 << 20);
	ck_assert(allocator_works());
}

START_TEST(boot_reads_environment)
{
	test_scenario_passes("boot_words", "mem=64M mem=32M");
}
END_TEST

START_TEST(boot_unknown_word_is_told_and_skipped)
{
	const char *text;
	int status = test_run_scenario("boot_words", "memm=8M mem=32M", &text);

	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(text, "WARNING: KMM_CMDLINE: unknown parameter \"memm\" (KMM_CMDLINE=help lists them)\n");
}
END_TEST

/* 256 KiB, a machine to draw on a blackboard. */
TEST_SCENARIO(boot_teaching_machine)
{
	unsigned long nr = 0;
	struct page *pages[64];

	ck_assert_uint_eq(zones[ZONE_NORMAL].managed_pages,
			  (256 << 10) >> PAGE_SHIFT);
	while (nr < 64 && (pages[nr] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0)))
		nr++;
	ck_assert_uint_gt(nr, 0);
	ck_assert_uint_lt(nr, 64);
	ck_assert_uint_eq(page_alloc_validate(), 0);
	while (nr)
		__free_pages(pages[--nr], 0);
	ck_assert_uint_eq(page_alloc_validate(), 0);
	ck_assert_uint_eq(pcp_validate(), 0);
	ck_assert_uint_eq(sparse_onlined_bytes(), 256 << 10);
}

START_TEST(boot_teaching_machine_of_64_pages)
{
	test_scenario_passes("boot_teaching_machine", "mem=256K page_shift=12");
}
END_TEST

/* Else a build made before there were Valgrind's headers is what is tested. */
START_TEST(boot_under_valgrind_is_noticed)
{
#if __has_include(<valgrind/valgrind.h>)
	ck_assert(!RUNNING_ON_VALGRIND || memcheck_active());
#endif
}
END_TEST

Suite *suite_boot(void)
{
	Suite *s = suite_create("boot");
	TCase *tc;

	tc = tcase_create("states");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, boot_happens_before_main);
	tcase_add_test(tc, boot_again_is_refused_and_changes_nothing);
	tcase_add_test(tc, boot_refused_at_any_request_succeeds_later);
	tcase_add_test(tc, boot_of_several_threads_is_one);
	tcase_add_test(tc, boot_by_first_allocation);
	tcase_add_test(tc, boot_by_several_threads_at_once);
	tcase_add_test(tc, boot_under_valgrind_is_noticed);
	suite_add_tcase(s, tc);

	tc = tcase_create("parameters");
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, boot_with_each_page_size, 12, 17);
	tcase_add_test(tc, boot_without_page_size_takes_host_s);
	tcase_add_test(tc, boot_reads_environment);
	tcase_add_test(tc, boot_unknown_word_is_told_and_skipped);
	tcase_add_test(tc, boot_teaching_machine_of_64_pages);
	suite_add_tcase(s, tc);
	return s;
}
