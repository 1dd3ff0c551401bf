// SPDX-License-Identifier: MIT
/*
 * An underrun: line 25 writes into the eight bytes before the block.
 *
 * Mistake:	write_before() line 25
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

static void write_before(char *block, long count)
{
	long i;

	for (i = 1; i <= count; i++)
		block[-i] = 'x'; /* WRONG */
}

int main(void)
{
	char *first = make_block(64);
	char *second = make_block(64);

	write_before(second, 8);
	free(first);
	free(second);
	puts("done");
	fflush(stdout);
	return 0;
}
