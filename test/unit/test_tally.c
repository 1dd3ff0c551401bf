// SPDX-License-Identifier: MIT
/*
 * Tests of lib/addr_map.c and lib/tally.c, against models of a few lines.
 */
#include <pthread.h>
#include <stdlib.h>

#include "addr_map.h"
#include "host.h"
#include "tally.h"
#include "unit.h"

#define NR_ADDRS 5000

static struct addr_map map;

/* Many of them fall into few slots: that is where holes are closed. */
static unsigned long addr_of(unsigned int i)
{
	return (i + 1) * 16ul;
}

START_TEST(addr_map_is_as_an_array)
{
	static size_t model[NR_ADDRS];	/* size; 0: no entry */
	int step, steps = test_rounds(50000);

	addr_map_init(&map);
	for (step = 0; step < steps; step++) {
		/* Grows, and then shrinks to nothing. */
		bool insert = test_random() % 100 <
			      (step < steps / 2 ? 60u : 30u);
		unsigned int i = (unsigned int)(test_random() % NR_ADDRS);
		struct addr_entry entry = {
			.addr = addr_of(i), .size = (size_t)step + 1,
		}, old;

		if (insert) {
			ck_assert(addr_map_insert(&map, &entry, &old));
			ck_assert_uint_eq(old.addr, model[i] ? addr_of(i) : 0);
			model[i] = entry.size;
		} else {
			ck_assert_int_eq(addr_map_remove(&map, addr_of(i), &old),
					 model[i] != 0);
			model[i] = 0;
			continue;
		}
		if (old.addr)
			ck_assert_uint_lt(old.size, entry.size);
	}
	for (step = 0; step < NR_ADDRS; step++) {
		struct addr_entry entry;

		ck_assert_int_eq(addr_map_remove(&map, addr_of((unsigned int)step),
						 &entry), model[step] != 0);
		if (model[step])
			ck_assert_uint_eq(entry.size, model[step]);
	}
}
END_TEST

START_TEST(addr_map_without_memory_keeps_what_it_has)
{
	struct addr_entry entry = { .size = 1 }, old;
	unsigned int nr, i;

	addr_map_init(&map);
	for (i = 0; i < 1000; i++) {
		entry.addr = addr_of(i);
		ck_assert(addr_map_insert(&map, &entry, &old));
	}
	host_fail_nth = 1;
	for (nr = 1000;; nr++) {
		entry.addr = addr_of(nr);
		if (!addr_map_insert(&map, &entry, &old))
			break;
	}
	host_fail_nth = 0;
	for (i = 0; i < nr; i++)
		ck_assert(addr_map_remove(&map, addr_of(i), &old));
	ck_assert(!addr_map_remove(&map, addr_of(nr), &old));
	ck_assert(addr_map_insert(&map, &entry, &old));
}
END_TEST

static struct tally_table table = TALLY_TABLE_INIT;

#define NR_KEYS 3000u		/* three chunks, and two indices replaced */
#define NR_THREADS 4

static void *count_all(void *arg)
{
	u64 i;

	(void)arg;
	for (i = 0; i < NR_KEYS; i++) {
		struct tally *tally = tally_get(&table, i / 7, i % 7);

		tally_alloc(tally, i);
		if (i % 2)
			tally_free(tally, i);
	}
	return NULL;
}

START_TEST(tally_counts_of_threads_add_up)
{
	pthread_t threads[NR_THREADS];
	bool seen[NR_KEYS] = { false };
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, count_all, NULL);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(table.nr, NR_KEYS);
	for (i = 0; i < NR_KEYS; i++) {
		struct tally *tally = tally_at(&table, i);
		u64 key = tally->key[0] * 7 + tally->key[1];

		ck_assert_uint_lt(key, NR_KEYS);
		ck_assert(!seen[key]);
		seen[key] = true;
		ck_assert_uint_eq(tally->index, i);
		ck_assert_ptr_eq(tally_get(&table, tally->key[0], tally->key[1]),
				 tally);
		ck_assert_uint_eq(tally->nr_allocs, NR_THREADS);
		ck_assert_uint_eq(tally->alloc_bytes, NR_THREADS * key);
		ck_assert_uint_eq(tally_live(tally).objects,
				  key % 2 ? 0 : NR_THREADS);
		ck_assert_uint_eq(tally_live(tally).bytes,
				  key % 2 ? 0 : NR_THREADS * key);
	}
}
END_TEST

START_TEST(tally_without_memory_is_none)
{
	unsigned int nr = 0;

	host_fail_nth = 1;
	while (tally_get(&table, 1, 1000000 + nr))
		nr++;
	host_fail_nth = 0;
	ck_assert_ptr_nonnull(tally_get(&table, 1, 1000000 + nr));
	if (nr)
		ck_assert_uint_eq(tally_get(&table, 1, 1000000)->key[1], 1000000);
}
END_TEST

Suite *suite_tally(void)
{
	Suite *s = suite_create("tally");
	TCase *tc = tcase_create("addresses");

	tcase_add_test(tc, addr_map_is_as_an_array);
	tcase_add_test(tc, addr_map_without_memory_keeps_what_it_has);
	suite_add_tcase(s, tc);
	tc = tcase_create("tallies");
	tcase_add_test(tc, tally_counts_of_threads_add_up);
	tcase_add_test(tc, tally_without_memory_is_none);
	suite_add_tcase(s, tc);
	return s;
}
