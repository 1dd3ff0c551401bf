// SPDX-License-Identifier: MIT
/*
 * Locks: the slow half of lib/lock.h, and the rank checker of debug builds.
 *
 * Word:	0 free -> 1 held -> 0, or 1 -> 2 (a waiter announces itself) -> 0
 * Invariants:	L1  a waiter sleeps only after it has set the word to 2
 *		L2  whoever frees a word of 2 wakes one waiter; that waiter takes
 *		    the lock as 2, since others may still sleep
 * Context:	Any thread. A signal handler that interrupts a holder must not
 *		take the same lock.
 * Source:	U. Drepper, "Futexes Are Tricky", mutex 2.
 */
#include "host.h"
#include "lock.h"

/* About a microsecond: longer than most of our sections, shorter than a
 * sleep and its wake-up. Pointless with one CPU, where the holder cannot run. */
#define SPIN_LIMIT 100

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

void spin_lock_slow(spinlock_t *lock)
{
	int spins = host.nr_cpus > 1 ? SPIN_LIMIT : 0;
	u32 word;

	while (spins--) {
		word = atomic_load_explicit(&lock->word, memory_order_relaxed);
		if (word == 2)
			break;		/* others sleep already: queue up */
		if (!word &&
		    atomic_compare_exchange_strong_explicit(
			    &lock->word, &word, 1, memory_order_acquire,
			    memory_order_relaxed))
			return;
		cpu_relax();
	}
	/* Acquire pairs with the release in spin_unlock(). */
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire))
		host_futex_wait(&lock->word, 2);
}

void spin_unlock_slow(spinlock_t *lock)
{
	host_futex_wake(&lock->word, 1);
}

/* Debug builds ------------------------------------------------------------ */

#define MAX_HELD 16

static __thread struct {
	unsigned int nr;
	spinlock_t *lock[KMM_DEBUG ? MAX_HELD : 1];
} held;

void lockdep_acquire(spinlock_t *lock, bool try)
{
	unsigned int i;

	if (!KMM_DEBUG)
		return;
	if (!try)
		for (i = 0; i < held.nr; i++)
			if (held.lock[i]->rank >= lock->rank)
				kmm_bug("BUG lock order: rank %u taken while holding rank %u\n",
					lock->rank, held.lock[i]->rank);
	if (held.nr == MAX_HELD)
		kmm_bug("BUG lock depth: more than %d locks held\n", MAX_HELD);
	held.lock[held.nr++] = lock;
}

void lockdep_release(spinlock_t *lock)
{
	unsigned int i;

	if (!KMM_DEBUG)
		return;
	for (i = held.nr; i-- > 0;) {
		if (held.lock[i] != lock)
			continue;
		held.lock[i] = held.lock[--held.nr];
		return;
	}
	kmm_bug("BUG lock: released a lock of rank %u that is not held\n",
		lock->rank);
}

bool lockdep_is_held(spinlock_t *lock)
{
	unsigned int i;

	for (i = 0; KMM_DEBUG && i < held.nr; i++)
		if (held.lock[i] == lock)
			return true;
	return !KMM_DEBUG;
}

void lockdep_reset(void)
{
	held.nr = 0;
}
