/* SPDX-License-Identifier: MIT */
/*
 * A process at one moment: its mappings, and its threads with their registers.
 *
 * A live process is stopped while a struct process exists, each thread of it,
 * by ptrace(); a core stands still by itself.
 */
#ifndef TOOLS_KMM_PROCESS_H
#define TOOLS_KMM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "remote.h"

struct mapping {
	uint64_t start, end;
	bool readable, writable, shared;
	bool file;		/* of a file, not anonymous */
	uint64_t inode;
};

struct thread {
	pid_t tid;
	uint64_t sp;
	uint64_t regs[64];	/* all of them, as words */
	size_t nr_regs;
	bool stopped;		/* by us */
};

struct process {
	struct remote *remote;
	struct mapping *mappings;	/* ascending */
	size_t nr_mappings;
	struct thread *threads;
	size_t nr_threads;
	bool failed;		/* a thread cannot be stopped */
};

/* NULL, with a message, if the process cannot be stopped. */
struct process *process_stop(struct remote *remote);
/* Let it go on. */
void process_resume(struct process *p);

#endif /* TOOLS_KMM_PROCESS_H */
