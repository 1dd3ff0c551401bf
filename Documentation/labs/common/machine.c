// SPDX-License-Identifier: MIT
/*
 * The little machine, and what the checkers know of it; see machine.h.
 *
 * All of it is shared memory: after a crash of the learner's code the parent
 * still draws it. It is made by a constructor, so before the first fork.
 */
#include "machine_check.h"
#include "cache.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CACHES 32

struct machine {
	/* What is behind the machine's pages is garbage on purpose. */
	struct page mem_map[2 * MAX_PAGES];
	struct page_list free_area[NR_PAGE_ORDERS];
	unsigned long nr_pages;
	/* Of a page that is handed out: 1 + the number of its block's head. */
	unsigned long given[MAX_PAGES];
	struct cache caches[MAX_CACHES];
	bool cache_used[MAX_CACHES];
};

static struct machine *machine;
static char *memory;
struct page *mem_map;
struct page_list *free_area;
unsigned long nr_pages;

__attribute__((constructor)) static void machine_make(void)
{
	char *p = check_shared(2 * MAX_PAGES * PAGE_SIZE);
	uintptr_t size = MAX_PAGES * PAGE_SIZE;

	machine = check_shared(sizeof(*machine));
	mem_map = machine->mem_map;
	free_area = machine->free_area;
	memory = (char *)(((uintptr_t)p + size - 1) / size * size);
}

unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)(page - mem_map);
}

void *page_address(const struct page *page)
{
	return memory + page_to_pfn(page) * PAGE_SIZE;
}

struct page *virt_to_page(const void *p)
{
	uintptr_t offset = (uintptr_t)p - (uintptr_t)memory;

	return offset < nr_pages * PAGE_SIZE ? &mem_map[offset / PAGE_SIZE] : NULL;
}

void list_add(struct page_list *list, struct page *page)
{
	page->prev = NULL;
	page->next = list->first;
	if (list->first)
		list->first->prev = page;
	list->first = page;
	list->nr++;
}

void list_del(struct page_list *list, struct page *page)
{
	if (page->prev)
		page->prev->next = page->next;
	else
		list->first = page->next;
	if (page->next)
		page->next->prev = page->prev;
	page->prev = page->next = NULL;
	list->nr--;
}

void file_block(unsigned long pfn, unsigned int order)
{
	if (order > MAX_PAGE_ORDER)
		check_fail("Orders are 0 to MAX_PAGE_ORDER.",
			   "an order of at most %u\nfile_block(%lu, %u)",
			   MAX_PAGE_ORDER, pfn, order);
	if (pfn & ((1UL << order) - 1))
		check_fail("A block of 2^k pages begins at a multiple of 2^k.",
			   "a multiple of %lu\nfile_block(%lu, %u)",
			   1UL << order, pfn, order);
	if (pfn + (1UL << order) > nr_pages)
		check_fail("A block lies inside memory.",
			   "pages below %lu\nfile_block(%lu, %u), which ends at page %lu",
			   nr_pages, pfn, order, pfn + (1UL << order));
	if (mem_map[pfn].buddy)
		check_fail("A block is filed once.",
			   "page %lu on no list\nfile_block(%lu, %u), but it heads a free block of order %u already",
			   pfn, pfn, order, mem_map[pfn].order);
	mem_map[pfn].buddy = true;
	mem_map[pfn].order = order;
	list_add(&free_area[order], &mem_map[pfn]);
}

void unfile_block(unsigned long pfn)
{
	if (pfn >= nr_pages)
		check_fail("A buddy behind the end of memory does not exist.",
			   "a page below %lu\nunfile_block(%lu)", nr_pages,
			   pfn);
	if (!mem_map[pfn].buddy)
		check_fail("Only the head of a free block is on a list.",
			   "the head of a free block\nunfile_block(%lu), but page %lu heads none",
			   pfn, pfn);
	mem_map[pfn].buddy = false;
	list_del(&free_area[mem_map[pfn].order], &mem_map[pfn]);
}

struct cache *cache_new(void)
{
	unsigned int i;

	for (i = 0; i < MAX_CACHES; i++)
		if (!machine->cache_used[i]) {
			machine->cache_used[i] = true;
			memset(&machine->caches[i], 0, sizeof(struct cache));
			return &machine->caches[i];
		}
	return NULL;
}

void cache_delete(struct cache *cache)
{
	if (cache < machine->caches || cache >= machine->caches + MAX_CACHES ||
	    !machine->cache_used[cache - machine->caches])
		check_fail("Only a cache that exists can be deleted, and once.",
			   "a cache of cache_new()\ncache_delete(%p)",
			   (void *)cache);
	machine->cache_used[cache - machine->caches] = false;
}

/* What the checkers know -------------------------------------------------------- */

void machine_reset(unsigned long pages)
{
	unsigned long pfn;

	memset(machine, 0, sizeof(*machine));
	nr_pages = machine->nr_pages = pages;
	/* Who looks there for a buddy finds one: and is told. */
	for (pfn = pages; pfn < 2 * MAX_PAGES; pfn++) {
		mem_map[pfn].buddy = true;
		mem_map[pfn].order = (unsigned int)__builtin_ctzl(pfn);
	}
}

void machine_give(unsigned long pfn, unsigned int order)
{
	unsigned long i;

	for (i = 0; i < 1UL << order; i++)
		machine->given[pfn + i] = pfn + 1;
}

void machine_take_back(unsigned long pfn, unsigned int order)
{
	memset(&machine->given[pfn], 0,
	       sizeof(machine->given[0]) << order);
}

bool machine_is_given(unsigned long pfn, unsigned int order)
{
	unsigned long i;

	for (i = 0; i < 1UL << order; i++)
		if (machine->given[pfn + i])
			return true;
	return false;
}

/* M1, M2: follows each list, as far as there can be blocks. */
static void validate_lists(void)
{
	unsigned long nr, all = 0, i;
	unsigned int order;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		struct page *page = free_area[order].first, *prev = NULL;

		for (nr = 0; page; nr++, prev = page, page = page->next) {
			if (page < mem_map || page >= mem_map + nr_pages ||
			    page->prev != prev || nr > nr_pages)
				check_fail("Lists are changed by file_block() and unfile_block() only.",
					   "a list of pages\nfree_area[%u] is damaged behind its entry %lu",
					   order, nr);
			if (!page->buddy || page->order != order)
				check_fail("A head's `buddy` and `order` say which list it is on.",
					   "page %lu: buddy, order %u, as it is on free_area[%u]\nbuddy %d, order %u",
					   page_to_pfn(page), order, order,
					   page->buddy, page->order);
		}
		all += nr;
	}
	for (i = 0; i < nr_pages; i++)
		all -= mem_map[i].buddy;
	if (all)
		check_fail("A page is `buddy` exactly while it is on a list.",
			   "as many pages with `buddy` as on lists\n%ld more on lists",
			   (long)all);
}

/* M3, M4: walks memory. */
static void validate_pages(void)
{
	unsigned long covered[MAX_PAGES] = { 0 }, pfn, i, head;

	for (pfn = 0; pfn < nr_pages; pfn++) {
		if (!mem_map[pfn].buddy)
			continue;
		for (i = pfn; i < pfn + (1UL << mem_map[pfn].order); i++) {
			head = machine->given[i];
			if (head)
				check_fail("A page is free or handed out, never both.",
					   "page %lu handed out only (block at %lu)\nit is also in the free block of order %u at %lu",
					   i, head - 1, mem_map[pfn].order, pfn);
			if (covered[i])
				check_fail("A page is in one free block only.",
					   "page %lu in the free block at %lu only\nit is also in the free block at %lu",
					   i, covered[i] - 1, pfn);
			covered[i] = pfn + 1;
		}
	}
	for (pfn = 0; pfn < nr_pages; pfn++)
		if (!covered[pfn] && !machine->given[pfn])
			check_fail("No page is lost: what is not handed out is in a free block.",
				   "page %lu in a free block\nit is in none, and nobody has it: lost for ever",
				   pfn);
}

void machine_validate(void)
{
	validate_lists();
	validate_pages();
}

/* The number of the head of the handed out block of @pfn, or -1. */
long machine_head(unsigned long pfn)
{
	return pfn < machine->nr_pages ? (long)machine->given[pfn] - 1 : -1;
}

unsigned int machine_nr_caches(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < MAX_CACHES; i++)
		nr += machine->cache_used[i];
	return nr;
}

void machine_counts(char *text, size_t size)
{
	unsigned int order;
	size_t length = 0;

	snprintf(text, size, "none");
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		if (free_area[order].nr && length < size)
			length += snprintf(text + length, size - length,
					   "%s%lu of order %u",
					   length ? ", " : "",
					   free_area[order].nr, order);
}

const char *machine_name(const void *p)
{
	static char names[2][40];
	static unsigned int which;
	struct page *page = virt_to_page(p);
	char *name = names[which ^= 1];

	if (page)
		snprintf(name, sizeof(names[0]), "page %lu + %lu",
			 page_to_pfn(page), (unsigned long)
			 ((uintptr_t)p % PAGE_SIZE));
	else
		snprintf(name, sizeof(names[0]), "%p, no page of the machine",
			 p);
	return name;
}

/* Drawing ----------------------------------------------------------------------- */

/* '.' free, '#' handed out, '?' lost, '!' both; and whether a block begins. */
static char page_sign(unsigned long pfn, bool *first)
{
	unsigned long head;
	unsigned int order;
	char sign = machine->given[pfn] ? '#' : '?';

	*first = machine->given[pfn] == pfn + 1;
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		head = pfn & ~((1UL << order) - 1);
		if (!mem_map[head].buddy || mem_map[head].order != order)
			continue;
		*first |= head == pfn;
		sign = sign == '?' ? '.' : '!';
	}
	*first |= sign == '?';
	return sign;
}

void machine_draw(void)
{
	unsigned long pfn;
	unsigned int order;
	bool first;
	char sign;

	/* The child's own number of pages: the parent has not run the case. */
	nr_pages = machine->nr_pages;
	for (pfn = 0; pfn < nr_pages; pfn++) {
		if (!(pfn % 32))
			check_print("      page %3lu  ", pfn);
		sign = page_sign(pfn, &first);
		check_print("%c%c", first ? '|' : ' ', sign);
		if (pfn % 32 == 31 || pfn + 1 == nr_pages)
			check_print("|\n");
	}
	check_print("      # handed out, . free, ? lost, ! free and handed out; | a block begins\n");
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		bool any = false;

		for (pfn = 0; pfn < nr_pages; pfn++) {
			if (!mem_map[pfn].buddy || mem_map[pfn].order != order)
				continue;
			if (!any)
				check_print("      free_area[%u] ", order);
			any = true;
			check_print(" %lu", pfn);
		}
		if (any)
			check_print("\n");
	}
}
