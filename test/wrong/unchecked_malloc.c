// SPDX-License-Identifier: MIT
/*
 * An unchecked malloc(): line 28 writes to a block that make_block() may not
 * have been given. Whoever does not make an allocation fail does not see it:
 * the third, since the first two are checked.
 *
 * Mistake:	copy_name() line 28
 * Allocated:	make_block()
 */
#include <stdio.h>
#include <stdlib.h>

struct person {
	char *name;
};

static void *make_block(size_t size)
{
	return malloc(size);
}

static char *copy_name(const char *name, size_t size)
{
	char *copy = make_block(size);
	size_t i;

	for (i = 0; i < size; i++)
		copy[i] = name[i]; /* WRONG */
	return copy;
}

int main(void)
{
	struct person *person = make_block(sizeof(*person));
	char *room = make_block(100);

	if (!person || !room) {
		fputs("out of memory\n", stderr);
		return 1;
	}
	person->name = copy_name("Ada", 4);
	free(person->name);
	free(room);
	free(person);
	puts("done");
	fflush(stdout);
	return 0;
}
