// SPDX-License-Identifier: MIT
/*
 * The command line: from "slab_nomerge mem=64M" to struct kmm_params.
 *
 * PARAMETERS below is the one list of parameters. Their defaults, the parser's
 * table and the text of `KMM_CMDLINE=help` are made from it; Documentation is
 * checked against that text. To add a parameter, add its field to struct
 * kmm_params and its row here.
 *
 * Grammar:	cmdline := word { white-space word }
 *		word    := name | name '=' value
 *		'-', '_' and '.' are the same letter in a name: the kernel's
 *		parameters of modules are written module.name
 *
 * A word that makes no sense gets one line on stderr and is skipped: a typing
 * error in an environment variable must never stop a program.
 *
 * Context:	Boot, one thread. The parser neither allocates nor changes the
 *		text, which belongs to the environment or to the caller.
 * Source:	kernel Documentation/admin-guide/kernel-parameters.txt for the
 *		names; kernel/params.c and lib/cmdline.c for the behaviour.
 */
#include <linux/mmzone.h>

#include "cmdline.h"
#include "host.h"
#include "printk.h"

#define MAX_BYTES (1ULL << 47)	/* a user address space on most hosts */
#define MAX_COUNT UINT32_MAX
#define MAX_SLAB_OBJECTS 32767	/* as the kernel's MAX_OBJS_PER_PAGE */

/* clang-format off */
/*	field, type, default, min, max, choices, unit, help */
#define PARAMETERS(_)							\
_(mem, SIZE, 0, 0, MAX_BYTES, "", "bytes",				\
  "most memory to take from the host for pages; 0: no limit")		\
_(page_shift, UINT, 0, 12, 16, "", "log2 bytes",			\
  "page size to use, at least the host's; 0: the host's")		\
_(nr_cpus, UINT, 0, 0, 4096, "", "CPUs",				\
  "CPU numbers to prepare for; 0: the host's")				\
_(rseq, FLAG, 1, 0, 1, "", "-",					\
  "per-CPU fast path by restartable sequences; 0: by trylocks")		\
_(zone_dma, SIZE, 0, 0, MAX_BYTES, "", "bytes",			\
  "memory in ZONE_DMA")							\
_(zone_dma32, SIZE, 0, 0, MAX_BYTES, "", "bytes",			\
  "memory in ZONE_DMA32")						\
_(kernelcore, SIZE, 0, 0, MAX_BYTES, "", "bytes",			\
  "memory in ZONE_NORMAL, the rest in ZONE_MOVABLE; 0: all")		\
_(movablecore, SIZE, 0, 0, MAX_BYTES, "", "bytes",			\
  "memory in ZONE_MOVABLE")						\
_(min_free_kbytes, UINT, 0, 0, MAX_COUNT, "", "kB",			\
  "sum of the zones' min watermarks; 0: by the size of memory")		\
_(watermark_scale_factor, UINT, 10, 1, 3000, "", "1/10000",		\
  "distance of the watermarks, as a part of the zone")			\
_(thp, CHOICE, THP_MADVISE, 0, THP_ALWAYS,				\
  "never|madvise|always", "-",						\
  "huge pages: none, where memory is likely to be full, or everywhere")	\
_(thp_after, SIZE, 128 << 20, 0, MAX_BYTES, "", "bytes",		\
  "memory to use before thp=madvise takes huge pages")			\
_(page_reporting, FLAG, 1, 0, 1, "", "-",				\
  "give free memory back in the background, by a thread")		\
_(slab_merge, FLAG, 0, 0, 1, "", "-",					\
  "let caches of like objects share their slabs")			\
_(slab_min_order, UINT, 0, 0, MAX_PAGE_ORDER, "", "order",		\
  "smallest slab to prefer")						\
_(slab_max_order, UINT, 3, 0, MAX_PAGE_ORDER, "", "order",		\
  "largest slab to prefer")						\
_(slab_min_objects, UINT, 0, 0, MAX_SLAB_OBJECTS, "", "objects",	\
  "fewest objects in a slab; 0: by the number of CPUs")			\
_(slab_freelist_random, FLAG, 0, 0, 1, "", "-",			\
  "hand out the objects of a new slab in random order")			\
_(init_on_alloc, FLAG, 0, 0, 1, "", "-",				\
  "clear memory when it is allocated; slower")				\
_(init_on_free, FLAG, 0, 0, 1, "", "-",				\
  "clear memory when it is freed; slower")				\
_(slab_debug, TEXT, 0, 0, 0, "FZPU", "-",				\
  "debug caches: letters of FZPUTAO, then globs of their names")	\
_(sheaf_capacity, UINT, 0, 0, 1020, "", "objects",			\
  "size of the per-CPU arrays of free objects; 0: by size and use")	\
_(kmalloc_ladder, CHOICE, LADDER_KERNEL, 0, LADDER_GROWING,		\
  "kernel|fine|growing", "-",						\
  "kmalloc sizes: the kernel's, eight per doubling, or those where used")	\
_(bad_free, CHOICE, BAD_FREE_ABORT, 0, BAD_FREE_IGNORE,			\
  "abort|warn|ignore", "-",						\
  "what a wild or repeated free does after its report")			\
_(page_poison, FLAG, 0, 0, 1, "", "-",				\
  "fill free pages with 0xaa, and check them when they are allocated")	\
_(debug_pagealloc, FLAG, 0, 0, 1, "", "-",				\
  "make free pages inaccessible: a use is a fault at once")		\
_(page_owner, FLAG, 0, 0, 1, "", "-",					\
  "write down which stack allocated each block of pages")		\
_(kmemleak, FLAG, 0, 0, 1, "", "-",					\
  "remember what kmemleak_not_leak() and the like say")			\
_(leak_fd, UINT, 0, 0, INT32_MAX, "", "fd",				\
  "at exit, wait here for a search for leaks; 0: do not")		\
_(leak_pid, UINT, 0, 0, INT32_MAX, "", "pid",				\
  "the process that waits at leak_fd")					\
_(report_fd, UINT, 2, 0, INT32_MAX, "", "fd",				\
  "file descriptor for messages and reports")				\
_(trace, TEXT, 0, 0, 0, "", "file",					\
  "write down each call; %p in it is the process, - is where messages go")	\
_(trace_format, CHOICE, TRACE_FORMAT_BINARY, 0, TRACE_FORMAT_TEXT,	\
  "binary|text", "-",							\
  "records for kmm trace, or lines")					\
_(failslab, TEXT, 0, 0, 0, "", "-",					\
  "fail malloc() and caches: interval,probability,space,times")		\
_(fail_page_alloc, TEXT, 0, 0, 0, "", "-",				\
  "fail alloc_pages() and vmalloc(): the same")				\
_(fail_nth, UINT, 0, 0, MAX_COUNT, "", "calls",			\
  "fail the allocating call of this number; 0: off")			\
_(failslab_cache, TEXT, 0, 0, 0, "", "-",				\
  "of caches, only those whose name matches this glob")			\
_(fail_page_min_order, UINT, 0, 0, MAX_PAGE_ORDER, "", "order",	\
  "of alloc_pages(), only blocks from this order on")			\
_(fail_require, TEXT, 0, 0, 0, "", "-",				\
  "only with one of MODULE[+0xSTART-0xEND],... on the stack")		\
_(fail_reject, TEXT, 0, 0, 0, "", "-",				\
  "not with one of these on the stack")					\
_(fail_ignore_reclaim, FLAG, 0, 0, 1, "", "-",			\
  "spare calls that may block, as the kernel does")			\
_(fail_from, CHOICE, FAIL_FROM_PROGRAM, 0, FAIL_FROM_START,		\
  "program|start", "-",							\
  "count from the program's first call, or from the process's")		\
_(fail_seed, UINT, 0, 0, MAX_COUNT, "", "-",				\
  "start of the random numbers of failslab and fail_page_alloc")	\
_(fail_verbose, UINT, 1, 0, 2, "", "-",				\
  "failures on purpose: 0 says nothing, 2 the stack too")		\
_(kfence_sample_interval, UINT, 0, 1, 3600000, "", "ms",		\
  "guard one allocation in each such interval; 0: none")		\
_(kfence_sample, UINT, 0, 1, MAX_COUNT, "", "objects",			\
  "guard one of so many allocations; 0: none")				\
_(kfence_num_objects, UINT, 255, 1, 65535, "", "objects",		\
  "most objects to guard at a time")					\
_(kfence_all, FLAG, 0, 0, 1, "", "-",					\
  "guard every allocation up to 4 MiB")					\
_(kfence_quarantine, SIZE, 64 << 20, 0, MAX_BYTES, "", "bytes",	\
  "of kfence_all: addresses to use before those of a freed block")	\
_(profile, SIZE, 0, 0, MAX_BYTES, "", "bytes",			\
  "heap profile: bytes allocated per sample; 1: all; 0: off")		\
_(profile_file, TEXT, 0, 0, 0, "", "file",				\
  "where the heap profile is written at exit; %p in it is the process")	\
_(mem_profiling, FLAG, 0, 0, 1, "", "-",				\
  "count what is allocated by each call site")				\
_(mem_profiling_file, TEXT, 0, 0, 0, "", "file",			\
  "where that is written at exit; %p in it is the process")		\
_(host_fail_nth, UINT, 0, 0, MAX_COUNT, "", "calls",			\
  "fault injection: refuse memory from this request on; 0: off")
/* clang-format on */

#define PARAM_DEFAULT(field, type, def, ...) .field = (def),
#define PARAM_ROW(field, kind, def, low, high, words, units, text)	\
	{ .name = #field, .type = PARAM_##kind,				\
	  .offset = offsetof(struct kmm_params, field),			\
	  .min = (low), .max = (high),					\
	  .choices = words, .unit = units, .help = text },
#define FITS(text, field) (sizeof(text) <= sizeof(((struct kmm_param *)0)->field))
#define PARAM_FITS(field, kind, def, low, high, words, units, text)	\
	_Static_assert(FITS(#field, name) && FITS(words, choices) &&	\
		       FITS(units, unit) && FITS(text, help), "texts of " #field);

struct kmm_params kmm_params = { PARAMETERS(PARAM_DEFAULT) };
static const struct kmm_params kmm_defaults = { PARAMETERS(PARAM_DEFAULT) };

PARAMETERS(PARAM_FITS)
static const struct kmm_param param_table[] = {
	PARAMETERS(PARAM_ROW)
	{ .name = "slab_nomerge", .type = PARAM_FLAG,
	  .offset = offsetof(struct kmm_params, slab_merge), .max = 1,
	  .unit = "-", .help = "the opposite of slab_merge", .invert = true },
};

#define for_each_param(p)						\
	for ((p) = param_table; (p) < param_table + ARRAY_SIZE(param_table); \
	     (p)++)

/* A piece of the command line; not terminated. */
struct word {
	const char *s;
	size_t len;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* For messages: as %.*s arguments, and not more of it than helps. */
#define WORD_ARGS(w) (int)min_t(size_t, (w).len, 64), (w).s

static bool word_is(struct word w, const char *s, size_t len)
{
	return w.len == len && !__builtin_memcmp(w.s, s, len);
}

static bool word_is_name(struct word w, const char *name)
{
	size_t i;

	for (i = 0; i < w.len && name[i]; i++)
		if (w.s[i] != name[i] &&
		    !((w.s[i] == '-' || w.s[i] == '.') && name[i] == '_'))
			return false;
	return i == w.len && !name[i];
}

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	return 16;
}

/*
 * A number in C's notation; *@end is @s if there is none. One that does not
 * fit becomes the largest, which is outside every parameter's range.
 */
static u64 parse_number(const char *s, const char **end)
{
	unsigned int base = 10;
	bool fits = true;
	u64 value = 0;

	if (s[0] == '0') {
		base = 8;
		if ((s[1] | 0x20) == 'x' && digit_value(s[2]) < 16) {
			base = 16;
			s += 2;
		}
	}
	for (; digit_value(*s) < base; s++)
		fits = fits && !__builtin_mul_overflow(value, base, &value) &&
		       !__builtin_add_overflow(value, digit_value(*s), &value);
	*end = s;
	return fits ? value : UINT64_MAX;
}

u64 memparse(const char *s, const char **end)
{
	u64 value = parse_number(s, end);
	unsigned int shift = 0;

	if (*end == s)
		return value;
	switch (**end | 0x20) {
	case 't':
		shift += 10;
		/* fall through */
	case 'g':
		shift += 10;
		/* fall through */
	case 'm':
		shift += 10;
		/* fall through */
	case 'k':
		shift += 10;
		(*end)++;
	}
	return value > UINT64_MAX >> shift ? UINT64_MAX : value << shift;
}

static bool parse_flag(struct word w, u64 *value)
{
	static const struct {
		const char *s;
		size_t len;
		bool on;
	} words[] = {
		{ "1", 1, true }, { "0", 1, false },
		{ "y", 1, true }, { "n", 1, false },
		{ "on", 2, true }, { "off", 3, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (word_is(w, words[i].s, words[i].len)) {
			*value = words[i].on;
			return true;
		}
	}
	return false;
}

/* The next of "a|b|c" in *@list, which moves on; false after the last. */
static bool next_choice(const char **list, struct word *choice)
{
	choice->s = *list;
	choice->len = 0;
	while (choice->s[choice->len] && choice->s[choice->len] != '|')
		choice->len++;
	*list += choice->len;
	if (**list)
		(*list)++;
	return choice->len != 0;
}

static bool parse_choice(struct word w, const char *choices, u64 *value)
{
	struct word choice;

	for (u64 i = 0; next_choice(&choices, &choice); i++) {
		if (word_is(w, choice.s, choice.len)) {
			*value = i;
			return true;
		}
	}
	return false;
}

/* Holds the default until parsed. */
static u64 *param_value(const struct kmm_param *p)
{
	return (u64 *)((char *)&kmm_params + p->offset);
}

static u64 param_default(const struct kmm_param *p)
{
	return *(const u64 *)((const char *)&kmm_defaults + p->offset);
}

/* The text outlives the environment, which programs may write to. It is never
 * freed: it is read until the process ends. */
static bool copy_text(struct word w, u64 *value)
{
	char *copy = host_map(ALIGN(w.len + 1, 1UL << host.page_shift));

	if (!copy)
		return false;
	__builtin_memcpy(copy, w.s, w.len);
	*value = (u64)(unsigned long)copy;
	return true;
}

/* The default is always accepted: 0 may mean "decide yourself" where the
 * range of real values starts higher. */
static bool parse_value(const struct kmm_param *p, struct word w, u64 *value)
{
	const char *end;

	switch (p->type) {
	case PARAM_FLAG:
		return parse_flag(w, value);
	case PARAM_CHOICE:
		return parse_choice(w, p->choices, value);
	case PARAM_SIZE:
		*value = memparse(w.s, &end);
		break;
	case PARAM_UINT:
		*value = parse_number(w.s, &end);
		break;
	case PARAM_TEXT:
		return copy_text(w, value);
	}
	return w.len && end == w.s + w.len &&
	       ((*value >= p->min && *value <= p->max) ||
		*value == param_default(p));
}

#define VALUE_TEXT 32	/* bytes for any value or range as text */

/* @value as the parser would read it. */
static const char *format_value(const struct kmm_param *p, u64 value,
				char text[static VALUE_TEXT])
{
	static const char *const suffixes[] = { "", "K", "M", "G", "T" };
	const char *choices = p->choices;
	unsigned int unit = 0;
	struct word choice;

	switch (p->type) {
	case PARAM_CHOICE:
		for (u64 i = 0; next_choice(&choices, &choice); i++)
			if (i == value)
				kmm_snprintf(text, VALUE_TEXT, "%.*s",
					     WORD_ARGS(choice));
		break;
	case PARAM_SIZE:
		while (value && value % 1024 == 0 &&
		       unit + 1 < ARRAY_SIZE(suffixes)) {
			value /= 1024;
			unit++;
		}
		kmm_snprintf(text, VALUE_TEXT, "%llu%s",
			     (unsigned long long)value, suffixes[unit]);
		break;
	case PARAM_TEXT:
		kmm_snprintf(text, VALUE_TEXT, "%s",
			     value ? param_text(value) : "-");
		break;
	case PARAM_FLAG:
	case PARAM_UINT:
		kmm_snprintf(text, VALUE_TEXT, "%llu",
			     (unsigned long long)value);
		break;
	}
	return text;
}

static const char *format_range(const struct kmm_param *p,
				char text[static VALUE_TEXT])
{
	char min[VALUE_TEXT], max[VALUE_TEXT];

	if (p->type == PARAM_TEXT)
		return "text";
	if (p->choices[0])
		return p->choices;
	kmm_snprintf(text, VALUE_TEXT, "%s..%s", format_value(p, p->min, min),
		     format_value(p, p->max, max));
	return text;
}

static void set_param(const struct kmm_param *p, struct word word,
		      struct word value, bool has_value)
{
	char range[VALUE_TEXT];
	u64 parsed = 1;

	if (!has_value && p->type == PARAM_TEXT && p->choices[0]) {
		*param_value(p) = (u64)(unsigned long)p->choices;
		return;
	}
	if (!has_value && p->type != PARAM_FLAG) {
		printk("WARNING: KMM_CMDLINE: parameter \"%s\" needs a value (%s)\n",
		       p->name, format_range(p, range));
		return;
	}
	if (has_value && !parse_value(p, value, &parsed)) {
		printk("WARNING: KMM_CMDLINE: bad value in \"%.*s\" (%s takes %s)\n",
		       WORD_ARGS(word), p->name, format_range(p, range));
		return;
	}
	*param_value(p) = p->invert ? !parsed : parsed;
}

static struct word unquote(struct word w)
{
	if (w.len && w.s[0] == '"') {
		w.s++;
		w.len--;
		if (w.len && w.s[w.len - 1] == '"')
			w.len--;
	}
	return w;
}

/* Returns whether the word asks for help, which must wait for the rest. */
static bool parse_word(struct word word)
{
	struct word name = { word.s, 0 }, value;
	const struct kmm_param *p;
	bool has_value;

	while (name.len < word.len && word.s[name.len] != '=')
		name.len++;
	has_value = name.len < word.len;
	value = unquote((struct word){ name.s + name.len + has_value,
				       word.len - name.len - has_value });

	if (word_is_name(word, "help"))
		return true;
	for_each_param(p) {
		if (word_is_name(name, p->name)) {
			set_param(p, word, value, has_value);
			return false;
		}
	}
	printk("WARNING: KMM_CMDLINE: unknown parameter \"%.*s\" (KMM_CMDLINE=help lists them)\n",
	       WORD_ARGS(name));
	return false;
}

/* A word ends at a blank that is not between double quotes. As in the kernel,
 * they may be around the value or around the whole word. */
static struct word next_word(const char *s)
{
	struct word word = { s, 0 };
	bool quoted = false;

	for (; *s && (quoted || !is_space(*s)); s++)
		if (*s == '"')
			quoted = !quoted;
	word.len = (size_t)(s - word.s);
	return word;
}

static noinline void parse_words(const char *cmdline)
{
	bool help = false;
	struct word word;

	while (*cmdline) {
		if (is_space(*cmdline)) {
			cmdline++;
			continue;
		}
		word = next_word(cmdline);
		cmdline += word.len;
		help |= parse_word(unquote(word));
	}
	if (help)
		cmdline_help(2);
}

/* Apart, since most processes are told nothing: see lib/often.ld. */
void cmdline_parse(const char *cmdline)
{
	if (cmdline && *cmdline)
		parse_words(cmdline);
}

void cmdline_help(int fd)
{
	char range[VALUE_TEXT], def[VALUE_TEXT], now[VALUE_TEXT];
	const struct kmm_param *p;
	struct seq_file m;

	seq_open(&m, fd);
	seq_printf(&m, "%-22s  %-20s  %-8s  %-8s  %-10s  %s\n", "# name",
		   "range", "default", "now", "unit", "help");
	for_each_param(p)
		seq_printf(&m, "%-22s  %-20s  %-8s  %-8s  %-10s  %s\n", p->name,
			   format_range(p, range),
			   format_value(p, param_default(p) ^ p->invert, def),
			   format_value(p, *param_value(p) ^ p->invert, now),
			   p->unit, p->help);
	(void)seq_close(&m);
}
