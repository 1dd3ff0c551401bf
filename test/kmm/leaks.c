// SPDX-License-Identifier: MIT
/*
 * Programs that lose blocks, or only seem to.
 *
 *	leaks MODE [wait]
 *
 * Without "wait" it ends by itself; with it, it says "ready" and waits for a
 * signal. What is lost: see the table of modes at the end.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_LIVE 100000
#define NR_GUARDED 100
#define NR_THREADS 4

/* The compiler must believe that a block is used, and forget where it is. */
#define use(p) __asm__ volatile("" : "+r"(p) : : "memory")

struct node {
	struct node *next;
	long value[3];
};

static struct node *list;
void *volatile global;
_Thread_local void *volatile tls;

static void __attribute__((noinline)) forget(void)
{
	char stack[4096];
	char *p = stack;

	memset(stack, 0, sizeof(stack));
	use(p);
}

static void __attribute__((noinline)) lose(size_t size)
{
	char *p = malloc(size);

	use(p);
	p[0] = 1;
	p = NULL;
	use(p);
}

static void __attribute__((noinline)) keep_list(int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		struct node *n = malloc(sizeof(*n));

		use(n);
		n->next = list;
		list = n;
	}
}

static void mode_lost(void)
{
	volatile int i;		/* one call, not three */

	keep_list(NR_LIVE);
	for (i = 0; i < 3; i++)
		lose(77);
}

/* Few enough for each to be guarded. */
static void mode_guarded(void)
{
	volatile int i;

	for (i = 0; i < 3; i++)
		lose(77);
	keep_list(NR_GUARDED);
}

static void *lose_in_thread(void *arg)
{
	(void)arg;
	lose(99);
	forget();
	return NULL;
}

static void mode_threads(void)
{
	pthread_t thread[NR_THREADS];
	int i;

	keep_list(NR_LIVE);
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, lose_in_thread, NULL);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
}

/* Only what leads into the middle of a block is left. */
static void mode_interior(void)
{
	char *p = malloc(1000);

	use(p);
	global = p + 500;
	p = malloc(20000);
	use(p);
	tls = p + 19000;
}

/* Behind the last byte is not in the block. */
static void mode_behind(void)
{
	char *p = malloc(64);

	use(p);
	global = p + 64;
}

static pthread_barrier_t barrier;

static void *wait_with_tls(void *arg)
{
	(void)arg;
	tls = malloc(300);
	pthread_barrier_wait(&barrier);
	pause();
	return NULL;
}

/* Another thread's variable of its own, and what only its stack has. */
static void *wait_with_stack(void *arg)
{
	void *volatile p = malloc(400);

	(void)arg;
	pthread_barrier_wait(&barrier);
	pause();
	return p;
}

/* What only a register has, that the call of pause() leaves alone. */
static void *wait_with_register(void *arg)
{
	(void)arg;
#if defined(__x86_64__)
	void *p = malloc(500);

	use(p);
	pthread_barrier_wait(&barrier);
	/* rax is pause()'s number; rcx and r11 go, the others stay. */
	__asm__ volatile("mov %0, %%r15\n\t"
			 "xor %%ebx, %%ebx\n\t"
			 "xor %0, %0\n"
			 "1:\tmov $34, %%eax\n\t"
			 "syscall\n\t"
			 "jmp 1b"
			 : "+r"(p)
			 :
			 : "rax", "rbx", "rcx", "r11", "r15", "memory");
#else
	tls = malloc(500);
	pthread_barrier_wait(&barrier);
	pause();
#endif
	return NULL;
}

static void mode_reached(void)
{
	void *(*const fn[])(void *) = { wait_with_tls, wait_with_stack,
					wait_with_register };
	pthread_t thread;
	size_t i;

	pthread_barrier_init(&barrier, NULL, 4);
	for (i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, fn[i], NULL);
		pthread_detach(thread);
	}
	pthread_barrier_wait(&barrier);
	/* From a mapping of the program's own. */
	global = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(void **)global = malloc(600);
}

/* A block that is lost, and two more through it; and a ring. */
static void __attribute__((noinline)) lose_chain(void)
{
	struct node *n[3];
	int i;

	for (i = 0; i < 3; i++) {
		n[i] = malloc(sizeof(*n[i]));
		use(n[i]);
		n[i]->next = i ? n[i - 1] : NULL;
	}
	for (i = 0; i < 3; i++) {
		n[i] = NULL;
		use(n[i]);
	}
}

static void __attribute__((noinline)) lose_ring(void)
{
	struct node *a = malloc(200), *b = malloc(200);

	use(a);
	use(b);
	a->next = b;
	b->next = a;
	a = b = NULL;
	use(a);
	use(b);
}

static void mode_through(void)
{
	lose_chain();
	lose_ring();
}

/* Whole pages, and a mapping. */
static void mode_large(void)
{
	lose(50000);
	lose(6 << 20);
}

/* The program says what it knows. */
static void mode_told(void)
{
	void (*not_leak)(const void *) =
		(void (*)(const void *))dlsym(RTLD_DEFAULT, "kmemleak_not_leak");
	void (*no_scan)(const void *) =
		(void (*)(const void *))dlsym(RTLD_DEFAULT, "kmemleak_no_scan");
	void (*ignore)(const void *) =
		(void (*)(const void *))dlsym(RTLD_DEFAULT, "kmemleak_ignore");
	struct node *n;

	if (!not_leak || !no_scan || !ignore)
		exit(3);
	/* Reached through a grey block: neither is lost. */
	n = malloc(sizeof(*n));
	use(n);
	n->next = malloc(700);
	not_leak(n);
	/* Not searched: what only it points to is lost. */
	n = malloc(sizeof(*n));
	use(n);
	n->next = malloc(800);
	global = n;
	no_scan(n);
	n = malloc(900);
	use(n);
	ignore(n);
	n = NULL;
	use(n);
}

/* Each of them ends by exit(). */
static void mode_forks(void)
{
	int i;

	lose(88);
	for (i = 0; i < 4; i++)
		if (!fork())
			exit(0);
	while (wait(NULL) > 0)
		;
}

static void mode_nothing(void)
{
	keep_list(NR_LIVE);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "lost", mode_lost },		/* 3 of 77 bytes, in lose() */
	{ "guarded", mode_guarded },	/* the same, and few others */
	{ "threads", mode_threads },	/* 4 of 99 bytes, in 4 threads */
	{ "interior", mode_interior },	/* nothing */
	{ "behind", mode_behind },	/* 1 of 64 bytes */
	{ "reached", mode_reached },	/* nothing, while it waits */
	{ "through", mode_through },	/* 1 and 2 through it; 1 and 1 in a ring */
	{ "large", mode_large },	/* 50000 bytes and 6 MiB */
	{ "told", mode_told },		/* 1 of 800 bytes */
	{ "forks", mode_forks },	/* 88 bytes, in each process */
	{ "nothing", mode_nothing },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name))
			continue;
		modes[i].run();
		forget();
		if (argc > 2) {
			puts("ready");
			fflush(stdout);
			pause();
		}
		return 0;
	}
	return 2;
}
