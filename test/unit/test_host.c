// SPDX-License-Identifier: MIT
/*
 * Tests of lib/host.c: each call does what its comment says to real memory,
 * reports failure by its result alone (errno stays), and can be made to fail.
 *
 * Whether memory may be accessed is read from the host's list of mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "percpu.h"
#include "unit.h"

#define NR_PAGES 8

static size_t page_size, size;

static void host_setup(void)
{
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	size = NR_PAGES * page_size;
	errno = 1234;
}

static void host_teardown(void)
{
	host_fail_nth = 0;
}

static bool is_filled(const char *p, size_t len, char byte)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != byte)
			return false;
	return true;
}

/* The permissions of the mapping at @p, as in "rw-p"; "" if there is none. */
static const char *permissions(const void *p)
{
	static char perms[5];
	unsigned long start, end, addr = (unsigned long)p;
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;

	ck_assert_ptr_nonnull(maps);
	while (!found && fscanf(maps, "%lx-%lx %4s%*[^\n]", &start, &end,
				perms) == 3)
		found = start <= addr && addr < end;
	fclose(maps);
	return found ? perms : "";
}

/* What the host is -------------------------------------------------------- */

START_TEST(host_info_matches_libc)
{
	cpu_set_t set;

	ck_assert_uint_eq(1UL << host.page_shift, page_size);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	ck_assert_int_eq((int)host.nr_cpus, CPU_COUNT(&set));
	ck_assert_int_ge((int)host.nr_cpu_ids,
			 (int)sysconf(_SC_NPROCESSORS_CONF));
	for (unsigned int cpu = host.nr_cpu_ids; cpu < CPU_SETSIZE; cpu++)
		ck_assert(!CPU_ISSET(cpu, &set));
	ck_assert(!host.secure);
	ck_assert_int_eq(host_gettid(), (int)syscall(SYS_gettid));
}
END_TEST

START_TEST(host_clock_never_goes_back)
{
	u64 last = host_clock(), now;

	ck_assert_uint_gt(last, 0);
	for (int i = 0; i < 1000; i++) {
		now = host_clock();
		ck_assert_uint_ge(now, last);
		last = now;
	}
}
END_TEST

/* Memory ------------------------------------------------------------------ */

START_TEST(map_gives_zeroed_memory)
{
	char *p = host_map(size);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq((unsigned long)p % page_size, 0);
	ck_assert(is_filled(p, size, 0));
	memset(p, 'x', size);
	ck_assert_int_eq(host_unmap(p, size), 0);
	ck_assert_str_eq(permissions(p), "");
}
END_TEST

/*	|....|xxxx|....|	the middle is taken: the whole is refused, and
 *				what lies there stays */
START_TEST(map_fixed_taken_address_is_refused)
{
	char *p = host_map(3 * page_size);

	ck_assert_ptr_nonnull(p);
	host_unmap(p, page_size);
	host_unmap(p + 2 * page_size, page_size);
	memset(p + page_size, 'x', page_size);
	ck_assert_int_eq(host_map_fixed(p, 3 * page_size), -EEXIST);
	ck_assert_int_eq(host_map_fixed(p + page_size, page_size), -EEXIST);
	ck_assert(is_filled(p + page_size, page_size, 'x'));
	ck_assert_int_eq(host_map_fixed(p, page_size), 0);
	ck_assert(is_filled(p, page_size, 0));
	ck_assert_int_eq(errno, 1234);
	host_unmap(p, 3 * page_size);
}
END_TEST

START_TEST(reserve_is_aligned_and_inaccessible)
{
	size_t align = page_size << _i;
	char *p = host_reserve(size, align);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq((unsigned long)p % align, 0);
	ck_assert_str_eq(permissions(p), "---p");
	ck_assert_str_eq(permissions(p + size - 1), "---p");
	ck_assert_int_eq(host_unmap(p, size), 0);
}
END_TEST

START_TEST(reserve_impossible_size_is_refused)
{
	ck_assert_ptr_null(host_reserve(SIZE_MAX - 1, page_size));
	ck_assert_ptr_null(host_reserve(1UL << 62, page_size));
	ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(commit_opens_part_of_reservation)
{
	char *p = host_reserve(size, page_size);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(host_commit(p + page_size, page_size), 0);
	ck_assert(is_filled(p + page_size, page_size, 0));
	p[page_size] = 'x';
	ck_assert_str_eq(permissions(p), "---p");
	ck_assert_str_eq(permissions(p + page_size), "rw-p");
	ck_assert_str_eq(permissions(p + 2 * page_size), "---p");
	host_unmap(p, size);
}
END_TEST

START_TEST(protect_none_closes_page)
{
	char *p = host_map(size);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(host_protect_none(p + page_size, page_size), 0);
	ck_assert_str_eq(permissions(p), "rw-p");
	ck_assert_str_eq(permissions(p + page_size), "---p");
	ck_assert_str_eq(permissions(p + 2 * page_size), "rw-p");
	host_unmap(p, size);
}
END_TEST

START_TEST(remap_keeps_contents)
{
	char *p = host_map(size);

	ck_assert_ptr_nonnull(p);
	memset(p, 'x', size);
	p = host_remap(p, size, 4 * size);
	ck_assert_ptr_nonnull(p);
	ck_assert(is_filled(p, size, 'x'));
	ck_assert(is_filled(p + size, 3 * size, 0));
	p = host_remap(p, 4 * size, page_size);
	ck_assert_ptr_nonnull(p);
	ck_assert(is_filled(p, page_size, 'x'));
	ck_assert_ptr_null(host_remap(p, page_size, 1UL << 60));
	ck_assert_int_eq(errno, 1234);
	host_unmap(p, page_size);
}
END_TEST

START_TEST(discard_reads_as_zero)
{
	char *p = host_map(size);

	ck_assert_ptr_nonnull(p);
	memset(p, 'x', size);
	ck_assert_int_eq(host_discard(p + page_size, page_size), 0);
	ck_assert(is_filled(p, page_size, 'x'));
	ck_assert(is_filled(p + page_size, page_size, 0));
	ck_assert(is_filled(p + 2 * page_size, size - 2 * page_size, 'x'));
	host_unmap(p, size);
	ck_assert_int_ne(host_discard(p, size), 0);
	ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(resident_counts_touched_pages)
{
	char *p = host_map(size);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(resident_bytes(p, size), 0);
	p[0] = p[3 * page_size] = p[7 * page_size] = 'x';
	ck_assert_uint_eq(resident_bytes(p, size), 3 * page_size);
	ck_assert_uint_eq(resident_bytes(p, page_size), page_size);
	host_discard(p, size);
	ck_assert_uint_eq(resident_bytes(p, size), 0);
	host_unmap(p, size);
	ck_assert_uint_eq(resident_bytes(p, size), 0);
}
END_TEST

/* Failure injection ------------------------------------------------------- */

enum call { MAP, MAP_AT, RESERVE, COMMIT, PROTECT, REMAP, NR_CALLS };

/* Make call number @call; whether it succeeded. */
static bool make_call(enum call call, char *reserved, char *mapped)
{
	void *p = NULL;

	switch (call) {
	case MAP:
		p = host_map(size);
		break;
	case MAP_AT:
		return host_map_fixed(mapped, size) != -ENOMEM;
	case RESERVE:
		p = host_reserve(size, page_size);
		break;
	case COMMIT:
		return host_commit(reserved, size) != -ENOMEM;
	case PROTECT:
		return host_protect_none(reserved, size) != -ENOMEM;
	case REMAP:
		return host_remap(mapped, size, size) != NULL;
	case NR_CALLS:
		break;
	}
	if (p)
		host_unmap(p, size);
	return p;
}

/* Calls 1 and 2 pass, the third and all after it fail, whatever they are. */
START_TEST(fail_nth_fails_from_there_on)
{
	char *reserved = host_reserve(size, page_size);
	char *mapped = host_map(size);

	ck_assert_ptr_nonnull(reserved);
	ck_assert_ptr_nonnull(mapped);
	host_fail_nth = host_map_calls + 3;
	ck_assert(make_call((enum call)_i, reserved, mapped));
	ck_assert(make_call((enum call)_i, reserved, mapped));
	for (int call = 0; call < NR_CALLS; call++)
		ck_assert(!make_call((enum call)call, reserved, mapped));
	ck_assert(!make_call((enum call)_i, reserved, mapped));
	ck_assert_int_eq(errno, 1234);
	host_fail_nth = 0;
	ck_assert(make_call((enum call)_i, reserved, mapped));
	host_unmap(reserved, size);
	host_unmap(mapped, size);
}
END_TEST

/* Giving memory back is never refused. */
START_TEST(fail_nth_spares_unmap_and_discard)
{
	char *p = host_map(size);

	ck_assert_ptr_nonnull(p);
	*p = 'x';
	host_fail_nth = 1;
	ck_assert_int_eq(host_discard(p, size), 0);
	ck_assert_int_eq(*p, 0);
	ck_assert_int_eq(host_unmap(p, size), 0);
}
END_TEST

/* Futexes ----------------------------------------------------------------- */

static _Atomic u32 futex_word;
static _Atomic int futex_woken;

static void *futex_waiter(void *arg)
{
	(void)arg;
	while (atomic_load(&futex_word) == 1)
		host_futex_wait(&futex_word, 1);
	atomic_fetch_add(&futex_woken, 1);
	return NULL;
}

START_TEST(futex_wait_on_other_value_returns)
{
	_Atomic u32 word = 5;

	host_futex_wait(&word, 4);
	ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(futex_wake_wakes_waiters)
{
	const struct timespec moment = { 0, 20 * 1000 * 1000 };
	pthread_t threads[3];

	atomic_store(&futex_word, 1);
	atomic_store(&futex_woken, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, futex_waiter,
						NULL), 0);
	nanosleep(&moment, NULL);
	ck_assert_int_eq(atomic_load(&futex_woken), 0);
	atomic_store(&futex_word, 0);
	host_futex_wake(&futex_word, INT32_MAX);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(atomic_load(&futex_woken), 3);
}
END_TEST

START_TEST(membarrier_works_once_registered)
{
	if (!host_membarrier_register())
		return;		/* Valgrind, or a host without it */
	ck_assert(host_membarrier());
	ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(rseq_fields_lie_in_area)
{
	ptrdiff_t area = 0, field = 0;

	if (!host_rseq(&area, &field))
		return;		/* the C library did not register it */
	ck_assert_int_gt(field, area);
	ck_assert_int_lt(field, area + 32);
	if (KMM_RSEQ && rseq_registered(area))
		ck_assert_uint_lt(rseq_cpu(field), host.nr_cpu_ids);
}
END_TEST

/* Files, environment, random numbers -------------------------------------- */

static void *drain_pipe(void *arg)
{
	static char buf[1000];
	int fd = *(int *)arg;
	long total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		total += n;
	return (void *)total;
}

/* More than a pipe holds: the host takes it in pieces. */
START_TEST(write_is_complete)
{
	static char text[1 << 20];
	pthread_t reader;
	void *total;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, drain_pipe, &fds[0]), 0);
	ck_assert_int_eq(host_write(fds[1], text, sizeof(text)), 0);
	close(fds[1]);
	pthread_join(reader, &total);
	close(fds[0]);
	ck_assert_int_eq((long)total, sizeof(text));
}
END_TEST

START_TEST(write_error_is_returned)
{
	ck_assert_int_eq(host_write(-1, "x", 1), -EBADF);
	ck_assert_int_eq(host_write(-1, "x", 0), 0);
	ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(read_file_reads_from_offset)
{
	char path[64], buf[16] = "";
	int fd = memfd_create("host", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, "0123456789", 10), 10);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(host_read_file(path, buf, 4, 3), 4);
	ck_assert_str_eq(buf, "3456");
	ck_assert_int_eq(host_read_file(path, buf, sizeof(buf), 8), 2);
	ck_assert_int_eq(host_read_file(path, buf, sizeof(buf), 10), 0);
	close(fd);
	errno = 1234;
	ck_assert_int_eq(host_read_file("/no/such/file", buf, 1, 0), -ENOENT);
	ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(getenv_compares_whole_name)
{
	setenv("KMM_TEST_HOST", "value=1", 1);
	setenv("KMM_TEST_EMPTY", "", 1);
	ck_assert_str_eq(host_getenv("KMM_TEST_HOST"), "value=1");
	ck_assert_str_eq(host_getenv("KMM_TEST_EMPTY"), "");
	ck_assert_ptr_null(host_getenv("KMM_TEST_HOS"));
	ck_assert_ptr_null(host_getenv("KMM_TEST_HOST2"));
	unsetenv("KMM_TEST_HOST");
	ck_assert_ptr_null(host_getenv("KMM_TEST_HOST"));
}
END_TEST

START_TEST(getenv_secure_process_sees_nothing)
{
	setenv("KMM_TEST_HOST", "1", 1);
	host.secure = true;
	ck_assert_ptr_null(host_getenv("KMM_TEST_HOST"));
	host.secure = false;
	ck_assert_ptr_nonnull(host_getenv("KMM_TEST_HOST"));
}
END_TEST

/* A preloaded library is called before the C library has set environ. */
TEST_SCENARIO(getenv_before_environ)
{
	char **saved = environ;
	const char *value;

	environ = NULL;
	value = host_getenv("KMM_CMDLINE");
	environ = saved;
	ck_assert_ptr_nonnull(value);
	ck_assert_ptr_nonnull(strstr(value, "mem=64M"));
}

START_TEST(getenv_without_environ_reads_stack)
{
	test_scenario_passes("getenv_before_environ", "mem=64M");
}
END_TEST

TEST_SCENARIO(print_random)
{
	ck_assert_uint_eq(host_random(), host_random());
	fprintf(stderr, "%llx", (unsigned long long)host_random());
}

START_TEST(random_differs_between_processes)
{
	char first[64];
	const char *text;

	ck_assert_int_eq(test_run_scenario("print_random", NULL, &text), 0);
	snprintf(first, sizeof(first), "%s", text);
	ck_assert_int_eq(test_run_scenario("print_random", NULL, &text), 0);
	ck_assert_str_ne(first, text);
}
END_TEST

START_TEST(abort_ends_by_sigabrt)
{
	const char *text;
	int status = test_run_child(host_abort, &text);

	test_aborted_with(status, text, "");
}
END_TEST

Suite *suite_host(void)
{
	Suite *s = suite_create("host");
	TCase *tc;

	tc = tcase_create("info");
	tcase_add_checked_fixture(tc, host_setup, host_teardown);
	tcase_add_test(tc, host_info_matches_libc);
	tcase_add_test(tc, host_clock_never_goes_back);
	suite_add_tcase(s, tc);

	tc = tcase_create("memory");
	tcase_add_checked_fixture(tc, host_setup, host_teardown);
	tcase_add_test(tc, map_gives_zeroed_memory);
	tcase_add_test(tc, map_fixed_taken_address_is_refused);
	tcase_add_loop_test(tc, reserve_is_aligned_and_inaccessible, 0, 12);
	tcase_add_test(tc, reserve_impossible_size_is_refused);
	tcase_add_test(tc, commit_opens_part_of_reservation);
	tcase_add_test(tc, protect_none_closes_page);
	tcase_add_test(tc, remap_keeps_contents);
	tcase_add_test(tc, discard_reads_as_zero);
	tcase_add_test(tc, resident_counts_touched_pages);
	suite_add_tcase(s, tc);

	tc = tcase_create("failure");
	tcase_add_checked_fixture(tc, host_setup, host_teardown);
	tcase_add_loop_test(tc, fail_nth_fails_from_there_on, 0, NR_CALLS);
	tcase_add_test(tc, fail_nth_spares_unmap_and_discard);
	suite_add_tcase(s, tc);

	tc = tcase_create("threads");
	tcase_add_checked_fixture(tc, host_setup, host_teardown);
	tcase_add_test(tc, futex_wait_on_other_value_returns);
	tcase_add_test(tc, futex_wake_wakes_waiters);
	tcase_add_test(tc, membarrier_works_once_registered);
	tcase_add_test(tc, rseq_fields_lie_in_area);
	suite_add_tcase(s, tc);

	tc = tcase_create("rest");
	tcase_add_checked_fixture(tc, host_setup, host_teardown);
	tcase_add_test(tc, write_is_complete);
	tcase_add_test(tc, write_error_is_returned);
	tcase_add_test(tc, read_file_reads_from_offset);
	tcase_add_test(tc, getenv_compares_whole_name);
	tcase_add_test(tc, getenv_secure_process_sees_nothing);
	tcase_add_test(tc, getenv_without_environ_reads_stack);
	tcase_add_test(tc, random_differs_between_processes);
	tcase_add_test(tc, abort_ends_by_sigabrt);
	suite_add_tcase(s, tc);
	return s;
}
