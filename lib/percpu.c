// SPDX-License-Identifier: MIT
/*
 * Per-CPU memory and the choice of the backend; lib/percpu.h has the theory.
 *
 * A chunk is one mapping of nr_units units. Each unit is cut in grains of 32
 * bytes; a bitmap per chunk says which are taken, in all units alike. Chunks
 * are never unmapped: a sequence may still read a unit that was just freed.
 *
 * Invariants:	P1  a taken grain's bit is set, in exactly one chunk
 *		P2  free grains are zero in every unit
 * Lock order:	percpu_lock is a leaf; mapping a chunk happens outside it.
 */
#include <errno.h>
#include <string.h>

#include "bitops.h"
#include "cmdline.h"
#include "host.h"
#include "lock.h"
#include "percpu.h"

#define GRAIN PERCPU_GRAIN
#define GRAINS PERCPU_GRAINS

/* Initialized, since the kernel counts tracers only in what is mapped from the
 * library's file, and .bss is not. */
struct percpu_state percpu = { .no_rseq = 1 };

/* Guarded by percpu_lock. The first chunk's descriptor must not need memory;
 * the others' are grains of the chunks themselves. */
static struct percpu_chunk first_chunk;
struct percpu_chunk *percpu_chunks;
static spinlock_t percpu_lock = SPINLOCK_INIT(LOCK_RANK_PERCPU);
static _Atomic bool barrier_refused;
static ptrdiff_t found_rseq;	/* what percpu.rseq will be */

/* Which unit of the trylock way this thread uses, counted from 1; 0: not yet. */
static __thread u32 my_slot;
static _Atomic u32 next_slot;

/* Two slots per CPU: with more threads than slots, collisions go to the barn;
 * with fewer, a slot is a thread's own. */
#define SLOTS_PER_CPU 2
#define MAX_SLOTS 64

static size_t chunk_size(void)
{
	return ALIGN((size_t)percpu.nr_units << PERCPU_UNIT_SHIFT,
		     1UL << host.page_shift);
}

/* Will percpu_fast() find both in its word? */
static bool fits_in_fast(ptrdiff_t rseq, ptrdiff_t cpu)
{
	return rseq == ALIGN_DOWN(cpu, RSEQ_ALIGN) && cpu == (s32)cpu;
}

static void choose_backend(void)
{
	u32 nr_cpu_ids = kmm_params.nr_cpus ? (u32)kmm_params.nr_cpus :
					      host.nr_cpu_ids;
	ptrdiff_t rseq, cpu;

	/*
	 * The kernel's numbers are below host.nr_cpu_ids whatever we were told,
	 * so fewer units than that are only possible without rseq. Without
	 * membarrier no CPU could take another one's sheaves: no rseq either.
	 */
	found_rseq = 0;
	if (KMM_RSEQ && kmm_params.rseq && nr_cpu_ids >= host.nr_cpu_ids &&
	    host_rseq(&rseq, &cpu) && fits_in_fast(rseq, cpu) &&
	    rseq_registered(rseq) && rseq_cpu(cpu) < nr_cpu_ids &&
	    host_membarrier_register()) {
		percpu.nr_slots = 1;
		percpu.nr_units = nr_cpu_ids + 1;
		percpu.cpu = (s32)cpu;
		found_rseq = rseq;
		return;
	}
	percpu.nr_slots = min_t(u32, MAX_SLOTS,
				min_t(u32, nr_cpu_ids,
				      SLOTS_PER_CPU * host.nr_cpus));
	percpu.nr_units = percpu.nr_slots;
}

int percpu_init(void)
{
	choose_backend();
	first_chunk.base = host_map(chunk_size());
	if (!first_chunk.base && found_rseq) {
		/* Not even address space for all CPUs: a few slots must do. */
		kmm_params.rseq = 0;
		choose_backend();
		first_chunk.base = host_map(chunk_size());
	}
	if (!first_chunk.base)
		return -ENOMEM;
	percpu_chunks = &first_chunk;
	return 0;
}

void percpu_enable_rseq(void)
{
	__atomic_store_n(&percpu.rseq, found_rseq, __ATOMIC_RELEASE);
	if (found_rseq)
		__atomic_store_n(&percpu.no_rseq, 0, __ATOMIC_RELEASE);
}

/* First fit for @nr grains in a row; the grain, or -1. */
static int chunk_find(struct percpu_chunk *chunk, unsigned int nr)
{
	unsigned int i, run = 0;

	for (i = 0; i < GRAINS; i++) {
		if (chunk->taken[i / 64] & (1ULL << (i % 64))) {
			run = 0;
			continue;
		}
		if (++run == nr)
			return (int)(i + 1 - nr);
	}
	return -1;
}

static void chunk_mark(struct percpu_chunk *chunk, unsigned int first,
		       unsigned int nr, bool taken)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		if (taken)
			chunk->taken[i / 64] |= 1ULL << (i % 64);
		else
			chunk->taken[i / 64] &= ~(1ULL << (i % 64));
	}
}

static void *percpu_take(unsigned int nr)
{
	struct percpu_chunk *chunk;
	int grain;

	for (chunk = percpu_chunks; chunk; chunk = chunk->next) {
		grain = chunk_find(chunk, nr);
		if (grain < 0)
			continue;
		chunk_mark(chunk, (unsigned int)grain, nr, true);
		return chunk->base + (unsigned int)grain * GRAIN;
	}
	return NULL;
}

/* A chunk describes itself in the first grains of its unit 0. */
#define DESC_GRAINS DIV_ROUND_UP(sizeof(struct percpu_chunk), GRAIN)
_Static_assert((GRAINS - DESC_GRAINS) * GRAIN >= PERCPU_MAX_SIZE,
	       "what is left of a unit");

static bool percpu_add_chunk(void)
{
	struct percpu_chunk *chunk;
	char *base = host_map(chunk_size());

	if (!base)
		return false;
	chunk = (struct percpu_chunk *)base;
	chunk->base = base;
	chunk_mark(chunk, 0, DESC_GRAINS, true);
	spin_lock(&percpu_lock);
	chunk->next = percpu_chunks;
	percpu_chunks = chunk;
	spin_unlock(&percpu_lock);
	return true;
}

void *percpu_alloc(size_t size)
{
	unsigned int nr = (unsigned int)DIV_ROUND_UP(size, GRAIN);
	void *base;

	BUG_ON(size > PERCPU_MAX_SIZE);
	do {
		spin_lock(&percpu_lock);
		base = percpu_take(nr);
		spin_unlock(&percpu_lock);
	} while (!base && percpu_add_chunk());
	return base;
}

void percpu_free(void *base, size_t size)
{
	unsigned int nr = (unsigned int)DIV_ROUND_UP(size, GRAIN);
	struct percpu_chunk *chunk;
	unsigned int cpu;
	size_t off;

	for_each_used_cpu(cpu)
		memset(per_cpu_ptr(base, cpu), 0, nr * GRAIN);
	spin_lock(&percpu_lock);
	for (chunk = percpu_chunks; chunk; chunk = chunk->next) {
		off = (size_t)((char *)base - chunk->base);
		if (off >= PERCPU_UNIT_SIZE)
			continue;
		chunk_mark(chunk, (unsigned int)(off / GRAIN), nr, false);
		break;
	}
	spin_unlock(&percpu_lock);
}

size_t percpu_bytes(void)
{
	struct percpu_chunk *chunk;
	size_t nr = 0;

	spin_lock(&percpu_lock);
	for (chunk = percpu_chunks; chunk; chunk = chunk->next)
		nr++;
	spin_unlock(&percpu_lock);
	return nr * atomic_load(&percpu.nr_used) << PERCPU_UNIT_SHIFT;
}

unsigned int percpu_this_cpu(void)
{
	if (percpu_rseq_active())
		return rseq_cpu(percpu.cpu) + 1;
	if (unlikely(!my_slot))
		my_slot = 1 + atomic_fetch_add_explicit(&next_slot, 1,
							memory_order_relaxed);
	return (my_slot - 1) % percpu.nr_slots;
}

void percpu_mark_used(unsigned int cpu)
{
	u32 used = atomic_load_explicit(&percpu.nr_used, memory_order_relaxed);

	/* Release pairs with for_each_used_cpu(). */
	while (used <= cpu &&
	       !atomic_compare_exchange_weak_explicit(&percpu.nr_used, &used,
						      cpu + 1,
						      memory_order_release,
						      memory_order_relaxed))
		;
}

bool percpu_store(unsigned int cpu, void **where, void *value)
{
	if (percpu_rseq_active())
		return rseq_store(cpu - 1, where, value, percpu.rseq,
				  percpu.cpu);
	/* Units of the trylock way: the caller's lock suffices. */
	if (cpu >= percpu.nr_slots)
		return false;
	__atomic_store_n(where, value, __ATOMIC_RELAXED);
	return true;
}

bool percpu_barrier(void)
{
	if (!percpu.rseq)
		return true;
	if (likely(host_membarrier()))
		return true;
	if (!atomic_exchange(&barrier_refused, true))
		printk("WARNING: kmm: membarrier is refused: other CPUs' sheaves cannot be drained\n");
	return false;
}
