// SPDX-License-Identifier: MIT
/*
 * Tests of the headers that everything stands on: lib/list.h, lib/bitops.h,
 * lib/compiler.h and linux/overflow.h.
 *
 * A list is compared with a drawing of it: the letters of its entries, read
 * forwards and then backwards, "abc|cba".
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <linux/err.h>
#include <linux/overflow.h>

#include "bitops.h"
#include "compiler.h"
#include "list.h"
#include "unit.h"

/* Lists ------------------------------------------------------------------- */

#define NR_ENTRIES 8

struct entry {
	char letter;
	struct list_head node;
};

static struct entry entries[NR_ENTRIES];
static LIST_HEAD(list);
static LIST_HEAD(other);

static struct list_head *node(char letter)
{
	return &entries[letter - 'a'].node;
}

static void lists_setup(void)
{
	INIT_LIST_HEAD(&list);
	INIT_LIST_HEAD(&other);
	for (int i = 0; i < NR_ENTRIES; i++) {
		entries[i].letter = (char)('a' + i);
		INIT_LIST_HEAD(&entries[i].node);
	}
}

/* Put the entries named by @letters on @head, in that order. */
static void fill(struct list_head *head, const char *letters)
{
	for (; *letters; letters++)
		list_add_tail(node(*letters), head);
}

static const char *draw(const struct list_head *head)
{
	static char text[2 * NR_ENTRIES + 2];
	const struct list_head *pos;
	size_t len = 0;

	for (pos = head->next; pos != head; pos = pos->next)
		text[len++] = container_of(pos, struct entry, node)->letter;
	text[len++] = '|';
	for (pos = head->prev; pos != head; pos = pos->prev)
		text[len++] = container_of(pos, struct entry, node)->letter;
	text[len] = '\0';
	return text;
}

START_TEST(list_new_is_empty)
{
	LIST_HEAD(local);

	ck_assert(list_empty(&local));
	ck_assert_str_eq(draw(&local), "|");
}
END_TEST

START_TEST(list_add_goes_to_front)
{
	list_add(node('a'), &list);
	ck_assert_str_eq(draw(&list), "a|a");
	list_add(node('b'), &list);
	list_add(node('c'), &list);
	ck_assert_str_eq(draw(&list), "cba|abc");
	ck_assert(!list_empty(&list));
}
END_TEST

START_TEST(list_add_tail_goes_to_back)
{
	list_add_tail(node('a'), &list);
	list_add_tail(node('b'), &list);
	list_add(node('c'), &list);
	ck_assert_str_eq(draw(&list), "cab|bac");
}
END_TEST

/* Take each of three: abc -> bc, ac, ab. */
START_TEST(list_del_closes_gap)
{
	static const char *const after[] = { "bc|cb", "ac|ca", "ab|ba" };

	fill(&list, "abc");
	list_del_init(node((char)('a' + _i)));
	ck_assert_str_eq(draw(&list), after[_i]);
	ck_assert(list_empty(node((char)('a' + _i))));
}
END_TEST

START_TEST(list_del_last_leaves_empty)
{
	fill(&list, "a");
	list_del_init(node('a'));
	ck_assert(list_empty(&list));
	/* Once more: an entry that is on no list is a list of its own. */
	list_del_init(node('a'));
	ck_assert_str_eq(draw(&list), "|");
}
END_TEST

START_TEST(list_move_changes_lists)
{
	fill(&list, "abc");
	fill(&other, "de");
	list_move(node('b'), &other);
	ck_assert_str_eq(draw(&list), "ac|ca");
	ck_assert_str_eq(draw(&other), "bde|edb");
	list_move_tail(node('a'), &other);
	ck_assert_str_eq(draw(&list), "c|c");
	ck_assert_str_eq(draw(&other), "bdea|aedb");
}
END_TEST

START_TEST(list_move_within_list_reorders)
{
	fill(&list, "abc");
	list_move(node('c'), &list);
	ck_assert_str_eq(draw(&list), "cab|bac");
	list_move_tail(node('c'), &list);
	ck_assert_str_eq(draw(&list), "abc|cba");
	list_move(node('a'), &list);
	ck_assert_str_eq(draw(&list), "abc|cba");
}
END_TEST

START_TEST(list_splice_goes_to_front)
{
	static const struct {
		const char *from, *to, *result;
	} rows[] = {
		{ "", "", "|" },
		{ "", "ab", "ab|ba" },
		{ "ab", "", "ab|ba" },
		{ "a", "b", "ab|ba" },
		{ "abc", "def", "abcdef|fedcba" },
	};

	fill(&list, rows[_i].from);
	fill(&other, rows[_i].to);
	list_splice_init(&list, &other);
	ck_assert_str_eq(draw(&other), rows[_i].result);
	ck_assert(list_empty(&list));
}
END_TEST

START_TEST(list_entries_at_both_ends)
{
	fill(&list, "abc");
	ck_assert_int_eq(list_first_entry(&list, struct entry, node)->letter,
			 'a');
	ck_assert_int_eq(list_last_entry(&list, struct entry, node)->letter,
			 'c');
	ck_assert_ptr_eq(list_entry(node('b'), struct entry, node),
			 &entries[1]);
}
END_TEST

START_TEST(list_for_each_visits_in_order)
{
	struct entry *pos;
	char seen[NR_ENTRIES + 1] = "";
	size_t len = 0;

	list_for_each_entry(pos, &list, node)
		ck_abort_msg("an empty list has entries");
	fill(&list, "badc");
	list_for_each_entry(pos, &list, node)
		seen[len++] = pos->letter;
	ck_assert_str_eq(seen, "badc");
}
END_TEST

START_TEST(list_for_each_safe_allows_unlinking)
{
	struct entry *pos, *next;

	fill(&list, "abcdef");
	list_for_each_entry_safe(pos, next, &list, node)
		if ((pos->letter - 'a') % 2)
			list_move_tail(&pos->node, &other);
	ck_assert_str_eq(draw(&list), "ace|eca");
	ck_assert_str_eq(draw(&other), "bdf|fdb");
	list_for_each_entry_safe(pos, next, &list, node)
		list_del_init(&pos->node);
	ck_assert(list_empty(&list));
}
END_TEST

/* The model is the drawing itself: strings are easy to get right. */
START_TEST(list_random_operations_match_strings)
{
	char model[NR_ENTRIES + 1] = "", expected[2 * NR_ENTRIES + 2];

	for (int step = 0; step < 5000; step++) {
		char letter = (char)('a' + test_random() % NR_ENTRIES);
		char *found = strchr(model, letter);
		size_t len = strlen(model);
		bool front = test_random() % 2;

		if (found) {
			memmove(found, found + 1, strlen(found));
			list_del_init(node(letter));
		} else if (front) {
			memmove(model + 1, model, len + 1);
			model[0] = letter;
			list_add(node(letter), &list);
		} else {
			model[len] = letter;
			model[len + 1] = '\0';
			list_add_tail(node(letter), &list);
		}
		len = strlen(model);
		memcpy(expected, model, len);
		expected[len] = '|';
		for (size_t i = 0; i < len; i++)
			expected[len + 1 + i] = model[len - 1 - i];
		expected[2 * len + 1] = '\0';
		ck_assert_str_eq(draw(&list), expected);
		ck_assert_int_eq(list_empty(&list), len == 0);
	}
}
END_TEST

/* Bits -------------------------------------------------------------------- */

START_TEST(bits_small_numbers_by_definition)
{
	for (unsigned long x = 1; x < 1 << 16; x++) {
		unsigned int high = 0, low = 0;

		while (x >> high > 1)
			high++;
		while (!(x >> low & 1))
			low++;
		ck_assert_uint_eq(fls_long(x), high + 1);
		ck_assert_uint_eq(ilog2(x), high);
		ck_assert_uint_eq(ffs_long(x), low);
		ck_assert(is_power_of_2(x) == (x == 1UL << high));
		ck_assert_uint_eq(roundup_pow_of_two(x),
				  x == 1UL << high ? x : 2UL << high);
	}
	ck_assert_uint_eq(fls_long(0), 0);
	ck_assert(!is_power_of_2(0));
	ck_assert_uint_eq(roundup_pow_of_two(0), 1);
}
END_TEST

START_TEST(bits_each_power_and_its_neighbours)
{
	for (unsigned int shift = 2; shift < 64; shift++) {
		unsigned long x = 1UL << shift;

		ck_assert_uint_eq(ilog2(x), shift);
		ck_assert_uint_eq(ilog2(x - 1), shift - 1);
		ck_assert_uint_eq(ilog2(x + 1), shift);
		ck_assert_uint_eq(ffs_long(x), shift);
		ck_assert_uint_eq(roundup_pow_of_two(x), x);
		ck_assert_uint_eq(roundup_pow_of_two(x - 1),
				  shift == 2 ? 4 : x);
		ck_assert(is_power_of_2(x));
		ck_assert(!is_power_of_2(x + 1));
		ck_assert(!is_power_of_2(x - 1));
	}
	ck_assert_uint_eq(fls_long(ULONG_MAX), 64);
}
END_TEST

START_TEST(int_sqrt_is_floor)
{
	unsigned long root = 0;

	for (unsigned long x = 0; x < 1 << 18; x++) {
		while ((root + 1) * (root + 1) <= x)
			root++;
		ck_assert_uint_eq(int_sqrt(x), root);
	}
	for (root = 1UL << 20; root < 1UL << 32; root = root * 3 / 2 + 1) {
		ck_assert_uint_eq(int_sqrt(root * root), root);
		ck_assert_uint_eq(int_sqrt(root * root - 1), root - 1);
		ck_assert_uint_eq(int_sqrt(root * root + 2 * root), root);
	}
	ck_assert_uint_eq(int_sqrt(ULONG_MAX), UINT32_MAX);
}
END_TEST

START_TEST(align_rounds_both_ways)
{
	for (unsigned long align = 1; align <= 64; align *= 2) {
		for (unsigned long x = 0; x < 256; x++) {
			ck_assert_uint_eq(ALIGN(x, align),
					  (x + align - 1) / align * align);
			ck_assert_uint_eq(ALIGN_DOWN(x, align),
					  x / align * align);
			ck_assert(IS_ALIGNED(x, align) == (x % align == 0));
		}
	}
	/* The mask is as wide as the value, whatever the type of align. */
	ck_assert_uint_eq(ALIGN(0x100000001UL, 4096), 0x100001000UL);
	ck_assert_uint_eq(ALIGN_DOWN(0x1ffffffffUL, 4096u), 0x1fffff000UL);
}
END_TEST

START_TEST(min_max_compare_in_given_type)
{
	ck_assert_int_eq(min_t(int, -1, 1), -1);
	ck_assert_int_eq(max_t(int, -1, 1), 1);
	ck_assert_uint_eq(min_t(unsigned int, -1, 1), 1);
	ck_assert_uint_eq(max_t(unsigned int, -1, 1), UINT_MAX);
	ck_assert_uint_eq(DIV_ROUND_UP(7u, 4u), 2);
	ck_assert_uint_eq(DIV_ROUND_UP(8u, 4u), 2);
	ck_assert_uint_eq(ARRAY_SIZE(entries), NR_ENTRIES);
}
END_TEST

/* Overflow ---------------------------------------------------------------- */

/* The largest pairs that fit and their neighbours. */
START_TEST(size_mul_saturates)
{
	ck_assert_uint_eq(size_mul(0, SIZE_MAX), 0);
	ck_assert_uint_eq(size_mul(1, SIZE_MAX), SIZE_MAX);
	ck_assert_uint_eq(size_mul(2, SIZE_MAX / 2), SIZE_MAX - 1);
	ck_assert_uint_eq(size_mul(2, SIZE_MAX / 2 + 1), SIZE_MAX);
	ck_assert_uint_eq(size_mul(1UL << 32, 1UL << 31), 1UL << 63);
	ck_assert_uint_eq(size_mul(1UL << 32, 1UL << 32), SIZE_MAX);
	ck_assert_uint_eq(array_size(3, 7), 21);
	ck_assert_uint_eq(array_size(SIZE_MAX, 3), SIZE_MAX);
}
END_TEST

START_TEST(size_add_saturates)
{
	ck_assert_uint_eq(size_add(SIZE_MAX, 0), SIZE_MAX);
	ck_assert_uint_eq(size_add(SIZE_MAX - 1, 1), SIZE_MAX);
	ck_assert_uint_eq(size_add(SIZE_MAX, 1), SIZE_MAX);
	ck_assert_uint_eq(size_add(SIZE_MAX, SIZE_MAX), SIZE_MAX);
	ck_assert_uint_eq(size_add(20, 22), 42);
}
END_TEST

START_TEST(struct_size_counts_header_and_elements)
{
	struct vector {
		u64 nr;
		u32 element[];
	} *v = NULL;

	ck_assert_uint_eq(struct_size(v, element, 0), 8);
	ck_assert_uint_eq(struct_size(v, element, 3), 20);
	ck_assert_uint_eq(struct_size(v, element, SIZE_MAX / 4), SIZE_MAX);
	ck_assert_uint_eq(struct_size(v, element, SIZE_MAX), SIZE_MAX);
}
END_TEST

START_TEST(check_overflow_tells_and_wraps)
{
	int sum;
	u8 small;
	size_t size;

	ck_assert(!check_add_overflow(INT_MAX, 0, &sum));
	ck_assert(check_add_overflow(INT_MAX, 1, &sum));
	ck_assert_int_eq(sum, INT_MIN);
	ck_assert(check_add_overflow(200, 56, &small));
	ck_assert_uint_eq(small, 0);
	ck_assert(check_sub_overflow((size_t)0, (size_t)1, &size));
	ck_assert(!check_sub_overflow((size_t)1, (size_t)1, &size));
	ck_assert(check_mul_overflow(SIZE_MAX, (size_t)2, &size));
	ck_assert(!check_mul_overflow((size_t)6, (size_t)7, &size));
	ck_assert_uint_eq(size, 42);
}
END_TEST

/* Error pointers: exactly the last MAX_ERRNO addresses. */
START_TEST(err_ptr_is_last_page_of_addresses)
{
	for (long error = 1; error <= MAX_ERRNO; error++) {
		ck_assert(IS_ERR(ERR_PTR(-error)));
		ck_assert_int_eq(PTR_ERR(ERR_PTR(-error)), -error);
	}
	ck_assert(!IS_ERR(ERR_PTR(-MAX_ERRNO - 1)));
	ck_assert(!IS_ERR(NULL));
	ck_assert(IS_ERR_OR_NULL(NULL));
	ck_assert(!IS_ERR_OR_NULL(&list));
}
END_TEST

Suite *suite_list(void)
{
	Suite *s = suite_create("list");
	TCase *tc;

	tc = tcase_create("list");
	tcase_add_checked_fixture(tc, lists_setup, NULL);
	tcase_add_test(tc, list_new_is_empty);
	tcase_add_test(tc, list_add_goes_to_front);
	tcase_add_test(tc, list_add_tail_goes_to_back);
	tcase_add_loop_test(tc, list_del_closes_gap, 0, 3);
	tcase_add_test(tc, list_del_last_leaves_empty);
	tcase_add_test(tc, list_move_changes_lists);
	tcase_add_test(tc, list_move_within_list_reorders);
	tcase_add_loop_test(tc, list_splice_goes_to_front, 0, 5);
	tcase_add_test(tc, list_entries_at_both_ends);
	tcase_add_test(tc, list_for_each_visits_in_order);
	tcase_add_test(tc, list_for_each_safe_allows_unlinking);
	tcase_add_test(tc, list_random_operations_match_strings);
	suite_add_tcase(s, tc);

	tc = tcase_create("bits");
	tcase_add_test(tc, bits_small_numbers_by_definition);
	tcase_add_test(tc, bits_each_power_and_its_neighbours);
	tcase_add_test(tc, int_sqrt_is_floor);
	tcase_add_test(tc, align_rounds_both_ways);
	tcase_add_test(tc, min_max_compare_in_given_type);
	suite_add_tcase(s, tc);

	tc = tcase_create("overflow");
	tcase_add_test(tc, size_mul_saturates);
	tcase_add_test(tc, size_add_saturates);
	tcase_add_test(tc, struct_size_counts_header_and_elements);
	tcase_add_test(tc, check_overflow_tells_and_wraps);
	tcase_add_test(tc, err_ptr_is_last_page_of_addresses);
	suite_add_tcase(s, tc);
	return s;
}
