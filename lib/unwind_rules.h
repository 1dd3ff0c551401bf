/* SPDX-License-Identifier: MIT */
/*
 * Rows met before, as a word each. See unwind_rules.c.
 */
#ifndef LIB_UNWIND_RULES_H
#define LIB_UNWIND_RULES_H

#include "compiler.h"
#include "eh_frame.h"
#include "hash.h"

/*
 *	63                   32 31       19  18  17     9 8      0
 *	stamp of the module     CFA offset  base  fp slot  ra slot
 *
 * The CFA is sp (base 0) or the frame pointer (base 1) plus offset * 8. The
 * return address is at CFA - ra slot * 8, and 0 means there is no caller; the
 * caller's frame pointer is at CFA - fp slot * 8, and 0 means it is unchanged.
 */
#define RULE_SLOT_BITS 9
#define RULE_SLOT_MASK ((1u << RULE_SLOT_BITS) - 1)
#define RULE_BASE_FP (1u << (2 * RULE_SLOT_BITS))
#define RULE_CFA_SHIFT (2 * RULE_SLOT_BITS + 1)
#define RULE_CFA_MAX ((1u << (32 - RULE_CFA_SHIFT)) - 1)

#define RULE_TABLE_BITS 12

struct rule_slot {
	_Atomic u64 word[2];
};

extern struct rule_slot rule_table[1 << RULE_TABLE_BITS];

/* The place of @pc in the table, and the one beside it is a second. */
static inline struct rule_slot *rule_slot(unsigned long pc)
{
	return &rule_table[pc * HASH_MULTIPLIER >> (64 - RULE_TABLE_BITS)];
}

static inline struct rule_slot *beside(struct rule_slot *slot)
{
	return &rule_table[(slot - rule_table) ^ 1];
}

static inline bool recall_from(struct rule_slot *slot, unsigned long pc,
			       u32 stamp, u32 *rule)
{
	u64 key, val;

	key = atomic_load_explicit(&slot->word[0], memory_order_relaxed);
	val = atomic_load_explicit(&slot->word[1], memory_order_relaxed);
	*rule = (u32)val;
	return (key ^ hash_mix(val)) == pc && (u32)(val >> 32) == stamp;
}

/* The rule for @pc in the module of this stamp, if it is remembered. */
static inline bool recall_rule(unsigned long pc, u32 stamp, u32 *rule)
{
	struct rule_slot *slot = rule_slot(pc);

	return likely(recall_from(slot, pc, stamp, rule)) ||
	       recall_from(beside(slot), pc, stamp, rule);
}

void remember_rule(unsigned long pc, u32 stamp, u32 rule);

/* The rule that says what the row says; false if there is none. */
bool row_to_rule(const struct unwind_row *row, u32 *rule);

#endif /* LIB_UNWIND_RULES_H */
