// SPDX-License-Identifier: MIT
/*
 * Fitted sizes: caches for the sizes that a program asks for much, where they
 * are not the ladder's.
 *
 * The steps of the fine ladder are an eighth, above 256 bytes. Most programs use
 * many sizes and waste half a step. Some have one: pages of 4096 bytes with a
 * header of 264, rows of 1024 with one of 8; most of their memory is blocks that
 * waste nearly a whole step:
 *
 *	asked for 4360	class 4672, 7 in a slab of 32 KiB	4681 bytes each
 *			fitted 4368, 15 in a slab of 64 KiB	4369
 *
 * So a cache is looked at when it has grown to FIT_MIN_BYTES, and each time it
 * has doubled: what is the largest size that was asked for since? If a cache of
 * that size would save FIT_GAIN, it is made, and serves malloc() from then on:
 *
 *	malloc_index	... 1024 | 1040 1056 ... 1152 | ...
 *	before		    32   |  33   33  ...  33  |
 *	after		    32   |  57   33  ...  33  |
 *
 * Larger requests of the step are served as before, so that nothing depends on
 * what was seen being all there is. Only slow paths look; the fast path reads the
 * index, and does so anyway. Nothing moves: the old objects go back where they
 * came from.
 *
 * Only malloc() goes by this. kmalloc() promises more about alignment, and so do
 * malloc's own aligned blocks: they keep to the ladder.
 *
 * Invariants:	F1  an index leads to a cache that holds the size, and to no
 *		    larger one than the ladder's
 *		F2  a cache is whole before an index leads to it, and stays
 * Lock order:	slab_mutex, and only tried: whoever grows can do without.
 * Source:	ours. The kernel's callers make a cache for an object they use much.
 * Not here:	the ladders (kmalloc_caches.c), the order of slabs (slub.c).
 */
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/memcheck.h"
#include "../lib/printk.h"
#include "internal.h"
#include "slab.h"

/* Less than this is not worth a cache, which begins with slabs of its own. What
 * was asked for while there was less than half of it, when the program began, is
 * not counted. */
#define FIT_MIN_BYTES (128u << 10)

/* What a cache must save: a 24th of the size, and of the memory with what is
 * lost at the end of a slab. */
#define FIT_GAIN 24

static unsigned int nr_fitted;		/* under slab_mutex */
static char fitted_names[KMALLOC_NR_FITTED][16];

static unsigned int slabs_of(const struct kmem_cache *s, unsigned long bytes)
{
	return (unsigned int)max_t(unsigned long, 1,
				   bytes / (PAGE_SIZE << s->order));
}

/* For a cache of the ladder. Who watches objects has them all in the slow paths,
 * and other things to look at. */
void kmalloc_fit_init(struct kmem_cache *s, bool fine)
{
	bool fits = fine && s->sheaf_capacity && !memcheck_active();

	s->fit_slabs = fits ? slabs_of(s, FIT_MIN_BYTES / 2) : UINT32_MAX;
	/* When the count begins it is not asked for. */
	s->fit_seen = FIT_MIN_SEEN;
}

static bool fit_pays(const struct kmem_cache *s, unsigned int size)
{
	unsigned long bytes = PAGE_SIZE << slab_fitted_order(size);
	unsigned long now = PAGE_SIZE << s->order;

	/* bytes / objects of the one, and of the other. */
	return size * FIT_GAIN <= s->size * (FIT_GAIN - 1) &&
	       bytes * s->objects * FIT_GAIN <=
		       now * (bytes / size) * (FIT_GAIN - 1);
}

/* Sizes of the step that @s serves, up to @size, are @row's now. */
static void lead_to(const struct kmem_cache *s, unsigned int size,
		    unsigned int row)
{
	u8 old = (u8)(s - kmalloc_row[KMALLOC_NORMAL]);
	unsigned int i;

	/* Release: who follows the index finds a whole cache (F2). */
	for (i = size / 16; i && malloc_index[i] == old; i--)
		__atomic_store_n(&malloc_index[i], (u8)row,
				 __ATOMIC_RELEASE);
}

/* A cache for objects of @size, instead of @s. */
static void fit_cache(struct kmem_cache *s, unsigned int size)
{
	unsigned int row = KMALLOC_ROW_LENGTH + nr_fitted;
	struct kmem_cache *fitted = &kmalloc_row[KMALLOC_NORMAL][row];
	char *name = fitted_names[nr_fitted++];

	kmm_snprintf(name, sizeof(fitted_names[0]), "kmalloc-%u", size);
	fitted->fitted = true;
	fitted->fit_slabs = UINT32_MAX;
	if (!boot_cache(fitted, name, size, 16, SLAB_KMALLOC))
		lead_to(s, size, row);
}

static void fit_locked(struct kmem_cache *s)
{
	unsigned int size = max_t(unsigned int, 16, ALIGN(s->fit_asked, 16));
	unsigned int nr_slabs = (unsigned int)s->node.nr_slabs;
	bool begun = s->fit_slabs >= slabs_of(s, FIT_MIN_BYTES);

	lockdep_assert_held(&slab_mutex);
	/* Somebody else was here meanwhile. */
	if (!fit_is_due(s))
		return;
	if (begun && nr_fitted < KMALLOC_NR_FITTED && fit_pays(s, size))
		fit_cache(s, size);
	WRITE_ONCE(s->fit_seen, 0);
	WRITE_ONCE(s->fit_asked, 0);
	WRITE_ONCE(s->fit_slabs,
		   nr_fitted < KMALLOC_NR_FITTED ?
			   max_t(unsigned int, 2 * nr_slabs,
				 slabs_of(s, FIT_MIN_BYTES)) : UINT32_MAX);
}

void kmalloc_fit(struct kmem_cache *s)
{
	gate_enter();
	if (spin_trylock(&slab_mutex)) {
		fit_locked(s);
		spin_unlock(&slab_mutex);
	}
	gate_exit();
}
