// SPDX-License-Identifier: MIT
/*
 * Parts of pages, see web.h.
 */
#include <string.h>

#include "web.h"

const char *web_up_to(FILE *f, const char *template, const char *mark)
{
	const char *end = strstr(template, mark);

	fwrite(template, 1, (size_t)(end - template), f);
	return end + strlen(mark);
}

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
