// SPDX-License-Identifier: MIT
/*
 * kmalloc: routes a request by its size.
 *
 *	0			ZERO_SIZE_PTR
 *	1 .. 8 KiB		an object of a kmalloc cache	(slab_common.c)
 *	   .. 4 MiB		whole pages			(page_alloc.c, page_run.c)
 *	beyond			kmalloc: NULL
 *				malloc: pages that were in use	(page_run.c)
 *				  or else vmalloc		(vmalloc.c)
 *
 * kfree() goes back by what the address is: the struct page of a slab names
 * the cache; the head page of a large block has PG_large and its length;
 * everything else was not ours to free.
 *
 * Whole pages come in two ways. On the kernel's ladder a request gets a power
 * of two of pages, as in the kernel, where ksize() may be relied on. On the
 * fine ladder, and for malloc, it gets as many pages as it needs.
 *
 * Source:	kernel mm/slub.c, __do_kmalloc_node(), kfree(); mm/slab_common.c.
 * Not here:	kvmalloc and copies of memory (util.c).
 */
#include <errno.h>
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "failslab.h"
#include "internal.h"
#include "kfence.h"
#include "page_poison.h"
#include "slab.h"
#include "slub_debug.h"
#include "watch.h"

/* Large blocks ------------------------------------------------------------ */

/* Such blocks live shorter than slabs: keep them apart. */
static gfp_t large_gfp(gfp_t gfp)
{
	return (gfp & ~__GFP_RECLAIMABLE) | __GFP_MOVABLE;
}

/* The pages are one block now, of which the caller may use @size bytes. */
static void *prep_large(struct page *page, unsigned long nr_pages, size_t size,
			gfp_t gfp, const void *caller)
{
	void *p = page_address(page);

	page->private = nr_pages;
	page->slack = 0;
	SetPageLarge(page);
	if (large_red_zone(size))
		large_debug_alloc(page, size, caller);
	if (memcheck_active()) {
		memcheck_poison(p, nr_pages << PAGE_SHIFT);
		memcheck_alloc(p, size, gfp & __GFP_ZERO);
	}
	return p;
}

/* @size is what the caller may use of @block bytes. */
static void *alloc_large_pages(size_t size, size_t block,
			       unsigned int min_order, gfp_t gfp,
			       const void *caller)
{
	unsigned long nr_pages = PAGE_ALIGN(block) >> PAGE_SHIFT;
	struct page *page;

	if (want_init_on_alloc(gfp))
		gfp |= __GFP_ZERO;
	gate_enter();
	page = alloc_frozen_exact(large_gfp(gfp), nr_pages, min_order, NULL);
	gate_exit();
	return page ? prep_large(page, nr_pages, size, gfp, caller) : NULL;
}

/*
 * A block beyond the largest order, of pages that were in use: they lie there,
 * and a mapping of its own would cost a fault for each page. Not for who wants
 * it cleared, as in vmap_kept.c, nor where a guard page finds mistakes.
 */
static void *alloc_large_run(size_t size, gfp_t gfp, const void *caller)
{
	unsigned long nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	struct page *page;

	if (want_init_on_alloc(gfp) || memcheck_active() || page_debug_on ||
	    large_red_zone(PAGE_SIZE) || size > PTRDIFF_MAX ||
	    vmap_kept_bytes() >= size)
		return NULL;
	gate_enter();
	page = alloc_frozen_run(large_gfp(gfp), nr_pages);
	gate_exit();
	return page ? prep_large(page, nr_pages, size, gfp, caller) : NULL;
}

static void *large_by_ladder(size_t size, gfp_t gfp, const void *caller)
{
	unsigned int order;
	size_t block;

	if (!mm_ready())
		return NULL;
	if (unlikely(size > KMALLOC_MAX_SIZE)) {
		if (!(gfp & __GFP_NOWARN))
			printk_once("WARNING: kmalloc of %zu bytes: the largest is %zu\n",
				    size, KMALLOC_MAX_SIZE);
		return NULL;
	}
	block = size + large_red_zone(size);
	order = (unsigned int)get_order(block);
	/* A power of two is aligned to itself. */
	if (kmm_params.kmalloc_ladder != LADDER_KERNEL)
		return alloc_large_pages(size, block,
					 is_power_of_2(size) ?
						 (unsigned int)get_order(size) :
						 0,
					 gfp, caller);
	/* Under memcheck the tail of the block must stay out of bounds. */
	if (!memcheck_active())
		block = PAGE_SIZE << order;
	return alloc_large_pages(size, block, order, gfp, caller);
}

static void *kmalloc_large_caller(size_t size, gfp_t gfp, const void *caller)
{
	void *p = NULL;

	if (should_failslab(NULL, WATCH_KMALLOC, size, gfp, caller))
		goto out;
	if (size <= KMALLOC_MAX_SIZE)
		p = kfence_alloc(NULL, size, size & -size, gfp, caller);
	if (likely(!p))
		p = large_by_ladder(size, gfp, caller);
out:
	watch_alloc(WATCH_KMALLOC, p, size, gfp, caller);
	return p;
}

void *__kmalloc_large_noprof(size_t size, gfp_t gfp)
{
	return kmalloc_large_caller(size, gfp, __builtin_return_address(0));
}

void *kmalloc_large(size_t size, size_t align, gfp_t gfp, const void *caller)
{
	size_t block = max_t(size_t, size, align);
	bool zeroed = gfp & __GFP_ZERO;
	void *p;

	if (!mm_ready())
		return NULL;
	/* Nothing, aligned: whatever is found must be an address of its own. */
	if (!size)
		size = 1;
	if (block <= KMALLOC_MAX_SIZE) {
		p = alloc_large_pages(size, size + large_red_zone(size),
				      align > PAGE_SIZE ?
					      (unsigned int)get_order(align) : 0,
				      gfp | __GFP_NOWARN, caller);
		if (p)
			return p;
	} else if (align <= PAGE_SIZE) {
		p = alloc_large_run(size, gfp, caller);
		if (p)
			return p;
	}
	/* Too large, or no such run of pages is left: a mapping of its own. */
	gate_enter();
	p = vmalloc_aligned(size, align, &zeroed);
	gate_exit();
	if (p && !zeroed && want_init_on_alloc(gfp))
		memset(p, 0, size);
	return p;
}

bool kmalloc_large_resize(void *p, size_t size)
{
	struct page *page = lookup_page(p);
	unsigned long nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	bool done;

	/* A memory checker must see each byte copied to believe it is there. */
	if (memcheck_active() || kmm_params.init_on_alloc || !size || !page ||
	    page->slab_cache || !PageLarge(page) || page->slack ||
	    (size > KMALLOC_MAX_SIZE && nr_pages > page->private))
		return false;
	gate_enter();
	done = resize_frozen_exact(page, page->private, nr_pages);
	if (done) {
		kmalloc_fit_large_freed(page->private);
		page->private = nr_pages;
	}
	gate_exit();
	return done;
}

static void free_large_pages(struct page *page, const void *caller)
{
	unsigned long nr_pages = page->private;

	if (unlikely(page->slack))
		large_debug_free(page, caller);
	page->slack = 0;
	if (want_init_on_free())
		memset(page_address(page), 0, nr_pages << PAGE_SHIFT);
	memcheck_free(page_address(page), nr_pages << PAGE_SHIFT);
	ClearPageLarge(page);
	page->private = 0;
	free_frozen_exact(page, nr_pages);
	kmalloc_fit_large_freed(nr_pages);
}

/* Allocating -------------------------------------------------------------- */

void *__kmalloc_noprof(size_t size, gfp_t gfp)
{
	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return __kmalloc_large_noprof(size, gfp);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	return slab_alloc(kmalloc_slab(size, gfp), gfp, size);
}

void *kmalloc_caller(size_t size, gfp_t gfp, const void *caller)
{
	struct kmem_cache *s;
	void *object;

	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large_caller(size, gfp, caller);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	s = kmalloc_slab(size, gfp);
	object = slab_alloc_fast(s, gfp);
	return likely(object) ? object : sheaf_alloc_slow(s, gfp, size, caller);
}

void *__kmalloc_cache_noprof(struct kmem_cache *s, gfp_t gfp, size_t size)
{
	/* Before boot the program read an empty table. */
	if (unlikely(!s))
		return __kmalloc_noprof(size, gfp);
	return slab_alloc(s, gfp, size);
}

void *__kmalloc_node_noprof(size_t size, gfp_t gfp, int node)
{
	(void)node;
	return kmalloc_caller(size, gfp, __builtin_return_address(0));
}

/* Freeing ----------------------------------------------------------------- */

void kfree_unwatched(void *p, const void *caller)
{
	struct page *page;
	int saved_errno = errno;

	if (ZERO_OR_NULL_PTR(p))
		return;
	gate_enter();
	page = lookup_page(p);
	if (is_kfence_address(p))
		kfence_free(NULL, p, caller);
	else if (page && page->slab_cache)
		sheaf_free_unwatched(page->slab_cache, p, caller);
	else if (page && PageLarge(page) &&
		 IS_ALIGNED((unsigned long)p, PAGE_SIZE))
		free_large_pages(page, caller);
	else if (page || !vmalloc_free(p))
		bad_free(p, caller, NULL);
	gate_exit();
	errno = saved_errno;
}

static noinline void kfree_slow(void *p, const void *caller)
{
	watch_free(WATCH_KFREE, p, caller);
	kfree_unwatched(p, caller);
}

void kfree(const void *objp)
{
	struct page *page = __virt_to_page(objp);
	struct kmem_cache *s = likely(page) ? page->slab_cache : NULL;

	if (likely(s))
		slab_free(s, (void *)objp);
	else
		kfree_slow((void *)objp, __builtin_return_address(0));
}

void kfree_caller(const void *objp, const void *caller)
{
	struct page *page = __virt_to_page(objp);
	struct kmem_cache *s = likely(page) ? page->slab_cache : NULL;

	if (unlikely(!s))
		kfree_slow((void *)objp, caller);
	else if (unlikely(!slab_free_fast(s, (void *)objp)))
		sheaf_free_slow(s, (void *)objp, caller);
}

void kfree_sensitive(const void *objp)
{
	size_t size = ksize(objp);

	if (size) {
		memcheck_unpoison((void *)objp, size);
		explicit_bzero((void *)objp, size);
	}
	kfree_caller(objp, __builtin_return_address(0));
}

/* Sizes ------------------------------------------------------------------- */

size_t kmalloc_usable(const void *p)
{
	struct page *page;
	size_t size = 0;

	if (ZERO_OR_NULL_PTR(p))
		return 0;
	if (is_kfence_address(p))
		return kfence_ksize(p);
	page = lookup_page(p);
	if (page && page->slab_cache)
		return slab_usable(page, p);
	if (page)
		return PageLarge(page) ?
			       (page->private << PAGE_SHIFT) - page->slack : 0;
	gate_enter();
	size = vmalloc_size(p);
	gate_exit();
	return size;
}

bool has_red_zone(const void *p)
{
	struct page *page = lookup_page(p);

	if (!page)
		return false;
	if (page->slab_cache)
		return kmem_cache_metadata(page->slab_cache);
	return PageLarge(page) && page->slack;
}

size_t ksize(const void *objp)
{
	return kmalloc_usable(objp);
}

size_t kmalloc_size_roundup(size_t size)
{
	if (!size || size > KMALLOC_MAX_SIZE || !mm_ready())
		return size;
	if (size <= KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_slab(size, GFP_KERNEL)->object_size;
	if (kmm_params.kmalloc_ladder == LADDER_KERNEL)
		return PAGE_SIZE << get_order(size);
	return PAGE_ALIGN(size);
}

void *krealloc_caller(const void *p, size_t new_size, gfp_t gfp,
		      const void *caller)
{
	size_t old_size;
	void *new;

	if (!new_size) {
		kfree_caller(p, caller);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(p))
		return kmalloc_caller(new_size, gfp, caller);
	old_size = kmalloc_usable(p);
	if (unlikely(!old_size)) {
		bad_free(p, caller, "krealloc");
		return NULL;
	}
	/* The bucket keeps its size; memcheck and red zones want the new bounds. */
	if (new_size <= old_size && !calls_watched && !has_red_zone(p)) {
		/* All of a cleared bucket beyond the size reads as zero, so
		 * that growing into it has nothing to clear. */
		if (gfp & __GFP_ZERO)
			memset((char *)p + new_size, 0, old_size - new_size);
		return (void *)p;
	}
	new = kmalloc_caller(new_size, gfp, caller);
	if (!new)
		return NULL;
	memcheck_unpoison((void *)p, old_size);
	memcpy(new, p, min_t(size_t, old_size, new_size));
	kfree_caller(p, caller);
	return new;
}

void *krealloc_noprof(const void *p, size_t new_size, gfp_t gfp)
{
	return krealloc_caller(p, new_size, gfp, __builtin_return_address(0));
}
