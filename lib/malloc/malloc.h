/* SPDX-License-Identifier: MIT */
/*
 * The malloc family as the front end defines it: libc's own declarations
 * again, marked for export, and those that libc's headers of today lack.
 *
 * Programs include <stdlib.h> and <malloc.h>; nobody but lib/malloc/ includes
 * this file. The same names stand in exports.map.
 */
#ifndef LIB_MALLOC_MALLOC_H
#define LIB_MALLOC_MALLOC_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <kmm/types.h>

/* malloc.c --------------------------------------------------------------- */

/* Aligned to 16 bytes; malloc(0) is a block of its own, as any other. */
KMM_API void *malloc(size_t size);
KMM_API void *calloc(size_t n, size_t size);
/* realloc(p, 0) frees @p and returns NULL, as glibc's does. */
KMM_API void *realloc(void *p, size_t size);
KMM_API void *reallocarray(void *p, size_t n, size_t size);
KMM_API void free(void *p);
/* C23. The sizes are not needed here; a wrong one does no harm. */
KMM_API void free_sized(void *p, size_t size);
KMM_API void free_aligned_sized(void *p, size_t align, size_t size);
/* Gone from libc since 2.26; old binaries still ask for it. */
KMM_API void cfree(void *p);

/* An @align that is no power of two is rounded up, as glibc's memalign(). */
KMM_API void *memalign(size_t align, size_t size);
/* NULL and EINVAL for it, as C17 and glibc from 2.38 on have it. */
KMM_API void *aligned_alloc(size_t align, size_t size);
KMM_API int posix_memalign(void **memptr, size_t align, size_t size);
KMM_API void *valloc(size_t size);
KMM_API void *pvalloc(size_t size);

/* The same value for as long as the block lives. */
KMM_API size_t malloc_usable_size(void *p);

/* glibc's second names for them, which a few programs call. */
KMM_API void *__libc_malloc(size_t size);
KMM_API void __libc_free(void *p);
KMM_API void *__libc_calloc(size_t n, size_t size);
KMM_API void *__libc_realloc(void *p, size_t size);
KMM_API void *__libc_memalign(size_t align, size_t size);
KMM_API void *__libc_valloc(size_t size);
KMM_API void *__libc_pvalloc(size_t size);

/* malloc_info.c ---------------------------------------------------------- */

KMM_API int malloc_trim(size_t pad);
KMM_API struct mallinfo mallinfo(void);
KMM_API struct mallinfo2 mallinfo2(void);
KMM_API void malloc_stats(void);
KMM_API int malloc_info(int options, FILE *stream);
/* Every parameter is accepted, and none has an effect. */
KMM_API int mallopt(int param, int value);
KMM_API struct mallinfo __libc_mallinfo(void);
KMM_API int __libc_mallopt(int param, int value);

#endif /* LIB_MALLOC_MALLOC_H */
