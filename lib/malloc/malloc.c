// SPDX-License-Identifier: MIT
/*
 * The libc front end: what malloc() promises on top of kmalloc.
 *
 * The way of a request, and of a block back:
 *
 *	malloc(size) -> percpu_pop() on the size's cache	up to 8 KiB
 *	             -> malloc_slow() -> sheaf_alloc_unwatched() no object there
 *	                              -> kmalloc_large()	above 8 KiB
 *	free(p)      -> percpu_push() on the cache of p's page
 *	             -> free_slow()   -> sheaf_free_unwatched()	no room there
 *	                              -> kfree_unwatched()	p is no object
 *
 * Who watches calls (mm/watch.h) is told in the slow paths; then no cache has
 * sheaves, and none of the fast paths succeeds.
 *
 * libc promises, and kmalloc does not:
 *   alignment	every block is aligned to 16 bytes: malloc_cache() never
 *		chooses the cache of 8
 *   size 0	malloc(0) is a block like any other, not ZERO_SIZE_PTR
 *   errno	ENOMEM with every NULL; free() leaves errno as it was
 *   any time	before main(), in destructors, in the child of fork()
 *
 * The fast paths need no test for "not booted yet": percpu.no_rseq is set then
 * and percpu_pop() fails, and memmap is empty, so that no pointer is ours.
 *
 * Nothing here may be turned into a call of malloc by the compiler (a
 * malloc() with a memset() behind it is a calloc(), it thinks): build with
 * -fno-builtin.
 *
 * Context:    Any thread, also before main() and at exit. Not a signal
 *             handler. What is called in mm/ enters the fork gate, or is called
 *             inside of it.
 * Not here:   statistics and tuning (malloc_info.c).
 */
#include "malloc.h"

#include <errno.h>
#include <string.h>

#include "../../mm/failslab.h"
#include "../../mm/kfence.h"
#include "../../mm/slab.h"
#include "../../mm/watch.h"
#include "../cmdline.h"
#include "../gate.h"
#include "../host.h"

#define MALLOC_ALIGN 16

/* No address space could hold two blocks with more. */
#define MALLOC_MAX_ALIGN (1UL << (8 * sizeof(long) - 2))

/* Failure is the caller's to report, through errno. */
#define GFP_MALLOC (GFP_KERNEL | __GFP_NOWARN)

/* realloc() leaves a block that fits where it is if at least half of it stays
 * in use, and always up to this size: such a move gains next to nothing. */
#define REALLOC_KEEP_SIZE 64

_Static_assert(MALLOC_ALIGN == _Alignof(max_align_t), "any type fits");

/* Programs ask for all sizes alike: the kernel's ladder would waste a quarter. */
const u64 kmm_frontend_ladder = LADDER_GROWING;

static void *malloc_slow(size_t size, gfp_t gfp, const void *caller);
static void *malloc_block(enum watch_op op, size_t size, size_t align,
			  gfp_t gfp, const void *caller);
static void free_block(void *p, const void *caller);
static void free_slow(void *p, const void *caller);
static void *realloc_slow(void *p, size_t size, const void *caller);
static size_t usable_slow(const void *p);

/* Fast paths -------------------------------------------------------------- */

/* The cache that @p is the start of an object of; NULL if it is none, and
 * whenever finding out takes longer than this. */
static __always_inline struct kmem_cache *object_cache(const void *p)
{
	struct page *page = __virt_to_page(p);
	struct kmem_cache *s;

	if (unlikely(!page))
		return NULL;
	s = READ_ONCE(page->slab_cache);
	if (unlikely(!s) || unlikely(!on_boundary(s, p)))
		return NULL;
	return s;
}

static __always_inline bool push_object(void *p)
{
	struct kmem_cache *s = object_cache(p);

	return likely(s) && likely(percpu_push(s->cpu_sheaves, p));
}

/* This and alloc_object() are for functions that know their caller already; the
 * others would read it ahead of the fast path. */
static __always_inline void free_object(void *p, const void *caller)
{
	if (unlikely(!push_object(p)))
		free_slow(p, caller);
}

/*
 * The functions here call each other by these static names: a call of malloc()
 * could be bound to a program's own malloc(), and its blocks are not ours.
 */
static __always_inline void *pop_object(size_t size)
{
	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return NULL;
	return percpu_pop(malloc_cache(size)->cpu_sheaves);
}

static __always_inline void *alloc_object(size_t size, const void *caller)
{
	void *p = pop_object(size);

	return likely(p) ? p : malloc_slow(size, GFP_MALLOC, caller);
}

KMM_API void *malloc(size_t size)
{
	void *p = pop_object(size);

	if (likely(p))
		return p;
	return malloc_slow(size, GFP_MALLOC, __builtin_return_address(0));
}

KMM_API void free(void *p)
{
	if (likely(push_object(p)))
		return;
	free_slow(p, __builtin_return_address(0));
}

KMM_API void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (unlikely(check_mul_overflow(n, size, &bytes))) {
		errno = ENOMEM;
		return NULL;
	}
	p = pop_object(bytes);
	if (likely(p))
		return memset(p, 0, bytes);
	/* Large blocks often come as zero: kmalloc_large() knows. */
	return malloc_slow(bytes, GFP_MALLOC | __GFP_ZERO,
			   __builtin_return_address(0));
}

/* With somebody watching every block moves: that shows stale pointers to the old
 * one, and tells Valgrind the new size. */
static __always_inline bool realloc_keeps(size_t capacity, size_t size)
{
	return size <= capacity &&
	       (size >= capacity / 2 || capacity <= REALLOC_KEEP_SIZE) &&
	       !calls_watched;
}

/* A block that shrinks can stay where it is if there is no other. */
static void *realloc_move(void *p, size_t capacity, size_t size,
			  const void *caller)
{
	void *to, *other = size <= capacity && !fault_injection ? p : NULL;

	if (likely(!calls_watched)) {
		to = alloc_object(size, caller);
	} else {
		to = malloc_block(WATCH_REALLOC, size, MALLOC_ALIGN, GFP_MALLOC,
				  caller);
		watch_call(&(struct watch_call){
			.op = WATCH_REALLOC, .old = p, .result = to ?: other,
			.size = size, .gfp = GFP_MALLOC, .caller = caller });
	}
	if (unlikely(!to))
		return other;
	/* All of capacity is ours to read, whatever the user asked for. */
	memcheck_unpoison(p, size < capacity ? size : capacity);
	memcpy(to, p, size < capacity ? size : capacity);
	if (unlikely(calls_watched))
		free_block(p, caller);
	else
		free_object(p, caller);
	return to;
}

static __always_inline void *do_realloc(void *p, size_t size,
					const void *caller)
{
	struct kmem_cache *s;

	if (!p)
		return alloc_object(size, caller);
	if (unlikely(!size)) {
		free_object(p, caller);
		return NULL;
	}
	s = object_cache(p);
	if (unlikely(!s))
		return realloc_slow(p, size, caller);
	if (realloc_keeps(s->object_size, size))
		return p;
	return realloc_move(p, s->object_size, size, caller);
}

KMM_API void *realloc(void *p, size_t size)
{
	return do_realloc(p, size, __builtin_return_address(0));
}

KMM_API void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes))) {
		errno = ENOMEM;
		return NULL;
	}
	return do_realloc(p, bytes, __builtin_return_address(0));
}

KMM_API size_t malloc_usable_size(void *p)
{
	struct kmem_cache *s = object_cache(p);
	size_t capacity = likely(s) ? s->object_size : usable_slow(p);

	/* Who asks may use all of it. */
	memcheck_unpoison(p, capacity);
	return capacity;
}

/* Slow paths -------------------------------------------------------------- */

/* What a guarded block is aligned to. The fast path of malloc_aligned() has made
 * the size a multiple of the alignment, and forgotten it. */
static size_t kfence_align(size_t size, size_t align)
{
	size_t by_size = min_t(size_t, size & -size, PAGE_SIZE);

	return max_t(size_t, align, calls_watched ? 0 : by_size);
}

/* A block of any size, watchers not told. */
static void *malloc_block(enum watch_op op, size_t size, size_t align,
			  gfp_t gfp, const void *caller)
{
	bool aligned = align > MALLOC_ALIGN;
	size_t padded = aligned ? ALIGN(size, align) : size;
	struct kmem_cache *s = NULL;
	void *p = NULL;

	/* Only boot knows which sizes there are. */
	if (size <= KMALLOC_MAX_CACHE_SIZE && padded <= KMALLOC_MAX_CACHE_SIZE &&
	    mm_ready()) {
		malloc_cache_grow(padded);
		s = aligned ? malloc_cache_aligned(padded, align) :
			      malloc_cache(padded);
	} else if (!aligned) {
		s = kmalloc_fit_large(size);
	}
	if (unlikely(should_failslab(s, op, size, gfp, caller)))
		goto out;
	p = kfence_alloc(s, size, kfence_align(size, align), gfp, caller);
	if (unlikely(p))
		return p;
	if (s) {
		p = sheaf_alloc_unwatched(s, gfp, size ? size : 1, caller);
		if (p && !aligned && size <= KMALLOC_MAX_CACHE_SIZE)
			kmalloc_fit_note(s, size);
	} else if (likely(size <= PTRDIFF_MAX) && mm_ready()) {
		p = kmalloc_large(size, align, gfp, caller);
		if (p && !aligned)
			kmalloc_fit_large_note(size);
	}
out:
	if (unlikely(!p))
		errno = ENOMEM;
	return p;
}

static noinline void *malloc_slow(size_t size, gfp_t gfp, const void *caller)
{
	enum watch_op op = gfp & __GFP_ZERO ? WATCH_CALLOC : WATCH_MALLOC;
	void *p = malloc_block(op, size, MALLOC_ALIGN, gfp, caller);

	watch_alloc(op, p, size, gfp, caller);
	return p;
}

/* Free a block of any size, watchers not told. */
static void free_block(void *p, const void *caller)
{
	struct page *page = lookup_page(p);
	struct kmem_cache *s = page ? READ_ONCE(page->slab_cache) : NULL;

	if (s)
		sheaf_free_unwatched(s, p, caller);
	else if (unlikely(ZERO_OR_NULL_PTR(p)))
		/* To kfree() it is kmalloc(0); malloc() has none. */
		bad_free(p, caller, NULL);
	else
		kfree_unwatched(p, caller);
}

/* Without a booted allocator there is nothing that @p could be a part of, and
 * no memory to boot with: like a leak, this does no harm. */
static noinline void free_slow(void *p, const void *caller)
{
	int saved_errno;

	if (!p)
		return;
	saved_errno = errno;
	if (mm_ready()) {
		watch_free(WATCH_FREE, p, caller);
		free_block(p, caller);
	}
	errno = saved_errno;
}

/* The bytes behind @p; 0 unless a block starts exactly there. */
static size_t usable_exact(const void *p)
{
	struct slab_where where;
	bool is_object;

	if (is_kfence_address(p))
		return kfence_ksize(p);
	gate_enter();
	is_object = slab_locate(p, &where);
	gate_exit();
	if (is_object)
		return where.exact ? kmalloc_usable(p) : 0;
	/* Large blocks and vmalloc blocks start on a page. */
	return IS_ALIGNED((unsigned long)p, PAGE_SIZE) ? kmalloc_usable(p) : 0;
}

/* The host moved the block: nobody called for that, but to who follows blocks
 * the old one is gone and there is a new one. */
static void watch_moved(void *p, void *to, size_t size, const void *caller)
{
	struct watch_call call = {
		.op = WATCH_REALLOC, .old = p, .result = to, .size = size,
		.gfp = GFP_MALLOC, .caller = caller,
	};

	if (unlikely(call_is_watched()))
		watch_call(&call);
}

/* A mapping moves, and grows, by page tables. */
static void *resize_mapping(void *p, size_t size, const void *caller)
{
	void *to;

	gate_enter();
	to = vmalloc_resize(p, size, want_init_on_alloc(GFP_MALLOC));
	gate_exit();
	if (to && to != p)
		watch_moved(p, to, size, caller);
	return to;
}

/* What has grown so far may grow further: as a mapping, which needs no more
 * copies for that. */
static void *move_to_mapping(void *p, size_t capacity, size_t size,
			     const void *caller)
{
	bool zeroed = false;
	void *to;

	if (fault_injection || memcheck_active())
		return NULL;
	gate_enter();
	to = vmalloc_aligned(size, PAGE_SIZE, &zeroed);
	gate_exit();
	if (!to)
		return NULL;
	memcpy(to, p, min_t(size_t, size, capacity));
	watch_moved(p, to, size, caller);
	free_block(p, caller);
	return to;
}

/*
 * realloc() of what is not an object of a usual slab: a large block, a vmalloc
 * block, or a pointer that was never allocated. A block of pages grows in place
 * if those behind it are free; a vmalloc block, a mapping of its own, by
 * mremap().
 */
static noinline void *realloc_slow(void *p, size_t size, const void *caller)
{
	size_t capacity;
	bool moves;
	void *to;

	if (unlikely(size > PTRDIFF_MAX) || !mm_ready())
		goto no_memory;
	capacity = usable_exact(p);
	if (unlikely(!capacity)) {
		bad_free(p, caller, "realloc");
		goto no_memory;
	}
	/* What is guarded ends where its bytes end. */
	moves = has_red_zone(p) || is_kfence_address(p);
	if (!moves && realloc_keeps(capacity, size))
		return p;
	if (calls_watched || moves)
		return realloc_move(p, capacity, size, caller);
	if (size > KMALLOC_MAX_CACHE_SIZE && kmalloc_large_resize(p, size))
		return p;
	if (size > KMALLOC_MAX_SIZE) {
		to = lookup_page(p) ?
			     move_to_mapping(p, capacity, size, caller) :
			     resize_mapping(p, size, caller);
		if (to)
			return to;
	}
	return realloc_move(p, capacity, size, caller);

no_memory:
	errno = ENOMEM;
	return NULL;
}

static noinline size_t usable_slow(const void *p)
{
	return p && mm_ready() ? kmalloc_usable(p) : 0;
}

/* Alignment --------------------------------------------------------------- */

/*
 * @align is a power of two. Up to 8 KiB it comes by itself once the size is a
 * multiple of it, with a cache that keeps it: a slab is aligned to at least a page,
 * so an object is aligned to the largest power of two that divides its cache's
 * size. The fine ladder's caches do, since its steps between 2^k and 2^(k+1) are
 * 2^(k-3), but at least 16: from 256 to 512 in steps of 32, say. If align divides
 * the step, it divides every size there; if it is larger, a multiple of it in that
 * interval is itself a step. The kernel's do in the same way. So what
 * malloc_cache_aligned() looks for is there.
 *
 *	align 64, size 100  ->  128	align 32, size 600 -> 608 -> 640 = 20 * 32
 */
static void *malloc_aligned(size_t align, size_t size, const void *caller)
{
	size_t padded;
	void *p;

	if (likely(!calls_watched)) {
		if (align <= MALLOC_ALIGN)
			return alloc_object(size, caller);
		padded = ALIGN(size ? size : 1, align);
		p = NULL;
		if (likely(size <= KMALLOC_MAX_CACHE_SIZE &&
			   padded <= KMALLOC_MAX_CACHE_SIZE))
			p = percpu_pop(
				malloc_cache_aligned(padded, align)->cpu_sheaves);
		if (likely(p))
			return p;
	}
	p = malloc_block(WATCH_MEMALIGN, size ? size : 1, align, GFP_MALLOC,
			 caller);
	if (unlikely(call_is_watched()))
		watch_call(&(struct watch_call){
			.op = WATCH_MEMALIGN, .result = p, .size = size,
			.align = align, .gfp = GFP_MALLOC, .caller = caller });
	return p;
}

KMM_API void *memalign(size_t align, size_t size)
{
	if (unlikely(align > MALLOC_MAX_ALIGN)) {
		errno = EINVAL;
		return NULL;
	}
	if (unlikely(!is_power_of_2(align)))
		align = align ? 1UL << (ilog2(align) + 1) : 1;
	return malloc_aligned(align, size, __builtin_return_address(0));
}

KMM_API void *aligned_alloc(size_t align, size_t size)
{
	if (unlikely(!is_power_of_2(align)) || unlikely(align > MALLOC_MAX_ALIGN)) {
		errno = EINVAL;
		return NULL;
	}
	return malloc_aligned(align, size, __builtin_return_address(0));
}

KMM_API int posix_memalign(void **memptr, size_t align, size_t size)
{
	int saved_errno = errno;
	void *p;

	if (unlikely(!is_power_of_2(align) || align % sizeof(void *)))
		return EINVAL;
	p = align <= MALLOC_MAX_ALIGN ?
		    malloc_aligned(align, size, __builtin_return_address(0)) :
		    NULL;
	errno = saved_errno;
	if (unlikely(!p))
		return ENOMEM;
	*memptr = p;
	return 0;
}

/* "A page" is the host's: what mprotect() and O_DIRECT work on. */
static size_t host_page_size(void)
{
	return mm_ready() ? 1UL << host.page_shift : MALLOC_ALIGN;
}

KMM_API void *valloc(size_t size)
{
	return malloc_aligned(host_page_size(), size,
			      __builtin_return_address(0));
}

KMM_API void *pvalloc(size_t size)
{
	size_t page_size = host_page_size();

	if (unlikely(size > PTRDIFF_MAX - page_size)) {
		errno = ENOMEM;
		return NULL;
	}
	return malloc_aligned(page_size, ALIGN(size, page_size),
			      __builtin_return_address(0));
}

/* Other names ------------------------------------------------------------- */

KMM_API void free_sized(void *p, size_t size)
{
	(void)size;
	free_object(p, __builtin_return_address(0));
}

KMM_API void free_aligned_sized(void *p, size_t align, size_t size)
{
	(void)align;
	(void)size;
	free_object(p, __builtin_return_address(0));
}

/* One function under two names; `copy` saves gcc's worry that the second name
 * promises less than the first. */
#if __has_attribute(copy)
#define SAME_AS(name) __attribute__((alias(#name), copy(name)))
#else
#define SAME_AS(name) __attribute__((alias(#name)))
#endif

KMM_API void cfree(void *p) SAME_AS(free);
KMM_API void __libc_free(void *p) SAME_AS(free);
KMM_API void *__libc_malloc(size_t size) SAME_AS(malloc);
KMM_API void *__libc_calloc(size_t n, size_t size) SAME_AS(calloc);
KMM_API void *__libc_realloc(void *p, size_t size) SAME_AS(realloc);
KMM_API void *__libc_memalign(size_t align, size_t size) SAME_AS(memalign);
KMM_API void *__libc_valloc(size_t size) SAME_AS(valloc);
KMM_API void *__libc_pvalloc(size_t size) SAME_AS(pvalloc);
