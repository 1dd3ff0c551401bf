// SPDX-License-Identifier: MIT
/*
 * A program whose allocations are known, for the tests of profiles.
 *
 *	sites [fork|killed|wait]
 *
 * In use at the end: 1000 blocks of 100 bytes, of keep_small(); 10 of 70000, of
 * keep_large(); 50 of 24 and 50 of 40, of keep_inlined(), which is inlined into
 * keep_outer(). Allocated and freed: 200 of 3000, of pass_by().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define noinline __attribute__((noinline))

static void *volatile kept;

static noinline void keep_small(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		kept = malloc(100); /* line: small */
}

static noinline void keep_large(void)
{
	volatile size_t too_large = (size_t)-1 / 4;
	void *p = NULL;
	int i;

	for (i = 0; i < 10; i++) {
		p = malloc(10);
		p = realloc(p, 70000);
		/* Fails, so nothing is freed either. */
		if (realloc(p, too_large))
			abort();
		kept = p;
	}
}

static inline __attribute__((always_inline)) void keep_inlined(size_t size)
{
	kept = calloc(1, size); /* line: inlined */
}

static noinline void keep_outer(void)
{
	int i;

	for (i = 0; i < 50; i++) {
		keep_inlined(24);
		keep_inlined(40);
	}
}

static noinline void pass_by(void)
{
	int i;

	for (i = 0; i < 200; i++) {
		kept = malloc(3000);
		free(kept);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	keep_small();
	keep_large();
	keep_outer();
	pass_by();
	if (!strcmp(mode, "fork")) {
		if (!fork())
			keep_small();
		else
			wait(NULL);
	} else if (!strcmp(mode, "killed")) {
		abort();
	} else if (!strcmp(mode, "wait")) {
		/* No buffer of stdio, which would be a block. */
		if (write(1, "ready\n", 6) == 6)
			pause();
	}
	return 0;
}
