// SPDX-License-Identifier: MIT
/*
 * The rooms together: kmalloc() on caches, slabs and pages when the host gives
 * nothing; and everything at once, at random, against a model.
 */
#define _GNU_SOURCE

#include <kmm/kmm.h>
#include <linux/mm.h>

#include "host.h"
#include "slab_test.h"

/* When the host gives no more --------------------------------------------- */

#define HELD 24

/* A bit of everything. What could be had is freed again; contents are looked
 * at. The number of requests that failed. */
static unsigned int bit_of_everything(unsigned long tag)
{
	static const size_t sizes[] = { 24, 500, 3000, 9000, 200000, 2000000 };
	struct kmem_cache *s = kmem_cache_create("unit-some", 700, NULL, 0);
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	static void *p[HELD], *bulk[500];
	static size_t size[HELD];
	unsigned int i, failed = !s;
	int nr = 0;

	for (i = 0; i < HELD; i++) {
		size[i] = sizes[i % ARRAY_SIZE(sizes)];
		p[i] = kmalloc(size[i], gfp);
		failed += !p[i];
		if (p[i])
			fill(p[i], 24, tag + i);
	}
	if (s) {
		nr = kmem_cache_alloc_bulk(s, gfp, ARRAY_SIZE(bulk), bulk);
		failed += !nr;
	}
	for (i = 0; i < HELD; i++) {
		void *larger = p[i] ? krealloc(p[i], 2 * size[i], gfp) : NULL;

		failed += p[i] && !larger;
		if (larger)
			p[i] = larger;
		if (p[i])
			ck_assert(holds(p[i], 24, tag + i));
	}
	for (i = 0; i < HELD; i++)
		kfree(p[i]);
	if (s) {
		kmem_cache_free_bulk(s, (size_t)nr, bulk);
		kmem_cache_destroy(s);
	}
	return failed;
}

/* For each N: all requests of memory to the host from the Nth on are refused.
 * Then everything works again, and nothing has been lost. */
TEST_SCENARIO(kmalloc_host_fails)
{
	unsigned long before, nth, calls;
	unsigned int failed;

	kmm_trim();
	before = pages_in_use();
	for (nth = 1;; nth++) {
		calls = host_map_calls;
		host_fail_nth = calls + nth;
		failed = bit_of_everything(nth);
		host_fail_nth = 0;
		assert_all_valid();
		if (!failed && host_map_calls < calls + nth)
			break;
		ck_assert_uint_eq(bit_of_everything(nth + 1000), 0);
		kmm_trim();
		assert_all_valid();
		ck_assert_uint_eq(pages_in_use(), before);
	}
}

/* Each N in a process of its own, where the memory is not there yet. */
static unsigned long nth_call;

static void fail_from_nth(void)
{
	unsigned long before = pages_in_use(), calls = host_map_calls;

	host_fail_nth = calls + nth_call;
	bit_of_everything(1);
	host_fail_nth = 0;
	if (host_map_calls < calls + nth_call)
		printk("no more calls\n");
	assert_all_valid();
	ck_assert_uint_eq(bit_of_everything(2), 0);
	kmm_trim();
	assert_all_valid();
	ck_assert_uint_eq(pages_in_use(), before);
}

TEST_SCENARIO(kmalloc_young_host_fails)
{
	const char *text = "";

	kmm_trim();
	for (nth_call = 1; !strstr(text, "no more calls"); nth_call++) {
		int status = test_run_child(fail_from_nth, &text);

		ck_assert_msg(status == 0, "call %lu: 0x%x\n%s", nth_call,
			      (unsigned int)status, text);
	}
	ck_assert_uint_gt(nth_call, 3);
}

START_TEST(kmalloc_host_failures_lose_nothing)
{
	test_scenario_passes("kmalloc_host_fails", NULL);
	test_scenario_passes("kmalloc_young_host_fails", NULL);
}
END_TEST

/* The same from the first call of all on: while the library boots. */
TEST_SCENARIO(kmalloc_boot_fails)
{
	struct kmem_cache *s;
	unsigned int i;
	void *p;

	for (i = 0; i < 3; i++) {
		p = kmalloc(runtime(100), GFP_KERNEL | __GFP_NOWARN);
		kfree(p);
		p = kmalloc(100, GFP_KERNEL | __GFP_NOWARN);
		kfree(p);
		s = kmem_cache_create("unit-boot", 100, NULL, 0);
		if (s) {
			p = kmem_cache_alloc(s, GFP_KERNEL | __GFP_NOWARN);
			if (p)
				kmem_cache_free(s, p);
			kmem_cache_destroy(s);
		}
		kfree(NULL);
	}
	host_fail_nth = 0;
	for (i = 1; i <= 100000; i *= 10) {
		p = kmalloc(runtime(i), GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		fill(p, i, i);
		kfree(p);
	}
	ck_assert_uint_eq(bit_of_everything(3), 0);
	assert_all_valid();
}

START_TEST(kmalloc_boot_without_memory_recovers)
{
	char words[32];
	unsigned int nth;

	for (nth = 1; nth <= 24; nth++) {
		kmm_snprintf(words, sizeof(words), "host_fail_nth=%u", nth);
		test_scenario_passes("kmalloc_boot_fails", words);
	}
}
END_TEST

/* Everything at random ---------------------------------------------------- */

#define MODEL_CACHES 6
#define MODEL_BLOCKS 300

struct model_block {
	void *p;
	size_t size;
	struct kmem_cache *s;		/* NULL: kmalloc */
	unsigned long tag;
};

static struct model_block blocks[MODEL_BLOCKS];
static struct kmem_cache *caches[MODEL_CACHES];
static unsigned int live_in[MODEL_CACHES];
static unsigned long next_tag;

static unsigned int pick(unsigned int n)
{
	return (unsigned int)(test_random() % n);
}

/* Mostly small, as in programs. */
static size_t random_size(void)
{
	switch (pick(16)) {
	case 0:
		return 1 + pick(300000);
	case 1:
	case 2:
		return 1 + pick(20000);
	default:
		return 1 + pick(1024);
	}
}

static void model_fill(struct model_block *b)
{
	b->tag = next_tag++;
	fill(b->p, b->size, b->tag);
}

static void model_free(struct model_block *b)
{
	unsigned int i;

	ck_assert(holds(b->p, b->size, b->tag));
	for (i = 0; i < MODEL_CACHES; i++)
		if (b->s && caches[i] == b->s)
			live_in[i]--;
	if (b->s && pick(4))
		kmem_cache_free(b->s, b->p);
	else
		kfree(b->p);
	b->p = NULL;
}

static void model_alloc(struct model_block *b)
{
	bool zero = !pick(4);
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | (zero ? __GFP_ZERO : 0);
	unsigned int i = pick(2 * MODEL_CACHES);

	b->s = i < MODEL_CACHES ? caches[i] : NULL;
	b->size = b->s ? kmem_cache_size(b->s) : random_size();
	b->p = b->s ? kmem_cache_alloc(b->s, gfp) : kmalloc(b->size, gfp);
	/* Only while the host fails. */
	ck_assert(b->p || host_fail_nth);
	if (!b->p)
		return;
	if (zero)
		ck_assert(all_bytes(b->p, b->size, 0));
	model_fill(b);
	if (b->s)
		live_in[i]++;
}

static void model_realloc(struct model_block *b)
{
	size_t size = random_size();
	void *p;

	if (b->s)
		return;
	p = krealloc(b->p, size, GFP_KERNEL | __GFP_NOWARN);
	ck_assert(p || host_fail_nth);
	if (!p)
		return;
	ck_assert(holds(p, size < b->size ? size : b->size, b->tag));
	b->p = p;
	b->size = size;
	model_fill(b);
}

static void model_bulk(void)
{
	unsigned int i = pick(MODEL_CACHES), n = pick(200), k;
	void *p[200];

	if (!caches[i] || !kmem_cache_alloc_bulk(caches[i],
						 GFP_KERNEL | __GFP_NOWARN, n,
						 p))
		return;
	for (k = 0; k < n; k++)
		fill(p[k], kmem_cache_size(caches[i]), k);
	for (k = 0; k < n; k++)
		ck_assert(holds(p[k], kmem_cache_size(caches[i]), k));
	kmem_cache_free_bulk(pick(2) ? caches[i] : NULL, n, p);
}

static void model_cache(void)
{
	static const char *const names[MODEL_CACHES] = {
		"unit-0", "unit-1", "unit-2", "unit-3", "unit-4", "unit-5",
	};
	struct kmem_cache_args args = { 0 };
	unsigned int i = pick(MODEL_CACHES);
	const char *text;

	if (!caches[i]) {
		args.align = pick(3) ? 0 : 1u << pick(13);
		args.sheaf_capacity = pick(3) ? 0 : pick(300);
		test_capture_begin(2);
		caches[i] = kmem_cache_create(names[i], 1 + pick(5000), &args,
					      SLAB_NO_MERGE |
					      (pick(4) ? 0 :
						SLAB_CONSISTENCY_CHECKS));
		text = test_capture_end();
		ck_assert_msg(caches[i] || host_fail_nth, "%s", text);
	} else if (!live_in[i]) {
		kmem_cache_destroy(caches[i]);
		caches[i] = NULL;
	}
}

static void model_rare(void)
{
	switch (pick(4)) {
	case 0:
		model_cache();
		break;
	case 1:
		if (caches[0])
			kmem_cache_shrink(caches[0]);
		break;
	case 2:
		kmm_trim();
		break;
	case 3:
		host_fail_nth = host_fail_nth ? 0 : 1;
		break;
	}
}

static void model_step(void)
{
	struct model_block *b = &blocks[pick(MODEL_BLOCKS)];

	switch (pick(32)) {
	case 0:
		model_bulk();
		break;
	case 1:
		model_rare();
		break;
	case 2:
	case 3:
	case 4:
		if (b->p) {
			model_realloc(b);
			break;
		}
		/* fall through */
	default:
		if (b->p)
			model_free(b);
		else
			model_alloc(b);
	}
}

static void model_run(unsigned int steps, unsigned int validate_every)
{
	unsigned long before;
	unsigned int step, i;

	kmm_trim();
	before = pages_in_use();
	for (step = 0; step < steps; step++) {
		model_step();
		if (step % validate_every == 0)
			assert_all_valid();
	}
	host_fail_nth = 0;
	for (i = 0; i < MODEL_BLOCKS; i++)
		if (blocks[i].p)
			model_free(&blocks[i]);
	for (i = 0; i < MODEL_CACHES; i++) {
		ck_assert_uint_eq(live_in[i], 0);
		if (caches[i]) {
			ck_assert_int_eq(kmem_cache_shrink(caches[i]), 0);
			kmem_cache_destroy(caches[i]);
			caches[i] = NULL;
		}
	}
	kmm_trim();
	assert_all_valid();
	ck_assert_uint_eq(pages_in_use(), before);
}

START_TEST(kmalloc_random_steps_match_model)
{
	model_run(memcheck_active() ? 300 : 800, 1);
}
END_TEST

START_TEST(kmalloc_many_random_steps_match_model)
{
	model_run(memcheck_active() ? 1000 : 10000, 100);
}
END_TEST

/* Free pages are the same set before and after, so by B2 (see buddy.c)
 * the same blocks: on every list as many. */
START_TEST(kmalloc_all_freed_buddy_lists_are_as_before)
{
	unsigned long managed, nr_free[NR_PAGE_ORDERS];
	unsigned int order;

	/* Bring the memory online first. */
	model_run(memcheck_active() ? 300 : 2000, 1000);
	model_run(memcheck_active() ? 300 : 2000, 1000);
	managed = zones[ZONE_NORMAL].managed_pages;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		nr_free[order] = zones[ZONE_NORMAL].free_area[order].nr_free;
	model_run(memcheck_active() ? 300 : 2000, 1000);
	if (zones[ZONE_NORMAL].managed_pages != managed)
		return;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		ck_assert_uint_eq(zones[ZONE_NORMAL].free_area[order].nr_free,
				  nr_free[order]);
}
END_TEST

Suite *suite_whole(void)
{
	Suite *suite = suite_create("whole");
	TCase *tc = tcase_create("no memory");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, kmalloc_host_failures_lose_nothing);
	tcase_add_test(tc, kmalloc_boot_without_memory_recovers);
	suite_add_tcase(suite, tc);

	tc = tcase_create("random");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, kmalloc_random_steps_match_model);
	tcase_add_test(tc, kmalloc_many_random_steps_match_model);
	tcase_add_test(tc, kmalloc_all_freed_buddy_lists_are_as_before);
	suite_add_tcase(suite, tc);
	return suite;
}
