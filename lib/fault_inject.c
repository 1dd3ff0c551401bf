// SPDX-License-Identifier: MIT
/*
 * Fault injection: decides which calls fail, and says so.
 *
 * A call passes these gates, in this order; one that ends at the first two is
 * not counted, and call number n is the n-th that gets past them:
 *
 *	begun?	   the program's own code has run (fail_from)
 *	stack?	   a frame in fail_require, and none in fail_reject
 *	fail_nth:  the call of this number fails, and no other
 *	else the attribute, as in the kernel:
 *	  probability 0, or times used up: no
 *	  space:       bytes that are granted before anything fails
 *	  interval:    each interval-th of the calls that come here
 *	  probability: of those, in percent
 *	  times:       one less
 *
 * When has the program begun? Before main() the loader and the constructors of
 * libraries allocate; that tells nothing of the program, and the numbers of its
 * own calls would move with each version of a library. So by default nothing is
 * counted before the first call with code of the program's executable on its
 * stack: it is the bottom of every stack from _start() on. From then on all calls
 * count, those of libraries and of their threads too, and no stack needs to be
 * looked at any more.
 *
 * Numbers are exact: each call takes its own from an atomic counter. In a program
 * with one thread they are the same in each run, and so are the random ones:
 * they are a function of fail_seed and of how many were drawn before.
 *
 * Context:	any thread, no lock. A forked child goes on with its parent's
 *		counters.
 * Source:	kernel lib/fault-inject.c, should_fail_ex; task->fail_nth.
 * Not here:	which calls are asked about (mm/failslab.c, mm/fail_page_alloc.c).
 */
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>

#include "backtrace.h"
#include "cmdline.h"
#include "fault_inject.h"
#include "printk.h"

/* Frames that are looked at: the kernel's MAX_STACK_TRACE_DEPTH. */
#define STACKTRACE_DEPTH 32
#define MAX_RANGES 16

bool fault_injection = true;
_Atomic u64 fault_calls, fault_failures;

static _Atomic u64 randoms;		/* drawn */
static _Atomic bool begun;
static const char *program_path;	/* of the executable; NULL: not known */

/* A piece of code: [start, end) of the addresses in a module's file. */
struct code_range {
	const char *module;		/* not terminated */
	size_t module_len;
	unsigned long start, end;
};

struct code_ranges {
	struct code_range range[MAX_RANGES];
	unsigned int nr;
	bool given;		/* even if nothing of it was understood */
};

static struct code_ranges require, reject;

/* Attributes -------------------------------------------------------------- */

static bool parse_field(const char **s, char end, int64_t *value)
{
	bool negative = **s == '-';
	const char *p = *s + negative, *digits = p;

	*value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, *p - '0', value))
			return false;
	if (p == digits || *p != end)
		return false;
	if (negative)
		*value = -*value;
	*s = p + (end != '\0');
	return true;
}

bool setup_fault_attr(struct fault_attr *attr, const char *str)
{
	int64_t interval, probability, space, times;

	if (!parse_field(&str, ',', &interval) ||
	    !parse_field(&str, ',', &probability) ||
	    !parse_field(&str, ',', &space) ||
	    !parse_field(&str, '\0', &times) ||
	    interval < 0 || probability < 0)
		return false;
	attr->interval = (u64)interval;
	attr->probability = (u64)probability;
	atomic_store(&attr->space, space);
	atomic_store(&attr->times, times);
	return true;
}

void fault_attr_param(struct fault_attr *attr, const char *name, u64 text)
{
	if (!text)
		return;
	if (setup_fault_attr(attr, param_text(text)))
		fault_injection = true;
	else
		printk("WARNING: %s: \"%.64s\" is not interval,probability,space,times\n",
		       name, param_text(text));
}

/* Splitmix64: a number of a sequence without those before it. Steele, Lea,
 * Flood, OOPSLA 2014. */
static u64 random_below(u64 ceil)
{
	u64 nr = atomic_fetch_add_explicit(&randoms, 1, memory_order_relaxed);
	u64 z = kmm_params.fail_seed + (nr + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % ceil;
}

/* Take one of the failures that are left, if there is one. */
static bool take_time(struct fault_attr *attr)
{
	int64_t times = atomic_load(&attr->times);

	do {
		if (!times)
			return false;
		if (times == -1)
			return true;
	} while (!atomic_compare_exchange_weak(&attr->times, &times, times - 1));
	return true;
}

static bool attr_fails(struct fault_attr *attr, size_t bytes)
{
	int64_t size = (int64_t)min_t(u64, bytes, INT64_MAX);

	if (!attr->probability || !atomic_load(&attr->times))
		return false;
	if (atomic_load(&attr->space) > size) {
		atomic_fetch_sub(&attr->space, size);
		return false;
	}
	if (attr->interval > 1 &&
	    (atomic_fetch_add(&attr->count, 1) + 1) % attr->interval)
		return false;
	if (attr->probability <= random_below(100))
		return false;
	return take_time(attr);
}

/* Stacks ------------------------------------------------------------------ */

/* A module is given by its path, or by the end of it from a '/' on. */
static bool module_is(const char *path, const struct code_range *range)
{
	size_t len = strlen(path);

	if (len < range->module_len ||
	    memcmp(path + len - range->module_len, range->module,
		   range->module_len))
		return false;
	return len == range->module_len ||
	       path[len - range->module_len - 1] == '/';
}

static bool in_ranges(const struct code_ranges *ranges, unsigned long pc)
{
	unsigned long vaddr;
	const char *path;
	unsigned int i;

	/* The byte before: a call may end its function, and its module. */
	if (!backtrace_module(pc - 1, &path, &vaddr))
		return false;
	for (i = 0; i < ranges->nr; i++)
		if (vaddr >= ranges->range[i].start &&
		    vaddr < ranges->range[i].end &&
		    module_is(path, &ranges->range[i]))
			return true;
	return false;
}

/* Kernel: fail_stacktrace(). */
static bool fail_stacktrace(const void *caller)
{
	unsigned long entries[STACKTRACE_DEPTH];
	bool found = !require.given;
	unsigned int nr, i;

	if (!require.given && !reject.nr)
		return true;
	nr = backtrace_save(entries, STACKTRACE_DEPTH, caller);
	for (i = 0; i < nr; i++) {
		if (reject.nr && in_ranges(&reject, entries[i]))
			return false;
		found = found || in_ranges(&require, entries[i]);
	}
	return found;
}

static bool in_program(unsigned long pc)
{
	unsigned long vaddr;
	const char *path;

	return backtrace_module(pc - 1, &path, &vaddr) &&
	       !strcmp(path, program_path);
}

static bool program_begun(const void *caller)
{
	unsigned long entries[STACKTRACE_DEPTH];
	unsigned int nr, i;

	if (likely(atomic_load_explicit(&begun, memory_order_relaxed)))
		return true;
	nr = backtrace_save(entries, STACKTRACE_DEPTH, caller);
	for (i = 0; i < nr; i++)
		if (in_program(entries[i])) {
			atomic_store(&begun, true);
			return true;
		}
	return false;
}

/* The decision ------------------------------------------------------------ */

static void fail_dump(const struct fault_call *call, u64 nr)
{
	unsigned long entries[STACKTRACE_DEPTH], vaddr;
	const char *path;
	char where[512] = "?";

	if (!kmm_params.fail_verbose)
		return;
	if (backtrace_module((unsigned long)call->caller - 1, &path, &vaddr))
		kmm_snprintf(where, sizeof(where), "%s+0x%lx", path, vaddr + 1);
	printk("FAULT_INJECTION: forcing a failure of %s(%s%s%zu), call %llu, by 0x%016lx (%s)\n",
	       call->function, call->cache ? call->cache : "",
	       call->cache ? ", " : "", call->size, (unsigned long long)nr,
	       (unsigned long)call->caller, where);
	if (kmm_params.fail_verbose > 1)
		backtrace_print(" ", entries,
				backtrace_save(entries, STACKTRACE_DEPTH,
					       call->caller));
}

bool should_fail(struct fault_attr *attr, const struct fault_call *call)
{
	bool fails;
	u64 nr;

	if (!program_begun(call->caller) || !fail_stacktrace(call->caller))
		return false;
	nr = atomic_fetch_add(&fault_calls, 1) + 1;
	if (kmm_params.fail_nth)
		fails = nr == kmm_params.fail_nth;
	else
		fails = attr_fails(attr, call->size);
	if (likely(!fails))
		return false;
	atomic_fetch_add(&fault_failures, 1);
	fail_dump(call, nr);
	return true;
}

/* Boot -------------------------------------------------------------------- */

static bool parse_address(const char **s, const char *end,
			  unsigned long *value)
{
	const char *p;
	u64 parsed = memparse(*s, &p);

	if (p == *s || p > end || parsed > ULONG_MAX)
		return false;
	*value = (unsigned long)parsed;
	*s = p;
	return true;
}

/* "MODULE" or "MODULE+0xSTART-0xEND", up to @end. */
static bool parse_range(struct code_range *range, const char *s, const char *end)
{
	const char *plus = end;

	while (plus > s && *plus != '+')
		plus--;
	range->module = s;
	range->start = 0;
	range->end = ULONG_MAX;
	if (plus == s) {
		range->module_len = (size_t)(end - s);
		return s != end;
	}
	range->module_len = (size_t)(plus - s);
	plus++;
	return parse_address(&plus, end, &range->start) && *plus++ == '-' &&
	       parse_address(&plus, end, &range->end) && plus == end &&
	       range->start < range->end;
}

static void parse_ranges(struct code_ranges *ranges, const char *name,
			 const char *s)
{
	const char *end;

	ranges->given = s != NULL;
	for (; s && *s; s = *end ? end + 1 : end) {
		end = strchr(s, ',') ?: s + strlen(s);
		if (ranges->nr < MAX_RANGES &&
		    parse_range(&ranges->range[ranges->nr], s, end))
			ranges->nr++;
		else
			printk("WARNING: %s: \"%.*s\" is not MODULE[+0xSTART-0xEND], or one too many\n",
			       name, (int)(end - s), s);
	}
}

void fault_inject_init(void)
{
	unsigned long vaddr;

	parse_ranges(&require, "fail_require", param_text(kmm_params.fail_require));
	parse_ranges(&reject, "fail_reject", param_text(kmm_params.fail_reject));
	if (kmm_params.fail_from == FAIL_FROM_START ||
	    !backtrace_module(getauxval(AT_ENTRY), &program_path, &vaddr))
		atomic_store(&begun, true);
}
