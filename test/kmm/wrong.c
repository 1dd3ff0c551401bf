// SPDX-License-Identifier: MIT
/*
 * A program that frees twice, for its name in reports: through a function that
 * is inlined, in a function that is not, at lines that run.sh looks for by the
 * comments in them.
 *
 *	wrong			from here
 *	wrong plugin FILE	from a library that is loaded for it
 *	wrong replaced FILE	after FILE has taken the place of this program
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline __attribute__((always_inline)) void drop_inlined(char *p)
{
	free(p); /* line: inlined */
}

static __attribute__((noinline)) void drop(char *p)
{
	drop_inlined(p); /* line: outer */
	__asm__ volatile("");
}

static void load_and_drop(const char *file, char *p)
{
	void *plugin = dlopen(file, RTLD_NOW);
	void (*fn)(char *) = NULL;

	if (plugin)
		*(void **)&fn = dlsym(plugin, "plugin_drop");
	if (!fn)
		exit(77);
	fn(p);
}

int main(int argc, char **argv)
{
	char *volatile p = malloc(100);

	free(p);
	if (argc > 2 && !strcmp(argv[1], "plugin"))
		load_and_drop(argv[2], p);
	else if (argc > 2 && rename(argv[2], argv[0]))
		return 77;
	drop(p);
	return 0;
}
