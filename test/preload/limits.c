// SPDX-License-Identifier: MIT
/*
 * Limits of the process: locked memory, address space.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "preload.h"

#define NOBODY 65534

/*
 * mlockall() counts address space, not what is touched: a heap that reserves
 * much has to be told. Done as an ordinary user, since root has no limit.
 */
static void lock_everything(void)
{
	struct rlimit limit = { 8 << 20, 8 << 20 };

	CHECK(!setrlimit(RLIMIT_MEMLOCK, &limit));
	if (!getuid() && (setgid(NOBODY) || setuid(NOBODY)))
		_exit(EXIT_SKIPPED);
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("mlockall");
		_exit(1);
	}
}

static void limits_mlockall_then_allocate(void)
{
	char *p[64];
	size_t i;

	free(malloc(100));
	lock_everything();
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = malloc(8000);
		CHECK(p[i]);
		memset(p[i], 1, 8000);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		free(p[i]);
}

/* MADV_DONTNEED fails on locked pages: they are not zero afterwards. */
static void limits_mlockall_calloc_is_zero(void)
{
	unsigned char *p;
	size_t i, round;

	lock_everything();
	for (round = 0; round < 20; round++) {
		p = malloc(200000);
		CHECK(p);
		memset(p, 0xff, 200000);
		free(p);
		malloc_trim(0);
		p = calloc(1, 200000);
		CHECK(p);
		for (i = 0; i < 200000; i++)
			CHECK(p[i] == 0);
		free(p);
	}
}

static void limits_mlockall_out_of_memory_is_enomem(void)
{
	static char *p[10000];
	size_t i, nr;

	lock_everything();
	for (nr = 0; nr < ARRAY_SIZE(p); nr++) {
		p[nr] = malloc(8000);
		if (!p[nr])
			break;
		memset(p[nr], 1, 8000);
	}
	CHECK(nr > 100 && nr < ARRAY_SIZE(p) && errno == ENOMEM);
	for (i = 0; i < nr; i++)
		free(p[i]);
	p[0] = malloc(8000);
	CHECK(p[0]);
	free(p[0]);
}

static void fill_address_space(size_t limit, size_t size)
{
	struct rlimit as = { limit, limit };
	char **list = NULL, **p;
	size_t nr = 0;

	CHECK(!setrlimit(RLIMIT_AS, &as));
	while ((p = malloc(size))) {
		*p = (char *)list;
		list = p;
		nr++;
		CHECK(nr * size < limit);
	}
	CHECK(errno == ENOMEM);
	if (nr * size < limit / 4)
		fprintf(stderr, "only %zu of %zu bytes\n", nr * size, limit);
	CHECK(nr * size >= limit / 4);
	while (list) {
		p = (char **)*list;
		free(list);
		list = p;
	}
	p = malloc(size);
	CHECK(p);
	free(p);
}

static void limits_as_full_of_small_blocks_is_enomem(void)
{
	fill_address_space(128 << 20, 200);
}

static void limits_as_full_of_large_blocks_is_enomem(void)
{
	fill_address_space(128 << 20, 100000);
}

/* Whether running out is worth a word, the program knows best. */
static void limits_out_of_memory_is_silent(void)
{
	static const size_t sizes[] = { 1000, 100000, 16, 5 << 20, 8192 };
	struct rlimit as = { 60000 << 10, 60000 << 10 };
	int messages = memfd_create("messages", 0), saved = dup(2);
	size_t i;
	void *p;

	CHECK(messages >= 0 && saved >= 0 && dup2(messages, 2) == 2);
	CHECK(!setrlimit(RLIMIT_AS, &as));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		while ((p = malloc(sizes[i])))
			CHECK(calloc(1, 1) || errno == ENOMEM);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		CHECK(!malloc(sizes[i]) && errno == ENOMEM);
		CHECK(!memalign(1 << 16, sizes[i]) && errno == ENOMEM);
	}
	CHECK(dup2(saved, 2) == 2);
	CHECK(!lseek(messages, 0, SEEK_END));
}

static const struct test tests[] = {
	{ "limits_mlockall_then_allocate", limits_mlockall_then_allocate },
	{ "limits_mlockall_calloc_is_zero", limits_mlockall_calloc_is_zero },
	{ "limits_mlockall_out_of_memory_is_enomem",
	  limits_mlockall_out_of_memory_is_enomem },
	{ "limits_as_full_of_small_blocks_is_enomem",
	  limits_as_full_of_small_blocks_is_enomem },
	{ "limits_as_full_of_large_blocks_is_enomem",
	  limits_as_full_of_large_blocks_is_enomem },
	{ "limits_out_of_memory_is_silent", limits_out_of_memory_is_silent },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
