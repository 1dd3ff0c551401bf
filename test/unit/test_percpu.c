// SPDX-License-Identifier: MIT
/*
 * Tests of lib/percpu.c and of the restartable sequences in lib/percpu_rseq_*.
 *
 * All of them run with the backend that this process got at its start, and
 * once more as scenarios with rseq=0. A sequence may fail at any time because
 * the thread was interrupted; so what should succeed is tried again, and what
 * should fail must fail each time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "host.h"
#include "percpu.h"
#include "unit.h"

/* Memory ------------------------------------------------------------------ */

/* More than the grains of a chunk, so that further chunks are made. */
#define NR_OBJECTS 600
#define OBJECT_SIZE 32

static bool unit_is_zero(void *base, unsigned int unit, size_t size)
{
	const char *p = per_cpu_ptr(base, unit);

	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

START_TEST(percpu_alloc_is_zeroed_and_aligned)
{
	static const size_t sizes[] = { 1, 31, 32, 33, 100, 1000,
					PERCPU_MAX_SIZE };
	void *base = percpu_alloc(sizes[_i]);

	ck_assert_ptr_nonnull(base);
	ck_assert_uint_eq((unsigned long)base % 32, 0);
	for (unsigned int unit = 0; unit < percpu.nr_units; unit++)
		ck_assert(unit_is_zero(base, unit, sizes[_i]));
	percpu_free(base, sizes[_i]);
}
END_TEST

/* Twice: the largest needs a chunk of its own, and two never share one. */
START_TEST(percpu_alloc_largest_again_and_again)
{
	void *base[4];

	for (int i = 0; i < 4; i++) {
		base[i] = percpu_alloc(PERCPU_MAX_SIZE);
		ck_assert_ptr_nonnull(base[i]);
		memset(base[i], 'a' + i, PERCPU_MAX_SIZE);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(*(char *)base[i], 'a' + i);
		percpu_free(base[i], PERCPU_MAX_SIZE);
	}
}
END_TEST

static void alloc_too_large(void)
{
	(void)percpu_alloc(PERCPU_MAX_SIZE + 1);
}

START_TEST(percpu_alloc_too_large_is_a_bug)
{
	const char *text;
	int status = test_run_child(alloc_too_large, &text);

	test_aborted_with(status, text, "PERCPU_MAX_SIZE");
}
END_TEST

/* Every object of every unit holds its own number, through several chunks. */
static void many_objects(void)
{
	static void *base[NR_OBJECTS];
	unsigned int units = min_t(unsigned int, percpu.nr_units, 4);
	char *lowest = NULL, *highest = NULL;

	percpu_mark_used(units - 1);
	for (unsigned long i = 0; i < NR_OBJECTS; i++) {
		base[i] = percpu_alloc(OBJECT_SIZE);
		ck_assert_ptr_nonnull(base[i]);
		lowest = !i || (char *)base[i] < lowest ? base[i] : lowest;
		highest = (char *)base[i] > highest ? base[i] : highest;
		for (unsigned int unit = 0; unit < units; unit++) {
			ck_assert(unit_is_zero(base[i], unit, OBJECT_SIZE));
			memset(per_cpu_ptr(base[i], unit), (int)(i + unit) | 1,
			       OBJECT_SIZE);
		}
	}
	ck_assert_int_ge(highest - lowest, (long)PERCPU_UNIT_SIZE);
	for (unsigned long i = 0; i < NR_OBJECTS; i++)
		for (unsigned int unit = 0; unit < units; unit++) {
			const unsigned char *p = per_cpu_ptr(base[i], unit);

			ck_assert_uint_eq(p[0], ((i + unit) | 1) & 0xff);
			ck_assert_uint_eq(p[OBJECT_SIZE - 1], p[0]);
		}
	for (unsigned long i = 0; i < NR_OBJECTS; i++)
		percpu_free(base[i], OBJECT_SIZE);
}

START_TEST(percpu_many_objects_use_more_chunks)
{
	many_objects();
}
END_TEST

/* P2: what was freed is found again, zeroed in all units; no chunk is added. */
static void freed_memory_is_reused(void)
{
	size_t before;

	many_objects();
	before = percpu_bytes();
	for (int i = 0; i < 3; i++)
		many_objects();
	ck_assert_uint_eq(percpu_bytes(), before);
}

TEST_SCENARIO(percpu_reuse)
{
	freed_memory_is_reused();
}

START_TEST(percpu_freed_memory_is_reused_and_zero)
{
	test_scenario_passes("percpu_reuse", NULL);
}
END_TEST

/* A hole of two grains takes two, not three. */
START_TEST(percpu_hole_takes_what_fits)
{
	char *a = percpu_alloc(64), *b, *c;

	percpu_free(a, 64);
	b = percpu_alloc(32);
	c = percpu_alloc(32);
	ck_assert_ptr_ne(b, c);
	percpu_free(b, 32);
	percpu_free(c, 32);
	ck_assert_ptr_eq(percpu_alloc(64), a);
	percpu_free(a, 64);
}
END_TEST

START_TEST(percpu_alloc_without_memory_is_null)
{
	static void *base[1000];
	unsigned int nr = 0;

	host_fail_nth = 1;
	while (nr < ARRAY_SIZE(base) &&
	       (base[nr] = percpu_alloc(PERCPU_MAX_SIZE)))
		nr++;
	host_fail_nth = 0;
	ck_assert_uint_lt(nr, ARRAY_SIZE(base));
	base[nr] = percpu_alloc(PERCPU_MAX_SIZE);
	ck_assert_ptr_nonnull(base[nr]);
	for (unsigned int i = 0; i <= nr; i++)
		percpu_free(base[i], PERCPU_MAX_SIZE);
}
END_TEST

/* Units ------------------------------------------------------------------- */

START_TEST(percpu_used_units_are_visited)
{
	unsigned int cpu, nr = 0, unit = percpu_this_cpu();

	ck_assert_uint_lt(unit, percpu.nr_units);
	percpu_mark_used(unit);
	for_each_used_cpu(cpu)
		nr++;
	ck_assert_uint_gt(nr, unit);
	ck_assert_uint_le(nr, percpu.nr_units);
	percpu_mark_used(0);	/* never fewer */
	ck_assert_uint_eq(atomic_load(&percpu.nr_used), nr);
}
END_TEST

static void *unit_of_thread(void *arg)
{
	*(unsigned int *)arg = percpu_this_cpu();
	return NULL;
}

START_TEST(percpu_threads_share_slots_in_turn)
{
	unsigned int units[8];
	pthread_t thread;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, unit_of_thread,
						&units[i]), 0);
		pthread_join(thread, NULL);
		ck_assert_uint_lt(units[i], percpu.nr_units);
		if (!percpu_rseq_active() && i)
			ck_assert_uint_eq(units[i],
					  (units[i - 1] + 1) % percpu.nr_slots);
	}
}
END_TEST

/* The store that excludes sequences on its unit --------------------------- */

static bool store_retry(unsigned int *unit, void **where, void *value)
{
	for (int i = 0; i < 1000; i++) {
		*unit = percpu_this_cpu();
		if (percpu_store(*unit, where, value))
			return true;
	}
	return false;
}

static void store_on_each_cpu(void)
{
	void *word = NULL;
	unsigned int unit, other;
	cpu_set_t old, one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(old), &old), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &old))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
		ck_assert(store_retry(&unit, &word, &one));
		ck_assert_ptr_eq(word, &one);
		word = NULL;
		/* Units of the trylock way are guarded by their owner's lock;
		 * a thread of the other way is never on them. */
		for (other = 0; other < percpu.nr_units; other++) {
			if (other == unit)
				continue;
			ck_assert(percpu_store(other, &word, &one) ==
				  (!percpu_rseq_active() &&
				   other < percpu.nr_slots));
			ck_assert_int_eq(word != NULL,
					 !percpu_rseq_active());
			word = NULL;
		}
	}
	ck_assert_int_eq(sched_setaffinity(0, sizeof(old), &old), 0);
}

START_TEST(percpu_store_needs_to_be_there)
{
	store_on_each_cpu();
}
END_TEST

START_TEST(percpu_barrier_is_granted)
{
	ck_assert(percpu_barrier());
	ck_assert(percpu_barrier());
}
END_TEST

/* Stacks ------------------------------------------------------------------ */

#define CAPACITY 4

/* A stack as sheaves are laid out; one for all units, for a single thread. */
static union {
	struct percpu_stack stack;
	char bytes[sizeof(struct percpu_stack) + CAPACITY * sizeof(void *)];
} one_stack;

static void **stack_base;
static char objects[CAPACITY + 2];

static void set_stack(struct percpu_stack *stack)
{
	for (unsigned int unit = 0; unit < percpu.nr_units; unit++)
		*(void **)per_cpu_ptr(stack_base, unit) = stack;
}

static void stack_setup(void)
{
	memset(&one_stack, 0, sizeof(one_stack));
	one_stack.stack.capacity = CAPACITY;
	stack_base = percpu_alloc(sizeof(void *));
	ck_assert_ptr_nonnull(stack_base);
	percpu_mark_used(percpu.nr_units - 1);
	set_stack(&one_stack.stack);
}

static void stack_teardown(void)
{
	percpu_free(stack_base, sizeof(void *));
}

static bool push_retry(void *p)
{
	for (int i = 0; i < 1000; i++)
		if (percpu_push(stack_base, p))
			return true;
	return false;
}

static void *pop_retry(void)
{
	void *p = NULL;

	for (int i = 0; i < 1000 && !p; i++)
		p = percpu_pop(stack_base);
	return p;
}

/* Without rseq the fast path refuses everything: nothing below can be seen. */
#define needs_rseq()							\
	do {								\
		if (!percpu_rseq_active()) {				\
			ck_assert(!push_retry(&objects[0]));		\
			ck_assert_ptr_null(pop_retry());		\
			ck_assert_uint_eq(one_stack.stack.size, 0);	\
			return;						\
		}							\
	} while (0)

START_TEST(stack_last_pushed_is_first_popped)
{
	needs_rseq();
	for (unsigned int i = 0; i < CAPACITY; i++) {
		ck_assert(push_retry(&objects[i]));
		ck_assert_uint_eq(one_stack.stack.size, i + 1);
		ck_assert_ptr_eq(one_stack.stack.slots[i], &objects[i]);
	}
	for (unsigned int i = CAPACITY; i-- > 0;)
		ck_assert_ptr_eq(pop_retry(), &objects[i]);
	ck_assert_uint_eq(one_stack.stack.size, 0);
}
END_TEST

START_TEST(stack_full_refuses_push)
{
	needs_rseq();
	for (unsigned int i = 0; i < CAPACITY; i++)
		ck_assert(push_retry(&objects[i]));
	ck_assert(!push_retry(&objects[CAPACITY]));
	ck_assert_uint_eq(one_stack.stack.size, CAPACITY);
	ck_assert_ptr_eq(pop_retry(), &objects[CAPACITY - 1]);
}
END_TEST

START_TEST(stack_empty_refuses_pop)
{
	needs_rseq();
	ck_assert_ptr_null(pop_retry());
	ck_assert_uint_eq(one_stack.stack.size, 0);
}
END_TEST

/* Capacity 0 is empty and full: a slot that was taken away. */
START_TEST(stack_of_no_capacity_refuses_both)
{
	needs_rseq();
	one_stack.stack.capacity = 0;
	ck_assert(!push_retry(&objects[0]));
	ck_assert_ptr_null(pop_retry());
}
END_TEST

START_TEST(stack_missing_refuses_both)
{
	set_stack(NULL);
	ck_assert(!push_retry(&objects[0]));
	ck_assert_ptr_null(pop_retry());
}
END_TEST

/*	| a | b | c |	c and b are refused as freed twice, a is not looked at */
START_TEST(stack_double_push_is_refused)
{
	needs_rseq();
	ck_assert(push_retry(&objects[0]));
	ck_assert(!push_retry(&objects[0]));
	ck_assert(push_retry(&objects[1]));
	ck_assert(!push_retry(&objects[0]));
	ck_assert(push_retry(&objects[2]));
	ck_assert(!push_retry(&objects[2]));
	ck_assert(!push_retry(&objects[1]));
	ck_assert_uint_eq(one_stack.stack.size, 3);
	ck_assert(push_retry(&objects[0]));
	ck_assert_uint_eq(one_stack.stack.size, 4);
}
END_TEST

/* Taking a stack away from running threads -------------------------------- */

#define NR_THREADS 4
#define NR_PER_UNIT 4
#define THREAD_CAPACITY 64

union thread_stack {
	struct percpu_stack stack;
	char bytes[sizeof(struct percpu_stack) +
		   THREAD_CAPACITY * sizeof(void *)];
};

static _Atomic int stop, shared;
static _Atomic long nr_pops;

/* Pop one object, hold it for a moment, push it. Two holders of one object
 * would both mark it. */
static void *pop_and_push(void *arg)
{
	_Atomic char *object;

	(void)arg;
	while (!atomic_load(&stop)) {
		object = percpu_pop(stack_base);
		if (!object) {
			sched_yield();
			continue;
		}
		if (atomic_exchange(object, 1))
			atomic_store(&shared, 1);
		atomic_fetch_add(&nr_pops, 1);
		atomic_store(object, 0);
		while (!percpu_push(stack_base, (void *)object) &&
		       !atomic_load(&stop))
			;
	}
	return NULL;
}

/* After the barrier nobody may change a stack that has been taken away. */
static bool taken_stack_is_still(unsigned int unit)
{
	void **where = per_cpu_ptr(stack_base, unit);
	union thread_stack *taken = *where;
	union thread_stack copy;
	bool still;

	WRITE_ONCE(*where, NULL);
	ck_assert(percpu_barrier());
	memcpy(&copy, taken, sizeof(copy));
	sched_yield();
	still = !memcmp(&copy, taken, sizeof(copy)) &&
		copy.stack.size <= THREAD_CAPACITY;
	WRITE_ONCE(*where, (void *)taken);
	return still;
}

START_TEST(stack_taken_away_is_private)
{
	unsigned int nr = percpu.nr_units, active;
	union thread_stack *stacks;
	pthread_t threads[NR_THREADS];
	bool still = true;
	char *marks;

	needs_rseq();
	stacks = calloc(nr, sizeof(*stacks));
	marks = calloc(nr, NR_PER_UNIT);
	ck_assert(stacks && marks);
	for (unsigned int unit = 0; unit < nr; unit++) {
		stacks[unit].stack.capacity = THREAD_CAPACITY;
		stacks[unit].stack.size = NR_PER_UNIT;
		for (unsigned int i = 0; i < NR_PER_UNIT; i++)
			stacks[unit].stack.slots[i] =
				&marks[unit * NR_PER_UNIT + i];
		*(void **)per_cpu_ptr(stack_base, unit) = &stacks[unit];
	}
	atomic_store(&stop, 0);
	atomic_store(&shared, 0);
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, pop_and_push,
						NULL), 0);
	while (!atomic_load(&nr_pops))
		sched_yield();
	/* Unit 0 is no CPU's; most threads are on the lowest of the others. */
	active = min_t(unsigned int, nr - 1, NR_THREADS);
	for (int round = 0; round < 300; round++)
		still = still && taken_stack_is_still(1 + (unsigned int)round %
							      active);
	atomic_store(&stop, 1);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	set_stack(NULL);
	free(stacks);
	free(marks);
	ck_assert(still);
	ck_assert_int_eq(atomic_load(&shared), 0);
}
END_TEST

/* The other backend ------------------------------------------------------- */

TEST_SCENARIO(percpu_fallback)
{
	ck_assert(!percpu_rseq_active());
	ck_assert_uint_eq(percpu.nr_units, percpu.nr_slots);
	freed_memory_is_reused();
	store_on_each_cpu();
	ck_assert(percpu_barrier());
	stack_setup();
	ck_assert(!push_retry(&objects[0]));
	ck_assert_ptr_null(pop_retry());
	stack_teardown();
}

START_TEST(percpu_fallback_by_parameter)
{
	test_scenario_passes("percpu_fallback", "rseq=0");
}
END_TEST

/* Fewer units than the kernel has CPU numbers would be too few for rseq. */
START_TEST(percpu_fallback_with_one_cpu)
{
	test_scenario_passes("percpu_fallback", "nr_cpus=1");
}
END_TEST

TEST_SCENARIO(percpu_rseq)
{
	if (!percpu_rseq_active())
		return;
	ck_assert_uint_eq(percpu.nr_slots, 1);
	ck_assert_uint_gt(percpu.nr_units, host.nr_cpus);
	ck_assert_uint_gt(percpu_this_cpu(), 0);
}

START_TEST(percpu_rseq_leaves_unit_zero)
{
	test_scenario_passes("percpu_rseq", "rseq=1");
}
END_TEST

Suite *suite_percpu(void)
{
	Suite *s = suite_create("percpu");
	TCase *tc;

	tc = tcase_create("memory");
	tcase_add_loop_test(tc, percpu_alloc_is_zeroed_and_aligned, 0, 7);
	tcase_add_test(tc, percpu_alloc_largest_again_and_again);
	tcase_add_test(tc, percpu_alloc_too_large_is_a_bug);
	tcase_add_test(tc, percpu_many_objects_use_more_chunks);
	tcase_add_test(tc, percpu_freed_memory_is_reused_and_zero);
	tcase_add_test(tc, percpu_hole_takes_what_fits);
	tcase_add_test(tc, percpu_alloc_without_memory_is_null);
	suite_add_tcase(s, tc);

	tc = tcase_create("units");
	tcase_add_test(tc, percpu_used_units_are_visited);
	tcase_add_test(tc, percpu_threads_share_slots_in_turn);
	tcase_add_test(tc, percpu_store_needs_to_be_there);
	tcase_add_test(tc, percpu_barrier_is_granted);
	suite_add_tcase(s, tc);

	tc = tcase_create("stacks");
	tcase_add_checked_fixture(tc, stack_setup, stack_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, stack_last_pushed_is_first_popped);
	tcase_add_test(tc, stack_full_refuses_push);
	tcase_add_test(tc, stack_empty_refuses_pop);
	tcase_add_test(tc, stack_of_no_capacity_refuses_both);
	tcase_add_test(tc, stack_missing_refuses_both);
	tcase_add_test(tc, stack_double_push_is_refused);
	tcase_add_test(tc, stack_taken_away_is_private);
	suite_add_tcase(s, tc);

	tc = tcase_create("backends");
	tcase_add_test(tc, percpu_fallback_by_parameter);
	tcase_add_test(tc, percpu_fallback_with_one_cpu);
	tcase_add_test(tc, percpu_rseq_leaves_unit_zero);
	suite_add_tcase(s, tc);
	return s;
}
