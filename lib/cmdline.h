/* SPDX-License-Identifier: MIT */
/*
 * The command line: run-time parameters in the kernel's syntax.
 *
 *	KMM_CMDLINE="slab_nomerge mem=64M page_shift=14"
 *
 * One table (cmdline.c) holds each parameter's name, default, range, unit and
 * help text; `KMM_CMDLINE=help` prints it and the manual is checked against
 * it. Words without a match get one line on stderr and are skipped.
 */
#ifndef LIB_CMDLINE_H
#define LIB_CMDLINE_H

#include "compiler.h"

enum param_type {
	PARAM_FLAG,	/* present, or =0/1/on/off/y/n */
	PARAM_UINT,	/* a number; 0x and 0 prefixes as in C */
	PARAM_SIZE,	/* bytes with the suffixes K M G T, as memparse() */
	PARAM_CHOICE,	/* one of the words in `choices`; stored as its index */
	PARAM_TEXT,	/* anything; stored as the address of a copy, or 0 */
};

/* No pointers: each would be one more to relocate in every process. */
struct kmm_param {
	u64 min, max;
	u16 offset;		/* in struct kmm_params */
	u8 type;		/* enum param_type */
	bool invert;		/* a flag whose presence stores 0 */
	char name[24];
	char choices[24];	/* "abort|warn|ignore"; the TEXT of a bare word */
	char unit[12];
	char help[80];
};

enum bad_free_policy { BAD_FREE_ABORT, BAD_FREE_WARN, BAD_FREE_IGNORE };
enum kmalloc_ladder { LADDER_KERNEL, LADDER_FINE, LADDER_GROWING };
enum trace_format { TRACE_FORMAT_BINARY, TRACE_FORMAT_TEXT };
enum fail_from { FAIL_FROM_PROGRAM, FAIL_FROM_START };
enum thp_policy { THP_NEVER, THP_MADVISE, THP_ALWAYS };

/* The parameters' values, all 64 bits wide so that one parser fits all. */
struct kmm_params {
	u64 mem;		/* most bytes of pages; 0 is no limit */
	u64 page_shift;		/* 0: the host's */
	u64 nr_cpus;		/* treat this many CPU numbers as possible; 0: the host's */
	u64 rseq;		/* use restartable sequences where registered */
	u64 zone_dma;		/* bytes; sizes of the teaching zones */
	u64 zone_dma32;
	u64 kernelcore;
	u64 movablecore;
	u64 min_free_kbytes;	/* 0: by the kernel's formula */
	u64 watermark_scale_factor;
	u64 thp;		/* enum thp_policy */
	u64 thp_after;		/* bytes of pages that come first */
	u64 page_reporting;	/* give free pages back in the background */
	u64 slab_merge;
	u64 slab_min_order;
	u64 slab_max_order;
	u64 slab_min_objects;	/* 0: by the number of CPUs */
	u64 slab_freelist_random;
	u64 init_on_alloc;
	u64 init_on_free;
	u64 slab_debug;		/* text; see mm/slub_debug.c */
	u64 sheaf_capacity;	/* 0: by size and use */
	u64 kmalloc_ladder;	/* enum kmalloc_ladder */
	u64 bad_free;		/* enum bad_free_policy */
	u64 page_poison;	/* fill free pages, and check them */
	u64 debug_pagealloc;	/* free pages are not accessible */
	u64 page_owner;		/* write down who allocates pages */
	u64 kmemleak;
	u64 leak_fd;		/* where a searcher waits; 0: nobody does */
	u64 leak_pid;		/* for this process */
	u64 report_fd;		/* messages go there */
	u64 trace;		/* text: a file for all calls */
	u64 trace_format;	/* enum trace_format */
	u64 failslab;		/* text: see lib/fault_inject.h */
	u64 fail_page_alloc;	/* the same */
	u64 fail_nth;		/* the call that fails; 0: none */
	u64 failslab_cache;	/* text: glob */
	u64 fail_page_min_order;
	u64 fail_require;	/* text: ranges of code */
	u64 fail_reject;	/* the same */
	u64 fail_ignore_reclaim;
	u64 fail_from;		/* enum fail_from */
	u64 fail_seed;
	u64 fail_verbose;
	u64 kfence_sample_interval;	/* ms; 0: no timer */
	u64 kfence_sample;	/* 1 of so many; 0: none */
	u64 kfence_num_objects;
	u64 kfence_all;		/* guard each allocation */
	u64 kfence_quarantine;	/* bytes of addresses before reuse */
	u64 profile;		/* bytes per sample of mm/heap_profile.c */
	u64 profile_file;
	u64 mem_profiling;	/* mm/alloc_tag.c */
	u64 mem_profiling_file;
	u64 host_fail_nth;
};

extern struct kmm_params kmm_params;

/* A PARAM_TEXT; NULL if it was not given. */
static inline const char *param_text(u64 value)
{
	return (const char *)(unsigned long)value;
}

/* The ladder of sizes that the malloc front end wants unless a command line says
 * otherwise. Absent where that front end is not linked in. */
extern __hidden const u64 kmm_frontend_ladder __attribute__((weak));

/* Parse one command line; may be called several times, the last word wins. */
void cmdline_parse(const char *cmdline);
/* Print the table of parameters with their current values to @fd. */
void cmdline_help(int fd);
/* Bytes of "64M" and the like; *@end is where it stopped. */
u64 memparse(const char *s, const char **end);

#endif /* LIB_CMDLINE_H */
