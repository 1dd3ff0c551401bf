// SPDX-License-Identifier: MIT
/*
 * sigaction() and signal() of the shim: what a program sets for SIGSEGV while
 * KFENCE or debug_pagealloc needs the signal itself is kept, served and shown by
 * kfence_sigaction(). All other signals, and SIGSEGV without these, are the C
 * library's, which has second names for these functions.
 *
 * Not here:	sigset() and bsd_signal(), which hardly anybody calls; they replace
 *		our handler, as if the program had no shim.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "../../mm/kfence.h"
#include "../host.h"
#include "malloc.h"

typedef void (*handler_fn)(int sig);

/* libc's signal(), which knows of siginterrupt(). */
extern handler_fn ssignal(int sig, handler_fn handler);

KMM_API int sigaction(int sig, const struct sigaction *act,
		      struct sigaction *old)
{
	int ret;

	if (sig == SIGSEGV && kfence_handles_segv)
		return kfence_sigaction(act, old);
	ret = host_sigaction(sig, act, old);
	if (!ret)
		return 0;
	errno = -ret;
	return -1;
}

static handler_fn set_handler(int sig, handler_fn handler, int flags)
{
	struct sigaction act, old;

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	act.sa_flags = flags;
	if (!(flags & SA_NODEFER))
		sigaddset(&act.sa_mask, sig);
	if (sigaction(sig, &act, &old))
		return SIG_ERR;
	return old.sa_handler;
}

KMM_API handler_fn signal(int sig, handler_fn handler)
{
	if (sig == SIGSEGV && kfence_handles_segv)
		return set_handler(sig, handler, SA_RESTART);
	return ssignal(sig, handler);
}

/* What signal() is to a program that was compiled for System V. */
KMM_API handler_fn __sysv_signal(int sig, handler_fn handler)
{
	return set_handler(sig, handler, SA_RESETHAND | SA_NODEFER);
}

KMM_API handler_fn sysv_signal(int sig, handler_fn handler)
{
	return set_handler(sig, handler, SA_RESETHAND | SA_NODEFER);
}
