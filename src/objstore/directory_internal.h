/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_DIRECTORY_INTERNAL_H
#define NATSOBJ_OBJSTORE_DIRECTORY_INTERNAL_H

/* What directory*.c share. Nobody else includes it. */

#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/directory.h"

/* Of a bucket; its marker has a slash more. */
#define DIRECTORY_NAME_MAX 255

/* A bucket that is there, or was a moment ago. */
struct directory_entry {
	struct hash_node by_name;
	uint64_t seq; /* of the last change that is known */
	int64_t made_ns;
	bool is_there;
	bool is_listed; /* by the look under way */
	char name[];
};

struct directory {
	struct store store; /* first */
	/* set before sharing */
	const struct conn_config *cfg;
	struct bucket_options opts; /* of new buckets */
	struct bucket *bucket;	    /* lends the connection; has no name */
	struct watch_listener listener;
	pthread_t thread;
	bool has_thread;

	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	struct hash names;
	uint64_t seq;
	bool is_told; /* something happened to a stream */
	bool is_loaded;
	int first_err;
	bool is_stopping;
	/* the watch thread's */
	enum watch_state state;
	bool has_state;
};

static inline struct directory *directory_of(struct store *s)
{
	return container_of(s, struct directory, store);
}

/* ---- directory.c ---- */

struct directory_entry *directory_find_locked(struct directory *d, const char *name);
/* A bucket was found, made or found gone by a call; the watch need not tell. Returns the sequence
 * of that, 0 without memory. */
uint64_t directory_note(struct directory *d, const char *name, bool is_there, int64_t made_ns);
/* The marker of a bucket. */
int directory_marker(const char *name, uint64_t seq, int64_t made_ns, bool is_there,
		     struct obj_info **ret) MUST_CHECK;

void directory_shut_down(struct store *s);
void directory_close(struct store *s);

/* ---- directory_ops.c ---- */

extern const struct store_ops directory_ops;

/* ---- directory_watch.c ---- */

/* There are no marks to go on from: -ENOTSUP. */
int directory_watch(struct store *s, const struct watch_listener *l, const struct watch_mark *from)
	MUST_CHECK;
/* Something happened to a stream. */
void directory_hint(void *arg, natsMsg *msg);
/* Ends the thread; harmless without one. */
void directory_watch_stop(struct directory *d);

/* ---- directory_change.c ---- */

/* Whether the server has a bucket of that name. Waits. */
int directory_ask(struct directory *d, const char *name, bool *ret) MUST_CHECK;
/* -EEXIST: it is there. Waits. */
int directory_make(struct directory *d, const char *name) MUST_CHECK;
/* -ENOTEMPTY: there are objects in it; -ENOENT. Waits. */
int directory_delete(struct directory *d, const char *name) MUST_CHECK;

#endif
