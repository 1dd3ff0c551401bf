// SPDX-License-Identifier: MIT
/*
 * fork() at any time: the child of a busy process can allocate, start threads
 * and free what its parent had, and nobody hangs.
 *
 * The classic failure is a lock that another thread held at the moment of the
 * fork: it stays locked in the child for ever. A child that takes longer than
 * CHILD_TIMEOUT_S is such a case and dies of SIGALRM.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "preload.h"

#define NR_THREADS 4
#define NR_FORKS 300
#define CHILD_TIMEOUT_S 5

static atomic_bool stop;
static char *inherited[64];

/* Objects of 1 to 4 KiB keep the slow paths busy: their sheaves are small. The
 * threads let go of the CPU often, or the children would hardly get it. */
static void *churn(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	char *p[64] = { NULL };
	unsigned int round;
	size_t i;

	for (round = 1; !atomic_load_explicit(&stop, memory_order_relaxed);
	     round++) {
		if (round % 256 == 0)
			sched_yield();
		i = next_random(&seed) % ARRAY_SIZE(p);
		free(p[i]);
		p[i] = malloc(next_random(&seed) % 64 ? 1024 + next_random(&seed) % 3072 :
						       20000);
		if (p[i])
			p[i][0] = 1;
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		free(p[i]);
	return NULL;
}

static void *thread_in_child(void *arg)
{
	free(arg);
	return malloc(5000);
}

static void child(void)
{
	pthread_t thread;
	size_t i;
	void *p;

	alarm(CHILD_TIMEOUT_S);
	for (i = 0; i < 200; i++) {
		p = malloc(i * 40);
		CHECK(p);
		memset(p, 1, i * 40);
		free(p);
	}
	for (i = 0; i < ARRAY_SIZE(inherited); i++)
		free(inherited[i]);
	CHECK(!pthread_create(&thread, NULL, thread_in_child, malloc(100)));
	CHECK(!pthread_join(thread, &p));
	free(p);
	_exit(0);
}

static void fork_once(void)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid)
		child();
	CHECK(waitpid(pid, &status, 0) == pid);
	if (status)
		fprintf(stderr, "child ended with wait status %#x\n", status);
	CHECK(status == 0);
}

static void start_churn(pthread_t *threads)
{
	uintptr_t i;

	for (i = 0; i < ARRAY_SIZE(inherited); i++)
		inherited[i] = malloc(i * 100);
	for (i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn,
				      (void *)(i + 77)));
}

static void stop_churn(pthread_t *threads)
{
	int i;

	atomic_store(&stop, true);
	for (i = 0; i < NR_THREADS; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

static void fork_while_threads_churn(void)
{
	pthread_t threads[NR_THREADS];
	int i;

	start_churn(threads);
	for (i = 0; i < NR_FORKS; i++)
		fork_once();
	stop_churn(threads);
}

static void *fork_many(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < NR_FORKS / 8; i++) {
		free(malloc(3000));
		fork_once();
	}
	return NULL;
}

static void fork_from_four_threads(void)
{
	pthread_t threads[NR_THREADS], forkers[4];
	size_t i;

	start_churn(threads);
	for (i = 0; i < ARRAY_SIZE(forkers); i++)
		CHECK(!pthread_create(&forkers[i], NULL, fork_many, NULL));
	for (i = 0; i < ARRAY_SIZE(forkers); i++)
		CHECK(!pthread_join(forkers[i], NULL));
	stop_churn(threads);
}

/* A child forks, and that child too: the gate must open in each. */
static void fork_nested(void)
{
	pthread_t threads[NR_THREADS];
	int status, i;
	pid_t pid;

	start_churn(threads);
	for (i = 0; i < 20; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			alarm(CHILD_TIMEOUT_S);
			free(malloc(100));
			malloc_trim(0);
			fork_once();
			fork_once();
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stop_churn(threads);
}

/* posix_spawn() is vfork() and exec: no fork handler runs. */
static void spawn_while_threads_churn(void)
{
	pthread_t threads[NR_THREADS];
	char *const argv[] = { (char *)"true", NULL };
	int status, i;
	pid_t pid;

	start_churn(threads);
	for (i = 0; i < 50; i++) {
		CHECK(!posix_spawnp(&pid, "true", NULL, NULL, argv, environ));
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stop_churn(threads);
}

/* As shells do it: the child of vfork() allocates before it execs. */
static void vfork_child_allocates(void)
{
	char *keep[100] = { NULL };
	volatile int i;		/* vfork() returns twice */
	int status;
	pid_t pid;

	for (i = 0; i < 300; i++) {
		pid = vfork();
		CHECK(pid >= 0);
		if (!pid) {
			char *volatile p = malloc(100 + (size_t)i * 10);

			p[0] = 1;
			free(p);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		free(keep[i % 100]);
		keep[i % 100] = malloc(200);
		CHECK(keep[i % 100]);
	}
	for (i = 0; i < 100; i++)
		free(keep[i]);
}

static void allocate_in_handler(void)
{
	char *p = malloc(300);

	CHECK(p);
	memset(p, 1, 300);
	free(p);
	free(malloc(200000));
}

/* Other libraries' fork handlers allocate while ours hold the gate shut. */
static void fork_handlers_allocate(void)
{
	pthread_t threads[NR_THREADS];
	int i;

	CHECK(!pthread_atfork(allocate_in_handler, allocate_in_handler,
			      allocate_in_handler));
	start_churn(threads);
	for (i = 0; i < 50; i++)
		fork_once();
	stop_churn(threads);
}

void atfork_work(void);

static void *work_in_library(void *arg)
{
	while (!atomic_load(&stop))
		atfork_work();
	return arg;
}

/* The library's fork handler waits for a lock whose holder allocates: so ours
 * must be the last one to stop the others. */
static void fork_handler_waits_for_allocating_thread(void)
{
	pthread_t thread;
	int i;

	CHECK(!pthread_create(&thread, NULL, work_in_library, NULL));
	alarm(60);
	for (i = 0; i < 500; i++)
		fork_once();
	atomic_store(&stop, true);
	CHECK(!pthread_join(thread, NULL));
}

static void *read_lines(void *file)
{
	char *line = NULL;
	size_t size = 0;

	while (!atomic_load(&stop)) {
		rewind(file);
		while (getline(&line, &size, file) > 0) {
			free(line);
			line = NULL;
			size = 0;
		}
	}
	free(line);
	return NULL;
}

static void *flush_streams(void *arg)
{
	while (!atomic_load(&stop)) {
		fflush(NULL);
		usleep(200);
	}
	return arg;
}

/* fork() waits for libc's list of streams, which fflush(NULL) holds while it
 * waits for the stream that is being read; and whoever reads it allocates. */
static void fork_beside_getline_and_fflush(void)
{
	pthread_t threads[NR_THREADS], reader, flusher;
	FILE *file = tmpfile();
	int i;

	CHECK(file);
	for (i = 0; i < 200; i++)
		fprintf(file, "%03000d\n", i);
	start_churn(threads);
	CHECK(!pthread_create(&reader, NULL, read_lines, file));
	CHECK(!pthread_create(&flusher, NULL, flush_streams, NULL));
	for (i = 0; i < NR_FORKS; i++)
		fork_once();
	stop_churn(threads);
	CHECK(!pthread_join(reader, NULL));
	CHECK(!pthread_join(flusher, NULL));
	fclose(file);
}

static void report_crash(int signal)
{
	(void)signal;
	alarm(CHILD_TIMEOUT_S);
	fork_once();
	_exit(0);
}

/* What a crash reporter does after the report of a double free. */
static void fork_in_abort_handler(void)
{
	char *volatile p = malloc(100);

	signal(SIGABRT, report_crash);
	free(p);
	free(p);
	CHECK(!"no abort");
}

static const struct test tests[] = {
	{ "fork_while_threads_churn", fork_while_threads_churn },
	{ "fork_from_four_threads", fork_from_four_threads },
	{ "fork_nested", fork_nested },
	{ "fork_handlers_allocate", fork_handlers_allocate },
	{ "spawn_while_threads_churn", spawn_while_threads_churn },
	{ "vfork_child_allocates", vfork_child_allocates },
	{ "fork_handler_waits_for_allocating_thread",
	  fork_handler_waits_for_allocating_thread },
	{ "fork_beside_getline_and_fflush", fork_beside_getline_and_fflush },
	{ "fork_in_abort_handler", fork_in_abort_handler },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
