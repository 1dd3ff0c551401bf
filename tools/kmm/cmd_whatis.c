// SPDX-License-Identifier: MIT
/*
 * kmm whatis: what is at an address.
 *
 *	in a range	-> page -> block -> object of a slab
 *	vmalloc block, or the guard around it
 *	guarded object of KFENCE, what is beside it, or a guard page
 *	struct pages, per-CPU memory
 *	stack		the mapping has the stack pointer of a thread in it
 *	module		file, and function or variable
 *	mapping		any other
 *
 * An answer is a row of fields, most of them empty; as text, one line for each
 * that is not. Who allocated and freed a block is known if that is written down:
 * slab_debug=U for objects, page_owner for larger blocks. KFENCE always does.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guarded.h"
#include "heap.h"
#include "kmm.h"
#include "page_owner.h"
#include "process.h"
#include "report_format.h"
#include "symbols.h"
#include "view_command.h"
#include "vmalloc.h"

enum field {
	F_ADDRESS, F_WHAT, F_STATE, F_WHERE, F_CACHE, F_OBJECT, F_START,
	F_OFFSET, F_SIZE, F_REQUESTED, F_SLAB, F_PAGE, F_RANGE, F_ALLOCATED,
	F_ALLOC_STACK, F_FREED, F_FREE_STACK, F_MAPPING, F_SYMBOL,
	NR_FIELDS
};

static const struct output_column columns[NR_FIELDS] = {
	[F_ADDRESS] = { "address", OUTPUT_STRING },
	[F_WHAT] = { "what", OUTPUT_STRING },
	[F_STATE] = { "state", OUTPUT_STRING },
	[F_WHERE] = { "where", OUTPUT_STRING },
	[F_CACHE] = { "cache", OUTPUT_STRING },
	[F_OBJECT] = { "object", OUTPUT_NUMBER },
	[F_START] = { "start", OUTPUT_STRING },
	[F_OFFSET] = { "offset_bytes", OUTPUT_NUMBER },
	[F_SIZE] = { "size_bytes", OUTPUT_NUMBER },
	[F_REQUESTED] = { "requested_bytes", OUTPUT_NUMBER },
	[F_SLAB] = { "slab", OUTPUT_STRING },
	[F_PAGE] = { "page", OUTPUT_STRING },
	[F_RANGE] = { "range", OUTPUT_STRING },
	[F_ALLOCATED] = { "allocated", OUTPUT_STRING },
	[F_ALLOC_STACK] = { "allocation_stack", OUTPUT_STRING },
	[F_FREED] = { "freed", OUTPUT_STRING },
	[F_FREE_STACK] = { "free_stack", OUTPUT_STRING },
	[F_MAPPING] = { "mapping", OUTPUT_STRING },
	[F_SYMBOL] = { "symbol", OUTPUT_STRING },
};

struct answer {
	char *text[NR_FIELDS];		/* NULL: no such thing */
	uint64_t number[NR_FIELDS];
};

struct question {
	struct view *v;
	struct symbols *symbols;
	uint64_t address;
	struct answer a;
};

static void say(struct question *q, enum field field, char *text)
{
	free(q->a.text[field]);
	q->a.text[field] = text;
}

static void say_number(struct question *q, enum field field, uint64_t number)
{
	q->a.number[field] = number;
	say(q, field, xasprintf("%lu", (unsigned long)number));
}

/* The place that the answer is about, and the address in it. */
static void say_place(struct question *q, const char *what, uint64_t start,
		      uint64_t size)
{
	say(q, F_WHAT, xstrdup(what));
	say(q, F_START, xasprintf("%#lx", (unsigned long)start));
	say_number(q, F_OFFSET, q->address - start);
	say_number(q, F_SIZE, size);
}

/* Names -------------------------------------------------------------------- */

static char *frame_text(const struct frame *frame)
{
	char *text = frame->inlined ?
			     xasprintf("%s [inlined]", frame->function) :
			     xasprintf("%s+%#lx", frame->function,
				       (unsigned long)frame->offset);
	char *whole;

	if (!frame->file)
		return text;
	whole = xasprintf("%s %s:%d", text, frame->file, frame->line);
	free(text);
	return whole;
}

/* All functions at an address, innermost first, with commas. */
static char *address_text(struct question *q, uint64_t address, bool is_return)
{
	struct frame frames[MAX_FRAMES];
	int i, nr = symbols_lookup(q->symbols, address, is_return, frames);
	char *text = NULL, *one, *longer;
	const char *module;
	uint64_t vaddr;

	for (i = 0; i < nr; i++) {
		one = frame_text(&frames[i]);
		longer = text ? xasprintf("%s, %s", text, one) : one;
		if (text)
			free(one);
		free(text);
		text = longer;
	}
	if (text)
		return text;
	module = symbols_module(q->symbols, address, &vaddr);
	return module ? xasprintf("%s+%#lx", module, (unsigned long)vaddr) :
			xasprintf("%#lx", (unsigned long)address);
}

#define MAX_ENTRIES 64

static char *stack_text(struct question *q, uint32_t handle)
{
	uint64_t entries[MAX_ENTRIES];
	unsigned int nr, i;
	char *text = NULL, *one, *longer;

	nr = heap_stack(q->v->remote, handle, entries, MAX_ENTRIES);
	for (i = 0; i < nr; i++) {
		one = address_text(q, entries[i], true);
		longer = xasprintf("%s%s%#lx %s", text ? text : "",
				   text ? "; " : "",
				   (unsigned long)entries[i], one);
		free(one);
		free(text);
		text = longer;
	}
	return text;
}

/* A thread and when it was: of a process how long ago, of a core on its clock. */
static char *when_text(struct question *q, uint32_t tid, uint64_t when)
{
	struct timespec now;
	double t;

	clock_gettime(CLOCK_MONOTONIC, &now);
	t = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	if (remote_pid(q->v->remote))
		return xasprintf("by thread %u, %.3f s ago", tid,
				 t - (double)when / 1e9);
	return xasprintf("by thread %u, at %.3f s", tid, (double)when / 1e9);
}

/* Slabs -------------------------------------------------------------------- */

static void say_tracks(struct question *q, const struct view_slab *slab,
		       unsigned int nr)
{
	struct track tracks[2];

	if (!view_tracks(slab, nr, tracks))
		return;
	if (tracks[TRACK_ALLOC].when) {
		say(q, F_ALLOCATED, when_text(q, tracks[TRACK_ALLOC].tid,
					      tracks[TRACK_ALLOC].when));
		say(q, F_ALLOC_STACK,
		    stack_text(q, tracks[TRACK_ALLOC].handle));
	}
	if (tracks[TRACK_FREE].when && slab->state[nr] != OBJECT_LIVE) {
		say(q, F_FREED, when_text(q, tracks[TRACK_FREE].tid,
					  tracks[TRACK_FREE].when));
		say(q, F_FREE_STACK, stack_text(q, tracks[TRACK_FREE].handle));
	}
}

static void say_sheaf(struct question *q, uint64_t object)
{
	const struct view_sheaf_object *in = view_in_sheaf(q->v, object);

	if (in->place == PLACE_BARN) {
		say(q, F_WHERE, xstrdup("a full sheaf in the barn"));
		return;
	}
	/* Unit 0 is for threads without rseq. */
	say(q, F_WHERE, xasprintf("the %s sheaf of per-CPU unit %u",
				  in->place == PLACE_MAIN ? "main" : "spare",
				  in->cpu));
}

static void say_object(struct question *q, const struct view_slab *slab,
		       unsigned int nr)
{
	static const char *const states[] = {
		[OBJECT_LIVE] = "in use",
		[OBJECT_FREE] = "free",
		[OBJECT_FRESH] = "free, never handed out",
		[OBJECT_IN_SHEAF] = "free, in a sheaf",
	};
	uint64_t object = view_object(slab, nr);
	unsigned int asked;

	say_place(q, "object", object, slab->cache->s.object_size);
	say_number(q, F_OBJECT, nr);
	say(q, F_STATE, xstrdup(states[slab->state[nr]]));
	if (slab->state[nr] == OBJECT_IN_SHEAF)
		say_sheaf(q, object);
	asked = view_requested(slab, nr);
	if (asked && slab->state[nr] == OBJECT_LIVE)
		say_number(q, F_REQUESTED, asked);
	/* What is in front of the object and behind it is its place, too. */
	if (q->address < object) {
		say(q, F_WHAT, xstrdup("red zone in front of an object"));
		say(q, F_OFFSET, NULL);
	} else if (q->address - object >= slab->cache->s.object_size) {
		say(q, F_WHAT, xstrdup("behind an object"));
	}
	say_tracks(q, slab, nr);
}

static void say_slab(struct question *q, const struct view_block *block)
{
	static const char *const lists[] = {
		[SLAB_ON_NONE] = "on no list",
		[SLAB_ON_PARTIAL] = "partial",
		[SLAB_ON_FULL] = "full",
	};
	const struct page *page = &block->page;
	struct view_slab slab = { 0 };
	uint64_t nr;

	say_place(q, "slab", block->pfn << q->v->page_shift,
		  block->nr_pages << q->v->page_shift);
	if (!view_read_slab(q->v, block, &slab)) {
		say(q, F_STATE, xstrdup("of no known cache"));
		view_slab_free(&slab);
		return;
	}
	say(q, F_CACHE, xstrdup(slab.cache->name));
	say(q, F_SLAB,
	    xasprintf("%#lx, order %u, %u of %u objects taken, %s%s",
		      (unsigned long)slab.base, page->order, page->inuse,
		      page->objects,
		      page->list <= SLAB_ON_FULL ? lists[page->list] : "?",
		      slab.damaged ? ", its freelist is damaged" : ""));
	nr = (q->address - slab.base) / slab.cache->s.size;
	if (nr < slab.nr_objects)
		say_object(q, &slab, (unsigned int)nr);
	else
		say(q, F_STATE, xstrdup("behind the last object"));
	view_slab_free(&slab);
}

/* Pages -------------------------------------------------------------------- */

static void say_owner(struct question *q, uint64_t address)
{
	struct page_owner owner;

	if (!address ||
	    !view_read_at(q->v, address, &owner, sizeof(owner)) || !owner.when)
		return;
	if (owner.size)
		say_number(q, F_REQUESTED, owner.size);
	say(q, F_ALLOCATED, when_text(q, owner.tid, owner.when));
	say(q, F_ALLOC_STACK, stack_text(q, owner.handle));
	if (!owner.size)
		say(q, F_FREE_STACK, stack_text(q, owner.free_handle));
}

/* A large block with a red zone knows both itself. */
static void say_slack(struct question *q, const struct view_block *block)
{
	if (block->kind != VIEW_LARGE || !block->page.slack)
		return;
	say_number(q, F_REQUESTED, (block->nr_pages << q->v->page_shift) -
					   block->page.slack);
	if (!q->a.text[F_ALLOC_STACK])
		say(q, F_ALLOC_STACK, stack_text(q, block->page.stack));
}

static void say_page(struct question *q, const struct view_block *block)
{
	const struct page *page = &block->page;
	bool is_free = PageBuddy(page) || PagePcp(page);
	const struct view *v = q->v;

	say(q, F_PAGE,
	    xasprintf("pfn %#lx, block of %lu from %#lx, order %u, zone %s, %s, flags%s%s%s%s%s%s%s, references %d",
		      (unsigned long)q->address >> v->page_shift,
		      (unsigned long)block->nr_pages,
		      (unsigned long)block->pfn, page->order,
		      v->zones[view_pfn_zone(v, block->pfn)].name,
		      migratetype_names[block->migratetype],
		      PageBuddy(page) ? " buddy" : "",
		      PageSlab(page) ? " slab" : "",
		      PageHead(page) ? " head" : "",
		      PageLarge(page) ? " large" : "",
		      PageZeroed(page) ? " zeroed" : "",
		      PagePcp(page) ? " pcp" : "",
		      is_free && !PageZeroed(page) && page->nr_zeroed ?
			      " part_zeroed" : "",
		      is_free || PageSlab(page) || PageLarge(page) ?
			      0 : page->_refcount));
	say(q, F_RANGE,
	    xasprintf("%u: %#lx-%#lx", (unsigned int)(block->range - v->ranges),
		      block->range->start_pfn << v->page_shift,
		      block->range->end_pfn << v->page_shift));
}

static bool ask_pages(struct question *q)
{
	static const struct {
		const char *what, *state;
	} kinds[NR_VIEW_KINDS] = {
		[VIEW_FREE] = { "free pages", "free, on the zone's list" },
		[VIEW_PCP] = { "free pages", "free, on a per-CPU list" },
		[VIEW_LARGE] = { "large block", "in use" },
		[VIEW_PAGES] = { "pages", "in use" },
		[VIEW_OTHER] = { "page", "changing hands" },
	};
	uint64_t owners[MAX_RANGES], array;
	struct view *v = q->v;
	struct view_block block;

	if (!view_find_block(v, q->address, &block))
		return false;
	if (block.kind == VIEW_SLAB) {
		say_slab(q, &block);
	} else {
		say_place(q, kinds[block.kind].what,
			  block.pfn << v->page_shift,
			  block.nr_pages << v->page_shift);
		say(q, F_STATE, xstrdup(kinds[block.kind].state));
		remote_read_root(v->remote, "page_owners", owners,
				 sizeof(owners));
		array = owners[block.range - v->ranges];
		if (array)
			say_owner(q, array + (block.pfn -
					      block.range->start_pfn) *
						     sizeof(struct page_owner));
		say_slack(q, &block);
	}
	say_page(q, &block);
	return true;
}

/* Guarded objects ---------------------------------------------------------- */

static void say_guarded_place(struct question *q, const struct guarded *g)
{
	uint64_t bytes = guarded_distance(g, q->address);
	bool guard = !guarded_in_pages(q->v, g, q->address);

	say_place(q, guard ? "guard page of KFENCE" :
			     bytes ? "beside a guarded object" :
				     "guarded object",
		  g->meta.addr, g->meta.size);
	if (!bytes) {
		say(q, F_WHERE, xasprintf("kfence-#%u", g->number));
		return;
	}
	say(q, F_OFFSET, NULL);
	say(q, F_WHERE,
	    xasprintf("%lu byte%s %s of kfence-#%u", (unsigned long)bytes,
		      bytes == 1 ? "" : "s",
		      q->address < g->meta.addr ? "left" : "right", g->number));
}

static void say_guarded(struct question *q, const struct guarded *g)
{
	const struct kfence_metadata *meta = &g->meta;
	char name[64];

	say_guarded_place(q, g);
	say(q, F_STATE, xstrdup(meta->state == KFENCE_OBJECT_ALLOCATED ?
				"in use" : "free"));
	guarded_name(q->v, g, name, sizeof(name));
	say(q, F_CACHE, xstrdup(name));
	say(q, F_ALLOCATED, when_text(q, (uint32_t)meta->alloc.tid,
				      g->since + meta->alloc.time));
	say(q, F_ALLOC_STACK, stack_text(q, meta->alloc.stack));
	if (meta->state == KFENCE_OBJECT_ALLOCATED)
		return;
	say(q, F_FREED, when_text(q, (uint32_t)meta->free.tid,
				  g->since + meta->free.time));
	say(q, F_FREE_STACK, stack_text(q, meta->free.stack));
}

static bool ask_kfence(struct question *q)
{
	struct guarded g;

	if (!guarded_is(q->v, q->address))
		return false;
	if (guarded_find(q->v, q->address, &g))
		say_guarded(q, &g);
	else
		say(q, F_WHAT, xstrdup("guarded memory of KFENCE, not used yet"));
	return true;
}

static bool ask_vmalloc(struct question *q)
{
	const struct view *v = q->v;
	const struct vmap_area *area;

	for (area = v->areas; area < v->areas + v->nr_areas; area++) {
		if (q->address < area->base || q->address >= area->end)
			continue;
		say_place(q, "vmalloc block", area->node.key, area->size);
		say(q, F_STATE, xstrdup("in use"));
		if (q->address < area->node.key ||
		    q->address >= area->node.key + area->size)
			say(q, F_WHAT, xstrdup("guard of a vmalloc block"));
		if (q->address < area->node.key)
			say(q, F_OFFSET, NULL);
		if (area->owner.when) {
			say_number(q, F_REQUESTED, area->owner.size);
			say(q, F_ALLOCATED, when_text(q, area->owner.tid,
						      area->owner.when));
			say(q, F_ALLOC_STACK,
			    stack_text(q, area->owner.handle));
		}
		return true;
	}
	return false;
}

/* The library's own -------------------------------------------------------- */

static bool within(uint64_t address, uint64_t start, uint64_t bytes)
{
	return address >= start && address - start < bytes;
}

static bool ask_metadata(struct question *q)
{
	const struct view *v = q->v;
	const struct mem_range *range;
	uint64_t unit, pfn;
	unsigned int i;
	size_t n;

	for (i = 0; i < v->nr_ranges; i++) {
		range = &v->ranges[i];
		if (within(q->address, (uint64_t)range->pages,
			   range->map_bytes)) {
			pfn = (q->address - (uint64_t)range->pages) /
			      sizeof(struct page);
			say_place(q, "struct page",
				  (uint64_t)(range->pages + pfn),
				  sizeof(struct page));
			say(q, F_PAGE, xasprintf("pfn %#lx",
						 range->start_pfn + pfn));
			return true;
		}
		if (within(q->address, range->start_pfn << v->page_shift,
			   (range->limit_pfn - range->start_pfn)
				   << v->page_shift)) {
			say(q, F_WHAT, xstrdup("reserved, not online"));
			return true;
		}
	}
	for (n = 0; n < v->nr_percpu_chunks; n++) {
		unit = (q->address - v->percpu_chunks[n]) >> PERCPU_UNIT_SHIFT;
		if (unit >= v->percpu.nr_units)
			continue;
		say_place(q, "per-CPU memory",
			  v->percpu_chunks[n] + (unit << PERCPU_UNIT_SHIFT),
			  PERCPU_UNIT_SIZE);
		say(q, F_WHERE, xasprintf("unit %lu", (unsigned long)unit));
		return true;
	}
	return false;
}

/* Not of the heap ---------------------------------------------------------- */

struct found_mapping {
	uint64_t start, end;
	char *text;			/* permissions and path */
	bool named;			/* by the kernel: [stack], [heap] */
	bool anonymous;
};

static bool find_live_mapping(struct question *q, struct found_mapping *m)
{
	char *path = xasprintf("/proc/%d/maps", remote_pid(q->v->remote));
	FILE *maps = fopen(path, "re");
	unsigned long start, end;
	char *line = NULL, perms[8];
	bool found = false;
	size_t size = 0;
	int name;

	while (maps && !found && getline(&line, &size, maps) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &start, &end,
			   perms, &name) != 3 ||
		    q->address < start || q->address >= end)
			continue;
		m->start = start;
		m->end = end;
		m->named = line[name] == '[' && strcmp(line + name, "[vdso]");
		m->anonymous = !line[name];
		m->text = xasprintf("%#lx-%#lx %s%s%s", start, end, perms,
				    line[name] ? " " : "", line + name);
		found = true;
	}
	if (maps)
		fclose(maps);
	free(line);
	free(path);
	return found;
}

/* The stack pointer of a thread, if it waits in the kernel; else 0. */
static uint64_t thread_sp(pid_t pid, const char *tid)
{
	char *path = xasprintf("/proc/%d/task/%s/syscall", pid, tid);
	FILE *file = fopen(path, "re");
	unsigned long sp = 0, pc = 0, word;
	char text[32];

	/* "NUMBER ARGUMENTS... SP PC", "-1 SP PC" or "running" */
	while (file && fscanf(file, "%31s", text) == 1) {
		word = strtoul(text, NULL, 16);
		sp = pc;
		pc = word;
	}
	if (file)
		fclose(file);
	free(path);
	return sp;
}

static pid_t find_live_thread(pid_t pid, const struct found_mapping *m)
{
	char *path = xasprintf("/proc/%d/task", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	pid_t tid = 0;
	uint64_t sp;

	while (dir && !tid && (entry = readdir(dir)) != NULL) {
		sp = thread_sp(pid, entry->d_name);
		if (sp >= m->start && sp < m->end)
			tid = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	free(path);
	return tid;
}

static bool find_core_mapping(struct question *q, struct found_mapping *m,
			      pid_t *tid)
{
	struct process *p = process_stop(q->v->remote);
	bool found = false;
	size_t i;

	for (i = 0; i < p->nr_mappings && !found; i++) {
		if (q->address < p->mappings[i].start ||
		    q->address >= p->mappings[i].end)
			continue;
		m->start = p->mappings[i].start;
		m->end = p->mappings[i].end;
		m->text = xasprintf("%#lx-%#lx", (unsigned long)m->start,
				    (unsigned long)m->end);
		found = true;
	}
	for (i = 0; found && i < p->nr_threads; i++)
		if (p->threads[i].sp >= m->start && p->threads[i].sp < m->end)
			*tid = p->threads[i].tid;
	process_resume(p);
	return found;
}

static void ask_mapping(struct question *q)
{
	struct frame frames[MAX_FRAMES];
	struct found_mapping m = { 0 };
	const char *module;
	uint64_t vaddr;
	pid_t tid = 0;
	bool found;

	module = symbols_module(q->symbols, q->address, &vaddr);
	if (remote_pid(q->v->remote))
		found = find_live_mapping(q, &m);
	else
		found = find_core_mapping(q, &m, &tid);
	/* libdwfl lets a module reach up to the next one. Between them only the
	 * module's variables are its own. */
	if (remote_pid(q->v->remote) &&
	    (!found || m.named ||
	     (m.anonymous &&
	      !symbols_lookup(q->symbols, q->address, false, frames))))
		module = NULL;
	if (found && !module && remote_pid(q->v->remote))
		tid = find_live_thread(remote_pid(q->v->remote), &m);
	say(q, F_MAPPING, m.text);
	if (module) {
		say(q, F_WHAT, xstrdup("module"));
		say(q, F_SYMBOL, address_text(q, q->address, false));
		if (!m.text)
			say(q, F_MAPPING, xstrdup(module));
	} else if (tid) {
		say(q, F_WHAT, xasprintf("stack of thread %d", tid));
	} else {
		say(q, F_WHAT, xstrdup(found ? "mapping" : "nothing"));
	}
}

/* The answer --------------------------------------------------------------- */

static void print_stack(FILE *out, const char *stack)
{
	const char *end;
	int i;

	for (i = 0; *stack; i++, stack = end + 2 * (*end != 0)) {
		end = strstr(stack, "; ");
		if (!end)
			end = stack + strlen(stack);
		fprintf(out, "    #%-2d %.*s\n", i, (int)(end - stack), stack);
	}
}

static void print_answer(FILE *out, const struct answer *a)
{
	int i;

	fprintf(out, "%s: %s", a->text[F_ADDRESS], a->text[F_WHAT]);
	if (a->text[F_OBJECT])
		fprintf(out, " %s of %s", a->text[F_OBJECT], a->text[F_CACHE]);
	if (a->text[F_STATE])
		fprintf(out, ", %s", a->text[F_STATE]);
	putc('\n', out);
	for (i = F_WHERE; i < NR_FIELDS; i++) {
		if (!a->text[i] || i == F_OBJECT)
			continue;
		if (i == F_ALLOC_STACK || i == F_FREE_STACK)
			print_stack(out, a->text[i]);
		else
			fprintf(out, "  %-15s %s\n", columns[i].name,
				a->text[i]);
	}
}

static void row_answer(struct output *o, const struct answer *a)
{
	int i;

	for (i = 0; i < NR_FIELDS; i++) {
		if (!a->text[i])
			output_nothing(o);
		else if (columns[i].type == OUTPUT_NUMBER)
			output_number(o, a->number[i]);
		else
			output_string(o, a->text[i]);
	}
}

static uint64_t parse_address(const char *text)
{
	char *end;
	uint64_t address;

	errno = 0;
	address = strtoul(text, &end, 16);
	if (end == text || *end || errno || *text == '-')
		error(EXIT_USAGE, 0, "'%s' is no address", text);
	return address;
}

static void show(struct view *v, struct output *o, char **operands)
{
	struct question q = { .v = v, .symbols = symbols_of_remote(v->remote) };
	int i;

	for (i = 0; operands[i]; i++)
		parse_address(operands[i]);
	if (o->format != OUTPUT_TEXT)
		output_table(o, columns, NR_FIELDS);
	for (; *operands; operands++) {
		memset(&q.a, 0, sizeof(q.a));
		q.address = parse_address(*operands);
		say(&q, F_ADDRESS,
		    xasprintf("%#lx", (unsigned long)q.address));
		if (!ask_pages(&q) && !ask_vmalloc(&q) &&
		    !ask_kfence(&q) && !ask_metadata(&q))
			ask_mapping(&q);
		if (o->format == OUTPUT_TEXT)
			print_answer(o->out, &q.a);
		else
			row_answer(o, &q.a);
		for (i = 0; i < NR_FIELDS; i++)
			free(q.a.text[i]);
	}
	symbols_close(q.symbols);
}

int cmd_whatis(int argc, char **argv)
{
	static const struct view_command command = {
		.report = "whatis",
		.args_doc = "PID|CORE ADDRESS...",
		.doc = "Says what is at addresses, which are hexadecimal.\v"
		       "Who allocated and freed a block is known if the program "
		       "was started with KMM_CMDLINE=\"slab_debug=U "
		       "page_owner\".",
		.parts = VIEW_SHEAF_OBJECTS,
		.operands = true,
		.show = show,
	};

	return view_main(&command, argc, argv);
}
