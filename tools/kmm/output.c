// SPDX-License-Identifier: MIT
/*
 * Tables as text, JSON and CSV; output.h has the forms.
 *
 * JSON and CSV are written cell by cell. Text waits for the whole table, whose
 * columns are as wide as their widest cell.
 *
 * What is written comes from another process, which may be damaged: bytes that
 * are no UTF-8 come out as U+FFFD, so that JSON is always valid.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kmm.h"
#include "output.h"

enum output_format output_format(const char *name)
{
	static const char *const names[] = {
		[OUTPUT_TEXT] = "text",
		[OUTPUT_JSON] = "json",
		[OUTPUT_CSV] = "csv",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return (enum output_format)i;
	error(EXIT_USAGE, 0, "unknown format '%s': text, json or csv", name);
	return OUTPUT_TEXT;
}

/* Strings ------------------------------------------------------------------ */

/* Bytes of the UTF-8 sequence at @s; 0: it is none. Overlong forms, which begin
 * with C0 or C1, and what is above U+10FFFF, are none either. */
static size_t utf8_length(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
		     s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	size_t i;

	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return len;
}

static void json_string(FILE *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t len;

	putc('"', out);
	for (; *s; s += len ? len : 1) {
		len = utf8_length(s);
		if (!len)
			fputs("\\ufffd", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, len, out);
	}
	putc('"', out);
}

static void csv_string(FILE *out, const char *value)
{
	if (!strpbrk(value, "\",\r\n")) {
		fputs(value, out);
		return;
	}
	putc('"', out);
	for (; *value; value++) {
		if (*value == '"')
			putc('"', out);
		putc(*value, out);
	}
	putc('"', out);
}

/* Cells -------------------------------------------------------------------- */

/* What stands in front of a cell in JSON and CSV. */
static void before_cell(struct output *o)
{
	size_t column = o->nr_cells % o->nr_columns;

	if (o->format == OUTPUT_JSON) {
		if (!column)
			fputs(o->nr_cells ? ", {" : "{", o->out);
		else
			fputs(", ", o->out);
		json_string(o->out, o->columns[column].name);
		fputs(": ", o->out);
	} else if (column) {
		putc(',', o->out);
	} else if (o->repeated) {
		fprintf(o->out, "%.3f,", o->time);
	}
}

static void after_cell(struct output *o)
{
	if (++o->nr_cells % o->nr_columns)
		return;
	putc(o->format == OUTPUT_JSON ? '}' : '\n', o->out);
}

static void text_cell(struct output *o, char *text)
{
	if (o->nr_cells == o->max_cells) {
		o->max_cells = o->max_cells ? 2 * o->max_cells : 256;
		o->cells = xrealloc(o->cells,
				    o->max_cells * sizeof(*o->cells));
	}
	o->cells[o->nr_cells++] = text;
}

void output_string(struct output *o, const char *value)
{
	if (o->format == OUTPUT_TEXT) {
		text_cell(o, xstrdup(value));
		return;
	}
	before_cell(o);
	if (o->format == OUTPUT_JSON)
		json_string(o->out, value);
	else
		csv_string(o->out, value);
	after_cell(o);
}

void output_number(struct output *o, uint64_t value)
{
	if (o->format == OUTPUT_TEXT) {
		text_cell(o, xasprintf("%lu", (unsigned long)value));
		return;
	}
	before_cell(o);
	fprintf(o->out, "%lu", (unsigned long)value);
	after_cell(o);
}

void output_fraction(struct output *o, double value)
{
	if (o->format == OUTPUT_TEXT) {
		text_cell(o, xasprintf("%.3f", value));
		return;
	}
	before_cell(o);
	fprintf(o->out, "%.3f", value);
	after_cell(o);
}

void output_nothing(struct output *o)
{
	if (o->format == OUTPUT_TEXT) {
		text_cell(o, xstrdup("-"));
		return;
	}
	before_cell(o);
	if (o->format == OUTPUT_JSON)
		fputs("null", o->out);
	after_cell(o);
}

/* The whole ---------------------------------------------------------------- */

void output_begin(struct output *o, const char *report,
		  const struct remote *remote)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	o->time = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	o->nr_columns = o->nr_cells = 0;
	if (o->format != OUTPUT_JSON)
		return;
	fprintf(o->out,
		"{\"schema\": \"kmm.%s\", \"version\": %d, \"time\": %.3f, ",
		report, OUTPUT_VERSION, o->time);
	if (remote_pid(remote)) {
		fprintf(o->out, "\"pid\": %d, ", remote_pid(remote));
	} else {
		fputs("\"core\": ", o->out);
		json_string(o->out, remote_path(remote));
		fputs(", ", o->out);
	}
	fputs("\"rows\": [", o->out);
}

void output_table(struct output *o, const struct output_column *columns,
		  size_t nr_columns)
{
	size_t i;

	o->columns = columns;
	o->nr_columns = nr_columns;
	if (o->format != OUTPUT_CSV || o->header_done)
		return;
	if (o->repeated)
		fputs("time,", o->out);
	for (i = 0; i < nr_columns; i++)
		fprintf(o->out, "%s%c", columns[i].name,
			i + 1 < nr_columns ? ',' : '\n');
	o->header_done = true;
}

static void text_line(struct output *o, const size_t *width, char **cells)
{
	const char *text;
	size_t i;
	int w;

	for (i = 0; i < o->nr_columns; i++) {
		text = cells ? cells[i] : o->columns[i].name;
		w = (int)width[i];
		if (o->columns[i].type != OUTPUT_STRING)
			fprintf(o->out, "%*s", w, text);
		else if (i + 1 < o->nr_columns)
			fprintf(o->out, "%-*s", w, text);
		else
			fputs(text, o->out);
		fputs(i + 1 < o->nr_columns ? "  " : "\n", o->out);
	}
}

static void text_table(struct output *o)
{
	size_t *width = xcalloc(o->nr_columns, sizeof(*width));
	size_t i, len;

	for (i = 0; i < o->nr_columns; i++)
		width[i] = strlen(o->columns[i].name);
	for (i = 0; i < o->nr_cells; i++) {
		len = strlen(o->cells[i]);
		if (len > width[i % o->nr_columns])
			width[i % o->nr_columns] = len;
	}
	text_line(o, width, NULL);
	for (i = 0; i < o->nr_cells; i += o->nr_columns)
		text_line(o, width, &o->cells[i]);
	for (i = 0; i < o->nr_cells; i++)
		free(o->cells[i]);
	free(width);
}

void output_end(struct output *o)
{
	if (o->format == OUTPUT_JSON)
		fputs("]}\n", o->out);
	else if (o->format == OUTPUT_TEXT && o->nr_columns)
		text_table(o);
	if (o->format == OUTPUT_TEXT && o->repeated)
		putc('\n', o->out);
	if (fflush(o->out) || ferror(o->out))
		error(EXIT_FAILED, errno, "cannot write");
}
