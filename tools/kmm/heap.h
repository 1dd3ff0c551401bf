/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a heap, as a list: objects of caches, blocks of pages, vmalloc
 * blocks, with who allocated each where that was written down.
 *
 * For who asks about all blocks at once. What is read is of one moment only if
 * the process is stopped (process.h); else blocks that come or go meanwhile may
 * be missed or seen once too often.
 */
#ifndef TOOLS_KMM_HEAP_H
#define TOOLS_KMM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote.h"

enum block_kind {
	BLOCK_OBJECT,	/* of a cache */
	BLOCK_PAGES,	/* large block of malloc() or kmalloc() */
	BLOCK_VMALLOC,
	BLOCK_FOREIGN,	/* told of by kmemleak_alloc() */
	BLOCK_OWN,	/* the library's own object */
};

struct block {
	uint64_t start;
	uint64_t size;		/* bytes asked for, where known; else usable */
	uint64_t when;		/* ns on the target's monotonic clock; 0: unknown */
	const char *cache;	/* name; NULL: none */
	uint32_t stack;		/* in the stack depot; 0: unknown */
	uint32_t tid;		/* 0: unknown */
	uint16_t kind;
	uint16_t flags;		/* enum kmemleak_flags */
	int32_t min_count;	/* references it takes not to be lost */
};

/* Memory that is the library's own and of no interest to a search. */
struct extent {
	uint64_t start, end;
};

struct heap {
	struct remote *remote;
	struct view *view;	/* has the caches' names; NULL: not up yet */
	struct block *blocks;	/* by start; none overlap */
	size_t nr_blocks;
	struct extent *extents;	/* by start, joined */
	size_t nr_extents;
	struct extent *areas;	/* parts of blocks that alone hold pointers */
	size_t nr_areas;
	bool tracked;		/* at least one block has a stack */
};

struct heap *heap_read(struct remote *remote);
void heap_free(struct heap *heap);

/* The block that holds @address; NULL if none does. */
struct block *heap_find(struct heap *heap, uint64_t address);
bool heap_in_extent(const struct heap *heap, uint64_t address,
		    uint64_t *end);

/* The return addresses of a stack in the target's depot, at most @max; their
 * number. */
unsigned int heap_stack(struct remote *remote, uint32_t handle,
			uint64_t *entries, unsigned int max);

#endif /* TOOLS_KMM_HEAP_H */
