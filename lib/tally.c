// SPDX-License-Identifier: MIT
/*
 * Tallies: counters by key, in memory that is only ever added to.
 *
 *	chunks:	[ 512 tallies ][ 1024 ][ 2048 ] ...
 *	index:	hash(key) -> number of the tally + 1, open addressing
 *
 * A key is looked up without a lock. Who does not find it takes the lock and
 * looks again. The index is replaced by one of twice the size when it is half
 * full; the old one stays, since somebody may be reading it. All the old ones
 * together are smaller than the one in use.
 *
 * Invariants:	T1  a slot of an index goes from 0 to its final value, once
 *		T2  what a slot or `nr` tells of is complete: they are written
 *		    with release, after the tally
 * Lock order:	a leaf. Held while memory is taken from the host, which is as
 *		often as the number of keys doubles.
 * Context:	inside the fork gate.
 */
#include "host.h"
#include "tally.h"

struct tally_index {
	u32 mask;
	_Atomic u32 slot[];
};

#define FIRST_SLOTS (2u << TALLY_FIRST_SHIFT)

static u32 hash_key(u64 key0, u64 key1)
{
	u64 hash = key0 * 0x9e3779b97f4a7c15ull;

	hash = (hash ^ (hash >> 32) ^ key1) * 0xd6e8feb86659fd93ull;
	return (u32)(hash >> 32);
}

/* NULL if it is not there; then *@slot is where it belongs. */
static struct tally *find(struct tally_table *table, struct tally_index *index,
			  u64 key0, u64 key1, u32 *slot)
{
	struct tally *tally;
	u32 i, nr;

	for (i = hash_key(key0, key1) & index->mask;; i = (i + 1) & index->mask) {
		/* Acquire: pairs with the release in enter(). */
		nr = atomic_load_explicit(&index->slot[i], memory_order_acquire);
		*slot = i;
		if (!nr)
			return NULL;
		tally = tally_at(table, nr - 1);
		if (tally->key[0] == key0 && tally->key[1] == key1)
			return tally;
	}
}

static void enter(struct tally_table *table, struct tally_index *index,
		  const struct tally *tally)
{
	u32 slot;

	find(table, index, tally->key[0], tally->key[1], &slot);
	/* Release: pairs with the acquire in find(). */
	atomic_store_explicit(&index->slot[slot], tally->index + 1,
			      memory_order_release);
}

static struct tally_index *grow(struct tally_table *table,
				struct tally_index *old, u32 nr)
{
	u32 nr_slots = old ? 2 * (old->mask + 1) : FIRST_SLOTS, i;
	struct tally_index *index;

	index = host_map(sizeof(*index) + nr_slots * sizeof(index->slot[0]));
	if (!index)
		return NULL;
	index->mask = nr_slots - 1;
	for (i = 0; i < nr; i++)
		enter(table, index, tally_at(table, i));
	/* Release: pairs with the acquire in tally_get(). */
	atomic_store_explicit(&table->index, index, memory_order_release);
	return index;
}

/* Memory for number @i. */
static bool make_chunk(struct tally_table *table, u32 i)
{
	u32 j = i + (1u << TALLY_FIRST_SHIFT);
	unsigned int k = ilog2(j) - TALLY_FIRST_SHIFT;
	struct tally *chunk;

	if (k >= TALLY_CHUNKS)
		return false;
	if (atomic_load_explicit(&table->chunks[k], memory_order_relaxed))
		return true;
	chunk = host_map(sizeof(*chunk) << (TALLY_FIRST_SHIFT + k));
	/* Nobody looks at it before a slot or `nr` leads there. */
	atomic_store_explicit(&table->chunks[k], chunk, memory_order_relaxed);
	return chunk != NULL;
}

static struct tally *add(struct tally_table *table, u64 key0, u64 key1)
{
	struct tally_index *index;
	struct tally *tally;
	u32 slot, nr;

	lockdep_assert_held(&table->lock);
	nr = atomic_load_explicit(&table->nr, memory_order_relaxed);
	index = atomic_load_explicit(&table->index, memory_order_relaxed);
	tally = index ? find(table, index, key0, key1, &slot) : NULL;
	if (tally)
		return tally;
	if (!index || nr >= (index->mask + 1) / 2)
		index = grow(table, index, nr);
	if (!index || !make_chunk(table, nr))
		return NULL;
	tally = tally_at(table, nr);
	tally->key[0] = key0;
	tally->key[1] = key1;
	tally->index = nr;
	enter(table, index, tally);
	/* Release: T2. Pairs with the acquire of whoever lists them. */
	atomic_store_explicit(&table->nr, nr + 1, memory_order_release);
	return tally;
}

struct tally *tally_get(struct tally_table *table, u64 key0, u64 key1)
{
	struct tally_index *index;
	struct tally *tally = NULL;
	u32 slot;

	/* Acquire: pairs with the release in grow(). */
	index = atomic_load_explicit(&table->index, memory_order_acquire);
	if (likely(index))
		tally = find(table, index, key0, key1, &slot);
	if (unlikely(!tally)) {
		spin_lock(&table->lock);
		tally = add(table, key0, key1);
		spin_unlock(&table->lock);
	}
	return tally;
}

struct tally_live tally_live(const struct tally *tally)
{
	u64 frees = atomic_load(&tally->nr_frees);
	u64 free_bytes = atomic_load(&tally->free_bytes);
	u64 allocs = atomic_load(&tally->nr_allocs);
	u64 alloc_bytes = atomic_load(&tally->alloc_bytes);

	return (struct tally_live){
		.objects = allocs > frees ? allocs - frees : 0,
		.bytes = alloc_bytes > free_bytes ? alloc_bytes - free_bytes : 0,
	};
}
