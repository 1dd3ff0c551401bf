// SPDX-License-Identifier: MIT
/*
 * A program as it comes with a slab assignment: threads share one cache whose
 * objects have a constructor, and each has one of its own. It knows course.h
 * only, by the name slab.h, and would run on a student's allocator as well.
 *
 * What it checks: an object comes constructed, belongs to one thread at a time,
 * and keeps what was written to it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slab.h"

#define BLOCKS		1000
#define THREADS		5
#define ROUNDS		20
#define OBJECTS		200
#define SHARED_SIZE	7
#define MARK		0xA5

struct worker {
	int id;
	kmem_cache_t *shared;
	pthread_t thread;
};

static atomic_int constructed, errors;

static void construct(void *object)
{
	constructed++;
	memset(object, MARK, SHARED_SIZE);
}

static int is_filled(const void *object, int byte, size_t size)
{
	const unsigned char *p = object;

	while (size--)
		if (*p++ != byte)
			return 0;
	return 1;
}

static void complain(int id, const char *what)
{
	errors++;
	printf("thread %d: %s\n", id, what);
}

/* Objects of the shared cache come constructed, and go back constructed. */
static void use_shared(struct worker *w, void **objects)
{
	int i;

	for (i = 0; i < OBJECTS; i++) {
		objects[i] = kmem_cache_alloc(w->shared);
		if (!objects[i] || !is_filled(objects[i], MARK, SHARED_SIZE))
			complain(w->id, "an object is not constructed");
		memset(objects[i], w->id, SHARED_SIZE);
	}
	for (i = 0; i < OBJECTS; i++) {
		if (!is_filled(objects[i], w->id, SHARED_SIZE))
			complain(w->id, "an object has two owners");
		memset(objects[i], MARK, SHARED_SIZE);
		kmem_cache_free(w->shared, objects[i]);
	}
}

static void use_own(struct worker *w, kmem_cache_t *own, size_t size,
		    void **objects)
{
	int i;

	for (i = 0; i < OBJECTS; i++) {
		objects[i] = kmem_cache_alloc(own);
		memset(objects[i], i, size);
	}
	for (i = 0; i < OBJECTS; i++) {
		if (!is_filled(objects[i], (unsigned char)i, size))
			complain(w->id, "an object was overwritten");
		kmem_cache_free(own, objects[i]);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	size_t size = 16 * (size_t)w->id + 8;
	void **objects = kmalloc(OBJECTS * sizeof(*objects));
	kmem_cache_t *own;
	char name[32];
	int round;

	snprintf(name, sizeof(name), "thread %d", w->id);
	own = kmem_cache_create(name, size, NULL, NULL);
	if (!objects || !own) {
		complain(w->id, "no memory");
		return NULL;
	}
	for (round = 0; round < ROUNDS; round++) {
		use_shared(w, objects);
		use_own(w, own, size, objects);
	}
	kmem_cache_info(own);
	errors += kmem_cache_error(own) != 0;
	kmem_cache_destroy(own);
	kfree(objects);
	return NULL;
}

int main(void)
{
	void *space = malloc((size_t)BLOCKS * BLOCK_SIZE);
	struct worker workers[THREADS];
	kmem_cache_t *shared;
	void *object;
	int i, freed;

	kmem_init(space, BLOCKS);
	shared = kmem_cache_create("shared object", SHARED_SIZE, construct,
				   NULL);
	for (i = 0; i < THREADS; i++) {
		workers[i].id = i + 1;
		workers[i].shared = shared;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);

	/* One object is out: the cache must stay. */
	object = kmem_cache_alloc(shared);
	kmem_cache_destroy(shared);
	errors += kmem_cache_error(shared) == 0;
	kmem_cache_free(shared, object);
	kmem_cache_info(shared);
	freed = kmem_cache_shrink(shared);
	printf("shrunk by %d blocks\n", freed);
	errors += freed <= 0;
	kmem_cache_info(shared);
	kmem_cache_destroy(shared);

	free(space);
	printf("%s, %d errors\n", constructed >= OBJECTS ?
	       "constructed" : "not constructed", errors);
	return errors != 0 || constructed < OBJECTS;
}
