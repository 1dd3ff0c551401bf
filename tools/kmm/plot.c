// SPDX-License-Identifier: MIT
/*
 * kmm plot: the pictures of kmm view, without the parts that one moves.
 *
 *	of a process	pages.svg	what each page is, in the last sample
 *			free.svg	the free lists, in the last sample
 *			sheaves.svg	what each CPU holds ready
 *			fragmentation.svg, memory.svg	over time
 *	of a trace	live.svg, calls.svg	over time
 *			sizes.svg	allocations by size
 *			callers.svg	live bytes at most, by caller
 *
 * Colours are those of Okabe and Ito, as in the page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kmm.h"
#include "plot.h"
#include "svg_file.h"

#define WIDTH 900
#define LEFT 130
#define TOP 70
#define LINE_HEIGHT 240		/* of a picture over time, without its frame */
#define ROW 22

static const char *const kind_names[] = {
	"free", "free, zero", "per-CPU list", "slab", "large block",
	"alloc_pages", "other",
};

static const char *const kind_colours[] = {
	"#56B4E9", "#DCEBF5", "#F0E442", "#009E73", "#D55E00", "#CC79A7",
	"#8A9099",
};

static const char *const line_colours[] = { "#0072B2", "#E69F00", "#009E73",
					    "#CC79A7" };

static FILE *begin(const char *dir, const char *name, unsigned int height,
		   const char *title)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f;

	if (mkdir(dir, 0777) && errno != EEXIST)
		error(EXIT_FAILED, errno, "cannot make %s", dir);
	f = svg_begin(path, WIDTH, height, title);
	if (!f)
		error(EXIT_FAILED, errno, "cannot write %s", path);
	free(path);
	return f;
}

static void end(FILE *f)
{
	int err = svg_end(f);

	if (err)
		error(EXIT_FAILED, -err, "cannot write");
}

/* A figure as people read it: "12.5 MiB". */
static void write_figure(FILE *f, double x, double y, const char *class,
			 double value, bool is_bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned int unit = 0;
	char text[64];

	while (is_bytes && value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	snprintf(text, sizeof(text), value < 10 && value != (int)value ?
		 "%.2f%s%s" : "%.0f%s%s", value, is_bytes ? " " : "",
		 is_bytes ? units[unit] : "");
	svg_text(f, x, y, class, text);
}

/* Lines over time ---------------------------------------------------------- */

struct line {
	const char *name;
	const double *values;
};

static double largest(const struct line *lines, size_t nr_lines, size_t nr)
{
	double max = 1;
	size_t i, k;

	for (k = 0; k < nr_lines; k++)
		for (i = 0; i < nr; i++)
			if (lines[k].values[i] > max)
				max = lines[k].values[i];
	return max;
}

/* @max 0: the largest value. */
static void plot_lines(const char *dir, const char *name, const char *title,
		       const struct line *lines, size_t nr_lines, size_t nr,
		       double duration_ms, double max, bool is_bytes)
{
	FILE *f = begin(dir, name, TOP + LINE_HEIGHT + 40, title);
	double width = WIDTH - LEFT - 30, x, y;
	char text[64];
	size_t i, k;

	if (max <= 0)
		max = largest(lines, nr_lines, nr);
	for (i = 0; i <= 4; i++) {
		y = TOP + LINE_HEIGHT * (1 - (double)i / 4);
		svg_rect(f, LEFT, y, width, 0.5, "#BBBBBB");
		write_figure(f, LEFT - 8, y + 4, "e", max * (double)i / 4,
			     is_bytes);
	}
	for (k = 0; k < nr_lines; k++) {
		svg_rect(f, LEFT + 190 * (double)k, 46, 12, 12,
			 line_colours[k]);
		svg_text(f, LEFT + 190 * (double)k + 17, 56, "n",
			 lines[k].name);
		fputs("<polyline fill=\"none\" stroke-width=\"2\" points=\"", f);
		for (i = 0; i < nr; i++) {
			x = LEFT + (nr > 1 ? width * (double)i /
						     (double)(nr - 1) : 0);
			y = TOP + LINE_HEIGHT * (1 - lines[k].values[i] / max);
			fprintf(f, "%.1f,%.1f ", x, y);
			if (nr == 1)
				fprintf(f, "%.1f,%.1f", x + width, y);
		}
		fprintf(f, "\" stroke=\"%s\"/>\n", line_colours[k]);
	}
	svg_text(f, LEFT, TOP + LINE_HEIGHT + 18, "n", "0 s");
	snprintf(text, sizeof(text), "%.3f s", duration_ms / 1000);
	svg_text(f, LEFT + width, TOP + LINE_HEIGHT + 18, "e", text);
	end(f);
}

/* Bars --------------------------------------------------------------------- */

struct bar {
	char *name;
	double value;
	const char *colour;
};

static void plot_bars(const char *dir, const char *name, const char *title,
		      struct bar *bars, size_t nr, unsigned int left,
		      bool is_bytes)
{
	FILE *f = begin(dir, name, TOP + (unsigned int)nr * ROW + 16, title);
	double max = 1, width;
	size_t i;

	for (i = 0; i < nr; i++)
		if (bars[i].value > max)
			max = bars[i].value;
	for (i = 0; i < nr; i++) {
		width = (WIDTH - left - 120) * bars[i].value / max;
		svg_text(f, 16, TOP + (double)i * ROW + 12, "r", bars[i].name);
		svg_rect(f, left, TOP + (double)i * ROW, width, 15,
			 bars[i].colour);
		write_figure(f, left + width + 5, TOP + (double)i * ROW + 12,
			     "n", bars[i].value, is_bytes);
		free(bars[i].name);
	}
	end(f);
	free(bars);
}

/* A heap ------------------------------------------------------------------- */

#define COLUMNS 128

struct map {
	FILE *f;
	double size;		/* of a cell */
	unsigned int columns;
	size_t cell;		/* so far, from the range's first row on */
	double top;
};

/* @nr cells of one colour, in as many rectangles as they touch rows. */
static void draw_cells(struct map *m, size_t nr, const char *colour, bool gap)
{
	size_t column, run;

	while (nr) {
		column = m->cell % m->columns;
		run = m->columns - column;
		if (run > nr)
			run = nr;
		svg_rect(m->f, LEFT + (double)column * m->size,
			 m->top + (double)(m->cell / m->columns) * m->size,
			 (double)run * m->size - (run == nr && gap ? 0.6 : 0),
			 m->size - 0.6, colour);
		m->cell += run;
		nr -= run;
	}
}

/* What makes up a pageblock, from the bottom up. */
static void draw_pageblock(struct map *m, const struct snapshot_pageblock *b)
{
	double x = LEFT + (double)(m->cell % m->columns) * m->size;
	double y = m->top + (double)(m->cell / m->columns + 1) * m->size;
	double total = 0, height;
	int kind;

	for (kind = 0; kind < NR_SNAPSHOT_KINDS; kind++)
		total += b->nr[kind];
	for (kind = 0; kind < NR_SNAPSHOT_KINDS && total > 0; kind++) {
		height = (m->size - 1) * b->nr[kind] / total;
		y -= height;
		if (b->nr[kind])
			svg_rect(m->f, x, y, m->size - 1, height,
				 kind_colours[kind]);
	}
	m->cell++;
}

static void draw_range(struct map *m, const struct snapshot *s,
		       const struct snapshot_range *range)
{
	size_t i, run;

	for (i = 0; i < range->nr; i += run) {
		const struct snapshot_block *b = &s->blocks[range->first + i];

		run = 1;
		if (s->whole) {
			draw_pageblock(m, &s->pageblocks[range->first + i]);
			continue;
		}
		while (b->kind == SNAPSHOT_OTHER && i + run < range->nr &&
		       b[run].kind == SNAPSHOT_OTHER)
			run++;
		draw_cells(m, b->kind == SNAPSHOT_OTHER ? run : b->nr_pages,
			   kind_colours[b->kind], true);
	}
}

static size_t range_rows(const struct snapshot *s,
			 const struct snapshot_range *r, unsigned int columns)
{
	size_t cells = s->whole ? r->nr : r->nr_pages;

	return (cells + columns - 1) / columns;
}

static void plot_pages(const char *dir, const struct series *series)
{
	const struct snapshot *s = &series->samples[series->nr_samples - 1];
	struct map m = { .columns = s->whole ? 32 : COLUMNS };
	char *title, address[32];
	size_t i, rows = 0;

	m.size = (double)(WIDTH - LEFT - 20) / m.columns;
	for (i = 0; i < s->nr_ranges; i++)
		rows += range_rows(s, &s->ranges[i], m.columns) + 1;
	title = xasprintf("%s: one cell is a %s", remote_name(series->remote),
			  s->whole ? "pageblock, filled in proportion" :
				     "page");
	m.f = begin(dir, "pages.svg",
		    (unsigned int)(TOP + m.size * (double)rows) + 16, title);
	for (i = 0; i < NR_SNAPSHOT_KINDS; i++) {
		svg_rect(m.f, 16 + 120 * (double)i, 44, 12, 12,
			 kind_colours[i]);
		svg_text(m.f, 33 + 120 * (double)i, 54, "n", kind_names[i]);
	}
	m.top = TOP;
	for (i = 0; i < s->nr_ranges; i++) {
		snprintf(address, sizeof(address), "0x%llx",
			 (unsigned long long)s->ranges[i].start);
		svg_text(m.f, LEFT - 8, m.top + 9, "e", address);
		m.cell = 0;
		draw_range(&m, s, &s->ranges[i]);
		m.top += m.size * (double)(1 + range_rows(s, &s->ranges[i],
							  m.columns));
	}
	free(title);
	end(m.f);
}

static void plot_free(const char *dir, const struct series *series)
{
	const struct snapshot *s = &series->samples[series->nr_samples - 1];
	struct bar *bars = xcalloc(NR_PAGE_ORDERS, sizeof(*bars));
	unsigned int order, zone;
	unsigned long nr;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		nr = 0;
		for (zone = 0; zone < MAX_NR_ZONES; zone++)
			nr += s->nr_free[zone][order];
		bars[order] = (struct bar){
			.name = xasprintf("order %u: %lu", order, nr),
			.value = (double)(nr << order << series->page_shift),
			.colour = kind_colours[SNAPSHOT_FREE],
		};
	}
	plot_bars(dir, "free.svg", "Free lists: blocks, and their bytes", bars,
		  NR_PAGE_ORDERS, 180, true);
}

static void plot_sheaves(const char *dir, const struct series *series)
{
	const struct snapshot *s = &series->samples[series->nr_samples - 1];
	struct bar *bars = xcalloc(s->nr_sheaves + 1, sizeof(*bars));
	const struct snapshot_sheaves *sh;
	size_t i;

	for (i = 0; i < s->nr_sheaves; i++) {
		sh = &s->sheaves[i];
		bars[i] = (struct bar){
			.name = xasprintf("%s, CPU %u",
					  series->names[sh->cache].name,
					  sh->cpu),
			.value = sh->main + sh->spare,
			.colour = "#E69F00",
		};
	}
	plot_bars(dir, "sheaves.svg", "Objects in the sheaves of each CPU", bars,
		  s->nr_sheaves, 260, false);
}

static void plot_fragmentation(const char *dir, const struct series *series)
{
	static const unsigned int some[] = { 1, 3, 6 };
	size_t nr = series->nr_samples, i, k;
	double *values = xcalloc(4 * nr, sizeof(*values));
	char names[4][48];
	struct line lines[4];
	unsigned int order;

	for (k = 0; k < 4; k++) {
		order = k < 3 ? some[k] : series->pageblock_order;
		for (i = 0; i < nr; i++)
			values[k * nr + i] =
				snapshot_unusable(&series->samples[i], order) /
				1000.0;
		snprintf(names[k], sizeof(names[k]), "unusable for order %u",
			 order);
		lines[k] = (struct line){ names[k], &values[k * nr] };
	}
	plot_lines(dir, "fragmentation.svg",
		   "Share of free memory in blocks too small", lines, 4, nr,
		   (double)series->samples[nr - 1].time / 1e6, 1, false);
	free(values);
}

static void plot_memory(const char *dir, const struct series *series)
{
	size_t nr = series->nr_samples, i;
	double *values = xcalloc(3 * nr, sizeof(*values));
	const struct snapshot *s;
	struct line lines[] = {
		{ "RSS of the process", values },
		{ "in use", values + nr },
		{ "slabs", values + 2 * nr },
	};

	for (i = 0; i < nr; i++) {
		s = &series->samples[i];
		values[i] = (double)s->rss;
		values[nr + i] = (double)(s->memory.total - s->memory.free);
		values[2 * nr + i] = (double)(s->memory.slab_reclaimable +
					      s->memory.slab_unreclaimable);
	}
	plot_lines(dir, "memory.svg", "Memory over time", lines, 3, nr,
		   (double)series->samples[nr - 1].time / 1e6, 0, true);
	free(values);
}

void plot_write_series(const char *dir, const struct series *series)
{
	plot_pages(dir, series);
	plot_free(dir, series);
	plot_sheaves(dir, series);
	plot_fragmentation(dir, series);
	plot_memory(dir, series);
}

/* A trace ------------------------------------------------------------------ */

static void plot_parts(const char *dir, const struct history *h)
{
	double *values = xcalloc(4 * h->nr_parts, sizeof(*values));
	double duration = (double)h->duration / 1e6;
	double per = (double)h->nr_parts * 1000 / (duration > 0 ? duration : 1);
	size_t nr = h->nr_parts, i;
	struct line live[] = { { "live", values }, { "peak", values + nr } };
	struct line calls[] = { { "allocations", values + 2 * nr },
				{ "frees", values + 3 * nr } };

	for (i = 0; i < nr; i++) {
		values[i] = (double)h->parts[i].live;
		values[nr + i] = (double)h->parts[i].peak;
		values[2 * nr + i] = (double)h->parts[i].allocs * per;
		values[3 * nr + i] = (double)h->parts[i].frees * per;
	}
	plot_lines(dir, "live.svg", "Live bytes over time", live, 2, nr,
		   duration, 0, true);
	plot_lines(dir, "calls.svg", "Calls per second", calls, 2, nr, duration,
		   0, false);
	free(values);
}

static void plot_sizes(const char *dir, const struct history *h)
{
	struct bar *bars = xcalloc(NR_SIZE_CLASSES, sizeof(*bars));
	size_t i, k;

	for (k = 0; k < NR_SIZE_CLASSES; k++) {
		bars[k].name = k == NR_SIZE_CLASSES - 1 ? xstrdup("more") :
			       xasprintf("up to %llu", 1ull << k);
		bars[k].colour = "#0072B2";
		for (i = 0; i < h->nr_parts; i++)
			bars[k].value += (double)h->parts[i].asked[k];
	}
	plot_bars(dir, "sizes.svg", "Allocations by size in bytes", bars,
		  NR_SIZE_CLASSES, 180, false);
}

static void plot_callers(const char *dir, const struct history *h)
{
	struct bar *bars = xcalloc(h->nr_callers + 1, sizeof(*bars));
	size_t i;

	for (i = 0; i < h->nr_callers; i++)
		bars[i] = (struct bar){
			.name = xasprintf("%.50s", h->callers[i].name),
			.value = (double)h->callers[i].most,
			.colour = "#009E73",
		};
	plot_bars(dir, "callers.svg", "Live bytes at most, by caller", bars,
		  h->nr_callers, 400, true);
}

void plot_write_history(const char *dir, const struct history *history)
{
	plot_parts(dir, history);
	plot_sizes(dir, history);
	plot_callers(dir, history);
}
