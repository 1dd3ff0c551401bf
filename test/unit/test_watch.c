// SPDX-License-Identifier: MIT
/*
 * Tests of mm/watch.c: each entry point tells of a call once, with what its
 * caller asked for, and a free before it is done.
 *
 * The watcher must be there before the first cache, and main() boots: so the
 * tests run scenarios with KMM_TEST_WATCH in the environment.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include <kmm/kmm.h>
#include <linux/mm.h>
#include <linux/sprintf.h>
#include <linux/vmalloc.h>

#include "slab_test.h"
#include "watch.h"

#define MAX_SEEN 64

static struct watch_call seen[MAX_SEEN];
static bool was_live[MAX_SEEN];		/* a free: the object was still in use */
static unsigned int nr_seen;
static bool started;			/* what main() does is not looked at */

static void remember(const struct watch_call *call)
{
	struct slab_where where;

	if (!started)
		return;
	ck_assert_uint_lt(nr_seen, MAX_SEEN);
	was_live[nr_seen] = call->old && slab_locate(call->old, &where) &&
			    !where.free;
	seen[nr_seen++] = *call;
}

static void __attribute__((constructor)) register_watcher(void)
{
	if (getenv("KMM_TEST_WATCH"))
		watch_register(remember);
}

static void start_watched(void)
{
	ck_assert(calls_watched);
	started = true;
}

static void watched_scenario_passes(const char *name)
{
	setenv("KMM_TEST_WATCH", "1", 1);
	test_scenario_passes(name, NULL);
	unsetenv("KMM_TEST_WATCH");
}

static const struct watch_call *only_call(void)
{
	ck_assert_uint_eq(nr_seen, 1);
	nr_seen = 0;
	return &seen[0];
}

static void expect_alloc(enum watch_op op, const void *p, size_t size)
{
	const struct watch_call *call = only_call();

	ck_assert_int_eq(call->op, op);
	ck_assert_ptr_eq(call->result, p);
	ck_assert_uint_eq(call->size, size);
	ck_assert_ptr_nonnull(call->caller);
	ck_assert_ptr_null(call->old);
}

static void expect_free(enum watch_op op, const void *p)
{
	const struct watch_call *call = only_call();

	ck_assert_int_eq(call->op, op);
	ck_assert_ptr_eq(call->old, p);
	ck_assert_ptr_nonnull(call->caller);
}

TEST_SCENARIO(watch_objects)
{
	struct kmem_cache *s;
	void *p, *bulk[3];
	volatile size_t size = 100;

	start_watched();
	p = kmalloc(size, GFP_KERNEL);
	expect_alloc(WATCH_KMALLOC, p, 100);
	kfree(p);
	ck_assert(was_live[0]);
	expect_free(WATCH_KFREE, p);
	p = kmalloc(24, GFP_KERNEL);
	expect_alloc(WATCH_KMALLOC, p, 24);
	kfree(p);
	nr_seen = 0;

	/* The cache itself, and the copy of its name, are nobody's calls. */
	s = make_cache("watched", 40, 0);
	ck_assert_uint_eq(nr_seen, 0);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_ptr_eq(seen[0].cache, s);
	expect_alloc(WATCH_CACHE_ALLOC, p, 40);
	kmem_cache_free(s, p);
	ck_assert(was_live[0]);
	ck_assert_ptr_eq(seen[0].cache, s);
	expect_free(WATCH_CACHE_FREE, p);

	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 3, bulk), 3);
	ck_assert_uint_eq(nr_seen, 3);
	kmem_cache_free_bulk(s, 3, bulk);
	ck_assert_uint_eq(nr_seen, 6);
	kmem_cache_destroy(s);
	ck_assert_uint_eq(nr_seen, 6);
}

TEST_SCENARIO(watch_pages)
{
	struct page *page, *bulk[3] = { NULL };
	unsigned long addr;
	void *p;

	start_watched();
	page = alloc_pages(GFP_KERNEL, 2);
	expect_alloc(WATCH_ALLOC_PAGES, page_address(page), PAGE_SIZE * 4);
	__free_pages(page, 2);
	expect_free(WATCH_FREE_PAGES, page_address(page));
	addr = get_zeroed_page(GFP_KERNEL);
	expect_alloc(WATCH_ALLOC_PAGES, (void *)addr, PAGE_SIZE);
	/* Of two references only the last one frees. */
	get_page(virt_to_page((void *)addr));
	free_pages(addr, 0);
	ck_assert_uint_eq(nr_seen, 0);
	put_page(virt_to_page((void *)addr));
	expect_free(WATCH_FREE_PAGES, (void *)addr);

	p = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	expect_alloc(WATCH_ALLOC_PAGES, p, 3 * PAGE_SIZE);
	free_pages_exact(p, 3 * PAGE_SIZE);
	expect_free(WATCH_FREE_PAGES, p);

	ck_assert_uint_eq(alloc_pages_bulk(GFP_KERNEL, 3, bulk), 3);
	ck_assert_uint_eq(nr_seen, 3);
	ck_assert_ptr_eq(seen[2].result, page_address(bulk[2]));
}

TEST_SCENARIO(watch_large)
{
	volatile size_t size = 100000;
	void *p;

	start_watched();
	p = kmalloc(size, GFP_KERNEL);
	expect_alloc(WATCH_KMALLOC, p, 100000);
	kfree(p);
	expect_free(WATCH_KFREE, p);
	p = vmalloc(5 << 20);
	expect_alloc(WATCH_VMALLOC, p, 5 << 20);
	vfree(p);
	expect_free(WATCH_VFREE, p);
	/* A call that fails is one, too. */
	p = kmalloc(1UL << 40, GFP_KERNEL | __GFP_NOWARN);
	ck_assert_ptr_null(p);
	expect_alloc(WATCH_KMALLOC, NULL, 1UL << 40);
}

/* The calls seen are these, in this order. */
static void expect_resize(void *old, void *new, size_t size)
{
	ck_assert_uint_eq(nr_seen, 2);
	ck_assert_int_eq(seen[0].op, WATCH_VMALLOC);
	ck_assert_ptr_eq(seen[0].result, new);
	ck_assert_uint_eq(seen[0].size, size);
	ck_assert_int_eq(seen[1].op, WATCH_VFREE);
	ck_assert_ptr_eq(seen[1].old, old);
	nr_seen = 0;
}

TEST_SCENARIO(watch_vrealloc)
{
	void *p, *q;

	start_watched();
	p = vmalloc(100000);
	nr_seen = 0;
	q = vrealloc(p, 9 << 20, GFP_KERNEL);
	expect_resize(p, q, 9 << 20);
	p = vrealloc(q, 5000, GFP_KERNEL);
	expect_resize(q, p, 5000);

	/* In place: the old block ends before the new one begins. */
	ck_assert_ptr_eq(vrealloc(p, 300, GFP_NOWAIT), p);
	ck_assert_uint_eq(nr_seen, 2);
	ck_assert_int_eq(seen[0].op, WATCH_VFREE);
	ck_assert_ptr_eq(seen[0].old, p);
	ck_assert_int_eq(seen[1].op, WATCH_VMALLOC);
	ck_assert_ptr_eq(seen[1].result, p);
	ck_assert_uint_eq(seen[1].size, 300);
	nr_seen = 0;

	/* Failed: the block is as it was. */
	ck_assert_ptr_null(vrealloc(p, 1 << 20, GFP_NOWAIT));
	expect_alloc(WATCH_VMALLOC, NULL, 1 << 20);
	vfree(p);
	expect_free(WATCH_VFREE, p);
}

/* All calls since the last time were made from the function at @from. */
static void expect_from(void *(*from)(void *), unsigned int nr)
{
	unsigned int i;

	ck_assert_uint_eq(nr_seen, nr);
	for (i = 0; i < nr; i++)
		ck_assert_uint_lt((unsigned long)seen[i].caller -
					  (unsigned long)from, 200);
	nr_seen = 0;
}

/* A function of its own that makes one call, and not its last. */
#define CALLS_FROM(name, call)						\
static noinline void *name(void *p)					\
{									\
	call;								\
	__asm__ volatile("" : "+r"(p));					\
	return p;							\
}

/* More than kmalloc() has. */
#define HUGE_SIZE (5 * (PAGE_SIZE << MAX_PAGE_ORDER))

CALLS_FROM(from_kvmalloc, p = kvmalloc(HUGE_SIZE, GFP_KERNEL))
CALLS_FROM(from_kvrealloc, p = kvrealloc(p, 2 * HUGE_SIZE, GFP_KERNEL))
CALLS_FROM(from_kvfree, kvfree(p))
CALLS_FROM(from_kmemdup, p = kmemdup("text", 5, GFP_KERNEL))
CALLS_FROM(from_krealloc, p = krealloc(p, 100, GFP_KERNEL))
CALLS_FROM(from_krealloc_large, p = krealloc(p, 100000, GFP_KERNEL))
CALLS_FROM(from_kfree_sensitive, kfree_sensitive(p))
CALLS_FROM(from_kstrdup, p = kstrdup("text", GFP_KERNEL))
CALLS_FROM(from_kstrndup, p = kstrndup("text", 2, GFP_KERNEL))
CALLS_FROM(from_kasprintf, p = kasprintf(GFP_KERNEL, "%d", 1))

TEST_SCENARIO(watch_callers)
{
	void *p;

	start_watched();
	/* kmalloc() is asked first, in vain. */
	p = from_kvmalloc(NULL);
	expect_from(from_kvmalloc, 2);
	p = from_kvrealloc(p);
	expect_from(from_kvrealloc, 2);
	p = from_kvfree(p);
	expect_from(from_kvfree, 1);
	p = from_kmemdup(NULL);
	expect_from(from_kmemdup, 1);
	p = from_krealloc(p);
	expect_from(from_krealloc, 2);
	p = from_krealloc_large(p);
	expect_from(from_krealloc_large, 2);
	from_kfree_sensitive(p);
	expect_from(from_kfree_sensitive, 1);
	from_kvfree(from_kstrdup(NULL));
	nr_seen--;
	expect_from(from_kstrdup, 1);
	from_kvfree(from_kstrndup(NULL));
	nr_seen--;
	expect_from(from_kstrndup, 1);
	from_kvfree(from_kasprintf(NULL));
	nr_seen--;
	expect_from(from_kasprintf, 1);
}

static unsigned int nr_exits;

static void first_exit(void)
{
	if (nr_exits != 1)
		_Exit(3);
	_Exit(0);
}

static void second_exit(void)
{
	nr_exits++;
}

TEST_SCENARIO(watch_exit)
{
	watch_at_exit(first_exit);
	watch_at_exit(second_exit);
	exit(4);
}

START_TEST(watch_objects_tell_once)
{
	watched_scenario_passes("watch_objects");
}
END_TEST

START_TEST(watch_pages_tell_once)
{
	watched_scenario_passes("watch_pages");
}
END_TEST

START_TEST(watch_large_blocks_tell_once)
{
	watched_scenario_passes("watch_large");
}
END_TEST

START_TEST(watch_vrealloc_tells_both_blocks)
{
	watched_scenario_passes("watch_vrealloc");
}
END_TEST

START_TEST(watch_names_the_callers_call)
{
	watched_scenario_passes("watch_callers");
}
END_TEST

START_TEST(watch_exit_calls_last_first)
{
	test_scenario_passes("watch_exit", NULL);
}
END_TEST

Suite *suite_watch(void)
{
	Suite *s = suite_create("watch");
	TCase *tc = tcase_create("entry points");

	tcase_add_test(tc, watch_objects_tell_once);
	tcase_add_test(tc, watch_pages_tell_once);
	tcase_add_test(tc, watch_large_blocks_tell_once);
	tcase_add_test(tc, watch_vrealloc_tells_both_blocks);
	tcase_add_test(tc, watch_names_the_callers_call);
	tcase_add_test(tc, watch_exit_calls_last_first);
	suite_add_tcase(s, tc);
	return s;
}
