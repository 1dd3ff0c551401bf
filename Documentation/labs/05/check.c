// SPDX-License-Identifier: MIT
/*
 * Checks exercise 05 against a map of bytes: first fit leaves no choice, so
 * every offset is known. The list is compared with the map after each call.
 */
#include "check.h"
#include "lab.h"

#include <string.h>

#define MAX_BYTES 1000

static struct model {
	struct arena arena;
	struct span spans[2 * MAX_BYTES];
	bool taken[2 * MAX_BYTES];
	/* Of each byte: 0 free, else the number of its allocation. */
	unsigned int owner[MAX_BYTES];
	unsigned int nr;
} *model;

static bool is_span(const struct span *span)
{
	return span >= model->spans &&
	       span < model->spans + ARRAY_SIZE(model->spans) &&
	       model->taken[span - model->spans];
}

struct span *span_new(void)
{
	unsigned int i;

	for (i = 0; model->taken[i]; i++)
		if (i + 1 == ARRAY_SIZE(model->spans))
			check_fail("A span that is merged away is given to span_delete().",
				   "a few spans\nspan_new() was called %u times and span_delete() hardly ever",
				   i + 1);
	model->taken[i] = true;
	/* Garbage, so that a field that is not set is seen. */
	memset(&model->spans[i], 0xa5, sizeof(model->spans[i]));
	model->spans[i].free = false;
	return &model->spans[i];
}

void span_delete(struct span *span)
{
	if (!is_span(span))
		check_fail("Only a span that exists can be deleted, and once.",
			   "a span of span_new()\nspan_delete(%p)",
			   (void *)span);
	model->taken[span - model->spans] = false;
}

/* The end of the run of bytes of one owner that begins at @start. */
static size_t run_end(size_t start)
{
	size_t end = start;

	while (end < model->arena.size &&
	       model->owner[end] == model->owner[start])
		end++;
	return end;
}

/* What should be, from the map, not from the learner's list. */
static void draw(void)
{
	size_t start, end, all = 0, largest = 0;

	check_print("      ");
	for (start = 0; start < model->arena.size; start = end) {
		end = run_end(start);
		if (model->owner[start]) {
			check_print("[%zu #%u]", end - start,
				    model->owner[start]);
			continue;
		}
		check_print("[%zu free]", end - start);
		all += end - start;
		if (end - start > largest)
			largest = end - start;
	}
	check_print("\n      %zu bytes free, the largest span %zu (#n: the n-th allocation)\n",
		    all, largest);
}

/* Whether one span of the list is what the map says of [*at, ...). */
static void validate_span(const struct span *span, size_t *at)
{
	size_t end = run_end(*at);

	if (span->start != *at)
		check_fail("The spans are in the order of addresses and leave no gap.",
			   "a span that starts at %zu\none that starts at %zu",
			   *at, span->start);
	if (!span->size)
		check_fail("No span is empty: if nothing is left, there is no rest to keep.",
			   "a span of 1 byte or more at %zu\na span of 0 bytes",
			   *at);
	if (span->free && model->owner[*at])
		check_fail("What is handed out is not free.",
			   "[%zu, %zu) used\nit is marked free", *at, end);
	if (!span->free && !model->owner[*at])
		check_fail("What is not handed out is free.",
			   "[%zu, %zu) free\nit is marked used", *at, end);
	if (span->free && span->start + span->size < end)
		check_fail("Free neighbours are merged, on both sides.",
			   "one free span [%zu, %zu)\na free span ends at %zu, and the next one is free, too",
			   *at, end, span->start + span->size);
	if (span->start + span->size != end)
		check_fail("A span that is used has the size that was asked for; the rest stays free.",
			   "a span [%zu, %zu)\n[%zu, %zu)", *at, end,
			   span->start, span->start + span->size);
	*at = end;
}

static void validate(void)
{
	const struct span *span = model->arena.first, *prev = NULL;
	size_t at = 0;
	unsigned int nr = 0, i;

	for (; at < model->arena.size; prev = span, span = span->next, nr++) {
		if (!is_span(span))
			check_fail("The list holds all spans, up to the end of the arena.",
				   "a span that starts at %zu\nthe list ends, or leads out of all spans",
				   at);
		if (span->prev != prev)
			check_fail("prev and next are two directions of one list.",
				   "span->prev of [%zu, ...) is the span before it\nit is another one",
				   at);
		validate_span(span, &at);
	}
	if (span && is_span(span) && !span->size)
		check_fail("No span is empty: if nothing is left, there is no rest to keep.",
			   "no span at the end, %zu\na span of 0 bytes", at);
	if (span)
		check_fail("The list ends where the arena ends.",
			   "next of the last span NULL\nit is not");
	for (i = 0; i < ARRAY_SIZE(model->spans); i++)
		nr -= model->taken[i];
	if (nr)
		check_fail("A span that is merged away is given to span_delete().",
			   "no span that is on no list\n%u of them", -nr);
}

static long expected_start(size_t size)
{
	size_t start, end;

	for (start = 0; start < model->arena.size; start = end) {
		end = run_end(start);
		if (!model->owner[start] && end - start >= size)
			return (long)start;
	}
	return -1;
}

static void check_start(long got, long expected, size_t size)
{
	if (got == expected)
		return;
	if (expected < 0)
		check_fail("An allocation lies in one free span: bytes of several cannot be joined, since something is between them.",
			   "-1, since no free span has %zu bytes\n%ld", size,
			   got);
	if (got < 0)
		check_fail("A free span that is large enough serves the request, also if it fits exactly.",
			   "%ld\n%ld", expected, got);
	check_fail("First fit takes the first free span that is large enough, at its start.",
		   "%ld\n%ld", expected, got);
}

static long try_alloc(size_t size)
{
	long got, expected = expected_start(size);
	size_t i;

	check_call("arena_alloc(%zu)", size);
	got = arena_alloc(&model->arena, size);
	check_return(" = %ld", got);
	check_start(got, expected, size);
	if (got >= 0) {
		model->nr++;
		for (i = 0; i < size; i++)
			model->owner[(size_t)got + i] = model->nr;
	}
	validate();
	return got;
}

static void try_free(long start)
{
	bool valid = start >= 0 && (size_t)start < model->arena.size &&
		model->owner[start] &&
		(!start || model->owner[start - 1] != model->owner[start]);
	size_t end;
	int got;

	check_call("arena_free(%ld)", start);
	got = arena_free(&model->arena, start);
	check_return(" = %d", got);
	if (got != (valid ? 0 : -1))
		check_fail("arena_free() takes what arena_alloc() returned, once, and refuses all else.",
			   "%s\n%d", valid ? "0" :
			   "-1: nothing that is used starts there", got);
	if (valid) {
		end = run_end((size_t)start);
		memset(&model->owner[start], 0,
		       (end - (size_t)start) * sizeof(model->owner[0]));
	}
	validate();
}

static void try_largest(void)
{
	size_t got, expected = 0, start, end;

	for (start = 0; start < model->arena.size; start = end) {
		end = run_end(start);
		if (!model->owner[start] && end - start > expected)
			expected = end - start;
	}
	check_call("arena_largest()");
	got = arena_largest(&model->arena);
	check_return(" = %zu", got);
	if (got != expected)
		check_fail("The largest free span bounds what can be allocated, not the sum of all.",
			   "%zu\n%zu", expected, got);
}

static void start(size_t size)
{
	check_new_sequence();
	memset(model, 0, sizeof(*model));
	model->arena.size = size;
	model->arena.first = span_new();
	*model->arena.first = (struct span){ .size = size, .free = true };
}

static void splits(void)
{
	start(100);
	try_alloc(16);
	try_alloc(16);
	try_largest();
	try_alloc(68);
	try_largest();
	try_alloc(1);
}

static void exact_fit(void)
{
	long a;

	start(100);
	a = try_alloc(20);
	try_alloc(80);
	try_free(a);
	try_alloc(20);
}

static void merges(void)
{
	long a, b, c, d;

	start(100);
	a = try_alloc(10);
	b = try_alloc(10);
	c = try_alloc(10);
	d = try_alloc(10);
	try_free(a);
	try_free(b);
	try_free(d);
	try_free(c);
	try_alloc(100);
}

/*
 *	[16][16][  20  ][16][16][16]	all used
 *	[16][  ][  20  ][  ][16][  ]	three free ones of 16: 48 bytes
 */
static void lecture(void)
{
	long b, d, f;

	start(100);
	try_alloc(16);
	b = try_alloc(16);
	try_alloc(20);
	d = try_alloc(16);
	try_alloc(16);
	f = try_alloc(16);
	try_free(b);
	try_free(d);
	try_free(f);
	try_largest();
	try_alloc(20);
	try_alloc(16);
}

/* The first that fits, not the best one. */
static void first_not_best(void)
{
	long a, c;

	start(100);
	a = try_alloc(40);
	try_alloc(10);
	c = try_alloc(20);
	try_alloc(30);
	try_free(a);
	try_free(c);
	try_alloc(20);
	try_alloc(20);
	try_alloc(20);
}

static void what_must_be_refused(void)
{
	long a, b;

	start(100);
	a = try_alloc(16);
	b = try_alloc(16);
	try_free(a + 8);
	try_free(-1);
	try_free(50);
	try_free(100);
	try_free(b);
	try_free(b);
}

static void random_trace(void)
{
	unsigned int round, step;

	for (round = 0; round < 40; round++) {
		start(50 + check_random(MAX_BYTES - 50));
		for (step = 0; step < 200; step++) {
			if (check_random(5) < 3)
				try_alloc(1 + check_random(60));
			else
				try_free((long)check_random((unsigned int)
					 model->arena.size));
			if (check_random(10) == 0)
				try_largest();
		}
		/* All of it, byte by byte. */
		for (step = 0; step < model->arena.size; step++)
			if (model->owner[step])
				try_free((long)step);
		try_alloc(model->arena.size);
	}
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "splits", splits, draw },
		{ "a span that fits exactly", exact_fit, draw },
		{ "merges with both neighbours", merges, draw },
		{ "the lecture's arena: 20 bytes of 48", lecture, draw },
		{ "the first, not the best", first_not_best, draw },
		{ "what must be refused", what_must_be_refused, draw },
		{ "random traces", random_trace, draw },
	};

	model = check_shared(sizeof(*model));
	return check_run("Exercise 05: first fit on an arena of 100 bytes", cases,
			 ARRAY_SIZE(cases));
}
