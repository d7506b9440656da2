/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/long_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/digest.h"
#include "objstore/subject.h"
#include "util/base64url.h"

int obj_alias(const char *name, size_t len, char ret[OBJ_ALIAS_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t hash[OBJ_DIGEST_LEN];
	struct digest *d = digest_new();
	char *p = stpcpy(ret, HIDDEN_LONG_NAMES);

	if (!d)
		return -ENOMEM;
	digest_add(d, name, len);
	digest_finish(d, hash);
	digest_free(d);
	for (size_t i = 0; i < sizeof(hash); i++) {
		*p++ = hex[hash[i] >> 4];
		*p++ = hex[hash[i] & 15];
	}
	*p = '\0';
	return 0;
}

bool obj_info_has_alias(const struct obj_info *info)
{
	return info->name_len > OBJ_NAME_PLAIN_MAX &&
	       (!info->foreign_token || strlen(info->foreign_token) <= BASE64_LEN(OBJ_ALIAS_LEN));
}

static bool has_alias_form(const struct obj_info *info)
{
	return info->name_len == OBJ_ALIAS_LEN &&
	       memcmp(info->name, HIDDEN_LONG_NAMES, sizeof(HIDDEN_LONG_NAMES) - 1) == 0;
}

int obj_info_resolve_alias(struct obj_info *info)
{
	const char *name = has_alias_form(info) ? obj_info_meta(info, ATTR_NAME) : NULL;
	size_t len = name ? strlen(name) : 0;
	char alias[OBJ_ALIAS_LEN + 1];
	int err;

	/* A shorter name has a place of its own, which no alias may speak for. */
	if (len <= OBJ_NAME_PLAIN_MAX || len > OBJ_NAME_MAX || !obj_utf8_is_valid(name, len))
		return 0;
	err = obj_alias(name, len, alias);
	if (err < 0 || strcmp(alias, info->name) != 0)
		return err;
	err = obj_info_rename(info, name, len);
	return err < 0 ? err : obj_info_set_meta(info, ATTR_NAME, NULL);
}

int obj_info_expect_name(struct obj_info *info, const char *name, size_t len)
{
	if (len <= OBJ_NAME_PLAIN_MAX || !has_alias_form(info))
		return 0;
	info->is_malformed = !info->is_deleted;
	return obj_info_rename(info, name, len);
}
