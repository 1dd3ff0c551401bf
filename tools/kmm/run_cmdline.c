// SPDX-License-Identifier: MIT
/*
 * kmm run --cmdline=WORDS: parameters of the library as they are.
 *
 * The example for options: a function that is given the argument, and the row
 * that names it.
 */
#include "run.h"

static void set_cmdline(struct run *run, const char *arg)
{
	run_add_words(run, arg);
}

const struct run_option run_cmdline = {
	.name = "cmdline",
	.arg = "WORDS",
	.help = "Parameters for the library, added to KMM_CMDLINE",
	.set = set_cmdline,
};
