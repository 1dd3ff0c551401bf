// SPDX-License-Identifier: MIT
/*
 * The page allocator that 07 and 08 stand on unless you bring your own: the
 * lowest aligned run of pages that nobody has. It has no free lists at all;
 * compare how long it searches with what you wrote in 02.
 */
#include "machine_check.h"
#include "pages.h"

/* Tells the checker whose page allocator is linked. */
extern const bool pages_are_given;
const bool pages_are_given = true;

long block_alloc(unsigned int order)
{
	unsigned long pfn, nr = 1UL << order;

	if (order > MAX_PAGE_ORDER)
		return -1;
	for (pfn = 0; pfn + nr <= nr_pages; pfn += nr)
		if (!machine_is_given(pfn, order)) {
			machine_give(pfn, order);
			return (long)pfn;
		}
	return -1;
}

int block_free(unsigned long pfn, unsigned int order)
{
	unsigned long i, nr = 1UL << order;

	if (order > MAX_PAGE_ORDER || pfn + nr > nr_pages)
		return -1;
	for (i = pfn; i < pfn + nr; i++)
		if (machine_head(i) != (long)pfn)
			return -1;
	machine_take_back(pfn, order);
	return 0;
}
