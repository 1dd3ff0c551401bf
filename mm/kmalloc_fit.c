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
 * Blocks of whole pages are the same: 16 KiB with a header of 16 are 5 pages. Where
 * all of one number of pages are a little larger than one page less, a slab holds
 * more:
 *
 *	asked for 16400	5 pages				20480 bytes each
 *			fitted 16400, 7 in a slab of 128 KiB	18725
 *
 * and less than that while the end of the slab has never been touched. Who asks for
 * such sizes comes to a slow path always, and that looks into a table.
 *
 * Only malloc() goes by this. kmalloc() promises more about alignment, and so do
 * malloc's own aligned blocks: they keep to the ladder.
 *
 * Invariants:	F1  an index leads to a cache that holds the size, and to no
 *		    larger one than the ladder's; large_caches to one that needs
 *		    less than whole pages
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
static bool fitting;			/* see kmalloc_fit_init() */

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

	WRITE_ONCE(fitting, fits);
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

/* NULL without memory for it. */
static struct kmem_cache *fitted_cache(unsigned int size, slab_flags_t flags)
{
	unsigned int row = KMALLOC_ROW_LENGTH + nr_fitted;
	struct kmem_cache *s = &kmalloc_row[KMALLOC_NORMAL][row];
	char *name = fitted_names[nr_fitted++];

	lockdep_assert_held(&slab_mutex);
	kmm_snprintf(name, sizeof(fitted_names[0]), "kmalloc-%u", size);
	s->fitted = true;
	s->fit_slabs = UINT32_MAX;
	return boot_cache(s, name, size, 16, SLAB_KMALLOC | flags) ? NULL : s;
}

/* A cache for objects of @size, instead of @s. */
static void fit_cache(struct kmem_cache *s, unsigned int size)
{
	struct kmem_cache *fitted = fitted_cache(size, 0);

	if (fitted)
		lead_to(s, size, (unsigned int)(fitted -
						kmalloc_row[KMALLOC_NORMAL]));
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

/* Blocks of pages --------------------------------------------------------- */

/* So many bytes at the ends of blocks with the same number of pages are worth a
 * cache, if that saves a 16th. */
#define LARGE_MIN_LOST (64u << 10)
#define LARGE_GAIN 16

struct large_use large_use[LARGE_MAX_PAGES + 1];
static struct kmem_cache *large_caches[KMALLOC_NR_FITTED];

static unsigned long large_block(size_t size)
{
	return PAGE_ALIGN(size);
}

static bool large_pays(unsigned int size)
{
	unsigned long bytes = PAGE_SIZE << slab_fitted_order(size);

	return bytes * LARGE_GAIN <=
	       large_block(size) * (bytes / size) * (LARGE_GAIN - 1);
}

struct kmem_cache *kmalloc_fit_large(size_t size)
{
	struct kmem_cache *s;
	unsigned int i;

	/* Acquire pairs with fit_large(). */
	for (i = 0; i < KMALLOC_NR_FITTED; i++) {
		s = __atomic_load_n(&large_caches[i], __ATOMIC_ACQUIRE);
		if (likely(!s))
			break;
		if (size <= s->object_size &&
		    PAGE_SIZE << s->order < large_block(size) * s->objects)
			return s;
	}
	return NULL;
}

static void fit_large(unsigned int size)
{
	struct kmem_cache *s;
	unsigned int i = 0;

	if (nr_fitted == KMALLOC_NR_FITTED || kmalloc_fit_large(size) ||
	    !large_pays(size))
		return;
	/* A sheaf of such objects would hold more than it saves. */
	s = fitted_cache(size, SLAB_NO_SHEAVES);
	if (!s)
		return;
	while (large_caches[i])
		i++;
	__atomic_store_n(&large_caches[i], s, __ATOMIC_RELEASE);
}

void kmalloc_fit_large_note(size_t size)
{
	unsigned long nr_pages = large_block(size) >> PAGE_SHIFT;
	struct large_use *use;
	unsigned int nr, asked;

	if (nr_pages > LARGE_MAX_PAGES || !READ_ONCE(fitting))
		return;
	use = &large_use[nr_pages];
	nr = READ_ONCE(use->nr) + 1;
	asked = max_t(unsigned int, READ_ONCE(use->asked), ALIGN(size, 16));
	WRITE_ONCE(use->nr, nr);
	WRITE_ONCE(use->asked, asked);
	if (likely(nr * (large_block(size) - asked) < LARGE_MIN_LOST ||
		   nr < 2 * READ_ONCE(use->looked_at)))
		return;
	gate_enter();
	if (spin_trylock(&slab_mutex)) {
		fit_large(asked);
		WRITE_ONCE(use->looked_at, nr);
		WRITE_ONCE(use->asked, 0);
		spin_unlock(&slab_mutex);
	}
	gate_exit();
}
