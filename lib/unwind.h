/* SPDX-License-Identifier: MIT */
/*
 * Walks: from a frame to its callers'. See unwind.c.
 */
#ifndef LIB_UNWIND_H
#define LIB_UNWIND_H

#include "frame.h"
#include "module.h"

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

#endif /* LIB_UNWIND_H */
