// SPDX-License-Identifier: MIT
/*
 * Profiles as text: folded stacks, and /proc/allocinfo.
 *
 *	folded:		main;work;make_node 4096
 *	allocinfo:	        4096        2 src/node.c:12 [a.out] func:make_node
 *
 * Both name a place in the same words if the same function and line is meant, and
 * what has the same words is one line: a stack that allocates several sizes, two
 * calls on one line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmm.h"
#include "profile.h"

struct row {
	char *text;
	double count;
	uint64_t calls;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->text,
		      ((const struct row *)b)->text);
}

static int by_count(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return by_text(a, b);
}

/* Add up rows of the same text; how many are left. */
static size_t join_rows(struct row *rows, size_t nr)
{
	size_t i, left = 0;

	qsort(rows, nr, sizeof(*rows), by_text);
	for (i = 0; i < nr; i++) {
		if (left && !strcmp(rows[left - 1].text, rows[i].text)) {
			rows[left - 1].count += rows[i].count;
			rows[left - 1].calls += rows[i].calls;
			free(rows[i].text);
		} else {
			rows[left++] = rows[i];
		}
	}
	return left;
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

/* Folded stacks ------------------------------------------------------------ */

static void write_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(*name == ';' ? ':' : *name, out);
}

/* An address, outermost of the functions inlined there first. */
static void fold_address(struct profile *p, FILE *out, uint64_t address)
{
	struct frame frames[MAX_FRAMES];
	const char *module;
	uint64_t vaddr;
	int nr = symbols_lookup(p->symbols, address, true, frames);

	if (!nr) {
		module = base_name(symbols_module(p->symbols, address, &vaddr));
		if (module)
			fprintf(out, "%s+0x%lx", module, (unsigned long)vaddr);
		else
			fprintf(out, "0x%lx", (unsigned long)address);
	}
	while (nr) {
		write_name(out, frames[--nr].function);
		if (nr)
			fputc(';', out);
	}
}

static char *fold(struct profile *p, const struct sample *sample)
{
	unsigned int i = sample->depth;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		error(EXIT_FAILED, errno, "cannot allocate");
	if (!i)
		fputs("[unknown]", out);
	while (i) {
		fold_address(p, out, sample->stack[--i]);
		if (i)
			fputc(';', out);
	}
	fclose(out);
	return text;
}

void profile_write_folded(struct profile *p, const char *path, bool alloc)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	struct row *rows = xcalloc(p->nr_samples + 1, sizeof(*rows));
	size_t nr = 0, i;

	if (!out)
		error(EXIT_FAILED, errno, "cannot open %s", path);
	for (i = 0; i < p->nr_samples; i++) {
		const struct sample *sample = &p->samples[i];
		uint64_t count = alloc ? sample->nr_allocs : sample->nr_live;

		if (!count)
			continue;
		rows[nr++] = (struct row){
			.text = fold(p, sample),
			.count = (double)(count * sample->size) *
				 profile_weight(p, sample),
		};
	}
	nr = join_rows(rows, nr);
	for (i = 0; i < nr; i++) {
		fprintf(out, "%s %.0f\n", rows[i].text, rows[i].count);
		free(rows[i].text);
	}
	free(rows);
	if (ferror(out) | (out == stdout ? fflush(out) : fclose(out)))
		error(EXIT_FAILED, errno, "cannot write %s", path);
}

/* allocinfo ---------------------------------------------------------------- */

static char *caller_text(struct profile *p, uint64_t caller)
{
	struct frame frames[MAX_FRAMES];
	const char *module;
	uint64_t vaddr = caller;
	char name[32];
	int nr = symbols_lookup(p->symbols, caller, true, frames);

	module = base_name(symbols_module(p->symbols, caller, &vaddr));
	snprintf(name, sizeof(name), "0x%lx", (unsigned long)vaddr);
	return xasprintf("%s:%d%s%s%s func:%s",
			 nr && frames[0].file ? frames[0].file : "??",
			 nr && frames[0].file ? frames[0].line : 0,
			 module ? " [" : "", module ?: "", module ? "]" : "",
			 nr ? frames[0].function : name);
}

void profile_write_allocinfo(struct profile *p, FILE *out)
{
	struct row *rows = xcalloc(p->nr_sites + 1, sizeof(*rows));
	size_t nr, i;

	for (i = 0; i < p->nr_sites; i++) {
		const struct site *site = &p->sites[i];

		rows[i] = (struct row){
			.text = site->caller ? caller_text(p, site->caller) :
					       xstrdup(site->text ?: "??"),
			.count = (double)site->bytes,
			.calls = site->calls,
		};
	}
	nr = join_rows(rows, p->nr_sites);
	qsort(rows, nr, sizeof(*rows), by_count);
	fputs("allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n",
	      out);
	for (i = 0; i < nr; i++) {
		fprintf(out, "%12.0f %8lu %s\n", rows[i].count,
			(unsigned long)rows[i].calls, rows[i].text);
		free(rows[i].text);
	}
	free(rows);
}
