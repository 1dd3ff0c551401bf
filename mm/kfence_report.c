// SPDX-License-Identifier: MIT
/*
 * What KFENCE found: which object it is about, and the report.
 *
 *	BUG kfence: out-of-bounds read in 0x55e0… (/tmp/prog+0x11c9): 0x7f12… is 1 byte right of kfence-#3
 *	accessed by thread 4711 at 0.020108s:
 *	 #0 0x000055e0… (/tmp/prog+0x11c9)
 *	kfence-#3: 0x7f12…e0-0x7f12…ff, size=32, cache=kmalloc-32
 *	allocated by thread 4711 at 0.019998s:
 *	 #0 …
 *	freed by thread …			(if it is free)
 *
 * Then the process aborts, or goes on with the page made accessible, by the
 * policy (the parameter bad_free). So a second access there is not seen.
 *
 * Addresses in code are return addresses, as in all reports. Of an access that
 * faulted it is one byte beyond its first, so that what is looked up, the byte
 * before, is the instruction itself: it may be the first of its function.
 *
 * Context:	a signal handler, or a free inside the fork gate. No lock: of two
 *		reports at once, lines may mix.
 * Source:	kernel mm/kfence/report.c, and kfence_handle_page_fault() of core.c.
 */
#include "../lib/backtrace.h"
#include "../lib/host.h"
#include "internal.h"
#include "kfence.h"

/* Bytes of a damaged canary that are shown. */
#define SHOWN_BYTES 16

static const char *plural(unsigned long n)
{
	return n == 1 ? "" : "s";
}

/* Where an address is, seen from the object. */
static void format_distance(char *text, size_t len, unsigned long addr,
			    const struct kfence_metadata *meta)
{
	unsigned long n;
	const char *how;

	if (addr < meta->addr) {
		n = meta->addr - addr;
		how = "left of";
	} else if (addr >= meta->addr + meta->size) {
		n = addr - (meta->addr + meta->size) + 1;
		how = "right of";
	} else {
		n = addr - meta->addr;
		how = "inside";
	}
	kmm_snprintf(text, len, "%lu byte%s %s kfence-#%u", n, plural(n), how,
		     kfence_number(meta));
}

/* The rest of the canary from @addr on: a dot for a byte that is whole. */
static void format_bytes(char *text, size_t len, unsigned long addr,
			 const struct kfence_metadata *meta)
{
	unsigned long end = addr < meta->addr ? meta->addr :
						kfence_end_page(meta);
	unsigned int i;
	size_t pos = 0;
	u8 byte;

	for (i = 0; i < SHOWN_BYTES && addr + i < end; i++) {
		byte = *(const u8 *)(addr + i);
		if (byte == kfence_canary(addr + i))
			pos += (size_t)kmm_snprintf(text + pos, len - pos, " .");
		else
			pos += (size_t)kmm_snprintf(text + pos, len - pos,
						    " %02x", byte);
	}
}

static const char *const error_names[] = {
	[KFENCE_ERROR_OOB] = "out-of-bounds ",
	[KFENCE_ERROR_UAF] = "use-after-free ",
	[KFENCE_ERROR_CORRUPTION] = "memory corruption",
	[KFENCE_ERROR_INVALID] = "invalid ",
	[KFENCE_ERROR_INVALID_FREE] = "invalid free",
	[KFENCE_ERROR_DOUBLE_FREE] = "double free",
};

/* "in 0xPC (MODULE+0xVADDR)"; at exit nobody does anything any more. */
static void format_pc(char *text, size_t len, unsigned long pc)
{
	unsigned long vaddr;
	const char *path;

	if (!pc)
		kmm_snprintf(text, len, "found at exit");
	else if (backtrace_module(pc - 1, &path, &vaddr))
		kmm_snprintf(text, len, "in 0x%lx (%s+0x%lx)", pc, path,
			     vaddr + 1);
	else
		kmm_snprintf(text, len, "in 0x%lx (?)", pc);
}

static void report_line(enum kfence_error_type type,
			const struct kfence_access *access,
			const struct kfence_metadata *meta, unsigned long pc)
{
	char where[64] = "in no object", bytes[3 * SHOWN_BYTES + 1] = "";
	char place[256];

	if (type == KFENCE_ERROR_DOUBLE_FREE)
		kmm_snprintf(where, sizeof(where), "kfence-#%u, free already",
			     kfence_number(meta));
	else if (meta)
		format_distance(where, sizeof(where), access->addr, meta);
	if (type == KFENCE_ERROR_CORRUPTION)
		format_bytes(bytes, sizeof(bytes), access->addr, meta);
	format_pc(place, sizeof(place), pc);
	printk("BUG kfence: %s%s %s: %p is %s%s%s%s\n", error_names[type],
	       access->what ? access->what : "", place, (void *)access->addr,
	       where, *bytes ? " [" : "", bytes, *bytes ? " ]" : "");
}

static void print_header(const char *what, int tid, u64 time)
{
	printk("%s by thread %d at %llu.%06llus:\n", what, tid,
	       (unsigned long long)(time / 1000000000),
	       (unsigned long long)(time / 1000 % 1000000));
}

static void print_track(const char *what, const struct kfence_track *track)
{
	print_header(what, track->tid, track->time);
	stack_depot_print(track->stack, "");
}

static void print_object(const struct kfence_metadata *meta)
{
	printk("kfence-#%u: %p-%p, size=%zu, cache=%s\n", kfence_number(meta),
	       (void *)meta->addr, (void *)(meta->addr + meta->size - 1),
	       meta->size, meta->name);
	print_track("allocated", &meta->alloc);
	if (meta->state == KFENCE_OBJECT_FREED)
		print_track("freed", &meta->free);
}

void kfence_report_error(enum kfence_error_type type,
			 const struct kfence_access *access,
			 const struct kfence_metadata *meta)
{
	const void *from = access->pc ? access->pc : access->caller;
	unsigned long entries[STACK_DEPTH];
	unsigned int nr;

	if (kmm_params.bad_free == BAD_FREE_IGNORE)
		return;
	nr = backtrace_save(entries, STACK_DEPTH, from);
	if (access->pc)
		entries[0]++;
	report_line(type, access, meta, from ? entries[0] : 0);
	if (from) {
		print_header(access->pc ? "accessed" : "freed", host_gettid(),
			     kfence_clock());
		backtrace_print("", entries, nr);
	}
	if (meta)
		print_object(meta);
	if (kmm_params.bad_free == BAD_FREE_ABORT)
		kmm_abort();
}

/* Faults ------------------------------------------------------------------ */

static bool is_allocated(const struct kfence_metadata *meta)
{
	return meta && READ_ONCE(meta->state) == KFENCE_OBJECT_ALLOCATED;
}

/* A page between objects was met: whose neighbour was meant? */
static struct kfence_metadata *nearest_object(unsigned long addr)
{
	struct kfence_metadata *left = kfence_metadata_of(addr);
	struct kfence_metadata *right = kfence_metadata_of(
		ALIGN_DOWN(addr, PAGE_SIZE) + PAGE_SIZE);

	/* In front of the first object there is a unit that is only guard. */
	if (left && addr < left->addr) {
		right = left;
		left = kfence_metadata_of(ALIGN_DOWN(addr, PAGE_SIZE) - 1);
	}
	if (!is_allocated(left))
		return is_allocated(right) ? right : NULL;
	if (!is_allocated(right) || right == left ||
	    addr - (left->addr + left->size) <= right->addr - addr)
		return left;
	return right;
}

static bool in_pages(const struct kfence_metadata *meta, unsigned long addr)
{
	return meta && addr >= kfence_first_page(meta) &&
	       addr < kfence_end_page(meta);
}

bool kfence_handle_page_fault(const struct kfence_access *access)
{
	struct kfence_metadata *meta = kfence_metadata_of(access->addr);
	unsigned long page = ALIGN_DOWN(access->addr, PAGE_SIZE);
	enum kfence_error_type type;

	if (in_pages(meta, access->addr)) {
		/* The program has protected its own block. */
		if (is_allocated(meta))
			return false;
		type = KFENCE_ERROR_UAF;
	} else {
		meta = nearest_object(access->addr);
		type = meta ? KFENCE_ERROR_OOB : KFENCE_ERROR_INVALID;
	}
	/* Another thread was here first: the page is open. */
	if (meta && READ_ONCE(meta->unprotected) == page)
		return true;
	if (meta)
		WRITE_ONCE(meta->unprotected, page);
	kfence_report_error(type, access, meta);
	return !host_commit((void *)page, PAGE_SIZE);
}
