// SPDX-License-Identifier: MIT
/*
 * Memory of a process that has done its work and sleeps: it goes back to the
 * system without another call of the allocator. And threads: a process that
 * never has much to give back has none but its own.
 *
 * Waiting is for something to happen: a test ends as soon as it has, and fails
 * after DEADLINE_S.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <sys/wait.h>
#include <time.h>

#include "preload.h"

#define NR_BLOCKS 200000
#define DEADLINE_S 20
#define LARGE (32u << 20)

static char *blocks[NR_BLOCKS];

static void fill_heap(void)
{
	uint32_t seed = 12345;
	size_t i, size;

	for (i = 0; i < NR_BLOCKS; i++) {
		size = 64 + next_random(&seed) % 700;
		blocks[i] = malloc(size);
		CHECK(blocks[i]);
		memset(blocks[i], 1, size);
	}
	CHECK(resident_bytes() > LARGE);
}

static void empty_heap(void)
{
	size_t i;

	for (i = 0; i < NR_BLOCKS; i++)
		free(blocks[i]);
}

/* No call into the allocator from here on. */
static void wait_until_small(size_t peak)
{
	struct timespec tick = { 0, 50000000 };
	time_t end = time(NULL) + DEADLINE_S;

	while (resident_bytes() > peak * 15 / 100) {
		CHECK(time(NULL) < end);
		nanosleep(&tick, NULL);
	}
}

static unsigned int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int nr = 0;
	struct dirent *entry;

	CHECK(dir);
	while ((entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	closedir(dir);
	return nr;
}

static void idle_process_gives_memory_back(void)
{
	size_t peak;

	fill_heap();
	peak = resident_bytes();
	empty_heap();
	wait_until_small(peak);
}

/* The child of a fork has no thread of its parent's, and needs its own. */
static void idle_child_gives_memory_back(void)
{
	size_t peak;
	int status;
	pid_t pid;

	fill_heap();
	peak = resident_bytes();
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		alarm(TEST_TIMEOUT_S);
		empty_heap();
		wait_until_small(peak);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* As daemons do it: the parent that knew the way is gone. */
static void idle_daemon_gives_memory_back(void)
{
	int pipes[2];
	size_t peak;
	char done = 0;
	pid_t pid;

	CHECK(!pipe(pipes));
	fill_heap();
	peak = resident_bytes();
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		if (daemon(1, 1))
			_exit(1);
		alarm(TEST_TIMEOUT_S);
		empty_heap();
		wait_until_small(peak);
		CHECK(write(pipes[1], "d", 1) == 1);
		_exit(0);
	}
	close(pipes[1]);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(read(pipes[0], &done, 1) == 1 && done == 'd');
}

static void idle_small_program_has_no_thread(void)
{
	void *p[300];
	int round;
	size_t i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++)
			CHECK((p[i] = malloc(10000)));
		for (i = 0; i < ARRAY_SIZE(p); i++)
			free(p[i]);
	}
	CHECK(count_threads() == 1);
}

static void idle_threads_end_by_themselves(void)
{
	struct timespec tick = { 0, 50000000 };
	time_t end = time(NULL) + DEADLINE_S;

	fill_heap();
	empty_heap();
	CHECK(count_threads() <= 2);
	while (count_threads() > 1) {
		CHECK(time(NULL) < end);
		nanosleep(&tick, NULL);
	}
	/* And another one comes when it is needed. */
	idle_process_gives_memory_back();
}

/* In the child of vfork() nothing may be started: it is its parent. */
static void idle_vfork_child_starts_no_thread(void)
{
	int status;
	pid_t pid;

	fill_heap();
	pid = vfork();
	CHECK(pid >= 0);
	if (!pid) {
		empty_heap();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(count_threads() == 1);
}

static void idle_trim_gives_all_back(void)
{
	size_t peak;

	fill_heap();
	peak = resident_bytes();
	empty_heap();
	malloc_trim(0);
	CHECK(resident_bytes() <= peak / 10);
}

static const struct test tests[] = {
	{ "idle_process_gives_memory_back", idle_process_gives_memory_back },
	{ "idle_child_gives_memory_back", idle_child_gives_memory_back },
	{ "idle_daemon_gives_memory_back", idle_daemon_gives_memory_back },
	{ "idle_small_program_has_no_thread", idle_small_program_has_no_thread },
	{ "idle_threads_end_by_themselves", idle_threads_end_by_themselves },
	{ "idle_vfork_child_starts_no_thread",
	  idle_vfork_child_starts_no_thread },
	{ "idle_trim_gives_all_back", idle_trim_gives_all_back },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
