// SPDX-License-Identifier: MIT
/*
 * Writes a JUnit file, see junit.h. What the file may not hold is replaced by a
 * question mark: control characters, and what is no ASCII, since a text may come
 * from memory that the learner's code has written.
 */
#include "junit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void write_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", f);
		else if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '>')
			fputs("&gt;", f);
		else if (*text == '"')
			fputs("&quot;", f);
		/* (A char may be signed or not.) */
		else if (((unsigned char)*text < ' ' && *text != '\n' &&
			  *text != '\t') || (unsigned char)*text >= 127)
			fputc('?', f);
		else
			fputc(*text, f);
	}
}

static void write_attribute(FILE *f, const char *name, const char *text)
{
	fprintf(f, " %s=\"", name);
	write_text(f, text);
	fputc('"', f);
}

static void write_case(FILE *f, const struct junit *j, size_t i)
{
	fputs("  <testcase", f);
	write_attribute(f, "classname", j->title);
	write_attribute(f, "name", j->cases[i].name);
	fprintf(f, " time=\"%.3f\"", i <= j->passed ? j->seconds[i] : 0);
	if (i < j->passed) {
		fputs("/>\n", f);
		return;
	}
	if (i == j->passed) {
		fputs(">\n    <failure", f);
		write_attribute(f, "message", j->rule);
		fputs(">", f);
		write_text(f, j->text);
		fputs("</failure>\n", f);
	} else {
		fputs(">\n    <skipped message=\"a case before it failed\"/>\n", f);
	}
	fputs("  </testcase>\n", f);
}

bool junit_write(const char *path, const struct junit *j)
{
	FILE *f = fopen(path, "w");
	size_t i, failed = j->passed < j->nr;
	double seconds = 0;
	bool bad;

	if (!f) {
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	for (i = 0; i < j->nr && i <= j->passed; i++)
		seconds += j->seconds[i];
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite", f);
	write_attribute(f, "name", j->title);
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n",
		j->nr, failed, j->nr - j->passed - failed, seconds);
	fprintf(f, "  <properties>\n    <property name=\"seed\" value=\"%u\"/>\n  </properties>\n",
		j->seed);
	for (i = 0; i < j->nr; i++)
		write_case(f, j, i);
	fputs("</testsuite>\n", f);
	bad = ferror(f);
	if (fclose(f) || bad) {
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	return true;
}
