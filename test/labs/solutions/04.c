// SPDX-License-Identifier: MIT
/*
 * Exercise 04: orders and size classes. Reference solution.
 *
 * (size - 1) >> PAGE_SHIFT is the number of the last page that is needed; it
 * cannot overflow, as size + PAGE_SIZE - 1 would.
 */
#include "lab.h"

unsigned int get_order(size_t size)
{
	unsigned int order = 0;

	for (size = (size - 1) >> PAGE_SHIFT; size; size >>= 1)
		order++;
	return order;
}

int size_index(const size_t *table, unsigned int nr, size_t size)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (size <= table[i])
			return (int)i;
	return -1;
}

size_t unused(const size_t *table, unsigned int nr, size_t size)
{
	return table[size_index(table, nr, size)] - size;
}

/* Worst is the smallest size of each class: one more than the class below. */
unsigned int worst_percent(const size_t *table, unsigned int nr)
{
	unsigned int worst = 0, percent, i;

	for (i = 1; i < nr; i++) {
		percent = (unsigned int)(100 * (table[i] - table[i - 1] - 1) /
					 table[i]);
		if (percent > worst)
			worst = percent;
	}
	return worst;
}
