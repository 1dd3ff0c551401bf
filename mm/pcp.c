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
 * States:	a block on a list is free to us and allocated to the zone:
 *		PG_pcp set, PG_buddy clear, it does not merge
 * Invariants:	C1  pcp->count == sum of pages on its lists
 *		C2  a block on list (order, type) has that order and migratetype,
 *		    PG_pcp, and a pfn that is a multiple of its size
 *		C3  after each free, count <= high; refills may add a batch to
 *		    each list before the next one
 * Lock order:	pcp->lock > zone->lock (outer first). The allocation path only
 *		tries pcp->lock: a busy list means another thread is using this
 *		CPU's turn, or a drain; the zone serves as well then.
 * Context:	inside the fork gate.
 * Source:	kernel mm/page_alloc.c, rmqueue_pcplist(), free_unref_page().
 */
#include "../lib/percpu.h"
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

/* Give @nr pages back, from each list's tail in turn: the coldest first. */
static void pcp_flush(struct zone *zone, struct per_cpu_pages *pcp,
		      unsigned int nr)
{
	struct page_list flush = { 0 };
	unsigned int i = 0, order, flushed = 0;
	struct page *page;

	while (flushed < nr && flushed < pcp->count) {
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

bool pcp_free(struct zone *zone, struct page *page, unsigned int order)
{
	struct per_cpu_pages *pcp = pcp_trylock(zone);
	unsigned int type;

	if (unlikely(!pcp))
		return false;
	type = pageblock_type(page);
	page->order = (u8)order;
	page->nr_zeroed = 0;
	page->migratetype = (u8)type;
	SetPagePcp(page);
	page_list_add(pcp_list(pcp, order, type), page);
	pcp->count += 1u << order;
	pcp->frees++;
	if (unlikely(pcp->count > pcp->high)) {
		pcp_tune(zone, pcp);
		if (pcp->count > pcp->high)
			pcp_flush(zone, pcp,
				  max_t(unsigned int, pcp->batch,
					pcp->count - pcp->high));
	}
	spin_unlock(&pcp->lock);
	return true;
}

void pcp_drain_all(void)
{
	struct per_cpu_pages *pcp;
	struct zone *zone;
	unsigned int cpu;

	for_each_populated_zone(zone) {
		for_each_used_cpu(cpu) {
			pcp = per_cpu_ptr(zone->pcp, cpu);
			if (!READ_ONCE(pcp->batch))
				continue;
			spin_lock(&pcp->lock);
			if (pcp->count)
				pcp_flush(zone, pcp, pcp->count);
			spin_unlock(&pcp->lock);
		}
	}
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
			bad += count != pcp->count;			/* C1 */
			bad += pcp->count > pcp->high + refill_max(pcp); /* C3 */
			spin_unlock(&pcp->lock);
		}
	}
	if (bad)
		printk("BUG pcp: %u violated invariants\n", bad);
	return bad;
}
