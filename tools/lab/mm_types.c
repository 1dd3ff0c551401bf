// SPDX-License-Identifier: MIT
/*
 * Migratetypes in the lab: what each pageblock is for. On a machine that is
 * smaller than a pageblock there is one type, and nothing to see.
 *
 *	pageblocks    0-511 unmovable, 512-1023 movable
 */
#include "mm.h"
#include "mm_root.h"

static const char *const names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "unmovable",
	[MIGRATE_MOVABLE] = "movable",
	[MIGRATE_RECLAIMABLE] = "reclaimable",
};

const char *mm_type_name(unsigned int type)
{
	return names[type];
}

unsigned long mm_pageblock_pages(void)
{
	return 1ul << *(const unsigned int *)mm_root("pageblock_order");
}

static unsigned long nr_pages(void)
{
	return mm_lab.range->end_pfn - mm_lab.range->start_pfn;
}

/* As mm/buddy.c keeps it: in the first page of the block. */
unsigned int mm_type_of(unsigned long pfn)
{
	return mm_lab.range->pages[pfn].pageblock ^ MIGRATE_MOVABLE;
}

bool mm_several_types(void)
{
	unsigned long pfn;

	if (nr_pages() < mm_pageblock_pages())
		return false;
	for (pfn = 0; pfn < nr_pages(); pfn += mm_pageblock_pages())
		if (mm_type_of(pfn) != MIGRATE_UNMOVABLE)
			return true;
	return false;
}

void mm_draw_pageblocks(struct picture *p)
{
	unsigned long pfn, nr = mm_pageblock_pages();
	char text[512];
	size_t len = 0;

	if (!mm_several_types())
		return;
	for (pfn = 0; pfn < nr_pages() && len + 64 < sizeof(text); pfn += nr)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%lu-%lu %s", pfn ? ", " : "", pfn,
					pfn + nr - 1, names[mm_type_of(pfn)]);
	picture_add(p, "%-12s  %s", "pageblocks", text);
}
