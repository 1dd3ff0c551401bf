// SPDX-License-Identifier: MIT
/*
 * dlopen() of the shim: who asks libc itself for malloc() gets the shim's too.
 *
 * A preloaded malloc() is found first by whoever searches all that is loaded, in
 * order. Two kinds of callers search libc alone, and would have two heaps, with
 * blocks of the one freed to the other:
 *
 *	dlopen(plugin, RTLD_DEEPBIND)	its references, to what it is linked with
 *	dlsym(dlopen("libc.so.6"), "free")	as bindings of languages do
 *
 * Both begin with dlopen(). So before the first such call goes on to the real one,
 * libc's table of symbols is changed, in memory, to have our functions at our names:
 *
 *	libc	symbol "free"	+0x9bf20	->	&free - where libc is
 *
 * Nobody else is touched: what is bound stays bound. Processes without such a
 * call pay nothing.
 *
 * Errors:     if the host does not let the table be changed, it stays as it is, and
 *             so do the two heaps.
 * Lock order: the loader's lock is taken (dladdr1(), dlsym()) before the fork
 *             gate, never inside: its holder may allocate, and so wait for the
 *             gate.
 * Context:    as dlopen().
 * Not here:   dlmopen(), whose namespaces have a libc of their own each. Static
 *             programs have the real dlopen(): this file is not in kmm_malloc.o.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "../bitops.h"
#include "../gate.h"
#include "../host.h"
#include "../lock.h"
#include "malloc.h"

typedef void *(*dlopen_fn)(const char *file, int mode);

/* DT_GNU_HASH: the symbols behind a bucket's first one, up to an odd hash. */
struct gnu_hash {
	u32 nr_buckets;
	u32 first_symbol;
	u32 nr_bloom_words;
	u32 bloom_shift;
	u64 bloom[];		/* behind it buckets, then hashes */
};

/* What a library says of its symbols. */
struct symbols {
	unsigned long base;
	ElfW(Sym) *table;
	const char *names;
	const u32 *buckets, *hashes;	/* hashes[] goes by the symbol's number */
	u32 nr_buckets;
};

static spinlock_t libc_lock = SPINLOCK_INIT(LOCK_RANK_LIBC);
static bool libc_is_bound;		/* under libc_lock */

/* Some libcs make addresses of these offsets when they load a library. */
static unsigned long dynamic_address(const struct link_map *map,
				     const ElfW(Dyn) *entry)
{
	unsigned long value = entry->d_un.d_ptr;

	return value < map->l_addr ? map->l_addr + value : value;
}

static bool read_symbols(const struct link_map *map, struct symbols *symbols)
{
	const struct gnu_hash *hash = NULL;
	const ElfW(Dyn) *entry;

	memset(symbols, 0, sizeof(*symbols));
	symbols->base = map->l_addr;
	for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		unsigned long addr = dynamic_address(map, entry);

		if (entry->d_tag == DT_SYMTAB)
			symbols->table = (ElfW(Sym) *)addr;
		else if (entry->d_tag == DT_STRTAB)
			symbols->names = (const char *)addr;
		else if (entry->d_tag == DT_GNU_HASH)
			hash = (const struct gnu_hash *)addr;
	}
	if (!hash || !hash->nr_buckets || !symbols->table || !symbols->names)
		return false;
	symbols->nr_buckets = hash->nr_buckets;
	symbols->buckets = (const u32 *)(hash->bloom + hash->nr_bloom_words);
	symbols->hashes = symbols->buckets + hash->nr_buckets -
			  hash->first_symbol;
	return true;
}

static u32 hash_of_name(const char *name)
{
	u32 hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

static bool is_function(const ElfW(Sym) *symbol)
{
	return symbol->st_shndx != SHN_UNDEF &&
	       ELF64_ST_TYPE(symbol->st_info) == STT_FUNC;
}

/* How the part of @symbols that holds @addr may be accessed. The program headers
 * are at the start of a library. */
static int protection(const struct symbols *symbols, const void *addr)
{
	const ElfW(Ehdr) *ehdr = (const void *)symbols->base;
	const ElfW(Phdr) *phdr = (const void *)(symbols->base + ehdr->e_phoff);
	unsigned long offset = (unsigned long)addr - symbols->base;
	unsigned int i;

	for (i = 0; i < ehdr->e_phnum; i++)
		if (phdr[i].p_type == PT_LOAD &&
		    offset - phdr[i].p_vaddr < phdr[i].p_memsz)
			return (phdr[i].p_flags & PF_R ? PROT_READ : 0) |
			       (phdr[i].p_flags & PF_W ? PROT_WRITE : 0) |
			       (phdr[i].p_flags & PF_X ? PROT_EXEC : 0);
	return PROT_READ;
}

/* Other threads may look the symbol up meanwhile: the value is one word. */
static void bind_symbol(const struct symbols *libc, ElfW(Sym) *symbol,
			unsigned long target)
{
	unsigned long page_size = 1UL << host.page_shift;
	void *page = (void *)ALIGN_DOWN((unsigned long)&symbol->st_value,
					page_size);
	int prot = protection(libc, page);

	if (host_protect(page, page_size, prot | PROT_WRITE))
		return;
	__atomic_store_n(&symbol->st_value, target - libc->base,
			 __ATOMIC_RELAXED);
	host_protect(page, page_size, prot);
}

/* All versions of the name. */
static void bind_name(const struct symbols *libc, const char *name,
		      unsigned long target)
{
	u32 hash = hash_of_name(name);
	u32 nr = libc->buckets[hash % libc->nr_buckets];

	if (!nr)
		return;
	do {
		ElfW(Sym) *symbol = &libc->table[nr];

		if ((libc->hashes[nr] | 1) == (hash | 1) &&
		    is_function(symbol) &&
		    !strcmp(libc->names + symbol->st_name, name))
			bind_symbol(libc, symbol, target);
	} while (!(libc->hashes[nr++] & 1));
}

static void bind_names(const struct symbols *libc, const struct symbols *ours)
{
	const ElfW(Sym) *symbol;
	u32 bucket, nr;

	for (bucket = 0; bucket < ours->nr_buckets; bucket++) {
		nr = ours->buckets[bucket];
		if (!nr)
			continue;
		do {
			symbol = &ours->table[nr];
			if (is_function(symbol))
				bind_name(libc, ours->names + symbol->st_name,
					  ours->base + symbol->st_value);
		} while (!(ours->hashes[nr++] & 1));
	}
}

/* Names of their own, for lib/often.ld: strings would be with all others. */
static const char real_name[] = "dlopen", libc_name[] = LIBC_SO;

static void bind_libc(dlopen_fn next)
{
	struct symbols libc, ours;
	struct link_map *map;
	Dl_info info;

	map = next(libc_name, RTLD_LAZY | RTLD_NOLOAD);
	if (!map || !read_symbols(map, &libc))
		return;
	if (!dladdr1(&libc_lock, &info, (void **)&map, RTLD_DL_LINKMAP) ||
	    !read_symbols(map, &ours))
		return;
	gate_enter();
	spin_lock(&libc_lock);
	if (!libc_is_bound)
		bind_names(&libc, &ours);
	libc_is_bound = true;
	spin_unlock(&libc_lock);
	gate_exit();
}

static noinline dlopen_fn prepare(const char *file, int mode)
{
	static dlopen_fn cached;
	dlopen_fn next = __atomic_load_n(&cached, __ATOMIC_RELAXED);

	/* Not later: then libc's own is bound to ours. */
	if (!next) {
		next = (dlopen_fn)dlsym(RTLD_NEXT, real_name);
		__atomic_store_n(&cached, next, __ATOMIC_RELAXED);
	}
	if (next && ((mode & RTLD_DEEPBIND) || (file && strstr(file, libc_name))))
		bind_libc(next);
	return next;
}

/* The real function finds libraries by its caller's RUNPATH: it must see ours,
 * so this has to become a jump (see the Makefile). */
KMM_API void *dlopen(const char *file, int mode)
{
	return prepare(file, mode)(file, mode);
}
