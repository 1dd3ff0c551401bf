// SPDX-License-Identifier: MIT
/*
 * A heap profile as pprof reads it: profile.proto, compressed by gzip.
 *
 * A message of protocol buffers is a sequence of fields, each the number
 * (field << 3 | type) and then a number (type 0), or a length and so many bytes
 * (type 2: a string, a message, or a packed array of numbers). Numbers are in
 * groups of 7 bits, the lowest first, with the high bit set in all but the last
 * byte.
 *
 *	Profile	sample_type 1, sample 2, mapping 3, location 4, function 5,
 *		string_table 6, time_nanos 9, period_type 11, period 12,
 *		default_sample_type 14
 *
 * Strings are numbers of entries in the string table, of which entry 0 is "".
 * Locations and functions refer to each other by ids from 1 on.
 *
 * Counts are estimates of true numbers: profile_weight() is in them.
 *
 * Source: the field numbers are those of proto/profile.proto in
 * github.com/google/pprof.
 */
#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "kmm.h"
#include "profile.h"

/* Bytes that grow. */
struct message {
	unsigned char *bytes;
	size_t len, size;
};

struct location {
	uint64_t address;
	uint64_t id;
};

struct function {
	uint64_t name, file;	/* in the string table */
	uint64_t id;
};

struct string {
	char *text;
	uint64_t id;
};

struct encoder {
	struct profile *profile;
	struct message out;	/* all but the string table */
	struct message strings;
	void *string_tree, *location_tree, *function_tree;
	uint64_t nr_strings, nr_locations, nr_functions;
};

/* Messages ----------------------------------------------------------------- */

static void put_byte(struct message *m, unsigned char byte)
{
	if (m->len == m->size) {
		m->size = m->size ? 2 * m->size : 64;
		m->bytes = xrealloc(m->bytes, m->size);
	}
	m->bytes[m->len++] = byte;
}

static void put_varint(struct message *m, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(m, (unsigned char)(value | 0x80));
	put_byte(m, (unsigned char)value);
}

/* 0 is what a field has that is not there. */
static void put_number(struct message *m, unsigned int field, uint64_t value)
{
	if (!value)
		return;
	put_varint(m, field << 3);
	put_varint(m, value);
}

static void put_bytes(struct message *m, unsigned int field, const void *bytes,
		      size_t len)
{
	size_t i;

	put_varint(m, field << 3 | 2);
	put_varint(m, len);
	for (i = 0; i < len; i++)
		put_byte(m, ((const unsigned char *)bytes)[i]);
}

/* Appends @part, which is empty afterwards and can be used again. */
static void put_message(struct message *m, unsigned int field,
			struct message *part)
{
	put_bytes(m, field, part->bytes, part->len);
	part->len = 0;
}

/* Tables ------------------------------------------------------------------- */

static int compare_strings(const void *a, const void *b)
{
	return strcmp(((const struct string *)a)->text,
		      ((const struct string *)b)->text);
}

static int compare_locations(const void *a, const void *b)
{
	uint64_t left = ((const struct location *)a)->address;
	uint64_t right = ((const struct location *)b)->address;

	return left < right ? -1 : left > right;
}

static int compare_functions(const void *a, const void *b)
{
	const struct function *left = a, *right = b;

	if (left->name != right->name)
		return left->name < right->name ? -1 : 1;
	return left->file < right->file ? -1 : left->file > right->file;
}

/* What @tree has that is equal to @key, or a copy of @key; @found says which. */
static void *look_up(void **tree, const void *key, size_t size,
		     int (*compare)(const void *, const void *), bool *found)
{
	void **node = tfind(key, tree, compare), *copy;

	*found = node != NULL;
	if (node)
		return *node;
	copy = xcalloc(1, size);
	memcpy(copy, key, size);
	if (!tsearch(copy, tree, compare))
		error(EXIT_FAILED, ENOMEM, "cannot allocate");
	return copy;
}

static uint64_t string_id(struct encoder *e, const char *text)
{
	struct string key = { .text = (char *)(text ?: "") }, *string;
	bool found;

	string = look_up(&e->string_tree, &key, sizeof(key), compare_strings,
			 &found);
	if (!found) {
		string->text = xstrdup(key.text);
		string->id = e->nr_strings++;
		put_bytes(&e->strings, 6, key.text, strlen(key.text));
	}
	return string->id;
}

static uint64_t function_id(struct encoder *e, const char *name,
			    const char *file)
{
	struct function key = {
		.name = string_id(e, name), .file = string_id(e, file),
	}, *function;
	struct message m = { .len = 0 };
	bool found;

	function = look_up(&e->function_tree, &key, sizeof(key),
			   compare_functions, &found);
	if (found)
		return function->id;
	function->id = ++e->nr_functions;
	put_number(&m, 1, function->id);
	put_number(&m, 2, function->name);
	put_number(&m, 3, function->name);
	put_number(&m, 4, function->file);
	put_message(&e->out, 5, &m);
	free(m.bytes);
	return function->id;
}

static uint64_t mapping_id(struct encoder *e, uint64_t address)
{
	struct remote_mapping mapping;
	unsigned int i;

	for (i = 0; remote_mapping_at(e->profile->remote, i, &mapping); i++)
		if (address >= mapping.start && address < mapping.end)
			return i + 1;
	return 0;
}

/* The functions at an address, the innermost first. */
static void put_lines(struct encoder *e, struct message *location,
		      uint64_t address)
{
	struct frame frames[MAX_FRAMES];
	struct message line = { .len = 0 };
	int nr = symbols_lookup(e->profile->symbols, address, true, frames), i;

	for (i = 0; i < nr; i++) {
		put_number(&line, 1, function_id(e, frames[i].function,
						 frames[i].file));
		put_number(&line, 2, (uint64_t)frames[i].line);
		put_message(location, 4, &line);
	}
	free(line.bytes);
}

/* Of a return address. What is noted is the byte before, which is in the call. */
static uint64_t location_id(struct encoder *e, uint64_t address)
{
	struct location key = { .address = address }, *location;
	struct message m = { .len = 0 };
	bool found;

	location = look_up(&e->location_tree, &key, sizeof(key),
			   compare_locations, &found);
	if (found)
		return location->id;
	location->id = ++e->nr_locations;
	put_number(&m, 1, location->id);
	put_number(&m, 2, mapping_id(e, address - 1));
	put_number(&m, 3, address - 1);
	put_lines(e, &m, address);
	put_message(&e->out, 4, &m);
	free(m.bytes);
	return location->id;
}

/* The profile -------------------------------------------------------------- */

static void put_value_type(struct encoder *e, unsigned int field,
			   const char *type, const char *unit)
{
	struct message m = { .len = 0 };

	put_number(&m, 1, string_id(e, type));
	put_number(&m, 2, string_id(e, unit));
	put_message(&e->out, field, &m);
	free(m.bytes);
}

static void put_mappings(struct encoder *e)
{
	struct remote_mapping mapping;
	struct message m = { .len = 0 };
	unsigned int i, flag;

	for (i = 0; remote_mapping_at(e->profile->remote, i, &mapping); i++) {
		put_number(&m, 1, i + 1);
		put_number(&m, 2, mapping.start);
		put_number(&m, 3, mapping.end);
		put_number(&m, 5, string_id(e, mapping.path));
		put_number(&m, 6, string_id(e, mapping.build_id));
		/* Functions, files, lines, inlined ones: all are known. */
		for (flag = 7; flag <= 10; flag++)
			put_number(&m, flag, 1);
		put_message(&e->out, 3, &m);
	}
	free(m.bytes);
}

static void put_sample(struct encoder *e, const struct sample *sample)
{
	struct message m = { .len = 0 }, packed = { .len = 0 };
	double weight = profile_weight(e->profile, sample);
	double allocs = (double)sample->nr_allocs * weight;
	double live = (double)sample->nr_live * weight;
	unsigned int i;

	for (i = 0; i < sample->depth; i++)
		put_varint(&packed, location_id(e, sample->stack[i]));
	put_message(&m, 1, &packed);
	put_varint(&packed, (uint64_t)llround(allocs));
	put_varint(&packed, (uint64_t)llround(allocs * (double)sample->size));
	put_varint(&packed, (uint64_t)llround(live));
	put_varint(&packed, (uint64_t)llround(live * (double)sample->size));
	put_message(&m, 2, &packed);
	/* A label: pprof can select and group by it. */
	put_number(&packed, 1, string_id(e, "bytes"));
	put_number(&packed, 3, sample->size);
	put_number(&packed, 4, string_id(e, "bytes"));
	put_message(&m, 3, &packed);
	put_message(&e->out, 2, &m);
	free(packed.bytes);
	free(m.bytes);
}

static void encode(struct encoder *e)
{
	struct timespec now;
	size_t i;

	string_id(e, "");
	put_value_type(e, 1, "alloc_objects", "count");
	put_value_type(e, 1, "alloc_space", "bytes");
	put_value_type(e, 1, "inuse_objects", "count");
	put_value_type(e, 1, "inuse_space", "bytes");
	put_mappings(e);
	for (i = 0; i < e->profile->nr_samples; i++)
		put_sample(e, &e->profile->samples[i]);
	clock_gettime(CLOCK_REALTIME, &now);
	put_number(&e->out, 9, (uint64_t)now.tv_sec * 1000000000u +
				       (uint64_t)now.tv_nsec);
	put_value_type(e, 11, "space", "bytes");
	put_number(&e->out, 12, e->profile->rate);
	put_number(&e->out, 14, string_id(e, "inuse_space"));
}

static bool gz_put(gzFile gz, const struct message *m)
{
	size_t at;
	unsigned int some;

	for (at = 0; at < m->len; at += some) {
		some = m->len - at > 1u << 30 ? 1u << 30 :
						(unsigned int)(m->len - at);
		if (gzwrite(gz, m->bytes + at, some) != (int)some)
			return false;
	}
	return true;
}

static void free_string(void *p)
{
	free(((struct string *)p)->text);
	free(p);
}

void profile_write_pprof(struct profile *p, const char *path)
{
	struct encoder e = { .profile = p };
	bool written;
	gzFile gz;

	if (!strcmp(path, "-"))
		gz = gzdopen(dup(STDOUT_FILENO), "wb");
	else
		gz = gzopen(path, "wbe");
	if (!gz)
		error(EXIT_FAILED, errno, "cannot open %s", path);
	encode(&e);
	written = gz_put(gz, &e.out) && gz_put(gz, &e.strings);
	if (gzclose(gz) != Z_OK || !written)
		error(EXIT_FAILED, errno, "cannot write %s", path);
	tdestroy(e.string_tree, free_string);
	tdestroy(e.location_tree, free);
	tdestroy(e.function_tree, free);
	free(e.out.bytes);
	free(e.strings.bytes);
}
