// SPDX-License-Identifier: MIT
/*
 * Stack traces of stacks that are known (chain.h).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "backtrace.h"
#include "chain.h"
#include "unit.h"

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

static void chain_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	interrupted_pc = context_pc(context);
	chain_run(current);
	NO_TAIL_CALL();
}

static void check_through_signal(int flags)
{
	struct chain inner = { .witness = true }, outer;
	unsigned int i;

	chain_random(&inner);
	current = &inner;
	chain_handle(SIGUSR1, flags, chain_handler);
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

	chain_handle(SIGTRAP, 0, chain_handler);
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
	chain_handle(SIGUSR1, SA_ONSTACK, chain_handler);
	for (int i = 0; i < 2; i++) {
		raise(SIGUSR1);
		chain_check(&c);
	}
	ck_assert_int_eq(sigaltstack(&none, NULL), 0);
}
END_TEST

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
	TCase *tc = tcase_create("frames");

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

	tc = tcase_create("print");
	tcase_add_test(tc, print_has_fixed_format);
	suite_add_tcase(suite, tc);
	return suite;
}
