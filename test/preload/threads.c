// SPDX-License-Identifier: MIT
/*
 * Threads that come and go, and blocks that change hands.
 *
 * An allocator with caches per thread must notice the end of a thread, which
 * is when TLS destructors still allocate and free. With caches per CPU there
 * is nothing to notice; these tests hold it to that, and check that nothing
 * piles up.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "preload.h"

#define NR_SHORT_THREADS 4000
/* What each CPU keeps of each size is bounded, but fills by and by: after this
 * many threads it has. From then on only a leak could make memory grow. */
#define WARM_UP 2000
#define MIB ((size_t)1 << 20)

static pthread_key_t key;

struct in_thread {
	int rounds;
	char *block;
};

/* Frees, allocates 3 KiB and arms the key again, PTHREAD_DESTRUCTOR_ITERATIONS
 * times at most. */
static void destructor(void *arg)
{
	struct in_thread *t = arg;

	free(t->block);
	t->block = malloc(3000);
	CHECK(t->block);
	memset(t->block, 1, 3000);
	if (++t->rounds < 3) {
		CHECK(!pthread_setspecific(key, t));
		return;
	}
	free(t->block);
	free(t);
}

static void *short_thread(void *arg)
{
	struct in_thread *t = calloc(1, sizeof(*t));

	(void)arg;
	CHECK(t);
	t->block = malloc(2000);
	CHECK(t->block);
	memset(t->block, 1, 2000);
	CHECK(!pthread_setspecific(key, t));
	return NULL;
}

/* Run @fn in many threads, a few at once. After the first 500 the resident
 * memory may grow by @max_growth, however many more there are. */
static void run_short_threads(void *(*fn)(void *), void *(*arg)(void),
			      size_t max_growth)
{
	pthread_t thread[8];
	size_t settled = 0;
	int i, j;

	for (i = 0; i < NR_SHORT_THREADS; i += 8) {
		for (j = 0; j < 8; j++)
			CHECK(!pthread_create(&thread[j], NULL, fn,
					      arg ? arg() : NULL));
		for (j = 0; j < 8; j++)
			CHECK(!pthread_join(thread[j], NULL));
		if (!settled && i >= WARM_UP)
			settled = resident_bytes();
	}
	if (resident_bytes() > settled + max_growth)
		fprintf(stderr, "resident grew from %zu to %zu\n", settled,
			resident_bytes());
	CHECK(resident_bytes() <= settled + max_growth);
}

static void threads_4000_with_key_destructors(void)
{
	CHECK(!pthread_key_create(&key, destructor));
	run_short_threads(short_thread, NULL, MIB);
}

#define NR_BLOCKS 200

static void *blocks_for_thread(void)
{
	char **blocks = malloc(NR_BLOCKS * sizeof(*blocks));
	int i;

	CHECK(blocks);
	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = malloc((size_t)(i * 7 + 16));
		CHECK(blocks[i]);
		blocks[i][0] = 1;
	}
	return blocks;
}

static void *free_blocks(void *arg)
{
	char **blocks = arg;
	int i;

	for (i = 0; i < NR_BLOCKS; i++)
		free(blocks[i]);
	free(blocks);
	return NULL;
}

/* 600 MiB pass through; what may still come is full sheaves in the barns of
 * all the sizes. */
static void threads_that_only_free_leave_nothing(void)
{
	run_short_threads(free_blocks, blocks_for_thread, MIB);
}

/*
 * Producers and consumers: every block is freed by another thread than the
 * one that allocated it, and carries its own address as a check.
 */
#define RING 1024

static _Atomic(void **) ring[RING];
static atomic_int producing;

static void *producer(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	size_t i, slot;

	for (i = 0; i < 200000; i++) {
		void **p = malloc(16 + next_random(&seed) % 1500);

		CHECK(p);
		p[0] = p;
		p[1] = (void *)~(uintptr_t)p;
		slot = next_random(&seed) % RING;
		p = atomic_exchange(&ring[slot], p);
		if (p) {
			CHECK(p[0] == p && p[1] == (void *)~(uintptr_t)p);
			free(p);
		}
	}
	atomic_fetch_sub(&producing, 1);
	return NULL;
}

static void *consumer(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	void **p;

	while (atomic_load(&producing)) {
		p = atomic_exchange(&ring[next_random(&seed) % RING], NULL);
		if (p) {
			CHECK(p[0] == p && p[1] == (void *)~(uintptr_t)p);
			free(p);
		}
	}
	return NULL;
}

static void threads_exchange_blocks(void)
{
	pthread_t threads[6];
	uintptr_t i;

	atomic_store(&producing, 3);
	for (i = 0; i < 6; i++)
		CHECK(!pthread_create(&threads[i], NULL,
				      i < 3 ? producer : consumer,
				      (void *)(i + 1)));
	for (i = 0; i < 6; i++)
		CHECK(!pthread_join(threads[i], NULL));
	for (i = 0; i < RING; i++)
		free(atomic_load(&ring[i]));
}

/* Exits ------------------------------------------------------------------------ */

#define NR_EXITS 60

/* What a child says before it is gone. It exits by itself, with 0. */
static void check_silent_exit(void (*child)(unsigned int), unsigned int arg)
{
	char text[512];
	int ends[2], status;
	ssize_t len;
	pid_t pid;

	CHECK(!pipe(ends));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		child(arg);
	}
	close(ends[1]);
	len = read(ends[0], text, sizeof(text));
	close(ends[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	if (len > 0)
		fwrite(text, 1, (size_t)len, stderr);
	CHECK(!len && WIFEXITED(status) && !WEXITSTATUS(status));
}

static void exit_among_threads(unsigned int us)
{
	struct timespec some = { 0, us * 1000 };
	pthread_t thread;
	uintptr_t i;

	atomic_store(&producing, 3);
	for (i = 0; i < 6; i++)
		CHECK(!pthread_create(&thread, NULL, i < 3 ? producer : consumer,
				      (void *)(i + 1)));
	nanosleep(&some, NULL);
	exit(0);
}

/* Who looks for double frees at exit sees blocks go from thread to thread. */
static void threads_go_on_during_exit(void)
{
	unsigned int i;

	for (i = 0; i < NR_EXITS; i++)
		check_silent_exit(exit_among_threads, i * 50);
}

static void exit_now(int sig)
{
	exit(sig != SIGALRM);
}

static void *pause_thread(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pause();
	return arg;
}

static void exit_in_handler(unsigned int us)
{
	const struct itimerval soon = { .it_value = { 0, 500 + us } };
	static void *blocks[2000];
	pthread_t thread;
	unsigned int i;

	/* Not alone, so that locks are taken. */
	CHECK(!pthread_create(&thread, NULL, pause_thread, NULL));
	signal(SIGALRM, exit_now);
	setitimer(ITIMER_REAL, &soon, NULL);
	/* More than sheaves hold: mostly in slow paths. */
	for (;;) {
		for (i = 0; i < ARRAY_SIZE(blocks); i++)
			blocks[i] = malloc(2000);
		for (i = 0; i < ARRAY_SIZE(blocks); i++)
			free(blocks[i]);
	}
}

/* No program may do so, and many do. */
static void exit_in_handler_of_malloc_ends(void)
{
	unsigned int i;

	for (i = 0; i < NR_EXITS; i++)
		check_silent_exit(exit_in_handler, i * 13);
}

static const struct test tests[] = {
	{ "threads_go_on_during_exit", threads_go_on_during_exit },
	{ "exit_in_handler_of_malloc_ends", exit_in_handler_of_malloc_ends },
	{ "threads_4000_with_key_destructors",
	  threads_4000_with_key_destructors },
	{ "threads_that_only_free_leave_nothing",
	  threads_that_only_free_leave_nothing },
	{ "threads_exchange_blocks", threads_exchange_blocks },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
