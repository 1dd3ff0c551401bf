// SPDX-License-Identifier: MIT
/*
 * A write after free of a large block: line 34 writes into 300 KiB that were
 * freed.
 *
 * Mistake:	late_write() line 34
 * Allocated:	make_block()
 * Freed:	first_free()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE ((size_t)300 << 10)

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

static void late_write(char *block)
{
	size_t i;

	for (i = LARGE / 2; i < LARGE / 2 + 8; i++)
		block[i] = 'x'; /* WRONG */
}

int main(void)
{
	char *block = make_block(LARGE), *next;

	first_free(block);
	late_write(block);
	next = make_block(LARGE);
	free(next);
	puts("done");
	fflush(stdout);
	return 0;
}
