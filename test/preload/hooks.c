// SPDX-License-Identifier: MIT
/*
 * A second preloaded library, of the kind that traces or fakes libc calls: it
 * allocates inside of each. An allocator that calls libc while it starts, or
 * under a lock, comes back to itself through these and hangs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* A block of each path, so that slow paths are entered too. */
static void allocate(void)
{
	free(malloc(100));
	free(malloc(30000));
}

/* dlsym() itself may allocate: that is part of the test. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = (mode_t)va_arg(args, unsigned int);
	va_end(args);
	allocate();
	return NEXT(open)(path, flags, mode);
}

ssize_t read(int fd, void *buf, size_t size)
{
	allocate();
	return NEXT(read)(fd, buf, size);
}

ssize_t write(int fd, const void *buf, size_t size)
{
	allocate();
	return NEXT(write)(fd, buf, size);
}

ssize_t readlink(const char *path, char *buf, size_t size)
{
	allocate();
	return NEXT(readlink)(path, buf, size);
}

char *getenv(const char *name)
{
	allocate();
	return NEXT(getenv)(name);
}

char *secure_getenv(const char *name)
{
	allocate();
	return NEXT(secure_getenv)(name);
}

long sysconf(int name)
{
	allocate();
	return NEXT(sysconf)(name);
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	allocate();
	return NEXT(mmap)(addr, size, prot, flags, fd, offset);
}

int munmap(void *addr, size_t size)
{
	allocate();
	return NEXT(munmap)(addr, size);
}

int madvise(void *addr, size_t size, int advice)
{
	allocate();
	return NEXT(madvise)(addr, size, advice);
}

int mprotect(void *addr, size_t size, int prot)
{
	allocate();
	return NEXT(mprotect)(addr, size, prot);
}
