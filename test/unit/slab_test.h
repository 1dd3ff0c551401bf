/* SPDX-License-Identifier: MIT */
/*
 * What the tests of caches, sheaves and kmalloc() share.
 *
 * Contents: every block is filled with bytes that follow from its tag, so that
 * a byte another owner wrote shows, wherever the block has been since.
 *
 * Free objects are closed to Valgrind and ASan; a test that looks at one, or
 * damages it, goes through peek_word() and poke_word().
 */
#ifndef TEST_SLAB_TEST_H
#define TEST_SLAB_TEST_H

#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/slab.h>

#include "memcheck.h"
#include "page_list.h"
#include "percpu.h"
#include "slab.h"
#include "unit.h"

/* Objects of a cache with this flag have no way around their slab: what a test
 * does is at once visible there, under every lane. */
#define SLAB_DIRECT (SLAB_CONSISTENCY_CHECKS | SLAB_NO_MERGE)

static inline struct kmem_cache *
make_cache(const char *name, unsigned int size, slab_flags_t flags)
{
	struct kmem_cache *s = kmem_cache_create(name, size, NULL, flags);

	ck_assert_ptr_nonnull(s);
	return s;
}

/* Violated invariants of one cache. */
static inline unsigned int cache_validate(struct kmem_cache *s)
{
	return slab_validate(s) + sheaf_validate(s);
}

/* Of everything. No other thread may be allocating. */
static inline unsigned int validate_all(void)
{
	unsigned int bad = page_alloc_validate() + pcp_validate();
	struct kmem_cache *s;

	spin_lock(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list)
		bad += cache_validate(s);
	spin_unlock(&slab_mutex);
	return bad;
}

#define assert_valid(s) ck_assert_uint_eq(cache_validate(s), 0)
#define assert_all_valid() ck_assert_uint_eq(validate_all(), 0)

/* Pages that are neither on a free list nor on a per-CPU list. */
static inline unsigned long pages_in_use(void)
{
	unsigned long nr = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		nr += zone->managed_pages - zone->nr_free - pcp_count(zone);
	return nr;
}

/* Contents ---------------------------------------------------------------- */

static inline unsigned char content(unsigned long tag, size_t off)
{
	return (unsigned char)(tag * 31 + (off >> 8) * 13 + off + 1);
}

static inline void fill(void *p, size_t size, unsigned long tag)
{
	unsigned char *bytes = p;
	size_t off;

	for (off = 0; off < size; off++)
		bytes[off] = content(tag, off);
}

static inline bool holds(const void *p, size_t size, unsigned long tag)
{
	const unsigned char *bytes = p;
	size_t off;

	for (off = 0; off < size; off++)
		if (bytes[off] != content(tag, off))
			return false;
	return true;
}

static inline bool all_bytes(const void *p, size_t size, unsigned char value)
{
	const unsigned char *bytes = p;
	size_t off;

	for (off = 0; off < size; off++)
		if (bytes[off] != value)
			return false;
	return true;
}

static inline unsigned long peek_word(void *addr)
{
	unsigned long word;

	memcheck_unpoison(addr, sizeof(word));
	memcpy(&word, addr, sizeof(word));
	memcheck_poison(addr, sizeof(word));
	return word;
}

static inline void poke_word(void *addr, unsigned long word)
{
	memcheck_unpoison(addr, sizeof(word));
	memcpy(addr, &word, sizeof(word));
	memcheck_poison(addr, sizeof(word));
}

/* Slabs and sheaves ------------------------------------------------------- */

static inline void *freelist_of(const struct kmem_cache *s,
				const struct page *slab)
{
	return slab_freelist(s, slab, slab_address(slab));
}

static inline struct page *slab_of(const void *object)
{
	return page_head(lookup_page(object));
}

/* This CPU's sheaves. Meaningful for a thread that is pinned. */
static inline struct slub_percpu_sheaves *this_slot(struct kmem_cache *s)
{
	return per_cpu_ptr(s->cpu_sheaves, percpu_this_cpu());
}

/* The CPUs that the process was started with. */
static cpu_set_t usable_cpus;

static void __attribute__((constructor)) learn_cpus(void)
{
	if (sched_getaffinity(0, sizeof(usable_cpus), &usable_cpus))
		CPU_ZERO(&usable_cpus);
}

/* Let the calling thread run only on the @nr-th of them, counted from 0; false
 * if there are not that many. */
static inline bool pin_to_cpu(int nr)
{
	cpu_set_t one;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &usable_cpus) || nr--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return !sched_setaffinity(0, sizeof(one), &one);
	}
	return false;
}

static inline void unpin(void)
{
	sched_setaffinity(0, sizeof(usable_cpus), &usable_cpus);
}

/* Messages ---------------------------------------------------------------- */

static inline unsigned int count_lines(const char *text)
{
	unsigned int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* A link, as the file comment of mm/slub.c says. */
static inline unsigned long decode(const struct kmem_cache *s,
				   const struct page *slab, void *where)
{
	return peek_word(where) ^ s->random ^
	       __builtin_bswap64((unsigned long)where) ^
	       (u64)slab->slab_gen << 48;
}

/* An opaque number: the compiler must not see that it is constant. */
static inline size_t runtime(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

#endif /* TEST_SLAB_TEST_H */
