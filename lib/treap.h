/* SPDX-License-Identifier: MIT */
/*
 * An ordered set of keys: a binary search tree that balances itself by chance.
 *
 * The node is embedded in what it orders, so the tree never allocates. Keys
 * are unique. A tree has no lock of its own; the comment at each root names
 * it. Insert, erase and the searches take O(log n) steps in the mean, and no
 * recursion; treap.c says why.
 */
#ifndef LIB_TREAP_H
#define LIB_TREAP_H

#include "compiler.h"

struct treap_node {
	struct treap_node *left;	/* smaller keys */
	struct treap_node *right;	/* larger keys */
	unsigned long key;		/* does not change while in a tree */
};

struct treap {
	struct treap_node *root;	/* NULL: empty */
};

#define TREAP_INIT { NULL }

/* False, and nothing changes, if the key is in the tree. */
bool treap_insert(struct treap *tree, struct treap_node *node);
/* @node must be in the tree. */
void treap_erase(struct treap *tree, struct treap_node *node);
/* The node with this key; the last with one not above it; the first with one
 * not below it. NULL if there is none. */
struct treap_node *treap_find(const struct treap *tree, unsigned long key);
struct treap_node *treap_floor(const struct treap *tree, unsigned long key);
struct treap_node *treap_ceil(const struct treap *tree, unsigned long key);
/* The node after this one; NULL for the last. */
struct treap_node *treap_next(const struct treap *tree,
			      const struct treap_node *node);
/* Check every invariant of treap.c's file comment; the number violated, or 0. */
unsigned int treap_validate(const struct treap *tree);

#endif /* LIB_TREAP_H */
