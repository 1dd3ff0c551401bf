/* SPDX-License-Identifier: MIT */
/*
 * Profiles of allocations, read from a process, a core, or a file that the
 * library wrote at exit; and what is made of them.
 */
#ifndef TOOLS_KMM_PROFILE_H
#define TOOLS_KMM_PROFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "remote.h"
#include "symbols.h"

/* Sampled allocations of one size from one stack. */
struct sample {
	uint64_t *stack;	/* return addresses, innermost first */
	unsigned int depth;
	uint64_t size;
	uint64_t nr_allocs, nr_live;
};

/* One site of an alloc profile. */
struct site {
	uint64_t bytes, calls;
	uint64_t caller;	/* 0: it has a text */
	char *text;		/* what stands behind the numbers */
};

struct profile {
	struct remote *remote;	/* its modules, at least */
	struct symbols *symbols;
	uint64_t rate;
	struct sample *samples;
	size_t nr_samples;
	struct site *sites;
	size_t nr_sites;
};

/* What is wanted of the target. Anything else ends the program. */
enum profile_kind { HEAP_PROFILE, ALLOC_PROFILE };

/* @target: a process number, the path of a core, or of a file. */
struct profile *profile_open(const char *target, enum profile_kind kind);
void profile_close(struct profile *p);

/* By how much a sample's counts are multiplied: see mm/heap_profile.c. */
double profile_weight(const struct profile *p, const struct sample *sample);

/*
 * The two outputs of a heap profile, and that of an alloc profile. They end the
 * program with a message if @path cannot be written; "-" is standard output.
 */
enum profile_format { PROFILE_PPROF, PROFILE_FOLDED };
bool profile_format(const char *name, enum profile_format *format);
/* "kmm.PID.pb.gz" or "kmm.PID.folded"; @pid is any text. */
char *profile_default_path(const char *pid, enum profile_format format);
void profile_write_pprof(struct profile *p, const char *path);
/* @alloc: count all bytes allocated, not those that are still in use. */
void profile_write_folded(struct profile *p, const char *path, bool alloc);
void profile_write_allocinfo(struct profile *p, FILE *out);

#endif /* TOOLS_KMM_PROFILE_H */
