// SPDX-License-Identifier: MIT
/*
 * A free of a stack address: line 13 is given a local array of main().
 *
 * Mistake:	wrong_free() line 13
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wrong_free(char *block)
{
	free(block); /* WRONG */
}

int main(void)
{
	char local[64] __attribute__((aligned(16)));

	memset(local, 0, sizeof(local));
	wrong_free(local);
	puts("done");
	fflush(stdout);
	return 0;
}
