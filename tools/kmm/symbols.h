/* SPDX-License-Identifier: MIT */
/*
 * Names: from an address to function, file and line.
 *
 * Who has a line of a report ("module path + vaddr") asks a `struct symbols`
 * of files; who reads a process or core asks one made of its struct remote.
 * Nobody else needs to know of DWARF.
 */
#ifndef TOOLS_KMM_SYMBOLS_H
#define TOOLS_KMM_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct symbols;
struct remote;

#define MAX_FRAMES 32	/* functions inlined into each other at one address */

/* One function that an address is in. Strings live until the next lookup in
 * the same struct symbols; @file is NULL and @line 0 where they are unknown. */
struct frame {
	const char *function;	/* demangled */
	const char *file;
	int line;
	bool inlined;		/* into the next frame */
	uint64_t offset, size;	/* in the function; not for inlined ones */
};

/* What is known of a file besides its path, to be sure that it is the one
 * that was running. Without any of it, it is taken at its word. */
struct file_identity {
	const char *build_id;		/* in hexadecimal, or NULL */
	const struct timespec *not_after; /* changed later: another file */
};

struct symbols *symbols_of_files(void);
/* @remote must stay open. */
struct symbols *symbols_of_remote(struct remote *remote);
void symbols_close(struct symbols *s);

/*
 * The functions at an address, innermost first: the inlined ones, and then the
 * one they are in. Returns how many, at most %MAX_FRAMES; 0 if the file is not
 * there, is not the same, or says nothing: then it stays module+offset.
 *
 * @is_return: the address is where a call returns to, so the place in question
 *	is the call before it; false for the address of an instruction or of data.
 */
int symbols_lookup_file(struct symbols *s, const char *path,
			const struct file_identity *identity, uint64_t vaddr,
			bool is_return, struct frame frames[MAX_FRAMES]);
int symbols_lookup(struct symbols *s, uint64_t address, bool is_return,
		   struct frame frames[MAX_FRAMES]);
/* Code of a file: [start, end). */
struct code_range {
	uint64_t start, end;
};
/* The functions called @name in @path, as it is mangled or as it is written
 * (without arguments), and the parts that the compiler split off, such as
 * "name.cold". Returns how many there are, of which @max are stored. */
int symbols_find_function(struct symbols *s, const char *path, const char *name,
			  struct code_range *ranges, int max);
/* The module that holds @address, and the address in its file; NULL if none. */
const char *symbols_module(struct symbols *s, uint64_t address,
			   uint64_t *vaddr);

#endif /* TOOLS_KMM_SYMBOLS_H */
