// SPDX-License-Identifier: MIT
/*
 * How the lab finds the library's insides: by the anchor, as those who look from
 * outside do.
 */
#include <kmm/anchor.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mm_root.h"

void *mm_root(const char *name)
{
	unsigned int i;

	for (i = 0; i < kmm_anchor.nr_roots; i++)
		if (!strcmp(kmm_anchor.roots[i].name, name))
			return (void *)(uintptr_t)kmm_anchor.roots[i].address;
	abort();
}
