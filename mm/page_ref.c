// SPDX-License-Identifier: MIT
/*
 * Pages as their callers hold them: references, compound pages, and the way a
 * page takes when it is freed.
 *
 * A block that alloc_pages() hands out has one reference, in its first page. Who
 * drops the last one frees the block. With __GFP_COMP all pages of the block
 * know their head, and are held and freed as one:
 *
 *	head: PG_head, _refcount 1 | tail: tail_index 1 | tail: tail_index 2 | ...
 *
 * Without it the tails say nothing, and split_page() can make each page one of
 * its own.
 *
 * States:	frozen (page_alloc.c) -> held, _refcount > 0 -> frozen
 * Invariants:	H1  the pages of slabs and of large kmalloc blocks have no
 *		    references of their own: a put_page() of them is a bad free, and
 *		    get_page() warns and does nothing
 *		H2  a page is checked before it is freed: what is not the head of
 *		    a block with a reference goes to bad_free(), untouched
 * Context:	any thread; the fork gate is entered here.
 * Source:	kernel mm/swap.c, put_page(); include/linux/page_ref.h;
 *		mm/page_alloc.c, ___free_pages(), split_page().
 * Not here:	where the pages come from and go to (page_alloc.c).
 */
#include <string.h>

#include "../lib/gate.h"
#include "failslab.h"
#include "internal.h"
#include "slab.h"
#include "watch.h"

/* Heads ------------------------------------------------------------------- */

/* Is it certain that no large block reaches over this page? Their tails have
 * none of these flags, no reference, and no head to point to. */
static bool is_of_other_block(const struct page *page)
{
	return (READ_ONCE(page->flags) & (1u << PG_buddy | 1u << PG_pcp |
					  1u << PG_slab | 1u << PG_head)) ||
	       PageTail(page) || page_count(page) > 0;
}

/*
 * To mark the tails of a large block of kmalloc() would cost a store for each
 * page, for the sake of functions that hardly anybody calls. These walk back to
 * the head:
 *
 *	| head: PG_large, private 5 |  |  | page |  |	3 steps, and 5 > 3
 */
static struct page *run_head(const struct page *page)
{
	const struct mem_range *range = page_range(page);
	struct page *pos = (struct page *)page;
	unsigned long i, max = (unsigned long)(page - range->pages);

	for (i = 0; i <= max; i++, pos--) {
		if (READ_ONCE(pos->flags) & 1u << PG_large)
			return READ_ONCE(pos->private) > i ? pos : NULL;
		if (is_of_other_block(pos))
			return NULL;
	}
	return NULL;
}

struct page *large_head(const struct page *page)
{
	struct page *head = run_head(page);

	return head && PageLarge(head) ? head : NULL;
}

struct page *free_run_head(const struct page *page)
{
	struct page *head = run_head(page);

	return head && PagePcpRun(head) ? head : NULL;
}

struct page *compound_head(const struct page *page)
{
	struct page *large = large_head(page);

	return large ? large : page_head(page);
}

struct page *virt_to_head_page(const void *addr)
{
	struct page *page = lookup_page(addr);

	return page ? compound_head(page) : NULL;
}

unsigned int compound_order(const struct page *page)
{
	if (PageLarge(page))
		return ilog2(page->private);
	return PageHead(page) || PageSlab(page) ? page->order : 0;
}

unsigned long compound_nr(const struct page *page)
{
	return PageLarge(page) ? page->private : 1UL << compound_order(page);
}

/* References -------------------------------------------------------------- */

/* Those of slabs and large blocks do not (H1), and have something else there. */
static bool has_references(const struct page *head)
{
	return !(READ_ONCE(head->flags) & (1u << PG_slab | 1u << PG_large));
}

int page_count(const struct page *page)
{
	const struct page *head = page_head(page);

	return has_references(head) ?
		       atomic_load_explicit(&head->_refcount,
					    memory_order_relaxed) : 0;
}

void get_page(struct page *page)
{
	struct page *head = page_head(page);
	int old;

	if (WARN_ON_ONCE(!has_references(head)))
		return;
	old = atomic_fetch_add_explicit(&head->_refcount, 1,
					memory_order_relaxed);
	WARN_ON_ONCE(old <= 0);
}

/* Drop a reference: true for the last one. */
static bool put_page_testzero(struct page *page)
{
	/* All accesses through other references come before the free. */
	return atomic_fetch_sub_explicit(&page->_refcount, 1,
					 memory_order_acq_rel) == 1;
}

static void free_block(struct page *page, unsigned int order)
{
	if (PageHead(page))
		destroy_compound_page(page, order);
	page->order = 0;
	if (want_init_on_free())
		memset(page_address(page), 0, PAGE_SIZE << order);
	free_frozen_pages(page, order);
}

/* Is this the head of a block that somebody holds a reference to? */
static bool page_is_live(const struct page *page)
{
	return !(READ_ONCE(page->flags) &
		 (1u << PG_buddy | 1u << PG_pcp | 1u << PG_slab |
		  1u << PG_large)) &&
	       !PageTail(page) && page_count(page) > 0;
}

/* @addr: what the caller passed, for the report; it may lie inside the page. */
static bool page_free_check(struct page *page, const void *addr,
			    const void *caller)
{
	if (likely(page_is_live(page)))
		return true;
	bad_free(addr ? addr : page_address(page), caller, "page");
	return false;
}

void put_page(struct page *page)
{
	const void *caller = __builtin_return_address(0);

	page = page_head(page);
	gate_enter();
	if (page_free_check(page, NULL, caller) && put_page_testzero(page)) {
		watch_free(WATCH_FREE_PAGES, page_address(page), caller);
		free_block(page, PageHead(page) ? page->order : 0);
	}
	gate_exit();
}

static void free_pages_caller(struct page *page, unsigned int order,
			      const void *addr, const void *caller, bool watched)
{
	bool compound;

	gate_enter();
	if (!page_free_check(page, addr, caller))
		goto out;
	if (unlikely(page->order != order)) {
		bad_free(page_address(page), caller,
			 "page block of another order");
		goto out;
	}
	compound = PageHead(page);
	if (put_page_testzero(page)) {
		if (watched)
			watch_free(WATCH_FREE_PAGES, page_address(page), caller);
		free_block(page, order);
	} else if (!compound) {
		/* Somebody else still holds the head page: free the rest, and
		 * leave a single page for the last put_page(). */
		page->order = 0;
		while (order-- > 0)
			free_frozen_pages(page + (1UL << order), order);
	}
out:
	gate_exit();
}

/* The API ----------------------------------------------------------------- */

void __free_pages(struct page *page, unsigned int order)
{
	free_pages_caller(page, order, NULL, __builtin_return_address(0), true);
}

void free_pages(unsigned long addr, unsigned int order)
{
	struct page *page;

	if (!addr)
		return;
	page = lookup_page((void *)addr);
	if (page)
		free_pages_caller(page, order, (void *)addr,
				  __builtin_return_address(0), true);
	else
		bad_free((void *)addr, __builtin_return_address(0), "page");
}

void split_page(struct page *page, unsigned int order)
{
	unsigned long i;

	if (WARN_ON_ONCE(PageHead(page) || !page_count(page)))
		return;
	page->order = 0;
	for (i = 1; i < 1UL << order; i++)
		atomic_store_explicit(&page[i]._refcount, 1,
				      memory_order_relaxed);
}

/* Exact numbers of pages -------------------------------------------------- */

static void *alloc_pages_exact_unwatched(size_t size, gfp_t gfp)
{
	unsigned long i, nr_pages;
	struct page *page;

	if (WARN_ON_ONCE(gfp & (__GFP_COMP | __GFP_HIGHMEM)))
		gfp &= ~(__GFP_COMP | __GFP_HIGHMEM);
	if (!mm_ready() || !size)
		return NULL;
	if (size > PAGE_SIZE << MAX_PAGE_ORDER) {
		order_allowed(gfp, MAX_PAGE_ORDER + 1);
		return NULL;
	}
	nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	gate_enter();
	page = alloc_frozen_exact(gfp, nr_pages, fls_long(nr_pages - 1), NULL);
	gate_exit();
	if (!page)
		return NULL;
	/* Each page is one of its own, as after split_page(). */
	for (i = 0; i < nr_pages; i++) {
		if (i)
			WRITE_ONCE(page[i].flags, 0);
		set_page_zone(&page[i], page_zonenum(page));
		page[i].order = 0;
		atomic_store_explicit(&page[i]._refcount, 1,
				      memory_order_relaxed);
	}
	return page_address(page);
}

void *alloc_pages_exact_noprof(size_t size, gfp_t gfp)
{
	const void *caller = __builtin_return_address(0);
	void *p = NULL;

	if (!should_fail_alloc_page(WATCH_ALLOC_PAGES, gfp,
				    (unsigned int)get_order(size), size, caller))
		p = alloc_pages_exact_unwatched(size, gfp);
	watch_alloc(WATCH_ALLOC_PAGES, p, size, gfp, caller);
	return p;
}

void free_pages_exact(void *virt, size_t size)
{
	const void *caller = __builtin_return_address(0);
	char *end = (char *)virt + PAGE_ALIGN(size);
	char *pos;
	struct page *page;

	if (!virt)
		return;
	if (size)
		watch_free(WATCH_FREE_PAGES, virt, caller);
	for (pos = virt; pos < end; pos += PAGE_SIZE) {
		page = lookup_page(pos);
		if (page)
			free_pages_caller(page, 0, pos, caller, false);
		else
			bad_free(pos, caller, "page");
	}
}
