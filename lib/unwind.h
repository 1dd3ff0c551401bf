/* SPDX-License-Identifier: MIT */
/*
 * How backtrace.c walks, for stack_memo.c, which remembers what walks found.
 */
#ifndef LIB_UNWIND_H
#define LIB_UNWIND_H

#include <assert.h>

#include "compiler.h"
#include "eh_frame.h"

/* Sanitizers would look at what is read here as at a program's variables. */
#define READS_STACK __attribute__((no_sanitize("address", "thread")))

/* The registers of a frame. Bit n of @valid: reg[n] is known. */
struct frame {
	unsigned long pc;
	unsigned long reg[UNWIND_NR_REGS];
	u64 valid;
	bool exact;		/* pc is no return address */
};

#define REG_BIT(reg) (1ull << (reg))

/* Registers that a function gives back as they were. */
#if defined(__x86_64__)
#define CALLEE_SAVED (REG_BIT(3) | REG_BIT(UNWIND_FP) | 0xful << 12)
#elif defined(__aarch64__)
#define CALLEE_SAVED (0x7fful << 19)	/* x19 to x29 */
#else
#define CALLEE_SAVED REG_BIT(UNWIND_FP)
#endif

/* The registers of this very place; those of a caller are found from there as
 * those of any other. */
#if defined(__x86_64__)
#define CAPTURE_REGS(frame)						\
	__asm__ volatile(						\
		"leaq 0(%%rip), %%rax\n\t"				\
		"movq %%rax, (%0)\n\t"					\
		"movq %%rbx, 8+3*8(%0)\n\t"				\
		"movq %%rbp, 8+6*8(%0)\n\t"				\
		"movq %%rsp, 8+7*8(%0)\n\t"				\
		"movq %%r12, 8+12*8(%0)\n\t"				\
		"movq %%r13, 8+13*8(%0)\n\t"				\
		"movq %%r14, 8+14*8(%0)\n\t"				\
		"movq %%r15, 8+15*8(%0)\n\t"				\
		: : "r"(frame) : "rax", "memory")
#elif defined(__aarch64__)
#define CAPTURE_REGS(frame)						\
	__asm__ volatile(						\
		"adr x9, .\n\t"						\
		"mov x10, sp\n\t"					\
		"str x9, [%0]\n\t"					\
		"stp x19, x20, [%0, #8+19*8]\n\t"			\
		"stp x21, x22, [%0, #8+21*8]\n\t"			\
		"stp x23, x24, [%0, #8+23*8]\n\t"			\
		"stp x25, x26, [%0, #8+25*8]\n\t"			\
		"stp x27, x28, [%0, #8+27*8]\n\t"			\
		"str x29, [%0, #8+29*8]\n\t"				\
		"str x10, [%0, #8+31*8]\n\t"				\
		: : "r"(frame) : "x9", "x10", "memory")
#else
#define CAPTURE_REGS(frame)						\
	do {								\
		__label__ here;						\
	here:								\
		(frame)->pc = (unsigned long)&&here;			\
		(frame)->reg[UNWIND_FP] =				\
			(unsigned long)__builtin_frame_address(0);	\
		(frame)->reg[UNWIND_SP] = (frame)->reg[UNWIND_FP];	\
	} while (0)
#endif
static_assert(offsetof(struct frame, pc) == 0, "CAPTURE_REGS()");
static_assert(offsetof(struct frame, reg) == 8, "CAPTURE_REGS()");

/* To be in the function where the walk starts: it is its first frame. */
#define CAPTURE_FRAME(frame)						\
	do {								\
		CAPTURE_REGS(frame);					\
		(frame)->exact = true;					\
		(frame)->valid = CALLEE_SAVED | REG_BIT(UNWIND_SP);	\
	} while (0)

/* What tells a module that may be unloaded from what comes after it. */
struct module_id {
	unsigned long start;
	u64 place;		/* of the module and of its name */
	u64 build_id;		/* 8 bytes of it */
};

/* 16 frames of a program that keeps frame pointers, and our own. */
#define TRAIL_WORDS 41
#define TRAIL_MODULES 2

/*
 * All that the result of a walk depends on. A walk that starts at the same @pc
 * with the same @sp, and with the same @fp if @needs_fp, that finds the same
 * words in the same places and the same modules, gives the same result: it has
 * no other input.
 */
struct trail {
	unsigned long pc;
	unsigned long sp;
	unsigned long fp;
	u8 needs_fp;
	u8 nr_words;
	u8 nr_modules;
	bool complete;		/* there was nothing that cannot be said here */
	struct module_id module[TRAIL_MODULES];	/* in the order of their frames */
	u16 offset[TRAIL_WORDS];	/* from sp, in words */
	unsigned long word[TRAIL_WORDS];
	/* Where the walk has the frame pointer from. It goes into the trail when a
	 * frame is found by it: most functions use the register for else. */
	enum trail_fp { TRAIL_FP_REGISTER, TRAIL_FP_WORD, TRAIL_FP_NOTED } fp_from;
	unsigned long fp_addr;
	unsigned long fp_word;
};

/* A walk from @here, which CAPTURE_FRAME() has filled; as backtrace_save().
 * @trail: where to note what it depends on; or NULL. */
unsigned int unwind(const struct frame *here, unsigned long *entries,
		    unsigned int max, const void *caller, struct trail *trail);

/* Words from @sp up to here can be read; 0 if that is not known. */
unsigned long stack_limit(unsigned long sp);

/* Is this module still there? A frame of what is at id->start now must be on the
 * stack. */
bool module_is(const struct module_id *id);

static inline READS_STACK unsigned long load_word(unsigned long addr)
{
	return *(unsigned long *)addr;
}

#endif /* LIB_UNWIND_H */
