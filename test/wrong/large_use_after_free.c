// SPDX-License-Identifier: MIT
/*
 * A write after free of a large block: line 31 writes into 300 KiB that were
 * freed.
 *
 * Mistake:	late_write() line 31
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
	block[LARGE / 2] = 'x'; /* WRONG */
}

int main(void)
{
	char *block = make_block(LARGE), *next;

	first_free(block);
	late_write(block);
	next = make_block(LARGE);
	free(next);
	puts("done");
	return 0;
}
