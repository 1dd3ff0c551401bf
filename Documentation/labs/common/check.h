/* SPDX-License-Identifier: MIT */
/*
 * What all checkers of the exercises share: they run the learner's code where
 * it can do no harm, and say what is wrong in words.
 *
 *	check_run()	forks a child for each case, and waits for it
 *	  child		check_call("free(3)"), then the call, then check_return()
 *	  		check_fail() if the result breaks a rule
 *	  parent	says what happened: the rule that was broken, or the call
 *			that crashed or never returned; then draws the state
 *
 * The record of calls is in memory that both see, so it outlives a crash. So
 * must be what is drawn: take it from check_shared().
 *
 * Learners need lab.h of their exercise only.
 */
#ifndef LABS_CHECK_H
#define LABS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "begin.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/**
 * struct check_case - one case of an exercise
 * @name: what is tried, in a few words.
 * @run: runs in the child; ends early by check_fail().
 * @draw: draws the state with check_print(), in the parent, after a failure;
 *        or %NULL. It must trust nothing that the learner's code may write.
 */
struct check_case {
	const char *name;
	void (*run)(void);
	void (*draw)(void);
};

/**
 * check_run() - run all cases, print a line for each, stop at the first failure
 * @title: of the exercise.
 * @cases: the cases, simple ones first.
 * @nr: how many.
 *
 * The environment: SEED=N repeats a run, LIMIT=SECONDS sets the time that a
 * case may take, JUNIT=FILE writes the result there for a program that grades.
 *
 * Return: the exit status for main().
 */
int check_run(const char *title, const struct check_case *cases, size_t nr);

/** check_shared() - @size zeroed bytes that child and parent see; never fails. */
void *check_shared(size_t size);

/* The call that comes now, as the learner would write it. */
void check_call(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* It has returned; what it returned, for the list of calls. */
void check_return(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* Forget the calls so far: a new sequence begins. */
void check_new_sequence(void);
/* This thread records its calls apart, under the number @slot, 1 to 15. */
void check_thread(unsigned int slot);

/**
 * check_fail() - end the case: a rule is broken
 * @rule: the rule, a whole sentence.
 * @expected: what should be, a format for the arguments behind it; the part
 *            behind a newline, if any, is what is instead.
 */
void check_fail(const char *rule, const char *expected, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* What to say of a crash at [start, start + size), and the rule it breaks. */
void check_forbidden(const void *start, size_t size, const char *why,
		     const char *rule);

/* One part of a line of a drawing. */
void check_print(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* A number of [0, below), from the seed; each case starts anew. */
unsigned int check_random(unsigned int below);
/* The same for threads, each with a state of its own. */
unsigned int check_random_state(unsigned int *state, unsigned int below);


#endif /* LABS_CHECK_H */
