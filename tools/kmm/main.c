// SPDX-License-Identifier: MIT
/*
 * kmm: one program for all questions that are asked of the library from
 * outside. This file finds the command and calls it; kmm.h has the table.
 *
 *	kmm COMMAND ...		-> cmd_COMMAND("kmm COMMAND", ...)
 *	kmm --help		the table
 *	kmm COMMAND --help	the command's own, by argp
 *
 * Whatever is wrong with the words on the command line ends with status 2, so
 * that a script can tell it from what a command finds out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"

struct command {
	const char *name;
	const char *args;
	const char *help;
	int (*run)(int argc, char **argv);
};

#define COMMAND_ROW(name, args, help) { #name, args, help, cmd_##name },
static const struct command commands[] = { COMMANDS(COMMAND_ROW) };

#define for_each_command(c)						\
	for ((c) = commands;						\
	     (c) < commands + sizeof(commands) / sizeof(commands[0]); (c)++)

int parse_options(const struct argp *argp, int argc, char **argv,
		  unsigned int flags, void *input)
{
	int next = argc;

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(argp, argc, argv, flags, &next, input))
		exit(EXIT_USAGE);
	return next;
}

static void *check(void *p)
{
	if (!p)
		error(EXIT_FAILED, ENOMEM, "cannot allocate");
	return p;
}

void *xcalloc(size_t nr, size_t size)
{
	return check(calloc(nr, size));
}

void *xrealloc(void *p, size_t size)
{
	return check(realloc(p, size));
}

void *xgrow(void *array, size_t nr, size_t *max, size_t size)
{
	if (nr < *max)
		return array;
	*max = *max ? *max * 2 : 16;
	return xrealloc(array, *max * size);
}

char *xstrdup(const char *s)
{
	return check(strdup(s));
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return check(len < 0 ? NULL : text);
}

unsigned long option_number(const char *option, const char *text,
			    unsigned long min, unsigned long max)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (end == text || *end || *text == '-' || errno || number < min ||
	    number > max)
		error(EXIT_USAGE, 0, "--%s: '%s' is no number from %lu to %lu",
		      option, text, min, max);
	return number;
}

static void print_help(FILE *out)
{
	const struct command *c;

	fputs("Usage: kmm COMMAND [OPTION...] [ARG...]\n"
	      "Questions to the kmm allocator, asked from outside.\n\n", out);
	for_each_command(c)
		fprintf(out, "  %-12s %s\n", c->name, c->help);
	fputs("\n`kmm COMMAND --help' describes a command; kmm(1) all of them.\n",
	      out);
}

int main(int argc, char **argv)
{
	const struct command *c;

	program_invocation_name = program_invocation_short_name = (char *)"kmm";
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	for_each_command(c) {
		if (strcmp(argv[1], c->name))
			continue;
		argv[1] = xasprintf("kmm %s", c->name);
		program_invocation_name = argv[1];
		return c->run(argc - 1, argv + 1);
	}
	error(EXIT_USAGE, 0, "unknown %s '%s'; `kmm --help' lists the commands",
	      argv[1][0] == '-' ? "option" : "command", argv[1]);
	return EXIT_USAGE;
}
