// SPDX-License-Identifier: MIT
/*
 * A library for loading.c: allocates when it is loaded, frees when it is
 * unloaded, hands out blocks that outlive it, and takes such from others.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *plugin_make(size_t size);
void *plugin_own(size_t size);
void plugin_drop(void *p);
void *plugin_open(const char *name);

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

/* A block from the plugin's own malloc(); the one from strdup() is libc's. */
void *plugin_own(size_t size)
{
	free(strdup("a"));
	return malloc(size);
}

void plugin_drop(void *p)
{
	free(p);
}

/* By the plugin's RUNPATH. */
void *plugin_open(const char *name)
{
	return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}
