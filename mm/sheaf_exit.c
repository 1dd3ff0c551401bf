// SPDX-License-Identifier: MIT
/*
 * Objects that are in the sheaves twice, looked for when the process ends.
 *
 * A push compares an object with the two newest of its sheaf; one that was freed
 * before others is not compared with, and both entries wait in the sheaves until
 * somebody takes them. A slab would notice the second one; but most programs end
 * before their sheaves go back to slabs. So at exit all entries are looked at
 * once, which costs some ten instructions each.
 *
 *	entries of a cache -> seen[hash of the address]: there already?
 *		-> the cache's sheaves go back to the slabs, which know exactly
 *
 * Looking writes nothing but `seen`, so that a forked child that exits gets no
 * copies of pages. Other threads may go on: then an object may be seen in two
 * places in turn. That is found out in the second step, where the sheaves are
 * taken first.
 *
 * What is found is reported only. There is nothing left to protect, and an
 * abort() would throw away what the program has in its buffers.
 *
 * Limit:	SEEN_SLOTS / 2 entries of each cache.
 * Lock order:	slab_mutex, tried only: exit() may be called in a signal handler.
 * Not here:	the caller of the second free, which nobody has noted.
 */
#include <string.h>

#include "../lib/bitops.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "slab.h"
#include "watch.h"

#define SEEN_SLOTS (1u << 14)
#define SEEN_FEW_SLOTS 64u

/* Under slab_mutex. Addresses of one cache, 32 bits of each; 0: free. */
static u32 seen[SEEN_SLOTS];

struct look {
	u32 *seen;
	u32 mask;		/* slots - 1 */
	u32 room;		/* for so many more */
	bool twice;
};

static void look_at(struct look *look, const void *object)
{
	u32 key = (u32)((unsigned long)object / sizeof(void *)), i;

	if (!key || !look->room)
		return;
	for (i = key * 0x9e3779b1u >> 7; look->seen[i & look->mask]; i++) {
		if (look->seen[i & look->mask] == key) {
			look->twice = true;
			return;
		}
	}
	look->seen[i & look->mask] = key;
	look->room--;
}

static bool look_at_sheaf(struct slab_sheaf *sheaf, void *arg)
{
	u32 i, size = READ_ONCE(sheaf->size);

	for (i = 0; i < size; i++)
		look_at(arg, READ_ONCE(sheaf->objects[i]));
	return false;
}

static bool seems_twice(struct kmem_cache *s)
{
	unsigned long count = sheaf_count_objects(s), slots;
	u32 few[SEEN_FEW_SLOTS] = { 0 };
	struct look look = { .seen = few };

	if (count < 2)
		return false;
	/* Small programs: `seen` would be one more page. */
	slots = SEEN_FEW_SLOTS;
	if (count > SEEN_FEW_SLOTS / 2) {
		slots = min_t(unsigned long, SEEN_SLOTS,
			      roundup_pow_of_two(2 * count));
		memset(seen, 0, slots * sizeof(seen[0]));
		look.seen = seen;
	}
	look.mask = (u32)slots - 1;
	look.room = (u32)slots / 2;
	for_each_sheaf(s, look_at_sheaf, &look);
	return look.twice;
}

static void look_at_exit(void)
{
	struct kmem_cache *s;

	/* In a handler that interrupted a slow path: locks may be held. */
	if (gate_held())
		return;
	gate_enter();
	if (spin_trylock(&slab_mutex)) {
		list_for_each_entry(s, &slab_caches, list) {
			if (likely(!seems_twice(s)))
				continue;
			if (kmm_params.bad_free == BAD_FREE_ABORT)
				kmm_params.bad_free = BAD_FREE_WARN;
			sheaf_flush_all(s, single_threaded());
		}
		spin_unlock(&slab_mutex);
	}
	gate_exit();
}

int __init sheaf_exit_init(void)
{
	if (kmm_params.bad_free != BAD_FREE_IGNORE)
		watch_at_exit(look_at_exit);
	return 0;
}
