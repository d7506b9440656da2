/* SPDX-License-Identifier: Apache-2.0 */

/* Operations on extended attributes. Reading never waits: nodes carry what their objects have. */

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs/acl.h"
#include "fs/internal.h"
#include "fs/publish.h"
#include "objstore/digest.h"
#include "util/clock.h"

/* What is computed from the object's description. Not listed, or every copy with attributes would
 * try to set it. */
enum computed {
	COMPUTED_BUCKET,
	COMPUTED_CHUNKS,
	COMPUTED_CHUNK_SIZE,
	COMPUTED_DIGEST,
	COMPUTED_LINK,
	COMPUTED_NAME,
	COMPUTED_NUID,
	COMPUTED_REVISION,
	COMPUTED_NONE,
};

static enum computed find_computed(const char *name)
{
	static const char *const names[] = {
		[COMPUTED_BUCKET] = "user.nats.bucket",
		[COMPUTED_CHUNKS] = "user.nats.chunks",
		[COMPUTED_CHUNK_SIZE] = "user.nats.chunk_size",
		[COMPUTED_DIGEST] = "user.nats.digest",
		[COMPUTED_LINK] = "user.nats.link",
		[COMPUTED_NAME] = "user.nats.name",
		[COMPUTED_NUID] = "user.nats.nuid",
		[COMPUTED_REVISION] = "user.nats.revision",
	};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum computed)i;
	return COMPUTED_NONE;
}

bool xattr_is_computed(const char *name)
{
	return find_computed(name) != COMPUTED_NONE;
}

static void append_digest(const struct node *n, struct buf *out)
{
	char text[OBJ_DIGEST_TEXT_LEN + 1];

	if (!n->has_digest)
		return;
	digest_format(n->digest, text);
	buf_append_str(out, text);
}

static void append_nuid(const struct node *n, struct buf *out)
{
	char nuid[OBJ_NUID_MAX + 1];

	node_nuid(n, nuid);
	buf_append_str(out, nuid);
}

/* What only a stored version has. */
static void append_version(const struct fs *fs, const struct node *n, enum computed what,
			   struct buf *out)
{
	if (n->is_dirty || n->seq == 0)
		return;
	if (what == COMPUTED_REVISION)
		buf_printf(out, "%llu", (unsigned long long)n->seq);
	if (fs_is_plain(fs))
		return;
	if (what == COMPUTED_NUID)
		append_nuid(n, out);
	else if (what == COMPUTED_DIGEST)
		append_digest(n, out);
	else if (what == COMPUTED_CHUNKS && !n->dir)
		buf_printf(out, "%u", n->chunks);
	else if (what == COMPUTED_CHUNK_SIZE && !n->dir && n->max_chunk_size)
		buf_printf(out, "%u", n->max_chunk_size);
}

static int get_computed(struct fs *fs, const struct node *n, enum computed what, struct buf *out)
{
	const char *link = xattrs_link(&n->x->xattrs);

	if (what == COMPUTED_BUCKET)
		buf_append_str(out, fs->store->bucket);
	else if (what == COMPUTED_LINK && link)
		buf_append_str(out, link);
	else if (what == COMPUTED_NAME && n->dentry)
		fs_full_name(fs, n->dentry, out);
	else
		append_version(fs, n, what, out);
	return out->len == 0 ? -ENODATA : buf_error(out);
}

static bool is_acl(const char *name)
{
	return strcmp(name, XATTR_ACL_ACCESS) == 0 || strcmp(name, XATTR_ACL_DEFAULT) == 0;
}

/*
 * `ls -l` asks each file for its label, which is one request more for each, until it is told that
 * there are none on the device. The kernel asks only the root, whether there can be any.
 */
static bool is_label_of_none(const struct fs *fs, const struct node *n, const char *name)
{
	return strcmp(name, XATTR_LABEL) == 0 && n != fs->tree.root && !node_are_labelled();
}

int fs_getxattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, const char *name,
		struct buf *out)
{
	enum computed what = find_computed(name);
	const struct node *n;

	(void)ctx;
	if (is_acl(name) && !fs->cfg.has_acl)
		return -EOPNOTSUPP;
	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	if (is_label_of_none(fs, n, name))
		return -EOPNOTSUPP;
	return what == COMPUTED_NONE ? xattrs_get(&n->x->xattrs, name, out)
				     : get_computed(fs, n, what, out);
}

/* Access lists are part of the list only where they are part of the file system. */
static void remove_name(struct buf *list, const char *name)
{
	size_t len = strlen(name) + 1;

	for (char *p = list->data; p && p < list->data + list->len; p += strlen(p) + 1) {
		if (strcmp(p, name) != 0)
			continue;
		memmove(p, p + len, (size_t)(list->data + list->len - p) - len);
		list->len -= len;
		return;
	}
}

int fs_listxattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct buf *out)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	xattrs_list(&n->x->xattrs, ctx->uid == 0, out);
	if (!fs->cfg.has_acl) {
		remove_name(out, XATTR_ACL_ACCESS);
		remove_name(out, XATTR_ACL_DEFAULT);
	}
	return buf_error(out);
}

struct xattr_change {
	const char *name;
	const void *value; /* NULL: remove */
	size_t len;
	int flags;
	int64_t now_ns;
	bool drops_sgid; /* the caller may not keep that bit when it sets a list */
	size_t max;	 /* of all attributes of an inode, as they are packed */
};

/* What the rest of a description may take: the name, our own keys, the digest. */
#define DESCRIPTION_ROOM 16384

/* JSON makes a text twice as long at worst: others than plain texts are kept as base64. */
static size_t packed_max(const struct fs *fs)
{
	size_t meta_max = fs->store->meta_max;

	return meta_max > DESCRIPTION_ROOM ? (meta_max - DESCRIPTION_ROOM) / 2 : 0;
}

/* An access list that says no more than permission bits is not kept. */
static int set_access_acl(const struct xattr_change *c, struct node *n)
{
	mode_t bits, mode = n->mode & ~(mode_t)0777;
	int err;

	if (!acl_is_valid(c->value, c->len))
		return -EINVAL;
	if (acl_to_mode(c->value, c->len, &bits))
		err = node_set_xattr(n, c->name, NULL, 0);
	else
		err = node_set_xattr(n, c->name, c->value, c->len);
	if (err && err != -ENODATA)
		return err;
	if (c->drops_sgid)
		mode &= ~(mode_t)S_ISGID;
	n->mode = (uint16_t)(mode | bits);
	return 0;
}

static int set_acl(const struct xattr_change *c, struct node *n)
{
	bool is_default = strcmp(c->name, XATTR_ACL_DEFAULT) == 0;
	int err;

	if (S_ISLNK(n->mode))
		return -EOPNOTSUPP;
	if (is_default && !n->dir)
		return c->value ? -EACCES : 0;
	if (!c->value) {
		err = node_set_xattr(n, c->name, NULL, 0);
		return err == -ENODATA ? 0 : err;
	}
	if (!is_default)
		return set_access_acl(c, n);
	if (!acl_is_valid(c->value, c->len))
		return -EINVAL;
	return node_set_xattr(n, c->name, c->value, c->len);
}

/* Tree lock held, or n is nobody else's. */
static int apply_xattr(const void *arg, struct node *n)
{
	struct xattrs before CLEANUP(xattrs_done) = {0};
	const struct xattr_change *c = arg;
	uint16_t mode = n->mode;
	int err;

	if ((c->flags & XATTR_CREATE) && xattrs_has(&n->x->xattrs, c->name))
		return -EEXIST;
	if ((c->flags & XATTR_REPLACE) && !xattrs_has(&n->x->xattrs, c->name))
		return -ENODATA;
	err = xattrs_copy(&n->x->xattrs, &before);
	if (!err)
		err = is_acl(c->name) ? set_acl(c, n)
				      : node_set_xattr(n, c->name, c->value, c->len);
	if (err)
		return err;
	/* Unsaved content must not fail by its attributes when it is stored. */
	if (c->value && n->x->xattrs.len > c->max) {
		n->mode = mode;
		err = node_set_xattrs(n, &before);
		return err ? err : -ENOSPC;
	}
	n->ctime_ns = c->now_ns;
	return 0;
}

static int change(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct xattr_change *c)
{
	int err = fs_begin_change(fs, ctx);
	struct node *n;

	if (err)
		return err;
	if ((is_acl(c->name) && !fs->cfg.has_acl) || fs_is_plain(fs))
		return -EOPNOTSUPP;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	n = fs_pin(fs, nodeid);
	if (!n)
		return -ESTALE;
	c->now_ns = clock_wall_ns();
	c->drops_sgid = fs_loses_sgid(fs, ctx, n);
	c->max = packed_max(fs);
	err = fs_change(fs, n, apply_xattr, c);
	fs_unpin(fs, n);
	/* The limit of a message was lowered meanwhile. */
	return err == -EFBIG ? -ENOSPC : err;
}

int fs_setxattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, const char *name,
		const void *value, size_t len, int flags)
{
	struct xattr_change c = {
		.name = name, .value = value ? value : "", .len = len, .flags = flags};

	return change(fs, ctx, nodeid, &c);
}

int fs_removexattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, const char *name)
{
	struct xattr_change c = {.name = name};

	return change(fs, ctx, nodeid, &c);
}
