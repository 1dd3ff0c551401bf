/* SPDX-License-Identifier: MIT */
/*
 * The two profiles of allocations, and what they share: see heap_profile.c (by
 * stack, sampled) and alloc_tag.c (by call site, all of them).
 */
#ifndef MM_PROFILE_H
#define MM_PROFILE_H

#include "../lib/tally.h"
#include "vmstat.h"
#include "watch.h"

/* At boot: both, as far as they are asked for. */
int profile_init(void);

/* mm/heap_profile.c: key[0] is the stack's handle, key[1] the size. */
extern struct tally_table heap_profile;
void heap_profile_init(void);
void heap_profile_show(struct seq_file *m);
/* For tests: bytes up to the next sample, @rate on average. */
u64 heap_profile_distance(u64 *state, u64 rate);

/* mm/alloc_tag.c: key[1] says what key[0] is. */
enum alloc_site {
	SITE_CALLER,	/* a return address */
	SITE_TAG,	/* the handle of the site's text in the stack depot */
};
extern struct tally_table alloc_sites;
void alloc_tag_init(void);
void allocinfo_show(struct seq_file *m);

/* Does @call free call->old? A realloc that fails does not. */
static inline bool watch_frees(const struct watch_call *call)
{
	return call->old && (call->result || call->op != WATCH_REALLOC);
}

/* Write a report to the file @path at exit; %p in it is the process number. At
 * its end are the mappings, without which the addresses mean nothing. */
void profile_write(const char *path, void (*show)(struct seq_file *m));

#endif /* MM_PROFILE_H */
