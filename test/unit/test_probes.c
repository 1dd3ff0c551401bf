// SPDX-License-Identifier: MIT
/*
 * Tests of mm/probes.c: what a tracer changes by being there. The kernel raises
 * percpu.tracers; so do these. That probes fire is for test/kmm to see.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "memcheck.h"
#include "probes.h"
#include "slab_test.h"
#include "watch.h"

#define NR_OBJECTS 100

static void attach(void) { WRITE_ONCE(percpu.tracers, 1); }
static void detach(void) { WRITE_ONCE(percpu.tracers, 0); }

/* The first sequence may be interrupted, a thousand not. */
static bool fast_path_serves(struct kmem_cache *s)
{
	void *p = kmem_cache_alloc(s, GFP_KERNEL);
	bool served = false;
	void *popped;

	for (int i = 0; i < 1000 && !served; i++) {
		kmem_cache_free(s, p);
		popped = percpu_pop(s->cpu_sheaves);
		served = popped != NULL;
		p = served ? popped : kmem_cache_alloc(s, GFP_KERNEL);
	}
	kmem_cache_free(s, p);
	return served;
}

START_TEST(probes_tracer_turns_fast_path_off_and_on)
{
	/* Under ASan blocks go the slow way always. */
	bool fast = percpu_rseq_active() && !memcheck_active();
	struct kmem_cache *s = make_cache("traced", 64, SLAB_NO_MERGE);

	ck_assert_int_eq(fast_path_serves(s), fast);
	ck_assert_int_eq(call_is_watched(), calls_watched);
	attach();
	ck_assert(!fast_path_serves(s));
	ck_assert(call_is_watched());
	detach();
	ck_assert_int_eq(fast_path_serves(s), fast);
	ck_assert_int_eq(call_is_watched(), calls_watched);
	assert_valid(s);
	kmem_cache_destroy(s);
}
END_TEST

/* The sheaf goes on being used: newest first, and no slab is touched. */
START_TEST(probes_traced_calls_use_sheaves)
{
	struct kmem_cache *s = make_cache("traced", 64, SLAB_NO_MERGE);
	void *p = kmem_cache_alloc(s, GFP_KERNEL);
	unsigned long in_use;

	ck_assert(pin_to_cpu(0));
	kmem_cache_free(s, p);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	kmem_cache_free(s, p);
	in_use = s->node.nr_inuse;
	attach();
	for (int i = 0; i < 100; i++) {
		void *q = kmem_cache_alloc(s, GFP_KERNEL);

		if (s->sheaf_capacity)
			ck_assert_ptr_eq(q, p);
		kmem_cache_free(s, q);
		ck_assert_uint_eq(s->node.nr_inuse, in_use);
	}
	detach();
	unpin();
	kmem_cache_destroy(s);
}
END_TEST

/* Objects of before, of meanwhile and of after, freed in each of the others. */
START_TEST(probes_objects_outlive_the_tracer)
{
	void *p[3 * NR_OBJECTS];
	int i;

	for (i = 0; i < 3 * NR_OBJECTS; i++) {
		if (i == NR_OBJECTS)
			attach();
		if (i == 2 * NR_OBJECTS)
			detach();
		p[i] = kmalloc(200, GFP_KERNEL);
		fill(p[i], 200, (unsigned long)i);
	}
	for (i = 0; i < 3 * NR_OBJECTS; i++) {
		if (i == NR_OBJECTS / 2)
			attach();
		ck_assert(holds(p[i], 200, (unsigned long)i));
		kfree(p[i]);
	}
	detach();
	assert_all_valid();
}
END_TEST

#define NR_THREADS 4
#define NR_ROUNDS 3000

static _Atomic int running, broken;

static void *use(void *arg)
{
	struct kmem_cache *s = arg;
	void *p[20];
	int round, i;

	for (round = 0; round < NR_ROUNDS; round++) {
		for (i = 0; i < 20; i++) {
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
			fill(p[i], 64, (unsigned long)p[i]);
		}
		for (i = 0; i < 20; i++) {
			if (!holds(p[i], 64, (unsigned long)p[i]))
				atomic_store(&broken, 1);
			kmem_cache_free(s, p[i]);
		}
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

START_TEST(probes_tracers_come_and_go_at_any_time)
{
	struct kmem_cache *s = make_cache("traced", 64, SLAB_NO_MERGE);
	pthread_t threads[NR_THREADS];
	int i;

	atomic_store(&running, NR_THREADS);
	atomic_store(&broken, 0);
	for (i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use, s), 0);
	while (atomic_load(&running)) {
		attach();
		sched_yield();
		detach();
		sched_yield();
	}
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(atomic_load(&broken), 0);
	ck_assert_uint_eq(s->node.nr_inuse, sheaf_count_objects(s));
	assert_valid(s);
	kmem_cache_destroy(s);
}
END_TEST

Suite *suite_probes(void)
{
	Suite *suite = suite_create("probes");
	TCase *tracers = tcase_create("tracers");

	tcase_add_checked_fixture(tracers, NULL, detach);
	tcase_add_test(tracers, probes_tracer_turns_fast_path_off_and_on);
	tcase_add_test(tracers, probes_traced_calls_use_sheaves);
	tcase_add_test(tracers, probes_objects_outlive_the_tracer);
	tcase_add_test(tracers, probes_tracers_come_and_go_at_any_time);
	suite_add_tcase(suite, tracers);
	return suite;
}
