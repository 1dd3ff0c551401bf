/* SPDX-License-Identifier: MIT */
/*
 * The objects of a slab and the links of its freelist, for slub.c, whose file
 * comment says how a link is encoded, and slub_look.c; slub_geometry.c needs the
 * limit. All but the index of an object need the cache's list_lock.
 */
#ifndef MM_SLUB_H
#define MM_SLUB_H

#include "slab.h"

/* What struct page can count, with one bit to spare. */
#define MAX_OBJS_PER_SLAB 32767

/* Links ------------------------------------------------------------------- */

static inline unsigned long link_key(const struct kmem_cache *s,
				     const struct page *slab)
{
	return s->random ^ (u64)slab->slab_gen << 48;
}

static inline unsigned long encode_link(unsigned long key, unsigned long ptr,
					unsigned long where)
{
	return ptr ^ key ^ __builtin_bswap64(where);
}

static inline void *get_freepointer(const struct kmem_cache *s,
				    const struct page *slab, void *object)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);
	unsigned long value;

	memcheck_unpoison(link, sizeof(*link));
	value = *link;
	memcheck_poison(link, sizeof(*link));
	return (void *)encode_link(link_key(s, slab), value,
				   (unsigned long)link);
}

static inline void set_freepointer(const struct kmem_cache *s,
				   const struct page *slab, void *object,
				   void *next)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);

	memcheck_unpoison(link, sizeof(*link));
	*link = encode_link(link_key(s, slab), (unsigned long)next,
			    (unsigned long)link);
	memcheck_poison(link, sizeof(*link));
}

/* An object in use holds no valid link, so that already_free() can tell. */
static inline void clear_freepointer(const struct kmem_cache *s, void *object)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);

	memcheck_unpoison(link, sizeof(*link));
	*link = 0;
	memcheck_poison(link, sizeof(*link));
}

/* Objects ----------------------------------------------------------------- */

static inline unsigned long slab_bytes(const struct page *slab)
{
	return PAGE_SIZE << slab->order;
}

/* slab_address() from an object of the slab, without a look at the map: a slab
 * is aligned to its size. */
static inline char *object_slab_address(const struct page *slab, void *object)
{
	return (char *)((unsigned long)object & ~(slab_bytes(slab) - 1));
}

/* Which object starts at @object? -1 if none does. */
static inline int object_index(const struct kmem_cache *s, const struct page *slab,
			const char *base, const void *object)
{
	unsigned long off = (unsigned long)((const char *)object - base) -
			    s->red_left_pad;
	u64 index = object_number(s, off);

	/* In the pad of the first object it wraps to something large. */
	if (off >= PAGE_SIZE << slab->order || index >= slab->objects ||
	    index * s->size != off)
		return -1;
	return (int)index;
}

/* Does an object start at @object that has been handed out at some time? Less
 * work than object_index(): see on_boundary(). */
static inline bool is_object(const struct kmem_cache *s,
			     const struct page *slab, const char *base,
			     const void *object)
{
	unsigned long off = (unsigned long)((const char *)object - base) -
			    s->red_left_pad;

	return off < (unsigned long)slab->fresh * s->size &&
	       off * s->divisor <= s->boundary_max;
}

/* @object: of the slab, NULL: none. */
static inline void set_freelist(const struct kmem_cache *s, struct page *slab,
				const char *base, const void *object)
{
	unsigned long off = (unsigned long)((const char *)object - base) -
			    s->red_left_pad;

	slab->freelist = object ? (u16)(object_number(s, off) + 1) : 0;
}

static inline bool valid_link(const struct kmem_cache *s,
			      const struct page *slab, const char *base,
			      const void *object)
{
	return !object || is_object(s, slab, base, object);
}

#endif /* MM_SLUB_H */
