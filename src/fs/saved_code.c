/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/saved_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"

enum record { RECORD_LINKED = 1, RECORD_DIR, RECORD_FILE, RECORD_NAME, RECORD_UP };

enum flag {
	FLAG_MALFORMED = 1 << 0,
	FLAG_BAD = 1 << 1,
	FLAG_TAIL_UNVERIFIED = 1 << 2,
	FLAG_DIGEST = 1 << 3,
	FLAG_MARKER = 1 << 4,
	FLAG_SHADOWED = 1 << 5,
	FLAG_EXTRA = 1 << 6, /* link target, extended attributes or device number */
	FLAG_HELD = 1 << 7,
	FLAG_MTIME_SET = 1 << 8,
};

/* ---- writing ---- */

static void put_number(struct buf *out, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	buf_append(out, bytes, n);
}

/* Small in either direction is short. */
static void put_signed(struct buf *out, int64_t v)
{
	put_number(out, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_text(struct buf *out, const char *text, size_t len)
{
	put_number(out, len);
	buf_append(out, text, len);
}

static bool has_extra(const struct node *n)
{
	return n->x->target || n->x->xattrs.len > 0 || n->x->rdev;
}

static unsigned flags_of(const struct node *n)
{
	return (n->is_malformed ? FLAG_MALFORMED : 0U) | (n->is_bad ? FLAG_BAD : 0U) |
	       (n->is_tail_unverified ? FLAG_TAIL_UNVERIFIED : 0U) |
	       (n->has_digest ? FLAG_DIGEST : 0U) |
	       (n->dir && n->dir->has_marker ? FLAG_MARKER : 0U) |
	       (has_extra(n) ? FLAG_EXTRA : 0U) | (n->is_link_held ? FLAG_HELD : 0U) |
	       (n->is_mtime_set ? FLAG_MTIME_SET : 0U);
}

static void put_content(struct buf *out, const struct node *n)
{
	char nuid[OBJ_NUID_MAX + 1];

	node_nuid(n, nuid);
	put_number(out, n->size);
	put_text(out, nuid, strlen(nuid));
	put_number(out, n->chunks);
	put_number(out, n->max_chunk_size);
	if (n->has_digest)
		buf_append(out, n->digest, sizeof(n->digest));
}

static void put_node(struct buf *out, const struct node *n, unsigned flags)
{
	put_number(out, flags | flags_of(n));
	put_number(out, n->mode);
	put_number(out, n->uid);
	put_number(out, n->gid);
	buf_append(out, &n->ino, sizeof(n->ino));
	put_number(out, n->seq);
	buf_append(out, &n->ctime_ns, sizeof(n->ctime_ns));
	/* Times of one file are often near each other. */
	put_signed(out, (int64_t)((uint64_t)n->mtime_ns - (uint64_t)n->ctime_ns));
	put_signed(out, (int64_t)((uint64_t)n->atime_ns - (uint64_t)n->mtime_ns));
	put_signed(out, (int64_t)((uint64_t)n->btime_ns - (uint64_t)n->ctime_ns));
	put_signed(out, (int64_t)((uint64_t)n->stored_ns - (uint64_t)n->ctime_ns));
	if (!n->dir)
		put_content(out, n);
	if (has_extra(n)) {
		const char *target = n->x->target ? n->x->target : "";

		put_text(out, target, strlen(target));
		put_text(out, n->x->xattrs.data, n->x->xattrs.len);
		put_number(out, n->x->rdev);
	}
}

void saved_put_linked(struct tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->links.n_buckets; i++)
		for (struct hash_node *it = t->links.buckets[i]; it; it = it->next) {
			const struct node_extra *x = container_of(it, struct node_extra, by_link);

			buf_append_char(out, RECORD_LINKED);
			put_text(out, x->link_id, strlen(x->link_id));
			put_number(out, x->link_count);
			put_node(out, x->node, 0);
		}
}

static void put_name(struct buf *out, const struct dentry *d)
{
	put_text(out, d->name, d->len);
	put_text(out, dentry_raw(d), d->raw_len);
}

bool saved_put_entry(const struct tree *t, const struct dentry *d, struct buf *out)
{
	const struct node *n = d ? d->node : t->root;
	unsigned flags = d && d->is_shadowed ? FLAG_SHADOWED : 0;

	if (n->is_dirty || n->is_foreign_token)
		return false;
	if (!n->dir && !n->x->link_id && n->seq == 0)
		return false;
	buf_append_char(out, n->dir ? RECORD_DIR : n->x->link_id ? RECORD_NAME : RECORD_FILE);
	if (d)
		put_name(out, d);
	if (n->x->link_id) {
		put_number(out, flags);
		put_number(out, d ? d->seq : 0);
		put_text(out, n->x->link_id, strlen(n->x->link_id));
		return true;
	}
	put_node(out, n, flags);
	if (n->dir)
		put_number(out, n->dir->n_children);
	return true;
}

void saved_put_up(struct buf *out)
{
	buf_append_char(out, RECORD_UP);
}

/* ---- reading ---- */

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
	if (!target || !xattrs.data || strlen(target) != target_len ||
	    (xattrs_len > 0 && xattrs.data[xattrs_len - 1] != '\0')) {
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
