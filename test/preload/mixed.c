// SPDX-License-Identifier: MIT
/*
 * The mixed workload as a program of its own, for runs under limits, in a
 * sandbox, with odd parameters, and statically linked.
 */
#define _GNU_SOURCE
#include "mixed.h"

int main(int argc, char **argv)
{
	alarm(TEST_TIMEOUT_S);
	mixed_workload(argc > 1 ? atoi(argv[1]) : 2);
	puts("mixed workload done");
	return 0;
}
