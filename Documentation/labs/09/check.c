// SPDX-License-Identifier: MIT
/*
 * Checks exercise 09, first with one thread and then with one for each CPU.
 *
 * With one thread the barn's page can be touched only between barn_lock() and
 * barn_unlock(): mprotect() makes every other access a crash that is explained.
 * A second model of sheaves, of numbers only, knows which of the four ways each
 * call has to take.
 *
 * With threads each object has an owner bit that changes by an atomic exchange,
 * so that one which is handed out twice is seen at once.
 */
#define _GNU_SOURCE
#include "check.h"
#include "lab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NR_OBJECTS	1024
#define NR_SHEAVES	(2 * NR_CPUS + BARN_SHEAVES)
#define THREAD_STEPS	30000
#define MAILBOXES	64

struct cpu_sheaves *cpus;
struct barn *barn;

static struct model {
	struct cpu_sheaves cpus[NR_CPUS];
	struct sheaf sheaves[NR_SHEAVES];
	char objects[NR_OBJECTS];
	/* Objects in slabs, the next one last; under slab_mutex. */
	void *slab[NR_OBJECTS];
	unsigned int nr_slab;
	atomic_bool live[NR_OBJECTS];
	atomic_uint nr_live;
	/* In this call. */
	unsigned int locks, allocs, frees;
	/* What main and spare hold of each CPU, and the barn. */
	unsigned int main[NR_CPUS], spare[NR_CPUS], full, empty;
	_Atomic(void *) mailbox[MAILBOXES];
	atomic_uint seed;
} *model;

static size_t barn_bytes;
static bool threads;
static pthread_mutex_t barn_mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t slab_mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread bool barn_held;

static void draw_sheaf(const char *name, unsigned int size)
{
	unsigned int i;

	check_print("%s [", name);
	for (i = 0; i < SHEAF_CAPACITY; i++)
		check_print("%c", i < size ? '#' : '.');
	check_print("]");
}

/* As it should be before the call, for one thread; as it is, for several. */
static void draw(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		check_print("      cpu %u  ", cpu);
		draw_sheaf("main", model->main[cpu]);
		draw_sheaf("  spare", model->spare[cpu]);
		check_print("\n");
	}
	check_print("      barn   %u full, %u empty\n      slabs  %u objects free, %u handed out\n",
		    model->full, model->empty, model->nr_slab,
		    model->nr_live);
}

/* What is below the learner's code ----------------------------------------------- */

static void protect_barn(int protection)
{
	if (!threads)
		mprotect(barn, barn_bytes, protection);
}

void barn_lock(void)
{
	if (pthread_mutex_lock(&barn_mutex))
		check_fail("A lock is taken once, and let go before it is taken again.",
			   "the barn's lock free\nbarn_lock() while this thread holds it: it would wait for itself");
	barn_held = true;
	/* Counted for one thread only; then nobody else writes it. */
	if (!threads)
		model->locks++;
	protect_barn(PROT_READ | PROT_WRITE);
}

void barn_unlock(void)
{
	if (!barn_held)
		check_fail("Only who holds a lock lets it go.",
			   "the barn's lock held\nbarn_unlock() without barn_lock()");
	protect_barn(PROT_NONE);
	barn_held = false;
	pthread_mutex_unlock(&barn_mutex);
}

static void check_bulk(const char *function, unsigned int nr)
{
	if (barn_held)
		check_fail("Slow work is not done under the barn's lock: all other CPUs would wait for it.",
			   "barn_unlock() first\n%s(..., %u) while the lock is held",
			   function, nr);
	if (nr > SHEAF_CAPACITY)
		check_fail("A sheaf holds SHEAF_CAPACITY objects.",
			   "at most %u\n%s(..., %u)", SHEAF_CAPACITY, function,
			   nr);
}

bool slab_alloc_bulk(void **p, unsigned int nr)
{
	bool enough;

	check_bulk("slab_alloc_bulk", nr);
	pthread_mutex_lock(&slab_mutex);
	model->allocs++;
	enough = nr <= model->nr_slab;
	if (enough) {
		model->nr_slab -= nr;
		memcpy(p, &model->slab[model->nr_slab], nr * sizeof(*p));
	}
	pthread_mutex_unlock(&slab_mutex);
	return enough;
}

static bool is_object(const void *p)
{
	return (const char *)p >= model->objects &&
	       (const char *)p < model->objects + NR_OBJECTS;
}

void slab_free_bulk(void **p, unsigned int nr)
{
	unsigned int i, k;

	check_bulk("slab_free_bulk", nr);
	pthread_mutex_lock(&slab_mutex);
	model->frees++;
	for (i = 0; i < nr; i++) {
		if (!is_object(p[i]))
			check_fail("What goes to the slabs came from there.",
				   "objects\nentry %u of slab_free_bulk() is %p",
				   i, p[i]);
		if (model->live[(char *)p[i] - model->objects])
			check_fail("An object is in one place: handed out, in one sheaf, or in a slab.",
				   "objects that nobody has\nslab_free_bulk() of object %td, which is handed out",
				   (char *)p[i] - model->objects);
		for (k = 0; !threads && k < model->nr_slab; k++)
			if (model->slab[k] == p[i])
				check_fail("An object is in one place: handed out, in one sheaf, or in a slab.",
					   "objects of the sheaf\nslab_free_bulk() of object %td, which is in its slab already",
					   (char *)p[i] - model->objects);
		if (model->nr_slab < NR_OBJECTS)
			model->slab[model->nr_slab++] = p[i];
	}
	pthread_mutex_unlock(&slab_mutex);
}

/* One thread --------------------------------------------------------------------- */

static void start(unsigned int nr_objects)
{
	unsigned int i, cpu, sheaf = 0;

	check_new_sequence();
	if (!threads)
		mprotect(barn, barn_bytes, PROT_READ | PROT_WRITE);
	memset(model, 0, sizeof(*model));
	memset(barn, 0, sizeof(*barn));
	cpus = model->cpus;
	for (i = 0; i < nr_objects; i++)
		model->slab[model->nr_slab++] = &model->objects[i];
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		cpus[cpu].main = &model->sheaves[sheaf++];
		cpus[cpu].spare = &model->sheaves[sheaf++];
	}
	while (barn->nr_empty < BARN_SHEAVES)
		barn->empty[barn->nr_empty++] = &model->sheaves[sheaf++];
	model->empty = BARN_SHEAVES;
	protect_barn(PROT_NONE);
}

static void check_place(struct sheaf *sheaf, const char *name, bool *seen)
{
	size_t i = (size_t)(sheaf - model->sheaves);

	if (sheaf < model->sheaves || i >= NR_SHEAVES)
		check_fail("Each place holds a sheaf.", "a sheaf\n%s is %p",
			   name, (void *)sheaf);
	if (seen[i])
		check_fail("A sheaf is in one place: none is copied or lost.",
			   "each sheaf once\nthe sheaf in %s is somewhere else as well, so another one is lost",
			   name);
	seen[i] = true;
	if (sheaf->size > SHEAF_CAPACITY)
		check_fail("A sheaf holds SHEAF_CAPACITY objects.",
			   "size 0 to %u\n%s has size %u", SHEAF_CAPACITY,
			   name, sheaf->size);
}

static void check_barn(bool *seen)
{
	unsigned int i;

	if (barn->nr_full + barn->nr_empty != BARN_SHEAVES)
		check_fail("Who takes a sheaf from the barn leaves one there.",
			   "%u sheaves in the barn\n%u full and %u empty",
			   BARN_SHEAVES, barn->nr_full, barn->nr_empty);
	for (i = 0; i < barn->nr_full; i++) {
		check_place(barn->full[i], "barn->full", seen);
		if (barn->full[i]->size != SHEAF_CAPACITY)
			check_fail("barn->full holds full sheaves.",
				   "%u objects\n%u", SHEAF_CAPACITY,
				   barn->full[i]->size);
	}
	for (i = 0; i < barn->nr_empty; i++) {
		check_place(barn->empty[i], "barn->empty", seen);
		if (barn->empty[i]->size)
			check_fail("barn->empty holds empty sheaves.",
				   "0 objects\n%u", barn->empty[i]->size);
	}
}

static void check_sheaves(void)
{
	bool seen[NR_SHEAVES] = { false };
	unsigned int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		check_place(cpus[cpu].main, "main", seen);
		check_place(cpus[cpu].spare, "spare", seen);
	}
	check_barn(seen);
}

/* What is where, after a call, and how it got there. */
static void check_state(unsigned int cpu, unsigned int locks,
			unsigned int allocs, unsigned int frees)
{
	if (barn_held)
		check_fail("A lock is let go on every way out of a function.",
			   "barn_unlock() called\nthe call returned with the barn's lock held");
	if (model->locks > locks)
		check_fail("While main or spare can serve, no lock is taken: that is what they are for.",
			   "%u calls of barn_lock()\n%u", locks, model->locks);
	if (model->allocs != allocs)
		check_fail("Slabs are asked only if main, spare and barn have nothing, and then once, for a whole sheaf.",
			   "%u calls of slab_alloc_bulk()\n%u", allocs,
			   model->allocs);
	if (model->frees != frees)
		check_fail("Objects go to the slabs only if main, spare and barn are full, and then in one call, a whole sheaf.",
			   "%u calls of slab_free_bulk()\n%u", frees,
			   model->frees);
	mprotect(barn, barn_bytes, PROT_READ | PROT_WRITE);
	check_sheaves();
	if (barn->nr_full != model->full)
		check_fail("Full sheaves go to the barn and come from there as a whole.",
			   "%u full sheaves in the barn\n%u", model->full,
			   barn->nr_full);
	if (cpus[cpu].main->size != model->main[cpu] ||
	    cpus[cpu].spare->size != model->spare[cpu])
		check_fail("Pop and push at main; main and spare are swapped when main alone cannot serve; sheaves are filled and flushed whole.",
			   "main %u, spare %u\nmain %u, spare %u",
			   model->main[cpu], model->spare[cpu],
			   cpus[cpu].main->size, cpus[cpu].spare->size);
	protect_barn(PROT_NONE);
}

static void before(void)
{
	model->locks = model->allocs = model->frees = 0;
}

static void swap_counts(unsigned int cpu)
{
	unsigned int main = model->main[cpu];

	model->main[cpu] = model->spare[cpu];
	model->spare[cpu] = main;
}

/* The handing out of an object, with several threads as well. */
static void check_object(const void *p)
{
	if (!is_object(p))
		check_fail("What is handed out came from the slabs.",
			   "an object\n%p", p);
	if (atomic_exchange(&model->live[(const char *)p - model->objects],
			    true))
		check_fail("An object is in one place: handed out, in one sheaf, or in a slab.",
			   "an object that nobody has\nobject %td, which is handed out already",
			   (const char *)p - model->objects);
	model->nr_live++;
}

static void *try_alloc(unsigned int cpu)
{
	unsigned int locks = 0, allocs = 0, nr_slab = model->nr_slab;
	void *expected = NULL, *p;

	/* Only the newest of main is known beforehand. */
	if (cpus[cpu].main->size)
		expected = cpus[cpu].main->objects[cpus[cpu].main->size - 1];
	before();
	check_call("sheaf_alloc(%u)", cpu);
	p = sheaf_alloc(cpu);
	if (p)
		check_return(" = object %td", (char *)p - model->objects);
	else
		check_return(" = NULL");
	if (!model->main[cpu]) {
		if (model->spare[cpu]) {
			swap_counts(cpu);
		} else {
			locks = 1;
			allocs = !model->full;
			if (model->full) {
				model->full--;
				model->empty++;
			}
			if (!allocs || nr_slab >= SHEAF_CAPACITY)
				model->main[cpu] = SHEAF_CAPACITY;
		}
	}
	if (!p && model->main[cpu])
		check_fail("There is an object as long as a sheaf or the slabs have one.",
			   "an object\nNULL");
	if (p) {
		if (expected && p != expected)
			check_fail("Last in, first out: the newest object is still in the CPU's cache.",
				   "object %td\nobject %td",
				   (char *)expected - model->objects,
				   (char *)p - model->objects);
		check_object(p);
		if (model->main[cpu])
			model->main[cpu]--;
	}
	check_state(cpu, locks, allocs, 0);
	return p;
}

static void try_free(unsigned int cpu, void *p)
{
	unsigned int locks = 0, frees = 0;

	before();
	model->live[(char *)p - model->objects] = false;
	model->nr_live--;
	check_call("sheaf_free(%u, object %td)", cpu,
		   (char *)p - model->objects);
	sheaf_free(cpu, p);
	check_return(" ");
	if (model->main[cpu] == SHEAF_CAPACITY) {
		if (model->spare[cpu] < SHEAF_CAPACITY) {
			swap_counts(cpu);
		} else {
			locks = 1;
			frees = !model->empty;
			if (model->empty) {
				model->empty--;
				model->full++;
			}
			model->main[cpu] = 0;
		}
	}
	model->main[cpu]++;
	check_state(cpu, locks, 0, frees);
}

static void try_drain(unsigned int cpu)
{
	unsigned int nr = model->nr_slab + model->main[cpu] + model->spare[cpu];

	before();
	check_call("sheaf_drain(%u)", cpu);
	sheaf_drain(cpu);
	check_return(" ");
	model->main[cpu] = model->spare[cpu] = 0;
	if (model->nr_slab != nr)
		check_fail("A drained CPU has given all of its objects to the slabs.",
			   "%u objects in the slabs\n%u", nr, model->nr_slab);
	check_state(cpu, 0, model->allocs, model->frees);
}

static void push_and_pop(void)
{
	unsigned int i;
	void *p, *q;

	start(NR_OBJECTS);
	p = try_alloc(0);
	q = try_alloc(0);
	for (i = 0; i < 4; i++) {
		try_free(0, p);
		p = try_alloc(0);
	}
	try_free(0, p);
	try_free(0, q);
}

/* Around the border of a sheaf: the spare one keeps the barn out of it. */
static void around_the_border(void)
{
	void *p[3 * SHEAF_CAPACITY];
	unsigned int i, round;

	start(NR_OBJECTS);
	for (i = 0; i < 2 * SHEAF_CAPACITY; i++)
		p[i] = try_alloc(1);
	for (i = 0; i < SHEAF_CAPACITY; i++)
		try_free(1, p[i]);
	for (round = 0; round < 3; round++) {
		try_free(1, p[i]);
		p[i] = try_alloc(1);
		p[0] = try_alloc(1);
		try_free(1, p[0]);
	}
}

static void through_the_barn(void)
{
	void *p[NR_OBJECTS / 2];
	unsigned int i, nr = 0;

	start(NR_OBJECTS);
	while (nr < 8 * SHEAF_CAPACITY)
		p[nr++] = try_alloc(0);
	for (i = 0; i < nr; i++)
		try_free(0, p[i]);
	/* Another CPU finds them there. */
	for (i = 0; i < nr; i++)
		p[i] = try_alloc(2);
	for (i = 0; i < nr; i++)
		try_free(3, p[i]);
	try_drain(3);
	try_drain(0);
	try_drain(1);
}

static void no_more_objects(void)
{
	void *p[3 * SHEAF_CAPACITY];
	unsigned int i, nr = 0;

	start(2 * SHEAF_CAPACITY + 3);
	while (nr < ARRAY_SIZE(p) && (p[nr] = try_alloc(0)))
		nr++;
	try_alloc(0);
	for (i = 0; i < nr; i++)
		try_free(0, p[i]);
	try_alloc(1);
	try_alloc(0);
}

static void random_cpus(void)
{
	static void *p[NR_OBJECTS];
	unsigned int step, nr = 0, i;

	start(NR_OBJECTS);
	for (step = 0; step < 4000; step++) {
		if (check_random(100) < (step / 200 % 2 ? 25u : 75u)) {
			p[nr] = try_alloc(check_random(NR_CPUS));
			nr += p[nr] != NULL;
		} else if (nr) {
			i = check_random(nr);
			try_free(check_random(NR_CPUS), p[i]);
			p[i] = p[--nr];
		}
		if (!check_random(200))
			try_drain(check_random(NR_CPUS));
	}
}

/* Threads ------------------------------------------------------------------------ */

static void thread_free(unsigned int cpu, void *p)
{
	model->live[(char *)p - model->objects] = false;
	model->nr_live--;
	check_call("sheaf_free(%u, object %td)", cpu,
		   (char *)p - model->objects);
	sheaf_free(cpu, p);
	check_return(" ");
}

static void check_unlocked(void)
{
	if (barn_held)
		check_fail("A lock is let go on every way out of a function.",
			   "barn_unlock() called\nthe call returned with the barn's lock held");
}

/* Each leaves objects in mailboxes, and frees what others left there. */
static void *work(void *arg)
{
	unsigned int cpu = (unsigned int)(size_t)arg, step, state;
	void *p;

	check_thread(cpu + 1);
	state = model->seed + 7919 * (cpu + 1);
	for (step = 0; step < THREAD_STEPS; step++) {
		p = NULL;
		if (check_random_state(&state, 2)) {
			check_call("sheaf_alloc(%u)", cpu);
			p = sheaf_alloc(cpu);
			check_return(" = %p", p);
			check_unlocked();
			if (p)
				check_object(p);
		}
		p = atomic_exchange(&model->mailbox[check_random_state(&state, MAILBOXES)],
				    p);
		if (p)
			thread_free(cpu, p);
		check_unlocked();
	}
	return NULL;
}

/* All objects are in the barn or in the slabs. */
static void check_all_back(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		check_call("sheaf_drain(%u)", cpu);
		sheaf_drain(cpu);
		check_return(" ");
	}
	model->full = barn->nr_full;
	model->empty = barn->nr_empty;
	check_sheaves();
	if (model->nr_slab + barn->nr_full * SHEAF_CAPACITY != NR_OBJECTS)
		check_fail("No object is lost: all are handed out, in a sheaf, or in a slab.",
			   "%u objects in slabs and full sheaves, as all are freed\n%u",
			   NR_OBJECTS, model->nr_slab +
			   barn->nr_full * SHEAF_CAPACITY);
}

static void all_cpus_at_once(void)
{
	pthread_t thread[NR_CPUS];
	unsigned int cpu, i;
	void *p;

	threads = true;
	mprotect(barn, barn_bytes, PROT_READ | PROT_WRITE);
	start(NR_OBJECTS);
	model->seed = 1 + check_random(1000000);
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		pthread_create(&thread[cpu], NULL, work, (void *)(size_t)cpu);
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		pthread_join(thread[cpu], NULL);
	for (i = 0; i < MAILBOXES; i++) {
		p = model->mailbox[i];
		if (p)
			thread_free(0, p);
	}
	check_all_back();
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "push and pop", push_and_pop, draw },
		{ "around the border of a sheaf", around_the_border, draw },
		{ "through the barn", through_the_barn, draw },
		{ "no more objects", no_more_objects, draw },
		{ "random CPUs, one thread", random_cpus, draw },
		{ "all CPUs at once", all_cpus_at_once, draw },
	};

	barn_bytes = (size_t)sysconf(_SC_PAGESIZE);
	barn = check_shared(barn_bytes);
	check_forbidden(barn, barn_bytes,
			"the barn was touched without its lock: barn_lock() comes before, barn_unlock() after",
			"What a lock guards is touched only while it is held.");
	model = check_shared(sizeof(*model));
	return check_run("Exercise 09: the sheaf and the barn", cases,
			 ARRAY_SIZE(cases));
}
