/* SPDX-License-Identifier: MIT */
/*
 * Scope-based cleanup: a variable marked __free(name) is handed to the
 * function that DEFINE_FREE(name, …) defined when it leaves its scope.
 *
 *	char *buf __free(kfree) = kmalloc(64, GFP_KERNEL);
 *	if (!buf || fill(buf) < 0)
 *		return NULL;		// freed here
 *	return_ptr(buf);		// ownership goes to the caller
 *
 * C only: the casts it lives on are not C++.
 *
 * Source: kernel include/linux/cleanup.h.
 */
#ifndef _LINUX_CLEANUP_H
#define _LINUX_CLEANUP_H

#ifndef __cplusplus

/** DEFINE_FREE() - name a cleanup; @free_expr uses the value as `_T`. */
#define DEFINE_FREE(name, type, free_expr)				\
	static inline __attribute__((unused)) void __free_##name(void *p) \
	{								\
		type _T = *(type *)p;					\
									\
		free_expr;						\
	}

#define __free(name) __attribute__((cleanup(__free_##name)))

/** no_free_ptr() - the pointer's value; the variable becomes NULL. */
#define no_free_ptr(p)							\
	__extension__({							\
		__auto_type __kmm_ptr = (p);				\
									\
		(p) = NULL;						\
		__kmm_ptr;						\
	})

/** return_ptr() - return a __free() pointer to the caller, alive. */
#define return_ptr(p) return no_free_ptr(p)

/** retain_and_null_ptr() - give ownership away without using the value. */
#define retain_and_null_ptr(p) ((void)no_free_ptr(p))

#endif /* !__cplusplus */

#endif /* _LINUX_CLEANUP_H */
