// SPDX-License-Identifier: MIT
/*
 * Exercise 06: carve a page into objects. Reference solution.
 */
#include "lab.h"

size_t object_stride(size_t size, size_t align)
{
	if (size < sizeof(void *))
		size = sizeof(void *);
	return (size + align - 1) & ~(align - 1);
}

unsigned int objects_per_slab(size_t size, size_t align)
{
	return (unsigned int)(PAGE_SIZE / object_stride(size, align));
}

unsigned int nr_colours(size_t size, size_t align)
{
	size_t left = PAGE_SIZE % object_stride(size, align);

	return (unsigned int)(left / align) + 1;
}

void slab_carve(struct slab *slab, size_t size, size_t align,
		unsigned int colour)
{
	size_t stride = object_stride(size, align);
	unsigned int i = objects_per_slab(size, align);

	slab->freelist = NULL;
	slab->inuse = 0;
	/* From the last one to the first: each is put before what is there. */
	while (i--) {
		void **object = (void **)(slab->page + colour * align +
					  i * stride);

		*object = slab->freelist;
		slab->freelist = object;
	}
}

void *slab_take(struct slab *slab)
{
	void **object = slab->freelist;

	if (!object)
		return NULL;
	slab->freelist = *object;
	slab->inuse++;
	return object;
}

void slab_put(struct slab *slab, void *object)
{
	*(void **)object = slab->freelist;
	slab->freelist = object;
	slab->inuse--;
}
