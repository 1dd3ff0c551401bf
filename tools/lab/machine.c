// SPDX-License-Identifier: MIT
/*
 * The process that runs the allocators of the lab: gives each line to the one
 * that is chosen. See lab.h for what goes through the two pipes.
 */
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "lab.h"
#include "strategy.h"

static const struct lab_target *target;

/* The last commands and their states, for drawings; the newest is the last. */
#define MAX_STEPS 16
static struct lab_step steps[MAX_STEPS];
static unsigned int nr_steps;

static void keep_step(const struct lab_words *w)
{
	char *command = xstrdup(w->word[0]), *longer;
	unsigned int i;

	for (i = 1; i < w->nr; i++) {
		longer = xasprintf("%s %s", command, w->word[i]);
		free(command);
		command = longer;
	}
	if (nr_steps == MAX_STEPS) {
		free(steps[0].command);
		free(steps[0].said);
		picture_clear(&steps[0].state);
		memmove(steps, steps + 1, --nr_steps * sizeof(steps[0]));
	}
	steps[nr_steps].command = command;
	steps[nr_steps].said = lab_said();
	steps[nr_steps].state = (struct picture){ 0 };
	target->draw(&steps[nr_steps++].state);
}

static bool command_picture(FILE *out, const struct lab_words *w)
{
	const char *ending = w->nr > 1 ? strrchr(w->word[1], '.') : NULL;
	unsigned long nr = 1;
	int err;

	if (!ending || strcmp(ending, ".svg")) {
		fprintf(out, "  picture FILE.svg [COMMANDS [LABEL...]]\n");
		return false;
	}
	if (w->nr > 2 && !lab_number(out, w->word[2], MAX_STEPS, &nr))
		return false;
	if (nr < 1 || nr > nr_steps) {
		fprintf(out, "  there are states of 1 to %u commands to draw\n",
			nr_steps);
		return false;
	}
	err = drawing_write(w->word[1], steps + nr_steps - nr,
			    (unsigned int)nr, w->word + 3,
			    w->nr > 3 ? w->nr - 3 : 0);
	if (err)
		fprintf(out, "  cannot write %s: %s\n", w->word[1],
			strerror(-err));
	else
		fprintf(out, "  %s in %s\n", lab_count(nr, "state"),
			w->word[1]);
	return !err;
}

static struct lab_words cut_words(char *line)
{
	struct lab_words w = { 0 };
	char *word, *rest = NULL;

	line[strcspn(line, "#\n")] = '\0';
	for (word = strtok_r(line, " \t", &rest); word && w.nr < LAB_MAX_WORDS;
	     word = strtok_r(NULL, " \t", &rest))
		w.word[w.nr++] = word;
	return w;
}

static void list_strategies(FILE *out)
{
	const struct strategy *const *s;

	for (s = strategies; *s; s++)
		fprintf(out, "  %-14s    %s\n", (*s)->name, (*s)->title);
	fprintf(out, "  %-14s    buddy pages and slabs: the library itself, mm/\n",
		"mm");
}

static bool command_strategy(FILE *out, const struct lab_words *w)
{
	bool done;

	if (w->nr == 1) {
		list_strategies(out);
		return true;
	}
	if (!strcmp(w->word[1], "mm")) {
		done = mm_start(out, w);
		if (done)
			target = &mm_target;
	} else if (strategy_find(w->word[1])) {
		done = arena_start(out, w);
		if (done)
			target = &arena_target;
	} else {
		fprintf(out, "  there is no strategy '%s'; these are:\n",
			w->word[1]);
		list_strategies(out);
		return false;
	}
	if (done)
		target->show(out);
	return done;
}

static void command_help(FILE *out)
{
	fputs("  strategy [NAME [ARENA]]  which allocator, from the beginning\n",
	      out);
	if (target)
		fputs(target->help, out);
	fputs("  show              the state\n"
	      "  picture FILE.svg [N [LABEL...]]\n"
	      "                    draw it; or the states after the last N commands,\n"
	      "                    or of these the lines that begin with LABEL\n"
	      "  back [N]          undo the last N commands; forward [N]: redo\n"
	      "  save FILE         write the commands so far to a script\n"
	      "  run FILE          do what a script says\n"
	      "  check FILE        do what a transcript says, and compare\n"
	      "  quit\n", out);
}

static bool serve(FILE *out, const struct lab_words *w)
{
	bool done;

	if (!w->nr)
		return true;
	if (!strcmp(w->word[0], "strategy")) {
		done = command_strategy(out, w);
		if (done && w->nr > 1)
			keep_step(w);
		return done;
	}
	if (!strcmp(w->word[0], "help")) {
		command_help(out);
		return true;
	}
	if (!target) {
		fprintf(out, "  choose a strategy first\n");
		return false;
	}
	if (w->nr == 1 && !strcmp(w->word[0], "show")) {
		target->show(out);
		return true;
	}
	if (!strcmp(w->word[0], "picture"))
		return command_picture(out, w);
	done = target->command(out, w);
	if (done)
		keep_step(w);
	return done;
}

void machine_serve(FILE *in, FILE *out, const struct lab_options *options)
{
	struct lab_words words;
	char *line = NULL;
	size_t size = 0;
	bool done;

	lab_colour = options->colour;
	lab_json = options->json;
	while (getline(&line, &size, in) >= 0) {
		words = cut_words(line);
		state_said(NULL, NULL);
		done = serve(out, &words);
		fputc('\0', out);
		if (lab_json) {
			state_write(out, target);
			fputc('\0', out);
		}
		fputc(done ? LAB_OK : LAB_BAD, out);
		fflush(out);
	}
	free(line);
}
