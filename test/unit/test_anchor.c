// SPDX-License-Identifier: MIT
/*
 * The anchor, used as a reader from outside uses it: every byte comes through
 * process_vm_readv(), and every offset from the tables. What the walk finds is
 * then compared with what the allocator says itself.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <kmm/anchor.h>
#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "../../mm/slab.h"
#include "unit.h"

#define WALK_LIMIT 1000000	/* a longer list is a cycle */

static void read_memory(void *buf, unsigned long addr, size_t size)
{
	struct iovec here = { buf, size }, there = { (void *)addr, size };

	ck_assert_int_eq(process_vm_readv(getpid(), &here, 1, &there, 1, 0),
			 (ssize_t)size);
}

static unsigned long read_word(unsigned long addr)
{
	unsigned long word;

	read_memory(&word, addr, sizeof(word));
	return word;
}

static const struct kmm_anchor_root *root(const char *name)
{
	for (u32 i = 0; i < kmm_anchor.nr_roots; i++)
		if (!strcmp(kmm_anchor.roots[i].name, name))
			return &kmm_anchor.roots[i];
	ck_abort_msg("no root %s", name);
}

static const struct kmm_anchor_field *find_field(const char *name)
{
	for (u32 i = 0; i < kmm_anchor.nr_fields; i++)
		if (!strcmp(kmm_anchor.fields[i].name, name))
			return &kmm_anchor.fields[i];
	ck_abort_msg("no field %s", name);
}

static unsigned long field(const char *name)
{
	return find_field(name)->value;
}

/* A member of the struct at @addr, as wide as the table says. */
static unsigned long read_member(unsigned long addr, const char *name)
{
	const struct kmm_anchor_field *f = find_field(name);
	unsigned long value = 0;

	ck_assert_uint_le(f->size, sizeof(value));
	read_memory(&value, addr + f->value, f->size);
	return value;
}

START_TEST(anchor_head_is_versioned)
{
	ck_assert_mem_eq(kmm_anchor.magic, KMM_ANCHOR_MAGIC, 8);
	ck_assert_uint_eq(kmm_anchor.version, 1);
	ck_assert_uint_eq(kmm_anchor.size, 48);
	ck_assert_uint_eq(sizeof(struct kmm_anchor_root), 56);
	ck_assert_uint_eq(sizeof(struct kmm_anchor_field), 48);
	ck_assert_uint_eq(*kmm_anchor.page_shift, PAGE_SHIFT);
}
END_TEST

/* Of a member it is told how wide it is; and it lies in its struct, or, if it has
 * no length, at its end. */
START_TEST(anchor_members_have_sizes)
{
	const struct kmm_anchor_field *f = kmm_anchor.fields;

	for (u32 i = 0; i < kmm_anchor.nr_fields; i++) {
		const char *dot = strchr(f[i].name, '.');
		char name[KMM_ANCHOR_NAME];

		ck_assert_int_eq(f[i].size != 0, dot != NULL);
		if (!dot)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(dot - f[i].name),
			 f[i].name);
		if (f[i].value < field(name))
			ck_assert_uint_le(f[i].value + f[i].size, field(name));
	}
}
END_TEST

START_TEST(anchor_names_are_unique)
{
	const struct kmm_anchor_field *f = kmm_anchor.fields;
	const struct kmm_anchor_root *r = kmm_anchor.roots;

	for (u32 i = 0; i < kmm_anchor.nr_fields; i++) {
		ck_assert_uint_lt(strnlen(f[i].name, KMM_ANCHOR_NAME),
				  KMM_ANCHOR_NAME);
		for (u32 j = 0; j < i; j++)
			ck_assert_str_ne(f[i].name, f[j].name);
	}
	for (u32 i = 0; i < kmm_anchor.nr_roots; i++) {
		ck_assert_uint_lt(strnlen(r[i].name, KMM_ANCHOR_NAME),
				  KMM_ANCHOR_NAME);
		ck_assert_ptr_nonnull(r[i].address);
		for (u32 j = 0; j < i; j++)
			ck_assert_str_ne(r[i].name, r[j].name);
	}
}
END_TEST

START_TEST(anchor_fields_are_sizes_offsets_and_constants)
{
	ck_assert_uint_eq(field("page"), sizeof(struct page));
	ck_assert_uint_eq(field("page.lru.prev"),
			  offsetof(struct page, lru.prev));
	ck_assert_uint_eq(field("PG_slab"), PG_slab);
	ck_assert_uint_eq(root("zones")->size, sizeof(struct zone));
	ck_assert_uint_eq(root("zones")->count, MAX_NR_ZONES);
	ck_assert_uint_eq(root("kmalloc_row")->count,
			  (u32)NR_KMALLOC_TYPES * KMALLOC_ROW_SLOTS);
}
END_TEST

/* The cache of that name, from slab_caches on; 0 if there is none. */
static unsigned long find_cache(const char *name)
{
	unsigned long head = (unsigned long)root("slab_caches")->address;
	unsigned long link = head;
	size_t size = strlen(name) + 1;
	char found[64];

	for (int i = 0; i < WALK_LIMIT; i++) {
		unsigned long cache;

		link = read_word(link + field("list_head.next"));
		if (link == head)
			return 0;
		cache = link - field("kmem_cache.list");
		read_memory(found, read_word(cache + field("kmem_cache.name")),
			    size);
		if (!memcmp(found, name, size))
			return cache;
	}
	ck_abort_msg("slab_caches has no end");
}

START_TEST(anchor_walk_finds_cache_by_name)
{
	struct kmem_cache *cache;
	unsigned int object_size;

	ck_assert_uint_eq(find_cache("anchor-test"), 0);
	cache = kmem_cache_create("anchor-test", 72, 0, SLAB_NO_MERGE, NULL);
	ck_assert_ptr_nonnull(cache);
	ck_assert_uint_eq(find_cache("anchor-test"), (unsigned long)cache);
	read_memory(&object_size, (unsigned long)cache +
		    field("kmem_cache.object_size"), sizeof(object_size));
	ck_assert_uint_eq(object_size, 72);
	kmem_cache_destroy(cache);
	ck_assert_uint_eq(find_cache("anchor-test"), 0);
}
END_TEST

/* The struct page that a link leads to. */
static unsigned long linked_page(unsigned long link)
{
	const struct kmm_anchor_root *table = root("sparse_ranges");

	for (u32 i = 0; i < table->count; i++) {
		unsigned long range = (unsigned long)table->address +
				      i * table->size;
		unsigned long nr = read_member(range, "mem_range.end_pfn") -
				   read_member(range, "mem_range.start_pfn");
		unsigned long index =
			link - read_member(range, "mem_range.first_link");

		if (index < nr)
			return read_member(range, "mem_range.pages") +
			       index * field("page");
	}
	ck_abort_msg("link %lu leads nowhere", link);
}

/* The blocks on a list of free pages. */
static unsigned long count_blocks(unsigned long list)
{
	unsigned long link = read_member(list, "page_list.first"), n;

	for (n = 0; link && n < WALK_LIMIT; n++)
		link = read_member(linked_page(link), "page.lru.next");
	ck_assert_uint_eq(link, 0);
	return n;
}

static unsigned long count_free_pages(unsigned long zone)
{
	unsigned long nr_free = 0;

	for (unsigned int order = 0; order < field("NR_PAGE_ORDERS"); order++) {
		unsigned long area = zone + field("zone.free_area") +
				     order * field("free_area");

		for (unsigned int t = 0; t < field("MIGRATE_TYPES"); t++)
			nr_free += count_blocks(area +
						field("free_area.free_list") +
						t * field("page_list")) << order;
	}
	return nr_free;
}

START_TEST(anchor_walk_counts_free_pages)
{
	const struct kmm_anchor_root *table = root("zones");
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	unsigned long total = 0;

	ck_assert_ptr_nonnull(page);
	for (u32 i = 0; i < table->count; i++) {
		unsigned long zone = (unsigned long)table->address +
				     i * table->size;
		unsigned long nr_free;

		if (!read_word(zone + field("zone.managed_pages")))
			continue;
		nr_free = count_free_pages(zone);
		ck_assert_uint_eq(nr_free,
				  read_word(zone + field("zone.nr_free")));
		total += nr_free;
	}
	ck_assert_uint_gt(total, 0);
	__free_pages(page, 3);
}
END_TEST

/* As struct page of an address of ours, without virt_to_page(). */
START_TEST(anchor_walk_finds_slab_of_object)
{
	unsigned long map = (unsigned long)root("memmap")->address;
	void *object = kmalloc(100, GFP_KERNEL);
	unsigned long addr = (unsigned long)object, page;

	ck_assert_ptr_nonnull(object);
	addr -= read_word(map + field("memmap.base"));
	ck_assert_uint_lt(addr, read_word(map + field("memmap.size")));
	page = read_word(map + field("memmap.pages")) +
	       (addr >> *kmm_anchor.page_shift) * field("page");
	page -= read_member(page, "page.tail_index") * field("page");
	ck_assert_uint_ne(read_member(page, "page.flags") &
			  1UL << field("PG_slab"), 0);
	ck_assert_uint_eq(read_word(page + field("page.slab_cache")),
			  (unsigned long)lookup_page(object)->slab_cache);
	kfree(object);
}
END_TEST

Suite *suite_anchor(void)
{
	Suite *suite = suite_create("anchor");
	TCase *tcase = tcase_create("tables");

	tcase_add_test(tcase, anchor_head_is_versioned);
	tcase_add_test(tcase, anchor_names_are_unique);
	tcase_add_test(tcase, anchor_members_have_sizes);
	tcase_add_test(tcase, anchor_fields_are_sizes_offsets_and_constants);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("walks");
	tcase_add_test(tcase, anchor_walk_finds_cache_by_name);
	tcase_add_test(tcase, anchor_walk_counts_free_pages);
	tcase_add_test(tcase, anchor_walk_finds_slab_of_object);
	suite_add_tcase(suite, tcase);
	return suite;
}
