// SPDX-License-Identifier: MIT
/*
 * An overrun by 40 bytes: line 24 fills a block of 64 bytes as if it had 104,
 * which reaches into the block that lies behind it.
 *
 * Mistake:	fill_block() line 24
 * Allocated:	make_block()
 */
#include <stdio.h>
#include <stdlib.h>

#define NR_BLOCKS 8

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
	char *blocks[NR_BLOCKS];
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = make_block(64);
		fill_block(blocks[i], 64);
	}
	fill_block(blocks[3], 104);
	for (i = 0; i < NR_BLOCKS; i++)
		free(blocks[i]);
	puts("done");
	fflush(stdout);
	return 0;
}
