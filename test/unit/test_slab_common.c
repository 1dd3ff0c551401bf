// SPDX-License-Identifier: MIT
/*
 * Tests of mm/slab_common.c: caches as a whole. What can be passed to create
 * and what comes of it, merging, bulk requests, shrinking and destroying.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#include <kmm/kmm.h>

#include "cmdline.h"
#include "gate.h"
#include "host.h"
#include "slab_test.h"

static bool on_cache_list(const struct kmem_cache *wanted)
{
	struct kmem_cache *s;
	bool found = false;

	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		found |= s == wanted;
	spin_unlock(&slab_mutex);
	return found;
}

static void use_and_destroy(struct kmem_cache *s, unsigned int size)
{
	unsigned char *p;

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(kmem_cache_size(s), size);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_ptr_nonnull(p);
	fill(p, size, size);
	ck_assert(holds(p, size, size));
	kmem_cache_free(s, p);
	assert_valid(s);
	kmem_cache_destroy(s);
	ck_assert(!on_cache_list(s));
}

/* Creating ---------------------------------------------------------------- */

static void zero_ctor(void *object)
{
	*(unsigned long *)object = 0;
}

struct unit_pair {
	unsigned long a, b;
} __attribute__((aligned(32)));

START_TEST(create_every_form_works)
{
	struct kmem_cache_args args = { .align = 64 };

	use_and_destroy(kmem_cache_create("unit-form", 100, &args, 0), 100);
	use_and_destroy(kmem_cache_create("unit-form", 100, NULL, 0), 100);
	use_and_destroy(kmem_cache_create("unit-form", 100, 0, 0, NULL), 100);
	use_and_destroy(kmem_cache_create("unit-form", 104, 8, 0, zero_ctor),
			104);
	use_and_destroy(kmem_cache_create_usercopy("unit-form", 100, 0, 0, 8,
						   16, NULL), 100);
	use_and_destroy(KMEM_CACHE(unit_pair, 0), sizeof(struct unit_pair));
	use_and_destroy(KMEM_CACHE_USERCOPY(unit_pair, 0, b),
			sizeof(struct unit_pair));
	use_and_destroy(__kmem_cache_create_args("unit-form", 100, NULL, 0),
			100);
}
END_TEST

START_TEST(create_kmem_cache_macro_takes_type_name_and_alignment)
{
	struct kmem_cache *s = KMEM_CACHE(unit_pair, 0);
	void *p = kmem_cache_alloc(s, GFP_KERNEL);

	ck_assert_str_eq(s->name, "unit_pair");
	ck_assert_uint_eq((unsigned long)p % 32, 0);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}
END_TEST

START_TEST(create_every_public_flag_is_accepted)
{
	unsigned int bit;

	for (bit = 0; bit < _SLAB_FLAGS_LAST_BIT; bit++)
		use_and_destroy(kmem_cache_create("unit-flag", 72, NULL,
						  __SLAB_FLAG_BIT(bit)), 72);
}
END_TEST

START_TEST(create_extreme_sizes_work)
{
	use_and_destroy(kmem_cache_create("unit-size", 1, NULL, 0), 1);
	use_and_destroy(kmem_cache_create("unit-size", 65537, NULL, 0), 65537);
	/* Under a memory checker there must be room for a red zone. */
	if (!memcheck_active())
		use_and_destroy(kmem_cache_create("unit-size",
						  (unsigned int)KMALLOC_MAX_SIZE,
						  NULL, 0),
				(unsigned int)KMALLOC_MAX_SIZE);
}
END_TEST

static void assert_refused(const char *name, unsigned int size,
			   struct kmem_cache_args *args, slab_flags_t flags,
			   const char *why)
{
	struct kmem_cache *s;
	const char *text;

	test_capture_begin(2);
	s = kmem_cache_create(name, size, args, flags);
	text = test_capture_end();
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(text, "WARNING: kmem_cache_create(") == text &&
		      strstr(text, why), "%s", text);
	ck_assert_uint_eq(count_lines(text), 1);
}

#define REFUSED(size, flags, why, ...)					\
	do {								\
		struct kmem_cache_args args = { __VA_ARGS__ };		\
		assert_refused("unit-bad", size, &args, flags, why);	\
	} while (0)

START_TEST(create_bad_arguments_are_refused)
{
	assert_refused(NULL, 8, NULL, 0, "no name");
	assert_refused("unit-bad", 0, NULL, 0, "size out of range");
	assert_refused("unit-bad", (unsigned int)KMALLOC_MAX_SIZE + 1, NULL, 0,
		       "size out of range");
	assert_refused("unit-bad", UINT32_MAX, NULL, 0, "size out of range");
	assert_refused("unit-bad", 8, NULL,
		       __SLAB_FLAG_BIT(_SLAB_FLAGS_LAST_BIT), "unknown flags");
	assert_refused("unit-bad", 8, NULL, SLAB_NO_SHEAVES, "unknown flags");
	REFUSED(8, 0, "not a power of two", .align = 3);
	REFUSED(8, 0, "not a power of two", .align = 24);
	REFUSED(8, 0, "alignment out of range", .align = 1u << 31);
	REFUSED(64, SLAB_TYPESAFE_BY_RCU, "without use_freeptr_offset",
		.freeptr_offset = 8);
	REFUSED(64, 0, "needs SLAB_TYPESAFE_BY_RCU",
		.freeptr_offset = 8, .use_freeptr_offset = true);
	REFUSED(64, SLAB_TYPESAFE_BY_RCU, "and no ctor", .freeptr_offset = 8,
		.use_freeptr_offset = true, .ctor = zero_ctor);
	REFUSED(64, SLAB_TYPESAFE_BY_RCU, "unaligned",
		.freeptr_offset = 4, .use_freeptr_offset = true);
	REFUSED(64, SLAB_TYPESAFE_BY_RCU, "out of the object",
		.freeptr_offset = 64, .use_freeptr_offset = true);
	/* The sum must not wrap around. */
	REFUSED(64, SLAB_TYPESAFE_BY_RCU, "out of the object",
		.freeptr_offset = 0xfffffff8, .use_freeptr_offset = true);
	/* With its link behind it, such an object does not fit. */
	REFUSED((unsigned int)KMALLOC_MAX_SIZE, 0,
		"failed: with its free pointer", .ctor = zero_ctor);
	assert_refused("unit-bad", (unsigned int)KMALLOC_MAX_SIZE, NULL,
		       SLAB_TYPESAFE_BY_RCU, "failed: with its free pointer");
}
END_TEST

TEST_SCENARIO(create_bad_with_panic)
{
	(void)!kmem_cache_create("unit-panic", 0, NULL, SLAB_PANIC);
}

START_TEST(create_with_panic_aborts)
{
	const char *text;
	int status = test_run_scenario("create_bad_with_panic", NULL, &text);

	test_aborted_with(status, text,
			  "BUG kmem_cache_create(unit-panic) with SLAB_PANIC failed: object size out of range");
}
END_TEST

START_TEST(create_name_is_copied)
{
	char name[] = "unit-copied";
	struct kmem_cache *s = make_cache(name, 8, SLAB_NO_MERGE);

	memset(name, 'x', sizeof(name) - 1);
	ck_assert_str_eq(s->name, "unit-copied");
	kmem_cache_destroy(s);
}
END_TEST

START_TEST(create_same_name_twice_warns)
{
	struct kmem_cache *s = make_cache("unit-name", 8, SLAB_NO_MERGE), *t;
	const char *text;

	test_capture_begin(2);
	t = make_cache("unit-name", 8, SLAB_NO_MERGE);
	text = test_capture_end();
	ck_assert_ptr_ne(s, t);
	ck_assert_str_eq(text, "WARNING: kmem_cache_create(unit-name): a cache of this name exists\n");
	kmem_cache_destroy(s);
	kmem_cache_destroy(t);
}
END_TEST

/* More than fit a chunk of per-CPU memory by far. */
START_TEST(create_2000_caches_at_once)
{
	static struct kmem_cache *s[2000];
	static void *p[ARRAY_SIZE(s)];
	unsigned int nr = memcheck_active() ? 300 : ARRAY_SIZE(s), i;
	unsigned long before;
	char name[32];

	kmm_trim();
	before = pages_in_use();
	for (i = 0; i < nr; i++) {
		kmm_snprintf(name, sizeof(name), "unit-many-%u", i);
		s[i] = make_cache(name, 8 + i, SLAB_NO_MERGE);
		p[i] = kmem_cache_alloc(s[i], GFP_KERNEL);
		fill(p[i], 8 + i, i);
	}
	for (i = 0; i < nr; i++) {
		ck_assert(holds(p[i], 8 + i, i));
		kmem_cache_free(s[i], p[i]);
	}
	assert_all_valid();
	for (i = 0; i < nr; i++)
		kmem_cache_destroy(s[i]);
	kmm_trim();
	assert_all_valid();
	ck_assert_uint_eq(pages_in_use(), before);
}
END_TEST

/* Merging ----------------------------------------------------------------- */

TEST_SCENARIO(merge_on)
{
	struct kmem_cache *a, *b, *c;
	unsigned char *p;

	/* Red zones: no cache is like another. */
	if (memcheck_active())
		return;
	a = kmem_cache_create("unit-a", 1002, NULL, 0);
	b = kmem_cache_create("unit-b", 1008, NULL, 0);
	c = kmem_cache_create("unit-c", 1001, NULL, SLAB_PANIC);
	ck_assert(a && a == b && b == c);
	ck_assert_int_eq(a->refcount, 3);
	/* What one of them clears must cover the largest. */
	ck_assert_uint_eq(kmem_cache_size(a), 1008);
	p = kmem_cache_alloc(a, GFP_KERNEL);
	fill(p, 1008, 1);
	/* Whatever its name, it is the cache that the object is of. */
	kmem_cache_free(c, p);
	p = kmem_cache_zalloc(b, GFP_KERNEL);
	ck_assert(all_bytes(p, 1008, 0));
	kmem_cache_destroy(a);
	kmem_cache_destroy(c);
	ck_assert(on_cache_list(b));
	ck_assert_int_eq(b->refcount, 1);
	fill(p, 1008, 2);
	ck_assert(holds(p, 1008, 2));
	kmem_cache_free(b, p);
	kmem_cache_destroy(b);
	ck_assert(!on_cache_list(b));
	assert_all_valid();
}

START_TEST(merge_like_caches_are_one)
{
	test_scenario_passes("merge_on", "slab_merge");
}
END_TEST

/* @plain and @plain2 are merged, and neither with @special. */
static void check_and_destroy(struct kmem_cache *plain,
			      struct kmem_cache *special,
			      struct kmem_cache *plain2)
{
	ck_assert(plain && special && plain2);
	ck_assert_ptr_ne(plain, special);
	ck_assert_ptr_eq(plain, plain2);
	kmem_cache_destroy(plain);
	kmem_cache_destroy(special);
	kmem_cache_destroy(plain2);
}

/* A cache of 1000 bytes, and another that must not be it. */
static void assert_apart(unsigned int size, struct kmem_cache_args *args,
			 slab_flags_t flags)
{
	struct kmem_cache *a = kmem_cache_create("unit-a", 1000, NULL, 0);
	struct kmem_cache *b = kmem_cache_create("unit-b", size, args, flags);
	struct kmem_cache *c = kmem_cache_create("unit-c", 1000, NULL, 0);

	check_and_destroy(a, b, c);
}

/* The special one is there first: the plain ones do not become it. */
static void assert_not_joined(struct kmem_cache_args *args)
{
	struct kmem_cache *b = kmem_cache_create("unit-b", 1000, args, 0);
	struct kmem_cache *a = kmem_cache_create("unit-a", 1000, NULL, 0);
	struct kmem_cache *c = kmem_cache_create("unit-c", 1000, NULL, 0);

	check_and_destroy(a, b, c);
}

#define APART(size, flags, ...)						\
	do {								\
		struct kmem_cache_args args = { __VA_ARGS__ };		\
		assert_apart(size, &args, flags);			\
	} while (0)

TEST_SCENARIO(merge_never)
{
	static const slab_flags_t flags[] = {
		SLAB_CONSISTENCY_CHECKS, SLAB_RED_ZONE, SLAB_POISON,
		SLAB_STORE_USER, SLAB_TRACE, SLAB_TYPESAFE_BY_RCU,
		SLAB_NOLEAKTRACE, SLAB_FAILSLAB, SLAB_NO_MERGE,
		SLAB_RECLAIM_ACCOUNT, SLAB_CACHE_DMA, SLAB_CACHE_DMA32,
		SLAB_ACCOUNT,
	};
	unsigned int i;

	if (memcheck_active())
		return;
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		assert_apart(1000, NULL, flags[i]);
	APART(1000, 0, .ctor = zero_ctor);
	APART(1000, 0, .sheaf_capacity = 4);
	APART(1000, 0, .usersize = 8);
	APART(1000, 0, .align = 64);
	assert_not_joined(&(struct kmem_cache_args){ .ctor = zero_ctor });
	assert_not_joined(&(struct kmem_cache_args){ .sheaf_capacity = 4 });
	assert_not_joined(&(struct kmem_cache_args){ .usersize = 8 });
	/* Too large, and so small that it would waste a word. */
	APART(1001, 0, .align = 0);
	APART(992, 0, .align = 0);
}

START_TEST(merge_unlike_caches_stay_apart)
{
	test_scenario_passes("merge_never", "slab_merge");
}
END_TEST

TEST_SCENARIO(merge_off)
{
	struct kmem_cache *a = kmem_cache_create("unit-a", 1000, NULL, 0);
	struct kmem_cache *b = kmem_cache_create("unit-b", 1000, NULL, 0);

	ck_assert(a && b && a != b);
}

START_TEST(merge_is_off_by_default)
{
	test_scenario_passes("merge_off", NULL);
	test_scenario_passes("merge_off", "slab_merge slab_nomerge");
	test_scenario_passes("merge_off", "slab_merge=0");
}
END_TEST

/* Bulk -------------------------------------------------------------------- */

#define BULK 2000

START_TEST(bulk_gives_all)
{
	static const size_t counts[] = { 0, 1, 2, 15, 16, 17, 60, 61, BULK };
	struct kmem_cache *s = make_cache("unit-bulk", 100,
					  _i ? SLAB_DIRECT : SLAB_NO_MERGE);
	static void *p[BULK];
	size_t round, i, n;

	for (round = 0; round < 2 * ARRAY_SIZE(counts); round++) {
		n = counts[round / 2];
		ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, n, p),
				 (int)n);
		for (i = 0; i < n; i++)
			fill(p[i], 100, i);
		for (i = 0; i < n; i++)
			ck_assert(holds(p[i], 100, i));
		ck_assert_uint_eq(s->node.nr_inuse - sheaf_count_objects(s), n);
		kmem_cache_free_bulk(s, n, p);
		ck_assert_uint_eq(s->node.nr_inuse, sheaf_count_objects(s));
		assert_valid(s);
	}
	kmem_cache_destroy(s);
}
END_TEST

START_TEST(bulk_zero_clears_each)
{
	struct kmem_cache *s = make_cache("unit-bulk", 100, SLAB_NO_MERGE);
	static void *p[BULK];
	unsigned int i;

	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, BULK, p), BULK);
	for (i = 0; i < BULK; i++)
		memset(p[i], 0xff, 100);
	kmem_cache_free_bulk(s, BULK, p);
	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_ZERO, BULK,
					       p), BULK);
	for (i = 0; i < BULK; i++)
		ck_assert(all_bytes(p[i], 100, 0));
	kmem_cache_free_bulk(s, BULK, p);
	kmem_cache_destroy(s);
}
END_TEST

static void mark_ctor(void *object)
{
	*(unsigned long *)object = 0x600d;
}

/* As with one object: constructed is what they are to be. */
TEST_SCENARIO(bulk_zero_with_ctor)
{
	struct kmem_cache *s = kmem_cache_create("unit-bulk", 64, 0, 0,
						 mark_ctor);
	unsigned long *p[40];
	unsigned int i, round;

	for (round = 0; round < 2; round++) {
		ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_ZERO,
						       40, (void **)p), 40);
		for (i = 0; i < 40; i++)
			ck_assert_uint_eq(*p[i], 0x600d);
		kmem_cache_free_bulk(s, 40, (void **)p);
	}
}

START_TEST(bulk_zero_with_ctor_warns_once)
{
	const char *text;
	int status = test_run_scenario("bulk_zero_with_ctor", NULL, &text);

	ck_assert_msg(!status, "%s", text);
	ck_assert_ptr_eq(strstr(text, "WARNING: "), text);
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

/* All or nothing: what could be had goes back. */
START_TEST(bulk_without_memory_gives_nothing)
{
	struct kmem_cache *s = make_cache("unit-bulk", 4000, SLAB_NO_MERGE);
	size_t n = 1u << 16;
	void **p = calloc(n, sizeof(*p));

	host_fail_nth = 1;
	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL | __GFP_NOWARN, n,
					       p), 0);
	ck_assert_uint_eq(s->node.nr_inuse, sheaf_count_objects(s));
	assert_all_valid();
	/* What there is can still be had. */
	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 10, p), 10);
	host_fail_nth = 0;
	kmem_cache_free_bulk(s, 10, p);
	kmem_cache_destroy(s);
	assert_all_valid();
	free(p);
}
END_TEST

START_TEST(bulk_free_of_any_memory)
{
	struct kmem_cache *s = make_cache("unit-mixed", 100, SLAB_NO_MERGE);
	static const size_t sizes[] = {
		1, 8, 100, 4096, 8192, 8193, 70000, 1 << 20, 0,
	};
	void *p[2 * ARRAY_SIZE(sizes) + 1];
	size_t i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p[nr++] = kmalloc(sizes[i], GFP_KERNEL);
		p[nr++] = kmem_cache_alloc(s, GFP_KERNEL);
	}
	p[nr++] = NULL;
	kmem_cache_free_bulk(NULL, nr, p);
	kfree_bulk(0, p);
	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	assert_all_valid();
	kmem_cache_destroy(s);
}
END_TEST

/* Shrinking --------------------------------------------------------------- */

START_TEST(shrink_tells_whether_slabs_are_left)
{
	struct kmem_cache *s = make_cache("unit-shrink", 100, SLAB_NO_MERGE);
	void *p;

	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_int_eq(kmem_cache_shrink(s), 1);
	ck_assert_uint_eq(s->node.nr_slabs, 1);
	ck_assert_uint_eq(s->node.nr_inuse, 1);
	kmem_cache_free(s, p);
	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	ck_assert_uint_eq(s->node.nr_slabs, 0);
	kmem_cache_destroy(s);
}
END_TEST

/* One call gives back all that nobody uses, the sheaves' own slabs too. */
START_TEST(trim_leaves_no_empty_slab)
{
	struct kmem_cache *s = make_cache("unit-trim", 100, SLAB_NO_MERGE);
	static void *p[BULK];
	unsigned int i;

	for (i = 0; i < BULK; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (i = 0; i < BULK; i++)
		kmem_cache_free(s, p[i]);
	kmm_trim();
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		struct page *slab;

		ck_assert_uint_eq(sheaf_count_objects(s), 0);
		page_list_for_each(slab, &s->node.partial)
			ck_assert_uint_gt(slab->inuse, 0);
		if (!strcmp(s->name, "unit-trim"))
			break;
	}
	spin_unlock(&slab_mutex);
	assert_all_valid();
	kmem_cache_destroy(s);
}
END_TEST

/* Destroying -------------------------------------------------------------- */

START_TEST(destroy_null_is_ignored)
{
	kmem_cache_destroy(NULL);
}
END_TEST

/* The report lists both; the cache lives on; once they are freed, it goes. */
START_TEST(destroy_with_live_objects_lists_them)
{
	struct kmem_cache *s = make_cache("unit-live", 100,
					  _i ? SLAB_DIRECT : SLAB_NO_MERGE);
	void *p[200], *keep[2], *again;
	char line[2][64];
	const char *text;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		if (i != 7 && i != 150)
			kmem_cache_free(s, p[i]);
	keep[0] = p[7];
	keep[1] = p[150];
	fill(keep[0], 100, 7);
	fill(keep[1], 100, 150);

	test_capture_begin(2);
	kmem_cache_destroy(s);
	text = test_capture_end();
	ck_assert_ptr_eq(strstr(text, "BUG unit-live: 2 objects remaining on kmem_cache_destroy()"),
			 text);
	ck_assert_uint_eq(count_lines(text), 3);
	for (i = 0; i < 2; i++) {
		kmm_snprintf(line[i], sizeof(line[i]), "\nObject %p\n", keep[i]);
		ck_assert_ptr_nonnull(strstr(text, line[i]));
	}

	ck_assert(on_cache_list(s));
	ck_assert(holds(keep[0], 100, 7) && holds(keep[1], 100, 150));
	again = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_ptr_nonnull(again);
	kmem_cache_free(s, again);
	kmem_cache_free(s, keep[0]);
	kmem_cache_free(s, keep[1]);
	assert_valid(s);
	kmem_cache_destroy(s);
	ck_assert(!on_cache_list(s));
	assert_all_valid();
}
END_TEST

static void *free_on_other_cpu(void *arg)
{
	void **p = arg;
	unsigned int i;

	if (!pin_to_cpu(1))
		pin_to_cpu(0);
	for (i = 0; i < 50; i++)
		kmem_cache_free(p[50], p[i]);
	return NULL;
}

/* Objects in a sheaf of another CPU, whose thread has ended, are not live. */
START_TEST(destroy_takes_other_cpus_objects)
{
	struct kmem_cache *s = make_cache("unit-cpus", 100, SLAB_NO_MERGE);
	pthread_t thread;
	void *p[51];
	const char *text;
	unsigned int i;

	pin_to_cpu(0);
	for (i = 0; i < 50; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	p[50] = s;
	ck_assert(!pthread_create(&thread, NULL, free_on_other_cpu, p));
	pthread_join(thread, NULL);
	unpin();
	test_capture_begin(2);
	kmem_cache_destroy(s);
	text = test_capture_end();
	ck_assert_str_eq(text, "");
	ck_assert(!on_cache_list(s));
	assert_all_valid();
}
END_TEST

/* Nothing of a destroyed cache is left behind. */
START_TEST(destroy_gives_everything_back)
{
	unsigned long before = 0;
	static void *p[BULK];
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		struct kmem_cache *s = make_cache("unit-again", 64 * (round + 1),
						  SLAB_NO_MERGE);

		for (i = 0; i < BULK; i++)
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		for (i = 0; i < BULK; i++)
			kmem_cache_free(s, p[i]);
		kmem_cache_destroy(s);
		kmm_trim();
		if (!round)
			before = pages_in_use();
		ck_assert_uint_eq(pages_in_use(), before);
	}
	assert_all_valid();
}
END_TEST

/* Allocating -------------------------------------------------------------- */

START_TEST(cache_alloc_forms_work)
{
	struct kmem_cache *s = make_cache("unit-forms", 100, SLAB_NO_MERGE);
	void *p[4];
	unsigned int i;

	p[0] = kmem_cache_alloc(s, GFP_ATOMIC);
	memset(p[0], 0xff, 100);
	kmem_cache_free(s, p[0]);
	p[0] = kmem_cache_zalloc(s, GFP_KERNEL);
	ck_assert(all_bytes(p[0], 100, 0));
	p[1] = kmem_cache_alloc_node(s, GFP_KERNEL, 0);
	p[2] = kmem_cache_alloc_lru(s, NULL, GFP_KERNEL);
	p[3] = kmem_cache_alloc_node(s, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE);
	ck_assert(all_bytes(p[3], 100, 0));
	for (i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(p[i]);
	/* kfree() takes objects of any cache. */
	for (i = 0; i < 4; i++)
		kfree(p[i]);
	assert_valid(s);
	kmem_cache_destroy(s);
}
END_TEST

/* Clearing would destroy what the constructor made. */
TEST_SCENARIO(cache_zero_with_ctor)
{
	struct kmem_cache *s = kmem_cache_create("unit-zero", 100, 0, 0,
						 zero_ctor);
	void *p = kmem_cache_alloc(s, GFP_KERNEL);

	memset(p, 0xee, 100);
	kmem_cache_free(s, p);
	p = kmem_cache_zalloc(s, GFP_KERNEL);
	ck_assert(all_bytes(p, 100, 0xee) || all_bytes(p, 8, 0));
	kmem_cache_free(s, p);
}

START_TEST(cache_zero_with_ctor_warns)
{
	const char *text;
	int status = test_run_scenario("cache_zero_with_ctor", NULL, &text);

	ck_assert_msg(status == 0, "%s", text);
	ck_assert_ptr_eq(strstr(text, "WARNING: "), text);
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

START_TEST(cache_reclaimable_takes_reclaimable_pages)
{
	struct kmem_cache *s = make_cache("unit-reclaim", 4000,
					  SLAB_RECLAIM_ACCOUNT);
	void *p = kmem_cache_alloc(s, GFP_KERNEL);

	ck_assert_uint_eq(s->allocflags, __GFP_RECLAIMABLE);
	ck_assert_ptr_nonnull(p);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}
END_TEST

Suite *suite_slab_common(void)
{
	Suite *s = suite_create("slab_common");
	TCase *tc;

	tc = tcase_create("create");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, create_every_form_works);
	tcase_add_test(tc, create_kmem_cache_macro_takes_type_name_and_alignment);
	tcase_add_test(tc, create_every_public_flag_is_accepted);
	tcase_add_test(tc, create_extreme_sizes_work);
	tcase_add_test(tc, create_bad_arguments_are_refused);
	tcase_add_test(tc, create_with_panic_aborts);
	tcase_add_test(tc, create_name_is_copied);
	tcase_add_test(tc, create_same_name_twice_warns);
	tcase_add_test(tc, create_2000_caches_at_once);
	suite_add_tcase(s, tc);

	tc = tcase_create("merge");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, merge_like_caches_are_one);
	tcase_add_test(tc, merge_unlike_caches_stay_apart);
	tcase_add_test(tc, merge_is_off_by_default);
	suite_add_tcase(s, tc);

	tc = tcase_create("objects");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, bulk_gives_all, 0, 2);
	tcase_add_test(tc, bulk_zero_clears_each);
	tcase_add_test(tc, bulk_zero_with_ctor_warns_once);
	tcase_add_test(tc, bulk_without_memory_gives_nothing);
	tcase_add_test(tc, bulk_free_of_any_memory);
	tcase_add_test(tc, cache_alloc_forms_work);
	tcase_add_test(tc, cache_zero_with_ctor_warns);
	tcase_add_test(tc, cache_reclaimable_takes_reclaimable_pages);
	suite_add_tcase(s, tc);

	tc = tcase_create("destroy");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, shrink_tells_whether_slabs_are_left);
	tcase_add_test(tc, trim_leaves_no_empty_slab);
	tcase_add_test(tc, destroy_null_is_ignored);
	tcase_add_loop_test(tc, destroy_with_live_objects_lists_them, 0, 2);
	tcase_add_test(tc, destroy_takes_other_cpus_objects);
	tcase_add_test(tc, destroy_gives_everything_back);
	suite_add_tcase(s, tc);
	return s;
}
