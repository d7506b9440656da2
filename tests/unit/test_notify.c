/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "fuse/notify.h"
#include "suite.h"
#include "util/lock.h"

static struct notify *n;
static struct fs_listener l;
static char said[65536];
static struct mutex gate = MUTEX_INITIALIZER(LOCK_RANK_FILE);

static void say(const char *text)
{
	strcat(said, text);
}

static void on_inode(void *arg, uint64_t nodeid, int64_t off, int64_t len)
{
	char text[100];

	(void)arg;
	LOCK_SCOPE(&gate);
	(void)snprintf(text, sizeof(text), "inode %d %d %d;", (int)nodeid, (int)off, (int)len);
	say(text);
}

static void on_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	char text[100];

	(void)arg;
	LOCK_SCOPE(&gate);
	(void)snprintf(text, sizeof(text), "entry %d %.*s;", (int)parent, (int)len, name);
	say(text);
}

static void setup(void)
{
	const struct notify_sink sink = {.inode = on_inode, .entry = on_entry};

	said[0] = '\0';
	ck_assert_int_eq(notify_new(&sink, &n), 0);
	l = notify_listener(n);
}

static void teardown(void)
{
	notify_free(n);
}

START_TEST(notices_reach_the_sink_in_order)
{
	l.inval_inode(l.arg, 7, -1, 0);
	l.inval_entry(l.arg, 1, "name", 4);
	notify_flush(n);
	ck_assert_str_eq(said, "inode 7 -1 0;entry 1 name;");
}
END_TEST

START_TEST(equal_notices_are_merged_while_they_wait)
{
	mutex_lock(&gate);
	for (int i = 0; i < 1000; i++) {
		l.inval_entry(l.arg, 1, "a", 1);
		l.inval_inode(l.arg, 2, -1, 0);
		l.inval_inode(l.arg, 2, 0, 0);
	}
	mutex_unlock(&gate);
	notify_flush(n);
	/* One may have been on its way already. */
	ck_assert_uint_le(strlen(said), 3 * strlen("entry 1 a;inode 2 -1 0;"));
	ck_assert_ptr_nonnull(strstr(said, "inode 2 0 0;"));
}
END_TEST

START_TEST(a_notice_that_overtook_a_reply_is_sent_again)
{
	uint64_t mark = notify_mark(n);

	l.inval_inode(l.arg, 7, -1, 0);
	l.inval_entry(l.arg, 1, "x", 1);
	notify_flush(n);
	said[0] = '\0';
	notify_recheck(n, mark, 8, 1, "y");
	notify_flush(n);
	ck_assert_str_eq(said, "");
	notify_recheck(n, mark, 7, 1, "x");
	notify_flush(n);
	ck_assert_str_eq(said, "inode 7 -1 0;entry 1 x;");
}
END_TEST

START_TEST(a_mark_too_old_to_tell_counts_as_overtaken)
{
	uint64_t mark = notify_mark(n);

	for (int i = 0; i < 1000; i++)
		l.inval_inode(l.arg, 1000 + (uint64_t)i, -1, 0);
	notify_flush(n);
	said[0] = '\0';
	notify_recheck(n, mark, 7, 1, NULL);
	notify_flush(n);
	ck_assert_str_eq(said, "inode 7 -1 0;");
}
END_TEST

START_TEST(what_is_said_now_is_the_last)
{
	static const char last[] = "inode 7 0 0;";
	const char *rest;

	mutex_lock(&gate);
	for (int i = 0; i < 1000; i++) {
		l.inval_inode(l.arg, 1000 + (uint64_t)i, -1, 0);
		l.inval_inode(l.arg, 7, -1, 0);
	}
	mutex_unlock(&gate);
	notify_inode_now(n, 7);
	mutex_lock(&gate);
	/* One may have been on its way already. */
	rest = strstr(said, last);
	ck_assert_ptr_nonnull(rest);
	rest += strlen(last);
	memmove(said, rest, strlen(rest) + 1);
	mutex_unlock(&gate);
	notify_flush(n);
	ck_assert_ptr_null(strstr(said, "inode 7 "));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, notices_reach_the_sink_in_order);
	tcase_add_test(tc, equal_notices_are_merged_while_they_wait);
	tcase_add_test(tc, a_notice_that_overtook_a_reply_is_sent_again);
	tcase_add_test(tc, what_is_said_now_is_the_last);
	tcase_add_test(tc, a_mark_too_old_to_tell_counts_as_overtaken);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
