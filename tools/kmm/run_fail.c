// SPDX-License-Identifier: MIT
/*
 * kmm run --fail=SPEC: allocations that fail on purpose.
 *
 *	SPEC := item { "," item }
 *	item := "nth:K"				the K-th call
 *	      | "sweep" [ ":" FROM [ "-" TO ] ]	each call, run by run
 *	      | "probability=" P [ "%" ] | "interval=" N | "times=" N
 *	      | "space=" BYTES | "seed=" N	kernel's attributes
 *	      | "cache=" GLOB | "stack=" CODE | "not=" CODE | "from=start"
 *	CODE := FUNCTION | FILE ":" FUNCTION | MODULE [ "+0x" A "-0x" B ]
 *
 * All of it becomes parameters of the library (lib/fault_inject.c); only names
 * of functions are looked up here, and the sweep is in run_sweep.c. A MODULE is
 * told from a function by a '/' or ".so" in it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "kmm.h"
#include "symbols.h"

/* More ranges than the library takes are not worth a list. */
#define MAX_PARTS 16

static struct fail_spec spec = {
	.probability = 100,
	.interval = 1,
	.times = -1,
	.from = 1,
	.to = ULONG_MAX,
	.timeout = 10,
	.jobs = 1,
};
/* What must be looked up in the program, which comes later. */
static const char *require_code, *reject_code;

static void __attribute__((noreturn)) bad_item(const char *item)
{
	error(EXIT_USAGE, 0, "--fail: '%s' is no part of a SPEC; see kmm(1)",
	      item);
	abort();
}

/* A number at the start of @text, up to one of the letters in @ends. */
static unsigned long number(const char *item, const char **text,
			    const char *ends)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(*text, &end, 10);
	if (**text < '0' || **text > '9' || errno || (*end && !strchr(ends, *end)))
		bad_item(item);
	*text = end;
	return value;
}

static unsigned long attribute(const char *item, const char *text,
			       const char *unit)
{
	unsigned long value = number(item, &text, unit);

	if (*text && text[1])
		bad_item(item);
	spec.attributes = true;
	return value;
}

static void set_nth(const char *item, const char *text)
{
	spec.nth = number(item, &text, "");
	if (!spec.nth)
		bad_item(item);
}

static void set_sweep(const char *item, const char *text)
{
	spec.sweep = true;
	if (!*text)
		return;
	if (*text++ != ':')
		bad_item(item);
	spec.from = number(item, &text, "-");
	if (*text++ == '-')
		spec.to = number(item, &text, "");
	if (!spec.from || spec.to < spec.from)
		bad_item(item);
}

/* What follows @name in @item; NULL if it is another item. */
static const char *after(const char *item, const char *name)
{
	size_t len = strlen(name);

	return strncmp(item, name, len) ? NULL : item + len;
}

static void add_word(struct run *run, const char *name, const char *value)
{
	char *word = xasprintf("%s=%s", name, value);

	run_add_words(run, word);
	free(word);
}

/* A parameter of the library that is a number. */
static void add_number(struct run *run, const char *name, const char *item,
		       const char *text)
{
	const char *digits = text;

	number(item, &digits, "");
	add_word(run, name, text);
}

static void set_item(struct run *run, const char *item)
{
	const char *text;

	if ((text = after(item, "nth:")))
		set_nth(item, text);
	else if ((text = after(item, "sweep")))
		set_sweep(item, text);
	else if ((text = after(item, "probability=")))
		spec.probability = attribute(item, text, "%");
	else if ((text = after(item, "interval=")))
		spec.interval = attribute(item, text, "");
	else if ((text = after(item, "space=")))
		spec.space = attribute(item, text, "");
	else if ((text = after(item, "times=")))
		spec.times = (long)attribute(item, text, "");
	else if ((text = after(item, "seed=")))
		add_number(run, "fail_seed", item, text);
	else if ((text = after(item, "cache=")))
		add_word(run, "failslab_cache", text);
	else if (!strcmp(item, "from=start"))
		run_add_words(run, "fail_from=start");
	else if ((text = after(item, "stack=")))
		require_code = text;
	else if ((text = after(item, "not=")))
		reject_code = text;
	else
		bad_item(item);
}

/* Code --------------------------------------------------------------------- */

/* The parts of a function as MODULE+0xA-0xB,...; the caller frees them. */
static char *function_ranges(const char *file, const char *function)
{
	struct code_range ranges[MAX_PARTS];
	struct symbols *s = symbols_of_files();
	char *real = realpath(file, NULL), *text = NULL, *longer;
	int nr, i;

	if (!real)
		error(EXIT_FAILED, errno, "--fail: %s", file);
	nr = symbols_find_function(s, real, function, ranges, MAX_PARTS);
	if (!nr)
		error(EXIT_FAILED, 0, "--fail: no function '%s' in %s (if it is inlined everywhere, or in another file, say FILE:FUNCTION or MODULE+0xSTART-0xEND)",
		      function, real);
	for (i = 0; i < nr && i < MAX_PARTS; i++) {
		longer = xasprintf("%s%s%s+%#lx-%#lx", text ?: "",
				   text ? "," : "", real,
				   (unsigned long)ranges[i].start,
				   (unsigned long)ranges[i].end);
		free(text);
		text = longer;
	}
	symbols_close(s);
	free(real);
	return text;
}

static void add_code(struct run *run, const char *param, const char *code)
{
	const char *colon = strrchr(code, ':');
	char *file, *ranges;

	/* "ns::function" is one name. */
	if (colon && colon > code && colon[-1] == ':')
		colon = NULL;
	if (!colon && (strchr(code, '/') || strstr(code, ".so") ||
		       strstr(code, "+0x"))) {
		add_word(run, param, code);
		return;
	}
	file = colon ? strndup(code, (size_t)(colon - code)) :
		       run_find_program(run->argv[0]);
	if (!file)
		error(EXIT_NOT_FOUND, 0, "%s: not found", run->argv[0]);
	ranges = function_ranges(file, colon ? colon + 1 : code);
	if (strpbrk(ranges, " \t"))
		error(EXIT_FAILED, 0, "--fail: %s: no path with a blank can be given",
		      file);
	add_word(run, param, ranges);
	free(ranges);
	free(file);
}

static void drive(struct run *run, struct run_result *result)
{
	char *attributes;

	if (require_code)
		add_code(run, "fail_require", require_code);
	if (reject_code)
		add_code(run, "fail_reject", reject_code);
	run_add_words(run, "fail_verbose=2");
	if (spec.sweep) {
		run_sweep(run, &spec, result);
		return;
	}
	if (spec.nth)
		attributes = xasprintf("fail_nth=%lu", spec.nth);
	else
		attributes = xasprintf("failslab=%lu,%lu,%lu,%ld fail_page_alloc=%lu,%lu,%lu,%ld",
				       spec.interval, spec.probability,
				       spec.space, spec.times, spec.interval,
				       spec.probability, spec.space, spec.times);
	run_add_words(run, attributes);
	free(attributes);
	run_program(run, result);
}

/* Options ------------------------------------------------------------------ */

static void set_fail(struct run *run, const char *arg)
{
	char *items = xstrdup(arg), *rest = items, *item;

	while ((item = strsep(&rest, ",")) != NULL)
		set_item(run, item);
	if (spec.sweep + !!spec.nth + spec.attributes > 1)
		error(EXIT_USAGE, 0, "--fail: nth, sweep and attributes exclude each other");
	run->drive = drive;
	/* The items stay: what was noted points into them. */
}

const struct run_option run_fail = {
	.name = "fail",
	.arg = "SPEC",
	.help = "Make allocations fail: probability=10%, interval=N, times=N, "
		"space=BYTES, nth:K, or sweep[:FROM-TO], which fails each one "
		"in a run of its own; only cache=GLOB, stack=FUNCTION",
	.set = set_fail,
};

static void set_timeout(struct run *run, const char *arg)
{
	(void)run;
	spec.timeout = (unsigned int)option_number("fail-timeout", arg, 1,
						   1000000);
}

const struct run_option run_fail_timeout = {
	.name = "fail-timeout",
	.arg = "SECONDS",
	.help = "A run of a sweep that takes longer hangs; 10 by default",
	.set = set_timeout,
};

static void set_jobs(struct run *run, const char *arg)
{
	(void)run;
	spec.jobs = (unsigned int)option_number("fail-jobs", arg, 1, 1000000);
}

const struct run_option run_fail_jobs = {
	.name = "fail-jobs",
	.arg = "N",
	.help = "Runs of a sweep at the same time; 1 by default",
	.set = set_jobs,
};

static void set_keep(struct run *run, const char *arg)
{
	(void)run;
	spec.keep = arg;
}

const struct run_option run_fail_keep = {
	.name = "fail-keep",
	.arg = "DIRECTORY",
	.help = "Keep what the runs of a sweep print, as DIRECTORY/K.out, and "
		"their reports, as DIRECTORY/K.report",
	.set = set_keep,
};
