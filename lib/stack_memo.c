// SPDX-License-Identifier: MIT
/*
 * Stacks met before, told by what is on the stack.
 *
 * A program calls malloc() in a loop: from the same place, under the same
 * callers, with the stack pointer where it was. Walking such a stack again, row
 * by row, and looking its addresses up in the depot, gives what it gave before.
 * So each walk leaves a trail, which is all that its result depends on
 * (unwind.h), and trails are kept here beside the handle of the stack:
 *
 *	(sp, caller) --> row of memos --> memo: the trail, the handle
 *					  every word of the trail is on the stack?
 *					  every module is still there?
 *
 * Why a memo that fits is right. A walk is a computation: from the registers at
 * its start, the rows of the addresses it meets, and the words of the stack that
 * rows lead to. The first address, in save_stack(), is
 * compared, so its row is the same. Of the registers, rows that can be remembered
 * use sp and the frame pointer only; sp is compared, and the frame pointer if a
 * frame was found by it. So the row leads to the place it led to before, and the
 * word there, which is the next address, is compared; so the next row is the
 * same; and so on. By whom the words were written does not matter: a frame that was
 * left and entered again, or another function's that has the same return address
 * in the same place, leads to the same walk.
 * The rows of an address change when a module is unloaded and another one comes
 * where it was. So modules are compared too, as module.c tells them, in the order
 * in which the walk came to them: if those before are the same, a frame of the
 * next one is on the stack, and what it says of itself can be read.
 *
 * What is read. Only words between sp and the end of the thread's own stack, as
 * in a walk; a walk on another stack leaves no trail.
 *
 * Concurrency: whoever writes a memo makes `seq` odd, by a compare-and-swap, and
 * even again at the end. Readers go by if it is odd, and believe nothing if it
 * has changed. So nobody waits; a thread that is interrupted while it writes, for
 * ever if the handler does not return, only makes one memo unusable. What a memo
 * says while it changes can be anything, so that each place is compared with the
 * end of the stack before it is read.
 *
 * Context:	any, signal handlers too. About 1 ns per word, some 25 words.
 * Not here:	walks: unwind.c; the depot: stackdepot.c.
 */
#include "backtrace.h"
#include "memcheck.h"
#include "stack_view.h"
#include "stackdepot.h"
#include "unwind.h"

#define MEMO_ROW_BITS 6
#define MEMO_WAYS 4

/* A trail whose fields others may read while they are written. */
static struct memo {
	_Atomic u32 seq;
	_Atomic u32 handle;		/* 0: there is none */
	_Atomic unsigned long pc;
	_Atomic unsigned long sp;
	_Atomic unsigned long caller;
	_Atomic unsigned long fp;
	_Atomic u8 needs_fp;
	_Atomic u8 nr_words;
	_Atomic u8 nr_modules;
	struct {
		_Atomic unsigned long start;
		_Atomic u64 place;
		_Atomic u64 build_id;
	} module[TRAIL_MODULES];
	_Atomic u16 offset[TRAIL_WORDS];
	_Atomic unsigned long word[TRAIL_WORDS];
} __cacheline_aligned memos[1 << MEMO_ROW_BITS][MEMO_WAYS];

static_assert(sizeof(struct memo) == 512, "eight cache lines");

/* Each load before the last look at seq, each store behind the first of it. */
#define GET(field) atomic_load_explicit(&(field), memory_order_acquire)
#define SET(field, val) atomic_store_explicit(&(field), val, memory_order_release)

static struct memo *memo_row(unsigned long sp, unsigned long caller)
{
	u64 hash = (sp ^ caller * 0xd6e8feb86659fd93ull) * 0x9e3779b97f4a7c15ull;

	return memos[hash >> (64 - MEMO_ROW_BITS)];
}

/* Is every word where it was? They are below @limit if it is so. */
static READS_STACK bool words_match(struct memo *m, unsigned long sp,
				    unsigned long limit)
{
	unsigned int i, nr = min_t(unsigned int, GET(m->nr_words), TRAIL_WORDS);

	for (i = 0; i < nr; i++) {
		unsigned long addr = sp + GET(m->offset[i]) * sizeof(long), word;

		if (addr >= limit)
			return false;
		word = load_word(addr);
		/* Nobody need have written it, in the frame that is there now. */
		memcheck_unpoison(&word, sizeof(word));
		if (word != GET(m->word[i]))
			return false;
	}
	return true;
}

static unsigned int copy_modules(struct memo *m, struct module_id *id)
{
	unsigned int i, nr = min_t(unsigned int, GET(m->nr_modules),
				   TRAIL_MODULES);

	for (i = 0; i < nr; i++) {
		id[i].start = GET(m->module[i].start);
		id[i].place = GET(m->module[i].place);
		id[i].build_id = GET(m->module[i].build_id);
	}
	return nr;
}

static bool modules_match(const struct module_id *id, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!module_is(&id[i]))
			return false;
	return true;
}

static depot_stack_handle_t recall_memo(struct memo *m,
					const struct frame *here,
					unsigned long caller,
					unsigned long limit)
{
	unsigned long sp = here->reg[UNWIND_SP];
	struct module_id id[TRAIL_MODULES];
	depot_stack_handle_t handle;
	u32 seq = GET(m->seq);
	unsigned int nr;

	if (GET(m->sp) != sp || GET(m->caller) != caller ||
	    GET(m->pc) != here->pc || seq & 1)
		return 0;
	if (GET(m->needs_fp) && GET(m->fp) != here->reg[UNWIND_FP])
		return 0;
	handle = GET(m->handle);
	nr = copy_modules(m, id);
	if (!words_match(m, sp, limit) || GET(m->seq) != seq)
		return 0;
	/* Not before it is known that all of it was one trail: a module that is
	 * not on this stack may be gone. */
	return modules_match(id, nr) ? handle : 0;
}

static depot_stack_handle_t recall_stack(const struct frame *here,
					 unsigned long caller)
{
	unsigned long sp = here->reg[UNWIND_SP], limit = stack_limit(sp);
	struct memo *row = memo_row(sp, caller);
	depot_stack_handle_t handle;
	unsigned int i;

	for (i = 0; i < MEMO_WAYS && limit; i++) {
		handle = recall_memo(&row[i], here, caller, limit);
		if (handle)
			return handle;
	}
	return 0;
}

/* An empty memo of the row that nobody writes, or each in turn. */
static struct memo *memo_to_replace(struct memo *row)
{
	static _Atomic u32 turn;
	unsigned int i;
	u32 now;

	for (i = 0; i < MEMO_WAYS; i++)
		if (!GET(row[i].handle) && !(GET(row[i].seq) & 1))
			return &row[i];
	now = atomic_load_explicit(&turn, memory_order_relaxed);
	atomic_store_explicit(&turn, now + 1, memory_order_relaxed);
	return &row[now % MEMO_WAYS];
}

static void remember_stack(const struct trail *trail, unsigned long caller,
			   depot_stack_handle_t handle)
{
	struct memo *m = memo_to_replace(memo_row(trail->sp, caller));
	u32 seq = GET(m->seq);
	unsigned int i;

	if (seq & 1 || !atomic_compare_exchange_strong_explicit(
				&m->seq, &seq, seq + 1, memory_order_acquire,
				memory_order_relaxed))
		return;
	SET(m->handle, handle);
	SET(m->pc, trail->pc);
	SET(m->sp, trail->sp);
	SET(m->caller, caller);
	SET(m->fp, trail->fp);
	SET(m->needs_fp, trail->needs_fp);
	SET(m->nr_words, trail->nr_words);
	SET(m->nr_modules, trail->nr_modules);
	for (i = 0; i < trail->nr_modules; i++) {
		SET(m->module[i].start, trail->module[i].start);
		SET(m->module[i].place, trail->module[i].place);
		SET(m->module[i].build_id, trail->module[i].build_id);
	}
	for (i = 0; i < trail->nr_words; i++) {
		SET(m->offset[i], trail->offset[i]);
		SET(m->word[i], trail->word[i]);
	}
	SET(m->seq, seq + 2);
}

noinline depot_stack_handle_t save_stack(const void *caller)
{
	unsigned long entries[STACK_DEPTH];
	depot_stack_handle_t handle;
	struct frame here;
	struct trail trail;
	unsigned int nr;

	if (!caller)
		caller = __builtin_return_address(0);
	CAPTURE_FRAME(&here);
	handle = recall_stack(&here, (unsigned long)caller);
	if (likely(handle))
		return handle;
	nr = unwind(&here, entries, STACK_DEPTH, caller, &trail);
	handle = stack_depot_save(entries, nr);
	if (handle && trail.complete)
		remember_stack(&trail, (unsigned long)caller, handle);
	return handle;
}
