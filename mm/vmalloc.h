/* SPDX-License-Identifier: MIT */
/*
 * What a vmalloc block is, for vmalloc.c, vmap_area.c and vmap_kept.c, and for
 * readers from outside (see lib/anchor.c). Others ask vmalloc_find().
 */
#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

#include "../lib/host.h"
#include "../lib/list.h"
#include "../lib/lock.h"
#include "../lib/treap.h"
#include "internal.h"
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

extern __hidden spinlock_t vmap_lock;

/* Bytes of large blocks after whose free the process is one that will ask for
 * more of them. */
#define VMALLOC_HUGE_FREED (16UL << 20)
/* Smaller ones are neither kept nor looked at. */
#define VMALLOC_KEEP_MIN (1UL << 20)

static inline unsigned long vmap_start(const struct vmap_area *area)
{
	return area->node.key;
}

/* The end of the block, where its guard begins. */
static inline unsigned long vmap_tail(const struct vmap_area *area)
{
	return area->node.key + area->size;
}

/* To grow is to move, perhaps. That would leave the slack behind, with nobody to
 * remember it; and the host aligns the new place to its own pages, not to larger
 * ones. */
static inline bool vmap_may_grow(const struct vmap_area *area)
{
	return area->base == vmap_start(area) && PAGE_SHIFT == host.page_shift;
}

/*
 * mm/vmap_area.c. An area that is in the tree is a block, and its owner's; one
 * that was taken out is the caller's alone.
 */
struct vmap_area *vmap_area_alloc(void);
void vmap_area_free(struct vmap_area *area);
/* Take the block that starts at @addr out of the tree; NULL if none does. */
struct vmap_area *vmap_take(const void *addr);
/* Be rid of an area: keep it, or unmap it. It is gone afterwards. */
void vmap_release(struct vmap_area *area);
void vmap_unmap(struct vmap_area *area);
/* Make the block smaller, unless the host refuses; @size in whole pages. */
void vmap_shrink(struct vmap_area *area, size_t size);
/* Make it larger, somewhere else perhaps; false: it is as it was. */
bool vmap_grow(struct vmap_area *area, size_t size);
void vmap_guard(unsigned long addr);
bool vmap_list_validate(const struct list_head *list, unsigned long *areas,
			size_t *bytes);

/* mm/vmap_kept.c. */
/* Nearly all of the block was written, as far as samples tell. */
bool vmap_is_full(const struct vmap_area *area);
/* False if the area, which is full, is not worth it, and still the caller's. */
bool vmap_keep(struct vmap_area *area);
/* A kept area as one of @size, with what its last owner has left in it; NULL if
 * none will do. */
struct vmap_area *vmap_reuse_kept(size_t size, size_t align);
/* Grow an area up to @size into the kept one behind it, if there is one; the
 * contents of that come with it. */
void vmap_grow_into_kept(struct vmap_area *area, size_t size);
unsigned int vmap_kept_validate(void);

#endif /* MM_VMALLOC_H */
