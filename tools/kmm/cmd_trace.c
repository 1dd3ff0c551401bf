// SPDX-License-Identifier: MIT
/*
 * kmm trace FILE: prints a trace, or what it comes to.
 *
 *	0.001234567 [4711] malloc(100) = 0x7f0123456780 <- 0x... main+0x1c/0x40 a.c:7
 *
 * Calls are printed as the library itself does with trace_format=text, and with
 * names. A free of what is not allocated is marked, with who has freed it: that
 * answers "which free is the second one?". With --address, only the life of
 * one address is printed, so all its owners are seen.
 *
 * --top adds up by caller:
 *
 *	calls	allocations from there, also failed ones
 *	bytes	that they asked for
 *	live	blocks, and bytes, that were allocated at the end
 *	peak	most bytes that were allocated at one time
 *
 * A block belongs to the call that allocated it, a resized one to the realloc.
 * Only allocations of the trace itself count: what a forked child has from its
 * parent is the parent's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kmm.h"
#include "trace_file.h"

enum { KEY_TOP = 256, KEY_ADDRESS, KEY_TID, KEY_OP, KEY_SIZE, KEY_SORT };

enum sort { SORT_BYTES, SORT_CALLS, SORT_LIVE, SORT_PEAK };

struct options {
	const char *file;
	unsigned int top;	/* lines; 0: print calls */
	enum sort sort;
	uint64_t address;	/* 0: all; the same for tid */
	uint32_t tid;
	uint64_t min_size, max_size;
	bool sized;
	bool ops[NR_TRACE_CALLS];
	bool some_ops;
};

/* The command line --------------------------------------------------------- */

static uint64_t number(const char *what, const char *text, const char **end)
{
	char *stop;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &stop, 0);
	if (stop == text || errno || *text == '-' || (!end && *stop))
		error(EXIT_USAGE, 0, "%s: '%s' is no number", what, text);
	if (end)
		*end = stop;
	return value;
}

static void set_sizes(struct options *o, const char *arg)
{
	const char *end;

	o->sized = true;
	o->min_size = o->max_size = number("--size", arg, &end);
	if (*end == '-' && !end[1])
		o->max_size = UINT64_MAX;
	else if (*end == '-')
		o->max_size = number("--size", end + 1, NULL);
	else if (*end)
		error(EXIT_USAGE, 0, "--size: '%s' is no MIN-MAX", arg);
}

static void set_ops(struct options *o, const char *arg)
{
	char *copy = xstrdup(arg), *rest = copy, *word;
	unsigned int op;

	o->some_ops = true;
	while ((word = strsep(&rest, ",")) != NULL) {
		for (op = 1; op < NR_TRACE_CALLS; op++)
			if (!strcmp(word, trace_name(op)))
				break;
		if (op == NR_TRACE_CALLS)
			error(EXIT_USAGE, 0, "--op: there is no '%s'", word);
		o->ops[op] = true;
	}
	free(copy);
}

static void set_sort(struct options *o, const char *arg)
{
	static const char *const names[] = {
		[SORT_BYTES] = "bytes", [SORT_CALLS] = "calls",
		[SORT_LIVE] = "live", [SORT_PEAK] = "peak",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(arg, names[i])) {
			o->sort = i;
			return;
		}
	}
	error(EXIT_USAGE, 0, "--sort: '%s' is not bytes, calls, live or peak",
	      arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_TOP:
		o->top = arg ? (unsigned int)number("--top", arg, NULL) : 20;
		if (!o->top)
			error(EXIT_USAGE, 0, "--top: no lines?");
		return 0;
	case KEY_SORT:
		set_sort(o, arg);
		return 0;
	case KEY_ADDRESS:
		o->address = number("--address", arg, NULL);
		return 0;
	case KEY_TID:
		o->tid = (uint32_t)number("--tid", arg, NULL);
		return 0;
	case KEY_OP:
		set_ops(o, arg);
		return 0;
	case KEY_SIZE:
		set_sizes(o, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (o->file)
			argp_error(state, "one file at a time");
		o->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->file)
			argp_error(state, "which file?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{ "top", KEY_TOP, "N", OPTION_ARG_OPTIONAL,
		  "Sum up by caller: the first N, by default 20", 0 },
		{ "sort", KEY_SORT, "KEY", 0,
		  "Order of the sums: bytes (the default), calls, live or peak", 0 },
		{ "address", KEY_ADDRESS, "ADDRESS", 0,
		  "Only calls with this address: its life", 0 },
		{ "tid", KEY_TID, "TID", 0, "Only calls of this thread", 0 },
		{ "op", KEY_OP, "NAME", 0,
		  "Only these calls, such as malloc,free", 0 },
		{ "size", KEY_SIZE, "SIZES", 0,
		  "Only allocations of so many bytes: 100, 100-200 or 4096-", 0 },
		{ NULL, 0, NULL, 0, NULL, 0 },
	},
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Prints the calls of a trace that kmm run has written, with names.",
};

/* Sums --------------------------------------------------------------------- */

struct sums {
	struct trace_caller *caller;
	uint64_t calls, failed, bytes;
	uint64_t live, live_bytes, peak_bytes;
};

struct totals {
	struct trace_blocks blocks;
	struct sums *sums;	/* by caller->index + 1; [0]: not known */
	size_t nr_sums;
	struct sums all;
	uint64_t frees, bad_frees;
};

static struct sums *sums_of(struct totals *t, struct trace_caller *caller)
{
	size_t i = caller ? caller->index + 1 : 0, nr = t->nr_sums;

	if (i >= nr) {
		t->nr_sums = 2 * i + 64;
		t->sums = xrealloc(t->sums, t->nr_sums * sizeof(*t->sums));
		memset(t->sums + nr, 0, (t->nr_sums - nr) * sizeof(*t->sums));
	}
	t->sums[i].caller = caller;
	return &t->sums[i];
}

static void add_live(struct sums *s, uint64_t bytes)
{
	s->live++;
	s->live_bytes += bytes;
	if (s->live_bytes > s->peak_bytes)
		s->peak_bytes = s->live_bytes;
}

static void remove_live(struct sums *s, uint64_t bytes)
{
	s->live--;
	s->live_bytes -= bytes;
}

static void count_call(struct sums *s, const struct trace_call *call)
{
	s->calls++;
	if (call->result)
		s->bytes += call->size;
	else
		s->failed++;
}

/* Of a block that ends: what is known of it, and whether it was one. */
static struct trace_block *end_block(struct totals *t,
				     const struct trace_event *e)
{
	struct trace_block *block = trace_block(&t->blocks, e->process,
						e->call.old, false);

	if (!block || !block->live)
		return block;
	remove_live(sums_of(t, block->caller), block->size);
	remove_live(&t->all, block->size);
	block->live = false;
	block->free_tid = e->call.tid;
	block->free_time = e->call.time;
	block->free_caller = e->caller;
	return block;
}

static void begin_block(struct totals *t, const struct trace_event *e,
			bool counted)
{
	struct trace_block *block = trace_block(&t->blocks, e->process,
						e->call.result, true);

	block->live = true;
	block->tid = e->call.tid;
	block->time = e->call.time;
	block->size = counted ? e->call.size : 0;
	block->caller = e->caller;
	if (!counted)
		return;
	add_live(sums_of(t, e->caller), block->size);
	add_live(&t->all, block->size);
}

/* Printing ----------------------------------------------------------------- */

static bool wanted(const struct options *o, const struct trace_call *call)
{
	if (o->address && o->address != call->old && o->address != call->result)
		return false;
	if (o->tid && o->tid != call->tid)
		return false;
	if (o->some_ops && !o->ops[call->type])
		return false;
	return !o->sized || (!trace_is_free(call->type) &&
			     call->size >= o->min_size &&
			     call->size <= o->max_size);
}

static void print_call(struct trace_file *file, const struct trace_event *e)
{
	char line[512];

	trace_print(&e->call, line, sizeof(line), snprintf);
	printf("%s <- %s\n", line,
	       e->caller ? trace_caller_name(file, e->caller) : "?");
}

static void print_bad_free(struct trace_file *file,
			   const struct trace_block *block)
{
	if (!block) {
		printf("\t^ this address was never allocated here\n");
		return;
	}
	printf("\t^ not allocated: freed %" PRIu64 ".%09" PRIu64 " by [%u] <- %s\n",
	       block->free_time / 1000000000, block->free_time % 1000000000,
	       block->free_tid,
	       block->free_caller ? trace_caller_name(file, block->free_caller) :
				    "?");
}

/* A child of a fork frees what its parent has allocated. */
static bool is_bad_free(const struct trace_event *e,
			const struct trace_block *block)
{
	return block ? !block->live : !e->process->parent;
}

static void look_at(struct trace_file *file, struct totals *t,
		    const struct options *o, const struct trace_event *e)
{
	const struct trace_call *call = &e->call;
	struct trace_block *block, before;
	bool print = wanted(o, call), bad = false;

	if (print && !o->top)
		print_call(file, e);
	if (call->old && (trace_is_free(call->type) || call->result)) {
		block = trace_block(&t->blocks, e->process, call->old, false);
		bad = is_bad_free(e, block);
		if (block)
			before = *block;
		if (bad && print && !o->top)
			print_bad_free(file, block ? &before : NULL);
		end_block(t, e);
		t->frees += trace_is_free(call->type) && print;
		t->bad_frees += bad && print;
	}
	if (trace_is_free(call->type))
		return;
	if (print) {
		count_call(sums_of(t, e->caller), call);
		count_call(&t->all, call);
	}
	if (call->result)
		begin_block(t, e, print);
}

static enum sort sort_key;

static uint64_t sort_value(const struct sums *s)
{
	switch (sort_key) {
	case SORT_CALLS:
		return s->calls;
	case SORT_LIVE:
		return s->live_bytes;
	case SORT_PEAK:
		return s->peak_bytes;
	case SORT_BYTES:
		break;
	}
	return s->bytes;
}

static int by_sort_value(const void *a, const void *b)
{
	uint64_t x = sort_value(a), y = sort_value(b);

	return x > y ? -1 : x < y;
}

static void print_sums(const struct sums *s, const char *name)
{
	printf("%12" PRIu64 " %15" PRIu64 " %10" PRIu64 " %13" PRIu64
	       " %13" PRIu64 "  %s\n", s->calls, s->bytes, s->live,
	       s->live_bytes, s->peak_bytes, name);
}

static void print_top(struct trace_file *file, struct totals *t,
		      const struct options *o)
{
	size_t i, lines = 0;

	sort_key = o->sort;
	printf("%12s %15s %10s %13s %13s  %s\n", "calls", "bytes", "live",
	       "live bytes", "peak bytes", "caller");
	if (t->nr_sums)
		qsort(t->sums, t->nr_sums, sizeof(*t->sums), by_sort_value);
	for (i = 0; i < t->nr_sums && lines < o->top; i++) {
		if (!t->sums[i].calls)
			continue;
		print_sums(&t->sums[i],
			   t->sums[i].caller ?
			   trace_caller_name(file, t->sums[i].caller) : "?");
		lines++;
	}
	print_sums(&t->all, "all");
	printf("%" PRIu64 " frees, %" PRIu64 " failed allocations, %" PRIu64
	       " frees of what was not allocated\n", t->frees, t->all.failed,
	       t->bad_frees);
}

static void print_command(const struct trace_file *file)
{
	const struct trace_header *h = trace_header(file);
	time_t start = (time_t)(h->start_realtime / 1000000000);
	const char *word, *end = h->command + sizeof(h->command);
	char when[64] = "?";
	struct tm tm;

	if (localtime_r(&start, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	printf("# process %u, %s:", h->pid, when);
	for (word = h->command; word < end && *word;
	     word += strnlen(word, (size_t)(end - word)) + 1) {
		putchar(' ');
		for (const char *c = word; c < end && *c; c++)
			putchar(*c == '\n' ? ' ' : *c);
	}
	putchar('\n');
}

static void print_ends(const struct trace_file *file)
{
	unsigned int i;

	for (i = 0; i < trace_nr_processes(file); i++) {
		const struct trace_process *p = trace_process(file, i);

		if (!p->ended)
			printf("# process %u: no end: it was killed, ended by _exit() or exec(), or still runs\n",
			       p->pid);
	}
}

int cmd_trace(int argc, char **argv)
{
	struct options options = { .file = NULL };
	struct totals totals = { .sums = NULL };
	struct trace_event event;
	struct trace_file *file;

	parse_options(&argp, argc, argv, 0, &options);
	file = trace_open(options.file);
	print_command(file);
	while (trace_next(file, &event))
		look_at(file, &totals, &options, &event);
	if (options.top)
		print_top(file, &totals, &options);
	else
		print_ends(file);
	if (fflush(stdout))
		error(EXIT_FAILED, errno, "cannot write");
	free(totals.blocks.blocks);
	free(totals.sums);
	return trace_close(file);
}
