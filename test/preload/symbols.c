// SPDX-License-Identifier: MIT
/*
 * Every name of the malloc family resolves into the preloaded library, and
 * blocks from each kind of call can be freed by each kind of free.
 *
 * A name that is missed would be served by libc, and two allocators would
 * meet in one free(). TEST_SHIM holds the library's path; without it the
 * names need only exist.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>

#include "preload.h"

typedef void *(*size_fn)(size_t);
typedef void *(*two_size_fn)(size_t, size_t);
typedef void *(*resize_fn)(void *, size_t);
typedef void (*free_fn)(void *);

static void *symbol(const char *name)
{
	void *address = dlsym(RTLD_DEFAULT, name);

	if (!address)
		fprintf(stderr, "%s: no such symbol\n", name);
	CHECK(address);
	return address;
}

static void symbols_resolve_into_shim(void)
{
	static const char *const names[] = {
		"malloc", "free", "calloc", "realloc", "reallocarray",
		"memalign", "aligned_alloc", "posix_memalign", "valloc",
		"pvalloc", "cfree", "free_sized", "free_aligned_sized",
		"malloc_usable_size", "malloc_trim", "mallinfo", "mallinfo2",
		"malloc_stats", "malloc_info", "mallopt",
		"__libc_malloc", "__libc_free", "__libc_calloc",
		"__libc_realloc", "__libc_memalign", "__libc_valloc",
		"__libc_pvalloc", "__libc_mallinfo", "__libc_mallopt",
	};
	const char *shim = getenv("TEST_SHIM");
	Dl_info info;
	size_t i;

	if (!shim)
		_exit(EXIT_SKIPPED);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK(dladdr(symbol(names[i]), &info));
		if (strcmp(info.dli_fname, shim))
			fprintf(stderr, "%s is %s's\n", names[i],
				info.dli_fname);
		CHECK(!strcmp(info.dli_fname, shim));
	}
}

static void symbols_mix_freely(void)
{
	static const char *const by_size[] = { "malloc", "valloc", "pvalloc",
		"__libc_malloc", "__libc_valloc", "__libc_pvalloc" };
	static const char *const by_two[] = { "calloc", "memalign",
		"aligned_alloc", "__libc_calloc", "__libc_memalign" };
	static const char *const frees[] = { "free", "cfree", "__libc_free" };
	void (*free_sized)(void *, size_t);
	void (*free_aligned)(void *, size_t, size_t);
	size_t i, j;
	char *p;

	if (!getenv("TEST_SHIM"))
		_exit(EXIT_SKIPPED);
	free_sized = (void (*)(void *, size_t))symbol("free_sized");
	free_aligned = (void (*)(void *, size_t, size_t))
		symbol("free_aligned_sized");
	for (i = 0; i < ARRAY_SIZE(frees); i++) {
		free_fn release = (free_fn)symbol(frees[i]);

		for (j = 0; j < ARRAY_SIZE(by_size); j++) {
			p = ((size_fn)symbol(by_size[j]))(100);
			CHECK(p);
			memset(p, 1, 100);
			release(p);
		}
		for (j = 0; j < ARRAY_SIZE(by_two); j++) {
			p = ((two_size_fn)symbol(by_two[j]))(64, 100);
			CHECK(p);
			memset(p, 1, 100);
			p = ((resize_fn)symbol("__libc_realloc"))(p, 10000);
			CHECK(p && p[99] == 1);
			release(p);
		}
		release(NULL);
	}
	/* A wrong size is the caller's mistake, and does no harm. */
	free_sized(malloc(100), 100);
	free_sized(malloc(100), 5000);
	free_sized(NULL, 0);
	free_aligned(memalign(256, 100), 256, 100);
	free_aligned(memalign(256, 100), 8, 1);
}

static const struct test tests[] = {
	{ "symbols_resolve_into_shim", symbols_resolve_into_shim },
	{ "symbols_mix_freely", symbols_mix_freely },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
