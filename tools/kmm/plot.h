/* SPDX-License-Identifier: MIT */
/*
 * A series of snapshots, or the history of a trace, as SVG files.
 */
#ifndef TOOLS_KMM_PLOT_H
#define TOOLS_KMM_PLOT_H

#include "history.h"
#include "snapshot.h"

/* Write into the directory @dir, made if it is not there. They end the program
 * with a message if that cannot be. */
void plot_write_series(const char *dir, const struct series *series);
void plot_write_history(const char *dir, const struct history *history);

#endif /* TOOLS_KMM_PLOT_H */
