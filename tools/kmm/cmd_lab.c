// SPDX-License-Identifier: MIT
/*
 * kmm lab: the teaching lab (tools/lab/lab.h), and its comparison of allocators.
 *
 *	kmm lab				commands from a person
 *	kmm lab SCRIPT...		commands from files
 *	kmm lab --html=FILE SCRIPT...	the same as a page
 *	kmm lab --serve [SCRIPT...]	a page that takes commands
 *	kmm lab check TRANSCRIPT...	do the commands again, and compare
 *	kmm lab compare TRACE...	numbers
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lab/compare.h"
#include "../lab/lab.h"
#include "../lab/lab_page.h"
#include "kmm.h"

enum { KEY_STRATEGY = 256, KEY_ARENA, KEY_MEM, KEY_CPUS, KEY_CMDLINE,
       KEY_PLAIN, KEY_SVG, KEY_THREADS, KEY_HTML, KEY_SERVE };

static const struct argp_option options[] = {
	{ "strategy", KEY_STRATEGY, "NAME", 0,
	  "Begin with this allocator (mm): first-fit, best-fit, next-fit, "
	  "segregated, ranges, buddy, thread-cache, or mm, the library itself", 0 },
	{ "arena", KEY_ARENA, "BYTES", 0,
	  "Size of the arena of a strategy, but for mm (128; for compare: by "
	  "the trace)", 0 },
	{ "mem", KEY_MEM, "SIZE", 0, "Memory of the machine of mm (256K)", 0 },
	{ "cpus", KEY_CPUS, "N", 0, "CPUs of the machine of mm (2)", 0 },
	{ "cmdline", KEY_CMDLINE, "WORDS", 0,
	  "More parameters for the library, see kmm_cmdline(7)", 0 },
	{ "plain", KEY_PLAIN, NULL, 0,
	  "No prompt and no colours, even to a terminal", 0 },
	{ "html", KEY_HTML, "FILE", 0,
	  "Write what the scripts do as one HTML page, to step through", 0 },
	{ "serve", KEY_SERVE, "PORT", OPTION_ARG_OPTIONAL,
	  "Serve such a page to a browser on this host, and take commands from "
	  "it, until ^C (any free port)", 0 },
	{ "svg", KEY_SVG, "FILE", 0, "compare: plot the numbers, too", 0 },
	{ "threads", KEY_THREADS, "N", 0,
	  "compare: threads for the last columns (2)", 0 },
	{ 0 }
};

struct lab_command_line {
	const char *strategy, *arena, *mem, *cpus, *cmdline;
	const char *html;
	unsigned int port;
	bool plain, serve;
	struct compare_options compare;
};

static unsigned int parse_port(struct argp_state *state, const char *arg)
{
	unsigned long port = 0;
	char *end = NULL;

	if (*arg >= '0' && *arg <= '9')
		port = strtoul(arg, &end, 10);
	if (!end || *end || !port || port > 65535)
		argp_error(state, "'%s' is no port: one is a number from 1 to 65535",
			   arg);
	return (unsigned int)port;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct lab_command_line *c = state->input;
	char *end;

	switch (key) {
	case KEY_STRATEGY:
		c->strategy = arg;
		return 0;
	case KEY_ARENA:
		c->arena = arg;
		c->compare.arena = strtoul(arg, &end, 0);
		if (*end || !c->compare.arena)
			argp_error(state, "'%s' is no number of bytes", arg);
		return 0;
	case KEY_MEM:
		c->mem = arg;
		return 0;
	case KEY_CPUS:
		c->cpus = arg;
		return 0;
	case KEY_CMDLINE:
		c->cmdline = arg;
		return 0;
	case KEY_PLAIN:
		c->plain = true;
		return 0;
	case KEY_HTML:
		c->html = arg;
		return 0;
	case KEY_SERVE:
		c->serve = true;
		c->port = arg ? parse_port(state, arg) : 0;
		return 0;
	case KEY_SVG:
		c->compare.svg = arg;
		return 0;
	case KEY_THREADS:
		c->compare.threads = (unsigned int)strtoul(arg, &end, 0);
		if (*end || !c->compare.threads ||
		    c->compare.threads > COMPARE_MAX_THREADS)
			argp_error(state, "'%s' is no number of threads from 1 to %d",
				   arg, COMPARE_MAX_THREADS);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[SCRIPT...]\ncheck TRANSCRIPT...\ncompare TRACE...",
	.doc = "Shows what an allocator does, command by command: the library "
	       "itself on a small machine, or one of the strategies that it "
	       "is made of. `help' lists the commands. "
	       "compare runs a trace through all of them.",
};

/* The line of the lab that the options stand for. */
static char *first_line(const struct lab_command_line *c)
{
	const char *strategy = c->strategy ? c->strategy : "mm";

	if (strcmp(strategy, "mm"))
		return xasprintf("%s %s", strategy, c->arena ? c->arena : "");
	return xasprintf("mm %s%s %s%s %s", c->mem ? "mem=" : "",
			 c->mem ? c->mem : "", c->cpus ? "nr_cpus=" : "",
			 c->cpus ? c->cpus : "", c->cmdline ? c->cmdline : "");
}

static int run_scripts(const struct lab_options *lab, char **names, int nr)
{
	int i, status = 0;

	for (i = 0; i < nr; i++) {
		char *path = lab_find("scripts", names[i]);
		FILE *f = fopen(path, "r");

		if (!f)
			error(EXIT_FAILED, errno, "cannot read %s", path);
		status |= lab_lesson(lab, f, false);
		fclose(f);
		free(path);
	}
	return status;
}

/* Scripts as a page, or live. */
static int run_page(const struct lab_command_line *c, char **names, int nr)
{
	struct lab_options lab = { .json = true, .strategy = first_line(c) };

	if (c->html && c->serve)
		error(EXIT_USAGE, 0, "--html and --serve are two different things");
	if (nr && (!strcmp(names[0], "check") || !strcmp(names[0], "compare")))
		error(EXIT_USAGE, 0, "%s writes no page", names[0]);
	if (c->serve)
		return lab_server(&lab, c->port, names, (unsigned int)nr);
	if (!nr)
		error(EXIT_USAGE, 0, "--html needs a script");
	return lab_page(&lab, c->html, names, (unsigned int)nr);
}

int cmd_lab(int argc, char **argv)
{
	struct lab_command_line c = { .compare.threads = 2 };
	int next = parse_options(&argp, argc, argv, 0, &c), i, status = 0;
	bool person = !c.plain && isatty(0) && isatty(1);
	struct lab_options lab = {
		.colour = !c.plain && isatty(1), .strategy = first_line(&c),
	};

	if (c.html || c.serve)
		return run_page(&c, argv + next, argc - next);
	if (next == argc)
		return lab_lesson(&lab, stdin, person);
	if (strcmp(argv[next], "check") && strcmp(argv[next], "compare"))
		return run_scripts(&lab, argv + next, argc - next);
	if (next + 1 == argc)
		error(EXIT_USAGE, 0, "%s needs a file", argv[next]);
	if (!strcmp(argv[next], "compare"))
		return lab_compare(&c.compare, argv + next + 1,
				   (unsigned int)(argc - next - 1));
	for (i = next + 1; i < argc; i++)
		status |= lab_check(&lab, argv[i]);
	return status;
}
