/* SPDX-License-Identifier: MIT */
/*
 * Constants of the buddy system that callers may rely on.
 *
 * The page size comes from the host at run time, so PAGE_SIZE is a variable
 * here where the kernel has a constant. It is set by the first call into the
 * library, or by kmm_boot().
 *
 * Source: kernel include/linux/mmzone.h, include/linux/pageblock-flags.h.
 */
#ifndef _LINUX_MMZONE_H
#define _LINUX_MMZONE_H

#include <kmm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** MAX_PAGE_ORDER - log2 of the pages in the largest buddy block: 4 MiB of 4 KiB pages. */
#define MAX_PAGE_ORDER 10
#define NR_PAGE_ORDERS (MAX_PAGE_ORDER + 1)
#define MAX_ORDER_NR_PAGES (1UL << MAX_PAGE_ORDER)

/** PAGE_ALLOC_COSTLY_ORDER - the largest order kept on per-CPU page lists. */
#define PAGE_ALLOC_COSTLY_ORDER 3

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES,	/* the number of types on the pcp lists */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES
};

enum zone_type {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_MOVABLE,
	MAX_NR_ZONES
};

/** kmm_page_shift - log2 of the page size in bytes, 12 to 16. */
extern KMM_API unsigned int kmm_page_shift;

#ifndef PAGE_SHIFT
#define PAGE_SHIFT kmm_page_shift
#endif
#ifndef PAGE_SIZE
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#endif
#ifndef PAGE_MASK
#define PAGE_MASK (~(PAGE_SIZE - 1))
#endif

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_MMZONE_H */
