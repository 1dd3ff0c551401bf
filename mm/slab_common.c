// SPDX-License-Identifier: MIT
/*
 * Object caches as a whole: create, find, merge, shrink and destroy them; and the
 * entry points to allocate and free objects.
 *
 * States:	created -> in use -> destroyed
 *		destroy with live objects: reported, stays in use
 * Invariants:	K1  every cache is on slab_caches once, and its name is its own
 *		K2  refcount counts kmem_cache_create() minus _destroy() calls that
 *		    gave this cache; more than 1 only by merging
 * Lock order:	slab_mutex is the outermost lock after the fork gate.
 * Source:	kernel mm/slab_common.c.
 * Not here:	kmalloc's caches (kmalloc_caches.c).
 */
#include <errno.h>
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "failslab.h"
#include "internal.h"
#include "kfence.h"
#include "slab.h"
#include "slub_debug.h"
#include "watch.h"

struct list_head slab_caches = LIST_HEAD_INIT(slab_caches);
spinlock_t slab_mutex = SPINLOCK_INIT(LOCK_RANK_SLAB_MUTEX);

/* The cache of caches. */
static struct kmem_cache kmem_cache_boot;

/* All a caller may pass to create. */
#define SLAB_FLAGS_PERMITTED (__SLAB_FLAG_BIT(_SLAB_FLAGS_LAST_BIT) - 1)
/* A cache with one of these is like no other. */
#define SLAB_NEVER_MERGE (SLAB_DEBUG_FLAGS | SLAB_TYPESAFE_BY_RCU | \
			  SLAB_NOLEAKTRACE | SLAB_FAILSLAB | SLAB_NO_MERGE)
/* Merged caches must agree in these. */
#define SLAB_MERGE_SAME (SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | \
			 SLAB_CACHE_DMA32 | SLAB_ACCOUNT)

/* Creating ---------------------------------------------------------------- */

/* Objects of at least a cache line start on one; of smaller ones, as many as
 * fit share a line without straddling it. */
static unsigned int calculate_alignment(slab_flags_t flags, unsigned int align,
					unsigned int size)
{
	unsigned int line = CACHE_LINE_SIZE;

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max_t(unsigned int, align, line);
	}
	return ALIGN(max_t(unsigned int, align, ARCH_SLAB_MINALIGN),
		     (unsigned int)sizeof(void *));
}

/* Everything but the name and the list; the cache is zeroed but for what the
 * caller set. */
static int setup_cache(struct kmem_cache *s, unsigned int size,
		       unsigned int align, slab_flags_t flags)
{
	int ret;

	s->flags = flags;
	s->object_size = size;
	s->align = calculate_alignment(flags, align, size);
	ret = calculate_sizes(s);
	if (ret)
		return ret;
	node_init(s);
	s->refcount = 1;
	return sheaf_cache_init(s);
}

int boot_cache(struct kmem_cache *s, const char *name, unsigned int size,
	       unsigned int align, slab_flags_t flags)
{
	int ret;

	s->name = name;
	flags = failslab_cache_flags(kmem_cache_flags(flags, name), name);
	ret = setup_cache(s, size, align, flags);
	if (ret)
		return ret;
	list_add_tail(&s->list, &slab_caches);
	return 0;
}

static const char *check_args(const char *name, unsigned int size,
			      const struct kmem_cache_args *args,
			      slab_flags_t flags)
{
	if (!name)
		return "no name";
	if (!size || size > KMALLOC_MAX_SIZE)
		return "object size out of range";
	if (args->align && !is_power_of_2(args->align))
		return "alignment is not a power of two";
	if (args->align > KMALLOC_MAX_SIZE)
		return "alignment out of range";
	if (flags & ~SLAB_FLAGS_PERMITTED)
		return "unknown flags";
	if (!args->use_freeptr_offset)
		return args->freeptr_offset ? "freeptr_offset without use_freeptr_offset" :
					      NULL;
	if (!(flags & SLAB_TYPESAFE_BY_RCU) || args->ctor)
		return "freeptr_offset needs SLAB_TYPESAFE_BY_RCU and no ctor";
	if (args->freeptr_offset % sizeof(void *) ||
	    args->freeptr_offset + sizeof(void *) > size)
		return "freeptr_offset out of the object or unaligned";
	return NULL;
}

static struct kmem_cache *find_mergeable(unsigned int size,
					 const struct kmem_cache_args *args,
					 slab_flags_t flags)
{
	unsigned int align = calculate_alignment(flags, args->align, size);
	unsigned int aligned = ALIGN(ALIGN(size, (unsigned int)sizeof(void *)),
				     align);
	struct kmem_cache *s;

	if (!kmm_params.slab_merge || args->ctor || args->sheaf_capacity ||
	    args->usersize || (flags & SLAB_NEVER_MERGE))
		return NULL;
	list_for_each_entry(s, &slab_caches, list) {
		if ((s->flags & (SLAB_NEVER_MERGE | SLAB_NO_SHEAVES)) ||
		    s->ctor || s->fixed_capacity || s->usersize ||
		    s->refcount < 1)
			continue;
		if ((flags ^ s->flags) & SLAB_MERGE_SAME)
			continue;
		/* It must fit, waste less than a word, and be aligned. */
		if (s->size < aligned || s->size - aligned >= sizeof(void *) ||
		    s->size & (align - 1))
			continue;
		return s;
	}
	return NULL;
}

static bool name_taken(const char *name)
{
	struct kmem_cache *s;

	list_for_each_entry(s, &slab_caches, list)
		if (!strcmp(s->name, name))
			return true;
	return false;
}

/* No call of its own, for those who watch calls. */
static char *copy_name(const char *name)
{
	size_t length = strlen(name) + 1;
	char *copy;

	/* Short names share slabs with longer ones. */
	if (length > KMALLOC_MAX_CACHE_SIZE)
		copy = kmalloc_large(length, 0, GFP_KERNEL, NULL);
	else
		copy = sheaf_alloc_unwatched(
			kmalloc_slab(max_t(size_t, length, 16), GFP_KERNEL),
			GFP_KERNEL, length, NULL);
	return copy ? memcpy(copy, name, length) : NULL;
}

/* @why: becomes the reason if the cache cannot be had. */
static struct kmem_cache *create_cache(const char *name, unsigned int size,
				       const struct kmem_cache_args *args,
				       slab_flags_t flags, const char **why)
{
	struct kmem_cache *s;
	char *copy;

	s = sheaf_alloc_unwatched(&kmem_cache_boot, GFP_KERNEL | __GFP_ZERO, 0,
				  NULL);
	if (!s)
		return NULL;
	copy = copy_name(name);
	if (!copy)
		goto out_free_cache;
	s->name = copy;
	s->ctor = args->ctor;
	s->offset = args->use_freeptr_offset ? args->freeptr_offset : 0;
	s->fixed_offset = args->use_freeptr_offset;
	s->sheaf_capacity = args->sheaf_capacity;
	s->fixed_capacity = args->sheaf_capacity != 0;
	s->useroffset = args->useroffset;
	s->usersize = args->usersize;
	if (setup_cache(s, size, args->align, flags)) {
		*why = "with its free pointer and alignment the object exceeds KMALLOC_MAX_SIZE";
		goto out_free_name;
	}
	list_add_tail(&s->list, &slab_caches);
	return s;

out_free_name:
	kfree_unwatched(copy, NULL);
out_free_cache:
	sheaf_free_unwatched(&kmem_cache_boot, s, NULL);
	return NULL;
}

static struct kmem_cache *create_locked(const char *name, unsigned int size,
					const struct kmem_cache_args *args,
					slab_flags_t flags, const char **why)
{
	struct kmem_cache *s;

	lockdep_assert_held(&slab_mutex);
	flags = failslab_cache_flags(kmem_cache_flags(flags, name), name);
	s = find_mergeable(size, args, flags);
	if (s) {
		s->refcount++;
		/* What kmem_cache_zalloc() clears must cover the larger user. */
		if (s->object_size < size)
			s->object_size = size;
		return s;
	}
	if (name_taken(name))
		printk("WARNING: kmem_cache_create(%s): a cache of this name exists\n",
		       name);
	return create_cache(name, size, args, flags, why);
}

struct kmem_cache *__kmem_cache_create_args(const char *name,
					    unsigned int object_size,
					    struct kmem_cache_args *args,
					    slab_flags_t flags)
{
	static const struct kmem_cache_args none;
	const char *why = "out of memory";
	struct kmem_cache *s = NULL;

	if (!mm_ready())
		goto out;
	why = check_args(name, object_size, args ? args : &none, flags);
	if (why)
		goto out;
	why = "out of memory";
	gate_enter();
	spin_lock(&slab_mutex);
	s = create_locked(name, object_size, args ? args : &none, flags, &why);
	spin_unlock(&slab_mutex);
	gate_exit();
out:
	if (s)
		return s;
	if (flags & SLAB_PANIC)
		kmm_bug("BUG kmem_cache_create(%s) with SLAB_PANIC failed: %s\n",
			name ? name : "NULL", why);
	printk("WARNING: kmem_cache_create(%s) failed: %s\n",
	       name ? name : "NULL", why);
	return NULL;
}

/* Shrinking and destroying ------------------------------------------------ */

static unsigned long shrink_cache(struct kmem_cache *s)
{
	sheaf_flush_all(s, false);
	return slab_discard_empty(s);
}

int kmem_cache_shrink(struct kmem_cache *s)
{
	unsigned long left;

	gate_enter();
	left = shrink_cache(s);
	gate_exit();
	return left != 0;
}

/*
 * Reclaim for a request that found no memory, and for kmm_trim(). The caller
 * may be inside kmem_cache_create(): then the list is busy, and what could be
 * gained here is left.
 */
void shrink_slab_caches(bool with_mains)
{
	unsigned long bytes = 0, free_bytes = 0;
	struct kmem_cache *s;

	if (!spin_trylock(&slab_mutex))
		return;
	/* All sheaves first: they are objects of caches themselves. */
	sheaf_flush_caches(with_mains);
	list_for_each_entry(s, &slab_caches, list) {
		slab_discard_empty(s);
		spin_lock(&s->node.list_lock);
		bytes += s->node.nr_objects * s->size;
		free_bytes += (s->node.nr_objects - s->node.nr_inuse) * s->size;
		spin_unlock(&s->node.list_lock);
	}
	slab_set_free(bytes, free_bytes);
	spin_unlock(&slab_mutex);
}

/* Where a report stops listing and only counts. */
#define MAX_LISTED 1024

struct live_objects {
	struct kmem_cache *s;
	unsigned int listed;
};

static void list_object(void *object, void *arg)
{
	struct live_objects *live = arg;

	if (live->listed++ >= MAX_LISTED)
		return;
	printk("Object %p\n", object);
	print_object_tracking(live->s, object);
}

static void list_guarded(void *object, void *arg)
{
	struct live_objects *live = arg;

	if (live->listed++ < MAX_LISTED)
		printk("Object %p\n", object);
}

/* All sheaves are empty, so what a slab counts as in use, is. Printing under
 * list_lock is what keeps the list true; nobody should be using the cache. */
static void report_live_objects(struct kmem_cache *s, unsigned int nr_guarded)
{
	struct live_objects live = { .s = s };

	printk("BUG %s: %lu objects remaining on kmem_cache_destroy(); the cache stays usable\n",
	       s->name, s->node.nr_inuse + nr_guarded);
	slab_for_each_inuse(s, list_object, &live);
	kfence_for_each_inuse(s, list_guarded, &live);
	if (live.listed > MAX_LISTED)
		printk("and %u more\n", live.listed - MAX_LISTED);
}

static void count_object(void *object, void *arg)
{
	(void)object, (void)arg;
}

static void destroy_locked(struct kmem_cache *s)
{
	unsigned int nr_guarded;

	lockdep_assert_held(&slab_mutex);
	if (--s->refcount)
		return;
	sheaf_flush_all(s, false);
	/* With the barrier refused, sheaves were left where they are. If all
	 * objects in use sit there, nobody else can be using the cache. */
	if (s->node.nr_inuse && s->node.nr_inuse == sheaf_count_objects(s))
		sheaf_flush_all(s, true);
	nr_guarded = kfence_for_each_inuse(s, count_object, NULL);
	if (slab_discard_empty(s) || nr_guarded) {
		report_live_objects(s, nr_guarded);
		s->refcount = 1;
		return;
	}
	kfence_shutdown_cache(s);
	list_del_init(&s->list);
	sheaf_cache_exit(s);
	/* Ours since copy_name(). */
	kfree_unwatched((char *)s->name, NULL);
	sheaf_free_unwatched(&kmem_cache_boot, s, NULL);
}

void kmem_cache_destroy(struct kmem_cache *s)
{
	if (!s)
		return;
	gate_enter();
	spin_lock(&slab_mutex);
	destroy_locked(s);
	spin_unlock(&slab_mutex);
	gate_exit();
}

unsigned int kmem_cache_size(struct kmem_cache *s)
{
	return s->object_size;
}

/* Objects ----------------------------------------------------------------- */

void *kmem_cache_alloc_noprof(struct kmem_cache *s, gfp_t gfp)
{
	if (unlikely(gfp & __GFP_ZERO) && WARN_ON_ONCE(s->ctor))
		gfp &= ~__GFP_ZERO;
	return slab_alloc(s, gfp, 0);
}

void *kmem_cache_alloc_lru_noprof(struct kmem_cache *s, struct list_lru *lru,
				  gfp_t gfp)
{
	(void)lru;
	return kmem_cache_alloc_noprof(s, gfp);
}

void *kmem_cache_alloc_node_noprof(struct kmem_cache *s, gfp_t gfp, int node)
{
	(void)node;
	return kmem_cache_alloc_noprof(s, gfp);
}

void kmem_cache_free(struct kmem_cache *s, void *objp)
{
	struct page *page = __virt_to_page(objp);

	/* The cache is known, and yet its page is asked: once in a sheaf of
	 * @s, the object would be handed out as one of @s, whatever its size. */
	if (likely(page) && likely(READ_ONCE(page->slab_cache) == s))
		slab_free(s, objp);
	else
		sheaf_free_slow(s, objp, __builtin_return_address(0));
}

int kmem_cache_alloc_bulk_noprof(struct kmem_cache *s, gfp_t gfp, size_t size,
				 void **p)
{
	size_t i = 0, want;
	unsigned int got;

	if (unlikely(gfp & __GFP_ZERO) && WARN_ON_ONCE(s->ctor))
		gfp &= ~__GFP_ZERO;
	/* From this CPU's sheaves first, then whole runs from the slabs. */
	while (i < size && (p[i] = percpu_pop(s->cpu_sheaves)) != NULL)
		i++;
	while (i < size) {
		want = min_t(size_t, size - i, UINT32_MAX);
		/* Without sheaves each object gets what a slow path adds. */
		if (call_is_watched() || !s->sheaf_capacity ||
		    want < s->sheaf_capacity) {
			p[i] = sheaf_alloc_slow(s, gfp & ~__GFP_ZERO, 0,
						__builtin_return_address(0));
			got = p[i] != NULL;
		} else {
			gate_enter();
			got = slab_alloc_bulk(s, gfp, (unsigned int)want, p + i);
			gate_exit();
		}
		if (!got) {
			kmem_cache_free_bulk(s, i, p);
			return 0;
		}
		i += got;
	}
	if (gfp & __GFP_ZERO)
		for (i = 0; i < size; i++)
			memset(p[i], 0, s->object_size);
	return (int)size;
}

void kmem_cache_free_bulk(struct kmem_cache *s, size_t size, void **p)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (s)
			kmem_cache_free(s, p[i]);
		else
			kfree(p[i]);
	}
}

/* Boot -------------------------------------------------------------------- */

int kmem_cache_init(void)
{
	int ret = boot_cache(&kmem_cache_boot, "kmem_cache",
			     sizeof(struct kmem_cache), CACHE_LINE_SIZE,
			     SLAB_NO_MERGE | SLAB_NO_USER_FLAGS);

	return ret ? ret : create_kmalloc_caches();
}
