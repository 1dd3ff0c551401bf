// SPDX-License-Identifier: MIT
/*
 * The caches that 08 stands on unless you bring your own: of a slab's objects
 * it keeps a map, and searches all slabs for each request. No freelist, no
 * lists of slabs; compare it with what you wrote in 07.
 */
#include "cache.h"

#include <string.h>

#define MAX_OBJECTS 512

static unsigned char used[MAX_PAGES][MAX_OBJECTS];

struct cache *cache_create(const char *name, size_t size,
			   void (*ctor)(void *object))
{
	struct cache *cache = cache_new();

	if (!cache)
		return NULL;
	cache->name = name;
	cache->size = size;
	cache->stride = (size + 7) & ~(size_t)7;
	cache->per_slab = (unsigned int)(PAGE_SIZE / cache->stride);
	cache->ctor = ctor;
	return cache;
}

static void *take(struct cache *cache, unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < cache->per_slab; i++)
		if (!used[pfn][i]) {
			used[pfn][i] = 1;
			mem_map[pfn].inuse++;
			return (char *)page_address(&mem_map[pfn]) +
			       i * cache->stride;
		}
	return NULL;
}

void *cache_alloc(struct cache *cache)
{
	unsigned long i;
	void *object;
	long pfn;

	for (i = 0; i < nr_pages; i++)
		if (mem_map[i].cache == cache && (object = take(cache, i)))
			return object;
	pfn = block_alloc(0);
	if (pfn < 0)
		return NULL;
	memset(used[pfn], 0, sizeof(used[pfn]));
	mem_map[pfn].cache = cache;
	mem_map[pfn].inuse = 0;
	for (i = 0; cache->ctor && i < cache->per_slab; i++)
		cache->ctor((char *)page_address(&mem_map[pfn]) +
			    i * cache->stride);
	return take(cache, (unsigned long)pfn);
}

int cache_free(struct cache *cache, void *object)
{
	struct page *page = virt_to_page(object);
	size_t offset;

	if (!page || page->cache != cache)
		return -1;
	offset = (size_t)((char *)object - (char *)page_address(page));
	if (offset % cache->stride ||
	    !used[page_to_pfn(page)][offset / cache->stride])
		return -1;
	used[page_to_pfn(page)][offset / cache->stride] = 0;
	page->inuse--;
	return 0;
}

unsigned int cache_shrink(struct cache *cache)
{
	unsigned int nr = 0;
	unsigned long i;

	for (i = 0; i < nr_pages; i++)
		if (mem_map[i].cache == cache && !mem_map[i].inuse) {
			mem_map[i].cache = NULL;
			block_free(i, 0);
			nr++;
		}
	return nr;
}

int cache_destroy(struct cache *cache)
{
	unsigned long i;

	for (i = 0; i < nr_pages; i++)
		if (mem_map[i].cache == cache && mem_map[i].inuse)
			return -1;
	cache_shrink(cache);
	cache_delete(cache);
	return 0;
}
