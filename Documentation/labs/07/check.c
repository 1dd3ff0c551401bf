// SPDX-License-Identifier: MIT
/*
 * Checks exercise 07. The checker keeps each object that is handed out with the
 * pattern that its user wrote; from their addresses follows how many objects of
 * each page are in use, and so on which list that page has to be.
 */
#include "parts.h"
#include "lab.h"

#include <string.h>

#define MAX_OBJECTS 4096
#define CONSTRUCTED 0x5a
#define MAX_DRAWN 4

static struct model {
	struct cache *cache;
	size_t size;
	bool ctor;
	struct {
		unsigned char *p;
		unsigned char pattern;
	} live[MAX_OBJECTS];
	unsigned int nr;
	/* Live objects of each page. */
	unsigned int inuse[MAX_PAGES];
	/* Runs of the constructor since the last call. */
	unsigned int ctor_runs;
} *model;

static void draw(void)
{
	unsigned long pfn, head;
	unsigned int i, per_slab = model->cache ? model->cache->per_slab : 0;
	unsigned int full = 0;

	check_print("      cache of %zu bytes%s\n", model->size,
		    model->ctor ? ", with a constructor" : "");
	for (pfn = 0; pfn < MAX_PAGES; pfn++) {
		head = (unsigned long)machine_head(pfn);
		if (head != pfn)
			continue;
		if (model->inuse[pfn] == per_slab && ++full > MAX_DRAWN)
			continue;
		check_print("      slab at page %-3lu %u of %u in use  ", pfn,
			    model->inuse[pfn], per_slab);
		for (i = 0; i < per_slab && i < 64; i++)
			check_print("%c", i < model->inuse[pfn] ? '#' : '.');
		check_print("  %s\n", !model->inuse[pfn] ? "empty" :
			    model->inuse[pfn] == per_slab ? "full" : "partial");
	}
	if (full > MAX_DRAWN)
		check_print("      and %u more full slabs\n", full - MAX_DRAWN);
}

static void construct(void *object)
{
	model->ctor_runs++;
	memset(object, CONSTRUCTED, model->size);
}

/* All bytes of an object are @byte. */
static bool is_filled(const unsigned char *p, unsigned char byte)
{
	size_t i;

	for (i = 0; i < model->size; i++)
		if (p[i] != byte)
			return false;
	return true;
}

static const char *list_name(const struct page_list *list)
{
	return list == &model->cache->full ? "full" :
	       list == &model->cache->partial ? "partial" :
	       list == &model->cache->empty ? "empty" : "no list";
}

/* The list that a slab with so many objects in use belongs on. */
static const struct page_list *list_of(unsigned int inuse)
{
	return !inuse ? &model->cache->empty :
	       inuse == model->cache->per_slab ? &model->cache->full :
	       &model->cache->partial;
}

static void validate_freelist(const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	char *start = page_address(page), *p = page->freelist;
	unsigned int free = model->cache->per_slab - model->inuse[pfn], i;

	for (i = 0; i < free; i++) {
		if (p < start || p >= start + PAGE_SIZE ||
		    (size_t)(p - start) % model->cache->stride)
			check_fail("The freelist of a slab links all of its free objects.",
				   "%u objects on the freelist of page %lu\nafter %u there is %p, which is no object of it",
				   free, pfn, i, (void *)p);
		memcpy(&p, p + model->cache->link, sizeof(p));
	}
	if (p)
		check_fail("The freelist of a slab ends after its free objects.",
			   "NULL after %u objects on the freelist of page %lu\nit goes on (a circle, or an object that is handed out)",
			   free, pfn);
}

static void validate_list(const struct page_list *list, unsigned long *slabs)
{
	const struct page *page, *prev = NULL;
	unsigned long nr = 0, pfn;

	for (page = list->first; page; prev = page, page = page->next, nr++) {
		pfn = page_to_pfn(page);
		if (page < mem_map || page >= mem_map + nr_pages ||
		    machine_head(pfn) < 0 || nr > nr_pages || page->prev != prev)
			check_fail("Lists of slabs are changed by list_add() and list_del() only.",
				   "slabs on the list `%s`\nits entry %lu is none",
				   list_name(list), nr);
		if (list_of(model->inuse[pfn]) != list)
			check_fail("A slab is on the list `full`, `partial` or `empty` that its number of objects in use says.",
				   "page %lu, with %u of %u objects in use, on the list `%s`\nit is on `%s`",
				   pfn, model->inuse[pfn],
				   model->cache->per_slab,
				   list_name(list_of(model->inuse[pfn])),
				   list_name(list));
		if (page->cache != model->cache ||
		    page->inuse != model->inuse[pfn])
			check_fail("A slab's struct page says whose it is and how many objects are in use.",
				   "page %lu: cache set, inuse %u\n%s, inuse %u",
				   pfn, model->inuse[pfn],
				   page->cache == model->cache ? "set" :
				   "not set", page->inuse);
		validate_freelist(page);
	}
	*slabs += nr;
}

static void validate(void)
{
	unsigned long slabs = 0;

	validate_list(&model->cache->full, &slabs);
	validate_list(&model->cache->partial, &slabs);
	validate_list(&model->cache->empty, &slabs);
	if (slabs != parts->pages)
		check_fail("Every slab is on a list until its page goes back.",
			   "%lu slabs on lists, as many as pages taken\n%lu",
			   parts->pages, slabs);
}

static void start(size_t size, bool ctor)
{
	size_t stride = (size + 7) / 8 * 8 + (ctor ? sizeof(void *) : 0);
	struct cache *cache;

	parts_reset(64);
	memset(model, 0, sizeof(*model));
	model->size = size;
	model->ctor = ctor;
	check_call("cache_create(\"lab\", %zu, %s)", size,
		   ctor ? "construct" : "NULL");
	cache = cache_create("lab", size, ctor ? construct : NULL);
	check_return(" = %s", cache ? "a cache" : "NULL");
	if (!cache)
		check_fail("A cache can be created while cache_new() gives one.",
			   "a cache\nNULL");
	model->cache = cache;
	if (cache->stride != stride)
		check_fail("Objects are 8 bytes aligned; with a constructor the link lies behind the object, where it spoils nothing.",
			   "a stride of %zu\n%zu", stride, cache->stride);
	if (cache->link != (ctor ? stride - sizeof(void *) : 0))
		check_fail("Objects are 8 bytes aligned; with a constructor the link lies behind the object, where it spoils nothing.",
			   "the link at %zu\nat %zu",
			   ctor ? stride - sizeof(void *) : 0, cache->link);
	if (cache->per_slab != PAGE_SIZE / stride)
		check_fail("A slab holds as many objects as fit into a page.",
			   "%zu\n%u", PAGE_SIZE / stride, cache->per_slab);
	if (parts->allocs)
		check_fail("A new cache has no slab: the first object makes one.",
			   "no page taken\n%lu", parts->pages);
}

/* What the constructor must have done in this call. */
static void check_ctor(unsigned long new_slabs)
{
	unsigned int expected = model->ctor ?
		(unsigned int)new_slabs * model->cache->per_slab : 0;

	if (model->ctor_runs != expected)
		check_fail("The constructor runs once for each object, when its slab is made, and never again.",
			   "%u runs in this call\n%u", expected,
			   model->ctor_runs);
}

static void check_object(const unsigned char *p)
{
	struct page *page = virt_to_page(p);
	size_t offset = (uintptr_t)p % PAGE_SIZE;
	unsigned int i;

	if (!page || machine_head(page_to_pfn(page)) < 0)
		check_fail("Objects lie in pages of block_alloc().",
			   "an address in a slab\n%s", machine_name(p));
	if (offset % model->cache->stride ||
	    offset / model->cache->stride >= model->cache->per_slab)
		check_fail("Objects lie from the start of the page on, stride bytes apart.",
			   "a multiple of %zu, below %u of them\nbyte %zu of the page",
			   model->cache->stride, model->cache->per_slab,
			   offset);
	for (i = 0; i < model->nr; i++)
		if (model->live[i].p == p)
			check_fail("An object is handed out once.",
				   "an object that nobody has\n%s, which was handed out before",
				   machine_name(p));
	if (model->ctor && !is_filled(p, CONSTRUCTED))
		check_fail("An object comes constructed. Its user gave it back in that state; the allocator must not write to it.",
			   "%zu bytes of 0x%x\nother bytes (a link inside the object?)",
			   model->size, CONSTRUCTED);
}

static bool try_alloc(void)
{
	unsigned long pages = parts->pages, capacity;
	unsigned char *p;

	capacity = pages * model->cache->per_slab;
	model->ctor_runs = 0;
	check_call("cache_alloc(cache)");
	p = cache_alloc(model->cache);
	if (p)
		check_return(" = %s", machine_name(p));
	else
		check_return(" = NULL");
	if (!p && (capacity > model->nr || parts->pages < nr_pages))
		check_fail("While an object or a page is free there is an object.",
			   "an object\nNULL");
	if (!p) {
		validate();
		return false;
	}
	check_object(p);
	if (parts->pages > pages && capacity > model->nr)
		check_fail("Partial slabs serve first, then empty ones; a new slab is made when there is neither.",
			   "no new slab, as %lu objects were free\na new one",
			   capacity - model->nr);
	check_ctor(parts->pages - pages);
	model->inuse[page_to_pfn(virt_to_page(p))]++;
	model->live[model->nr].p = p;
	model->live[model->nr].pattern = (unsigned char)model->nr;
	memset(p, (unsigned char)model->nr, model->size);
	model->nr++;
	validate();
	return true;
}

static void try_free(unsigned int i)
{
	unsigned char *p = model->live[i].p;
	unsigned long pfn = page_to_pfn(virt_to_page(p)), pages = parts->pages;
	int got;

	if (!is_filled(p, model->live[i].pattern))
		check_fail("What is handed out belongs to its user: nobody else writes to it.",
			   "the bytes as the user left them in page %lu + %zu\nother ones",
			   pfn, (size_t)((uintptr_t)p % PAGE_SIZE));
	if (model->ctor)
		memset(p, CONSTRUCTED, model->size);
	model->ctor_runs = 0;
	check_call("cache_free(cache, page %lu + %zu)", pfn,
		   (size_t)((uintptr_t)p % PAGE_SIZE));
	got = cache_free(model->cache, p);
	check_return(" = %d", got);
	if (got)
		check_fail("An object of the cache can be freed.", "0\n%d", got);
	if (parts->pages != pages)
		check_fail("An empty slab stays with its cache, for the next object, until cache_shrink().",
			   "%lu pages\n%lu", pages, parts->pages);
	check_ctor(0);
	model->inuse[pfn]--;
	model->live[i] = model->live[--model->nr];
	validate();
}

static void try_refused(void *p, const char *name, const char *why)
{
	int got;

	check_call("cache_free(cache, %s)", name);
	got = cache_free(model->cache, p);
	check_return(" = %d", got);
	if (got != -1)
		check_fail("What is no object of the cache is refused, and nothing changes.",
			   "-1: %s\n%d", why, got);
	validate();
}

static void try_shrink(void)
{
	unsigned int got, expected = 0;
	unsigned long pfn, pages = parts->pages;

	for (pfn = 0; pfn < nr_pages; pfn++)
		expected += machine_head(pfn) >= 0 && !model->inuse[pfn];
	check_call("cache_shrink(cache)");
	got = cache_shrink(model->cache);
	check_return(" = %u", got);
	if (got != expected || parts->pages != pages - expected)
		check_fail("cache_shrink() gives each empty slab's page back, and says how many.",
			   "%u, and %lu pages left\n%u, and %lu pages left",
			   expected, pages - expected, got, parts->pages);
	validate();
}

static void try_destroy(void)
{
	int got;

	check_call("cache_destroy(cache)");
	got = cache_destroy(model->cache);
	check_return(" = %d", got);
	if (model->nr) {
		if (got != -1)
			check_fail("A cache with objects that are handed out cannot go.",
				   "-1, with %u objects handed out\n%d",
				   model->nr, got);
		validate();
		return;
	}
	if (got || parts->pages || machine_nr_caches())
		check_fail("A destroyed cache leaves nothing: no page, no struct cache.",
			   "0, no pages, no caches\n%d, %lu pages, %u caches",
			   got, parts->pages, machine_nr_caches());
}

/* 4 objects a slab: empty, partial, full, and the second slab. */
static void one_slab(void)
{
	unsigned int i;

	start(1000, false);
	for (i = 0; i < 5; i++)
		try_alloc();
}

static void from_full_to_empty(void)
{
	unsigned int i;

	start(1000, false);
	for (i = 0; i < 8; i++)
		try_alloc();
	while (model->nr)
		try_free(0);
	for (i = 0; i < 8; i++)
		try_alloc();
}

static void constructor(void)
{
	unsigned int i;

	start(500, true);
	for (i = 0; i < 10; i++)
		try_alloc();
	while (model->nr)
		try_free(model->nr - 1);
	for (i = 0; i < 10; i++)
		try_alloc();
	start(7, true);
	for (i = 0; i < 600; i++)
		try_alloc();
	while (model->nr)
		try_free(check_random(model->nr));
	try_alloc();
}

static void shrink_and_destroy(void)
{
	unsigned int i;

	start(1000, false);
	for (i = 0; i < 9; i++)
		try_alloc();
	try_destroy();
	for (i = 0; i < 6; i++)
		try_free(0);
	try_shrink();
	try_shrink();
	try_alloc();
	while (model->nr)
		try_free(0);
	try_destroy();
}

static void what_must_be_refused(void)
{
	static char elsewhere[64];
	unsigned char *p;

	start(1000, false);
	try_alloc();
	p = model->live[0].p;
	try_refused(p + 8, "the object + 8", "an object does not begin there");
	try_refused(p - (uintptr_t)p % PAGE_SIZE + 4 * model->cache->stride,
		    "page + 4 * stride", "it is behind the last object");
	try_refused(elsewhere, "elsewhere", "that is no page of the machine");
	try_refused(page_address(&mem_map[40]), "page 40",
		    "that page is no slab");
	try_free(0);
	try_shrink();
	try_refused(p, "the object", "its slab went back to the pages");
}

static void out_of_pages(void)
{
	start(2048, false);
	while (try_alloc())
		;
	try_alloc();
	try_free(3);
	try_alloc();
	try_alloc();
}

static void random_trace(void)
{
	unsigned int round, step;

	for (round = 0; round < 20; round++) {
		start(1 + check_random(400), check_random(2));
		for (step = 0; step < 400; step++) {
			/* Waves, so that slabs go all the way. */
			if (check_random(100) < (step / 50 % 2 ? 20u : 75u))
				try_alloc();
			else if (model->nr)
				try_free(check_random(model->nr));
			if (!check_random(50))
				try_shrink();
		}
		while (model->nr)
			try_free(check_random(model->nr));
		try_destroy();
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "the first slab, and the second", one_slab, draw },
		{ "from full to partial to empty", from_full_to_empty, draw },
		{ "a constructor", constructor, draw },
		{ "shrink and destroy", shrink_and_destroy, draw },
		{ "what must be refused", what_must_be_refused, draw },
		{ "out of pages", out_of_pages, draw },
		{ "random traces", random_trace, draw },
	};

	model = check_shared(sizeof(*model));
	return check_run("Exercise 07: a cache of slabs", cases,
			 ARRAY_SIZE(cases));
}
