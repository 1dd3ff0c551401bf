/* SPDX-License-Identifier: MIT */
/*
 * Checks of our own invariants.
 *
 * KMM_DEBUG is 1 in the debug build that `make check` also runs, 0 otherwise;
 * both ways the condition is compiled, so it cannot rot.
 */
#ifndef LIB_DEBUG_H
#define LIB_DEBUG_H

#include "compiler.h"
#include "printk.h"

#ifndef KMM_DEBUG
#define KMM_DEBUG 0
#endif

/* Print "BUG …" and abort: the state is proven broken, going on would spread
 * it. Never returns. */
void __attribute__((noreturn, cold)) kmm_bug(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* abort(), after a report of one's own. */
void __attribute__((noreturn, cold)) kmm_abort(void);

#define BUG_ON(cond)							\
	do {								\
		if (unlikely(cond))					\
			kmm_bug("BUG at %s:%d: %s\n", __FILE__,		\
				__LINE__, #cond);			\
	} while (0)

#define VM_BUG_ON(cond)							\
	do {								\
		if (KMM_DEBUG)						\
			BUG_ON(cond);					\
	} while (0)

#define WARN_ON_ONCE(cond)						\
	__extension__({							\
		bool __warn = !!(cond);					\
		if (unlikely(__warn))					\
			printk_once("WARNING: %s:%d: %s\n", __FILE__,	\
				    __LINE__, #cond);			\
		unlikely(__warn);					\
	})

#endif /* LIB_DEBUG_H */
