// SPDX-License-Identifier: MIT
/*
 * kmm profile and kmm allocinfo: the two profiles of a process, of a core, or
 * of a file that the library wrote at exit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "profile.h"

struct options {
	enum profile_format format;
	const char *output;
	bool alloc;
};

enum { OPT_FORMAT = 256, OPT_ALLOC };

static const struct argp_option profile_options[] = {
	{ "format", OPT_FORMAT, "FORMAT", 0,
	  "pprof (the default) or folded", 0 },
	{ "output", 'o', "FILE", 0,
	  "Where to, not kmm.PID.pb.gz or kmm.PID.folded; - is standard output",
	  0 },
	{ "alloc", OPT_ALLOC, NULL, 0,
	  "In folded stacks, count all that was allocated, not what is in use",
	  0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_FORMAT:
		if (!profile_format(arg, &options->format))
			error(EXIT_USAGE, 0,
			      "--format: '%s' is neither pprof nor folded", arg);
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case OPT_ALLOC:
		options->alloc = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_profile(int argc, char **argv)
{
	static const struct argp argp = {
		.options = profile_options,
		.parser = parse,
		.args_doc = "PID|CORE|FILE",
		.doc = "Writes which stacks have allocated and which keep how "
		       "many bytes, as pprof's profile.proto or as folded "
		       "stacks.\vThe process must have been started for it by "
		       "kmm run, or with KMM_CMDLINE=profile=512K. It is not "
		       "stopped. FILE is what the parameter profile_file named.",
	};
	struct options options = { .format = PROFILE_PPROF };
	int next = parse_options(&argp, argc, argv, 0, &options);
	struct profile *profile;
	const char *slash;
	char *path;

	if (next != argc - 1)
		error(EXIT_USAGE, 0,
		      "needs one process number, core file or profile");
	slash = strrchr(argv[next], '/');
	path = profile_default_path(slash ? slash + 1 : argv[next],
				    options.format);
	profile = profile_open(argv[next], HEAP_PROFILE);
	if (options.format == PROFILE_PPROF)
		profile_write_pprof(profile, options.output ?: path);
	else
		profile_write_folded(profile, options.output ?: path,
				     options.alloc);
	profile_close(profile);
	free(path);
	return 0;
}

int cmd_allocinfo(int argc, char **argv)
{
	static const struct argp argp = {
		.args_doc = "PID|CORE|FILE",
		.doc = "Lists the bytes and blocks that each call site has "
		       "allocated and that are not freed, in the format of "
		       "/proc/allocinfo, most bytes first.\vThe process must "
		       "have been started for it by kmm run, or with "
		       "KMM_CMDLINE=mem_profiling. It is not stopped. FILE is "
		       "what the parameter mem_profiling_file named.",
	};
	int next = parse_options(&argp, argc, argv, 0, NULL);
	struct profile *profile;

	if (next != argc - 1)
		error(EXIT_USAGE, 0,
		      "needs one process number, core file or profile");
	profile = profile_open(argv[next], ALLOC_PROFILE);
	profile_write_allocinfo(profile, stdout);
	profile_close(profile);
	if (fflush(stdout))
		error(EXIT_FAILED, errno, "cannot write");
	return 0;
}
