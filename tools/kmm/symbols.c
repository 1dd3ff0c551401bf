// SPDX-License-Identifier: MIT
/*
 * Names, by elfutils' libdwfl: it finds separate debug information by build-id
 * and debuglink as gdb does, reads compressed sections and symbol tables that
 * are themselves compressed, and knows processes and cores.
 *
 *	file + vaddr ----> one Dwfl per file, loaded where it was linked
 *	remote + address -> the Dwfl of the remote, loaded where it was loaded
 *		both -> Dwfl_Module + address -> DIEs -> frames
 *
 * In each Dwfl of a file the module stands at its own ELF addresses, so that
 * no address has to be converted; therefore there must be one per file.
 *
 * A wrong name is worse than none. A file that was replaced since is not read:
 * it is another file if its build-id is, or if it changed after the process
 * that reports it had started. (A version that was read before the change stays
 * open, for processes that are as old.) And a symbol without a size, which may be the
 * nearest but not the right one, names nothing.
 *
 * C++ names are demangled by the function of the C++ ABI. It is taken from the
 * run-time library libstdc++.so.6, which every Debian has (apt needs it), so
 * neither g++ nor another library is needed to build kmm, and the demangler is
 * that of the compiler which mangled the names.
 */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kmm.h"
#include "remote.h"
#include "symbols.h"

/* <cxxabi.h> is a header of C++ alone. */
char *__cxa_demangle(const char *mangled, char *buf, size_t *size, int *status);

/* One version of a file; newer ones of the same path come first. */
struct file {
	struct file *next;
	char *path;
	Dwfl *dwfl;
	Dwfl_Module *module;	/* NULL: nothing to be learned from it */
	ino_t inode;
	struct timespec changed;
};

struct symbols {
	struct remote *remote;	/* NULL: of files */
	struct file *files;
	char *names[MAX_FRAMES]; /* what the last lookup demangled */
	int nr_names;
};

static char *debuginfo_path;

static const Dwfl_Callbacks file_callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
	.debuginfo_path = &debuginfo_path,
};

struct symbols *symbols_of_files(void)
{
	return xcalloc(1, sizeof(struct symbols));
}

struct symbols *symbols_of_remote(struct remote *remote)
{
	struct symbols *s = symbols_of_files();

	s->remote = remote;
	return s;
}

static void forget_names(struct symbols *s)
{
	while (s->nr_names)
		free(s->names[--s->nr_names]);
}

void symbols_close(struct symbols *s)
{
	struct file *file;

	while ((file = s->files) != NULL) {
		s->files = file->next;
		dwfl_end(file->dwfl);
		free(file->path);
		free(file);
	}
	forget_names(s);
	free(s);
}

/* From one address to frames ----------------------------------------------- */

static const char *demangle(struct symbols *s, const char *name)
{
	char *text;

	if (!name || strncmp(name, "_Z", 2) || s->nr_names == MAX_FRAMES)
		return name;
	text = __cxa_demangle(name, NULL, NULL, NULL);
	if (!text)
		return name;
	s->names[s->nr_names++] = text;
	return text;
}

static const char *die_function(struct symbols *s, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name;

	name = dwarf_formstring(
		dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ?:
		dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
	return demangle(s, name ?: dwarf_diename(die));
}

/* Where the function of an inlined @die was called. */
static void call_site(Dwarf_Die *cu, Dwarf_Die *die, const char **file,
		      int *line)
{
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	Dwarf_Word value;
	size_t nr_files;

	*file = NULL;
	*line = 0;
	if (!dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &value))
		*line = (int)value;
	if (!dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &value) &&
	    !dwarf_getsrcfiles(cu, &files, &nr_files) && value < nr_files)
		*file = dwarf_filesrc(files, value, NULL, NULL);
}

/* The DIEs around @pc, from the innermost block to the compilation unit, as
 * they are nested in the machine code; the caller frees them. */
static int code_scopes(Dwarf_Die *cu, Dwarf_Addr pc, Dwarf_Die **scopes)
{
	Dwarf_Die innermost;
	int nr = dwarf_getscopes(cu, pc, scopes);

	if (nr <= 0)
		return 0;
	/* These go on with the source around the definition instead. */
	innermost = (*scopes)[0];
	free(*scopes);
	nr = dwarf_getscopes_die(&innermost, scopes);
	return nr < 0 ? 0 : nr;
}

/* The compilation unit of @pc. Where no table of addresses leads to it, as in
 * what clang compiles, all units are asked. */
static Dwarf_Die *find_cu(Dwfl_Module *module, Dwarf_Addr pc, Dwarf_Addr *bias)
{
	Dwarf_Die *cu = dwfl_module_addrdie(module, pc, bias);

	if (cu)
		return cu;
	while ((cu = dwfl_module_nextcu(module, cu, bias)))
		if (dwarf_haspc(cu, pc - *bias) > 0)
			return cu;
	return NULL;
}

static const char *source_line(Dwfl_Module *module, Dwarf_Addr pc, int *line)
{
	Dwarf_Addr bias;
	Dwarf_Die *cu = find_cu(module, pc, &bias);
	Dwarf_Line *source = cu ? dwarf_getsrc_die(cu, pc - bias) : NULL;

	if (!source || dwarf_lineno(source, line))
		return NULL;
	return dwarf_linesrc(source, NULL, NULL);
}

static int frames_of_debuginfo(struct symbols *s, Dwfl_Module *module,
			       Dwarf_Addr pc, const char *file, int line,
			       struct frame *frames)
{
	Dwarf_Die *scopes, *cu;
	Dwarf_Addr bias;
	int nr_scopes, i, nr = 0;
	bool outermost = false;

	cu = find_cu(module, pc, &bias);
	nr_scopes = cu ? code_scopes(cu, pc - bias, &scopes) : 0;
	if (!nr_scopes)
		return 0;
	for (i = 0; i < nr_scopes && nr < MAX_FRAMES && !outermost; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_subprogram &&
		    tag != DW_TAG_inlined_subroutine)
			continue;
		outermost = tag == DW_TAG_subprogram;
		frames[nr++] = (struct frame){
			.function = die_function(s, &scopes[i]) ?: "??",
			.file = file,
			.line = line,
			.inlined = !outermost,
		};
		call_site(cu, &scopes[i], &file, &line);
	}
	free(scopes);
	return outermost ? nr : 0;
}

static int frames_of_module(struct symbols *s, Dwfl_Module *module,
			    Dwarf_Addr address, bool is_return,
			    struct frame *frames)
{
	Dwarf_Addr pc = address - is_return;
	const char *file, *name;
	GElf_Off offset;
	GElf_Sym symbol;
	int line = 0, nr;

	forget_names(s);
	file = source_line(module, pc, &line);
	nr = frames_of_debuginfo(s, module, pc, file, line, frames);

	name = dwfl_module_addrinfo(module, pc, &offset, &symbol, NULL, NULL,
				    NULL);
	if (!name || offset >= symbol.st_size)
		return nr;
	if (!nr)
		frames[nr++] = (struct frame){
			.function = demangle(s, name),
			.file = file,
			.line = line,
		};
	frames[nr - 1].offset = offset + is_return;
	frames[nr - 1].size = symbol.st_size;
	return nr;
}

/* Files -------------------------------------------------------------------- */

static struct file *load_file(struct symbols *s, const char *path,
			      const struct stat *st)
{
	struct file *file = xcalloc(1, sizeof(*file));

	file->path = xstrdup(path);
	file->inode = st->st_ino;
	file->changed = st->st_ctim;
	file->next = s->files;
	s->files = file;
	file->dwfl = dwfl_begin(&file_callbacks);
	if (file->dwfl) {
		file->module = dwfl_report_elf(file->dwfl, path, path, -1, 0,
					       true);
		dwfl_report_end(file->dwfl, NULL, NULL);
	}
	return file;
}

/* The newest version from @file on that has been read. */
static struct file *find_version(struct file *file, const char *path)
{
	while (file && strcmp(file->path, path))
		file = file->next;
	return file;
}

/* The file as it is now, or as it was when it was there; NULL if never. */
static struct file *find_file(struct symbols *s, const char *path)
{
	struct file *file = find_version(s->files, path);
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return file;
	if (file && file->inode == st.st_ino &&
	    !memcmp(&file->changed, &st.st_ctim, sizeof(file->changed)))
		return file;
	return load_file(s, path, &st);
}

static bool has_build_id(Dwfl_Module *module, const char *text)
{
	const unsigned char *bits;
	GElf_Addr where;
	char digits[3];
	int len, i;

	/* Only a module whose file is open knows its build-id. */
	if (!dwfl_module_getelf(module, &where))
		return false;
	len = dwfl_module_build_id(module, &bits, &where);
	if (len < 0 || strlen(text) != 2 * (size_t)len)
		return false;
	for (i = 0; i < len; i++) {
		snprintf(digits, sizeof(digits), "%02x", bits[i]);
		if (strncasecmp(digits, text + 2 * i, 2))
			return false;
	}
	return true;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec :
					a->tv_nsec > b->tv_nsec;
}

/* A build-id settles it; a time is only a hint. */
static bool is_same_file(struct file *file, const struct file_identity *identity)
{
	if (!file->module)
		return false;
	if (!identity)
		return true;
	if (identity->build_id)
		return has_build_id(file->module, identity->build_id);
	return !identity->not_after ||
	       !is_later(&file->changed, identity->not_after);
}

int symbols_lookup_file(struct symbols *s, const char *path,
			const struct file_identity *identity, uint64_t vaddr,
			bool is_return, struct frame frames[MAX_FRAMES])
{
	struct file *file;

	for (file = find_file(s, path); file;
	     file = find_version(file->next, path))
		if (is_same_file(file, identity))
			return frames_of_module(s, file->module, vaddr,
						is_return, frames);
	return 0;
}

/* @name itself, or a part of it: "name.part.0", "name(int)". */
static bool is_name(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(symbol, name, len) &&
	       (!symbol[len] || symbol[len] == '.' || symbol[len] == '(');
}

int symbols_find_function(struct symbols *s, const char *path, const char *name,
			  struct code_range *ranges, int max)
{
	struct file *file = find_file(s, path);
	int nr_symbols, i, nr = 0;
	const char *symbol;
	GElf_Addr address;
	GElf_Sym sym;

	if (!file->module)
		return 0;
	nr_symbols = dwfl_module_getsymtab(file->module);
	for (i = 1; i < nr_symbols; i++) {
		forget_names(s);
		symbol = dwfl_module_getsym_info(file->module, i, &sym,
						 &address, NULL, NULL, NULL);
		if (!symbol || !sym.st_size ||
		    GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    (!is_name(symbol, name) &&
		     !is_name(demangle(s, symbol), name)))
			continue;
		if (nr < max)
			ranges[nr] = (struct code_range){
				address, address + sym.st_size
			};
		nr++;
	}
	forget_names(s);
	return nr;
}

/* Processes and cores ------------------------------------------------------ */

int symbols_lookup(struct symbols *s, uint64_t address, bool is_return,
		   struct frame frames[MAX_FRAMES])
{
	Dwfl_Module *module = remote_module(s->remote, address - is_return);

	if (!module)
		return 0;
	return frames_of_module(s, module, address, is_return, frames);
}

const char *symbols_module(struct symbols *s, uint64_t address, uint64_t *vaddr)
{
	return remote_module_name(s->remote, address, vaddr);
}
