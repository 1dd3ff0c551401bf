// SPDX-License-Identifier: MIT
/*
 * kmm symbolize: a filter that puts names into a report.
 *
 * For a report that was written without `kmm run`, with KMM_CMDLINE alone, or
 * on a machine that has no debug information. It looks at the files that the
 * report names; one that has been replaced since is only noticed if the report
 * gives its build-id.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "kmm.h"
#include "report.h"

static const struct argp argp = {
	.args_doc = "[<REPORT]",
	.doc = "Copies standard input to standard output, and replaces what "
	       "stands as 0xADDRESS (MODULE+0xADDRESS) by function, file and "
	       "line.\vLines of another form, and addresses of which nothing "
	       "is known, are copied as they are.",
};

int cmd_symbolize(int argc, char **argv)
{
	struct report report = { .out = stdout };
	char buf[4096];
	ssize_t len;

	if (parse_options(&argp, argc, argv, 0, NULL) != argc)
		error(EXIT_USAGE, 0, "takes no arguments but standard input");
	report.symbols = symbols_of_files();
	while ((len = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		report_add(&report, buf, (size_t)len);
		fflush(stdout);
	}
	if (len < 0)
		error(EXIT_FAILED, errno, "cannot read standard input");
	report_end(&report);
	symbols_close(report.symbols);
	if (fflush(stdout))
		error(EXIT_FAILED, errno, "cannot write");
	return 0;
}
