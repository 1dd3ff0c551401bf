// SPDX-License-Identifier: MIT
/*
 * Per-CPU page lists: a CPU's own free blocks of small orders, in front of the
 * zone, so that most page requests take no shared lock.
 *
 * One list per order (0 to PAGE_ALLOC_COSTLY_ORDER) and migratetype. An empty
 * list is refilled with `batch` pages at once; above `high` pages in all, a
 * batch goes back, from the cold ends. Both follow the zone's size, so that a
 * small process parks little: at most 1/64 of its memory or 4 MiB per CPU, but
 * two blocks of the largest order if these are no more than 1/16 of it.
 *
 * Runs of other lengths, up to 64 pages, are kept one by one, the last four that
 * this CPU has freed. Who asks for as many pages gets such a one as it is, without
 * merging and splitting in the zone. Who asks for another number sends them all
 * there first, and so does growth: to keep them must not cost memory.
 *
 *	free 16 pages, free 5	runs |16| 5|  |  |
 *	alloc 5			runs |16|  |  |  |
 *	alloc 7			runs |  |  |  |  |	16 pages go to the zone, 7 come
 *
 * States:	a block on a list is free to us and allocated to the zone:
 *		PG_pcp set, PG_buddy clear, it does not merge
 * Invariants:	C1  pcp->count == sum of pages on its lists and of its runs
 *		C2  a block on list (order, type) has that order and migratetype,
 *		    PG_pcp, and a pfn that is a multiple of its size
 *		C3  after each free, pages on lists <= high; refills may add a batch
 *		    to each list before the next one
 *		C4  a run has PG_pcp and PG_large, and its length in page->private;
 *		    pcp->run_pages is the sum of these
 * Lock order:	pcp->lock > zone->lock (outer first). The allocation path only
 *		tries pcp->lock: a busy list means another thread is using this
 *		CPU's turn, or a drain; the zone serves as well then.
 * Context:	inside the fork gate.
 * Source:	kernel mm/page_alloc.c, rmqueue_pcplist(), free_unref_page().
 */
#include "../lib/percpu.h"
#include "buddy.h"
#include "page_list.h"

#define PCP_BATCH_MAX 63
#define PCP_HIGH_MAX 1024

bool pcp_allowed_order(unsigned int order)
{
	return order <= PAGE_ALLOC_COSTLY_ORDER;
}

static struct page_list *pcp_list(struct per_cpu_pages *pcp, unsigned int order,
				  unsigned int type)
{
	return &pcp->lists[order * MIGRATE_PCPTYPES + type];
}

/* First use on this CPU, and the zone may have grown since. */
static void pcp_tune(struct zone *zone, struct per_cpu_pages *pcp)
{
	unsigned long managed = READ_ONCE(zone->managed_pages), few;

	if (unlikely(!pcp->batch))
		pcp->lock.rank = LOCK_RANK_PCP;
	/* Whoever visits other CPUs looks here first, without the lock. */
	WRITE_ONCE(pcp->batch,
		   (u32)min_t(unsigned long, PCP_BATCH_MAX,
			      max_t(unsigned long, managed / 256, 1)));
	/* Two blocks of the largest order, or each free of one would flush. */
	few = min_t(unsigned long, 2u << PAGE_ALLOC_COSTLY_ORDER, managed / 16);
	pcp->high = (u32)min_t(unsigned long, PCP_HIGH_MAX,
			       max_t(unsigned long, managed / 64,
				     max_t(unsigned long, few,
					   4 * pcp->batch)));
}

static void list_block(struct per_cpu_pages *pcp, struct page *page,
		       unsigned int order)
{
	unsigned int type = pageblock_type(page);

	lockdep_assert_held(&pcp->lock);
	page->order = (u8)order;
	page->migratetype = (u8)type;
	page_list_add(pcp_list(pcp, order, type), page);
}

/* This CPU's lists, locked; NULL if busy. */
static struct per_cpu_pages *pcp_trylock(struct zone *zone)
{
	unsigned int cpu = percpu_this_cpu();
	struct per_cpu_pages *pcp = per_cpu_ptr(zone->pcp, cpu);

	if (!spin_trylock(&pcp->lock))
		return NULL;
	if (unlikely(!pcp->batch)) {
		pcp_tune(zone, pcp);
		percpu_mark_used(cpu);
	}
	return pcp;
}

static struct page *pcp_take(struct zone *zone, struct per_cpu_pages *pcp,
			     unsigned int order, int migratetype, bool fresh)
{
	struct page_list *list = pcp_list(pcp, order, (unsigned int)migratetype);
	unsigned int nr;
	struct page *page;

	if (unlikely(page_list_empty(list))) {
		pcp_tune(zone, pcp);
		nr = max_t(unsigned int, pcp->batch >> order, 1);
		pcp->count += rmqueue_bulk(zone, order, nr, list, migratetype,
					   fresh) << order;
		if (page_list_empty(list))
			return NULL;
	}
	page = page_list_pop(list);
	ClearPagePcp(page);
	pcp->count -= 1u << order;
	pcp->allocs++;
	return page;
}

struct page *pcp_alloc(struct zone *zone, unsigned int order, int migratetype,
		       bool fresh)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone);
	struct page *page;

	if (unlikely(!pcp))
		return NULL;
	page = pcp_take(zone, pcp, order, migratetype, fresh);
	spin_unlock(&pcp->lock);
	return page;
}

unsigned int pcp_alloc_bulk(struct zone *zone, int migratetype,
			    unsigned int nr, struct page **pages)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone);
	unsigned int i;

	if (unlikely(!pcp))
		return 0;
	for (i = 0; i < nr; i++) {
		pages[i] = pcp_take(zone, pcp, 0, migratetype, true);
		if (!pages[i])
			break;
	}
	spin_unlock(&pcp->lock);
	return i;
}

static u32 pcp_listed(const struct per_cpu_pages *pcp)
{
	return pcp->count - pcp->run_pages;
}

/* Give @nr pages back, from each list's tail in turn: the coldest first. */
static void pcp_flush(struct zone *zone, struct per_cpu_pages *pcp,
		      unsigned int nr)
{
	struct page_list flush = { 0 };
	unsigned int i = 0, order, flushed = 0;
	struct page *page;

	while (flushed < nr && flushed < pcp_listed(pcp)) {
		struct page_list *list = &pcp->lists[i];

		order = i / MIGRATE_PCPTYPES;
		i = (i + 1) % NR_PCP_LISTS;
		if (page_list_empty(list))
			continue;
		page = page_list_last(list);
		page_list_del(list, page);
		page_list_add_tail(&flush, page);
		flushed += 1u << order;
	}
	pcp->count -= flushed;
	free_pcppages_bulk(zone, &flush, flushed);
}

static void pcp_trim_lists(struct zone *zone, struct per_cpu_pages *pcp)
{
	if (likely(pcp_listed(pcp) <= pcp->high))
		return;
	pcp_tune(zone, pcp);
	if (pcp_listed(pcp) > pcp->high)
		pcp_flush(zone, pcp,
			  max_t(unsigned int, pcp->batch,
				pcp_listed(pcp) - pcp->high));
}

bool pcp_free(struct zone *zone, struct page *page, unsigned int order)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone);

	if (unlikely(!pcp))
		return false;
	page->nr_zeroed = 0;
	SetPagePcp(page);
	list_block(pcp, page, order);
	pcp->count += 1u << order;
	pcp->frees++;
	pcp_trim_lists(zone, pcp);
	spin_unlock(&pcp->lock);
	return true;
}

/* Runs -------------------------------------------------------------------- */

/* The @nr runs that were freed first go where they would have gone. */
static void evict_runs(struct zone *zone, struct per_cpu_pages *pcp,
		       unsigned int nr)
{
	unsigned int i;

	lockdep_assert_held(&pcp->lock);
	spin_lock(&zone->lock);
	for (i = 0; i < nr; i++) {
		struct page *page = link_to_page(pcp->runs[i].link);
		unsigned long nr_pages = pcp->runs[i].nr_pages;

		ClearPageLarge(page);
		page->private = 0;
		pcp->run_pages -= (u32)nr_pages;
		if (is_power_of_2(nr_pages) &&
		    IS_ALIGNED(page_to_pfn(page), nr_pages) &&
		    pcp_allowed_order(ilog2(nr_pages))) {
			list_block(pcp, page, ilog2(nr_pages));
			continue;
		}
		ClearPagePcp(page);
		free_run(zone, page, nr_pages, false);
		pcp->count -= (u32)nr_pages;
	}
	spin_unlock(&zone->lock);
	WRITE_ONCE(pcp->nr_runs, pcp->nr_runs - nr);
	for (i = 0; i < pcp->nr_runs; i++)
		pcp->runs[i] = pcp->runs[i + nr];
	pcp_trim_lists(zone, pcp);
}

static bool run_fits(const struct pcp_run *run, unsigned long nr_pages,
		     unsigned int order)
{
	return run->nr_pages == nr_pages &&
	       (!order ||
		IS_ALIGNED(page_to_pfn(link_to_page(run->link)), 1UL << order));
}

static struct page *take_run(struct per_cpu_pages *pcp, unsigned int i)
{
	struct page *page = link_to_page(pcp->runs[i].link);

	lockdep_assert_held(&pcp->lock);
	pcp->count -= pcp->runs[i].nr_pages;
	pcp->run_pages -= pcp->runs[i].nr_pages;
	WRITE_ONCE(pcp->nr_runs, pcp->nr_runs - 1);
	for (; i < pcp->nr_runs; i++)
		pcp->runs[i] = pcp->runs[i + 1];
	ClearPagePcp(page);
	ClearPageLarge(page);
	page->private = 0;
	pcp->allocs++;
	return page;
}

struct page *pcp_run_alloc(struct zone *zone, unsigned long nr_pages,
			   unsigned int order)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone);
	struct page *page = NULL;
	unsigned int i;

	if (unlikely(!pcp))
		return NULL;
	for (i = pcp->nr_runs; i-- > 0 && !page;)
		if (run_fits(&pcp->runs[i], nr_pages, order))
			page = take_run(pcp, i);
	if (!page && pcp->nr_runs)
		evict_runs(zone, pcp, pcp->nr_runs);
	spin_unlock(&pcp->lock);
	return page;
}

bool pcp_run_free(struct zone *zone, struct page *page, unsigned long nr_pages)
{
	struct per_cpu_pages *pcp;

	if (nr_pages > PCP_RUN_MAX)
		return false;
	pcp = pcp_trylock(zone);
	if (unlikely(!pcp))
		return false;
	if (pcp->nr_runs == NR_PCP_RUNS)
		evict_runs(zone, pcp, 1);
	page->private = nr_pages;
	page->order = (u8)ilog2(nr_pages);
	SetPageLarge(page);
	SetPagePcp(page);
	pcp->runs[pcp->nr_runs] = (struct pcp_run){
		.link = page_to_link(page),
		.nr_pages = (u32)nr_pages,
	};
	/* Whoever visits other CPUs looks here first, without the lock. */
	WRITE_ONCE(pcp->nr_runs, pcp->nr_runs + 1);
	pcp->count += (u32)nr_pages;
	pcp->run_pages += (u32)nr_pages;
	pcp->frees++;
	spin_unlock(&pcp->lock);
	return true;
}

/* Draining and looking ---------------------------------------------------- */

/* True if there was a run. */
static bool drain(bool lists)
{
	struct per_cpu_pages *pcp;
	struct zone *zone;
	unsigned int cpu;
	bool any = false;

	for_each_populated_zone(zone) {
		for_each_used_cpu(cpu) {
			pcp = per_cpu_ptr(zone->pcp, cpu);
			if (!READ_ONCE(pcp->batch) ||
			    (!lists && !READ_ONCE(pcp->nr_runs)))
				continue;
			spin_lock(&pcp->lock);
			if (pcp->nr_runs) {
				evict_runs(zone, pcp, pcp->nr_runs);
				any = true;
			}
			if (lists && pcp->count)
				pcp_flush(zone, pcp, pcp->count);
			spin_unlock(&pcp->lock);
		}
	}
	return any;
}

bool pcp_drain_runs(void)
{
	return drain(false);
}

void pcp_drain_all(void)
{
	drain(true);
}

unsigned long pcp_count(struct zone *zone)
{
	unsigned long count = 0;
	unsigned int cpu;

	for_each_used_cpu(cpu) {
		struct per_cpu_pages *pcp = per_cpu_ptr(zone->pcp, cpu);

		count += READ_ONCE(pcp->count);
	}
	return count;
}

int pcp_zone_init(struct zone *zone)
{
	zone->pcp = percpu_alloc(sizeof(struct per_cpu_pages));
	return zone->pcp ? 0 : -1;
}

static unsigned int validate_list(struct per_cpu_pages *pcp, unsigned int index,
				  unsigned long *count)
{
	struct page_list *list = &pcp->lists[index];
	struct page *page;
	unsigned int bad = 0;

	page_list_for_each(page, list) {
		bad += !page_list_linked(list, page);
		bad += page->order != index / MIGRATE_PCPTYPES;
		bad += page->migratetype != index % MIGRATE_PCPTYPES;
		bad += !PagePcp(page) || PageBuddy(page);
		bad += (page_to_pfn(page) & ((1UL << page->order) - 1)) != 0;
		*count += 1UL << page->order;
	}
	return bad;
}

static unsigned int validate_runs(struct per_cpu_pages *pcp,
				  unsigned long *count)
{
	unsigned int i, bad = pcp->nr_runs > NR_PCP_RUNS;
	unsigned long pages = 0;

	for (i = 0; i < pcp->nr_runs && !bad; i++) {
		struct page *page = link_to_page(pcp->runs[i].link);

		bad += !PagePcpRun(page) || PageBuddy(page);
		bad += page->private != pcp->runs[i].nr_pages;
		pages += pcp->runs[i].nr_pages;
	}
	*count += pages;
	return bad + (pages != pcp->run_pages);
}

/* Pages that refilling every list once adds at most. */
static unsigned int refill_max(const struct per_cpu_pages *pcp)
{
	return NR_PCP_LISTS * max_t(unsigned int, pcp->batch,
				    1u << (NR_PCP_ORDERS - 1));
}

unsigned int pcp_validate(void)
{
	unsigned int cpu, i, bad = 0;
	struct zone *zone;

	for_each_populated_zone(zone) {
		for_each_used_cpu(cpu) {
			struct per_cpu_pages *pcp = per_cpu_ptr(zone->pcp, cpu);
			unsigned long count = 0;

			if (!READ_ONCE(pcp->batch))
				continue;
			spin_lock(&pcp->lock);
			for (i = 0; i < NR_PCP_LISTS; i++)
				bad += validate_list(pcp, i, &count);	/* C2 */
			bad += count > pcp->high + refill_max(pcp);	/* C3 */
			bad += validate_runs(pcp, &count);		/* C4 */
			bad += count != pcp->count;			/* C1 */
			spin_unlock(&pcp->lock);
		}
	}
	if (bad)
		printk("BUG pcp: %u violated invariants\n", bad);
	return bad;
}
