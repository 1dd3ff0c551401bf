/* SPDX-License-Identifier: MIT */
/*
 * Exercise 04: which order, which size class, and what is wasted.
 */
#ifndef LAB_04_H
#define LAB_04_H

#include "begin.h"

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096UL

/**
 * get_order() - the smallest order whose block holds @size bytes
 * @size: bytes, 1 to SIZE_MAX.
 */
unsigned int get_order(size_t size);

/**
 * size_index() - the class that serves a request
 * @table: the sizes of the classes in bytes, ascending.
 * @nr: how many.
 * @size: bytes, at least 1.
 *
 * Return: the index of the smallest class that is large enough; -1 if none is.
 */
int size_index(const size_t *table, unsigned int nr, size_t size);

/**
 * unused() - internal fragmentation: bytes of the class that @size leaves unused
 *
 * @size is at most the largest class.
 */
size_t unused(const size_t *table, unsigned int nr, size_t size);

/**
 * worst_percent() - the worst of unused() as a part of the class, in percent
 *
 * Over all sizes above table[0] up to table[nr - 1], rounded down.
 */
unsigned int worst_percent(const size_t *table, unsigned int nr);

#endif /* LAB_04_H */
