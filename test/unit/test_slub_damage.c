// SPDX-License-Identifier: MIT
/*
 * Tests of mm/slub_debug.c: each kind of damage, made on purpose; the report, to
 * the byte and the two stacks; what is repaired, and that all goes on.
 *
 * A case damages one object and prints, with "expect", the line that the report
 * must have; it runs in a child of its own. Memory checkers have red zones of
 * their own, and slab_debug is ignored with them: those lanes skip most of this.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include <kmm/kmm.h>
#include <linux/poison.h>

#include "cmdline.h"
#include "host.h"
#include "slab_test.h"
#include "slub_debug.h"
#include "slub_debug_test.h"

/* Damage ------------------------------------------------------------------ */

static void *freed_once(void)
{
	void *object = alloc_here(s);

	free_here(s, object);
	return object;
}

/* Take objects until the freed ones were among them. */
static void take_all(void)
{
	unsigned int i;

	for (i = 0; i < 2 * s->objects; i++)
		alloc_here(s);
}

static void overrun_by_one(void)
{
	void *object = alloc_here(s);

	damage(object, 64, 1, SLUB_RED_ACTIVE);
	free_here(s, object);
}

static void overrun_into_link(void)
{
	void *object = alloc_here(s);

	damage(object, 64, 16, SLUB_RED_ACTIVE);
	free_here(s, object);
}

static void underrun(void)
{
	void *object = alloc_here(s);

	damage(object, -1, 1, SLUB_RED_ACTIVE);
	free_here(s, object);
}

static void write_to_free(void)
{
	void *object = freed_once();

	damage(object, 5, 3, POISON_FREE);
	take_all();
}

static void write_to_end_of_free(void)
{
	void *object = freed_once();

	damage(object, 63, 1, POISON_END);
	take_all();
}

static void write_behind_free(void)
{
	void *object = freed_once();

	damage(object, 64, 1, SLUB_RED_INACTIVE);
	take_all();
}

static void write_to_free_then_shrink(void)
{
	void *object = freed_once();

	damage(object, 5, 3, POISON_FREE);
	kmem_cache_shrink(s);
}

static void write_to_free_then_validate(void)
{
	void *object = freed_once();

	damage(object, 5, 3, POISON_FREE);
	ck_assert_uint_eq(validate_slab_cache(s), 1);
}

static void overrun_then_validate(void)
{
	void *object = alloc_here(s);

	damage(object, 64, 2, SLUB_RED_ACTIVE);
	ck_assert_uint_eq(validate_slab_cache(s), 1);
	free_here(s, object);
}

static void write_to_padding(void)
{
	void *object = alloc_here(s);

	damage(object, (long)(s->size - s->red_left_pad - 4), 4, POISON_INUSE);
	free_here(s, object);
}

static void write_behind_slab(void)
{
	void *object = alloc_here(s);
	char *base = slab_address(slab_of(object));

	damage(object, base + s->objects * s->size - (char *)object, 2,
	       POISON_INUSE);
	ck_assert_uint_eq(validate_slab_cache(s), 1);
}

static const struct {
	void (*fn)(void);
	const char *what;
	bool freed;		/* by free_here(), before the damage */
} damages[] = {
	{ overrun_by_one, "Right Redzone", false },
	{ overrun_into_link, "Right Redzone", false },
	{ underrun, "Left Redzone", false },
	{ write_to_free, "Poison", true },
	{ write_to_end_of_free, "End Poison", true },
	{ write_behind_free, "Right Redzone", true },
	{ write_to_free_then_shrink, "Poison", true },
	{ write_to_free_then_validate, "Poison", true },
	{ overrun_then_validate, "Right Redzone", false },
	{ write_to_padding, "Object padding", false },
	{ write_behind_slab, "Padding", false },
};

static int damage_nr;

/* The case, then the same cache used on: nothing more may be found. */
static void damaged_and_used_on(void)
{
	void *p[40];
	unsigned int i;

	kmm_params.bad_free = BAD_FREE_WARN;
	make_debugged(64, FZPU);
	damages[damage_nr].fn();
	dprintf(2, "repaired\n");
	for (i = 0; i < 40; i++)
		fill(p[i] = alloc_here(s), 64, i);
	for (i = 0; i < 40; i++)
		ck_assert(holds(p[i], 64, i));
	ck_assert_uint_eq(validate_slab_cache(s), 0);
	for (i = 0; i < 40; i++)
		free_here(s, p[i]);
	ck_assert_uint_eq(validate_slab_cache(s), 0);
	assert_valid(s);
}

static void damaged_and_aborted(void)
{
	make_debugged(64, FZPU);
	damages[damage_nr].fn();
	if (strstr(damages[damage_nr].what, "alidate") == NULL)
		host_abort();
}

START_TEST(debug_damage_is_reported_and_repaired)
{
	const char *text, *report, *expected;
	char words[320];
	int status;

	if (memcheck_active())
		return;
	damage_nr = _i;
	status = test_run_child(damaged_and_used_on, &text);
	ck_assert_msg(status == 0, "wait status 0x%x\n%s", (unsigned int)status,
		      text);
	expected = expected_line(text);
	report = strchr(text, '\n') + 1;
	snprintf(words, sizeof(words), "BUG unit-debugged: %s overwritten\n",
		 damages[_i].what);
	ck_assert_msg(!strncmp(report, words, strlen(words)),
		      "no \"%s\" in:\n%s", words, text);
	/* An overrun that went on: the report is of each part by itself. */
	if (damages[_i].fn != overrun_into_link)
		assert_has(report, expected);
	if (damages[_i].fn != write_behind_slab)
		assert_stack(report, "Allocated in", alloc_here);
	if (damages[_i].freed)
		assert_stack(report, "Freed in", free_here);
	/* In a slab that goes there is nothing to be repaired. */
	snprintf(words, sizeof(words), "FIX unit-debugged: Restoring %s 0x",
		 damages[_i].what);
	if (damages[_i].fn != write_to_free_then_shrink)
		assert_has(report, words);
	/* What came later is quiet. */
	ck_assert_str_eq(strstr(text, "repaired\n"), "repaired\n");
}
END_TEST

/* By default the first one ends the process, with everything left as it was. */
START_TEST(debug_damage_aborts)
{
	const char *text;
	int status;

	if (memcheck_active())
		return;
	damage_nr = 0;
	status = test_run_child(damaged_and_aborted, &text);
	test_aborted_with(status, text,
			  "BUG unit-debugged: Right Redzone overwritten\n");
	ck_assert_ptr_null(strstr(text, "FIX"));
}
END_TEST

static void corrupt_link(void)
{
	void *a, *b;
	unsigned int i, nr;

	kmm_params.bad_free = BAD_FREE_WARN;
	make_debugged(64, FZPU);
	nr = s->objects;
	for (i = 0; i + 2 < nr; i++)
		alloc_here(s);
	a = alloc_here(s);
	b = alloc_here(s);
	free_here(s, a);
	free_here(s, b);
	memset((char *)b + s->offset, 'A', sizeof(void *));
	/* b is set aside, a is still found: the slab has no other. */
	ck_assert_ptr_eq(alloc_here(s), a);
	ck_assert_uint_eq(s->node.nr_slabs, 1);
	ck_assert_uint_eq(validate_slab_cache(s), 0);
	assert_valid(s);
}

START_TEST(debug_corrupt_link_list_is_made_again)
{
	const char *text;
	int status;

	if (memcheck_active())
		return;
	status = test_run_child(corrupt_link, &text);
	ck_assert_msg(status == 0, "wait status 0x%x\n%s", (unsigned int)status,
		      text);
	ck_assert(!strncmp(text, "BUG unit-debugged: Freepointer corrupt\n", 39));
	assert_stack(text, "Allocated in", alloc_here);
	assert_stack(text, "Freed in", free_here);
	assert_has(text, "FIX unit-debugged: Making a new freelist for slab 0x");
	assert_has(text, "will not be used again\n");
}
END_TEST

/* The link in the middle of a freelist; all others are whole. */
static void corrupt_link_then_validate(void)
{
	void *p[5];
	unsigned int i;

	kmm_params.bad_free = BAD_FREE_WARN;
	make_debugged(64, FZPU);
	for (i = 0; i < 5; i++)
		p[i] = alloc_here(s);
	for (i = 0; i < 5; i++)
		free_here(s, p[i]);
	memset((char *)p[2] + s->offset, 'A', sizeof(void *));
	ck_assert_uint_eq(validate_slab_cache(s), 1);
	ck_assert_uint_eq(s->node.nr_inuse, 0);
	ck_assert_uint_eq(validate_slab_cache(s), 0);
	assert_valid(s);
}

START_TEST(debug_corrupt_link_is_one_problem)
{
	const char *text;
	int status;

	if (memcheck_active())
		return;
	status = test_run_child(corrupt_link_then_validate, &text);
	ck_assert_msg(status == 0, "wait status 0x%x\n%s", (unsigned int)status,
		      text);
	ck_assert(!strncmp(text, "BUG unit-debugged: Freepointer corrupt\n", 39));
	ck_assert_ptr_null(strstr(text + 1, "\nBUG "));
}
END_TEST

static void overwritten_tracks(void)
{
	void *object;

	kmm_params.bad_free = BAD_FREE_WARN;
	make_debugged(64, FZPU);
	object = alloc_here(s);
	memset(object, 'A', s->size - s->red_left_pad);
	free_here(s, object);
	ck_assert_uint_eq(validate_slab_cache(s), 0);
}

START_TEST(debug_overwritten_tracks_are_not_believed)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_child(overwritten_tracks, &text), 0);
	assert_has(text, "BUG unit-debugged: Right Redzone overwritten\n");
	assert_has(text, "BUG unit-debugged: Freepointer overwritten\n");
	assert_has(text, "Allocated: not known, the track was overwritten\n");
}
END_TEST

/* Double frees ------------------------------------------------------------ */

static void double_free(void)
{
	void *object, *other;

	make_debugged(64, FZPU);
	object = alloc_here(s);
	other = alloc_here(s);
	free_here(s, object);
	free_here(s, other);
	dprintf(2, "expect BUG double free of %p: object 0 of unit-debugged is free already; freed from 0x\n",
		object);
	free_again_here(s, object);
	ck_assert_uint_eq(validate_slab_cache(s), 0);
	assert_valid(s);
}

static void double_free_warned(void)
{
	kmm_params.bad_free = BAD_FREE_WARN;
	double_free();
}

static void assert_three_stacks(const char *text)
{
	const char *report = strchr(text, '\n') + 1;
	const char *expected = expected_line(text);

	ck_assert_msg(!strncmp(report, expected, strlen(expected)),
		      "no \"%s\" in:\n%s", expected, text);
	assert_stack(report, "Allocated in", alloc_here);
	assert_stack(report, "Freed in", free_here);
	assert_stack(report, "Freed again", free_again_here);
}

START_TEST(debug_double_free_shows_three_stacks)
{
	const char *text;
	int status;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_child(double_free_warned, &text), 0);
	assert_three_stacks(text);
	status = test_run_child(double_free, &text);
	test_aborted_with(status, text, "BUG double free");
	assert_three_stacks(text);
}
END_TEST

static void interior_free(void)
{
	char *object;

	kmm_params.bad_free = BAD_FREE_WARN;
	make_debugged(64, FZPU);
	object = alloc_here(s);
	free_again_here(s, object + 8);
	free_again_here(s, object - 8);
	free_again_here(s, object + s->size);
	ck_assert_uint_eq(validate_slab_cache(s), 0);
	free_here(s, object);
}

START_TEST(debug_invalid_free_shows_the_object)
{
	const char *text;

	if (memcheck_active())
		return;
	ck_assert_int_eq(test_run_child(interior_free, &text), 0);
	assert_has(text, ": 8 bytes inside object 0 (0x");
	assert_has(text, ": 8 bytes in front of object 0 (0x");
	assert_stack(text, "Allocated in", alloc_here);
	assert_stack(text, "Freed by this call", free_again_here);
}
END_TEST

Suite *suite_slub_damage(void)
{
	Suite *suite = suite_create("slub_damage");
	TCase *tc = tcase_create("damage");

	tcase_add_loop_test(tc, debug_damage_is_reported_and_repaired, 0,
			    ARRAY_SIZE(damages));
	tcase_add_test(tc, debug_damage_aborts);
	tcase_add_test(tc, debug_corrupt_link_list_is_made_again);
	tcase_add_test(tc, debug_corrupt_link_is_one_problem);
	tcase_add_test(tc, debug_overwritten_tracks_are_not_believed);
	tcase_add_test(tc, debug_double_free_shows_three_stacks);
	tcase_add_test(tc, debug_invalid_free_shows_the_object);
	suite_add_tcase(suite, tc);
	return suite;
}
