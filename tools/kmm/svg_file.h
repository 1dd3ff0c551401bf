/* SPDX-License-Identifier: MIT */
/*
 * Pictures as SVG files, for kmm plot and for the lab.
 */
#ifndef TOOLS_KMM_SVG_FILE_H
#define TOOLS_KMM_SVG_FILE_H

#include <stdio.h>

/* A white page with a title, or none if NULL; NULL with errno if it cannot be
 * made. */
FILE *svg_begin(const char *path, unsigned int width, unsigned int height,
		const char *title);
/* 0 or -ERRNO. */
int svg_end(FILE *f);

/* @class: "t" title, "h" heading, "r" row, "m" a command, "u" or "n" small, "e"
 * small and ending at @x, "c" small and around @x, "g" the same in grey. */
void svg_text(FILE *f, double x, double y, const char *class, const char *text);
void svg_rect(FILE *f, double x, double y, double width, double height,
	      const char *colour);
/* With an edge and round corners. */
void svg_box(FILE *f, double x, double y, double width, double height,
	     const char *fill, const char *stroke);

#endif /* TOOLS_KMM_SVG_FILE_H */
