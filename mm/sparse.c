// SPDX-License-Identifier: MIT
/*
 * Memory: ranges of address space, brought online step by step, and the map
 * of struct pages that describes them.
 *
 * The host plays firmware. A range is a stretch of addresses with an array of
 * struct pages; the part below its end_pfn is online, that is, mapped and
 * given to a zone:
 *
 *	start_pfn            end_pfn               limit_pfn
 *	   |<----- online ----->|<---- not yet ------->|
 *	pages[0]             pages[end - start]
 *
 * The first range lies in a window of the address space, far from where the
 * host places mappings by itself, so it can grow in place without having been
 * reserved: a process pays address space for what it uses. That keeps small
 * RLIMIT_AS, mlockall() and core dumps working. Where the host refuses such
 * addresses, a range is reserved inaccessible and committed step by step; its
 * size is whatever the host grants. When a range is full, another is added.
 *
 * A page frame number is an address divided by the page size. Blocks that are
 * aligned by number are therefore aligned in memory.
 *
 * Invariants:	S1  ranges do not overlap; numbers in [start_pfn, end_pfn) are valid
 *		S2  every struct page of an online page is mapped
 *		S3  start_pfn is aligned to MAX_ORDER_NR_PAGES
 *		S4  online bytes never exceed the parameter mem=, nor
 *		    MAX_LINKED_PAGES
 *		S5  only the last range grows, so that links count on: see
 *		    page_to_link()
 * Lock order:	hotplug_lock > zone->lock. System calls are made under
 *		hotplug_lock, so it is only tried by callers that may not wait.
 * Readers:	take no lock. nr_ranges and the ends only grow; each is
 *		published by a release after what it makes reachable.
 * Source:	kernel mm/sparse.c, mm/memory_hotplug.c.
 * Not here:	what happens to the pages of a zone (buddy.c).
 */
#include <errno.h>

#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "internal.h"
#include "probes.h"

#define WINDOW_SPAN (1UL << 40)

/* Windows lie somewhere in these 64 TiB, below the places of position
 * independent programs and of libraries. Where exactly is random, in steps of
 * the largest block: 24 bits that an attacker has to guess. */
#define WINDOW_FIRST (1UL << 44)
#define WINDOW_AREA (1UL << 46)
#define WINDOW_TRIES 8

/* Sanitizers know only the addresses that the host chooses. */
#if defined(__SANITIZE_THREAD__)
#define USE_WINDOW 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define USE_WINDOW 0
#endif
#endif
#ifndef USE_WINDOW
#define USE_WINDOW (sizeof(long) == 8)
#endif

/* Bytes onlined at a time: at least the first, at most the second. (The very first
 * time it is less: see first_step().) */
#define MIN_STEP (1UL << 20)
#define MAX_STEP (16UL << 20)
/* A small limit may leave less than a step. */
#define TINY_STEP (64UL << 10)
#define MAP_STEP (64UL << 10)

#define RESERVE_MAX (256UL << 20)

struct memmap memmap;

/* Append only; under hotplug_lock. */
struct mem_range sparse_ranges[MAX_RANGES];
static _Atomic unsigned int nr_ranges;
static spinlock_t hotplug_lock = SPINLOCK_INIT(LOCK_RANK_HOTPLUG);

static unsigned long online_pages;	/* under hotplug_lock */
static unsigned long limit_pages;	/* the parameter mem=; 0: none */

/* First page after each zone, counted from the start of the first range; the
 * last zone that has pages takes whatever follows. */
static unsigned long zone_end[MAX_NR_ZONES];

static inline unsigned int count_ranges(void)
{
	/* Acquire pairs with the release in add_range(). */
	return atomic_load_explicit(&nr_ranges, memory_order_acquire);
}

unsigned int sparse_nr_ranges(void)
{
	return count_ranges();
}

const struct mem_range *sparse_range(unsigned int nr)
{
	return &sparse_ranges[nr];
}

/* Lookups ----------------------------------------------------------------- */

struct page *virt_to_page_slow(const void *addr)
{
	unsigned long pfn = (unsigned long)addr >> memmap.shift;
	unsigned int i, nr = count_ranges();

	for (i = 0; i < nr; i++) {
		const struct mem_range *range = &sparse_ranges[i];

		if (pfn >= range->start_pfn &&
		    pfn < range_end_pfn(range))
			return range->pages + (pfn - range->start_pfn);
	}
	return NULL;
}

static noinline const struct mem_range *page_range_slow(const struct page *page)
{
	unsigned int i, nr = count_ranges();

	for (i = 0; i < nr; i++) {
		const struct mem_range *range = &sparse_ranges[i];
		unsigned long index = ((unsigned long)page -
				       (unsigned long)range->pages) /
				      sizeof(*page);

		if (page >= range->pages &&
		    index < range->limit_pfn - range->start_pfn)
			return range;
	}
	return NULL;
}

const struct mem_range *page_range(const struct page *page)
{
	return likely(memmap_index(page) < READ_ONCE(memmap.nr_pages)) ?
		       sparse_ranges : page_range_slow(page);
}

unsigned long page_to_pfn(const struct page *page)
{
	const struct mem_range *range = page_range(page);

	return range->start_pfn + (unsigned long)(page - range->pages);
}

void *page_address(const struct page *page)
{
	return (void *)(page_to_pfn(page) << memmap.shift);
}

struct page *virt_to_page(const void *addr)
{
	return lookup_page(addr);
}

struct page *pfn_to_page(unsigned long pfn)
{
	return lookup_page((void *)(pfn << memmap.shift));
}

bool pfn_valid(unsigned long pfn)
{
	return pfn_to_page(pfn) != NULL;
}

u32 page_to_link_slow(const struct page *page)
{
	const struct mem_range *range = page_range(page);

	return range->first_link + (u32)(page - range->pages);
}

struct page *link_to_page_slow(u32 link)
{
	unsigned int i, nr = link ? count_ranges() : 0;

	for (i = 0; i < nr; i++) {
		const struct mem_range *range = &sparse_ranges[i];
		u32 index = link - range->first_link;

		if (index < range_end_pfn(range) - range->start_pfn)
			return range->pages + index;
	}
	return NULL;
}

size_t sparse_onlined_bytes(void)
{
	return READ_ONCE(online_pages) << memmap.shift;
}

size_t sparse_map_bytes(void)
{
	unsigned int i, nr = count_ranges();
	size_t bytes = 0;

	for (i = 0; i < nr; i++)
		bytes += READ_ONCE(sparse_ranges[i].map_bytes);
	return bytes;
}

/* Onlining ---------------------------------------------------------------- */

/* Make the struct pages below @end_pfn usable. */
static int extend_map(struct mem_range *range, unsigned long end_pfn)
{
	unsigned long page_size = 1UL << memmap.shift;
	size_t need = (end_pfn - range->start_pfn) * sizeof(struct page);
	char *end = (char *)range->pages + range->map_bytes;
	size_t grow;
	int ret;

	if (need <= range->map_bytes)
		return 0;
	grow = ALIGN(need - range->map_bytes, max_t(size_t, MAP_STEP,
						    page_size));
	ret = range->reserved ? host_commit(end, grow) :
				host_map_fixed(end, grow);
	if (!ret)
		range->map_bytes += grow;
	return ret;
}

static int commit_pages(struct mem_range *range, unsigned long end_pfn)
{
	void *start = (void *)(range->end_pfn << memmap.shift);
	size_t size = (end_pfn - range->end_pfn) << memmap.shift;

	return range->reserved ? host_commit(start, size) :
				 host_map_fixed(start, size);
}

static unsigned int zone_of_offset(unsigned long offset)
{
	unsigned int zone;

	for (zone = 0; zone < MAX_NR_ZONES - 1; zone++)
		if (offset < zone_end[zone])
			return zone;
	return zone_end[ZONE_MOVABLE] ? ZONE_MOVABLE : ZONE_NORMAL;
}

/* What is online is allocated by now, or no more would be asked for. But buffers,
 * say, that are made for the worst case are not written as far. What the rest of
 * the process has resident is small beside this, mostly. */
static bool online_is_written(void)
{
	return host_peak_resident() >= online_pages << memmap.shift >> 1;
}

/*
 * Huge pages: one fault brings 2 MiB for the price of seven small ones, but all
 * of it becomes resident. So the first memory of a process comes in small
 * pages, which fit its needs; what comes after thp_after bytes is likely to be
 * filled if what came before was, and at worst the last pageblock is not. Where
 * the host would use huge pages by itself, the first part must be kept from it.
 */
static void advise_huge(struct mem_range *range, unsigned long end)
{
	unsigned long start = range->end_pfn;
	void *addr = (void *)(start << memmap.shift);
	size_t size = (end - start) << memmap.shift;

	if ((kmm_params.thp == THP_ALWAYS ||
	     (online_pages << memmap.shift >= kmm_params.thp_after &&
	      online_is_written())) &&
	    huge_advise(addr, size)) {
		range->huge_pfn = min_t(unsigned long, range->huge_pfn, start);
		return;
	}
	/* The first MIN_STEP is too small for a huge page, and stays so since
	 * later ones are mappings of another kind. */
	if (end - range->start_pfn > MIN_STEP >> memmap.shift)
		host_advise_huge(addr, size, false);
}

/* Let lookups find [end_pfn, end), then give it to its zones: what a zone hands
 * out must be found, while a page that is found too early is nobody's yet. */
static void online(struct mem_range *range, unsigned long end)
{
	bool first = range == sparse_ranges;
	unsigned long pfn = range->end_pfn, next, offset;
	unsigned int zone;

	advise_huge(range, end);
	WRITE_ONCE(online_pages, online_pages + (end - pfn));
	/* Release: a thread that sees the new end sees the mapped pages. */
	__atomic_store_n(&range->end_pfn, end, __ATOMIC_RELEASE);
	if (first) {
		WRITE_ONCE(memmap.nr_pages, (u32)(end - range->start_pfn));
		__atomic_store_n(&memmap.size,
				 (end - range->start_pfn) << memmap.shift,
				 __ATOMIC_RELEASE);
	}
	for (; pfn < end; pfn = next) {
		offset = pfn - range->start_pfn;
		zone = first ? zone_of_offset(offset) : ZONE_NORMAL;
		next = end;
		if (first && offset < zone_end[zone])
			next = min_t(unsigned long, end,
				     range->start_pfn + zone_end[zone]);
		zone_add_pages(zone, range->pages + offset, pfn, next - pfn);
		trace_online_pages(pfn, next - pfn, zone);
	}
}

/* Pages of the first step of all, unless mem= has set a limit: those that one page
 * of the map describes. A small process needs no more, and the heads of its free
 * blocks are all there. */
static unsigned long first_step(void)
{
	return min_t(unsigned long, MIN_STEP, PAGE_SIZE / sizeof(struct page)
						      << memmap.shift) >>
	       memmap.shift;
}

/* Where the next step ends. */
static unsigned long step_end(unsigned long start, unsigned long least)
{
	unsigned long unit = max_t(unsigned long, 1, MIN_STEP >> memmap.shift);
	unsigned long step = (online_pages << memmap.shift) / 8, end;

	if (!online_pages && !limit_pages)
		return max_t(unsigned long, least, start + first_step());
	step = min_t(unsigned long, max_t(unsigned long, step, MIN_STEP),
		     MAX_STEP) >> memmap.shift;
	end = ALIGN(max_t(unsigned long, least, ALIGN_DOWN(start, unit) + step),
		    unit);
	/* Whole huge pages where they are used. */
	return step > unit ? ALIGN(end, pageblock_nr_pages) : end;
}

/*
 * Online enough of @range for a free block of @order. First a step in
 * proportion to what is in use, so that the number of system calls stays
 * logarithmic at first and memory is never far ahead of its use; then, if that
 * is refused, the least that will do.
 */
static int extend_range(struct mem_range *range, unsigned int order)
{
	unsigned long start = range->end_pfn, limit = range->limit_pfn;
	unsigned long block = 1UL << order, least, end;
	unsigned long most = limit_pages ? limit_pages : MAX_LINKED_PAGES;
	int ret;

	most = min_t(unsigned long, most, MAX_LINKED_PAGES);
	if (online_pages >= most)
		return -ENOMEM;
	limit = min_t(unsigned long, limit, start + most - online_pages);
	least = ALIGN(start, block) + block;
	least = ALIGN(least, max_t(unsigned long, 1,
				   TINY_STEP >> memmap.shift));
	if (least > limit)
		least = ALIGN(start, block) + block;
	if (least > limit)
		return -ENOSPC;
	end = step_end(start, least);
	end = min_t(unsigned long, end, limit);
	for (;;) {
		ret = extend_map(range, end);
		if (!ret)
			ret = commit_pages(range, end);
		if (!ret) {
			online(range, end);
			return 0;
		}
		if (end == least)
			return ret;
		end = least;
	}
}

static void add_range(struct mem_range *range)
{
	unsigned int nr = count_ranges();

	range->end_pfn = range->start_pfn;
	range->huge_pfn = range->limit_pfn;
	range->first_link = (u32)online_pages + 1;
	sparse_ranges[nr] = *range;
	if (!nr) {
		memmap.base = range->start_pfn << memmap.shift;
		memmap.pages = range->pages;
	}
	/* Release pairs with count_ranges(). */
	atomic_store_explicit(&nr_ranges, nr + 1, memory_order_release);
}

/* Take back the newest range, which never came online. Readers may still look
 * at its slot: it must match nothing, also while the next one is written. */
static void drop_range(unsigned int nr)
{
	WRITE_ONCE(sparse_ranges[nr].end_pfn, 0);
	WRITE_ONCE(sparse_ranges[nr].start_pfn, ~0UL);
	atomic_store_explicit(&nr_ranges, nr, memory_order_release);
}

/* A window is a map and the memory it describes, both growing upwards:
 *
 *	window | struct pages ...     | memory ...           | + 2 * WINDOW_SPAN
 */
static unsigned long random_window(u64 random)
{
	unsigned long align = MAX_ORDER_NR_PAGES << memmap.shift;

	return WINDOW_FIRST +
	       random % ((WINDOW_AREA - 2 * WINDOW_SPAN) / align) * align;
}

/* page_range() goes by where a map may grow to, so windows stay apart. */
static bool window_overlaps(unsigned long window)
{
	unsigned int i, nr = count_ranges();
	unsigned long other;

	for (i = 0; i < nr; i++) {
		if (sparse_ranges[i].reserved)
			continue;
		other = (unsigned long)sparse_ranges[i].pages;
		if (window < other + 2 * WINDOW_SPAN &&
		    other < window + 2 * WINDOW_SPAN)
			return true;
	}
	return false;
}

/* A range in a window: nothing is mapped yet, growing decides. */
static int new_window_range(unsigned int order)
{
	unsigned long span_pages = WINDOW_SPAN >> memmap.shift;
	unsigned int try, nr = count_ranges();
	u64 random = host_random() ^ nr;
	unsigned long window;
	int ret = -ENOMEM;

	for (try = 0; try < WINDOW_TRIES; try++) {
		struct mem_range range = { 0 };

		random = random * 6364136223846793005u + 1442695040888963407u;
		window = random_window(random >> 16);
		range.pages = (struct page *)window;
		range.start_pfn = (window + WINDOW_SPAN) >> memmap.shift;
		range.limit_pfn = range.start_pfn + span_pages;
		if (window_overlaps(window))
			continue;
		/* Only a range that can grow once is kept. */
		ret = extend_map(&range, range.start_pfn + 1);
		if (ret == -EEXIST)
			continue;
		if (ret)
			return ret;
		add_range(&range);
		ret = extend_range(&sparse_ranges[nr], order);
		if (!ret)
			return 0;
		range.map_bytes = sparse_ranges[nr].map_bytes;
		drop_range(nr);
		host_unmap(range.pages, range.map_bytes);
		if (ret != -EEXIST)
			return ret;
	}
	return ret;
}

/* How much to reserve when address space must be taken in advance. */
static size_t reserve_size(void)
{
	return max_t(size_t, RESERVE_MAX, sparse_onlined_bytes());
}

static noinline int new_reserved_range(unsigned int order)
{
	size_t align = MAX_ORDER_NR_PAGES << memmap.shift;
	size_t least = max_t(size_t, MIN_STEP, 1UL << (order + memmap.shift));
	unsigned int nr = count_ranges();
	size_t size, map;
	int ret = -ENOMEM;

	for (size = ALIGN(reserve_size(), align); size >= least; size /= 2) {
		struct mem_range range = { .reserved = true };
		char *addr;

		/* The map goes behind the memory it describes. */
		map = ALIGN((size >> memmap.shift) * sizeof(struct page),
			    max_t(size_t, MAP_STEP, 1UL << memmap.shift));
		addr = host_reserve(size + map, align);
		if (!addr)
			continue;
		range.start_pfn = (unsigned long)addr >> memmap.shift;
		range.limit_pfn = range.start_pfn + (size >> memmap.shift);
		range.pages = (struct page *)(addr + size);
		add_range(&range);
		ret = extend_range(&sparse_ranges[nr], order);
		if (!ret)
			return 0;
		drop_range(nr);
		host_unmap(addr, size + map);
	}
	return ret;
}

static int new_range(unsigned int order)
{
	int ret = -ENOMEM;

	if (count_ranges() == MAX_RANGES)
		return -ENOMEM;
	if (USE_WINDOW)
		ret = new_window_range(order);
	return ret ? new_reserved_range(order) : 0;
}

bool sparse_grow(unsigned int order, bool wait)
{
	unsigned int nr;
	int ret;

	if (wait)
		spin_lock(&hotplug_lock);
	else if (!spin_trylock(&hotplug_lock))
		return false;
	nr = count_ranges();
	ret = nr ? extend_range(&sparse_ranges[nr - 1], order) : -ENOSPC;
	/* No room left in place, or something else lies there. */
	if (ret && (!limit_pages || online_pages < limit_pages) &&
	    (ret == -ENOSPC || ret == -EEXIST || ret == -EINVAL))
		ret = new_range(order);
	spin_unlock(&hotplug_lock);
	return !ret;
}

/*
 * The teaching zones: consecutive parts of the first range.
 *
 *	| ZONE_DMA | ZONE_DMA32 | ZONE_NORMAL ............ | ZONE_MOVABLE ... |
 *	0       zone_dma   + zone_dma32     kernelcore, or mem - movablecore  mem
 */
static void setup_zones(void)
{
	unsigned long dma = kmm_params.zone_dma >> memmap.shift;
	unsigned long dma32 = kmm_params.zone_dma32 >> memmap.shift;
	unsigned long core = kmm_params.kernelcore >> memmap.shift;
	unsigned long movable = kmm_params.movablecore >> memmap.shift;

	if (!dma && !dma32 && !core && !movable)
		return;
	if (!limit_pages)
		limit_pages = RESERVE_MAX >> memmap.shift;
	if (!core)
		core = movable < limit_pages ? limit_pages - movable : 0;
	core = min_t(unsigned long, core, limit_pages);
	dma = min_t(unsigned long, dma, core);
	zone_end[ZONE_DMA] = dma;
	zone_end[ZONE_DMA32] = min_t(unsigned long, dma + dma32, core);
	zone_end[ZONE_NORMAL] = core;
	zone_end[ZONE_MOVABLE] = core < limit_pages ? limit_pages : 0;
}

int sparse_init(void)
{
	bool zoned;

	memmap.shift = PAGE_SHIFT;
	limit_pages = kmm_params.mem >> memmap.shift;
	setup_zones();
	zoned = zone_end[ZONE_NORMAL] != 0;
	/* The first step; a small limit is met by the fallback inside. */
	if (!sparse_grow(0, true))
		return -ENOMEM;
	/* Teaching zones show all their memory from the start. */
	while (zoned && online_pages < limit_pages && sparse_grow(0, true))
		;
	setup_per_zone_wmarks();
	return 0;
}
