// SPDX-License-Identifier: MIT
/*
 * The library's state as text, and what happened between two states in words.
 *
 *	pages 0   |AAAAAAAA|........|................|		A block, free
 *	order 3    8-15 24-31					a free list
 *	cpu 0 pages  order 0: 5				free to CPU 0 alone
 *	foo slab 7  oo--..______  4 of 42 in use, partial
 *	foo cpu 0   main 7.3 7.2 (2 of 4)  spare - 
 *	foo barn    1 full: 7.8 7.9  0 empty
 *
 * In a slab, o is with its user, - in a sheaf (which the slab counts as in
 * use), . on the freelist, and _ was never handed out. Object 3 of the slab at
 * page 7 is called 7.3.
 *
 * The walk is the one that lib/anchor.c describes. No thread of the library is
 * running while the lab looks, so nothing is locked and nothing changes.
 */
#include <stdlib.h>
#include <string.h>

#include "mm.h"

#define ROW_PAGES 32
#define MAX_LISTED 16

unsigned long mm_pfn(const void *address)
{
	return ((unsigned long)address >> PAGE_SHIFT) - mm_lab.range->start_pfn;
}

struct page *mm_linked_page(u32 link)
{
	return link ? mm_lab.range->pages + (link - mm_lab.range->first_link) :
		      NULL;
}

unsigned long mm_page_number(const struct page *page)
{
	return (unsigned long)(page - mm_lab.range->pages);
}

static const void *address_of(const struct page *page)
{
	return (const void *)((mm_page_number(page) + mm_lab.range->start_pfn)
			      << PAGE_SHIFT);
}

unsigned long mm_nr_pages(void)
{
	return mm_lab.range->end_pfn - mm_lab.range->start_pfn;
}

/* "8-15", or "8"; valid until the next four calls. */
static const char *range(unsigned long pfn, unsigned long nr)
{
	static char texts[4][32];
	static unsigned int next;
	char *text = texts[next++ % 4];

	if (nr > 1)
		snprintf(text, 32, "%lu-%lu", pfn, pfn + nr - 1);
	else
		snprintf(text, 32, "%lu", pfn);
	return text;
}

const char *mm_pages(unsigned long pfn, unsigned long nr)
{
	static char texts[4][40];
	static unsigned int next;
	char *text = texts[next++ % 4];

	snprintf(text, 40, "page%s %s", nr > 1 ? "s" : "", range(pfn, nr));
	return text;
}

struct per_cpu_pages *mm_pcp_of(struct zone *zone, unsigned int cpu)
{
	struct per_cpu_pages *pcp = per_cpu_ptr(zone->pcp, cpu);

	return pcp->batch ? pcp : NULL;
}

struct slub_percpu_sheaves *mm_sheaves_of(struct kmem_cache *s,
					  unsigned int cpu)
{
	return per_cpu_ptr(s->cpu_sheaves, cpu);
}

/* Pages -------------------------------------------------------------------- */

static void mark(char *map, bool *starts, unsigned long pfn, unsigned long nr,
		 char c)
{
	if (pfn < mm_nr_pages())
		starts[pfn] = true;
	if (pfn + nr < mm_nr_pages())
		starts[pfn + nr] = true;
	while (nr-- && pfn < mm_nr_pages())
		map[pfn++] = c;
}

static char slab_letter(const struct kmem_cache *s)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_shown; i++)
		if (mm_lab.shown[i] == s)
			return s->name[0];
	return '#';
}

static void mark_page(char *map, bool *starts, struct page *page)
{
	unsigned long pfn = mm_page_number(page);

	if (PageBuddy(page))
		mark(map, starts, pfn, 1ul << page->order, '.');
	else if (PagePcp(page))
		mark(map, starts, pfn, pcp_block_pages(page), '+');
	else if (PageSlab(page))
		mark(map, starts, pfn, 1ul << page->order,
		     slab_letter(page->slab_cache));
}

static void mark_blocks(char *map, bool *starts)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_blocks; i++) {
		const struct mm_block *b = &mm_lab.blocks[i];
		unsigned long nr = 1ul << b->order;

		if (!b->live || b->cache)
			continue;
		if (b->kind == MM_KMALLOC)
			nr = ksize(b->address) >> PAGE_SHIFT;
		mark(map, starts, mm_pfn(b->address), nr, *lab_name(i));
	}
}

static void draw_pages(struct picture *p)
{
	static char map[MM_MAX_PAGES + 1];
	static bool starts[MM_MAX_PAGES + 1];
	unsigned long pfn, row;
	char text[2 * ROW_PAGES + 2], last[2 * ROW_PAGES + 2] = "";
	char label[48], *to;

	memset(map, '?', sizeof(map));
	memset(starts, 0, sizeof(starts));
	for (pfn = 0; pfn < mm_nr_pages(); pfn++)
		mark_page(map, starts, mm_lab.range->pages + pfn);
	mark_blocks(map, starts);
	for (row = 0; row < mm_nr_pages(); row += ROW_PAGES) {
		to = text;
		for (pfn = row; pfn < row + ROW_PAGES && pfn < mm_nr_pages();
		     pfn++) {
			if (pfn > row && starts[pfn])
				*to++ = '|';
			*to++ = map[pfn];
		}
		*to = '\0';
		/* Rows of a large block that are like the one above. */
		if (!strcmp(text, last) && !starts[row])
			continue;
		strcpy(last, text);
		snprintf(label, sizeof(label), "pages %lu", row);
		picture_add(p, "%-12s  |%s|", label, text);
	}
}

static size_t append_list(char *text, size_t size, size_t len,
			  const struct page_list *list, unsigned int order)
{
	unsigned int nr = 0;
	struct page *page;

	mm_for_each_page(page, list) {
		if (nr++ == MAX_LISTED)
			len += (size_t)snprintf(text + len, size - len, " ...");
		if (nr > MAX_LISTED || len + 32 > size)
			break;
		len += (size_t)snprintf(text + len, size - len, " %s",
					range(mm_page_number(page), 1ul << order));
	}
	return len;
}

static bool several_zones(void)
{
	const struct zone *zone;
	unsigned int nr = 0;

	for_each_zone_here(zone)
		nr++;
	return nr > 1;
}

/* The free blocks of an order, if there are any: of types [first, end). */
static void draw_order(struct picture *p, struct zone *zone, unsigned int order,
		       unsigned int first, unsigned int end, const char *type)
{
	const char *name = several_zones() ? zone->name : "";
	char text[512], label[64];
	size_t len = 0;

	for (; first < end; first++)
		len = append_list(text, sizeof(text), len,
				  &zone->free_area[order].free_list[first],
				  order);
	if (!len)
		return;
	snprintf(label, sizeof(label), "%s%sorder %u%s%s", name,
		 *name ? " " : "", order, *type ? " " : "", type);
	picture_add(p, "%-12s %s", label, text);
}

static void draw_zone(struct picture *p, struct zone *zone)
{
	bool grouped = mm_several_types();
	unsigned int order, type;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		if (!grouped)
			draw_order(p, zone, order, 0, MIGRATE_TYPES, "");
		for (type = 0; grouped && type < MIGRATE_PCPTYPES; type++)
			draw_order(p, zone, order, type, type + 1,
				   mm_type_name(type));
	}
	if (!zone->nr_free)
		picture_add(p, "%-12s  no free page",
			    several_zones() ? zone->name : "free");
}

static size_t append_runs(char *text, size_t size, size_t len,
			  const struct per_cpu_pages *pcp)
{
	unsigned int i;

	if (pcp->nr_runs && len + 64 < size)
		len += (size_t)snprintf(text + len, size - len, "%sruns:",
					len ? "  " : "");
	for (i = 0; i < pcp->nr_runs && len + 32 < size; i++)
		len += (size_t)snprintf(
			text + len, size - len, " %s",
			range(mm_page_number(mm_linked_page(pcp->runs[i].link)),
			      pcp->runs[i].nr_pages));
	return len;
}

static void draw_cpu_pages(struct picture *p, struct zone *zone,
			   unsigned int cpu)
{
	struct per_cpu_pages *pcp = mm_pcp_of(zone, cpu);
	char text[512], label[32];
	unsigned int order, type;
	size_t len = 0;

	if (!pcp || !pcp->count)
		return;
	for (order = 0; order < NR_PCP_ORDERS; order++) {
		size_t start = len;

		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%sorder %u:", len ? "  " : "", order);
		for (type = 0; type < MIGRATE_PCPTYPES; type++)
			len = append_list(text, sizeof(text), len,
					  &pcp->lists[order * MIGRATE_PCPTYPES +
						      type], order);
		/* Nothing after the colon. */
		if (text[len - 1] == ':')
			len = start;
		text[len] = '\0';
		if (len + 64 > sizeof(text))
			break;
	}
	len = append_runs(text, sizeof(text), len, pcp);
	text[len] = '\0';
	snprintf(label, sizeof(label), "cpu %u pages", cpu);
	picture_add(p, "%-12s  %s  (%u of %u)", label, text,
		    pcp->count - pcp->run_pages, pcp->high);
}

/* Slabs and sheaves -------------------------------------------------------- */

/* The inverse of what mm/slub.c draws in its file comment. The link is in a free
 * object, which a sanitizer believes nobody may read. */
static void *__attribute__((no_sanitize("address")))
next_free(const struct kmem_cache *s, const struct page *slab,
	  const void *object)
{
	const unsigned long *link =
		(const unsigned long *)((const char *)object + s->offset);

	return (void *)(*link ^ s->random ^
			__builtin_bswap64((unsigned long)link) ^
			(u64)slab->slab_gen << 48);
}

unsigned int mm_object_index(const struct kmem_cache *s,
			     const struct page *slab, const void *object)
{
	return (unsigned int)(((const char *)object -
			       (const char *)address_of(slab)) / s->size);
}

const struct page *mm_slab_of(const void *object)
{
	return page_head(mm_lab.range->pages + mm_pfn(object));
}

static void mark_sheaf(char *map, struct kmem_cache *s, const struct page *slab,
		       const struct slab_sheaf *sheaf)
{
	u32 i;

	for (i = 0; sheaf && i < sheaf->size; i++)
		if (mm_slab_of(sheaf->objects[i]) == slab)
			map[mm_object_index(s, slab, sheaf->objects[i])] = '-';
}

static void mark_sheaves(char *map, struct kmem_cache *s,
			 const struct page *slab)
{
	const struct slab_sheaf *sheaf;
	unsigned int cpu;

	for (cpu = 0; s->sheaf_capacity && cpu < mm_lab.nr_cpus; cpu++) {
		mark_sheaf(map, s, slab, mm_sheaves_of(s, cpu)->main);
		mark_sheaf(map, s, slab, mm_sheaves_of(s, cpu)->spare);
	}
	for (sheaf = s->barn.full; sheaf; sheaf = sheaf->next)
		mark_sheaf(map, s, slab, sheaf);
}

const char *mm_slab_state(const struct page *slab)
{
	if (slab->list == SLAB_ON_FULL)
		return "full";
	return slab->inuse ? "partial" : "empty";
}

#define MAX_DRAWN 128

void mm_map_slab(struct kmem_cache *s, const struct page *slab, char *map)
{
	void *object = slab_freelist(s, slab, (char *)address_of(slab));
	unsigned int steps = 0;

	memset(map, 'o', slab->objects);
	memset(map + slab->fresh, '_', (size_t)(slab->objects - slab->fresh));
	for (; object && steps < slab->objects; steps++) {
		/* A lesson may be on what a stray write does to a link. */
		if (mm_object_index(s, slab, object) >= slab->objects)
			break;
		map[mm_object_index(s, slab, object)] = '.';
		object = next_free(s, slab, object);
	}
	mark_sheaves(map, s, slab);
}

static void draw_slab(struct picture *p, struct kmem_cache *s,
		      const struct page *slab)
{
	static char map[MM_MAX_OBJECTS];
	char label[64];

	mm_map_slab(s, slab, map);
	snprintf(label, sizeof(label), "%s slab %lu", s->name,
		 mm_page_number(slab));
	picture_add(p, "%-12s  %.*s%s  %u of %u in use, %s", label,
		    min_t(int, slab->objects, MAX_DRAWN), map,
		    slab->objects > MAX_DRAWN ? "..." : "", slab->inuse,
		    slab->objects, mm_slab_state(slab));
}

static size_t append_sheaf(char *text, size_t size, size_t len,
			   const struct slab_sheaf *sheaf)
{
	u32 i;

	/* In the order in which they will be taken. */
	for (i = sheaf->size; i-- > 0 && len + 32 < size;) {
		const struct page *slab = mm_slab_of(sheaf->objects[i]);

		len += (size_t)snprintf(text + len, size - len, " %lu.%u",
					mm_page_number(slab),
					mm_object_index(sheaf->cache, slab,
						     sheaf->objects[i]));
	}
	return len;
}

static size_t append_slot(char *text, size_t size, size_t len, const char *name,
			  const struct slab_sheaf *sheaf)
{
	len += (size_t)snprintf(text + len, size - len, "%s%s",
				len ? "   " : "", name);
	if (!sheaf)
		return len + (size_t)snprintf(text + len, size - len, " none");
	len = append_sheaf(text, size, len, sheaf);
	return len + (size_t)snprintf(text + len, size - len, " (%u of %u)",
				      sheaf->size, sheaf->capacity);
}

static void draw_sheaves(struct picture *p, struct kmem_cache *s,
			 unsigned int cpu)
{
	const struct slub_percpu_sheaves *pcs = mm_sheaves_of(s, cpu);
	char text[1024], label[64];
	size_t len;

	if (!pcs->main && !pcs->spare)
		return;
	len = append_slot(text, sizeof(text), 0, "main", pcs->main);
	append_slot(text, sizeof(text), len, "spare", pcs->spare);
	snprintf(label, sizeof(label), "%s cpu %u", s->name, cpu);
	picture_add(p, "%-12s  %s", label, text);
}

static void draw_barn(struct picture *p, struct kmem_cache *s)
{
	const struct slab_sheaf *sheaf;
	char text[1024] = "", label[64];
	size_t len = 0;

	if (!s->barn.nr_full && !s->barn.nr_empty)
		return;
	for (sheaf = s->barn.full; sheaf; sheaf = sheaf->next)
		len = append_slot(text, sizeof(text), len, "full", sheaf);
	for (sheaf = s->barn.empty; sheaf; sheaf = sheaf->next)
		len = append_slot(text, sizeof(text), len, "empty", sheaf);
	snprintf(label, sizeof(label), "%s barn", s->name);
	picture_add(p, "%-12s  %s", label, text);
}

static void draw_cache(struct picture *p, struct kmem_cache *s)
{
	struct page *slab;
	unsigned long pfn;
	unsigned int cpu;

	/* In the order of addresses, not of the lists. */
	for (pfn = 0; pfn < mm_nr_pages(); pfn++) {
		slab = mm_lab.range->pages + pfn;
		if (PageSlab(slab) && slab->slab_cache == s)
			draw_slab(p, s, slab);
	}
	if (!s->sheaf_capacity)
		return;
	for (cpu = 0; cpu < mm_lab.nr_cpus; cpu++)
		draw_sheaves(p, s, cpu);
	draw_barn(p, s);
}

void mm_draw(struct picture *p)
{
	struct zone *zone;
	unsigned int cpu, i;

	draw_pages(p);
	mm_draw_pageblocks(p);
	for_each_zone_here(zone) {
		draw_zone(p, zone);
		for (cpu = 0; cpu < mm_lab.nr_cpus; cpu++)
			draw_cpu_pages(p, zone, cpu);
	}
	for (i = 0; i < mm_lab.nr_shown; i++)
		draw_cache(p, mm_lab.shown[i]);
}

/* Numbers ------------------------------------------------------------------ */

static void look_at_cache(struct mm_snapshot *state, struct kmem_cache *s)
{
	const struct slub_percpu_sheaves *pcs;
	unsigned long pfn;

	state->nr_slabs = s->node.nr_slabs;
	state->nr_inuse = s->node.nr_inuse;
	state->nr_full = s->barn.nr_full;
	state->nr_empty = s->barn.nr_empty;
	if (s->sheaf_capacity) {
		pcs = mm_sheaves_of(s, mm_lab.cpu);
		state->main = pcs->main;
		state->spare = pcs->spare;
		state->main_size = pcs->main ? pcs->main->size : 0;
		state->spare_size = pcs->spare ? pcs->spare->size : 0;
	}
	for (pfn = 0; pfn < mm_nr_pages() && state->nr < MM_MAX_SLABS; pfn++) {
		const struct page *slab = mm_lab.range->pages + pfn;

		if (!PageSlab(slab) || slab->slab_cache != s)
			continue;
		state->slabs[state->nr++] = (struct mm_slab_state){
			.pfn = pfn, .inuse = slab->inuse,
			.objects = slab->objects, .list = slab->list,
		};
	}
}

void mm_look(struct mm_snapshot *state, struct kmem_cache *s)
{
	struct per_cpu_pages *pcp;
	struct zone *zone;
	unsigned int i;

	memset(state, 0, sizeof(*state));
	state->online = mm_lab.range->end_pfn - mm_lab.range->start_pfn;
	for_each_zone_here(zone) {
		for (i = 0; i < NR_ZONE_EVENTS; i++)
			state->event[i] += zone->event[i];
		for (i = 0; i < NR_PAGE_ORDERS; i++)
			state->blocks[i] += zone->free_area[i].nr_free;
		state->free_pages += zone->nr_free;
		for (i = 0; i < mm_lab.nr_cpus; i++) {
			pcp = mm_pcp_of(zone, i);
			if (!pcp)
				continue;
			state->pcp_pages[i] += pcp->count;
			state->pcp_all += pcp->count;
			state->pcp_allocs += pcp->allocs;
			state->pcp_frees += pcp->frees;
		}
	}
	if (s)
		look_at_cache(state, s);
}

static const char *state_name(const struct mm_slab_state *s)
{
	if (!s)
		return "gone";
	if (s->list == SLAB_ON_FULL)
		return "full";
	return s->inuse ? "partial" : "empty";
}

static const struct mm_slab_state *find_slab(const struct mm_snapshot *state,
					     unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < state->nr; i++)
		if (state->slabs[i].pfn == pfn)
			return &state->slabs[i];
	return NULL;
}

void mm_slab_changes(const struct mm_snapshot *before,
		     const struct mm_snapshot *after, char *text, size_t size)
{
	const struct mm_slab_state *s, *other;
	unsigned int i;
	size_t len = 0;

	text[0] = '\0';
	for (i = 0; i < before->nr && len + 64 < size; i++) {
		s = &before->slabs[i];
		other = find_slab(after, s->pfn);
		if (strcmp(state_name(s), state_name(other)))
			len += (size_t)snprintf(text + len, size - len,
						" Slab %lu: %s -> %s.", s->pfn,
						state_name(s),
						other ? state_name(other) :
							"free pages");
	}
	for (i = 0; i < after->nr && len + 64 < size; i++) {
		s = &after->slabs[i];
		if (!find_slab(before, s->pfn))
			len += (size_t)snprintf(text + len, size - len,
						" Slab %lu is new, and %s.",
						s->pfn, state_name(s));
	}
}

/* What happened ------------------------------------------------------------ */

static unsigned long grown(const struct mm_snapshot *before,
			   const struct mm_snapshot *after, enum zone_event event)
{
	return after->event[event] - before->event[event];
}

static unsigned int largest_order(const struct mm_snapshot *s)
{
	unsigned int order = NR_PAGE_ORDERS;

	while (order-- > 0)
		if (s->blocks[order])
			return order;
	return 0;
}

static void say_no_pages(FILE *out, const struct mm_snapshot *s,
			 unsigned int order)
{
	if (!s->free_pages) {
		lab_say(out, "alloc_slowpath", "No block: no page is free.");
		return;
	}
	if (largest_order(s) >= order) {
		lab_say(out, "zone_watermark_ok",
			"No block of order %u, though a free one is large enough: without it less than the reserve would be left of %s, and that is for requests that may not wait (watermark min).",
			order, lab_count(s->free_pages, "page"));
		return;
	}
	lab_say(out, "alloc_slowpath",
		"No block of order %u: %s free, but the largest block has order %u. CPUs gave back what they kept, and it did not help.",
		order, s->free_pages == 1 ? "1 page is" :
					    lab_count(s->free_pages, "page"),
		largest_order(s));
}

/* Why a block of order @taken was taken for a request of @order. */
static const char *which_block(const struct mm_snapshot *before,
			       const struct mm_snapshot *after,
			       unsigned int order, unsigned long taken)
{
	if (grown(before, after, PGSTEAL))
		return "No block of the request's migratetype was free, and the largest of another";
	if (mm_several_types())
		return "A free block of the request's migratetype";
	for (; order < taken; order++)
		if (before->blocks[order])
			return "Memory that was in use before is taken first, since it is resident; the smallest such block";
	return "The smallest free block that is large enough";
}

static void say_pages(FILE *out, const struct mm_snapshot *before,
		      const struct mm_snapshot *after,
		      const struct mm_block *block, const char *name)
{
	unsigned long splits = grown(before, after, PGSPLIT);
	const char *pages = mm_pages(mm_pfn(block->address),
				     1ul << block->order);

	if (after->online > before->online)
		lab_say(out, "sparse_grow",
			"%s is %s. No free block was large enough, so more memory came online: there are %lu pages now, and were %lu.",
			name, pages, after->online, before->online);
	else if (!grown(before, after, PGALLOC))
		lab_say(out, "pcp_take",
			"%s is %s, from CPU %u's own list: no lock of the zone was taken, and no block was split.",
			name, pages, mm_lab.cpu);
	else if (after->pcp_all > before->pcp_all)
		lab_say(out, "rmqueue_bulk",
			"CPU %u's own list was empty: it was refilled with %s from the zone, under one lock, with %s. %s is the first of them, %s.",
			mm_lab.cpu,
			lab_count(grown(before, after, PGALLOC), "page"),
			lab_count(splits, "split"), name, pages);
	else if (splits)
		lab_say(out, "expand",
			"%s is %s. %s had order %lu: it was split %s, and each upper half was filed.",
			name, pages, which_block(before, after, block->order,
						 block->order + splits),
			block->order + splits, lab_times(splits));
	else
		lab_say(out, "rmqueue_smallest",
			"%s is %s: a free block of order %u was there, and was taken as it is.",
			name, pages, block->order);
}

static void say_kmalloc(FILE *out, const struct mm_snapshot *before,
			const struct mm_snapshot *after,
			const struct mm_block *block, const char *name)
{
	const char *pages = mm_pages(mm_pfn(block->address),
				     ksize(block->address) >> PAGE_SHIFT);

	if (!grown(before, after, PGALLOC) && after->pcp_all < before->pcp_all)
		lab_say(out, "pcp_run_alloc",
			"%s is too large for a cache: it is %s, %zu bytes, as CPU %u kept them when they were freed. The zone was not asked.",
			name, pages, ksize(block->address), mm_lab.cpu);
	else
		lab_say(out, "alloc_large_pages",
			"%s is too large for a cache: it is %s, %zu bytes, with %s.",
			name, pages, ksize(block->address),
			lab_count(grown(before, after, PGSPLIT), "split"));
}

/* "7.3" of an object. */
static const char *object_name(const struct mm_block *block)
{
	static char text[32];
	const struct page *slab = mm_slab_of(block->address);

	snprintf(text, sizeof(text), "%lu.%u", mm_page_number(slab),
		 mm_object_index(block->cache, slab, block->address));
	return text;
}

static void say_object(FILE *out, const struct mm_snapshot *before,
		       const struct mm_snapshot *after,
		       const struct mm_block *block, const char *name)
{
	const char *object = object_name(block);
	char slabs[512];

	mm_slab_changes(before, after, slabs, sizeof(slabs));
	if (!block->cache->sheaf_capacity)
		lab_say(out, "slab_alloc_one",
			"%s is object %s, straight from its slab: this cache has no sheaves.%s",
			name, object, slabs);
	else if (after->nr_inuse != before->nr_inuse)
		lab_say(out, "refill",
			"CPU %u had %s, and the barn no full sheaf: one was filled with %s from %s. %s is the first of them, object %s.%s",
			mm_lab.cpu, before->main ? "main and spare run empty" :
						   "no sheaf yet",
			lab_count(after->nr_inuse - before->nr_inuse, "object"),
			after->nr_slabs > before->nr_slabs ? "a new slab" :
							     "the slabs",
			name, object, slabs);
	else if (after->main == before->main)
		lab_say(out, "alloc_from_sheaves",
			"%s is object %s, popped from CPU %u's main sheaf; %s left. No slab was touched, no shared lock taken.%s",
			name, object, mm_lab.cpu,
			lab_count(after->main_size, "object"), slabs);
	else if (after->main == before->spare)
		lab_say(out, "alloc_from_sheaves",
			"CPU %u's main sheaf had run empty: it changed places with the spare. %s is object %s.%s",
			mm_lab.cpu, name, object, slabs);
	else
		lab_say(out, "alloc_from_sheaves",
			"CPU %u had %s: a full sheaf came from the barn. %s is object %s.%s",
			mm_lab.cpu, before->main ? "main and spare run empty" :
						   "no sheaf yet",
			name, object, slabs);
}

void mm_say_alloc(FILE *out, const struct mm_snapshot *before,
		  const struct mm_snapshot *after, const struct mm_block *block,
		  const char *name, unsigned int order)
{
	if (!block)
		say_no_pages(out, after, order);
	else if (block->cache)
		say_object(out, before, after, block, name);
	else if (block->kind == MM_KMALLOC)
		say_kmalloc(out, before, after, block, name);
	else
		say_pages(out, before, after, block, name);
}

static void say_free_pages(FILE *out, const struct mm_snapshot *before,
			   const struct mm_snapshot *after,
			   const struct mm_block *block, const char *name)
{
	unsigned long pfn = mm_pfn(block->address);
	unsigned long merges = grown(before, after, PGMERGE);
	unsigned long freed = grown(before, after, PGFREE);

	if (!freed)
		lab_say(out, "pcp_free",
			"%s waits on CPU %u's own list, for the next request there. Nobody else can have it, and it does not merge; `drain' would give it back.",
			name, mm_lab.cpu);
	else if (after->pcp_frees != before->pcp_frees)
		lab_say(out, "pcp_flush",
			"%s went to CPU %u's own list, which had become too long: %s went back to the zone, with %s.",
			name, mm_lab.cpu, lab_count(freed, "page"),
			lab_count(merges, "merge"));
	else if (merges)
		lab_say(out, "free_one_block",
			"%s is free, and so was its buddy, %s (%lu ^ %lu = %lu): they were merged; %s in all.",
			name, mm_pages(pfn ^ (1ul << block->order),
				       1ul << block->order),
			pfn, 1ul << block->order, pfn ^ (1ul << block->order),
			lab_count(merges, "merge"));
	else
		lab_say(out, "free_one_block",
			"%s is free. Its buddy, %s (%lu ^ %lu = %lu), is not, or not as a whole: no merge, and it is filed under order %u.",
			name, mm_pages(pfn ^ (1ul << block->order),
				       1ul << block->order),
			pfn, 1ul << block->order, pfn ^ (1ul << block->order),
			block->order);
}

static void say_free_object(FILE *out, const struct mm_snapshot *before,
			    const struct mm_snapshot *after,
			    const struct mm_block *block, const char *name)
{
	const char *object = object_name(block);
	char slabs[512], more[128] = "";

	mm_slab_changes(before, after, slabs, sizeof(slabs));
	if (after->nr_inuse < before->nr_inuse)
		snprintf(more, sizeof(more),
			 " The barn had enough full sheaves: %s went to the slabs.",
			 lab_count(before->nr_inuse - after->nr_inuse,
				   "object"));
	else if (after->nr_full > before->nr_full)
		snprintf(more, sizeof(more),
			 " A full sheaf went to the barn, for any CPU.");
	if (before->main && after->main == before->main &&
	    after->main_size > before->main_size)
		lab_say(out, "put_object",
			"%s, object %s, was pushed to CPU %u's main sheaf, which holds %u now. The slab does not know that it is free.%s",
			name, object, mm_lab.cpu, after->main_size, slabs);
	else if (after->main == before->main)
		lab_say(out, "slab_free_bulk",
			"%s, object %s, went back to its slab.%s", name, object,
			slabs);
	else if (after->main == before->spare)
		lab_say(out, "put_object",
			"CPU %u's main sheaf was full: it changed places with the spare, and %s, object %s, was pushed there.%s%s",
			mm_lab.cpu, name, object, more, slabs);
	else
		lab_say(out, "put_object",
			"CPU %u had %s: an empty sheaf became main, and %s, object %s, was pushed there.%s%s",
			mm_lab.cpu,
			before->main ? "main and spare full" : "no sheaf yet",
			name, object, more, slabs);
}

void mm_say_free(FILE *out, const struct mm_snapshot *before,
		 const struct mm_snapshot *after, const struct mm_block *block,
		 const char *name)
{
	if (block->cache)
		say_free_object(out, before, after, block, name);
	else if (block->kind == MM_KMALLOC && !grown(before, after, PGFREE))
		lab_say(out, "pcp_run_free",
			"%s waits with CPU %u as it is, for who asks for as many pages there. It is not merged; a request for another number, or `drain', would give it back.",
			name, mm_lab.cpu);
	else if (block->kind == MM_KMALLOC)
		lab_say(out, "free_large_pages",
			"%s is free pages again, with %s.", name,
			lab_count(grown(before, after, PGMERGE), "merge"));
	else
		say_free_pages(out, before, after, block, name);
}
