// SPDX-License-Identifier: MIT
/*
 * For the tests of probes. A round begins in begin_round() and ends in
 * round_done(); breakpoints go there.
 *
 *	probes		one round of everything that has a probe; memory should be
 *			limited by mem=
 *	probes loop	rounds of malloc() and free() of the same size, which would
 *			always find their object in a sheaf, until it is killed
 *	probes shrink	a block that realloc() makes smaller when there is no
 *			memory for another one; memory must be limited by mem=
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define MAX_PAGES 100000
#define NR_BLOCKS 50

static void *blocks[MAX_PAGES];

/* All there is, in single pages: so the last ones are of another type, and the
 * allocator had to ask its caches. */
static void take_all(gfp_t gfp)
{
	int i, nr = 0;

	while (nr < MAX_PAGES &&
	       (blocks[nr] = alloc_pages(gfp | __GFP_NOWARN, 0)) != NULL)
		nr++;
	for (i = 0; i < nr; i++)
		__free_pages(blocks[i], 0);
}

/* Each second page of all there is comes free, in pageblocks that are not movable. A
 * movable request takes one, and leaves its pageblock mixed. */
static void mix_types(void)
{
	struct page *page;
	int i, nr = 0;

	while (nr < MAX_PAGES &&
	       (blocks[nr] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0)) != NULL)
		nr++;
	for (i = 1; i < nr; i += 2)
		__free_pages(blocks[i], 0);
	page = alloc_pages(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, 0);
	if (page)
		__free_pages(page, 0);
	for (i = 0; i < nr; i += 2)
		__free_pages(blocks[i], 0);
}

static __attribute__((noinline)) void use_cache(void)
{
	struct kmem_cache *s = kmem_cache_create("probed", 100, NULL,
						 SLAB_NO_MERGE);
	int i;

	for (i = 0; i < 5000; i++)
		blocks[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (i = 0; i < 5000; i++)
		kmem_cache_free(s, blocks[i]);
	for (i = 0; i < 5000; i++)
		blocks[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (i = 0; i < 5000; i++)
		kmem_cache_free(s, blocks[i]);
	kmem_cache_destroy(s);
}

void begin_round(void);
void round_done(void);

__attribute__((noinline)) void begin_round(void)
{
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void round_done(void)
{
	__asm__ volatile("" ::: "memory");
}

static void loop(void)
{
	int i;

	puts("ready");
	fflush(stdout);
	for (;;) {
		begin_round();
		for (i = 0; i < NR_BLOCKS; i++)
			free(malloc(777));
		round_done();
	}
}

/* The block, for the breakpoints. */
void *shrunk;

static int shrink(void)
{
	void *before = malloc(1000);
	int i;

	for (i = 0; i < MAX_PAGES && (blocks[i] = malloc(500)); i++)
		;
	shrunk = before;
	begin_round();
	shrunk = realloc(before, 500);
	round_done();
	return shrunk != before || i == MAX_PAGES;
}

int main(int argc, char **argv)
{
	int i;

	if (argc > 1 && !strcmp(argv[1], "shrink"))
		return shrink();
	if (argc > 1 && !strcmp(argv[1], "loop"))
		loop();
	begin_round();
	for (i = 0; i < NR_BLOCKS; i++)
		kfree(kmalloc(777, GFP_KERNEL));
	kfree(kmalloc(100000, GFP_KERNEL));
	vfree(vmalloc(100000));
	use_cache();
	take_all(GFP_KERNEL);
	take_all(GFP_HIGHUSER_MOVABLE);
	take_all(GFP_KERNEL);
	mix_types();
	kmm_trim();
	round_done();
	return 0;
}
