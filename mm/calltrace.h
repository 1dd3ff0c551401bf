/* SPDX-License-Identifier: MIT */
/*
 * The trace of every call: its file format, and the text of one call.
 *
 * calltrace.c writes such files, tools/kmm reads them; neither needs the other.
 *
 *	byte 0		struct trace_header, and zeroes up to header_size
 *	header_size	records of 32 bytes, in the order in which they happened,
 *			up to header.next or the end of the file
 *
 * All numbers are in the byte order of the machine that wrote them; a reader on
 * another one sees it at header.byte_order. A record of type 0 was being
 * written when its thread ended: skip 32 bytes.
 */
#ifndef MM_CALLTRACE_H
#define MM_CALLTRACE_H

#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC "KMMTRACE"
#define TRACE_BYTE_ORDER 0x01020304u
#define TRACE_VERSION 1
#define TRACE_HEADER_SIZE 4096
#define TRACE_RECORD_SIZE 32
#define TRACE_NR_STRINGS 4096	/* their numbers are 1 to 4095 */

struct trace_header {
	char magic[8];			/* no NUL */
	uint32_t byte_order;
	uint32_t version;
	uint32_t header_size;
	uint32_t record_size;
	uint32_t pid;			/* of the first process */
	uint32_t reserved;
	uint64_t start;			/* ns, CLOCK_MONOTONIC: time 0 of records */
	uint64_t start_realtime;	/* ns since 1970 */
	/* Bytes of the file that have been given to records: may be more than it
	 * has, if it could not grow. All processes of the trace add to it. */
	uint64_t next __attribute__((aligned(64)));
	/* The program's words, each with a NUL; cut to what fits. */
	char command[1024] __attribute__((aligned(64)));
};

/* The values are part of the format. */
enum trace_type {
	TRACE_NOTHING,		/* not written, or not yet */

	/* Calls. */
	TRACE_MALLOC,
	TRACE_CALLOC,
	TRACE_REALLOC,
	TRACE_MEMALIGN,
	TRACE_FREE,
	TRACE_KMALLOC,
	TRACE_KFREE,
	TRACE_CACHE_ALLOC,
	TRACE_CACHE_FREE,
	TRACE_VMALLOC,
	TRACE_VFREE,
	TRACE_ALLOC_PAGES,
	TRACE_FREE_PAGES,
	NR_TRACE_CALLS,

	/* What explains them; see struct trace_record. */
	TRACE_MORE = 64,
	TRACE_THREAD,
	TRACE_STRING,
	TRACE_TEXT,
	TRACE_CALLER,
	TRACE_END,
};

/*
 *	type		address		size		name	caller
 *	an allocation	the result; 0	bytes asked	cache	return address
 *	a free		what is freed	0		cache	return address
 *	TRACE_THREAD	parent process	process		0	0
 *	TRACE_STRING	0		length		itself	0
 *	TRACE_CALLER	0		in the file	module	return address
 *	TRACE_END	0		0		0	0
 *
 * `name` is the number of a string, 0 if there is none; its bytes are in the
 * TRACE_TEXT that follow, as many as it takes. A TRACE_MORE belongs to the record
 * before it. If that one is of type 0, both are to be skipped.
 * TRACE_THREAD comes before the first call of its thread, tid, and again in the
 * child of a fork. A TRACE_CALLER says where in a module's file its address is;
 * it comes before the first call from there. TRACE_END: the process ends, and
 * in the normal way.
 */
struct trace_record {
	uint8_t type;
	uint8_t align_shift;	/* log2 of the alignment asked for; 0: the usual */
	uint16_t name;
	uint32_t tid;
	uint64_t time : 48;	/* ns since header.start */
	uint64_t size_0 : 16;
	uint64_t address : 48;
	uint64_t size_1 : 16;
	uint64_t caller : 48;
	uint64_t size_2 : 16;
};

/* Behind a realloc, and behind what asks for 2^48 bytes or more. */
struct trace_more {
	uint8_t type;
	uint8_t reserved[7];
	uint64_t old;		/* the block that is resized */
	uint64_t size;		/* all of it */
	uint64_t unused;
};

#define TRACE_TEXT_SIZE (TRACE_RECORD_SIZE - 1)

/* Behind a string; the last one is filled up with zeroes. */
struct trace_text {
	uint8_t type;
	char text[TRACE_TEXT_SIZE];
};

_Static_assert(sizeof(struct trace_record) == TRACE_RECORD_SIZE &&
	       sizeof(struct trace_more) == TRACE_RECORD_SIZE &&
	       sizeof(struct trace_text) == TRACE_RECORD_SIZE &&
	       sizeof(struct trace_header) <= TRACE_HEADER_SIZE, "file format");

static inline uint64_t trace_size(const struct trace_record *r)
{
	return r->size_0 | (uint64_t)r->size_1 << 16 | (uint64_t)r->size_2 << 32;
}

static inline void trace_set_size(struct trace_record *r, uint64_t size)
{
	r->size_0 = size & 0xffff;
	r->size_1 = size >> 16 & 0xffff;
	r->size_2 = size >> 32 & 0xffff;
}

/* One call, put together. */
struct trace_call {
	enum trace_type type;
	uint32_t tid;
	uint64_t time;
	uint64_t result, old;
	uint64_t size, align;
	uint64_t caller;
	const char *cache;	/* NULL: not known */
};

static inline const char *trace_name(enum trace_type type)
{
	static const char *const names[NR_TRACE_CALLS] = {
		[TRACE_MALLOC] = "malloc",
		[TRACE_CALLOC] = "calloc",
		[TRACE_REALLOC] = "realloc",
		[TRACE_MEMALIGN] = "memalign",
		[TRACE_FREE] = "free",
		[TRACE_KMALLOC] = "kmalloc",
		[TRACE_KFREE] = "kfree",
		[TRACE_CACHE_ALLOC] = "kmem_cache_alloc",
		[TRACE_CACHE_FREE] = "kmem_cache_free",
		[TRACE_VMALLOC] = "vmalloc",
		[TRACE_VFREE] = "vfree",
		[TRACE_ALLOC_PAGES] = "alloc_pages",
		[TRACE_FREE_PAGES] = "free_pages",
	};

	return type < NR_TRACE_CALLS ? names[type] : NULL;
}

static inline int trace_is_free(enum trace_type type)
{
	return type == TRACE_FREE || type == TRACE_KFREE ||
	       type == TRACE_CACHE_FREE || type == TRACE_VFREE ||
	       type == TRACE_FREE_PAGES;
}

/*
 * "0.001234567 [4711] malloc(100) = 0x7f0123456780", in the library and in the
 * tool, with whatever printf() there is; returns what that returns.
 */
static inline int trace_print(const struct trace_call *call, char *buf,
			      size_t size,
			      int (*print)(char *buf, size_t size,
					   const char *fmt, ...))
{
	char args[160], result[24] = "";
	const char *cache = call->cache ? call->cache : "?";

	switch (call->type) {
	case TRACE_REALLOC:
		print(args, sizeof(args), "%#llx, %llu",
		      (unsigned long long)call->old,
		      (unsigned long long)call->size);
		break;
	case TRACE_MEMALIGN:
		print(args, sizeof(args), "%llu, %llu",
		      (unsigned long long)call->align,
		      (unsigned long long)call->size);
		break;
	case TRACE_CACHE_ALLOC:
		print(args, sizeof(args), "%s", cache);
		break;
	case TRACE_CACHE_FREE:
		print(args, sizeof(args), "%s, %#llx", cache,
		      (unsigned long long)call->old);
		break;
	default:
		if (trace_is_free(call->type))
			print(args, sizeof(args), "%#llx",
			      (unsigned long long)call->old);
		else
			print(args, sizeof(args), "%llu",
			      (unsigned long long)call->size);
	}
	if (!trace_is_free(call->type) && !call->result)
		print(result, sizeof(result), " = NULL");
	else if (!trace_is_free(call->type))
		print(result, sizeof(result), " = %#llx",
		      (unsigned long long)call->result);
	return print(buf, size, "%llu.%09llu [%u] %s(%s)%s",
		     (unsigned long long)(call->time / 1000000000),
		     (unsigned long long)(call->time % 1000000000), call->tid,
		     trace_name(call->type), args, result);
}

#endif /* MM_CALLTRACE_H */
