// SPDX-License-Identifier: MIT
/*
 * One run of the program, so that nobody notices that it is not run alone.
 *
 *	stdin, stdout, stderr	are untouched
 *	process group		ours: the terminal is as it was
 *	signals			what is sent to kmm alone is sent on. What a
 *				terminal, or the program itself, sends to the
 *				group the program has got already
 *	stop			by ^Z stops kmm with it, so the shell sees it
 *	death of kmm		by SIGKILL takes the program along
 *
 * Signals are blocked here and taken by sigwaitinfo(): no handler, no race with
 * the start, and nothing is interrupted. The program gets the mask and the
 * dispositions that kmm was started with.
 *
 * Also here: whether the program can be preloaded at all.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kmm.h"
#include "run.h"

/* What was before the first run. */
struct inherited {
	sigset_t mask;
	struct sigaction sigchld;
};

/* Signals for the program; not those that are about ourselves. */
static void forwarded_signals(sigset_t *set)
{
	static const int ours[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
				    SIGSYS, SIGABRT, SIGTTIN, SIGTTOU };

	sigfillset(set);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigdelset(set, ours[i]);
}

static void forward(pid_t program, const siginfo_t *info)
{
	/* The whole group has it from the terminal, or from the program. */
	if (info->si_code == SI_KERNEL ||
	    (info->si_code <= 0 && info->si_pid == program) ||
	    info->si_signo == SIGPIPE)
		return;
	if (info->si_code == SI_QUEUE)
		sigqueue(program, info->si_signo, info->si_value);
	else
		kill(program, info->si_signo);
}

static bool is_job_control(int sig)
{
	return sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* 0: nothing has happened to it; else waitpid()'s @status. */
static pid_t take_state(struct run *run, pid_t program, int *status)
{
	pid_t pid;

	pthread_mutex_lock(&run->waiting);
	pid = waitpid(program, status, WNOHANG | WUNTRACED);
	pthread_mutex_unlock(&run->waiting);
	return pid;
}

static int wait_for(struct run *run, pid_t program, const sigset_t *signals)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			forward(program, &info);
			continue;
		}
		while (take_state(run, program, &status) > 0) {
			if (!WIFSTOPPED(status))
				return status;
			if (!is_job_control(WSTOPSIG(status)))
				continue;
			kill(getpid(), SIGSTOP);
			kill(program, SIGCONT);
		}
	}
}

/* The new value of a variable: @first @separator what it was. */
static void prepend(const char *name, const char *first, char separator)
{
	const char *old = getenv(name);
	char *value;

	if (old && *old)
		value = xasprintf("%s%c%s", first, separator, old);
	else
		value = xstrdup(first);
	setenv(name, value, 1);
	free(value);
}

/* The last word wins, so ours come behind the user's. */
static void set_cmdline(const struct run *run, int report_fd)
{
	char *value = xasprintf("%s %s report_fd=%d",
				getenv("KMM_CMDLINE") ?: "", run->words ?: "",
				report_fd);

	setenv("KMM_CMDLINE", value + strspn(value, " "), 1);
	free(value);
}

void run_set_environment(const struct run *run, int report_fd)
{
	prepend("LD_PRELOAD", run->shim, ':');
	set_cmdline(run, report_fd);
}

static void __attribute__((noreturn))
become_program(struct run *run, const struct inherited *inherited,
	       int report_fd, int errors, pid_t parent)
{
	struct run_hook *hook;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	for (hook = run->hooks; hook; hook = hook->next)
		if (hook->start.in_program)
			hook->start.in_program(run, hook->start.data);
	run_set_environment(run, report_fd);
	fcntl(report_fd, F_SETFD, 0);
	sigaction(SIGCHLD, &inherited->sigchld, NULL);
	sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
	execvp(run->argv[0], run->argv);
	err = errno;
	while (write(errors, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(EXIT_CANNOT_RUN);
}

/* 0 once the program runs, or the errno of execvp(). */
static int exec_error(int fd)
{
	int err = 0;

	while (read(fd, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	close(fd);
	return err;
}

void run_program(struct run *run, struct run_result *result)
{
	struct sigaction keep_children = { .sa_handler = SIG_DFL };
	struct inherited inherited;
	struct run_report *report;
	struct run_hook *hook;
	pid_t program, self = getpid();
	int report_fd, errors[2];
	sigset_t signals;

	if (pipe2(errors, O_CLOEXEC))
		error(EXIT_FAILED, errno, "cannot make a pipe");
	for (hook = run->hooks; hook; hook = hook->next)
		if (hook->start.before)
			hook->start.before(run, hook->start.data);
	report = run_report_start(run, &report_fd);
	forwarded_signals(&signals);
	sigaction(SIGCHLD, &keep_children, &inherited.sigchld);
	sigprocmask(SIG_BLOCK, &signals, &inherited.mask);
	program = fork();
	if (program < 0)
		error(EXIT_FAILED, errno, "cannot fork");
	if (!program)
		become_program(run, &inherited, report_fd, errors[1], self);
	close(errors[1]);
	run_report_started(report);
	for (hook = run->hooks; hook; hook = hook->next)
		if (hook->start.started)
			hook->start.started(run, hook->start.data);

	*result = (struct run_result){ .status = exec_error(errors[0]) };
	if (result->status) {
		waitpid(program, NULL, 0);
	} else {
		result->pid = program;
		result->status = wait_for(run, program, &signals);
	}
	result->nr_bugs = run_report_finish(report);
	/* As found, for the next run and for whoever kills kmm now. */
	sigprocmask(SIG_SETMASK, &inherited.mask, NULL);
	sigaction(SIGCHLD, &inherited.sigchld, NULL);
}

/* Can it be preloaded? ----------------------------------------------------- */

/* As execvp() does. */
char *run_find_program(const char *name)
{
	char *path, *dir, *rest, *file;

	if (strchr(name, '/'))
		return xstrdup(name);
	rest = path = xstrdup(getenv("PATH") ?: "/bin:/usr/bin");
	while ((dir = strsep(&rest, ":")) != NULL) {
		file = xasprintf("%s/%s", *dir ? dir : ".", name);
		if (!access(file, X_OK))
			break;
		free(file);
	}
	free(path);
	return dir ? file : NULL;
}

/* Raised rights: then the dynamic linker takes no path from LD_PRELOAD. */
static bool is_secure(const char *path, const struct stat *st)
{
	return ((st->st_mode & S_ISUID) && st->st_uid != getuid()) ||
	       ((st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) &&
		st->st_gid != getgid()) ||
	       (getuid() && getxattr(path, "security.capability", NULL, 0) > 0);
}

static bool has_interpreter(int fd, const Elf64_Ehdr *ehdr)
{
	Elf64_Phdr phdr;
	int i;

	for (i = 0; i < ehdr->e_phnum; i++)
		if (pread(fd, &phdr, sizeof(phdr),
			  (off_t)ehdr->e_phoff + i * (off_t)sizeof(phdr)) ==
			    sizeof(phdr) && phdr.p_type == PT_INTERP)
			return true;
	return false;
}

/* The machine that kmm, and so the shim, was made for. */
static bool is_our_machine(const Elf64_Ehdr *ehdr)
{
	Elf64_Ehdr own = { .e_machine = 0 };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &own, sizeof(own)) != sizeof(own))
		own = *ehdr;
	close(fd);
	return ehdr->e_machine == own.e_machine &&
	       ehdr->e_ident[EI_CLASS] == own.e_ident[EI_CLASS];
}

static char *obstacle_of_elf(const char *path, int fd, const Elf64_Ehdr *ehdr)
{
	struct stat st;

	if (!is_our_machine(ehdr))
		return xasprintf("%s is for another machine than the shim, which cannot be preloaded",
				 path);
	if (!has_interpreter(fd, ehdr))
		return xasprintf("%s is statically linked: nothing can be preloaded, and it uses libkmm only if kmm_malloc.o is linked in",
				 path);
	if (!fstat(fd, &st) && is_secure(path, &st))
		return xasprintf("%s runs with raised rights (set-user-ID or alike): the shim is not preloaded",
				 path);
	return NULL;
}

static char *obstacle_of_file(const char *path, int depth)
{
	union {
		Elf64_Ehdr ehdr;
		char text[PATH_MAX];
	} head = { .text = "" };
	char *why = NULL, *word;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (read(fd, &head, sizeof(head) - 1) <= 0) {
		close(fd);
		return NULL;
	}
	if (!memcmp(head.text, ELFMAG, SELFMAG)) {
		why = obstacle_of_elf(path, fd, &head.ehdr);
	} else if (!memcmp(head.text, "#!", 2) && depth < 4) {
		head.text[sizeof(head.text) - 1] = '\0';
		word = strtok(head.text + 2, " \t\n");
		why = word ? obstacle_of_file(word, depth + 1) : NULL;
	}
	close(fd);
	return why;
}

char *run_preload_obstacle(const char *program)
{
	char *path = run_find_program(program), *why;

	why = path ? obstacle_of_file(path, 0) : NULL;
	free(path);
	return why;
}
