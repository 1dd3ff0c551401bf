// SPDX-License-Identifier: MIT
/*
 * A program with a heap of its own, by libkmm.a, that loses two objects of it:
 * on the malloc shim the process has two heaps.
 */
#include <linux/slab.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((noinline)) lose_object(struct kmem_cache *s)
{
	void *p = kmem_cache_alloc(s, GFP_KERNEL);

	__asm__ volatile("" : "+r"(p) : : "memory");
	memset(p, 1, 64);
	p = NULL;
	__asm__ volatile("" : "+r"(p) : : "memory");
}

/* With an argument, it waits to be looked at. */
int main(int argc, char **argv)
{
	struct kmem_cache *s = kmem_cache_create("own", 64, NULL, 0);
	volatile int i;

	for (i = 0; i < 2; i++)
		lose_object(s);
	if (argc > 1) {
		puts(argv[1]);
		fflush(stdout);
		pause();
	}
	return 0;
}
