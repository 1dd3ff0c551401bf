// SPDX-License-Identifier: MIT
/*
 * What test_fail.sh makes allocations fail in. `fails NAME` runs one of the
 * functions below; none prints by stdio, which allocates.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			static const char text[] = "failed: " #cond "\n"; \
			(void)!write(2, text, sizeof(text) - 1);	\
			_exit(3);					\
		}							\
	} while (0)

static void *volatile sink;

/* An allocation that failed, with errno set; it is reset for the next. */
static int failed(void *p)
{
	int was_set = errno == ENOMEM;

	errno = 0;
	return !p && was_set;
}

/* With space for the first call, all others fail. */
static int family(void)
{
	char *p = malloc(1000);
	void *unset = (void *)&sink;

	CHECK(p);
	memset(p, 7, 1000);
	errno = 0;
	CHECK(failed(malloc(100)));
	CHECK(failed(malloc(1)));
	CHECK(failed(malloc(100000)));
	CHECK(failed(malloc(10 << 20)));
	CHECK(failed(calloc(10, 10)));
	CHECK(failed(realloc(NULL, 10)));
	CHECK(failed(realloc(p, 5000)));
	CHECK(failed(reallocarray(p, 100, 50)));
	/* C promises no more for a smaller one. */
	CHECK(failed(realloc(p, 10)));
	CHECK(failed(aligned_alloc(64, 128)));
	CHECK(failed(memalign(4096, 10)));
	CHECK(failed(valloc(10)));
	CHECK(failed(strdup("text")));
	errno = EAGAIN;
	CHECK(posix_memalign(&unset, 64, 100) == ENOMEM);
	CHECK(errno == EAGAIN && unset == (void *)&sink);
	for (int i = 0; i < 1000; i++)
		CHECK(p[i] == 7);
	free(p);
	return 0;
}

static char *copy(const char *text)
{
	char *p = malloc(strlen(text) + 1);

	if (p)
		strcpy(p, text);
	return p;
}

/* Three calls: the second is not checked. */
static int unchecked(void)
{
	char *first = copy("first"), *last;
	volatile int *table;

	if (!first)
		return 1;
	table = malloc(40); /* line: unchecked */
	table[3] = 1; /* line: crash */
	last = copy("last");
	free((void *)table);
	free(first);
	if (!last)
		return 1;
	free(last);
	return 0;
}

/* Calls in a loop, all checked, and everything is freed. */
static int checked(void)
{
	char *p = NULL, *more;
	size_t size;

	for (size = 1; size < 100000; size *= 4) {
		more = realloc(p, size);
		if (!more) {
			free(p);
			return 4;
		}
		p = more;
	}
	free(p);
	return 0;
}

/* The way out of a failure frees twice. */
static int twice(void)
{
	char *first = malloc(10), *second;

	if (!first)
		return 1;
	second = malloc(20);
	if (!second)
		free(first); /* line: first_free */
	free(first);
	free(second);
	return 0;
}

/* Tries again for ever. */
static int persistent(void)
{
	char *p = malloc(10);

	if (!p)
		for (;;)
			pause();
	free(p);
	return 0;
}

static int crash(void)
{
	sink = malloc(10);
	abort();
}

static void *three_calls(void *arg)
{
	for (int i = 0; i < 3; i++)
		free(malloc(16));
	return arg;
}

/* Threads of which each makes three calls of 16 bytes; those that
 * pthread_create() makes are larger. */
static int threads(void)
{
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, three_calls, NULL))
			return 1;
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static void *in_thread(void *arg)
{
	volatile int *p = malloc(16);

	*p = 1;
	free((void *)p);
	return arg;
}

static int thread(void)
{
	pthread_t other;

	if (pthread_create(&other, NULL, in_thread, NULL))
		return 1;
	return pthread_join(other, NULL);
}

static __attribute__((noinline)) void *in_here(size_t size)
{
	void *p = copy("here");

	sink = p;
	free(p);
	return malloc(size);
}

static int stacks(void)
{
	sink = malloc(1);
	sink = in_here(2);
	sink = malloc(3);
	return 0;
}

/* Of what it reads, not of the arguments, depends how it ends. */
static int input(void)
{
	char text[10] = "";

	free(malloc(10));
	return read(0, text, sizeof(text)) == 5 && !memcmp(text, "12345", 5) ?
		       0 : 9;
}

/* Each other call is not needed. */
static int alternate(void)
{
	void *p;
	int i;

	for (i = 0; i < 30; i++) {
		p = malloc(16);
		if (!p && i % 2)
			return 1;
		free(p);
	}
	return 0;
}

/* Stays in the second call, and says so by a file. */
static int interrupt(const char *file)
{
	if (!malloc(10))
		return 1;
	if (!malloc(10)) {
		close(open(file, O_CREAT | O_WRONLY, 0666));
		for (;;)
			pause();
	}
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(void);
} ways[] = {
	{ "family", family },	  { "unchecked", unchecked },
	{ "checked", checked },	  { "twice", twice },
	{ "persistent", persistent }, { "crash", crash },
	{ "threads", threads },	  { "thread", thread },	  { "stacks", stacks },
	{ "input", input },	  { "alternate", alternate },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name))
			return ways[i].fn();
	if (argc == 3)
		return interrupt(argv[2]);
	return 2;
}
