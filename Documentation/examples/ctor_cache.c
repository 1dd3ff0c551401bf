// SPDX-License-Identifier: MIT
/*
 * A cache with a constructor: why object caches were invented.
 *
 *	cc ctor_cache.c $(pkg-config --cflags --libs libkmm) -o ctor_cache
 *
 * Making a connection ready is work: a lock and an empty queue have to be set
 * up. The constructor does it once for each object, when the object's slab is
 * made. From then on the object stays constructed, in use or free: whoever
 * frees it puts it back into that state (here: unlocked, queue empty), and
 * whoever allocates it finds it so.
 *
 *	slab is made  -> connection_ctor()  for every object in it, once
 *	allocate, use, free, allocate, use, free, ...	   no constructor
 *
 * So the allocator may not write into a free object with a constructor; it
 * keeps its own pointer behind it. Compare the two counts that are printed.
 *
 * Source: Bonwick, "The Slab Allocator", USENIX Summer 1994, section 2.
 */
#include <pthread.h>
#include <stdio.h>

#include <linux/slab.h>

#define NR_OPEN 50
#define NR_ROUNDS 2000

struct message {
	struct message *next;
	int text;
};

struct connection {
	/* Constructed state: unlocked and empty whenever the object is free. */
	pthread_mutex_t lock;
	struct message *queue;

	/* Not part of it: set anew by each user. */
	int peer;
	unsigned int users_before;
};

static unsigned long nr_constructed;

static void connection_ctor(void *object)
{
	struct connection *c = object;

	pthread_mutex_init(&c->lock, NULL);
	c->queue = NULL;
	c->users_before = 0;
	nr_constructed++;
}

static struct connection *open_connection(struct kmem_cache *cache, int peer)
{
	struct connection *c = kmem_cache_alloc(cache, GFP_KERNEL);

	if (c)
		c->peer = peer;
	return c;
}

static void close_connection(struct kmem_cache *cache, struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	c->queue = NULL;
	c->users_before++;
	pthread_mutex_unlock(&c->lock);
	kmem_cache_free(cache, c);
}

int main(void)
{
	struct kmem_cache_args args = {
		.align = _Alignof(struct connection),
		.ctor = connection_ctor,
	};
	unsigned long nr_allocated = 0, not_ready = 0;
	struct connection *open[NR_OPEN];
	unsigned int most_users = 0;
	struct kmem_cache *cache;
	int round, i;

	cache = kmem_cache_create("connection", sizeof(struct connection),
				  &args, 0);
	if (!cache)
		return 1;

	for (round = 0; round < NR_ROUNDS; round++) {
		for (i = 0; i < NR_OPEN; i++) {
			struct message hello = { NULL, round };

			open[i] = open_connection(cache, i);
			if (!open[i])
				return 1;
			nr_allocated++;
			/* Constructed long ago, by somebody else's use. */
			if (pthread_mutex_trylock(&open[i]->lock) ||
			    open[i]->queue)
				not_ready++;
			open[i]->queue = &hello;
			pthread_mutex_unlock(&open[i]->lock);
			if (open[i]->users_before > most_users)
				most_users = open[i]->users_before;
		}
		for (i = 0; i < NR_OPEN; i++)
			close_connection(cache, open[i]);
	}

	printf("connections opened    %8lu\n", nr_allocated);
	printf("constructor calls     %8lu   one per object of each slab\n",
	       nr_constructed);
	printf("found not ready       %8lu\n", not_ready);
	printf("uses of one object    %8u   at most, all with one construction\n",
	       most_users + 1);
	kmem_cache_destroy(cache);
	return not_ready != 0;
}
