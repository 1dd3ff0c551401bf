// SPDX-License-Identifier: MIT
/*
 * What a machine looks like, as JSON for pages (web/lab.js), and what was said
 * of the last command. Two members of an object:
 *
 *	"said": null | { text, function, file, line }
 *	"state": null | arena | mm
 *
 *	arena	= { kind: "arena", strategy, title, bytes, thread, broken, free,
 *		    nrFree, largest, inside, blocks: [block], lists: [list] }
 *	block	= { at, size } and, of a used one, { name, wanted }
 *	list	= { name, blocks: [{ at, size }] }	in the strategy's order
 *	broken	= the invariant that does not hold, or null
 *
 *	mm	= { kind: "mm", cpu, pages, pageSize, blocks: [pages],
 *		    pageblocks: [{ at, nr, type }],
 *		    zones: [{ name, nrFree, lists: [{ order, type, blocks }] }],
 *		    cpuPages: [{ cpu, zone, count, high, orders, runs }],
 *		    caches: [{ name, size, apart, slabs: [slab], cpus, barn }] }
 *	runs	= [{ at, nr }]
 *	pages	= { at, nr, is } with is one of
 *		  "free", "cpu"			on a list
 *		  "used" and its name, "slab" and its cache, "other"
 *	slab	= { at, objects, names, inuse, is }
 *	cpus	= [{ cpu, main: sheaf | null, spare: sheaf | null }]
 *	barn	= { full: [sheaf], empty: [sheaf] }
 *	sheaf	= { capacity, objects: ["33.2", ...] }	the next one first
 *
 * Of the free lists of a zone there are those that are not empty; blocks are the
 * numbers of their first pages. Migratetypes, and pageblocks at all, are there
 * only if pages are grouped by them (mm_types.c); else type is "".
 *
 * objects of a slab is a letter for each, as mm_view.c has them; names holds
 * what the lab calls them, by index. The orders of a CPU's pages are those from 0
 * on. Pages and slabs are numbered from the first page of the machine.
 */
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "../kmm/web.h"
#include "arena.h"
#include "lab.h"
#include "mm.h"
#include "where.h"

/* What was said ------------------------------------------------------------ */

static struct {
	char *text, *function;
} said;

void state_said(const char *text, const char *function)
{
	free(said.text);
	free(said.function);
	said.text = text ? xstrdup(text) : NULL;
	said.function = function ? xstrdup(function) : NULL;
}

static void write_said(FILE *out)
{
	const struct place *place;

	if (!said.text) {
		fputs("null", out);
		return;
	}
	fputs("{\"text\":", out);
	web_string(out, said.text);
	place = said.function ? where_place(said.function) : NULL;
	if (place) {
		fputs(",\"function\":", out);
		web_string(out, place->function);
		fputs(",\"file\":", out);
		web_string(out, place->file);
		fprintf(out, ",\"line\":%u", place->line);
	}
	fputc('}', out);
}

void state_write(FILE *out, const struct lab_target *target)
{
	fputs("\"said\":", out);
	write_said(out);
	fputs(",\"state\":", out);
	if (target)
		target->state(out);
	else
		fputs("null", out);
}

/* Strategies --------------------------------------------------------------- */

static void write_arena_blocks(FILE *out)
{
	const struct block *b;
	int name;

	fputs(",\"blocks\":[", out);
	for (b = arena.heap->first; b; b = b->next) {
		fprintf(out, "%s{\"at\":%zu,\"size\":%zu", b->prev ? "," : "",
			b->start, b->size);
		name = b->state == BLOCK_USED ? arena_name_of(b) : -1;
		if (name >= 0)
			fprintf(out, ",\"name\":\"%s\",\"wanted\":%zu",
				lab_name((unsigned int)name), b->wanted);
		fputc('}', out);
	}
	fputc(']', out);
}

static void write_arena_lists(FILE *out)
{
	struct block *first, *b;
	const char *name;
	unsigned int i;

	fputs(",\"lists\":[", out);
	for (i = 0; arena.heap->strategy->list(arena.heap, i, &name, &first);
	     i++) {
		fputs(i ? ",{\"name\":" : "{\"name\":", out);
		web_string(out, name);
		fputs(",\"blocks\":[", out);
		for (b = first; b; b = b->link)
			fprintf(out, "%s{\"at\":%zu,\"size\":%zu}",
				b == first ? "" : ",", b->start, b->size);
		fputs("]}", out);
	}
	fputc(']', out);
}

void state_of_arena(FILE *out)
{
	struct arena_sums sums = arena_sum_up();
	const char *broken = heap_check(arena.heap);

	fputs("{\"kind\":\"arena\",\"strategy\":", out);
	web_string(out, arena.heap->strategy->name);
	fputs(",\"title\":", out);
	web_string(out, arena.heap->strategy->title);
	fputs(",\"broken\":", out);
	if (broken)
		web_string(out, broken);
	else
		fputs("null", out);
	fprintf(out, ",\"bytes\":%zu,\"thread\":%u,\"free\":%zu,\"nrFree\":%lu,"
		"\"largest\":%zu,\"inside\":%zu", arena.heap->arena,
		arena.thread, sums.free, sums.nr_free, sums.largest,
		sums.inside);
	write_arena_blocks(out);
	write_arena_lists(out);
	fputc('}', out);
}

/* The library: pages ------------------------------------------------------- */

/* The block of the user that begins at this page; NULL: none does. */
static const struct mm_block *block_at(unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_blocks; i++) {
		const struct mm_block *b = &mm_lab.blocks[i];

		if (b->live && !b->cache && mm_pfn(b->address) == pfn)
			return b;
	}
	return NULL;
}

static unsigned long write_used(FILE *out, const struct mm_block *b)
{
	unsigned long nr = b->kind == MM_KMALLOC ?
			   ksize(b->address) >> PAGE_SHIFT : 1ul << b->order;

	fprintf(out, "\"is\":\"used\",\"name\":\"%s\",\"nr\":%lu",
		lab_name((unsigned int)(b - mm_lab.blocks)), nr);
	return nr;
}

/* What is at a page, without the braces; how many pages it has. */
static unsigned long write_pages_at(FILE *out, unsigned long pfn)
{
	const struct mm_block *block = block_at(pfn);
	struct page *page = mm_lab.range->pages + pfn;
	unsigned long nr = 1;

	if (block)
		return write_used(out, block);
	if (PagePcp(page))
		nr = pcp_block_pages(page);
	else if (PageBuddy(page) || PageSlab(page))
		nr = 1ul << page->order;
	fprintf(out, "\"nr\":%lu,\"is\":", nr);
	if (PageBuddy(page)) {
		fputs("\"free\"", out);
	} else if (PagePcp(page)) {
		fputs("\"cpu\"", out);
	} else if (PageSlab(page)) {
		fputs("\"slab\",\"cache\":", out);
		web_string(out, page->slab_cache->name);
	} else {
		fputs("\"other\"", out);
	}
	return nr;
}

static void write_pages(FILE *out)
{
	unsigned long pfn, nr;

	fputs(",\"blocks\":[", out);
	for (pfn = 0; pfn < mm_nr_pages(); pfn += nr) {
		fprintf(out, "%s{\"at\":%lu,", pfn ? "," : "", pfn);
		nr = write_pages_at(out, pfn);
		fputc('}', out);
	}
	fputc(']', out);
}

static void write_list(FILE *out, const struct page_list *list, bool *first)
{
	struct page *page;

	mm_for_each_page(page, list) {
		fprintf(out, "%s%lu", *first ? "" : ",", mm_page_number(page));
		*first = false;
	}
}

static void write_pageblocks(FILE *out)
{
	unsigned long nr = mm_pageblock_pages(), pfn;

	fputs(",\"pageblocks\":[", out);
	for (pfn = 0; mm_several_types() && pfn < mm_nr_pages(); pfn += nr)
		fprintf(out, "%s{\"at\":%lu,\"nr\":%lu,\"type\":\"%s\"}",
			pfn ? "," : "", pfn, nr,
			mm_type_name(mm_type_of(pfn)));
	fputc(']', out);
}

/* The free blocks of an order, if there are any: of types [type, end). */
static void write_order(FILE *out, struct zone *zone, unsigned int order,
			unsigned int type, unsigned int end, const char *name,
			const char **comma)
{
	const struct page_list *lists = zone->free_area[order].free_list;
	bool first = true, empty = true;
	unsigned int i;

	for (i = type; i < end; i++)
		empty &= !lists[i].first;
	if (empty)
		return;
	fprintf(out, "%s{\"order\":%u,\"type\":\"%s\",\"blocks\":[", *comma,
		order, name);
	*comma = ",";
	for (i = type; i < end; i++)
		write_list(out, &lists[i], &first);
	fputs("]}", out);
}

static void write_zone(FILE *out, struct zone *zone)
{
	bool grouped = mm_several_types();
	const char *comma = "";
	unsigned int order, type;

	fprintf(out, "{\"name\":\"%s\",\"nrFree\":%lu,\"lists\":[",
		zone->name, zone->nr_free);
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		if (!grouped)
			write_order(out, zone, order, 0, MIGRATE_TYPES, "",
				    &comma);
		for (type = 0; grouped && type < MIGRATE_PCPTYPES; type++)
			write_order(out, zone, order, type, type + 1,
				    mm_type_name(type), &comma);
	}
	fputs("]}", out);
}

static void write_zones(FILE *out)
{
	const char *comma = "";
	struct zone *zone;

	fputs(",\"zones\":[", out);
	for_each_zone_here(zone) {
		fputs(comma, out);
		comma = ",";
		write_zone(out, zone);
	}
	fputc(']', out);
}

static void write_cpu_list(FILE *out, const struct zone *zone,
			   const struct per_cpu_pages *pcp, unsigned int cpu)
{
	unsigned int order, type, i;
	bool first;

	fprintf(out, "{\"cpu\":%u,\"zone\":\"%s\",\"count\":%u,\"high\":%u,"
		"\"orders\":[", cpu, zone->name, pcp->count - pcp->run_pages,
		pcp->high);
	for (order = 0; order < NR_PCP_ORDERS; order++) {
		fputs(order ? ",[" : "[", out);
		first = true;
		for (type = 0; type < MIGRATE_PCPTYPES; type++)
			write_list(out, &pcp->lists[order * MIGRATE_PCPTYPES +
						    type], &first);
		fputc(']', out);
	}
	fputs("],\"runs\":[", out);
	for (i = 0; i < pcp->nr_runs; i++)
		fprintf(out, "%s{\"at\":%lu,\"nr\":%u}", i ? "," : "",
			mm_page_number(mm_linked_page(pcp->runs[i].link)),
			pcp->runs[i].nr_pages);
	fputs("]}", out);
}

static void write_cpu_pages(FILE *out)
{
	const struct per_cpu_pages *pcp;
	const char *comma = "";
	struct zone *zone;
	unsigned int cpu;

	fputs(",\"cpuPages\":[", out);
	for_each_zone_here(zone) {
		for (cpu = 0; cpu < mm_lab.nr_cpus; cpu++) {
			pcp = mm_pcp_of(zone, cpu);
			if (!pcp || !pcp->count)
				continue;
			fputs(comma, out);
			comma = ",";
			write_cpu_list(out, zone, pcp, cpu);
		}
	}
	fputc(']', out);
}

/* The library: slabs and sheaves ------------------------------------------- */

static void write_names(FILE *out, const struct kmem_cache *s,
			const struct page *slab)
{
	const char *comma = "";
	unsigned int i;

	fputs(",\"names\":{", out);
	for (i = 0; i < mm_lab.nr_blocks; i++) {
		const struct mm_block *b = &mm_lab.blocks[i];

		if (!b->live || b->cache != s || mm_slab_of(b->address) != slab)
			continue;
		fprintf(out, "%s\"%u\":\"%s\"", comma,
			mm_object_index(s, slab, b->address), lab_name(i));
		comma = ",";
	}
	fputc('}', out);
}

static void write_slabs(FILE *out, struct kmem_cache *s)
{
	static char map[MM_MAX_OBJECTS];
	const struct page *slab;
	const char *comma = "";
	unsigned long pfn;

	fputs(",\"slabs\":[", out);
	for (pfn = 0; pfn < mm_nr_pages(); pfn++) {
		slab = mm_lab.range->pages + pfn;
		if (!PageSlab(slab) || slab->slab_cache != s)
			continue;
		mm_map_slab(s, slab, map);
		fprintf(out, "%s{\"at\":%lu,\"inuse\":%u,\"is\":\"%s\","
			"\"objects\":\"%.*s\"", comma, pfn, slab->inuse,
			mm_slab_state(slab), (int)slab->objects, map);
		comma = ",";
		write_names(out, s, slab);
		fputc('}', out);
	}
	fputc(']', out);
}

static void write_sheaf(FILE *out, const struct slab_sheaf *sheaf)
{
	const struct page *slab;
	u32 i;

	if (!sheaf) {
		fputs("null", out);
		return;
	}
	fprintf(out, "{\"capacity\":%u,\"objects\":[", sheaf->capacity);
	for (i = sheaf->size; i-- > 0;) {
		slab = mm_slab_of(sheaf->objects[i]);
		fprintf(out, "\"%lu.%u\"%s", mm_page_number(slab),
			mm_object_index(sheaf->cache, slab, sheaf->objects[i]),
			i ? "," : "");
	}
	fputs("]}", out);
}

static void write_sheaves(FILE *out, const struct slab_sheaf *sheaf)
{
	const char *comma = "";

	for (; sheaf; sheaf = sheaf->next) {
		fputs(comma, out);
		write_sheaf(out, sheaf);
		comma = ",";
	}
}

static void write_cpus(FILE *out, struct kmem_cache *s)
{
	const struct slub_percpu_sheaves *pcs;
	const char *comma = "";
	unsigned int cpu;

	fputs(",\"cpus\":[", out);
	for (cpu = 0; s->sheaf_capacity && cpu < mm_lab.nr_cpus; cpu++) {
		pcs = mm_sheaves_of(s, cpu);
		if (!pcs->main && !pcs->spare)
			continue;
		fprintf(out, "%s{\"cpu\":%u,\"main\":", comma, cpu);
		comma = ",";
		write_sheaf(out, pcs->main);
		fputs(",\"spare\":", out);
		write_sheaf(out, pcs->spare);
		fputc('}', out);
	}
	fputs("],\"barn\":{\"full\":[", out);
	write_sheaves(out, s->barn.full);
	fputs("],\"empty\":[", out);
	write_sheaves(out, s->barn.empty);
	fputs("]}", out);
}

static void write_caches(FILE *out)
{
	struct kmem_cache *s;
	unsigned int i;

	fputs(",\"caches\":[", out);
	for (i = 0; i < mm_lab.nr_shown; i++) {
		s = mm_lab.shown[i];
		fputs(i ? ",{\"name\":" : "{\"name\":", out);
		web_string(out, s->name);
		fprintf(out, ",\"size\":%u,\"apart\":%u", s->object_size,
			s->size);
		write_slabs(out, s);
		write_cpus(out, s);
		fputc('}', out);
	}
	fputc(']', out);
}

void state_of_mm(FILE *out)
{
	fprintf(out, "{\"kind\":\"mm\",\"cpu\":%u,\"pages\":%lu,"
		"\"pageSize\":%lu", mm_lab.cpu, mm_nr_pages(), PAGE_SIZE);
	write_pages(out);
	write_pageblocks(out);
	write_zones(out);
	write_cpu_pages(out);
	write_caches(out);
	fputc('}', out);
}
