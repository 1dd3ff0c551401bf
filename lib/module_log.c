// SPDX-License-Identifier: MIT
/*
 * The libraries that stacks were taken in, and where they lay.
 *
 * A stack is kept as addresses, and named when it is reported. By then a library
 * may have been unloaded, and another be where it was; so each library that may be
 * unloaded is noted when a walk meets it first, with its path. An address that
 * only one has been at is named by that, whether or not it is still there; one
 * that several have been at by none.
 *
 *	entries[0 ... nr)	in the order in which they were met; never changed
 *				once `complete`
 *
 * A library that is loaded again where it was is the same entry. When the table is
 * full, nothing is known of any address any more.
 *
 * Context:	any, signal handlers too. Whoever is interrupted for ever has lost
 *		one entry.
 * Not here:	profiles (heap_profile.c, alloc_tag.c) and readers from outside
 *		name addresses by what is loaded when they look.
 */
#include <string.h>

#include "module_log.h"

#define LOG_ENTRIES 512
#define LOG_PATH 224

static struct log_entry {
	atomic_bool complete;
	bool cut;		/* the path was longer */
	struct logged_module module;
	char path[LOG_PATH];
} entries[LOG_ENTRIES];

/* May run beyond the table. */
static _Atomic u32 nr_entries;

static u32 nr_logged(void)
{
	u32 nr = atomic_load_explicit(&nr_entries, memory_order_acquire);

	return min_t(u32, nr, LOG_ENTRIES);
}

/* Acquire pairs with the release in module_log_add(). */
static bool is_complete(struct log_entry *e)
{
	return atomic_load_explicit(&e->complete, memory_order_acquire);
}

static bool same_module(const struct logged_module *a,
			const struct logged_module *b)
{
	return a->start == b->start && a->end == b->end && a->bias == b->bias &&
	       a->build_id == b->build_id &&
	       !strncmp(a->path, b->path, LOG_PATH - 1);
}

void module_log_add(const struct logged_module *module)
{
	u32 nr = nr_logged(), i;
	struct log_entry *e;

	for (i = 0; i < nr; i++)
		if (is_complete(&entries[i]) &&
		    same_module(&entries[i].module, module))
			return;
	if (nr == LOG_ENTRIES)
		atomic_store(&nr_entries, LOG_ENTRIES + 1);
	if (nr == LOG_ENTRIES)
		return;
	i = atomic_fetch_add(&nr_entries, 1);
	if (i >= LOG_ENTRIES)
		return;
	e = &entries[i];
	e->module = *module;
	e->cut = strlen(module->path) >= LOG_PATH;
	strncpy(e->path, module->path, LOG_PATH - 1);
	e->module.path = e->path;
	atomic_store_explicit(&e->complete, true, memory_order_release);
}

enum module_log_answer module_log_find(unsigned long pc,
				       struct logged_module *module)
{
	const struct log_entry *found = NULL;
	u32 nr = nr_logged(), i;

	if (atomic_load(&nr_entries) > LOG_ENTRIES)
		return MODULE_LOG_SEVERAL;
	for (i = 0; i < nr; i++) {
		struct log_entry *e = &entries[i];

		if (!is_complete(e) || pc < e->module.start ||
		    pc >= e->module.end)
			continue;
		if (e->cut || (found && !same_module(&found->module, &e->module)))
			return MODULE_LOG_SEVERAL;
		found = e;
	}
	if (!found)
		return MODULE_LOG_NONE;
	*module = found->module;
	return MODULE_LOG_ONE;
}
