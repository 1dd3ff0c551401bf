// SPDX-License-Identifier: MIT
/*
 * kmm run --leaks, --live: look at what the program has not freed, when it ends.
 *
 *	program					kmm
 *	  exit() ... last destructor
 *	  "L" to leak_fd  --------------------> stop it, read it, let it go on
 *	  wait			      <-------- an answer
 *	  end of the process			print
 *
 * Only the process that kmm started waits at its end: it is told its number, and
 * its children see that it is not theirs. One that is killed, or ends by
 * _exit(), has nothing said about it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmemleak.h"
#include "kmm.h"
#include "leaks.h"
#include "run.h"

struct watcher {
	bool leaks, live;
	struct suppression *suppressions;
	int socket[2];		/* ours, the program's */
	pthread_t thread;
	bool running;
	unsigned int nr_stacks;
	bool searched;
	size_t nr_lost;
	struct run *run;
};

static struct watcher watcher;

static void look(struct watcher *w, const struct kmemleak_end *end)
{
	char *target = xasprintf("%d", end->pid);
	struct leaks_options options = {
		.out = w->run->report,
		.max_stacks = w->nr_stacks,
		.suppressions = w->suppressions,
	};
	struct remote *remote = remote_open(target);
	size_t nr = 0;

	remote_find_heap_at(remote, end->anchor);
	/* Stopped threads are children's states that wait_for() would take. */
	pthread_mutex_lock(&w->run->waiting);
	if (w->live) {
		options.live = true;
		w->searched |= leaks_report(remote, &options, &nr);
	}
	if (w->leaks) {
		options.live = false;
		w->searched |= leaks_report(remote, &options, &nr);
		w->nr_lost += nr;
	}
	pthread_mutex_unlock(&w->run->waiting);
	remote_close(remote);
	free(target);
}

static void *wait_for_end(void *arg)
{
	struct watcher *w = arg;
	struct kmemleak_end end;

	while (recv(w->socket[0], &end, sizeof(end), 0) == sizeof(end)) {
		look(w, &end);
		if (send(w->socket[0], "", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	return NULL;
}

/* In the program, before it is executed. */
static void tell_program(struct run *run, void *data)
{
	struct watcher *w = data;
	char *words = xasprintf("leak_fd=%d leak_pid=%d", w->socket[1],
				getpid());

	fcntl(w->socket[1], F_SETFD, 0);
	run_add_words(run, words);
}

static void started(struct run *run, void *data)
{
	struct watcher *w = data;

	w->run = run;
	close(w->socket[1]);
	errno = pthread_create(&w->thread, NULL, wait_for_end, w);
	w->running = !errno;
	if (w->running)
		return;
	/* Nobody would answer the program, which waits for that at its end. */
	error(0, errno, "cannot watch for the end of the program");
	shutdown(w->socket[0], SHUT_RDWR);
}

static void ended(struct run *run, struct run_result *result, void *data)
{
	struct watcher *w = data;

	(void)run;
	/* Descendants of the program may hold its end of the socket. */
	shutdown(w->socket[0], SHUT_RDWR);
	if (w->running)
		pthread_join(w->thread, NULL);
	close(w->socket[0]);
	result->nr_bugs += w->nr_lost != 0;
	if (!w->searched && result->pid)
		error(0, 0,
		      "not searched: the program allocated nothing, did not end by exit(), or closed its descriptors");
	w->searched = false;
	w->nr_lost = 0;
}

static void before(struct run *run, void *data)
{
	struct watcher *w = data;

	/* Who is checked as well has the stacks by that. */
	if (!strstr(run->words, "slab_debug=") &&
	    !strstr(getenv("KMM_CMDLINE") ?: "", "slab_debug"))
		run_add_words(run, "slab_debug=U");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->socket))
		error(EXIT_FAILED, errno, "cannot make a socket");
	/* Out of the way of what the program opens. */
	w->socket[1] = run_move_fd(w->socket[1]);
}

static void watch(struct run *run)
{
	if (watcher.leaks || watcher.live)
		return;
	watcher.nr_stacks = 20;
	run_add_words(run, "page_owner kmemleak");
	run_at_start(run, (struct run_start){ .before = before,
					      .in_program = tell_program,
					      .started = started,
					      .data = &watcher });
	run_at_exit(run, ended, &watcher);
}

static void set_leaks(struct run *run, const char *arg)
{
	(void)arg;
	watch(run);
	watcher.leaks = true;
}

static void set_live(struct run *run, const char *arg)
{
	(void)arg;
	watch(run);
	watcher.live = true;
}

/* All options have been read. */
static void check_searched(struct run *run, void *data)
{
	const struct watcher *w = data;

	(void)run;
	if (!w->leaks)
		error(EXIT_USAGE, 0, "--suppressions is for --leaks");
}

static void set_suppressions(struct run *run, const char *arg)
{
	run_at_start(run, (struct run_start){ .before = check_searched,
					      .data = &watcher });
	suppressions_read(&watcher.suppressions, arg);
}

const struct run_option run_leaks = {
	.name = "leaks",
	.help = "At exit, list the blocks that nothing points to any more",
	.set = set_leaks,
};

const struct run_option run_live = {
	.name = "live",
	.help = "At exit, list all that is still allocated",
	.set = set_live,
};

const struct run_option run_suppressions = {
	.name = "suppressions",
	.arg = "FILE",
	.help = "With --leaks: do not report stacks that match a line leak:PATTERN of FILE",
	.set = set_suppressions,
};
