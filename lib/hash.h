/* SPDX-License-Identifier: MIT */
/*
 * Spreading the bits of a word.
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include "compiler.h"

/* 2^64 over the golden ratio: the high bits of a product have something of all
 * bits of the word. */
#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ull

/* A bijection that spreads each bit over the word. */
static inline u64 hash_mix(u64 x)
{
	x *= HASH_MULTIPLIER;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ (x >> 29);
}

#endif /* LIB_HASH_H */
