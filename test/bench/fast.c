// SPDX-License-Identifier: MIT
/*
 * Fast paths: what one call costs when nothing goes wrong.
 *
 *	pair	malloc and free of one block, over and over: the same block
 *		comes back, everything is in the first level of the cache
 *	ring	a window of live blocks; the oldest goes, a new one comes
 *	batch	many blocks, then free all of them: in the order they came,
 *		backwards, or shuffled; empties and fills every layer
 *	calloc, aligned, realloc	the same for these calls
 *	remote	one thread allocates, another frees
 *	which	not measured: prints the file that malloc() comes from
 *
 * Results are nanoseconds for an allocation with its free, by size: "64 5.2".
 * Each is the median of some slices; a slice that was interrupted falls out. A
 * slice runs once before the first is timed. With slices=1 and two values of
 * n, a tool that counts instructions gets those of an operation from the
 * difference, free of everything at the start.
 *
 * A block's first byte is written. Blocks from 4 KiB on get fewer rounds,
 * so that each size takes about as long as the others.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define MAX_SLICES 15
#define RING_BLOCKS 512
#define RING_BYTES (8 * MIB)

/* Everything that a slice works on: one run at a time. */
static void *ring[RING_BLOCKS];
static size_t ring_blocks;

typedef void (*slice_fn)(size_t size, unsigned long n);

static unsigned long rounds(size_t size, unsigned long n)
{
	unsigned long fewer = n / (1 + size / (4 * KIB));

	return fewer < 64 ? 64 : fewer;
}

static void measure(const char *name, slice_fn slice, size_t size,
		    unsigned long n)
{
	unsigned long nr_slices = param("slices"), i;
	double ns[MAX_SLICES];

	if (!nr_slices || nr_slices > MAX_SLICES)
		die("slices=1 to 15");
	slice(size, n);
	for (i = 0; i < nr_slices; i++) {
		uint64_t start = now_ns();

		slice(size, n);
		ns[i] = (double)(now_ns() - start) / (double)n;
	}
	result(name, median(ns, nr_slices));
}

/*
 * All sizes from 16 bytes to max, `steps` of them in each doubling (1, 2 or 4):
 * 16 20 24 28 32 40 ... With size= only that one.
 */
static void each_size(slice_fn slice)
{
	size_t only = param("size"), max = param("max"), base, size;
	unsigned long n = param("n"), steps = param("steps");
	char name[24];

	if (!steps || steps > 4)
		die("steps=1 to 4");
	if (only)
		measure("only", slice, only, n);
	for (base = 16; !only && base <= max; base *= 2) {
		for (size = base; size < 2 * base && size <= max;
		     size += base / steps) {
			snprintf(name, sizeof(name), "%zu", size);
			measure(name, slice, size, rounds(size, n));
		}
	}
}

static void pair_slice(size_t size, unsigned long n)
{
	while (n--) {
		volatile char *p = must(malloc(size));

		*p = 1;
		free((void *)p);
	}
}

static void run_pair(void)
{
	each_size(pair_slice);
}

static void ring_start(size_t size)
{
	ring_blocks = RING_BYTES / size;
	if (ring_blocks > RING_BLOCKS)
		ring_blocks = RING_BLOCKS;
	memset(ring, 0, sizeof(ring));
}

static void ring_end(void)
{
	size_t i;

	for (i = 0; i < ring_blocks; i++)
		free(ring[i]);
}

static void ring_slice(size_t size, unsigned long n)
{
	size_t i = 0;

	ring_start(size);
	while (n--) {
		free(ring[i]);
		ring[i] = must(malloc(size));
		*(volatile char *)ring[i] = 1;
		if (++i == ring_blocks)
			i = 0;
	}
	ring_end();
}

static void run_ring(void)
{
	each_size(ring_slice);
}

static void calloc_slice(size_t size, unsigned long n)
{
	while (n--) {
		volatile char *p = must(calloc(1, size));

		*p = 1;
		free((void *)p);
	}
}

static void run_calloc(void)
{
	each_size(calloc_slice);
}

static size_t alignment;

static void aligned_slice(size_t size, unsigned long n)
{
	size_t i = 0;

	ring_start(size + alignment);
	while (n--) {
		free(ring[i]);
		ring[i] = must(aligned_alloc(alignment, size));
		*(volatile char *)ring[i] = 1;
		if (++i == ring_blocks)
			i = 0;
	}
	ring_end();
}

static void run_aligned(void)
{
	alignment = param("align");
	each_size(aligned_slice);
}

/* Batches --------------------------------------------------------------- */

enum free_order { FREE_FIFO, FREE_LIFO, FREE_SHUFFLED };

static void **batch;
static unsigned int *shuffled;
static enum free_order free_order;

static void batch_slice(size_t size, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		batch[i] = must(malloc(size));
		*(volatile char *)batch[i] = 1;
	}
	for (i = 0; i < n; i++) {
		if (free_order == FREE_FIFO)
			free(batch[i]);
		else if (free_order == FREE_LIFO)
			free(batch[n - 1 - i]);
		else
			free(batch[shuffled[i]]);
	}
}

static void run_batch(void)
{
	static const size_t sizes[] = { 16, 64, 256, 1024 };
	static const char *const orders[] = { "fifo", "lifo", "shuffled" };
	unsigned long n = param("n");
	char name[24];
	size_t i;

	batch = map_array(n, sizeof(*batch));
	shuffled = random_order(n);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (free_order = FREE_FIFO; free_order <= FREE_SHUFFLED;
		     free_order++) {
			snprintf(name, sizeof(name), "%zu %s", sizes[i],
				 orders[free_order]);
			measure(name, batch_slice, sizes[i], n);
		}
	}
}

/* Growth by realloc ----------------------------------------------------- */

#define MAX_VECTORS 4

static unsigned long nr_vectors;

/* Vectors that grow by an eighth in turn, to @size; @n steps of one in all. */
static void realloc_slice(size_t size, unsigned long n)
{
	char *vectors[MAX_VECTORS] = { NULL };
	size_t bytes = 16, filled = 0;
	unsigned long i;

	while (n) {
		for (i = 0; n && i < nr_vectors; i++, n--) {
			vectors[i] = must(realloc(vectors[i], bytes));
			memset(vectors[i] + filled, 1, bytes - filled);
		}
		filled = bytes;
		bytes += bytes / 8 + 16;
		if (bytes <= size && n)
			continue;
		for (i = 0; i < nr_vectors; i++) {
			free(vectors[i]);
			vectors[i] = NULL;
		}
		bytes = 16;
		filled = 0;
	}
}

static void run_realloc(void)
{
	static const struct {
		const char *name;
		unsigned long nr_vectors;
		size_t size;
		unsigned long less; /* a step is so many times slower */
	} growth[] = {
		{ "1 to 4 KiB", 1, 4 * KIB, 1 },
		{ "4 to 4 KiB", 4, 4 * KIB, 1 },
		{ "4 to 256 KiB", 4, 256 * KIB, 4 },
		{ "1 to 16 MiB", 1, 16 * MIB, 40 },
	};
	unsigned long n = param("n");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(growth); i++) {
		nr_vectors = growth[i].nr_vectors;
		measure(growth[i].name, realloc_slice, growth[i].size,
			n / growth[i].less);
	}
}

/* Free from another thread ---------------------------------------------- */

/*
 * A queue of one writer and one reader: `head` is the writer's, `tail` the
 * reader's. Each sees the other's release with an acquire.
 */
#define QUEUE_BLOCKS 1024

static struct {
	void *blocks[QUEUE_BLOCKS];
	_Alignas(128) _Atomic unsigned long head;
	_Alignas(128) _Atomic unsigned long tail;
	size_t size;
	unsigned long n;
} queue;

static void remote_allocate(void)
{
	unsigned long i;

	for (i = 0; i < queue.n; i++) {
		void *p = must(malloc(queue.size));

		*(volatile char *)p = 1;
		while (i - atomic_load_explicit(&queue.tail,
						memory_order_acquire) ==
		       QUEUE_BLOCKS)
			sched_yield();
		queue.blocks[i % QUEUE_BLOCKS] = p;
		atomic_store_explicit(&queue.head, i + 1, memory_order_release);
	}
}

static void remote_free(void)
{
	unsigned long i;

	for (i = 0; i < queue.n; i++) {
		while (atomic_load_explicit(&queue.head,
					    memory_order_acquire) == i)
			sched_yield();
		free(queue.blocks[i % QUEUE_BLOCKS]);
		atomic_store_explicit(&queue.tail, i + 1, memory_order_release);
	}
}

static void remote_thread(unsigned long number)
{
	if (number)
		remote_free();
	else
		remote_allocate();
}

static void remote_slice(size_t size, unsigned long n)
{
	atomic_store(&queue.head, 0);
	atomic_store(&queue.tail, 0);
	queue.size = size;
	queue.n = n;
	run_threads(2, remote_thread);
}

static void run_remote(void)
{
	static const size_t sizes[] = { 16, 64, 256, 1024, 8192 };
	unsigned long n = param("n");
	char name[24];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "%zu", sizes[i]);
		measure(name, remote_slice, sizes[i], rounds(sizes[i], n));
	}
}

/* The dynamic linker only warns of a library that it cannot preload. */
static void run_which(void)
{
	Dl_info info;
	void *symbol = dlsym(RTLD_DEFAULT, "malloc");

	if (!symbol || !dladdr(symbol, &info))
		die("malloc() is nowhere");
	puts(info.dli_fname);
}

static const struct pattern patterns[] = {
	{ "pair", "n=200000 slices=5 steps=1 max=1048576 size=0", run_pair },
	{ "ring", "n=200000 slices=5 steps=1 max=1048576 size=0", run_ring },
	{ "calloc", "n=100000 slices=5 steps=1 max=1048576 size=0",
	  run_calloc },
	{ "aligned", "n=100000 slices=5 steps=1 max=65536 size=0 align=64",
	  run_aligned },
	{ "batch", "n=20000 slices=5", run_batch },
	{ "realloc", "n=20000 slices=5", run_realloc },
	{ "remote", "n=100000 slices=5", run_remote },
	{ "which", "", run_which },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, patterns, ARRAY_SIZE(patterns));
}
