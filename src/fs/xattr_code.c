/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/xattr_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/xattr.h"
#include "objstore/subject.h"
#include "util/base64url.h"

#define BASE64_MARK "data:;base64,"

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Names that may stand behind posix.xattr. */
static bool is_escaped_name(const char *name)
{
	return begins(name, "trusted.") || begins(name, "security.") ||
	       begins(name, "user.posix.") || begins(name, "user.nats.") ||
	       strcmp(name, XATTR_ACL_ACCESS) == 0 || strcmp(name, XATTR_ACL_DEFAULT) == 0;
}

/* Appends the attribute's name of a metadata key; false when it has none. */
bool xattr_append_name(const char *key, struct buf *out)
{
	const char *name = begins(key, ATTR_XATTR) ? key + strlen(ATTR_XATTR) : NULL;

	if (name) {
		if (!is_escaped_name(name) || strlen(name) > XATTR_NAME_LEN_MAX)
			return false;
		buf_append_str(out, name);
		return true;
	}
	if (begins(key, "posix.") || begins(key, "nats.") || !key[0] ||
	    strlen(key) + strlen("user.") > XATTR_NAME_LEN_MAX)
		return false;
	buf_append_str(out, "user.");
	buf_append_str(out, key);
	return true;
}

bool xattr_is_key(const char *key)
{
	struct buf name CLEANUP(buf_done) = {0};

	buf_init(&name, XATTR_NAME_LEN_MAX + 1);
	return xattr_append_name(key, &name);
}

int xattr_locate(const char *name, struct buf *buf, char *ret_kind, const char **ret_key)
{
	*ret_kind = XATTR_KIND_METADATA;
	*ret_key = name + strlen("user.");
	if (strcmp(name, XATTR_DESCRIPTION) == 0) {
		*ret_kind = XATTR_KIND_DESCRIPTION;
		*ret_key = "";
	} else if (begins(name, XATTR_HEADER) && name[strlen(XATTR_HEADER)]) {
		*ret_kind = XATTR_KIND_HEADER;
		*ret_key = name + strlen(XATTR_HEADER);
	} else if (is_escaped_name(name)) {
		buf_append_str(buf, ATTR_XATTR);
		buf_append_str(buf, name);
		*ret_key = buf->data;
	} else if (!begins(name, "user.")) {
		return -EOPNOTSUPP;
	} else if (!name[strlen("user.")]) {
		return -EINVAL;
	}
	return buf_error(buf);
}

bool xattr_append_decoded(const char *value, struct buf *out)
{
	size_t len = strlen(value), n;
	_cleanup_free_ uint8_t *bytes = NULL;

	if (!begins(value, BASE64_MARK))
		return false;
	value += strlen(BASE64_MARK);
	len -= strlen(BASE64_MARK);
	bytes = malloc(len + 1);
	if (!bytes) {
		out->error = -ENOMEM;
		return true;
	}
	if (base64_decode(value, len, bytes, len, &n) < 0)
		return false;
	buf_append(out, bytes, n);
	return true;
}

bool xattr_is_plain(const char *value, size_t len)
{
	if (!obj_utf8_is_valid(value, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
			return false;
	}
	return true;
}

void xattr_append_encoded(struct buf *out, const char *value, size_t len)
{
	_cleanup_free_ char *text = NULL;

	if (xattr_is_plain(value, len) &&
	    (len < strlen(BASE64_MARK) || memcmp(value, BASE64_MARK, strlen(BASE64_MARK)) != 0)) {
		buf_append(out, value, len);
		return;
	}
	text = malloc(BASE64_LEN(len) + 1);
	if (!text) {
		out->error = -ENOMEM;
		return;
	}
	base64url_encode(value, len, text);
	/* The alphabet of RFC 2397. */
	for (char *p = text; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	buf_append_str(out, BASE64_MARK);
	buf_append_str(out, text);
}
