// SPDX-License-Identifier: MIT
/*
 * Every name of the public headers that is a macro or an inline function, used
 * as a C program would: run.sh compiles it strictly, links it and runs it.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>

#include <kmm/kmm.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/vmalloc.h>

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: %s\n", __FILE__,	\
				__LINE__, #cond);			\
			return 1;					\
		}							\
	} while (0)

struct point {
	long x, y;
	char name[16];
};

struct polygon {
	size_t nr;
	struct point corner[];
};

static void make_point(void *object)
{
	struct point *p = object;

	p->x = 1;
	p->y = 2;
	p->name[0] = '\0';
}

static int use_cache(struct kmem_cache *s)
{
	struct point *p, *z;
	void *many[40];

	CHECK(s);
	CHECK(kmem_cache_size(s) == sizeof(struct point));
	p = kmem_cache_alloc(s, GFP_KERNEL);
	z = kmem_cache_alloc_node(s, GFP_KERNEL, NUMA_NO_NODE);
	CHECK(p && z && p != z);
	kmem_cache_free(s, p);
	kmem_cache_free(s, z);
	p = kmem_cache_alloc_lru(s, NULL, GFP_KERNEL);
	CHECK(p);
	kfree(p);
	CHECK(kmem_cache_alloc_bulk(s, GFP_KERNEL, 40, many) == 40);
	kmem_cache_free_bulk(s, 20, many);
	kfree_bulk(20, many + 20);
	kmem_cache_shrink(s);
	kmem_cache_destroy(s);
	return 0;
}

static int caches(void)
{
	struct kmem_cache_args args = { .align = 64 };
	struct kmem_cache *s;
	struct point *p;

	CHECK(!use_cache(kmem_cache_create("args", sizeof(struct point), &args,
					   SLAB_HWCACHE_ALIGN)));
	CHECK(!use_cache(kmem_cache_create("null", sizeof(struct point), NULL,
					   0)));
	CHECK(!use_cache(kmem_cache_create("five", sizeof(struct point), 0,
					   SLAB_NO_MERGE, NULL)));
	CHECK(!use_cache(KMEM_CACHE(point, SLAB_ACCOUNT)));
	CHECK(!use_cache(KMEM_CACHE_USERCOPY(point, 0, name)));

	s = kmem_cache_create("ctor", sizeof(struct point), 0u, SLAB_PANIC,
			      make_point);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	CHECK(p && p->x == 1 && p->y == 2 && !p->name[0]);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);

	s = KMEM_CACHE(point, 0);
	p = kmem_cache_zalloc(s, GFP_ATOMIC);
	CHECK(p && !p->x && !p->y);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
	kmem_cache_destroy(NULL);
	return 0;
}

static int blocks(void)
{
	volatile size_t huge = SIZE_MAX / 2, ten = 10;
	struct polygon *poly;
	char *p, *q;

	p = kmalloc(32, GFP_KERNEL);
	q = kmalloc(ten, GFP_KERNEL | __GFP_RECLAIMABLE);
	CHECK(p && q && ksize(p) >= 32 && ksize(q) >= 10);
	p = krealloc(p, 64, GFP_KERNEL);
	q = krealloc_array(q, ten, 8, GFP_KERNEL);
	CHECK(p && q);
	kfree(p);
	kfree_sensitive(q);
	p = kmalloc(100000, GFP_KERNEL);
	CHECK(p);
	kfree(p);
	CHECK(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	CHECK(ZERO_OR_NULL_PTR(ZERO_SIZE_PTR) && ZERO_OR_NULL_PTR(NULL));
	CHECK(kmalloc_size_roundup(65) == 96);

	p = kzalloc(10, GFP_KERNEL);
	q = kcalloc(ten, 10, GFP_KERNEL);
	CHECK(p && q && !p[9] && !q[99]);
	kfree(p);
	kfree(q);
	CHECK(!kmalloc_array(huge, 3, GFP_KERNEL));
	p = kmalloc_array(ten, 3, GFP_KERNEL);
	q = kmalloc_track_caller(10, GFP_KERNEL);
	CHECK(p && q);
	kfree(p);
	kfree(q);
	p = kmalloc_node(10, GFP_KERNEL, 0);
	q = kzalloc_node(10, GFP_KERNEL, NUMA_NO_NODE);
	CHECK(p && q && !q[9]);
	kfree(p);
	kfree(q);
	p = kmalloc_array_node(ten, 3, GFP_KERNEL, 0);
	q = kcalloc_node(ten, 3, GFP_KERNEL, 0);
	CHECK(p && q && !q[29]);
	kfree(p);
	kfree(q);

	poly = kzalloc(struct_size(poly, corner, ten), GFP_KERNEL);
	CHECK(poly && ksize(poly) >= sizeof(*poly) + 10 * sizeof(struct point));
	kfree(poly);
	CHECK(struct_size(poly, corner, huge) == SIZE_MAX);
	CHECK(array_size(huge, 3) == SIZE_MAX && size_add(huge, huge) != 0);
	return 0;
}

static int large_blocks(void)
{
	volatile size_t huge = SIZE_MAX / 2, ten = 10;
	char *p, *q;

	p = kvmalloc(100, GFP_KERNEL);
	q = kvzalloc(8 << 20, GFP_KERNEL);
	CHECK(p && q && is_vmalloc_addr(q) && !is_vmalloc_addr(p));
	p = kvrealloc(p, 8 << 20, GFP_KERNEL);
	CHECK(p);
	kvfree(p);
	kvfree_sensitive(q, 100);
	p = kvmalloc_node(100, GFP_KERNEL, 0);
	q = kvzalloc_node(100, GFP_KERNEL, 0);
	CHECK(p && q);
	kvfree(p);
	kvfree(q);
	p = kvmalloc_array(ten, 30, GFP_KERNEL);
	q = kvcalloc(ten, 30, GFP_KERNEL);
	CHECK(p && q && !kvcalloc(huge, 3, GFP_KERNEL));
	kvfree(p);
	kvfree(q);

	p = vmalloc(100);
	q = vzalloc(100);
	CHECK(p && q);
	p = vrealloc(p, 100000, GFP_KERNEL);
	CHECK(p);
	vfree(p);
	vfree(q);
	p = vmalloc_node(100, 0);
	q = __vmalloc(100, GFP_KERNEL | __GFP_ZERO);
	CHECK(p && q);
	vfree(p);
	vfree(q);
	p = vmalloc_array(ten, 30);
	q = vcalloc(ten, 30);
	CHECK(p && q && !vcalloc(huge, 3));
	vfree(p);
	vfree(q);
	return 0;
}

static int pages(void)
{
	struct page *page, *array[4] = { NULL };
	unsigned long addr;
	void *exact;

	page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	CHECK(page && page_count(page) == 1 && compound_order(page) == 2);
	CHECK(page_size(page) == PAGE_SIZE << 2);
	CHECK(virt_to_head_page((char *)page_address(page) + 5000) == page);
	CHECK(compound_head(virt_to_page(page_address(page))) == page);
	CHECK(pfn_to_page(page_to_pfn(page)) == page);
	CHECK(pfn_valid(virt_to_pfn(page_address(page))));
	CHECK(pfn_to_virt(page_to_pfn(page)) == page_address(page));
	get_page(page);
	put_page(page);
	__free_pages(page, 2);

	page = alloc_page(GFP_KERNEL);
	CHECK(page);
	__free_page(page);
	page = alloc_pages_node(0, GFP_KERNEL, 1);
	CHECK(page);
	split_page(page, 1);
	CHECK(page_to_pfn(page + 1) == page_to_pfn(page) + 1);
	CHECK(nth_page(page, 1) == page + 1);
	put_page(page + 1);
	put_page(page);
	page = __alloc_pages(GFP_KERNEL, 0, 0, NULL);
	CHECK(page);
	__free_page(page);

	addr = __get_free_pages(GFP_KERNEL, 1);
	CHECK(addr && PAGE_ALIGN(addr) == addr);
	free_pages(addr, 1);
	addr = __get_free_page(GFP_KERNEL);
	CHECK(addr);
	free_page(addr);
	addr = get_zeroed_page(GFP_KERNEL);
	CHECK(addr && !*(char *)addr);
	free_page(addr);

	CHECK(alloc_pages_bulk(GFP_KERNEL, 4, array) == 4);
	for (int i = 0; i < 4; i++)
		__free_page(array[i]);
	exact = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	CHECK(exact);
	free_pages_exact(exact, 3 * PAGE_SIZE);
	CHECK(get_order(PAGE_SIZE) == 0 && get_order(PAGE_SIZE + 1) == 1);
	CHECK(gfp_migratetype(__GFP_MOVABLE) == MIGRATE_MOVABLE);
	CHECK(GFP_ZONEMASK == 0xf);
	CHECK(!(__GFP_SKIP_ZERO | __GFP_SKIP_KASAN | __GFP_NOLOCKDEP |
		__GFP_NO_OBJ_EXT));
	CHECK(gfpflags_allow_blocking(GFP_KERNEL));
	drain_all_pages();
	return 0;
}

static int copies(void)
{
	static const int numbers[] = { 1, 2, 3 };
	char *p, *q;
	int *n;

	n = kmemdup(numbers, sizeof(numbers), GFP_KERNEL);
	CHECK(n && n[2] == 3);
	kfree(n);
	n = kmemdup_array(numbers, 3, sizeof(int), GFP_KERNEL);
	CHECK(n && n[2] == 3);
	kfree(n);
	p = kstrdup("page", GFP_KERNEL);
	q = kstrndup("pages", 4, GFP_KERNEL);
	CHECK(p && q && !strcmp(p, q));
	kfree(p);
	kfree(q);
	p = kmemdup_nul("pages", 4, GFP_KERNEL);
	q = kasprintf(GFP_KERNEL, "%s", "page");
	CHECK(p && q && !strcmp(p, q));
	kfree(p);
	kfree(q);
	return 0;
}

/* Freed here, unless it is handed on. */
static void *scoped(bool keep)
{
	char *p __free(kfree) = kmalloc(64, GFP_KERNEL);
	char *v __free(kvfree) = kvmalloc(64, GFP_KERNEL);
	char *error __free(kfree) = ERR_PTR(-12);
	char *none __free(kfree) = NULL;

	if (!p || !v || !IS_ERR(error) || none)
		return NULL;
	p[0] = 'p';
	if (keep)
		return_ptr(p);
	kvfree(no_free_ptr(v));
	return NULL;
}

static int cleanup(void)
{
	char *p = scoped(true);

	CHECK(p && p[0] == 'p');
	retain_and_null_ptr(p);
	CHECK(!p);
	CHECK(!scoped(false));
	CHECK(PTR_ERR(ERR_PTR(-12)) == -12 && IS_ERR_OR_NULL(NULL));
	return 0;
}

int main(void)
{
	FILE *null = fopen("/dev/null", "w");

	CHECK(null);
	if (caches() || blocks() || large_blocks() || pages() || copies() ||
	    cleanup())
		return 1;
	CHECK(kmm_show("slabinfo", fileno(null)) == 0);
	(void)kmm_trim();
	CHECK(kmm_boot(NULL) != 0);
	return 0;
}
