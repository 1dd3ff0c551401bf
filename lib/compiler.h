/* SPDX-License-Identifier: MIT */
/*
 * The handful of compiler idioms that every internal file uses.
 */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* What the compiler cannot know: it then leaves out tests of it. */
#define assume(x) do { if (!(x)) __builtin_unreachable(); } while (0)
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define noinline __attribute__((noinline))
/* Runs at boot, in every process: beside others of the kind, not beside what
 * few processes ever run. */
#define __init __attribute__((section(".text.startup")))
#define __cold __attribute__((cold))
#define __maybe_unused __attribute__((unused))
#define __cacheline_aligned __attribute__((aligned(64)))

/* For data on the fast paths: -fvisibility=hidden says nothing about extern
 * declarations, and without this they are reached through the GOT. */
#define __hidden __attribute__((visibility("hidden")))

#define CACHE_LINE_SIZE 64

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))

/* @align must be a power of two. */
#define ALIGN(x, align) (((x) + ((align) - 1)) & ~((__typeof__(x))(align) - 1))
#define ALIGN_DOWN(x, align) ((x) & ~((__typeof__(x))(align) - 1))
#define IS_ALIGNED(x, align) (((x) & ((align) - 1)) == 0)
#define is_power_of_2(x) ((x) != 0 && ((x) & ((x) - 1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))

/* One untorn access, no ordering: for data that others may change. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

#endif /* LIB_COMPILER_H */
