/* SPDX-License-Identifier: MIT */
/*
 * Another process, or its core: its memory, its modules, and its heap.
 *
 *	struct remote *r = remote_open("1234");		or a core file
 *	remote_find_heap(r);
 *	remote_root(r, "slab_caches", &root);
 *	remote_read(r, root.address, &list, sizeof(list));
 *
 * A live process is not stopped: every pointer read may be stale by the time
 * that it is followed, so readers check it and bound the length of lists.
 *
 * remote_open() and remote_find_heap() end the program with a message if there
 * is no such process, it may not be read, has no heap of ours or one of
 * another version: no command could do better.
 */
#ifndef TOOLS_KMM_REMOTE_H
#define TOOLS_KMM_REMOTE_H

#include <elfutils/libdwfl.h>
#include <kmm/anchor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct remote;

/* @target: a process number, or the path of a core file. */
struct remote *remote_open(const char *target);
/*
 * A process of the past, of which only its mappings are left, as the text of
 * /proc/PID/maps: it has modules and no memory. A file that has changed since
 * @when is not one of them. @name is for messages.
 */
struct remote *remote_of_maps(const char *name, const char *maps, size_t len,
			      const struct timespec *when);
void remote_close(struct remote *r);
const char *remote_name(const struct remote *r);
/* The target as it was named. */
const char *remote_path(const struct remote *r);
/* What the process calls itself; NULL for a core. The caller frees it. */
char *remote_program(const struct remote *r);
/* The process; 0 for a core. */
pid_t remote_pid(const struct remote *r);

/* The core file; NULL for a process. */
Elf *remote_core(const struct remote *r);

/*
 * Copy @len bytes at @address of the target. 0, -EFAULT if it has not all of
 * them, or -ESRCH: the process has died, and so will all that follows.
 */
int remote_read(struct remote *r, uint64_t address, void *buf, size_t len);
/* For who waits for the end of a process: it is no failure, but @status. */
void remote_may_end(struct remote *r, int status);
/* Say that the process has ended, and do so too. */
_Noreturn void remote_ended(const struct remote *r);
/* Read, and end the program with a message if that is not possible. */
void remote_read_or_die(struct remote *r, uint64_t address, void *buf,
			size_t len);

/*
 * The heap: that of the malloc shim if there is one, else of libkmm, shared or
 * linked into the program. Its layout is the one kmm was built with, which
 * has been checked: so the headers of mm/ describe its structs.
 */
void remote_find_heap(struct remote *r);
/* The anchors of all heaps that are in use, that of remote_find_heap() first; the
 * caller frees them. Each needs a remote of its own. */
size_t remote_heaps(struct remote *r, uint64_t **anchors);
/* The one of several whose anchor is at @anchor. */
void remote_find_heap_at(struct remote *r, uint64_t anchor);
const char *remote_heap_module(const struct remote *r);
uint64_t remote_anchor(const struct remote *r);
/* False before the first allocation: then there is nothing to be seen yet. */
bool remote_heap_is_up(struct remote *r);
unsigned int remote_page_shift(struct remote *r);
/* A root of the anchor by its name, with the target's address. */
bool remote_root(struct remote *r, const char *name,
		 struct kmm_anchor_root *root);
/* The same, the whole of it copied to @buf of @size bytes, which must match. */
void remote_read_root(struct remote *r, const char *name, void *buf,
		      size_t size);
/* All roots: @index from 0, false after the last. */
bool remote_root_at(struct remote *r, unsigned int index,
		    struct kmm_anchor_root *root);

/* For symbols.h: the module that holds @address, if its file is certainly the
 * one in use; and what to call it. */
Dwfl_Module *remote_module(struct remote *r, uint64_t address);
const char *remote_module_name(struct remote *r, uint64_t address,
			       uint64_t *vaddr);

/* What is mapped where, as far as it is a file: ascending, @index from 0; false
 * after the last. */
struct remote_mapping {
	uint64_t start, end;
	const char *path;
	char build_id[129];	/* in hexadecimal; "" if it has none */
};
bool remote_mapping_at(struct remote *r, unsigned int index,
		       struct remote_mapping *mapping);

#endif /* TOOLS_KMM_REMOTE_H */
