// SPDX-License-Identifier: MIT
/*
 * Allocation outside of main(): constructors, static objects, thread_local
 * destructors, atexit() handlers, destructors. Each frees what an earlier one
 * allocated and allocates again; the order of their ends is printed.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

static char *early;

__attribute__((constructor(101))) static void first_constructor()
{
	early = static_cast<char *>(malloc(1000));
	memset(early, 'x', 1000);
}

__attribute__((destructor(101))) static void last_destructor()
{
	static const char text[] = "last destructor\n";
	char *p = static_cast<char *>(malloc(100000));

	if (!p || early[999] != 'x')
		_exit(3);
	free(early);
	free(p);
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(4);
}

struct holder {
	std::map<int, std::string> map;

	explicit holder(int size)
	{
		for (int i = 0; i < size; i++)
			map[i] = std::string(static_cast<size_t>(i), 'h');
	}

	~holder()
	{
		auto copy = std::make_unique<std::map<int, std::string>>(map);
		size_t bytes = 0;

		for (auto &entry : *copy)
			bytes += entry.second.size();
		printf("holder of %zu strings, %zu bytes\n", copy->size(),
		       bytes);
	}
};

static holder global(50);
static thread_local holder per_thread(20);

static void at_exit()
{
	std::vector<std::string> strings(100, "allocated in an exit handler");

	printf("exit handler, %zu strings\n", strings.size());
	free(early);
	early = static_cast<char *>(malloc(1000));
	memset(early, 'x', 1000);
}

int main()
{
	alarm(60);
	atexit(at_exit);
	for (int i = 0; i < 20; i++) {
		std::thread thread([] { per_thread.map[1000] = "thread"; });

		thread.join();
	}
	per_thread.map[2000] = "main";
	/* Aligned, array and sized forms of new and delete. */
	struct alignas(256) wide {
		char bytes[512];
	};
	for (int i = 0; i < 1000; i++) {
		auto one = std::make_unique<wide>();
		auto many = std::make_unique<wide[]>(3);

		if (reinterpret_cast<uintptr_t>(one.get()) % 256 ||
		    reinterpret_cast<uintptr_t>(many.get()) % 256)
			return 1;
	}
	try {
		volatile size_t huge = static_cast<size_t>(-1) / 4;
		char *volatile p = new char[huge];

		return p ? 2 : 3;
	} catch (const std::bad_alloc &) {
		puts("bad_alloc");
	}
	return 0;
}
