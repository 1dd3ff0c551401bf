/* SPDX-License-Identifier: MIT */
/*
 * The frame of a benchmark program.
 *
 * A program holds several patterns in a table and runs the one that its command
 * line names:
 *
 *	threads list			the patterns, their parameters and defaults
 *	threads larson n=1000		run one
 *
 * What a pattern does follows from its parameters alone: the amount of work is
 * fixed, random numbers have a fixed seed, and no pattern runs "for a second".
 * So two allocators are given the same calls. A pattern prints what it has
 * measured itself, one "NAME VALUE" a line; time, memory and faults of the
 * whole process are measured from outside, by run.c.
 *
 * The programs call malloc by its plain names, so that any allocator can be
 * preloaded, and are built with -fno-builtin, so that the compiler keeps the
 * calls. What they need for themselves comes from mmap() where it is large
 * enough to be seen in a result.
 */
#ifndef TEST_BENCH_H
#define TEST_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* No pattern may hang a benchmark. */
#define BENCH_TIMEOUT_S 300

/**
 * struct pattern - one thing that a program can do
 * @name: on the command line.
 * @defaults: "name=value ..."; what is not listed here is no parameter.
 * @run: does it and prints the results.
 */
struct pattern {
	const char *name;
	const char *defaults;
	void (*run)(void);
};

/** bench_main() - run what the command line says; the value of main(). */
int bench_main(int argc, char **argv, const struct pattern *patterns,
	       size_t nr_patterns);

/** param() - the value of a parameter of the pattern that runs. */
unsigned long param(const char *name);

/** result() - print one measured value; the unit is part of the name. */
void result(const char *name, double value);

/** die() - print why the pattern cannot go on, exit with 1. */
_Noreturn void die(const char *reason);

/** bench_path() - how this program was called, to start it once more. */
const char *bench_path(void);

/** now_ns() - time from a start that does not matter. */
uint64_t now_ns(void);

/** own_kib() - a value in kB of a file in /proc/self: "status", "VmSize:". */
unsigned long own_kib(const char *file, const char *field);

/** own_rss_kib() - resident memory, counted and not estimated. */
unsigned long own_rss_kib(void);

/** map_array() - zeroed memory that no allocator counts; never given back. */
void *map_array(size_t nr, size_t size);

/** run_threads() - call @fn(0) to @fn(nr - 1), each in a thread; wait. */
void run_threads(unsigned long nr, void (*fn)(unsigned long number));

/** median() - of @nr values, which are sorted. */
double median(double *values, size_t nr);

/* The memory is there; without it there is nothing to measure. */
ALWAYS_INLINE void *must(void *p)
{
	if (__builtin_expect(!p, 0))
		die("out of memory");
	return p;
}

/* Write one byte in each page of a block, the first and the last. */
ALWAYS_INLINE void touch(void *block, size_t size)
{
	volatile char *p = block;
	size_t i;

	for (i = 0; i < size; i += 4 * KIB)
		p[i] = (char)size;
	p[size - 1] = (char)size;
}

/* Random numbers: xorshift64*, never 0. */
struct random {
	uint64_t state;
};

ALWAYS_INLINE struct random random_from(uint64_t seed)
{
	return (struct random){ (seed + 1) * 0x9e3779b97f4a7c15u };
}

ALWAYS_INLINE uint64_t random_next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

/* From 0 to @below - 1: the high half of a product, no division. */
ALWAYS_INLINE size_t random_below(struct random *r, size_t below)
{
	return (size_t)(((random_next(r) >> 32) * (uint64_t)below) >> 32);
}

/* Evenly from @min to @max. */
ALWAYS_INLINE size_t random_between(struct random *r, size_t min, size_t max)
{
	return min + random_below(r, max - min + 1);
}

/** random_mixed() - a size from 16 to 2^@max_shift bytes as programs have
 * them: the larger, the rarer. */
size_t random_mixed(struct random *r, unsigned int max_shift);

/**
 * random_order() - the numbers 0 to @nr - 1, shuffled by a fixed seed
 *
 * Return: from map_array().
 */
unsigned int *random_order(size_t nr);

#endif /* TEST_BENCH_H */
