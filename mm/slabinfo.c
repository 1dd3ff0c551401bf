// SPDX-License-Identifier: MIT
/*
 * /proc/slabinfo: one row for each cache, in the kernel's format, version 2.1.
 *
 *	active_objs	objects handed out: neither on a slab's freelist nor in
 *			a sheaf. (The kernel's SLUB counts those in its per-CPU
 *			layer as active; here a cache whose users have freed
 *			everything shows 0, which is what one looks for.)
 *	num_objs	objects in all slabs
 *	tunables	always 0, as with SLUB
 *	active_slabs	all slabs, as with SLUB
 *
 * The list of caches can only be walked under slab_mutex, and a row must not
 * be printed under it. So rows are copied in batches, and after each batch the
 * walk resumes at the position it had reached, counted from the head of the
 * list. A cache destroyed in between can hide another one from the report, and
 * one created can show another twice; the kernel has the same between two
 * read()s of the file. The alternative, to pin the cache at which the walk
 * resumes, would let a report delay kmem_cache_destroy().
 *
 * Lock order:	slab_mutex > sheaf and barn locks, list_lock; one cache's
 *		at a time.
 * Source:	kernel mm/slab_common.c, cache_show().
 */
#include "../lib/gate.h"
#include "slab.h"
#include "vmstat.h"

#define ROWS_PER_BATCH 8	/* 1 KiB of stack */

/* Caller holds slab_mutex, so the cache stays. */
static void read_cache(struct kmem_cache *s, struct slabinfo_row *row)
{
	struct kmem_cache_node *n = &s->node;
	unsigned long inuse, in_sheaves;

	lockdep_assert_held(&slab_mutex);
	in_sheaves = sheaf_count_objects(s);
	spin_lock(&n->list_lock);
	inuse = n->nr_inuse;
	row->num_objs = n->nr_objects;
	row->num_slabs = n->nr_slabs;
	spin_unlock(&n->list_lock);

	/* Objects may have gone back to their slabs since they were counted. */
	row->active_objs = inuse - min_t(unsigned long, inuse, in_sheaves);
	row->size = s->size;
	row->objects_per_slab = s->objects;
	row->order = s->order;
	kmm_snprintf(row->name, sizeof(row->name), "%s", s->name);
}

/* Copy the rows from position @pos on; returns how many. */
static unsigned int read_rows(struct slabinfo_row *rows, unsigned long pos)
{
	struct kmem_cache *s;
	unsigned int nr = 0;

	gate_enter();
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		if (pos) {
			pos--;
			continue;
		}
		read_cache(s, &rows[nr++]);
		if (nr == ROWS_PER_BATCH)
			break;
	}
	spin_unlock(&slab_mutex);
	gate_exit();
	return nr;
}

void count_slab_pages(struct slab_pages *pages)
{
	unsigned long nr_pages;
	struct kmem_cache *s;

	*pages = (struct slab_pages){ 0 };
	gate_enter();
	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		spin_lock(&s->node.list_lock);
		nr_pages = s->node.nr_pages;
		spin_unlock(&s->node.list_lock);
		if (s->flags & SLAB_RECLAIM_ACCOUNT)
			pages->reclaimable += nr_pages;
		else
			pages->unreclaimable += nr_pages;
	}
	spin_unlock(&slab_mutex);
	gate_exit();
}

void slabinfo_show(struct seq_file *m)
{
	struct slabinfo_row rows[ROWS_PER_BATCH];
	unsigned long pos = 0;
	unsigned int nr, i;

	slabinfo_head(m);
	do {
		nr = read_rows(rows, pos);
		pos += nr;
		for (i = 0; i < nr; i++)
			slabinfo_line(m, &rows[i]);
	} while (nr == ROWS_PER_BATCH);
}
