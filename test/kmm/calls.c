// SPDX-License-Identifier: MIT
/*
 * A program whose calls are known, for the tests of traces: it prints the calls
 * between two marks, as the trace should have them.
 *
 *	calls known | shrink | twice | threads | killed | forks
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK 11111

static void mark(void)
{
	free(malloc(MARK));
}

static void known(void)
{
	static char text[1024];
	volatile size_t too_much = PTRDIFF_MAX;
	void *a, *b, *c, *d, *e;

	too_much++;
	mark();
	a = malloc(100);
	b = calloc(3, 50);
	c = realloc(a, 1000);
	d = memalign(64, 200);
	e = malloc(6 << 20);
	if (malloc(too_much))
		abort();
	free(b);
	free(c);
	free(d);
	free(e);
	free(NULL);
	mark();
	snprintf(text, sizeof(text),
		 "malloc(100) = %p\ncalloc(150) = %p\nrealloc(%p, 1000) = %p\n"
		 "memalign(64, 200) = %p\nmalloc(6291456) = %p\n"
		 "malloc(9223372036854775808) = NULL\n"
		 "free(%p)\nfree(%p)\nfree(%p)\nfree(%p)\n",
		 a, b, a, c, d, e, b, c, d, e);
	(void)!write(1, text, strlen(text));
}

/* The host gives nothing any more; a block that shrinks stays where it is. */
static void shrink(void)
{
	const struct rlimit none = { 0, 0 };
	char text[128];
	void *p, *q;

	p = malloc(400000);
	setrlimit(RLIMIT_AS, &none);
	while (malloc(100000))
		;
	mark();
	q = realloc(p, 100000);
	free(q);
	mark();
	snprintf(text, sizeof(text), "realloc(%p, 100000) = %p\nfree(%p)\n", p,
		 p, q);
	(void)!write(1, text, strlen(text));
}

/* Two functions, though compilers see that they are the same. */
__attribute__((noinline)) static void free_first(void *p)
{
	free(p);		/* line: first */
	__asm__ volatile("# first");
}

__attribute__((noinline)) static void free_second(void *p)
{
	free(p);		/* line: second */
	__asm__ volatile("# second");
}

static void twice(void)
{
	char text[32];
	void *p = malloc(1234);

	snprintf(text, sizeof(text), "%p\n", p);
	(void)!write(1, text, strlen(text));
	free_first(p);
	free_second(p);
}

/* Blocks wander between threads. */
#define NR_SLOTS 64

static _Atomic(void *) slots[NR_SLOTS];

static void *move_blocks(void *arg)
{
	uint64_t seed = (uintptr_t)arg;
	int i;

	for (i = 0; i < 5000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		free(atomic_exchange(&slots[seed >> 50 & (NR_SLOTS - 1)],
				     malloc((seed >> 33) % 300 + 1)));
	}
	return NULL;
}

static void threads(void)
{
	pthread_t thread[8];
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, move_blocks,
			       (void *)(uintptr_t)i);
	for (i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < NR_SLOTS; i++)
		free(slots[i]);
}

static void killed(void)
{
	int i;

	for (i = 0; i < 5000; i++)
		free(malloc(10));
	free(malloc(4321));
	raise(SIGKILL);
}

static void forks(void)
{
	void *before = malloc(2001);

	if (!fork()) {
		free(before);
		free(malloc(2002));
		exit(0);
	}
	wait(NULL);
	free(before);
	free(malloc(2003));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {
		{ "known", known },   { "twice", twice }, { "threads", threads },
		{ "killed", killed }, { "forks", forks }, { "shrink", shrink },
	};
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!strcmp(argv[1], ways[i].name)) {
			ways[i].run();
			return 0;
		}
	}
	return 2;
}
