// SPDX-License-Identifier: MIT
/*
 * Which blocks are lost: nothing that the program can still reach points to
 * them.
 *
 *	white	not reached yet			all blocks, at first
 *	grey	reached, to be searched		in the queue
 *	black	reached and searched
 *
 *	roots:	registers of all threads, their stacks above the stack pointer,
 *		writable private mappings (data, bss, TLS, mmap), blocks that the
 *		program called grey, blocks from alloc_pages()
 *
 * A word counts as a pointer if it is aligned and leads to a byte of a block,
 * the first or any other. What is still white at the end is lost. A lost block
 * that another lost one points to is lost through it: the other one is what the
 * programmer looks for, so it is counted there.
 *
 * Not searched: what is free, sheaves and other memory of the library itself,
 * shared mappings of files, what is below a stack pointer.
 *
 * Source:	kernel mm/kmemleak.c; see mm/kmemleak.c for what a program may
 *		say of its blocks.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heap.h"
#include "kmemleak.h"
#include "kmm.h"
#include "leaks.h"
#include "process.h"
#include "report.h"
#include "symbols.h"

#define CHUNK_BYTES (1ul << 20)
#define SMALL_PAGE 4096ul
/* Bytes below the stack pointer that a function may use without moving it. */
#define STACK_RED_ZONE 128

struct search {
	struct heap *heap;
	struct process *process;
	uint64_t low, high;	/* of all blocks: most words are outside */
	uint32_t *refs;		/* to each block */
	bool *queued;
	size_t *queue;
	size_t nr_queue;
	char *chunk;
	/* What to do with a reference to block @i. */
	void (*found)(struct search *s, size_t i);
	size_t from;		/* the block that is being searched */
	bool *indirect;
};

/* Searching memory --------------------------------------------------------- */

static void search_words(struct search *s, const char *bytes, size_t len)
{
	const uint64_t *words = (const uint64_t *)bytes;
	struct block *block;
	size_t i;

	for (i = 0; i < len / sizeof(*words); i++) {
		if (words[i] - s->low >= s->high - s->low)
			continue;
		block = heap_find(s->heap, words[i]);
		if (block)
			s->found(s, (size_t)(block - s->heap->blocks));
	}
}

/* Words are aligned. A part that cannot be read is left out, page by page. */
static void search_range(struct search *s, uint64_t start, uint64_t end)
{
	struct remote *remote = s->heap->remote;
	uint64_t step;

	start = (start + 7) & ~7ul;
	end &= ~7ul;
	for (; start < end; start += step) {
		step = CHUNK_BYTES - start % CHUNK_BYTES;
		if (step > end - start)
			step = end - start;
		if (remote_read(remote, start, s->chunk, step)) {
			step = SMALL_PAGE - start % SMALL_PAGE;
			if (step > end - start)
				step = end - start;
			if (remote_read(remote, start, s->chunk, step))
				continue;
		}
		search_words(s, s->chunk, step);
	}
}

static const struct extent *first_area(const struct heap *heap, uint64_t start)
{
	size_t i;

	for (i = 0; i < heap->nr_areas; i++)
		if (heap->areas[i].start >= start)
			return &heap->areas[i];
	return NULL;
}

/* A block, or the parts of it that the program named. */
static void search_block(struct search *s, size_t i)
{
	const struct heap *heap = s->heap;
	const struct block *block = &heap->blocks[i];
	uint64_t end = block->start + block->size;
	const struct extent *area;

	if (block->flags & (KMEMLEAK_NO_SCAN | KMEMLEAK_IGNORE))
		return;
	s->from = i;
	area = heap->nr_areas ? first_area(heap, block->start) : NULL;
	if (!area || area->start >= end) {
		search_range(s, block->start, end);
		return;
	}
	for (; area < heap->areas + heap->nr_areas && area->start < end; area++)
		search_range(s, area->start,
			     area->end < end ? area->end : end);
}

/* Roots -------------------------------------------------------------------- */

static void make_grey(struct search *s, size_t i)
{
	if (s->queued[i])
		return;
	s->queued[i] = true;
	s->queue[s->nr_queue++] = i;
}

static void count_reference(struct search *s, size_t i)
{
	int32_t wanted = s->heap->blocks[i].min_count;

	s->refs[i]++;
	if (s->refs[i] >= (uint32_t)(wanted > 1 ? wanted : 1))
		make_grey(s, i);
}

/* Where the stack in this mapping is in use; its start if there is none. */
static uint64_t stack_top(const struct search *s, const struct mapping *m)
{
	uint64_t top = m->end;
	size_t i;

	for (i = 0; i < s->process->nr_threads; i++) {
		uint64_t sp = s->process->threads[i].sp;

		if (sp >= m->start && sp < m->end && sp < top)
			top = sp;
	}
	if (top == m->end)
		return m->start;
	return top - m->start > STACK_RED_ZONE ? top - STACK_RED_ZONE :
						 m->start;
}

/* Read-only data right in front of writable data of the same file was written
 * by the dynamic linker before it was closed. */
static bool was_writable(const struct process *p, size_t i)
{
	const struct mapping *m = &p->mappings[i];

	return i + 1 < p->nr_mappings && m->file && m[1].writable &&
	       m[1].inode == m->inode && m[1].start == m->end;
}

static void search_mapping(struct search *s, const struct mapping *m)
{
	uint64_t at = stack_top(s, m), next, skip;
	size_t i;

	while (at < m->end) {
		next = m->end;
		skip = 0;
		for (i = 0; i < s->heap->nr_extents; i++) {
			const struct extent *e = &s->heap->extents[i];

			if (e->end <= at || e->start >= next)
				continue;
			next = e->start > at ? e->start : at;
			skip = e->end;
			break;
		}
		search_range(s, at, next);
		at = skip > next ? skip : next;
		if (!skip)
			break;
	}
}

static void search_roots(struct search *s)
{
	struct process *p = s->process;
	size_t i;

	for (i = 0; i < p->nr_threads; i++)
		search_words(s, (const char *)p->threads[i].regs,
			     p->threads[i].nr_regs * sizeof(uint64_t));
	for (i = 0; i < p->nr_mappings; i++)
		if (p->mappings[i].readable && !p->mappings[i].shared &&
		    (p->mappings[i].writable || was_writable(p, i)))
			search_mapping(s, &p->mappings[i]);
	for (i = 0; i < s->heap->nr_blocks; i++)
		if (s->heap->blocks[i].flags & KMEMLEAK_NOT_LEAK)
			make_grey(s, i);
}

static bool can_be_lost(const struct block *block)
{
	return block->kind != BLOCK_OWN &&
	       !(block->flags & (KMEMLEAK_NOT_LEAK | KMEMLEAK_IGNORE));
}

static bool is_lost(const struct search *s, size_t i)
{
	return !s->queued[i] && can_be_lost(&s->heap->blocks[i]);
}

static void search_all(struct search *s)
{
	struct heap *heap = s->heap;
	const struct block *last;

	s->chunk = xcalloc(1, CHUNK_BYTES);
	s->refs = xcalloc(heap->nr_blocks + 1, sizeof(*s->refs));
	s->queued = xcalloc(heap->nr_blocks + 1, sizeof(*s->queued));
	s->queue = xcalloc(heap->nr_blocks + 1, sizeof(*s->queue));
	s->indirect = xcalloc(heap->nr_blocks + 1, sizeof(*s->indirect));
	if (!heap->nr_blocks)
		return;
	last = &heap->blocks[heap->nr_blocks - 1];
	s->low = heap->blocks[0].start;
	s->high = last->start + last->size + 1;
	s->found = count_reference;
	search_roots(s);
	while (s->nr_queue)
		search_block(s, s->queue[--s->nr_queue]);
}

/* Lost through others ------------------------------------------------------ */

static void note_indirect(struct search *s, size_t i)
{
	if (i != s->from && is_lost(s, i))
		s->indirect[i] = true;
}

/* Queue the lost blocks that are reached from the one being searched. */
static void follow_lost(struct search *s, size_t i)
{
	if (is_lost(s, i))
		make_grey(s, i);
}

/* What block @i takes with it: they leave the lost ones, and are counted. */
static void collect_indirect(struct search *s, size_t i, uint64_t *nr,
			     uint64_t *bytes)
{
	s->found = follow_lost;
	make_grey(s, i);
	while (s->nr_queue) {
		size_t at = s->queue[--s->nr_queue];

		if (at != i) {
			++*nr;
			*bytes += s->heap->blocks[at].size;
		}
		search_block(s, at);
	}
}

/* Groups ------------------------------------------------------------------- */

/* Blocks of one stack; without a stack, of one cache or kind and size. */
struct group {
	uint32_t stack;
	const struct block **blocks;
	size_t nr, max;
	uint64_t bytes;
	uint64_t nr_indirect, bytes_indirect;
};

struct groups {
	struct group *group;
	size_t nr, max;
	size_t *table;		/* by hash: index + 1 */
	size_t table_size;
};

static uint64_t group_key(const struct block *block)
{
	return block->stack ? block->stack :
			      (uint64_t)1 << 63 | (uint64_t)block->kind << 48 |
				      (block->size & ((1ul << 48) - 1));
}

static bool same_group(const struct group *g, const struct block *block)
{
	return group_key(g->blocks[0]) == group_key(block);
}

static void rehash(struct groups *all)
{
	size_t i, at;

	all->table_size = all->table_size ? all->table_size * 2 : 1024;
	free(all->table);
	all->table = xcalloc(all->table_size, sizeof(*all->table));
	for (i = 0; i < all->nr; i++) {
		at = group_key(all->group[i].blocks[0]) * 0x9e3779b97f4a7c15 >>
		     20;
		while (all->table[at %= all->table_size])
			at++;
		all->table[at] = i + 1;
	}
}

static struct group *find_group(struct groups *all, const struct block *block)
{
	size_t at = group_key(block) * 0x9e3779b97f4a7c15 >> 20;
	struct group *g;

	if (all->nr * 2 >= all->table_size)
		rehash(all);
	for (; all->table[at %= all->table_size]; at++) {
		g = &all->group[all->table[at] - 1];
		if (same_group(g, block))
			return g;
	}
	all->group = xgrow(all->group, all->nr, &all->max, sizeof(*g));
	all->table[at] = all->nr + 1;
	g = &all->group[all->nr++];
	*g = (struct group){ .stack = block->stack };
	return g;
}

static struct group *add_to_group(struct groups *all, const struct block *block)
{
	struct group *g = find_group(all, block);

	g->blocks = xgrow(g->blocks, g->nr, &g->max, sizeof(*g->blocks));
	g->blocks[g->nr++] = block;
	g->bytes += block->size;
	return g;
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	uint64_t xb = x->bytes + x->bytes_indirect;
	uint64_t yb = y->bytes + y->bytes_indirect;

	if (xb != yb)
		return xb < yb ? 1 : -1;
	return x->blocks[0]->start < y->blocks[0]->start ? -1 : 1;
}

static void groups_free(struct groups *all)
{
	size_t i;

	for (i = 0; i < all->nr; i++)
		free(all->group[i].blocks);
	free(all->group);
	free(all->table);
}

/* Suppressions ------------------------------------------------------------- */

void suppressions_read(struct suppression **list, const char *path)
{
	FILE *file = fopen(path, "re");
	struct suppression *s;
	unsigned int nr = 0;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		error(EXIT_FAILED, errno, "cannot read %s", path);
	while (getline(&line, &size, file) > 0) {
		nr++;
		line[strcspn(line, "\r\n")] = 0;
		if (!line[strspn(line, " \t")] || line[0] == '#')
			continue;
		if (strncmp(line, "leak:", 5) || !line[5])
			error(EXIT_USAGE, 0,
			      "%s:%u: a suppression is \"leak:\" and a pattern",
			      path, nr);
		s = xcalloc(1, sizeof(*s));
		/* Anywhere in the name, unless it says where. */
		s->pattern = strpbrk(line + 5, "*?[") ?
				     xstrdup(line + 5) :
				     xasprintf("*%s*", line + 5);
		s->next = *list;
		*list = s;
	}
	free(line);
	fclose(file);
}

static struct suppression *matching(struct suppression *list, const char *name)
{
	for (; name && list; list = list->next)
		if (!fnmatch(list->pattern, name, 0))
			return list;
	return NULL;
}

/* Stacks ------------------------------------------------------------------- */

#define MAX_ENTRIES 64

struct printer {
	struct remote *remote;
	struct symbols *symbols;
	const struct leaks_options *options;
};

static struct suppression *suppressed(struct printer *p, uint32_t stack)
{
	struct suppression *found = NULL;
	uint64_t entries[MAX_ENTRIES], vaddr;
	unsigned int i, nr = heap_stack(p->remote, stack, entries, MAX_ENTRIES);
	struct frame frames[MAX_FRAMES];
	int k, nr_frames;

	if (!p->options->suppressions)
		return NULL;
	for (i = 0; i < nr && !found; i++) {
		nr_frames = symbols_lookup(p->symbols, entries[i], true, frames);
		for (k = 0; k < nr_frames && !found; k++) {
			found = matching(p->options->suppressions,
					 frames[k].function);
			if (!found)
				found = matching(p->options->suppressions,
						 frames[k].file);
		}
		if (!found)
			found = matching(p->options->suppressions,
					 symbols_module(p->symbols, entries[i],
							&vaddr));
	}
	return found;
}

static void print_frame(struct printer *p, unsigned int nr, uint64_t address)
{
	struct frame frames[MAX_FRAMES];
	int k, nr_frames = symbols_lookup(p->symbols, address, true, frames);
	FILE *out = p->options->out;
	const char *module;
	uint64_t vaddr;

	module = symbols_module(p->symbols, address, &vaddr);
	for (k = 0; k < nr_frames; k++) {
		fprintf(out, " #%u 0x%016lx ", nr, (unsigned long)address);
		report_write_frame(out, &frames[k], module);
		fputc('\n', out);
	}
	if (nr_frames)
		return;
	fprintf(out, " #%u 0x%016lx", nr, (unsigned long)address);
	if (module)
		fprintf(out, " (%s+%#lx)", module, (unsigned long)vaddr);
	fputc('\n', out);
}

static void print_stack(struct printer *p, uint32_t stack)
{
	uint64_t entries[MAX_ENTRIES];
	unsigned int i, nr = heap_stack(p->remote, stack, entries, MAX_ENTRIES);

	if (!nr)
		return;
	fputs("Allocated in\n", p->options->out);
	for (i = 0; i < nr; i++)
		print_frame(p, i, entries[i]);
}

/* Printing ----------------------------------------------------------------- */

#define MAX_LISTED 3

static const char *plural(uint64_t nr)
{
	return nr == 1 ? "" : "s";
}

static double age_of(const struct block *block)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	       (double)block->when / 1e9;
}

static void print_block(struct printer *p, const struct block *block)
{
	FILE *out = p->options->out;

	fprintf(out, "  %s 0x%lx (size %lu)",
		p->options->live ? "object" : "unreferenced object",
		(unsigned long)block->start, (unsigned long)block->size);
	if (block->cache)
		fprintf(out, ", %s", block->cache);
	else if (block->kind != BLOCK_OBJECT)
		fputs(block->kind == BLOCK_PAGES   ? ", pages" :
		      block->kind == BLOCK_VMALLOC ? ", vmalloc" : ", foreign",
		      out);
	if (block->tid)
		fprintf(out, ", thread %u", block->tid);
	/* The clock of a core has stopped nobody knows when. */
	if (block->when && remote_pid(p->remote))
		fprintf(out, ", %.3f s old", age_of(block));
	fputc('\n', out);
}

static void print_group(struct printer *p, const struct group *g)
{
	FILE *out = p->options->out;
	size_t i;

	fprintf(out, "\n%lu byte%s in %zu block%s%s", (unsigned long)g->bytes,
		plural(g->bytes), g->nr, plural(g->nr),
		p->options->live ? "" : " lost");
	if (g->nr_indirect)
		fprintf(out, ", and %lu in %lu through %s",
			(unsigned long)g->bytes_indirect,
			(unsigned long)g->nr_indirect,
			g->nr == 1 ? "it" : "them");
	fputs(":\n", out);
	for (i = 0; i < g->nr && i < MAX_LISTED; i++)
		print_block(p, g->blocks[i]);
	if (g->nr > MAX_LISTED)
		fprintf(out, "  and %zu more\n", g->nr - MAX_LISTED);
	print_stack(p, g->stack);
}

static size_t print_groups(struct printer *p, struct groups *all)
{
	size_t i, printed = 0, nr_blocks = 0, nr_suppressed = 0, nr_groups = 0;
	uint64_t bytes = 0;
	FILE *out = p->options->out;
	struct suppression *s;

	qsort(all->group, all->nr, sizeof(*all->group), compare_groups);
	for (i = 0; i < all->nr; i++) {
		struct group *g = &all->group[i];

		s = p->options->live ? NULL : suppressed(p, g->stack);
		if (s) {
			s->nr_blocks += g->nr;
			nr_suppressed += g->nr + g->nr_indirect;
			continue;
		}
		nr_groups++;
		nr_blocks += g->nr + g->nr_indirect;
		bytes += g->bytes + g->bytes_indirect;
		if (!p->options->max_stacks ||
		    printed < p->options->max_stacks) {
			print_group(p, g);
			printed++;
		}
	}
	if (printed < nr_groups)
		fprintf(out, "\nand %zu more stacks\n", nr_groups - printed);
	fprintf(out, "\n%s: %lu byte%s in %zu block%s, %zu stack%s",
		p->options->live ? "live" : "lost", (unsigned long)bytes,
		plural(bytes), nr_blocks, plural(nr_blocks), nr_groups,
		plural(nr_groups));
	if (nr_suppressed)
		fprintf(out, "; suppressed: %zu block%s", nr_suppressed,
			plural(nr_suppressed));
	return nr_blocks;
}

static void group_lost(struct search *s, struct groups *all)
{
	struct heap *heap = s->heap;
	struct group *g;
	int pass;
	size_t i;

	s->found = note_indirect;
	for (i = 0; i < heap->nr_blocks; i++)
		if (is_lost(s, i))
			search_block(s, i);
	/* A ring has no beginning: in the second pass, its lowest block. */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < heap->nr_blocks; i++) {
			if (!is_lost(s, i) || (!pass && s->indirect[i]))
				continue;
			g = add_to_group(all, &heap->blocks[i]);
			collect_indirect(s, i, &g->nr_indirect,
					 &g->bytes_indirect);
		}
	}
}

static void group_live(struct heap *heap, struct groups *all)
{
	size_t i;

	for (i = 0; i < heap->nr_blocks; i++)
		if (heap->blocks[i].kind != BLOCK_OWN)
			add_to_group(all, &heap->blocks[i]);
}

bool leaks_report(struct remote *remote, const struct leaks_options *options,
		  size_t *nr_found)
{
	struct printer printer = { .remote = remote, .options = options };
	struct search search = { .process = process_stop(remote) };
	uint64_t live_bytes = 0;
	size_t i, nr, live = 0;
	struct groups all = { 0 };
	struct heap *heap;

	*nr_found = 0;
	if (!search.process)
		return false;
	heap = search.heap = heap_read(remote);
	if (options->live) {
		group_live(heap, &all);
	} else {
		search_all(&search);
		group_lost(&search, &all);
	}
	process_resume(search.process);

	printer.symbols = symbols_of_remote(remote);
	nr = print_groups(&printer, &all);
	for (i = 0; i < heap->nr_blocks; i++) {
		if (heap->blocks[i].kind == BLOCK_OWN)
			continue;
		live++;
		live_bytes += heap->blocks[i].size;
	}
	if (!options->live)
		fprintf(options->out, "; of %lu bytes in %zu blocks",
			(unsigned long)live_bytes, live);
	fputc('\n', options->out);
	if (nr && !heap->tracked)
		fputs("(who allocated them is not known: that takes KMM_CMDLINE=\"slab_debug=U page_owner\", or kmm run --leaks)\n",
		      options->out);
	symbols_close(printer.symbols);
	free(search.chunk);
	free(search.refs);
	free(search.queued);
	free(search.queue);
	free(search.indirect);
	groups_free(&all);
	heap_free(heap);
	*nr_found = nr;
	return true;
}
