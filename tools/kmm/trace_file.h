/* SPDX-License-Identifier: MIT */
/*
 * Traces of calls (mm/calltrace.h): from a file to calls, in order, with names
 * put in where there are numbers.
 *
 *	struct trace_file *t = trace_open(path);
 *	while (trace_next(t, &event))
 *		...
 *	status = trace_close(t);
 */
#ifndef TOOLS_KMM_TRACE_FILE_H
#define TOOLS_KMM_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calltrace.h"

/* Where a call came from. One per address and program: a forked child shares
 * those of its parent. They live as long as the trace. */
struct trace_caller {
	uint64_t address;
	const char *module;	/* NULL: not known */
	uint64_t vaddr;		/* in the file of the module */
	char *name;		/* see trace_caller_name() */
	unsigned int index;	/* from 0, for tables of the reader's */
};

struct trace_process {
	uint32_t pid;
	unsigned int index;	/* from 0, in the order of appearance */
	bool ended;		/* in the normal way */
	struct trace_process *parent;	/* NULL: not in this trace */
	const char **strings;
};

struct trace_event {
	struct trace_call call;
	struct trace_process *process;
	struct trace_caller *caller;	/* NULL: the call does not say */
};

struct trace_file;

/* Ends the program with a message if @path is no trace. */
struct trace_file *trace_open(const char *path);
/* The next call; false at the end, or where the file is damaged. */
bool trace_next(struct trace_file *t, struct trace_event *event);
/* From the start again; processes and callers stay the same. */
void trace_rewind(struct trace_file *t);
/* Says what was wrong with the file so far; EXIT_FAILED if it is damaged. */
int trace_close(struct trace_file *t);

const struct trace_header *trace_header(const struct trace_file *t);
/* The processes met so far. */
unsigned int trace_nr_processes(const struct trace_file *t);
struct trace_process *trace_process(const struct trace_file *t,
				    unsigned int index);
unsigned int trace_nr_callers(const struct trace_file *t);
struct trace_caller *trace_caller_at(const struct trace_file *t,
				     unsigned int index);

/* "0x5629c83decc1 main+0x11/0x40 /src/prog.c:34", looked up once. */
const char *trace_caller_name(struct trace_file *t,
			      struct trace_caller *caller);

/*
 * Blocks by process and address: what is known of each that was ever
 * allocated. Entries are never removed.
 */
struct trace_block {
	uint64_t address;	/* 0: no such entry */
	uint32_t process;	/* index */
	bool live;
	uint32_t tid, free_tid;
	uint64_t size;
	uint64_t time, free_time;
	struct trace_caller *caller, *free_caller;
	uint64_t number;	/* of the entry, from 0; the reader's to use */
};

struct trace_blocks {
	struct trace_block *blocks;
	size_t nr, size;	/* of them in use; a power of two */
};

/* Found, or new if @create; else NULL. Valid until the next new one. */
struct trace_block *trace_block(struct trace_blocks *blocks,
				const struct trace_process *process,
				uint64_t address, bool create);

#endif /* TOOLS_KMM_TRACE_FILE_H */
