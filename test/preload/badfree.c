// SPDX-License-Identifier: MIT
/*
 * Pointers that must not be freed. Each test prints the pointer it is about to
 * hand over and then does it; run.sh wants a report that names this pointer,
 * and SIGABRT, or with bad_free=warn the line "went on".
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <sys/mman.h>

#include "preload.h"

static char static_data[256];

/* To stderr and by write(2), so that it stands before the report. */
static void *announce(void *p)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "pointer %#lx\n",
			   (unsigned long)p);

	CHECK(write(2, line, (size_t)len) == len);
	return p;
}

static void badfree_stack(void)
{
	char local[64];
	char *volatile p = local;

	memset(p, 0, sizeof(local));
	free(announce(p));
}

static void badfree_static(void)
{
	char *volatile p = static_data + 16;

	free(announce(p));
}

static void badfree_code(void)
{
	free(announce((void *)(uintptr_t)badfree_code));
}

static void badfree_mmap(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	free(announce(p + 4096));
}

static void badfree_unmapped(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	CHECK(p != MAP_FAILED);
	munmap(p, 1 << 20);
	free(announce(p));
}

static void badfree_small_number(void)
{
	char *volatile p = (char *)(uintptr_t)0x1234;

	free(announce(p));
}

static void badfree_one(void)
{
	char *volatile p = (char *)(uintptr_t)1;

	free(announce(p));
}

/* The kernel's ZERO_SIZE_PTR, which malloc() never returns. */
static void badfree_sixteen(void)
{
	char *volatile p = (char *)(uintptr_t)16;

	free(announce(p));
}

static void badfree_non_canonical(void)
{
	char *volatile p = (char *)(uintptr_t)0xdeadbeefdeadbee0;

	free(announce(p));
}

static void badfree_interior(void)
{
	char *p = malloc(100);

	CHECK(p);
	free(announce(p + 16));
}

static void badfree_misaligned(void)
{
	char *p = malloc(48);

	CHECK(p);
	free(announce(p + 1));
}

static void badfree_interior_of_large(void)
{
	char *p = malloc(100000);

	CHECK(p);
	free(announce(p + 8192));
}

static void badfree_interior_of_huge(void)
{
	char *p = malloc(16 << 20);

	CHECK(p);
	free(announce(p + (1 << 20)));
}

static void badfree_twice(void)
{
	char *p = malloc(100);

	free(p);
	free(announce(p));
}

static void badfree_a_b_a(void)
{
	char *a = malloc(100), *b = malloc(100);

	free(a);
	free(b);
	free(announce(a));
}

/* The second free finds the sheaf full of other objects: the slab knows. */
static void badfree_twice_far_apart(void)
{
	enum { NR = 20000 };
	static char *p[NR];
	char *victim;
	int i;

	for (i = 0; i < NR; i++)
		p[i] = malloc(3000);
	victim = p[NR / 2];
	for (i = 0; i < NR; i++)
		free(p[i]);
	malloc_trim(0);
	free(announce(victim));
	malloc_trim(0);
}

static void badfree_large_twice(void)
{
	char *p = malloc(100000);

	free(p);
	free(announce(p));
}

static void badfree_huge_twice(void)
{
	char *p = malloc(16 << 20);

	free(p);
	free(announce(p));
}

static void badfree_realloc_stack(void)
{
	char local[64];
	char *volatile p = local;

	memset(p, 0, sizeof(local));
	p = realloc(announce(p), 100);
	CHECK(!p);
}

static void badfree_realloc_interior(void)
{
	char *p = malloc(100);

	CHECK(p);
	p = realloc(announce(p + 16), 1000);
	CHECK(!p);
}

static const struct test tests[] = {
	{ "badfree_stack", badfree_stack },
	{ "badfree_static", badfree_static },
	{ "badfree_code", badfree_code },
	{ "badfree_mmap", badfree_mmap },
	{ "badfree_unmapped", badfree_unmapped },
	{ "badfree_small_number", badfree_small_number },
	{ "badfree_one", badfree_one },
	{ "badfree_sixteen", badfree_sixteen },
	{ "badfree_non_canonical", badfree_non_canonical },
	{ "badfree_interior", badfree_interior },
	{ "badfree_misaligned", badfree_misaligned },
	{ "badfree_interior_of_large", badfree_interior_of_large },
	{ "badfree_interior_of_huge", badfree_interior_of_huge },
	{ "badfree_twice", badfree_twice },
	{ "badfree_a_b_a", badfree_a_b_a },
	{ "badfree_twice_far_apart", badfree_twice_far_apart },
	{ "badfree_large_twice", badfree_large_twice },
	{ "badfree_huge_twice", badfree_huge_twice },
	{ "badfree_realloc_stack", badfree_realloc_stack },
	{ "badfree_realloc_interior", badfree_realloc_interior },
};

int main(int argc, char **argv)
{
	int result = test_main(argc, argv, tests, ARRAY_SIZE(tests));

	/* After a report that was only a warning, the heap works as before. */
	if (!result && argc > 1 && strcmp(argv[1], "list")) {
		static char *p[1000];
		size_t i;

		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = malloc(100);
			CHECK(p[i]);
			*(size_t *)(void *)p[i] = i;
		}
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			CHECK(*(size_t *)(void *)p[i] == i);
			free(p[i]);
		}
		puts("went on");
	}
	return result;
}
