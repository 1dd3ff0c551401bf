// SPDX-License-Identifier: MIT
/*
 * A write after free: line 37 writes into a block that was freed. The program
 * goes on and allocates blocks of the same size, so that one who does not see
 * the write itself may find what it left behind.
 *
 * Mistake:	late_write() line 37
 * Allocated:	make_block()
 * Freed:	first_free()
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account {
	char name[16];
	long balance;
	long reserve[3];
};

static struct account *make_block(void)
{
	struct account *account = malloc(sizeof(*account));

	memset(account, 0, sizeof(*account));
	return account;
}

static void first_free(struct account *account)
{
	free(account);
}

static void late_write(struct account *account, long amount)
{
	if (amount > 0)
		account->balance = amount; /* WRONG */
}

int main(void)
{
	struct account *account = make_block(), *others[4];
	int i;

	first_free(account);
	late_write(account, 100);
	for (i = 0; i < 4; i++)
		others[i] = make_block();
	for (i = 0; i < 4; i++)
		free(others[i]);
	puts("done");
	fflush(stdout);
	return 0;
}
