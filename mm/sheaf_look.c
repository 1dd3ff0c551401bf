// SPDX-License-Identifier: MIT
/*
 * Looking at sheaves: counting what is in them, finding an object, checking the
 * invariants. Reads only.
 *
 * A main's size may change while it is looked at, since sequences take no lock; the
 * slots below a size that was read are never out of the array.
 *
 * Lock order:	pcs->lock, or barn->lock; not both. Waited for.
 * Context:	any, but where the thread holds one of those.
 */
#include "sheaf.h"

/* The locks keep sheaves from being replaced and freed. A thread that is alone
 * takes none: it would write to what it may share with its parent process. */
bool for_each_sheaf(struct kmem_cache *s,
		    bool (*fn)(struct slab_sheaf *sheaf, void *arg), void *arg)
{
	struct slub_percpu_sheaves *pcs;
	struct slab_sheaf *sheaf;
	bool found = false, alone = single_threaded();
	unsigned int cpu;

	if (!s->sheaf_capacity)
		return false;
	for_each_used_cpu(cpu) {
		pcs = sheaf_slot(s, cpu);
		if (!READ_ONCE(pcs->main) && !READ_ONCE(pcs->spare))
			continue;
		if (!alone)
			spin_lock(&pcs->lock);
		if (pcs->main)
			found |= fn(pcs->main, arg);
		if (pcs->spare)
			found |= fn(pcs->spare, arg);
		if (!alone)
			spin_unlock(&pcs->lock);
	}
	if (!alone)
		spin_lock(&s->barn.lock);
	for (sheaf = s->barn.full; sheaf; sheaf = sheaf->next)
		found |= fn(sheaf, arg);
	if (!alone)
		spin_unlock(&s->barn.lock);
	return found;
}

static bool add_size(struct slab_sheaf *sheaf, void *arg)
{
	*(unsigned long *)arg += READ_ONCE(sheaf->size);
	return false;
}

unsigned long sheaf_count_objects(struct kmem_cache *s)
{
	unsigned long count = 0;

	for_each_sheaf(s, add_size, &count);
	return count;
}

static bool holds_object(struct slab_sheaf *sheaf, void *arg)
{
	u32 i, size = READ_ONCE(sheaf->size);

	for (i = 0; i < size; i++)
		if (READ_ONCE(sheaf->objects[i]) == arg)
			return true;
	return false;
}

bool sheaf_contains(struct kmem_cache *s, const void *object)
{
	return for_each_sheaf(s, holds_object, (void *)object);
}

/* Validation -------------------------------------------------------------- */

struct validate_arg {
	struct kmem_cache *s;
	unsigned int bad;
};

/* Is @sheaf->objects[@i] an object in use, and for the first time here? */
static bool valid_slot(const struct slab_sheaf *sheaf, u32 i)
{
	struct slab_where where;
	u32 k;

	for (k = 0; k < i; k++)
		if (sheaf->objects[k] == sheaf->objects[i])
			return false;
	return slab_locate(sheaf->objects[i], &where) &&
	       where.cache == sheaf->cache && where.exact && !where.free;
}

static bool validate_sheaf(struct slab_sheaf *sheaf, void *arg)
{
	struct validate_arg *v = arg;
	u32 i;

	if (sheaf->size > sheaf->capacity || sheaf->cache != v->s) {
		v->bad++;
		return false;
	}
	for (i = 0; i < sheaf->size; i++)
		v->bad += !valid_slot(sheaf, i);
	return false;
}

/* Meaningful only while no other thread uses the cache. */
unsigned int sheaf_validate(struct kmem_cache *s)
{
	struct validate_arg v = { .s = s };
	struct slab_sheaf *sheaf;
	unsigned int full = 0, empty = 0;

	for_each_sheaf(s, validate_sheaf, &v);				/* H1 */
	spin_lock(&s->barn.lock);
	for (sheaf = s->barn.full; sheaf; sheaf = sheaf->next, full++)
		v.bad += !sheaf->size;					/* H2 */
	for (sheaf = s->barn.empty; sheaf; sheaf = sheaf->next, empty++)
		v.bad += sheaf->size != 0;				/* H2 */
	v.bad += full != s->barn.nr_full || empty != s->barn.nr_empty;
	v.bad += full > s->barn_limit;					/* H3 */
	spin_unlock(&s->barn.lock);
	v.bad += sheaf_count_objects(s) > s->node.nr_inuse;
	if (v.bad)
		printk("BUG %s: %u violated invariants of its sheaves\n",
		       s->name, v.bad);
	return v.bad;
}
