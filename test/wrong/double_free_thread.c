// SPDX-License-Identifier: MIT
/*
 * A double free by another thread: line 34 runs in a thread that is started
 * after main() has freed the block, and frees it again. It is not the last one
 * that main() has freed: else what is seen would depend on the CPU that the
 * thread happens to run on.
 *
 * Mistake:	second_free() line 34
 * Allocated:	make_block()
 * Freed:	first_free()
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_BLOCKS 5

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

static void *second_free(void *block)
{
	free(block); /* WRONG */
	return NULL;
}

int main(void)
{
	char *blocks[NR_BLOCKS];
	pthread_t thread;
	int i;

	for (i = 0; i < NR_BLOCKS; i++)
		blocks[i] = make_block(64);
	for (i = 0; i < NR_BLOCKS; i++)
		first_free(blocks[i]);
	if (pthread_create(&thread, NULL, second_free, blocks[0]))
		return 1;
	pthread_join(thread, NULL);
	puts("done");
	fflush(stdout);
	return 0;
}
