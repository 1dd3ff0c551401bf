// SPDX-License-Identifier: MIT
/*
 * KFENCE: damage to guarded blocks, and a program that needs SIGSEGV itself.
 *
 * Tests named kfence_damage_* do one thing wrong and print the line "went on";
 * run.sh runs them with bad_free=warn and looks at the report: the functions
 * alloc_block(), free_block() and so on must be in its stacks. The others check
 * themselves.
 *
 * A block is known to be guarded if its usable size is what was asked for,
 * which is no size of a cache.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "preload.h"

#define SIZE 37
#define GUARD_PAGE 4096

#define noinline __attribute__((noinline))
/* Nothing may be the last call of its function: it would not be on the stack. */
#define stay() __asm__ volatile("")

static noinline char *alloc_block(size_t size)
{
	char *p = malloc(size);

	stay();
	CHECK(p);
	return p;
}

static noinline void free_block(char *p)
{
	free(p);
	stay();
}

static noinline void free_again(char *p)
{
	free(p);
	stay();
}

/* The access is the first instruction there is, or nearly. */
static noinline char read_byte(volatile char *p)
{
	return *p;
}

static noinline void write_byte(volatile char *p)
{
	*p = 'x';
}

static int is_guarded(char *p, size_t size)
{
	return malloc_usable_size(p) == size;
}

/* Without end if nothing is ever sampled; then the alarm ends it. */
static char *guarded_block(void)
{
	char *p;

	for (;;) {
		p = alloc_block(SIZE);
		if (is_guarded(p, SIZE))
			return p;
		free_block(p);
	}
}

/* At the beginning of its page, or at its end? */
static char *guarded_at(int beginning)
{
	char *p, *hold[64];
	unsigned int nr = 0;

	for (;;) {
		p = guarded_block();
		if (((uintptr_t)p % GUARD_PAGE == 0) == beginning)
			break;
		CHECK(nr < ARRAY_SIZE(hold));
		hold[nr++] = p;
	}
	while (nr)
		free_block(hold[--nr]);
	return p;
}

/* The first byte of the page behind. */
static char *end_of_page(char *p)
{
	return (char *)(((uintptr_t)p / GUARD_PAGE + 1) * GUARD_PAGE);
}

static char *volatile sink;

/* Damage ------------------------------------------------------------------ */

static void kfence_damage_read_behind(void)
{
	char *p = guarded_at(0);

	read_byte(end_of_page(p));
	free_block(p);
}

static void kfence_damage_write_behind(void)
{
	char *p = guarded_at(0);

	write_byte(end_of_page(p));
	/* The page was opened, and is closed by the free. */
	write_byte(end_of_page(p));
	free_block(p);
}

static void kfence_damage_read_before(void)
{
	char *p = guarded_at(1);

	read_byte(p - 1);
	free_block(p);
}

static void kfence_damage_read_freed(void)
{
	char *p = guarded_block();

	free_block(p);
	read_byte(p + 5);
}

static void kfence_damage_write_freed(void)
{
	char *p = guarded_block();

	free_block(p);
	write_byte(p + SIZE - 1);
}

static void kfence_damage_free_twice(void)
{
	char *p = guarded_block();

	free_block(p);
	free_again(p);
}

static void kfence_damage_free_inside(void)
{
	char *p = guarded_block();

	free_again(p + 16);
	free_block(p);
}

static void kfence_damage_byte_behind(void)
{
	char *p = guarded_block();

	write_byte(p + SIZE);
	free_block(p);
}

static void kfence_damage_byte_before(void)
{
	char *p = guarded_at(0);

	write_byte(p - 2);
	free_block(p);
}

/* Not freed: it is found at the end. */
static void kfence_damage_kept(void)
{
	char *p = guarded_block();

	write_byte(p + SIZE);
}

static noinline void realloc_block(char *p)
{
	sink = realloc(p, 1000);
	stay();
}

static void kfence_damage_realloc_freed(void)
{
	char *p = guarded_block();

	free_block(p);
	realloc_block(p);
	CHECK(!sink);
}

/* Sampling ---------------------------------------------------------------- */

/* More than there are slots: so each one came back. */
static void kfence_samples_in_a_loop(void)
{
	int i;

	for (i = 0; i < 40; i++)
		free_block(guarded_block());
}

static void *loop_until_guarded(void *arg)
{
	free_block(guarded_block());
	return arg;
}

static void kfence_samples_in_each_thread(void)
{
	pthread_t threads[4];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK(!pthread_create(&threads[i], NULL, loop_until_guarded,
				      NULL));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* Whatever is given is a block as any other. */
static void kfence_samples_keep_contents(void)
{
	static char *p[64];
	static size_t size[64];
	uint32_t state = 1;
	size_t k, i, n, align;
	long rounds;

	for (rounds = 0; rounds < 300000; rounds++) {
		k = next_random(&state) % ARRAY_SIZE(p);
		n = next_random(&state) % 5000;
		align = 16u << next_random(&state) % 5;
		for (i = 0; i < size[k]; i += 97)
			CHECK(p[k][i] == (char)k);
		switch (next_random(&state) % 4) {
		case 0:
			free(p[k]);
			p[k] = memalign(align, n);
			CHECK((uintptr_t)p[k] % align == 0);
			break;
		case 1:
			free(p[k]);
			p[k] = calloc(n, 1);
			for (i = 0; i < n; i++)
				CHECK(!p[k][i]);
			break;
		case 2:
			free(p[k]);
			p[k] = malloc(n);
			break;
		case 3:
			p[k] = realloc(p[k], n + 1);
			for (i = 0; i < n + 1 && i < size[k]; i += 97)
				CHECK(p[k][i] == (char)k);
			break;
		}
		CHECK(p[k] && (uintptr_t)p[k] % 16 == 0);
		CHECK(malloc_usable_size(p[k]) >= n);
		memset(p[k], (int)k, n);
		size[k] = n;
	}
}

static void *churn(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg;
	char *p[16] = { NULL };
	size_t size[16] = { 0 }, k;
	int i;

	for (i = 0; i < 20000; i++) {
		k = next_random(&state) % ARRAY_SIZE(p);
		if (size[k])
			CHECK(p[k][0] == (char)k && p[k][size[k] - 1] == (char)k);
		free(p[k]);
		size[k] = 1 + next_random(&state) % 300;
		p[k] = malloc(size[k]);
		CHECK(p[k]);
		memset(p[k], (int)k, size[k]);
	}
	for (k = 0; k < ARRAY_SIZE(p); k++)
		free(p[k]);
	return NULL;
}

static void kfence_samples_with_32_threads(void)
{
	pthread_t threads[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK(!pthread_create(&threads[i], NULL, churn,
				      (void *)(uintptr_t)(i + 1)));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* Some that live long use up the slots; then nothing is guarded, and all works.
 * With kfence_sample, and two slots. */
static void kfence_count_until_full(void)
{
	enum { NR = 20000 };
	static char *p[NR];
	unsigned int guarded, round;
	int i;

	for (round = 0; round < 3; round++) {
		for (i = 0, guarded = 0; i < NR; i++) {
			p[i] = alloc_block(SIZE);
			guarded += is_guarded(p[i], SIZE);
			memset(p[i], i, SIZE);
		}
		CHECK(guarded == 2);
		for (i = 0; i < NR; i++) {
			CHECK(p[i][SIZE - 1] == (char)i);
			free_block(p[i]);
		}
	}
}

/* One of 100 objects that are new; with 255 slots. */
static void kfence_count_is_the_rate(void)
{
	enum { NR = 10000 };
	unsigned int guarded = 0;
	int i;

	for (i = 0; i < NR; i++)
		guarded += is_guarded(alloc_block(SIZE), SIZE);
	CHECK(guarded > NR / 300 && guarded <= NR / 100 + 1);
}

/* One of 10 objects, new or not; the first after 10 others. */
static void kfence_each_counts(void)
{
	enum { NR = 10000 };
	unsigned int guarded = 0;
	char *p;
	int i;

	for (i = 0; i <= NR; i++) {
		p = alloc_block(SIZE);
		guarded += is_guarded(p, SIZE);
		free_block(p);
	}
	CHECK(guarded == NR / 10);
}

static unsigned int count_mappings(void)
{
	unsigned int lines = 0;
	char buf[4096];
	FILE *maps = fopen("/proc/self/maps", "r");
	size_t len, i;

	CHECK(maps);
	while ((len = fread(buf, 1, sizeof(buf), maps)) > 0)
		for (i = 0; i < len; i++)
			lines += buf[i] == '\n';
	fclose(maps);
	return lines;
}

/* Of kfence_all: mappings of free blocks become one again. */
static void kfence_all_leaves_no_mappings(void)
{
	enum { NR = 5000 };
	static char *p[NR];
	unsigned int before, i, round;

	for (i = 0; i < NR; i++)
		p[i] = alloc_block(i * 7 % 20000);
	for (i = 0; i < NR; i++)
		free_block(p[i]);
	before = count_mappings();
	for (round = 0; round < 4; round++) {
		for (i = 0; i < NR; i++) {
			p[i] = alloc_block(i * 7 % 20000);
			*p[i] = 1;
		}
		CHECK(count_mappings() > NR);
		for (i = 0; i < NR; i += 2)
			free_block(p[i]);
		for (i = 1; i < NR; i += 2)
			free_block(p[i]);
	}
	CHECK(count_mappings() < before + 50);
}

/* More than the host's 65530 mappings allow: the rest has no guard. */
static void kfence_all_beyond_the_mappings(void)
{
	enum { NR = 40000 };
	static char *p[NR];
	int i;

	for (i = 0; i < NR; i++) {
		p[i] = alloc_block(SIZE);
		memset(p[i], i, SIZE);
	}
	CHECK(is_guarded(p[0], SIZE));
	CHECK(!is_guarded(p[NR - 1], SIZE));
	for (i = 0; i < NR; i++) {
		CHECK(p[i][SIZE - 1] == (char)i);
		free_block(p[i]);
	}
}

/* Where a block was freed a moment ago, there is none, though it is its turn. */
static void kfence_all_waits_before_reuse(void)
{
	char *before = alloc_block(SIZE), *p = alloc_block(SIZE), *q;

	CHECK(before + 2 * GUARD_PAGE == p);
	free_block(before);
	do {
		q = alloc_block(SIZE);
		free_block(q);
	} while (q + 2 * GUARD_PAGE != p);
	free_block(p);
	q = alloc_block(SIZE);
	CHECK(is_guarded(q, SIZE) && q != p);
	free_block(q);
}

static void kfence_all_aligns(void)
{
	size_t align, size;
	char *p;

	for (align = 16; align <= 1 << 20; align *= 2) {
		for (size = 0; size < 3 * align && size < 200000;
		     size += align / 3 + 1) {
			p = memalign(align, size);
			CHECK(p && (uintptr_t)p % align == 0);
			memset(p, 1, size);
			CHECK(malloc_usable_size(p) >= size);
			free(p);
		}
	}
}

/* SIGSEGV ----------------------------------------------------------------- */

static sigjmp_buf jump;
static volatile sig_atomic_t nr_faults;
static void *volatile fault_address;
static volatile sig_atomic_t usr1_blocked, segv_blocked, on_stack;

static void note_mask(void)
{
	sigset_t mask;
	stack_t stack;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	usr1_blocked = sigismember(&mask, SIGUSR1);
	segv_blocked = sigismember(&mask, SIGSEGV);
	sigaltstack(NULL, &stack);
	on_stack = !!(stack.ss_flags & SS_ONSTACK);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	CHECK(sig == SIGSEGV && context);
	nr_faults++;
	fault_address = info->si_addr;
	note_mask();
	siglongjmp(jump, 1);
}

static void on_fault_plain(int sig)
{
	CHECK(sig == SIGSEGV);
	nr_faults++;
	note_mask();
	siglongjmp(jump, 1);
}

static char *inaccessible_page(void)
{
	char *p = mmap(NULL, GUARD_PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void install(int flags)
{
	struct sigaction act, old;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = on_fault;
	act.sa_flags = SA_SIGINFO | flags;
	sigaddset(&act.sa_mask, SIGUSR1);
	CHECK(!sigaction(SIGSEGV, &act, NULL));
	memset(&old, 0, sizeof(old));
	CHECK(!sigaction(SIGSEGV, NULL, &old));
	CHECK(old.sa_sigaction == on_fault);
	CHECK((old.sa_flags & ~0x04000000) == (SA_SIGINFO | flags));
	CHECK(sigismember(&old.sa_mask, SIGUSR1));
}

/* A fault that is the program's own reaches its handler. */
static void fault_once(char *bad)
{
	int before = nr_faults;

	if (!sigsetjmp(jump, 1)) {
		read_byte(bad);
		CHECK(!"a fault");
	}
	CHECK(nr_faults == before + 1);
}

/* Before the first allocation that is guarded, and after. One in a guarded block
 * is reported, and the handler does not see it. */
static void kfence_handler_gets_its_faults(void)
{
	char *bad = inaccessible_page(), *p;

	install(0);
	fault_once(bad);
	CHECK(fault_address == bad && usr1_blocked && segv_blocked);
	CHECK(!on_stack);
	p = guarded_block();
	fault_once(bad);
	install(SA_NODEFER);
	fault_once(bad);
	CHECK(usr1_blocked && !segv_blocked);
	free_block(p);
	read_byte(p);
	CHECK(nr_faults == 3);
	fault_once(bad);
}

static void kfence_handler_by_signal(void)
{
	char *bad = inaccessible_page();

	CHECK(signal(SIGSEGV, on_fault_plain) == SIG_DFL);
	fault_once(bad);
	free_block(guarded_block());
	CHECK(signal(SIGSEGV, SIG_IGN) == on_fault_plain);
	CHECK(signal(SIGSEGV, on_fault_plain) == SIG_IGN);
	CHECK(signal(SIGUSR2, on_fault_plain) == SIG_DFL);
	CHECK(signal(SIGUSR2, SIG_DFL) == on_fault_plain);
	CHECK(signal(SIGKILL, SIG_IGN) == SIG_ERR && errno == EINVAL);
	fault_once(bad);
	CHECK(segv_blocked);
}

/* A child of vfork() has handlers of its own, but not memory. */
static void kfence_handler_is_not_the_childs(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	char *bad = inaccessible_page();
	int status;
	pid_t pid;

	install(0);
	pid = vfork();
	if (!pid) {
		sigaction(SIGSEGV, &dfl, NULL);
		read_byte(bad);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK(!sigaction(SIGSEGV, NULL, &old) && old.sa_sigaction == on_fault);
	fault_once(bad);
}

/* As a child's end; it does not dump core. */
static int end_of(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		fn();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void fault(void)
{
	read_byte(inaccessible_page());
}

static void send_it(void)
{
	raise(SIGSEGV);
}

static void fault_twice(void)
{
	char *bad = inaccessible_page();

	install(SA_RESETHAND);
	fault_once(bad);
	read_byte(bad);
}

static void ignore_and_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	fault();
}

static void ignore_and_send(void)
{
	signal(SIGSEGV, SIG_IGN);
	raise(SIGSEGV);
}

static void sysv_twice(void)
{
	char *bad = inaccessible_page();

	sysv_signal(SIGSEGV, on_fault_plain);
	fault_once(bad);
	CHECK(!segv_blocked);
	read_byte(bad);
}

static void kfence_default_actions(void)
{
	free_block(guarded_block());
	CHECK(end_of(fault) == SIGSEGV);
	CHECK(end_of(send_it) == SIGSEGV);
	CHECK(end_of(fault_twice) == SIGSEGV);
	CHECK(end_of(sysv_twice) == SIGSEGV);
	CHECK(end_of(ignore_and_fault) == SIGSEGV);
	CHECK(end_of(ignore_and_send) == 0);
}

/* For ever, as far as the compiler knows. */
static noinline int overflow(volatile char *above, int deep)
{
	volatile char frame[1024];

	frame[0] = *above;
	return deep ? overflow(frame, deep) + frame[0] : frame[0];
}

static void kfence_handler_of_stack_overflow(void)
{
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	volatile char top = 0;
	char *p;

	CHECK(!sigaltstack(&alt, NULL));
	install(SA_ONSTACK);
	free_block(guarded_block());
	if (!sigsetjmp(jump, 1))
		overflow(&top, 1 + (int)nr_faults);
	CHECK(nr_faults == 1 && on_stack);
	/* And our own report from there. */
	p = guarded_block();
	free_block(p);
	read_byte(p);
	CHECK(nr_faults == 1);
}

/* More than the one sample that is due anyway. */
static void child_reports(void)
{
	char *p;
	int i;

	for (i = 0; i < 3; i++)
		free_block(guarded_block());
	p = guarded_block();
	free_block(p);
	read_byte(p);
}

static void kfence_fork_goes_on(void)
{
	char *p = guarded_block();
	int i;

	for (i = 0; i < 3; i++)
		CHECK(end_of(child_reports) == 0);
	/* The parent's own is untouched. */
	memset(p, 1, SIZE);
	free_block(p);
	child_reports();
}

static const struct test tests[] = {
	{ "kfence_damage_read_behind", kfence_damage_read_behind },
	{ "kfence_damage_write_behind", kfence_damage_write_behind },
	{ "kfence_damage_read_before", kfence_damage_read_before },
	{ "kfence_damage_read_freed", kfence_damage_read_freed },
	{ "kfence_damage_write_freed", kfence_damage_write_freed },
	{ "kfence_damage_free_twice", kfence_damage_free_twice },
	{ "kfence_damage_free_inside", kfence_damage_free_inside },
	{ "kfence_damage_byte_behind", kfence_damage_byte_behind },
	{ "kfence_damage_byte_before", kfence_damage_byte_before },
	{ "kfence_damage_realloc_freed", kfence_damage_realloc_freed },
	{ "kfence_damage_kept", kfence_damage_kept },
	{ "kfence_samples_in_a_loop", kfence_samples_in_a_loop },
	{ "kfence_samples_in_each_thread", kfence_samples_in_each_thread },
	{ "kfence_samples_keep_contents", kfence_samples_keep_contents },
	{ "kfence_samples_with_32_threads", kfence_samples_with_32_threads },
	{ "kfence_count_until_full", kfence_count_until_full },
	{ "kfence_count_is_the_rate", kfence_count_is_the_rate },
	{ "kfence_each_counts", kfence_each_counts },
	{ "kfence_all_leaves_no_mappings", kfence_all_leaves_no_mappings },
	{ "kfence_all_beyond_the_mappings", kfence_all_beyond_the_mappings },
	{ "kfence_all_waits_before_reuse", kfence_all_waits_before_reuse },
	{ "kfence_all_aligns", kfence_all_aligns },
	{ "kfence_handler_gets_its_faults", kfence_handler_gets_its_faults },
	{ "kfence_handler_by_signal", kfence_handler_by_signal },
	{ "kfence_handler_of_stack_overflow", kfence_handler_of_stack_overflow },
	{ "kfence_handler_is_not_the_childs", kfence_handler_is_not_the_childs },
	{ "kfence_default_actions", kfence_default_actions },
	{ "kfence_fork_goes_on", kfence_fork_goes_on },
};

int main(int argc, char **argv)
{
	int result = test_main(argc, argv, tests, ARRAY_SIZE(tests));

	if (!result && argc > 1 && strcmp(argv[1], "list"))
		puts("went on");
	return result;
}
