// SPDX-License-Identifier: MIT
/*
 * kmalloc's caches: which sizes there are, and which of them serves a request.
 *
 *	kernel	16 32 64 96 128 192 256 512 1024 ...	kmalloc(), unless told otherwise
 *	fine	eight sizes per doubling, the kernel's among them
 *	growing	the kernel's, and others as they are used: malloc()
 *
 * A program has a few objects of each of many sizes, and a slab for each size
 * would be a page for each. So on the growing ladder a small size is served by the
 * kernel's next one until it has come to the slow path GROW_AFTER times. Then it
 * gets a cache of its own. Objects know their cache by their slab, so that those
 * of before go back to where they came from. A large size gets its own at once: not
 * at boot, since most processes use few.
 *
 *	malloc_index	... 256 | 272 288 | 304 320 | ... 512 | ...
 *	at boot		      7 |   8   8 |   8   8 |       8 |
 *	300 has grown	      7 |   8   8 |  23  23 |       8 |
 *
 * What boot makes lies together in kmalloc_row, since a page of it that is written
 * is one more that the process needs. So there are two numbers: a size's row, in
 * ascending order, and its slot:
 *
 *	slot	0 1  2  3  4  5   ... 12 | 13 14 15  16  ... 56   | 57 ...
 *		8 16 32 64 96 128 ... 8k | 48 80 112 144 ... 7232 | fitted
 *
 * malloc()'s fast path reads the index, whatever is in it, and whoever finds a
 * cache there sees all of it. kmalloc() promises more about alignment than malloc()
 * and so do malloc's aligned blocks: where the index's cache does not do, there is
 * the kernel's, since every ladder has those.
 *
 * Invariants:	R1  a slot of kmalloc_row is a cache, or nobody's yet; those of the
 *		    kernel's ladder are, after boot
 *		R2  an index leads to a cache that holds the size, and is whole
 * Lock order:	slab_mutex; growing only tries it: it may as well grow later.
 * Source:	kernel mm/slab_common.c; the other ladders are ours.
 * Not here:	sizes that no ladder has (kmalloc_fit.c).
 */
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/memcheck.h"
#include "internal.h"
#include "slab.h"
#include "watch.h"

#define GROW_AFTER 3

#define KMALLOC_ROW_2K 40	/* the entry of 2048 */

/* Tables ------------------------------------------------------------------ */

struct kmem_cache kmalloc_row[NR_KMALLOC_TYPES][KMALLOC_ROW_SLOTS];
struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];
/* Constant text: to print it at boot would cost more than the caches. */
#define ROW_NAMES(prefix) {							\
	prefix "8", prefix "16", prefix "32", prefix "48",		\
	prefix "64", prefix "80", prefix "96", prefix "112",		\
	prefix "128", prefix "144", prefix "160", prefix "176",		\
	prefix "192", prefix "208", prefix "224", prefix "240",		\
	prefix "256", prefix "288", prefix "320", prefix "352",		\
	prefix "384", prefix "416", prefix "448", prefix "480",		\
	prefix "512", prefix "576", prefix "640", prefix "704",		\
	prefix "768", prefix "832", prefix "896", prefix "960",		\
	prefix "1k", prefix "1152", prefix "1280", prefix "1408",	\
	prefix "1536", prefix "1664", prefix "1792", prefix "1920",	\
	prefix "2k", prefix "2176", prefix "2304", prefix "2496",	\
	prefix "2688", prefix "2944", prefix "3264", prefix "3584",	\
	prefix "4k", prefix "4352", prefix "4672", prefix "4992",	\
	prefix "5440", prefix "5952", prefix "6528", prefix "7232",	\
	prefix "8k",							\
}
static const char kmalloc_names[KMALLOC_ROW_LENGTH][13] =
	ROW_NAMES("kmalloc-");
static const char kmalloc_rcl_names[KMALLOC_ROW_LENGTH][17] =
	ROW_NAMES("kmalloc-rcl-");

static const u16 row_size[KMALLOC_ROW_LENGTH] = {
#define ROW_SIZE(size) size,
	KMALLOC_ROW_SIZES(ROW_SIZE)
#undef ROW_SIZE
};

/* Where each row is in kmalloc_row: first the kernel's ladder. */
static const u8 row_slot[KMALLOC_ROW_LENGTH] = {
	0,
	1, 2, 13, 3, 14, 4, 15, 5, 16, 17, 18, 6, 19, 20, 21, 7,
	22, 23, 24, 25, 26, 27, 28, 8, 29, 30, 31, 32, 33, 34, 35, 9,
	36, 37, 38, 39, 40, 41, 42, 10, 43, 44, 45, 46, 47, 48, 49, 11,
	50, 51, 52, 53, 54, 55, 56, 12,
};

/* The kernel's ladder: row of each kmalloc_index(). */
static const u8 index_row[KMALLOC_SHIFT_HIGH + 1] = {
	[1] = 6, [2] = 12,
	[3] = 0, [4] = 1, [5] = 2, [6] = 4, [7] = 8, [8] = 16,
	[9] = 24, [10] = 32, [11] = 40, [12] = 48, [13] = 56,
};

/* What the growing ladder begins with. Initialized data: the first request may
 * come before any constructor. */
u8 malloc_index[] = {
	[0 ... 1] = 1, [2] = 2, [3 ... 4] = 3, [5 ... 6] = 4, [7 ... 8] = 5,
	[9 ... 12] = 6, [13 ... 16] = 7, [17 ... 32] = 8, [33 ... 64] = 9,
	[65 ... 128] = 10, [129 ... 256] = 11, [257 ... 512] = 12,
};

_Static_assert(sizeof(malloc_index) == KMALLOC_MAX_CACHE_SIZE / 16 + 1,
	       "the ladder ends where caches end");

/* Which ladder it is; unknown until boot has read the parameters. */
static enum { KERNEL_LADDER = 1, FINE_LADDER, GROWING_LADDER } ladder;

unsigned int kmalloc_row_index(size_t size)
{
	unsigned int shift, row = KMALLOC_ROW_2K + 1;

	if (size <= 128)
		return (unsigned int)(size + 15) / 16;
	if (size > 2048) {
		while (row_size[row] < size)
			row++;
		return row;
	}
	/* Eight steps in (2^(shift + 3), 2^(shift + 4)]; 8 is the row of 128. */
	shift = ilog2(size - 1) - 3;
	return 9 + (shift - 4) * 8 + (unsigned int)((size - 1) >> shift) - 8;
}

struct kmem_cache *kmalloc_row_cache(unsigned int type, unsigned int row)
{
	return &kmalloc_row[type][row_slot[row]];
}

static unsigned int kernel_row(size_t size)
{
	return index_row[kmalloc_index(size)];
}

/* Creating ---------------------------------------------------------------- */

/* Is there a cache of this size from the start? */
static bool in_ladder(unsigned int row)
{
	return ladder == FINE_LADDER || kernel_row(row_size[row]) == row;
}

static int create_row(unsigned int type, unsigned int row)
{
	struct kmem_cache *s = kmalloc_row_cache(type, row);
	bool reclaim = type == KMALLOC_RECLAIM;
	unsigned int size = row_size[row];
	int ret;

	/* Natural alignment: the largest power of two in the size. */
	ret = boot_cache(s, reclaim ? kmalloc_rcl_names[row] : kmalloc_names[row],
			 size, size & -size,
			 SLAB_KMALLOC | (reclaim ? SLAB_RECLAIM_ACCOUNT : 0));
	if (!ret)
		kmalloc_fit_init(s, ladder != KERNEL_LADDER);
	return ret;
}

static int create_type(unsigned int type)
{
	unsigned int row, i;
	int ret;

	for (row = 0; row < KMALLOC_ROW_LENGTH; row++) {
		if (!in_ladder(row))
			continue;
		ret = create_row(type, row);
		if (ret)
			return ret;
	}
	/* Readers of the table may be ahead of us: they see all of a cache. */
	for (i = 1; i < ARRAY_SIZE(index_row); i++)
		__atomic_store_n(&kmalloc_caches[type][i],
				 kmalloc_row_cache(type, index_row[i]),
				 __ATOMIC_RELEASE);
	return 0;
}

/* The size behind an entry of malloc_index; of 0 and 16 bytes that is 16, since 8
 * are aligned to too little. */
static size_t index_size(unsigned int i)
{
	return i ? i * 16ul : 16;
}

int create_kmalloc_caches(void)
{
	unsigned int i;

	ladder = KERNEL_LADDER + (int)kmm_params.kmalloc_ladder;
	/* Reports should name the size that was asked for. */
	if (ladder == GROWING_LADDER && (kmm_params.slab_debug ||
					 calls_watched || memcheck_active()))
		ladder = FINE_LADDER;
	for (i = 0; ladder != GROWING_LADDER && i < ARRAY_SIZE(malloc_index); i++)
		malloc_index[i] = row_slot[ladder == FINE_LADDER ?
						   kmalloc_row_index(index_size(i)) :
						   kernel_row(index_size(i))];
	return create_type(KMALLOC_NORMAL);
}

/* Hardly any program has reclaimable objects; the first one makes the caches
 * for them. False without memory. */
static noinline bool create_reclaim_type(void)
{
	int ret = 0;

	gate_enter();
	spin_lock(&slab_mutex);
	if (!kmalloc_caches[KMALLOC_RECLAIM][KMALLOC_SHIFT_HIGH])
		ret = create_type(KMALLOC_RECLAIM);
	spin_unlock(&slab_mutex);
	gate_exit();
	return !ret;
}

/* Requests ---------------------------------------------------------------- */

struct kmem_cache *kmalloc_slab(size_t size, gfp_t gfp)
{
	unsigned int type = kmalloc_type(gfp);

	/* The first request of all boots. If that fails, so will the request. */
	if (unlikely(!ladder))
		mm_ready();
	/* Acquire pairs with the end of create_type(). */
	if (unlikely(type != KMALLOC_NORMAL) && ladder &&
	    !__atomic_load_n(&kmalloc_caches[type][KMALLOC_SHIFT_HIGH],
			     __ATOMIC_ACQUIRE) &&
	    !create_reclaim_type())
		type = KMALLOC_NORMAL;
	if (ladder != FINE_LADDER)
		return kmalloc_row_cache(type, kernel_row(size));
	return kmalloc_row_cache(type, size <= 8 ? 0 : kmalloc_row_index(size));
}

struct kmem_cache *malloc_cache_aligned(size_t size, size_t align)
{
	struct kmem_cache *s = malloc_cache(size);

	return likely(s->align >= align) ? s :
		kmalloc_row_cache(KMALLOC_NORMAL, kernel_row(size));
}

/* From now on the sizes of @row have it, but for those with a smaller one. */
static void use_row(unsigned int row)
{
	unsigned int i = (row_size[row] + 15u) / 16, old;

	lockdep_assert_held(&slab_mutex);
	for (; i && kmalloc_row_index(index_size(i)) == row; i--) {
		old = READ_ONCE(malloc_index[i]);
		if (kmalloc_row[KMALLOC_NORMAL][old].object_size > row_size[row])
			/* Release: who follows the index finds all of it (R2). */
			__atomic_store_n(&malloc_index[i], row_slot[row],
					 __ATOMIC_RELEASE);
	}
}

static noinline void grow(unsigned int row)
{
	gate_enter();
	if (spin_trylock(&slab_mutex)) {
		if (!kmalloc_row_cache(KMALLOC_NORMAL, row)->refcount &&
		    !create_row(KMALLOC_NORMAL, row))
			use_row(row);
		spin_unlock(&slab_mutex);
	}
	gate_exit();
}

void malloc_cache_grow(size_t size)
{
	/* Of small sizes, how often. */
	static _Atomic u8 asked[KMALLOC_ROW_LENGTH];
	unsigned int row;

	if (ladder != GROWING_LADDER)
		return;
	row = kmalloc_row_index(max_t(size_t, size, 16));
	/* It has one, or one that fits better. */
	if (malloc_cache(size)->object_size <= row_size[row])
		return;
	if (size > KMALLOC_GROWN_SIZE ||
	    atomic_fetch_add_explicit(&asked[row], 1, memory_order_relaxed) + 1 >=
	    GROW_AFTER)
		grow(row);
}
