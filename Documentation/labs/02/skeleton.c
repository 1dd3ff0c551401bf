// SPDX-License-Identifier: MIT
/*
 * Exercise 02: split a block and file the halves. See README.md.
 */
#include "lab.h"

long block_alloc(unsigned int order)
{
	(void)order;
	/*
	 * Write it here:
	 * 1. find the smallest order, from `order` up, whose list is not empty;
	 * 2. unfile_block() its first block;
	 * 3. while it is larger than asked for: halve it, file_block() one half.
	 */
	return NOT_YET(-1);
}
