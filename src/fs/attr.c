/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/attr.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "fs/fs.h"
#include "fs/sibling.h"
#include "objstore/subject.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/parse.h"

#define PERMISSIONS 07777
#define TARGET_MAX 4095
/* What programs should read and write at a time. A write of theirs is one request to the kernel's
 * own limit of 1 MiB, and with each the program and a thread here wait for each other in turn. */
#define IO_SIZE (512 * 1024)

static bool meta_u64(const struct obj_info *info, const char *key, int base, uint64_t max,
		     uint64_t *ret)
{
	const char *s = obj_info_meta(info, key);

	return s && parse_u64(s, base, 0, max, ret) == 0;
}

static int64_t meta_time(const struct obj_info *info, const char *key, int64_t otherwise)
{
	const char *s = obj_info_meta(info, key);
	int64_t t;

	return s && parse_i64(s, INT64_MIN, INT64_MAX, &t) == 0 ? t : otherwise;
}

static bool is_special(mode_t type)
{
	return type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR || type == S_IFBLK;
}

static bool has_target(const struct obj_info *info)
{
	const char *target = obj_info_meta(info, ATTR_TARGET);

	return target && target[0] && strlen(target) <= TARGET_MAX;
}

/* A mode whose type does not fit what the object is says nothing; one without a type is taken. */
static mode_t choose_mode(const struct fs_config *cfg, const struct obj_info *info, bool is_dir)
{
	mode_t otherwise = is_dir ? (mode_t)(S_IFDIR | cfg->dmode) : (mode_t)(S_IFREG | cfg->fmode);
	uint64_t mode;
	mode_t type;

	if (info->link_bucket && !obj_info_meta(info, ATTR_MODE))
		return S_IFLNK | 0777;
	if (!meta_u64(info, ATTR_MODE, 8, 0177777, &mode))
		return otherwise;
	type = (mode_t)mode & S_IFMT;
	mode &= PERMISSIONS;
	if (type == 0 || type == (otherwise & S_IFMT))
		return (otherwise & S_IFMT) | (mode_t)mode;
	if (!is_dir && type == S_IFLNK && (has_target(info) || info->link_bucket))
		return S_IFLNK | 0777;
	if (!is_dir && is_special(type) && info->size == 0)
		return type | (mode_t)mode;
	return otherwise;
}

void attr_from_info(const struct fs_config *cfg, const struct obj_info *info, bool is_dir,
		    struct attr *ret)
{
	uint64_t v;

	*ret = (struct attr){
		.mode = choose_mode(cfg, info, is_dir), .uid = cfg->uid, .gid = cfg->gid};
	if (meta_u64(info, ATTR_UID, 10, UINT32_MAX - 1, &v))
		ret->uid = (uid_t)v;
	if (meta_u64(info, ATTR_GID, 10, UINT32_MAX - 1, &v))
		ret->gid = (gid_t)v;
	if (is_special(ret->mode & S_IFMT) && meta_u64(info, ATTR_RDEV, 10, UINT32_MAX, &v))
		ret->rdev = (dev_t)v;
	ret->mtime_ns = meta_time(info, ATTR_MTIME, info->time_ns);
	ret->atime_ns = meta_time(info, ATTR_ATIME, ret->mtime_ns);
	ret->ctime_ns = meta_time(info, ATTR_CTIME, info->time_ns);
	ret->btime_ns = meta_time(info, ATTR_BTIME, info->time_ns);
	ret->size = info->size;
}

int64_t attr_entry_time(const struct obj_info *info)
{
	int64_t made_ns = meta_time(info, ATTR_BTIME, info->time_ns);

	return meta_time(info, ATTR_SINCE, made_ns);
}

void attr_implied_dir(const struct fs_config *cfg, int64_t time_ns, struct attr *ret)
{
	*ret = (struct attr){.mode = S_IFDIR | cfg->dmode,
			     .uid = cfg->uid,
			     .gid = cfg->gid,
			     .atime_ns = time_ns,
			     .mtime_ns = time_ns,
			     .ctime_ns = time_ns,
			     .btime_ns = time_ns};
}

static int set_number(struct obj_info *info, const char *key, long long value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", value);
	return obj_info_set_meta(info, key, text);
}

static int set_mode(struct obj_info *info, mode_t mode)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%o", mode);
	return obj_info_set_meta(info, ATTR_MODE, text);
}

int attr_to_info(const struct node *n, struct obj_info *info)
{
	int err = set_mode(info, n->mode);

	if (!err)
		err = set_number(info, ATTR_UID, n->uid);
	if (!err)
		err = set_number(info, ATTR_GID, n->gid);
	if (!err)
		err = set_number(info, ATTR_MTIME, n->mtime_ns);
	if (!err)
		err = n->atime_ns == n->mtime_ns ? obj_info_set_meta(info, ATTR_ATIME, NULL)
						 : set_number(info, ATTR_ATIME, n->atime_ns);
	if (!err)
		err = set_number(info, ATTR_CTIME, n->ctime_ns);
	if (!err)
		err = set_number(info, ATTR_BTIME, n->btime_ns);
	if (!err && (S_ISCHR(n->mode) || S_ISBLK(n->mode)))
		err = set_number(info, ATTR_RDEV, (long long)n->x->rdev);
	if (!err && S_ISLNK(n->mode) && n->x->target && !info->link_bucket)
		err = obj_info_set_meta(info, ATTR_TARGET, n->x->target);
	if (!err)
		err = xattrs_to_info(&n->x->xattrs, info);
	/* With this version it was not made. */
	if (!err)
		err = sibling_unmark(info);
	info->mtime_ns = n->mtime_ns;
	return err;
}

int attr_to_node(const struct attr *a, struct node *n)
{
	n->mode = (uint16_t)(!S_ISDIR(n->mode) ? a->mode : S_IFDIR | (a->mode & PERMISSIONS));
	n->uid = a->uid;
	n->gid = a->gid;
	n->atime_ns = a->atime_ns;
	n->mtime_ns = a->mtime_ns;
	n->ctime_ns = a->ctime_ns;
	n->btime_ns = a->btime_ns;
	n->size = a->size;
	return node_set_rdev(n, a->rdev);
}

static struct timespec to_timespec(int64_t ns)
{
	struct timespec ts = {.tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC};

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += NS_PER_SEC;
	}
	return ts;
}

/* What was removed has none; what was only replaced elsewhere still counts. The root and the files
 * about the mount have no entry, but are there. */
static nlink_t count_links(const struct node *n)
{
	uint32_t n_names;
	bool is_there = n->dentry || n->is_superseded || n->virtual_kind || n->id == FS_ROOT_ID;

	if (n->dir)
		return is_there ? 2 + n->dir->n_subdirs : 0;
	if (!n->dentry)
		return is_there ? 1 : 0;
	n_names = node_n_names(n);
	return n->x->link_count > n_names ? n->x->link_count : n_names;
}

void attr_stat(const struct node *n, struct stat *ret)
{
	*ret = (struct stat){
		.st_ino = n->ino,
		.st_mode = n->mode,
		.st_nlink = count_links(n),
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_rdev = n->x->rdev,
		.st_size = n->dir ? 4096 : (off_t)n->size,
		.st_blksize = IO_SIZE,
		.st_blocks = n->dir ? 8 : (blkcnt_t)(n->size / 512 + (n->size % 512 != 0)),
		.st_atim = to_timespec(n->atime_ns),
		.st_mtim = to_timespec(n->mtime_ns),
		.st_ctim = to_timespec(n->ctime_ns),
	};
	if (S_ISLNK(n->mode) && n->x->target)
		ret->st_size = (off_t)strlen(n->x->target);
}

/* Path from the directory of the object from to the object to, both relative to the bucket. */
static char *relative_path(const char *from, const char *to)
{
	struct buf out CLEANUP(buf_done) = {0};
	size_t common = 0;

	buf_init(&out, TARGET_MAX);
	for (size_t i = 0; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			common = i + 1;
	for (const char *p = from + common; *p; p++)
		if (*p == '/')
			buf_append_str(&out, "../");
	buf_append_str(&out, to + common);
	return buf_steal(&out);
}

/* Path from the directory of the object info to another bucket, or into it. */
static char *path_beside(const struct obj_info *info)
{
	struct buf out CLEANUP(buf_done) = {0};

	buf_init(&out, TARGET_MAX);
	for (const char *p = info->name; *p; p++)
		if (*p == '/')
			buf_append_str(&out, "../");
	buf_printf(&out, "../%s%s%s", info->link_bucket, info->link_name ? "/" : "",
		   info->link_name ? info->link_name : "");
	return buf_steal(&out);
}

char *attr_link_target(const struct fs_config *cfg, const struct obj_info *info, const char *bucket)
{
	char *text = NULL;

	if (has_target(info))
		return strdup(obj_info_meta(info, ATTR_TARGET));
	if (!info->link_bucket)
		return NULL;
	if (info->link_name && strcmp(info->link_bucket, bucket) == 0)
		return relative_path(info->name, info->link_name);
	if (cfg->is_among_buckets && strcmp(info->link_bucket, bucket) != 0 &&
	    obj_bucket_is_valid(info->link_bucket))
		return path_beside(info);
	/* Another bucket is not below this mount: the text says where the link leads. */
	if (asprintf(&text, "nats-object:%s%s%s", info->link_bucket, info->link_name ? "/" : "",
		     info->link_name ? info->link_name : "") < 0)
		return NULL;
	return text;
}
