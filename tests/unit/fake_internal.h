/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_FAKE_INTERNAL_H
#define NATSOBJ_TESTS_FAKE_INTERNAL_H

/*
 * The bucket (struct fake) has one lock for everything. A store has two threads: one for events,
 * one ("worker") for acknowledgements, chunks and removals in the background. Neither holds the
 * lock while it calls out.
 */

#include "fake_store.h"
#include "util/list.h"
#include "util/lock.h"

/* The newest metadata message of one subject. */
struct fake_meta {
	struct list link;
	char *token;
	char *json;
	size_t len;
	uint64_t seq;
	int64_t time_ns;
};

/* The chunks under one identifier. */
struct fake_blob {
	struct list link;
	char nuid[OBJ_NUID_MAX + 1];
	struct chunk **chunks;
	uint32_t n;
};

struct fake {
	struct mutex lock;
	struct cond cond; /* anything changed */
	uint32_t chunk_size;
	uint64_t seq;
	uint64_t window;
	uint64_t free_bytes; /* as store_status says */
	uint64_t n_reloads;
	uint64_t max_age_ns;
	unsigned int delay_ms;	 /* of each event */
	unsigned int ahead_ms;	 /* its clock, of ours */
	unsigned int listed_max; /* names after which listings stop */
	bool is_held;
	bool is_deleted;
	bool is_plain;
	unsigned int depth; /* versions of each name that are kept */
	struct list metas;
	struct list old; /* replaced ones, in the order of their sequences */
	struct list blobs;
	struct list stores;
	struct {
		int err;
		unsigned int n_skips; /* calls that go well before the failures */
		unsigned int n_failures;
		unsigned int n_calls;
	} ops[FAKE_N_OPS];
	int lost_answer;
	unsigned int n_answers; /* before that */
	void (*before_get)(void);
	const char *before_name; /* metadata that are asked for then */
	void (*before_put)(void);
	unsigned int n_before; /* metadata that are stored before that */
};

struct fake_store {
	struct store base;
	struct fake *b;
	struct list link;
	struct list jobs;   /* for the worker */
	struct list urgent; /* also while answers are kept back */
	pthread_t worker, watcher;
	bool is_closing;
	bool is_shutdown;
	bool is_watching;
	struct watch_listener listener;
	/* Events up to here were handled. */
	uint64_t watched_seq;
	uint64_t n_reloads;
	bool is_listed;
	bool is_told_gone;
	bool is_from_refused;
	/* A listing stops, and who wants to be told of what came since it began. */
	bool is_stopped;
	unsigned int n_asked, n_caught_up;
};

/* Something the worker does when its turn comes. */
struct fake_job {
	struct list link;
	const void *owner;
	void (*run)(struct fake_job *j);    /* with the lock held; ready when it returns */
	void (*answer)(struct fake_job *j); /* without; frees the job */
};

void *fake_alloc(size_t n, size_t size);
struct fake_store *fake_store_of(struct store *s);
/* 0 or the error that op is to fail with. Lock held. */
int fake_enter(struct fake_store *s, enum fake_op op);
void fake_queue(struct fake_store *s, struct fake_job *j);
struct fake_blob *fake_blob_find(struct fake *b, const char *nuid);
/* Finds or makes. */
struct fake_blob *fake_blob_get(struct fake *b, const char *nuid);
/* Takes over the chunk. */
void fake_blob_add(struct fake *b, struct fake_blob *blob, struct chunk *c);
void fake_blob_remove(struct fake *b, const char *nuid);
struct fake_meta *fake_meta_find(struct fake *b, const char *token);
/* Stores a message; takes over token and json. */
void fake_meta_store(struct fake *b, char *token, char *json, size_t len);
void fake_meta_remove(struct fake_meta *m);
struct obj_info *fake_meta_parse(const struct fake_meta *m);
char *fake_token(const struct obj_info *info);

/* fake_store.c */

int fake_put_info(struct store *s, struct obj_info *info, uint64_t expected_seq);

/* fake_plain.c */

/* The largest content of such a bucket. */
uint64_t fake_plain_max(const struct fake *b);
/* Makes info what becomes of it when it is stored in the place of old, which may be NULL: its
 * content too. A copy of old may be kept. */
int fake_plain_store(struct fake *b, struct obj_info *info, const struct fake_meta *old);

void fake_plain_done(struct fake *b);
int fake_history(struct store *s, const char *name, size_t len, struct obj_info ***ret,
		 size_t *ret_n);
int fake_history_names(struct store *s, const char *prefix, char ***ret, size_t *ret_n);

/* fake_watch.c */
int fake_watch(struct store *s, const struct watch_listener *l, const struct watch_mark *from);
int fake_names(struct store *s, size_t max, struct name_list *ret);
int fake_watch_mark(struct store *s, struct watch_mark *ret);
bool fake_catch_up(struct store *s);

/* fake_content.c */
int fake_put_open(struct store *s, struct store_put **ret);
int fake_put_add(struct store_put *p, struct chunk *c);
bool fake_put_has_room(struct store_put *p);
int fake_put_wait_room(struct store_put *p);
int fake_put_finish(struct store_put *p, struct put_result *ret);
int fake_put_foretell(struct store_put *p, struct put_result *ret);
int fake_put_commit(struct store_put *p, struct obj_info *info, uint64_t expected_seq);
void fake_put_close(struct store_put *p, bool keep);
int fake_get_open(struct store *s, const struct obj_info *info, struct store_get **ret);
void fake_get_close(struct store_get *g);
int fake_get_index(struct store_get *g, bool may_wait);
void fake_get_locate(struct store_get *g, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off);
int fake_get_chunk(struct store_get *g, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg);

#endif
