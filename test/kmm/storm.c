// SPDX-License-Identifier: MIT
/*
 * 32 threads that allocate and free what others have allocated, forks in between,
 * and a signal per millisecond. All of it is freed at the end; with a facility on
 * that counts blocks, none of hand_on() may be left.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_THREADS 32
#define NR_SLOTS 256

static void *_Atomic slots[NR_SLOTS];
static volatile sig_atomic_t nr_signals;

static void count_signal(int sig)
{
	(void)sig;
	nr_signals++;
}

static __attribute__((noinline)) void hand_on(unsigned int slot, size_t size)
{
	free(atomic_exchange(&slots[slot], malloc(size)));
}

static void *work(void *arg)
{
	unsigned int random = (unsigned int)(size_t)arg, i;

	for (i = 0; i < 10000; i++) {
		random = random * 1103515245 + 12345;
		hand_on((random >> 8) % NR_SLOTS, (random >> 16) % 3000);
	}
	return NULL;
}

int main(void)
{
	const struct itimerval ms = { { 0, 1000 }, { 0, 1000 } };
	pthread_t threads[NR_THREADS];
	int i, status, bad = 0;
	pid_t pid;

	signal(SIGPROF, count_signal);
	setitimer(ITIMER_PROF, &ms, NULL);
	for (i = 0; i < NR_THREADS; i++)
		bad += pthread_create(&threads[i], NULL, work,
				      (void *)(size_t)i) != 0;
	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			work(NULL);
			_exit(0);
		}
		bad += waitpid(pid, &status, 0) != pid || status;
	}
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < NR_SLOTS; i++)
		free(slots[i]);
	puts(bad ? "bad" : "good");
	return bad != 0;
}
