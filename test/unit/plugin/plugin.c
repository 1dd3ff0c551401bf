// SPDX-License-Identifier: MIT
/*
 * A library for test_module.c, in several builds with frames of another
 * PLUGIN_FRAME, so that the same address has another frame after one has been
 * unloaded and another loaded.
 */
#include <signal.h>

/* The same in all builds. In those without a build-id it lies where the others
 * have that (plugin.ld). */
__asm__(".pushsection .note.kmm, \"a\", %note\n"
	".balign 4\n"
	".long 4, 20, 1\n"
	".asciz \"KMM\"\n"
	".ascii \"alike in each build!\"\n"
	".popsection\n");

int plugin_call(int (*fn)(void *), void *arg);

/* In the middle of dlopen(): whoever has a handler for this may wait in it. */
__attribute__((constructor)) static void loaded(void)
{
	raise(SIGURG);
}

int plugin_call(int (*fn)(void *), void *arg)
{
	volatile char frame[PLUGIN_FRAME];

	frame[0] = 1;
	return fn(arg) + frame[0];
}
