// SPDX-License-Identifier: MIT
/*
 * Page owner: which stack allocated a block of pages, and which freed it last.
 *
 * Blocks from alloc_pages(), large blocks of kmalloc() and malloc(), and vmalloc
 * blocks. The pages of slabs belong to their cache; their objects' owners are
 * known to slub_debug.c.
 *
 *	range->pages:	| page 0 | page 1 | ...		one per page, 32 bytes
 *	owners[range]:	| owner 0 | owner 1 | ...	the same, 40 bytes
 *
 * The arrays beside the ranges' own are mapped when the first block in a range
 * is allocated, and touched where blocks begin. A vmalloc block has room for its
 * owner in its descriptor.
 *
 * An entry is written by whoever allocates or frees the block, who is alone with
 * it; a reader may see one that is half new.
 *
 * Context:	a watcher (watch.c): every entry point tells it of a call.
 * Source:	kernel mm/page_owner.c; the file format is that of
 *		tools/mm/page_owner_sort.c.
 */
#include "../lib/backtrace.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "internal.h"
#include "page_owner.h"
#include "watch.h"

/* For lib/anchor.c too: by number of the range. */
struct page_owner *page_owners[MAX_RANGES];

/* The array beside a range's pages; NULL without memory. Two threads may both
 * find none: the second gives its own back. */
static struct page_owner *range_owners(const struct mem_range *range)
{
	struct page_owner **slot = &page_owners[range - sparse_range(0)];
	/* Acquire pairs with the exchange below: zeros are there. */
	struct page_owner *owners = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	size_t size;
	void *fresh;

	if (likely(owners))
		return owners;
	size = PAGE_ALIGN((range->limit_pfn - range->start_pfn) *
			  sizeof(*owners));
	fresh = host_map(size);
	if (!fresh) {
		printk_once("WARNING: page_owner: no memory for %zu bytes\n",
			    size);
		return NULL;
	}
	if (__atomic_compare_exchange_n(slot, &owners, fresh, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	host_unmap(fresh, size);
	return owners;
}

static struct page_owner *page_owner(const struct page *page, bool make)
{
	const struct mem_range *range = page_range(page);
	struct page_owner *owners = make ?
		range_owners(range) :
		__atomic_load_n(&page_owners[range - sparse_range(0)],
				__ATOMIC_ACQUIRE);

	return owners ? owners + (page - range->pages) : NULL;
}

bool page_owner_get(const struct page *page, struct page_owner *owner)
{
	const struct page_owner *found = page_owner(page, false);

	if (!found || (!found->handle && !found->free_handle))
		return false;
	*owner = *found;
	return true;
}

/* Watching ---------------------------------------------------------------- */

static void block_allocated(const struct watch_call *call)
{
	struct page *page = lookup_page(call->result);
	struct page_owner owner = {
		.when = host_clock(),
		.size = call->size,
		.tid = host_cached_tid(),
		.gfp = call->gfp,
	};
	struct page_owner *slot;

	if (page && page->slab_cache)
		return;
	owner.handle = save_stack(call->caller);
	if (!page) {
		gate_enter();
		vmalloc_set_owner(call->result, &owner);
		gate_exit();
		return;
	}
	slot = page_owner(page, true);
	if (!slot)
		return;
	owner.free_handle = slot->free_handle;
	*slot = owner;
}

static void block_freed(const struct watch_call *call)
{
	struct page *page = lookup_page(call->old);
	struct page_owner *slot;

	/* A pointer into a block frees nothing: see bad_free.c. */
	if (!page || page->slab_cache ||
	    !IS_ALIGNED((unsigned long)call->old, PAGE_SIZE))
		return;
	slot = page_owner(page, false);
	if (!slot || !slot->size)
		return;
	slot->free_handle = save_stack(call->caller);
	slot->size = 0;
}

static void page_owner_watch(const struct watch_call *call)
{
	if (call->result)
		block_allocated(call);
	if (call->old == call->result)
		return;
	if (call->old && (call->result || call->op == WATCH_FREE ||
			  call->op == WATCH_KFREE || call->op == WATCH_VFREE ||
			  call->op == WATCH_FREE_PAGES))
		block_freed(call);
}

int __init page_owner_init(void)
{
	if (kmm_params.page_owner)
		watch_register(page_owner_watch);
	return 0;
}

/* Showing ----------------------------------------------------------------- */

static void show_stack(struct seq_file *m, depot_stack_handle_t handle)
{
	const unsigned long *entries;
	unsigned int i, nr = stack_depot_fetch(handle, &entries);
	unsigned long vaddr;
	const char *path;

	for (i = 0; i < nr; i++) {
		if (backtrace_module(entries[i], &path, &vaddr))
			seq_printf(m, " #%u 0x%016lx (%s+0x%lx)\n", i,
				   entries[i], path, vaddr);
		else
			seq_printf(m, " #%u 0x%016lx\n", i, entries[i]);
	}
}

static void show_block(struct seq_file *m, const struct mem_range *range,
		       unsigned long index, const struct page_owner *owner)
{
	seq_printf(m, "Page allocated via order %d, mask 0x%x, pid %d, tgid %d, ts %llu ns\n",
		   get_order(owner->size), (unsigned int)owner->gfp,
		   (int)owner->tid, host_getpid(),
		   (unsigned long long)owner->when);
	seq_printf(m, "PFN 0x%lx size %llu Flags 0x%x\n",
		   range->start_pfn + index, (unsigned long long)owner->size,
		   range->pages[index].flags);
	show_stack(m, owner->handle);
	seq_puts(m, "\n");
}

void page_owner_show(struct seq_file *m)
{
	unsigned int nr, nr_ranges = sparse_nr_ranges();
	const struct mem_range *range;
	struct page_owner *owners, owner;
	unsigned long i;

	for (nr = 0; nr < nr_ranges; nr++) {
		range = sparse_range(nr);
		owners = __atomic_load_n(&page_owners[nr], __ATOMIC_ACQUIRE);
		if (!owners)
			continue;
		for (i = 0; i < range_end_pfn(range) - range->start_pfn; i++) {
			owner = owners[i];
			if (owner.size)
				show_block(m, range, i, &owner);
		}
	}
}
