// SPDX-License-Identifier: MIT
/*
 * Free pages that show who uses them: filled with a byte that is checked when
 * they are handed out again (page_poison), or not accessible at all, so that a
 * use ends in a fault at once (debug_pagealloc).
 *
 *	page_poison		free: 0xaa ... 0xaa	alloc: all of it still there?
 *	debug_pagealloc		free: PROT_NONE		alloc: readable and writable
 *
 * A free page that nobody has ever used, or that has been given back to the host,
 * is zero; so it is the one or the other, and a free block may have pages of
 * both kinds. A page with anything else was written to after its free.
 *
 * A fault of debug_pagealloc is reported in the handler that KFENCE has, too, and
 * is then the program's: its handler's, or the end by SIGSEGV. With bad_free=warn
 * the page is made accessible and the program goes on.
 *
 * debug_pagealloc needs a mapping of the host for each stretch of free and of
 * used pages, and there are only so many. When no more are to be had, everything
 * is made accessible again, with one line that says so: that needs fewer
 * mappings, so it cannot fail for the same reason.
 *
 * Context:	the pages are the caller's alone; no lock is held.
 * Source:	kernel mm/page_poison.c, mm/debug_page_alloc.c.
 * Not here:	objects of slabs (slub_debug.c).
 */
#include <string.h>

#include <linux/poison.h>

#include "../lib/backtrace.h"
#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "../lib/memcheck.h"
#include "../lib/printk.h"
#include "../lib/stackdepot.h"
#include "internal.h"
#include "kfence.h"
#include "page_owner.h"
#include "page_poison.h"

#define DUMP_BYTES 64
#define DUMP_LINE 16

bool page_debug_on;

/* Cleared for good when the host has no more mappings. */
static bool protect;

int __init page_poison_init(void)
{
	/* A memory checker knows better. */
	if (memcheck_active())
		return 0;
	protect = kmm_params.debug_pagealloc;
	page_debug_on = kmm_params.page_poison || protect;
	if (protect)
		kfence_install_handler();
	return 0;
}

/* Reporting --------------------------------------------------------------- */

static void dump_bytes(const u8 *bytes, size_t size)
{
	char line[DUMP_LINE * 3 + 1];
	size_t pos, i, len;

	for (pos = 0; pos < size; pos += DUMP_LINE) {
		for (i = 0, len = 0; i < DUMP_LINE && pos + i < size; i++)
			len += (size_t)kmm_snprintf(line + len,
						    sizeof(line) - len, " %02x",
						    bytes[pos + i]);
		printk("Page     %p:%s\n", (const void *)(bytes + pos), line);
	}
}

/* One bit of one byte: memory that fails, more likely than a program that
 * writes. */
static bool is_single_bit(u8 byte)
{
	return is_power_of_2((unsigned long)(byte ^ PAGE_POISON));
}

static noinline __cold void report_page(u8 *page, size_t first, size_t last)
{
	struct page_owner owner;

	printk("BUG pagealloc: %s in a free page\n",
	       first == last && is_single_bit(page[first]) ? "single bit error" :
							     "memory corruption");
	printk("%p-%p @offset=%zu. First byte %#x instead of %#x\n",
	       (void *)(page + first), (void *)(page + last), first, page[first],
	       PAGE_POISON);
	dump_bytes(page + ALIGN_DOWN(first, (size_t)DUMP_LINE),
		   min_t(size_t, DUMP_BYTES,
			 ALIGN(last + 1, (size_t)DUMP_LINE) -
				 ALIGN_DOWN(first, (size_t)DUMP_LINE)));
	if (page_owner_get(lookup_page(page), &owner)) {
		printk("Last allocated in\n");
		stack_depot_print(owner.handle, "");
		printk("Freed in\n");
		stack_depot_print(owner.free_handle, "");
	}
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}

/* Faults ------------------------------------------------------------------ */

/* Owners are those of the pages where blocks begin: of the one that began here, or
 * last in front of this page. Blocks have been merged since, and may have been
 * smaller. */
static void print_last_owner(struct page *page)
{
	unsigned long nr, low = page_range(page)->start_pfn;
	struct page_owner owner;

	for (nr = 0; nr < 1UL << MAX_PAGE_ORDER; nr++) {
		if (page_to_pfn(page) - nr < low)
			return;
		if (!page_owner_get(page - nr, &owner))
			continue;
		printk("The block at %p was allocated in\n",
		       page_address(page - nr));
		stack_depot_print(owner.handle, "");
		printk("and freed in\n");
		stack_depot_print(owner.free_handle, "");
		return;
	}
}

bool page_debug_fault(unsigned long addr, const char *what, const void *pc)
{
	struct page *page = protect ? lookup_page((void *)addr) : NULL;
	unsigned long entries[STACK_DEPTH];
	unsigned int nr;

	if (!page || !in_free_block(page) ||
	    kmm_params.bad_free == BAD_FREE_IGNORE)
		return false;
	printk("BUG pagealloc: use-after-free %s: %p is in a free page\n", what,
	       (void *)addr);
	/* As a return address: the byte before is looked up. */
	nr = backtrace_save(entries, STACK_DEPTH, pc);
	entries[0]++;
	backtrace_print("", entries, nr);
	print_last_owner(page);
	/* To abort() would hide where: the fault itself ends the process. */
	return kmm_params.bad_free == BAD_FREE_WARN &&
	       !host_commit((void *)ALIGN_DOWN(addr, PAGE_SIZE), PAGE_SIZE);
}

/* Checking ---------------------------------------------------------------- */

/* The first and the last byte of a page that are not @byte; false if all are. */
static bool find_other(const u8 *page, u8 byte, size_t *first, size_t *last)
{
	const u64 word = 0x0101010101010101UL * byte, *words = (const u64 *)page;
	size_t nr = PAGE_SIZE / sizeof(word), low = 0, high = nr;

	while (low < nr && words[low] == word)
		low++;
	if (low == nr)
		return false;
	while (words[high - 1] == word)
		high--;
	*first = low * sizeof(word);
	*last = high * sizeof(word) - 1;
	while (page[*first] == byte)
		++*first;
	while (page[*last] == byte)
		--*last;
	return true;
}

static void check_page(u8 *page)
{
	size_t first, last, zero_first, zero_last;

	if (!find_other(page, PAGE_POISON, &first, &last) ||
	    !find_other(page, 0, &zero_first, &zero_last))
		return;
	/* Zero but for a few bytes, or poison but for a few? */
	if (zero_last - zero_first < last - first) {
		first = zero_first;
		last = zero_last;
	}
	report_page(page, first, last);
}

static noinline void unprotect_all(void)
{
	unsigned int nr, nr_ranges = sparse_nr_ranges();
	const struct mem_range *range;

	protect = false;
	printk("WARNING: debug_pagealloc: the host has no more mappings: free pages are accessible from now on\n");
	for (nr = 0; nr < nr_ranges; nr++) {
		range = sparse_range(nr);
		host_commit((void *)(range->start_pfn << PAGE_SHIFT),
			    (range_end_pfn(range) - range->start_pfn)
				    << PAGE_SHIFT);
	}
}

void page_debug_free_slow(void *addr, size_t size)
{
	if (kmm_params.page_poison)
		memset(addr, PAGE_POISON, size);
	/* Refused: then a use of these pages is missed. */
	if (protect)
		host_protect_none(addr, size);
}

void page_debug_alloc_slow(void *addr, size_t size)
{
	size_t pos;

	if (protect && host_commit(addr, size))
		unprotect_all();
	if (!kmm_params.page_poison)
		return;
	for (pos = 0; pos < size; pos += PAGE_SIZE)
		check_page((u8 *)addr + pos);
}
