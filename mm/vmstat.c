// SPDX-License-Identifier: MIT
/*
 * Reports: what the kernel shows under /proc, in the kernel's format.
 *
 *	buddyinfo	free blocks by zone and order
 *	pagetypeinfo	the same by migratetype, and pageblocks by migratetype
 *	zoneinfo	each zone's watermarks, size and per-CPU page lists
 *	vmstat		counters, one a line
 *	meminfo		the summary, in kB
 *	slabinfo	caches; mm/slabinfo.c
 *
 * A tool made for the kernel's files can read these. Fields whose subject does
 * not exist here (page cache, swap, anonymous memory) are left out; those that
 * remain have the kernel's name, order and layout. Counters that the kernel
 * does not have come last in vmstat and begin with buddy_, pcp_ or fault_.
 *
 * Every report goes the same way, one zone or one CPU at a time:
 *
 *	gate, lock -> copy numbers to the stack -> unlock, gate -> print
 *
 * write(2) may block for as long as a pipe's reader likes. So nothing is
 * printed under a lock, and nothing inside the fork gate either: the reader
 * may be a child that this process is about to fork. The price is that a
 * report is no snapshot: its zones were looked at one after the other.
 *
 * Context:	Any thread. Takes zone->lock and pcp->lock, one at a time, for
 *		the time of a copy. Allocates nothing.
 * Source:	kernel mm/vmstat.c, mm/show_mem.c, fs/proc/meminfo.c.
 */
#include <errno.h>

#include <kmm/kmm.h>

#include "../lib/fault_inject.h"
#include "../lib/gate.h"
#include "../lib/percpu.h"
#include "internal.h"
#include "page_owner.h"
#include "profile.h"
#include "vmstat.h"

/* A longer free list is cut in pagetypeinfo, as in the kernel: to walk it
 * keeps everybody else from the zone. */
#define MAX_LIST_WALK 100000

static const char *const migratetype_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable",
	[MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable",
	[MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_ISOLATE] = "Isolate",
};

#define for_each_zone(zone) \
	for ((zone) = zones; (zone) < zones + MAX_NR_ZONES; (zone)++)

/* Copies ------------------------------------------------------------------ */

/* The numbers of one zone, from one moment. */
struct zone_stat {
	unsigned long nr_blocks[NR_PAGE_ORDERS];
	unsigned long nr_free;
	unsigned long event[NR_ZONE_EVENTS];
	unsigned long managed_pages;
	unsigned long start_pfn, end_pfn;
	unsigned long watermark[NR_WMARK];
	unsigned long lowmem_reserve[MAX_NR_ZONES];
};

/* The numbers of one CPU's page lists, or of several added up. */
struct pcp_stat {
	unsigned long count;
	unsigned long high;
	unsigned long batch;
	unsigned long allocs;
	unsigned long frees;
};

static void read_zone(struct zone *zone, struct zone_stat *stat)
{
	unsigned int i;

	gate_enter();
	spin_lock(&zone->lock);
	for (i = 0; i < NR_PAGE_ORDERS; i++)
		stat->nr_blocks[i] = zone->free_area[i].nr_free;
	for (i = 0; i < NR_ZONE_EVENTS; i++)
		stat->event[i] = zone->event[i];
	for (i = 0; i < NR_WMARK; i++)
		stat->watermark[i] = zone->watermark[i];
	for (i = 0; i < MAX_NR_ZONES; i++)
		stat->lowmem_reserve[i] = zone->lowmem_reserve[i];
	stat->nr_free = zone->nr_free;
	stat->managed_pages = zone->managed_pages;
	stat->start_pfn = zone->start_pfn;
	stat->end_pfn = zone->end_pfn;
	spin_unlock(&zone->lock);
	gate_exit();
}

/* False if this CPU has no lists of this zone. */
static bool read_pcp(struct zone *zone, unsigned int cpu, struct pcp_stat *stat)
{
	struct per_cpu_pages *pcp = READ_ONCE(zone->pcp);

	if (!pcp)
		return false;
	pcp = per_cpu_ptr(pcp, cpu);
	if (!READ_ONCE(pcp->batch))
		return false;
	gate_enter();
	spin_lock(&pcp->lock);
	stat->count = pcp->count;
	stat->high = pcp->high;
	stat->batch = pcp->batch;
	stat->allocs = pcp->allocs;
	stat->frees = pcp->frees;
	spin_unlock(&pcp->lock);
	gate_exit();
	return true;
}

static void add_all_pcps(struct zone *zone, struct pcp_stat *sum)
{
	struct pcp_stat stat;
	unsigned int cpu;

	for_each_used_cpu(cpu) {
		if (!read_pcp(zone, cpu, &stat))
			continue;
		sum->count += stat.count;
		sum->allocs += stat.allocs;
		sum->frees += stat.frees;
	}
}

/* buddyinfo --------------------------------------------------------------- */

static void buddyinfo_show(struct seq_file *m)
{
	struct zone_stat stat;
	struct zone *zone;
	unsigned int order;

	for_each_populated_zone(zone) {
		read_zone(zone, &stat);
		seq_printf(m, "Node %d, zone %8s ", 0, zone->name);
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			seq_printf(m, "%6lu ", stat.nr_blocks[order]);
		seq_puts(m, "\n");
	}
}

/* pagetypeinfo ------------------------------------------------------------ */

/* Blocks on one list; one more than MAX_LIST_WALK stands for any number. */
static unsigned long count_free_list(struct zone *zone, unsigned int order,
				     unsigned int type)
{
	struct list_head *list = &zone->free_area[order].free_list[type];
	unsigned long nr = 0;
	struct page *page;

	gate_enter();
	spin_lock(&zone->lock);
	list_for_each_entry(page, list, lru) {
		if (++nr > MAX_LIST_WALK)
			break;
	}
	spin_unlock(&zone->lock);
	gate_exit();
	return nr;
}

static void pagetypeinfo_show_free(struct seq_file *m, struct zone *zone)
{
	unsigned int type, order;
	unsigned long nr;

	for (type = 0; type < MIGRATE_TYPES; type++) {
		seq_printf(m, "Node %4d, zone %8s, type %12s ", 0, zone->name,
			   migratetype_names[type]);
		for (order = 0; order < NR_PAGE_ORDERS; order++) {
			nr = count_free_list(zone, order, type);
			if (nr > MAX_LIST_WALK)
				seq_printf(m, ">%6d ", MAX_LIST_WALK);
			else
				seq_printf(m, "%6lu ", nr);
		}
		seq_puts(m, "\n");
	}
}

static bool zone_spans(const struct zone *zone, unsigned long pfn)
{
	return pfn >= READ_ONCE(zone->start_pfn) &&
	       pfn < READ_ONCE(zone->end_pfn);
}

/*
 * Which zone a page number belongs to. Its struct page cannot always tell: the
 * zone is written into heads, and the first page of a pageblock may be a tail.
 * But sparse.c lines the zones up in the first range and gives whatever comes
 * later to ZONE_NORMAL, so that only NORMAL's span can contain another zone.
 */
static struct zone *pfn_zone(unsigned long pfn)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		if (zone->index != ZONE_NORMAL && zone_spans(zone, pfn))
			return zone;
	return &zones[ZONE_NORMAL];
}

/*
 * Pageblocks of @zone in @range, by type. Needs no lock: a range only grows,
 * and a type that changes meanwhile is old or new, each as good.
 */
static void count_pageblocks(const struct mem_range *range, struct zone *zone,
			     unsigned long nr[MIGRATE_TYPES])
{
	unsigned long end = range_end_pfn(range);
	unsigned long pfn;

	for (pfn = range->start_pfn; pfn < end; pfn += pageblock_nr_pages)
		if (pfn_zone(pfn) == zone)
			nr[pageblock_type(range->pages +
					  (pfn - range->start_pfn))]++;
}

static void pagetypeinfo_show_blocks(struct seq_file *m, struct zone *zone)
{
	unsigned long nr[MIGRATE_TYPES] = { 0 };
	unsigned int i, type;

	for (i = 0; i < sparse_nr_ranges(); i++)
		count_pageblocks(sparse_range(i), zone, nr);
	seq_printf(m, "Node %d, zone %8s ", 0, zone->name);
	for (type = 0; type < MIGRATE_TYPES; type++)
		seq_printf(m, "%12lu ", nr[type]);
	seq_puts(m, "\n");
}

static void pagetypeinfo_show(struct seq_file *m)
{
	struct zone *zone;
	unsigned int i;

	seq_printf(m, "Page block order: %u\n", pageblock_order);
	seq_printf(m, "Pages per block:  %lu\n\n", pageblock_nr_pages);

	seq_printf(m, "%-43s ", "Free pages count per migrate type at order");
	for (i = 0; i < NR_PAGE_ORDERS; i++)
		seq_printf(m, "%6u ", i);
	seq_puts(m, "\n");
	for_each_populated_zone(zone)
		pagetypeinfo_show_free(m, zone);

	seq_printf(m, "\n%-23s", "Number of blocks type ");
	for (i = 0; i < MIGRATE_TYPES; i++)
		seq_printf(m, "%12s ", migratetype_names[i]);
	seq_puts(m, "\n");
	for_each_populated_zone(zone)
		pagetypeinfo_show_blocks(m, zone);
}

/* zoneinfo ---------------------------------------------------------------- */

static void zoneinfo_show_node(struct seq_file *m)
{
	struct slab_pages slab;

	count_slab_pages(&slab);
	seq_puts(m, "\n  per-node stats");
	seq_printf(m, "\n      %-12s %lu", "nr_slab_reclaimable",
		   slab.reclaimable);
	seq_printf(m, "\n      %-12s %lu", "nr_slab_unreclaimable",
		   slab.unreclaimable);
}

static void zoneinfo_show_pcps(struct seq_file *m, struct zone *zone)
{
	struct pcp_stat stat;
	unsigned int cpu;

	seq_puts(m, "\n  pagesets");
	for_each_used_cpu(cpu) {
		if (!read_pcp(zone, cpu, &stat))
			continue;
		seq_printf(m, "\n    cpu: %u", cpu);
		seq_printf(m, "\n              count:    %lu", stat.count);
		seq_printf(m, "\n              high:     %lu", stat.high);
		seq_printf(m, "\n              batch:    %lu", stat.batch);
	}
}

/* All memory of a zone is managed by the buddy system: the struct pages lie
 * elsewhere. So present and managed are the same number. */
static void zoneinfo_show_zone(struct seq_file *m, struct zone *zone)
{
	struct zone_stat stat;
	unsigned int i;

	read_zone(zone, &stat);
	seq_printf(m, "\n  pages free     %lu", stat.nr_free);
	seq_printf(m, "\n        min      %lu", stat.watermark[WMARK_MIN]);
	seq_printf(m, "\n        low      %lu", stat.watermark[WMARK_LOW]);
	seq_printf(m, "\n        high     %lu", stat.watermark[WMARK_HIGH]);
	seq_printf(m, "\n        spanned  %lu", stat.end_pfn - stat.start_pfn);
	seq_printf(m, "\n        present  %lu", stat.managed_pages);
	seq_printf(m, "\n        managed  %lu", stat.managed_pages);
	seq_printf(m, "\n        protection: (%lu", stat.lowmem_reserve[0]);
	for (i = 1; i < MAX_NR_ZONES; i++)
		seq_printf(m, ", %lu", stat.lowmem_reserve[i]);
	seq_puts(m, ")");

	/* As in the kernel, an empty zone ends here. */
	if (stat.managed_pages) {
		seq_printf(m, "\n      %-12s %lu", "nr_free_pages",
			   stat.nr_free);
		zoneinfo_show_pcps(m, zone);
		seq_printf(m, "\n  start_pfn:           %lu", stat.start_pfn);
	}
	seq_puts(m, "\n");
}

static void zoneinfo_show(struct seq_file *m)
{
	bool node_shown = false;
	struct zone *zone;

	for_each_zone(zone) {
		seq_printf(m, "Node %d, zone %8s", 0, zone->name);
		if (!node_shown && populated_zone(zone)) {
			zoneinfo_show_node(m);
			node_shown = true;
		}
		zoneinfo_show_zone(m, zone);
	}
}

/* vmstat ------------------------------------------------------------------ */

static const char *const zone_suffixes[MAX_NR_ZONES] = {
	[ZONE_DMA] = "dma",
	[ZONE_DMA32] = "dma32",
	[ZONE_NORMAL] = "normal",
	[ZONE_MOVABLE] = "movable",
};

/* Our own counters, by zone event. */
static const char *const event_names[NR_ZONE_EVENTS] = {
	[PGSPLIT] = "buddy_split",
	[PGMERGE] = "buddy_merge",
	[PGSTEAL] = "buddy_steal",
	[PGSTEAL_BLOCK] = "buddy_steal_block",
	[PGREPORT] = "buddy_report",
};

/*
 * Pages are counted where they leave and enter the zone's free lists. The
 * kernel counts an allocation from a per-CPU list in pgalloc too; here these
 * are pcp_alloc, in blocks, and pgalloc holds what the lists were filled with.
 */
static void vmstat_show(struct seq_file *m)
{
	unsigned long nr_free = 0, event[NR_ZONE_EVENTS] = { 0 };
	unsigned long pgalloc[MAX_NR_ZONES];
	struct pcp_stat pcp = { 0 };
	struct slab_pages slab;
	struct zone_stat stat;
	struct zone *zone;
	unsigned int i;

	for_each_zone(zone) {
		read_zone(zone, &stat);
		nr_free += stat.nr_free;
		pgalloc[zone - zones] = stat.event[PGALLOC];
		for (i = 0; i < NR_ZONE_EVENTS; i++)
			event[i] += stat.event[i];
		add_all_pcps(zone, &pcp);
	}
	count_slab_pages(&slab);

	seq_printf(m, "nr_free_pages %lu\n", nr_free);
	seq_printf(m, "nr_slab_reclaimable %lu\n", slab.reclaimable);
	seq_printf(m, "nr_slab_unreclaimable %lu\n", slab.unreclaimable);
	seq_printf(m, "nr_memmap_pages %lu\n",
		   sparse_map_bytes() >> PAGE_SHIFT);
	for (i = 0; i < MAX_NR_ZONES; i++)
		seq_printf(m, "pgalloc_%s %lu\n", zone_suffixes[i],
			   pgalloc[i]);
	seq_printf(m, "pgfree %lu\n", event[PGFREE]);
	for (i = 0; i < NR_ZONE_EVENTS; i++)
		if (event_names[i])
			seq_printf(m, "%s %lu\n", event_names[i], event[i]);
	seq_printf(m, "pcp_pages %lu\n", pcp.count);
	seq_printf(m, "pcp_alloc %lu\n", pcp.allocs);
	seq_printf(m, "pcp_free %lu\n", pcp.frees);
	seq_printf(m, "fault_calls %llu\n",
		   (unsigned long long)atomic_load(&fault_calls));
	seq_printf(m, "fault_failures %llu\n",
		   (unsigned long long)atomic_load(&fault_failures));
}

/* meminfo ----------------------------------------------------------------- */

static void show_kb(struct seq_file *m, const char *label, unsigned long bytes)
{
	seq_printf(m, "%-15s %8lu kB\n", label, bytes >> 10);
}

static void show_pages(struct seq_file *m, const char *label,
		       unsigned long nr_pages)
{
	show_kb(m, label, nr_pages << PAGE_SHIFT);
}

/* Pages of a zone that ordinary requests cannot have. */
static unsigned long zone_reserve(const struct zone_stat *stat)
{
	unsigned long reserve = 0;
	unsigned int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		reserve = max_t(unsigned long, reserve,
				stat->lowmem_reserve[i]);
	reserve += stat->watermark[WMARK_HIGH];
	return min_t(unsigned long, reserve, stat->managed_pages);
}

/*
 * MemTotal is what has been brought online so far; it grows on demand.
 * MemAvailable is the kernel's estimate without its page cache and shrinkers,
 * but with the pages on per-CPU lists, which are drained before a request
 * fails.
 */
static void meminfo_show(struct seq_file *m)
{
	unsigned long total = 0, nr_free = 0, reserve = 0, available;
	unsigned long nr_areas;
	struct pcp_stat pcp = { 0 };
	struct slab_pages slab;
	struct zone_stat stat;
	size_t vmalloc_bytes, percpu_size;
	struct zone *zone;

	for_each_populated_zone(zone) {
		read_zone(zone, &stat);
		total += stat.managed_pages;
		nr_free += stat.nr_free;
		reserve += zone_reserve(&stat);
		add_all_pcps(zone, &pcp);
	}
	available = nr_free + pcp.count;
	available -= min_t(unsigned long, available, reserve);
	count_slab_pages(&slab);
	gate_enter();
	vmalloc_stat(&nr_areas, &vmalloc_bytes);
	percpu_size = percpu_bytes();
	gate_exit();

	show_pages(m, "MemTotal:", total);
	show_pages(m, "MemFree:", nr_free);
	show_pages(m, "MemAvailable:", available);
	show_pages(m, "Slab:", slab.reclaimable + slab.unreclaimable);
	show_pages(m, "SReclaimable:", slab.reclaimable);
	show_pages(m, "SUnreclaim:", slab.unreclaimable);
	show_kb(m, "VmallocUsed:", vmalloc_bytes);
	show_kb(m, "Percpu:", percpu_size);
}

/* The front door ---------------------------------------------------------- */

static const struct report {
	const char *name;
	void (*show)(struct seq_file *m);
} reports[] = {
	{ "buddyinfo", buddyinfo_show },
	{ "pagetypeinfo", pagetypeinfo_show },
	{ "zoneinfo", zoneinfo_show },
	{ "vmstat", vmstat_show },
	{ "meminfo", meminfo_show },
	{ "slabinfo", slabinfo_show },
	{ "page_owner", page_owner_show },
	{ "allocinfo", allocinfo_show },
	{ "heap_profile", heap_profile_show },
};

int kmm_show(const char *name, int fd)
{
	struct seq_file m;

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		if (__builtin_strcmp(name, reports[i].name))
			continue;
		if (!mm_ready())
			return -ENOMEM;
		seq_open(&m, fd);
		reports[i].show(&m);
		return seq_close(&m);
	}
	return -ENOENT;
}
