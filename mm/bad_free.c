// SPDX-License-Identifier: MIT
/*
 * Pointers that cannot be freed: find out what they are, say it in one line,
 * and act by the policy (the parameter bad_free).
 *
 * The line begins "BUG double free" or "BUG invalid free", names the pointer
 * and what it points into, and the caller:
 *
 *	BUG double free of 0x2000…40: object 1 of kmalloc-64 is free already; freed from 0x5555… (/usr/bin/prog+0x1234)
 *	BUG invalid free of 0x7ffd…: not from this allocator, in [stack]; …
 *
 * An object of a cache with debugging brings the stacks of its life along
 * (slub_debug.c), printed behind the line.
 *
 * Nothing at the pointer itself is read: our own memory is judged by its
 * struct pages, other memory by the host's list of mappings.
 *
 * Context:	no lock held; inside the fork gate or not.
 */
#include <string.h>

#include "../lib/backtrace.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/printk.h"
#include "internal.h"
#include "kfence.h"
#include "slab.h"
#include "slub_debug.h"

struct report {
	char text[512];
	size_t len;
};

static void __attribute__((format(printf, 2, 3)))
add(struct report *r, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = kmm_vsnprintf(r->text + r->len, sizeof(r->text) - r->len, fmt, args);
	va_end(args);
	if (n > 0)
		r->len = min_t(size_t, r->len + (size_t)n, sizeof(r->text) - 1);
}

/* Mappings ---------------------------------------------------------------- */

static unsigned long parse_hex(const char **s)
{
	unsigned long value = 0;
	int digit;

	for (;; (*s)++) {
		char c = **s;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			return value;
		value = value * 16 + (unsigned long)digit;
	}
}

/* "start-end perms offset dev inode   name": does it hold @addr? Then say its
 * name. */
static bool match_mapping(struct report *r, const char *line,
			  unsigned long addr)
{
	unsigned long start, end;
	int field;

	start = parse_hex(&line);
	line += *line == '-';
	end = parse_hex(&line);
	if (addr < start || addr >= end)
		return false;
	for (field = 0; field < 5; field++) {
		while (*line == ' ')
			line++;
		if (field < 4)
			while (*line && *line != ' ')
				line++;
	}
	if (!*line)
		line = "an anonymous mapping";
	add(r, "%s", line);
	return true;
}

/* Look @addr up in the host's list of mappings, without allocating. The list
 * may be out of reach, as in a sandbox: that is not the same as an address
 * which is in none. */
static void add_mapping(struct report *r, const void *addr)
{
	char buf[1024];
	size_t have = 0;
	long pos = 0, got;

	for (;;) {
		char *line = buf, *end;

		got = host_read_file("/proc/self/maps", buf + have,
				     sizeof(buf) - 1 - have, pos);
		if (got <= 0) {
			add(r, got < 0 ? "an unknown mapping" :
					 "no mapping (unmapped, or never valid)");
			return;
		}
		pos += got;
		have += (size_t)got;
		buf[have] = 0;
		while ((end = strchr(line, '\n')) != NULL) {
			*end = 0;
			if (match_mapping(r, line, (unsigned long)addr))
				return;
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		if (have == sizeof(buf) - 1)
			have = 0;	/* a name longer than the buffer */
		memmove(buf, line, have);
	}
}

/* As a line of a stack trace, so that the same tools read it. */
static void add_caller(struct report *r, const void *caller)
{
	unsigned long vaddr;
	const char *path;

	add(r, "; freed from %p (", caller);
	if (backtrace_module((unsigned long)caller, &path, &vaddr))
		add(r, "%s+%#lx", path, vaddr);
	else
		add_mapping(r, caller);
	add(r, ")");
}

/* What is it? ------------------------------------------------------------- */

bool in_free_block(struct page *page)
{
	const struct mem_range *range = page_range(page);
	unsigned long pfn = page_to_pfn(page);
	unsigned int order;

	for (order = 0; order <= MAX_PAGE_ORDER; order++) {
		unsigned long head = pfn & ~((1UL << order) - 1);
		struct page *pos;

		if (head < range->start_pfn)
			break;
		pos = page - (pfn - head);
		if ((PageBuddy(pos) || PagePcp(pos)) && pos->order >= order)
			return true;
	}
	return free_run_head(page) != NULL;
}

static void describe_slab(struct report *r, const void *p,
			  const struct slab_where *where, const char *what)
{
	const char *name = where->cache->name;

	if (where->index >= page_head(lookup_page(p))->objects) {
		add(r, "BUG invalid free of %p: behind the last object of %s, in its slab's tail waste",
		    p, name);
	} else if ((const char *)p < (char *)where->object) {
		add(r, "BUG invalid free of %p: %zu bytes in front of object %u (%p) of %s",
		    p, (size_t)((char *)where->object - (const char *)p),
		    where->index, where->object, name);
	} else if (!where->exact) {
		add(r, "BUG invalid free of %p: %zu bytes inside object %u (%p) of %s",
		    p, (size_t)((const char *)p - (char *)where->object),
		    where->index, where->object, name);
	} else if (where->free ||
		   sheaf_contains(where->cache, where->object)) {
		add(r, "BUG double free of %p: object %u of %s is free already",
		    p, where->index, name);
	} else {
		add(r, "BUG invalid free of %p: object %u of %s", p,
		    where->index, name);
		if (what)
			add(r, ", freed as %s", what);
	}
}

static void describe_page(struct report *r, const void *p, struct page *page,
			  const char *what)
{
	struct page *head = large_head(page);

	if (head) {
		add(r, "BUG invalid free of %p: %zu bytes inside the block of %lu pages at %p",
		    p, (size_t)((const char *)p - (char *)page_address(head)),
		    head->private, page_address(head));
	} else if (in_free_block(page)) {
		add(r, "BUG double free of %p: its page is free already", p);
	} else {
		add(r, "BUG invalid free of %p: in a block of pages from alloc_pages(), or never allocated",
		    p);
		if (what)
			add(r, ", freed as %s", what);
	}
}

/* True if @where is where @p is: in a slab. */
static bool describe(struct report *r, const void *p, const char *what,
		     struct slab_where *where)
{
	struct page *page = lookup_page(p);
	unsigned long start;
	size_t size;

	if (page && slab_locate(p, where)) {
		describe_slab(r, p, where, what);
		return true;
	}
	if (page) {
		describe_page(r, p, page, what);
	} else if (vmalloc_find(p, &start, &size)) {
		add(r, "BUG invalid free of %p: %zu bytes inside the vmalloc block of %zu bytes at %p",
		    p, (size_t)((unsigned long)p - start), size, (void *)start);
	} else {
		add(r, "BUG invalid free of %p: not from this allocator, in ",
		    p);
		add_mapping(r, p);
	}
	return false;
}

noinline __cold void bad_free(const void *p, const void *caller,
			      const char *what)
{
	struct report r = { .len = 0 };
	struct slab_where where;
	bool in_slab;

	if (kmm_params.bad_free == BAD_FREE_IGNORE)
		return;
	if (is_kfence_address(p)) {
		kfence_bad_free(p, caller);
		return;
	}
	gate_enter();
	in_slab = describe(&r, p, what, &where);
	if (caller)
		add_caller(&r, caller);
	else
		add(&r, "; noticed later, slab_debug=FZPU shows the calls");
	printk("%s\n", r.text);
	if (in_slab)
		print_bad_free(&where, caller);
	gate_exit();
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}
