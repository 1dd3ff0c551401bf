// SPDX-License-Identifier: MIT
/*
 * Kmemleak, the part inside the process: what a program says of its blocks, and
 * the pause at exit in which somebody outside searches.
 *
 * The search itself stops the process and reads it from outside, with registers
 * and stacks of all threads at one moment, which no thread of the process could
 * do to the others. It finds the blocks in the slabs and pages themselves, and
 * their stacks where slab_debug=U and page_owner=on keep them. Here is only what
 * cannot be seen there:
 *
 *	kmemleak.objects	blocks, by address: grey, black, foreign
 *	kmemleak.areas		parts of blocks that alone hold pointers
 *
 * Both are treaps of records that come from pages of their own: a block of the
 * heap that names another one would keep it from being lost.
 *
 * Invariants:	M1  a record is in one of the two trees, or on the free list
 *		M2  no record names a block that has been freed
 * Lock order:	kmemleak_lock is a leaf.
 * Context:	the watcher is called before a block is freed (watch.h), so a
 *		record is gone before its address is somebody else's. All that
 *		takes the lock enters the fork gate here.
 * Source:	kernel mm/kmemleak.c; the colours are E. W. Dijkstra et al.,
 *		Commun. ACM 21(11), 1978.
 * Not here:	searching: tools/kmm/leaks.c.
 */
#include <kmm/anchor.h>
#include <linux/kmemleak.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/lock.h"
#include "../lib/printk.h"
#include "internal.h"
#include "kmemleak.h"
#include "slab.h"
#include "watch.h"

struct kmemleak kmemleak;

static spinlock_t kmemleak_lock = SPINLOCK_INIT(LOCK_RANK_KMEMLEAK);
/* Unused records, by node.right. */
static struct treap_node *free_records;
static bool enabled;

/* Where the searcher waits to be told of the end, and who it waits for. */
static int leak_fd;
static struct host_file leak_file;

/* Records ----------------------------------------------------------------- */

static struct kmemleak_object *to_object(struct treap_node *node)
{
	return node ? container_of(node, struct kmemleak_object, node) : NULL;
}

static void put_record(struct kmemleak_object *object)
{
	lockdep_assert_held(&kmemleak_lock);
	object->node.right = free_records;
	free_records = &object->node;
}

static void add_chunk(void *chunk)
{
	struct kmemleak_object *records = chunk;
	size_t i;

	lockdep_assert_held(&kmemleak_lock);
	*(void **)chunk = kmemleak.chunks;
	WRITE_ONCE(kmemleak.chunks, chunk);
	for (i = 1; i < KMEMLEAK_CHUNK_BYTES / sizeof(*records); i++)
		put_record(&records[i]);
}

/* The lock is dropped while the host is asked. */
static struct kmemleak_object *get_record(void)
{
	struct kmemleak_object *object;
	void *chunk;

	lockdep_assert_held(&kmemleak_lock);
	if (!free_records) {
		spin_unlock(&kmemleak_lock);
		chunk = host_map(KMEMLEAK_CHUNK_BYTES);
		spin_lock(&kmemleak_lock);
		if (chunk)
			add_chunk(chunk);
	}
	object = to_object(free_records);
	if (object)
		free_records = object->node.right;
	return object;
}

/* The record of exactly this address, made if there is none; NULL without
 * memory. */
static struct kmemleak_object *record_of(struct treap *tree, const void *ptr)
{
	struct kmemleak_object *object =
		to_object(treap_find(tree, (unsigned long)ptr));

	lockdep_assert_held(&kmemleak_lock);
	if (object)
		return object;
	object = get_record();
	if (!object) {
		printk_once("WARNING: kmemleak: out of memory\n");
		return NULL;
	}
	*object = (struct kmemleak_object){ .node.key = (unsigned long)ptr };
	/* Another thread may have been faster while the lock was dropped. */
	if (!treap_insert(tree, &object->node)) {
		put_record(object);
		return to_object(treap_find(tree, (unsigned long)ptr));
	}
	WRITE_ONCE(kmemleak.nr_objects, kmemleak.nr_objects + 1);
	return object;
}

static void drop_record(struct treap *tree, struct kmemleak_object *object)
{
	treap_erase(tree, &object->node);
	WRITE_ONCE(kmemleak.nr_objects, kmemleak.nr_objects - 1);
	put_record(object);
}

/* Bytes of a live block that starts at @ptr; 0 if there is none. */
static size_t block_size(const void *ptr)
{
	struct page *page = lookup_page(ptr);

	return page && !page->slab_cache && !PageLarge(page) ?
		       PAGE_SIZE : kmalloc_usable(ptr);
}

/* Forget what was said of [ptr, ptr + size). */
static void forget(const void *ptr, size_t size)
{
	unsigned long start = (unsigned long)ptr;
	struct kmemleak_object *object;

	VM_BUG_ON(!gate_held());
	spin_lock(&kmemleak_lock);
	object = to_object(treap_find(&kmemleak.objects, start));
	if (object)
		drop_record(&kmemleak.objects, object);
	while ((object = to_object(treap_ceil(&kmemleak.areas, start))) &&
	       object->node.key < start + size)
		drop_record(&kmemleak.areas, object);
	spin_unlock(&kmemleak_lock);
}

static void kmemleak_watch(const struct watch_call *call)
{
	if (likely(!READ_ONCE(kmemleak.nr_objects)) || !call->old ||
	    (call->op == WATCH_REALLOC &&
	     (!call->result || call->result == call->old)))
		return;
	gate_enter();
	forget(call->old, block_size(call->old));
	gate_exit();
}

/* What a program says ----------------------------------------------------- */

static void add_flags(const void *ptr, u32 flags)
{
	struct kmemleak_object *object;

	if (!ptr || !mm_ready() || !enabled)
		return;
	gate_enter();
	spin_lock(&kmemleak_lock);
	object = record_of(&kmemleak.objects, ptr);
	if (object)
		object->flags |= flags;
	spin_unlock(&kmemleak_lock);
	gate_exit();
}

void kmemleak_not_leak(const void *ptr)
{
	add_flags(ptr, KMEMLEAK_NOT_LEAK);
}

void kmemleak_transient_leak(const void *ptr)
{
	add_flags(ptr, KMEMLEAK_NOT_LEAK);
}

void kmemleak_ignore(const void *ptr)
{
	add_flags(ptr, KMEMLEAK_IGNORE);
}

void kmemleak_no_scan(const void *ptr)
{
	add_flags(ptr, KMEMLEAK_NO_SCAN);
}

void kmemleak_scan_area(const void *ptr, size_t size, gfp_t gfp)
{
	struct kmemleak_object *object;

	(void)gfp;
	if (!ptr || !size || !mm_ready() || !enabled)
		return;
	gate_enter();
	spin_lock(&kmemleak_lock);
	object = record_of(&kmemleak.areas, ptr);
	if (object) {
		object->flags = KMEMLEAK_AREA;
		object->size = max_t(u64, object->size, size);
	}
	spin_unlock(&kmemleak_lock);
	gate_exit();
}

void kmemleak_alloc(const void *ptr, size_t size, int min_count, gfp_t gfp)
{
	depot_stack_handle_t handle;
	struct kmemleak_object *object;

	(void)gfp;
	if (!ptr || !size || !mm_ready() || !enabled)
		return;
	handle = save_stack(__builtin_return_address(0));
	gate_enter();
	spin_lock(&kmemleak_lock);
	object = record_of(&kmemleak.objects, ptr);
	if (object) {
		object->flags |= KMEMLEAK_FOREIGN |
				 (min_count == 0 ? KMEMLEAK_NOT_LEAK : 0) |
				 (min_count < 0 ? KMEMLEAK_IGNORE : 0);
		object->size = size;
		object->min_count = min_count;
		object->handle = handle;
	}
	spin_unlock(&kmemleak_lock);
	gate_exit();
}

void kmemleak_free(const void *ptr)
{
	if (!ptr || !mm_ready() || !enabled)
		return;
	gate_enter();
	forget(ptr, 1);
	gate_exit();
}

/* The end ----------------------------------------------------------------- */

/*
 * Say that this is the end, and wait for the searcher to have looked, or to be
 * gone. Only the process that it started waits: others, its children say, share
 * the descriptor. A program that closed it, and perhaps has a file of its own
 * there, is not searched.
 */
static void kmemleak_exit(void)
{
	struct kmemleak_end end = {
		.pid = host_getpid(), .anchor = (unsigned long)&kmm_anchor,
	};
	struct host_file file;
	char answer;

	if ((u64)end.pid != kmm_params.leak_pid ||
	    !host_identify(leak_fd, &file) ||
	    file.device != leak_file.device || file.inode != leak_file.inode)
		return;
	if (!host_write(leak_fd, &end, sizeof(end)))
		host_read(leak_fd, &answer, 1);
}

int __init kmemleak_init(void)
{
	enabled = kmm_params.kmemleak;
	if (enabled)
		watch_register(kmemleak_watch);
	leak_fd = (int)kmm_params.leak_fd;
	if (leak_fd && host_identify(leak_fd, &leak_file))
		watch_at_exit(kmemleak_exit);
	return 0;
}
