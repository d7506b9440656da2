/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting an object: a tombstone takes the place of its metadata. */
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/keys.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

/* It says what info does of where the content went. */
static struct obj_info *new_tombstone(const struct obj_info *info)
{
	_cleanup_obj_info_ struct obj_info *t = obj_info_tombstone(info);

	/* NULL removes a key. */
	if (!t || obj_info_set_meta(t, ATTR_TO, obj_info_meta(info, ATTR_TO)) < 0)
		return NULL;
	return steal_ptr(t);
}

/*
 * In a full bucket even a tombstone is refused. Purging the metadata up to the version to be
 * deleted needs no room and spares newer versions; it also makes room for the tombstone, which is
 * for those who watch. Nor does a tombstone reach a subject so long that another client could just
 * publish to it: the purge names it where there is room for it.
 */
static int remove_by_purge(struct bucket *b, const struct obj_info *info,
			   struct obj_info *tombstone)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	_cleanup_free_ char *subject = NULL;
	const char *tokens[1];
	int item_err, err = meta_subject(b, info, &subject);

	if (err < 0)
		return err;
	tokens[0] = meta_token_in(b, subject);
	err = meta_read_tokens(b, tokens, 1, &now, &item_err);
	if (!err)
		err = item_err;
	if (err < 0)
		return err == -ENOENT ? -ESTALE : err;
	if (now->seq != info->seq)
		return -ESTALE;
	regain_forget(b, subject);
	err = purge_subject(b, subject, info->seq + 1);
	if (err < 0)
		return err;
	err = meta_put_one(b, tombstone, 0);
	/* The server announces the purge. */
	if (err == -ENAMETOOLONG)
		return 0;
	if (err == -ENOSPC) {
		log_warn("bucket %s is full: an object was deleted without a tombstone, other "
			 "hosts learn of it late",
			 b->store.bucket);
		return 0;
	}
	return err;
}

int meta_remove_info(struct store *s, const struct obj_info *info, uint64_t *ret_seq)
{
	_cleanup_obj_info_ struct obj_info *tombstone = new_tombstone(info);
	struct bucket *b = bucket_of(s);
	int err = bucket_check_writable(b);

	if (!tombstone)
		return -ENOMEM;
	if (info->seq == 0)
		return -EINVAL;
	if (!err)
		err = bucket_enter(b);
	if (err < 0)
		return err;
	err = meta_put_one(b, tombstone, info->seq);
	if (err == -ENOSPC || err == -ENAMETOOLONG)
		err = remove_by_purge(b, info, tombstone);
	bucket_leave(b);
	*ret_seq = tombstone->seq ? tombstone->seq : info->seq;
	return err;
}
