// SPDX-License-Identifier: MIT
/*
 * malloc's own reports: mallinfo(), malloc_stats(), malloc_info(), and the
 * two calls that tune, mallopt() and malloc_trim().
 *
 * Their fields are named after the heap of glibc's malloc. What they mean
 * here, in terms that a reader of buddyinfo and slabinfo can check:
 *
 *	arena	  bytes of memory onlined; hblks, hblkhd: vmalloc blocks, bytes
 *	fordblks  free bytes: pages on free_area and pcp lists, and objects on
 *		  slab freelists and in sheaves
 *	uordblks  the rest of arena, including the rounding up of each request
 *	ordblks	  free blocks of pages and free objects of slabs
 *	smblks	  objects in sheaves; fsmblks: their bytes ("fast bins")
 *	keepcost  bytes in free pages: what malloc_trim() could give back
 *
 * The numbers are read under each part's own lock, one part after the other:
 * each is right, their sum may be off by what other threads did meanwhile.
 *
 * Source: the GNU C library's manual, "Statistics of malloc"; mallinfo(3),
 *         malloc_info(3).
 */
#include "malloc.h"

#include <errno.h>
#include <limits.h>

#include <kmm/kmm.h>

#include "../../mm/slab.h"
#include "../gate.h"
#include "../host.h"
#include "../printk.h"

/* What is free in one size of object. */
struct class_usage {
	size_t size;		/* distance of two objects in a slab */
	size_t nr_objects;	/* in all slabs */
	size_t nr_on_slabs;	/* free, on the slabs' freelists */
	size_t nr_in_sheaves;	/* free, in sheaves */
};

struct heap_usage {
	size_t arena;
	size_t nr_free_pages;	/* on free_area lists */
	size_t nr_free_blocks;
	size_t nr_pcp_pages;
	size_t nr_on_slabs, bytes_on_slabs;
	size_t nr_in_sheaves, bytes_in_sheaves;
	size_t nr_caches, nr_slabs;
	unsigned long nr_areas;
	size_t area_bytes;
	/* malloc's own caches, for the table of sizes */
	struct class_usage row[KMALLOC_ROW_SLOTS];
};

/* Gathering --------------------------------------------------------------- */

static void cache_usage(struct kmem_cache *s, struct class_usage *class,
			struct heap_usage *heap)
{
	struct kmem_cache_node *node = &s->node;

	spin_lock(&node->list_lock);
	class->size = s->size;
	class->nr_objects = node->nr_objects;
	class->nr_on_slabs = node->nr_objects - node->nr_inuse;
	heap->nr_slabs += node->nr_slabs;
	spin_unlock(&node->list_lock);

	class->nr_in_sheaves = sheaf_count_objects(s);
	heap->nr_caches++;
	heap->nr_on_slabs += class->nr_on_slabs;
	heap->bytes_on_slabs += class->nr_on_slabs * class->size;
	heap->nr_in_sheaves += class->nr_in_sheaves;
	heap->bytes_in_sheaves += class->nr_in_sheaves * class->size;
}

static void pages_usage(struct heap_usage *heap)
{
	struct zone *zone;
	unsigned int order;

	for_each_populated_zone(zone) {
		spin_lock(&zone->lock);
		heap->nr_free_pages += zone->nr_free;
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			heap->nr_free_blocks += zone->free_area[order].nr_free;
		spin_unlock(&zone->lock);
		heap->nr_pcp_pages += pcp_count(zone);
	}
}

static void heap_usage(struct heap_usage *heap)
{
	struct kmem_cache *row = kmalloc_row[KMALLOC_NORMAL];
	struct class_usage other;
	struct kmem_cache *s;

	*heap = (struct heap_usage){ 0 };
	if (!mm_ready())
		return;
	gate_enter();
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		if (s >= row && s < row + KMALLOC_ROW_SLOTS)
			cache_usage(s, &heap->row[s - row], heap);
		else
			cache_usage(s, &other, heap);
	}
	spin_unlock(&slab_mutex);
	pages_usage(heap);
	heap->arena = sparse_onlined_bytes();
	vmalloc_stat(&heap->nr_areas, &heap->area_bytes);
	gate_exit();
}

static size_t free_page_bytes(const struct heap_usage *heap)
{
	return (heap->nr_free_pages + heap->nr_pcp_pages) * PAGE_SIZE;
}

static size_t free_bytes(const struct heap_usage *heap)
{
	size_t bytes = free_page_bytes(heap) + heap->bytes_on_slabs +
		       heap->bytes_in_sheaves;

	/* Threads that freed meanwhile must not make uordblks wrap. */
	return bytes < heap->arena ? bytes : heap->arena;
}

/* Reports ----------------------------------------------------------------- */

KMM_API struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 info = { 0 };
	struct heap_usage heap;

	heap_usage(&heap);
	info.arena = heap.arena;
	info.ordblks = heap.nr_free_blocks + heap.nr_on_slabs;
	info.smblks = heap.nr_in_sheaves;
	info.hblks = heap.nr_areas;
	info.hblkhd = heap.area_bytes;
	info.fsmblks = heap.bytes_in_sheaves;
	info.fordblks = free_bytes(&heap);
	info.uordblks = heap.arena - info.fordblks;
	info.keepcost = free_page_bytes(&heap);
	return info;
}

static int clamp_int(size_t value)
{
	return value < INT_MAX ? (int)value : INT_MAX;
}

/* The int fields of the old call stop at 2 GiB instead of wrapping. */
static struct mallinfo narrow_mallinfo(void)
{
	struct mallinfo2 wide = mallinfo2();
	struct mallinfo info = { 0 };

	info.arena = clamp_int(wide.arena);
	info.ordblks = clamp_int(wide.ordblks);
	info.smblks = clamp_int(wide.smblks);
	info.hblks = clamp_int(wide.hblks);
	info.hblkhd = clamp_int(wide.hblkhd);
	info.fsmblks = clamp_int(wide.fsmblks);
	info.uordblks = clamp_int(wide.uordblks);
	info.fordblks = clamp_int(wide.fordblks);
	info.keepcost = clamp_int(wide.keepcost);
	return info;
}

KMM_API struct mallinfo mallinfo(void)
{
	return narrow_mallinfo();
}

KMM_API struct mallinfo __libc_mallinfo(void)
{
	return narrow_mallinfo();
}

static void seq_count(struct seq_file *m, const char *what, size_t count)
{
	seq_printf(m, "%-16s = %10zu\n", what, count);
}

/* glibc's lines, then what lies behind them. */
KMM_API void malloc_stats(void)
{
	struct heap_usage heap;
	struct seq_file m;
	size_t in_use;

	heap_usage(&heap);
	in_use = heap.arena - free_bytes(&heap);

	seq_open(&m, 2);
	seq_puts(&m, "Arena 0:\n");
	seq_count(&m, "system bytes", heap.arena);
	seq_count(&m, "in use bytes", in_use);
	seq_puts(&m, "Total (incl. mmap):\n");
	seq_count(&m, "system bytes", heap.arena + heap.area_bytes);
	seq_count(&m, "in use bytes", in_use + heap.area_bytes);
	seq_count(&m, "mmap regions", heap.nr_areas);
	seq_count(&m, "mmap bytes", heap.area_bytes);
	seq_puts(&m, "Pages:\n");
	seq_count(&m, "free", heap.nr_free_pages);
	seq_count(&m, "free on pcp", heap.nr_pcp_pages);
	seq_puts(&m, "Slabs:\n");
	seq_count(&m, "caches", heap.nr_caches);
	seq_count(&m, "slabs", heap.nr_slabs);
	seq_count(&m, "free on slabs", heap.nr_on_slabs);
	seq_count(&m, "free in sheaves", heap.nr_in_sheaves);
	seq_close(&m);
}

static void print_total(FILE *stream, const char *type, size_t count,
			size_t size)
{
	fprintf(stream, "<total type=\"%s\" count=\"%zu\" size=\"%zu\"/>\n",
		type, count, size);
}

/* Both the heap's and the sum's closing lines: there is one heap. */
static void print_system(FILE *stream, size_t size)
{
	fprintf(stream,
		"<system type=\"current\" size=\"%zu\"/>\n"
		"<system type=\"max\" size=\"%zu\"/>\n"
		"<aspace type=\"total\" size=\"%zu\"/>\n"
		"<aspace type=\"mprotect\" size=\"%zu\"/>\n",
		size, size, size, size);
}

/* The slot of the kmalloc cache number @i in order of size; fitted ones last. */
static size_t ascending(unsigned int i)
{
	return i < KMALLOC_ROW_LENGTH ?
		       (size_t)(kmalloc_row_cache(KMALLOC_NORMAL, i) -
				kmalloc_row[KMALLOC_NORMAL]) : i;
}

static void print_sizes(FILE *stream, const struct heap_usage *heap)
{
	size_t from = 1;
	unsigned int i;

	fputs("<sizes>\n", stream);
	for (i = 0; i < KMALLOC_ROW_SLOTS; i++) {
		const struct class_usage *class = &heap->row[ascending(i)];
		size_t nr = class->nr_on_slabs + class->nr_in_sheaves;

		/* Fitted ones, behind the ladder. */
		if (i >= KMALLOC_ROW_LENGTH)
			from = class->size;
		if (nr)
			fprintf(stream,
				"  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n",
				from, class->size, nr * class->size, nr);
		if (class->size)
			from = class->size + 1;
	}
	fputs("</sizes>\n", stream);
}

/*
 * glibc's schema, version 1: <sizes> lists what is free, "fast" is what sits
 * in sheaves and "rest" what sits on slabs and as pages. The numbers are
 * complete before the first byte is written, since stdio may allocate.
 */
KMM_API int malloc_info(int options, FILE *stream)
{
	struct heap_usage heap;
	size_t rest_count, rest_bytes;

	if (options) {
		errno = EINVAL;
		return -1;
	}
	heap_usage(&heap);
	rest_count = heap.nr_free_blocks + heap.nr_on_slabs;
	rest_bytes = free_page_bytes(&heap) + heap.bytes_on_slabs;

	fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n", stream);
	print_sizes(stream, &heap);
	print_total(stream, "fast", heap.nr_in_sheaves, heap.bytes_in_sheaves);
	print_total(stream, "rest", rest_count, rest_bytes);
	print_system(stream, heap.arena);
	fputs("</heap>\n", stream);
	print_total(stream, "fast", heap.nr_in_sheaves, heap.bytes_in_sheaves);
	print_total(stream, "rest", rest_count, rest_bytes);
	print_total(stream, "mmap", heap.nr_areas, heap.area_bytes);
	print_system(stream, heap.arena + heap.area_bytes);
	fputs("</malloc>\n", stream);
	return 0;
}

/* Tuning ------------------------------------------------------------------ */

KMM_API int malloc_trim(size_t pad)
{
	(void)pad;
	return kmm_trim() != 0;
}

KMM_API int mallopt(int param, int value)
{
	(void)param;
	(void)value;
	return 1;
}

KMM_API int __libc_mallopt(int param, int value)
{
	return mallopt(param, value);
}
