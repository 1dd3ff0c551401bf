// SPDX-License-Identifier: MIT
/*
 * A mismatched free, in C++: what new[] gave is handed to free() in line 22.
 *
 * Mistake:	wrong_free() line 22
 * Allocated:	make_block()
 */
#include <cstdio>
#include <cstdlib>

static int *make_block(std::size_t count)
{
	int *block = new int[count];

	for (std::size_t i = 0; i < count; i++)
		block[i] = 1;
	return block;
}

static void wrong_free(int *block)
{
	std::free(block); /* WRONG */
}

int main()
{
	int *block = make_block(16);

	wrong_free(block);
	std::puts("done");
	std::fflush(stdout);
	return 0;
}
