// SPDX-License-Identifier: MIT
/*
 * What SLUB's debugging has to say: reports of damaged objects, the calls of traced
 * caches, and where an object was allocated and freed.
 *
 *	BUG kmalloc-32: Right Redzone overwritten	print_damage(), of each
 *	0x... is 0 bytes behind the end of object ...
 *	Allocated in 0x... (prog+0x11a9) age=0 ms ...	print_tracks()
 *	Freed in ...
 *	Found by this call				the stack of who noticed
 *	Slab 0x... objects=85 used=3 fp=0x...
 *	Object   0x...: 61 61 61 ...			print_dump()
 *	FIX kmalloc-32: Restoring ...			print_fixes()
 *
 * A report is of a struct slub_report, in which slub_debug.c has noted under list_lock
 * what there was.
 *
 * Lock order:	report_lock keeps the lines of one report together; it is taken
 *		alone.
 * Context:	inside the fork gate, without list_lock.
 * Source:	kernel mm/slub.c, print_track() and what calls it; kmem_dump_obj() of
 *		mm/slab_common.c.
 */
#include <string.h>

#include <linux/poison.h>

#include "../lib/backtrace.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "slub_debug.h"

static spinlock_t report_lock = SPINLOCK_INIT(LOCK_RANK_REPORT);

/* Stacks and tracks -------------------------------------------------------- */

/* "Allocated in 0x… (/usr/bin/prog+0x123) age=12 ms cpu=0 tid=99", the stack. */
static void print_track(const char *what, const struct track *track)
{
	u64 now = host_clock();
	unsigned long long age = (now - track->when) / 1000000;
	const unsigned long *entries;
	unsigned long vaddr;
	const char *path;
	char module[512];

	if (!track->when)
		return;
	if (track->when > now ||
	    (track->handle && !stack_depot_fetch(track->handle, &entries))) {
		printk("%s: not known, the track was overwritten\n", what);
		return;
	}
	if (track->addr &&
	    backtrace_past_module(track->addr - 1, &path, &vaddr))
		kmm_snprintf(module, sizeof(module), "%s+0x%lx", path, vaddr + 1);
	else
		kmm_snprintf(module, sizeof(module), "?");
	printk("%s in 0x%lx (%s) age=%llu ms cpu=%u tid=%u\n", what,
	       track->addr, module, age, track->cpu, track->tid);
	stack_depot_print(track->handle, "");
}

static void print_this_stack(const void *caller)
{
	unsigned long entries[STACK_DEPTH];

	backtrace_print("", entries,
			backtrace_save(entries, STACK_DEPTH, caller));
}

static void print_tracks(const struct track *tracks)
{
	print_track("Allocated", &tracks[TRACK_ALLOC]);
	print_track("Freed", &tracks[TRACK_FREE]);
}

/* Damaged objects ---------------------------------------------------------- */

static const char *part_name(struct kmem_cache *s,
			     const struct slub_report *report, const u8 *at)
{
	if (at < report->object)
		return "Redzone ";
	if (at < report->object + report->size)
		return "Object  ";
	if (at < report->object + s->inuse)
		return "Redzone ";
	if (at < padding_start(s, report->object))
		return "Tracks  ";
	return "Padding ";
}

static void print_dump(struct kmem_cache *s, const struct slub_report *report)
{
	char hex[16 * 3 + 1], text[17];
	unsigned int row, i;

	for (row = 0; row < report->nr_dumped; row += 16) {
		unsigned int nr = min_t(unsigned int, 16,
					report->nr_dumped - row);

		for (i = 0; i < nr; i++) {
			u8 byte = report->dump[row + i];

			kmm_snprintf(hex + i * 3, 4, " %02x", byte);
			text[i] = byte >= ' ' && byte <= '~' ? (char)byte : '.';
		}
		text[nr] = '\0';
		printk("%s 0x%lx:%-48s  %s\n",
		       part_name(s, report, report->dump_start + row),
		       (unsigned long)report->dump_start + row, hex, text);
	}
}

static void print_damage(struct kmem_cache *s, const struct slub_report *report,
			 const struct damage *d)
{
	unsigned long start = (unsigned long)d->start;
	long off = d->start - report->object;
	const char *side = "bytes inside";

	printk("BUG %s: %s %s\n", s->name, d->what,
	       d->expected < 0 ? "corrupt" : "overwritten");
	if (d->expected < 0)
		printk("0x%lx @offset=%ld. It leads to no object of its slab\n",
		       start, (char *)d->start - report->base);
	else
		printk("0x%lx-0x%lx @offset=%ld. First byte 0x%x instead of 0x%x\n",
		       start, (unsigned long)d->end - 1,
		       (char *)d->start - report->base, d->found,
		       (unsigned int)d->expected);
	if (off < 0) {
		side = "bytes in front of";
		off = -off;
	} else if (off >= (long)report->size) {
		side = "bytes behind the end of";
		off -= report->size;
	}
	printk("0x%lx is %ld %s object 0x%lx of %u bytes\n", start, off, side,
	       (unsigned long)report->object, report->size);
}

static void print_fixes(struct kmem_cache *s, const struct slub_report *report)
{
	unsigned int i;

	for (i = 0; i < report->nr_damages; i++) {
		const struct damage *d = &report->damage[i];

		if (d->expected < 0)
			printk("FIX %s: Making a new freelist for slab 0x%lx\n",
			       s->name, (unsigned long)report->base);
		else
			printk("FIX %s: Restoring %s 0x%lx-0x%lx=0x%x\n",
			       s->name, d->what, (unsigned long)d->start,
			       (unsigned long)d->end - 1,
			       (unsigned int)d->expected);
	}
	if (report->set_aside)
		printk("FIX %s: Object 0x%lx will not be used again\n", s->name,
		       (unsigned long)report->object);
}

noinline __cold void slub_report(struct kmem_cache *s,
				 const struct slub_report *report,
				 const struct debug_call *call)
{
	unsigned int i;

	spin_lock(&report_lock);
	for (i = 0; i < report->nr_damages; i++)
		print_damage(s, report, &report->damage[i]);
	print_tracks(report->tracks);
	if (call) {
		printk("Found by this call\n");
		print_this_stack(call->caller);
	}
	printk("Slab 0x%lx objects=%u used=%u fp=0x%lx\n",
	       (unsigned long)report->base, report->objects, report->inuse,
	       (unsigned long)report->freelist);
	print_dump(s, report);
	if (report->repaired)
		print_fixes(s, report);
	spin_unlock(&report_lock);
}

void slub_report_call(struct kmem_cache *s, const struct slub_report *report,
		      const struct debug_call *call)
{
	slub_report(s, report, call);
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}

noinline __cold void slub_report_large(const struct page *page, const u8 *end,
				       const struct damage *d,
				       const void *caller)
{
	u8 *block = page_address(page);

	spin_lock(&report_lock);
	printk("BUG " LARGE_NAME ": %s overwritten\n", d->what);
	printk("0x%lx-0x%lx @offset=%ld. First byte 0x%x instead of 0x%x\n",
	       (unsigned long)d->start, (unsigned long)d->end - 1,
	       d->start - block, d->found, SLUB_RED_ACTIVE);
	printk("0x%lx is %ld bytes behind the end of block 0x%lx of %ld bytes\n",
	       (unsigned long)d->start, d->start - end, (unsigned long)block,
	       end - block);
	if (page->stack)
		printk("Allocated in\n");
	stack_depot_print(page->stack, "");
	printk("Found by this call\n");
	print_this_stack(caller);
	spin_unlock(&report_lock);
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}

void slub_trace(struct kmem_cache *s, void *object, bool alloc,
		const struct debug_call *call)
{
	spin_lock(&report_lock);
	printk("TRACE %s %s 0x%lx size=%zu tid=%u\n", s->name,
	       alloc ? "alloc" : "free", (unsigned long)object,
	       alloc ? call->size : (size_t)s->object_size, call->track.tid);
	stack_depot_print(call->track.handle, "");
	spin_unlock(&report_lock);
}

/* Objects of others -------------------------------------------------------- */

/* All zero if there are none. */
static void copy_tracks(const struct slab_where *where, struct track *tracks)
{
	struct kmem_cache *s = where->cache;

	memset(tracks, 0, 2 * sizeof(*tracks));
	if (!s->track_offset || where->index >= where->objects)
		return;
	spin_lock(&s->node.list_lock);
	memcpy(tracks, get_track(s, where->object, TRACK_ALLOC),
	       2 * sizeof(*tracks));
	spin_unlock(&s->node.list_lock);
}

noinline __cold void print_bad_free(const struct slab_where *where,
				    const void *caller)
{
	struct track tracks[2];

	if (!kmem_cache_metadata(where->cache))
		return;
	copy_tracks(where, tracks);
	spin_lock(&report_lock);
	print_tracks(tracks);
	printk("%s by this call\n", where->free ? "Freed again" : "Freed");
	print_this_stack(caller);
	spin_unlock(&report_lock);
}

void print_object_tracking(struct kmem_cache *s, void *object)
{
	lockdep_assert_held(&s->node.list_lock);
	if (s->track_offset)
		print_track("Allocated", get_track(s, object, TRACK_ALLOC));
}

bool kmem_dump_obj(void *object)
{
	struct slab_where where;
	struct track tracks[2];
	struct page *page;
	bool found;

	if (!mm_ready())
		return false;
	gate_enter();
	page = lookup_page(object);
	found = page && slab_locate(object, &where);
	if (found) {
		printk("slab %s start 0x%lx pointer offset %ld size %u%s\n",
		       where.cache->name, (unsigned long)where.object,
		       (char *)object - (char *)where.object,
		       kmem_cache_metadata(where.cache) && !where.free ?
			       get_orig_size(where.cache, where.object) :
			       where.cache->object_size,
		       where.free ? " free" : "");
		copy_tracks(&where, tracks);
		print_tracks(tracks);
	}
	gate_exit();
	return found;
}
