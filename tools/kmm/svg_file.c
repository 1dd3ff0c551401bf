// SPDX-License-Identifier: MIT
/*
 * Writing SVG: as few elements as pictures of bars, cells and lines take.
 */
#include <errno.h>

#include "svg_file.h"

/* "<" and "&" in a name would be markup. */
static void write_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '&')
			fputs("&amp;", f);
		else
			fputc(*text, f);
	}
}

FILE *svg_begin(const char *path, unsigned int width, unsigned int height,
		const char *title)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return NULL;
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n",
		width, height, width, height);
	fputs("<style>text{font-family:sans-serif;fill:#222}.t{font-size:17px;font-weight:bold}"
	      ".h{font-size:13px;font-weight:bold}.u,.n,.e{font-size:11px}"
	      ".e{text-anchor:end}.r{font-size:13px}"
	      ".c,.g{font-size:11px;text-anchor:middle}text.g{fill:#777}"
	      ".m{font:bold 14px monospace}</style>\n", f);
	fprintf(f, "<rect width=\"%u\" height=\"%u\" fill=\"white\"/>\n", width,
		height);
	if (title)
		svg_text(f, 16, 30, "t", title);
	return f;
}

int svg_end(FILE *f)
{
	int failed;

	fputs("</svg>\n", f);
	failed = ferror(f);
	if (fclose(f))
		return -errno;
	return failed ? -EIO : 0;
}

void svg_text(FILE *f, double x, double y, const char *class, const char *text)
{
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	write_text(f, text);
	fputs("</text>\n", f);
}

void svg_rect(FILE *f, double x, double y, double width, double height,
	      const char *colour)
{
	fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
		x, y, width, height, colour);
}

void svg_box(FILE *f, double x, double y, double width, double height,
	     const char *fill, const char *stroke)
{
	fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\" fill=\"%s\" stroke=\"%s\"/>\n",
		x, y, width, height, fill, stroke);
}
