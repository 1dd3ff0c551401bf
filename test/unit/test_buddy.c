// SPDX-License-Identifier: MIT
/*
 * Tests of mm/buddy.c: free lists, split and merge, fallback
 * between migratetypes, and the walker that checks invariants B1 to B6.
 *
 * The fixture takes one block of the largest order for itself and hides all
 * other free memory, so that a test decides which pages of the zone are free.
 * Layouts are compared as drawings, one character per page:
 *
 *	x	ours (allocated)
 *	2---	a free block of order 2; A is order 10
 *
 * Since free buddies always merge, which pages are free determines how they
 * are cut into blocks: the drawing is a function of the set, whatever came
 * before. draw_model() computes it from the set alone.
 */
#include <string.h>

#include <linux/gfp.h>
#include <linux/mm.h>

#include "page_list.h"
#include "memcheck.h"
#include "unit.h"

#define NR_PAGES MAX_ORDER_NR_PAGES

static struct zone *zone;
static struct page *block;		/* its first page; aligned by number */
static bool ours[NR_PAGES];
static struct page_list hidden;
static unsigned long nr_hidden;		/* pages */

static unsigned int list_length(unsigned int order, int type)
{
	const struct page_list *list = &zone->free_area[order].free_list[type];
	const struct page *page;
	unsigned int nr = 0;

	page_list_for_each(page, list)
		nr++;
	return nr;
}

/* Violated invariants; the walker says so exactly if there are any. */
static unsigned int violations(void)
{
	unsigned int bad;

	test_capture_begin(2);
	bad = page_alloc_validate();
	ck_assert_int_eq(strstr(test_capture_end(), "BUG page_alloc: ") != NULL,
			 bad != 0);
	return bad;
}

/* Make pages [off, off + 2^order) free; they may merge with others. */
static void give(unsigned long off, unsigned int order)
{
	struct page *page = block + off;
	struct page_list list = { 0 };

	for (unsigned long i = off; i < off + (1UL << order); i++) {
		ck_assert(ours[i]);
		ours[i] = false;
	}
	page->flags = 0;
	set_page_zone(page, zone->index);
	page->nr_zeroed = 0;
	page->order = (u8)order;
	page_list_add(&list, page);
	free_pcppages_bulk(zone, &list, 1u << order);
}

/* Allocate from what is free; the offset, or -1. */
static long take(unsigned int order, int type)
{
	struct page_list list = { 0 };
	struct page *page;
	long off;

	if (!rmqueue_bulk(zone, order, 1, &list, type, true))
		return -1;
	page = page_list_pop(&list);
	ClearPagePcp(page);
	off = page - block;
	ck_assert_int_ge(off, 0);
	ck_assert_int_lt(off, (long)NR_PAGES);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		ck_assert(!ours[(unsigned long)off + i]);
		ours[(unsigned long)off + i] = true;
	}
	return off;
}

static char order_char(unsigned int order)
{
	return order < 10 ? (char)('0' + order) : 'A';
}

/* Pages [0, @nr) as the struct pages say. */
static const char *draw(unsigned long nr)
{
	static char text[NR_PAGES + 1];

	memset(text, 'x', nr);
	text[nr] = '\0';
	for (unsigned long i = 0; i < nr; i++) {
		if (!PageBuddy(block + i))
			continue;
		memset(text + i, '-', min_t(unsigned long, nr - i,
					    1UL << block[i].order));
		text[i] = order_char(block[i].order);
	}
	return text;
}

/* Are all of these pages ours, or all of them free? */
static bool run_is(bool owned, unsigned long off, unsigned int order)
{
	for (unsigned long i = off; i < off + (1UL << order); i++)
		if (ours[i] != owned)
			return false;
	return true;
}

/* The same as ours[] demands: the largest aligned runs. */
static const char *draw_model(unsigned long nr)
{
	static char text[NR_PAGES + 1];
	unsigned long i = 0;
	unsigned int order;

	memset(text, 'x', nr);
	text[nr] = '\0';
	while (i < nr) {
		if (ours[i]) {
			i++;
			continue;
		}
		for (order = MAX_PAGE_ORDER; i & ((1UL << order) - 1) ||
					     !run_is(false, i, order);)
			order--;
		memset(text + i, '-', min_t(unsigned long, nr - i,
					    1UL << order));
		text[i] = order_char(order);
		i += 1UL << order;
	}
	return text;
}

static void assert_drawing(const char *expected)
{
	ck_assert_str_eq(draw(strlen(expected)), expected);
	ck_assert_str_eq(draw_model(strlen(expected)), expected);
	ck_assert_uint_eq(violations(), 0);
}

/* The type of pageblock number @nr of the block, all of which is ours. */
static void set_type(unsigned long nr, int type)
{
	block[nr << pageblock_order].pageblock = (u8)(type ^ MIGRATE_MOVABLE);
}

static int type_of(unsigned long nr)
{
	return (int)pageblock_type(block + (nr << pageblock_order));
}

static void take_all_back(void)
{
	while (take(0, MIGRATE_UNMOVABLE) >= 0)
		;
}

static void buddy_setup(void)
{
	drain_all_pages();
	block = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	ck_assert_ptr_nonnull(block);
	atomic_store(&block->_refcount, 0);
	zone = page_zone(block);
	nr_hidden = zone->nr_free;
	for (int type = 0; type < MIGRATE_PCPTYPES; type++)
		for (unsigned int k = 0; k < NR_PAGE_ORDERS; k++)
			rmqueue_bulk(zone, k, list_length(k, type), &hidden,
				     type, true);
	ck_assert_uint_eq(zone->nr_free, 0);
	for (unsigned long i = 0; i < NR_PAGES >> pageblock_order; i++)
		set_type(i, MIGRATE_UNMOVABLE);
	memset(ours, true, sizeof(ours));
}

static void buddy_teardown(void)
{
	take_all_back();
	ck_assert_uint_eq(zone->nr_free, 0);
	for (unsigned long i = 0; i < NR_PAGES >> pageblock_order; i++)
		set_type(i, MIGRATE_MOVABLE);
	block->flags = 0;
	set_page_zone(block, zone->index);
	free_frozen_pages(block, MAX_PAGE_ORDER);
	free_pcppages_bulk(zone, &hidden, (unsigned int)nr_hidden);
	ck_assert_uint_eq(zone->nr_free, nr_hidden + NR_PAGES);
	ck_assert_uint_eq(violations(), 0);
}

/* Split and merge --------------------------------------------------------- */

START_TEST(buddy_split_files_upper_halves)
{
	give(0, 3);
	assert_drawing("3-------xxxxxxxx");
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
	assert_drawing("x01-2---xxxxxxxx");
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 1);
	assert_drawing("xx1-2---xxxxxxxx");
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 2);
	assert_drawing("xxx02---xxxxxxxx");
	ck_assert_int_eq(take(2, MIGRATE_UNMOVABLE), 4);
	assert_drawing("xxx0xxxxxxxxxxxx");
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), -1);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 3);
	assert_drawing("xxxxxxxxxxxxxxxx");
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), -1);
}
END_TEST

START_TEST(buddy_free_merges_as_far_as_it_goes)
{
	give(1, 0);
	assert_drawing("x0xxxxxxxxxxxxxx");
	give(2, 1);
	assert_drawing("x01-xxxxxxxxxxxx");
	give(4, 2);
	assert_drawing("x01-2---xxxxxxxx");
	give(0, 0);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

/* Neighbours, but not buddies: 1 and 2 differ in two bits. */
START_TEST(buddy_free_neighbours_stay_apart)
{
	give(1, 0);
	give(2, 0);
	assert_drawing("x00xxxxxxxxxxxxx");
	give(6, 1);
	give(4, 0);
	assert_drawing("x00x0x1-xxxxxxxx");
	give(3, 0);
	assert_drawing("x01-0x1-xxxxxxxx");
}
END_TEST

/* buddy = pfn ^ (1 << order), for all blocks of each order. */
START_TEST(buddy_number_differs_in_one_bit)
{
	unsigned int order = (unsigned int)_i;
	unsigned long nr = 1UL << order;

	for (unsigned long off = 0; off < min_t(unsigned long, NR_PAGES,
						32 * nr); off += nr) {
		unsigned long buddy = off ^ nr, merged = off & ~nr;

		give(off, order);
		ck_assert_uint_eq(zone->free_area[order].nr_free, 1);
		give(buddy, order);
		ck_assert_uint_eq(zone->free_area[order].nr_free, 0);
		ck_assert_uint_eq(zone->free_area[order + 1].nr_free, 1);
		ck_assert(PageBuddy(block + merged));
		ck_assert_uint_eq(block[merged].order, order + 1);
		ck_assert_uint_eq(violations(), 0);
		ck_assert_int_eq(take(order + 1, MIGRATE_UNMOVABLE),
				 (long)merged);
	}
}
END_TEST

START_TEST(buddy_whole_block_splits_and_merges)
{
	unsigned int order = (unsigned int)_i;

	give(0, MAX_PAGE_ORDER);
	assert_drawing("A---------------");
	ck_assert_int_eq(take(order, MIGRATE_UNMOVABLE), 0);
	for (unsigned int k = 0; k < NR_PAGE_ORDERS; k++)
		ck_assert_uint_eq(zone->free_area[k].nr_free,
				  k >= order && k < MAX_PAGE_ORDER);
	ck_assert_uint_eq(zone->nr_free, NR_PAGES - (1UL << order));
	ck_assert_uint_eq(violations(), 0);
	give(0, order);
	ck_assert_uint_eq(zone->free_area[MAX_PAGE_ORDER].nr_free, 1);
	ck_assert_uint_eq(zone->nr_free, NR_PAGES);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

START_TEST(buddy_smallest_sufficient_block_is_cut)
{
	give(0, 3);
	give(9, 0);
	give(12, 2);
	assert_drawing("3-------x0xx2---");
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), 12);
	assert_drawing("3-------x0xxxx1-");
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 9);
	assert_drawing("3-------xxxxxx1-");
}
END_TEST

START_TEST(buddy_last_freed_is_first_taken)
{
	give(0, 0);
	give(4, 0);
	give(8, 0);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 8);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 4);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
}
END_TEST

/*
 *	0x1-xxxx0xxxxxxx	page 0 was freed last; but once page 1 is free as
 *				well, four pages merge, so it is kept till then
 */
START_TEST(buddy_merge_likely_is_taken_last)
{
	give(2, 1);
	give(8, 0);
	give(0, 0);
	assert_drawing("0x1-xxxx0xxxxxxx");
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 8);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
}
END_TEST

START_TEST(buddy_events_count_splits_and_merges)
{
	unsigned long before[NR_ZONE_EVENTS];

	give(0, 3);
	memcpy(before, zone->event, sizeof(before));
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
	ck_assert_uint_eq(zone->event[PGALLOC] - before[PGALLOC], 1);
	ck_assert_uint_eq(zone->event[PGSPLIT] - before[PGSPLIT], 3);
	give(0, 0);
	ck_assert_uint_eq(zone->event[PGFREE] - before[PGFREE], 1);
	ck_assert_uint_eq(zone->event[PGMERGE] - before[PGMERGE], 3);
	ck_assert_uint_eq(zone->event[PGSTEAL] - before[PGSTEAL], 0);
}
END_TEST

/* All 256 sets of 8 pages, freed upwards, downwards and in a random order. */
START_TEST(buddy_every_set_of_eight_is_cut_canonically)
{
	for (unsigned int set = 0; set < 256; set++) {
		unsigned int flip = _i == 0 ? 0 : _i == 1 ? 7 :
				    (unsigned int)test_random() % 8;

		for (unsigned int i = 0; i < 8; i++)
			if (set & 1u << (i ^ flip))
				give(i ^ flip, 0);
		ck_assert_str_eq(draw(8), draw_model(8));
		ck_assert_uint_eq(violations(), 0);
		take_all_back();
	}
}
END_TEST

/* Random orders and types; whether there is a block at all, too, follows from
 * the drawing. */
static void random_step(void)
{
	/* What is larger than a pageblock has one type in all of them, which
	 * a run that is ours by chance need not have. */
	unsigned int order = (unsigned int)test_random() % (pageblock_order + 1);
	unsigned long off = (test_random() % NR_PAGES) & ~((1UL << order) - 1);
	const char *model = draw_model(NR_PAGES);
	bool expected = false;

	if (test_random() % 2) {
		while (order && !run_is(true, off, order))
			order--;
		if (ours[off])
			give(off, order);
		return;
	}
	for (unsigned int k = order; k < NR_PAGE_ORDERS; k++)
		expected = expected || strchr(model, order_char(k));
	ck_assert_int_eq(take(order, (int)(test_random() % MIGRATE_PCPTYPES)) >=
			 0, expected);
}

START_TEST(buddy_random_steps_keep_every_invariant)
{
	for (int step = 0; step < test_rounds(4000); step++) {
		random_step();
		ck_assert_str_eq(draw(NR_PAGES), draw_model(NR_PAGES));
		ck_assert_uint_eq(violations(), 0);
	}
}
END_TEST

/* Migratetypes ------------------------------------------------------------ */

/* Every request finds the memory of every type; none but its own is touched
 * while it has any. */
START_TEST(fallback_any_type_serves_any_request)
{
	int wanted = _i / MIGRATE_PCPTYPES, there = _i % MIGRATE_PCPTYPES;
	unsigned long steals = zone->event[PGSTEAL];

	set_type(0, there);
	give(0, 0);
	ck_assert_uint_eq(list_length(0, there), 1);
	ck_assert_int_eq(take(0, wanted), 0);
	ck_assert_uint_eq(zone->event[PGSTEAL] - steals, wanted != there);
}
END_TEST

START_TEST(fallback_own_type_is_split_first)
{
	set_type(1, MIGRATE_MOVABLE);
	give(0, 4);
	give(pageblock_nr_pages, 0);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
	assert_drawing("x01-2---3-------");
	ck_assert_int_eq(take(0, MIGRATE_MOVABLE), (long)pageblock_nr_pages);
}
END_TEST

START_TEST(fallback_whole_pageblock_changes_over)
{
	unsigned long steals = zone->event[PGSTEAL_BLOCK];

	set_type(0, MIGRATE_MOVABLE);
	give(0, pageblock_order);
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
	ck_assert_int_eq(type_of(0), MIGRATE_UNMOVABLE);
	ck_assert_uint_eq(zone->event[PGSTEAL_BLOCK] - steals, 1);
	for (unsigned int k = 0; k < pageblock_order; k++)
		ck_assert_uint_eq(list_length(k, MIGRATE_UNMOVABLE), 1);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

START_TEST(fallback_largest_block_changes_all_its_pageblocks)
{
	for (unsigned long i = 0; i < NR_PAGES >> pageblock_order; i++)
		set_type(i, MIGRATE_MOVABLE);
	give(0, MAX_PAGE_ORDER);
	ck_assert_int_eq(take(0, MIGRATE_RECLAIMABLE), 0);
	for (unsigned long i = 0; i < NR_PAGES >> pageblock_order; i++)
		ck_assert_int_eq(type_of(i), MIGRATE_RECLAIMABLE);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

/*	|<------- one pageblock ------->|
 *	|  free half    | ours        |0|	half is free: all of it moves */
START_TEST(fallback_unmovable_claims_half_free_pageblock)
{
	set_type(0, MIGRATE_MOVABLE);
	give(0, pageblock_order - 1);
	give(pageblock_nr_pages - 1, 0);
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), 0);
	ck_assert_int_eq(type_of(0), MIGRATE_UNMOVABLE);
	ck_assert_uint_eq(list_length(0, MIGRATE_UNMOVABLE), 1);
	ck_assert_uint_eq(list_length(0, MIGRATE_MOVABLE), 0);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

START_TEST(fallback_unmovable_borrows_from_used_pageblock)
{
	unsigned long steals = zone->event[PGSTEAL_BLOCK];

	set_type(0, MIGRATE_MOVABLE);
	give(0, pageblock_order - 2);
	give(pageblock_nr_pages - 1, 0);
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), 0);
	ck_assert_int_eq(type_of(0), MIGRATE_MOVABLE);
	ck_assert_uint_eq(list_length(0, MIGRATE_MOVABLE), 1);
	ck_assert_uint_eq(list_length(1, MIGRATE_MOVABLE), 1);
	ck_assert_uint_eq(zone->event[PGSTEAL_BLOCK] - steals, 0);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

/* Even from a pageblock that is mostly free, where only small blocks are
 * left: here every second page. */
START_TEST(fallback_movable_takes_little_and_leaves_type)
{
	for (unsigned long i = 0; i < pageblock_nr_pages; i += 2)
		give(i, 0);
	ck_assert_int_ge(take(0, MIGRATE_MOVABLE), 0);
	ck_assert_int_eq(type_of(0), MIGRATE_UNMOVABLE);
	ck_assert_uint_eq(list_length(0, MIGRATE_MOVABLE), 0);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

/* Size goes before the preference among types, which decides between equals.
 * Of used blocks the smallest is taken, ... */
START_TEST(fallback_used_takes_smallest_then_preferred)
{
	set_type(0, MIGRATE_MOVABLE);
	set_type(1, MIGRATE_RECLAIMABLE);
	give(0, 2);
	give(8, 1);
	give(pageblock_nr_pages, 2);
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), 8);
	ck_assert_int_eq(take(2, MIGRATE_UNMOVABLE), (long)pageblock_nr_pages);
	ck_assert_int_eq(take(2, MIGRATE_UNMOVABLE), 0);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

/* ... of fresh ones the largest, and used ones before all of these. */
START_TEST(fallback_fresh_takes_largest_after_used)
{
	set_type(0, MIGRATE_RECLAIMABLE);
	set_type(1, MIGRATE_MOVABLE);
	give(0, 1);
	give(pageblock_nr_pages, 2);
	report_free_pages(0, false, 6);
	give(pageblock_nr_pages + 8, 1);
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE),
			 (long)pageblock_nr_pages + 8);
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), (long)pageblock_nr_pages);
	ck_assert_uint_eq(list_length(1, MIGRATE_RECLAIMABLE), 1);
	ck_assert_uint_eq(list_length(1, MIGRATE_MOVABLE), 1);
	ck_assert_int_eq(take(1, MIGRATE_UNMOVABLE), 0);
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

/* Freed after its buddy, which is of another type: the merged block has the
 * type of the part freed last, and so have all its pageblocks. */
START_TEST(fallback_merged_pageblocks_share_type)
{
	unsigned long nr = NR_PAGES >> pageblock_order;

	for (unsigned long i = 0; i < nr; i++)
		set_type(i, (int)(i % MIGRATE_PCPTYPES));
	for (unsigned long i = 0; i < nr; i++)
		give(i << pageblock_order, pageblock_order);
	assert_drawing("A---------------");
	for (unsigned long i = 0; i < nr; i++)
		ck_assert_int_eq(type_of(i), type_of(nr - 1));
	ck_assert_int_eq(take(0, type_of(0)), 0);
	assert_drawing("x01-2---3-------");
}
END_TEST

/* Memory known to read as zero -------------------------------------------- */

/* A free block at page 0 that really reads as zero. */
static void give_zeroed(unsigned int order)
{
	struct page *page = block;

	memset(page_address(block), 0, PAGE_SIZE << order);
	give(0, order);
	ck_assert_uint_eq(isolate_unreported(zone, 0, false, &page, &order, 1), 1);
	putback_reported(zone, &page, &order, 1, true);
}

START_TEST(zeroed_split_hands_on)
{
	give_zeroed(3);
	ck_assert(PageZeroed(block));
	ck_assert_int_eq(take(0, MIGRATE_UNMOVABLE), 0);
	ck_assert(PageZeroed(block + 1));
	ck_assert(PageZeroed(block + 2));
	ck_assert(PageZeroed(block + 4));
	ck_assert_uint_eq(violations(), 0);
}
END_TEST

START_TEST(zeroed_merge_with_other_loses_mark)
{
	give_zeroed(2);
	give(4, 2);
	assert_drawing("3-------xxxxxxxx");
	ck_assert(!PageZeroed(block));
	ck_assert(!PageZeroed(block + 4));
}
END_TEST

START_TEST(isolate_takes_each_block_once)
{
	struct page *pages[4];
	unsigned int orders[4];

	memset(page_address(block), 0, PAGE_SIZE << 4);
	give(0, 1);
	give(4, 2);
	give(8, 3);
	assert_drawing("1-xx2---3-------");
	ck_assert_uint_eq(isolate_unreported(zone, 4, false, pages, orders, 4), 0);
	/* Largest first, at most as many as asked for. */
	ck_assert_uint_eq(isolate_unreported(zone, 1, false, pages, orders, 2), 2);
	ck_assert_ptr_eq(pages[0], block + 8);
	ck_assert_ptr_eq(pages[1], block + 4);
	ck_assert_uint_eq(orders[0], 3);
	ck_assert_uint_eq(orders[1], 2);
	ck_assert_str_eq(draw(16), "1-xxxxxxxxxxxxxx");
	ck_assert_uint_eq(violations(), 0);
	putback_reported(zone, pages, orders, 2, true);
	assert_drawing("1-xx2---3-------");
	ck_assert_uint_eq(isolate_unreported(zone, 0, false, pages, orders, 4), 1);
	ck_assert_ptr_eq(pages[0], block);
	putback_reported(zone, pages, orders, 1, false);
	ck_assert_uint_eq(isolate_unreported(zone, 0, false, pages, orders, 4), 1);
	putback_reported(zone, pages, orders, 1, true);
	ck_assert_uint_eq(isolate_unreported(zone, 0, false, pages, orders, 4), 0);
	assert_drawing("1-xx2---3-------");
}
END_TEST

/* Damage: each invariant is broken on purpose, seen, and repaired. --------- */

static void damage_setup(void)
{
	buddy_setup();
	give(0, 3);
	assert_drawing("3-------xxxxxxxx");
}

/* Add page @off to a list behind the allocator's back, or take it off. */
static void forge(unsigned long off, unsigned int order, bool add)
{
	struct page *page = block + off;
	struct free_area *area = &zone->free_area[order];
	struct page_list *list = &area->free_list[MIGRATE_UNMOVABLE];

	if (add) {
		page->flags = 0;
		set_page_zone(page, zone->index);
		SetPageBuddy(page);
		page->order = (u8)order;
		page->migratetype = MIGRATE_UNMOVABLE;
		page_list_add(list, page);
		area->nr_free++;
		zone->nr_free += 1UL << order;
	} else {
		page_list_del(list, page);
		ClearPageBuddy(page);
		area->nr_free--;
		zone->nr_free -= 1UL << order;
	}
}

START_TEST(validate_b1_head_without_flag)
{
	ClearPageBuddy(block);
	ck_assert_uint_gt(violations(), 0);
	SetPageBuddy(block);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b1_order_of_other_list)
{
	block->order = 2;
	ck_assert_uint_gt(violations(), 0);
	block->order = 3;
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b1_reference_to_free_block)
{
	atomic_store(&block->_refcount, 1);
	ck_assert_uint_gt(violations(), 0);
	atomic_store(&block->_refcount, 0);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b1_flag_of_allocated_page)
{
	static const enum pageflags flags[] = { PG_slab, PG_large, PG_pcp };

	block->flags |= 1UL << flags[_i];
	ck_assert_uint_gt(violations(), 0);
	block->flags &= ~(1UL << flags[_i]);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b1_links_that_disagree)
{
	struct page_list *list = &zone->free_area[3].free_list[MIGRATE_UNMOVABLE];
	u32 saved;

	give(16, 3);
	ck_assert_ptr_eq(page_list_last(list), block);
	saved = block->lru.prev;
	block->lru.prev = page_to_link(block);
	ck_assert_uint_gt(violations(), 0);
	block->lru.prev = saved;
	list->last = page_to_link(block + 16);
	ck_assert_uint_gt(violations(), 0);
	list->last = page_to_link(block);
	assert_drawing("3-------xxxxxxxx3-------");
}
END_TEST

START_TEST(validate_b1_number_not_aligned)
{
	forge(13, 1, true);
	ck_assert_uint_gt(violations(), 0);
	forge(13, 1, false);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b2_free_buddies)
{
	forge(8, 3, true);
	ck_assert_uint_gt(violations(), 0);
	forge(8, 3, false);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b3_wrong_sum)
{
	zone->nr_free++;
	ck_assert_uint_gt(violations(), 0);
	zone->nr_free--;
	zone->free_area[3].nr_free--;
	ck_assert_uint_gt(violations(), 0);
	zone->free_area[3].nr_free++;
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b4_list_of_other_type)
{
	set_type(0, MIGRATE_RECLAIMABLE);
	ck_assert_uint_gt(violations(), 0);
	set_type(0, MIGRATE_UNMOVABLE);
	assert_drawing("3-------xxxxxxxx");
	block->migratetype = MIGRATE_RECLAIMABLE;
	ck_assert_uint_gt(violations(), 0);
	block->migratetype = MIGRATE_UNMOVABLE;
	assert_drawing("3-------xxxxxxxx");
	/* Not only the first pageblock of a block counts. */
	take_all_back();
	give(0, MAX_PAGE_ORDER);
	set_type(1, MIGRATE_RECLAIMABLE);
	ck_assert_uint_gt(violations(), 0);
	set_type(1, MIGRATE_UNMOVABLE);
	assert_drawing("A---------------");
}
END_TEST

/* Under Valgrind and ASan free memory cannot be read, so it is not checked. */
START_TEST(validate_b5_zeroed_block_with_a_byte)
{
	char *last_line = (char *)page_address(block) + 8 * PAGE_SIZE - 64;

	if (memcheck_active())
		return;
	take_all_back();
	give_zeroed(3);
	ck_assert_uint_eq(violations(), 0);
	*last_line = 'x';
	ck_assert_uint_gt(violations(), 0);
	*last_line = 0;
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b6_head_inside_other_block)
{
	SetPageBuddy(block + 5);
	ck_assert_uint_gt(violations(), 0);
	ClearPageBuddy(block + 5);
	SetPagePcp(block + 7);
	ck_assert_uint_gt(violations(), 0);
	ClearPagePcp(block + 7);
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

START_TEST(validate_b6_block_outside_zone)
{
	unsigned long pfn = page_to_pfn(block);
	unsigned long start = zone->start_pfn, end = zone->end_pfn;

	zone->start_pfn = pfn + 1;
	ck_assert_uint_gt(violations(), 0);
	zone->start_pfn = start;
	zone->end_pfn = pfn + 7;
	ck_assert_uint_gt(violations(), 0);
	zone->end_pfn = end;
	assert_drawing("3-------xxxxxxxx");
}
END_TEST

Suite *suite_buddy(void)
{
	Suite *s = suite_create("buddy");
	TCase *tc;

	tc = tcase_create("split and merge");
	tcase_add_checked_fixture(tc, buddy_setup, buddy_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, buddy_split_files_upper_halves);
	tcase_add_test(tc, buddy_free_merges_as_far_as_it_goes);
	tcase_add_test(tc, buddy_free_neighbours_stay_apart);
	tcase_add_loop_test(tc, buddy_number_differs_in_one_bit, 0,
			    MAX_PAGE_ORDER);
	tcase_add_loop_test(tc, buddy_whole_block_splits_and_merges, 0,
			    NR_PAGE_ORDERS);
	tcase_add_test(tc, buddy_smallest_sufficient_block_is_cut);
	tcase_add_test(tc, buddy_last_freed_is_first_taken);
	tcase_add_test(tc, buddy_merge_likely_is_taken_last);
	tcase_add_test(tc, buddy_events_count_splits_and_merges);
	tcase_add_loop_test(tc, buddy_every_set_of_eight_is_cut_canonically, 0,
			    3);
	tcase_add_test(tc, buddy_random_steps_keep_every_invariant);
	suite_add_tcase(s, tc);

	tc = tcase_create("migratetypes");
	tcase_add_checked_fixture(tc, buddy_setup, buddy_teardown);
	tcase_add_loop_test(tc, fallback_any_type_serves_any_request, 0,
			    MIGRATE_PCPTYPES * MIGRATE_PCPTYPES);
	tcase_add_test(tc, fallback_own_type_is_split_first);
	tcase_add_test(tc, fallback_whole_pageblock_changes_over);
	tcase_add_test(tc, fallback_largest_block_changes_all_its_pageblocks);
	tcase_add_test(tc, fallback_merged_pageblocks_share_type);
	tcase_add_test(tc, fallback_unmovable_claims_half_free_pageblock);
	tcase_add_test(tc, fallback_unmovable_borrows_from_used_pageblock);
	tcase_add_test(tc, fallback_movable_takes_little_and_leaves_type);
	tcase_add_test(tc, fallback_used_takes_smallest_then_preferred);
	tcase_add_test(tc, fallback_fresh_takes_largest_after_used);
	suite_add_tcase(s, tc);

	tc = tcase_create("zeroed");
	tcase_add_checked_fixture(tc, buddy_setup, buddy_teardown);
	tcase_add_test(tc, zeroed_split_hands_on);
	tcase_add_test(tc, zeroed_merge_with_other_loses_mark);
	tcase_add_test(tc, isolate_takes_each_block_once);
	suite_add_tcase(s, tc);

	tc = tcase_create("damage");
	tcase_add_checked_fixture(tc, damage_setup, buddy_teardown);
	tcase_add_test(tc, validate_b1_head_without_flag);
	tcase_add_test(tc, validate_b1_order_of_other_list);
	tcase_add_test(tc, validate_b1_links_that_disagree);
	tcase_add_test(tc, validate_b1_reference_to_free_block);
	tcase_add_loop_test(tc, validate_b1_flag_of_allocated_page, 0, 3);
	tcase_add_test(tc, validate_b1_number_not_aligned);
	tcase_add_test(tc, validate_b2_free_buddies);
	tcase_add_test(tc, validate_b3_wrong_sum);
	tcase_add_test(tc, validate_b4_list_of_other_type);
	tcase_add_test(tc, validate_b5_zeroed_block_with_a_byte);
	tcase_add_test(tc, validate_b6_head_inside_other_block);
	tcase_add_test(tc, validate_b6_block_outside_zone);
	suite_add_tcase(s, tc);
	return s;
}
