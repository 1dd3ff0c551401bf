/* SPDX-License-Identifier: MIT */
/*
 * A lesson whose lines are all kept, each with the state after it: what a page
 * shows. One can go on behind any of them.
 *
 *	entries	| script pages | # Pages. | strategy mm | alloc 4 | free A |
 *		  SCRIPT	 NOTE	    STEP	  STEP	     ^ at
 *
 * A line that makes no sense is an entry if it is in a script, with what is said
 * of it; of a line that was typed, only the answer is handed back.
 */
#ifndef TOOLS_LAB_SESSION_H
#define TOOLS_LAB_SESSION_H

#include <stdbool.h>
#include <stdio.h>

#include "lab.h"

enum entry_kind { ENTRY_SCRIPT, ENTRY_NOTE, ENTRY_STEP };

struct entry {
	enum entry_kind kind;
	unsigned int depth;	/* of scripts that run scripts */
	char *line;		/* of a SCRIPT, its name */
	/* Of a STEP: what state_write() wrote, what was printed, the library's
	 * reports. */
	bool ok;
	char *state, *text, *report;
};

struct session {
	const struct lab_options *options;
	struct entry *entries;
	unsigned int nr;
	unsigned int nr_wrong;	/* steps that made no sense */

	/* Of session.c. */
	struct lesson *lesson;
	unsigned int done;	/* entries that the lesson has seen */
	FILE *out;
	char *text;
	size_t text_size;
};

struct session *session_new(const struct lab_options *options);
void session_destroy(struct session *s);
/* The lines of a file, from the beginning; false: errno says why it cannot be
 * read. */
bool session_script(struct session *s, const char *name);
/* Lines, instead of all entries from @at on. One alone must make sense and
 * change something: else it is not kept, but handed back, in *@answer. */
void session_do(struct session *s, unsigned int at, const char *lines,
		struct entry *answer);
void entry_clear(struct entry *entry);
/* As JSON: { line, depth, kind } and, of a STEP, { ok, text, report, said,
 * state }. */
void session_write_entry(FILE *f, const struct entry *entry);
void session_write(FILE *f, const struct session *s, unsigned int from);

#endif /* TOOLS_LAB_SESSION_H */
