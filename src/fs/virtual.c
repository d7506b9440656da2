/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "util/clock.h"

#define TEXT_MAX (16U << 20)

static const struct {
	const char *name;
	void (*write)(struct fs *fs, struct buf *out);
} files[VIRTUAL_N] = {
	[VIRTUAL_STATUS] = {"status", status_json},
	[VIRTUAL_METRICS] = {"metrics", status_metrics},
	[VIRTUAL_PENDING] = {"pending", status_pending},
	[VIRTUAL_HISTORY] = {"history", NULL},
};

static struct node *new_node(struct fs *fs, enum virtual_kind kind, mode_t mode)
{
	struct buf path CLEANUP(buf_done) = {0};
	struct node *n;

	buf_init(&path, 64);
	buf_printf(&path, HIDDEN_DIR "/%s", files[kind].name ? files[kind].name : "");
	n = buf_error(&path) ? NULL : tree_node_new(&fs->tree, mode, path.data, path.len, 0);
	if (!n)
		return NULL;
	n->virtual_kind = kind;
	n->atime_ns = n->mtime_ns = n->ctime_ns = clock_wall_ns();
	tree_pin(n);
	fs->virtual_nodes[kind] = n;
	fs->n_virtual++;
	return n;
}

int virtual_init(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (!new_node(fs, VIRTUAL_ROOT, S_IFDIR | 0555))
		return -ENOMEM;
	for (enum virtual_kind kind = VIRTUAL_STATUS; kind < VIRTUAL_HISTORY; kind++)
		if (!new_node(fs, kind, S_IFREG | 0444))
			return -ENOMEM;
	if (fs->store->has_history && !new_node(fs, VIRTUAL_HISTORY, S_IFDIR | 0555))
		return -ENOMEM;
	return 0;
}

void virtual_done(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	for (size_t i = 0; i < VIRTUAL_N; i++)
		if (fs->virtual_nodes[i])
			tree_unpin(&fs->tree, fs->virtual_nodes[i]);
}

struct node *virtual_find(struct fs *fs, const struct node *dir, const char *name)
{
	mutex_assert_held(&fs->tree.lock);
	if (dir == fs->tree.root)
		return strcmp(name, HIDDEN_DIR) == 0 ? fs->virtual_nodes[VIRTUAL_ROOT] : NULL;
	if (dir->virtual_kind != VIRTUAL_ROOT)
		return NULL;
	for (enum virtual_kind kind = VIRTUAL_STATUS; kind < VIRTUAL_N; kind++)
		if (fs->virtual_nodes[kind] && strcmp(name, files[kind].name) == 0)
			return fs->virtual_nodes[kind];
	return NULL;
}

int virtual_readdir(struct fs *fs, uint64_t cookie, bool with_lookup, fs_fill_fn fill, void *arg)
{
	/* 1 and 2 are "." and "..". */
	uint64_t first = cookie < 3 ? VIRTUAL_STATUS : cookie - 2 + VIRTUAL_STATUS;

	for (uint64_t kind = first; kind < VIRTUAL_N && fs->virtual_nodes[kind]; kind++) {
		struct fs_entry e;
		int err = fs_make_entry(fs, fs->virtual_nodes[kind], &e);
		int full;

		if (err)
			return err;
		if (!with_lookup) {
			tree_forget(&fs->tree, e.nodeid, 1);
			e.nodeid = 0;
		}
		full = fill(arg, files[kind].name, &e, kind - VIRTUAL_STATUS + 3);
		if (full && e.nodeid)
			tree_forget(&fs->tree, e.nodeid, 1);
		if (full)
			break;
	}
	return 0;
}

int virtual_new_handle(char *text, size_t len, int flags, struct fs_handle **ret)
{
	struct fs_handle *h = text ? calloc(1, sizeof(*h)) : NULL;

	if (!h) {
		free(text);
		return -ENOMEM;
	}
	h->flags = flags;
	h->text = text;
	h->text_len = len;
	mutex_init(&h->lock, LOCK_RANK_LEAF);
	*ret = h;
	return 0;
}

int virtual_open(struct fs *fs, enum virtual_kind kind, int flags, struct fs_handle **ret)
{
	struct buf text CLEANUP(buf_done) = {0};
	size_t len;

	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		return -EACCES;
	buf_init(&text, TEXT_MAX);
	files[kind].write(fs, &text);
	/* What is too long is cut off. */
	if (text.error == -E2BIG)
		text.error = 0;
	if (buf_error(&text))
		return buf_error(&text);
	len = text.len;
	return virtual_new_handle(buf_steal(&text), len, flags, ret);
}

int virtual_read(const struct fs_handle *h, uint64_t off, size_t len, struct fs_data *ret)
{
	*ret = (struct fs_data){0};
	if (off >= h->text_len)
		return 0;
	if (len > h->text_len - off)
		len = h->text_len - off;
	ret->copy = malloc(len);
	if (!ret->copy)
		return -ENOMEM;
	memcpy(ret->copy, h->text + off, len);
	ret->iov[0] = (struct iovec){ret->copy, len};
	ret->n = 1;
	ret->len = len;
	return 0;
}

void virtual_close(struct fs_handle *h)
{
	free(h->text);
	mutex_done(&h->lock);
	free(h);
}
