/* SPDX-License-Identifier: MIT */
/*
 * Reports of the library with names put in.
 *
 * The library writes what it knows without help, "0xADDRESS (MODULE+0xVADDR)",
 * optionally followed by " (BuildId: HEX)". A struct report takes its output
 * in pieces of any size, and writes whole lines in which
 *
 *	  #1 0x5629c83decc1 (/tmp/prog+0x1cc1)
 *
 * has become
 *
 *	  #1 0x5629c83decc1 inner [inlined] /src/prog.c:12
 *	  #1 0x5629c83decc1 outer+0x11/0x40 /src/prog.c:34
 *
 * In the middle of a line the same functions follow each other, with commas.
 * What has no name is written as it came.
 */
#ifndef TOOLS_KMM_REPORT_H
#define TOOLS_KMM_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "symbols.h"

/* One stream of a report: of one process, since lines of several would mix. */
struct report {
	struct symbols *symbols;
	const struct timespec *not_after; /* as in struct file_identity */
	FILE *out;
	/* If set, sees each line without its newline first; true swallows it. */
	bool (*filter)(void *data, const char *line, size_t len);
	void *data;
	char *line;		/* the piece of a line that has come */
	size_t len, size;
};

/* The name of a frame as reports have it; @module if it has no file, or NULL. */
void report_write_frame(FILE *out, const struct frame *frame,
			const char *module);

void report_add(struct report *r, const char *text, size_t len);
/* The end of the stream; frees what it holds. */
void report_end(struct report *r);

#endif /* TOOLS_KMM_REPORT_H */
