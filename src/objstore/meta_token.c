/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a name is stored: its subject, which ends in its token.
 *
 * Some clients store a name under a token of their own. The watch sees such tokens and notes them
 * in b->foreign (protected by b->lock).
 */
#include <stdio.h>
#include <string.h>

#include "objstore/bucket_internal.h"
#include "objstore/layout.h"

#define FOREIGN_MAX (1U << 20)

char *meta_token_subject(const struct bucket *b, const char *token)
{
	char *subject;

	return asprintf(&subject, "%s%s", b->meta_prefix, token) < 0 ? NULL : subject;
}

const char *meta_token_in(const struct bucket *b, const char *subject)
{
	size_t len = strlen(b->meta_prefix);

	return strncmp(subject, b->meta_prefix, len) == 0 ? subject + len : NULL;
}

int meta_subject(const struct bucket *b, const struct obj_info *info, char **ret)
{
	_cleanup_free_ char *token = NULL;
	int err = 0;

	if (info->foreign_token)
		token = strdup(info->foreign_token);
	else
		err = b->layout->token(b, info->name, info->name_len, &token);
	if (err < 0)
		return err;
	*ret = token ? meta_token_subject(b, token) : NULL;
	return *ret ? 0 : -ENOMEM;
}

/* --- tokens of others --- */

struct foreign {
	struct hash_node node;
	char *name;
	size_t len;
	char *token; /* of several for one name the one written last, at seq */
	uint64_t seq;
};

static struct foreign *find_foreign_locked(struct bucket *b, const char *name, size_t len,
					   uint64_t hv)
{
	mutex_assert_held(&b->lock);
	hash_for_each (n, &b->foreign, hv) {
		struct foreign *f = container_of(n, struct foreign, node);

		if (n->hash == hv && f->len == len && memcmp(f->name, name, len) == 0)
			return f;
	}
	return NULL;
}

static void foreign_free(struct foreign *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->token);
	free(f);
}
DEFINE_CLEANUP(struct foreign *, foreign_free)

static struct foreign *foreign_new(const struct obj_info *info)
{
	struct foreign *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->name = malloc(info->name_len + 1);
	f->token = strdup(info->foreign_token);
	if (!f->name || !f->token) {
		foreign_free(f);
		return NULL;
	}
	memcpy(f->name, info->name, info->name_len);
	f->len = info->name_len;
	f->seq = info->seq;
	return f;
}

void meta_note_token(struct bucket *b, const struct obj_info *info)
{
	struct foreign *f CLEANUP(foreign_free_p) = NULL;
	struct foreign *known;
	uint64_t hv;

	if (!info->foreign_token)
		return;
	f = foreign_new(info);
	if (!f)
		return;
	hv = hash_bytes(info->name, info->name_len);
	LOCK_SCOPE(&b->lock);
	known = find_foreign_locked(b, f->name, f->len, hv);
	if (known && known->seq < f->seq) {
		char *older = known->token;

		known->token = f->token;
		known->seq = f->seq;
		f->token = older;
	} else if (!known && b->foreign.count < FOREIGN_MAX &&
		   hash_insert(&b->foreign, &f->node, hv) == 0) {
		(void)steal_ptr(f);
	}
}

void meta_forget_tokens(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	for (size_t i = 0; i < b->foreign.n_buckets; i++) {
		while (b->foreign.buckets[i]) {
			struct hash_node *n = b->foreign.buckets[i];

			hash_remove(&b->foreign, n);
			foreign_free(container_of(n, struct foreign, node));
		}
	}
}

bool meta_has_tokens(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	return b->foreign.count > 0;
}

char *meta_noted_token(struct bucket *b, const char *name, size_t len)
{
	struct foreign *f;

	LOCK_SCOPE(&b->lock);
	f = find_foreign_locked(b, name, len, hash_bytes(name, len));
	return f ? strdup(f->token) : NULL;
}
