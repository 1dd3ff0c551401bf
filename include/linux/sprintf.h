/* SPDX-License-Identifier: MIT */
/*
 * Formatting into allocated memory.
 *
 * Source: kernel include/linux/sprintf.h.
 */
#ifndef _LINUX_SPRINTF_H
#define _LINUX_SPRINTF_H

#include <stdarg.h>
#include <linux/gfp_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * kasprintf() - format a string into memory from kmalloc()
 * @gfp: GFP_* flags.
 * @fmt: a printf() format of the C library.
 *
 * Return: the string, to be freed with kfree(); %NULL without memory.
 */
KMM_API KMM_MALLOC KMM_PRINTF(2, 3)
char *kasprintf(gfp_t gfp, const char *fmt, ...);

/** kvasprintf() - kasprintf() with a va_list. */
KMM_API KMM_MALLOC KMM_PRINTF(2, 0)
char *kvasprintf(gfp_t gfp, const char *fmt, va_list args);

#ifdef __cplusplus
}
#endif

#endif /* _LINUX_SPRINTF_H */
