/* SPDX-License-Identifier: MIT */
/*
 * What the commands of kmm share: the table of them, and exit statuses.
 *
 * A command is one file with one function, both called cmd_ and its name, and
 * one line in the table below. It is called with the words from its own name on;
 * argv[0] is "kmm NAME", which argp and error() print in front of messages.
 * What it returns is the exit status.
 *
 * A command that reads a process or core takes it from remote.h, and names of
 * functions from symbols.h; it never looks into /proc or ELF files itself.
 */
#ifndef TOOLS_KMM_H
#define TOOLS_KMM_H

#include <argp.h>
#include <error.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/*	name, arguments, help; in the order of `kmm --help` */
#define COMMANDS(_)							\
_(run, "[OPTION...] PROGRAM [ARG...]",					\
  "run a program on the malloc shim, with named reports")		\
_(symbolize, "[<REPORT]",						\
  "put function names and lines into a report")				\
_(leaks, "[OPTION...] PID|CORE",						\
  "list the blocks that nothing points to any more")			\
_(live, "[OPTION...] PID|CORE",						\
  "list all that is allocated, by stack")				\
_(profile, "[OPTION...] PID|CORE|FILE",					\
  "write a heap profile, for pprof or flame graphs")			\
_(allocinfo, "PID|CORE|FILE",						\
  "list what each call site has allocated")				\
_(top, "[OPTION...] PID",						\
  "watch caches, free blocks and memory of a process")			\
_(rss, "[OPTION...] PID",						\
  "explain what is resident, row by row")				\
_(caches, "[OPTION...] PID|CORE",					\
  "list caches by size, with what they hold ready")			\
_(whatis, "[OPTION...] PID|CORE ADDRESS...",				\
  "say what is at an address")						\
_(slabinfo, "[OPTION...] PID|CORE",					\
  "show caches as /proc/slabinfo does")					\
_(buddyinfo, "[OPTION...] PID|CORE",					\
  "show free blocks as /proc/buddyinfo does")				\
_(pagetypeinfo, "[OPTION...] PID|CORE",					\
  "show migratetypes as /proc/pagetypeinfo does")			\
_(zoneinfo, "[OPTION...] PID|CORE",					\
  "show zones as /proc/zoneinfo does")					\
_(vmstat, "[OPTION...] PID|CORE",					\
  "show counters as /proc/vmstat does")					\
_(meminfo, "[OPTION...] PID|CORE",					\
  "show memory as /proc/meminfo does")					\
_(metrics, "[OPTION...] PID|CORE",					\
  "write all counters as OpenMetrics")					\
_(anchor, "PID|CORE",							\
  "show where the heap of a process or core begins")			\
_(trace, "[OPTION...] FILE",						\
  "print a trace of calls, or sum it up by caller")			\
_(replay, "[OPTION...] FILE",						\
  "run the calls of a trace again, as a benchmark")			\
_(view, "[OPTION...] PID|CORE|TRACE",					\
  "draw a heap over time, or a trace, as one HTML page")		\
_(plot, "[OPTION...] PID|CORE|TRACE",					\
  "the same as SVG files")						\
_(lab, "[SCRIPT...]|check TRANSCRIPT...|compare TRACE...",		\
  "see what an allocator does, command by command")
/* clang-format on */

#define COMMAND_PROTOTYPE(name, ...) int cmd_##name(int argc, char **argv);
COMMANDS(COMMAND_PROTOTYPE)

/* Beyond 0 and what a program under `kmm run` ends with. */
enum kmm_exit {
	EXIT_FAILED = 1,	/* understood, but not possible */
	EXIT_USAGE = 2,		/* the command line makes no sense */
	EXIT_ENDED = 3,		/* the process, while it was watched */
	EXIT_CANNOT_RUN = 126,	/* as env(1): the program is not executable, */
	EXIT_NOT_FOUND = 127,	/* or not there */
};

/*
 * The part of argp_parse() that all commands have in common: errors exit with
 * EXIT_USAGE. @flags as for argp_parse(); returns where the operands begin.
 */
int parse_options(const struct argp *argp, int argc, char **argv,
		  unsigned int flags, void *input);

/* A decimal number that an option takes, from @min to @max; ends the program if
 * @text is none. */
unsigned long option_number(const char *option, const char *text,
			    unsigned long min, unsigned long max);

/* malloc() and strdup() that end the program rather than fail. */
void *xcalloc(size_t nr, size_t size);
void *xrealloc(void *p, size_t size);
/* Room for one more element of @size bytes in an array of @nr, which has room
 * for *@max. */
void *xgrow(void *array, size_t nr, size_t *max, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* TOOLS_KMM_H */
