// SPDX-License-Identifier: MIT
/*
 * Walks of stacks.
 *
 * A walk holds the registers as the current frame left them, and makes of them
 * those of the caller, until there is none:
 *
 *	pc --> module (module.c) --> row (eh_frame.c) --> CFA
 *	caller's sp = CFA; its pc, rbp, ... where the row says, on the stack
 *
 * Rows.	A row costs a microsecond to find, so those met before are
 *		remembered (unwind_rules.c). Nearly all rows can be; a walk by
 *		remembered ones keeps sp and the frame pointer, and loses the
 *		other registers. If a frame turns out to need one (its CFA is in
 *		rbx, say), the walk starts over, with whole rows and all
 *		registers.
 *
 * Modules.	In code that is in no module that was found, and a JIT's is in
 *		none, the frame pointer is followed, if it points to where a
 *		frame may be.
 *
 * pc.		A return address may be one beyond the function, where the
 *		call was the last instruction. So the row looked for is that of
 *		the byte before; but of the address itself in a frame that a
 *		signal interrupted, where no call was made.
 *
 * Trails.	Who wants to know whether a later walk would say the same gets the
 *		words that rows led to, and the modules (struct trail).
 *
 * A row may be wrong, in its table or as remembered, and words of the stack
 * overwritten. Then the trace is wrong or ends early, and nothing else: what they
 * lead to is read through stack_view.c.
 *
 * Context:	any, signal handlers too. No locks. A walk takes about 1 KiB of
 *		stack, 3 KiB where a row is new.
 * Not here:	what a row says: eh_frame.c, dwarf_expr.c; walks that need not be
 *		made again: stack_memo.c; names: backtrace.c.
 */
#include <string.h>

#include "dwarf_expr.h"
#include "host.h"
#include "stack_view.h"
#include "unwind.h"
#include "unwind_rules.h"

#define WALK_REGS (REG_BIT(UNWIND_FP) | REG_BIT(UNWIND_SP))

struct walk {
	struct frame f;
	struct trail *trail;		/* or NULL */
	struct eh_module module;	/* the one looked up last */
	u32 stamp;
	bool whole;			/* whole rows, all registers */
	bool again;			/* a register that was let go is needed */
	struct stack_view stack;
};

/*
 * A function that a signal interrupts behind the instructions that restore its
 * caller's registers is described as if they were still to come: the values
 * are below sp, where the ABI lets nobody overwrite them.
 */
#if defined(__x86_64__)
#define RED_ZONE 128
#else
#define RED_ZONE 0
#endif

static bool known_reg(struct walk *w, unsigned long reg, unsigned long *val)
{
	if (frame_reg(&w->f, reg, val))
		return true;
	w->again = !w->whole;
	return false;
}

static noinline bool evaluate(struct walk *w, s32 arg, const unsigned long *cfa,
			      unsigned long *val)
{
	struct dwarf_expr expr = { .frame = &w->f, .stack = &w->stack };

	if (!eh_frame_expr(&w->module, arg, &expr.p, &expr.end))
		return false;
	if (dwarf_expr_eval(&expr, cfa, val))
		return true;
	if (expr.lacks_reg)
		w->again = !w->whole;
	return false;
}

/* Trails -------------------------------------------------------------------- */

static void trail_start(struct trail *trail, const struct frame *here)
{
	trail->pc = here->pc;
	trail->sp = here->reg[UNWIND_SP];
	trail->fp = here->reg[UNWIND_FP];
	trail->needs_fp = 0;
	trail->nr_words = 0;
	trail->nr_modules = 0;
	trail->complete = true;
	trail->fp_from = TRAIL_FP_REGISTER;
}

/* What comes now cannot be said in a trail. */
static inline void trail_ends(struct walk *w)
{
	if (w->trail)
		w->trail->complete = false;
}

static void trail_word(struct trail *trail, unsigned long addr,
		       unsigned long word)
{
	unsigned long offset = (addr - trail->sp) / sizeof(long);

	if (trail->nr_words == TRAIL_WORDS || offset > UINT16_MAX) {
		trail->complete = false;
		return;
	}
	trail->offset[trail->nr_words] = (u16)offset;
	trail->word[trail->nr_words++] = word;
}

/* A frame is found by the frame pointer. */
static void trail_needs_fp(struct trail *trail)
{
	if (trail->fp_from == TRAIL_FP_REGISTER)
		trail->needs_fp = 1;
	else if (trail->fp_from == TRAIL_FP_WORD)
		trail_word(trail, trail->fp_addr, trail->fp_word);
	trail->fp_from = TRAIL_FP_NOTED;
}

static void trail_rule(struct trail *trail, u32 rule, unsigned long cfa,
		       unsigned long pc, unsigned long fp)
{
	u32 fp_slot = rule >> RULE_SLOT_BITS & RULE_SLOT_MASK;

	if (rule & RULE_BASE_FP)
		trail_needs_fp(trail);
	trail_word(trail, cfa - (rule & RULE_SLOT_MASK) * sizeof(long), pc);
	if (fp_slot) {
		trail->fp_from = TRAIL_FP_WORD;
		trail->fp_addr = cfa - fp_slot * sizeof(long);
		trail->fp_word = fp;
	}
}

static void trail_module(struct trail *trail, const struct module_id *id)
{
	unsigned int i;

	for (i = 0; i < trail->nr_modules; i++)
		if (trail->module[i].start == id->start)
			return;
	if (i == TRAIL_MODULES) {
		trail->complete = false;
		return;
	}
	trail->module[i] = *id;
	trail->nr_modules++;
}

/* Steps --------------------------------------------------------------------- */

/* Look up the module of @pc; without one, module.end is 0. */
static noinline void enter_module(struct walk *w, unsigned long pc)
{
	struct module_id id;
	struct module module;

	w->module.start = 0;
	w->module.end = 0;
	if (!find_module(pc, &module) || !module.eh.hdr)
		return;
	identify_module(&module, &id);
	w->module = module.eh;
	w->stamp = module_stamp(&module, &id);
	if (w->trail && !module_stays(&module))
		trail_module(w->trail, &id);
}

/* Where addresses are signed, the signature is in the bits above. */
static inline unsigned long strip_signature(unsigned long pc)
{
#if defined(__aarch64__)
	register unsigned long x30 __asm__("x30") = pc;

	/* xpaclri; older processors know it as a hint, and do nothing. */
	__asm__("hint #7" : "+r"(x30));
	return x30;
#else
	return pc;
#endif
}

/* Stacks grow down: a caller's frame is above. A signal handler's is anywhere,
 * and what it interrupted, too. */
static inline bool step_to(struct walk *w, unsigned long pc, unsigned long sp)
{
	w->f.pc = strip_signature(pc);
	w->f.reg[UNWIND_SP] = sp;
	w->f.exact = false;
	return w->f.pc != 0;
}

static inline bool apply_rule(struct walk *w, u32 rule)
{
	unsigned long sp = w->f.reg[UNWIND_SP], fp = w->f.reg[UNWIND_FP];
	u32 ra_slot = rule & RULE_SLOT_MASK;
	u32 fp_slot = rule >> RULE_SLOT_BITS & RULE_SLOT_MASK;
	unsigned long cfa, pc;

	if (!ra_slot)
		return false;
	cfa = rule & RULE_BASE_FP ? fp : sp;
	if (rule & RULE_BASE_FP && unlikely(!known_reg(w, UNWIND_FP, &cfa)))
		goto unknown;
	cfa += (unsigned long)(rule >> RULE_CFA_SHIFT) * sizeof(long);
	if (cfa <= sp ||
	    !read_stack(&w->stack, cfa - ra_slot * sizeof(long), &pc))
		goto unknown;
	w->f.valid &= WALK_REGS;
	if (fp_slot) {
		w->f.valid = WALK_REGS;
		if (unlikely(!read_stack(&w->stack, cfa - fp_slot * sizeof(long),
					 &w->f.reg[UNWIND_FP]))) {
			w->f.valid = REG_BIT(UNWIND_SP);
			trail_ends(w);
		}
	}
	if (w->trail)
		trail_rule(w->trail, rule, cfa, pc, w->f.reg[UNWIND_FP]);
	return step_to(w, pc, cfa);

unknown:
	trail_ends(w);
	return false;
}

/* The caller's value of a register. */
static bool recover(struct walk *w, const struct unwind_row *row,
		    unsigned int reg, unsigned long cfa, unsigned long *val)
{
	unsigned long offset = (unsigned long)(long)row->arg[reg], addr;

	switch (row->how[reg]) {
	case UNWIND_NONE:
		if (!(CALLEE_SAVED & REG_BIT(reg)) && !w->f.exact)
			return false;
		/* fall through */
	case UNWIND_SAME:
		*val = w->f.reg[reg];
		return w->f.valid & REG_BIT(reg);
	case UNWIND_OFFSET:
		return read_stack(&w->stack, cfa + offset, val);
	case UNWIND_VAL_OFFSET:
		*val = cfa + offset;
		return true;
	case UNWIND_REGISTER:
		return known_reg(w, (unsigned long)offset, val);
	case UNWIND_EXPRESSION:
		return evaluate(w, row->arg[reg], &cfa, &addr) &&
		       read_stack(&w->stack, addr, val);
	case UNWIND_VAL_EXPRESSION:
		return evaluate(w, row->arg[reg], &cfa, val);
	}
	return false;
}

static bool apply_row(struct walk *w, const struct unwind_row *row)
{
	struct frame *f = &w->f, next = { 0 };
	unsigned long cfa, sp = f->reg[UNWIND_SP];
	unsigned int reg;

	if (row->cfa_how == UNWIND_REGISTER) {
		if (!known_reg(w, row->cfa_reg, &cfa))
			return false;
		cfa += (unsigned long)(long)row->cfa_arg;
	} else if (row->cfa_how != UNWIND_VAL_EXPRESSION ||
		   !evaluate(w, row->cfa_arg, NULL, &cfa)) {
		return false;
	}
	/* A function that has not moved sp yet, where calls leave it alone. */
	if (!row->signal && (cfa < sp || (cfa == sp && !f->exact)))
		return false;
	next.reg[UNWIND_SP] = cfa;
	next.valid = REG_BIT(UNWIND_SP);
	for (reg = 0; reg < UNWIND_NR_REGS; reg++) {
		if (reg == UNWIND_SP && row->how[reg] == UNWIND_NONE)
			continue;
		if (recover(w, row, reg, cfa, &next.reg[reg]))
			next.valid |= REG_BIT(reg);
	}
	if (!(next.valid & REG_BIT(UNWIND_RA)) ||
	    !(next.valid & REG_BIT(UNWIND_SP)))
		return false;
	/* A register that was needed for others only was not needed. */
	w->again = false;
	*f = next;
	f->exact = row->signal;
	f->pc = strip_signature(f->reg[UNWIND_RA]);
	if (row->signal)
		view_stack(&w->stack, f->reg[UNWIND_SP] - RED_ZONE);
	return f->pc != 0;
}

/* Without a description: the frame pointer points to its caller's, and the
 * return address is beside that. */
static bool step_by_frame_pointer(struct walk *w)
{
	unsigned long fp = w->f.reg[UNWIND_FP], pc;

	if (!(w->f.valid & REG_BIT(UNWIND_FP)) || fp < w->f.reg[UNWIND_SP] ||
	    !read_stack(&w->stack, fp + sizeof(long), &pc) ||
	    !read_stack(&w->stack, fp, &w->f.reg[UNWIND_FP]))
		return false;
	w->f.valid &= WALK_REGS;
	return step_to(w, pc, fp + 2 * sizeof(long));
}

#if defined(__aarch64__)
/*
 * The kernel's vDSO describes its signal trampoline no more, since what it said
 * was not exact; so the instructions are recognised, as debuggers do. (x86-64
 * has its trampoline in libc, and described, from one byte before on.)
 */
static bool step_out_of_signal(struct walk *w)
{
	const u32 rt_sigreturn[2] = { 0xd2801168, 0xd4000001 };
	/* In struct rt_sigframe: info, and uc.uc_mcontext.regs. */
	unsigned long regs = w->f.reg[UNWIND_SP] + 128 + 176 + 8;
	unsigned int reg;
	u32 code[2];

	if (host_peek(code, w->f.pc, sizeof(code)) != sizeof(code) ||
	    memcmp(code, rt_sigreturn, sizeof(code)))
		return false;
	for (reg = 0; reg < UNWIND_NR_REGS; reg++)
		if (!read_stack(&w->stack, regs + reg * sizeof(long),
				&w->f.reg[reg]))
			return false;
	if (!read_stack(&w->stack, regs + UNWIND_NR_REGS * sizeof(long),
			&w->f.pc))
		return false;
	w->f.valid = ~0ull >> (64 - UNWIND_NR_REGS);
	w->f.exact = true;
	view_stack(&w->stack, w->f.reg[UNWIND_SP] - RED_ZONE);
	return true;
}
#else
static bool step_out_of_signal(struct walk *w)
{
	(void)w;
	return false;
}
#endif

static noinline bool step_slow(struct walk *w, unsigned long at)
{
	struct unwind_row row;
	u32 rule;

	if (w->module.end)
		log_module(at);
	if (w->module.end && eh_frame_row(&w->module, at, &row)) {
		if (w->stamp && row_to_rule(&row, &rule)) {
			remember_rule(at, w->stamp, rule);
			if (!w->whole)
				return apply_rule(w, rule);
		}
		trail_ends(w);
		return apply_row(w, &row);
	}
	trail_ends(w);
	return step_out_of_signal(w) ||
	       (!w->module.end && step_by_frame_pointer(w));
}

/* From a frame to its caller's. False: it was the last. */
static inline bool step(struct walk *w)
{
	unsigned long at = w->f.pc - !w->f.exact;
	u32 rule;

	if (at < w->module.start || at >= w->module.end)
		enter_module(w, at);
	if (likely(w->module.end && w->stamp && !w->whole &&
		   recall_rule(at, w->stamp, &rule)))
		return apply_rule(w, rule);
	return step_slow(w, at);
}

/* Walks --------------------------------------------------------------------- */

/* Frames beyond the @max first ones in which the caller is looked for. */
#define SEARCH_FRAMES 32

static unsigned int walk_stack(struct walk *w, unsigned long *entries,
			       unsigned int max, unsigned long caller)
{
	unsigned int nr = 0, beyond = 0;
	bool found = !caller;

	while (step(w)) {
		if (!found && w->f.pc == caller) {
			found = true;
			nr = 0;
		}
		if (nr < max)
			entries[nr++] = w->f.pc;
		else if (found || ++beyond > SEARCH_FRAMES)
			break;
		if (nr == max && found)
			break;
	}
	if (!found) {
		nr = nr < max ? nr : max - 1;
		memmove(entries + 1, entries, nr * sizeof(*entries));
		entries[0] = caller;
		nr++;
	}
	return nr;
}

unsigned int unwind(const struct frame *here, unsigned long *entries,
		    unsigned int max, const void *caller, struct trail *trail)
{
	struct walk w;
	unsigned int nr;

	w.trail = trail;
	w.whole = false;
	for (;;) {
		w.f = *here;
		w.module.start = 0;
		w.module.end = 0;
		w.again = false;
		view_stack(&w.stack, here->reg[UNWIND_SP]);
		if (trail)
			trail_start(trail, here);
		/* Elsewhere it takes system calls to read it. */
		if (!w.stack.limit || w.whole)
			trail_ends(&w);
		nr = walk_stack(&w, entries, max, (unsigned long)caller);
		if (likely(!w.again) || w.whole)
			return nr;
		w.whole = true;
	}
}
