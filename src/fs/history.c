/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node of such a directory has in target the name whose versions are in it, without a slash at
 * its end; the topmost one has none. A name may have versions and be the beginning of other names,
 * which are directories beside the versions.
 *
 * Nodes that were looked up are kept in a table, by the path that makes them up, so that the kernel
 * finds them again; of those that were not used for longest it forgets some. The last listing is
 * kept as well, because it is handed out in parts.
 */
#include "fs/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/history_list.h"
#include "fs/name.h"
#include "fs/virtual.h"
#include "util/clock.h"

#define NODES_MAX 256
/* Seconds the kernel may believe an entry: nothing tells it of a change. */
#define TIMEOUT 1.0

struct shown {
	struct hash_node by_path;
	struct list link;  /* those used last behind */
	struct node *node; /* pinned */
	char path[];
};

void history_init(struct fs *fs)
{
	hash_init(&fs->history.nodes);
	list_init(&fs->history.recent);
	mutex_init(&fs->history.lock, LOCK_RANK_FILE_INNER);
}

/* Tree lock held. */
static void forget(struct fs *fs, struct shown *k)
{
	hash_remove(&fs->history.nodes, &k->by_path);
	list_remove(&k->link);
	fs->n_virtual--;
	tree_unpin(&fs->tree, k->node);
	free(k);
}

void history_done(struct fs *fs)
{
	mutex_lock(&fs->tree.lock);
	while (!list_is_empty(&fs->history.recent))
		forget(fs, list_entry(fs->history.recent.next, struct shown, link));
	mutex_unlock(&fs->tree.lock);
	hash_done(&fs->history.nodes);
	history_list_free(fs->history.list);
	mutex_done(&fs->history.lock);
}

bool history_is_dir(struct fs *fs, uint64_t nodeid)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	return n && n->virtual_kind == VIRTUAL_HISTORY;
}

/* --- nodes; tree lock held --- */

static struct shown *find(struct fs *fs, const char *path)
{
	uint64_t hv = hash_bytes(path, strlen(path));

	hash_for_each (it, &fs->history.nodes, hv) {
		struct shown *k = container_of(it, struct shown, by_path);

		if (it->hash == hv && strcmp(k->path, path) == 0)
			return k;
	}
	return NULL;
}

static struct shown *add(struct fs *fs, const char *path, mode_t type)
{
	struct shown *k = calloc(1, sizeof(*k) + strlen(path) + 1);

	if (!k)
		return NULL;
	strcpy(k->path, path);
	k->node = tree_node_new(&fs->tree, type, path, strlen(path), 0);
	if (!k->node ||
	    hash_insert(&fs->history.nodes, &k->by_path, hash_bytes(path, strlen(path))) < 0) {
		if (k->node)
			tree_drop(&fs->tree, k->node);
		free(k);
		return NULL;
	}
	tree_pin(k->node);
	fs->n_virtual++;
	list_push_back(&fs->history.recent, &k->link);
	if (fs->history.nodes.count > NODES_MAX)
		forget(fs, list_entry(fs->history.recent.next, struct shown, link));
	return k;
}

/* What a node shows: a version of a name, or the directory of one. */
static int describe(struct fs *fs, struct node *n, const char *name, const struct obj_info *info)
{
	struct attr attr;
	int err = 0;

	if (info) {
		err = fs_set_version(fs, n, info);
		n->mode = (uint16_t)(S_IFREG | (n->mode & 0444));
		n->virtual_kind = VIRTUAL_VERSION;
		return err;
	}
	if (n->virtual_kind)
		return 0;
	attr_implied_dir(&fs->cfg, clock_wall_ns(), &attr);
	err = attr_to_node(&attr, n);
	if (!err)
		err = node_set_target(n, strdup(name));
	if (err)
		return err;
	if (!n->x->target)
		return -ENOMEM;
	n->mode = (uint16_t)(S_IFDIR | (n->mode & 0555));
	n->virtual_kind = VIRTUAL_HISTORY;
	return 0;
}

/* info: the version, or NULL for the directory of name. */
static int make_entry(struct fs *fs, const char *name, const struct obj_info *info,
		      struct fs_entry *ret)
{
	struct buf path CLEANUP(buf_done) = {0};
	struct shown *k;
	int err;

	buf_init(&path, OBJ_META_MAX);
	buf_printf(&path, HIDDEN_DIR "/history/%s/", name);
	if (info)
		buf_printf(&path, "%llu", (unsigned long long)info->seq);
	if (buf_error(&path))
		return buf_error(&path);
	LOCK_SCOPE(&fs->tree.lock);
	k = find(fs, path.data);
	if (!k)
		k = add(fs, path.data, info ? S_IFREG : S_IFDIR);
	if (!k)
		return -ENOMEM;
	list_remove(&k->link);
	list_push_back(&fs->history.recent, &k->link);
	err = describe(fs, k->node, name, info);
	if (!err)
		err = fs_make_entry(fs, k->node, ret);
	ret->entry_timeout = ret->attr_timeout = TIMEOUT;
	return err;
}

/* --- operations --- */

/* The name whose versions are in a directory, empty for the topmost; the caller frees. */
static char *name_of(struct fs *fs, const struct node *dir)
{
	LOCK_SCOPE(&fs->tree.lock);
	return strdup(dir->x->target ? dir->x->target : "");
}

/* All that the directory shows, from the server. */
static int read_list(struct fs *fs, const char *base, struct history_list **ret)
{
	return history_list_read(fs->store, base, fs->prefix, ret);
}

/* A version of the directory's name: -ENOENT there is none. */
static int lookup_version(struct fs *fs, const char *base, const char *name, struct fs_entry *ret)
{
	struct history_list *list CLEANUP(history_list_free_p) = NULL;
	const struct history_item *item;
	int err;

	/* Not every lookup of a word is worth a request. */
	if (!*base || name[0] < '0' || name[0] > '9')
		return -ENOENT;
	err = history_list_versions(fs->store, base, &list);
	if (err)
		return err;
	item = history_list_find(list, name);
	return item ? make_entry(fs, base, item->info, ret) : -ENOENT;
}

int history_lookup(struct fs *fs, const struct fs_ctx *ctx, const struct node *dir,
		   const char *name, struct fs_entry *ret)
{
	char component[NAME_COMPONENT_MAX + 1];
	_cleanup_free_ char *base = NULL;
	struct buf full CLEANUP(buf_done) = {0};
	bool is_shadowed;
	size_t len;
	int err;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	base = name_of(fs, dir);
	if (!base)
		return -ENOMEM;
	err = lookup_version(fs, base, name, ret);
	if (err != -ENOENT)
		return err;
	if (name_decode(name, strlen(name), component, &len, &is_shadowed) < 0 || len == 0)
		return -ENOENT;
	buf_init(&full, OBJ_META_MAX);
	buf_printf(&full, "%s%s", *base ? base : fs->prefix, *base ? "/" : "");
	buf_append(&full, component, len);
	err = buf_error(&full);
	if (!err)
		err = history_list_exists(fs->store, full.data);
	if (err == -EINVAL || err == -ENAMETOOLONG)
		err = -ENOENT;
	return err ? err : make_entry(fs, full.data, NULL, ret);
}

/* The listing of a node under way, or a new one. Its lock is held. */
static int take_list(struct fs *fs, const struct node *dir, uint64_t nodeid, uint64_t cookie)
{
	_cleanup_free_ char *base = name_of(fs, dir);
	struct history_list *list;
	int err;

	mutex_assert_held(&fs->history.lock);
	if (!base)
		return -ENOMEM;
	if (cookie >= HISTORY_FIRST_COOKIE && fs->history.list && fs->history.nodeid == nodeid)
		return 0;
	err = read_list(fs, base, &list);
	if (err)
		return err;
	history_list_free(fs->history.list);
	fs->history.list = list;
	fs->history.nodeid = nodeid;
	return 0;
}

static int fill_item(const struct history_item *item, uint64_t next, fs_fill_fn fill, void *arg)
{
	struct fs_entry e = {.st.st_mode = item->info ? S_IFREG : S_IFDIR};

	/* Nobody resolves it; it only has to be there. */
	e.st.st_ino = hash_bytes_stable(item->name, strlen(item->name)) | 1;
	return fill(arg, item->name, &e, next);
}

int history_readdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, uint64_t cookie,
		    fs_fill_fn fill, void *arg)
{
	struct fs_entry dot = {.st.st_mode = S_IFDIR, .st.st_ino = 1};
	struct node *dir;
	int err, full = 0;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	dir = fs_pin(fs, nodeid);
	if (!dir)
		return -ESTALE;
	mutex_lock(&fs->history.lock);
	err = take_list(fs, dir, nodeid, cookie);
	if (!err && cookie < 1)
		full = fill(arg, ".", &dot, 1);
	if (!err && !full && cookie < 2)
		full = fill(arg, "..", &dot, 2);
	if (cookie < 2)
		cookie = 2;
	for (uint64_t i = cookie - 2; !err && !full && i < fs->history.list->n; i++)
		full = fill_item(&fs->history.list->items[i], i + HISTORY_FIRST_COOKIE, fill, arg);
	mutex_unlock(&fs->history.lock);
	fs_unpin(fs, dir);
	return err;
}

/* The whole content as text. */
static int read_version(struct fs *fs, const struct obj_info *info, char **ret)
{
	_cleanup_content_ struct content *c = NULL;
	_cleanup_free_ char *text = malloc(info->size + 1);
	int err;

	if (!text)
		return -ENOMEM;
	err = content_new(fs->store, &fs->cache, NULL, info, &c);
	if (!err && info->size > 0)
		err = content_copy(c, 0, text, info->size, true);
	if (err)
		return err;
	*ret = steal_ptr(text);
	return 0;
}

int history_open(struct fs *fs, uint64_t nodeid, int flags, struct fs_handle **ret)
{
	_cleanup_free_ char *text = NULL;
	struct obj_info info = {0};
	struct node *n;
	int err;

	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		return -EACCES;
	n = fs_pin(fs, nodeid);
	if (!n)
		return -ESTALE;
	mutex_lock(&fs->tree.lock);
	node_nuid(n, info.nuid);
	info.size = n->size;
	info.chunks = n->chunks;
	info.max_chunk_size = n->max_chunk_size;
	mutex_unlock(&fs->tree.lock);
	fs_unpin(fs, n);
	err = read_version(fs, &info, &text);
	return err ? err : virtual_new_handle(steal_ptr(text), info.size, flags, ret);
}
