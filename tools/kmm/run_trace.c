// SPDX-License-Identifier: MIT
/*
 * kmm run --trace[=FILE], --trace-text=FILE: every call.
 *
 * Without a file, the lines come among the reports, and get names as those do.
 * With one, kmm has no part in it: the library writes, whatever becomes of us.
 * It leaves files alone that are there (they may be traces of processes that
 * still run), so an old one is removed first.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmm.h"
#include "run.h"

/* The program may change its directory before it allocates. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/')
		return xstrdup(path);
	if (!getcwd(cwd, sizeof(cwd)))
		error(EXIT_FAILED, errno, "no current directory");
	return xasprintf("%s/%s", cwd, path);
}

static void check_written(struct run *run, struct run_result *result,
			  void *data)
{
	char *path = data;

	(void)run;
	if (result->pid && access(path, F_OK))
		error(0, 0, "%s: not written: the program has not allocated anything by libkmm, or could not create it",
		      path);
	free(path);
}

static void trace_to(struct run *run, const char *option, const char *arg,
		     const char *format)
{
	char *path = absolute(arg), *words;
	struct stat st;

	run_add_path(run, option, "trace", path);
	if (!stat(path, &st) && S_ISREG(st.st_mode) && unlink(path))
		error(EXIT_FAILED, errno, "cannot replace %s", path);
	words = xasprintf("trace_format=%s", format);
	run_add_words(run, words);
	free(words);
	if (strstr(path, "%p"))
		free(path);
	else
		run_at_exit(run, check_written, path);
}

static void set_trace(struct run *run, const char *arg)
{
	if (arg)
		trace_to(run, "--trace", arg, "binary");
	else
		run_add_words(run, "trace=-");
}

const struct run_option run_trace = {
	.name = "trace",
	.arg = "FILE",
	.arg_optional = true,
	.help = "Write each allocation call to standard error, or to FILE, which "
		"kmm trace prints",
	.set = set_trace,
};

static void set_trace_text(struct run *run, const char *arg)
{
	trace_to(run, "--trace-text", arg, "text");
}

const struct run_option run_trace_text = {
	.name = "trace-text",
	.arg = "FILE",
	.help = "The same to FILE, as text, without names",
	.set = set_trace_text,
};
