/* SPDX-License-Identifier: MIT */
/*
 * Stack traces, taken in the middle of an allocation.
 *
 * Nothing here takes a lock, allocates, or waits: it may be called from any
 * function of the allocator, from a signal handler, and while another thread
 * is inside dlopen(). Names of functions are made elsewhere, of the module and
 * the address in it, which are all that is printed here.
 */
#ifndef LIB_BACKTRACE_H
#define LIB_BACKTRACE_H

#include "compiler.h"

/**
 * backtrace_save() - return addresses of this thread's callers
 * @entries: where to store them, innermost first.
 * @max: how many at most.
 * @caller: a return address; the frames in front of it are left out. NULL:
 *          nothing is left out but the frame of backtrace_save() itself.
 *
 * If @caller is never met, the stack from the innermost frame, with @caller put
 * first. The stack ends early where it cannot be followed.
 *
 * Context: Any, signal handlers too. 5 to 10 ns per frame that was met before,
 *          a microsecond per new one.
 * Return: the number of addresses stored.
 */
unsigned int backtrace_save(unsigned long *entries, unsigned int max,
			    const void *caller);

/**
 * backtrace_module() - the module of an address in code
 * @pc: the address.
 * @path: of the module's file, never "": the program's own is what
 *        /proc/self/exe is a link to. Valid while the module is loaded.
 * @vaddr: @pc as the ELF file numbers it, which is what addr2line takes.
 *
 * Context: Any, signal handlers too.
 * Return: false if the address is in no module.
 */
bool backtrace_module(unsigned long pc, const char **path,
		      unsigned long *vaddr);

/**
 * backtrace_past_module() - the same of an address that was in a stack
 * @pc: the address.
 * @path: of the file of the only module that has been there, as far as stacks have
 *        met them. Valid for ever, but for the path of one that is still loaded.
 * @vaddr: as for backtrace_module().
 *
 * Context: Any, signal handlers too.
 * Return: false if there has been none, or more than one.
 */
bool backtrace_past_module(unsigned long pc, const char **path,
			   unsigned long *vaddr);

/**
 * backtrace_print() - one line per frame, by printk()
 * @indent: in front of each line.
 * @entries: the addresses.
 * @nr: their number.
 *
 * " #0 0x00007f0123456789 (/path/libfoo.so.1+0x1234)", and "(?)" if the address
 * is in no module. The format is fixed: a tool replaces the parenthesis by
 * function, file and line. The addresses are return addresses: a line number
 * is that of the byte before.
 */
void backtrace_print(const char *indent, const unsigned long *entries,
		     unsigned int nr);

/* The same of a stack that was taken some time ago. */
void backtrace_print_past(const char *indent, const unsigned long *entries,
			  unsigned int nr);

#endif /* LIB_BACKTRACE_H */
