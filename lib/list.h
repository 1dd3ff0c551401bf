/* SPDX-License-Identifier: MIT */
/*
 * Circular doubly linked lists, embedded in the structs they link.
 *
 *	head <-> entry <-> entry <-> head		an empty list is its head alone
 *
 * A list has no lock of its own; the comment at each head names it.
 * Source: kernel include/linux/list.h (names and meanings).
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "compiler.h"

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_insert(struct list_head *entry, struct list_head *prev,
			       struct list_head *next)
{
	next->prev = entry;
	entry->next = next;
	entry->prev = prev;
	prev->next = entry;
}

/* Add at the front: the next one to be taken. */
static inline void list_add(struct list_head *entry, struct list_head *head)
{
	list_insert(entry, head, head->next);
}

/* Add at the back: the last one to be taken. */
static inline void list_add_tail(struct list_head *entry,
				 struct list_head *head)
{
	list_insert(entry, head->prev, head);
}

/* Unlink; the entry points to itself afterwards, so list_empty(entry). */
static inline void list_del_init(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
	INIT_LIST_HEAD(entry);
}

static inline void list_move(struct list_head *entry, struct list_head *head)
{
	list_del_init(entry);
	list_add(entry, head);
}

static inline void list_move_tail(struct list_head *entry,
				  struct list_head *head)
{
	list_del_init(entry);
	list_add_tail(entry, head);
}

/* Move all of @list to the front of @head; @list is empty afterwards. */
static inline void list_splice_init(struct list_head *list,
				    struct list_head *head)
{
	if (list_empty(list))
		return;
	list->next->prev = head;
	list->prev->next = head->next;
	head->next->prev = list->prev;
	head->next = list->next;
	INIT_LIST_HEAD(list);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) \
	list_entry((head)->prev, type, member)

/* Has a walk come back to the head? Then @pos is no entry, and not even aligned
 * as one: no member of it may be named. */
#define list_entry_is_head(pos, head, member)				\
	((char *)(pos) + offsetof(__typeof__(*(pos)), member) == (char *)(head))

#define list_for_each_entry(pos, head, member)				\
	for (pos = list_first_entry(head, __typeof__(*pos), member);	\
	     !list_entry_is_head(pos, head, member);			\
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* As above; the body may unlink @pos. */
#define list_for_each_entry_safe(pos, n, head, member)			\
	for (pos = list_first_entry(head, __typeof__(*pos), member);	\
	     !list_entry_is_head(pos, head, member) &&			\
	     (n = list_entry(pos->member.next, __typeof__(*n), member), 1); \
	     pos = n)

#endif /* LIB_LIST_H */
