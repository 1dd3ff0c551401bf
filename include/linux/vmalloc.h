/* SPDX-License-Identifier: MIT */
/*
 * vmalloc: page-aligned blocks of any size, each its own guarded mapping.
 *
 * Source: kernel include/linux/vmalloc.h.
 */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

#include <linux/alloc_tag.h>
#include <linux/gfp_types.h>
#include <linux/overflow.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * vmalloc() - allocate virtually contiguous memory
 * @size: bytes, rounded up to whole pages; 0 gives %NULL.
 *
 * The block is page aligned and followed by an inaccessible guard page.
 *
 * Context: Any thread, not a signal handler. Calls mmap().
 * Return: the address, or %NULL. Free it with vfree() or kvfree().
 */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1) void *vmalloc_noprof(unsigned long size);

/** vzalloc() - vmalloc() of cleared memory. */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1) void *vzalloc_noprof(unsigned long size);

/** vmalloc_node() - vmalloc(); the node is accepted, there is one. */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *vmalloc_node_noprof(unsigned long size, int node);

/** __vmalloc() - vmalloc() with @gfp; it must allow blocking. */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1)
void *__vmalloc_noprof(unsigned long size, gfp_t gfp);

/** vmalloc_array() - vmalloc() of @n * @size; %NULL if that overflows. */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1, 2)
void *vmalloc_array_noprof(size_t n, size_t size);

/** vcalloc() - vmalloc_array() of cleared memory. */
KMM_API KMM_MALLOC KMM_ALLOC_SIZE(1, 2)
void *vcalloc_noprof(size_t n, size_t size);

/**
 * vrealloc() - resize a block from vmalloc(), moving its pages, not its bytes
 * @p: the block, or %NULL for a new one.
 * @size: the new size in bytes; 0 frees @p and gives %NULL.
 * @gfp: %__GFP_ZERO clears what is new, if every call for the block has it.
 *
 * Return: the block's new address; %NULL if it could not grow, @p untouched.
 */
KMM_API KMM_MUST_CHECK KMM_ALLOC_SIZE(2)
void *vrealloc_noprof(const void *p, size_t size, gfp_t gfp);

/** vfree() - free a block from vmalloc(); %NULL is ignored. */
KMM_API void vfree(const void *addr);

#define vmalloc(size)	alloc_hooks(vmalloc_noprof(size))
#define vzalloc(size)	alloc_hooks(vzalloc_noprof(size))
#define vmalloc_node(size, node)	\
	alloc_hooks(vmalloc_node_noprof(size, node))
#define __vmalloc(size, gfp)	alloc_hooks(__vmalloc_noprof(size, gfp))
#define vmalloc_array(n, size)	alloc_hooks(vmalloc_array_noprof(n, size))
#define vcalloc(n, size)	alloc_hooks(vcalloc_noprof(n, size))
#define vrealloc(p, size, gfp)	alloc_hooks(vrealloc_noprof(p, size, gfp))

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_VMALLOC_H */
