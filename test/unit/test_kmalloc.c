// SPDX-License-Identifier: MIT
/*
 * Tests of mm/kmalloc.c and the size table of mm/slab_common.c. The rooms
 * together are the subject of test_whole.c.
 *
 * The tests are true for both ladders; `make check` runs them with each, and
 * kmalloc_other_ladder_works runs the most important ones with the fine one.
 */
#define _GNU_SOURCE
#include <stdint.h>

#include <kmm/kmm.h>
#include <linux/mm.h>

#include "cmdline.h"
#include "slab_test.h"

/* All sizes that a cache serves, and edges beyond. */
static const size_t large_sizes[] = {
	8193, 10000, 12288, 12289, 16384, 20480, 40000, 65536, 65537, 100000,
	131072, 300000, 524288, 1000000, 1048576, 1048577, 2097152, 3000000,
	4194303, 4194304,
};

static size_t largest_power_of_two_in(size_t n)
{
	return n & -n;
}

/* Small sizes ------------------------------------------------------------- */

START_TEST(kmalloc_zero_size_is_special)
{
	ck_assert_ptr_eq(kmalloc(runtime(0), GFP_KERNEL), ZERO_SIZE_PTR);
	ck_assert_ptr_eq(kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	ck_assert_ptr_eq(kzalloc(runtime(0), GFP_KERNEL), ZERO_SIZE_PTR);
	ck_assert_ptr_eq(kcalloc(runtime(0), 8, GFP_KERNEL), ZERO_SIZE_PTR);
	ck_assert_ptr_eq((void *)16, ZERO_SIZE_PTR);
	ck_assert_uint_eq(ksize(ZERO_SIZE_PTR), 0);
	ck_assert_uint_eq(ksize(NULL), 0);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	kfree_sensitive(ZERO_SIZE_PTR);
	kfree_sensitive(NULL);
	assert_all_valid();
}
END_TEST

/*
 * The alignment rule: a power of two is aligned to itself; any other size to
 * the largest power of two that divides its bucket, at least 8.
 */
static void check_size(size_t size)
{
	size_t bucket = kmalloc_size_roundup(size), align;
	unsigned char *p = kmalloc(size, GFP_KERNEL);

	ck_assert_ptr_nonnull(p);
	/* Blocks of pages end where they were asked to under a checker. */
	if (!memcheck_active() || size <= KMALLOC_MAX_CACHE_SIZE)
		ck_assert_msg(ksize(p) == bucket, "size %zu: ksize %zu, not %zu",
			      size, ksize(p), bucket);
	ck_assert_uint_ge(bucket, size);
	align = largest_power_of_two_in(size);
	if (align != size)
		align = largest_power_of_two_in(bucket);
	if (align > PAGE_SIZE && size > KMALLOC_MAX_CACHE_SIZE && align != size)
		align = PAGE_SIZE;
	if (align < ARCH_KMALLOC_MINALIGN)
		align = ARCH_KMALLOC_MINALIGN;
	ck_assert_msg(((unsigned long)p & (align - 1)) == 0,
		      "size %zu: %p is not aligned to %zu", size, (void *)p,
		      align);
	fill(p, size, size);
	ck_assert(holds(p, size, size));
	kfree(p);
}

static void check_every_size(void)
{
	size_t size, step = memcheck_active() ? 7 : 1, i;

	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size += step)
		check_size(size);
	for (i = 3; i <= 13; i++)
		check_size(1UL << i);
	for (i = 0; i < ARRAY_SIZE(large_sizes); i++)
		check_size(large_sizes[i]);
	assert_all_valid();
}

START_TEST(kmalloc_every_size_is_aligned_and_whole)
{
	check_every_size();
}
END_TEST

/* Two live at a time: no bucket is shared. */
START_TEST(kmalloc_neighbours_do_not_overlap)
{
	size_t size;

	for (size = 1; size <= 8192; size += 1 + size / 16) {
		unsigned char *p[16];
		unsigned int i;

		for (i = 0; i < 16; i++) {
			p[i] = kmalloc(size, GFP_KERNEL);
			fill(p[i], size, i);
		}
		for (i = 0; i < 16; i++) {
			ck_assert(holds(p[i], size, i));
			kfree(p[i]);
		}
	}
	assert_all_valid();
}
END_TEST

/* The whole bucket may be used by whoever asked for its size. */
START_TEST(kmalloc_roundup_is_a_fixed_point)
{
	size_t size;

	for (size = 1; size <= KMALLOC_MAX_SIZE; size += 1 + size / 50) {
		size_t bucket = kmalloc_size_roundup(size);

		ck_assert_uint_ge(bucket, size);
		ck_assert_uint_eq(kmalloc_size_roundup(bucket), bucket);
	}
	ck_assert_uint_eq(kmalloc_size_roundup(0), 0);
	ck_assert_uint_eq(kmalloc_size_roundup(KMALLOC_MAX_SIZE),
			  KMALLOC_MAX_SIZE);
	ck_assert_uint_eq(kmalloc_size_roundup(KMALLOC_MAX_SIZE + 1),
			  KMALLOC_MAX_SIZE + 1);
	ck_assert_uint_eq(kmalloc_size_roundup(SIZE_MAX), SIZE_MAX);
}
END_TEST

/* The table --------------------------------------------------------------- */

static const unsigned int row_sizes[] = {
#define ROW_SIZE(size) size,
	KMALLOC_ROW_SIZES(ROW_SIZE)
#undef ROW_SIZE
};

/* The smallest size but 8, whose alignment is too little. */
START_TEST(kmalloc_row_index_every_size_is_smallest_fit)
{
	unsigned int row = 1;
	size_t size;

	ck_assert_uint_eq(ARRAY_SIZE(row_sizes), KMALLOC_ROW_LENGTH);
	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		while (row_sizes[row] < size)
			row++;
		ck_assert_msg(kmalloc_row_index(size) == row,
			      "size %zu: row %u, not %u", size,
			      kmalloc_row_index(size), row);
		ck_assert_uint_eq(row_sizes[row] % 16, 0);
	}
	ck_assert_uint_eq(row, KMALLOC_ROW_LENGTH - 1);
}
END_TEST

/* The ladder that is in use gives the smallest bucket of that ladder. */
/* Each row has a slot; those of the kernel's ladder, which boot makes, are the
 * first ones, so that they are few pages. */
START_TEST(kmalloc_row_kernel_ladder_lies_together)
{
	bool taken[KMALLOC_ROW_LENGTH] = { false };
	unsigned int row, nr = 0;
	long slot;

	for (row = 0; row < KMALLOC_ROW_LENGTH; row++) {
		slot = kmalloc_row_cache(KMALLOC_NORMAL, row) - kmalloc_row[0];
		ck_assert_int_ge(slot, 0);
		ck_assert_int_lt(slot, KMALLOC_ROW_LENGTH);
		ck_assert(!taken[slot]);
		taken[slot] = true;
		if (is_power_of_2(row_sizes[row]) || row_sizes[row] == 96 ||
		    row_sizes[row] == 192)
			ck_assert_int_eq(slot, nr++);
	}
	ck_assert_uint_eq(nr, 13);
}
END_TEST

START_TEST(kmalloc_slab_every_size_is_smallest_fit)
{
	size_t size;
	unsigned int row, type;

	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		for (row = 0; row < KMALLOC_ROW_LENGTH; row++)
			if (row_sizes[row] >= size &&
			    kmalloc_row_cache(0, row)->refcount)
				break;
		for (type = 0; type < NR_KMALLOC_TYPES; type++) {
			gfp_t gfp = type == KMALLOC_RECLAIM ?
					    __GFP_RECLAIMABLE : 0;
			struct kmem_cache *s = kmalloc_slab(size, gfp);

			ck_assert_ptr_eq(s, kmalloc_row_cache(type, row));
			ck_assert_uint_eq(s->object_size, row_sizes[row]);
		}
	}
}
END_TEST

/* R1: what the ladder leaves out is nobody's. */
START_TEST(kmalloc_row_entry_is_cache_of_its_size)
{
	unsigned int type, row;

	/* The row of reclaimable caches is made when it is first needed. */
	ck_assert_ptr_eq(kmalloc_slab(8, __GFP_RECLAIMABLE),
			 kmalloc_row_cache(KMALLOC_RECLAIM, 0));
	for (type = 0; type < NR_KMALLOC_TYPES; type++)
		for (row = 0; row < KMALLOC_ROW_LENGTH; row++) {
			struct kmem_cache *s = kmalloc_row_cache(type, row);

			ck_assert_uint_eq(s->object_size,
					  s->refcount ? row_sizes[row] : 0);
		}
}
END_TEST

/* Sizes known to the compiler pick their cache there; by the kernel's ladder,
 * so with the fine one they may get more than they must. */
#define CHECK_CONSTANT(size)						\
	do {								\
		void *constant = kmalloc(size, GFP_KERNEL);		\
		void *variable = kmalloc(runtime(size), GFP_KERNEL);	\
									\
		ck_assert_uint_ge(ksize(constant), ksize(variable));	\
		if (kmm_params.kmalloc_ladder == LADDER_KERNEL)		\
			ck_assert_uint_eq(ksize(constant),		\
					  ksize(variable));		\
		fill(constant, size, 1);				\
		ck_assert(holds(constant, size, 1));			\
		kfree(constant);					\
		kfree(variable);					\
	} while (0)

START_TEST(kmalloc_constant_size_equals_runtime_size)
{
	CHECK_CONSTANT(1);
	CHECK_CONSTANT(8);
	CHECK_CONSTANT(9);
	CHECK_CONSTANT(17);
	CHECK_CONSTANT(64);
	CHECK_CONSTANT(65);
	CHECK_CONSTANT(96);
	CHECK_CONSTANT(97);
	CHECK_CONSTANT(128);
	CHECK_CONSTANT(129);
	CHECK_CONSTANT(192);
	CHECK_CONSTANT(193);
	CHECK_CONSTANT(1000);
	CHECK_CONSTANT(4097);
	CHECK_CONSTANT(8192);
	CHECK_CONSTANT(8193);
	CHECK_CONSTANT(100000);
}
END_TEST

/* kmalloc_index() is that ladder's definition, too. */
START_TEST(kmalloc_index_every_size_is_smallest_fit)
{
	static const unsigned int bytes[] = {
		0, 96, 192, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192,
	};
	unsigned int i, best;
	size_t size;

	for (size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		best = KMALLOC_SHIFT_HIGH;
		for (i = 1; i < ARRAY_SIZE(bytes); i++)
			if (bytes[i] >= size && bytes[i] < bytes[best])
				best = i;
		ck_assert_uint_eq(kmalloc_index(size), best);
		ck_assert_uint_eq(kmalloc_caches[0][best]->object_size,
				  bytes[best]);
	}
}
END_TEST

/* Large sizes ------------------------------------------------------------- */

START_TEST(kmalloc_too_large_is_null)
{
	static const size_t sizes[] = {
		0, 1, 4096, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096,
		SIZE_MAX - 1, SIZE_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];

		if (size <= 4096)
			size += KMALLOC_MAX_SIZE + 1;
		ck_assert_ptr_null(kmalloc(runtime(size),
					   GFP_KERNEL | __GFP_NOWARN));
		ck_assert_ptr_null(krealloc(NULL, runtime(size),
					    GFP_KERNEL | __GFP_NOWARN));
	}
	assert_all_valid();
}
END_TEST

TEST_SCENARIO(kmalloc_of_too_much)
{
	ck_assert_ptr_null(kmalloc(runtime(KMALLOC_MAX_SIZE + 1), GFP_KERNEL));
	ck_assert_ptr_null(kmalloc(runtime(SIZE_MAX), GFP_KERNEL));
}

START_TEST(kmalloc_too_large_warns_once)
{
	const char *text;
	int status = test_run_scenario("kmalloc_of_too_much", NULL, &text);

	ck_assert_int_eq(status, 0);
	ck_assert_ptr_eq(strstr(text, "WARNING: kmalloc of "), text);
	ck_assert_uint_eq(count_lines(text), 1);
}
END_TEST

/* On the kernel's ladder ksize() may be relied on to be a power of two; on the
 * fine one a block has the pages it needs. */
START_TEST(kmalloc_large_has_pages_of_its_ladder)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(large_sizes); i++) {
		size_t size = large_sizes[i];

		if (kmm_params.kmalloc_ladder == LADDER_KERNEL)
			ck_assert_uint_eq(kmalloc_size_roundup(size),
					  PAGE_SIZE << get_order(size));
		else
			ck_assert_uint_eq(kmalloc_size_roundup(size),
					  PAGE_ALIGN(size));
	}
}
END_TEST

START_TEST(kmalloc_large_pages_know_their_head)
{
	struct page *head, *plain;
	size_t i, nr;
	char *p;

	for (i = 0; i < ARRAY_SIZE(large_sizes); i++) {
		p = kmalloc(runtime(large_sizes[i]), GFP_KERNEL);
		head = virt_to_page(p);
		ck_assert_uint_eq(page_size(head), ksize(p));
		ck_assert_uint_eq(compound_order(head),
				  ilog2(compound_nr(head)));
		for (nr = compound_nr(head); nr-- > 0;) {
			ck_assert_ptr_eq(compound_head(head + nr), head);
			ck_assert_ptr_eq(virt_to_head_page(p + nr * PAGE_SIZE + 9),
					 head);
		}
		kfree(p);
		ck_assert_uint_eq(page_size(head), PAGE_SIZE);
	}
	/* Nobody else's pages have got a head by that. */
	plain = alloc_pages(GFP_KERNEL, 5);
	for (nr = 0; nr < 32; nr++)
		ck_assert_ptr_eq(compound_head(plain + nr), plain + nr);
	__free_pages(plain, 5);
}
END_TEST

/* For memory checkers: what is known of one block closes nothing of the blocks
 * beside it, which it touches. */
START_TEST(kmalloc_large_neighbours_stay_open)
{
	size_t size = 4 * PAGE_SIZE;
	char *p[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = kmalloc(size, GFP_KERNEL);
		fill(p[i], size, i);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		ck_assert(holds(p[i], size, i));
	for (i = 0; i < ARRAY_SIZE(p); i += 2)
		kfree(p[i]);
	for (i = 1; i < ARRAY_SIZE(p); i += 2) {
		ck_assert(holds(p[i], size, i));
		kfree(p[i]);
	}
}
END_TEST

/*
 * Beyond the largest order a block lies in pages that were in use, if there are
 * as many in a row; what must be cleared, and what is aligned, never does.
 */
TEST_SCENARIO(large_in_used_pages)
{
	size_t size = 6UL << 20, nr = 16, i;
	struct page *used[16];
	unsigned char *p, *q;

	p = kmalloc_large(size, 16, GFP_KERNEL, NULL);
	ck_assert(is_vmalloc_addr(p));
	for (i = 0; i < nr; i++) {
		used[i] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		ck_assert_ptr_nonnull(used[i]);
	}
	for (i = 0; i < nr; i++)
		__free_pages(used[i], MAX_PAGE_ORDER);
	drain_all_pages();
	q = kmalloc_large(size + 5, 16, GFP_KERNEL, NULL);
	ck_assert_ptr_nonnull(q);
	ck_assert(!is_vmalloc_addr(q));
	ck_assert_uint_eq(kmalloc_usable(q), PAGE_ALIGN(size + 5));
	ck_assert_ptr_eq(virt_to_head_page(q + size), virt_to_page(q));
	fill(q, size + 5, 3);
	/* It shrinks where it is, and grows into a mapping. */
	ck_assert(kmalloc_large_resize(q, size));
	ck_assert_uint_eq(kmalloc_usable(q), size);
	ck_assert(!kmalloc_large_resize(q, size + PAGE_SIZE));
	ck_assert(holds(q, size, 3));
	kfree(p);
	kfree(q);
	p = kmalloc_large(size, 16, GFP_KERNEL | __GFP_ZERO, NULL);
	q = kmalloc_large(size, 2 * PAGE_SIZE, GFP_KERNEL, NULL);
	ck_assert(is_vmalloc_addr(p));
	ck_assert(is_vmalloc_addr(q));
	kfree(p);
	kfree(q);
	ck_assert_ptr_null(kmalloc_large(SIZE_MAX / 2, 16, GFP_KERNEL, NULL));
	ck_assert_uint_eq(page_alloc_validate(), 0);
}

START_TEST(kmalloc_large_lies_in_used_pages)
{
	/* Under a memory checker each has a guard page. */
	if (!memcheck_active())
		test_scenario_passes("large_in_used_pages",
				     "page_shift=12 thp=never page_reporting=0");
}
END_TEST

/* malloc's large blocks: any alignment, and vmalloc where pages end. */
START_TEST(kmalloc_large_alignments_work)
{
	static const size_t sizes[] = { 0, 1, 9000, 70000, 5000000 };
	size_t align, i;

	for (align = 8; align <= 16UL << 20; align *= 8)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			unsigned char *p = kmalloc_large(sizes[i], align,
							 __GFP_ZERO | GFP_KERNEL,
							 NULL);

			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((unsigned long)p & (align - 1), 0);
			ck_assert_uint_ge(kmalloc_usable(p), sizes[i]);
			/* Large ones of vmalloc are the caller's to open. */
			if (!memcheck_active()) {
				ck_assert(all_bytes(p, sizes[i], 0));
				fill(p, sizes[i], i);
				ck_assert(holds(p, sizes[i], i));
			}
			kfree(p);
		}
	assert_all_valid();
	ck_assert_uint_eq(vmalloc_validate(), 0);
}
END_TEST

/* Contents ---------------------------------------------------------------- */

START_TEST(kmalloc_zeroed_memory_is_zero)
{
	size_t size;

	for (size = 1; size <= 300000; size += 1 + size / 3) {
		unsigned char *p = kmalloc(size, GFP_KERNEL);

		memset(p, 0xff, size);
		kfree(p);
		p = kzalloc(size, GFP_KERNEL);
		ck_assert(all_bytes(p, size, 0));
		memset(p, 0xff, size);
		kfree(p);
		p = kcalloc(1, size, GFP_KERNEL);
		ck_assert(all_bytes(p, size, 0));
		kfree(p);
	}
}
END_TEST

START_TEST(kmalloc_array_forms_refuse_overflow)
{
	size_t half = runtime(SIZE_MAX / 2), root = runtime(1UL << 32);
	void *p = kmalloc(100, GFP_KERNEL);

	ck_assert_ptr_null(kmalloc_array(half, 3, GFP_KERNEL));
	ck_assert_ptr_null(kmalloc_array(3, half, GFP_KERNEL));
	ck_assert_ptr_null(kcalloc(root, root, GFP_KERNEL));
	ck_assert_ptr_null(kcalloc(runtime(SIZE_MAX), 2, GFP_KERNEL));
	ck_assert_ptr_null(krealloc_array(p, half, 3, GFP_KERNEL));
	ck_assert_ptr_null(kmalloc_array_node(half, 3,
					      GFP_KERNEL | __GFP_NOWARN, 0));
	kfree(p);
	p = kmalloc_array(10, 10, GFP_KERNEL);
	fill(p, 100, 1);
	p = krealloc_array(p, 20, 10, GFP_KERNEL);
	ck_assert(holds(p, 100, 1));
	kfree(p);
	p = kcalloc_node(10, 10, GFP_KERNEL, 0);
	ck_assert(all_bytes(p, 100, 0));
	kfree(p);
}
END_TEST

START_TEST(kmalloc_node_forms_work)
{
	void *p = kmalloc_node(100, GFP_KERNEL, 0);

	fill(p, 100, 1);
	kfree(p);
	p = kzalloc_node(100, GFP_KERNEL, NUMA_NO_NODE);
	ck_assert(all_bytes(p, 100, 0));
	kfree(p);
	p = kmalloc_track_caller(100, GFP_KERNEL);
	fill(p, 100, 1);
	kfree(p);
}
END_TEST

/* The bytes that kmalloc() may not show anybody again. */
START_TEST(kfree_sensitive_clears_whole_bucket)
{
	static const size_t sizes[] = { 1, 100, 5000, 100000 };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char *p = kmalloc(sizes[i], GFP_KERNEL);
		size_t bucket = ksize(p);

		memcheck_unpoison(p, bucket);
		memset(p, 0x77, bucket);
		kfree_sensitive(p);
		memcheck_unpoison(p, bucket);
		/* The allocator's own words may be in it by now. */
		for (k = 0; k < bucket; k++)
			ck_assert_uint_ne(p[k] == 0x77 && p[k ? k - 1 : 1] == 0x77,
					  1);
		memcheck_poison(p, bucket);
	}
}
END_TEST

/* krealloc ---------------------------------------------------------------- */

START_TEST(krealloc_edges)
{
	unsigned char *p = krealloc(NULL, 100, GFP_KERNEL);

	ck_assert_ptr_nonnull(p);
	fill(p, 100, 1);
	ck_assert_ptr_eq(krealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	p = krealloc(ZERO_SIZE_PTR, 100, GFP_KERNEL);
	ck_assert_ptr_nonnull(p);
	fill(p, 100, 2);
	/* Failure leaves the old block. */
	ck_assert_ptr_null(krealloc(p, runtime(SIZE_MAX),
				    GFP_KERNEL | __GFP_NOWARN));
	ck_assert(holds(p, 100, 2));
	ck_assert_ptr_eq(krealloc(NULL, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	kfree(p);
	assert_all_valid();
}
END_TEST

/* A memory checker wants to see every change of size, so there blocks move. */
START_TEST(krealloc_within_bucket_stays)
{
	unsigned char *p = kmalloc(65, GFP_KERNEL), *q;

	fill(p, 65, 1);
	q = krealloc(p, ksize(p), GFP_KERNEL);
	ck_assert(holds(q, 65, 1));
	if (!memcheck_active())
		ck_assert_ptr_eq(q, p);
	p = krealloc(q, 1, GFP_KERNEL);
	ck_assert(holds(p, 1, 1));
	if (!memcheck_active())
		ck_assert_ptr_eq(q, p);
	kfree(p);
}
END_TEST

START_TEST(krealloc_keeps_contents)
{
	size_t size = 1, next;
	unsigned char *p = kmalloc(1, GFP_KERNEL);
	unsigned int step;

	fill(p, 1, 5);
	for (step = 0; step < 300; step++) {
		next = 1 + test_random() % (step % 10 ? 5000 : 200000);
		p = krealloc(p, next, GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		ck_assert(holds(p, size < next ? size : next, 5));
		fill(p, next, 5);
		size = next;
	}
	kfree(p);
	assert_all_valid();
}
END_TEST

/* If every call for a block has __GFP_ZERO, what it grew by is zero, whatever
 * was there before it shrank. */
START_TEST(krealloc_zero_clears_growth)
{
	static const size_t sizes[] = {
		64, 30, 64, 20, 100, 4000, 100, 4000, 20000, 9000, 20000,
	};
	unsigned char *p = NULL;
	size_t size = 0, i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = krealloc(p, sizes[i], GFP_KERNEL | __GFP_ZERO);
		ck_assert_ptr_nonnull(p);
		if (sizes[i] > size)
			ck_assert(all_bytes(p + size, sizes[i] - size, 0));
		memset(p, 0xff, sizes[i]);
		size = sizes[i];
	}
	kfree(p);
}
END_TEST

/* Scopes ------------------------------------------------------------------ */

static void *give_up_or_return(bool give_up)
{
	/* A size of both ladders. */
	void *p __free(kfree) = kmalloc(4096, GFP_KERNEL);

	if (give_up)
		return NULL;
	return_ptr(p);
}

START_TEST(kfree_cleanup_frees_at_end_of_scope)
{
	struct kmem_cache *s = kmalloc_slab(4096, 0);
	unsigned long live = s->node.nr_inuse - sheaf_count_objects(s);
	void *p;

	ck_assert_ptr_null(give_up_or_return(true));
	ck_assert_uint_eq(s->node.nr_inuse - sheaf_count_objects(s), live);
	p = give_up_or_return(false);
	ck_assert_uint_eq(s->node.nr_inuse - sheaf_count_objects(s), live + 1);
	kfree(p);
	{
		void *error __free(kfree) = ERR_PTR(-12);
		void *none __free(kfree) = NULL;

		ck_assert(IS_ERR(error) && !none);
	}
}
END_TEST

/* The other ladder -------------------------------------------------------- */

TEST_SCENARIO(kmalloc_sizes)
{
	check_every_size();
}

START_TEST(kmalloc_other_ladder_works)
{
	test_scenario_passes("kmalloc_sizes", "kmalloc_ladder=fine");
	test_scenario_passes("kmalloc_sizes", "kmalloc_ladder=kernel");
}
END_TEST

Suite *suite_kmalloc(void)
{
	Suite *suite = suite_create("kmalloc");
	TCase *tc = tcase_create("sizes");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, kmalloc_zero_size_is_special);
	tcase_add_test(tc, kmalloc_every_size_is_aligned_and_whole);
	tcase_add_test(tc, kmalloc_neighbours_do_not_overlap);
	tcase_add_test(tc, kmalloc_roundup_is_a_fixed_point);
	tcase_add_test(tc, kmalloc_row_index_every_size_is_smallest_fit);
	tcase_add_test(tc, kmalloc_row_kernel_ladder_lies_together);
	tcase_add_test(tc, kmalloc_slab_every_size_is_smallest_fit);
	tcase_add_test(tc, kmalloc_row_entry_is_cache_of_its_size);
	tcase_add_test(tc, kmalloc_constant_size_equals_runtime_size);
	tcase_add_test(tc, kmalloc_index_every_size_is_smallest_fit);
	tcase_add_test(tc, kmalloc_too_large_is_null);
	tcase_add_test(tc, kmalloc_too_large_warns_once);
	tcase_add_test(tc, kmalloc_large_has_pages_of_its_ladder);
	tcase_add_test(tc, kmalloc_large_pages_know_their_head);
	tcase_add_test(tc, kmalloc_large_neighbours_stay_open);
	tcase_add_test(tc, kmalloc_large_lies_in_used_pages);
	tcase_add_test(tc, kmalloc_large_alignments_work);
	tcase_add_test(tc, kmalloc_other_ladder_works);
	suite_add_tcase(suite, tc);

	tc = tcase_create("contents");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, kmalloc_zeroed_memory_is_zero);
	tcase_add_test(tc, kmalloc_array_forms_refuse_overflow);
	tcase_add_test(tc, kmalloc_node_forms_work);
	tcase_add_test(tc, kfree_sensitive_clears_whole_bucket);
	tcase_add_test(tc, krealloc_edges);
	tcase_add_test(tc, krealloc_within_bucket_stays);
	tcase_add_test(tc, krealloc_keeps_contents);
	tcase_add_test(tc, krealloc_zero_clears_growth);
	tcase_add_test(tc, kfree_cleanup_frees_at_end_of_scope);
	suite_add_tcase(suite, tc);
	return suite;
}
