/* SPDX-License-Identifier: MIT */
/*
 * struct page, as far as a program needs to know it: that the struct pages of a
 * block lie side by side, so that `page + i` is the i-th.
 *
 * Its contents are the library's. Read them through functions, such as
 * page_address() and compound_order() of <linux/mm.h>.
 *
 * Source: kernel include/linux/mm_types.h, where the fields are public.
 */
#ifndef _LINUX_MM_TYPES_H
#define _LINUX_MM_TYPES_H

#include <kmm/types.h>

/** KMM_PAGE_WORDS - the length of a struct page in longs; half a cache line. */
#define KMM_PAGE_WORDS 4

/* The library is built with KMM_BUILD: it has the fields in mm/internal.h. */
#ifndef KMM_BUILD
struct page {
	unsigned long words[KMM_PAGE_WORDS];
};
#endif

#endif /* _LINUX_MM_TYPES_H */
