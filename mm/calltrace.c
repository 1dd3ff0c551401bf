// SPDX-License-Identifier: MIT
/*
 * The trace of every call: who asked for what, and got what, in order.
 *
 *	trace=FILE			records of 32 bytes (calltrace.h), for tools
 *	trace=FILE trace_format=text	a line per call, as strace writes them
 *	trace=-				such lines, where messages go
 *
 * A watcher (watch.h) is told of an allocation after it is done and of a free
 * before it is. So the order in which calls arrive here is one in which they
 * could have happened, and to keep it is all that is asked.
 *
 * Text: one write(2) per call, appended, done before the call goes on.
 *
 * Records: the file is mapped, shared. Room for a record is reserved by one
 * atomic addition to header.next, in the file itself; then it is filled in,
 * its first word last:
 *
 *	header | ....... | reserved, type 0 | reserved | allocated | (a hole)
 *	       written          A               B      ^next        ^grown
 *
 * The page cache has it from there on: the end of the process, of whatever kind,
 * loses at most what was being filled in. No lock, no buffer, and no system call
 * except when the file grows. It grows by fallocate(2), since a page that
 * finds no room on the disk when it is touched is a SIGBUS; a shrinking step
 * is never made, as other processes may write behind it.
 *
 * Strings (names of caches, paths of modules) and callers are explained once, by
 * records of their own. The explanation is written before the first use.
 *
 * fork:	the child has the same mapping, and goes on in the same file; its
 *		next record says which process it is. Strings and callers that it
 *		explains are its own.
 * exec:	the new program starts a new trace. A trace is never written
 *		over: it goes to FILE.PID if FILE is there. "%p" in FILE is the
 *		process number.
 *
 * Invariants:	T1  bytes below `grown` exist: they may be written to
 *		T2  a record lies in one cache line, its first word is not 0 only
 *		    when the rest is there
 *		T3  a string or caller's explanation stands before its first use
 * Context:	that of a watcher: any thread, no lock held; also a signal handler
 *		and the child of vfork().
 * Source:	ours. The kernel's kmem tracepoints have the same fields.
 * Not here:	reading traces: tools/kmm.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../lib/backtrace.h"
#include "../lib/cmdline.h"
#include "../lib/host.h"
#include "../lib/printk.h"
#include "calltrace.h"
#include "internal.h"
#include "slab.h"
#include "watch.h"

/* Addresses for the file to grow into, taken at once since a mapping that moves
 * would need a lock: 8 thousand million records. Halved until the host agrees. */
#define TRACE_WINDOW (256ul << 30)
#define TRACE_MIN_WINDOW (1ul << 20)

/* The file grows by half, but by no less and no more than this. */
#define TRACE_MIN_STEP (64ul << 10)
#define TRACE_MAX_STEP (4ul << 20)

#define TRACE_PATH_MAX 4096
#define MAX_NAMES 1000		/* FILE.PID.2 and so on */

/*
 * Numbers for things: the number of a key is the slot where it is found. Keys
 * are put in by compare-and-swap and never taken out. Slot 0 stays empty.
 */
struct number_set {
	_Atomic u64 *keys;
	u32 nr;			/* slots, a power of two */
};

#define NR_CALLERS 65536u
#define MAX_PROBES 32

static struct {
	bool text;
	int fd;
	struct host_file file;		/* what fd was when it was opened */
	u64 start;			/* ns */
	struct trace_header *header;	/* the mapping */
	u64 window;			/* its size */
	_Atomic u64 grown;		/* bytes that the file has */
	_Atomic u64 dropped;		/* bytes that we have unmapped again */
	struct number_set strings, callers;
	u32 pid, parent;
	char path[TRACE_PATH_MAX];
} trace;

/* Off after an error: the program goes on without. */
static _Atomic bool tracing;

static const char *error_text(int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		return "permission denied";
	case ENOENT:
	case ENOTDIR:
		return "no such directory";
	case EISDIR:
		return "it is a directory";
	case EROFS:
		return "read-only file system";
	case ENOSPC:
	case EDQUOT:
		return "no space left";
	case EFBIG:
		return "file too large";
	case EOPNOTSUPP:
	case ENODEV:
		return "this file system cannot do it; use trace_format=text, or another one";
	case EBADF:
		return "the program has closed it";
	case ENOMEM:
		return "out of memory";
	}
	return NULL;
}

static void trace_stop(int error)
{
	const char *text = error_text(error);
	char number[32];

	if (!atomic_exchange(&tracing, false))
		return;
	kmm_snprintf(number, sizeof(number), "error %d", -error);
	printk("WARNING: trace: %s: %s: no more calls are traced\n", trace.path,
	       text ? text : number);
}

/* The file --------------------------------------------------------------- */

static bool is_our_file(int fd)
{
	struct host_file file;

	return host_identify(fd, &file) && file.device == trace.file.device &&
	       file.inode == trace.file.inode;
}

/* Programs close descriptors that they do not know, and get their numbers for
 * files of their own. A new one is the caller's to close. */
static int trace_fd(bool *opened)
{
	int fd;

	*opened = false;
	if (is_our_file(trace.fd))
		return trace.fd;
	fd = host_open(trace.path, trace.text ? O_WRONLY | O_APPEND : O_RDWR);
	if (fd < 0)
		return -EBADF;
	if (is_our_file(fd)) {
		*opened = true;
		return fd;
	}
	host_close(fd);
	return -EBADF;
}

static void trace_put_fd(int fd, bool opened)
{
	if (opened)
		host_close(fd);
}

/* What lies two steps back, nobody is about to write to: the page cache keeps
 * it, and it is not counted as the program's memory. Should somebody, the
 * page comes back. */
static void trace_drop_old(u64 end)
{
	u64 from = atomic_load_explicit(&trace.dropped, memory_order_relaxed);
	u64 to = end > 2 * TRACE_MAX_STEP ?
			 ALIGN_DOWN(end - 2 * TRACE_MAX_STEP, TRACE_MIN_STEP) : 0;

	if (to <= from || !atomic_compare_exchange_strong_explicit(
				  &trace.dropped, &from, to, memory_order_relaxed,
				  memory_order_relaxed))
		return;
	host_discard((char *)trace.header + from, to - from);
}

/* Any number of threads and processes may do this at once: each asks for what
 * it needs, and no request makes the file smaller. */
static noinline bool trace_grow(u64 end)
{
	u64 grown = atomic_load_explicit(&trace.grown, memory_order_relaxed);
	u64 step = min_t(u64, max_t(u64, end / 2, TRACE_MIN_STEP),
			 TRACE_MAX_STEP);
	u64 size = ALIGN(end + step, TRACE_MIN_STEP);
	bool opened;
	int fd, ret;

	if (!atomic_load_explicit(&tracing, memory_order_relaxed))
		return false;
	if (end <= grown)
		return true;	/* meanwhile */
	if (end > trace.window) {
		trace_stop(-EFBIG);
		return false;
	}
	fd = trace_fd(&opened);
	ret = fd < 0 ? fd : host_allocate_file(fd, grown, size);
	/* The last bytes of a disk. */
	if (ret == -ENOSPC || ret == -EFBIG)
		ret = host_allocate_file(fd, grown, end);
	else if (!ret)
		end = size;
	trace_put_fd(fd, opened);
	if (ret) {
		trace_stop(ret);
		return false;
	}
	while (grown < end &&
	       !atomic_compare_exchange_weak_explicit(&trace.grown, &grown, end,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
	trace_drop_old(end);
	return true;
}

/* @nr records in a row, all zero; NULL if there is no room. */
static struct trace_record *trace_reserve(u64 nr)
{
	u64 size = nr * TRACE_RECORD_SIZE;
	u64 at = __atomic_fetch_add(&trace.header->next, size, __ATOMIC_RELAXED);

	if (unlikely(at + size >
		     atomic_load_explicit(&trace.grown, memory_order_relaxed)) &&
	    !trace_grow(at + size))
		return NULL;
	return (struct trace_record *)((char *)trace.header + at);
}

/* The first word last. Release: whoever reads the file while it is written
 * finds the rest if he finds the type. */
static void trace_publish(struct trace_record *to,
			  const struct trace_record *from)
{
	u64 words[TRACE_RECORD_SIZE / sizeof(u64)];

	memcpy(words, from, sizeof(words));
	memcpy((u64 *)to + 1, words + 1, sizeof(words) - sizeof(words[0]));
	__atomic_store_n((u64 *)to, words[0], __ATOMIC_RELEASE);
}

/* Explanations ------------------------------------------------------------ */

static bool set_init(struct number_set *set, u32 nr)
{
	set->keys = host_map(nr * sizeof(u64));
	set->nr = nr;
	return set->keys != NULL;
}

/* The number of @key; 0 if there is no room. *@is_new: nobody else has seen it. */
static u32 set_number(struct number_set *set, u64 key, bool *is_new)
{
	u32 probe, slot = (u32)(key * 0x9e3779b97f4a7c15u >> 40);
	u64 found;

	*is_new = false;
	key += !key;
	for (probe = 0; probe < MAX_PROBES; probe++, slot++) {
		slot &= set->nr - 1;
		if (!slot)
			continue;
		found = atomic_load_explicit(&set->keys[slot],
					     memory_order_relaxed);
		if (!found) {
			*is_new = atomic_compare_exchange_strong_explicit(
				&set->keys[slot], &found, key,
				memory_order_relaxed, memory_order_relaxed);
			if (*is_new)
				return slot;
		}
		if (found == key)
			return slot;
	}
	return 0;
}

/* FNV-1a, 64 bits. */
static u64 hash_text(const char *text)
{
	u64 hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static void write_text(struct trace_text *to, const char *text, size_t len)
{
	size_t n;

	for (; len; len -= n, text += n, to++) {
		n = min_t(size_t, len, TRACE_TEXT_SIZE);
		to->type = TRACE_TEXT;
		memcpy(to->text, text, n);
	}
}

static u16 trace_string(const char *text)
{
	struct trace_record head = { .type = TRACE_STRING, .tid = host_cached_tid() }, *r;
	size_t len = strlen(text);
	bool is_new;

	head.name = (u16)set_number(&trace.strings, hash_text(text), &is_new);
	if (likely(!is_new))
		return head.name;
	trace_set_size(&head, len);
	r = trace_reserve(1 + DIV_ROUND_UP(len, TRACE_TEXT_SIZE));
	if (!r)
		return 0;
	write_text((struct trace_text *)(r + 1), text, len);
	trace_publish(r, &head);
	return head.name;
}

static void trace_caller(unsigned long caller)
{
	struct trace_record head = {
		.type = TRACE_CALLER, .tid = host_cached_tid(), .caller = caller,
	}, *r;
	unsigned long vaddr;
	const char *path;
	bool is_new;

	set_number(&trace.callers, caller, &is_new);
	/* The byte before: a call may be the last of its function. */
	if (likely(!is_new) || !backtrace_module(caller - 1, &path, &vaddr))
		return;
	head.name = trace_string(path);
	trace_set_size(&head, vaddr + 1);
	r = trace_reserve(1);
	if (r)
		trace_publish(r, &head);
}

static noinline u32 trace_thread(void)
{
	struct trace_record head = {
		.type = TRACE_THREAD, .address = trace.parent,
	}, *r;

	head.tid = host_cached_tid();
	if (!trace.text) {
		head.time = host_clock_precise() - trace.start;
		trace_set_size(&head, trace.pid);
		r = trace_reserve(1);
		if (r)
			trace_publish(r, &head);
	}
	return head.tid;
}

/* Calls ------------------------------------------------------------------- */

static const u8 trace_types[NR_WATCH_OPS] = {
	[WATCH_MALLOC] = TRACE_MALLOC,
	[WATCH_CALLOC] = TRACE_CALLOC,
	[WATCH_REALLOC] = TRACE_REALLOC,
	[WATCH_MEMALIGN] = TRACE_MEMALIGN,
	[WATCH_FREE] = TRACE_FREE,
	[WATCH_KMALLOC] = TRACE_KMALLOC,
	[WATCH_KFREE] = TRACE_KFREE,
	[WATCH_CACHE_ALLOC] = TRACE_CACHE_ALLOC,
	[WATCH_CACHE_FREE] = TRACE_CACHE_FREE,
	[WATCH_VMALLOC] = TRACE_VMALLOC,
	[WATCH_VFREE] = TRACE_VFREE,
	[WATCH_ALLOC_PAGES] = TRACE_ALLOC_PAGES,
	[WATCH_FREE_PAGES] = TRACE_FREE_PAGES,
};

static void record_call(const struct trace_call *call)
{
	bool more = call->type == TRACE_REALLOC || call->size >> 48;
	struct trace_record head = {
		.type = (u8)call->type,
		.align_shift = call->align ? (u8)__builtin_ctzl(call->align) : 0,
		.tid = call->tid,
		.caller = call->caller,
		.address = trace_is_free(call->type) ? call->old : call->result,
	}, *r;

	if (call->caller)
		trace_caller(call->caller);
	if (call->cache)
		head.name = trace_string(call->cache);
	head.time = call->time;
	trace_set_size(&head, call->size);
	r = trace_reserve(1 + more);
	if (unlikely(!r))
		return;
	if (more) {
		struct trace_more rest = {
			.type = TRACE_MORE, .old = call->old, .size = call->size,
		};

		memcpy(r + 1, &rest, sizeof(rest));
	}
	trace_publish(r, &head);
}

/* A pipe that does not block is full: its reader is slow, and must be waited
 * for, or lines would be missing. */
static int write_all(int fd, const char *text, size_t len)
{
	int ret;

	while ((ret = host_write(fd, text, len)) == -EAGAIN)
		host_sleep_ms(1);
	return ret;
}

static void write_call(const struct trace_call *call)
{
	char line[1536];
	size_t room = sizeof(line) - 1, len;
	unsigned long vaddr;
	const char *path;
	bool opened = false;
	int fd, ret;

	len = (size_t)trace_print(call, line, room, kmm_snprintf);
	len += (size_t)kmm_snprintf(line + len, room - len, " <- %#lx",
				    (unsigned long)call->caller);
	if (call->caller && backtrace_module(call->caller - 1, &path, &vaddr))
		len += (size_t)kmm_snprintf(line + len, room - len, " (%s+%#lx)",
					    path, vaddr + 1);
	len = min_t(size_t, len, room - 1);
	line[len++] = '\n';
	fd = trace.fd < 0 ? printk_fd() : trace_fd(&opened);
	ret = fd < 0 ? fd : write_all(fd, line, len);
	trace_put_fd(fd, opened);
	if (ret)
		trace_stop(ret);
}

static void trace_call(const struct watch_call *from)
{
	struct trace_call call = {
		.type = trace_types[from->op],
		.result = (unsigned long)from->result,
		.old = (unsigned long)from->old,
		.size = from->size,
		.align = from->align,
		.caller = (unsigned long)from->caller,
		.cache = from->cache ? from->cache->name : NULL,
	};

	if (unlikely(!atomic_load_explicit(&tracing, memory_order_relaxed)))
		return;
	call.tid = unlikely(host_thread_is_new()) ? trace_thread() : host_cached_tid();
	call.time = host_clock_precise() - trace.start;
	if (trace.text)
		write_call(&call);
	else
		record_call(&call);
}

static void trace_end(void)
{
	struct trace_record head = { .type = TRACE_END }, *r;

	if (!atomic_load_explicit(&tracing, memory_order_relaxed))
		return;
	head.tid = unlikely(host_thread_is_new()) ? trace_thread() : host_cached_tid();
	head.time = host_clock_precise() - trace.start;
	r = trace_reserve(1);
	if (r)
		trace_publish(r, &head);
}

void calltrace_fork_child(void)
{
	trace.parent = trace.pid;
	trace.pid = (u32)host_getpid();
}

/* Boot -------------------------------------------------------------------- */

/* @name with its "%p" replaced, and absolute, so that it can be found again from
 * another directory. */
static void make_path(const char *name)
{
	size_t len = 0, room = sizeof(trace.path) - 32;
	long ret;

	if (*name != '/') {
		ret = host_readlink("/proc/self/cwd", trace.path, room / 2);
		if (ret > 0) {
			len = (size_t)ret;
			trace.path[len++] = '/';
		}
	}
	for (; *name && len < room; name++) {
		if (name[0] == '%' && name[1] == 'p') {
			len += (size_t)kmm_snprintf(trace.path + len, 32, "%u",
						    trace.pid);
			name++;
		} else {
			trace.path[len++] = *name;
		}
	}
	trace.path[len] = '\0';
}

/* A new file: FILE, FILE.PID, FILE.PID.2, ... */
static int create_file(void)
{
	char *suffix = trace.path + strlen(trace.path);
	int i, fd;

	fd = host_open(trace.path, O_RDWR | O_CREAT | O_EXCL);
	for (i = 1; fd == -EEXIST && i < MAX_NAMES; i++) {
		if (i == 1)
			kmm_snprintf(suffix, 32, ".%u", trace.pid);
		else
			kmm_snprintf(suffix, 32, ".%u.%d", trace.pid, i);
		fd = host_open(trace.path, O_RDWR | O_CREAT | O_EXCL);
	}
	return fd;
}

/* Out of the way of programs that count on small numbers. */
static int open_file(bool text)
{
	int ret, fd = text ? host_open(trace.path,
				       O_WRONLY | O_CREAT | O_APPEND) :
			     create_file();

	if (fd < 0)
		return fd;
	ret = host_move_fd(fd);
	if (ret >= 0)
		fd = ret;
	trace.fd = fd;
	return host_identify(fd, &trace.file) ? 0 : -EBADF;
}

static int map_file(void)
{
	int ret = host_allocate_file(trace.fd, 0, TRACE_MIN_STEP);

	if (ret)
		return ret;
	atomic_store(&trace.grown, TRACE_MIN_STEP);
	atomic_store(&trace.dropped, ALIGN(TRACE_HEADER_SIZE, TRACE_MIN_STEP));
	for (trace.window = TRACE_WINDOW; trace.window >= TRACE_MIN_WINDOW;
	     trace.window /= 2) {
		trace.header = host_map_file(trace.fd, trace.window);
		if (trace.header)
			return 0;
	}
	return -ENODEV;
}

static void write_header(void)
{
	struct trace_header *h = trace.header;

	memcpy(h->magic, TRACE_MAGIC, sizeof(h->magic));
	h->byte_order = TRACE_BYTE_ORDER;
	h->version = TRACE_VERSION;
	h->header_size = TRACE_HEADER_SIZE;
	h->record_size = TRACE_RECORD_SIZE;
	h->pid = trace.pid;
	h->start = trace.start;
	h->start_realtime = host_clock_realtime();
	h->next = TRACE_HEADER_SIZE;
	(void)host_read_file("/proc/self/cmdline", h->command,
			     sizeof(h->command) - 1, 0);
}

static int start_records(void)
{
	int ret = map_file();

	if (ret)
		return ret;
	if (!set_init(&trace.strings, TRACE_NR_STRINGS) ||
	    !set_init(&trace.callers, NR_CALLERS))
		return -ENOMEM;
	write_header();
	watch_at_exit(trace_end);
	return 0;
}

static noinline __cold void start_trace(const char *name)
{
	int ret;

	trace.pid = (u32)host_getpid();
	trace.start = host_clock_precise();
	trace.fd = -1;
	trace.text = kmm_params.trace_format == TRACE_FORMAT_TEXT ||
		     !strcmp(name, "-");
	if (strcmp(name, "-")) {
		make_path(name);
		ret = open_file(trace.text);
		if (!ret && !trace.text)
			ret = start_records();
	} else {
		memcpy(trace.path, "-", sizeof("-"));
		ret = 0;
	}
	atomic_store(&tracing, true);
	if (ret)
		trace_stop(ret);
	else
		watch_register(trace_call);
}

int __init calltrace_init(void)
{
	const char *name = param_text(kmm_params.trace);

	if (name && *name)
		start_trace(name);
	return 0;
}
