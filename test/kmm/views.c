// SPDX-License-Identifier: MIT
/*
 * A program on libkmm, to be looked at while it waits or while it churns.
 *
 *	views reports DIR	uses all of it, in four threads that end; writes
 *				what kmm_show() says to DIR/NAME
 *	views known FILE	writes lines "NAME ADDRESS" to FILE
 *	views across FILE	the same of a block that crosses a boundary
 *	views half		64 MiB of objects, and every other one freed
 *	views churn		four threads that never rest
 *	views names		caches with names that need quoting
 *	views work STEPS	prints the CPU time of a step, in ns, and ends
 *
 * Each says "ready", and stays until it is killed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define NR_THREADS 4
#define NR_SLOTS 2000

int known_variable = 1;

static void __attribute__((noinline)) known_function(void)
{
	__asm__ volatile("");
}

/* Numbers that are the same in each run. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static size_t random_size(uint32_t *state)
{
	uint32_t r = next_random(state);

	switch (r % 64) {
	case 0:
		return 10000 + r % 200000;	/* pages */
	case 1:
		return 1 + r % 8000;
	default:
		return 1 + r % 500;
	}
}

/* One step of a thread's life. */
static void step(void **slots, struct kmem_cache *cache, uint32_t *state)
{
	uint32_t i = next_random(state) % NR_SLOTS;

	kfree(slots[i]);
	slots[i] = i % 8 ? kmalloc(random_size(state), GFP_KERNEL) :
			   kmem_cache_alloc(cache, GFP_KERNEL);
}

static struct kmem_cache *cache;
static volatile bool for_ever;

static void *live(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg, i;
	void **slots = calloc(NR_SLOTS, sizeof(*slots));
	struct kmem_cache *other;

	for (i = 0; i < 200000 || for_ever; i++) {
		step(slots, cache, &state);
		/* Lists change, too. */
		if (for_ever && i % 1000 == 0) {
			other = kmem_cache_create("fleeting", 40 + i % 1000, 0,
						  SLAB_NO_MERGE, NULL);
			kmem_cache_free(other,
					kmem_cache_alloc(other, GFP_KERNEL));
			kmem_cache_destroy(other);
			vfree(vmalloc(100000));
		}
	}
	return slots;
}

static void live_in_threads(void)
{
	pthread_t threads[NR_THREADS];
	uintptr_t i;

	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, live, (void *)(i + 1));
	for (i = 0; i < NR_THREADS && !for_ever; i++)
		pthread_join(threads[i], NULL);
}

/* What is only there to be seen. */
static void keep(void *p)
{
	if (!p)
		exit(3);
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void mode_reports(const char *dir)
{
	static const char *const names[] = {
		"slabinfo", "buddyinfo", "pagetypeinfo",
		"zoneinfo", "vmstat", "meminfo",
	};
	char path[4096];
	size_t i;
	int fd;

	keep(vmalloc(300000));
	keep(kmem_cache_alloc(kmem_cache_create("reclaimable", 700, 0,
						SLAB_RECLAIM_ACCOUNT, NULL),
			      GFP_KERNEL));
	live_in_threads();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0 || kmm_show(names[i], fd))
			exit(3);
		close(fd);
	}
}

static void *const *known_thread_stack;
static pthread_barrier_t barrier;

static void *wait_in_thread(void *arg)
{
	void *volatile on_stack = NULL;

	(void)arg;
	known_thread_stack = (void *const *)&on_stack;
	pthread_barrier_wait(&barrier);
	pause();
	return on_stack;
}

static void *__attribute__((noinline)) allocate_known(size_t size)
{
	void *p = kmalloc(size, GFP_KERNEL);

	__asm__ volatile("" : "+r"(p));
	return p;
}

static void mode_known(const char *path)
{
	FILE *out = fopen(path, "w");
	struct page *page;
	pthread_t thread;
	char *p;

	if (!out)
		exit(3);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, wait_in_thread, NULL);
	pthread_barrier_wait(&barrier);
	fprintf(out, "thread_stack %p\n", (void *)known_thread_stack);
	fprintf(out, "stack %p\n", (void *)&page);
	p = allocate_known(100);
	fprintf(out, "live %p\n", p);
	fprintf(out, "inside %p\n", p + 50);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	fprintf(out, "of_cache %p\n", p);
	p = allocate_known(300);
	kfree(p);
	fprintf(out, "freed %p\n", p);
	fprintf(out, "large %p\n", (char *)kmalloc(50000, GFP_KERNEL) + 40000);
	page = alloc_pages(GFP_KERNEL, 3);
	fprintf(out, "pages %p\n", (char *)page_address(page) + 3 * PAGE_SIZE);
	fprintf(out, "page %p\n", (void *)page);
	p = (char *)page_address(alloc_pages(GFP_KERNEL, 9));
	free_pages((unsigned long)p, 9);
	fprintf(out, "free_page %p\n", p + (1 << 20));
	p = vmalloc(300000);
	fprintf(out, "vmalloc %p\n", p + 5);
	fprintf(out, "variable %p\n", (void *)&known_variable);
	fprintf(out, "function %p\n", (void *)known_function);
	fclose(out);
}

/*
 *	0    2    4    6    8 MiB
 *	|xxxx|....|....|xxxx|	a block of 3 MiB in the middle belongs to two
 *	|xxxx|yyyyyyy..|xxxx|	blocks of the largest order
 *
 * On the fine ladder, where a block has the pages it needs, anywhere.
 */
static void mode_across(const char *path)
{
	FILE *out = fopen(path, "w");
	size_t size = 3 << 20, i;
	char *used[64], *p;

	if (!out)
		exit(3);
	for (i = 0; i < 64; i++) {
		used[i] = kmalloc(1 << 20, GFP_KERNEL);
		memset(used[i], 1, 1 << 20);
	}
	for (i = 0; i < 64; i++)
		if ((((unsigned long)used[i] >> 20) + 2) & 4)
			kfree(used[i]);
	p = kmalloc(size, GFP_KERNEL);
	if ((unsigned long)p >> 22 != (unsigned long)(p + size - 1) >> 22)
		fprintf(out, "across %p\n", p + size - 96);
	fclose(out);
}

static void mode_half(void)
{
	size_t i, nr = (64u << 20) / 1024;
	void **p = malloc(nr * sizeof(*p));

	for (i = 0; i < nr; i++) {
		p[i] = kmalloc(1000, GFP_KERNEL);
		memset(p[i], 1, 1000);
	}
	for (i = 0; i < nr; i += 2)
		kfree(p[i]);
}

static void mode_names(void)
{
	static const char *const names[] = {
		"comma,here", "quote\"here", "back\\slash", "\xff\xfe",
		"\xc3\xa4\xc3\xb6", "line\nbreak", "twice", "twice",
		"=SUM(1)", "\033[2J",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		keep(kmem_cache_alloc(kmem_cache_create(names[i], 100, 0,
							SLAB_NO_MERGE, NULL),
				      GFP_KERNEL));
}

static void mode_work(long steps)
{
	void **slots = calloc(NR_SLOTS, sizeof(*slots));
	struct timespec now;
	uint32_t state = 1;
	long i;

	ready();
	for (i = 0; i < steps; i++)
		step(slots, cache, &state);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	printf("%.1f\n", ((double)now.tv_sec * 1e9 + (double)now.tv_nsec) /
				 (double)steps);
	exit(0);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	cache = kmem_cache_create("known", 72, 0, SLAB_NO_MERGE, NULL);
	if (!strcmp(mode, "reports") && argc == 3) {
		mode_reports(argv[2]);
	} else if (!strcmp(mode, "known") && argc == 3) {
		mode_known(argv[2]);
	} else if (!strcmp(mode, "across") && argc == 3) {
		mode_across(argv[2]);
	} else if (!strcmp(mode, "half")) {
		mode_half();
	} else if (!strcmp(mode, "churn")) {
		for_ever = true;
		live_in_threads();
	} else if (!strcmp(mode, "work") && argc == 3) {
		mode_work(atol(argv[2]));
	} else if (!strcmp(mode, "names")) {
		mode_names();
	} else {
		return 2;
	}
	ready();
	for (;;)
		pause();
}
