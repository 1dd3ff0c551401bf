/* SPDX-License-Identifier: MIT */
/*
 * What the kernel has no name for: starting the allocator, configuring it,
 * asking it for reports, and giving memory back.
 */
#ifndef KMM_KMM_H
#define KMM_KMM_H

#include <kmm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * kmm_boot() - start the allocator with a command line
 * @cmdline: parameters in the kernel's syntax, or %NULL for none. The
 *           environment's KMM_CMDLINE is read after it, so it has the last
 *           word.
 *
 * Calling it is optional: the first allocation boots.
 *
 * Return: 0; -EBUSY if the allocator already runs (nothing changes);
 *         -ENOMEM if the host gives no memory (a later call may succeed).
 */
KMM_API int kmm_boot(const char *cmdline);

/**
 * kmm_cmdline - a program's own default parameters
 *
 * A program may define it: `const char *kmm_cmdline = "slab_nomerge";`. It is
 * read before the argument of kmm_boot() and before KMM_CMDLINE.
 */
extern const char *kmm_cmdline __attribute__((weak));

/**
 * kmm_show() - write a report in the kernel's /proc format
 * @name: "buddyinfo", "slabinfo", "pagetypeinfo", "zoneinfo", "vmstat",
 *        "meminfo", "page_owner", "allocinfo" or "heap_profile".
 * @fd: an open file descriptor.
 *
 * Allocates nothing. Takes each lock only while it copies that lock's numbers.
 *
 * Return: 0; -ENOENT for an unknown name; -errno if writing fails.
 */
KMM_API int kmm_show(const char *name, int fd);

/**
 * kmm_trim() - give every free page back to the host
 *
 * Drains the per-CPU layers, frees empty slabs, and reports free blocks.
 *
 * Return: bytes given back by this call.
 */
KMM_API size_t kmm_trim(void);

#ifdef __cplusplus
}
#endif

#endif /* KMM_KMM_H */
