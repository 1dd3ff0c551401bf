// SPDX-License-Identifier: MIT
/*
 * A thread cache over a central heap: the lecture's picture of tcmalloc. Each
 * thread has a list of free blocks per size class, which nobody else looks at;
 * so most calls take no lock. Only a batch of blocks at a time goes from or to
 * the central lists, under the one lock.
 *
 *	thread 0: class 16: o o		alloc: one from here, no lock
 *	thread 1: class 16:		empty: BATCH from the central list
 *	central:  class 16: o o o	empty: cut from what was never used
 *
 *	free:	to the list of the thread that frees; longer than 2 * BATCH:
 *		a batch goes back
 *
 * Classes are powers of two from 8. What one class has cut from the arena stays
 * with it: pages ("spans") that go back to a common heap are left out here.
 * mm/sheaf.c has the same idea per CPU.
 *
 * Cost:	constant, and a lock once a batch.
 * Invariants:	T1  a list holds blocks of its class only
 *		T2  no thread has more than 2 * BATCH of a class
 * Locks:	heap->lock: the central lists, what was never used, and the
 *		boundaries of blocks. A thread's lists are its own.
 * Source:	S. Ghemawat, P. Menage, TCMalloc: Thread-Caching Malloc, 2005;
 *		J. Bonwick, J. Adams, Magazines and Vmem, USENIX 2001.
 */
#include <stdio.h>

#include "../strategy.h"

#define BATCH 4
#define MIN_SHIFT 3
#define NR_CLASSES 32

struct cache {
	struct block *list[NR_CLASSES];
	unsigned int length[NR_CLASSES];
} __attribute__((aligned(64)));

struct thread_cache {
	struct heap heap;
	struct block *central[NR_CLASSES];
	struct block *unused;		/* the end of the arena */
	struct cache threads[LAB_MAX_THREADS];
};

static struct thread_cache *self(struct heap *heap)
{
	return (struct thread_cache *)heap;
}

static unsigned int class_of(size_t size)
{
	unsigned int shift = log2_up(size);

	return shift < MIN_SHIFT ? 0 : shift - MIN_SHIFT;
}

static size_t class_size(unsigned int class)
{
	return (size_t)1 << (class + MIN_SHIFT);
}

static void thread_cache_init(struct heap *heap)
{
	self(heap)->unused = block_append(heap, 0, heap->arena);
}

/* With the lock: a block of the class, from the central list or cut. */
static struct block *central_take(struct heap *heap, unsigned int class)
{
	struct block *block = self(heap)->central[class];
	size_t size = class_size(class);

	if (block) {
		list_remove(&self(heap)->central[class], block);
		return block;
	}
	block = self(heap)->unused;
	if (!block || block->size < size)
		return NULL;
	self(heap)->unused = block->size > size ?
				     block_split(heap, block, size) : NULL;
	return block;
}

static void central_lock(struct heap *heap)
{
	pthread_mutex_lock(&heap->lock);
	lab_steps.locks++;
}

static void refill(struct heap *heap, struct cache *cache, unsigned int class)
{
	struct block *block;

	central_lock(heap);
	while (cache->length[class] < BATCH &&
	       (block = central_take(heap, class)) != NULL) {
		list_push(&cache->list[class], block);
		cache->length[class]++;
	}
	pthread_mutex_unlock(&heap->lock);
}

static void flush(struct heap *heap, struct cache *cache, unsigned int class,
		  unsigned int nr)
{
	struct block *block;

	central_lock(heap);
	for (; nr; nr--) {
		block = cache->list[class];
		list_remove(&cache->list[class], block);
		cache->length[class]--;
		list_push(&self(heap)->central[class], block);
	}
	pthread_mutex_unlock(&heap->lock);
}

static struct block *thread_cache_alloc(struct heap *heap, size_t size,
					unsigned int thread)
{
	struct cache *cache = &self(heap)->threads[thread];
	unsigned int class = class_of(size);
	struct block *block;

	if (class >= NR_CLASSES)
		return NULL;
	if (!cache->list[class])
		refill(heap, cache, class);
	block = cache->list[class];
	if (!block)
		return NULL;
	lab_steps.visited++;
	list_remove(&cache->list[class], block);
	cache->length[class]--;
	return block;
}

static void thread_cache_free(struct heap *heap, struct block *block,
			      unsigned int thread)
{
	struct cache *cache = &self(heap)->threads[thread];
	unsigned int class = class_of(block->size);

	list_push(&cache->list[class], block);
	if (++cache->length[class] > 2 * BATCH)
		flush(heap, cache, class, BATCH);
}

static void thread_cache_drain(struct heap *heap)
{
	unsigned int thread, class;

	for (thread = 0; thread < LAB_MAX_THREADS; thread++) {
		struct cache *cache = &self(heap)->threads[thread];

		for (class = 0; class < NR_CLASSES; class++)
			if (cache->length[class])
				flush(heap, cache, class, cache->length[class]);
	}
}

/* Unused first, then all central lists, then all threads'. */
static bool thread_cache_list(struct heap *heap, unsigned int i,
			      const char **name, struct block **first)
{
	static char text[48];
	unsigned int thread, class;

	*name = "unused";
	*first = self(heap)->unused;
	if (i-- == 0)
		return true;
	thread = i / NR_CLASSES;
	class = i % NR_CLASSES;
	if (thread > LAB_MAX_THREADS)
		return false;
	if (!thread) {
		snprintf(text, sizeof(text), "central %zu", class_size(class));
		*first = self(heap)->central[class];
	} else {
		snprintf(text, sizeof(text), "thread %u %zu", thread - 1,
			 class_size(class));
		*first = self(heap)->threads[thread - 1].list[class];
	}
	*name = text;
	return true;
}

static const char *check_list(const struct block *block, unsigned int class,
			      unsigned int *length)
{
	for (*length = 0; block; block = block->link, ++*length)
		if (block->size != class_size(class))
			return "T1: a list has a block of another class";
	return NULL;
}

static const char *thread_cache_check(struct heap *heap)
{
	unsigned int thread, class, length;
	const char *bad;

	for (class = 0; class < NR_CLASSES; class++) {
		bad = check_list(self(heap)->central[class], class, &length);
		for (thread = 0; !bad && thread < LAB_MAX_THREADS; thread++) {
			struct cache *cache = &self(heap)->threads[thread];

			bad = check_list(cache->list[class], class, &length);
			if (length != cache->length[class] ||
			    length > 2 * BATCH)
				bad = "T2: the length of a list is wrong";
		}
		if (bad)
			return bad;
	}
	return NULL;
}

const struct strategy thread_cache = {
	.name = "thread-cache",
	.title = "thread caches over a central heap: the picture of tcmalloc",
	.file = __FILE__,
	.heap_size = sizeof(struct thread_cache),
	.locks_itself = true,
	.init = thread_cache_init,
	.alloc = thread_cache_alloc,
	.free = thread_cache_free,
	.list = thread_cache_list,
	.check = thread_cache_check,
	.drain = thread_cache_drain,
};
