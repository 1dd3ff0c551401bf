// SPDX-License-Identifier: MIT
/*
 * Patterns of threads: who allocates is not who frees, or not for long.
 *
 *	larson	a server: each thread works on an array of objects, then hands
 *		the array to a new thread and ends; so objects are freed by
 *		threads that have not allocated them, whose caches died.
 *		Larson and Krishnan, "Memory allocation for long-running server
 *		applications", ISMM 1998.
 *	xmalloc	producers allocate, consumers free, in batches over a queue;
 *		nothing ever comes back to the thread that needs it. Lever and
 *		Boreham, "malloc() performance in a multithreaded Linux
 *		environment", USENIX 2000.
 *	scratch, thrash	false sharing. A thread writes to a small object many
 *		times. "thrash" asks whether an allocator gives two threads
 *		objects in one cache line (active); "scratch" first frees in
 *		each thread a neighbour from one thread, and asks whether it
 *		comes back there (passive). Berger et al., "Hoard", ASPLOS 2000.
 *	short	threads that live for fifty allocations
 *	idle	thousands of threads that have allocated once and wait: what is
 *		kept for each of them
 *	scale	a fixed amount of work, divided among 1 to 64 threads
 *
 * Patterns of this kind are well known; the programs here are written from
 * their descriptions, with a fixed amount of work.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "bench.h"

/* larson ---------------------------------------------------------------- */

#define LARSON_SLOTS 1000
#define LARSON_MIN 8
#define LARSON_MAX 1000

struct larson {
	void *slots[LARSON_SLOTS];
	struct random random;
	unsigned long generations;
	unsigned long n;
	sem_t *ended;
};

static void larson_next_thread(struct larson *l);

static void *larson_thread(void *arg)
{
	struct larson *l = arg;
	unsigned long i;

	for (i = 0; i < l->n; i++) {
		size_t slot = random_below(&l->random, LARSON_SLOTS);
		size_t size =
			random_between(&l->random, LARSON_MIN, LARSON_MAX);

		free(l->slots[slot]);
		l->slots[slot] = must(malloc(size));
		touch(l->slots[slot], size);
	}
	if (--l->generations)
		larson_next_thread(l);
	else
		sem_post(l->ended);
	return NULL;
}

static void larson_next_thread(struct larson *l)
{
	pthread_attr_t detached;
	pthread_t thread;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, larson_thread, l))
		die("cannot create a thread");
	pthread_attr_destroy(&detached);
}

static void run_larson(void)
{
	unsigned long nr_threads = param("threads"), i, slot;
	struct larson *servers = map_array(nr_threads, sizeof(*servers));
	sem_t ended;

	sem_init(&ended, 0, 0);
	for (i = 0; i < nr_threads; i++) {
		struct larson *l = &servers[i];

		l->random = random_from(i);
		l->generations = param("generations");
		l->n = param("n");
		l->ended = &ended;
		larson_next_thread(l);
	}
	for (i = 0; i < nr_threads; i++)
		while (sem_wait(&ended))
			continue;
	for (i = 0; i < nr_threads; i++)
		for (slot = 0; slot < LARSON_SLOTS; slot++)
			free(servers[i].slots[slot]);
}

/* xmalloc --------------------------------------------------------------- */

#define XMALLOC_BATCH 120
#define XMALLOC_QUEUE 64

struct xmalloc_batch {
	struct xmalloc_batch *next;
	void *blocks[XMALLOC_BATCH];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* All under the lock. */
	struct xmalloc_batch *first;
	unsigned long nr;
	unsigned long nr_to_come;
} xqueue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static void xmalloc_put(struct xmalloc_batch *b)
{
	pthread_mutex_lock(&xqueue.lock);
	while (xqueue.nr == XMALLOC_QUEUE)
		pthread_cond_wait(&xqueue.changed, &xqueue.lock);
	b->next = xqueue.first;
	xqueue.first = b;
	xqueue.nr++;
	pthread_cond_broadcast(&xqueue.changed);
	pthread_mutex_unlock(&xqueue.lock);
}

/* NULL when the last batch is gone. */
static struct xmalloc_batch *xmalloc_take(void)
{
	struct xmalloc_batch *b = NULL;

	pthread_mutex_lock(&xqueue.lock);
	while (!xqueue.nr && xqueue.nr_to_come)
		pthread_cond_wait(&xqueue.changed, &xqueue.lock);
	if (xqueue.nr_to_come) {
		b = xqueue.first;
		xqueue.first = b->next;
		xqueue.nr--;
		xqueue.nr_to_come--;
		pthread_cond_broadcast(&xqueue.changed);
	}
	pthread_mutex_unlock(&xqueue.lock);
	return b;
}

static void xmalloc_produce(unsigned long number)
{
	struct random r = random_from(number);
	unsigned long nr_batches = param("n") / XMALLOC_BATCH, i;
	size_t k;

	for (i = 0; i < nr_batches; i++) {
		struct xmalloc_batch *b = must(malloc(sizeof(*b)));

		for (k = 0; k < XMALLOC_BATCH; k++) {
			size_t size = random_mixed(&r, 10);

			b->blocks[k] = must(malloc(size));
			touch(b->blocks[k], size);
		}
		xmalloc_put(b);
	}
}

static void xmalloc_consume(void)
{
	struct xmalloc_batch *b;
	size_t k;

	while ((b = xmalloc_take())) {
		for (k = 0; k < XMALLOC_BATCH; k++)
			free(b->blocks[k]);
		free(b);
	}
}

static void xmalloc_thread(unsigned long number)
{
	if (number % 2)
		xmalloc_consume();
	else
		xmalloc_produce(number);
}

static void run_xmalloc(void)
{
	unsigned long nr_pairs = param("pairs");

	xqueue.nr_to_come = nr_pairs * (param("n") / XMALLOC_BATCH);
	run_threads(2 * nr_pairs, xmalloc_thread);
}

/* False sharing --------------------------------------------------------- */

static void **neighbours;

static void scratch_thread(unsigned long number)
{
	unsigned long n = param("n"), nr_writes = param("writes"), i, k;
	size_t size = param("size");

	if (neighbours)
		free(neighbours[number]);
	for (i = 0; i < n; i++) {
		volatile char *p = must(malloc(size));

		for (k = 0; k < nr_writes; k++)
			p[k % size] = (char)(p[k % size] + 1);
		free((void *)p);
	}
}

static void run_thrash(void)
{
	run_threads(param("threads"), scratch_thread);
}

static void run_scratch(void)
{
	unsigned long nr_threads = param("threads"), i;

	neighbours = map_array(nr_threads, sizeof(*neighbours));
	for (i = 0; i < nr_threads; i++) {
		neighbours[i] = must(malloc(param("size")));
		touch(neighbours[i], param("size"));
	}
	run_threads(nr_threads, scratch_thread);
}

/* Many threads ---------------------------------------------------------- */

#define SHORT_BLOCKS 50

static void short_thread(unsigned long number)
{
	struct random r = random_from(number);
	void *blocks[SHORT_BLOCKS];
	size_t i;

	for (i = 0; i < SHORT_BLOCKS; i++) {
		size_t size = random_mixed(&r, 13);

		blocks[i] = must(malloc(size));
		touch(blocks[i], size);
	}
	for (i = 0; i < SHORT_BLOCKS; i++)
		free(blocks[i]);
}

static void run_short(void)
{
	unsigned long nr_threads = param("threads"), n = param("n"), i;

	for (i = 0; i < n; i += nr_threads)
		run_threads(nr_threads, short_thread);
}

static struct {
	sem_t allocated;
	sem_t end;
} idle;

static void *idle_thread(void *arg)
{
	short_thread((uintptr_t)arg);
	arg = must(malloc(100));
	sem_post(&idle.allocated);
	while (sem_wait(&idle.end))
		continue;
	free(arg);
	return NULL;
}

static void run_idle(void)
{
	unsigned long nr_threads = param("threads"), i;
	pthread_t *threads = map_array(nr_threads, sizeof(*threads));
	pthread_attr_t small;

	sem_init(&idle.allocated, 0, 0);
	sem_init(&idle.end, 0, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * KIB);
	for (i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i], &small, idle_thread,
				   (void *)(uintptr_t)i))
			die("cannot create a thread");
	for (i = 0; i < nr_threads; i++)
		while (sem_wait(&idle.allocated))
			continue;
	result("idle_kib", (double)own_rss_kib());
	for (i = 0; i < nr_threads; i++)
		sem_post(&idle.end);
	for (i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&small);
}

/* Growth ---------------------------------------------------------------- */

#define SCALE_SLOTS 500

static void scale_thread(unsigned long number)
{
	struct random r = random_from(number);
	unsigned long n = param("n") / param("threads"), i;
	void *slots[SCALE_SLOTS] = { NULL };

	for (i = 0; i < n; i++) {
		size_t slot = random_below(&r, SCALE_SLOTS);
		size_t size = random_mixed(&r, 12);

		free(slots[slot]);
		slots[slot] = must(malloc(size));
		touch(slots[slot], size);
	}
	for (i = 0; i < SCALE_SLOTS; i++)
		free(slots[i]);
}

static void run_scale(void)
{
	uint64_t start = now_ns();

	run_threads(param("threads"), scale_thread);
	result("ns", (double)(now_ns() - start) / (double)param("n"));
}

static const struct pattern patterns[] = {
	{ "larson", "threads=2 generations=20 n=100000", run_larson },
	{ "xmalloc", "pairs=1 n=2000000", run_xmalloc },
	{ "scratch", "threads=2 n=20000 writes=2000 size=8", run_scratch },
	{ "thrash", "threads=2 n=20000 writes=2000 size=8", run_thrash },
	{ "short", "threads=4 n=10000", run_short },
	{ "idle", "threads=2000", run_idle },
	{ "scale", "threads=2 n=2000000", run_scale },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, patterns, ARRAY_SIZE(patterns));
}
