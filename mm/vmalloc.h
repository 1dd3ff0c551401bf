/* SPDX-License-Identifier: MIT */
/*
 * What a vmalloc block is, for vmalloc.c and for readers from outside (see
 * lib/anchor.c). Others ask vmalloc_find().
 */
#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

#include "../lib/list.h"
#include "../lib/treap.h"
#include "page_owner.h"

struct vmap_area {
	struct treap_node node;		/* key: start */
	size_t size;			/* bytes of the block */
	unsigned long base, end;	/* the mapping */
	struct list_head lazy;		/* on vmap_kept or vmap_lazy */
	bool dirty;			/* lazy: contents could not be dropped */
	bool old;			/* kept: the reporter has seen it here */
	struct page_owner owner;	/* for others to read: see page_owner.c */
};

extern __hidden struct treap vmap_tree;		/* of areas, by start; vmap_lock */

#endif /* MM_VMALLOC_H */
