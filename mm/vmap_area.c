// SPDX-License-Identifier: MIT
/*
 * Areas: mappings that are blocks of vmalloc() and of large malloc()s.
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
 *		freed; or kept: on a list, to be a block again (vmap_kept.c); or,
 *		if the host refuses to unmap, -> lazy: on a list, without
 *		contents, to be unmapped later or to be a block again.
 * Invariants:	V1  vmap_tree is a treap of the areas, by start
 *		V2  base <= start < start + size <= end; start and size in whole
 *		    pages, base and end in whole pages of the host
 *		V3  no two areas' [base, end) overlap, kept and lazy ones included
 *		V4  nr_areas and nr_bytes are sums over the tree, nr_kept and
 *		    nr_bytes_kept over the kept areas
 * Lock order:	vmap_lock guards the tree, the lists and the sums. No other lock,
 *		no system call and no allocation while it is held.
 * Races:	The host hands an address out again as soon as it is unmapped, so
 *		an area leaves the tree *before* its memory is unmapped or moved
 *		and enters *after* it is mapped; in between it belongs to the one
 *		thread that works on it. The other way round, a thread that was
 *		given the address meanwhile would find it in the tree (V3).
 *		Only the owner of a block frees or resizes it. Two who believe
 *		they are race for taking it out of the tree: the second finds
 *		nothing and is reported.
 * Context:	inside the fork gate.
 * Source:	kernel mm/vmalloc.c (names and meanings).
 * Not here:	vmalloc() and its relatives (vmalloc.c); freed blocks that are
 *		kept (vmap_kept.c); deciding that a request
 *		is large (kmalloc.c, util.c).
 */
#include <errno.h>
#include <string.h>

#include <linux/overflow.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "internal.h"
#include "slab.h"
#include "vmalloc.h"

/*
 * Large blocks are often arrays of which little is used; huge pages would make
 * all of it resident. But a process that fills large blocks, frees them and asks
 * for more pays for its page faults again and again. So they get huge pages from
 * this size on, once VMALLOC_HUGE_FREED bytes have been freed that were full, and
 * as long as the latest ones were: of those that were not, the bytes are taken off
 * again. So many at most are remembered that two or three large blocks tell.
 */
#define VMALLOC_HUGE_SIZE (4UL << 20)
#define VMALLOC_FULL_MAX (4 * VMALLOC_HUGE_FREED)

spinlock_t vmap_lock = SPINLOCK_INIT(LOCK_RANK_VMAP);
struct treap vmap_tree = TREAP_INIT;
static unsigned long nr_areas;
static size_t nr_bytes;			/* of blocks, without guards */
static size_t nr_bytes_freed;		/* in all; read without the lock */
static size_t nr_bytes_full;		/* freed, and used; likewise */
static LIST_HEAD(vmap_lazy);
static unsigned long nr_lazy;		/* read without the lock as a hint */

static struct kmem_cache vmap_area_cache;	/* set up at boot */

/* A descriptor. Its failure is that of the block: the caller reports it. */
struct vmap_area *vmap_area_alloc(void)
{
	return sheaf_alloc_unwatched(&vmap_area_cache,
				     GFP_KERNEL | __GFP_NOWARN, 0, NULL);
}

void vmap_area_free(struct vmap_area *area)
{
	sheaf_free_unwatched(&vmap_area_cache, area, NULL);
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

struct vmap_area *vmap_take(const void *addr)
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
	found = area && (unsigned long)addr < vmap_tail(area);
	if (found) {
		*start = vmap_start(area);
		*size = area->size;
	}
	spin_unlock(&vmap_lock);
	return found;
}

void vmalloc_set_owner(const void *addr, const struct page_owner *owner)
{
	struct vmap_area *area;

	VM_BUG_ON(!gate_held());
	spin_lock(&vmap_lock);
	area = to_area(treap_find(&vmap_tree, (unsigned long)addr));
	if (area)
		area->owner = *owner;
	spin_unlock(&vmap_lock);
}

size_t vmalloc_bytes(void)
{
	return READ_ONCE(nr_bytes) + vmap_kept_bytes();
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
	area->dirty = host_discard((void *)vmap_start(area), area->size) != 0;
	spin_lock(&vmap_lock);
	list_add_tail(&area->lazy, &vmap_lazy);
	WRITE_ONCE(nr_lazy, nr_lazy + 1);
	spin_unlock(&vmap_lock);
}

void vmap_unmap(struct vmap_area *area)
{
	if (unlikely(host_unmap((void *)area->base, area->end - area->base)))
		area_defer(area);
	else
		vmap_area_free(area);
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
	    IS_ALIGNED(vmap_start(area), align))
		return area;
	vmap_unmap(area);
	return NULL;
}

static void lazy_retry(void)
{
	struct vmap_area *area = lazy_take();

	if (unlikely(area))
		vmap_unmap(area);
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
	       READ_ONCE(nr_bytes_full) >= VMALLOC_HUGE_FREED;
}

/* Resizing ---------------------------------------------------------------- */

/* The page was part of a block: do not pay for its contents. */
void vmap_guard(unsigned long addr)
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
void vmap_shrink(struct vmap_area *area, size_t size)
{
	unsigned long tail = vmap_start(area) + size;
	unsigned long guard_end = tail + PAGE_SIZE;

	if (host_unmap((void *)guard_end, area->end - guard_end))
		return;
	area->size = size;
	area->end = guard_end;
	vmap_guard(tail);
}

static void area_restore_guard(struct vmap_area *area)
{
	unsigned long tail = vmap_tail(area);

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
bool vmap_grow(struct vmap_area *area, size_t size)
{
	unsigned long start = vmap_start(area), tail = vmap_tail(area);
	size_t bytes;
	void *to;

	if (!vmap_may_grow(area) || check_add_overflow(size, PAGE_SIZE, &bytes))
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
	host_protect_none((void *)vmap_tail(area), PAGE_SIZE);
	return true;
}

/* Blocks ------------------------------------------------------------------ */

static struct vmap_area *new_area(size_t size, size_t align, bool huge)
{
	struct vmap_area *area;
	unsigned long highest;

	area = vmap_area_alloc();
	if (!area)
		return NULL;
	highest = page_reporting_make_room(size >> PAGE_SHIFT, true);
	if (!area_map(area, size, align) &&
	    (!vmalloc_shrink(SIZE_MAX) || !area_map(area, size, align))) {
		page_reporting_no_room(highest);
		vmap_area_free(area);
		return NULL;
	}
	if (huge)
		huge_advise((void *)vmap_start(area), size);
	return area;
}

/* An area that had contents, or is about to be mapped. */
static struct vmap_area *get_area(size_t size, size_t align, bool *zeroed)
{
	bool huge = want_huge(size);
	struct vmap_area *area;

	if (!*zeroed) {
		area = vmap_reuse_kept(size, align);
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
	addr = (void *)vmap_start(area);
	area_insert(area);
	return addr;
}

static void note_full(size_t size, bool full)
{
	size_t bytes;

	spin_lock(&vmap_lock);
	bytes = nr_bytes_full;
	if (full)
		bytes = min_t(size_t, bytes + size, VMALLOC_FULL_MAX);
	else
		bytes -= min_t(size_t, bytes, size);
	WRITE_ONCE(nr_bytes_full, bytes);
	spin_unlock(&vmap_lock);
}

void vmap_release(struct vmap_area *area)
{
	bool full = area->size >= VMALLOC_KEEP_MIN && vmap_is_full(area);

	if (area->size >= VMALLOC_KEEP_MIN)
		note_full(area->size, full);
	if (!full || !vmap_keep(area))
		vmap_unmap(area);
	lazy_retry();
}

bool vmalloc_free(void *addr)
{
	struct vmap_area *area = vmap_take(addr);

	if (!area)
		return false;
	vmap_release(area);
	return true;
}

/* False: it is not that large, though perhaps larger than it was. */
static bool area_grow(struct vmap_area *area, size_t size, bool zeroed)
{
	unsigned long highest;
	bool once;

	if (!zeroed)
		vmap_grow_into_kept(area, size);
	if (area->size >= size)
		return true;
	/* All of it: the area counts nowhere at the moment. Buffers are read in once
	 * in most processes, and leave behind what they were copied from. Where one
	 * comes after the other, the next one will need that. */
	once = vmalloc_bytes_freed() < VMALLOC_HUGE_FREED;
	highest = page_reporting_make_room(size >> PAGE_SHIFT, once);
	if (vmap_grow(area, size))
		return true;
	page_reporting_no_room(highest);
	return false;
}

void *vmalloc_resize(void *addr, size_t new_size, bool zeroed)
{
	struct vmap_area *area;
	bool done = true;

	/* A memory checker must see each byte copied to believe it is there. */
	if (!new_size || new_size > PTRDIFF_MAX || memcheck_active())
		return NULL;
	new_size = PAGE_ALIGN(new_size);

	area = vmap_take(addr);
	if (!area)
		return NULL;
	if (new_size < area->size)
		vmap_shrink(area, new_size);
	else if (new_size > area->size)
		done = area_grow(area, new_size, zeroed);
	addr = (void *)vmap_start(area);
	area_insert(area);
	return done ? addr : NULL;
}

/* Boot and checks --------------------------------------------------------- */

/* In static memory: created, it would be the first object of two caches, whose
 * slabs and sheaves few processes need otherwise. */
int __init vmalloc_init(void)
{
	return boot_cache(&vmap_area_cache, "vmap_area",
			  sizeof(struct vmap_area), _Alignof(struct vmap_area),
			  SLAB_NO_MERGE);
}

/* V2 */
static bool area_well_formed(const struct vmap_area *area)
{
	unsigned long host_page = 1UL << host.page_shift;

	return area->base <= vmap_start(area) && area->size != 0 &&
	       vmap_start(area) < vmap_tail(area) &&
	       vmap_tail(area) <= area->end &&
	       IS_ALIGNED(vmap_start(area) | area->size, PAGE_SIZE) &&
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

bool vmap_list_validate(const struct list_head *list, unsigned long *areas,
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
	if (!vmap_list_validate(&vmap_lazy, &areas, &bytes))
		return 2;
	return vmap_kept_validate();
}

unsigned int vmalloc_validate(void)
{
	unsigned int bad;

	spin_lock(&vmap_lock);
	bad = validate_locked();
	spin_unlock(&vmap_lock);
	return bad;
}
