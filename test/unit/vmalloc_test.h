/* SPDX-License-Identifier: MIT */
/*
 * What the tests of blocks of their own share.
 *
 * A block's contents are a function of its tag and of the offset, so any part
 * of it can be checked at any time, wherever the block has moved to.
 */
#ifndef TEST_VMALLOC_TEST_H
#define TEST_VMALLOC_TEST_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vmalloc.h>

#include "gate.h"
#include "internal.h"
#include "unit.h"

#define KIB 1024UL
#define MIB (1024UL * KIB)

/* Every STEPth byte is looked at, and the last one. */
#define STEP 509

static inline unsigned char content(unsigned long tag, size_t off)
{
	return (unsigned char)(tag * 31 + off * 7 + 1);
}

static inline void fill(unsigned char *p, size_t from, size_t size, unsigned long tag)
{
	if (from >= size)
		return;
	for (size_t off = from + STEP - 1 - (from + STEP - 1) % STEP;
	     off < size; off += STEP)
		p[off] = content(tag, off);
	p[size - 1] = content(tag, size - 1);
}

static inline void check(const unsigned char *p, size_t size, unsigned long tag)
{
	for (size_t off = 0; off < size; off += STEP)
		ck_assert_int_eq(p[off], content(tag, off));
}

static inline bool all_zero(const unsigned char *p, size_t from, size_t to)
{
	for (; from < to; from++)
		if (p[from])
			return false;
	return true;
}

static inline void assert_valid(void)
{
	ck_assert_uint_eq(vmalloc_validate(), 0);
}

static inline unsigned long count_areas(void)
{
	unsigned long areas;
	size_t bytes;

	vmalloc_stat(&areas, &bytes);
	return areas;
}

static inline size_t count_bytes(void)
{
	unsigned long areas;
	size_t bytes;

	vmalloc_stat(&areas, &bytes);
	return bytes;
}

static inline size_t mapped_size(const void *p)
{
	size_t size;

	gate_enter();
	size = vmalloc_size(p);
	gate_exit();
	return size;
}

/* Address space of the process in pages, without allocating. */
static inline unsigned long mapped_pages(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	return strtoul(text, NULL, 10);
}

static inline bool page_is_mapped(const void *addr)
{
	unsigned char vec;

	return mincore((void *)((unsigned long)addr & PAGE_MASK), 1, &vec) == 0;
}


/* A block of the program's, before anything counts what there is. */
static inline void boot(void)
{
	vfree(vmalloc(1));
}

#endif /* TEST_VMALLOC_TEST_H */
