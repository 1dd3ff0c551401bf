// SPDX-License-Identifier: MIT
/*
 * Reading profiles: tallies of a process or core, or the text that the library
 * writes at exit.
 *
 *	process, core	anchor -> heap_profile, alloc_sites -> chunks of tallies
 *	file		"heap profile: ..." or "allocinfo ...", a line per tally,
 *			"MAPPED_LIBRARIES:", and /proc/self/maps as it was
 *
 * Tallies only grow in number and never move, so a process need not be stopped:
 * each is read as it is at that moment.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmdline.h"
#include "kmm.h"
#include "profile.h"
/* Of the library: the layout of what is read. */
#include "../../mm/profile.h"
#include "stackdepot.h"

double profile_weight(const struct profile *p, const struct sample *sample)
{
	double size = sample->size ? (double)sample->size : 1;

	return p->rate <= 1 ? 1 : -1 / expm1(-size / (double)p->rate);
}

static struct sample *add_sample(struct profile *p)
{
	/* Powers of two. */
	if (!(p->nr_samples & (p->nr_samples - 1)))
		p->samples = xrealloc(p->samples,
				      (2 * p->nr_samples + 1) *
					      sizeof(*p->samples));
	p->samples[p->nr_samples] = (struct sample){ .stack = NULL };
	return &p->samples[p->nr_samples++];
}

static struct site *add_site(struct profile *p)
{
	if (!(p->nr_sites & (p->nr_sites - 1)))
		p->sites = xrealloc(p->sites, (2 * p->nr_sites + 1) *
						      sizeof(*p->sites));
	p->sites[p->nr_sites] = (struct site){ .text = NULL };
	return &p->sites[p->nr_sites++];
}

/* Processes and cores ------------------------------------------------------ */

/* The words of a record of the stack depot; NULL if it cannot be read. */
static uint64_t *read_record(struct profile *p, const struct stack_depot *depot,
			     uint32_t handle, unsigned int *nr)
{
	uint64_t address, *words;
	struct stack_record record;

	*nr = 0;
	if (!handle ||
	    remote_read(p->remote,
			(uint64_t)depot->pools +
				(handle >> DEPOT_OFFSET_BITS) * sizeof(void *),
			&address, sizeof(address)))
		return NULL;
	address += (uint64_t)(handle & ((1u << DEPOT_OFFSET_BITS) - 1))
		   << DEPOT_UNIT_SHIFT;
	if (remote_read(p->remote, address, &record, sizeof(record)) ||
	    record.handle != handle || record.nr > STACK_DEPOT_MAX_FRAMES)
		return NULL;
	/* One more: of a text, the last word ends it in any case. */
	words = xcalloc(record.nr + 1, sizeof(*words));
	if (remote_read(p->remote,
			address + offsetof(struct stack_record, entries),
			words, record.nr * sizeof(*words))) {
		free(words);
		return NULL;
	}
	*nr = record.nr;
	return words;
}

static void add_tally(struct profile *p, const struct stack_depot *depot,
		      const struct tally *tally, enum profile_kind kind)
{
	uint64_t live = tally->nr_allocs > tally->nr_frees ?
				tally->nr_allocs - tally->nr_frees : 0;
	struct sample *sample;
	struct site *site;
	unsigned int nr;

	if (kind == HEAP_PROFILE) {
		sample = add_sample(p);
		sample->stack = read_record(p, depot, (uint32_t)tally->key[0],
					    &sample->depth);
		sample->size = tally->key[1];
		sample->nr_allocs = tally->nr_allocs;
		sample->nr_live = live;
		return;
	}
	site = add_site(p);
	site->bytes = tally->alloc_bytes > tally->free_bytes ?
			      tally->alloc_bytes - tally->free_bytes : 0;
	site->calls = live;
	if (tally->key[1] == SITE_CALLER)
		site->caller = tally->key[0];
	else
		site->text = (char *)read_record(p, depot,
						 (uint32_t)tally->key[0], &nr);
}

static void read_tallies(struct profile *p, enum profile_kind kind)
{
	struct tally_table table;
	struct stack_depot depot;
	struct tally *chunk;
	uint32_t i = 0, in_chunk, k;

	remote_read_root(p->remote,
			 kind == HEAP_PROFILE ? "heap_profile" : "alloc_sites",
			 &table, sizeof(table));
	remote_read_root(p->remote, "stack_depot", &depot, sizeof(depot));
	for (k = 0; k < TALLY_CHUNKS && i < table.nr; k++) {
		in_chunk = 1u << (TALLY_FIRST_SHIFT + k);
		if (in_chunk > table.nr - i)
			in_chunk = table.nr - i;
		chunk = xcalloc(in_chunk, sizeof(*chunk));
		remote_read_or_die(p->remote, (uint64_t)table.chunks[k], chunk,
				   in_chunk * sizeof(*chunk));
		for (i += in_chunk; in_chunk; in_chunk--)
			add_tally(p, &depot, &chunk[in_chunk - 1], kind);
		free(chunk);
	}
}

static void read_remote(struct profile *p, const char *target,
			enum profile_kind kind)
{
	struct kmm_params params;

	p->remote = remote_open(target);
	remote_find_heap(p->remote);
	remote_read_root(p->remote, "kmm_params", &params, sizeof(params));
	if (kind == HEAP_PROFILE ? !params.profile : !params.mem_profiling)
		error(EXIT_FAILED, 0,
		      "%s has no such profile: start it with KMM_CMDLINE=%s",
		      remote_name(p->remote),
		      kind == HEAP_PROFILE ? "profile=512K" : "mem_profiling");
	p->rate = params.profile;
	read_tallies(p, kind);
}

/* Files -------------------------------------------------------------------- */

/* "1: 100 [2: 200] @ 0x1 0x2": of one size, which is bytes per allocation. */
static bool parse_sample(struct profile *p, const char *line)
{
	uint64_t nr_live, live_bytes, nr_allocs, bytes, address;
	struct sample *sample;
	int len = 0;

	if (sscanf(line, "%" SCNu64 ": %" SCNu64 " [%" SCNu64 ": %" SCNu64 "] @%n",
		   &nr_live, &live_bytes, &nr_allocs, &bytes, &len) != 4 || !len)
		return false;
	sample = add_sample(p);
	sample->nr_live = nr_live;
	sample->nr_allocs = nr_allocs;
	sample->size = nr_allocs ? bytes / nr_allocs : 0;
	sample->stack = xcalloc(STACK_DEPOT_MAX_FRAMES, sizeof(*sample->stack));
	for (line += len; sample->depth < STACK_DEPOT_MAX_FRAMES &&
			  sscanf(line, " 0x%" SCNx64 "%n", &address, &len) == 1;
	     line += len)
		sample->stack[sample->depth++] = address;
	return true;
}

static bool parse_site(struct profile *p, const char *line)
{
	struct site *site;
	uint64_t bytes, calls;
	int len = 0;

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %n", &bytes, &calls, &len) !=
		    2 || !len)
		return false;
	site = add_site(p);
	site->bytes = bytes;
	site->calls = calls;
	line += len;
	if (strncmp(line, "0x", 2))
		site->text = xstrdup(line);
	else
		site->caller = strtoull(line, NULL, 16);
	return true;
}

/* The lines up to the mappings; false if the file ends before. */
static bool read_lines(struct profile *p, const char *path, FILE *file,
		       enum profile_kind kind)
{
	unsigned int nr = 1;	/* the head line */
	char *line = NULL;
	size_t size = 0;
	bool done = false;
	ssize_t len;

	while (!done && (len = getline(&line, &size, file)) > 0) {
		nr++;
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		if (!strcmp(line, "MAPPED_LIBRARIES:"))
			done = true;
		else if (len && line[0] != '#' &&
			 !(kind == HEAP_PROFILE ? parse_sample(p, line) :
						  parse_site(p, line)))
			error(EXIT_FAILED, 0, "%s:%u is no line of a profile",
			      path, nr);
	}
	free(line);
	return done;
}

static void read_maps(struct profile *p, const char *path, FILE *file)
{
	struct stat st;
	char *maps = NULL;
	size_t len = 0, got;

	do {
		maps = xrealloc(maps, len + 65536);
		got = fread(maps + len, 1, 65536, file);
		len += got;
	} while (got);
	if (fstat(fileno(file), &st))
		error(EXIT_FAILED, errno, "%s", path);
	p->remote = remote_of_maps(path, maps, len, &st.st_mtim);
	free(maps);
}

static bool is_head(struct profile *p, const char *line, enum profile_kind kind)
{
	const char *rate;

	if (kind == ALLOC_PROFILE)
		return !strncmp(line, "allocinfo - version: 1.", 23);
	if (strncmp(line, "heap profile:", 13))
		return false;
	rate = strstr(line, "@ heap_v2/");
	p->rate = rate ? strtoull(rate + 10, NULL, 10) : 0;
	return p->rate != 0;
}

/* False if it is not a profile, and may be a core. */
static bool read_file(struct profile *p, const char *path,
		      enum profile_kind kind)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool is_profile;

	if (!file)
		return false;
	is_profile = getline(&line, &size, file) > 0 && is_head(p, line, kind);
	free(line);
	if (is_profile) {
		if (!read_lines(p, path, file, kind))
			error(0, 0, "%s is not complete; there are no names",
			      path);
		read_maps(p, path, file);
	}
	fclose(file);
	return is_profile;
}

struct profile *profile_open(const char *target, enum profile_kind kind)
{
	struct profile *p = xcalloc(1, sizeof(*p));

	if (target[strspn(target, "0123456789")] == '\0' ||
	    !read_file(p, target, kind))
		read_remote(p, target, kind);
	p->symbols = symbols_of_remote(p->remote);
	return p;
}

void profile_close(struct profile *p)
{
	size_t i;

	for (i = 0; i < p->nr_samples; i++)
		free(p->samples[i].stack);
	for (i = 0; i < p->nr_sites; i++)
		free(p->sites[i].text);
	free(p->samples);
	free(p->sites);
	symbols_close(p->symbols);
	remote_close(p->remote);
	free(p);
}

/* What the commands have in common ----------------------------------------- */

bool profile_format(const char *name, enum profile_format *format)
{
	*format = strcmp(name, "folded") ? PROFILE_PPROF : PROFILE_FOLDED;
	return *format == PROFILE_FOLDED || !strcmp(name, "pprof");
}

char *profile_default_path(const char *pid, enum profile_format format)
{
	return xasprintf("kmm.%s.%s", pid,
			 format == PROFILE_PPROF ? "pb.gz" : "folded");
}
