/* SPDX-License-Identifier: MIT */
/*
 * What the commands that show a view have in common: the options -o and
 * --watch, opening the target, and the repetition.
 */
#ifndef TOOLS_KMM_VIEW_COMMAND_H
#define TOOLS_KMM_VIEW_COMMAND_H

#include "output.h"
#include "view.h"

struct view_command {
	const char *report;	/* its name in the output */
	const char *doc;	/* as argp's */
	const char *args_doc;
	enum view_parts parts;
	bool one_format;	/* has no -o */
	bool process_only;	/* a core does not tell */
	bool operands;		/* takes some behind the target */
	/* @operands: those, ending with NULL. */
	void (*show)(struct view *v, struct output *o, char **operands);
};

int view_main(const struct view_command *command, int argc, char **argv);

/* Seconds as a number, at least a hundredth; ends the program if it is none. */
double parse_seconds(const char *arg);
/* Wait; ends the program, with EXIT_ENDED, if the target does meanwhile. */
void view_wait(struct remote *remote, double seconds);

#endif /* TOOLS_KMM_VIEW_COMMAND_H */
