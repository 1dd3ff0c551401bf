// SPDX-License-Identifier: MIT
/*
 * Tests of lib/treap.c, the tree that areas of address space are kept in.
 */

#include "treap.h"
#include "unit.h"

#define NR_KEYS 64

/* A set of small keys, as a tree and as an array of bools. */
struct key_set {
	struct treap tree;
	struct treap_node node[NR_KEYS];
	bool in[NR_KEYS];
};

static void check_key(const struct key_set *set, unsigned long key)
{
	const struct treap_node *found, *floor = NULL, *ceil = NULL;

	found = treap_find(&set->tree, key);
	ck_assert_ptr_eq(found, set->in[key] ? &set->node[key] : NULL);
	for (unsigned long k = 0; k <= key; k++)
		if (set->in[k])
			floor = &set->node[k];
	for (unsigned long k = NR_KEYS; k-- > key;)
		if (set->in[k])
			ceil = &set->node[k];
	ck_assert_ptr_eq(treap_floor(&set->tree, key), floor);
	ck_assert_ptr_eq(treap_ceil(&set->tree, key), ceil);
	if (floor && key + 1 < NR_KEYS && floor != ceil)
		ck_assert_ptr_eq(treap_next(&set->tree, floor), ceil);
}

START_TEST(treap_random_keys_match_array)
{
	static struct key_set set;

	for (int step = 0; step < 1000; step++) {
		unsigned long key = test_random() % NR_KEYS;

		if (set.in[key]) {
			treap_erase(&set.tree, &set.node[key]);
		} else {
			set.node[key].key = key;
			ck_assert(treap_insert(&set.tree, &set.node[key]));
		}
		set.in[key] = !set.in[key];
		ck_assert_uint_eq(treap_validate(&set.tree), 0);
		for (unsigned long k = 0; k < NR_KEYS; k++)
			check_key(&set, k);
	}
}
END_TEST

START_TEST(treap_shape_is_function_of_keys)
{
	static struct treap_node up[1000], down[1000];
	struct treap a = TREAP_INIT, b = TREAP_INIT;
	const struct treap_node *p, *q;

	for (unsigned long i = 0; i < 1000; i++) {
		up[i].key = i << 12;
		down[999 - i].key = (999 - i) << 12;
		ck_assert(treap_insert(&a, &up[i]));
		ck_assert(treap_insert(&b, &down[999 - i]));
	}
	p = a.root;
	q = b.root;
	while (p && q) {
		ck_assert_uint_eq(p->key, q->key);
		p = p->left ? p->left : p->right;
		q = q->left ? q->left : q->right;
	}
	ck_assert(!p && !q);
}
END_TEST

static unsigned int depth(const struct treap_node *node)
{
	unsigned int left, right;

	if (!node)
		return 0;
	left = depth(node->left);
	right = depth(node->right);
	return 1 + (left > right ? left : right);
}

/* A tree of n random priorities is about 3 log2(n) deep; page addresses in a
 * row are what vmalloc feeds it. */
START_TEST(treap_pages_in_a_row_stay_shallow)
{
	static struct treap_node node[1 << 14];
	struct treap tree = TREAP_INIT;

	for (unsigned long i = 0; i < ARRAY_SIZE(node); i++) {
		node[i].key = 0x7f0000000000UL + (i << 13);
		ck_assert(treap_insert(&tree, &node[i]));
	}
	ck_assert_uint_eq(treap_validate(&tree), 0);
	ck_assert_uint_le(depth(tree.root), 4 * 14);
}
END_TEST

START_TEST(treap_outermost_keys_work)
{
	struct treap_node low = { .key = 0 }, high = { .key = ~0UL };
	struct treap_node twin = { .key = 0 };
	struct treap tree = TREAP_INIT;

	ck_assert_ptr_null(treap_floor(&tree, 1));
	ck_assert(treap_insert(&tree, &low));
	ck_assert(treap_insert(&tree, &high));
	ck_assert(!treap_insert(&tree, &twin));
	ck_assert_uint_eq(treap_validate(&tree), 0);
	ck_assert_ptr_eq(treap_next(&tree, &low), &high);
	ck_assert_ptr_null(treap_next(&tree, &high));
	treap_erase(&tree, &low);
	treap_erase(&tree, &high);
	ck_assert_ptr_null(tree.root);
}
END_TEST

Suite *suite_treap(void)
{
	Suite *suite = suite_create("treap");
	TCase *tc = tcase_create("treap");

	tcase_add_test(tc, treap_random_keys_match_array);
	tcase_add_test(tc, treap_shape_is_function_of_keys);
	tcase_add_test(tc, treap_pages_in_a_row_stay_shallow);
	tcase_add_test(tc, treap_outermost_keys_work);
	suite_add_tcase(suite, tc);
	return suite;
}
