/* SPDX-License-Identifier: MIT */
/*
 * What the views have in common when they write: one table, as aligned text, as
 * JSON or as CSV.
 *
 *	output_begin(o, "caches", remote);
 *	output_table(o, columns, nr);
 *	for each row, in the order of the columns:
 *		output_string(o, name); output_number(o, bytes); ...
 *	output_end(o);
 *
 * JSON is one object a line, of the form
 *
 *	{"schema": "kmm.caches", "version": 1, "time": SECONDS, "pid": N,
 *	 "rows": [{"name": ..., ...}, ...]}
 *
 * with "core": PATH in place of "pid" for a core. CSV has one line of names. If
 * the view is repeated, each row begins with its time. A name says its unit. Names
 * are added, but never change their meaning, within one OUTPUT_VERSION.
 */
#ifndef TOOLS_KMM_OUTPUT_H
#define TOOLS_KMM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "remote.h"

#define OUTPUT_VERSION 1

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_CSV };

enum output_type { OUTPUT_STRING, OUTPUT_NUMBER, OUTPUT_FRACTION };

struct output_column {
	const char *name;
	enum output_type type;
};

struct output {
	FILE *out;
	enum output_format format;
	bool repeated;		/* this is one of several of the same */

	/* Of output.c. */
	const struct output_column *columns;
	size_t nr_columns;
	char **cells;		/* text: of the table so far */
	size_t nr_cells, max_cells;
	double time;
	bool header_done;	/* CSV */
};

/* "text", "json" or "csv"; ends the program with a message if it is not. */
enum output_format output_format(const char *name);

void output_begin(struct output *o, const char *report,
		  const struct remote *remote);
void output_table(struct output *o, const struct output_column *columns,
		  size_t nr_columns);
/* The next cell, whose type must be the column's. */
void output_string(struct output *o, const char *value);
void output_number(struct output *o, uint64_t value);
void output_fraction(struct output *o, double value);
/* A cell of any type that is not known, or makes no sense in this row. */
void output_nothing(struct output *o);
/* Ends the program with a message if it could not all be written. */
void output_end(struct output *o);

#endif /* TOOLS_KMM_OUTPUT_H */
