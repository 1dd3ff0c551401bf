// SPDX-License-Identifier: MIT
/*
 * Runs one command and writes down what it cost.
 *
 *	run [-e NAME=VALUE]... [-g FILE] [-t SECONDS] REPORT COMMAND [ARG]...
 *
 *	-e	set in the environment of the command only (LD_PRELOAD)
 *	-g	write the pid of the command to FILE first (cgroup.procs)
 *	-t	kill the command and all its processes after so many seconds
 *
 * REPORT gets lines of "NAME VALUE": wall_ns from fork to exit; user_us and
 * sys_us; maxrss_kib; minflt and majflt; and how it ended: status, signal.
 * They are wait4()'s and cover the command and every descendant that was waited
 * for; times and faults are sums, maxrss_kib is that of the largest process.
 *
 * Why a program of its own: the kernel keeps the peak RSS of a process across
 * exec(). What a Python program starts would never need less than Python does.
 * This one is linked statically and small.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_NOT_RUN 127
#define MAX_SETTINGS 16

static volatile sig_atomic_t child;

static void kill_child(int signal)
{
	(void)signal;
	kill(-(pid_t)child, SIGKILL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long long microseconds(struct timeval t)
{
	return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

static int join_group(const char *file)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	int failed = fd < 0 || write(fd, text, (size_t)len) != len;

	if (fd >= 0)
		close(fd);
	return failed ? -1 : 0;
}

static _Noreturn void become(char **command, char **settings, int nr_settings,
			     const char *group)
{
	int i;

	/* Children of a benchmark that was interrupted must not stay. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	if (group && join_group(group)) {
		fprintf(stderr, "run: %s: %s\n", group, strerror(errno));
		_exit(EXIT_NOT_RUN);
	}
	for (i = 0; i < nr_settings; i++)
		putenv(settings[i]);
	execvp(command[0], command);
	fprintf(stderr, "run: %s: %s\n", command[0], strerror(errno));
	_exit(EXIT_NOT_RUN);
}

static int write_report(const char *file, uint64_t wall_ns, int status,
			const struct rusage *used)
{
	FILE *report = fopen(file, "w");

	if (!report) {
		fprintf(stderr, "run: %s: %s\n", file, strerror(errno));
		return EXIT_NOT_RUN;
	}
	fprintf(report, "wall_ns %llu\nuser_us %lld\nsys_us %lld\n",
		(unsigned long long)wall_ns, microseconds(used->ru_utime),
		microseconds(used->ru_stime));
	fprintf(report, "maxrss_kib %ld\nminflt %ld\nmajflt %ld\n",
		used->ru_maxrss, used->ru_minflt, used->ru_majflt);
	fprintf(report, "status %d\nsignal %d\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return fclose(report) ? EXIT_NOT_RUN : 0;
}

int main(int argc, char **argv)
{
	struct sigaction on_kill = { .sa_handler = kill_child };
	char *settings[MAX_SETTINGS];
	const char *group = NULL;
	unsigned int seconds = 0;
	int nr_settings = 0, option, status;
	struct rusage used;
	uint64_t start;
	pid_t pid;

	while ((option = getopt(argc, argv, "+e:g:t:")) != -1) {
		if (option == 'e' && nr_settings < MAX_SETTINGS)
			settings[nr_settings++] = optarg;
		else if (option == 'g')
			group = optarg;
		else if (option == 't')
			seconds = (unsigned int)atoi(optarg);
		else
			return EXIT_USAGE;
	}
	if (argc - optind < 2)
		return EXIT_USAGE;

	start = now_ns();
	pid = fork();
	if (!pid)
		become(argv + optind + 1, settings, nr_settings, group);
	if (pid < 0) {
		perror("run: fork");
		return EXIT_NOT_RUN;
	}
	child = pid;
	/* Both sides make the group: whoever comes first. */
	setpgid(pid, pid);
	sigaction(SIGALRM, &on_kill, NULL);
	sigaction(SIGTERM, &on_kill, NULL);
	sigaction(SIGINT, &on_kill, NULL);
	alarm(seconds);
	while (wait4(pid, &status, 0, &used) < 0) {
		if (errno != EINTR) {
			perror("run: wait4");
			return EXIT_NOT_RUN;
		}
	}
	return write_report(argv[optind], now_ns() - start, status, &used);
}
