// SPDX-License-Identifier: MIT
/*
 * Modules: libraries that come and go where others were, under stack traces and
 * their names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "backtrace.h"
#include "chain.h"
#include "memcheck.h"
#include "module.h"
#include "unit.h"

/* Libraries that come and go ---------------------------------------------------- */

static void *open_plugin(const char *name)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	void *handle;

	ck_assert_int_gt(len, 0);
	path[len] = '\0';
	snprintf(strrchr(path, '/') + 1, 64, "plugin-%s.so", name);
	handle = dlopen(path, RTLD_NOW);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

static int chain_through_plugin(void *arg)
{
	int ret = chain_run(arg);

	NO_TAIL_CALL();
	return ret;
}

static unsigned long call_plugin(const char *name, struct chain *c)
{
	int (*call)(int (*)(void *), void *);
	void *handle = open_plugin(name);
	unsigned long address;

	*(void **)&call = dlsym(handle, "plugin_call");
	ck_assert_ptr_nonnull(*(void **)&call);
	address = (unsigned long)*(void **)&call;
	call(chain_through_plugin, c);
	dlclose(handle);
	return address;
}

static void ignore_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

/* All four are alike but for the size of a frame; so each comes to where the
 * one before was, and what was remembered must not be believed. */
START_TEST(backtrace_other_library_at_same_address)
{
	const char *names[] = { "a", "b", "a", "no-id-a", "no-id-b", "b" };
	unsigned long addresses[ARRAY_SIZE(names)];
	unsigned int same = 0;

	chain_handle(SIGURG, 0, ignore_signal);
	for (int round = 0; round < test_rounds(20); round++) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct chain c = { .len = 2, .witness = round % 2 };
			struct chain here = { 0 };

			c.fn[0] = c.fn[1] = frame_plain;
			addresses[i] = call_plugin(names[i], &c);
			chain_check(&c);
			/* Not only up to the library, but to the start. */
			chain_run(&here);
			ck_assert_uint_eq(c.entries[c.nr - 1],
					  here.entries[here.nr - 1]);
			if (i)
				same += addresses[i] == addresses[i - 1];
		}
	}
	if (!VALGRIND_RUNS)
		ck_assert_uint_gt(same, 0);
}
END_TEST

/* What a library is known by is its own, and not what is where another that was
 * there had it. */
START_TEST(module_build_id_of_other_library)
{
	const char *const names[] = { "a", "no-id-a", "b", "no-id-b", "a" };
	u64 id[ARRAY_SIZE(names)];

	chain_handle(SIGURG, 0, ignore_signal);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		void *handle = open_plugin(names[i]);
		struct module module;

		ck_assert(find_module((unsigned long)dlsym(handle, "plugin_call"),
				      &module));
		id[i] = module_build_id(module.eh.start);
		dlclose(handle);
	}
	ck_assert_uint_eq(id[1], 0);
	ck_assert_uint_eq(id[3], 0);
	ck_assert_uint_ne(id[0], 0);
	ck_assert_uint_ne(id[2], id[0]);
	ck_assert_uint_eq(id[4], id[0]);
}
END_TEST

static void *plugin;
static int (*plugin_call)(int (*)(void *), void *);

static void *close_and_open(void *name)
{
	if (plugin)
		dlclose(plugin);
	plugin = name ? open_plugin(name) : NULL;
	if (plugin)
		*(void **)&plugin_call = dlsym(plugin, "plugin_call");
	return NULL;
}

/* In a thread, so that this one's stack stays as it is. */
static void exchange_plugin(const char *name)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, close_and_open,
					(void *)name), 0);
	pthread_join(thread, NULL);
}

/* Far below what anybody else has used. */
static noinline void call_plugin_below(struct chain *c, size_t bytes)
{
	volatile char *p = __builtin_alloca((64 << 10) + bytes);

	p[0] = 1;
	if (c->other) {
		plugin_call(chain_through_plugin, c);
		OTHER_CALL();
	} else {
		plugin_call(chain_through_plugin, c);
		ONE_CALL();
	}
}

/* The larger frame of the second comes with its lower end to where that of the
 * first was: all that the walk read then is still on the stack. */
START_TEST(backtrace_other_library_with_old_words)
{
	const char *const names[] = { "a", "b" };

	chain_handle(SIGURG, 0, ignore_signal);
	for (size_t i = 0; i < 128; i++) {
		struct chain c = { .other = i % 2 };
		size_t n = i / 2;

		/* Once, n * 16 is by how much the frames differ. One call. */
		exchange_plugin(names[i % 2]);
		call_plugin_below(&c, n * 1024 + n * (1 - i % 2) * 16);
		chain_check(&c);
	}
	exchange_plugin(NULL);
}
END_TEST

/* What is printed of the frame in the plugin, in a stack that was kept. */
static void print_past(const struct chain *c, char *text, size_t size)
{
	unsigned long entry = c->entries[c->len + 3];
	const char *line;

	test_capture_begin(2);
	backtrace_print_past("", &entry, 1);
	line = test_capture_end();
	snprintf(text, size, "%s", strchr(line, '(') ?: "");
}

/* Of a library that is gone the name stays; where another has come, there is no
 * telling. What is there now has its own name. */
START_TEST(backtrace_names_of_unloaded_library)
{
	struct chain a = { .len = 1, .fn = { frame_plain } }, b = a, again = a;
	unsigned long address;
	char text[4096];
	const char *path;

	chain_handle(SIGURG, 0, ignore_signal);
	address = call_plugin("a", &a);
	print_past(&a, text, sizeof(text));
	ck_assert_msg(strstr(text, "/plugin-a.so+0x") != NULL, "%s", text);
	if (call_plugin("a", &again) == address) {
		print_past(&a, text, sizeof(text));
		ck_assert_msg(strstr(text, "/plugin-a.so+0x") != NULL, "%s",
			      text);
	}
	if (call_plugin("b", &b) != address)
		return;
	print_past(&a, text, sizeof(text));
	ck_assert_str_eq(text, "(?)\n");
	exchange_plugin("b");
	if ((unsigned long)*(void **)&plugin_call == address) {
		unsigned long vaddr;

		ck_assert(backtrace_module(b.entries[b.len + 3] - 1, &path,
					   &vaddr));
		ck_assert_ptr_nonnull(strstr(path, "/plugin-b.so"));
	}
	exchange_plugin(NULL);
}
END_TEST

static atomic_int inside_dlopen, may_leave;

static void wait_in_constructor(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	atomic_store(&inside_dlopen, 1);
	while (!atomic_load(&may_leave))
		usleep(100);
}

static void *dlopen_thread(void *arg)
{
	(void)arg;
	dlclose(open_plugin("a"));
	return NULL;
}

/* The loader's locks are held by a thread that will not let go before us. */
START_TEST(backtrace_while_thread_is_inside_dlopen)
{
	struct chain c = { 0 };
	const char *path;
	pthread_t thread;
	unsigned long vaddr;

	chain_handle(SIGURG, 0, wait_in_constructor);
	ck_assert_int_eq(pthread_create(&thread, NULL, dlopen_thread, NULL), 0);
	while (!atomic_load(&inside_dlopen))
		usleep(100);
	for (int i = 0; i < 100; i++) {
		chain_random(&c);
		chain_run(&c);
		chain_check(&c);
		ck_assert(backtrace_module(c.entries[0], &path, &vaddr));
	}
	atomic_store(&may_leave, 1);
	pthread_join(thread, NULL);
}
END_TEST

/* Profiling signals --------------------------------------------------------------- */

#define NR_PROF_THREADS 4

static __thread unsigned long outermost;	/* of this thread */
static atomic_ulong prof_taken, prof_bad;
static atomic_bool prof_stop;

static void prof_handler(int sig, siginfo_t *info, void *context)
{
	unsigned long entries[MAX_ENTRIES], pc = context_pc(context);
	unsigned int nr, i;

	(void)sig;
	(void)info;
	if (!outermost)
		return;
	nr = backtrace_save(entries, MAX_ENTRIES, NULL);
	atomic_fetch_add(&prof_taken, 1);
	if (!saved_alike((void *)RETURN_ADDRESS()))
		atomic_fetch_add(&prof_bad, 1);
	for (i = 0; i < nr && SIGNALS_INTERRUPT && entries[i] != pc; i++)
		;
	/* It met what it interrupted, and came to the thread's start. */
	if (i < nr && entries[nr - 1] == outermost)
		return;
	if (!atomic_fetch_add(&prof_bad, 1))
		backtrace_print("bad:", entries, nr);
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void *prof_thread(void *arg)
{
	struct chain c = { 0 };
	int numbers[64];
	char text[64];

	(void)arg;
	chain_run(&c);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		numbers[i] = (int)(i * 7919 % 64);
	outermost = c.entries[c.nr - 1];
	for (unsigned int i = 0; !atomic_load(&prof_stop); i++) {
		c.len = i % MAX_CHAIN;
		for (unsigned int j = 0; j < c.len; j++)
			c.fn[j] = frame_kinds[(i + j) % NR_KINDS];
		chain_run(&c);
		if (!chain_matches(&c))
			atomic_fetch_add(&prof_bad, 1);
		qsort(numbers, ARRAY_SIZE(numbers), sizeof(numbers[0]),
		      compare_ints);
		snprintf(text, sizeof(text), "%d %p", numbers[0], arg);
		free(strdup(text));
	}
	outermost = 0;
	return NULL;
}

/* Stacks interrupted at any instruction, while libraries come and go. */
START_TEST(backtrace_under_sigprof_with_threads)
{
	const struct itimerval on = { { 0, 1000 }, { 0, 1000 } };
	const struct itimerval off = { { 0, 0 }, { 0, 0 } };
	pthread_t threads[NR_PROF_THREADS];

	chain_handle(SIGURG, 0, ignore_signal);
	chain_handle(SIGPROF, SA_RESTART, prof_handler);
	for (int i = 0; i < NR_PROF_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, prof_thread,
						NULL), 0);
	setitimer(ITIMER_PROF, &on, NULL);
	for (int i = 0; i < test_rounds(1000); i++) {
		void *a = open_plugin(i % 2 ? "a" : "b");

		dlclose(open_plugin("no-id-a"));
		dlclose(a);
	}
	setitimer(ITIMER_PROF, &off, NULL);
	atomic_store(&prof_stop, true);
	for (int i = 0; i < NR_PROF_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&prof_bad), 0);
	ck_assert_uint_gt(atomic_load(&prof_taken), 0);
}
END_TEST

/* Modules ----------------------------------------------------------------------- */

static int compare_phdr(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *path;
	unsigned long vaddr;

	(void)size;
	(void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X))
			continue;
		ck_assert(backtrace_module(info->dlpi_addr + phdr->p_vaddr,
					   &path, &vaddr));
		ck_assert_uint_eq(vaddr, phdr->p_vaddr);
		if (*info->dlpi_name)
			ck_assert_str_eq(path, info->dlpi_name);
		else
			ck_assert_int_eq(*path, '/');
	}
	return 0;
}

START_TEST(module_of_each_segment)
{
	const char *path;
	unsigned long vaddr;

	dl_iterate_phdr(compare_phdr, NULL);
	ck_assert(!backtrace_module(0, &path, &vaddr));
	ck_assert(!backtrace_module((unsigned long)&path, &path, &vaddr));
	ck_assert(!backtrace_module(~0ul, &path, &vaddr));
}
END_TEST

START_TEST(module_path_of_program_is_absolute)
{
	const char *path;
	unsigned long vaddr;
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ck_assert_int_gt(len, 0);
	self[len] = '\0';
	ck_assert(backtrace_module((unsigned long)(void *)chain_take, &path,
				   &vaddr));
	if (!VALGRIND_RUNS)
		ck_assert_str_eq(path, self);
}
END_TEST
Suite *suite_module(void)
{
	Suite *suite = suite_create("module");
	TCase *tc = tcase_create("names");

	/* First: where all tests are one process, no library has been there. */
	tcase_add_test(tc, backtrace_names_of_unloaded_library);
	suite_add_tcase(suite, tc);

	tc = tcase_create("loader");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, backtrace_other_library_at_same_address);
	tcase_add_test(tc, backtrace_other_library_with_old_words);
	tcase_add_test(tc, module_build_id_of_other_library);
	tcase_add_test(tc, backtrace_while_thread_is_inside_dlopen);
	tcase_add_test(tc, backtrace_under_sigprof_with_threads);
	suite_add_tcase(suite, tc);

	tc = tcase_create("modules");
	tcase_add_test(tc, module_of_each_segment);
	tcase_add_test(tc, module_path_of_program_is_absolute);
	suite_add_tcase(suite, tc);
	return suite;
}
