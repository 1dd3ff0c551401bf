// SPDX-License-Identifier: MIT
/*
 * A library with a lock of its own and fork handlers for it, which allocates
 * while it holds the lock; forks.c is linked with it. Its constructor runs
 * before those of whatever is preloaded, unless that asks to be the first.
 */
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void acquire(void)
{
	pthread_mutex_lock(&lock);
}

static void release(void)
{
	pthread_mutex_unlock(&lock);
}

static void __attribute__((constructor)) init(void)
{
	pthread_atfork(acquire, release, release);
}

void atfork_work(void);
void atfork_work(void)
{
	void *p[300];
	int i;

	acquire();
	for (i = 0; i < 300; i++)
		p[i] = malloc(3000 + (size_t)i * 10);
	for (i = 0; i < 300; i++)
		free(p[i]);
	release();
}
