/* SPDX-License-Identifier: MIT */
/*
 * What the stress programs share: a seed, a clock, a watchdog, and the churn.
 *
 *	program [seconds]	(fork_churn: [forks])
 *
 *	KMM_TEST_SEED=n		the numbers; where threads meet is up to the host
 *
 * Each prints one line of what it did and returns 0; on the first failure it
 * says what and exits with 1.
 *
 * Churn is what a thread does to the allocator: it has slots, and a step takes
 * one by random, frees what is in it or allocates into it. Every block is
 * filled with bytes that follow from its tag and looked at before it is freed,
 * so that two owners of one block cannot go unnoticed.
 */
#ifndef TEST_STRESS_H
#define TEST_STRESS_H

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/slab.h>

#include "slab.h"

/* A program that is late by this many seconds hangs. */
#define PATIENCE 100

static unsigned long seed;
static unsigned long nr_wanted;		/* seconds, or whatever the program counts */
static atomic_bool stop;
static const char *program;

static inline void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: FAILED: ", program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (KMM_TEST_SEED=%lu)\n", seed);
	_exit(1);
}

#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			fail("%s:%d: %s", __FILE__, __LINE__, #cond);	\
	} while (0)

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A signal cuts a sleep short, and signals of the process come here too. */
static void *watch(void *arg)
{
	double end = now() + (double)nr_wanted + PATIENCE;

	(void)arg;
	while (now() < end)
		sleep(1);
	fail("no end in sight");
}

static inline void stress_begin(int argc, char **argv, unsigned long wanted)
{
	const char *text = getenv("KMM_TEST_SEED");
	const char *slash = strrchr(argv[0], '/');
	pthread_t thread;

	program = slash ? slash + 1 : argv[0];
	nr_wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : wanted;
	seed = text ? strtoul(text, NULL, 0) :
		      (unsigned long)time(NULL) * 1000003 +
		      (unsigned long)getpid();
	CHECK(!pthread_create(&thread, NULL, watch, NULL));
	pthread_detach(thread);
}

/* Splitmix64. Steele, Lea, Flood, OOPSLA 2014. */
static inline unsigned long next_random(unsigned long *state)
{
	unsigned long z = *state += 0x9e3779b97f4a7c15UL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

/* Contents: all bytes of a small block, some of a large one. */
static inline size_t content_step(size_t size)
{
	return size > 1024 ? 127 : 1;
}

static inline void fill(void *p, size_t size, unsigned long tag)
{
	size_t off, step = content_step(size);

	for (off = 0; off < size; off += step)
		((unsigned char *)p)[off] = (unsigned char)(tag * 31 + off);
}

static inline bool holds(const void *p, size_t size, unsigned long tag)
{
	size_t off, step = content_step(size);

	for (off = 0; off < size; off += step)
		if (((const unsigned char *)p)[off] !=
		    (unsigned char)(tag * 31 + off))
			return false;
	return true;
}

/* Churn ------------------------------------------------------------------- */

#define CHURN_CACHES 8
#define CHURN_SLOTS 400

static struct kmem_cache *churn_caches[CHURN_CACHES];

struct churn {
	unsigned long random;
	unsigned long steps;
	struct {
		void *p;
		size_t size;
		unsigned long tag;
		struct kmem_cache *s;
	} slot[CHURN_SLOTS];
};

static inline void churn_create_caches(void)
{
	static const unsigned int sizes[CHURN_CACHES] = {
		8, 24, 64, 136, 300, 768, 2000, 5000,
	};
	unsigned int i;
	char name[32];

	for (i = 0; i < CHURN_CACHES; i++) {
		snprintf(name, sizeof(name), "churn-%u", sizes[i]);
		churn_caches[i] = kmem_cache_create(name, sizes[i], NULL,
						    SLAB_NO_MERGE);
		CHECK(churn_caches[i]);
	}
}

static inline void churn_destroy_caches(void)
{
	unsigned int i;

	for (i = 0; i < CHURN_CACHES; i++) {
		CHECK(kmem_cache_shrink(churn_caches[i]) == 0);
		kmem_cache_destroy(churn_caches[i]);
	}
}

static inline void churn_begin(struct churn *c, unsigned long nr)
{
	memset(c, 0, sizeof(*c));
	c->random = seed + nr * 7919;
}

static inline void churn_free(struct churn *c, unsigned int i)
{
	void *p = c->slot[i].p;

	if (!p)
		return;
	if (!holds(p, c->slot[i].size, c->slot[i].tag))
		fail("contents of %p, %zu bytes", p, c->slot[i].size);
	c->slot[i].p = NULL;
	if (c->slot[i].s && c->slot[i].tag % 4)
		kmem_cache_free(c->slot[i].s, p);
	else
		kfree(p);
}

static inline void churn_alloc(struct churn *c, unsigned int i)
{
	unsigned long r = next_random(&c->random);
	struct kmem_cache *s = NULL;
	size_t size;
	void *p;

	if (r % 8 < 4) {
		s = churn_caches[(r >> 8) % CHURN_CACHES];
		size = kmem_cache_size(s);
		p = kmem_cache_alloc(s, GFP_KERNEL);
	} else {
		size = 1 + (r >> 8) % (r % 256 == 7 ? 100000 : 1000);
		p = kmalloc(size, GFP_KERNEL);
	}
	if (!p)
		fail("no memory for %zu bytes", size);
	c->slot[i].p = p;
	c->slot[i].s = s;
	c->slot[i].size = size;
	c->slot[i].tag = r;
	fill(p, size, r);
}

static inline void churn_step(struct churn *c)
{
	unsigned int i = (unsigned int)(next_random(&c->random) % CHURN_SLOTS);

	if (c->slot[i].p)
		churn_free(c, i);
	else
		churn_alloc(c, i);
	c->steps++;
}

static inline void churn_end(struct churn *c)
{
	unsigned int i;

	for (i = 0; i < CHURN_SLOTS; i++)
		churn_free(c, i);
}

/* The end ----------------------------------------------------------------- */

/* All other threads have ended. */
static inline void validate_all(void)
{
	struct kmem_cache *s;

	CHECK(!page_alloc_validate());
	CHECK(!pcp_validate());
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		CHECK(!slab_validate(s));
		CHECK(!sheaf_validate(s));
	}
	spin_unlock(&slab_mutex);
	CHECK(!vmalloc_validate());
}

/* A thread that churns; its argument is a struct churn. */
static inline void *churn_until_stop(void *arg)
{
	struct churn *c = arg;

	while (!atomic_load(&stop))
		churn_step(c);
	churn_end(c);
	return NULL;
}

/* Pages that are neither on a free list nor on a per-CPU list. */
static inline unsigned long pages_in_use(void)
{
	unsigned long nr = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		nr += zone->managed_pages - zone->nr_free - pcp_count(zone);
	return nr;
}

#endif /* TEST_STRESS_H */
