/* SPDX-License-Identifier: MIT */
/*
 * The host: every system call of the allocator is made in host.c.
 *
 * The kernel's allocator finds memory through firmware; ours asks the host
 * operating system. Functions return 0 or -errno and leave errno alone, so
 * that free() can. None of them allocates, and none takes a lock but
 * host_lock_streams().
 */
#ifndef LIB_HOST_H
#define LIB_HOST_H

#include "compiler.h"

/* What the host told us at boot. Written once by host_init(). */
struct host_info {
	unsigned int page_shift;
	unsigned int nr_cpu_ids;	/* CPU numbers are below this */
	unsigned int nr_cpus;		/* CPUs that this process may use now */
	bool secure;			/* setuid or alike: ignore the environment */
};

extern struct host_info host;

void host_init(void);

/*
 * Map @size bytes, page aligned, zero-filled, private.
 * host_map():         anywhere, readable and writable, NULL on failure.
 * host_map_fixed():   exactly at @addr, 0 or -errno; -EEXIST if taken.
 * host_reserve():     address space only, aligned to @align; NULL on failure.
 * host_commit():      make reserved pages usable.
 */
void *host_map(size_t size);
int host_map_fixed(void *addr, size_t size);
void *host_reserve(size_t size, size_t align);
int host_commit(void *addr, size_t size);
int host_unmap(void *addr, size_t size);
int host_protect_none(void *addr, size_t size);
/* @prot as for mprotect(). */
int host_protect(void *addr, size_t size, int prot);
/* The same, and the contents are gone. */
int host_decommit(void *addr, size_t size);
/* mremap() that may move; NULL on failure. */
void *host_remap(void *addr, size_t old_size, size_t new_size);
/* Drop the contents: reads as zero afterwards unless this returns an error. */
int host_discard(void *addr, size_t size);
/* Advise huge pages for this memory, or none ever; -errno if refused. */
int host_advise_huge(void *addr, size_t size, bool huge);

/* sigaction() of libc, whatever has been put in front of it; 0 or -errno. */
struct sigaction;
int host_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
void host_raise(int sig);

/* Futexes, private to the process. host_futex_wait() returns when woken, when
 * *@word is not @val, or for no reason. */
void host_futex_wait(_Atomic u32 *word, u32 val);
void host_futex_wake(_Atomic u32 *word, int nr);

/* membarrier(): registered at boot; true if the command can be used. */
bool host_membarrier_register(void);
bool host_membarrier(void);

/* Rseq: the offset of struct rseq from the thread pointer, and the offset in
 * it of the CPU number to use; false if libc has not registered it. */
bool host_rseq(ptrdiff_t *area, ptrdiff_t *cpu_field);

/* 64 bits that an attacker cannot guess, from the auxiliary vector. */
u64 host_random(void);
/* Nanoseconds of a monotonic clock, of some ms or of less than 1 us. */
u64 host_clock(void);
u64 host_clock_precise(void);
/* Nanoseconds since 1970. */
u64 host_clock_realtime(void);
/* All of @buf to @fd; 0 or -errno. */
int host_write(int fd, const void *buf, size_t len);
/* One read of up to @size bytes; count or -errno. */
long host_read(int fd, void *buf, size_t size);
/* Files that stay open. @flags as for open(2), close-on-exec is added; the
 * descriptor or -errno. host_move_fd(): the same file under a number that
 * programs do not come to by themselves; @fd is closed if that was possible. */
int host_open(const char *path, int flags);
void host_close(int fd);
int host_move_fd(int fd);
/* Give a file that has @from bytes at least @to, with room for them on the disk,
 * which read as zero where there were none; 0 or -errno. Sends no SIGXFSZ. */
int host_allocate_file(int fd, u64 from, u64 to);
/* Map a file from its start, shared; may be more than it has. NULL on failure. */
void *host_map_file(int fd, size_t size);
/* Which file an open descriptor is; false if it is none. */
struct host_file {
	u64 device, inode;
};
bool host_identify(int fd, struct host_file *file);
/* Read up to @size bytes of a file from @offset; count or -errno. */
long host_read_file(const char *path, char *buf, size_t size, long offset);
/* Where a link points to, without a NUL; its length or -errno. */
long host_readlink(const char *path, char *buf, size_t size);
const char *host_getenv(const char *name);
void host_abort(void) __attribute__((noreturn));
/* The most that this process ever had resident; 0 if the host does not say. */
size_t host_peak_resident(void);
/* May the page at @addr be read? By a call that every sandbox lets through. */
bool host_page_readable(const void *addr);
/* Read this process's own memory where it may not be there: the count or
 * -errno. Not beyond a page that is there, in general. */
long host_peek(void *buf, unsigned long addr, size_t size);
/* Can all of [start, end) be read? */
bool host_readable(unsigned long start, unsigned long end);
int host_gettid(void);
/* The same by one load, for who notes it with each call. A child of vfork() is
 * taken for its parent. */
u32 host_cached_tid(void);
/* True on a thread's first call of it, and again in the child of a fork. */
bool host_thread_is_new(void);
/* In the child of a fork. */
void host_fork_child(void);
int host_getpid(void);
void host_sleep_ms(unsigned int ms);
/* A thread with all signals blocked and little stack; its end leaves nothing.
 * False if there can be none. Allocates: no lock may be held that this needs. */
bool host_start_thread(void *(*fn)(void *arg));
/* Name the calling thread, for ps and debuggers. */
void host_name_thread(const char *name);

/*
 * The C library's lock on its list of streams, which its fork() takes as well. A
 * thread may hold it more than once. The child's copy is made free again. Where
 * the C library keeps it to itself (musl), these do nothing.
 */
void host_lock_streams(void);
void host_unlock_streams(void);
void host_reset_streams(void);

/*
 * Fault injection, for tests of the out-of-memory paths: from the Nth call on
 * (counted from 1), mmap, mprotect and mremap fail with ENOMEM. 0 is off.
 */
extern unsigned long host_fail_nth;
extern unsigned long host_map_calls;

#endif /* LIB_HOST_H */
