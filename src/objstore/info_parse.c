/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Metadata as the clients of ten years have written it (NATS ADR-20 and what they made of it): any
 * order, unknown and missing fields, null for anything, header values as text, list or wrapped in
 * {"inner": …}, times that are empty or of year 1. What cannot be understood makes the object
 * malformed, never the listing.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "objstore/digest.h"
#include "objstore/info.h"
#include "objstore/json_arena.h"
#include "objstore/long_name.h"
#include "objstore/subject.h"
#include "util/base64url.h"

/* cJSON keeps numbers as doubles, which are exact up to here: 8 PiB. Larger sizes are malformed. */
#define EXACT_MAX 9007199254740992.0
/* No client makes chunks larger than a server's largest max_payload (64 MiB). */
#define CHUNK_BYTES_MAX (UINT64_C(64) << 20)

static const cJSON *field(const cJSON *object, const char *key)
{
	const cJSON *v = object ? object->child : NULL;

	while (v && (!v->string || v->string[0] != key[0] || strcmp(v->string, key) != 0))
		v = v->next;
	return v && !cJSON_IsNull(v) ? v : NULL;
}

/* Absent counts as 0. */
static int get_number(const cJSON *object, const char *key, double max, uint64_t *ret)
{
	const cJSON *v = field(object, key);

	*ret = 0;
	if (!v)
		return 0;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > max ||
	    v->valuedouble != floor(v->valuedouble))
		return -EINVAL;
	*ret = (uint64_t)v->valuedouble;
	return 0;
}

static int get_text(const cJSON *object, const char *key, char **ret)
{
	const cJSON *v = field(object, key);

	if (!v || !cJSON_IsString(v) || !v->valuestring[0])
		return 0;
	free(*ret);
	*ret = strdup(v->valuestring);
	return *ret ? 0 : -ENOMEM;
}

static const char *header_text(const cJSON *v)
{
	if (cJSON_IsObject(v))
		v = field(v, "inner");
	return v && cJSON_IsString(v) ? v->valuestring : NULL;
}

static int get_headers(const cJSON *root, struct obj_pairs *ret)
{
	const cJSON *headers = field(root, "headers"), *h, *v;
	int err = 0;

	if (headers && cJSON_IsObject(headers) && field(headers, "inner") &&
	    cJSON_IsObject(field(headers, "inner")))
		headers = field(headers, "inner");
	if (!headers || !cJSON_IsObject(headers))
		return 0;
	cJSON_ArrayForEach(h, headers)
	{
		if (cJSON_IsArray(h)) {
			cJSON_ArrayForEach(v, h)
			{
				if (!err && header_text(v))
					err = obj_pairs_add(ret, h->string, header_text(v));
			}
		} else if (!err && header_text(h)) {
			err = obj_pairs_add(ret, h->string, header_text(h));
		}
	}
	return err;
}

static int get_metadata(const cJSON *root, struct obj_info *info)
{
	const cJSON *metadata = field(root, "metadata"), *v;
	int err = 0;

	if (!metadata || !cJSON_IsObject(metadata))
		return 0;
	cJSON_ArrayForEach(v, metadata)
	{
		if (!err && cJSON_IsString(v))
			err = obj_pairs_add(&info->metadata, v->string, v->valuestring);
	}
	return err;
}

static int get_options(const cJSON *root, struct obj_info *info)
{
	const cJSON *options = field(root, "options"), *link;
	uint64_t max_chunk_size;
	int err;

	if (!options || !cJSON_IsObject(options))
		return 0;
	err = get_number(options, "max_chunk_size", UINT32_MAX, &max_chunk_size);
	if (err)
		return err;
	info->max_chunk_size = (uint32_t)max_chunk_size;
	link = field(options, "link");
	if (!link || !cJSON_IsObject(link))
		return 0;
	err = get_text(link, "bucket", &info->link_bucket);
	if (!err && info->link_bucket)
		err = get_text(link, "name", &info->link_name);
	return err;
}

/* A digest that cannot be understood cannot be checked either. */
static int get_digest(const cJSON *root, struct obj_info *info)
{
	const cJSON *v = field(root, "digest");

	info->has_digest =
		v && cJSON_IsString(v) && digest_parse(v->valuestring, info->digest) == 0;
	return info->has_digest || info->is_deleted || !v || !cJSON_IsString(v) ||
			       !v->valuestring[0]
		       ? 0
		       : -EINVAL;
}

static void get_nuid(const cJSON *root, struct obj_info *info)
{
	const cJSON *v = field(root, "nuid");

	if (v && cJSON_IsString(v) && obj_nuid_is_valid(v->valuestring, strlen(v->valuestring)))
		strcpy(info->nuid, v->valuestring);
}

static void get_mtime(const cJSON *root, struct obj_info *info)
{
	const cJSON *v = field(root, "mtime");
	int64_t ns;

	if (v && cJSON_IsString(v) && obj_time_parse(v->valuestring, &ns) == 0 && ns > 0)
		info->mtime_ns = ns;
}

/* Whether the sizes can be true together: every chunk has a byte at least and no more than a server
 * carries, and content has a chunk subject. */
static bool is_plausible(const struct obj_info *info)
{
	if (info->is_deleted || info->link_bucket)
		return true;
	if (info->size == 0)
		return info->chunks == 0 || info->nuid[0];
	if (!info->nuid[0] || info->chunks == 0 || info->chunks > info->size)
		return false;
	return info->size / info->chunks <= CHUNK_BYTES_MAX;
}

static int read_fields(const cJSON *root, struct obj_info *info)
{
	uint64_t size, chunks;
	int err = get_number(root, "size", EXACT_MAX, &size);

	if (!err)
		err = get_number(root, "chunks", UINT32_MAX, &chunks);
	if (err)
		return err;
	info->size = size;
	info->chunks = (uint32_t)chunks;
	info->is_deleted = cJSON_IsTrue(field(root, "deleted"));
	get_nuid(root, info);
	get_mtime(root, info);
	err = get_digest(root, info);
	if (!err)
		err = get_options(root, info);
	if (!err)
		err = get_text(root, "description", &info->description);
	if (!err)
		err = get_headers(root, &info->headers);
	if (!err)
		err = get_metadata(root, info);
	return err ? err : is_plausible(info) ? 0 : -EINVAL;
}

/* cJSON ends a text at an escaped NUL: such a name is taken from the token. */
static bool has_escaped_nul(const char *json, size_t len)
{
	const char *escape = memchr(json, '\\', len);

	return escape && memmem(escape, len - (size_t)(escape - json), "\\u0000", 6);
}

static struct obj_info *from_token(const char *token, size_t len)
{
	_cleanup_free_ uint8_t *name = malloc(len + 1);
	size_t name_len;

	if (!name || base64_decode(token, len, name, len, &name_len) < 0 || name_len == 0 ||
	    !obj_utf8_is_valid((char *)name, name_len))
		return NULL;
	return obj_info_new((char *)name, name_len);
}

/* A token that is not base64 of UTF-8 still gives the object a name that can be shown. */
static struct obj_info *named_by_token(const char *token, size_t len)
{
	struct obj_info *info = from_token(token, len);

	if (!info && len > 0 && obj_utf8_is_valid(token, len))
		info = obj_info_new(token, len);
	return info;
}

static int note_token(struct obj_info *info, const char *token, size_t len)
{
	_cleanup_free_ char *canonical = obj_meta_token(info->name, info->name_len);

	if (!canonical)
		return -ENOMEM;
	if (strlen(canonical) == len && memcmp(canonical, token, len) == 0)
		return 0;
	info->foreign_token = strndup(token, len);
	return info->foreign_token ? 0 : -ENOMEM;
}

/* Whether a known client gives info's name the token it arrived under. */
static bool is_known_spelling(const struct obj_info *info)
{
	char *tokens[OBJ_FOREIGN_TOKENS];
	size_t n = obj_foreign_tokens(info->name, info->name_len, tokens);
	bool is_known = false;

	for (size_t i = 0; i < n; i++) {
		is_known = is_known || strcmp(tokens[i], info->foreign_token) == 0;
		free(tokens[i]);
	}
	return is_known;
}

/* The place of another name, which nobody could use if this object kept its own. It is what whoever
 * asks for that name gets, so it is called so. */
static int take_name_of_place(struct obj_info *info)
{
	const char *token = info->foreign_token;
	_cleanup_obj_info_ struct obj_info *other = from_token(token, strlen(token));
	_cleanup_free_ char *canonical = NULL;
	int err;

	if (!other)
		return 0;
	canonical = obj_meta_token(other->name, other->name_len);
	if (!canonical)
		return -ENOMEM;
	if (strcmp(canonical, token) != 0 || is_known_spelling(info))
		return 0;
	err = obj_info_rename(info, other->name, other->name_len);
	return err ? err : obj_info_set_token(info, NULL);
}

static struct obj_info *named_by_json(const cJSON *root)
{
	const cJSON *name = field(root, "name");

	if (!name || !cJSON_IsString(name) || !name->valuestring[0] ||
	    !obj_utf8_is_valid(name->valuestring, strlen(name->valuestring)))
		return NULL;
	return obj_info_new(name->valuestring, strlen(name->valuestring));
}

/* root: NULL for what is no JSON. */
static int read_info(const cJSON *root, const char *json, size_t len, const char *token,
		     size_t token_len, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (cJSON_IsObject(root) && !has_escaped_nul(json, len))
		info = named_by_json(root);
	if (!info)
		info = named_by_token(token, token_len);
	if (!info)
		return -EINVAL;
	info->is_deleted = len == 0;
	info->is_malformed = len > 0 && !cJSON_IsObject(root);
	if (cJSON_IsObject(root)) {
		err = read_fields(root, info);
		if (err == -ENOMEM)
			return err;
		info->is_malformed = err < 0;
	}
	err = obj_info_resolve_alias(info);
	if (!err && token_len > 0)
		err = note_token(info, token, token_len);
	if (!err && info->foreign_token)
		err = take_name_of_place(info);
	if (err)
		return err;
	*ret = steal_ptr(info);
	return 0;
}

int obj_info_parse(const char *json, size_t len, const char *token, size_t token_len,
		   struct obj_info **ret)
{
	struct json_arena arena;
	cJSON *root = NULL;
	int err;

	/* An empty message is the server's mark for one that expired or was removed. */
	if (len == 0 || len > OBJ_META_MAX)
		return read_info(NULL, json, len, token, token_len, ret);
	root = json_arena_parse(&arena, json, len);
	err = read_info(root, json, len, token, token_len, ret);
	json_arena_drop(&arena, root);
	return err;
}
