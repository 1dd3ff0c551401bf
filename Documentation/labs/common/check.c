// SPDX-License-Identifier: MIT
/*
 * The frame of all checkers; see check.h.
 *
 *	parent				child
 *	fork, wait		-->	limits, signal handlers, the case
 *	read `record`		<--	writes what it does before it does it
 *
 * Invariants:	R1  record->slots[i].in_call is true exactly while the learner's
 *		    code runs in thread i, so a crash is blamed on the right one
 *		R2  the parent dereferences only what check_shared() gave
 *
 * Two limits: of CPU time, for endless loops, and of real time, for code that
 * waits for ever. A busy machine stretches only the second one, which is wide.
 */
#define _GNU_SOURCE
#include "check.h"
#include "junit.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_SLOTS	16	/* threads that record calls */
#define NR_CALLS	12	/* the last ones are kept */
#define TEXT		160
#define LONG_TEXT	1024
#define CPU_SECONDS	2
#define REAL_SECONDS	20
#define STACK_BYTES	(8UL << 20)
#define STACK_GUARD	(1UL << 20)

struct slot {
	char calls[NR_CALLS][TEXT];
	unsigned long nr;	/* of all calls; the newest is nr - 1 */
	bool in_call;
};

static struct record {
	struct slot slots[NR_SLOTS];
	atomic_bool failed;
	char rule[LONG_TEXT];
	char expected[LONG_TEXT];
	char not_yet[TEXT];
	/* Of a crash. */
	uintptr_t fault;
	unsigned int slot;
	bool stack_overflow;
} *record;

static struct {
	uintptr_t start, end;
	const char *why, *rule;
} forbidden;

static unsigned int seed, random_state;
static uintptr_t stack_start;
static __thread unsigned int this_slot;

/* Where the parent explains a failure, and the rule that it has named. */
static FILE *told;
static const char *told_rule = "";

/* Recording ------------------------------------------------------------------ */

static struct slot *slot(void)
{
	return &record->slots[this_slot];
}

void check_call(const char *format, ...)
{
	struct slot *s = slot();
	va_list args;

	va_start(args, format);
	vsnprintf(s->calls[s->nr++ % NR_CALLS], TEXT, format, args);
	va_end(args);
	s->in_call = true;
	atomic_signal_fence(memory_order_seq_cst);
}

void check_return(const char *format, ...)
{
	struct slot *s = slot();
	char *call = s->calls[(s->nr - 1) % NR_CALLS];
	size_t length = strlen(call);
	va_list args;

	atomic_signal_fence(memory_order_seq_cst);
	s->in_call = false;
	if (record->not_yet[0])
		check_fail("An exercise is done when nothing says NOT_YET.",
			   "%s() written\n%s() still says NOT_YET: fill in the place marked \"write it here\"",
			   record->not_yet, record->not_yet);
	va_start(args, format);
	vsnprintf(call + length, TEXT - length, format, args);
	va_end(args);
}

void check_new_sequence(void)
{
	slot()->nr = 0;
}

void check_thread(unsigned int number)
{
	this_slot = number % NR_SLOTS;
}

void lab_not_yet(const char *function)
{
	snprintf(record->not_yet, TEXT, "%s", function);
}

/* Several threads may fail at once; the first one is told. */
void check_fail(const char *rule, const char *expected, ...)
{
	va_list args;

	if (!atomic_exchange(&record->failed, true)) {
		record->slot = this_slot;
		snprintf(record->rule, LONG_TEXT, "%s", rule);
		va_start(args, expected);
		vsnprintf(record->expected, LONG_TEXT, expected, args);
		va_end(args);
		fflush(stdout);
		_exit(1);
	}
	for (;;)
		pause();
}

void check_forbidden(const void *start, size_t size, const char *why,
		     const char *rule)
{
	forbidden.start = (uintptr_t)start;
	forbidden.end = forbidden.start + size;
	forbidden.why = why;
	forbidden.rule = rule;
}

void *check_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

unsigned int check_random_state(unsigned int *state, unsigned int below)
{
	/* xorshift: good enough, and the same everywhere. */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % below;
}

unsigned int check_random(unsigned int below)
{
	return check_random_state(&random_state, below);
}

/* The child ------------------------------------------------------------------ */

static void crashed(int signal, siginfo_t *info, void *context)
{
	struct rlimit limit;

	(void)context;
	record->slot = this_slot;
	record->fault = (uintptr_t)info->si_addr;
	getrlimit(RLIMIT_STACK, &limit);
	record->stack_overflow = signal == SIGSEGV &&
		record->fault < stack_start &&
		stack_start - record->fault < limit.rlim_cur + STACK_GUARD &&
		stack_start - record->fault > limit.rlim_cur / 2;
	/* SA_RESETHAND: now by the default action, which the parent sees. */
	raise(signal);
}

static void child(const struct check_case *c)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static char alternative[1 << 16];
	stack_t stack = { .ss_sp = alternative, .ss_size = sizeof(alternative) };
	struct sigaction action = {
		.sa_sigaction = crashed,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND,
	};
	struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS + 1 };
	struct rlimit core = { 0, 0 };
	struct rlimit depth;
	unsigned int i;

	/* A recursion without end must end. */
	getrlimit(RLIMIT_STACK, &depth);
	if (depth.rlim_cur > STACK_BYTES) {
		depth.rlim_cur = STACK_BYTES;
		setrlimit(RLIMIT_STACK, &depth);
	}
	stack_start = (uintptr_t)&core;
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	sigaltstack(&stack, NULL);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	random_state = seed;
	c->run();
	fflush(stdout);
	_exit(0);
}

/* The parent ----------------------------------------------------------------- */

void check_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(told, format, args);
	va_end(args);
}

/* One line of an explanation. */
static void say(const char *label, const char *text)
{
	fprintf(told, "    %-10s%s\n", label, text);
	if (!strcmp(label, "rule"))
		told_rule = text;
}

static void say_calls(const struct slot *s)
{
	unsigned long nr = s->nr, first = nr > NR_CALLS ? nr - NR_CALLS : 0, i;
	const char *label = "after";
	char more[TEXT];

	if (!nr)
		return;
	if (first) {
		snprintf(more, TEXT, "(%lu more calls)", first);
		say(label, more);
		label = "";
	}
	for (i = first; i + 1 < nr; i++) {
		say(label, s->calls[i % NR_CALLS]);
		label = "";
	}
	say(s->in_call ? "in" : "at", s->calls[(nr - 1) % NR_CALLS]);
}

static void say_rule(void)
{
	char *got = strchr(record->expected, '\n');

	if (got)
		*got++ = '\0';
	say("expected", record->expected);
	if (got)
		say("got", got);
	say("rule", record->rule);
}

static bool is_forbidden(uintptr_t address)
{
	return address >= forbidden.start && address < forbidden.end;
}

static void say_fault(int signal)
{
	char text[LONG_TEXT];

	if (signal == SIGFPE) {
		say("reason", "a division by zero, or one that overflows");
	} else if (signal == SIGABRT) {
		say("reason", "abort(): perhaps an assert(), or the C library found its heap damaged");
	} else if (record->stack_overflow) {
		say("reason", "the stack is full: a function calls itself without end");
	} else if (is_forbidden(record->fault)) {
		say("reason", forbidden.why);
	} else if (record->fault < 4096) {
		snprintf(text, sizeof(text),
			 "a null pointer was followed (address %#lx)",
			 (unsigned long)record->fault);
		say("reason", text);
	} else {
		snprintf(text, sizeof(text),
			 "a wild pointer was followed (address %#lx)",
			 (unsigned long)record->fault);
		say("reason", text);
	}
}

static void say_crash(int signal)
{
	char text[TEXT];

	snprintf(text, sizeof(text), "%s (%s)",
		 record->slots[record->slot].in_call ?
		 "your code crashed in this call" :
		 "the checker crashed looking at what your calls left behind",
		 strsignal(signal));
	say("got", text);
	say_fault(signal);
	say("rule", is_forbidden(record->fault) ? forbidden.rule :
	    "A function returns, and leaves no wild pointer behind.");
}

static void say_timeout(int signal)
{
	bool in_call = false;
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		in_call |= record->slots[i].in_call;
	if (signal == SIGXCPU)
		say("got", in_call ?
		    "this call does not return: an endless loop" :
		    "the checker follows a list that has no end");
	else
		say("got", "nothing moves any more: it waits for something that never comes (a lock?)");
	say("rule", "Every call returns.");
}

static void say_exit(void)
{
	say("got", "the program ended in the middle: something called exit()");
	say("rule", "A function returns to who called it.");
}

static void explain(const struct check_case *c, int status, bool expired)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	fprintf(told, "FAILED %s\n", c->name);
	say_calls(&record->slots[record->slot]);
	if (record->failed)
		say_rule();
	else if (expired)
		say_timeout(0);
	else if (signal == SIGXCPU || signal == SIGKILL)
		say_timeout(SIGXCPU);
	else if (signal)
		say_crash(signal);
	else
		say_exit();
	/* Nothing has been done to draw if nothing is written. */
	if (c->draw && !record->not_yet[0]) {
		fprintf(told, "    state\n");
		c->draw();
	}
}

/* Waits for the child, at most @seconds; true if that was not enough. */
static bool wait_for(pid_t pid, int seconds, int *status)
{
	struct timespec limit = { .tv_sec = seconds };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return false;
		if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN)
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return true;
}

/* What is said of a failure, also on the screen; the caller's to free. */
static char *explain_text(const struct check_case *c, int status, bool expired)
{
	char *text = NULL;
	size_t size;

	told = open_memstream(&text, &size);
	if (!told) {
		perror("open_memstream");
		exit(2);
	}
	explain(c, status, expired);
	fclose(told);
	fputs(text, stdout);
	return text;
}

/* NULL, or what is wrong; as explain_text(). */
static char *run_case(const struct check_case *c, int seconds)
{
	int status = 0;
	bool expired;
	pid_t pid;

	memset(record, 0, sizeof(*record));
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!pid)
		child(c);
	expired = wait_for(pid, seconds, &status);
	/* A full exit(0) of the learner's would pass for success: R1 tells. */
	if (!expired && !status && !record->slots[0].in_call) {
		printf("ok %s\n", c->name);
		return NULL;
	}
	return explain_text(c, status, expired);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All cases, up to the first that fails; what JUNIT=FILE wants to know. */
static struct junit run_cases(const char *title, const struct check_case *cases,
			      size_t nr, int seconds)
{
	double *times = calloc(nr + 1, sizeof(*times)), start;
	struct junit j = { .title = title, .cases = cases, .nr = nr,
			   .seconds = times, .seed = seed };

	if (!times) {
		perror("calloc");
		exit(2);
	}
	for (; j.passed < nr; j.passed++) {
		start = now();
		j.text = run_case(&cases[j.passed], seconds);
		times[j.passed] = now() - start;
		if (j.text)
			break;
	}
	j.rule = told_rule;
	return j;
}

int check_run(const char *title, const struct check_case *cases, size_t nr)
{
	const char *given = getenv("SEED"), *limit = getenv("LIMIT");
	const char *path = getenv("JUNIT");
	int seconds = limit && atoi(limit) > 0 ? atoi(limit) : REAL_SECONDS;
	struct junit j;
	sigset_t set;

	seed = given && *given ? (unsigned int)strtoul(given, NULL, 0) :
	       ((unsigned int)time(NULL) ^ (unsigned int)getpid() << 16) % 1000000;
	/* 0 is the one state that xorshift never leaves. */
	if (!seed)
		seed = 1;
	record = check_shared(sizeof(*record));
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("%s\nseed %u (SEED=%u repeats this run)\n", title, seed, seed);
	j = run_cases(title, cases, nr, seconds);
	if (j.text)
		printf("%zu of %zu cases passed; the first that fails is shown above.\n",
		       j.passed, nr);
	else
		printf("All %zu cases passed: the exercise is done.\n", nr);
	if (path && *path && !junit_write(path, &j))
		return 2;
	return j.text != NULL;
}
