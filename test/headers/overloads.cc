// SPDX-License-Identifier: MIT
/*
 * The public headers in a C++ program: the three forms of kmem_cache_create(),
 * which are a _Generic in C and overloads here, and the macros that need a
 * cast less in C.
 */
#include <cstdio>

#include <kmm/kmm.h>
#include <linux/mm.h>
#include <linux/slab.h>

struct point {
	long x, y;
};

static void make_point(void *object)
{
	point *p = static_cast<point *>(object);

	p->x = 1;
	p->y = 2;
}

static bool works(kmem_cache *s, long x)
{
	if (!s)
		return false;

	point *p = static_cast<point *>(
		kmem_cache_alloc(s, x ? GFP_KERNEL : GFP_KERNEL | __GFP_ZERO));
	bool good = p && p->x == x;

	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
	return good;
}

int main()
{
	kmem_cache_args args = {};
	struct {
		const char *form;
		bool good;
	} forms[9];
	int nr = 0, failed = 0;

	args.align = 64;
	args.ctor = make_point;
	forms[nr++] = { "args", works(kmem_cache_create(
		"args", sizeof(point), &args, 0), 1) };
	forms[nr++] = { "nullptr", works(kmem_cache_create(
		"nullptr", sizeof(point), nullptr, 0), 0) };
	forms[nr++] = { "NULL", works(kmem_cache_create(
		"null", sizeof(point), NULL, 0), 0) };
	forms[nr++] = { "five arguments", works(kmem_cache_create(
		"five", sizeof(point), 0, 0, make_point), 1) };
	forms[nr++] = { "five arguments, no constructor",
			works(kmem_cache_create("five", sizeof(point), 16, 0,
						nullptr), 0) };
	forms[nr++] = { "KMEM_CACHE", works(KMEM_CACHE(point, 0), 0) };

	point *p = static_cast<point *>(kzalloc(sizeof(*p), GFP_KERNEL));
	forms[nr++] = { "kzalloc", p && !p->x };
	kfree(p);
	p = static_cast<point *>(vcalloc(1000, sizeof(*p)));
	forms[nr++] = { "vcalloc", p && is_vmalloc_addr(p) };
	kvfree(p);
	page *head = alloc_pages(GFP_KERNEL, 1);
	forms[nr++] = { "alloc_pages",
			head && virt_to_page(page_address(head)) == head &&
			page_to_pfn(head + 1) == page_to_pfn(head) + 1 };
	__free_pages(head, 1);

	for (int i = 0; i < nr; i++) {
		if (forms[i].good)
			continue;
		std::fprintf(stderr, "%s\n", forms[i].form);
		failed++;
	}
	return failed != 0;
}
