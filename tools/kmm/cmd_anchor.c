// SPDX-License-Identifier: MIT
/*
 * kmm anchor: which heap the other commands would read, and where its roots
 * are. The smallest command that reads another process, so the one to copy.
 */
#include <stdio.h>

#include "kmm.h"
#include "remote.h"

static const struct argp argp = {
	.args_doc = "PID|CORE",
	.doc = "Shows where the heap of a process or of a core file begins: "
	       "the module it belongs to, the anchor, and its roots.",
};

int cmd_anchor(int argc, char **argv)
{
	int next = parse_options(&argp, argc, argv, 0, NULL);
	struct kmm_anchor_root root;
	struct remote *r;
	unsigned int i;

	if (next != argc - 1)
		error(EXIT_USAGE, 0, "needs one process number or core file");
	r = remote_open(argv[next]);
	remote_find_heap(r);
	printf("module  %s\n", remote_heap_module(r));
	printf("anchor  %#lx, version %u\n", (unsigned long)remote_anchor(r),
	       KMM_ANCHOR_VERSION);
	if (remote_heap_is_up(r))
		printf("pages   %lu bytes\n", 1ul << remote_page_shift(r));
	else
		printf("pages   none yet: nothing has been allocated\n");
	printf("\n# %-16s %-18s %8s %8s\n", "root", "address", "size",
	       "count");
	for (i = 0; remote_root_at(r, i, &root); i++)
		printf("  %-16s %-18p %8u %8u\n", root.name, root.address,
		       root.size, root.count);
	remote_close(r);
	return 0;
}
