// SPDX-License-Identifier: MIT
/*
 * vmalloc: blocks beyond the largest order.
 *
 * What a caller sees: the flags, the memory checkers, watchers and reports. Each
 * block is a mapping of its own, which vmap_area.c makes, resizes and unmaps.
 *
 * vmalloc() knows the size of a block in whole pages and not what was asked for.
 * With __GFP_ZERO in every call, what is behind that reads as zero: see
 * clear_tail().
 *
 * Context:	any thread that may block; the fork gate is entered here.
 * Source:	kernel mm/vmalloc.c.
 * Not here:	vmalloc_aligned() and its relatives, for the library (vmap_area.c).
 */
#include <limits.h>
#include <string.h>

#include <linux/overflow.h>
#include <linux/vmalloc.h>

#include "../lib/gate.h"
#include "../lib/memcheck.h"
#include "failslab.h"
#include "internal.h"
#include "slab.h"
#include "vmalloc.h"
#include "watch.h"

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

void *vmalloc_caller(unsigned long size, gfp_t gfp, const void *caller)
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

void vfree_caller(const void *addr, const void *caller)
{
	struct vmap_area *area;

	if (!addr || !mm_ready())
		return;
	watch_free(WATCH_VFREE, addr, caller);
	gate_enter();
	area = vmap_take(addr);
	if (likely(area)) {
		memcheck_forget((void *)addr, area->size);
		vmap_release(area);
	}
	gate_exit();
	if (unlikely(!area))
		bad_free(addr, caller, "vfree");
}

void vfree(const void *addr)
{
	vfree_caller(addr, __builtin_return_address(0));
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
static void *vrealloc_copy(void *p, size_t old_size, size_t size, gfp_t gfp,
			   const void *caller)
{
	void *to = vmalloc_try(size, gfp);

	if (!to)
		return NULL;
	memcheck_learn(to, size, gfp & __GFP_ZERO);
	/* What was asked for is not recorded; the block's last page may have
	 * bytes that the checkers were told nobody uses. */
	memcheck_unpoison(p, old_size);
	memcpy(to, p, min_t(size_t, old_size, size));
	watch_alloc(WATCH_VMALLOC, to, size, gfp, caller);
	watch_free(WATCH_VFREE, p, caller);
	memcheck_forget(p, old_size);
	vmalloc_free(p);
	return to;
}

/* The same block with another requested size. */
static void *vrealloc_in_place(void *p, size_t old_size, size_t size, gfp_t gfp,
			       const void *caller)
{
	watch_free(WATCH_VFREE, p, caller);
	watch_alloc(WATCH_VMALLOC, p, size, gfp, caller);
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

/* Inside the gate, of a block of @old_size bytes. */
static void *vrealloc_block(void *p, size_t old_size, size_t size, gfp_t gfp,
			    const void *caller)
{
	void *to = NULL;

	if (gfpflags_allow_blocking(gfp)) {
		/* Watchers know of no mapping that moved: theirs is a copy. */
		if (!call_is_watched())
			to = vmalloc_resize(p, size, want_init_on_alloc(gfp));
		if (!to)
			to = vrealloc_copy(p, old_size, size, gfp, caller);
	} else if (size <= old_size) {
		to = vrealloc_in_place(p, old_size, size, gfp, caller);
	}
	if (to && (gfp & __GFP_ZERO))
		clear_tail(to, old_size, size);
	return to;
}

void *vrealloc_caller(const void *addr, size_t size, gfp_t gfp,
		      const void *caller)
{
	void *p = (void *)addr, *to = NULL;
	size_t old_size;

	if (!size) {
		vfree_caller(addr, caller);
		return NULL;
	}
	if (!addr)
		return vmalloc_caller(size, gfp, caller);
	if (!mm_ready())
		return NULL;
	if (!should_fail_alloc_page(WATCH_VMALLOC, gfp, 0, size, caller)) {
		gate_enter();
		old_size = vmalloc_size(p);
		if (old_size)
			to = vrealloc_block(p, old_size, size, gfp, caller);
		gate_exit();
		if (!old_size) {
			bad_free(addr, caller, "vrealloc");
			return NULL;
		}
	}
	if (!to)
		watch_alloc(WATCH_VMALLOC, NULL, size, gfp, caller);
	return to;
}

void *vrealloc_noprof(const void *addr, size_t size, gfp_t gfp)
{
	return vrealloc_caller(addr, size, gfp, __builtin_return_address(0));
}
