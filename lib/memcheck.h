/* SPDX-License-Identifier: MIT */
/*
 * What Valgrind and AddressSanitizer must be told about objects.
 *
 * They know mappings and C library blocks; an object inside a slab is neither.
 * Contract: between memcheck_alloc(p, size) and memcheck_free(p) the bytes
 * [p, p + size) are usable and those around them are not; memory that the
 * allocator itself reads or writes inside a free object is bracketed by
 * memcheck_unpoison() and memcheck_poison().
 *
 * memcheck_active() is false in ordinary runs. While it is true, caches have
 * no sheaves (every operation reaches the slow path, where these calls are)
 * and every object is followed by a red zone. Without the Valgrind headers at
 * build time the library is invisible to Valgrind but otherwise the same.
 */
#ifndef LIB_MEMCHECK_H
#define LIB_MEMCHECK_H

#include "compiler.h"

#define MEMCHECK_REDZONE 16

#if defined(__SANITIZE_ADDRESS__)
#define KMM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KMM_ASAN 1
#endif
#endif
#ifndef KMM_ASAN
#define KMM_ASAN 0
#endif

#if KMM_ASAN
#include <sanitizer/asan_interface.h>
#define VALGRIND_ALLOC(p, size, zeroed)
#define VALGRIND_FREE(p)
#define VALGRIND_OPEN(p, size)
#define VALGRIND_CLOSE(p, size)
#define VALGRIND_RUNS 0
#else
#define ASAN_POISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
/* No red zones here: Valgrind would close the bytes around the block, which
 * belong to others where the block starts or ends a page. What is around it was
 * closed when its pages were taken. */
#define VALGRIND_ALLOC(p, size, zeroed) \
	VALGRIND_MALLOCLIKE_BLOCK(p, size, 0, zeroed)
#define VALGRIND_FREE(p) VALGRIND_FREELIKE_BLOCK(p, 0)
#define VALGRIND_OPEN(p, size) ((void)VALGRIND_MAKE_MEM_DEFINED(p, size))
#define VALGRIND_CLOSE(p, size) ((void)VALGRIND_MAKE_MEM_NOACCESS(p, size))
#define VALGRIND_RUNS RUNNING_ON_VALGRIND
#else
#define VALGRIND_ALLOC(p, size, zeroed)
#define VALGRIND_FREE(p)
#define VALGRIND_OPEN(p, size)
#define VALGRIND_CLOSE(p, size)
#define VALGRIND_RUNS 0
#endif
#endif

/* Set once at boot by memcheck_init(). */
extern bool memcheck_on;

static inline void memcheck_init(void)
{
	memcheck_on = KMM_ASAN || VALGRIND_RUNS;
}

static inline bool memcheck_active(void)
{
	return unlikely(memcheck_on);
}

static inline void memcheck_alloc(void *p, size_t size, bool zeroed)
{
	if (!memcheck_active())
		return;
	(void)zeroed;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	VALGRIND_ALLOC(p, size, zeroed);
}

static inline void memcheck_free(void *p, size_t size)
{
	if (!memcheck_active())
		return;
	VALGRIND_FREE(p);
	ASAN_POISON_MEMORY_REGION(p, size);
}

/* The allocator is about to use these bytes of a free object or page. */
static inline void memcheck_unpoison(void *p, size_t size)
{
	if (!memcheck_active())
		return;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	VALGRIND_OPEN(p, size);
}

static inline void memcheck_poison(void *p, size_t size)
{
	if (!memcheck_active())
		return;
	ASAN_POISON_MEMORY_REGION(p, size);
	VALGRIND_CLOSE(p, size);
}

#endif /* LIB_MEMCHECK_H */
