/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "fs/intent.h"

#include "journal_fixture.h"

#define INTENTS ".natsobj/intent/"

char *data;

void journal_setup(void)
{
	bucket = fake_new(64 * CHUNK);
	m = mount_with(&(struct fs_config){.commit_interval_ms = HOUR_MS});
	data = pattern(2 * SIZE);
	put_file(m.fs, "f", data, SIZE);
}

void journal_teardown(void)
{
	fixture_teardown();
	free(data);
}

struct fs_handle *must_open(int flags)
{
	struct fs_handle *h;

	ck_assert_int_eq(open_path(m.fs, "f", flags, &h), 0);
	return h;
}

void put_text(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
}

void change(struct fs_handle *h, size_t off, const char *text)
{
	put_text(data + off, text);
	ck_assert_int_eq(write_at(m.fs, h, off, text, strlen(text)), 0);
}

int sync_file(struct fs_handle *h)
{
	return fs_fsync(m.fs, &root_ctx, h);
}

void must_sync(struct fs_handle *h)
{
	ck_assert_int_eq(sync_file(h), 0);
	fake_sync(bucket);
}

struct fs_handle *open_journaled(void)
{
	struct fs_handle *h = must_open(O_RDWR);

	change(h, 100, "one");
	must_sync(h);
	return h;
}

bool is_there(const char *prefix)
{
	_cleanup_free_ char *name = fake_find(bucket, prefix);

	return name != NULL;
}

bool has_journal(void)
{
	return is_there(INTENTS);
}

void wait_stored(void)
{
	for (int i = 0; i < 1000 && has_journal(); i++)
		(void)usleep(10000);
	ck_assert(!has_journal());
}

struct obj_info *journal(void)
{
	_cleanup_free_ char *name = fake_find(bucket, INTENTS);

	ck_assert_ptr_nonnull(name);
	return fake_info(bucket, name);
}

void set_attr(struct fs_handle *h, const struct stat *attr, unsigned set)
{
	struct fs_entry e;
	struct stat st;
	double timeout;

	ck_assert_int_eq(lookup(m.fs, "f", &e), 0);
	ck_assert_int_eq(fs_setattr(m.fs, &root_ctx, e.nodeid, h, attr, set, &st, &timeout), 0);
	fs_forget(m.fs, e.nodeid, 1);
}

void cut(struct fs_handle *h, uint64_t size)
{
	const struct stat st = {.st_size = (off_t)size};

	set_attr(h, &st, FS_SET_SIZE);
}

int finish(struct mount *other)
{
	_cleanup_obj_info_ struct obj_info *info = journal();

	return intent_finish(other->fs, info);
}

struct mount second(void)
{
	return mount_with(&(struct fs_config){.commit_interval_ms = HOUR_MS});
}

void recover(void)
{
	struct mount other = second();

	ck_assert_int_eq(finish(&other), 0);
	unmount_bucket(&other);
	fake_sync(bucket);
}
