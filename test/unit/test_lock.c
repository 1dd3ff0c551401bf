// SPDX-License-Identifier: MIT
/*
 * Tests of lib/lock.c and lib/gate.c: exclusion, sleeping and waking, the rank
 * checker of debug builds, and fork() while other threads are busy inside.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/gfp.h>
#include <linux/mm.h>

#include "gate.h"
#include "host.h"
#include "internal.h"
#include "lock.h"
#include "unit.h"

#define NR_THREADS 4

/* Locks ------------------------------------------------------------------- */

START_TEST(lock_trylock_held_fails)
{
	spinlock_t lock = SPINLOCK_INIT(LOCK_RANK_ZONE);

	ck_assert(spin_trylock(&lock));
	ck_assert(!spin_trylock(&lock));
	spin_unlock(&lock);
	ck_assert(spin_trylock(&lock));
	spin_unlock(&lock);
}
END_TEST

START_TEST(lock_uncontended_word_is_one)
{
	spinlock_t lock;

	spin_lock_init(&lock, LOCK_RANK_ZONE);
	ck_assert_uint_eq(atomic_load(&lock.word), 0);
	spin_lock(&lock);
	ck_assert_uint_eq(atomic_load(&lock.word), 1);
	spin_unlock(&lock);
	ck_assert_uint_eq(atomic_load(&lock.word), 0);
	ck_assert_uint_eq(lock.rank, LOCK_RANK_ZONE);
}
END_TEST

static spinlock_t shared_lock = SPINLOCK_INIT(LOCK_RANK_ZONE);
static unsigned long shared_count;	/* under shared_lock */

static void *take_once(void *arg)
{
	(void)arg;
	spin_lock(&shared_lock);
	shared_count++;
	spin_unlock(&shared_lock);
	return NULL;
}

/* L1, L2: the waiters announce themselves with 2 and sleep; each unlock wakes
 * the next, so all get their turn. */
START_TEST(lock_sleeping_waiters_are_woken)
{
	pthread_t threads[NR_THREADS];

	shared_count = 0;
	spin_lock(&shared_lock);
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_once,
						NULL), 0);
	while (atomic_load(&shared_lock.word) != 2)
		sched_yield();
	ck_assert_uint_eq(shared_count, 0);
	spin_unlock(&shared_lock);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(shared_count, NR_THREADS);
	ck_assert_uint_eq(atomic_load(&shared_lock.word), 0);
}
END_TEST

static void *count_up(void *arg)
{
	int rounds = test_rounds(20000);

	for (int i = 0; i < rounds; i++) {
		/* Every other thread only tries, as the page lists do. */
		if (*(int *)arg % 2)
			while (!spin_trylock(&shared_lock))
				sched_yield();
		else
			spin_lock(&shared_lock);
		shared_count++;
		spin_unlock(&shared_lock);
	}
	return NULL;
}

START_TEST(lock_excludes_other_threads)
{
	pthread_t threads[NR_THREADS];
	int number[NR_THREADS];

	shared_count = 0;
	for (int i = 0; i < NR_THREADS; i++) {
		number[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up,
						&number[i]), 0);
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(shared_count, NR_THREADS * test_rounds(20000));
}
END_TEST

/* Ranks: in debug builds only --------------------------------------------- */

static spinlock_t outer = SPINLOCK_INIT(LOCK_RANK_PCP);
static spinlock_t inner = SPINLOCK_INIT(LOCK_RANK_ZONE);
static spinlock_t inner2 = SPINLOCK_INIT(LOCK_RANK_ZONE);

static void take_ascending(void)
{
	spin_lock(&outer);
	spin_lock(&inner);
	lockdep_assert_held(&outer);
	lockdep_assert_held(&inner);
	/* In another order than taken: ranks do not ask for a stack. */
	spin_unlock(&outer);
	spin_unlock(&inner);
}

static void take_descending(void)
{
	spin_lock(&inner);
	spin_lock(&outer);
}

static void take_equal(void)
{
	spin_lock(&inner);
	spin_lock(&inner2);
}

static void try_descending(void)
{
	spin_lock(&inner);
	ck_assert(spin_trylock(&outer));
	spin_unlock(&outer);
	spin_unlock(&inner);
}

static void take_below_tried(void)
{
	ck_assert(spin_trylock(&inner));
	spin_lock(&outer);
}

static void release_not_held(void)
{
	spin_unlock(&inner);
}

static void assert_not_held(void)
{
	lockdep_assert_held(&inner);
}

static void hold_too_many(void)
{
	static spinlock_t locks[32];

	for (size_t i = 0; i < ARRAY_SIZE(locks); i++)
		ck_assert(spin_trylock(&locks[i]));
}

static void reset_forgets(void)
{
	spin_lock(&inner);
	lockdep_reset();
	spin_lock(&outer);
}

static const struct {
	void (*fn)(void);
	const char *message;	/* NULL: nothing is wrong */
} ranks[] = {
	{ take_ascending, NULL },
	{ try_descending, NULL },
	{ reset_forgets, NULL },
	{ take_descending, "BUG lock order: rank 8 taken while holding rank 9\n" },
	{ take_equal, "BUG lock order: rank 9 taken while holding rank 9\n" },
	{ take_below_tried, "BUG lock order: rank 8 taken while holding rank 9\n" },
	{ release_not_held, "BUG lock: released a lock of rank 9 that is not held\n" },
	{ assert_not_held, "lockdep_is_held" },
	{ hold_too_many, "BUG lock depth: more than 16 locks held\n" },
};

_Static_assert(LOCK_RANK_PCP == 8 && LOCK_RANK_ZONE == 9, "as in the messages");

START_TEST(lock_ranks_are_checked_in_debug_builds)
{
	const char *text;
	int status = test_run_child(ranks[_i].fn, &text);

	if (KMM_DEBUG && ranks[_i].message) {
		test_aborted_with(status, text, ranks[_i].message);
	} else {
		ck_assert_str_eq(text, "");
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

/* The gate ---------------------------------------------------------------- */

START_TEST(gate_entries_nest)
{
	ck_assert(!gate_held());
	gate_enter();
	gate_enter();
	gate_exit();
	ck_assert(gate_held());
	gate_exit();
	ck_assert(!gate_held());
}
END_TEST

START_TEST(gate_closer_may_enter)
{
	gate_close();
	ck_assert(gate_held());
	gate_enter();
	gate_exit();
	gate_open_parent();
	ck_assert(!gate_held());
}
END_TEST

static _Atomic int stop, inside, passages;

static void *pass_through_gate(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		gate_enter();
		atomic_fetch_add(&inside, 1);
		gate_enter();
		atomic_fetch_add(&passages, 1);
		gate_exit();
		atomic_fetch_sub(&inside, 1);
		gate_exit();
	}
	return NULL;
}

static void start_threads(pthread_t *threads, void *(*fn)(void *))
{
	atomic_store(&stop, 0);
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fn, NULL), 0);
}

static void stop_threads(pthread_t *threads)
{
	atomic_store(&stop, 1);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* G2: whenever it is closed, nobody is inside, nor comes in. */
START_TEST(gate_closed_often_is_empty_each_time)
{
	pthread_t threads[NR_THREADS];
	bool empty = true;
	int before;

	atomic_store(&passages, 0);
	start_threads(threads, pass_through_gate);
	while (!atomic_load(&passages))
		sched_yield();
	for (int i = 0; i < test_rounds(1000); i++) {
		gate_close();
		before = atomic_load(&passages);
		empty = empty && !atomic_load(&inside);
		if (i % 16 == 0)
			sched_yield();
		empty = empty && !atomic_load(&inside) &&
			before == atomic_load(&passages);
		gate_open_parent();
	}
	before = atomic_load(&passages);
	while (atomic_load(&passages) == before)
		sched_yield();
	stop_threads(threads);
	ck_assert(empty);
	ck_assert_int_eq(atomic_load(&inside), 0);
}
END_TEST

static unsigned long closings;	/* by whoever holds the gate closed */

static void *close_and_open(void *arg)
{
	(void)arg;
	for (int i = 0; i < test_rounds(500); i++) {
		gate_close();
		closings++;
		gate_open_parent();
	}
	return NULL;
}

START_TEST(gate_closers_queue_up)
{
	pthread_t threads[NR_THREADS];

	closings = 0;
	start_threads(threads, close_and_open);
	stop_threads(threads);
	ck_assert_uint_eq(closings, NR_THREADS * test_rounds(500));
}
END_TEST

/* fork -------------------------------------------------------------------- */

static void *churn_pages(void *arg)
{
	struct page *pages[16] = { NULL };
	unsigned int i = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		unsigned int slot = i++ % ARRAY_SIZE(pages), order = slot % 6;

		if (pages[slot])
			__free_pages(pages[slot], order);
		pages[slot] = alloc_pages(GFP_KERNEL, order);
	}
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i])
			__free_pages(pages[i], i % 6);
	return NULL;
}

/* In a child of a process with threads; no stdio, whose locks they may hold. */
static bool child_works(void)
{
	struct page *pages[64];

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_pages(GFP_KERNEL, i % 6);
		if (!pages[i])
			return false;
	}
	if (page_alloc_validate() || pcp_validate())
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		__free_pages(pages[i], i % 6);
	drain_all_pages();
	return !page_alloc_validate() && !pcp_validate() && !gate_held();
}

static bool fork_and_check(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(child_works() ? EXIT_SUCCESS : EXIT_FAILURE);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

START_TEST(fork_with_busy_threads_leaves_child_whole)
{
	pthread_t threads[NR_THREADS];
	bool good = true;

	start_threads(threads, churn_pages);
	for (int i = 0; i < test_rounds(100) && good; i++)
		good = fork_and_check();
	stop_threads(threads);
	ck_assert(good);
	ck_assert(!gate_held());
	drain_all_pages();
	ck_assert_uint_eq(page_alloc_validate(), 0);
}
END_TEST

static _Atomic int forks_good;

static void *fork_ten_times(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++)
		atomic_fetch_add(&forks_good, fork_and_check());
	return NULL;
}

START_TEST(fork_in_several_threads_at_once)
{
	pthread_t threads[NR_THREADS];

	atomic_store(&forks_good, 0);
	start_threads(threads, fork_ten_times);
	stop_threads(threads);
	ck_assert_int_eq(atomic_load(&forks_good), 10 * NR_THREADS);
}
END_TEST

/*
 * fflush(NULL) holds libc's list of streams, which fork() takes as well; and the
 * write function of a stream may allocate. So whoever forks has to wait for the
 * list before it closes the gate. The write function below allocates when the
 * thread that forks has gone to sleep.
 */
static _Atomic int in_write;
static int forker;

static bool forker_sleeps(void)
{
	char path[64], text[512] = "";
	const char *state;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", forker);
	if (host_read_file(path, text, sizeof(text) - 1, 0) <= 0)
		return false;
	state = strrchr(text, ')');
	return state && state[1] == ' ' && state[2] == 'S';
}

static ssize_t allocate_in_write(void *cookie, const char *buf, size_t size)
{
	(void)cookie, (void)buf;
	atomic_store(&in_write, 1);
	while (!forker_sleeps())
		sched_yield();
	__free_pages(alloc_pages(GFP_KERNEL, 3), 3);
	return (ssize_t)size;
}

static void *flush_all_streams(void *arg)
{
	FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){
					.write = allocate_in_write });

	fputc('x', file);
	fflush(NULL);
	fclose(file);
	return arg;
}

START_TEST(fork_beside_allocation_in_fflush)
{
	pthread_t thread;
	bool good;

	forker = host_gettid();
	atomic_store(&in_write, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, flush_all_streams, NULL),
			 0);
	while (!atomic_load(&in_write))
		sched_yield();
	good = fork_and_check();
	pthread_join(thread, NULL);
	ck_assert(good);
	ck_assert(!gate_held());
}
END_TEST

/* Who handles SIGABRT, inside the gate, is not waited for: it may never return,
 * or itself wait for what the thread that forks has. */
static _Atomic int in_handler;

static void stay_in_handler(int sig)
{
	(void)sig;
	atomic_store(&in_handler, 1);
	for (;;)
		pause();
}

static void *abort_inside(void *arg)
{
	gate_enter();
	kmm_abort();
	return arg;
}

TEST_SCENARIO(fork_abort)
{
	pthread_t thread;

	signal(SIGABRT, stay_in_handler);
	ck_assert_int_eq(pthread_create(&thread, NULL, abort_inside, NULL), 0);
	while (!atomic_load(&in_handler))
		sched_yield();
	ck_assert(fork_and_check());
}

START_TEST(fork_beside_abort_handler)
{
	test_scenario_passes("fork_abort", NULL);
}
END_TEST

/* A child may fork again, as its parent could. */
static void fork_again(void)
{
	ck_assert(fork_and_check());
	ck_assert(child_works());
}

START_TEST(fork_in_child_works)
{
	ck_assert_int_eq(test_run_child(fork_again, NULL), 0);
}
END_TEST

Suite *suite_lock(void)
{
	Suite *s = suite_create("lock");
	TCase *tc;

	tc = tcase_create("lock");
	tcase_add_test(tc, lock_trylock_held_fails);
	tcase_add_test(tc, lock_uncontended_word_is_one);
	tcase_add_test(tc, lock_sleeping_waiters_are_woken);
	tcase_add_test(tc, lock_excludes_other_threads);
	suite_add_tcase(s, tc);

	tc = tcase_create("ranks");
	tcase_add_loop_test(tc, lock_ranks_are_checked_in_debug_builds, 0,
			    ARRAY_SIZE(ranks));
	suite_add_tcase(s, tc);

	tc = tcase_create("gate");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, gate_entries_nest);
	tcase_add_test(tc, gate_closer_may_enter);
	tcase_add_test(tc, gate_closed_often_is_empty_each_time);
	tcase_add_test(tc, gate_closers_queue_up);
	suite_add_tcase(s, tc);

	tc = tcase_create("fork");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, fork_with_busy_threads_leaves_child_whole);
	tcase_add_test(tc, fork_in_several_threads_at_once);
	tcase_add_test(tc, fork_beside_allocation_in_fflush);
	tcase_add_test(tc, fork_beside_abort_handler);
	tcase_add_test(tc, fork_in_child_works);
	suite_add_tcase(s, tc);
	return s;
}
