// SPDX-License-Identifier: MIT
/*
 * A double free, later: when line 43 frees the first block again, 63 others of
 * its size have been freed since. Whoever looks only at what was freed last
 * does not see it. The program goes on and allocates as many anew: two of them
 * may be the same block.
 *
 * Mistake:	second_free() line 43
 * Allocated:	make_block()
 * Freed:	first_free()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_BLOCKS 64

static char *blocks[NR_BLOCKS];

static char *make_block(size_t size)
{
	char *block = malloc(size);

	memset(block, 'a', size);
	return block;
}

static void make_all(void)
{
	int i;

	for (i = 0; i < NR_BLOCKS; i++)
		blocks[i] = make_block(64);
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
	int i;

	make_all();
	for (i = 0; i < NR_BLOCKS; i++)
		first_free(blocks[i]);
	second_free(blocks[0]);
	make_all();
	puts("done");
	fflush(stdout);
	return 0;
}
