/* SPDX-License-Identifier: Apache-2.0 */
/* Storing metadata: of one name, of several at once, of a content together with its end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/bucket_internal.h"
#include "objstore/group.h"
#include "objstore/meta_offer.h"
#include "objstore/put_internal.h"
#include "util/clock.h"

/* Publishes on the wire at once for one call. */
#define BATCH_MAX 128

/*
 * The one chunk of a content and its metadata in one round trip. The chunk carries an identifier,
 * and the server stores the metadata only if the newest message of the stream is the one with that
 * identifier: so never without the chunk. -EAGAIN: another message came in between, or something
 * else went wrong; then the metadata is to be offered as usual, behind the acknowledgement.
 */
static int offer_pair(struct offer *o, struct put *p)
{
	_cleanup_msg_ natsMsg *msg = NULL;
	const struct rpc_header id = {HEADER_MSG_ID, p->nuid};
	struct rpc_request chunk;
	struct attempt a = {0};
	bool was_sent;
	int err;

	if (!put_take_held(p, &chunk))
		return -EAGAIN;
	chunk.headers = &id;
	chunk.n_headers = 1;
	attempt_init(&a, o);
	a.headers[a.req.n_headers++] = (struct rpc_header){"Nats-Expected-Last-Msg-Id", p->nuid};
	err = rpc_call_behind(o->b->control.rpc, &chunk, &a.req, &msg, &was_sent);
	o->is_uncertain = was_sent && (err == -ENOTCONN || err == -ETIMEDOUT);
	if (!err)
		err = api_parse_ack(o->b, msg, &o->seq, NULL);
	/* Some servers remember what they refused. */
	if (err < 0 && !o->is_uncertain)
		obj_nuid_new(o->id);
	if (err < 0)
		return -EAGAIN;
	o->time_ns = clock_wall_ns();
	return 0;
}

/*
 * The chunk was sent again, under the identifier nuid, so other metadata is offered. Should the
 * pair have been stored all the same, or be yet, then one of both has the place in the end, and the
 * other one's chunk goes.
 */
static int offer_anew(struct offer *o, struct obj_info *info, const char *nuid)
{
	struct offer again CLEANUP(offer_done) = {0};
	char first[OBJ_NUID_LEN + 1];
	int err;

	memcpy(first, info->nuid, sizeof(first));
	strcpy(info->nuid, nuid);
	err = offer_init(&again, o->b, info, o->expected_seq);
	if (!err)
		err = offer_run(&again);
	if (err == -ESTALE && o->is_uncertain) {
		err = offer_resolve(o);
		if (!err) {
			strcpy(info->nuid, first);
			janitor_add(o->b, nuid, true);
			return 0;
		}
	}
	o->seq = again.seq;
	o->time_ns = again.time_ns;
	o->is_kept = again.is_kept;
	if (!err || err == -ESTALE)
		janitor_add(o->b, first, true);
	return err;
}

/* The content first, then its metadata: after a pair of both was not stored, or perhaps was. */
static int offer_behind(struct offer *o, struct put *p, struct obj_info *info)
{
	char nuid[OBJ_NUID_LEN + 1];
	int err = put_wait_end(p);

	if (!err) {
		put_end_pair(p, nuid);
		err = strcmp(nuid, info->nuid) == 0 ? offer_run(o) : offer_anew(o, info, nuid);
	}
	/* What may have been stored needs its chunk. */
	return err && err != -ESTALE && o->is_uncertain && store_is_certain(err) ? -EIO : err;
}

/* p: the upload of the content; NULL: it is complete. */
static int put_one(struct bucket *b, struct put *p, struct obj_info *info, uint64_t expected_seq)
{
	struct offer o CLEANUP(offer_done) = {0};
	int err = offer_init(&o, b, info, expected_seq);

	if (!err)
		err = offer_check_room(&o);
	if (!err)
		err = p ? offer_pair(&o, p) : offer_run(&o);
	if (err == -EAGAIN)
		err = offer_behind(&o, p, info);
	if (!err)
		offer_settle(&o, info);
	return err;
}

int meta_put_one(struct bucket *b, struct obj_info *info, uint64_t expected_seq)
{
	return put_one(b, NULL, info, expected_seq);
}

/* Content that stays is as old as it was, whatever the age of its metadata. info->time_ns is 0 for
 * new content. */
static int keep_age(struct bucket *b, struct obj_info *info)
{
	char text[24];

	if (atomic_load(&b->max_age_ns) == 0 || info->is_deleted)
		return 0;
	if (info->time_ns == 0 || info->chunks == 0)
		return obj_info_set_meta(info, ATTR_BORN, NULL);
	if (obj_info_meta(info, ATTR_BORN))
		return 0;
	snprintf(text, sizeof(text), "%" PRId64, info->time_ns);
	return obj_info_set_meta(info, ATTR_BORN, text);
}

static int put_info(struct bucket *b, struct put *p, struct obj_info *info, uint64_t expected_seq)
{
	int err = bucket_check_writable(b);

	if (!err)
		err = keep_age(b, info);
	if (!err)
		err = bucket_enter(b);
	if (err < 0)
		return err;
	err = put_one(b, p, info, expected_seq);
	bucket_leave(b);
	return err;
}

int meta_put_info(struct store *s, struct obj_info *info, uint64_t expected_seq)
{
	return put_info(bucket_of(s), NULL, info, expected_seq);
}

int meta_commit(struct store_put *sp, struct obj_info *info, uint64_t expected_seq)
{
	struct put *p = container_of(sp, struct put, pub);

	return put_info(p->bucket, p, info, expected_seq);
}

/* The first attempt of all goes out together; whatever needs another is offered alone. */
static void put_batch(struct bucket *b, struct obj_info *const *infos,
		      const uint64_t *expected_seqs, size_t n, int *ret_errs)
{
	_cleanup_free_ struct offer *offers = calloc(n, sizeof(*offers));
	_cleanup_group_ struct group *g = group_new(n);

	for (size_t i = 0; i < n; i++) {
		struct attempt a = {0};

		ret_errs[i] = -ENOMEM;
		if (!offers || !g)
			continue;
		ret_errs[i] = offer_init(&offers[i], b, infos[i], expected_seqs[i]);
		if (!ret_errs[i])
			ret_errs[i] = offer_check_room(&offers[i]);
		if (ret_errs[i])
			continue;
		attempt_init(&a, &offers[i]);
		ret_errs[i] = group_send(g, i, b->control.rpc, &a.req);
	}
	if (!offers || !g)
		return;
	group_wait(g);
	for (size_t i = 0; i < n; i++) {
		struct group_item *item = group_item(g, i);

		if (!ret_errs[i])
			ret_errs[i] = offer_judge(&offers[i], item->msg, item->err, item->was_sent);
		if (ret_errs[i] == -EAGAIN)
			ret_errs[i] = offer_run(&offers[i]);
		if (!ret_errs[i])
			offer_settle(&offers[i], infos[i]);
		offer_done(&offers[i]);
	}
}

int meta_put_infos(struct store *s, struct obj_info *const *infos, const uint64_t *expected_seqs,
		   size_t n, int *ret_errs)
{
	struct bucket *b = bucket_of(s);
	int err = bucket_check_writable(b);

	if (!err)
		err = bucket_enter(b);
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i += BATCH_MAX) {
		size_t k = n - i < BATCH_MAX ? n - i : BATCH_MAX;

		put_batch(b, infos + i, expected_seqs + i, k, ret_errs + i);
	}
	bucket_leave(b);
	return 0;
}
