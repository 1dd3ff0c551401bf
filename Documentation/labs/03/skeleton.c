// SPDX-License-Identifier: MIT
/*
 * Exercise 03: free a block and merge it. See README.md.
 */
#include "lab.h"

int block_free(unsigned long pfn, unsigned int order)
{
	(void)pfn, (void)order;
	/*
	 * Write it here:
	 * 1. refuse with -1 what cannot be a block that is handed out;
	 * 2. while the buddy is free as a whole: unfile_block() it, and go on
	 *    with the parent;
	 * 3. file_block() what it has become.
	 */
	return NOT_YET(-1);
}
