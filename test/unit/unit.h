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
Suite *suite_percpu(void);
Suite *suite_list(void);
Suite *suite_sparse(void);
Suite *suite_page_alloc(void);
Suite *suite_pcp(void);
Suite *suite_slub(void);
Suite *suite_sheaf(void);
Suite *suite_slab_common(void);
Suite *suite_kmalloc(void);
Suite *suite_vmalloc(void);
Suite *suite_util(void);
Suite *suite_reports(void);
Suite *suite_bad_free(void);
Suite *suite_boot(void);
Suite *suite_anchor(void);

/*
 * The seed of this run: KMM_TEST_SEED of the environment, else a random one.
 * It is printed at the start; the same seed gives every test the same numbers.
 */
unsigned long test_seed(void);

/* The next of a sequence of 64-bit numbers. The sequence starts anew in each
 * suite, and with forking (Check's default) in each test. One thread only. */
unsigned long test_random(void);

/*
 * Between the two calls, what is written to @fd goes to a file. The text of it
 * stays valid until the next capture; at most TEST_CAPTURE_MAX - 1 bytes.
 */
#define TEST_CAPTURE_MAX 65536
void test_capture_begin(int fd);
const char *test_capture_end(void);

/* Run @fn in a child process. Returns its wait status; *@text is what it wrote
 * to stderr, if @text is given. A child that returns from @fn exits with 0. */
int test_run_child(void (*fn)(void), const char **text);

#endif /* TEST_UNIT_H */
