/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/xattr.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>

#include "fs/xattr_code.h"
#include "objstore/subject.h"

/* Packed form: entries of a kind, a key with its NUL and a value with its NUL. A header with
 * several values has as many entries. */
struct entry {
	char kind; /* enum xattr_kind */
	const char *key;
	const char *value;
};

/* Entry at *p, which moves on; false at the end. */
static bool next_entry(const struct xattrs *x, const char **p, struct entry *ret)
{
	const char *at = *p ? *p : x->data;

	if (!at || at == x->data + x->len)
		return false;
	ret->kind = *at;
	ret->key = at + 1;
	ret->value = ret->key + strlen(ret->key) + 1;
	*p = ret->value + strlen(ret->value) + 1;
	return true;
}

bool xattrs_is_whole(const struct xattrs *x)
{
	const char *at = x->data, *end = at + x->len;

	while (at < end) {
		const char *key_end = memchr(at + 1, '\0', (size_t)(end - at) - 1);
		const char *value_end =
			key_end ? memchr(key_end + 1, '\0', (size_t)(end - key_end) - 1) : NULL;

		if (!value_end)
			return false;
		at = value_end + 1;
	}
	return true;
}

#define xattrs_for_each(e, x) for (const char *at_ = NULL; next_entry((x), &at_, &(e));)

static void pack(struct buf *out, char kind, const char *key, const char *value)
{
	buf_append_char(out, kind);
	buf_append(out, key, strlen(key) + 1);
	buf_append(out, value, strlen(value) + 1);
}

static int take_packed(struct buf *packed, struct xattrs *ret)
{
	int err = buf_error(packed);
	size_t len = packed->len;
	char *data = NULL;

	if (err)
		return err;
	if (len > 0) {
		data = malloc(len);
		if (!data)
			return -ENOMEM;
		memcpy(data, packed->data, len);
	}
	free(ret->data);
	*ret = (struct xattrs){.data = data, .len = (uint32_t)len};
	return 0;
}

void xattrs_done(struct xattrs *x)
{
	free(x->data);
	*x = (struct xattrs){0};
}

int xattrs_copy(const struct xattrs *from, struct xattrs *to)
{
	char *data = NULL;

	if (from->len > 0) {
		data = malloc(from->len);
		if (!data)
			return -ENOMEM;
		memcpy(data, from->data, from->len);
	}
	*to = (struct xattrs){.data = data, .len = from->len};
	return 0;
}

static bool is_header_attribute(const char *key)
{
	return key[0] && strlen(key) + strlen(XATTR_HEADER) <= XATTR_NAME_LEN_MAX;
}

static void pack_link(const struct obj_info *info, struct buf *out)
{
	if (!info->link_bucket)
		return;
	buf_append_char(out, XATTR_KIND_LINK);
	buf_append_char(out, '\0');
	buf_append_str(out, info->link_bucket);
	if (info->link_name) {
		buf_append_char(out, '/');
		buf_append_str(out, info->link_name);
	}
	buf_append_char(out, '\0');
}

int xattrs_from_info(const struct obj_info *info, struct xattrs *ret)
{
	const struct obj_pairs *m = &info->metadata, *h = &info->headers;
	struct buf packed CLEANUP(buf_done) = {0};

	buf_init(&packed, 2 * OBJ_META_MAX);
	for (size_t i = 0; i < m->count; i++)
		if (xattr_is_key(m->items[i].key))
			pack(&packed, XATTR_KIND_METADATA, m->items[i].key, m->items[i].value);
	for (size_t i = 0; i < h->count; i++)
		if (is_header_attribute(h->items[i].key))
			pack(&packed, XATTR_KIND_HEADER, h->items[i].key, h->items[i].value);
	if (info->description && info->description[0])
		pack(&packed, XATTR_KIND_DESCRIPTION, "", info->description);
	pack_link(info, &packed);
	return take_packed(&packed, ret);
}

static bool is_other_key(const char *key)
{
	return !xattr_is_key(key);
}

static bool is_other_header(const char *key)
{
	return !is_header_attribute(key);
}

static bool is_carried(const struct xattrs *x, const struct obj_info *info)
{
	struct xattrs now CLEANUP(xattrs_done) = {0};

	return xattrs_from_info(info, &now) == 0 && now.len == x->len &&
	       (x->len == 0 || memcmp(now.data, x->data, x->len) == 0);
}

int xattrs_to_info(const struct xattrs *x, struct obj_info *info)
{
	const char *description = NULL;
	struct entry e;
	int err = 0;

	if (is_carried(x, info))
		return 0;
	obj_pairs_filter(&info->metadata, is_other_key);
	obj_pairs_filter(&info->headers, is_other_header);
	xattrs_for_each (e, x) {
		if (!err && e.kind == XATTR_KIND_METADATA)
			err = obj_pairs_add(&info->metadata, e.key, e.value);
		else if (!err && e.kind == XATTR_KIND_HEADER)
			err = obj_pairs_add(&info->headers, e.key, e.value);
		else if (e.kind == XATTR_KIND_DESCRIPTION)
			description = e.value;
	}
	return err ? err : obj_info_set_description(info, description);
}

static bool is_at(const struct entry *e, char kind, const char *key)
{
	return e->kind == kind && strcmp(e->key, key) == 0;
}

int xattrs_get(const struct xattrs *x, const char *name, struct buf *out)
{
	struct buf escaped CLEANUP(buf_done) = {0};
	bool found = false;
	const char *key;
	struct entry e;
	char kind;
	int err;

	buf_init(&escaped, 4096);
	err = xattr_locate(name, &escaped, &kind, &key);
	if (err)
		return err;
	xattrs_for_each (e, x) {
		if (!is_at(&e, kind, key))
			continue;
		if (found && kind != XATTR_KIND_HEADER)
			break;
		if (found)
			buf_append_char(out, '\n');
		if (kind != XATTR_KIND_METADATA || !xattr_append_decoded(e.value, out))
			buf_append_str(out, e.value);
		found = true;
	}
	return found ? buf_error(out) : -ENODATA;
}

bool xattrs_has(const struct xattrs *x, const char *name)
{
	struct buf escaped CLEANUP(buf_done) = {0};
	bool found = false;
	const char *key;
	struct entry e;
	char kind;

	buf_init(&escaped, 4096);
	if (x->len == 0 || xattr_locate(name, &escaped, &kind, &key) < 0)
		return false;
	xattrs_for_each (e, x)
		found |= is_at(&e, kind, key);
	return found;
}

static bool is_header_name(const char *name)
{
	for (; *name; name++)
		if (*name <= 0x20 || *name == 0x7f || *name == ':')
			return false;
	return true;
}

/* One entry for each line. */
static void pack_header(struct buf *out, const char *key, const char *value, size_t len)
{
	const char *end = value + len;

	for (;;) {
		const char *line = memchr(value, '\n', (size_t)(end - value));

		buf_append_char(out, XATTR_KIND_HEADER);
		buf_append(out, key, strlen(key) + 1);
		buf_append(out, value, (size_t)((line ? line : end) - value));
		buf_append_char(out, '\0');
		if (!line)
			return;
		value = line + 1;
	}
}

static int pack_value(struct buf *out, char kind, const char *key, const char *value, size_t len)
{
	if (!obj_utf8_is_valid(key, strlen(key)))
		return -EILSEQ;
	/* An empty description is no description (NATS ADR-20). */
	if (kind != XATTR_KIND_METADATA && (!xattr_is_plain(value, len) || len == 0))
		return -EINVAL;
	if (kind == XATTR_KIND_HEADER) {
		if (!is_header_name(key))
			return -EINVAL;
		pack_header(out, key, value, len);
		return 0;
	}
	buf_append_char(out, kind);
	buf_append(out, key, strlen(key) + 1);
	if (kind == XATTR_KIND_METADATA)
		xattr_append_encoded(out, value, len);
	else
		buf_append(out, value, len);
	buf_append_char(out, '\0');
	return 0;
}

/* Length of the list of names, which the kernel limits. */
static size_t list_len(const struct buf *packed)
{
	const struct xattrs x = {.data = packed->data, .len = (uint32_t)packed->len};
	struct buf names CLEANUP(buf_done) = {0};

	buf_init(&names, 4 * OBJ_META_MAX);
	xattrs_list(&x, true, &names);
	return names.len;
}

int xattrs_set(struct xattrs *x, const char *name, const void *value, size_t len)
{
	struct buf escaped CLEANUP(buf_done) = {0}, packed CLEANUP(buf_done) = {0};
	bool found = false;
	const char *key;
	struct entry e;
	char kind;
	int err;

	if (xattr_is_computed(name))
		return -EPERM;
	if (value && len > XATTR_VALUE_LEN_MAX)
		return -E2BIG;
	buf_init(&escaped, 4096);
	buf_init(&packed, 4 * OBJ_META_MAX);
	err = xattr_locate(name, &escaped, &kind, &key);
	if (err)
		return err;
	xattrs_for_each (e, x) {
		if (is_at(&e, kind, key))
			found = true;
		else
			pack(&packed, e.kind, e.key, e.value);
	}
	if (!value && !found)
		return -ENODATA;
	if (value) {
		err = pack_value(&packed, kind, key, value, len);
		if (!err && packed.len > XATTR_TOTAL_MAX)
			err = -ENOSPC;
	}
	if (value && !err && list_len(&packed) > XATTR_LIST_MAX)
		err = -ENOSPC;
	return err ? err : take_packed(&packed, x);
}

void xattrs_list(const struct xattrs *x, bool is_privileged, struct buf *out)
{
	const char *last_header = "";
	struct entry e;

	xattrs_for_each (e, x) {
		size_t start = out->len;

		if (e.kind == XATTR_KIND_METADATA && !xattr_append_name(e.key, out))
			continue;
		if (e.kind == XATTR_KIND_LINK ||
		    (e.kind == XATTR_KIND_HEADER && strcmp(e.key, last_header) == 0))
			continue;
		if (e.kind == XATTR_KIND_HEADER) {
			buf_append_str(out, XATTR_HEADER);
			buf_append_str(out, e.key);
			last_header = e.key;
		} else if (e.kind == XATTR_KIND_DESCRIPTION) {
			buf_append_str(out, XATTR_DESCRIPTION);
		}
		buf_append_char(out, '\0');
		if (!is_privileged && !buf_error(out) &&
		    strncmp(out->data + start, "trusted.", 8) == 0)
			out->len = start;
	}
}

const char *xattrs_link(const struct xattrs *x)
{
	struct entry e;

	xattrs_for_each (e, x)
		if (e.kind == XATTR_KIND_LINK)
			return e.value;
	return NULL;
}
