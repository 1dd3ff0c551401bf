// SPDX-License-Identifier: MIT
/*
 * Where sheaves come from and where they wait: their memory, and each cache's barn.
 *
 *	alloc_empty_sheaf() ---> private ---> a CPU's main or spare (sheaf.c)
 *	                          ^   |               |
 *	      barn_get_full(),    |   v               v
 *	      barn_get_empty()   barn <--- put_sheaf(): the barn, if there is room;
 *	                                   else objects to slabs, memory to its cache
 *
 * Sheaves come in sizes that fill a slab evenly: 64 bytes (4 objects) to 8192 (1020
 * objects). Their caches have no sheaves, or they would need themselves.
 *
 * Invariants:	H2  a sheaf in the barn's full list is not empty, in the empty list
 *		    it is; the counters are the lengths
 *		H3  nr_full <= barn_limit after each operation
 * Lock order:	barn->lock is the inner one; it is not held when slabs or pages are
 *		touched.
 * Context:	inside the fork gate: a private sheaf would be lost in the child.
 * Calls:	slub.c, for the objects and for the memory of sheaves.
 * Source:	kernel mm/slub.c of 6.18 and later, the sheaf part.
 */
#include "../lib/bitops.h"
#include "probes.h"
#include "sheaf.h"

#define SHEAF_MIN_SHIFT 6
#define SHEAF_MAX_SHIFT 13
#define NR_SHEAF_CACHES (SHEAF_MAX_SHIFT - SHEAF_MIN_SHIFT + 1)

static struct kmem_cache sheaf_caches[NR_SHEAF_CACHES];

/* Sheaves ----------------------------------------------------------------- */

static struct kmem_cache *sheaf_cache(unsigned int capacity)
{
	return &sheaf_caches[fls_long(SHEAF_BYTES(capacity) - 1) -
			     SHEAF_MIN_SHIFT];
}

/* Round up to what fills a power of two of bytes. */
unsigned int sheaf_round_capacity(unsigned int capacity)
{
	size_t bytes = roundup_pow_of_two(SHEAF_BYTES(capacity));

	bytes = max_t(size_t, bytes, 1UL << SHEAF_MIN_SHIFT);
	bytes = min_t(size_t, bytes, 1UL << SHEAF_MAX_SHIFT);
	return (unsigned int)((bytes - sizeof(struct slab_sheaf)) /
			      sizeof(void *));
}

struct slab_sheaf *alloc_empty_sheaf(struct kmem_cache *s, gfp_t gfp,
				     unsigned int want)
{
	unsigned int capacity =
		min_t(unsigned int, s->sheaf_capacity,
		      sheaf_round_capacity(max_t(unsigned int, want,
					   s->first_capacity)));
	struct slab_sheaf *sheaf;

	gfp &= ~(__GFP_ZERO | __GFP_NOFAIL | __GFP_RECLAIMABLE);
	sheaf = slab_alloc_one(sheaf_cache(capacity), gfp | __GFP_NOWARN);
	if (!sheaf)
		return NULL;
	sheaf->size = 0;
	sheaf->capacity = capacity;
	sheaf->next = NULL;
	sheaf->cache = s;
	sheaf->unused = 0;
	return sheaf;
}

void free_sheaf(struct slab_sheaf *sheaf)
{
	void *object = sheaf;

	slab_free_bulk(sheaf_cache(sheaf->capacity), 1, &object, NULL);
}

/* The barn ---------------------------------------------------------------- */

struct slab_sheaf *barn_get_full(struct kmem_cache *s)
{
	struct node_barn *barn = &s->barn;
	struct slab_sheaf *sheaf;

	if (!READ_ONCE(barn->nr_full))
		return NULL;
	spin_lock(&barn->lock);
	sheaf = barn->full;
	if (sheaf) {
		barn->full = sheaf->next;
		WRITE_ONCE(barn->nr_full, barn->nr_full - 1);
	}
	spin_unlock(&barn->lock);
	if (sheaf)
		trace_barn_get(s, sheaf->size);
	return sheaf;
}

struct slab_sheaf *barn_get_empty(struct kmem_cache *s)
{
	struct node_barn *barn = &s->barn;
	struct slab_sheaf *sheaf;

	if (!READ_ONCE(barn->nr_empty))
		return NULL;
	spin_lock(&barn->lock);
	sheaf = barn->empty;
	if (sheaf) {
		barn->empty = sheaf->next;
		WRITE_ONCE(barn->nr_empty, barn->nr_empty - 1);
	}
	spin_unlock(&barn->lock);
	if (sheaf)
		trace_barn_get(s, 0);
	return sheaf;
}

/* Hand a private sheaf in, whatever is in it. False if the barn is full, or if
 * it is an empty one of less than the full capacity, which whoever needs one had
 * better not get: the sheaf is still the caller's. */
static bool barn_put(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	struct node_barn *barn = &s->barn;
	unsigned int objects = sheaf->size;
	bool put = true;

	spin_lock(&barn->lock);
	if (objects && barn->nr_full < s->barn_limit) {
		sheaf->next = barn->full;
		barn->full = sheaf;
		WRITE_ONCE(barn->nr_full, barn->nr_full + 1);
	} else if (!objects && sheaf->capacity == s->sheaf_capacity &&
		   barn->nr_empty < s->barn_limit) {
		sheaf->next = barn->empty;
		barn->empty = sheaf;
		WRITE_ONCE(barn->nr_empty, barn->nr_empty + 1);
	} else {
		put = false;
	}
	spin_unlock(&barn->lock);
	/* From here on the sheaf may be anybody's. */
	if (put)
		trace_barn_put(s, objects);
	return put;
}

void flush_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	if (sheaf->size) {
		trace_sheaf_flush(s, sheaf->size);
		slab_free_bulk(s, sheaf->size, sheaf->objects, NULL);
	}
	sheaf->size = 0;
}

void put_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	if (!sheaf || barn_put(s, sheaf))
		return;
	flush_sheaf(s, sheaf);
	if (!barn_put(s, sheaf))
		free_sheaf(sheaf);
}

/* Set-up ------------------------------------------------------------------ */

int barn_init(void)
{
	static const char *const names[NR_SHEAF_CACHES] = {
		"sheaf-64", "sheaf-128", "sheaf-256", "sheaf-512",
		"sheaf-1k", "sheaf-2k", "sheaf-4k", "sheaf-8k",
	};
	unsigned int i;

	for (i = 0; i < NR_SHEAF_CACHES; i++)
		if (boot_cache(&sheaf_caches[i], names[i],
			       1u << (SHEAF_MIN_SHIFT + i), 64,
			       SLAB_NO_SHEAVES | SLAB_NO_MERGE |
				       SLAB_NO_USER_FLAGS))
			return -1;
	return 0;
}
