// SPDX-License-Identifier: MIT
/*
 * kmm slabinfo, buddyinfo, pagetypeinfo, zoneinfo, vmstat and meminfo: what
 * kmm_show() writes in the process, read from outside.
 *
 * As text they are the kernel's formats, written by the same functions as in the
 * library (mm/report_format.c). As tables they have the same numbers under the
 * same names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "report_format.h"
#include "view_command.h"

#define COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

#define for_each_view_zone(v, zone)					\
	for ((zone) = (v)->zones; (zone) < (v)->zones + MAX_NR_ZONES; (zone)++)
#define for_each_populated(v, zone)					\
	for_each_view_zone(v, zone)					\
		if ((zone)->z.managed_pages)

/* The library writes reports to a descriptor, kmm to a stream. */
struct stream {
	struct seq_file m;
	FILE *out;
};

void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(container_of(m, struct stream, m)->out, fmt, args);
	va_end(args);
}

static void zone_stat(const struct view_zone *zone, struct zone_stat *stat)
{
	zone_stat_read(stat, &zone->z, zone->name);
}

static void pcp_stat(const struct per_cpu_pages *pcp, struct pcp_stat *stat)
{
	*stat = (struct pcp_stat){ .count = pcp->count,
				   .high = pcp->high,
				   .batch = pcp->batch,
				   .allocs = pcp->allocs,
				   .frees = pcp->frees };
}

static void slab_pages(const struct view *v, const struct view_memory *memory,
		       struct slab_pages *slab)
{
	slab->reclaimable = memory->slab_reclaimable >> v->page_shift;
	slab->unreclaimable = memory->slab_unreclaimable >> v->page_shift;
}

/* slabinfo ----------------------------------------------------------------- */

static void slabinfo_text(struct view *v, FILE *out)
{
	struct stream stream = { .out = out };
	const struct view_cache *c;
	struct slabinfo_row row;

	slabinfo_head(&stream.m);
	for (c = v->caches; c < v->caches + v->nr_caches; c++) {
		row = (struct slabinfo_row){
			.active_objs = view_active(c),
			.num_objs = c->s.node.nr_objects,
			.num_slabs = c->s.node.nr_slabs,
			.size = c->s.size,
			.objects_per_slab = c->s.objects,
			.order = c->s.order,
		};
		_Static_assert(sizeof(row.name) == sizeof(c->name),
			       "both are cut at the same length");
		memcpy(row.name, c->name, sizeof(row.name));
		slabinfo_line(&stream.m, &row);
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
	struct stream stream = { .out = o->out };
	const struct view_zone *zone;
	struct zone_stat stat;
	unsigned int order;

	(void)operands;
	if (o->format != OUTPUT_TEXT)
		output_table(o, COLUMNS(columns));
	for_each_populated(v, zone) {
		if (o->format == OUTPUT_TEXT) {
			zone_stat(zone, &stat);
			buddyinfo_line(&stream.m, &stat);
			continue;
		}
		output_number(o, 0);
		output_string(o, zone->name);
		for (order = 0; order < NR_PAGE_ORDERS; order++)
			output_number(o, zone->z.free_area[order].nr_free);
	}
}

/* pagetypeinfo ------------------------------------------------------------- */

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

static void pagetypeinfo_text(struct view *v, FILE *out,
			      const struct page_types *types)
{
	struct stream stream = { .out = out };
	const struct view_zone *zone;
	unsigned int type;

	pagetypeinfo_head(&stream.m, v->pageblock_order);
	for_each_populated(v, zone)
		for (type = 0; type < MIGRATE_TYPES; type++)
			pagetypeinfo_free_line(&stream.m, zone->name, type,
					       types->free[zone - v->zones]
							  [type]);
	pagetypeinfo_blocks_head(&stream.m);
	for_each_populated(v, zone)
		pagetypeinfo_blocks_line(&stream.m, zone->name,
					 types->pageblocks[zone - v->zones]);
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

static void zoneinfo_pcps_text(struct view *v, struct seq_file *m,
			       const struct view_zone *zone)
{
	struct pcp_stat stat;
	u32 cpu;

	for (cpu = 0; cpu < v->percpu.nr_used; cpu++) {
		if (!zone->pcps[cpu].batch)
			continue;
		pcp_stat(&zone->pcps[cpu], &stat);
		zoneinfo_pcp(m, cpu, &stat);
	}
}

static void zoneinfo_text(struct view *v, FILE *out,
			  const struct view_memory *memory)
{
	struct stream stream = { .out = out };
	const struct view_zone *zone;
	bool node_shown = false;
	struct slab_pages slab;
	struct zone_stat stat;

	slab_pages(v, memory, &slab);
	for_each_view_zone(v, zone) {
		zone_stat(zone, &stat);
		zoneinfo_begin(&stream.m, &stat);
		if (!node_shown && stat.managed_pages) {
			zoneinfo_node(&stream.m, &slab);
			node_shown = true;
		}
		zoneinfo_zone(&stream.m, &stat);
		if (stat.managed_pages)
			zoneinfo_pcps_text(v, &stream.m, zone);
		zoneinfo_end(&stream.m, &stat);
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

static void table_row(void *data, const char *name, unsigned long value)
{
	output_string(data, name);
	output_number(data, value);
}

static uint64_t read_counter(struct view *v, const char *root)
{
	uint64_t value;

	remote_read_root(v->remote, root, &value, sizeof(value));
	return value;
}

static void read_vmstat(struct view *v, struct vmstat *stat)
{
	const struct per_cpu_pages *pcp;
	const struct view_zone *zone;
	struct view_memory memory;
	unsigned int i;
	u32 cpu;

	view_memory(v, &memory);
	*stat = (struct vmstat){ .nr_free = memory.free >> v->page_shift,
				 .memmap_pages = memory.map >> v->page_shift };
	slab_pages(v, &memory, &stat->slab);
	for_each_view_zone(v, zone) {
		stat->pgalloc[zone - v->zones] = zone->z.event[PGALLOC];
		for (i = 0; i < NR_ZONE_EVENTS; i++)
			stat->event[i] += zone->z.event[i];
		for (cpu = 0; cpu < v->percpu.nr_used; cpu++) {
			pcp = &zone->pcps[cpu];
			if (!pcp->batch)
				continue;
			stat->pcp.count += pcp->count;
			stat->pcp.allocs += pcp->allocs;
			stat->pcp.frees += pcp->frees;
		}
	}
	stat->fault_calls = read_counter(v, "fault_calls");
	stat->fault_failures = read_counter(v, "fault_failures");
}

static void show_vmstat(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "name", OUTPUT_STRING },
		{ "value", OUTPUT_NUMBER },
	};
	struct stream stream = { .out = o->out };
	struct vmstat stat;

	(void)operands;
	read_vmstat(v, &stat);
	if (o->format == OUTPUT_TEXT) {
		vmstat_rows(&stat, vmstat_line, &stream.m);
		return;
	}
	output_table(o, COLUMNS(columns));
	vmstat_rows(&stat, table_row, o);
}

static void show_meminfo(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "name", OUTPUT_STRING },
		{ "bytes", OUTPUT_NUMBER },
	};
	struct stream stream = { .out = o->out };
	struct view_memory memory;
	struct meminfo info;

	(void)operands;
	view_memory(v, &memory);
	info = (struct meminfo){
		.total = memory.total,
		.free = memory.free,
		.available = memory.available,
		.slab_reclaimable = memory.slab_reclaimable,
		.slab_unreclaimable = memory.slab_unreclaimable,
		.vmalloc = memory.vmalloc,
		.percpu = memory.percpu,
	};
	if (o->format == OUTPUT_TEXT) {
		meminfo_rows(&info, meminfo_line, &stream.m);
		return;
	}
	output_table(o, COLUMNS(columns));
	meminfo_rows(&info, table_row, o);
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
