// SPDX-License-Identifier: MIT
/*
 * Exercise 08: kmalloc() on top of caches and pages. Reference solution.
 *
 * kfree() gets no size. The page of the address knows: a slab's page has
 * `cache`, and of a block of pages the first one has the order.
 */
#include "lab.h"

static struct cache *caches[NR_KMALLOC_CACHES];

int kmalloc_init(void)
{
	unsigned int i;

	for (i = 0; i < NR_KMALLOC_CACHES; i++) {
		caches[i] = cache_create("kmalloc", kmalloc_sizes[i], NULL);
		if (!caches[i])
			return -1;
	}
	return 0;
}

static struct cache *kmalloc_slab(size_t size)
{
	unsigned int i;

	for (i = 0; kmalloc_sizes[i] < size; i++)
		;
	return caches[i];
}

static void *kmalloc_large(size_t size)
{
	unsigned int order = 0;
	long pfn;

	while (PAGE_SIZE << order < size)
		order++;
	pfn = block_alloc(order);
	if (pfn < 0)
		return NULL;
	mem_map[pfn].cache = NULL;
	mem_map[pfn].order = order;
	return page_address(&mem_map[pfn]);
}

void *kmalloc(size_t size)
{
	if (!size)
		return ZERO_SIZE_PTR;
	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_large(size);
	return cache_alloc(kmalloc_slab(size));
}

void kfree(void *p)
{
	struct page *page;

	if (!p || p == ZERO_SIZE_PTR)
		return;
	page = virt_to_page(p);
	if (page->cache)
		cache_free(page->cache, p);
	else
		block_free(page_to_pfn(page), page->order);
}

size_t ksize(void *p)
{
	struct page *page;

	if (!p || p == ZERO_SIZE_PTR)
		return 0;
	page = virt_to_page(p);
	return page->cache ? page->cache->size : PAGE_SIZE << page->order;
}
