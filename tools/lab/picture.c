// SPDX-License-Identifier: MIT
/*
 * Text of the lab: two states side by side, names, sentences.
 *
 *	  - free    order 6: 0-63
 *	  + free    order 3: 8-15  order 4: 16-31  order 5: 32-63
 *	    cpu 0   ...
 *
 * A line of a state is known by its label, which is what stands before the
 * first two blanks in a row. Lines that did not change stand once; so before and
 * after can be read in one piece, on paper too.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "lab.h"
#include "where.h"

#define WIDTH 78

bool lab_colour, lab_json;

void picture_add(struct picture *p, const char *fmt, ...)
{
	va_list args;
	char *line;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) < 0)
		abort();
	va_end(args);
	p->lines = xrealloc(p->lines, (p->nr + 1) * sizeof(p->lines[0]));
	p->lines[p->nr++] = line;
}

void picture_clear(struct picture *p)
{
	while (p->nr)
		free(p->lines[--p->nr]);
	free(p->lines);
	p->lines = NULL;
}

static size_t label_length(const char *line)
{
	const char *end = strstr(line, "  ");

	return end ? (size_t)(end - line) : strlen(line);
}

static const char *find_line(const struct picture *p, const char *line)
{
	size_t len = label_length(line);
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		if (label_length(p->lines[i]) == len &&
		    !memcmp(p->lines[i], line, len))
			return p->lines[i];
	return NULL;
}

static void print_line(FILE *out, char sign, const char *line)
{
	const char *colour = sign == '-' ? "\033[31m" :
			     sign == '+' ? "\033[32m" : NULL;

	if (lab_colour && colour)
		fprintf(out, "%s  %c %s\033[0m\n", colour, sign, line);
	else
		fprintf(out, "  %c %s\n", sign, line);
}

/* What is gone, up to @line of the state before: where it stood. */
static unsigned int print_gone(FILE *out, const struct picture *before,
			       unsigned int from, const struct picture *after,
			       const char *line)
{
	for (; from < before->nr && before->lines[from] != line; from++)
		if (!find_line(after, before->lines[from]))
			print_line(out, '-', before->lines[from]);
	return from;
}

void picture_change(FILE *out, const struct picture *before,
		    const struct picture *after)
{
	const char *line, *old;
	unsigned int i, from = 0;

	if (lab_json)
		return;
	for (i = 0; i < after->nr; i++) {
		line = after->lines[i];
		old = find_line(before, line);
		if (old)
			from = print_gone(out, before, from, after, old);
		if (old && !strcmp(old, line)) {
			print_line(out, ' ', line);
			continue;
		}
		if (old)
			print_line(out, '-', old);
		print_line(out, '+', line);
	}
	print_gone(out, before, from, after, NULL);
}

void picture_show(FILE *out, const struct picture *p)
{
	picture_change(out, p, p);
}

/* Words of @text, in lines of at most WIDTH bytes. */
static void wrap(FILE *out, const char *text)
{
	size_t column = 0, len;

	while (*text) {
		len = strcspn(text, " ");
		if (column && column + 1 + len > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column ? " " : "  ",
					  (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static char *said;

char *lab_said(void)
{
	char *text = said;

	said = NULL;
	return text;
}

void lab_say(FILE *out, const char *function, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	free(said);
	said = xstrdup(text);

	wrap(out, text);
	if (function)
		fprintf(out, "  [%s]\n", where(function));
	state_said(text, function);
	free(text);
}

bool lab_number(FILE *out, const char *word, unsigned long max,
		unsigned long *value)
{
	char *end;
	unsigned long shift = 0;

	*value = isdigit((unsigned char)*word) ? strtoul(word, &end, 0) : 0;
	if (isdigit((unsigned char)*word)) {
		if (*end && strchr("kKmM", *end))
			shift = strchr("kK", *end++) ? 10 : 20;
		if (!*end && *value << shift >> shift == *value &&
		    *value << shift <= max) {
			*value <<= shift;
			return true;
		}
	}
	fprintf(out, "  '%s' is no number from 0 to %lu\n", word, max);
	return false;
}

const char *lab_name(unsigned int i)
{
	static char texts[4][8];
	static unsigned int next;
	char *text = texts[next++ % 4], *end = text + 7;

	*end = '\0';
	for (i++; i; i = (i - 1) / 26)
		*--end = (char)('A' + (i - 1) % 26);
	return end;
}

int lab_name_index(const char *name)
{
	unsigned int i = 0;

	if (!*name || strlen(name) > 4)
		return -1;
	for (; *name; name++) {
		if (!isalpha((unsigned char)*name))
			return -1;
		i = i * 26 + (unsigned int)(toupper((unsigned char)*name) -
					    'A' + 1);
	}
	return (int)i - 1;
}

const char *lab_times(unsigned long nr)
{
	if (nr == 1)
		return "once";
	return nr == 2 ? "twice" : lab_count(nr, "time");
}

const char *lab_count(unsigned long nr, const char *what)
{
	static char texts[4][64];
	static unsigned int next;
	char *text = texts[next++ % 4];

	snprintf(text, sizeof(texts[0]), "%lu %s%s", nr, what,
		 nr == 1 ? "" : "s");
	return text;
}
