/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_STORE_H
#define NATSOBJ_OBJSTORE_STORE_H

/*
 * The port to one bucket: all that the file system and the command line know of a server. There are
 * two implementations, the real one (objstore/bucket.h) and an in-memory double for tests; the
 * contract tests run against both.
 *
 * Calling rules
 *  - Calls marked "waits" may take until the store's operation time-out, or with hard set until the
 *    server is back; never call them on a thread that has to stay responsive. All others return at
 *    once and may be called from any thread.
 *  - Callbacks run on a thread of the store. They must not wait and must not call a function that
 *    waits; locks they take must be of rank LOCK_RANK_LEAF, except in the watch listener, which has
 *    a thread of its own and may take any lock.
 *  - Errors are -errno: ENOENT no such object, EEXIST or ESTALE see each call, ENOSPC bucket or
 *    account full, EROFS sealed or mirror, EACCES no permission, ENAMETOOLONG, EFBIG,
 *    ETIMEDOUT no answer, ENOTCONN (not hard) server away, ENODEV the bucket is gone,
 *    EIO everything else.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "objstore/chunk.h"
#include "objstore/info.h"
#include "objstore/name_list.h"
#include "util/cleanup.h"

struct store;
struct store_put;
struct store_get;

struct store_status {
	uint64_t bytes;	    /* used in the stream, overhead included */
	uint64_t max_bytes; /* of the bucket; 0: it has no limit */
	/* What may yet be stored, by the limits of bucket and account; UINT64_MAX: none is known */
	uint64_t free_bytes;
	uint64_t messages;
	uint64_t last_seq;
	int64_t created_ns; /* changes when the bucket is deleted and made again */
	bool is_read_only;  /* sealed, a mirror, or without the right to write */
	bool is_connected;
	uint32_t replicas;
	uint64_t max_age_ns; /* 0: objects do not expire */
};

struct put_result {
	char nuid[OBJ_NUID_LEN + 1];
	uint64_t size;
	uint32_t chunks;
	uint32_t max_chunk_size;
	uint8_t digest[OBJ_DIGEST_LEN];
};

/* info tells of what was uploaded from now on, and nothing of what was stored before. */
static inline void put_result_describe(const struct put_result *r, struct obj_info *info)
{
	info->time_ns = 0;
	strcpy(info->nuid, r->nuid);
	info->size = r->size;
	info->chunks = r->chunks;
	info->max_chunk_size = r->max_chunk_size;
	info->has_digest = true;
	memcpy(info->digest, r->digest, sizeof(info->digest));
}

enum watch_state {
	WATCH_CONNECTED,    /* events flow */
	WATCH_DISCONNECTED, /* what is known may be out of date */
	WATCH_GONE,	    /* the bucket was deleted */
};

/*
 * How far a watch has come, for another one that goes on from there. Plain data; it may be kept on
 * a disk.
 */
struct watch_mark {
	int64_t created_ns; /* of the bucket */
	/* The newest metadata message that was delivered: all up to it were. */
	uint64_t seq;
	int64_t time_ns;
	uint64_t subject_hash; /* hash_bytes_stable */
	/* The bucket's at that time. messages 0: not known. */
	uint64_t last_seq, messages;
};

struct watch_listener {
	void *arg;
	/* A full listing starts: at first, and whenever events may have been missed.
	 * is_other_history: the bucket was made again or restored, so that sequences and versions
	 * of before say nothing about those that are reported now. */
	void (*on_reload_begin)(void *arg, bool is_other_history);
	/* About so many names are to come in this listing, for whoever makes room at once. Not
	 * every listing has it. May be NULL. */
	void (*on_reload_size)(void *arg, uint64_t n_names);
	/* The listing is complete: a name not reported since on_reload_begin does not exist, unless
	 * this process stored it meanwhile (sequence above last_seq). */
	void (*on_reload_end)(void *arg, uint64_t last_seq);
	/* A version of one name, tombstones and malformed ones included; the newest comes last. May
	 * come twice and, for one name, never goes back in sequence. The info is the callee's, who
	 * frees it.
	 */
	void (*on_info)(void *arg, struct obj_info *info);
	void (*on_state)(void *arg, enum watch_state state);
	/* After what time the bucket forgets objects, 0: never; before each listing, for one
	 * follows every change of it. Must not wait. May be NULL. */
	void (*on_max_age)(void *arg, uint64_t max_age_ns);
	/* Somebody removed the messages of a name below a sequence (0: all); whether there are
	 * others only the leader knows. Must not wait. May be NULL. */
	void (*on_purged)(void *arg, const char *name, size_t len, uint64_t below_seq);
	/* The bucket is full: removes what it has in mind to remove later. True when there was any.
	 * On threads that store something; may wait, but stores nothing. May be NULL. */
	bool (*on_full)(void *arg);
};

/* Result of a chunk request: the chunk (a reference for the callee) or NULL and -errno. */
typedef void (*get_chunk_fn)(void *arg, uint32_t idx, struct chunk *chunk, int err);

struct store_ops {
	void (*close)(struct store *s);
	void (*shutdown)(struct store *s);
	int (*status)(struct store *s, struct store_status *ret);
	int (*get_info)(struct store *s, const char *name, size_t len, struct obj_info **ret);
	int (*get_infos)(struct store *s, const char *const *names, const size_t *lens, size_t n,
			 struct obj_info **ret, int *ret_errs);
	int (*put_info)(struct store *s, struct obj_info *info, uint64_t expected_seq);
	int (*put_infos)(struct store *s, struct obj_info *const *infos,
			 const uint64_t *expected_seqs, size_t n, int *ret_errs);
	int (*remove_info)(struct store *s, const struct obj_info *info, uint64_t *ret_seq);
	void (*purge_all)(struct store *s, const char *const *nuids, size_t n, int *ret_errs);
	int (*watch)(struct store *s, const struct watch_listener *listener,
		     const struct watch_mark *from);
	int (*watch_mark)(struct store *s, struct watch_mark *ret);
	bool (*catch_up)(struct store *s);

	int (*put_open)(struct store *s, struct store_put **ret);
	int (*put_add)(struct store_put *p, struct chunk *chunk);
	bool (*put_has_room)(struct store_put *p);
	int (*put_wait_room)(struct store_put *p);
	int (*put_finish)(struct store_put *p, struct put_result *ret);
	/* NULL where content is always stored before its metadata is offered */
	int (*put_foretell)(struct store_put *p, struct put_result *ret);
	int (*put_commit)(struct store_put *p, struct obj_info *info, uint64_t expected_seq);
	void (*put_close)(struct store_put *p, bool keep);

	int (*get_open)(struct store *s, const struct obj_info *info, struct store_get **ret);
	void (*get_close)(struct store_get *g);
	int (*get_index)(struct store_get *g, bool may_wait);
	void (*get_locate)(struct store_get *g, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off);
	int (*get_chunk)(struct store_get *g, uint32_t idx, bool may_wait, get_chunk_fn fn,
			 void *arg);

	/* NULL where names cannot be told without what they stand for */
	int (*names)(struct store *s, size_t max, struct name_list *ret);

	/* with has_history only */
	int (*history)(struct store *s, const char *name, size_t len, struct obj_info ***ret,
		       size_t *ret_n);
	int (*history_names)(struct store *s, const char *prefix, char ***ret, size_t *ret_n);
};

/* First member of every implementation, of its puts and of its gets. */
struct store {
	const struct store_ops *ops;
	char bucket[256];
	char server[256];	  /* as configured, for people; without credentials */
	uint32_t chunk_size;	  /* of new objects */
	size_t name_max;	  /* longest object name, bytes */
	size_t meta_max;	  /* longest description of an object, bytes of JSON */
	uint64_t max_object_size; /* 0: no limit */
	/* Why nothing can be changed, as a clause for people: by settings of the bucket, which
	 * others may change at any time. NULL: they allow it. */
	_Atomic(const char *) why_read_only;
	atomic_bool is_tight; /* less than a tenth of the bucket was free, not long ago */
	/* Objects are content and nothing else. Of metadata, description, headers, links and
	 * digest given to store_put_info nothing is stored, and the info has none of them
	 * afterwards; its time_ns is that of the stored message, and its nuid another one. */
	bool is_plain;
	bool has_history; /* older versions may be kept and can be read */
};

struct store_put {
	const struct store_ops *ops;
};

struct store_get {
	const struct store_ops *ops;
};

/* Ends all threads of the store; pending requests fail with ESHUTDOWN first. Puts and gets must be
 * closed before. NULL is harmless. Waits. */
static inline void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

/* Makes every call that waits, now and later, end soon with ESHUTDOWN. Does not wait. */
static inline void store_shutdown(struct store *s)
{
	s->ops->shutdown(s);
}

/* Figures about the bucket. Waits at most one round trip; a recent answer may be given again. */
static inline int MUST_CHECK store_status(struct store *s, struct store_status *ret)
{
	return s->ops->status(s, ret);
}

/*
 * The newest metadata of a name, from the stream's leader: never older than what any client was
 * told it had stored. A tombstone is returned with is_deleted set; -ENOENT only when there is no
 * message at all. Waits.
 */
static inline int MUST_CHECK store_get_info(struct store *s, const char *name, size_t len,
					    struct obj_info **ret)
{
	return s->ops->get_info(s, name, len, ret);
}

/*
 * store_get_info for n names at once, in one round trip. ret_errs[i] is 0 or -errno; ret[i] is NULL
 * on error. The call's own result is 0 unless nothing could be asked. Waits.
 */
static inline int MUST_CHECK store_get_infos(struct store *s, const char *const *names,
					     const size_t *lens, size_t n, struct obj_info **ret,
					     int *ret_errs)
{
	return s->ops->get_infos(s, names, lens, n, ret, ret_errs);
}

/*
 * Stores metadata under info's name if the newest message there still has the sequence
 * expected_seq (0: none exists, not even a tombstone). On success info->seq is that of
 * the new message, and info->time_ns this host's present time: an acknowledgement carries none, and
 * the server's comes with the watch. -ESTALE: another version is there, nothing was stored. A lost
 * answer is resolved inside (the same message is offered again until the outcome is certain). A
 * full bucket is ENOSPC, also for tombstones. Waits.
 */
static inline int MUST_CHECK store_put_info(struct store *s, struct obj_info *info,
					    uint64_t expected_seq)
{
	return s->ops->put_info(s, info, expected_seq);
}

/*
 * store_put_info for n different names, in one round trip where all goes well. ret_errs[i] is 0 or
 * -errno. The call's own result is 0 unless nothing could be stored. Waits.
 */
static inline int MUST_CHECK store_put_infos(struct store *s, struct obj_info *const *infos,
					     const uint64_t *expected_seqs, size_t n, int *ret_errs)
{
	return s->ops->put_infos(s, infos, expected_seqs, n, ret_errs);
}

/* Whether nothing can have been stored by store_put_info that failed with err. After other errors
 * the metadata may be there, without an answer, and need the chunks. */
static inline bool store_is_certain(int err)
{
	return err == -ESTALE || err == -EEXIST || err == -ENOSPC || err == -EROFS ||
	       err == -EINVAL || err == -ENAMETOOLONG;
}

/*
 * Deletes an object: a tombstone with a fresh identifier replaces exactly the version info->seq
 * (-ESTALE when it is no longer the newest). It says what info says of ATTR_TO. Works in a full
 * bucket too. The chunks stay: see store_purge_chunks. Waits.
 */
static inline int MUST_CHECK store_remove_info(struct store *s, const struct obj_info *info)
{
	uint64_t seq;

	return s->ops->remove_info(s, info, &seq);
}

/* The same; *ret_seq is the tombstone's sequence, or info->seq where there was no room for one. */
static inline int MUST_CHECK store_bury_info(struct store *s, const struct obj_info *info,
					     uint64_t *ret_seq)
{
	return s->ops->remove_info(s, info, ret_seq);
}

/* Removes all chunks of n identifiers, several at a time. The caller has made sure that no metadata
 * names them. ret_errs[i] is 0 or -errno. Runs on a connection of its own. Waits. */
static inline void store_purge_all(struct store *s, const char *const *nuids, size_t n,
				   int *ret_errs)
{
	s->ops->purge_all(s, nuids, n, ret_errs);
}

/* The same for one. */
static inline int MUST_CHECK store_purge_chunks(struct store *s, const char *nuid)
{
	int err;

	store_purge_all(s, &nuid, 1, &err);
	return err;
}

/*
 * Adds to ret, which is empty, all names of which the bucket has a message, in byte order: those
 * that were removed and hidden ones too. Costs the server little, where reading the messages may
 * cost it all of the bucket. -E2BIG: there are more than max; -EOPNOTSUPP: the names alone do not
 * tell what is there, as with a client that stores under subjects of its own. Waits.
 */
static inline int MUST_CHECK store_names(struct store *s, size_t max, struct name_list *ret)
{
	return s->ops->names ? s->ops->names(s, max, ret) : -EOPNOTSUPP;
}

/* Starts the one watch of this store; returns after the first listing was delivered. The listener
 * is copied and stays in use until store_close. Waits. */
static inline int MUST_CHECK store_watch(struct store *s, const struct watch_listener *l)
{
	return s->ops->watch(s, l, NULL);
}

/*
 * The same for a listener that knows what was delivered up to a mark. Where the bucket still has
 * the message of the mark, only what came after it is delivered, without on_reload_begin; names
 * that went without a message are found by a listing some time later. Where it does not, or there
 * is any other doubt, the first listing is one of another history.
 */
static inline int MUST_CHECK store_watch_from(struct store *s, const struct watch_listener *l,
					      const struct watch_mark *from)
{
	return s->ops->watch(s, l, from);
}

/*
 * How far the watch has come. -EAGAIN: it is listing, or something announced is outstanding;
 * -ENOTSUP: what it has told cannot be told by a mark: another watch has to list. Not from the
 * watch's listener. Waits.
 */
static inline int MUST_CHECK store_watch_mark(struct store *s, struct watch_mark *ret)
{
	return s->ops->watch_mark(s, ret);
}

/*
 * Returns true when the watch has delivered everything that was stored before an answer the caller
 * has already got; false when it could not within a second, or there is none. Not from its
 * listener. While the first listing is under way it is about what was stored since that began.
 * Waits.
 */
static inline bool store_catch_up(struct store *s)
{
	return s->ops->catch_up(s);
}

/*
 * Uploads the content of one object. Chunks are sent in the order they are added, inside a window
 * of unacknowledged bytes; the first error is sticky and returned by every later call. Nothing is
 * visible to anyone before the caller stores metadata with the result. One thread at a time.
 */
static inline int MUST_CHECK store_put_open(struct store *s, struct store_put **ret)
{
	return s->ops->put_open(s, ret);
}

/* Queues one chunk of 1 … chunk_size bytes and takes over the caller's reference, also on error.
 * The chunk is not changed any more. Does not wait, whatever the window. */
static inline int MUST_CHECK store_put_add(struct store_put *p, struct chunk *c)
{
	return p->ops->put_add(p, c);
}

/* True when the next chunk would go out without exceeding the window. */
static inline bool store_put_has_room(struct store_put *p)
{
	return p->ops->put_has_room(p);
}

/* Waits until there is room, or an error. */
static inline int MUST_CHECK store_put_wait_room(struct store_put *p)
{
	return p->ops->put_wait_room(p);
}

/* Waits until every chunk is acknowledged. More chunks may be added afterwards, which makes a later
 * call return a longer content. */
static inline int MUST_CHECK store_put_finish(struct store_put *p, struct put_result *ret)
{
	return p->ops->put_finish(p, ret);
}

/* The result that store_put_finish is going to return. Where the whole content is one small chunk
 * it may come without waiting, and the chunk is not even sent: store_put_commit does so, or any
 * other call that goes on with the upload. Else it is store_put_finish. */
static inline int MUST_CHECK store_put_foretell(struct store_put *p, struct put_result *ret)
{
	return p->ops->put_foretell ? p->ops->put_foretell(p, ret) : p->ops->put_finish(p, ret);
}

/* store_put_info for the content of an upload, once its result was told. Metadata is stored only
 * behind the whole content; where that is one chunk, both may take one round trip. Behind a lost
 * connection the content may get another identifier, which info has afterwards. After -ESTALE the
 * content is stored, and store_put_finish tells its identifier. Waits. */
static inline int MUST_CHECK store_put_commit(struct store *s, struct store_put *p,
					      struct obj_info *info, uint64_t expected_seq)
{
	return p->ops->put_commit ? p->ops->put_commit(p, info, expected_seq)
				  : s->ops->put_info(s, info, expected_seq);
}

/* Ends the upload. Without keep its chunks are removed in the background. NULL is harmless. */
static inline void store_put_close(struct store_put *p, bool keep)
{
	if (p)
		p->ops->put_close(p, keep);
}

/*
 * The content of one object version, by chunk. Does not wait and does not ask the server yet. The
 * info is copied as far as needed. The same works for the chunks of a put that is not committed:
 * info then carries nuid, size, chunks and max_chunk_size of its put_result.
 */
static inline int MUST_CHECK store_get_open(struct store *s, const struct obj_info *info,
					    struct store_get **ret)
{
	return s->ops->get_open(s, info, ret);
}

/* Requests under way are answered with ECANCELED, on another thread, before or after this returns;
 * their arg must stay valid until then. NULL is harmless. */
static inline void store_get_close(struct store_get *g)
{
	if (g)
		g->ops->get_close(g);
}

/*
 * Learns where each chunk is: 0 when known, -EINPROGRESS when not yet (the requests are under way)
 * and may_wait is false, else the error: -ESTALE the chunks are gone, -EIO the content contradicts
 * the metadata. Errors caused by the connection are not remembered.
 */
static inline int MUST_CHECK store_get_index(struct store_get *g, bool may_wait)
{
	return g->ops->get_index(g, may_wait);
}

/* The chunk that holds byte off (below the object's size) and the offset at which it starts. Only
 * after store_get_index returned 0. */
static inline void store_get_locate(struct store_get *g, uint64_t off, uint32_t *ret_idx,
				    uint64_t *ret_off)
{
	g->ops->get_locate(g, off, ret_idx, ret_off);
}

/*
 * Asks for one chunk; fn is called exactly once, possibly before this returns, when the result is
 * 0. The chunk's length and subject were checked against index and object. Errors as for
 * store_get_index. Only after store_get_index returned 0.
 */
static inline int MUST_CHECK store_get_chunk(struct store_get *g, uint32_t idx, get_chunk_fn fn,
					     void *arg)
{
	return g->ops->get_chunk(g, idx, false, fn, arg);
}

/* The same for a thread that is going to wait for the answer: it may be kept for as long as sending
 * takes, and store_shutdown ends the request. */
static inline int MUST_CHECK store_get_chunk_here(struct store_get *g, uint32_t idx,
						  get_chunk_fn fn, void *arg)
{
	return g->ops->get_chunk(g, idx, true, fn, arg);
}

/*
 * The versions of a name that are kept, oldest first, removals and the newest included; their
 * content is read as that of any info. The caller frees the infos and the array. -ENOENT: there are
 * none; -EOPNOTSUPP: has_history is not set. Waits.
 */
static inline int MUST_CHECK store_history(struct store *s, const char *name, size_t len,
					   struct obj_info ***ret, size_t *ret_n)
{
	return s->has_history ? s->ops->history(s, name, len, ret, ret_n) : -EOPNOTSUPP;
}

/* All names beginning with prefix of which versions are kept, be it removals only, in no order. The
 * caller frees each and the array. As store_history. */
static inline int MUST_CHECK store_history_names(struct store *s, const char *prefix, char ***ret,
						 size_t *ret_n)
{
	return s->has_history ? s->ops->history_names(s, prefix, ret, ret_n) : -EOPNOTSUPP;
}

#endif
