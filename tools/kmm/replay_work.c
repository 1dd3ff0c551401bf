// SPDX-License-Identifier: MIT
/*
 * The process of kmm replay in which the allocator under test works.
 *
 * Nothing here allocates by malloc once the clock runs: the script and the
 * slots are mapped, and all of their pages are there before memory is looked
 * at, so what it grows by is the allocator's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kmm.h"
#include "replay.h"

#define CACHE_LINE 64
#define SPINS 200	/* before the CPU is given to somebody else */

struct slot {
	void *p;
	_Atomic uint32_t turn;
};

static struct replay_script *script;
static struct slot *slots;
static _Atomic uint32_t nr_waiting;
static _Atomic bool go;
static _Atomic uint64_t nr_failed;

/* Acquire pairs with the release in pass(): the block is in the slot. */
static struct slot *wait_for(uint32_t number, uint32_t turn)
{
	struct slot *slot = &slots[number];
	unsigned int spins = 0;

	while (atomic_load_explicit(&slot->turn, memory_order_acquire) != turn)
		if (++spins > SPINS)
			sched_yield();
	return slot;
}

static void pass(struct slot *slot)
{
	uint32_t turn = atomic_load_explicit(&slot->turn, memory_order_relaxed);

	atomic_store_explicit(&slot->turn, turn + 1, memory_order_release);
}

static void *allocate(const struct replay_op *op)
{
	void *p;

	switch (op->kind) {
	case REPLAY_CALLOC:
		return calloc(1, op->size);
	case REPLAY_MEMALIGN:
		if (op->align_shift < 4)
			return malloc(op->size);
		return posix_memalign(&p, 1ul << op->align_shift, op->size) ?
			       NULL : p;
	}
	return malloc(op->size);
}

static void touch(char *p, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < size; i += CACHE_LINE)
		*(volatile char *)(p + i) = 1;
}

static void do_op(const struct replay_op *op)
{
	struct slot *slot = wait_for(op->slot, op->turn), *old;

	if (op->kind == REPLAY_FREE) {
		free(slot->p);
		slot->p = NULL;
		pass(slot);
		return;
	}
	if (op->kind == REPLAY_REALLOC) {
		old = wait_for(op->old_slot, op->old_turn);
		slot->p = realloc(old->p, op->size);
		if (!slot->p)
			free(old->p);
		if (old != slot) {
			old->p = NULL;
			pass(old);
		}
	} else {
		slot->p = allocate(op);
	}
	if (!slot->p)
		atomic_fetch_add(&nr_failed, 1);
	else if (script->touch)
		touch(slot->p, op->size);
	pass(slot);
}

static void do_ops(uint32_t thread)
{
	const struct replay_op *op = replay_ops(script) + script->first[thread];
	const struct replay_op *end = replay_ops(script) +
				      script->first[thread + 1];

	for (; op < end; op++)
		do_op(op);
}

static void *run_thread(void *arg)
{
	atomic_fetch_add(&nr_waiting, 1);
	while (!atomic_load(&go))
		sched_yield();
	do_ops((uint32_t)(uintptr_t)arg);
	return NULL;
}

/* A line "NAME: 123 kB" of /proc/self/status, without stdio. */
static uint64_t status_kb(const char *name)
{
	char text[8192], *line;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	line = strstr(text, name);
	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

/* Have the kernel forget the highest point so far. */
static void reset_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "5", 1);
	close(fd);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void map_script(int fd)
{
	struct stat st;
	size_t bytes;

	if (fstat(fd, &st))
		error(EXIT_FAILED, errno, "replay: no script");
	script = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, fd, 0);
	if (script == MAP_FAILED)
		error(EXIT_FAILED, errno, "cannot map the script");
	bytes = script->nr_slots * sizeof(*slots) + 1;
	slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (slots == MAP_FAILED)
		error(EXIT_FAILED, errno, "cannot map the slots");
}

int replay_work(int fd)
{
	pthread_t *threads;
	uint64_t start;
	uint32_t i;

	map_script(fd);
	if (script->preload[0] && !dlopen(script->preload, RTLD_LAZY | RTLD_NOLOAD))
		error(EXIT_FAILED, 0, "%s: was not preloaded", script->preload);
	threads = mmap(NULL, script->nr_threads * sizeof(*threads),
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (threads == MAP_FAILED)
		error(EXIT_FAILED, errno, "cannot map");
	/* The first thread of the trace is our own: a process that has only one
	 * is another matter for some allocators. */
	for (i = 1; i < script->nr_threads; i++)
		if (pthread_create(&threads[i], NULL, run_thread,
				   (void *)(uintptr_t)i))
			error(EXIT_FAILED, 0, "cannot create %u threads",
			      script->nr_threads);
	while (atomic_load(&nr_waiting) + 1 < script->nr_threads)
		sched_yield();
	reset_peak();
	script->rss_before = status_kb("VmRSS:");
	start = now();
	atomic_store(&go, true);
	do_ops(0);
	for (i = 1; i < script->nr_threads; i++)
		pthread_join(threads[i], NULL);
	script->ns = now() - start;
	script->rss_peak = status_kb("VmHWM:");
	script->failed = nr_failed;
	return 0;
}
