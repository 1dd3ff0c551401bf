/* SPDX-License-Identifier: MIT */
/*
 * The page allocator of the exercises: you write the first function in 02, the
 * second one in 03, and stand on both in 07 and 08.
 */
#ifndef LABS_PAGES_H
#define LABS_PAGES_H

#include "machine.h"

/**
 * block_alloc() - take a block of 2^@order pages
 *
 * Return: the number of its first page; -1 if there is none.
 */
long block_alloc(unsigned int order);

/**
 * block_free() - give the block of 2^@order pages at @pfn back
 *
 * Return: 0; -1, with nothing changed, if that cannot be a block that is
 *         handed out.
 */
int block_free(unsigned long pfn, unsigned int order);

#endif /* LABS_PAGES_H */
