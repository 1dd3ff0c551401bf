/* SPDX-License-Identifier: MIT */
/*
 * kmm run --fail: what its files share. run_fail.c reads the options, run_sweep.c
 * runs the program again and again, run_crash.c finds out where it crashed.
 */
#ifndef TOOLS_KMM_FAIL_H
#define TOOLS_KMM_FAIL_H

#include <signal.h>

#include "run.h"

struct fail_spec {
	unsigned long probability, interval, space;
	long times;
	bool attributes;	/* one of these was given */
	unsigned long nth;	/* 0: no */
	bool sweep;
	unsigned long from, to;	/* of the sweep; @to may be ULONG_MAX */
	unsigned int timeout;	/* seconds for each run */
	unsigned int jobs;	/* runs at the same time */
	const char *keep;	/* directory for what the runs print; or NULL */
};

/* As run->drive, for a sweep. */
void run_sweep(struct run *run, const struct fail_spec *spec,
	       struct run_result *result);

/* Run the program once more, with @mask, and take the stack at its last signal
 * @sig, or, if that is 0, after @timeout seconds. As frames of a report, which the
 * caller frees; NULL if it did not come to that. No other child may be there. */
char *crash_stack(struct run *run, int sig, unsigned int timeout,
		  const sigset_t *mask);

#endif /* TOOLS_KMM_FAIL_H */
