// SPDX-License-Identifier: MIT
/*
 * A leak by realloc(): grow() in line 26 changes its own copy of the pointer.
 * The caller never learns where the block went, and drops the old address.
 *
 * Mistake:	grow() line 26
 * Allocated:	grow()
 * Lost:	1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *other;

static char *make_block(size_t size)
{
	char *block = malloc(size);

	memset(block, 'a', size);
	return block;
}

static void grow(char *block, size_t size)
{
	block = realloc(block, size); /* WRONG */
	memset(block, 'b', size);
}

/* So that what main() and grow() had in registers and on the stack is gone. */
static int clear_stack(int depth)
{
	char room[256];

	memset(room, depth, sizeof(room));
	return depth ? clear_stack(depth - 1) + room[depth] : 0;
}

static void work(void)
{
	char *block = make_block(64);

	/* The block behind it: it cannot grow where it is. */
	other = make_block(64);
	grow(block, 5000);
}

int main(void)
{
	work();
	if (clear_stack(8) < 0)
		return 1;
	free(other);
	puts("done");
	fflush(stdout);
	return 0;
}
