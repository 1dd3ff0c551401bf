/* SPDX-License-Identifier: MIT */
/*
 * Stacks that are known, for the tests of stack traces.
 *
 * A chain of functions of several kinds, each of which notes where it will
 * return to, ends in chain_take(), which takes the trace:
 *
 *	entries[0]	in chain_take()
 *	entries[1]	where that returns to
 *	entries[2...]	where each function of the chain returns to
 *	the rest	the same as of any other trace from here
 *
 * The C library's backtrace(), which allocates and takes locks, is the second
 * witness: for frames of libc, of signals, and at the start of threads.
 */
#ifndef TEST_CHAIN_H
#define TEST_CHAIN_H

#include <signal.h>

#include "unit.h"

#define MAX_CHAIN 48
#define MAX_ENTRIES 128

struct chain;
typedef int (*chain_fn)(struct chain *c);

struct chain {
	chain_fn fn[MAX_CHAIN];
	unsigned long ra[MAX_CHAIN];
	unsigned int len;
	unsigned int pos;
	unsigned long take_ra;
	const void *caller;		/* handed to backtrace_save() */
	unsigned int max;		/* 0: MAX_ENTRIES */
	bool witness;			/* ask backtrace() */
	bool other;			/* some functions call from another place */
	bool alike;			/* save_stack() says the same, twice */
	unsigned int nr;
	int nr_seen;
	unsigned long entries[MAX_ENTRIES];
	void *seen[MAX_ENTRIES];
};

#define RETURN_ADDRESS() ((unsigned long)__builtin_return_address(0))
/* The call before is no tail call. */
#define NO_TAIL_CALL() __asm__ volatile("" : : : "memory")
/* Of two calls of a function the compiler does not make one. */
#define ONE_CALL() __asm__ volatile("nop" : : : "memory")
#define OTHER_CALL() __asm__ volatile("nop; nop" : : : "memory")

/* TSan calls a program's handlers later, from one of its own functions. */
#if defined(__SANITIZE_THREAD__)
#define SIGNALS_INTERRUPT false
#elif defined(__has_feature)
#define SIGNALS_INTERRUPT (!__has_feature(thread_sanitizer))
#else
#define SIGNALS_INTERRUPT true
#endif

/* The stack from @caller on, walked; and by save_stack(), which remembers. */
bool saved_alike(const void *caller);

/* At the chain's end. */
int chain_take(struct chain *c);

static inline __attribute__((always_inline)) int chain_next(struct chain *c)
{
	int ret = c->pos < c->len ? c->fn[c->pos++](c) : chain_take(c);

	NO_TAIL_CALL();
	return ret;
}

/* Kinds of functions: of any registers, frames and arguments. */
int frame_plain(struct chain *c);
int frame_registers(struct chain *c);
int frame_alloca(struct chain *c);
int frame_aligned(struct chain *c);
int frame_large(struct chain *c);

#define NR_KINDS 7
extern const chain_fn frame_kinds[NR_KINDS];

/* Call the chain; and as a thread does. */
int chain_run(struct chain *c);
void *chain_thread(void *arg);

/* Is the trace the chain's? And libc's the same? */
bool chain_matches(const struct chain *c);
bool witness_agrees(const struct chain *c);
void chain_check(struct chain *c);

/* A chain of any length and kinds. */
void chain_random(struct chain *c);

/* For this signal, this handler. */
void chain_handle(int sig, int flags,
		  void (*handler)(int, siginfo_t *, void *));

/* What a signal interrupted. */
unsigned long context_pc(void *context);

#endif /* TEST_CHAIN_H */
