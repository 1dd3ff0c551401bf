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
 *	of it. Samples are taken in the slow paths, when kfence_wanted says that
 *	one is due:
 *
 *	timer		every kfence_sample_interval ms: kfence_wanted = 1, and
 *			sheaf_take_mains(): no CPU has a main sheaf, so that the
 *			next allocation from any cache takes the slow path. The
 *			sheaves are back in use with it.
 *	slow path	kfence_wanted == 1: one takes it, sets it to 0, is guarded
 *
 *	So what is sampled is the first allocation after a moment, as in the
 *	kernel, whatever its size: a loop that never leaves the fast path has no
 *	less a share than one that always does. A free may come first, which gives
 *	the CPU a main with that object in it; then the next tick takes it away
 *	again. Without a restartable sequence every allocation takes the slow path.
 *	By number: each sheaf that a CPU begins with counts what is in it, and
 *	when kfence_sample have been counted, a sample is due. What is popped and
 *	pushed without end from one sheaf is not counted; that is what the timer
 *	is for. If so many are to be guarded that sheaves would save nothing, no
 *	cache has one, and each allocation is counted.
 *	When three quarters of the pool are in use, an allocation whose stack has
 *	one there already is let go: long-lived ones would take all of it.
 *
 * All (kfence_all). Each allocation up to KMALLOC_MAX_SIZE, at the end of its
 *	pages. No cache has sheaves. Addresses are used in turn, from a window that
 *	grows when it is full: a block that was freed stays inaccessible until
 *	kfence_quarantine bytes of addresses have been handed out since. Its
 *	memory is given back at once. Each block in use makes two mappings more, of
 *	which the host allows some 65530: three quarters of them are for us, what
 *	comes beyond is served as usual.
 *
 * States:	UNUSED -> ALLOCATED -> FREEING -> FREED -> ALLOCATED ...
 *		sampling: a unit is on the list of free ones while UNUSED or FREED,
 *		and is taken from the end that was freed longest ago
 * Invariants:	F1  the pages of an object are accessible while it is ALLOCATED;
 *		    all others of the pool are not, but for those that a report
 *		    has opened
 *		F2  units[u] is the first unit of the block that u was last a part
 *		    of; 0: none
 *		F3  the canary is whole when an object is handed out
 * Lock order:	kfence_lock is a leaf; no system call while it is held, but at exit.
 * Context:	the entry points enter the fork gate. A child has the parent's
 *		pool, copied, and starts a timer of its own.
 * Source:	kernel mm/kfence/core.c; Documentation/dev-tools/kfence.rst. The
 *		timer there flips a static key; here it takes the sheaves.
 * Not here:	reports (kfence_report.c), SIGSEGV (kfence_signal.c).
 */
#include <string.h>

#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "internal.h"
#include "kfence.h"
#include "slab.h"
#include "watch.h"

/* A unit of address space: a page and a guard. */
#define UNIT_SIZE (2 * PAGE_SIZE)

/* kfence_all takes as much address space as it gets. */
#define ALL_MAX_SIZE (64UL << 30)
#define ALL_MIN_SIZE (64UL << 20)

/* Percent of the pool in use from which on stacks are not sampled twice. */
#define SKIP_COVERED_THRESH 75

/* With a kfence_sample below this no cache has sheaves. */
#define COUNT_EACH_BELOW 64

/* While the program does nothing, the timer waits up to 2^4 intervals. */
#define MAX_IDLE_SHIFT 4

struct kfence_pool kfence_pool;
/* Before boot the first allocation of all comes to ask. */
_Atomic u32 kfence_wanted = 1;

static spinlock_t kfence_lock = SPINLOCK_INIT(LOCK_RANK_KFENCE);

/* Never changes after boot. */
static u32 max_allocated;		/* all: what the mappings suffice for */

/* Under kfence_lock. */
static u32 free_first, free_last;	/* sampling: the units to take, in turn */
static u32 nr_allocated;
static u32 cursor;			/* all: where to look */
static u64 handed_out;			/* all: bytes of addresses so far */
static u64 seed;

static _Atomic long count_left;		/* kfence_sample: objects until the next */

/* Address space ----------------------------------------------------------- */

static unsigned long unit_address(u32 unit)
{
	return kfence_pool.start + unit * UNIT_SIZE;
}

u32 kfence_number(const struct kfence_metadata *meta)
{
	return (u32)(meta - kfence_pool.metadata);
}

u64 kfence_clock(void)
{
	return host_clock_precise() - kfence_pool.start_time;
}

struct kfence_metadata *kfence_metadata_of(unsigned long addr)
{
	unsigned long unit = (addr - kfence_pool.start) / UNIT_SIZE;
	struct kfence_metadata *meta;
	u32 head;

	if (unit >= kfence_pool.nr_units)
		return NULL;
	head = READ_ONCE(kfence_pool.units[unit]);
	meta = &kfence_pool.metadata[head];
	/* The block may be gone, and another one begin where it did. */
	if (!head || unit - head >= READ_ONCE(meta->nr_units))
		return NULL;
	return meta;
}

static struct kfence_metadata *claim(u32 first, u32 nr)
{
	struct kfence_metadata *meta = &kfence_pool.metadata[first];
	u32 i;

	meta->state = KFENCE_OBJECT_FREEING;
	WRITE_ONCE(meta->nr_units, nr);
	for (i = 0; i < nr; i++)
		WRITE_ONCE(kfence_pool.units[first + i], first);
	nr_allocated++;
	return meta;
}

/* Sampling: one page, the one that was freed longest ago. */
static struct kfence_metadata *take_free(void)
{
	u32 unit = free_first;

	if (!unit)
		return NULL;
	free_first = kfence_pool.metadata[unit].next;
	if (!free_first)
		free_last = 0;
	return claim(unit, 1);
}

static void put_free(struct kfence_metadata *meta)
{
	u32 unit = kfence_number(meta);

	meta->next = 0;
	if (free_last)
		kfence_pool.metadata[free_last].next = unit;
	else
		free_first = unit;
	free_last = unit;
}

static bool in_use(const struct kfence_metadata *meta)
{
	switch (meta->state) {
	case KFENCE_OBJECT_UNUSED:
		return false;
	case KFENCE_OBJECT_FREED:
		return handed_out - meta->freed_at <
		       kmm_params.kfence_quarantine;
	default:
		return true;
	}
}

/* The first @nr units in a row from @unit on that nobody uses; 0: none. */
static u32 find_run(u32 unit, u32 nr)
{
	struct kfence_metadata *meta;
	u32 run = unit;

	while (unit < kfence_pool.window) {
		meta = kfence_metadata_of(unit_address(unit));
		if (meta && in_use(meta)) {
			unit = kfence_number(meta) + meta->nr_units;
			run = unit;
			continue;
		}
		if (++unit - run == nr)
			return run;
	}
	return 0;
}

static struct kfence_metadata *take_run(u32 nr)
{
	u32 run = find_run(cursor, nr);

	if (!run)
		run = find_run(1, nr);
	while (!run && kfence_pool.window < kfence_pool.nr_units) {
		kfence_pool.window = (u32)min_t(u64,
						(u64)kfence_pool.window * 2,
						kfence_pool.nr_units);
		run = find_run(1, nr);
	}
	if (!run)
		return NULL;
	cursor = run + nr;
	handed_out += nr * UNIT_SIZE;
	return claim(run, nr);
}

/* Objects ----------------------------------------------------------------- */

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

/* Pages that a block takes, with its guard. Beyond a page, what alignment may
 * cost is address space only. */
static u32 units_needed(size_t size, size_t align)
{
	size_t bytes = PAGE_ALIGN(size) + PAGE_SIZE;

	if (align > PAGE_SIZE)
		bytes += align;
	return (u32)DIV_ROUND_UP(bytes, UNIT_SIZE);
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
	    (u64)nr_allocated * 100 <
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
		    READ_ONCE(nr_allocated));
}

/* Back to where it was taken from; it was or will be inaccessible. */
static void give_up(struct kfence_metadata *meta)
{
	spin_lock(&kfence_lock);
	meta->state = KFENCE_OBJECT_UNUSED;
	nr_allocated--;
	if (!kmm_params.kfence_all)
		put_free(meta);
	spin_unlock(&kfence_lock);
	if (kmm_params.kfence_all)
		warn_no_mappings();
}

static struct kfence_metadata *take(struct kmem_cache *s, size_t size,
				    size_t align, depot_stack_handle_t stack)
{
	struct kfence_metadata *meta;

	if (unlikely(READ_ONCE(nr_allocated) >= max_allocated)) {
		if (kmm_params.kfence_all)
			warn_no_mappings();
		return NULL;
	}
	spin_lock(&kfence_lock);
	if (is_covered(stack))
		meta = NULL;
	else if (kmm_params.kfence_all)
		meta = take_run(units_needed(size, align));
	else
		meta = take_free();
	if (meta) {
		meta->addr = place(unit_address(kfence_number(meta)), size,
				   align);
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

static bool timer_runs(void);

/* Take the sample that is due; false if another has. */
static bool take_turn(void)
{
	if (kmm_params.kfence_all)
		return true;
	if (!timer_runs() || !atomic_exchange_explicit(&kfence_wanted, 0,
						       memory_order_relaxed))
		return false;
	kfence_count(1);
	return true;
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
	if (!can_guard(s, size, align) || !take_turn())
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
	meta->state = KFENCE_OBJECT_FREED;
	meta->unprotected = 0;
	meta->freed_at = handed_out;
	nr_allocated--;
	if (!kmm_params.kfence_all)
		put_free(meta);
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

/* Samples ----------------------------------------------------------------- */

void __kfence_count(unsigned int nr)
{
	long every = (long)kmm_params.kfence_sample;

	if (atomic_fetch_sub_explicit(&count_left, nr, memory_order_relaxed) >
	    (long)nr)
		return;
	/* Two who see it are one sample; it is a rate. */
	atomic_store_explicit(&count_left, every, memory_order_relaxed);
	atomic_store_explicit(&kfence_wanted, 1, memory_order_relaxed);
}

static void *timer(void *arg)
{
	unsigned int interval = (unsigned int)kmm_params.kfence_sample_interval;
	unsigned int idle = 0;
	bool pending, took;

	host_name_thread("kmm-kfence");
	for (;;) {
		host_sleep_ms(interval << idle);
		pending = atomic_exchange_explicit(&kfence_wanted, 1,
						   memory_order_relaxed);
		gate_enter();
		took = sheaf_take_mains(false);
		gate_exit();
		if (!pending || took)
			idle = 0;
		else if (idle < MAX_IDLE_SHIFT)
			idle++;
	}
	return arg;
}

/* The process that this memory belongs to; 0 before the constructors. */
static int owner_pid;
static _Atomic bool timer_started;

bool kfence_owns_process(void)
{
	return owner_pid && owner_pid == host_getpid();
}

/*
 * It is started by the first allocation that asks for a turn, which gets none,
 * unless all do: what a process allocates first lives as long as the process.
 */
static bool timer_runs(void)
{
	if (!kmm_params.kfence_sample_interval ||
	    atomic_load_explicit(&timer_started, memory_order_relaxed))
		return true;
	if (!kfence_owns_process() ||
	    atomic_exchange(&timer_started, true))
		return false;
	/* Where there can be no thread, nothing but a count makes samples due. */
	host_start_thread(timer);
	if (kmm_params.kfence_sample == 1)
		return true;
	atomic_store(&kfence_wanted, 0);
	return false;
}

void kfence_enable(void)
{
	owner_pid = host_getpid();
}

/* The child has no timer: its first allocation starts one. */
void kfence_fork_child(void)
{
	owner_pid = host_getpid();
	if (!kfence_pool.size || kmm_params.kfence_all)
		return;
	atomic_store(&timer_started, false);
	if (kmm_params.kfence_sample_interval) {
		atomic_store(&kfence_wanted, 1);
		sheaf_take_mains(true);
	}
}

/* Boot -------------------------------------------------------------------- */

static bool create_pool(size_t size)
{
	size_t nr = size / UNIT_SIZE;
	size_t page = 1UL << host.page_shift;
	size_t units_size = ALIGN(nr * sizeof(u32), page);
	size_t tables_size = units_size +
			     ALIGN(nr * sizeof(struct kfence_metadata), page);
	void *tables = host_map(tables_size);
	void *start = tables ? host_reserve(size, PAGE_SIZE) : NULL;

	if (!start) {
		if (tables)
			host_unmap(tables, tables_size);
		return false;
	}
	kfence_pool.units = tables;
	kfence_pool.metadata = (void *)((char *)tables + units_size);
	kfence_pool.nr_units = (u32)nr;
	kfence_pool.start = (unsigned long)start;
	kfence_pool.size = nr * UNIT_SIZE;
	return true;
}

#define DEFAULT_MAX_MAP_COUNT 65530

static u32 max_map_count(void)
{
	char text[32] = "";
	const char *end;

	if (host_read_file("/proc/sys/vm/max_map_count", text,
			   sizeof(text) - 1, 0) <= 0)
		return DEFAULT_MAX_MAP_COUNT;
	return (u32)min_t(u64, memparse(text, &end), UINT32_MAX / 4);
}

static bool init_all(void)
{
	size_t size = ALL_MAX_SIZE;

	while (!create_pool(size)) {
		size /= 2;
		if (size < ALL_MIN_SIZE)
			return false;
	}
	cursor = 1;
	kfence_pool.window = (u32)min_t(u64, kfence_pool.nr_units,
			    kmm_params.kfence_quarantine / UNIT_SIZE + 64);
	/* Three quarters of them, and each block makes two. */
	max_allocated = max_map_count() / 4 * 3 / 2;
	calls_watched = true;
	return true;
}

static bool init_sampling(void)
{
	u32 unit;

	/* Unit 0 is a guard for the first object. */
	if (!create_pool((kmm_params.kfence_num_objects + 1) * UNIT_SIZE))
		return false;
	for (unit = 1; unit < kfence_pool.nr_units; unit++)
		put_free(&kfence_pool.metadata[unit]);
	kfence_pool.window = kfence_pool.nr_units;
	max_allocated = kfence_pool.nr_units;
	if (kmm_params.kfence_sample &&
	    kmm_params.kfence_sample < COUNT_EACH_BELOW)
		calls_watched = true;
	atomic_store(&count_left, (long)kmm_params.kfence_sample);
	return true;
}

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
	if (!(kmm_params.kfence_all ? init_all() : init_sampling())) {
		printk("WARNING: kfence: no address space for the pool: nothing is guarded\n");
		kmm_params.kfence_sample = 0;
		return;
	}
	kfence_install_handler();
	watch_at_exit(check_all_canaries);
	/* All are guarded; or the first one starts the timer. */
	atomic_store(&kfence_wanted, kmm_params.kfence_all ||
					     kmm_params.kfence_sample_interval ||
					     kmm_params.kfence_sample == 1);
}

int __init kfence_init(void)
{
	atomic_store(&kfence_wanted, 0);
	if (is_asked_for())
		start_guarding();
	return 0;
}
