// SPDX-License-Identifier: MIT
/*
 * Tests of mm/slub.c: geometry, the life of a slab and its freelist.
 *
 * In the drawings a slab is a row of objects: x in use, . free and on the
 * freelist, and blank for fresh ones, which were never handed out.
 *
 * Most caches here are SLAB_DIRECT: without sheaves, so that each allocation
 * and each free reaches its slab at once.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>

#include <kmm/kmm.h>

#include "cmdline.h"
#include "host.h"
#include "slab_test.h"

#define MAX_OBJECTS 32767

/* Geometry ---------------------------------------------------------------- */

static unsigned int log2_ceil_pages(unsigned long bytes)
{
	unsigned int order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

static unsigned int fls_number(unsigned int x)
{
	unsigned int bits = 0;

	for (; x; x >>= 1)
		bits++;
	return bits;
}

/* The kernel's rule in its own words: the first order with enough objects that
 * wastes at most 1/16 of the slab; if no order does, 1/8; and so on. */
static unsigned int expected_order(unsigned long size)
{
	unsigned long max = kmm_params.slab_max_order, order, least, waste;
	unsigned long objects = kmm_params.slab_min_objects;
	unsigned long fits = (PAGE_SIZE << max) / size, part;

	if (!objects)
		objects = 4 * (fls_number(host.nr_cpus) + 1);
	if (objects > fits)
		objects = fits ? fits : 1;
	least = log2_ceil_pages(objects * size);
	if (least < kmm_params.slab_min_order)
		least = kmm_params.slab_min_order;
	/* More objects than a slab can count would be waste. */
	if ((PAGE_SIZE << least) / size > MAX_OBJECTS)
		return log2_ceil_pages(size * MAX_OBJECTS) - 1;
	for (part = 16; part > 1; part /= 2)
		for (order = least; order <= max; order++) {
			waste = (PAGE_SIZE << order) % size;
			if (waste <= (PAGE_SIZE << order) / part)
				return (unsigned int)order;
		}
	return log2_ceil_pages(size);
}

static void check_geometry(unsigned int size)
{
	struct kmem_cache s = { .object_size = size, .align = 8 };
	unsigned int order;

	ck_assert_int_eq(calculate_sizes(&s), 0);
	order = expected_order(s.size);
	ck_assert_msg(s.order == order, "size %u: order %u, not %u", size,
		      s.order, order);
	ck_assert_uint_ge(s.objects, 1);
	ck_assert_uint_le(s.objects, MAX_OBJECTS);
	ck_assert_uint_le((unsigned long)s.objects * s.size,
			  PAGE_SIZE << s.order);
	ck_assert_uint_eq(s.min_order, log2_ceil_pages(s.size));
	ck_assert_uint_eq(s.slab_mask, (PAGE_SIZE << s.order) - 1);
}

START_TEST(slub_order_every_size_follows_kernel)
{
	unsigned int step = memcheck_active() ? 8 * 31 : 8, size;

	for (size = 8; size <= 64 * 1024; size += step)
		check_geometry(size);
	for (; size <= KMALLOC_MAX_SIZE - 64; size += 4096 - 24)
		check_geometry(size);
}
END_TEST

START_TEST(slub_order_parameters_are_followed)
{
	static const struct {
		u64 min_order, max_order, min_objects;
	} tries[] = {
		{ 0, 0, 0 }, { 1, 1, 0 }, { 0, 5, 100 }, { 2, 3, 1 },
		{ 0, 10, 0 }, { 10, 10, 0 }, { 6, 3, 0 }, { 0, 10, 32767 },
	};
	struct kmm_params saved = kmm_params;
	unsigned int size, i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		kmm_params.slab_min_order = tries[i].min_order;
		kmm_params.slab_max_order = tries[i].max_order;
		kmm_params.slab_min_objects = tries[i].min_objects;
		for (size = 8; size <= 16384; size += 8 * 13)
			check_geometry(size);
	}
	kmm_params = saved;
}
END_TEST

/* A divisor that is no division: see on_boundary() in slab.h. */
static bool is_object_start(const struct kmem_cache *s, unsigned long off)
{
	return off % s->size == 0 && off / s->size < s->objects;
}

static void check_boundaries(const struct kmem_cache *s)
{
	unsigned long end = (unsigned long)s->objects * s->size, off;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		off = test_random() & s->slab_mask;
		ck_assert(on_boundary(s, (void *)off) ==
			  is_object_start(s, off));
		off -= off % s->size;
		ck_assert(on_boundary(s, (void *)off) ==
			  is_object_start(s, off));
		ck_assert(!on_boundary(s, (void *)(off + 1)));
	}
	ck_assert(on_boundary(s, (void *)(end - s->size)));
	/* The tail waste is no object, though it begins where one would. */
	if (end <= s->slab_mask)
		ck_assert(!on_boundary(s, (void *)end));
}

START_TEST(slub_boundary_test_equals_division)
{
	unsigned int size;

	for (size = 8; size <= 8192; size += 8) {
		struct kmem_cache s = { .object_size = size, .align = 8 };

		ck_assert_int_eq(calculate_sizes(&s), 0);
		check_boundaries(&s);
	}
}
END_TEST

START_TEST(slub_size_beyond_largest_order_is_refused)
{
	struct kmem_cache s = {
		.object_size = (unsigned int)KMALLOC_MAX_SIZE + 8,
		.align = 8,
	};

	ck_assert_int_lt(calculate_sizes(&s), 0);
}
END_TEST

/* Alignment --------------------------------------------------------------- */

static void check_aligned_cache(unsigned int size, unsigned int align,
				slab_flags_t flags)
{
	struct kmem_cache_args args = { .align = align };
	struct kmem_cache *s;
	unsigned char *p[8];
	unsigned int line = 64, want = align ? align : 8, i;

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		want = want > line ? want : line;
	}
	s = kmem_cache_create("unit-align", size, &args, flags | SLAB_NO_MERGE);
	ck_assert_ptr_nonnull(s);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_msg(((unsigned long)p[i] & (want - 1)) == 0,
			      "size %u align %u flags %#x: %p", size, align,
			      flags, (void *)p[i]);
		fill(p[i], size, i);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		ck_assert(holds(p[i], size, i));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		kmem_cache_free(s, p[i]);
	assert_valid(s);
	kmem_cache_destroy(s);
}

START_TEST(slub_object_is_aligned)
{
	static const unsigned int sizes[] = {
		1, 7, 8, 9, 16, 24, 31, 33, 48, 64, 65, 96, 100, 127, 129, 192,
		200, 256, 384, 500, 512, 1000, 1024, 2048, 3000, 4096, 5000,
		8192, 10000,
	};
	static const unsigned int aligns[] = {
		0, 1, 2, 4, 8, 16, 32, 64, 128, 512, 4096, 8192, 65536,
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(aligns); k++) {
			/* Millions of bytes for nothing new. */
			if (aligns[k] > 4096 && sizes[i] % 8)
				continue;
			check_aligned_cache(sizes[i], aligns[k], 0);
			check_aligned_cache(sizes[i], aligns[k],
					    SLAB_HWCACHE_ALIGN);
		}
}
END_TEST

/* The life of a slab ------------------------------------------------------ */

/* Every number of a cache with one slab. */
static void assert_slab(struct kmem_cache *s, const struct page *slab,
			enum slab_list list, unsigned int inuse,
			unsigned int fresh)
{
	ck_assert_uint_eq(slab->list, list);
	ck_assert_uint_eq(slab->inuse, inuse);
	ck_assert_uint_eq(slab->fresh, fresh);
	ck_assert_uint_eq(s->node.nr_slabs, 1);
	ck_assert_uint_eq(s->node.nr_objects, s->objects);
	ck_assert_uint_eq(s->node.nr_inuse, inuse);
	ck_assert_uint_eq(s->node.nr_partial, list == SLAB_ON_PARTIAL);
	assert_valid(s);
}

/*
 *	                          list      inuse  fresh
 *	no slab
 *	|x         |   alloc      partial   1      1
 *	|xx        |   alloc      partial   2      2
 *	|xxxxxxxxxx|   alloc rest full      n      n
 *	|xxx.xxxxxx|   free one   partial   n - 1  n
 *	|xxxxxxxxxx|   alloc      full      n      n	(the same object again)
 *	|..........|   free all   partial   0      n	(empty, kept)
 *	no slab        shrink
 */
START_TEST(slub_slab_goes_through_its_states)
{
	struct kmem_cache *s = make_cache("unit-states", 256, SLAB_DIRECT);
	unsigned int n = s->objects, i;
	struct page *slab;
	void *p[1024];

	ck_assert_uint_gt(n, 3);
	ck_assert_uint_le(n, ARRAY_SIZE(p));
	ck_assert_uint_eq(s->node.nr_slabs, 0);

	p[0] = kmem_cache_alloc(s, GFP_KERNEL);
	slab = slab_of(p[0]);
	assert_slab(s, slab, SLAB_ON_PARTIAL, 1, 1);
	p[1] = kmem_cache_alloc(s, GFP_KERNEL);
	assert_slab(s, slab, SLAB_ON_PARTIAL, 2, 2);
	for (i = 2; i < n; i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_eq(slab_of(p[i]), slab);
	}
	assert_slab(s, slab, SLAB_ON_FULL, n, n);

	kmem_cache_free(s, p[3]);
	assert_slab(s, slab, SLAB_ON_PARTIAL, n - 1, n);
	ck_assert_ptr_eq(kmem_cache_alloc(s, GFP_KERNEL), p[3]);
	assert_slab(s, slab, SLAB_ON_FULL, n, n);

	for (i = 0; i < n; i++)
		kmem_cache_free(s, p[i]);
	assert_slab(s, slab, SLAB_ON_PARTIAL, 0, n);
	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	ck_assert_uint_eq(s->node.nr_slabs, 0);
	ck_assert(!PageSlab(slab));
	assert_valid(s);
	kmem_cache_destroy(s);
}
END_TEST

/* What lies in recycled pages may be links of the same cache; but of another
 * life, in which they meant something. */
START_TEST(slub_links_of_earlier_life_mean_nothing)
{
	struct kmem_cache *s = make_cache("unit-lives", 64, SLAB_DIRECT);
	void *a = kmem_cache_alloc(s, GFP_KERNEL);
	void *b = kmem_cache_alloc(s, GFP_KERNEL);
	struct page *slab = slab_of(a);
	unsigned long link = 0;
	unsigned int i;

	kmem_cache_free(s, a);
	kmem_cache_free(s, b);
	link = peek_word((char *)b + s->offset);
	ck_assert_uint_eq(decode(s, slab, (char *)b + s->offset),
			  (unsigned long)a);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(kmem_cache_shrink(s), 0);
		a = kmem_cache_alloc(s, GFP_KERNEL);
		if (slab_of(a) == slab)
			break;
		kmem_cache_free(s, a);
	}
	ck_assert_ptr_eq(slab_of(a), slab);
	poke_word((char *)b + s->offset, link);
	ck_assert_uint_ne(decode(s, slab, (char *)b + s->offset) >> 48, 0);
	kmem_cache_free(s, a);
	kmem_cache_destroy(s);
}
END_TEST

/*
 *	before	|x         |	the list is empty although n - 1 objects are free
 *	after	|x.        |	it holds the one that came back, and ends there
 */
START_TEST(slub_fresh_objects_are_not_linked)
{
	struct kmem_cache *s = make_cache("unit-fresh", 128, SLAB_DIRECT);
	void *a = kmem_cache_alloc(s, GFP_KERNEL);
	void *b = kmem_cache_alloc(s, GFP_KERNEL);
	struct page *slab = slab_of(a);

	ck_assert_ptr_null(freelist_of(s, slab));
	ck_assert_uint_eq(slab->fresh, 2);
	kmem_cache_free(s, b);
	ck_assert_ptr_eq(freelist_of(s, slab), b);
	ck_assert_uint_eq(decode(s, slab, (char *)b + s->offset), 0);
	kmem_cache_free(s, a);
	kmem_cache_destroy(s);
}
END_TEST

/* A block whose pages come back for the next slab of the same order. */
static char *recycled_block(unsigned int order)
{
	struct page *page[64];
	char *block = NULL;
	unsigned int i, nr = 0;

	/* One from a pageblock of the type that slabs ask for, in a zone that
	 * has types. */
	while (zones[ZONE_NORMAL].managed_pages < pageblock_nr_pages)
		ck_assert(sparse_grow(0, true));
	while (!block && nr < ARRAY_SIZE(page)) {
		page[nr] = alloc_pages(GFP_KERNEL, order);
		ck_assert_ptr_nonnull(page[nr]);
		if (pageblock_type(page[nr]) == MIGRATE_UNMOVABLE)
			block = page_address(page[nr]);
		nr++;
	}
	ck_assert_ptr_nonnull(block);
	memcheck_unpoison(block, PAGE_SIZE << order);
	memset(block, 0xa5, PAGE_SIZE << order);
	/* The last one freed is the first one taken. */
	for (i = 0; i < nr; i++)
		__free_pages(page[i], order);
	return block;
}

/*
 * The pages are full of 0xa5 when they become a slab, and but for the objects
 * handed out they stay so: what nobody uses costs no page fault.
 *
 *	before	|a5a5a5a5a5a5a5a5a5a5|
 *	after	|xxxx a5a5a5a5a5a5a5a|
 */
START_TEST(slub_fresh_objects_are_not_touched)
{
	struct kmem_cache *s = make_cache("unit-touch", 512, SLAB_DIRECT);
	size_t bytes = PAGE_SIZE << s->order, first;
	char *block;
	void *p;

	/* Larger slabs do not come from the per-CPU lists. */
	ck_assert(pcp_allowed_order(s->order));
	block = recycled_block(s->order);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_ptr_eq(p, block);
	first = s->size;
	memcheck_unpoison(block, bytes);
	ck_assert(all_bytes(block + first, bytes - first, 0xa5));
	memcheck_poison(block + first, bytes - first);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}
END_TEST

/* A slab that becomes empty is freed once enough others have free objects, also
 * if it was full before: with one object in a slab there is no state between. */
START_TEST(slub_empty_slabs_are_kept_up_to_a_limit)
{
	static const unsigned int sizes[] = { 64, 1024, 300000 };
	struct kmem_cache *s = make_cache("unit-empty", sizes[_i], SLAB_DIRECT);
	unsigned int nr = s->objects * 20, i;
	void **p = calloc(nr, sizeof(*p));

	for (i = 0; i < nr; i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_nonnull(p[i]);
	}
	/* More, where slabs are smaller than usual. */
	ck_assert_uint_ge(s->node.nr_slabs, 20);
	assert_valid(s);
	for (i = 0; i < nr; i++)
		kmem_cache_free(s, p[i]);
	ck_assert_uint_eq(s->node.nr_inuse, 0);
	ck_assert_uint_le(s->node.nr_slabs, s->min_partial);
	assert_valid(s);
	kmem_cache_destroy(s);
	free(p);
}
END_TEST

/* Slabs of the usual order first, then of the smallest that holds an object:
 * with every other page taken, no block of two pages can be had. */
TEST_SCENARIO(slub_scattered_pages)
{
	const unsigned int size = PAGE_SIZE / 4 - 24;
	struct kmem_cache *s = make_cache("unit-small", size, SLAB_NO_MERGE);
	static unsigned long pages[65536];
	unsigned long nr = 0, i;
	void *p[256], *object;

	ck_assert_uint_gt(s->order, s->min_order);
	/* The reserve as well, or its large blocks would be left. */
	while ((pages[nr] = __get_free_page(GFP_KERNEL | __GFP_MEMALLOC |
					    __GFP_NOWARN)) != 0)
		nr++;
	ck_assert_uint_gt(nr, 16);
	ck_assert_uint_lt(nr, ARRAY_SIZE(pages));
	for (i = 0; i < nr; i++)
		if ((pages[i] >> PAGE_SHIFT) % 2) {
			free_page(pages[i]);
			pages[i] = 0;
		}
	for (i = 0; i < 16; i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((unsigned long)p[i] % 8, 0);
		fill(p[i], size, i);
	}
	object = p[0];
	ck_assert_uint_eq(slab_of(object)->order, s->min_order);
	ck_assert_uint_eq(slab_of(object)->objects,
			  (PAGE_SIZE << s->min_order) / s->size);
	assert_all_valid();
	for (i = 0; i < 16; i++) {
		ck_assert(holds(p[i], size, i));
		kfree(p[i]);
	}
	assert_all_valid();
	kmem_cache_destroy(s);
	for (i = 0; i < nr; i++)
		free_page(pages[i]);
	assert_all_valid();
}

START_TEST(slub_scattered_pages_make_small_slabs)
{
	test_scenario_passes("slub_scattered_pages", "mem=4M");
}
END_TEST

/*
 *	a heap of 80 MiB	|xxxx|xxxx|xxxx|...	a slab has the usual order
 *	one of two is left	|x.x.|x.x.|x.x.|...	new ones are small
 *	none			||			and large again
 */
TEST_SCENARIO(slub_survivors)
{
	struct kmem_cache *heap = make_cache("unit-heap", PAGE_SIZE,
					     SLAB_NO_MERGE);
	struct kmem_cache *s = make_cache("unit-new", PAGE_SIZE / 4 - 24,
					  SLAB_NO_MERGE);
	const size_t nr = (80ul << 20) / PAGE_SIZE;
	void **p = calloc(nr, sizeof(*p)), *object;
	size_t i;

	ck_assert_uint_gt(s->order, 0);
	for (i = 0; i < nr; i++)
		p[i] = kmem_cache_alloc(heap, GFP_KERNEL);
	shrink_slab_caches(true);
	object = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_uint_eq(slab_of(object)->order, s->order);
	kmem_cache_free(s, object);
	for (i = 0; i < nr; i += 2)
		kmem_cache_free(heap, p[i]);
	shrink_slab_caches(true);
	object = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_uint_eq(slab_of(object)->order, s->min_order);
	assert_all_valid();
	kmem_cache_free(s, object);
	for (i = 1; i < nr; i += 2)
		kmem_cache_free(heap, p[i]);
	shrink_slab_caches(true);
	object = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_uint_eq(slab_of(object)->order, s->order);
	kmem_cache_free(s, object);
	kmem_cache_destroy(s);
	kmem_cache_destroy(heap);
	free(p);
}

START_TEST(slub_survivors_make_small_slabs)
{
	test_scenario_passes("slub_survivors", NULL);
}
END_TEST

/* Constructors and type-stable memory ------------------------------------- */

static _Atomic unsigned int constructed;

static void ctor(void *object)
{
	atomic_fetch_add(&constructed, 1);
	memset(object, 0x5c, 40);
}

static void ctor_that_allocates(void *object)
{
	/* No lock is held, so this is allowed. */
	void *p = kmalloc(100, GFP_KERNEL);

	ck_assert_ptr_nonnull(p);
	kfree(p);
	memset(object, 0x5c, 40);
}

static void check_ctor(slab_flags_t flags)
{
	struct kmem_cache *s = kmem_cache_create("unit-ctor", 40, 0, flags,
						 ctor);
	unsigned int round, i, nr, before = atomic_load(&constructed);
	void **p;

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_ge(s->offset, 40);
	nr = 3 * s->objects + 1;
	p = calloc(nr, sizeof(*p));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < nr; i++) {
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
			ck_assert(all_bytes(p[i], 40, 0x5c));
			/* Use it, and leave it as it was found. */
			memset(p[i], (int)i, 40);
			memset(p[i], 0x5c, 40);
		}
		ck_assert_uint_eq(atomic_load(&constructed) - before,
				  s->node.nr_objects);
		for (i = 0; i < nr; i++)
			kmem_cache_free(s, p[i]);
		/* Slabs that were given back are constructed anew. */
		if (s->node.nr_slabs < 4) {
			kmem_cache_shrink(s);
			before = atomic_load(&constructed);
		}
		assert_valid(s);
	}
	free(p);
	kmem_cache_destroy(s);
}

START_TEST(slub_ctor_runs_once_per_object_of_a_slab)
{
	check_ctor(SLAB_NO_MERGE);
	check_ctor(SLAB_DIRECT);
	check_ctor(SLAB_TYPESAFE_BY_RCU);
}
END_TEST

START_TEST(slub_ctor_may_allocate)
{
	struct kmem_cache *s = kmem_cache_create("unit-ctor2", 40, 0, 0,
						 ctor_that_allocates);
	void *p = kmem_cache_alloc(s, GFP_KERNEL);

	ck_assert(all_bytes(p, 40, 0x5c));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}
END_TEST

START_TEST(slub_link_lies_where_it_must)
{
	struct kmem_cache_args inside = {
		.use_freeptr_offset = true, .freeptr_offset = 24,
	};
	struct kmem_cache *s = make_cache("unit-link", 100, SLAB_NO_MERGE);

	/* In the middle, where an overrun of the object before ends last. */
	ck_assert_uint_eq(s->offset, 48);
	kmem_cache_destroy(s);
	s = make_cache("unit-link", 100, SLAB_TYPESAFE_BY_RCU);
	ck_assert_uint_eq(s->offset, 104);
	ck_assert_uint_ge(s->size, 112);
	kmem_cache_destroy(s);
	s = kmem_cache_create("unit-link", 100, &inside, SLAB_TYPESAFE_BY_RCU);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->offset, 24);
	kmem_cache_destroy(s);
}
END_TEST

/* A reader that is late by RCU's rules finds an object of the same cache. */
START_TEST(slub_typesafe_memory_stays_until_destroy)
{
	struct kmem_cache *s = make_cache("unit-rcu", 64, SLAB_TYPESAFE_BY_RCU);
	unsigned int nr = 20 * s->objects, i;
	void **p = calloc(nr, sizeof(*p));
	struct page *slab;

	for (i = 0; i < nr; i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		fill(p[i], 64, i);
	}
	for (i = 0; i < nr; i++)
		kmem_cache_free(s, p[i]);
	ck_assert_int_eq(kmem_cache_shrink(s), 1);
	kmm_trim();
	ck_assert_uint_ge(s->node.nr_slabs, 20);
	for (i = 0; i < nr; i++) {
		slab = lookup_page(p[i]);
		ck_assert_ptr_eq(slab->slab_cache, s);
		/* Nothing wrote to it either: the link is behind the object. */
		if (!memcheck_active())
			ck_assert(holds(p[i], 64, i));
	}
	assert_valid(s);
	slab = slab_of(p[0]);
	kmem_cache_destroy(s);
	ck_assert(!PageSlab(slab));
	free(p);
}
END_TEST

/* Locating ---------------------------------------------------------------- */

START_TEST(slub_locate_tells_object_and_state)
{
	struct kmem_cache *s = make_cache("unit-where", 72, SLAB_DIRECT);
	char *a = kmem_cache_alloc(s, GFP_KERNEL);
	char *b = kmem_cache_alloc(s, GFP_KERNEL);
	struct slab_where where;

	ck_assert(slab_locate(b, &where));
	ck_assert_ptr_eq(where.cache, s);
	ck_assert_ptr_eq(where.object, b);
	ck_assert(where.exact && !where.free);
	ck_assert_uint_eq(where.index, 1);
	ck_assert(slab_locate(a + 17, &where));
	ck_assert_ptr_eq(where.object, a);
	ck_assert(!where.exact && !where.free);
	kmem_cache_free(s, b);
	ck_assert(slab_locate(b, &where));
	ck_assert(where.exact && where.free);
	/* A fresh one is free, too. */
	ck_assert(slab_locate(b + s->size, &where));
	ck_assert(where.exact && where.free);
	ck_assert(!slab_locate(&where, &where));
	kmem_cache_free(s, a);
	kmem_cache_destroy(s);
}
END_TEST

static void count_object(void *object, void *arg)
{
	ck_assert_uint_eq((unsigned long)object % 8, 0);
	++*(unsigned int *)arg;
}

START_TEST(slub_for_each_inuse_visits_each_once)
{
	struct kmem_cache *s = make_cache("unit-each", 200, SLAB_DIRECT);
	unsigned int nr = 3 * s->objects + 2, live = 0, seen = 0, i;
	void **p = calloc(nr, sizeof(*p));

	for (i = 0; i < nr; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (i = 0; i < nr; i++) {
		if (i % 3) {
			kmem_cache_free(s, p[i]);
			p[i] = NULL;
		} else {
			live++;
		}
	}
	slab_for_each_inuse(s, count_object, &seen);
	ck_assert_uint_eq(seen, live);
	for (i = 0; i < nr; i++)
		if (p[i])
			kmem_cache_free(s, p[i]);
	kmem_cache_destroy(s);
	free(p);
}
END_TEST

/* Random ------------------------------------------------------------------ */

#define MODEL_OBJECTS 600

/* One cache without sheaves against an array, validated after every step. */
START_TEST(slub_random_steps_match_model)
{
	static const unsigned int sizes[] = { 8, 40, 256, 1000, 4096 };
	unsigned int size = sizes[_i], live = 0, step, i;
	unsigned int steps = memcheck_active() ? 400 : 3000;
	struct kmem_cache *s = make_cache("unit-model", size, SLAB_DIRECT);
	static void *p[MODEL_OBJECTS];

	memset(p, 0, sizeof(p));
	for (step = 0; step < steps; step++) {
		i = (unsigned int)(test_random() % MODEL_OBJECTS);
		/* Long waves of growing and shrinking. */
		if (p[i] && test_random() % 4 >= (step / 500) % 3) {
			ck_assert(holds(p[i], size, i));
			kmem_cache_free(s, p[i]);
			p[i] = NULL;
			live--;
		} else if (!p[i]) {
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
			ck_assert_ptr_nonnull(p[i]);
			fill(p[i], size, i);
			live++;
		}
		if (test_random() % 64 == 0)
			ck_assert_int_eq(kmem_cache_shrink(s), live != 0);
		assert_valid(s);
		ck_assert_uint_eq(s->node.nr_inuse, live);
	}
	for (i = 0; i < MODEL_OBJECTS; i++) {
		if (p[i]) {
			ck_assert(holds(p[i], size, i));
			kmem_cache_free(s, p[i]);
		}
	}
	ck_assert_int_eq(kmem_cache_shrink(s), 0);
	kmem_cache_destroy(s);
}
END_TEST

Suite *suite_slub(void)
{
	Suite *suite = suite_create("slub");
	TCase *tc = tcase_create("geometry");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, slub_order_every_size_follows_kernel);
	tcase_add_test(tc, slub_order_parameters_are_followed);
	tcase_add_test(tc, slub_boundary_test_equals_division);
	tcase_add_test(tc, slub_size_beyond_largest_order_is_refused);
	tcase_add_test(tc, slub_object_is_aligned);
	tcase_add_test(tc, slub_link_lies_where_it_must);
	suite_add_tcase(suite, tc);

	tc = tcase_create("states");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, slub_slab_goes_through_its_states);
	tcase_add_test(tc, slub_fresh_objects_are_not_linked);
	tcase_add_test(tc, slub_links_of_earlier_life_mean_nothing);
	tcase_add_test(tc, slub_fresh_objects_are_not_touched);
	tcase_add_loop_test(tc, slub_empty_slabs_are_kept_up_to_a_limit, 0, 3);
	tcase_add_test(tc, slub_scattered_pages_make_small_slabs);
	tcase_add_test(tc, slub_survivors_make_small_slabs);
	tcase_add_test(tc, slub_ctor_runs_once_per_object_of_a_slab);
	tcase_add_test(tc, slub_ctor_may_allocate);
	tcase_add_test(tc, slub_typesafe_memory_stays_until_destroy);
	tcase_add_test(tc, slub_locate_tells_object_and_state);
	tcase_add_test(tc, slub_for_each_inuse_visits_each_once);
	suite_add_tcase(suite, tc);

	tc = tcase_create("random");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, slub_random_steps_match_model, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
