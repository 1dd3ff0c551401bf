// SPDX-License-Identifier: MIT
/*
 * kmm slabinfo, buddyinfo, pagetypeinfo, zoneinfo, vmstat and meminfo: what
 * kmm_show() writes in the process, read from outside.
 *
 * As text they are the kernel's formats, byte for byte what mm/vmstat.c and
 * mm/slabinfo.c write, where the columns are explained; a test compares them. As
 * tables they have the same numbers under the same names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "view_command.h"

#define COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

#define for_each_view_zone(v, zone)					\
	for ((zone) = (v)->zones; (zone) < (v)->zones + MAX_NR_ZONES; (zone)++)
#define for_each_populated(v, zone)					\
	for_each_view_zone(v, zone)					\
		if ((zone)->z.managed_pages)

/* slabinfo ----------------------------------------------------------------- */

static void slabinfo_text(struct view *v, FILE *out)
{
	const struct view_cache *c;

	fputs("slabinfo - version: 2.1\n"
	      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
	      " : tunables <limit> <batchcount> <sharedfactor>"
	      " : slabdata <active_slabs> <num_slabs> <sharedavail>\n", out);
	for (c = v->caches; c < v->caches + v->nr_caches; c++) {
		fprintf(out, "%-17s %6lu %6lu %6u %4u %4d", c->name,
			view_active(c), c->s.node.nr_objects, c->s.size,
			c->s.objects, 1 << c->s.order);
		fprintf(out, " : tunables %4u %4u %4u", 0, 0, 0);
		fprintf(out, " : slabdata %6lu %6lu %6lu\n",
			c->s.node.nr_slabs, c->s.node.nr_slabs, 0ul);
	}
}

static void show_slabinfo(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "name", OUTPUT_STRING },
		{ "active_objs", OUTPUT_NUMBER },
		{ "num_objs", OUTPUT_NUMBER },
		{ "objsize", OUTPUT_NUMBER },
		{ "objperslab", OUTPUT_NUMBER },
		{ "pagesperslab", OUTPUT_NUMBER },
		{ "num_slabs", OUTPUT_NUMBER },
	};
	const struct view_cache *c;

	(void)operands;
	if (o->format == OUTPUT_TEXT) {
		slabinfo_text(v, o->out);
		return;
	}
	output_table(o, COLUMNS(columns));
	for (c = v->caches; c < v->caches + v->nr_caches; c++) {
		output_string(o, c->name);
		output_number(o, view_active(c));
		output_number(o, c->s.node.nr_objects);
		output_number(o, c->s.size);
		output_number(o, c->s.objects);
		output_number(o, 1ul << c->s.order);
		output_number(o, c->s.node.nr_slabs);
	}
}

/* buddyinfo ---------------------------------------------------------------- */

#define ORDER_COLUMNS							\
	{ "order0", OUTPUT_NUMBER }, { "order1", OUTPUT_NUMBER },	\
	{ "order2", OUTPUT_NUMBER }, { "order3", OUTPUT_NUMBER },	\
	{ "order4", OUTPUT_NUMBER }, { "order5", OUTPUT_NUMBER },	\
	{ "order6", OUTPUT_NUMBER }, { "order7", OUTPUT_NUMBER },	\
	{ "order8", OUTPUT_NUMBER }, { "order9", OUTPUT_NUMBER },	\
	{ "order10", OUTPUT_NUMBER }

_Static_assert(NR_PAGE_ORDERS == 11, "a column for each order");

static void show_buddyinfo(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "node", OUTPUT_NUMBER },
		{ "zone", OUTPUT_STRING },
		ORDER_COLUMNS
	};
	const struct view_zone *zone;
	unsigned int order;

	(void)operands;
	if (o->format != OUTPUT_TEXT)
		output_table(o, COLUMNS(columns));
	for_each_populated(v, zone) {
		if (o->format == OUTPUT_TEXT) {
			fprintf(o->out, "Node %d, zone %8s ", 0, zone->name);
			for (order = 0; order < NR_PAGE_ORDERS; order++)
				fprintf(o->out, "%6lu ",
					zone->z.free_area[order].nr_free);
			putc('\n', o->out);
			continue;
		}
		output_number(o, 0);
		output_string(o, zone->name);
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			output_number(o, zone->z.free_area[order].nr_free);
	}
}

/* pagetypeinfo ------------------------------------------------------------- */

/* As mm/vmstat.c: a longer list is cut. */
#define MAX_LIST_WALK 100000

static const char *const migratetype_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable",
	[MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable",
	[MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_ISOLATE] = "Isolate",
};

struct page_types {
	unsigned long free[MAX_NR_ZONES][MIGRATE_TYPES][NR_PAGE_ORDERS];
	unsigned long pageblocks[MAX_NR_ZONES][MIGRATE_TYPES];
};

static void count_free(struct view *v, const struct view_block *block,
		       void *data)
{
	struct page_types *types = data;

	if (block->kind == VIEW_FREE)
		types->free[view_pfn_zone(v, block->pfn)][block->migratetype]
			   [block->page.order]++;
}

static void count_pageblocks(struct view *v, const struct mem_range *range,
			     struct page_types *types)
{
	unsigned long step = 1ul << v->pageblock_order, pfn;
	uint64_t address;
	unsigned int type;
	struct page page;

	for (pfn = range->start_pfn; pfn < range->end_pfn; pfn += step) {
		address = (uint64_t)(range->pages + (pfn - range->start_pfn));
		if (!view_read_at(v, address, &page, sizeof(page)))
			return;
		type = page.pageblock ^ MIGRATE_MOVABLE;
		if (type < MIGRATE_TYPES)
			types->pageblocks[view_pfn_zone(v, pfn)][type]++;
	}
}

static struct page_types *read_page_types(struct view *v)
{
	struct page_types *types = xcalloc(1, sizeof(*types));
	unsigned int i;

	view_for_each_block(v, count_free, types);
	for (i = 0; i < v->nr_ranges; i++)
		count_pageblocks(v, &v->ranges[i], types);
	return types;
}

static void pagetypeinfo_free_text(FILE *out, const struct view_zone *zone,
				   unsigned long (*free)[NR_PAGE_ORDERS])
{
	unsigned int type, order;

	for (type = 0; type < MIGRATE_TYPES; type++) {
		fprintf(out, "Node %4d, zone %8s, type %12s ", 0, zone->name,
			migratetype_names[type]);
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			if (free[type][order] > MAX_LIST_WALK)
				fprintf(out, ">%6d ", MAX_LIST_WALK);
			else
				fprintf(out, "%6lu ", free[type][order]);
		putc('\n', out);
	}
}

static void pagetypeinfo_text(struct view *v, FILE *out,
			      struct page_types *types)
{
	const struct view_zone *zone;
	unsigned int i;

	fprintf(out, "Page block order: %u\n", v->pageblock_order);
	fprintf(out, "Pages per block:  %lu\n\n", 1ul << v->pageblock_order);
	fprintf(out, "%-43s ", "Free pages count per migrate type at order");
	for (i = 0; i < NR_PAGE_ORDERS; i++)
		fprintf(out, "%6u ", i);
	putc('\n', out);
	for_each_populated(v, zone)
		pagetypeinfo_free_text(out, zone, types->free[zone - v->zones]);
	fprintf(out, "\n%-23s", "Number of blocks type ");
	for (i = 0; i < MIGRATE_TYPES; i++)
		fprintf(out, "%12s ", migratetype_names[i]);
	putc('\n', out);
	for_each_populated(v, zone) {
		fprintf(out, "Node %d, zone %8s ", 0, zone->name);
		for (i = 0; i < MIGRATE_TYPES; i++)
			fprintf(out, "%12lu ",
				types->pageblocks[zone - v->zones][i]);
		putc('\n', out);
	}
}

static void show_pagetypeinfo(struct view *v, struct output *o,
			      char **operands)
{
	static const struct output_column columns[] = {
		{ "node", OUTPUT_NUMBER },
		{ "zone", OUTPUT_STRING },
		{ "type", OUTPUT_STRING },
		{ "pageblocks", OUTPUT_NUMBER },
		ORDER_COLUMNS
	};
	struct page_types *types = read_page_types(v);
	const struct view_zone *zone;
	unsigned int type, order;

	(void)operands;
	if (o->format == OUTPUT_TEXT) {
		pagetypeinfo_text(v, o->out, types);
		free(types);
		return;
	}
	output_table(o, COLUMNS(columns));
	for_each_populated(v, zone) {
		for (type = 0; type < MIGRATE_TYPES; type++) {
			output_number(o, 0);
			output_string(o, zone->name);
			output_string(o, migratetype_names[type]);
			output_number(o, types->pageblocks[zone - v->zones]
							  [type]);
			for (order = 0; order < NR_PAGE_ORDERS; order++)
				output_number(o, types->free[zone - v->zones]
							    [type][order]);
		}
	}
	free(types);
}

/* zoneinfo ----------------------------------------------------------------- */

static void zoneinfo_pcps_text(struct view *v, FILE *out,
			       const struct view_zone *zone)
{
	const struct per_cpu_pages *pcp;
	u32 cpu;

	fputs("\n  pagesets", out);
	for (cpu = 0; cpu < v->percpu.nr_used; cpu++) {
		pcp = &zone->pcps[cpu];
		if (!pcp->batch)
			continue;
		fprintf(out, "\n    cpu: %u", cpu);
		fprintf(out, "\n              count:    %u", pcp->count);
		fprintf(out, "\n              high:     %u", pcp->high);
		fprintf(out, "\n              batch:    %u", pcp->batch);
	}
}

static void zoneinfo_zone_text(struct view *v, FILE *out,
			       const struct view_zone *zone)
{
	const struct zone *z = &zone->z;
	unsigned int i;

	fprintf(out, "\n  pages free     %lu", z->nr_free);
	fprintf(out, "\n        min      %lu", z->watermark[WMARK_MIN]);
	fprintf(out, "\n        low      %lu", z->watermark[WMARK_LOW]);
	fprintf(out, "\n        high     %lu", z->watermark[WMARK_HIGH]);
	fprintf(out, "\n        spanned  %lu", z->end_pfn - z->start_pfn);
	fprintf(out, "\n        present  %lu", z->managed_pages);
	fprintf(out, "\n        managed  %lu", z->managed_pages);
	fprintf(out, "\n        protection: (%lu", z->lowmem_reserve[0]);
	for (i = 1; i < MAX_NR_ZONES; i++)
		fprintf(out, ", %lu", z->lowmem_reserve[i]);
	putc(')', out);
	if (z->managed_pages) {
		fprintf(out, "\n      %-12s %lu", "nr_free_pages", z->nr_free);
		zoneinfo_pcps_text(v, out, zone);
		fprintf(out, "\n  start_pfn:           %lu", z->start_pfn);
	}
	putc('\n', out);
}

static void zoneinfo_text(struct view *v, FILE *out,
			  const struct view_memory *memory)
{
	const struct view_zone *zone;
	bool node_shown = false;

	for_each_view_zone(v, zone) {
		fprintf(out, "Node %d, zone %8s", 0, zone->name);
		if (!node_shown && zone->z.managed_pages) {
			fputs("\n  per-node stats", out);
			fprintf(out, "\n      %-12s %lu", "nr_slab_reclaimable",
				(unsigned long)memory->slab_reclaimable >>
					v->page_shift);
			fprintf(out, "\n      %-12s %lu",
				"nr_slab_unreclaimable",
				(unsigned long)memory->slab_unreclaimable >>
					v->page_shift);
			node_shown = true;
		}
		zoneinfo_zone_text(v, out, zone);
	}
}

/* One number of a zone, or of a CPU in it. */
static void zoneinfo_row(struct output *o, const struct view_zone *zone,
			 long cpu, const char *name, unsigned long value)
{
	output_string(o, zone->name);
	if (cpu < 0)
		output_nothing(o);
	else
		output_number(o, (uint64_t)cpu);
	output_string(o, name);
	output_number(o, value);
}

static void zoneinfo_rows(struct view *v, struct output *o,
			  const struct view_zone *zone)
{
	const struct zone *z = &zone->z;
	const struct per_cpu_pages *pcp;
	u32 cpu;

	zoneinfo_row(o, zone, -1, "free", z->nr_free);
	zoneinfo_row(o, zone, -1, "min", z->watermark[WMARK_MIN]);
	zoneinfo_row(o, zone, -1, "low", z->watermark[WMARK_LOW]);
	zoneinfo_row(o, zone, -1, "high", z->watermark[WMARK_HIGH]);
	zoneinfo_row(o, zone, -1, "spanned", z->end_pfn - z->start_pfn);
	zoneinfo_row(o, zone, -1, "present", z->managed_pages);
	zoneinfo_row(o, zone, -1, "managed", z->managed_pages);
	zoneinfo_row(o, zone, -1, "start_pfn", z->start_pfn);
	for (cpu = 0; cpu < v->percpu.nr_used; cpu++) {
		pcp = &zone->pcps[cpu];
		if (!pcp->batch)
			continue;
		zoneinfo_row(o, zone, cpu, "count", pcp->count);
		zoneinfo_row(o, zone, cpu, "high", pcp->high);
		zoneinfo_row(o, zone, cpu, "batch", pcp->batch);
	}
}

static void show_zoneinfo(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "zone", OUTPUT_STRING },
		{ "cpu", OUTPUT_NUMBER },
		{ "name", OUTPUT_STRING },
		{ "value", OUTPUT_NUMBER },
	};
	const struct view_zone *zone;
	struct view_memory memory;

	(void)operands;
	if (o->format == OUTPUT_TEXT) {
		view_memory(v, &memory);
		zoneinfo_text(v, o->out, &memory);
		return;
	}
	output_table(o, COLUMNS(columns));
	for_each_view_zone(v, zone)
		zoneinfo_rows(v, o, zone);
}

/* vmstat, meminfo ---------------------------------------------------------- */

static const struct output_column name_and_value[] = {
	{ "name", OUTPUT_STRING },
	{ "value", OUTPUT_NUMBER },
};

static void vmstat_row(struct output *o, const char *name, unsigned long value)
{
	if (o->format == OUTPUT_TEXT) {
		fprintf(o->out, "%s %lu\n", name, value);
		return;
	}
	output_string(o, name);
	output_number(o, value);
}

static uint64_t read_counter(struct view *v, const char *root)
{
	uint64_t value;

	remote_read_root(v->remote, root, &value, sizeof(value));
	return value;
}

static void show_vmstat(struct view *v, struct output *o, char **operands)
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
	unsigned long event[NR_ZONE_EVENTS] = { 0 }, allocs = 0, frees = 0;
	const struct view_zone *zone;
	struct view_memory memory;
	unsigned int i;
	u32 cpu;

	(void)operands;
	view_memory(v, &memory);
	for_each_view_zone(v, zone) {
		for (i = 0; i < NR_ZONE_EVENTS; i++)
			event[i] += zone->z.event[i];
		for (cpu = 0; cpu < v->percpu.nr_used; cpu++) {
			if (!zone->pcps[cpu].batch)
				continue;
			allocs += zone->pcps[cpu].allocs;
			frees += zone->pcps[cpu].frees;
		}
	}
	if (o->format != OUTPUT_TEXT)
		output_table(o, COLUMNS(name_and_value));
	vmstat_row(o, "nr_free_pages", memory.free >> v->page_shift);
	vmstat_row(o, "nr_slab_reclaimable",
		   memory.slab_reclaimable >> v->page_shift);
	vmstat_row(o, "nr_slab_unreclaimable",
		   memory.slab_unreclaimable >> v->page_shift);
	vmstat_row(o, "nr_memmap_pages", memory.map >> v->page_shift);
	for (i = 0; i < MAX_NR_ZONES; i++)
		vmstat_row(o, pgalloc_names[i], v->zones[i].z.event[PGALLOC]);
	for (i = 0; i < NR_ZONE_EVENTS; i++)
		if (event_names[i])
			vmstat_row(o, event_names[i], event[i]);
	vmstat_row(o, "pcp_pages", memory.pcp >> v->page_shift);
	vmstat_row(o, "pcp_alloc", allocs);
	vmstat_row(o, "pcp_free", frees);
	vmstat_row(o, "fault_calls", read_counter(v, "fault_calls"));
	vmstat_row(o, "fault_failures", read_counter(v, "fault_failures"));
}

static void meminfo_row(struct output *o, const char *name, uint64_t bytes)
{
	char label[32];

	if (o->format == OUTPUT_TEXT) {
		snprintf(label, sizeof(label), "%s:", name);
		fprintf(o->out, "%-15s %8lu kB\n", label,
			(unsigned long)bytes >> 10);
		return;
	}
	output_string(o, name);
	output_number(o, bytes);
}

static void show_meminfo(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "name", OUTPUT_STRING },
		{ "bytes", OUTPUT_NUMBER },
	};
	struct view_memory memory;

	(void)operands;
	view_memory(v, &memory);
	if (o->format != OUTPUT_TEXT)
		output_table(o, COLUMNS(columns));
	meminfo_row(o, "MemTotal", memory.total);
	meminfo_row(o, "MemFree", memory.free);
	meminfo_row(o, "MemAvailable", memory.available);
	meminfo_row(o, "Slab",
		    memory.slab_reclaimable + memory.slab_unreclaimable);
	meminfo_row(o, "SReclaimable", memory.slab_reclaimable);
	meminfo_row(o, "SUnreclaim", memory.slab_unreclaimable);
	meminfo_row(o, "VmallocUsed", memory.vmalloc);
	meminfo_row(o, "Percpu", memory.percpu);
}

/* The commands ------------------------------------------------------------- */

#define REPORT(name, text)						\
int cmd_##name(int argc, char **argv)					\
{									\
	static const struct view_command command = {			\
		.report = #name,					\
		.args_doc = "PID|CORE",					\
		.doc = text "\vText is the kernel's format, as "	\
		       "kmm_show(\"" #name "\") writes it in the "	\
		       "process.",					\
		.show = show_##name,					\
	};								\
									\
	return view_main(&command, argc, argv);				\
}

REPORT(slabinfo, "Shows the caches: objects, and slabs.")
REPORT(buddyinfo, "Shows the free blocks of each zone, by order.")
REPORT(pagetypeinfo,
       "Shows free blocks by zone, migratetype and order, and pageblocks.")
REPORT(zoneinfo, "Shows each zone's size, watermarks and per-CPU page lists.")
REPORT(vmstat, "Shows the counters of pages.")
REPORT(meminfo, "Shows how much memory there is, and what it is used for.")
