// SPDX-License-Identifier: MIT
/*
 * The table of rows met before.
 *
 * A row costs a microsecond to find, so those met before are remembered, as a
 * word each, in a table that never grows. Such a word, a rule, can say what
 * nearly all rows say: the CFA is sp or the frame pointer plus an offset, the
 * return address and the caller's frame pointer were saved below it.
 *
 * The table is written by all threads without a lock, and a module may have
 * been unloaded since, and another be where it was. Of an entry
 *
 *	word[1] = stamp of the module << 32 | rule
 *	word[0] = pc ^ hash_mix(word[1])
 *
 * a reader takes both words, in any order, and believes them if
 * word[0] ^ hash_mix(word[1]) is its pc and the stamp is that of the module that
 * is at the pc now.
 *
 * Torn:	word[0] of entry A (of pc a), word[1] of B (of pc b). To be believed
 *		for pc p takes a ^ mix(A[1]) ^ mix(B[1]) == p. hash_mix() is a
 *		bijection that spreads each bit over the word, so for p == a it
 *		takes A[1] == B[1], which is the right rule, and for others the
 *		chance of two numbers of 64 bits to be the same.
 * Stale:	a file loaded again where it was has the same stamp, and the same
 *		rows. Another file at the same place has the same stamp by a chance
 *		of 2^-31. See module.c.
 *
 * Should a wrong rule be believed all the same, the trace is wrong and nothing
 * else: what it leads to is read through stack_view.c.
 *
 * Context:	any, signal handlers too. No locks, no system calls.
 * Not here:	finding a row: eh_frame.c; doing what a rule says: unwind.c.
 */
#include "unwind_rules.h"

struct rule_slot rule_table[1 << RULE_TABLE_BITS];

/* What was here moves beside: two addresses that meet do not drive each other
 * out. Copied word by word, an entry is believed or not as any other. */
void remember_rule(unsigned long pc, u32 stamp, u32 rule)
{
	struct rule_slot *slot = rule_slot(pc), *second = beside(slot);
	u64 val = (u64)stamp << 32 | rule;
	unsigned int i;

	for (i = 0; i < 2; i++)
		atomic_store_explicit(&second->word[i],
				      atomic_load_explicit(&slot->word[i],
							   memory_order_relaxed),
				      memory_order_relaxed);
	atomic_store_explicit(&slot->word[0], pc ^ hash_mix(val),
			      memory_order_relaxed);
	atomic_store_explicit(&slot->word[1], val, memory_order_relaxed);
}

/* A place below the CFA, as a slot; 0 if it is none. */
static u32 slot_below(s32 offset)
{
	if (offset >= 0 || offset % (int)sizeof(long) ||
	    offset < -(int)(RULE_SLOT_MASK * sizeof(long)))
		return 0;
	return (u32)-offset / sizeof(long);
}

bool row_to_rule(const struct unwind_row *row, u32 *rule)
{
	u32 ra = 0, fp = 0, cfa = (u32)row->cfa_arg / sizeof(long);

	if (row->signal || row->how[UNWIND_SP] != UNWIND_NONE)
		return false;
	if (row->how[UNWIND_RA] == UNWIND_UNDEFINED) {
		*rule = 0;
		return true;
	}
	if (row->cfa_how != UNWIND_REGISTER || row->cfa_arg < 0 ||
	    row->cfa_arg % (int)sizeof(long) || cfa > RULE_CFA_MAX ||
	    (row->cfa_reg != UNWIND_SP && row->cfa_reg != UNWIND_FP))
		return false;
	if (row->how[UNWIND_RA] == UNWIND_OFFSET)
		ra = slot_below(row->arg[UNWIND_RA]);
	if (row->how[UNWIND_FP] == UNWIND_OFFSET)
		fp = slot_below(row->arg[UNWIND_FP]);
	if (!ra || (!fp && row->how[UNWIND_FP] != UNWIND_NONE &&
		    row->how[UNWIND_FP] != UNWIND_SAME))
		return false;
	*rule = cfa << RULE_CFA_SHIFT | fp << RULE_SLOT_BITS | ra;
	if (row->cfa_reg == UNWIND_FP)
		*rule |= RULE_BASE_FP;
	return true;
}
