/* SPDX-License-Identifier: MIT */
/*
 * The object caches of exercise 07, which 08 stands on. A slab is one page.
 *
 *	cache.full	-> page -> page		no object is free
 *	cache.partial	-> page			some are
 *	cache.empty	-> page -> page		all are
 *
 * Objects lie from the start of the page on, `stride` bytes apart. The link of
 * a free object is at object + link: in the object's first word, or behind the
 * object if it has a constructor, whose work the link would spoil.
 */
#ifndef LABS_CACHE_H
#define LABS_CACHE_H

#include "pages.h"

struct cache {
	const char *name;
	size_t size;			/* bytes of an object */
	size_t stride;			/* bytes from one object to the next */
	size_t link;			/* offset of a free object's link */
	unsigned int per_slab;		/* objects of a slab */
	void (*ctor)(void *object);	/* or NULL */
	struct page_list full, partial, empty;
};

/* A struct cache of zeroes; NULL if there is none left. And its end. */
struct cache *cache_new(void);
void cache_delete(struct cache *cache);

/**
 * cache_create() - a cache without any slab
 * @name: kept as it is.
 * @size: bytes of an object, 1 to 2048; each is aligned to 8 bytes.
 * @ctor: runs once for each object when its slab is made; or %NULL.
 *
 * Return: the cache; %NULL if cache_new() gives none.
 */
struct cache *cache_create(const char *name, size_t size,
			   void (*ctor)(void *object));

/**
 * cache_alloc() - an object: of a partial slab, else of an empty one, else of a
 *                 new one
 *
 * Return: the object; %NULL if block_alloc() gives no page.
 */
void *cache_alloc(struct cache *cache);

/**
 * cache_free() - give an object back
 *
 * Return: 0; -1, with nothing changed, if it is not one of this cache's objects.
 */
int cache_free(struct cache *cache, void *object);

/** cache_shrink() - block_free() all empty slabs; returns how many */
unsigned int cache_shrink(struct cache *cache);

/**
 * cache_destroy() - give all slabs back, and cache_delete() the cache
 *
 * Return: 0; -1, with nothing changed, while an object is handed out.
 */
int cache_destroy(struct cache *cache);

#endif /* LABS_CACHE_H */
