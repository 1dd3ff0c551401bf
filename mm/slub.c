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
 * Not here:	how large slabs are (slub_geometry.c), walks over the objects of a
 *		cache (slub_look.c), sheaves and the barn (sheaf.c, barn.c), creating
 *		caches (slab_common.c).
 */
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "page_list.h"
#include "probes.h"
#include "slub.h"
#include "slub_debug.h"

/* Objects whose order in a fresh batch is shuffled together, with the
 * parameter slab_freelist_random. Off by default, unlike the kernel's: even
 * inside so small a window the lost order doubles the run time of programs
 * that walk their objects in the order of allocation, as Python's collector
 * does. */
#define SHUFFLE_WINDOW 8

/* Objects and slabs ------------------------------------------------------- */

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

static struct page *alloc_slab_pages(struct kmem_cache *s, gfp_t gfp)
{
	unsigned int order = likely(!READ_ONCE(scattered)) ? s->order :
							     slab_small_order(s);
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

void node_init(struct kmem_cache *s)
{
	struct kmem_cache_node *n = &s->node;

	s->random = host_random() ^ ((unsigned long)s * 0x9e3779b97f4a7c15);
	n->seed = s->random | 1;
	spin_lock_init(&n->list_lock, LOCK_RANK_LIST);
}
