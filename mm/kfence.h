/* SPDX-License-Identifier: MIT */
/*
 * KFENCE: some allocations, or all of them, in pages of their own beside
 * inaccessible ones. See kfence.c.
 *
 * What the other rooms need to know of it: ask kfence_alloc() on a slow path,
 * and give what is_kfence_address() to kfence_free().
 */
#ifndef MM_KFENCE_H
#define MM_KFENCE_H

#include <linux/slab.h>

#include "../lib/cmdline.h"
#include "../lib/compiler.h"
#include "../lib/lock.h"
#include "../lib/stackdepot.h"

struct sigaction;

/*
 * Address space of the pool; size 0: there is none, KFENCE is off. What does not
 * name the lock never changes after boot. A reader from outside looks into it, too.
 */
struct kfence_pool {
	unsigned long start;
	unsigned long size;
	struct kfence_metadata *metadata;	/* by first unit; under kfence_lock;
						 * untouched ones cost no memory */
	u32 *units;		/* F2; under kfence_lock */
	u32 nr_units;		/* with unit 0, which is a guard */
	u32 window;		/* units that may have been handed out; grows,
				 * under kfence_lock */
	u64 start_time;		/* ns, of host_clock_precise() */
	u32 nr_allocated;	/* blocks that have units; under kfence_lock */
	u32 max_allocated;	/* all: what the mappings suffice for */
};

extern __hidden struct kfence_pool kfence_pool;

/* kfence_sample.c --------------------------------------------------------- */

/* 1: the next allocation that comes by is to be guarded. */
extern __hidden _Atomic u32 kfence_wanted;
/* Take the sample that is due; false if another has. */
bool kfence_take_turn(void);
/* Boot, when there is a pool. */
void kfence_sample_init(void);
/* Threads may be started from now on in this process. */
void kfence_enable(void);
void kfence_fork_child(void);
/* Is this the process that kfence_enable() was called in, or a child of its own
 * memory? Not a child of vfork(). */
bool kfence_owns_process(void);

/* @nr objects are on their way to users without a further look from here. */
void __kfence_count(unsigned int nr);
static inline void kfence_count(unsigned int nr)
{
	if (unlikely(kmm_params.kfence_sample))
		__kfence_count(nr);
}

/* kfence.c ---------------------------------------------------------------- */

/* Boot, before the first cache. Never fails: without a pool it is off. */
int kfence_init(void);

static inline bool is_kfence_address(const void *p)
{
	return unlikely((unsigned long)p - kfence_pool.start <
			kfence_pool.size);
}

void *__kfence_alloc(struct kmem_cache *s, size_t size, size_t align,
		     gfp_t gfp, const void *caller);

/*
 * A guarded block, if it is its turn; else NULL, and the caller serves the
 * request as usual. @s: the cache that it is for; NULL: it is beyond the caches.
 * Takes no lock of others; inside the fork gate or not.
 */
static inline void *kfence_alloc(struct kmem_cache *s, size_t size,
				 size_t align, gfp_t gfp, const void *caller)
{
	if (likely(!atomic_load_explicit(&kfence_wanted, memory_order_relaxed)))
		return NULL;
	return __kfence_alloc(s, size, align, gfp, caller);
}

/* @p is_kfence_address(). @s: the cache that it was freed to, or NULL. What
 * cannot be freed is reported. */
void kfence_free(struct kmem_cache *s, void *p, const void *caller);
/* The size that was asked for, if a block in use starts at @p; else 0. */
size_t kfence_ksize(const void *p);
/* Report a free of @p, or a use of it as an object, that cannot be. */
void kfence_bad_free(const void *p, const void *caller);
/* Call @fn for each object of @s that is in use; their number. */
unsigned int kfence_for_each_inuse(struct kmem_cache *s,
				   void (*fn)(void *object, void *arg),
				   void *arg);
/* @s is being destroyed. */
void kfence_shutdown_cache(struct kmem_cache *s);

/* kfence_signal.c --------------------------------------------------------- */

/* At boot: SIGSEGV comes to us first, for KFENCE or for debug_pagealloc. */
void kfence_install_handler(void);
extern __hidden bool kfence_handles_segv;
/* sigaction() for SIGSEGV, as the program means it. 0, or -1 and errno. */
int kfence_sigaction(const struct sigaction *act, struct sigaction *old);

/* Between the parts of KFENCE ---------------------------------------------- */

extern __hidden spinlock_t kfence_lock;

enum kfence_object_state {
	KFENCE_OBJECT_UNUSED,
	KFENCE_OBJECT_ALLOCATED,
	KFENCE_OBJECT_FREEING,	/* freed, its pages not yet inaccessible */
	KFENCE_OBJECT_FREED,
};

/* Who did something, and when. */
struct kfence_track {
	depot_stack_handle_t stack;
	int tid;
	u64 time;		/* ns since kfence_init() */
};

/* One block. Changed under kfence_lock; a report reads it without. */
struct kfence_metadata {
	enum kfence_object_state state;
	u32 nr_units;		/* of address space, from its index on */
	unsigned long addr;	/* of the object */
	size_t size;		/* asked for */
	struct kmem_cache *cache;	/* NULL: it is beyond the caches */
	const char *name;	/* of the cache */
	unsigned long unprotected;	/* page opened by a report; 0: none */
	u64 freed_at;		/* bytes of addresses handed out before */
	u32 next;		/* unit: the next one on the list of free ones */
	struct kfence_track alloc, free;
};

/* kfence_pool.c. At boot; false without address space. */
bool kfence_pool_init(void);
/* Under kfence_lock: units for a block, FREEING; NULL if there are none. Back, as
 * UNUSED or FREED. */
struct kfence_metadata *kfence_pool_take(size_t size, size_t align);
void kfence_pool_put(struct kfence_metadata *meta,
		     enum kfence_object_state state);
/* Where a block's address space begins. */
unsigned long kfence_first_unit(const struct kfence_metadata *meta);
/* What an address of the pool belongs to; NULL: nothing yet. */
struct kfence_metadata *kfence_metadata_of(unsigned long addr);
/* The pages of a block: [first, end). */
static inline unsigned long kfence_first_page(const struct kfence_metadata *meta)
{
	return ALIGN_DOWN(meta->addr, PAGE_SIZE);
}
static inline unsigned long kfence_end_page(const struct kfence_metadata *meta)
{
	return ALIGN(meta->addr + meta->size, PAGE_SIZE);
}
/* The byte that is around an object while it is in use. */
static inline u8 kfence_canary(unsigned long addr)
{
	return (u8)(0xaa ^ (addr & 7));
}
u64 kfence_clock(void);
/* "kfence-#NR" */
u32 kfence_number(const struct kfence_metadata *meta);

enum kfence_error_type {
	KFENCE_ERROR_OOB,
	KFENCE_ERROR_UAF,
	KFENCE_ERROR_CORRUPTION,
	KFENCE_ERROR_INVALID,
	KFENCE_ERROR_INVALID_FREE,
	KFENCE_ERROR_DOUBLE_FREE,
};

/* An access that faulted, or a call that freed. */
struct kfence_access {
	unsigned long addr;
	const char *what;	/* "read", "write", "access" */
	const void *pc;		/* of the access; NULL: a call */
	const void *caller;	/* return address of the call; NULL: at exit */
};

/* Report, and abort by the policy (bad_free); else return. @meta may be NULL. */
void kfence_report_error(enum kfence_error_type type,
			 const struct kfence_access *access,
			 const struct kfence_metadata *meta);
/* A fault at an address of the pool: report it, and make the page accessible.
 * False if it is none of ours after all. */
bool kfence_handle_page_fault(const struct kfence_access *access);

#endif /* MM_KFENCE_H */
