// SPDX-License-Identifier: MIT
/*
 * The stack depot: the same stack has the same handle, another has another,
 * from any number of threads, signal handlers and children, and for readers
 * outside the process. Each test starts with what the ones before have left,
 * where tests do not fork; so none relies on an empty depot.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kmm/anchor.h>

#include "backtrace.h"
#include "host.h"
#include "stackdepot.h"
#include "unit.h"

/* Stack number @n: no two are the same. Returns the number of frames. */
static unsigned int make_stack(unsigned long n, unsigned long *entries)
{
	unsigned int nr = 1 + (unsigned int)(n % 5);

	for (unsigned int i = 0; i < nr; i++)
		entries[i] = 0x400000 + (n + i) * 16;
	return nr;
}

static depot_stack_handle_t save_number(unsigned long n)
{
	unsigned long entries[STACK_DEPTH];

	return stack_depot_save(entries, make_stack(n, entries));
}

static bool is_number(depot_stack_handle_t handle, unsigned long n)
{
	unsigned long entries[STACK_DEPTH];
	unsigned int nr = make_stack(n, entries);
	const unsigned long *saved;

	return stack_depot_fetch(handle, &saved) == nr &&
	       !memcmp(saved, entries, nr * sizeof(entries[0]));
}

static u32 nr_stacks(void)
{
	return atomic_load(&stack_depot.nr_stacks);
}

static int compare_handles(const void *a, const void *b)
{
	depot_stack_handle_t x = *(const depot_stack_handle_t *)a;
	depot_stack_handle_t y = *(const depot_stack_handle_t *)b;

	return (x > y) - (x < y);
}

static void check_all_differ(const depot_stack_handle_t *handles, size_t nr)
{
	depot_stack_handle_t *sorted = malloc(nr * sizeof(*sorted));

	ck_assert_ptr_nonnull(sorted);
	memcpy(sorted, handles, nr * sizeof(*sorted));
	qsort(sorted, nr, sizeof(*sorted), compare_handles);
	for (size_t i = 1; i < nr; i++)
		ck_assert_uint_ne(sorted[i - 1], sorted[i]);
	free(sorted);
}

START_TEST(depot_same_stack_same_handle)
{
	depot_stack_handle_t first = save_number(3), other = save_number(4);
	u32 before = nr_stacks();

	ck_assert_uint_ne(first, 0);
	ck_assert_uint_ne(other, 0);
	ck_assert_uint_ne(first, other);
	ck_assert_uint_eq(save_number(3), first);
	ck_assert_uint_eq(save_number(4), other);
	ck_assert_uint_eq(nr_stacks(), before);
	ck_assert(is_number(first, 3));
	ck_assert(is_number(other, 4));
}
END_TEST

/* A stack is not the same as its beginning. */
START_TEST(depot_length_counts)
{
	unsigned long entries[STACK_DEPOT_MAX_FRAMES + 1];
	depot_stack_handle_t handles[STACK_DEPOT_MAX_FRAMES];
	const unsigned long *saved;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		entries[i] = 0;
	for (unsigned int i = 0; i < STACK_DEPOT_MAX_FRAMES; i++) {
		handles[i] = stack_depot_save(entries, i + 1);
		ck_assert_uint_eq(stack_depot_fetch(handles[i], &saved), i + 1);
	}
	check_all_differ(handles, ARRAY_SIZE(handles));
	/* More is cut. */
	ck_assert_uint_eq(stack_depot_save(entries, ARRAY_SIZE(entries)),
			  handles[STACK_DEPOT_MAX_FRAMES - 1]);
}
END_TEST

START_TEST(depot_no_stack_has_no_handle)
{
	const unsigned long *saved = (void *)1;
	unsigned long entry = 1;

	ck_assert_uint_eq(stack_depot_save(&entry, 0), 0);
	ck_assert_uint_eq(stack_depot_fetch(0, &saved), 0);
	ck_assert_ptr_null(saved);
	test_capture_begin(2);
	stack_depot_print(0, "");
	ck_assert_str_eq(test_capture_end(), "");
}
END_TEST

/* Numbers that an overwritten object may hold. */
START_TEST(depot_wrong_handle_fetches_nothing)
{
	/* Two entries, and no other of that hash. */
	const unsigned long like_a_record[] = { 2ul << 32, 0, 0x1234, 0x5678 };
	depot_stack_handle_t good = save_number(test_random());
	const unsigned long *saved;

	ck_assert_uint_ne(good, 0);
	for (u32 bit = 0; bit < 32; bit++)
		(void)stack_depot_fetch(good ^ 1u << bit, &saved);
	for (u32 i = 0; i < 1000; i++)
		(void)stack_depot_fetch((u32)test_random(), &saved);
	ck_assert_uint_eq(stack_depot_fetch(0x6b6b6b6b, &saved), 0);
	ck_assert_uint_eq(stack_depot_fetch(0xffffffff, &saved), 0);
	/* The middle of a record is none, even if it looks like one. */
	good = stack_depot_save(like_a_record, ARRAY_SIZE(like_a_record));
	ck_assert_uint_ne(good, 0);
	ck_assert_uint_eq(stack_depot_fetch(good + 1, &saved), 0);
}
END_TEST

#define MANY 1000000

START_TEST(depot_many_stacks)
{
	unsigned long nr = (unsigned long)test_rounds(MANY), i;
	depot_stack_handle_t *handles = malloc(nr * sizeof(*handles));
	u32 before = nr_stacks();

	ck_assert_ptr_nonnull(handles);
	for (i = 0; i < nr; i++)
		handles[i] = save_number(i + 1000);
	ck_assert_uint_eq(nr_stacks(), before + nr);
	for (i = 0; i < nr; i++) {
		if (!is_number(handles[i], i + 1000) ||
		    save_number(i + 1000) != handles[i])
			ck_abort_msg("stack %lu", i);
	}
	ck_assert_uint_eq(nr_stacks(), before + nr);
	check_all_differ(handles, nr);
	free(handles);
}
END_TEST

START_TEST(depot_many_long_stacks)
{
	unsigned long entries[STACK_DEPOT_MAX_FRAMES] = { 0 };
	const unsigned long *saved;
	u32 before = nr_stacks();

	/* Records of more than half a KiB, over the ends of pools. */
	for (unsigned long i = 0; i < 20000; i++) {
		unsigned int nr = STACK_DEPOT_MAX_FRAMES - (unsigned int)(i % 7);
		depot_stack_handle_t handle;

		entries[i % nr] = i;
		entries[0] = ~i;
		handle = stack_depot_save(entries, nr);
		ck_assert_uint_eq(stack_depot_fetch(handle, &saved), nr);
		ck_assert_mem_eq(saved, entries, nr * sizeof(entries[0]));
	}
	ck_assert_uint_eq(nr_stacks(), before + 20000);
}
END_TEST

/* Threads ---------------------------------------------------------------------- */

#define NR_THREADS 8
#define COMMON 20000
#define OWN 5000

struct saver {
	pthread_t thread;
	unsigned long number;
	unsigned long base;
	depot_stack_handle_t common[COMMON];
	depot_stack_handle_t own[OWN];
};

static struct saver savers[NR_THREADS];
static pthread_barrier_t start_line;

static void *save_many(void *arg)
{
	struct saver *s = arg;
	unsigned long i, nr = (unsigned long)test_rounds(COMMON);

	pthread_barrier_wait(&start_line);
	for (i = 0; i < nr; i++) {
		s->common[i] = save_number(s->base + i);
		if (i < OWN)
			s->own[i] = save_number(s->base + COMMON +
						s->number * OWN + i);
	}
	return NULL;
}

START_TEST(depot_threads_agree)
{
	unsigned long nr = (unsigned long)test_rounds(COMMON);
	unsigned long own = min_t(unsigned long, nr, OWN), base = 5000000;
	u32 before = nr_stacks();

	pthread_barrier_init(&start_line, NULL, NR_THREADS);
	for (unsigned long t = 0; t < NR_THREADS; t++) {
		savers[t].number = t;
		savers[t].base = base;
		ck_assert_int_eq(pthread_create(&savers[t].thread, NULL,
						save_many, &savers[t]), 0);
	}
	for (int t = 0; t < NR_THREADS; t++)
		pthread_join(savers[t].thread, NULL);
	pthread_barrier_destroy(&start_line);
	for (unsigned long t = 0; t < NR_THREADS; t++) {
		ck_assert_mem_eq(savers[t].common, savers[0].common,
				 nr * sizeof(savers[0].common[0]));
		for (unsigned long i = 0; i < own; i++)
			ck_assert(is_number(savers[t].own[i], base + COMMON +
					    t * OWN + i));
	}
	for (unsigned long i = 0; i < nr; i++)
		ck_assert(is_number(savers[0].common[i], base + i));
	ck_assert_uint_eq(nr_stacks(), before + nr + NR_THREADS * own);
}
END_TEST

/* Signals and fork --------------------------------------------------------------- */

static volatile sig_atomic_t handler_runs, handler_bad;
static unsigned long handler_next = 9000000;

/* The stack that may be in the making below, and new ones. */
static void save_in_handler(int sig)
{
	unsigned long n = handler_next++;

	(void)sig;
	handler_runs++;
	for (unsigned long i = n - 10; i < n; i++)
		if (!is_number(save_number(i), i))
			handler_bad++;
}

START_TEST(depot_in_signal_handler)
{
	const struct itimerval on = { { 0, 1000 }, { 0, 1000 } };
	const struct itimerval off = { { 0, 0 }, { 0, 0 } };
	u32 before = nr_stacks();
	unsigned long i;

	signal(SIGPROF, save_in_handler);
	setitimer(ITIMER_PROF, &on, NULL);
	/* Always close to what the handler saves. */
	for (i = 0; handler_runs < 100; i++) {
		unsigned long n = 9000000 + (unsigned long)handler_runs + i % 8;

		if (!is_number(save_number(n), n))
			ck_abort_msg("stack %lu", n);
	}
	setitimer(ITIMER_PROF, &off, NULL);
	ck_assert_int_eq(handler_bad, 0);
	/* Each once: from ten before the first to some after the last. */
	ck_assert_uint_le(nr_stacks(), before + 10 +
			  (u32)handler_runs + 8);
}
END_TEST

static atomic_bool stop_saving;
static _Atomic unsigned long stacks_wanted, stacks_saved;

/*
 * New stacks while somebody forks, but no more than are wanted: where threads
 * take turns, as under Valgrind, this one could have millions of them.
 */
static void *save_until_stopped(void *arg)
{
	while (!atomic_load(&stop_saving)) {
		if (stacks_saved < stacks_wanted)
			save_number(20000000 + stacks_saved++);
		else
			sched_yield();
	}
	return arg;
}

/* In the child, whatever the other thread was doing. */
static void save_in_child(void)
{
	for (unsigned long i = 0; i < 2000; i++) {
		ck_assert(is_number(save_number(30000000 + i), 30000000 + i));
		ck_assert(is_number(save_number(20000000 + i), 20000000 + i));
	}
}

START_TEST(depot_survives_fork)
{
	depot_stack_handle_t parents = save_number(12345);
	pthread_t thread;
	const char *text;

	ck_assert_int_eq(pthread_create(&thread, NULL, save_until_stopped,
					NULL), 0);
	/* A thread that has not begun may hold a sanitizer's locks. */
	stacks_wanted = 1;
	while (!stacks_saved)
		sched_yield();
	for (int i = 0; i < test_rounds(100); i++) {
		atomic_fetch_add(&stacks_wanted, 2000);
		ck_assert_msg(!test_run_child(save_in_child, &text), "%s", text);
	}
	atomic_store(&stop_saving, true);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(save_number(12345), parents);
	ck_assert(is_number(parents, 12345));
}
END_TEST

/* No memory ------------------------------------------------------------------------ */

/* The host gives nothing from call @n on; then everything again. */
static void without_memory(unsigned long n)
{
	depot_stack_handle_t known = save_number(1), handle;
	unsigned long i;

	host_map_calls = 0;
	host_fail_nth = n;
	/* More than a pool. */
	for (i = 0; i < 60000; i++) {
		handle = save_number(40000000 + i);
		if (!handle)
			break;
		ck_assert(is_number(handle, 40000000 + i));
	}
	ck_assert_uint_lt(i, 60000);
	/* What is there is still found. */
	if (known)
		ck_assert_uint_eq(save_number(1), known);
	if (i)
		ck_assert(is_number(save_number(40000000), 40000000));
	ck_assert_uint_eq(save_number(40000000 + i), 0);
	host_fail_nth = 0;
	handle = save_number(40000000 + i);
	ck_assert(is_number(handle, 40000000 + i));
	ck_assert_uint_eq(save_number(40000000 + i), handle);
}

START_TEST(depot_no_memory_gives_no_handle)
{
	without_memory(1);
	without_memory(2);
}
END_TEST

/* Nothing has been saved there: the table is missing, then the pool. */
TEST_SCENARIO(depot_first_save_fails)
{
	ck_assert_uint_eq(nr_stacks(), 0);
	ck_assert_ptr_null(atomic_load(&stack_depot.pools));
	host_map_calls = 0;
	host_fail_nth = 1;
	ck_assert_uint_eq(save_number(1), 0);
	ck_assert_ptr_null(atomic_load(&stack_depot.pools));
	host_map_calls = 0;
	host_fail_nth = 2;
	ck_assert_uint_eq(save_number(1), 0);
	ck_assert_uint_eq(save_stack(NULL), 0);
	host_fail_nth = 0;
	ck_assert(is_number(save_number(1), 1));
	ck_assert_uint_eq(nr_stacks(), 1);
}

START_TEST(depot_first_save_without_memory)
{
	test_scenario_passes("depot_first_save_fails", NULL);
}
END_TEST

/* Readers -------------------------------------------------------------------------- */

static void read_memory(void *buf, unsigned long addr, size_t size)
{
	struct iovec here = { buf, size }, there = { (void *)addr, size };

	ck_assert_int_eq(process_vm_readv(getpid(), &here, 1, &there, 1, 0),
			 (ssize_t)size);
}

static unsigned long field(const char *name)
{
	for (u32 i = 0; i < kmm_anchor.nr_fields; i++)
		if (!strcmp(kmm_anchor.fields[i].name, name))
			return kmm_anchor.fields[i].value;
	ck_abort_msg("no field %s", name);
}

static unsigned long depot_root(void)
{
	for (u32 i = 0; i < kmm_anchor.nr_roots; i++)
		if (!strcmp(kmm_anchor.roots[i].name, "stack_depot"))
			return (unsigned long)kmm_anchor.roots[i].address;
	ck_abort_msg("no root stack_depot");
}

/* As lib/stackdepot.h describes it for readers outside the process. */
START_TEST(depot_is_readable_from_outside)
{
	depot_stack_handle_t handle = save_number(77), own;
	unsigned long pools, pool, record, expected[STACK_DEPTH];
	unsigned long entries[STACK_DEPTH];
	unsigned int nr = make_stack(77, expected);
	u32 next, saved_nr, mask = (1u << field("DEPOT_OFFSET_BITS")) - 1;

	read_memory(&next, depot_root() + field("stack_depot.next"), 4);
	ck_assert_uint_lt(handle, next);
	read_memory(&pools, depot_root() + field("stack_depot.pools"), 8);
	read_memory(&pool, pools + (handle >> field("DEPOT_OFFSET_BITS")) *
		    sizeof(pool), sizeof(pool));
	record = pool + ((unsigned long)(handle & mask) <<
			 field("DEPOT_UNIT_SHIFT"));
	read_memory(&own, record + field("stack_record.handle"), 4);
	ck_assert_uint_eq(own, handle);
	read_memory(&saved_nr, record + field("stack_record.nr"), 4);
	ck_assert_uint_eq(saved_nr, nr);
	read_memory(entries, record + field("stack_record.entries"),
		    nr * sizeof(entries[0]));
	ck_assert_mem_eq(entries, expected, nr * sizeof(entries[0]));
}
END_TEST

static noinline depot_stack_handle_t save_here(const void *caller)
{
	return save_stack(caller);
}

START_TEST(save_stack_begins_at_caller)
{
	const unsigned long *entries;
	depot_stack_handle_t handles[2];
	const void *caller = __builtin_return_address(0);

	for (int i = 0; i < 2; i++)
		handles[i] = save_here(caller);
	ck_assert_uint_ne(handles[0], 0);
	ck_assert_uint_eq(handles[0], handles[1]);
	ck_assert_uint_gt(stack_depot_fetch(handles[0], &entries), 1);
	ck_assert_uint_eq(entries[0], (unsigned long)caller);
	ck_assert_uint_gt(stack_depot_fetch(save_here(NULL), &entries), 2);
	test_capture_begin(2);
	stack_depot_print(handles[0], ">");
	ck_assert_int_eq(strncmp(test_capture_end(), "> #0 0x0000", 11), 0);
}
END_TEST

Suite *suite_stackdepot(void)
{
	Suite *suite = suite_create("stackdepot");
	TCase *tc = tcase_create("handles");

	tcase_add_test(tc, depot_same_stack_same_handle);
	tcase_add_test(tc, depot_length_counts);
	tcase_add_test(tc, depot_no_stack_has_no_handle);
	tcase_add_test(tc, depot_wrong_handle_fetches_nothing);
	suite_add_tcase(suite, tc);

	tc = tcase_create("many");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, depot_many_stacks);
	tcase_add_test(tc, depot_many_long_stacks);
	tcase_add_test(tc, depot_threads_agree);
	suite_add_tcase(suite, tc);

	tc = tcase_create("contexts");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, depot_in_signal_handler);
	tcase_add_test(tc, depot_survives_fork);
	tcase_add_test(tc, depot_no_memory_gives_no_handle);
	tcase_add_test(tc, depot_first_save_without_memory);
	suite_add_tcase(suite, tc);

	tc = tcase_create("readers");
	tcase_add_test(tc, depot_is_readable_from_outside);
	tcase_add_test(tc, save_stack_begins_at_caller);
	suite_add_tcase(suite, tc);
	return suite;
}
