// SPDX-License-Identifier: MIT
/*
 * Reading traces of calls. mm/calltrace.h describes the file.
 *
 * The file may be of a process that was killed, that still writes, or that
 * found no more room, and may have been cut off or overwritten since. What is
 * there is read; what cannot be so is said by trace_close(), once.
 *
 * The whole file is mapped, and only ever read forward, so a trace may be larger
 * than memory. Kept are the callers, the strings, and a reader's blocks.
 *
 * A child of fork() knows the strings and callers of its parent, as the
 * library in it does, and adds its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmm.h"
#include "report.h"
#include "symbols.h"
#include "trace_file.h"

/* The number of slots of a table is a power of two, and it is never full. */
struct caller_slot {
	uint64_t address;	/* 0: nobody */
	const struct trace_process *process;
	struct trace_caller *caller;
};

/* Which process a thread is in: the last one that it said. */
struct thread {
	uint32_t tid;
	struct trace_process *process;
};

struct trace_file {
	char *path;
	const char *bytes;
	size_t size;		/* what may be read */
	size_t at;
	struct trace_process **processes;
	unsigned int nr_processes;
	struct thread *threads;
	unsigned int nr_threads;
	struct thread *last_thread;
	struct caller_slot *slots;
	size_t nr_slots;
	struct trace_caller **callers;
	unsigned int nr_callers;
	struct symbols *symbols;
	struct timespec started;	/* files changed later are others */
	uint64_t nr_unwritten;
	uint64_t missing;		/* bytes that were given out, but are not there */
	size_t damaged_at;		/* 0: nowhere */
};

static uint64_t hash(uint64_t a, uint64_t b)
{
	a = (a ^ b * 0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15;
	return a ^ a >> 32;
}

/* Opening ------------------------------------------------------------------ */

/* "0.001234567 [4711] malloc(..." */
static bool is_text(const struct trace_file *t)
{
	char line[64] = "";
	unsigned int seconds, ns, tid;

	memcpy(line, t->bytes, t->size < sizeof(line) ? t->size :
							sizeof(line) - 1);
	return sscanf(line, "%u.%u [%u] ", &seconds, &ns, &tid) == 3;
}

static void check_header(const struct trace_file *t)
{
	const struct trace_header *h = trace_header(t);

	if (t->size >= sizeof(h->magic) &&
	    memcmp(h->magic, TRACE_MAGIC, sizeof(h->magic))) {
		if (is_text(t))
			error(EXIT_FAILED, 0,
			      "%s: is a trace in text, which needs no kmm",
			      t->path);
		error(EXIT_FAILED, 0, "%s: is no trace", t->path);
	}
	if (t->size < sizeof(*h))
		error(EXIT_FAILED, 0, "%s: is too short for a trace", t->path);
	if (h->byte_order != TRACE_BYTE_ORDER)
		error(EXIT_FAILED, 0,
		      "%s: is of a machine with another byte order", t->path);
	if (h->version != TRACE_VERSION)
		error(EXIT_FAILED, 0,
		      "%s: is a trace of version %u; this kmm reads version %u",
		      t->path, h->version, TRACE_VERSION);
	if (h->record_size != TRACE_RECORD_SIZE ||
	    h->header_size < sizeof(*h) || h->header_size % TRACE_RECORD_SIZE ||
	    h->next < h->header_size)
		error(EXIT_FAILED, 0, "%s: its header is damaged", t->path);
}

struct trace_file *trace_open(const char *path)
{
	struct trace_file *t = xcalloc(1, sizeof(*t));
	const struct trace_header *h;
	struct stat st;
	void *bytes;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		error(EXIT_FAILED, errno, "cannot open %s", path);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		error(EXIT_FAILED, 0, "%s: is %s", path,
		      S_ISREG(st.st_mode) ? "empty" : "no file");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		error(EXIT_FAILED, errno, "cannot map %s", path);
	close(fd);
	t->path = xstrdup(path);
	t->bytes = bytes;
	t->size = (size_t)st.st_size;
	check_header(t);
	h = trace_header(t);
	if (h->next > t->size)
		t->missing = h->next - t->size;
	else
		t->size = h->next;
	t->size -= t->size % TRACE_RECORD_SIZE;
	t->started.tv_sec = (time_t)(h->start_realtime / 1000000000);
	t->started.tv_nsec = (long)(h->start_realtime % 1000000000);
	madvise(bytes, (size_t)st.st_size, MADV_SEQUENTIAL);
	trace_rewind(t);
	return t;
}

void trace_rewind(struct trace_file *t)
{
	t->at = trace_header(t)->header_size;
	t->nr_unwritten = 0;
	t->nr_threads = 0;
	t->last_thread = NULL;
}

const struct trace_header *trace_header(const struct trace_file *t)
{
	return (const struct trace_header *)t->bytes;
}

/* Processes and threads ---------------------------------------------------- */

unsigned int trace_nr_processes(const struct trace_file *t)
{
	return t->nr_processes;
}

struct trace_process *trace_process(const struct trace_file *t,
				    unsigned int index)
{
	return t->processes[index];
}

static struct trace_process *find_process(const struct trace_file *t,
					  uint32_t pid)
{
	unsigned int i;

	/* Should a number come again, it is the newest that is meant. */
	for (i = t->nr_processes; i-- > 0;)
		if (t->processes[i]->pid == pid)
			return t->processes[i];
	return NULL;
}

static struct trace_process *add_process(struct trace_file *t, uint32_t pid,
					 uint32_t parent)
{
	struct trace_process *p = xcalloc(1, sizeof(*p));

	p->pid = pid;
	p->index = t->nr_processes;
	p->parent = find_process(t, parent);
	p->strings = xcalloc(TRACE_NR_STRINGS, sizeof(*p->strings));
	if (p->parent)
		memcpy(p->strings, p->parent->strings,
		       TRACE_NR_STRINGS * sizeof(*p->strings));
	t->processes = xrealloc(t->processes, (t->nr_processes + 1) *
						      sizeof(*t->processes));
	t->processes[t->nr_processes++] = p;
	return p;
}

static struct thread *find_thread(struct trace_file *t, uint32_t tid)
{
	unsigned int i;

	if (t->last_thread && t->last_thread->tid == tid)
		return t->last_thread;
	for (i = 0; i < t->nr_threads; i++)
		if (t->threads[i].tid == tid)
			return t->last_thread = &t->threads[i];
	return NULL;
}

static void set_thread(struct trace_file *t, const struct trace_record *r)
{
	struct thread *thread = find_thread(t, r->tid);
	uint32_t pid = (uint32_t)trace_size(r);
	struct trace_process *p = find_process(t, pid);

	if (!p)
		p = add_process(t, pid, (uint32_t)r->address);
	if (!thread) {
		t->threads = xrealloc(t->threads, (t->nr_threads + 1) *
							  sizeof(*t->threads));
		thread = &t->threads[t->nr_threads++];
		t->last_thread = NULL;
	}
	*thread = (struct thread){ r->tid, p };
}

/* Strings and callers come without a thread: of the process whose next record
 * this is. Its own THREAD may not have been written when it was killed. */
static struct trace_process *process_of(struct trace_file *t, uint32_t tid)
{
	struct thread *thread = find_thread(t, tid);

	if (thread)
		return thread->process;
	return t->nr_processes ? t->processes[0] :
				 add_process(t, trace_header(t)->pid, 0);
}

/* Callers ------------------------------------------------------------------ */

unsigned int trace_nr_callers(const struct trace_file *t)
{
	return t->nr_callers;
}

struct trace_caller *trace_caller_at(const struct trace_file *t,
				     unsigned int index)
{
	return t->callers[index];
}

static struct caller_slot *caller_slot(const struct trace_file *t,
				       const struct trace_process *process,
				       uint64_t address)
{
	size_t i = hash(address, process->index);
	struct caller_slot *slot;

	for (;; i++) {
		slot = &t->slots[i & (t->nr_slots - 1)];
		if (!slot->address ||
		    (slot->address == address && slot->process == process))
			return slot;
	}
}

static void grow_slots(struct trace_file *t)
{
	struct caller_slot *old = t->slots;
	size_t i, nr_old = t->nr_slots;

	t->nr_slots = nr_old ? 2 * nr_old : 1024;
	t->slots = xcalloc(t->nr_slots, sizeof(*t->slots));
	for (i = 0; i < nr_old; i++)
		if (old[i].address)
			*caller_slot(t, old[i].process, old[i].address) = old[i];
	free(old);
}

static struct trace_caller *find_caller(const struct trace_file *t,
					const struct trace_process *process,
					uint64_t address)
{
	for (; process && t->nr_slots; process = process->parent) {
		struct caller_slot *slot = caller_slot(t, process, address);

		if (slot->address)
			return slot->caller;
	}
	return NULL;
}

static struct trace_caller *add_caller(struct trace_file *t,
				       const struct trace_process *process,
				       uint64_t address)
{
	struct trace_caller *caller = xcalloc(1, sizeof(*caller));

	if (2 * (size_t)t->nr_callers >= t->nr_slots)
		grow_slots(t);
	caller->address = address;
	caller->index = t->nr_callers;
	*caller_slot(t, process, address) =
		(struct caller_slot){ address, process, caller };
	if (!(t->nr_callers & (t->nr_callers + 1)))
		t->callers = xrealloc(t->callers, 2 * (t->nr_callers + 1) *
							  sizeof(*t->callers));
	t->callers[t->nr_callers++] = caller;
	return caller;
}

static void set_caller(struct trace_file *t, const struct trace_record *r)
{
	struct trace_process *process = process_of(t, r->tid);
	struct trace_caller *caller = find_caller(t, process, r->caller);

	if (!caller)
		caller = add_caller(t, process, r->caller);
	if (caller->module || !process->strings[r->name])
		return;
	caller->module = process->strings[r->name];
	caller->vaddr = trace_size(r);
}

/* The report of one address, as it would be in a stack. */
const char *trace_caller_name(struct trace_file *t,
			      struct trace_caller *caller)
{
	struct report report = { .not_after = &t->started };
	size_t len = 0;
	char *line;

	if (caller->name)
		return caller->name;
	if (!caller->module)
		return caller->name = xasprintf("%#lx (?)",
						(unsigned long)caller->address);
	if (!t->symbols)
		t->symbols = symbols_of_files();
	line = xasprintf("%#lx (%s+%#lx)", (unsigned long)caller->address,
			 caller->module, (unsigned long)caller->vaddr);
	report.symbols = t->symbols;
	report.out = open_memstream(&caller->name, &len);
	if (!report.out)
		error(EXIT_FAILED, errno, "cannot allocate");
	report_add(&report, line, strlen(line));
	report_end(&report);
	fclose(report.out);
	free(line);
	return caller->name;
}

/* Records ------------------------------------------------------------------ */

static const void *next_record(struct trace_file *t)
{
	const char *record = t->bytes + t->at;

	if (t->at + TRACE_RECORD_SIZE > t->size)
		return NULL;
	t->at += TRACE_RECORD_SIZE;
	return record;
}

static bool damaged(struct trace_file *t)
{
	t->damaged_at = t->at - TRACE_RECORD_SIZE;
	t->at = t->size;
	return false;
}

static bool set_string(struct trace_file *t, const struct trace_record *r)
{
	struct trace_process *process = process_of(t, r->tid);
	size_t len = trace_size(r), done, n;
	const struct trace_text *part;
	char *text;

	if (len > t->size - t->at)
		return damaged(t);
	text = xcalloc(1, len + 1);
	for (done = 0; done < len; done += n) {
		part = next_record(t);
		if (!part || part->type != TRACE_TEXT) {
			free(text);
			return part ? damaged(t) : false;
		}
		n = len - done < TRACE_TEXT_SIZE ? len - done : TRACE_TEXT_SIZE;
		memcpy(text + done, part->text, n);
	}
	/* A line is a line. */
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = '?';
	if (process->strings[r->name])
		free(text);
	else
		process->strings[r->name] = text;
	return true;
}

static bool set_more(struct trace_file *t, struct trace_call *call)
{
	const struct trace_more *more = (const void *)(t->bytes + t->at);

	if (t->at + TRACE_RECORD_SIZE > t->size || more->type != TRACE_MORE)
		return call->type != TRACE_REALLOC;
	t->at += TRACE_RECORD_SIZE;
	call->old = more->old;
	call->size = more->size;
	return true;
}

static bool set_call(struct trace_file *t, const struct trace_record *r,
		     struct trace_event *event)
{
	struct trace_call *call = &event->call;

	*call = (struct trace_call){
		.type = r->type, .tid = r->tid, .time = r->time,
		.size = trace_size(r), .caller = r->caller,
		.align = r->align_shift ? 1ull << (r->align_shift & 63) : 0,
	};
	event->process = process_of(t, r->tid);
	call->cache = event->process->strings[r->name];
	*(trace_is_free(r->type) ? &call->old : &call->result) = r->address;
	event->caller = NULL;
	if (r->caller) {
		event->caller = find_caller(t, event->process, r->caller);
		if (!event->caller)
			event->caller = add_caller(t, event->process, r->caller);
	}
	return set_more(t, call);
}

bool trace_next(struct trace_file *t, struct trace_event *event)
{
	const struct trace_record *r;

	while ((r = next_record(t)) != NULL) {
		if (r->type != TRACE_TEXT && r->type != TRACE_MORE &&
		    r->name >= TRACE_NR_STRINGS)
			return damaged(t);
		switch (r->type) {
		case TRACE_NOTHING:
			t->nr_unwritten++;
			break;
		case TRACE_MORE:
		case TRACE_TEXT:
			break;	/* of one that was not written */
		case TRACE_THREAD:
			set_thread(t, r);
			break;
		case TRACE_STRING:
			if (!set_string(t, r))
				return false;
			break;
		case TRACE_CALLER:
			set_caller(t, r);
			break;
		case TRACE_END:
			process_of(t, r->tid)->ended = true;
			break;
		default:
			if (r->type >= NR_TRACE_CALLS)
				return damaged(t);
			return set_call(t, r, event) || damaged(t);
		}
	}
	return false;
}

int trace_close(struct trace_file *t)
{
	int status = t->damaged_at ? EXIT_FAILED : 0;

	if (t->damaged_at)
		error(0, 0, "%s: is damaged at byte %zu; what follows is not read",
		      t->path, t->damaged_at);
	else if (t->missing)
		error(0, 0, "%s: the last %llu bytes are missing: there was no more room, or it was cut off",
		      t->path, (unsigned long long)t->missing);
	if (t->nr_unwritten)
		error(0, 0, "%s: calls that were being recorded when the program was killed: %llu",
		      t->path, (unsigned long long)t->nr_unwritten);
	if (t->symbols)
		symbols_close(t->symbols);
	munmap((void *)t->bytes, t->size);
	free(t->path);
	free(t);
	return status;
}

/* Blocks ------------------------------------------------------------------- */

static struct trace_block *block_slot(const struct trace_blocks *b,
				      uint32_t process, uint64_t address)
{
	size_t i = hash(address, process);
	struct trace_block *block;

	for (;; i++) {
		block = &b->blocks[i & (b->size - 1)];
		if (!block->address ||
		    (block->address == address && block->process == process))
			return block;
	}
}

static void grow_blocks(struct trace_blocks *b)
{
	struct trace_blocks old = *b;
	size_t i;

	b->size = old.size ? 2 * old.size : 4096;
	b->blocks = xcalloc(b->size, sizeof(*b->blocks));
	for (i = 0; i < old.size; i++)
		if (old.blocks[i].address)
			*block_slot(b, old.blocks[i].process,
				    old.blocks[i].address) = old.blocks[i];
	free(old.blocks);
}

struct trace_block *trace_block(struct trace_blocks *b,
				const struct trace_process *process,
				uint64_t address, bool create)
{
	struct trace_block *block;

	if (2 * b->nr >= b->size)
		grow_blocks(b);
	block = block_slot(b, process->index, address);
	if (block->address)
		return block;
	if (!create || !address)
		return NULL;
	block->address = address;
	block->process = process->index;
	block->number = b->nr++;
	return block;
}
