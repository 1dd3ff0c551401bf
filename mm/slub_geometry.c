// SPDX-License-Identifier: MIT
/*
 * How large a slab is, and where in it the objects lie: decided once, when a
 * cache is made.
 *
 *	object_size, align	what the user asked for
 *	-> size			from one object to the next, see plain_layout()
 *	-> order		pages of a slab, see calculate_order()
 *	-> objects, slab_mask,	what fast paths need to know of that
 *	   divisor, boundary_max
 *
 * Context:	any; no locks. The cache is not in use yet.
 * Source:	kernel mm/slub.c, calculate_order(), calculate_sizes().
 */
#include <errno.h>

#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "slub.h"
#include "slub_debug.h"

#define FINE_MIN_OBJECTS 4
#define MIN_PARTIAL 5
#define MAX_PARTIAL 10

/* The smallest order in [min, max] whose tail waste is at most 1/fraction. */
static unsigned int slab_order(unsigned int size, unsigned int min,
			       unsigned int max, unsigned int fraction)
{
	unsigned int order;

	for (order = min; order <= max; order++) {
		unsigned long bytes = PAGE_SIZE << order;

		if (bytes % size <= bytes / fraction)
			break;
	}
	return order;
}

/*
 * The kernel's rule: enough objects per slab to keep locks rare (more with
 * more CPUs), at little waste: 1/16 if any order allows it, else 1/8, ...
 * On the fine ladder memory counts more. Its steps are an eighth and less, so
 * the search for little waste begins at 1/32; and its many caches each have a
 * slab that is partly used, so slabs are small. Measured with 4 instead of 12
 * objects: as fast, and 3 to 6 % less memory in programs of mixed sizes. Slabs of
 * objects larger than a page may be one order larger.
 */
static unsigned int calculate_order(unsigned int size, bool fine,
				    unsigned int max)
{
	unsigned int min = (unsigned int)kmm_params.slab_min_order;
	unsigned int objects = (unsigned int)kmm_params.slab_min_objects;
	unsigned int order, fits, fraction;

	/* Of large objects a larger slab has more that fit without waste. */
	if (fine && size > PAGE_SIZE)
		max = min_t(unsigned int, max + 1, MAX_PAGE_ORDER);
	if (!objects)
		objects = fine ? FINE_MIN_OBJECTS :
				 4 * (fls_long(host.nr_cpus) + 1);
	fits = (unsigned int)((PAGE_SIZE << max) / size);
	objects = max_t(unsigned int, min_t(unsigned int, objects, fits), 1);
	min = max_t(unsigned int, min,
		    (unsigned int)get_order((unsigned long)objects * size));
	/* What a slab cannot count it need not hold. */
	if ((PAGE_SIZE << min) / size > MAX_OBJS_PER_SLAB)
		return (unsigned int)get_order((unsigned long)size *
					       MAX_OBJS_PER_SLAB) - 1;
	for (fraction = fine ? 32 : 16; fraction > 1; fraction /= 2) {
		order = slab_order(size, min, max, fraction);
		if (order <= max)
			return order;
	}
	/* Not even one object fits the wished-for order. */
	return (unsigned int)get_order(size);
}

/* Bytes at the end of a slab. */
static unsigned long tail_waste(unsigned int order, unsigned int size)
{
	return (PAGE_SIZE << order) % size;
}

/* A fitted cache has many slabs, so that they may be one order larger than
 * others, and of what no ladder has two: the smallest that waste 1/64 at most, or
 * else the least. */
unsigned int slab_fitted_order(unsigned int size)
{
	unsigned int best = (unsigned int)get_order(size), order;
	unsigned int more = size > KMALLOC_MAX_CACHE_SIZE ? 2 : 1;
	unsigned int max = min_t(unsigned int, MAX_PAGE_ORDER,
				 (unsigned int)kmm_params.slab_max_order + more);

	for (order = best + 1; order <= max; order++) {
		if (tail_waste(best, size) <= (PAGE_SIZE << best) / 64)
			break;
		if (tail_waste(order, size) <
		    tail_waste(best, size) << (order - best))
			best = order;
	}
	return best;
}

/*
 *	| object | (red zone) | (link) | padding to align |
 *	 object_size		        `- s->offset, if not inside the object
 *
 * With debugging there is more, see slub_debug.c.
 */
static unsigned int plain_layout(struct kmem_cache *s, bool fine)
{
	unsigned int size = ALIGN(s->object_size, (unsigned int)sizeof(void *));
	bool outside = s->ctor || (s->flags & SLAB_TYPESAFE_BY_RCU);

	s->red_zone = memcheck_active() ? MEMCHECK_REDZONE : 0;
	if (s->fixed_offset)
		outside = false;
	else if (fine)
		/* malloc's objects were used at their start a moment ago:
		 * that cache line is still there, the middle's often not. */
		s->offset = 0;
	else if (!outside)
		s->offset = ALIGN_DOWN(s->object_size / 2,
				       (unsigned int)sizeof(void *));
	if (outside) {
		s->offset = size;
		size += (unsigned int)sizeof(void *);
	}
	return size + s->red_zone;
}

/* Of a slab that is to hold few objects. */
unsigned int slab_small_order(const struct kmem_cache *s)
{
	unsigned int order = calculate_order(s->size, true,
					     (unsigned int)kmm_params.slab_min_order);

	return max_t(unsigned int, s->min_order,
		     min_t(unsigned int, s->order, order));
}

/* From the bytes of one object to the slab. */
static int calculate_slab(struct kmem_cache *s, unsigned int size, bool fine)
{
	s->size = ALIGN(size, s->align);
	s->order = s->fitted ? slab_fitted_order(s->size) :
			       calculate_order(s->size, fine,
					       (unsigned int)kmm_params.slab_max_order);
	if (s->order > MAX_PAGE_ORDER)
		return -EINVAL;
	s->min_order = (unsigned int)get_order(s->size);
	/* What was saved is not to be lost in small slabs. */
	if (s->fitted)
		s->min_order = min_t(unsigned int, s->order,
				     slab_order(s->size, s->min_order, s->order,
						8));
	/* In a slab of another order an object might be on_boundary(). */
	if (kmem_cache_metadata(s))
		s->min_order = s->order;
	s->objects = min_t(unsigned int, MAX_OBJS_PER_SLAB,
			   (unsigned int)((PAGE_SIZE << s->order) / s->size));
	s->slab_mask = (PAGE_SIZE << s->order) - 1;
	s->divisor = UINT64_MAX / s->size + 1;
	s->boundary_max = (s->objects - 1) * (s->divisor * s->size);
	s->min_partial = min_t(unsigned int, MAX_PARTIAL,
			       max_t(unsigned int, MIN_PARTIAL,
				     ilog2(s->size) / 2));
	if (fine)
		s->min_partial = 1;
	/* What its free objects tell would be lost with a slab. */
	if (kmem_cache_metadata(s))
		s->min_partial = MAX_PARTIAL;
	/* The memory of such a cache never becomes anything else. */
	if (s->flags & SLAB_TYPESAFE_BY_RCU)
		s->min_partial = UINT32_MAX;
	s->allocflags = s->flags & SLAB_RECLAIM_ACCOUNT ? __GFP_RECLAIMABLE : 0;
	return s->objects ? 0 : -EINVAL;
}

int calculate_sizes(struct kmem_cache *s)
{
	bool fine = (s->flags & SLAB_KMALLOC) &&
		    kmm_params.kmalloc_ladder != LADDER_KERNEL;

	if (slub_debug_layout(s)) {
		if (!calculate_slab(s, s->size, fine) && slub_debug_fits(s))
			return 0;
		slub_debug_drop(s);
	}
	return calculate_slab(s, plain_layout(s, fine), fine);
}
