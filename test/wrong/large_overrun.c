// SPDX-License-Identifier: MIT
/*
 * An overrun of a large block: line 24 fills a block of 300 KiB and 40 bytes
 * more.
 *
 * Mistake:	fill_block() line 24
 * Allocated:	make_block()
 */
#include <stdio.h>
#include <stdlib.h>

#define LARGE ((size_t)300 << 10)

static char *make_block(size_t size)
{
	return malloc(size);
}

static void fill_block(char *block, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		block[i] = 'x'; /* WRONG */
}

int main(void)
{
	char *first = make_block(LARGE);
	char *second = make_block(LARGE);

	fill_block(second, LARGE);
	fill_block(first, LARGE + 40);
	free(first);
	free(second);
	puts("done");
	fflush(stdout);
	return 0;
}
