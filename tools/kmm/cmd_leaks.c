// SPDX-License-Identifier: MIT
/*
 * kmm leaks and kmm live: blocks that are lost, and all there are.
 */
#include <limits.h>
#include <stdlib.h>

#include "kmm.h"
#include "leaks.h"

struct options {
	struct leaks_options leaks;
	int error_exitcode;
};

enum { OPT_STACKS = 256, OPT_SUPPRESSIONS, OPT_ERROR_EXITCODE };

static const struct argp_option live_options[] = {
	{ "stacks", OPT_STACKS, "N", 0,
	  "Print the N stacks with the most bytes (default 20; 0: all)", 0 },
	{ 0 }
};

static const struct argp_option leaks_options[] = {
	{ "stacks", OPT_STACKS, "N", 0,
	  "Print the N stacks with the most bytes (default 20; 0: all)", 0 },
	{ "suppressions", OPT_SUPPRESSIONS, "FILE", 0,
	  "Do not report stacks that match a line leak:PATTERN of FILE", 0 },
	{ "error-exitcode", OPT_ERROR_EXITCODE, "N", 0,
	  "Exit with N if blocks are lost (default 0)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_STACKS:
		options->leaks.max_stacks = (unsigned int)option_number("stacks",
							arg, 0, INT_MAX);
		return 0;
	case OPT_SUPPRESSIONS:
		suppressions_read(&options->leaks.suppressions, arg);
		return 0;
	case OPT_ERROR_EXITCODE:
		options->error_exitcode = (int)option_number("error-exitcode",
							 arg, 0, 255);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The heap at @anchor, or the only one; false: it was not read. */
static bool report_heap(const char *target, uint64_t anchor, bool named,
			const struct leaks_options *options, size_t *nr)
{
	struct remote *remote = remote_open(target);
	bool done;

	remote_find_heap_at(remote, anchor);
	if (named)
		fprintf(options->out, "heap of %s:\n",
			remote_heap_module(remote));
	done = leaks_report(remote, options, nr);
	remote_close(remote);
	return done;
}

/* The shim's, and that of a libkmm that the program itself uses. */
static uint64_t *find_heaps(const char *target, size_t *nr_heaps)
{
	struct remote *remote = remote_open(target);
	uint64_t *anchors;

	remote_find_heap(remote);
	*nr_heaps = remote_heaps(remote, &anchors);
	remote_close(remote);
	return anchors;
}

static int report(const struct argp *argp, int argc, char **argv, bool live)
{
	struct options options = {
		.leaks = { .out = stdout, .max_stacks = 20, .live = live },
	};
	int next = parse_options(argp, argc, argv, 0, &options);
	size_t nr, all = 0, nr_heaps, i;
	uint64_t *anchors;
	bool done = true;

	if (next != argc - 1)
		error(EXIT_USAGE, 0, "needs one process number or core file");
	anchors = find_heaps(argv[next], &nr_heaps);
	/* One that is not in use has its message. */
	for (i = 0; i == 0 || i < nr_heaps; i++) {
		nr = 0;
		done &= report_heap(argv[next], nr_heaps ? anchors[i] : 0,
				    nr_heaps > 1, &options.leaks, &nr);
		all += nr;
	}
	free(anchors);
	if (!done)
		return EXIT_FAILED;
	return all && !live ? options.error_exitcode : 0;
}

int cmd_leaks(int argc, char **argv)
{
	static const struct argp argp = {
		.options = leaks_options,
		.parser = parse,
		.args_doc = "PID|CORE",
		.doc = "Lists the blocks that nothing in a process points to any "
		       "more, by the stack that allocated them. The process is "
		       "stopped while it is searched.\v"
		       "Stacks are known if the program was started for it by "
		       "kmm run, or with KMM_CMDLINE=\"slab_debug=U "
		       "page_owner\".",
	};

	return report(&argp, argc, argv, false);
}

int cmd_live(int argc, char **argv)
{
	static const struct argp argp = {
		.options = live_options,
		.parser = parse,
		.args_doc = "PID|CORE",
		.doc = "Lists all that a process has allocated and not freed, by "
		       "the stack that allocated it. The process is stopped "
		       "while it is read.",
	};

	return report(&argp, argc, argv, true);
}
