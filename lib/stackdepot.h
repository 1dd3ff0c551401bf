/* SPDX-License-Identifier: MIT */
/*
 * The stack depot: each stack trace once, under a number of 32 bits.
 *
 * Two stacks have the same handle if and only if they are the same. 0 is no
 * stack: what is returned when the host gives no memory, and what fetches as
 * nothing.
 *
 *	handle:	 31  30 ... 16  15 ... 0
 *		 0   pool       offset in the pool, in units of 16 bytes
 *
 * A reader outside the process finds a record with the anchor's `stack_depot`:
 *
 *	pool   = depot.pools[handle >> DEPOT_OFFSET_BITS]
 *	record = pool + ((handle & ((1 << DEPOT_OFFSET_BITS) - 1)) << DEPOT_UNIT_SHIFT)
 *	valid:	 handle < depot.next, pool not NULL, record.handle == handle
 */
#ifndef LIB_STACKDEPOT_H
#define LIB_STACKDEPOT_H

#include "compiler.h"

typedef u32 depot_stack_handle_t;

/* Frames that save_stack() takes, as page_owner and slub of the kernel do. */
#define STACK_DEPTH 16
/* Frames that a record can have; what is above is cut. */
#define STACK_DEPOT_MAX_FRAMES 64

#define DEPOT_UNIT_SHIFT 4
#define DEPOT_OFFSET_BITS 16
#define DEPOT_POOL_SHIFT (DEPOT_OFFSET_BITS + DEPOT_UNIT_SHIFT)
#define DEPOT_NR_POOLS (1u << 15)

#define DEPOT_ROOT_BITS 8

/* Constant once its handle is known to anybody, but for @next. */
struct stack_record {
	u32 hash;
	u32 nr;				/* of entries */
	_Atomic u32 next;		/* handle: another stack of this hash */
	depot_stack_handle_t handle;	/* its own */
	unsigned long entries[];
};

/* The roots. All 0 until the first stack is saved. */
struct stack_depot {
	/* DEPOT_NR_POOLS addresses of pools of 1 << DEPOT_POOL_SHIFT bytes. */
	void *_Atomic *_Atomic pools;
	_Atomic u32 next;		/* handle of the first byte not in use */
	_Atomic u32 nr_stacks;
	_Atomic u32 root[1 << DEPOT_ROOT_BITS];
};

extern struct stack_depot stack_depot;

/**
 * stack_depot_save() - the handle of a stack
 * @entries: return addresses, innermost first.
 * @nr: their number; what is above %STACK_DEPOT_MAX_FRAMES is cut.
 *
 * Context: Any, signal handlers too. Takes no lock. May call mmap().
 * Return: the handle; 0 if @nr is 0 or there is no memory.
 */
depot_stack_handle_t stack_depot_save(const unsigned long *entries,
				      unsigned int nr);

/**
 * stack_depot_fetch() - the stack of a handle
 * @handle: any number: what is not a handle fetches as 0.
 * @entries: set to the addresses, which never move or change; else to NULL.
 *
 * Context: Any.
 * Return: their number.
 */
unsigned int stack_depot_fetch(depot_stack_handle_t handle,
			       const unsigned long **entries);

/**
 * stack_depot_print() - backtrace_print() of the stack of a handle
 * @handle: of the stack.
 * @indent: in front of each line.
 */
void stack_depot_print(depot_stack_handle_t handle, const char *indent);

/**
 * save_stack() - take this thread's stack and save it
 * @caller: as for backtrace_save().
 *
 * At most %STACK_DEPTH frames.
 *
 * Context: Any, signal handlers too.
 * Return: the handle; 0 if there is no memory.
 */
depot_stack_handle_t save_stack(const void *caller);

#endif /* LIB_STACKDEPOT_H */
