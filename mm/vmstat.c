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
 * Not here:	how the numbers are written (report_format.c).
 */
#include <errno.h>

#include <kmm/kmm.h>

#include "../lib/fault_inject.h"
#include "../lib/gate.h"
#include "../lib/percpu.h"
#include "page_list.h"
#include "page_owner.h"
#include "profile.h"
#include "vmstat.h"

#define for_each_zone(zone) \
	for ((zone) = zones; (zone) < zones + MAX_NR_ZONES; (zone)++)

/* Copies ------------------------------------------------------------------ */

static void read_zone(struct zone *zone, struct zone_stat *stat)
{
	gate_enter();
	spin_lock(&zone->lock);
	zone_stat_read(stat, zone, zone->name);
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

	for_each_populated_zone(zone) {
		read_zone(zone, &stat);
		buddyinfo_line(m, &stat);
	}
}

/* pagetypeinfo ------------------------------------------------------------ */

/* Blocks on one list; one more than MAX_LIST_WALK stands for any number. */
static unsigned long count_free_list(struct zone *zone, unsigned int order,
				     unsigned int type)
{
	struct page_list *list = &zone->free_area[order].free_list[type];
	unsigned long nr = 0;
	struct page *page;

	gate_enter();
	spin_lock(&zone->lock);
	page_list_for_each(page, list) {
		if (++nr > MAX_LIST_WALK)
			break;
	}
	spin_unlock(&zone->lock);
	gate_exit();
	return nr;
}

static void pagetypeinfo_show_free(struct seq_file *m, struct zone *zone)
{
	unsigned long nr[NR_PAGE_ORDERS];
	unsigned int type, order;

	for (type = 0; type < MIGRATE_TYPES; type++) {
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			nr[order] = count_free_list(zone, order, type);
		pagetypeinfo_free_line(m, zone->name, type, nr);
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
	unsigned int i;

	for (i = 0; i < sparse_nr_ranges(); i++)
		count_pageblocks(sparse_range(i), zone, nr);
	pagetypeinfo_blocks_line(m, zone->name, nr);
}

static void pagetypeinfo_show(struct seq_file *m)
{
	struct zone *zone;

	pagetypeinfo_head(m, pageblock_order);
	for_each_populated_zone(zone)
		pagetypeinfo_show_free(m, zone);
	pagetypeinfo_blocks_head(m);
	for_each_populated_zone(zone)
		pagetypeinfo_show_blocks(m, zone);
}

/* zoneinfo ---------------------------------------------------------------- */

static void zoneinfo_show_pcps(struct seq_file *m, struct zone *zone)
{
	struct pcp_stat stat;
	unsigned int cpu;

	for_each_used_cpu(cpu)
		if (read_pcp(zone, cpu, &stat))
			zoneinfo_pcp(m, cpu, &stat);
}

static void zoneinfo_show(struct seq_file *m)
{
	bool node_shown = false;
	struct slab_pages slab;
	struct zone_stat stat;
	struct zone *zone;

	for_each_zone(zone) {
		read_zone(zone, &stat);
		zoneinfo_begin(m, &stat);
		if (!node_shown && stat.managed_pages) {
			count_slab_pages(&slab);
			zoneinfo_node(m, &slab);
			node_shown = true;
		}
		zoneinfo_zone(m, &stat);
		if (stat.managed_pages)
			zoneinfo_show_pcps(m, zone);
		zoneinfo_end(m, &stat);
	}
}

/* vmstat ------------------------------------------------------------------ */

/*
 * Pages are counted where they leave and enter the zone's free lists. The
 * kernel counts an allocation from a per-CPU list in pgalloc too; here these
 * are pcp_alloc, in blocks, and pgalloc holds what the lists were filled with.
 */
static void vmstat_show(struct seq_file *m)
{
	struct vmstat vmstat = { 0 };
	struct zone_stat stat;
	struct zone *zone;
	unsigned int i;

	for_each_zone(zone) {
		read_zone(zone, &stat);
		vmstat.nr_free += stat.nr_free;
		vmstat.pgalloc[zone - zones] = stat.event[PGALLOC];
		for (i = 0; i < NR_ZONE_EVENTS; i++)
			vmstat.event[i] += stat.event[i];
		add_all_pcps(zone, &vmstat.pcp);
	}
	count_slab_pages(&vmstat.slab);
	vmstat.memmap_pages = sparse_map_bytes() >> PAGE_SHIFT;
	vmstat.fault_calls = atomic_load(&fault_calls);
	vmstat.fault_failures = atomic_load(&fault_failures);
	vmstat_rows(&vmstat, vmstat_line, m);
}

/* meminfo ----------------------------------------------------------------- */

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
	struct meminfo info;
	struct zone *zone;

	for_each_populated_zone(zone) {
		read_zone(zone, &stat);
		total += stat.managed_pages;
		nr_free += stat.nr_free;
		reserve += zone_stat_reserve(&stat);
		add_all_pcps(zone, &pcp);
	}
	available = nr_free + pcp.count;
	available -= min_t(unsigned long, available, reserve);
	count_slab_pages(&slab);
	gate_enter();
	vmalloc_stat(&nr_areas, &info.vmalloc);
	info.percpu = percpu_bytes();
	gate_exit();

	info.total = total << PAGE_SHIFT;
	info.free = nr_free << PAGE_SHIFT;
	info.available = available << PAGE_SHIFT;
	info.slab_reclaimable = slab.reclaimable << PAGE_SHIFT;
	info.slab_unreclaimable = slab.unreclaimable << PAGE_SHIFT;
	meminfo_rows(&info, meminfo_line, m);
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
