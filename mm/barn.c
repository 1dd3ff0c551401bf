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
 * Their memory comes in sizes that fill a slab evenly: 64 bytes (4 objects) to 8192
 * (1020 objects). Its caches have no sheaves, or they would need themselves. How
 * much of it a sheaf uses follows the calls, see sheaf_lasted().
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

struct slab_sheaf *alloc_empty_sheaf(struct kmem_cache *s, gfp_t gfp)
{
	u32 capacity = READ_ONCE(s->barn.capacity);
	struct slab_sheaf *sheaf;

	gfp &= ~(__GFP_ZERO | __GFP_NOFAIL | __GFP_RECLAIMABLE);
	sheaf = slab_alloc_one(sheaf_cache(capacity), gfp | __GFP_NOWARN);
	if (!sheaf)
		return NULL;
	sheaf->size = 0;
	sheaf->capacity = capacity;
	sheaf->next = NULL;
	sheaf->cache = s;
	sheaf->since = 0;
	sheaf->unused = 0;
	return sheaf;
}

void free_sheaf(struct slab_sheaf *sheaf)
{
	void *object = sheaf;

	slab_free_bulk(sheaf_cache(sheaf->capacity), 1, &object, NULL);
}

/* Is its memory that of a new one? */
static bool sheaf_fits(const struct kmem_cache *s, const struct slab_sheaf *sheaf)
{
	return sheaf_cache(sheaf->capacity) ==
	       sheaf_cache(READ_ONCE(s->barn.capacity));
}

struct slab_sheaf *renew_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	u32 capacity = READ_ONCE(s->barn.capacity);

	if (likely(sheaf_cache(sheaf->capacity) == sheaf_cache(capacity))) {
		sheaf->capacity = capacity;
		return sheaf;
	}
	free_sheaf(sheaf);
	return NULL;
}

/* How large they are ------------------------------------------------------ */

/*
 * The budget: what the mains of a CPU may hold together. For all CPUs a tenth of
 * the memory in use, but not less than 96 KiB for each. With spares and the barn
 * it may become three times that.
 */
#define MIN_BUDGET (96ul << 10)
#define BUDGET_SHARE 10

static unsigned long sheaf_budget = MIN_BUDGET;

void sheaf_set_budget(unsigned long nr_pages)
{
	unsigned long nr_cpus = max_t(u32, 1, atomic_load(&percpu.nr_used));

	WRITE_ONCE(sheaf_budget,
		   max_t(unsigned long, MIN_BUDGET,
			 (nr_pages << PAGE_SHIFT) / BUDGET_SHARE / nr_cpus));
}

/*
 * A large sheaf saves slow paths and holds memory. Let a cache be called at the
 * rate r, for objects of s bytes, with sheaves of c objects. A CPU then replaces
 * sum(r / c) mains per second, and all its mains hold sum(c * s) bytes. For so
 * many bytes it replaces the fewest if
 *
 *	c * s * (c / r)		bytes of the sheaf, times how long it lasts
 *
 * is the same for all caches: there another byte would save as much in each. And if
 * the clock ticks once for each main that this CPU replaces, sum(r / c) is 1, and
 * that product is sum(c * s): the bytes of all mains. So a sheaf was too small if
 * its product is below the budget, and too large if it is above. When a size goes
 * out of use and comes back, its sheaf has lasted long, and the next is smaller.
 *
 * The product goes with c * c: a step of a half or a third moves it by 9/4, from
 * one end of what is right to the other.
 */
#define MIN_CAPACITY 4

void sheaf_lasted(struct kmem_cache *s, u32 capacity, u32 lasted)
{
	u64 product = (u64)capacity * s->size * lasted;
	u64 budget = READ_ONCE(sheaf_budget);

	if (!s->adaptive)
		return;
	if (product < budget * 2 / 3)
		capacity = min_t(u32, s->sheaf_capacity,
				 capacity + DIV_ROUND_UP(capacity, 2));
	else if (product > budget * 3 / 2)
		capacity = max_t(u32, MIN_CAPACITY, capacity * 2 / 3);
	else
		return;
	/* Other CPUs do the same: the last one is right. */
	if (READ_ONCE(s->barn.capacity) != capacity)
		WRITE_ONCE(s->barn.capacity, capacity);
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
	if (!sheaf)
		return NULL;
	trace_barn_get(s, 0);
	return renew_sheaf(s, sheaf);
}

/* Hand a private sheaf in, whatever is in it. False if the barn is full, or if
 * it is an empty one and new ones are of another size: it is still the caller's. */
static bool barn_put(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	struct node_barn *barn = &s->barn;
	unsigned int objects = sheaf->size;
	bool put = true;

	if (READ_ONCE(*(objects ? &barn->nr_full : &barn->nr_empty)) >=
	    s->barn_limit)
		return false;
	spin_lock(&barn->lock);
	if (objects && barn->nr_full < s->barn_limit) {
		sheaf->next = barn->full;
		barn->full = sheaf;
		WRITE_ONCE(barn->nr_full, barn->nr_full + 1);
	} else if (!objects && sheaf_fits(s, sheaf) &&
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
