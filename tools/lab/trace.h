/* SPDX-License-Identifier: MIT */
/*
 * Traces for the comparison: which block is asked for and freed when.
 *
 *	# anything
 *	arena 100		what it is meant for; not needed
 *	a 7 160			block 7, 160 bytes
 *	a 8 32 1		the same, by thread 1
 *	f 7			block 7 is freed
 *
 * Or a trace of a program, written by `kmm run --trace=FILE`: a realloc is then a
 * new block and the end of the old one. The comparison knows no more of a file
 * than this header; trace.c chooses the reader by how the file begins.
 */
#ifndef TOOLS_LAB_TRACE_H
#define TOOLS_LAB_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_call {
	uint32_t id;		/* of the block: from 0, each used once */
	uint32_t thread;
	size_t size;		/* 0: it is freed */
};

struct lab_trace {
	struct lab_call *calls;
	size_t nr_calls, nr_blocks;
	size_t arena;		/* 0: the trace does not say */
	size_t peak, peak_blocks;	/* live at most: bytes, blocks then */
};

/* Ends the program with a message if the file is no trace. */
struct lab_trace *lab_trace_load(const char *path);
void lab_trace_free(struct lab_trace *trace);

#endif /* TOOLS_LAB_TRACE_H */
