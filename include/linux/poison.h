/* SPDX-License-Identifier: MIT */
/*
 * Bytes that fill memory nobody should be using, so that a look at a word of
 * it, in a debugger or a report, says where it comes from.
 *
 * Source: kernel include/linux/poison.h, for the names and the values.
 */
#ifndef _LINUX_POISON_H
#define _LINUX_POISON_H

/** PAGE_POISON - fills free pages. */
#define PAGE_POISON 0xaa

/** SLUB_RED_INACTIVE - the red zone around a free object. */
#define SLUB_RED_INACTIVE 0xbb
/** SLUB_RED_ACTIVE - the red zone around an object in use. */
#define SLUB_RED_ACTIVE 0xcc

/** POISON_INUSE - what is no part of an object: padding. */
#define POISON_INUSE 0x5a
/** POISON_FREE - a free object, and one that was never written to. */
#define POISON_FREE 0x6b
/** POISON_END - the last byte of such an object. */
#define POISON_END 0xa5

#endif /* _LINUX_POISON_H */
