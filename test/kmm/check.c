// SPDX-License-Identifier: MIT
/*
 * A program that does what its argument says wrong, for what `kmm run --check`
 * says of it, in functions that run.sh looks for by name.
 */
#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) char *allocate_it(void)
{
	char *p = malloc(20);

	__asm__ volatile("");
	return p;
}

static __attribute__((noinline)) void free_it(char *p)
{
	free(p);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	char *volatile p = allocate_it();
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "overrun"))
		p[20] = 'A';
	free_it(p);
	if (!strcmp(what, "twice"))
		free_it(p);
	if (!strcmp(what, "use"))
		p[3] = 'A';
	return 0;
}
