// SPDX-License-Identifier: MIT
/*
 * What the course interface promises and its example does not need:
 * destructors, refused arguments, errors, buffers of all sizes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slab.h"

#define EXPECT(condition)						\
	do {								\
		if (!(condition)) {					\
			printf("line %d: not so: %s\n", __LINE__,	\
			       #condition);				\
			exit(1);					\
		}							\
	} while (0)

#define OBJECTS 100

static int constructed, destructed;

static void construct(void *object)
{
	constructed++;
	memset(object, 1, 40);
}

static void destruct(void *object)
{
	EXPECT(((char *)object)[39] == 1);
	destructed++;
}

static void destructors(void)
{
	kmem_cache_t *cache = kmem_cache_create("with both", 40, construct,
						destruct);
	void *objects[OBJECTS];
	int round, i;

	EXPECT(cache);
	for (round = 1; round <= 2; round++) {
		for (i = 0; i < OBJECTS; i++) {
			objects[i] = kmem_cache_alloc(cache);
			EXPECT(objects[i] && ((char *)objects[i])[0] == 1);
		}
		for (i = 0; i < OBJECTS; i++)
			kmem_cache_free(cache, objects[i]);
		EXPECT(constructed == round * OBJECTS);
		EXPECT(destructed == round * OBJECTS);
	}
	EXPECT(kmem_cache_shrink(cache) > 0);
	EXPECT(kmem_cache_shrink(cache) == 0);
	kmem_cache_destroy(cache);
}

static void errors(void)
{
	kmem_cache_t *cache = kmem_cache_create("errors", 100, NULL, NULL);
	kmem_cache_t *twin = kmem_cache_create("errors", 100, NULL, NULL);
	void *object;

	EXPECT(cache && twin);
	EXPECT(kmem_cache_error(cache) == COURSE_OK);
	kmem_cache_free(cache, NULL);
	EXPECT(kmem_cache_error(cache) == COURSE_BAD_POINTER);
	EXPECT(kmem_cache_error(twin) == COURSE_OK);
	object = kmem_cache_alloc(cache);
	kmem_cache_destroy(cache);
	EXPECT(kmem_cache_error(cache) == COURSE_BUSY);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(twin);
	EXPECT(!kmem_cache_create(NULL, 8, NULL, NULL));
	EXPECT(!kmem_cache_create("no bytes", 0, NULL, NULL));
	EXPECT(!kmem_cache_alloc(NULL));
	kmem_cache_destroy(NULL);
}

static void buffers(void)
{
	char *p[18];
	int i;

	for (i = 5; i <= 17; i++) {
		p[i] = kmalloc((size_t)1 << i);
		EXPECT(p[i]);
		memset(p[i], i, (size_t)1 << i);
	}
	for (i = 5; i <= 17; i++) {
		EXPECT(p[i][((size_t)1 << i) - 1] == i);
		kfree(p[i]);
	}
	kfree(NULL);
}

int main(void)
{
	kmem_init(NULL, 0);
	destructors();
	errors();
	buffers();
	printf("course interface: ok\n");
	return 0;
}
