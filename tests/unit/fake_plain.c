/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bucket whose objects are content and nothing else, as a key-value bucket is: a version and its
 * content are one message, so the content goes with it when another one takes its place.
 */

#include "fake_internal.h"

#include <stdio.h>
#include <string.h>

#define PLAIN_MAX_CHUNKS 64

void fake_set_plain(struct fake *b)
{
	LOCK_SCOPE(&b->lock);
	b->is_plain = true;
}

uint64_t fake_plain_max(const struct fake *b)
{
	return (uint64_t)b->chunk_size * PLAIN_MAX_CHUNKS + 100;
}

/* The chunks of an identifier as one; NULL when there are none. */
static struct chunk *join(struct fake *b, const char *nuid)
{
	const struct fake_blob *blob = fake_blob_find(b, nuid);
	struct chunk *whole;
	size_t size = 0;

	for (uint32_t i = 0; blob && i < blob->n; i++)
		size += blob->chunks[i]->len;
	if (size == 0)
		return NULL;
	whole = chunk_new(size);
	if (!whole)
		abort();
	for (uint32_t i = 0; i < blob->n; i++) {
		memcpy(whole->data + whole->len, blob->chunks[i]->data, blob->chunks[i]->len);
		whole->len += blob->chunks[i]->len;
	}
	return whole;
}

static bool keeps_nothing(const char *key)
{
	(void)key;
	return false;
}

static void strip(struct obj_info *info)
{
	obj_pairs_filter(&info->metadata, keeps_nothing);
	obj_pairs_filter(&info->headers, keeps_nothing);
	if (obj_info_set_description(info, NULL) < 0 || obj_info_set_link(info, NULL, NULL) < 0)
		abort();
	info->has_digest = false;
	info->mtime_ns = 0;
}

int fake_plain_store(struct fake *b, struct obj_info *info, const struct fake_meta *old)
{
	_cleanup_obj_info_ struct obj_info *replaced = old ? fake_meta_parse(old) : NULL;
	_cleanup_chunk_ struct chunk *whole = info->is_deleted ? NULL : join(b, info->nuid);

	mutex_assert_held(&b->lock);
	if (!info->is_deleted && info->size != (whole ? whole->len : 0))
		return -EIO;
	if (replaced && strcmp(replaced->nuid, info->nuid) != 0)
		fake_blob_remove(b, replaced->nuid);
	strip(info);
	(void)snprintf(info->nuid, sizeof(info->nuid), "@1-%llu", (unsigned long long)b->seq + 1);
	info->chunks = whole ? 1 : 0;
	info->max_chunk_size = whole ? (uint32_t)whole->len : 0;
	if (whole)
		fake_blob_add(b, fake_blob_get(b, info->nuid), chunk_ref(whole));
	return 0;
}
