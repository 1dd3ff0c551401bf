// SPDX-License-Identifier: MIT
/*
 * Exercise 05: first fit on an arena of 100 bytes. Reference solution.
 */
#include "lab.h"

/* Puts what is behind the first @size bytes of @span into a span of its own. */
static void split(struct span *span, size_t size)
{
	struct span *rest = span_new();

	rest->start = span->start + size;
	rest->size = span->size - size;
	rest->free = true;
	rest->prev = span;
	rest->next = span->next;
	if (rest->next)
		rest->next->prev = rest;
	span->next = rest;
	span->size = size;
}

/* Makes @span and the one behind it one. */
static void swallow_next(struct span *span)
{
	struct span *next = span->next;

	span->size += next->size;
	span->next = next->next;
	if (span->next)
		span->next->prev = span;
	span_delete(next);
}

long arena_alloc(struct arena *arena, size_t size)
{
	struct span *span;

	for (span = arena->first; span; span = span->next)
		if (span->free && span->size >= size)
			break;
	if (!span)
		return -1;
	if (span->size > size)
		split(span, size);
	span->free = false;
	return (long)span->start;
}

int arena_free(struct arena *arena, long start)
{
	struct span *span;

	for (span = arena->first; span; span = span->next)
		if ((long)span->start == start)
			break;
	if (!span || span->free)
		return -1;
	span->free = true;
	if (span->next && span->next->free)
		swallow_next(span);
	if (span->prev && span->prev->free)
		swallow_next(span->prev);
	return 0;
}

size_t arena_largest(const struct arena *arena)
{
	const struct span *span;
	size_t largest = 0;

	for (span = arena->first; span; span = span->next)
		if (span->free && span->size > largest)
			largest = span->size;
	return largest;
}
