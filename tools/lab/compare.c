// SPDX-License-Identifier: MIT
/*
 * One trace through all allocators: the lecture's three questions, as numbers.
 *
 *	data structure	how much it spreads, what it wastes outside and inside of
 *			blocks, and whether it fails
 *	alloc, free	steps (free blocks looked at, splits, merges), and time
 *	threads		time of a call while others call too, and locks taken
 *
 * Each is measured on a heap of its own: steps and waste by one run that looks
 * after each call; time by runs that do nothing else, of which the fastest
 * counts; threads by that many runs at once over one heap as many times as
 * large.
 *
 * The library runs in a child process, with memory for twice the arena. Its
 * blocks are objects in slabs in pages, so what it wastes inside is all of its
 * pages that nobody asked for; and of its steps only the splits and merges of
 * pages are counted.
 */
#include <kmm/kmm.h>
#include <linux/slab.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kmm/kmm.h"
#include "compare.h"
#include "internal.h"
#include "lab.h"
#include "mm_root.h"
#include "strategy.h"
#include "trace.h"

#define MIN_MACHINE (256ul << 10)
#define MAX_SAMPLES 4000
#define ROUNDS 7
#define THREAD_CALLS 200000	/* at least, by each thread, ... */
#define MAX_NS 5e8		/* ... but no further round after so long */
#define MAX_RESULTS 16

/* One allocator under test. A block is any pointer; NULL: none. */
struct allocator {
	const char *name;
	void *(*alloc)(struct heap *heap, size_t size, unsigned int thread);
	void (*free)(struct heap *heap, void *block, unsigned int thread);
	struct heap *heap;
};

static void *arena_alloc(struct heap *heap, size_t size, unsigned int thread)
{
	return lab_alloc(heap, size, thread);
}

static void arena_free(struct heap *heap, void *block, unsigned int thread)
{
	lab_free(heap, block, thread);
}

static void *mm_alloc(struct heap *heap, size_t size, unsigned int thread)
{
	(void)heap, (void)thread;
	return kmalloc(size, GFP_KERNEL | __GFP_NOWARN);
}

static void mm_free(struct heap *heap, void *block, unsigned int thread)
{
	(void)heap, (void)thread;
	kfree(block);
}

/* Runs --------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What two looks at the clock take by themselves. */
static double clock_cost(void)
{
	double least = 1e9, start, took;
	int i;

	for (i = 0; i < 1000; i++) {
		start = now();
		took = now() - start;
		if (took < least)
			least = took;
	}
	return least;
}

struct times {
	double alloc, free;	/* ns in all */
	double allocs, frees;	/* calls: what was never had is not freed */
	double locks;
};

/* One run of the trace; @cost: of looking at the clock. */
static void time_run(const struct allocator *a, const struct lab_trace *t,
		     void **blocks, unsigned int thread, double cost,
		     struct times *times)
{
	double start;
	size_t i;

	memset(&lab_steps, 0, sizeof(lab_steps));
	for (i = 0; i < t->nr_calls; i++) {
		const struct lab_call *c = &t->calls[i];

		if (c->size) {
			start = now();
			blocks[c->id] = a->alloc(a->heap, c->size, thread);
			times->alloc += now() - start - cost;
			times->allocs++;
		} else if (blocks[c->id]) {
			start = now();
			a->free(a->heap, blocks[c->id], thread);
			times->free += now() - start - cost;
			times->frees++;
			blocks[c->id] = NULL;
		}
	}
	times->locks += (double)lab_steps.locks;
}

/* Blocks that the trace leaves. */
static void free_rest(const struct allocator *a, const struct lab_trace *t,
		      void **blocks, unsigned int thread)
{
	size_t i;

	for (i = 0; i < t->nr_blocks; i++) {
		if (blocks[i])
			a->free(a->heap, blocks[i], thread);
		blocks[i] = NULL;
	}
}

static void count_calls(const struct lab_trace *t, double *allocs,
			double *frees)
{
	size_t i;

	*allocs = *frees = 0;
	for (i = 0; i < t->nr_calls; i++) {
		*allocs += t->calls[i].size != 0;
		*frees += t->calls[i].size == 0;
	}
}

static double least(double a, double b)
{
	return b < a ? (b > 0 ? b : 0) : a;
}

/* Of sums that the clock's own cost was taken from. */
static double per_call(double ns, double calls)
{
	return calls > 0 && ns > 0 ? ns / calls : 0;
}

static void measure_time(const struct allocator *a, const struct lab_trace *t,
			 struct result *r)
{
	void **blocks = xcalloc(t->nr_blocks, sizeof(*blocks));
	double cost = clock_cost(), start = now();
	struct times best = { .alloc = 1e18, .free = 1e18 };
	int round;

	for (round = 0; round < ROUNDS && now() - start < MAX_NS; round++) {
		struct times times = { 0 };

		time_run(a, t, blocks, 0, cost, &times);
		best.alloc = least(best.alloc, times.alloc);
		best.free = least(best.free, times.free);
		best.allocs = times.allocs;
		best.frees = times.frees;
		free_rest(a, t, blocks, 0);
	}
	r->alloc_ns = per_call(best.alloc, best.allocs);
	r->free_ns = per_call(best.free, best.frees);
	free(blocks);
}

struct worker {
	const struct allocator *a;
	const struct lab_trace *t;
	unsigned int thread;
	pthread_barrier_t *barrier;
	struct times times;
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	void **blocks = xcalloc(w->t->nr_blocks, sizeof(*blocks));
	size_t rounds = 1 + THREAD_CALLS / w->t->nr_calls;
	double cost = clock_cost(), start;

	pthread_barrier_wait(w->barrier);
	for (start = now(); rounds && now() - start < MAX_NS; rounds--) {
		time_run(w->a, w->t, blocks, w->thread, cost, &w->times);
		free_rest(w->a, w->t, blocks, w->thread);
	}
	free(blocks);
	return NULL;
}

static void measure_threads(const struct allocator *a,
			    const struct lab_trace *t, unsigned int threads,
			    struct result *r)
{
	struct worker workers[COMPARE_MAX_THREADS];
	pthread_t ids[COMPARE_MAX_THREADS];
	pthread_barrier_t barrier;
	struct times sum = { 0 };
	unsigned int i;

	pthread_barrier_init(&barrier, NULL, threads);
	for (i = 0; i < threads; i++) {
		workers[i] = (struct worker){ .a = a, .t = t, .thread = i,
					      .barrier = &barrier };
		if (pthread_create(&ids[i], NULL, worker_main, &workers[i]))
			error(EXIT_FAILED, errno, "cannot start a thread");
	}
	for (i = 0; i < threads; i++) {
		const struct times *times = &workers[i].times;

		pthread_join(ids[i], NULL);
		sum.alloc += times->alloc;
		sum.free += times->free;
		sum.allocs += times->allocs;
		sum.frees += times->frees;
		sum.locks += times->locks;
	}
	pthread_barrier_destroy(&barrier);
	r->thread_alloc_ns = per_call(sum.alloc, sum.allocs);
	r->thread_free_ns = per_call(sum.free, sum.frees);
	r->locks = per_call(sum.locks, sum.allocs + sum.frees);
}

/* Waste and steps of the strategies ---------------------------------------- */

static void sample(const struct heap *heap, size_t live, struct result *r)
{
	const struct block *block;
	double free_bytes = 0, largest = 0, used = 0, end = 0, external;

	for (block = heap->first; block; block = block->next) {
		if (block->state == BLOCK_FREE) {
			free_bytes += (double)block->size;
			if ((double)block->size > largest)
				largest = (double)block->size;
			continue;
		}
		used += (double)block->size;
		end = (double)(block->start + block->size);
	}
	if (end > r->heap)
		r->heap = end;
	external = free_bytes > 0 ? 100 * (1 - largest / free_bytes) : 0;
	if (external >= r->external) {
		r->external = external;
		r->largest = largest;
	}
	if ((double)live > r->peak) {
		r->peak = (double)live;
		r->internal = 100 * (used - (double)live) / used;
	}
}

static double steps(void)
{
	double sum = (double)(lab_steps.visited + lab_steps.splits +
			      lab_steps.merges);

	memset(&lab_steps, 0, sizeof(lab_steps));
	return sum;
}

static void measure_waste(const struct strategy *s, const struct lab_trace *t,
			  size_t arena, struct result *r)
{
	struct heap *heap = heap_new(s, arena);
	struct block **blocks = xcalloc(t->nr_blocks, sizeof(*blocks));
	size_t every = 1 + t->nr_calls / MAX_SAMPLES, i, live = 0;
	double allocs, frees;

	count_calls(t, &allocs, &frees);
	steps();
	for (i = 0; i < t->nr_calls; i++) {
		const struct lab_call *c = &t->calls[i];

		if (c->size) {
			blocks[c->id] = lab_alloc(heap, c->size, 0);
			r->alloc_steps += steps() / allocs;
			r->failed += !blocks[c->id];
			live += blocks[c->id] ? c->size : 0;
		} else if (blocks[c->id]) {
			live -= blocks[c->id]->wanted;
			lab_free(heap, blocks[c->id], 0);
			r->free_steps += steps() / frees;
		}
		if (i % every == 0 || live > (size_t)r->peak)
			sample(heap, live, r);
	}
	heap_destroy(heap);
	free(blocks);
}

static void compare_strategy(const struct strategy *s,
			     const struct lab_trace *t, size_t arena,
			     unsigned int threads, struct result *r)
{
	struct allocator a = { s->name, arena_alloc, arena_free, NULL };

	r->name = s->name;
	r->calls = t->nr_calls;
	measure_waste(s, t, arena, r);
	a.heap = heap_new(s, arena);
	measure_time(&a, t, r);
	heap_destroy(a.heap);
	a.heap = heap_new(s, arena * threads);
	measure_threads(&a, t, threads, r);
	heap_destroy(a.heap);
}

/* The library -------------------------------------------------------------- */

static double page_steps(const struct zone *zone)
{
	return (double)(zone->event[PGSPLIT] + zone->event[PGMERGE]);
}

static void sample_pages(const struct zone *zone, size_t live, struct result *r)
{
	unsigned long used = zone->managed_pages - zone->nr_free;
	unsigned int order = NR_PAGE_ORDERS;
	double external, largest;

	while (order > 0 && !zone->free_area[order - 1].nr_free)
		order--;
	largest = order ? (double)(1ul << (order - 1)) : 0;
	if ((double)(used << PAGE_SHIFT) > r->heap)
		r->heap = (double)(used << PAGE_SHIFT);
	external = zone->nr_free ? 100 * (1 - largest / (double)zone->nr_free) :
				   0;
	if (external >= r->external) {
		r->external = external;
		r->largest = largest * (double)PAGE_SIZE;
	}
	if ((double)live > r->peak) {
		r->peak = (double)live;
		r->internal = 100 * (1 - (double)live /
						 (double)(used << PAGE_SHIFT));
	}
}

static void measure_pages(const struct lab_trace *t, struct result *r)
{
	void **blocks = xcalloc(t->nr_blocks, sizeof(*blocks));
	size_t *sizes = xcalloc(t->nr_blocks, sizeof(*sizes));
	const struct zone *zone = (struct zone *)mm_root("zones") +
				  ZONE_NORMAL;
	double allocs, frees, before;
	size_t i, live = 0;

	count_calls(t, &allocs, &frees);
	for (i = 0; i < t->nr_calls; i++) {
		const struct lab_call *c = &t->calls[i];

		before = page_steps(zone);
		if (c->size) {
			blocks[c->id] = mm_alloc(NULL, c->size, 0);
			r->failed += !blocks[c->id];
			sizes[c->id] = blocks[c->id] ? c->size : 0;
			live += sizes[c->id];
			r->alloc_steps += (page_steps(zone) - before) / allocs;
		} else if (blocks[c->id]) {
			mm_free(NULL, blocks[c->id], 0);
			blocks[c->id] = NULL;
			live -= sizes[c->id];
			r->free_steps += (page_steps(zone) - before) / frees;
		}
		sample_pages(zone, live, r);
	}
	for (i = 0; i < t->nr_blocks; i++)
		kfree(blocks[i]);
	free(blocks);
	free(sizes);
}

static void run_mm(const struct lab_trace *t, size_t arena,
		   unsigned int threads, struct result *r)
{
	static struct allocator a = { "mm", mm_alloc, mm_free, NULL };
	char *cmdline;

	/* What it keeps for each CPU and size does not depend on the trace; and
	 * its large blocks are powers of two. */
	arena = 2 * arena * threads + MIN_MACHINE;
	cmdline = xasprintf("mem=%zu min_free_kbytes=1 page_reporting=0 thp=never",
			    arena);
	unsetenv("KMM_CMDLINE");
	if (mm_set_up(cmdline))
		_exit(1);
	free(cmdline);
	r->calls = t->nr_calls;
	measure_pages(t, r);
	measure_time(&a, t, r);
	measure_threads(&a, t, threads, r);
	r->locks = -1;
}

static void compare_mm(const struct lab_trace *t, size_t arena,
		       unsigned int threads, struct result *r)
{
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		error(EXIT_FAILED, errno, "cannot make a pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		error(EXIT_FAILED, errno, "cannot start a process");
	if (!pid) {
		run_mm(t, arena, threads, r);
		_exit(write(fds[1], r, sizeof(*r)) != sizeof(*r));
	}
	close(fds[1]);
	if (read(fds[0], r, sizeof(*r)) != sizeof(*r))
		memset(r, 0, sizeof(*r));
	close(fds[0]);
	if (waitpid(pid, &status, 0) < 0 || status)
		error(EXIT_FAILED, 0, "the library could not run the trace");
	r->name = "mm";
}

/* Output ------------------------------------------------------------------- */

static void print_table(const char *name, const struct lab_trace *t,
			size_t arena, unsigned int threads,
			const struct result *results, unsigned int nr)
{
	const struct result *r;

	printf("%s: %zu calls, at most %zu bytes live in %zu blocks; arena %zu bytes\n",
	       name, t->nr_calls, t->peak, t->peak_blocks, arena);
	printf("%-13s%8s%7s%9s%9s%9s%14s%14s  %u thread%s\n", "", "heap",
	       "failed", "external", "largest", "internal", "alloc", "free",
	       threads, threads == 1 ? "" : "s");
	printf("%-13s%8s%7s%9s%9s%9s%8s%6s%8s%6s%7s%7s%6s\n", "# strategy",
	       "bytes", "calls", "worst %", "bytes", "%", "steps", "ns",
	       "steps", "ns", "alloc", "free", "locks");
	for (r = results; r < results + nr; r++) {
		printf("%-13s%8.0f%7.0f%9.1f%9.0f%9.1f%8.2f%6.0f%8.2f%6.0f%7.0f%7.0f",
		       r->name, r->heap, r->failed, r->external, r->largest,
		       r->internal, r->alloc_steps, r->alloc_ns, r->free_steps,
		       r->free_ns, r->thread_alloc_ns, r->thread_free_ns);
		if (r->locks < 0)
			printf("%6s\n", "-");
		else
			printf("%6.2f\n", r->locks);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void compare_one(const struct compare_options *options,
			const char *name, bool plot)
{
	char *path = lab_find("traces", name);
	struct lab_trace *t = lab_trace_load(path);
	struct result results[MAX_RESULTS] = { 0 };
	const struct strategy *const *s;
	unsigned int nr = 0;
	size_t arena = options->arena ? options->arena : t->arena;
	int err;

	if (!arena)
		arena = (t->peak + t->peak / 2 + 63) / 64 * 64;
	/* First, while the process has no other thread or heap. */
	for (s = strategies; *s; s++)
		nr++;
	compare_mm(t, arena, options->threads, &results[nr]);
	for (nr = 0, s = strategies; *s; s++)
		compare_strategy(*s, t, arena, options->threads, &results[nr++]);
	nr++;
	print_table(base_name(path), t, arena, options->threads, results, nr);
	if (plot) {
		err = svg_write(options->svg, base_name(path), options->threads,
				results, nr);
		if (err)
			error(EXIT_FAILED, -err, "cannot write %s",
			      options->svg);
	}
	lab_trace_free(t);
	free(path);
}

static void *nothing(void *arg)
{
	return arg;
}

/* Until a process has had a second thread, libc's locks cost half: that would be
 * true of the first allocator alone. */
static void have_had_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL))
		error(EXIT_FAILED, errno, "cannot start a thread");
	pthread_join(thread, NULL);
}

int lab_compare(const struct compare_options *options, char **traces,
		unsigned int nr)
{
	unsigned int i;

	if (options->svg && nr > 1)
		error(EXIT_USAGE, 0, "--svg takes one trace at a time");
	have_had_threads();
	for (i = 0; i < nr; i++) {
		if (i)
			putchar('\n');
		compare_one(options, traces[i], options->svg);
	}
	return 0;
}
