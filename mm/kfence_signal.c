// SPDX-License-Identifier: MIT
/*
 * SIGSEGV: faults in KFENCE's pool, and in free pages under debug_pagealloc, are
 * reported, all others are the program's.
 *
 * Our handler is the one that the host knows. What the program has set, or
 * would have set if the malloc shim had not caught its sigaction() (see
 * lib/malloc/signal.c), is program_action, and it is served as if it were in
 * place:
 *
 *	flags, mask	ours is installed with the program's, so that the host
 *			chooses the stack, blocks what is to be blocked, and
 *			restarts calls as the program wants it
 *	handler		called in the frame of ours, with the arguments the host
 *			gave; it may leave by siglongjmp()
 *	SA_RESETHAND	the program's action becomes SIG_DFL before the call
 *	SIG_DFL		the host's SIG_DFL is put in place and the access is made
 *			again: same signal, same core
 *	vfork()		what a child sets is the host's matter: the memory is the
 *			parent's, and so is program_action
 *	SIG_IGN		the host ignores it for signals that were sent, not for
 *			faults; so do we
 *
 * A thread that has SIGSEGV blocked when it faults is killed by the host, with no
 * report. A system call that is given an address in the pool fails with EFAULT,
 * and nobody is told.
 *
 * In a program that links libkmm and has no shim, sigaction() is libc's, and a
 * handler that the program installs later replaces ours.
 *
 * Concurrency:	who sets the action holds action_lock with all signals blocked, so
 *		that the handler may take it; who reads it does so between two looks
 *		at `generation`, of which the last bit says which copy counts.
 * Context:	the handler runs anywhere, also inside of other handlers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "../lib/gate.h"
#include "../lib/host.h"
#include "internal.h"
#include "kfence.h"
#include "page_poison.h"

static spinlock_t action_lock = SPINLOCK_INIT(LOCK_RANK_KFENCE);
static struct sigaction program_action[2];
bool kfence_handles_segv;
static _Atomic u32 generation;

static void read_action(struct sigaction *act)
{
	u32 seen;

	do {
		seen = atomic_load(&generation);
		*act = program_action[seen & 1];
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load(&generation) != seen);
}

static void write_action(const struct sigaction *act)
{
	u32 next = atomic_load(&generation) + 1;

	program_action[next & 1] = *act;
	atomic_store(&generation, next);
}

/* The access ---------------------------------------------------------------- */

#if defined(__aarch64__)
/* Of the context's records, the one with the syndrome of the fault. */
static const char *kind_of_access(const ucontext_t *uc)
{
	const unsigned int wnr = 1u << 6;	/* write, not read */
	const struct _aarch64_ctx *head = (const void *)uc->uc_mcontext.__reserved;

	while (head->magic && head->magic != ESR_MAGIC)
		head = (const void *)((const char *)head + head->size);
	if (!head->magic)
		return "access";
	return ((const struct esr_context *)head)->esr & wnr ? "write" : "read";
}

static const void *context_pc(const ucontext_t *uc)
{
	return (const void *)uc->uc_mcontext.pc;
}
#elif defined(__x86_64__)
static const char *kind_of_access(const ucontext_t *uc)
{
	const unsigned long write = 1u << 1;	/* of the page fault's error code */

	return (unsigned long)uc->uc_mcontext.gregs[REG_ERR] & write ? "write" :
								       "read";
}

static const void *context_pc(const ucontext_t *uc)
{
	return (const void *)uc->uc_mcontext.gregs[REG_RIP];
}
#else
static const char *kind_of_access(const ucontext_t *uc)
{
	(void)uc;
	return "access";
}

/* Not known: the report shows what called the handler. */
static const void *context_pc(const ucontext_t *uc)
{
	(void)uc;
	return __builtin_return_address(0);
}
#endif

/* The handler --------------------------------------------------------------- */

/* What the host does with a signal that no handler is set for. */
static void default_action(int sig, const siginfo_t *info)
{
	struct sigaction dfl;

	memset(&dfl, 0, sizeof(dfl));
	dfl.sa_handler = SIG_DFL;
	host_sigaction(sig, &dfl, NULL);
	/* A fault comes again by itself; what was sent must be sent again. */
	if (info->si_code <= 0)
		host_raise(sig);
}

static void call_program(int sig, siginfo_t *info, void *context)
{
	struct sigaction act;

	read_action(&act);
	if (!(act.sa_flags & SA_SIGINFO) && act.sa_handler == SIG_DFL) {
		default_action(sig, info);
		return;
	}
	if (!(act.sa_flags & SA_SIGINFO) && act.sa_handler == SIG_IGN) {
		if (info->si_code > 0)
			default_action(sig, info);
		return;
	}
	if (act.sa_flags & SA_RESETHAND) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };

		kfence_sigaction(&dfl, NULL);
	}
	if (act.sa_flags & SA_SIGINFO)
		act.sa_sigaction(sig, info, context);
	else
		act.sa_handler(sig);
}

static void handle_fault(int sig, siginfo_t *info, void *context)
{
	struct kfence_access access = {
		.addr = (unsigned long)info->si_addr,
		.what = kind_of_access(context),
		.pc = context_pc(context),
	};
	int saved_errno = errno;
	bool again = false;

	if (info->si_code > 0)
		again = is_kfence_address(info->si_addr) ?
				kfence_handle_page_fault(&access) :
				page_debug_fault(access.addr, access.what,
						 access.pc);
	errno = saved_errno;
	if (!again)
		call_program(sig, info, context);
}

/* Actions ------------------------------------------------------------------- */

static bool has_handler(const struct sigaction *act)
{
	return act->sa_flags & SA_SIGINFO ||
	       (act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN);
}

static int install(const struct sigaction *program)
{
	struct sigaction ours;

	memset(&ours, 0, sizeof(ours));
	if (has_handler(program)) {
		ours.sa_mask = program->sa_mask;
		ours.sa_flags = (program->sa_flags & ~SA_RESETHAND) | SA_SIGINFO;
	} else {
		ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	}
	ours.sa_sigaction = handle_fault;
	return host_sigaction(SIGSEGV, &ours, NULL);
}

int kfence_sigaction(const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before;
	sigset_t all, mask;
	int ret = 0;

	read_action(&before);
	if (act && !kfence_owns_process()) {
		ret = host_sigaction(SIGSEGV, act, NULL);
	} else if (act) {
		sigfillset(&all);
		gate_enter();
		pthread_sigmask(SIG_SETMASK, &all, &mask);
		spin_lock(&action_lock);
		read_action(&before);
		write_action(act);
		ret = install(act);
		if (ret)
			write_action(&before);
		spin_unlock(&action_lock);
		pthread_sigmask(SIG_SETMASK, &mask, NULL);
		gate_exit();
	}
	if (ret) {
		errno = -ret;
		return -1;
	}
	if (old)
		*old = before;
	return 0;
}

void kfence_install_handler(void)
{
	struct sigaction before;

	if (kfence_handles_segv || host_sigaction(SIGSEGV, NULL, &before))
		return;
	kfence_handles_segv = true;
	write_action(&before);
	if (install(&before))
		printk("WARNING: kfence: SIGSEGV cannot be handled: accesses are not reported\n");
}
