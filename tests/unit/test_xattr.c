/* SPDX-License-Identifier: Apache-2.0 */

/* Extended attributes: where they are kept, and the packed set of them. */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/xattr.h"
#include "suite.h"

static struct xattrs set;

static void teardown(void)
{
	xattrs_done(&set);
}

static struct obj_info *carried(void)
{
	struct obj_info *info = obj_info_new("f", 1);

	ck_assert_ptr_nonnull(info);
	ck_assert_int_eq(xattrs_to_info(&set, info), 0);
	return info;
}

static void assert_value(const char *name, const void *want, size_t len)
{
	struct buf got CLEANUP(buf_done);

	buf_init(&got, 1 << 20);
	ck_assert_int_eq(xattrs_get(&set, name, &got), 0);
	ck_assert_uint_eq(got.len, len);
	if (len)
		ck_assert_mem_eq(got.data, want, len);
}

static void assert_list(bool is_privileged, const char *want, size_t len)
{
	struct buf got CLEANUP(buf_done);

	buf_init(&got, 1 << 20);
	xattrs_list(&set, is_privileged, &got);
	ck_assert_uint_eq(got.len, len);
	ck_assert_mem_eq(got.data, want, len);
}

static int get_error(const char *name)
{
	struct buf got CLEANUP(buf_done);

	buf_init(&got, 1 << 20);
	return xattrs_get(&set, name, &got);
}

/* Attribute, value, metadata key and what is stored there. */
static const struct {
	const char *name, *value, *key, *stored;
	size_t len;
} places[] = {
	{"user.color", "blue", "color", "blue", 4},
	{"user.empty", "", "empty", "", 0},
	{"user.lines", "a\n\tb\r\n", "lines", "a\n\tb\r\n", 6},
	{"user.bytes", "\xff\x00\xfe", "bytes", "data:;base64,/wD+", 3},
	{"user.control", "\x01", "control", "data:;base64,AQ==", 1},
	{"user.like", "data:;base64,QQ==", "like", "data:;base64,ZGF0YTo7YmFzZTY0LFFRPT0=", 17},
	{"user.posix.mode", "0", "posix.xattr.user.posix.mode", "0", 1},
	{"user.nats.new", "x", "posix.xattr.user.nats.new", "x", 1},
	{"user.nats.header.", "x", "posix.xattr.user.nats.header.", "x", 1},
	{"trusted.t", "x", "posix.xattr.trusted.t", "x", 1},
	{"security.capability", "x", "posix.xattr.security.capability", "x", 1},
	{XATTR_ACL_ACCESS, "x", "posix.xattr.system.posix_acl_access", "x", 1},
};

START_TEST(test_an_attribute_has_one_place)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct xattrs again CLEANUP(xattrs_done) = {0};

	ck_assert_int_eq(xattrs_set(&set, places[_i].name, places[_i].value, places[_i].len), 0);
	assert_value(places[_i].name, places[_i].value, places[_i].len);
	assert_list(true, places[_i].name, strlen(places[_i].name) + 1);
	info = carried();
	ck_assert_uint_eq(info->metadata.count, 1);
	ck_assert_str_eq(obj_info_meta(info, places[_i].key), places[_i].stored);
	ck_assert_int_eq(xattrs_from_info(info, &again), 0);
	ck_assert_uint_eq(again.len, set.len);
	ck_assert_mem_eq(again.data, set.data, set.len);
	ck_assert_int_eq(xattrs_set(&set, places[_i].name, NULL, 0), 0);
	ck_assert_uint_eq(set.len, 0);
}
END_TEST

START_TEST(test_own_keys_of_an_object_are_out_of_reach)
{
	static const char *const keys[] = {
		"posix.mode",	"posix.uid",	"nats.thing", "", "posix.xattr.user.color",
		"posix.xattr.", "posix.xattr.x"};
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("f", 1);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		ck_assert_int_eq(obj_info_set_meta(info, keys[i], "1"), 0);
	ck_assert_int_eq(xattrs_from_info(info, &set), 0);
	ck_assert_uint_eq(set.len, 0);
	ck_assert_int_eq(xattrs_set(&set, "user.posix.mode", "0106777", 7), 0);
	ck_assert_int_eq(xattrs_to_info(&set, info), 0);
	ck_assert_str_eq(obj_info_meta(info, "posix.mode"), "1");
	ck_assert_uint_eq(info->metadata.count, ARRAY_LEN(keys) + 1);
}
END_TEST

START_TEST(test_description_and_headers)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	ck_assert_int_eq(xattrs_set(&set, "user.nats.description", "what", 4), 0);
	ck_assert_int_eq(xattrs_set(&set, "user.nats.header.A", "1\n2", 3), 0);
	assert_value("user.nats.header.A", "1\n2", 3);
	assert_list(false, "user.nats.description\0user.nats.header.A", 41);
	info = carried();
	ck_assert_str_eq(info->description, "what");
	ck_assert_uint_eq(info->headers.count, 2);
	ck_assert_str_eq(info->headers.items[1].value, "2");
	ck_assert_int_eq(xattrs_set(&set, "user.nats.header.A", "3", 1), 0);
	ck_assert_int_eq(xattrs_set(&set, "user.nats.description", NULL, 0), 0);
	ck_assert_int_eq(xattrs_to_info(&set, info), 0);
	ck_assert_ptr_null(info->description);
	ck_assert_uint_eq(info->headers.count, 1);
	ck_assert_str_eq(info->headers.items[0].value, "3");
	ck_assert_int_eq(xattrs_set(&set, "user.nats.description", "\xff", 1), -EINVAL);
	ck_assert_int_eq(xattrs_set(&set, "user.nats.header.a:b", "x", 1), -EINVAL);
}
END_TEST

START_TEST(test_names_that_there_are_not)
{
	ck_assert_int_eq(get_error("user.x"), -ENODATA);
	ck_assert_int_eq(get_error("system.other"), -EOPNOTSUPP);
	ck_assert_int_eq(get_error("else"), -EOPNOTSUPP);
	ck_assert_int_eq(get_error("user."), -EINVAL);
	ck_assert_int_eq(xattrs_set(&set, "user.x", NULL, 0), -ENODATA);
	ck_assert_int_eq(xattrs_set(&set, "system.other", "x", 1), -EOPNOTSUPP);
	ck_assert_int_eq(xattrs_set(&set, "user.nats.digest", "x", 1), -EPERM);
	ck_assert_int_eq(xattrs_set(&set, "user.\xff", "x", 1), -EILSEQ);
	ck_assert(!xattrs_has(&set, "user.x"));
}
END_TEST

START_TEST(test_trusted_names_are_listed_for_the_privileged)
{
	ck_assert_int_eq(xattrs_set(&set, "trusted.t", "x", 1), 0);
	ck_assert_int_eq(xattrs_set(&set, "user.u", "x", 1), 0);
	assert_list(true, "trusted.t\0user.u", 17);
	assert_list(false, "user.u", 7);
}
END_TEST

START_TEST(test_there_is_an_end_to_size)
{
	static const char big[XATTR_VALUE_LEN_MAX + 1];
	char name[300];
	int err = 0, n = 0;

	ck_assert_int_eq(xattrs_set(&set, "user.big", big, sizeof(big)), -E2BIG);
	ck_assert_uint_eq(set.len, 0);
	ck_assert_int_eq(xattrs_set(&set, "user.big", big, sizeof(big) - 1), 0);
	assert_value("user.big", big, sizeof(big) - 1);
	for (; !err && n < 10; n++) {
		(void)snprintf(name, sizeof(name), "user.big%d", n);
		err = xattrs_set(&set, name, big, sizeof(big) - 1);
	}
	ck_assert_int_eq(err, -ENOSPC);
	xattrs_done(&set);
	/* Names have a limit of their own: that of their list. */
	for (n = 0, err = 0; !err && n < 1000; n++) {
		(void)snprintf(name, sizeof(name), "user.%0200d", n);
		err = xattrs_set(&set, name, "", 0);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_gt(n, 300);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("xattr");
	TCase *tc = tcase_create("xattr");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, test_an_attribute_has_one_place, 0, ARRAY_LEN(places));
	tcase_add_test(tc, test_own_keys_of_an_object_are_out_of_reach);
	tcase_add_test(tc, test_description_and_headers);
	tcase_add_test(tc, test_names_that_there_are_not);
	tcase_add_test(tc, test_trusted_names_are_listed_for_the_privileged);
	tcase_add_test(tc, test_there_is_an_end_to_size);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
