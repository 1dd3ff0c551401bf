/* SPDX-License-Identifier: MIT */
/*
 * The interface that a slab allocator has in many a course, on libkmm: a main.c
 * that was written for an exercise compiles and runs, with the real allocator
 * below it.
 *
 *	the course's		here
 *	kmem_init(space, n)	boots the library; it has address space of its own,
 *				and does not use @space
 *	kmem_cache_create()	a cache that is merged with no other
 *	kmem_cache_info()	a row of the kernel's slabinfo, as the course prints it
 *
 * Some names are the library's as well, with other arguments. The macros below
 * keep the two apart; a file includes either this or <linux/slab.h>.
 */
#ifndef COURSE_H
#define COURSE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BLOCK_SIZE		(4096)
#define CACHE_L1_LINE_SIZE	(64)

typedef struct kmem_cache_s kmem_cache_t;

/** enum course_error - what kmem_cache_error() returns */
enum course_error {
	COURSE_OK,
	COURSE_NO_MEMORY,	/* no object could be allocated */
	COURSE_BAD_POINTER,	/* NULL was freed */
	COURSE_BUSY,		/* a cache with objects was to be destroyed */
};

/**
 * kmem_init() - start the allocator
 * @space: the memory that an allocator of the course manages; not used.
 * @block_num: its size in blocks; not used either. The kernel's parameter mem=
 *             limits memory: KMM_CMDLINE=mem=4M.
 */
void course_init(void *space, int block_num);

/**
 * kmem_cache_create() - a cache of objects
 * @name: copied.
 * @size: bytes of an object.
 * @ctor: or %NULL. Without @dtor it runs once for each object, when its slab is
 *        made, and objects are to be freed in the constructed state.
 * @dtor: or %NULL. The kernel gave destructors up in 2007, as hardly anyone
 *        used them. A cache with one runs @ctor at each allocation and @dtor at
 *        each free.
 *
 * Return: the cache, or %NULL.
 */
kmem_cache_t *course_cache_create(const char *name, size_t size,
				  void (*ctor)(void *object),
				  void (*dtor)(void *object));

/** kmem_cache_shrink() - free the empty slabs; returns how many blocks */
int course_cache_shrink(kmem_cache_t *cache);

void *course_cache_alloc(kmem_cache_t *cache);
void course_cache_free(kmem_cache_t *cache, void *object);

/** kmalloc() - a buffer of @size bytes, or %NULL */
void *course_kmalloc(size_t size);
void course_kfree(const void *p);

/** kmem_cache_destroy() - refused, with an error noted, while objects are out */
void course_cache_destroy(kmem_cache_t *cache);

/** kmem_cache_info() - print name, sizes, slabs and how much is in use */
void course_cache_info(kmem_cache_t *cache);

/** kmem_cache_error() - print and return the last error of the cache */
int course_cache_error(kmem_cache_t *cache);

#ifndef COURSE_IMPLEMENTATION
#define kmem_init		course_init
#define kmem_cache_create	course_cache_create
#define kmem_cache_shrink	course_cache_shrink
#define kmem_cache_alloc	course_cache_alloc
#define kmem_cache_free		course_cache_free
#define kmalloc			course_kmalloc
#define kfree			course_kfree
#define kmem_cache_destroy	course_cache_destroy
#define kmem_cache_info		course_cache_info
#define kmem_cache_error	course_cache_error
#endif

#ifdef __cplusplus
}
#endif

#endif /* COURSE_H */
