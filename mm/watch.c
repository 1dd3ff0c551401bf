// SPDX-License-Identifier: MIT
/*
 * Watching calls: hands every allocation and every free to whoever asked.
 *
 *	malloc(), kmem_cache_alloc(), alloc_pages() ...
 *	  fast path: fails, no cache has a sheaf
 *	  slow path: the work, then watch_call() -> each watcher
 *
 * So the fast path needs no test of its own: with nobody watching it is the same
 * instructions, and with somebody each call takes the long way. Which calls
 * there are is decided at the entry points; what those do among themselves, as
 * malloc() allocating pages, is one call, the outermost.
 *
 * Watchers register at boot, when there is one thread, and stay for good. A
 * watcher may be called by any number of threads at once, and in a forked child.
 *
 * Who attaches to a probe of calls (probes.c) comes at any time, and cannot wait
 * for caches without sheaves: percpu.tracers makes the fast paths fail instead,
 * and the slow paths go on with sheaves.
 *
 * Context:	see watch.h.
 * Source:	the kernel's tracepoints of mm (include/trace/events/kmem.h) stand
 *		at the same places.
 * Not here:	what watchers do with it.
 */
#include "../lib/debug.h"
#include "../lib/lock.h"
#include "probes.h"
#include "watch.h"

/* As many as there are facilities. */
#define MAX_WATCHERS 8
#define MAX_AT_EXIT 8

bool calls_watched;

static void (*watchers[MAX_WATCHERS])(const struct watch_call *call);
static unsigned int nr_watchers;
static void (*at_exit[MAX_AT_EXIT])(void);
static unsigned int nr_at_exit;

void watch_register(void (*fn)(const struct watch_call *call))
{
	BUG_ON(nr_watchers == MAX_WATCHERS);
	watchers[nr_watchers++] = fn;
	calls_watched = true;
}

void watch_call(const struct watch_call *call)
{
	unsigned int i;

	if (READ_ONCE(percpu.tracers))
		trace_call(call);
	for (i = 0; i < nr_watchers; i++)
		watchers[i](call);
}

void watch_at_exit(void (*fn)(void))
{
	BUG_ON(nr_at_exit == MAX_AT_EXIT);
	at_exit[nr_at_exit++] = fn;
}

/* Later than all other libraries' if this one was preloaded. */
static void __attribute__((destructor)) watch_exit(void)
{
	while (nr_at_exit)
		at_exit[--nr_at_exit]();
}
