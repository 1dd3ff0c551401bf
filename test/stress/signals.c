// SPDX-License-Identifier: MIT
/*
 * Signals at any instruction of the fast path. A restartable sequence that is
 * interrupted is given up and must leave no trace; the slow paths must merely
 * go on. The handlers do not allocate: that is not allowed.
 *
 * Each thread has a timer of its own, at one to five kilohertz, and there is a
 * second signal that counts the CPU time of all of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "stress.h"

#define CHURNERS 4

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Atomic unsigned long alarms, profs;

static void on_signal(int sig)
{
	int saved = errno;

	atomic_fetch_add(sig == SIGALRM ? &alarms : &profs, 1);
	/* Something of the registers and the stack is used, as handlers do. */
	errno = saved;
}

static timer_t start_timer(unsigned int nr)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGALRM,
	};
	struct itimerspec when = { 0 };
	timer_t timer;

	event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	/* 200 to 950 microseconds, none in step with another. */
	when.it_interval.tv_nsec = 200000 + 250000 * (long)nr;
	when.it_value = when.it_interval;
	CHECK(!timer_settime(timer, 0, &when, NULL));
	return timer;
}

static struct churn churns[CHURNERS];

static void *churn(void *arg)
{
	struct churn *c = arg;
	timer_t timer = start_timer((unsigned int)(c - churns));

	while (!atomic_load(&stop))
		churn_step(c);
	timer_delete(timer);
	churn_end(c);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };
	struct itimerval prof = { .it_interval = { 0, 1000 },
				  .it_value = { 0, 1000 } };
	pthread_t thread[CHURNERS];
	unsigned long steps = 0;
	unsigned int i;
	double start;

	stress_begin(argc, argv, 3);
	churn_create_caches();
	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!sigaction(SIGPROF, &action, NULL));
	CHECK(!setitimer(ITIMER_PROF, &prof, NULL));
	for (i = 0; i < CHURNERS; i++) {
		churn_begin(&churns[i], i);
		CHECK(!pthread_create(&thread[i], NULL, churn, &churns[i]));
	}
	/* Signals cut sleep() short. */
	for (start = now(); now() - start < (double)nr_wanted;)
		usleep(10000);
	atomic_store(&stop, true);
	for (i = 0; i < CHURNERS; i++) {
		pthread_join(thread[i], NULL);
		steps += churns[i].steps;
	}
	memset(&prof, 0, sizeof(prof));
	CHECK(!setitimer(ITIMER_PROF, &prof, NULL));
	validate_all();
	churn_destroy_caches();
	CHECK(atomic_load(&alarms) > 0);
	printf("%s: %lu steps under %lu alarms and %lu profiling signals, seed %lu\n",
	       program, steps, atomic_load(&alarms), atomic_load(&profs), seed);
	return 0;
}
