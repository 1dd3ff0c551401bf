// SPDX-License-Identifier: MIT
/*
 * kmm replay FILE: the calls of a trace again, as a benchmark.
 *
 *	trace -> script (replay.h) -> one new process per allocator and round
 *
 * The threads of the trace are threads. Their calls are not timed as they
 * were: each thread goes on as fast as it can, but what happens to an address
 * happens in the order of the trace, so that a free waits for its allocation.
 * An operation waits only for ones that are before it in the trace, and each
 * thread keeps to the order of the trace: so the first of all that are left can
 * always go on.
 *
 * Everything is malloc() and free() here, objects and pages too. Left out are
 * calls that failed, and frees of what the trace did not see allocated.
 *
 * Rounds of the allocators alternate, so that a busy minute of the machine hits
 * all of them. What is printed are medians.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmm.h"
#include "replay.h"
#include "trace_file.h"

#define MAX_ALLOCATORS 16
#define MAX_ROUNDS 101
#define MAX_THREADS 256		/* more share threads */

enum { KEY_PRELOAD = 256, KEY_ROUNDS, KEY_SERIAL, KEY_TOUCH, KEY_PROCESS,
       KEY_WORKER };

struct allocator {
	char *preload;		/* NULL: as kmm itself was started */
	const char *name;
	double ns[MAX_ROUNDS], rss[MAX_ROUNDS];
};

struct options {
	const char *file;
	struct allocator allocators[MAX_ALLOCATORS];
	unsigned int nr_allocators;
	unsigned int rounds;
	bool serial, touch;
	uint32_t pid;
	int worker;		/* descriptor of the script, in the new process */
};

/* The command line --------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void add_allocator(struct options *o, const char *preload)
{
	struct allocator *a = &o->allocators[o->nr_allocators];

	if (o->nr_allocators++ == MAX_ALLOCATORS)
		error(EXIT_USAGE, 0, "--preload: more than %d", MAX_ALLOCATORS);
	if (!strcmp(preload, "libc")) {
		a->preload = xstrdup("");
		a->name = "libc";
		return;
	}
	a->preload = strchr(preload, '/') ? realpath(preload, NULL) :
					    xstrdup(preload);
	if (!a->preload)
		error(EXIT_FAILED, errno, "%s", preload);
	if (strlen(a->preload) >= PATH_MAX || strpbrk(a->preload, " :"))
		error(EXIT_FAILED, 0,
		      "%s: LD_PRELOAD takes no path with a blank or a colon",
		      a->preload);
	a->name = base_name(preload);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_PRELOAD:
		add_allocator(o, arg);
		return 0;
	case KEY_ROUNDS:
		o->rounds = (unsigned int)option_number("rounds", arg, 1,
							MAX_ROUNDS);
		return 0;
	case KEY_SERIAL:
		o->serial = true;
		return 0;
	case KEY_TOUCH:
		o->touch = true;
		return 0;
	case KEY_PROCESS:
		o->pid = (unsigned int)option_number("process", arg, 1,
						     UINT32_MAX);
		return 0;
	case KEY_WORKER:
		o->worker = (int)option_number("worker", arg, 1, INT32_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (o->file)
			argp_error(state, "one file at a time");
		o->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->file && !o->worker)
			argp_error(state, "which file?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{ "preload", KEY_PRELOAD, "LIB", 0,
		  "An allocator, or libc; several are compared. By default that "
		  "of LD_PRELOAD", 0 },
		{ "rounds", KEY_ROUNDS, "N", 0,
		  "How often, by default 3; the median counts", 0 },
		{ "serial", KEY_SERIAL, NULL, 0,
		  "All in one thread, in the order of the trace", 0 },
		{ "touch", KEY_TOUCH, NULL, 0,
		  "Write to each cache line of what is allocated", 0 },
		{ "process", KEY_PROCESS, "PID", 0,
		  "Of a trace of several: which, by default the first", 0 },
		{ "worker", KEY_WORKER, "FD", OPTION_HIDDEN, NULL, 0 },
		{ NULL, 0, NULL, 0, NULL, 0 },
	},
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Runs the calls of a trace again and measures the allocator. "
	       "Memory is what it grew by.",
};

/* From trace to script ----------------------------------------------------- */

/* One pass over the trace: the first counts, the second writes. */
struct plan {
	const struct options *options;
	struct trace_process *process;
	struct trace_blocks blocks;
	uint32_t *turns;		/* by number of the block */
	size_t nr_turns;
	uint32_t tids[MAX_THREADS];
	unsigned int nr_threads;
	uint64_t nr_ops[MAX_THREADS];
	struct replay_script *script;	/* NULL in the first pass */
};

static unsigned int thread_of(struct plan *plan, uint32_t tid)
{
	unsigned int i;

	if (plan->options->serial)
		tid = 0;
	for (i = 0; i < plan->nr_threads; i++)
		if (plan->tids[i] == tid)
			return i;
	if (plan->nr_threads == MAX_THREADS)
		return tid % MAX_THREADS;
	plan->tids[plan->nr_threads] = tid;
	return plan->nr_threads++;
}

/* The next turn of a block's slot. */
static void take_turn(struct plan *plan, const struct trace_block *block,
		      uint32_t *slot, uint32_t *turn)
{
	size_t nr = plan->nr_turns;

	if (block->number >= nr) {
		plan->nr_turns = 2 * block->number + 4096;
		plan->turns = xrealloc(plan->turns,
				       plan->nr_turns * sizeof(*plan->turns));
		memset(plan->turns + nr, 0,
		       (plan->nr_turns - nr) * sizeof(*plan->turns));
	}
	*slot = (uint32_t)block->number;
	*turn = plan->turns[block->number]++;
}

static void add_op(struct plan *plan, uint32_t tid, const struct replay_op *op)
{
	unsigned int thread = thread_of(plan, tid);
	uint64_t index = plan->nr_ops[thread]++;

	if (plan->script)
		replay_ops(plan->script)[plan->script->first[thread] + index] = *op;
}

static enum replay_kind kind_of(const struct trace_call *call)
{
	switch (call->type) {
	case TRACE_CALLOC:
		return REPLAY_CALLOC;
	case TRACE_MEMALIGN:
		return REPLAY_MEMALIGN;
	case TRACE_REALLOC:
		return REPLAY_REALLOC;
	default:
		return REPLAY_MALLOC;
	}
}

static void plan_call(struct plan *plan, const struct trace_event *e)
{
	const struct trace_call *call = &e->call;
	struct replay_op op = { .kind = REPLAY_FREE, .size = call->size };
	struct trace_block *block;
	bool has_old = false;

	if (!trace_is_free(call->type) && !call->result)
		return;
	block = trace_block(&plan->blocks, e->process, call->old, false);
	if (block && block->live) {
		has_old = true;
		block->live = false;
		take_turn(plan, block, &op.old_slot, &op.old_turn);
	}
	if (trace_is_free(call->type)) {
		if (!has_old)
			return;
		op.slot = op.old_slot;
		op.turn = op.old_turn;
		add_op(plan, call->tid, &op);
		return;
	}
	op.kind = (uint8_t)kind_of(call);
	if (op.kind == REPLAY_REALLOC && !has_old)
		op.kind = REPLAY_MALLOC;
	op.align_shift = call->align ? (uint8_t)__builtin_ctzll(call->align) : 0;
	/* Where it was: one slot, one turn. */
	if (has_old && call->old == call->result) {
		op.slot = op.old_slot;
		op.turn = op.old_turn;
		block->live = true;
	} else {
		block = trace_block(&plan->blocks, e->process, call->result, true);
		block->live = true;
		take_turn(plan, block, &op.slot, &op.turn);
	}
	add_op(plan, call->tid, &op);
}

static struct trace_process *choose_process(const struct trace_file *file,
					    const struct options *o)
{
	unsigned int i;

	for (i = 0; i < trace_nr_processes(file); i++)
		if (!o->pid || trace_process(file, i)->pid == o->pid)
			return trace_process(file, i);
	if (o->pid)
		error(EXIT_FAILED, 0, "%s: there is no process %u in it",
		      o->file, o->pid);
	error(EXIT_FAILED, 0, "%s: there are no calls in it", o->file);
	return NULL;
}

static void run_plan(struct plan *plan, struct trace_file *file)
{
	struct trace_event event;

	memset(plan->nr_ops, 0, sizeof(plan->nr_ops));
	if (plan->turns)
		memset(plan->turns, 0, plan->nr_turns * sizeof(*plan->turns));
	trace_rewind(file);
	while (trace_next(file, &event))
		if (event.process == plan->process)
			plan_call(plan, &event);
}

static struct replay_script *make_script(struct plan *plan, int fd)
{
	uint64_t nr_ops = 0, size;
	struct replay_script *s;
	unsigned int i;

	for (i = 0; i < plan->nr_threads; i++)
		nr_ops += plan->nr_ops[i];
	if (!nr_ops)
		error(EXIT_FAILED, 0, "%s: process %u has no calls in it",
		      plan->options->file, plan->process->pid);
	size = sizeof(*s) + (plan->nr_threads + 1) * sizeof(s->first[0]) +
	       nr_ops * sizeof(struct replay_op);
	if (ftruncate(fd, (off_t)size))
		error(EXIT_FAILED, errno, "cannot make the script");
	s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED)
		error(EXIT_FAILED, errno, "cannot map the script");
	s->size = size;
	s->nr_ops = nr_ops;
	s->nr_slots = (uint32_t)plan->blocks.nr;
	s->nr_threads = plan->nr_threads;
	s->touch = plan->options->touch;
	for (i = 0; i < plan->nr_threads; i++)
		s->first[i + 1] = s->first[i] + plan->nr_ops[i];
	return s;
}

/* Numbers of blocks and threads are the same in both passes. */
static struct replay_script *compile(const struct options *o, int fd)
{
	struct trace_file *file = trace_open(o->file);
	struct plan plan = { .options = o };
	struct replay_script *script;
	struct trace_event event;

	while (trace_next(file, &event))
		;
	plan.process = choose_process(file, o);
	run_plan(&plan, file);
	script = make_script(&plan, fd);
	memset(plan.blocks.blocks, 0, plan.blocks.size *
					      sizeof(*plan.blocks.blocks));
	plan.blocks.nr = 0;
	plan.script = script;
	run_plan(&plan, file);
	printf("# %llu calls, %u thread%s, process %u of %s%s\n",
	       (unsigned long long)script->nr_ops, script->nr_threads,
	       script->nr_threads == 1 ? "" : "s", plan.process->pid, o->file,
	       o->touch ? ", memory touched" : "");
	free(plan.blocks.blocks);
	free(plan.turns);
	if (trace_close(file))
		exit(EXIT_FAILED);
	return script;
}

/* Running ------------------------------------------------------------------ */

static void run_worker(int fd, const struct allocator *a)
{
	char *option = xasprintf("--worker=%d", fd);

	if (a->preload && *a->preload)
		setenv("LD_PRELOAD", a->preload, 1);
	else if (a->preload)
		unsetenv("LD_PRELOAD");
	execl("/proc/self/exe", "kmm", "replay", option, (char *)NULL);
	error(EXIT_FAILED, errno, "cannot start");
}

static void run_round(struct replay_script *script, int fd,
		      struct allocator *a, unsigned int round)
{
	int status = 0;
	pid_t pid;

	script->preload[0] = '\0';
	if (a->preload)
		strcpy(script->preload, a->preload);
	script->ns = 0;
	fflush(NULL);
	pid = fork();
	if (!pid)
		run_worker(fd, a);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		error(EXIT_FAILED, errno, "cannot run");
	if (WIFSIGNALED(status))
		error(EXIT_FAILED, 0, "%s: killed: %s", a->name,
		      strsignal(WTERMSIG(status)));
	if (status || !script->ns)
		error(EXIT_FAILED, 0, "%s: failed", a->name);
	if (script->failed)
		error(0, 0, "%s: %llu allocations failed", a->name,
		      (unsigned long long)script->failed);
	a->ns[round] = (double)script->ns / (double)(script->nr_ops ?: 1);
	a->rss[round] = script->rss_peak > script->rss_before ?
		(double)(script->rss_peak - script->rss_before) / 1024 : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_results(struct options *o)
{
	struct allocator *a;

	printf("%-28s %9s %19s %14s\n", "allocator", "ns/call", "min to max",
	       "memory, MiB");
	for (a = o->allocators; a < o->allocators + o->nr_allocators; a++) {
		qsort(a->ns, o->rounds, sizeof(a->ns[0]), by_value);
		qsort(a->rss, o->rounds, sizeof(a->rss[0]), by_value);
		printf("%-28s %9.1f %8.1f to %7.1f %14.1f\n", a->name,
		       a->ns[o->rounds / 2], a->ns[0], a->ns[o->rounds - 1],
		       a->rss[o->rounds / 2]);
	}
}

static void add_own_allocator(struct options *o)
{
	const char *preload = getenv("LD_PRELOAD");

	o->allocators[0].name = preload && *preload ? base_name(preload) : "libc";
	o->nr_allocators = 1;
}

int cmd_replay(int argc, char **argv)
{
	static struct options options = { .rounds = 3 };
	struct replay_script *script;
	unsigned int i, round;
	int fd;

	parse_options(&argp, argc, argv, 0, &options);
	if (options.worker)
		return replay_work(options.worker);
	if (!options.nr_allocators)
		add_own_allocator(&options);
	fd = memfd_create("replay", 0);
	if (fd < 0)
		error(EXIT_FAILED, errno, "cannot make the script");
	script = compile(&options, fd);
	for (round = 0; round < options.rounds; round++)
		for (i = 0; i < options.nr_allocators; i++)
			run_round(script, fd, &options.allocators[i], round);
	print_results(&options);
	if (fflush(stdout))
		error(EXIT_FAILED, errno, "cannot write");
	return 0;
}
