// SPDX-License-Identifier: MIT
/*
 * Exercise 01: the buddy of a block. Reference solution.
 *
 * A block of 2^order pages begins at a multiple of 2^order, so the bits below
 * `order` of its number are 0. Bit `order` says which half of the parent it is:
 * the buddy has the other value there, the parent has 0.
 */
#include "lab.h"

bool is_head(unsigned long pfn, unsigned int order)
{
	return !(pfn & ((1UL << order) - 1));
}

unsigned long buddy_pfn(unsigned long pfn, unsigned int order)
{
	return pfn ^ (1UL << order);
}

unsigned long parent_pfn(unsigned long pfn, unsigned int order)
{
	return pfn & ~(1UL << order);
}
