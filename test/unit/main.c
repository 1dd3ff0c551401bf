// SPDX-License-Identifier: MIT
/*
 * The unit tests' main program.
 *
 *	unit [suite...]		all suites, or those named; 0 if all tests pass
 *	unit --scenario name	one function in a fresh process; see unit.h
 *
 *	KMM_TEST_SEED=n		the seed of the property tests
 *	CK_FORK, CK_VERBOSITY, CK_RUN_CASE and so on are Check's own
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "memcheck.h"
#include "internal.h"
#include "unit.h"

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
	/* From the ground up: the first failure is the one to look at. */
	{ "list", suite_list },
	{ "printk", suite_printk },
	{ "cmdline", suite_cmdline },
	{ "host", suite_host },
	{ "lock", suite_lock },
	{ "backtrace", suite_backtrace },
	{ "module", suite_module },
	{ "stackdepot", suite_stackdepot },
	{ "percpu", suite_percpu },
	{ "boot", suite_boot },
	{ "sparse", suite_sparse },
	{ "buddy", suite_buddy },
	{ "page_alloc", suite_page_alloc },
	{ "page_ref", suite_page_ref },
	{ "page_run", suite_page_run },
	{ "free_block", suite_free_block },
	{ "pcp", suite_pcp },
	{ "page_reporting", suite_page_reporting },
	{ "slub", suite_slub },
	{ "slub_check", suite_slub_check },
	{ "sheaf", suite_sheaf },
	{ "slub_debug", suite_slub_debug },
	{ "slub_damage", suite_slub_damage },
	{ "slab_common", suite_slab_common },
	{ "kmalloc", suite_kmalloc },
	{ "whole", suite_whole },
	{ "kmalloc_caches", suite_kmalloc_caches },
	{ "kmalloc_fit", suite_kmalloc_fit },
	{ "vmalloc", suite_vmalloc },
	{ "treap", suite_treap },
	{ "vmap_kept", suite_vmap_kept },
	{ "util", suite_util },
	{ "bad_free", suite_bad_free },
	{ "reports", suite_reports },
	{ "anchor", suite_anchor },
	{ "watch", suite_watch },
	{ "probes", suite_probes },
	{ "page_owner", suite_page_owner },
	{ "page_poison", suite_page_poison },
	{ "kmemleak", suite_kmemleak },
	{ "calltrace", suite_calltrace },
	{ "fault_inject", suite_fault_inject },
	{ "failslab", suite_failslab },
	{ "kfence", suite_kfence },
	{ "tally", suite_tally },
	{ "heap_profile", suite_heap_profile },
	{ "alloc_tag", suite_alloc_tag },
};

#define NR_SUITES (sizeof(suites) / sizeof(suites[0]))

static unsigned long seed;
static unsigned long random_state;

unsigned long test_seed(void)
{
	return seed;
}

/* Splitmix64: any seed will do, 0 too. Steele, Lea, Flood, OOPSLA 2014. */
unsigned long test_random(void)
{
	unsigned long z = random_state += 0x9e3779b97f4a7c15UL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

size_t resident_bytes(void *addr, size_t size)
{
	size_t page_size = 1UL << host.page_shift, resident = 0, pos;
	unsigned char vec;

	for (pos = 0; pos < size; pos += page_size)
		if (!mincore((char *)addr + pos, page_size, &vec) && (vec & 1))
			resident += page_size;
	return resident;
}

int test_rounds(int n)
{
	return VALGRIND_RUNS ? (n + 9) / 10 : n;
}

static void choose_seed(void)
{
	const char *text = getenv("KMM_TEST_SEED");

	if (text)
		seed = strtoul(text, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (unsigned long)getpid();
}

static int captured_fd, saved_fd, capture_file = -1;
static char captured[TEST_CAPTURE_MAX];

void test_capture_begin(int fd)
{
	capture_file = memfd_create("capture", MFD_CLOEXEC);
	saved_fd = dup(fd);
	ck_assert_int_ge(capture_file, 0);
	ck_assert_int_ge(saved_fd, 0);
	captured_fd = fd;
	dup2(capture_file, fd);
}

const char *test_capture_end(void)
{
	ssize_t len;

	dup2(saved_fd, captured_fd);
	close(saved_fd);
	len = pread(capture_file, captured, sizeof(captured) - 1, 0);
	close(capture_file);
	ck_assert_int_ge(len, 0);
	captured[len] = '\0';
	return captured;
}

/* What a child runs: as the only test of a runner of its own, so that a failed
 * assertion comes back here and not into the parent's runner. */
static void (*child_fn)(void);

START_TEST(run_child)
{
	child_fn();
}
END_TEST

/* In the child. Nothing but failures is printed: the parent compares texts. */
static void __attribute__((noreturn)) run_and_exit(void (*fn)(void))
{
	const struct rlimit no_core = { 0, 0 };
	Suite *suite = suite_create("child");
	TCase *tc = tcase_create("child");
	TestResult **failures;
	SRunner *runner;
	int failed;

	setrlimit(RLIMIT_CORE, &no_core);
	child_fn = fn;
	tcase_add_test(tc, run_child);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	failures = srunner_failures(runner);
	for (int i = 0; i < failed; i++)
		fprintf(stderr, "%s:%d: %s\n", tr_lfile(failures[i]),
			tr_lno(failures[i]), tr_msg(failures[i]));
	/* Valgrind looks for leaks in children as well. */
	free(failures);
	srunner_free(runner);
	_exit(failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* After fork(): the parent's side. */
static int wait_for_child(pid_t pid, const char **text)
{
	const char *output;
	int status = -1;

	if (pid > 0)
		waitpid(pid, &status, 0);
	output = test_capture_end();
	ck_assert_int_gt(pid, 0);
	if (text)
		*text = output;
	return status;
}

int test_run_child(void (*fn)(void), const char **text)
{
	pid_t pid;

	fflush(NULL);
	test_capture_begin(2);
	pid = fork();
	if (!pid)
		run_and_exit(fn);
	return wait_for_child(pid, text);
}

static struct test_scenario *scenarios;

void test_scenario_register(struct test_scenario *scenario)
{
	scenario->next = scenarios;
	scenarios = scenario;
}

/* In the new program. */
static void __attribute__((noreturn)) run_scenario(const char *name)
{
	const struct test_scenario *scenario;

	for (scenario = scenarios; scenario; scenario = scenario->next)
		if (!strcmp(name, scenario->name))
			run_and_exit(scenario->fn);
	fprintf(stderr, "unit: no scenario \"%s\"\n", name);
	exit(EXIT_FAILURE);
}

/* The path of this program. Read at the start, by readlink(), which Valgrind
 * knows about; what it would execute as /proc/self/exe is Valgrind. */
static char self[4096];

static void __attribute__((noreturn)) exec_scenario(const char *name,
						    const char *cmdline)
{
	const char *lane = getenv("KMM_CMDLINE");
	char words[4096], number[32];

	snprintf(words, sizeof(words), "%s %s", lane ? lane : "",
		 cmdline ? cmdline : "");
	setenv("KMM_CMDLINE", words, 1);
	snprintf(number, sizeof(number), "%lu", seed);
	setenv("KMM_TEST_SEED", number, 1);
	execl(self, self, "--scenario", name, (char *)NULL);
	_exit(127);
}

int test_run_scenario(const char *name, const char *cmdline,
		      const char **text)
{
	pid_t pid;

	fflush(NULL);
	test_capture_begin(2);
	pid = fork();
	if (!pid)
		exec_scenario(name, cmdline);
	return wait_for_child(pid, text);
}

void test_scenario_passes(const char *name, const char *cmdline)
{
	const char *text;
	int status = test_run_scenario(name, cmdline, &text);

	ck_assert_msg(status == 0, "scenario %s \"%s\": wait status 0x%x\n%.6000s",
		      name, cmdline ? cmdline : "", (unsigned int)status, text);
}

void test_aborted_with(int status, const char *text, const char *message)
{
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		      "no abort but wait status 0x%x\n%s",
		      (unsigned int)status, text);
	ck_assert_msg(strstr(text, message) != NULL,
		      "expected \"%s\", got \"%s\"", message, text);
}

static int run_suite(size_t i)
{
	SRunner *runner = srunner_create(suites[i].make());
	int failed;

	random_state = seed;
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

static int run_named(const char *name)
{
	for (size_t i = 0; i < NR_SUITES; i++)
		if (!strcmp(name, suites[i].name))
			return run_suite(i);

	fprintf(stderr, "unit: no suite \"%s\"; there are:", name);
	for (size_t i = 0; i < NR_SUITES; i++)
		fprintf(stderr, " %s", suites[i].name);
	fputc('\n', stderr);
	return 1;
}

/* Tests count pages: none may come or go behind their back. */
static void no_reporter(void)
{
	const char *lane = getenv("KMM_CMDLINE");
	char words[4096];

	snprintf(words, sizeof(words), "page_reporting=0 %s", lane ? lane : "");
	setenv("KMM_CMDLINE", words, 1);
}

int main(int argc, char **argv)
{
	int failed = 0;

	/* A test may run in a child: nothing may be printed twice. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	no_reporter();
	/* Tests and scenarios find the library up, or know that it failed. */
	mm_ready();
	if (argc == 3 && !strcmp(argv[1], "--scenario")) {
		choose_seed();
		random_state = seed;
		run_scenario(argv[2]);
	}
	choose_seed();
	printf("KMM_TEST_SEED=%lu\n", seed);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		snprintf(self, sizeof(self), "%s", argv[0]);
	for (int i = 1; i < argc; i++)
		failed += run_named(argv[i]);
	for (size_t i = 0; argc == 1 && i < NR_SUITES; i++)
		failed += run_suite(i);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
