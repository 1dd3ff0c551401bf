// SPDX-License-Identifier: MIT
/*
 * Tests of lib/fault_inject.c: what the attributes mean is what should_fail() of
 * the kernel makes of them. Each test is a scenario that boots with faults on,
 * but without a fault that the boot's parameters would inject.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fault_inject.h"
#include "unit.h"

#define ON "fail_verbose=0 failslab=1,0,0,0"

/* Was the next call, of @size bytes, made to fail? */
static noinline bool fails(struct fault_attr *attr, size_t size)
{
	struct fault_call call = {
		.function = "test",
		.size = size,
		.caller = __builtin_return_address(0),
	};

	return should_fail(attr, &call);
}

static void setup(struct fault_attr *attr, const char *text)
{
	*attr = (struct fault_attr)FAULT_ATTR_INITIALIZER;
	ck_assert(setup_fault_attr(attr, text));
}

/* One letter for each of the next calls of 40 bytes. */
static void expect_calls(struct fault_attr *attr, const char *letters)
{
	size_t i;

	for (i = 0; letters[i]; i++)
		ck_assert_msg(fails(attr, 40) == (letters[i] == 'F'),
			      "call %zu of \"%s\"", i + 1, letters);
}

START_TEST(setup_parses_four_numbers)
{
	static const char *const wrong[] = {
		"", "1", "1,2,3", "1,2,3,", "1,2,3,4,", "1,2,3,4,5", "1,2,3,x",
		" 1,2,3,4", "1,,3,4", "-1,2,3,4", "1,-2,3,4", "1,2,3,-",
		"1,2,3,99999999999999999999",
	};
	struct fault_attr attr;

	setup(&attr, "10,20,30,-1");
	ck_assert_uint_eq(attr.interval, 10);
	ck_assert_uint_eq(attr.probability, 20);
	ck_assert_int_eq(attr.space, 30);
	ck_assert_int_eq(attr.times, -1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!setup_fault_attr(&attr, wrong[i]), "\"%s\"",
			      wrong[i]);
	ck_assert_uint_eq(attr.interval, 10);
}
END_TEST

TEST_SCENARIO(fault_attributes)
{
	struct fault_attr attr;

	setup(&attr, "1,0,0,-1");
	expect_calls(&attr, "....");
	setup(&attr, "1,100,0,0");
	expect_calls(&attr, "....");
	setup(&attr, "1,100,0,-1");
	expect_calls(&attr, "FFFF");
	ck_assert_int_eq(attr.times, -1);
	setup(&attr, "0,100,0,2");
	expect_calls(&attr, "FF..");
	ck_assert_int_eq(attr.times, 0);
	setup(&attr, "3,100,0,-1");
	expect_calls(&attr, "..F..F..F");
	/* 100 > 40, 60 > 40, but not 20. Nothing is taken from it any more. */
	setup(&attr, "1,100,100,-1");
	expect_calls(&attr, "..FFF");
	ck_assert_int_eq(attr.space, 20);
	setup(&attr, "1,100,40,-1");
	expect_calls(&attr, "FF");
	/* What has space is none of the calls that the interval counts. */
	setup(&attr, "2,100,100,2");
	expect_calls(&attr, "...F.F....");
	/* A call that chance spares takes none of the times. */
	setup(&attr, "1,0,0,5");
	expect_calls(&attr, "....");
	ck_assert_int_eq(attr.times, 5);
	/* A size that is no number of bytes takes no space. */
	setup(&attr, "1,100,100,-1");
	ck_assert(fails(&attr, SIZE_MAX));
	ck_assert_int_eq(attr.space, 100);
}

START_TEST(attributes_are_the_kernels)
{
	test_scenario_passes("fault_attributes", ON);
}
END_TEST

/* Threads ----------------------------------------------------------------- */

#define NR_THREADS 4
#define NR_CALLS 100000

static struct fault_attr shared;
static pthread_barrier_t all_there;

static void *call_often(void *arg)
{
	unsigned long failed = 0, i;

	(void)arg;
	pthread_barrier_wait(&all_there);
	for (i = 0; i < NR_CALLS; i++)
		failed += fails(&shared, 40);
	return (void *)failed;
}

static unsigned long failures_of_threads(const char *attributes)
{
	pthread_t threads[NR_THREADS];
	unsigned long sum = 0;
	void *failed;
	int i;

	setup(&shared, attributes);
	pthread_barrier_init(&all_there, NULL, NR_THREADS);
	for (i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often,
						NULL), 0);
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], &failed);
		sum += (unsigned long)failed;
	}
	pthread_barrier_destroy(&all_there);
	return sum;
}

TEST_SCENARIO(fault_threads)
{
	ck_assert_uint_eq(failures_of_threads("5,100,0,-1"),
			  NR_THREADS * NR_CALLS / 5);
	ck_assert_uint_eq(failures_of_threads("1,100,0,12345"), 12345);
	ck_assert_uint_eq(fault_calls, 2 * NR_THREADS * NR_CALLS);
	ck_assert_uint_eq(fault_failures, NR_THREADS * NR_CALLS / 5 + 12345);
}

START_TEST(threads_are_counted_exactly)
{
	test_scenario_passes("fault_threads", ON);
}
END_TEST

TEST_SCENARIO(fault_probability)
{
	struct fault_attr attr;
	unsigned int failed = 0, i;
	char letters[65] = "";

	setup(&attr, "1,30,0,-1");
	for (i = 0; i < 64; i++)
		letters[i] = fails(&attr, 40) ? 'F' : '.';
	for (i = 0; i < 10000; i++)
		failed += fails(&attr, 40);
	/* Five standard deviations. */
	ck_assert_uint_gt(failed, 3000 - 230);
	ck_assert_uint_lt(failed, 3000 + 230);
	ck_abort_msg("%s", letters);
}

/* The letters of a scenario with this seed. */
static const char *letters_of(const char *seed)
{
	static char letters[3][TEST_CAPTURE_MAX];
	static unsigned int which;
	const char *text;
	char words[100];

	snprintf(words, sizeof(words), ON " fail_seed=%s", seed);
	ck_assert_int_ne(test_run_scenario("fault_probability", words, &text), 0);
	ck_assert_msg(strpbrk(text, "F") && strstr(text, ".F"), "%s", text);
	which = (which + 1) % 3;
	return strcpy(letters[which], text);
}

START_TEST(probability_follows_the_seed)
{
	const char *first = letters_of("5"), *again = letters_of("5");

	ck_assert_str_eq(first, again);
	ck_assert_str_ne(first, letters_of("6"));
}
END_TEST

Suite *suite_fault_inject(void)
{
	Suite *s = suite_create("fault_inject");
	TCase *tc = tcase_create("attributes");

	tcase_add_test(tc, setup_parses_four_numbers);
	tcase_add_test(tc, attributes_are_the_kernels);
	tcase_add_test(tc, threads_are_counted_exactly);
	tcase_add_test(tc, probability_follows_the_seed);
	suite_add_tcase(s, tc);
	return s;
}
