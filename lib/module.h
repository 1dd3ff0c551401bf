/* SPDX-License-Identifier: MIT */
/*
 * The ELF files that are in memory. See module.c.
 */
#ifndef LIB_MODULE_H
#define LIB_MODULE_H

#include "compiler.h"
#include "eh_frame.h"
#include "hash.h"

/* @path "" or NULL: the program. */
struct module {
	struct eh_module eh;
	unsigned long bias;	/* from an address of the file to one in memory */
	const char *path;
};

/* What tells a module that may be unloaded from what comes after it. */
struct module_id {
	unsigned long start;
	u64 place;		/* of the module and of its name */
	u64 build_id;		/* 8 bytes of it */
};

/* The module of an address; false if it is in none that is known. Its path is
 * valid while it is loaded. */
bool find_module(unsigned long pc, struct module *module);

static inline bool module_is_program(const struct module *module)
{
	return !module->path || !*module->path;
}

/* Of the program, of what this is part of, and of libc, which we need: it is not
 * unloaded before us. */
bool module_stays(const struct module *module);

/* Bytes of the build-id of a module that starts there; 0: it has none. A frame of
 * it must be on the stack, or it must stay. */
u64 module_build_id(unsigned long start);

static inline void identify_module(const struct module *module,
				   struct module_id *id)
{
	id->start = module->eh.start;
	id->place = module->eh.start * 3 + module->eh.end * 5 +
		    (unsigned long)module->eh.hdr * 7 +
		    (unsigned long)module->path;
	id->build_id = module_build_id(module->eh.start);
}

/* Is this module still there? A frame of what is at id->start now must be on the
 * stack. */
bool module_is(const struct module_id *id);

/* 31 bits of what tells it from others, and a 1; 0 if nothing would. */
static inline u32 module_stamp(const struct module *module,
			       const struct module_id *id)
{
	/* The program is never unloaded. */
	if (!id->build_id && !module_is_program(module))
		return 0;
	return (u32)hash_mix(id->place * HASH_MULTIPLIER ^ id->build_id) | 1;
}

/* Note where the module of @pc lies, for the time when it has gone; a frame of
 * it must be on the stack. */
void log_module(unsigned long pc);

#endif /* LIB_MODULE_H */
