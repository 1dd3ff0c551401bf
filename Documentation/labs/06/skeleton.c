// SPDX-License-Identifier: MIT
/*
 * Exercise 06: carve a page into objects. See README.md.
 */
#include "lab.h"

size_t object_stride(size_t size, size_t align)
{
	(void)size, (void)align;
	/* Write it here. */
	return NOT_YET(8);
}

unsigned int objects_per_slab(size_t size, size_t align)
{
	(void)size, (void)align;
	/* Write it here. */
	return NOT_YET(0);
}

unsigned int nr_colours(size_t size, size_t align)
{
	(void)size, (void)align;
	/* Write it here. */
	return NOT_YET(1);
}

void slab_carve(struct slab *slab, size_t size, size_t align,
		unsigned int colour)
{
	(void)size, (void)align, (void)colour;
	/* Write it here. */
	slab->freelist = NOT_YET(NULL);
	slab->inuse = 0;
}

void *slab_take(struct slab *slab)
{
	(void)slab;
	/* Write it here. */
	return NOT_YET(NULL);
}

void slab_put(struct slab *slab, void *object)
{
	(void)object;
	/* Write it here. */
	slab->inuse = NOT_YET(0);
}
