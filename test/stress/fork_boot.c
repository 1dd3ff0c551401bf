// SPDX-License-Identifier: MIT
/*
 * fork() while another thread boots the library with its first allocation: the
 * child must find it down or up, but not in between. Each try is a process of
 * its own, with another delay between the two.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "stress.h"

#define CHILD_SECONDS 20



static void *boot(void *arg)
{
	while (!atomic_load(&stop))
		;
	kfree(kmalloc(100, GFP_KERNEL));
	return arg;
}

/* In a fresh process. */
static int try(unsigned long delay)
{
	volatile unsigned long i;
	pthread_t thread;
	int status;
	pid_t pid;

	CHECK(!pthread_create(&thread, NULL, boot, NULL));
	usleep(200);
	atomic_store(&stop, true);
	for (i = 0; i < delay; i++)
		;
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		alarm(CHILD_SECONDS);
		kfree(kmalloc(100, GFP_KERNEL));
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	pthread_join(thread, NULL);
	return status != 0;
}

int main(int argc, char **argv)
{
	unsigned long i;
	char delay[32];
	int status;
	pid_t pid;

	if (argc == 3 && !strcmp(argv[1], "--try")) {
		program = "fork_boot";
		return try(strtoul(argv[2], NULL, 10));
	}
	stress_begin(argc, argv, 100);
	for (i = 0; i < nr_wanted; i++) {
		snprintf(delay, sizeof(delay), "%lu",
			 next_random(&seed) % 100000);
		pid = fork();
		if (!pid) {
			execl("/proc/self/exe", argv[0], "--try", delay, NULL);
			_exit(127);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		if (status)
			fail("delay %s: wait status %#x", delay,
			     (unsigned int)status);
	}
	printf("%s: %lu processes\n", program, nr_wanted);
	return 0;
}
