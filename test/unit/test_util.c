// SPDX-License-Identifier: MIT
/*
 * Tests of mm/util.c: kvmalloc() and its family on both sides of the border
 * between kmalloc() and vmalloc(), copies, and formatting.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/vmalloc.h>

#include "host.h"
#include "internal.h"
#include "memcheck.h"
#include "unit.h"

/* Beyond any kmalloc(). */
#define LARGE (2 * KMALLOC_MAX_SIZE)

/* Where contents are written and looked at: near the start, then once in a
 * while, since a first touch is what large blocks cost. */
static size_t next_offset(size_t off)
{
	return off + (off < 8192 ? 97 : 1048573);
}

static bool all_zero(const unsigned char *p, size_t from, size_t to)
{
	for (; from < to; from++)
		if (p[from])
			return false;
	return true;
}

/* kvmalloc ---------------------------------------------------------------- */

START_TEST(kvmalloc_small_is_kmalloc)
{
	static const unsigned short sizes[] = { 1, 8, 100, 4096, 8192, 20000 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char *p = kvmalloc(sizes[i], GFP_KERNEL);

		ck_assert_ptr_nonnull(p);
		ck_assert(!is_vmalloc_addr(p));
		ck_assert_uint_ge(ksize(p), sizes[i]);
		memset(p, 1, sizes[i]);
		kvfree(p);
	}
}
END_TEST

START_TEST(kvmalloc_zero_is_zero_size_ptr)
{
	ck_assert_ptr_eq(kvmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	kvfree(ZERO_SIZE_PTR);
	kvfree(NULL);
	kvfree_sensitive(ZERO_SIZE_PTR, 16);
	kvfree_sensitive(NULL, 16);
}
END_TEST

START_TEST(kvmalloc_large_is_vmalloc)
{
	const char *text;
	unsigned char *p, *z;

	/* That kmalloc() could not serve it is no news. */
	test_capture_begin(2);
	p = kvmalloc(LARGE, GFP_KERNEL);
	z = kvzalloc(LARGE + 1, GFP_KERNEL);
	text = test_capture_end();
	ck_assert_str_eq(text, "");
	ck_assert(is_vmalloc_addr(p));
	ck_assert(is_vmalloc_addr(z));
	ck_assert(all_zero(z, 0, LARGE + 1));
	memset(p, 1, 100000);
	kvfree(p);
	ck_assert(!is_vmalloc_addr(p));
	kvfree(z);
}
END_TEST

START_TEST(kvmalloc_nonblocking_has_no_fallback)
{
	void *p;

	ck_assert_ptr_null(kvmalloc(LARGE, GFP_ATOMIC));
	ck_assert_ptr_null(kvmalloc(LARGE, GFP_NOWAIT));
	p = kvmalloc(64, GFP_NOWAIT);
	ck_assert_ptr_nonnull(p);
	kvfree(p);
}
END_TEST

START_TEST(kvmalloc_above_int_max_is_null)
{
	static const size_t sizes[] = { INT_MAX + 1UL, SIZE_MAX / 2, SIZE_MAX };
	const char *text;

	test_capture_begin(2);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_ptr_null(kvmalloc(sizes[i],
					    GFP_KERNEL | __GFP_NOWARN));
	ck_assert_str_eq(test_capture_end(), "");

	test_capture_begin(2);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_ptr_null(kvmalloc(sizes[i], GFP_KERNEL));
	text = test_capture_end();
	ck_assert_ptr_eq(strstr(text, "WARNING: kvmalloc"), text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

START_TEST(kvmalloc_array_overflow_is_null)
{
	/* The compiler would notice, if it could see the number. */
	volatile size_t half = SIZE_MAX / 2;
	unsigned char *p;

	ck_assert_ptr_null(kvmalloc_array(half, 3, GFP_KERNEL));
	ck_assert_ptr_null(kvcalloc(3, half, GFP_KERNEL));
	p = kvcalloc(100, 30, GFP_KERNEL);
	ck_assert_ptr_nonnull(p);
	ck_assert(all_zero(p, 0, 3000));
	kvfree(p);
}
END_TEST

START_TEST(kvmalloc_nofail_reaches_vmalloc)
{
	void *p = kvmalloc(LARGE, GFP_KERNEL | __GFP_NOFAIL);

	ck_assert(is_vmalloc_addr(p));
	kvfree(p);
}
END_TEST

/* kmalloc() has memory at hand after the first round, vmalloc() never has. */
START_TEST(kvmalloc_host_failing_is_null)
{
	host_map_calls = 0;
	host_fail_nth = 1;
	ck_assert_ptr_null(kvmalloc(LARGE, GFP_KERNEL | __GFP_NOWARN));
	host_fail_nth = 0;
	kvfree(kvmalloc(LARGE, GFP_KERNEL));
	ck_assert_uint_eq(vmalloc_validate(), 0);
}
END_TEST

/* kvrealloc --------------------------------------------------------------- */

/* kmalloc | kmalloc | vmalloc | vmalloc | vmalloc: it never goes back. */
START_TEST(kvrealloc_keeps_contents_across_the_border)
{
	const size_t sizes[] = { 100, 20000, LARGE, 2 * LARGE, 100 };
	const bool vmalloced[] = { false, false, true, true, true };
	unsigned char *p = NULL;
	size_t old_size = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = kvrealloc(p, sizes[i], GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		ck_assert_int_eq(is_vmalloc_addr(p), vmalloced[i]);
		for (size_t k = 0; k < old_size && k < sizes[i];
		     k = next_offset(k))
			ck_assert_int_eq(p[k], (unsigned char)(k * 5 + 3));
		for (size_t k = 0; k < sizes[i]; k = next_offset(k))
			p[k] = (unsigned char)(k * 5 + 3);
		old_size = sizes[i];
	}
	kvfree(p);
	ck_assert_uint_eq(vmalloc_validate(), 0);
}
END_TEST

START_TEST(kvrealloc_zero_frees)
{
	void *p = kvmalloc(100, GFP_KERNEL), *v = kvmalloc(LARGE, GFP_KERNEL);

	ck_assert_ptr_eq(kvrealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	ck_assert_ptr_null(kvrealloc(v, 0, GFP_KERNEL));
	ck_assert(!is_vmalloc_addr(v));
}
END_TEST

START_TEST(kvrealloc_zero_size_ptr_allocates)
{
	unsigned char *p = kvrealloc(ZERO_SIZE_PTR, LARGE,
				     GFP_KERNEL | __GFP_ZERO);

	ck_assert(is_vmalloc_addr(p));
	ck_assert(all_zero(p, 0, LARGE));
	kvfree(p);
}
END_TEST

START_TEST(kvrealloc_failing_keeps_block)
{
	char *p = kvmalloc(100, GFP_KERNEL);
	volatile size_t endless = SIZE_MAX;

	strcpy(p, "still here");
	ck_assert_ptr_null(kvrealloc(p, LARGE, GFP_ATOMIC));
	ck_assert_ptr_null(kvrealloc(p, endless, GFP_KERNEL | __GFP_NOWARN));
	host_fail_nth = 1;
	host_map_calls = 0;
	ck_assert_ptr_null(kvrealloc(p, LARGE, GFP_KERNEL | __GFP_NOWARN));
	host_fail_nth = 0;
	ck_assert_str_eq(p, "still here");
	kvfree(p);
}
END_TEST

START_TEST(kvfree_sensitive_clears_before_freeing)
{
	unsigned char *p = kmalloc(64, GFP_KERNEL), *again;
	void *v = kvmalloc(LARGE, GFP_KERNEL);

	memset(v, 0xff, 100000);
	kvfree_sensitive(v, 100000);
	ck_assert(!is_vmalloc_addr(v));

	memset(p, 0xff, 64);
	kvfree_sensitive(p, 64);
	again = kmalloc(64, GFP_KERNEL);
	/* Last freed, first allocated: unless checkers keep objects back. The
	 * allocator's own link may lie in the object. */
	if (again == p && !memcheck_active()) {
		unsigned int nonzero = 0;

		for (int i = 0; i < 64; i++)
			nonzero += again[i] != 0;
		ck_assert_uint_le(nonzero, sizeof(void *));
	}
	kfree(again);
}
END_TEST

/* Copies ------------------------------------------------------------------ */

START_TEST(kmemdup_copies)
{
	static const int numbers[] = { 1, 2, 3, 4 };
	volatile size_t half = SIZE_MAX / 2;
	int *p = kmemdup(numbers, sizeof(numbers), GFP_KERNEL);

	ck_assert_ptr_nonnull(p);
	ck_assert_mem_eq(p, numbers, sizeof(numbers));
	kfree(p);
	p = kmemdup_array(numbers + 1, 3, sizeof(int), GFP_KERNEL);
	ck_assert_mem_eq(p, numbers + 1, 3 * sizeof(int));
	kfree(p);
	ck_assert_ptr_eq(kmemdup(numbers, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	ck_assert_ptr_null(kmemdup_array(numbers, half, 4,
					 GFP_KERNEL | __GFP_NOWARN));
}
END_TEST

START_TEST(kmemdup_nul_terminates)
{
	char *p = kmemdup_nul("abcdef", 3, GFP_KERNEL);

	ck_assert_str_eq(p, "abc");
	kfree(p);
	p = kmemdup_nul("abc", 0, GFP_KERNEL);
	ck_assert_str_eq(p, "");
	kfree(p);
	ck_assert_ptr_null(kmemdup_nul(NULL, 3, GFP_KERNEL));
	ck_assert_ptr_null(kmemdup_nul("abc", SIZE_MAX,
				       GFP_KERNEL | __GFP_NOWARN));
}
END_TEST

START_TEST(kstrdup_copies_strings)
{
	char *p = kstrdup("slab", GFP_KERNEL);

	ck_assert_str_eq(p, "slab");
	kfree(p);
	p = kstrdup("", GFP_KERNEL);
	ck_assert_str_eq(p, "");
	kfree(p);
	ck_assert_ptr_null(kstrdup(NULL, GFP_KERNEL));
}
END_TEST

START_TEST(kstrndup_stops_at_max_or_nul)
{
	static const char unterminated[4] = { 'z', 'o', 'n', 'e' };
	char *p = kstrndup(unterminated, 4, GFP_KERNEL);

	ck_assert_str_eq(p, "zone");
	kfree(p);
	p = kstrndup("zone", 100, GFP_KERNEL);
	ck_assert_str_eq(p, "zone");
	kfree(p);
	p = kstrndup("zone", 0, GFP_KERNEL);
	ck_assert_str_eq(p, "");
	kfree(p);
	ck_assert_ptr_null(kstrndup(NULL, 4, GFP_KERNEL));
}
END_TEST

/* Formatting -------------------------------------------------------------- */

START_TEST(kasprintf_any_length_is_whole)
{
	char expected[512];

	for (int width = 1; width <= 300; width++) {
		char *p = kasprintf(GFP_KERNEL, "%*d%s", width, 42, "!");

		snprintf(expected, sizeof(expected), "%*d%s", width, 42, "!");
		ck_assert_str_eq(p, expected);
		ck_assert_uint_ge(ksize(p), strlen(expected) + 1);
		kfree(p);
	}
}
END_TEST

START_TEST(kasprintf_empty_is_a_string)
{
	char *p = kasprintf(GFP_KERNEL, "%s", "");

	ck_assert_str_eq(p, "");
	kfree(p);
}
END_TEST

START_TEST(kasprintf_too_long_is_null)
{
	const char *text;

	test_capture_begin(2);
	ck_assert_ptr_null(kasprintf(GFP_KERNEL | __GFP_NOWARN, "%*d",
				     (int)KMALLOC_MAX_SIZE, 1));
	text = test_capture_end();
	ck_assert_str_eq(text, "");
}
END_TEST

Suite *suite_util(void)
{
	Suite *s = suite_create("util");
	TCase *tc;

	tc = tcase_create("kvmalloc");
	tcase_add_test(tc, kvmalloc_small_is_kmalloc);
	tcase_add_test(tc, kvmalloc_zero_is_zero_size_ptr);
	tcase_add_test(tc, kvmalloc_large_is_vmalloc);
	tcase_add_test(tc, kvmalloc_nonblocking_has_no_fallback);
	tcase_add_test(tc, kvmalloc_above_int_max_is_null);
	tcase_add_test(tc, kvmalloc_array_overflow_is_null);
	tcase_add_test(tc, kvmalloc_nofail_reaches_vmalloc);
	tcase_add_test(tc, kvmalloc_host_failing_is_null);
	suite_add_tcase(s, tc);

	tc = tcase_create("kvrealloc");
	tcase_add_test(tc, kvrealloc_keeps_contents_across_the_border);
	tcase_add_test(tc, kvrealloc_zero_frees);
	tcase_add_test(tc, kvrealloc_zero_size_ptr_allocates);
	tcase_add_test(tc, kvrealloc_failing_keeps_block);
	tcase_add_test(tc, kvfree_sensitive_clears_before_freeing);
	suite_add_tcase(s, tc);

	tc = tcase_create("copies");
	tcase_add_test(tc, kmemdup_copies);
	tcase_add_test(tc, kmemdup_nul_terminates);
	tcase_add_test(tc, kstrdup_copies_strings);
	tcase_add_test(tc, kstrndup_stops_at_max_or_nul);
	suite_add_tcase(s, tc);

	tc = tcase_create("formatting");
	tcase_add_test(tc, kasprintf_any_length_is_whole);
	tcase_add_test(tc, kasprintf_empty_is_a_string);
	tcase_add_test(tc, kasprintf_too_long_is_null);
	suite_add_tcase(s, tc);
	return s;
}
