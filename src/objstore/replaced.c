/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata messages that newer ones have replaced.
 *
 * Usually the server removes them: a publish asks for it with Nats-Rollup. Before 2.12, and where a
 * stream has one replica, the server does so in two steps: it counts the messages of the subject,
 * and removes so many less one from the oldest on. When two clients store one name at the same
 * moment both count both messages, and the second removal takes the newest message too, which was
 * acknowledged. So natsobj does not ask such a server, and removes by sequence what it has
 * replaced.
 *
 * A removal between another client's count and its removal does the same harm. Where another client
 * was seen to roll up the same name it therefore waits until the name has been left alone for
 * REST_MS; whatever the other rolls up meanwhile need not be removed any more. The plain
 * subscription of the watch tells of others. What they did while the connection was lost it does
 * not tell, so such names rest after that too. What a removal does all the same to a roll-up that
 * nobody could know of, regain.c mends.
 */
#include <inttypes.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define REST_MS 10000
#define REST_NS (REST_MS * (uint64_t)NS_PER_MS)
/* What is younger when it is read may still be rolling up what it replaces. */
#define READ_MS 60000
/* Beyond that the server is asked all the same. */
#define NAMES_MAX 8192
#define TRIES_MAX 5
/* A removal may be repeated, and the end of a mount waits for one that is under way. */
#define DELETE_MS 5000

struct replaced_name {
	struct hash_node node;
	struct list link;
	uint64_t due_ns;
	uint64_t seq;	/* the one that was replaced, if it is only one */
	uint64_t below; /* everything with a lower sequence goes */
	unsigned int n;
	unsigned int n_failed;
	bool is_put_off;   /* after a failure */
	unsigned int n_up; /* of the bucket, when it was noted first */
	char subject[];
};

void replaced_init(struct replaced *r)
{
	hash_init(&r->names);
	list_init(&r->cold);
	list_init(&r->resting);
}

void replaced_done(struct replaced *r)
{
	struct list *l;

	while ((l = list_pop_front(&r->cold)) || (l = list_pop_front(&r->resting))) {
		struct replaced_name *name = list_entry(l, struct replaced_name, link);

		hash_remove(&r->names, &name->node);
		free(name);
	}
	hash_done(&r->names);
}

void replaced_start(struct bucket *b)
{
	b->janitor.replaced.is_used =
		b->version < SERVER_VERSION(2, 12, 0) && b->at_open.replicas <= 1;
}

/* Until when the subject has to be left alone; 0: nobody else was seen. */
static uint64_t busy_until_ns(const struct replaced *r, uint64_t hv)
{
	const struct rolled_up *u = &r->rolled_up[hv % ARRAY_LEN(r->rolled_up)];

	if (u->hash != hv || !u->last_ns)
		return 0;
	return (u->last_ns > r->up_ns ? u->last_ns : r->up_ns) + REST_NS;
}

static void note_rolled_up(struct replaced *r, const char *subject)
{
	uint64_t hv = hash_bytes(subject, strlen(subject));

	r->rolled_up[hv % ARRAY_LEN(r->rolled_up)] =
		(struct rolled_up){.hash = hv, .last_ns = clock_now_ns()};
}

bool replaced_saw(struct bucket *b, natsMsg *msg)
{
	struct janitor *j = &b->janitor;
	bool is_taken;

	LOCK_SCOPE(&j->lock);
	/* Natsobj itself asks no such server for it. */
	if (!j->replaced.is_used || !rpc_msg_header(msg, HEADER_ROLLUP))
		return false;
	note_rolled_up(&j->replaced, natsMsg_GetSubject(msg));
	is_taken = regain_saw_locked(&j->regain, msg);
	if (is_taken)
		cond_broadcast(&j->changed);
	return is_taken;
}

void replaced_read(struct bucket *b, const struct stored *stored)
{
	struct janitor *j = &b->janitor;

	/* The clock is the server's. */
	if (!stored->headers || !strstr(stored->headers, HEADER_ROLLUP) ||
	    clock_wall_ns() - stored->time_ns > READ_MS * NS_PER_MS)
		return;
	LOCK_SCOPE(&j->lock);
	if (j->replaced.is_used)
		note_rolled_up(&j->replaced, stored->subject);
}

void replaced_up(struct bucket *b)
{
	LOCK_SCOPE(&b->janitor.lock);
	b->janitor.replaced.up_ns = clock_now_ns();
}

bool replaced_begin(struct bucket *b)
{
	struct janitor *j = &b->janitor;

	LOCK_SCOPE(&j->lock);
	return j->replaced.is_used && j->has_thread && j->replaced.names.count < NAMES_MAX;
}

static struct replaced_name *find(const struct replaced *r, const char *subject, uint64_t hv)
{
	hash_for_each (n, &r->names, hv) {
		struct replaced_name *name = container_of(n, struct replaced_name, node);

		if (n->hash == hv && strcmp(name->subject, subject) == 0)
			return name;
	}
	return NULL;
}

static struct replaced_name *add(struct replaced *r, const char *subject, uint64_t hv)
{
	struct replaced_name *name = calloc(1, sizeof(*name) + strlen(subject) + 1);

	if (!name || hash_insert(&r->names, &name->node, hv) < 0) {
		free(name);
		return NULL;
	}
	list_init(&name->link);
	strcpy(name->subject, subject);
	return name;
}

static void enqueue(struct replaced *r, struct replaced_name *name, uint64_t busy_until)
{
	uint64_t now = clock_now_ns();

	list_remove(&name->link);
	name->due_ns = busy_until > now ? now + REST_NS : 0;
	list_push_back(name->due_ns ? &r->resting : &r->cold, &name->link);
}

void replaced_note(struct bucket *b, const char *subject, uint64_t seq, uint64_t by_seq)
{
	struct janitor *j = &b->janitor;
	uint64_t hv = hash_bytes(subject, strlen(subject));
	struct replaced_name *name;

	LOCK_SCOPE(&j->lock);
	name = find(&j->replaced, subject, hv);
	if (!name) {
		name = add(&j->replaced, subject, hv);
		if (name)
			name->n_up = atomic_load(&b->n_up);
	}
	if (!name)
		return;
	name->n++;
	name->seq = seq;
	if (by_seq > name->below)
		name->below = by_seq;
	enqueue(&j->replaced, name, busy_until_ns(&j->replaced, hv));
	cond_broadcast(&j->changed);
}

/* What others store at present stays, whatever the haste; so does, but at the end, what could not
 * be removed a moment ago. Until when; 0: it goes. */
static uint64_t stays_until_ns(const struct replaced *r, const struct replaced_name *name,
			       enum replaced_haste haste, uint64_t now)
{
	uint64_t busy_until = busy_until_ns(r, name->node.hash);

	if (busy_until > now)
		return busy_until;
	return haste == REPLACED_HURRIED && name->is_put_off && name->due_ns > now ? name->due_ns
										   : 0;
}

static struct replaced_name *take_from(struct replaced *r, struct list *queue,
				       enum replaced_haste haste, uint64_t *ret_due_ns)
{
	uint64_t now = clock_now_ns(), until;

	list_for_each_safe (it, queue) {
		struct replaced_name *name = list_entry(it, struct replaced_name, link);
		bool is_early = haste == REPLACED_DUE && name->due_ns > now;

		until = is_early ? name->due_ns : stays_until_ns(r, name, haste, now);
		if (!until) {
			list_remove(&name->link);
			hash_remove(&r->names, &name->node);
			return name;
		}
		if (until < *ret_due_ns)
			*ret_due_ns = until;
		/* Those behind it are no earlier. */
		if (is_early)
			return NULL;
		if (haste == REPLACED_DUE)
			enqueue(r, name, UINT64_MAX);
	}
	return NULL;
}

struct replaced_name *replaced_take_locked(struct replaced *r, enum replaced_haste haste,
					   uint64_t *ret_due_ns)
{
	struct replaced_name *name;

	*ret_due_ns = UINT64_MAX;
	name = take_from(r, &r->cold, haste, ret_due_ns);
	return name ? name : take_from(r, &r->resting, haste, ret_due_ns);
}

const char *replaced_subject(const struct replaced_name *name)
{
	return name->subject;
}

uint64_t replaced_below(const struct replaced_name *name)
{
	return name->below;
}

/* 0 also when it is gone already. Asked for once: behind a lost connection the stream may be
 * another one, in which the sequence is something else's. */
static int delete_one(struct bucket *b, const char *subject, uint64_t seq)
{
	_cleanup_buf_ struct buf body;
	int err;

	buf_init(&body, 128);
	/* In this order watch_audit.c knows it for one of ours. */
	buf_printf(&body, "{\"no_erase\":true,\"seq\":%" PRIu64 "}", seq);
	regain_removing(b, subject);
	err = api_call_once(b, b->janitor_link.rpc, "STREAM.MSG.DELETE", &body,
			    clock_deadline_ms(DELETE_MS), NULL);
	regain_removing(b, subject);
	return err == -ENOENT ? 0 : err;
}

bool replaced_is_doubtful(struct bucket *b, const struct replaced_name *name)
{
	return name->n_up != atomic_load(&b->n_up);
}

/* What is newer must still be there: 1 when it is. */
static int is_replaced(struct bucket *b, const struct replaced_name *name)
{
	const char *token = meta_token_in(b, name->subject);
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int item_err = 0, err = meta_read_tokens(b, &token, 1, &now, &item_err);

	if (!err)
		err = item_err;
	if (err == -ENOENT)
		return 0;
	return err < 0 ? err : now->seq >= name->below;
}

/* One message is removed without a look at the others of the stream, where that is permitted. */
static int remove_messages(struct bucket *b, const struct replaced_name *name)
{
	/* Nobody would hear of a roll-up that meets it. */
	if (!rpc_is_up(b->control.rpc))
		return -ENOTCONN;
	if (replaced_is_doubtful(b, name)) {
		int is_certain = is_replaced(b, name);

		return is_certain > 0 ? purge_once(b, name->subject, name->below) : is_certain;
	}
	if (name->n == 1 && !atomic_load(&b->janitor.replaced.is_delete_denied)) {
		int err = delete_one(b, name->subject, name->seq);

		/* Else it is not permitted. */
		if (!err || api_is_no_answer(err))
			return err;
		atomic_store(&b->janitor.replaced.is_delete_denied, true);
	}
	return purge_once(b, name->subject, name->below);
}

void replaced_remove(struct bucket *b, struct replaced_name *name)
{
	struct janitor *j = &b->janitor;
	int err = remove_messages(b, name);
	uint64_t hv = name->node.hash;

	/* At the end of the store what is under way is broken off, and left to janitor_stop. */
	if (err == -ESHUTDOWN || (err < 0 && err != -ENODEV && ++name->n_failed < TRIES_MAX)) {
		LOCK_SCOPE(&j->lock);
		if (!find(&j->replaced, name->subject, hv) &&
		    hash_insert(&j->replaced.names, &name->node, hv) == 0) {
			list_init(&name->link);
			name->is_put_off = true;
			enqueue(&j->replaced, name, UINT64_MAX);
			return;
		}
	}
	if (err < 0)
		log_info("%s: replaced metadata under %s is left behind: %s", b->store.bucket,
			 name->subject, strerrordesc_np(-err));
	free(name);
}
