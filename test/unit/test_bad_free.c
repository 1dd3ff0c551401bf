// SPDX-License-Identifier: MIT
/*
 * Tests of mm/bad_free.c: each kind of pointer that cannot be freed, under
 * each policy.
 *
 * A case frees one wrong pointer. Its report is one line, which names that
 * pointer, what it points into, and who freed it:
 *
 *	abort	the line, then SIGABRT; a process for each case
 *	warn	the line; the allocator is as it was, and goes on
 *	ignore	the same without the line
 *
 * All cases run in programs of their own (see TEST_SCENARIO), so under
 * Valgrind without it: it has its own words for such frees.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <kmm/kmm.h>
#include <linux/mm.h>

#include "cmdline.h"
#include "slab_test.h"

/* What the running case frees wrongly. */
static void *wrong;

/* Not the last thing a case does, or the report would name who called it. */
#define DO_FREE(call)							\
	do {								\
		call;							\
		__asm__ volatile("" ::: "memory");			\
	} while (0)

/* Objects ----------------------------------------------------------------- */

static noinline void free_adjacent(void)
{
	wrong = kmalloc(64, GFP_KERNEL);
	kfree(wrong);
	DO_FREE(kfree(wrong));
}

static noinline void free_a_b_a(void)
{
	void *b = kmalloc(64, GFP_KERNEL);

	wrong = kmalloc(64, GFP_KERNEL);
	kfree(wrong);
	kfree(b);
	DO_FREE(kfree(wrong));
}

/* The object has left the sheaves, and it is at its slab that it is found to be
 * free: at once where there are no sheaves, else when it comes there again. */
static noinline void free_after_flush(void)
{
	void *neighbour = kmalloc(64, GFP_KERNEL);

	wrong = kmalloc(64, GFP_KERNEL);
	kfree(wrong);
	kmem_cache_shrink(kmalloc_slab(64, 0));
	DO_FREE(kfree(wrong));
	kmem_cache_shrink(kmalloc_slab(64, 0));
	kfree(neighbour);
}

static noinline void free_interior(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	wrong = p + 8;
	DO_FREE(kfree(wrong));
	kfree(p);
}

static noinline void free_odd_address(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	wrong = p + 1;
	DO_FREE(kfree(wrong));
	kfree(p);
}

/* Where the next object would be if the slab were a little larger. */
static noinline void free_tail_waste(void)
{
	struct kmem_cache *s = make_cache("unit-waste", 1000, SLAB_NO_MERGE);
	void *p = kmem_cache_alloc(s, GFP_KERNEL);
	struct page *slab = slab_of(p);

	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	ck_assert_uint_ne((PAGE_SIZE << slab->order) % s->size, 0);
	wrong = (char *)page_address(slab) + slab->objects * s->size;
	DO_FREE(kmem_cache_free(s, wrong));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}

static noinline void free_to_wrong_cache(void)
{
	struct kmem_cache *s = make_cache("unit-right", 64, SLAB_DIRECT);
	struct kmem_cache *t = make_cache("unit-wrong", 64, SLAB_DIRECT);

	wrong = kmem_cache_alloc(s, GFP_KERNEL);
	DO_FREE(kmem_cache_free(t, wrong));
	kmem_cache_free(s, wrong);
	kmem_cache_destroy(s);
	kmem_cache_destroy(t);
}

/* Of another size, on a boundary of both, and with sheaves: nothing but the
 * struct page can tell. The wrong cache must not hand it out afterwards. */
static noinline void free_to_wrong_cache_in_sheaf(void)
{
	struct kmem_cache *s = make_cache("unit-right", 32, SLAB_NO_MERGE);
	struct kmem_cache *t = make_cache("unit-wrong", 64, SLAB_NO_MERGE);
	void *p;

	/* A sheaf with room, or the slow path looks at the object anyway. */
	kmem_cache_free(t, kmem_cache_alloc(t, GFP_KERNEL));
	wrong = kmem_cache_alloc(s, GFP_KERNEL);
	if ((unsigned long)wrong % 64) {
		p = wrong;
		wrong = kmem_cache_alloc(s, GFP_KERNEL);
		kmem_cache_free(s, p);
	}
	ck_assert_uint_eq((unsigned long)wrong % 64, 0);
	DO_FREE(kmem_cache_free(t, wrong));
	p = kmem_cache_alloc(t, GFP_KERNEL);
	ck_assert_ptr_ne(p, wrong);
	kmem_cache_free(t, p);
	kmem_cache_free(s, wrong);
	kmem_cache_destroy(s);
	kmem_cache_destroy(t);
}

static noinline void free_object_as_page(void)
{
	kfree(kmalloc(64, GFP_KERNEL));
	wrong = kmalloc(64, GFP_KERNEL);
	DO_FREE(free_pages((unsigned long)wrong, 0));
	kfree(wrong);
}

static noinline void free_object_as_vmalloc(void)
{
	wrong = kmalloc(64, GFP_KERNEL);
	DO_FREE(vfree(wrong));
	kfree(wrong);
}

/* Pages ------------------------------------------------------------------- */

static noinline void free_page_as_object(void)
{
	wrong = (void *)__get_free_page(GFP_KERNEL);
	DO_FREE(kfree(wrong));
	free_page((unsigned long)wrong);
}

static noinline void free_free_page(void)
{
	wrong = (void *)__get_free_page(GFP_KERNEL);
	free_page((unsigned long)wrong);
	DO_FREE(kfree(wrong));
}

/* Merged into a larger block, as it usually is after a while. */
static noinline void free_merged_page(void)
{
	wrong = (void *)__get_free_page(GFP_KERNEL);
	free_page((unsigned long)wrong);
	drain_all_pages();
	DO_FREE(kfree(wrong));
}

static noinline void free_page_twice(void)
{
	wrong = (void *)__get_free_page(GFP_KERNEL);
	free_page((unsigned long)wrong);
	DO_FREE(free_page((unsigned long)wrong));
}

static noinline void free_page_of_other_order(void)
{
	wrong = (void *)__get_free_pages(GFP_KERNEL, 1);
	DO_FREE(free_pages((unsigned long)wrong, 2));
	free_pages((unsigned long)wrong, 1);
}

/* Large blocks ------------------------------------------------------------ */

static noinline void free_inside_large(void)
{
	char *p = kmalloc(5 * PAGE_SIZE + 9000, GFP_KERNEL);

	wrong = p + 100;
	DO_FREE(kfree(wrong));
	kfree(p);
}

static noinline void free_page_inside_large(void)
{
	char *p = kmalloc(5 * PAGE_SIZE + 9000, GFP_KERNEL);

	wrong = p + 3 * PAGE_SIZE;
	DO_FREE(kfree(wrong));
	kfree(p);
}

static noinline void free_large_twice(void)
{
	wrong = kmalloc(100000, GFP_KERNEL);
	kfree(wrong);
	DO_FREE(kfree(wrong));
}

static noinline void free_large_as_pages(void)
{
	wrong = kmalloc(100000, GFP_KERNEL);
	DO_FREE(free_pages((unsigned long)wrong, get_order(100000)));
	kfree(wrong);
}

static noinline void free_inside_vmalloc(void)
{
	char *p = vmalloc(100000);

	wrong = p + 4096;
	DO_FREE(kfree(wrong));
	vfree(p);
}

static noinline void vfree_inside_vmalloc(void)
{
	char *p = vmalloc(100000);

	wrong = p + 8;
	DO_FREE(vfree(wrong));
	vfree(p);
}

/* Memory of others -------------------------------------------------------- */

static noinline void free_stack(void)
{
	unsigned long word[8] = { 0 };

	wrong = &word[2];
	DO_FREE(kfree(wrong));
}

static noinline void free_literal(void)
{
	wrong = (void *)"a string literal";
	DO_FREE(kfree(wrong));
}

static noinline void free_mapping(void)
{
	wrong = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	DO_FREE(kfree(wrong));
	munmap(wrong, PAGE_SIZE);
}

static noinline void free_unmapped(void)
{
	wrong = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	munmap(wrong, PAGE_SIZE);
	DO_FREE(kfree(wrong));
}

static noinline void free_number(void)
{
	wrong = (void *)0xdead000000000108;
	DO_FREE(kfree(wrong));
}

static noinline void free_small_number(void)
{
	wrong = (char *)ZERO_SIZE_PTR + 1;
	DO_FREE(kfree(wrong));
}

static noinline void kvfree_stack(void)
{
	unsigned long word[8] = { 0 };

	wrong = &word[1];
	DO_FREE(kvfree(wrong));
}

static noinline void krealloc_stack(void)
{
	unsigned long word[8] = { 0 };

	wrong = &word[3];
	DO_FREE(ck_assert_ptr_null(krealloc(wrong, 8, GFP_KERNEL)));
}

/* The cases --------------------------------------------------------------- */

/* Whom a report can name. */
enum culprit {
	CASE,		/* the function of the case */
	LIBRARY,	/* perhaps a function that it called, which called kfree() */
	NOBODY,		/* found by a flush, later */
};

static const struct bad_case {
	void (*fn)(void);
	const char *begin, *what;
	enum culprit culprit;
} cases[] = {
	{ free_adjacent, "BUG double free of ", "of kmalloc-64 is free already", CASE },
	{ free_a_b_a, "BUG double free of ", "of kmalloc-64 is free already", CASE },
	{ free_after_flush, "BUG double free of ", "of kmalloc-64 is free already", NOBODY },
	{ free_interior, "BUG invalid free of ", " 8 bytes inside object ", CASE },
	{ free_odd_address, "BUG invalid free of ", " 1 bytes inside object ", CASE },
	{ free_tail_waste, "BUG invalid free of ", "behind the last object of unit-waste", CASE },
	{ free_to_wrong_cache, "BUG invalid free of ", "of unit-right, freed as unit-wrong", CASE },
	{ free_to_wrong_cache_in_sheaf, "BUG invalid free of ", "of unit-right, freed as unit-wrong", CASE },
	{ free_object_as_page, "BUG invalid free of ", "of kmalloc-64, freed as page", CASE },
	{ free_object_as_vmalloc, "BUG invalid free of ", "of kmalloc-64, freed as vfree", CASE },
	{ free_page_as_object, "BUG invalid free of ", "from alloc_pages()", CASE },
	{ free_free_page, "BUG double free of ", "page is free already", CASE },
	{ free_merged_page, "BUG double free of ", "page is free already", CASE },
	{ free_page_twice, "BUG double free of ", "page is free already", CASE },
	{ free_page_of_other_order, "BUG invalid free of ", "another order", CASE },
	{ free_inside_large, "BUG invalid free of ", " 100 bytes inside the block of ", CASE },
	{ free_page_inside_large, "BUG invalid free of ", " bytes inside the block of ", CASE },
	{ free_large_twice, "BUG double free of ", "page is free already", CASE },
	{ free_large_as_pages, "BUG invalid free of ", "the block of ", CASE },
	{ free_inside_vmalloc, "BUG invalid free of ", " 4096 bytes inside the vmalloc block of ", CASE },
	{ vfree_inside_vmalloc, "BUG invalid free of ", " 8 bytes inside the vmalloc block of ", CASE },
	{ free_stack, "BUG invalid free of ", "not from this allocator, in [stack]", CASE },
	{ free_literal, "BUG invalid free of ", "not from this allocator, in /", CASE },
	{ free_mapping, "BUG invalid free of ", "not from this allocator, in an anonymous mapping", CASE },
	{ free_unmapped, "BUG invalid free of ", "not from this allocator, in no mapping", CASE },
	{ free_number, "BUG invalid free of ", "not from this allocator, in no mapping", CASE },
	{ free_small_number, "BUG invalid free of ", "not from this allocator, in no mapping", CASE },
	{ kvfree_stack, "BUG invalid free of ", "not from this allocator, in [stack]", LIBRARY },
	{ krealloc_stack, "BUG invalid free of ", "not from this allocator, in [stack]", CASE },
};

/* The place that called free lies in the case's function, which is short. */
static bool names_culprit(const char *text, const struct bad_case *c)
{
	const char *from = strstr(text, "; freed from 0x");
	unsigned long caller;

	if (c->culprit == NOBODY)
		return true;
	if (!from || !strstr(from, " (/") || !strstr(from, "+0x"))
		return false;
	caller = strtoul(from + strlen("; freed from "), NULL, 16);
	return c->culprit == LIBRARY || caller - (unsigned long)c->fn < 2048;
}

static void check_report(const struct bad_case *c, const char *text)
{
	char pointer[32];

	snprintf(pointer, sizeof(pointer), " of %p:", wrong);
	ck_assert_msg(!strncmp(text, c->begin, strlen(c->begin)), "%s", text);
	ck_assert_msg(strstr(text, pointer), "no %s in %s", pointer, text);
	ck_assert_msg(strstr(text, c->what), "no \"%s\" in %s", c->what, text);
	ck_assert_msg(count_lines(text) == 1, "%s", text);
	ck_assert_msg(names_culprit(text, c), "%s (not from %p)", text,
		      (void *)c->fn);
}

static void run_all_cases(bool silent)
{
	unsigned int i;
	const char *text;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		errno = 4711;
		test_capture_begin(2);
		errno = 4711;
		cases[i].fn();
		/* free() may not change it, so nothing below it does. */
		ck_assert_int_eq(errno, 4711);
		text = test_capture_end();
		if (silent)
			ck_assert_str_eq(text, "");
		else
			check_report(&cases[i], text);
		assert_all_valid();
		ck_assert_uint_eq(vmalloc_validate(), 0);
	}
}

TEST_SCENARIO(bad_free_warned)
{
	run_all_cases(false);
	/* It goes on indeed. */
	run_all_cases(false);
}

START_TEST(bad_free_warn_reports_each_and_goes_on)
{
	test_scenario_passes("bad_free_warned", "bad_free=warn");
}
END_TEST

TEST_SCENARIO(bad_free_ignored)
{
	run_all_cases(true);
}

START_TEST(bad_free_ignore_is_silent_and_goes_on)
{
	test_scenario_passes("bad_free_ignored", "bad_free=ignore");
}
END_TEST

/* The case's number comes in the environment. */
#define CASE_NUMBER "KMM_TEST_CASE"

TEST_SCENARIO(bad_free_fatal)
{
	const char *number = getenv(CASE_NUMBER);

	cases[atoi(number ? number : "0")].fn();
}

START_TEST(bad_free_abort_is_default)
{
	const char *text;
	char number[16];
	int status;

	snprintf(number, sizeof(number), "%d", _i);
	setenv(CASE_NUMBER, number, 1);
	status = test_run_scenario("bad_free_fatal", NULL, &text);
	unsetenv(CASE_NUMBER);
	test_aborted_with(status, text, cases[_i].what);
	ck_assert_ptr_eq(strstr(text, cases[_i].begin), text);
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

Suite *suite_bad_free(void)
{
	Suite *s = suite_create("bad_free");
	TCase *tc = tcase_create("bad_free");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, bad_free_warn_reports_each_and_goes_on);
	tcase_add_test(tc, bad_free_ignore_is_silent_and_goes_on);
	tcase_add_loop_test(tc, bad_free_abort_is_default, 0,
			    (int)ARRAY_SIZE(cases));
	suite_add_tcase(s, tc);
	return s;
}
