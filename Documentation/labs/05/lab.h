/* SPDX-License-Identifier: MIT */
/*
 * Exercise 05: first fit on an arena of 100 bytes.
 *
 * The arena is cut into spans. They are in a list in the order of their
 * addresses, and leave no gap: a span starts where the one before it ends.
 *
 *	arena.first -> [0,16) used -> [16,32) free -> [32,52) used -> ...
 *
 * You write arena_alloc(), arena_free() and arena_largest().
 */
#ifndef LAB_05_H
#define LAB_05_H

#include "begin.h"

struct span {
	size_t start, size;		/* bytes */
	bool free;
	struct span *prev, *next;	/* neighbours, by address */
};

struct arena {
	size_t size;
	struct span *first;
};

/* A span that is on no list, with nothing in it; and the end of one. */
struct span *span_new(void);
void span_delete(struct span *span);

/**
 * arena_alloc() - take the first free span that is large enough
 * @arena: the arena.
 * @size: bytes, at least 1.
 *
 * What is left of the span stays behind as a free span, if anything is left.
 *
 * Return: where the allocation starts; -1 if no span is large enough.
 */
long arena_alloc(struct arena *arena, size_t size);

/**
 * arena_free() - free what arena_alloc() returned, and merge it with its
 *                free neighbours
 *
 * Return: 0; -1, with nothing changed, if nothing that is used starts there.
 */
int arena_free(struct arena *arena, long start);

/** arena_largest() - the size of the largest free span, or 0 */
size_t arena_largest(const struct arena *arena);

#endif /* LAB_05_H */
