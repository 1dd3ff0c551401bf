// SPDX-License-Identifier: MIT
/*
 * Threads that change their CPU all the time, of their own accord and moved by
 * another: between any two instructions a thread may find itself elsewhere,
 * with the sheaves it was looking at now in use by somebody else.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/syscall.h>

#include "stress.h"

#define CHURNERS 4

static cpu_set_t usable;
static int nr_usable;
static _Atomic int tids[CHURNERS];
static _Atomic unsigned long moves;

/* Let thread @tid (0: this one) run on one CPU, chosen by @r. */
static void move(int tid, unsigned long r)
{
	int cpu, nr = (int)(r % (unsigned long)nr_usable);
	cpu_set_t one;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &usable) && !nr--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	/* It may have ended. */
	if (!sched_setaffinity(tid, sizeof(one), &one))
		atomic_fetch_add(&moves, 1);
}

static struct churn churns[CHURNERS];

static void *churn(void *arg)
{
	struct churn *c = arg;

	atomic_store(&tids[c - churns], (int)syscall(SYS_gettid));
	while (!atomic_load(&stop)) {
		churn_step(c);
		if (c->steps % 20 == 0)
			move(0, next_random(&c->random));
	}
	churn_end(c);
	return NULL;
}

static void *move_others(void *arg)
{
	unsigned long state = seed ^ 0xaff, r;
	int tid;

	(void)arg;
	while (!atomic_load(&stop)) {
		r = next_random(&state);
		tid = atomic_load(&tids[r % CHURNERS]);
		if (tid)
			move(tid, r >> 8);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[CHURNERS], mover;
	unsigned long steps = 0;
	unsigned int i;

	stress_begin(argc, argv, 3);
	CHECK(!sched_getaffinity(0, sizeof(usable), &usable));
	nr_usable = CPU_COUNT(&usable);
	churn_create_caches();
	for (i = 0; i < CHURNERS; i++) {
		churn_begin(&churns[i], i);
		CHECK(!pthread_create(&thread[i], NULL, churn, &churns[i]));
	}
	CHECK(!pthread_create(&mover, NULL, move_others, NULL));
	sleep((unsigned int)nr_wanted);
	atomic_store(&stop, true);
	pthread_join(mover, NULL);
	for (i = 0; i < CHURNERS; i++) {
		pthread_join(thread[i], NULL);
		steps += churns[i].steps;
	}
	validate_all();
	churn_destroy_caches();
	printf("%s: %lu steps, %lu moves among %d CPUs, seed %lu\n", program,
	       steps, atomic_load(&moves), nr_usable, seed);
	return 0;
}
