// SPDX-License-Identifier: MIT
/*
 * kmm metrics: what there is to count, as OpenMetrics text.
 *
 *	# TYPE kmm_free_blocks gauge
 *	# HELP kmm_free_blocks Free blocks of pages.
 *	kmm_free_blocks{zone="Normal",order="0"} 12
 *	...
 *	# EOF
 *
 * A family with a unit has it at the end of its name; counters end with _total.
 * All samples of a family follow each other. No two may have the same labels, so
 * of caches with the same name all but the first are called NAME@ADDRESS.
 *
 * Source: the OpenMetrics specification, 1.0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "residency.h"
#include "view_command.h"

/* @unit: NULL if there is none. */
static void family(FILE *out, const char *name, const char *type,
		   const char *unit, const char *help)
{
	fprintf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s %s\n", name, help);
}

/* What is no printable ASCII comes out as '?': it must be UTF-8. */
static void label_value(FILE *out, const char *value)
{
	putc('"', out);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else if (*value == '\n')
			fputs("\\n", out);
		else
			putc(*value < ' ' || *value > '~' ? '?' : *value, out);
	}
	putc('"', out);
}

/* Memory ------------------------------------------------------------------- */

static void show_heap(struct view *v, FILE *out)
{
	family(out, "kmm_heap", "info", NULL, "The heap that is looked at.");
	fputs("kmm_heap_info{module=", out);
	label_value(out, remote_heap_module(v->remote));
	fprintf(out, ",page_size=\"%lu\"} 1\n", view_page_size(v));
}

static void show_memory(struct view *v, FILE *out)
{
	struct view_memory m;

	view_memory(v, &m);
	const struct {
		const char *kind;
		uint64_t bytes;
	} rows[] = {
		{ "online", m.total },
		{ "free", m.free },
		{ "available", m.available },
		{ "page_lists", m.pcp },
		{ "slab_reclaimable", m.slab_reclaimable },
		{ "slab_unreclaimable", m.slab_unreclaimable },
		{ "vmalloc", m.vmalloc },
		{ "percpu", m.percpu },
		{ "struct_pages", m.map },
	};
	size_t i;

	family(out, "kmm_memory_bytes", "gauge", "bytes",
	       "Memory of the heap by what it is used for.");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, "kmm_memory_bytes{kind=\"%s\"} %lu\n",
			rows[i].kind, (unsigned long)rows[i].bytes);
}

static void show_resident(struct view *v, FILE *out)
{
	if (!remote_pid(v->remote))
		return;
	family(out, "kmm_resident_bytes", "gauge", "bytes",
	       "Resident memory of the whole process.");
	fprintf(out, "kmm_resident_bytes %lu\n",
		(unsigned long)residency_rss(v->remote));
}

/* Zones -------------------------------------------------------------------- */

/* The name and first label of a sample, if the zone has any memory. */
static bool zone_sample(FILE *out, const char *sample,
			const struct view_zone *zone)
{
	if (!zone->z.managed_pages)
		return false;
	fprintf(out, "%s{zone=", sample);
	label_value(out, zone->name);
	return true;
}

#define for_each_zone_sample(v, zone, out, sample)			\
	for ((zone) = (v)->zones; (zone) < (v)->zones + MAX_NR_ZONES; (zone)++) \
		if (zone_sample(out, sample, zone))

static void show_free_blocks(struct view *v, FILE *out)
{
	const struct view_zone *zone;
	unsigned int order;

	family(out, "kmm_free_blocks", "gauge", "blocks",
	       "Free blocks of 2^order pages.");
	for (zone = v->zones; zone < v->zones + MAX_NR_ZONES; zone++) {
		for (order = 0; zone->z.managed_pages && order < NR_PAGE_ORDERS;
		     order++) {
			fputs("kmm_free_blocks{zone=", out);
			label_value(out, zone->name);
			fprintf(out, ",order=\"%u\"} %lu\n", order,
				zone->z.free_area[order].nr_free);
		}
	}
}

static void show_zone_counters(struct view *v, FILE *out)
{
	static const struct {
		enum zone_event event;
		const char *name;
	} events[] = {
		{ PGSPLIT, "split" },
		{ PGMERGE, "merge" },
		{ PGSTEAL, "steal" },
		{ PGSTEAL_BLOCK, "steal_block" },
	};
	const struct view_zone *zone;
	size_t i;

	family(out, "kmm_allocated_pages", "counter", "pages",
	       "Pages taken from the free lists.");
	for_each_zone_sample(v, zone, out, "kmm_allocated_pages_total")
		fprintf(out, "} %lu\n", zone->z.event[PGALLOC]);
	family(out, "kmm_freed_pages", "counter", "pages",
	       "Pages put back to the free lists.");
	for_each_zone_sample(v, zone, out, "kmm_freed_pages_total")
		fprintf(out, "} %lu\n", zone->z.event[PGFREE]);
	family(out, "kmm_reported_pages", "counter", "pages",
	       "Free pages given back to the host.");
	for_each_zone_sample(v, zone, out, "kmm_reported_pages_total")
		fprintf(out, "} %lu\n", zone->z.event[PGREPORT]);
	family(out, "kmm_buddy_events", "counter", NULL,
	       "What the buddy system did.");
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		for_each_zone_sample(v, zone, out, "kmm_buddy_events_total")
			fprintf(out, ",event=\"%s\"} %lu\n", events[i].name,
				zone->z.event[events[i].event]);
}

static unsigned long pcp_sum(const struct view *v, const struct view_zone *zone,
			     bool frees)
{
	unsigned long sum = 0;
	u32 cpu;

	for (cpu = 0; cpu < v->percpu.nr_used; cpu++)
		if (zone->pcps[cpu].batch)
			sum += frees ? zone->pcps[cpu].frees :
				       zone->pcps[cpu].allocs;
	return sum;
}

static void show_page_lists(struct view *v, FILE *out)
{
	const struct view_zone *zone;

	family(out, "kmm_page_list_allocations", "counter", NULL,
	       "Blocks handed out from per-CPU lists.");
	for_each_zone_sample(v, zone, out, "kmm_page_list_allocations_total")
		fprintf(out, "} %lu\n", pcp_sum(v, zone, false));
	family(out, "kmm_page_list_frees", "counter", NULL,
	       "Blocks freed to per-CPU lists.");
	for_each_zone_sample(v, zone, out, "kmm_page_list_frees_total")
		fprintf(out, "} %lu\n", pcp_sum(v, zone, true));
}

/* Caches ------------------------------------------------------------------- */

static char **label_caches(const struct view *v)
{
	char **labels = xcalloc(v->nr_caches, sizeof(*labels));
	const struct view_cache *c;
	size_t i, k;

	for (i = 0; i < v->nr_caches; i++) {
		c = &v->caches[i];
		for (k = 0; k < i && strcmp(v->caches[k].name, c->name); k++)
			;
		labels[i] = k == i ? xstrdup(c->name) :
				     xasprintf("%s@%#lx", c->name,
					       (unsigned long)c->address);
	}
	return labels;
}

enum cache_metric {
	ACTIVE_OBJECTS,
	OBJECTS,
	SHEAF_OBJECTS,
	BARN_OBJECTS,
	SLABS,
	PARTIAL_SLABS,
	BYTES,
	OBJECT_SIZE,
	REFILLS,
	FLUSHES,
	NR_CACHE_METRICS
};

static const struct {
	const char *name, *type, *unit, *help;
} cache_metrics[NR_CACHE_METRICS] = {
	[ACTIVE_OBJECTS] = { "kmm_cache_active_objects", "gauge", "objects",
			     "Objects in use." },
	[OBJECTS] = { "kmm_cache_objects", "gauge", "objects",
		      "Objects in all slabs." },
	[SHEAF_OBJECTS] = { "kmm_cache_sheaf_objects", "gauge", "objects",
			    "Free objects in the sheaves of all CPUs." },
	[BARN_OBJECTS] = { "kmm_cache_barn_objects", "gauge", "objects",
			   "Free objects in the sheaves of the barn." },
	[SLABS] = { "kmm_cache_slabs", "gauge", "slabs", "Slabs." },
	[PARTIAL_SLABS] = { "kmm_cache_partial_slabs", "gauge", "slabs",
			    "Slabs with a free object." },
	[BYTES] = { "kmm_cache_bytes", "gauge", "bytes", "Memory of slabs." },
	[OBJECT_SIZE] = { "kmm_cache_object_size_bytes", "gauge", "bytes",
			  "Bytes of an object that its owner may use." },
	[REFILLS] = { "kmm_cache_refills", "counter", NULL,
		      "Sheaves filled." },
	[FLUSHES] = { "kmm_cache_flushes", "counter", NULL,
		      "Sheaves emptied." },
};

static unsigned long cache_value(const struct view *v,
				 const struct view_cache *c,
				 enum cache_metric metric)
{
	switch (metric) {
	case ACTIVE_OBJECTS:
		return view_active(c);
	case OBJECTS:
		return c->s.node.nr_objects;
	case SHEAF_OBJECTS:
		return c->in_cpu_sheaves;
	case BARN_OBJECTS:
		return c->in_barn;
	case SLABS:
		return c->s.node.nr_slabs;
	case PARTIAL_SLABS:
		return c->s.node.nr_partial;
	case BYTES:
		return c->s.node.nr_pages << v->page_shift;
	case OBJECT_SIZE:
		return c->s.object_size;
	case REFILLS:
		return c->refills;
	default:
		return c->flushes;
	}
}

static void show_caches(struct view *v, FILE *out)
{
	char **labels = label_caches(v);
	bool counter;
	size_t i;
	int m;

	for (m = 0; m < NR_CACHE_METRICS; m++) {
		family(out, cache_metrics[m].name, cache_metrics[m].type,
		       cache_metrics[m].unit, cache_metrics[m].help);
		counter = !strcmp(cache_metrics[m].type, "counter");
		for (i = 0; i < v->nr_caches; i++) {
			fprintf(out, "%s%s{cache=", cache_metrics[m].name,
				counter ? "_total" : "");
			label_value(out, labels[i]);
			fprintf(out, "} %lu\n",
				cache_value(v, &v->caches[i],
					    (enum cache_metric)m));
		}
	}
	for (i = 0; i < v->nr_caches; i++)
		free(labels[i]);
	free(labels);
}

static void show(struct view *v, struct output *o, char **operands)
{
	(void)operands;
	show_heap(v, o->out);
	show_memory(v, o->out);
	show_resident(v, o->out);
	show_free_blocks(v, o->out);
	show_zone_counters(v, o->out);
	show_page_lists(v, o->out);
	show_caches(v, o->out);
	fputs("# EOF\n", o->out);
}

int cmd_metrics(int argc, char **argv)
{
	static const struct view_command command = {
		.report = "metrics",
		.args_doc = "PID|CORE",
		.doc = "Writes what there is to count as OpenMetrics text, for "
		       "Prometheus and others that read it.",
		.one_format = true,
		.show = show,
	};

	return view_main(&command, argc, argv);
}
