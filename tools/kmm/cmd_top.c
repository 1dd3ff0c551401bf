// SPDX-License-Identifier: MIT
/*
 * kmm top: slabtop for a process, with its pages.
 *
 *	lines_of()	a view as lines of text: head, and a row for each cache
 *	draw()		as many of them as the screen has room for
 *	watch()		draw, wait for a key, the time or the end, and again
 *
 * The columns and keys are slabtop's. A process that ends leaves the screen as
 * it was before, a message, and status EXIT_ENDED.
 *
 * Source: slabtop(1).
 */
#include <ctype.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmm.h"
#include "residency.h"
#include "view_command.h"

struct row {
	const struct view_cache *c;
	const char *name;
	uint64_t objects, active, use, size, slabs, objects_per_slab;
	uint64_t pages_per_slab, bytes;
};

/* Sorting ------------------------------------------------------------------ */

struct sort_key {
	char key;
	const char *name;
	size_t field;		/* offset in struct row; 0: the name */
};

static const struct sort_key sort_keys[] = {
	{ 'a', "active objects", offsetof(struct row, active) },
	{ 'b', "objects per slab", offsetof(struct row, objects_per_slab) },
	{ 'c', "cache size", offsetof(struct row, bytes) },
	{ 'l', "slabs", offsetof(struct row, slabs) },
	/* As slabinfo has them, all slabs are active. */
	{ 'v', "active slabs", offsetof(struct row, slabs) },
	{ 'n', "name", 0 },
	{ 'o', "objects", offsetof(struct row, objects) },
	{ 'p', "pages per slab", offsetof(struct row, pages_per_slab) },
	{ 's', "object size", offsetof(struct row, size) },
	{ 'u', "use", offsetof(struct row, use) },
};

static const struct sort_key *find_key(int key)
{
	size_t i;

	for (i = 0; i < sizeof(sort_keys) / sizeof(sort_keys[0]); i++)
		if (sort_keys[i].key == tolower(key))
			return &sort_keys[i];
	return NULL;
}

static int compare_rows(const void *a, const void *b, void *key)
{
	const struct sort_key *by = key;
	const struct row *x = a, *y = b;
	uint64_t m, n;

	if (by->field) {
		memcpy(&m, (const char *)x + by->field, sizeof(m));
		memcpy(&n, (const char *)y + by->field, sizeof(n));
		if (m != n)
			return m > n ? -1 : 1;
	}
	return strcmp(x->name, y->name);
}

/* Rows and lines ----------------------------------------------------------- */

static struct row *rows_of(const struct view *v, const struct sort_key *by)
{
	struct row *rows = xcalloc(v->nr_caches, sizeof(*rows)), *r;
	const struct view_cache *c;
	size_t i;

	for (i = 0; i < v->nr_caches; i++) {
		c = &v->caches[i];
		r = &rows[i];
		r->c = c;
		r->name = c->name;
		r->objects = c->s.node.nr_objects;
		r->active = view_active(c);
		r->use = r->objects ? r->active * 100 / r->objects : 0;
		r->size = c->s.size;
		r->slabs = c->s.node.nr_slabs;
		r->objects_per_slab = c->s.objects;
		r->pages_per_slab = 1ul << c->s.order;
		r->bytes = (uint64_t)c->s.node.nr_pages << v->page_shift;
	}
	qsort_r(rows, v->nr_caches, sizeof(*rows), compare_rows, (void *)by);
	return rows;
}

struct lines {
	char **text;
	size_t nr, max;
	size_t heading;		/* number of the line of column names */
};

static void add_line(struct lines *l, char *text)
{
	if (l->nr == l->max) {
		l->max = l->max ? 2 * l->max : 64;
		l->text = xrealloc(l->text, l->max * sizeof(*l->text));
	}
	l->text[l->nr++] = text;
}

static void free_lines(struct lines *l)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		free(l->text[i]);
	free(l->text);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

struct totals {
	uint64_t objects, active, slabs, caches, used_caches, bytes;
	uint64_t active_bytes, min, max;
};

static struct totals sum_up(const struct row *rows, size_t nr)
{
	struct totals t = { .min = UINT64_MAX };
	const struct row *r;

	for (r = rows; r < rows + nr; r++) {
		t.objects += r->objects;
		t.active += r->active;
		t.slabs += r->slabs;
		t.caches++;
		t.used_caches += r->active != 0;
		t.bytes += r->bytes;
		t.active_bytes += r->active * r->size;
		t.min = r->size < t.min ? r->size : t.min;
		t.max = r->size > t.max ? r->size : t.max;
	}
	if (!nr)
		t.min = 0;
	return t;
}

static void add_head(struct lines *l, const struct row *rows, size_t nr)
{
	struct totals t = sum_up(rows, nr);

	add_line(l, xasprintf(" Active / Total Objects (%% used)    : %lu / %lu (%.1f%%)",
			      t.active, t.objects,
			      percent(t.active, t.objects)));
	add_line(l, xasprintf(" Active / Total Slabs (%% used)      : %lu / %lu (%.1f%%)",
			      t.slabs, t.slabs, percent(t.slabs, t.slabs)));
	add_line(l, xasprintf(" Active / Total Caches (%% used)     : %lu / %lu (%.1f%%)",
			      t.used_caches, t.caches,
			      percent(t.used_caches, t.caches)));
	add_line(l, xasprintf(" Active / Total Size (%% used)       : %.2fK / %.2fK (%.1f%%)",
			      (double)t.active_bytes / 1024,
			      (double)t.bytes / 1024,
			      percent(t.active_bytes, t.bytes)));
	add_line(l, xasprintf(" Minimum / Average / Maximum Object : %.2fK / %.2fK / %.2fK",
			      (double)t.min / 1024,
			      t.active ? (double)t.active_bytes / 1024 /
						 (double)t.active : 0,
			      (double)t.max / 1024));
}

static void add_memory(struct lines *l, struct view *v)
{
	struct view_memory m;
	uint64_t rss = 0;

	view_memory(v, &m);
	if (remote_pid(v->remote))
		rss = residency_rss(v->remote);
	add_line(l, xasprintf(" Memory: %luK online, %luK free, %luK page lists, %luK slabs, %luK vmalloc, %luK RSS",
			      m.total >> 10, m.free >> 10, m.pcp >> 10,
			      (m.slab_reclaimable + m.slab_unreclaimable) >> 10,
			      m.vmalloc >> 10, rss >> 10));
}

static void add_buddies(struct lines *l, const struct view *v)
{
	const struct view_zone *zone;
	char text[16 * NR_PAGE_ORDERS];
	unsigned int order;
	size_t len;

	for (zone = v->zones; zone < v->zones + MAX_NR_ZONES; zone++) {
		if (!zone->z.managed_pages)
			continue;
		for (order = 0, len = 0; order < NR_PAGE_ORDERS; order++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						" %6u",
						(u32)zone->z.free_area[order]
							.nr_free);
		add_line(l, xasprintf(" Buddy: %8s%s", zone->name, text));
	}
}

static void lines_of(struct lines *l, struct view *v, const struct sort_key *by)
{
	struct row *rows = rows_of(v, by), *r;
	size_t i;
	char *c;

	add_head(l, rows, v->nr_caches);
	add_memory(l, v);
	add_buddies(l, v);
	add_line(l, xasprintf(" %s, sorted by %s", remote_name(v->remote),
			      by->name));
	l->heading = l->nr;
	add_line(l, xasprintf("%6s %6s %4s %8s %6s %8s %10s %s", "OBJS",
			      "ACTIVE", "USE", "OBJ SIZE", "SLABS", "OBJ/SLAB",
			      "CACHE SIZE", "NAME"));
	for (i = 0; i < v->nr_caches; i++) {
		r = &rows[i];
		add_line(l, xasprintf("%6lu %6lu %3lu%% %7.2fK %6lu %8lu %9luK %s",
				      r->objects, r->active, r->use,
				      (double)r->size / 1024, r->slabs,
				      r->objects_per_slab, r->bytes >> 10,
				      r->name));
		/* A name may be anything; the screen must not follow it. */
		for (c = l->text[l->nr - 1]; *c; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
	}
	free(rows);
}

/* Once --------------------------------------------------------------------- */

static void show_table(struct view *v, struct output *o,
		       const struct sort_key *by)
{
	static const struct output_column columns[] = {
		{ "name", OUTPUT_STRING },
		{ "objects", OUTPUT_NUMBER },
		{ "active", OUTPUT_NUMBER },
		{ "use_percent", OUTPUT_NUMBER },
		{ "size_bytes", OUTPUT_NUMBER },
		{ "slabs", OUTPUT_NUMBER },
		{ "objects_per_slab", OUTPUT_NUMBER },
		{ "bytes", OUTPUT_NUMBER },
	};
	struct row *rows = rows_of(v, by);
	size_t i;

	output_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < v->nr_caches; i++) {
		output_string(o, rows[i].name);
		output_number(o, rows[i].objects);
		output_number(o, rows[i].active);
		output_number(o, rows[i].use);
		output_number(o, rows[i].size);
		output_number(o, rows[i].slabs);
		output_number(o, rows[i].objects_per_slab);
		output_number(o, rows[i].bytes);
	}
	free(rows);
}

static void show_once(struct remote *remote, struct output *o,
		      const struct sort_key *by)
{
	struct view *v = view_read(remote, VIEW_COUNTERS);
	struct lines l = { 0 };
	size_t i;

	output_begin(o, "top", remote);
	if (o->format == OUTPUT_TEXT) {
		lines_of(&l, v, by);
		for (i = 0; i < l.nr; i++)
			fprintf(o->out, "%s\n", l.text[i]);
		free_lines(&l);
	} else {
		show_table(v, o, by);
	}
	output_end(o);
	view_free(v);
}

/* On the screen ------------------------------------------------------------ */

static void draw(struct remote *remote, const struct sort_key *by)
{
	struct view *v = view_read(remote, VIEW_COUNTERS);
	struct lines l = { 0 };
	int i;

	lines_of(&l, v, by);
	erase();
	for (i = 0; i < LINES && (size_t)i < l.nr; i++) {
		if ((size_t)i == l.heading)
			attron(A_REVERSE);
		mvaddnstr(i, 0, l.text[i], COLS);
		if ((size_t)i == l.heading) {
			hline(' ', COLS);
			attroff(A_REVERSE);
		}
	}
	refresh();
	free_lines(&l);
	view_free(v);
}

/* What error() calls in front of its message, which is for the other screen. */
static void leave_screen(void)
{
	endwin();
	fprintf(stderr, "%s: ", program_invocation_name);
}

/* A key, or ERR when the time is over. A change of size is KEY_RESIZE. */
static int wait_key(struct remote *remote, int pidfd, double seconds)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};
	int key = getch();

	if (key != ERR)
		return key;
	poll(fds, 2, (int)(seconds * 1000));
	if (fds[1].revents)
		remote_ended(remote);
	key = getch();
	/* Of a terminal that has gone, there is always the end to be read. */
	if (key == ERR && fds[0].revents & (POLLHUP | POLLERR))
		return 'q';
	return key;
}

static void watch(struct remote *remote, double delay,
		  const struct sort_key *by)
{
	int key, pidfd;

	pidfd = (int)syscall(SYS_pidfd_open, remote_pid(remote), 0);
	setlocale(LC_CTYPE, "");
	initscr();
	error_print_progname = leave_screen;
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, true);
	nodelay(stdscr, true);
	do {
		draw(remote, by);
		key = wait_key(remote, pidfd, delay);
		if (find_key(key))
			by = find_key(key);
	} while (tolower(key) != 'q');
	endwin();
	close(pidfd);
}

/* The command -------------------------------------------------------------- */

struct options {
	struct output output;
	double delay;
	bool once;
	const struct sort_key *by;
};

enum { OPT_ONCE = 256 };

static const struct argp_option top_options[] = {
	{ "delay", 'd', "SEC", 0, "Seconds between updates (default 3)", 0 },
	{ "once", OPT_ONCE, NULL, 0, "Print it once, as text", 0 },
	{ "output", 'o', "FORMAT", 0,
	  "Print the caches once: text, json or csv", 0 },
	{ "sort", 's', "KEY", 0, "What to sort by, a key as below", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'd':
		options->delay = parse_seconds(arg);
		return 0;
	case OPT_ONCE:
		options->once = true;
		return 0;
	case 'o':
		options->output.format = output_format(arg);
		options->once = true;
		return 0;
	case 's':
		options->by = arg[0] && !arg[1] ? find_key(arg[0]) : NULL;
		if (!options->by)
			error(EXIT_USAGE, 0, "'%s' is no key to sort by", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp top_argp = {
	.options = top_options,
	.parser = parse,
	.args_doc = "PID",
	.doc = "Shows the caches of a process, its free blocks by order, and its "
	       "memory, again and again.\v"
	       "Keys sort by: a active objects, b objects per slab, c cache "
	       "size, l slabs, v active slabs, n name, o objects (default), p "
	       "pages per slab, s object size, u use. Space updates at once, q "
	       "quits.",
};

int cmd_top(int argc, char **argv)
{
	struct options options = {
		.output = { .out = stdout },
		.delay = 3,
		.by = find_key('o'),
	};
	int next = parse_options(&top_argp, argc, argv, 0, &options);
	struct remote *remote;

	if (next != argc - 1)
		error(EXIT_USAGE, 0, "needs one process number");
	remote = remote_open(argv[next]);
	remote_find_heap(remote);
	if (!remote_pid(remote) && !options.once)
		error(EXIT_USAGE, 0, "%s is a core: it takes --once",
		      argv[next]);
	if (options.once) {
		show_once(remote, &options.output, options.by);
	} else {
		if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
			error(EXIT_USAGE, 0,
			      "needs a terminal; --once does without");
		remote_may_end(remote, EXIT_ENDED);
		watch(remote, options.delay, options.by);
	}
	remote_close(remote);
	return 0;
}
