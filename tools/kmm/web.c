// SPDX-License-Identifier: MIT
/*
 * Parts of pages, see web.h.
 */
#include <errno.h>
#include <string.h>

#include "kmm.h"
#include "web.h"

EMBED(web_frame, "tools/kmm/web/page.html");
EMBED(web_script, "tools/kmm/web/page.js");

void web_string(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if ((unsigned char)*text < ' ' || *text == '<')
			fprintf(f, "\\u%04x", *text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}

/* The frame up to @mark, which is in it; the rest begins behind it. */
static const char *up_to(FILE *f, const char *frame, const char *mark)
{
	const char *end = strstr(frame, mark);

	fwrite(frame, 1, (size_t)(end - frame), f);
	return end + strlen(mark);
}

void web_page_write(FILE *f, const struct web_page *page, const void *data)
{
	const char *rest = up_to(f, web_frame, "<!--TITLE-->");
	size_t i;

	fputs(page->title, f);
	rest = up_to(f, rest, "<!--STYLE-->");
	fputs(page->style, f);
	rest = up_to(f, rest, "<!--BODY-->");
	fputs(page->body, f);
	rest = up_to(f, rest, "<!--DATA-->");
	page->write_data(f, data);
	rest = up_to(f, rest, "<!--SCRIPT-->");
	fputs(web_script, f);
	for (i = 0; page->scripts[i]; i++)
		fputs(page->scripts[i], f);
	fputs(rest, f);
}

void web_page_save(const char *path, const struct web_page *page,
		   const void *data)
{
	FILE *f = fopen(path, "w");
	bool failed;

	if (!f)
		error(EXIT_FAILED, errno, "cannot write %s", path);
	web_page_write(f, page, data);
	failed = ferror(f);
	if (fclose(f) || failed)
		error(EXIT_FAILED, errno, "cannot write %s", path);
}
