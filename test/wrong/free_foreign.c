// SPDX-License-Identifier: MIT
/*
 * A free of another allocator's block: make_block() hands out pieces of a
 * mapping of its own; line 30 gives one of them to free().
 *
 * Mistake:	wrong_free() line 30
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_SIZE ((size_t)1 << 20)

static char *arena;
static size_t used = 4096;

static char *make_block(size_t size)
{
	char *block = arena + used;

	used += size;
	memset(block, 0, size);
	return block;
}

static void wrong_free(char *block)
{
	free(block); /* WRONG */
}

int main(void)
{
	char *first, *second;

	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return 1;
	first = make_block(64);
	second = make_block(64);
	memset(first, 0, 64);
	wrong_free(second);
	puts("done");
	fflush(stdout);
	return 0;
}
