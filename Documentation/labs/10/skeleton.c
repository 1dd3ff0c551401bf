// SPDX-License-Identifier: MIT
/*
 * Exercise 10: make it leak-free. This program seems to work, and has five
 * mistakes in its use of memory. See README.md, and what it has to print there.
 *
 * A little library lends books. Each line of the script is a command:
 *
 *	add TITLE	a book arrives
 *	lend TITLE WHO	somebody takes it
 *	back TITLE	it is back
 *	drop TITLE	it is worn out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct book {
	struct book *next;
	char *title;
	char *reader;		/* who has it, or NULL */
};

struct shelf {
	struct book *first;
	unsigned int nr;
};

static const char *const script[] = {
	"add Momo",
	"add Emil",
	"add Robinson",
	"lend Momo Ada",
	"lend Emil Grace",
	"back Momo",
	"lend Momo Barbara",
	"drop Emil",
	"drop Robinson",
	"add Pippi",
	"lend Pippi Ada",
	"lend Pippi Frances",
	"back Pippi",
	"drop Nobody",
};

static char *copy(const char *text)
{
	char *p = malloc(strlen(text));

	if (!p)
		abort();
	return strcpy(p, text);
}

static struct book *find(struct shelf *shelf, const char *title)
{
	struct book *book;

	for (book = shelf->first; book; book = book->next)
		if (!strcmp(book->title, title))
			return book;
	return NULL;
}

static void add(struct shelf *shelf, const char *title)
{
	struct book *book = malloc(sizeof(*book));

	if (!book)
		abort();
	book->title = copy(title);
	book->reader = NULL;
	book->next = shelf->first;
	shelf->first = book;
	shelf->nr++;
}

static void lend(struct book *book, const char *who)
{
	if (book->reader)
		printf("%s leaves %s to %s\n", book->reader, book->title, who);
	book->reader = copy(who);
}

static void back(struct book *book)
{
	printf("%s brings %s back\n", book->reader, book->title);
	free(book->reader);
}

static void drop(struct shelf *shelf, struct book *book)
{
	struct book **link;

	for (link = &shelf->first; *link != book; link = &(*link)->next)
		;
	*link = book->next;
	shelf->nr--;
	printf("%s is dropped\n", book->title);
	free(book->title);
	free(book->reader);
	free(book);
}

static void command(struct shelf *shelf, const char *text)
{
	char *line = copy(text), *verb, *title, *who, *rest;
	struct book *book;

	verb = strtok_r(line, " ", &rest);
	title = strtok_r(NULL, " ", &rest);
	who = strtok_r(NULL, " ", &rest);
	if (!strcmp(verb, "add")) {
		add(shelf, title);
		free(line);
		return;
	}
	book = find(shelf, title);
	if (!book) {
		printf("there is no %s\n", title);
		return;
	}
	if (!strcmp(verb, "lend"))
		lend(book, who);
	else if (!strcmp(verb, "back"))
		back(book);
	else
		drop(shelf, book);
	free(line);
}

static struct shelf *shelf_new(void)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));

	if (!shelf)
		abort();
	return shelf;
}

static void shelf_delete(struct shelf *shelf)
{
	free(shelf);
}

static void run(void)
{
	struct shelf *shelf = shelf_new();
	struct book *book;
	size_t i;

	for (i = 0; i < sizeof(script) / sizeof(script[0]); i++)
		command(shelf, script[i]);
	printf("%u books:\n", shelf->nr);
	for (book = shelf->first; book; book = book->next)
		printf("  %s\n", book->title);
	shelf_delete(shelf);
}

int main(void)
{
	run();
	return 0;
}
