/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: how to get from a frame to its caller's.
 *
 * A compiler that keeps no frame pointer describes in .eh_frame, for each
 * instruction, where the frame starts (the canonical frame address, CFA: the
 * stack pointer before the call) and where the caller's registers were saved.
 */
#ifndef LIB_EH_FRAME_H
#define LIB_EH_FRAME_H

#include "compiler.h"

/* Register numbers are DWARF's, which each architecture's ABI gives. */
#if defined(__x86_64__)
#define UNWIND_NR_REGS 17
#define UNWIND_FP 6		/* rbp */
#define UNWIND_SP 7		/* rsp */
#define UNWIND_RA 16		/* a column of its own, saved by each call */
#elif defined(__aarch64__)
#define UNWIND_NR_REGS 32
#define UNWIND_FP 29
#define UNWIND_SP 31
#define UNWIND_RA 30		/* the link register */
#else
/* No description is read: frame pointers only. */
#define UNWIND_NR_REGS 3
#define UNWIND_FP 0
#define UNWIND_SP 1
#define UNWIND_RA 2
#endif

/* How the caller's value of a register is found; @arg is what comes with it. */
enum unwind_how {
	UNWIND_NONE,		/* not said */
	UNWIND_UNDEFINED,	/* lost; of the return address: no caller */
	UNWIND_SAME,		/* still there */
	UNWIND_OFFSET,		/* saved at CFA + arg */
	UNWIND_VAL_OFFSET,	/* it is CFA + arg */
	UNWIND_REGISTER,	/* in register arg */
	UNWIND_EXPRESSION,	/* saved where the expression says */
	UNWIND_VAL_EXPRESSION,	/* it is what the expression says */
};

/* One row of the table that the CFA program of a function stands for. */
struct unwind_row {
	u8 cfa_how;		/* UNWIND_REGISTER or UNWIND_VAL_EXPRESSION */
	u8 cfa_reg;
	bool signal;		/* a signal interrupted the caller */
	u8 how[UNWIND_NR_REGS];
	s32 cfa_arg;		/* offset; of an expression: see eh_frame_expr() */
	s32 arg[UNWIND_NR_REGS];
};

/* Where a module is, and its .eh_frame_hdr; as _dl_find_object() says. */
struct eh_module {
	unsigned long start;
	unsigned long end;
	const u8 *hdr;
};

/* The row for the instruction at @pc, which is in the module. False if the
 * module does not describe it, or in a way that is not known here. */
bool eh_frame_row(const struct eh_module *module, unsigned long pc,
		  struct unwind_row *row);

/* The bytes [*@start, *@end) of an expression, from its arg. */
bool eh_frame_expr(const struct eh_module *module, s32 arg, const u8 **start,
		   const u8 **end);

/* One DWARF number from *@p, which is moved; 0 at @end. */
unsigned long read_uleb128(const u8 **p, const u8 *end);
long read_sleb128(const u8 **p, const u8 *end);

#endif /* LIB_EH_FRAME_H */
