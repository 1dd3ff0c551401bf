// SPDX-License-Identifier: MIT
/*
 * Patterns of whole heaps: sizes, lifetimes, growth and shrinking.
 *
 *	mixed	threads with random lifetimes and sizes up to hundreds of KiB,
 *		some of which change hands; most is freed at times (as mstress
 *		of mimalloc and rptest of rpmalloc do it)
 *	cross	each thread frees what another one allocated, in rounds
 *	big	blocks of 5 to 25 MiB, written to
 *	saw	grows and frees everything, again and again
 *	phases	live bytes stay, sizes change: what fragmentation costs
 *	drift	the same for long, little by little, or with sizes that stay
 *	live	random churn on a heap of a given size
 *	bursts	each of another size, within the limit of a memory cgroup
 *	idle	600,000 blocks of 64 to 763 bytes, freed; then nothing
 *	shrink	the same, but a tenth of the blocks stays
 *	start, hello	programs that hardly allocate
 *
 * Each block carries a mark in its first word that its free checks: an
 * allocator that hands out a block twice gets no time, it fails.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

#define MARK 0x6b6d6d6265636e68u

static void *block_alloc(size_t size)
{
	uint64_t *block = must(malloc(size < 8 ? 8 : size));

	touch(block, size);
	*block = MARK ^ (uintptr_t)block;
	return block;
}

static void block_free(void *p)
{
	uint64_t *block = p;

	if (!block)
		return;
	if (*block != (MARK ^ (uintptr_t)block))
		die("a block has lost its mark");
	*block = 0;
	free(block);
}

static void block_replace(void **slot, size_t size)
{
	block_free(*slot);
	*slot = block_alloc(size);
}

/* Random lifetimes ------------------------------------------------------ */

#define MIXED_SLOTS 4000
#define SHARED_SLOTS 1000

static _Atomic(void *) shared_slots[SHARED_SLOTS];

/*
 * In each round a thread fills its slots up one by one, swaps each tenth block
 * with a shared slot, and then frees three quarters.
 */
static void mixed_thread(unsigned long number)
{
	void **slots = map_array(MIXED_SLOTS, sizeof(*slots));
	struct random r = random_from(number);
	unsigned long nr_rounds = param("rounds"), round;
	unsigned int max_shift = (unsigned int)param("max_shift");
	size_t i;

	for (round = 0; round < nr_rounds; round++) {
		for (i = 0; i < MIXED_SLOTS; i++) {
			size_t slot = random_below(&r, MIXED_SLOTS);

			block_replace(&slots[slot],
				      random_mixed(&r, max_shift));
			if (i % 10)
				continue;
			slot = random_below(&r, MIXED_SLOTS);
			slots[slot] = atomic_exchange(
				&shared_slots[random_below(&r, SHARED_SLOTS)],
				slots[slot]);
		}
		for (i = 0; i < MIXED_SLOTS; i++) {
			if (!random_below(&r, 4))
				continue;
			block_free(slots[i]);
			slots[i] = NULL;
		}
	}
	for (i = 0; i < MIXED_SLOTS; i++)
		block_free(slots[i]);
}

static void run_mixed(void)
{
	size_t i;

	run_threads(param("threads"), mixed_thread);
	for (i = 0; i < SHARED_SLOTS; i++)
		block_free(shared_slots[i]);
}

#define CROSS_BLOCKS 2000

static void **cross_slots;
static pthread_barrier_t cross_round;

/* Round k: thread t allocates row t, then frees row t + 1, in another order. */
static void cross_thread(unsigned long number)
{
	unsigned long nr_threads = param("threads"), round;
	void **own = cross_slots + number * CROSS_BLOCKS;
	void **next = cross_slots + (number + 1) % nr_threads * CROSS_BLOCKS;
	unsigned int *order = random_order(CROSS_BLOCKS);
	struct random r = random_from(number);
	size_t i;

	for (round = 0; round < param("rounds"); round++) {
		for (i = 0; i < CROSS_BLOCKS; i++)
			own[i] = block_alloc(random_between(&r, 16, 8000));
		pthread_barrier_wait(&cross_round);
		for (i = 0; i < CROSS_BLOCKS; i++)
			block_free(next[order[i]]);
		pthread_barrier_wait(&cross_round);
	}
}

static void run_cross(void)
{
	unsigned long nr_threads = param("threads");

	cross_slots =
		map_array(nr_threads * CROSS_BLOCKS, sizeof(*cross_slots));
	pthread_barrier_init(&cross_round, NULL, (unsigned int)nr_threads);
	run_threads(nr_threads, cross_thread);
	pthread_barrier_destroy(&cross_round);
}

#define BIG_SLOTS 8

static void run_big(void)
{
	struct random r = random_from(0);
	void *slots[BIG_SLOTS] = { NULL };
	unsigned long n = param("n"), i;

	for (i = 0; i < n; i++)
		block_replace(&slots[random_below(&r, BIG_SLOTS)],
			      random_between(&r, 5 * MIB, 25 * MIB));
	for (i = 0; i < BIG_SLOTS; i++)
		block_free(slots[i]);
}

/* Growing and shrinking ------------------------------------------------- */

/* Blocks of @min to @max bytes, @bytes in all; the array has @nr slots. */
static size_t fill(void **slots, size_t nr, struct random *r, size_t bytes,
		   size_t min, size_t max)
{
	size_t i;

	for (i = 0; i < nr && bytes; i++) {
		size_t size = random_between(r, min, max);

		if (size > bytes)
			size = bytes;
		slots[i] = block_alloc(size);
		bytes -= size;
	}
	return i;
}

static void empty(void **slots, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		block_free(slots[i]);
		slots[i] = NULL;
	}
}

static void run_saw(void)
{
	size_t bytes = param("mib") * MIB, nr = bytes / 16 + 1;
	void **slots = map_array(nr, sizeof(*slots));
	unsigned long nr_teeth = param("teeth"), i;
	struct random r = random_from(0);

	for (i = 0; i < nr_teeth; i++) {
		size_t max = i % 2 ? 8000 : 500;

		empty(slots, fill(slots, nr, &r, bytes, 16, max));
	}
}

/*
 * The live bytes stay about the same, while the sizes move on: the blocks of a
 * new phase must fit where those of the old ones were. "overhead" is the peak
 * RSS, less that at the start, over the live bytes.
 */
static void run_phases(void)
{
	static const size_t means[] = { 40, 300, 2000, 100, 9000, 700, 64 };
	size_t bytes = param("mib") * MIB, nr = bytes / 20 + 1, live = 0;
	void **slots = map_array(nr, sizeof(*slots));
	uint16_t *sizes = map_array(nr, sizeof(*sizes));
	unsigned long start = own_rss_kib(), peak = 0, now, phase;
	struct random r = random_from(0);
	size_t hand = 0, oldest = 0;

	for (phase = 0; phase < param("phases"); phase++) {
		size_t mean = means[phase % ARRAY_SIZE(means)];
		size_t turnover = bytes * 2;

		while (turnover > 2 * mean) {
			size_t size =
				random_between(&r, mean / 2, mean + mean / 2);

			/* Of the oldest blocks, each fourth stays a while. */
			while (live + size > bytes) {
				if (slots[oldest] && random_below(&r, 4)) {
					live -= sizes[oldest];
					block_free(slots[oldest]);
					slots[oldest] = NULL;
				}
				oldest = (oldest + 1) % nr;
			}
			while (slots[hand])
				hand = (hand + 1) % nr;
			slots[hand] = block_alloc(size);
			sizes[hand] = (uint16_t)size;
			hand = (hand + 1) % nr;
			live += size;
			turnover -= size;
		}
		now = own_rss_kib();
		if (now > peak)
			peak = now;
	}
	/* The arrays are this pattern's own. */
	start += (unsigned long)(nr * (sizeof(*slots) + sizeof(*sizes)) / KIB);
	result("overhead",
	       ((double)peak - (double)start) * KIB / (double)bytes);
	empty(slots, nr);
}

/* Sizes by the logarithm: 16 steps per doubling, straight between them. */
#define DRIFT_STEPS 16
#define DRIFT_WIDTH (6 * DRIFT_STEPS)	/* of the mix: a factor of 64 */

static size_t drift_size(struct random *r, size_t middle)
{
	size_t k = middle - DRIFT_WIDTH / 2 + random_below(r, DRIFT_WIDTH);

	return ((DRIFT_STEPS + k % DRIFT_STEPS) << k / DRIFT_STEPS) /
	       DRIFT_STEPS;
}

/*
 * A long run: any block may be the next to die, and those that come are of the mix
 * around a middle size, which moves from 2^from to 2^to bytes and back, while all
 * live bytes are replaced @turns times. "overhead" as above.
 */
static void run_drift(void)
{
	size_t bytes = param("mib") * MIB, nr = bytes / 16, live = 0, used = 0;
	size_t from = param("from") * DRIFT_STEPS;
	size_t way = param("to") * DRIFT_STEPS - from;
	size_t total = param("turns") * bytes, done = 0, look = 0, size, i;
	unsigned long start, peak = 0, now;
	void **slots = map_array(nr, sizeof(*slots));
	uint32_t *sizes = map_array(nr, sizeof(*sizes));
	struct random r = random_from(0);

	memset(slots, 0xff, nr * sizeof(*slots));
	memset(sizes, 0xff, nr * sizeof(*sizes));
	start = own_rss_kib();
	while (done < total) {
		size_t there = done / KIB * 2 * way / (total / KIB);

		size = drift_size(&r, from + (there > way ? 2 * way - there :
							    there));
		while (live + size > bytes || used == nr) {
			i = random_below(&r, used);
			block_free(slots[i]);
			live -= sizes[i];
			used--;
			slots[i] = slots[used];
			sizes[i] = sizes[used];
		}
		slots[used] = block_alloc(size);
		sizes[used] = (uint32_t)size;
		used++;
		live += size;
		done += size;
		if (done < look)
			continue;
		look += bytes / 32;
		now = own_rss_kib();
		if (now > peak)
			peak = now;
	}
	result("overhead",
	       ((double)peak - (double)start) * KIB / (double)bytes);
	empty(slots, used);
}

static void run_live(void)
{
	size_t bytes = param("mib") * MIB, nr, i;
	void **slots = map_array(bytes / 16 + 1, sizeof(*slots));
	unsigned long n = param("n"), k;
	struct random r = random_from(0);
	uint64_t start;

	nr = fill(slots, bytes / 16 + 1, &r, bytes, 16, 1000);
	start = now_ns();
	for (k = 0; k < n; k++) {
		i = random_below(&r, nr);
		block_replace(&slots[i], random_between(&r, 16, 1000));
	}
	result("ns", (double)(now_ns() - start) / (double)n);
	/* The end of the process is no part of it. */
	_exit(0);
}

static void run_bursts(void)
{
	static const struct {
		size_t min, max;
	} kinds[] = {
		{ 16, 100 },	   { 500, 900 },	 { 3000, 6000 },
		{ 60000, 200000 }, { 2000000, 6000000 },
	};
	size_t bytes = param("mib") * MIB, nr = bytes / 16 + 1;
	void **slots = map_array(nr, sizeof(*slots));
	struct random r = random_from(0);
	unsigned long n = param("n"), i;

	for (i = 0; i < n; i++) {
		size_t kind = i % ARRAY_SIZE(kinds);

		empty(slots, fill(slots, nr, &r, bytes, kinds[kind].min,
				  kinds[kind].max));
		usleep((useconds_t)param("pause_ms") * 1000);
	}
}

/* Idle ------------------------------------------------------------------ */

#define IDLE_MIN 64
#define IDLE_MAX 763

/* Between this and the end there is no call into the allocator. */
static void idle_for(unsigned long seconds)
{
	unsigned int left = (unsigned int)seconds;

	while (left)
		left = sleep(left);
}

static void **idle_heap(size_t n)
{
	void **slots = map_array(n, sizeof(*slots));
	struct random r = random_from(0);
	size_t i;

	for (i = 0; i < n; i++)
		slots[i] = block_alloc(random_between(&r, IDLE_MIN, IDLE_MAX));
	result("peak_kib", (double)own_rss_kib());
	return slots;
}

/* With fork=1 the child frees; it is the child's memory that is measured. */
static void run_idle(void)
{
	size_t n = param("n");
	void **slots = idle_heap(n);

	if (param("fork")) {
		pid_t pid = fork();
		int status;

		if (pid < 0)
			die("cannot fork");
		if (pid) {
			if (waitpid(pid, &status, 0) != pid || status)
				die("the child failed");
			return;
		}
	}
	empty(slots, n);
	/* Ours, not the allocator's. */
	munmap(slots, n * sizeof(*slots));
	result("freed_kib", (double)own_rss_kib());
	idle_for(param("seconds"));
	result("idle_kib", (double)own_rss_kib());
	malloc_trim(0);
	result("trimmed_kib", (double)own_rss_kib());
}

static void run_shrink(void)
{
	size_t n = param("n"), i;
	void **slots = idle_heap(n);
	struct random r = random_from(1);

	for (i = 0; i < n; i++) {
		if (!random_below(&r, 10))
			continue;
		block_free(slots[i]);
		slots[i] = NULL;
	}
	result("freed_kib", (double)own_rss_kib());
	idle_for(param("seconds"));
	result("idle_kib", (double)own_rss_kib());
	empty(slots, n);
}

/* Small programs -------------------------------------------------------- */

static void run_hello(void)
{
	void *blocks[20];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = block_alloc(16 + 50 * i);
	if (param("report")) {
		result("rss_kib", (double)own_rss_kib());
		result("vmsize_kib", (double)own_kib("status", "VmSize:"));
	}
	empty(blocks, ARRAY_SIZE(blocks));
}

static void run_start(void)
{
	char *const arguments[] = { (char *)bench_path(), "hello", NULL };
	unsigned long n = param("n"), i;
	int status;
	pid_t pid;

	for (i = 0; i < n; i++) {
		if (posix_spawn(&pid, bench_path(), NULL, NULL, arguments,
				environ))
			die("cannot start itself");
		if (waitpid(pid, &status, 0) != pid || status)
			die("the child failed");
	}
}

static const struct pattern patterns[] = {
	{ "mixed", "threads=2 rounds=50 max_shift=18", run_mixed },
	{ "cross", "threads=2 rounds=50", run_cross },
	{ "big", "n=40", run_big },
	{ "saw", "mib=32 teeth=10", run_saw },
	{ "phases", "mib=32 phases=7", run_phases },
	{ "drift", "mib=32 from=7 to=7 turns=8", run_drift },
	{ "live", "mib=64 n=500000", run_live },
	{ "bursts", "mib=96 n=10 pause_ms=20", run_bursts },
	{ "idle", "n=600000 seconds=10 fork=0", run_idle },
	{ "shrink", "n=600000 seconds=10", run_shrink },
	{ "hello", "report=0", run_hello },
	{ "start", "n=200", run_start },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, patterns, ARRAY_SIZE(patterns));
}
