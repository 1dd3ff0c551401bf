/* SPDX-License-Identifier: MIT */
/*
 * What the pages have in common that kmm writes: files that are a part of the
 * program, the frame around them, and JSON that stands in a page.
 */
#ifndef TOOLS_KMM_WEB_H
#define TOOLS_KMM_WEB_H

#include <stdio.h>

/* A file of the sources, as a string of this name. The assembler reads it. */
#define EMBED(name, path)						\
	__asm__(".pushsection .rodata\n"				\
		".global " #name "\n"					\
		#name ": .incbin \"" path "\"\n"			\
		".byte 0\n"						\
		".popsection\n");					\
	extern const char name[] __attribute__((visibility("hidden")))

/* What differs. The script begins with web/page.js, and goes on with @scripts. */
struct web_page {
	const char *title;
	const char *style;
	const char *body;
	const char *scripts[5];		/* the last one is NULL */
	void (*write_data)(FILE *f, const void *data);	/* as JSON */
};

void web_page_write(FILE *f, const struct web_page *page, const void *data);
/* To a file; ends the program if it cannot be written. */
void web_page_save(const char *path, const struct web_page *page,
		   const void *data);

/* A string of JSON that may stand in a script element. */
void web_string(FILE *f, const char *text);

#endif /* TOOLS_KMM_WEB_H */
