// SPDX-License-Identifier: MIT
/*
 * The fork gate; lib/gate.h says what it is for.
 *
 * Threads inside are counted in shards, so that two CPUs in slow paths do not
 * fight for one cache line. Entering and closing is Dekker's pattern:
 *
 *	enter:	shard++ ; read closed		close:	closed = 1 ; read shards
 *
 * Both sides use sequentially consistent operations, so at least one sees the
 * other: the entering thread steps back and waits, or the closing one waits
 * for the shard to drain.
 *
 * The only thread of a process is not counted: nobody else could fork. Should it
 * start a second one while inside, as a constructor of objects may, it holds no
 * lock there, and the worst that a fork of that thread does is to lose, in the
 * child, the slab that is being constructed. (The reporter may be started inside
 * as well; it never forks.)
 *
 * Invariants:	G1  sum of shards = threads inside, outermost entries only, without
 *		    one that entered as the only thread
 *		G2  while closed, only the closing thread is inside
 * Lock order:	the gate is outside of every lock of ours. A thread inside never
 *		waits for the gate again: depth counts its nesting.
 *		Of others' locks, those whose holder may allocate have to be taken
 *		before the gate is closed, or else the holder waits for the gate,
 *		and the closer in its fork() for the holder:
 *		- in fork handlers of other libraries: the shim's are registered
 *		  first of all (-z initfirst), so gate_close() is called last;
 *		- libc's list of streams, which fork() takes behind all handlers. A
 *		  thread in fflush(NULL) has it, and waits for the stream of
 *		  another one that allocates, in getline() for example. It is taken
 *		  here, once more than by fork(). So who is inside must not wait
 *		  for it, as fopen() and exit() do;
 *		- two that nobody but libc can take: that of the name service,
 *		  whose holder allocates only when it reads nsswitch.conf; and that
 *		  of the list of fork handlers, whose holder allocates only when
 *		  there are more than 48. These are left.
 */
#include "gate.h"
#include "host.h"
#include "lock.h"

#define NR_SHARDS 16

static struct shard {
	_Atomic u32 inside;
} __cacheline_aligned shards[NR_SHARDS];

static _Atomic u32 closed;

static __thread struct {
	u32 depth;
	u8 shard;		/* where this entry was counted */
	bool counted;		/* not in a process of one thread */
	bool closer;		/* this thread holds the gate closed */
	bool streams;		/* and libc's list of streams */
} gate;

/* Threads spread over the shards by their thread area's address. */
static u32 my_shard(void)
{
	return (u32)(((unsigned long)&gate >> 12) * 0x9e3779b1u >> 8) %
	       NR_SHARDS;
}

static noinline void gate_wait(void)
{
	while (atomic_load(&closed))
		host_futex_wait(&closed, 1);
}

void gate_enter(void)
{
	if (gate.depth++)
		return;
	gate.counted = !single_threaded();
	if (!gate.counted)
		return;
	gate.shard = (u8)my_shard();
	for (;;) {
		atomic_fetch_add(&shards[gate.shard].inside, 1);
		if (likely(!atomic_load(&closed)) || gate.closer)
			return;
		/* Step back: the closer waits for this shard to drain. */
		if (atomic_fetch_sub(&shards[gate.shard].inside, 1) == 1)
			host_futex_wake(&shards[gate.shard].inside, 1);
		gate_wait();
	}
}

void gate_exit(void)
{
	struct shard *shard = &shards[gate.shard];

	if (--gate.depth || !gate.counted)
		return;
	if (atomic_fetch_sub(&shard->inside, 1) == 1 &&
	    unlikely(atomic_load(&closed)))
		host_futex_wake(&shard->inside, 1);
}

/*
 * A thread may fork from inside, in a constructor of objects. Its own entry is
 * not one to wait for, neither for itself nor for another closer. It holds no
 * lock there.
 */
static void gate_leave_uncounted(void)
{
	struct shard *shard = &shards[gate.shard];

	if (gate.depth && gate.counted && atomic_fetch_sub(&shard->inside, 1) == 1)
		host_futex_wake(&shard->inside, 1);
}

void gate_abandon(void)
{
	/* One that forks is not counted already. */
	if (!gate.closer)
		gate_leave_uncounted();
	gate.counted = false;
}

void gate_close(void)
{
	u32 i, open, inside;

	gate_leave_uncounted();
	gate.streams = !single_threaded();
	if (gate.streams)
		host_lock_streams();
	/* One closer at a time: forks of several threads queue up here. */
	for (;;) {
		open = 0;
		if (atomic_compare_exchange_strong(&closed, &open, 1))
			break;
		host_futex_wait(&closed, 1);
	}
	gate.closer = true;
	for (i = 0; i < NR_SHARDS; i++)
		while ((inside = atomic_load(&shards[i].inside)) != 0)
			host_futex_wait(&shards[i].inside, inside);
	/* The forking thread may allocate until the gate opens again. */
	gate.depth++;
}

static void gate_open(void)
{
	if (--gate.depth && gate.counted)
		atomic_fetch_add(&shards[gate.shard].inside, 1);
	gate.closer = false;
	atomic_store(&closed, 0);
	host_futex_wake(&closed, INT32_MAX);
}

void gate_open_parent(void)
{
	gate_open();
	if (gate.streams)
		host_unlock_streams();
}

void gate_open_child(void)
{
	u32 i;

	/* The only thread left; what others were about to count is void. */
	for (i = 0; i < NR_SHARDS; i++)
		atomic_store(&shards[i].inside, 0);
	gate_open();
	/* As libc does it: whoever holds it is not here. */
	if (gate.streams)
		host_reset_streams();
}

bool gate_held(void)
{
	return gate.depth != 0;
}
