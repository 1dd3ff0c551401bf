// SPDX-License-Identifier: MIT
/* A program with the anchor of a version that does not exist. */
#include <kmm/anchor.h>
#include <stdio.h>
#include <unistd.h>

const struct kmm_anchor kmm_anchor = {
	.magic = KMM_ANCHOR_MAGIC,
	.version = 1000,
	.size = sizeof(kmm_anchor),
};

int main(void)
{
	puts("ready");
	fflush(stdout);
	return pause();
}
