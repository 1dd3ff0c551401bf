// SPDX-License-Identifier: MIT
/*
 * A program that is compiled with CONFIG_MEM_ALLOC_PROFILING, as C and as C++:
 * its allocations are counted by line. With an argument it waits.
 */
#include <kmm/kmm.h>
#include <linux/slab.h>
#include <unistd.h>

static void *make(size_t size)
{
	return kmalloc(size, GFP_KERNEL); /* line: make */
}

int main(int argc, char **argv)
{
	void *p = NULL;
	int i;

	(void)argv;
	for (i = 0; i < 10; i++)
		p = make(100);
	kfree(p);
	p = kvmalloc(6 << 20, GFP_KERNEL); /* line: kvmalloc */
	if (argc == 1)
		return kmm_show("allocinfo", 1);
	if (write(1, "ready\n", 6) == 6)
		pause();
	return !p;
}
