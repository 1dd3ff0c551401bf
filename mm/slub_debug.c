// SPDX-License-Identifier: MIT
/*
 * SLUB's debugging: room around each object that shows who wrote past its end,
 * poison that shows who wrote after its free, and the stacks of both calls.
 *
 * Chosen per cache, when it is made: by its flags, or by slab_debug=, whose
 * letters are the kernel's. Where an object of such a cache lies:
 *
 *	slot of s->size bytes                  object_size  inuse
 *	|                  |                        |        |
 *	| left red zone    | object                 | right  | free | tracks  | size,   |
 *	| (red_left_pad)   |                        | red zn | ptr  | alloc,  | padding |
 *	|                  |                        |        |      | free    |         |
 *	                   `- what the program has      s->offset `- track_offset
 *
 *			free			in use
 *	red zones	0xbb			0xcc, from the bytes asked for on
 *	object		0x6b ... 0x6b 0xa5	the program's
 *	free pointer	link, or nonsense	0
 *	padding		0x5a			0x5a
 *
 * The left red zone is there with any of the flags: its bytes also tell which
 * objects are free, without a walk of the freelist, and an object that begins
 * behind it is never on_boundary(). That, and that the cache has no sheaves,
 * is how each call ends in slab_alloc_debug() or slab_free_debug(), while the
 * fast paths know nothing of debugging. A kmalloc cache notes how many bytes
 * were asked for; the red zone begins there.
 *
 * States:	free -> in use -> free
 *		free, found damaged -> set aside: in use for ever, allocated
 *		at time 0; whoever wrote to it may write again
 * Invariants:	D1  the bytes above, of every object of a slab; a free object's
 *		    link is one of U3 in slub.c
 *		D2  the left red zone says in use, or the object is on the
 *		    freelist or was never handed out
 * Lock order:	checks, fills and repairs are made under list_lock, as what they
 *		tell of must not change meanwhile. What they found is copied, and
 *		printed without it; stacks are taken before it.
 * Context:	inside the fork gate.
 * Source:	kernel mm/slub.c, the part under CONFIG_SLUB_DEBUG. There Z and P
 *		are checked on each call only together with F; here always.
 * Not here:	which caches (slub_debug_param.c), reports (slub_report.c), pointers
 *		that cannot be freed (bad_free.c).
 */
#include <string.h>

#include <linux/poison.h>

#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "slub_debug.h"
#include "watch.h"

/* Layout ------------------------------------------------------------------ */

/* The kernel's red zone is a word, and the tracks behind it are lost to the
 * first overrun that is longer. */
#define TRACKED_RED_ZONE 64

bool slub_debug_layout(struct kmem_cache *s)
{
	const unsigned int word = sizeof(void *);
	unsigned int size = ALIGN(s->object_size, word);

	if (!(s->flags & SLAB_DEBUG_METADATA) || memcheck_active())
		return false;
	if ((s->flags & SLAB_POISON) && !s->ctor &&
	    !(s->flags & SLAB_TYPESAFE_BY_RCU))
		s->flags |= SLAB_OBJECT_POISON;
	/* Some red zone there must be, if only what aligns the free pointer. Whose
	 * stacks lie behind it should outlive a write of some more bytes. */
	if ((s->flags & SLAB_RED_ZONE) && (s->flags & SLAB_STORE_USER))
		size += TRACKED_RED_ZONE;
	else if ((s->flags & SLAB_RED_ZONE) && size == s->object_size)
		size += word;
	s->inuse = size;
	s->offset = size;
	size += word;
	if (s->flags & SLAB_STORE_USER) {
		s->track_offset = size;
		size += 2 * (unsigned int)sizeof(struct track);
	}
	if (s->flags & SLAB_KMALLOC) {
		s->orig_offset = size;
		size += word;
	}
	/* Who writes in front of the next object meets this first. */
	if (s->flags & SLAB_RED_ZONE)
		size += word;
	s->red_left_pad = ALIGN(word, s->align);
	s->size = s->red_left_pad + size;
	return true;
}

bool slub_debug_fits(const struct kmem_cache *s)
{
	return !slub_higher_order_disabled ||
	       get_order(s->size) <= get_order(s->object_size);
}

void slub_debug_drop(struct kmem_cache *s)
{
	if (!slub_higher_order_disabled)
		printk("WARNING: %s: an object of %u bytes is too large for slab_debug\n",
		       s->name, s->object_size);
	s->flags &= ~(SLAB_DEBUG_FLAGS | SLAB_OBJECT_POISON);
	s->red_left_pad = 0;
	s->inuse = 0;
	s->track_offset = 0;
	s->orig_offset = 0;
}

static u32 *orig_size(const struct kmem_cache *s, const void *object)
{
	return (u32 *)((char *)object + s->orig_offset);
}

unsigned int get_orig_size(const struct kmem_cache *s, const void *object)
{
	/* It may have been overwritten. */
	return s->orig_offset ? min_t(u32, *orig_size(s, object), s->object_size) :
				s->object_size;
}

static void set_orig_size(struct kmem_cache *s, void *object, size_t size)
{
	if (s->orig_offset)
		*orig_size(s, object) = (u32)size;
}

static u8 *slot_end(const struct kmem_cache *s, u8 *object)
{
	return object + s->size - s->red_left_pad;
}

static u8 *slab_end(const struct page *slab)
{
	return (u8 *)slab_address(slab) + (PAGE_SIZE << slab->order);
}

/* Bytes ------------------------------------------------------------------- */

/* A comparison of the bytes with themselves, one further. */
static bool all_bytes_are(const u8 *start, u8 value, size_t size)
{
	return !size ||
	       (*start == value && !memcmp(start, start + 1, size - 1));
}

/* The left red zone also tells the state: it is there without SLAB_RED_ZONE. */
static void init_object(struct kmem_cache *s, u8 *object, bool active)
{
	u8 red = active ? SLUB_RED_ACTIVE : SLUB_RED_INACTIVE;
	unsigned int size = active ? get_orig_size(s, object) : s->object_size;

	memset(object - s->red_left_pad, red, s->red_left_pad);
	if (s->flags & SLAB_RED_ZONE)
		memset(object + size, red, s->inuse - size);
	if (!(s->flags & SLAB_OBJECT_POISON))
		return;
	/* One that becomes active is poisoned already. */
	if (!active)
		memset(object, POISON_FREE, size - 1);
	object[size - 1] = POISON_END;
}

bool debug_object_free(const struct kmem_cache *s, const void *object)
{
	return all_bytes_are((const u8 *)object - s->red_left_pad,
			     SLUB_RED_INACTIVE, s->red_left_pad);
}

void setup_slab_debug(struct kmem_cache *s, struct page *slab)
{
	char *base = slab_address(slab);
	unsigned int i;

	if (s->flags & SLAB_POISON)
		memset(base, POISON_INUSE, PAGE_SIZE << slab->order);
	for (i = 0; i < slab->objects; i++) {
		void *object = slab_object(s, base, i);

		init_object(s, object, false);
		if (s->track_offset)
			memset(get_track(s, object, TRACK_ALLOC), 0,
			       2 * sizeof(struct track));
	}
}

/* Checks ------------------------------------------------------------------ */

static noinline __cold void note_damage(struct slub_report *report,
					const char *what, u8 *start, int value,
					size_t size)
{
	u8 *end = start + size;

	if (report->nr_damages == MAX_DAMAGES)
		return;
	while (value >= 0 && start < end && *start == value)
		start++;
	while (value >= 0 && start < end && end[-1] == value)
		end--;
	report->damage[report->nr_damages++] = (struct damage){
		.what = what, .start = start, .end = end, .expected = value,
		.found = *start,
	};
}

static inline void check_bytes(struct slub_report *report, const char *what,
			       u8 *start, u8 value, size_t size)
{
	if (unlikely(!all_bytes_are(start, value, size)))
		note_damage(report, what, start, value, size);
}

/* D1, but for links. */
static void check_object(struct kmem_cache *s, u8 *object, bool active,
			 struct slub_report *report)
{
	u8 red = active ? SLUB_RED_ACTIVE : SLUB_RED_INACTIVE;
	unsigned int size = active ? get_orig_size(s, object) : s->object_size;
	u8 *padding = padding_start(s, object);

	/* First what tells most: poison, of a use after free. */
	if ((s->flags & SLAB_OBJECT_POISON) && !active) {
		check_bytes(report, "Poison", object, POISON_FREE, size - 1);
		check_bytes(report, "End Poison", object + size - 1, POISON_END,
			    1);
	}
	if (s->flags & SLAB_RED_ZONE) {
		check_bytes(report, "Right Redzone", object + size, red,
			    s->inuse - size);
		check_bytes(report, "Left Redzone", object - s->red_left_pad,
			    red, s->red_left_pad);
	}
	if (active)
		check_bytes(report, "Freepointer", object + s->offset, 0,
			    sizeof(void *));
	if (s->flags & SLAB_POISON)
		check_bytes(report, "Object padding", padding, POISON_INUSE,
			    (size_t)(slot_end(s, object) - padding));
}

/* Copy what a reader of the report wants to see, while it is still there. */
static noinline __cold void note_object(struct kmem_cache *s, struct page *slab,
					u8 *object, bool active,
					struct slub_report *report)
{
	u8 *wanted = report->damage[0].start;
	u8 *from = object - min_t(unsigned int, s->red_left_pad, 16);
	u8 *end = object + s->inuse;

	/* Tracks are printed in words; behind the slot is what no object has. */
	if (wanted >= slot_end(s, object))
		end = slab_end(slab);
	else if (wanted >= end)
		end = slot_end(s, object);
	report->object = object;
	report->base = slab_address(slab);
	report->size = active ? get_orig_size(s, object) : s->object_size;
	report->freelist = slab_freelist(s, slab, report->base);
	report->objects = slab->objects;
	report->inuse = slab->inuse;
	memset(report->tracks, 0, sizeof(report->tracks));
	if (s->track_offset)
		memcpy(report->tracks, get_track(s, object, TRACK_ALLOC),
		       sizeof(report->tracks));
	/* If there is more than can be shown, a part with the damage in it. */
	if (wanted - from >= REPORT_DUMP - 64)
		from += ALIGN_DOWN((unsigned long)(wanted - from) - 64, 16);
	if (from > wanted)
		from = object - ALIGN((unsigned long)(object - wanted), 16);
	report->dump_start = from;
	report->nr_dumped = (unsigned int)min_t(unsigned long, REPORT_DUMP,
						(unsigned long)(end - from));
	memcpy(report->dump, from, report->nr_dumped);
}

/* Links are left to slub.c. */
static void restore_bytes(struct slub_report *report)
{
	unsigned int i;

	for (i = 0; i < report->nr_damages; i++) {
		struct damage *d = &report->damage[i];

		if (d->expected >= 0)
			memset(d->start, d->expected,
			       (size_t)(d->end - d->start));
	}
	report->repaired = true;
}

/* Calls ------------------------------------------------------------------- */

void debug_call_init(struct debug_call *call, struct kmem_cache *s,
		     size_t size, const void *caller)
{
	call->size = size ? size : s->object_size;
	call->caller = caller;
	if (!(s->flags & (SLAB_STORE_USER | SLAB_TRACE)))
		return;
	call->track = (struct track){
		.addr = (unsigned long)caller,
		.handle = save_stack(caller),
		.tid = host_cached_tid(),
		.cpu = percpu_this_cpu(),
		.when = host_clock(),
	};
}

static void set_track(struct kmem_cache *s, void *object, enum track_item item,
		      const struct track *track)
{
	if (s->track_offset)
		*get_track(s, object, item) = *track;
}

/* Report a damaged object. True if the caller is to go on with it; what is
 * about to abort leaves everything as it is, for the core file. */
static noinline __cold bool handle_damage(struct kmem_cache *s,
					  struct page *slab, void *object,
					  bool active,
					  struct slub_report *report)
{
	note_object(s, slab, object, active, report);
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		return false;
	restore_bytes(report);
	return true;
}

static noinline __cold void set_aside(struct kmem_cache *s, void *object,
				      struct slub_report *report)
{
	static const struct track nobody;

	set_orig_size(s, object, s->object_size);
	set_track(s, object, TRACK_ALLOC, &nobody);
	init_object(s, object, true);
	report->set_aside = true;
}

bool alloc_debug_processing(struct kmem_cache *s, struct page *slab,
			    void *object, bool link_lost,
			    const struct debug_call *call,
			    struct slub_report *report)
{
	unsigned long *link = (unsigned long *)((char *)object + s->offset);

	lockdep_assert_held(&s->node.list_lock);
	check_object(s, object, false, report);
	if (unlikely(link_lost))
		note_damage(report, "Freepointer", (u8 *)link, -1,
			    sizeof(*link));
	if (unlikely(report->nr_damages)) {
		if (!handle_damage(s, slab, object, false, report))
			return false;
		*link = 0;
		set_aside(s, object, report);
		return false;
	}
	*link = 0;
	set_orig_size(s, object, call->size);
	set_track(s, object, TRACK_ALLOC, &call->track);
	init_object(s, object, true);
	return true;
}

bool free_debug_processing(struct kmem_cache *s, struct page *slab,
			   void *object, const struct debug_call *call,
			   struct slub_report *report)
{
	lockdep_assert_held(&s->node.list_lock);
	/* Nearly always the red zone knows. */
	if (unlikely(!all_bytes_are((u8 *)object - s->red_left_pad,
				    SLUB_RED_ACTIVE, s->red_left_pad)) &&
	    on_freelist(s, slab, object))
		return false;
	check_object(s, object, true, report);
	if (unlikely(report->nr_damages) &&
	    !handle_damage(s, slab, object, true, report))
		return false;
	set_track(s, object, TRACK_FREE, &call->track);
	init_object(s, object, false);
	return true;
}

/* Large blocks ------------------------------------------------------------ */

#define LARGE_RED_ZONE 16

/* They have no cache to carry their flags. */
static slab_flags_t large_flags;

size_t large_red_zone(size_t size)
{
	if (likely(!(large_flags & SLAB_RED_ZONE)) ||
	    size > KMALLOC_MAX_SIZE - LARGE_RED_ZONE)
		return 0;
	return LARGE_RED_ZONE;
}

/* What is left of the last page is red zone, and on the kernel's ladder, where
 * it may be half of the block, a page of that. */
static size_t slack_checked(const struct page *page)
{
	return min_t(size_t, page->slack, PAGE_SIZE);
}

static u8 *slack_start(const struct page *page)
{
	return (u8 *)page_address(page) + (page->private << PAGE_SHIFT) -
	       page->slack;
}

void large_debug_alloc(struct page *page, size_t size, const void *caller)
{
	page->slack = (u32)((page->private << PAGE_SHIFT) - size);
	page->stack = large_flags & SLAB_STORE_USER ? save_stack(caller) : 0;
	memset(slack_start(page), SLUB_RED_ACTIVE, slack_checked(page));
}

void large_debug_free(struct page *page, const void *caller)
{
	struct slub_report report;

	slub_report_init(&report);
	check_bytes(&report, "Right Redzone", slack_start(page),
		    SLUB_RED_ACTIVE, slack_checked(page));
	if (unlikely(report.nr_damages))
		slub_report_large(page, slack_start(page), &report.damage[0],
				  caller);
}

/* Walks ------------------------------------------------------------------- */

/* Somebody may go on writing while the walk repairs. */
#define MAX_REPORTS 1000

/* All of D1; and with the last object, what is behind it. */
static bool damaged_in_walk(struct kmem_cache *s, struct page *slab,
			    void *object, bool active,
			    struct slub_report *report)
{
	u8 *tail = slot_end(s, object);
	size_t rest = (size_t)(slab_end(slab) - tail);

	check_object(s, object, active, report);
	if (!active && !slab_link_valid(s, slab, object))
		note_damage(report, "Freepointer", (u8 *)object + s->offset, -1,
			    sizeof(void *));
	if ((s->flags & SLAB_POISON) && rest < s->size)
		check_bytes(report, "Padding", tail, POISON_INUSE, rest);
	if (likely(!report->nr_damages))
		return false;
	note_object(s, slab, object, active, report);
	return true;
}

static bool repair_in_walk(struct kmem_cache *s, struct page *slab,
			   void *object, bool free, void *arg)
{
	struct slub_report *report = arg;
	unsigned int i;

	if (likely(!damaged_in_walk(s, slab, object, !free, report)))
		return false;
	restore_bytes(report);
	for (i = 0; i < report->nr_damages; i++)
		if (report->damage[i].expected < 0)
			rebuild_freelist(s, slab);
	return true;
}

/* Nobody else knows the slab any more. */
void check_free_slab(struct kmem_cache *s, struct page *slab)
{
	struct slub_report report;
	unsigned int i;

	for (i = 0; i < slab->objects; i++) {
		slub_report_init(&report);
		if (unlikely(damaged_in_walk(s, slab,
					     slab_object(s, slab_address(slab), i),
					     false, &report)))
			slub_report_call(s, &report, NULL);
	}
}

unsigned int validate_slab_cache(struct kmem_cache *s)
{
	struct slub_report report;
	unsigned int bad = 0;

	gate_enter();
	while (kmem_cache_metadata(s) && bad < MAX_REPORTS) {
		slub_report_init(&report);
		if (!slab_find_object(s, repair_in_walk, &report))
			break;
		slub_report(s, &report, NULL);
		bad += report.nr_damages;
	}
	bad += slab_validate(s);
	gate_exit();
	return bad;
}

/* A write after a free that was the last of its kind: nothing but this finds
 * it. */
static void validate_at_exit(void)
{
	struct kmem_cache *s;
	unsigned int bad = 0;

	/* exit() in a handler that interrupted a slow path: locks may be held. */
	if (gate_held())
		return;
	gate_enter();
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		if (kmem_cache_metadata(s))
			bad += validate_slab_cache(s);
	spin_unlock(&slab_mutex);
	gate_exit();
	if (bad && kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}

int __init slub_debug_init(void)
{
	if (!slub_debug_parse())
		return 0;
	large_flags = kmem_cache_flags(0, LARGE_NAME);
	watch_at_exit(validate_at_exit);
	return 0;
}
