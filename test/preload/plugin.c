// SPDX-License-Identifier: MIT
/*
 * A library for loading.c: allocates when it is loaded, frees when it is
 * unloaded, and hands out a block that outlives it.
 */
#include <stdlib.h>
#include <string.h>

void *plugin_make(size_t size);

static char *blocks[50];

__attribute__((constructor)) static void loaded(void)
{
	size_t i;

	for (i = 0; i < 50; i++)
		blocks[i] = malloc(i * i * 10);
}

__attribute__((destructor)) static void unloaded(void)
{
	size_t i;

	for (i = 0; i < 50; i++)
		free(blocks[i]);
	free(malloc(3000));
}

void *plugin_make(size_t size)
{
	void *p = malloc(size);

	return p ? memset(p, 'p', size) : NULL;
}
