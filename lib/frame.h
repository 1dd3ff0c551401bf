/* SPDX-License-Identifier: MIT */
/*
 * A frame: the registers that its function has, and where it is.
 */
#ifndef LIB_FRAME_H
#define LIB_FRAME_H

#include <assert.h>

#include "compiler.h"
#include "eh_frame.h"

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

/* The value of a register; false if it is not known. */
static inline bool frame_reg(const struct frame *f, unsigned long reg,
			     unsigned long *val)
{
#if defined(__x86_64__)
	if (reg == UNWIND_RA) {
		*val = f->pc;
		return true;
	}
#endif
	if (reg >= UNWIND_NR_REGS || !(f->valid & REG_BIT(reg)))
		return false;
	*val = f->reg[reg];
	return true;
}

#endif /* LIB_FRAME_H */
