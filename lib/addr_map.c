// SPDX-License-Identifier: MIT
/*
 * The address map: hash tables with open addressing, one per shard.
 *
 *	hash(addr):  63 .. 58  57 ............ 0
 *		     shard     & mask -> home slot
 *
 *	slots:	[ . | a | b | c | . | d | . | . ]	a, b, c have home 1
 *	remove a:	[ . | b | c | . | . | d | . | . ]	those behind move up
 *
 * Invariants:	M1  between an entry's home and its slot no slot is free, so a
 *		    search ends at the first free one
 *		M2  at least one slot is free
 *		M3  an address stands here inverted: who searches memory for
 *		    pointers, to find blocks that nobody has any more, must not
 *		    find all of them here
 * Memory:	from the host, at most three quarters full; doubled then. If the
 *		host gives none, the table is filled further, to all slots but
 *		one. Nothing is given back but a table that was outgrown.
 * Lock order:	each shard's lock is a leaf. The host is asked for memory while
 *		it is held: that happens as often as the number of entries
 *		doubles, and only threads that hash there wait.
 * Cost:	with an empty shard, no lock: see is_empty().
 * Context:	inside the fork gate.
 */
#include "addr_map.h"
#include "host.h"

#define FIRST_SLOTS 256u

struct addr_slot {
	unsigned long inverse;	/* of the address; 0: free */
	size_t size;
	void *owner;
};

static u64 hash_addr(unsigned long addr)
{
	u64 hash = addr * 0x9e3779b97f4a7c15ull;

	/* The upper bits are the good ones: fold them down for the slot. */
	return hash ^ (hash >> 29);
}

static struct addr_map_shard *shard_of(struct addr_map *map, u64 hash)
{
	return &map->shards[hash >> (64 - ADDR_MAP_SHARD_BITS)];
}

void addr_map_init(struct addr_map *map)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map->shards); i++)
		spin_lock_init(&map->shards[i].lock, LOCK_RANK_PROFILE);
}

/* The slot of an address, or the free one that ends the search for it. */
static size_t find_slot(const struct addr_map_shard *shard,
			unsigned long inverse)
{
	size_t i = hash_addr(~inverse) & shard->mask;

	while (shard->slots[i].inverse && shard->slots[i].inverse != inverse)
		i = (i + 1) & shard->mask;
	return i;
}

static struct addr_entry to_entry(const struct addr_slot *slot)
{
	return (struct addr_entry){
		.addr = slot->inverse ? ~slot->inverse : 0,
		.size = slot->size,
		.owner = slot->owner,
	};
}

static bool grow(struct addr_map_shard *shard)
{
	struct addr_map_shard bigger = *shard;
	size_t nr_slots = shard->slots ? shard->mask + 1 : 0, i;

	bigger.mask = (nr_slots ? 2 * nr_slots : FIRST_SLOTS) - 1;
	bigger.slots = host_map((bigger.mask + 1) * sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (i = 0; i < nr_slots; i++)
		if (shard->slots[i].inverse)
			bigger.slots[find_slot(&bigger, shard->slots[i].inverse)] =
				shard->slots[i];
	if (nr_slots)
		host_unmap(shard->slots, nr_slots * sizeof(*shard->slots));
	shard->mask = bigger.mask;
	shard->slots = bigger.slots;
	return true;
}

/* Room for one more? */
static bool make_room(struct addr_map_shard *shard)
{
	lockdep_assert_held(&shard->lock);
	if (shard->slots && shard->nr < (shard->mask + 1) / 4 * 3)
		return true;
	return grow(shard) || (shard->slots && shard->nr < shard->mask);
}

bool addr_map_insert(struct addr_map *map, const struct addr_entry *entry,
		     struct addr_entry *old)
{
	struct addr_map_shard *shard = shard_of(map, hash_addr(entry->addr));
	struct addr_slot *slot;
	bool done;

	old->addr = 0;
	spin_lock(&shard->lock);
	done = make_room(shard);
	if (done) {
		slot = &shard->slots[find_slot(shard, ~entry->addr)];
		*old = to_entry(slot);
		*slot = (struct addr_slot){ ~entry->addr, entry->size,
					    entry->owner };
		WRITE_ONCE(shard->nr, shard->nr + !old->addr);
	}
	spin_unlock(&shard->lock);
	return done;
}

/* Keeps M1 when slot @hole becomes free. */
static void close_hole(struct addr_map_shard *shard, size_t hole)
{
	size_t i = hole, home;

	lockdep_assert_held(&shard->lock);
	for (;;) {
		i = (i + 1) & shard->mask;
		if (!shard->slots[i].inverse)
			break;
		home = hash_addr(~shard->slots[i].inverse) & shard->mask;
		/* A search from its home does not come by the hole. */
		if (((i - home) & shard->mask) < ((i - hole) & shard->mask))
			continue;
		shard->slots[hole] = shard->slots[i];
		hole = i;
	}
	shard->slots[hole].inverse = 0;
}

/* Whoever frees a block has its address from the thread that entered it, and so
 * sees the count that was written before. */
static bool is_empty(const struct addr_map_shard *shard)
{
	return !READ_ONCE(shard->nr);
}

bool addr_map_remove(struct addr_map *map, unsigned long addr,
		     struct addr_entry *entry)
{
	struct addr_map_shard *shard = shard_of(map, hash_addr(addr));
	size_t i;

	entry->addr = 0;
	if (!addr || !~addr || is_empty(shard))
		return false;
	spin_lock(&shard->lock);
	if (shard->slots) {
		i = find_slot(shard, ~addr);
		*entry = to_entry(&shard->slots[i]);
		if (entry->addr) {
			close_hole(shard, i);
			WRITE_ONCE(shard->nr, shard->nr - 1);
		}
	}
	spin_unlock(&shard->lock);
	return entry->addr != 0;
}
