// SPDX-License-Identifier: MIT
/*
 * kmm run --check[=OPTIONS]: the library's slab_debug, which does the work:
 * red zones, poison and stacks around each object.
 *
 * --check=page is another facility, that of --guard, for each object.
 *
 * A letter that means nothing is an error here: who asks for something by hand
 * had better be told at once.
 */
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "run.h"

#define CHECK_ALL "FZPU"
#define CHECK_LETTERS "FZPUTAOfzputao-"

/* "letters,glob,...;letters,..." */
static void check_options(const char *options)
{
	const char *block = options;

	if (strpbrk(options, " \t\n"))
		error(EXIT_USAGE, 0, "--check=%s: there is a blank in it",
		      options);
	while (*block) {
		block += strspn(block, CHECK_LETTERS);
		if (*block && !strchr(",;", *block))
			error(EXIT_USAGE, 0,
			      "--check=%s: no option '%c'; there are F Z P U T A O and -",
			      options, *block);
		block += strcspn(block, ";");
		block += strspn(block, ";");
	}
}

static void set_check(struct run *run, const char *arg)
{
	char *words;

	if (arg && !strcmp(arg, "page")) {
		run_guard_all(run);
		return;
	}
	if (!arg)
		arg = CHECK_ALL;
	check_options(arg);
	words = xasprintf("slab_debug=%s", arg);
	run_add_words(run, words);
	free(words);
}

const struct run_option run_check = {
	.name = "check",
	.arg = "OPTIONS",
	.arg_optional = true,
	.help = "Find overruns, underruns and uses after free, with the stacks "
		"of the allocation and the free; OPTIONS as in slab_debug=, "
		CHECK_ALL " if not given. Or \"page\": each object beside an "
		"inaccessible page, which ends a wrong access at once",
	.set = set_check,
};
