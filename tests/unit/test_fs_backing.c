/* SPDX-License-Identifier: Apache-2.0 */

/* Which opens get a file that the kernel reads by itself, and what becomes of changes meanwhile. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kv.h"
#include "fs/disk_file.h"
#include "fs/file.h"
#include "fs/internal.h"
#include "fs/locks.h"
#include "fs_fixture.h"
#include "suite.h"

#define SIZE ((size_t)DISK_BESIDE_MIN + 100)

static char cache_dir[] = "/tmp/natsobj-backing-XXXXXX";

/* What stands for the kernel: the file of the identifier that was given last. */
static struct {
	int answer; /* instead of an identifier, if below 0 */
	int n_opened, n_closed, last_closed;
	char content[SIZE + 1];
	ssize_t len;
} kernel;

static int take_file(void *arg, int fd)
{
	(void)arg;
	kernel.n_opened++;
	kernel.len = pread(fd, kernel.content, sizeof(kernel.content), 0);
	return kernel.answer ? kernel.answer : kernel.n_opened;
}

static void drop_file(void *arg, int id)
{
	(void)arg;
	kernel.n_closed++;
	kernel.last_closed = id;
}

static char *data;

static void setup(void)
{
	fixture_setup();
	ck_assert_ptr_nonnull(mkdtemp(cache_dir));
	memset(&kernel, 0, sizeof(kernel));
	data = pattern(SIZE);
	put_file(m.fs, "f", data, SIZE);
}

static void teardown(void)
{
	char command[100];

	free(data);
	fixture_teardown();
	(void)snprintf(command, sizeof(command), "rm -rf %s", cache_dir);
	ck_assert_int_eq(system(command), 0);
}

static struct mount mount_cached(bool is_read_only, enum fs_passthrough passthrough)
{
	const struct fs_backing b = {.open = take_file, .close = drop_file};
	struct mount mount = mount_with(&(struct fs_config){.is_read_only = is_read_only,
							    .passthrough = passthrough,
							    .disk_cache_size = 64 << 20,
							    .cache_dir = cache_dir});

	fs_set_backing(mount.fs, &b);
	return mount;
}

/* Reads f as a whole, by which it comes to the disk. */
static void read_whole(struct mount *mount, const void *expected, size_t len)
{
	assert_file(mount->fs, "f", expected, len);
	disk_cache_sync(mount->fs->disk);
}

static struct fs_handle *must_open(struct mount *mount, int flags)
{
	struct fs_handle *h;

	ck_assert_int_eq(open_path(mount->fs, "f", flags, &h), 0);
	return h;
}

/* Opens as the kernel does: on ESTALE it looks the name up again, once. */
static struct fs_handle *open_as_the_kernel(struct mount *mount, int flags)
{
	struct fs_handle *h;
	int err = open_path(mount->fs, "f", flags, &h);

	if (err == -ESTALE)
		err = open_path(mount->fs, "f", flags, &h);
	ck_assert_int_eq(err, 0);
	return h;
}

static int backing_of(const struct fs_handle *h)
{
	bool is_direct;

	return fs_backing(h, &is_direct);
}

static uint64_t nodeid_of(struct mount *mount, uint64_t *ret_ino)
{
	struct fs_entry e;

	ck_assert_int_eq(lookup(mount->fs, "f", &e), 0);
	*ret_ino = e.st.st_ino;
	return e.nodeid;
}

START_TEST(test_what_was_read_whole_is_read_by_the_kernel)
{
	struct mount ro = mount_cached(true, FS_PASSTHROUGH_AUTO);
	struct fs_handle *first, *second;

	read_whole(&ro, data, SIZE);
	ck_assert_int_eq(kernel.n_opened, 0);
	first = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(first), 1);
	ck_assert_int_eq(kernel.len, (ssize_t)SIZE);
	ck_assert_mem_eq(kernel.content, data, SIZE);
	/* All descriptors have the same. */
	second = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(second), 1);
	ck_assert_int_eq(kernel.n_opened, 1);
	ck_assert_int_eq(close_file(ro.fs, first), 0);
	ck_assert_int_eq(kernel.n_closed, 0);
	ck_assert_int_eq(close_file(ro.fs, second), 0);
	ck_assert_int_eq(kernel.n_closed, 1);
	ck_assert_int_eq(kernel.last_closed, 1);
	first = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(first), 2);
	ck_assert_int_eq(close_file(ro.fs, first), 0);
	unmount_bucket(&ro);
	/* What this mount has not read it does not know to be right. */
	ro = mount_cached(true, FS_PASSTHROUGH_AUTO);
	first = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(first), 0);
	ck_assert_int_eq(close_file(ro.fs, first), 0);
	read_whole(&ro, data, SIZE);
	first = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(first), 3);
	ck_assert_int_eq(close_file(ro.fs, first), 0);
	unmount_bucket(&ro);
}
END_TEST

START_TEST(test_pages_and_a_backing_file_exclude_each_other)
{
	struct mount ro = mount_cached(true, FS_PASSTHROUGH_AUTO);
	struct fs_handle *early = must_open(&ro, O_RDONLY), *late;

	read_whole(&ro, data, SIZE);
	late = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(late), 0);
	ck_assert_int_eq(close_file(ro.fs, early), 0);
	early = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(early), 0);
	ck_assert_int_eq(close_file(ro.fs, early), 0);
	ck_assert_int_eq(close_file(ro.fs, late), 0);
	late = must_open(&ro, O_RDONLY);
	ck_assert_int_gt(backing_of(late), 0);
	ck_assert_int_eq(close_file(ro.fs, late), 0);
	unmount_bucket(&ro);
}
END_TEST

START_TEST(test_direct_reads_come_here)
{
	struct mount ro = mount_cached(true, FS_PASSTHROUGH_AUTO);
	struct fs_handle *direct, *h;
	bool is_direct;
	char got[100];

	read_whole(&ro, data, SIZE);
	direct = must_open(&ro, O_RDONLY | O_DIRECT);
	ck_assert_int_eq(backing_of(direct), 0);
	ck_assert_int_eq(close_file(ro.fs, direct), 0);
	h = must_open(&ro, O_RDONLY);
	direct = must_open(&ro, O_RDONLY | O_DIRECT);
	ck_assert_int_eq(fs_backing(h, &is_direct), 1);
	ck_assert(!is_direct);
	ck_assert_int_eq(fs_backing(direct, &is_direct), 1);
	ck_assert(is_direct);
	ck_assert_int_eq(read_at(ro.fs, direct, SIZE - 100, got, 100), 100);
	ck_assert_mem_eq(got, data + SIZE - 100, 100);
	ck_assert_int_eq(close_file(ro.fs, direct), 0);
	ck_assert_int_eq(close_file(ro.fs, h), 0);
	ck_assert_int_eq(kernel.n_closed, 1);
	unmount_bucket(&ro);
}
END_TEST

START_TEST(test_where_it_was_not_asked_for_the_kernel_asks)
{
	const enum fs_passthrough modes[] = {FS_PASSTHROUGH_AUTO, FS_PASSTHROUGH_OFF};
	struct mount mount = mount_cached(_i == 1, modes[_i]);
	struct fs_handle *h;

	read_whole(&mount, data, SIZE);
	h = must_open(&mount, O_RDONLY);
	ck_assert_int_eq(backing_of(h), 0);
	ck_assert_int_eq(close_file(mount.fs, h), 0);
	ck_assert_int_eq(kernel.n_opened, 0);
	unmount_bucket(&mount);
}
END_TEST

START_TEST(test_a_kernel_that_takes_no_files_is_asked_once)
{
	struct mount ro = mount_cached(true, FS_PASSTHROUGH_AUTO);

	kernel.answer = -EPERM;
	read_whole(&ro, data, SIZE);
	assert_file(ro.fs, "f", data, SIZE);
	assert_file(ro.fs, "f", data, SIZE);
	ck_assert_int_eq(kernel.n_opened, 1);
	ck_assert_int_eq(kernel.n_closed, 0);
	unmount_bucket(&ro);
}
END_TEST

START_TEST(test_a_change_elsewhere_leaves_the_reader_what_it_opened)
{
	struct mount ro = mount_cached(true, FS_PASSTHROUGH_AUTO);
	struct fs_handle *old, *new;

	read_whole(&ro, data, SIZE);
	old = must_open(&ro, O_RDONLY);
	data[5] ^= 1;
	put_file(m.fs, "f", data, SIZE);
	new = open_as_the_kernel(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(new), 0);
	ck_assert_int_eq(close_file(ro.fs, new), 0);
	read_whole(&ro, data, SIZE);
	new = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(new), 2);
	ck_assert_mem_eq(kernel.content, data, SIZE);
	ck_assert_int_eq(close_file(ro.fs, old), 0);
	ck_assert_int_eq(kernel.last_closed, 1);
	ck_assert_int_eq(close_file(ro.fs, new), 0);
	unmount_bucket(&ro);
}
END_TEST

START_TEST(test_a_writer_here_gets_another_node)
{
	struct mount rw = mount_cached(false, FS_PASSTHROUGH_ON);
	struct fs_handle *old, *writer, *late;
	uint64_t ino, new_ino, nodeid;
	bool keep_cache;
	char got[10];

	read_whole(&rw, data, SIZE);
	nodeid = nodeid_of(&rw, &ino);
	old = must_open(&rw, O_RDONLY);
	ck_assert_int_eq(backing_of(old), 1);
	ck_assert_int_eq(open_path(rw.fs, "f", O_RDWR, &writer), -ESTALE);
	ck_assert_uint_ne(nodeid_of(&rw, &new_ino), nodeid);
	ck_assert_uint_eq(new_ino, ino);
	/* What is left to those who read is not written to, however often somebody is sent back. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(fs_open(rw.fs, &root_ctx, nodeid, O_RDWR, &writer, &keep_cache),
				 -ESTALE);
	/* Readers that come between do not put it off. */
	late = must_open(&rw, O_RDONLY);
	ck_assert_int_eq(backing_of(late), 0);
	writer = must_open(&rw, O_RDWR);
	ck_assert_int_eq(write_at(rw.fs, writer, 0, "changed", 7), 0);
	ck_assert_int_eq(read_at(rw.fs, late, 0, got, 7), 7);
	ck_assert_mem_eq(got, "changed", 7);
	ck_assert_int_eq(close_file(rw.fs, late), 0);
	ck_assert_int_eq(close_file(rw.fs, writer), 0);
	memcpy(data, "changed", 7);
	assert_object("f", data, SIZE);
	/* Stored and read, it is the kernel's again, while the other still is. */
	read_whole(&rw, data, SIZE);
	for (int i = 0; i < 1000 && kernel.n_opened < 2; i++) {
		assert_file(rw.fs, "f", data, SIZE);
		(void)usleep(10000);
	}
	late = must_open(&rw, O_RDONLY);
	ck_assert_int_gt(backing_of(late), 1);
	ck_assert_mem_eq(kernel.content, data, SIZE);
	ck_assert_int_eq(close_file(rw.fs, late), 0);
	ck_assert_int_eq(close_file(rw.fs, old), 0);
	ck_assert_int_eq(kernel.n_closed, kernel.n_opened);
	unmount_bucket(&rw);
}
END_TEST

START_TEST(test_a_truncation_here_gets_another_node)
{
	struct mount rw = mount_cached(false, FS_PASSTHROUGH_ON);
	const struct stat to = {.st_size = 5};
	struct fs_handle *old, *h;
	struct stat st;
	double timeout;
	uint64_t ino;

	read_whole(&rw, data, SIZE);
	old = must_open(&rw, O_RDONLY);
	ck_assert_int_eq(fs_setattr(rw.fs, &root_ctx, nodeid_of(&rw, &ino), NULL, &to, FS_SET_SIZE,
				    &st, &timeout),
			 -ESTALE);
	ck_assert_int_eq(fs_setattr(rw.fs, &root_ctx, nodeid_of(&rw, &ino), NULL, &to, FS_SET_SIZE,
				    &st, &timeout),
			 0);
	assert_object("f", data, 5);
	assert_file(rw.fs, "f", data, 5);
	ck_assert_int_eq(kernel.n_closed, 0);
	h = open_as_the_kernel(&rw, O_WRONLY | O_TRUNC);
	ck_assert_int_eq(close_file(rw.fs, h), 0);
	assert_file(rw.fs, "f", "", 0);
	ck_assert_int_eq(close_file(rw.fs, old), 0);
	ck_assert_int_eq(kernel.n_closed, 1);
	unmount_bucket(&rw);
}
END_TEST

START_TEST(test_an_emptying_open_gets_another_node)
{
	struct mount rw = mount_cached(false, FS_PASSTHROUGH_ON);
	struct fs_handle *old, *h;

	read_whole(&rw, data, SIZE);
	old = must_open(&rw, O_RDONLY);
	h = open_as_the_kernel(&rw, O_WRONLY | O_TRUNC);
	ck_assert_int_eq(write_at(rw.fs, h, 0, "short", 5), 0);
	ck_assert_int_eq(close_file(rw.fs, h), 0);
	assert_object("f", "short", 5);
	ck_assert_int_eq(backing_of(old), 1);
	ck_assert_int_eq(close_file(rw.fs, old), 0);
	unmount_bucket(&rw);
}
END_TEST

/* Who gets a lock reads another version by the same descriptor. */
START_TEST(test_none_where_locks_count_on_all_hosts)
{
	const struct cluster_locks_config cfg = {.lease_ms = 30000, .timeout_ms = 5000};
	struct mount ro = mount_cached(true, FS_PASSTHROUGH_AUTO);
	struct fake_kv *server = fake_kv_new();
	struct kv *kv = fake_kv_open(server);
	struct cluster_locks *locks;
	struct fs_handle *h;

	ck_assert_int_eq(cluster_locks_new(kv, &cfg, &locks), 0);
	fs_use_locks(ro.fs, locks);
	read_whole(&ro, data, SIZE);
	h = must_open(&ro, O_RDONLY);
	ck_assert_int_eq(backing_of(h), 0);
	ck_assert_int_eq(close_file(ro.fs, h), 0);
	cluster_locks_stop(locks);
	unmount_bucket(&ro);
	kv_close(kv);
	cluster_locks_free(locks);
	fake_kv_free(server);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_backing");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_what_was_read_whole_is_read_by_the_kernel);
	tcase_add_test(tc, test_pages_and_a_backing_file_exclude_each_other);
	tcase_add_test(tc, test_direct_reads_come_here);
	tcase_add_loop_test(tc, test_where_it_was_not_asked_for_the_kernel_asks, 0, 2);
	tcase_add_test(tc, test_a_kernel_that_takes_no_files_is_asked_once);
	tcase_add_test(tc, test_a_change_elsewhere_leaves_the_reader_what_it_opened);
	tcase_add_test(tc, test_a_writer_here_gets_another_node);
	tcase_add_test(tc, test_a_truncation_here_gets_another_node);
	tcase_add_test(tc, test_an_emptying_open_gets_another_node);
	tcase_add_test(tc, test_none_where_locks_count_on_all_hosts);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
