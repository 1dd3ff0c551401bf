/* SPDX-License-Identifier: MIT */
/*
 * kmm run: what its options work with.
 *
 * Each option of `kmm run` is one file, run_NAME.c, with one `const struct
 * run_option run_NAME`, and one line in the table below. run_cmdline.c is the
 * shortest example, run_log.c one that does something after the run.
 *
 * An option is set while the command line is read. What it can do:
 *
 *	run_add_words()		parameters for the library (KMM_CMDLINE)
 *	run_at_start()		do something around the start of the program
 *	run_at_exit()		do something when the program has ended
 *	run_on_line()		see the raw lines of reports, and swallow some
 *	run->report		where reports are written to
 *	run->drive		run the program otherwise than once
 */
#ifndef TOOLS_KMM_RUN_H
#define TOOLS_KMM_RUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct run;

/* How a run of the program ended. */
struct run_result {
	pid_t pid;		/* 0: it could not be started */
	int status;		/* as waitpid() gives it; of errno if not started */
	unsigned int nr_bugs;	/* reports that begin with "BUG" */
};

struct run_option {
	const char *name;	/* of --name */
	const char *arg;	/* of --name=ARG; NULL if it takes none */
	bool arg_optional;	/* --name[=ARG] */
	const char *help;
	/* @arg is NULL if there is none. A wrong one ends the program with
	 * error(EXIT_USAGE, …). */
	void (*set)(struct run *run, const char *arg);
};

/* Called when the program has ended and all it reported is written. May change
 * @result, which decides the exit status. */
typedef void (*run_exit_fn)(struct run *run, struct run_result *result,
			    void *data);
/* One line of a report, without its newline, before names are put in; true if
 * that was all that it was meant for. In a thread of its own. */
typedef bool (*run_line_fn)(struct run *run, pid_t from, const char *line,
			    size_t len, void *data);

/* Around each start; what is not needed is NULL. */
struct run_start {
	void (*before)(struct run *run, void *data);
	/* In the process that is about to become the program. */
	void (*in_program)(struct run *run, void *data);
	void (*started)(struct run *run, void *data);
	void *data;
};

struct run_hook {
	struct run_hook *next;
	struct run_start start;
	run_exit_fn at_exit;
	run_line_fn on_line;
	void *data;
};

struct run {
	char **argv;		/* of the program */
	char *shim;		/* path of libkmm_malloc.so */
	char *shim_dir;		/* of a link to it that LD_PRELOAD can take */
	char *words;		/* for KMM_CMDLINE, behind what is there */
	FILE *report;		/* NULL while options are read: stderr */
	int error_exitcode;	/* 0: none */
	bool follow;		/* read on until the last descendant is gone */
	struct run_hook *hooks;
	/* Held while states of children are taken by waitpid(): who stops the
	 * program by ptrace() holds it until it goes on. */
	pthread_mutex_t waiting;
	/* Runs the program, by default run_program() once. */
	void (*drive)(struct run *run, struct run_result *result);
};

/* Add words for the library, such as "slab_debug=FZPU". */
void run_add_words(struct run *run, const char *words);
/* Add @name=@path; one that cannot be said ends the program, naming @option. */
void run_add_path(struct run *run, const char *option, const char *name,
		  const char *path);
/* A file that is to be written after the run: end the program, naming @option,
 * if that is not going to be possible. */
void run_check_output(const char *option, const char *path);
void run_at_start(struct run *run, struct run_start start);
/* Move a descriptor that the program is to inherit out of the way of its own. */
int run_move_fd(int fd);
void run_at_exit(struct run *run, run_exit_fn fn, void *data);
void run_on_line(struct run *run, run_line_fn fn, void *data);

/* What the program is started with; in a process of its own. */
void run_set_environment(const struct run *run, int report_fd);
/* Run the program and wait for its end; may be called again and again. */
void run_program(struct run *run, struct run_result *result);

/*
 * The reports of one run (run_report.c). The program gets the descriptor that
 * run_report_start() returns; two threads read what is written to it, always,
 * and write it to run->report with names put in.
 */
struct run_report;
struct run_report *run_report_start(struct run *run, int *program_fd);
/* The program runs: close our copy of its descriptor. */
void run_report_started(struct run_report *report);
/* The program has ended: write what is left, count, free. */
unsigned int run_report_finish(struct run_report *report);

/* The file that execvp() would execute; the caller frees it. NULL: none. */
char *run_find_program(const char *name);
/* Why a program cannot be preloaded, in words; NULL if all is well. */
char *run_preload_obstacle(const char *program);

/* --check=page: every allocation beside an inaccessible page (run_guard.c). */
void run_guard_all(struct run *run);

/* clang-format off */
/* In the order of --help. */
#define RUN_OPTIONS(_)							\
	_(cmdline)							\
	_(log)								\
	_(error_exitcode)						\
	_(follow)							\
	_(shim)								\
	_(check)							\
	_(guard)							\
	_(leaks)							\
	_(live)								\
	_(suppressions)							\
	_(trace)							\
	_(trace_text)							\
	_(fail)								\
	_(fail_timeout)							\
	_(fail_jobs)							\
	_(fail_keep)							\
	_(profile)							\
	_(profile_format)						\
	_(profile_output)						\
	_(alloc_profile)
/* clang-format on */

#define RUN_OPTION_EXTERN(name) extern const struct run_option run_##name;
RUN_OPTIONS(RUN_OPTION_EXTERN)

#endif /* TOOLS_KMM_RUN_H */
