// SPDX-License-Identifier: MIT
/*
 * Taking the sheaves of all CPUs: to return what they hold to the slabs, before the
 * process grows, when it is idle, and when a cache is destroyed; and for KFENCE, so
 * that the next allocation takes the slow path.
 *
 *	percpu_barrier()	does the host grant it? If not, mains stay
 *	take_slot()		of each CPU and cache: NULL becomes its main
 *	percpu_barrier()	now the mains are private
 *	flush_chain()		objects to their slabs, sheaves to their caches
 *
 * Taking another CPU's main is safe with the barrier alone: every sequence that saw
 * the old main has committed or restarts, and sees NULL. More in sheaf.c.
 *
 * Invariants:	a main that was taken is on one list, of one thread, or in limbo; its
 *		objects are touched after a barrier only
 * Lock order:	slab_mutex > pcs->lock > limbo_lock, barn->lock. pcs->lock is waited
 *		for; no lock but slab_mutex is held over a barrier or a slab.
 * Context:	inside the fork gate.
 */
#include "../lib/lock.h"
#include "sheaf.h"

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
	struct slub_percpu_sheaves *pcs = sheaf_slot(s, cpu);

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
	struct slub_percpu_sheaves *pcs = sheaf_slot(s, cpu);

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
