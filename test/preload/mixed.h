/* SPDX-License-Identifier: MIT */
/*
 * A mixed workload that notices damage: every call of the malloc family, sizes
 * from a byte to megabytes, in several threads.
 *
 * Each block is filled with a byte that follows from its slot, and is checked
 * before it changes or goes.
 */
#ifndef TEST_MIXED_H
#define TEST_MIXED_H

#include <malloc.h>
#include <pthread.h>

#include "preload.h"

#define MIXED_SLOTS 512

struct mixed_slot {
	unsigned char *p;
	size_t size;
};

static inline size_t mixed_size(uint32_t *seed)
{
	uint32_t r = next_random(seed);

	if (r % 2000 == 0)
		return r % (6u << 20);		/* beyond the largest order */
	if (r % 100 == 0)
		return r % 200000;
	if (r % 10 == 0)
		return r % 9000;
	return r % 600;
}

/* The ends and some bytes between: filling megabytes would be all the work. */
static inline void mixed_fill(struct mixed_slot *slot, int byte)
{
	size_t i;

	for (i = 0; i < slot->size; i += i < 64 ? 1 : 509)
		slot->p[i] = (unsigned char)byte;
}

static inline void mixed_check(const struct mixed_slot *slot, size_t size,
			       int byte)
{
	size_t i;

	for (i = 0; i < size; i += i < 64 ? 1 : 509)
		CHECK(slot->p[i] == (unsigned char)byte);
}

static inline void mixed_round(struct mixed_slot *slot, int byte,
			       uint32_t *seed)
{
	size_t size = mixed_size(seed), i;
	void *p = NULL;

	if (slot->p && next_random(seed) % 3 == 0) {
		mixed_check(slot, slot->size, byte);
		p = realloc(slot->p, size ? size : 1);
		CHECK(p);
		slot->p = p;
		mixed_check(slot, size < slot->size ? size : slot->size, byte);
		slot->size = size;
		mixed_fill(slot, byte);
		return;
	}
	if (slot->p)
		mixed_check(slot, slot->size, byte);
	free(slot->p);
	slot->size = size;
	switch (next_random(seed) % 8) {
	case 0:
		p = calloc(1, size);
		CHECK(p);
		for (i = 0; i < size; i += i < 64 ? 1 : 509)
			CHECK(((unsigned char *)p)[i] == 0);
		break;
	case 1:
		CHECK(!posix_memalign(&p, 16ul << next_random(seed) % 9, size));
		break;
	default:
		p = malloc(size);
	}
	CHECK(p && malloc_usable_size(p) >= size);
	slot->p = p;
	mixed_fill(slot, byte);
}

static inline void *mixed_thread(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg + 2463534242u;
	struct mixed_slot *slots = calloc(MIXED_SLOTS, sizeof(*slots));
	size_t i;
	int round;

	CHECK(slots);
	for (round = 0; round < 60000; round++) {
		i = next_random(&seed) % MIXED_SLOTS;
		mixed_round(&slots[i], (int)(i * 7), &seed);
	}
	for (i = 0; i < MIXED_SLOTS; i++) {
		if (slots[i].p)
			mixed_check(&slots[i], slots[i].size, (int)(i * 7));
		free(slots[i].p);
	}
	free(slots);
	return NULL;
}

/* @nr_threads besides the caller, where the host lets threads be made. */
static inline void mixed_workload(int nr_threads)
{
	pthread_t thread[8];
	uintptr_t i;
	int started = 0;

	while (started < nr_threads &&
	       !pthread_create(&thread[started], NULL, mixed_thread,
			       (void *)(uintptr_t)(started + 1)))
		started++;
	mixed_thread(NULL);
	for (i = 0; i < (uintptr_t)started; i++)
		CHECK(!pthread_join(thread[i], NULL));
	malloc_trim(0);
}

#endif /* TEST_MIXED_H */
