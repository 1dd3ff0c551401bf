/* SPDX-License-Identifier: MIT */
/*
 * Messages and reports without allocating: formatted on the stack, written
 * with write(2).
 *
 * The format language is the part of printf()'s that the allocator needs:
 * %d %i %u %x %p %s %c %%, the flags 0 - # and a width or precision (also *),
 * the sizes l, ll, z. Anything else prints as it stands.
 */
#ifndef LIB_PRINTK_H
#define LIB_PRINTK_H

#include <stdarg.h>

#include "compiler.h"

/* As vsnprintf(): writes at most @size bytes with the NUL, returns the length
 * the whole text has. */
int kmm_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int kmm_snprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Write one message in a single write(2) (longer than 1 KiB is cut), to stderr
 * unless printk_to() said otherwise. Keeps errno. Safe in any context. */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vprintk(const char *fmt, va_list args);

/* Send messages to @fd from now on, for as long as it is the file that it is now:
 * a program that closes it may get the number again for a file of its own.
 * Then, and if it is not open at all, they go to stderr, without a word: so it
 * is in each child of a program that closes descriptors before it starts one. */
void printk_to(int fd);
/* What printk() does with the finished text: to that file, or to stderr if its
 * reader has gone. A failed write to stderr has nobody to be told about it. */
void printk_write(const char *buf, size_t len);
/* Where a report should go that is more than a message; see printk_to(). */
int printk_fd(void);

/* Print once per place in the code. */
#define printk_once(...)						\
	do {								\
		static atomic_flag __done = ATOMIC_FLAG_INIT;		\
		if (!atomic_flag_test_and_set(&__done))			\
			printk(__VA_ARGS__);				\
	} while (0)

/*
 * A report of any length to a file descriptor, through a buffer on the stack.
 *
 *	struct seq_file m;
 *	seq_open(&m, fd);
 *	seq_printf(&m, …);
 *	return seq_close(&m);		0 or -errno of the first failed write
 */
struct seq_file {
	int fd;
	int error;
	size_t len;
	char buf[1024];
};

void seq_open(struct seq_file *m, int fd);
void seq_printf(struct seq_file *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void seq_puts(struct seq_file *m, const char *s);
int seq_close(struct seq_file *m);

#endif /* LIB_PRINTK_H */
