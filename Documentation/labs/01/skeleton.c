// SPDX-License-Identifier: MIT
/*
 * Exercise 01: the buddy of a block. See README.md.
 */
#include "lab.h"

bool is_head(unsigned long pfn, unsigned int order)
{
	(void)pfn, (void)order;
	/* Write it here. */
	return NOT_YET(false);
}

unsigned long buddy_pfn(unsigned long pfn, unsigned int order)
{
	(void)pfn, (void)order;
	/* Write it here. */
	return NOT_YET(0);
}

unsigned long parent_pfn(unsigned long pfn, unsigned int order)
{
	(void)pfn, (void)order;
	/* Write it here. */
	return NOT_YET(0);
}
