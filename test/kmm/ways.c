// SPDX-License-Identifier: MIT
/*
 * Ways to live and to end, for a comparison with and without kmm.
 *
 *	ways exit N		ends with status N
 *	ways kill N		is killed by signal N, by itself
 *	ways report-kill	reports, then is killed by SIGKILL
 *	ways signal		says "ready", waits for a signal, says which
 *	ways count		says "ready", counts SIGINT until SIGTERM
 *	ways flood N		N reports, then "done"
 *	ways daemon FIFO	ends; a child of it reports once FIFO is written
 *	ways pieces		two processes report at the same time
 *	ways heap		allocates, says "ready", waits for a signal
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __attribute__((noinline)) void report(void)
{
	char *volatile p = malloc(100);

	free(p);
	free(p);
	__asm__ volatile("");	/* a return address of ours, no tail call */
}

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

/* Everything blocked, so that nothing is lost before it is waited for. */
static int wait_signal(void)
{
	siginfo_t info;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	say("ready");
	/* A debugger that looks in interrupts it. */
	while (sigwaitinfo(&all, &info) < 0)
		;
	return info.si_signo;
}

static volatile sig_atomic_t interrupts, finished;

static void count_interrupt(int sig)
{
	if (sig == SIGINT)
		interrupts++;
	else
		finished = 1;
}

static int count(void)
{
	struct sigaction action = { .sa_handler = count_interrupt };
	sigset_t both, before;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, &before);
	sigdelset(&before, SIGINT);
	sigdelset(&before, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	say("ready");
	while (!finished) {
		sigsuspend(&before);
		if (!finished)
			say("interrupt");
	}
	printf("%d interrupts\n", (int)interrupts);
	return 0;
}

static void daemon_report(const char *fifo)
{
	char byte;
	int fd;

	if (fork())
		return;
	setsid();
	fd = open(fifo, O_RDONLY);
	if (fd < 0 || read(fd, &byte, 1) != 1)
		_exit(77);
	report();
	_exit(0);
}

static void pieces(void)
{
	pid_t child = fork();
	int i;

	for (i = 0; i < 500; i++)
		report();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(way, "exit"))
		return n;
	if (!strcmp(way, "kill")) {
		signal(n, SIG_DFL);
		raise(n);
	} else if (!strcmp(way, "report-kill")) {
		report();
		raise(SIGKILL);
	} else if (!strcmp(way, "signal")) {
		printf("got %s\n", strsignal(wait_signal()));
		return 3;
	} else if (!strcmp(way, "count")) {
		return count();
	} else if (!strcmp(way, "flood")) {
		while (n--)
			report();
		say("done");
	} else if (!strcmp(way, "daemon")) {
		daemon_report(argv[2]);
	} else if (!strcmp(way, "pieces")) {
		pieces();
	} else if (!strcmp(way, "heap")) {
		char *volatile p = malloc(100);

		wait_signal();
		free(p);
	}
	return 0;
}
