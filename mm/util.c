// SPDX-License-Identifier: MIT
/*
 * What is built from kmalloc() and vmalloc(): the kv* family, copies of memory
 * and strings, and formatting into allocated memory.
 *
 * kvmalloc() is for sizes that may be large but need no contiguous pages: it
 * asks kmalloc() without insisting, then vmalloc(). Which of the two served a
 * block shows in its address, so that kvfree() needs nothing else:
 *
 *	address in a section of ours	kfree()
 *	elsewhere			vfree()
 *
 * Each is one call of its caller: that is who is named in reports and traces, not
 * the function here that asks kmalloc().
 *
 * Source:	kernel mm/util.c, lib/kasprintf.c (names and meanings).
 * Not here:	kmalloc() and krealloc(): mm/kmalloc.c.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/vmalloc.h>

#include "../lib/memcheck.h"
#include "internal.h"
#include "kfence.h"

/* Memory of kmalloc() and the caches, as opposed to vmalloc()'s. */
static bool is_slab_or_pages(const void *p)
{
	return lookup_page(p) != NULL || is_kfence_address(p);
}

/*
 * How kvmalloc() asks kmalloc(). Up to a page there is nothing to fall back
 * to, so the caller's flags stand. Above, failure is no news: no message, no
 * effort that only serves to make contiguous pages (unless the caller insists
 * on it), and "never fail" is left to vmalloc(), which needs no contiguity.
 */
static gfp_t kmalloc_gfp_adjust(gfp_t gfp, size_t size)
{
	if (size <= PAGE_SIZE)
		return gfp;
	if (!(gfp & __GFP_RETRY_MAYFAIL))
		gfp |= __GFP_NORETRY;
	return (gfp | __GFP_NOWARN) & ~__GFP_NOFAIL;
}

static void *kvmalloc_caller(size_t size, gfp_t gfp, const void *caller)
{
	void *p;

	p = kmalloc_caller(size, kmalloc_gfp_adjust(gfp, size), caller);
	if (p || size <= PAGE_SIZE || !gfpflags_allow_blocking(gfp))
		return p;
	/* More is a negative number that lost its sign, not a request. */
	if (size > INT_MAX) {
		if (!(gfp & __GFP_NOWARN))
			printk_once("WARNING: kvmalloc: size %zu is above INT_MAX\n",
				    size);
		return NULL;
	}
	return vmalloc_caller(size, gfp, caller);
}

void *__kvmalloc_node_noprof(size_t size, gfp_t gfp, int node)
{
	(void)node;
	return kvmalloc_caller(size, gfp, __builtin_return_address(0));
}

/* From kmalloc() to what kvmalloc() gives; the old block's bucket is copied,
 * since what was asked for is not recorded. */
static void *kvrealloc_move(void *p, size_t size, gfp_t gfp, const void *caller)
{
	size_t old_size = ksize(p);
	void *to = kvmalloc_caller(size, gfp, caller);

	if (!to)
		return NULL;
	if (!old_size)
		return to;		/* NULL or ZERO_SIZE_PTR */
	memcheck_unpoison(p, old_size);
	memcpy(to, p, min_t(size_t, old_size, size));
	memcheck_poison(p, old_size);
	kfree_caller(p, caller);
	return to;
}

void *kvrealloc_noprof(const void *p, size_t size, gfp_t gfp)
{
	const void *caller = __builtin_return_address(0);
	void *to;

	if (!ZERO_OR_NULL_PTR(p) && !is_slab_or_pages(p))
		return vrealloc_caller(p, size, gfp, caller);
	to = krealloc_caller(p, size, kmalloc_gfp_adjust(gfp, size), caller);
	if (!to)
		to = kvrealloc_move((void *)p, size, gfp, caller);
	return to;
}

static void kvfree_caller(const void *addr, const void *caller)
{
	if (ZERO_OR_NULL_PTR(addr))
		return;
	if (is_slab_or_pages(addr))
		kfree_caller(addr, caller);
	else
		vfree_caller(addr, caller);
}

void kvfree(const void *addr)
{
	kvfree_caller(addr, __builtin_return_address(0));
}

void kvfree_sensitive(const void *addr, size_t len)
{
	if (ZERO_OR_NULL_PTR(addr))
		return;
	/* Not memset(): the compiler would drop it as a store nobody reads. */
	explicit_bzero((void *)addr, len);
	kvfree_caller(addr, __builtin_return_address(0));
}

/* Copies ------------------------------------------------------------------ */

static void *kmemdup_caller(const void *src, size_t len, gfp_t gfp,
			    const void *caller)
{
	void *p = kmalloc_caller(len, gfp, caller);

	if (!ZERO_OR_NULL_PTR(p))
		memcpy(p, src, len);
	return p;
}

void *kmemdup_noprof(const void *src, size_t len, gfp_t gfp)
{
	return kmemdup_caller(src, len, gfp, __builtin_return_address(0));
}

static char *kmemdup_nul_caller(const char *s, size_t len, gfp_t gfp,
				const void *caller)
{
	char *p;

	/* A sum that saturates is a size that kmalloc() refuses. */
	p = kmalloc_caller(size_add(len, 1), gfp, caller);
	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *kmemdup_nul(const char *s, size_t len, gfp_t gfp)
{
	return s ? kmemdup_nul_caller(s, len, gfp, __builtin_return_address(0)) :
		   NULL;
}

char *kstrdup_noprof(const char *s, gfp_t gfp)
{
	return s ? kmemdup_caller(s, strlen(s) + 1, gfp,
				  __builtin_return_address(0)) : NULL;
}

char *kstrndup_noprof(const char *s, size_t max, gfp_t gfp)
{
	return s ? kmemdup_nul_caller(s, strnlen(s, max), gfp,
				      __builtin_return_address(0)) : NULL;
}

/* Formatting -------------------------------------------------------------- */

/*
 * Twice through the C library's formatter: once for the length, once for the
 * text. It may allocate on the way, so no lock and no gate may be held here.
 */
static char *kvasprintf_caller(gfp_t gfp, const char *fmt, va_list args,
			       const void *caller)
{
	va_list again;
	char *p = NULL;
	int len, written;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len >= 0)
		p = kmalloc_caller((size_t)len + 1, gfp, caller);
	if (p) {
		written = vsnprintf(p, (size_t)len + 1, fmt, again);
		/* A string argument that another thread changes meanwhile. */
		WARN_ON_ONCE(written != len);
	}
	va_end(again);
	return p;
}

char *kvasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	return kvasprintf_caller(gfp, fmt, args, __builtin_return_address(0));
}

char *kasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = kvasprintf_caller(gfp, fmt, args, __builtin_return_address(0));
	va_end(args);
	return p;
}
