// SPDX-License-Identifier: MIT
/*
 * The stack depot: each stack trace once, for as long as the process lives.
 *
 *	root[hash >> 24] -> record			one stack has that hash
 *			 -> node[hash >> 20 & 15] -> record
 *						  -> node[hash >> 16 & 15] -> ...
 *	record -> record.next				another with all 32 bits
 *
 * A slot of the root or of a node is 0, the handle of a record, or that of a
 * node with DEPOT_NODE set. It goes from 0 to a record, and from a record to a
 * node under which that record is, and never back. Nothing is freed or moved.
 *
 *	pools:	[ record | node | record | ... ][ record ...      ] ...
 *						  ^ next
 *
 * Invariants:	D1  two records differ in their entries: whoever adds one has
 *		    seen that it is missing, and has found no other there since
 *		    (a compare-and-swap of the slot or of `next`)
 *		D2  a handle that a reader can know is that of a complete record
 *		    (release, at that compare-and-swap)
 *		D3  nothing is at or above depot.next
 * Progress:	lock-free. Whoever is interrupted, by a signal handler that
 *		saves a stack or by a fork that forgets its thread, has only
 *		taken bytes that will not be used.
 * Cost:	one cache line per level, and the record. With a million stacks
 *		that is four levels. Until the first stack nothing is allocated;
 *		then the table of pools is mapped, and a pool of 1 MiB when the
 *		last one is full, of which the host gives what is touched.
 * Limit:	DEPOT_NR_POOLS pools, which is 32 GiB.
 * Context:	any.
 * Source:	the interface is that of kernel lib/stackdepot.c, which has a
 *		table of fixed size and a lock. The tree is a hash trie: Bagwell,
 *		Ideal Hash Trees, EPFL, 2001, without its bitmaps.
 * Not here:	taking stacks: backtrace.c.
 */
#include <string.h>

#include "backtrace.h"
#include "host.h"
#include "stackdepot.h"

struct stack_depot stack_depot;

#define DEPOT_NODE (1u << 31)
#define DEPOT_OFFSET_MASK ((1u << DEPOT_OFFSET_BITS) - 1)
#define DEPOT_POOL_SIZE (1ul << DEPOT_POOL_SHIFT)

#define NODE_BITS 4
#define NODE_SLOTS (1u << NODE_BITS)

/* A cache line, but for where the pool happens to be at. */
struct depot_node {
	_Atomic u32 slot[NODE_SLOTS];
};

#define UNITS(size) (((size) + (1u << DEPOT_UNIT_SHIFT) - 1) >> DEPOT_UNIT_SHIFT)

/* Memory -------------------------------------------------------------------- */

/* What *@where points to, mapped if nobody has yet; NULL: no memory. */
static void *map_once(void *_Atomic *where, size_t size)
{
	void *expected = NULL, *p;

	/* Acquire: pairs with the release below. */
	p = atomic_load_explicit(where, memory_order_acquire);
	if (p)
		return p;
	p = host_map(size);
	if (!p)
		return NULL;
	if (atomic_compare_exchange_strong_explicit(where, &expected, p,
						    memory_order_acq_rel,
						    memory_order_acquire))
		return p;
	host_unmap(p, size);
	return expected;
}

static void *_Atomic *depot_pools(void)
{
	return map_once((void *_Atomic *)&stack_depot.pools,
			DEPOT_NR_POOLS * sizeof(void *));
}

/* The memory of a handle that something has been put at. */
static void *depot_memory(u32 handle)
{
	void *_Atomic *pools;
	char *pool;

	/* Acquire: pairs with the release in map_once(). */
	pools = atomic_load_explicit(&stack_depot.pools, memory_order_acquire);
	pool = atomic_load_explicit(&pools[handle >> DEPOT_OFFSET_BITS],
				    memory_order_acquire);
	return pool + ((size_t)(handle & DEPOT_OFFSET_MASK) << DEPOT_UNIT_SHIFT);
}

/* Room for so many units: what is not in the last pool is in the next. */
static u32 place_for(u32 next, u32 units)
{
	/* 0 is no handle. */
	if (!next)
		return 1;
	if ((next & DEPOT_OFFSET_MASK) + units > DEPOT_OFFSET_MASK + 1)
		return (next | DEPOT_OFFSET_MASK) + 1;
	return next;
}

/* A handle and memory that nobody else has; 0 if there is none. */
static u32 depot_alloc(size_t size, void **p)
{
	void *_Atomic *pools = depot_pools();
	u32 units = (u32)UNITS(size), next, handle;

	if (!pools)
		return 0;
	next = atomic_load_explicit(&stack_depot.next, memory_order_relaxed);
	do {
		handle = place_for(next, units);
		if (handle >> DEPOT_OFFSET_BITS >= DEPOT_NR_POOLS - 1 ||
		    !map_once(&pools[handle >> DEPOT_OFFSET_BITS],
			      DEPOT_POOL_SIZE))
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(&stack_depot.next,
			&next, handle + units, memory_order_relaxed,
			memory_order_relaxed));
	*p = depot_memory(handle);
	return handle;
}

/* Records ------------------------------------------------------------------- */

static u32 hash_stack(const unsigned long *entries, unsigned int nr)
{
	u64 hash = nr;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		hash = (hash ^ entries[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return (u32)((hash * 0xd6e8feb86659fd93ull) >> 32);
}

/* A stack that is being saved. @record is made when it is first needed. */
struct saving {
	const unsigned long *entries;
	unsigned int nr;
	u32 hash;
	u32 record;
	u32 node;		/* left over from a compare-and-swap that failed */
};

static bool same_stack(const struct stack_record *record,
		       const struct saving *s)
{
	return record->hash == s->hash && record->nr == s->nr &&
	       !memcmp(record->entries, s->entries,
		       s->nr * sizeof(s->entries[0]));
}

static u32 make_record(struct saving *s)
{
	struct stack_record *record;
	size_t size = s->nr * sizeof(s->entries[0]);
	void *p;

	if (s->record)
		return s->record;
	s->record = depot_alloc(sizeof(*record) + size, &p);
	if (!s->record)
		return 0;
	record = p;
	record->hash = s->hash;
	record->nr = s->nr;
	record->handle = s->record;
	memcpy(record->entries, s->entries, size);
	return s->record;
}

/* Put our record where @slot has 0; true if it is there. */
static bool publish(_Atomic u32 *slot, u32 *found, u32 handle)
{
	/* Release: the record is complete; pairs with each acquire of a slot. */
	if (!atomic_compare_exchange_strong_explicit(slot, found, handle,
						     memory_order_release,
						     memory_order_acquire))
		return false;
	atomic_fetch_add_explicit(&stack_depot.nr_stacks, 1,
				  memory_order_relaxed);
	return true;
}

/* Look at the records that share our hash, from @handle on; add ours. */
static u32 save_in_chain(struct saving *s, u32 handle)
{
	for (;;) {
		struct stack_record *record = depot_memory(handle);
		u32 next;

		if (same_stack(record, s))
			return handle;
		next = atomic_load_explicit(&record->next,
					    memory_order_acquire);
		if (!next && !make_record(s))
			return 0;
		if (!next && publish(&record->next, &next, s->record))
			return s->record;
		handle = next;
	}
}

/* Which slot of a node of that shift. */
static u32 node_index(u32 hash, unsigned int shift)
{
	return hash >> shift & (NODE_SLOTS - 1);
}

/* Two records in one slot: put a node between. False: no memory. */
static bool split_slot(struct saving *s, _Atomic u32 *slot, u32 *found,
		       unsigned int shift)
{
	const struct stack_record *record = depot_memory(*found);
	struct depot_node *node;
	void *p;
	unsigned int i;

	if (!s->node) {
		s->node = depot_alloc(sizeof(*node), &p);
		if (!s->node)
			return false;
	}
	node = depot_memory(s->node);
	for (i = 0; i < NODE_SLOTS; i++)
		atomic_store_explicit(&node->slot[i], 0, memory_order_relaxed);
	atomic_store_explicit(&node->slot[node_index(record->hash, shift)],
			      *found, memory_order_relaxed);
	/* Release: the node is complete. */
	if (atomic_compare_exchange_strong_explicit(slot, found,
						    s->node | DEPOT_NODE,
						    memory_order_release,
						    memory_order_acquire)) {
		*found = s->node | DEPOT_NODE;
		s->node = 0;
	}
	return true;
}

depot_stack_handle_t stack_depot_save(const unsigned long *entries,
				      unsigned int nr)
{
	unsigned int shift = 32 - DEPOT_ROOT_BITS;
	struct saving s = { .entries = entries };
	_Atomic u32 *slot;
	u32 found;

	if (!nr)
		return 0;
	s.nr = min_t(unsigned int, nr, STACK_DEPOT_MAX_FRAMES);
	s.hash = hash_stack(entries, s.nr);
	slot = &stack_depot.root[s.hash >> shift];
	/* Acquire: pairs with the releases above. */
	found = atomic_load_explicit(slot, memory_order_acquire);
	for (;;) {
		if (!found) {
			if (!make_record(&s))
				return 0;
			if (publish(slot, &found, s.record))
				return s.record;
		} else if (found & DEPOT_NODE) {
			struct depot_node *node;

			shift -= NODE_BITS;
			node = depot_memory(found & ~DEPOT_NODE);
			slot = &node->slot[node_index(s.hash, shift)];
			found = atomic_load_explicit(slot,
						     memory_order_acquire);
		} else {
			const struct stack_record *record = depot_memory(found);

			if (record->hash == s.hash)
				return save_in_chain(&s, found);
			if (!split_slot(&s, slot, &found, shift - NODE_BITS))
				return 0;
		}
	}
}

/* Any number may come, from an overwritten object for example. */
static const struct stack_record *depot_record(depot_stack_handle_t handle)
{
	const struct stack_record *record;
	size_t offset = (size_t)(handle & DEPOT_OFFSET_MASK) << DEPOT_UNIT_SHIFT;
	void *_Atomic *pools;

	pools = atomic_load_explicit(&stack_depot.pools, memory_order_acquire);
	if (!handle || !pools ||
	    handle >= atomic_load_explicit(&stack_depot.next,
					   memory_order_acquire) ||
	    !atomic_load_explicit(&pools[handle >> DEPOT_OFFSET_BITS],
				  memory_order_acquire))
		return NULL;
	record = depot_memory(handle);
	if (record->handle != handle || record->nr > STACK_DEPOT_MAX_FRAMES ||
	    offset + sizeof(*record) + record->nr * sizeof(long) >
	    DEPOT_POOL_SIZE)
		return NULL;
	return record;
}

unsigned int stack_depot_fetch(depot_stack_handle_t handle,
			       const unsigned long **entries)
{
	const struct stack_record *record = depot_record(handle);

	*entries = record ? record->entries : NULL;
	return record ? record->nr : 0;
}

void stack_depot_print(depot_stack_handle_t handle, const char *indent)
{
	const unsigned long *entries;
	unsigned int nr = stack_depot_fetch(handle, &entries);

	backtrace_print_past(indent, entries, nr);
}
