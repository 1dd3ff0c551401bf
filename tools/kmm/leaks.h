/* SPDX-License-Identifier: MIT */
/*
 * The search for lost blocks, and the list of live ones: what `kmm leaks`,
 * `kmm live` and `kmm run --leaks` have in common.
 */
#ifndef TOOLS_KMM_LEAKS_H
#define TOOLS_KMM_LEAKS_H

#include <stdbool.h>
#include <stdio.h>

#include "remote.h"

struct leaks_options {
	FILE *out;
	unsigned int max_stacks;	/* groups to print; 0: all */
	bool live;			/* every block, lost or not */
	struct suppression *suppressions;
};

/* One line of a file, "leak:GLOB": blocks with a matching function, file or
 * module in their stack are not reported. */
struct suppression {
	struct suppression *next;
	char *pattern;
	unsigned long nr_blocks;
};

/* Add the lines of a file; ends the program with a message if they make no
 * sense. */
void suppressions_read(struct suppression **list, const char *path);

/* Look for lost blocks and print them; *@nr is their number, or that of all blocks
 * with options->live. The process is stopped meanwhile; false, with a message, if
 * that cannot be. */
bool leaks_report(struct remote *remote, const struct leaks_options *options,
		  size_t *nr);

#endif /* TOOLS_KMM_LEAKS_H */
