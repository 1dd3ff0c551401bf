/* SPDX-License-Identifier: MIT */
/*
 * Where the functions stand that the lab names: the build looks each up in its
 * source (lines.sh), so that file and line are those of this very tool. A
 * function that is not there has line 0, and a test fails.
 */
#ifndef TOOLS_LAB_WHERE_H
#define TOOLS_LAB_WHERE_H

struct place {
	const char *function, *file;
	unsigned int line;
};

/* Where a function stands; NULL: it is not in the list. */
const struct place *where_place(const char *function);
/* "expand() mm/buddy.c:275"; valid until the next call. */
const char *where(const char *function);

/*
 * lines.sh reads this list:
 *
 * mm/buddy.c		expand rmqueue_smallest free_one_block rmqueue_bulk
 * mm/page_alloc.c	alloc_slowpath alloc_frozen_exact zone_watermark_ok
 * mm/page_run.c	free_frozen_exact
 * mm/page_ref.c	free_pages_caller page_free_check
 * mm/sparse.c		sparse_grow
 * mm/pcp.c		pcp_take pcp_free pcp_flush pcp_drain_all
 * mm/pcp.c		pcp_run_alloc pcp_run_free
 * mm/kmalloc.c		alloc_large_pages free_large_pages large_by_ladder
 * mm/sheaf.c		alloc_from_sheaves refill put_object free_gated
 * mm/barn.c		put_sheaf
 * mm/sheaf_flush.c	sheaf_flush_all
 * mm/slub.c		slab_alloc_bulk slab_free_bulk slab_discard_empty
 * mm/slub.c		take_objects slab_alloc_one
 * mm/slab_common.c	create_cache destroy_locked shrink_cache
 * mm/slab_common.c	shrink_slab_caches
 * mm/bad_free.c	bad_free
 * lib/percpu.c		percpu_this_cpu
 * tools/lab/strategies/first_fit.c	first_fit_alloc first_fit_free
 * tools/lab/strategies/best_fit.c	best_fit_alloc best_fit_free
 * tools/lab/strategies/next_fit.c	next_fit_alloc next_fit_free
 * tools/lab/strategies/segregated.c	segregated_alloc segregated_free
 * tools/lab/strategies/ranges.c	ranges_alloc ranges_free
 * tools/lab/strategies/buddy.c		buddy_alloc buddy_free
 * tools/lab/strategies/thread_cache.c	thread_cache_alloc thread_cache_free
 * tools/lab/strategies/thread_cache.c	thread_cache_drain
 */

#endif /* TOOLS_LAB_WHERE_H */
