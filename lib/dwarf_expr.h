/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions in call frame information. See dwarf_expr.c.
 */
#ifndef LIB_DWARF_EXPR_H
#define LIB_DWARF_EXPR_H

#include "frame.h"
#include "stack_view.h"

/* What an expression may ask for. */
struct dwarf_expr {
	const u8 *p;		/* its bytes: [p, end) */
	const u8 *end;
	const struct frame *frame;
	struct stack_view *stack;
	bool lacks_reg;		/* set: it needs a register that is not known */
};

/* What the expression computes, from @cfa where it begins with that, or NULL.
 * False if it needs what is not known, or is none. */
bool dwarf_expr_eval(struct dwarf_expr *expr, const unsigned long *cfa,
		     unsigned long *val);

#endif /* LIB_DWARF_EXPR_H */
