// SPDX-License-Identifier: MIT
/*
 * The end of the road: a report, then abort().
 *
 * kmm_bug() is reached when the allocator's own state, or what a caller
 * handed in, is proven broken. It trusts nothing but the stack: no lock, no
 * allocation, one write(2). The core file that abort() leaves shows the state
 * at the moment of discovery. A handler of SIGABRT may fork, exit or never return:
 * other threads' forks do not wait for this one, though it is inside the gate.
 *
 * Also here: the one variable of memcheck.h, which is a header otherwise.
 */
#include "debug.h"
#include "gate.h"
#include "host.h"
#include "memcheck.h"

bool memcheck_on;

void kmm_abort(void)
{
	gate_abandon();
	host_abort();
}

void kmm_bug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	kmm_abort();
}
