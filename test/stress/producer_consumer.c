// SPDX-License-Identifier: MIT
/*
 * Objects allocated by one thread and freed by another, which never allocates:
 * sheaves fill up on one side and run empty on the other, and everything has to
 * go round by the barn and the slabs.
 *
 *	producer 0 -> ring 0 -> consumer 0
 *	producer 1 -> ring 1 -> consumer 1
 *
 * The memory in use is bounded by what the rings hold; were objects hoarded on
 * the freeing side, it would grow with the time instead.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "stress.h"

#define PAIRS 2
#define RING 4096

struct item {
	void *p;
	size_t size;
	unsigned long tag;
	struct kmem_cache *s;
};

/* One writer, one reader. Release at each end pairs with acquire at the other:
 * an item is complete before it is counted, and read before its place is. */
static struct ring {
	struct item item[RING];
	_Atomic unsigned long head, tail;
} rings[PAIRS];

static void *produce(void *arg)
{
	struct ring *ring = arg;
	unsigned long state = seed + (unsigned long)(ring - rings), r;
	unsigned long head = 0;

	while (!atomic_load(&stop)) {
		struct item *item = &ring->item[head % RING];

		if (head - atomic_load_explicit(&ring->tail,
						memory_order_acquire) == RING) {
			sched_yield();
			continue;
		}
		r = next_random(&state);
		item->s = r % 2 ? churn_caches[(r >> 8) % CHURN_CACHES] : NULL;
		item->size = item->s ? kmem_cache_size(item->s) :
				       1 + (r >> 8) % 2000;
		item->p = item->s ? kmem_cache_alloc(item->s, GFP_KERNEL) :
				    kmalloc(item->size, GFP_KERNEL);
		CHECK(item->p);
		item->tag = r;
		fill(item->p, item->size, r);
		atomic_store_explicit(&ring->head, ++head,
				      memory_order_release);
	}
	return NULL;
}

static void consume_one(const struct item *item)
{
	CHECK(holds(item->p, item->size, item->tag));
	if (item->s && item->tag % 4)
		kmem_cache_free(item->s, item->p);
	else
		kfree(item->p);
}

static void *consume(void *arg)
{
	struct ring *ring = arg;
	unsigned long tail = atomic_load(&ring->tail);
	bool last;

	do {
		/* Before the look at head: what is there then is all. */
		last = atomic_load(&stop);
		while (tail != atomic_load_explicit(&ring->head,
						    memory_order_acquire)) {
			consume_one(&ring->item[tail % RING]);
			atomic_store_explicit(&ring->tail, ++tail,
					      memory_order_release);
		}
		sched_yield();
	} while (!last);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t producer[PAIRS], consumer[PAIRS];
	unsigned long total = 0, middle = 0, most = 0;
	double start, elapsed;
	unsigned int i;

	stress_begin(argc, argv, 3);
	churn_create_caches();
	for (i = 0; i < PAIRS; i++) {
		CHECK(!pthread_create(&producer[i], NULL, produce, &rings[i]));
		CHECK(!pthread_create(&consumer[i], NULL, consume, &rings[i]));
	}
	start = now();
	while ((elapsed = now() - start) < (double)nr_wanted) {
		usleep(20000);
		most = sparse_onlined_bytes() >> PAGE_SHIFT;
		if (elapsed < (double)nr_wanted / 2)
			middle = most;
	}
	atomic_store(&stop, true);
	for (i = 0; i < PAIRS; i++)
		pthread_join(producer[i], NULL);
	for (i = 0; i < PAIRS; i++) {
		pthread_join(consumer[i], NULL);
		/* What came after it had looked for the last time. */
		consume(&rings[i]);
		total += atomic_load(&rings[i].tail);
	}
	/* Steady: the second half needs no more than the first and a half. */
	if (middle && most > middle + middle / 2 + (16UL << 20 >> PAGE_SHIFT))
		fail("%lu pages after half of the time, %lu at the end", middle,
		     most);
	validate_all();
	churn_destroy_caches();
	printf("%s: %lu objects through %d rings, %lu kB online, seed %lu\n",
	       program, total, PAIRS, most << (PAGE_SHIFT - 10), seed);
	return 0;
}
