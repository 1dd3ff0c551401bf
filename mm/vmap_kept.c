// SPDX-License-Identifier: MIT
/*
 * Kept areas: freed blocks that wait, with their contents, to be blocks again.
 *
 * Page faults are most of what a large block costs. Once a process has freed
 * VMALLOC_HUGE_FREED bytes of such blocks, those it frees are kept for the next
 * requests:
 *
 *	smaller		| block | guard | rest, kept as an area |
 *	larger		the kept area grows, which costs faults for the new part
 *	realloc		a block grows into the kept area behind it, if there is one
 *
 * They count as resident, so that page_reporting_make_room() lets them go before
 * the process passes its highest level. The reporter lets go of what was not
 * used for a second.
 *
 * Only blocks that were written are kept: in one that was touched here and
 * there, its next user would touch other pages. (mincore() would tell exactly, but
 * it is in no list of calls that a sandbox should allow, and many end a process
 * for others.) And nobody gets one who wants
 * it cleared: clearing would touch all of it.
 *
 * States:	block -> kept -> block, or unmapped (vmap_area.c)
 * Invariants:	V3 and V4 of vmap_area.c; areas that are old are behind those
 *		that are not
 * Lock order:	vmap_lock guards the list and its sums; no system call and no
 *		allocation while it is held.
 * Context:	inside the fork gate.
 */
#include <string.h>

#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "internal.h"
#include "page_poison.h"
#include "vmalloc.h"

#define VMALLOC_KEEP_AREAS 32
#define VMAP_SAMPLES 32

static LIST_HEAD(vmap_kept);		/* newest first */
static unsigned long nr_kept;		/* read without the lock as a hint */
size_t vmap_bytes_kept;			/* likewise */

/* Its owner may have made a page of the block inaccessible. */
static bool page_is_written(const unsigned long *page)
{
	size_t i;

	if (!host_page_readable(page))
		return false;
	for (i = 0; i < PAGE_SIZE / sizeof(*page); i++)
		if (page[i])
			return true;
	return false;
}

/* What was never written reads as zero. Samples tell, and stop once they do. */
bool vmap_is_full(const struct vmap_area *area)
{
	size_t step = area->size / VMAP_SAMPLES;
	unsigned int nr, missing = 0;

	for (nr = 0; nr < VMAP_SAMPLES; nr++) {
		unsigned long addr = vmap_start(area) + nr * step + step / 2;

		if (page_is_written((void *)ALIGN_DOWN(addr, PAGE_SIZE)))
			continue;
		if (++missing > VMAP_SAMPLES / 8)
			return false;
	}
	return true;
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
	WRITE_ONCE(vmap_bytes_kept, vmap_bytes_kept + area->size);
}

static struct vmap_area *kept_del(struct vmap_area *area)
{
	lockdep_assert_held(&vmap_lock);
	list_del_init(&area->lazy);
	WRITE_ONCE(nr_kept, nr_kept - 1);
	WRITE_ONCE(vmap_bytes_kept, vmap_bytes_kept - area->size);
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
			vmap_unmap(area);
	}
	if (vmap_kept_bytes() >= PAGE_REPORTING_MIN &&
	    !atomic_load_explicit(&page_reporting_active,
				  memory_order_relaxed))
		page_reporting_start();
}

bool vmap_keep(struct vmap_area *area)
{
	if (!kmm_params.page_reporting || memcheck_active() || page_debug_on ||
	    area->size < VMALLOC_KEEP_MIN ||
	    vmalloc_bytes_freed() < VMALLOC_HUGE_FREED)
		return false;
	keep_area(area);
	return true;
}

/* The smallest area that is large enough; or else the largest, if it may grow. */
static struct vmap_area *kept_take(size_t size, size_t align)
{
	struct vmap_area *area, *best = NULL;

	spin_lock(&vmap_lock);
	list_for_each_entry(area, &vmap_kept, lazy) {
		if (!IS_ALIGNED(vmap_start(area), align) ||
		    (area->size < size &&
		     (align > PAGE_SIZE || !vmap_may_grow(area))))
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
	unsigned long tail = vmap_start(area) + size;
	struct vmap_area *rest = NULL;

	if (area->size >= size + PAGE_SIZE + VMALLOC_KEEP_MIN)
		rest = vmap_area_alloc();
	if (!rest) {
		vmap_shrink(area, size);
		return;
	}
	rest->base = tail + PAGE_SIZE;
	rest->node.key = rest->base;
	rest->size = area->size - size - PAGE_SIZE;
	rest->end = area->end;
	rest->dirty = false;
	area->size = size;
	area->end = rest->base;
	vmap_guard(tail);
	keep_area(rest);
}

/* The kept area that begins at @base; NULL if none does. */
static struct vmap_area *kept_take_at(unsigned long base)
{
	struct vmap_area *area, *found = NULL;

	spin_lock(&vmap_lock);
	list_for_each_entry(area, &vmap_kept, lazy)
		if (area->base == base)
			found = area;
	if (found)
		kept_del(found);
	spin_unlock(&vmap_lock);
	return found;
}

/*
 * A buffer that grows was mostly given a part of the one before it:
 *
 *	| block | guard | kept area            |
 *	| larger block          | guard | kept |
 *
 * So its pages are there. Nobody else knows either area meanwhile.
 */
void vmap_grow_into_kept(struct vmap_area *area, size_t size)
{
	unsigned long tail = vmap_tail(area);
	struct vmap_area *rest;

	if (likely(!READ_ONCE(nr_kept)))
		return;
	rest = kept_take_at(area->end);
	if (!rest)
		return;
	/* Refused where it would need one mapping more than there may be. */
	if (area->end != tail && host_commit((void *)tail, area->end - tail)) {
		keep_area(rest);
		return;
	}
	area->size = vmap_tail(rest) - vmap_start(area);
	area->end = rest->end;
	vmap_area_free(rest);
	if (area->size > size)
		area_split(area, size);
}

struct vmap_area *vmap_reuse_kept(size_t size, size_t align)
{
	struct vmap_area *area;
	unsigned long highest;

	if (likely(!READ_ONCE(nr_kept)))
		return NULL;
	area = kept_take(size, align);
	if (!area)
		return NULL;
	if (area->size > size) {
		area_split(area, size);
	} else if (area->size < size) {
		/* All of it: the area counts nowhere at the moment. */
		highest = page_reporting_make_room(size >> PAGE_SHIFT, true);
		if (!vmap_grow(area, size)) {
			page_reporting_no_room(highest);
			vmap_unmap(area);
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
			vmap_unmap(area);
			done += size;
			continue;
		}
		vmap_shrink(area, size - PAGE_ALIGN(bytes - done));
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
		vmap_unmap(area);
	}
	return done;
}

unsigned int vmap_kept_validate(void)
{
	unsigned long areas = 0;
	size_t bytes = 0;

	lockdep_assert_held(&vmap_lock);
	if (!vmap_list_validate(&vmap_kept, &areas, &bytes))
		return 2;
	return areas != nr_kept || bytes != vmap_bytes_kept ? 4 : 0;
}
