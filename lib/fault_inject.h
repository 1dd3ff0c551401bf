/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: which of the calls that could fail are made to.
 *
 * A facility (mm/failslab.c, mm/fail_page_alloc.c) has a struct fault_attr and
 * asks should_fail() of each of its calls. Attributes mean what they mean in
 * the kernel, and are written in its boot syntax:
 *
 *	failslab=<interval>,<probability>,<space>,<times>
 */
#ifndef LIB_FAULT_INJECT_H
#define LIB_FAULT_INJECT_H

#include "compiler.h"

struct fault_attr {
	u64 interval;		/* only each interval-th call that gets so far */
	u64 probability;	/* of those, in percent */
	_Atomic int64_t space;	/* bytes that are granted first */
	_Atomic int64_t times;	/* failures left; -1: no limit */
	_Atomic u64 count;	/* calls that the interval was applied to */
};

/* What the kernel's attributes have before they are set up. */
#define FAULT_ATTR_INITIALIZER { .interval = 1, .times = 1 }

/* A call, for the decision and for the message. */
struct fault_call {
	const char *function;
	const char *cache;	/* NULL if it has none to name */
	size_t size;
	const void *caller;	/* return address of the call */
};

/*
 * May any call fail? Also true until the boot has decided, so that the first
 * call, which boots, is looked at like the others.
 */
extern __hidden bool fault_injection;

/* Calls that were looked at since the program began, and made to fail. */
extern _Atomic u64 fault_calls, fault_failures;

/* Read the parameters that all facilities share. Boot. */
void fault_inject_init(void);
/* Parse "interval,probability,space,times"; false, and @attr as it was, if that
 * is not what @str is. */
bool setup_fault_attr(struct fault_attr *attr, const char *str);
/* The same of a parameter, with a message. If it was given, calls may fail. */
void fault_attr_param(struct fault_attr *attr, const char *name, u64 text);

/**
 * should_fail() - decide about one call, and count it
 * @attr: of the facility that asks.
 * @call: what is called.
 *
 * A failure is reported by printk(), as fail_verbose says.
 *
 * Context: Any; takes no lock. Enters no gate.
 * Return: true if the call must fail.
 */
bool should_fail(struct fault_attr *attr, const struct fault_call *call);

#endif /* LIB_FAULT_INJECT_H */
