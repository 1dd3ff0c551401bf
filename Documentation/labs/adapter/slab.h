/* SPDX-License-Identifier: MIT */
/*
 * The name under which an assignment's main.c includes its interface.
 */
#include "course.h"
