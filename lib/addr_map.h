/* SPDX-License-Identifier: MIT */
/*
 * A map from live addresses to what is known of them: who allocated the block,
 * and how large it is. For profiles, which hear of a free by its address.
 */
#ifndef LIB_ADDR_MAP_H
#define LIB_ADDR_MAP_H

#include "compiler.h"
#include "lock.h"

#define ADDR_MAP_SHARD_BITS 6

struct addr_entry {
	unsigned long addr;	/* not 0 and not -1; 0 in an answer: no entry */
	size_t size;
	void *owner;
};

struct addr_slot;

struct addr_map_shard {
	spinlock_t lock;
	u32 nr;				/* written under the lock */
	size_t mask;			/* slots - 1 */
	struct addr_slot *slots;	/* NULL: none yet */
} __cacheline_aligned;

struct addr_map {
	struct addr_map_shard shards[1 << ADDR_MAP_SHARD_BITS];
};

void addr_map_init(struct addr_map *map);

/* Enter @entry. If there was one for that address, it is
 * replaced, and given back in *@old; else old->addr is 0. False: no memory, and
 * nothing has changed. */
bool addr_map_insert(struct addr_map *map, const struct addr_entry *entry,
		     struct addr_entry *old);
/* Take out the entry for @addr; false if there is none. */
bool addr_map_remove(struct addr_map *map, unsigned long addr,
		     struct addr_entry *entry);

#endif /* LIB_ADDR_MAP_H */
