// SPDX-License-Identifier: MIT
/*
 * Stacks, read so that no word of them can be fatal.
 *
 * What a wrong row or an overwritten word points to is not read unless it
 * is known to be there. The words between sp and the end of the thread's
 * own stack are: no thread unmaps what it stands on. The end is found once
 * per thread. It is __libc_stack_end for the first thread, and for others
 * the thread pointer, since libc puts its struct pthread (and the static
 * thread-local blocks) at the top of the stack. That sp is on that stack
 * and not on a coroutine's below it is shown by asking the host whether
 * every page from sp up to the end can be read: below a stack is a
 * guard page, or the gap that the host keeps there. Pages once shown stay
 * so, and are remembered as `my_stack.low`.
 *
 *	guard | not shown yet | my_stack.low ... sp ... my_stack.end | guard
 *
 * On any other stack (sigaltstack, makecontext) words are read through the
 * host, some at a time, which fails where there is nothing.
 *
 * Not covered:	an overwritten frame of a coroutine whose stack lies directly
 *		below that of a thread with a stack from its creator, or without
 *		a guard, if the frame points to a third mapping between both
 *		which is being unmapped.
 * Context:	any, signal handlers too. No locks; the host is asked for what was
 *		not shown yet, and for windows.
 * Not here:	where on a stack a frame has what: unwind.c.
 */
#include "host.h"
#include "stack_view.h"

extern void *__libc_stack_end __attribute__((weak));

/* [low, end) of this thread's stack is there; end 0: not known yet. */
static __thread struct {
	unsigned long low;
	unsigned long end;
} my_stack;

/* The host is asked for so many pages at most. */
#define MAX_LEARN (256ul << 20)

static unsigned long thread_pointer(void)
{
#if defined(__x86_64__)
	unsigned long tp;

	/* The first word of the thread area is its own address. */
	__asm__("movq %%fs:0, %0" : "=r"(tp));
	return tp;
#else
	return (unsigned long)__builtin_thread_pointer();
#endif
}

/*
 * Is every byte from @sp to @end there? Then this is the stack that ends so.
 * A signal handler may come between the two stores, and do the same: low is
 * set first, since it says nothing while there is no end.
 */
static bool learn_stack(unsigned long sp, unsigned long end)
{
	unsigned long known = my_stack.end ? my_stack.low : end;

	if (sp >= end || known - sp > MAX_LEARN || !host_readable(sp, known))
		return false;
	/* All of a page is there. */
	WRITE_ONCE(my_stack.low, ALIGN_DOWN(sp, 4096ul));
	atomic_signal_fence(memory_order_seq_cst);
	WRITE_ONCE(my_stack.end, end);
	return true;
}

static noinline bool learn_my_stack(unsigned long sp)
{
	if (my_stack.end)
		return sp < my_stack.low && learn_stack(sp, my_stack.end);
	if (&__libc_stack_end &&
	    learn_stack(sp, (unsigned long)__libc_stack_end))
		return true;
	/* The first thread's area is anywhere, and what lies below it too. */
	return host_gettid() != host_getpid() &&
	       learn_stack(sp, thread_pointer());
}

static bool on_my_stack(unsigned long sp)
{
	return (sp >= my_stack.low && sp < my_stack.end) || learn_my_stack(sp);
}

unsigned long stack_limit(unsigned long sp)
{
	return on_my_stack(sp) ? my_stack.end - sizeof(long) + 1 : 0;
}

void view_stack(struct stack_view *view, unsigned long sp)
{
	view->low = sp;
	view->limit = stack_limit(sp);
	view->window_start = 0;
	view->window_end = 0;
}

noinline bool read_window(struct stack_view *view, unsigned long addr,
			  unsigned long *val)
{
	if (view->limit || addr < view->low || !IS_ALIGNED(addr, sizeof(long)))
		return false;
	if (addr < view->window_start || addr >= view->window_end) {
		/* Within a page: it is there or it is not. */
		size_t size = min_t(size_t, sizeof(view->window),
				    4096 - addr % 4096);

		if (host_peek(view->window, addr, size) != (long)size)
			return false;
		view->window_start = addr;
		view->window_end = addr + size;
	}
	*val = view->window[(addr - view->window_start) / sizeof(long)];
	return true;
}
