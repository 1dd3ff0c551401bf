// SPDX-License-Identifier: MIT
/*
 * Looks at the objects of slabs: which one an address lies in, all that are in
 * use, and whether what slub.c says of its slabs is so (U1 to U5).
 *
 * Nothing is changed here. An object is free if the freelist has it, or if it was
 * never handed out; what lies in sheaves is in use, to a slab.
 *
 * Context:	inside the fork gate; takes list_lock. Walks take time: of the
 *		freelist for one object, of all slabs for the others.
 * Source:	kernel mm/slub.c, validate_slab_cache() and what prints an object.
 */
#include <string.h>

#include "page_list.h"
#include "slub.h"
#include "slub_debug.h"

/* Objects ----------------------------------------------------------------- */

bool slab_locate(const void *addr, struct slab_where *where)
{
	struct page *slab = lookup_page(addr);
	struct kmem_cache *s = slab ? slab->slab_cache : NULL;
	unsigned long off;
	char *base;

	if (!s)
		return false;
	slab = page_head(slab);
	base = slab_address(slab);
	off = (unsigned long)((const char *)addr - base);
	where->cache = s;
	where->index = (unsigned int)(off / s->size);
	where->object = slab_object(s, base, where->index);
	where->objects = slab->objects;
	where->exact = where->object == addr && where->index < slab->objects;
	spin_lock(&s->node.list_lock);
	where->free = where->index >= slab->fresh ||
		      on_freelist(s, slab, where->object);
	spin_unlock(&s->node.list_lock);
	return true;
}

/* One bit per object of a slab: set if free. Enough for any slab. */
#define OBJECT_MAP_LONGS ((MAX_OBJS_PER_SLAB + 64) / 64)

static void map_free_objects(const struct kmem_cache *s,
			     const struct page *slab, u64 *map)
{
	char *base = slab_address(slab);
	void *object = slab_freelist(s, slab, base);
	unsigned int i, steps = 0;
	int index;

	memset(map, 0, DIV_ROUND_UP((unsigned int)slab->objects, 64) * 8);
	while (object && steps++ < slab->objects) {
		index = object_index(s, slab, base, object);
		if (index < 0)
			break;
		map[index / 64] |= 1ULL << (index % 64);
		object = get_freepointer(s, slab, object);
	}
	for (i = slab->fresh; i < slab->objects; i++)
		map[i / 64] |= 1ULL << (i % 64);
}

static void for_each_in_list(struct kmem_cache *s, struct page_list *list,
			     void (*fn)(void *object, void *arg), void *arg)
{
	u64 map[OBJECT_MAP_LONGS];
	struct page *slab;
	unsigned int i;

	page_list_for_each(slab, list) {
		map_free_objects(s, slab, map);
		for (i = 0; i < slab->objects; i++)
			if (!(map[i / 64] & (1ULL << (i % 64))))
				fn(slab_object(s, slab_address(slab), i), arg);
	}
}

void slab_for_each_inuse(struct kmem_cache *s,
			 void (*fn)(void *object, void *arg), void *arg)
{
	spin_lock(&s->node.list_lock);
	for_each_in_list(s, &s->node.partial, fn, arg);
	for_each_in_list(s, &s->node.full, fn, arg);
	spin_unlock(&s->node.list_lock);
}

/* The freelist may have been cut by the damage that is looked for; then @map
 * lacks what was behind, but the red zones still know. */
static bool is_free(const struct kmem_cache *s, struct page *slab,
		    unsigned int index, const u64 *map)
{
	return (map[index / 64] & (1ULL << (index % 64))) ||
	       (kmem_cache_metadata(s) &&
		debug_object_free(s, slab_object(s, slab_address(slab), index)));
}

bool slab_find_object(struct kmem_cache *s,
		      bool (*check)(struct kmem_cache *s, struct page *slab,
				    void *object, bool free, void *arg),
		      void *arg)
{
	struct page_list *lists[2] = { &s->node.partial, &s->node.full };
	u64 map[OBJECT_MAP_LONGS];
	unsigned int i, list;
	struct page *slab;
	bool found = false;

	spin_lock(&s->node.list_lock);
	for (list = 0; list < 2 && !found; list++)
		page_list_for_each(slab, lists[list]) {
			map_free_objects(s, slab, map);
			for (i = 0; i < slab->objects && !found; i++)
				found = check(s, slab,
					      slab_object(s, slab_address(slab), i),
					      is_free(s, slab, i, map), arg);
			if (found)
				break;
		}
	spin_unlock(&s->node.list_lock);
	return found;
}

/* Validation -------------------------------------------------------------- */

static unsigned int validate_slab(struct kmem_cache *s, struct page *slab,
				  enum slab_list list)
{
	char *base = slab_address(slab);
	void *object = slab_freelist(s, slab, base);
	unsigned int i, free = 0, bad = 0;

	while (object) {
		if (!valid_link(s, slab, base, object) ||
		    ++free > slab->objects) {
			bad++;						/* U3 */
			break;
		}
		object = get_freepointer(s, slab, object);
	}
	bad += slab->inuse + free != slab->fresh;			/* U1 */
	bad += slab->list != (u8)list;
	bad += (slab->inuse < slab->objects) != (list == SLAB_ON_PARTIAL); /* U2 */
	for (i = 0; i < 1u << slab->order; i++) {			/* U5 */
		bad += slab[i].slab_cache != s;
		bad += page_head(slab + i) != slab;
	}
	return bad;
}

unsigned int slab_validate(struct kmem_cache *s)
{
	struct kmem_cache_node *n = &s->node;
	unsigned long nr[2] = { 0, 0 }, pages = 0, objects = 0, inuse = 0;
	struct page_list *lists[2] = { &n->partial, &n->full };
	unsigned int i, bad = 0;
	struct page *slab;

	spin_lock(&n->list_lock);
	for (i = 0; i < 2; i++)
		page_list_for_each(slab, lists[i]) {
			bad += !page_list_linked(lists[i], slab);
			bad += validate_slab(s, slab,
					     i ? SLAB_ON_FULL : SLAB_ON_PARTIAL);
			pages += 1UL << slab->order;
			objects += slab->objects;
			inuse += slab->inuse;
			nr[i]++;
		}
	bad += nr[0] != n->nr_partial || nr[0] + nr[1] != n->nr_slabs ||
	       pages != n->nr_pages || objects != n->nr_objects ||
	       inuse != n->nr_inuse;	/* U4 */
	spin_unlock(&n->list_lock);
	if (bad)
		printk("BUG %s: %u violated invariants\n", s->name, bad);
	return bad;
}
