// SPDX-License-Identifier: MIT
/*
 * kmm run: a program on the malloc shim, as if it were started without kmm.
 *
 * This file reads the options, finds the shim, and ends as the program did:
 * with its exit status, or killed by the same signal, so that a shell or make
 * sees no difference. What lies between is in run_program.c (processes and
 * signals) and run_report.c (reports); options are files of their own, run.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmm.h"
#include "run.h"

static const struct run_option *const options[] = {
#define RUN_OPTION_ADDRESS(name) &run_##name,
	RUN_OPTIONS(RUN_OPTION_ADDRESS)
};

#define NR_OPTIONS ((int)(sizeof(options) / sizeof(options[0])))
#define FIRST_KEY 256	/* of argp: above all characters */

/* For options -------------------------------------------------------------- */

void run_add_words(struct run *run, const char *words)
{
	char *old = run->words;

	run->words = xasprintf("%s%s%s", old ?: "", old ? " " : "", words);
	free(old);
}

void run_add_path(struct run *run, const char *option, const char *name,
		  const char *path)
{
	bool quote = strpbrk(path, " \t\n\v\f\r") != NULL;
	char *words;

	if (strchr(path, '"'))
		error(EXIT_USAGE, 0,
		      "%s: '%s' has a quote in it, which KMM_CMDLINE cannot take",
		      option, path);
	words = xasprintf(quote ? "%s=\"%s\"" : "%s=%s", name, path);
	run_add_words(run, words);
	free(words);
}

void run_check_output(const char *option, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xasprintf("%.*s", (int)(slash - path) + 1, path) :
			    xstrdup(".");
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		error(EXIT_FAILED, EISDIR, "%s: cannot write %s", option, path);
	if (access(path, F_OK) ? access(dir, W_OK | X_OK) :
				 access(path, W_OK))
		error(EXIT_FAILED, errno, "%s: cannot write %s", option, path);
	free(dir);
}

/* In the order in which they were added. */
static void add_hook(struct run *run, struct run_hook hook)
{
	struct run_hook **last = &run->hooks;

	while (*last)
		last = &(*last)->next;
	*last = xcalloc(1, sizeof(hook));
	**last = hook;
}

void run_at_start(struct run *run, struct run_start start)
{
	add_hook(run, (struct run_hook){ .start = start });
}

void run_at_exit(struct run *run, run_exit_fn fn, void *data)
{
	add_hook(run, (struct run_hook){ .at_exit = fn, .data = data });
}

void run_on_line(struct run *run, run_line_fn fn, void *data)
{
	add_hook(run, (struct run_hook){ .on_line = fn, .data = data });
}

/* The command line --------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run *run = state->input;

	if (key >= FIRST_KEY && key < FIRST_KEY + NR_OPTIONS) {
		options[key - FIRST_KEY]->set(run, arg);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_ARG:
		/* The program; what follows is its own. */
		run->argv = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void parse_run(int argc, char **argv, struct run *run)
{
	struct argp_option rows[NR_OPTIONS + 1] = { { .name = NULL } };
	const struct argp argp = {
		.options = rows,
		.parser = parse,
		.args_doc = "PROGRAM [ARG...]",
		.doc = "Runs PROGRAM with the malloc of libkmm. What it finds "
		       "wrong is written to standard error, with function, "
		       "file and line.\vThe exit status is that of PROGRAM; "
		       "126 if it cannot be executed, 127 if it is not "
		       "found, 2 if an option is wrong.",
	};
	int i;

	for (i = 0; i < NR_OPTIONS; i++)
		rows[i] = (struct argp_option){
			.name = options[i]->name,
			.key = FIRST_KEY + i,
			.arg = options[i]->arg,
			.flags = options[i]->arg_optional ?
					 OPTION_ARG_OPTIONAL : 0,
			.doc = options[i]->help,
		};
	parse_options(&argp, argc, argv, ARGP_IN_ORDER, run);
}

/* The shim ----------------------------------------------------------------- */

static char *existing(char *path)
{
	char *real = realpath(path, NULL);

	free(path);
	return real;
}

/* PREFIX/lib/x86_64-linux-gnu and the like: @levels is a glob. */
static char *search_lib(const char *dir, const char *levels)
{
	char *pattern = xasprintf("%s/../%s/libkmm_malloc.so.0", dir, levels);
	char *shim = NULL;
	glob_t found;

	if (!glob(pattern, 0, NULL, &found)) {
		shim = realpath(found.gl_pathv[0], NULL);
		globfree(&found);
	}
	free(pattern);
	return shim;
}

/* Beside kmm in a build tree, or in the lib directory beside its bin. */
static char *find_shim(void)
{
	char dir[PATH_MAX], *shim;
	ssize_t len = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (len <= 0)
		return NULL;
	dir[len] = '\0';
	*strrchr(dir, '/') = '\0';
	shim = existing(xasprintf("%s/libkmm_malloc.so.0", dir));
	return shim ?: search_lib(dir, "lib") ?: search_lib(dir, "lib*/*") ?:
	       search_lib(dir, "lib*/*/*");
}

/* LD_PRELOAD takes no path with a blank or a colon, but a link to one. */
static void link_shim(struct run *run)
{
	char *link;

	run->shim_dir = xstrdup("/tmp/kmm-XXXXXX");
	if (!mkdtemp(run->shim_dir))
		error(EXIT_FAILED, errno, "cannot make a directory in /tmp");
	link = xasprintf("%s/libkmm_malloc.so.0", run->shim_dir);
	if (symlink(run->shim, link))
		error(EXIT_FAILED, errno, "cannot make a link to %s", run->shim);
	free(run->shim);
	run->shim = link;
}

static void unlink_shim(struct run *run)
{
	if (run->shim_dir) {
		unlink(run->shim);
		rmdir(run->shim_dir);
	}
	free(run->shim_dir);
	free(run->shim);
}

static void check_shim(struct run *run)
{
	if (!run->shim)
		error(EXIT_FAILED, 0,
		      "libkmm_malloc.so.0 is neither beside kmm nor in ../lib; --shim=FILE names it");
	if (strpbrk(run->shim, " :"))
		link_shim(run);
}

/* The end ------------------------------------------------------------------ */

/* What the user's shell sees of a program that a signal killed. The core is
 * the program's, not ours. */
static void die_by(int sig)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), sig);
}

static int exit_as(const struct run *run, const struct run_result *result)
{
	if (!result->pid) {
		error(0, result->status, "%s", run->argv[0]);
		return result->status == ENOENT ? EXIT_NOT_FOUND :
						  EXIT_CANNOT_RUN;
	}
	if (WIFSIGNALED(result->status)) {
		die_by(WTERMSIG(result->status));
		return 128 + WTERMSIG(result->status);
	}
	if (result->nr_bugs && run->error_exitcode)
		return run->error_exitcode;
	return WEXITSTATUS(result->status);
}

static FILE *open_stderr(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	FILE *file = fd < 0 ? fopen("/dev/null", "we") : fdopen(fd, "we");

	if (!file)
		error(EXIT_FAILED, errno, "cannot write to standard error");
	return file;
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .drive = run_program,
			   .waiting = PTHREAD_MUTEX_INITIALIZER };
	struct run_result result;
	struct run_hook *hook;
	char *obstacle;

	parse_run(argc, argv, &run);
	if (!run.shim)
		run.shim = find_shim();
	check_shim(&run);
	if (!run.report)
		run.report = open_stderr();
	obstacle = run_preload_obstacle(run.argv[0]);
	if (obstacle)
		error(0, 0, "%s", obstacle);
	free(obstacle);

	run.drive(&run, &result);
	for (hook = run.hooks; hook; hook = hook->next)
		if (hook->at_exit)
			hook->at_exit(&run, &result, hook->data);
	unlink_shim(&run);
	free(run.words);
	return exit_as(&run, &result);
}
