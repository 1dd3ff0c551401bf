// SPDX-License-Identifier: MIT
/*
 * Which allocations KFENCE guards: the samples.
 *
 * They are taken in the slow paths, when kfence_wanted says that one is due:
 *
 *	timer		every kfence_sample_interval ms: kfence_wanted = 1, and
 *			sheaf_take_mains(): no CPU has a main sheaf, so that the
 *			next allocation from any cache takes the slow path. The
 *			sheaves are back in use with it.
 *	slow path	kfence_wanted == 1: one takes it, sets it to 0, is guarded
 *
 * So what is sampled is the first allocation after a moment, as in the kernel,
 * whatever its size: a loop that never leaves the fast path has no less a share than
 * one that always does. A free may come first, which gives the CPU a main with that
 * object in it; then the next tick takes it away again. Without a restartable
 * sequence every allocation takes the slow path.
 *
 * By number: each sheaf that a CPU begins with counts what is in it, and when
 * kfence_sample have been counted, a sample is due. What is popped and pushed without
 * end from one sheaf is not counted; that is what the timer is for. If so many are to
 * be guarded that sheaves would save nothing, no cache has one, and each allocation is
 * counted.
 *
 * Lock order:	none is held; the timer enters the fork gate.
 * Context:	a child of fork() starts a timer of its own.
 * Source:	kernel mm/kfence/core.c, its allocation gate: the timer there flips a
 *		static key; here it takes the sheaves.
 */
#include "../lib/gate.h"
#include "../lib/host.h"
#include "internal.h"
#include "kfence.h"
#include "slab.h"

/* While the program does nothing, the timer waits up to 2^4 intervals. */
#define MAX_IDLE_SHIFT 4

/* Before boot the first allocation of all comes to ask. */
_Atomic u32 kfence_wanted = 1;

static _Atomic long count_left;		/* kfence_sample: objects until the next */

void __kfence_count(unsigned int nr)
{
	long every = (long)kmm_params.kfence_sample;

	if (atomic_fetch_sub_explicit(&count_left, nr, memory_order_relaxed) >
	    (long)nr)
		return;
	/* Two who see it are one sample; it is a rate. */
	atomic_store_explicit(&count_left, every, memory_order_relaxed);
	atomic_store_explicit(&kfence_wanted, 1, memory_order_relaxed);
}

static void *timer(void *arg)
{
	unsigned int interval = (unsigned int)kmm_params.kfence_sample_interval;
	unsigned int idle = 0;
	bool pending, took;

	host_name_thread("kmm-kfence");
	for (;;) {
		host_sleep_ms(interval << idle);
		pending = atomic_exchange_explicit(&kfence_wanted, 1,
						   memory_order_relaxed);
		gate_enter();
		took = sheaf_take_mains(false);
		gate_exit();
		if (!pending || took)
			idle = 0;
		else if (idle < MAX_IDLE_SHIFT)
			idle++;
	}
	return arg;
}

/* The process that this memory belongs to; 0 before the constructors. */
static int owner_pid;
static _Atomic bool timer_started;

bool kfence_owns_process(void)
{
	return owner_pid && owner_pid == host_getpid();
}

/*
 * It is started by the first allocation that asks for a turn, which gets none,
 * unless all do: what a process allocates first lives as long as the process.
 */
static bool timer_runs(void)
{
	if (!kmm_params.kfence_sample_interval ||
	    atomic_load_explicit(&timer_started, memory_order_relaxed))
		return true;
	if (!kfence_owns_process() ||
	    atomic_exchange(&timer_started, true))
		return false;
	/* Where there can be no thread, nothing but a count makes samples due. */
	host_start_thread(timer);
	if (kmm_params.kfence_sample == 1)
		return true;
	atomic_store(&kfence_wanted, 0);
	return false;
}

bool kfence_take_turn(void)
{
	if (kmm_params.kfence_all)
		return true;
	if (!timer_runs() || !atomic_exchange_explicit(&kfence_wanted, 0,
						       memory_order_relaxed))
		return false;
	kfence_count(1);
	return true;
}

/* Start ------------------------------------------------------------------- */

void kfence_sample_init(void)
{
	atomic_store(&count_left, (long)kmm_params.kfence_sample);
	/* All are guarded; or the first one starts the timer. */
	atomic_store(&kfence_wanted, kmm_params.kfence_all ||
					     kmm_params.kfence_sample_interval ||
					     kmm_params.kfence_sample == 1);
}

void kfence_enable(void)
{
	owner_pid = host_getpid();
}

/* The child has no timer: its first allocation starts one. */
void kfence_fork_child(void)
{
	owner_pid = host_getpid();
	if (!kfence_pool.size || kmm_params.kfence_all)
		return;
	atomic_store(&timer_started, false);
	if (kmm_params.kfence_sample_interval) {
		atomic_store(&kfence_wanted, 1);
		sheaf_take_mains(true);
	}
}
