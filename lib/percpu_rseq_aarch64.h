/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences for aarch64; included by percpu.h only. The shape and
 * the reasons are those of percpu_rseq_x86_64.h.
 *
 * Ordering: the sequences of one CPU are ordered by its own program order; a
 * thread that moves to another CPU does so through the scheduler, which is a
 * full barrier. So plain loads and stores suffice, as on x86.
 */
#ifndef LIB_PERCPU_RSEQ_AARCH64_H
#define LIB_PERCPU_RSEQ_AARCH64_H

#define RSEQ_TEXT_(x) #x
#define RSEQ_TEXT(x) RSEQ_TEXT_(x)

/* Signature that glibc registers: a BRK instruction before the abort label. */
#define RSEQ_SIGNATURE ".inst 0xd428bc00\n\t"

#define RSEQ_BEGIN							\
	".pushsection __rseq_cs, \"aw\"\n\t"				\
	".balign 32\n"							\
	"3:\n\t"							\
	".long 0, 0\n\t"						\
	".quad 1f, 2f - 1f, 4f\n\t"					\
	".popsection\n\t"						\
	"adrp %[tmp], 3b\n\t"						\
	"add %[tmp], %[tmp], :lo12:3b\n\t"				\
	"str %[tmp], [%[rseq], #8]\n"					\
	"1:\n\t"

#define RSEQ_END							\
	"2:\n\t"							\
	"b 6f\n\t"							\
	RSEQ_SIGNATURE							\
	"4:\n\t"							\
	"b %l[fail]\n"							\
	"6:\n\t"

static __always_inline char *rseq_pointer(ptrdiff_t offset)
{
	return (char *)__builtin_thread_pointer() + offset;
}

static __always_inline bool rseq_registered(ptrdiff_t rseq)
{
	return *(volatile int *)(rseq_pointer(rseq) + 4) >= 0;
}

static __always_inline u32 rseq_cpu(ptrdiff_t cpu)
{
	return *(volatile u32 *)rseq_pointer(cpu);
}

static __always_inline void *rseq_pop(void *base, ptrdiff_t rseq, ptrdiff_t cpu)
{
	unsigned long tmp, n;
	void *object;

	__asm__ goto volatile(
		RSEQ_BEGIN
		"ldr %w[tmp], [%[cpu]]\n\t"
		"add %w[tmp], %w[tmp], #1\n\t"
		"lsl %[tmp], %[tmp], #" RSEQ_TEXT(PERCPU_UNIT_SHIFT) "\n\t"
		"ldr %[tmp], [%[base], %[tmp]]\n\t"
		"cbz %[tmp], %l[fail]\n\t"
		"ldr %w[n], [%[tmp], #%c[size]]\n\t"
		"cbz %w[n], %l[fail]\n\t"
		"sub %w[n], %w[n], #1\n\t"
		"add %[object], %[tmp], %[n], lsl #3\n\t"
		"ldr %[object], [%[object], #%c[slots]]\n\t"
		"str %w[n], [%[tmp], #%c[size]]\n"
		RSEQ_END
		: [tmp] "=&r"(tmp), [n] "=&r"(n), [object] "=&r"(object)
		: [base] "r"(base), [rseq] "r"(rseq_pointer(rseq)),
		  [cpu] "r"(rseq_pointer(cpu)),
		  [size] "i"(offsetof(struct percpu_stack, size)),
		  [slots] "i"(offsetof(struct percpu_stack, slots))
		: "memory", "cc"
		: fail);
	assume(object);		/* NULL is never pushed */
	return object;
fail:
	return NULL;
}

static __always_inline bool rseq_push(void *base, void *p, ptrdiff_t rseq,
				      ptrdiff_t cpu)
{
	unsigned long tmp, n, slot;

	__asm__ goto volatile(
		RSEQ_BEGIN
		"ldr %w[tmp], [%[cpu]]\n\t"
		"add %w[tmp], %w[tmp], #1\n\t"
		"lsl %[tmp], %[tmp], #" RSEQ_TEXT(PERCPU_UNIT_SHIFT) "\n\t"
		"ldr %[tmp], [%[base], %[tmp]]\n\t"
		"cbz %[tmp], %l[fail]\n\t"
		"add %[tmp], %[tmp], #%c[size]\n\t"
		"ldp %w[n], %w[slot], [%[tmp]]\n\t"
		"cmp %w[n], %w[slot]\n\t"
		"b.hs %l[fail]\n\t"
		"add %[slot], %[tmp], %[n], lsl #3\n\t"
		"add %[slot], %[slot], #%c[slots] - %c[size]\n\t"
		"ldur %[n], [%[slot], #-8]\n\t"
		"cmp %[n], %[p]\n\t"
		"b.eq %l[fail]\n\t"
		"ldur %[n], [%[slot], #-16]\n\t"
		"cmp %[n], %[p]\n\t"
		"b.eq %l[fail]\n\t"
		"str %[p], [%[slot]]\n\t"
		"ldr %w[n], [%[tmp]]\n\t"
		"add %w[n], %w[n], #1\n\t"
		"stlr %w[n], [%[tmp]]\n"	/* recently_freed() reads along */
		RSEQ_END
		: [tmp] "=&r"(tmp), [n] "=&r"(n), [slot] "=&r"(slot)
		: [base] "r"(base), [p] "r"(p), [rseq] "r"(rseq_pointer(rseq)),
		  [cpu] "r"(rseq_pointer(cpu)),
		  [size] "i"(offsetof(struct percpu_stack, size)),
		  [slots] "i"(offsetof(struct percpu_stack, slots))
		: "memory", "cc"
		: fail);
	return true;
fail:
	return false;
}

static __always_inline bool rseq_store(u32 on_cpu, void **where, void *value,
				       ptrdiff_t rseq, ptrdiff_t cpu)
{
	unsigned long tmp;

	__asm__ goto volatile(
		RSEQ_BEGIN
		"ldr %w[tmp], [%[cpu]]\n\t"
		"cmp %w[tmp], %w[on_cpu]\n\t"
		"b.ne %l[fail]\n\t"
		"str %[value], [%[where]]\n"
		RSEQ_END
		: [tmp] "=&r"(tmp)
		: [on_cpu] "r"(on_cpu), [where] "r"(where), [value] "r"(value),
		  [rseq] "r"(rseq_pointer(rseq)), [cpu] "r"(rseq_pointer(cpu))
		: "memory", "cc"
		: fail);
	return true;
fail:
	return false;
}

#endif /* LIB_PERCPU_RSEQ_AARCH64_H */
