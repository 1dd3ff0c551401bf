// SPDX-License-Identifier: MIT
/*
 * How the reports look: the kernel's formats, and what is computed for them.
 *
 *	mm/vmstat.c, mm/slabinfo.c	numbers of this process  -+
 *								  +-> text
 *	kmm				of another one		 -+
 *
 * A tool made for the kernel's files can read the text. Fields whose subject does
 * not exist here (page cache, swap, anonymous memory) are left out; those that
 * remain have the kernel's name, order and layout. Counters that the kernel does
 * not have come last in vmstat and begin with buddy_, pcp_ or fault_.
 *
 * kmm has this file as well, and a seq_printf() of its own: so nothing here looks
 * at any state.
 *
 * Source:	kernel mm/vmstat.c, mm/show_mem.c, fs/proc/meminfo.c,
 *		mm/slab_common.c, cache_show().
 */
#include "report_format.h"

#include <string.h>

const char *const migratetype_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable",
	[MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable",
	[MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_ISOLATE] = "Isolate",
};

/* Numbers ------------------------------------------------------------------ */

void zone_stat_read(struct zone_stat *stat, const struct zone *zone,
		    const char *name)
{
	unsigned int i;

	stat->name = name;
	for (i = 0; i < NR_PAGE_ORDERS; i++)
		stat->nr_blocks[i] = zone->free_area[i].nr_free;
	memcpy(stat->event, zone->event, sizeof(stat->event));
	memcpy(stat->watermark, zone->watermark, sizeof(stat->watermark));
	memcpy(stat->lowmem_reserve, zone->lowmem_reserve,
	       sizeof(stat->lowmem_reserve));
	stat->nr_free = zone->nr_free;
	stat->managed_pages = zone->managed_pages;
	stat->start_pfn = zone->start_pfn;
	stat->end_pfn = zone->end_pfn;
}

unsigned long zone_stat_reserve(const struct zone_stat *stat)
{
	unsigned long reserve = 0;
	unsigned int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		reserve = max_t(unsigned long, reserve,
				stat->lowmem_reserve[i]);
	reserve += stat->watermark[WMARK_HIGH];
	return min_t(unsigned long, reserve, stat->managed_pages);
}

/* buddyinfo, pagetypeinfo -------------------------------------------------- */

void buddyinfo_line(struct seq_file *m, const struct zone_stat *stat)
{
	unsigned int order;

	seq_printf(m, "Node %d, zone %8s ", 0, stat->name);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		seq_printf(m, "%6lu ", stat->nr_blocks[order]);
	seq_printf(m, "\n");
}

void pagetypeinfo_head(struct seq_file *m, unsigned int block_order)
{
	unsigned int order;

	seq_printf(m, "Page block order: %u\n", block_order);
	seq_printf(m, "Pages per block:  %lu\n\n", 1UL << block_order);
	seq_printf(m, "%-43s ", "Free pages count per migrate type at order");
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		seq_printf(m, "%6u ", order);
	seq_printf(m, "\n");
}

void pagetypeinfo_free_line(struct seq_file *m, const char *zone,
			    unsigned int type,
			    const unsigned long nr[NR_PAGE_ORDERS])
{
	unsigned int order;

	seq_printf(m, "Node %4d, zone %8s, type %12s ", 0, zone,
		   migratetype_names[type]);
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		if (nr[order] > MAX_LIST_WALK)
			seq_printf(m, ">%6d ", MAX_LIST_WALK);
		else
			seq_printf(m, "%6lu ", nr[order]);
	}
	seq_printf(m, "\n");
}

void pagetypeinfo_blocks_head(struct seq_file *m)
{
	unsigned int type;

	seq_printf(m, "\n%-23s", "Number of blocks type ");
	for (type = 0; type < MIGRATE_TYPES; type++)
		seq_printf(m, "%12s ", migratetype_names[type]);
	seq_printf(m, "\n");
}

void pagetypeinfo_blocks_line(struct seq_file *m, const char *zone,
			      const unsigned long nr[MIGRATE_TYPES])
{
	unsigned int type;

	seq_printf(m, "Node %d, zone %8s ", 0, zone);
	for (type = 0; type < MIGRATE_TYPES; type++)
		seq_printf(m, "%12lu ", nr[type]);
	seq_printf(m, "\n");
}

/* zoneinfo ----------------------------------------------------------------- */

void zoneinfo_begin(struct seq_file *m, const struct zone_stat *stat)
{
	seq_printf(m, "Node %d, zone %8s", 0, stat->name);
}

void zoneinfo_node(struct seq_file *m, const struct slab_pages *slab)
{
	seq_printf(m, "\n  per-node stats");
	seq_printf(m, "\n      %-12s %lu", "nr_slab_reclaimable",
		   slab->reclaimable);
	seq_printf(m, "\n      %-12s %lu", "nr_slab_unreclaimable",
		   slab->unreclaimable);
}

/* All memory of a zone is managed by the buddy system: the struct pages lie
 * elsewhere. So present and managed are the same number. */
void zoneinfo_zone(struct seq_file *m, const struct zone_stat *stat)
{
	unsigned int i;

	seq_printf(m, "\n  pages free     %lu", stat->nr_free);
	seq_printf(m, "\n        min      %lu", stat->watermark[WMARK_MIN]);
	seq_printf(m, "\n        low      %lu", stat->watermark[WMARK_LOW]);
	seq_printf(m, "\n        high     %lu", stat->watermark[WMARK_HIGH]);
	seq_printf(m, "\n        spanned  %lu",
		   stat->end_pfn - stat->start_pfn);
	seq_printf(m, "\n        present  %lu", stat->managed_pages);
	seq_printf(m, "\n        managed  %lu", stat->managed_pages);
	seq_printf(m, "\n        protection: (%lu", stat->lowmem_reserve[0]);
	for (i = 1; i < MAX_NR_ZONES; i++)
		seq_printf(m, ", %lu", stat->lowmem_reserve[i]);
	seq_printf(m, ")");
	/* As in the kernel, an empty zone ends here. */
	if (stat->managed_pages) {
		seq_printf(m, "\n      %-12s %lu", "nr_free_pages",
			   stat->nr_free);
		seq_printf(m, "\n  pagesets");
	}
}

void zoneinfo_pcp(struct seq_file *m, unsigned int cpu,
		  const struct pcp_stat *stat)
{
	seq_printf(m, "\n    cpu: %u", cpu);
	seq_printf(m, "\n              count:    %lu", stat->count);
	seq_printf(m, "\n              high:     %lu", stat->high);
	seq_printf(m, "\n              batch:    %lu", stat->batch);
}

void zoneinfo_end(struct seq_file *m, const struct zone_stat *stat)
{
	if (stat->managed_pages)
		seq_printf(m, "\n  start_pfn:           %lu", stat->start_pfn);
	seq_printf(m, "\n");
}

/* slabinfo ----------------------------------------------------------------- */

void slabinfo_head(struct seq_file *m)
{
	seq_printf(m, "slabinfo - version: 2.1\n");
	seq_printf(m, "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
	seq_printf(m, " : tunables <limit> <batchcount> <sharedfactor>");
	seq_printf(m, " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
}

/* Tunables are 0 and all slabs active, as with SLUB. */
void slabinfo_line(struct seq_file *m, const struct slabinfo_row *row)
{
	seq_printf(m, "%-17s %6lu %6lu %6u %4u %4d", row->name,
		   row->active_objs, row->num_objs, row->size,
		   row->objects_per_slab, 1 << row->order);
	seq_printf(m, " : tunables %4u %4u %4u", 0, 0, 0);
	seq_printf(m, " : slabdata %6lu %6lu %6lu\n", row->num_slabs,
		   row->num_slabs, 0UL);
}

/* vmstat, meminfo ---------------------------------------------------------- */

void vmstat_rows(const struct vmstat *stat, report_row_fn row, void *data)
{
	static const char *const pgalloc_names[MAX_NR_ZONES] = {
		[ZONE_DMA] = "pgalloc_dma",
		[ZONE_DMA32] = "pgalloc_dma32",
		[ZONE_NORMAL] = "pgalloc_normal",
		[ZONE_MOVABLE] = "pgalloc_movable",
	};
	static const char *const event_names[NR_ZONE_EVENTS] = {
		[PGFREE] = "pgfree",
		[PGSPLIT] = "buddy_split",
		[PGMERGE] = "buddy_merge",
		[PGSTEAL] = "buddy_steal",
		[PGSTEAL_BLOCK] = "buddy_steal_block",
		[PGREPORT] = "buddy_report",
	};
	unsigned int i;

	row(data, "nr_free_pages", stat->nr_free);
	row(data, "nr_slab_reclaimable", stat->slab.reclaimable);
	row(data, "nr_slab_unreclaimable", stat->slab.unreclaimable);
	row(data, "nr_memmap_pages", stat->memmap_pages);
	for (i = 0; i < MAX_NR_ZONES; i++)
		row(data, pgalloc_names[i], stat->pgalloc[i]);
	for (i = 0; i < NR_ZONE_EVENTS; i++)
		if (event_names[i])
			row(data, event_names[i], stat->event[i]);
	row(data, "pcp_pages", stat->pcp.count);
	row(data, "pcp_alloc", stat->pcp.allocs);
	row(data, "pcp_free", stat->pcp.frees);
	row(data, "fault_calls", stat->fault_calls);
	row(data, "fault_failures", stat->fault_failures);
}

void vmstat_line(void *data, const char *name, unsigned long value)
{
	seq_printf(data, "%s %lu\n", name, value);
}

void meminfo_rows(const struct meminfo *info, report_row_fn row, void *data)
{
	row(data, "MemTotal", info->total);
	row(data, "MemFree", info->free);
	row(data, "MemAvailable", info->available);
	row(data, "Slab", info->slab_reclaimable + info->slab_unreclaimable);
	row(data, "SReclaimable", info->slab_reclaimable);
	row(data, "SUnreclaim", info->slab_unreclaimable);
	row(data, "VmallocUsed", info->vmalloc);
	row(data, "Percpu", info->percpu);
}

void meminfo_line(void *data, const char *name, unsigned long value)
{
	/* The name and its colon in 15 columns. */
	seq_printf(data, "%s:%*s %8lu kB\n", name, 14 - (int)strlen(name), "",
		   value >> 10);
}
