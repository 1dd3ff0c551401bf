/* SPDX-License-Identifier: MIT */
/*
 * What a program can tell the search for leaks about its blocks.
 *
 * A block is lost when no word in registers, stacks, data and in blocks that
 * are not lost themselves points to it or into it. `kmm leaks PID` and
 * `kmm run --leaks` look for such blocks from outside of the process. These calls
 * say what cannot be seen from there. They are remembered with the parameter
 * kmemleak=on, which `kmm run --leaks` sets, until the block is freed; without
 * it they do nothing.
 *
 * Context of all: any thread, not a signal handler. None allocates from the
 * caches.
 */
#ifndef _LINUX_KMEMLEAK_H
#define _LINUX_KMEMLEAK_H

#include <linux/gfp_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * kmemleak_alloc() - tell of a block that this library has not allocated
 * @ptr: its first byte.
 * @size: its bytes. It is searched for pointers.
 * @min_count: pointers to it that it takes not to be lost; 0: never reported;
 *             -1: neither reported nor searched.
 * @gfp: ignored.
 *
 * An arena from mmap(), say, that holds pointers to blocks of the heap.
 */
KMM_API void kmemleak_alloc(const void *ptr, size_t size, int min_count,
			    gfp_t gfp);

/**
 * kmemleak_free() - a block that was told of is no more
 * @ptr: what kmemleak_alloc() was given.
 */
KMM_API void kmemleak_free(const void *ptr);

/**
 * kmemleak_not_leak() - never report this block
 * @ptr: its first byte. It is searched for pointers as if something pointed to
 *       it.
 */
KMM_API void kmemleak_not_leak(const void *ptr);

/**
 * kmemleak_transient_leak() - this block will be pointed to again
 * @ptr: its first byte.
 *
 * The same as kmemleak_not_leak(): every search is one of a single moment.
 */
KMM_API void kmemleak_transient_leak(const void *ptr);

/**
 * kmemleak_ignore() - this block is neither lost nor does it hold pointers
 * @ptr: its first byte.
 */
KMM_API void kmemleak_ignore(const void *ptr);

/**
 * kmemleak_no_scan() - this block holds no pointers
 * @ptr: its first byte. It is reported when it is lost.
 */
KMM_API void kmemleak_no_scan(const void *ptr);

/**
 * kmemleak_scan_area() - pointers are in this part of the block only
 * @ptr: the first byte of the part.
 * @size: its bytes. May be called for several parts of one block.
 * @gfp: ignored.
 */
KMM_API void kmemleak_scan_area(const void *ptr, size_t size, gfp_t gfp);

/**
 * kmemleak_erase() - forget a pointer
 * @ptr: becomes %NULL, so that it keeps no block from being lost.
 */
static inline void kmemleak_erase(void **ptr)
{
	*ptr = NULL;
}

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_KMEMLEAK_H */
