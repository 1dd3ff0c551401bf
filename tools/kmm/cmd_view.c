// SPDX-License-Identifier: MIT
/*
 * kmm view and kmm plot: a heap over time, or a trace, as a page or as pictures.
 *
 * What the operand is, a look at its first bytes tells: a trace of calls, else a
 * process or a core, which remote.h tells apart.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kmm.h"
#include "page.h"
#include "plot.h"

#define MAX_SAMPLES 500

struct options {
	const char *target;
	const char *output;
	unsigned long interval, samples;	/* samples 0: not given */
};

enum { OPT_INTERVAL = 256, OPT_SAMPLES };

#define OPTIONS(output, output_doc) {					\
	{ "output", 'o', output, 0, output_doc, 0 },			\
	{ "interval", OPT_INTERVAL, "MS", 0,				\
	  "Look at a process every MS milliseconds (default 200)", 0 },	\
	{ "samples", OPT_SAMPLES, "N", 0,				\
	  "Look N times (default 20); cut a trace into N parts (default 100)", \
	  0 },								\
	{ 0 }								\
}

static const struct argp_option view_options[] =
	OPTIONS("FILE", "Write the page to FILE (default kmm-view.html)");
static const struct argp_option plot_options[] =
	OPTIONS("DIR", "Write the files into DIR (default .)");

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'o':
		o->output = arg;
		return 0;
	case OPT_INTERVAL:
		o->interval = option_number("interval", arg, 1, 3600000);
		return 0;
	case OPT_SAMPLES:
		o->samples = option_number("samples", arg, 1, MAX_SAMPLES);
		return 0;
	case ARGP_KEY_ARG:
		if (o->target)
			argp_error(state, "too many operands");
		o->target = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "needs a process number, core or trace");
	}
	return ARGP_ERR_UNKNOWN;
}

static bool is_trace(const char *path)
{
	char magic[sizeof(TRACE_MAGIC) - 1];
	FILE *f = fopen(path, "r");
	bool is;

	if (!f)
		return false;
	is = fread(magic, sizeof(magic), 1, f) == 1 &&
	     !memcmp(magic, TRACE_MAGIC, sizeof(magic));
	fclose(f);
	return is;
}

/* What it took of the process, so that nobody need guess. */
static void print_pauses(const struct series *series, const char *output)
{
	uint64_t sum = 0, most = 0;
	size_t i;

	for (i = 0; i < series->nr_samples; i++) {
		sum += series->samples[i].pause;
		if (series->samples[i].pause > most)
			most = series->samples[i].pause;
	}
	printf("%s: %zu sample%s", output, series->nr_samples,
	       series->nr_samples == 1 ? "" : "s");
	if (remote_pid(series->remote))
		printf("; the process was stopped for %.2f ms each, %.2f ms at most",
		       (double)sum / (double)series->nr_samples / 1e6,
		       (double)most / 1e6);
	putchar('\n');
}

static int show_trace(const struct options *o,
		      void (*write)(const char *path, const struct history *h))
{
	struct trace_file *file = trace_open(o->target);
	struct history history;

	history_read(&history, file, o->samples ? o->samples : 100);
	write(o->output, &history);
	printf("%s: %" PRIu64 " calls in %zu parts\n", o->output,
	       history.nr_calls, history.nr_parts);
	history_free(&history);
	return trace_close(file);
}

static int show_heap(const struct options *o,
		     void (*write)(const char *path, const struct series *s))
{
	struct remote *remote = remote_open(o->target);
	struct series series;

	remote_find_heap(remote);
	series_take(&series, remote, o->samples ? o->samples : 20, o->interval);
	write(o->output, &series);
	print_pauses(&series, o->output);
	series_free(&series);
	remote_close(remote);
	return 0;
}

/* The form in which it is shown. */
struct form {
	const char *output;		/* where to, if that is not said */
	void (*write_history)(const char *path, const struct history *h);
	void (*write_series)(const char *path, const struct series *s);
};

static int show(const struct argp *argp, int argc, char **argv,
		const struct form *form)
{
	struct options o = { .output = form->output, .interval = 200 };

	parse_options(argp, argc, argv, 0, &o);
	return is_trace(o.target) ? show_trace(&o, form->write_history) :
				    show_heap(&o, form->write_series);
}

int cmd_view(int argc, char **argv)
{
	static const struct argp argp = {
		.options = view_options,
		.parser = parse,
		.args_doc = "PID|CORE|TRACE",
		.doc = "Writes one HTML page that shows the pages, slabs, sheaves "
		       "and free lists of a process over time, or the calls of "
		       "a trace.\v"
		       "The process is stopped while it is looked at, for some "
		       "milliseconds each time. Control-C ends the series. The "
		       "page needs nothing but a browser.",
	};

	return show(&argp, argc, argv, &(struct form){
		"kmm-view.html", page_write_history, page_write_series });
}

int cmd_plot(int argc, char **argv)
{
	static const struct argp argp = {
		.options = plot_options,
		.parser = parse,
		.args_doc = "PID|CORE|TRACE",
		.doc = "Writes what `kmm view' shows as SVG files: of a process "
		       "pages, free, sheaves, fragmentation and memory; of a "
		       "trace live, calls, sizes and callers.\v"
		       "The process is stopped while it is looked at, for some "
		       "milliseconds each time. Control-C ends the series.",
	};

	return show(&argp, argc, argv, &(struct form){
		".", plot_write_history, plot_write_series });
}
