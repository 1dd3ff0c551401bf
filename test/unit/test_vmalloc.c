// SPDX-License-Identifier: MIT
/*
 * Tests of mm/vmalloc.c: what a caller gets, and what happens when the host says
 * no.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "gate.h"
#include "host.h"
#include "internal.h"
#include "memcheck.h"
#include "unit.h"
#include "vmalloc_test.h"

/* vmalloc and vfree ------------------------------------------------------- */

START_TEST(vmalloc_block_is_aligned_and_known)
{
	unsigned long areas = count_areas();
	size_t bytes = count_bytes();
	unsigned char *p = vmalloc(3 * PAGE_SIZE + 1);
	unsigned long start;
	size_t size;

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq((unsigned long)p & ~PAGE_MASK, 0);
	fill(p, 0, 3 * PAGE_SIZE + 1, 1);
	check(p, 3 * PAGE_SIZE + 1, 1);
	ck_assert_uint_eq(count_areas(), areas + 1);
	ck_assert_uint_eq(count_bytes(), bytes + 4 * PAGE_SIZE);
	ck_assert_uint_eq(mapped_size(p), 4 * PAGE_SIZE);
	ck_assert_uint_eq(mapped_size(p + 1), 0);

	ck_assert(is_vmalloc_addr(p));
	ck_assert(is_vmalloc_addr(p + 4 * PAGE_SIZE - 1));
	ck_assert(!is_vmalloc_addr(p - 1));
	ck_assert(!is_vmalloc_addr(p + 4 * PAGE_SIZE));
	ck_assert(!is_vmalloc_addr(&start));
	ck_assert(!is_vmalloc_addr(NULL));
	ck_assert(vmalloc_find(p + 5000, &start, &size));
	ck_assert_uint_eq(start, (unsigned long)p);
	ck_assert_uint_eq(size, 4 * PAGE_SIZE);

	assert_valid();
	vfree(p);
	ck_assert(!is_vmalloc_addr(p));
	ck_assert_uint_eq(count_areas(), areas);
	ck_assert_uint_eq(count_bytes(), bytes);
	assert_valid();
}
END_TEST

START_TEST(vmalloc_size_zero_warns_once)
{
	const char *text;

	test_capture_begin(2);
	ck_assert_ptr_null(vmalloc(0));
	ck_assert_ptr_null(vzalloc(0));
	ck_assert_ptr_null(vcalloc(0, 8));
	text = test_capture_end();
	ck_assert_ptr_eq(strstr(text, "WARNING: "), text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

START_TEST(vmalloc_impossible_size_is_null)
{
	static const size_t sizes[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4095, SIZE_MAX - 65535,
		SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX / 4,
	};
	unsigned long areas = count_areas();
	const char *text;

	test_capture_begin(2);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		ck_assert_ptr_null(__vmalloc(sizes[i],
					     GFP_KERNEL | __GFP_NOWARN));
		ck_assert_ptr_null(vrealloc(NULL, sizes[i],
					    GFP_KERNEL | __GFP_NOWARN));
	}
	ck_assert_str_eq(test_capture_end(), "");

	test_capture_begin(2);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_ptr_null(vmalloc(sizes[i]));
	text = test_capture_end();
	ck_assert_ptr_eq(strstr(text, "WARNING: vmalloc error"), text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_uint_eq(count_areas(), areas);
}
END_TEST

START_TEST(vmalloc_array_overflow_is_null)
{
	/* The compiler would notice, if it could see the number. */
	volatile size_t half = SIZE_MAX / 2;

	ck_assert_ptr_null(vmalloc_array(half, 3));
	ck_assert_ptr_null(vcalloc(3, half));
}
END_TEST

START_TEST(vmalloc_array_forms_work)
{
	unsigned char *p = vmalloc_array(3, 5000);
	unsigned char *z = vcalloc(5000, 3);
	unsigned char *v = vzalloc(10000);
	unsigned char *n = vmalloc_node(1, 0);

	ck_assert(p && z && v && n);
	ck_assert(all_zero(z, 0, 15000));
	ck_assert(all_zero(v, 0, 10000));
	vfree(p);
	vfree(z);
	vfree(v);
	vfree(n);
}
END_TEST

START_TEST(vmalloc_nonblocking_is_null)
{
	ck_assert_ptr_null(__vmalloc(PAGE_SIZE, GFP_ATOMIC));
	ck_assert_ptr_null(__vmalloc(PAGE_SIZE, GFP_NOWAIT));
	ck_assert_ptr_null(__vmalloc(PAGE_SIZE, GFP_NOWAIT | __GFP_NOFAIL));
}
END_TEST

START_TEST(vfree_null_is_ignored)
{
	vfree(NULL);
	assert_valid();
}
END_TEST

/* _i is log2 of the alignment. */
START_TEST(vmalloc_aligned_is_aligned_and_trimmed)
{
	size_t align = 1UL << _i, size = 3 * PAGE_SIZE;
	unsigned long before = mapped_pages();
	bool zeroed = false;
	unsigned char *p;

	gate_enter();
	p = vmalloc_aligned(size - 1, align, &zeroed);
	gate_exit();
	ck_assert_ptr_nonnull(p);
	ck_assert(zeroed);
	ck_assert(all_zero(p, 0, size));
	ck_assert_uint_eq((unsigned long)p & (align - 1), 0);
	ck_assert_uint_eq(mapped_size(p), size);
	/* The block, its guard, and what the core needs for the descriptor. */
	if (!memcheck_active() && align > 64 * MIB)
		ck_assert_uint_lt(mapped_pages() - before, align / PAGE_SIZE);
	fill(p, 0, size, 3);
	check(p, size, 3);
	assert_valid();

	gate_enter();
	ck_assert(!vmalloc_free(p + PAGE_SIZE));
	ck_assert(vmalloc_free(p));
	ck_assert(!vmalloc_free(p));
	gate_exit();
	assert_valid();
}
END_TEST

/* vrealloc ---------------------------------------------------------------- */

START_TEST(vrealloc_null_allocates)
{
	unsigned char *p = vrealloc(NULL, 5000, GFP_KERNEL | __GFP_ZERO);

	ck_assert_ptr_nonnull(p);
	ck_assert(all_zero(p, 0, 5000));
	vfree(p);
}
END_TEST

START_TEST(vrealloc_zero_frees)
{
	unsigned long areas = count_areas();
	void *p = vmalloc(5000);

	ck_assert_ptr_null(vrealloc(p, 0, GFP_KERNEL));
	ck_assert_uint_eq(count_areas(), areas);
	ck_assert_ptr_null(vrealloc(NULL, 0, GFP_KERNEL));
}
END_TEST

/* size:	1 page	2	4	...	16 MiB	...	1 page */
START_TEST(vrealloc_keeps_contents_up_and_down)
{
	size_t size = PAGE_SIZE;
	unsigned char *p = vmalloc(size);

	ck_assert_ptr_nonnull(p);
	fill(p, 0, size, 5);
	while (size < 16 * MIB) {
		p = vrealloc(p, size * 2, GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		check(p, size, 5);
		fill(p, size, size * 2, 5);
		size *= 2;
		ck_assert_uint_eq(mapped_size(p), size);
		assert_valid();
	}
	while (size > PAGE_SIZE) {
		size /= 2;
		p = vrealloc(p, size, GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		check(p, size, 5);
		ck_assert_uint_eq(mapped_size(p), size);
		assert_valid();
	}
	vfree(p);
}
END_TEST

/*
 * | 16 pages                        | G |
 * | 2 pages | G |  not mapped           |
 */
START_TEST(vrealloc_shrink_gives_tail_back)
{
	unsigned char *p;

	/* Under a memory checker, blocks are copied instead. */
	if (memcheck_active())
		return;
	p = vmalloc(16 * PAGE_SIZE);
	fill(p, 0, 16 * PAGE_SIZE, 6);
	ck_assert_ptr_eq(vrealloc(p, 2 * PAGE_SIZE, GFP_KERNEL), p);
	check(p, 2 * PAGE_SIZE, 6);
	ck_assert(page_is_mapped(p + 2 * PAGE_SIZE));
	for (size_t page = 3; page < 17; page++)
		ck_assert(!page_is_mapped(p + page * PAGE_SIZE));
	vfree(p);
}
END_TEST

/* Contents of the page that was the guard, or was given up, never come back. */
START_TEST(vrealloc_gfp_zero_clears_what_is_new)
{
	static const unsigned short pages[] = { 1, 5, 2, 3, 1, 9, 8, 2, 7 };
	size_t old_size = 0;
	unsigned char *p = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		size_t size = pages[i] * PAGE_SIZE - 100 * i;

		p = vrealloc(p, size, GFP_KERNEL | __GFP_ZERO);
		ck_assert_ptr_nonnull(p);
		ck_assert(all_zero(p, old_size, size));
		memset(p, 0xff, size);
		old_size = size;
	}
	vfree(p);
}
END_TEST

START_TEST(vrealloc_nonblocking_never_grows)
{
	unsigned char *p = vmalloc(2 * PAGE_SIZE);

	fill(p, 0, 2 * PAGE_SIZE, 8);
	ck_assert_ptr_null(vrealloc(p, 2 * PAGE_SIZE + 1, GFP_ATOMIC));
	ck_assert_ptr_eq(vrealloc(p, PAGE_SIZE, GFP_ATOMIC), p);
	check(p, PAGE_SIZE, 8);
	vfree(p);
}
END_TEST

START_TEST(vrealloc_impossible_size_keeps_block)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 };
	unsigned char *p = vmalloc(3 * PAGE_SIZE);

	fill(p, 0, 3 * PAGE_SIZE, 9);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_ptr_null(vrealloc(p, sizes[i],
					    GFP_KERNEL | __GFP_NOWARN));
	check(p, 3 * PAGE_SIZE, 9);
	ck_assert_uint_eq(mapped_size(p), 3 * PAGE_SIZE);
	assert_valid();
	vfree(p);
}
END_TEST

START_TEST(vmalloc_resize_unknown_is_null)
{
	unsigned char *p = vmalloc(3 * PAGE_SIZE);

	gate_enter();
	ck_assert_ptr_null(vmalloc_resize(p + PAGE_SIZE, PAGE_SIZE, true));
	ck_assert_ptr_null(vmalloc_resize(&p, PAGE_SIZE, true));
	ck_assert_ptr_null(vmalloc_resize(p, 0, true));
	gate_exit();
	vfree(p);
}
END_TEST

#ifdef __SANITIZE_THREAD__
#define THREAD_SANITIZER true
#else
#define THREAD_SANITIZER false
#endif

/*
 * Growing by a page each time moves now and then, but mostly grows into the
 * hole that the last move left. How often depends on what else is mapped.
 */
START_TEST(vmalloc_resize_small_steps_move_rarely)
{
	size_t size = 64 * PAGE_SIZE;
	unsigned int moves = 0;
	unsigned char *p, *to;

	/* Neither a memory checker nor mremap() with pages larger than the
	 * host's sees the block where it ought to be; and ThreadSanitizer maps
	 * memory of its own into the hole, or not, as it happens. */
	if (memcheck_active() || THREAD_SANITIZER ||
	    PAGE_SHIFT != host.page_shift)
		return;
	p = vmalloc(size);
	for (int i = 0; i < 1000; i++) {
		size += PAGE_SIZE;
		gate_enter();
		to = vmalloc_resize(p, size, true);
		gate_exit();
		ck_assert_ptr_nonnull(to);
		moves += to != p;
		p = to;
	}
	ck_assert_uint_lt(moves, 500);
	vfree(p);
}
END_TEST

/* The guard and wrong pointers -------------------------------------------- */

static unsigned char *victim;
static size_t victim_size;

static void write_past_end(void)
{
	/* Sanitizers have a handler of their own. */
	signal(SIGSEGV, SIG_DFL);
	*(volatile unsigned char *)(victim + victim_size) = 1;
}

static void assert_guarded(void)
{
	int status;

	/* The last byte of the block is fine, the next one is death. */
	victim[victim_size - 1] = 1;
	status = test_run_child(write_past_end, NULL);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}

START_TEST(vmalloc_write_past_end_is_fatal)
{
	/* It would report the error that is made here on purpose. */
	if (VALGRIND_RUNS)
		return;
	victim_size = 3 * PAGE_SIZE;
	victim = vmalloc(victim_size);
	assert_guarded();

	victim_size = 100 * PAGE_SIZE;
	victim = vrealloc(victim, victim_size, GFP_KERNEL);
	assert_guarded();

	victim_size = 2 * PAGE_SIZE;
	victim = vrealloc(victim, victim_size, GFP_KERNEL);
	assert_guarded();
	vfree(victim);
}
END_TEST

static void free_inside(void)
{
	vfree(victim + PAGE_SIZE);
}

static void free_twice(void)
{
	vfree(victim);
	vfree(victim);
}

static void resize_inside(void)
{
	victim = vrealloc(victim + PAGE_SIZE, PAGE_SIZE, GFP_KERNEL);
}

START_TEST(vfree_wrong_pointer_is_reported)
{
	void (*const wrong[])(void) = { free_inside, free_twice,
					resize_inside };
	const char *text;
	int status;

	victim = vmalloc(3 * PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		status = test_run_child(wrong[i], &text);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(WTERMSIG(status), SIGABRT);
		ck_assert_ptr_nonnull(strstr(text, "BUG "));
	}
	vfree(victim);
}
END_TEST

static void resize_in_child(void)
{
	unsigned char *p = vrealloc(victim, 4 * MIB, GFP_KERNEL);

	if (!p)
		_exit(1);
	for (size_t off = 0; off < victim_size; off += STEP)
		if (p[off] != content(11, off))
			_exit(2);
	memset(p, 0, 4 * MIB);
	p = vrealloc(p, 1 * MIB, GFP_KERNEL);
	vfree(p);
	if (vmalloc_validate())
		_exit(3);
}

/* A child's mappings come from its parent's, and count as other ones. */
START_TEST(vrealloc_in_forked_child_leaves_parent_alone)
{
	int status;

	victim_size = 1 * MIB;
	victim = vmalloc(victim_size);
	fill(victim, 0, victim_size, 11);
	status = test_run_child(resize_in_child, NULL);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	check(victim, victim_size, 11);
	vfree(victim);
	assert_valid();
}
END_TEST

/* The host says no -------------------------------------------------------- */

/* vrealloc() that may fail: *size and the contents stay true to each other. */
static void try_resize(unsigned char **p, size_t *size, size_t new_size)
{
	unsigned char *to;

	if (!*p)
		return;
	to = vrealloc(*p, new_size, GFP_KERNEL | __GFP_NOWARN);
	if (to) {
		check(to, *size < new_size ? *size : new_size, 12);
		fill(to, *size, new_size, 12);
		*p = to;
		*size = new_size;
	}
	check(*p, *size, 12);
	assert_valid();
}

/* Map, grow, shrink and free; any of it may fail. */
static void scenario(void)
{
	size_t a_size = 3 * PAGE_SIZE, b_size = 1 * MIB;
	unsigned char *a, *b, *c;
	bool zeroed = false;

	a = __vmalloc(a_size, GFP_KERNEL | __GFP_NOWARN);
	if (a)
		fill(a, 0, a_size, 12);
	gate_enter();
	c = vmalloc_aligned(5 * PAGE_SIZE, 64 * PAGE_SIZE, &zeroed);
	gate_exit();
	b = __vmalloc(b_size, GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO);
	if (b) {
		ck_assert(all_zero(b, 0, b_size));
		fill(b, 0, b_size, 12);
	}
	assert_valid();
	try_resize(&a, &a_size, 2 * MIB);
	try_resize(&b, &b_size, 2 * PAGE_SIZE);
	try_resize(&b, &b_size, 64 * PAGE_SIZE);
	try_resize(&a, &a_size, PAGE_SIZE);
	vfree(a);
	vfree(b);
	gate_enter();
	ck_assert(!c || vmalloc_free(c));
	gate_exit();
	assert_valid();
}

START_TEST(vmalloc_host_failing_loses_nothing)
{
	unsigned long areas = count_areas(), nth, calls, pages;
	size_t bytes = count_bytes();

	/* Once for the core to map what it needs, once to see it does not. */
	scenario();
	pages = mapped_pages();
	for (nth = 1;; nth++) {
		host_map_calls = 0;
		host_fail_nth = nth;
		scenario();
		calls = host_map_calls;
		host_fail_nth = 0;
		ck_assert_uint_eq(count_areas(), areas);
		ck_assert_uint_eq(count_bytes(), bytes);
		if (!memcheck_active())
			ck_assert_uint_eq(mapped_pages(), pages);
		if (calls < nth)
			break;
	}
	ck_assert_uint_gt(nth, 10);
	scenario();
	if (!memcheck_active())
		ck_assert_uint_eq(mapped_pages(), pages);
}
END_TEST

static void insist_in_vain(void)
{
	host_fail_nth = 1;
	victim = __vmalloc(64 * MIB, GFP_KERNEL | __GFP_NOFAIL);
}

START_TEST(vmalloc_nofail_never_returns_null)
{
	const char *text;
	int status;

	victim = __vmalloc(PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL);
	ck_assert_ptr_nonnull(victim);
	vfree(victim);
	status = test_run_child(insist_in_vain, &text);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_ptr_nonnull(strstr(text, "BUG vmalloc: __GFP_NOFAIL"));
}
END_TEST

/* Mappings that a process may have; 0 if that is too many to use them up. */
static unsigned long few_mappings(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	unsigned long limit;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	limit = strtoul(text, NULL, 10);
	return limit <= 70000 ? limit : 0;
}

#define NR_UNGUARDED 200UL

/*
 * Each block with its guard takes two mappings. When none is left, the blocks
 * that follow get no guard, so the host joins them into one mapping:
 *
 *	... | block | G | block | G | block   block   block   block ... |
 *
 * Unmapping every second of these would need new mappings: it is refused.
 */
static void exhaust_and_free(unsigned char **block, unsigned long nr)
{
	unsigned long i, first = nr - NR_UNGUARDED;
	unsigned char *again;

	for (i = 0; i < nr; i++) {
		block[i] = vmalloc(PAGE_SIZE);
		ck_assert_ptr_nonnull(block[i]);
		block[i][0] = 0xff;
	}
	assert_valid();
	for (i = first; i < nr; i += 2) {
		vfree(block[i]);
		ck_assert(!is_vmalloc_addr(block[i]));
		block[i] = NULL;
	}
	assert_valid();
	/* Blocks can still be had, and the old contents are gone. */
	for (i = 0; i < 10; i++) {
		again = vzalloc(PAGE_SIZE);
		ck_assert_ptr_nonnull(again);
		ck_assert(all_zero(again, 0, PAGE_SIZE));
		vfree(again);
	}
	assert_valid();
	for (i = nr; i-- > 0;)
		vfree(block[i]);
	assert_valid();
}

START_TEST(vfree_refused_unmap_is_made_up_for)
{
	unsigned long areas = count_areas(), limit = few_mappings(), pages, nr;
	unsigned char **block;

	if (!limit || memcheck_active() || PAGE_SHIFT != host.page_shift)
		return;
	nr = limit / 2 + NR_UNGUARDED;
	block = vmalloc_array(nr, sizeof(*block));
	ck_assert_ptr_nonnull(block);
	exhaust_and_free(block, nr);
	pages = mapped_pages();
	exhaust_and_free(block, nr);
	ck_assert_uint_eq(mapped_pages(), pages);
	vfree(block);
	ck_assert_uint_eq(count_areas(), areas);
}
END_TEST

/* Threads ----------------------------------------------------------------- */

#define NR_THREADS 4

static void *churn(void *arg)
{
	unsigned long tag = (unsigned long)arg, random = tag;
	unsigned char *p = NULL, *to;
	size_t size = 0, new_size, off;

	for (int i = 0; i < 400; i++) {
		random = random * 6364136223846793005UL + 1442695040888963407UL;
		new_size = 1 + (random >> 33) % (64 * KIB);
		to = vrealloc(p, i % 8 == 7 ? 0 : new_size, GFP_KERNEL);
		if (i % 8 == 7)
			new_size = 0;
		for (off = 0; off < size && off < new_size; off += STEP)
			if (to[off] != content(tag, off))
				return "contents";
		if (new_size && (!to || !is_vmalloc_addr(to)))
			return "not known";
		if (new_size)
			fill(to, size < new_size ? size : 0, new_size, tag);
		p = to;
		size = new_size;
		if (vmalloc_validate())
			return "invariant";
	}
	vfree(p);
	return NULL;
}

START_TEST(vmalloc_threads_keep_invariants)
{
	unsigned long areas = count_areas();
	pthread_t thread[NR_THREADS];
	void *complaint;

	for (unsigned long i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, churn,
						(void *)(i + 1)), 0);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i], &complaint);
		ck_assert_ptr_null(complaint);
	}
	ck_assert_uint_eq(count_areas(), areas);
	assert_valid();
}
END_TEST

Suite *suite_vmalloc(void)
{
	Suite *suite = suite_create("vmalloc");
	TCase *tc = tcase_create("vmalloc");

	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_add_test(tc, vmalloc_block_is_aligned_and_known);
	tcase_add_test(tc, vmalloc_size_zero_warns_once);
	tcase_add_test(tc, vmalloc_impossible_size_is_null);
	tcase_add_test(tc, vmalloc_array_overflow_is_null);
	tcase_add_test(tc, vmalloc_array_forms_work);
	tcase_add_test(tc, vmalloc_nonblocking_is_null);
	tcase_add_test(tc, vfree_null_is_ignored);
	tcase_add_loop_test(tc, vmalloc_aligned_is_aligned_and_trimmed, 0, 31);
	suite_add_tcase(suite, tc);

	tc = tcase_create("vrealloc");
	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_add_test(tc, vrealloc_null_allocates);
	tcase_add_test(tc, vrealloc_zero_frees);
	tcase_add_test(tc, vrealloc_keeps_contents_up_and_down);
	tcase_add_test(tc, vrealloc_shrink_gives_tail_back);
	tcase_add_test(tc, vrealloc_gfp_zero_clears_what_is_new);
	tcase_add_test(tc, vrealloc_nonblocking_never_grows);
	tcase_add_test(tc, vrealloc_impossible_size_keeps_block);
	tcase_add_test(tc, vmalloc_resize_unknown_is_null);
	tcase_add_test(tc, vmalloc_resize_small_steps_move_rarely);
	suite_add_tcase(suite, tc);

	tc = tcase_create("fatal");
	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_add_test(tc, vmalloc_write_past_end_is_fatal);
	tcase_add_test(tc, vfree_wrong_pointer_is_reported);
	tcase_add_test(tc, vrealloc_in_forked_child_leaves_parent_alone);
	suite_add_tcase(suite, tc);

	tc = tcase_create("whole");
	tcase_add_checked_fixture(tc, boot, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, vmalloc_host_failing_loses_nothing);
	tcase_add_test(tc, vmalloc_nofail_never_returns_null);
	tcase_add_test(tc, vfree_refused_unmap_is_made_up_for);
	tcase_add_test(tc, vmalloc_threads_keep_invariants);
	suite_add_tcase(suite, tc);
	return suite;
}
