/* SPDX-License-Identifier: MIT */
/*
 * A series of snapshots, or the history of a trace, as one HTML page that needs
 * nothing else: web/view.html, view.css and view*.js, in web/page.html, with the
 * data between them.
 */
#ifndef TOOLS_KMM_PAGE_H
#define TOOLS_KMM_PAGE_H

#include "history.h"
#include "snapshot.h"

/* They end the program with a message if @path cannot be written. */
void page_write_series(const char *path, const struct series *series);
void page_write_history(const char *path, const struct history *history);

#endif /* TOOLS_KMM_PAGE_H */
