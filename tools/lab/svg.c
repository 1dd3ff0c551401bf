// SPDX-License-Identifier: MIT
/*
 * The numbers of a comparison as a picture: one row per allocator, one column
 * of bars per question. Each column has its own scale, from 0 to its largest
 * value; every bar has its figure beside it.
 *
 * Colours are those of Okabe and Ito, which people who see colours differently
 * can tell apart; no meaning hangs on them alone, since columns have titles.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kmm/kmm.h"
#include "../kmm/svg_file.h"
#include "compare.h"

#define LEFT 120
#define TOP 86
#define ROW 30
#define COLUMN 112
#define BAR 58		/* the longest */

struct column {
	const char *title, *unit;
	size_t offset;		/* of a double in struct result */
	const char *colour;
	int digits;
};

static const struct column columns[] = {
	{ "failed", "calls", offsetof(struct result, failed), "#D55E00", 0 },
	{ "heap", "bytes spread over", offsetof(struct result, heap), "#0072B2",
	  0 },
	{ "external", "% at worst", offsetof(struct result, external),
	  "#0072B2", 1 },
	{ "internal", "% at the peak", offsetof(struct result, internal),
	  "#0072B2", 1 },
	{ "alloc", "steps", offsetof(struct result, alloc_steps), "#009E73", 2 },
	{ "alloc", "ns", offsetof(struct result, alloc_ns), "#009E73", 0 },
	{ "free", "steps", offsetof(struct result, free_steps), "#E69F00", 2 },
	{ "free", "ns", offsetof(struct result, free_ns), "#E69F00", 0 },
	{ "threads: alloc", "ns", offsetof(struct result, thread_alloc_ns),
	  "#CC79A7", 0 },
	{ "threads: free", "ns", offsetof(struct result, thread_free_ns),
	  "#CC79A7", 0 },
	{ "threads: locks", "per call", offsetof(struct result, locks), "#CC79A7",
	  2 },
};

#define NR_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static double value(const struct result *r, const struct column *c)
{
	return *(const double *)((const char *)r + c->offset);
}

static void write_column(FILE *f, const struct column *c, unsigned int x,
			 const struct result *results, unsigned int nr)
{
	double max = 0, v, width;
	unsigned int i;
	char text[32];

	for (i = 0; i < nr; i++)
		if (value(&results[i], c) > max)
			max = value(&results[i], c);
	svg_text(f, x, TOP - 28, "h", c->title);
	svg_text(f, x, TOP - 12, "u", c->unit);
	for (i = 0; i < nr; i++) {
		v = value(&results[i], c);
		width = max > 0 && v > 0 ? BAR * v / max : 0;
		svg_rect(f, x, TOP + i * ROW, width, 16, c->colour);
		if (v < 0)
			snprintf(text, sizeof(text), "not counted");
		else
			snprintf(text, sizeof(text), "%.*f", c->digits, v);
		svg_text(f, x + width + 4, TOP + i * ROW + 12, "n", text);
	}
}

static void write_rows(FILE *f, const struct result *results, unsigned int nr,
		       unsigned int width)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (i % 2 == 0)
			svg_rect(f, 8, TOP + i * ROW - 7, width - 16, ROW,
				 "#f4f4f4");
		svg_text(f, 16, TOP + i * ROW + 13, "r", results[i].name);
	}
}

int svg_write(const char *path, const char *title, unsigned int threads,
	      const struct result *results, unsigned int nr)
{
	unsigned int width = LEFT + NR_COLUMNS * COLUMN + 16;
	unsigned int height = TOP + nr * ROW + 16, i;
	char *heading = xasprintf("%s: %lu calls, %u thread%s", title,
				  results[0].calls, threads,
				  threads == 1 ? "" : "s");
	FILE *f = svg_begin(path, width, height, heading);

	free(heading);
	if (!f)
		return -errno;
	write_rows(f, results, nr, width);
	for (i = 0; i < NR_COLUMNS; i++)
		write_column(f, &columns[i], LEFT + i * COLUMN, results, nr);
	return svg_end(f);
}
