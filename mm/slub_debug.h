/* SPDX-License-Identifier: MIT */
/*
 * Debugging of slabs, as slub.c and the other rooms of slabs need it. See
 * slub_debug.c. What struct kmem_cache and a walker of objects need to know,
 * get_track() for one, is in slab.h.
 */
#ifndef MM_SLUB_DEBUG_H
#define MM_SLUB_DEBUG_H

#include "slab.h"

/* slub_debug_param.c ------------------------------------------------------- */

/* Read it at boot: false if there is none, or none that may be obeyed. */
bool slub_debug_parse(void);
/* No slab is to become larger for it: the letter O. */
extern __hidden bool slub_higher_order_disabled;
/* Does [@glob, @end) match all of @name? '*' is any text, '?' any character. */
bool glob_matches(const char *glob, const char *end, const char *name);
/* @flags of a new cache, with what the parameter adds. */
slab_flags_t kmem_cache_flags(slab_flags_t flags, const char *name);

/* slub_debug.c: layout ----------------------------------------------------- */

int slub_debug_init(void);
/* Place the parts of an object of @s, and set s->size to the bytes of all; false
 * if the cache has no SLAB_DEBUG_METADATA. */
bool slub_debug_layout(struct kmem_cache *s);
/* May its slabs become as large as that makes them? Else do without. */
bool slub_debug_fits(const struct kmem_cache *s);
void slub_debug_drop(struct kmem_cache *s);
/* What is left of an object's slot behind its last part. */
static inline u8 *padding_start(const struct kmem_cache *s, u8 *object)
{
	if (s->orig_offset)
		return object + s->orig_offset + sizeof(void *);
	if (s->track_offset)
		return object + s->track_offset + 2 * sizeof(struct track);
	return object + s->offset + sizeof(void *);
}

/* Fill a new slab, before the constructor runs. */
void setup_slab_debug(struct kmem_cache *s, struct page *slab);
/* Bytes that the owner of @object may use. */
unsigned int get_orig_size(const struct kmem_cache *s, const void *object);
/* Does the red zone in front of @object say that it is free? Under list_lock.
 * True only if all of it does. */
bool debug_object_free(const struct kmem_cache *s, const void *object);

/* slub_debug.c: checks at each call ---------------------------------------- */

/* What takes long, the stack above all, is made before list_lock is taken. */
struct debug_call {
	size_t size;			/* bytes asked for */
	const void *caller;
	struct track track;
};

void debug_call_init(struct debug_call *call, struct kmem_cache *s,
		     size_t size, const void *caller);

/* Bytes that are not what they should be. */
struct damage {
	const char *what;
	u8 *start;			/* first wrong byte */
	u8 *end;			/* behind the last one */
	int expected;			/* -1: of a link */
	u8 found;			/* at start */
};

#define MAX_DAMAGES 6
#define REPORT_DUMP 192			/* bytes of an object that are shown */

/*
 * What is wrong with one object: noted under list_lock, with a copy of what was
 * there, and printed after it. Of one without damages nothing else is valid.
 */
struct slub_report {
	unsigned int nr_damages;
	bool repaired;
	bool set_aside;
	u8 *object;
	unsigned int size;		/* bytes asked for */
	char *base;			/* of the slab */
	void *freelist;
	unsigned int objects, inuse;
	struct damage damage[MAX_DAMAGES];
	struct track tracks[2];
	u8 *dump_start;
	unsigned int nr_dumped;
	u8 dump[REPORT_DUMP];
};

static inline void slub_report_init(struct slub_report *report)
{
	report->nr_damages = 0;
	report->repaired = false;
	report->set_aside = false;
}

/* Under list_lock: check @object, which is on no freelist any more, and make it
 * ready for its owner. False: it was damaged while it was free, by somebody who
 * may do so again, and is set aside for ever. @link_lost: its link, too. */
bool alloc_debug_processing(struct kmem_cache *s, struct page *slab,
			    void *object, bool link_lost,
			    const struct debug_call *call,
			    struct slub_report *report);
/* Under list_lock: check @object, and make it ready to be free. False: it is
 * free already, unless there is a report. */
bool free_debug_processing(struct kmem_cache *s, struct page *slab,
			   void *object, const struct debug_call *call,
			   struct slub_report *report);

/* The slab is about to be freed: a last look at its objects. */
void check_free_slab(struct kmem_cache *s, struct page *slab);

/* slub_debug.c: large blocks of kmalloc() ------------------------------------ */

#define LARGE_NAME "kmalloc-large"

/* Bytes to add to one of @size bytes; 0: none, it is not debugged. */
size_t large_red_zone(size_t size);
void large_debug_alloc(struct page *page, size_t size, const void *caller);
/* @page has slack. */
void large_debug_free(struct page *page, const void *caller);

/* slub_report.c, all without a lock ----------------------------------------- */

/* Print what is wrong with an object. @call: in which it was found; NULL: in a walk. */
void slub_report(struct kmem_cache *s, const struct slub_report *report,
		 const struct debug_call *call);
/* The same, and act by the policy; may return. */
void slub_report_call(struct kmem_cache *s, const struct slub_report *report,
		      const struct debug_call *call);
/* Bytes from @end on, behind the block at @page, were overwritten. */
void slub_report_large(const struct page *page, const u8 *end,
		       const struct damage *d, const void *caller);
void slub_trace(struct kmem_cache *s, void *object, bool alloc,
		const struct debug_call *call);
/* Where an object that cannot be freed was allocated and freed last, if that is
 * known, and the stack of the call that tried. */
void print_bad_free(const struct slab_where *where, const void *caller);
/* Of a live one, in a walk that holds list_lock. */
void print_object_tracking(struct kmem_cache *s, void *object);

#endif /* MM_SLUB_DEBUG_H */
