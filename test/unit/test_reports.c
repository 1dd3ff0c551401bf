// SPDX-License-Identifier: MIT
/*
 * Tests of kmm_show(): mm/vmstat.c and mm/slabinfo.c. The reports are read as a
 * tool would read them, and their numbers compared with each other and with
 * what the test allocated.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kmm/kmm.h>
#include <linux/mm.h>

#include "slab_test.h"

static const char *const names[] = {
	"buddyinfo", "pagetypeinfo", "zoneinfo", "vmstat", "meminfo", "slabinfo",
};

#define MAX_TEXT (1 << 20)

/* The text of a report, in one of two buffers in turn. */
static const char *show(const char *name)
{
	static char texts[2][MAX_TEXT];
	static unsigned int turn;
	char *text = texts[turn++ % 2];
	int fd = memfd_create("report", MFD_CLOEXEC);
	ssize_t len;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(kmm_show(name, fd), 0);
	len = pread(fd, text, MAX_TEXT - 1, 0);
	close(fd);
	ck_assert_int_gt(len, 0);
	ck_assert_int_lt(len, MAX_TEXT - 1);
	text[len] = '\0';
	ck_assert_int_eq(text[len - 1], '\n');
	return text;
}

/* The line that begins with @key and a space, or NULL; what follows the key. */
static const char *find_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, key, len) && text[len] == ' ')
			return text + len;
	}
	return NULL;
}

static unsigned long number_after(const char *text, const char *key)
{
	const char *value = find_line(text, key);

	ck_assert_msg(value != NULL, "no %s in:\n%s", key, text);
	return strtoul(value, NULL, 10);
}

static unsigned long vmstat(const char *key)
{
	return number_after(show("vmstat"), key);
}

static unsigned long meminfo_kb(const char *key)
{
	return number_after(show("meminfo"), key);
}

/* Errors ------------------------------------------------------------------ */

START_TEST(show_unknown_name_is_enoent)
{
	ck_assert_int_eq(kmm_show("nothing", 1), -ENOENT);
	ck_assert_int_eq(kmm_show("", 1), -ENOENT);
	ck_assert_int_eq(kmm_show("slabinfo ", 1), -ENOENT);
	/* The name is looked at first. */
	ck_assert_int_eq(kmm_show("nothing", -1), -ENOENT);
}
END_TEST

START_TEST(show_bad_descriptor_is_error)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int reader = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int pipes[2];
	unsigned int i;

	ck_assert_int_eq(pipe(pipes), 0);
	close(pipes[0]);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		errno = 4711;
		ck_assert_int_eq(kmm_show(names[i], -1), -EBADF);
		ck_assert_int_eq(kmm_show(names[i], 100000), -EBADF);
		ck_assert_int_eq(kmm_show(names[i], reader), -EBADF);
		ck_assert_int_eq(kmm_show(names[i], full), -ENOSPC);
		ck_assert_int_eq(kmm_show(names[i], pipes[1]), -EPIPE);
		ck_assert_int_eq(errno, 4711);
	}
	signal(SIGPIPE, SIG_DFL);
	close(pipes[1]);
	close(full);
	close(reader);
}
END_TEST

/* Every counter that there is, the same before and after. */
START_TEST(show_allocates_nothing)
{
	static char before[2][MAX_TEXT];
	unsigned long pages = pages_in_use();
	unsigned int i;

	strcpy(before[0], show("vmstat"));
	strcpy(before[1], show("slabinfo"));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		show(names[i]);
	ck_assert_str_eq(show("vmstat"), before[0]);
	ck_assert_str_eq(show("slabinfo"), before[1]);
	ck_assert_uint_eq(pages_in_use(), pages);
}
END_TEST

/* slabinfo ---------------------------------------------------------------- */

struct slab_row {
	unsigned long active, objects, size, per_slab, pages;
	unsigned long active_slabs, slabs;
};

static struct slab_row slab_row(const char *name)
{
	const char *line = find_line(show("slabinfo"), name);
	struct slab_row r;

	ck_assert_msg(line != NULL, "no row of %s", name);
	ck_assert_int_eq(sscanf(line, "%lu %lu %lu %lu %lu : tunables 0 0 0 : slabdata %lu %lu 0",
				&r.active, &r.objects, &r.size, &r.per_slab,
				&r.pages, &r.active_slabs, &r.slabs), 7);
	return r;
}

START_TEST(slabinfo_head_is_the_kernels)
{
	static const char head[] =
		"slabinfo - version: 2.1\n"
		"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
		" : tunables <limit> <batchcount> <sharedfactor>"
		" : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

	ck_assert_ptr_nonnull(strstr(show("slabinfo"), head));
	ck_assert_int_eq(strncmp(show("slabinfo"), head, strlen(head)), 0);
}
END_TEST

START_TEST(slabinfo_active_objects_are_exact)
{
	struct kmem_cache *s = make_cache("unit-info", 200,
					  _i ? SLAB_DIRECT : SLAB_NO_MERGE);
	unsigned int nr = 5 * s->objects + 1, i;
	void **p = calloc(nr, sizeof(*p));
	struct slab_row row;

	row = slab_row("unit-info");
	ck_assert_uint_eq(row.active + row.objects + row.slabs, 0);
	for (i = 0; i < nr; i++) {
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
		if (i % 100 == 0)
			ck_assert_uint_eq(slab_row("unit-info").active, i + 1);
	}
	row = slab_row("unit-info");
	ck_assert_uint_eq(row.active, nr);
	ck_assert_uint_eq(row.size, s->size);
	ck_assert_uint_eq(row.per_slab, s->objects);
	ck_assert_uint_eq(row.pages, 1u << s->order);
	ck_assert_uint_ge(row.slabs, 6);
	ck_assert_uint_eq(row.slabs, row.active_slabs);
	ck_assert_uint_eq(row.objects, row.slabs * row.per_slab);
	for (i = 0; i < nr; i++)
		if (i % 7)
			kmem_cache_free(s, p[i]);
	ck_assert_uint_eq(slab_row("unit-info").active, (nr + 6) / 7);
	for (i = 0; i < nr; i += 7)
		kmem_cache_free(s, p[i]);
	/* What waits in sheaves is nobody's. */
	ck_assert_uint_eq(slab_row("unit-info").active, 0);
	kmem_cache_destroy(s);
	ck_assert_ptr_null(find_line(show("slabinfo"), "unit-info"));
	free(p);
}
END_TEST

START_TEST(slabinfo_lists_every_cache_once)
{
	unsigned int rows = 0, caches = 0, i;
	struct kmem_cache *extra[30], *s;
	const char *text, *line;
	char name[32];

	/* Several batches of rows, and the last one not full. */
	for (i = 0; i < ARRAY_SIZE(extra); i++) {
		snprintf(name, sizeof(name), "unit-row-%u", i);
		extra[i] = make_cache(name, 64, SLAB_NO_MERGE);
	}
	text = show("slabinfo");
	for (line = text; line; line = strchr(line + 1, '\n'))
		rows++;
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		const char *row = find_line(text, s->name);

		caches++;
		ck_assert_msg(row != NULL, "no row of %s", s->name);
		ck_assert_msg(!find_line(row, s->name), "two of %s", s->name);
	}
	spin_unlock(&slab_mutex);
	/* Two lines of the head, and what follows the last newline. */
	ck_assert_uint_eq(rows, caches + 3);
	for (i = 0; i < ARRAY_SIZE(extra); i++)
		kmem_cache_destroy(extra[i]);
}
END_TEST

START_TEST(slabinfo_long_name_is_cut)
{
	char name[200];
	struct kmem_cache *s;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	s = make_cache(name, 64, SLAB_NO_MERGE);
	name[63] = '\0';
	ck_assert_ptr_nonnull(find_line(show("slabinfo"), name));
	kmem_cache_destroy(s);
}
END_TEST

/* Pages ------------------------------------------------------------------- */

/* Sum over the zones of free blocks times their size, and per order. */
static unsigned long buddyinfo_pages(unsigned long nr_blocks[NR_PAGE_ORDERS])
{
	const char *line = show("buddyinfo");
	unsigned long total = 0, nr;
	unsigned int order;
	int node, used;
	char zone[16];

	memset(nr_blocks, 0, NR_PAGE_ORDERS * sizeof(*nr_blocks));
	while (sscanf(line, "Node %d, zone %15s %n", &node, zone, &used) == 2) {
		line += used;
		for (order = 0; order < NR_PAGE_ORDERS; order++) {
			ck_assert_int_eq(sscanf(line, "%lu %n", &nr, &used), 1);
			line += used;
			nr_blocks[order] += nr;
			total += nr << order;
		}
	}
	ck_assert_int_eq(*line, '\0');
	return total;
}

/* Sum of the numbers after every @key in a report. */
static unsigned long sum_of(const char *text, const char *key)
{
	unsigned long sum = 0;

	while ((text = strstr(text, key)) != NULL) {
		text += strlen(key);
		sum += strtoul(text, NULL, 10);
	}
	return sum;
}

static void check_free_pages_agree(void)
{
	unsigned long nr_blocks[NR_PAGE_ORDERS], free = 0;
	unsigned long total = buddyinfo_pages(nr_blocks);
	struct zone *zone;

	for_each_populated_zone(zone)
		free += zone->nr_free;
	ck_assert_uint_eq(total, free);
	ck_assert_uint_eq(vmstat("nr_free_pages"), free);
	ck_assert_uint_eq(sum_of(show("zoneinfo"), "pages free "), free);
	ck_assert_uint_eq(sum_of(show("zoneinfo"), "nr_free_pages "), free);
	ck_assert_uint_eq(meminfo_kb("MemFree:"), free << (PAGE_SHIFT - 10));
}

START_TEST(reports_free_pages_agree)
{
	unsigned long pages[20];
	unsigned int i;

	check_free_pages_agree();
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = __get_free_pages(GFP_KERNEL, i % 5);
	check_free_pages_agree();
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		free_pages(pages[i], i % 5);
	check_free_pages_agree();
	drain_all_pages();
	check_free_pages_agree();
	ck_assert_uint_eq(vmstat("pcp_pages"), 0);
}
END_TEST

/* The free lists by type add up to those by order. */
START_TEST(pagetypeinfo_adds_up)
{
	unsigned long nr_blocks[NR_PAGE_ORDERS], sums[NR_PAGE_ORDERS] = { 0 };
	unsigned long blocks = 0, expected = 0, nr;
	const char *text, *line;
	struct zone *zone;
	unsigned int order, i;
	int used;

	buddyinfo_pages(nr_blocks);
	text = show("pagetypeinfo");
	ck_assert_uint_eq(sum_of(text, "Page block order: "), pageblock_order);
	ck_assert_uint_eq(sum_of(text, "Pages per block: "),
			  pageblock_nr_pages);
	for (line = text; (line = strstr(line, ", type ")) != NULL;) {
		line += strlen(", type ");
		line += strspn(line, " ");
		line += strcspn(line, " ");
		for (order = 0; order < NR_PAGE_ORDERS; order++) {
			ck_assert_int_eq(sscanf(line, "%lu%n", &nr, &used), 1);
			line += used;
			sums[order] += nr;
		}
	}
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		ck_assert_uint_eq(sums[order], nr_blocks[order]);

	line = strstr(text, "Number of blocks type ");
	ck_assert_ptr_nonnull(line);
	while ((line = strstr(line, ", zone ")) != NULL) {
		line += strlen(", zone ");
		line += strspn(line, " ");
		line += strcspn(line, " ");
		for (i = 0; i < MIGRATE_TYPES; i++) {
			ck_assert_int_eq(sscanf(line, "%lu%n", &nr, &used), 1);
			line += used;
			blocks += nr;
		}
	}
	for_each_populated_zone(zone)
		expected += DIV_ROUND_UP(zone->managed_pages,
					 pageblock_nr_pages);
	/* Ranges and zones may end within a pageblock. */
	ck_assert_uint_ge(blocks, expected);
	ck_assert_uint_le(blocks, expected + sparse_nr_ranges() + MAX_NR_ZONES);
}
END_TEST

/* Blocks too large for the per-CPU lists are counted where they leave. */
START_TEST(vmstat_counts_pages_allocated_and_freed)
{
	unsigned int order = PAGE_ALLOC_COSTLY_ORDER + 2;
	unsigned long alloc = vmstat("pgalloc_normal");
	unsigned long freed = vmstat("pgfree"), p;
	unsigned long split = vmstat("buddy_split");
	unsigned long merge = vmstat("buddy_merge");

	p = __get_free_pages(GFP_KERNEL, order);
	ck_assert_uint_eq(vmstat("pgalloc_normal"), alloc + (1UL << order));
	ck_assert_uint_eq(vmstat("pgfree"), freed);
	ck_assert_uint_ge(vmstat("buddy_split"), split);
	free_pages(p, order);
	ck_assert_uint_eq(vmstat("pgalloc_normal"), alloc + (1UL << order));
	ck_assert_uint_eq(vmstat("pgfree"), freed + (1UL << order));
	ck_assert_uint_ge(vmstat("buddy_merge"), merge);
}
END_TEST

START_TEST(vmstat_counts_pages_of_the_cpu_lists)
{
	unsigned long alloc = vmstat("pcp_alloc"), freed = vmstat("pcp_free");
	unsigned long page[10];
	unsigned int i;

	for (i = 0; i < 10; i++)
		page[i] = __get_free_page(GFP_KERNEL);
	ck_assert_uint_eq(vmstat("pcp_alloc"), alloc + 10);
	for (i = 0; i < 10; i++)
		free_page(page[i]);
	ck_assert_uint_eq(vmstat("pcp_free"), freed + 10);
	ck_assert_uint_eq(sum_of(show("zoneinfo"), "count:"),
			  vmstat("pcp_pages"));
}
END_TEST

static unsigned long slab_pages(slab_flags_t flags)
{
	return vmstat(flags & SLAB_RECLAIM_ACCOUNT ? "nr_slab_reclaimable" :
						     "nr_slab_unreclaimable");
}

/* Pages of the slabs that hold the @nr objects @p. */
static unsigned long pages_of_slabs_with(void **p, unsigned int nr)
{
	unsigned long pages = 0;
	unsigned int i, k;

	for (i = 0; i < nr; i++) {
		for (k = 0; k < i && slab_of(p[k]) != slab_of(p[i]); k++)
			;
		if (k == i)
			pages += 1UL << slab_of(p[i])->order;
	}
	return pages;
}

/* A slab may be of any order up to the usual one: what lies free decides. */
START_TEST(vmstat_counts_pages_of_slabs)
{
	slab_flags_t flags = SLAB_DIRECT | (_i ? SLAB_RECLAIM_ACCOUNT : 0);
	struct kmem_cache *s = make_cache("unit-pages", 1000, flags);
	unsigned int nr = 3 * s->objects, i;
	void **p = calloc(nr, sizeof(*p));
	unsigned long before;

	/* No empty slab of another cache is left for a reclaim meanwhile. */
	kmm_trim();
	before = slab_pages(flags);
	for (i = 0; i < nr; i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_uint_eq(slab_pages(flags),
			  before + pages_of_slabs_with(p, nr));
	ck_assert_uint_eq(meminfo_kb(_i ? "SReclaimable:" : "SUnreclaim:"),
			  slab_pages(flags) << (PAGE_SHIFT - 10));
	ck_assert_uint_eq(meminfo_kb("Slab:"), meminfo_kb("SReclaimable:") +
					       meminfo_kb("SUnreclaim:"));
	for (i = 0; i < nr; i++)
		kmem_cache_free(s, p[i]);
	kmem_cache_shrink(s);
	ck_assert_uint_eq(slab_pages(flags), before);
	kmem_cache_destroy(s);
	free(p);
}
END_TEST

/* Every other block of two pages is free, and nothing else. */
TEST_SCENARIO(vmstat_slabs_of_two_pages)
{
	struct kmem_cache *s = make_cache("unit-pages", PAGE_SIZE / 4 - 24,
					  SLAB_DIRECT | SLAB_RECLAIM_ACCOUNT);
	unsigned long before = slab_pages(SLAB_RECLAIM_ACCOUNT);
	static unsigned long blocks[65536];
	unsigned long nr = 0, i;
	void *p[32];

	ck_assert_uint_gt(s->order, 1);
	while ((blocks[nr] = __get_free_pages(GFP_KERNEL | __GFP_MEMALLOC |
					      __GFP_NOWARN, 1)) != 0)
		nr++;
	ck_assert_uint_lt(nr, ARRAY_SIZE(blocks));
	for (i = 0; i < nr; i++)
		if ((blocks[i] >> PAGE_SHIFT) % 4 == 0)
			free_pages(blocks[i], 1);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert_uint_eq(slab_of(p[0])->order, 1);
	ck_assert_uint_eq(slab_pages(SLAB_RECLAIM_ACCOUNT),
			  before + pages_of_slabs_with(p, ARRAY_SIZE(p)));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		kmem_cache_free(s, p[i]);
	kmem_cache_shrink(s);
	ck_assert_uint_eq(slab_pages(SLAB_RECLAIM_ACCOUNT), before);
}

START_TEST(vmstat_counts_pages_of_slabs_of_each_order)
{
	test_scenario_passes("vmstat_slabs_of_two_pages", "mem=4M");
}
END_TEST

START_TEST(meminfo_totals_agree)
{
	unsigned long managed = 0, used, kb;
	struct zone *zone;
	void *p;

	for_each_populated_zone(zone)
		managed += zone->managed_pages;
	ck_assert_uint_eq(meminfo_kb("MemTotal:"),
			  managed << (PAGE_SHIFT - 10));
	ck_assert_uint_eq(sum_of(show("zoneinfo"), "managed "), managed);
	ck_assert_uint_le(meminfo_kb("MemAvailable:"), meminfo_kb("MemTotal:"));

	used = meminfo_kb("VmallocUsed:");
	p = vmalloc(1UL << 20);
	/* Of the cache that its descriptor is from, at least. */
	ck_assert_uint_gt(meminfo_kb("Percpu:"), 0);
	kb = meminfo_kb("VmallocUsed:");
	ck_assert_uint_eq(kb, used + 1024);
	vfree(p);
	ck_assert_uint_eq(meminfo_kb("VmallocUsed:"), used);
}
END_TEST

/* All zones, each with its line. */
TEST_SCENARIO(reports_with_zones)
{
	static const char *const zone_names[] = {
		"DMA", "DMA32", "Normal", "Movable",
	};
	const char *text;
	unsigned int i;
	char line[64];

	text = show("buddyinfo");
	for (i = 0; i < ARRAY_SIZE(zone_names); i++) {
		snprintf(line, sizeof(line), "Node 0, zone %8s ",
			 zone_names[i]);
		ck_assert_msg(strstr(text, line), "%s", text);
	}
	check_free_pages_agree();
}

START_TEST(reports_show_every_zone)
{
	test_scenario_passes("reports_with_zones",
			     "mem=64M zone_dma=8M zone_dma32=8M movablecore=16M");
}
END_TEST

Suite *suite_reports(void)
{
	Suite *s = suite_create("reports");
	TCase *tc = tcase_create("reports");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, show_unknown_name_is_enoent);
	tcase_add_test(tc, show_bad_descriptor_is_error);
	tcase_add_test(tc, show_allocates_nothing);
	tcase_add_test(tc, slabinfo_head_is_the_kernels);
	tcase_add_loop_test(tc, slabinfo_active_objects_are_exact, 0, 2);
	tcase_add_test(tc, slabinfo_lists_every_cache_once);
	tcase_add_test(tc, slabinfo_long_name_is_cut);
	tcase_add_test(tc, reports_free_pages_agree);
	tcase_add_test(tc, pagetypeinfo_adds_up);
	tcase_add_test(tc, vmstat_counts_pages_allocated_and_freed);
	tcase_add_test(tc, vmstat_counts_pages_of_the_cpu_lists);
	tcase_add_loop_test(tc, vmstat_counts_pages_of_slabs, 0, 2);
	tcase_add_test(tc, vmstat_counts_pages_of_slabs_of_each_order);
	tcase_add_test(tc, meminfo_totals_agree);
	tcase_add_test(tc, reports_show_every_zone);
	suite_add_tcase(s, tc);
	return s;
}
