/* SPDX-License-Identifier: MIT */
/*
 * The anchor: where a reader from outside starts.
 *
 * A debugger, or a tool that uses process_vm_readv() or a core file, finds the
 * ELF symbol `kmm_anchor` and needs nothing else: no debug information, no
 * call into the process, no matching copy of these headers.
 *
 *	kmm_anchor --> roots[]	name, address, size, count	where the data is
 *	           \-> fields[]	name, value			how it is laid out
 *
 * A field is one of
 *	"page"		sizeof(struct page)
 *	"page.lru"	offsetof(struct page, lru)
 *	"PG_slab"	the value of a constant
 *
 * So a reader asks by name, and a layout may change without a new version. The
 * version changes when the meaning of an entry does.
 *
 * Programs that only allocate need none of this.
 */
#ifndef KMM_ANCHOR_H
#define KMM_ANCHOR_H

#include <kmm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** KMM_ANCHOR_MAGIC - the first eight bytes of the anchor; no final NUL. */
#define KMM_ANCHOR_MAGIC "KMMANCHR"
#define KMM_ANCHOR_VERSION 1

/** KMM_ANCHOR_NAME - bytes of a name, with at least one NUL at the end. */
#define KMM_ANCHOR_NAME 40

/**
 * struct kmm_anchor_root - one object that the walk of the heap starts from
 * @name: of the object.
 * @address: of its first element.
 * @size: of an element, in bytes.
 * @count: of elements; a table of several dimensions counts all of them.
 */
struct kmm_anchor_root {
	char name[KMM_ANCHOR_NAME];
	const void *address;
	uint32_t size;
	uint32_t count;
};

/**
 * struct kmm_anchor_field - one size, offset or constant
 * @name: "struct", "struct.member" or the constant's name.
 * @value: bytes of a struct or to a member; the constant.
 * @size: bytes of a member, of an array without a length those of an element; 0
 *        of a struct and of a constant.
 */
struct kmm_anchor_field {
	char name[KMM_ANCHOR_NAME];
	uint32_t value;
	uint32_t size;
};

/**
 * struct kmm_anchor - the head of the two tables
 * @magic: %KMM_ANCHOR_MAGIC.
 * @version: %KMM_ANCHOR_VERSION.
 * @size: of this struct; later versions only append.
 * @page_shift: address of the log2 of the page size; it is 0 before the
 *              allocator has booted.
 * @roots: the roots, @nr_roots of them.
 * @fields: the layout, @nr_fields of them.
 *
 * All of it is constant. A core file holds the head and the roots, which the
 * dynamic linker has relocated, but perhaps not the fields; these are then
 * read from the ELF file of the module that the anchor is in.
 */
struct kmm_anchor {
	char magic[8];
	uint32_t version;
	uint32_t size;
	const unsigned int *page_shift;
	const struct kmm_anchor_root *roots;
	const struct kmm_anchor_field *fields;
	uint32_t nr_roots;
	uint32_t nr_fields;
};

/**
 * kmm_anchor - this module's heap
 *
 * A process has one anchor per heap: libkmm and the malloc shim have one each.
 */
extern KMM_API const struct kmm_anchor kmm_anchor;

#ifdef __cplusplus
}
#endif

#endif /* KMM_ANCHOR_H */
