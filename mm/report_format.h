/* SPDX-License-Identifier: MIT */
/*
 * The reports' numbers and their text, for mm/vmstat.c and mm/slabinfo.c, which
 * read them in this process, and for kmm, which reads those of another. See
 * report_format.c.
 */
#ifndef MM_REPORT_FORMAT_H
#define MM_REPORT_FORMAT_H

#include "../lib/printk.h"
#include "slab.h"

/* The numbers of one zone, from one moment. */
struct zone_stat {
	const char *name;
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
	unsigned long count;		/* pages */
	unsigned long high;
	unsigned long batch;
	unsigned long allocs;		/* blocks */
	unsigned long frees;
};

/* Pages in slabs, by what their cache said of them. */
struct slab_pages {
	unsigned long reclaimable;	/* SLAB_RECLAIM_ACCOUNT */
	unsigned long unreclaimable;
};

struct vmstat {
	unsigned long nr_free;		/* pages */
	struct slab_pages slab;
	unsigned long memmap_pages;
	unsigned long pgalloc[MAX_NR_ZONES];
	unsigned long event[NR_ZONE_EVENTS];	/* of all zones */
	struct pcp_stat pcp;		/* of all CPUs and zones */
	unsigned long fault_calls, fault_failures;
};

struct meminfo {			/* bytes */
	unsigned long total, free, available;
	unsigned long slab_reclaimable, slab_unreclaimable;
	unsigned long vmalloc, percpu;
};

struct slabinfo_row {
	char name[64];
	unsigned long active_objs;
	unsigned long num_objs;
	unsigned long num_slabs;
	unsigned int size;
	unsigned int objects_per_slab;
	unsigned int order;
};

/* Numbers ------------------------------------------------------------------ */

/* Copy what is reported of @zone; of a zone in use, under its lock. @name may be
 * where another process has it. */
void zone_stat_read(struct zone_stat *stat, const struct zone *zone,
		    const char *name);
/* Pages that ordinary requests cannot have. */
unsigned long zone_stat_reserve(const struct zone_stat *stat);

/* Text --------------------------------------------------------------------- */

extern __hidden const char *const migratetype_names[MIGRATE_TYPES];

void buddyinfo_line(struct seq_file *m, const struct zone_stat *stat);

/* A longer free list is cut in pagetypeinfo, as in the kernel: to walk it
 * keeps everybody else from the zone. */
#define MAX_LIST_WALK 100000

void pagetypeinfo_head(struct seq_file *m, unsigned int block_order);
void pagetypeinfo_free_line(struct seq_file *m, const char *zone,
			    unsigned int type,
			    const unsigned long nr[NR_PAGE_ORDERS]);
void pagetypeinfo_blocks_head(struct seq_file *m);
void pagetypeinfo_blocks_line(struct seq_file *m, const char *zone,
			      const unsigned long nr[MIGRATE_TYPES]);

/* A zone is _begin(), _node() for the first one that has pages, _zone(), if it has
 * pages _pcp() for each CPU, and _end(). */
void zoneinfo_begin(struct seq_file *m, const struct zone_stat *stat);
void zoneinfo_node(struct seq_file *m, const struct slab_pages *slab);
void zoneinfo_zone(struct seq_file *m, const struct zone_stat *stat);
void zoneinfo_pcp(struct seq_file *m, unsigned int cpu,
		  const struct pcp_stat *stat);
void zoneinfo_end(struct seq_file *m, const struct zone_stat *stat);

void slabinfo_head(struct seq_file *m);
void slabinfo_line(struct seq_file *m, const struct slabinfo_row *row);

/* Call @row for each number; @value is in bytes in meminfo. _line() is the @row
 * that prints, with the struct seq_file as @data. */
typedef void (*report_row_fn)(void *data, const char *name,
			      unsigned long value);
void vmstat_rows(const struct vmstat *stat, report_row_fn row, void *data);
void vmstat_line(void *data, const char *name, unsigned long value);
void meminfo_rows(const struct meminfo *info, report_row_fn row, void *data);
void meminfo_line(void *data, const char *name, unsigned long value);

#endif /* MM_REPORT_FORMAT_H */
