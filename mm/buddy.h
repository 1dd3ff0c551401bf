/* SPDX-License-Identifier: MIT */
/*
 * The free blocks of a zone, for the files that allocate of them: page_alloc.c
 * and page_run.c. All others call the functions of internal.h.
 *
 * The caller holds zone->lock.
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "internal.h"

/* The other migratetypes that a request may take from, the best first. */
#define NR_FALLBACKS 2
extern __hidden const u8 fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS];

/* A block of @order, cut from the smallest that will do; NULL if there is none.
 * @fresh: may be of memory that nobody has used yet. */
struct page *rmqueue_one(struct zone *zone, unsigned int order, int type,
			 bool fresh);
/* File a block of @range, merged with its buddies. Its page is on no list, and
 * has none of the flags of a free block; @nr_zeroed of its pages read as zero, and
 * if these are some but not all, the struct pages inside say which. */
void free_one_block(const struct mem_range *range, struct zone *zone,
		    struct page *page, unsigned long pfn, unsigned int order,
		    unsigned long nr_zeroed);
/* The same for any number of pages, without what their struct pages said. */
void free_run(struct zone *zone, struct page *page, unsigned long nr_pages,
	      bool zeroed);
/* Keep the first @nr_pages of a block of @order that is off the lists, and file
 * the rest; @nr_zeroed is that of the whole block. */
void free_tail(struct zone *zone, struct page *page, unsigned int order,
	       unsigned long nr_pages, unsigned long nr_zeroed);

/* For whoever takes blocks as they are: off its list, then counted. */
void del_from_free_list(struct zone *zone, struct page *page,
			unsigned int order);
void count_taken(struct zone *zone, unsigned long nr_pages);

/* mm/page_run.c; takes zone->lock. The shortest run of used pages that has
 * @nr_pages, as far as a short search finds one; NULL if it does not. */
struct page *rmqueue_run(struct zone *zone, unsigned long nr_pages, int type);

/* What is in the way. */
enum grow_result {
	GROW_DONE,
	GROW_BLOCKED,
	GROW_PCP,	/* pages that a CPU keeps */
	GROW_MEMORY,	/* nothing: there is no more, or it is the reserve */
};

/* Grow a block where it is, by what is free behind it. */
enum grow_result grow_run(struct zone *zone, struct page *page,
			  unsigned long nr_pages, unsigned long new_nr);

#endif /* MM_BUDDY_H */
