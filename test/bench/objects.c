// SPDX-License-Identifier: MIT
/*
 * Object caches against what a C programmer would use instead. Linked with
 * libkmm.a; malloc stays the one of libc, or the one that is preloaded.
 *
 *	cache		kmem_cache_alloc(), kmem_cache_free()
 *	bulk		kmem_cache_alloc_bulk(), kmem_cache_free_bulk()
 *	kmalloc		kmalloc() of a size that is not constant, kfree()
 *	kmalloc_const	kmalloc() of a size known to the compiler (192), kfree()
 *	malloc		malloc(), free()
 *	freelist	a list of free objects in front of malloc(), made by hand:
 *			one thread only, gives nothing back
 *	gslice		g_slice_alloc(), g_slice_free1() of glib 2.74 and older
 *			(later ones call malloc)
 *	apr		apr_palloc() of one pool; objects are not freed singly, so
 *			only "request" applies
 *
 * Each does the same with objects of one size:
 *
 *	pair		one object, over and over
 *	ring		512 live ones, the oldest is replaced
 *	request		a thousand, freed together in the order they came
 *	shuffled	ten thousand, freed in a random order
 *
 * and prints "NAME NANOSECONDS" for an object's allocation and free. Further:
 *
 *	pages, page_malloc	alloc_pages() of each order against malloc()
 *	caches, many_malloc	the cost of an object among 1 to 10,000 caches
 *	churn			one cache and kmalloc() under random frees, to be
 *				run with different numbers of CPUs (nr_cpus=)
 *
 * glib and apr are opened at run time: nothing of them is needed to build this,
 * and without them the pattern ends with 77, "skipped".
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <linux/gfp.h>
#include <linux/slab.h>

#include "bench.h"

#define EXIT_SKIPPED 77
#define NR_SLICES 5
#define RING_OBJECTS 512
#define REQUEST_OBJECTS 1000
#define SHUFFLED_OBJECTS 10000
#define CONST_SIZE 192

static size_t object_size;
static void *objects[SHUFFLED_OBJECTS];
static unsigned int *order;

/*
 * What does the same for each: the two functions are known where this is
 * inlined, so a loop costs what it would cost in a program.
 */
struct object_ops {
	void *(*alloc)(void);
	void (*release)(void *object);
};

typedef void (*slice_fn)(unsigned long n);

static void measure(const char *name, slice_fn slice, unsigned long n)
{
	double ns[NR_SLICES];
	size_t i;

	slice(n);
	for (i = 0; i < NR_SLICES; i++) {
		uint64_t start = now_ns();

		slice(n);
		ns[i] = (double)(now_ns() - start) / (double)n;
	}
	result(name, median(ns, NR_SLICES));
}

ALWAYS_INLINE void *object_alloc(struct object_ops ops)
{
	volatile char *object = must(ops.alloc());

	*object = 1;
	/* Inlined lists must not cancel out against the free that follows. */
	__asm__ volatile("" : : : "memory");
	return (void *)object;
}

ALWAYS_INLINE void pair(struct object_ops ops, unsigned long n)
{
	while (n--)
		ops.release(object_alloc(ops));
}

ALWAYS_INLINE void ring(struct object_ops ops, unsigned long n)
{
	size_t i;

	for (i = 0; i < RING_OBJECTS; i++)
		objects[i] = object_alloc(ops);
	for (i = 0; n--; i = (i + 1) % RING_OBJECTS) {
		ops.release(objects[i % RING_OBJECTS]);
		objects[i % RING_OBJECTS] = object_alloc(ops);
	}
	for (i = 0; i < RING_OBJECTS; i++)
		ops.release(objects[i]);
}

ALWAYS_INLINE void request(struct object_ops ops, unsigned long n)
{
	unsigned long done;
	size_t i;

	for (done = 0; done < n; done += REQUEST_OBJECTS) {
		for (i = 0; i < REQUEST_OBJECTS; i++)
			objects[i] = object_alloc(ops);
		for (i = 0; i < REQUEST_OBJECTS; i++)
			ops.release(objects[i]);
	}
}

ALWAYS_INLINE void shuffle(struct object_ops ops, unsigned long n)
{
	unsigned long done;
	size_t i;

	for (done = 0; done < n; done += SHUFFLED_OBJECTS) {
		for (i = 0; i < SHUFFLED_OBJECTS; i++)
			objects[i] = object_alloc(ops);
		for (i = 0; i < SHUFFLED_OBJECTS; i++)
			ops.release(objects[order[i]]);
	}
}

static void prepare(void)
{
	object_size = param("size");
	order = random_order(SHUFFLED_OBJECTS);
}

/* clang-format off */
/* The four loops of one way to have objects, and the pattern that runs them. */
#define OBJECT_PATTERN(name, alloc, release)				\
	static const struct object_ops name##_ops = { alloc, release };	\
	static void name##_pair(unsigned long n)			\
	{								\
		pair(name##_ops, n);					\
	}								\
	static void name##_ring(unsigned long n)			\
	{								\
		ring(name##_ops, n);					\
	}								\
	static void name##_request(unsigned long n)			\
	{								\
		request(name##_ops, n);					\
	}								\
	static void name##_shuffle(unsigned long n)			\
	{								\
		shuffle(name##_ops, n);					\
	}								\
	static void name##_measure(void)				\
	{								\
		measure("pair", name##_pair, param("n"));		\
		measure("ring", name##_ring, param("n"));		\
		measure("request", name##_request, param("n"));		\
		measure("shuffled", name##_shuffle, param("n"));	\
	}
/* clang-format on */

/* Ours ------------------------------------------------------------------ */

static struct kmem_cache *cache;

static void create_cache(void)
{
	prepare();
	cache = kmem_cache_create("bench", (unsigned int)object_size, 0,
				  SLAB_NO_MERGE, NULL);
	must(cache);
}

ALWAYS_INLINE void *cache_alloc(void)
{
	return kmem_cache_alloc(cache, GFP_KERNEL);
}

ALWAYS_INLINE void cache_release(void *object)
{
	kmem_cache_free(cache, object);
}

OBJECT_PATTERN(cache, cache_alloc, cache_release)

static void run_cache(void)
{
	create_cache();
	cache_measure();
}

static void bulk_request(unsigned long n)
{
	unsigned long done;
	size_t i;

	for (done = 0; done < n; done += REQUEST_OBJECTS) {
		if (!kmem_cache_alloc_bulk(cache, GFP_KERNEL, REQUEST_OBJECTS,
					   objects))
			die("out of memory");
		for (i = 0; i < REQUEST_OBJECTS; i++)
			*(volatile char *)objects[i] = 1;
		kmem_cache_free_bulk(cache, REQUEST_OBJECTS, objects);
	}
}

static void run_bulk(void)
{
	create_cache();
	measure("request", bulk_request, param("n"));
}

ALWAYS_INLINE void *kmalloc_alloc(void)
{
	return kmalloc(object_size, GFP_KERNEL);
}

ALWAYS_INLINE void kmalloc_release(void *object)
{
	kfree(object);
}

OBJECT_PATTERN(kmalloc, kmalloc_alloc, kmalloc_release)

static void run_kmalloc(void)
{
	prepare();
	kmalloc_measure();
}

ALWAYS_INLINE void *kmalloc_const_alloc(void)
{
	return kmalloc(CONST_SIZE, GFP_KERNEL);
}

OBJECT_PATTERN(kmalloc_const, kmalloc_const_alloc, kmalloc_release)

static void run_kmalloc_const(void)
{
	prepare();
	kmalloc_const_measure();
}

/* Theirs ---------------------------------------------------------------- */

ALWAYS_INLINE void *malloc_alloc(void)
{
	return malloc(object_size);
}

ALWAYS_INLINE void malloc_release(void *object)
{
	free(object);
}

OBJECT_PATTERN(malloc, malloc_alloc, malloc_release)

static void run_malloc(void)
{
	prepare();
	malloc_measure();
}

/* 64 objects at a time from malloc(), linked through their first word. */
#define FREELIST_OBJECTS 64

static void *freelist;

static __attribute__((noinline)) void freelist_refill(void)
{
	char *chunk = must(malloc(FREELIST_OBJECTS * object_size));
	size_t i;

	for (i = FREELIST_OBJECTS; i--;) {
		void **object = (void **)(chunk + i * object_size);

		*object = freelist;
		freelist = object;
	}
}

ALWAYS_INLINE void *freelist_alloc(void)
{
	void **object;

	if (!freelist)
		freelist_refill();
	object = freelist;
	freelist = *object;
	return object;
}

ALWAYS_INLINE void freelist_release(void *object)
{
	*(void **)object = freelist;
	freelist = object;
}

OBJECT_PATTERN(freelist, freelist_alloc, freelist_release)

static void run_freelist(void)
{
	prepare();
	freelist_measure();
}

/* A library that need not be there. */
static void *open_library(const char *name)
{
	void *library = dlopen(name, RTLD_NOW);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(EXIT_SKIPPED);
	}
	return library;
}

static void *symbol_of(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	if (!symbol) {
		fprintf(stderr, "%s\n", dlerror());
		exit(EXIT_SKIPPED);
	}
	return symbol;
}

static void *(*g_slice_alloc)(size_t size);
static void (*g_slice_free1)(size_t size, void *object);

ALWAYS_INLINE void *gslice_alloc(void)
{
	return g_slice_alloc(object_size);
}

ALWAYS_INLINE void gslice_release(void *object)
{
	g_slice_free1(object_size, object);
}

OBJECT_PATTERN(gslice, gslice_alloc, gslice_release)

static void run_gslice(void)
{
	void *glib = open_library("libglib-2.0.so.0");

	g_slice_alloc = symbol_of(glib, "g_slice_alloc");
	g_slice_free1 = symbol_of(glib, "g_slice_free1");
	prepare();
	gslice_measure();
}

static struct {
	void *pool;
	void *(*palloc)(void *pool, size_t size);
	void (*clear)(void *pool);
} apr;

static void apr_request(unsigned long n)
{
	unsigned long done;
	size_t i;

	for (done = 0; done < n; done += REQUEST_OBJECTS) {
		for (i = 0; i < REQUEST_OBJECTS; i++)
			*(volatile char *)apr.palloc(apr.pool, object_size) = 1;
		apr.clear(apr.pool);
	}
}

static void run_apr(void)
{
	void *library = open_library("libapr-1.so.0");
	int (*initialize)(void) = symbol_of(library, "apr_initialize");
	int (*create)(void **pool, void *parent, void *abort_fn,
		      void *allocator) =
		symbol_of(library, "apr_pool_create_ex");

	apr.palloc = symbol_of(library, "apr_palloc");
	apr.clear = symbol_of(library, "apr_pool_clear");
	if (initialize() || create(&apr.pool, NULL, NULL, NULL))
		die("cannot create a pool");
	prepare();
	measure("request", apr_request, param("n"));
}

/* Pages ----------------------------------------------------------------- */

#define PAGE_BLOCKS 64
#define NR_ORDERS 11

static void *page_blocks[PAGE_BLOCKS];
static unsigned int page_order;
static const unsigned int *page_free_order;

ALWAYS_INLINE void *pages_alloc(void)
{
	return alloc_pages(GFP_KERNEL, page_order);
}

ALWAYS_INLINE void pages_release(void *page)
{
	__free_pages(page, page_order);
}

ALWAYS_INLINE void *page_malloc_alloc(void)
{
	return malloc(4096ul << page_order);
}

/* Nothing is written to the pages: a fault would cost more than the call. */
ALWAYS_INLINE void page_batches(struct object_ops ops, unsigned long n)
{
	unsigned long done;
	size_t i;

	for (done = 0; done < n; done += PAGE_BLOCKS) {
		for (i = 0; i < PAGE_BLOCKS; i++)
			page_blocks[i] = must(ops.alloc());
		for (i = 0; i < PAGE_BLOCKS; i++)
			ops.release(page_blocks[page_free_order[i]]);
	}
}

static void pages_slice(unsigned long n)
{
	const struct object_ops ops = { pages_alloc, pages_release };

	page_batches(ops, n);
}

static void page_malloc_slice(unsigned long n)
{
	const struct object_ops ops = { page_malloc_alloc, malloc_release };

	page_batches(ops, n);
}

static void measure_orders(slice_fn slice)
{
	static unsigned int in_order[PAGE_BLOCKS];
	const unsigned int *shuffled = random_order(PAGE_BLOCKS);
	unsigned long n = param("n");
	char name[32];
	unsigned int i;

	for (i = 0; i < PAGE_BLOCKS; i++)
		in_order[i] = i;
	for (page_order = 0; page_order < NR_ORDERS; page_order++) {
		page_free_order = in_order;
		snprintf(name, sizeof(name), "order %u", page_order);
		measure(name, slice, n);
		page_free_order = shuffled;
		snprintf(name, sizeof(name), "order %u shuffled", page_order);
		measure(name, slice, n);
	}
}

static void run_pages(void)
{
	measure_orders(pages_slice);
}

static void run_page_malloc(void)
{
	measure_orders(page_malloc_slice);
}

/* Many caches, many CPUs ------------------------------------------------ */

#define CACHE_RING 4096

/*
 * Blocks of 16 to 512 bytes; each is replaced by one of another cache. What
 * grows with the number of caches is the memory that the same work touches.
 */
static void run_caches(void)
{
	unsigned long nr = param("caches"), n = param("n"), i;
	struct kmem_cache **caches = map_array(nr, sizeof(*caches));
	unsigned int *of = map_array(CACHE_RING, sizeof(*of));
	struct random r = random_from(nr);
	uint64_t start = now_ns();
	char name[32];

	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "bench-%lu", i);
		caches[i] = must(kmem_cache_create(
			name, (unsigned int)random_between(&r, 16, 512), 0,
			SLAB_NO_MERGE, NULL));
	}
	result("create_ns", (double)(now_ns() - start) / (double)nr);
	start = now_ns();
	for (i = 0; i < n; i++) {
		size_t slot = i % CACHE_RING;

		if (objects[slot])
			kmem_cache_free(caches[of[slot]], objects[slot]);
		of[slot] = (unsigned int)random_below(&r, nr);
		objects[slot] =
			must(kmem_cache_alloc(caches[of[slot]], GFP_KERNEL));
		*(volatile char *)objects[slot] = 1;
	}
	result("ns", (double)(now_ns() - start) / (double)n);
	result("rss_kib", (double)own_rss_kib());
}

/* The same with malloc(), which only has as many sizes. */
static void run_many_malloc(void)
{
	unsigned long nr = param("caches"), n = param("n"), i;
	unsigned short *sizes = map_array(nr, sizeof(*sizes));
	struct random r = random_from(nr);
	uint64_t start;

	for (i = 0; i < nr; i++)
		sizes[i] = (unsigned short)random_between(&r, 16, 512);
	start = now_ns();
	for (i = 0; i < n; i++) {
		size_t slot = i % CACHE_RING;

		free(objects[slot]);
		objects[slot] = must(malloc(sizes[random_below(&r, nr)]));
		*(volatile char *)objects[slot] = 1;
	}
	result("ns", (double)(now_ns() - start) / (double)n);
	result("rss_kib", (double)own_rss_kib());
}

static void churn_thread(unsigned long number)
{
	unsigned long n = param("n") / param("threads"), i;
	void **slots = map_array(CACHE_RING, sizeof(*slots));
	struct random r = random_from(number);

	for (i = 0; i < n; i++) {
		size_t slot = random_below(&r, CACHE_RING);

		kfree(slots[slot]);
		slots[slot] =
			must(i % 2 ? kmalloc(random_mixed(&r, 12), GFP_KERNEL) :
				     cache_alloc());
		*(volatile char *)slots[slot] = 1;
	}
	for (i = 0; i < CACHE_RING; i++)
		kfree(slots[i]);
}

static void run_churn(void)
{
	uint64_t start;

	create_cache();
	start = now_ns();
	run_threads(param("threads"), churn_thread);
	result("ns", (double)(now_ns() - start) / (double)param("n"));
	result("rss_kib", (double)own_rss_kib());
}

#define OBJECT_DEFAULTS "n=200000 size=192"

static const struct pattern patterns[] = {
	{ "cache", OBJECT_DEFAULTS, run_cache },
	{ "bulk", OBJECT_DEFAULTS, run_bulk },
	{ "kmalloc", OBJECT_DEFAULTS, run_kmalloc },
	{ "kmalloc_const", OBJECT_DEFAULTS, run_kmalloc_const },
	{ "malloc", OBJECT_DEFAULTS, run_malloc },
	{ "freelist", OBJECT_DEFAULTS, run_freelist },
	{ "gslice", OBJECT_DEFAULTS, run_gslice },
	{ "apr", OBJECT_DEFAULTS, run_apr },
	{ "pages", "n=6400", run_pages },
	{ "page_malloc", "n=6400", run_page_malloc },
	{ "caches", "caches=100 n=500000", run_caches },
	{ "many_malloc", "caches=100 n=500000", run_many_malloc },
	{ "churn", "threads=2 n=1000000 size=192", run_churn },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, patterns, ARRAY_SIZE(patterns));
}
