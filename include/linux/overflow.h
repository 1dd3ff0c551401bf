/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on sizes that cannot wrap around unnoticed.
 *
 * Source: kernel include/linux/overflow.h.
 */
#ifndef _LINUX_OVERFLOW_H
#define _LINUX_OVERFLOW_H

#include <kmm/types.h>

/* True if the result did not fit in *d. */
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d) __builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)

/** size_mul() - @a * @b, or %SIZE_MAX if that does not fit. */
static inline size_t size_mul(size_t a, size_t b)
{
	size_t bytes;

	return check_mul_overflow(a, b, &bytes) ? SIZE_MAX : bytes;
}

/** size_add() - @a + @b, or %SIZE_MAX if that does not fit. */
static inline size_t size_add(size_t a, size_t b)
{
	size_t bytes;

	return check_add_overflow(a, b, &bytes) ? SIZE_MAX : bytes;
}

/** array_size() - bytes of an array of @n elements of @size, saturating. */
#define array_size(n, size) size_mul(n, size)

/** struct_size() - bytes of *@p with @n elements in its last array @member. */
#define struct_size(p, member, n) \
	size_add(sizeof(*(p)), size_mul(n, sizeof(*(p)->member)))

#endif /* _LINUX_OVERFLOW_H */
