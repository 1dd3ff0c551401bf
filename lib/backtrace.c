// SPDX-License-Identifier: MIT
/*
 * Stack traces: who called, and who called them; and where that is.
 *
 *	backtrace_save() --> unwind.c	return addresses
 *	backtrace_module() --> module.c	file and address in it
 *	backtrace_print()		a line for each
 *
 * A stack that was taken some time ago is named by the modules that have been
 * where its addresses are, since those may have been unloaded (module_log.c).
 *
 * Context:	any; see backtrace.h. No locks.
 * Not here:	names of functions, which tools make of file and address; how
 *		stacks are kept: stackdepot.c.
 */
#include "backtrace.h"
#include "host.h"
#include "module.h"
#include "module_log.h"
#include "printk.h"
#include "unwind.h"

noinline unsigned int backtrace_save(unsigned long *entries, unsigned int max,
				     const void *caller)
{
	struct frame here;

	if (!max)
		return 0;
	CAPTURE_FRAME(&here);
	return unwind(&here, entries, max, caller, NULL);
}

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
	struct module module;

	if (!find_module(pc, &module))
		return false;
	*path = module_is_program(&module) ? program_path() : module.path;
	*vaddr = pc - module.bias;
	return true;
}

/*
 * The log is asked first: what it says it has kept, while what the loader says of
 * a library is gone with that, and the library may go now.
 */
bool backtrace_past_module(unsigned long pc, const char **path,
			   unsigned long *vaddr)
{
	struct logged_module past;
	struct module now;

	switch (module_log_find(pc, &past)) {
	case MODULE_LOG_ONE:
		*path = past.path;
		*vaddr = pc - past.bias;
		return true;
	case MODULE_LOG_SEVERAL:
		/* Or the log is full: that says nothing of what stays. */
		if (!find_module(pc, &now) || !module_stays(&now))
			return false;
		break;
	case MODULE_LOG_NONE:
		break;
	}
	return backtrace_module(pc, path, vaddr);
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
