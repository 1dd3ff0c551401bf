// SPDX-License-Identifier: MIT
/*
 * Tests of the strategies of the lab, for test_lab.sh: each does what its file
 * says, and a random load keeps its invariants, beside a model that knows only
 * which bytes are whose.
 *
 * Usage: lab_strategies [SEED]. One line per test; the seed is printed with what
 * fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/lab/strategy.h"

static unsigned int nr_failed;
static unsigned long seed = 1;

static void result(const char *strategy, const char *test, const char *bad)
{
	if (bad) {
		printf("FAILED lab_%s_%s: %s (seed %lu)\n", strategy, test, bad,
		       seed);
		nr_failed++;
	} else {
		printf("ok lab_%s_%s\n", strategy, test);
	}
}

/* A generator of our own: the same numbers everywhere. */
static unsigned int random_below(unsigned int n)
{
	static unsigned long state;
	static unsigned long of_seed;

	if (of_seed != seed) {
		of_seed = seed;
		state = seed;
	}
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned int)(state >> 33) % n;
}

/* The random load ---------------------------------------------------------- */

#define NR_BLOCKS 64
#define NR_STEPS 4000

/* Who owns each byte: 0 nobody, else 1 + the block's slot. */
static unsigned char owner[65536];
static struct block *live[NR_BLOCKS];
static size_t wanted[NR_BLOCKS];

static const char *model_alloc(struct heap *heap, unsigned int i)
{
	size_t size = 1 + random_below(random_below(4) ? 40 : 400), k;
	struct block *block = lab_alloc(heap, size, random_below(3));

	if (!block)
		return NULL;
	if (block->start + block->size > heap->arena)
		return "a block outside of the arena";
	if (block->size < size)
		return "a block smaller than the request";
	for (k = block->start; k < block->start + block->size; k++) {
		if (owner[k])
			return "a block over another one";
		owner[k] = (unsigned char)(i + 1);
	}
	live[i] = block;
	wanted[i] = size;
	return NULL;
}

static const char *model_free(struct heap *heap, unsigned int i)
{
	struct block *block = live[i];
	size_t k;

	if (block->state != BLOCK_USED || block->wanted != wanted[i])
		return "a used block has changed";
	for (k = block->start; k < block->start + block->size; k++) {
		if (owner[k] != i + 1)
			return "a used block has lost bytes";
		owner[k] = 0;
	}
	live[i] = NULL;
	lab_free(heap, block, random_below(3));
	return NULL;
}

static const char *random_load(const struct strategy *s, size_t arena)
{
	struct heap *heap = heap_new(s, arena);
	const char *bad = heap_check(heap);
	unsigned int step, i;

	memset(owner, 0, sizeof(owner));
	memset(live, 0, sizeof(live));
	for (step = 0; !bad && step < NR_STEPS; step++) {
		i = random_below(NR_BLOCKS);
		bad = live[i] ? model_free(heap, i) : model_alloc(heap, i);
		if (!bad)
			bad = heap_check(heap);
	}
	for (i = 0; !bad && i < NR_BLOCKS; i++)
		if (live[i])
			bad = model_free(heap, i);
	if (!bad)
		bad = heap_check(heap);
	heap_destroy(heap);
	return bad;
}

static void test_random_load(const struct strategy *s)
{
	static const size_t arenas[] = { 8, 100, 128, 1000, 4096, 20000 };
	const char *bad = NULL;
	size_t i;

	for (i = 0; !bad && i < sizeof(arenas) / sizeof(arenas[0]); i++)
		bad = random_load(s, arenas[i]);
	result(s->name, "random_load_keeps_invariants", bad);
}

/* All that was merged is one block again, where a strategy merges at all. */
static void test_all_freed(const struct strategy *s)
{
	struct heap *heap = heap_new(s, 1024);
	struct block *blocks[10];
	const char *bad = NULL;
	int i;

	for (i = 0; i < 10; i++)
		blocks[i] = lab_alloc(heap, (size_t)(10 + 3 * i), 0);
	for (i = 0; i < 10; i++)
		lab_free(heap, blocks[i * 7 % 10], 0);
	if (heap->first->size != 1024 || heap->first->next)
		bad = "not one block after all was freed";
	result(s->name, "all_freed_is_one_block", bad);
	heap_destroy(heap);
}

/* Each its own -------------------------------------------------------------- */

#define MUST(condition)							\
	do {								\
		if (!(condition) && !bad)				\
			bad = "not so: " #condition;			\
	} while (0)

/* 16 . 20 . 16 . : the lecture's arena, with three free blocks of 16. */
static struct heap *lecture(const struct strategy *s)
{
	static const size_t sizes[6] = { 16, 16, 20, 16, 16, 16 };
	struct heap *heap = heap_new(s, 100);
	struct block *blocks[6];
	int i;

	for (i = 0; i < 6; i++)
		blocks[i] = lab_alloc(heap, sizes[i], 0);
	for (i = 1; i < 6; i += 2)
		lab_free(heap, blocks[i], 0);
	return heap;
}

static void test_lecture(const struct strategy *s)
{
	struct heap *heap = lecture(s);
	const char *bad = NULL;

	MUST(!lab_alloc(heap, 20, 0));
	MUST(lab_alloc(heap, 16, 0) != NULL);
	result(s->name, "refuses_20_of_48_free", bad);
	heap_destroy(heap);
}

/* Free: 40 at 0, 24 at 50, 30 at 84; who takes which for 22? */
static struct heap *three_holes(const struct strategy *s)
{
	struct heap *heap = heap_new(s, 114);
	struct block *a = lab_alloc(heap, 40, 0), *b, *c;

	lab_alloc(heap, 10, 0);
	b = lab_alloc(heap, 24, 0);
	lab_alloc(heap, 10, 0);
	c = lab_alloc(heap, 30, 0);
	lab_free(heap, a, 0);
	lab_free(heap, c, 0);
	lab_free(heap, b, 0);
	return heap;
}

static void test_choices(void)
{
	struct heap *heap = three_holes(&first_fit);
	const char *bad = NULL;

	MUST(lab_alloc(heap, 22, 0)->start == 0);
	result("first-fit", "takes_the_first", bad);
	heap_destroy(heap);

	bad = NULL;
	heap = three_holes(&best_fit);
	MUST(lab_alloc(heap, 22, 0)->start == 50);
	result("best-fit", "takes_the_smallest", bad);
	heap_destroy(heap);

	/* The second search goes on behind the first one's block. */
	bad = NULL;
	heap = three_holes(&next_fit);
	{
		size_t first = lab_alloc(heap, 10, 0)->start;
		struct block *second;

		memset(&lab_steps, 0, sizeof(lab_steps));
		second = lab_alloc(heap, 10, 0);
		MUST(second->start == first + 10);
		MUST(lab_steps.visited == 1);
	}
	result("next-fit", "goes_on_where_it_ended", bad);
	heap_destroy(heap);
}

static void test_segregated(void)
{
	struct heap *heap = heap_new(&segregated, 128);
	const char *bad = NULL;

	MUST(heap->arena == 128);
	MUST(lab_alloc(heap, 5, 0)->size == 8);
	MUST(lab_alloc(heap, 17, 0)->size == 32);
	memset(&lab_steps, 0, sizeof(lab_steps));
	MUST(!lab_alloc(heap, 17, 0));
	MUST(lab_steps.splits == 0);
	result("segregated", "dry_bin_fails_while_others_are_full", bad);
	heap_destroy(heap);
}

static void test_ranges(void)
{
	struct heap *heap = heap_new(&ranges, 100);
	struct block *eight = lab_alloc(heap, 8, 0), *five;
	const char *bad = NULL;

	lab_alloc(heap, 92, 0);
	lab_free(heap, eight, 0);
	five = lab_alloc(heap, 5, 0);
	MUST(five && five->size == 5 && five->start == 0);
	MUST(five->next->state == BLOCK_FREE && five->next->size == 3);
	result("ranges", "5_takes_8_and_gives_3_back", bad);
	heap_destroy(heap);
}

static void test_buddy(void)
{
	struct heap *heap = heap_new(&buddy, 32);
	struct block *block;
	const char *bad = NULL;

	memset(&lab_steps, 0, sizeof(lab_steps));
	block = lab_alloc(heap, 3, 0);
	MUST(block->size == 4 && lab_steps.splits == 3);
	MUST(block->next->size == 4 && block->next->next->size == 8 &&
	     block->next->next->next->size == 16);
	lab_free(heap, block, 0);
	MUST(lab_steps.merges == 3 && heap->first->size == 32);
	result("buddy", "32_is_split_to_4_and_merges_back", bad);
	heap_destroy(heap);
}

static void test_thread_cache(void)
{
	struct heap *heap = heap_new(&thread_cache, 4096);
	struct block *blocks[16];
	const char *bad = NULL;
	int i;

	memset(&lab_steps, 0, sizeof(lab_steps));
	for (i = 0; i < 16; i++)
		blocks[i] = lab_alloc(heap, 16, 0);
	MUST(lab_steps.locks == 4);
	/* Up to eight stay with the thread; then four go back at a time. */
	for (i = 0; i < 16; i++)
		lab_free(heap, blocks[i], 1);
	MUST(lab_steps.locks == 4 + 2);
	MUST(!heap_check(heap));
	result("thread-cache", "locks_once_a_batch", bad);
	heap_destroy(heap);
}

/* Threads ------------------------------------------------------------------- */

#define NR_THREADS 4

struct thread_arg {
	struct heap *heap;
	unsigned int number;
};

/* Its own blocks, in rounds; a few are left to the next thread. */
static struct block *left[NR_THREADS];

static void *thread_main(void *arg)
{
	const struct thread_arg *t = arg;
	struct block *blocks[20], *other;
	unsigned int i, round;

	for (round = 0; round < 500; round++) {
		for (i = 0; i < 20; i++)
			blocks[i] = lab_alloc(t->heap, 1 + (i * round) % 60,
					      t->number);
		other = __atomic_exchange_n(&left[t->number], NULL,
					    __ATOMIC_ACQ_REL);
		if (other)
			lab_free(t->heap, other, t->number);
		other = __atomic_exchange_n(&left[(t->number + 1) % NR_THREADS],
					    blocks[0], __ATOMIC_ACQ_REL);
		if (other)
			lab_free(t->heap, other, t->number);
		for (i = 1; i < 20; i++)
			if (blocks[i])
				lab_free(t->heap, blocks[i], t->number);
	}
	return NULL;
}

static void test_threads(const struct strategy *s)
{
	struct heap *heap = heap_new(s, 1 << 16);
	struct thread_arg args[NR_THREADS];
	pthread_t threads[NR_THREADS];
	const char *bad;
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++) {
		args[i] = (struct thread_arg){ heap, i };
		pthread_create(&threads[i], NULL, thread_main, &args[i]);
	}
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < NR_THREADS; i++) {
		if (left[i])
			lab_free(heap, left[i], 0);
		left[i] = NULL;
	}
	bad = heap_check(heap);
	result(s->name, "threads_keep_invariants", bad);
	heap_destroy(heap);
}

int main(int argc, char **argv)
{
	static const struct strategy *const merging[] = {
		&first_fit, &best_fit, &next_fit, &ranges, &buddy,
	};
	static const struct strategy *const exact[] = {
		&first_fit, &best_fit, &next_fit, &ranges,
	};
	const struct strategy *const *s;
	size_t i;

	/* What was passed is known even if the next one crashes. */
	setlinebuf(stdout);
	if (argc > 1)
		seed = strtoul(argv[1], NULL, 0);
	for (s = strategies; *s; s++) {
		test_random_load(*s);
		test_threads(*s);
	}
	for (i = 0; i < sizeof(merging) / sizeof(merging[0]); i++)
		test_all_freed(merging[i]);
	for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		test_lecture(exact[i]);
	test_choices();
	test_segregated();
	test_ranges();
	test_buddy();
	test_thread_cache();
	return nr_failed != 0;
}
