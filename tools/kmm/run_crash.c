// SPDX-License-Identifier: MIT
/*
 * Where a run of a sweep crashes or hangs: the program once more, traced.
 *
 * ptrace() stops it at the signal before it is delivered, with the stack as it
 * is, whatever the system does about cores; libdwfl walks it. The sweep itself
 * does without, since a traced program is slower and may behave otherwise. A
 * program that handles the signal gets it; the last stop is the one that counts.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "kmm.h"

#define MAX_DEPTH 32

/* The stack of a stopped thread, as the library would print it. */
struct stack {
	Dwfl *dwfl;
	char *text;
	unsigned int depth;
};

static char *debuginfo_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

static int add_frame(Dwfl_Frame *frame, void *data)
{
	struct stack *stack = data;
	const char *path = NULL;
	Dwfl_Module *module;
	Dwarf_Addr pc, bias = 0;
	bool exact;
	char *text;

	if (!dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	/* What is read takes all for return addresses. */
	module = dwfl_addrmodule(stack->dwfl, pc - !exact);
	if (module && dwfl_module_getelf(module, &bias))
		path = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL,
					NULL, NULL);
	if (path && *path == '/')
		text = xasprintf("%s  #%u %#018lx (%s+%#lx)\n", stack->text,
				 stack->depth, (unsigned long)pc, path,
				 (unsigned long)(pc - bias + exact));
	else
		text = xasprintf("%s  #%u %#018lx (?)\n", stack->text,
				 stack->depth, (unsigned long)pc);
	free(stack->text);
	stack->text = text;
	return ++stack->depth < MAX_DEPTH ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static char *stack_of_thread(pid_t program, pid_t thread)
{
	struct stack stack = { .text = xstrdup("") };

	stack.dwfl = dwfl_begin(&callbacks);
	if (stack.dwfl && !dwfl_linux_proc_report(stack.dwfl, program)) {
		dwfl_report_end(stack.dwfl, NULL, NULL);
		if (!dwfl_linux_proc_attach(stack.dwfl, program, true))
			dwfl_getthread_frames(stack.dwfl, thread, add_frame,
					      &stack);
	}
	dwfl_end(stack.dwfl);
	return stack.text;
}

static void __attribute__((noreturn))
become_traced(struct run *run, const sigset_t *mask)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	run_set_environment(run, STDERR_FILENO);
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* Stops at the exec; without the right to it, the run is of no use. */
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
		execvp(run->argv[0], run->argv);
	_exit(EXIT_CANNOT_RUN);
}

/* One stop of a thread: continue it. */
static void go_on(pid_t thread, int status)
{
	int sig = WSTOPSIG(status);

	/* Of tracing itself: exec, a new thread, and our own stop. */
	if (sig == SIGTRAP || sig == SIGSTOP)
		sig = 0;
	ptrace(PTRACE_CONT, thread, 0, sig);
}

static bool is_past(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec &&
		now.tv_nsec >= deadline->tv_nsec);
}

/* Until its end, or the deadline; then all of it is stopped. */
static char *follow(pid_t program, int sig, const struct timespec *deadline)
{
	const struct timespec tick = { .tv_nsec = 1000000 };
	bool stopping = false;
	char *text = NULL;
	pid_t thread;
	int status;

	for (;;) {
		thread = waitpid(-1, &status, __WALL | WNOHANG);
		if (thread < 0)
			return text;
		if (!thread) {
			nanosleep(&tick, NULL);
			if (is_past(deadline) && !stopping) {
				stopping = true;
				kill(program, sig ? SIGKILL : SIGSTOP);
			}
			continue;
		}
		if (!WIFSTOPPED(status)) {
			if (thread == program)
				return text;
			continue;
		}
		if (status >> 16 == 0 &&
		    (stopping ? thread == program : WSTOPSIG(status) == sig)) {
			free(text);
			text = stack_of_thread(program, thread);
			if (stopping)
				return text;
		}
		go_on(thread, status);
	}
}

char *crash_stack(struct run *run, int sig, unsigned int timeout,
		  const sigset_t *mask)
{
	struct timespec deadline;
	pid_t program;
	char *text = NULL;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += timeout;
	program = fork();
	if (!program)
		become_traced(run, mask);
	if (program < 0)
		return NULL;
	if (waitpid(program, &status, 0) == program && WIFSTOPPED(status) &&
	    !ptrace(PTRACE_SETOPTIONS, program, 0,
		    PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE)) {
		go_on(program, status);
		text = follow(program, sig, &deadline);
	}
	kill(-program, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	return text;
}
