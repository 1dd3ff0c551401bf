// SPDX-License-Identifier: MIT
/*
 * From a trace to its history, in two passes: the first finds its length and
 * callers, the second counts.
 *
 * Only blocks that the trace itself has allocated count: what a forked child
 * has of its parent is the parent's.
 */
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "kmm.h"

struct counting {
	struct history *h;
	struct trace_blocks blocks;
	struct history_caller *callers;	/* all, by index; the last: unknown */
	size_t nr_callers;
	uint64_t *live_of;		/* bytes, by the same index */
	struct history_part now;
	size_t part;
};

static unsigned int size_class(uint64_t size)
{
	unsigned int k = 0;

	while (k < NR_SIZE_CLASSES - 1 && size > (uint64_t)1 << k)
		k++;
	return k;
}

static void measure(struct history *h)
{
	struct trace_event event;

	while (trace_next(h->file, &event)) {
		h->nr_calls++;
		if (event.call.time > h->duration)
			h->duration = event.call.time;
	}
	trace_rewind(h->file);
}

static size_t caller_index(const struct counting *c,
			   const struct trace_caller *caller)
{
	return caller && caller->index < c->nr_callers - 1 ?
		       caller->index : c->nr_callers - 1;
}

/* A part is over: what it was, and what is carried into the next. */
static void end_part(struct counting *c)
{
	struct history_part *now = &c->now;
	size_t i;

	c->h->parts[c->part] = *now;
	for (i = 0; i < c->nr_callers; i++) {
		c->callers[i].live[c->part] = c->live_of[i];
		if (c->live_of[i] > c->callers[i].most)
			c->callers[i].most = c->live_of[i];
	}
	c->part++;
	now->peak = now->live;
	now->allocs = now->frees = now->failed = 0;
	memset(now->asked, 0, sizeof(now->asked));
}

static void end_block(struct counting *c, const struct trace_event *e)
{
	struct trace_block *block = trace_block(&c->blocks, e->process,
						e->call.old, false);

	if (!block || !block->live)
		return;
	block->live = false;
	c->now.live -= block->size;
	c->now.nr_live--;
	c->now.held[size_class(block->size)] -= block->size;
	c->live_of[caller_index(c, block->caller)] -= block->size;
}

static void begin_block(struct counting *c, const struct trace_event *e)
{
	struct trace_block *block = trace_block(&c->blocks, e->process,
						e->call.result, true);

	block->live = true;
	block->size = e->call.size;
	block->caller = e->caller;
	c->now.live += block->size;
	c->now.nr_live++;
	c->now.held[size_class(block->size)] += block->size;
	c->live_of[caller_index(c, block->caller)] += block->size;
	if (c->now.live > c->now.peak)
		c->now.peak = c->now.live;
}

static void count(struct counting *c, const struct trace_event *e)
{
	const struct trace_call *call = &e->call;
	struct history_caller *caller;

	if (call->old && (trace_is_free(call->type) || call->result))
		end_block(c, e);
	if (trace_is_free(call->type)) {
		c->now.frees++;
		return;
	}
	c->now.allocs++;
	c->now.asked[size_class(call->size)]++;
	caller = &c->callers[caller_index(c, e->caller)];
	caller->calls++;
	caller->bytes += call->size;
	if (!call->result) {
		c->now.failed++;
		return;
	}
	/* One that is live has been freed by a call that is not in the trace. */
	end_block(c, &(struct trace_event){ .process = e->process,
					    .call.old = call->result });
	begin_block(c, e);
}

static int by_most(const void *a, const void *b)
{
	const struct history_caller *x = a, *y = b;

	if (x->most != y->most)
		return x->most > y->most ? -1 : 1;
	return x->calls > y->calls ? -1 : x->calls < y->calls;
}

/* All but the first few become one. */
static void keep_callers(struct counting *c)
{
	struct history *h = c->h;
	struct history_caller *rest;
	size_t i, n, part;

	qsort(c->callers, c->nr_callers, sizeof(*c->callers), by_most);
	while (c->nr_callers && !c->callers[c->nr_callers - 1].calls)
		free(c->callers[--c->nr_callers].live);
	n = c->nr_callers < HISTORY_CALLERS ? c->nr_callers : HISTORY_CALLERS;
	for (i = 0; i < n; i++)
		c->callers[i].name = c->callers[i].caller ?
			trace_caller_name(h->file, c->callers[i].caller) :
			"not known";
	if (n < c->nr_callers) {
		rest = &c->callers[n];
		rest->name = "all others";
		rest->caller = NULL;
		for (i = n + 1; i < c->nr_callers; i++) {
			rest->calls += c->callers[i].calls;
			rest->bytes += c->callers[i].bytes;
			for (part = 0; part < h->nr_parts; part++)
				rest->live[part] += c->callers[i].live[part];
			free(c->callers[i].live);
		}
		n++;
	}
	h->callers = c->callers;
	h->nr_callers = n;
}

void history_read(struct history *h, struct trace_file *file, size_t nr_parts)
{
	struct counting c = { .h = h };
	struct trace_event event;
	size_t i;

	memset(h, 0, sizeof(*h));
	h->file = file;
	h->nr_parts = nr_parts;
	h->parts = xcalloc(nr_parts, sizeof(*h->parts));
	measure(h);
	c.nr_callers = trace_nr_callers(file) + 1;
	c.callers = xcalloc(c.nr_callers, sizeof(*c.callers));
	c.live_of = xcalloc(c.nr_callers, sizeof(*c.live_of));
	for (i = 0; i < c.nr_callers; i++) {
		c.callers[i].live = xcalloc(nr_parts, sizeof(uint64_t));
		if (i + 1 < c.nr_callers)
			c.callers[i].caller = trace_caller_at(file,
							      (unsigned int)i);
	}
	while (trace_next(file, &event)) {
		i = (size_t)((double)event.call.time / (double)(h->duration + 1) *
			     (double)nr_parts);
		while (c.part < i && c.part < nr_parts - 1)
			end_part(&c);
		count(&c, &event);
	}
	while (c.part < nr_parts)
		end_part(&c);
	keep_callers(&c);
	free(c.blocks.blocks);
	free(c.live_of);
}

void history_free(struct history *h)
{
	size_t i;

	for (i = 0; i < h->nr_callers; i++)
		free(h->callers[i].live);
	free(h->callers);
	free(h->parts);
}
