/* SPDX-License-Identifier: MIT */
/*
 * Exercise 02: take a block, split it, file the halves.
 *
 * You write block_alloc(). The machine, with file_block() and unfile_block(),
 * is in ../common/machine.h; read that first.
 */
#ifndef LAB_02_H
#define LAB_02_H

#include "pages.h"

#endif /* LAB_02_H */
