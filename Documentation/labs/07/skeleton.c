// SPDX-License-Identifier: MIT
/*
 * Exercise 07: a cache of slabs. See README.md.
 */
#include "lab.h"

struct cache *cache_create(const char *name, size_t size,
			   void (*ctor)(void *object))
{
	(void)name, (void)size, (void)ctor;
	/* Write it here: cache_new(), and all fields but the lists. */
	return NOT_YET(NULL);
}

void *cache_alloc(struct cache *cache)
{
	(void)cache;
	/*
	 * Write it here:
	 * 1. a slab: partial, else empty, else a new one (constructed);
	 * 2. its first free object;
	 * 3. put the slab on the list that it belongs to now; page->list says
	 *    which one it is on.
	 */
	return NOT_YET(NULL);
}

int cache_free(struct cache *cache, void *object)
{
	(void)cache, (void)object;
	/* Write it here: check the pointer; the same in reverse. */
	return NOT_YET(-1);
}

unsigned int cache_shrink(struct cache *cache)
{
	(void)cache;
	/* Write it here. A page that goes back is no slab: page->cache. */
	return NOT_YET(0);
}

int cache_destroy(struct cache *cache)
{
	(void)cache;
	/* Write it here. */
	return NOT_YET(-1);
}
