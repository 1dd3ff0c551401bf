// SPDX-License-Identifier: MIT
/*
 * DWARF expressions: a row of call frame information that needs more than a
 * register and an offset.
 *
 * A stack machine: operations push constants and registers plus offsets, combine
 * what is on top, and read words of the program's stack. gcc writes some for
 * functions that realign the stack, ld for the table of linked functions, libc
 * for what a signal interrupted. There are no jumps among the operations that
 * are known here, so an expression ends; and it reads nothing but what
 * stack_view.c shows.
 *
 * Context:	any, signal handlers too.
 * Not here:	where an expression lies: eh_frame.c; what it is for: unwind.c.
 */
#include <string.h>

#include "dwarf_expr.h"

enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONST4U = 0x0c,
	OP_CONST4S = 0x0d,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_DUP = 0x12,
	OP_DROP = 0x13,
	OP_OVER = 0x14,
	OP_SWAP = 0x16,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_MUL = 0x1e,
	OP_NEG = 0x1f,
	OP_NOT = 0x20,
	OP_OR = 0x21,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_SHR = 0x25,
	OP_XOR = 0x27,
	OP_EQ = 0x29,
	OP_GE = 0x2a,
	OP_GT = 0x2b,
	OP_LE = 0x2c,
	OP_LT = 0x2d,
	OP_NE = 0x2e,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
};

#define EVAL_DEPTH 8

struct eval {
	struct dwarf_expr *expr;
	unsigned int depth;
	unsigned long stack[EVAL_DEPTH];
};

static bool push(struct eval *e, unsigned long val)
{
	if (e->depth == EVAL_DEPTH)
		return false;
	e->stack[e->depth++] = val;
	return true;
}

static bool push_reg(struct eval *e, unsigned long reg)
{
	long offset = read_sleb128(&e->expr->p, e->expr->end);
	unsigned long val;

	if (!frame_reg(e->expr->frame, reg, &val)) {
		e->expr->lacks_reg = true;
		return false;
	}
	return push(e, val + (unsigned long)offset);
}

/* A constant of @size bytes. */
static bool push_const(struct eval *e, unsigned int size, bool is_signed)
{
	unsigned int unused = 64 - 8 * size;
	u64 val = 0;

	if ((size_t)(e->expr->end - e->expr->p) < size)
		return false;
	memcpy(&val, e->expr->p, size);
	e->expr->p += size;
	if (is_signed)
		val = (u64)((int64_t)(val << unused) >> unused);
	return push(e, val);
}

static bool eval_binary(struct eval *e, u8 op)
{
	unsigned long *a, b;

	if (e->depth < 2)
		return false;
	b = e->stack[--e->depth];
	a = &e->stack[e->depth - 1];
	switch (op) {
	case OP_AND:	*a &= b; return true;
	case OP_MINUS:	*a -= b; return true;
	case OP_MUL:	*a *= b; return true;
	case OP_OR:	*a |= b; return true;
	case OP_PLUS:	*a += b; return true;
	case OP_SHL:	*a = b < 64 ? *a << b : 0; return true;
	case OP_SHR:	*a = b < 64 ? *a >> b : 0; return true;
	case OP_XOR:	*a ^= b; return true;
	case OP_EQ:	*a = *a == b; return true;
	case OP_GE:	*a = (long)*a >= (long)b; return true;
	case OP_GT:	*a = (long)*a > (long)b; return true;
	case OP_LE:	*a = (long)*a <= (long)b; return true;
	case OP_LT:	*a = (long)*a < (long)b; return true;
	case OP_NE:	*a = *a != b; return true;
	}
	return false;
}

/* Operations on what is on top, of which there is something. */
static bool eval_top(struct eval *e, u8 op)
{
	unsigned long *top = &e->stack[e->depth - 1], val;

	switch (op) {
	case OP_DEREF:
		return read_stack(e->expr->stack, *top, top);
	case OP_PLUS_UCONST:
		*top += read_uleb128(&e->expr->p, e->expr->end);
		return true;
	case OP_NEG:
		*top = -*top;
		return true;
	case OP_NOT:
		*top = ~*top;
		return true;
	case OP_DUP:
		return push(e, *top);
	case OP_DROP:
		e->depth--;
		return true;
	case OP_OVER:
		return e->depth > 1 && push(e, top[-1]);
	case OP_SWAP:
		if (e->depth < 2)
			return false;
		val = *top;
		*top = top[-1];
		top[-1] = val;
		return true;
	}
	return eval_binary(e, op);
}

static bool eval_op(struct eval *e, u8 op)
{
	if (op >= OP_LIT0 && op <= OP_LIT31)
		return push(e, op - OP_LIT0);
	if (op >= OP_BREG0 && op <= OP_BREG31)
		return push_reg(e, op - OP_BREG0);
	switch (op) {
	case OP_BREGX:
		return push_reg(e, read_uleb128(&e->expr->p, e->expr->end));
	case OP_CONST1U:
	case OP_CONST1S:
		return push_const(e, 1, op == OP_CONST1S);
	case OP_CONST2U:
	case OP_CONST2S:
		return push_const(e, 2, op == OP_CONST2S);
	case OP_CONST4U:
	case OP_CONST4S:
		return push_const(e, 4, op == OP_CONST4S);
	case OP_CONSTU:
		return push(e, read_uleb128(&e->expr->p, e->expr->end));
	case OP_CONSTS:
		return push(e, (unsigned long)read_sleb128(&e->expr->p, e->expr->end));
	}
	return e->depth && eval_top(e, op);
}

bool dwarf_expr_eval(struct dwarf_expr *expr, const unsigned long *cfa,
		     unsigned long *val)
{
	struct eval e = { .expr = expr };

	if (cfa)
		push(&e, *cfa);
	while (expr->p < expr->end)
		if (!eval_op(&e, *expr->p++))
			return false;
	if (!e.depth)
		return false;
	*val = e.stack[e.depth - 1];
	return true;
}
