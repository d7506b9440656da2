/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fs/saved_code.h"
#include "fs/saved_record.h"

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
