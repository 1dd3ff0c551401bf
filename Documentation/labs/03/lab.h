/* SPDX-License-Identifier: MIT */
/*
 * Exercise 03: free a block and merge it with its buddy.
 *
 * You write block_free(). The machine, with file_block() and unfile_block(),
 * is in ../common/machine.h.
 */
#ifndef LAB_03_H
#define LAB_03_H

#include "pages.h"

#endif /* LAB_03_H */
