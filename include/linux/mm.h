/* SPDX-License-Identifier: MIT */
/*
 * Pages and addresses: the arithmetic between them, and page references.
 *
 * All of libkmm's memory is "direct mapped": a page's address never changes,
 * and its page frame number (pfn) is its address divided by the page size.
 *
 * Source: kernel include/linux/mm.h, include/linux/page_ref.h.
 */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * virt_to_page() - the page that holds an address
 * @addr: an address in memory that libkmm manages.
 *
 * Return: its struct page; %NULL where the kernel's result would be garbage:
 *         for memory that no section covers (vmalloc, stacks, other maps).
 */
KMM_API struct page *virt_to_page(const void *addr);

/** virt_to_head_page() - the head of the compound page that holds @addr. */
KMM_API struct page *virt_to_head_page(const void *addr);

/** page_address() - the address of the first byte of @page. */
KMM_API void *page_address(const struct page *page);

/** page_to_pfn() - the page frame number: page_address() / %PAGE_SIZE. */
KMM_API unsigned long page_to_pfn(const struct page *page);

/** pfn_to_page() - the page with number @pfn; it must be valid. */
KMM_API struct page *pfn_to_page(unsigned long pfn);

/** pfn_valid() - does a section cover @pfn? */
KMM_API bool pfn_valid(unsigned long pfn);

/**
 * compound_head() - the head of the block @page is part of, or @page
 * @page: a page of a compound page, a slab, or a block from kmalloc(), else
 *        it is its own head.
 *
 * Cost: one load; in a block of kmalloc() beyond its caches, a load for each
 * page from here back to the head.
 */
KMM_API struct page *compound_head(const struct page *page);

/**
 * compound_order() - the order of the block headed by @page; 0 if it heads none
 *
 * Blocks of kmalloc() are powers of two of pages on the kernel's ladder only.
 * Else this is the largest order that lies within the block.
 */
KMM_API unsigned int compound_order(const struct page *page);

/** compound_nr() - pages in the block headed by @page; 1 if it heads none. */
KMM_API unsigned long compound_nr(const struct page *page);

/** page_size() - bytes in the block headed by @page. */
static inline unsigned long page_size(const struct page *page)
{
	return PAGE_SIZE * compound_nr(page);
}

/** page_count() - the number of references to @page's block. */
KMM_API int page_count(const struct page *page);

/** get_page() - take one more reference to an allocated page (its head). */
KMM_API void get_page(struct page *page);

/** put_page() - drop a reference; the last one frees the block. */
KMM_API void put_page(struct page *page);

/**
 * get_order() - the smallest order whose block holds @size bytes
 * @size: bytes; 0 has no defined result, as in the kernel.
 */
static inline int get_order(unsigned long size)
{
	unsigned long pages = (size - 1) >> PAGE_SHIFT;

	return pages ? (int)(8 * sizeof(long)) - __builtin_clzl(pages) : 0;
}

/** nth_page() - the struct page of the @n-th page behind @page in its block. */
#define nth_page(page, n) ((page) + (n))

#define PAGE_ALIGN(addr) (((unsigned long)(addr) + PAGE_SIZE - 1) & PAGE_MASK)
#define virt_to_pfn(addr) ((unsigned long)(addr) >> PAGE_SHIFT)
#define pfn_to_virt(pfn) ((void *)((unsigned long)(pfn) << PAGE_SHIFT))

/** is_vmalloc_addr() - does @addr lie in a block from vmalloc()? */
KMM_API bool is_vmalloc_addr(const void *addr);

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_MM_H */
