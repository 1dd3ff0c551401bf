/* SPDX-License-Identifier: MIT */
/*
 * The library of this process, for the lab; see mm_root.c.
 */
#ifndef TOOLS_LAB_MM_ROOT_H
#define TOOLS_LAB_MM_ROOT_H

#include "internal.h"

/* A root of the library, by its name in the anchor. The tool is linked to the
 * library, but its insides are not for other code to name. */
void *mm_root(const char *name);
/* kmm_boot(), and a first object of the caches that every program uses. */
int mm_set_up(const char *cmdline);

#endif /* TOOLS_LAB_MM_ROOT_H */
