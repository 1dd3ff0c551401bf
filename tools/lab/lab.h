/* SPDX-License-Identifier: MIT */
/*
 * The teaching lab: commands that are given to an allocator one at a time, with
 * the state before and after each, and a sentence on what happened.
 *
 *	lesson.c	lines from a person or a script; history, back, check
 *	   | line		^ text, and whether the line made sense
 *	machine.c	a process of its own: which allocator the line is for
 *	   |- arena.c	   the strategies, over an arena of bytes (strategy.h)
 *	   `- mm.c	   the library itself; mm_view.c draws it, mm_types.c
 *			   its migratetypes, mm_root.c finds its insides
 *	picture.c	two states as one text
 *	drawing.c	states as an SVG file
 *	state_json.c	a state, and what was said, as JSON for pages
 *	session.c	a lesson whose steps are all kept, for pages
 *	lab_page.c	those as an HTML page; lab_server.c serves it, live
 *	where.c		functions and their lines, made from the sources
 *	compare.c	traces through all of them, as numbers; svg.c plots these
 *
 * A machine is a process, because the library boots once per process and is
 * told lies on purpose (a second free is one of the lessons). To step back is
 * to start another one and give it the same lines but the last: that takes no
 * more than that a machine does the same again for the same lines. So it has no
 * clock, and nothing of the host decides what it does (see mm.c).
 */
#ifndef TOOLS_LAB_LAB_H
#define TOOLS_LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the command line of kmm lab says. */
struct lab_options {
	bool colour;
	bool json;		/* states as JSON, no pictures in the text */
	const char *strategy;	/* the first one, with its arguments */
};

/* Lines from @in until its end; a prompt and no echo if @interactive. Returns
 * the exit status: not 0 if a line of a script made no sense. */
int lab_lesson(const struct lab_options *options, FILE *in, bool interactive);
/* Run the commands of a transcript, and compare. */
int lab_check(const struct lab_options *options, const char *path);
/* A file that comes with the lab ("scripts", "traces"), by its name or by any
 * path; the path is the caller's to free. */
char *lab_find(const char *kind, const char *name);

/* A lesson line by line. What lines print goes to @out. */
struct lesson;
struct lesson *lesson_new(const struct lab_options *options, FILE *out);
/* False: the line made no sense. */
bool lesson_line(struct lesson *s, const char *line);
/* Is the line one that an allocator has done, and that a script needs? */
bool lesson_keeps(const char *line);
/* After a line, if the options want JSON: what state_write() wrote, and reports
 * of the library. Until the next line. */
const char *lesson_state(const struct lesson *s);
const char *lesson_report(const struct lesson *s);
void lesson_destroy(struct lesson *s);

/* The part of a lesson that runs the allocators: reads lines from @in, and
 * writes to @out the text, a byte 0, if wanted what state_write() writes and
 * another byte 0, and LAB_OK or LAB_BAD. */
void machine_serve(FILE *in, FILE *out, const struct lab_options *options);
#define LAB_OK 'y'
#define LAB_BAD 'n'

/* One line, cut in words. */
#define LAB_MAX_WORDS 16
struct lab_words {
	unsigned int nr;
	char *word[LAB_MAX_WORDS];
};

/* A state, as lines that begin with a label of their own. */
struct picture {
	unsigned int nr;
	char **lines;
};

/* An allocator that takes commands. @command is false if the words make no
 * sense, and says why. */
struct lab_target {
	const char *help;
	void (*draw)(struct picture *p);
	bool (*command)(FILE *out, const struct lab_words *words);
	void (*show)(FILE *out);
	void (*state)(FILE *out);
};

/* False, and a message, if the arguments make no sense. */
bool arena_start(FILE *out, const struct lab_words *words);
bool mm_start(FILE *out, const struct lab_words *words);
extern const struct lab_target arena_target, mm_target;

bool lab_number(FILE *out, const char *word, unsigned long max,
		unsigned long *value);
/* A, B, ... Z, AA, AB ... for 0, 1, ...; valid until the next four calls. */
const char *lab_name(unsigned int i);
/* The number of a name, whatever its case; -1: it is none. */
int lab_name_index(const char *name);
/* "3 blocks", "1 block"; valid until the next four calls. */
const char *lab_count(unsigned long nr, const char *what);
/* "once", "twice", "3 times"; valid until the next four calls. */
const char *lab_times(unsigned long nr);
extern bool lab_colour, lab_json;

void picture_add(struct picture *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void picture_clear(struct picture *p);
/* Lines that are in both stand once, others with - and +. */
void picture_change(FILE *out, const struct picture *before,
		    const struct picture *after);
void picture_show(FILE *out, const struct picture *p);

/* A command, what was said of it (or NULL), and the state after it. */
struct lab_step {
	char *command, *said;
	struct picture state;
};

/* An SVG file with @nr states, one below the other; only lines whose label
 * begins with one of @labels, if there are any. 0 or -ERRNO. */
int drawing_write(const char *path, const struct lab_step *steps,
		  unsigned int nr, char *const *labels,
		  unsigned int nr_labels);

/* What happened, and "[function() file:line]"; broken into lines. */
void lab_say(FILE *out, const char *function, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What was said last, since the last call, or NULL; the caller's to free. */
char *lab_said(void);

/* What lab_say() said last, for the next state_write(); NULL: nothing yet. */
void state_said(const char *text, const char *function);
/* Members of a JSON object, "said" and "state"; see state_json.c. */
void state_write(FILE *out, const struct lab_target *target);
void state_of_arena(FILE *out);
void state_of_mm(FILE *out);

#endif /* TOOLS_LAB_LAB_H */
