/* SPDX-License-Identifier: MIT */
/*
 * What of a stack can be read. See stack_view.c.
 */
#ifndef LIB_STACK_VIEW_H
#define LIB_STACK_VIEW_H

#include "compiler.h"

/* Sanitizers would look at what is read here as at a program's variables. */
#define READS_STACK __attribute__((no_sanitize("address", "thread")))

/* [low, limit), directly; or, if limit is 0, anything from low on, through a
 * window of the stack that is copied by the host. */
#define WINDOW_WORDS 64

struct stack_view {
	unsigned long low;
	unsigned long limit;
	unsigned long window_start;
	unsigned long window_end;
	unsigned long window[WINDOW_WORDS];
};

/* Words from @sp up to here can be read; 0 if that is not known. */
unsigned long stack_limit(unsigned long sp);

/* From now on, frames are above @sp. */
void view_stack(struct stack_view *view, unsigned long sp);

/* The slow part of read_stack(). */
bool read_window(struct stack_view *view, unsigned long addr,
		 unsigned long *val);

static inline READS_STACK unsigned long load_word(unsigned long addr)
{
	return *(unsigned long *)addr;
}

/* The word at @addr; false if there is none. */
static inline bool read_stack(struct stack_view *view, unsigned long addr,
			      unsigned long *val)
{
	if (likely(addr >= view->low && addr < view->limit &&
		   IS_ALIGNED(addr, sizeof(long)))) {
		*val = load_word(addr);
		return true;
	}
	return read_window(view, addr, val);
}

#endif /* LIB_STACK_VIEW_H */
