/* SPDX-License-Identifier: MIT */
/*
 * GFP flags: what an allocation may do to succeed, and where it may come from.
 *
 * Every flag has the kernel's value, so objects compiled against the kernel's
 * own header agree numerically. "Here" says what the flag does in user space;
 * flags whose subject does not exist (I/O, file systems, memory control
 * groups) are accepted and have no effect.
 *
 * Source: kernel include/linux/gfp_types.h (values of 6.12).
 */
#ifndef _LINUX_GFP_TYPES_H
#define _LINUX_GFP_TYPES_H

#include <kmm/types.h>

/* Zone modifiers: the highest zone that may serve the request. */
#define __GFP_DMA		((gfp_t)0x01u)	/* ZONE_DMA only */
#define __GFP_HIGHMEM		((gfp_t)0x02u)	/* here: NORMAL is enough */
#define __GFP_DMA32		((gfp_t)0x04u)	/* ZONE_DMA32 and below */
#define __GFP_MOVABLE		((gfp_t)0x08u)	/* MOVABLE pageblocks (with HIGHMEM: ZONE_MOVABLE too) */
#define GFP_ZONEMASK		(__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)

/* Mobility: with __GFP_MOVABLE, selects the migratetype. */
#define __GFP_RECLAIMABLE	((gfp_t)0x10u)	/* RECLAIMABLE pageblocks */

/* Watermark modifiers. */
#define __GFP_HIGH		((gfp_t)0x20u)	/* may use half of the min reserve */
#define __GFP_MEMALLOC		((gfp_t)0x20000u) /* may use all of it */
#define __GFP_NOMEMALLOC	((gfp_t)0x80000u) /* cancels MEMALLOC */

/* Reclaim modifiers. */
#define __GFP_IO		((gfp_t)0x40u)	/* here: no effect */
#define __GFP_FS		((gfp_t)0x80u)	/* here: no effect */
#define __GFP_DIRECT_RECLAIM	((gfp_t)0x400u)	/* may shrink caches, wait for a lock held over a system call */
#define __GFP_KSWAPD_RECLAIM	((gfp_t)0x800u)	/* here: no effect, there is no kswapd */
#define __GFP_RECLAIM		(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define __GFP_NOWARN		((gfp_t)0x2000u) /* no message on failure */
#define __GFP_RETRY_MAYFAIL	((gfp_t)0x4000u) /* kvmalloc(): insist on contiguous pages; else no effect */
#define __GFP_NOFAIL		((gfp_t)0x8000u) /* never NULL: retries, at last aborts the process */
#define __GFP_NORETRY		((gfp_t)0x10000u) /* one round of reclaim, then fail */

/* Action modifiers. */
#define __GFP_ZERO		((gfp_t)0x100u)	/* cleared memory */
#define __GFP_COMP		((gfp_t)0x40000u) /* compound page: head counts, tails point to it */
#define __GFP_WRITE		((gfp_t)0x1000u) /* here: no effect */
#define __GFP_HARDWALL		((gfp_t)0x100000u) /* here: no effect */
#define __GFP_THISNODE		((gfp_t)0x200000u) /* here: no effect, one node */
#define __GFP_ACCOUNT		((gfp_t)0x400000u) /* here: no effect */
#define __GFP_ZEROTAGS		((gfp_t)0x800000u) /* here: no effect */

/* Without a bit, as in a kernel that lacks what they are about. */
#define __GFP_SKIP_ZERO		((gfp_t)0x0u)	/* KASAN_HW_TAGS */
#define __GFP_SKIP_KASAN	((gfp_t)0x0u)	/* KASAN_HW_TAGS */
#define __GFP_NOLOCKDEP		((gfp_t)0x0u)	/* LOCKDEP */
#define __GFP_NO_OBJ_EXT	((gfp_t)0x0u)	/* SLAB_OBJ_EXT */

#define __GFP_BITS_SHIFT	26
#define __GFP_BITS_MASK		((gfp_t)((1u << __GFP_BITS_SHIFT) - 1))

/* The composites that callers should use. */
#define GFP_ATOMIC	(__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL	(__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT	(__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO	(__GFP_RECLAIM)
#define GFP_NOFS	(__GFP_RECLAIM | __GFP_IO)
#define GFP_USER	(__GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL)
#define GFP_DMA		__GFP_DMA
#define GFP_DMA32	__GFP_DMA32
#define GFP_HIGHUSER	(GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_TRANSHUGE_LIGHT ((GFP_HIGHUSER_MOVABLE | __GFP_COMP | \
			      __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM)
#define GFP_TRANSHUGE	(GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM)

#endif /* _LINUX_GFP_TYPES_H */
