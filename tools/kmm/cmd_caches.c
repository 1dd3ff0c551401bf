// SPDX-License-Identifier: MIT
/*
 * kmm caches: each cache, the largest first, with what it holds ready for whom:
 *
 *	active		handed out
 *	in_sheaves	on a CPU, the next to be handed out there
 *	in_barn		in full sheaves that wait for a CPU
 *	in_slabs	on freelists of slabs, or never handed out
 *	waste_bytes	bytes less those of active objects, as large as was asked
 *			for when the cache was made: all of the above but the
 *			first, and what rounding and debugging take
 */
#include <stdlib.h>

#include "kmm.h"
#include "view_command.h"

static uint64_t cache_bytes(const struct view *v, const struct view_cache *c)
{
	return (uint64_t)c->s.node.nr_pages << v->page_shift;
}

struct sized_cache {
	const struct view_cache *c;
	uint64_t bytes;
};

static int compare(const void *a, const void *b)
{
	const struct sized_cache *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->c < y->c ? -1 : 1;
}

static void show_cache(struct output *o, const struct sized_cache *sized)
{
	const struct view_cache *c = sized->c;
	unsigned long nr = c->s.node.nr_objects, inuse = c->s.node.nr_inuse;
	uint64_t used = (uint64_t)view_active(c) * c->s.object_size;

	output_string(o, c->name);
	output_number(o, sized->bytes);
	output_number(o, sized->bytes > used ? sized->bytes - used : 0);
	output_number(o, c->s.object_size);
	output_number(o, c->s.size);
	output_number(o, view_active(c));
	output_number(o, c->in_cpu_sheaves);
	output_number(o, c->in_barn);
	output_number(o, nr > inuse ? nr - inuse : 0);
	output_number(o, c->s.node.nr_slabs);
	output_number(o, c->s.node.nr_partial);
	output_number(o, c->s.order);
	output_number(o, c->nr_sheaves);
	output_number(o, c->s.sheaf_capacity);
}

static void show(struct view *v, struct output *o, char **operands)
{
	static const struct output_column columns[] = {
		{ "name", OUTPUT_STRING },
		{ "bytes", OUTPUT_NUMBER },
		{ "waste_bytes", OUTPUT_NUMBER },
		{ "object_bytes", OUTPUT_NUMBER },
		{ "size_bytes", OUTPUT_NUMBER },
		{ "active", OUTPUT_NUMBER },
		{ "in_sheaves", OUTPUT_NUMBER },
		{ "in_barn", OUTPUT_NUMBER },
		{ "in_slabs", OUTPUT_NUMBER },
		{ "slabs", OUTPUT_NUMBER },
		{ "partial", OUTPUT_NUMBER },
		{ "order", OUTPUT_NUMBER },
		{ "sheaves", OUTPUT_NUMBER },
		{ "capacity", OUTPUT_NUMBER },
	};
	struct sized_cache *sorted = xcalloc(v->nr_caches, sizeof(*sorted));
	size_t i;

	(void)operands;
	for (i = 0; i < v->nr_caches; i++)
		sorted[i] = (struct sized_cache){
			&v->caches[i], cache_bytes(v, &v->caches[i])
		};
	qsort(sorted, v->nr_caches, sizeof(*sorted), compare);
	output_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < v->nr_caches; i++)
		if (sorted[i].bytes || o->format != OUTPUT_TEXT)
			show_cache(o, &sorted[i]);
	free(sorted);
}

int cmd_caches(int argc, char **argv)
{
	static const struct view_command command = {
		.report = "caches",
		.args_doc = "PID|CORE",
		.doc = "Lists the caches, the largest first: where their "
		       "objects are, and how much of their memory is not in "
		       "use.\vAs text, caches without slabs are left out.",
		.show = show,
	};

	return view_main(&command, argc, argv);
}
