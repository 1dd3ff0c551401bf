// SPDX-License-Identifier: MIT
/*
 * The host: the only file that makes system calls.
 *
 * Calls:	mmap munmap mprotect mremap madvise futex membarrier sched_getaffinity
 *		clock_gettime getpid getrusage write openat pread64 close
 *		gettid readlinkat process_vm_readv (the last seven for reports
 *		only); for traces fallocate fcntl prlimit64; and for the one
 *		thread that we may start: rseq, clone3, rt_sigprocmask, prctl,
 *		clock_nanosleep. Any of them may be refused by a sandbox;
 *		each caller has a way to go on.
 * errno:	never changed. Calls are made raw, since the C library's wrappers
 *		set errno and some are cancellation points.
 * Context:	any, also before the C library has run its constructors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bitops.h"
#include "host.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#endif

struct host_info host;
unsigned long host_fail_nth;
unsigned long host_map_calls;

/* Registered by the C library since glibc 2.35; absent elsewhere. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* syscall() that leaves errno alone: the result, or -errno. */
#define host_syscall(...)						\
	__extension__({							\
		int __saved = errno;					\
		long __ret = syscall(__VA_ARGS__);			\
									\
		if (__ret == -1)					\
			__ret = -errno;					\
		errno = __saved;					\
		__ret;							\
	})

/* Is this call the one from which on the host gives nothing? */
static bool host_injected(void)
{
	unsigned long call = __atomic_add_fetch(&host_map_calls, 1,
						__ATOMIC_RELAXED);

	return unlikely(host_fail_nth) && call >= host_fail_nth;
}

static bool map_failed(long ret)
{
	return ret < 0 && ret >= -4095;
}

static long host_mmap(void *addr, size_t size, int prot, int flags)
{
	if (host_injected())
		return -ENOMEM;
	return host_syscall(SYS_mmap, addr, size, prot,
			    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0L);
}

static bool count_cpus(unsigned long *mask, size_t size)
{
	long i, bytes = host_syscall(SYS_sched_getaffinity, 0, size, mask);

	if (bytes <= 0)
		return false;
	/* What the kernel copied covers every possible CPU number. */
	host.nr_cpu_ids = (unsigned int)bytes * 8;
	host.nr_cpus = 0;
	for (i = 0; i < bytes / (long)sizeof(long); i++)
		host.nr_cpus += (unsigned int)__builtin_popcountl(mask[i]);
	if (!host.nr_cpus)
		host.nr_cpus = 1;
	return true;
}

/* Room for 32768 CPUs: a page of the stack, which most processes never use. */
static noinline bool count_many_cpus(void)
{
	unsigned long mask[512];

	return count_cpus(mask, sizeof(mask));
}

static void host_cpus(void)
{
	unsigned long mask[16];

	host.nr_cpu_ids = 256;
	host.nr_cpus = 1;
	/* The kernel refuses a buffer below its own. */
	if (!count_cpus(mask, sizeof(mask)))
		count_many_cpus();
}

void host_init(void)
{
	unsigned long page_size = getauxval(AT_PAGESZ);

	if (host.page_shift)
		return;

	host.page_shift = page_size ? ilog2(page_size) : 12;
	host.secure = getauxval(AT_SECURE) != 0;
	host_cpus();
}

void *host_map(size_t size)
{
	long ret = host_mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_NORESERVE);

	return map_failed(ret) ? NULL : (void *)ret;
}

int host_map_fixed(void *addr, size_t size)
{
	long ret = host_mmap(addr, size, PROT_READ | PROT_WRITE,
			     MAP_NORESERVE | MAP_FIXED_NOREPLACE);

	if (map_failed(ret))
		return (int)ret;
	if ((void *)ret != addr) {
		/* A kernel before 4.17 takes the address as a mere hint. */
		host_unmap((void *)ret, size);
		return -EEXIST;
	}
	return 0;
}

void *host_reserve(size_t size, size_t align)
{
	unsigned long start, end;
	long ret;

	if (size + align < size)
		return NULL;
	ret = host_mmap(NULL, size + align, PROT_NONE, MAP_NORESERVE);
	if (map_failed(ret))
		return NULL;
	start = ALIGN((unsigned long)ret, align);
	end = (unsigned long)ret + size + align;
	if (start != (unsigned long)ret)
		host_unmap((void *)ret, start - (unsigned long)ret);
	if (start + size != end)
		host_unmap((void *)(start + size), end - start - size);
	return (void *)start;
}

int host_commit(void *addr, size_t size)
{
	if (host_injected())
		return -ENOMEM;
	return (int)host_syscall(SYS_mprotect, addr, size,
				 PROT_READ | PROT_WRITE);
}

int host_protect_none(void *addr, size_t size)
{
	if (host_injected())
		return -ENOMEM;
	return (int)host_syscall(SYS_mprotect, addr, size, PROT_NONE);
}

int host_protect(void *addr, size_t size, int prot)
{
	if (host_injected())
		return -ENOMEM;
	return (int)host_syscall(SYS_mprotect, addr, size, prot);
}

/* A mapping in place of the old one: it has no history that would keep the host
 * from making it one with its neighbours. */
int host_decommit(void *addr, size_t size)
{
	long ret = host_mmap(addr, size, PROT_NONE, MAP_NORESERVE | MAP_FIXED);

	return map_failed(ret) ? (int)ret : 0;
}

int host_unmap(void *addr, size_t size)
{
	return (int)host_syscall(SYS_munmap, addr, size);
}

void *host_remap(void *addr, size_t old_size, size_t new_size)
{
	long ret;

	if (host_injected())
		return NULL;
	ret = host_syscall(SYS_mremap, addr, old_size, new_size,
			   MREMAP_MAYMOVE, NULL);
	return map_failed(ret) ? NULL : (void *)ret;
}

int host_discard(void *addr, size_t size)
{
	return (int)host_syscall(SYS_madvise, addr, size, MADV_DONTNEED);
}

int host_advise_huge(void *addr, size_t size, bool huge)
{
	return (int)host_syscall(SYS_madvise, addr, size,
				 huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

/* No page is smaller. */
#define PROBE_STEP 4096ul

/*
 * One byte of each page, many pages a call: the count tells where it stopped.
 * True if all of them were read, false also where the call is refused.
 */
static bool probe_pages(unsigned long start, unsigned long nr, bool *refused)
{
	struct iovec there[32], here;
	char bytes[ARRAY_SIZE(there)];
	unsigned long i, batch;
	long ret;

	for (; nr; nr -= batch, start += batch * PROBE_STEP) {
		batch = min_t(unsigned long, nr, ARRAY_SIZE(there));
		for (i = 0; i < batch; i++)
			there[i] = (struct iovec){
				(void *)(start + i * PROBE_STEP), 1
			};
		here = (struct iovec){ bytes, batch };
		ret = host_syscall(SYS_process_vm_readv, host_getpid(), &here,
				   1L, there, batch, 0L);
		*refused = ret < 0 && ret != -EFAULT;
		if (ret != (long)batch)
			return false;
	}
	return true;
}

/*
 * Where a sandbox refuses that: a call that no sandbox does. The kernel reads
 * the set of signals before it finds that -1 is nothing to do with it.
 */
static bool probe_pages_by_sigprocmask(unsigned long start, unsigned long nr)
{
	for (; nr; nr--, start += PROBE_STEP)
		if (host_syscall(SYS_rt_sigprocmask, -1L, start, NULL, 8L) !=
		    -EINVAL)
			return false;
	return true;
}

bool host_page_readable(const void *addr)
{
	return probe_pages_by_sigprocmask((unsigned long)addr, 1);
}

size_t host_peak_resident(void)
{
	struct rusage usage;

	if (host_syscall(SYS_getrusage, RUSAGE_SELF, &usage))
		return 0;
	return (size_t)usage.ru_maxrss << 10;
}

long host_peek(void *buf, unsigned long addr, size_t size)
{
	struct iovec here = { buf, size }, there = { (void *)addr, size };
	long ret = host_syscall(SYS_process_vm_readv, host_getpid(), &here, 1L,
				&there, 1L, 0L);

	if (ret >= 0 || ret == -EFAULT || !host_readable(addr, addr + size))
		return ret;
	memcpy(buf, (const void *)addr, size);
	return (long)size;
}

bool host_readable(unsigned long start, unsigned long end)
{
	unsigned long nr;
	bool refused = false;

	if (start >= end)
		return true;
	start = ALIGN_DOWN(start, PROBE_STEP);
	nr = (end - 1 - start) / PROBE_STEP + 1;
	if (probe_pages(start, nr, &refused))
		return true;
	return refused && probe_pages_by_sigprocmask(start, nr);
}

void host_futex_wait(_Atomic u32 *word, u32 val)
{
	host_syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, NULL, NULL, 0);
}

void host_futex_wake(_Atomic u32 *word, int nr)
{
	host_syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, nr, NULL, NULL, 0);
}

bool host_membarrier_register(void)
{
	return host_syscall(SYS_membarrier,
			    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
			    0, 0) == 0;
}

bool host_membarrier(void)
{
	return host_syscall(SYS_membarrier,
			    MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0;
}

/* struct rseq, the part we know: offsets are kernel ABI. */
#define RSEQ_CPU_ID_OFFSET 4
#define RSEQ_MM_CID_OFFSET 24
#define RSEQ_MM_CID_END 28

bool host_rseq(ptrdiff_t *area, ptrdiff_t *cpu_field)
{
	if (!&__rseq_size || !&__rseq_offset || !__rseq_size)
		return false;
	*area = __rseq_offset;
	/* The C library may know a shorter struct than the kernel fills; the
	 * area it registers has always been 32 bytes. */
	if (getauxval(AT_RSEQ_FEATURE_SIZE) >= RSEQ_MM_CID_END)
		*cpu_field = __rseq_offset + RSEQ_MM_CID_OFFSET;
	else
		*cpu_field = __rseq_offset + RSEQ_CPU_ID_OFFSET;
	return true;
}

u64 host_random(void)
{
	const unsigned char *bytes = (const unsigned char *)getauxval(AT_RANDOM);
	u64 words[2] = { 0x9e3779b97f4a7c15, (u64)(unsigned long)&host };

	if (bytes)
		memcpy(words, bytes, sizeof(words));
	/* The C library derives its stack and pointer guards from these bytes;
	 * mix them so that our numbers do not give those away. */
	words[0] ^= words[1] * 0xff51afd7ed558ccd;
	words[0] ^= words[0] >> 29;
	words[0] *= 0xc4ceb9fe1a85ec53;
	return words[0] ^ (words[0] >> 32);
}

static u64 read_clock(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	if (clock_gettime(clock, &ts))
		return 0;
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

u64 host_clock(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

u64 host_clock_precise(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

u64 host_clock_realtime(void)
{
	return read_clock(CLOCK_REALTIME);
}

int host_write(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		long ret = host_syscall(SYS_write, fd, p, len);

		if (ret == -EINTR)
			continue;
		if (ret < 0)
			return (int)ret;
		p += ret;
		len -= (size_t)ret;
	}
	return 0;
}

long host_read(int fd, void *buf, size_t size)
{
	long ret;

	do {
		ret = host_syscall(SYS_read, fd, buf, size);
	} while (ret == -EINTR);
	return ret;
}

int host_open(const char *path, int flags)
{
	return (int)host_syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC,
				 0666);
}

void host_close(int fd)
{
	host_syscall(SYS_close, fd);
}

/* Above what a program opens, below the usual limit of 1024. */
#define HIGH_FD 800

int host_move_fd(int fd)
{
	int ret = (int)host_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD);

	if (ret >= 0)
		host_close(fd);
	return ret;
}

int host_allocate_file(int fd, u64 from, u64 to)
{
	struct rlimit limit;
	int ret;

	/* Beyond it the host sends a signal. */
	if (!host_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) &&
	    to > limit.rlim_cur)
		return -EFBIG;
	do {
		ret = (int)host_syscall(SYS_fallocate, fd, 0, from, to - from);
	} while (ret == -EINTR);
	return ret;
}

void *host_map_file(int fd, size_t size)
{
	long ret;

	if (host_injected())
		return NULL;
	ret = host_syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_NORESERVE, fd, 0L);
	return map_failed(ret) ? NULL : (void *)ret;
}

bool host_identify(int fd, struct host_file *file)
{
	struct stat st;

	if (host_syscall(SYS_fstat, fd, &st))
		return false;
	file->device = st.st_dev;
	file->inode = st.st_ino;
	return true;
}

long host_read_file(const char *path, char *buf, size_t size, long offset)
{
	long ret, fd;

	fd = host_syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	ret = host_syscall(SYS_pread64, (int)fd, buf, size, offset);
	host_syscall(SYS_close, (int)fd);
	return ret;
}

long host_readlink(const char *path, char *buf, size_t size)
{
	return host_syscall(SYS_readlinkat, AT_FDCWD, path, buf, size);
}

/* The environment as the kernel laid it out, for calls that come before the C
 * library has set `environ`. */
extern void *__libc_stack_end __attribute__((weak));

static char **initial_environ(void)
{
	long *stack;

	if (!&__libc_stack_end || !__libc_stack_end)
		return NULL;
	/* argc, argv[argc], NULL, envp[] */
	stack = __libc_stack_end;
	return (char **)(stack + 1 + *stack + 1);
}

const char *host_getenv(const char *name)
{
	char **env = environ ? environ : initial_environ();
	const char *have, *want;

	if (host.secure || !env)
		return NULL;
	/* Not strncmp(): a program may have no other use for that part of the C
	 * library, and 64 KiB of it would be mapped. */
	for (; *env; env++) {
		for (have = *env, want = name; *want && *have == *want;
		     have++, want++)
			;
		if (!*want && *have == '=')
			return have + 1;
	}
	return NULL;
}

void host_abort(void)
{
	abort();
}

/* libc's second name: the shim has the first one. */
extern int __sigaction(int sig, const struct sigaction *act,
		       struct sigaction *old);

int host_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	int saved_errno = errno;
	int ret = __sigaction(sig, act, old) ? -errno : 0;

	errno = saved_errno;
	return ret;
}

void host_raise(int sig)
{
	raise(sig);
}

int host_gettid(void)
{
	return (int)host_syscall(SYS_gettid);
}

/* 0: not asked yet, or another thread since a fork. Thread numbers have 22 bits;
 * one more says that host_thread_is_new() was called. A word for both: all
 * thread-local variables of the library have to fit into 64 bytes. */
#define THREAD_IS_KNOWN (1u << 31)

static __thread u32 cached_tid;

u32 host_cached_tid(void)
{
	if (unlikely(!cached_tid))
		cached_tid = (u32)host_gettid();
	return cached_tid & ~THREAD_IS_KNOWN;
}

bool host_thread_is_new(void)
{
	if (likely(cached_tid & THREAD_IS_KNOWN))
		return false;
	cached_tid = host_cached_tid() | THREAD_IS_KNOWN;
	return true;
}

void host_fork_child(void)
{
	cached_tid = 0;
}

int host_getpid(void)
{
	return (int)host_syscall(SYS_getpid);
}

void host_sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (host_syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts,
			    &ts) == -EINTR)
		;
}

/* Room for libc's thread area and for static thread-local blocks of libraries
 * besides our few hundred bytes; what is not touched costs nothing. */
#define THREAD_STACK (512ul << 10)

/*
 * glibc registers rseq for a new thread, and ends the process if that fails:
 * in a sandbox that forbids it, entered after the start, no thread can be had.
 * A request that makes no sense tells: the kernel calls it invalid.
 */
static bool thread_would_be_fatal(void)
{
	const int no_such_flag = 1 << 30;

	return &__rseq_size && __rseq_size &&
	       host_syscall(SYS_rseq, NULL, 0, no_such_flag, 0) != -EINVAL;
}

bool host_start_thread(void *(*fn)(void *arg))
{
	int saved_errno = errno;
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	if (thread_would_be_fatal())
		return false;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	/* The program's handlers must not run there: it inherits the mask. Not
	 * all of them really: libc keeps those it needs itself. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	started = !pthread_create(&thread, &attr, fn, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	errno = saved_errno;
	return started;
}

void host_name_thread(const char *name)
{
	host_syscall(SYS_prctl, PR_SET_NAME, name, 0, 0, 0);
}

/* Exported by glibc since 2.2.5, but declared in no header. */
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

void host_lock_streams(void)
{
	if (&_IO_list_lock)
		_IO_list_lock();
}

void host_unlock_streams(void)
{
	if (&_IO_list_lock)
		_IO_list_unlock();
}

void host_reset_streams(void)
{
	if (&_IO_list_lock)
		_IO_list_resetlock();
}
