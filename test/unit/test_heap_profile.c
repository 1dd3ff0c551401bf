// SPDX-License-Identifier: MIT
/*
 * Tests of mm/heap_profile.c: all is counted at a rate of 1, and at any other
 * the estimate is right on average.
 *
 * Bounds of the statistical tests are Hoeffding's: for a sum of n independent
 * terms, each in an interval of length c[i],
 *
 *	P(|sum - mean| >= t) <= 2 exp(-2 t^2 / sum of c[i]^2)
 *
 * for whatever distribution. A t for which that is 1e-10 is never exceeded.
 */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "cmdline.h"
#include "host.h"
#include "profile.h"
#include "slab_test.h"

/* -log(1e-10 / 2) / 2 */
#define HOEFFDING 11.86

/* All stacks; or those counts of one size. */
struct totals {
	u64 allocs, alloc_bytes, live, live_bytes;
};

static struct totals totals(void)
{
	struct totals sum = { 0 };
	struct tally_live live;
	u32 i;

	for (i = 0; i < heap_profile.nr; i++) {
		struct tally *tally = tally_at(&heap_profile, i);

		live = tally_live(tally);
		ck_assert_uint_le(tally->nr_frees, tally->nr_allocs);
		ck_assert_uint_eq(tally->alloc_bytes,
				  tally->nr_allocs * tally->key[1]);
		sum.allocs += tally->nr_allocs;
		sum.alloc_bytes += tally->alloc_bytes;
		sum.live += live.objects;
		sum.live_bytes += live.bytes;
	}
	return sum;
}

/* Since @before. */
static void expect(struct totals before, u64 allocs, u64 alloc_bytes, u64 live,
		   u64 live_bytes)
{
	struct totals now = totals();

	ck_assert_uint_eq(now.allocs - before.allocs, allocs);
	ck_assert_uint_eq(now.alloc_bytes - before.alloc_bytes, alloc_bytes);
	ck_assert_uint_eq(now.live - before.live, live);
	ck_assert_uint_eq(now.live_bytes - before.live_bytes, live_bytes);
}

TEST_SCENARIO(profile_exact)
{
	struct kmem_cache *s = make_cache("profiled", 48, 0);
	volatile size_t size = 100;
	void *p, *object, *large, *area, *exact, *to;
	struct totals before = totals();
	struct page *page;

	p = kmalloc(size, GFP_KERNEL);
	object = kmem_cache_alloc(s, GFP_KERNEL);
	large = kmalloc(100000, GFP_KERNEL);
	area = vmalloc(300000);
	page = alloc_pages(GFP_KERNEL, 1);
	exact = alloc_pages_exact(PAGE_SIZE + 1, GFP_KERNEL);
	expect(before, 6, 400148 + 3 * PAGE_SIZE + 1, 6,
	       400148 + 3 * PAGE_SIZE + 1);
	to = krealloc(p, 30, GFP_KERNEL);
	expect(before, 7, 400178 + 3 * PAGE_SIZE + 1, 6,
	       400078 + 3 * PAGE_SIZE + 1);
	kfree(to);
	kmem_cache_free(s, object);
	kfree(large);
	vfree(area);
	__free_pages(page, 1);
	free_pages_exact(exact, PAGE_SIZE + 1);
	expect(before, 7, 400178 + 3 * PAGE_SIZE + 1, 0, 0);
	/* What fails has allocated and freed nothing. */
	p = kmalloc(size, GFP_KERNEL);
	ck_assert_ptr_null(krealloc(p, 1ul << 40, GFP_KERNEL | __GFP_NOWARN));
	expect(before, 8, 400278 + 3 * PAGE_SIZE + 1, 1, 100);
	kfree(p);
	kmem_cache_destroy(s);
}

/* Two functions, so two stacks, which keep different sums. */
static noinline void *keep_one(size_t size)
{
	void *p = kmalloc(size, GFP_KERNEL);

	__asm__ volatile("" : "+r"(p));
	return p;
}

static noinline void *keep_two(size_t size)
{
	void *p = kmalloc(size, GFP_KERNEL);

	__asm__ volatile("" : "+r"(p));
	return p;
}

/* One call, so that nothing else tells the stacks apart. */
TEST_SCENARIO(profile_stacks)
{
	static void *(*const keep[])(size_t size) = { keep_one, keep_two };
	volatile unsigned int nr_ones = 5, n = 8;
	u32 nr = heap_profile.nr, i;
	void *p[8];

	for (i = 0; i < n; i++)
		p[i] = keep[i >= nr_ones](400);
	kfree(p[0]);
	kfree(p[7]);
	ck_assert_uint_eq(heap_profile.nr, nr + 2);
	ck_assert_uint_eq(tally_live(tally_at(&heap_profile, nr)).bytes, 1600);
	ck_assert_uint_eq(tally_live(tally_at(&heap_profile, nr + 1)).bytes, 800);
}

#define NR_THREADS 4
#define NR_PER_THREAD 2000

static void *blocks[NR_THREADS][NR_PER_THREAD];

static void *allocate_some(void *arg)
{
	void **mine = arg;
	unsigned int i;

	for (i = 0; i < NR_PER_THREAD; i++)
		mine[i] = kmalloc(i % 300 + 1, GFP_KERNEL);
	return NULL;
}

static void *free_some(void *arg)
{
	void **others = arg;
	unsigned int i;

	for (i = 0; i < NR_PER_THREAD; i++)
		kfree(others[i]);
	return NULL;
}

/* Each frees what another has allocated, while others allocate. */
TEST_SCENARIO(profile_threads)
{
	pthread_t threads[NR_THREADS];
	struct totals before = totals();
	unsigned int i;
	u64 bytes = 0;

	for (i = 0; i < NR_PER_THREAD; i++)
		bytes += i % 300 + 1;
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, allocate_some, blocks[i]);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	expect(before, NR_THREADS * NR_PER_THREAD, NR_THREADS * bytes,
	       NR_THREADS * NR_PER_THREAD, NR_THREADS * bytes);
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, i % 2 ? free_some : allocate_some,
			       blocks[i]);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	/* Half of them freed, half of them lost and allocated anew. */
	expect(before, NR_THREADS * NR_PER_THREAD * 3 / 2,
	       NR_THREADS * bytes * 3 / 2, NR_THREADS * NR_PER_THREAD,
	       NR_THREADS * bytes);
}

TEST_SCENARIO(profile_fork)
{
	void *p = kmalloc(100, GFP_KERNEL), *other;
	struct totals before = totals();
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		kfree(p);
		other = kmalloc(70, GFP_KERNEL);
		expect(before, 1, 70, 0, (u64)-30);
		_exit(other ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	expect(before, 0, 0, 0, 0);
	kfree(p);
	expect(before, 0, 0, (u64)-1, (u64)-100);
}

/* Without memory samples are dropped; nothing else goes wrong. */
TEST_SCENARIO(profile_no_memory)
{
	static void *kept[20000];
	struct totals before = totals();
	const char *report;
	unsigned int i;
	u64 live;

	host_fail_nth = 1;
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = kmalloc(i % 2000 + 1, GFP_KERNEL | __GFP_NOWARN);
	host_fail_nth = 0;
	test_capture_begin(1);
	ck_assert_int_eq(kmm_show("heap_profile", 1), 0);
	report = test_capture_end();
	ck_assert_ptr_nonnull(strstr(report, " samples dropped: no memory\n"));
	live = totals().live - before.live;
	ck_assert_uint_lt(live, ARRAY_SIZE(kept));
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		kfree(kept[i]);
	ck_assert_uint_eq(totals().live, before.live);
	kept[0] = kmalloc(1, GFP_KERNEL);
	ck_assert_uint_eq(totals().live, before.live + 1);
}

/* The estimates of one sample of @size at @rate. */
static double weight(double size, double rate)
{
	return -1 / expm1(-size / rate);
}

/*
 * All sizes from a small part of the rate to a multiple of it. A third of the
 * blocks are kept, each third one whatever its size.
 */
TEST_SCENARIO(profile_estimate)
{
	const u64 rate = kmm_params.profile;
	const int n = test_rounds(300000);
	double objects = 0, bytes = 0, live = 0, live_bytes = 0;
	double true_bytes = 0, true_live_bytes = 0, w, size;
	double objects_square = 0, bytes_square = 0;
	unsigned int sizes;
	void *p;
	int i;
	u32 t;

	sizes = rate < 1000 ? (unsigned int)rate * 4 : 4000;
	for (i = 0; i < n; i++) {
		size = (double)(test_random() % sizes + 1);
		p = kmalloc((size_t)size, GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		w = weight(size, (double)rate);
		objects_square += w * w;
		bytes_square += w * w * size * size;
		true_bytes += size;
		if (i % 3)
			kfree(p);
		else
			true_live_bytes += size;
	}
	for (t = 0; t < heap_profile.nr; t++) {
		struct tally *tally = tally_at(&heap_profile, t);

		size = (double)tally->key[1];
		w = weight(size, (double)rate);
		objects += w * (double)tally->nr_allocs;
		bytes += w * size * (double)tally->nr_allocs;
		live += w * (double)tally_live(tally).objects;
		live_bytes += w * (double)tally_live(tally).bytes;
	}
	ck_assert_double_le(fabs(objects - n), sqrt(HOEFFDING * objects_square));
	ck_assert_double_le(fabs(bytes - true_bytes),
			    sqrt(HOEFFDING * bytes_square));
	/* Of fewer terms the sum of squares is only smaller. */
	ck_assert_double_le(fabs(live - (n + 2) / 3),
			    sqrt(HOEFFDING * objects_square));
	ck_assert_double_le(fabs(live_bytes - true_live_bytes),
			    sqrt(HOEFFDING * bytes_square));
	/* And the bound says something. */
	ck_assert_double_le(sqrt(HOEFFDING * bytes_square),
			    test_rounds(10) == 10 ? true_bytes / 8 : true_bytes);
}

START_TEST(profile_rate_1_counts_all)
{
	test_scenario_passes("profile_exact", "profile=1");
}
END_TEST

START_TEST(profile_tells_stacks_apart)
{
	test_scenario_passes("profile_stacks", "profile=1");
}
END_TEST

START_TEST(profile_of_threads_adds_up)
{
	test_scenario_passes("profile_threads", "profile=1");
}
END_TEST

START_TEST(profile_of_child_is_its_own)
{
	test_scenario_passes("profile_fork", "profile=1");
}
END_TEST

START_TEST(profile_without_memory_drops_samples)
{
	test_scenario_passes("profile_no_memory", "profile=1");
}
END_TEST

START_TEST(profile_estimate_is_unbiased)
{
	static const char *const rates[] = {
		"profile=2", "profile=10", "profile=500", "profile=4K",
	};

	test_scenario_passes("profile_estimate", rates[_i]);
}
END_TEST

/* P(distance > n) = exp(-n / rate), for parts and multiples of the rate. */
START_TEST(profile_distance_is_exponential)
{
	static const u64 rates[] = { 2, 3, 1000, 512 << 10, 1ull << 40 };
	static const double parts[] = { 0.01, 0.3, 1, 2.5, 5 };
	u64 state = test_random(), rate = rates[_i], n;
	u64 above[ARRAY_SIZE(parts)] = { 0 };
	const int draws = test_rounds(400000);
	unsigned int part;
	int i;

	for (i = 0; i < draws; i++) {
		u64 distance = heap_profile_distance(&state, rate);

		ck_assert_uint_ge(distance, 1);
		for (part = 0; part < ARRAY_SIZE(parts); part++)
			above[part] += distance > (u64)(parts[part] * (double)rate);
	}
	for (part = 0; part < ARRAY_SIZE(parts); part++) {
		n = (u64)(parts[part] * (double)rate);
		ck_assert_double_le(fabs((double)above[part] -
					 draws * exp(-(double)n / (double)rate)),
				    sqrt(HOEFFDING * draws));
	}
}
END_TEST

Suite *suite_heap_profile(void)
{
	Suite *s = suite_create("heap_profile");
	TCase *tc = tcase_create("exact");

	tcase_add_test(tc, profile_rate_1_counts_all);
	tcase_add_test(tc, profile_tells_stacks_apart);
	tcase_add_test(tc, profile_of_threads_adds_up);
	tcase_add_test(tc, profile_of_child_is_its_own);
	tcase_add_test(tc, profile_without_memory_drops_samples);
	suite_add_tcase(s, tc);
	tc = tcase_create("sampled");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, profile_estimate_is_unbiased, 0, 4);
	tcase_add_loop_test(tc, profile_distance_is_exponential, 0, 5);
	suite_add_tcase(s, tc);
	return s;
}
