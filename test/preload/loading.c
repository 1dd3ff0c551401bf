// SPDX-License-Identifier: MIT
/*
 * Loading and unloading: libraries that allocate in their constructors, and
 * the allocator itself, loaded late into a process that has used up most of
 * its static TLS; and who looks for malloc() in libc alone.
 *
 * TEST_DIR is where run.sh built the plugins; TEST_LATE is the library for
 * loading_shim_late (it is not preloaded there).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "preload.h"

static const char *need_env(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		_exit(EXIT_SKIPPED);
	return value;
}

static void *open_plugin_with(const char *format, int nr, int mode)
{
	char path[4096];
	void *handle;

	CHECK(snprintf(path, sizeof(path), format, need_env("TEST_DIR"), nr) <
	      (int)sizeof(path));
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | mode);
	if (!handle)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(handle);
	return handle;
}

static void *open_plugin(const char *format, int nr)
{
	return open_plugin_with(format, nr, 0);
}

static void loading_plugin_loop(void)
{
	int i;

	for (i = 0; i < 300; i++) {
		void *handle = open_plugin("%s/plugin.so", 0);
		void *(*make)(size_t);
		char *p;

		*(void **)&make = dlsym(handle, "plugin_make");
		CHECK(make);
		p = make(500);
		CHECK(p);
		CHECK(!dlclose(handle));
		CHECK(p[499] == 'p');
		free(p);
	}
}

static atomic_bool stop;

static void *churn(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (!atomic_load(&stop)) {
		char *p = malloc(next_random(&seed) % 5000);

		CHECK(p);
		free(p);
	}
	return NULL;
}

static void loading_plugin_loop_while_threads_churn(void)
{
	pthread_t threads[3];
	uintptr_t i;

	for (i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn,
				      (void *)(i + 1)));
	loading_plugin_loop();
	atomic_store(&stop, true);
	for (i = 0; i < 3; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

/* Whoever frees what another has allocated. */
static void swap_blocks(void *(*make)(size_t), void (*drop)(void *))
{
	size_t size;

	CHECK(make && drop);
	for (size = 1; size < 20u << 20; size = size * 5 + 3) {
		drop(malloc(size));
		free(make(size));
		drop(make(size));
	}
}

/* Its references are to what it is linked with: libc. */
static void *swap_with_deep_plugin(void *arg)
{
	void *plugin = open_plugin_with("%s/plugin.so", 0, RTLD_DEEPBIND);
	void *(*make)(size_t);
	void (*drop)(void *);

	*(void **)&make = dlsym(plugin, "plugin_own");
	*(void **)&drop = dlsym(plugin, "plugin_drop");
	swap_blocks(make, drop);
	CHECK(!dlclose(plugin));
	return arg;
}

static void loading_deepbind_has_one_heap(void)
{
	swap_with_deep_plugin(NULL);
}

static void loading_deepbind_in_threads_has_one_heap(void)
{
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, swap_with_deep_plugin,
				      NULL));
	for (i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

/* As bindings of languages find functions. */
static void loading_handle_of_libc_has_one_heap(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	void *(*make)(size_t), *(*resize)(void *, size_t);
	void (*drop)(void *);
	int (*align)(void **, size_t, size_t);
	void *p;

	CHECK(libc);
	*(void **)&make = dlsym(libc, "malloc");
	*(void **)&drop = dlsym(libc, "free");
	*(void **)&resize = dlsym(libc, "realloc");
	*(void **)&align = dlsym(libc, "posix_memalign");
	CHECK(resize && align);
	swap_blocks(make, drop);
	p = resize(strdup("a block"), 5000);
	CHECK(p && !strcmp(p, "a block"));
	free(p);
	CHECK(!align(&p, 64, 1000));
	free(p);
}

static void loading_dlopen_knows_its_caller(void)
{
	void *plugin = open_plugin("%s/plugin.so", 0);
	void *(*open_by_name)(const char *);

	CHECK(!dlopen("libinner.so", RTLD_NOW));
	*(void **)&open_by_name = dlsym(plugin, "plugin_open");
	CHECK(open_by_name && open_by_name("libinner.so"));
}

static void *(*late_malloc)(size_t);
static void (*late_free)(void *);

static void *late_thread(void *arg)
{
	char *p[200];
	size_t i, round;

	(void)arg;
	for (round = 0; round < 200; round++) {
		for (i = 0; i < 200; i++) {
			p[i] = late_malloc(i * 17);
			CHECK(p[i]);
			memset(p[i], 1, i * 17);
		}
		for (i = 0; i < 200; i++)
			late_free(p[i]);
	}
	return NULL;
}

static void loading_shim_late(void)
{
	const char *shim = need_env("TEST_LATE");
	pthread_t threads[4];
	void *handle, *kept;
	int i, status;
	pid_t pid;

	for (i = 0; i < 40; i++)
		open_plugin("%s/tls%d.so", i);
	handle = dlopen(shim, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(handle);
	*(void **)&late_malloc = dlsym(handle, "malloc");
	*(void **)&late_free = dlsym(handle, "free");
	CHECK(late_malloc && late_free && late_malloc != malloc);
	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, late_thread, NULL));
	for (i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));

	kept = late_malloc(1000);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		late_free(kept);
		late_thread(NULL);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	late_free(kept);

	/* After dlclose() a fork must not call handlers that are gone. */
	CHECK(!dlclose(handle));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static const struct test tests[] = {
	{ "loading_plugin_loop", loading_plugin_loop },
	{ "loading_plugin_loop_while_threads_churn",
	  loading_plugin_loop_while_threads_churn },
	{ "loading_deepbind_has_one_heap", loading_deepbind_has_one_heap },
	{ "loading_deepbind_in_threads_has_one_heap",
	  loading_deepbind_in_threads_has_one_heap },
	{ "loading_handle_of_libc_has_one_heap",
	  loading_handle_of_libc_has_one_heap },
	{ "loading_dlopen_knows_its_caller", loading_dlopen_knows_its_caller },
	{ "loading_shim_late", loading_shim_late },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY_SIZE(tests));
}
