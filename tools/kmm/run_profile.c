// SPDX-License-Identifier: MIT
/*
 * kmm run --profile, --alloc-profile: profiles of what the program allocates,
 * written when it ends.
 *
 *	library, at exit of each process	kmm, when the program has ended
 *	  addresses to DIR/PID.heap	  ----> names from the ELF files,
 *	  and DIR/PID.calls			kmm.PID.pb.gz or .folded
 *
 * The program's own process has the name that was asked for; its children, if
 * they end by exit(), have their number in it. One that is killed, or ends by
 * _exit(), writes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmm.h"
#include "profile.h"
#include "run.h"

#define DEFAULT_RATE "512K"

static struct {
	enum profile_format format;
	char *output;		/* NULL: the default name */
	char *calls_output;	/* NULL: where reports go */
	char *dir;		/* of what the library writes */
} profiles;

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (profiles.dir)
		return;
	/* It becomes a word of KMM_CMDLINE. */
	if (!tmp || !*tmp || strpbrk(tmp, "\"%"))
		tmp = "/tmp";
	profiles.dir = xasprintf("%s/kmm-XXXXXX", tmp);
	if (!mkdtemp(profiles.dir))
		error(EXIT_FAILED, errno, "cannot make a directory in %s", tmp);
}

static FILE *messages(const struct run *run)
{
	return run->report ?: stderr;
}

/* @path with the process number in place of %p. */
static char *expand(const char *path, const char *pid)
{
	const char *mark = strstr(path, "%p");

	if (!mark)
		return xstrdup(path);
	return xasprintf("%.*s%s%s", (int)(mark - path), path, pid, mark + 2);
}

/* A name that was given is the program's; of its children it has the number. */
static char *output_path(const char *path, const char *pid, bool is_program)
{
	if (is_program || strstr(path, "%p"))
		return expand(path, pid);
	return xasprintf("%s.%s", path, pid);
}

static void write_heap(struct run *run, const char *file, const char *pid,
		       bool is_program)
{
	struct profile *p = profile_open(file, HEAP_PROFILE);
	char *path = profiles.output ?
			     output_path(profiles.output, pid, is_program) :
			     profile_default_path(pid, profiles.format);

	if (profiles.format == PROFILE_PPROF)
		profile_write_pprof(p, path);
	else
		profile_write_folded(p, path, false);
	profile_close(p);
	fprintf(messages(run), "heap profile of process %s: %s\n", pid, path);
	free(path);
}

static void write_calls(struct run *run, const char *file, const char *pid,
			bool is_program)
{
	struct profile *p = profile_open(file, ALLOC_PROFILE);
	FILE *out = messages(run);
	char *path = NULL;

	if (profiles.calls_output) {
		path = output_path(profiles.calls_output, pid, is_program);
		out = fopen(path, "we");
		if (!out)
			error(EXIT_FAILED, errno, "cannot open %s", path);
	}
	profile_write_allocinfo(p, out);
	profile_close(p);
	if (ferror(out) | (path ? fclose(out) : fflush(out)))
		error(EXIT_FAILED, errno, "cannot write %s",
		      path ?: "the report");
	free(path);
}

/* One of "PID.heap" and "PID.calls"; true if it is the program's. */
static bool take_file(struct run *run, const char *name, pid_t program)
{
	char *file = xasprintf("%s/%s", profiles.dir, name);
	char *pid = xstrdup(name), *dot = strchr(pid, '.');
	bool is_program;

	*dot = '\0';
	is_program = strtol(pid, NULL, 10) == program;
	if (!strcmp(dot + 1, "heap"))
		write_heap(run, file, pid, is_program);
	else
		write_calls(run, file, pid, is_program);
	unlink(file);
	free(pid);
	free(file);
	return is_program;
}

static void take_files(struct run *run, struct run_result *result, void *data)
{
	struct dirent **names;
	int nr = scandir(profiles.dir, &names, NULL, versionsort), i;
	bool found = false;
	char *obstacle;

	(void)data;
	for (i = 0; i < nr; i++) {
		if (names[i]->d_name[0] != '.' && strchr(names[i]->d_name, '.'))
			found |= take_file(run, names[i]->d_name, result->pid);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	rmdir(profiles.dir);
	if (found || !result->pid)
		return;
	obstacle = run_preload_obstacle(run->argv[0]);
	if (obstacle)
		error(0, 0, "no profile: the program does not use libkmm");
	else
		error(0, 0, "no profile: process %d did not end by exit()",
		      result->pid);
	free(obstacle);
}

/* The parameter @name, and the files that end so. */
static void ask_for(struct run *run, const char *name, const char *arg,
		    const char *suffix)
{
	char *word = xasprintf("%s=%s", name, arg);
	char *file = xasprintf("%s_file", name), *path;
	bool first = !profiles.dir;

	make_dir();
	path = xasprintf("%s/%%p.%s", profiles.dir, suffix);
	run_add_words(run, word);
	run_add_path(run, "TMPDIR", file, path);
	free(path);
	free(file);
	free(word);
	if (first)
		run_at_exit(run, take_files, NULL);
}

static void set_profile(struct run *run, const char *arg)
{
	const char *rate = arg ?: DEFAULT_RATE;
	size_t digits = strspn(rate, "0123456789");

	if (!digits || !strcmp(rate, "0") ||
	    strlen(rate + digits) > 1 ||
	    (rate[digits] && !strchr("kKmMgG", rate[digits])))
		error(EXIT_USAGE, 0,
		      "--profile: '%s' is no number of bytes, such as 512K",
		      rate);
	ask_for(run, "profile", rate, "heap");
}

static void set_format(struct run *run, const char *arg)
{
	(void)run;
	if (!profile_format(arg, &profiles.format))
		error(EXIT_USAGE, 0,
		      "--profile-format: '%s' is neither pprof nor folded",
		      arg);
}

static void set_output(struct run *run, const char *arg)
{
	(void)run;
	run_check_output("--profile-output", arg);
	profiles.output = xstrdup(arg);
}

static void set_alloc_profile(struct run *run, const char *arg)
{
	if (arg) {
		run_check_output("--alloc-profile", arg);
		profiles.calls_output = xstrdup(arg);
	}
	ask_for(run, "mem_profiling", "1", "calls");
}

const struct run_option run_profile = {
	.name = "profile",
	.arg = "RATE",
	.arg_optional = true,
	.help = "At exit, write a heap profile; samples are RATE bytes apart on "
		"average (default " DEFAULT_RATE "; 1: all)",
	.set = set_profile,
};

const struct run_option run_profile_format = {
	.name = "profile-format",
	.arg = "FORMAT",
	.help = "Of the heap profile: pprof (the default) or folded",
	.set = set_format,
};

const struct run_option run_profile_output = {
	.name = "profile-output",
	.arg = "FILE",
	.help = "Where the heap profile goes, not kmm.PID.pb.gz or "
		"kmm.PID.folded; %p in it is the process",
	.set = set_output,
};

const struct run_option run_alloc_profile = {
	.name = "alloc-profile",
	.arg = "FILE",
	.arg_optional = true,
	.help = "At exit, list what each call site has allocated and not freed, "
		"in the format of /proc/allocinfo",
	.set = set_alloc_profile,
};
