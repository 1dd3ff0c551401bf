// SPDX-License-Identifier: MIT
/*
 * An overrun by one byte: make_block() forgets the zero byte at the end of the
 * string, which line 24 writes behind the block.
 *
 * Mistake:	copy_string() line 24
 * Allocated:	make_block()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *make_block(size_t size)
{
	return malloc(size);
}

static char *copy_string(const char *string)
{
	size_t length = strlen(string), i;
	char *copy = make_block(length);

	for (i = 0; i <= length; i++)
		copy[i] = string[i]; /* WRONG */
	return copy;
}

int main(void)
{
	char *first = copy_string("twenty-four characters!!");
	char *second = copy_string("and these are another 24");

	free(first);
	free(second);
	puts("done");
	fflush(stdout);
	return 0;
}
