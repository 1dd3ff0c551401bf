/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's interface: blocks of 2^order pages.
 *
 * The functions exported carry the kernel's link names (`_noprof`); the names
 * to write in a program are the macros at the end.
 *
 * Source: kernel include/linux/gfp.h.
 */
#ifndef _LINUX_GFP_H
#define _LINUX_GFP_H

#include <linux/alloc_tag.h>
#include <linux/gfp_types.h>
#include <linux/mmzone.h>

#ifdef __cplusplus
extern "C" {
#endif

struct page;

/** gfp_migratetype() - the pageblock type that @gfp asks for. */
static inline int gfp_migratetype(gfp_t gfp)
{
	return (int)((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3);
}

/** gfpflags_allow_blocking() - may an allocation with @gfp wait and reclaim? */
static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return !!(gfp & __GFP_DIRECT_RECLAIM);
}

/**
 * alloc_pages() - allocate 2^@order contiguous pages
 * @gfp: GFP_* flags; %__GFP_ZERO clears the pages, %__GFP_COMP makes one
 *       compound page of them.
 * @order: log2 of the page count, 0 to %MAX_PAGE_ORDER.
 *
 * The block is aligned to its own size. Its head page has a reference count
 * of 1. The contents are undefined without %__GFP_ZERO.
 * Source: kernel mm/page_alloc.c, __alloc_pages_noprof().
 *
 * Context: Any thread, not a signal handler. Takes pcp->lock and zone->lock;
 *          may call mmap().
 * Return: the first page of the block; %NULL if none can be made, or if
 *         @order is too large (reported once, unless %__GFP_NOWARN).
 */
KMM_API KMM_MUST_CHECK struct page *alloc_pages_noprof(gfp_t gfp,
						       unsigned int order);

/** alloc_pages_node() - alloc_pages(); @nid is accepted, there is one node. */
KMM_API KMM_MUST_CHECK struct page *
alloc_pages_node_noprof(int nid, gfp_t gfp, unsigned int order);

/**
 * __get_free_pages() - alloc_pages() that returns the address
 * @gfp: as for alloc_pages(); %__GFP_HIGHMEM is ignored.
 * @order: as for alloc_pages().
 *
 * Return: the address of the block, 0 on failure. Free it with free_pages().
 */
KMM_API KMM_MUST_CHECK unsigned long get_free_pages_noprof(gfp_t gfp,
							   unsigned int order);

/** get_zeroed_page() - the address of one cleared page, 0 on failure. */
KMM_API KMM_MUST_CHECK unsigned long get_zeroed_page_noprof(gfp_t gfp);

/**
 * alloc_pages_bulk() - allocate many single pages under one lock hold
 * @gfp: as for alloc_pages().
 * @nr_pages: slots in @page_array; 0 or less allocates nothing.
 * @page_array: only its %NULL slots are filled.
 *
 * Return: the number of leading slots that are populated afterwards. It may
 *         be less than @nr_pages; call again, or alloc_page(), for the rest.
 */
KMM_API unsigned long alloc_pages_bulk_noprof(gfp_t gfp, int nr_pages,
					      struct page **page_array);

/**
 * alloc_pages_exact() - allocate physically contiguous memory, to the page
 * @size: bytes, 1 to %PAGE_SIZE << %MAX_PAGE_ORDER; rounded up to pages.
 * @gfp: as for alloc_pages(); %__GFP_COMP and %__GFP_HIGHMEM are dropped with
 *       a warning.
 *
 * Takes the next power of two of pages and gives the tail back at once.
 *
 * Return: the address, or %NULL. Free it with free_pages_exact() only.
 */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *alloc_pages_exact_noprof(size_t size, gfp_t gfp);

/**
 * free_pages_exact() - free a block of alloc_pages_exact(), page by page
 * @virt: what alloc_pages_exact() returned; %NULL is ignored.
 * @size: bytes, as asked for; rounded up to pages.
 *
 * Pages with another reference stay until their last put_page(). One that is
 * not allocated is reported, and the others are freed.
 *
 * Source: kernel mm/page_alloc.c, free_pages_exact().
 */
KMM_API void free_pages_exact(void *virt, size_t size);

/**
 * __free_pages() - drop the reference that alloc_pages() gave
 * @page: the head page of the block.
 * @order: the order it was allocated with.
 *
 * The block goes back when no other reference is left. If one is left and the
 * block is not compound, its upper halves are freed at once and the head page
 * by the last put_page().
 * Source: kernel mm/page_alloc.c, ___free_pages().
 *
 * Context: Any thread, not a signal handler.
 */
KMM_API void __free_pages(struct page *page, unsigned int order);

/** free_pages() - __free_pages() by address; 0 is ignored. */
KMM_API void free_pages(unsigned long addr, unsigned int order);

/**
 * split_page() - turn a block of order @order into 2^@order single pages
 * @page: head of a block that is not compound.
 * @order: its order.
 *
 * Each page has its own reference afterwards and is freed alone.
 */
KMM_API void split_page(struct page *page, unsigned int order);

/** drain_all_pages() - return every CPU's page lists to the buddy system. */
KMM_API void drain_all_pages(void);

#define alloc_pages(gfp, order)	alloc_hooks(alloc_pages_noprof(gfp, order))
#define alloc_page(gfp)	alloc_hooks(alloc_pages_noprof(gfp, 0))
#define __alloc_pages(gfp, order, nid, nodemask) \
	((void)(nodemask),			\
	 alloc_hooks(alloc_pages_node_noprof(nid, gfp, order)))
#define alloc_pages_node(nid, gfp, order)	\
	alloc_hooks(alloc_pages_node_noprof(nid, gfp, order))
#define __get_free_pages(gfp, order)	\
	alloc_hooks(get_free_pages_noprof(gfp, order))
#define __get_free_page(gfp)	alloc_hooks(get_free_pages_noprof(gfp, 0))
#define get_zeroed_page(gfp)	alloc_hooks(get_zeroed_page_noprof(gfp))
#define alloc_pages_bulk(gfp, nr, array)	\
	alloc_hooks(alloc_pages_bulk_noprof(gfp, nr, array))
#define alloc_pages_exact(size, gfp)	\
	alloc_hooks(alloc_pages_exact_noprof(size, gfp))
#define __free_page(page)		__free_pages(page, 0)
#define free_page(addr)			free_pages(addr, 0)

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_GFP_H */
