// SPDX-License-Identifier: MIT
/*
 * The library in the lab: the code of mm/, as linked into this program, on a
 * machine that is small and does the same each time.
 *
 *	mem=256K		64 pages, online from the start
 *	nr_cpus=2 rseq=0	per-CPU data by slots, see below
 *	sheaf_capacity=4	a sheaf that runs empty within a lesson
 *	slab_max_order=0	a slab is a page
 *	slab_min_objects=1	not by the number of the host's CPUs
 *	min_free_kbytes=1	no reserve: all pages can be asked for
 *	page_reporting=0 thp=never	nothing happens in the background
 *	bad_free=warn		a mistake is reported and the lesson goes on
 *
 * All of these can be given differently, behind "strategy mm".
 *
 * CPUs. Without restartable sequences a thread uses the slot that it gets at
 * its first call, in turn, as a CPU would use its own (lib/percpu.c). So there
 * is one thread per CPU, they make their first calls in order, and each command
 * is handed to the thread of the CPU that acts: they run one at a time. The
 * host's number of CPUs has a say in how many slots there are and in what the
 * barn keeps; so this process binds itself to as few of them as it needs.
 *
 * This process uses libc's malloc() for itself; the library serves the commands
 * only.
 */
#include <kmm/kmm.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cmdline.h"
#include "../kmm/kmm.h"
#include "mm.h"
#include "mm_root.h"

#define MACHINE "mem=256K nr_cpus=2 rseq=0 sheaf_capacity=4 slab_max_order=0 "	\
	"slab_min_objects=1 min_free_kbytes=1 page_reporting=0 thp=never "	\
	"bad_free=warn"

struct mm_lab mm_lab;

/* CPUs --------------------------------------------------------------------- */

/* The work of the CPU that acts. Guarded by lock; turn says who may run:
 * a CPU's number, or -1 for the one who gives the commands. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int turn;
	void (*work)(void *arg);
	void *arg;
} bench = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, -1, NULL, NULL };

static void wait_for_turn(int who)
{
	while (bench.turn != who)
		pthread_cond_wait(&bench.changed, &bench.lock);
}

static void give_turn(int who)
{
	bench.turn = who;
	pthread_cond_broadcast(&bench.changed);
}

static void *cpu_main(void *arg)
{
	int cpu = (int)(intptr_t)arg;

	pthread_mutex_lock(&bench.lock);
	for (;;) {
		wait_for_turn(cpu);
		bench.work(bench.arg);
		give_turn(-1);
	}
	return NULL;
}

static void run_on(unsigned int cpu, void (*work)(void *arg), void *arg)
{
	pthread_mutex_lock(&bench.lock);
	bench.work = work;
	bench.arg = arg;
	give_turn((int)cpu);
	wait_for_turn(-1);
	pthread_mutex_unlock(&bench.lock);
}

static void run(void (*work)(void *arg), void *arg)
{
	run_on(mm_lab.cpu, work, arg);
}

/* CPU 0 boots: its thread makes the first call of all. */
static int booted;

static void boot(void *cmdline)
{
	booted = mm_set_up(cmdline);
}

/* The first call of a thread: it decides the slot. */
static void take_slot(void *arg)
{
	(void)arg;
	free_pages(__get_free_pages(GFP_KERNEL, 0), 0);
}

static void trim(void *arg)
{
	(void)arg;
	kmm_trim();
}

/* Fewer CPUs of the host than this, and there are no more slots. */
static void bind_to(unsigned int nr)
{
	cpu_set_t have, want;
	unsigned int i;

	CPU_ZERO(&want);
	if (sched_getaffinity(0, sizeof(have), &have))
		return;
	for (i = 0; i < CPU_SETSIZE && nr; i++) {
		if (CPU_ISSET(i, &have)) {
			CPU_SET(i, &want);
			nr--;
		}
	}
	sched_setaffinity(0, sizeof(want), &want);
}

/* Boot --------------------------------------------------------------------- */

static unsigned int wanted_cpus(const char *cmdline)
{
	const char *last = NULL, *pos = cmdline;
	unsigned long nr;

	while ((pos = strstr(pos, "nr_cpus=")) != NULL)
		last = pos += 8;
	nr = strtoul(last, NULL, 0);
	return nr > MM_MAX_CPUS ? MM_MAX_CPUS : nr ? (unsigned int)nr : 1;
}

static bool start_cpus(FILE *out, char *cmdline)
{
	const struct percpu_state *state = mm_root("percpu");
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < mm_lab.nr_cpus; i++) {
		if (pthread_create(&thread, NULL, cpu_main,
				   (void *)(intptr_t)i)) {
			fprintf(out, "  cannot start a thread\n");
			return false;
		}
		if (!i)
			run_on(0, boot, cmdline);
		if (booted) {
			fprintf(out, "  the library does not boot with that\n");
			return false;
		}
		run_on(i, take_slot, NULL);
	}
	if (state->rseq || state->nr_slots < mm_lab.nr_cpus) {
		fprintf(out, "  this host has too few CPUs for %u here\n",
			mm_lab.nr_cpus);
		return false;
	}
	return true;
}

bool mm_start(FILE *out, const struct lab_words *w)
{
	char *cmdline = xstrdup(MACHINE), *longer;
	const struct kmm_params *params;
	unsigned int i;

	for (i = 2; i < w->nr; i++) {
		longer = xasprintf("%s %s", cmdline, w->word[i]);
		free(cmdline);
		cmdline = longer;
	}
	mm_lab.nr_cpus = wanted_cpus(cmdline);
	bind_to((mm_lab.nr_cpus + 1) / 2);
	/* What the environment says is for real programs. */
	unsetenv("KMM_CMDLINE");
	fflush(out);
	if (!start_cpus(out, cmdline))
		return false;
	free(cmdline);
	mm_lab.zones = mm_root("zones");
	mm_lab.caches = mm_root("slab_caches");
	mm_lab.range = mm_root("sparse_ranges");
	params = mm_root("kmm_params");
	if (!params->mem || params->mem > MM_MAX_PAGES * PAGE_SIZE) {
		fprintf(out, "  more than %u pages are too many to draw; try mem=256K\n",
			MM_MAX_PAGES);
		return false;
	}
	/* What the first calls have left on lists. */
	run_on(0, trim, NULL);
	fprintf(out, "  the library itself: %lu pages of %lu bytes, %s\n",
		mm_lab.range->end_pfn - mm_lab.range->start_pfn, PAGE_SIZE,
		lab_count(mm_lab.nr_cpus, "CPU"));
	return true;
}

/* Names -------------------------------------------------------------------- */

static struct mm_block *find_block(FILE *out, const char *name)
{
	int i = lab_name_index(name);

	if (i >= 0 && (unsigned int)i < mm_lab.nr_blocks)
		return &mm_lab.blocks[i];
	fprintf(out, "  there is nothing called %s\n", name);
	return NULL;
}

static const char *name_of(const struct mm_block *block)
{
	return lab_name((unsigned int)(block - mm_lab.blocks));
}

static struct kmem_cache *find_cache(FILE *out, const char *name)
{
	struct kmem_cache *s;

	list_for_each_entry(s, mm_lab.caches, list)
		if (!strcmp(s->name, name))
			return s;
	fprintf(out, "  there is no cache %s\n", name);
	return NULL;
}

/* The newest ones are those that the lesson is about. */
static void show_cache(struct kmem_cache *s)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_shown; i++)
		if (mm_lab.shown[i] == s)
			return;
	if (mm_lab.nr_shown == MM_MAX_CACHES)
		memmove(mm_lab.shown, mm_lab.shown + 1,
			--mm_lab.nr_shown * sizeof(mm_lab.shown[0]));
	mm_lab.shown[mm_lab.nr_shown++] = s;
}

static void hide_cache(struct kmem_cache *s)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_shown; i++) {
		if (mm_lab.shown[i] != s)
			continue;
		mm_lab.nr_shown--;
		memmove(mm_lab.shown + i, mm_lab.shown + i + 1,
			(mm_lab.nr_shown - i) * sizeof(mm_lab.shown[0]));
	}
}

/* Work for a CPU ----------------------------------------------------------- */

struct request {
	struct mm_block block;
	struct mm_block *freed;		/* of the names; NULL: nothing is freed */
	unsigned long more;		/* times again, without a word */
	gfp_t gfp;			/* of pages, beside the rest */
	size_t size;
	const char *name;
	struct kmem_cache *cache;
	size_t bytes;
};

static void do_alloc(void *arg)
{
	struct request *r = arg;
	struct mm_block *b = &r->block;
	struct page *page;

	switch (b->kind) {
	case MM_PAGES:
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | r->gfp, b->order);
		b->address = page ? page_address(page) : NULL;
		break;
	case MM_KMALLOC:
		b->address = kmalloc(r->size, GFP_KERNEL | __GFP_NOWARN);
		break;
	case MM_OBJECT:
		b->address = kmem_cache_alloc(b->cache,
					      GFP_KERNEL | __GFP_NOWARN);
		break;
	}
}

static void do_free(void *arg)
{
	struct request *r = arg;
	struct mm_block *b = &r->block;

	switch (b->kind) {
	case MM_PAGES:
		free_pages((unsigned long)b->address, b->order);
		break;
	case MM_KMALLOC:
		kfree(b->address);
		break;
	case MM_OBJECT:
		kmem_cache_free(b->cache, b->address);
		break;
	}
}

static void do_create(void *arg)
{
	struct request *r = arg;

	r->cache = kmem_cache_create(r->name, (unsigned int)r->size, 0, 0, NULL);
}

static void do_destroy(void *arg)
{
	struct request *r = arg;

	kmem_cache_destroy(r->cache);
}

static void do_shrink(void *arg)
{
	struct request *r = arg;

	kmem_cache_shrink(r->cache);
}

static void do_drain(void *arg)
{
	struct request *r = arg;

	r->bytes = kmm_trim();
}

/* Commands ----------------------------------------------------------------- */

/* The next object that is freed with "all". */
static struct mm_block *next_of_cache(const struct kmem_cache *s)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_blocks; i++)
		if (mm_lab.blocks[i].live && mm_lab.blocks[i].kind == MM_OBJECT &&
		    mm_lab.blocks[i].cache == s)
			return &mm_lab.blocks[i];
	return NULL;
}

/* The work, once, and what it does to names. False: it failed. */
static bool step(void (*work)(void *arg), struct request *r)
{
	if (r->freed)
		r->block = *r->freed;
	run(work, r);
	if (r->freed)
		r->freed->live = false;
	if (work == do_create && r->cache)
		show_cache(r->cache);
	if (work != do_alloc)
		return true;
	if (!r->block.address)
		return false;
	mm_lab.blocks[mm_lab.nr_blocks++] = r->block;
	return true;
}

/* A command that changes something: the state before, the work, the state
 * after, drawn as one. In words only the last time is told, and what became of
 * the slabs in all. */
static void act(FILE *out, void (*work)(void *arg), struct request *r,
		struct kmem_cache *s, struct mm_snapshot *before,
		struct mm_snapshot *after)
{
	struct picture p = { 0 }, q = { 0 };
	struct mm_snapshot first;

	mm_draw(&p);
	mm_look(&first, s);
	*before = first;
	/* Reports of the library go past stdio. */
	fflush(out);
	while (step(work, r) && r->more) {
		r->more--;
		if (r->freed)
			r->freed = next_of_cache(s);
		mm_look(before, s);
	}
	mm_look(after, s);
	before->nr = first.nr;
	memcpy(before->slabs, first.slabs, sizeof(first.slabs));
	mm_draw(&q);
	picture_change(out, &p, &q);
	picture_clear(&p);
	picture_clear(&q);
}

static bool alloc_block(FILE *out, struct request *r)
{
	struct mm_snapshot before, after;
	const struct mm_block *last = NULL;

	if (mm_lab.nr_blocks + r->more >= MM_MAX_BLOCKS) {
		fprintf(out, "  no more than %u names\n", MM_MAX_BLOCKS);
		return false;
	}
	r->block.live = true;
	act(out, do_alloc, r, r->block.cache, &before, &after);
	if (r->block.address)
		last = &mm_lab.blocks[mm_lab.nr_blocks - 1];
	mm_say_alloc(out, &before, &after, last, last ? name_of(last) : "",
		     r->block.order);
	return true;
}

/* The flag that stands for a migratetype. */
static bool type_flag(FILE *out, const char *word, gfp_t *gfp)
{
	if (!strcmp(word, "movable")) {
		*gfp = __GFP_MOVABLE;
	} else if (!strcmp(word, "reclaimable")) {
		*gfp = __GFP_RECLAIMABLE;
	} else if (strcmp(word, "unmovable")) {
		fprintf(out, "  '%s' is no migratetype: unmovable, movable, reclaimable\n",
			word);
		return false;
	}
	return true;
}

static bool command_alloc(FILE *out, const struct lab_words *w)
{
	struct request r = { .block.kind = MM_PAGES };
	unsigned long order;

	if (!lab_number(out, w->word[1], MAX_PAGE_ORDER, &order) ||
	    (w->nr == 3 && !type_flag(out, w->word[2], &r.gfp)))
		return false;
	r.block.order = (unsigned int)order;
	return alloc_block(out, &r);
}

static bool command_kmalloc(FILE *out, const struct lab_words *w)
{
	struct request r = { .block.kind = MM_KMALLOC };
	unsigned long size;
	struct kmem_cache *s;

	if (!lab_number(out, w->word[1], KMALLOC_MAX_SIZE, &size))
		return false;
	if (!size) {
		fprintf(out, "  kmalloc(0) is ZERO_SIZE_PTR: nothing happens\n");
		return false;
	}
	r.size = size;
	r.block.order = (unsigned int)get_order(size);
	/* Which cache will serve it is known by what it rounds up to. */
	if (size <= KMALLOC_MAX_CACHE_SIZE) {
		list_for_each_entry(s, mm_lab.caches, list) {
			if ((s->flags & SLAB_KMALLOC) &&
			    s->object_size == kmalloc_size_roundup(size))
				r.block.cache = s;
		}
		if (r.block.cache)
			show_cache(r.block.cache);
	}
	return alloc_block(out, &r);
}

/* Is what the name stood for somebody else's by now? Then the library could not
 * know that the free is a mistake. */
static const struct mm_block *new_owner(const struct mm_block *old)
{
	unsigned int i;

	for (i = 0; i < mm_lab.nr_blocks; i++)
		if (mm_lab.blocks[i].live &&
		    mm_lab.blocks[i].address == old->address)
			return &mm_lab.blocks[i];
	return NULL;
}

/* @more: so many others of the cache after it. */
static bool free_block(FILE *out, struct mm_block *block, unsigned long more,
		       const char *how)
{
	struct mm_snapshot before, after;
	struct request r = { .freed = block, .more = more };
	const struct mm_block *owner = block->live ? NULL : new_owner(block);
	bool was_live = block->live;

	if (owner) {
		fprintf(out, "  %s was freed before, and its memory is %s now: the library could not tell\n",
			name_of(block), name_of(owner));
		return false;
	}
	act(out, do_free, &r, block->cache, &before, &after);
	block = r.freed;
	if (!was_live) {
		lab_say(out, "bad_free",
			"%s was free already: %s of it is a double free. The library reports it and changes nothing.",
			name_of(block), how);
		return true;
	}
	mm_say_free(out, &before, &after, block, name_of(block));
	return true;
}

static bool command_free(FILE *out, const struct lab_words *w)
{
	struct mm_block *block = find_block(out, w->word[1]);
	static const char *const how[] = { "free", "kfree", "cache free" };
	bool kfree = w->word[0][0] == 'k';

	if (!block)
		return false;
	if (kfree != (block->kind == MM_KMALLOC)) {
		fprintf(out, "  %s wants '%s'\n", name_of(block),
			how[block->kind]);
		return false;
	}
	if (block->kind == MM_OBJECT) {
		fprintf(out, "  %s wants 'cache free %s %s'\n", name_of(block),
			block->cache->name, name_of(block));
		return false;
	}
	return free_block(out, block, 0, w->word[0]);
}

static bool cache_create(FILE *out, const struct lab_words *w)
{
	struct request r = { .name = w->word[2] };
	struct mm_snapshot before, after;
	unsigned long size;

	if (!lab_number(out, w->word[3], KMALLOC_MAX_SIZE, &size))
		return false;
	r.size = size;
	act(out, do_create, &r, NULL, &before, &after);
	if (!r.cache) {
		fprintf(out, "  no cache\n");
		return false;
	}
	lab_say(out, "create_cache",
		"The cache %s has objects of %u bytes, %u apart, %u in a slab of %s, and sheaves of %u. It has no slab yet; %s went to describe it.",
		r.name, r.cache->object_size, r.cache->size, r.cache->objects,
		lab_count(1ul << r.cache->order, "page"),
		r.cache->sheaf_capacity,
		lab_count(before.free_pages - after.free_pages, "page"));
	return true;
}

static bool cache_alloc(FILE *out, struct kmem_cache *s, const char *count)
{
	struct request r = { .block.kind = MM_OBJECT, .block.cache = s,
			     .block.order = s->order };
	unsigned long nr = 1;

	if (count && !lab_number(out, count, 1024, &nr))
		return false;
	if (!nr) {
		fprintf(out, "  that is nothing\n");
		return false;
	}
	show_cache(s);
	r.more = nr - 1;
	return alloc_block(out, &r);
}

/* All objects of the cache that have a name. */
static bool cache_free_all(FILE *out, struct kmem_cache *s)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < mm_lab.nr_blocks; i++)
		nr += mm_lab.blocks[i].live &&
		      mm_lab.blocks[i].kind == MM_OBJECT &&
		      mm_lab.blocks[i].cache == s;
	if (nr)
		return free_block(out, next_of_cache(s), nr - 1, "cache free");
	fprintf(out, "  no object of %s is in use\n", s->name);
	return false;
}

static bool cache_free(FILE *out, struct kmem_cache *s, const char *name)
{
	struct mm_block *block;

	if (!strcmp(name, "all"))
		return cache_free_all(out, s);
	block = find_block(out, name);
	if (!block)
		return false;
	if (block->kind != MM_OBJECT || block->cache != s) {
		fprintf(out, "  %s is no object of %s\n", name_of(block), s->name);
		return false;
	}
	return free_block(out, block, 0, "cache free");
}

static bool cache_destroy(FILE *out, struct kmem_cache *s)
{
	struct request r = { .cache = s };
	struct picture p = { 0 }, q = { 0 };
	char *name = xstrdup(s->name);
	unsigned int i;

	for (i = 0; i < mm_lab.nr_blocks; i++) {
		if (mm_lab.blocks[i].live && mm_lab.blocks[i].cache == s) {
			fprintf(out, "  %s is in use: free the objects of %s first\n",
				lab_name(i), name);
			free(name);
			return false;
		}
	}
	mm_draw(&p);
	hide_cache(s);
	run(do_destroy, &r);
	mm_draw(&q);
	picture_change(out, &p, &q);
	picture_clear(&p);
	picture_clear(&q);
	lab_say(out, "destroy_locked",
		"The cache %s is no more; its slabs are free pages.", name);
	free(name);
	return true;
}

static bool cache_command(FILE *out, const struct lab_words *w)
{
	struct kmem_cache *s;

	if (w->nr == 4 && !strcmp(w->word[1], "create"))
		return cache_create(out, w);
	if (w->nr < 3)
		goto nonsense;
	s = find_cache(out, w->word[2]);
	if (!s)
		return false;
	if (!strcmp(w->word[1], "alloc") && w->nr <= 4)
		return cache_alloc(out, s, w->nr == 4 ? w->word[3] : NULL);
	if (!strcmp(w->word[1], "free") && w->nr == 4)
		return cache_free(out, s, w->word[3]);
	if (!strcmp(w->word[1], "destroy") && w->nr == 3)
		return cache_destroy(out, s);
nonsense:
	fprintf(out, "  cache create NAME SIZE, alloc NAME [COUNT], free NAME OBJECT|all, destroy NAME\n");
	return false;
}

static bool command_shrink(FILE *out, const struct lab_words *w)
{
	struct mm_snapshot before, after;
	struct request r = { .cache = find_cache(out, w->word[1]) };
	char slabs[512];

	if (!r.cache)
		return false;
	show_cache(r.cache);
	act(out, do_shrink, &r, r.cache, &before, &after);
	mm_slab_changes(&before, &after, slabs, sizeof(slabs));
	lab_say(out, "shrink_cache",
		"The sheaves and the barn of %s gave %s back to the slabs, and %s without any object in use went back to the buddy system.%s",
		r.cache->name,
		lab_count(before.nr_inuse - after.nr_inuse, "object"),
		lab_count(before.nr_slabs - after.nr_slabs, "slab"), slabs);
	return true;
}

static bool command_drain(FILE *out)
{
	struct mm_snapshot before, after;
	struct request r = { .cache = NULL };

	act(out, do_drain, &r, NULL, &before, &after);
	lab_say(out, "pcp_drain_all",
		"What CPUs kept is free for all: sheaves are empty, empty slabs and %s from the CPUs' lists are back in the free lists, with %s.",
		lab_count(before.pcp_all, "page"),
		lab_count(after.event[PGMERGE] - before.event[PGMERGE],
			  "merge"));
	return true;
}

static bool command_cpu(FILE *out, const struct lab_words *w)
{
	unsigned long cpu;

	if (!lab_number(out, w->word[1], mm_lab.nr_cpus - 1, &cpu))
		return false;
	mm_lab.cpu = (unsigned int)cpu;
	lab_say(out, "percpu_this_cpu", "The next calls are made on CPU %lu.",
		cpu);
	return true;
}

static bool mm_command(FILE *out, const struct lab_words *w)
{
	static const struct {
		const char *name;
		unsigned int words;
		bool (*run)(FILE *out, const struct lab_words *w);
	} commands[] = {
		{ "alloc", 2, command_alloc },
		{ "alloc", 3, command_alloc },
		{ "free", 2, command_free },
		{ "kmalloc", 2, command_kmalloc },
		{ "kfree", 2, command_free },
		{ "shrink", 2, command_shrink },
		{ "cpu", 2, command_cpu },
	};
	size_t i;

	if (!strcmp(w->word[0], "cache"))
		return cache_command(out, w);
	if (w->nr == 1 && !strcmp(w->word[0], "drain"))
		return command_drain(out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(w->word[0], commands[i].name) &&
		    w->nr == commands[i].words)
			return commands[i].run(out, w);
	fprintf(out, "  '%s' makes no sense here; `help' lists what does\n",
		w->word[0]);
	return false;
}

static void mm_show(FILE *out)
{
	struct picture p = { 0 };

	mm_draw(&p);
	picture_show(out, &p);
	picture_clear(&p);
}

const struct lab_target mm_target = {
	.help = "  alloc ORDER [TYPE]  2^ORDER pages, called A, B, ...; TYPE: unmovable,\n"
		"                    movable or reclaimable\n"
		"  free B            free block B\n"
		"  kmalloc N         N bytes, called by the next letter\n"
		"  kfree P           free them\n"
		"  cache create NAME SIZE\n"
		"  cache alloc NAME [COUNT]\n"
		"  cache free NAME OBJECT|all\n"
		"  cache destroy NAME\n"
		"  shrink NAME       objects that wait go to slabs, empty slabs to pages\n"
		"  drain             the same for all, and the CPUs' page lists\n"
		"  cpu N             the next calls are made on CPU N\n",
	.draw = mm_draw,
	.command = mm_command,
	.show = mm_show,
	.state = state_of_mm,
};
