/* SPDX-License-Identifier: MIT */
/*
 * Exercise 01: the numbers of a block, its buddy and its parent.
 */
#ifndef LAB_01_H
#define LAB_01_H

#include "begin.h"

/** is_head() - may a block of 2^@order pages begin at page @pfn? */
bool is_head(unsigned long pfn, unsigned int order);

/** buddy_pfn() - where the buddy of the block of 2^@order pages at @pfn begins */
unsigned long buddy_pfn(unsigned long pfn, unsigned int order);

/** parent_pfn() - where the block begins that the two make together */
unsigned long parent_pfn(unsigned long pfn, unsigned int order);

#endif /* LAB_01_H */
