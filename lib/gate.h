/* SPDX-License-Identifier: MIT */
/*
 * The fork gate: fork() waits until no thread is inside a slow path.
 *
 * A child of fork() has one thread. A lock that another thread held, or a
 * sheaf it had taken into private hands, would stay so for ever in the child.
 * So every entry to a slow path (the only places that take locks or hold
 * objects privately) is between gate_enter() and gate_exit(), and fork()'s
 * prepare handler closes the gate and waits until everybody has left. Fast
 * paths need no gate: they commit with one store, and what fork() copies of
 * each thread is a prefix of its program order.
 *
 * The alternative, taking every lock of every cache in prepare, costs a lock
 * hold per cache and CPU at each fork, and cannot see private sheaves.
 *
 * Nesting is counted per thread, so a slow path may call another. The forking
 * thread counts as inside while the gate is closed: handlers that run between
 * prepare and fork, and after it, may allocate.
 */
#ifndef LIB_GATE_H
#define LIB_GATE_H

#include "compiler.h"

void gate_enter(void);
void gate_exit(void);

/* fork handlers, in the thread that forks. */
void gate_close(void);
void gate_open_parent(void);
void gate_open_child(void);

/* This thread, if it is inside, is not waited for any more: it aborts, and what
 * handles the SIGABRT may do anything. */
void gate_abandon(void);

/* Is this thread inside? For debug checks. */
bool gate_held(void);

#endif /* LIB_GATE_H */
