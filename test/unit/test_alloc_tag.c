// SPDX-License-Identifier: MIT
/*
 * Tests of mm/alloc_tag.c and <linux/alloc_tag.h>: each line of this file counts
 * what it has allocated.
 */
#define _GNU_SOURCE
#define CONFIG_MEM_ALLOC_PROFILING 1
#define KBUILD_MODNAME unit
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compiler.h"
#include "profile.h"
#include "slab_test.h"

static const char *allocinfo(void)
{
	test_capture_begin(1);
	ck_assert_int_eq(kmm_show("allocinfo", 1), 0);
	return test_capture_end();
}

/* Assert that @function's only line @line has so much. */
static void expect(const char *function, int line, unsigned long bytes,
		   unsigned long calls)
{
	char want[512];
	const char *text = allocinfo();

	snprintf(want, sizeof(want), "\n%12lu %8lu %s:%d [unit] func:%s\n",
		 bytes, calls, __FILE__, line, function);
	/* Check ends the program over a message of more than 8 KiB. */
	ck_assert_msg(strstr(text, want), "no%sin\n%.5000s", want, text);
}

static const int make_line = __LINE__ + 4;

static noinline void *make(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

TEST_SCENARIO(tags_count)
{
	void *p[10];
	int i;

	for (i = 0; i < 10; i++)
		p[i] = make((size_t)i * 10 + 10);
	expect("make", make_line, 550, 10);
	for (i = 0; i < 9; i++)
		kfree(p[i]);
	expect("make", make_line, 100, 1);
	kfree(p[9]);
	expect("make", make_line, 0, 0);
	ck_assert_ptr_eq(strstr(allocinfo(), "allocinfo - version: 1.0\n"
			 "#     <size>  <calls> <tag info>\n"), allocinfo());
}

TEST_SCENARIO(tags_kinds)
{
	struct kmem_cache *s = make_cache("tagged", 48, 0);
	const char *me = __func__;
	void *p, *to;
	int line = __LINE__;

	p = kmem_cache_alloc(s, GFP_KERNEL);
	to = alloc_pages(GFP_KERNEL, 2);
	to = vmalloc(5000);
	/* Through two functions of the library, for one place here. */
	to = kvmalloc(8 << 20, GFP_KERNEL);
	to = kstrdup("a string", GFP_KERNEL);
	to = krealloc(to, 60, GFP_KERNEL);
	expect(me, line + 2, 48, 1);
	expect(me, line + 3, PAGE_SIZE * 4, 1);
	expect(me, line + 4, 5000, 1);
	expect(me, line + 6, 8 << 20, 1);
	expect(me, line + 7, 0, 0);
	expect(me, line + 8, 60, 1);
	kfree(to);
	kmem_cache_free(s, p);
	expect(me, line + 8, 0, 0);
	expect(me, line + 2, 0, 0);
}

/* A constructor of a program's own, and one that is built on it. */
static void *make_pair_noprof(size_t size)
{
	void **pair = kmalloc_noprof(2 * sizeof(void *), GFP_KERNEL);

	pair[0] = kmalloc_noprof(size, GFP_KERNEL);
	pair[1] = kmalloc_noprof(size, GFP_KERNEL);
	return pair;
}
#define make_pair(size) alloc_hooks(make_pair_noprof(size))

TEST_SCENARIO(tags_hooks)
{
	int line = __LINE__ + 1;
	void *pair = make_pair(100);

	ck_assert_ptr_nonnull(pair);
	expect(__func__, line, 216, 3);
	/* Outside of a hook, the function that called is the site. */
	kfree(pair);
	expect(__func__, line, 200, 2);
	ck_assert_ptr_null(kmm_alloc_tag);
}

TEST_SCENARIO(tags_callers)
{
	u32 nr = alloc_sites.nr;
	void *p = kmalloc_noprof(500, GFP_KERNEL);
	struct tally *site = tally_at(&alloc_sites, nr);
	const char *text;

	ck_assert_uint_eq(alloc_sites.nr, nr + 1);
	ck_assert_uint_eq(site->key[1], SITE_CALLER);
	ck_assert_uint_eq(tally_live(site).bytes, 500);
	text = strstr(allocinfo(), "         500        1 0x");
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "unit+0x"));
	kfree(p);
	ck_assert_uint_eq(tally_live(site).bytes, 0);
}

static void *make_and_free(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 5000; i++) {
		void *p = make(10);

		if (i % 5)
			kfree(p);
	}
	return NULL;
}

TEST_SCENARIO(tags_threads)
{
	pthread_t threads[4];
	int i, status = 0;
	pid_t pid;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, make_and_free, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	expect("make", make_line, 40000, 4000);
	pid = fork();
	if (!pid) {
		make(7);
		expect("make", make_line, 40007, 4001);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	expect("make", make_line, 40000, 4000);
}

START_TEST(alloc_tag_counts_live_blocks)
{
	test_scenario_passes("tags_count", "mem_profiling");
}
END_TEST

START_TEST(alloc_tag_of_each_kind)
{
	test_scenario_passes("tags_kinds", "mem_profiling");
}
END_TEST

START_TEST(alloc_hooks_of_a_program)
{
	test_scenario_passes("tags_hooks", "mem_profiling");
}
END_TEST

START_TEST(alloc_tag_without_is_the_caller)
{
	test_scenario_passes("tags_callers", "mem_profiling");
}
END_TEST

START_TEST(alloc_tag_of_threads_adds_up)
{
	test_scenario_passes("tags_threads", "mem_profiling");
}
END_TEST

/* Both profiles at once, which watch the same calls. */
START_TEST(alloc_tag_beside_heap_profile)
{
	test_scenario_passes("tags_threads", "mem_profiling profile=1");
	test_scenario_passes("profile_threads", "mem_profiling profile=1");
}
END_TEST

Suite *suite_alloc_tag(void)
{
	Suite *s = suite_create("alloc_tag");
	TCase *tc = tcase_create("sites");

	tcase_add_test(tc, alloc_tag_counts_live_blocks);
	tcase_add_test(tc, alloc_tag_of_each_kind);
	tcase_add_test(tc, alloc_hooks_of_a_program);
	tcase_add_test(tc, alloc_tag_without_is_the_caller);
	tcase_add_test(tc, alloc_tag_of_threads_adds_up);
	tcase_add_test(tc, alloc_tag_beside_heap_profile);
	suite_add_tcase(s, tc);
	return s;
}
