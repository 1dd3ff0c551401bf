// SPDX-License-Identifier: MIT
/*
 * kmm run --error-exitcode=N, --follow, --shim=FILE: small options that only
 * set a field of struct run; cmd_run.c and run_program.c read them.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kmm.h"
#include "run.h"

static void set_error_exitcode(struct run *run, const char *arg)
{
	run->error_exitcode = (int)option_number("error-exitcode", arg, 1, 255);
}

const struct run_option run_error_exitcode = {
	.name = "error-exitcode",
	.arg = "N",
	.help = "Exit with status N if anything was reported and the program "
		"was not killed by a signal",
	.set = set_error_exitcode,
};

static void set_follow(struct run *run, const char *arg)
{
	(void)arg;
	run->follow = true;
}

const struct run_option run_follow = {
	.name = "follow",
	.help = "Stay until the last process that PROGRAM has started is gone",
	.set = set_follow,
};

static void set_shim(struct run *run, const char *arg)
{
	run->shim = realpath(arg, NULL);
	if (!run->shim)
		error(EXIT_FAILED, errno, "%s", arg);
}

const struct run_option run_shim = {
	.name = "shim",
	.arg = "FILE",
	.help = "The malloc shim to use, not the libkmm_malloc.so that belongs "
		"to this kmm",
	.set = set_shim,
};
