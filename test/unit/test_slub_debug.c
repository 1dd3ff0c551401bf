// SPDX-License-Identifier: MIT
/*
 * Tests of mm/slub_debug.c: layout, the parameter, what it tells when asked; and
 * that nothing is reported of programs that do nothing wrong. Damage is the subject
 * of test_slub_damage.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/poison.h>

#include "host.h"
#include "slab_test.h"
#include "slub_debug.h"
#include "slub_debug_test.h"

/* Layout ------------------------------------------------------------------ */

static const slab_flags_t combinations[] = {
	SLAB_RED_ZONE, SLAB_POISON, SLAB_STORE_USER,
	SLAB_RED_ZONE | SLAB_POISON, SLAB_CONSISTENCY_CHECKS | SLAB_STORE_USER,
	FZPU, SLAB_CONSISTENCY_CHECKS,
};

static void construct_debugged(void *object)
{
	memset(object, 'c', 40);
}

static void check_layout(unsigned int size, unsigned int align,
			 slab_flags_t flags, void (*ctor)(void *object))
{
	struct kmem_cache_args args = { .align = align, .ctor = ctor };
	struct kmem_cache *t = kmem_cache_create("unit-layout", size, &args,
						 flags | SLAB_NO_MERGE);
	bool metadata = flags & SLAB_DEBUG_METADATA;
	unsigned int i, nr = 2 * t->objects + 1;
	void **p = calloc(nr, sizeof(*p));

	ck_assert_uint_eq(kmem_cache_metadata(t), metadata);
	ck_assert_uint_eq(t->sheaf_capacity, 0);
	/* In a smaller slab an object might be on_boundary(). */
	ck_assert(!metadata || t->min_order == t->order);
	for (i = 0; i < nr; i++) {
		p[i] = kmem_cache_alloc(t, GFP_KERNEL);
		ck_assert_uint_eq((unsigned long)p[i] % (align ? align : 8), 0);
		/* False for all of a slab of less than the usual order. */
		if (metadata ||
		    page_head(virt_to_page(p[i]))->order == t->order)
			ck_assert(on_boundary(t, p[i]) != metadata);
		if (ctor)
			ck_assert(all_bytes(p[i], 40, 'c'));
		else
			fill(p[i], size, i);
	}
	for (i = 0; i < nr; i++)
		ck_assert(ctor || holds(p[i], size, i));
	ck_assert_uint_eq(validate_slab_cache(t), 0);
	for (i = 0; i < nr; i++)
		kmem_cache_free(t, p[i]);
	ck_assert_uint_eq(validate_slab_cache(t), 0);
	kmem_cache_destroy(t);
	free(p);
}

START_TEST(debug_layout_keeps_alignment)
{
	static const unsigned int sizes[] = {
		1, 7, 8, 9, 40, 64, 100, 256, 1000, 4096, 5000,
	};
	static const unsigned int aligns[] = { 0, 16, 64, 512, 4096 };
	slab_flags_t flags = combinations[_i];

	if (memcheck_active())
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned int k = 0; k < ARRAY_SIZE(aligns); k++)
			check_layout(sizes[i], aligns[k], flags, NULL);
	check_layout(40, 0, flags, construct_debugged);
	check_layout(40, 64, flags | SLAB_TYPESAFE_BY_RCU, NULL);
}
END_TEST

/* Free objects, and fresh ones, read as poison. */
START_TEST(debug_fresh_object_is_poisoned)
{
	unsigned char *p;

	if (memcheck_active())
		return;
	make_debugged(64, SLAB_POISON);
	p = alloc_here(s);
	ck_assert(all_bytes(p, 63, POISON_FREE));
	ck_assert_uint_eq(p[63], POISON_END);
	kmem_cache_free(s, p);
	p = kmem_cache_zalloc(s, GFP_KERNEL);
	ck_assert(all_bytes(p, 64, 0));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}
END_TEST

/* What a reader outside the process relies on. */
START_TEST(debug_tracks_tell_who_and_when)
{
	const unsigned long *entries;
	struct track *track;
	void *object;

	if (memcheck_active())
		return;
	make_debugged(100, SLAB_STORE_USER);
	object = alloc_here(s);
	track = get_track(s, object, TRACK_ALLOC);
	ck_assert(is_in(track->addr, alloc_here));
	ck_assert_uint_eq(track->tid, (u32)host_gettid());
	ck_assert(track->when && track->when <= host_clock());
	ck_assert_uint_gt(stack_depot_fetch(track->handle, &entries), 1);
	ck_assert(is_in(entries[0], alloc_here));
	ck_assert_uint_eq(get_track(s, object, TRACK_FREE)->when, 0);
	free_here(s, object);
	ck_assert(is_in(get_track(s, object, TRACK_FREE)->addr, free_here));
	kmem_cache_destroy(s);
}
END_TEST

/* kmalloc ----------------------------------------------------------------- */

static void check_requested_size(size_t size)
{
	unsigned char *p = kmalloc(size, GFP_KERNEL), *q;

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(ksize(p), size);
	if (is_power_of_2(size))
		ck_assert_uint_eq((unsigned long)p % size, 0);
	fill(p, size, size);
	q = krealloc(p, size + 1, GFP_KERNEL);
	ck_assert(holds(q, size, size));
	ck_assert_uint_eq(ksize(q), size + 1);
	p = krealloc(q, size, GFP_KERNEL);
	ck_assert_ptr_ne(p, q);
	ck_assert(holds(p, size, size));
	kfree(p);
	p = kzalloc(size, GFP_KERNEL);
	ck_assert(all_bytes(p, size, 0));
	kfree(p);
}

TEST_SCENARIO(debug_kmalloc_sizes)
{
	for (size_t size = 1; size < 8192; size += size < 300 ? 1 : 61)
		check_requested_size(size);
	check_requested_size(4096);
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		ck_assert_uint_eq(validate_slab_cache(s), 0);
	spin_unlock(&slab_mutex);
}

START_TEST(debug_kmalloc_keeps_requested_size)
{
	if (memcheck_active())
		return;
	test_scenario_passes("debug_kmalloc_sizes", "slab_debug");
	test_scenario_passes("debug_kmalloc_sizes",
			     "slab_debug kmalloc_ladder=fine");
}
END_TEST

/* Behind what was asked for is red zone, not the rest of the bucket. */
TEST_SCENARIO(debug_kmalloc_overrun)
{
	volatile size_t size = 20;
	char *p = kmalloc(size, GFP_KERNEL);

	damage(p, 20, 1, SLUB_RED_ACTIVE);
	kfree(p);
}

START_TEST(debug_kmalloc_overrun_by_one_is_found)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_scenario("debug_kmalloc_overrun",
					   "slab_debug bad_free=warn kmalloc_ladder=kernel",
					   &text), 0);
	assert_has(text, "\nBUG kmalloc-32: Right Redzone overwritten\n");
	assert_has(strchr(text, '\n'), expected_line(text));
	assert_has(text, " is 0 bytes behind the end of object 0x");
}
END_TEST

static noinline void *alloc_large_here(size_t size)
{
	void *p = kmalloc(size, GFP_KERNEL);

	ck_assert_ptr_nonnull(p);
	return p;
}

/* Whole pages: what was asked for ends within the last one, or with it. */
TEST_SCENARIO(debug_large)
{
	static volatile size_t sizes[] = {
		8193, 10000, 16384, 300000, 3 << 20, 4 << 20,
	};
	unsigned char *p, *q;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = alloc_large_here(sizes[i]);
		/* The largest has no room for a red zone, and may stay. */
		if (sizes[i] < 4 << 20)
			ck_assert_uint_eq(ksize(p), sizes[i]);
		fill(p, sizes[i], i);
		q = krealloc(p, sizes[i] - 100, GFP_KERNEL);
		ck_assert(holds(q, sizes[i] - 100, i));
		if (sizes[i] < 4 << 20)
			ck_assert_uint_eq(ksize(q), sizes[i] - 100);
		kfree(q);
	}
	p = kzalloc(20000, GFP_KERNEL);
	ck_assert(all_bytes(p, 20000, 0));
	kfree(p);
	assert_all_valid();
}

TEST_SCENARIO(debug_large_overrun)
{
	char *p = alloc_large_here(20000);

	p[20000] = 'A';
	dprintf(2, "expect 0x%lx-0x%lx @offset=20000. First byte 0x41 instead of 0xcc\n",
		(unsigned long)p + 20000, (unsigned long)p + 20000);
	kfree(p);
}

START_TEST(debug_large_overrun_by_one_is_found)
{
	const char *text, *words[] = { "kernel", "fine" };
	char cmdline[80];

	if (memcheck_active())
		return;
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(cmdline, sizeof(cmdline),
			 "slab_debug bad_free=warn kmalloc_ladder=%s", words[i]);
		assert_quiet("debug_large", cmdline);
		ck_assert_int_eq(test_run_scenario("debug_large_overrun",
						   cmdline, &text), 0);
		assert_has(text, "\nBUG kmalloc-large: Right Redzone overwritten\n");
		assert_has(strchr(text, '\n'), expected_line(text));
		assert_has(text, " is 0 bytes behind the end of block 0x");
		assert_has(text, " of 20000 bytes\nAllocated in\n #0 ");
	}
}
END_TEST

/* The process ends without another call: then it is found. */
TEST_SCENARIO(debug_exit)
{
	char *p = kmalloc(100, GFP_KERNEL);

	kfree(p);
	damage(p, 3, 1, POISON_FREE);
	exit(0);
}

START_TEST(debug_damage_is_found_at_exit)
{
	const char *text;
	int status;

	if (memcheck_active())
		return;
	status = test_run_scenario("debug_exit", "slab_debug bad_free=warn",
				   &text);
	ck_assert_int_eq(status, 0);
	assert_has(text, ": Poison overwritten\n");
	assert_has(strchr(text, '\n'), expected_line(text));
	status = test_run_scenario("debug_exit", "slab_debug", &text);
	test_aborted_with(status, text, ": Poison overwritten\n");
	ck_assert_int_eq(test_run_scenario("debug_exit", "", &text), 0);
	ck_assert_ptr_null(strstr(text, "BUG"));
}
END_TEST

/* The parameter ----------------------------------------------------------- */

static slab_flags_t flags_of(const char *name, slab_flags_t flags)
{
	struct kmem_cache *t = make_cache(name, 40, flags | SLAB_NO_MERGE);

	flags = t->flags & (SLAB_DEBUG_FLAGS | SLAB_FAILSLAB);
	ck_assert_ptr_nonnull(kmem_cache_alloc(t, GFP_KERNEL));
	return flags;
}

TEST_SCENARIO(debug_words_all)
{
	ck_assert_uint_eq(flags_of("dentry", 0), FZPU);
	ck_assert_uint_eq(flags_of("quiet", SLAB_NO_USER_FLAGS), 0);
	ck_assert_uint_eq(flags_of("leaks", SLAB_NOLEAKTRACE),
			  FZPU & ~SLAB_STORE_USER);
	ck_assert_uint_eq(kmalloc_slab(100, 0)->flags & SLAB_DEBUG_FLAGS, FZPU);
}

TEST_SCENARIO(debug_words_none)
{
	ck_assert_uint_eq(flags_of("dentry", 0), 0);
	ck_assert_uint_eq(flags_of("own", SLAB_POISON), SLAB_POISON);
}

TEST_SCENARIO(debug_words_letters)
{
	ck_assert_uint_eq(flags_of("dentry", 0),
			  SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE |
				  SLAB_FAILSLAB);
}

TEST_SCENARIO(debug_words_globs)
{
	ck_assert_uint_eq(flags_of("dentry", 0), SLAB_POISON);
	ck_assert_uint_eq(flags_of("dentry_two", 0), 0);
	ck_assert_uint_eq(flags_of("inode-12", 0), SLAB_RED_ZONE);
	ck_assert_uint_eq(flags_of("inode-123", 0), 0);
	ck_assert_uint_eq(flags_of("a-long-cache-name", 0), SLAB_RED_ZONE);
	ck_assert_uint_eq(flags_of("a-long-cache-names", 0), 0);
	ck_assert_uint_eq(flags_of("all", 0), FZPU);
	ck_assert_uint_eq(kmalloc_slab(100, 0)->flags & SLAB_DEBUG_FLAGS, 0);
}

TEST_SCENARIO(debug_words_but_one)
{
	ck_assert_uint_eq(flags_of("dentry", 0), 0);
	ck_assert_uint_eq(flags_of("other", 0), SLAB_POISON);
}

TEST_SCENARIO(debug_words_order)
{
	struct kmem_cache *big = make_cache("big", 4080, SLAB_NO_MERGE);

	ck_assert_uint_eq(flags_of("dentry", 0), FZPU);
	ck_assert_uint_eq(big->flags & SLAB_DEBUG_FLAGS, 0);
	ck_assert(!kmem_cache_metadata(big));
}

START_TEST(debug_parameter_chooses_caches)
{
	if (memcheck_active())
		return;
	test_scenario_passes("debug_words_all", "slab_debug");
	test_scenario_passes("debug_words_all", "slab_debug=");
	test_scenario_passes("debug_words_all", "slab_debug=fzpu");
	test_scenario_passes("debug_words_none", "slab_debug=-");
	test_scenario_passes("debug_words_none", "");
	test_scenario_passes("debug_words_letters", "slab_debug=FZA");
	test_scenario_passes("debug_words_globs",
			     "slab_debug=P,dentry;Z,inode-??,a-*c*-name;,al*l");
	test_scenario_passes("debug_words_but_one", "slab_debug=P;-,dentry");
	test_scenario_passes("debug_words_order",
			     "slab_debug=OFZPU page_shift=12");
}
END_TEST

START_TEST(debug_parameter_unknown_letter_is_named)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_scenario("debug_words_letters",
					   "slab_debug=FxZA", &text), 0);
	ck_assert_str_eq(text, "WARNING: slab_debug: unknown option 'x', skipped\n");
}
END_TEST

/* Objects so large that nothing has room around them are served all the same. */
TEST_SCENARIO(debug_too_large)
{
	s = make_cache("large", (unsigned int)KMALLOC_MAX_SIZE, SLAB_NO_MERGE);
	ck_assert(!kmem_cache_metadata(s));
	kmem_cache_free(s, alloc_here(s));
	kmem_cache_destroy(s);
}

START_TEST(debug_too_large_object_goes_without)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_scenario("debug_too_large", "slab_debug",
					   &text), 0);
	assert_has(text, "WARNING: large: an object of ");
}
END_TEST

/* Questions --------------------------------------------------------------- */

static void trace_one(void)
{
	make_debugged(64, SLAB_TRACE);
	free_here(s, alloc_here(s));
}

START_TEST(debug_trace_prints_each_call)
{
	const char *text;

	ck_assert_int_eq(test_run_child(trace_one, &text), 0);
	ck_assert(!strncmp(text, "TRACE unit-debugged alloc 0x", 28));
	assert_stack(text, "TRACE unit-debugged alloc", alloc_here);
	assert_stack(text, "TRACE unit-debugged free", free_here);
}
END_TEST

static void dump_objects(void)
{
	char *object;
	int local;

	make_debugged(64, FZPU);
	object = alloc_here(s);
	dprintf(2, "expect slab unit-debugged start 0x%lx pointer offset 3 size 64\n",
		(unsigned long)object);
	ck_assert(kmem_dump_obj(object + 3));
	ck_assert(!kmem_dump_obj(&local));
	ck_assert(!kmem_dump_obj(NULL));
	free_here(s, object);
	ck_assert(kmem_dump_obj(object));
}

START_TEST(debug_dump_obj_tells_what_is_known)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_child(dump_objects, &text), 0);
	assert_has(strchr(text, '\n'), expected_line(text));
	assert_stack(text, "Allocated in", alloc_here);
	assert_has(text, " size 64 free\n");
	assert_stack(text, "Freed in", free_here);
}
END_TEST

static void destroy_live(void)
{
	make_debugged(64, FZPU);
	free_here(s, alloc_here(s));
	alloc_here(s);
	kmem_cache_destroy(s);
}

START_TEST(debug_destroy_shows_where_live_objects_are_from)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_child(destroy_live, &text), 0);
	assert_has(text, "BUG unit-debugged: 1 objects remaining");
	assert_stack(strstr(text, "\nObject 0x"), "Allocated in", alloc_here);
}
END_TEST

/* Clearing ---------------------------------------------------------------- */

TEST_SCENARIO(init_on_alloc_clears)
{
	volatile size_t sizes[] = { 20, 100, 5000, 20000, 100000 };
	struct kmem_cache *c;
	char *p, *page;

	for (int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			p = kmalloc(sizes[i], GFP_KERNEL);
			ck_assert(all_bytes(p, sizes[i], 0));
			memset(p, 'x', sizes[i]);
			kfree(p);
		}
	s = make_cache("unit-init", 80, SLAB_NO_MERGE);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 1,
						       (void **)&p), 1);
		ck_assert(all_bytes(p, 80, 0));
		memset(p, 'x', 80);
		kmem_cache_free(s, p);
		page = (char *)__get_free_pages(GFP_KERNEL, 1);
		ck_assert(all_bytes(page, 2 * PAGE_SIZE, 0));
		memset(page, 'x', 2 * PAGE_SIZE);
		free_pages((unsigned long)page, 1);
	}
	c = kmem_cache_create("unit-ctor", 40, 0, SLAB_NO_MERGE,
			      construct_debugged);
	ck_assert(all_bytes(kmem_cache_alloc(c, GFP_KERNEL), 40, 'c'));
	assert_valid(s);
}

TEST_SCENARIO(init_on_free_clears)
{
	char *p;

	s = make_cache("unit-init", 80, SLAB_NO_MERGE);
	p = alloc_here(s);
	memset(p, 'x', 80);
	kmem_cache_free(s, p);
	/* All but the link is clear, or it was never given back. */
	for (unsigned int i = 0; i < 80; i++)
		ck_assert(memcheck_active() || !p[i] ||
			  i - s->offset < sizeof(void *));
	assert_valid(s);
}

START_TEST(init_on_alloc_and_free_clear)
{
	test_scenario_passes("init_on_alloc_clears", "init_on_alloc");
	test_scenario_passes("init_on_alloc_clears", "init_on_alloc slab_debug=Z");
	test_scenario_passes("init_on_free_clears", "init_on_free");
}
END_TEST

/* No false report --------------------------------------------------------- */

#define MODEL_BLOCKS 400

/* Random calls, each block's contents known; every cache is debugged. */
TEST_SCENARIO(debug_model)
{
	static struct { unsigned char *p; size_t size; } block[MODEL_BLOCKS];
	unsigned long i, k, size;
	int round;

	for (round = 0; round < 40000; round++) {
		i = test_random() % MODEL_BLOCKS;
		k = test_random() % 8;
		size = test_random() % (k == 7 ? 9000 : k < 4 ? 200 : 1500) + 1;
		if (block[i].p)
			ck_assert(holds(block[i].p, block[i].size, i));
		if (!block[i].p) {
			block[i].p = kmalloc(size, GFP_KERNEL);
		} else if (k < 3) {
			block[i].p = krealloc(block[i].p, size, GFP_KERNEL);
			if (size < block[i].size)
				block[i].size = size;
			ck_assert(holds(block[i].p, block[i].size, i));
		} else {
			kfree(block[i].p);
			block[i].p = NULL;
			continue;
		}
		ck_assert_ptr_nonnull(block[i].p);
		block[i].size = size;
		fill(block[i].p, size, i);
	}
	assert_all_valid();
}

#define THREADS 32
#define SLOTS 64

static struct kmem_cache *shared[2];
static void *_Atomic slots[3][SLOTS];

/*
 * Each slot holds an object that any thread may take and free. No assertions: each
 * takes a lock of Check's, which a child forked meanwhile would wait for.
 * Returns whether all was valid.
 */
static void *debug_thread(void *arg)
{
	unsigned long state = (unsigned long)arg + 1, bad = 0;
	void *object;

	for (int round = 0; round < 3000; round++) {
		unsigned int which, slot;
		size_t size;

		state = state * 6364136223846793005UL + 1442695040888963407UL;
		which = (state >> 33) % 3;
		slot = (state >> 40) % SLOTS;
		size = (state >> 50) % 100 + 1;
		object = which < 2 ? kmem_cache_alloc(shared[which], GFP_KERNEL) :
				     kmalloc(size, GFP_KERNEL);
		memset(object, 'x', which < 2 ? 48 + which * 200 : size);
		object = atomic_exchange(&slots[which][slot], object);
		if (object && which < 2)
			kmem_cache_free(shared[which], object);
		else if (object)
			kfree(object);
		if (round % 500 == 0)
			bad += validate_slab_cache(shared[0]);
	}
	return (void *)bad;
}

static bool debug_child_works(void)
{
	void *object = kmem_cache_alloc(shared[0], GFP_KERNEL);
	bool mine;

	if (!object)
		return false;
	mine = get_track(shared[0], object, TRACK_ALLOC)->tid ==
	       (u32)host_gettid();
	kmem_cache_free(shared[0], object);
	kfree(kmalloc(30, GFP_KERNEL));
	return mine && !validate_slab_cache(shared[0]);
}

static void fork_some(void)
{
	pid_t pid;
	int status;

	for (int i = 0; i < 10; i++) {
		pid = fork();
		if (!pid)
			_exit(debug_child_works() ? EXIT_SUCCESS : EXIT_FAILURE);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
}

TEST_SCENARIO(debug_threads)
{
	pthread_t threads[THREADS];
	unsigned long i;
	void *bad;

	shared[0] = make_cache("unit-shared", 48, SLAB_NO_MERGE);
	shared[1] = make_cache("unit-shared-248", 248, SLAB_NO_MERGE);
	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&threads[i], NULL, debug_thread,
					  (void *)i));
	fork_some();
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
	assert_all_valid();
	ck_assert_uint_eq(validate_slab_cache(shared[0]), 0);
	ck_assert_uint_eq(validate_slab_cache(shared[1]), 0);
}

static const char *const quiet_words[] = {
	"slab_debug", "slab_debug=ZP", "slab_debug=U", "slab_debug=F",
	"slab_debug=FZPUO", "slab_debug kmalloc_ladder=fine",
};

START_TEST(debug_random_calls_are_quiet)
{
	if (memcheck_active())
		return;
	assert_quiet("debug_model", quiet_words[_i]);
}
END_TEST

START_TEST(debug_threads_and_forks_are_quiet)
{
	if (memcheck_active())
		return;
	assert_quiet("debug_threads", "slab_debug");
	assert_quiet("debug_threads", "slab_debug rseq=0");
}
END_TEST

TEST_SCENARIO(debug_nothing)
{
	kfree(kmalloc(100, GFP_KERNEL));
	ck_assert(!kmem_cache_metadata(kmalloc_slab(100, 0)));
}

/* Memory checkers have red zones of their own. */
START_TEST(debug_memory_checkers_win)
{
	const char *text;

	if (!KMM_ASAN)
		return;
	ck_assert_int_eq(test_run_scenario("debug_nothing", "slab_debug",
					   &text), 0);
	assert_has(text, "WARNING: slab_debug is ignored");
}
END_TEST

Suite *suite_slub_debug(void)
{
	Suite *suite = suite_create("slub_debug");
	TCase *tc = tcase_create("layout");

	tcase_add_loop_test(tc, debug_layout_keeps_alignment, 0,
			    ARRAY_SIZE(combinations));
	tcase_add_test(tc, debug_fresh_object_is_poisoned);
	tcase_add_test(tc, debug_tracks_tell_who_and_when);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);

	tc = tcase_create("kmalloc");
	tcase_add_test(tc, debug_kmalloc_keeps_requested_size);
	tcase_add_test(tc, debug_kmalloc_overrun_by_one_is_found);
	tcase_add_test(tc, debug_large_overrun_by_one_is_found);
	tcase_add_test(tc, debug_damage_is_found_at_exit);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);

	tc = tcase_create("parameter");
	tcase_add_test(tc, debug_parameter_chooses_caches);
	tcase_add_test(tc, debug_parameter_unknown_letter_is_named);
	tcase_add_test(tc, debug_too_large_object_goes_without);
	tcase_add_test(tc, init_on_alloc_and_free_clear);
	tcase_add_test(tc, debug_memory_checkers_win);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);

	tc = tcase_create("questions");
	tcase_add_test(tc, debug_trace_prints_each_call);
	tcase_add_test(tc, debug_dump_obj_tells_what_is_known);
	tcase_add_test(tc, debug_destroy_shows_where_live_objects_are_from);
	suite_add_tcase(suite, tc);

	tc = tcase_create("quiet");
	tcase_add_loop_test(tc, debug_random_calls_are_quiet, 0,
			    ARRAY_SIZE(quiet_words));
	tcase_add_test(tc, debug_threads_and_forks_are_quiet);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return suite;
}
