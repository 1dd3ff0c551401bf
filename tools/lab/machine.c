// SPDX-License-Identifier: MIT
/*
 * The process that runs the allocators of the lab: gives each line to the one
 * that is chosen. See lab.h for what goes through the two pipes.
 */
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "strategy.h"

static const struct lab_target *target;

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
	      "  back [N]          undo the last N commands; forward [N]: redo\n"
	      "  save FILE         write the commands so far to a script\n"
	      "  run FILE          do what a script says\n"
	      "  check FILE        do what a transcript says, and compare\n"
	      "  quit\n", out);
}

static bool serve(FILE *out, const struct lab_words *w)
{
	if (!w->nr)
		return true;
	if (!strcmp(w->word[0], "strategy"))
		return command_strategy(out, w);
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
	return target->command(out, w);
}

void machine_serve(FILE *in, FILE *out, bool colour)
{
	struct lab_words words;
	char *line = NULL;
	size_t size = 0;
	bool done;

	lab_colour = colour;
	while (getline(&line, &size, in) >= 0) {
		words = cut_words(line);
		done = serve(out, &words);
		fputc('\0', out);
		fputc(done ? LAB_OK : LAB_BAD, out);
		fflush(out);
	}
	free(line);
}
