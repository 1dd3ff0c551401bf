// SPDX-License-Identifier: MIT
/*
 * Stack traces of stacks that are known.
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
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "backtrace.h"
#include "memcheck.h"
#include "stackdepot.h"
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

/* TSan calls a program's handlers later, from one of its own functions. */
#if defined(__SANITIZE_THREAD__)
#define SIGNALS_INTERRUPT false
#elif defined(__has_feature)
#define SIGNALS_INTERRUPT (!__has_feature(thread_sanitizer))
#else
#define SIGNALS_INTERRUPT true
#endif

/* The stack from @caller on, walked; and by save_stack(), which remembers. */
static noinline bool saved_alike(const void *caller)
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

static noinline int chain_take(struct chain *c)
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

static inline __attribute__((always_inline)) int chain_next(struct chain *c)
{
	int ret = c->pos < c->len ? c->fn[c->pos++](c) : chain_take(c);

	NO_TAIL_CALL();
	return ret;
}

static noinline int frame_plain(struct chain *c)
{
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + 1;
}

/* Saves all registers that there are. */
static noinline int frame_registers(struct chain *c)
{
	volatile int *from = (volatile int *)&c->len;
	int a = *from, b = *from, d = *from, e = *from, f = *from, g = *from;

	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + a + b * 2 + d * 3 + e * 4 + f * 5 + g * 6;
}

/* Needs a frame pointer. */
static noinline int frame_alloca(struct chain *c)
{
	volatile char *p = __builtin_alloca(c->len * 16 + 8);

	p[0] = 1;
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	return chain_next(c) + p[0];
}

/* Realigns the stack. */
static noinline int frame_aligned(struct chain *c)
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
static noinline int frame_large(struct chain *c)
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

#if defined(__x86_64__)
/* The CFA is in rbx, which only its callees have: saved, if they use it. */
int frame_in_rbx(struct chain *c, int (*fn)(struct chain *c));
__asm__(".text\n"
	".type frame_in_rbx, @function\n"
	"frame_in_rbx:\n"
	"	.cfi_startproc\n"
	"	pushq %rbx\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbx, -16\n"
	"	movq %rsp, %rbx\n"
	"	.cfi_def_cfa_register %rbx\n"
	"	subq $100, %rsp\n"
	"	andq $-64, %rsp\n"
	"	call *%rsi\n"
	"	movq %rbx, %rsp\n"
	"	.cfi_def_cfa_register %rsp\n"
	"	popq %rbx\n"
	"	.cfi_def_cfa_offset 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size frame_in_rbx, . - frame_in_rbx\n");

static noinline int frame_rbx(struct chain *c)
{
	int ret;

	c->ra[c->pos - 1] = RETURN_ADDRESS();
	if (c->pos == c->len)
		return chain_next(c) + 1;
	/* Its own frame is entered in the place of the next. */
	c->fn[c->pos++] = frame_plain;
	ret = frame_in_rbx(c, frame_registers);
	NO_TAIL_CALL();
	return ret + 1;
}
#endif

#if defined(__x86_64__)
/* As a JIT writes it: in no module, with a frame pointer. */
static const unsigned char jit_code[] = {
	0x55,				/* push %rbp */
	0x48, 0x89, 0xe5,		/* mov %rsp, %rbp */
	0xff, 0xd6,			/* call *%rsi */
	0x5d,				/* pop %rbp */
	0xc3,				/* ret */
};
static int (*jit_frame)(struct chain *c, int (*fn)(struct chain *c));

static noinline int frame_jit(struct chain *c)
{
	int ret;

	c->ra[c->pos - 1] = RETURN_ADDRESS();
	c->pos++;
	if (c->other) {
		ret = jit_frame(c, frame_registers);
		OTHER_CALL();
	} else {
		ret = jit_frame(c, frame_registers);
		ONE_CALL();
	}
	return ret + 1;
}
#endif

static const chain_fn frame_kinds[] = {
	frame_plain, frame_registers, frame_alloca, frame_aligned,
	frame_aligned_alloca, frame_large, frame_arguments,
};
#define NR_KINDS ARRAY_SIZE(frame_kinds)

static noinline int chain_run(struct chain *c)
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

static bool chain_matches(const struct chain *c)
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
static bool witness_agrees(const struct chain *c)
{
	if ((int)c->nr != c->nr_seen)
		return false;
	for (unsigned int i = 1; i < c->nr; i++)
		if (c->entries[i] != (unsigned long)c->seen[i])
			return false;
	return true;
}

static void chain_check(struct chain *c)
{
	bool good = chain_matches(c) && (!c->witness || witness_agrees(c));

	if (!good)
		chain_print(c);
	ck_assert(good);
}

static void chain_random(struct chain *c)
{
	c->len = test_random() % (MAX_CHAIN - 1) + 1;
	for (unsigned int i = 0; i < c->len; i++)
		c->fn[i] = frame_kinds[test_random() % NR_KINDS];
}

/* Frames ------------------------------------------------------------------- */

/* Each kind, met for the first time and then remembered. */
START_TEST(backtrace_frame_of_each_kind)
{
	struct chain c = {
		.fn = { frame_kinds[_i], frame_plain, frame_kinds[_i] },
		.len = 3,
	};

	for (int i = 0; i < 3; i++) {
		chain_run(&c);
		chain_check(&c);
	}
	c.witness = true;
	chain_run(&c);
	chain_check(&c);
}
END_TEST

START_TEST(backtrace_random_frames)
{
	for (int i = 0; i < test_rounds(300); i++) {
		struct chain c = { 0 };

		chain_random(&c);
		chain_run(&c);
		chain_check(&c);
	}
}
END_TEST

/* From one place, with sp where it was, under callers that change. */
static noinline int caller_of_two(struct chain *c, unsigned int which,
				  unsigned int depth)
{
	int ret;

	if (!depth) {
		ret = chain_run(c);
		NO_TAIL_CALL();
	} else if (which & 1) {
		ret = caller_of_two(c, which >> 1, depth - 1);
		ONE_CALL();
	} else {
		ret = caller_of_two(c, which >> 1, depth - 1);
		OTHER_CALL();
	}
	return ret;
}

START_TEST(backtrace_callers_change_in_place)
{
	struct chain c = {
		.fn = { frame_plain, frame_alloca, frame_registers },
		.len = (unsigned int)_i,
	};

	for (int i = 0; i < test_rounds(3000); i++) {
		unsigned int which = (unsigned int)test_random();

		caller_of_two(&c, which, which >> 16 & 7);
		chain_check(&c);
	}
}
END_TEST

/*
 * A frame that only its frame pointer finds, once above and once below 64 bytes
 * of its caller's. In these is what the walk met there before: an address of the
 * caller's, but not where this call returns to.
 *
 *	over = 0	| caller | return address | frame        | same sp below
 *	over = 64	| caller | 64 bytes, filled | return address | frame |
 */
static noinline int frame_of_bytes(struct chain *c, size_t bytes)
{
	volatile char *p = __builtin_alloca(bytes);

	p[0] = 1;
	c->ra[0] = RETURN_ADDRESS();
	return chain_next(c) + p[0];
}

static noinline int frame_below(struct chain *c, size_t over,
				unsigned long fill)
{
	volatile unsigned long *p = __builtin_alloca(over + 16);
	int ret;

	for (size_t i = 0; i < over / sizeof(*p) + 2; i++)
		p[i] = fill;
	c->pos = 1;
	if (fill) {
		ret = frame_of_bytes(c, 80 - over);
		ONE_CALL();
	} else {
		ret = frame_of_bytes(c, 80 - over);
		OTHER_CALL();
	}
	return ret;
}

START_TEST(backtrace_frame_pointer_changes_in_place)
{
	struct chain c = { .fn = { NULL, frame_registers }, .len = 2 };

	for (int i = 0; i < 6; i++) {
		frame_below(&c, i % 2 ? 64 : 0, i % 2 ? c.ra[0] : 0);
		chain_check(&c);
	}
}
END_TEST

static jmp_buf above;

static noinline int frame_jumps(struct chain *c)
{
	c->ra[c->pos - 1] = RETURN_ADDRESS();
	chain_next(c);
	longjmp(above, 1);
}

static noinline void run_until_jump(struct chain *c)
{
	if (!setjmp(above))
		chain_run(c);
}

/* The frames are left without a return, and others come in their place. */
START_TEST(backtrace_after_longjmp)
{
	static struct chain jumps, stays;

	for (int i = 0; i < test_rounds(300); i++) {
		chain_random(&jumps);
		jumps.fn[0] = frame_jumps;
		stays = jumps;
		stays.fn[0] = frame_kinds[test_random() % NR_KINDS];
		run_until_jump(&jumps);
		chain_check(&jumps);
		chain_run(&stays);
		chain_check(&stays);
	}
}
END_TEST

#if defined(__x86_64__)
/* A register is needed that remembered rows have lost: the walk starts over. */
START_TEST(backtrace_cfa_in_other_register)
{
	struct chain c = {
		.fn = { frame_plain, frame_rbx, NULL, frame_registers,
			frame_alloca },
		.len = 5,
	};

	for (int i = 0; i < 3; i++) {
		c.witness = i == 2;
		chain_run(&c);
		ck_assert_uint_gt(c.nr, 8);
		/* frame_in_rbx() itself has noted nothing. */
		ck_assert_uint_eq(c.entries[2], c.ra[4]);
		ck_assert_uint_eq(c.entries[3], c.ra[3]);
		ck_assert_uint_eq(c.entries[4], c.ra[2]);
		ck_assert_uint_eq(c.entries[6], c.ra[1]);
		ck_assert_uint_eq(c.entries[7], c.ra[0]);
	}
	ck_assert(witness_agrees(&c));
}
END_TEST
#endif

#if defined(__x86_64__)
/* No description, so by the frame pointer, which was found by rows. */
START_TEST(backtrace_through_code_of_no_module)
{
	struct chain here = { 0 }, c = {
		.fn = { frame_plain, frame_jit, NULL, frame_alloca },
		.len = 4,
	};
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(code, MAP_FAILED);
	memcpy(code, jit_code, sizeof(jit_code));
	ck_assert_int_eq(mprotect(code, 4096, PROT_READ | PROT_EXEC), 0);
	*(void **)&jit_frame = code;
	chain_run(&here);
	for (int i = 0; i < 4; i++) {
		c.other = i % 2;
		chain_run(&c);
		ck_assert(c.alike);
		/* The generated function itself has noted nothing. */
		ck_assert_uint_eq(c.entries[2], c.ra[3]);
		ck_assert_uint_eq(c.entries[3], c.ra[2]);
		ck_assert_uint_eq(c.entries[3], (unsigned long)code + 6);
		ck_assert_uint_eq(c.entries[5], c.ra[1]);
		ck_assert_uint_eq(c.entries[6], c.ra[0]);
		ck_assert_uint_eq(c.entries[c.nr - 1],
				  here.entries[here.nr - 1]);
	}
	munmap(code, 4096);
}
END_TEST
#endif

START_TEST(backtrace_stops_at_max)
{
	struct chain c = { .len = 20, .max = 1 + (unsigned int)_i };

	for (unsigned int i = 0; i < c.len; i++)
		c.fn[i] = frame_kinds[i % 3];
	c.entries[c.max] = 0x1234;
	chain_run(&c);
	ck_assert_uint_eq(c.nr, c.max);
	ck_assert_uint_eq(c.entries[c.max], 0x1234);
	if (c.max > 1)
		ck_assert_uint_eq(c.entries[1], c.take_ra);
	for (unsigned int i = 2; i < c.max; i++)
		ck_assert_uint_eq(c.entries[i], c.ra[21 - i]);
	ck_assert_uint_eq(backtrace_save(c.entries, 0, NULL), 0);
}
END_TEST

/* The chain from function @_i on is left out: it returns to where no other
 * does, since a function of its kind calls frame_large() there only. */
START_TEST(backtrace_begins_at_caller)
{
	struct chain c = { .len = 20 };
	unsigned int first = (unsigned int)_i;

	for (unsigned int i = 0; i < c.len; i++)
		c.fn[i] = i + 1 == first ? frame_plain :
			  frame_kinds[1 + i % 3];
	chain_run(&c);
	c.caller = (void *)c.ra[first];
	/* Also where the caller is not among the innermost @max. */
	for (c.max = 2; c.max < 24; c.max += 7) {
		chain_run(&c);
		for (unsigned int i = 0; i <= first && i < c.max; i++)
			ck_assert_uint_eq(c.entries[i], c.ra[first - i]);
		ck_assert_uint_le(c.nr, c.max);
	}
}
END_TEST

START_TEST(backtrace_caller_never_met_is_put_first)
{
	struct chain c = { .len = 3, .caller = (void *)0x123456 };

	c.fn[0] = c.fn[1] = c.fn[2] = frame_plain;
	for (c.max = 1; c.max < 5; c.max++) {
		chain_run(&c);
		ck_assert_uint_eq(c.nr, c.max);
		ck_assert_uint_eq(c.entries[0], 0x123456);
		if (c.max > 2)
			ck_assert_uint_eq(c.entries[2], c.take_ra);
		if (c.max > 3)
			ck_assert_uint_eq(c.entries[3], c.ra[2]);
	}
}
END_TEST

/* Through the C library, and from other stacks ------------------------------- */

static struct chain *current;

static int compare_by_chain(const void *a, const void *b)
{
	(void)a;
	(void)b;
	chain_run(current);
	NO_TAIL_CALL();
	return 0;
}

START_TEST(backtrace_through_qsort)
{
	struct chain c = { .witness = true };
	int two[2] = { 2, 1 };

	chain_random(&c);
	current = &c;
	qsort(two, 2, sizeof(two[0]), compare_by_chain);
	chain_check(&c);
}
END_TEST

static unsigned long interrupted_pc;

static unsigned long context_pc(void *context)
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

static void chain_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	interrupted_pc = context_pc(context);
	chain_run(current);
	NO_TAIL_CALL();
}

static void handle(int sig, int flags,
		   void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	ck_assert_int_eq(sigaction(sig, &sa, NULL), 0);
}

static void check_through_signal(int flags)
{
	struct chain inner = { .witness = true }, outer;
	unsigned int i;

	chain_random(&inner);
	current = &inner;
	handle(SIGUSR1, flags, chain_handler);
	raise(SIGUSR1);
	chain_check(&inner);
	/* What was interrupted is there, and we ourselves. */
	for (i = 0; i < inner.nr; i++)
		if (inner.entries[i] == interrupted_pc)
			break;
	ck_assert_uint_lt(i, inner.nr);
	memset(&outer, 0, sizeof(outer));
	chain_run(&outer);
	ck_assert_uint_gt(inner.nr, i + outer.nr - 2);
	ck_assert_uint_eq(inner.entries[inner.nr - 1],
			  outer.entries[outer.nr - 1]);
}

START_TEST(backtrace_through_signal_handler)
{
	check_through_signal(0);
}
END_TEST

#if defined(__x86_64__)
/* Interrupted where the caller's frame pointer is restored, but described as
 * still saved: below sp by now. Compilers describe all functions so. */
int trap_behind_pop(void);
__asm__(".text\n"
	".type trap_behind_pop, @function\n"
	"trap_behind_pop:\n"
	"	.cfi_startproc\n"
	"	pushq %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	popq %rbp\n"
	"	.cfi_def_cfa_offset 8\n"
	"	int3\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size trap_behind_pop, . - trap_behind_pop\n");

/* Cannot be left but by its frame pointer. */
static noinline int trap_below_alloca(size_t size)
{
	volatile char *p = __builtin_alloca(size);

	p[0] = 1;
	trap_behind_pop();
	return p[0];
}

START_TEST(backtrace_through_signal_behind_pop)
{
	struct chain here = { 0 }, c = { 0 };

	handle(SIGTRAP, 0, chain_handler);
	current = &c;
	for (int i = 0; i < 2; i++) {
		chain_run(&here);
		trap_below_alloca(100 + (size_t)i);
		chain_check(&c);
		ck_assert_uint_eq(c.entries[c.nr - 1],
				  here.entries[here.nr - 1]);
	}
	current = NULL;
}
END_TEST
#endif

static char alternate[128 << 10];

START_TEST(backtrace_through_handler_on_alternate_stack)
{
	const stack_t stack = {
		.ss_sp = alternate, .ss_size = sizeof(alternate),
	};
	const stack_t none = { .ss_flags = SS_DISABLE };
	struct chain c = { .witness = true, .len = 3 };

	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	c.fn[0] = frame_alloca;
	c.fn[1] = frame_registers;
	c.fn[2] = frame_aligned;
	current = &c;
	handle(SIGUSR1, SA_ONSTACK, chain_handler);
	for (int i = 0; i < 2; i++) {
		raise(SIGUSR1);
		chain_check(&c);
	}
	ck_assert_int_eq(sigaltstack(&none, NULL), 0);
}
END_TEST

static void *chain_thread(void *arg)
{
	chain_run(arg);
	NO_TAIL_CALL();
	return NULL;
}

START_TEST(backtrace_from_thread)
{
	for (int i = 0; i < 20; i++) {
		struct chain c = { .witness = true };
		pthread_t thread;

		chain_random(&c);
		ck_assert_int_eq(pthread_create(&thread, NULL, chain_thread,
						&c), 0);
		pthread_join(thread, NULL);
		chain_check(&c);
	}
}
END_TEST

static ucontext_t main_context, other_context;

static void chain_coroutine(void)
{
	chain_run(current);
	NO_TAIL_CALL();
}

/* Guard pages on both sides: what is read beyond is fatal. */
static char *guarded_stack(size_t size)
{
	char *p = mmap(NULL, size + 8192, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_int_eq(mprotect(p + 4096, size, PROT_READ | PROT_WRITE), 0);
	return p + 4096;
}

static void *run_coroutine(void *arg)
{
	const size_t size = 8 << 20;
	char *stack = guarded_stack(size);

	current = arg;
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = size;
	other_context.uc_link = &main_context;
	makecontext(&other_context, chain_coroutine, 0);
	swapcontext(&main_context, &other_context);
	munmap(stack - 4096, size + 8192);
	return NULL;
}

START_TEST(backtrace_from_makecontext_stack)
{
	struct chain c = { .witness = true };
	pthread_t thread;

	chain_random(&c);
	run_coroutine(&c);
	chain_check(&c);
	/* And where another thread's stack may be right above. */
	chain_random(&c);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_coroutine, &c), 0);
	pthread_join(thread, NULL);
	chain_check(&c);
}
END_TEST

/* Broken stacks --------------------------------------------------------------- */

static unsigned long closed_page(void)
{
	static void *p;

	if (!p)
		p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	return (unsigned long)p;
}

static unsigned long bad_word(unsigned int i, unsigned long frame)
{
	const unsigned long words[] = {
		0, 1, 8, 4096, ~0ul, ~7ul, 1ul << 63, 0x4141414141414141,
		0x7ffffffffff8, 0x0000414141414140, closed_page(),
		closed_page() + 4088, (unsigned long)&current,
		(unsigned long)bad_word, (unsigned long)(void *)qsort,
		frame, frame - 8, frame + 4, frame - 4096, frame + 4096,
		frame + (16ul << 20), frame + (1ul << 40),
	};

	return i < ARRAY_SIZE(words) ? words[i] : ~0ul - 1;
}
#define NR_BAD_WORDS 23

static unsigned int bad_nr, bad_slot;

/* Word @bad_slot of the frame: the saved frame pointer, the return address. */
static noinline int frame_broken(struct chain *c)
{
	volatile unsigned long *frame = __builtin_frame_address(0);
	unsigned long good = frame[bad_slot];
	int ret;

	c->ra[c->pos - 1] = RETURN_ADDRESS();
	frame[bad_slot] = bad_word(bad_nr, (unsigned long)frame);
	ret = chain_next(c);
	frame[bad_slot] = good;
	return ret;
}

static void check_broken(struct chain *c)
{
	ck_assert(c->alike);
	ck_assert_uint_gt(c->nr, 3);
	ck_assert_uint_eq(c->entries[1], c->take_ra);
	ck_assert_uint_eq(c->entries[2], c->ra[3]);
	ck_assert_uint_eq(c->entries[3], c->ra[2]);
}

/* Short or wrong from there on, but no crash, on both kinds of stack. */
START_TEST(backtrace_overwritten_word_ends_trace)
{
	struct chain c = {
		.fn = { frame_alloca, frame_broken, frame_alloca, frame_plain },
		.len = 4,
	};
	pthread_t thread;

	bad_nr = (unsigned int)_i / 2;
	bad_slot = (unsigned int)_i % 2;
	for (int i = 0; i < 2; i++) {
		chain_run(&c);
		check_broken(&c);
		run_coroutine(&c);
		check_broken(&c);
		ck_assert_int_eq(pthread_create(&thread, NULL, chain_thread,
						&c), 0);
		pthread_join(thread, NULL);
		check_broken(&c);
	}
}
END_TEST

/* Libraries that come and go ---------------------------------------------------- */

static void *open_plugin(const char *name)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	void *handle;

	ck_assert_int_gt(len, 0);
	path[len] = '\0';
	snprintf(strrchr(path, '/') + 1, 64, "plugin-%s.so", name);
	handle = dlopen(path, RTLD_NOW);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

static int chain_through_plugin(void *arg)
{
	int ret = chain_run(arg);

	NO_TAIL_CALL();
	return ret;
}

static unsigned long call_plugin(const char *name, struct chain *c)
{
	int (*call)(int (*)(void *), void *);
	void *handle = open_plugin(name);
	unsigned long address;

	*(void **)&call = dlsym(handle, "plugin_call");
	ck_assert_ptr_nonnull(*(void **)&call);
	address = (unsigned long)*(void **)&call;
	call(chain_through_plugin, c);
	dlclose(handle);
	return address;
}

static void ignore_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

/* All four are alike but for the size of a frame; so each comes to where the
 * one before was, and what was remembered must not be believed. */
START_TEST(backtrace_other_library_at_same_address)
{
	const char *names[] = { "a", "b", "a", "no-id-a", "no-id-b", "b" };
	unsigned long addresses[ARRAY_SIZE(names)];
	unsigned int same = 0;

	handle(SIGURG, 0, ignore_signal);
	for (int round = 0; round < test_rounds(20); round++) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct chain c = { .len = 2, .witness = round % 2 };
			struct chain here = { 0 };

			c.fn[0] = c.fn[1] = frame_plain;
			addresses[i] = call_plugin(names[i], &c);
			chain_check(&c);
			/* Not only up to the library, but to the start. */
			chain_run(&here);
			ck_assert_uint_eq(c.entries[c.nr - 1],
					  here.entries[here.nr - 1]);
			if (i)
				same += addresses[i] == addresses[i - 1];
		}
	}
	if (!VALGRIND_RUNS)
		ck_assert_uint_gt(same, 0);
}
END_TEST

static void *plugin;
static int (*plugin_call)(int (*)(void *), void *);

static void *close_and_open(void *name)
{
	if (plugin)
		dlclose(plugin);
	plugin = name ? open_plugin(name) : NULL;
	if (plugin)
		*(void **)&plugin_call = dlsym(plugin, "plugin_call");
	return NULL;
}

/* In a thread, so that this one's stack stays as it is. */
static void exchange_plugin(const char *name)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, close_and_open,
					(void *)name), 0);
	pthread_join(thread, NULL);
}

/* Far below what anybody else has used. */
static noinline void call_plugin_below(struct chain *c, size_t bytes)
{
	volatile char *p = __builtin_alloca((64 << 10) + bytes);

	p[0] = 1;
	if (c->other) {
		plugin_call(chain_through_plugin, c);
		OTHER_CALL();
	} else {
		plugin_call(chain_through_plugin, c);
		ONE_CALL();
	}
}

/* The larger frame of the second comes with its lower end to where that of the
 * first was: all that the walk read then is still on the stack. */
START_TEST(backtrace_other_library_with_old_words)
{
	const char *const names[] = { "a", "b" };

	handle(SIGURG, 0, ignore_signal);
	for (size_t i = 0; i < 128; i++) {
		struct chain c = { .other = i % 2 };
		size_t n = i / 2;

		/* Once, n * 16 is by how much the frames differ. One call. */
		exchange_plugin(names[i % 2]);
		call_plugin_below(&c, n * 1024 + n * (1 - i % 2) * 16);
		chain_check(&c);
	}
	exchange_plugin(NULL);
}
END_TEST

/* What is printed of the frame in the plugin, in a stack that was kept. */
static void print_past(const struct chain *c, char *text, size_t size)
{
	unsigned long entry = c->entries[c->len + 3];
	const char *line;

	test_capture_begin(2);
	backtrace_print_past("", &entry, 1);
	line = test_capture_end();
	snprintf(text, size, "%s", strchr(line, '(') ?: "");
}

/* Of a library that is gone the name stays; where another has come, there is no
 * telling. What is there now has its own name. */
START_TEST(backtrace_names_of_unloaded_library)
{
	struct chain a = { .len = 1, .fn = { frame_plain } }, b = a, again = a;
	unsigned long address;
	char text[4096];
	const char *path;

	handle(SIGURG, 0, ignore_signal);
	address = call_plugin("a", &a);
	print_past(&a, text, sizeof(text));
	ck_assert_msg(strstr(text, "/plugin-a.so+0x") != NULL, "%s", text);
	if (call_plugin("a", &again) == address) {
		print_past(&a, text, sizeof(text));
		ck_assert_msg(strstr(text, "/plugin-a.so+0x") != NULL, "%s",
			      text);
	}
	if (call_plugin("b", &b) != address)
		return;
	print_past(&a, text, sizeof(text));
	ck_assert_str_eq(text, "(?)\n");
	exchange_plugin("b");
	if ((unsigned long)*(void **)&plugin_call == address) {
		unsigned long vaddr;

		ck_assert(backtrace_module(b.entries[b.len + 3] - 1, &path,
					   &vaddr));
		ck_assert_ptr_nonnull(strstr(path, "/plugin-b.so"));
	}
	exchange_plugin(NULL);
}
END_TEST

static atomic_int inside_dlopen, may_leave;

static void wait_in_constructor(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	atomic_store(&inside_dlopen, 1);
	while (!atomic_load(&may_leave))
		usleep(100);
}

static void *dlopen_thread(void *arg)
{
	(void)arg;
	dlclose(open_plugin("a"));
	return NULL;
}

/* The loader's locks are held by a thread that will not let go before us. */
START_TEST(backtrace_while_thread_is_inside_dlopen)
{
	struct chain c = { 0 };
	const char *path;
	pthread_t thread;
	unsigned long vaddr;

	handle(SIGURG, 0, wait_in_constructor);
	ck_assert_int_eq(pthread_create(&thread, NULL, dlopen_thread, NULL), 0);
	while (!atomic_load(&inside_dlopen))
		usleep(100);
	for (int i = 0; i < 100; i++) {
		chain_random(&c);
		chain_run(&c);
		chain_check(&c);
		ck_assert(backtrace_module(c.entries[0], &path, &vaddr));
	}
	atomic_store(&may_leave, 1);
	pthread_join(thread, NULL);
}
END_TEST

/* Profiling signals --------------------------------------------------------------- */

#define NR_PROF_THREADS 4

static __thread unsigned long outermost;	/* of this thread */
static atomic_ulong prof_taken, prof_bad;
static atomic_bool prof_stop;

static void prof_handler(int sig, siginfo_t *info, void *context)
{
	unsigned long entries[MAX_ENTRIES], pc = context_pc(context);
	unsigned int nr, i;

	(void)sig;
	(void)info;
	if (!outermost)
		return;
	nr = backtrace_save(entries, MAX_ENTRIES, NULL);
	atomic_fetch_add(&prof_taken, 1);
	if (!saved_alike((void *)RETURN_ADDRESS()))
		atomic_fetch_add(&prof_bad, 1);
	for (i = 0; i < nr && SIGNALS_INTERRUPT && entries[i] != pc; i++)
		;
	/* It met what it interrupted, and came to the thread's start. */
	if (i < nr && entries[nr - 1] == outermost)
		return;
	if (!atomic_fetch_add(&prof_bad, 1))
		backtrace_print("bad:", entries, nr);
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void *prof_thread(void *arg)
{
	struct chain c = { 0 };
	int numbers[64];
	char text[64];

	(void)arg;
	chain_run(&c);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		numbers[i] = (int)(i * 7919 % 64);
	outermost = c.entries[c.nr - 1];
	for (unsigned int i = 0; !atomic_load(&prof_stop); i++) {
		c.len = i % MAX_CHAIN;
		for (unsigned int j = 0; j < c.len; j++)
			c.fn[j] = frame_kinds[(i + j) % NR_KINDS];
		chain_run(&c);
		if (!chain_matches(&c))
			atomic_fetch_add(&prof_bad, 1);
		qsort(numbers, ARRAY_SIZE(numbers), sizeof(numbers[0]),
		      compare_ints);
		snprintf(text, sizeof(text), "%d %p", numbers[0], arg);
		free(strdup(text));
	}
	outermost = 0;
	return NULL;
}

/* Stacks interrupted at any instruction, while libraries come and go. */
START_TEST(backtrace_under_sigprof_with_threads)
{
	const struct itimerval on = { { 0, 1000 }, { 0, 1000 } };
	const struct itimerval off = { { 0, 0 }, { 0, 0 } };
	pthread_t threads[NR_PROF_THREADS];

	handle(SIGURG, 0, ignore_signal);
	handle(SIGPROF, SA_RESTART, prof_handler);
	for (int i = 0; i < NR_PROF_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, prof_thread,
						NULL), 0);
	setitimer(ITIMER_PROF, &on, NULL);
	for (int i = 0; i < test_rounds(1000); i++) {
		void *a = open_plugin(i % 2 ? "a" : "b");

		dlclose(open_plugin("no-id-a"));
		dlclose(a);
	}
	setitimer(ITIMER_PROF, &off, NULL);
	atomic_store(&prof_stop, true);
	for (int i = 0; i < NR_PROF_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&prof_bad), 0);
	ck_assert_uint_gt(atomic_load(&prof_taken), 0);
}
END_TEST

/* Modules ----------------------------------------------------------------------- */

static int compare_phdr(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *path;
	unsigned long vaddr;

	(void)size;
	(void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X))
			continue;
		ck_assert(backtrace_module(info->dlpi_addr + phdr->p_vaddr,
					   &path, &vaddr));
		ck_assert_uint_eq(vaddr, phdr->p_vaddr);
		if (*info->dlpi_name)
			ck_assert_str_eq(path, info->dlpi_name);
		else
			ck_assert_int_eq(*path, '/');
	}
	return 0;
}

START_TEST(module_of_each_segment)
{
	const char *path;
	unsigned long vaddr;

	dl_iterate_phdr(compare_phdr, NULL);
	ck_assert(!backtrace_module(0, &path, &vaddr));
	ck_assert(!backtrace_module((unsigned long)&path, &path, &vaddr));
	ck_assert(!backtrace_module(~0ul, &path, &vaddr));
}
END_TEST

START_TEST(module_path_of_program_is_absolute)
{
	const char *path;
	unsigned long vaddr;
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ck_assert_int_gt(len, 0);
	self[len] = '\0';
	ck_assert(backtrace_module((unsigned long)(void *)chain_take, &path,
				   &vaddr));
	if (!VALGRIND_RUNS)
		ck_assert_str_eq(path, self);
}
END_TEST

START_TEST(print_has_fixed_format)
{
	unsigned long entries[] = {
		(unsigned long)(void *)chain_take + 1, 0x1234,
		(unsigned long)(void *)qsort + 5,
	};
	char expected[8192];
	const char *path[2];
	unsigned long vaddr[2];

	ck_assert(backtrace_module(entries[0], &path[0], &vaddr[0]));
	ck_assert(backtrace_module(entries[2], &path[1], &vaddr[1]));
	snprintf(expected, sizeof(expected),
		 "  in #0 0x%016lx (%s+0x%lx)\n"
		 "  in #1 0x0000000000001234 (?)\n"
		 "  in #2 0x%016lx (%s+0x%lx)\n", entries[0], path[0],
		 vaddr[0], entries[2], path[1], vaddr[1]);
	test_capture_begin(2);
	backtrace_print("  in", entries, 3);
	ck_assert_str_eq(test_capture_end(), expected);
}
END_TEST

Suite *suite_backtrace(void)
{
	Suite *suite = suite_create("backtrace");
	TCase *tc = tcase_create("names");

	/* First: where all tests are one process, no library has been there. */
	tcase_add_test(tc, backtrace_names_of_unloaded_library);
	suite_add_tcase(suite, tc);

	tc = tcase_create("frames");
	tcase_add_loop_test(tc, backtrace_frame_of_each_kind, 0, NR_KINDS);
	tcase_add_test(tc, backtrace_random_frames);
	tcase_add_loop_test(tc, backtrace_callers_change_in_place, 0, 4);
	tcase_add_test(tc, backtrace_frame_pointer_changes_in_place);
	tcase_add_test(tc, backtrace_after_longjmp);
#if defined(__x86_64__)
	tcase_add_test(tc, backtrace_cfa_in_other_register);
	tcase_add_test(tc, backtrace_through_code_of_no_module);
#endif
	tcase_add_loop_test(tc, backtrace_stops_at_max, 0, 18);
	tcase_add_loop_test(tc, backtrace_begins_at_caller, 0, 20);
	tcase_add_test(tc, backtrace_caller_never_met_is_put_first);
	suite_add_tcase(suite, tc);

	tc = tcase_create("stacks");
	tcase_add_test(tc, backtrace_through_qsort);
	tcase_add_test(tc, backtrace_through_signal_handler);
#if defined(__x86_64__)
	tcase_add_test(tc, backtrace_through_signal_behind_pop);
#endif
	tcase_add_test(tc, backtrace_through_handler_on_alternate_stack);
	tcase_add_test(tc, backtrace_from_thread);
	tcase_add_test(tc, backtrace_from_makecontext_stack);
	tcase_add_loop_test(tc, backtrace_overwritten_word_ends_trace, 0,
			    2 * NR_BAD_WORDS);
	suite_add_tcase(suite, tc);

	tc = tcase_create("loader");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, backtrace_other_library_at_same_address);
	tcase_add_test(tc, backtrace_other_library_with_old_words);
	tcase_add_test(tc, backtrace_while_thread_is_inside_dlopen);
	tcase_add_test(tc, backtrace_under_sigprof_with_threads);
	suite_add_tcase(suite, tc);

	tc = tcase_create("modules");
	tcase_add_test(tc, module_of_each_segment);
	tcase_add_test(tc, module_path_of_program_is_absolute);
	tcase_add_test(tc, print_has_fixed_format);
	suite_add_tcase(suite, tc);
	return suite;
}
