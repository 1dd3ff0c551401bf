// SPDX-License-Identifier: MIT
/*
 * Checks exercise 06. The page lies between two others that must not change,
 * and is full of garbage before it is carved: a link that nobody writes is seen.
 */
#include "check.h"
#include "lab.h"

#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define GARBAGE 0xa5
#define MAX_OBJECTS (PAGE_SIZE / sizeof(void *))

static struct model {
	struct slab slab;
	size_t size, align, stride;
	unsigned int nr, colours, colour;
	/* What slab_take() has to give, the next one last. */
	void *free[MAX_OBJECTS];
	unsigned int nr_free;
	/* What is handed out. */
	void *taken[MAX_OBJECTS];
	unsigned int nr_taken;
} *model;
static char *pages;

static void draw(void)
{
	size_t first = model->colour * model->align;
	size_t end = first + model->nr * model->stride;

	check_print("      objects of %zu bytes aligned to %zu\n", model->size,
		    model->align);
	check_print("      |%zu colour|%u x %zu bytes|%zu left over|  of %lu\n",
		    first, model->nr, model->stride, PAGE_SIZE - end,
		    PAGE_SIZE);
	check_print("      %u free, %u handed out\n", model->nr_free,
		    model->nr_taken);
}

static void *object(unsigned int i)
{
	return model->slab.page + model->colour * model->align +
	       i * model->stride;
}

static void check_neighbours(void)
{
	size_t i;

	for (i = 0; i < 3 * PAGE_SIZE; i++)
		if ((i < PAGE_SIZE || i >= 2 * PAGE_SIZE) &&
		    (unsigned char)pages[i] != GARBAGE)
			check_fail("A slab writes to its own page only.",
				   "the bytes around the page as they were\nbyte %zd of the page was written (it has bytes 0 to %lu)",
				   (ssize_t)i - (ssize_t)PAGE_SIZE,
				   PAGE_SIZE - 1);
}

static void try_numbers(size_t size, size_t align)
{
	size_t stride;
	unsigned int got;

	check_new_sequence();
	memset(model, 0, sizeof(*model));
	model->slab.page = pages + PAGE_SIZE;
	model->size = size;
	model->align = align;
	while (model->stride < size || model->stride < sizeof(void *))
		model->stride += align;
	model->nr = (unsigned int)(PAGE_SIZE / model->stride);
	while (model->colours * align + model->nr * model->stride <= PAGE_SIZE)
		model->colours++;
	check_call("object_stride(%zu, %zu)", size, align);
	stride = object_stride(size, align);
	check_return(" = %zu", stride);
	if (stride < sizeof(void *))
		check_fail("A free object holds a link, so it has room for a pointer.",
			   "%zu\n%zu, less than a pointer", model->stride,
			   stride);
	if (stride % align)
		check_fail("All objects are aligned if the distance between them is a multiple of the alignment.",
			   "%zu\n%zu, which is no multiple of %zu",
			   model->stride, stride, align);
	if (stride != model->stride)
		check_fail("The stride is the smallest multiple of the alignment that holds the object.",
			   "%zu\n%zu", model->stride, stride);
	check_call("objects_per_slab(%zu, %zu)", size, align);
	got = objects_per_slab(size, align);
	check_return(" = %u", got);
	if (got != model->nr)
		check_fail("A page holds as many objects as strides fit into it.",
			   "%u, since %u strides are %zu bytes of %lu\n%u",
			   model->nr, model->nr, model->nr * model->stride,
			   PAGE_SIZE, got);
	check_call("nr_colours(%zu, %zu)", size, align);
	got = nr_colours(size, align);
	check_return(" = %u", got);
	if (got != model->colours)
		check_fail("Colours move the objects into what is left over: 0, align, 2 * align, ... as long as all objects fit.",
			   "%u, since %zu bytes are left over\n%u",
			   model->colours,
			   PAGE_SIZE - model->nr * model->stride, got);
}

/* Follows the links of a slab that has just been carved. */
static void check_freelist(void)
{
	void *p = model->slab.freelist;
	unsigned int i;

	for (i = 0; i < model->nr; i++, memcpy(&p, p, sizeof(p))) {
		if (p == object(i))
			continue;
		if (!p)
			check_fail("The freelist holds all objects.",
				   "%u objects\nit ends after %u", model->nr, i);
		if (!i)
			check_fail("The first object starts at colour * align.",
				   "freelist at byte %zu of the page\nat byte %zd",
				   model->colour * model->align,
				   (char *)p - model->slab.page);
		check_fail("Objects follow each other at the distance of one stride, linked in that order.",
			   "object %u at byte %zd of the page\na link to byte %zd",
			   i, (char *)object(i) - model->slab.page,
			   (char *)p - model->slab.page);
	}
	if (p)
		check_fail("The last object's link is NULL.",
			   "NULL after %u objects\n%p", model->nr, p);
}

static void try_carve(unsigned int colour)
{
	unsigned int i;

	memset(pages, GARBAGE, 3 * PAGE_SIZE);
	model->colour = colour;
	/* Garbage as well. */
	model->slab.freelist = pages;
	model->slab.inuse = 12345;
	check_call("slab_carve(slab, %zu, %zu, %u)", model->size, model->align,
		   colour);
	slab_carve(&model->slab, model->size, model->align, colour);
	check_return(" ");
	check_neighbours();
	if (model->slab.inuse)
		check_fail("Of a new slab nothing is handed out.",
			   "inuse 0\n%u", model->slab.inuse);
	check_freelist();
	model->nr_taken = 0;
	model->nr_free = model->nr;
	for (i = 0; i < model->nr; i++)
		model->free[i] = object(model->nr - 1 - i);
}

static void check_inuse(void)
{
	if (model->slab.inuse != model->nr_taken)
		check_fail("inuse counts what is handed out.", "%u\n%u",
			   model->nr_taken, model->slab.inuse);
	check_neighbours();
}

static void try_take(void)
{
	void *got, *expected = model->nr_free ?
		model->free[model->nr_free - 1] : NULL;

	check_call("slab_take(slab)");
	got = slab_take(&model->slab);
	if (!got)
		check_return(" = NULL");
	else
		check_return(" = page + %zd", (char *)got - model->slab.page);
	if (got != expected && !expected)
		check_fail("A slab without a free object gives none.",
			   "NULL\n%p", got);
	if (got != expected && !got)
		check_fail("A slab gives objects as long as it has some, the last one too.",
			   "page + %zd\nNULL, with %u objects free",
			   (char *)expected - model->slab.page,
			   model->nr_free);
	if (got != expected)
		check_fail("Last in, first out: what was put last is still in the CPU's cache.",
			   "page + %zd\npage + %zd",
			   (char *)expected - model->slab.page,
			   (char *)got - model->slab.page);
	if (got) {
		model->nr_free--;
		model->taken[model->nr_taken++] = got;
		/* The user's bytes: no link is left. */
		memset(got, 0x3c, model->size);
	}
	check_inuse();
}

static void try_put(unsigned int i)
{
	void *p = model->taken[i];

	check_call("slab_put(slab, page + %zd)", (char *)p - model->slab.page);
	slab_put(&model->slab, p);
	check_return(" ");
	model->taken[i] = model->taken[--model->nr_taken];
	model->free[model->nr_free++] = p;
	check_inuse();
}

static void numbers(void)
{
	static const size_t aligns[] = { 8, 16, 64 };
	size_t size;
	unsigned int i;

	try_numbers(24, 8);
	try_numbers(100, 8);
	try_numbers(4, 8);
	try_numbers(100, 64);
	for (i = 0; i < ARRAY_SIZE(aligns); i++)
		for (size = 1; size <= PAGE_SIZE; size++)
			try_numbers(size, aligns[i]);
}

static void carve(void)
{
	try_numbers(1024, 8);
	try_carve(0);
	try_numbers(100, 8);
	try_carve(0);
	try_numbers(4, 8);
	try_carve(0);
	try_numbers(PAGE_SIZE, 64);
	try_carve(0);
}

static void colours(void)
{
	unsigned int colour;

	try_numbers(100, 8);
	for (colour = 0; colour < model->colours; colour++)
		try_carve(colour);
	try_numbers(500, 64);
	for (colour = 0; colour < model->colours; colour++)
		try_carve(colour);
}

static void take_all(void)
{
	unsigned int i;

	try_numbers(1000, 8);
	try_carve(1);
	for (i = 0; i < model->nr + 2; i++)
		try_take();
	try_put(2);
	try_put(0);
	try_take();
	try_take();
	try_take();
}

static void random_slabs(void)
{
	unsigned int round, step;

	for (round = 0; round < 100; round++) {
		try_numbers(1 + check_random(600), 8UL << check_random(4));
		try_carve(check_random(model->colours));
		for (step = 0; step < 200; step++)
			if (model->nr_taken && check_random(2))
				try_put(check_random(model->nr_taken));
			else
				try_take();
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "strides, numbers of objects, colours", numbers, draw },
		{ "carve a page", carve, draw },
		{ "all colours", colours, draw },
		{ "take all, put some", take_all, draw },
		{ "random slabs", random_slabs, draw },
	};
	char *p = check_shared(4 * PAGE_SIZE);

	pages = (char *)(((uintptr_t)p + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
	model = check_shared(sizeof(*model));
	return check_run("Exercise 06: carve a page into objects", cases,
			 ARRAY_SIZE(cases));
}
