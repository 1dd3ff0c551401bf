// SPDX-License-Identifier: MIT
/*
 * Stopping a process, and what it is made of.
 *
 *	live	PTRACE_SEIZE and PTRACE_INTERRUPT for each thread, again and
 *		again until there is no new one: a thread that is not stopped yet
 *		may start another. No signal is sent, so nobody but the tracer
 *		sees the stop, and system calls are restarted.
 *	core	the notes: NT_PRSTATUS of each thread, PT_LOAD segments
 *
 * If kmm dies, the kernel lets the threads go on: that is what PTRACE_SEIZE does
 * without PTRACE_O_EXITKILL.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmm.h"
#include "process.h"

static void add_mapping(struct process *p, const struct mapping *m)
{
	if (!(p->nr_mappings & (p->nr_mappings + 63) & 63))
		p->mappings = xrealloc(p->mappings, (p->nr_mappings + 64) *
							    sizeof(*m));
	p->mappings[p->nr_mappings++] = *m;
}

static struct thread *add_thread(struct process *p, pid_t tid)
{
	struct thread *t;

	p->threads = xrealloc(p->threads,
			      (p->nr_threads + 1) * sizeof(*p->threads));
	t = &p->threads[p->nr_threads++];
	memset(t, 0, sizeof(*t));
	t->tid = tid;
	return t;
}

/* @regs: an elf_gregset_t. */
static void set_registers(struct thread *t, const void *regs, size_t len)
{
	t->nr_regs = len / sizeof(uint64_t);
	if (t->nr_regs > sizeof(t->regs) / sizeof(t->regs[0]))
		t->nr_regs = sizeof(t->regs) / sizeof(t->regs[0]);
	memcpy(t->regs, regs, t->nr_regs * sizeof(uint64_t));
#if defined(__x86_64__)
	t->sp = ((const struct user_regs_struct *)t->regs)->rsp;
#elif defined(__aarch64__)
	t->sp = ((const struct user_regs_struct *)t->regs)->sp;
#endif
}

/* Live --------------------------------------------------------------------- */

static bool known_thread(const struct process *p, pid_t tid)
{
	size_t i;

	for (i = 0; i < p->nr_threads; i++)
		if (p->threads[i].tid == tid)
			return true;
	return false;
}

/* False if the thread has ended meanwhile, or with @p->failed. */
static bool stop_thread(struct process *p, pid_t tid)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	struct thread *t;
	int status;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0)) {
		if (errno == ESRCH)
			return false;
		error(0, errno, "cannot stop thread %d of %s", tid,
		      remote_name(p->remote));
		p->failed = true;
		return false;
	}
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return false;
	while (waitpid(tid, &status, __WALL) < 0)
		if (errno != EINTR)
			return false;
	if (!WIFSTOPPED(status))
		return false;
	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov))
		return false;
	t = add_thread(p, tid);
	t->stopped = true;
	set_registers(t, &regs, iov.iov_len);
	return true;
}

static void stop_threads(struct process *p)
{
	char path[64];
	bool found;
	struct dirent *entry;
	DIR *dir;
	pid_t tid;

	snprintf(path, sizeof(path), "/proc/%d/task", remote_pid(p->remote));
	do {
		found = false;
		dir = opendir(path);
		if (!dir)
			error(EXIT_FAILED, errno, "cannot read %s", path);
		while ((entry = readdir(dir)) != NULL) {
			tid = atoi(entry->d_name);
			if (tid > 0 && !p->failed && !known_thread(p, tid))
				found |= stop_thread(p, tid);
		}
		closedir(dir);
	} while (found);
}

static void read_maps(struct process *p)
{
	char path[64], perms[8], *line = NULL;
	unsigned long start, end, offset, inode;
	size_t size = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", remote_pid(p->remote));
	maps = fopen(path, "re");
	if (!maps)
		error(EXIT_FAILED, errno, "cannot read %s", path);
	while (getline(&line, &size, maps) > 0) {
		if (sscanf(line, "%lx-%lx %7s %lx %*s %lu", &start, &end, perms,
			   &offset, &inode) != 5)
			continue;
		add_mapping(p, &(struct mapping){
				       .start = start,
				       .end = end,
				       .readable = perms[0] == 'r',
				       .writable = perms[1] == 'w',
				       .shared = perms[3] == 's',
				       .file = inode != 0,
				       .inode = inode,
			       });
	}
	free(line);
	fclose(maps);
}

/* Cores -------------------------------------------------------------------- */

static void read_core_notes(struct process *p, Elf *elf, const GElf_Phdr *phdr)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)phdr->p_offset,
					      phdr->p_filesz, ELF_T_NHDR);
	size_t pos = 0, next, name, desc;
	prstatus_t status;
	GElf_Nhdr nhdr;

	while (data && (next = gelf_getnote(data, pos, &nhdr, &name, &desc))) {
		if (nhdr.n_type == NT_PRSTATUS &&
		    nhdr.n_descsz >= sizeof(status)) {
			memcpy(&status, (char *)data->d_buf + desc,
			       sizeof(status));
			set_registers(add_thread(p, status.pr_pid),
				      status.pr_reg, sizeof(status.pr_reg));
		}
		pos = next;
	}
}

static void read_core(struct process *p, Elf *elf)
{
	GElf_Phdr phdr;
	size_t i, nr;

	if (elf_getphdrnum(elf, &nr))
		error(EXIT_FAILED, 0, "%s: %s", remote_name(p->remote),
		      elf_errmsg(-1));
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			continue;
		if (phdr.p_type == PT_NOTE)
			read_core_notes(p, elf, &phdr);
		else if (phdr.p_type == PT_LOAD)
			add_mapping(p, &(struct mapping){
					       .start = phdr.p_vaddr,
					       .end = phdr.p_vaddr +
						      phdr.p_filesz,
					       .readable = true,
					       .writable = phdr.p_flags & PF_W,
				       });
	}
}

struct process *process_stop(struct remote *remote)
{
	struct process *p = xcalloc(1, sizeof(*p));

	p->remote = remote;
	if (remote_pid(remote)) {
		stop_threads(p);
		if (p->failed) {
			process_resume(p);
			return NULL;
		}
		read_maps(p);
	} else {
		read_core(p, remote_core(remote));
	}
	return p;
}

void process_resume(struct process *p)
{
	size_t i;

	for (i = 0; i < p->nr_threads; i++)
		if (p->threads[i].stopped)
			ptrace(PTRACE_DETACH, p->threads[i].tid, 0, 0);
	free(p->threads);
	free(p->mappings);
	free(p);
}
