// SPDX-License-Identifier: MIT
/*
 * kmm run --log=FILE: reports to a file instead of standard error.
 *
 * The example for an option that does something when the program has ended: a
 * report that could not be written must not be lost in silence.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kmm.h"
#include "run.h"

static void close_log(struct run *run, struct run_result *result, void *data)
{
	(void)result;
	if (ferror(run->report) | fclose(run->report))
		error(0, errno, "cannot write %s", (char *)data);
	run->report = NULL;
}

static void set_log(struct run *run, const char *arg)
{
	if (run->report)
		error(EXIT_USAGE, 0, "--log is given twice");
	run->report = fopen(arg, "we");
	if (!run->report)
		error(EXIT_FAILED, errno, "cannot open %s", arg);
	run_at_exit(run, close_log, xstrdup(arg));
}

const struct run_option run_log = {
	.name = "log",
	.arg = "FILE",
	.help = "Write reports to FILE, not to standard error",
	.set = set_log,
};
