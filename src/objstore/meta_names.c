/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All names of a bucket, from the subjects that the server has in memory.
 *
 * A token is the name, as long as it is the canonical one and no alias: only then the list says
 * what there may be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/keys.h"
#include "objstore/subject.h"
#include "util/base64url.h"

struct reading {
	const struct bucket *bucket;
	size_t max;
	struct name_list *names;
};

/* The name that a token is; the caller frees. */
static int decode(const char *token, char **ret)
{
	size_t token_len = strlen(token), len;
	_cleanup_free_ char *name = malloc(token_len + 1);
	_cleanup_free_ char *canonical = NULL;

	if (!name)
		return -ENOMEM;
	if (base64_decode(token, token_len, (uint8_t *)name, token_len, &len) < 0)
		return -EOPNOTSUPP;
	name[len] = '\0';
	canonical = obj_meta_token(name, len);
	if (!canonical)
		return -ENOMEM;
	if (strcmp(canonical, token) != 0 || strlen(name) != len ||
	    strncmp(name, HIDDEN_LONG_NAMES, sizeof(HIDDEN_LONG_NAMES) - 1) == 0)
		return -EOPNOTSUPP;
	*ret = steal_ptr(name);
	return 0;
}

static int add(void *arg, const char *subject)
{
	struct reading *r = arg;
	const char *token = meta_token_in(r->bucket, subject);
	char *name = NULL;
	int err;

	if (!token)
		return 0;
	err = decode(token, &name);
	if (err)
		return err;
	err = name_list_take(r->names, name);
	return err || r->names->n <= r->max ? err : -E2BIG;
}

int meta_names(struct store *s, size_t max, struct name_list *ret)
{
	struct bucket *b = bucket_of(s);
	struct reading r = {.bucket = b, .max = max, .names = ret};
	int err = bucket_enter(b);

	if (err)
		return err;
	err = stream_subjects_each(b, add, &r);
	bucket_leave(b);
	name_list_settle(ret);
	return err;
}
