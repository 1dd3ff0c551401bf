/* SPDX-License-Identifier: MIT */
/*
 * What the rooms of sheaves share: barn.c, which makes and keeps sheaves; sheaf.c,
 * which works with those of this CPU; sheaf_flush.c, which takes those of all CPUs;
 * sheaf_look.c, which only reads.
 *
 * In whose hands a sheaf is, and why that is safe: see sheaf.c.
 */
#ifndef MM_SHEAF_H
#define MM_SHEAF_H

#include "slab.h"

static inline struct slub_percpu_sheaves *sheaf_slot(struct kmem_cache *s,
						     unsigned int cpu)
{
	return per_cpu_ptr(s->cpu_sheaves, cpu);
}

/* barn.c. A private sheaf is one in the caller's hands alone. ------------- */

/* The caches that sheaves are made of. */
int barn_init(void);
/* What a sheaf that takes @capacity objects holds, if it fills its memory. */
unsigned int sheaf_round_capacity(unsigned int capacity);
/* As large as the cache's sheaves are now. */
struct slab_sheaf *alloc_empty_sheaf(struct kmem_cache *s, gfp_t gfp);
/* The same from an empty one; NULL if its memory does not do, and is freed. */
struct slab_sheaf *renew_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf);
void free_sheaf(struct slab_sheaf *sheaf);
/* A main of @capacity was replaced, @lasted ticks of the CPU's clock after it had
 * come: choose the capacity of new sheaves. */
void sheaf_lasted(struct kmem_cache *s, u32 capacity, u32 lasted);
/* NULL if the barn has none. */
struct slab_sheaf *barn_get_full(struct kmem_cache *s);
struct slab_sheaf *barn_get_empty(struct kmem_cache *s);
/* Return a private sheaf's objects to their slabs. */
void flush_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf);
/* Be rid of a private sheaf, or NULL. No lock may be held. */
void put_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf);

#endif /* MM_SHEAF_H */
