/* SPDX-License-Identifier: MIT */
/*
 * What the checkers see of the parts that an exercise stands on, whether these
 * are given or the learner's own: the linker leads each call through parts.c
 * (--wrap, see lab.mk).
 */
#ifndef LABS_PARTS_H
#define LABS_PARTS_H

#include "machine_check.h"
#include "pages.h"

/* What was asked of the pages since parts_reset(). */
extern struct parts {
	unsigned int allocs, frees;	/* calls */
	unsigned int alloc_order;	/* of the last one */
	long alloc_pfn;
	unsigned long pages;		/* handed out now */
} *parts;

/* A machine of @pages free pages, for the allocator that is linked. */
void parts_reset(unsigned long pages);

#endif /* LABS_PARTS_H */
