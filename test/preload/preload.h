/* SPDX-License-Identifier: MIT */
/*
 * The frame of a preload test program.
 *
 * A program holds several tests in a table and runs the one that is named on
 * its command line, each in a process of its own: `edge list` prints the
 * names, `edge malloc_zero_is_unique` runs that test. A failed CHECK() says
 * where and exits with 1; a test that hangs is killed by SIGALRM.
 *
 * The programs call malloc by its plain names and are built with -fno-builtin,
 * so that the compiler neither removes nor merges their calls.
 */
#ifndef TEST_PRELOAD_H
#define TEST_PRELOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST_TIMEOUT_S 120
#define EXIT_SKIPPED 77

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: failed: %s\n",		\
				__FILE__, __LINE__, #cond);		\
			_exit(1);					\
		}							\
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct test {
	const char *name;
	void (*run)(void);
};

static inline int test_main(int argc, char **argv, const struct test *tests,
			    size_t nr_tests)
{
	size_t i;

	for (i = 0; i < nr_tests; i++) {
		if (argc > 1 && !strcmp(argv[1], tests[i].name)) {
			alarm(TEST_TIMEOUT_S);
			tests[i].run();
			return 0;
		}
		if (argc > 1 && !strcmp(argv[1], "list"))
			puts(tests[i].name);
	}
	return argc > 1 && !strcmp(argv[1], "list") ? 0 : 2;
}

/* A small generator of its own: rand() takes a lock in libc. */
static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Resident bytes of this process. */
static inline size_t resident_bytes(void)
{
	size_t pages[2] = { 0, 0 };
	char line[128], *p = line;
	FILE *statm = fopen("/proc/self/statm", "r");
	size_t len;

	CHECK(statm);
	setvbuf(statm, NULL, _IONBF, 0);
	len = fread(line, 1, sizeof(line) - 1, statm);
	fclose(statm);
	line[len] = '\0';
	pages[0] = strtoul(p, &p, 10);
	pages[1] = strtoul(p, &p, 10);
	return pages[1] * (size_t)sysconf(_SC_PAGESIZE);
}

#endif /* TEST_PRELOAD_H */
