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

void *__kvmalloc_node_noprof(size_t size, gfp_t gfp, int node)
{
	void *p;

	p = __kmalloc_node_noprof(size, kmalloc_gfp_adjust(gfp, size), node);
	if (p || size <= PAGE_SIZE || !gfpflags_allow_blocking(gfp))
		return p;
	/* More is a negative number that lost its sign, not a request. */
	if (size > INT_MAX) {
		if (!(gfp & __GFP_NOWARN))
			printk_once("WARNING: kvmalloc: size %zu is above INT_MAX\n",
				    size);
		return NULL;
	}
	return __vmalloc_noprof(size, gfp);
}

/* From kmalloc() to what kvmalloc() gives; the old block's bucket is copied,
 * since what was asked for is not recorded. */
static void *kvrealloc_move(void *p, size_t size, gfp_t gfp)
{
	size_t old_size = ksize(p);
	void *to = __kvmalloc_node_noprof(size, gfp, NUMA_NO_NODE);

	if (!to)
		return NULL;
	if (!old_size)
		return to;		/* NULL or ZERO_SIZE_PTR */
	memcheck_unpoison(p, old_size);
	memcpy(to, p, min_t(size_t, old_size, size));
	memcheck_poison(p, old_size);
	kfree(p);
	return to;
}

void *kvrealloc_noprof(const void *p, size_t size, gfp_t gfp)
{
	void *to;

	if (!ZERO_OR_NULL_PTR(p) && !is_slab_or_pages(p))
		return vrealloc_noprof(p, size, gfp);
	to = krealloc_noprof(p, size, kmalloc_gfp_adjust(gfp, size));
	if (!to)
		to = kvrealloc_move((void *)p, size, gfp);
	return to;
}

void kvfree(const void *addr)
{
	if (ZERO_OR_NULL_PTR(addr))
		return;
	if (is_slab_or_pages(addr))
		kfree(addr);
	else
		vfree(addr);
}

void kvfree_sensitive(const void *addr, size_t len)
{
	if (ZERO_OR_NULL_PTR(addr))
		return;
	/* Not memset(): the compiler would drop it as a store nobody reads. */
	explicit_bzero((void *)addr, len);
	kvfree(addr);
}

/* Copies ------------------------------------------------------------------ */

void *kmemdup_noprof(const void *src, size_t len, gfp_t gfp)
{
	void *p = __kmalloc_noprof(len, gfp);

	if (!ZERO_OR_NULL_PTR(p))
		memcpy(p, src, len);
	return p;
}

char *kmemdup_nul(const char *s, size_t len, gfp_t gfp)
{
	char *p;

	if (!s)
		return NULL;
	/* A sum that saturates is a size that kmalloc() refuses. */
	p = __kmalloc_noprof(size_add(len, 1), gfp);
	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *kstrdup_noprof(const char *s, gfp_t gfp)
{
	return s ? kmemdup_noprof(s, strlen(s) + 1, gfp) : NULL;
}

char *kstrndup_noprof(const char *s, size_t max, gfp_t gfp)
{
	return s ? kmemdup_nul(s, strnlen(s, max), gfp) : NULL;
}

/* Formatting -------------------------------------------------------------- */

/*
 * Twice through the C library's formatter: once for the length, once for the
 * text. It may allocate on the way, so no lock and no gate may be held here.
 */
char *kvasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	va_list again;
	char *p = NULL;
	int len, written;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len >= 0)
		p = __kmalloc_noprof((size_t)len + 1, gfp);
	if (p) {
		written = vsnprintf(p, (size_t)len + 1, fmt, again);
		/* A string argument that another thread changes meanwhile. */
		WARN_ON_ONCE(written != len);
	}
	va_end(again);
	return p;
}

char *kasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = kvasprintf(gfp, fmt, args);
	va_end(args);
	return p;
}
