/* SPDX-License-Identifier: MIT */
/*
 * A heap at one moment, in as much detail as a picture has: the blocks of
 * pages, what is on which list, and which objects of a slab are in use.
 *
 * Unlike a struct view, a snapshot is of one moment (the process is stopped
 * while it is taken), needs nothing of the process any more, and is bounded:
 * of more than SNAPSHOT_MAX_PAGES pages, whole pageblocks are described, and a
 * few slabs of each cache.
 */
#ifndef TOOLS_KMM_SNAPSHOT_H
#define TOOLS_KMM_SNAPSHOT_H

#include "view.h"

#define SNAPSHOT_MAX_PAGES 32768	/* 128 MiB of 4 KiB pages */

/* What a page can be. Letters and order are those of web/view_heap.js. */
enum snapshot_kind {
	SNAPSHOT_FREE,		/* on a free list, somebody has used it */
	SNAPSHOT_ZERO,		/* the same, reads as zero: fresh or reported */
	SNAPSHOT_PCP,
	SNAPSHOT_SLAB,
	SNAPSHOT_LARGE,
	SNAPSHOT_PAGES,
	SNAPSHOT_OTHER,
	NR_SNAPSHOT_KINDS
};

struct snapshot_block {
	uint64_t address;
	enum snapshot_kind kind;
	unsigned int order;	/* not of large ones */
	uint32_t nr_pages;
	uint32_t cache;		/* of a slab: in the table of the series */
	uint16_t inuse, objects;
	uint8_t *state;		/* enum view_object_state of each; NULL: unknown */
};

struct snapshot_pageblock {
	uint32_t nr[NR_SNAPSHOT_KINDS];	/* pages */
};

struct snapshot_range {
	uint64_t start;		/* address */
	uint64_t nr_pages;
	size_t first, nr;	/* of blocks, or of pageblocks */
};

struct snapshot_sheaves {
	uint32_t cache, cpu;
	uint32_t main, main_capacity, spare, spare_capacity;
};

struct snapshot_cache {		/* of one sample */
	uint32_t cache;
	unsigned long nr_slabs, nr_partial, nr_objects, active, in_sheaves;
	unsigned long in_barn, barn_full, barn_empty;
};

struct snapshot {
	uint64_t time, pause;	/* ns; since the first, and that it took */
	uint64_t rss;		/* 0: not known */
	struct view_memory memory;
	bool whole;		/* pageblocks; blocks are those few slabs */
	struct snapshot_range *ranges;
	size_t nr_ranges;
	struct snapshot_block *blocks;
	size_t nr_blocks, max_blocks;
	struct snapshot_pageblock *pageblocks;
	size_t nr_pageblocks, max_pageblocks;
	unsigned long nr_free[MAX_NR_ZONES][NR_PAGE_ORDERS];
	unsigned long nr_zero[NR_PAGE_ORDERS], nr_pcp[NR_PAGE_ORDERS];
	unsigned long *cpu_pages;	/* on the lists of each CPU */
	unsigned int nr_cpus;
	struct snapshot_sheaves *sheaves;
	size_t nr_sheaves, max_sheaves;
	struct snapshot_cache *caches;
	size_t nr_caches;
};

/* A cache, as it is in all snapshots. */
struct snapshot_name {
	uint64_t address;
	char name[64];
	unsigned int size, object_size, pad, order, objects, capacity;
};

/* Snapshots of one process, one after the other. */
struct series {
	struct remote *remote;
	char *program;		/* its name; NULL for a core */
	unsigned int page_shift, pageblock_order;
	char zone_names[MAX_NR_ZONES][16];
	struct snapshot_name *names;
	size_t nr_names, max_names;
	struct snapshot *samples;
	size_t nr_samples;
	size_t max_states;	/* of objects, in one snapshot */
	uint64_t start;
};

/* Up to @max samples, @interval_ms between their starts. It ends before that
 * if the process does, or at SIGINT. A core has one. */
void series_take(struct series *series, struct remote *remote, size_t max,
		 unsigned long interval_ms);
void series_free(struct series *series);

/* The kernel's unusable free index, in thousandths, over the zones together: of
 * the free memory, what is in blocks too small for @order. */
int snapshot_unusable(const struct snapshot *s, unsigned int order);

#endif /* TOOLS_KMM_SNAPSHOT_H */
