/* SPDX-License-Identifier: MIT */
/*
 * Lists of blocks of pages, linked by the struct pages of their heads.
 *
 *	page_list: first --> page: next --> page: next 0
 *	           last ------------------^  prev --> the one before
 *
 * As those of lib/list.h, but a link has four bytes instead of eight: see
 * page_to_link(). So the ends cannot link to the list, and whoever takes a page off
 * says which list it is on. All-zero is an empty list.
 *
 * A list has no lock of its own; the comment at each names it.
 */
#ifndef MM_PAGE_LIST_H
#define MM_PAGE_LIST_H

#include "internal.h"

static inline bool page_list_empty(const struct page_list *list)
{
	return !list->first;
}

static inline struct page *page_list_first(const struct page_list *list)
{
	return link_to_page(list->first);
}

static inline struct page *page_list_last(const struct page_list *list)
{
	return link_to_page(list->last);
}

static inline struct page *page_list_next(const struct page *page)
{
	return link_to_page(page->lru.next);
}

/* Where the link to the page behind @prev is, or to the one before @next. */
static inline u32 *page_list_next_link(struct page_list *list, u32 prev)
{
	return prev ? &link_to_page(prev)->lru.next : &list->first;
}

static inline u32 *page_list_prev_link(struct page_list *list, u32 next)
{
	return next ? &link_to_page(next)->lru.prev : &list->last;
}

/* Add at the front: the next one to be taken. */
static inline void page_list_add(struct page_list *list, struct page *page)
{
	u32 link = page_to_link(page);

	page->lru = (struct page_links){ .next = list->first };
	*page_list_prev_link(list, list->first) = link;
	list->first = link;
}

/* Add at the back: the last one to be taken. */
static inline void page_list_add_tail(struct page_list *list, struct page *page)
{
	u32 link = page_to_link(page);

	page->lru = (struct page_links){ .prev = list->last };
	*page_list_next_link(list, list->last) = link;
	list->last = link;
}

static inline void page_list_del(struct page_list *list, struct page *page)
{
	*page_list_next_link(list, page->lru.prev) = page->lru.next;
	*page_list_prev_link(list, page->lru.next) = page->lru.prev;
	page->lru = (struct page_links){ 0 };
}

/* Take the first one off; NULL if there is none. */
static inline struct page *page_list_pop(struct page_list *list)
{
	struct page *page = page_list_first(list);

	if (page) {
		list->first = page->lru.next;
		*page_list_prev_link(list, list->first) = 0;
		page->lru.next = 0;
	}
	return page;
}

/* For those who check: do the links to @page, which is on the list, agree with its
 * own? */
static inline bool page_list_linked(struct page_list *list,
				    const struct page *page)
{
	u32 link = page_to_link(page);

	return *page_list_next_link(list, page->lru.prev) == link &&
	       *page_list_prev_link(list, page->lru.next) == link;
}

#define page_list_for_each(page, list)					\
	for (page = page_list_first(list); page; page = page_list_next(page))

/* As above; the body may take @page off. */
#define page_list_for_each_safe(page, next, list)			\
	for (page = page_list_first(list);				\
	     page && ((next = page_list_next(page)), true); page = next)

#endif /* MM_PAGE_LIST_H */
