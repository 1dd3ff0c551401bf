// SPDX-License-Identifier: MIT
/*
 * Exercise 07: a cache of slabs. Reference solution.
 *
 * Invariant: a slab is on the list that its inuse says; whatever changes inuse
 * calls refile() after it.
 */
#include "lab.h"

static size_t round_up(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static void **link_of(struct cache *cache, void *object)
{
	return (void **)((char *)object + cache->link);
}

/* Puts a slab on the list that it belongs to. */
static void refile(struct cache *cache, struct page *page)
{
	struct page_list *list = &cache->partial;

	if (!page->inuse)
		list = &cache->empty;
	else if (page->inuse == cache->per_slab)
		list = &cache->full;
	if (page->list == list)
		return;
	if (page->list)
		list_del(page->list, page);
	page->list = list;
	list_add(list, page);
}

/* A new slab: its objects constructed and linked in the order of addresses. */
static struct page *new_slab(struct cache *cache)
{
	long pfn = block_alloc(0);
	struct page *page;
	unsigned int i;

	if (pfn < 0)
		return NULL;
	page = &mem_map[pfn];
	page->cache = cache;
	page->freelist = NULL;
	page->inuse = 0;
	page->list = NULL;
	for (i = cache->per_slab; i--;) {
		void *object = (char *)page_address(page) + i * cache->stride;

		if (cache->ctor)
			cache->ctor(object);
		*link_of(cache, object) = page->freelist;
		page->freelist = object;
	}
	return page;
}

struct cache *cache_create(const char *name, size_t size,
			   void (*ctor)(void *object))
{
	struct cache *cache = cache_new();

	if (!cache)
		return NULL;
	cache->name = name;
	cache->size = size;
	cache->ctor = ctor;
	cache->link = ctor ? round_up(size) : 0;
	cache->stride = ctor ? cache->link + sizeof(void *) : round_up(size);
	cache->per_slab = (unsigned int)(PAGE_SIZE / cache->stride);
	return cache;
}

void *cache_alloc(struct cache *cache)
{
	struct page *page = cache->partial.first;
	void *object;

	if (!page)
		page = cache->empty.first;
	if (!page)
		page = new_slab(cache);
	if (!page)
		return NULL;
	object = page->freelist;
	page->freelist = *link_of(cache, object);
	page->inuse++;
	refile(cache, page);
	return object;
}

int cache_free(struct cache *cache, void *object)
{
	struct page *page = virt_to_page(object);
	size_t offset;

	if (!page || page->cache != cache || !page->inuse)
		return -1;
	offset = (size_t)((char *)object - (char *)page_address(page));
	if (offset % cache->stride || offset / cache->stride >= cache->per_slab)
		return -1;
	*link_of(cache, object) = page->freelist;
	page->freelist = object;
	page->inuse--;
	refile(cache, page);
	return 0;
}

unsigned int cache_shrink(struct cache *cache)
{
	struct page *page;
	unsigned int nr = 0;

	while ((page = cache->empty.first)) {
		list_del(&cache->empty, page);
		page->list = NULL;
		page->cache = NULL;
		block_free(page_to_pfn(page), 0);
		nr++;
	}
	return nr;
}

int cache_destroy(struct cache *cache)
{
	if (cache->full.first || cache->partial.first)
		return -1;
	cache_shrink(cache);
	cache_delete(cache);
	return 0;
}
