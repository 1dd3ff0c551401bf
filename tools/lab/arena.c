// SPDX-License-Identifier: MIT
/*
 * The commands over an arena of bytes, for any strategy of strategy.h.
 *
 *	at 0    |A 16|. 16|C 20|. 16|E 16|. 16|
 *	free    16 at 16 -> 16 at 52 -> 16 at 84
 *	sum     48 of 100 bytes free in 3 blocks, the largest 16; 0 wasted inside
 *
 * A block that is larger than what was asked for is drawn as "A 5/8". After
 * each command the invariants are checked: whoever has written a strategy as an
 * exercise is told at which command it went wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "arena.h"
#include "lab.h"

#define DEFAULT_ARENA 128
#define MAX_ARENA (1ul << 20)
#define MAX_ROWS 16
#define ROW_WIDTH 66
/* More lists than this, and empty ones are left out. */
#define FEW_LISTS 10

struct arena arena;

/* Drawing ------------------------------------------------------------------ */

int arena_name_of(const struct block *block)
{
	unsigned int i;

	for (i = 0; i < arena.nr_names; i++)
		if (arena.names[i] == block)
			return (int)i;
	return -1;
}

static void describe(const struct block *block, char *text, size_t size)
{
	if (block->state == BLOCK_FREE)
		snprintf(text, size, ". %zu|", block->size);
	else if (block->wanted != block->size)
		snprintf(text, size, "%s %zu/%zu|",
			 lab_name((unsigned int)arena_name_of(block)), block->wanted,
			 block->size);
	else
		snprintf(text, size, "%s %zu|",
			 lab_name((unsigned int)arena_name_of(block)), block->size);
}

static void draw_blocks(struct picture *p)
{
	const struct block *block = arena.heap->first;
	char row[ROW_WIDTH + 1], text[64], label[32];
	unsigned int rows = 0;

	while (block) {
		size_t start = block->start;

		if (rows++ == MAX_ROWS) {
			picture_add(p, "...     from %zu on", start);
			break;
		}
		strcpy(row, "|");
		for (; block; block = block->next) {
			describe(block, text, sizeof(text));
			if (strlen(row) + strlen(text) > ROW_WIDTH)
				break;
			strcat(row, text);
		}
		snprintf(label, sizeof(label), "at %zu", start);
		picture_add(p, "%-6s  %s", label, row);
	}
}

static unsigned int count_lists(void)
{
	struct block *first;
	const char *name;
	unsigned int i = 0;

	while (arena.heap->strategy->list(arena.heap, i, &name, &first))
		i++;
	return i;
}

static void draw_lists(struct picture *p)
{
	bool few = count_lists() <= FEW_LISTS;
	struct block *block;
	const char *name;
	char text[56], row[ROW_WIDTH + 8];
	unsigned int i;

	for (i = 0; arena.heap->strategy->list(arena.heap, i, &name, &block);
	     i++) {
		if (!block && !few)
			continue;
		strcpy(row, block ? "" : "(empty)");
		for (; block; block = block->link) {
			snprintf(text, sizeof(text), "%s%zu at %zu",
				 *row ? " -> " : "", block->size, block->start);
			if (strlen(row) + strlen(text) > ROW_WIDTH - 8) {
				strcat(row, " ...");
				break;
			}
			strcat(row, text);
		}
		picture_add(p, "%-6s  %s", name, row);
	}
}

struct arena_sums arena_sum_up(void)
{
	const struct block *block;
	struct arena_sums s = { 0 };

	for (block = arena.heap->first; block; block = block->next) {
		if (block->state == BLOCK_USED) {
			s.inside += block->size - block->wanted;
			continue;
		}
		s.free += block->size;
		s.nr_free++;
		if (block->size > s.largest)
			s.largest = block->size;
	}
	return s;
}

static void draw(struct picture *p)
{
	struct arena_sums s = arena_sum_up();

	draw_blocks(p);
	draw_lists(p);
	picture_add(p, "sum     %zu of %s free in %s, the largest %zu; %zu wasted inside",
		    s.free, lab_count(arena.heap->arena, "byte"),
		    lab_count(s.nr_free, "block"), s.largest, s.inside);
}

static void arena_show(FILE *out)
{
	struct picture p = { 0 };

	draw(&p);
	picture_show(out, &p);
	picture_clear(&p);
}

/* Commands ----------------------------------------------------------------- */

/* "first_fit_alloc" from tools/lab/strategies/first_fit.c and "alloc". */
static const char *function(const char *what)
{
	static char text[64];
	const char *file = strrchr(arena.heap->strategy->file, '/') + 1;

	snprintf(text, sizeof(text), "%.*s_%s", (int)strcspn(file, "."), file,
		 what);
	return text;
}

static const char *about_lock(void)
{
	if (!arena.heap->strategy->locks_itself)
		return "";
	return lab_steps.locks ? " The lock was taken, for a batch." :
				 " No lock was taken.";
}

static void say_no_block(FILE *out, unsigned long size)
{
	struct arena_sums s = arena_sum_up();
	const char *why;

	if (s.free < size)
		why = "That is all there is.";
	else if (arena.heap->strategy == &segregated)
		why = "Its bin has run dry, and blocks of other bins are neither cut nor merged.";
	else if (s.largest >= size)
		why = "What is large enough is kept for others.";
	else
		why = "That is external fragmentation: enough in all, too little in one place.";
	lab_say(out, function("alloc"),
		"No block for %s: %s free, the largest piece has %zu. %s %s looked at.",
		lab_count(size, "byte"),
		s.free == 1 ? "1 byte is" : lab_count(s.free, "byte"),
		s.largest, why, lab_count(lab_steps.visited, "free block"));
}

static void say_alloc(FILE *out, const struct block *block)
{
	char cut[64] = "taken whole";
	char more[64] = "";

	if (lab_steps.splits && !arena.heap->strategy->locks_itself)
		snprintf(cut, sizeof(cut), "split %s",
			 lab_times(lab_steps.splits));
	if (block->size > block->wanted)
		snprintf(more, sizeof(more), ", %zu more than asked for",
			 block->size - block->wanted);
	lab_say(out, function("alloc"),
		"%s is %s at %zu%s: %s looked at, %s.%s",
		lab_name((unsigned int)arena_name_of(block)),
		lab_count(block->size, "byte"), block->start, more,
		lab_count(lab_steps.visited, "free block"), cut, about_lock());
}

static bool command_alloc(FILE *out, const char *word)
{
	struct block *block;
	unsigned long size;

	if (!lab_number(out, word, MAX_ARENA, &size))
		return false;
	if (arena.nr_names == ARENA_MAX_NAMES) {
		fprintf(out, "  no more than %d blocks\n", ARENA_MAX_NAMES);
		return false;
	}
	block = lab_alloc(arena.heap, size, arena.thread);
	if (block)
		arena.names[arena.nr_names++] = block;
	return true;
}

static bool command_free(FILE *out, const char *word)
{
	int i = lab_name_index(word);

	if (i < 0 || (unsigned int)i >= arena.nr_names) {
		fprintf(out, "  there is no block %s\n", word);
		return false;
	}
	if (!arena.names[i]) {
		fprintf(out, "  %s is free already: a strategy believes what it is told, so it is not told\n",
			lab_name((unsigned int)i));
		return false;
	}
	lab_free(arena.heap, arena.names[i], arena.thread);
	arena.names[i] = NULL;
	return true;
}

/* What became of a block that was freed. */
static const char *about_merge(void)
{
	const struct strategy *s = arena.heap->strategy;
	static char text[80];

	if (s == &segregated)
		return "It is the first of its bin again";
	if (s == &thread_cache)
		return "It is the first of the thread's list";
	if (!lab_steps.merges)
		return s == &buddy ? "Its buddy is not, or not as a whole: no merge" :
				     "What lies beside it is not: no merge";
	snprintf(text, sizeof(text), "It was merged with %s, %s",
		 s == &buddy ? "its buddy" : "what is free beside it",
		 lab_times(lab_steps.merges));
	return text;
}

static void say_free(FILE *out, const char *word)
{
	lab_say(out, function("free"), "%s is free. %s; %s looked at.%s",
		lab_name((unsigned int)lab_name_index(word)), about_merge(),
		lab_count(lab_steps.visited, "free block"), about_lock());
}

/* The commands that change something; the picture is around them. */
static bool change(FILE *out, const struct lab_words *w)
{
	memset(&lab_steps, 0, sizeof(lab_steps));
	if (!strcmp(w->word[0], "alloc"))
		return command_alloc(out, w->word[1]);
	if (!strcmp(w->word[0], "free"))
		return command_free(out, w->word[1]);
	arena.heap->strategy->drain(arena.heap);
	return true;
}

static void say(FILE *out, const struct lab_words *w, unsigned int had)
{
	struct lab_steps steps = lab_steps;
	const char *bad = heap_check(arena.heap);
	unsigned long size;

	/* Checking looks around, too. */
	lab_steps = steps;
	if (!strcmp(w->word[0], "free"))
		say_free(out, w->word[1]);
	else if (!strcmp(w->word[0], "drain"))
		lab_say(out, function("drain"),
			"What threads kept is in the central lists (%s).",
			lab_count(lab_steps.locks, "lock"));
	else if (arena.nr_names > had)
		say_alloc(out, arena.names[had]);
	else if (lab_number(out, w->word[1], MAX_ARENA, &size))
		say_no_block(out, size);
	if (bad)
		fprintf(out, "  BROKEN %s\n", bad);
}

static bool command_thread(FILE *out, const char *word)
{
	unsigned long thread;

	if (!lab_number(out, word, LAB_MAX_THREADS - 1, &thread))
		return false;
	arena.thread = (unsigned int)thread;
	fprintf(out, "  the next calls are made by thread %lu\n", thread);
	return true;
}

static bool arena_command(FILE *out, const struct lab_words *w)
{
	struct picture before = { 0 }, after = { 0 };
	unsigned int had = arena.nr_names;
	bool done;

	if (w->nr == 2 && !strcmp(w->word[0], "cpu"))
		return command_thread(out, w->word[1]);
	if (!(w->nr == 2 && !strcmp(w->word[0], "alloc")) &&
	    !(w->nr == 2 && !strcmp(w->word[0], "free")) &&
	    !(w->nr == 1 && !strcmp(w->word[0], "drain") &&
	      arena.heap->strategy->drain)) {
		fprintf(out, "  '%s' makes no sense here; `help' lists what does\n",
			w->word[0]);
		return false;
	}
	draw(&before);
	done = change(out, w);
	if (done) {
		draw(&after);
		picture_change(out, &before, &after);
		say(out, w, had);
	}
	picture_clear(&before);
	picture_clear(&after);
	return done;
}

bool arena_start(FILE *out, const struct lab_words *w)
{
	const struct strategy *s = strategy_find(w->word[1]);
	unsigned long size = DEFAULT_ARENA;

	if (w->nr > 3 || (w->nr == 3 &&
			  !lab_number(out, w->word[2], MAX_ARENA, &size)))
		return false;
	if (size < 8) {
		fprintf(out, "  an arena has 8 bytes at least\n");
		return false;
	}
	if (arena.heap)
		heap_destroy(arena.heap);
	memset(&arena, 0, sizeof(arena));
	arena.heap = heap_new(s, size);
	fprintf(out, "  %s, %s\n", s->title,
		lab_count(arena.heap->arena, "byte"));
	return true;
}

const struct lab_target arena_target = {
	.help = "  alloc SIZE        a block of SIZE bytes; it is called A, B, ...\n"
		"  free B            free block B\n"
		"  cpu N             the next calls are made by thread N\n"
		"  drain             thread-cache: threads give back what they keep\n",
	.draw = draw,
	.command = arena_command,
	.show = arena_show,
	.state = state_of_arena,
};
