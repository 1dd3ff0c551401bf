// SPDX-License-Identifier: MIT
/*
 * A lesson with all its states, see session.h.
 *
 * To go on behind an entry is to do all up to there again, in another lesson:
 * that takes no more than that the same lines do the same, as everywhere in the
 * lab. Lines that made no sense, and steps back, are done again like others.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "../kmm/web.h"
#include "session.h"

#define MAX_DEPTH 8

/* Lines -------------------------------------------------------------------- */

struct lines {
	char *text;
	char **line;
	unsigned int nr;
};

/* Of a transcript, what is behind "> ". */
static void pick_commands(struct lines *l)
{
	unsigned int i, nr = 0;

	for (i = 0; i < l->nr; i++)
		if (!strncmp(l->line[i], "> ", 2))
			l->line[nr++] = l->line[i] + 2;
	if (nr)
		l->nr = nr;
}

static struct lines cut_lines(const char *text)
{
	struct lines l = { .text = xstrdup(text) };
	char *next = l.text, *line;

	while ((line = strsep(&next, "\n")) != NULL) {
		/* Nothing is behind the last end of a line. */
		if (!next && !*line)
			break;
		line[strcspn(line, "\r")] = '\0';
		l.line = xrealloc(l.line, (l.nr + 1) * sizeof(l.line[0]));
		l.line[l.nr++] = line;
	}
	pick_commands(&l);
	return l;
}

static void free_lines(struct lines *l)
{
	free(l->line);
	free(l->text);
}

static bool is_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	line += strspn(line, " \t");
	return !strncmp(line, word, len) && (!line[len] ||
					     strchr(" \t", line[len]));
}

static bool is_note(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#';
}

/* Does it begin with an allocator of its own? */
static bool chooses(const struct lines *l)
{
	unsigned int i = 0;

	while (i < l->nr && is_note(l->line[i]))
		i++;
	return i < l->nr && is_word(l->line[i], "strategy");
}

/* All of a file; NULL: errno says why not. */
static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		return NULL;
	errno = 0;
	if (getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = errno ? NULL : xstrdup("");
	} else if (getc(f) != EOF) {
		/* A byte 0 was in it: that is no text. */
		free(text);
		text = NULL;
		errno = EINVAL;
	}
	fclose(f);
	return text;
}

/* Entries ------------------------------------------------------------------ */

void entry_clear(struct entry *e)
{
	free(e->line);
	free(e->state);
	free(e->text);
	free(e->report);
	memset(e, 0, sizeof(*e));
}

static void add(struct session *s, struct entry e)
{
	s->entries = xrealloc(s->entries, (s->nr + 1) * sizeof(s->entries[0]));
	s->entries[s->nr++] = e;
	s->nr_wrong += e.kind == ENTRY_STEP && !e.ok;
	s->done = s->nr;
}

static void cut(struct session *s, unsigned int nr)
{
	while (s->nr > nr) {
		struct entry *e = &s->entries[--s->nr];

		s->nr_wrong -= e->kind == ENTRY_STEP && !e->ok;
		entry_clear(e);
	}
}

static struct entry note(const char *line, unsigned int depth)
{
	return (struct entry){ .kind = ENTRY_NOTE, .line = xstrdup(line),
			       .depth = depth };
}

/* A line for the lesson. */
static struct entry do_line(struct session *s, const char *line,
			    unsigned int depth)
{
	struct entry e = { .kind = ENTRY_STEP, .line = xstrdup(line),
			   .depth = depth };

	fseeko(s->out, 0, SEEK_SET);
	if (is_word(line, "save") || is_word(line, "check") ||
	    is_word(line, "picture"))
		fprintf(s->out, "  that is for a terminal; a page keeps its commands itself\n");
	else
		e.ok = lesson_line(s->lesson, line);
	fflush(s->out);
	e.text = xasprintf("%.*s", (int)s->text_size, s->text);
	e.report = xstrdup(lesson_report(s->lesson));
	e.state = xstrdup(lesson_state(s->lesson));
	return e;
}

static void add_line(struct session *s, const char *line, unsigned int depth);

static void add_lines(struct session *s, const struct lines *l,
		      unsigned int depth)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		add_line(s, l->line[i], depth);
}

/* The lines of another script, which goes on with the same allocator. */
static void add_run(struct session *s, const char *line, unsigned int depth)
{
	char name[512] = "", *path, *text;
	struct lines l;

	sscanf(line, "%*s %511[^#\n]", name);
	while (*name && strchr(" \t", name[strlen(name) - 1]))
		name[strlen(name) - 1] = '\0';
	path = lab_find("scripts", name);
	text = depth < MAX_DEPTH ? read_file(path) : NULL;
	if (!text) {
		/* The lesson cannot either, and says why. */
		add(s, do_line(s, line, depth));
	} else {
		add(s, note(line, depth));
		l = cut_lines(text);
		add_lines(s, &l, depth + 1);
		free_lines(&l);
	}
	free(text);
	free(path);
}

static void add_line(struct session *s, const char *line, unsigned int depth)
{
	if (is_note(line))
		add(s, note(line, depth));
	else if (is_word(line, "run"))
		add_run(s, line, depth);
	else
		add(s, do_line(s, line, depth));
}

/* Sessions ----------------------------------------------------------------- */

static void lesson_begin(struct session *s)
{
	s->lesson = lesson_new(s->options, s->out);
	s->done = 0;
}

struct session *session_new(const struct lab_options *options)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->options = options;
	s->out = open_memstream(&s->text, &s->text_size);
	if (!s->out)
		error(EXIT_FAILED, errno, "cannot make a file in memory");
	lesson_begin(s);
	return s;
}

void session_destroy(struct session *s)
{
	cut(s, 0);
	free(s->entries);
	lesson_destroy(s->lesson);
	fclose(s->out);
	free(s->text);
	free(s);
}

/* Let the lesson have seen what is before @at, and nothing else. */
static void go_to(struct session *s, unsigned int at)
{
	struct entry e;
	unsigned int i;

	if (s->done == at)
		return;
	lesson_destroy(s->lesson);
	lesson_begin(s);
	for (i = 0; i < at; i++) {
		if (s->entries[i].kind != ENTRY_STEP)
			continue;
		e = do_line(s, s->entries[i].line, 0);
		entry_clear(&e);
	}
	s->done = at;
}

/* A state before the first command, to be seen as well. */
static void begin(struct session *s, const struct lines *l)
{
	char *line;

	if (chooses(l))
		return;
	line = xasprintf("strategy %s", s->options->strategy);
	while (strchr(" \t", line[strlen(line) - 1]))
		line[strlen(line) - 1] = '\0';
	add_line(s, line, 0);
	free(line);
}

bool session_script(struct session *s, const char *name)
{
	char *path = lab_find("scripts", name);
	char *text = read_file(path);
	struct lines l;

	free(path);
	if (!text)
		return false;
	l = cut_lines(text);
	add(s, (struct entry){ .kind = ENTRY_SCRIPT, .line = xstrdup(name) });
	begin(s, &l);
	add_lines(s, &l, 0);
	free_lines(&l);
	free(text);
	return true;
}

/* One line of a person. */
static void do_typed(struct session *s, unsigned int at, const char *line,
		     struct entry *answer)
{
	*answer = do_line(s, line, 0);
	/* A step back has moved the lesson, and is no entry. */
	if (answer->ok && !lesson_keeps(line))
		s->done = UINT_MAX;
	if (!answer->ok || !lesson_keeps(line))
		return;
	cut(s, at);
	add(s, *answer);
	memset(answer, 0, sizeof(*answer));
}

void session_do(struct session *s, unsigned int at, const char *text,
		struct entry *answer)
{
	struct lines l = cut_lines(text);

	memset(answer, 0, sizeof(*answer));
	if (at > s->nr)
		at = s->nr;
	go_to(s, at);
	if (at && l.nr == 1 && !is_note(l.line[0]) && !is_word(l.line[0], "run")) {
		do_typed(s, at, l.line[0], answer);
	} else {
		cut(s, at);
		if (!at)
			begin(s, &l);
		add_lines(s, &l, 0);
	}
	free_lines(&l);
}

/* JSON --------------------------------------------------------------------- */

void session_write_entry(FILE *f, const struct entry *e)
{
	static const char *const kinds[] = { "script", "note", "step" };

	fprintf(f, "{\"kind\":\"%s\",\"depth\":%u,\"line\":", kinds[e->kind],
		e->depth);
	web_string(f, e->line);
	if (e->kind == ENTRY_STEP) {
		fprintf(f, ",\"ok\":%s,\"text\":", e->ok ? "true" : "false");
		web_string(f, e->text);
		fputs(",\"report\":", f);
		web_string(f, e->report);
		fprintf(f, ",%s", e->state);
	}
	fputc('}', f);
}

void session_write(FILE *f, const struct session *s, unsigned int from)
{
	unsigned int i;

	fputc('[', f);
	for (i = from; i < s->nr; i++) {
		fputs(i > from ? ",\n" : "", f);
		session_write_entry(f, &s->entries[i]);
	}
	fputc(']', f);
}
