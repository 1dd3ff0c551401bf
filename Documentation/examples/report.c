// SPDX-License-Identifier: MIT
/*
 * Looking into the allocator: the kernel's reports, and the way of one request.
 *
 *	cc report.c $(pkg-config --cflags --libs libkmm) -o report
 *
 *	report			buddyinfo and slabinfo, after some work
 *	report NAME		any of kmm_show()'s reports, likewise
 *	report route SIZE	what kmalloc(SIZE) becomes
 *
 * kmm_show() writes what the kernel shows under /proc, in its format; what can
 * read the one can read the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#define NR_REQUESTS 3000
#define NR_PAGES 40

struct request {
	char header[200];
	struct request *next;
};

/*
 * Leaves something to be seen: 3000 requests, of which every third stays, and
 * single pages, of which every second stays. The holes between those cannot
 * merge into larger blocks: that is external fragmentation.
 */
static int work(void)
{
	static struct request *requests[NR_REQUESTS];
	static struct page *pages[NR_PAGES];
	struct kmem_cache *cache = KMEM_CACHE(request, 0);
	int i;

	if (!cache)
		return 1;
	for (i = 0; i < NR_REQUESTS; i++) {
		requests[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!requests[i])
			return 1;
	}
	for (i = 0; i < NR_PAGES; i++) {
		pages[i] = alloc_pages(GFP_KERNEL, 0);
		if (!pages[i])
			return 1;
	}
	for (i = 0; i < NR_REQUESTS; i++)
		if (i % 3)
			kmem_cache_free(cache, requests[i]);
	for (i = 0; i < NR_PAGES; i += 2)
		__free_pages(pages[i], 0);
	return 0;
}

/* The row of slabinfo whose objects are as large as those behind @p. */
static int find_row(const void *p, char *row, int size)
{
	FILE *report = tmpfile();
	unsigned long active, total;
	char name[64];
	size_t bytes;

	if (!report || kmm_show("slabinfo", fileno(report)))
		return -1;
	rewind(report);
	while (fgets(row, size, report))
		if (sscanf(row, "kmalloc-%40s %lu %lu %zu", name, &active,
			   &total, &bytes) == 4 &&
		    bytes == ksize(p) && !strstr(name, "rcl")) {
			fclose(report);
			return 0;
		}
	fclose(report);
	return -1;
}

/* Requests beyond the caches: pages as they are. */
static void route_pages(size_t size, const void *p)
{
	printf("  kmalloc_large()       no cache is that large: whole pages, %zu bytes\n"
	       "  alloc_frozen_exact()  pages from frame %#lx on. kmalloc() rounds up to\n"
	       "                        a power of two as the kernel does; malloc() takes\n"
	       "                        %lu pages and frees the rest of the block at once\n",
	       ksize(p), page_to_pfn(virt_to_page(p)),
	       (size + PAGE_SIZE - 1) / PAGE_SIZE);
}

static void route_slab(size_t size, const void *p)
{
	struct page *slab = virt_to_head_page(p);
	unsigned int order = compound_order(slab);
	unsigned long first = (unsigned long)page_address(slab);
	char row[256], name[64] = "?";
	unsigned long active, total;
	unsigned int bytes, per_slab = 0;

	if (!find_row(p, row, sizeof(row)))
		sscanf(row, "%63s %lu %lu %u %u", name, &active, &total, &bytes,
		       &per_slab);
	printf("  kmalloc_slab()        the size picks a cache: %s, whose objects\n"
	       "                        have %zu bytes; %zu of this one stay unused\n"
	       "  percpu_pop()          takes the newest pointer from this CPU's sheaf, its\n"
	       "                        array of free objects. If that is empty,\n"
	       "  sheaf_alloc_slow()    looks into the CPU's spare sheaf, then the barn, where\n"
	       "                        full sheaves wait, and at last has\n"
	       "  slab_alloc_bulk()     fill a sheaf from slabs. If none has a free object,\n"
	       "  alloc_frozen_pages()  gives a block of order %u: %u %s, cut into %u\n"
	       "  so this one           is object %lu of the slab at page frame %#lx\n",
	       name, ksize(p), ksize(p) - size, order, 1u << order,
	       order ? "pages" : "page", per_slab,
	       ((unsigned long)p - first) / ksize(p), page_to_pfn(slab));
}

static int route(size_t size)
{
	void *p = kmalloc(size, GFP_KERNEL);

	if (ZERO_OR_NULL_PTR(p)) {
		fprintf(stderr, "kmalloc(%zu) gave no memory\n", size);
		return 1;
	}
	printf("kmalloc(%zu) = %p\n", size, p);
	if (size > KMALLOC_MAX_CACHE_SIZE)
		route_pages(size, p);
	else
		route_slab(size, p);
	kfree(p);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "route"))
		return route(strtoul(argv[2], NULL, 0));
	if (work())
		return 1;
	if (argc == 2)
		return kmm_show(argv[1], STDOUT_FILENO) != 0;
	return kmm_show("buddyinfo", STDOUT_FILENO) ||
	       kmm_show("slabinfo", STDOUT_FILENO);
}
