/* SPDX-License-Identifier: MIT */
/*
 * What mm.c and mm_view.c share: the library of this process, seen through its
 * anchor, and the names that the lab has given.
 */
#ifndef TOOLS_LAB_MM_H
#define TOOLS_LAB_MM_H

#include "slab.h"

#include "lab.h"

#define MM_MAX_BLOCKS 4096
#define MM_MAX_CPUS 8
#define MM_MAX_CACHES 16
#define MM_MAX_SLABS 64
#define MM_MAX_PAGES 4096
#define MM_MAX_OBJECTS 65536	/* of a slab; it has up to 32767 */

/* What a name of the lab stands for. Kept when it is freed: a second free is
 * handed on to the library, which has something to say about it. */
struct mm_block {
	enum mm_kind { MM_PAGES, MM_KMALLOC, MM_OBJECT } kind;
	void *address;
	unsigned int order;	/* of pages */
	struct kmem_cache *cache;
	bool live;
};

struct mm_lab {
	/* Roots of the library: the tool is linked to it, but its insides are
	 * not for other code to name. */
	struct zone *zones;
	struct list_head *caches;
	const struct mem_range *range;
	unsigned int nr_cpus;
	unsigned int cpu;		/* that acts */
	struct mm_block blocks[MM_MAX_BLOCKS];
	unsigned int nr_blocks;
	/* Caches to draw: those of the user, and of kmalloc() if used. */
	struct kmem_cache *shown[MM_MAX_CACHES];
	unsigned int nr_shown;
};
extern struct mm_lab mm_lab;

/* What is needed to say what happened: of all zones, and of one cache. */
struct mm_slab_state {
	unsigned long pfn;
	unsigned int inuse, objects, list;
};

struct mm_snapshot {
	unsigned long event[NR_ZONE_EVENTS];
	unsigned long online, free_pages, pcp_pages[MM_MAX_CPUS], pcp_all;
	unsigned long blocks[NR_PAGE_ORDERS];
	unsigned long pcp_allocs, pcp_frees;
	unsigned long nr_slabs, nr_inuse;	/* of the cache */
	const struct slab_sheaf *main, *spare;	/* of the CPU that acts */
	unsigned int main_size, spare_size;
	unsigned int nr_full, nr_empty;		/* in its barn */
	struct mm_slab_state slabs[MM_MAX_SLABS];
	unsigned int nr;
};

void mm_look(struct mm_snapshot *state, struct kmem_cache *cache);
void mm_draw(struct picture *p);
/* From an address of the machine: its page number, from 0. */
unsigned long mm_pfn(const void *address);
/* "pages 8-15", or "page 8"; valid until the next four calls. */
const char *mm_pages(unsigned long pfn, unsigned long nr);
/* "slab 12: partial -> full" for each slab that changed; or "". */
void mm_slab_changes(const struct mm_snapshot *before,
		     const struct mm_snapshot *after, char *text, size_t size);

/* mm_types.c: are pages grouped by migratetype? */
bool mm_several_types(void);
const char *mm_type_name(unsigned int type);
unsigned long mm_pageblock_pages(void);
/* Of the pageblock that begins at @pfn. */
unsigned int mm_type_of(unsigned long pfn);
/* The type of each pageblock, if they are. */
void mm_draw_pageblocks(struct picture *p);

/* For those who draw: ------------------------------------------------------ */

#define for_each_zone_here(zone)					\
	for ((zone) = mm_lab.zones; (zone) < mm_lab.zones + MAX_NR_ZONES; \
	     (zone)++)							\
		if ((zone)->managed_pages)

unsigned long mm_nr_pages(void);
unsigned long mm_page_number(const struct page *page);
/* What a link of a list of pages leads to; NULL for 0. */
struct page *mm_linked_page(u32 link);
#define mm_for_each_page(page, list)					\
	for (page = mm_linked_page((list)->first); page;		\
	     page = mm_linked_page(page->lru.next))
/* NULL: the CPU has no lists yet. */
struct per_cpu_pages *mm_pcp_of(struct zone *zone, unsigned int cpu);
/* Of a cache with sheaves. */
struct slub_percpu_sheaves *mm_sheaves_of(struct kmem_cache *s,
					  unsigned int cpu);
const struct page *mm_slab_of(const void *object);
unsigned int mm_object_index(const struct kmem_cache *s,
			     const struct page *slab, const void *object);
/* A letter for each object, as in the comment of mm_view.c. */
void mm_map_slab(struct kmem_cache *s, const struct page *slab, char *map);
/* "full", "partial" or "empty". */
const char *mm_slab_state(const struct page *slab);

/* What happened, after a command that did it. */
void mm_say_alloc(FILE *out, const struct mm_snapshot *before,
		  const struct mm_snapshot *after, const struct mm_block *block,
		  const char *name, unsigned int order);
void mm_say_free(FILE *out, const struct mm_snapshot *before,
		 const struct mm_snapshot *after, const struct mm_block *block,
		 const char *name);

#endif /* TOOLS_LAB_MM_H */
