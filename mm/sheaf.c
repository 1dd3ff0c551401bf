// SPDX-License-Identifier: MIT
/*
 * Sheaves: per-CPU arrays of free objects, and what is done when one is empty or
 * full.
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
 * Taking another CPU's main (sheaf_flush.c): store NULL, then percpu_barrier():
 * every sequence that saw the old main has committed or restarts, and sees NULL.
 * Where the barrier is refused (by a sandbox), mains are left where they are.
 *
 * In the trylock backend, and for threads without rseq, main is changed under
 * pcs->lock as well, here and not in the fast path.
 *
 * Invariants:	H1  0 <= size <= capacity; slots below size hold distinct objects
 *		    of the cache, each counted as inuse by its slab
 *		(H2 and H3: the barn's, see barn.c)
 * Lock order:	pcs->lock > barn->lock; neither is held when slabs or pages are
 *		touched. pcs->lock is only tried here; sheaf_flush.c and
 *		sheaf_look.c wait for it.
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
#include "sheaf.h"
#include "watch.h"

/* Moves to another CPU that a slow path puts up with before it goes to the
 * slabs directly. */
#define MAX_TRIES 3

/*
 * The first refill of a slot takes this many objects, each later one twice as
 * many up to the sheaf's capacity, and the first sheaves are small. So a cache that
 * is hardly used keeps little: a program touches some thirty sizes before it has
 * done anything.
 */
#define FIRST_REFILL 4
#define FIRST_CAPACITY 28

/* Per-CPU memory that stays zero: the slot of caches that have no sheaves. */
static void *no_sheaves;
/* A u32: how many mains of this CPU were replaced. See sheaf_lasted(). */
static void *sheaf_clock;

/* Slots ------------------------------------------------------------------- */

/* This CPU's slot, locked; NULL if somebody else works on it. */
static struct slub_percpu_sheaves *slot_trylock(struct kmem_cache *s,
						unsigned int *cpu)
{
	struct slub_percpu_sheaves *pcs;

	*cpu = percpu_this_cpu();
	pcs = sheaf_slot(s, *cpu);
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
	u32 *clock = per_cpu_ptr(sheaf_clock, cpu);
	u32 now = READ_ONCE(*clock) + 1;
	bool keep;

	*over = NULL;
	sheaf->since = now;
	if (!percpu_store(cpu, (void **)&pcs->main, sheaf))
		return false;
	WRITE_ONCE(*clock, now);
	if (!old)
		return true;
	sheaf_lasted(old->cache, old->capacity, now - old->since);
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

/*
 * From the spare or the barn; NULL if neither has anything, or the slot is
 * busy. Then *@nr is how many to take from slabs, and *@empty the empty spare, now
 * private, or NULL.
 */
static void *alloc_from_sheaves(struct kmem_cache *s, struct slab_sheaf **empty,
				unsigned int *nr)
{
	struct slab_sheaf *sheaf, *over = NULL;
	struct slub_percpu_sheaves *pcs;
	unsigned int cpu;
	void *object;

	*empty = NULL;
	*nr = FIRST_REFILL;
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
		*nr <<= min_t(u32, pcs->refills, 10);
		pcs->refills++;
		*empty = pcs->spare;
		WRITE_ONCE(pcs->spare, NULL);
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

/* Nothing is left in front of the slabs: fill a sheaf with up to @nr objects from
 * them. @sheaf is an empty one, or NULL. */
static void *refill(struct kmem_cache *s, gfp_t gfp, struct slab_sheaf *sheaf,
		    unsigned int nr)
{
	struct slub_percpu_sheaves *pcs;
	struct slab_sheaf *over;
	unsigned int cpu;
	void *object;

	if (sheaf)
		sheaf = renew_sheaf(s, sheaf);
	if (!sheaf)
		sheaf = barn_get_empty(s);
	if (!sheaf)
		sheaf = alloc_empty_sheaf(s, gfp);
	if (!sheaf)
		return slab_alloc_one(s, gfp);
	nr = min_t(unsigned int, nr, sheaf->capacity);
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
	struct slab_sheaf *empty;
	unsigned int nr;
	void *object;

	if (unlikely(!s->sheaf_capacity)) {
		kfence_count(1);
		return slab_alloc_one(s, gfp);
	}
	/* The sequence may merely have been interrupted. */
	object = percpu_pop_slow(s->cpu_sheaves);
	if (object)
		return object;
	object = alloc_from_sheaves(s, &empty, &nr);
	return object ? object : refill(s, gfp, empty, nr);
}

void *sheaf_alloc_unwatched(struct kmem_cache *s, gfp_t gfp, size_t size,
			    const void *caller)
{
	size_t bytes;
	void *object;
	bool zero;

	if (unlikely(!mm_ready()))
		return NULL;
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
	return s->align;
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
 * NULL, and is used up if one was needed. @over must go to put_sheaf().
 */
static enum put_result put_object(struct kmem_cache *s, void *object,
				  struct slab_sheaf **hand,
				  struct slab_sheaf **over)
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
	unsigned int tries;

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
			ret = put_object(s, object, &hand, &over);
			if (ret == PUT_NEED_SHEAF) {
				hand = alloc_empty_sheaf(s, GFP_NOWAIT);
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

/* Set-up ------------------------------------------------------------------ */

/*
 * Kernel: 60, 28, 12 or 4 objects, sheaves of 512 to 64 bytes. malloc's rates
 * are higher than the kernel's by far, so its caches get up to 252 objects, but
 * no more than KMALLOC_SHEAF_BYTES of memory in one sheaf. All that at most: see
 * sheaf_lasted().
 */
#define KMALLOC_SHEAF_BYTES (32u << 10)

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
	/* Who names a capacity has it from the first sheaf on. */
	s->adaptive = !wanted;
	/* Kernel: 10, whatever the number of CPUs. What goes from one CPU to
	 * another is not touched on the way if it goes by the barn; so of small
	 * sheaves it keeps more. */
	s->barn_limit = max_t(unsigned int, 2, min_t(unsigned int, host.nr_cpus, 32)) <<
			s->adaptive;
	s->sheaf_capacity = wanted ? sheaf_round_capacity(capacity) : capacity;
	s->barn.capacity = wanted ? s->sheaf_capacity :
				    min_t(u32, capacity, FIRST_CAPACITY);
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
	no_sheaves = percpu_alloc(sizeof(struct slub_percpu_sheaves));
	sheaf_clock = percpu_alloc(sizeof(u32));
	if (!no_sheaves || !sheaf_clock)
		return -1;
	return barn_init();
}

/* In the child of a fork: the gate left no lock held and no sheaf in private
 * hands; only the barrier's registration is not promised to be inherited. */
void sheaf_fork_child(void)
{
	if (percpu.rseq)
		host_membarrier_register();
}
