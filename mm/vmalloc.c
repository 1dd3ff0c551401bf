// SPDX-License-Identifier: MIT
/*
 * vmalloc: blocks beyond the largest order, each a mapping of its own.
 *
 * The kernel's vmalloc() collects scattered pages and maps them side by side.
 * A process asks its host for a mapping and gets just that, so what is left to
 * do here is to know the blocks (free() has only an address), to guard their
 * ends, and to resize them by moving page tables instead of bytes.
 *
 *	base     start                        start + size       end
 *	  |       |  the block, whole pages     |  guard page      |
 *	  +-------+-----------------------------+------------------+
 *	   slack: empty, unless the host refused to take it back
 *
 * The guard page is inaccessible, so that running off the end of a block is
 * caught at once. It is a help, not a promise: where the host refuses it (each
 * costs an entry of its limited list of mappings), the block is handed out
 * without.
 *
 * States:	an area is mapped -> in the tree -> unmapped and its descriptor
 *		freed; or kept: on a list, to be a block again, see below; or, if
 *		the host refuses to unmap, -> lazy: on a list, without contents,
 *		to be unmapped later or to be a block again.
 * Invariants:	V1  vmap_tree is a treap of the areas, by start
 *		V2  base <= start < start + size <= end; start and size in whole
 *		    pages, base and end in whole pages of the host
 *		V3  no two areas' [base, end) overlap, kept and lazy ones included
 *		V4  nr_areas and nr_bytes are sums over the tree, nr_kept and
 *		    nr_bytes_kept over the kept areas
 * Locks:	vmap_lock guards the tree, the lists and the sums. No system
 *		call and no allocation while it is held; both may take long.
 * Races:	The host hands an address out again as soon as it is unmapped, so
 *		an area leaves the tree *before* its memory is unmapped or moved
 *		and enters *after* it is mapped; in between it belongs to the one
 *		thread that works on it. The other way round, a thread that was
 *		given the address meanwhile would find it in the tree (V3).
 *		Only the owner of a block frees or resizes it. Two who believe
 *		they are race for taking it out of the tree: the second finds
 *		nothing and is reported.
 * Source:	kernel mm/vmalloc.c (names and meanings).
 * Not here:	deciding that a request is large: mm/kmalloc.c, mm/util.c.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "failslab.h"
#include "internal.h"
#include "page_poison.h"
#include "slab.h"
#include "vmalloc.h"
#include "watch.h"

/*
 * Large blocks are often arrays of which little is used; huge pages would make
 * all of it resident. But a process that frees large blocks and asks for more
 * pays for its page faults again and again. So they get huge pages from this
 * size on, once as many bytes have been freed.
 */
#define VMALLOC_HUGE_SIZE (4UL << 20)
#define VMALLOC_HUGE_FREED (16UL << 20)

static spinlock_t vmap_lock = SPINLOCK_INIT(LOCK_RANK_VMAP);
struct treap vmap_tree = TREAP_INIT;
static unsigned long nr_areas;
static size_t nr_bytes;			/* of blocks, without guards */
static size_t nr_bytes_freed;		/* in all; read without the lock */
static LIST_HEAD(vmap_lazy);
static unsigned long nr_lazy;		/* read without the lock as a hint */
static LIST_HEAD(vmap_kept);		/* newest first */
static unsigned long nr_kept;		/* read without the lock as a hint */
static size_t nr_bytes_kept;		/* likewise */

static struct kmem_cache *vmap_area_cache;	/* set at boot */

static unsigned long area_start(const struct vmap_area *area)
{
	return area->node.key;
}

/* The end of the block, where its guard begins. */
static unsigned long area_tail(const struct vmap_area *area)
{
	return area->node.key + area->size;
}

static struct vmap_area *to_area(struct treap_node *node)
{
	return node ? container_of(node, struct vmap_area, node) : NULL;
}

/* The tree ---------------------------------------------------------------- */

static void area_insert(struct vmap_area *area)
{
	bool inserted;

	spin_lock(&vmap_lock);
	inserted = treap_insert(&vmap_tree, &area->node);
	nr_areas++;
	WRITE_ONCE(nr_bytes, nr_bytes + area->size);
	spin_unlock(&vmap_lock);
	/* Two mappings at one address: somebody unmapped memory of ours. */
	BUG_ON(!inserted);
}

/* Take the block that starts at @addr out of the tree; the caller owns it. */
static struct vmap_area *area_take(const void *addr)
{
	struct vmap_area *area;

	spin_lock(&vmap_lock);
	area = to_area(treap_find(&vmap_tree, (unsigned long)addr));
	if (area) {
		treap_erase(&vmap_tree, &area->node);
		nr_areas--;
		WRITE_ONCE(nr_bytes, nr_bytes - area->size);
		WRITE_ONCE(nr_bytes_freed, nr_bytes_freed + area->size);
	}
	spin_unlock(&vmap_lock);
	return area;
}

size_t vmalloc_size(const void *addr)
{
	struct vmap_area *area;
	size_t size;

	spin_lock(&vmap_lock);
	area = to_area(treap_find(&vmap_tree, (unsigned long)addr));
	size = area ? area->size : 0;
	spin_unlock(&vmap_lock);
	return size;
}

bool vmalloc_find(const void *addr, unsigned long *start, size_t *size)
{
	struct vmap_area *area;
	bool found;

	spin_lock(&vmap_lock);
	area = to_area(treap_floor(&vmap_tree, (unsigned long)addr));
	found = area && (unsigned long)addr < area_tail(area);
	if (found) {
		*start = area_start(area);
		*size = area->size;
	}
	spin_unlock(&vmap_lock);
	return found;
}

void vmalloc_set_owner(const void *addr, const struct page_owner *owner)
{
	struct vmap_area *area;

	spin_lock(&vmap_lock);
	area = to_area(treap_find(&vmap_tree, (unsigned long)addr));
	if (area)
		area->owner = *owner;
	spin_unlock(&vmap_lock);
}

size_t vmalloc_bytes(void)
{
	return READ_ONCE(nr_bytes) + READ_ONCE(nr_bytes_kept);
}

size_t vmalloc_bytes_freed(void)
{
	return READ_ONCE(nr_bytes_freed);
}

void vmalloc_stat(unsigned long *areas, size_t *bytes)
{
	spin_lock(&vmap_lock);
	*areas = nr_areas;
	*bytes = nr_bytes;
	spin_unlock(&vmap_lock);
}

/* Unmapping, and what the host refuses to unmap --------------------------- */

/*
 * munmap() fails when cutting a hole would need one mapping more than the
 * process may have. That happens to blocks without a guard, which the host has
 * joined with their neighbours: just when mappings are scarce. Such a block
 * gives back its memory at least, and waits for its address space to go.
 */
static noinline void area_defer(struct vmap_area *area)
{
	area->dirty = host_discard((void *)area_start(area), area->size) != 0;
	spin_lock(&vmap_lock);
	list_add_tail(&area->lazy, &vmap_lazy);
	WRITE_ONCE(nr_lazy, nr_lazy + 1);
	spin_unlock(&vmap_lock);
}

/* The area belongs to the caller alone and is gone afterwards. */
static void area_unmap(struct vmap_area *area)
{
	if (unlikely(host_unmap((void *)area->base, area->end - area->base)))
		area_defer(area);
	else
		sheaf_free_unwatched(vmap_area_cache, area, NULL);
}

/* The area that has been lazy for longest; NULL if there is none. */
static struct vmap_area *lazy_take(void)
{
	struct vmap_area *area = NULL;

	if (likely(!READ_ONCE(nr_lazy)))
		return NULL;
	spin_lock(&vmap_lock);
	if (!list_empty(&vmap_lazy)) {
		area = list_first_entry(&vmap_lazy, struct vmap_area, lazy);
		list_del_init(&area->lazy);
		WRITE_ONCE(nr_lazy, nr_lazy - 1);
	}
	spin_unlock(&vmap_lock);
	return area;
}

/*
 * Each request for a block looks at one lazy area: it is used if it fits, and
 * otherwise the host is asked once more to take it. Each vfree() asks for one
 * more. So the list drains as fast as blocks come and go, and nobody pays for
 * its length.
 */
static struct vmap_area *lazy_reuse(size_t size, size_t align)
{
	struct vmap_area *area = lazy_take();

	if (likely(!area))
		return NULL;
	if (area->size >= size && area->size / 2 <= size &&
	    IS_ALIGNED(area_start(area), align))
		return area;
	area_unmap(area);
	return NULL;
}

static void lazy_retry(void)
{
	struct vmap_area *area = lazy_take();

	if (unlikely(area))
		area_unmap(area);
}

/* Mapping ----------------------------------------------------------------- */

/*
 * Map a block of @size at a multiple of @align, both whole pages:
 *
 *	base | cut off | size            | guard | cut off | end
 *		       ^ align
 *
 * The host aligns to its own pages, so at worst all but one of them of an
 * @align are cut off. A part that it refuses to take back stays in the mapping
 * and goes with the block.
 */
static bool area_map(struct vmap_area *area, size_t size, size_t align)
{
	unsigned long base, start, end, guard_end;
	size_t bytes;

	if (check_add_overflow(size + PAGE_SIZE,
			       align - (1UL << host.page_shift), &bytes))
		return false;
	base = (unsigned long)host_map(bytes);
	if (!base)
		return false;
	end = base + bytes;
	start = ALIGN(base, align);
	guard_end = start + size + PAGE_SIZE;

	if (start != base && !host_unmap((void *)base, start - base))
		base = start;
	if (guard_end != end &&
	    !host_unmap((void *)guard_end, end - guard_end))
		end = guard_end;
	/* Without its guard the block is still a block. */
	host_protect_none((void *)(start + size), end - start - size);

	area->node.key = start;
	area->size = size;
	area->base = base;
	area->end = end;
	memset(&area->owner, 0, sizeof(area->owner));
	INIT_LIST_HEAD(&area->lazy);
	return true;
}

static bool want_huge(size_t size)
{
	if (size < VMALLOC_HUGE_SIZE || kmm_params.thp == THP_NEVER)
		return false;
	return kmm_params.thp == THP_ALWAYS ||
	       READ_ONCE(nr_bytes_freed) >= VMALLOC_HUGE_FREED;
}

/* Resizing ---------------------------------------------------------------- */

/* Of a page that was part of a block: do not pay for its contents. */
static void make_guard(unsigned long addr)
{
	host_discard((void *)addr, PAGE_SIZE);
	host_protect_none((void *)addr, PAGE_SIZE);
}

/*
 * The first page given up becomes the guard, the rest goes back:
 *
 *	| block           | old guard |
 *	| block | guard |   unmapped  |
 *
 * If the host keeps the rest, the block stays as large as it was.
 */
static void area_shrink(struct vmap_area *area, size_t size)
{
	unsigned long tail = area_start(area) + size;
	unsigned long guard_end = tail + PAGE_SIZE;

	if (host_unmap((void *)guard_end, area->end - guard_end))
		return;
	area->size = size;
	area->end = guard_end;
	make_guard(tail);
}

static void area_restore_guard(struct vmap_area *area)
{
	unsigned long tail = area_tail(area);

	/* Another thread may have mapped something there by now. */
	if (host_map_fixed((void *)tail, PAGE_SIZE))
		return;
	area->end = tail + PAGE_SIZE;
	host_protect_none((void *)tail, PAGE_SIZE);
}

/*
 * The guard goes first: it would be in the way of growing in place. That is
 * worth it, since the host places mappings from high to low addresses. A block
 * that had to move leaves a hole as large as it was right above its new place,
 * and grows into it next: growing in small steps takes few moves.
 *
 *	                        | block     | G |
 *	| larger block    | G |   hole          |	moved
 *	| still larger block           | G | hole |	in place
 */
static bool area_grow(struct vmap_area *area, size_t size)
{
	unsigned long start = area_start(area), tail = area_tail(area);
	size_t bytes;
	void *to;

	/* Moving would leave the slack behind, with nobody to remember it. And
	 * the host aligns the new place to its own pages, not to larger ones. */
	if (area->base != start || PAGE_SHIFT != host.page_shift ||
	    check_add_overflow(size, PAGE_SIZE, &bytes))
		return false;
	if (area->end != tail) {
		if (host_unmap((void *)tail, area->end - tail))
			return false;
		area->end = tail;
	}
	to = host_remap((void *)start, area->size, bytes);
	if (!to) {
		area_restore_guard(area);
		return false;
	}
	area->node.key = (unsigned long)to;
	area->size = size;
	area->base = (unsigned long)to;
	area->end = (unsigned long)to + bytes;
	host_protect_none((void *)area_tail(area), PAGE_SIZE);
	return true;
}

/* Kept areas -------------------------------------------------------------- */

/*
 * Page faults are most of what a large block costs. Once a process has freed
 * VMALLOC_HUGE_FREED bytes of such blocks, those it frees are kept with their
 * contents for the next requests:
 *
 *	smaller		| block | guard | rest, kept as an area |
 *	larger		the kept area grows, which costs faults for the new part
 *
 * They count as resident, so that page_reporting_make_room() lets them go before
 * the process passes its highest level. The reporter lets go of what was not
 * used for a second.
 *
 * Only blocks that are resident are kept: in one that was touched here and
 * there, its next user would touch other pages. And nobody gets one who wants
 * it cleared: clearing would touch all of it.
 */
#define VMALLOC_KEEP_MIN (1UL << 20)
#define VMALLOC_KEEP_AREAS 32

static bool worth_keeping(const struct vmap_area *area)
{
	size_t resident;

	if (!kmm_params.page_reporting || memcheck_active() || page_debug_on ||
	    area->size < VMALLOC_KEEP_MIN ||
	    READ_ONCE(nr_bytes_freed) < VMALLOC_HUGE_FREED)
		return false;
	resident = host_resident((void *)area_start(area), area->size);
	return resident >= area->size - area->size / 8;
}

static void kept_add(struct vmap_area *area, bool old)
{
	lockdep_assert_held(&vmap_lock);
	area->old = old;
	if (old)
		list_add_tail(&area->lazy, &vmap_kept);
	else
		list_add(&area->lazy, &vmap_kept);
	WRITE_ONCE(nr_kept, nr_kept + 1);
	WRITE_ONCE(nr_bytes_kept, nr_bytes_kept + area->size);
}

static struct vmap_area *kept_del(struct vmap_area *area)
{
	lockdep_assert_held(&vmap_lock);
	list_del_init(&area->lazy);
	WRITE_ONCE(nr_kept, nr_kept - 1);
	WRITE_ONCE(nr_bytes_kept, nr_bytes_kept - area->size);
	return area;
}

/* The area that has been kept for longest; NULL if there is none. */
static struct vmap_area *kept_take_oldest(void)
{
	struct vmap_area *area = NULL;

	spin_lock(&vmap_lock);
	if (!list_empty(&vmap_kept))
		area = kept_del(list_last_entry(&vmap_kept, struct vmap_area,
						lazy));
	spin_unlock(&vmap_lock);
	return area;
}

static void keep_area(struct vmap_area *area)
{
	spin_lock(&vmap_lock);
	kept_add(area, false);
	spin_unlock(&vmap_lock);
	if (READ_ONCE(nr_kept) > VMALLOC_KEEP_AREAS) {
		area = kept_take_oldest();
		if (area)
			area_unmap(area);
	}
	if (READ_ONCE(nr_bytes_kept) >= PAGE_REPORTING_MIN &&
	    !atomic_load_explicit(&page_reporting_active,
				  memory_order_relaxed))
		page_reporting_start();
}

/* Be rid of a block's area, which belongs to the caller alone. */
static void area_release(struct vmap_area *area)
{
	if (worth_keeping(area))
		keep_area(area);
	else
		area_unmap(area);
}

static bool may_grow(const struct vmap_area *area, size_t align)
{
	/* Moving would leave the slack behind, with nobody to remember it. And
	 * the host aligns the new place to its own pages, not to larger ones. */
	return area->base == area_start(area) && align <= PAGE_SIZE &&
	       PAGE_SHIFT == host.page_shift;
}

/* The smallest area that is large enough; or else the largest, if it may grow. */
static struct vmap_area *kept_take(size_t size, size_t align)
{
	struct vmap_area *area, *best = NULL;

	spin_lock(&vmap_lock);
	list_for_each_entry(area, &vmap_kept, lazy) {
		if (!IS_ALIGNED(area_start(area), align) ||
		    (area->size < size && !may_grow(area, align)))
			continue;
		if (!best || (best->size < size ? area->size > best->size :
			      area->size >= size && area->size < best->size))
			best = area;
	}
	if (best)
		kept_del(best);
	spin_unlock(&vmap_lock);
	return best;
}

/* Cut an area to @size; what is over is kept, if that is enough. */
static void area_split(struct vmap_area *area, size_t size)
{
	unsigned long tail = area_start(area) + size;
	struct vmap_area *rest = NULL;

	if (area->size >= size + PAGE_SIZE + VMALLOC_KEEP_MIN)
		rest = sheaf_alloc_unwatched(vmap_area_cache,
					     GFP_KERNEL | __GFP_NOWARN, 0,
					     NULL);
	if (!rest) {
		area_shrink(area, size);
		return;
	}
	rest->base = tail + PAGE_SIZE;
	rest->node.key = rest->base;
	rest->size = area->size - size - PAGE_SIZE;
	rest->end = area->end;
	rest->dirty = false;
	area->size = size;
	area->end = rest->base;
	make_guard(tail);
	keep_area(rest);
}

static struct vmap_area *kept_reuse(size_t size, size_t align)
{
	struct vmap_area *area;

	if (likely(!READ_ONCE(nr_kept)))
		return NULL;
	area = kept_take(size, align);
	if (!area)
		return NULL;
	if (area->size > size) {
		area_split(area, size);
	} else if (area->size < size) {
		/* All of it: the area counts nowhere at the moment. */
		page_reporting_make_room(size >> PAGE_SHIFT, true);
		if (!area_grow(area, size)) {
			area_unmap(area);
			return NULL;
		}
	}
	memset(&area->owner, 0, sizeof(area->owner));
	return area;
}

/* Let kept areas go, the oldest first, and of the last one only its end; not in
 * tiny steps, since each is a few system calls. */
size_t vmalloc_shrink(size_t bytes)
{
	struct vmap_area *area;
	size_t done = 0, size;

	if (likely(!READ_ONCE(nr_kept)))
		return 0;
	bytes = max_t(size_t, bytes, VMALLOC_KEEP_MIN);
	while (done < bytes && (area = kept_take_oldest()) != NULL) {
		size = area->size;
		if (size <= bytes - done ||
		    size - (bytes - done) < VMALLOC_KEEP_MIN) {
			area_unmap(area);
			done += size;
			continue;
		}
		area_shrink(area, size - PAGE_ALIGN(bytes - done));
		done += size - area->size;
		spin_lock(&vmap_lock);
		kept_add(area, true);
		spin_unlock(&vmap_lock);
		break;
	}
	return done;
}

/* For the reporter: let go of what it has seen here before. */
size_t vmalloc_age(void)
{
	struct vmap_area *area, *next;
	LIST_HEAD(unused);
	size_t done = 0;

	spin_lock(&vmap_lock);
	list_for_each_entry_safe(area, next, &vmap_kept, lazy) {
		if (area->old)
			list_add(&kept_del(area)->lazy, &unused);
		area->old = true;
	}
	spin_unlock(&vmap_lock);
	list_for_each_entry_safe(area, next, &unused, lazy) {
		done += area->size;
		list_del_init(&area->lazy);
		area_unmap(area);
	}
	return done;
}

/* Blocks ------------------------------------------------------------------ */

static struct vmap_area *new_area(size_t size, size_t align, bool huge)
{
	struct vmap_area *area;

	/* The failure is that of the block: its caller reports it. */
	area = sheaf_alloc_unwatched(vmap_area_cache,
				     GFP_KERNEL | __GFP_NOWARN, 0, NULL);
	if (!area)
		return NULL;
	page_reporting_make_room(size >> PAGE_SHIFT, true);
	if (!area_map(area, size, align) &&
	    (!vmalloc_shrink(SIZE_MAX) || !area_map(area, size, align))) {
		sheaf_free_unwatched(vmap_area_cache, area, NULL);
		return NULL;
	}
	if (huge)
		huge_advise((void *)area_start(area), size);
	return area;
}

/* An area that had contents, or is about to be mapped. */
static struct vmap_area *get_area(size_t size, size_t align, bool *zeroed)
{
	bool huge = want_huge(size);
	struct vmap_area *area;

	if (!*zeroed) {
		area = kept_reuse(size, align);
		if (area)
			return area;
	}
	if (huge)
		align = max_t(size_t, align, PAGE_SIZE << pageblock_order);
	area = lazy_reuse(size, align);
	if (unlikely(area)) {
		*zeroed = !area->dirty;
		return area;
	}
	*zeroed = true;
	return new_area(size, align, huge);
}

void *vmalloc_aligned(size_t size, size_t align, bool *zeroed)
{
	struct vmap_area *area;
	void *addr;

	/* No process has as much; it keeps the rounding below from wrapping. */
	if (!size || size > PTRDIFF_MAX || align > PTRDIFF_MAX)
		return NULL;
	area = get_area(PAGE_ALIGN(size), max_t(size_t, align, PAGE_SIZE),
			zeroed);
	if (!area)
		return NULL;
	/* Once in the tree, only whoever gets the address may touch it. */
	addr = (void *)area_start(area);
	area_insert(area);
	return addr;
}

bool vmalloc_free(void *addr)
{
	struct vmap_area *area = area_take(addr);

	if (!area)
		return false;
	area_release(area);
	lazy_retry();
	return true;
}

void *vmalloc_resize(void *addr, size_t new_size)
{
	struct vmap_area *area;
	bool done = true;

	/* A memory checker must see each byte copied to believe it is there. */
	if (!new_size || new_size > PTRDIFF_MAX || memcheck_active())
		return NULL;
	new_size = PAGE_ALIGN(new_size);

	area = area_take(addr);
	if (!area)
		return NULL;
	if (new_size < area->size) {
		area_shrink(area, new_size);
	} else if (new_size > area->size) {
		/* All of it: the area counts nowhere at the moment. */
		page_reporting_make_room(new_size >> PAGE_SHIFT, false);
		done = area_grow(area, new_size);
	}
	addr = (void *)area_start(area);
	area_insert(area);
	return done ? addr : NULL;
}

/* The public functions ---------------------------------------------------- */

/* Times a __GFP_NOFAIL request is tried again before the process is ended:
 * other threads may unmap something meanwhile. */
#define NOFAIL_RETRIES 16

static noinline void *vmalloc_nofail(size_t size, bool *zeroed)
{
	unsigned int try;
	void *p;

	for (try = 0; try < NOFAIL_RETRIES; try++) {
		report_free_pages(0, false, ULONG_MAX);
		p = vmalloc_aligned(size, PAGE_SIZE, zeroed);
		if (p)
			return p;
	}
	kmm_bug("BUG vmalloc: __GFP_NOFAIL request of %zu bytes failed\n",
		size);
}

/* Inside the gate. The block is not yet known to the memory checkers. */
static void *vmalloc_try(size_t size, gfp_t gfp)
{
	bool zeroed = gfp & __GFP_ZERO;
	void *p;

	/* Mapping is a system call that waits for the process's other ones. */
	if (!gfpflags_allow_blocking(gfp))
		return NULL;
	p = vmalloc_aligned(size, PAGE_SIZE, &zeroed);
	if (!p && (gfp & __GFP_NOFAIL))
		p = vmalloc_nofail(size, &zeroed);
	if (!p) {
		if (!(gfp & __GFP_NOWARN))
			printk_once("WARNING: vmalloc error: size %zu, no address space\n",
				    size);
		return NULL;
	}
	/* The whole block, see clear_tail(). */
	if (want_init_on_alloc(gfp) && !zeroed)
		memset(p, 0, vmalloc_size(p));
	return p;
}

/* Tell the memory checkers of a block: @size bytes, and not the rest of its last
 * page. */
static void memcheck_learn(void *p, size_t size, bool zeroed)
{
	if (!memcheck_active())
		return;
	memcheck_poison(p, vmalloc_size(p));
	memcheck_alloc(p, size, zeroed);
}

static void *vmalloc_caller(unsigned long size, gfp_t gfp, const void *caller)
{
	void *p = NULL;

	if (!size) {
		printk_once("WARNING: vmalloc: size 0 requested\n");
		return NULL;
	}
	if (!mm_ready())
		return NULL;
	if (!should_fail_alloc_page(WATCH_VMALLOC, gfp, 0, size, caller)) {
		gate_enter();
		p = vmalloc_try(size, gfp);
		if (p)
			memcheck_learn(p, size, gfp & __GFP_ZERO);
		gate_exit();
	}
	watch_alloc(WATCH_VMALLOC, p, size, gfp, caller);
	return p;
}

void *__vmalloc_noprof(unsigned long size, gfp_t gfp)
{
	return vmalloc_caller(size, gfp, __builtin_return_address(0));
}

void *vmalloc_noprof(unsigned long size)
{
	return vmalloc_caller(size, GFP_KERNEL, __builtin_return_address(0));
}

void *vzalloc_noprof(unsigned long size)
{
	return vmalloc_caller(size, GFP_KERNEL | __GFP_ZERO,
			      __builtin_return_address(0));
}

void *vmalloc_node_noprof(unsigned long size, int node)
{
	(void)node;
	return vmalloc_caller(size, GFP_KERNEL, __builtin_return_address(0));
}

void *vmalloc_array_noprof(size_t n, size_t size)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return NULL;
	return vmalloc_caller(bytes, GFP_KERNEL, __builtin_return_address(0));
}

void *vcalloc_noprof(size_t n, size_t size)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return NULL;
	return vmalloc_caller(bytes, GFP_KERNEL | __GFP_ZERO,
			      __builtin_return_address(0));
}

/* Tell the memory checkers that the block is no more, and that its bytes are
 * the host's: what gets mapped there next must not look poisoned. */
static void memcheck_forget(void *p, size_t size)
{
	memcheck_free(p, size);
	memcheck_unpoison(p, size);
}

void vfree(const void *addr)
{
	struct vmap_area *area;

	if (!addr || !mm_ready())
		return;
	watch_free(WATCH_VFREE, addr, __builtin_return_address(0));
	gate_enter();
	area = area_take(addr);
	if (likely(area)) {
		memcheck_forget((void *)addr, area->size);
		area_release(area);
		lazy_retry();
	}
	gate_exit();
	if (unlikely(!area))
		bad_free(addr, __builtin_return_address(0), "vfree");
}

bool is_vmalloc_addr(const void *addr)
{
	unsigned long start;
	size_t size;
	bool found;

	if (!mm_ready())
		return false;
	gate_enter();
	found = vmalloc_find(addr, &start, &size);
	gate_exit();
	return found;
}

/* As the kernel does it: a new block, a copy, and the old block freed. */
static void *vrealloc_copy(void *p, size_t old_size, size_t size, gfp_t gfp)
{
	void *to = vmalloc_try(size, gfp);

	if (!to)
		return NULL;
	memcheck_learn(to, size, gfp & __GFP_ZERO);
	/* What was asked for is not recorded; the block's last page may have
	 * bytes that the checkers were told nobody uses. */
	memcheck_unpoison(p, old_size);
	memcpy(to, p, min_t(size_t, old_size, size));
	memcheck_forget(p, old_size);
	vmalloc_free(p);
	return to;
}

/* The same block with another requested size. */
static void *vrealloc_in_place(void *p, size_t old_size, size_t size)
{
	memcheck_forget(p, old_size);
	memcheck_learn(p, size, true);
	return p;
}

/*
 * With __GFP_ZERO in every call, the bytes from the requested size to the end
 * of the block always read as zero, so growing has nothing to clear:
 *
 *	| size | 0 0 0 |		a page of the block
 *	| size         | 0 0 0 0 |	grown
 *
 * What shrinking leaves of the old contents is therefore cleared at once.
 */
static void clear_tail(void *p, size_t old_size, size_t size)
{
	size_t end = min_t(size_t, old_size, vmalloc_size(p));

	if (size >= end)
		return;
	memcheck_unpoison((char *)p + size, end - size);
	memset((char *)p + size, 0, end - size);
	memcheck_poison((char *)p + size, end - size);
}

void *vrealloc_noprof(const void *addr, size_t size, gfp_t gfp)
{
	void *p = (void *)addr, *to;
	size_t old_size;

	if (!size) {
		vfree(addr);
		return NULL;
	}
	if (!addr)
		return __vmalloc_noprof(size, gfp);
	if (!mm_ready() ||
	    should_fail_alloc_page(WATCH_VMALLOC, gfp, 0, size,
				   __builtin_return_address(0)))
		return NULL;

	gate_enter();
	old_size = vmalloc_size(p);
	if (!old_size) {
		gate_exit();
		bad_free(addr, __builtin_return_address(0), "vrealloc");
		return NULL;
	}
	if (gfpflags_allow_blocking(gfp)) {
		/* Watchers know of no mapping that moved: theirs is a copy. */
		to = calls_watched ? NULL : vmalloc_resize(p, size);
		if (!to)
			to = vrealloc_copy(p, old_size, size, gfp);
	} else {
		to = size <= old_size ? vrealloc_in_place(p, old_size, size) :
					NULL;
	}
	if (to && (gfp & __GFP_ZERO))
		clear_tail(to, old_size, size);
	gate_exit();
	return to;
}

/* Boot and checks --------------------------------------------------------- */

int __init vmalloc_init(void)
{
	struct kmem_cache_args args = { .align = _Alignof(struct vmap_area) };

	vmap_area_cache = __kmem_cache_create_args("vmap_area",
						   sizeof(struct vmap_area),
						   &args, SLAB_NO_MERGE);
	return vmap_area_cache ? 0 : -ENOMEM;
}

/* V2 */
static bool area_well_formed(const struct vmap_area *area)
{
	unsigned long host_page = 1UL << host.page_shift;

	return area->base <= area_start(area) && area->size != 0 &&
	       area_start(area) < area_tail(area) &&
	       area_tail(area) <= area->end &&
	       IS_ALIGNED(area_start(area) | area->size, PAGE_SIZE) &&
	       IS_ALIGNED(area->base | area->end, host_page);
}

/* Does a kept or lazy area share an address with one in the tree? */
static bool lazy_overlaps(const struct vmap_area *lazy)
{
	struct vmap_area *below;

	below = to_area(treap_floor(&vmap_tree, lazy->end - 1));
	if (!below)
		return false;
	if (below->end > lazy->base)
		return true;
	below = to_area(treap_next(&vmap_tree, &below->node));
	return below && below->base < lazy->end;
}

static bool validate_list(const struct list_head *list, unsigned long *areas,
			  size_t *bytes)
{
	struct vmap_area *area;

	list_for_each_entry(area, list, lazy) {
		if (!area_well_formed(area) || lazy_overlaps(area))
			return false;
		++*areas;
		*bytes += area->size;
	}
	return true;
}

static unsigned int validate_locked(void)
{
	struct vmap_area *area, *prev = NULL;
	struct treap_node *node;
	unsigned long areas = 0;
	size_t bytes = 0;

	if (treap_validate(&vmap_tree))
		return 1;
	for (node = treap_ceil(&vmap_tree, 0); node;
	     node = treap_next(&vmap_tree, node)) {
		area = to_area(node);
		if (!area_well_formed(area))
			return 2;
		if (prev && prev->end > area->base)
			return 3;
		areas++;
		bytes += area->size;
		prev = area;
	}
	if (areas != nr_areas || bytes != nr_bytes)
		return 4;
	if (!validate_list(&vmap_lazy, &areas, &bytes))
		return 2;
	areas = bytes = 0;
	if (!validate_list(&vmap_kept, &areas, &bytes))
		return 2;
	return areas != nr_kept || bytes != nr_bytes_kept ? 4 : 0;
}

unsigned int vmalloc_validate(void)
{
	unsigned int bad;

	spin_lock(&vmap_lock);
	bad = validate_locked();
	spin_unlock(&vmap_lock);
	return bad;
}
