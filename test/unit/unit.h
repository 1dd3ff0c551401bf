/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests share.
 *
 * A file test_<name>.c tests one file or one subject and defines
 * suite_<name>(); main.c has the table of all suites. The tests are linked
 * with the static library and see its internal headers and symbols.
 *
 * Messages: the library writes to file descriptor 2 itself, past stdio. A test
 * that expects a message captures that descriptor; one that expects the end of
 * the process runs the fatal part in a child, so that it also works with
 * CK_FORK=no under gdb and Valgrind.
 *
 * Threads and fork: each assertion, also one that holds, takes a mutex of Check's,
 * which a fork does not know of. So where one thread forks, the others assert
 * nothing, or else neither does the child: it may wait for ever. And under ASan of
 * gcc 12, which forks with its own locks held, a thread that is being started may
 * hold one that the child's malloc() wants: the first fork waits until it runs.
 */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

Suite *suite_printk(void);
Suite *suite_cmdline(void);
Suite *suite_host(void);
Suite *suite_lock(void);
Suite *suite_backtrace(void);
Suite *suite_module(void);
Suite *suite_stackdepot(void);
Suite *suite_percpu(void);
Suite *suite_list(void);
Suite *suite_sparse(void);
Suite *suite_buddy(void);
Suite *suite_page_alloc(void);
Suite *suite_page_ref(void);
Suite *suite_page_run(void);
Suite *suite_free_block(void);
Suite *suite_pcp(void);
Suite *suite_page_reporting(void);
Suite *suite_slub(void);
Suite *suite_slub_check(void);
Suite *suite_sheaf(void);
Suite *suite_slub_debug(void);
Suite *suite_slub_damage(void);
Suite *suite_slab_common(void);
Suite *suite_kmalloc(void);
Suite *suite_whole(void);
Suite *suite_kmalloc_caches(void);
Suite *suite_kmalloc_fit(void);
Suite *suite_vmalloc(void);
Suite *suite_treap(void);
Suite *suite_vmap_kept(void);
Suite *suite_util(void);
Suite *suite_reports(void);
Suite *suite_bad_free(void);
Suite *suite_boot(void);
Suite *suite_anchor(void);
Suite *suite_watch(void);
Suite *suite_probes(void);
Suite *suite_page_owner(void);
Suite *suite_page_poison(void);
Suite *suite_kmemleak(void);
Suite *suite_calltrace(void);
Suite *suite_fault_inject(void);
Suite *suite_failslab(void);
Suite *suite_kfence(void);
Suite *suite_tally(void);
Suite *suite_heap_profile(void);
Suite *suite_alloc_tag(void);

/*
 * The seed of this run: KMM_TEST_SEED of the environment, else a random one.
 * It is printed at the start; the same seed gives every test the same numbers.
 */
unsigned long test_seed(void);

/* The next of a sequence of 64-bit numbers. The sequence starts anew in each
 * suite, and with forking (Check's default) in each test. One thread only. */
unsigned long test_random(void);

/* How often to repeat something: @n times, or a tenth of that under Valgrind. */
int test_rounds(int n);

/** resident_bytes() - of [addr, addr + size), in whole pages of the host. */
size_t resident_bytes(void *addr, size_t size);

/*
 * Between the two calls, what is written to @fd goes to a file. The text of it
 * stays valid until the next capture; at most TEST_CAPTURE_MAX - 1 bytes.
 */
#define TEST_CAPTURE_MAX 65536
void test_capture_begin(int fd);
const char *test_capture_end(void);

/*
 * Run @fn in a child process made by fork(). Returns its wait status; *@text is
 * what it wrote to stderr, if @text is given. A child that returns from @fn
 * exits with 0, one that fails an assertion prints it and exits with 1.
 */
int test_run_child(void (*fn)(void), const char **text);

/*
 * Scenarios: for a test that needs a library of its own, freshly booted with
 * another command line. (main() boots it, so that a forked child has the
 * parent's.) A scenario is a function with a name; the test runs
 * this program again, which runs that function and nothing else.
 *
 *	TEST_SCENARIO(tiny_machine)
 *	{
 *		ck_assert_ptr_null(alloc_pages(GFP_KERNEL, 10));
 *	}
 *
 *	START_TEST(alloc_tiny_machine_fails)
 *	{
 *		test_scenario_passes("tiny_machine", "mem=256K");
 *	}
 *	END_TEST
 *
 * Names are global. The words of @cmdline are appended to the KMM_CMDLINE that
 * the tests themselves were started with, and the last one wins; so a scenario
 * runs with each page size that `make check` tries unless it asks for one.
 * NULL appends nothing.
 *
 * If the scenario expects a message or the end of the process, the test calls
 * test_run_scenario() and looks at the wait status and text, which are those of
 * test_run_child(). Under Valgrind the new program runs without it.
 */
struct test_scenario {
	const char *name;
	void (*fn)(void);
	struct test_scenario *next;
};

void test_scenario_register(struct test_scenario *scenario);

#define TEST_SCENARIO(scenario)						\
	static void scenario_##scenario(void);				\
	static void __attribute__((constructor)) register_##scenario(void) \
	{								\
		static struct test_scenario entry = {			\
			.name = #scenario,				\
			.fn = scenario_##scenario,			\
		};							\
		test_scenario_register(&entry);				\
	}								\
	static void scenario_##scenario(void)

int test_run_scenario(const char *name, const char *cmdline,
		      const char **text);
/* Run it and fail with what it printed unless it returned. */
void test_scenario_passes(const char *name, const char *cmdline);

/* Assert that a child ended by abort() with @message as a part of its @text. */
void test_aborted_with(int status, const char *text, const char *message);

#endif /* TEST_UNIT_H */
