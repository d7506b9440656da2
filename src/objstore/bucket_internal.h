/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_BUCKET_INTERNAL_H
#define NATSOBJ_OBJSTORE_BUCKET_INTERNAL_H

/*
 * What the files that implement a bucket share: bucket*.c, api.c, meta*.c, put*.c, get*.c, index.c,
 * push.c, watch*.c, purge.c, regain.c, replaced.c and space.c. Nobody else includes it.
 *
 * Locks: every mutex of this layer has rank LOCK_RANK_STORE and none is held while another is
 * taken, except those of rpc and space, which rank above. None is held across a wait for the server
 * or a callback.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "objstore/bucket.h"
#include "objstore/push.h"
#include "objstore/rpc.h"
#include "objstore/space.h"
#include "objstore/store.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/lock.h"

#define SERVER_VERSION(major, minor, patch)                                                        \
	((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(patch))

struct bucket;
struct kept;
struct layout;
struct put;
struct stored;
struct values;
struct watch;

/* What STREAM.INFO says. */
struct stream_info {
	uint64_t bytes, messages, last_seq;
	int64_t created_ns;
	uint64_t max_bytes, max_msgs; /* 0: no limit */
	uint64_t max_msg_size;	      /* 0: no limit */
	uint64_t max_age_ns;	      /* 0: for ever */
	uint32_t replicas;
	bool is_memory;
	bool allow_direct;
	char description[256]; /* possibly cut off */
	/* Why nothing can be written, as a clause for people; NULL when it can. */
	const char *why_read_only;
};

/* One of the bucket's connections, for the event handlers. */
struct bucket_link {
	struct bucket *bucket;
	struct rpc *rpc; /* NULL when not opened */
	struct push *push;
};

/* All uploads together: see uploads.c. */
struct uploads {
	struct mutex lock;
	struct cond changed; /* for the thread that resumes, and for closing */
	/* protected by lock */
	struct list puts; /* those with chunks queued or in flight, in turn */
	size_t n_puts;	  /* not yet freed */
	uint64_t in_flight;
	uint64_t window, window_max;
	uint64_t latency_min_ns;
	struct list disturbed; /* to be sent again, in order */
	struct list waiting;   /* those whose owner waits */
	bool is_shut;	       /* nobody waits any more */
	bool is_stopping, has_thread;
	pthread_t thread;
};

/* Requests for chunks that wait for the connection: see get.c. */
struct parked {
	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	struct list fetches;
	struct list listings; /* finished ones, to be taken down */
	struct list waiting;  /* listings for which the connection has no consumer left */
	bool is_woken, is_stopping, has_thread;
	bool is_busy; /* the thread has taken what was parked and looks at it */
	pthread_t thread;
};

/* A name that another client has the server roll up. */
struct rolled_up {
	uint64_t hash;	  /* of the subject */
	uint64_t last_ns; /* 0: none */
};

struct replaced_name;

/* Metadata that natsobj removes by itself after replacing it: see replaced.c. */
struct replaced {
	bool is_used;		      /* the server is not to be asked for it */
	atomic_bool is_delete_denied; /* of single messages */
	struct hash names;
	struct list cold, resting; /* to be removed at once, and in the order of due_ns */
	struct rolled_up rolled_up[1024];
	uint64_t up_ns; /* since when others are seen */
};

/* Announced messages that the server may have lost: see regain.c. */
struct regain {
	/* When natsobj last removed metadata, by a hash of the subject: others of the same hash
	 * only cost a look at the leader. 0: never. */
	uint64_t removed_ns[4096];
	uint64_t last_ns;	  /* the newest of them */
	struct list fresh, again; /* before the first and the second look, in the order of them */
	size_t n, bytes;	  /* of both */
	struct list busy;	  /* that are looked at */
};

/* Removal of what aborted uploads left behind, and of replaced metadata: see janitor.c. */
struct janitor {
	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	struct list queue;
	struct replaced replaced;
	struct regain regain;
	bool is_busy; /* a purge is under way, of whatever origin */
	bool is_stopping, has_thread;
	unsigned int n_hurried; /* callers that want the queue emptied now */
	pthread_t thread;
};

struct bucket {
	struct store store; /* first */

	/* set before sharing */
	const struct layout *layout;
	struct values *values; /* of a key-value bucket, else NULL */
	char separator;	       /* likewise, else 0 */
	char *stream;
	char *api;	    /* "$JS.API" or "$JS.<domain>.API" */
	char *domain;	    /* NULL: none configured */
	char *meta_prefix;  /* of subjects of names: "$O.<bucket>.M." or "$KV.<bucket>." */
	char *where;	    /* servers, for people */
	char *inbox_prefix; /* NULL: the usual one */
	uint64_t timeout_ms;
	bool is_hard;
	bool is_read_only;
	bool allow_direct;
	uint32_t version;
	struct stream_info at_open;
	_Atomic uint64_t max_age_ns; /* of messages, as last told; 0: for ever */
	struct bucket_link control, read, write, janitor_link;
	/* Whose control connection this one uses, and with whom it waits; NULL: its own. */
	struct bucket *lender;

	struct uploads uploads;
	struct parked parked;
	struct janitor janitor;
	struct space space;
	struct watch *watch; /* NULL before store_watch; under lock */

	struct mutex lock;
	struct cond changed; /* a connection came up or went, or closing began */
	/* protected by lock */
	bool is_open; /* before, a refusal is final and nothing waits for a server */
	bool is_closing;
	unsigned int n_calls;
	struct stream_info last_info;
	uint64_t last_info_ns; /* 0: never */
	/* what the account allows, and until when that may be said again: see account.c */
	uint64_t account_free, account_used, account_until_ns;
	struct hash foreign; /* names stored under a token that is not theirs */
	atomic_uint n_up;    /* how often a connection came up */
};

static inline struct bucket *bucket_of(struct store *s)
{
	return container_of(s, struct bucket, store);
}

/* ---- bucket.c ---- */

extern const struct store_ops bucket_ops;

/* A bucket without connections. NULL without memory; bucket "" for calls about the account. */
struct bucket *bucket_new(const struct conn_config *cfg, const char *name,
			  const struct layout *layout) MUST_CHECK;
/* Closes and frees, from whatever state opening has reached. */
void bucket_free(struct bucket *b);
int bucket_connect(struct bucket *b, const struct conn_config *cfg, enum conn_kind kind,
		   struct bucket_link *link, char **ret_why) MUST_CHECK;
/* The connections that chunks need: one to read and, where anything may be written, one to write.
 * Waits. */
int bucket_open_content(struct bucket *b, const struct conn_config *cfg, char **ret_why) MUST_CHECK;
/* These ops of every bucket. */
void bucket_close_op(struct store *s);
void bucket_shutdown_op(struct store *s);
int bucket_status_op(struct store *s, struct store_status *ret) MUST_CHECK;
/* -EROFS where nothing may be written. */
int bucket_check_writable(struct bucket *b) MUST_CHECK;
bool bucket_is_closing(struct bucket *b);

/* ---- stream_info.c ---- */

/* Asks on the control connection and remembers the answer. Waits. -ENOENT: no such stream. */
int stream_info_read(struct bucket *b, struct stream_info *ret) MUST_CHECK;
/*
 * STREAM.INFO with the subjects of names from offset on, in the server's pages; *ret_total is the
 * number of all. *ret_subjects belongs to *ret, which the caller deletes, and has a member named by
 * each subject, or is NULL when there are none. -EIO when the answer says no such thing. Waits.
 */
int stream_subjects_page(struct bucket *b, uint64_t offset, cJSON **ret, const cJSON **ret_subjects,
			 uint64_t *ret_total) MUST_CHECK;
/* Tells fn of the subjects of all names, until it returns an error, which is the result then. Some
 * come twice. Waits. */
int stream_subjects_each(struct bucket *b, int (*fn)(void *arg, const char *subject), void *arg)
	MUST_CHECK;
/* Understands an answer, which may be an error. */
int stream_info_parse(struct bucket *b, natsMsg *msg, struct stream_info *ret) MUST_CHECK;

/* ---- meta_token.c ---- */

/* The subject of a token, for the caller to free; NULL without memory. */
char *meta_token_subject(const struct bucket *b, const char *token) MUST_CHECK;
/* The token in a subject of this bucket's names, or NULL. */
const char *meta_token_in(const struct bucket *b, const char *subject);
/* The subject an info is stored under; the caller frees. -ENAMETOOLONG, -EINVAL, -ENOMEM. */
int meta_subject(const struct bucket *b, const struct obj_info *info, char **ret) MUST_CHECK;
/* Remembers or forgets that info's name is stored under a token of its own. */
void meta_note_token(struct bucket *b, const struct obj_info *info);
void meta_forget_tokens(struct bucket *b);
/* Whether names are stored under tokens that are not theirs. */
bool meta_has_tokens(struct bucket *b);
/* The token that was noted for a name, for the caller to free, or NULL. */
char *meta_noted_token(struct bucket *b, const char *name, size_t len) MUST_CHECK;

/* ---- meta.c ---- */

/* Whether the server has the message of a mark, unchanged: 0 or -ESTALE. Waits. */
int meta_check_mark(struct bucket *b, const struct watch_mark *mark) MUST_CHECK;
/* The newest metadata under n tokens, from the leader, with one round trip for many. Waits. */
int meta_read_tokens(struct bucket *b, const char *const *tokens, size_t n, struct obj_info **ret,
		     int *ret_errs) MUST_CHECK;
int meta_get_info(struct store *s, const char *name, size_t len, struct obj_info **ret) MUST_CHECK;
int meta_get_infos(struct store *s, const char *const *names, const size_t *lens, size_t n,
		   struct obj_info **ret, int *ret_errs) MUST_CHECK;
/* An info from the parts of a message. is_removal: its headers say that it removes what was there.
 */
int meta_decode(struct bucket *b, const char *subject, const void *data, size_t len,
		bool is_removal, uint64_t seq, int64_t time_ns, struct obj_info **ret) MUST_CHECK;

/* ---- meta_names.c ---- */

int meta_names(struct store *s, size_t max, struct name_list *ret) MUST_CHECK;

/* ---- meta_put.c, meta_remove.c ---- */

/* What store_put_info does, for who has entered and may write. */
int meta_put_one(struct bucket *b, struct obj_info *info, uint64_t expected_seq) MUST_CHECK;
int meta_put_info(struct store *s, struct obj_info *info, uint64_t expected_seq) MUST_CHECK;
int meta_commit(struct store_put *sp, struct obj_info *info, uint64_t expected_seq) MUST_CHECK;
int meta_put_infos(struct store *s, struct obj_info *const *infos, const uint64_t *expected_seqs,
		   size_t n, int *ret_errs) MUST_CHECK;
int meta_remove_info(struct store *s, const struct obj_info *info, uint64_t *ret_seq) MUST_CHECK;

/* ---- janitor.c ---- */

void janitor_init(struct janitor *j);
int janitor_start(struct bucket *b) MUST_CHECK;
/* Ends the thread; what is queued gets until the deadline. */
void janitor_stop(struct bucket *b, uint64_t deadline_ns);
void janitor_done(struct janitor *j);
/* Queues the removal of one upload's chunks. Does not wait. If is_unsure chunks may still arrive
 * late, and the removal is repeated after a while. */
void janitor_add(struct bucket *b, const char *nuid, bool is_unsure);
/* Waits until the queue was worked through. True when there was anything in it. */
bool janitor_hurry(struct bucket *b);
/* The bucket is full: the same, and whoever listens gives up what he has kept. True when anything
 * was removed. Waits. */
bool bucket_make_room(struct bucket *b);

/* ---- purge.c ---- */

void purge_all(struct store *s, const char *const *nuids, size_t n, int *ret_errs);
/* All chunks of one identifier, which must be valid. Waits for its turn. */
int purge_nuid(struct bucket *b, const char *nuid) MUST_CHECK;
/* purge_subject that is asked for once and not again behind a lost connection. */
int purge_once(struct bucket *b, const char *subject, uint64_t seq_end) MUST_CHECK;
/* purge_subject while the bucket is closing, when nobody else purges; subject may be NULL for want
 * of memory. */
int purge_last(struct bucket *b, const char *subject, uint64_t seq_end, uint64_t deadline_ns)
	MUST_CHECK;
/* Removes messages of one subject with sequences below seq_end (0: all). Waits for its turn. */
int purge_subject(struct bucket *b, const char *subject, uint64_t seq_end) MUST_CHECK;

/* ---- replaced.c ---- */

void replaced_init(struct replaced *r);
void replaced_done(struct replaced *r);
/* Once it is known what the server can do. */
void replaced_start(struct bucket *b);
/* A message of a metadata subject was announced. True: it belongs to the callee now. */
bool replaced_saw(struct bucket *b, natsMsg *msg) MUST_CHECK;
/* One was read at the leader, perhaps before it is announced. */
void replaced_read(struct bucket *b, const struct stored *stored);
/* Announcements come again after there were none. */
void replaced_up(struct bucket *b);
/* Before each attempt to store metadata. True: the server must not be asked to roll up, and
 * replaced_note has to be called for what was replaced. */
bool replaced_begin(struct bucket *b);
/* The message seq was replaced by by_seq. Does not wait. */
void replaced_note(struct bucket *b, const char *subject, uint64_t seq, uint64_t by_seq);
enum replaced_haste {
	REPLACED_DUE,	  /* what is due */
	REPLACED_HURRIED, /* what may go at once */
	REPLACED_LAST,	  /* what failed before, too */
};
/* What is to be removed now, out of the queue: for replaced_remove or, at the end, to be purged and
 * freed. NULL: nothing before *ret_due_ns. Janitor's lock held. */
struct replaced_name *replaced_take_locked(struct replaced *r, enum replaced_haste haste,
					   uint64_t *ret_due_ns);
/* The connection was lost since: the bucket may be one that was restored, where nothing replaced
 * what was replaced before. */
bool replaced_is_doubtful(struct bucket *b, const struct replaced_name *name);
const char *replaced_subject(const struct replaced_name *name);
uint64_t replaced_below(const struct replaced_name *name);
/* Removes and frees, or queues again. Janitor's turn; waits. */
void replaced_remove(struct bucket *b, struct replaced_name *name);

/* ---- regain.c ---- */

void regain_init(struct regain *g);
void regain_done(struct regain *g);
/* Before and after natsobj removes messages of a subject, which may be any. The other one for that
 * of metadata, janitor's lock held. */
void regain_removing(struct bucket *b, const char *subject);
void regain_removing_locked(struct regain *g, const char *subject);
/* Another client has the server roll up. True: the message belongs to the callee now. Janitor's
 * lock held. */
bool regain_saw_locked(struct regain *g, natsMsg *msg) MUST_CHECK;
/* A message of our own was acknowledged. Copies it if it may be needed. */
void regain_stored(struct bucket *b, const char *subject, const void *data, size_t len);
/* The subject is to be empty; NULL: it may be any. */
void regain_forget(struct bucket *b, const char *subject);
/* A message for regain_check; NULL: nothing before *ret_due_ns. is_last: the second look need not
 * be waited for. Janitor's lock held. */
struct kept *regain_take_locked(struct regain *g, bool is_last, uint64_t *ret_due_ns) MUST_CHECK;
/* Looks at the leader, and stores the message again if there is nothing. Takes it over. Waits. */
void regain_check(struct bucket *b, struct kept *k);
/* Nothing was found under the subject at the leader. False: so it is. True: something may have been
 * stored again, so ask anew. Waits. */
bool regain_now(struct bucket *b, const char *subject) MUST_CHECK;
/* The end: what there is to look at, and is announced within a moment. Waits until the deadline. */
void regain_last(struct bucket *b, uint64_t deadline_ns);

/* ---- put.c, uploads.c, put_resume.c ---- */

void uploads_init(struct uploads *u, uint64_t window);
/* Everybody who waits is told. Does not wait. */
void uploads_shutdown(struct bucket *b);
/* Waits for uploads under way to settle, at most until the deadline. */
void uploads_stop(struct bucket *b, uint64_t deadline_ns);
void uploads_done(struct uploads *u);
/* Room in the bucket is known anew. */
void uploads_pump(struct bucket *b);
int put_open(struct store *s, struct store_put **ret) MUST_CHECK;
int put_add(struct store_put *sp, struct chunk *chunk) MUST_CHECK;
bool put_has_room(struct store_put *sp);
int put_wait_room(struct store_put *sp) MUST_CHECK;
int put_finish(struct store_put *sp, struct put_result *ret) MUST_CHECK;
int put_foretell(struct store_put *sp, struct put_result *ret) MUST_CHECK;
void put_close(struct store_put *sp, bool keep);

/* ---- get.c ---- */

void parked_init(struct parked *p);
int parked_start(struct bucket *b) MUST_CHECK;
/* Everything parked now or later ends at once. Does not wait. */
void parked_shutdown(struct bucket *b);
/* The same, and ends the thread. */
void parked_stop(struct bucket *b);
void parked_done(struct parked *p);
/* The read connection is up again. */
void parked_wake(struct bucket *b);
/* A get was closed: what is parked of it ends soon. */
void parked_forget(struct bucket *b);
int get_open(struct store *s, const struct obj_info *info, struct store_get **ret) MUST_CHECK;
void get_close(struct store_get *sg);
int get_index(struct store_get *sg, bool may_wait) MUST_CHECK;
void get_locate(struct store_get *sg, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off);
int get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
	MUST_CHECK;

/* ---- watch_port.c ---- */

/* Before the first connection: sets up the plain subscription to metadata. */
int watch_prepare(struct bucket *b) MUST_CHECK;

int watch_start(struct store *s, const struct watch_listener *listener,
		const struct watch_mark *from) MUST_CHECK;
int watch_get_mark(struct store *s, struct watch_mark *ret) MUST_CHECK;
bool watch_catch_up(struct store *s);
/* Its thread ends soon, and nobody waits for it any more. */
void watch_shutdown(struct bucket *b);
/* Ends the thread. */
void watch_stop(struct bucket *b);
/* Frees, once the connections are closed. */
void watch_done(struct bucket *b);
/* The control connection came or went. */
void watch_wake(struct bucket *b);
bool watch_is_running(struct bucket *b);
/* Has the listener remove what it keeps. True when it did. Waits. */
bool watch_make_room(struct bucket *b);

#endif
