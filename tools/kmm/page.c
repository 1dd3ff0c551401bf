// SPDX-License-Identifier: MIT
/*
 * Writing the page of kmm view: web/view.html and what belongs to it, with data.
 *
 * The data are JSON. Blocks of pages, by far the most of it, are one string per
 * range, which view_heap.js takes apart:
 *
 *	blocks	= block { "," block }		ascending, without gaps
 *	block	= what [ "*" times ]		alike, one behind the other
 *	what	= "f" order | "z" order		on a free list; reads as zero
 *		| "p" order			on a per-CPU list
 *		| "s" order "." cache "." inuse "." objects [ ":" states ]
 *		| "l" pages | "a" order | "o"	large, alloc_pages(), other
 *		| "b" n { "." n }		a pageblock: pages of each kind
 *	states	= { digit }			base 64, three objects each,
 *						the first in the lowest bits
 *
 * All numbers are decimal. Behind a ":" there is nothing if all objects are live;
 * without one, it is not known which are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kmm.h"
#include "page.h"
#include "web.h"

EMBED(view_html, "tools/kmm/web/view.html");
EMBED(view_css, "tools/kmm/web/view.css");
EMBED(view_draw_js, "tools/kmm/web/view_draw.js");
EMBED(view_heap_js, "tools/kmm/web/view_heap.js");
EMBED(view_trace_js, "tools/kmm/web/view_trace.js");
EMBED(view_js, "tools/kmm/web/view.js");

/* A list of numbers, without those that are 0 at its end. */
static void write_numbers(FILE *f, const uint64_t *numbers, size_t nr)
{
	size_t i;

	while (nr && !numbers[nr - 1])
		nr--;
	fputc('[', f);
	for (i = 0; i < nr; i++)
		fprintf(f, "%s%" PRIu64, i ? "," : "", numbers[i]);
	fputc(']', f);
}

/* A heap ------------------------------------------------------------------- */

static void write_states(FILE *f, const struct snapshot_block *b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int i, value = 0;
	bool all_live = true;

	for (i = 0; b->state && i < b->objects; i++)
		all_live &= b->state[i] == OBJECT_LIVE;
	if (!b->state)
		return;
	fputc(':', f);
	for (i = 0; !all_live && i < b->objects; i++) {
		value |= (unsigned int)b->state[i] << i % 3 * 2;
		if (i % 3 == 2 || i + 1u == b->objects) {
			fputc(digits[value], f);
			value = 0;
		}
	}
}

static void write_block(FILE *f, const struct snapshot_block *b)
{
	switch (b->kind) {
	case SNAPSHOT_SLAB:
		fprintf(f, "s%u.%u.%u.%u", b->order, b->cache, b->inuse,
			b->objects);
		write_states(f, b);
		break;
	case SNAPSHOT_LARGE:
		fprintf(f, "l%u", b->nr_pages);
		break;
	case SNAPSHOT_OTHER:
		fputc('o', f);
		break;
	default:
		fprintf(f, "%c%u", "fzpsla"[b->kind], b->order);
	}
}

static bool same_block(const struct snapshot_block *a,
		       const struct snapshot_block *b)
{
	return a->kind == b->kind && a->order == b->order &&
	       a->nr_pages == b->nr_pages && a->cache == b->cache &&
	       a->inuse == b->inuse && a->objects == b->objects &&
	       !a->state == !b->state &&
	       (!a->state || !memcmp(a->state, b->state, a->objects));
}

static void write_blocks(FILE *f, const struct snapshot_block *b, size_t nr)
{
	size_t i, times;

	for (i = 0; i < nr; i += times) {
		for (times = 1; i + times < nr; times++)
			if (!same_block(&b[i], &b[i + times]))
				break;
		fputs(i ? "," : "", f);
		write_block(f, &b[i]);
		if (times > 1)
			fprintf(f, "*%zu", times);
	}
}

static void write_pageblocks(FILE *f, const struct snapshot_pageblock *b,
			     size_t nr)
{
	size_t i, times;
	int kind;

	for (i = 0; i < nr; i += times) {
		for (times = 1; i + times < nr; times++)
			if (memcmp(&b[i], &b[i + times], sizeof(*b)))
				break;
		fputs(i ? ",b" : "b", f);
		for (kind = 0; kind < NR_SNAPSHOT_KINDS; kind++)
			fprintf(f, "%s%u", kind ? "." : "", b[i].nr[kind]);
		if (times > 1)
			fprintf(f, "*%zu", times);
	}
}

static void write_ranges(FILE *f, const struct snapshot *s)
{
	const struct snapshot_range *r;
	size_t i;

	fputs(",\n\"ranges\":[", f);
	for (i = 0; i < s->nr_ranges; i++) {
		r = &s->ranges[i];
		fprintf(f, "%s[\"0x%" PRIx64 "\",%" PRIu64 ",\"",
			i ? "," : "", r->start, r->nr_pages);
		if (s->whole)
			write_pageblocks(f, &s->pageblocks[r->first], r->nr);
		else
			write_blocks(f, &s->blocks[r->first], r->nr);
		fputs("\"]", f);
	}
	fputc(']', f);
}

/* Where the map has pageblocks: what a few slabs look like. */
static void write_examples(FILE *f, const struct snapshot *s)
{
	size_t i;

	fputs(",\n\"slabs\":[", f);
	for (i = 0; s->whole && i < s->nr_blocks; i++) {
		fprintf(f, "%s[\"0x%" PRIx64 "\",\"", i ? "," : "",
			s->blocks[i].address);
		write_block(f, &s->blocks[i]);
		fputs("\"]", f);
	}
	fputc(']', f);
}

static void write_lists(FILE *f, const struct snapshot *s)
{
	unsigned int zone;

	fputs(",\"free\":[", f);
	for (zone = 0; zone < MAX_NR_ZONES; zone++) {
		fputs(zone ? "," : "", f);
		write_numbers(f, s->nr_free[zone], NR_PAGE_ORDERS);
	}
	fputs("],\"zero\":", f);
	write_numbers(f, s->nr_zero, NR_PAGE_ORDERS);
	fputs(",\"pcp\":", f);
	write_numbers(f, s->nr_pcp, NR_PAGE_ORDERS);
	fputs(",\"cpuPages\":", f);
	write_numbers(f, s->cpu_pages, s->nr_cpus);
}

static void write_caches(FILE *f, const struct snapshot *s)
{
	const struct snapshot_sheaves *sh;
	const struct snapshot_cache *c;
	size_t i;

	fputs(",\n\"caches\":[", f);
	for (i = 0; i < s->nr_caches; i++) {
		c = &s->caches[i];
		fprintf(f, "%s[%u,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu]",
			i ? "," : "", c->cache, c->nr_slabs, c->nr_partial,
			c->nr_objects, c->active, c->in_sheaves, c->in_barn,
			c->barn_full, c->barn_empty);
	}
	fputs("],\n\"sheaves\":[", f);
	for (i = 0; i < s->nr_sheaves; i++) {
		sh = &s->sheaves[i];
		fprintf(f, "%s[%u,%u,%u,%u,%u,%u]", i ? "," : "", sh->cache,
			sh->cpu, sh->main, sh->main_capacity, sh->spare,
			sh->spare_capacity);
	}
	fputc(']', f);
}

static void write_sample(FILE *f, const struct snapshot *s)
{
	fprintf(f, "{\"t\":%.1f,\"pause\":%.3f,\"rss\":%" PRIu64
		",\"total\":%" PRIu64 ",\"vmalloc\":%" PRIu64
		",\"map\":%" PRIu64 ",\"whole\":%s",
		(double)s->time / 1e6, (double)s->pause / 1e6, s->rss,
		s->memory.total, s->memory.vmalloc, s->memory.map,
		s->whole ? "true" : "false");
	write_lists(f, s);
	write_caches(f, s);
	write_ranges(f, s);
	write_examples(f, s);
	fputs("}", f);
}

static void write_date(FILE *f, time_t when)
{
	char text[64] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%F %T", &tm);
	web_string(f, text);
}

/* "process 4711: redis-server" */
static char *target_name(const struct series *series)
{
	const char *program = series->program;

	return xasprintf("%s%s%s", remote_name(series->remote),
			 program ? ": " : "", program ? program : "");
}

static void write_series(FILE *f, const void *data)
{
	const struct series *series = data;
	const struct snapshot_name *n;
	char *name;
	size_t i;

	fputs("{\"kind\":\"heap\",\"target\":", f);
	name = target_name(series);
	web_string(f, name);
	free(name);
	fputs(",\"date\":", f);
	write_date(f, time(NULL));
	fprintf(f, ",\"pageShift\":%u,\"pageblockOrder\":%u",
		series->page_shift, series->pageblock_order);
	fputs(",\"zones\":[", f);
	for (i = 0; i < MAX_NR_ZONES; i++) {
		fputs(i ? "," : "", f);
		web_string(f, series->zone_names[i]);
	}
	fputs("],\n\"cacheNames\":[", f);
	for (i = 0; i < series->nr_names; i++) {
		n = &series->names[i];
		fputs(i ? ",\n[" : "[", f);
		web_string(f, n->name);
		fprintf(f, ",%u,%u,%u,%u,%u,%u]", n->object_size, n->size,
			n->pad, n->order, n->objects, n->capacity);
	}
	fputs("],\n\"samples\":[", f);
	for (i = 0; i < series->nr_samples; i++) {
		fputs(i ? ",\n" : "", f);
		write_sample(f, &series->samples[i]);
	}
	fputs("]}", f);
}

/* A trace ------------------------------------------------------------------ */

static void write_command(FILE *f, const struct trace_header *h)
{
	char text[sizeof(h->command) + 1];
	size_t len = sizeof(h->command), i;

	memcpy(text, h->command, len);
	while (len && !text[len - 1])
		len--;
	text[len] = 0;
	for (i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	web_string(f, text);
}

static void write_part(FILE *f, const struct history_part *p)
{
	fprintf(f, "{\"live\":%" PRIu64 ",\"peak\":%" PRIu64 ",\"blocks\":%"
		PRIu64 ",\"allocs\":%" PRIu64 ",\"frees\":%" PRIu64
		",\"failed\":%" PRIu64 ",\"asked\":", p->live, p->peak,
		p->nr_live, p->allocs, p->frees, p->failed);
	write_numbers(f, p->asked, NR_SIZE_CLASSES);
	fputs(",\"held\":", f);
	write_numbers(f, p->held, NR_SIZE_CLASSES);
	fputc('}', f);
}

static void write_history(FILE *f, const void *data)
{
	const struct history *h = data;
	const struct trace_header *header = trace_header(h->file);
	const struct history_caller *c;
	size_t i;

	fputs("{\"kind\":\"trace\",\"target\":", f);
	write_command(f, header);
	fputs(",\"date\":", f);
	write_date(f, (time_t)(header->start_realtime / 1000000000));
	fprintf(f, ",\"pid\":%u,\"processes\":%u,\"duration\":%.6f,\"calls\":%"
		PRIu64 ",\n\"callers\":[", header->pid,
		trace_nr_processes(h->file), (double)h->duration / 1e6,
		h->nr_calls);
	for (i = 0; i < h->nr_callers; i++) {
		c = &h->callers[i];
		fputs(i ? ",\n{\"name\":" : "{\"name\":", f);
		web_string(f, c->name);
		fprintf(f, ",\"calls\":%" PRIu64 ",\"bytes\":%" PRIu64
			",\"live\":", c->calls, c->bytes);
		write_numbers(f, c->live, h->nr_parts);
		fputc('}', f);
	}
	fputs("],\n\"samples\":[", f);
	for (i = 0; i < h->nr_parts; i++) {
		fputs(i ? ",\n" : "", f);
		write_part(f, &h->parts[i]);
	}
	fputs("]}", f);
}

/* The page ----------------------------------------------------------------- */

static void write_page(const char *path,
		       void (*write_data)(FILE *f, const void *data),
		       const void *data)
{
	const struct web_page page = {
		.title = "kmm view",
		.style = view_css,
		.body = view_html,
		.scripts = { view_draw_js, view_heap_js, view_trace_js,
			     view_js },
		.write_data = write_data,
	};

	web_page_save(path, &page, data);
}

void page_write_series(const char *path, const struct series *series)
{
	write_page(path, write_series, series);
}

void page_write_history(const char *path, const struct history *history)
{
	write_page(path, write_history, history);
}
