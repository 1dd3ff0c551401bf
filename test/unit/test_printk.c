// SPDX-License-Identifier: MIT
/*
 * Tests of lib/printk.c and lib/debug.c: every conversion against the C
 * library's, the texts that are ours alone by their exact bytes, and how
 * messages reach their descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug.h"
#include "printk.h"
#include "unit.h"

/* Formats that both know give the same text and the same length. */
#define assert_like_libc(...)						\
	do {								\
		char ours[256], libc[256];				\
		int our_len = kmm_snprintf(ours, sizeof(ours),		\
					   __VA_ARGS__);		\
		int libc_len = snprintf(libc, sizeof(libc),		\
					__VA_ARGS__);			\
		ck_assert_str_eq(ours, libc);				\
		ck_assert_int_eq(our_len, libc_len);			\
	} while (0)

START_TEST(format_integers_like_libc)
{
	static const int ints[] = { 0, 1, -1, 42, -42, INT_MAX, INT_MIN };
	static const long longs[] = { 0, 7, -7, LONG_MAX, LONG_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		assert_like_libc("[%d] [%i] [%u] [%x]", ints[i], ints[i],
				 (unsigned int)ints[i], (unsigned int)ints[i]);
		assert_like_libc("[%6d] [%-6d] [%06d]", ints[i], ints[i],
				 ints[i]);
		assert_like_libc("[%.4d] [%8.4d] [%-8.4d] [%.0d]", ints[i],
				 ints[i], ints[i], ints[i]);
		assert_like_libc("[%-14x] [%014x] [%.10x]",
				 (unsigned int)ints[i], (unsigned int)ints[i],
				 (unsigned int)ints[i]);
		assert_like_libc("[%#x] [%#14x] [%#014x] [%-#14x]",
				 (unsigned int)ints[i], (unsigned int)ints[i],
				 (unsigned int)ints[i], (unsigned int)ints[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(longs); i++) {
		assert_like_libc("[%ld] [%lu] [%lx]", longs[i],
				 (unsigned long)longs[i],
				 (unsigned long)longs[i]);
		assert_like_libc("[%lld] [%llu] [%llx]", (long long)longs[i],
				 (unsigned long long)longs[i],
				 (unsigned long long)longs[i]);
		assert_like_libc("[%zd] [%zu] [%zx]", (ssize_t)longs[i],
				 (size_t)longs[i], (size_t)longs[i]);
		assert_like_libc("[%30ld] [%-30ld] [%030ld]", longs[i],
				 longs[i], longs[i]);
	}
}
END_TEST

START_TEST(format_strings_like_libc)
{
	assert_like_libc("no conversion");
	assert_like_libc("[%s] [%6s] [%-6s] [%2s]", "abc", "abc", "abc", "abc");
	assert_like_libc("[%.2s] [%6.2s] [%-6.2s] [%.0s]", "abc", "abc", "abc",
			 "abc");
	assert_like_libc("[%c] [%3c] [%-3c] 100%%", 'a', 'b', 'c');
}
END_TEST

START_TEST(format_star_takes_argument)
{
	assert_like_libc("[%*d] [%*d] [%-*d]", 5, 1, -5, 2, 5, 3);
	assert_like_libc("[%.*s] [%.*s] [%*.*s]", 2, "abc", -1, "abc", 4, 1,
			 "abc");
	assert_like_libc("[%0*d] [%.*d]", 5, 7, 3, 7);
}
END_TEST

START_TEST(format_precision_bounds_string_read)
{
	char unterminated[3] = { 'a', 'b', 'c' };
	char buf[16];

	kmm_snprintf(buf, sizeof(buf), "%.3s", unterminated);
	ck_assert_str_eq(buf, "abc");
}
END_TEST

START_TEST(format_pointer_is_hex)
{
	char buf[64];

	kmm_snprintf(buf, sizeof(buf), "%p %p [%20p] [%-12p]", NULL,
		     (void *)0x7f00c0deUL, (void *)0xabcUL, (void *)0xabcUL);
	ck_assert_str_eq(buf, "0x0 0x7f00c0de [               0xabc] [0xabc       ]");
}
END_TEST

START_TEST(format_null_string_is_named)
{
	const char *volatile none = NULL;
	char buf[32];

	kmm_snprintf(buf, sizeof(buf), "<%s>", none);
	ck_assert_str_eq(buf, "<(null)>");
}
END_TEST

/* The compiler checks formats; this one must reach the formatter unchecked. */
START_TEST(format_unknown_stands_as_it_is)
{
	static const struct {
		const char *fmt, *text;
	} rows[] = {
		{ "%q", "%q" },
		{ "a %-5.3y b", "a %-5.3y b" },
		{ "%f%%", "%f%" },
		{ "50%", "50%" },
		{ "%08l", "%08l" },
	};
	int (*format)(char *, size_t, const char *, ...) = kmm_snprintf;
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		format(buf, sizeof(buf), rows[i].fmt);
		ck_assert_str_eq(buf, rows[i].text);
	}
}
END_TEST

/* size:	0	1	4	8	9
 * buffer:	-	""	"abc"	cut by the NUL	all of it */
START_TEST(snprintf_short_buffer_cuts_and_terminates)
{
	char buf[16];

	for (size_t size = 0; size < sizeof(buf); size++) {
		size_t kept = size > 8 ? 8 : size ? size - 1 : 0;

		memset(buf, '#', sizeof(buf));
		ck_assert_int_eq(kmm_snprintf(buf, size, "abc%s", "defgh"), 8);
		ck_assert_mem_eq(buf, "abcdefgh", kept);
		if (size)
			ck_assert_int_eq(buf[kept], '\0');
		for (size_t i = size ? kept + 1 : 0; i < sizeof(buf); i++)
			ck_assert_int_eq(buf[i], '#');
	}
	ck_assert_int_eq(kmm_snprintf(NULL, 0, "%d", 12345), 5);
}
END_TEST

START_TEST(format_random_integers_like_libc)
{
	for (int i = 0; i < 20000; i++) {
		unsigned long value = test_random() >> (test_random() % 64);
		int width = (int)(test_random() % 48) - 24;
		int precision = (int)(test_random() % 24) - 2;

		assert_like_libc("%*.*ld|%#*.*x|%0*lu|%-*lx", width, precision,
				 (long)value, width, precision,
				 (unsigned int)value, width, value, width,
				 value);
	}
}
END_TEST

START_TEST(printk_writes_stderr)
{
	test_capture_begin(2);
	printk("WARNING: %s %d\n", "answer", 42);
	ck_assert_str_eq(test_capture_end(), "WARNING: answer 42\n");
}
END_TEST

START_TEST(printk_long_message_is_cut_to_a_line)
{
	char text[3000];
	const char *out;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	test_capture_begin(2);
	printk("%s", text);
	out = test_capture_end();
	ck_assert_uint_eq(strlen(out), 1023);
	ck_assert_uint_eq(strspn(out, "x"), 1022);
	ck_assert_str_eq(out + 1022, "\n");
}
END_TEST

START_TEST(printk_closed_stderr_keeps_errno)
{
	int saved = dup(2);

	close(2);
	errno = 1234;
	printk("nobody hears this %d\n", 1);
	ck_assert_int_eq(errno, 1234);
	dup2(saved, 2);
	close(saved);
}
END_TEST

START_TEST(printk_once_prints_once_per_place)
{
	test_capture_begin(2);
	for (int i = 0; i < 3; i++)
		printk_once("first %d\n", i);
	for (int i = 0; i < 3; i++)
		printk_once("second %d\n", i);
	ck_assert_str_eq(test_capture_end(), "first 0\nsecond 0\n");
}
END_TEST

START_TEST(seq_report_beyond_buffer_is_whole)
{
	static char expected[TEST_CAPTURE_MAX];
	struct seq_file m;
	const char *out;
	size_t len = 0;

	test_capture_begin(2);
	seq_open(&m, 2);
	for (int i = 0; i < 1000; i++) {
		seq_printf(&m, "%d:%-20s|", i, "row");
		seq_puts(&m, "\n");
		len += (size_t)sprintf(expected + len, "%d:%-20s|\n", i, "row");
	}
	ck_assert_int_eq(seq_close(&m), 0);
	out = test_capture_end();
	ck_assert_uint_gt(len, 10 * sizeof(m.buf));
	ck_assert_str_eq(out, expected);
}
END_TEST

START_TEST(seq_one_long_printf_is_whole)
{
	struct seq_file m;
	const char *out;

	test_capture_begin(2);
	seq_open(&m, 2);
	seq_printf(&m, "%5000d", 1);
	ck_assert_int_eq(seq_close(&m), 0);
	out = test_capture_end();
	ck_assert_uint_eq(strlen(out), 5000);
	ck_assert_uint_eq(strspn(out, " "), 4999);
}
END_TEST

START_TEST(seq_nothing_printed_writes_nothing)
{
	struct seq_file m;

	seq_open(&m, -1);
	ck_assert_int_eq(seq_close(&m), 0);
}
END_TEST

START_TEST(seq_failed_write_returns_first_error)
{
	struct seq_file m;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	seq_open(&m, full);
	for (int i = 0; i < 1000; i++)
		seq_puts(&m, "0123456789");
	m.fd = -1;	/* the later failures are of another kind */
	seq_puts(&m, "0123456789");
	ck_assert_int_eq(seq_close(&m), -ENOSPC);
	close(full);

	seq_open(&m, -1);
	seq_puts(&m, "x");
	ck_assert_int_eq(seq_close(&m), -EBADF);
}
END_TEST

static void die(void)
{
	kmm_bug("BUG slab_test (%s): object at %p\n", "poison", (void *)0x1000);
}

START_TEST(bug_prints_report_and_aborts)
{
	const char *text;
	int status = test_run_child(die, &text);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_str_eq(text, "BUG slab_test (poison): object at 0x1000\n");
}
END_TEST

static void die_at_length(void)
{
	kmm_bug("BUG %2000d\n", 1);
}

START_TEST(bug_long_report_is_cut)
{
	const char *text;
	int status = test_run_child(die_at_length, &text);

	ck_assert(WIFSIGNALED(status));
	ck_assert_uint_eq(strlen(text), 1023);
	ck_assert_uint_eq(strspn(text, "BUG "), 1022);
	ck_assert_str_eq(text + 1022, "\n");
}
END_TEST

static bool warn_twice(bool cond)
{
	bool warned = false;

	for (int i = 0; i < 2; i++)
		warned = WARN_ON_ONCE(cond);
	return warned;
}

START_TEST(warn_on_once_names_condition_once)
{
	const char *text;

	test_capture_begin(2);
	ck_assert(!warn_twice(false));
	ck_assert_str_eq(test_capture_end(), "");

	test_capture_begin(2);
	ck_assert(warn_twice(true));
	text = test_capture_end();
	ck_assert_ptr_eq(strstr(text, "WARNING: "), text);
	ck_assert_ptr_nonnull(strstr(text, "test_printk.c:"));
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_str_eq(strrchr(text, ':'), ": cond\n");
}
END_TEST

/* In a process of its own: where messages go is set once. */
static void print_to_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	char buf[64] = "";

	ck_assert_int_ge(fd, 0);
	printk_to(fd);
	printk("one\n");
	ck_assert_int_eq(printk_fd(), fd);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 0), 4);
	ck_assert_str_eq(buf, "one\n");
	/* Somebody else's file of the same number is left alone. */
	ck_assert_int_eq(dup2(open("/dev/null", O_WRONLY), fd), fd);
	printk("two\n");
	close(fd);
	printk("three\n");
}

START_TEST(printk_to_another_file_until_it_is_closed)
{
	const char *text;
	int status = test_run_child(print_to_file, &text);

	ck_assert_msg(!status, "%s", text);
	ck_assert_str_eq(text, "two\nthree\n");
}
END_TEST

static void print_to_closed(void)
{
	printk_to(1000);
	printk("one\n");
}

START_TEST(printk_to_closed_file_is_stderr)
{
	const char *text;

	ck_assert(!test_run_child(print_to_closed, &text));
	ck_assert_str_eq(text, "one\n");
}
END_TEST

static void print_to_nobody(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	printk_to(fds[1]);
	close(fds[0]);
	printk("one\n");
	BUG_ON(fds[0] != fds[1]);
}

START_TEST(printk_to_socket_without_reader_is_stderr)
{
	const char *text;
	int status = test_run_child(print_to_nobody, &text);

	test_aborted_with(status, text, "one\nBUG at test/unit/test_printk.c:");
}
END_TEST

static void bug_to_file(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	printk_to(fds[1]);
	BUG_ON(fds[0] != fds[1]);
}

START_TEST(bug_goes_where_messages_go)
{
	const char *text;

	ck_assert(test_run_child(bug_to_file, &text));
	ck_assert_str_eq(text, "");
}
END_TEST

Suite *suite_printk(void)
{
	Suite *s = suite_create("printk");
	TCase *tc;

	tc = tcase_create("format");
	tcase_add_test(tc, format_integers_like_libc);
	tcase_add_test(tc, format_strings_like_libc);
	tcase_add_test(tc, format_star_takes_argument);
	tcase_add_test(tc, format_precision_bounds_string_read);
	tcase_add_test(tc, format_pointer_is_hex);
	tcase_add_test(tc, format_null_string_is_named);
	tcase_add_test(tc, format_unknown_stands_as_it_is);
	tcase_add_test(tc, snprintf_short_buffer_cuts_and_terminates);
	tcase_add_test(tc, format_random_integers_like_libc);
	suite_add_tcase(s, tc);

	tc = tcase_create("printk");
	tcase_add_test(tc, printk_writes_stderr);
	tcase_add_test(tc, printk_long_message_is_cut_to_a_line);
	tcase_add_test(tc, printk_closed_stderr_keeps_errno);
	tcase_add_test(tc, printk_once_prints_once_per_place);
	tcase_add_test(tc, printk_to_another_file_until_it_is_closed);
	tcase_add_test(tc, printk_to_closed_file_is_stderr);
	tcase_add_test(tc, printk_to_socket_without_reader_is_stderr);
	suite_add_tcase(s, tc);

	tc = tcase_create("seq");
	tcase_add_test(tc, seq_report_beyond_buffer_is_whole);
	tcase_add_test(tc, seq_one_long_printf_is_whole);
	tcase_add_test(tc, seq_nothing_printed_writes_nothing);
	tcase_add_test(tc, seq_failed_write_returns_first_error);
	suite_add_tcase(s, tc);

	tc = tcase_create("debug");
	tcase_add_test(tc, bug_prints_report_and_aborts);
	tcase_add_test(tc, bug_long_report_is_cut);
	tcase_add_test(tc, bug_goes_where_messages_go);
	tcase_add_test(tc, warn_on_once_names_condition_once);
	suite_add_tcase(s, tc);
	return s;
}
