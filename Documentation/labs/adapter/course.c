// SPDX-License-Identifier: MIT
/*
 * A course's slab interface on libkmm; see course.h.
 *
 * Each cache counts its live objects itself: the kernel's slabinfo counts what
 * lies in a sheaf as handed out, and a course asks what its program has.
 *
 * Context: all functions may be called by any thread at any time, but for
 * course_init() and the end of a cache.
 */
#define COURSE_IMPLEMENTATION
#include "course.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/slab.h>

#define NAME_SIZE 40

struct kmem_cache_s {
	struct kmem_cache *cache;
	size_t size;
	void (*ctor)(void *object);	/* only beside dtor: at each call */
	void (*dtor)(void *object);
	char name[NAME_SIZE];		/* as the course knows it */
	char row[NAME_SIZE];		/* the same, and a number: its row's name */
	atomic_long live;
	atomic_int error;
};

/* A row of slabinfo. */
struct row {
	unsigned long objects, slabs;
	unsigned int per_slab, pages;
};

static const char *const messages[] = {
	[COURSE_OK] = "no error",
	[COURSE_NO_MEMORY] = "there is no memory for an object",
	[COURSE_BAD_POINTER] = "NULL is no object",
	[COURSE_BUSY] = "it has objects that are handed out, and cannot be destroyed",
};

void course_init(void *space, int block_num)
{
	(void)space;
	(void)block_num;
	/* -EBUSY: something allocated before; the library runs. */
	kmm_boot(NULL);
}

static void describe(struct kmem_cache_s *c, const char *name)
{
	static atomic_uint number;

	snprintf(c->name, sizeof(c->name), "%s", name);
	/* Blanks separate the columns of slabinfo. */
	snprintf(c->row, sizeof(c->row), "course-%u", ++number);
}

kmem_cache_t *course_cache_create(const char *name, size_t size,
				  void (*ctor)(void *object),
				  void (*dtor)(void *object))
{
	struct kmem_cache_args args = { .ctor = dtor ? NULL : ctor };
	struct kmem_cache_s *c;

	if (!name || !size || size > KMALLOC_MAX_SIZE)
		return NULL;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	describe(c, name);
	c->size = size;
	c->ctor = dtor ? ctor : NULL;
	c->dtor = dtor;
	c->cache = kmem_cache_create(c->row, (unsigned int)size, &args,
				     SLAB_NO_MERGE);
	if (!c->cache) {
		kfree(c);
		return NULL;
	}
	return c;
}

void *course_cache_alloc(kmem_cache_t *c)
{
	void *object;

	if (!c)
		return NULL;
	object = kmem_cache_alloc(c->cache, GFP_KERNEL);
	if (!object) {
		c->error = COURSE_NO_MEMORY;
		return NULL;
	}
	c->live++;
	if (c->ctor)
		c->ctor(object);
	return object;
}

void course_cache_free(kmem_cache_t *c, void *object)
{
	if (!c)
		return;
	if (!object) {
		c->error = COURSE_BAD_POINTER;
		return;
	}
	if (c->dtor)
		c->dtor(object);
	c->live--;
	kmem_cache_free(c->cache, object);
}

void *course_kmalloc(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

void course_kfree(const void *p)
{
	kfree(p);
}

/* Reads the cache's row out of the library's report; zeroes without one. */
static struct row read_row(const struct kmem_cache_s *c)
{
	FILE *report = tmpfile();
	struct row row = { 0 };
	char line[512], name[64];
	const char *slabs;

	if (!report)
		return row;
	if (!kmm_show("slabinfo", fileno(report))) {
		rewind(report);
		while (fgets(line, sizeof(line), report)) {
			if (sscanf(line, "%63s %*u %lu %*u %u %u", name,
				   &row.objects, &row.per_slab,
				   &row.pages) == 4 && !strcmp(name, c->row)) {
				slabs = strstr(line, "slabdata");
				if (slabs)
					sscanf(slabs, "slabdata %*u %lu",
					       &row.slabs);
				fclose(report);
				return row;
			}
		}
	}
	fclose(report);
	return (struct row){ 0 };
}

int course_cache_shrink(kmem_cache_t *c)
{
	struct row before, after;

	if (!c)
		return 0;
	before = read_row(c);
	kmem_cache_shrink(c->cache);
	after = read_row(c);
	if (after.slabs >= before.slabs)
		return 0;
	return (int)((before.slabs - after.slabs) * before.pages);
}

void course_cache_destroy(kmem_cache_t *c)
{
	if (!c)
		return;
	if (c->live) {
		c->error = COURSE_BUSY;
		return;
	}
	kmem_cache_destroy(c->cache);
	kfree(c);
}

void course_cache_info(kmem_cache_t *c)
{
	struct row row;
	long live;

	if (!c)
		return;
	row = read_row(c);
	live = c->live;
	/* One call, so that the lines of two threads do not mix. */
	printf("cache %s\n"
	       "  object size       %zu bytes\n"
	       "  cache size        %lu blocks\n"
	       "  slabs             %lu\n"
	       "  objects per slab  %u\n"
	       "  in use            %ld of %lu objects, %.1f %%\n",
	       c->name, c->size, row.slabs * row.pages, row.slabs,
	       row.per_slab, live, row.objects,
	       row.objects ? 100.0 * (double)live / (double)row.objects : 0.0);
}

int course_cache_error(kmem_cache_t *c)
{
	int error;

	if (!c)
		return COURSE_OK;
	error = c->error;
	printf("cache %s: %s\n", c->name, messages[error]);
	return error;
}
