// SPDX-License-Identifier: MIT
/*
 * Call frame information: the row of one instruction.
 *
 *	.eh_frame_hdr	[ start of function, FDE ]...		sorted
 *	.eh_frame	CIE: what many functions have in common, and the row
 *			     at the entry of each
 *			FDE: one function, and the program that changes the row
 *			     from one instruction to the next
 *
 * A lookup is a binary search in the header, and then the program, from the
 * function's start, until it has advanced beyond the instruction. Everything
 * read is in the module, of which the linker made it: it is trusted to be
 * there, but not to be well-formed, and no step leaves the module's bounds.
 *
 * Known are the encodings that GNU ld, gold, lld and mold write. With others,
 * the function has no row.
 *
 * Context:	any; no lock, no allocation, about a microsecond.
 * Source:	the DWARF 5 standard, 6.4; the Linux Standard Base Core, 10.6,
 *		for what differs in .eh_frame.
 * Not here:	reading registers and stacks: unwind.c; remembering rows:
 *		unwind_rules.c.
 */
#include <string.h>

#include "eh_frame.h"

/* Encodings of addresses: a format, and what it is relative to. */
#define PE_ABSPTR 0x00
#define PE_UDATA4 0x03
#define PE_UDATA8 0x04
#define PE_SDATA4 0x0b
#define PE_SDATA8 0x0c
#define PE_FORMAT 0x0f
#define PE_PCREL 0x10
#define PE_DATAREL 0x30
#define PE_RELATIVE 0x70
#define PE_OMIT 0xff

/* Instructions of a CFA program. The first three have an operand inside. */
enum {
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,

	CFA_NOP = 0x00,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_AARCH64_NEGATE_RA_STATE = 0x2d,
	CFA_GNU_ARGS_SIZE = 0x2e,
};

/* A piece of the module that is being read. */
struct cursor {
	const u8 *p;
	const u8 *end;
};

/* A number of @size bytes, of either byte order; 0 beyond the end. */
static u64 read_bytes(struct cursor *c, size_t size)
{
	u64 val = 0;

	if ((size_t)(c->end - c->p) < size) {
		c->p = c->end;
		return 0;
	}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&val, c->p, size);
#else
	memcpy((char *)&val + sizeof(val) - size, c->p, size);
#endif
	c->p += size;
	return val;
}

unsigned long read_uleb128(const u8 **p, const u8 *end)
{
	unsigned long val = 0;
	unsigned int shift = 0;

	while (*p < end) {
		u8 byte = *(*p)++;

		if (shift < 64)
			val |= (unsigned long)(byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80))
			break;
	}
	return val;
}

long read_sleb128(const u8 **p, const u8 *end)
{
	unsigned long val = 0;
	unsigned int shift = 0;
	u8 byte = 0;

	while (*p < end) {
		byte = *(*p)++;
		if (shift < 64)
			val |= (unsigned long)(byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80))
			break;
	}
	if (shift < 64 && (byte & 0x40))
		val |= ~0ul << shift;
	return (long)val;
}

static unsigned long uleb(struct cursor *c)
{
	return read_uleb128(&c->p, c->end);
}

static long sleb(struct cursor *c)
{
	return read_sleb128(&c->p, c->end);
}

/* An address in the format of @encoding; false if that is not known. */
static bool read_encoded(struct cursor *c, u8 encoding, unsigned long *val)
{
	unsigned long base = 0;

	if ((encoding & PE_RELATIVE) == PE_PCREL)
		base = (unsigned long)c->p;
	else if (encoding & PE_RELATIVE)
		return false;
	switch (encoding & PE_FORMAT) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		*val = base + read_bytes(c, 8);
		return true;
	case PE_UDATA4:
		*val = base + read_bytes(c, 4);
		return true;
	case PE_SDATA4:
		*val = base + (unsigned long)(long)(s32)read_bytes(c, 4);
		return true;
	}
	return false;
}

/* Is [p, p + size) in the module? */
static bool in_module(const struct eh_module *module, const u8 *p, size_t size)
{
	unsigned long addr = (unsigned long)p;

	return addr >= module->start && addr < module->end &&
	       module->end - addr >= size;
}

/* The table of .eh_frame_hdr: offsets from the header. */
struct hdr_entry {
	s32 start;
	s32 fde;
};

#define HDR_SIZE 12	/* version, three encodings, pointer, count */

static const struct hdr_entry *hdr_table(const struct eh_module *module,
					 u32 *count)
{
	const u8 *hdr = module->hdr;

	if (!in_module(module, hdr, HDR_SIZE) || hdr[0] != 1 ||
	    hdr[1] != (PE_PCREL | PE_SDATA4) || hdr[2] != PE_UDATA4 ||
	    hdr[3] != (PE_DATAREL | PE_SDATA4))
		return NULL;
	memcpy(count, hdr + 8, sizeof(*count));
	if (!*count || !in_module(module, hdr + HDR_SIZE, (size_t)*count *
				  sizeof(struct hdr_entry)))
		return NULL;
	return (const struct hdr_entry *)(hdr + HDR_SIZE);
}

/* The FDE of the last function that starts at or before @pc. */
static const u8 *find_fde(const struct eh_module *module, unsigned long pc)
{
	const struct hdr_entry *table;
	long offset = (long)(pc - (unsigned long)module->hdr);
	u32 count, low = 0;

	table = hdr_table(module, &count);
	if (!table || offset < table[0].start)
		return NULL;
	/* table[low].start <= offset < table[low + count].start */
	while (count > 1) {
		u32 half = count / 2;

		if (table[low + half].start <= offset) {
			low += half;
			count -= half;
		} else {
			count = half;
		}
	}
	return module->hdr + table[low].fde;
}

/* A CIE or FDE: its bytes behind the length. */
static bool open_entry(const struct eh_module *module, const u8 *p,
		       struct cursor *c)
{
	u32 length;

	if (!in_module(module, p, 4))
		return false;
	memcpy(&length, p, sizeof(length));
	/* All ones: a length of 64 bits follows. Nobody writes it. */
	if (!length || !in_module(module, p + 4, length))
		return false;
	c->p = p + 4;
	c->end = p + 4 + length;
	return true;
}

struct cie {
	unsigned long code_align;
	long data_align;
	unsigned long ra;
	u8 encoding;		/* of addresses in the FDE */
	bool augmented;		/* the FDE has augmentation data */
	bool signal;
	struct cursor program;
};

/* The letters after z say what is in the augmentation data. */
static bool parse_augmentation(struct cursor *c, const char *letters,
			       struct cie *cie)
{
	unsigned long size = uleb(c), skipped;
	struct cursor data;
	u8 encoding;

	if (size > (unsigned long)(c->end - c->p))
		return false;
	data = (struct cursor){ c->p, c->p + size };
	c->p += size;
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			cie->encoding = (u8)read_bytes(&data, 1);
			break;
		case 'L':
			(void)read_bytes(&data, 1);
			break;
		case 'P':
			encoding = (u8)read_bytes(&data, 1);
			if (!read_encoded(&data, encoding & 0x1f, &skipped))
				return false;
			break;
		case 'S':
			cie->signal = true;
			break;
		case 'B':	/* aarch64: signed with the other key */
			break;
		default:
			return false;
		}
	}
	return true;
}

static bool parse_cie(const struct eh_module *module, const u8 *p,
		      struct cie *cie)
{
	const char *letters;
	struct cursor c;
	u64 version;

	if (!open_entry(module, p, &c) || read_bytes(&c, 4) != 0)
		return false;
	version = read_bytes(&c, 1);
	if (version != 1 && version != 3)
		return false;
	letters = (const char *)c.p;
	c.p = memchr(c.p, '\0', (size_t)(c.end - c.p));
	if (!c.p)
		return false;
	c.p++;
	cie->code_align = uleb(&c);
	cie->data_align = sleb(&c);
	cie->ra = version == 1 ? read_bytes(&c, 1) : uleb(&c);
	cie->encoding = PE_ABSPTR;
	cie->signal = false;
	cie->augmented = *letters == 'z';
	if (cie->augmented && !parse_augmentation(&c, letters + 1, cie))
		return false;
	if (!cie->augmented && *letters)
		return false;
	cie->program = c;
	return cie->ra == UNWIND_RA;
}

/* A program that has rows to come back to. Compilers nest at most once, or
 * twice: a shrink-wrapped exit inside another. */
#define NR_REMEMBERED 3

struct cfa_run {
	const struct eh_module *module;
	const struct cie *cie;
	struct cursor c;
	unsigned long loc;		/* where the row is valid from */
	unsigned long pc;		/* where it is wanted */
	struct unwind_row *row;
	const struct unwind_row *initial;	/* NULL: it is being made */
	unsigned int nr_remembered;
	struct unwind_row remembered[NR_REMEMBERED];
};

/* Registers that nobody will ask for are as if not mentioned. */
static void set_rule(struct cfa_run *run, unsigned long reg,
		     enum unwind_how how, long arg)
{
	if (reg >= UNWIND_NR_REGS)
		return;
	run->row->how[reg] = (u8)how;
	run->row->arg[reg] = (s32)arg;
}

static void restore_rule(struct cfa_run *run, unsigned long reg)
{
	if (run->initial && reg < UNWIND_NR_REGS)
		set_rule(run, reg, run->initial->how[reg],
			 run->initial->arg[reg]);
}

static void def_cfa(struct cfa_run *run, unsigned long reg, long offset)
{
	run->row->cfa_how = UNWIND_REGISTER;
	run->row->cfa_reg = (u8)min_t(unsigned long, reg, UNWIND_NR_REGS);
	run->row->cfa_arg = (s32)offset;
}

/* Step over an expression: where it is, from the header on. */
static long expression(struct cfa_run *run)
{
	long arg = run->c.p - run->module->hdr;
	unsigned long size = uleb(&run->c);

	run->c.p += min_t(unsigned long, size,
			  (unsigned long)(run->c.end - run->c.p));
	return arg;
}

static bool remember(struct cfa_run *run)
{
	if (run->nr_remembered == NR_REMEMBERED)
		return false;
	run->remembered[run->nr_remembered++] = *run->row;
	return true;
}

static bool recall(struct cfa_run *run)
{
	if (!run->nr_remembered)
		return false;
	*run->row = run->remembered[--run->nr_remembered];
	return true;
}

static void advance(struct cfa_run *run, u64 delta)
{
	run->loc += delta * run->cie->code_align;
}

/* One instruction of those that fill a byte. False: not known. */
/* An offset, unsigned or signed, in units that the CIE gives. The numbers are a
 * file's: the product may wrap. */
static long factored(struct cfa_run *run)
{
	return (long)(uleb(&run->c) * (unsigned long)run->cie->data_align);
}

static long factored_sf(struct cfa_run *run)
{
	return (long)((unsigned long)sleb(&run->c) *
		      (unsigned long)run->cie->data_align);
}

/* Instructions that begin with a register. */
static bool run_register(struct cfa_run *run, u8 op)
{
	struct cursor *c = &run->c;
	unsigned long reg = uleb(c);

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		set_rule(run, reg, UNWIND_OFFSET, factored(run));
		return true;
	case CFA_OFFSET_EXTENDED_SF:
		set_rule(run, reg, UNWIND_OFFSET, factored_sf(run));
		return true;
	case CFA_VAL_OFFSET:
		set_rule(run, reg, UNWIND_VAL_OFFSET, factored(run));
		return true;
	case CFA_VAL_OFFSET_SF:
		set_rule(run, reg, UNWIND_VAL_OFFSET, factored_sf(run));
		return true;
	case CFA_RESTORE_EXTENDED:
		restore_rule(run, reg);
		return true;
	case CFA_UNDEFINED:
		set_rule(run, reg, UNWIND_UNDEFINED, 0);
		return true;
	case CFA_SAME_VALUE:
		set_rule(run, reg, UNWIND_SAME, 0);
		return true;
	case CFA_REGISTER:
		set_rule(run, reg, UNWIND_REGISTER, (long)uleb(c));
		return true;
	case CFA_EXPRESSION:
		set_rule(run, reg, UNWIND_EXPRESSION, expression(run));
		return true;
	case CFA_VAL_EXPRESSION:
		set_rule(run, reg, UNWIND_VAL_EXPRESSION, expression(run));
		return true;
	case CFA_DEF_CFA:
		def_cfa(run, reg, (long)uleb(c));
		return true;
	case CFA_DEF_CFA_SF:
		def_cfa(run, reg, factored_sf(run));
		return true;
	case CFA_DEF_CFA_REGISTER:
		def_cfa(run, reg, run->row->cfa_arg);
		return true;
	}
	return false;
}

static bool run_extended(struct cfa_run *run, u8 op)
{
	struct cursor *c = &run->c;

	switch (op) {
	case CFA_NOP:
	/* Addresses are stripped of their signature in any case. */
	case CFA_AARCH64_NEGATE_RA_STATE:
		return true;
	case CFA_GNU_ARGS_SIZE:
		(void)uleb(c);
		return true;
	case CFA_ADVANCE_LOC1:
		advance(run, read_bytes(c, 1));
		return true;
	case CFA_ADVANCE_LOC2:
		advance(run, read_bytes(c, 2));
		return true;
	case CFA_ADVANCE_LOC4:
		advance(run, read_bytes(c, 4));
		return true;
	case CFA_REMEMBER_STATE:
		return remember(run);
	case CFA_RESTORE_STATE:
		return recall(run);
	case CFA_DEF_CFA_OFFSET:
		run->row->cfa_arg = (s32)uleb(c);
		return true;
	case CFA_DEF_CFA_OFFSET_SF:
		run->row->cfa_arg = (s32)factored_sf(run);
		return true;
	case CFA_DEF_CFA_EXPRESSION:
		run->row->cfa_how = UNWIND_VAL_EXPRESSION;
		run->row->cfa_arg = (s32)expression(run);
		return true;
	}
	return run_register(run, op);
}

static bool run_program(struct cfa_run *run)
{
	while (run->c.p < run->c.end && run->loc <= run->pc) {
		u8 byte = *run->c.p++, low = byte & 0x3f;

		switch (byte & 0xc0) {
		case CFA_ADVANCE_LOC:
			advance(run, low);
			break;
		case CFA_OFFSET:
			set_rule(run, low, UNWIND_OFFSET,
				 factored(run));
			break;
		case CFA_RESTORE:
			restore_rule(run, low);
			break;
		default:
			if (!run_extended(run, byte))
				return false;
		}
	}
	return true;
}

/* The CIE's program up to its end, then the FDE's up to @pc. */
static bool run_both(const struct eh_module *module, const struct cie *cie,
		     struct cursor program, unsigned long start,
		     unsigned long pc, struct unwind_row *row)
{
	struct unwind_row initial;
	struct cfa_run run;

	memset(row, 0, sizeof(*row));
	row->cfa_reg = UNWIND_NR_REGS;
	row->signal = cie->signal;
	run.module = module;
	run.cie = cie;
	run.c = cie->program;
	run.loc = start;
	run.pc = pc;
	run.row = row;
	run.initial = NULL;
	run.nr_remembered = 0;
	if (!run_program(&run))
		return false;
	initial = *row;
	run.initial = &initial;
	run.c = program;
	return run_program(&run);
}

bool eh_frame_row(const struct eh_module *module, unsigned long pc,
		  struct unwind_row *row)
{
	unsigned long start, size, skip;
	const u8 *fde, *cie_at;
	struct cursor c;
	struct cie cie;

	fde = find_fde(module, pc);
	if (!fde || !open_entry(module, fde, &c))
		return false;
	/* The CIE is that far before the place of this number. */
	cie_at = c.p;
	cie_at -= read_bytes(&c, 4);
	if (cie_at == fde + 4 || !parse_cie(module, cie_at, &cie))
		return false;
	if (!read_encoded(&c, cie.encoding, &start) ||
	    !read_encoded(&c, cie.encoding & PE_FORMAT, &size) ||
	    pc < start || pc - start >= size)
		return false;
	if (cie.augmented) {
		skip = uleb(&c);
		c.p += min_t(unsigned long, skip, (unsigned long)(c.end - c.p));
	}
	return run_both(module, &cie, c, start, pc, row);
}

bool eh_frame_expr(const struct eh_module *module, s32 arg, const u8 **start,
		   const u8 **end)
{
	const u8 *limit = (const u8 *)module->end;
	unsigned long size;

	*start = module->hdr + arg;
	size = read_uleb128(start, limit);
	if (!in_module(module, *start, size))
		return false;
	*end = *start + size;
	return true;
}
