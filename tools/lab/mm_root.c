// SPDX-License-Identifier: MIT
/*
 * How the lab boots the library, and finds its insides: by the anchor, as those
 * who look from outside do.
 */
#include <kmm/anchor.h>
#include <kmm/kmm.h>
#include <linux/slab.h>

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

int mm_set_up(const char *cmdline)
{
	int ret = kmm_boot(cmdline);

	/* As on any machine, not all pages are free: the first cache that a
	 * program creates makes slabs for caches, their names and their sheaves. */
	if (!ret)
		kmem_cache_create("first_cache", 64, 0, 0, NULL);
	return ret;
}
