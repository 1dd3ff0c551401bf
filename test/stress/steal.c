// SPDX-License-Identifier: MIT
/*
 * Sheaves taken away from CPUs that are using them: some threads churn, one
 * calls kmem_cache_shrink() and kmm_trim() all the time. Each call takes main
 * and spare of every CPU, while the sequences on that CPU go on.
 */
#define _GNU_SOURCE
#include "stress.h"

#define CHURNERS 4

static unsigned long shrinks, trims;

static void *take_away(void *arg)
{
	unsigned long state = seed ^ 0x5eed;

	(void)arg;
	while (!atomic_load(&stop)) {
		if (next_random(&state) % 64 == 0) {
			kmm_trim();
			trims++;
		} else {
			kmem_cache_shrink(churn_caches[next_random(&state) %
						       CHURN_CACHES]);
			shrinks++;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct churn churns[CHURNERS];
	pthread_t thread[CHURNERS], taker;
	unsigned long before, steps = 0;
	unsigned int i;

	stress_begin(argc, argv, 4);
	kmm_trim();
	before = pages_in_use();
	churn_create_caches();
	for (i = 0; i < CHURNERS; i++) {
		churn_begin(&churns[i], i);
		CHECK(!pthread_create(&thread[i], NULL, churn_until_stop, &churns[i]));
	}
	CHECK(!pthread_create(&taker, NULL, take_away, NULL));
	sleep((unsigned int)nr_wanted);
	atomic_store(&stop, true);
	pthread_join(taker, NULL);
	for (i = 0; i < CHURNERS; i++) {
		pthread_join(thread[i], NULL);
		steps += churns[i].steps;
	}
	validate_all();
	churn_destroy_caches();
	kmm_trim();
	validate_all();
	CHECK(pages_in_use() == before);
	printf("%s: %lu steps against %lu shrinks and %lu trims, seed %lu\n",
	       program, steps, shrinks, trims, seed);
	return 0;
}
