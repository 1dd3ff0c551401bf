// SPDX-License-Identifier: MIT
/*
 * Heap profile: which stacks allocate, and which keep, how many bytes.
 *
 *	call of malloc() ...	-> sampled?	-> stack and size -> tally
 *				   with p(size)	   address -> that tally
 *	call of free() ...	-> was the address sampled? -> that tally
 *
 * Sampling. Imagine all bytes that a thread allocates laid end to end, and on
 * them points at random, on average one per `rate` bytes, independent of each
 * other (a Poisson process). An allocation is sampled if a point hits it:
 *
 *	p(size) = 1 - exp(-size / rate)		size 0 counts as 1
 *
 * So it takes one subtraction per allocation: of the bytes that are left up to
 * the next point. That distance is exponentially distributed, and has no memory:
 * after a sample it is simply drawn anew.
 *
 * Estimator. An allocation that was sampled stands for 1/p(size) of its size,
 * itself among them (Horvitz and Thompson, 1952). Since each is sampled with
 * probability p, independently, the sum over the samples of
 *
 *	objects:  1 / p(size)		bytes:	size / p(size)
 *
 * is on average exactly the true number, for any mix of sizes, whichever of the
 * samples are summed up: by stack, all or those not yet freed. The variance of
 * the sum of bytes is the sum over all allocations of size^2 (1-p)/p, which is at
 * most rate * bytes: 1 GiB from one place is found as 1 GiB +- 24 MiB (one
 * standard deviation) at 512 KiB per sample. Tallies are by stack and size, so
 * that they hold plain counts; who reads them divides by p(size).
 *
 * With a rate of 1, p is taken to be 1: each allocation is counted, and the sums
 * are exact.
 *
 * Why a watcher, which costs the sheaves: to be unbiased, each allocation must
 * have its chance, and each free be looked up. Those that reach the slow paths by
 * themselves are another population: what is freed soon hardly ever does.
 *
 * An address that is freed by a part (split_page(), free_pages_exact() of less)
 * is taken out with its first page.
 *
 * Memory:	the host's, one tally (64 bytes) per stack and size, 32 bytes or
 *		so per sampled block that is not yet freed. If there is none, the
 *		sample is dropped, and counted.
 * Context:	watch.h. In a forked child, all goes on with its own copy.
 * Source:	Go's runtime/mprof.go has buckets by stack and size; the points
 *		are tcmalloc's and jemalloc's. The report is the text format of
 *		gperftools, "heap_v2", which pprof reads as it is.
 * Not here:	names of functions, other formats, and the division by p: kmm
 *		profile.
 */
#include <fcntl.h>

#include "../lib/addr_map.h"
#include "../lib/cmdline.h"
#include "../lib/gate.h"
#include "../lib/host.h"
#include "../lib/stackdepot.h"
#include "internal.h"
#include "profile.h"

struct tally_table heap_profile = TALLY_TABLE_INIT;

static struct addr_map sampled;
static _Atomic u64 nr_dropped;

/* Of each thread. All zero before its first allocation: then what is left up to
 * the next point is not drawn yet. */
static __thread struct {
	u64 left;
	u64 random;
} sampler;

/* Sampling ---------------------------------------------------------------- */

/* Splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
static u64 next_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* How many numbers up to the first that is larger than the one before. */
static unsigned int descending_run(u64 *state, u64 first)
{
	unsigned int nr = 1;
	u64 last = first, next;

	for (;;) {
		next = next_random(state);
		nr++;
		if (next > last)
			return nr;
		last = next;
	}
}

/*
 * Bytes up to the next point: 1 more than the whole part of an exponentially
 * distributed number with mean @rate. So P(distance > n) = exp(-n / rate), for
 * each n, which is what p(size) above is made of.
 *
 * By comparisons alone (von Neumann, 1951): given u in [0, 1), a run that begins
 * with it has more than m numbers with probability u^(m-1)/(m-1)!; so it has an
 * even number of them with 1 - u + u^2/2! - ... = exp(-u). Then u is taken as the
 * fraction, and the number of rejections, each of probability 1/e, as the whole.
 */
u64 heap_profile_distance(u64 *state, u64 rate)
{
	u64 whole = 0, fraction;

	for (;;) {
		fraction = next_random(state);
		if (descending_run(state, fraction) % 2 == 0)
			break;
		whole++;
	}
	return whole * rate +
	       (u64)(((unsigned __int128)fraction * rate) >> 64) + 1;
}

static void seed_sampler(void)
{
	sampler.random = host_random() ^ (u64)(unsigned long)&sampler ^
			 ((u64)host_gettid() << 32) ^ host_clock_precise();
	sampler.left = heap_profile_distance(&sampler.random,
					     kmm_params.profile);
}

static bool is_sampled(size_t size)
{
	if (kmm_params.profile == 1)
		return true;
	if (!size)
		size = 1;
	if (unlikely(!sampler.left))
		seed_sampler();
	if (likely(sampler.left > size)) {
		sampler.left -= size;
		return false;
	}
	sampler.left = heap_profile_distance(&sampler.random,
					     kmm_params.profile);
	return true;
}

/* Counting ---------------------------------------------------------------- */

static void forget(const void *p)
{
	struct addr_entry entry;

	if (addr_map_remove(&sampled, (unsigned long)p, &entry))
		tally_free(entry.owner, entry.size);
}

static void remember(const struct watch_call *call)
{
	struct addr_entry entry = {
		.addr = (unsigned long)call->result,
		.size = call->size,
	}, old;
	depot_stack_handle_t stack = save_stack(call->caller);

	entry.owner = tally_get(&heap_profile, stack, call->size);
	if (!entry.owner || !addr_map_insert(&sampled, &entry, &old)) {
		atomic_fetch_add_explicit(&nr_dropped, 1, memory_order_relaxed);
		return;
	}
	tally_alloc(entry.owner, call->size);
	/* Freed without our knowledge, if ever. */
	if (unlikely(old.addr))
		tally_free(old.owner, old.size);
}

static void profile_call(const struct watch_call *call)
{
	gate_enter();
	if (watch_frees(call))
		forget(call->old);
	if (call->result && is_sampled(call->size))
		remember(call);
	gate_exit();
}

/* Report ------------------------------------------------------------------ */

static void show_numbers(struct seq_file *m, struct tally_live live,
			 u64 nr_allocs, u64 alloc_bytes)
{
	seq_printf(m, "%6llu: %8llu [%6llu: %8llu] @",
		   (unsigned long long)live.objects,
		   (unsigned long long)live.bytes,
		   (unsigned long long)nr_allocs,
		   (unsigned long long)alloc_bytes);
}

static void show_tally(struct seq_file *m, struct tally *tally)
{
	const unsigned long *entries;
	unsigned int nr, i;

	show_numbers(m, tally_live(tally), atomic_load(&tally->nr_allocs),
		     atomic_load(&tally->alloc_bytes));
	nr = stack_depot_fetch((depot_stack_handle_t)tally->key[0], &entries);
	for (i = 0; i < nr; i++)
		seq_printf(m, " 0x%lx", entries[i]);
	seq_puts(m, "\n");
}

void heap_profile_show(struct seq_file *m)
{
	u64 dropped = atomic_load(&nr_dropped), nr_allocs = 0, alloc_bytes = 0;
	struct tally_live live = { 0, 0 }, one;
	struct tally *tally;
	/* Acquire: pairs with the release in tally_get(). */
	u32 i, nr = atomic_load_explicit(&heap_profile.nr, memory_order_acquire);

	for (i = 0; i < nr; i++) {
		tally = tally_at(&heap_profile, i);
		one = tally_live(tally);
		live.objects += one.objects;
		live.bytes += one.bytes;
		nr_allocs += atomic_load(&tally->nr_allocs);
		alloc_bytes += atomic_load(&tally->alloc_bytes);
	}
	seq_puts(m, "heap profile: ");
	show_numbers(m, live, nr_allocs, alloc_bytes);
	seq_printf(m, " heap_v2/%llu\n",
		   (unsigned long long)kmm_params.profile);
	if (dropped)
		seq_printf(m, "# %llu samples dropped: no memory\n",
			   (unsigned long long)dropped);
	for (i = 0; i < nr; i++)
		show_tally(m, tally_at(&heap_profile, i));
}

/* Files ------------------------------------------------------------------- */

/* @path with the process number for %p; cut if it is too long for any file. */
static void expand_path(char *to, size_t size, const char *path)
{
	size_t len = 0;

	for (; *path && len + 1 < size; path++) {
		if (path[0] == '%' && path[1] == 'p') {
			len += (size_t)kmm_snprintf(to + len, size - len, "%d",
						    host_getpid());
			path++;
		} else {
			to[len++] = *path;
		}
	}
	to[len < size ? len : size - 1] = '\0';
}

static void show_mappings(struct seq_file *m)
{
	char buf[1025];
	long len, offset = 0;

	seq_puts(m, "\nMAPPED_LIBRARIES:\n");
	while ((len = host_read_file("/proc/self/maps", buf, sizeof(buf) - 1,
				     offset)) > 0) {
		buf[len] = '\0';
		seq_puts(m, buf);
		offset += len;
	}
}

void profile_write(const char *path, void (*show)(struct seq_file *m))
{
	struct seq_file m;
	char name[4096];
	int fd, err;

	expand_path(name, sizeof(name), path);
	fd = host_open(name, O_WRONLY | O_CREAT | O_TRUNC);
	err = fd;
	if (fd >= 0) {
		seq_open(&m, fd);
		show(&m);
		show_mappings(&m);
		err = seq_close(&m);
		host_close(fd);
	}
	if (err < 0)
		printk("WARNING: cannot write the profile to %s: error %d\n",
		       name, -err);
}

static void write_at_exit(void)
{
	profile_write(param_text(kmm_params.profile_file), heap_profile_show);
}

/* Boot -------------------------------------------------------------------- */

void heap_profile_init(void)
{
	if (!kmm_params.profile)
		return;
	addr_map_init(&sampled);
	watch_register(profile_call);
	if (kmm_params.profile_file)
		watch_at_exit(write_at_exit);
}

int __init profile_init(void)
{
	heap_profile_init();
	alloc_tag_init();
	return 0;
}
