/* SPDX-License-Identifier: MIT */
/*
 * Locks: spin a little, then sleep in a futex.
 *
 * One 32-bit word: 0 free, 1 held, 2 held and somebody may sleep. Short
 * sections are the rule, so the spin usually suffices; a preempted holder
 * costs its waiters a sleep and not their time slice.
 *
 * A process of one thread has nobody to exclude, and no need for atomic
 * instructions, of which a slow path would make some ten. The C library knows
 * (and its own malloc relies on it). What is taken the plain way may be released
 * the other way and the other way round: the word has the same values. So a lock
 * may be held where the second thread is started (slab_mutex, if what is freed
 * under it starts the reporter): starting it makes the word seen.
 *
 * Ranks: a thread may only take a lock of a higher rank than those it holds
 * (outer first in enum lock_rank). Debug builds check it on every
 * acquisition; a trylock may be of any rank, since it cannot deadlock.
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include "compiler.h"
#include "debug.h"

enum lock_rank {
	LOCK_RANK_NONE,
	LOCK_RANK_BOOT,		/* mm/mm_init.c */
	LOCK_RANK_SLAB_MUTEX,	/* mm/slab_common.c: the list of caches */
	LOCK_RANK_SHEAVES,	/* mm/sheaf.c: one CPU's sheaves of one cache */
	LOCK_RANK_BARN,		/* mm/barn.c */
	LOCK_RANK_LIST,		/* mm/slub.c: list_lock */
	LOCK_RANK_VMAP,		/* mm/vmap_area.c: the tree of areas */
	LOCK_RANK_HOTPLUG,	/* mm/sparse.c: onlining memory */
	LOCK_RANK_PCP,		/* mm/pcp.c: one CPU's page lists */
	LOCK_RANK_ZONE,		/* mm/buddy.c: a leaf */
	LOCK_RANK_KMEMLEAK,	/* mm/kmemleak.c; a leaf */
	LOCK_RANK_PERCPU,	/* lib/percpu.c: chunks of per-CPU memory; a leaf */
	LOCK_RANK_REPORT,	/* mm/slub_debug.c: the lines of one report; a leaf */
	LOCK_RANK_KFENCE,	/* mm/kfence.c: the slots; a leaf */
	LOCK_RANK_PROFILE,	/* lib/addr_map.c, lib/tally.c; a leaf */
	LOCK_RANK_LIBC,		/* lib/malloc/dlopen.c: libc's symbols; a leaf */
	NR_LOCK_RANKS
};

/* True while the process has one thread; glibc since 2.32. */
extern char __libc_single_threaded __attribute__((weak));

static inline bool single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

typedef struct spinlock {
	_Atomic u32 word;
	u32 rank;		/* enum lock_rank; never changes */
} spinlock_t;

#define SPINLOCK_INIT(lock_rank) { 0, lock_rank }

static inline void spin_lock_init(spinlock_t *lock, enum lock_rank rank)
{
	atomic_init(&lock->word, 0);
	lock->rank = rank;
}

void spin_lock_slow(spinlock_t *lock);
void spin_unlock_slow(spinlock_t *lock);

/* Debug builds only; see lock.c. */
void lockdep_acquire(spinlock_t *lock, bool try);
void lockdep_release(spinlock_t *lock);
bool lockdep_is_held(spinlock_t *lock);
/* In the child of fork(): forget what the parent's other threads held. */
void lockdep_reset(void);

static inline bool spin_trylock(spinlock_t *lock)
{
	u32 free = 0;

	if (single_threaded()) {
		/* Taken it may be, by ourselves. */
		if (atomic_load_explicit(&lock->word, memory_order_relaxed))
			return false;
		atomic_store_explicit(&lock->word, 1, memory_order_relaxed);
	} else if (!atomic_compare_exchange_strong_explicit(&lock->word, &free, 1,
						     memory_order_acquire,
						     memory_order_relaxed)) {
		/* Acquire pairs with the release in spin_unlock(). */
		return false;
	}
	if (KMM_DEBUG)
		lockdep_acquire(lock, true);
	return true;
}

static inline void spin_lock(spinlock_t *lock)
{
	u32 free = 0;

	if (KMM_DEBUG)
		lockdep_acquire(lock, false);
	if (single_threaded()) {
		atomic_store_explicit(&lock->word, 1, memory_order_relaxed);
		return;
	}
	if (unlikely(!atomic_compare_exchange_strong_explicit(
			&lock->word, &free, 1, memory_order_acquire,
			memory_order_relaxed)))
		spin_lock_slow(lock);
}

static inline void spin_unlock(spinlock_t *lock)
{
	if (KMM_DEBUG)
		lockdep_release(lock);
	if (single_threaded()) {
		atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
		return;
	}
	if (unlikely(atomic_exchange_explicit(&lock->word, 0,
					      memory_order_release) == 2))
		spin_unlock_slow(lock);
}

static inline void lockdep_assert_held(spinlock_t *lock)
{
	if (KMM_DEBUG)
		BUG_ON(!lockdep_is_held(lock));
}

#endif /* LIB_LOCK_H */
