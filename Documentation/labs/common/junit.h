/* SPDX-License-Identifier: MIT */
/*
 * The result of a checker as a JUnit file, for programs that grade: a test suite
 * with a test case for each case of the exercise.
 */
#ifndef LABS_JUNIT_H
#define LABS_JUNIT_H

#include "check.h"

struct junit {
	const char *title;
	const struct check_case *cases;
	size_t nr;
	size_t passed;		/* the one behind these failed, if there is one */
	const char *rule;	/* that it broke, */
	const char *text;	/* and all that was said of it */
	const double *seconds;	/* of each that was run */
	unsigned int seed;
};

/* False, and a message: it cannot be written. */
bool junit_write(const char *path, const struct junit *junit);

#endif /* LABS_JUNIT_H */
