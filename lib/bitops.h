/* SPDX-License-Identifier: MIT */
/*
 * Bit operations under the kernel's names.
 *
 * Source: kernel include/linux/bitops.h, include/linux/log2.h.
 */
#ifndef LIB_BITOPS_H
#define LIB_BITOPS_H

#include "compiler.h"

/* Position of the highest set bit, counted from 1; 0 for 0. */
static inline unsigned int fls_long(unsigned long x)
{
	return x ? 64u - (unsigned int)__builtin_clzl(x) : 0;
}

/* Position of the lowest set bit, counted from 0; @x must not be 0. */
static inline unsigned int ffs_long(unsigned long x)
{
	return (unsigned int)__builtin_ctzl(x);
}

/* Floor of log2; @x must not be 0. */
static inline unsigned int ilog2(unsigned long x)
{
	return fls_long(x) - 1;
}

static inline unsigned long roundup_pow_of_two(unsigned long x)
{
	return x <= 1 ? 1 : 1UL << fls_long(x - 1);
}

/* Floor of the square root, by bits. */
static inline unsigned long int_sqrt(unsigned long x)
{
	unsigned long root = 0, bit;

	for (bit = x ? 1UL << (ilog2(x) & ~1u) : 0; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return root;
}

#endif /* LIB_BITOPS_H */
