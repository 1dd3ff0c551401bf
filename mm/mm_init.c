// SPDX-License-Identifier: MIT
/*
 * Boot: brings the rooms up in order, once, on the first call of any thread.
 *
 *	host and command line -> per-CPU memory -> zones -> first memory
 *	  -> sheaf caches -> kmalloc caches -> vmalloc -> restartable sequences
 *
 * Each step needs only those before it. The last one lets the fast paths run:
 * until then they fail by themselves and end in a slow path, which boots.
 *
 * States:	MM_DOWN -> MM_BOOTING -> MM_UP
 *		MM_BOOTING -> MM_DOWN if the host gives no memory; the next call
 *		goes on with the step that failed
 * Lock order:	boot_lock is outside of every other lock, and inside the gate.
 * Context:	before the C library's constructors, if the loader allocates.
 */
#include <errno.h>
#include <pthread.h>

#include <kmm/kmm.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "../lib/percpu.h"
#include "../lib/printk.h"
#include "failslab.h"
#include "internal.h"
#include "kfence.h"
#include "kmemleak.h"
#include "page_owner.h"
#include "page_poison.h"
#include "profile.h"
#include "slab.h"
#include "slub_debug.h"
#include "watch.h"

_Atomic int mm_state = MM_DOWN;

static spinlock_t boot_lock = SPINLOCK_INIT(LOCK_RANK_BOOT);
/* Steps may allocate from what is up already: then this thread is the booter. */
static __thread bool booting;
static const char *boot_cmdline;

static int boot_host(void)
{
	/* A name of its own, for lib/often.ld. */
	static const char variable[] = "KMM_CMDLINE";

	host_init();
	memcheck_init();
	if (&kmm_frontend_ladder)
		kmm_params.kmalloc_ladder = kmm_frontend_ladder;
	if (&kmm_cmdline && kmm_cmdline)
		cmdline_parse(kmm_cmdline);
	cmdline_parse(boot_cmdline);
	cmdline_parse(host_getenv(variable));
	if (kmm_params.report_fd != 2)
		printk_to((int)kmm_params.report_fd);
	calls_watched |= memcheck_active();
	host_fail_nth = kmm_params.host_fail_nth;
	kmm_page_shift = kmm_params.page_shift > host.page_shift ?
				 (unsigned int)kmm_params.page_shift :
				 host.page_shift;
	return 0;
}

static int boot_rseq(void)
{
	percpu_enable_rseq();
	return 0;
}

static int (*const boot_steps[])(void) = {
	boot_host,
	calltrace_init,
	failslab_init,
	page_poison_init,
	profile_init,
	percpu_init,
	page_alloc_init,
	sparse_init,
	page_owner_init,
	kmemleak_init,
	slub_debug_init,
	kfence_init,
	sheaf_init,
	sheaf_exit_init,
	kmem_cache_init,
	vmalloc_init,
	boot_rseq,
};

static int boot(void)
{
	static unsigned int next;
	int ret;

	for (; next < ARRAY_SIZE(boot_steps); next++) {
		ret = boot_steps[next]();
		if (ret)
			return ret;
	}
	return 0;
}

static int boot_once(const char *cmdline)
{
	int ret = 0;

	booting = true;
	/* A fork must not find the boot half done, and its lock held. */
	gate_enter();
	spin_lock(&boot_lock);
	if (atomic_load(&mm_state) != MM_UP) {
		boot_cmdline = cmdline;
		atomic_store(&mm_state, MM_BOOTING);
		ret = boot();
		/* Release pairs with the acquire in mm_ready(). */
		atomic_store_explicit(&mm_state, ret ? MM_DOWN : MM_UP,
				      memory_order_release);
	} else if (cmdline) {
		ret = -EBUSY;
	}
	spin_unlock(&boot_lock);
	gate_exit();
	booting = false;
	return ret;
}

noinline bool mm_boot(void)
{
	return booting || !boot_once(NULL);
}

int kmm_boot(const char *cmdline)
{
	int ret;

	if (atomic_load(&mm_state) == MM_UP)
		return -EBUSY;
	ret = boot_once(cmdline ? cmdline : "");
	/* Another thread may have been faster. */
	return !ret || ret == -EBUSY ? ret : -ENOMEM;
}

/* fork ---------------------------------------------------------------------*/

static void fork_child(void)
{
	lockdep_reset();
	gate_open_child();
	host_fork_child();
	calltrace_fork_child();
	sheaf_fork_child();
	page_reporting_enable();
	kfence_fork_child();
}

/* Not a boot: main() may still call kmm_boot(). But PAGE_SIZE must be true, and
 * fork() safe, whatever comes first. */
static void __attribute__((constructor)) mm_construct(void)
{
	pthread_atfork(gate_close, gate_open_parent, fork_child);
	page_reporting_enable();
	kfence_enable();
	if (atomic_load(&mm_state) != MM_DOWN)
		return;
	host_init();
	kmm_page_shift = host.page_shift;
}
