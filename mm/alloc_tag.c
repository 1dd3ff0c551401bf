// SPDX-License-Identifier: MIT
/*
 * Allocation profiling: for each call site, how much of what it allocated is
 * still there. All of it is counted, unlike in heap_profile.c.
 *
 *	program, compiled for it	kmalloc(100, gfp)
 *	  alloc_hooks()			  kmm_alloc_tag = &tag of that line
 *	library: allocation		  site = tag, else the call's return address
 *					  site += 100; address -> site, 100
 *	         free			  address -> site, 100; site -= 100
 *
 * A site is a tally that lives as long as the process, also when the module that
 * it is in is unloaded: so what a tag says of its place is copied, as text, into
 * the stack depot, where the same text is found again under the same handle. The
 * depot keeps sequences of words; a text is one. The tag notes its site's number
 * plus 1, so that this happens once.
 *
 * The kernel keeps the site of each object beside its slab (struct slabobj_ext);
 * here it is in an address map, which costs nothing unless it is asked for.
 *
 * Context:	watch.h.
 * Source:	kernel lib/alloc_tag.c, include/linux/alloc_tag.h. A site that has
 *		allocated nothing yet is not listed: nobody knows of it.
 * Not here:	names of return addresses: kmm allocinfo.
 */
#include <errno.h>
#include <linux/alloc_tag.h>
#include <string.h>

#include "../lib/addr_map.h"
#include "../lib/backtrace.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/stackdepot.h"
#include "internal.h"
#include "profile.h"

/* What fits into a record of the depot, with a NUL. */
#define SITE_TEXT (STACK_DEPOT_MAX_FRAMES * sizeof(unsigned long))

struct tally_table alloc_sites = TALLY_TABLE_INIT;
__thread struct alloc_tag *kmm_alloc_tag;

static struct addr_map owners;

/* Sites ------------------------------------------------------------------- */

/* A path that is too long loses its beginning. */
static void site_text(const struct alloc_tag *tag, char text[SITE_TEXT])
{
	const char *file = tag->filename;
	size_t len;

	for (;;) {
		len = (size_t)kmm_snprintf(text, SITE_TEXT,
					   "%s:%u%s%s%s func:%s", file,
					   tag->lineno,
					   tag->modname ? " [" : "",
					   tag->modname ? tag->modname : "",
					   tag->modname ? "]" : "",
					   tag->function);
		if (len < SITE_TEXT || !*file)
			return;
		file++;
	}
}

static struct tally *tag_site(struct alloc_tag *tag)
{
	u32 number = __atomic_load_n(&tag->site, __ATOMIC_ACQUIRE);
	unsigned long words[STACK_DEPOT_MAX_FRAMES] = { 0 };
	depot_stack_handle_t handle;
	struct tally *site;

	if (likely(number))
		return tally_at(&alloc_sites, number - 1);
	site_text(tag, (char *)words);
	handle = stack_depot_save(words,
				  (unsigned int)(strlen((char *)words) /
						 sizeof(words[0])) + 1);
	site = handle ? tally_get(&alloc_sites, handle, SITE_TAG) : NULL;
	/* Release: pairs with the acquire above, in other threads. */
	if (site)
		__atomic_store_n(&tag->site, site->index + 1, __ATOMIC_RELEASE);
	return site;
}

static struct tally *call_site(const struct watch_call *call)
{
	if (kmm_alloc_tag)
		return tag_site(kmm_alloc_tag);
	return tally_get(&alloc_sites, (unsigned long)call->caller, SITE_CALLER);
}

static void count_alloc(const struct watch_call *call)
{
	struct addr_entry entry = {
		.addr = (unsigned long)call->result,
		.size = call->size,
		.owner = call_site(call),
	}, old;

	/* Without memory it goes uncounted, and so will its free. */
	if (!entry.owner || !addr_map_insert(&owners, &entry, &old))
		return;
	tally_alloc(entry.owner, entry.size);
	if (unlikely(old.addr))
		tally_free(old.owner, old.size);
}

static void account_call(const struct watch_call *call)
{
	struct addr_entry entry;

	gate_enter();
	if (watch_frees(call) &&
	    addr_map_remove(&owners, (unsigned long)call->old, &entry))
		tally_free(entry.owner, entry.size);
	if (call->result)
		count_alloc(call);
	gate_exit();
}

/* Report ------------------------------------------------------------------ */

static void show_caller(struct seq_file *m, unsigned long caller)
{
	unsigned long vaddr;
	const char *path;

	seq_printf(m, "0x%lx", caller);
	if (backtrace_module(caller, &path, &vaddr))
		seq_printf(m, " (%s+0x%lx)", path, vaddr);
}

static void show_site(struct seq_file *m, const struct tally *site)
{
	struct tally_live live = tally_live(site);
	const unsigned long *words;

	seq_printf(m, "%12llu %8llu ", (unsigned long long)live.bytes,
		   (unsigned long long)live.objects);
	if (site->key[1] == SITE_CALLER)
		show_caller(m, site->key[0]);
	else if (stack_depot_fetch((depot_stack_handle_t)site->key[0], &words))
		seq_puts(m, (const char *)words);
	seq_puts(m, "\n");
}

void allocinfo_show(struct seq_file *m)
{
	/* Acquire: pairs with the release in tally_get(). */
	u32 i, nr = atomic_load_explicit(&alloc_sites.nr, memory_order_acquire);

	seq_puts(m, "allocinfo - version: 1.0\n");
	seq_puts(m, "#     <size>  <calls> <tag info>\n");
	for (i = 0; i < nr; i++)
		show_site(m, tally_at(&alloc_sites, i));
}

static void write_at_exit(void)
{
	profile_write(param_text(kmm_params.mem_profiling_file),
		      allocinfo_show);
}

void alloc_tag_init(void)
{
	if (!kmm_params.mem_profiling)
		return;
	addr_map_init(&owners);
	watch_register(account_call);
	if (kmm_params.mem_profiling_file)
		watch_at_exit(write_at_exit);
}
