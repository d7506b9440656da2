/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"
#include "fs/saved_code.h"
#include "fs/saved_record.h"

struct input {
	const uint8_t *at, *end;
	bool is_bad;
};

static const uint8_t *get_bytes(struct input *in, size_t len)
{
	const uint8_t *p = in->at;

	if (len > (size_t)(in->end - p)) {
		in->is_bad = true;
		in->at = in->end;
		return NULL;
	}
	in->at += len;
	return p;
}

static uint64_t get_number(struct input *in, uint64_t max)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		uint8_t byte = *in->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			in->is_bad = in->is_bad || v > max;
			return v > max ? 0 : v;
		}
	}
	in->is_bad = true;
	return 0;
}

static int64_t get_signed(struct input *in)
{
	uint64_t v = get_number(in, UINT64_MAX);

	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static int64_t get_time(struct input *in, int64_t from)
{
	return (int64_t)((uint64_t)from + (uint64_t)get_signed(in));
}

static uint64_t get_word(struct input *in)
{
	const uint8_t *p = get_bytes(in, sizeof(uint64_t));
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

/* Into a buffer with room for max bytes and a NUL; there is no NUL in a text. */
static size_t get_text(struct input *in, char *ret, size_t max)
{
	size_t len = (size_t)get_number(in, max);
	const uint8_t *p = get_bytes(in, len);

	if (!p || memchr(p, '\0', len)) {
		in->is_bad = true;
		len = 0;
	}
	if (len > 0)
		memcpy(ret, p, len);
	ret[len] = '\0';
	return len;
}

static int get_content(struct tree *t, struct input *in, struct node *n)
{
	char nuid[OBJ_NUID_MAX + 1];
	const uint8_t *digest;

	n->size = get_number(in, INT64_MAX);
	(void)get_text(in, nuid, OBJ_NUID_MAX);
	n->chunks = (uint32_t)get_number(in, UINT32_MAX);
	n->max_chunk_size = (uint32_t)get_number(in, UINT32_MAX);
	digest = n->has_digest ? get_bytes(in, sizeof(n->digest)) : NULL;
	if (digest)
		memcpy(n->digest, digest, sizeof(n->digest));
	return tree_set_nuid(t, n, nuid);
}

static char *get_copy(struct input *in, size_t max, size_t *ret_len)
{
	size_t len = (size_t)get_number(in, max);
	const uint8_t *p = get_bytes(in, len);
	char *copy = p ? malloc(len + 1) : NULL;

	*ret_len = 0;
	if (!copy)
		return NULL;
	memcpy(copy, p, len);
	copy[len] = '\0';
	*ret_len = len;
	return copy;
}

static int get_extra(struct input *in, struct node *n)
{
	struct xattrs xattrs = {0};
	size_t target_len, xattrs_len;
	char *target = get_copy(in, UINT16_MAX, &target_len);
	int err;

	xattrs.data = get_copy(in, XATTR_TOTAL_MAX, &xattrs_len);
	xattrs.len = (uint32_t)xattrs_len;
	if (!target || !xattrs.data || strlen(target) != target_len || !xattrs_is_whole(&xattrs)) {
		free(target);
		xattrs_done(&xattrs);
		return -EIO;
	}
	if (target_len == 0) {
		free(target);
		target = NULL;
	}
	err = node_set_target(n, target);
	if (!err)
		err = node_set_xattrs(n, &xattrs);
	else
		xattrs_done(&xattrs);
	return err ? err : node_set_rdev(n, (dev_t)get_number(in, UINT64_MAX));
}

static int get_attributes(struct tree *t, struct input *in, struct node *n, unsigned flags)
{
	int err = 0;

	n->uid = (uid_t)get_number(in, UINT32_MAX);
	n->gid = (gid_t)get_number(in, UINT32_MAX);
	(void)get_bytes(in, sizeof(n->ino));
	n->seq = get_number(in, UINT64_MAX);
	n->ctime_ns = (int64_t)get_word(in);
	n->mtime_ns = get_time(in, n->ctime_ns);
	n->atime_ns = get_time(in, n->mtime_ns);
	n->btime_ns = get_time(in, n->ctime_ns);
	n->stored_ns = get_time(in, n->ctime_ns);
	n->is_malformed = flags & FLAG_MALFORMED;
	n->is_bad = flags & FLAG_BAD;
	n->is_tail_unverified = flags & FLAG_TAIL_UNVERIFIED;
	n->has_digest = flags & FLAG_DIGEST;
	n->is_mtime_set = flags & FLAG_MTIME_SET;
	if (n->dir)
		n->dir->has_marker = flags & FLAG_MARKER;
	else
		err = get_content(t, in, n);
	if (!err && (flags & FLAG_EXTRA))
		err = get_extra(in, n);
	return err;
}

/* The mode and inode number of the node that follows, without going on. */
static bool peek_node(const struct input *in, uint16_t *ret_mode, uint64_t *ret_ino)
{
	struct input ahead = *in;

	*ret_mode = (uint16_t)get_number(&ahead, UINT16_MAX);
	(void)get_number(&ahead, UINT32_MAX);
	(void)get_number(&ahead, UINT32_MAX);
	*ret_ino = get_word(&ahead);
	return !ahead.is_bad && *ret_ino != 0;
}

/* into: the root, which is there; or NULL for a new node without a name. */
static int get_node(struct tree *t, struct input *in, bool is_dir, struct node *into,
		    unsigned *ret_flags, struct node **ret)
{
	unsigned flags = (unsigned)get_number(in, UINT16_MAX);
	struct node *n = into;
	uint16_t mode;
	uint64_t ino;
	int err;

	if (!peek_node(in, &mode, &ino) || S_ISDIR(mode) != is_dir)
		return -EIO;
	if (!n)
		n = tree_node_new(t, mode, NULL, 0, ino);
	if (!n)
		return -ENOMEM;
	n->mode = (uint16_t)get_number(in, UINT16_MAX);
	err = get_attributes(t, in, n, flags);
	if (!err && in->is_bad)
		err = -EIO;
	if (err) {
		if (!into)
			tree_drop(t, n);
		return err;
	}
	*ret_flags = flags;
	*ret = n;
	return 0;
}

static int read_linked(struct tree *t, struct input *in)
{
	char link_id[OBJ_NUID_MAX + 1];
	struct node *n = NULL;
	struct node_extra *x;
	uint32_t count;
	unsigned flags;
	int err;

	(void)get_text(in, link_id, OBJ_NUID_MAX);
	count = (uint32_t)get_number(in, UINT32_MAX);
	if (in->is_bad || !link_id[0] || tree_find_link(t, link_id))
		return -EIO;
	err = get_node(t, in, false, NULL, &flags, &n);
	if (!err) {
		err = tree_set_link_id(t, n, link_id);
		x = err ? NULL : node_extra(n);
		if (x)
			x->link_count = count;
		/* Those without a name, which nobody holds, are not written. */
		n->is_link_held = flags & FLAG_HELD;
		if (n->is_link_held)
			tree_pin(n);
	}
	return err;
}

struct name {
	char text[NAME_COMPONENT_MAX + 1];
	size_t len, raw_len;
	const char *raw;
};

static bool get_name(struct input *in, struct name *ret)
{
	ret->len = get_text(in, ret->text, NAME_COMPONENT_MAX);
	ret->raw_len = (size_t)get_number(in, UINT16_MAX);
	ret->raw = (const char *)get_bytes(in, ret->raw_len);
	if (ret->raw_len == 0)
		ret->raw = NULL;
	return !in->is_bad && ret->len > 0 && !memchr(ret->text, '/', ret->len);
}

static int read_name(struct tree *t, struct input *in, struct node *dir, const struct name *name)
{
	char link_id[OBJ_NUID_MAX + 1];
	unsigned flags = (unsigned)get_number(in, UINT8_MAX);
	uint64_t seq = get_number(in, UINT64_MAX);
	struct node *n;
	int err;

	(void)get_text(in, link_id, OBJ_NUID_MAX);
	n = in->is_bad ? NULL : tree_find_link(t, link_id);
	if (!n)
		return -EIO;
	err = tree_link(t, dir, name->text, name->raw, name->raw_len, flags & FLAG_SHADOWED, n);
	if (!err)
		tree_newest(dir)->seq = seq;
	return err;
}

/* *dir moves on to a directory that begins. */
static int read_entry(struct tree *t, struct input *in, bool is_dir, struct node **dir,
		      const struct name *name)
{
	struct node *n = NULL;
	unsigned flags;
	int err = get_node(t, in, is_dir, NULL, &flags, &n);

	if (!err)
		err = tree_link(t, *dir, name->text, name->raw, name->raw_len,
				flags & FLAG_SHADOWED, n);
	if (err) {
		if (n)
			tree_drop(t, n);
		return err;
	}
	if (!is_dir)
		return 0;
	tree_reserve_dir(n, (size_t)get_number(in, (uint64_t)(in->end - in->at)));
	*dir = n;
	return in->is_bad ? -EIO : 0;
}

static int read_root(struct tree *t, struct input *in)
{
	unsigned flags;
	struct node *n;
	int err = get_node(t, in, true, t->root, &flags, &n);

	if (!err)
		tree_reserve_dir(n, (size_t)get_number(in, (uint64_t)(in->end - in->at)));
	return err;
}

static int read_records(struct tree *t, const uint8_t *data, size_t len)
{
	struct input in = {data, data + len, false};
	struct node *dir = NULL;
	int err = 0;

	while (!err && in.at < in.end) {
		uint8_t kind = *in.at++;
		struct name name;

		if (kind == RECORD_LINKED && !dir) {
			err = read_linked(t, &in);
		} else if (kind == RECORD_DIR && !dir) {
			err = read_root(t, &in);
			dir = t->root;
		} else if (kind == RECORD_UP && dir == t->root) {
			return in.at == in.end ? 0 : -EIO;
		} else if (kind == RECORD_UP && dir) {
			dir = dir->dentry->parent;
		} else if (!dir || kind < RECORD_DIR || kind > RECORD_NAME ||
			   !get_name(&in, &name)) {
			err = -EIO;
		} else if (kind == RECORD_NAME) {
			err = read_name(t, &in, dir, &name);
		} else {
			err = read_entry(t, &in, kind == RECORD_DIR, &dir, &name);
		}
	}
	return err ? err : -EIO;
}

int saved_read(struct tree *t, const uint8_t *data, size_t len)
{
	struct index_queue queue = {0};
	int err;

	mutex_assert_held(&t->lock);
	tree_fill_begin(t, &queue);
	err = read_records(t, data, len);
	tree_fill_end(t);
	return err;
}
