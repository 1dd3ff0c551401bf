// SPDX-License-Identifier: MIT
/*
 * Stack traces: who called, and who called them.
 *
 * A walk holds the registers as the current frame left them, and makes of them
 * those of the caller, until there is none:
 *
 *	pc --> module (_dl_find_object) --> row (eh_frame.c) --> CFA
 *	caller's sp = CFA; its pc, rbp, ... where the row says, on the stack
 *
 * Rows.	A row costs a microsecond to find, so those met before are
 *		remembered, as a word each, in a table that never grows. Such
 *		a word can say what nearly all rows say: the CFA is sp or the
 *		frame pointer plus an offset, the return address and the
 *		caller's frame pointer were saved below it. A walk by such
 *		words loses the other registers. If a frame turns out to need
 *		one (its CFA is in rbx, say), the walk starts over, with whole
 *		rows and all registers.
 *
 * Modules.	_dl_find_object() (glibc 2.35) answers without a lock. Without
 *		it (musl, a static program) only the program itself is found.
 *		In code that is in no module that was found, and a JIT's is in
 *		none, the frame pointer is followed, if it points to where a
 *		frame may be.
 *
 * pc.		A return address may be one beyond the function, where the
 *		call was the last instruction. So the row looked for is that of
 *		the byte before; but of the address itself in a frame that a
 *		signal interrupted, where no call was made.
 *
 * Believing a remembered row (struct rule_slot)
 *
 *	The table is written by all threads without a lock, and a module may
 *	have been unloaded since, and another be where it was. Of an entry
 *		word[1] = stamp of the module << 32 | rule
 *		word[0] = pc ^ mix(word[1])
 *	a reader takes both words, in any order, and believes them if
 *	word[0] ^ mix(word[1]) is its pc and the stamp is that of the module
 *	that is at the pc now.
 *	Torn: word[0] of entry A (of pc a), word[1] of B (of pc b). To be
 *	believed for pc p takes a ^ mix(A[1]) ^ mix(B[1]) == p. mix() is a
 *	bijection that spreads each bit over the word, so for p == a it takes
 *	A[1] == B[1], which is the right rule, and for others the chance of two
 *	numbers of 64 bits to be the same.
 *	Stale: the stamp is a hash of where the module lies, of its name's place
 *	and of its build-id, read from memory anew in each walk. A file loaded again
 *	where it was has the same stamp, and the same rows. Another file at the
 *	same place has the same stamp by a chance of 2^-31. Rows of a library
 *	without build-id are not remembered: there is nothing to tell two
 *	builds of it apart by.
 *	Should a wrong rule be believed all the same, the trace is wrong and
 *	nothing else: see next.
 *
 * Reading the stack (struct stack_view)
 *
 *	What a wrong row or an overwritten word points to is not read unless it
 *	is known to be there. The words between sp and the end of the thread's
 *	own stack are: no thread unmaps what it stands on. The end is found once
 *	per thread. It is __libc_stack_end for the first thread, and for others
 *	the thread pointer, since libc puts its struct pthread (and the static
 *	thread-local blocks) at the top of the stack. That sp is on that stack
 *	and not on a coroutine's below it is shown by asking the host whether
 *	every page from sp up to the end can be read: below a stack is a
 *	guard page, or the gap that the host keeps there. Pages once shown stay
 *	so, and are remembered as `my_stack.low`.
 *	On any other stack (sigaltstack, makecontext) words are read through the
 *	host, some at a time, which fails where there is nothing.
 *
 *	What a module says of itself is read directly: a module with a frame on
 *	a stack must not be unloaded.
 *	Not covered: an overwritten return address into a library that is being
 *	unloaded at that moment. And: a thread with a stack from its creator, or
 *	without a guard, and directly below it a coroutine's stack, and an
 *	overwritten frame on the latter that points to a third mapping between
 *	both which is being unmapped.
 *
 * Context:	any; see backtrace.h. A walk takes about 1 KiB of stack, 3 KiB
 *		where a row is new.
 * Trails.	Who wants to know whether a later walk would say the same gets the
 *		words that rows led to, and the modules (struct trail).
 *
 * Not here:	names of functions; how stacks are kept: stackdepot.c; walks that
 *		need not be made again: stack_memo.c.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "backtrace.h"
#include "eh_frame.h"
#include "host.h"
#include "module_log.h"
#include "printk.h"
#include "unwind.h"

/* Libc before 2.35 has neither the function nor the struct, musl neither. */
#ifndef DLFO_STRUCT_HAS_EH_DBASE
struct dl_find_object {
	unsigned long long dlfo_flags;
	void *dlfo_map_start;
	void *dlfo_map_end;
	struct link_map *dlfo_link_map;
	void *dlfo_eh_frame;
	unsigned long long dlfo_reserved[8];
};

int _dl_find_object(void *pc, struct dl_find_object *result);
#endif
extern __typeof(_dl_find_object) _dl_find_object __attribute__((weak));

extern void *__libc_stack_end __attribute__((weak));

#define WALK_REGS (REG_BIT(UNWIND_FP) | REG_BIT(UNWIND_SP))

/* What can be read: [low, limit), directly; or, if limit is 0, anything from
 * low on, through a window of the stack that is copied by the host. */
#define WINDOW_WORDS 64

struct stack_view {
	unsigned long low;
	unsigned long limit;
	unsigned long window_start;
	unsigned long window_end;
	unsigned long window[WINDOW_WORDS];
};

struct walk {
	struct frame f;
	struct trail *trail;		/* or NULL */
	struct eh_module module;	/* the one looked up last */
	u32 stamp;
	bool whole;			/* whole rows, all registers */
	bool again;			/* a register that was let go is needed */
	struct stack_view stack;
};

/* The stack ----------------------------------------------------------------- */

/* [low, end) of this thread's stack is there; end 0: not known yet. */
static __thread struct {
	unsigned long low;
	unsigned long end;
} my_stack;

/* The host is asked for so many pages at most. */
#define MAX_LEARN (256ul << 20)

static unsigned long thread_pointer(void)
{
#if defined(__x86_64__)
	unsigned long tp;

	/* The first word of the thread area is its own address. */
	__asm__("movq %%fs:0, %0" : "=r"(tp));
	return tp;
#else
	return (unsigned long)__builtin_thread_pointer();
#endif
}

/*
 * Is every byte from @sp to @end there? Then this is the stack that ends so.
 * A signal handler may come between the two stores, and do the same: low is
 * set first, since it says nothing while there is no end.
 */
static bool learn_stack(unsigned long sp, unsigned long end)
{
	unsigned long known = my_stack.end ? my_stack.low : end;

	if (sp >= end || known - sp > MAX_LEARN || !host_readable(sp, known))
		return false;
	/* All of a page is there. */
	WRITE_ONCE(my_stack.low, ALIGN_DOWN(sp, 4096ul));
	atomic_signal_fence(memory_order_seq_cst);
	WRITE_ONCE(my_stack.end, end);
	return true;
}

static noinline bool learn_my_stack(unsigned long sp)
{
	if (my_stack.end)
		return sp < my_stack.low && learn_stack(sp, my_stack.end);
	if (&__libc_stack_end &&
	    learn_stack(sp, (unsigned long)__libc_stack_end))
		return true;
	/* The first thread's area is anywhere, and what lies below it too. */
	return host_gettid() != host_getpid() &&
	       learn_stack(sp, thread_pointer());
}

static bool on_my_stack(unsigned long sp)
{
	return (sp >= my_stack.low && sp < my_stack.end) || learn_my_stack(sp);
}

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

unsigned long stack_limit(unsigned long sp)
{
	return on_my_stack(sp) ? my_stack.end - sizeof(long) + 1 : 0;
}

/* From now on, frames are above @sp. */
static void view_stack(struct stack_view *view, unsigned long sp)
{
	view->low = sp;
	view->limit = stack_limit(sp);
	view->window_start = 0;
	view->window_end = 0;
}

static noinline bool read_window(struct stack_view *view, unsigned long addr,
				 unsigned long *val)
{
	if (view->limit || addr < view->low || !IS_ALIGNED(addr, sizeof(long)))
		return false;
	if (addr < view->window_start || addr >= view->window_end) {
		/* Within a page: it is there or it is not. */
		size_t size = min_t(size_t, sizeof(view->window),
				    4096 - addr % 4096);

		if (host_peek(view->window, addr, size) != (long)size)
			return false;
		view->window_start = addr;
		view->window_end = addr + size;
	}
	*val = view->window[(addr - view->window_start) / sizeof(long)];
	return true;
}

static inline bool read_stack(struct stack_view *view, unsigned long addr,
			      unsigned long *val)
{
	if (likely(addr >= view->low && addr < view->limit &&
		   IS_ALIGNED(addr, sizeof(long)))) {
		*val = load_word(addr);
		return true;
	}
	return read_window(view, addr, val);
}

/* Rows that were met before ------------------------------------------------- */

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

static struct rule_slot {
	_Atomic u64 word[2];
} rule_table[1 << RULE_TABLE_BITS];

#define MULTIPLIER 0x9e3779b97f4a7c15ull

static inline u64 mix(u64 x)
{
	x *= MULTIPLIER;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ (x >> 29);
}

/* The place of @pc in the table, and the one beside it is a second. */
static inline struct rule_slot *rule_slot(unsigned long pc)
{
	return &rule_table[pc * MULTIPLIER >> (64 - RULE_TABLE_BITS)];
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
	return (key ^ mix(val)) == pc && (u32)(val >> 32) == stamp;
}

static inline bool recall_rule(unsigned long pc, u32 stamp, u32 *rule)
{
	struct rule_slot *slot = rule_slot(pc);

	return likely(recall_from(slot, pc, stamp, rule)) ||
	       recall_from(beside(slot), pc, stamp, rule);
}

/* What was here moves beside: two addresses that meet do not drive each other
 * out. Copied word by word, an entry is believed or not as any other. */
static void remember_rule(unsigned long pc, u32 stamp, u32 rule)
{
	struct rule_slot *slot = rule_slot(pc), *second = beside(slot);
	u64 val = (u64)stamp << 32 | rule;
	unsigned int i;

	for (i = 0; i < 2; i++)
		atomic_store_explicit(&second->word[i],
				      atomic_load_explicit(&slot->word[i],
							   memory_order_relaxed),
				      memory_order_relaxed);
	atomic_store_explicit(&slot->word[0], pc ^ mix(val),
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

/* The rule that says what the row says; false if there is none. */
static bool row_to_rule(const struct unwind_row *row, u32 *rule)
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

/* Modules ------------------------------------------------------------------- */

#define HEADER_PAGE 4096

/* Where the notes of [p, p + size) have a build-id; 0 if nowhere. */
static unsigned int find_build_id(unsigned long start, unsigned long pos,
				  unsigned long end)
{
	while (pos + sizeof(ElfW(Nhdr)) + 4 <= end) {
		const ElfW(Nhdr) *note = (const void *)(start + pos);
		unsigned long desc = pos + sizeof(*note) +
				     ALIGN((unsigned long)note->n_namesz, 4);
		unsigned long next = desc +
				     ALIGN((unsigned long)note->n_descsz, 4);

		if (next > end)
			break;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    !memcmp(note + 1, "GNU", 4) &&
		    note->n_descsz >= sizeof(u64))
			return (unsigned int)desc;
		pos = next;
	}
	return 0;
}

/* The same of a module, if it is in the page of the ELF header, which is the
 * only one that can be relied on to be there; linkers put it there. */
static noinline unsigned int module_build_id(unsigned long start)
{
	const ElfW(Ehdr) *ehdr = (const void *)start;
	const ElfW(Phdr) *phdr = (const void *)(start + ehdr->e_phoff);
	unsigned int i, found = 0;

	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) ||
	    ehdr->e_phentsize != sizeof(*phdr) || ehdr->e_phoff > HEADER_PAGE ||
	    ehdr->e_phoff + ehdr->e_phnum * sizeof(*phdr) > HEADER_PAGE)
		return 0;
	for (i = 0; i < ehdr->e_phnum && !found; i++)
		if (phdr[i].p_type == PT_NOTE &&
		    phdr[i].p_offset <= HEADER_PAGE &&
		    phdr[i].p_filesz <= HEADER_PAGE - phdr[i].p_offset)
			found = find_build_id(start, phdr[i].p_offset,
					      phdr[i].p_offset +
					      phdr[i].p_filesz);
	return found;
}

/*
 * Where the build-ids are: start of module | offset, which is less than a
 * page. Only the place is remembered, and what is there is read each time; so
 * it does no harm if the module is another one by now.
 */
static _Atomic unsigned long build_id_at[64];

static u64 build_id(unsigned long start)
{
	_Atomic unsigned long *slot;
	unsigned long word;
	u64 id = 0;

	slot = &build_id_at[(start >> 12) * MULTIPLIER >> 58];
	word = atomic_load_explicit(slot, memory_order_relaxed);
	if (ALIGN_DOWN(word, HEADER_PAGE) != start) {
		word = start | module_build_id(start);
		atomic_store_explicit(slot, word, memory_order_relaxed);
	}
	/* All of it is in that page. */
	if (word % HEADER_PAGE)
		memcpy(&id, (const void *)word, sizeof(id));
	return id;
}

/* A module; @path "" or NULL: the program. */
struct found {
	struct eh_module module;
	unsigned long bias;
	const char *path;
};

static bool is_program(const struct found *found)
{
	return !found->path || !*found->path;
}

static void add_segment(struct found *found, const ElfW(Phdr) *phdr)
{
	unsigned long end = found->bias + phdr->p_vaddr + phdr->p_memsz;

	if (phdr->p_type == PT_LOAD && end > found->module.end)
		found->module.end = end;
	if (phdr->p_type == PT_GNU_EH_FRAME)
		found->module.hdr = (const u8 *)found->bias + phdr->p_vaddr;
}

/* Without _dl_find_object(), the program is still known: the host says where
 * its headers are. In a static program, that is all there is. */
static bool find_in_program(unsigned long pc, struct found *found)
{
	const ElfW(Phdr) *phdr = (const void *)getauxval(AT_PHDR);
	unsigned long start = ALIGN_DOWN((unsigned long)phdr, HEADER_PAGE);
	const ElfW(Ehdr) *ehdr = (const void *)start;
	unsigned int i;

	if (!phdr || memcmp(ehdr->e_ident, ELFMAG, SELFMAG))
		return false;
	for (i = 0; i < ehdr->e_phnum && phdr[i].p_type != PT_LOAD; i++)
		;
	if (i == ehdr->e_phnum)
		return false;
	*found = (struct found){ .bias = start - phdr[i].p_vaddr };
	found->module.start = start;
	for (i = 0; i < ehdr->e_phnum; i++)
		add_segment(found, &phdr[i]);
	return pc >= start && pc < found->module.end;
}

static bool find_module(unsigned long pc, struct found *found)
{
	struct dl_find_object object;

	if (!_dl_find_object)
		return find_in_program(pc, found);
	if (_dl_find_object((void *)pc, &object) || !object.dlfo_link_map)
		return false;
	found->module.start = (unsigned long)object.dlfo_map_start;
	found->module.end = (unsigned long)object.dlfo_map_end;
	found->module.hdr = object.dlfo_eh_frame;
	found->bias = object.dlfo_link_map->l_addr;
	found->path = object.dlfo_link_map->l_name;
	/* glibc knows of a static program's text only. */
	if (is_program(found) && (found->module.hdr < (u8 *)object.dlfo_map_start ||
				  found->module.hdr >= (u8 *)object.dlfo_map_end))
		return find_in_program(pc, found);
	return true;
}

static void identify_module(const struct found *found, struct module_id *id)
{
	id->start = found->module.start;
	id->place = found->module.start * 3 + found->module.end * 5 +
		    (unsigned long)found->module.hdr * 7 +
		    (unsigned long)found->path;
	id->build_id = build_id(found->module.start);
}

bool module_is(const struct module_id *id)
{
	struct module_id now;
	struct found found;

	if (!find_module(id->start, &found))
		return false;
	identify_module(&found, &now);
	return now.start == id->start && now.place == id->place &&
	       now.build_id == id->build_id;
}

/* The stamp of rows of a module; 0: they are not to be remembered. */
static u32 module_stamp(const struct module_id *id, const struct found *found)
{
	/* The program is never unloaded. */
	if (!id->build_id && !is_program(found))
		return 0;
	return (u32)mix(id->place ^ mix(id->build_id)) | 1;
}

static bool contains(const struct eh_module *module, unsigned long pc)
{
	return pc >= module->start && pc < module->end;
}

/* The program, we ourselves, and libc, which we need. */
static bool outlives_trails(const struct found *found)
{
	return is_program(found) ||
	       contains(&found->module, (unsigned long)stack_limit) ||
	       contains(&found->module, (unsigned long)getauxval);
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

/* A row is new: its module may be. */
static noinline void log_module(unsigned long pc)
{
	struct found found;

	if (find_module(pc, &found) && !outlives_trails(&found))
		module_log_add(&(struct logged_module){
			.start = found.module.start,
			.end = found.module.end,
			.bias = found.bias,
			.build_id = build_id(found.module.start),
			.path = found.path,
		});
}

/* Look up the module of @pc; without one, module.end is 0. */
static noinline void enter_module(struct walk *w, unsigned long pc)
{
	struct module_id id;
	struct found found;

	w->module.start = 0;
	w->module.end = 0;
	if (!find_module(pc, &found) || !found.module.hdr)
		return;
	identify_module(&found, &id);
	w->module = found.module;
	w->stamp = module_stamp(&id, &found);
	if (w->trail && !outlives_trails(&found))
		trail_module(w->trail, &id);
}

/* Expressions --------------------------------------------------------------- */

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
	struct walk *w;
	const u8 *p;
	const u8 *end;
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

static bool known_reg(struct walk *w, unsigned long reg, unsigned long *val)
{
#if defined(__x86_64__)
	if (reg == UNWIND_RA) {
		*val = w->f.pc;
		return true;
	}
#endif
	if (reg < UNWIND_NR_REGS && (w->f.valid & REG_BIT(reg))) {
		*val = w->f.reg[reg];
		return true;
	}
	w->again = !w->whole;
	return false;
}

static bool push_reg(struct eval *e, unsigned long reg)
{
	long offset = read_sleb128(&e->p, e->end);
	unsigned long val;

	return known_reg(e->w, reg, &val) &&
	       push(e, val + (unsigned long)offset);
}

/* A constant of @size bytes. */
static bool push_const(struct eval *e, unsigned int size, bool is_signed)
{
	unsigned int unused = 64 - 8 * size;
	u64 val = 0;

	if ((size_t)(e->end - e->p) < size)
		return false;
	memcpy(&val, e->p, size);
	e->p += size;
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
		return read_stack(&e->w->stack, *top, top);
	case OP_PLUS_UCONST:
		*top += read_uleb128(&e->p, e->end);
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
		return push_reg(e, read_uleb128(&e->p, e->end));
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
		return push(e, read_uleb128(&e->p, e->end));
	case OP_CONSTS:
		return push(e, (unsigned long)read_sleb128(&e->p, e->end));
	}
	return e->depth && eval_top(e, op);
}

/* There are no jumps among the operations: it ends. */
static noinline bool evaluate(struct walk *w, s32 arg, const unsigned long *cfa,
			      unsigned long *val)
{
	struct eval e = { .w = w };

	if (!eh_frame_expr(&w->module, arg, &e.p, &e.end))
		return false;
	if (cfa)
		push(&e, *cfa);
	while (e.p < e.end)
		if (!eval_op(&e, *e.p++))
			return false;
	if (!e.depth)
		return false;
	*val = e.stack[e.depth - 1];
	return true;
}

/* Steps --------------------------------------------------------------------- */

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

noinline unsigned int backtrace_save(unsigned long *entries, unsigned int max,
				     const void *caller)
{
	struct frame here;

	if (!max)
		return 0;
	CAPTURE_FRAME(&here);
	return unwind(&here, entries, max, caller, NULL);
}

/* Names --------------------------------------------------------------------- */

/*
 * The program's path: its link_map has none. Threads may come here at once, and
 * signal handlers: all write the same bytes, over zeroes, so that the text ends
 * where it should at any time.
 */
static const char *program_path(void)
{
	static char path[4096];
	static atomic_bool known;

	if (!atomic_load_explicit(&known, memory_order_acquire)) {
		if (host_readlink("/proc/self/exe", path, sizeof(path) - 1) <= 0)
			return "/proc/self/exe";
		/* Release: pairs with the acquire above. */
		atomic_store_explicit(&known, true, memory_order_release);
	}
	return path;
}

bool backtrace_module(unsigned long pc, const char **path,
		      unsigned long *vaddr)
{
	struct found found;

	if (!find_module(pc, &found))
		return false;
	*path = is_program(&found) ? program_path() : found.path;
	*vaddr = pc - found.bias;
	return true;
}

bool backtrace_past_module(unsigned long pc, const char **path,
			   unsigned long *vaddr)
{
	struct logged_module module;
	struct found found;

	if (find_module(pc, &found) && outlives_trails(&found))
		return backtrace_module(pc, path, vaddr);
	switch (module_log_find(pc, &module)) {
	case MODULE_LOG_NONE:
		return backtrace_module(pc, path, vaddr);
	case MODULE_LOG_SEVERAL:
		return false;
	case MODULE_LOG_ONE:
		break;
	}
	*path = module.path;
	*vaddr = pc - module.bias;
	return true;
}

static void print_stack(const char *indent, const unsigned long *entries,
			unsigned int nr,
			bool (*find)(unsigned long pc, const char **path,
				     unsigned long *vaddr))
{
	unsigned long vaddr;
	unsigned int i;
	const char *path;

	for (i = 0; i < nr; i++) {
		/* The byte before: a call may end its function, and its module. */
		if (find(entries[i] - 1, &path, &vaddr))
			printk("%s #%u 0x%016lx (%s+0x%lx)\n", indent, i,
			       entries[i], path, vaddr + 1);
		else
			printk("%s #%u 0x%016lx (?)\n", indent, i, entries[i]);
	}
}

void backtrace_print(const char *indent, const unsigned long *entries,
		     unsigned int nr)
{
	print_stack(indent, entries, nr, backtrace_module);
}

void backtrace_print_past(const char *indent, const unsigned long *entries,
			  unsigned int nr)
{
	print_stack(indent, entries, nr, backtrace_past_module);
}
