// SPDX-License-Identifier: MIT
/*
 * Checks exercise 04, by the plainest way there is: try every size.
 */
#include "check.h"
#include "lab.h"

#include <sys/types.h>

#define MAX_CLASSES 64

static struct table {
	size_t size[MAX_CLASSES];
	unsigned int nr;
	size_t request;
} *table;

/* Each class with the sizes it serves; the request that failed marked. */
static void draw(void)
{
	size_t below = 0;
	unsigned int i;

	for (i = 0; i < table->nr; i++) {
		check_print("      class %2u  %5zu bytes, for %zu to %zu%s\n", i,
			    table->size[i], below + 1, table->size[i],
			    table->request > below &&
			    table->request <= table->size[i] ?
			    "	<-- the request" : "");
		below = table->size[i];
	}
}

/* The kernel's ladder, powers of two, and what libkmm's shim uses. */
static void use_ladder(unsigned int steps)
{
	size_t size, step;

	check_new_sequence();
	table->nr = 0;
	table->request = 0;
	for (size = 16; size < 4096; size *= 2)
		for (step = 0; step < steps; step++)
			table->size[table->nr++] = size + size * step / steps;
	table->size[table->nr++] = size;
}

static void use_kernel(void)
{
	static const size_t sizes[] = { 8, 16, 32, 64, 96, 128, 192, 256, 512,
					1024, 2048, 4096, 8192 };

	check_new_sequence();
	table->request = 0;
	for (table->nr = 0; table->nr < ARRAY_SIZE(sizes); table->nr++)
		table->size[table->nr] = sizes[table->nr];
}

static void try_order(size_t size, unsigned int expected)
{
	unsigned int got;

	check_call("get_order(%zu)", size);
	got = get_order(size);
	check_return(" = %u", got);
	if (got < expected)
		check_fail("A block holds what was asked for.",
			   "%u\n%u, a block of %zu bytes: too small", expected,
			   got, PAGE_SIZE << got);
	if (got > expected)
		check_fail("No smaller block would do.",
			   "%u, a block of %zu pages\n%u", expected,
			   (size_t)1 << expected, got);
}

static int expected_index(size_t size)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (table->size[i] >= size)
			return (int)i;
	return -1;
}

static void try_index(size_t size)
{
	int got, expected = expected_index(size);

	table->request = size;
	check_call("size_index(table, %u, %zu)", table->nr, size);
	got = size_index(table->size, table->nr, size);
	check_return(" = %d", got);
	if (got == expected)
		return;
	if (expected < 0)
		check_fail("What no class holds has no class.",
			   "-1, since the largest class has %zu bytes\n%d",
			   table->size[table->nr - 1], got);
	if (got < 0 || (unsigned int)got >= table->nr)
		check_fail("A size up to the largest class has a class.",
			   "%d, the class of %zu bytes\n%d", expected,
			   table->size[expected], got);
	if (table->size[got] < size)
		check_fail("A class is at least as large as the request.",
			   "%d, the class of %zu bytes\n%d, the class of %zu bytes: too small",
			   expected, table->size[expected], got,
			   table->size[got]);
	check_fail("The smallest class that is large enough: one that fits exactly is large enough.",
		   "%d, the class of %zu bytes\n%d, the class of %zu bytes",
		   expected, table->size[expected], got, table->size[got]);
}

static void try_unused(size_t size)
{
	size_t got, expected = table->size[expected_index(size)] - size;

	table->request = size;
	check_call("unused(table, %u, %zu)", table->nr, size);
	got = unused(table->size, table->nr, size);
	check_return(" = %zu", got);
	if (got > table->size[table->nr - 1])
		check_fail("Nothing unused is 0: a size_t that falls below 0 becomes very large.",
			   "%zu\n%zu, which is %zd", expected, got,
			   (ssize_t)got);
	if (got != expected)
		check_fail("Unused is what the class has and the request does not want.",
			   "%zu\n%zu", expected, got);
}

static void try_worst(void)
{
	size_t size, worst_size = 0;
	unsigned int expected = 0, percent, got;

	for (size = table->size[0] + 1; size <= table->size[table->nr - 1]; size++) {
		size_t class = table->size[expected_index(size)];

		percent = (unsigned int)(100 * (class - size) / class);
		if (percent > expected) {
			expected = percent;
			worst_size = size;
		}
	}
	table->request = worst_size;
	check_call("worst_percent(table, %u)", table->nr);
	got = worst_percent(table->size, table->nr);
	check_return(" = %u", got);
	if (got != expected)
		check_fail("The worst request of a class is the smallest one that it serves.",
			   "%u, for a request of %zu bytes in a class of %zu\n%u",
			   expected, worst_size,
			   table->size[expected_index(worst_size)], got);
}

static void orders(void)
{
	size_t size;
	unsigned int order;

	table->nr = 0;
	try_order(1, 0);
	try_order(4096, 0);
	try_order(4097, 1);
	try_order(3 * 4096, 2);
	for (size = 1; size < 70000; size++) {
		for (order = 0; PAGE_SIZE << order < size;)
			order++;
		check_new_sequence();
		try_order(size, order);
	}
}

static void orders_of_the_largest(void)
{
	check_new_sequence();
	try_order((size_t)1 << 40, 28);
	try_order(((size_t)1 << 40) + 1, 29);
	try_order(SIZE_MAX, 8 * sizeof(size_t) - PAGE_SHIFT);
}

static void classes(void)
{
	size_t size;

	use_kernel();
	try_index(96);
	try_index(97);
	for (size = 1; size <= 8200; size++)
		try_index(size);
	try_index(SIZE_MAX);
	use_ladder(4);
	for (size = 1; size <= 4100; size++)
		try_index(size);
}

static void fragmentation(void)
{
	size_t size;

	use_kernel();
	try_unused(96);
	try_unused(97);
	for (size = 1; size <= 8192; size++)
		try_unused(size);
}

static void worst(void)
{
	use_ladder(1);
	try_worst();
	use_ladder(2);
	try_worst();
	use_ladder(4);
	try_worst();
	use_kernel();
	try_worst();
}

static void random_tables(void)
{
	unsigned int round, i;
	size_t size;

	for (round = 0; round < 200; round++) {
		check_new_sequence();
		table->nr = 2 + check_random(10);
		for (size = 0, i = 0; i < table->nr; i++)
			table->size[i] = size += 8 * (1 + check_random(40));
		for (i = 0; i < 20; i++) {
			try_index(1 + check_random((unsigned int)size + 50));
			try_unused(1 + check_random((unsigned int)size));
		}
		try_worst();
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "orders", orders, NULL },
		{ "orders of the largest sizes", orders_of_the_largest, NULL },
		{ "classes", classes, draw },
		{ "internal fragmentation", fragmentation, draw },
		{ "the worst of a table", worst, draw },
		{ "random tables", random_tables, draw },
	};

	table = check_shared(sizeof(*table));
	return check_run("Exercise 04: orders and size classes", cases,
			 ARRAY_SIZE(cases));
}
