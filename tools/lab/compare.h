/* SPDX-License-Identifier: MIT */
/*
 * Traces through all allocators of the lab, as numbers and as a plot.
 */
#ifndef TOOLS_LAB_COMPARE_H
#define TOOLS_LAB_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#define COMPARE_MAX_THREADS 16

struct compare_options {
	size_t arena;		/* bytes; 0: half as much again as is live at most */
	unsigned int threads;
	const char *svg;	/* NULL: no plot */
};

int lab_compare(const struct compare_options *options, char **traces,
		unsigned int nr);

/* What one allocator did with one trace. */
struct result {
	const char *name;
	unsigned long calls;
	double failed;		/* calls */
	double heap;		/* bytes: the most it has spread over */
	double peak;		/* bytes live at that most, as asked for */
	/* %: of the free bytes, outside the largest piece; at the worst, when
	 * that piece had @largest bytes. */
	double external, largest;
	double internal;	/* %: of the bytes taken, not asked for, at peak */
	double alloc_steps, free_steps;	/* per call; < 0: not counted */
	double alloc_ns, free_ns;
	double thread_alloc_ns, thread_free_ns;	/* with all threads */
	double locks;		/* per call; < 0: not counted */
};

/* A page of bars, one row for each allocator. 0 or -errno. */
int svg_write(const char *path, const char *title, unsigned int threads,
	      const struct result *results, unsigned int nr);

#endif /* TOOLS_LAB_COMPARE_H */
