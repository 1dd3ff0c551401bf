/* SPDX-License-Identifier: MIT */
/*
 * kmm replay: a trace made into a script, and its execution.
 *
 * cmd_replay.c writes the script into a memory file; a new process with the
 * allocator to be measured maps it and calls replay_work().
 *
 *	struct replay_script | first[nr_threads + 1] | struct replay_op ...
 *
 * A slot stands for an address of the trace. What happened to it, happens to its
 * slot, in the same order, whichever threads do it: each operation has its turn.
 */
#ifndef TOOLS_KMM_REPLAY_H
#define TOOLS_KMM_REPLAY_H

#include <limits.h>
#include <stdint.h>

enum replay_kind {
	REPLAY_MALLOC,
	REPLAY_CALLOC,
	REPLAY_MEMALIGN,
	REPLAY_REALLOC,		/* old_slot's block becomes slot's */
	REPLAY_FREE,
};

struct replay_op {
	uint8_t kind;
	uint8_t align_shift;
	uint32_t slot, turn;
	uint32_t old_slot, old_turn;	/* of a realloc */
	uint64_t size;
};

struct replay_script {
	uint64_t size;		/* bytes of all of it */
	uint64_t nr_ops;
	uint32_t nr_slots;
	uint32_t nr_threads;
	uint32_t touch;		/* write to each cache line */
	char preload[PATH_MAX];	/* must be loaded; "": none */

	/* What came out. */
	uint64_t ns;
	uint64_t failed;	/* allocations */
	uint64_t rss_before, rss_peak;	/* kB */

	/* Operations of thread i: [first[i], first[i + 1]). */
	uint64_t first[];
};

static inline struct replay_op *replay_ops(struct replay_script *s)
{
	return (struct replay_op *)(s->first + s->nr_threads + 1);
}

/* In the new process; @fd is the script. Returns the exit status. */
int replay_work(int fd);

#endif /* TOOLS_KMM_REPLAY_H */
