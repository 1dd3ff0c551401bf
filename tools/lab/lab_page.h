/* SPDX-License-Identifier: MIT */
/*
 * A session as one HTML page that needs nothing else: web/lab.html, lab.css,
 * lab_draw.js and lab.js, with the session as JSON between them.
 */
#ifndef TOOLS_LAB_LAB_PAGE_H
#define TOOLS_LAB_LAB_PAGE_H

#include <stdio.h>

#include "session.h"

/* @token: of a page that sends commands (lab_server.c), or NULL. */
void lab_page_write(FILE *f, const struct session *s, const char *token);
/* The lessons of scripts, to a file; the exit status. */
int lab_page(const struct lab_options *options, const char *path, char **names,
	     unsigned int nr);
/* The same, live, on a port of this host, 0: any one that is free; until ^C. */
int lab_server(const struct lab_options *options, unsigned int port,
	       char **names, unsigned int nr);

#endif /* TOOLS_LAB_LAB_PAGE_H */
