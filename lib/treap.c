// SPDX-License-Identifier: MIT
/*
 * Treap: a search tree by key that is at the same time a heap by priority.
 *
 *	key:priority	      50:9
 *			    /      \		left to right: keys ascend
 *			30:7        80:8	top to bottom: priorities fall
 *		       /    \      /
 *		    10:2   40:5  60:4
 *
 * Given keys and priorities, only one such tree exists, and it is the one that
 * plain insertion in the order of falling priority would build. If priorities
 * are random, so is that order, and a search tree built in random order has a
 * depth of O(log n). No colours, no counters, no rotations.
 *
 * A node's priority is not stored: it is its key, scrambled. So the shape of
 * the tree is a function of the set of keys, whatever the history.
 *
 * Invariants:	T1  a node's key is above all keys on its left, below all on
 *		    its right
 *		T2  a node's priority is above its children's
 * Source:	R. Seidel, C. Aragon, Algorithmica 16 (1996), 464-497.
 */
#include "treap.h"

/*
 * A bijection, so that two keys never tie: multiplying by an odd number is
 * one, and so is adding the high half of a word to its low half by xor.
 */
static u64 treap_priority(const struct treap_node *node)
{
	u64 x = node->key;

	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	return x ^ (x >> 32);
}

/*
 * Where the new node belongs on the way down to its key, everything below has
 * a lower priority. That subtree is split in two by the key:
 *
 *	    x			    node
 *	   / \		->	   /    \
 *	  ... ...		keys <   keys >
 *
 * by following the path to the key once more; each node met goes to one side,
 * with its child on the other side, and the next goes into the gap it leaves.
 */
bool treap_insert(struct treap *tree, struct treap_node *node)
{
	struct treap_node **link = &tree->root, **less, **more, *pos;
	u64 priority = treap_priority(node);

	if (treap_find(tree, node->key))
		return false;
	while (*link && treap_priority(*link) > priority)
		link = node->key < (*link)->key ? &(*link)->left :
						  &(*link)->right;
	less = &node->left;
	more = &node->right;
	for (pos = *link; pos;) {
		if (pos->key < node->key) {
			*less = pos;
			less = &pos->right;
			pos = pos->right;
		} else {
			*more = pos;
			more = &pos->left;
			pos = pos->left;
		}
	}
	*less = NULL;
	*more = NULL;
	*link = node;
	return true;
}

/* The reverse: the node's two subtrees are merged into one in its place. */
void treap_erase(struct treap *tree, struct treap_node *node)
{
	struct treap_node **link = &tree->root;
	struct treap_node *less = node->left, *more = node->right;

	while (*link != node)
		link = node->key < (*link)->key ? &(*link)->left :
						  &(*link)->right;
	while (less && more) {
		if (treap_priority(less) > treap_priority(more)) {
			*link = less;
			link = &less->right;
			less = less->right;
		} else {
			*link = more;
			link = &more->left;
			more = more->left;
		}
	}
	*link = less ? less : more;
}

struct treap_node *treap_find(const struct treap *tree, unsigned long key)
{
	struct treap_node *pos = tree->root;

	while (pos && pos->key != key)
		pos = key < pos->key ? pos->left : pos->right;
	return pos;
}

struct treap_node *treap_floor(const struct treap *tree, unsigned long key)
{
	struct treap_node *pos = tree->root, *best = NULL;

	while (pos) {
		if (pos->key <= key)
			best = pos;
		pos = key < pos->key ? pos->left : pos->right;
	}
	return best;
}

struct treap_node *treap_ceil(const struct treap *tree, unsigned long key)
{
	struct treap_node *pos = tree->root, *best = NULL;

	while (pos) {
		if (pos->key >= key)
			best = pos;
		pos = key <= pos->key ? pos->left : pos->right;
	}
	return best;
}

struct treap_node *treap_next(const struct treap *tree,
			      const struct treap_node *node)
{
	return node->key == ~0UL ? NULL : treap_ceil(tree, node->key + 1);
}

/* As deep as the tree. Keys must lie in [min, max]. */
static unsigned int validate_subtree(const struct treap_node *pos,
				     unsigned long min, unsigned long max)
{
	const struct treap_node *child[2];
	unsigned int i, bad = 0;

	if (!pos)
		return 0;
	if (pos->key < min || pos->key > max)
		return 1;
	child[0] = pos->left;
	child[1] = pos->right;
	for (i = 0; i < 2; i++)
		if (child[i] && treap_priority(child[i]) >= treap_priority(pos))
			return 2;
	/* An outermost key has no room beside it, and may have no child there. */
	if (pos->left)
		bad = pos->key == min ? 1 :
		      validate_subtree(pos->left, min, pos->key - 1);
	if (!bad && pos->right)
		bad = pos->key == max ? 1 :
		      validate_subtree(pos->right, pos->key + 1, max);
	return bad;
}

unsigned int treap_validate(const struct treap *tree)
{
	return validate_subtree(tree->root, 0, ~0UL);
}
