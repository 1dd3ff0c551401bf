// SPDX-License-Identifier: MIT
/*
 * Tests of what mm/slub.c notices: damaged links, frees that cannot be right, and
 * what its validator finds.
 *
 * Caches here are SLAB_DIRECT: without sheaves, so that each allocation and each
 * free reaches its slab at once.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "slab_test.h"

/* Links and damage -------------------------------------------------------- */

/*
 *	freelist -> b -> a -> end
 *
 * Neither address can be read from memory; decoded as the file comment says,
 * both can.
 */
START_TEST(slub_links_are_encoded)
{
	struct kmem_cache *s = make_cache("unit-links", 96, SLAB_DIRECT);
	char *a = kmem_cache_alloc(s, GFP_KERNEL);
	char *b = kmem_cache_alloc(s, GFP_KERNEL);
	unsigned long where = (unsigned long)b + s->offset, word;

	kmem_cache_free(s, a);
	kmem_cache_free(s, b);
	ck_assert_ptr_eq(freelist_of(s, slab_of(a)), b);
	word = peek_word((void *)where);
	ck_assert_uint_ne(word, (unsigned long)a);
	ck_assert_uint_eq(decode(s, slab_of(a), (void *)where),
			  (unsigned long)a);
	kmem_cache_destroy(s);
}
END_TEST

START_TEST(slub_caches_encode_differently)
{
	struct kmem_cache *s = make_cache("unit-one", 96, SLAB_DIRECT);
	struct kmem_cache *t = make_cache("unit-two", 96, SLAB_DIRECT);

	ck_assert_uint_ne(s->random, t->random);
	kmem_cache_destroy(s);
	kmem_cache_destroy(t);
}
END_TEST

/*
 * A use after free, or an overrun, of b:
 *
 *	freelist -> b -> a -> end
 *	freelist -> b -> ????
 */
TEST_SCENARIO(slub_overwrite_link)
{
	struct kmem_cache *s = make_cache("unit-damage", 96, SLAB_DIRECT);
	char *a = kmem_cache_alloc(s, GFP_KERNEL);
	char *b = kmem_cache_alloc(s, GFP_KERNEL);
	char *c;

	kmem_cache_free(s, a);
	kmem_cache_free(s, b);
	poke_word(b + s->offset, 0x4141414141414141);
	/* b itself is good; that it leads nowhere shows when it is taken. */
	c = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_ptr_eq(c, b);
	/* Here with bad_free=warn only. The list was cut behind b: a is lost,
	 * and counts as in use, since nobody can be given it again. */
	assert_valid(s);
	ck_assert_uint_eq(s->node.nr_inuse, 2);
	c = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert(c != a && c != b);
	kmem_cache_free(s, c);
	kmem_cache_free(s, b);
	assert_valid(s);
	ck_assert_uint_eq(s->node.nr_inuse, 1);
}

static struct kmem_cache *damaged_cache;

static void allocate_and_exit(int signal)
{
	(void)signal;
	alarm(5);
	_exit(kmem_cache_alloc(damaged_cache, GFP_KERNEL) ? 42 : 1);
}

TEST_SCENARIO(slub_abort_handler)
{
	struct kmem_cache *s = make_cache("unit-damage", 96, SLAB_DIRECT);
	char *a = kmem_cache_alloc(s, GFP_KERNEL);
	char *b = kmem_cache_alloc(s, GFP_KERNEL);

	damaged_cache = s;
	signal(SIGABRT, allocate_and_exit);
	kmem_cache_free(s, a);
	kmem_cache_free(s, b);
	poke_word(b + s->offset, 0x4141414141414141);
	ck_assert_ptr_nonnull(kmem_cache_alloc(s, GFP_KERNEL));
}

/* The report comes without a lock that the handler would wait for. */
START_TEST(slub_corrupt_link_handler_may_allocate)
{
	const char *text;
	int status = test_run_scenario("slub_abort_handler", NULL, &text);

	ck_assert_ptr_nonnull(strstr(text, "BUG unit-damage: freelist corrupt"));
	ck_assert_int_eq(status, 42 << 8);
}
END_TEST

START_TEST(slub_corrupt_link_aborts)
{
	const char *text;
	int status = test_run_scenario("slub_overwrite_link", NULL, &text);

	test_aborted_with(status, text, "BUG unit-damage: freelist corrupt");
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

START_TEST(slub_corrupt_link_warned_list_is_cut)
{
	const char *text;
	int status = test_run_scenario("slub_overwrite_link", "bad_free=warn",
				       &text);

	ck_assert_msg(status == 0, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "BUG unit-damage: freelist corrupt"));
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

/* Frees that cannot be right ---------------------------------------------- */

/* One object of a cache where every free is checked at once. */
static struct kmem_cache *victim;

static char *make_victim(void)
{
	victim = make_cache("unit-victim", 64, SLAB_DIRECT);
	return kmem_cache_alloc(victim, GFP_KERNEL);
}

TEST_SCENARIO(slub_free_twice)
{
	void *a = make_victim();

	kmem_cache_free(victim, a);
	kmem_cache_free(victim, a);
}

/* Not among the newest when it comes again. */
TEST_SCENARIO(slub_free_twice_apart)
{
	void *a = make_victim();
	void *b = kmem_cache_alloc(victim, GFP_KERNEL);
	void *c = kmem_cache_alloc(victim, GFP_KERNEL);

	kmem_cache_free(victim, a);
	kmem_cache_free(victim, b);
	kmem_cache_free(victim, c);
	kmem_cache_free(victim, a);
}

TEST_SCENARIO(slub_free_interior)
{
	char *a = make_victim();

	kmem_cache_free(victim, a + 8);
}

TEST_SCENARIO(slub_free_fresh)
{
	char *a = make_victim();

	kmem_cache_free(victim, a + 5 * (size_t)victim->size);
}

TEST_SCENARIO(slub_free_to_other_cache)
{
	void *a = make_victim();

	kmem_cache_free(make_cache("unit-other", 64, SLAB_DIRECT), a);
}

TEST_SCENARIO(slub_free_stack)
{
	unsigned long word[8];

	make_victim();
	kmem_cache_free(victim, word);
}

TEST_SCENARIO(slub_free_null)
{
	make_victim();
	kmem_cache_free(victim, NULL);
}

static const struct {
	const char *scenario, *message;
} bad_frees[] = {
	{ "slub_free_twice", "BUG double free of " },
	{ "slub_free_twice_apart", "BUG double free of " },
	{ "slub_free_interior", " 8 bytes inside object 0 (" },
	{ "slub_free_fresh", "BUG double free of " },
	{ "slub_free_to_other_cache", "of unit-victim, freed as unit-other" },
	{ "slub_free_stack", "not from this allocator, in [stack]" },
	{ "slub_free_null", "BUG invalid free of " },
};

START_TEST(slub_bad_free_reports)
{
	const char *text;
	int status = test_run_scenario(bad_frees[_i].scenario, NULL, &text);

	test_aborted_with(status, text, bad_frees[_i].message);
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

/* The validator ----------------------------------------------------------- */

/* Three slabs: full, partial and empty. */
struct three_slabs {
	struct kmem_cache *s;
	struct page *full, *partial, *empty;
	void **p;
	unsigned int nr;
};

static void make_three(struct three_slabs *t)
{
	unsigned int i, n;

	t->s = make_cache("unit-three", 256, SLAB_DIRECT);
	n = t->s->objects;
	t->nr = 3 * n;
	t->p = calloc(t->nr, sizeof(*t->p));
	for (i = 0; i < t->nr; i++)
		t->p[i] = kmem_cache_alloc(t->s, GFP_KERNEL);
	t->full = slab_of(t->p[0]);
	t->partial = slab_of(t->p[n]);
	t->empty = slab_of(t->p[2 * n]);
	for (i = 0; i < t->nr; i++) {
		if (slab_of(t->p[i]) == t->empty ||
		    (slab_of(t->p[i]) == t->partial && i % 2)) {
			kmem_cache_free(t->s, t->p[i]);
			t->p[i] = NULL;
		}
	}
	ck_assert_uint_eq(t->full->list, SLAB_ON_FULL);
	ck_assert_uint_eq(t->partial->list, SLAB_ON_PARTIAL);
	ck_assert_uint_eq(t->empty->inuse, 0);
	assert_valid(t->s);
}

static void free_three(struct three_slabs *t)
{
	unsigned int i;

	assert_valid(t->s);
	for (i = 0; i < t->nr; i++)
		if (t->p[i])
			kmem_cache_free(t->s, t->p[i]);
	kmem_cache_destroy(t->s);
	free(t->p);
}

/* Damage is seen, and said. */
static void assert_damaged(struct kmem_cache *s)
{
	unsigned int bad;
	const char *text;

	test_capture_begin(2);
	bad = slab_validate(s);
	text = test_capture_end();
	ck_assert_uint_gt(bad, 0);
	ck_assert_ptr_nonnull(strstr(text, "BUG unit-three: "));
	ck_assert_ptr_nonnull(strstr(text, "violated invariants"));
}

/* U1: the objects add up. */
START_TEST(slub_validate_count_off_is_found)
{
	struct three_slabs t;

	make_three(&t);
	t.partial->inuse++;
	t.s->node.nr_inuse++;
	assert_damaged(t.s);
	t.partial->inuse--;
	t.s->node.nr_inuse--;
	t.empty->fresh--;
	assert_damaged(t.s);
	t.empty->fresh++;
	free_three(&t);
}
END_TEST

/* U2: a slab is on the list that its objects say. */
START_TEST(slub_validate_wrong_list_is_found)
{
	struct three_slabs t;

	make_three(&t);
	page_list_del(&t.s->node.full, t.full);
	page_list_add(&t.s->node.partial, t.full);
	t.full->list = SLAB_ON_PARTIAL;
	t.s->node.nr_partial++;
	assert_damaged(t.s);
	page_list_del(&t.s->node.partial, t.full);
	page_list_add(&t.s->node.full, t.full);
	t.full->list = SLAB_ON_FULL;
	t.s->node.nr_partial--;
	assert_valid(t.s);
	t.partial->list = SLAB_ON_FULL;
	assert_damaged(t.s);
	t.partial->list = SLAB_ON_PARTIAL;
	free_three(&t);
}
END_TEST

static void encode(struct kmem_cache *s, char *from, char *to)
{
	unsigned long where = (unsigned long)from + s->offset;

	poke_word((void *)where, (unsigned long)to ^ s->random ^
				 __builtin_bswap64(where));
}

/* U3: each link leads to a boundary below fresh, and there is no cycle. */
START_TEST(slub_validate_bad_link_is_found)
{
	struct three_slabs t;
	unsigned long saved;
	char *first;

	make_three(&t);
	first = freelist_of(t.s, t.partial);
	saved = peek_word(first + t.s->offset);
	poke_word(first + t.s->offset, ~saved);		/* nowhere */
	assert_damaged(t.s);
	encode(t.s, first, first + 8);			/* into an object */
	assert_damaged(t.s);
	encode(t.s, first, first);			/* a cycle */
	assert_damaged(t.s);
	encode(t.s, first, freelist_of(t.s, t.empty));		/* another slab */
	assert_damaged(t.s);
	poke_word(first + t.s->offset, saved);
	free_three(&t);
}
END_TEST

/* U4: the node's counters are the sums. */
START_TEST(slub_validate_node_counters_off_are_found)
{
	struct three_slabs t;
	unsigned long *counters[5], i;

	make_three(&t);
	counters[0] = &t.s->node.nr_slabs;
	counters[1] = &t.s->node.nr_partial;
	counters[2] = &t.s->node.nr_objects;
	counters[3] = &t.s->node.nr_inuse;
	counters[4] = &t.s->node.nr_pages;
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		++*counters[i];
		assert_damaged(t.s);
		--*counters[i];
		assert_valid(t.s);
	}
	free_three(&t);
}
END_TEST

/* U5: every page names the cache, every tail the head. */
START_TEST(slub_validate_page_without_cache_is_found)
{
	struct three_slabs t;
	struct page *tail;
	u16 saved;

	make_three(&t);
	tail = t.full + (1UL << t.full->order) - 1;
	tail->slab_cache = NULL;
	assert_damaged(t.s);
	tail->slab_cache = t.s;
	if (t.full->order) {
		saved = tail->tail_index;
		tail->tail_index = 0;
		assert_damaged(t.s);
		tail->tail_index = saved;
	}
	free_three(&t);
}
END_TEST

Suite *suite_slub_check(void)
{
	Suite *suite = suite_create("slub_check");
	TCase *tc = tcase_create("damage");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, slub_links_are_encoded);
	tcase_add_test(tc, slub_caches_encode_differently);
	tcase_add_test(tc, slub_corrupt_link_aborts);
	tcase_add_test(tc, slub_corrupt_link_handler_may_allocate);
	tcase_add_test(tc, slub_corrupt_link_warned_list_is_cut);
	tcase_add_loop_test(tc, slub_bad_free_reports, 0,
			    (int)ARRAY_SIZE(bad_frees));
	suite_add_tcase(suite, tc);

	tc = tcase_create("validator");
	tcase_add_test(tc, slub_validate_count_off_is_found);
	tcase_add_test(tc, slub_validate_wrong_list_is_found);
	tcase_add_test(tc, slub_validate_bad_link_is_found);
	tcase_add_test(tc, slub_validate_node_counters_off_are_found);
	tcase_add_test(tc, slub_validate_page_without_cache_is_found);
	suite_add_tcase(suite, tc);
	return suite;
}
