/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of a block for the search for leaks: for kmemleak.c, and
 * for the searcher, which reads it from outside (see lib/anchor.c).
 */
#ifndef MM_KMEMLEAK_H
#define MM_KMEMLEAK_H

#include "../lib/stackdepot.h"
#include "../lib/treap.h"

enum kmemleak_flags {
	KMEMLEAK_NOT_LEAK = 1,	/* grey: searched, not reported */
	KMEMLEAK_IGNORE = 2,	/* black: neither */
	KMEMLEAK_NO_SCAN = 4,
	KMEMLEAK_FOREIGN = 8,	/* kmemleak_alloc(): not a block of ours */
	KMEMLEAK_AREA = 16,	/* a part of a block that is to be searched */
};

struct kmemleak_object {
	struct treap_node node;	/* key: first byte */
	u64 size;		/* of a foreign block or an area, else 0 */
	u32 flags;		/* KMEMLEAK_* */
	s32 min_count;		/* of a foreign block */
	depot_stack_handle_t handle;	/* who told of a foreign block */
	u32 unused;
};

/* Pages of records; the first word of each leads to the next. */
#define KMEMLEAK_CHUNK_BYTES (64UL << 10)

struct kmemleak {
	struct treap objects;	/* blocks */
	struct treap areas;
	unsigned long nr_objects;	/* in both; read without the lock */
	void *chunks;
};

/* What is written to leak_fd at exit, by each heap of the process. */
struct kmemleak_end {
	u64 anchor;
	s32 pid;
	u32 unused;
};

extern __hidden struct kmemleak kmemleak;

int kmemleak_init(void);

#endif /* MM_KMEMLEAK_H */
