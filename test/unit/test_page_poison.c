// SPDX-License-Identifier: MIT
/*
 * Tests of mm/page_poison.c: who writes to a free page is reported when it is
 * handed out again, or faults at once; who does not is left in peace, whatever
 * way pages go.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <kmm/kmm.h>
#include <linux/mm.h>

#include "page_poison.h"
#include "slab_test.h"

/* A free page, and no other one that a request of its order could get first. */
static char *free_page_of_ours(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	char *p = page_address(page);

	memset(p, 1, PAGE_SIZE);
	__free_pages(page, 0);
	return p;
}

/* Take pages until @p is among them; what is said meanwhile. */
static const char *take_back(const char *p)
{
	struct page *page;
	int i;

	test_capture_begin(2);
	for (i = 0; i < 10000; i++) {
		page = alloc_pages(GFP_KERNEL, 0);
		if (page_address(page) == p)
			return test_capture_end();
	}
	test_capture_end();
	ck_abort_msg("page %p is lost", (void *)p);
}

TEST_SCENARIO(poison_write)
{
	char *p = free_page_of_ours();
	const char *text;

	if (memcheck_active())
		return;
	ck_assert(all_bytes(p, PAGE_SIZE, 0xaa));
	memcpy(p + 100, "stray", 5);
	text = take_back(p);
	ck_assert_ptr_eq(strstr(text, "BUG pagealloc: memory corruption in a free page\n"),
			 text);
	ck_assert_ptr_nonnull(strstr(text, "@offset=100. First byte 0x73 instead of 0xaa\n"));
	ck_assert_ptr_nonnull(strstr(text, " 73 74 72 61 79 "));
	ck_assert_ptr_nonnull(strstr(text, "Last allocated in\n #0 0x"));
	ck_assert_ptr_nonnull(strstr(text, "Freed in\n #0 0x"));
}

TEST_SCENARIO(poison_bit)
{
	char *p = free_page_of_ours();

	if (memcheck_active())
		return;
	p[PAGE_SIZE - 1] ^= 0x10;
	ck_assert_ptr_nonnull(strstr(take_back(p),
				     "BUG pagealloc: single bit error in a free page\n"));
}

/* Given back to the host in between: the page is zero then. */
TEST_SCENARIO(poison_trim)
{
	char *p = free_page_of_ours();

	if (memcheck_active())
		return;
	kmm_trim();
	ck_assert_str_eq(take_back(p), "");
	p = free_page_of_ours();
	kmm_trim();
	p[8] = 1;
	ck_assert_ptr_nonnull(strstr(take_back(p), "@offset=8. "));
}

#define NR_SLOTS 200

static void churn(int rounds)
{
	static void *slot[NR_SLOTS];
	static size_t size[NR_SLOTS];
	int i;

	while (rounds-- > 0) {
		i = (int)(test_random() % NR_SLOTS);
		if (slot[i]) {
			ck_assert(holds(slot[i], size[i], (unsigned long)i));
			kfree(slot[i]);
			slot[i] = NULL;
			continue;
		}
		size[i] = 1 + test_random() % (test_random() % 4 ? 3000 : 300000);
		slot[i] = kmalloc(size[i], test_random() % 2 ?
						  GFP_KERNEL :
						  GFP_KERNEL | __GFP_ZERO);
		ck_assert_ptr_nonnull(slot[i]);
		fill(slot[i], size[i], (unsigned long)i);
		if (test_random() % 1000 == 0)
			kmm_trim();
	}
	for (i = 0; i < NR_SLOTS; i++)
		kfree(slot[i]);
	assert_all_valid();
}

TEST_SCENARIO(poison_churn)
{
	test_capture_begin(2);
	churn(test_rounds(20000));
	ck_assert_str_eq(test_capture_end(), "");
}

static void use_free_page(void)
{
	char *p = free_page_of_ours();

	/* A sanitizer's handler would end the process otherwise. */
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)p = 1;
}

TEST_SCENARIO(pagealloc_fault)
{
	int status = test_run_child(use_free_page, NULL);
	char *p;

	if (memcheck_active())
		return;
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
	/* In use again it is as good as new. */
	p = free_page_of_ours();
	ck_assert_str_eq(take_back(p), "");
	memset(p, 2, PAGE_SIZE);
}

/* The program's own handler is called behind the report, and the page is the
 * program's again if that is the policy. */
TEST_SCENARIO(pagealloc_report)
{
	char *p = free_page_of_ours(), expected[128];
	const char *text;

	if (memcheck_active())
		return;
	test_capture_begin(2);
	*(volatile char *)(p + 40) = 1;
	*(volatile char *)(p + 41) = 1;
	text = test_capture_end();
	snprintf(expected, sizeof(expected),
		 "BUG pagealloc: use-after-free write: %p is in a free page\n #0 ",
		 (void *)(p + 40));
	ck_assert_msg(!strncmp(text, expected, strlen(expected)), "%s", text);
	snprintf(expected, sizeof(expected),
		 "\nThe block at %p was allocated in\n #0 ", (void *)p);
	ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
	ck_assert_msg(strstr(text, "\nand freed in\n #0 ") != NULL, "%s", text);
	/* Once. */
	ck_assert_ptr_null(strstr(text + 1, "BUG"));
}

#define DEFINE_POISON_TEST(name, cmdline)				\
	START_TEST(name##_test)						\
	{								\
		test_scenario_passes(#name, cmdline);			\
	}								\
	END_TEST

DEFINE_POISON_TEST(poison_write, "page_poison page_owner bad_free=warn")
DEFINE_POISON_TEST(poison_bit, "page_poison bad_free=warn")
DEFINE_POISON_TEST(poison_trim, "page_poison bad_free=warn page_reporting=0")
DEFINE_POISON_TEST(poison_churn, "page_poison")
DEFINE_POISON_TEST(pagealloc_fault, "debug_pagealloc")
DEFINE_POISON_TEST(pagealloc_report, "debug_pagealloc page_owner bad_free=warn")

START_TEST(pagealloc_churn_stays_valid)
{
	test_scenario_passes("poison_churn", "debug_pagealloc");
	test_scenario_passes("poison_churn", "debug_pagealloc page_poison");
}
END_TEST

static void write_and_take(void)
{
	char *p = free_page_of_ours();

	p[0] = 1;
	take_back(p);
}

TEST_SCENARIO(poison_abort)
{
	if (!memcheck_active())
		write_and_take();
}

START_TEST(poison_write_aborts)
{
	const char *text;
	int status = test_run_scenario("poison_abort", "page_poison", &text);

	if (memcheck_active())
		return;
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

Suite *suite_page_poison(void)
{
	Suite *s = suite_create("page_poison");
	TCase *tc = tcase_create("page_poison");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, poison_write_test);
	tcase_add_test(tc, poison_bit_test);
	tcase_add_test(tc, poison_trim_test);
	tcase_add_test(tc, poison_churn_test);
	tcase_add_test(tc, poison_write_aborts);
	tcase_add_test(tc, pagealloc_fault_test);
	tcase_add_test(tc, pagealloc_report_test);
	tcase_add_test(tc, pagealloc_churn_stays_valid);
	suite_add_tcase(s, tc);
	return s;
}
