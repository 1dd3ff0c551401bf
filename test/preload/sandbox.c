// SPDX-License-Identifier: MIT
/*
 * Under a sandbox that refuses one system call with an error, or ends who makes
 * one that is not documented.
 *
 *	sandbox CALL ERRNO here		filter, then work
 *	sandbox CALL ERRNO exec PROGRAM...	filter, then exec
 *	sandbox documented kill here	filter, then work, with large blocks too
 *
 * The filters are seccomp programs, written out so that the test needs no
 * library. Everything the allocator asks of the host may be refused; it must then
 * do without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "mixed.h"

static const struct { const char *name; long nr; } calls[] = {
	{ "membarrier", SYS_membarrier },
	{ "madvise", SYS_madvise },
	{ "getrandom", SYS_getrandom },
	{ "mprotect", SYS_mprotect },
	{ "sched_getaffinity", SYS_sched_getaffinity },
	{ "mremap", SYS_mremap },
	{ "rseq", SYS_rseq },
	{ "prctl", SYS_prctl },
	{ "mbind", SYS_mbind },
	{ "mincore", SYS_mincore },
	{ "munmap", SYS_munmap },
	{ "clock_gettime", SYS_clock_gettime },
	{ "openat", SYS_openat },
};

static long call_number(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].nr;
	fprintf(stderr, "%s: not in the list\n", name);
	exit(2);
}

static void refuse(long nr, unsigned int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(EXIT_SKIPPED);
}

/* As the table of Documentation/malloc.md has them for ordinary use, those by which
 * libc starts and ends threads, and the end. */
static const int documented[] = {
	SYS_membarrier, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap,
	SYS_madvise, SYS_futex, SYS_getpid, SYS_getrusage, SYS_prctl,
	SYS_clock_nanosleep, SYS_clock_gettime, SYS_rt_sigprocmask,
	SYS_sched_getaffinity,
	SYS_clone3, SYS_clone, SYS_rseq, SYS_set_robust_list, SYS_rt_sigaction,
	SYS_exit, SYS_exit_group,
};

static void allow_documented(void)
{
	struct sock_filter filter[2 * ARRAY_SIZE(documented) + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };
	struct sock_filter *end = filter + 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(documented); i++) {
		*end++ = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K,
			(unsigned int)documented[i], 0, 1);
		*end++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						      SECCOMP_RET_ALLOW);
	}
	*end = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
					    SECCOMP_RET_KILL_PROCESS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(EXIT_SKIPPED);
}

/* Past what makes a process one of large blocks, and of huge pages. */
static void large_blocks(void)
{
	static char *blocks[2400];
	size_t i;

	for (i = 0; i < 20; i++) {
		char *p = malloc(9 << 20);

		CHECK(p);
		memset(p, 1, 9 << 20);
		p = realloc(p, 12 << 20);
		CHECK(p);
		free(p);
	}
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		blocks[i] = malloc(65000);
		CHECK(blocks[i]);
		memset(blocks[i], 1, 65000);
	}
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		free(blocks[i]);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	alarm(TEST_TIMEOUT_S);
	if (!strcmp(argv[1], "documented")) {
		allow_documented();
		large_blocks();
		mixed_workload(3);
		return 0;
	}
	refuse(call_number(argv[1]), (unsigned int)atoi(argv[2]));
	if (!strcmp(argv[3], "exec")) {
		execvp(argv[4], argv + 4);
		return 2;
	}
	/* libc insists on rseq in each new thread once the first one has it. */
	mixed_workload(strcmp(argv[1], "rseq") ? 3 : 0);
	return 0;
}
