// SPDX-License-Identifier: MIT
/*
 * Lines of reports: find the addresses in them, and write their names.
 *
 *	line    := text { address text }
 *	address := "0x" HEX " (" module "+0x" HEX ")" [ " (BuildId: " HEX ")" ]
 *	module  := a path, which may hold any of these characters
 *
 * A line that begins with "#K " and an address is a frame of a stack, where
 * functions inlined into each other get a line each. All addresses in reports
 * are return addresses, so the call before them is looked up.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "report.h"

#define LONGEST_LINE (1 << 16)	/* what is longer is no line of a report */

struct address {
	const char *start, *end;	/* the whole of it, in the line */
	const char *number_end;		/* behind "0xHEX" */
	char *module;
	char *build_id;			/* or NULL */
	uint64_t vaddr;
};

static bool skip(const char **p, const char *end, const char *what)
{
	size_t len = strlen(what);

	if ((size_t)(end - *p) < len || memcmp(*p, what, len))
		return false;
	*p += len;
	return true;
}

static bool skip_hex(const char **p, const char *end)
{
	const char *start = *p;

	while (*p < end && isxdigit((unsigned char)**p))
		(*p)++;
	return *p > start;
}

/* "+0xHEX)" after the module. */
static bool parse_vaddr(const char **p, const char *end, uint64_t *vaddr)
{
	const char *digits;

	if (!skip(p, end, "+0x"))
		return false;
	digits = *p;
	if (!skip_hex(p, end) || *p == end || **p != ')')
		return false;
	*vaddr = strtoull(digits, NULL, 16);
	(*p)++;
	return true;
}

static char *parse_build_id(const char **p, const char *end)
{
	const char *q = *p, *digits;
	char *build_id;

	if (!skip(&q, end, " (BuildId: "))
		return NULL;
	digits = q;
	if (!skip_hex(&q, end) || q == end || *q != ')')
		return NULL;
	build_id = strndup(digits, (size_t)(q - digits));
	*p = q + 1;
	return build_id;
}

/* The address that begins at @p; if so, the caller frees its strings. */
static bool parse_address(const char *p, const char *end, struct address *a)
{
	const char *module, *q;

	a->start = p;
	if (!skip(&p, end, "0x") || !skip_hex(&p, end))
		return false;
	a->number_end = p;
	if (!skip(&p, end, " ("))
		return false;
	for (module = p; p < end; p++) {
		q = p;
		if (!parse_vaddr(&q, end, &a->vaddr))
			continue;
		/* Not "[vdso]" or "an anonymous mapping". */
		if (!memchr(module, '/', (size_t)(p - module)))
			return false;
		a->module = strndup(module, (size_t)(p - module));
		a->build_id = parse_build_id(&q, end);
		a->end = q;
		return a->module != NULL;
	}
	return false;
}

static bool find_address(const char *p, const char *end, struct address *a)
{
	for (; (p = memchr(p, '0', (size_t)(end - p))) != NULL; p++)
		if (parse_address(p, end, a))
			return true;
	return false;
}

/* "  #12 " before an address. */
static bool is_frame(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p++ != '#' || p == end || !isdigit((unsigned char)*p))
		return false;
	while (p < end && isdigit((unsigned char)*p))
		p++;
	while (p < end && *p == ' ')
		p++;
	return p == end;
}

void report_write_frame(FILE *out, const struct frame *frame,
			const char *module)
{
	fputs(frame->function, out);
	if (frame->inlined)
		fputs(" [inlined]", out);
	else if (frame->size)
		fprintf(out, "+%#lx/%#lx", (unsigned long)frame->offset,
			(unsigned long)frame->size);
	if (frame->file)
		fprintf(out, " %s:%d", frame->file, frame->line);
	else if (module)
		fprintf(out, " (%s)", module);
}

/* The text from @p to the end of @a; each frame on a line of its own if the
 * text is the beginning of a frame line. */
static void write_address(struct report *r, const char *p, const char *end,
			  const struct address *a, bool own_lines)
{
	struct file_identity identity = { a->build_id, r->not_after };
	struct frame frames[MAX_FRAMES];
	size_t before = (size_t)(a->number_end - p);
	int nr, i;

	nr = symbols_lookup_file(r->symbols, a->module, &identity, a->vaddr,
				 true, frames);
	if (!nr) {
		fwrite(p, 1, (size_t)(a->end - p), r->out);
		return;
	}
	for (i = 0; i < nr; i++) {
		if (!i || own_lines)
			fwrite(p, 1, before, r->out);
		fputs(i && !own_lines ? ", " : " ", r->out);
		report_write_frame(r->out, &frames[i], a->module);
		if (own_lines && i + 1 < nr) {
			fwrite(a->end, 1, (size_t)(end - a->end), r->out);
			putc('\n', r->out);
		}
	}
}

static void write_line(struct report *r, const char *p, size_t len,
		       bool complete)
{
	const char *start = p, *end = p + len;
	struct address a;

	if (r->filter && r->filter(r->data, p, len))
		return;
	while (find_address(p, end, &a)) {
		write_address(r, p, end, &a,
			      p == start && is_frame(p, a.start));
		p = a.end;
		free(a.module);
		free(a.build_id);
	}
	fwrite(p, 1, (size_t)(end - p), r->out);
	if (complete)
		putc('\n', r->out);
}

static void keep(struct report *r, const char *text, size_t len)
{
	if (r->len + len > r->size) {
		r->size = 2 * (r->len + len);
		r->line = xrealloc(r->line, r->size);
	}
	memcpy(r->line + r->len, text, len);
	r->len += len;
}

void report_add(struct report *r, const char *text, size_t len)
{
	const char *end = text + len, *newline;

	while (text < end) {
		newline = memchr(text, '\n', (size_t)(end - text));
		keep(r, text, (size_t)((newline ?: end) - text));
		if (newline) {
			write_line(r, r->line, r->len, true);
			r->len = 0;
			text = newline + 1;
			continue;
		}
		if (r->len > LONGEST_LINE) {
			fwrite(r->line, 1, r->len, r->out);
			r->len = 0;
		}
		text = end;
	}
}

void report_end(struct report *r)
{
	if (r->len)
		write_line(r, r->line, r->len, false);
	free(r->line);
	r->line = NULL;
	r->len = r->size = 0;
}
