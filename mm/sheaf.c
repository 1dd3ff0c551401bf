// SPDX-License-Identifier: MIT
/*
 * Sheaves and the barn: per-CPU arrays of free objects, and where they wait.
 *
 * Each CPU has two sheaves per cache: main, where all pops and pushes happen,
 * and spare. Two, so that a load that swings around a boundary swaps them and
 * goes no further:
 *
 *	alloc, main empty:  spare has objects?  swap
 *			    barn has a full sheaf?  take it, hand in the empty one
 *			    else fill a sheaf from slabs
 *	free, main full:    spare has room?  swap
 *			    barn has an empty sheaf?  take it, hand in the full one
 *			    (more full ones than the barn keeps go to the slabs)
 *
 * The fast paths are sequences on pcs->main (lib/percpu.h). A NULL main, as on
 * a CPU that never used the cache, makes both fail, and the slow paths here
 * make a sheaf for it.
 *
 * Why this is safe. A sheaf is in one of three hands:
 *  - main of a slot: sequences of the threads on that CPU change it;
 *  - spare of a slot: whoever holds pcs->lock;
 *  - private (in a local variable) or in the barn: one thread, or barn->lock.
 * Only holders of pcs->lock replace main, and they do it with percpu_store():
 * on success the thread was on that CPU at the store, so any other thread that
 * had begun a sequence on the old main was preempted and will restart, and
 * its uncommitted work is void. From then on the old main is private. If the
 * thread has moved to another CPU the store does not happen, and the slot is
 * as it was. A sequence commits by one store to sheaf->size; an aborted one
 * may have written a slot above size, where nobody looks.
 * Taking another CPU's main (flush): store NULL, then percpu_barrier(): every
 * sequence that saw the old main has committed or restarts, and sees NULL.
 * Where the barrier is refused (by a sandbox), mains are left where they are.
 *
 * In the trylock backend, and for threads without rseq, main is changed under
 * pcs->lock as well, here and not in the fast path.
 *
 * Invariants:	H1  0 <= size <= capacity; slots below size hold distinct objects
 *		    of the cache, each counted as inuse by its slab
 *		H2  a sheaf in the barn's full list is not empty, in the empty list
 *		    it is; the counters are the lengths
 *		H3  nr_full <= barn_limit after each operation
 * Lock order:	pcs->lock > barn->lock; neither is held when slabs or pages are
 *		touched. pcs->lock is only tried, except by a flush. A flush
 *		holds it over one system call, percpu_barrier().
 * Context:	the slow paths enter the fork gate: no sheaf is in private hands
 *		and no lock is held while the process forks.
 * Source:	kernel mm/slub.c of 6.18 and later, the sheaf part.
 */
#include <string.h>

#include "../lib/bitops.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "failslab.h"
#include "internal.h"
#include "kfence.h"
#include "probes.h"
#include "slab.h"
#include "watch.h"

/* Moves to another CPU that a slow path puts up with before it goes to the
 * slabs directly. */
#define MAX_TRIES 3

/*
 * The first refill of a slot takes this many objects, each later one twice as
 * many up to the sheaf's capacity; and the sheaf itself is large enough for
 * that and hardly larger. So a cache that is hardly used keeps little: a program
 * touches some thirty sizes before it has done anything.
 */
#define FIRST_REFILL 4
#define FIRST_CAPACITY 28

/* Sheaves come in sizes that fill a slab evenly: 64 bytes (4 objects) to 8192
 * (1020 objects). Their caches have no sheaves, or they would need themselves. */
#define SHEAF_MIN_SHIFT 6
#define SHEAF_MAX_SHIFT 13
#define NR_SHEAF_CACHES (SHEAF_MAX_SHIFT - SHEAF_MIN_SHIFT + 1)

static struct kmem_cache sheaf_caches[NR_SHEAF_CACHES];

/* Per-CPU memory that stays zero: the slot of caches that have no sheaves. */
static void *no_sheaves;

static struct slub_percpu_sheaves *slot(struct kmem_cache *s, unsigned int cpu)
{
	return per_cpu_ptr(s->cpu_sheaves, cpu);
}

/* Sheaves ----------------------------------------------------------------- */

static struct kmem_cache *sheaf_cache(unsigned int capacity)
{
	return &sheaf_caches[fls_long(SHEAF_BYTES(capacity) - 1) -
			     SHEAF_MIN_SHIFT];
}

/* Round up to what fills a power of two of bytes. */
static unsigned int round_capacity(unsigned int capacity)
{
	size_t bytes = roundup_pow_of_two(SHEAF_BYTES(capacity));

	bytes = max_t(size_t, bytes, 1UL << SHEAF_MIN_SHIFT);
	bytes = min_t(size_t, bytes, 1UL << SHEAF_MAX_SHIFT);
	return (unsigned int)((bytes - sizeof(struct slab_sheaf)) /
			      sizeof(void *));
}

/* Room for @want objects, but no more than the cache's sheaves have. */
static struct slab_sheaf *alloc_empty_sheaf(struct kmem_cache *s, gfp_t gfp,
					    unsigned int want)
{
	unsigned int capacity =
		min_t(unsigned int, s->sheaf_capacity,
		      round_capacity(max_t(unsigned int, want,
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

static void free_sheaf(struct slab_sheaf *sheaf)
{
	void *object = sheaf;

	slab_free_bulk(sheaf_cache(sheaf->capacity), 1, &object, NULL);
}

/* The barn ---------------------------------------------------------------- */

static struct slab_sheaf *barn_get_full(struct kmem_cache *s)
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

static struct slab_sheaf *barn_get_empty(struct kmem_cache *s)
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

/* Return a private sheaf's objects to their slabs. */
static void flush_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	if (sheaf->size) {
		trace_sheaf_flush(s, sheaf->size);
		slab_free_bulk(s, sheaf->size, sheaf->objects, NULL);
	}
	sheaf->size = 0;
}

/* Be rid of a private sheaf. No lock may be held. */
static void put_sheaf(struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	if (!sheaf || barn_put(s, sheaf))
		return;
	flush_sheaf(s, sheaf);
	if (!barn_put(s, sheaf))
		free_sheaf(sheaf);
}

/* Slots ------------------------------------------------------------------- */

/* This CPU's slot, locked; NULL if somebody else works on it. */
static struct slub_percpu_sheaves *slot_trylock(struct kmem_cache *s,
						unsigned int *cpu)
{
	struct slub_percpu_sheaves *pcs;

	*cpu = percpu_this_cpu();
	pcs = slot(s, *cpu);
	if (!spin_trylock(&pcs->lock))
		return NULL;
	if (unlikely(!pcs->main)) {
		pcs->lock.rank = LOCK_RANK_SHEAVES;
		percpu_mark_used(*cpu);
	}
	return pcs;
}

/*
 * Make a private sheaf the main of a locked slot. On success the old main is
 * private in its place: it becomes the spare, or if there is a spare already,
 * whichever of the two is the worse spare is returned for put_sheaf().
 * @want_full: a spare with objects is the better one (else one with room).
 */
static bool install_main(struct slub_percpu_sheaves *pcs, unsigned int cpu,
			 struct slab_sheaf *sheaf, bool want_full,
			 struct slab_sheaf **over)
{
	struct slab_sheaf *old = pcs->main, *spare = pcs->spare;
	bool keep;

	*over = NULL;
	if (!percpu_store(cpu, (void **)&pcs->main, sheaf))
		return false;
	if (!old)
		return true;
	if (!spare) {
		WRITE_ONCE(pcs->spare, old);
		return true;
	}
	keep = want_full ? spare->size >= old->size : spare->size <= old->size;
	WRITE_ONCE(pcs->spare, keep ? spare : old);
	*over = keep ? old : spare;
	return true;
}

/* Allocation -------------------------------------------------------------- */

static void *sheaf_pop(struct slab_sheaf *sheaf)
{
	return sheaf->objects[--sheaf->size];
}

/* From the spare or the barn; NULL if neither has anything, or the slot is
 * busy. */
static void *alloc_from_sheaves(struct kmem_cache *s)
{
	struct slab_sheaf *sheaf, *over = NULL;
	struct slub_percpu_sheaves *pcs;
	unsigned int cpu;
	void *object;

	pcs = slot_trylock(s, &cpu);
	if (!pcs)
		return NULL;
	/* The trylock way: what the fast path does, under the lock. */
	if (!percpu_rseq_active() && pcs->main && pcs->main->size) {
		object = sheaf_pop(pcs->main);
		spin_unlock(&pcs->lock);
		return object;
	}
	sheaf = pcs->spare;
	if (sheaf && sheaf->size) {
		/* Ours comes first; then install what is left. */
		kfence_count(sheaf->size);
		object = sheaf_pop(sheaf);
		WRITE_ONCE(pcs->spare, NULL);
		if (!install_main(pcs, cpu, sheaf, true, &over))
			WRITE_ONCE(pcs->spare, sheaf);
		spin_unlock(&pcs->lock);
		return object;
	}
	sheaf = barn_get_full(s);
	if (!sheaf) {
		spin_unlock(&pcs->lock);
		return NULL;
	}
	kfence_count(sheaf->size);
	object = sheaf_pop(sheaf);
	if (!install_main(pcs, cpu, sheaf, true, &over))
		over = sheaf;
	spin_unlock(&pcs->lock);
	put_sheaf(s, over);
	return object;
}

/* An empty sheaf for a refill, and how much to fill in. */
static struct slab_sheaf *get_refill_sheaf(struct kmem_cache *s, gfp_t gfp,
					   unsigned int *nr)
{
	struct slab_sheaf *sheaf = NULL;
	struct slub_percpu_sheaves *pcs;
	unsigned int cpu;

	*nr = FIRST_REFILL;
	pcs = slot_trylock(s, &cpu);
	if (pcs) {
		*nr <<= min_t(u32, pcs->refills, 10);
		pcs->refills++;
		if (pcs->spare && !pcs->spare->size) {
			sheaf = pcs->spare;
			WRITE_ONCE(pcs->spare, NULL);
		}
		spin_unlock(&pcs->lock);
	}
	if (sheaf && sheaf->capacity < min_t(unsigned int, *nr,
					     s->sheaf_capacity)) {
		free_sheaf(sheaf);
		sheaf = NULL;
	}
	if (!sheaf)
		sheaf = barn_get_empty(s);
	if (!sheaf)
		sheaf = alloc_empty_sheaf(s, gfp, *nr);
	if (sheaf)
		*nr = min_t(unsigned int, *nr, sheaf->capacity);
	return sheaf;
}

/*
 * Several objects in a cache line: a CPU that has freed one and allocates it
 * again writes to the line of its neighbours, which others may be using. Sheaves
 * cannot tell, but the beginning can be right: an object that is freed on a CPU
 * that has allocated none is not from there, and goes back to its slab; and a
 * CPU begins with the objects that nobody had before it.
 */
static bool shares_lines(const struct kmem_cache *s)
{
	return s->size < CACHE_LINE_SIZE;
}

/* Slabs give objects in the order in which they should be used, and a sheaf is
 * emptied from its end. Programs walk their objects in the order of allocation:
 * neighbours in time should be neighbours in memory. */
static void reverse(struct slab_sheaf *sheaf)
{
	u32 i, size = sheaf->size;
	void *tmp;

	for (i = 0; i < size / 2; i++) {
		tmp = sheaf->objects[i];
		sheaf->objects[i] = sheaf->objects[size - 1 - i];
		sheaf->objects[size - 1 - i] = tmp;
	}
}

/* Nothing is left in front of the slabs: fill a sheaf from them. */
static void *refill(struct kmem_cache *s, gfp_t gfp)
{
	struct slab_sheaf *sheaf, *over;
	struct slub_percpu_sheaves *pcs;
	unsigned int cpu, nr;
	void *object;

	sheaf = get_refill_sheaf(s, gfp, &nr);
	if (!sheaf)
		return slab_alloc_one(s, gfp);
	sheaf->size = slab_alloc_bulk(s, gfp, nr, sheaf->objects);
	if (!sheaf->size) {
		put_sheaf(s, sheaf);
		return NULL;
	}
	kfence_count(sheaf->size);
	trace_sheaf_refill(s, sheaf->size, sheaf->capacity);
	if (nr > FIRST_REFILL || !shares_lines(s))
		reverse(sheaf);
	object = sheaf_pop(sheaf);
	pcs = slot_trylock(s, &cpu);
	if (!pcs) {
		put_sheaf(s, sheaf);
		return object;
	}
	/* The slot may have been filled meanwhile: then ours is a spare. */
	if (pcs->main && READ_ONCE(pcs->main->size) && !pcs->spare) {
		WRITE_ONCE(pcs->spare, sheaf);
		over = NULL;
	} else if (!install_main(pcs, cpu, sheaf, true, &over)) {
		over = sheaf;
	}
	spin_unlock(&pcs->lock);
	put_sheaf(s, over);
	return object;
}

static void *alloc_gated(struct kmem_cache *s, gfp_t gfp)
{
	void *object;

	if (unlikely(!s->sheaf_capacity)) {
		kfence_count(1);
		return slab_alloc_one(s, gfp);
	}
	/* The sequence may merely have been interrupted. */
	object = percpu_pop_slow(s->cpu_sheaves);
	if (!object)
		object = alloc_from_sheaves(s);
	return object ? object : refill(s, gfp);
}

void *sheaf_alloc_unwatched(struct kmem_cache *s, gfp_t gfp, size_t size,
			    const void *caller)
{
	size_t bytes;
	void *object;
	bool zero;

	if (unlikely(!mm_ready()))
		return NULL;
	/* A size that is not in the ladder is served by the next one that is. */
	if (unlikely(s->alias))
		s = s->alias;
	gate_enter();
	object = unlikely(kmem_cache_debug(s)) ?
			 slab_alloc_debug(s, gfp, size, caller) :
			 alloc_gated(s, gfp);
	gate_exit();
	if (unlikely(!object))
		return NULL;
	/* All of it, whatever was asked for: see krealloc_noprof(). Behind what
	 * was asked for there may be a red zone, though. */
	zero = slab_want_init_on_alloc(gfp, s);
	if (zero) {
		bytes = size && kmem_cache_metadata(s) ? size : s->object_size;
		memcheck_unpoison(object, bytes);
		memset(object, 0, bytes);
		memcheck_poison(object, bytes);
	}
	memcheck_alloc(object, size ? size : s->object_size,
		       zero || s->ctor);
	return object;
}

/* What a guarded object is aligned to. With kfence_all no more than kmalloc()
 * promises for the size itself: the closer to the guard, the better. */
static size_t kfence_align(const struct kmem_cache *s, size_t size)
{
	if (kmm_params.kfence_all && s->flags & SLAB_KMALLOC && size)
		return max_t(size_t, size & -size, ARCH_SLAB_MINALIGN);
	return s->alias ? s->alias->align : s->align;
}

noinline void *sheaf_alloc_slow(struct kmem_cache *s, gfp_t gfp, size_t size,
				const void *caller)
{
	struct watch_call call = {
		.op = s->flags & SLAB_KMALLOC ? WATCH_KMALLOC : WATCH_CACHE_ALLOC,
		.gfp = gfp,
		.cache = s,
		.size = size ? size : s->object_size,
		.caller = caller,
	};
	void *object = NULL;

	if (should_failslab(s, call.op, call.size, gfp, caller))
		goto out;
	object = kfence_alloc(s, size, kfence_align(s, size), gfp, caller);
	if (likely(!object))
		object = sheaf_alloc_unwatched(s, gfp, size, caller);
out:
	call.result = object;
	if (unlikely(call_is_watched()))
		watch_call(&call);
	return object;
}

/* Freeing ----------------------------------------------------------------- */

/* Is @object among the newest of a sheaf that this thread may look at? */
static bool recently_freed(const struct slab_sheaf *sheaf, const void *object)
{
	/* Acquire pairs with the commit of a push. */
	u32 size = __atomic_load_n(&sheaf->size, __ATOMIC_ACQUIRE);

	/* A slot below a size that was read earlier may be stale, but then it
	 * holds an object that is free; ours is not, unless this is a double
	 * free. */
	return (size > 0 && READ_ONCE(sheaf->objects[size - 1]) == object) ||
	       (size > 1 && READ_ONCE(sheaf->objects[size - 2]) == object);
}

static void sheaf_push(struct slab_sheaf *sheaf, void *object)
{
	sheaf->objects[sheaf->size++] = object;
}

enum put_result { PUT_DONE, PUT_AGAIN, PUT_NEED_SHEAF, PUT_BUSY, PUT_DOUBLE };

/*
 * Put an object into this CPU's sheaves. @hand is a private empty sheaf or
 * NULL, and is used up if one was needed; else *@want is the room that one
 * should have. @over must go to put_sheaf().
 */
static enum put_result put_object(struct kmem_cache *s, void *object,
				  struct slab_sheaf **hand,
				  struct slab_sheaf **over, unsigned int *want)
{
	struct slub_percpu_sheaves *pcs;
	enum put_result ret = PUT_DONE;
	struct slab_sheaf *sheaf;
	unsigned int cpu;
	bool foreign;

	pcs = slot_trylock(s, &cpu);
	if (!pcs)
		return PUT_BUSY;
	if (pcs->main && recently_freed(pcs->main, object)) {
		ret = PUT_DOUBLE;
		goto out;
	}
	if (!percpu_rseq_active() && pcs->main &&
	    pcs->main->size < pcs->main->capacity) {
		sheaf_push(pcs->main, object);
		goto out;
	}
	sheaf = pcs->spare;
	if (sheaf && sheaf->size < sheaf->capacity) {
		sheaf_push(sheaf, object);
		WRITE_ONCE(pcs->spare, NULL);
		if (!install_main(pcs, cpu, sheaf, false, over))
			WRITE_ONCE(pcs->spare, sheaf);
		goto out;
	}
	if (!*hand)
		*hand = barn_get_empty(s);
	if (!*hand) {
		*want = FIRST_CAPACITY << min_t(u32, pcs->flushes, 10);
		ret = PUT_NEED_SHEAF;
		goto out;
	}
	foreign = !pcs->main && shares_lines(s);
	if (!foreign)
		sheaf_push(*hand, object);
	if (install_main(pcs, cpu, *hand, false, over)) {
		pcs->flushes++;
		*hand = NULL;
	} else if (!pcs->spare) {
		WRITE_ONCE(pcs->spare, *hand);
		*hand = NULL;
	} else {
		(*hand)->size = 0;
		ret = PUT_AGAIN;
	}
	if (foreign && ret == PUT_DONE)
		ret = PUT_BUSY;
out:
	spin_unlock(&pcs->lock);
	return ret;
}

/* Does @object look like one of @s that is in use? */
static bool plausible(struct kmem_cache *s, const void *object)
{
	struct page *slab = lookup_page(object);
	unsigned long off;

	if (!slab || slab->slab_cache != s)
		return false;
	slab = page_head(slab);
	/* In front of the first object it wraps to something large. */
	off = (unsigned long)object - (unsigned long)page_address(slab) -
	      s->red_left_pad;
	return off % s->size == 0 && off / s->size < READ_ONCE(slab->fresh);
}

static void free_gated(struct kmem_cache *s, void *object, const void *caller)
{
	struct slab_sheaf *hand = NULL, *over = NULL;
	enum put_result ret = PUT_BUSY;
	unsigned int tries, want;

	if (unlikely(!plausible(s, object))) {
		bad_free(object, caller, s->name);
		return;
	}
	if (unlikely(kmem_cache_debug(s))) {
		slab_free_debug(s, object, caller);
		return;
	}
	if (s->sheaf_capacity) {
		if (percpu_push_slow(s->cpu_sheaves, object))
			return;
		for (tries = 0; tries < MAX_TRIES; tries++) {
			ret = put_object(s, object, &hand, &over, &want);
			if (ret == PUT_NEED_SHEAF) {
				hand = alloc_empty_sheaf(s, GFP_NOWAIT, want);
				if (!hand)
					break;
			} else if (ret != PUT_AGAIN) {
				break;
			}
		}
		put_sheaf(s, over);
		put_sheaf(s, hand);
	}
	if (ret == PUT_DOUBLE)
		bad_free(object, caller, s->name);
	else if (ret != PUT_DONE)
		slab_free_bulk(s, 1, &object, caller);
}

void sheaf_free_unwatched(struct kmem_cache *s, void *object,
			  const void *caller)
{
	if (is_kfence_address(object)) {
		kfence_free(s, object, caller);
		return;
	}
	gate_enter();
	if (memcheck_active() && plausible(s, object))
		memcheck_free(object, s->object_size);
	free_gated(s, object, caller);
	gate_exit();
}

noinline void sheaf_free_slow(struct kmem_cache *s, void *object,
			      const void *caller)
{
	struct watch_call call = {
		.op = s->flags & SLAB_KMALLOC ? WATCH_KFREE : WATCH_CACHE_FREE,
		.cache = s,
		.old = object,
		.caller = caller,
	};

	if (unlikely(call_is_watched()))
		watch_call(&call);
	sheaf_free_unwatched(s, object, caller);
}

/* Flushing ---------------------------------------------------------------- */

/*
 * Taking other CPUs' mains needs percpu_barrier(), a system call; so a flush of
 * many caches collects all their sheaves first and makes that call once. In
 * between, taken mains are on a list that nobody else knows, but sequences that
 * began before may still commit to them.
 */
struct taken {
	struct slab_sheaf *mains;	/* by next */
	struct slab_sheaf *others;
};

/*
 * If the host refuses the barrier after it has granted one a moment ago, mains
 * have been taken that may not be touched. They wait here for the next flush.
 */
static struct slab_sheaf *limbo;
static spinlock_t limbo_lock = SPINLOCK_INIT(LOCK_RANK_BARN);

static void chain(struct slab_sheaf **list, struct slab_sheaf *sheaf)
{
	if (!sheaf)
		return;
	sheaf->next = *list;
	*list = sheaf;
}

/* @with_main: see sheaf_flush_caches(). */
static void take_slot(struct kmem_cache *s, unsigned int cpu, bool with_main,
		      struct taken *taken)
{
	struct slub_percpu_sheaves *pcs = slot(s, cpu);

	if (!READ_ONCE(pcs->main) && !READ_ONCE(pcs->spare))
		return;
	spin_lock(&pcs->lock);
	chain(&taken->others, pcs->spare);
	WRITE_ONCE(pcs->spare, NULL);
	if (with_main) {
		chain(&taken->mains, pcs->main);
		WRITE_ONCE(pcs->main, NULL);
	}
	pcs->refills = 0;
	spin_unlock(&pcs->lock);
}

static void take_sheaves(struct kmem_cache *s, bool with_mains,
			 struct taken *taken)
{
	struct slab_sheaf *sheaf;
	unsigned int cpu;

	if (!s->sheaf_capacity)
		return;
	for_each_used_cpu(cpu)
		take_slot(s, cpu, with_mains, taken);
	while ((sheaf = barn_get_full(s)) != NULL)
		chain(&taken->others, sheaf);
	while ((sheaf = barn_get_empty(s)) != NULL)
		chain(&taken->others, sheaf);
}

static void flush_chain(struct slab_sheaf *sheaf)
{
	struct slab_sheaf *next;

	for (; sheaf; sheaf = next) {
		next = sheaf->next;
		flush_sheaf(sheaf->cache, sheaf);
		free_sheaf(sheaf);
	}
}

/* With the barrier: all mains are private, and those of an earlier flush. */
static void flush_mains(struct taken *taken)
{
	struct slab_sheaf *sheaf = taken->mains;

	spin_lock(&limbo_lock);
	taken->mains = limbo;
	limbo = NULL;
	spin_unlock(&limbo_lock);
	flush_chain(taken->mains);
	flush_chain(sheaf);
}

static void keep_mains(struct taken *taken)
{
	struct slab_sheaf *sheaf;

	spin_lock(&limbo_lock);
	while ((sheaf = taken->mains) != NULL) {
		taken->mains = sheaf->next;
		chain(&limbo, sheaf);
	}
	spin_unlock(&limbo_lock);
}

static void flush_taken(struct taken *taken, bool exclusive)
{
	flush_chain(taken->others);
	if (!taken->mains)
		return;
	if (exclusive || percpu_barrier())
		flush_mains(taken);
	else
		keep_mains(taken);
}

void sheaf_flush_all(struct kmem_cache *s, bool exclusive)
{
	struct taken taken = { NULL, NULL };

	/* Where the barrier is refused, mains stay. */
	take_sheaves(s, exclusive || percpu_barrier(), &taken);
	flush_taken(&taken, exclusive);
}

void sheaf_flush_caches(bool with_mains)
{
	struct taken taken = { NULL, NULL };
	struct kmem_cache *s;

	with_mains = with_mains && percpu_barrier();
	lockdep_assert_held(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		take_sheaves(s, with_mains, &taken);
	flush_taken(&taken, false);
}

/* @main only: what it has goes on being the cache's, by way of the barn. */
static void take_main(struct kmem_cache *s, unsigned int cpu,
		      struct taken *taken)
{
	struct slub_percpu_sheaves *pcs = slot(s, cpu);

	if (!READ_ONCE(pcs->main))
		return;
	spin_lock(&pcs->lock);
	chain(&taken->mains, pcs->main);
	WRITE_ONCE(pcs->main, NULL);
	spin_unlock(&pcs->lock);
}

static void put_mains(struct slab_sheaf *sheaf)
{
	struct slab_sheaf *next;

	for (; sheaf; sheaf = next) {
		next = sheaf->next;
		put_sheaf(sheaf->cache, sheaf);
	}
}

bool sheaf_take_mains(bool exclusive)
{
	struct taken taken = { NULL, NULL };
	struct kmem_cache *s;
	unsigned int cpu;

	/* Where there are no sequences, each allocation takes the slow path. */
	if (!percpu.rseq || !spin_trylock(&slab_mutex))
		return false;
	list_for_each_entry(s, &slab_caches, list)
		if (s->sheaf_capacity)
			for_each_used_cpu(cpu)
				take_main(s, cpu, &taken);
	/* Before a cache can be destroyed: these are objects of it. */
	if (taken.mains && !exclusive && !percpu_barrier())
		keep_mains(&taken);
	else
		put_mains(taken.mains);
	spin_unlock(&slab_mutex);
	return taken.mains != NULL;
}

/* Looking ----------------------------------------------------------------- */

/* The locks keep sheaves from being replaced and freed. A thread that is alone
 * takes none: it would write to what it may share with its parent process. */
bool for_each_sheaf(struct kmem_cache *s,
		    bool (*fn)(struct slab_sheaf *sheaf, void *arg), void *arg)
{
	struct slub_percpu_sheaves *pcs;
	struct slab_sheaf *sheaf;
	bool found = false, alone = single_threaded();
	unsigned int cpu;

	if (!s->sheaf_capacity)
		return false;
	for_each_used_cpu(cpu) {
		pcs = slot(s, cpu);
		if (!READ_ONCE(pcs->main) && !READ_ONCE(pcs->spare))
			continue;
		if (!alone)
			spin_lock(&pcs->lock);
		if (pcs->main)
			found |= fn(pcs->main, arg);
		if (pcs->spare)
			found |= fn(pcs->spare, arg);
		if (!alone)
			spin_unlock(&pcs->lock);
	}
	if (!alone)
		spin_lock(&s->barn.lock);
	for (sheaf = s->barn.full; sheaf; sheaf = sheaf->next)
		found |= fn(sheaf, arg);
	if (!alone)
		spin_unlock(&s->barn.lock);
	return found;
}

static bool add_size(struct slab_sheaf *sheaf, void *arg)
{
	*(unsigned long *)arg += READ_ONCE(sheaf->size);
	return false;
}

unsigned long sheaf_count_objects(struct kmem_cache *s)
{
	unsigned long count = 0;

	for_each_sheaf(s, add_size, &count);
	return count;
}

static bool holds_object(struct slab_sheaf *sheaf, void *arg)
{
	u32 i, size = READ_ONCE(sheaf->size);

	for (i = 0; i < size; i++)
		if (READ_ONCE(sheaf->objects[i]) == arg)
			return true;
	return false;
}

bool sheaf_contains(struct kmem_cache *s, const void *object)
{
	return for_each_sheaf(s, holds_object, (void *)object);
}

/* Set-up ------------------------------------------------------------------ */

/*
 * Kernel: 60, 28, 12 or 4 objects, sheaves of 512 to 64 bytes. malloc's rates
 * are higher than the kernel's by far, so its caches get up to 252 objects, but
 * no more than KMALLOC_SHEAF_BYTES of memory in one sheaf.
 */
#define KMALLOC_SHEAF_BYTES (16u << 10)

static unsigned int default_capacity(const struct kmem_cache *s)
{
	unsigned int capacity = s->size < 256  ? 60 :
				s->size < 1024 ? 28 :
				s->size < 4096 ? 12 : 4;

	if (!(s->flags & SLAB_KMALLOC))
		return capacity;
	return max_t(unsigned int, capacity,
		     min_t(unsigned int, 252, KMALLOC_SHEAF_BYTES / s->size));
}

int sheaf_cache_init(struct kmem_cache *s)
{
	unsigned int wanted = s->sheaf_capacity, capacity;

	spin_lock_init(&s->barn.lock, LOCK_RANK_BARN);
	s->cpu_sheaves = no_sheaves;
	s->sheaf_capacity = 0;
	/* Both are done in the slow paths. */
	if (kmm_params.init_on_alloc || kmm_params.init_on_free)
		return 0;
	if (calls_watched || (s->flags & (SLAB_DEBUG_FLAGS | SLAB_NO_SHEAVES)))
		return 0;
	if (kmm_params.sheaf_capacity)
		wanted = max_t(unsigned int, wanted,
			       (unsigned int)kmm_params.sheaf_capacity);
	capacity = kmm_params.sheaf_capacity ? wanted :
		   max_t(unsigned int, wanted, default_capacity(s));
	s->cpu_sheaves = percpu_alloc(sizeof(struct slub_percpu_sheaves));
	if (!s->cpu_sheaves) {
		/* It works without, if slowly. */
		s->cpu_sheaves = no_sheaves;
		return 0;
	}
	/* Kernel: 10, whatever the number of CPUs. */
	s->barn_limit = max_t(unsigned int, 2, min_t(unsigned int, host.nr_cpus, 32));
	/* Who names a capacity gets it at once. */
	s->first_capacity = wanted ? capacity : FIRST_CAPACITY;
	s->sheaf_capacity = round_capacity(capacity);
	return 0;
}

void sheaf_cache_exit(struct kmem_cache *s)
{
	sheaf_flush_all(s, true);
	if (s->cpu_sheaves != no_sheaves)
		percpu_free(s->cpu_sheaves,
			    sizeof(struct slub_percpu_sheaves));
	s->cpu_sheaves = no_sheaves;
	s->sheaf_capacity = 0;
}

int sheaf_init(void)
{
	static const char *const names[NR_SHEAF_CACHES] = {
		"sheaf-64", "sheaf-128", "sheaf-256", "sheaf-512",
		"sheaf-1k", "sheaf-2k", "sheaf-4k", "sheaf-8k",
	};
	unsigned int i;

	no_sheaves = percpu_alloc(sizeof(struct slub_percpu_sheaves));
	if (!no_sheaves)
		return -1;
	for (i = 0; i < NR_SHEAF_CACHES; i++)
		if (boot_cache(&sheaf_caches[i], names[i],
			       1u << (SHEAF_MIN_SHIFT + i), 64,
			       SLAB_NO_SHEAVES | SLAB_NO_MERGE |
				       SLAB_NO_USER_FLAGS))
			return -1;
	return 0;
}

/* In the child of a fork: the gate left no lock held and no sheaf in private
 * hands; only the barrier's registration is not promised to be inherited. */
void sheaf_fork_child(void)
{
	if (percpu.rseq)
		host_membarrier_register();
}

/* Validation -------------------------------------------------------------- */

struct validate_arg {
	struct kmem_cache *s;
	unsigned int bad;
};

/* Is @sheaf->objects[@i] an object in use, and for the first time here? */
static bool valid_slot(const struct slab_sheaf *sheaf, u32 i)
{
	struct slab_where where;
	u32 k;

	for (k = 0; k < i; k++)
		if (sheaf->objects[k] == sheaf->objects[i])
			return false;
	return slab_locate(sheaf->objects[i], &where) &&
	       where.cache == sheaf->cache && where.exact && !where.free;
}

static bool validate_sheaf(struct slab_sheaf *sheaf, void *arg)
{
	struct validate_arg *v = arg;
	u32 i;

	if (sheaf->size > sheaf->capacity || sheaf->cache != v->s) {
		v->bad++;
		return false;
	}
	for (i = 0; i < sheaf->size; i++)
		v->bad += !valid_slot(sheaf, i);
	return false;
}

/* Meaningful only while no other thread uses the cache. */
unsigned int sheaf_validate(struct kmem_cache *s)
{
	struct validate_arg v = { .s = s };
	struct slab_sheaf *sheaf;
	unsigned int full = 0, empty = 0;

	for_each_sheaf(s, validate_sheaf, &v);				/* H1 */
	spin_lock(&s->barn.lock);
	for (sheaf = s->barn.full; sheaf; sheaf = sheaf->next, full++)
		v.bad += !sheaf->size;					/* H2 */
	for (sheaf = s->barn.empty; sheaf; sheaf = sheaf->next, empty++)
		v.bad += sheaf->size != 0;				/* H2 */
	v.bad += full != s->barn.nr_full || empty != s->barn.nr_empty;
	v.bad += full > s->barn_limit;					/* H3 */
	spin_unlock(&s->barn.lock);
	v.bad += sheaf_count_objects(s) > s->node.nr_inuse;
	if (v.bad)
		printk("BUG %s: %u violated invariants of its sheaves\n",
		       s->name, v.bad);
	return v.bad;
}
