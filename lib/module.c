// SPDX-License-Identifier: MIT
/*
 * Modules: the program and its libraries, as they lie in memory.
 *
 *	pc --> _dl_find_object() --> struct module --> struct module_id --> stamp
 *				     where, what file  which build	 in 32 bits
 *
 * Finding.	_dl_find_object() (glibc 2.35) answers without a lock. Without
 *		it (musl, a static program) only the program itself is found.
 *
 * Telling.	A module may be unloaded, and another come where it was. What is
 *		remembered of a module is remembered with a hash of where it lies, of its
 *		name's place and of its build-id, read from memory anew each time. A
 *		file loaded again where it was is the same module. Of a library
 *		without build-id nothing is remembered: there is nothing to tell two
 *		builds of it apart by.
 *
 * Reading.	What a module says of itself is read directly, as it must not be
 *		unloaded while a frame of it is on a stack.
 *
 * Not covered:	an overwritten return address into a library that is being
 *		unloaded at that moment.
 * Context:	any, signal handlers too. No locks, no system calls.
 * Not here:	which modules have been where: module_log.c; addresses in text:
 *		backtrace.c.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "hash.h"
#include "module.h"
#include "module_log.h"

/* Libc before 2.35 has neither the function nor the struct, musl neither. */
#ifndef DLFO_STRUCT_HAS_EH_DBASE
struct dl_find_object {
	unsigned long long dlfo_flags;
	void *dlfo_map_start;
	void *dlfo_map_end;
	struct link_map *dlfo_link_map;
	void *dlfo_eh_frame;
	unsigned long long dlfo_reserved[8];
};

int _dl_find_object(void *pc, struct dl_find_object *result);
#endif
extern __typeof(_dl_find_object) _dl_find_object __attribute__((weak));

#define HEADER_PAGE 4096

/* Where the notes of [p, p + size) have a build-id; 0 if nowhere. */
static unsigned int find_build_id(unsigned long start, unsigned long pos,
				  unsigned long end)
{
	while (pos + sizeof(ElfW(Nhdr)) + 4 <= end) {
		const ElfW(Nhdr) *note = (const void *)(start + pos);
		unsigned long desc = pos + sizeof(*note) +
				     ALIGN((unsigned long)note->n_namesz, 4);
		unsigned long next = desc +
				     ALIGN((unsigned long)note->n_descsz, 4);

		if (next > end)
			break;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    !memcmp(note + 1, "GNU", 4) &&
		    note->n_descsz >= sizeof(u64))
			return (unsigned int)desc;
		pos = next;
	}
	return 0;
}

/* The same of a module, if it is in the page of the ELF header, which is the
 * only one that can be relied on to be there; linkers put it there. */
static noinline unsigned int build_id_place(unsigned long start)
{
	const ElfW(Ehdr) *ehdr = (const void *)start;
	const ElfW(Phdr) *phdr = (const void *)(start + ehdr->e_phoff);
	unsigned int i, found = 0;

	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) ||
	    ehdr->e_phentsize != sizeof(*phdr) || ehdr->e_phoff > HEADER_PAGE ||
	    ehdr->e_phoff + ehdr->e_phnum * sizeof(*phdr) > HEADER_PAGE)
		return 0;
	for (i = 0; i < ehdr->e_phnum && !found; i++)
		if (phdr[i].p_type == PT_NOTE &&
		    phdr[i].p_offset <= HEADER_PAGE &&
		    phdr[i].p_filesz <= HEADER_PAGE - phdr[i].p_offset)
			found = find_build_id(start, phdr[i].p_offset,
					      phdr[i].p_offset +
					      phdr[i].p_filesz);
	return found;
}

/* How the note of a build-id goes on behind the sizes; then comes the id. */
static const struct {
	u32 type;
	char name[4];
} build_id_note = { NT_GNU_BUILD_ID, "GNU" };

static bool is_build_id(unsigned long addr)
{
	return !memcmp((const char *)addr - sizeof(build_id_note),
		       &build_id_note, sizeof(build_id_note));
}

/*
 * Where the build-ids are: start of module | offset, which is less than a
 * page. Only the place is remembered, and what is there is read each time. If the
 * module is another one by now, it has its id there as well, or no such note.
 */
static _Atomic unsigned long build_id_at[64];

u64 module_build_id(unsigned long start)
{
	_Atomic unsigned long *slot;
	unsigned long word;
	u64 id;

	slot = &build_id_at[(start >> 12) * HASH_MULTIPLIER >> 58];
	word = atomic_load_explicit(slot, memory_order_relaxed);
	if (ALIGN_DOWN(word, HEADER_PAGE) != start || !is_build_id(word)) {
		word = start | build_id_place(start);
		if (word == start)
			return 0;
		atomic_store_explicit(slot, word, memory_order_relaxed);
	}
	/* All of it is in that page. */
	memcpy(&id, (const void *)word, sizeof(id));
	return id;
}

static void add_segment(struct module *module, const ElfW(Phdr) *phdr)
{
	unsigned long end = module->bias + phdr->p_vaddr + phdr->p_memsz;

	if (phdr->p_type == PT_LOAD && end > module->eh.end)
		module->eh.end = end;
	if (phdr->p_type == PT_GNU_EH_FRAME)
		module->eh.hdr = (const u8 *)module->bias + phdr->p_vaddr;
}

/* Without _dl_find_object(), the program is still known: the host says where
 * its headers are. In a static program, that is all there is. */
static bool find_in_program(unsigned long pc, struct module *module)
{
	const ElfW(Phdr) *phdr = (const void *)getauxval(AT_PHDR);
	unsigned long start = ALIGN_DOWN((unsigned long)phdr, HEADER_PAGE);
	const ElfW(Ehdr) *ehdr = (const void *)start;
	unsigned int i;

	if (!phdr || memcmp(ehdr->e_ident, ELFMAG, SELFMAG))
		return false;
	for (i = 0; i < ehdr->e_phnum && phdr[i].p_type != PT_LOAD; i++)
		;
	if (i == ehdr->e_phnum)
		return false;
	*module = (struct module){ .bias = start - phdr[i].p_vaddr };
	module->eh.start = start;
	for (i = 0; i < ehdr->e_phnum; i++)
		add_segment(module, &phdr[i]);
	return pc >= start && pc < module->eh.end;
}

static bool contains(const struct eh_module *module, unsigned long pc)
{
	return pc >= module->start && pc < module->end;
}

bool find_module(unsigned long pc, struct module *module)
{
	struct dl_find_object object;

	if (!_dl_find_object)
		return find_in_program(pc, module);
	if (_dl_find_object((void *)pc, &object) || !object.dlfo_link_map)
		return false;
	module->eh.start = (unsigned long)object.dlfo_map_start;
	module->eh.end = (unsigned long)object.dlfo_map_end;
	module->eh.hdr = object.dlfo_eh_frame;
	module->bias = object.dlfo_link_map->l_addr;
	module->path = object.dlfo_link_map->l_name;
	/* glibc knows of a static program's text only. */
	if (module_is_program(module) &&
	    !contains(&module->eh, (unsigned long)module->eh.hdr))
		return find_in_program(pc, module);
	return true;
}

bool module_is(const struct module_id *id)
{
	struct module_id now;
	struct module module;

	if (!find_module(id->start, &module))
		return false;
	identify_module(&module, &now);
	return now.start == id->start && now.place == id->place &&
	       now.build_id == id->build_id;
}

bool module_stays(const struct module *module)
{
	return module_is_program(module) ||
	       contains(&module->eh, (unsigned long)find_module) ||
	       contains(&module->eh, (unsigned long)getauxval);
}

noinline void log_module(unsigned long pc)
{
	struct module module;

	if (find_module(pc, &module) && !module_stays(&module))
		module_log_add(&(struct logged_module){
			.start = module.eh.start,
			.end = module.eh.end,
			.bias = module.bias,
			.build_id = module_build_id(module.eh.start),
			.path = module.path,
		});
}
