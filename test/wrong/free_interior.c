// SPDX-License-Identifier: MIT
/*
 * A free of a pointer into a block: line 23 frees where the text begins, and
 * not where the block does.
 *
 * Mistake:	wrong_free() line 23
 * Allocated:	make_block()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *make_block(size_t size)
{
	char *block = malloc(size);

	memset(block, 'a', size);
	return block;
}

static void wrong_free(char *text)
{
	free(text); /* WRONG */
}

int main(void)
{
	char *block = make_block(64);

	wrong_free(block + 16);
	puts("done");
	fflush(stdout);
	return 0;
}
