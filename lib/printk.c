// SPDX-License-Identifier: MIT
/*
 * Messages: from a format and arguments to bytes on a file descriptor, with
 * nothing but the stack in between.
 *
 * The C library's printf() may allocate, take locks and change errno. A
 * message of the allocator may come from inside free(), from a signal handler,
 * or from a heap that has just been found broken, so it can afford none of
 * these. One formatter serves two kinds of destination:
 *
 *	format + arguments -> format_text() -> struct text -> a caller's buffer
 *							   -> a seq_file -> fd
 *
 * A buffer of fixed size cuts what does not fit (kmm_vsnprintf(), printk());
 * a seq_file writes its buffer out when it is full, so a report has no limit.
 *
 * Context:	Any thread, any lock held, signal handlers. host_write() leaves
 *		errno alone, and nothing else here can touch it.
 * Source:	the idea of a formatter without allocation: kernel
 *		lib/vsprintf.c; the report interface: kernel fs/seq_file.c.
 */
#include "host.h"
#include "printk.h"

/* Where formatted text goes: to @seq if it is set, else to @buf. */
struct text {
	struct seq_file *seq;
	char *buf;
	size_t size;	/* of buf, with room for the NUL */
	size_t len;	/* of all text so far, whether it fitted or not */
};

/* One conversion: %[flags][width][.precision][size]letter */
struct spec {
	bool left;	/* flag '-' */
	bool zero;	/* flag '0' */
	bool prefix;	/* flag '#': 0x before a hexadecimal that is not 0 */
	int width;
	int precision;	/* -1: none given */
	unsigned int size;	/* bytes of an integer argument */
};

/* va_list may be an array type, which changes when it is passed on; inside a
 * struct it can be handed around by address. */
struct args {
	va_list ap;
};

static void seq_flush(struct seq_file *m)
{
	if (!m->error)
		m->error = host_write(m->fd, m->buf, m->len);
	m->len = 0;
}

static void seq_putc(struct seq_file *m, char c)
{
	if (m->len == sizeof(m->buf))
		seq_flush(m);
	m->buf[m->len++] = c;
}

static void text_putc(struct text *t, char c)
{
	if (t->seq)
		seq_putc(t->seq, c);
	else if (t->len + 1 < t->size)
		t->buf[t->len] = c;
	t->len++;
}

static void text_pad(struct text *t, char c, int n)
{
	for (; n > 0; n--)
		text_putc(t, c);
}

/* @len bytes of @s in a field of spec->width. */
static void text_string(struct text *t, const struct spec *spec, const char *s,
			int len)
{
	if (!spec->left)
		text_pad(t, ' ', spec->width - len);
	for (int i = 0; i < len; i++)
		text_putc(t, s[i]);
	if (spec->left)
		text_pad(t, ' ', spec->width - len);
}

/*
 * A number in a field:
 *
 *	|<------------- width ------------->|
 *	| blanks | prefix | zeros |  digits  | blanks (flag -) |
 *			  |<-- precision --->|
 *
 * Flag 0 turns the blanks on the left into zeros after the prefix.
 */
static void text_number(struct text *t, const struct spec *spec,
			const char *prefix, u64 value, unsigned int base)
{
	char digits[20];	/* of 2^64 - 1 in base 10, the longest */
	int nr = 0, prefix_len = 0, zeros, blanks;

	for (; value; value /= base)
		digits[nr++] = "0123456789abcdef"[value % base];
	while (prefix[prefix_len])
		prefix_len++;

	zeros = (spec->precision < 0 ? 1 : spec->precision) - nr;
	if (zeros < 0)
		zeros = 0;
	blanks = spec->width - prefix_len - zeros - nr;
	if (spec->zero && !spec->left && spec->precision < 0 && blanks > 0) {
		zeros += blanks;
		blanks = 0;
	}

	if (!spec->left)
		text_pad(t, ' ', blanks);
	while (*prefix)
		text_putc(t, *prefix++);
	text_pad(t, '0', zeros);
	while (nr)
		text_putc(t, digits[--nr]);
	if (spec->left)
		text_pad(t, ' ', blanks);
}

static int string_length(const char *s, int limit)
{
	int len = 0;

	while ((limit < 0 || len < limit) && s[len])
		len++;
	return len;
}

static int parse_int(const char **fmt, struct args *args)
{
	int n = 0;

	if (**fmt == '*') {
		(*fmt)++;
		return va_arg(args->ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
		n = n * 10 + (**fmt - '0');
	return n;
}

/* Read what stands between '%' and the letter; returns where the letter is. */
static const char *parse_spec(const char *fmt, struct spec *spec,
			      struct args *args)
{
	*spec = (struct spec){ .precision = -1, .size = sizeof(int) };

	for (; *fmt == '-' || *fmt == '0' || *fmt == '#'; fmt++) {
		spec->left |= *fmt == '-';
		spec->zero |= *fmt == '0';
		spec->prefix |= *fmt == '#';
	}
	spec->width = parse_int(&fmt, args);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*fmt == '.') {
		fmt++;
		spec->precision = parse_int(&fmt, args);
		if (spec->precision < 0)
			spec->precision = -1;
	}
	if (*fmt == 'z') {
		spec->size = sizeof(size_t);
		fmt++;
	} else if (*fmt == 'l') {
		spec->size = sizeof(long);
		fmt++;
		if (*fmt == 'l') {
			spec->size = sizeof(long long);
			fmt++;
		}
	}
	return fmt;
}

static u64 unsigned_arg(const struct spec *spec, struct args *args)
{
	if (spec->size == sizeof(int))
		return va_arg(args->ap, unsigned int);
	return va_arg(args->ap, unsigned long long);
}

_Static_assert(sizeof(long) == sizeof(long long) &&
	       sizeof(size_t) == sizeof(long long),
	       "an integer argument is an int or 64 bits wide");

static void text_signed(struct text *t, const struct spec *spec,
			struct args *args)
{
	long long value;

	if (spec->size == sizeof(int))
		value = va_arg(args->ap, int);
	else
		value = va_arg(args->ap, long long);
	if (value < 0)
		text_number(t, spec, "-", -(u64)value, 10);
	else
		text_number(t, spec, "", (u64)value, 10);
}

/* False if the letter is none of ours; no argument has been taken then. */
static bool text_convert(struct text *t, const struct spec *spec, char letter,
			 struct args *args)
{
	const char *s;
	u64 value;
	char c;

	switch (letter) {
	case 'd':
	case 'i':
		text_signed(t, spec, args);
		return true;
	case 'u':
		text_number(t, spec, "", unsigned_arg(spec, args), 10);
		return true;
	case 'x':
		value = unsigned_arg(spec, args);
		text_number(t, spec, spec->prefix && value ? "0x" : "", value,
			    16);
		return true;
	case 'p':
		text_number(t, spec, "0x",
			    (unsigned long)va_arg(args->ap, void *), 16);
		return true;
	case 's':
		s = va_arg(args->ap, const char *);
		if (!s)
			s = "(null)";
		text_string(t, spec, s, string_length(s, spec->precision));
		return true;
	case 'c':
		c = (char)va_arg(args->ap, int);
		text_string(t, spec, &c, 1);
		return true;
	case '%':
		text_putc(t, '%');
		return true;
	}
	return false;
}

static void format_text(struct text *t, const char *fmt, struct args *args)
{
	const char *start;
	struct spec spec;

	while (*fmt) {
		if (*fmt != '%') {
			text_putc(t, *fmt++);
			continue;
		}
		start = fmt;
		fmt = parse_spec(fmt + 1, &spec, args);
		if (*fmt && text_convert(t, &spec, *fmt, args)) {
			fmt++;
			continue;
		}
		/* Unknown: as it stands, and its letter as ordinary text. */
		while (start < fmt)
			text_putc(t, *start++);
	}
}

int kmm_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct text t = { .buf = buf, .size = size };
	struct args copy;

	va_copy(copy.ap, args);
	format_text(&t, fmt, &copy);
	va_end(copy.ap);
	if (size)
		buf[t.len < size ? t.len : size - 1] = '\0';
	return (int)t.len;
}

int kmm_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = kmm_vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

/* Destination of messages, and which file that is. Written at boot. */
static int message_fd = 2;
static struct host_file message_file;

void printk_to(int fd)
{
	message_fd = host_identify(fd, &message_file) ? fd : 2;
}

int printk_fd(void)
{
	struct host_file file;

	if (likely(message_fd == 2))
		return 2;
	return host_identify(message_fd, &file) &&
			       file.device == message_file.device &&
			       file.inode == message_file.inode ?
		       message_fd : 2;
}

void printk_write(const char *buf, size_t len)
{
	int fd = printk_fd();

	if (host_write(fd, buf, len) && fd != 2)
		(void)host_write(2, buf, len);
}

/*
 * One write(2), so that messages of several threads or processes do not mix
 * within a line. A cut message still ends its line.
 */
void vprintk(const char *fmt, va_list args)
{
	char buf[1024];
	size_t len = (size_t)kmm_vsnprintf(buf, sizeof(buf), fmt, args);

	if (len >= sizeof(buf)) {
		len = sizeof(buf) - 1;
		buf[len - 1] = '\n';
	}
	printk_write(buf, len);
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
}

void seq_open(struct seq_file *m, int fd)
{
	m->fd = fd;
	m->error = 0;
	m->len = 0;
}

void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	struct text t = { .seq = m };
	struct args args;

	va_start(args.ap, fmt);
	format_text(&t, fmt, &args);
	va_end(args.ap);
}

void seq_puts(struct seq_file *m, const char *s)
{
	while (*s)
		seq_putc(m, *s++);
}

int seq_close(struct seq_file *m)
{
	if (m->len)
		seq_flush(m);
	return m->error;
}
