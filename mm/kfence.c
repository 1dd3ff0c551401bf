// SPDX-License-Identifier: MIT
/*
 * KFENCE: allocations in pages of their own, beside inaccessible ones.
 *
 *	unit 0      unit 1                  unit 2
 *	| guard     | object page | guard   | object page | guard   | ...
 *	             ccccOOOOOOcc              (inaccessible: free)
 *
 * An access beyond the pages of an object, or to an object that was freed, ends
 * in SIGSEGV at once, and is reported from there. An overrun within the page
 * damages the canary, bytes c of a known value, and is seen when the object is
 * freed. Objects lie at the end of their page or at its beginning, by chance.
 *
 * Sampling (kfence_sample_interval, kfence_sample). One allocation now and then
 *	is guarded, so that the cost is next to nothing, and a fault that happens
 *	often, in many processes, is met in the end. The fast paths know nothing
 *	of it: a sample is taken in a slow path (kfence_sample.c).
 *	When three quarters of the pool are in use, an allocation whose stack has
 *	one there already is let go: long-lived ones would take all of it.
 *
 * All (kfence_all). Each allocation up to KMALLOC_MAX_SIZE, at the end of its
 *	pages. No cache has sheaves. A block that was freed stays inaccessible until
 *	kfence_quarantine bytes of addresses have been handed out since. Its
 *	memory is given back at once. Each block in use makes two mappings more, of
 *	which the host allows some 65530: three quarters of them are for us, what
 *	comes beyond is served as usual.
 *
 * States:	UNUSED -> ALLOCATED -> FREEING -> FREED -> ALLOCATED ...
 * Invariants:	F1  the pages of an object are accessible while it is ALLOCATED;
 *		    all others of the pool are not, but for those that a report
 *		    has opened
 *		F2  units[u] is the first unit of the block that u was last a part
 *		    of; 0: none
 *		F3  the canary is whole when an object is handed out
 * Lock order:	kfence_lock is a leaf; no system call while it is held, but at exit.
 * Context:	the entry points enter the fork gate. A child has the parent's
 *		pool, copied, and starts a timer of its own.
 * Source:	kernel mm/kfence/core.c; Documentation/dev-tools/kfence.rst.
 * Not here:	who has which part of the pool (kfence_pool.c), when a sample is due
 *		(kfence_sample.c), reports (kfence_report.c), SIGSEGV (kfence_signal.c).
 */
#include <string.h>

#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "internal.h"
#include "kfence.h"
#include "slab.h"
#include "watch.h"

/* Percent of the pool in use from which on stacks are not sampled twice. */
#define SKIP_COVERED_THRESH 75

/* With a kfence_sample below this no cache has sheaves. */
#define COUNT_EACH_BELOW 64

spinlock_t kfence_lock = SPINLOCK_INIT(LOCK_RANK_KFENCE);

static u64 seed;			/* under kfence_lock */

/* Objects ----------------------------------------------------------------- */

u64 kfence_clock(void)
{
	return host_clock_precise() - kfence_pool.start_time;
}

static void track(struct kfence_track *track, depot_stack_handle_t stack)
{
	track->stack = stack;
	track->tid = host_gettid();
	track->time = kfence_clock();
}

/* The canary of an aligned word. */
static u64 canary_word(void)
{
	u8 bytes[8];
	unsigned int i;
	u64 word;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = kfence_canary(i);
	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Nearly a page of it for each object: by words. */
static void fill_canary(unsigned long start, unsigned long end)
{
	const u64 word = canary_word();

	while (start < end && start % sizeof(word)) {
		*(u8 *)start = kfence_canary(start);
		start++;
	}
	for (; start + sizeof(word) <= end; start += sizeof(word))
		*(u64 *)start = word;
	for (; start < end; start++)
		*(u8 *)start = kfence_canary(start);
}

static unsigned long damaged_canary(unsigned long start, unsigned long end)
{
	const u64 word = canary_word();

	while (start < end) {
		if (start % sizeof(word) == 0 && start + sizeof(word) <= end &&
		    *(const u64 *)start == word) {
			start += sizeof(word);
			continue;
		}
		if (*(const u8 *)start != kfence_canary(start))
			return start;
		start++;
	}
	return 0;
}

static bool coin(void)
{
	lockdep_assert_held(&kfence_lock);
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 32 & 1;
}

static unsigned long place(unsigned long start, size_t size, size_t align)
{
	if (align > PAGE_SIZE)
		return ALIGN(start, align);
	if (!kmm_params.kfence_all && coin())
		return start;
	return ALIGN_DOWN(start + PAGE_ALIGN(size) - size, align);
}

/* Is a live object from the same place there already? */
static bool is_covered(depot_stack_handle_t stack)
{
	u32 unit;

	lockdep_assert_held(&kfence_lock);
	if (kmm_params.kfence_all ||
	    (u64)kfence_pool.nr_allocated * 100 <
		    (u64)(kfence_pool.nr_units - 1) * SKIP_COVERED_THRESH)
		return false;
	for (unit = 1; unit < kfence_pool.nr_units; unit++)
		if (kfence_pool.metadata[unit].state == KFENCE_OBJECT_ALLOCATED &&
		    kfence_pool.metadata[unit].alloc.stack == stack)
			return true;
	return false;
}

static void warn_no_mappings(void)
{
	printk_once("WARNING: kfence: %u blocks are guarded: more mappings than vm.max_map_count allows: the rest has no guard\n",
		    READ_ONCE(kfence_pool.nr_allocated));
}

/* Back to where it was taken from; it was or will be inaccessible. */
static void give_up(struct kfence_metadata *meta)
{
	spin_lock(&kfence_lock);
	kfence_pool_put(meta, KFENCE_OBJECT_UNUSED);
	spin_unlock(&kfence_lock);
	if (kmm_params.kfence_all)
		warn_no_mappings();
}

static struct kfence_metadata *take(struct kmem_cache *s, size_t size,
				    size_t align, depot_stack_handle_t stack)
{
	struct kfence_metadata *meta;

	if (unlikely(READ_ONCE(kfence_pool.nr_allocated) >=
		     kfence_pool.max_allocated)) {
		if (kmm_params.kfence_all)
			warn_no_mappings();
		return NULL;
	}
	spin_lock(&kfence_lock);
	meta = is_covered(stack) ? NULL : kfence_pool_take(size, align);
	if (meta) {
		meta->addr = place(kfence_first_unit(meta), size, align);
		meta->size = size;
		meta->cache = s;
		meta->name = s ? s->name : "large";
		meta->unprotected = 0;
	}
	spin_unlock(&kfence_lock);
	return meta;
}

static void *guarded_alloc(struct kmem_cache *s, size_t size, size_t align,
			   gfp_t gfp, const void *caller)
{
	depot_stack_handle_t stack = save_stack(caller);
	struct kfence_metadata *meta = take(s, size, align, stack);
	unsigned long first, end;
	void *p;

	if (!meta)
		return NULL;
	first = kfence_first_page(meta);
	end = kfence_end_page(meta);
	if (host_commit((void *)first, end - first)) {
		give_up(meta);
		return NULL;
	}
	p = (void *)meta->addr;
	fill_canary(first, meta->addr);				/* F3 */
	fill_canary(meta->addr + size, end);
	if (gfp & __GFP_ZERO)
		memset(p, 0, size);
	if (s && s->ctor)
		s->ctor(p);
	track(&meta->alloc, stack);
	spin_lock(&kfence_lock);
	meta->state = KFENCE_OBJECT_ALLOCATED;
	spin_unlock(&kfence_lock);
	return p;
}

/* Could it be guarded, if it were its turn? Who reads objects of a type-stable
 * cache after they were freed is right to do so. */
static bool can_guard(const struct kmem_cache *s, size_t size, size_t align)
{
	if (s && s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_SKIP_KFENCE))
		return false;
	if (kmm_params.kfence_all)
		return size <= KMALLOC_MAX_SIZE && align <= KMALLOC_MAX_SIZE;
	return size <= PAGE_SIZE && align <= PAGE_SIZE;
}

noinline void *__kfence_alloc(struct kmem_cache *s, size_t size, size_t align,
			      gfp_t gfp, const void *caller)
{
	void *p;

	/* A boot step's own: there must be no thread yet. */
	if (!mm_ready() || !kfence_pool.size ||
	    atomic_load_explicit(&mm_state, memory_order_relaxed) != MM_UP)
		return NULL;
	if (!size)
		size = s ? s->object_size : 1;
	if (!can_guard(s, size, align) || !kfence_take_turn())
		return NULL;
	gate_enter();
	p = guarded_alloc(s, size, align, gfp, caller);
	gate_exit();
	return p;
}

/* Freeing ----------------------------------------------------------------- */

/* The first byte around an object that is not as it was; 0: none. */
static unsigned long damaged_byte(const struct kfence_metadata *meta)
{
	unsigned long addr = damaged_canary(kfence_first_page(meta),
					    meta->addr);

	return addr ? addr : damaged_canary(meta->addr + meta->size,
					    kfence_end_page(meta));
}

static void report_canary(const struct kfence_metadata *meta,
			  unsigned long addr, const void *caller)
{
	struct kfence_access access = { .addr = addr, .caller = caller };

	if (addr)
		kfence_report_error(KFENCE_ERROR_CORRUPTION, &access, meta);
}

static void protect(struct kfence_metadata *meta)
{
	unsigned long first = kfence_first_page(meta);
	size_t size = kfence_end_page(meta) - first;

	if (meta->unprotected)
		host_protect_none((void *)meta->unprotected, PAGE_SIZE);
	if (!kmm_params.kfence_all) {
		host_protect_none((void *)first, size);
	} else if (host_decommit((void *)first, size)) {
		host_protect_none((void *)first, size);
		host_discard((void *)first, size);
	}
}

/* ALLOCATED -> FREEING, if that is what @p is. */
static bool begin_free(struct kfence_metadata *meta, struct kmem_cache *s,
		       void *p, const void *caller)
{
	depot_stack_handle_t stack = save_stack(caller);
	bool ok;

	spin_lock(&kfence_lock);
	ok = meta->state == KFENCE_OBJECT_ALLOCATED &&
	     meta->addr == (unsigned long)p && (!s || meta->cache == s);
	if (ok) {
		meta->state = KFENCE_OBJECT_FREEING;
		track(&meta->free, stack);
	}
	spin_unlock(&kfence_lock);
	return ok;
}

static void end_free(struct kfence_metadata *meta)
{
	spin_lock(&kfence_lock);
	kfence_pool_put(meta, KFENCE_OBJECT_FREED);
	spin_unlock(&kfence_lock);
}

noinline void kfence_free(struct kmem_cache *s, void *p, const void *caller)
{
	struct kfence_metadata *meta = kfence_metadata_of((unsigned long)p);

	gate_enter();
	if (meta && begin_free(meta, s, p, caller)) {
		report_canary(meta, damaged_byte(meta), caller);
		protect(meta);
		end_free(meta);
	} else {
		kfence_bad_free(p, caller);
	}
	gate_exit();
}

noinline __cold void kfence_bad_free(const void *p, const void *caller)
{
	struct kfence_metadata *meta = kfence_metadata_of((unsigned long)p);
	struct kfence_access access = {
		.addr = (unsigned long)p, .caller = caller,
	};
	bool twice = meta && meta->addr == access.addr &&
		     READ_ONCE(meta->state) != KFENCE_OBJECT_ALLOCATED;

	kfence_report_error(twice ? KFENCE_ERROR_DOUBLE_FREE :
				    KFENCE_ERROR_INVALID_FREE, &access, meta);
}

size_t kfence_ksize(const void *p)
{
	struct kfence_metadata *meta = kfence_metadata_of((unsigned long)p);

	if (!meta || meta->addr != (unsigned long)p ||
	    READ_ONCE(meta->state) != KFENCE_OBJECT_ALLOCATED)
		return 0;
	return meta->size;
}

/*
 * What was damaged and not freed. Other threads may still be at work, and free
 * it: its pages are there while it is ALLOCATED and we hold the lock; unless
 * the program itself has protected them.
 */
static void check_all_canaries(void)
{
	struct kfence_metadata *meta;
	unsigned long addr;
	u32 unit;

	/* exit() in a handler that interrupted us: the lock may be held. */
	if (gate_held())
		return;
	for (unit = 1; unit < kfence_pool.window; unit++) {
		meta = &kfence_pool.metadata[unit];
		addr = 0;
		gate_enter();
		spin_lock(&kfence_lock);
		if (meta->state == KFENCE_OBJECT_ALLOCATED &&
		    host_readable(kfence_first_page(meta),
				  kfence_end_page(meta)))
			addr = damaged_byte(meta);
		spin_unlock(&kfence_lock);
		gate_exit();
		report_canary(meta, addr, NULL);
	}
}

unsigned int kfence_for_each_inuse(struct kmem_cache *s,
				   void (*fn)(void *object, void *arg),
				   void *arg)
{
	unsigned int nr = 0;
	u32 unit;

	if (!kfence_pool.size)
		return 0;
	spin_lock(&kfence_lock);
	for (unit = 1; unit < kfence_pool.window; unit++) {
		if (kfence_pool.metadata[unit].cache != s ||
		    kfence_pool.metadata[unit].state != KFENCE_OBJECT_ALLOCATED)
			continue;
		fn((void *)kfence_pool.metadata[unit].addr, arg);
		nr++;
	}
	spin_unlock(&kfence_lock);
	return nr;
}

void kfence_shutdown_cache(struct kmem_cache *s)
{
	u32 unit;

	if (!kfence_pool.size)
		return;
	spin_lock(&kfence_lock);
	for (unit = 1; unit < kfence_pool.window; unit++) {
		if (kfence_pool.metadata[unit].cache != s)
			continue;
		/* Its name goes with it. */
		kfence_pool.metadata[unit].cache = NULL;
		kfence_pool.metadata[unit].name = "a destroyed cache";
	}
	spin_unlock(&kfence_lock);
}

/* Boot -------------------------------------------------------------------- */

/* A memory checker sees more, and must see the objects. */
static bool is_asked_for(void)
{
	return (kmm_params.kfence_sample_interval || kmm_params.kfence_sample ||
		kmm_params.kfence_all) &&
	       !memcheck_active();
}

static noinline __cold void start_guarding(void)
{
	seed = host_random() | 1;
	kfence_pool.start_time = host_clock_precise();
	if (!kfence_pool_init()) {
		printk("WARNING: kfence: no address space for the pool: nothing is guarded\n");
		kmm_params.kfence_sample = 0;
		return;
	}
	if (kmm_params.kfence_all ||
	    (kmm_params.kfence_sample &&
	     kmm_params.kfence_sample < COUNT_EACH_BELOW))
		calls_watched = true;
	kfence_install_handler();
	watch_at_exit(check_all_canaries);
	kfence_sample_init();
}

int __init kfence_init(void)
{
	atomic_store(&kfence_wanted, 0);
	if (is_asked_for())
		start_guarding();
	return 0;
}
