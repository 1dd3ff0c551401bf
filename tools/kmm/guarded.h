/* SPDX-License-Identifier: MIT */
/*
 * The guarded objects of KFENCE in another process: which one an address is in,
 * beside, or on the guard page of.
 */
#ifndef TOOLS_KMM_GUARDED_H
#define TOOLS_KMM_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kfence.h"
#include "view.h"

struct guarded {
	uint32_t number;		/* "kfence-#NUMBER" in reports */
	struct kfence_metadata meta;
	uint64_t since;			/* when the clock of its tracks was 0 */
};

/* Is the address in the pool? */
bool guarded_is(struct view *v, uint64_t address);
/* The object whose pages the address is in. A guard page has one on each side:
 * as in a report it is the nearest, and one in use before one that is free.
 * False: there was none yet. */
bool guarded_find(struct view *v, uint64_t address, struct guarded *g);
/* Bytes between an address and the object; 0: it is in it. */
uint64_t guarded_distance(const struct guarded *g, uint64_t address);
/* In the object's own pages, and not on a guard page? */
bool guarded_in_pages(struct view *v, const struct guarded *g,
		      uint64_t address);
/* Of its cache, or "large". */
void guarded_name(struct view *v, const struct guarded *g, char *name,
		  size_t size);

#endif /* TOOLS_KMM_GUARDED_H */
