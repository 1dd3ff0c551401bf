// SPDX-License-Identifier: MIT
/*
 * Checks exercise 08. The linker leads the learner's calls of the caches and
 * the pages through this file, so the route of each request is seen.
 */
#include "parts.h"
#include "lab.h"

#include <string.h>

#define MAX_LIVE 2048

struct live {
	unsigned char *p;
	size_t size;
	unsigned char pattern;
};

static struct model {
	struct live live[MAX_LIVE];
	unsigned int nr;
	/* Calls of the caches in this call of the learner's. */
	unsigned int cache_allocs, cache_frees;
	size_t cache_size;
	void *cache_object;
	int cache_result;
	/* block_alloc() and block_free() of the caches, not the learner's. */
	unsigned int inner_allocs, inner_frees;
} *model;

static void draw(void)
{
	unsigned int i;

	check_print("      %u allocations, %lu pages taken\n", model->nr,
		    parts->pages);
	for (i = model->nr > 8 ? model->nr - 8 : 0; i < model->nr; i++)
		check_print("      kmalloc(%zu)  %s\n", model->live[i].size,
			    !model->live[i].size ? "ZERO_SIZE_PTR" :
			    model->live[i].size <= KMALLOC_MAX_CACHE_SIZE ?
			    "in a slab" : "whole pages");
}

void *__real_cache_alloc(struct cache *cache);
int __real_cache_free(struct cache *cache, void *object);
void *__wrap_cache_alloc(struct cache *cache);
int __wrap_cache_free(struct cache *cache, void *object);

void *__wrap_cache_alloc(struct cache *cache)
{
	unsigned int allocs = parts->allocs, frees = parts->frees;
	void *p;

	if (!cache)
		check_fail("A request goes to a cache that exists.",
			   "a cache of cache_create()\ncache_alloc(NULL)");
	p = model->cache_object = __real_cache_alloc(cache);
	model->cache_allocs++;
	model->cache_size = cache->size;
	model->inner_allocs += parts->allocs - allocs;
	model->inner_frees += parts->frees - frees;
	return p;
}

int __wrap_cache_free(struct cache *cache, void *object)
{
	unsigned int frees = parts->frees;

	model->cache_frees++;
	model->cache_result = __real_cache_free(cache, object);
	model->inner_frees += parts->frees - frees;
	return model->cache_result;
}

static void before(void)
{
	parts->allocs = parts->frees = 0;
	model->cache_allocs = model->cache_frees = 0;
	model->inner_allocs = model->inner_frees = 0;
	model->cache_result = 0;
}

static unsigned int page_allocs(void)
{
	return parts->allocs - model->inner_allocs;
}

static unsigned int page_frees(void)
{
	return parts->frees - model->inner_frees;
}

static size_t class_of(size_t size)
{
	unsigned int i;

	for (i = 0; kmalloc_sizes[i] < size; i++)
		;
	return kmalloc_sizes[i];
}

static unsigned int order_of(size_t size)
{
	unsigned int order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

/* How many bytes the allocation must have. */
static size_t room(size_t size)
{
	return !size ? 0 : size <= KMALLOC_MAX_CACHE_SIZE ? class_of(size) :
	       PAGE_SIZE << order_of(size);
}

static void start(void)
{
	int got;

	parts_reset(MAX_PAGES);
	memset(model, 0, sizeof(*model));
	check_call("kmalloc_init()");
	got = kmalloc_init();
	check_return(" = %d", got);
	if (got || machine_nr_caches() != NR_KMALLOC_CACHES)
		check_fail("kmalloc() stands on one cache for each size of the table.",
			   "0, and %u caches\n%d, and %u caches",
			   NR_KMALLOC_CACHES, got, machine_nr_caches());
}

/* A request that is nobody's: neither cache nor pages may be asked. */
static void check_nobody(const char *why)
{
	if (model->cache_allocs || page_allocs())
		check_fail(why, "no call of cache_alloc() or block_alloc()\n%u and %u calls",
			   model->cache_allocs, page_allocs());
}

static void check_result(void *got, void *expected)
{
	if (got != expected)
		check_fail("What the layer below gives is returned; else it is lost.",
			   "%s\n%s", expected ? machine_name(expected) : "NULL",
			   got ? machine_name(got) : "NULL");
}

static void check_slab_route(size_t size, void *p)
{
	if (page_allocs() || model->cache_allocs != 1)
		check_fail("Requests of 1 to 2048 bytes are served by a cache, those above by pages.",
			   "one call of cache_alloc()\n%u calls of it, %u of block_alloc()",
			   model->cache_allocs, page_allocs());
	if (model->cache_size != class_of(size))
		check_fail("The smallest cache that is large enough serves the request.",
			   "the cache of %zu bytes\nthe cache of %zu bytes%s",
			   class_of(size), model->cache_size,
			   model->cache_size < size ? ": too small" : "");
	check_result(p, model->cache_object);
}

static void check_page_route(size_t size, void *p)
{
	if (model->cache_allocs || page_allocs() != 1)
		check_fail("Requests of 1 to 2048 bytes are served by a cache, those above by pages.",
			   "one call of block_alloc()\n%u calls of it, %u of cache_alloc()",
			   page_allocs(), model->cache_allocs);
	if (parts->alloc_order != order_of(size))
		check_fail("The order is the smallest whose block is large enough.",
			   "block_alloc(%u), %lu bytes\nblock_alloc(%u), %lu bytes",
			   order_of(size), PAGE_SIZE << order_of(size),
			   parts->alloc_order, PAGE_SIZE << parts->alloc_order);
	check_result(p, parts->alloc_pfn < 0 ? NULL :
		     page_address(&mem_map[parts->alloc_pfn]));
}

static bool try_kmalloc(size_t size)
{
	unsigned char *p;
	unsigned int i;

	before();
	check_call("kmalloc(%zu)", size);
	p = kmalloc(size);
	if (!p)
		check_return(" = NULL");
	else if (p == ZERO_SIZE_PTR)
		check_return(" = ZERO_SIZE_PTR");
	else
		check_return(" = %s", machine_name(p));
	if (!size && p != ZERO_SIZE_PTR)
		check_fail("kmalloc(0) is no failure: it returns ZERO_SIZE_PTR, which can be freed and never be read.",
			   "ZERO_SIZE_PTR\n%s", p ? machine_name(p) : "NULL");
	if (!size) {
		check_nobody("No bytes need no memory.");
	} else if (size > KMALLOC_MAX_SIZE) {
		if (p)
			check_fail("What no block can hold is refused.",
				   "NULL\n%p", (void *)p);
		check_nobody("What no block can hold need not be searched for.");
	} else if (size <= KMALLOC_MAX_CACHE_SIZE) {
		check_slab_route(size, p);
	} else {
		check_page_route(size, p);
	}
	if (!p)
		return false;
	for (i = 0; size && i < model->nr; i++)
		if (p < model->live[i].p + room(model->live[i].size) &&
		    model->live[i].p < p + size)
			check_fail("Allocations do not overlap.",
				   "memory that nobody has\na part of kmalloc(%zu) = %s",
				   model->live[i].size,
				   machine_name(model->live[i].p));
	if (size)
		memset(p, (int)model->nr, size);
	model->live[model->nr] = (struct live){ p, size,
						(unsigned char)model->nr };
	model->nr++;
	return true;
}

static void check_pattern(const struct live *live)
{
	size_t i;

	for (i = 0; i < live->size; i++)
		if (live->p[i] != live->pattern)
			check_fail("What is allocated belongs to its user: nobody else writes to it.",
				   "kmalloc(%zu) as its user left it\nbyte %zu was changed",
				   live->size, i);
}

static void try_kfree(unsigned int i)
{
	struct live live = model->live[i];

	check_pattern(&live);
	before();
	if (!live.size)
		check_call("kfree(ZERO_SIZE_PTR)");
	else
		check_call("kfree(%s), of kmalloc(%zu)", machine_name(live.p),
			   live.size);
	kfree(live.p);
	check_return(" ");
	if (!live.size && (model->cache_frees || page_frees()))
		check_fail("ZERO_SIZE_PTR is no memory: there is nothing to free.",
			   "no call\n%u of cache_free(), %u of block_free()",
			   model->cache_frees, page_frees());
	if (live.size && live.size <= KMALLOC_MAX_CACHE_SIZE &&
	    (model->cache_frees != 1 || model->cache_result || page_frees()))
		check_fail("An object goes back to the cache that it came from: its page knows which.",
			   "one cache_free() of the cache of %zu bytes\n%u calls (the last returned %d), %u of block_free()",
			   class_of(live.size), model->cache_frees,
			   model->cache_result, page_frees());
	/* parts.c has compared its arguments with the block. */
	if (live.size > KMALLOC_MAX_CACHE_SIZE &&
	    (model->cache_frees || page_frees() != 1))
		check_fail("Whole pages go back to the pages.",
			   "one block_free(..., %u)\n%u calls of it, %u of cache_free()",
			   order_of(live.size), page_frees(),
			   model->cache_frees);
	model->live[i] = model->live[--model->nr];
}

static void try_ksize(unsigned int i)
{
	struct live live = model->live[i];
	size_t got;

	check_call("ksize(%s), of kmalloc(%zu)",
		   live.size ? machine_name(live.p) : "ZERO_SIZE_PTR", live.size);
	got = ksize(live.p);
	check_return(" = %zu", got);
	if (got != room(live.size))
		check_fail("ksize() is what the allocation has, not what was asked for.",
			   "%zu\n%zu", room(live.size), got);
}

static void caches(void)
{
	start();
	try_kmalloc(100);
	try_kmalloc(1);
	try_kmalloc(96);
	try_kmalloc(97);
	try_kmalloc(2048);
	while (model->nr)
		try_kfree(0);
}

static void pages(void)
{
	start();
	try_kmalloc(2049);
	try_kmalloc(4096);
	try_kmalloc(4097);
	try_kmalloc(5 * 4096);
	while (model->nr)
		try_kfree(0);
	if (parts->pages)
		check_fail("kfree() gives all pages of a block back.",
			   "no pages taken\n%lu", parts->pages);
}

static void nothing(void)
{
	start();
	try_kmalloc(0);
	try_kfree(0);
	before();
	check_call("kfree(NULL)");
	kfree(NULL);
	check_return(" ");
	if (model->cache_frees || page_frees())
		check_fail("kfree(NULL) does nothing.",
			   "no call\n%u of cache_free(), %u of block_free()",
			   model->cache_frees, page_frees());
}

static void the_largest(void)
{
	start();
	try_kmalloc(KMALLOC_MAX_SIZE);
	try_kmalloc(KMALLOC_MAX_SIZE);
	try_kmalloc(10);
	try_kfree(0);
	try_kmalloc(KMALLOC_MAX_SIZE + 1);
	try_kmalloc(SIZE_MAX);
	try_kmalloc(10);
}

static void sizes(void)
{
	static const size_t some[] = { 0, 1, 8, 9, 65, 100, 192, 193, 1025,
				       2048, 2049, 4096, 8193, 100000 };
	unsigned int i;

	start();
	for (i = 0; i < ARRAY_SIZE(some); i++) {
		try_kmalloc(some[i]);
		try_ksize(model->nr - 1);
	}
}

static void every_size(void)
{
	size_t size;

	start();
	for (size = 0; size <= 9000; size++) {
		check_new_sequence();
		if (try_kmalloc(size))
			try_kfree(0);
	}
}

static void random_trace(void)
{
	unsigned int round, step;

	for (round = 0; round < 10; round++) {
		start();
		for (step = 0; step < 400; step++) {
			if (check_random(5) < 3)
				try_kmalloc(check_random(8) ?
					    check_random(300) :
					    check_random(20000));
			else if (model->nr)
				try_kfree(check_random(model->nr));
		}
		while (model->nr)
			try_kfree(check_random(model->nr));
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "small requests: caches", caches, draw },
		{ "large requests: pages", pages, draw },
		{ "no bytes", nothing, draw },
		{ "the largest", the_largest, draw },
		{ "ksize()", sizes, draw },
		{ "every size to 9000", every_size, draw },
		{ "random traces", random_trace, draw },
	};

	model = check_shared(sizeof(*model));
	return check_run("Exercise 08: kmalloc() on top of caches and pages",
			 cases, ARRAY_SIZE(cases));
}
