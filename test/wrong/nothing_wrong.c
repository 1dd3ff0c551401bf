// SPDX-License-Identifier: MIT
/*
 * Nothing wrong: the control. Blocks of several sizes are allocated, checked,
 * written, resized, handed to another thread and freed. Whoever reports an error
 * here is mistaken, and whatever else is said here is not about an error.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_BLOCKS 64

static char *blocks[NR_BLOCKS];

static char *make_block(size_t size)
{
	char *block = malloc(size);

	if (!block) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return memset(block, 'a', size);
}

static void *last_free(void *block)
{
	free(block);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	char *larger;
	int i;

	for (i = 0; i < NR_BLOCKS; i++)
		blocks[i] = make_block((size_t)1 << (i % 20));
	larger = realloc(blocks[0], 5000);
	if (!larger)
		return 1;
	blocks[0] = memset(larger, 'b', 5000);
	for (i = 1; i < NR_BLOCKS; i++)
		free(blocks[i]);
	if (pthread_create(&thread, NULL, last_free, blocks[0]))
		return 1;
	pthread_join(thread, NULL);
	puts("done");
	fflush(stdout);
	return 0;
}
