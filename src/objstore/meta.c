/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading metadata: always STREAM.MSG.GET, which only the leader answers. A direct get was seen to
 * be older than an acknowledgement already given.
 *
 * A name without a canonical message is looked up among the tokens that the watch has seen
 * (meta_token.c). Without a watch the known deviations are tried instead: no padding, and the other
 * base64 alphabet.
 */
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/group.h"
#include "objstore/layout.h"
#include "objstore/long_name.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

/* Requests on the wire at once for one call. */
#define BATCH_MAX 128

int meta_decode(struct bucket *b, const char *subject, const void *data, size_t len,
		bool is_removal, uint64_t seq, int64_t time_ns, struct obj_info **ret)
{
	const char *token = meta_token_in(b, subject);
	int err;

	if (!token)
		return -EIO;
	err = b->layout->decode(b, token, data, len, is_removal, seq, ret);
	if (err < 0)
		return err == -ENOMEM ? err : -EIO;
	(*ret)->seq = seq;
	(*ret)->time_ns = time_ns;
	return 0;
}

/* What is stored under one token. The subject is checked: a name never gets another one's metadata.
 */
static int decode_stored(struct bucket *b, const char *token, struct stored *stored,
			 struct obj_info **ret)
{
	const char *found = meta_token_in(b, stored->subject);
	int err;

	if (!found || strcmp(found, token) != 0)
		return -EIO;
	replaced_read(b, stored);
	err = meta_decode(b, stored->subject, stored->data, stored->len, stored->is_removal,
			  stored->seq, stored->time_ns, ret);
	if (!err && b->layout->note)
		b->layout->note(b, *ret, stored);
	return err;
}

static void format_request(const struct bucket *b, const char *token, struct buf *out)
{
	_cleanup_free_ char *subject = meta_token_subject(b, token);

	if (!subject) {
		out->error = -ENOMEM;
		return;
	}
	stored_format_last(subject, out);
}

/* One token, with every repetition there may be. */
static int read_token(struct bucket *b, const char *token, struct obj_info **ret)
{
	_cleanup_stored_ struct stored stored = {0};
	_cleanup_buf_ struct buf body;
	int err;

	buf_init(&body, 64 * 1024);
	format_request(b, token, &body);
	err = stored_read(b, &body, &stored);
	return err ? err : decode_stored(b, token, &stored, ret);
}

int meta_check_mark(struct bucket *b, const struct watch_mark *mark)
{
	_cleanup_stored_ struct stored stored = {0};
	int err = stored_read_seq(b, mark->seq, &stored);

	if (err == -ENOENT)
		return -ESTALE;
	if (!err &&
	    (stored.seq != mark->seq || stored.time_ns != mark->time_ns ||
	     hash_bytes_stable(stored.subject, strlen(stored.subject)) != mark->subject_hash))
		return -ESTALE;
	return err;
}

static int send_token(struct bucket *b, const char *api, const char *token, struct group *g,
		      size_t i)
{
	_cleanup_buf_ struct buf body;
	struct rpc_request req = {.subject = api,
				  .deadline_ns = clock_deadline_ms((int64_t)b->timeout_ms)};

	buf_init(&body, 64 * 1024);
	format_request(b, token, &body);
	if (buf_error(&body) < 0)
		return -ENOMEM;
	req.data = body.data;
	req.len = body.len;
	return group_send(g, i, b->control.rpc, &req);
}

static int read_batch(struct bucket *b, const char *const *tokens, size_t n, struct obj_info **ret,
		      int *ret_errs)
{
	_cleanup_free_ char *api = api_subject(b, "STREAM.MSG.GET");
	_cleanup_group_ struct group *g = group_new(n);

	if (!g || !api)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = send_token(b, api, tokens[i], g, i);
	group_wait(g);
	for (size_t i = 0; i < n; i++) {
		_cleanup_stored_ struct stored stored = {0};
		struct group_item *item = group_item(g, i);
		int err = ret_errs[i] < 0 ? ret_errs[i] : item->err;

		/* Nobody there to answer is not the same as nothing found. */
		err = err == -ENOENT ? -EAGAIN : err;
		ret[i] = NULL;
		if (!err)
			err = stored_parse(item->msg, &stored);
		if (!err)
			err = decode_stored(b, tokens[i], &stored, &ret[i]);
		if (api_is_passing(err))
			err = read_token(b, tokens[i], &ret[i]);
		ret_errs[i] = err;
	}
	return 0;
}

/* Nothing there may be a loss that is being mended. */
static void read_regained(struct bucket *b, const char *token, struct obj_info **ret, int *ret_err)
{
	_cleanup_free_ char *subject = meta_token_subject(b, token);

	if (subject && regain_now(b, subject))
		*ret_err = read_token(b, token, ret);
}

static int read_tokens(struct bucket *b, const char *const *tokens, size_t n, struct obj_info **ret,
		       int *ret_errs)
{
	int err;

	for (size_t i = 0; i < n; i += BATCH_MAX) {
		size_t k = n - i < BATCH_MAX ? n - i : BATCH_MAX;

		if (k == 1) {
			ret[i] = NULL;
			ret_errs[i] = read_token(b, tokens[i], &ret[i]);
			continue;
		}
		err = read_batch(b, tokens + i, k, ret + i, ret_errs + i);
		for (size_t j = i; err < 0 && j < n; j++) {
			ret[j] = NULL;
			ret_errs[j] = err;
		}
		if (err < 0)
			return i == 0 ? err : 0;
	}
	return 0;
}

int meta_read_tokens(struct bucket *b, const char *const *tokens, size_t n, struct obj_info **ret,
		     int *ret_errs)
{
	int err = read_tokens(b, tokens, n, ret, ret_errs);

	for (size_t i = 0; !err && i < n; i++)
		if (ret_errs[i] == -ENOENT)
			read_regained(b, tokens[i], &ret[i], &ret_errs[i]);
	return err;
}

/* Places where clients that encode names in ways of their own would have put it, in one round trip.
 * The name in the metadata decides. */
static int read_variants(struct bucket *b, const char *name, size_t len, struct obj_info **ret)
{
	struct obj_info *found[OBJ_FOREIGN_TOKENS] = {0};
	int errs[OBJ_FOREIGN_TOKENS], err = -ENOENT;
	char *tokens[OBJ_FOREIGN_TOKENS];
	size_t n = obj_foreign_tokens(name, len, tokens);

	if (n > 0 && meta_read_tokens(b, (const char *const *)tokens, n, found, errs) < 0)
		err = -ENOMEM;
	for (size_t i = 0; i < n && err != -ENOMEM; i++) {
		if (err == -ENOENT && !errs[i] && found[i]->name_len == len &&
		    memcmp(found[i]->name, name, len) == 0) {
			*ret = steal_ptr(found[i]);
			err = 0;
		} else if (err == -ENOENT && errs[i]) {
			err = errs[i];
		}
		obj_info_free(found[i]);
	}
	for (size_t i = 0; i < n; i++)
		free(tokens[i]);
	return err;
}

/* A name without an object at its canonical place. */
static int read_elsewhere(struct bucket *b, const char *name, size_t len, struct obj_info **ret)
{
	_cleanup_free_ char *token = meta_noted_token(b, name, len);
	int err = token ? read_token(b, token, ret) : -ENOENT;

	/* What is stored next goes to the canonical place, where nothing is to be replaced. */
	if (!err && (*ret)->is_deleted) {
		obj_info_free(*ret);
		*ret = NULL;
		return -ENOENT;
	}
	if (token)
		return err;
	if (watch_is_running(b) || !b->layout->is_base64)
		return -ENOENT;
	return read_variants(b, name, len, ret);
}

/* Behind a tombstone at the canonical place there may be an object at another. */
static void prefer_live(struct bucket *b, const char *name, size_t len, struct obj_info **info)
{
	_cleanup_free_ char *token = meta_noted_token(b, name, len);
	_cleanup_obj_info_ struct obj_info *other = NULL;

	if (!token || read_token(b, token, &other) < 0 || other->is_deleted)
		return;
	obj_info_free(*info);
	*info = steal_ptr(other);
}

/* Its own, or the alias of a long one. */
static bool is_name_of(const struct obj_info *info, const char *name, size_t len)
{
	char alias[OBJ_ALIAS_LEN + 1];

	if (info->name_len == len && memcmp(info->name, name, len) == 0)
		return true;
	return len == OBJ_ALIAS_LEN && obj_alias(info->name, info->name_len, alias) == 0 &&
	       memcmp(alias, name, len) == 0;
}

/* What is at a name's canonical place. */
static int settle(struct bucket *b, const char *name, size_t len, struct obj_info **info)
{
	int err = obj_info_expect_name(*info, name, len);

	if (err < 0) {
		obj_info_free(*info);
		*info = NULL;
		return err;
	}
	/* An object of an ancient client, whose token reads as that of this name. */
	if (b->layout->is_base64 && !is_name_of(*info, name, len)) {
		log_warn("bucket %s: the place of %s has the metadata of %s", b->store.bucket, name,
			 (*info)->name);
		obj_info_free(*info);
		*info = NULL;
		return -EIO;
	}
	if ((*info)->is_deleted)
		prefer_live(b, name, len, info);
	return 0;
}

static int check_name(const char *name, size_t len)
{
	if (len == 0 || !obj_utf8_is_valid(name, len))
		return -EINVAL;
	return len > OBJ_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int get_infos(struct bucket *b, const char *const *names, const size_t *lens, size_t n,
		     const char *const *tokens, struct obj_info **ret, int *ret_errs)
{
	int err = meta_read_tokens(b, tokens, n, ret, ret_errs);

	for (size_t i = 0; !err && i < n; i++) {
		if (ret_errs[i] == -ENOENT)
			ret_errs[i] = read_elsewhere(b, names[i], lens[i], &ret[i]);
		else if (!ret_errs[i])
			ret_errs[i] = settle(b, names[i], lens[i], &ret[i]);
	}
	return err;
}

int meta_get_infos(struct store *s, const char *const *names, const size_t *lens, size_t n,
		   struct obj_info **ret, int *ret_errs)
{
	struct bucket *b = bucket_of(s);
	char **tokens;
	int err = bucket_enter(b);

	if (err < 0)
		return err;
	tokens = calloc(n ? n : 1, sizeof(*tokens));
	err = tokens ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < n; i++) {
		err = check_name(names[i], lens[i]);
		if (!err)
			err = b->layout->token(b, names[i], lens[i], &tokens[i]);
	}
	if (!err)
		err = get_infos(b, names, lens, n, (const char *const *)tokens, ret, ret_errs);
	for (size_t i = 0; tokens && i < n; i++)
		free(tokens[i]);
	free(tokens);
	bucket_leave(b);
	return err;
}

int meta_get_info(struct store *s, const char *name, size_t len, struct obj_info **ret)
{
	int err, item_err = 0;

	*ret = NULL;
	err = meta_get_infos(s, &name, &len, 1, ret, &item_err);
	return err < 0 ? err : item_err;
}
