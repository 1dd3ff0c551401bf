/* SPDX-License-Identifier: MIT */
/*
 * Exercise 07: a cache of slabs.
 *
 * You write the functions of ../common/cache.h. Pages come from block_alloc(),
 * lists are changed by list_add() and list_del(); ../common/machine.h has what
 * struct page knows of a slab: cache, freelist, inuse, list.
 */
#ifndef LAB_07_H
#define LAB_07_H

#include "cache.h"

#endif /* LAB_07_H */
