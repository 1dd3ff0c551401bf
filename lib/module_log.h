/* SPDX-License-Identifier: MIT */
/*
 * Which libraries have been where: names for addresses of the past. See
 * module_log.c.
 */
#ifndef LIB_MODULE_LOG_H
#define LIB_MODULE_LOG_H

#include "compiler.h"

/* A library as it lay in memory: [start, end), at @bias from its file's numbers. */
struct logged_module {
	unsigned long start;
	unsigned long end;
	unsigned long bias;
	u64 build_id;		/* 8 bytes of it; 0: it has none */
	const char *path;
};

/* Note that @module has been met on a stack. Any context; takes no lock. */
void module_log_add(const struct logged_module *module);

enum module_log_answer {
	MODULE_LOG_NONE,	/* nothing that may be unloaded has been there */
	MODULE_LOG_ONE,		/* this library, and no other */
	MODULE_LOG_SEVERAL,	/* nobody can tell which */
};

/* What has been at @pc. The strings are never freed. */
enum module_log_answer module_log_find(unsigned long pc,
				       struct logged_module *module);

#endif /* LIB_MODULE_LOG_H */
