/* SPDX-License-Identifier: MIT */
/*
 * Error numbers carried in pointers: the last page of the address space.
 *
 * Source: kernel include/linux/err.h.
 */
#ifndef _LINUX_ERR_H
#define _LINUX_ERR_H

#include <kmm/types.h>

#define MAX_ERRNO 4095

#define IS_ERR_VALUE(x) ((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return IS_ERR_VALUE(ptr);
}

static inline bool IS_ERR_OR_NULL(const void *ptr)
{
	return !ptr || IS_ERR_VALUE(ptr);
}

#endif /* _LINUX_ERR_H */
