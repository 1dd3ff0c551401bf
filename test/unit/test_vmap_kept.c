// SPDX-License-Identifier: MIT
/*
 * Tests of mm/vmap_kept.c: freed blocks that stay mapped for the next one; and
 * everything at random, beside a model, with blocks kept and without.
 */
#define _GNU_SOURCE
#include <string.h>

#include <kmm/kmm.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "cmdline.h"
#include "gate.h"
#include "host.h"
#include "internal.h"
#include "memcheck.h"
#include "unit.h"
#include "vmalloc_test.h"

static bool old_active;
static long old_reporting;

/* From here on blocks are kept; without a reporter, which would let them go. */
static void start_keeping(void)
{
	void *p;

	old_reporting = kmm_params.page_reporting;
	kmm_params.page_reporting = 1;
	old_active = atomic_exchange(&page_reporting_active, true);
	p = vmalloc(17 * MIB);
	ck_assert_ptr_nonnull(p);
	vfree(p);
}

static size_t kept_bytes(void)
{
	return vmalloc_bytes() - count_bytes();
}

static void stop_keeping(void)
{
	gate_enter();
	vmalloc_shrink(SIZE_MAX);
	gate_exit();
	ck_assert_uint_eq(kept_bytes(), 0);
	assert_valid();
	kmm_params.page_reporting = old_reporting;
	atomic_store(&page_reporting_active, old_active);
}

static unsigned char *filled_block(size_t size)
{
	unsigned char *p = vmalloc(size);

	ck_assert_ptr_nonnull(p);
	fill(p, 0, size, 77);
	return p;
}

/* One kept block of @size. */
static unsigned char *keep_block(size_t size)
{
	unsigned char *p = filled_block(size);

	vfree(p);
	ck_assert_uint_eq(kept_bytes(), size);
	ck_assert(!is_vmalloc_addr(p));
	assert_valid();
	return p;
}

START_TEST(kept_block_serves_same_size)
{
	unsigned long mapped;
	unsigned char *p, *q;

	if (memcheck_active())
		return;
	p = keep_block(6 * MIB);
	mapped = mapped_pages();
	q = vmalloc(6 * MIB - 10);
	ck_assert_ptr_eq(q, p);
	ck_assert_uint_eq(mapped_pages(), mapped);
	ck_assert_uint_eq(kept_bytes(), 0);
	check(q, 6 * MIB, 77);
	assert_valid();
	vfree(q);
}
END_TEST

/*	| kept                |	6 MiB
 *	| block | guard | rest  |	2 MiB, a page, what is left */
START_TEST(kept_block_is_split_for_smaller_one)
{
	unsigned char *p, *q, *r;

	if (memcheck_active())
		return;
	p = keep_block(6 * MIB);
	q = vmalloc(2 * MIB);
	ck_assert_ptr_eq(q, p);
	ck_assert_uint_eq(mapped_size(q), 2 * MIB);
	ck_assert_uint_eq(kept_bytes(), 4 * MIB - PAGE_SIZE);
	assert_valid();
	ck_assert_uint_eq(resident_bytes(q + 2 * MIB, PAGE_SIZE), 0);
	r = vmalloc(4 * MIB - PAGE_SIZE);
	ck_assert_ptr_eq(r, q + 2 * MIB + PAGE_SIZE);
	fill(q, 0, 2 * MIB, 1);
	fill(r, 0, 4 * MIB - PAGE_SIZE, 2);
	check(q, 2 * MIB, 1);
	vfree(r);
	vfree(q);
	assert_valid();
	/* Too little is left to be kept. */
	p = vmalloc(3 * MIB);
	ck_assert_ptr_eq(p, r);
	ck_assert_uint_eq(kept_bytes(), 2 * MIB);
	ck_assert(!page_is_mapped(p + 3 * MIB + PAGE_SIZE));
	vfree(p);
}
END_TEST

START_TEST(kept_block_grows_for_larger_one)
{
	unsigned char *p;

	/* The host aligns what grows to its own pages, not to larger ones. */
	if (memcheck_active() || PAGE_SHIFT != host.page_shift)
		return;
	keep_block(2 * MIB);
	p = vmalloc(7 * MIB);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(kept_bytes(), 0);
	ck_assert_uint_eq(mapped_size(p), 7 * MIB);
	check(p, 2 * MIB, 77);
	fill(p, 0, 7 * MIB, 3);
	check(p, 7 * MIB, 3);
	assert_valid();
	vfree(p);
}
END_TEST

/* The first @size bytes of a kept area of @whole, filled with 1. */
static unsigned char *block_before_kept(size_t whole, size_t size)
{
	unsigned char *kept = keep_block(whole), *p = vmalloc(size);

	ck_assert_ptr_eq(p, kept);
	fill(p, 0, size, 1);
	return p;
}

/*	| block | guard | kept              |	6 of 16 MiB
 *	| block         | guard | kept      |	8
 *	| block                          |	15, and too little to be kept
 *	| block                                     |	20: the host adds the rest */
START_TEST(kept_block_is_grown_into)
{
	unsigned long mapped;
	unsigned char *p, *q;

	/* The host aligns what grows to its own pages, not to larger ones. */
	if (memcheck_active() || PAGE_SHIFT != host.page_shift)
		return;
	p = block_before_kept(16 * MIB, 6 * MIB);
	mapped = mapped_pages();
	q = vrealloc(p, 8 * MIB, GFP_KERNEL);
	ck_assert_ptr_eq(q, p);
	ck_assert_uint_eq(mapped_size(q), 8 * MIB);
	ck_assert_uint_eq(kept_bytes(), 8 * MIB - PAGE_SIZE);
	ck_assert_uint_eq(mapped_pages(), mapped);
	assert_valid();
	/* Its pages came with it, but for the two guards; contents have not moved. */
	ck_assert_uint_ge(resident_bytes(q, 8 * MIB), 8 * MIB - 2 * PAGE_SIZE);
	ck_assert_uint_eq(resident_bytes(q + 8 * MIB, PAGE_SIZE), 0);
	check(q, 6 * MIB, 1);
	fill(q, 0, 8 * MIB, 2);
	q = vrealloc(q, 15 * MIB + MIB / 2, GFP_KERNEL);
	ck_assert_ptr_eq(q, p);
	ck_assert_uint_eq(kept_bytes(), 0);
	ck_assert_uint_eq(mapped_size(q), 15 * MIB + MIB / 2);
	assert_valid();
	q = vrealloc(q, 20 * MIB, GFP_KERNEL);
	ck_assert_ptr_nonnull(q);
	ck_assert_uint_eq(mapped_size(q), 20 * MIB);
	check(q, 8 * MIB, 2);
	fill(q, 0, 20 * MIB, 3);
	check(q, 20 * MIB, 3);
	assert_valid();
	vfree(q);
}
END_TEST

/* A kept area of 4 MiB behind a block of 2, which grows by 7. */
START_TEST(kept_block_is_grown_into_as_far_as_it_goes)
{
	unsigned char *q;

	if (memcheck_active() || PAGE_SHIFT != host.page_shift)
		return;
	q = vrealloc(block_before_kept(6 * MIB, 2 * MIB), 9 * MIB, GFP_KERNEL);
	ck_assert_ptr_nonnull(q);
	ck_assert_uint_eq(kept_bytes(), 0);
	ck_assert_uint_eq(mapped_size(q), 9 * MIB);
	ck_assert_uint_ge(resident_bytes(q, 9 * MIB), 6 * MIB - 2 * PAGE_SIZE);
	check(q, 2 * MIB, 1);
	fill(q, 0, 9 * MIB, 2);
	assert_valid();
	vfree(q);
}
END_TEST

/* What grows by zeros does not grow by what somebody has left. */
START_TEST(kept_block_is_not_grown_into_for_zeros)
{
	unsigned char *q;

	if (memcheck_active() || PAGE_SHIFT != host.page_shift)
		return;
	q = vrealloc(block_before_kept(16 * MIB, 6 * MIB), 8 * MIB,
		     GFP_KERNEL | __GFP_ZERO);
	ck_assert_ptr_nonnull(q);
	check(q, 6 * MIB, 1);
	ck_assert(all_zero(q, 6 * MIB, 8 * MIB));
	assert_valid();
	vfree(q);
}
END_TEST

/* The guard stays where it is: the block grows as one that has nothing behind it. A
 * part of what is kept goes, so that the process needs no more than before. */
START_TEST(kept_block_is_not_grown_into_if_the_host_refuses)
{
	unsigned char *q;

	if (memcheck_active() || PAGE_SHIFT != host.page_shift)
		return;
	q = block_before_kept(16 * MIB, 6 * MIB);
	host_fail_nth = host_map_calls + 1;
	q = vrealloc(q, 8 * MIB, GFP_KERNEL);
	host_fail_nth = 0;
	ck_assert_ptr_nonnull(q);
	ck_assert_uint_ge(kept_bytes(), 10 * MIB - PAGE_SIZE - 8 * MIB);
	check(q, 6 * MIB, 1);
	fill(q, 0, 8 * MIB, 2);
	assert_valid();
	vfree(q);
}
END_TEST

/* The smallest that is large enough. */
START_TEST(kept_blocks_best_fit_is_taken)
{
	static const size_t mib[] = { 2, 7, 4, 9 };
	unsigned char *p[ARRAY_SIZE(mib)], *q;
	size_t i;

	if (memcheck_active())
		return;
	for (i = 0; i < ARRAY_SIZE(mib); i++)
		p[i] = filled_block(mib[i] * MIB);
	for (i = 0; i < ARRAY_SIZE(mib); i++)
		vfree(p[i]);
	q = vmalloc(4 * MIB - PAGE_SIZE);
	ck_assert_ptr_eq(q, p[2]);
	vfree(q);
}
END_TEST

START_TEST(kept_block_is_never_cleared)
{
	unsigned char *p, *q;

	if (memcheck_active())
		return;
	p = keep_block(6 * MIB);
	q = vzalloc(6 * MIB);
	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_ne(q, p);
	ck_assert(all_zero(q, 0, 6 * MIB));
	ck_assert_uint_eq(resident_bytes(p, 6 * MIB), 6 * MIB);
	vfree(q);
}
END_TEST

/* What is hardly resident is not worth it, nor is a small block. */
START_TEST(kept_blocks_are_large_and_resident)
{
	unsigned char *p;

	if (memcheck_active())
		return;
	p = vmalloc(6 * MIB);
	ck_assert_ptr_nonnull(p);
	memset(p, 1, 4 * MIB);
	vfree(p);
	ck_assert_uint_eq(kept_bytes(), 0);
	p = filled_block(1 * MIB - PAGE_SIZE);
	vfree(p);
	ck_assert_uint_eq(kept_bytes(), 0);
}
END_TEST

START_TEST(kept_blocks_go_as_far_as_asked)
{
	unsigned char *p, *q;

	if (memcheck_active())
		return;
	p = filled_block(3 * MIB);
	q = filled_block(5 * MIB);
	vfree(p);
	vfree(q);
	gate_enter();
	/* All of the older one, and the end of the other. */
	ck_assert_uint_eq(vmalloc_shrink(4 * MIB), 4 * MIB);
	ck_assert_uint_eq(kept_bytes(), 4 * MIB);
	ck_assert(!page_is_mapped(p));
	ck_assert_uint_eq(resident_bytes(q, 4 * MIB), 4 * MIB);
	assert_valid();
	ck_assert_uint_eq(vmalloc_shrink(SIZE_MAX), 4 * MIB);
	ck_assert(!page_is_mapped(q));
	gate_exit();
}
END_TEST

START_TEST(kept_blocks_go_when_seen_twice)
{
	unsigned char *p, *q;

	if (memcheck_active())
		return;
	p = filled_block(3 * MIB);
	q = filled_block(5 * MIB);
	vfree(p);
	gate_enter();
	ck_assert_uint_eq(vmalloc_age(), 0);
	vfree(q);
	ck_assert_uint_eq(vmalloc_age(), 3 * MIB);
	ck_assert_uint_eq(kept_bytes(), 5 * MIB);
	ck_assert_uint_eq(vmalloc_age(), 5 * MIB);
	gate_exit();
	ck_assert(!page_is_mapped(p));
}
END_TEST

/* In another mapping or in pages: what is kept makes room for it. */
START_TEST(kept_blocks_make_room)
{
	unsigned char *p;
	size_t peak;

	if (memcheck_active())
		return;
	keep_block(20 * MIB);
	peak = vmalloc_bytes();
	p = vzalloc(30 * MIB);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_le(vmalloc_bytes(), max_t(size_t, peak, 30 * MIB));
	vfree(p);
}
END_TEST

START_TEST(kept_blocks_make_room_for_a_growing_one)
{
	unsigned char *p;

	if (memcheck_active())
		return;
	p = vzalloc(5 * MIB);
	ck_assert_ptr_nonnull(p);
	keep_block(20 * MIB);
	p = vrealloc(p, 24 * MIB, GFP_KERNEL);
	ck_assert_ptr_nonnull(p);
	/* Not both of them, whatever the highest level was before. */
	ck_assert_uint_lt(vmalloc_bytes(), 40 * MIB);
	assert_valid();
	vfree(p);
}
END_TEST

START_TEST(kept_blocks_are_few)
{
	unsigned char *p[40];
	size_t i;

	if (memcheck_active())
		return;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = filled_block(1 * MIB);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		vfree(p[i]);
	ck_assert_uint_eq(kept_bytes(), 32 * MIB);
	ck_assert(!page_is_mapped(p[0]));
}
END_TEST

/* Everything at random, beside a model ------------------------------------ */

#define NR_BLOCKS 48

struct block {
	unsigned char *p;
	size_t size;		/* as asked for */
	unsigned long tag;
	bool clean;		/* __GFP_ZERO in every call */
};

static struct block blocks[NR_BLOCKS];

static size_t random_size(void)
{
	unsigned long limit = test_random() % 16 ? 16 * PAGE_SIZE : 4 * MIB;

	return 1 + test_random() % limit;
}

static void random_alloc(struct block *b)
{
	bool zeroed = false;

	b->size = random_size();
	b->tag = test_random();
	b->clean = test_random() & 1;
	if (!b->clean && test_random() % 4 == 0) {
		gate_enter();
		b->p = vmalloc_aligned(b->size, PAGE_SIZE << test_random() % 9,
				       &zeroed);
		if (b->p)
			memcheck_alloc(b->p, b->size, zeroed);
		gate_exit();
	} else {
		b->p = __vmalloc(b->size,
				 GFP_KERNEL | (b->clean ? __GFP_ZERO : 0));
	}
	ck_assert_ptr_nonnull(b->p);
	if (b->clean)
		ck_assert(all_zero(b->p, 0, b->size));
	fill(b->p, 0, b->size, b->tag);
}

static void random_resize(struct block *b)
{
	size_t size = random_size();

	b->p = vrealloc(b->p, size, GFP_KERNEL | (b->clean ? __GFP_ZERO : 0));
	ck_assert_ptr_nonnull(b->p);
	check(b->p, b->size < size ? b->size : size, b->tag);
	if (b->clean && size > b->size)
		ck_assert(all_zero(b->p, b->size, size));
	fill(b->p, b->size, size, b->tag);
	b->size = size;
}

static void random_step(struct block *b)
{
	if (!b->p) {
		random_alloc(b);
	} else if (test_random() % 3) {
		check(b->p, b->size, b->tag);
		random_resize(b);
	} else {
		check(b->p, b->size, b->tag);
		vfree(b->p);
		ck_assert(!is_vmalloc_addr(b->p));
		b->p = NULL;
	}
}

START_TEST(vmalloc_random_operations_match_model)
{
	unsigned long base_areas = count_areas(), areas;
	size_t base_bytes = count_bytes(), bytes;
	int steps = memcheck_active() ? 200 : 1000;

	for (int step = 0; step < steps; step++) {
		random_step(&blocks[test_random() % NR_BLOCKS]);
		assert_valid();
		areas = bytes = 0;
		for (int i = 0; i < NR_BLOCKS; i++) {
			if (!blocks[i].p)
				continue;
			areas++;
			bytes += PAGE_ALIGN(blocks[i].size);
			ck_assert_uint_eq(mapped_size(blocks[i].p),
					  PAGE_ALIGN(blocks[i].size));
		}
		ck_assert_uint_eq(count_areas() - base_areas, areas);
		ck_assert_uint_eq(count_bytes() - base_bytes, bytes);
	}
	for (int i = 0; i < NR_BLOCKS; i++) {
		if (blocks[i].p)
			check(blocks[i].p, blocks[i].size, blocks[i].tag);
		vfree(blocks[i].p);
		blocks[i].p = NULL;
	}
	ck_assert_uint_eq(count_areas(), base_areas);
	ck_assert_uint_eq(count_bytes(), base_bytes);
	assert_valid();
}
END_TEST

/* Huge pages -------------------------------------------------------------- */

/* Blocks of 8 MiB, one after the other, filled or with one byte written. */
static void use_blocks(int nr, bool filled)
{
	unsigned char *p;

	while (nr--) {
		/* Cleared, so that it is no kept one. */
		p = vzalloc(8 * MIB);
		ck_assert_ptr_nonnull(p);
		if (filled)
			fill(p, 0, 8 * MIB, 5);
		else
			p[100] = 1;
		vfree(p);
	}
}

/* What is made of huge pages is aligned to them. */
static bool are_aligned(unsigned long align)
{
	void *p[4];
	bool all = true;
	int i;

	for (i = 0; i < 4; i++) {
		p[i] = vzalloc(5 * MIB);
		ck_assert_ptr_nonnull(p[i]);
		all = all && IS_ALIGNED((unsigned long)p[i], align);
	}
	while (i)
		vfree(p[--i]);
	return all;
}

/* Whether a huge page pays is tried by touching one. */
static size_t resident_untouched(void)
{
	unsigned char *p = vzalloc(8 * MIB);
	size_t resident;

	ck_assert_ptr_nonnull(p);
	resident = resident_bytes(p, 8 * MIB);
	vfree(p);
	return resident;
}

START_TEST(huge_pages_are_for_who_fills_blocks)
{
	long old_thp = kmm_params.thp;

	if (memcheck_active())
		return;
	kmm_params.thp = THP_MADVISE;
	use_blocks(10, false);
	ck_assert_uint_eq(resident_untouched(), 0);
	use_blocks(4, true);
	ck_assert(are_aligned(PAGE_SIZE << pageblock_order));
	/* However many were filled, those of a moment ago count. */
	use_blocks(20, true);
	use_blocks(8, false);
	ck_assert_uint_eq(resident_untouched(), 0);
	kmm_params.thp = old_thp;
	assert_valid();
}
END_TEST

Suite *suite_vmap_kept(void)
{
	Suite *suite = suite_create("vmap_kept");
	TCase *tc = tcase_create("kept");

	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_add_checked_fixture(tc, start_keeping, stop_keeping);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, kept_block_serves_same_size);
	tcase_add_test(tc, kept_block_is_split_for_smaller_one);
	tcase_add_test(tc, kept_block_grows_for_larger_one);
	tcase_add_test(tc, kept_block_is_grown_into);
	tcase_add_test(tc, kept_block_is_grown_into_as_far_as_it_goes);
	tcase_add_test(tc, kept_block_is_not_grown_into_for_zeros);
	tcase_add_test(tc, kept_block_is_not_grown_into_if_the_host_refuses);
	tcase_add_test(tc, kept_blocks_best_fit_is_taken);
	tcase_add_test(tc, kept_block_is_never_cleared);
	tcase_add_test(tc, kept_blocks_are_large_and_resident);
	tcase_add_test(tc, kept_blocks_go_as_far_as_asked);
	tcase_add_test(tc, kept_blocks_go_when_seen_twice);
	tcase_add_test(tc, kept_blocks_make_room);
	tcase_add_test(tc, kept_blocks_make_room_for_a_growing_one);
	tcase_add_test(tc, kept_blocks_are_few);
	tcase_add_test(tc, vmalloc_random_operations_match_model);
	suite_add_tcase(suite, tc);

	tc = tcase_create("huge");
	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, huge_pages_are_for_who_fills_blocks);
	suite_add_tcase(suite, tc);

	tc = tcase_create("random");
	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, vmalloc_random_operations_match_model);
	suite_add_tcase(suite, tc);
	return suite;
}
