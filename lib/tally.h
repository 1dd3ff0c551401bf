/* SPDX-License-Identifier: MIT */
/*
 * Tallies: allocations and frees, counted by a key of two words.
 *
 * A tally never moves and is never freed, so that counting needs no lock, and a
 * reader outside the process finds all of them:
 *
 *	tally i, for i < table.nr:
 *		j = i + (1 << TALLY_FIRST_SHIFT)
 *		k = floor(log2(j)) - TALLY_FIRST_SHIFT
 *		table.chunks[k] + j - (1 << (TALLY_FIRST_SHIFT + k))
 */
#ifndef LIB_TALLY_H
#define LIB_TALLY_H

#include "bitops.h"
#include "compiler.h"
#include "lock.h"

#define TALLY_FIRST_SHIFT 9	/* log2 of tallies in the first chunk */
#define TALLY_CHUNKS 22

/* The frees first: who copies a tally while it changes rather sees a free too
 * few than more frees than allocations. */
struct tally {
	u64 key[2];		/* constant */
	_Atomic u64 nr_frees;
	_Atomic u64 free_bytes;
	_Atomic u64 nr_allocs;
	_Atomic u64 alloc_bytes;
	u32 index;		/* constant: i above */
	u32 reserved[3];
};

struct tally_index;

struct tally_table {
	_Atomic u32 nr;
	spinlock_t lock;	/* to add one */
	struct tally_index *_Atomic index;
	struct tally *_Atomic chunks[TALLY_CHUNKS];
};

#define TALLY_TABLE_INIT { .lock = SPINLOCK_INIT(LOCK_RANK_PROFILE) }

/* The tally of a key, made if there is none yet; NULL: no memory. */
struct tally *tally_get(struct tally_table *table, u64 key0, u64 key1);

/* Number @i; it must be less than table->nr. */
static inline struct tally *tally_at(struct tally_table *table, u32 i)
{
	u32 j = i + (1u << TALLY_FIRST_SHIFT);
	unsigned int k = ilog2(j) - TALLY_FIRST_SHIFT;

	return atomic_load_explicit(&table->chunks[k], memory_order_relaxed) +
	       (j - (1u << (TALLY_FIRST_SHIFT + k)));
}

static inline void tally_alloc(struct tally *tally, size_t bytes)
{
	atomic_fetch_add_explicit(&tally->nr_allocs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&tally->alloc_bytes, bytes,
				  memory_order_relaxed);
}

static inline void tally_free(struct tally *tally, size_t bytes)
{
	atomic_fetch_add_explicit(&tally->nr_frees, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&tally->free_bytes, bytes,
				  memory_order_relaxed);
}

/* What is allocated and not freed; never negative, also while it changes. */
struct tally_live {
	u64 objects, bytes;
};
struct tally_live tally_live(const struct tally *tally);

#endif /* LIB_TALLY_H */
