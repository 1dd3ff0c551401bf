// SPDX-License-Identifier: MIT
/*
 * kmm run --guard[=1/N]: some allocations beside inaccessible pages.
 *
 * Without an argument, one in every 100 ms, as the kernel's default is. 1/N: one
 * of N objects that come fresh to a CPU as well; the timer stays, since a loop
 * that allocates and frees the same object takes no fresh one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "run.h"

#define INTERVAL "kfence_sample_interval=100"

static void set_guard(struct run *run, const char *arg)
{
	unsigned long nr;
	char *end, *words;

	run_add_words(run, INTERVAL);
	if (!arg)
		return;
	errno = 0;
	nr = strtoul(strncmp(arg, "1/", 2) ? arg : arg + 2, &end, 10);
	if (strncmp(arg, "1/", 2) || arg[2] < '1' || arg[2] > '9' || *end ||
	    errno || nr > UINT32_MAX)
		error(EXIT_USAGE, 0, "--guard: '%s' is not 1/N", arg);
	words = xasprintf("kfence_sample=%lu", nr);
	run_add_words(run, words);
	free(words);
}

const struct run_option run_guard = {
	.name = "guard",
	.arg = "1/N",
	.arg_optional = true,
	.help = "Have an allocation now and then, or one of N, in a page of "
		"its own, so that an overrun or a use after free is seen at "
		"once; cheap enough for production",
	.set = set_guard,
};

void run_guard_all(struct run *run)
{
	run_add_words(run, "kfence_all");
}
