/* SPDX-License-Identifier: MIT */
/*
 * kmm run --fail: what its two files share. run_fail.c reads the options,
 * run_sweep.c runs the program again and again.
 */
#ifndef TOOLS_KMM_FAIL_H
#define TOOLS_KMM_FAIL_H

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

#endif /* TOOLS_KMM_FAIL_H */
