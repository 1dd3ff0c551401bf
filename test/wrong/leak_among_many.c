// SPDX-License-Identifier: MIT
/*
 * A leak: 100,000 blocks stay in use to the end, which is no mistake; three
 * more are dropped by lose_block() in line 29, and nothing points to them.
 *
 * Mistake:	lose_block() line 29
 * Allocated:	make_block()
 * Lost:	3
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_LIVE 100000

/* Not static: the compiler would leave out what nobody reads. */
char *live[NR_LIVE];

static char *make_block(size_t size)
{
	char *block = malloc(size);

	memset(block, 'a', size);
	return block;
}

static void lose_block(void)
{
	make_block(40); /* WRONG */
}

int main(void)
{
	int i;

	for (i = 0; i < NR_LIVE; i++) {
		if (i == 1000 || i == 50000 || i == 90000)
			lose_block();
		live[i] = make_block(40);
	}
	puts("done");
	fflush(stdout);
	return 0;
}
