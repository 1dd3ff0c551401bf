// SPDX-License-Identifier: MIT
/* The library that wrong.c loads. */
#include <stdlib.h>

__attribute__((noinline)) void plugin_drop(char *p);

void plugin_drop(char *p)
{
	free(p); /* line: plugin */
	__asm__ volatile("");
}
