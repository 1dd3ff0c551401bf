// SPDX-License-Identifier: MIT
/*
 * A first object cache: create it, take an object, give it back, destroy it.
 *
 *	cc first_cache.c $(pkg-config --cflags --libs libkmm) -o first_cache
 *
 * A cache hands out objects of one size. It cuts slabs (blocks of whole pages)
 * into such objects, and keeps the free ones of each CPU in an array, so that
 * most calls take or put one pointer and nothing else.
 */
#include <stdio.h>

#include <linux/slab.h>

struct point {
	int x, y;
};

int main(void)
{
	/* Named after the struct, with its size and alignment. */
	struct kmem_cache *points = KMEM_CACHE(point, 0);
	struct point *p;

	if (!points)
		return 1;
	/* GFP_KERNEL: the ordinary request, which may wait for memory. */
	p = kmem_cache_zalloc(points, GFP_KERNEL);
	if (!p)
		return 1;
	p->x = 3;
	printf("an object of %u bytes: (%d, %d)\n", kmem_cache_size(points),
	       p->x, p->y);
	kmem_cache_free(points, p);
	/* A cache with live objects would be kept, and the objects listed. */
	kmem_cache_destroy(points);
	return 0;
}
