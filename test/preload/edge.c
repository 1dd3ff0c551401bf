// SPDX-License-Identifier: MIT
/*
 * The edges of the malloc family: what each call returns, sets and leaves
 * alone when its arguments are odd.
 *
 * Source: ISO C17 7.22.3, C23 7.24.3; POSIX 2024, posix_memalign() and
 *         free(); the glibc manual, "Replacing malloc".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <sys/resource.h>

#include "preload.h"

#define MANY 64

/* The compiler must not see these values: it warns of them, rightly. */
static volatile size_t huge = (size_t)PTRDIFF_MAX + 1;
static volatile size_t zero, one = 1, two = 2, odd = 24, all_ones = SIZE_MAX;

static bool aligned(const void *p, size_t align)
{
	return ((uintptr_t)p & (align - 1)) == 0;
}

static bool all_bytes(const unsigned char *p, size_t size, int byte)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (p[i] != byte)
			return false;
	return true;
}

static void malloc_zero_is_unique(void)
{
	void *p[MANY];
	int i, j;

	for (i = 0; i < MANY; i++) {
		p[i] = malloc(0);
		CHECK(p[i] && (uintptr_t)p[i] > 4096);
		CHECK(aligned(p[i], 16));
		for (j = 0; j < i; j++)
			CHECK(p[i] != p[j]);
	}
	for (i = 0; i < MANY; i++)
		free(p[i]);
}

static void malloc_any_size_is_16_aligned(void)
{
	size_t size;

	for (size = 0; size < 70000; size += size < 9000 ? 1 : 997) {
		unsigned char *p = malloc(size);

		CHECK(p && aligned(p, 16));
		CHECK(malloc_usable_size(p) >= size);
		memset(p, 0xa5, malloc_usable_size(p));
		free(p);
	}
}

static void malloc_too_large_sets_enomem(void)
{
	const size_t sizes[] = { huge, huge - 1, SIZE_MAX, SIZE_MAX - 15,
				 SIZE_MAX - 4096, SIZE_MAX / 2 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		errno = 0;
		CHECK(!malloc(sizes[i]));
		CHECK(errno == ENOMEM);
		errno = 0;
		CHECK(!calloc(1, sizes[i]));
		CHECK(errno == ENOMEM);
	}
}

static void malloc_success_keeps_errno(void)
{
	size_t size;

	for (size = 1; size < (32u << 20); size = size * 3 + 1) {
		void *p;

		errno = 4711;
		p = malloc(size);
		CHECK(p && errno == 4711);
		free(p);
		CHECK(errno == 4711);
	}
}

static void calloc_overflow_sets_enomem(void)
{
	errno = 0;
	CHECK(!calloc(SIZE_MAX / two + 1, two));
	CHECK(errno == ENOMEM);
	errno = 0;
	CHECK(!calloc(all_ones, all_ones));
	CHECK(errno == ENOMEM);
}

/* Dirty blocks come back through calloc() of every path. */
static void calloc_recycled_is_zero(void)
{
	static const size_t sizes[] = { 1, 16, 24, 100, 1000, 4096, 8192, 8193,
					20000, 100000, 1 << 20, 5 << 20 };
	unsigned char *p[MANY];
	size_t i, j, nr;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		nr = sizes[i] > 500000 ? 4 : MANY;
		for (j = 0; j < nr; j++) {
			p[j] = malloc(sizes[i]);
			CHECK(p[j]);
			memset(p[j], 0xff, sizes[i]);
		}
		for (j = 0; j < nr; j++)
			free(p[j]);
		for (j = 0; j < nr; j++) {
			p[j] = calloc(1, sizes[i]);
			CHECK(p[j] && all_bytes(p[j], sizes[i], 0));
		}
		for (j = 0; j < nr; j++)
			free(p[j]);
	}
}

static void calloc_zero_is_freeable(void)
{
	void *p = calloc(0, 8), *q = calloc(8, 0);

	CHECK(p && q && p != q);
	free(p);
	free(q);
}

static void realloc_null_allocates(void)
{
	void *p = realloc(NULL, 100);

	CHECK(p && aligned(p, 16));
	free(p);
}

static void realloc_zero_frees(void)
{
	errno = 4711;
	CHECK(!realloc(malloc(100), 0));
	CHECK(errno == 4711);
	CHECK(!realloc(malloc(1 << 20), 0));
}

static void realloc_keeps_contents(void)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 100, 1000, 8192, 8193,
					100000, 1 << 20, 4 << 20,
					(4 << 20) + 1, 9 << 20, 30 << 20 };
	size_t i, j, k, kept;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			unsigned char *p = malloc(sizes[i]);

			kept = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
			CHECK(p);
			for (k = 0; k < sizes[i]; k += 61)
				p[k] = (unsigned char)(k / 61);
			p = realloc(p, sizes[j]);
			CHECK(p && aligned(p, 16));
			CHECK(malloc_usable_size(p) >= sizes[j]);
			for (k = 0; k < kept; k += 61)
				CHECK(p[k] == (unsigned char)(k / 61));
			p[sizes[j] - 1] = 1;
			free(p);
		}
	}
}

/* Of pages that were in use, beyond the largest order of the buddy system. */
static void realloc_of_reused_pages_keeps_contents(void)
{
	static unsigned char *used[64];
	size_t size = 5 << 20, i, k;
	unsigned char *p;

	for (i = 0; i < ARRAY_SIZE(used); i++) {
		used[i] = malloc(1 << 20);
		CHECK(used[i]);
		memset(used[i], 0x77, 1 << 20);
	}
	for (i = 0; i < ARRAY_SIZE(used); i++)
		free(used[i]);
	p = malloc(size);
	CHECK(p);
	for (k = 0; k < size; k += 61)
		p[k] = (unsigned char)(k / 61);
	for (i = size; i < 40 << 20; i += 3 << 20) {
		p = realloc(p, i);
		CHECK(p && malloc_usable_size(p) >= i);
		p[i - 1] = 1;
		for (k = 0; k < size; k += 61)
			CHECK(p[k] == (unsigned char)(k / 61));
	}
	p = realloc(p, size);
	for (k = 0; p && k < size; k += 61)
		CHECK(p[k] == (unsigned char)(k / 61));
	CHECK(p);
	free(p);
}

static void realloc_failure_keeps_block(void)
{
	static const size_t sizes[] = { 40, 20000, 6 << 20 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char *p = malloc(sizes[i]);

		CHECK(p);
		memset(p, 0x5a, sizes[i]);
		errno = 0;
		CHECK(!realloc(p, huge));
		CHECK(errno == ENOMEM);
		CHECK(all_bytes(p, sizes[i], 0x5a));
		errno = 0;
		CHECK(!realloc(p, huge - 4096));
		CHECK(errno == ENOMEM);
		CHECK(all_bytes(p, sizes[i], 0x5a));
		free(p);
	}
}

static void realloc_shrink_gives_memory_back(void)
{
	void *p = malloc(8192), *q;

	q = realloc(p, 4100);
	CHECK(q == p);
	q = realloc(q, 64);
	CHECK(q && malloc_usable_size(q) < 8192);
	free(q);
	p = malloc(64 << 20);
	CHECK(p);
	q = realloc(p, 6 << 20);
	CHECK(q && malloc_usable_size(q) < 16 << 20);
	q = realloc(q, 1000);
	CHECK(q && malloc_usable_size(q) < 1 << 20);
	free(q);
}

/* A buffer of @max bytes or a little less, by steps of some eighth. Each 512 bytes say
 * where they are. */
static char *grown_buffer(size_t max, size_t *size)
{
	size_t want = 4096, have = 0, i;
	char *p = NULL;

	for (; want <= max; want += want / 8 / 512 * 512) {
		p = realloc(p, want);
		CHECK(p);
		for (i = have; i < want; i += 512)
			memcpy(p + i, &i, sizeof(i));
		have = want;
	}
	for (i = 0; i < have; i += 512)
		CHECK(!memcmp(p + i, &i, sizeof(i)));
	*size = have;
	return p;
}

/* Not also what it was copied from. */
static void realloc_growing_buffer_leaves_little(void)
{
	size_t before = resident_bytes(), size, after;
	char *p = grown_buffer(24 << 20, &size);

	after = resident_bytes();
	if (after >= before + size + (2 << 20))
		fprintf(stderr, "%zu bytes of buffer took %zu\n", size,
			after - before);
	CHECK(after < before + size + (2 << 20));
	free(p);
}

static long minor_faults(void)
{
	struct rusage usage;

	CHECK(!getrusage(RUSAGE_SELF, &usage));
	return usage.ru_minflt;
}

/* Of one buffer after the other, later ones have the pages of the earlier. */
static void realloc_growing_buffers_reuse_pages(void)
{
	long faults = 0;
	size_t size;
	int i;

	for (i = 0; i < 6; i++) {
		if (i == 3)
			faults = minor_faults();
		free(grown_buffer(24 << 20, &size));
	}
	faults = minor_faults() - faults;
	if (faults >= (long)(size / 4096))
		fprintf(stderr, "3 buffers of %zu bytes: %ld page faults\n",
			size, faults);
	CHECK(faults < (long)(size / 4096));
}

/* 16 KiB and a header are five pages; of many of them less is lost. They are blocks
 * like any other. */
static void malloc_pages_and_a_header_share_pages(void)
{
	enum { SIZE = (16 << 10) + 16, NR = 300 };
	unsigned char *p[NR];
	int i;

	for (i = 0; i < NR; i++) {
		p[i] = i % 2 ? malloc(SIZE) : calloc(1, SIZE);
		CHECK(p[i] && aligned(p[i], 16) && malloc_usable_size(p[i]) >= SIZE);
		CHECK(i % 2 || all_bytes(p[i], SIZE, 0));
		memset(p[i], i, malloc_usable_size(p[i]));
	}
	CHECK(malloc_usable_size(p[NR - 1]) < 20 << 10);
	for (i = 0; i < NR; i++) {
		CHECK(all_bytes(p[i], SIZE, i & 255));
		p[i] = realloc(p[i], i % 3 ? 2 * SIZE : 100);
		CHECK(p[i] && all_bytes(p[i], i % 3 ? SIZE : 100, i & 255));
	}
	for (i = 0; i < NR; i++)
		free(p[i]);
}

static void reallocarray_overflow_sets_enomem(void)
{
	unsigned char *p = malloc(40);

	CHECK(p);
	memset(p, 7, 40);
	errno = 0;
	CHECK(!reallocarray(p, SIZE_MAX / two, 4));
	CHECK(errno == ENOMEM);
	CHECK(all_bytes(p, 40, 7));
	p = reallocarray(p, 20, 20);
	CHECK(p && all_bytes(p, 40, 7));
	free(p);
}

static void posix_memalign_bad_alignment_is_einval(void)
{
	static const size_t bad[] = { 0, 1, 2, 4, 3, 7, 12, 24, 48, 100, 4097,
				      SIZE_MAX, SIZE_MAX / 2 };
	void *untouched = &untouched, *p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		p = untouched;
		errno = 4711;
		CHECK(posix_memalign(&p, bad[i], 100) == EINVAL);
		CHECK(p == untouched);
		CHECK(errno == 4711);
	}
}

static void posix_memalign_too_large_is_enomem(void)
{
	void *untouched = &untouched, *p = untouched;

	errno = 4711;
	CHECK(posix_memalign(&p, 64, huge) == ENOMEM);
	CHECK(posix_memalign(&p, 4096, SIZE_MAX - 4095) == ENOMEM);
	CHECK(posix_memalign(&p, one << 62, 1) == ENOMEM);
	CHECK(posix_memalign(&p, huge, 1) == ENOMEM);
	CHECK(p == untouched && errno == 4711);
}

static void memalign_every_power_is_aligned(void)
{
	size_t align, size;
	unsigned char *p[4];
	int i;

	for (align = sizeof(void *); align <= 64u << 20; align *= 2) {
		for (size = 0; size <= 200000; size = size * 5 / 3 + 7) {
			if (align > 1u << 20 && size > 1000)
				break;
			for (i = 0; i < 4; i++) {
				CHECK(!posix_memalign((void **)&p[i], align,
						      size));
				CHECK(aligned(p[i], align));
				CHECK(aligned(p[i], 16));
				CHECK(malloc_usable_size(p[i]) >= size);
				memset(p[i], i, size);
			}
			for (i = 0; i < 4; i++) {
				CHECK(all_bytes(p[i], size, i));
				free(p[i]);
			}
		}
	}
}

/* One size, so much that it may get a cache of its own, of objects that are
 * aligned to 16 and no more. */
static void memalign_is_aligned_beside_much_of_a_size(void)
{
	static unsigned char *p[4000];
	size_t align, size;
	void *q[4];
	int i;

	for (i = 0; i < 4000; i++) {
		p[i] = malloc(1060);
		CHECK(p[i] && aligned(p[i], 16));
		CHECK(malloc_usable_size(p[i]) >= 1060);
		memset(p[i], i, 1060);
	}
	for (align = 32; align <= 1024; align *= 2)
		for (size = 1020; size <= 1160; size++) {
			/* One alone might be aligned by chance. */
			for (i = 0; i < 4; i++) {
				CHECK(!posix_memalign(&q[i], align, size));
				CHECK(aligned(q[i], align));
				CHECK(malloc_usable_size(q[i]) >= size);
			}
			while (i)
				free(q[--i]);
		}
	for (i = 0; i < 4000; i++) {
		CHECK(all_bytes(p[i], 1060, i % 256));
		free(p[i]);
	}
}

static void memalign_small_sizes_do_not_overlap(void)
{
	size_t align, size;

	for (align = 16; align <= 8192; align *= 2) {
		for (size = 1; size <= 8192; size += 1 + size / 7) {
			unsigned char *p = memalign(align, size);
			unsigned char *q = aligned_alloc(align, size);

			CHECK(p && q && aligned(p, align) && aligned(q, align));
			memset(p, 1, malloc_usable_size(p));
			memset(q, 2, malloc_usable_size(q));
			CHECK(all_bytes(p, malloc_usable_size(p), 1));
			free(p);
			free(q);
		}
	}
}

static void memalign_odd_alignment_rounds_up(void)
{
	void *p = memalign(odd, 10), *q = memalign(zero, 10);
	void *r = memalign(one, 10);

	CHECK(p && aligned(p, 32));
	CHECK(q && aligned(q, 16));
	CHECK(r && aligned(r, 16));
	free(p);
	free(q);
	free(r);
}

static void memalign_absurd_alignment_is_einval(void)
{
	errno = 0;
	CHECK(!memalign(all_ones, 10));
	CHECK(errno == EINVAL);
	errno = 0;
	CHECK(!aligned_alloc(all_ones, 10));
	CHECK(errno == EINVAL);
	errno = 0;
	CHECK(!memalign(one << 61, 10));
	CHECK(errno == ENOMEM);
	errno = 0;
	CHECK(!memalign(4096, huge));
	CHECK(errno == ENOMEM);
}

static void valloc_is_page_aligned(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = valloc(10), *q = pvalloc(10), *r = pvalloc(page + 1);
	void *s = pvalloc(0);

	CHECK(p && aligned(p, page));
	CHECK(q && aligned(q, page) && malloc_usable_size(q) >= page);
	CHECK(r && aligned(r, page) && malloc_usable_size(r) >= 2 * page);
	CHECK(s && aligned(s, page));
	free(p);
	free(q);
	free(r);
	free(s);
	errno = 0;
	CHECK(!pvalloc(SIZE_MAX - 10));
	CHECK(errno == ENOMEM);
}

static void usable_size_is_constant(void)
{
	static const size_t sizes[] = { 0, 1, 100, 5000, 8193, 300000, 6 << 20 };
	size_t i, usable;

	CHECK(malloc_usable_size(NULL) == 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char *p = malloc(sizes[i]), *q;

		CHECK(p);
		usable = malloc_usable_size(p);
		CHECK(usable >= sizes[i]);
		memset(p, 0x11, usable);
		CHECK(malloc_usable_size(p) == usable);
		q = realloc(p, usable);
		CHECK(q == p);
		CHECK(malloc_usable_size(q) == usable);
		free(q);
	}
}

static void free_keeps_errno(void)
{
	static const size_t sizes[] = { 8, 8192, 100000, 1 << 20, 50 << 20 };
	size_t i;
	void *p;

	errno = 4711;
	free(NULL);
	CHECK(errno == 4711);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = malloc(sizes[i]);
		CHECK(p);
		errno = 4711;
		free(p);
		CHECK(errno == 4711);
	}
}

/* Large blocks next to each other must not share a byte. */
static void large_blocks_do_not_overlap(void)
{
	unsigned char *p[MANY];
	size_t size[MANY];
	uint32_t seed = 12345;
	int i, round;

	memset(p, 0, sizeof(p));
	for (round = 0; round < 2000; round++) {
		i = (int)(next_random(&seed) % MANY);
		if (p[i]) {
			CHECK(p[i][0] == i && p[i][size[i] - 1] == i);
			CHECK(p[i][size[i] / 2] == i);
			free(p[i]);
		}
		size[i] = 1 + next_random(&seed) % (round % 50 ? 300000 : 8u << 20);
		p[i] = malloc(size[i]);
		CHECK(p[i]);
		p[i][0] = p[i][size[i] / 2] = p[i][size[i] - 1] =
			(unsigned char)i;
	}
	for (i = 0; i < MANY; i++)
		free(p[i]);
}

static void mallinfo2_counts_live_bytes(void)
{
	struct mallinfo2 before, after, freed;
	const size_t nr = 1000, size = 10000;
	void *p[1000], *big;
	size_t i;

	before = mallinfo2();
	for (i = 0; i < nr; i++) {
		p[i] = malloc(size);
		CHECK(p[i]);
	}
	big = malloc(64 << 20);
	CHECK(big);
	after = mallinfo2();
	CHECK(after.uordblks >= before.uordblks + nr * size);
	CHECK(after.uordblks <= before.uordblks + nr * size * 3 / 2);
	CHECK(after.arena == after.uordblks + after.fordblks);
	CHECK(after.hblks == before.hblks + 1);
	CHECK(after.hblkhd >= before.hblkhd + (64 << 20));
	for (i = 0; i < nr; i++)
		free(p[i]);
	free(big);
	freed = mallinfo2();
	CHECK(freed.uordblks < before.uordblks + nr * size / 4);
	CHECK(freed.hblks == before.hblks);
}

static void mallopt_accepts_known_names(void)
{
	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
	CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
	CHECK(mallopt(M_ARENA_MAX, 2) == 1);
}

static void malloc_info_bad_option_is_einval(void)
{
	errno = 0;
	CHECK(malloc_info(1, stdout) == -1);
	CHECK(errno == EINVAL);
}

/* 128 MiB of small blocks, freed: most of it leaves with malloc_trim(). */
static void malloc_trim_lowers_resident(void)
{
	const size_t nr = 500000;
	void **p = calloc(nr, sizeof(*p));
	size_t i, peak, left;

	CHECK(p);
	for (i = 0; i < nr; i++) {
		p[i] = malloc(256);
		CHECK(p[i]);
		memset(p[i], 1, 256);
	}
	peak = resident_bytes();
	for (i = 0; i < nr; i++)
		free(p[i]);
	free(p);
	malloc_trim(0);
	left = resident_bytes();
	CHECK(left < peak / 4);
}

static const struct test tests[] = {
	{ "malloc_zero_is_unique", malloc_zero_is_unique },
	{ "malloc_any_size_is_16_aligned", malloc_any_size_is_16_aligned },
	{ "malloc_too_large_sets_enomem", malloc_too_large_sets_enomem },
	{ "malloc_success_keeps_errno", malloc_success_keeps_errno },
	{ "calloc_overflow_sets_enomem", calloc_overflow_sets_enomem },
	{ "calloc_recycled_is_zero", calloc_recycled_is_zero },
	{ "calloc_zero_is_freeable", calloc_zero_is_freeable },
	{ "realloc_null_allocates", realloc_null_allocates },
	{ "realloc_zero_frees", realloc_zero_frees },
	{ "realloc_keeps_contents", realloc_keeps_contents },
	{ "realloc_of_reused_pages_keeps_contents",
	  realloc_of_reused_pages_keeps_contents },
	{ "realloc_failure_keeps_block", realloc_failure_keeps_block },
	{ "realloc_shrink_gives_memory_back", realloc_shrink_gives_memory_back },
	{ "realloc_growing_buffer_leaves_little",
	  realloc_growing_buffer_leaves_little },
	{ "realloc_growing_buffers_reuse_pages",
	  realloc_growing_buffers_reuse_pages },
	{ "malloc_pages_and_a_header_share_pages",
	  malloc_pages_and_a_header_share_pages },
	{ "reallocarray_overflow_sets_enomem",
	  reallocarray_overflow_sets_enomem },
	{ "posix_memalign_bad_alignment_is_einval",
	  posix_memalign_bad_alignment_is_einval },
	{ "posix_memalign_too_large_is_enomem",
	  posix_memalign_too_large_is_enomem },
	{ "memalign_every_power_is_aligned", memalign_every_power_is_aligned },
	{ "memalign_is_aligned_beside_much_of_a_size",
	  memalign_is_aligned_beside_much_of_a_size },
	{ "memalign_small_sizes_do_not_overlap",
	  memalign_small_sizes_do_not_overlap },
	{ "memalign_odd_alignment_rounds_up", memalign_odd_alignment_rounds_up },
	{ "memalign_absurd_alignment_is_einval",
	  memalign_absurd_alignment_is_einval },
	{ "valloc_is_page_aligned", valloc_is_page_aligned },
	{ "usable_size_is_constant", usable_size_is_constant },
	{ "free_keeps_errno", free_keeps_errno },
	{ "large_blocks_do_not_overlap", large_blocks_do_not_overlap },
	{ "mallinfo2_counts_live_bytes", mallinfo2_counts_live_bytes },
	{ "mallopt_accepts_known_names", mallopt_accepts_known_names },
	{ "malloc_info_bad_option_is_einval", malloc_info_bad_option_is_einval },
	{ "malloc_trim_lowers_resident", malloc_trim_lowers_resident },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
