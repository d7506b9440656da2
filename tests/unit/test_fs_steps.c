/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Changes of several objects, of which each step fails in turn: whatever fails and however, for the
 * next mount, which finishes what was left, the change is done or is not, no content is lost, and
 * what was said to be done is done.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fs/intent.h"
#include "fs/links.h"

#include "fs_fixture.h"
#include "suite.h"

struct change {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);
	/* Files and what is in them. */
	const char *before, *after;
	const char *half; /* "": it must not stay half done */
};

/* --- what there is --- */

static void show_file(const char *path, struct buf *out)
{
	struct fs_handle *h;
	char text[64];
	ssize_t n;

	int err = open_path(m.fs, path, O_RDONLY, &h);

	/* As the kernel does. */
	if (err == -ESTALE)
		err = open_path(m.fs, path, O_RDONLY, &h);
	if (err) {
		buf_printf(out, "%s: %s ", path, strerror(-err));
		return;
	}
	n = read_at(m.fs, h, 0, text, sizeof(text));
	buf_printf(out, "%s=%.*s ", path, n < 0 ? 3 : (int)n, n < 0 ? "BAD" : text);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}

static void show(const char *dir, struct buf *out)
{
	_cleanup_free_ char *names = list_dir(m.fs, dir, 50);
	char *rest = names;
	const char *name;

	while ((name = strsep(&rest, " ")) && name[0]) {
		char path[300];
		struct fs_entry e;

		snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] ? "/" : "", name);
		ck_assert_int_eq(lookup(m.fs, path, &e), 0);
		fs_forget(m.fs, e.nodeid, 1);
		if (S_ISDIR(e.st.st_mode))
			show(path, out);
		else
			show_file(path, out);
	}
}

static void finish_all(void)
{
	for (;;) {
		_cleanup_free_ char *name = fake_find(bucket, HIDDEN_INTENTS);
		_cleanup_obj_info_ struct obj_info *info = NULL;
		int err;

		if (!name)
			break;
		info = fake_info(bucket, name);
		err = intent_finish(m.fs, info);
		/* The mount that failed is at it. */
		ck_assert_msg(!err || err == -ESTALE, "%s: %s", name, strerror(-err));
	}
	fake_sync(bucket);
}

/* --- the changes --- */

static void put(const char *path, const char *text)
{
	put_file(m.fs, path, text, strlen(text));
}

static int link_path(const char *path, const char *name)
{
	struct fs_entry e, linked;
	int err;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	err = fs_link(m.fs, &root_ctx, e.nodeid, FS_ROOT_ID, name, &linked);
	if (!err)
		fs_forget(m.fs, linked.nodeid, 1);
	fs_forget(m.fs, e.nodeid, 1);
	return err;
}

static void prepare_two(void)
{
	put("a", "one");
	put("b", "two");
}

static void prepare_linked(void)
{
	prepare_two();
	ck_assert_int_eq(link_path("a", "c"), 0);
}

static void prepare_dirs(void)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "e"), 0);
	put("d/x", "one");
	put("d/y", "two");
	put("e/x", "three");
	put("e/z", "four");
	put("f", "five");
}

static int run_rename(void)
{
	return rename_path(m.fs, "a", "z", 0);
}

static int run_rename_new(void)
{
	return rename_path(m.fs, "a", "z", RENAME_NOREPLACE);
}

static int run_replace(void)
{
	return rename_path(m.fs, "a", "b", 0);
}

static int run_replace_linked(void)
{
	return rename_path(m.fs, "b", "c", 0);
}

static int run_exchange(void)
{
	return rename_path(m.fs, "a", "b", RENAME_EXCHANGE);
}

static int run_link(void)
{
	return link_path("a", "z");
}

static int run_unlink(void)
{
	return unlink_path(m.fs, "a");
}

static int run_write(void)
{
	struct fs_handle *h;
	int err = open_path(m.fs, "a", O_WRONLY | O_TRUNC, &h), err2;

	if (err)
		return err;
	err = write_at(m.fs, h, 0, "new", 3);
	err2 = close_file(m.fs, h);
	return err ? err : err2;
}

static int run_exchange_dirs(void)
{
	return rename_path(m.fs, "d", "e", RENAME_EXCHANGE);
}

static int run_exchange_with_file(void)
{
	return rename_path(m.fs, "d", "f", RENAME_EXCHANGE);
}

/* Unlinks a name of two, and gives the content back to the other. */
static int run_fold(void)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, "c");
	int err = unlink_path(m.fs, "a");

	if (!err)
		links_fold(m.fs, obj_info_meta(info, ATTR_INODE));
	return err;
}

static const struct change changes[] = {
	{"rename", prepare_two, run_rename, "a=one b=two ", "b=two z=one ", "a=one b=two z=one "},
	{"rename without replacing", prepare_two, run_rename_new, "a=one b=two ", "b=two z=one ",
	 "a=one b=two z=one "},
	{"rename over a file", prepare_two, run_replace, "a=one b=two ", "b=one ", "a=one b=one "},
	{"exchange", prepare_two, run_exchange, "a=one b=two ", "a=two b=one ", ""},
	{"link", prepare_two, run_link, "a=one b=two ", "a=one b=two z=one ", ""},
	{"third link", prepare_linked, run_link, "a=one b=two c=one ", "a=one b=two c=one z=one ",
	 ""},
	{"unlink", prepare_linked, run_unlink, "a=one b=two c=one ", "b=two c=one ", ""},
	{"fold", prepare_linked, run_fold, "a=one b=two c=one ", "b=two c=one ", ""},
	{"write", prepare_linked, run_write, "a=one b=two c=one ", "a=new b=two c=new ", ""},
	{"rename of a link", prepare_linked, run_replace, "a=one b=two c=one ", "b=one c=one ",
	 "a=one b=one c=one "},
	{"rename over a link", prepare_linked, run_replace_linked, "a=one b=two c=one ",
	 "a=one c=two ", "a=one b=two c=two "},
	{"exchange with a link", prepare_linked, run_exchange, "a=one b=two c=one ",
	 "a=two b=one c=one ", ""},
	{"exchange of directories", prepare_dirs, run_exchange_dirs,
	 "d/x=one d/y=two e/x=three e/z=four f=five ", "d/x=three d/z=four e/x=one e/y=two f=five ",
	 ""},
	{"exchange with a file", prepare_dirs, run_exchange_with_file,
	 "d/x=one d/y=two e/x=three e/z=four f=five ", "d=five e/x=three e/z=four f/x=one f/y=two ",
	 ""},
};

/* --- faults --- */

static const struct fault {
	enum fake_op op;
	int err;
	unsigned int count;
	bool is_stored; /* all but the answer */
} faults[] = {
	{FAKE_PUT_INFO, -EIO, 1, false},       {FAKE_PUT_INFO, -EIO, 1000, false},
	{FAKE_PUT_INFO, -ENOSPC, 1, false},    {FAKE_PUT_INFO, -ENOSPC, 1000, false},
	{FAKE_PUT_INFO, -EIO, 1, true},	       {FAKE_GET_INFO, -EIO, 1, false},
	{FAKE_GET_INFO, -EIO, 1000, false},    {FAKE_REMOVE_INFO, -EIO, 1, false},
	{FAKE_REMOVE_INFO, -EIO, 1000, false},
};

/* The mount that failed goes on: what it shows then is what there is. */
static void go_on(struct buf *out)
{
	fake_sync(bucket);
	finish_all();
	show("", out);
}

static bool is_allowed(const struct change *c, int err, const char *got)
{
	if (strcmp(got, c->after) == 0)
		return true;
	return err && (strcmp(got, c->before) == 0 || strcmp(got, c->half) == 0);
}

/* Lets step number skip fail. False: there are not so many. */
static bool try_change(const struct change *c, const struct fault *f, unsigned int skip,
		       bool is_going_on)
{
	struct buf seen CLEANUP(buf_done) = {0};
	struct buf got CLEANUP(buf_done) = {0};
	unsigned int calls;
	char what[200];
	bool has_failed;
	int err;

	c->prepare();
	calls = fake_calls(bucket, f->op);
	if (f->is_stored)
		fake_lose_answer_after(bucket, f->err, skip);
	else
		fake_fail_after(bucket, f->op, f->err, skip, f->count);
	err = c->run();
	has_failed = fake_calls(bucket, f->op) - calls > skip;
	fake_fail_next(bucket, f->op, 0, 0);
	fake_lose_answer(bucket, 0);
	buf_init(&seen, 4096);
	buf_init(&got, 4096);
	/* A store without an answer has lost its server. */
	if (f->err == -EIO && f->count > 1)
		fake_reconnect(bucket);
	if (is_going_on)
		go_on(&seen);
	remount();
	finish_all();
	remount();
	show("", &got);
	(void)snprintf(what, sizeof(what), "%s with error %d (%s) from step %u of kind %d on",
		       c->name, f->err, f->is_stored ? "stored" : "not done", skip, f->op);
	ck_assert_msg(is_allowed(c, err, got.data), "%s: %s, and then %s", what, strerror(-err),
		      got.data);
	/* The next mount may complete half a rename, of which this one shows the new name alone. */
	if (is_going_on && strcmp(got.data, c->half) != 0 && strcmp(seen.data, c->half) != 0)
		ck_assert_msg(buf_equal(&seen, &got), "%s, %s: %s seen, %s there", what,
			      strerror(-err), seen.data, got.data);
	return has_failed;
}

START_TEST(test_a_failed_step_loses_nothing)
{
	const struct change *c = &changes[_i / 2];

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		for (unsigned int skip = 0; try_change(c, &faults[i], skip, _i % 2); skip++) {
			fixture_teardown();
			fixture_setup();
		}
		fixture_teardown();
		fixture_setup();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_steps");
	TCase *tc = tcase_create("steps");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_a_failed_step_loses_nothing, 0, 2 * (int)ARRAY_LEN(changes));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
