/* SPDX-License-Identifier: MIT */
/*
 * The library of this process, for the lab; see mm_setup.c.
 */
#ifndef TOOLS_LAB_MM_SETUP_H
#define TOOLS_LAB_MM_SETUP_H

#include "internal.h"

/* A root of the library, by its name in the anchor. The tool is linked to the
 * library, but its insides are not for other code to name. */
void *mm_root(const char *name);
/* After boot, while the library is idle: a machine smaller than a pageblock has
 * one migratetype. */
void mm_group_nothing(void);

#endif /* TOOLS_LAB_MM_SETUP_H */
