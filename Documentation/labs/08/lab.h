/* SPDX-License-Identifier: MIT */
/*
 * Exercise 08: kmalloc() on top of caches and pages.
 *
 *	0		ZERO_SIZE_PTR
 *	1 to 2048	the smallest cache of kmalloc_sizes[] that is enough
 *	to 1 MiB	a block of pages
 *	above		NULL
 *
 * Below you are cache_create(), cache_alloc() and cache_free() of
 * ../common/cache.h, and block_alloc() and block_free() of ../common/pages.h.
 */
#ifndef LAB_08_H
#define LAB_08_H

#include "cache.h"

#define NR_KMALLOC_CACHES 11

static const size_t kmalloc_sizes[NR_KMALLOC_CACHES] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048
};

#define KMALLOC_MAX_CACHE_SIZE	2048UL
#define KMALLOC_MAX_SIZE	(PAGE_SIZE << MAX_PAGE_ORDER)

/* What kmalloc(0) returns: can be freed, can never be read. */
#define ZERO_SIZE_PTR ((void *)16)

/** kmalloc_init() - create the caches, before anything else; 0, or -1 */
int kmalloc_init(void);

/** kmalloc() - @size bytes; %NULL if they are not to be had */
void *kmalloc(size_t size);

/** kfree() - free what kmalloc() returned, %NULL and %ZERO_SIZE_PTR as well */
void kfree(void *p);

/** ksize() - how many bytes the allocation at @p really has; 0 for no bytes */
size_t ksize(void *p);

#endif /* LAB_08_H */
