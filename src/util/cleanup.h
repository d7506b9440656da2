/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_CLEANUP_H
#define NATSOBJ_UTIL_CLEANUP_H

/*
 * Scope cleanup and the few macros every file uses.
 *
 * A local that owns something is declared with its cleanup attribute and initialised at once;
 * ownership leaves the scope through steal_ptr() or steal_fd():
 *
 *	_cleanup_free_ char *name = strdup(s);
 *	if (!name)
 *		return -ENOMEM;
 *	*ret_name = steal_ptr(name);
 *	return 0;
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
/* unused: some own a thing for the length of a scope and are not named again (clang warns). */
#define CLEANUP(fn) __attribute__((cleanup(fn), unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Defines fn##_p, the cleanup function for a `type *` local that fn destroys; fn accepts NULL. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline void fn##_p(type *p)                                                         \
	{                                                                                          \
		fn(*p);                                                                            \
	}

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ CLEANUP(cleanup_free_p)

/* Closes *fd when it is not negative; errno is preserved. */
static inline void cleanup_close_p(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}
#define _cleanup_close_ CLEANUP(cleanup_close_p)

#define steal_ptr(p)                                                                               \
	({                                                                                         \
		__typeof__(p) *_pp = &(p);                                                         \
		__typeof__(p) _v = *_pp;                                                           \
		*_pp = NULL;                                                                       \
		_v;                                                                                \
	})

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#endif
