// SPDX-License-Identifier: MIT
/*
 * fork() while other threads are anywhere in the allocator. The child is alone
 * with whatever they left: it must find no lock held and nothing half done.
 *
 *	1. four threads churn; the main thread forks
 *	2. four threads churn and fork, all at once
 *
 * A child frees what its parent had allocated, allocates, starts a thread that
 * does the same, and ends by _exit(). One that takes longer than a few seconds
 * hangs, and the run fails.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include "stress.h"

#define CHURNERS 4
#define CHILD_SECONDS 20

/* No threads in the children under sanitizers, which are not made for that:
 * ASan of gcc 12 forks with its own locks held, and TSan takes the thread for
 * one that the parent had at the same address. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_HAS_THREADS 0
#else
#define CHILD_HAS_THREADS (!KMM_ASAN)
#endif

static struct churn churns[CHURNERS];
static _Atomic unsigned long forks;
static bool everybody_forks;

static void *child_thread(void *arg)
{
	static struct churn c;
	unsigned int i;

	(void)arg;
	churn_begin(&c, 1000);
	for (i = 0; i < 200; i++)
		churn_step(&c);
	churn_end(&c);
	return NULL;
}

/* @mine: what this thread had allocated before, or NULL. */
static void __attribute__((noreturn)) child(struct churn *mine)
{
	pthread_t thread;

	/* The parent's watchdog is not here. */
	alarm(CHILD_SECONDS);
	child_thread(NULL);
	if (mine)
		churn_end(mine);
	if (CHILD_HAS_THREADS) {
		CHECK(!pthread_create(&thread, NULL, child_thread, NULL));
		CHECK(!pthread_join(thread, NULL));
	}
	_exit(0);
}

static void fork_once(struct churn *mine)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		child(mine);
	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fail("the child of fork %lu hangs", atomic_load(&forks));
	if (status)
		fail("the child of fork %lu ended with status %#x",
		     atomic_load(&forks), (unsigned int)status);
	atomic_fetch_add(&forks, 1);
}

static void *churn(void *arg)
{
	struct churn *c = arg;
	unsigned long mine = 0;

	while (!atomic_load(&stop)) {
		churn_step(c);
		if (!everybody_forks || c->steps % 500)
			continue;
		fork_once(c);
		/* Each of the four makes an eighth. */
		if (++mine >= nr_wanted / 8)
			break;
	}
	churn_end(c);
	return NULL;
}

static unsigned long run(bool all)
{
	pthread_t thread[CHURNERS];
	unsigned long steps = 0, i;

	everybody_forks = all;
	atomic_store(&stop, false);
	for (i = 0; i < CHURNERS; i++) {
		churn_begin(&churns[i], i + (all ? 100 : 0));
		CHECK(!pthread_create(&thread[i], NULL, churn, &churns[i]));
	}
	if (!all) {
		for (i = 0; i < nr_wanted; i++)
			fork_once(NULL);
		atomic_store(&stop, true);
	}
	for (i = 0; i < CHURNERS; i++) {
		pthread_join(thread[i], NULL);
		steps += churns[i].steps;
	}
	return steps;
}

int main(int argc, char **argv)
{
	unsigned long steps;

	stress_begin(argc, argv, 300);
	churn_create_caches();
	steps = run(false);
	steps += run(true);
	validate_all();
	churn_destroy_caches();
	validate_all();
	printf("%s: %lu forks, %lu steps, seed %lu\n", program,
	       atomic_load(&forks), steps, seed);
	return 0;
}
