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

/* "<" and "&" in a file's name would be markup. */
static void write_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '&')
			fputs("&amp;", f);
		else
			fputc(*text, f);
	}
}

static void write_column(FILE *f, const struct column *c, unsigned int x,
			 const struct result *results, unsigned int nr)
{
	double max = 0, v, width;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (value(&results[i], c) > max)
			max = value(&results[i], c);
	fprintf(f, "<text x=\"%u\" y=\"%u\" class=\"h\">%s</text>\n", x,
		TOP - 28, c->title);
	fprintf(f, "<text x=\"%u\" y=\"%u\" class=\"u\">%s</text>\n", x,
		TOP - 12, c->unit);
	for (i = 0; i < nr; i++) {
		v = value(&results[i], c);
		width = max > 0 && v > 0 ? BAR * v / max : 0;
		fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%.1f\" height=\"16\" fill=\"%s\"/>\n",
			x, TOP + i * ROW, width, c->colour);
		fprintf(f, "<text x=\"%.1f\" y=\"%u\" class=\"n\">",
			x + width + 4, TOP + i * ROW + 12);
		if (v < 0)
			fputs("not counted", f);
		else
			fprintf(f, "%.*f", c->digits, v);
		fputs("</text>\n", f);
	}
}

static void write_rows(FILE *f, const struct result *results, unsigned int nr,
		       unsigned int width)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (i % 2 == 0)
			fprintf(f, "<rect x=\"8\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#f4f4f4\"/>\n",
				TOP + i * ROW - 7, width - 16, ROW);
		fprintf(f, "<text x=\"16\" y=\"%u\" class=\"r\">%s</text>\n",
			TOP + i * ROW + 13, results[i].name);
	}
}

int svg_write(const char *path, const char *title, unsigned int threads,
	      const struct result *results, unsigned int nr)
{
	unsigned int width = LEFT + NR_COLUMNS * COLUMN + 16;
	unsigned int height = TOP + nr * ROW + 16, i;
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n",
		width, height, width, height);
	fputs("<style>text{font-family:sans-serif;fill:#222}.t{font-size:17px;font-weight:bold}"
	      ".h{font-size:13px;font-weight:bold}.u,.n{font-size:11px}"
	      ".r{font-size:13px}</style>\n", f);
	fprintf(f, "<rect width=\"%u\" height=\"%u\" fill=\"white\"/>\n", width,
		height);
	fputs("<text x=\"16\" y=\"30\" class=\"t\">", f);
	write_text(f, title);
	fprintf(f, ": %lu calls, %u thread%s</text>\n", results[0].calls,
		threads, threads == 1 ? "" : "s");
	write_rows(f, results, nr, width);
	for (i = 0; i < NR_COLUMNS; i++)
		write_column(f, &columns[i], LEFT + i * COLUMN, results, nr);
	fputs("</svg>\n", f);
	return fclose(f) ? -errno : 0;
}
