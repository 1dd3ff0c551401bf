// SPDX-License-Identifier: MIT
/*
 * KFENCE's pool: address space in units of a page and a guard, and who has them.
 *
 *	unit	0	1	2	3	4	5	...
 *	units[]	0	1	2	2	2	0		F2: the block's first
 *		guard	block	block of three		free
 *
 * Sampling: each block is one unit, and the one that was freed longest ago comes
 *	first. All: a block is as many units as it needs, from a window that grows when
 *	it is full; what was freed is used again when kfence_quarantine bytes of
 *	addresses have been handed out since.
 *
 * States:	UNUSED -> FREEING, by kfence_pool_take(); kfence.c has the others, and
 *		kfence_pool_put() ends them as FREED or UNUSED
 * Invariants:	F2 of kfence.c; and while sampling, a unit is on the list of free
 *		ones while it is UNUSED or FREED
 * Lock order:	under kfence_lock, but for boot and kfence_metadata_of().
 * Source:	kernel mm/kfence/core.c; its pool has objects of one page only.
 * Not here:	what is in the pages, and who may touch them (kfence.c).
 */
#include "../lib/host.h"
#include "internal.h"
#include "kfence.h"

/* A unit of address space: a page and a guard. */
#define UNIT_SIZE (2 * PAGE_SIZE)

/* kfence_all takes as much address space as it gets. */
#define ALL_MAX_SIZE (64UL << 30)
#define ALL_MIN_SIZE (64UL << 20)

struct kfence_pool kfence_pool;

/* Under kfence_lock. */
static u32 free_first, free_last;	/* sampling: the units to take, in turn */
static u32 cursor;			/* all: where to look */
static u64 handed_out;			/* all: bytes of addresses so far */

static unsigned long unit_address(u32 unit)
{
	return kfence_pool.start + unit * UNIT_SIZE;
}

unsigned long kfence_first_unit(const struct kfence_metadata *meta)
{
	return unit_address(kfence_number(meta));
}

u32 kfence_number(const struct kfence_metadata *meta)
{
	return (u32)(meta - kfence_pool.metadata);
}

struct kfence_metadata *kfence_metadata_of(unsigned long addr)
{
	unsigned long unit = (addr - kfence_pool.start) / UNIT_SIZE;
	struct kfence_metadata *meta;
	u32 head;

	if (unit >= kfence_pool.nr_units)
		return NULL;
	head = READ_ONCE(kfence_pool.units[unit]);
	meta = &kfence_pool.metadata[head];
	/* The block may be gone, and another one begin where it did. */
	if (!head || unit - head >= READ_ONCE(meta->nr_units))
		return NULL;
	return meta;
}

/* Taking and giving back ----------------------------------------------------- */

static struct kfence_metadata *claim(u32 first, u32 nr)
{
	struct kfence_metadata *meta = &kfence_pool.metadata[first];
	u32 i;

	meta->state = KFENCE_OBJECT_FREEING;
	WRITE_ONCE(meta->nr_units, nr);
	for (i = 0; i < nr; i++)
		WRITE_ONCE(kfence_pool.units[first + i], first);
	kfence_pool.nr_allocated++;
	return meta;
}

/* Sampling: one page, the one that was freed longest ago. */
static struct kfence_metadata *take_free(void)
{
	u32 unit = free_first;

	if (!unit)
		return NULL;
	free_first = kfence_pool.metadata[unit].next;
	if (!free_first)
		free_last = 0;
	return claim(unit, 1);
}

static void put_free(struct kfence_metadata *meta)
{
	u32 unit = kfence_number(meta);

	meta->next = 0;
	if (free_last)
		kfence_pool.metadata[free_last].next = unit;
	else
		free_first = unit;
	free_last = unit;
}

static bool in_use(const struct kfence_metadata *meta)
{
	switch (meta->state) {
	case KFENCE_OBJECT_UNUSED:
		return false;
	case KFENCE_OBJECT_FREED:
		return handed_out - meta->freed_at <
		       kmm_params.kfence_quarantine;
	default:
		return true;
	}
}

/* The first @nr units in a row from @unit on that nobody uses; 0: none. */
static u32 find_run(u32 unit, u32 nr)
{
	struct kfence_metadata *meta;
	u32 run = unit;

	while (unit < kfence_pool.window) {
		meta = kfence_metadata_of(unit_address(unit));
		if (meta && in_use(meta)) {
			unit = kfence_number(meta) + meta->nr_units;
			run = unit;
			continue;
		}
		if (++unit - run == nr)
			return run;
	}
	return 0;
}

static struct kfence_metadata *take_run(u32 nr)
{
	u32 run = find_run(cursor, nr);

	if (!run)
		run = find_run(1, nr);
	while (!run && kfence_pool.window < kfence_pool.nr_units) {
		kfence_pool.window = (u32)min_t(u64,
						(u64)kfence_pool.window * 2,
						kfence_pool.nr_units);
		run = find_run(1, nr);
	}
	if (!run)
		return NULL;
	cursor = run + nr;
	handed_out += nr * UNIT_SIZE;
	return claim(run, nr);
}

/* Pages that a block takes, with its guard. Beyond a page, what alignment may
 * cost is address space only. */
static u32 units_needed(size_t size, size_t align)
{
	size_t bytes = PAGE_ALIGN(size) + PAGE_SIZE;

	if (align > PAGE_SIZE)
		bytes += align;
	return (u32)DIV_ROUND_UP(bytes, UNIT_SIZE);
}

struct kfence_metadata *kfence_pool_take(size_t size, size_t align)
{
	lockdep_assert_held(&kfence_lock);
	return kmm_params.kfence_all ? take_run(units_needed(size, align)) :
				       take_free();
}

void kfence_pool_put(struct kfence_metadata *meta,
		     enum kfence_object_state state)
{
	lockdep_assert_held(&kfence_lock);
	meta->state = state;
	meta->unprotected = 0;
	meta->freed_at = handed_out;
	kfence_pool.nr_allocated--;
	if (!kmm_params.kfence_all)
		put_free(meta);
}

/* Boot -------------------------------------------------------------------- */

static bool create_pool(size_t size)
{
	size_t nr = size / UNIT_SIZE;
	size_t page = 1UL << host.page_shift;
	size_t units_size = ALIGN(nr * sizeof(u32), page);
	size_t tables_size = units_size +
			     ALIGN(nr * sizeof(struct kfence_metadata), page);
	void *tables = host_map(tables_size);
	void *start = tables ? host_reserve(size, PAGE_SIZE) : NULL;

	if (!start) {
		if (tables)
			host_unmap(tables, tables_size);
		return false;
	}
	kfence_pool.units = tables;
	kfence_pool.metadata = (void *)((char *)tables + units_size);
	kfence_pool.nr_units = (u32)nr;
	kfence_pool.start = (unsigned long)start;
	kfence_pool.size = nr * UNIT_SIZE;
	return true;
}

#define DEFAULT_MAX_MAP_COUNT 65530

static u32 max_map_count(void)
{
	char text[32] = "";
	const char *end;

	if (host_read_file("/proc/sys/vm/max_map_count", text,
			   sizeof(text) - 1, 0) <= 0)
		return DEFAULT_MAX_MAP_COUNT;
	return (u32)min_t(u64, memparse(text, &end), UINT32_MAX / 4);
}

static bool init_all(void)
{
	size_t size = ALL_MAX_SIZE;

	while (!create_pool(size)) {
		size /= 2;
		if (size < ALL_MIN_SIZE)
			return false;
	}
	cursor = 1;
	kfence_pool.window = (u32)min_t(u64, kfence_pool.nr_units,
			    kmm_params.kfence_quarantine / UNIT_SIZE + 64);
	/* Three quarters of them, and each block makes two. */
	kfence_pool.max_allocated = max_map_count() / 4 * 3 / 2;
	return true;
}

static bool init_sampling(void)
{
	u32 unit;

	/* Unit 0 is a guard for the first object. */
	if (!create_pool((kmm_params.kfence_num_objects + 1) * UNIT_SIZE))
		return false;
	for (unit = 1; unit < kfence_pool.nr_units; unit++)
		put_free(&kfence_pool.metadata[unit]);
	kfence_pool.window = kfence_pool.nr_units;
	kfence_pool.max_allocated = kfence_pool.nr_units;
	return true;
}

bool kfence_pool_init(void)
{
	return kmm_params.kfence_all ? init_all() : init_sampling();
}
