// SPDX-License-Identifier: MIT
/*
 * Slabs: blocks of pages cut into objects of one cache.
 *
 *	slab of order 1, size 96, 85 objects, 32 bytes of tail waste
 *
 *	page 0                                  page 1
 *	| obj 0 | obj 1 | obj 2 | ...      | obj 42 (straddles) | ... | obj 84 |..|
 *	 `-----------------------------'    `------------------------------'
 *	  [0, fresh): handed out at least    [fresh, objects): never touched,
 *	  once; free ones on the freelist    linked nowhere
 *
 * A slab is described by the struct page of its first page; all its pages name
 * the cache, so that free() finds it with one load. A free object holds the
 * link to the next one at s->offset, in the middle of the object, where an
 * overrun of the object before is least likely to reach it (on the fine ladder
 * at its start, where it costs least), and encoded:
 *
 *	link = next ^ s->random ^ byteswap(address of link) ^ slab_gen << 48
 *
 * so that a stray write yields nonsense and not a usable pointer, and neither
 * does a link that is left from an earlier life of the same pages. Every link
 * is checked when it is followed. Objects of a cache with a constructor, and
 * type-stable ones, keep the link behind the object: they stay constructed.
 *
 * States:	partial (list partial; has a free object)
 *		full    (list full; none)
 *		empty   (list partial, inuse 0; kept up to min_partial)
 * Invariants:	U1  inuse + objects on the freelist + (objects - fresh) == objects
 *		U2  a slab is on partial if inuse < objects, else on full
 *		U3  every link leads to an object boundary below fresh, no cycles
 *		U4  nr_slabs, nr_partial, nr_pages, nr_objects and nr_inuse are sums
 *		U5  every page of a slab names the cache; tails name the head
 * Lock order:	list_lock is taken alone; pages are allocated and freed outside
 *		of it, constructors run outside of it.
 * Context:	inside the fork gate.
 * Source:	kernel mm/slub.c. Ours is simpler in one way: a freelist is
 *		only changed under list_lock, not by a double-word compare and
 *		exchange. Sheaves make that one lock hold per 60 objects or so.
 * Not here:	sheaves and the barn (sheaf.c, barn.c), creating caches (slab_common.c).
 */
#include <errno.h>
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "page_list.h"
#include "probes.h"
#include "slab.h"
#include "slub_debug.h"

#define MAX_OBJS_PER_SLAB 32767
#define FINE_MIN_OBJECTS 4
#define MIN_PARTIAL 5
#define MAX_PARTIAL 10

/* Objects whose order in a fresh batch is shuffled together, with the
 * parameter slab_freelist_random. Off by default, unlike the kernel's: even
 * inside so small a window the lost order doubles the run time of programs
 * that walk their objects in the order of allocation, as Python's collector
 * does. */
#define SHUFFLE_WINDOW 8

static unsigned int calculate_order(unsigned int size, bool fine,
				    unsigned int max);

/* Free pointers ----------------------------------------------------------- */

static inline unsigned long link_key(const struct kmem_cache *s,
				     const struct page *slab)
{
	return s->random ^ (u64)slab->slab_gen << 48;
}

static inline unsigned long encode_link(unsigned long key, unsigned long ptr,
					unsigned long where)
{
	return ptr ^ key ^ __builtin_bswap64(where);
}

static inline void *get_freepointer(const struct kmem_cache *s,
				    const struct page *slab, void *object)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);
	unsigned long value;

	memcheck_unpoison(link, sizeof(*link));
	value = *link;
	memcheck_poison(link, sizeof(*link));
	return (void *)encode_link(link_key(s, slab), value,
				   (unsigned long)link);
}

static inline void set_freepointer(const struct kmem_cache *s,
				   const struct page *slab, void *object,
				   void *next)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);

	memcheck_unpoison(link, sizeof(*link));
	*link = encode_link(link_key(s, slab), (unsigned long)next,
			    (unsigned long)link);
	memcheck_poison(link, sizeof(*link));
}

/* An object in use holds no valid link, so that already_free() can tell. */
static inline void clear_freepointer(const struct kmem_cache *s, void *object)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);

	memcheck_unpoison(link, sizeof(*link));
	*link = 0;
	memcheck_poison(link, sizeof(*link));
}

/* Objects and slabs ------------------------------------------------------- */

static inline unsigned long slab_bytes(const struct page *slab)
{
	return PAGE_SIZE << slab->order;
}

/* slab_address() from an object of the slab, without a look at the map: a slab
 * is aligned to its size. */
static inline char *object_slab_address(const struct page *slab, void *object)
{
	return (char *)((unsigned long)object & ~(slab_bytes(slab) - 1));
}

/* Which object starts at @object? -1 if none does. */
static int object_index(const struct kmem_cache *s, const struct page *slab,
			const char *base, const void *object)
{
	unsigned long off = (unsigned long)((const char *)object - base) -
			    s->red_left_pad;
	u64 index = object_number(s, off);

	/* In the pad of the first object it wraps to something large. */
	if (off >= PAGE_SIZE << slab->order || index >= slab->objects ||
	    index * s->size != off)
		return -1;
	return (int)index;
}

/* Does an object start at @object that has been handed out at some time? Less
 * work than object_index(): see on_boundary(). */
static inline bool is_object(const struct kmem_cache *s,
			     const struct page *slab, const char *base,
			     const void *object)
{
	unsigned long off = (unsigned long)((const char *)object - base) -
			    s->red_left_pad;

	return off < (unsigned long)slab->fresh * s->size &&
	       off * s->divisor <= s->boundary_max;
}

/* @object: of the slab, NULL: none. */
static inline void set_freelist(const struct kmem_cache *s, struct page *slab,
				const char *base, const void *object)
{
	unsigned long off = (unsigned long)((const char *)object - base) -
			    s->red_left_pad;

	slab->freelist = object ? (u16)(object_number(s, off) + 1) : 0;
}

static inline bool valid_link(const struct kmem_cache *s,
			      const struct page *slab, const char *base,
			      const void *object)
{
	return !object || is_object(s, slab, base, object);
}

/* A link that leads nowhere: something wrote to a free object. The list was cut;
 * the objects behind it are lost to the cache, which is better than handing
 * out memory that is not ours. They count as in use for ever (U1). Without a
 * lock: who handles the SIGABRT may allocate. */
static noinline __cold void freelist_corrupt(struct kmem_cache *s, void *object)
{
	struct page *slab = page_head(lookup_page(object));

	printk("BUG %s: freelist corrupt: the free object %p was written to (use after free, or overrun of the object before); slab %p, %u objects\n",
	       s->name, object, (void *)slab_address(slab), slab->objects);
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}

static struct page_list *node_list(struct kmem_cache_node *n, unsigned int list)
{
	return list == SLAB_ON_PARTIAL ? &n->partial : &n->full;
}

static void move_slab(struct kmem_cache *s, struct page *slab,
		      enum slab_list list, bool tail)
{
	struct kmem_cache_node *n = &s->node;

	if (slab->list != SLAB_ON_NONE)
		page_list_del(node_list(n, slab->list), slab);
	n->nr_partial -= slab->list == SLAB_ON_PARTIAL;
	slab->list = (u8)list;
	n->nr_partial += list == SLAB_ON_PARTIAL;
	if (list == SLAB_ON_NONE)
		return;
	if (tail)
		page_list_add_tail(node_list(n, list), slab);
	else
		page_list_add(node_list(n, list), slab);
}

/* A cheap generator; under list_lock. */
static u32 node_random(struct kmem_cache_node *n)
{
	n->seed ^= n->seed << 13;
	n->seed ^= n->seed >> 7;
	n->seed ^= n->seed << 17;
	return (u32)(n->seed >> 32);
}

static void shuffle(struct kmem_cache_node *n, void **p, unsigned int nr)
{
	unsigned int i, j, left;
	void *tmp;

	for (i = 0; i + 1 < nr; i++) {
		left = min_t(unsigned int, nr - i, SHUFFLE_WINDOW);
		j = i + node_random(n) % left;
		tmp = p[i];
		p[i] = p[j];
		p[j] = tmp;
	}
}

/* Take up to @n free objects of a slab: used ones first, they may still be in
 * a CPU's cache; then fresh ones in the order of their addresses. With
 * debugging, the other way round: what is free for long shows who still uses it.
 * @damaged: a free object whose link makes no sense. */
static unsigned int take_objects(struct kmem_cache *s, struct page *slab,
				 unsigned int n, void **p, void **damaged)
{
	char *base = slab_address(slab);
	bool fresh_first = kmem_cache_metadata(s) && slab->fresh < slab->objects;
	void *object = slab_freelist(s, slab, base), *next;
	unsigned int got = 0, lost = 0, fresh, i;

	lockdep_assert_held(&s->node.list_lock);
	while (!fresh_first && got < n && object) {
		next = get_freepointer(s, slab, object);
		if (unlikely(!valid_link(s, slab, base, next))) {
			*damaged = object;
			next = NULL;
			lost = slab->fresh - slab->inuse - (got + 1);
		}
		if (likely(!kmem_cache_metadata(s)))
			clear_freepointer(s, object);
		p[got++] = object;
		object = next;
	}
	set_freelist(s, slab, base, object);
	fresh = min_t(unsigned int, n - got,
		      (unsigned int)slab->objects - slab->fresh);
	for (i = 0; i < fresh; i++)
		p[got + i] = slab_object(s, base, slab->fresh + i);
	if (kmm_params.slab_freelist_random)
		shuffle(&s->node, p + got, fresh);
	/* Read without the lock by plausible(). */
	WRITE_ONCE(slab->fresh, (u16)(slab->fresh + fresh));
	got += fresh;
	slab->inuse = (u16)(slab->inuse + got + lost);
	s->node.nr_inuse += got + lost;
	/* Nothing left: full, or the freelist was cut. */
	if (!slab->freelist && slab->fresh == slab->objects)
		move_slab(s, slab, SLAB_ON_FULL, false);
	return got;
}

/* New and old slabs ------------------------------------------------------- */

/*
 * Objects that live longer than their neighbours hold the slab that they lie in.
 * Where a third of a large heap is free objects of such slabs, new slabs are small:
 * each survivor holds less, and what is lost at the ends of slabs is less than that.
 */
#define SCATTERED_MIN (64ul << 20)
#define SCATTERED_PART 3

static bool scattered;

void slab_set_free(unsigned long bytes, unsigned long free_bytes)
{
	WRITE_ONCE(scattered, bytes >= SCATTERED_MIN &&
				      free_bytes > bytes / SCATTERED_PART);
}

/* The order of the next slab. */
static unsigned int next_order(const struct kmem_cache *s)
{
	unsigned int order;

	if (likely(!READ_ONCE(scattered)) || s->order == s->min_order)
		return s->order;
	order = calculate_order(s->size, true,
				(unsigned int)kmm_params.slab_min_order);
	return max_t(unsigned int, s->min_order,
		     min_t(unsigned int, s->order, order));
}

static struct page *alloc_slab_pages(struct kmem_cache *s, gfp_t gfp)
{
	unsigned int order = next_order(s);
	struct page *page;

	gfp = (gfp | s->allocflags) & ~(__GFP_ZERO | __GFP_COMP | __GFP_MOVABLE);
	if (order == s->min_order)
		return alloc_frozen_pages(gfp, order, NULL);
	/* The usual order is a wish: fall back without a fuss, and before the
	 * process grows. (Kernel: without reclaim, too. Here it is cheap.) */
	page = alloc_frozen_slab((gfp | __GFP_NOWARN | __GFP_NORETRY) &
					 ~__GFP_NOFAIL,
				 order, s->min_order);
	return page ? page : alloc_frozen_pages(gfp, s->min_order, NULL);
}

static void construct(struct kmem_cache *s, struct page *slab)
{
	char *base = slab_address(slab);
	unsigned int i;

	for (i = 0; i < slab->objects; i++) {
		void *object = slab_object(s, base, i);

		memcheck_unpoison(object, s->object_size);
		s->ctor(object);
		memcheck_poison(object, s->object_size);
	}
}

static struct page *allocate_slab(struct kmem_cache *s, gfp_t gfp)
{
	struct page *slab = alloc_slab_pages(s, gfp);
	unsigned long i, nr_pages;

	if (!slab)
		return NULL;
	nr_pages = 1UL << slab->order;
	for (i = 0; i < nr_pages; i++) {
		slab[i].slab_cache = s;
		WRITE_ONCE(slab[i].tail_index, (u16)i);
	}
	SetPageSlab(slab);
	slab->freelist = 0;
	slab->objects = (u16)min_t(unsigned long,
				   (nr_pages << PAGE_SHIFT) / s->size,
				   MAX_OBJS_PER_SLAB);
	slab->inuse = 0;
	slab->fresh = 0;
	slab->list = SLAB_ON_NONE;
	slab->slab_gen++;
	if (memcheck_active())
		memcheck_poison(slab_address(slab), nr_pages << PAGE_SHIFT);
	if (kmem_cache_metadata(s))
		setup_slab_debug(s, slab);
	if (s->ctor)
		construct(s, slab);
	trace_alloc_slab(s, slab);
	return slab;
}

static void free_slab_pages(struct page *slab)
{
	unsigned long i, nr_pages = 1UL << slab->order;

	if (unlikely(kmem_cache_metadata(slab->slab_cache)))
		check_free_slab(slab->slab_cache, slab);
	trace_free_slab(slab->slab_cache, slab);
	ClearPageSlab(slab);
	slab->private = 0;
	for (i = 0; i < nr_pages; i++) {
		slab[i].slab_cache = NULL;
		WRITE_ONCE(slab[i].tail_index, 0);
	}
	free_frozen_pages(slab, slab->order);
}

/* Put a new slab on the books. */
static void link_slab(struct kmem_cache *s, struct page *slab)
{
	lockdep_assert_held(&s->node.list_lock);
	move_slab(s, slab, SLAB_ON_PARTIAL, false);
	s->node.nr_slabs++;
	s->node.nr_pages += 1UL << slab->order;
	s->node.nr_objects += slab->objects;
}

/* Take an empty slab off the books; its pages are freed without the lock. */
static void unlink_slab(struct kmem_cache *s, struct page *slab,
			struct page_list *discard)
{
	lockdep_assert_held(&s->node.list_lock);
	move_slab(s, slab, SLAB_ON_NONE, false);
	s->node.nr_slabs--;
	s->node.nr_pages -= 1UL << slab->order;
	s->node.nr_objects -= slab->objects;
	page_list_add(discard, slab);
}

static void free_slabs(struct page_list *discard)
{
	struct page *slab;

	while ((slab = page_list_pop(discard)) != NULL)
		free_slab_pages(slab);
}

/* Allocation -------------------------------------------------------------- */

static unsigned int take_partial(struct kmem_cache *s, unsigned int n, void **p,
				 void **damaged)
{
	struct kmem_cache_node *node = &s->node;
	unsigned int got = 0;

	while (got < n && !page_list_empty(&node->partial))
		got += take_objects(s, page_list_first(&node->partial), n - got,
				    p + got, damaged);
	return got;
}

unsigned int slab_alloc_bulk(struct kmem_cache *s, gfp_t gfp, unsigned int n,
			     void **p)
{
	struct kmem_cache_node *node = &s->node;
	struct page *slab = NULL;
	void *damaged = NULL;
	unsigned int got = 0;

	for (;;) {
		spin_lock(&node->list_lock);
		if (slab)
			link_slab(s, slab);
		got += take_partial(s, n - got, p + got, &damaged);
		spin_unlock(&node->list_lock);
		if (unlikely(damaged)) {
			freelist_corrupt(s, damaged);
			damaged = NULL;
		}
		if (got == n)
			return got;
		slab = allocate_slab(s, gfp);
		if (!slab)
			return got;
	}
}

void *slab_alloc_one(struct kmem_cache *s, gfp_t gfp)
{
	void *object;

	return slab_alloc_bulk(s, gfp, 1, &object) ? object : NULL;
}

/* Freeing ----------------------------------------------------------------- */

bool on_freelist(const struct kmem_cache *s, const struct page *slab,
		 const void *wanted)
{
	char *base = slab_address(slab);
	void *object = slab_freelist(s, slab, base);
	unsigned int steps = 0;

	while (object && steps++ < slab->objects) {
		if (object == wanted)
			return true;
		object = get_freepointer(s, slab, object);
		if (!valid_link(s, slab, base, object))
			return false;
	}
	return false;
}

/*
 * Is the object free already? A free one holds a link, which decodes to an
 * object of the same slab or to NULL; user data does so by chance once in
 * 2^50 or so. Only then is the list walked to be sure.
 */
static bool already_free(const struct kmem_cache *s, const struct page *slab,
			 const char *base, void *object)
{
	if (likely(!valid_link(s, slab, base, get_freepointer(s, slab, object))))
		return false;
	return on_freelist(s, slab, object);
}

/* @nr objects have come back. */
static void count_put(struct kmem_cache *s, struct page *slab, unsigned int nr,
		      struct page_list *discard)
{
	struct kmem_cache_node *n = &s->node;

	lockdep_assert_held(&n->list_lock);
	slab->inuse = (u16)(slab->inuse - nr);
	n->nr_inuse -= nr;
	if (!slab->inuse && n->nr_partial >= s->min_partial)
		unlink_slab(s, slab, discard);
	else if (slab->list == SLAB_ON_FULL || !slab->inuse)
		/* Empty ones go to the tail: used last, freed first. */
		move_slab(s, slab, SLAB_ON_PARTIAL,
			  !slab->inuse || kmem_cache_metadata(s));
}

/* Put an object back that is known to be in use. */
static void put_object(struct kmem_cache *s, struct page *slab, void *object,
		       struct page_list *discard)
{
	char *base = object_slab_address(slab, object);

	if (unlikely(slab_want_init_on_free(s))) {
		memcheck_unpoison(object, s->object_size);
		memset(object, 0, s->object_size);
		memcheck_poison(object, s->object_size);
	}
	set_freepointer(s, slab, object, slab_freelist(s, slab, base));
	set_freelist(s, slab, base, object);
	count_put(s, slab, 1, discard);
}

/* The same, or false if it cannot be an object of @s that is in use. */
static bool free_object(struct kmem_cache *s, struct page *slab, void *object,
			struct page_list *discard)
{
	char *base = object_slab_address(slab, object);

	if (unlikely(!slab->inuse || !is_object(s, slab, base, object) ||
		     already_free(s, slab, base, object)))
		return false;
	put_object(s, slab, object, discard);
	return true;
}

/* The slab of @s that an object lies in; NULL if there is none. */
static struct page *object_slab(struct kmem_cache *s, const void *object)
{
	struct page *slab = lookup_page(object);

	if (unlikely(!slab || slab->slab_cache != s))
		return NULL;
	return page_head(slab);
}

/* How far ahead slab_free_bulk() asks for what it will need: the struct page
 * and the link of an object, which nobody has touched for long. */
#define FREE_AHEAD 8

static void prefetch_object(const struct kmem_cache *s, void *object)
{
	struct page *page = __virt_to_page(object);

	if (page)
		__builtin_prefetch(page, 1);
	__builtin_prefetch((char *)object + s->offset, 1);
}

/*
 * free_object() for those of @p that lie in @slab, up to the first that does not,
 * or cannot be in use; how many that were. Nearly all objects are freed here: what
 * is the same for all is read once, and one multiplication tells an object's start.
 */
static unsigned int free_objects(struct kmem_cache *s, struct page *slab,
				 unsigned int n, void **p,
				 struct page_list *discard)
{
	unsigned long key = link_key(s, slab), bytes = slab_bytes(slab);
	char *base = object_slab_address(slab, p[0]);
	unsigned int i, nr = min_t(unsigned int, n, slab->inuse);
	void *freelist = slab_freelist(s, slab, base);

	for (i = 0; i < nr; i++) {
		unsigned long *link = (void *)((char *)p[i] + s->offset);
		unsigned long next;

		if (i + FREE_AHEAD < n)
			prefetch_object(s, p[i + FREE_AHEAD]);
		if (unlikely(!is_object(s, slab, base, p[i])))
			break;
		/* See already_free(): most of what is no link does not even
		 * lead into the slab. */
		next = encode_link(key, *link, (unsigned long)link);
		if (unlikely(!next || next - (unsigned long)base < bytes)) {
			set_freelist(s, slab, base, freelist);
			if (already_free(s, slab, base, p[i]))
				break;
		}
		*link = encode_link(key, (unsigned long)freelist,
				    (unsigned long)link);
		freelist = p[i];
	}
	set_freelist(s, slab, base, freelist);
	if (i)
		count_put(s, slab, i, discard);
	return i;
}

/* Is there more to do than to link an object into its slab's freelist? */
static bool plain_free(const struct kmem_cache *s)
{
	return !memcheck_active() && !slab_want_init_on_free(s) &&
	       !kmem_cache_metadata(s);
}

void slab_free_bulk(struct kmem_cache *s, unsigned int n, void **p,
		    const void *caller)
{
	struct page_list discard = { 0 };
	unsigned int i, nr, bad = 0;
	bool plain = plain_free(s);
	struct page *slab;

	for (i = 0; i < min_t(unsigned int, n, FREE_AHEAD); i++)
		prefetch_object(s, p[i]);
	spin_lock(&s->node.list_lock);
	for (i = 0; i < n; i += nr) {
		slab = object_slab(s, p[i]);
		if (unlikely(!slab))
			nr = 0;
		else if (likely(plain))
			nr = free_objects(s, slab, n - i, p + i, &discard);
		else
			nr = free_object(s, slab, p[i], &discard);
		if (unlikely(!nr)) {
			p[bad++] = p[i];
			nr = 1;
		}
	}
	spin_unlock(&s->node.list_lock);
	if (unlikely(!page_list_empty(&discard)))
		free_slabs(&discard);
	for (i = 0; i < bad; i++)
		bad_free(p[i], caller, s->name);
}

/* Debugging --------------------------------------------------------------- */

/*
 * A link in @slab led nowhere and the freelist was cut. What is free, the red
 * zones tell as well: make a new list of it. An object whose red zone does not
 * know either stays lost.
 */
void rebuild_freelist(struct kmem_cache *s, struct page *slab)
{
	char *base = slab_address(slab);
	void *object, *freelist = NULL;
	unsigned int nr = 0, i;

	lockdep_assert_held(&s->node.list_lock);
	for (i = slab->fresh; i-- > 0;) {
		object = slab_object(s, base, i);
		if (!debug_object_free(s, object))
			continue;
		set_freepointer(s, slab, object, freelist);
		freelist = object;
		nr++;
	}
	set_freelist(s, slab, base, freelist);
	s->node.nr_inuse -= slab->inuse;
	slab->inuse = (u16)(slab->fresh - nr);
	s->node.nr_inuse += slab->inuse;
	if (slab->inuse < slab->objects)
		move_slab(s, slab, SLAB_ON_PARTIAL, true);
}

/* Is the link of a free object one of U3? One that nobody has had has none. */
bool slab_link_valid(const struct kmem_cache *s, const struct page *slab,
		     void *object)
{
	const char *base = slab_address(slab);

	return object_index(s, slab, base, object) >= slab->fresh ||
	       valid_link(s, slab, base, get_freepointer(s, slab, object));
}

/* One object, checked and made ready under the lock. NULL with *@retry: the next
 * one may do. */
static void *take_debug(struct kmem_cache *s, const struct debug_call *call,
			struct slub_report *report, void **damaged, bool *retry)
{
	struct page *slab;
	void *object;
	bool good;

	*retry = take_partial(s, 1, &object, damaged);
	if (!*retry)
		return NULL;
	if (!kmem_cache_metadata(s))
		return object;
	slab = page_head(lookup_page(object));
	good = alloc_debug_processing(s, slab, object, *damaged != NULL, call,
				      report);
	if (unlikely(*damaged)) {
		rebuild_freelist(s, slab);
		/* Told in the report, too. */
		*damaged = NULL;
	}
	return good ? object : NULL;
}

void *slab_alloc_debug(struct kmem_cache *s, gfp_t gfp, size_t size,
		       const void *caller)
{
	struct page *slab = NULL;
	struct slub_report report;
	struct debug_call call;
	void *object, *damaged = NULL;
	bool retry;

	slub_report_init(&report);
	debug_call_init(&call, s, size, caller);
	for (;;) {
		spin_lock(&s->node.list_lock);
		if (slab)
			link_slab(s, slab);
		object = take_debug(s, &call, &report, &damaged, &retry);
		spin_unlock(&s->node.list_lock);
		if (unlikely(damaged))
			freelist_corrupt(s, damaged);
		if (unlikely(report.nr_damages))
			slub_report_call(s, &report, &call);
		if (likely(object))
			break;
		damaged = NULL;
		slub_report_init(&report);
		slab = retry ? NULL : allocate_slab(s, gfp);
		if (!retry && !slab)
			return NULL;
	}
	if (unlikely(s->flags & SLAB_TRACE))
		slub_trace(s, object, true, &call);
	return object;
}

/* Under the lock. False if @object cannot be one of @s that is in use, or if it
 * is damaged so that the process ends. */
static bool give_debug(struct kmem_cache *s, void *object,
		       const struct debug_call *call,
		       struct slub_report *report, struct page_list *discard)
{
	struct page *slab = object_slab(s, object);
	char *base;

	if (!slab)
		return false;
	if (!kmem_cache_metadata(s))
		return free_object(s, slab, object, discard);
	base = slab_address(slab);
	if (!slab->inuse || !is_object(s, slab, base, object) ||
	    !free_debug_processing(s, slab, object, call, report))
		return false;
	put_object(s, slab, object, discard);
	return true;
}

void slab_free_debug(struct kmem_cache *s, void *object, const void *caller)
{
	struct slub_report report;
	struct debug_call call;
	struct page_list discard = { 0 };
	bool freed;

	slub_report_init(&report);
	debug_call_init(&call, s, 0, caller);
	if (unlikely(s->flags & SLAB_TRACE))
		slub_trace(s, object, false, &call);
	spin_lock(&s->node.list_lock);
	freed = give_debug(s, object, &call, &report, &discard);
	spin_unlock(&s->node.list_lock);
	if (unlikely(!page_list_empty(&discard)))
		free_slabs(&discard);
	if (unlikely(report.nr_damages))
		slub_report_call(s, &report, &call);
	else if (unlikely(!freed))
		bad_free(object, caller, s->name);
}

size_t slab_usable(const struct page *page, const void *p)
{
	const struct kmem_cache *s = page->slab_cache;
	const struct page *slab;

	if (!kmem_cache_metadata(s))
		return s->object_size;
	slab = page_head(page);
	if (object_index(s, slab, slab_address(slab), p) < 0)
		return 0;
	return get_orig_size(s, p);
}

unsigned long slab_discard_empty(struct kmem_cache *s)
{
	struct kmem_cache_node *n = &s->node;
	struct page *slab, *next;
	unsigned long left;
	struct page_list discard = { 0 };

	spin_lock(&n->list_lock);
	if (!(s->flags & SLAB_TYPESAFE_BY_RCU) || !s->refcount)
		page_list_for_each_safe(slab, next, &n->partial)
			if (!slab->inuse)
				unlink_slab(s, slab, &discard);
	left = n->nr_slabs;
	spin_unlock(&n->list_lock);
	free_slabs(&discard);
	return left;
}

/* Looking ----------------------------------------------------------------- */

bool slab_locate(const void *addr, struct slab_where *where)
{
	struct page *slab = lookup_page(addr);
	struct kmem_cache *s = slab ? slab->slab_cache : NULL;
	unsigned long off;
	char *base;

	if (!s)
		return false;
	slab = page_head(slab);
	base = slab_address(slab);
	off = (unsigned long)((const char *)addr - base);
	where->cache = s;
	where->index = (unsigned int)(off / s->size);
	where->object = slab_object(s, base, where->index);
	where->objects = slab->objects;
	where->exact = where->object == addr && where->index < slab->objects;
	spin_lock(&s->node.list_lock);
	where->free = where->index >= slab->fresh ||
		      on_freelist(s, slab, where->object);
	spin_unlock(&s->node.list_lock);
	return true;
}

/* One bit per object of a slab: set if free. Enough for any slab. */
#define OBJECT_MAP_LONGS ((MAX_OBJS_PER_SLAB + 64) / 64)

static void map_free_objects(const struct kmem_cache *s,
			     const struct page *slab, u64 *map)
{
	char *base = slab_address(slab);
	void *object = slab_freelist(s, slab, base);
	unsigned int i, steps = 0;
	int index;

	memset(map, 0, DIV_ROUND_UP((unsigned int)slab->objects, 64) * 8);
	while (object && steps++ < slab->objects) {
		index = object_index(s, slab, base, object);
		if (index < 0)
			break;
		map[index / 64] |= 1ULL << (index % 64);
		object = get_freepointer(s, slab, object);
	}
	for (i = slab->fresh; i < slab->objects; i++)
		map[i / 64] |= 1ULL << (i % 64);
}

static void for_each_in_list(struct kmem_cache *s, struct page_list *list,
			     void (*fn)(void *object, void *arg), void *arg)
{
	u64 map[OBJECT_MAP_LONGS];
	struct page *slab;
	unsigned int i;

	page_list_for_each(slab, list) {
		map_free_objects(s, slab, map);
		for (i = 0; i < slab->objects; i++)
			if (!(map[i / 64] & (1ULL << (i % 64))))
				fn(slab_object(s, slab_address(slab), i), arg);
	}
}

void slab_for_each_inuse(struct kmem_cache *s,
			 void (*fn)(void *object, void *arg), void *arg)
{
	spin_lock(&s->node.list_lock);
	for_each_in_list(s, &s->node.partial, fn, arg);
	for_each_in_list(s, &s->node.full, fn, arg);
	spin_unlock(&s->node.list_lock);
}

/* The freelist may have been cut by the damage that is looked for; then @map
 * lacks what was behind, but the red zones still know. */
static bool is_free(const struct kmem_cache *s, struct page *slab,
		    unsigned int index, const u64 *map)
{
	return (map[index / 64] & (1ULL << (index % 64))) ||
	       (kmem_cache_metadata(s) &&
		debug_object_free(s, slab_object(s, slab_address(slab), index)));
}

bool slab_find_object(struct kmem_cache *s,
		      bool (*check)(struct kmem_cache *s, struct page *slab,
				    void *object, bool free, void *arg),
		      void *arg)
{
	struct page_list *lists[2] = { &s->node.partial, &s->node.full };
	u64 map[OBJECT_MAP_LONGS];
	unsigned int i, list;
	struct page *slab;
	bool found = false;

	spin_lock(&s->node.list_lock);
	for (list = 0; list < 2 && !found; list++)
		page_list_for_each(slab, lists[list]) {
			map_free_objects(s, slab, map);
			for (i = 0; i < slab->objects && !found; i++)
				found = check(s, slab,
					      slab_object(s, slab_address(slab), i),
					      is_free(s, slab, i, map), arg);
			if (found)
				break;
		}
	spin_unlock(&s->node.list_lock);
	return found;
}

/* Geometry ---------------------------------------------------------------- */

/* The smallest order in [min, max] whose tail waste is at most 1/fraction. */
static unsigned int slab_order(unsigned int size, unsigned int min,
			       unsigned int max, unsigned int fraction)
{
	unsigned int order;

	for (order = min; order <= max; order++) {
		unsigned long bytes = PAGE_SIZE << order;

		if (bytes % size <= bytes / fraction)
			break;
	}
	return order;
}

/*
 * The kernel's rule: enough objects per slab to keep locks rare (more with
 * more CPUs), at little waste: 1/16 if any order allows it, else 1/8, ...
 * On the fine ladder memory counts more. Its steps are an eighth and less, so
 * the search for little waste begins at 1/32; and its many caches each have a
 * slab that is partly used, so slabs are small. Measured with 4 instead of 12
 * objects: as fast, and 3 to 6 % less memory in programs of mixed sizes. Slabs of
 * objects larger than a page may be one order larger.
 */
static unsigned int calculate_order(unsigned int size, bool fine,
				    unsigned int max)
{
	unsigned int min = (unsigned int)kmm_params.slab_min_order;
	unsigned int objects = (unsigned int)kmm_params.slab_min_objects;
	unsigned int order, fits, fraction;

	/* Of large objects a larger slab has more that fit without waste. */
	if (fine && size > PAGE_SIZE)
		max = min_t(unsigned int, max + 1, MAX_PAGE_ORDER);
	if (!objects)
		objects = fine ? FINE_MIN_OBJECTS :
				 4 * (fls_long(host.nr_cpus) + 1);
	fits = (unsigned int)((PAGE_SIZE << max) / size);
	objects = max_t(unsigned int, min_t(unsigned int, objects, fits), 1);
	min = max_t(unsigned int, min,
		    (unsigned int)get_order((unsigned long)objects * size));
	/* What a slab cannot count it need not hold. */
	if ((PAGE_SIZE << min) / size > MAX_OBJS_PER_SLAB)
		return (unsigned int)get_order((unsigned long)size *
					       MAX_OBJS_PER_SLAB) - 1;
	for (fraction = fine ? 32 : 16; fraction > 1; fraction /= 2) {
		order = slab_order(size, min, max, fraction);
		if (order <= max)
			return order;
	}
	/* Not even one object fits the wished-for order. */
	return (unsigned int)get_order(size);
}

/* Bytes at the end of a slab. */
static unsigned long tail_waste(unsigned int order, unsigned int size)
{
	return (PAGE_SIZE << order) % size;
}

/* A fitted cache has many slabs, so that they may be one order larger than
 * others, and of what no ladder has two: the smallest that waste 1/64 at most, or
 * else the least. */
unsigned int slab_fitted_order(unsigned int size)
{
	unsigned int best = (unsigned int)get_order(size), order;
	unsigned int more = size > KMALLOC_MAX_CACHE_SIZE ? 2 : 1;
	unsigned int max = min_t(unsigned int, MAX_PAGE_ORDER,
				 (unsigned int)kmm_params.slab_max_order + more);

	for (order = best + 1; order <= max; order++) {
		if (tail_waste(best, size) <= (PAGE_SIZE << best) / 64)
			break;
		if (tail_waste(order, size) <
		    tail_waste(best, size) << (order - best))
			best = order;
	}
	return best;
}

/*
 *	| object | (red zone) | (link) | padding to align |
 *	 object_size		        `- s->offset, if not inside the object
 *
 * With debugging there is more, see slub_debug.c.
 */
static unsigned int plain_layout(struct kmem_cache *s, bool fine)
{
	unsigned int size = ALIGN(s->object_size, (unsigned int)sizeof(void *));
	bool outside = s->ctor || (s->flags & SLAB_TYPESAFE_BY_RCU);

	s->red_zone = memcheck_active() ? MEMCHECK_REDZONE : 0;
	if (s->fixed_offset)
		outside = false;
	else if (fine)
		/* malloc's objects were used at their start a moment ago:
		 * that cache line is still there, the middle's often not. */
		s->offset = 0;
	else if (!outside)
		s->offset = ALIGN_DOWN(s->object_size / 2,
				       (unsigned int)sizeof(void *));
	if (outside) {
		s->offset = size;
		size += (unsigned int)sizeof(void *);
	}
	return size + s->red_zone;
}

/* From the bytes of one object to the slab. */
static int calculate_slab(struct kmem_cache *s, unsigned int size, bool fine)
{
	s->size = ALIGN(size, s->align);
	s->order = s->fitted ? slab_fitted_order(s->size) :
			       calculate_order(s->size, fine,
					       (unsigned int)kmm_params.slab_max_order);
	if (s->order > MAX_PAGE_ORDER)
		return -EINVAL;
	s->min_order = (unsigned int)get_order(s->size);
	/* What was saved is not to be lost in small slabs. */
	if (s->fitted)
		s->min_order = min_t(unsigned int, s->order,
				     slab_order(s->size, s->min_order, s->order,
						8));
	/* In a slab of another order an object might be on_boundary(). */
	if (kmem_cache_metadata(s))
		s->min_order = s->order;
	s->objects = min_t(unsigned int, MAX_OBJS_PER_SLAB,
			   (unsigned int)((PAGE_SIZE << s->order) / s->size));
	s->slab_mask = (PAGE_SIZE << s->order) - 1;
	s->divisor = UINT64_MAX / s->size + 1;
	s->boundary_max = (s->objects - 1) * (s->divisor * s->size);
	s->min_partial = min_t(unsigned int, MAX_PARTIAL,
			       max_t(unsigned int, MIN_PARTIAL,
				     ilog2(s->size) / 2));
	if (fine)
		s->min_partial = 1;
	/* What its free objects tell would be lost with a slab. */
	if (kmem_cache_metadata(s))
		s->min_partial = MAX_PARTIAL;
	/* The memory of such a cache never becomes anything else. */
	if (s->flags & SLAB_TYPESAFE_BY_RCU)
		s->min_partial = UINT32_MAX;
	s->allocflags = s->flags & SLAB_RECLAIM_ACCOUNT ? __GFP_RECLAIMABLE : 0;
	return s->objects ? 0 : -EINVAL;
}

int calculate_sizes(struct kmem_cache *s)
{
	bool fine = (s->flags & SLAB_KMALLOC) &&
		    kmm_params.kmalloc_ladder != LADDER_KERNEL;

	if (slub_debug_layout(s)) {
		if (!calculate_slab(s, s->size, fine) && slub_debug_fits(s))
			return 0;
		slub_debug_drop(s);
	}
	return calculate_slab(s, plain_layout(s, fine), fine);
}

void node_init(struct kmem_cache *s)
{
	struct kmem_cache_node *n = &s->node;

	s->random = host_random() ^ ((unsigned long)s * 0x9e3779b97f4a7c15);
	n->seed = s->random | 1;
	spin_lock_init(&n->list_lock, LOCK_RANK_LIST);
}

/* Validation -------------------------------------------------------------- */

static unsigned int validate_slab(struct kmem_cache *s, struct page *slab,
				  enum slab_list list)
{
	char *base = slab_address(slab);
	void *object = slab_freelist(s, slab, base);
	unsigned int i, free = 0, bad = 0;

	while (object) {
		if (!valid_link(s, slab, base, object) ||
		    ++free > slab->objects) {
			bad++;						/* U3 */
			break;
		}
		object = get_freepointer(s, slab, object);
	}
	bad += slab->inuse + free != slab->fresh;			/* U1 */
	bad += slab->list != (u8)list;
	bad += (slab->inuse < slab->objects) != (list == SLAB_ON_PARTIAL); /* U2 */
	for (i = 0; i < 1u << slab->order; i++) {			/* U5 */
		bad += slab[i].slab_cache != s;
		bad += page_head(slab + i) != slab;
	}
	return bad;
}

unsigned int slab_validate(struct kmem_cache *s)
{
	struct kmem_cache_node *n = &s->node;
	unsigned long nr[2] = { 0, 0 }, pages = 0, objects = 0, inuse = 0;
	struct page_list *lists[2] = { &n->partial, &n->full };
	unsigned int i, bad = 0;
	struct page *slab;

	spin_lock(&n->list_lock);
	for (i = 0; i < 2; i++)
		page_list_for_each(slab, lists[i]) {
			bad += !page_list_linked(lists[i], slab);
			bad += validate_slab(s, slab,
					     i ? SLAB_ON_FULL : SLAB_ON_PARTIAL);
			pages += 1UL << slab->order;
			objects += slab->objects;
			inuse += slab->inuse;
			nr[i]++;
		}
	bad += nr[0] != n->nr_partial || nr[0] + nr[1] != n->nr_slabs ||
	       pages != n->nr_pages || objects != n->nr_objects ||
	       inuse != n->nr_inuse;	/* U4 */
	spin_unlock(&n->list_lock);
	if (bad)
		printk("BUG %s: %u violated invariants\n", s->name, bad);
	return bad;
}
