// SPDX-License-Identifier: MIT
/*
 * Writing the page of a session, see lab_page.h.
 */
#include <errno.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "../kmm/web.h"
#include "lab_page.h"
#include "strategy.h"

EMBED(lab_html, "tools/lab/web/lab.html");
EMBED(lab_css, "tools/lab/web/lab.css");
EMBED(lab_draw_js, "tools/lab/web/lab_draw.js");
EMBED(lab_js, "tools/lab/web/lab.js");

static void write_strategies(FILE *f)
{
	const struct strategy *const *s;

	fputs("\"strategies\":[[\"mm\",\"the library itself\"]", f);
	for (s = strategies; *s; s++) {
		fputs(",[", f);
		web_string(f, (*s)->name);
		fputc(',', f);
		web_string(f, (*s)->title);
		fputc(']', f);
	}
	fputc(']', f);
}

void lab_page_write(FILE *f, const struct session *s, const char *token)
{
	const char *rest = web_up_to(f, lab_html, "<!--STYLE-->");

	fputs(lab_css, f);
	rest = web_up_to(f, rest, "<!--DATA-->");
	fputs("{\"token\":", f);
	web_string(f, token ? token : "");
	fputc(',', f);
	write_strategies(f);
	fputs(",\n\"entries\":", f);
	session_write(f, s, 0);
	fputc('}', f);
	rest = web_up_to(f, rest, "<!--SCRIPT-->");
	fputs(lab_draw_js, f);
	fputs(lab_js, f);
	fputs(rest, f);
}

static unsigned int nr_steps(const struct session *s)
{
	unsigned int i, nr = 0;

	for (i = 0; i < s->nr; i++)
		nr += s->entries[i].kind == ENTRY_STEP;
	return nr;
}

/* What made no sense is in the page, and said here as well. */
static void say_wrong(const struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (s->entries[i].kind == ENTRY_STEP && !s->entries[i].ok)
			fprintf(stderr, "%s\n%s", s->entries[i].line,
				s->entries[i].text);
}

int lab_page(const struct lab_options *options, const char *path, char **names,
	     unsigned int nr)
{
	struct session *s = session_new(options);
	unsigned int i, wrong;
	bool failed;
	FILE *f;

	for (i = 0; i < nr; i++)
		if (!session_script(s, names[i]))
			error(EXIT_FAILED, errno, "cannot read %s", names[i]);
	f = fopen(path, "w");
	if (!f)
		error(EXIT_FAILED, errno, "cannot write %s", path);
	lab_page_write(f, s, NULL);
	failed = ferror(f);
	if (fclose(f) || failed)
		error(EXIT_FAILED, errno, "cannot write %s", path);
	printf("%s: %s\n", path, lab_count(nr_steps(s), "step"));
	say_wrong(s);
	wrong = s->nr_wrong;
	session_destroy(s);
	return wrong ? EXIT_FAILED : 0;
}
