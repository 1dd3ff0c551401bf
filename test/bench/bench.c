// SPDX-License-Identifier: MIT
/*
 * The frame of a benchmark program: command line, clock, random numbers,
 * threads. See bench.h for what a program is.
 *
 * Nothing here calls malloc while a pattern runs; threads do, inside libc.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static const struct pattern *running;
static char **arguments;
static int nr_arguments;
static const char *path;

const char *bench_path(void)
{
	return path;
}

void die(const char *reason)
{
	fprintf(stderr, "%s: %s\n", running ? running->name : path, reason);
	exit(1);
}

/* The text after "@name=" in @word, or NULL. */
static const char *value_in(const char *word, const char *name, size_t len)
{
	return !strncmp(word, name, len) && word[len] == '=' ? word + len + 1 :
							       NULL;
}

static const char *default_of(const char *name, size_t len)
{
	const char *word = running->defaults;

	while (*word) {
		const char *value = value_in(word, name, len);

		if (value)
			return value;
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	return NULL;
}

unsigned long param(const char *name)
{
	const char *value = default_of(name, strlen(name));
	int i;

	if (!value)
		die(name);
	for (i = 0; i < nr_arguments; i++) {
		const char *given = value_in(arguments[i], name, strlen(name));

		if (given)
			value = given;
	}
	return strtoul(value, NULL, 0);
}

static void check_arguments(void)
{
	int i;

	for (i = 0; i < nr_arguments; i++) {
		const char *name = arguments[i];
		size_t len = strcspn(name, "=");
		char *end = NULL;

		if (name[len] == '=')
			strtoul(name + len + 1, &end, 0);
		if (!end || end == name + len + 1 || *end ||
		    !default_of(name, len)) {
			fprintf(stderr, "%s: %s: not a parameter; has %s\n",
				running->name, name, running->defaults);
			exit(2);
		}
	}
}

int bench_main(int argc, char **argv, const struct pattern *patterns,
	       size_t nr_patterns)
{
	static char buffer[4096];
	size_t i;

	/* Results must not come from the heap that is measured. */
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	path = argv[0];
	for (i = 0; argc > 1 && i < nr_patterns; i++) {
		if (!strcmp(argv[1], "list"))
			printf("%-16s %s\n", patterns[i].name,
			       patterns[i].defaults);
		if (strcmp(argv[1], patterns[i].name))
			continue;
		running = &patterns[i];
		arguments = argv + 2;
		nr_arguments = argc - 2;
		check_arguments();
		alarm(BENCH_TIMEOUT_S);
		running->run();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "list"))
		return 0;
	fprintf(stderr, "usage: %s PATTERN [NAME=VALUE]... | list\n", argv[0]);
	return 2;
}

void result(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
	fflush(stdout);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

unsigned long own_kib(const char *file, const char *field)
{
	static char text[8192];
	char name[64];
	const char *line;
	ssize_t len;
	int fd;

	snprintf(name, sizeof(name), "/proc/self/%s", file);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return 0;
	text[len] = '\0';
	line = strstr(text, field);
	return line ? strtoul(line + strlen(field), NULL, 10) : 0;
}

/* The numbers in "status" lag behind by some pages on each CPU. */
unsigned long own_rss_kib(void)
{
	unsigned long kib = own_kib("smaps_rollup", "\nRss:");

	return kib ? kib : own_kib("status", "VmRSS:");
}

void *map_array(size_t nr, size_t size)
{
	void *array = mmap(NULL, nr * size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (array == MAP_FAILED)
		die("mmap failed");
	return array;
}

struct thread {
	pthread_t id;
	void (*fn)(unsigned long number);
	unsigned long number;
	pthread_barrier_t *start;
};

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	pthread_barrier_wait(t->start);
	t->fn(t->number);
	return NULL;
}

void run_threads(unsigned long nr, void (*fn)(unsigned long number))
{
	struct thread *threads = map_array(nr, sizeof(*threads));
	pthread_barrier_t start;
	unsigned long i;

	pthread_barrier_init(&start, NULL, (unsigned int)nr);
	for (i = 0; i < nr; i++) {
		threads[i].fn = fn;
		threads[i].number = i;
		threads[i].start = &start;
		if (pthread_create(&threads[i].id, NULL, thread_main,
				   &threads[i]))
			die("cannot create a thread");
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
	pthread_barrier_destroy(&start);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t nr)
{
	qsort(values, nr, sizeof(*values), compare_doubles);
	return nr % 2 ? values[nr / 2] :
			(values[nr / 2 - 1] + values[nr / 2]) / 2;
}

/*
 * A doubling is picked first, then a size in it. Of three picks the least
 * counts: with 2^18, half of the sizes are below 128 bytes, one of seventy is
 * above 16 KiB, and these hold most of the bytes.
 */
size_t random_mixed(struct random *r, unsigned int max_shift)
{
	size_t shift = max_shift - 1;
	int i;

	for (i = 0; i < 3; i++) {
		size_t pick = random_between(r, 4, max_shift - 1);

		if (pick < shift)
			shift = pick;
	}
	return random_between(r, (size_t)1 << shift, (size_t)2 << shift);
}

unsigned int *random_order(size_t nr)
{
	unsigned int *order = map_array(nr, sizeof(*order));
	struct random r = random_from(nr);
	size_t i;

	for (i = 0; i < nr; i++) {
		size_t j = random_below(&r, i + 1);

		order[i] = order[j];
		order[j] = (unsigned int)i;
	}
	return order;
}
