// SPDX-License-Identifier: MIT
/*
 * A lesson of the lab: lines come from a person or a script, a machine does
 * what they say, and the lines that made sense are kept:
 *
 *	lines	strategy first-fit 100 | alloc 16 | alloc 16 | free A | free B
 *							     ^ done
 *
 * `back' moves the mark to the left, starts another machine, and gives it the
 * lines before the mark again without showing what it answers. What is behind
 * the mark can be done again by `forward', until another command takes its
 * place.
 *
 * A machine that dies (the library aborts on proven corruption) is treated
 * alike: the line that killed it is not kept.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kmm/kmm.h"
#include "lab.h"

struct machine {
	pid_t pid;
	FILE *in, *out;		/* of the machine */
};

struct lesson {
	const struct lab_options *options;
	struct machine machine;
	char **lines;
	unsigned int nr, done;
	bool quiet;		/* throw away what the machine answers */
	FILE *out;
	unsigned int depth;	/* of scripts that run scripts */
	bool failed;
	/* If JSON is wanted: the machine's last answer; and the file that reports
	 * go to, how much of it is known, and what the last line added. */
	char *state, *report;
	size_t state_size;
	FILE *reports;
	off_t reported;
};

#define MAX_DEPTH 8
#define REPORT_SIZE 8192

/* Machines ----------------------------------------------------------------- */

static void machine_start(struct lesson *s)
{
	struct machine *m = &s->machine;
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		error(EXIT_FAILED, errno, "cannot make a pipe");
	fflush(NULL);
	m->pid = fork();
	if (m->pid < 0)
		error(EXIT_FAILED, errno, "cannot start a process");
	if (!m->pid) {
		/* The library's reports are a part of the answer. Nothing else
		 * of this process is the machine's, least of all sockets. */
		dup2(s->reports ? fileno(s->reports) : from[1], 2);
		dup2(to[0], 0);
		dup2(from[1], 1);
		close_range(3, ~0u, 0);
		machine_serve(fdopen(0, "r"), fdopen(1, "w"), s->options);
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	m->in = fdopen(to[1], "w");
	m->out = fdopen(from[0], "r");
}

static void machine_stop(struct lesson *s)
{
	struct machine *m = &s->machine;
	int status;

	fclose(m->in);
	fclose(m->out);
	kill(m->pid, SIGKILL);
	waitpid(m->pid, &status, 0);
}

/* What is new in the file of reports. */
static void read_report(struct lesson *s)
{
	char *text = xcalloc(1, REPORT_SIZE);
	ssize_t len = pread(fileno(s->reports), text, REPORT_SIZE - 1,
			    s->reported);

	s->reported = lseek(fileno(s->reports), 0, SEEK_END);
	if (len > 0 && !s->quiet) {
		free(s->report);
		s->report = text;
	} else {
		free(text);
	}
}

/* One line; its answer goes to the lesson's output. False if it made no sense,
 * or was the machine's last. */
static bool machine_do(struct lesson *s, const char *line, bool *dead)
{
	struct machine *m = &s->machine;
	int c;

	fprintf(m->in, "%s\n", line);
	fflush(m->in);
	while ((c = getc(m->out)) != EOF && c)
		if (!s->quiet)
			putc(c, s->out);
	if (c != EOF && s->options->json &&
	    getdelim(&s->state, &s->state_size, '\0', m->out) < 0)
		c = EOF;
	if (s->reports)
		read_report(s);
	*dead = c == EOF;
	return !*dead && getc(m->out) == LAB_OK;
}

/* The state after the lines before the mark, from the last `strategy' on. */
static void replay(struct lesson *s)
{
	bool quiet = s->quiet, dead;
	unsigned int i = s->done;

	machine_stop(s);
	machine_start(s);
	s->quiet = true;
	while (i > 0 && strncmp(s->lines[i - 1], "strategy", 8))
		i--;
	for (i = i ? i - 1 : 0; i < s->done; i++)
		machine_do(s, s->lines[i], &dead);
	s->quiet = quiet;
}

/* Commands of the lesson -------------------------------------------------- */

static void keep(struct lesson *s, const char *line)
{
	while (s->nr > s->done)
		free(s->lines[--s->nr]);
	s->lines = xrealloc(s->lines, (s->nr + 1) * sizeof(s->lines[0]));
	s->lines[s->nr++] = xstrdup(line);
	s->done = s->nr;
}

static unsigned int steps(const char *argument)
{
	unsigned long n = *argument ? strtoul(argument, NULL, 10) : 1;

	return n > 100000 ? 100000 : (unsigned int)n;
}

static bool command_back(struct lesson *s, const char *argument)
{
	unsigned int n = steps(argument);
	bool dead;

	/* The first line says which allocator; without, there is no state. */
	if (s->done <= 1) {
		fprintf(s->out, "  this is the beginning\n");
		return false;
	}
	s->done = n < s->done ? s->done - n : 1;
	replay(s);
	fprintf(s->out, "  after: %s\n", s->lines[s->done - 1]);
	machine_do(s, "show", &dead);
	return true;
}

static bool command_forward(struct lesson *s, const char *argument)
{
	unsigned int n = steps(argument);
	bool dead;

	if (s->done == s->nr) {
		fprintf(s->out, "  there is nothing to redo\n");
		return false;
	}
	for (; n && s->done < s->nr; n--) {
		const char *line = s->lines[s->done++];

		fprintf(s->out, "  again: %s\n", line);
		if (!strncmp(line, "strategy", 8))
			replay(s);
		else
			machine_do(s, line, &dead);
	}
	return true;
}

static bool command_save(struct lesson *s, const char *path)
{
	FILE *f = fopen(path, "w");
	unsigned int i;

	if (!f) {
		fprintf(s->out, "  cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	for (i = 0; i < s->done; i++)
		fprintf(f, "%s\n", s->lines[i]);
	if (fclose(f)) {
		fprintf(s->out, "  cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	fprintf(s->out, "  %s in %s\n", lab_count(s->done, "command"), path);
	return true;
}

static bool is_file(const char *path)
{
	return access(path, R_OK) == 0;
}

char *lab_find(const char *kind, const char *name)
{
	static const char *const places[] = { "lab", "../share/kmm/lab" };
	char self[4096], *path;
	ssize_t len;
	size_t i;

	if (is_file(name) || strchr(name, '/'))
		return xstrdup(name);
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len < 0 ? 0 : len] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		path = xasprintf("%s/%s/%s/%s%s", self, places[i], kind, name,
				 !strcmp(kind, "scripts") ? ".lab" : ".trace");
		if (is_file(path))
			return path;
		free(path);
	}
	return xstrdup(name);
}

static FILE *open_script(struct lesson *s, const char *name)
{
	char *path = lab_find("scripts", name);
	FILE *f = fopen(path, "r");

	if (!f)
		fprintf(s->out, "  cannot read %s: %s\n", path, strerror(errno));
	free(path);
	return f;
}

/* A transcript has its commands behind "> ", and a script has nothing else. */
static bool is_transcript(FILE *f)
{
	char *line = NULL;
	bool found = false;
	size_t size = 0;

	while (!found && getline(&line, &size, f) >= 0)
		found = !strncmp(line, "> ", 2);
	free(line);
	rewind(f);
	return found;
}

static void run_lines(struct lesson *s, FILE *f)
{
	bool transcript = is_transcript(f);
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!transcript)
			lesson_line(s, line);
		else if (!strncmp(line, "> ", 2))
			lesson_line(s, line + 2);
	}
	free(line);
}

static bool command_run(struct lesson *s, const char *name)
{
	FILE *f;

	if (s->depth == MAX_DEPTH) {
		fprintf(s->out, "  scripts run each other too deep\n");
		return false;
	}
	f = open_script(s, name);
	if (!f)
		return false;
	s->depth++;
	run_lines(s, f);
	s->depth--;
	fclose(f);
	return true;
}

static bool command_check(struct lesson *s, const char *name)
{
	bool ok;

	fflush(s->out);
	ok = !lab_check(s->options, name);
	return ok;
}

/* Lines -------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool (*run)(struct lesson *s, const char *argument);
	bool needs_argument;
} commands[] = {
	{ "back", command_back, false },
	{ "forward", command_forward, false },
	{ "save", command_save, true },
	{ "run", command_run, true },
	{ "check", command_check, true },
};

/* Done by the lesson itself? Then *@ok says how it went. */
static bool lesson_command(struct lesson *s, const char *word,
			   const char *argument, bool *ok)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word))
			continue;
		*ok = false;
		if (commands[i].needs_argument && !*argument)
			fprintf(s->out, "  %s needs a file\n", word);
		else
			*ok = commands[i].run(s, argument);
		return true;
	}
	return false;
}

static bool changes(const char *word, const char *argument)
{
	if (!strcmp(word, "strategy"))
		return *argument;
	return strcmp(word, "show") && strcmp(word, "help") &&
	       strcmp(word, "picture");
}

/* The first word, and the rest without blanks at its end; false: there is
 * none, but perhaps a comment. */
static bool cut_line(const char *line, char word[32], char argument[512])
{
	*word = *argument = '\0';
	if (sscanf(line, "%31s %511[^#\n]", word, argument) < 1 || *word == '#')
		return false;
	while (*argument && strchr(" \t", argument[strlen(argument) - 1]))
		argument[strlen(argument) - 1] = '\0';
	return true;
}

bool lesson_keeps(const char *line)
{
	char word[32], argument[512];
	size_t i;

	if (!cut_line(line, word, argument))
		return false;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, word))
			return false;
	return changes(word, argument);
}

static bool machine_line(struct lesson *s, const char *line, const char *word,
			 const char *argument)
{
	bool dead, ok;

	/* Another beginning: what was allocated before does not matter. */
	if (!strcmp(word, "strategy") && *argument) {
		machine_stop(s);
		machine_start(s);
	}
	ok = machine_do(s, line, &dead);
	if (ok && changes(word, argument))
		keep(s, line);
	if (dead) {
		fprintf(s->out, "  The allocator stopped the machine. It is as it was before this command.\n");
		replay(s);
	} else if (!ok && !strcmp(word, "strategy")) {
		replay(s);
	}
	return ok;
}

/* The state is not what the last answer says: what failed was undone. */
static void look_again(struct lesson *s)
{
	bool quiet = s->quiet, dead;

	s->quiet = true;
	machine_do(s, "show", &dead);
	s->quiet = quiet;
}

const char *lesson_state(const struct lesson *s)
{
	return s->state;
}

const char *lesson_report(const struct lesson *s)
{
	return s->report ? s->report : "";
}

/* Echoed unless a person has typed it; a wrong line is remembered, for the exit
 * status of a script. */
bool lesson_line(struct lesson *s, const char *line)
{
	char word[32], argument[512];
	bool ok = true;

	free(s->report);
	s->report = NULL;
	if (!cut_line(line, word, argument)) {
		if (s->depth && *word == '#' && !s->quiet)
			fprintf(s->out, "%s\n", line);
		return true;
	}
	if (s->depth)
		fprintf(s->out, "> %s\n", line);
	if (!lesson_command(s, word, argument, &ok))
		ok = machine_line(s, line, word, argument);
	if (!ok && s->options->json)
		look_again(s);
	fflush(s->out);
	s->failed |= !ok;
	return ok;
}

struct lesson *lesson_new(const struct lab_options *options, FILE *out)
{
	struct lesson *s = xcalloc(1, sizeof(*s));
	char *first = xasprintf("strategy %s", options->strategy);

	signal(SIGPIPE, SIG_IGN);
	s->options = options;
	s->out = out;
	if (options->json) {
		s->reports = tmpfile();
		if (!s->reports)
			error(EXIT_FAILED, errno, "cannot make a file");
	}
	machine_start(s);
	/* Silent: a script that says another one does not want to see it. */
	s->quiet = true;
	lesson_line(s, first);
	s->quiet = false;
	if (s->failed) {
		s->out = stderr;
		lesson_line(s, first);
		exit(EXIT_USAGE);
	}
	free(first);
	return s;
}

void lesson_destroy(struct lesson *s)
{
	machine_stop(s);
	while (s->nr)
		free(s->lines[--s->nr]);
	free(s->lines);
	if (s->reports)
		fclose(s->reports);
	free(s->state);
	free(s->report);
	free(s);
}

static void talk(struct lesson *s, FILE *in)
{
	char *line = NULL;
	size_t size = 0;

	lesson_line(s, "show");
	for (;;) {
		fputs("lab> ", s->out);
		fflush(s->out);
		if (getline(&line, &size, in) < 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "quit") || !strcmp(line, "exit"))
			break;
		lesson_line(s, line);
	}
	free(line);
}

int lab_lesson(const struct lab_options *options, FILE *in, bool interactive)
{
	struct lesson *s = lesson_new(options, stdout);
	char *line = NULL;
	size_t size = 0;
	int status = 0;

	if (interactive) {
		talk(s, in);
	} else {
		s->depth = 1;
		while (getline(&line, &size, in) >= 0) {
			line[strcspn(line, "\n")] = '\0';
			if (!strcmp(line, "quit"))
				break;
			lesson_line(s, line);
		}
		free(line);
		status = s->failed ? EXIT_FAILED : 0;
	}
	lesson_destroy(s);
	return status;
}

/* Checking ----------------------------------------------------------------- */

/*
 * What may differ though the answer is right: the line numbers of a source that
 * has been changed, and addresses in reports of the library.
 */
static char *masked(const char *line)
{
	char *text = xstrdup(line), *from = text, *to = text;

	while (*from) {
		*to++ = *from++;
		if (to - text >= 3 && !strncmp(to - 3, ".c:", 3))
			from += strspn(from, "0123456789");
		else if (to - text >= 2 && !strncmp(to - 2, "0x", 2))
			from += strspn(from, "0123456789abcdef");
	}
	while (to > text && strchr(" \t\n", to[-1]))
		to--;
	*to = '\0';
	return text;
}

static bool same_line(const char *want, const char *have)
{
	char *a = masked(want), *b = masked(have);
	bool same = !strcmp(a, b);

	free(a);
	free(b);
	return same;
}

static int compare_texts(const char *path, FILE *want, FILE *have)
{
	char *a = NULL, *b = NULL, command[256] = "";
	size_t size_a = 0, size_b = 0;
	unsigned int line = 0;
	int status = 0;

	for (;;) {
		bool more_a = getline(&a, &size_a, want) >= 0;
		bool more_b = getline(&b, &size_b, have) >= 0;

		line++;
		if (!more_a && !more_b)
			break;
		if (more_a && !strncmp(a, "> ", 2))
			snprintf(command, sizeof(command), "%.*s",
				 (int)strcspn(a, "\n"), a);
		if (more_a && more_b && same_line(a, b))
			continue;
		printf("  %s:%u: not as expected, after '%s'\n", path, line,
		       command);
		printf("    expected: %s%s", more_a ? a : "the end\n",
		       more_a && !strchr(a, '\n') ? "\n" : "");
		printf("    it is:    %s", more_b ? b : "the end\n");
		status = EXIT_FAILED;
		break;
	}
	free(a);
	free(b);
	return status;
}

/* All that stands in a transcript is answers and their commands. */
int lab_check(const struct lab_options *options, const char *path)
{
	FILE *want = fopen(path, "r"), *have;
	struct lab_options plain = *options;
	struct lesson *s;
	int status;

	if (!want) {
		printf("  cannot read %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	if (!is_transcript(want)) {
		printf("  %s has no line that begins with \"> \"\n", path);
		fclose(want);
		return EXIT_FAILED;
	}
	have = tmpfile();
	if (!have)
		error(EXIT_FAILED, errno, "cannot make a file");
	plain.colour = false;
	s = lesson_new(&plain, have);
	s->depth = 1;
	while (1) {
		char *line = NULL;
		size_t size = 0;

		if (getline(&line, &size, want) < 0) {
			free(line);
			break;
		}
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "> ", 2))
			lesson_line(s, line + 2);
		else if (*line == '#')
			lesson_line(s, line);
		free(line);
	}
	lesson_destroy(s);
	rewind(want);
	rewind(have);
	status = compare_texts(path, want, have);
	fclose(want);
	fclose(have);
	if (!status)
		printf("  %s: as expected\n", path);
	return status;
}
