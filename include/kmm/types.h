/* SPDX-License-Identifier: MIT */
/*
 * Types and compiler attributes shared by every public header.
 *
 * The kernel gets these from <linux/types.h> and <linux/compiler.h>. The
 * system's own <linux/types.h> stays visible to programs, so these live here.
 */
#ifndef KMM_TYPES_H
#define KMM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** gfp_t - "get free pages" flags: how an allocation may be satisfied. */
typedef unsigned int gfp_t;
/** slab_flags_t - SLAB_* flags of an object cache. */
typedef unsigned int slab_flags_t;

/* The one mark of a symbol that the shared libraries export. */
#define KMM_API __attribute__((visibility("default")))

#define KMM_ALLOC_SIZE(...) __attribute__((alloc_size(__VA_ARGS__)))
#define KMM_MALLOC __attribute__((malloc, warn_unused_result))
#define KMM_MUST_CHECK __attribute__((warn_unused_result))
#define KMM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* An initializer that clears a struct, as each language spells it. */
#ifdef __cplusplus
#define KMM_INIT_ZERO {}
#else
#define KMM_INIT_ZERO { 0 }
#endif

/** NUMA_NO_NODE - "any node". libkmm has one node, number 0. */
#define NUMA_NO_NODE (-1)

#ifdef __cplusplus
}
#endif

#endif /* KMM_TYPES_H */
