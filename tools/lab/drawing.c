// SPDX-License-Identifier: MIT
/*
 * States as a drawing: SVG made of the lines that the terminal shows, so that
 * both say the same.
 *
 *	> alloc 0			one panel per state, below its command
 *	pages 0    [....][#][.]		blocks of pages, by what they are
 *	order 0    [17] > [33]		a list, its first entry on the left
 *	foo slab 7 [o][-][.][_]		the objects of a slab
 *	foo cpu 0  main [7.3][   ]	sheaves, with room for as many as fit
 *	at 0       [A 16  ][ 16  ]	an arena, drawn to scale
 *
 * Labels of lines that differ from the panel above are bold. Colours are those
 * of Okabe and Ito, made light; none stands without a sign or the legend.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../kmm/kmm.h"
#include "../kmm/svg_file.h"
#include "lab.h"

#define MARGIN 20
#define AREA 704		/* what stands behind the labels: 32 pages */
#define CELL 22
#define LINE 30
#define CHAR 6.6		/* a character of small text, about, */
#define LABEL_CHAR 8		/* and of a bold label */

struct canvas {
	FILE *f;
	double x, y;		/* of what comes next */
	unsigned int left;	/* of what stands behind the labels */
	bool seen[128];		/* signs of pages, */
	bool seen_object[128];	/* and of objects */
	bool ruler;		/* is above the pages of this panel */
	char *const *labels;	/* of the lines to draw; none: all */
	unsigned int nr_labels;
};

struct look {
	char sign;
	const char *fill, *stroke, *name;
};

static const struct look page_looks[] = {
	{ '.', "#E3F1FA", "#56B4E9", "free" },
	{ 'A', "#FBD9BF", "#D55E00", "a block with its user" },
	{ 's', "#BFE6DA", "#009E73", "slab" },
	{ '+', "#FAF3B0", "#B8A800", "on a CPU's own list" },
	{ '#', "#DADDE1", "#8A9099", "the library's own" },
};

static const struct look object_looks[] = {
	{ 'o', "#FBD9BF", "#D55E00", "object with its user" },
	{ '-', "#FAF3B0", "#B8A800", "in a sheaf" },
	{ '.', "#E3F1FA", "#56B4E9", "on the slab's freelist" },
	{ '_', "#FFFFFF", "#8A9099", "never handed out" },
};

static const struct look type_looks[] = {
	{ 'm', "#D6EDE5", "#009E73", "movable" },
	{ 'r', "#FFF0D0", "#E69F00", "reclaimable" },
	{ 'u', "#F5E1ED", "#CC79A7", "unmovable" },
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static char page_sign(char c)
{
	if (isupper((unsigned char)c))
		return 'A';
	return islower((unsigned char)c) ? 's' : c == '?' ? '#' : c;
}

static const struct look *find_look(const struct look *looks, size_t nr,
				    char sign)
{
	size_t i;

	for (i = 0; i < nr - 1; i++)
		if (looks[i].sign == sign)
			break;
	return &looks[i];
}

/* By the last word of @text; NULL: it is no migratetype. */
static const struct look *type_look(const char *text)
{
	const char *word = strrchr(text, ' ');
	size_t i;

	for (i = 0; word && i < NR(type_looks); i++)
		if (!strcmp(type_looks[i].name, word + 1))
			return &type_looks[i];
	return NULL;
}

static void box(struct canvas *c, double width, const struct look *look,
		const char *text)
{
	svg_box(c->f, c->x + 1, c->y, width - 2, CELL, look->fill, look->stroke);
	if (CHAR * (double)strlen(text) <= width)
		svg_text(c->f, c->x + width / 2, c->y + 15, "c", text);
	c->x += width;
}

static void words(struct canvas *c, const char *text)
{
	svg_text(c->f, c->x, c->y + 15, "n", text);
	c->x += CHAR * (double)strlen(text) + 6;
}

/* To the next line, if @width does not fit in this one. */
static void make_room(struct canvas *c, double width)
{
	if (c->x + width <= c->left + AREA || c->x <= c->left)
		return;
	c->x = c->left;
	c->y += LINE;
}

/* Pages -------------------------------------------------------------------- */

static void draw_ruler(struct canvas *c)
{
	char text[8];
	int i;

	for (i = 0; i < 32; i += 4) {
		snprintf(text, sizeof(text), "+%d", i);
		svg_text(c->f, c->left + i * CELL + CELL / 2.0, c->y + 10, "g",
			 text);
	}
	c->y += 15;
	c->ruler = true;
}

/* What stands in the box of a block of pages [pfn, end). */
static void name_block(char *name, size_t size, char sign, unsigned long pfn,
		       unsigned long end)
{
	if (sign != '.')
		snprintf(name, size, "%c", sign);
	else if (!end)
		snprintf(name, size, "%lu and on", pfn);
	else if (end == pfn + 1)
		snprintf(name, size, "%lu", pfn);
	else
		snprintf(name, size, "%lu-%lu", pfn, end - 1);
}

/* @text: "|AAAA|..|": one box a block, with ticks between its pages. A free
 * block has its pages' numbers for a name, if there is room. Rows of a large
 * block that would be alike were left out: the next row is that of @next, or
 * there is none if that is 0. What begins at an odd row ends with it, since a
 * block begins at a multiple of its size. */
static void draw_pages(struct canvas *c, unsigned long pfn, unsigned long next,
		       const char *text)
{
	const struct look *look;
	char name[48];
	size_t nr, i;
	char sign;

	for (text++; *text; text += nr + 1) {
		nr = strcspn(text, "|");
		sign = page_sign(*text);
		c->seen[(int)sign] = true;
		look = find_look(page_looks, NR(page_looks), sign);
		name_block(name, sizeof(name), *text, pfn,
			   nr < 32 || pfn & 32 ? pfn + nr : next);
		pfn += nr;
		for (i = 1; i < nr; i++)
			svg_rect(c->f, c->x + (double)i * CELL - 0.25,
				 c->y + CELL, 0.5, 4, look->stroke);
		box(c, (double)nr * CELL, look, name);
		if (!text[nr])
			break;
	}
}

/* Lists -------------------------------------------------------------------- */

/* @text: entries, apart by @between; they stand in the order of the list. */
static void draw_list(struct canvas *c, char *text, const char *between,
		      const struct look *look)
{
	size_t len = strlen(between);
	char *next;
	double width;

	for (; text; text = next) {
		next = strstr(text, between);
		if (next) {
			*next = '\0';
			next += len;
		}
		text += strspn(text, " ");
		width = CHAR * (double)strlen(text) + 16;
		make_room(c, width + 18);
		if (isdigit((unsigned char)*text))
			box(c, width, look, text);
		else if (*text)
			words(c, text);
		if (next && *next)
			svg_text(c->f, c->x + 4, c->y + 15, "g", "\u203a");
		c->x += 10;
	}
}

/* "0-511 unmovable, 512-1023 movable": all of the same width. */
static void draw_pageblocks(struct canvas *c, char *text)
{
	unsigned int nr = 1;
	char *word, *rest = NULL;
	const char *at;

	for (at = text; (at = strchr(at, ',')) != NULL; at++)
		nr++;
	for (word = strtok_r(text, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		word += strspn(word, " ");
		box(c, (double)AREA / nr, type_look(word), word);
	}
}

/* "order 0: 48 17  order 1: 2-3  runs: 8-15  (4 of 4)" */
static void draw_cpu_pages(struct canvas *c, char *text)
{
	const struct look *look = find_look(page_looks, NR(page_looks), '+');
	char *end = strstr(text, "  ("), *word, *rest = NULL;
	char order[32];

	if (end)
		*end = '\0';
	for (word = strtok_r(text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		make_room(c, CHAR * (double)strlen(word) + 16);
		if (!strcmp(word, "order")) {
			word = strtok_r(NULL, " ", &rest);
			snprintf(order, sizeof(order), "order %s",
				 word ? word : "");
			words(c, order);
		} else if (!strcmp(word, "runs:")) {
			words(c, word);
		} else {
			box(c, CHAR * (double)strlen(word) + 16, look, word);
		}
	}
	c->x += 8;
	if (end)
		words(c, end + 2);
}

/* Slabs -------------------------------------------------------------------- */

/* @text: "oo-._  2 of 5 in use, partial" */
static void draw_slab(struct canvas *c, const char *text)
{
	size_t nr = strcspn(text, " "), i;
	double width = nr <= 22 ? CELL : nr <= 48 ? CELL / 2.0 : 352.0 / 64;
	bool numbered = width >= CELL;
	const struct look *look;
	char number[24];

	for (i = 0; i < nr; i++) {
		look = find_look(object_looks, NR(object_looks), text[i]);
		c->seen_object[(int)text[i]] = true;
		make_room(c, width);
		snprintf(number, sizeof(number), "%zu", i);
		box(c, width, look, numbered ? number : "");
	}
	text += nr;
	text += strspn(text, " ");
	make_room(c, CHAR * (double)strlen(text) + 8);
	c->x += 8;
	words(c, text);
}

/* One sheaf: "main 7.3 7.2 (2 of 4)", up to three spaces or the end. */
static char *draw_sheaf(struct canvas *c, char *text)
{
	const struct look *full = find_look(object_looks, NR(object_looks), '-');
	static const struct look room = { ' ', "#FFFFFF", "#C9CDD2", NULL };
	char *end = strstr(text, "   "), *count, *word, *rest = NULL;
	unsigned int size = 0, capacity = 0, i;
	double width;

	if (end) {
		*end = '\0';
		end += 3;
	}
	count = strchr(text, '(');
	if (count && sscanf(count, "(%u of %u)", &size, &capacity) == 2)
		*count = '\0';
	width = capacity <= 8 ? 38 : capacity <= 32 ? 10 : 5;
	make_room(c, 60 + width * capacity);
	word = strtok_r(text, " ", &rest);
	words(c, word ? word : "");
	for (i = 0; i < capacity; i++) {
		word = strtok_r(NULL, " ", &rest);
		box(c, width, word ? full : &room, word ? word : "");
	}
	if (!capacity)
		words(c, "none");
	c->x += 14;
	return end;
}

static void draw_sheaves(struct canvas *c, char *text)
{
	while (text && *text)
		text = draw_sheaf(c, text);
}

/* Arenas ------------------------------------------------------------------- */

/* The size in "A 5/8" or ". 16". */
static unsigned long block_size(const char *text)
{
	const char *size = strpbrk(text, "/|");

	if (!size || *size == '|')
		size = strchr(text, ' ');
	return size ? strtoul(size + 1, NULL, 10) : 0;
}

static bool is_arena(const char *line)
{
	return !strncmp(line, "at ", 3);
}

/* Every block of the rows "at N |...|": its text ends with '|'. */
#define for_each_block(p, i, at)					\
	for ((i) = 0; (i) < (p)->nr; (i)++)				\
		if (is_arena((p)->lines[i]))				\
			for ((at) = strchr((p)->lines[i], '|') + 1; *(at); \
			     (at) += strcspn((at), "|") + 1)

/* All rows as one, to scale, with the address below each block. */
static void draw_arena(struct canvas *c, const struct picture *p)
{
	unsigned long bytes = 0, start = 0, size;
	double width, shown = -30;
	const char *at;
	char text[32];
	unsigned int i;

	for_each_block(p, i, at)
		bytes += block_size(at);
	for_each_block(p, i, at) {
		size = block_size(at);
		width = AREA * (double)size / (double)bytes;
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "|"), at);
		if (*at == '.')
			snprintf(text, sizeof(text), "%lu", size);
		c->seen[(int)page_sign(*at)] = true;
		if (c->x >= shown + 30) {
			char address[24];

			snprintf(address, sizeof(address), "%lu", start);
			svg_text(c->f, c->x, c->y + CELL + 12, "g", address);
			shown = c->x;
		}
		box(c, width, find_look(page_looks, NR(page_looks),
					page_sign(*at)), text);
		start += size;
	}
	c->y += 10;
}

/* Lines -------------------------------------------------------------------- */

static bool is_in(const struct picture *p, const char *line)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		if (!strcmp(p->lines[i], line))
			return true;
	return false;
}

static bool is_slab(const char *label)
{
	const char *word = strstr(label, " slab ");

	return word && isdigit((unsigned char)word[6]);
}

/* @next: the line behind it, or NULL. */
static void draw_content(struct canvas *c, const char *label, char *text,
			 const char *next)
{
	const char *last = strrchr(label, ' ');
	const struct look *type = type_look(label);

	if (!strncmp(label, "pages ", 6))
		draw_pages(c, strtoul(label + 6, NULL, 10),
			   next && !strncmp(next, "pages ", 6) ?
				   strtoul(next + 6, NULL, 10) : 0, text);
	else if (!strcmp(label, "pageblocks"))
		draw_pageblocks(c, text);
	else if (!strncmp(label, "cpu ", 4))
		draw_cpu_pages(c, text);
	else if (is_slab(label))
		draw_slab(c, text);
	else if (!strncmp(text, "main ", 5) || (last && !strcmp(last, " barn")))
		draw_sheaves(c, text);
	else if (strstr(label, "order "))
		draw_list(c, text, " ", type ? type : &page_looks[0]);
	else if (strstr(text, " at "))
		draw_list(c, text, " -> ", &page_looks[0]);
	else
		words(c, text);
}

static void draw_line(struct canvas *c, const char *line, const char *next,
		      bool changed)
{
	char *label = xstrdup(line), *text = strstr(label, "  ");

	if (text)
		*text++ = '\0';
	else
		text = label + strlen(label);
	text += strspn(text, " ");
	if (!strncmp(label, "pages ", 6) && !c->ruler)
		draw_ruler(c);
	svg_text(c->f, MARGIN, c->y + 15, changed ? "h" : "r", label);
	c->x = c->left;
	if (!strcmp(label, "sum"))
		words(c, text);
	else
		draw_content(c, label, text, next);
	c->y += LINE;
	free(label);
}

/* What was said, in lines as wide as the drawing. */
static void draw_said(struct canvas *c, const char *text)
{
	const size_t max = (size_t)((c->left + AREA - MARGIN) / CHAR);
	char line[256];
	size_t len;

	while (*text) {
		len = strlen(text);
		if (len > max)
			for (len = max; len > 1 && text[len] != ' '; len--)
				;
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		svg_text(c->f, MARGIN, c->y + 8, "n", line);
		c->y += 16;
		text += len;
		text += strspn(text, " ");
	}
	c->y += 6;
}

static bool is_wanted(const struct canvas *c, const char *line)
{
	unsigned int i;

	for (i = 0; i < c->nr_labels; i++)
		if (!strncmp(line, c->labels[i], strlen(c->labels[i])))
			return true;
	return !c->nr_labels;
}

/* Room for the longest label. */
static unsigned int measure_labels(const struct canvas *c,
				   const struct lab_step *steps, unsigned int nr)
{
	unsigned int left = 140, i, k;

	for (i = 0; i < nr; i++) {
		for (k = 0; k < steps[i].state.nr; k++) {
			const char *line = steps[i].state.lines[k];
			const char *end = strstr(line, "  ");
			unsigned int len = end ? (unsigned int)(end - line) : 0;

			if (is_wanted(c, line) &&
			    MARGIN + LABEL_CHAR * len > left)
				left = MARGIN + LABEL_CHAR * len;
		}
	}
	return left;
}

static void draw_panel(struct canvas *c, const struct lab_step *step,
		       const struct lab_step *above)
{
	const struct picture *p = &step->state;
	bool arena = false;
	unsigned int i;

	c->ruler = false;
	svg_text(c->f, MARGIN, c->y + 16, "m", step->command);
	c->y += 30;
	if (step->said)
		draw_said(c, step->said);
	for (i = 0; i < p->nr; i++) {
		if (!is_wanted(c, p->lines[i]))
			continue;
		if (!is_arena(p->lines[i])) {
			draw_line(c, p->lines[i],
				  i + 1 < p->nr ? p->lines[i + 1] : NULL,
				  above && !is_in(&above->state, p->lines[i]));
		} else if (!arena) {
			arena = true;
			svg_text(c->f, MARGIN, c->y + 15, "r", "arena");
			c->x = c->left;
			draw_arena(c, p);
			c->y += LINE;
		}
	}
	c->y += 8;
}

static void draw_legend(struct canvas *c, const struct look *looks, size_t nr,
			const bool *seen)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!seen[(int)looks[i].sign])
			continue;
		make_room(c, CHAR * (double)strlen(looks[i].name) + 40);
		svg_box(c->f, c->x, c->y + 4, 14, 14, looks[i].fill,
			looks[i].stroke);
		c->x += 20;
		words(c, looks[i].name);
		c->x += 10;
	}
}

static int write_file(const char *path, unsigned int width, unsigned int height,
		      const char *body)
{
	FILE *f = svg_begin(path, width, height, NULL);

	if (!f)
		return -errno;
	fputs(body, f);
	return svg_end(f);
}

int drawing_write(const char *path, const struct lab_step *steps,
		  unsigned int nr, char *const *labels, unsigned int nr_labels)
{
	struct canvas c = { .y = 14, .labels = labels, .nr_labels = nr_labels };
	char *body = NULL;
	size_t size;
	unsigned int i;
	int err;

	c.f = open_memstream(&body, &size);
	if (!c.f)
		return -errno;
	c.left = measure_labels(&c, steps, nr);
	for (i = 0; i < nr; i++) {
		if (i) {
			svg_rect(c.f, MARGIN, c.y - 4, c.left + AREA - MARGIN, 1,
				 "#D5D8DC");
			c.y += 6;
		}
		draw_panel(&c, &steps[i], i ? &steps[i - 1] : NULL);
	}
	c.x = c.left;
	draw_legend(&c, page_looks, NR(page_looks), c.seen);
	draw_legend(&c, object_looks, NR(object_looks), c.seen_object);
	if (fclose(c.f))
		return -errno;
	err = write_file(path, c.left + AREA + MARGIN,
			 (unsigned int)c.y + LINE + 6, body);
	free(body);
	return err;
}
