// SPDX-License-Identifier: MIT
/*
 * From a command line to views, one or one after the other.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmm.h"
#include "view_command.h"

struct options {
	struct output output;
	double watch;		/* seconds; 0: once */
};

enum { OPT_WATCH = 256 };

static const struct argp_option format_options[] = {
	{ "output", 'o', "FORMAT", 0, "text (default), json or csv", 0 },
	{ 0 }
};

static const struct argp_option watch_options[] = {
	{ "watch", OPT_WATCH, "SEC", 0,
	  "Repeat every SEC seconds, until the process ends", 0 },
	{ 0 }
};

double parse_seconds(const char *arg)
{
	char *end;
	double seconds = strtod(arg, &end);

	if (end == arg || *end || !(seconds >= 0.01 && seconds <= 1e6))
		error(EXIT_USAGE, 0, "'%s' is no number of seconds", arg);
	return seconds;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'o':
		options->output.format = output_format(arg);
		return 0;
	case OPT_WATCH:
		options->watch = parse_seconds(arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Hands the input on to the children. */
static error_t parse_root(int key, char *arg, struct argp_state *state)
{
	int i;

	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	for (i = 0; state->root_argp->children[i].argp; i++)
		state->child_inputs[i] = state->input;
	return 0;
}

void view_wait(struct remote *remote, double seconds)
{
	struct pollfd fd = { .events = POLLIN };

	fd.fd = (int)syscall(SYS_pidfd_open, remote_pid(remote), 0);
	if (fd.fd < 0 && errno == ESRCH)
		remote_ended(remote);
	/* Without pidfds, and with a descriptor of -1, it only waits. */
	if (poll(&fd, 1, (int)(seconds * 1000)) > 0)
		remote_ended(remote);
	if (fd.fd >= 0)
		close(fd.fd);
}

static void show_once(const struct view_command *command,
		      struct remote *remote, struct output *o, char **operands)
{
	struct view *v = view_read(remote, command->parts);

	output_begin(o, command->report, remote);
	command->show(v, o, operands);
	output_end(o);
	view_free(v);
}

int view_main(const struct view_command *command, int argc, char **argv)
{
	static const struct argp format_argp = { format_options, parse, 0, 0, 0,
						 0, 0 };
	static const struct argp watch_argp = { watch_options, parse, 0, 0, 0,
						0, 0 };
	const struct argp_child children[] = {
		{ &watch_argp, 0, NULL, 0 },
		{ command->one_format ? NULL : &format_argp, 0, NULL, 0 },
		{ 0 }
	};
	const struct argp argp = {
		.parser = parse_root,
		.args_doc = command->args_doc,
		.doc = command->doc,
		.children = children,
	};
	struct options options = { .output = { .out = stdout } };
	int next = parse_options(&argp, argc, argv, 0, &options);
	struct remote *remote;

	if (next == argc || (command->operands ? next + 1 == argc :
						 next + 1 != argc))
		error(EXIT_USAGE, 0, "needs %s", command->args_doc);
	remote = remote_open(argv[next]);
	if (!remote_pid(remote) && (command->process_only || options.watch > 0))
		error(EXIT_USAGE, 0, "%s is a core: %s", argv[next],
		      command->process_only ? "it does not say what is resident" :
					      "it does not change");
	remote_find_heap(remote);
	if (options.watch > 0) {
		options.output.repeated = true;
		remote_may_end(remote, EXIT_ENDED);
	}
	for (;;) {
		show_once(command, remote, &options.output, argv + next + 1);
		if (!(options.watch > 0))
			break;
		view_wait(remote, options.watch);
	}
	remote_close(remote);
	return 0;
}
