// SPDX-License-Identifier: MIT
/*
 * For kmm view: a heap with something of everything, and, at a word on its
 * standard input, another one. Prints the addresses of a small block and of a
 * large one.
 *
 *	view_prog [MIB]		with so much more of it, as blocks of 100 KiB
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_SMALL 1000

static void *small[NR_SMALL];

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, i;
	char *large = malloc(300000);

	for (i = 0; i < NR_SMALL; i++)
		small[i] = malloc(560);
	for (i = 0; i < NR_SMALL; i += 2) {
		free(small[i]);
		small[i] = NULL;
	}
	memset(large, 1, 300000);
	for (i = 0; i < mib * 10; i++)
		if (!malloc(100 << 10))
			return 1;
	printf("%p %p\n", small[NR_SMALL - 1], (void *)large);
	fflush(stdout);
	if (getchar() == 'x') {
		free(large);
		printf("freed\n");
		fflush(stdout);
		getchar();
	}
	return 0;
}
