// SPDX-License-Identifier: MIT
/*
 * The calls of block_alloc() and block_free(), noted on their way; see parts.h.
 */
#include "parts.h"

#include <string.h>

struct parts *parts;

/* Only the given page allocator defines it. */
extern const bool pages_are_given __attribute__((weak));

/* The linker's names for what is wrapped. */
long __real_block_alloc(unsigned int order);
int __real_block_free(unsigned long pfn, unsigned int order);
long __wrap_block_alloc(unsigned int order);
int __wrap_block_free(unsigned long pfn, unsigned int order);

__attribute__((constructor)) static void parts_make(void)
{
	parts = check_shared(sizeof(*parts));
}

void parts_reset(unsigned long pages)
{
	unsigned long pfn;

	check_new_sequence();
	machine_reset(pages);
	memset(parts, 0, sizeof(*parts));
	if (!&pages_are_given)
		for (pfn = 0; pfn < pages; pfn++)
			__real_block_free(pfn, 0);
}

long __wrap_block_alloc(unsigned int order)
{
	long pfn;

	parts->allocs++;
	parts->alloc_order = order;
	pfn = parts->alloc_pfn = __real_block_alloc(order);
	if (pfn >= 0) {
		machine_give((unsigned long)pfn, order);
		parts->pages += 1UL << order;
	}
	return pfn;
}

int __wrap_block_free(unsigned long pfn, unsigned int order)
{
	unsigned long i;

	parts->frees++;
	for (i = pfn; i < pfn + (1UL << order); i++)
		if (machine_head(i) != (long)pfn)
			check_fail("block_free() takes a block as block_alloc() gave it: its first page, and its order.",
				   "a block that is handed out\nblock_free(%lu, %u)",
				   pfn, order);
	if (machine_head(i) == (long)pfn)
		check_fail("block_free() takes a block as block_alloc() gave it: its first page, and its order.",
			   "the order it was allocated with\nblock_free(%lu, %u): the block is larger",
			   pfn, order);
	if (__real_block_free(pfn, order))
		check_fail("A block that is handed out can be freed.",
			   "0\nblock_free(%lu, %u) = -1", pfn, order);
	machine_take_back(pfn, order);
	parts->pages -= 1UL << order;
	return 0;
}
