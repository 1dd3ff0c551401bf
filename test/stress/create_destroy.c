// SPDX-License-Identifier: MIT
/*
 * Caches come and go in several threads, while others allocate, and one reads
 * the reports that walk the list of caches.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "stress.h"

#define CREATORS 3
#define CHURNERS 2

static _Atomic unsigned long created, reports;

static void use(struct kmem_cache *s, unsigned long r)
{
	unsigned int size = kmem_cache_size(s);
	unsigned int nr = 1 + (unsigned int)(r % 200), i;
	void *p[200];

	if (r % 3 == 0) {
		CHECK(kmem_cache_alloc_bulk(s, GFP_KERNEL, nr, p) == (int)nr);
	} else {
		for (i = 0; i < nr; i++)
			p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	}
	for (i = 0; i < nr; i++) {
		CHECK(p[i]);
		fill(p[i], size, r + i);
	}
	for (i = 0; i < nr; i++)
		CHECK(holds(p[i], size, r + i));
	kmem_cache_free_bulk(s, nr, p);
}

static void *create_and_destroy(void *arg)
{
	unsigned long number = (unsigned long)arg, state = seed + number, r;
	struct kmem_cache_args args = { 0 };
	struct kmem_cache *s;
	char name[64];

	while (!atomic_load(&stop)) {
		r = next_random(&state);
		snprintf(name, sizeof(name), "stress-%lu-%lx", number, r);
		args.align = r % 5 ? 0 : 1u << (r >> 8) % 10;
		args.sheaf_capacity = r % 7 ? 0 : (unsigned int)(r >> 8) % 200;
		s = kmem_cache_create(name, 1 + (unsigned int)(r >> 16) % 3000,
				      &args, r % 11 ? 0 :
					     SLAB_CONSISTENCY_CHECKS);
		CHECK(s);
		use(s, r >> 7);
		if (r % 2)
			kmem_cache_shrink(s);
		kmem_cache_destroy(s);
		atomic_fetch_add(&created, 1);
	}
	return NULL;
}

static void *read_reports(void *arg)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)arg;
	while (!atomic_load(&stop)) {
		CHECK(!kmm_show("slabinfo", fd));
		CHECK(!kmm_show("vmstat", fd));
		CHECK(!kmm_show("buddyinfo", fd));
		CHECK(!kmm_show("zoneinfo", fd));
		atomic_fetch_add(&reports, 4);
		usleep(500);
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct churn churns[CHURNERS];
	pthread_t thread[CREATORS + CHURNERS + 1];
	unsigned long before, steps = 0, i;

	stress_begin(argc, argv, 3);
	kmm_trim();
	before = pages_in_use();
	churn_create_caches();
	for (i = 0; i < CREATORS; i++)
		CHECK(!pthread_create(&thread[i], NULL, create_and_destroy,
				      (void *)i));
	for (i = 0; i < CHURNERS; i++) {
		churn_begin(&churns[i], i);
		CHECK(!pthread_create(&thread[CREATORS + i], NULL, churn_until_stop,
				      &churns[i]));
	}
	CHECK(!pthread_create(&thread[CREATORS + CHURNERS], NULL, read_reports,
			      NULL));
	sleep((unsigned int)nr_wanted);
	atomic_store(&stop, true);
	for (i = 0; i < CREATORS + CHURNERS + 1; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < CHURNERS; i++)
		steps += churns[i].steps;
	validate_all();
	churn_destroy_caches();
	kmm_trim();
	validate_all();
	CHECK(pages_in_use() == before);
	printf("%s: %lu caches, %lu steps, %lu reports, seed %lu\n", program,
	       atomic_load(&created), steps, atomic_load(&reports), seed);
	return 0;
}
