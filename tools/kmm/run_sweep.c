// SPDX-License-Identifier: MIT
/*
 * kmm run --fail=sweep: the program again and again, each time with another call
 * failing, until a run in which none fails.
 *
 *	run 0		nothing fails: how does the program end by itself?
 *	run K		call K fails; a worker process of ours runs it
 *	the last	met no call K: there are K - 1
 *
 * A worker is a fork of kmm that leads a process group, so that what hangs is
 * killed with all it has started. It uses run_program() like a run without a
 * sweep, and hands back how that ended in shared memory, and the raw report in
 * a file, of which all is there even if the worker had to be killed:
 *
 *	sweep --fork--> worker (group leader) --fork--> program
 *	      <--------- slot, K.report <---- lines ---/
 *
 * With several jobs, runs behind the last one may have been started; what they
 * give is dropped. Runs are grouped by how they ended and, if that is bad, by
 * the stack of the call that failed, as module and offset, since addresses
 * differ from run to run. Each group that crashed or hung is run once more to see
 * where (run_crash.c), and groups that did so at the same place become one. Names
 * are looked up last, once for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "kmm.h"
#include "report.h"

/* A number that no call has; the library takes no larger one. */
#define NO_CALL UINT32_MAX

enum outcome {
	WENT_ON,	/* exit status 0 */
	GAVE_UP,	/* another one */
	REPORTED,	/* ended by itself, but a BUG was reported */
	CRASHED,	/* by a signal */
	HUNG,
	NR_OUTCOMES
};

/* A run that met its call. */
struct sweep_run {
	unsigned long call;
	enum outcome outcome;
	int code;		/* exit status or signal */
	char *report;		/* as the library wrote it */
	char *stack;		/* where the failed call is, comparable */
	char *place;		/* where it crashed or hung: frames; or NULL */
	char *place_key;	/* and comparable */
	bool shown;
};

/* Shared with a worker. */
struct slot {
	pid_t worker;		/* 0: free */
	unsigned long call;
	struct timespec deadline;
	bool hung;
	/* Written by the worker. */
	bool done;
	struct run_result result;
	unsigned int nr_bugs;
};

struct sweep {
	struct run *run;
	const struct fail_spec *spec;
	const char *dir;	/* of the reports */
	struct slot *slots;
	sigset_t signals, inherited;
	struct timespec started;
	unsigned long next, end;	/* calls in [next, end] are to be tried */
	int interrupted;		/* by this signal; or 0 */
	struct sweep_run *runs;
	size_t nr_runs, room;
};

/* The worker --------------------------------------------------------------- */

static char *file_of(const struct sweep *sweep, unsigned long call,
		     const char *kind)
{
	return xasprintf("%s/%lu.%s", sweep->dir, call, kind);
}

static void redirect(int fd, const char *path, int flags)
{
	int file = open(path, flags, 0666);

	if (file < 0)
		error(EXIT_FAILED, errno, "cannot open %s", path);
	dup2(file, fd);
	close(file);
}

/* A file is read from its start by each run; a terminal or a pipe has only one
 * start, and none reads it. */
static void redirect_stdin(void)
{
	struct stat st;

	if (!fstat(STDIN_FILENO, &st) && S_ISREG(st.st_mode))
		redirect(STDIN_FILENO, "/proc/self/fd/0", O_RDONLY);
	else
		redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
}

static void redirect_all(const struct sweep *sweep, unsigned long call)
{
	char *out;

	redirect_stdin();
	out = sweep->spec->keep ? file_of(sweep, call, "out") :
				  xstrdup("/dev/null");
	redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	free(out);
}

struct keeper {
	int fd;
	struct slot *slot;
};

/* At once, and whole: we may be killed at any time. */
static bool keep_line(struct run *run, pid_t from, const char *line, size_t len,
		      void *data)
{
	struct keeper *keeper = data;
	char *text = xasprintf("%.*s\n", (int)len, line);

	(void)run;
	(void)from;
	if (!strncmp(text, "BUG ", 4) || !strncmp(text, "BUG:", 4))
		keeper->slot->nr_bugs++;
	if (write(keeper->fd, text, strlen(text)) < 0)
		_exit(EXIT_FAILED);
	free(text);
	return true;
}

static void __attribute__((noreturn))
work(struct sweep *sweep, struct slot *slot)
{
	char *path = file_of(sweep, slot->call, "report"), *word;
	struct keeper keeper = { .slot = slot };

	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, &sweep->inherited, NULL);
	keeper.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND |
				       O_CLOEXEC, 0666);
	if (keeper.fd < 0)
		error(EXIT_FAILED, errno, "cannot open %s", path);
	word = xasprintf("fail_nth=%lu", slot->call ?: NO_CALL);
	run_add_words(sweep->run, word);
	run_on_line(sweep->run, keep_line, &keeper);
	redirect_all(sweep, slot->call);
	run_program(sweep->run, &slot->result);
	slot->done = true;
	_exit(0);
}

/* Starting and ending ------------------------------------------------------ */

static void start(struct sweep *sweep, struct slot *slot, unsigned long call)
{
	pid_t worker;

	*slot = (struct slot){ .call = call };
	clock_gettime(CLOCK_MONOTONIC, &slot->deadline);
	slot->deadline.tv_sec += sweep->spec->timeout;
	worker = fork();
	if (worker < 0)
		error(EXIT_FAILED, errno, "cannot fork");
	if (!worker)
		work(sweep, slot);
	/* Whoever comes first: it must be there before it is killed. */
	setpgid(worker, worker);
	slot->worker = worker;
}

static void kill_all(struct sweep *sweep)
{
	for (unsigned int i = 0; i < sweep->spec->jobs; i++)
		if (sweep->slots[i].worker)
			kill(-sweep->slots[i].worker, SIGKILL);
}

static bool is_past(const struct timespec *t, const struct timespec *now)
{
	return t->tv_sec != now->tv_sec ? t->tv_sec < now->tv_sec :
					  t->tv_nsec <= now->tv_nsec;
}

/* A worker that has ended, with what it left behind killed; NULL if we are to
 * end ourselves. */
static struct slot *wait_for_worker(struct sweep *sweep)
{
	struct timespec now, tick = { .tv_nsec = 100000000 };
	struct slot *slot;
	int sig;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		for (slot = sweep->slots;
		     slot < sweep->slots + sweep->spec->jobs; slot++) {
			if (!slot->worker)
				continue;
			if (waitpid(slot->worker, NULL, WNOHANG) > 0) {
				kill(-slot->worker, SIGKILL);
				slot->worker = 0;
				return slot;
			}
			if (is_past(&slot->deadline, &now) && !slot->hung) {
				slot->hung = true;
				kill(-slot->worker, SIGKILL);
			}
		}
		sig = sigtimedwait(&sweep->signals, NULL, &tick);
		if (sig > 0 && sig != SIGCHLD) {
			sweep->interrupted = sig;
			kill_all(sweep);
			return NULL;
		}
	}
}

/* Reports ------------------------------------------------------------------ */

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!file)
		error(EXIT_FAILED, errno, "cannot read %s", path);
	if (getdelim(&text, &room, '\0', file) < 0) {
		if (ferror(file))
			error(EXIT_FAILED, errno, "cannot read %s", path);
		free(text);
		text = xstrdup("");
	}
	fclose(file);
	return text;
}

static char *take_report(struct sweep *sweep, unsigned long call)
{
	char *path = file_of(sweep, call, "report"), *text = read_file(path);

	if (!sweep->spec->keep)
		unlink(path);
	free(path);
	return text;
}

/* The call of the first failure that @report tells of; NULL if of none. */
static const char *failure_in(const char *report)
{
	static const char head[] = "FAULT_INJECTION: forcing";
	const char *line = strstr(report, head);

	while (line && line > report && line[-1] != '\n')
		line = strstr(line + 1, head);
	return line;
}

/* "(module+0x1234)" of each frame below that line; the caller frees it. */
static char *stack_of(const char *failure)
{
	char *stack = xcalloc(1, strlen(failure) + 1), *end = stack;
	const char *line = strchr(failure, '\n'), *paren, *newline;

	while (line && !strncmp(line, "\n  #", 4)) {
		newline = strchr(line + 1, '\n');
		paren = strchr(line, '(');
		if (!newline || !paren || paren > newline)
			break;
		memcpy(end, paren, (size_t)(newline - paren));
		end += newline - paren;
		line = newline;
	}
	return stack;
}

/* One run has ended ------------------------------------------------------- */

static void judge(const struct slot *slot, struct sweep_run *r)
{
	int status = slot->result.status;

	if (slot->hung) {
		r->outcome = HUNG;
	} else if (WIFSIGNALED(status)) {
		r->outcome = CRASHED;
		r->code = WTERMSIG(status);
	} else {
		r->code = WEXITSTATUS(status);
		r->outcome = slot->nr_bugs ? REPORTED :
			     r->code ? GAVE_UP : WENT_ON;
	}
}

static void finish(struct sweep *sweep, const struct slot *slot)
{
	char *report = take_report(sweep, slot->call);
	const char *failure = failure_in(report);
	struct sweep_run *r;

	if (!slot->hung && !slot->done) {
		kill_all(sweep);
		error(EXIT_FAILED, 0, "the process for call %lu was killed",
		      slot->call);
	}
	if (!failure) {
		/* Not met: there are fewer calls. */
		if (slot->call <= sweep->end)
			sweep->end = slot->call - 1;
		free(report);
		return;
	}
	if (sweep->nr_runs == sweep->room) {
		sweep->room = 2 * sweep->room + 64;
		sweep->runs = xrealloc(sweep->runs,
				       sweep->room * sizeof(*sweep->runs));
	}
	r = &sweep->runs[sweep->nr_runs++];
	*r = (struct sweep_run){ .call = slot->call };
	judge(slot, r);
	if (r->outcome >= REPORTED) {
		r->stack = stack_of(failure);
		r->report = report;
	} else {
		free(report);
	}
}

static struct slot *free_slot(struct sweep *sweep)
{
	struct slot *slot;

	for (slot = sweep->slots; slot < sweep->slots + sweep->spec->jobs; slot++)
		if (!slot->worker)
			return slot;
	return NULL;
}

static int by_call(const void *a, const void *b)
{
	const struct sweep_run *x = a, *y = b;

	return x->call < y->call ? -1 : x->call > y->call;
}

static void run_all(struct sweep *sweep)
{
	unsigned int running = 0;
	struct slot *slot;

	while (running || sweep->next <= sweep->end) {
		while (sweep->next <= sweep->end && sweep->next < NO_CALL &&
		       (slot = free_slot(sweep)) != NULL) {
			start(sweep, slot, sweep->next++);
			running++;
		}
		if (!running)
			break;
		slot = wait_for_worker(sweep);
		if (!slot)
			break;
		finish(sweep, slot);
		running--;
	}
	qsort(sweep->runs, sweep->nr_runs, sizeof(*sweep->runs), by_call);
	while (sweep->nr_runs && sweep->runs[sweep->nr_runs - 1].call > sweep->end)
		sweep->nr_runs--;
}

/* What it came to ---------------------------------------------------------- */

static bool same_end(const struct sweep_run *a, const struct sweep_run *b)
{
	return a->outcome == b->outcome && a->code == b->code;
}

/* The same stack of the failed call, and the same end. */
static bool same_case(const struct sweep_run *a, const struct sweep_run *b)
{
	return same_end(a, b) &&
	       (!a->stack || !b->stack || !strcmp(a->stack, b->stack));
}

static char *end_of(const struct sweep_run *r)
{
	const char *name;

	switch (r->outcome) {
	case HUNG:
		return xstrdup("hung");
	case CRASHED:
		name = sigabbrev_np(r->code);
		return name ? xasprintf("crashed by SIG%s", name) :
			      xasprintf("crashed by signal %d", r->code);
	case REPORTED:
		return xasprintf("BUG reported, exit status %d", r->code);
	default:
		return xasprintf("exit status %d", r->code);
	}
}

/* Ranges of calls in a line; of more, only the number is given. */
#define MAX_RANGES 12

/* "1-3 7 9-12": the calls of all runs like @first. Marks them. */
static void print_calls(struct sweep *sweep, const struct sweep_run *first,
			bool (*same)(const struct sweep_run *a,
				     const struct sweep_run *b),
			FILE *out)
{
	unsigned long begin = 0, end = 0, more = 0;
	unsigned int nr_ranges = 0;
	struct sweep_run *r;
	size_t i;

	for (i = 0; i <= sweep->nr_runs; i++) {
		r = &sweep->runs[i];
		if (i < sweep->nr_runs && !same(r, first))
			continue;
		if (i < sweep->nr_runs) {
			r->shown = true;
			if (begin && r->call == end + 1) {
				end++;
				continue;
			}
		}
		if (begin && nr_ranges++ < MAX_RANGES)
			fprintf(out, begin == end ? " %lu" : " %lu-%lu", begin,
				end);
		else if (begin)
			more += end - begin + 1;
		if (i < sweep->nr_runs)
			begin = end = r->call;
	}
	if (more)
		fprintf(out, " and %lu more", more);
}

static void forget_shown(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->nr_runs; i++)
		sweep->runs[i].shown = false;
}

static unsigned long count_like(const struct sweep *sweep,
				const struct sweep_run *first)
{
	unsigned long nr = 0;

	for (size_t i = 0; i < sweep->nr_runs; i++)
		nr += same_end(&sweep->runs[i], first);
	return nr;
}

/* Where it went wrong ------------------------------------------------------ */

/* In a process of its own, which may add words for this call alone. */
static void __attribute__((noreturn))
find_place(struct sweep *sweep, const struct sweep_run *r, const char *path)
{
	char *word = xasprintf("fail_nth=%lu", r->call), *text;
	FILE *file;

	run_add_words(sweep->run, word);
	redirect_stdin();
	text = crash_stack(sweep->run, r->code, sweep->spec->timeout,
			   &sweep->inherited);
	file = fopen(path, "we");
	if (file && text)
		fputs(text, file);
	if (file)
		fclose(file);
	_exit(0);
}

/* The stack where the program crashes or hangs when this call fails; "" if that
 * cannot be found out. */
static char *place_of(struct sweep *sweep, const struct sweep_run *r)
{
	char *path = file_of(sweep, r->call, "place"), *text;
	pid_t worker = fork();

	if (!worker)
		find_place(sweep, r, path);
	while (worker > 0 && waitpid(worker, NULL, 0) < 0 && errno == EINTR)
		;
	text = access(path, R_OK) ? xstrdup("") : read_file(path);
	unlink(path);
	free(path);
	return text;
}

/* Frames of a place that tell it from others, from the first one that is not in
 * libc on: what lies above is the way of abort(), for one. */
#define PLACE_FRAMES 4

/* The innermost frame, and those; the caller frees it. */
static char *key_of_place(const char *place)
{
	char *key = xcalloc(1, strlen(place) + 1), *end = key;
	const char *line, *paren, *newline;
	int frames = 0;
	bool libc;

	for (line = place; frames < PLACE_FRAMES; line = newline + 1) {
		newline = strchr(line, '\n');
		paren = strchr(line, '(');
		if (!newline || !paren || paren > newline)
			break;
		libc = memmem(paren, (size_t)(newline - paren), "/libc.so", 8);
		if (libc && !frames && line != place)
			continue;
		frames += frames || !libc;
		memcpy(end, paren, (size_t)(newline - paren));
		end += newline - paren;
	}
	return key;
}

/* One run more for each case, of which there may be fewer then: many calls that
 * fail lead to the same place. */
static void find_places(struct sweep *sweep)
{
	struct sweep_run *end = sweep->runs + sweep->nr_runs, *r, *other;

	for (r = sweep->runs; r < end && !sweep->interrupted; r++) {
		if (r->outcome < CRASHED || r->place)
			continue;
		r->place = place_of(sweep, r);
		r->place_key = key_of_place(r->place);
		for (other = r + 1; other < end; other++) {
			if (!same_case(r, other))
				continue;
			other->place = r->place;
			other->place_key = r->place_key;
		}
	}
}

/* What is mended by one change, as far as we can tell. */
static bool same_problem(const struct sweep_run *a, const struct sweep_run *b)
{
	if (!same_end(a, b))
		return false;
	if (a->place && b->place && *a->place && *b->place)
		return !strcmp(a->place_key, b->place_key);
	return same_case(a, b);
}

/* Stacks of failed calls that lead to the same problem. */
static unsigned int count_cases(const struct sweep *sweep,
				const struct sweep_run *first)
{
	const struct sweep_run *end = sweep->runs + sweep->nr_runs, *r, *before;
	unsigned int nr = 0;

	for (r = first; r < end; r++) {
		if (!same_problem(r, first))
			continue;
		for (before = first; before < r; before++)
			if (same_problem(before, first) && same_case(before, r))
				break;
		nr += before == r;
	}
	return nr;
}

static void print_problem(struct sweep *sweep, struct report *report,
			  const struct sweep_run *r)
{
	unsigned int nr_cases = count_cases(sweep, r);
	FILE *out = report->out;
	char *end = end_of(r);

	fprintf(out, "sweep: %s when one of these calls fails:", end);
	print_calls(sweep, r, same_problem, out);
	putc('\n', out);
	report_add(report, r->report, strlen(r->report));
	report_end(report);
	if (nr_cases > 1)
		fprintf(out, "(and %u other stacks)\n", nr_cases - 1);
	if (r->place && *r->place) {
		fprintf(out, "It %s here:\n",
			r->outcome == HUNG ? "hangs" : "crashes");
		report_add(report, r->place, strlen(r->place));
		report_end(report);
	}
	putc('\n', out);
	free(end);
}

static void print_problems(struct sweep *sweep)
{
	struct report report = {
		.symbols = symbols_of_files(),
		.not_after = &sweep->started,
		.out = sweep->run->report,
	};
	struct sweep_run *r;

	for (r = sweep->runs; r < sweep->runs + sweep->nr_runs; r++)
		if (r->outcome >= REPORTED && !r->shown)
			print_problem(sweep, &report, r);
	symbols_close(report.symbols);
	forget_shown(sweep);
}

static void print_table(struct sweep *sweep)
{
	FILE *out = sweep->run->report;
	struct sweep_run *r;
	char *end;

	fprintf(out, "%-28s %6s  %s\n", "end of the program", "runs",
		"call that failed");
	for (r = sweep->runs; r < sweep->runs + sweep->nr_runs; r++) {
		if (r->shown)
			continue;
		end = end_of(r);
		fprintf(out, "%-28s %6lu ", end, count_like(sweep, r));
		print_calls(sweep, r, same_end, out);
		putc('\n', out);
		free(end);
	}
}

static void print_summary(struct sweep *sweep, unsigned int *nr_bad)
{
	unsigned long nr[NR_OUTCOMES] = { 0 };

	for (size_t i = 0; i < sweep->nr_runs; i++)
		nr[sweep->runs[i].outcome]++;
	*nr_bad = (unsigned int)(nr[CRASHED] + nr[HUNG] + nr[REPORTED]);
	fprintf(sweep->run->report,
		"sweep: %zu calls%s, %lu crashed, %lu hung, %lu with a report, %lu exited with an error, %lu went on\n",
		sweep->nr_runs, sweep->interrupted ? " (interrupted)" : "", nr[CRASHED], nr[HUNG], nr[REPORTED],
		nr[GAVE_UP], nr[WENT_ON]);
	fflush(sweep->run->report);
}

/* The sweep ---------------------------------------------------------------- */

/* How the program ends if nothing fails: what crashes or hangs then says nothing
 * about failures. False if the sweep makes no sense. */
static bool run_without_failure(struct sweep *sweep, struct run_result *result)
{
	struct slot *slot = &sweep->slots[0];
	char *report;

	start(sweep, slot, 0);
	slot = wait_for_worker(sweep);
	if (!slot)
		return false;
	report = take_report(sweep, 0);
	free(report);
	if (slot->hung)
		error(EXIT_FAILED, 0, "--fail=sweep: the program takes longer than %u s though nothing fails; --fail-timeout gives it more",
		      sweep->spec->timeout);
	if (!slot->done)
		error(EXIT_FAILED, 0, "--fail=sweep: the program cannot be run");
	*result = slot->result;
	if (!result->pid)
		return false;
	if (!WIFSIGNALED(result->status) && !slot->nr_bugs)
		return true;
	error(0, 0, "--fail=sweep: the program crashes or misuses memory though nothing fails: run it without --fail first");
	return false;
}

static char *make_dir(const struct fail_spec *spec)
{
	char *dir;

	if (spec->keep) {
		if (mkdir(spec->keep, 0777) && errno != EEXIST)
			error(EXIT_FAILED, errno, "cannot make %s", spec->keep);
		dir = realpath(spec->keep, NULL);
	} else {
		dir = mkdtemp(xasprintf("%s/kmm-sweep.XXXXXX",
					getenv("TMPDIR") ?: "/tmp"));
	}
	if (!dir)
		error(EXIT_FAILED, errno, "cannot make a directory");
	return dir;
}

/* Reports of runs that were interrupted may be left. */
static void remove_dir(struct sweep *sweep)
{
	unsigned int i;
	char *path;

	for (i = 0; i < sweep->spec->jobs; i++) {
		path = file_of(sweep, sweep->slots[i].call, "report");
		unlink(path);
		free(path);
	}
	rmdir(sweep->dir);
}

static void block_signals(struct sweep *sweep)
{
	static const int signals[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	sigemptyset(&sweep->signals);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&sweep->signals, signals[i]);
	sigprocmask(SIG_BLOCK, &sweep->signals, &sweep->inherited);
}

void run_sweep(struct run *run, const struct fail_spec *spec,
	       struct run_result *result)
{
	struct sweep sweep = {
		.run = run,
		.spec = spec,
		.dir = make_dir(spec),
		.next = spec->from,
		.end = spec->to,
	};
	unsigned int nr_bad;

	clock_gettime(CLOCK_REALTIME, &sweep.started);
	sweep.slots = mmap(NULL, spec->jobs * sizeof(*sweep.slots),
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	if (sweep.slots == MAP_FAILED)
		error(EXIT_FAILED, errno, "cannot map memory");
	block_signals(&sweep);
	if (run_without_failure(&sweep, result)) {
		/* After ^C, what has been found so far. */
		run_all(&sweep);
		find_places(&sweep);
		print_problems(&sweep);
		print_table(&sweep);
		print_summary(&sweep, &nr_bad);
		result->nr_bugs += nr_bad;
	}
	if (!spec->keep)
		remove_dir(&sweep);
	sigprocmask(SIG_SETMASK, &sweep.inherited, NULL);
	if (sweep.interrupted) {
		signal(sweep.interrupted, SIG_DFL);
		raise(sweep.interrupted);
	}
}
