// SPDX-License-Identifier: MIT
/*
 * A small program: allocates one block, and prints how many pages of the shim it
 * has: of code and constants, and of variables.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>

#include "preload.h"

/* See Documentation/admin-guide/mm/pagemap.rst of the kernel. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_OF_FILE (1ull << 61)

struct pages {
	int pagemap;
	unsigned int code, variables;
};

static void count(struct pages *pages, const ElfW(Phdr) *segment,
		  uintptr_t base)
{
	uintptr_t size = (uintptr_t)getpagesize();
	uintptr_t page = (base + segment->p_vaddr) / size;
	uintptr_t end = base + segment->p_vaddr + segment->p_memsz;
	uint64_t entry;

	for (; page * size < end; page++) {
		CHECK(pread(pages->pagemap, &entry, sizeof(entry),
			    (off_t)(page * sizeof(entry))) == sizeof(entry));
		if (!(entry & PAGE_PRESENT))
			continue;
		pages->code += (entry & PAGE_OF_FILE) != 0;
		pages->variables += !(entry & PAGE_OF_FILE);
	}
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	unsigned int i;

	(void)size;
	for (i = 0; strstr(info->dlpi_name, "libkmm_malloc") &&
		    i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			count(arg, &info->dlpi_phdr[i], info->dlpi_addr);
	return 0;
}

int main(void)
{
	struct pages pages = { .pagemap = open("/proc/self/pagemap", O_RDONLY) };

	CHECK(pages.pagemap >= 0);
	CHECK(malloc(100));
	dl_iterate_phdr(look, &pages);
	printf("%u %u\n", pages.code, pages.variables);
	return 0;
}
