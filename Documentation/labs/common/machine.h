/* SPDX-License-Identifier: MIT */
/*
 * The little machine of the exercises 02, 03 and 06 to 08: at most 256 pages of
 * 4096 bytes, a struct page for each, and a free list for each order.
 *
 *	pfn		0    1    2    3    4    5    6    7
 *	memory		[AAAA|    |    free |       free       ]
 *	mem_map		       ^          ^
 *			       |          `- mem_map[4]: buddy, order 2
 *			       `- mem_map[2]: buddy, order 1
 *	free_area[1]	2		one block of 2 pages
 *	free_area[2]	4		one block of 4 pages
 *
 * A free block is known by its head, the page with its lowest number: there
 * `buddy` is set and `order` says how large it is. Of all other pages `buddy`
 * is false.
 *
 * In the kernel: struct page, mem_map, struct zone and its free_area[],
 * PageBuddy(). Here mm/buddy.c, include/linux/mmzone.h.
 */
#ifndef LABS_MACHINE_H
#define LABS_MACHINE_H

#include "begin.h"

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096UL
#define MAX_PAGE_ORDER	8
#define NR_PAGE_ORDERS	(MAX_PAGE_ORDER + 1)
#define MAX_PAGES	(1UL << MAX_PAGE_ORDER)

struct cache;

/**
 * struct page - what is known of a page
 * @buddy: heads a free block that is on a list. Set by file_block().
 * @order: of the block that it heads.
 * @prev: neighbours on a list.
 * @next: likewise.
 * @cache: whose slab the page is, or %NULL. (07, 08)
 * @freelist: the slab's first free object. (06, 07)
 * @inuse: objects that are handed out. (06, 07)
 * @list: the list the slab is on. (07)
 */
struct page {
	bool buddy;
	unsigned int order;
	struct page *prev, *next;
	struct cache *cache;
	void *freelist;
	unsigned int inuse;
	struct page_list *list;
};

/** struct page_list - pages, newest first */
struct page_list {
	struct page *first;
	unsigned long nr;
};

extern struct page *mem_map;
/* Pages are numbered [0, nr_pages). */
extern unsigned long nr_pages;
/* Heads of free blocks, one list for each order. */
extern struct page_list *free_area;

/* From a page to its number, to its memory, and from an address to the page. */
unsigned long page_to_pfn(const struct page *page);
void *page_address(const struct page *page);
struct page *virt_to_page(const void *p);

/**
 * file_block() - make [@pfn, @pfn + 2^@order) a free block: set @buddy and
 *                @order of its head, and put it first on free_area[@order]
 */
void file_block(unsigned long pfn, unsigned int order);

/** unfile_block() - take a free block off its list; it is free no more */
void unfile_block(unsigned long pfn);

/* Put a page first on a list; take it off. */
void list_add(struct page_list *list, struct page *page);
void list_del(struct page_list *list, struct page *page);

#endif /* LABS_MACHINE_H */
