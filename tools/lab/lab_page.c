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

struct page_data {
	const struct session *session;
	const char *token;
};

static void write_data(FILE *f, const void *arg)
{
	const struct page_data *data = arg;

	fputs("{\"token\":", f);
	web_string(f, data->token ? data->token : "");
	fputc(',', f);
	write_strategies(f);
	fputs(",\n\"entries\":", f);
	session_write(f, data->session, 0);
	fputc('}', f);
}

static const struct web_page web_page = {
	.title = "kmm lab",
	.style = lab_css,
	.body = lab_html,
	.scripts = { lab_draw_js, lab_js },
	.write_data = write_data,
};

void lab_page_write(FILE *f, const struct session *s, const char *token)
{
	web_page_write(f, &web_page, &(struct page_data){ s, token });
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

	for (i = 0; i < nr; i++)
		if (!session_script(s, names[i]))
			error(EXIT_FAILED, errno, "cannot read %s", names[i]);
	web_page_save(path, &web_page, &(struct page_data){ s, NULL });
	printf("%s: %s\n", path, lab_count(nr_steps(s), "step"));
	say_wrong(s);
	wrong = s->nr_wrong;
	session_destroy(s);
	return wrong ? EXIT_FAILED : 0;
}
