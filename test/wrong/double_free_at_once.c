// SPDX-License-Identifier: MIT
/*
 * A double free, at once: line 28 frees again what has just been freed.
 *
 * Mistake:	second_free() line 28
 * Allocated:	make_block()
 * Freed:	first_free()
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

static void first_free(char *block)
{
	free(block);
}

static void second_free(char *block)
{
	free(block); /* WRONG */
}

int main(void)
{
	char *block = make_block(64);

	first_free(block);
	second_free(block);
	puts("done");
	fflush(stdout);
	return 0;
}
