/* SPDX-License-Identifier: MIT */
/*
 * What a trace of calls comes to over time: its length in equal parts, and for
 * each what was live at its end, what was called in it, and by whom.
 */
#ifndef TOOLS_KMM_HISTORY_H
#define TOOLS_KMM_HISTORY_H

#include "trace_file.h"

#define NR_SIZE_CLASSES 33	/* class k: up to 2^k bytes; the last: more */
#define HISTORY_CALLERS 12	/* that are shown by name */

struct history_part {
	uint64_t live, peak;	/* bytes: at the end, and the most */
	uint64_t nr_live;	/* blocks */
	uint64_t allocs, frees, failed;
	uint64_t asked[NR_SIZE_CLASSES];	/* allocations, by size */
	uint64_t held[NR_SIZE_CLASSES];		/* live bytes, by size */
};

struct history_caller {
	struct trace_caller *caller;	/* NULL: all the others */
	const char *name;
	uint64_t calls, bytes, most;	/* @most: live at the end of a part */
	uint64_t *live;			/* bytes at the end of each part */
};

struct history {
	struct trace_file *file;
	uint64_t duration;	/* ns */
	uint64_t nr_calls;
	size_t nr_parts;
	struct history_part *parts;
	struct history_caller *callers;	/* by @most; the others last */
	size_t nr_callers;
};

void history_read(struct history *h, struct trace_file *file, size_t nr_parts);
void history_free(struct history *h);

#endif /* TOOLS_KMM_HISTORY_H */
