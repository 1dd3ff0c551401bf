// SPDX-License-Identifier: MIT
/*
 * Tests of mm/sheaf*.c and mm/barn.c: what happens at the ends of a sheaf, the
 * barn, and flushes while others go on.
 *
 * A sheaf is drawn by its number of objects, the barn as its full and empty
 * sheaves:	main 60, spare 0 | full 3, empty 1
 *
 * Most tests run twice: here, and as a scenario with rseq=0, so that both
 * backends are covered whatever the host has. Under a memory checker caches
 * have no sheaves; then only the second run, which is outside of Valgrind, has
 * something to test.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <kmm/kmm.h>

#include "cmdline.h"
#include "gate.h"
#include "host.h"
#include "sheaf.h"
#include "slab_test.h"

#define DEFINE_TWICE(name)						\
	static void name##_once(void);					\
	TEST_SCENARIO(name##_scenario)					\
	{								\
		if (!memcheck_active())					\
			name##_once();					\
	}								\
	START_TEST(name)						\
	{								\
		if (_i)							\
			test_scenario_passes(#name "_scenario", "rseq=0"); \
		else if (!memcheck_active())				\
			name##_once();					\
		unpin();						\
	}								\
	END_TEST							\
	static void name##_once(void)

/* A cache whose sheaves hold 28, and objects to take from it. */
#define CAPACITY 28
#define SIZE 512
#define MAX_OBJECTS 8192

static void *p[MAX_OBJECTS];

/* Whoever names a capacity has it from the first sheaf on. */
static struct kmem_cache *make_pinned_cache(const char *name)
{
	struct kmem_cache_args args = { .sheaf_capacity = CAPACITY };
	struct kmem_cache *s;

	ck_assert(pin_to_cpu(0));
	s = kmem_cache_create(name, SIZE, &args, SLAB_NO_MERGE);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->sheaf_capacity, CAPACITY);
	return s;
}

static void take(struct kmem_cache *s, unsigned int from, unsigned int to)
{
	for (; from < to; from++) {
		p[from] = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_nonnull(p[from]);
		fill(p[from], SIZE, from);
	}
}

static void give(struct kmem_cache *s, unsigned int from, unsigned int to)
{
	for (; from < to; from++) {
		ck_assert(holds(p[from], SIZE, from));
		kmem_cache_free(s, p[from]);
	}
}

static u32 sheaf_size(const struct slab_sheaf *sheaf)
{
	return sheaf ? sheaf->size : 0;
}

static void assert_sheaves(struct kmem_cache *s, u32 main, u32 spare, u32 full,
			   u32 empty)
{
	struct slub_percpu_sheaves *slot = this_slot(s);

	ck_assert_uint_eq(sheaf_size(slot->main), main);
	ck_assert_uint_eq(sheaf_size(slot->spare), spare);
	ck_assert_uint_eq(s->barn.nr_full, full);
	ck_assert_uint_eq(s->barn.nr_empty, empty);
	assert_valid(s);
}

/* Refill ------------------------------------------------------------------ */

/*
 * A cache that is hardly used keeps little: the refills take 4, 8, 16, 28, 28.
 *
 *	alloc		in use by us	taken from slabs
 *	1st .. 4th	4		4
 *	5th .. 12th	12		12
 *	13th .. 28th	28		28
 *	29th .. 56th	56		56
 */
DEFINE_TWICE(sheaf_refill_grows_to_capacity)
{
	struct kmem_cache *s = make_pinned_cache("unit-refill");
	unsigned int refill = 4, have = 0, used = 0;

	while (used < 4 * CAPACITY) {
		if (used == have) {
			have += refill;
			refill = refill * 2 < CAPACITY ? refill * 2 : CAPACITY;
		}
		take(s, used, used + 1);
		used++;
		ck_assert_uint_eq(s->node.nr_inuse, have);
		ck_assert_uint_eq(sheaf_count_objects(s), have - used);
	}
	give(s, 0, used);
	assert_valid(s);
	kmem_cache_destroy(s);
}

/* The sheaves of a cache grow with its use, up to its capacity: the first ones
 * are small, and no empty one of them stays in the barn. */
DEFINE_TWICE(sheaf_capacity_grows_with_use)
{
	struct kmem_cache *s;
	unsigned int i;
	u32 first;

	ck_assert(pin_to_cpu(0));
	s = make_cache("unit-grows", 64, SLAB_NO_MERGE);
	ck_assert_uint_eq(s->sheaf_capacity, 60);
	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	first = this_slot(s)->main->capacity;
	ck_assert_uint_lt(first, 60);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_nonnull(p[i]);
		fill(p[i], 64, i);
	}
	assert_valid(s);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		ck_assert(holds(p[i], 64, i));
		kmem_cache_free(s, p[i]);
	}
	assert_valid(s);
	ck_assert_uint_eq(this_slot(s)->main->capacity, 60);
	for (struct slab_sheaf *sheaf = s->barn.empty; sheaf;
	     sheaf = sheaf->next)
		ck_assert_uint_eq(sheaf->capacity, 60);
	kmem_cache_destroy(s);
}

/* Main, spare and barn ---------------------------------------------------- */

/* Three sheaves of objects freed: one main, one spare, one into the barn. */
static struct kmem_cache *make_three_full(const char *name)
{
	struct kmem_cache *s = make_pinned_cache(name);

	take(s, 0, 3 * CAPACITY);
	/* The last refills left nothing over: 4 + 8 + 16 + 28 + 28. */
	assert_sheaves(s, 0, 0, 0, s->barn.nr_empty);
	give(s, 0, 3 * CAPACITY);
	ck_assert_uint_eq(sheaf_count_objects(s), 3 * CAPACITY);
	assert_sheaves(s, CAPACITY, CAPACITY, 1, s->barn.nr_empty);
	return s;
}

/*
 * A load that swings around a boundary swaps main and spare:
 *
 *	main 1,  spare 28	two more: swap when main is empty
 *	main 27, spare 0	and back: swap when main is full
 *	main 28, spare 1
 *
 * Neither the barn nor a slab hears of it.
 */
DEFINE_TWICE(sheaf_swing_at_boundary_stays_on_cpu)
{
	struct kmem_cache *s = make_three_full("unit-swing");
	u32 full = s->barn.nr_full, empty = s->barn.nr_empty;
	struct slub_percpu_sheaves *slot = this_slot(s);
	u32 refills = slot->refills, flushes = slot->flushes;
	unsigned long inuse = s->node.nr_inuse;
	unsigned int i;

	take(s, 0, CAPACITY - 1);
	assert_sheaves(s, 1, CAPACITY, full, empty);
	for (i = 0; i < 1000; i++) {
		take(s, 100, 103);
		give(s, 100, 103);
		ck_assert_uint_eq(s->barn.nr_full, full);
		ck_assert_uint_eq(s->barn.nr_empty, empty);
	}
	ck_assert_uint_eq(slot->refills, refills);
	ck_assert_uint_eq(slot->flushes, flushes);
	ck_assert_uint_eq(s->node.nr_inuse, inuse);
	give(s, 0, CAPACITY - 1);
	assert_valid(s);
	kmem_cache_destroy(s);
}

/*
 *	main 28, spare 28 | full 1, empty e
 *	main  0, spare  0 | full 1, empty e		56 allocations
 *	main 27, spare  0 | full 0, empty e + 1		one more: a full one for
 *							an empty one
 *	main 28, spare  0				and freed again
 */
DEFINE_TWICE(sheaf_empty_is_exchanged_for_full)
{
	struct kmem_cache *s = make_three_full("unit-exchange");
	u32 empty = s->barn.nr_empty;

	take(s, 0, 2 * CAPACITY);
	assert_sheaves(s, 0, 0, 1, empty);
	take(s, 2 * CAPACITY, 2 * CAPACITY + 1);
	assert_sheaves(s, CAPACITY - 1, 0, 0, empty + 1);
	ck_assert_uint_eq(s->node.nr_inuse, 3 * CAPACITY);
	give(s, 0, 2 * CAPACITY + 1);
	ck_assert_uint_eq(s->node.nr_inuse, 3 * CAPACITY);
	assert_sheaves(s, CAPACITY, CAPACITY, 1, empty);
	kmem_cache_destroy(s);
}

/* What the barn does not keep goes to the slabs, and those that are empty then
 * to the buddy system. */
DEFINE_TWICE(sheaf_barn_keeps_up_to_its_limit)
{
	struct kmem_cache *s = make_pinned_cache("unit-limit");
	unsigned int keep = (s->barn_limit + 2) * CAPACITY, nr = keep + 500, i;

	ck_assert_uint_lt(nr, MAX_OBJECTS);
	take(s, 0, nr);
	for (i = 0; i < nr; i++) {
		give(s, i, i + 1);
		ck_assert_uint_le(s->barn.nr_full, s->barn_limit);
		if (i % 16 == 0)
			assert_valid(s);
	}
	ck_assert_uint_eq(s->barn.nr_full, s->barn_limit);
	ck_assert_uint_le(sheaf_count_objects(s), keep);
	ck_assert_uint_ge(sheaf_count_objects(s), s->barn_limit * CAPACITY);
	ck_assert_uint_eq(s->node.nr_inuse, sheaf_count_objects(s));
	/* All of it comes back out. */
	take(s, 0, nr);
	give(s, 0, nr);
	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	ck_assert_uint_eq(s->barn.nr_full + s->barn.nr_empty, 0);
	assert_valid(s);
	kmem_cache_destroy(s);
}

DEFINE_TWICE(sheaf_contains_finds_object_everywhere)
{
	struct kmem_cache *s = make_three_full("unit-contains");
	unsigned int i;

	for (i = 0; i < 3 * CAPACITY; i++)
		ck_assert(sheaf_contains(s, p[i]));
	ck_assert(!sheaf_contains(s, p));
	take(s, 0, 1);
	ck_assert(!sheaf_contains(s, p[0]));
	give(s, 0, 1);
	kmem_cache_shrink(s);
	ck_assert(!sheaf_contains(s, p[0]));
	kmem_cache_destroy(s);
}

/* The last two freed are looked at before a third joins them. */
TEST_SCENARIO(sheaf_free_newest_twice)
{
	struct kmem_cache *s = make_pinned_cache("unit-twice");

	take(s, 0, 3);
	kmem_cache_free(s, p[0]);
	kmem_cache_free(s, p[1]);
	kmem_cache_free(s, p[0]);
}

START_TEST(sheaf_double_free_of_newest_aborts)
{
	const char *text;
	int status;

	/* No process of such a build has sheaves. */
	if (KMM_ASAN)
		return;
	status = test_run_scenario("sheaf_free_newest_twice",
				   _i ? "rseq=0" : NULL, &text);
	test_aborted_with(status, text, "BUG double free of ");
	ck_assert_ptr_nonnull(strstr(text, "of unit-twice is free already"));
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

/* Capacities -------------------------------------------------------------- */

DEFINE_TWICE(sheaf_capacity_follows_size)
{
	static const struct {
		unsigned int size, capacity;
	} expected[] = {
		{ 8, 60 }, { 248, 60 }, { 256, 28 }, { 1016, 28 },
		{ 1024, 12 }, { 4088, 12 }, { 4096, 4 }, { 100000, 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		struct kmem_cache *s = make_cache("unit-capacity",
						  expected[i].size,
						  SLAB_NO_MERGE);

		ck_assert_uint_eq(s->sheaf_capacity, expected[i].capacity);
		kmem_cache_destroy(s);
	}
	/* malloc's rates are higher: its caches may have more. How much is
	 * tuned. */
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		struct kmem_cache *s;

		if (expected[i].size > KMALLOC_MAX_CACHE_SIZE)
			break;
		s = kmalloc_slab(expected[i].size, 0);
		/* On the kernel's ladder the cache may be of a larger size. */
		ck_assert_uint_ge(s->sheaf_capacity,
				  s->size < 256  ? 60 :
				  s->size < 1024 ? 28 :
				  s->size < 4096 ? 12 : 4);
		ck_assert_uint_le(s->sheaf_capacity, 252);
	}
}

/* The least budget is 96 KiB: a sheaf of 8 objects of 512 bytes is right if it lasts
 * while the CPU replaces 24. */
DEFINE_TWICE(sheaf_lasted_weighs_bytes_by_time)
{
	struct kmem_cache_args args = { .sheaf_capacity = CAPACITY };
	struct kmem_cache *s = make_cache("unit-lasted", SIZE, SLAB_NO_MERGE);
	struct kmem_cache *fixed;

	sheaf_set_budget(0);
	s->barn.capacity = 8;
	sheaf_lasted(s, 8, 24);
	ck_assert_uint_eq(s->barn.capacity, 8);
	sheaf_lasted(s, 8, 12);
	ck_assert_uint_eq(s->barn.capacity, 12);
	sheaf_lasted(s, 8, 48);
	ck_assert_uint_eq(s->barn.capacity, 5);
	/* Not beyond either end; and the clock may have gone round. */
	sheaf_lasted(s, 28, 1);
	ck_assert_uint_eq(s->barn.capacity, 28);
	sheaf_lasted(s, 4, UINT32_MAX);
	ck_assert_uint_eq(s->barn.capacity, 4);
	/* In a process that uses more it may hold more. */
	sheaf_set_budget(1UL << 20);
	sheaf_lasted(s, 8, 48);
	ck_assert_uint_eq(s->barn.capacity, 12);
	sheaf_set_budget(0);

	fixed = kmem_cache_create("unit-fixed", SIZE, &args, SLAB_NO_MERGE);
	ck_assert_ptr_nonnull(fixed);
	sheaf_lasted(fixed, CAPACITY, 1000);
	ck_assert_uint_eq(fixed->barn.capacity, CAPACITY);
	kmem_cache_destroy(fixed);
	kmem_cache_destroy(s);
}

/*
 * One cache is called 400 times for each call of another. The sheaves of the first
 * grow to all they may have; those of the second, which began with as much, shrink.
 */
DEFINE_TWICE(sheaf_capacity_goes_where_the_calls_are)
{
	struct kmem_cache *often, *seldom;
	unsigned int round, i;
	void *few[400];

	ck_assert(pin_to_cpu(0));
	often = make_cache("unit-often", 64, SLAB_NO_MERGE);
	seldom = make_cache("unit-seldom", 1000, SLAB_NO_MERGE);
	sheaf_set_budget(0);
	ck_assert_uint_eq(seldom->barn.capacity, 28);
	ck_assert_uint_eq(often->barn.capacity, 28);
	for (round = 0; round < ARRAY_SIZE(few); round++) {
		for (i = 0; i < 400; i++) {
			p[i] = kmem_cache_alloc(often, GFP_KERNEL);
			ck_assert_ptr_nonnull(p[i]);
		}
		for (i = 0; i < 400; i++)
			kmem_cache_free(often, p[i]);
		few[round] = kmem_cache_alloc(seldom, GFP_KERNEL);
		ck_assert_ptr_nonnull(few[round]);
		fill(few[round], 1000, round);
	}
	ck_assert_uint_eq(often->barn.capacity, 60);
	ck_assert_uint_le(seldom->barn.capacity, 8);
	for (round = 0; round < ARRAY_SIZE(few); round++) {
		ck_assert(holds(few[round], 1000, round));
		kmem_cache_free(seldom, few[round]);
	}
	assert_valid(often);
	assert_valid(seldom);
	kmem_cache_destroy(often);
	kmem_cache_destroy(seldom);
}

/* An empty sheaf is used again if its memory is what a new one would have. */
DEFINE_TWICE(sheaf_renew_keeps_memory_of_the_same_size)
{
	struct kmem_cache *s = make_cache("unit-renew", SIZE, SLAB_NO_MERGE);
	struct slab_sheaf *sheaf;

	gate_enter();
	sheaf = alloc_empty_sheaf(s, GFP_KERNEL);
	ck_assert_ptr_nonnull(sheaf);
	ck_assert_uint_eq(sheaf->capacity, 28);
	/* Both take 256 bytes. */
	s->barn.capacity = 20;
	ck_assert_ptr_eq(renew_sheaf(s, sheaf), sheaf);
	ck_assert_uint_eq(sheaf->capacity, 20);
	put_sheaf(s, sheaf);
	ck_assert_uint_eq(s->barn.nr_empty, 1);
	/* 128 bytes. */
	s->barn.capacity = 12;
	ck_assert_ptr_null(barn_get_empty(s));
	ck_assert_uint_eq(s->barn.nr_empty, 0);
	sheaf = alloc_empty_sheaf(s, GFP_KERNEL);
	ck_assert_ptr_nonnull(sheaf);
	s->barn.capacity = 20;
	put_sheaf(s, sheaf);
	ck_assert_uint_eq(s->barn.nr_empty, 0);
	gate_exit();
	assert_valid(s);
	kmem_cache_destroy(s);
}

/* At least what was asked for, rounded up to a sheaf that is a power of two of
 * bytes; the largest holds 1020. */
DEFINE_TWICE(sheaf_capacity_argument_is_the_least)
{
	static const struct {
		unsigned int asked, capacity;
	} expected[] = {
		{ 1, 60 }, { 60, 60 }, { 61, 124 }, { 124, 124 }, { 200, 252 },
		{ 253, 508 }, { 1000, 1020 }, { 1020, 1020 }, { 5000, 1020 },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		struct kmem_cache_args args = {
			.sheaf_capacity = expected[i].asked,
		};
		struct kmem_cache *s = kmem_cache_create("unit-args", SIZE / 8,
							 &args, 0);

		ck_assert_ptr_nonnull(s);
		ck_assert_uint_eq(s->sheaf_capacity, expected[i].capacity);
		for (k = 0; k < MAX_OBJECTS; k++)
			p[k] = kmem_cache_alloc(s, GFP_KERNEL);
		for (k = 0; k < MAX_OBJECTS; k++)
			kmem_cache_free(s, p[k]);
		assert_valid(s);
		kmem_cache_destroy(s);
	}
}

TEST_SCENARIO(sheaf_capacity_50)
{
	struct kmem_cache_args args = { .sheaf_capacity = 100 };
	struct kmem_cache *s = make_cache("unit-param", 4096, SLAB_NO_MERGE);

	if (memcheck_active())
		return;
	/* 50 objects need 432 bytes of a sheaf of 512. */
	ck_assert_uint_eq(s->sheaf_capacity, 60);
	ck_assert_uint_eq(kmalloc_slab(64, 0)->sheaf_capacity, 60);
	kmem_cache_destroy(s);
	s = kmem_cache_create("unit-param", 4096, &args, 0);
	ck_assert_uint_eq(s->sheaf_capacity, 124);
	kmem_cache_destroy(s);
}

START_TEST(sheaf_capacity_parameter_is_for_all)
{
	test_scenario_passes("sheaf_capacity_50", "sheaf_capacity=50");
}
END_TEST

START_TEST(sheaf_debugged_cache_has_none)
{
	static const slab_flags_t flags[] = {
		SLAB_CONSISTENCY_CHECKS, SLAB_RED_ZONE, SLAB_POISON,
		SLAB_STORE_USER, SLAB_TRACE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct kmem_cache *s = make_cache("unit-none", 64, flags[i]);
		void *object = kmem_cache_alloc(s, GFP_KERNEL);

		ck_assert_uint_eq(s->sheaf_capacity, 0);
		kmem_cache_free(s, object);
		ck_assert_uint_eq(s->node.nr_inuse, 0);
		ck_assert_uint_eq(sheaf_count_objects(s), 0);
		kmem_cache_destroy(s);
	}
}
END_TEST

/* Other CPUs -------------------------------------------------------------- */

/* A second thread on a CPU of its own; where there is one CPU, on that one. */
struct neighbour {
	struct kmem_cache *s;
	pthread_barrier_t ready, go;
	atomic_bool stop;
	unsigned long rounds;
	bool damaged;
	void *p[4 * CAPACITY];
};

static void take_and_give(struct neighbour *n)
{
	unsigned int nr = ARRAY_SIZE(n->p), i;

	for (i = 0; i < nr; i++) {
		n->p[i] = kmem_cache_alloc(n->s, GFP_KERNEL);
		if (!n->p[i]) {
			n->damaged = true;
			return;
		}
		fill(n->p[i], SIZE, i + 77);
	}
	for (i = 0; i < nr; i++) {
		n->damaged |= !holds(n->p[i], SIZE, i + 77);
		kmem_cache_free(n->s, n->p[i]);
	}
}

static void *fill_and_wait(void *arg)
{
	struct neighbour *n = arg;

	if (!pin_to_cpu(1))
		pin_to_cpu(0);
	take_and_give(n);
	pthread_barrier_wait(&n->ready);
	pthread_barrier_wait(&n->go);
	return NULL;
}

static void *free_one_and_allocate(void *arg)
{
	struct neighbour *n = arg;

	kmem_cache_free(n->s, n->p[1]);
	n->p[1] = kmem_cache_alloc(n->s, GFP_KERNEL);
	n->damaged = (unsigned long)n->p[0] / CACHE_LINE_SIZE ==
		     (unsigned long)n->p[1] / CACHE_LINE_SIZE;
	return NULL;
}

/*	line	| p0 | p1 |    |    |	both from CPU 0; CPU 1 frees p1 and
 *		  ^ CPU 0 writes here	allocates: not in this line */
TEST_SCENARIO(lines_of_ones_own)
{
	struct neighbour n = { 0 };
	pthread_t thread;

	/* A memory checker watches each object: there are no sheaves. */
	if (memcheck_active())
		return;
	n.s = make_cache("unit-lines", 16, SLAB_NO_MERGE);
	n.p[0] = kmem_cache_alloc(n.s, GFP_KERNEL);
	n.p[1] = kmem_cache_alloc(n.s, GFP_KERNEL);
	ck_assert_uint_eq((unsigned long)n.p[0] / CACHE_LINE_SIZE,
			  (unsigned long)n.p[1] / CACHE_LINE_SIZE);
	ck_assert(!pthread_create(&thread, NULL, free_one_and_allocate, &n));
	pthread_join(thread, NULL);
	ck_assert(!n.damaged);
	assert_valid(n.s);
	kmem_cache_free(n.s, n.p[0]);
	kmem_cache_free(n.s, n.p[1]);
	kmem_cache_destroy(n.s);
}

/* Where each thread has a slot of its own: the kernel's compact CPU numbers may
 * move from one thread to another at any time. */
START_TEST(sheaf_small_objects_begin_with_lines_of_ones_own)
{
	test_scenario_passes("lines_of_ones_own", "rseq=0");
}
END_TEST

/*
 *	CPU 0: nothing			CPU 1: main 28, spare 28 | barn 2 full
 *	       kmem_cache_shrink()
 *	CPU 0: nothing			CPU 1: nothing
 */
DEFINE_TWICE(sheaf_flush_takes_other_cpus_objects)
{
	struct neighbour n = { 0 };
	pthread_t thread;

	n.s = make_pinned_cache("unit-flush");
	pthread_barrier_init(&n.ready, NULL, 2);
	pthread_barrier_init(&n.go, NULL, 2);
	ck_assert(!pthread_create(&thread, NULL, fill_and_wait, &n));
	pthread_barrier_wait(&n.ready);
	ck_assert_uint_eq(sheaf_count_objects(n.s), ARRAY_SIZE(n.p));
	ck_assert_uint_eq(n.s->node.nr_inuse, ARRAY_SIZE(n.p));
	assert_valid(n.s);
	ck_assert_int_eq(kmem_cache_shrink(n.s), 0);
	ck_assert_uint_eq(sheaf_count_objects(n.s), 0);
	ck_assert_uint_eq(n.s->node.nr_slabs, 0);
	assert_valid(n.s);
	pthread_barrier_wait(&n.go);
	pthread_join(thread, NULL);
	kmem_cache_destroy(n.s);
	ck_assert(!n.damaged);
}

static void *take_and_give_until_told(void *arg)
{
	struct neighbour *n = arg;

	if (!pin_to_cpu(1))
		pin_to_cpu(0);
	while (!atomic_load(&n->stop) && !n->damaged) {
		take_and_give(n);
		n->rounds++;
	}
	return NULL;
}

/* The neighbour does not stop for it. */
DEFINE_TWICE(sheaf_flush_of_busy_cpu_loses_nothing)
{
	struct neighbour n = { 0 };
	unsigned long flushes;
	pthread_t thread;
	u64 end;

	n.s = make_pinned_cache("unit-busy");
	ck_assert(!pthread_create(&thread, NULL, take_and_give_until_told, &n));
	end = host_clock() + 300 * 1000000ULL;
	for (flushes = 0; host_clock() < end; flushes++) {
		kmem_cache_shrink(n.s);
		if (flushes % 64 == 0)
			sched_yield();
	}
	atomic_store(&n.stop, true);
	pthread_join(thread, NULL);
	ck_assert(!n.damaged);
	ck_assert_uint_gt(n.rounds, 0);
	assert_valid(n.s);
	ck_assert_uint_eq(n.s->node.nr_inuse, sheaf_count_objects(n.s));
	ck_assert_int_eq(kmem_cache_shrink(n.s), 0);
	kmem_cache_destroy(n.s);
}

/* Both use the cache, and objects go from one to the other. */
static void *free_all_of_them(void *arg)
{
	struct kmem_cache *s = arg;

	if (!pin_to_cpu(1))
		pin_to_cpu(0);
	give(s, 0, 1000);
	return NULL;
}

DEFINE_TWICE(sheaf_objects_freed_elsewhere_come_back)
{
	struct kmem_cache *s = make_pinned_cache("unit-elsewhere");
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		take(s, 0, 1000);
		assert_valid(s);
		ck_assert(!pthread_create(&thread, NULL, free_all_of_them, s));
		pthread_join(thread, NULL);
		assert_valid(s);
	}
	/* What one CPU hoards does not grow with the rounds. */
	ck_assert_uint_le(s->node.nr_objects, 3 * 1000);
	kmem_cache_destroy(s);
}

/* The validator ----------------------------------------------------------- */

static void assert_damaged(struct kmem_cache *s)
{
	unsigned int bad;
	const char *text;

	test_capture_begin(2);
	bad = sheaf_validate(s);
	text = test_capture_end();
	ck_assert_uint_gt(bad, 0);
	ck_assert_ptr_nonnull(strstr(text, "violated invariants of its sheaves"));
}

/* H1: size, and what the slots hold. */
DEFINE_TWICE(sheaf_validate_bad_sheaf_is_found)
{
	struct kmem_cache *other = make_cache("unit-h1-other", SIZE,
					      SLAB_NO_MERGE), *s;
	/* First: to grow for it may be to take back what sheaves hold. */
	void *stranger = kmem_cache_alloc(other, GFP_KERNEL), *saved;
	struct slab_sheaf *main;

	s = make_three_full("unit-h1");
	main = this_slot(s)->main;
	saved = main->objects[3];
	main->capacity = CAPACITY - 1;
	assert_damaged(s);
	main->capacity = CAPACITY;
	main->cache = other;
	assert_damaged(s);
	main->cache = s;
	main->objects[3] = (char *)saved + 8;		/* inside an object */
	assert_damaged(s);
	main->objects[3] = stranger;			/* of another cache */
	assert_damaged(s);
	main->objects[3] = &saved;			/* not ours at all */
	assert_damaged(s);
	main->objects[3] = main->objects[4];		/* twice */
	assert_damaged(s);
	main->objects[3] = saved;
	assert_valid(s);
	kmem_cache_free(other, stranger);
	kmem_cache_destroy(other);
	kmem_cache_destroy(s);
}

/* H1: an object in a sheaf counts as in use by its slab. */
DEFINE_TWICE(sheaf_validate_free_object_is_found)
{
	struct kmem_cache *s = make_three_full("unit-h1b");
	struct slab_sheaf *main = this_slot(s)->main;
	void *object = main->objects[3];

	gate_enter();
	slab_free_bulk(s, 1, &object, NULL);
	gate_exit();
	assert_damaged(s);
	main->objects[3] = main->objects[--main->size];
	assert_valid(s);
	kmem_cache_destroy(s);
}

/* H2: full ones are not empty, empty ones are, and both are counted. */
DEFINE_TWICE(sheaf_validate_bad_barn_is_found)
{
	struct kmem_cache *s = make_three_full("unit-h2");
	u32 size = s->barn.full->size;

	s->barn.full->size = 0;
	assert_damaged(s);
	s->barn.full->size = size;
	s->barn.nr_full++;
	assert_damaged(s);
	s->barn.nr_full--;
	s->barn.nr_empty++;
	assert_damaged(s);
	s->barn.nr_empty--;
	assert_valid(s);
	/* Main and spare from the barn: an empty one comes to it. */
	take(s, 0, 2 * CAPACITY + 1);
	ck_assert_ptr_nonnull(s->barn.empty);
	s->barn.empty->objects[0] = p[0];
	s->barn.empty->size = 1;
	assert_damaged(s);
	s->barn.empty->size = 0;
	assert_valid(s);
	give(s, 0, 2 * CAPACITY + 1);
	kmem_cache_destroy(s);
}

/* H3: the barn's limit. */
DEFINE_TWICE(sheaf_validate_overfull_barn_is_found)
{
	struct kmem_cache *s = make_three_full("unit-h3");
	unsigned int limit = s->barn_limit;

	s->barn_limit = 0;
	assert_damaged(s);
	s->barn_limit = limit;
	assert_valid(s);
	kmem_cache_destroy(s);
}

/* Random ------------------------------------------------------------------ */

DEFINE_TWICE(sheaf_random_steps_match_model)
{
	struct kmem_cache *s = make_pinned_cache("unit-random");
	static bool live[4 * CAPACITY];
	unsigned int step, i, nr = 0;

	memset(live, 0, sizeof(live));
	for (step = 0; step < 5000; step++) {
		i = (unsigned int)(test_random() % ARRAY_SIZE(live));
		if (live[i]) {
			give(s, i, i + 1);
			nr--;
		} else {
			take(s, i, i + 1);
			nr++;
		}
		live[i] = !live[i];
		if (test_random() % 256 == 0)
			kmem_cache_shrink(s);
		assert_valid(s);
		ck_assert_uint_eq(s->node.nr_inuse - sheaf_count_objects(s),
				  nr);
	}
	for (i = 0; i < ARRAY_SIZE(live); i++)
		if (live[i])
			give(s, i, i + 1);
	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	kmem_cache_destroy(s);
}

Suite *suite_sheaf(void)
{
	Suite *s = suite_create("sheaf");
	TCase *tc;

	tc = tcase_create("one cpu");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, sheaf_refill_grows_to_capacity, 0, 2);
	tcase_add_loop_test(tc, sheaf_capacity_grows_with_use, 0, 2);
	tcase_add_loop_test(tc, sheaf_swing_at_boundary_stays_on_cpu, 0, 2);
	tcase_add_loop_test(tc, sheaf_empty_is_exchanged_for_full, 0, 2);
	tcase_add_loop_test(tc, sheaf_barn_keeps_up_to_its_limit, 0, 2);
	tcase_add_loop_test(tc, sheaf_contains_finds_object_everywhere, 0, 2);
	tcase_add_loop_test(tc, sheaf_double_free_of_newest_aborts, 0, 2);
	suite_add_tcase(s, tc);

	tc = tcase_create("capacity");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, sheaf_capacity_follows_size, 0, 2);
	tcase_add_loop_test(tc, sheaf_lasted_weighs_bytes_by_time, 0, 2);
	tcase_add_loop_test(tc, sheaf_capacity_goes_where_the_calls_are, 0, 2);
	tcase_add_loop_test(tc, sheaf_renew_keeps_memory_of_the_same_size, 0, 2);
	tcase_add_loop_test(tc, sheaf_capacity_argument_is_the_least, 0, 2);
	tcase_add_test(tc, sheaf_capacity_parameter_is_for_all);
	tcase_add_test(tc, sheaf_debugged_cache_has_none);
	suite_add_tcase(s, tc);

	tc = tcase_create("other cpus");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, sheaf_small_objects_begin_with_lines_of_ones_own);
	tcase_add_loop_test(tc, sheaf_flush_takes_other_cpus_objects, 0, 2);
	tcase_add_loop_test(tc, sheaf_flush_of_busy_cpu_loses_nothing, 0, 2);
	tcase_add_loop_test(tc, sheaf_objects_freed_elsewhere_come_back, 0, 2);
	suite_add_tcase(s, tc);

	tc = tcase_create("validator");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, sheaf_validate_bad_sheaf_is_found, 0, 2);
	tcase_add_loop_test(tc, sheaf_validate_free_object_is_found, 0, 2);
	tcase_add_loop_test(tc, sheaf_validate_bad_barn_is_found, 0, 2);
	tcase_add_loop_test(tc, sheaf_validate_overfull_barn_is_found, 0, 2);
	suite_add_tcase(s, tc);

	tc = tcase_create("random");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, sheaf_random_steps_match_model, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}
