/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_WATCH_INTERNAL_H
#define NATSOBJ_OBJSTORE_WATCH_INTERNAL_H

/* What watch*.c share. Nobody else includes it. */

#include "objstore/bucket_internal.h"
#include "objstore/feed.h"

/* Names read at the leader at a time. */
#define WATCH_RESOLVE_MAX 128
/* Events that may be announced late. */
#define RECENT_EVENTS 1024

/* Metadata subjects that were seen published and have to be met by a consumer event. */
struct hints {
	/* protected by watch.lock */
	struct hash table;
	struct list pending;   /* in the order of their announcements */
	struct list unsettled; /* were read, but their messages may come yet */
	size_t n_unsettled;
	uint64_t round; /* counts what is read in one go */
	uint64_t n_announced;
	uint64_t delay_ns;
	uint64_t awaited;	    /* fingerprint of an event that waits for its announcement */
	unsigned int n_unannounced; /* removals in a row that waited in vain */
	uint64_t recent[RECENT_EVENTS]; /* fingerprints of events not announced yet */
};

/* What was known of the stream when it was looked at last: see watch_audit.c. */
struct audit_look {
	uint64_t last_seq, messages;
	uint64_t n_audited;
	uint64_t listed_ns;
	bool is_doubtful; /* more was gone than was explained */
};

#define WITNESSES 8

/* A version that was delivered: see watch_witness.c. */
struct witness {
	char *token; /* NULL: none */
	uint64_t seq;
	int64_t time_ns;
};

struct watch {
	struct bucket *bucket;
	struct watch_listener listener;
	pthread_t thread;
	bool has_thread;

	struct mutex lock;
	struct cond changed;
	/* What lock protects of it, and what is the watch thread's, it says itself. Too many hints,
	 * too, are an overflow. */
	struct feed feed;
	/* protected by lock */
	bool is_stopping;
	bool is_told;	    /* the server says that something happened to the stream */
	struct list purged; /* names of which messages were purged */
	size_t n_purged;
	uint64_t n_audited;  /* messages that others said they purged */
	uint64_t deleted_ns; /* when others first deleted one by its number since a listing; 0 */
	uint64_t n_asked, n_caught_up; /* calls of watch_catch_up, and those served */
	uint64_t alarm_ns;	       /* the thread wakes by itself no later than this */
	bool is_loaded;		       /* once: the first listing was delivered, or failed */
	int first_err;
	struct hints hints;
	struct watch_mark mark; /* as of n_caught_up; seq 0: there was none */

	/* the watch thread's */
	struct watch_mark from;	   /* seq 0: the first listing is a full one */
	struct watch_mark handled; /* as of the newest event */
	bool is_from_refused;
	uint64_t relist_ns; /* when to list because names may have gone unnoticed; 0: never */
	uint64_t asked_ns;  /* when the stream was last looked at for lack of heartbeats */
	int64_t created_ns;
	uint64_t max_age_ns; /* as the listener knows */
	struct witness witnesses[WITNESSES];
	struct audit_look look;
	uint64_t look_again_ns;	   /* 0: as usual */
	uint64_t listing_pause_ns; /* between listings for a mere doubt */
	uint64_t listing_pause_until_ns;
	uint64_t listed_seq; /* what is newer was announced, if anything is */
	uint64_t max_seq;    /* ever delivered */
	bool is_connected;   /* as the listener knows */
	/* Names read at the leader ahead of their events, by token: older events are not news. */
	struct hash ahead;
	uint64_t ahead_max_seq;
};

/* Names that were read and turned out to be removed, which waits until all else was delivered. */
struct resolved {
	struct list removals;
	bool has_moved_on; /* there may be names outstanding to which they were moved */
};

#define RESOLVED_INITIALIZER(name)                                                                 \
	{                                                                                          \
		.removals = LIST_INITIALIZER((name).removals)                                      \
	}

/* ---- watch_hints.c ---- */

struct hint;

void hints_init(struct hints *h);
void hints_clear_locked(struct watch *w);
/* A plain message was seen: notes it, unless its event has come already. */
void hints_add(struct watch *w, natsMsg *msg);
/* An event is about to be delivered: it meets its hint, and what was skipped before it is read at
 * the leader and delivered first, but for removals: these come after the event, which may be what
 * they were moved to. Watch thread; waits. */
void hints_meet(struct watch *w, natsMsg *msg, uint64_t seq, bool is_removal,
		struct resolved *names);
/* When the next hint is due; UINT64_MAX: none. */
uint64_t hints_due_locked(const struct watch *w);
/* Notes a name as if it was announced now. */
void hints_put_back(struct watch *w, const char *token);
/* What is taken from now on was not read in this round. */
void hints_begin_round(struct watch *w);
/* Takes what is due, or everything, out of the lists, for hints_settle; but nothing twice in one
 * round. */
size_t hints_take(struct watch *w, bool is_all, struct hint *ret[WATCH_RESOLVE_MAX]);
/* As long as the hint is the caller's. */
const char *hint_token(const struct hint *h);
/* The name of a hint was read; its newest message is seq, 0: there is none. Takes the hint over.
 * False: what was announced may be stored yet, so it stays. */
bool hints_settle(struct watch *w, struct hint *h, uint64_t seq);
/* Reads at the leader what is due (or everything) and delivers it. Watch thread; waits. */
void hints_resolve(struct watch *w, bool is_all);

/* ---- watch_resolve.c ---- */

/*
 * Reads names and delivers those that exist. A name that was removed after limit_seq may have been
 * moved to one that was announced by then, but was not to be read. Takes the hints over. Watch
 * thread; waits.
 */
void watch_read(struct watch *w, struct hint *const *hints, size_t n, uint64_t limit_seq,
		struct resolved *names);
/* Reads whatever is outstanding until nothing has moved on. Watch thread; waits. */
void watch_read_on(struct watch *w, struct resolved *names);
/* To be called in the end. Where names never came to rest, removals are left to their events; after
 * the connection was lost, to the listing: what was stored meanwhile was not announced. */
void watch_deliver_removals(struct watch *w, struct resolved *names);

/* ---- watch_ahead.c: all on the watch thread ---- */

/* A name was read as of sequence seq. False without memory: then only a new listing keeps the
 * order.
 */
bool ahead_note(struct watch *w, const char *token, uint64_t seq) MUST_CHECK;
/* True when an event is not newer than what was read ahead. */
bool ahead_has(const struct watch *w, const char *token, uint64_t seq);
/* The consumer has come to the event seq: what was read ahead of events up to there is done with.
 */
void ahead_pass(struct watch *w, uint64_t seq);
void ahead_forget(struct watch *w);

/* ---- watch_audit.c: on the watch thread but for the first ---- */

/* The server tells of a call of its API. Delivery thread. */
void audit_note(struct watch *w, natsMsg *msg);
/* Tells the listener of what was purged. */
void audit_deliver(struct watch *w);
/* At the end, when nobody else is left. */
void audit_forget(struct watch *w);
/* A listing begins, which tells of everything that info counts; and it is complete. */
void audit_begin(struct watch *w, const struct stream_info *info);
void audit_listed(struct watch *w);
/* -EAGAIN: something is gone that was not told of. */
int audit_check(struct watch *w, const struct stream_info *info) MUST_CHECK;

/* ---- watch_witness.c: on the watch thread ---- */

/* A version was delivered. */
void witness_note(struct watch *w, const char *token, uint64_t seq, int64_t time_ns);
void witness_forget(struct watch *w);
/* Asks the leader whether the bucket is still the one that the witnesses are from. */
int witness_check(struct watch *w, bool *ret_is_other) MUST_CHECK;

/* ---- watch_events.c: all on the watch thread ---- */

/* Takes the consumer down and forgets what it brought. */
void watch_drop_consumer(struct watch *w);
/* Waits for events, trouble, a hint that is due, or until_ns. Errors: -ESHUTDOWN, -ENOTCONN the
 * consumer is gone, -EAGAIN it has to be made anew. */
int watch_wait_events(struct watch *w, uint64_t until_ns, struct list *ret) MUST_CHECK;
/* Works through a list of events; what is left after an error is dropped. ret_idle: a heartbeat
 * said that all was sent; ret_pending: the server's count after a message. -EAGAIN: something was
 * missed. */
int watch_handle_events(struct watch *w, struct list *events, bool *ret_idle, uint64_t *ret_pending)
	MUST_CHECK;

/* ---- watch_resume.c: all on the watch thread, unless it says otherwise ---- */

/* Goes on from w->from with a new consumer: its events up to now are to be received. -ESTALE: a
 * full listing is needed. ret_info: the stream as it was before. Waits. */
int watch_resume(struct watch *w, struct stream_info *ret_info, uint64_t *ret_total) MUST_CHECK;
/* All those events came: whether that was all there is. -ESTALE as above. Waits. */
int watch_resume_end(struct watch *w, const struct stream_info *before) MUST_CHECK;
/* Events were handled up to a message. */
void watch_note_handled(struct watch *w, natsMsg *msg, const struct push_meta *meta);
/* The mark is what was handled last, if nothing before it is outstanding; else there is none. */
void watch_set_mark_locked(struct watch *w, bool is_complete);

/* ---- watch_list.c: on the watch thread ---- */

/* Lists everything, between on_reload_begin and on_reload_end. -EAGAIN: again, from the start.
 * Waits. */
int watch_list(struct watch *w) MUST_CHECK;
/* Until the first events of a new consumer, by the server's count total, have come in full, or it
 * has no more. Waits. */
int watch_receive(struct watch *w, uint64_t total) MUST_CHECK;

/* ---- watch.c ---- */

/* Before each listing: the listener's, as others set it. Watch thread. */
void watch_tell_max_age(struct watch *w, const struct stream_info *info);
/* Looks at the stream from time to time, when the server tells that it was changed or deleted, and
 * when no heartbeat came for a while. -EAGAIN: all is to be listed anew. Watch thread; waits. */
int watch_check_stream(struct watch *w) MUST_CHECK;
/* Reads everything that was announced and not delivered yet, for those who wait for it. Watch
 * thread; waits. */
void watch_serve_catch_up(struct watch *w, bool is_following);

/* The watch thread. */
void *watch_main(void *arg);

/* Whether the consumer went with its connection. What was read at the leader since may be newer
 * than all that was announced. */
bool watch_is_lost(struct watch *w);
/* Gives info to the listener. Watch thread. */
void watch_deliver(struct watch *w, struct obj_info *info);

#endif
