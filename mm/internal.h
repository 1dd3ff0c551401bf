/* SPDX-License-Identifier: MIT */
/*
 * What the rooms of mm/ share: struct page, zones, and the calls between
 * rooms. Callers of the library need none of it.
 */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>

#include "../lib/bitops.h"
#include "../lib/cmdline.h"
#include "../lib/compiler.h"
#include "../lib/debug.h"
#include "../lib/list.h"
#include "../lib/lock.h"

struct kmem_cache;

/* The neighbours of a block of pages on a list, or the list's ends: links of
 * page_to_link(), 0: none. See page_list.h. */
struct page_links {
	u32 next, prev;
};

struct page_list {
	u32 first, last;
};

/*
 * struct page - one per page of memory, 32 bytes, two in a cache line
 *
 * A block of pages is described by its first page, the head. The fields of
 * the others (tails) mean nothing, except in a slab (slab_cache and tail_index
 * are set in each) and in a compound page (tail_index).
 * All-zero is a valid state: a tail, or memory never used.
 *
 * Unions have a member for each kind of block. What a free block does not have
 * is zero: so its reference count is, and that of each tail.
 *
 * Who may write: of a free page, the holder of zone->lock; of a page on a
 * per-CPU list, the holder of pcp->lock; of a slab, its cache's list_lock; of
 * any other allocated page, its owner. The flags of somebody else's page may
 * be read: for PG_buddy, which only the holder of zone->lock changes. A pageblock's
 * type is a byte of its own, since zone->lock is enough to write it.
 */
struct page {
	/* free() reads this word first: the cache of a slab, else NULL */
	struct kmem_cache *slab_cache;
	/* 8 */
	union {
		/* free_area list, pcp list, or a list of the cache's slabs */
		struct page_links lru;
		struct {		/* large kmalloc, with red zones: */
			u32 slack;	/* bytes behind those asked for; else 0 */
			u32 stack;	/* depot handle of its allocation */
		};
	};
	/* 16 */
	union {
		struct {		/* slab: */
			u16 freelist;	/* first free object: its number + 1; 0: none.
					 * See slab_freelist() */
			u16 inuse;	/* objects not on the freelist */
			u16 objects;	/* objects in all */
			u16 fresh;	/* objects [fresh, objects) were never handed out */
		};
		unsigned long private;	/* large kmalloc, run on a per-CPU list: pages */
		struct {
			_Atomic int _refcount;	/* alloc_pages() */
			u32 nr_zeroed;		/* free: pages that read as zero: B5 in buddy.c */
		};
	};
	/* 24 */
	u8 flags;			/* PG_* and the zone */
	u8 order;			/* buddy, compound, slab: log2 of pages */
	u8 pageblock;			/* of a pageblock's first page: see pageblock_type() */
	u8 slab_gen;			/* slab: counts its lives, see encode_link() */
	u16 tail_index;			/* in a slab or compound page: pages back to the head */
	u8 list;			/* slab: enum slab_list */
	u8 migratetype;			/* free: that of the list it is on */
};

_Static_assert(sizeof(struct page) == 32, "two per cache line");
_Static_assert(MAX_ORDER_NR_PAGES - 1 <= UINT16_MAX, "tail_index counts them");
_Static_assert(sizeof(struct page) == KMM_PAGE_WORDS * sizeof(unsigned long),
	       "programs step from page to page");

/*
 * flags:	7  6 | 5 ........ 0
 *		zone |     PG_*
 */
enum pageflags {
	PG_buddy,	/* head of a free block on a free_area list */
	PG_slab,	/* head of a slab */
	PG_head,	/* head of a compound page */
	PG_large,	/* head of a block from the large kmalloc path; with PG_pcp:
			 * of a run on a per-CPU list */
	PG_zeroed,	/* free head: the whole block reads as zero */
	PG_pcp,		/* head of a free block on a per-CPU list */
	PG_ZONE_SHIFT
};

#define PG_ZONE_MASK 3u

_Static_assert(PG_ZONE_SHIFT + 2 <= 8 && MAX_NR_ZONES <= PG_ZONE_MASK + 1,
	       "flags has eight bits");

#define PAGE_FLAG_FUNCS(Name, bit)					\
static inline bool Page##Name(const struct page *page)			\
{									\
	return READ_ONCE(page->flags) & (1u << (bit));			\
}									\
static inline void SetPage##Name(struct page *page)			\
{									\
	WRITE_ONCE(page->flags, (u8)(page->flags | (1u << (bit))));	\
}									\
static inline void ClearPage##Name(struct page *page)			\
{									\
	WRITE_ONCE(page->flags, (u8)(page->flags & ~(1u << (bit))));	\
}

PAGE_FLAG_FUNCS(Buddy, PG_buddy)
PAGE_FLAG_FUNCS(Slab, PG_slab)
PAGE_FLAG_FUNCS(Head, PG_head)
PAGE_FLAG_FUNCS(Zeroed, PG_zeroed)
PAGE_FLAG_FUNCS(Pcp, PG_pcp)

static inline unsigned int page_large_and_pcp(const struct page *page)
{
	return READ_ONCE(page->flags) & (1u << PG_large | 1u << PG_pcp);
}

static inline bool PageLarge(const struct page *page)
{
	return page_large_and_pcp(page) == 1u << PG_large;
}

/* Of any number of pages, page->private, on a per-CPU list. */
static inline bool PagePcpRun(const struct page *page)
{
	return page_large_and_pcp(page) == (1u << PG_large | 1u << PG_pcp);
}

static inline void SetPageLarge(struct page *page)
{
	WRITE_ONCE(page->flags, (u8)(page->flags | 1u << PG_large));
}

static inline void ClearPageLarge(struct page *page)
{
	WRITE_ONCE(page->flags, (u8)(page->flags & ~(1u << PG_large)));
}

/* Pages of a block on a per-CPU list. */
static inline unsigned long pcp_block_pages(const struct page *page)
{
	return PagePcpRun(page) ? page->private : 1UL << page->order;
}

static inline bool PageTail(const struct page *page)
{
	return READ_ONCE(page->tail_index) != 0;
}

static inline unsigned int page_zonenum(const struct page *page)
{
	return page->flags >> PG_ZONE_SHIFT;
}

static inline void set_page_zone(struct page *page, unsigned int zone)
{
	WRITE_ONCE(page->flags,
		   (u8)((page->flags & ~(PG_ZONE_MASK << PG_ZONE_SHIFT)) |
			(zone << PG_ZONE_SHIFT)));
}

/* The parameters init_on_alloc and init_on_free; see slab.h for caches. */
static inline bool want_init_on_alloc(gfp_t gfp)
{
	return (gfp & __GFP_ZERO) || unlikely(kmm_params.init_on_alloc);
}

static inline bool want_init_on_free(void)
{
	return unlikely(kmm_params.init_on_free);
}

/* mm/sparse.c ------------------------------------------------------------ */

/*
 * The first range, as the fast path needs it; one cache line. Its size grows
 * while threads read it; a pointer into the new part can only be known after.
 */
struct memmap {
	unsigned long base;	/* address of the first byte */
	unsigned long size;	/* bytes onlined */
	struct page *pages;	/* the struct page of base */
	unsigned int shift;	/* PAGE_SHIFT */
	unsigned int nr_pages;	/* onlined */
} __cacheline_aligned;

extern __hidden struct memmap memmap;

/* A stretch of address space with its map of struct pages. */
struct mem_range {
	unsigned long start_pfn;
	unsigned long end_pfn;		/* onlined end; grows */
	unsigned long limit_pfn;	/* end_pfn can never pass this */
	unsigned long huge_pfn;		/* from here on there may be huge pages */
	struct page *pages;
	unsigned long map_bytes;	/* of pages[], usable */
	u32 first_link;			/* to pages[0]; see page_to_link() */
	bool reserved;			/* address space is ours up to limit_pfn */
};

/*
 * A range in a window may span 1 TiB, and 64 TiB hold 32 windows. Reserved
 * ranges grow with the memory in use (see reserve_size()). So the table
 * outlasts the address space in both modes.
 */
#define MAX_RANGES 256

/* Acquire pairs with the release in online(): the struct pages below the end
 * are mapped. */
static inline unsigned long range_end_pfn(const struct mem_range *range)
{
	return __atomic_load_n(&range->end_pfn, __ATOMIC_ACQUIRE);
}

/* For lib/anchor.c; all others use sparse_range(). Unused ones are zero. */
extern __hidden struct mem_range sparse_ranges[MAX_RANGES];

int sparse_init(void);
struct page *virt_to_page_slow(const void *addr);
const struct mem_range *page_range(const struct page *page);
const struct mem_range *sparse_range(unsigned int nr);
unsigned int sparse_nr_ranges(void);
/* Bytes onlined in all ranges, and bytes of struct pages mapped. */
size_t sparse_onlined_bytes(void);
size_t sparse_map_bytes(void);
/*
 * Online memory until a free block of @order can be made; false if the host or
 * the limit refuses. @wait: may wait for another thread that is onlining.
 */
bool sparse_grow(unsigned int order, bool wait);

static __always_inline struct page *__virt_to_page(const void *addr)
{
	unsigned long off = (unsigned long)addr - memmap.base;
	struct page *page;

	if (unlikely(off >= READ_ONCE(memmap.size)))
		return NULL;
	page = memmap.pages + (off >> memmap.shift);
	assume(page);
	return page;
}

static inline struct page *lookup_page(const void *addr)
{
	struct page *page = __virt_to_page(addr);

	return likely(page) ? page : virt_to_page_slow(addr);
}

/* The index of a struct page of the first range; of another one, at least
 * memmap.nr_pages. */
static inline unsigned long memmap_index(const struct page *page)
{
	return ((unsigned long)page - (unsigned long)memmap.pages) /
	       sizeof(*page);
}

static inline struct page *page_head(const struct page *page)
{
	return (struct page *)page - READ_ONCE(page->tail_index);
}

/*
 * A link to a page is its number, from 1. All pages are counted, those of a range
 * after those of the one before, which grows no more; so 32 bits are enough for
 * MAX_LINKED_PAGES in all, 16 TiB of 4 KiB pages, wherever ranges lie.
 */
#define MAX_LINKED_PAGES UINT32_MAX

u32 page_to_link_slow(const struct page *page);
struct page *link_to_page_slow(u32 link);

static inline u32 page_to_link(const struct page *page)
{
	unsigned long index = memmap_index(page);

	return likely(index < READ_ONCE(memmap.nr_pages)) ?
		       (u32)index + 1 : page_to_link_slow(page);
}

/* NULL if there is none. */
static inline struct page *link_to_page(u32 link)
{
	u32 index = link - 1;

	return likely(index < READ_ONCE(memmap.nr_pages)) ?
		       memmap.pages + index : link_to_page_slow(link);
}

/* mm/buddy.c -------------------------------------------------------------- */

/* Free blocks of one order. Guarded by zone->lock. */
struct free_area {
	struct page_list free_list[MIGRATE_TYPES];
	unsigned long nr_free;		/* blocks on all lists */
};

enum zone_watermarks { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARK };

/* Counts of events, one set per zone. Guarded by zone->lock. */
enum zone_event {
	PGALLOC,		/* pages taken from the free lists */
	PGFREE,			/* pages put back */
	PGSPLIT,		/* blocks split in two */
	PGMERGE,		/* pairs merged */
	PGSTEAL,		/* fallback allocations */
	PGSTEAL_BLOCK,		/* pageblocks changed over by them */
	PGREPORT,		/* pages given back to the host */
	NR_ZONE_EVENTS
};

struct zone {
	spinlock_t lock;
	struct free_area free_area[NR_PAGE_ORDERS];
	unsigned long nr_free;		/* pages; = sum of nr_free << order */
	unsigned long nr_zeroed;	/* of those, pages that read as zero */
	unsigned long low_dirty;	/* least zone_dirty() since a report */
	unsigned long event[NR_ZONE_EVENTS];

	/* Changed by onlining only, under zone->lock. */
	unsigned long managed_pages;
	unsigned long start_pfn, end_pfn;	/* spanned */
	unsigned long watermark[NR_WMARK];
	unsigned long lowmem_reserve[MAX_NR_ZONES];

	/* Never changes. */
	const char *name;
	unsigned int index;
	struct per_cpu_pages *pcp;	/* per-CPU; NULL until populated */
};

extern __hidden struct zone zones[MAX_NR_ZONES];
extern __hidden unsigned int pageblock_order;	/* log2 of pages in 2 MiB */

#define pageblock_nr_pages (1UL << pageblock_order)

static inline struct zone *page_zone(const struct page *page)
{
	return &zones[page_zonenum(page)];
}

/* Free pages that somebody has used: they are likely to be resident. */
static inline unsigned long zone_dirty(const struct zone *zone)
{
	unsigned long nr_free = READ_ONCE(zone->nr_free);
	unsigned long nr_zeroed = READ_ONCE(zone->nr_zeroed);

	/* Without the lock they may be of two moments. */
	return nr_free > nr_zeroed ? nr_free - nr_zeroed : 0;
}

/* How many pages of a block that is free, or just taken, read as zero. */
static inline unsigned long block_zeroed(const struct page *page)
{
	return page->nr_zeroed;
}

static inline void clear_block_zeroed(struct page *page)
{
	ClearPageZeroed(page);
	page->nr_zeroed = 0;
}

static inline bool populated_zone(const struct zone *zone)
{
	return READ_ONCE(zone->managed_pages) != 0;
}

#define for_each_populated_zone(zone)					\
	for ((zone) = zones; (zone) < zones + MAX_NR_ZONES; (zone)++)	\
		if (populated_zone(zone))

/* Add never-used memory [start, end) of one zone; its struct pages are zero. */
void zone_add_pages(unsigned int zone, struct page *page, unsigned long pfn,
		    unsigned long nr_pages);
enum migratetype pageblock_type(const struct page *page);

/* For pcp.c; zone->lock is taken inside. @fresh: may take memory that nobody has
 * used yet. */
unsigned int rmqueue_bulk(struct zone *zone, unsigned int order,
			  unsigned int count, struct page_list *list,
			  int migratetype, bool fresh);
void free_pcppages_bulk(struct zone *zone, struct page_list *list,
			unsigned int nr_pages);

/* For page_reporting.c: take all free blocks of at least @min_order that do not
 * read as zero off the lists (at most @nr), and put them back. */
unsigned int isolate_unreported(struct zone *zone, unsigned int min_order,
				bool keep_huge, struct page **pages,
				unsigned int *orders, unsigned int nr);
void putback_reported(struct zone *zone, struct page **pages,
		      unsigned int *orders, unsigned int nr, bool zeroed);

/* Check every invariant of buddy.c's file comment; the number violated. */
unsigned int page_alloc_validate(void);

/* mm/page_alloc.c -------------------------------------------------------- */

int page_alloc_init(void);
void setup_per_zone_wmarks(void);

/* False, and a warning, if there are no blocks of @order. */
bool order_allowed(gfp_t gfp, unsigned int order);

/*
 * Frozen pages have reference count 0: what the library takes for itself.
 * The caller is inside the fork gate.
 */
struct page *alloc_frozen_pages(gfp_t gfp, unsigned int order, bool *zeroed);
void free_frozen_pages(struct page *page, unsigned int order);
/* The same for a slab, which would rather be of a smaller order, down to
 * @min_order, than of memory that nobody has used; page->order says which. */
struct page *alloc_frozen_slab(gfp_t gfp, unsigned int order,
			       unsigned int min_order);
/* As many pages as asked, not a power of two: with @min_order from the start of a
 * block of at least 2^@min_order pages, which decides the alignment; else
 * anywhere. See page_alloc.c. */
struct page *alloc_frozen_exact(gfp_t gfp, unsigned long nr_pages,
				unsigned int min_order, bool *zeroed);

/* Pages that were in use, beyond the largest order too; NULL if no run is as
 * long. */
struct page *alloc_frozen_run(gfp_t gfp, unsigned long nr_pages);

/* Resize a block of whole pages where it is; false: it is as it was.
 * May wait. */
bool resize_frozen_exact(struct page *page, unsigned long nr_pages,
			 unsigned long new_nr);

/* mm/page_run.c ----------------------------------------------------------- */

void free_frozen_exact(struct page *page, unsigned long nr_pages);

/* mm/page_ref.c ----------------------------------------------------------- */

/* The pages of a compound block know their head: see page_head(). */
static inline void prep_compound_page(struct page *page, unsigned int order)
{
	unsigned long i;

	SetPageHead(page);
	for (i = 1; i < 1UL << order; i++)
		WRITE_ONCE(page[i].tail_index, (u16)i);
}

static inline void destroy_compound_page(struct page *page, unsigned int order)
{
	unsigned long i;

	ClearPageHead(page);
	for (i = 1; i < 1UL << order; i++)
		WRITE_ONCE(page[i].tail_index, 0);
}

/* The head of the large block of kmalloc() whose pages include @page; NULL if
 * there is none. As many steps as pages lie before it in the block. */
struct page *large_head(const struct page *page);
/* The same of a run on a per-CPU list. */
struct page *free_run_head(const struct page *page);

/* mm/huge_memory.c: make fresh memory of huge pages if that pays, as far as the
 * parameter thp allows; false if it is of small ones. */
#define HUGE_PAGE_SIZE (2UL << 20)
bool huge_advise(void *start, size_t size);

/* mm/page_reporting.c; inside the fork gate, without locks. Give free blocks of
 * at least @min_order back to the host, up to about @max_pages; bytes given.
 * @keep_huge: not the parts of huge pages, which would be no longer huge. */
size_t report_free_pages(unsigned int min_order, bool keep_huge,
			 unsigned long max_pages);
/* @nr_pages will be touched for the first time: if @report, let others go for
 * them. Returns the highest level so far, for _no_room() if there are none. */
unsigned long page_reporting_make_room(unsigned long nr_pages, bool report);
void page_reporting_no_room(unsigned long highest);
/* Memory of @zone has come free. */
void page_reporting_start(void);
/* This process may have a reporter, and has none yet. */
void page_reporting_enable(void);
extern __hidden _Atomic bool page_reporting_active;
extern __hidden size_t vmap_bytes_kept;	/* see vmap_kept.c */
#define PAGE_REPORTING_MIN (8UL << 20)	/* bytes free that make it worth a thread */

void page_reporting_keep_level(void);

/* Of blocks that were freed and are kept; without a lock. */
static inline size_t vmap_kept_bytes(void)
{
	return READ_ONCE(vmap_bytes_kept);
}

/* Pages came free. */
static inline void page_reporting_notify(const struct zone *zone)
{
	if (unlikely(zone_dirty(zone) << PAGE_SHIFT >= PAGE_REPORTING_MIN) &&
	    !atomic_load_explicit(&page_reporting_active,
				  memory_order_relaxed))
		page_reporting_start();
}

/* mm/pcp.c --------------------------------------------------------------- */

#define NR_PCP_ORDERS (PAGE_ALLOC_COSTLY_ORDER + 1)
#define NR_PCP_LISTS (NR_PCP_ORDERS * MIGRATE_PCPTYPES)

#define NR_PCP_RUNS 4
#define PCP_RUN_MAX 64		/* pages of one */

struct pcp_run {
	u32 link;		/* to its first page, see page_to_link() */
	u32 nr_pages;
};

/* One CPU's free pages of one zone. Guarded by its lock, which is only ever
 * tried on the allocation path. All-zero is "not set up". */
struct per_cpu_pages {
	spinlock_t lock;
	u32 count;		/* pages of all lists and runs */
	u32 high;		/* above this, pages of lists go back */
	u32 batch;		/* pages moved at a time; 0: not set up */
	u32 nr_runs;
	u32 run_pages;		/* of count, those of runs */
	unsigned long allocs;	/* blocks handed out from here */
	unsigned long frees;
	struct page_list lists[NR_PCP_LISTS];
	struct pcp_run runs[NR_PCP_RUNS];	/* the last one freed is the last */
};

bool pcp_allowed_order(unsigned int order);
struct page *pcp_alloc(struct zone *zone, unsigned int order, int migratetype,
		       bool fresh);
bool pcp_free(struct zone *zone, struct page *page, unsigned int order);
/* Up to @nr single pages under one lock hold; the number got. */
unsigned int pcp_alloc_bulk(struct zone *zone, int migratetype,
			    unsigned int nr, struct page **pages);
/* A run of @nr_pages, aligned to 2^@order pages. If this CPU has freed none last,
 * what it has freed goes back, so that the zone's blocks are whole. */
struct page *pcp_run_alloc(struct zone *zone, unsigned long nr_pages,
			   unsigned int order);
bool pcp_run_free(struct zone *zone, struct page *page, unsigned long nr_pages);
/* All CPUs' runs go back to the zones. False if there are none. */
bool pcp_drain_runs(void);
int pcp_zone_init(struct zone *zone);
/* Empty every CPU's lists into the zones. */
void pcp_drain_all(void);
/* Free pages on the lists of all CPUs of @zone. */
unsigned long pcp_count(struct zone *zone);
unsigned int pcp_validate(void);

/* mm/kmalloc.c, mm/vmalloc.c ---------------------------------------------- */

/* The public functions, for others that are made of them: @caller is whose call
 * it is, for reports and watchers. */
void *kmalloc_caller(size_t size, gfp_t gfp, const void *caller);
void kfree_caller(const void *objp, const void *caller);
void *krealloc_caller(const void *p, size_t new_size, gfp_t gfp,
		      const void *caller);
void *vmalloc_caller(unsigned long size, gfp_t gfp, const void *caller);
void *vrealloc_caller(const void *addr, size_t size, gfp_t gfp,
		      const void *caller);
void vfree_caller(const void *addr, const void *caller);

/* mm/vmap_area.c ---------------------------------------------------------- */

int vmalloc_init(void);
/* vmalloc with any power-of-two alignment. @zeroed: whether it had better read as
 * zero, and whether it does. */
void *vmalloc_aligned(size_t size, size_t align, bool *zeroed);
/* The mapped size of the block that starts at @addr; 0 if none does. */
size_t vmalloc_size(const void *addr);
/* Free the block that starts at @addr; false if none does. */
bool vmalloc_free(void *addr);
/* Resize by moving no bytes; NULL if that cannot be, or if no block starts there.
 * @zeroed: what it grows by must read as zero. */
void *vmalloc_resize(void *addr, size_t new_size, bool zeroed);
/* The block that @addr lies in, for reports; false if none. */
bool vmalloc_find(const void *addr, unsigned long *start, size_t *size);
/* Without a lock: bytes of blocks, and of freed ones that are kept; and of all
 * blocks that were ever freed. */
size_t vmalloc_bytes(void);
size_t vmalloc_bytes_freed(void);
/* Give @bytes of kept blocks back, and a little more; or those that were kept at
 * the last call already. The bytes given. */
size_t vmalloc_shrink(size_t bytes);
size_t vmalloc_age(void);
/* Blocks and their bytes. */
void vmalloc_stat(unsigned long *nr_areas, size_t *bytes);
/* Write down who allocated the block that starts at @addr, if there is one. */
struct page_owner;
void vmalloc_set_owner(const void *addr, const struct page_owner *owner);
unsigned int vmalloc_validate(void);

/* mm/mm_init.c ----------------------------------------------------------- */

enum mm_state { MM_DOWN, MM_BOOTING, MM_UP };
extern __hidden _Atomic int mm_state;

/* Boot if that has not happened. False if the host gives no memory. */
bool mm_boot(void);
static inline bool mm_ready(void)
{
	return likely(atomic_load_explicit(&mm_state, memory_order_acquire) ==
		      MM_UP) || mm_boot();
}

/* mm/bad_free.c ---------------------------------------------------------- */

/* Report a pointer that cannot be freed and act by the policy; may return. */
void bad_free(const void *p, const void *caller, const char *what);
/* Is @page in a free block? A look without a lock, for reports. */
bool in_free_block(struct page *page);

#endif /* MM_INTERNAL_H */
