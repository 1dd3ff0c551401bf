/* SPDX-License-Identifier: MIT */
/*
 * The arena of the strategies, for those who look at it: arena.c writes it as
 * text, state_json.c as JSON.
 */
#ifndef TOOLS_LAB_ARENA_H
#define TOOLS_LAB_ARENA_H

#include "strategy.h"

#define ARENA_MAX_NAMES 4096

struct arena {
	struct heap *heap;
	/* By lab_name_index(); NULL: free. */
	struct block *names[ARENA_MAX_NAMES];
	unsigned int nr_names;
	unsigned int thread;		/* that acts */
};
extern struct arena arena;

/* Bytes; inside: of used blocks, that nobody asked for. */
struct arena_sums {
	size_t free, largest, inside;
	unsigned long nr_free;
};

struct arena_sums arena_sum_up(void);
/* For lab_name(); -1: it has none. */
int arena_name_of(const struct block *block);

#endif /* TOOLS_LAB_ARENA_H */
