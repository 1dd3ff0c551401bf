/* SPDX-License-Identifier: MIT */
/*
 * A view of a heap: copies of its zones, per-CPU lists, caches, sheaves and
 * ranges; and the walk over its pages.
 *
 * The process is not stopped. So a view is of no one moment: each struct was
 * copied at once, one after the other, and with threads that allocate meanwhile
 * sums may be off by what they did. Everything in a view has been checked as far
 * as a reader relies on it: orders and counts are in range, no size is 0.
 */
#ifndef TOOLS_KMM_VIEW_H
#define TOOLS_KMM_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote.h"
#include "slab.h"
#include "treap.h"

struct view_zone {
	struct zone z;
	char name[16];
	/* One for each used CPU; batch is 0 where there are none. */
	struct per_cpu_pages *pcps;
};

enum view_place { PLACE_MAIN, PLACE_SPARE, PLACE_BARN };

struct view_cache {
	uint64_t address;
	struct kmem_cache s;
	char name[64];
	unsigned long in_cpu_sheaves;	/* objects */
	unsigned long in_barn;
	unsigned long nr_sheaves;	/* with those that are empty */
	unsigned long refills, flushes;
	bool own;			/* its objects are the library's */
};

/* An object that a sheaf holds. */
struct view_sheaf_object {
	uint64_t address;
	uint32_t cpu;			/* whose; not in the barn */
	enum view_place place;
};

struct view {
	struct remote *remote;
	unsigned int page_shift;
	unsigned int pageblock_order;
	struct percpu_state percpu;
	struct view_zone zones[MAX_NR_ZONES];
	struct view_cache *caches;	/* in the order of the target's list */
	size_t nr_caches;
	struct view_cache **by_address;
	struct mem_range ranges[MAX_RANGES];
	unsigned int nr_ranges;
	uint64_t *percpu_chunks;	/* their first bytes */
	size_t nr_percpu_chunks;
	struct vmap_area *areas;	/* by address */
	size_t nr_areas;
	/* Only with VIEW_SHEAF_OBJECTS; by address. */
	struct view_sheaf_object *in_sheaves;
	size_t nr_in_sheaves;
};

enum view_parts { VIEW_COUNTERS, VIEW_SHEAF_OBJECTS };

/* Ends the program with a message if there is no heap to be seen. */
struct view *view_read(struct remote *remote, enum view_parts parts);
void view_free(struct view *v);
/* As remote_read(), but ends the program if the process has. */
bool view_read_at(struct view *v, uint64_t address, void *buf, size_t len);
/* A string of the target, cut where it does not fit or cannot be read. */
void view_read_string(struct view *v, uint64_t address, char *text,
		      size_t size);
/* The cache at @address of the target; NULL if there is none. */
const struct view_cache *view_find_cache(const struct view *v,
					 uint64_t address);

/* Call @fn for each node of a treap of the target, in no particular order. It
 * says whether the node is one: if not, what is below it is left out. */
typedef bool (*view_node_fn)(struct view *v, uint64_t node, void *data);
void view_for_each_node(struct view *v, const struct treap *tree,
			view_node_fn fn, void *data);

/* Sums that several views show --------------------------------------------- */

static inline unsigned long view_page_size(const struct view *v)
{
	return 1ul << v->page_shift;
}

/* Objects handed out, neither on a freelist nor in a sheaf. */
unsigned long view_active(const struct view_cache *c);
/* Pages on the lists of all CPUs. */
unsigned long view_pcp_pages(const struct view *v, const struct view_zone *zone);

struct view_memory {			/* bytes */
	uint64_t total, free, available;
	uint64_t slab_reclaimable, slab_unreclaimable;
	uint64_t vmalloc;
	uint64_t percpu;
	uint64_t pcp;
	uint64_t map;			/* of struct pages */
};

void view_memory(const struct view *v, struct view_memory *memory);

/* Pages -------------------------------------------------------------------- */

enum view_block_kind {
	VIEW_FREE,		/* on a free_area list */
	VIEW_PCP,		/* on a per-CPU list */
	VIEW_SLAB,
	VIEW_LARGE,		/* of malloc() or kmalloc() */
	VIEW_PAGES,		/* of alloc_pages() */
	VIEW_OTHER,		/* one page that is none of these */
	NR_VIEW_KINDS
};

struct view_block {
	enum view_block_kind kind;
	const struct mem_range *range;
	uint64_t pfn, nr_pages;
	struct page page;		/* of the head */
	unsigned int migratetype;	/* of its pageblock */
};

typedef void (*view_block_fn)(struct view *v, const struct view_block *block,
			      void *data);

/* Call @fn for all blocks, ascending. */
void view_for_each_block(struct view *v, view_block_fn fn, void *data);
/* The block that holds @address; false if no range does. */
bool view_find_block(struct view *v, uint64_t address,
		     struct view_block *block);

/* The zone that a page is of. */
unsigned int view_pfn_zone(const struct view *v, uint64_t pfn);

/* Slabs -------------------------------------------------------------------- */

enum view_object_state {
	OBJECT_LIVE,
	OBJECT_FREE,		/* on the slab's freelist */
	OBJECT_FRESH,		/* never handed out */
	OBJECT_IN_SHEAF,
};

struct view_slab {
	const struct view_cache *cache;
	uint64_t base;
	size_t bytes;
	unsigned int nr_objects;
	char *memory;		/* a copy of it */
	uint8_t *state;		/* enum view_object_state, of each object */
	bool damaged;		/* the freelist leads nowhere */
};

/* Look into a slab; false if it is none any more. @slab is filled again with
 * each call, all-zero before the first, and freed with view_slab_free(). */
bool view_read_slab(struct view *v, const struct view_block *block,
		    struct view_slab *slab);
void view_slab_free(struct view_slab *slab);

/* First byte of the object with this number. */
static inline uint64_t view_object(const struct view_slab *slab, unsigned int nr)
{
	return slab->base + slab->cache->s.red_left_pad +
	       (uint64_t)nr * slab->cache->s.size;
}

/* Bytes asked for; 0: not known. */
unsigned int view_requested(const struct view_slab *slab, unsigned int nr);
/* Who allocated it and who freed it, by enum track_item; false: not known. */
bool view_tracks(const struct view_slab *slab, unsigned int nr,
		 struct track tracks[2]);
/* Which sheaf holds the object; NULL: none. */
const struct view_sheaf_object *view_in_sheaf(const struct view *v,
					      uint64_t object);

#endif /* TOOLS_KMM_VIEW_H */
