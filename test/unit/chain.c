// SPDX-License-Identifier: MIT
/*
 * Stacks that are known. See chain.h.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "backtrace.h"
#include "chain.h"
#include "stackdepot.h"

/* Sanitizers put a function of theirs in front of it. */
static int (*libc_backtrace)(void **buffer, int size) = backtrace;

static __attribute__((constructor)) void find_libc_backtrace(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	void *function = libc ? dlsym(libc, "backtrace") : NULL;

	if (function)
		*(void **)&libc_backtrace = function;
	/* It loads a library the first time, which no handler may do. */
	libc_backtrace(&function, 1);
}

noinline bool saved_alike(const void *caller)
{
	unsigned long walked[STACK_DEPTH];
	const unsigned long *saved;
	unsigned int nr, nr_saved;
	bool alike = true;

	nr = backtrace_save(walked, STACK_DEPTH, caller);
	for (int i = 0; i < 2; i++) {
		nr_saved = stack_depot_fetch(save_stack(caller), &saved);
		alike &= nr == nr_saved &&
			 !memcmp(walked, saved, nr * sizeof(walked[0]));
	}
	return alike;
}

noinline int chain_take(struct chain *c)
{
	c->take_ra = RETURN_ADDRESS();
	c->alike = saved_alike((void *)c->take_ra);
	c->nr = backtrace_save(c->entries, c->max ? c->max : MAX_ENTRIES,
			       c->caller);
	if (c->witness)
		c->nr_seen = libc_backtrace(c->seen, MAX_ENTRIES);
	NO_TAIL_CALL();
	return 1;
}

noinline int frame_plain(struct chain *c)
{
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + 1;
}

/* Saves all registers that there are. */
noinline int frame_registers(struct chain *c)
{
	volatile int *from = (volatile int *)&c->len;
	int a = *from, b = *from, d = *from, e = *from, f = *from, g = *from;

	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + a + b * 2 + d * 3 + e * 4 + f * 5 + g * 6;
}

/* Needs a frame pointer. */
noinline int frame_alloca(struct chain *c)
{
	volatile char *p = __builtin_alloca(c->len * 16 + 8);

	p[0] = 1;
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + p[0];
}

/* Realigns the stack. */
noinline int frame_aligned(struct chain *c)
{
	volatile _Alignas(128) char buf[128];

	buf[0] = 1;
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + buf[0];
}

/* Both: gcc describes it by an expression. */
static noinline int frame_aligned_alloca(struct chain *c)
{
	volatile _Alignas(64) char buf[64];
	volatile char *p = __builtin_alloca(c->len * 16 + 8);

	p[0] = 1;
	buf[0] = 1;
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + buf[0] + p[0];
}

/* More than a remembered row can say. */
noinline int frame_large(struct chain *c)
{
	volatile char buf[100000];

	buf[0] = 1;
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + buf[0];
}

static noinline long many_arguments(struct chain *c, long a, long b, long d,
				    long e, long f, long g, long h, long i)
{
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + a + b + d + e + f + g + h + i;
}

/* Arguments on the stack; two frames. */
static noinline int frame_arguments(struct chain *c)
{
	long ret;

	c->ra[c->pos - 1] = RETURN_ADDRESS();
	if (c->pos == c->len)
		return chain_next(c) + 1;
	c->pos++;
	ret = many_arguments(c, 1, 2, 3, 4, 5, 6, 7, 8);
	NO_TAIL_CALL();
	return (int)ret;
}

const chain_fn frame_kinds[NR_KINDS] = {
	frame_plain, frame_registers, frame_alloca, frame_aligned,
	frame_aligned_alloca, frame_large, frame_arguments,
};

noinline int chain_run(struct chain *c)
{
	int ret;

	c->pos = 0;
	ret = chain_next(c);
	NO_TAIL_CALL();
	return ret;
}

static void chain_print(const struct chain *c)
{
	for (unsigned int i = 0; i < c->nr; i++)
		printf("#%u %#lx\n", i, c->entries[i]);
	for (unsigned int i = c->len; i--;)
		printf("expected %#lx\n", c->ra[i]);
	for (int i = 0; i < c->nr_seen; i++)
		printf("seen %p\n", c->seen[i]);
}

bool chain_matches(const struct chain *c)
{
	unsigned long take = (unsigned long)(void *)chain_take;

	if (!c->alike || c->nr < c->len + 2 || c->entries[0] <= take ||
	    c->entries[0] > take + 1000 || c->entries[1] != c->take_ra)
		return false;
	for (unsigned int i = 0; i < c->len; i++)
		if (c->entries[2 + i] != c->ra[c->len - 1 - i])
			return false;
	return true;
}

/* Both called from chain_take(), so the first one differs. */
bool witness_agrees(const struct chain *c)
{
	if ((int)c->nr != c->nr_seen)
		return false;
	for (unsigned int i = 1; i < c->nr; i++)
		if (c->entries[i] != (unsigned long)c->seen[i])
			return false;
	return true;
}

void chain_check(struct chain *c)
{
	bool good = chain_matches(c) && (!c->witness || witness_agrees(c));

	if (!good)
		chain_print(c);
	ck_assert(good);
}

void chain_random(struct chain *c)
{
	c->len = test_random() % (MAX_CHAIN - 1) + 1;
	for (unsigned int i = 0; i < c->len; i++)
		c->fn[i] = frame_kinds[test_random() % NR_KINDS];
}

void *chain_thread(void *arg)
{
	chain_run(arg);
	NO_TAIL_CALL();
	return NULL;
}

unsigned long context_pc(void *context)
{
	ucontext_t *uc = context;

#if defined(__x86_64__)
	return (unsigned long)uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return uc->uc_mcontext.pc;
#else
	(void)uc;
	return 0;
#endif
}

void chain_handle(int sig, int flags,
		  void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	ck_assert_int_eq(sigaction(sig, &sa, NULL), 0);
}
