// SPDX-License-Identifier: MIT
/*
 * Tests of mm/kfence.c and its parts: what the library's own entry points do
 * with guarded objects. The malloc shim's are tested by test/preload/kfence.c,
 * and so are signals, which only the shim can share with a program.
 *
 * The pool is made at boot: so the tests run scenarios. Under a memory checker
 * there is none, and they have nothing to do.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "kfence.h"
#include "slab_test.h"

#define guarded(p) is_kfence_address(p)

static noinline char read_byte(volatile char *p)
{
	return *p;
}

static noinline void write_byte(volatile char *p)
{
	*p = 'x';
}

/* Of a report: is the address in its first line, or the first one behind
 * @heading, in @fn? */
static void assert_code_in(const char *text, const char *heading,
			   const void *fn)
{
	const char *at = strstr(text, heading);
	unsigned long addr;

	ck_assert_msg(at != NULL, "no \"%s\" in \"%s\"", heading, text);
	at = strstr(at, " 0x");
	ck_assert_ptr_nonnull(at);
	addr = strtoul(at + 1, NULL, 16);
	ck_assert_msg(addr > (unsigned long)fn && addr < (unsigned long)fn + 200,
		      "%#lx is not in the function at %p: %s", addr, fn, text);
}

static bool have_pool(void)
{
	if (!memcheck_active())
		ck_assert_uint_ne(kfence_pool.size, 0);
	return kfence_pool.size != 0;
}

/* Objects ----------------------------------------------------------------- */

static unsigned int nr_constructed;

static void construct(void *object)
{
	memset(object, 7, 24);
	nr_constructed++;
}

TEST_SCENARIO(kfence_objects)
{
	struct kmem_cache *s;
	char *p, *bulk[4];

	if (!have_pool())
		return;
	s = make_cache("guarded", 40, 0);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert(guarded(p));
	ck_assert_uint_eq(((unsigned long)p + 40) % PAGE_SIZE, 0);
	memset(p, 1, 40);
	kmem_cache_free(s, p);
	p = kmem_cache_zalloc(s, GFP_KERNEL);
	ck_assert(all_bytes(p, 40, 0));
	kfree(p);
	ck_assert_int_eq(kmem_cache_alloc_bulk(s, GFP_KERNEL, 4, (void **)bulk),
			 4);
	ck_assert(guarded(bulk[3]));
	kmem_cache_free_bulk(s, 4, (void **)bulk);
	kmem_cache_destroy(s);

	s = kmem_cache_create("constructed", 24, 0, 0, construct);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert(guarded(p) && all_bytes(p, 24, 7));
	ck_assert_uint_eq(nr_constructed, 1);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);

	/* Whose readers may be late, and who asked for none. */
	s = make_cache("late readers", 40, SLAB_TYPESAFE_BY_RCU);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert(!guarded(p));
	kmem_cache_free(s, p);
	s = make_cache("skipped", 40, SLAB_SKIP_KFENCE);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	ck_assert(!guarded(p));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}

TEST_SCENARIO(kfence_kmalloc)
{
	volatile size_t size = 100;
	char *p, *q;

	if (!have_pool())
		return;
	p = kmalloc(size, GFP_KERNEL);
	ck_assert(guarded(p));
	ck_assert_uint_eq(ksize(p), 100);
	fill(p, 100, 1);
	q = krealloc(p, 50, GFP_KERNEL);
	ck_assert_ptr_ne(q, p);
	ck_assert_uint_eq(ksize(q), 50);
	ck_assert(holds(q, 50, 1));
	ck_assert_uint_eq(ksize(p), 0);
	q = krealloc(q, 20000, GFP_KERNEL);
	ck_assert(guarded(q) && holds(q, 50, 1));
	kfree_sensitive(q);
	p = kvmalloc(size, GFP_KERNEL);
	ck_assert(guarded(p));
	fill(p, 100, 2);
	p = kvrealloc(p, 300, GFP_KERNEL);
	ck_assert(guarded(p) && holds(p, 100, 2));
	kvfree(p);
	p = kvmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
	ck_assert(p && !guarded(p));
	kvfree(p);
	/* Natural alignment is kept, whatever else. */
	for (size = 8; size <= KMALLOC_MAX_SIZE; size *= 2) {
		p = kmalloc(size, GFP_KERNEL);
		ck_assert(guarded(p) && (unsigned long)p % size == 0);
		memset(p, 1, size);
		kfree(p);
	}
}

/* In the child, which has no timer yet, the mains are gone as well. */
static void expect_no_main(struct kmem_cache *s)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(this_slot(s)->main != NULL);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}

/* On the CPU of this thread; the objects stay the cache's. */
TEST_SCENARIO(kfence_samples)
{
	struct kmem_cache *s;
	unsigned int nr = 0;
	void *p;

	if (!have_pool())
		return;
	s = make_cache("sampled", 200, 0);
	while (nr < 20) {
		p = kmem_cache_alloc(s, GFP_KERNEL);
		ck_assert_ptr_nonnull(p);
		memset(p, 1, 200);
		nr += guarded(p);
		kmem_cache_free(s, p);
	}
	/* It need not be by chance that the slow path is taken. */
	if (percpu_rseq_active()) {
		pin_to_cpu(0);
		kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
		expect_no_main(s);
		while (READ_ONCE(this_slot(s)->main))
			sched_yield();
	}
	assert_valid(s);
	kmem_cache_destroy(s);
}

TEST_SCENARIO(kfence_destroy)
{
	struct kmem_cache *s;
	char line[64];
	const char *text;
	void *p, *q;

	if (!have_pool())
		return;
	s = make_cache("live", 40, 0);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	q = kmem_cache_alloc(s, GFP_KERNEL);
	kmem_cache_free(s, q);
	test_capture_begin(2);
	kmem_cache_destroy(s);
	text = test_capture_end();
	snprintf(line, sizeof(line), "Object %p\n", p);
	ck_assert_ptr_nonnull(strstr(text, "BUG live: 1 objects remaining"));
	ck_assert_ptr_nonnull(strstr(text, line));
	ck_assert_uint_eq(count_lines(text), 2);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
	/* What is known of its objects does not name what is gone. */
	test_capture_begin(2);
	kfree(q);
	text = test_capture_end();
	ck_assert_ptr_nonnull(strstr(text, "cache=a destroyed cache\n"));
}

/* Reports ----------------------------------------------------------------- */

static noinline void *alloc_object(struct kmem_cache *s)
{
	void *p = kmem_cache_alloc(s, GFP_KERNEL);

	ck_assert(guarded(p));
	return p;
}

static noinline void free_object(struct kmem_cache *s, void *p)
{
	kmem_cache_free(s, p);
	atomic_signal_fence(memory_order_seq_cst);
}

TEST_SCENARIO(kfence_reports)
{
	struct kmem_cache *s, *other;
	const char *text;
	char *p;

	if (!have_pool())
		return;
	s = make_cache("reported", 48, 0);
	other = make_cache("other", 48, 0);
	p = alloc_object(s);

	test_capture_begin(2);
	read_byte(p + 48);
	text = test_capture_end();
	ck_assert(!strncmp(text, "BUG kfence: out-of-bounds read in 0x", 36));
	ck_assert_ptr_nonnull(strstr(text, " is 1 byte right of kfence-#"));
	ck_assert_ptr_nonnull(strstr(text, ", size=48, cache=reported\n"));
	assert_code_in(text, "BUG kfence", read_byte);
	assert_code_in(text, "accessed by", read_byte);
	assert_code_in(text, "allocated by", alloc_object);
	ck_assert_ptr_null(strstr(text, "freed by"));

	test_capture_begin(2);
	kmem_cache_free(other, p);
	text = test_capture_end();
	ck_assert(!strncmp(text, "BUG kfence: invalid free in 0x", 30));

	test_capture_begin(2);
	write_byte(p - 1);
	free_object(s, p);
	text = test_capture_end();
	ck_assert(!strncmp(text, "BUG kfence: memory corruption in 0x", 35));
	ck_assert_ptr_nonnull(strstr(text, " is 1 byte left of kfence-#"));
	ck_assert_ptr_nonnull(strstr(text, " [ 78 ]\n"));
	assert_code_in(text, "freed by", free_object);

	test_capture_begin(2);
	write_byte(p + 47);
	text = test_capture_end();
	ck_assert(!strncmp(text, "BUG kfence: use-after-free write in 0x", 38));
	ck_assert_ptr_nonnull(strstr(text, " is 47 bytes inside kfence-#"));
	assert_code_in(text, "accessed by", write_byte);
	assert_code_in(text, "allocated by", alloc_object);
	assert_code_in(text, "freed by", free_object);

	test_capture_begin(2);
	free_object(s, p);
	text = test_capture_end();
	ck_assert(!strncmp(text, "BUG kfence: double free in 0x", 29));
	assert_code_in(text, "freed by", free_object);

	test_capture_begin(2);
	p = krealloc(p, 10, GFP_KERNEL);
	text = test_capture_end();
	ck_assert_ptr_null(p);
	ck_assert(!strncmp(text, "BUG kfence: double free in 0x", 29));
	/* In front of the first object. */
	test_capture_begin(2);
	read_byte((char *)kfence_pool.start);
	text = test_capture_end();
	ck_assert(!strncmp(text, "BUG kfence: invalid read in 0x", 30));
	ck_assert_ptr_nonnull(strstr(text, " is in no object\n"));
}

TEST_SCENARIO(kfence_abort)
{
	char *p = kmalloc(30, GFP_KERNEL);

	if (!have_pool()) {
		fprintf(stderr, "BUG kfence: use-after-free read\n");
		abort();
	}
	kfree(p);
	read_byte(p);
}

/* SIGSEGV ----------------------------------------------------------------- */

static sigjmp_buf jump;
static unsigned int nr_faults;

static void on_fault(int sig)
{
	(void)sig;
	nr_faults++;
	siglongjmp(jump, 1);
}

/* Before the library boots. */
static void __attribute__((constructor)) install_handler(void)
{
	if (getenv("KMM_TEST_KFENCE"))
		signal(SIGSEGV, on_fault);
}

TEST_SCENARIO(kfence_handler)
{
	char *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	const char *text;
	char *p;

	if (!have_pool())
		return;
	p = kmalloc(30, GFP_KERNEL);
	kfree(p);
	test_capture_begin(2);
	if (!sigsetjmp(jump, 1))
		read_byte(p);
	text = test_capture_end();
	ck_assert_uint_eq(nr_faults, 0);
	ck_assert_ptr_nonnull(strstr(text, "use-after-free read"));
	if (!sigsetjmp(jump, 1))
		read_byte(bad);
	ck_assert_uint_eq(nr_faults, 1);
}

/* A block that the program itself has protected is the program's. */
TEST_SCENARIO(kfence_protected)
{
	char *p;

	if (!have_pool())
		return;
	p = kmalloc(PAGE_SIZE, GFP_KERNEL);
	ck_assert(guarded(p));
	ck_assert(!mprotect(p, PAGE_SIZE, PROT_READ));
	read_byte(p);
	if (!sigsetjmp(jump, 1))
		write_byte(p);
	ck_assert_uint_eq(nr_faults, 1);
	ck_assert(!mprotect(p, PAGE_SIZE, PROT_READ | PROT_WRITE));
	kfree(p);
}

/* Taking the mains --------------------------------------------------------- */

START_TEST(sheaf_take_mains_leaves_objects_in_the_cache)
{
	struct kmem_cache *s = make_cache("taken", 64, SLAB_NO_MERGE);
	unsigned long in_sheaves;
	void *p;

	pin_to_cpu(0);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	in_sheaves = sheaf_count_objects(s);
	if (!percpu_rseq_active() || memcheck_active()) {
		ck_assert(!sheaf_take_mains(false));
	} else {
		ck_assert(sheaf_take_mains(false));
		ck_assert_ptr_null(this_slot(s)->main);
		ck_assert(!sheaf_take_mains(true));
		ck_assert_uint_eq(sheaf_count_objects(s), in_sheaves);
	}
	assert_all_valid();
	kmem_cache_free(s, p);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	kmem_cache_free(s, p);
	assert_valid(s);
	kmem_cache_destroy(s);
	unpin();
}
END_TEST

START_TEST(kfence_all_guards_objects)
{
	test_scenario_passes("kfence_objects", "kfence_all");
}
END_TEST

START_TEST(kfence_all_guards_kmalloc)
{
	test_scenario_passes("kfence_kmalloc", "kfence_all");
}
END_TEST

START_TEST(kfence_timer_samples_in_a_loop)
{
	test_scenario_passes("kfence_samples", "kfence_sample_interval=1");
}
END_TEST

START_TEST(kfence_destroy_lists_guarded_objects)
{
	test_scenario_passes("kfence_destroy", "kfence_all bad_free=warn");
}
END_TEST

START_TEST(kfence_reports_name_the_damage)
{
	test_scenario_passes("kfence_reports", "kfence_all bad_free=warn");
}
END_TEST

START_TEST(kfence_report_aborts)
{
	const char *text;
	int status = test_run_scenario("kfence_abort", "kfence_all", &text);

	test_aborted_with(status, text, "BUG kfence: use-after-free read");
}
END_TEST

START_TEST(kfence_handler_of_before_gets_its_faults)
{
	setenv("KMM_TEST_KFENCE", "1", 1);
	test_scenario_passes("kfence_handler", "kfence_all bad_free=warn");
	test_scenario_passes("kfence_protected", "kfence_all");
	unsetenv("KMM_TEST_KFENCE");
}
END_TEST

Suite *suite_kfence(void)
{
	Suite *s = suite_create("kfence");
	TCase *tc = tcase_create("guarded objects");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, sheaf_take_mains_leaves_objects_in_the_cache);
	tcase_add_test(tc, kfence_all_guards_objects);
	tcase_add_test(tc, kfence_all_guards_kmalloc);
	tcase_add_test(tc, kfence_timer_samples_in_a_loop);
	tcase_add_test(tc, kfence_destroy_lists_guarded_objects);
	tcase_add_test(tc, kfence_reports_name_the_damage);
	tcase_add_test(tc, kfence_report_aborts);
	tcase_add_test(tc, kfence_handler_of_before_gets_its_faults);
	suite_add_tcase(s, tc);
	return s;
}
