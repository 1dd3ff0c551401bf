// SPDX-License-Identifier: MIT
/*
 * Rss by mapping, and by page.
 *
 *	smaps		start-end ... / Rss: N kB
 *	pagemap		a word a page: bit 63 it is there, bit 61 of a file or
 *			shared, bit 56 mapped by this process alone
 *
 * An anonymous page that is not exclusive is shared with a forked process, or the
 * page of zeroes. Of a mapping with such pages, E bytes surely resident and M of
 * such, (Rss - E) / M is how much of each counts.
 *
 * Source: the kernel's Documentation/admin-guide/mm/pagemap.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmm.h"
#include "residency.h"

#define PM_PRESENT (1ull << 63)
#define PM_FILE (1ull << 61)
#define PM_EXCLUSIVE (1ull << 56)

enum page_state { PAGE_ABSENT, PAGE_RESIDENT, PAGE_MAYBE };

struct vma {
	uint64_t start, end;
	uint64_t rss;
	double claimed;
	double weight;		/* of a page that is PAGE_MAYBE */
	uint8_t *pages;		/* enum page_state; NULL: not asked for yet */
};

struct residency {
	struct remote *remote;
	struct vma *vmas;	/* ascending */
	size_t nr_vmas;
	uint64_t page_size;
	int pagemap;
};

static FILE *open_proc(const struct remote *remote, const char *name)
{
	char *path = xasprintf("/proc/%d/%s", remote_pid(remote), name);
	FILE *file = fopen(path, "re");

	if (!file && (errno == ENOENT || errno == ESRCH))
		remote_ended(remote);
	if (!file)
		error(EXIT_FAILED, errno, "cannot read %s", path);
	free(path);
	return file;
}

static void read_smaps(struct residency *r)
{
	unsigned long start, end, kb;
	FILE *smaps = open_proc(r->remote, "smaps");
	char *line = NULL;
	size_t size = 0, max = 0;

	while (getline(&line, &size, smaps) > 0) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			if (r->nr_vmas == max) {
				max = max ? 2 * max : 256;
				r->vmas = xrealloc(r->vmas,
						   max * sizeof(*r->vmas));
			}
			r->vmas[r->nr_vmas++] = (struct vma){ .start = start,
							      .end = end };
		} else if (r->nr_vmas && sscanf(line, "Rss: %lu kB", &kb) == 1) {
			r->vmas[r->nr_vmas - 1].rss = (uint64_t)kb << 10;
		}
	}
	free(line);
	fclose(smaps);
	/* Of a process that has ended it is empty. */
	if (!r->nr_vmas)
		remote_ended(r->remote);
}

uint64_t residency_rss(const struct remote *remote)
{
	FILE *rollup = open_proc(remote, "smaps_rollup");
	unsigned long kb = 0;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, rollup) > 0)
		if (sscanf(line, "Rss: %lu kB", &kb) == 1)
			break;
	free(line);
	fclose(rollup);
	return (uint64_t)kb << 10;
}

struct residency *residency_read(struct remote *remote)
{
	struct residency *r = xcalloc(1, sizeof(*r));
	char *path = xasprintf("/proc/%d/pagemap", remote_pid(remote));

	r->remote = remote;
	r->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	r->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (r->pagemap < 0 && errno == ENOENT)
		remote_ended(remote);
	if (r->pagemap < 0)
		error(EXIT_FAILED, errno, "cannot read %s", path);
	free(path);
	read_smaps(r);
	return r;
}

void residency_free(struct residency *r)
{
	size_t i;

	for (i = 0; i < r->nr_vmas; i++)
		free(r->vmas[i].pages);
	free(r->vmas);
	close(r->pagemap);
	free(r);
}

static uint8_t page_state(uint64_t word)
{
	if (!(word & PM_PRESENT))
		return PAGE_ABSENT;
	return word & (PM_FILE | PM_EXCLUSIVE) ? PAGE_RESIDENT : PAGE_MAYBE;
}

/* Pages of a mapping. Where pagemap ends early, the rest is absent. */
static void read_pages(struct residency *r, struct vma *vma)
{
	uint64_t nr = (vma->end - vma->start) / r->page_size, i = 0;
	uint64_t sure = 0, maybe = 0, words[4096];
	size_t want;
	ssize_t got, n;

	vma->pages = xcalloc(nr, 1);
	while (i < nr) {
		want = nr - i < 4096 ? nr - i : 4096;
		got = pread(r->pagemap, words, want * sizeof(words[0]),
			    (off_t)((vma->start / r->page_size + i) *
				    sizeof(words[0])));
		if (got <= 0)
			break;
		for (n = 0; n < got / (ssize_t)sizeof(words[0]); n++, i++) {
			vma->pages[i] = page_state(words[n]);
			sure += vma->pages[i] == PAGE_RESIDENT;
			maybe += vma->pages[i] == PAGE_MAYBE;
		}
	}
	sure *= r->page_size;
	maybe *= r->page_size;
	vma->weight = !maybe || vma->rss >= sure + maybe ? 1 :
		      vma->rss <= sure ? 0 :
		      (double)(vma->rss - sure) / (double)maybe;
}

/* The first mapping that ends behind @address. */
static struct vma *find_vma(const struct residency *r, uint64_t address)
{
	size_t low = 0, high = r->nr_vmas, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (r->vmas[mid].end > address)
			high = mid;
		else
			low = mid + 1;
	}
	return &r->vmas[low];
}

/* Of a part of one mapping. */
static double part_bytes(struct residency *r, struct vma *vma, uint64_t start,
			 uint64_t end)
{
	uint64_t page, next;
	double bytes = 0;

	if (!vma->rss)
		return 0;
	if (!vma->pages)
		read_pages(r, vma);
	for (; start < end; start = next) {
		page = (start - vma->start) / r->page_size;
		next = vma->start + (page + 1) * r->page_size;
		if (next > end)
			next = end;
		if (vma->pages[page] == PAGE_RESIDENT)
			bytes += (double)(next - start);
		else if (vma->pages[page] == PAGE_MAYBE)
			bytes += (double)(next - start) * vma->weight;
	}
	return bytes;
}

static double bytes_of(struct residency *r, uint64_t start, uint64_t end,
		       bool claim)
{
	struct vma *vma = find_vma(r, start);
	uint64_t from, to;
	double bytes = 0, part;

	for (; vma < r->vmas + r->nr_vmas && vma->start < end; vma++) {
		from = start > vma->start ? start : vma->start;
		to = end < vma->end ? end : vma->end;
		part = part_bytes(r, vma, from, to);
		if (claim)
			vma->claimed += part;
		bytes += part;
	}
	return bytes;
}

double residency_bytes(struct residency *r, uint64_t start, uint64_t end)
{
	return bytes_of(r, start, end, false);
}

double residency_claim(struct residency *r, uint64_t start, uint64_t end)
{
	return bytes_of(r, start, end, true);
}

double residency_unclaimed(const struct residency *r)
{
	const struct vma *vma;
	double bytes = 0;

	for (vma = r->vmas; vma < r->vmas + r->nr_vmas; vma++)
		if ((double)vma->rss > vma->claimed)
			bytes += (double)vma->rss - vma->claimed;
	return bytes;
}
