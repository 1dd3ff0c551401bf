/* SPDX-License-Identifier: MIT */
/*
 * Who owns blocks of pages: see page_owner.c. Objects of slabs have their
 * owners written behind them, see slub_debug.c.
 */
#ifndef MM_PAGE_OWNER_H
#define MM_PAGE_OWNER_H

#include <linux/gfp.h>

#include "../lib/printk.h"
#include "../lib/stackdepot.h"

/* One block: of its first page, or of a vmalloc block. All-zero: nobody knows. */
struct page_owner {
	u64 when;			/* host_clock() of the allocation */
	u64 size;			/* bytes asked for; 0: free */
	depot_stack_handle_t handle;	/* who allocated it */
	depot_stack_handle_t free_handle;
	u32 tid;
	gfp_t gfp;
};

/* For lib/anchor.c: by number of the range. */
extern __hidden struct page_owner *page_owners[];

/* At boot, with page_owner=on: from now on it is written down. */
int page_owner_init(void);
/* What is known of the block that starts with this page; false if nothing is. */
struct page;
bool page_owner_get(const struct page *page, struct page_owner *owner);
/* All blocks in the format of the kernel's page_owner file. */
void page_owner_show(struct seq_file *m);

#endif /* MM_PAGE_OWNER_H */
