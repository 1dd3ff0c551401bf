// SPDX-License-Identifier: MIT
/*
 * The parameter slab_debug: which caches are debugged, and how.
 *
 *	FZ,kmalloc-*,dentry;U;-,bio	letters, then globs of names
 *	|                   | `- bio: nothing
 *	|                   `- all others: who allocated and freed
 *	`- these: checks, and red zones
 *
 * The first block with a glob that matches counts, else the one without globs. The
 * text is read anew for each cache: there is no table that could overflow.
 *
 * Context:	boot, and the making of a cache; no locks.
 * Source:	kernel mm/slub.c, kmem_cache_flags() and what reads its text.
 * Not here:	what the flags do (slub_debug.c).
 */
#include "../lib/cmdline.h"
#include "../lib/memcheck.h"
#include "slub_debug.h"

#define DEBUG_DEFAULT_FLAGS (SLAB_CONSISTENCY_CHECKS | SLAB_DEBUG_METADATA)

/* "opts,glob,glob;opts;..." One block of it. */
struct debug_block {
	slab_flags_t flags;
	const char *globs;		/* NULL: all caches */
	const char *end;		/* of the globs */
};

/* Of the block that names no cache. */
static slab_flags_t global_flags;

bool slub_higher_order_disabled;

static slab_flags_t debug_letter(char letter)
{
	switch (letter | 0x20) {
	case 'f':
		return SLAB_CONSISTENCY_CHECKS;
	case 'z':
		return SLAB_RED_ZONE;
	case 'p':
		return SLAB_POISON;
	case 'u':
		return SLAB_STORE_USER;
	case 't':
		return SLAB_TRACE;
	case 'a':
		return SLAB_FAILSLAB;
	}
	return 0;
}

/* The next block of *@text, which moves on; false after the last. @loud: name
 * letters that mean nothing. */
static bool next_block(const char **text, struct debug_block *block, bool loud)
{
	const char *s = *text;

	while (*s == ';')
		s++;
	if (!*s)
		return false;
	block->flags = *s == ',' ? DEBUG_DEFAULT_FLAGS : 0;
	for (; *s && *s != ',' && *s != ';'; s++) {
		if (*s == '-')
			block->flags = 0;
		else if ((*s | 0x20) == 'o')
			slub_higher_order_disabled = true;
		else if (debug_letter(*s))
			block->flags |= debug_letter(*s);
		else if (loud)
			printk("WARNING: slab_debug: unknown option '%c', skipped\n",
			       *s);
	}
	block->globs = *s == ',' ? s + 1 : NULL;
	while (*s && *s != ';')
		s++;
	block->end = s;
	*text = s;
	return true;
}

bool glob_matches(const char *glob, const char *end, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (glob < end && (*glob == '?' || *glob == *name)) {
			glob++;
			name++;
		} else if (glob < end && *glob == '*') {
			star = ++glob;
			from = name;
		} else if (star) {
			/* Let the last star have one more. */
			glob = star;
			name = ++from;
		} else {
			return false;
		}
	}
	while (glob < end && *glob == '*')
		glob++;
	return glob == end;
}

static bool block_matches(const struct debug_block *block, const char *name)
{
	const char *glob = block->globs, *end;

	for (; glob < block->end; glob = end + 1) {
		end = glob;
		while (end < block->end && *end != ',')
			end++;
		if (glob_matches(glob, end, name))
			return true;
	}
	return false;
}

bool __init slub_debug_parse(void)
{
	const char *text = param_text(kmm_params.slab_debug);
	slab_flags_t wanted = 0;
	struct debug_block block;

	if (!text)
		return false;
	if (!*text)
		global_flags = DEBUG_DEFAULT_FLAGS;
	while (next_block(&text, &block, true)) {
		wanted |= block.flags;
		if (!block.globs)
			global_flags = block.flags;
	}
	/* The letter A needs no room in objects. */
	if (memcheck_active()) {
		if (!*param_text(kmm_params.slab_debug) ||
		    (wanted & SLAB_DEBUG_FLAGS))
			printk("WARNING: slab_debug is ignored: Valgrind or AddressSanitizer watches this process\n");
		return false;
	}
	return true;
}

slab_flags_t kmem_cache_flags(slab_flags_t flags, const char *name)
{
	const char *text = param_text(kmm_params.slab_debug);
	slab_flags_t allowed = ~(slab_flags_t)0;
	struct debug_block block;

	if (likely(!text) || (flags & SLAB_NO_USER_FLAGS))
		return flags;
	if (memcheck_active())
		allowed = SLAB_FAILSLAB;
	/* Who keeps track of leaks needs none of its own objects. */
	if (flags & SLAB_NOLEAKTRACE)
		allowed &= ~SLAB_STORE_USER;
	while (next_block(&text, &block, false))
		if (block.globs && block_matches(&block, name))
			return flags | (block.flags & allowed);
	return flags | (global_flags & allowed);
}
