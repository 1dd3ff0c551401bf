// SPDX-License-Identifier: MIT
/*
 * The end of the road: a report, then abort().
 *
 * kmm_bug() is reached when the allocator's own state, or what a caller
 * handed in, is proven broken. It trusts nothing but the stack: no lock, no
 * allocation, one write(2). The core file that abort() leaves shows the state
 * at the moment of discovery.
 *
 * Also here: the one variable of memcheck.h, which is a header otherwise.
 */
#include "debug.h"
#include "host.h"
#include "memcheck.h"

bool memcheck_on;

void kmm_bug(const char *fmt, ...)
{
	char buf[1024];
	size_t len;
	va_list args;

	va_start(args, fmt);
	len = (size_t)kmm_vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	if (len >= sizeof(buf)) {
		len = sizeof(buf) - 1;
		buf[len - 1] = '\n';
	}
	printk_write(buf, len);
	host_abort();
}
