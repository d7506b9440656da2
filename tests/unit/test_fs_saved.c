/* SPDX-License-Identifier: Apache-2.0 */

/* The tree that one mount leaves for the next. */

#include "fs/internal.h"
#include "fs/saved_code.h"

#include "fs_fixture.h"
#include "suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void setup(void)
{
	bucket = fake_new(CHUNK);
	fixture_keep_trees();
	m = mount_bucket();
}

static uint64_t n_listings(void)
{
	LOCK_SCOPE(&m.fs->tree.lock);
	return m.fs->counts.listings;
}

static void assert_listing(const char *names)
{
	_cleanup_free_ char *got = list_dir(m.fs, "", 100);

	ck_assert_str_eq(got, names);
}

static char *saved_path(void)
{
	_cleanup_free_ char *dir = NULL;
	const struct dirent *e;
	char *path = NULL;
	DIR *d;

	ck_assert_int_gt(asprintf(&dir, "%s/tree", fixture_tree_dir()), 0);
	d = opendir(dir);
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		ck_assert_ptr_null(path);
		ck_assert_int_gt(asprintf(&path, "%s/%s", dir, e->d_name), 0);
	}
	closedir(d);
	ck_assert_ptr_nonnull(path);
	return path;
}

static void dump_node(struct buf *out, const struct node *n)
{
	char nuid[OBJ_NUID_MAX + 1];

	node_nuid(n, nuid);
	buf_printf(out, " %o %u %u %llu", n->mode, n->uid, n->gid, (unsigned long long)n->ino);
	buf_printf(out, " %llu %llu", (unsigned long long)n->size, (unsigned long long)n->seq);
	buf_printf(out, " %lld %lld %lld %lld %lld", (long long)n->atime_ns, (long long)n->mtime_ns,
		   (long long)n->ctime_ns, (long long)n->btime_ns, (long long)n->stored_ns);
	buf_printf(out, " %s %u %u %d %s %u", nuid, n->chunks, n->max_chunk_size, n->has_digest,
		   n->x->target ? n->x->target : "-", (unsigned)n->x->rdev);
	buf_append(out, n->digest, sizeof(n->digest));
	buf_append(out, n->x->xattrs.data, n->x->xattrs.len);
	buf_printf(out, " %s %u", n->x->link_id ? n->x->link_id : "-", node_n_names(n));
	if (n->dir)
		buf_printf(out, " %zu %zu %d", n->dir->n_children, n->dir->n_subdirs,
			   n->dir->has_marker);
}

static void dump_dir(struct buf *out, const struct node *dir)
{
	const struct dentry *d;
	uint64_t cookie = 0;

	for (; (d = tree_next(dir, cookie)); cookie = d->cookie) {
		buf_append_char(out, '\n');
		tree_object_name(d, out);
		buf_printf(out, " %s %d %llu", d->name, d->is_shadowed, (unsigned long long)d->seq);
		dump_node(out, d->node);
		if (d->node->dir)
			dump_dir(out, d->node);
	}
}

/* All that a tree knows, for comparing. */
static void dump(struct buf *out)
{
	buf_init(out, 1 << 24);
	LOCK_SCOPE(&m.fs->tree.lock);
	dump_node(out, m.fs->tree.root);
	dump_dir(out, m.fs->tree.root);
	ck_assert_int_eq(buf_error(out), 0);
}

static uint64_t id_of(const char *path)
{
	struct fs_entry e;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	return e.nodeid;
}

static void put_foreign(const char *name, const char *text)
{
	fake_foreign_put(bucket, name, text, strlen(text), CHUNK);
}

static void make_all_kinds(void)
{
	struct fs_entry e;
	uint64_t id;

	ck_assert_int_eq(make_dir(m.fs, "dir"), 0);
	ck_assert_int_eq(make_dir(m.fs, "dir/empty"), 0);
	put_file(m.fs, "dir/file", "hello", 5);
	put_file(m.fs, "dir/nothing", "", 0);
	put_file(m.fs, "twice", "two", 3);
	id = id_of("twice");
	ck_assert_int_eq(fs_link(m.fs, &root_ctx, id, FS_ROOT_ID, "again", &e), 0);
	fs_forget(m.fs, e.nodeid, 1);
	fs_forget(m.fs, id, 1);
	id = id_of("dir/file");
	ck_assert_int_eq(fs_setxattr(m.fs, &root_ctx, id, "user.colour", "blue", 4, 0), 0);
	fs_forget(m.fs, id, 1);
	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "somewhere else", FS_ROOT_ID, "link", &e), 0);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert_int_eq(fs_mknod(m.fs, &root_ctx, FS_ROOT_ID, "null", S_IFCHR | 0600, 0x103, &e),
			 0);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert_int_eq(rename_path(m.fs, "dir/nothing", "moved", 0), 0);
	put_foreign("implied/deep/file", "x");
	put_foreign("implied", "a file in the way of a directory");
	put_foreign("odd//name", "x");
	fake_sync(bucket);
}

START_TEST(a_saved_tree_is_the_tree)
{
	struct buf before CLEANUP(buf_done) = {0};
	struct buf after CLEANUP(buf_done) = {0};

	make_all_kinds();
	dump(&before);
	remount();
	ck_assert_uint_eq(n_listings(), 0);
	dump(&after);
	ck_assert_str_eq(before.data, after.data);
	ck_assert(buf_equal(&before, &after));
	assert_file(m.fs, "dir/file", "hello", 5);
	assert_file(m.fs, "again", "two", 3);
	/* And it is one that lives on. */
	put_file(m.fs, "dir/file", "changed", 7);
	ck_assert_int_eq(unlink_path(m.fs, "twice"), 0);
	ck_assert_int_eq(rename_path(m.fs, "dir", "other", 0), 0);
	remount();
	assert_file(m.fs, "other/file", "changed", 7);
	assert_file(m.fs, "again", "two", 3);
	ck_assert(!exists(m.fs, "twice"));
}
END_TEST

START_TEST(what_others_did_meanwhile_is_seen)
{
	struct mount other = mount_bucket();

	put_file(m.fs, "stays", "1", 1);
	put_file(m.fs, "goes", "2", 1);
	put_file(m.fs, "changes", "3", 1);
	put_file(m.fs, "last", "4", 1);
	unmount_bucket(&m);
	put_file(other.fs, "changes", "three", 5);
	put_file(other.fs, "comes", "5", 1);
	ck_assert_int_eq(unlink_path(other.fs, "goes"), 0);
	fake_sync(bucket);
	m = mount_bucket();
	ck_assert_uint_eq(n_listings(), 0);
	assert_listing("changes comes last stays ");
	assert_file(m.fs, "changes", "three", 5);
	unmount_bucket(&other);
}
END_TEST

/* The intent is older than the mark: only a listing shows it. */
START_TEST(an_exchange_that_nobody_finished_is_found)
{
	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	put_file(m.fs, "last", "4", 1);
	later_stop(&m.fs->later);
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	put_file(m.fs, "last", "5", 1);
	remount();
	ck_assert_uint_eq(n_listings(), 1);
	LOCK_SCOPE(&m.fs->tree.lock);
	ck_assert(!list_is_empty(&m.fs->intents));
}
END_TEST

START_TEST(a_bucket_without_the_message_of_the_mark_is_listed)
{
	struct mount other = mount_bucket();

	put_file(m.fs, "a", "1", 1);
	put_file(m.fs, "last", "2", 1);
	unmount_bucket(&m);
	ck_assert_int_eq(unlink_path(other.fs, "a"), 0);
	put_file(other.fs, "last", "other", 5);
	fake_sync(bucket);
	m = mount_bucket();
	ck_assert_uint_eq(n_listings(), 1);
	assert_listing("last ");
	assert_file(m.fs, "last", "other", 5);
	unmount_bucket(&other);
}
END_TEST

static void damage(const char *path, off_t at)
{
	FILE *f = fopen(path, "r+");
	int c;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	c = fgetc(f);
	ck_assert_int_eq(fseek(f, -1, SEEK_CUR), 0);
	(void)fputc(c ^ 1, f);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_damaged_file_is_not_used)
{
	static const off_t at[] = {0, 9, 40, 60, 130, 150, -40, -1};
	_cleanup_free_ char *path = NULL;

	put_file(m.fs, "a", "1", 1);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/b", "2", 1);
	unmount_bucket(&m);
	path = saved_path();
	if (_i < (int)ARRAY_LEN(at))
		damage(path, at[_i]);
	else
		ck_assert_int_eq(truncate(path, 100), 0);
	m = mount_bucket();
	ck_assert_uint_eq(n_listings(), 1);
	assert_listing("a d ");
	assert_file(m.fs, "d/b", "2", 1);
}
END_TEST

START_TEST(a_file_of_other_options_is_not_used)
{
	struct fs_entry e;

	put_foreign("foreign", "x");
	fake_sync(bucket);
	unmount_bucket(&m);
	m = mount_with(&(struct fs_config){.uid = 77});
	ck_assert_uint_eq(n_listings(), 1);
	ck_assert_int_eq(lookup(m.fs, "foreign", &e), 0);
	ck_assert_uint_eq(e.st.st_uid, 77);
	fs_forget(m.fs, e.nodeid, 1);
}
END_TEST

START_TEST(a_file_that_others_may_change_is_not_used)
{
	_cleanup_free_ char *path = NULL;

	put_file(m.fs, "a", "1", 1);
	unmount_bucket(&m);
	path = saved_path();
	ck_assert_int_eq(chmod(path, 0666), 0);
	m = mount_bucket();
	ck_assert_uint_eq(n_listings(), 1);
}
END_TEST

START_TEST(a_directory_that_others_may_change_is_not_used)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	put_file(m.fs, "a", "1", 1);
	unmount_bucket(&m);
	ck_assert_int_gt(asprintf(&path, "%s/tree", fixture_tree_dir()), 0);
	ck_assert_int_eq(chmod(path, 0720), 0);
	m = mount_bucket();
	ck_assert_uint_eq(n_listings(), 1);
	/* Nor made as if it had been ours alone. */
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0720);
}
END_TEST

/* Records of the tree as it is now. */
static void records(struct buf *out)
{
	struct dentry *d;
	uint64_t cookie = 0;

	buf_init(out, 1 << 20);
	LOCK_SCOPE(&m.fs->tree.lock);
	saved_put_linked(&m.fs->tree, out);
	ck_assert(saved_put_entry(&m.fs->tree, NULL, out));
	for (; (d = tree_next(m.fs->tree.root, cookie)); cookie = d->cookie) {
		ck_assert(saved_put_entry(&m.fs->tree, d, out));
		if (d->node->dir)
			saved_put_up(out);
	}
	saved_put_up(out);
}

static int read_into_new(const void *data, size_t len)
{
	struct tree t;
	int err;

	ck_assert_int_eq(tree_init(&t, 0), 0);
	mutex_lock(&t.lock);
	err = saved_read(&t, data, len);
	mutex_unlock(&t.lock);
	tree_done(&t);
	return err;
}

START_TEST(nonsense_is_refused_or_harmless)
{
	struct buf b CLEANUP(buf_done) = {0};
	unsigned seed = 1;
	uint64_t id;

	make_all_kinds();
	id = id_of("moved");
	ck_assert_int_eq(fs_setxattr(m.fs, &root_ctx, id, "user.colour", "red", 3, 0), 0);
	fs_forget(m.fs, id, 1);
	records(&b);
	ck_assert_int_eq(read_into_new(b.data, b.len), 0);
	for (size_t len = 0; len < b.len; len++)
		ck_assert_int_eq(read_into_new(b.data, len), -EIO);
	for (size_t at = 0; at < b.len; at++) {
		char was = b.data[at];

		b.data[at] = 'x';
		(void)!read_into_new(b.data, b.len);
		b.data[at] = was;
	}
	for (int i = 0; i < 3000; i++) {
		size_t at = (size_t)rand_r(&seed) % b.len;
		char was = b.data[at];

		b.data[at] = (char)rand_r(&seed);
		(void)!read_into_new(b.data, b.len);
		if (i % 4)
			b.data[at] = was;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_saved");
	TCase *tc = tcase_create("fs_saved");

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, a_saved_tree_is_the_tree);
	tcase_add_test(tc, what_others_did_meanwhile_is_seen);
	tcase_add_test(tc, an_exchange_that_nobody_finished_is_found);
	tcase_add_test(tc, a_bucket_without_the_message_of_the_mark_is_listed);
	tcase_add_loop_test(tc, a_damaged_file_is_not_used, 0, 9);
	tcase_add_test(tc, a_file_of_other_options_is_not_used);
	tcase_add_test(tc, a_file_that_others_may_change_is_not_used);
	tcase_add_test(tc, a_directory_that_others_may_change_is_not_used);
	tcase_add_test(tc, nonsense_is_refused_or_harmless);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
