/* SPDX-License-Identifier: MIT */
/*
 * Watching calls: what a facility needs to know that must see every allocation
 * and every free, as a trace or a profile must. See watch.c.
 */
#ifndef MM_WATCH_H
#define MM_WATCH_H

#include <linux/slab.h>

#include "../lib/compiler.h"
#include "../lib/percpu.h"

/* One per entry point that a caller can tell from another. */
enum watch_op {
	WATCH_MALLOC,
	WATCH_CALLOC,
	WATCH_REALLOC,		/* old and result; both may be NULL */
	WATCH_MEMALIGN,
	WATCH_FREE,
	WATCH_KMALLOC,
	WATCH_KFREE,
	WATCH_CACHE_ALLOC,
	WATCH_CACHE_FREE,
	WATCH_VMALLOC,
	WATCH_VFREE,
	WATCH_ALLOC_PAGES,	/* size is that of the block */
	WATCH_FREE_PAGES,
	NR_WATCH_OPS
};

/* One call, as its caller sees it. What an operation has no use for is zero. */
struct watch_call {
	enum watch_op op;
	gfp_t gfp;
	struct kmem_cache *cache;	/* of an object */
	const void *old;		/* what is freed, or resized */
	void *result;			/* NULL: the call failed; or old itself */
	size_t size;			/* bytes asked for */
	size_t align;			/* asked for; 0: the usual one */
	const void *caller;		/* return address of the call */
};

/*
 * Must every call be seen? Set at boot, or never: caches that are made while
 * it is set have no sheaves, so that each operation fails the fast path and
 * ends in a slow one, where this is looked at. Also set under memcheck.h.
 */
extern __hidden bool calls_watched;

/* Is this call to be told of? Watchers stay for good; tracers of the probes
 * (probes.h) come and go, and take caches as they are. */
static inline bool call_is_watched(void)
{
	return calls_watched || READ_ONCE(percpu.tracers);
}

/* Tell all watchers and tracers. Of an allocation, when it is done; of a free, before it is,
 * so that nobody is told first of the next owner. Inside the fork gate or not,
 * no lock held; a watcher may allocate pages, and calls none of the entry points
 * above. */
void watch_call(const struct watch_call *call);

static inline void watch_alloc(enum watch_op op, void *result, size_t size,
			       gfp_t gfp, const void *caller)
{
	struct watch_call call = {
		.op = op, .result = result, .size = size, .gfp = gfp,
		.caller = caller,
	};

	if (unlikely(call_is_watched()))
		watch_call(&call);
}

static inline void watch_free(enum watch_op op, const void *p,
			      const void *caller)
{
	struct watch_call call = { .op = op, .old = p, .caller = caller };

	if (unlikely(call_is_watched()))
		watch_call(&call);
}

/* At boot, before the first cache: from now on @fn is told of each call. */
void watch_register(void (*fn)(const struct watch_call *call));
/* Have @fn called when the process exits normally; the
 * last one registered comes first. */
void watch_at_exit(void (*fn)(void));

/* calltrace.c, which nobody else has to do with. */
int calltrace_init(void);
void calltrace_fork_child(void);

#endif /* MM_WATCH_H */
