/* SPDX-License-Identifier: MIT */
/*
 * Exercise 06: carve a page into objects.
 *
 *	page	|colour| object | object | object | ... | object |left over|
 *	               <-stride->
 *
 * The free objects are linked through their own first words: freelist points to
 * the first one, its first word to the second one, and the last one holds NULL.
 */
#ifndef LAB_06_H
#define LAB_06_H

#include "begin.h"

#define PAGE_SIZE	4096UL

struct slab {
	char *page;		/* PAGE_SIZE bytes, aligned to PAGE_SIZE */
	void *freelist;		/* first free object, or NULL */
	unsigned int inuse;	/* objects that are handed out */
};

/**
 * object_stride() - bytes from one object to the next
 * @size: of an object, in bytes, at least 1.
 * @align: of each object, a power of two, at least 8.
 *
 * Return: the smallest multiple of @align that has room for the object, and for
 *         the link that a free object holds.
 */
size_t object_stride(size_t size, size_t align);

/** objects_per_slab() - how many objects a page holds */
unsigned int objects_per_slab(size_t size, size_t align);

/**
 * nr_colours() - how many multiples of @align, from 0, the first object can
 *                start at without costing an object
 */
unsigned int nr_colours(size_t size, size_t align);

/**
 * slab_carve() - link all objects of slab->page, in the order of addresses
 * @slab: `page` is set; set `freelist` and `inuse`.
 * @size: see above.
 * @align: see above.
 * @colour: the first object starts at @colour * @align.
 */
void slab_carve(struct slab *slab, size_t size, size_t align,
		unsigned int colour);

/** slab_take() - the first free object; %NULL if there is none */
void *slab_take(struct slab *slab);

/** slab_put() - give an object back: it is the next to be taken */
void slab_put(struct slab *slab, void *object);

#endif /* LAB_06_H */
