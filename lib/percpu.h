/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory, and the one operation that makes it fast: a push or pop on
 * this CPU's stack that needs no lock and no atomic instruction.
 *
 * Memory: a chunk holds one unit of 2^PERCPU_UNIT_SHIFT bytes per possible
 * CPU; a per-CPU object is an offset into the unit, handed around as its
 * address in unit 0:
 *
 *	chunk:	| unit 0 ....x.... | unit 1 ....x.... | unit 2 ....x.... | ...
 *	                    ^ base              ^ per_cpu_ptr(base, 1)
 *
 * Untouched units cost address space only, and all-zero bytes are a valid
 * start for every user: that is how a CPU's state is made on its first use.
 *
 * Two backends behind one interface, chosen at boot:
 *
 * rseq	   The unit is the number the kernel keeps in the thread's struct rseq
 *	   (mm_cid, compact per process, where the kernel fills it in; else
 *	   cpu_id). An operation is a restartable sequence: if the thread is
 *	   preempted, migrated or interrupted before the last store, the kernel
 *	   resumes it at the abort handler and nothing has happened.
 * trylock The unit is a number that the thread got on its first call; the
 *	   owner of the data takes a lock in it (see mm/sheaf.c). Used where
 *	   rseq is not registered: Valgrind, old kernels, sandboxes, tunables.
 *
 * In the rseq backend CPU n uses unit n + 1. Single threads may still be
 * unregistered (a raw clone(), or rseq refused for threads made after a sandbox
 * was entered); they use the trylock way on unit 0, which no CPU reaches.
 *
 * A child of vfork() shares the thread area of its suspended parent, where the
 * CPU number looks valid though the child itself is not registered. The
 * sequences then run unprotected. With a single-threaded parent nobody else
 * runs in the address space, so nothing can come between; the child of a
 * multi-threaded parent must not allocate (POSIX allows it only exec).
 */
#ifndef LIB_PERCPU_H
#define LIB_PERCPU_H

#include "compiler.h"

#define PERCPU_UNIT_SHIFT 12
#define PERCPU_UNIT_SIZE (1UL << PERCPU_UNIT_SHIFT)

/*
 * The layout of a per-CPU stack that the sequences know. The per-CPU object
 * starts with a pointer to it; NULL means "no stack here": both operations
 * fail and the caller's slow path decides.
 *
 * Each operation stores size, and the next one may follow at once. Processors
 * tell loads from the stores under way by the lower 12 bits of their addresses,
 * and a load that looks like one of a store waits for it. So size is not the first
 * word of a cache line: there lies what the next operation loads first, of percpu,
 * memmap and the cache. Nor is it a word that a push compares with, which is
 * loaded in one piece.
 */
struct percpu_stack {
	unsigned long owner_word;	/* the owner's */
	u32 size;
	u32 capacity;
	unsigned long owner_words[2];	/* likewise; never equal to a slot value */
	void *slots[];
};

/*
 * Written once at boot, but for one number: the fast path must ask anyway whether
 * sequences are used, and a tracer that attaches to the probes of calls
 * (mm/probes.h) answers for it. All that the fast path reads is one word, since
 * loads are what it consists of:
 *
 *	fast	| cpu : 32 | no_rseq : 16 | tracers : 16 |
 *		            lower half 0: push and pop may succeed
 *
 * So nothing more is asked, and from the next instruction on each call takes the
 * slow path, where the probes are. Where struct rseq is follows from where its
 * field cpu is: the struct is aligned, and the field within RSEQ_ALIGN of it.
 */
struct percpu_state {
	union {
		u64 fast;
		struct {
			u16 tracers;	/* counted by the kernel, from outside */
			u16 no_rseq;	/* not used, or not yet */
			s32 cpu;	/* the CPU number's field, from the
					 * thread pointer */
		};
	};
	ptrdiff_t rseq;		/* struct rseq, likewise; 0: not used */
	u32 nr_units;		/* units in each chunk */
	u32 nr_slots;		/* the trylock way uses units [0, nr_slots) */
	_Atomic u32 nr_used;	/* units below this may hold something */
} __cacheline_aligned;

#define RSEQ_ALIGN 32	/* the kernel demands it of struct rseq */

extern __hidden struct percpu_state percpu;

/* A mapping of nr_units units; for percpu.c, and for readers from outside (see
 * lib/anchor.c). */
#define PERCPU_GRAIN 32
#define PERCPU_GRAINS (PERCPU_UNIT_SIZE / PERCPU_GRAIN)

struct percpu_chunk {
	struct percpu_chunk *next;
	char *base;
	u64 taken[PERCPU_GRAINS / 64];
};

extern __hidden struct percpu_chunk *percpu_chunks;	/* under percpu_lock */

/* Make the first chunk, for the trylock way. */
int percpu_init(void);
/* Let the fast paths use rseq, if percpu_init() found it. From here on every
 * cache must have its per-CPU memory. */
void percpu_enable_rseq(void);

/* The largest object: a unit less what describes its chunk. */
#define PERCPU_MAX_SIZE (PERCPU_UNIT_SIZE - 64)

/* Zeroed per-CPU memory, 32-byte aligned; NULL without memory. */
void *percpu_alloc(size_t size);
void percpu_free(void *base, size_t size);
/* Bytes of per-CPU memory in units that are in use. */
size_t percpu_bytes(void);

static inline void *per_cpu_ptr(void *base, unsigned int cpu)
{
	return (char *)base + ((size_t)cpu << PERCPU_UNIT_SHIFT);
}

/* Does this thread use the rseq way? */
static inline bool percpu_rseq_active(void);

/* The unit of this thread at this moment; it may move at any instruction. */
unsigned int percpu_this_cpu(void);

/* Note that unit @cpu is in use, so that for_each_used_cpu() visits it. */
void percpu_mark_used(unsigned int cpu);

#define for_each_used_cpu(cpu)						\
	for ((cpu) = 0;							\
	     (cpu) < atomic_load_explicit(&percpu.nr_used,		\
					  memory_order_acquire);	\
	     (cpu)++)

/*
 * Store @value to *@where, in unit @cpu, in a way that excludes every push or
 * pop that is under way there. The caller holds the lock that serialises
 * writers of *@where.
 *
 * rseq: true only if this thread was on @cpu at the store. Any other thread's
 * sequence on @cpu was then preempted and will restart: whoever used the old
 * value is done with it. trylock: always true, the caller's lock is the
 * exclusion.
 */
bool percpu_store(unsigned int cpu, void **where, void *value);

/*
 * After WRITE_ONCE(*where, …) in another CPU's unit: returns true when every
 * sequence that saw the old value has committed or will restart. False if the
 * host refuses; the caller must then put the old value back.
 */
bool percpu_barrier(void);

#if defined(__SANITIZE_THREAD__)
#define KMM_RSEQ 0		/* TSan cannot see the hand-over between threads */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KMM_RSEQ 0
#endif
#endif

#if !defined(KMM_RSEQ)
#if defined(__x86_64__)
#define KMM_RSEQ 1
#include "percpu_rseq_x86_64.h"
#elif defined(__aarch64__)
#define KMM_RSEQ 1
#include "percpu_rseq_aarch64.h"
#else
#define KMM_RSEQ 0
#endif
#endif

#if !KMM_RSEQ
static inline bool rseq_registered(ptrdiff_t rseq) { (void)rseq; return false; }
static inline u32 rseq_cpu(ptrdiff_t cpu) { (void)cpu; return 0; }
static inline void *rseq_pop(void *base, ptrdiff_t rseq, ptrdiff_t cpu)
{
	(void)base, (void)rseq, (void)cpu;
	return NULL;
}
static inline bool rseq_push(void *base, void *p, ptrdiff_t rseq, ptrdiff_t cpu)
{
	(void)base, (void)p, (void)rseq, (void)cpu;
	return false;
}
static inline bool rseq_store(u32 on_cpu, void **where, void *value,
			      ptrdiff_t rseq, ptrdiff_t cpu)
{
	(void)on_cpu, (void)where, (void)value, (void)rseq, (void)cpu;
	return false;
}
#endif

static __always_inline bool percpu_rseq_active(void)
{
	/* Acquire pairs with percpu_enable_rseq(): what the caches got. */
	ptrdiff_t rseq = __atomic_load_n(&percpu.rseq, __ATOMIC_ACQUIRE);

	return likely(rseq) && likely(rseq_registered(rseq));
}

_Static_assert(!KMM_RSEQ || __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "which half of percpu.fast is which");

/* The same, for the fast paths; also false while a tracer wants to see each
 * call. */
static __always_inline bool percpu_fast(ptrdiff_t *rseq, ptrdiff_t *cpu)
{
	/* Acquire pairs with percpu_enable_rseq(). */
	u64 fast = __atomic_load_n(&percpu.fast, __ATOMIC_ACQUIRE);

	*cpu = (ptrdiff_t)fast >> 32;
	*rseq = ALIGN_DOWN(*cpu, RSEQ_ALIGN);
	return likely(!(u32)fast) && likely(rseq_registered(*rseq));
}

/*
 * Pop from this CPU's stack at @base: the object, or NULL if there is none,
 * if there is no stack, if the sequence was interrupted, without rseq, or
 * while calls are traced.
 */
static __always_inline void *percpu_pop(void *base)
{
	ptrdiff_t rseq, cpu;

	if (!percpu_fast(&rseq, &cpu))
		return NULL;
	return rseq_pop(base, rseq, cpu);
}

/*
 * Push @p, which is not NULL, to this CPU's stack at @base. False if it is
 * full, if there is no stack, if @p equals one of the two topmost slots (a
 * double free for the caller to judge), if the sequence was interrupted,
 * without rseq, or while calls are traced.
 */
static __always_inline bool percpu_push(void *base, void *p)
{
	ptrdiff_t rseq, cpu;

	if (!percpu_fast(&rseq, &cpu))
		return false;
	return rseq_push(base, p, rseq, cpu);
}

/* For the slow paths: whether or not calls are traced. */
static inline void *percpu_pop_slow(void *base)
{
	if (!percpu_rseq_active())
		return NULL;
	return rseq_pop(base, percpu.rseq, percpu.cpu);
}

static inline bool percpu_push_slow(void *base, void *p)
{
	if (!percpu_rseq_active())
		return false;
	return rseq_push(base, p, percpu.rseq, percpu.cpu);
}

#endif /* LIB_PERCPU_H */
