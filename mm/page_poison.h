/* SPDX-License-Identifier: MIT */
/*
 * What happens to the contents of free pages: see page_poison.c.
 */
#ifndef MM_PAGE_POISON_H
#define MM_PAGE_POISON_H

#include "../lib/compiler.h"

/* One of page_poison and debug_pagealloc is on. Set at boot, or never. */
extern __hidden bool page_debug_on;

int page_poison_init(void);
/* A fault at @addr, by the instruction at @pc: report it if a free page was meant.
 * True if the access can be made again. @what: "read", "write", "access". */
bool page_debug_fault(unsigned long addr, const char *what, const void *pc);
void page_debug_free_slow(void *addr, size_t size);
void page_debug_alloc_slow(void *addr, size_t size);

/* The pages are free from now on; nobody else has them yet. */
static inline void page_debug_free(void *addr, size_t size)
{
	if (unlikely(page_debug_on))
		page_debug_free_slow(addr, size);
}

/* The pages are the caller's, before it touches them. No lock is held. */
static inline void page_debug_alloc(void *addr, size_t size)
{
	if (unlikely(page_debug_on))
		page_debug_alloc_slow(addr, size);
}

#endif /* MM_PAGE_POISON_H */
