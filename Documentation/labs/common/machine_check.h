/* SPDX-License-Identifier: MIT */
/*
 * The checker's side of the little machine: it knows which blocks are handed
 * out, compares that with the free lists, and draws both.
 */
#ifndef LABS_MACHINE_CHECK_H
#define LABS_MACHINE_CHECK_H

#include "check.h"
#include "machine.h"

/* A machine of @pages pages, all handed out and none known of; before fork too. */
void machine_reset(unsigned long pages);
/* Note that a block is handed out, or no more. */
void machine_give(unsigned long pfn, unsigned int order);
void machine_take_back(unsigned long pfn, unsigned int order);
/* Whether any page of the block is handed out. */
bool machine_is_given(unsigned long pfn, unsigned int order);

/**
 * machine_validate() - each page is handed out or in exactly one free block
 *
 * Fails with the rule that is broken: lists and struct pages agree (M1), blocks
 * are aligned and inside (M2), nothing is in two blocks (M3), nothing is lost (M4).
 */
void machine_validate(void);

/* "one of 2 pages, one of 8" of the free lists. */
void machine_counts(char *text, size_t size);
void machine_draw(void);
/* "page 3 + 128", in words that one can compare; valid until the next but one. */
const char *machine_name(const void *p);

/* The number of the head of the handed out block that page @pfn is in, or -1. */
long machine_head(unsigned long pfn);
/* Caches that exist. */
unsigned int machine_nr_caches(void);

#endif /* LABS_MACHINE_CHECK_H */
