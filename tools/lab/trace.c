// SPDX-License-Identifier: MIT
/*
 * Reading traces: texts, and what `kmm run --trace` writes; see trace.h.
 *
 * In a file an identifier may come again after its block was freed, as addresses
 * do. Here each block has a number of its own.
 *
 * A strategy looks at each free block, and is drawn as one array of its bytes;
 * so long traces are cut, and those of large heaps refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "../kmm/trace_file.h"
#include "trace.h"

#define MAX_ID 10000000ul
#define MAX_CALLS 200000u
#define MAX_PEAK (128ul << 20)

struct reader {
	struct lab_trace *trace;
	const char *path;
	unsigned long line;
	size_t room;
	/* By identifier: 1 + the number of its block while it is live. */
	uint32_t *live;
	size_t nr_live;
	size_t *sizes;		/* by number */
	size_t bytes, blocks;
};

static void __attribute__((noreturn, format(printf, 2, 3)))
bad(const struct reader *r, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	error(EXIT_FAILED, 0, "%s:%lu: %s", r->path, r->line, text);
	abort();
}

static uint32_t *live_block(struct reader *r, unsigned long id)
{
	size_t nr = r->nr_live;

	if (id > MAX_ID)
		bad(r, "%lu is too large for a block", id);
	if (id >= nr) {
		r->nr_live = 2 * id + 64;
		r->live = xrealloc(r->live, r->nr_live * sizeof(r->live[0]));
		memset(r->live + nr, 0, (r->nr_live - nr) * sizeof(r->live[0]));
	}
	return &r->live[id];
}

static void add_call(struct reader *r, struct lab_call call)
{
	struct lab_trace *t = r->trace;

	if (t->nr_calls == r->room) {
		r->room = 2 * r->room + 1024;
		t->calls = xrealloc(t->calls, r->room * sizeof(call));
		r->sizes = xrealloc(r->sizes, r->room * sizeof(r->sizes[0]));
	}
	t->calls[t->nr_calls++] = call;
}

static void add_alloc(struct reader *r, unsigned long id, unsigned long size,
		      unsigned long thread)
{
	struct lab_trace *t = r->trace;
	uint32_t *live = live_block(r, id);

	if (*live)
		bad(r, "block %lu is allocated already", id);
	if (!size)
		bad(r, "a block of no bytes");
	*live = (uint32_t)t->nr_blocks + 1;
	add_call(r, (struct lab_call){ (uint32_t)t->nr_blocks,
				       (uint32_t)thread, size });
	r->sizes[t->nr_blocks++] = size;
	r->bytes += size;
	r->blocks++;
	if (r->bytes > t->peak) {
		t->peak = r->bytes;
		t->peak_blocks = r->blocks;
	}
}

static void add_free(struct reader *r, unsigned long id, unsigned long thread)
{
	uint32_t *live = live_block(r, id);

	if (!*live)
		bad(r, "block %lu is not allocated", id);
	add_call(r, (struct lab_call){ *live - 1, (uint32_t)thread, 0 });
	r->bytes -= r->sizes[*live - 1];
	r->blocks--;
	*live = 0;
}

static void add_line(struct reader *r, const char *line)
{
	unsigned long a = 0, b = 0, c = 0;
	int nr;

	line += strspn(line, " \t");
	if (!*line || strchr("#\n", *line))
		return;
	nr = sscanf(line + 1, "%lu %lu %lu", &a, &b, &c);
	if (*line == 'a' && strchr(" \t", line[1]) && nr >= 2)
		add_alloc(r, a, b, c);
	else if (*line == 'f' && strchr(" \t", line[1]) && nr >= 1)
		add_free(r, a, b);
	else if (sscanf(line, "arena %lu", &a) == 1)
		r->trace->arena = a;
	else
		bad(r, "neither 'a ID SIZE' nor 'f ID'");
}

static void load_text(struct reader *r, FILE *f)
{
	char *line = NULL;
	size_t size = 0;

	while (r->trace->nr_calls < MAX_CALLS && getline(&line, &size, f) >= 0) {
		r->line++;
		add_line(r, line);
	}
	free(line);
}

/* The calls of all processes and threads, as if one had made them. */
static void add_event(struct reader *r, struct trace_blocks *blocks,
		      const struct trace_event *e)
{
	const struct trace_call *c = &e->call;
	struct trace_block *block;

	/* A realloc that failed has freed nothing. */
	if (c->old && (c->result || !c->size)) {
		block = trace_block(blocks, e->process, c->old, false);
		if (block && block->live) {
			add_free(r, block->number, 0);
			block->live = false;
		}
	}
	if (!c->result)
		return;
	block = trace_block(blocks, e->process, c->result, true);
	if (!block)
		return;
	/* Its end is not in the trace: it was freed in a way not seen. */
	if (block->live)
		add_free(r, block->number, 0);
	block->live = true;
	add_alloc(r, block->number, c->size ? c->size : 1, 0);
}

static void load_calls(struct reader *r)
{
	struct trace_file *f = trace_open(r->path);
	struct trace_blocks blocks = { NULL, 0, 0 };
	struct trace_event event;

	while (r->trace->nr_calls < MAX_CALLS && trace_next(f, &event))
		add_event(r, &blocks, &event);
	trace_close(f);
	free(blocks.blocks);
}

struct lab_trace *lab_trace_load(const char *path)
{
	struct reader r = { .trace = xcalloc(1, sizeof(*r.trace)), .path = path };
	size_t len = strlen(TRACE_MAGIC);
	FILE *f = fopen(path, "r");
	char magic[16] = "";

	if (!f)
		error(EXIT_FAILED, errno, "cannot read %s", path);
	if (fread(magic, 1, len, f) == len && !memcmp(magic, TRACE_MAGIC, len)) {
		load_calls(&r);
	} else {
		rewind(f);
		load_text(&r, f);
	}
	fclose(f);
	free(r.live);
	free(r.sizes);
	if (!r.trace->nr_calls)
		error(EXIT_FAILED, 0, "%s: no call in it", path);
	if (r.trace->nr_calls >= MAX_CALLS)
		error(0, 0, "%s: only its first %u calls", path, MAX_CALLS);
	if (r.trace->peak > MAX_PEAK)
		error(EXIT_FAILED, 0, "%s: more than %lu bytes live are too many here",
		      path, MAX_PEAK);
	return r.trace;
}

void lab_trace_free(struct lab_trace *trace)
{
	free(trace->calls);
	free(trace);
}
