// SPDX-License-Identifier: MIT
/*
 * Tests of mm/calltrace.c: what is in the file is what was called, in an order
 * that could have happened, whatever becomes of the file or the process.
 *
 * A trace begins at boot: so the tests run scenarios with trace=FILE, whose
 * path is in the environment as well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "calltrace.h"
#include "memcheck.h"
#include "slab_test.h"
#include "watch.h"

/* The tests' side ---------------------------------------------------------- */

static char directory[64], path[128];

static void make_directory(void)
{
	strcpy(directory, "/tmp/kmm-trace-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	setenv("KMM_TEST_TRACE", path, 1);
}

static void remove_directory(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
	unsetenv("KMM_TEST_TRACE");
}

static void traced_scenario(const char *name, const char *format, int *status,
			    const char **text)
{
	char words[256];

	snprintf(words, sizeof(words), "trace=%s trace_format=%s", path, format);
	*status = test_run_scenario(name, words, text);
}

static void traced_scenario_passes(const char *name)
{
	const char *text;
	int status;

	traced_scenario(name, "binary", &status, &text);
	ck_assert_msg(status == 0, "%s: wait status 0x%x\n%s", name,
		      (unsigned int)status, text);
}

/* Reading ------------------------------------------------------------------ */

struct trace_file {
	const struct trace_header *header;
	size_t size, at;
	char names[4096][64];
};

static struct trace_file file;

static void open_trace(const char *name)
{
	struct stat st;
	int fd = open(name, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	file.size = (size_t)st.st_size;
	file.header = mmap(NULL, file.size, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file.header, MAP_FAILED);
	close(fd);
	ck_assert_mem_eq(file.header->magic, TRACE_MAGIC, 8);
	ck_assert_uint_eq(file.header->version, TRACE_VERSION);
	ck_assert_uint_eq(file.header->record_size, TRACE_RECORD_SIZE);
	if (file.header->next < file.size)
		file.size = file.header->next;
	file.at = file.header->header_size;
}

static const void *next_record(void)
{
	if (file.at + TRACE_RECORD_SIZE > file.size)
		return NULL;
	file.at += TRACE_RECORD_SIZE;
	return (const char *)file.header + file.at - TRACE_RECORD_SIZE;
}

static void read_name(char *name, size_t len)
{
	const struct trace_text *text;
	size_t n;

	ck_assert_uint_lt(len, 64);
	for (; len; len -= n, name += n) {
		text = next_record();
		ck_assert_ptr_nonnull(text);
		ck_assert_int_eq(text->type, TRACE_TEXT);
		n = min_t(size_t, len, TRACE_TEXT_SIZE);
		memcpy(name, text->text, n);
	}
}

/* The next call, or what is no string and no caller; false at the end. */
static bool next_call(struct trace_call *call, struct trace_record *r)
{
	const struct trace_record *p;
	const struct trace_more *more;

	while ((p = next_record()) != NULL) {
		*r = *p;
		if (r->type == TRACE_STRING)
			read_name(file.names[r->name], trace_size(r));
		else if (r->type != TRACE_CALLER)
			break;
	}
	if (!p)
		return false;
	*call = (struct trace_call){
		.type = r->type, .tid = r->tid, .time = r->time,
		.size = trace_size(r), .caller = r->caller,
		.align = r->align_shift ? 1ull << r->align_shift : 0,
		.cache = r->name ? file.names[r->name] : NULL,
	};
	*(trace_is_free(call->type) ? &call->old : &call->result) = r->address;
	if (file.at < file.size &&
	    ((const char *)file.header)[file.at] == TRACE_MORE) {
		more = next_record();
		ck_assert_ptr_nonnull(more);
		ck_assert_int_eq(more->type, TRACE_MORE);
		call->old = more->old;
		call->size = more->size;
	}
	return true;
}

static void expect(enum trace_type type, const void *p, uint64_t size)
{
	struct trace_call call;
	struct trace_record r;

	do
		ck_assert(next_call(&call, &r));
	while (call.type == TRACE_THREAD);
	ck_assert_str_eq(trace_name(call.type) ?: "?", trace_name(type));
	ck_assert_uint_eq(trace_is_free(type) ? call.old : call.result,
			  (unsigned long)p);
	ck_assert_uint_eq(call.size, size);
	ck_assert_uint_eq(call.tid, (unsigned int)gettid());
	ck_assert_uint_ne(call.caller, 0);
}

/* Scenarios ---------------------------------------------------------------- */

TEST_SCENARIO(calltrace_each)
{
	volatile size_t size = 100;
	struct kmem_cache *s;
	struct page *page;
	void *p[5], *addr;

	p[0] = kmalloc(size, GFP_KERNEL);
	s = make_cache("traced", 40, 0);
	p[1] = kmem_cache_alloc(s, GFP_KERNEL);
	p[2] = vmalloc(5 << 20);
	page = alloc_pages(GFP_KERNEL, 1);
	addr = page_address(page);
	ck_assert_ptr_null(kmalloc(size << 50, GFP_KERNEL | __GFP_NOWARN));
	kfree(p[0]);
	kmem_cache_free(s, p[1]);
	vfree(p[2]);
	__free_pages(page, 1);

	open_trace(getenv("KMM_TEST_TRACE"));
	ck_assert_uint_eq(file.header->pid, (unsigned int)getpid());
	expect(TRACE_KMALLOC, p[0], 100);
	expect(TRACE_CACHE_ALLOC, p[1], 40);
	expect(TRACE_VMALLOC, p[2], 5 << 20);
	expect(TRACE_ALLOC_PAGES, addr, PAGE_SIZE * 2);
	expect(TRACE_KMALLOC, NULL, 100ull << 50);
	expect(TRACE_KFREE, p[0], 0);
	expect(TRACE_CACHE_FREE, p[1], 0);
	ck_assert_ptr_nonnull(memmem(file.header, file.size, "traced", 6));
	expect(TRACE_VFREE, p[2], 0);
	expect(TRACE_FREE_PAGES, addr, 0);
	ck_assert_ptr_null(next_record());
}

/* Past all steps of growing, and what is dropped. */
#define MANY 250000u

TEST_SCENARIO(calltrace_grows)
{
	const unsigned int many = (unsigned int)test_rounds(MANY);
	struct trace_call call;
	struct trace_record r;
	unsigned int i, nr = 0;
	volatile size_t size;
	uint64_t last = 0;

	for (i = 0; i < many; i++) {
		size = i % 4096 + 1;
		kfree(kmalloc(size, GFP_KERNEL));
	}
	open_trace(getenv("KMM_TEST_TRACE"));
	ck_assert_uint_eq(file.header->next, file.size);
	while (next_call(&call, &r)) {
		if (call.type == TRACE_THREAD)
			continue;
		ck_assert_int_eq(call.type, nr % 2 ? TRACE_KFREE : TRACE_KMALLOC);
		if (call.type == TRACE_KMALLOC)
			ck_assert_uint_eq(call.size, nr / 2 % 4096 + 1);
		ck_assert_uint_ge(call.time, last);
		last = call.time;
		nr++;
	}
	ck_assert_uint_eq(nr, 2 * many);
}

/* The program closes whatever is open (but for Check's own), and opens a file
 * that gets the number. */
TEST_SCENARIO(calltrace_closed)
{
	struct stat st;
	int fd;

	for (fd = 100; fd < 1024; fd++)
		close(fd);
	fd = memfd_create("own", 0);
	ck_assert_int_eq(dup2(fd, 800), 800);
	scenario_calltrace_grows();
	ck_assert_int_eq(fstat(800, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}

TEST_SCENARIO(calltrace_forks)
{
	unsigned int child = 0, nr[2] = { 0, 0 };
	struct trace_call call;
	struct trace_record r;
	volatile size_t size = 60;
	int i, status;
	pid_t pid;

	kfree(kmalloc(size, GFP_KERNEL));
	pid = fork();
	for (i = 0; i < 3000; i++)
		kfree(kmalloc(size, GFP_KERNEL));
	if (!pid)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	open_trace(getenv("KMM_TEST_TRACE"));
	while (next_call(&call, &r)) {
		if (call.type == TRACE_THREAD) {
			if (trace_size(&r) == (unsigned int)pid) {
				child = r.tid;
				ck_assert_uint_eq(r.address,
						  (unsigned int)getpid());
			}
			continue;
		}
		nr[call.tid == child]++;
	}
	ck_assert_uint_eq(child, (unsigned int)pid);
	ck_assert_uint_eq(nr[0], 6002);
	ck_assert_uint_eq(nr[1], 6000);
}

/* Blocks wander between threads through shared slots. */
#define NR_THREADS 8
#define NR_SLOTS 64
#define NR_MOVES 4000

static _Atomic(void *) slots[NR_SLOTS];

static void *move_blocks(void *arg)
{
	unsigned long seed = (unsigned long)arg;
	size_t size;
	int i;

	for (i = 0; i < NR_MOVES; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size = (seed >> 33) % 200 + 1;
		kfree(atomic_exchange(&slots[(seed >> 50) % NR_SLOTS],
				      kmalloc(size, GFP_KERNEL)));
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return x[0] != y[0] ? (x[0] < y[0] ? -1 : 1) :
			      (x[1] < y[1] ? -1 : x[1] > y[1]);
}

TEST_SCENARIO(calltrace_threads)
{
	/* address, place in the trace * 2 + is a free */
	static uint64_t seen[2 * NR_THREADS * NR_MOVES + 2 * NR_SLOTS][2];
	pthread_t thread[NR_THREADS];
	struct trace_call call;
	struct trace_record r;
	unsigned long i, nr = 0;

	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, move_blocks, (void *)i);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < NR_SLOTS; i++)
		kfree(slots[i]);

	open_trace(getenv("KMM_TEST_TRACE"));
	while (next_call(&call, &r)) {
		if (call.type == TRACE_THREAD || !(call.old | call.result))
			continue;
		ck_assert_uint_lt(nr, ARRAY_SIZE(seen));
		seen[nr][0] = call.old | call.result;
		seen[nr][1] = nr * 2 + (call.type == TRACE_KFREE);
		nr++;
	}
	ck_assert_uint_eq(nr, 2 * NR_THREADS * NR_MOVES);
	/* Of each address: malloc, free, malloc, free ... */
	qsort(seen, nr, sizeof(seen[0]), compare);
	for (i = 0; i < nr; i++)
		ck_assert_uint_eq(seen[i][1] & 1, i & 1);
	for (i = 0; i < nr; i += 2)
		ck_assert_uint_eq(seen[i][0], seen[i + 1][0]);
}

static void limit_file(size_t size)
{
	const struct rlimit limit = { size, size };

	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST_SCENARIO(calltrace_full)
{
	volatile size_t size = 60;
	int i;

	limit_file(200000);
	for (i = 0; i < 10000; i++)
		kfree(kmalloc(size, GFP_KERNEL));
}

TEST_SCENARIO(calltrace_nothing)
{
	ck_assert_int_eq(calls_watched, memcheck_active());
	kfree(kmalloc(100, GFP_KERNEL));
}

TEST_SCENARIO(calltrace_text)
{
	volatile size_t size = 100;
	void *p = kmalloc(size, GFP_KERNEL);
	struct kmem_cache *s = make_cache("traced", 40, 0);
	char expected[256], text[1024];
	int fd, len, tid = gettid();

	kmem_cache_free(s, kmem_cache_alloc(s, GFP_KERNEL));
	kfree(p);
	fd = open(getenv("KMM_TEST_TRACE"), O_RDONLY);
	len = (int)read(fd, text, sizeof(text) - 1);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	snprintf(expected, sizeof(expected), " [%d] kmalloc(100) = %p <- 0x", tid,
		 p);
	ck_assert_ptr_nonnull(strstr(text, expected));
	snprintf(expected, sizeof(expected), " [%d] kfree(%p) <- 0x", tid, p);
	ck_assert_ptr_nonnull(strstr(text, expected));
	ck_assert_ptr_nonnull(strstr(text, "kmem_cache_alloc(traced) = 0x"));
	ck_assert_ptr_nonnull(strstr(text, "kmem_cache_free(traced, 0x"));
	ck_assert_ptr_nonnull(strstr(text, "/unit+0x"));
}

TEST_SCENARIO(calltrace_killed)
{
	volatile size_t size = 77;

	kfree(kmalloc(size, GFP_KERNEL));
	raise(SIGKILL);
}

/* Tests -------------------------------------------------------------------- */

START_TEST(calltrace_each_call_is_recorded)
{
	traced_scenario_passes("calltrace_each");
}
END_TEST

START_TEST(calltrace_file_grows)
{
	traced_scenario_passes("calltrace_grows");
}
END_TEST

START_TEST(calltrace_descriptor_closed_goes_on)
{
	traced_scenario_passes("calltrace_closed");
}
END_TEST

START_TEST(calltrace_fork_goes_on_in_child)
{
	traced_scenario_passes("calltrace_forks");
}
END_TEST

START_TEST(calltrace_threads_keep_order)
{
	traced_scenario_passes("calltrace_threads");
}
END_TEST

START_TEST(calltrace_text_is_lines)
{
	const char *text;
	int status;

	traced_scenario("calltrace_text", "text", &status, &text);
	ck_assert_msg(status == 0, "wait status 0x%x\n%s", (unsigned int)status,
		      text);
}
END_TEST

START_TEST(calltrace_file_full_warns_once)
{
	struct trace_call call;
	struct trace_record r;
	char expected[256];
	const char *text;
	unsigned int nr = 0;
	int status;

	traced_scenario("calltrace_full", "binary", &status, &text);
	ck_assert_int_eq(status, 0);
	snprintf(expected, sizeof(expected),
		 "WARNING: trace: %s: file too large: no more calls are traced\n",
		 path);
	ck_assert_str_eq(text, expected);
	/* All of what fits is there. */
	open_trace(path);
	ck_assert_uint_gt(file.size, 200000 - 2 * TRACE_RECORD_SIZE);
	while (next_call(&call, &r))
		nr++;
	ck_assert_uint_gt(nr, 6000);
}
END_TEST

START_TEST(calltrace_file_refused_goes_on)
{
	const char *text;
	int status;

	strcpy(path, "/nowhere/file");
	traced_scenario("calltrace_nothing", "binary", &status, &text);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(text, "WARNING: trace: /nowhere/file: no such directory: no more calls are traced\n");
	/* A pipe or the like. */
	traced_scenario("calltrace_nothing", "text", &status, &text);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(text, "WARNING: trace: /nowhere/file: no such directory: no more calls are traced\n");
}
END_TEST

START_TEST(calltrace_file_there_is_left_alone)
{
	FILE *out = fopen(path, "w");
	char other[4096] = "";
	FILE *names;

	ck_assert_ptr_nonnull(out);
	fputs("mine", out);
	fclose(out);
	traced_scenario_passes("calltrace_nothing_else");
	out = fopen(path, "r");
	ck_assert_ptr_nonnull(fgets(other, sizeof(other), out));
	ck_assert_str_eq(other, "mine");
	fclose(out);
	snprintf(other, sizeof(other), "ls %s/file.[0-9]*", directory);
	names = popen(other, "r");
	ck_assert_ptr_nonnull(fgets(other, sizeof(other), names));
	pclose(names);
	other[strcspn(other, "\n")] = '\0';
	open_trace(other);
}
END_TEST

TEST_SCENARIO(calltrace_nothing_else)
{
	kfree(kmalloc(100, GFP_KERNEL));
}

START_TEST(calltrace_killed_loses_nothing)
{
	enum trace_type last = TRACE_NOTHING;
	struct trace_call call;
	struct trace_record r;
	const char *text;
	int status;

	traced_scenario("calltrace_killed", "binary", &status, &text);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_trace(path);
	while (next_call(&call, &r))
		last = call.type;
	ck_assert_int_eq(last, TRACE_KFREE);
}
END_TEST

Suite *suite_calltrace(void)
{
	Suite *s = suite_create("calltrace");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, make_directory, remove_directory);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, calltrace_each_call_is_recorded);
	tcase_add_test(tc, calltrace_file_grows);
	tcase_add_test(tc, calltrace_descriptor_closed_goes_on);
	tcase_add_test(tc, calltrace_fork_goes_on_in_child);
	tcase_add_test(tc, calltrace_threads_keep_order);
	tcase_add_test(tc, calltrace_text_is_lines);
	tcase_add_test(tc, calltrace_file_full_warns_once);
	tcase_add_test(tc, calltrace_file_refused_goes_on);
	tcase_add_test(tc, calltrace_file_there_is_left_alone);
	tcase_add_test(tc, calltrace_killed_loses_nothing);
	suite_add_tcase(s, tc);
	return s;
}
