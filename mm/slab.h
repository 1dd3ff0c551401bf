/* SPDX-License-Identifier: MIT */
/*
 * What the slab rooms share: struct kmem_cache, slabs, sheaves and the barn,
 * and the fast path, which is inlined into every entry point.
 *
 * Way of an object:	slab freelist -> sheaf -> user -> sheaf -> slab freelist
 * Way of a sheaf:	empty in barn -> refilled -> full in barn or a CPU's
 *			main or spare -> emptied by pops -> ...
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <linux/slab.h>

#include "../lib/memcheck.h"
#include "../lib/percpu.h"
#include "../lib/stackdepot.h"
#include "internal.h"

/*
 * An array of free objects. On a CPU its size changes by rseq or under the
 * slot's lock; everywhere else it belongs to one thread or to the barn.
 */
struct slab_sheaf {
	struct slab_sheaf *next;	/* in the barn */
	u32 size;			/* objects in it */
	u32 capacity;
	struct kmem_cache *cache;
	u32 since;			/* when it became a main, by the CPU's clock */
	u32 unused;
	void *objects[];
};

_Static_assert(offsetof(struct slab_sheaf, size) ==
		       offsetof(struct percpu_stack, size) &&
	       offsetof(struct slab_sheaf, objects) ==
		       offsetof(struct percpu_stack, slots),
	       "rseq knows the layout");

#define SHEAF_BYTES(capacity) \
	(sizeof(struct slab_sheaf) + (capacity) * sizeof(void *))

/* One CPU's sheaves of one cache; 32 bytes in per-CPU memory. All-zero is a
 * CPU that has never used the cache. */
struct slub_percpu_sheaves {
	struct slab_sheaf *main;	/* used by the sequences; changed under lock */
	struct slab_sheaf *spare;	/* under lock */
	spinlock_t lock;
	u32 refills;			/* statistics, under lock */
	u32 flushes;
};

_Static_assert(sizeof(struct slub_percpu_sheaves) == 32, "two per cache line");

/* Sheaves that wait for a CPU. */
struct node_barn {
	spinlock_t lock;
	u32 nr_full, nr_empty;
	struct slab_sheaf *full, *empty;	/* LIFO, by next */
	u32 capacity;				/* of new sheaves, see sheaf_lasted() */
};

/* Which list of the node a slab is on. */
enum slab_list { SLAB_ON_NONE, SLAB_ON_PARTIAL, SLAB_ON_FULL };

/* The slabs of a cache. There is one node. */
struct kmem_cache_node {
	spinlock_t list_lock;
	unsigned long nr_partial;	/* slabs on partial, with a free object */
	unsigned long nr_slabs;
	unsigned long nr_pages;		/* of all slabs: their orders differ */
	unsigned long nr_objects;	/* objects in all slabs */
	unsigned long nr_inuse;		/* of those, not on a freelist */
	u64 seed;			/* of the shuffle */
	struct page_list partial;
	struct page_list full;
};

struct kmem_cache {
	/* First line: read on every allocation and free, never written. */
	void *cpu_sheaves;		/* struct slub_percpu_sheaves, per CPU */
	u64 divisor;			/* ceil(2^64 / size): see on_boundary() */
	u64 boundary_max;		/* last object's product, see there */
	unsigned long slab_mask;	/* bytes of a slab - 1 */
	slab_flags_t flags;
	unsigned int object_size;	/* what the user asked for */
	unsigned int size;		/* distance of objects in a slab */
	unsigned int offset;		/* of the free pointer in a free object */
	unsigned int sheaf_capacity;	/* at most; 0: no sheaves, all calls slow */
	unsigned int order;		/* of a slab */

	/* Slow paths. */
	unsigned long random __cacheline_aligned; /* encodes free pointers */
	void (*ctor)(void *object);
	unsigned int objects;		/* per slab of the usual order */
	unsigned int min_order;		/* when the usual one cannot be had */
	unsigned int align;
	unsigned int red_zone;		/* bytes after the object, under memcheck */
	/* Layout under debugging, see slub_debug.c; all 0 without. */
	unsigned int red_left_pad;	/* bytes in front of the object */
	unsigned int inuse;		/* end of the right red zone; this and those
					 * below count from the object's start */
	unsigned int track_offset;	/* two struct track; 0: none */
	unsigned int orig_offset;	/* u32: the bytes asked for; 0: not kept */
	unsigned int min_partial;	/* empty slabs are kept up to this */
	unsigned int barn_limit;	/* full sheaves kept */
	gfp_t allocflags;		/* added to every page allocation */
	bool fixed_offset;		/* the creator chose s->offset, ... */
	bool fixed_capacity;		/* ... s->sheaf_capacity */
	bool adaptive;			/* sheaves are as large as pays */
	unsigned int useroffset;	/* usercopy region, for others to read */
	unsigned int usersize;
	int refcount;			/* users of a merged cache; slab_mutex */
	const char *name;		/* ours */
	struct list_head list;		/* slab_caches; slab_mutex */

	struct kmem_cache_node node;
	struct node_barn barn __cacheline_aligned;
	/* See kmalloc_fit.c. */
	unsigned int fit_seen;		/* requests, by slow paths */
	unsigned int fit_asked;		/* the largest of them */
	unsigned int fit_slabs;		/* when there are so many it is looked at */
	bool fitted;			/* to a size that a program asks for */
} __cacheline_aligned;

_Static_assert(offsetof(struct kmem_cache, random) == 64, "first line is hot");

extern struct list_head slab_caches;	/* slab_mutex */
extern spinlock_t slab_mutex;

/* Flags that make every operation reach its slab. */
#define SLAB_DEBUG_FLAGS (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | \
			  SLAB_POISON | SLAB_STORE_USER | SLAB_TRACE)
/* Those that need room in each object. */
#define SLAB_DEBUG_METADATA (SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)
/* Ours alone: the cache must not use sheaves (it allocates them). */
#define SLAB_NO_SHEAVES ((slab_flags_t)1u << 31)
/* Free objects are filled with poison; with SLAB_POISON, unless the object must
 * stay as its constructor or a late reader knows it. */
#define SLAB_OBJECT_POISON ((slab_flags_t)1u << 30)

static inline bool kmem_cache_debug(const struct kmem_cache *s)
{
	return s->flags & SLAB_DEBUG_FLAGS;
}

/* Is there more in a slab than objects? Then no object is on_boundary(), so that
 * every fast check of a pointer ends in a slow path. */
static inline bool kmem_cache_metadata(const struct kmem_cache *s)
{
	return s->red_left_pad != 0;
}

/* Objects that must stay as they are, or are poisoned, are not cleared. */
static inline bool slab_want_init_on_alloc(gfp_t gfp, const struct kmem_cache *s)
{
	if (s->ctor || (s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_POISON)))
		return gfp & __GFP_ZERO;
	return want_init_on_alloc(gfp);
}

static inline bool slab_want_init_on_free(const struct kmem_cache *s)
{
	return want_init_on_free() && !s->ctor &&
	       !(s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_POISON));
}

static inline char *slab_address(const struct page *slab)
{
	return page_address(slab);
}

/* The object with number @index in the slab at @base. */
static inline void *slab_object(const struct kmem_cache *s, char *base,
				unsigned int index)
{
	return base + s->red_left_pad + (size_t)index * s->size;
}

/* The first object of the slab's freelist; NULL if that is empty. */
static inline void *slab_freelist(const struct kmem_cache *s,
				  const struct page *slab, char *base)
{
	return slab->freelist ? slab_object(s, base, slab->freelist - 1u) : NULL;
}

/* Who took an object or gave it back, with SLAB_STORE_USER; under list_lock.
 * An object that was set aside, damaged, has an allocation at time 0: it is
 * nobody's, and lost to the cache. */
enum track_item { TRACK_ALLOC, TRACK_FREE };

struct track {
	unsigned long addr;		/* return address of the call */
	depot_stack_handle_t handle;
	u32 tid;
	u64 when;			/* host_clock(); 0: never */
	u32 cpu;
	u32 leak;			/* of TRACK_ALLOC: the leak scanner's */
};

_Static_assert(sizeof(struct track) == 32, "two in a cache line");

/* NULL if the cache keeps none. */
static inline struct track *get_track(const struct kmem_cache *s, void *object,
				      enum track_item item)
{
	if (!s->track_offset)
		return NULL;
	return (struct track *)((char *)object + s->track_offset) + item;
}

/* slub.c: slabs. Callers are inside the fork gate. ------------------------ */

void *slab_alloc_one(struct kmem_cache *s, gfp_t gfp);
/* Up to @n objects; fewer only without memory. */
unsigned int slab_alloc_bulk(struct kmem_cache *s, gfp_t gfp, unsigned int n,
			     void **p);
/* Each object is checked against its slab; a bad one is reported, not freed.
 * @caller: who freed them, for the report; NULL if that is long ago. */
void slab_free_bulk(struct kmem_cache *s, unsigned int n, void **p,
		    const void *caller);
/* The same for one object of a cache with debugging; see slub_debug.c.
 * @size: the bytes asked for; 0: the object. */
void *slab_alloc_debug(struct kmem_cache *s, gfp_t gfp, size_t size,
		       const void *caller);
void slab_free_debug(struct kmem_cache *s, void *object, const void *caller);
/* Bytes that the owner of the object at @p may use; 0 if none starts there. */
size_t slab_usable(const struct page *page, const void *p);
/* Free the empty slabs; the number of slabs left. */
unsigned long slab_discard_empty(struct kmem_cache *s);
/* All slabs have so many bytes of objects, and of free ones: how large new slabs
 * are follows. */
void slab_set_free(unsigned long bytes, unsigned long free_bytes);
void node_init(struct kmem_cache *s);
/* Under list_lock, of slabs with metadata. */
bool slab_link_valid(const struct kmem_cache *s, const struct page *slab,
		     void *object);
void rebuild_freelist(struct kmem_cache *s, struct page *slab);
/* A walk of the slab's freelist, under list_lock. */
bool on_freelist(const struct kmem_cache *s, const struct page *slab,
		 const void *wanted);

/* slub_geometry.c --------------------------------------------------------- */

/* From the cache's object_size, align, flags and constructor to the rest of its
 * layout. -EINVAL if no slab can hold such an object. */
int calculate_sizes(struct kmem_cache *s);
/* The order of a slab of a cache that is fitted to @size. */
unsigned int slab_fitted_order(unsigned int size);
/* The least order that wastes little, between min_order and the usual one. */
unsigned int slab_small_order(const struct kmem_cache *s);

/* slub_look.c ------------------------------------------------------------- */

/* Call @fn for every object of @s that is not on a slab's freelist. */
void slab_for_each_inuse(struct kmem_cache *s,
			 void (*fn)(void *object, void *arg), void *arg);
/* The object that @addr lies in, its index, whether it is on the freelist. */
struct slab_where {
	struct kmem_cache *cache;
	void *object;
	unsigned int index;
	unsigned int objects;	/* in the slab; index may be beyond */
	bool free;
	bool exact;		/* addr is the object's first byte */
};
bool slab_locate(const void *addr, struct slab_where *where);
unsigned int slab_validate(struct kmem_cache *s);
/* Call @check, under list_lock, for each object until it returns true. */
bool slab_find_object(struct kmem_cache *s,
		      bool (*check)(struct kmem_cache *s, struct page *slab,
				    void *object, bool free, void *arg),
		      void *arg);

/* sheaf.c: what one CPU has ---------------------------------------------- */

int sheaf_init(void);
int sheaf_cache_init(struct kmem_cache *s);
void sheaf_cache_exit(struct kmem_cache *s);
/* These enter the fork gate themselves, and boot the allocator first.
 * @size: the bytes that the caller may use; 0: the object.
 * @caller: return address of the call, for reports and watchers; NULL: ours. */
void *sheaf_alloc_slow(struct kmem_cache *s, gfp_t gfp, size_t size,
		       const void *caller);
void sheaf_free_slow(struct kmem_cache *s, void *object, const void *caller);
/* The same for callers that tell watchers (watch.h) of the call themselves. */
void *sheaf_alloc_unwatched(struct kmem_cache *s, gfp_t gfp, size_t size,
			    const void *caller);
void sheaf_free_unwatched(struct kmem_cache *s, void *object,
			  const void *caller);
void sheaf_fork_child(void);

/* barn.c: how large sheaves are ------------------------------------------- */

/* The process uses so many pages now: what its sheaves may hold follows. */
void sheaf_set_budget(unsigned long nr_pages);

/* sheaf_flush.c: what all CPUs have --------------------------------------- */

/* Return the objects of every CPU's sheaves and of the barn to the slabs.
 * @exclusive: the caller knows that nobody else uses the cache. */
void sheaf_flush_all(struct kmem_cache *s, bool exclusive);
/* The same for all caches, with fewer system calls; holds slab_mutex.
 * @with_mains: what the CPUs are working with, too. */
void sheaf_flush_caches(bool with_mains);
/* Have the next allocation on each CPU, from each cache, take the slow path;
 * false if it would anyway. @exclusive: this is the only thread. */
bool sheaf_take_mains(bool exclusive);

/* sheaf_look.c ------------------------------------------------------------ */

/* Objects that sit in sheaves now. */
unsigned long sheaf_count_objects(struct kmem_cache *s);
/* Is this object in one of the cache's sheaves? For reports; slow. */
bool sheaf_contains(struct kmem_cache *s, const void *object);
/* Call @fn for every sheaf of the cache; true if it was once. A main may change
 * meanwhile. */
bool for_each_sheaf(struct kmem_cache *s,
		    bool (*fn)(struct slab_sheaf *sheaf, void *arg), void *arg);
unsigned int sheaf_validate(struct kmem_cache *s);

/* sheaf_exit.c: when the process ends. */
int sheaf_exit_init(void);

/* slab_common.c ----------------------------------------------------------- */

int kmem_cache_init(void);
/* Set up a cache in static memory. */
int boot_cache(struct kmem_cache *s, const char *name, unsigned int size,
	       unsigned int align, slab_flags_t flags);
/* kmalloc_caches.c: which sizes there are ---------------------------------- */

/*
 * All kmalloc caches there may be, in ascending size: the fine ladder, eight steps
 * per doubling. The kernel's ladder is a subset of it, so one row serves both.
 *
 * Above 2048 there are few objects in a slab, and what is lost at its end counts: the
 * steps are 32 KiB and 64 KiB divided by 15, 14, ... 8, rounded down to a multiple of
 * a cache line. (Of 6656, 7168, 7680 and 8192 bytes a slab of 32 KiB has 4 each.)
 */
#define KMALLOC_ROW_SIZES(_)						\
	_(8)								\
	_(16) _(32) _(48) _(64) _(80) _(96) _(112) _(128)		\
	_(144) _(160) _(176) _(192) _(208) _(224) _(240) _(256)		\
	_(288) _(320) _(352) _(384) _(416) _(448) _(480) _(512)		\
	_(576) _(640) _(704) _(768) _(832) _(896) _(960) _(1024)	\
	_(1152) _(1280) _(1408) _(1536) _(1664) _(1792) _(1920) _(2048)	\
	_(2176) _(2304) _(2496) _(2688) _(2944) _(3264) _(3584) _(4096)	\
	_(4352) _(4672) _(4992) _(5440) _(5952) _(6528) _(7232) _(8192)
#define KMALLOC_ROW_LENGTH 57
/* Behind them those that kmalloc_fit.c makes. */
#define KMALLOC_NR_FITTED 8
#define KMALLOC_ROW_SLOTS (KMALLOC_ROW_LENGTH + KMALLOC_NR_FITTED)
extern __hidden struct kmem_cache kmalloc_row[NR_KMALLOC_TYPES][KMALLOC_ROW_SLOTS];

/* The row of the smallest size that holds @size, 9 to 8192 bytes. */
unsigned int kmalloc_row_index(size_t size);
/* Its cache; whoever is nobody's yet has no reference. */
struct kmem_cache *kmalloc_row_cache(unsigned int type, unsigned int row);
int create_kmalloc_caches(void);
struct kmem_cache *kmalloc_slab(size_t size, gfp_t gfp);

/* Sizes up to this get caches of their own when they are used much, larger ones at
 * once. */
#define KMALLOC_GROWN_SIZE 1024
/* What malloc() has for each (size + 15) / 16: its slot in kmalloc_row. */
extern __hidden u8 malloc_index[KMALLOC_MAX_CACHE_SIZE / 16 + 1];

/* For 0 to KMALLOC_MAX_CACHE_SIZE bytes; objects are aligned to 16. Acquire: a
 * cache that another thread has just made is seen whole. */
static __always_inline struct kmem_cache *malloc_cache(size_t size)
{
	u8 slot = __atomic_load_n(&malloc_index[(size + 15) >> 4],
				  __ATOMIC_ACQUIRE);

	return &kmalloc_row[KMALLOC_NORMAL][slot];
}

/* The same, aligned to @align, a power of two of which @size is a multiple. */
struct kmem_cache *malloc_cache_aligned(size_t size, size_t align);
/* malloc() has not found @size in its fast path: it may be used enough for a cache
 * of its own. */
void malloc_cache_grow(size_t size);

/* kmalloc_fit.c: sizes that a program asks for much ------------------------ */

/* So many requests tell which size is the largest. */
#define FIT_MIN_SEEN 32

/* @fine: of a ladder that is ours. */
void kmalloc_fit_init(struct kmem_cache *s, bool fine);
void kmalloc_fit(struct kmem_cache *s);

static inline bool fit_is_due(const struct kmem_cache *s)
{
	return READ_ONCE(s->node.nr_slabs) >= READ_ONCE(s->fit_slabs) &&
	       READ_ONCE(s->fit_seen) >= FIT_MIN_SEEN;
}

/* @s has served a request of @size in a slow path. Of two at once, one may not
 * be counted. */
static inline void kmalloc_fit_note(struct kmem_cache *s, size_t size)
{
	WRITE_ONCE(s->fit_seen, READ_ONCE(s->fit_seen) + 1);
	if (unlikely(size > READ_ONCE(s->fit_asked)))
		WRITE_ONCE(s->fit_asked, (unsigned int)size);
	if (unlikely(fit_is_due(s)))
		kmalloc_fit(s);
}

/* Blocks of pages, too, if all of one number of pages are a little larger than one
 * page less. The cache for such a block; NULL if whole pages are as good. */
struct kmem_cache *kmalloc_fit_large(size_t size);
/* malloc() has served @size from whole pages. */
void kmalloc_fit_large_note(size_t size);

#define LARGE_MAX_PAGES 8
/* Blocks with so many pages; of two calls at once, one may not be counted. */
struct large_use {
	unsigned int nr;		/* in use */
	unsigned int asked;		/* the largest, since it was looked at */
	unsigned int looked_at;		/* when there were so many */
};
extern __hidden struct large_use large_use[LARGE_MAX_PAGES + 1];

static inline void kmalloc_fit_large_freed(unsigned long nr_pages)
{
	unsigned int nr;

	if (nr_pages > LARGE_MAX_PAGES)
		return;
	nr = READ_ONCE(large_use[nr_pages].nr);
	if (nr)
		WRITE_ONCE(large_use[nr_pages].nr, nr - 1);
}

/* Flush every cache and free its empty slabs. @with_mains: all there is; else
 * without a system call that interrupts other CPUs, which costs as much as
 * fifty page faults. */
void shrink_slab_caches(bool with_mains);

/* kmalloc.c: for the malloc front end; they enter the fork gate themselves. - */

/* Blocks beyond the caches: whole pages, as many as it takes, and beyond
 * KMALLOC_MAX_SIZE, if as many used ones are not free in a row, vmalloc. @align is
 * a power of two. This one and the free leave telling the watchers to the caller. */
void *kmalloc_large(size_t size, size_t align, gfp_t gfp, const void *caller);
/* Resize such a block of pages in place; false if that cannot be. */
bool kmalloc_large_resize(void *p, size_t size);
size_t kmalloc_usable(const void *p);
/* Must the block move to get another size, since a red zone begins where its
 * bytes end? */
bool has_red_zone(const void *p);
/* Frees of pages and vmalloc blocks, and everything unusual. */
void kfree_unwatched(void *p, const void *caller);

/* The fast path ----------------------------------------------------------- */

/* off / size without a division, for an offset into a slab. */
static __always_inline u64 object_number(const struct kmem_cache *s, u64 off)
{
	return (u64)(((unsigned __int128)off * s->divisor) >> 64);
}

/*
 * Is @object the start of an object? off % size == 0 without a division. Let
 * divisor = ceil(2^64 / size) = (2^64 + e) / size, so that 0 <= e < size:
 *
 *	off = k * size:		off * divisor = k * 2^64 + k * e, wraps to k * e
 *	off = k * size + r:	k * e + r * divisor, at least divisor
 *
 * The last object, k = objects - 1, has the largest product of all that are
 * one. What lies behind it, in the tail waste, has e more: size 96, 42 objects
 * in 4 KiB, e = 32: 41 * 32 is the last object, 42 * 32 the waste. (A size that
 * is a power of two has e = 0, and no waste.) False also for a slab of less
 * than the usual order; the slow path knows those.
 */
static __always_inline bool on_boundary(const struct kmem_cache *s,
					const void *object)
{
	u64 off = (unsigned long)object & s->slab_mask;

	return off * s->divisor <= s->boundary_max;
}

/*
 * Cost: 1 load of s, 5 of this CPU's number, slot and sheaf, 2 stores (one of
 * them arms the sequence).
 * kmem_cache_alloc() -> slab_alloc() -> slab_alloc_fast() -> percpu_pop()
 *                                    -> sheaf_alloc_slow() when that fails
 */
static __always_inline void *slab_alloc_fast(struct kmem_cache *s, gfp_t gfp)
{
	void *object = percpu_pop(s->cpu_sheaves);

	if (likely(object) && unlikely(gfp & __GFP_ZERO))
		__builtin_memset(object, 0, s->object_size);
	return object;
}

/* Inlined into the public functions, whose caller is the return address. Nobody
 * asks for that before the fast path has failed. */
static __always_inline void *slab_alloc(struct kmem_cache *s, gfp_t gfp,
					size_t size)
{
	void *object = slab_alloc_fast(s, gfp);

	if (unlikely(!object))
		return sheaf_alloc_slow(s, gfp, size,
					__builtin_return_address(0));
	return object;
}

/* False if that is a matter for sheaf_free_slow(). @object is known to belong to
 * @s. */
static __always_inline bool slab_free_fast(struct kmem_cache *s, void *object)
{
	return likely(on_boundary(s, object)) &&
	       likely(percpu_push(s->cpu_sheaves, object));
}

static __always_inline void slab_free(struct kmem_cache *s, void *object)
{
	if (unlikely(!slab_free_fast(s, object)))
		sheaf_free_slow(s, object, __builtin_return_address(0));
}

#endif /* MM_SLAB_H */
