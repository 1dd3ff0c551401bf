/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of a process are resident.
 *
 * Rss of each mapping is from smaps. Pages within it are from pagemap, where
 * they are asked for. Pagemap also counts the pages of zeroes that a mere read
 * brings in, which Rss does not: where they disagree, those are left out that
 * may be such, in proportion.
 */
#ifndef TOOLS_KMM_RESIDENCY_H
#define TOOLS_KMM_RESIDENCY_H

#include <stdint.h>

#include "remote.h"

struct residency;

/* Ends the program with a message if it may not be read. */
struct residency *residency_read(struct remote *remote);
void residency_free(struct residency *r);

/* Rss of the whole process, as smaps_rollup has it. */
uint64_t residency_rss(const struct remote *remote);
/* Resident bytes in [start, end). */
double residency_bytes(struct residency *r, uint64_t start, uint64_t end);
/* The same, and note that [start, end) is accounted for. */
double residency_claim(struct residency *r, uint64_t start, uint64_t end);
/* Resident bytes that were not claimed. */
double residency_unclaimed(const struct residency *r);

#endif /* TOOLS_KMM_RESIDENCY_H */
