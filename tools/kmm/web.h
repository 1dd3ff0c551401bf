/* SPDX-License-Identifier: MIT */
/*
 * What the pages have in common that kmm writes: files that are a part of the
 * program, a template with marks in it, and JSON that stands in a page.
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

/* The template up to @mark, which is in it; the rest begins behind it. */
const char *web_up_to(FILE *f, const char *template, const char *mark);
/* A string of JSON that may stand in a script element. */
void web_string(FILE *f, const char *text);

#endif /* TOOLS_KMM_WEB_H */
