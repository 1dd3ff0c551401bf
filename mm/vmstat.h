/* SPDX-License-Identifier: MIT */
/*
 * What the two report files share. Nobody else needs it: callers of the
 * library have kmm_show().
 */
#ifndef MM_VMSTAT_H
#define MM_VMSTAT_H

#include "report_format.h"

/* mm/slabinfo.c; both enter the fork gate themselves. */
void slabinfo_show(struct seq_file *m);
void count_slab_pages(struct slab_pages *pages);

#endif /* MM_VMSTAT_H */
