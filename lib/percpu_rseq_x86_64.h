/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences for x86-64; included by percpu.h only.
 *
 * Shape of each sequence:
 *
 *	rseq->rseq_cs = &descriptor	arm: [start, commit) is critical
 *   start:
 *	cpu = rseq->cpu			in which unit are we? CPU n uses unit n + 1
 *	...				loads and tests
 *	store				the one store that others can see
 *   commit:
 *
 * If the kernel interrupts the thread inside, it resumes at the abort address
 * (which carries a signature before it, as the ABI demands) and clears
 * rseq_cs. We abort into the failure exit and not to a retry: a debugger that
 * steps single instructions through a sequence then gets out of it; callers
 * retry in their slow path. rseq_cs is left armed after a commit: outside the
 * range it means nothing, and the kernel clears it at the next occasion.
 *
 * Source: kernel include/uapi/linux/rseq.h (the ABI).
 */
#ifndef LIB_PERCPU_RSEQ_X86_64_H
#define LIB_PERCPU_RSEQ_X86_64_H

#define RSEQ_TEXT_(x) #x
#define RSEQ_TEXT(x) RSEQ_TEXT_(x)

/* Signature that glibc registers: an undefined instruction's operand. */
#define RSEQ_SIGNATURE ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n\t"

/* Descriptor 3 for the sequence from label 1 to label 2 with abort label 4;
 * then arm it. Label 5 is the failure exit. */
#define RSEQ_BEGIN							\
	".pushsection __rseq_cs, \"aw\"\n\t"				\
	".balign 32\n"							\
	"3:\n\t"							\
	".long 0, 0\n\t"						\
	".quad 1f, 2f - 1f, 4f\n\t"					\
	".popsection\n\t"						\
	"leaq 3b(%%rip), %[tmp]\n\t"					\
	"movq %[tmp], %%fs:8(%[rseq])\n"				\
	"1:\n\t"

#define RSEQ_END							\
	"2:\n\t"							\
	".pushsection .text.rseq_abort, \"ax\"\n\t"			\
	RSEQ_SIGNATURE							\
	"4:\n\t"							\
	"jmp %l[fail]\n\t"						\
	".popsection\n\t"

/* Is this thread's area registered? cpu_id is negative where it is not. */
static __always_inline bool rseq_registered(ptrdiff_t rseq)
{
	bool negative;

	__asm__("cmpl $0, %%fs:4(%[rseq])"
		: "=@ccs"(negative)
		: [rseq] "r"(rseq));
	return !negative;
}

static __always_inline u32 rseq_cpu(ptrdiff_t cpu)
{
	u32 nr;

	__asm__ volatile("movl %%fs:(%[cpu]), %[nr]"
			 : [nr] "=r"(nr)
			 : [cpu] "r"(cpu));
	return nr;
}

/*
 *	stack = *per_cpu_ptr(base, cpu + 1)
 *	if (!stack || !stack->size) fail
 *	object = stack->slots[stack->size - 1]
 *	stack->size--			<- commit
 *
 * The object is loaded into the register in which functions return it.
 */
static __always_inline void *rseq_pop(void *base, ptrdiff_t rseq, ptrdiff_t cpu)
{
	unsigned long tmp, n;
	void *object;

	__asm__ goto volatile(
		RSEQ_BEGIN
		"movl %%fs:(%[cpu]), %k[tmp]\n\t"
		"shlq $" RSEQ_TEXT(PERCPU_UNIT_SHIFT) ", %[tmp]\n\t"
		"movq %c[unit](%[base], %[tmp]), %[tmp]\n\t"
		"testq %[tmp], %[tmp]\n\t"
		"jz %l[fail]\n\t"
		"movl %c[size](%[tmp]), %k[n]\n\t"
		"subl $1, %k[n]\n\t"
		"jc %l[fail]\n\t"
		"movq %c[slots](%[tmp], %[n], 8), %[object]\n\t"
		"movl %k[n], %c[size](%[tmp])\n"
		RSEQ_END
		: [tmp] "=&r"(tmp), [n] "=&r"(n), [object] "=&a"(object)
		: [base] "r"(base), [rseq] "r"(rseq), [cpu] "r"(cpu),
		  [unit] "i"(PERCPU_UNIT_SIZE),
		  [size] "i"(offsetof(struct percpu_stack, size)),
		  [slots] "i"(offsetof(struct percpu_stack, slots))
		: "memory", "cc"
		: fail);
	assume(object);		/* NULL is never pushed */
	return object;
fail:
	return NULL;
}

/*
 *	stack = *per_cpu_ptr(base, cpu + 1)
 *	if (!stack || stack->size == stack->capacity) fail
 *	if (p is slots[size - 1] or slots[size - 2]) fail
 *	stack->slots[size] = p		above the top: nobody looks there
 *	stack->size++			<- commit
 *
 * With one or no object in the stack, the two slots below are words of the
 * header, which never equal an object's address.
 */
static __always_inline bool rseq_push(void *base, void *p, ptrdiff_t rseq,
				      ptrdiff_t cpu)
{
	unsigned long tmp, n;

	__asm__ goto volatile(
		RSEQ_BEGIN
		"movl %%fs:(%[cpu]), %k[tmp]\n\t"
		"shlq $" RSEQ_TEXT(PERCPU_UNIT_SHIFT) ", %[tmp]\n\t"
		"movq %c[unit](%[base], %[tmp]), %[tmp]\n\t"
		"testq %[tmp], %[tmp]\n\t"
		"jz %l[fail]\n\t"
		"movl %c[size](%[tmp]), %k[n]\n\t"
		"cmpl %c[size] + 4(%[tmp]), %k[n]\n\t"
		"jae %l[fail]\n\t"
		"cmpq %c[slots] - 8(%[tmp], %[n], 8), %[p]\n\t"
		"je %l[fail]\n\t"
		"cmpq %c[slots] - 16(%[tmp], %[n], 8), %[p]\n\t"
		"je %l[fail]\n\t"
		"movq %[p], %c[slots](%[tmp], %[n], 8)\n\t"
		"incl %k[n]\n\t"
		"movl %k[n], %c[size](%[tmp])\n"
		RSEQ_END
		: [tmp] "=&r"(tmp), [n] "=&r"(n)
		: [base] "r"(base), [p] "r"(p), [rseq] "r"(rseq),
		  [cpu] "r"(cpu),
		  [unit] "i"(PERCPU_UNIT_SIZE),
		  [size] "i"(offsetof(struct percpu_stack, size)),
		  [slots] "i"(offsetof(struct percpu_stack, slots))
		: "memory", "cc"
		: fail);
	return true;
fail:
	return false;
}

/* if (cpu == on_cpu) *where = value, or fail. */
static __always_inline bool rseq_store(u32 on_cpu, void **where, void *value,
				       ptrdiff_t rseq, ptrdiff_t cpu)
{
	unsigned long tmp;

	__asm__ goto volatile(
		RSEQ_BEGIN
		"cmpl %%fs:(%[cpu]), %[on_cpu]\n\t"
		"jne %l[fail]\n\t"
		"movq %[value], (%[where])\n"
		RSEQ_END
		: [tmp] "=&r"(tmp)
		: [on_cpu] "r"(on_cpu), [where] "r"(where), [value] "r"(value),
		  [rseq] "r"(rseq), [cpu] "r"(cpu)
		: "memory", "cc"
		: fail);
	return true;
fail:
	return false;
}

#endif /* LIB_PERCPU_RSEQ_X86_64_H */
