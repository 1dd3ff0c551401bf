// SPDX-License-Identifier: MIT
/*
 * A read after free: line 33 reads from a block that was freed.
 *
 * Mistake:	late_read() line 33
 * Allocated:	make_block()
 * Freed:	first_free()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile char seen;

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

static void late_read(const char *block)
{
	int i;

	for (i = 20; i < 24; i++)
		seen = block[i]; /* WRONG */
}

int main(void)
{
	char *block = make_block(64);

	first_free(block);
	late_read(block);
	puts("done");
	fflush(stdout);
	return 0;
}
