// SPDX-License-Identifier: MIT
/*
 * Checks exercise 10: runs the learner's program under `kmm run`, reads the
 * report, and says what it means.
 *
 * Usage: check KMM PROGRAM
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT (1 << 16)
#define REPORT_LINES 12

static const char expected_output[] =
	"Ada brings Momo back\n"
	"Emil is dropped\n"
	"Robinson is dropped\n"
	"Ada leaves Pippi to Frances\n"
	"Frances brings Pippi back\n"
	"there is no Nobody\n"
	"2 books:\n"
	"  Pippi\n"
	"  Momo\n";

static struct model {
	char output[TEXT], report[TEXT];
	int status;
} *model;
static const char *kmm, *mine;

/* The first lines of the report; the bytes of memory behind them say less. */
static void draw(void)
{
	const char *line = model->report, *end;
	unsigned int i;

	while (*line == '\n')
		line++;
	for (i = 0; i < REPORT_LINES && *line && *line != '\n'; i++) {
		end = strchrnul(line, '\n');
		check_print("      %.*s\n", (int)(end - line), line);
		line = *end ? end + 1 : end;
	}
	if (*line)
		check_print("      ...\n");
	check_print("      the whole report: %s run --leaks %s, or --check\n",
		    kmm, mine);
}

static void read_all(int fd, char *text)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, text + length, TEXT - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(fd);
}

/* Runs the program under kmm with one option; fills the model. */
static void run_under(const char *option)
{
	char log[] = "/tmp/lab10-XXXXXX", log_option[sizeof(log) + 8];
	int output[2], log_fd = mkstemp(log);
	sigset_t none;
	pid_t pid;

	if (log_fd < 0 || pipe(output)) {
		perror("lab 10");
		_exit(2);
	}
	snprintf(log_option, sizeof(log_option), "--log=%s", log);
	check_call("kmm run %s mine", option);
	pid = fork();
	if (!pid) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(output[1], STDOUT_FILENO);
		close(output[0]);
		close(output[1]);
		execlp(kmm, kmm, "run", option, log_option, "--", mine, NULL);
		_exit(127);
	}
	close(output[1]);
	read_all(output[0], model->output);
	while (waitpid(pid, &model->status, 0) < 0 && errno == EINTR)
		;
	read_all(log_fd, model->report);
	unlink(log);
	check_return(" ");
}

/*
 * The newest frame of the report that has a source line, and is not in the
 * helper @skip: "lend(), mine.c:80".
 */
static void place(const char *report, const char *skip, char *text, size_t size)
{
	char function[64], source[256], *slash;
	const char *line;

	snprintf(text, size, "somewhere");
	for (line = strstr(report, "#"); line; line = strstr(line + 1, "#")) {
		if (sscanf(line, "#%*u %*s %63s %255s", function, source) != 2)
			continue;
		function[strcspn(function, "+")] = '\0';
		if (!strcmp(function, skip))
			continue;
		/* Without debug information there is the module only. */
		if (source[0] == '(' && strstr(source, mine)) {
			snprintf(text, size, "%s()", function);
			return;
		}
		if (!strchr(source, ':'))
			continue;
		slash = strrchr(source, '/');
		snprintf(text, size, "%s(), %s", function,
			 slash ? slash + 1 : source);
		return;
	}
}

static void check_damage(void)
{
	static const struct {
		const char *words, *rule;
	} kinds[] = {
		{ "Right Redzone", "A string of n characters takes n + 1 bytes; nobody writes behind what was asked for." },
		{ "Left Redzone", "Nobody writes in front of what was asked for." },
		{ "double free", "Each block is freed once: who frees it, forgets the pointer." },
		{ "invalid free", "Freed is what malloc() returned, and nothing else." },
		{ "Poison", "What is freed is not written to any more." },
	};
	char where[300], line[256];
	size_t i;

	if (!strstr(model->report, "BUG "))
		return;
	place(strstr(model->report, "BUG "), "copy", where, sizeof(where));
	snprintf(line, sizeof(line), "%.*s",
		 (int)strcspn(strstr(model->report, "BUG "), "\n"),
		 strstr(model->report, "BUG "));
	for (i = 0; i + 1 < ARRAY_SIZE(kinds); i++)
		if (strstr(line, kinds[i].words))
			break;
	check_fail(kinds[i].rule, "no report\n%s; the block was allocated by %s", line, where);
}

static void check_output(void)
{
	const char *got = model->output, *expected = expected_output;
	unsigned int line = 1;
	size_t length;

	while (*expected) {
		length = strcspn(expected, "\n");
		if (strncmp(got, expected, length + 1))
			check_fail("The program prints what README.md shows. (Under --check what is freed is overwritten with 'k': who reads it sees that.)",
				   "line %u: %.*s\nline %u: %.*s", line,
				   (int)length, expected, line,
				   (int)strcspn(got, "\n"), got);
		got += length + 1;
		expected += length + 1;
		line++;
	}
	if (*got)
		check_fail("The program prints what README.md shows.",
			   "nothing after line %u\n%.*s", line - 1,
			   (int)strcspn(got, "\n"), got);
}

static void check_ended(void)
{
	if (WIFSIGNALED(model->status))
		check_fail("The program ends by itself. (Under --check what is freed, or not written yet, holds a pattern: a pointer read there leads nowhere.)",
			   "exit status 0\nkilled: %s",
			   strsignal(WTERMSIG(model->status)));
	if (WEXITSTATUS(model->status) == 127)
		check_fail("The program runs under kmm.",
			   "%s\nit is not there: run make in the root of the tree first, or install libkmm",
			   kmm);
	if (WEXITSTATUS(model->status))
		check_fail("The program ends by itself.",
			   "exit status 0\nexit status %d",
			   WEXITSTATUS(model->status));
}

static void no_damage(void)
{
	run_under("--check");
	check_damage();
	check_ended();
	check_output();
}

static void no_leaks(void)
{
	unsigned int nr = 0;
	const char *sum;
	char where[300];

	run_under("--leaks");
	check_damage();
	check_ended();
	/* The last line: "lost: 36 bytes in 2 blocks, ...". */
	sum = strstr(model->report, "lost: ");
	if (!sum || sscanf(sum, "lost: %*u bytes in %u", &nr) != 1)
		check_fail("kmm looks at the heap when the program ends.",
			   "a report\nnone");
	place(model->report, "copy", where, sizeof(where));
	if (nr)
		check_fail("Each block has an owner, who frees it before forgetting it.",
			   "no block lost\n%u lost; the first one listed was allocated by %s",
			   nr, where);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{ "no damage, nothing freed twice, the right output", no_damage, draw },
		{ "nothing lost at the end", no_leaks, draw },
	};

	if (argc != 3) {
		fprintf(stderr, "usage: check KMM PROGRAM\n");
		return 2;
	}
	kmm = argv[1];
	mine = argv[2];
	model = check_shared(sizeof(*model));
	return check_run("Exercise 10: make it leak-free", cases,
			 ARRAY_SIZE(cases));
}
