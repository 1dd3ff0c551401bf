// SPDX-License-Identifier: MIT
/*
 * A heap that is stopped, and what kmm_show() says of it: for readers from
 * outside to be compared with.
 *
 *	shown DIRECTORY		writes DIRECTORY/slabinfo and others, says "ready",
 *				waits for a signal
 */
#include <fcntl.h>
#include <kmm/kmm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <stdio.h>
#include <unistd.h>

#define NR_OBJECTS 300

void *in_use[NR_OBJECTS], *freed, *large, *mapped, *pages;
gfp_t flags = GFP_KERNEL | __GFP_ZERO;

static void show(const char *directory, const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || kmm_show(name, fd))
		perror(path);
	close(fd);
}

static void allocate(void)
{
	struct kmem_cache *s = kmem_cache_create("shown", 200, 0, 0, NULL);
	int i;

	for (i = 0; i < NR_OBJECTS; i++)
		in_use[i] = kmem_cache_alloc(s, GFP_KERNEL);
	for (i = 0; i < NR_OBJECTS; i += 3) {
		kmem_cache_free(s, in_use[i]);
		in_use[i] = NULL;
	}
	freed = kmalloc(100, GFP_KERNEL);
	kfree(freed);
	large = kmalloc(50000, GFP_KERNEL);
	mapped = vmalloc(5 << 20);
	pages = (void *)__get_free_pages(GFP_KERNEL, 2);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	allocate();
	show(argv[1], "slabinfo");
	show(argv[1], "buddyinfo");
	show(argv[1], "pagetypeinfo");
	puts("ready");
	fflush(stdout);
	return pause();
}
