// SPDX-License-Identifier: MIT
/*
 * Another process or its core, as memory, modules and a heap.
 *
 *	memory		live: process_vm_readv(), or /proc/PID/mem where that is
 *			refused; core: PT_LOAD of the core file, and what it
 *			leaves out (read-only mappings) from the files
 *	modules		libdwfl: /proc/PID/maps, or the link map in the core;
 *			a text like /proc/PID/maps, without memory
 *	heap		the symbol kmm_anchor in one of them
 *
 * Invariants:	R1  The ELF file of a module is the one that is mapped there:
 *		    its build-id is compared with the one in memory. A library
 *		    that was replaced or deleted since is read from memory, by
 *		    its dynamic symbols.
 *		R2  Past remote_find_heap(), the target's structs are laid out
 *		    as kmm's own: every entry of the anchor is compared with
 *		    the anchor of the libkmm.a that is linked into kmm.
 * Context:	Nothing here stops or changes the target, or attaches to it.
 * Not here:	names of functions (symbols.c); walking the heap (commands).
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kmm.h"
#include "remote.h"

struct remote {
	char *name;		/* for messages: "process 12", "core FILE" */
	const char *path;	/* what it was opened by */
	int end_status;		/* 0: its end is a failure */
	Dwfl *dwfl;
	pid_t pid;		/* 0: a core */
	int mem_fd;		/* /proc/PID/mem, once it is needed; else -1 */
	int core_fd;
	Elf *core;

	uint64_t anchor_address;
	struct kmm_anchor anchor;
	struct kmm_anchor_root *roots;
	const char *heap_module;

	struct timespec when;	/* of remote_of_maps() */
	struct remote_mapping *mappings;
	size_t nr_mappings;
};

#define BUILD_ID_SIZE 64

/* Memory ------------------------------------------------------------------- */

static int read_proc_mem(struct remote *r, uint64_t address, void *buf,
			 size_t len)
{
	char path[64];
	ssize_t got;

	if (r->mem_fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/mem", r->pid);
		r->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (r->mem_fd < 0)
			return errno == ENOENT ? -ESRCH : -errno;
	}
	got = pread(r->mem_fd, buf, len, (off_t)address);
	if (got == 0)
		return -ESRCH;
	return got == (ssize_t)len ? 0 : -EFAULT;
}

static int read_process(struct remote *r, uint64_t address, void *buf,
			size_t len)
{
	struct iovec local = { buf, len };
	struct iovec remote = { (void *)address, len };
	ssize_t got;

	if (r->mem_fd >= 0)
		return read_proc_mem(r, address, buf, len);
	got = process_vm_readv(r->pid, &local, 1, &remote, 1, 0);
	if (got == (ssize_t)len)
		return 0;
	if (got >= 0 || errno == EFAULT)
		return -EFAULT;
	if (errno == ESRCH)
		return -ESRCH;
	return read_proc_mem(r, address, buf, len);
}

/* Bytes of [address, address + len) that are in the segment and in its file,
 * if @address is; @offset is where. */
static size_t in_segment(const GElf_Phdr *phdr, uint64_t address, size_t len,
			 off_t *offset)
{
	uint64_t skip = address - phdr->p_vaddr;

	if (phdr->p_type != PT_LOAD || address < phdr->p_vaddr ||
	    skip >= phdr->p_filesz)
		return 0;
	*offset = (off_t)(phdr->p_offset + skip);
	if (len > phdr->p_filesz - skip)
		len = phdr->p_filesz - skip;
	return len;
}

/* Some of the bytes at @address from a file's segments; how many. */
static size_t read_segment(Elf *elf, uint64_t address, void *buf, size_t len)
{
	size_t nr, i, some, size;
	const char *raw;
	GElf_Phdr phdr;
	off_t offset;

	if (elf_getphdrnum(elf, &nr))
		return 0;
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			continue;
		some = in_segment(&phdr, address, len, &offset);
		if (!some)
			continue;
		/* Not by elf_getdata_rawchunk(), which remembers each part. */
		raw = elf_rawfile(elf, &size);
		if (!raw || (size_t)offset > size || some > size - (size_t)offset)
			return 0;
		memcpy(buf, raw + offset, some);
		return some;
	}
	return 0;
}

static int read_core(struct remote *r, uint64_t address, void *buf, size_t len)
{
	Dwfl_Module *module;
	GElf_Addr bias;
	size_t some;
	Elf *elf;

	for (; len; address += some, buf = (char *)buf + some, len -= some) {
		some = read_segment(r->core, address, buf, len);
		if (some)
			continue;
		module = dwfl_addrmodule(r->dwfl, address);
		elf = module ? dwfl_module_getelf(module, &bias) : NULL;
		some = elf ? read_segment(elf, address - bias, buf, len) : 0;
		if (!some)
			return -EFAULT;
	}
	return 0;
}

int remote_read(struct remote *r, uint64_t address, void *buf, size_t len)
{
	if (!len)
		return 0;
	return r->pid ? read_process(r, address, buf, len) :
			read_core(r, address, buf, len);
}

void remote_may_end(struct remote *r, int status)
{
	r->end_status = status;
}

_Noreturn void remote_ended(const struct remote *r)
{
	if (r->end_status)
		error(r->end_status, 0, "%s has ended", r->name);
	error(EXIT_FAILED, 0, "%s died while it was read", r->name);
	abort();
}

void remote_read_or_die(struct remote *r, uint64_t address, void *buf,
			size_t len)
{
	int err = remote_read(r, address, buf, len);

	if (err == -ESRCH)
		remote_ended(r);
	if (err)
		error(EXIT_FAILED, 0, "%s: cannot read %zu bytes at %#lx: %s",
		      r->name, len, (unsigned long)address, strerror(-err));
}

/* Modules ------------------------------------------------------------------ */

/* The build-id in the notes at @address; its length, or 0. */
static size_t build_id_of_notes(struct remote *r, uint64_t address, size_t len,
				unsigned char id[BUILD_ID_SIZE])
{
	unsigned char notes[4096];
	GElf_Nhdr nhdr;
	size_t at, name, desc;

	if (len > sizeof(notes) || remote_read(r, address, notes, len))
		return 0;
	for (at = 0; at + sizeof(nhdr) <= len;) {
		memcpy(&nhdr, notes + at, sizeof(nhdr));
		name = at + sizeof(nhdr);
		desc = name + ((nhdr.n_namesz + 3ul) & ~3ul);
		if (desc > len || nhdr.n_descsz > len - desc)
			return 0;
		if (nhdr.n_type == NT_GNU_BUILD_ID && nhdr.n_namesz == 4 &&
		    !memcmp(notes + name, "GNU", 4) &&
		    nhdr.n_descsz <= BUILD_ID_SIZE) {
			memcpy(id, notes + desc, nhdr.n_descsz);
			return nhdr.n_descsz;
		}
		at = desc + ((nhdr.n_descsz + 3ul) & ~3ul);
	}
	return 0;
}

/* The build-id of what is mapped at @base, from its headers in memory. */
static size_t build_id_in_memory(struct remote *r, uint64_t base,
				 unsigned char id[BUILD_ID_SIZE])
{
	Elf64_Phdr phdr[32];
	Elf64_Ehdr ehdr;
	uint64_t bias = 0;
	size_t len = 0;
	int i;

	if (remote_read(r, base, &ehdr, sizeof(ehdr)) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_phentsize != sizeof(*phdr) || ehdr.e_phnum > 32 ||
	    remote_read(r, base + ehdr.e_phoff, phdr,
			ehdr.e_phnum * sizeof(*phdr)))
		return 0;
	for (i = 0; i < ehdr.e_phnum && phdr[i].p_type != PT_LOAD; i++)
		;
	if (i < ehdr.e_phnum)
		bias = base - (phdr[i].p_vaddr - phdr[i].p_offset);
	for (i = 0; i < ehdr.e_phnum && !len; i++)
		if (phdr[i].p_type == PT_NOTE)
			len = build_id_of_notes(r, bias + phdr[i].p_vaddr,
						phdr[i].p_filesz, id);
	return len;
}

/* Invariant R1. A module without a build-id is taken at its path. */
static bool is_mapped_file(struct remote *r, uint64_t base, const char *path)
{
	unsigned char mapped[BUILD_ID_SIZE];
	size_t len = build_id_in_memory(r, base, mapped);
	const void *id;
	bool same = false;
	Elf *elf;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		same = !len || (dwelf_elf_gnu_build_id(elf, &id) ==
					(ssize_t)len &&
				!memcmp(id, mapped, len));
	elf_end(elf);
	close(fd);
	return same;
}

/*
 * libdwfl asks for the file of a module: the path as we see it, or as the
 * process does (which may be in a container), or none, where libdwfl can read
 * it from memory; it does that for the name of a vdso.
 */
static int find_process_elf(Dwfl_Module *module, void **userdata,
			    const char *name, Dwarf_Addr base,
			    char **file_name, Elf **elf)
{
	struct remote *r = *userdata;
	char path[PATH_MAX + 32];

	if (name[0] != '/')
		return dwfl_linux_proc_find_elf(module, userdata, name, base,
						file_name, elf);
	if (is_mapped_file(r, base, name))
		return dwfl_linux_proc_find_elf(module, userdata, name, base,
						file_name, elf);
	snprintf(path, sizeof(path), "/proc/%d/root%s", r->pid, name);
	if (!is_mapped_file(r, base, path))
		snprintf(path, sizeof(path), "[vdso: %d]", r->pid);
	return dwfl_linux_proc_find_elf(module, userdata, path, base,
					file_name, elf);
}

static char *debuginfo_path;

static const Dwfl_Callbacks process_callbacks = {
	.find_elf = find_process_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

/* This one compares the build-id with the core's by itself. */
static const Dwfl_Callbacks core_callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

static int tell_module(Dwfl_Module *module, void **userdata, const char *name,
		       Dwarf_Addr start, void *arg)
{
	(void)module, (void)name, (void)start;
	*userdata = arg;
	return DWARF_CB_OK;
}

Dwfl_Module *remote_module(struct remote *r, uint64_t address)
{
	return dwfl_addrmodule(r->dwfl, address);
}

static const char *module_name(Dwfl_Module *module)
{
	return dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL,
				NULL);
}

const char *remote_module_name(struct remote *r, uint64_t address,
			       uint64_t *vaddr)
{
	Dwfl_Module *module = remote_module(r, address);
	GElf_Addr bias = 0;

	if (!module)
		return NULL;
	if (!dwfl_module_getelf(module, &bias))
		dwfl_module_info(module, NULL, &bias, NULL, NULL, NULL, NULL,
				 NULL);
	*vaddr = address - bias;
	return module_name(module);
}

static int add_mapping(Dwfl_Module *module, void **userdata, const char *name,
		       Dwarf_Addr start, void *arg)
{
	struct remote_mapping *mapping;
	const unsigned char *bits;
	struct remote *r = arg;
	GElf_Addr end, where;
	int len, i;

	(void)userdata;
	if (name[0] != '/')
		return DWARF_CB_OK;
	r->mappings = xrealloc(r->mappings, (r->nr_mappings + 1) *
						    sizeof(*r->mappings));
	mapping = &r->mappings[r->nr_mappings++];
	dwfl_module_info(module, NULL, NULL, &end, NULL, NULL, NULL, NULL);
	*mapping = (struct remote_mapping){ .start = start, .end = end,
					    .path = name };
	/* Only a module whose file is open knows its build-id. */
	if (!dwfl_module_getelf(module, &where))
		return DWARF_CB_OK;
	len = dwfl_module_build_id(module, &bits, &where);
	for (i = 0; i < len && i < BUILD_ID_SIZE; i++)
		sprintf(mapping->build_id + 2 * i, "%02x", bits[i]);
	return DWARF_CB_OK;
}

bool remote_mapping_at(struct remote *r, unsigned int index,
		       struct remote_mapping *mapping)
{
	if (!r->mappings)
		dwfl_getmodules(r->dwfl, add_mapping, r, 0);
	if (index >= r->nr_mappings)
		return false;
	*mapping = r->mappings[index];
	return true;
}

/* Opening ------------------------------------------------------------------ */

static void open_process(struct remote *r, pid_t pid)
{
	char byte;
	int err;

	r->pid = pid;
	r->name = xasprintf("process %d", pid);
	if (kill(pid, 0) && errno == ESRCH)
		error(EXIT_FAILED, 0, "there is no process %d", pid);
	r->dwfl = dwfl_begin(&process_callbacks);
	err = dwfl_linux_proc_report(r->dwfl, pid);
	dwfl_report_end(r->dwfl, NULL, NULL);
	/* Nothing is mapped at 0: this tells whether we may read at all. */
	if (!err || err == EACCES || err == EPERM) {
		err = -remote_read(r, 0, &byte, 1);
		if (err == EFAULT || err == EIO)
			err = 0;
	}
	if (err == EACCES || err == EPERM)
		error(EXIT_FAILED, 0,
		      "not permitted to read %s: it takes its user or root, and /proc/sys/kernel/yama/ptrace_scope may restrict it further",
		      r->name);
	if (err == ESRCH || err == ENOENT)
		error(EXIT_FAILED, 0, "%s has ended", r->name);
	if (err)
		error(EXIT_FAILED, 0, "cannot read %s: %s", r->name,
		      err > 0 ? strerror(err) : dwfl_errmsg(-1));
	dwfl_getmodules(r->dwfl, tell_module, r, 0);
}

static void open_core(struct remote *r, const char *path)
{
	GElf_Ehdr ehdr;

	r->name = xasprintf("core %s", path);
	r->core_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->core_fd < 0)
		error(EXIT_FAILED, errno, "cannot open %s", path);
	r->core = elf_begin(r->core_fd, ELF_C_READ_MMAP, NULL);
	if (!r->core || !gelf_getehdr(r->core, &ehdr) ||
	    ehdr.e_type != ET_CORE)
		error(EXIT_FAILED, 0, "%s is neither a process nor a core file",
		      path);
	r->dwfl = dwfl_begin(&core_callbacks);
	if (dwfl_core_file_report(r->dwfl, r->core, NULL) < 0)
		error(EXIT_FAILED, 0, "%s: %s", r->name, dwfl_errmsg(-1));
	dwfl_report_end(r->dwfl, NULL, NULL);
}

struct remote *remote_open(const char *target)
{
	struct remote *r = xcalloc(1, sizeof(*r));
	char *end;
	long pid;

	r->mem_fd = r->core_fd = -1;
	r->path = target;
	elf_version(EV_CURRENT);
	errno = 0;
	pid = strtol(target, &end, 10);
	if (end != target && !*end) {
		if (errno || pid <= 0 || pid > INT_MAX)
			error(EXIT_USAGE, 0, "'%s' is no process number",
			      target);
		open_process(r, (pid_t)pid);
	} else {
		open_core(r, target);
	}
	return r;
}

/* Named, and not changed since: what was replaced meanwhile has "(deleted)"
 * behind its name, and so is no file. */
static int find_past_elf(Dwfl_Module *module, void **userdata, const char *name,
			 Dwarf_Addr base, char **file_name, Elf **elf)
{
	struct remote *r = *userdata;
	struct stat st;
	int fd;

	(void)module, (void)base, (void)elf;
	fd = name[0] == '/' ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_ctim.tv_sec > r->when.tv_sec ||
	    (st.st_ctim.tv_sec == r->when.tv_sec &&
	     st.st_ctim.tv_nsec > r->when.tv_nsec)) {
		close(fd);
		return -1;
	}
	*file_name = xstrdup(name);
	return fd;
}

static const Dwfl_Callbacks past_callbacks = {
	.find_elf = find_past_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

struct remote *remote_of_maps(const char *name, const char *maps, size_t len,
			      const struct timespec *when)
{
	struct remote *r = xcalloc(1, sizeof(*r));
	FILE *file = len ? fmemopen((void *)maps, len, "r") : NULL;

	r->mem_fd = r->core_fd = -1;
	r->name = xstrdup(name);
	r->when = *when;
	elf_version(EV_CURRENT);
	r->dwfl = dwfl_begin(&past_callbacks);
	if (file) {
		(void)dwfl_linux_proc_maps_report(r->dwfl, file);
		fclose(file);
	}
	dwfl_report_end(r->dwfl, NULL, NULL);
	dwfl_getmodules(r->dwfl, tell_module, r, 0);
	return r;
}

void remote_close(struct remote *r)
{
	dwfl_end(r->dwfl);
	elf_end(r->core);
	if (r->core_fd >= 0)
		close(r->core_fd);
	if (r->mem_fd >= 0)
		close(r->mem_fd);
	free(r->roots);
	free(r->mappings);
	free(r->name);
	free(r);
}

const char *remote_name(const struct remote *r)
{
	return r->name;
}

const char *remote_path(const struct remote *r)
{
	return r->path;
}

char *remote_program(const struct remote *r)
{
	char path[64], name[64] = "";
	FILE *comm;

	if (!r->pid)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/comm", r->pid);
	comm = fopen(path, "re");
	if (!comm)
		return NULL;
	if (fgets(name, sizeof(name), comm))
		name[strcspn(name, "\n")] = 0;
	fclose(comm);
	return xstrdup(name);
}

pid_t remote_pid(const struct remote *r)
{
	return r->pid;
}

Elf *remote_core(const struct remote *r)
{
	return r->core;
}

/* The heap ----------------------------------------------------------------- */

static bool is_anchor(const char *name, const GElf_Sym *sym)
{
	return name && sym->st_shndx != SHN_UNDEF &&
	       GELF_ST_TYPE(sym->st_info) == STT_OBJECT &&
	       !strcmp(name, "kmm_anchor");
}

/* Of a table in the file, without what libdwfl would load besides it. */
static uint64_t anchor_in_section(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;
	int i;

	for (i = 0; data && gelf_getsym(data, i, &sym); i++)
		if (is_anchor(elf_strptr(elf, shdr->sh_link, sym.st_name),
			      &sym))
			return sym.st_value;
	return 0;
}

static uint64_t anchor_in_memory_image(Dwfl_Module *module)
{
	int nr = dwfl_module_getsymtab(module), i;
	const char *name;
	GElf_Addr value;
	GElf_Sym sym;

	for (i = 0; i < nr; i++) {
		name = dwfl_module_getsym_info(module, i, &sym, &value, NULL,
					       NULL, NULL);
		if (is_anchor(name, &sym))
			return value;
	}
	return 0;
}

static uint64_t module_anchor(Dwfl_Module *module)
{
	bool has_table = false;
	Elf_Scn *scn = NULL;
	uint64_t address;
	GElf_Shdr shdr;
	GElf_Addr bias;
	Elf *elf;

	elf = dwfl_module_getelf(module, &bias);
	if (!elf)
		return 0;
	while ((scn = elf_nextscn(elf, scn)) != NULL) {
		if (!gelf_getshdr(scn, &shdr) ||
		    (shdr.sh_type != SHT_DYNSYM && shdr.sh_type != SHT_SYMTAB))
			continue;
		has_table = true;
		address = anchor_in_section(elf, scn, &shdr);
		if (address)
			return address + bias;
	}
	return has_table ? 0 : anchor_in_memory_image(module);
}

#define RANK_IN_USE 3

/* How much a heap is the one that is meant: 0 for none at all. */
static int heap_rank(struct remote *r, Dwfl_Module *module, uint64_t address,
		     struct kmm_anchor *anchor)
{
	const char *name = module_name(module), *slash = strrchr(name, '/');
	unsigned int page_shift = 0;

	if (remote_read(r, address, anchor, sizeof(*anchor)) ||
	    memcmp(anchor->magic, KMM_ANCHOR_MAGIC, sizeof(anchor->magic)))
		return 0;
	if (anchor->version == KMM_ANCHOR_VERSION)
		(void)remote_read(r, (uint64_t)anchor->page_shift, &page_shift,
				  sizeof(page_shift));
	return 1 + (page_shift ? RANK_IN_USE - 1 : 0) +
	       !strncmp(slash ? slash + 1 : name, "libkmm_malloc.so", 16);
}

struct heap_search {
	struct remote *r;
	uint64_t wanted;	/* only this anchor; 0: the best one */
	int rank;
	uint64_t *in_use;	/* all of them */
	size_t nr_in_use;
};

static int search_module(Dwfl_Module *module, void **userdata,
			 const char *name, Dwarf_Addr start, void *arg)
{
	struct heap_search *search = arg;
	struct kmm_anchor anchor;
	uint64_t address = module_anchor(module);
	int rank;

	(void)userdata, (void)start;
	if (search->wanted && address != search->wanted)
		return DWARF_CB_OK;
	rank = address ? heap_rank(search->r, module, address, &anchor) : 0;
	if (rank >= RANK_IN_USE) {
		search->in_use = xrealloc(search->in_use,
					  (search->nr_in_use + 1) *
						  sizeof(address));
		search->in_use[search->nr_in_use++] = address;
	}
	if (rank > search->rank) {
		search->rank = rank;
		search->r->anchor = anchor;
		search->r->anchor_address = address;
		search->r->heap_module = name;
	}
	return DWARF_CB_OK;
}

/* Invariant R2. */
static bool has_our_layout(struct remote *r)
{
	size_t size = kmm_anchor.nr_fields * sizeof(*kmm_anchor.fields);
	void *fields;
	bool same;

	if (r->anchor.size != kmm_anchor.size ||
	    r->anchor.nr_fields != kmm_anchor.nr_fields ||
	    r->anchor.nr_roots != kmm_anchor.nr_roots)
		return false;
	fields = xcalloc(1, size);
	remote_read_or_die(r, (uint64_t)r->anchor.fields, fields, size);
	same = !memcmp(fields, kmm_anchor.fields, size);
	free(fields);
	return same;
}

void remote_find_heap(struct remote *r)
{
	remote_find_heap_at(r, 0);
}

void remote_find_heap_at(struct remote *r, uint64_t anchor)
{
	struct heap_search search = { .r = r, .wanted = anchor };
	char byte;

	dwfl_getmodules(r->dwfl, search_module, &search, 0);
	free(search.in_use);
	if (!search.rank && r->pid && remote_read(r, 0, &byte, 1) == -ESRCH)
		remote_ended(r);
	if (!search.rank)
		error(EXIT_FAILED, 0,
		      "%s does not use libkmm: no module of it has the symbol kmm_anchor",
		      r->name);
	if (r->anchor.version != KMM_ANCHOR_VERSION)
		error(EXIT_FAILED, 0,
		      "%s uses another version: its anchor in %s has version %u, this kmm reads version %u",
		      r->name, r->heap_module, r->anchor.version,
		      KMM_ANCHOR_VERSION);
	if (!has_our_layout(r))
		error(EXIT_FAILED, 0,
		      "%s uses another version: %s is not of the same build as this kmm",
		      r->name, r->heap_module);
	r->roots = xcalloc(r->anchor.nr_roots, sizeof(*r->roots));
	remote_read_or_die(r, (uint64_t)r->anchor.roots, r->roots,
			   r->anchor.nr_roots * sizeof(*r->roots));
}

size_t remote_heaps(struct remote *r, uint64_t **anchors)
{
	struct heap_search search = { .r = r };
	size_t i;

	dwfl_getmodules(r->dwfl, search_module, &search, 0);
	for (i = 1; i < search.nr_in_use; i++) {
		if (search.in_use[i] != r->anchor_address)
			continue;
		search.in_use[i] = search.in_use[0];
		search.in_use[0] = r->anchor_address;
	}
	*anchors = search.in_use;
	return search.nr_in_use;
}

const char *remote_heap_module(const struct remote *r)
{
	return r->heap_module;
}

uint64_t remote_anchor(const struct remote *r)
{
	return r->anchor_address;
}

unsigned int remote_page_shift(struct remote *r)
{
	unsigned int shift;

	remote_read_or_die(r, (uint64_t)r->anchor.page_shift, &shift,
			   sizeof(shift));
	return shift;
}

bool remote_heap_is_up(struct remote *r)
{
	return remote_page_shift(r) != 0;
}

bool remote_root_at(struct remote *r, unsigned int index,
		    struct kmm_anchor_root *root)
{
	if (index >= r->anchor.nr_roots)
		return false;
	*root = r->roots[index];
	return true;
}

bool remote_root(struct remote *r, const char *name,
		 struct kmm_anchor_root *root)
{
	unsigned int i;

	for (i = 0; remote_root_at(r, i, root); i++)
		if (!strcmp(root->name, name))
			return true;
	return false;
}

void remote_read_root(struct remote *r, const char *name, void *buf,
		      size_t size)
{
	struct kmm_anchor_root root;

	if (!remote_root(r, name, &root) ||
	    (size_t)root.size * root.count != size)
		error(EXIT_FAILED, 0, "%s: no root %s of %zu bytes", r->name,
		      name, size);
	remote_read_or_die(r, (uint64_t)root.address, buf, size);
}
