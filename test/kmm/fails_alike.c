// SPDX-License-Identifier: MIT
/*
 * Three allocations that are checked, but to report the failure crashes, four
 * functions below. So there are three stacks of calls that fail, and one place
 * to mend.
 */
#include <stdlib.h>

#define STEP __attribute__((noinline)) static void

static int *volatile nothing;

STEP deep_0(void)
{
	*nothing = 1;
}

/* The frames must be there: no tail calls. */
#define DEEPER(from, to)						\
	STEP from(void)							\
	{								\
		to();							\
		__asm__ volatile("");					\
	}

DEEPER(deep_1, deep_0)
DEEPER(deep_2, deep_1)
DEEPER(deep_3, deep_2)

static __attribute__((noinline)) void *need(size_t size)
{
	void *p = malloc(size);

	if (!p)
		deep_3();
	return p;
}

int main(void)
{
	void *first = need(1), *second = need(2), *third = need(3);

	free(first);
	free(second);
	free(third);
	return 0;
}
