// SPDX-License-Identifier: MIT
/*
 * Tests of mm/page_reporting.c and of huge pages (mm/sparse.c, mm/vmalloc.c):
 * what goes back to the host and what stays. The reporter, which needs time, is
 * the subject of test/preload/idle.c; here it is switched off.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "cmdline.h"
#include "gate.h"
#include "host.h"
#include "internal.h"
#include "memcheck.h"
#include "unit.h"

#define NR_BLOCKS 128
#define ORDER 4

static struct zone *zone;
static void *blocks[NR_BLOCKS];

/* Every second block of 64 KiB is free, and was in use:
 *
 *	|xxxx|    |xxxx|    |xxxx|    | ...
 */
static void make_holes(void)
{
	zone = &zones[ZONE_NORMAL];
	for (int i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = (void *)__get_free_pages(GFP_KERNEL, ORDER);
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], 1, PAGE_SIZE << ORDER);
	}
	/* Nothing else is dirty. */
	kmm_trim();
	for (int i = 0; i < NR_BLOCKS; i += 2) {
		free_pages((unsigned long)blocks[i], ORDER);
		blocks[i] = NULL;
	}
	drain_all_pages();
}

static void free_blocks(void)
{
	for (int i = 0; i < NR_BLOCKS; i++)
		if (blocks[i])
			free_pages((unsigned long)blocks[i], ORDER);
	drain_all_pages();
	ck_assert_uint_eq(page_alloc_validate(), 0);
}

static size_t resident_blocks(void)
{
	char *first = blocks[1];

	return resident_bytes(first, (NR_BLOCKS - 1) * (PAGE_SIZE << ORDER));
}

/* A mapping as large as the holes makes them go; another one in its place, when
 * the process is no larger than before, lets new holes be. */
TEST_SCENARIO(room_for_mapping)
{
	const size_t holes = NR_BLOCKS / 2 * (PAGE_SIZE << ORDER);
	unsigned long reported, dirty;
	void *p;

	/* What cannot be had raises no level. */
	ck_assert_ptr_null(__vmalloc(1UL << 62, GFP_KERNEL | __GFP_NOWARN));
	make_holes();
	dirty = zone_dirty(zone);
	ck_assert_uint_ge(dirty << PAGE_SHIFT, holes);
	reported = zone->event[PGREPORT];
	p = vmalloc(holes);
	ck_assert_ptr_nonnull(p);
	/* Less what the highest level was above the present one. */
	ck_assert_uint_ge((zone->event[PGREPORT] - reported) << PAGE_SHIFT,
			  holes - holes / 8);
	ck_assert_uint_lt(zone_dirty(zone), dirty);
	for (int i = 1; i < NR_BLOCKS; i += 2)
		ck_assert_int_eq(*(char *)blocks[i], 1);
	ck_assert_uint_eq(page_alloc_validate(), 0);
	memset(p, 1, holes);
	vfree(p);

	for (int i = 0; i < NR_BLOCKS / 2; i += 2) {
		blocks[i] = (void *)__get_free_pages(GFP_KERNEL, ORDER);
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], 1, PAGE_SIZE << ORDER);
	}
	for (int i = 0; i < NR_BLOCKS / 2; i += 2) {
		free_pages((unsigned long)blocks[i], ORDER);
		blocks[i] = NULL;
	}
	reported = zone->event[PGREPORT];
	p = vmalloc(holes / 2);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(zone->event[PGREPORT], reported);
	vfree(p);
	free_blocks();
}

START_TEST(room_is_made_above_highest_level_only)
{
	test_scenario_passes("room_for_mapping", "page_shift=12 thp=never page_reporting=0");
}
END_TEST

#define NR_HALVES 32

/*
 *	|xxxx|    |	a block of which one half was given back
 *	|. . . . .|	and the other one is freed: half of it is resident
 *	|xxxxxxxxx|	and all of it when it is used again
 *
 * A freed mapping that is kept goes for that, and no earlier.
 */
TEST_SCENARIO(level_of_merged_blocks)
{
	struct page *halves[NR_HALVES];
	size_t half = PAGE_SIZE << (MAX_PAGE_ORDER - 1), kept;
	void *p = vmalloc(17UL << 20);
	int i;

	/* From here on mappings are kept, and no reporter lets them go. */
	atomic_store(&page_reporting_active, true);
	ck_assert_ptr_nonnull(p);
	vfree(p);
	for (i = 0; i < NR_HALVES; i++) {
		halves[i] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		ck_assert_ptr_nonnull(halves[i]);
		memset(page_address(halves[i]), 1, 2 * half);
		split_page(halves[i], MAX_PAGE_ORDER);
	}
	kmm_trim();
	for (i = 0; i < NR_HALVES; i++)
		free_pages_exact((char *)page_address(halves[i]) + half, half);
	kmm_trim();
	p = vmalloc(NR_HALVES / 2 * half);
	ck_assert_ptr_nonnull(p);
	memset(p, 1, NR_HALVES / 2 * half);
	vfree(p);
	kept = vmap_kept_bytes();
	ck_assert_uint_eq(kept, NR_HALVES / 2 * half);
	for (i = 0; i < NR_HALVES; i++)
		free_pages_exact(page_address(halves[i]), half);
	ck_assert_uint_eq(vmap_kept_bytes(), kept);
	/* Fewer than there are: the last may have a page on a per-CPU list. */
	for (i = 0; i < NR_HALVES - 4; i++) {
		halves[i] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		ck_assert_ptr_nonnull(halves[i]);
	}
	ck_assert_uint_lt(vmap_kept_bytes(), kept / 4);
	while (i-- > 0)
		__free_pages(halves[i], MAX_PAGE_ORDER);
	ck_assert_uint_eq(vmalloc_validate(), 0);
	gate_enter();
	vmalloc_shrink(SIZE_MAX);
	gate_exit();
}

START_TEST(level_is_kept_when_blocks_merge)
{
	/* Under a memory checker nothing is kept. */
	if (!memcheck_active())
		test_scenario_passes("level_of_merged_blocks",
				     "page_shift=12 thp=never page_reporting=1");
}
END_TEST

/* Reported blocks are not looked at again, whoever asks. */
TEST_SCENARIO(report_once)
{
	size_t holes = NR_BLOCKS / 2 * (PAGE_SIZE << ORDER), before;

	make_holes();
	before = resident_blocks();
	ck_assert_uint_ge(report_free_pages(ORDER, false, ULONG_MAX), holes);
	ck_assert_uint_eq(report_free_pages(0, false, ULONG_MAX), 0);
	ck_assert_uint_eq(zone->nr_zeroed, zone->nr_free);
	if (!memcheck_active())
		ck_assert_uint_le(resident_blocks(),
				  before - holes + (PAGE_SIZE << ORDER));
	free_blocks();
}

START_TEST(report_gives_each_block_once)
{
	test_scenario_passes("report_once", "page_shift=12 page_reporting=0");
}
END_TEST

START_TEST(report_stops_at_limit)
{
	unsigned long dirty;

	make_holes();
	dirty = zone_dirty(zone);
	report_free_pages(ORDER, false, 1);
	ck_assert_uint_lt(zone_dirty(zone), dirty);
	ck_assert_uint_gt(zone_dirty(zone), dirty / 2);
	free_blocks();
}
END_TEST

/* Huge pages -------------------------------------------------------------- */

/* The flags of the mapping that @addr lies in, "rd wr hg"; "" if unknown. */
static const char *mapping_flags(const void *addr)
{
	static char line[1024];
	unsigned long start, end;
	bool inside = false;
	FILE *file = fopen("/proc/self/smaps", "r");

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)addr &&
				 (unsigned long)addr < end;
		if (inside && !strncmp(line, "VmFlags:", 8)) {
			fclose(file);
			return line;
		}
	}
	fclose(file);
	return "";
}

static bool is_huge(const void *addr)
{
	return strstr(mapping_flags(addr), " hg") != NULL;
}

/* Nothing of it is about the size of pages. */
static bool host_knows_huge_pages(void)
{
	void *p = host_map(1 << 20);
	bool known = p && !host_advise_huge(p, 1 << 20, true);

	host_unmap(p, 1 << 20);
	return known;
}

TEST_SCENARIO(huge_memory)
{
	static void *big[64];
	unsigned int nr, nr_huge = 0;

	if (!host_knows_huge_pages())
		return;
	for (nr = 0; nr < 24; nr++) {
		big[nr] = (void *)__get_free_pages(GFP_KERNEL, 9);
		ck_assert_ptr_nonnull(big[nr]);
		nr_huge += is_huge(big[nr]);
		/* Never in what came first. */
		if (kmm_params.thp == THP_MADVISE &&
		    (unsigned long)big[nr] - memmap.base < kmm_params.thp_after)
			ck_assert(!is_huge(big[nr]));
	}
	/* With madvise it depends on what they cost. */
	if (kmm_params.thp == THP_NEVER)
		ck_assert_uint_eq(nr_huge, 0);
	if (kmm_params.thp == THP_ALWAYS)
		ck_assert_uint_gt(nr_huge, 20);
	while (nr)
		free_pages((unsigned long)big[--nr], 9);
	ck_assert_uint_eq(page_alloc_validate(), 0);
}

/* What of blocks is resident before the first bytes of each are written. A trial
 * touches small pages at the end of a step, if not the huge one. */
static size_t resident_when_fresh(unsigned int nr, size_t written)
{
	size_t resident = 0;
	char *p;

	while (nr--) {
		p = (char *)__get_free_pages(GFP_KERNEL, 10);
		ck_assert_ptr_nonnull(p);
		resident += resident_bytes(p, PAGE_SIZE << 10);
		memset(p, 1, written);
	}
	return resident;
}

TEST_SCENARIO(huge_unwritten)
{
	/* A process that is large by itself looks as if it wrote. */
	if (!host_knows_huge_pages() || host_peak_resident() > 24 << 20)
		return;
	ck_assert_uint_eq(resident_when_fresh(32, PAGE_SIZE), 0);
	ck_assert_uint_gt(resident_when_fresh(40, PAGE_SIZE << 10), 0);
}

START_TEST(huge_pages_are_for_who_writes)
{
	test_scenario_passes("huge_unwritten",
			     "page_shift=12 thp_after=64M page_reporting=0");
}
END_TEST

/* A huge page that was tried and does not pay is given back. */
TEST_SCENARIO(huge_trial)
{
	const size_t size = 4 * HUGE_PAGE_SIZE;
	char *p = host_map(size + HUGE_PAGE_SIZE), *first;
	size_t resident;
	bool pays;

	ck_assert_ptr_nonnull(p);
	first = (char *)ALIGN((unsigned long)p, HUGE_PAGE_SIZE);
	for (int i = 0; i < 32; i++) {
		pays = huge_advise(first, size);
		resident = resident_bytes(first, HUGE_PAGE_SIZE);
		ck_assert(pays ? resident > 0 : resident == 0);
		/* The small pages at the end stay: next time they are cheap,
		 * and the huge page does not pay. */
		ck_assert_int_eq(host_discard(first, HUGE_PAGE_SIZE), 0);
	}
	host_unmap(p, size + HUGE_PAGE_SIZE);
}

START_TEST(huge_trial_leaves_nothing_unless_it_pays)
{
	test_scenario_passes("huge_trial", "page_shift=12 thp=madvise");
}
END_TEST

START_TEST(huge_pages_follow_parameter)
{
	test_scenario_passes("huge_memory", "page_shift=12 thp=never");
	test_scenario_passes("huge_memory", "page_shift=12 thp_after=16M");
	test_scenario_passes("huge_memory", "page_shift=12 thp=always");
}
END_TEST

TEST_SCENARIO(huge_parts)
{
	if (!host_knows_huge_pages())
		return;
	/* Past what comes in small pages. */
	for (int i = 0; i < 4; i++)
		ck_assert_uint_ne(__get_free_pages(GFP_KERNEL, 9), 0);
	make_holes();
	ck_assert(is_huge(blocks[NR_BLOCKS - 1]));
	report_free_pages(ORDER, true, ULONG_MAX);
	ck_assert_uint_gt(zone_dirty(zone), 0);
	ck_assert_uint_ge(report_free_pages(ORDER, false, ULONG_MAX),
			  NR_BLOCKS / 4 * (PAGE_SIZE << ORDER));
	free_blocks();
}

START_TEST(report_may_keep_huge_pages_whole)
{
	test_scenario_passes("huge_parts", "page_shift=12 thp=always page_reporting=0");
}
END_TEST

/* Large blocks get huge pages once a process has freed many. */
TEST_SCENARIO(huge_vmalloc)
{
	const size_t size = 5 << 20;
	void *p;

	if (!host_knows_huge_pages())
		return;
	for (int i = 0; i < 5; i++) {
		p = vmalloc(size);
		ck_assert_ptr_nonnull(p);
		if (kmm_params.thp == THP_ALWAYS)
			ck_assert(is_huge(p));
		else if (i * size < 16 << 20)
			ck_assert(!is_huge(p));
		if (is_huge(p))
			ck_assert_uint_eq((unsigned long)p % (2 << 20), 0);
		memset(p, 1, size);
		vfree(p);
	}
	p = vmalloc(2 << 20);
	ck_assert(!is_huge(p));
	vfree(p);
	ck_assert_uint_eq(vmalloc_validate(), 0);
}

START_TEST(huge_vmalloc_after_many_frees)
{
	test_scenario_passes("huge_vmalloc", "page_shift=12");
	test_scenario_passes("huge_vmalloc", "page_shift=12 thp=always");
}
END_TEST

/* Whatever it finds that huge pages cost: the memory reads as zero, and is of one
 * kind. After a failure some regions go by untried. */
START_TEST(huge_trial_leaves_fresh_memory)
{
	const size_t size = 8 << 20;
	if (!host_knows_huge_pages() || kmm_params.thp != THP_MADVISE)
		return;
	for (int i = 0; i < 12; i++) {
		char *p = host_reserve(size, HUGE_PAGE_SIZE);
		bool huge;

		ck_assert_ptr_nonnull(p);
		ck_assert_int_eq(host_commit(p, size), 0);
		huge = huge_advise(p, size);
		ck_assert_int_eq(is_huge(p), huge);
		for (size_t off = 0; off < size; off += 512)
			ck_assert_int_eq(p[off], 0);
		host_unmap(p, size);
	}
}
END_TEST

Suite *suite_page_reporting(void)
{
	Suite *s = suite_create("page_reporting");
	TCase *tc = tcase_create("page_reporting");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, room_is_made_above_highest_level_only);
	tcase_add_test(tc, level_is_kept_when_blocks_merge);
	tcase_add_test(tc, report_gives_each_block_once);
	tcase_add_test(tc, report_stops_at_limit);
	tcase_add_test(tc, report_may_keep_huge_pages_whole);
	tcase_add_test(tc, huge_trial_leaves_nothing_unless_it_pays);
	tcase_add_test(tc, huge_pages_follow_parameter);
	tcase_add_test(tc, huge_pages_are_for_who_writes);
	tcase_add_test(tc, huge_vmalloc_after_many_frees);
	tcase_add_test(tc, huge_trial_leaves_fresh_memory);
	suite_add_tcase(s, tc);
	return s;
}
