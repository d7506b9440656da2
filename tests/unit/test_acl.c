/* SPDX-License-Identifier: Apache-2.0 */

/* Access lists and permission bits. */

#include <check.h>
#include <string.h>

#include "fs/acl.h"
#include "suite.h"

#define HEADER 2, 0, 0, 0
#define USER_OBJ(p) 1, 0, (p), 0, 0xff, 0xff, 0xff, 0xff
#define USER(p, id) 2, 0, (p), 0, (id), 0, 0, 0
#define GROUP_OBJ(p) 4, 0, (p), 0, 0xff, 0xff, 0xff, 0xff
#define GROUP(p, id) 8, 0, (p), 0, (id), 0, 0, 0
#define MASK(p) 16, 0, (p), 0, 0xff, 0xff, 0xff, 0xff
#define OTHER(p) 32, 0, (p), 0, 0xff, 0xff, 0xff, 0xff

static const uint8_t minimal[] = {HEADER, USER_OBJ(6), GROUP_OBJ(4), OTHER(0)};
static const uint8_t named[] = {HEADER,	      USER_OBJ(7), USER(7, 1), USER(5, 2),
				GROUP_OBJ(5), GROUP(7, 3), MASK(5),    OTHER(1)};

START_TEST(test_lists_stand_for_permission_bits)
{
	mode_t mode;

	ck_assert(acl_is_valid(minimal, sizeof(minimal)));
	ck_assert(acl_to_mode(minimal, sizeof(minimal), &mode));
	ck_assert_uint_eq(mode, 0640);
	ck_assert(acl_is_valid(named, sizeof(named)));
	ck_assert(!acl_to_mode(named, sizeof(named), &mode));
	ck_assert_uint_eq(mode, 0751);
}
END_TEST

START_TEST(test_chmod_changes_the_mask_where_there_is_one)
{
	static const uint8_t want[] = {HEADER,	     USER_OBJ(6), USER(7, 1), USER(5, 2),
				       GROUP_OBJ(5), GROUP(7, 3), MASK(2),    OTHER(0)};
	static const uint8_t want_minimal[] = {HEADER, USER_OBJ(1), GROUP_OBJ(2), OTHER(3)};
	uint8_t acl[sizeof(named)];

	memcpy(acl, named, sizeof(named));
	acl_chmod(acl, sizeof(named), 04620);
	ck_assert_mem_eq(acl, want, sizeof(want));
	memcpy(acl, minimal, sizeof(minimal));
	acl_chmod(acl, sizeof(minimal), 0123);
	ck_assert_mem_eq(acl, want_minimal, sizeof(want_minimal));
}
END_TEST

START_TEST(test_a_new_file_has_what_both_allow)
{
	static const uint8_t want[] = {HEADER,	     USER_OBJ(6), USER(7, 1), USER(5, 2),
				       GROUP_OBJ(5), GROUP(7, 3), MASK(4),    OTHER(0)};
	uint8_t acl[sizeof(named)];
	mode_t mode = 0100664;

	memcpy(acl, named, sizeof(named));
	ck_assert(!acl_inherit(acl, sizeof(named), &mode));
	ck_assert_uint_eq(mode, 0100640);
	ck_assert_mem_eq(acl, want, sizeof(want));
	memcpy(acl, minimal, sizeof(minimal));
	mode = 0100777;
	ck_assert(acl_inherit(acl, sizeof(minimal), &mode));
	ck_assert_uint_eq(mode, 0100640);
}
END_TEST

START_TEST(test_what_is_no_list_is_refused)
{
	static const uint8_t no_mask[] = {HEADER, USER_OBJ(7), USER(7, 1), GROUP_OBJ(5), OTHER(1)};
	static const uint8_t no_other[] = {HEADER, USER_OBJ(7), GROUP_OBJ(5)};
	static const uint8_t twice[] = {HEADER, USER_OBJ(7), USER_OBJ(7), GROUP_OBJ(5), OTHER(1)};
	static const uint8_t order[] = {HEADER, GROUP_OBJ(5), USER_OBJ(7), OTHER(1)};
	static const uint8_t bits[] = {HEADER, USER_OBJ(8), GROUP_OBJ(5), OTHER(1)};
	static const uint8_t version[] = {3, 0, 0, 0, USER_OBJ(7), GROUP_OBJ(5), OTHER(1)};

	ck_assert(!acl_is_valid(no_mask, sizeof(no_mask)));
	ck_assert(!acl_is_valid(no_other, sizeof(no_other)));
	ck_assert(!acl_is_valid(twice, sizeof(twice)));
	ck_assert(!acl_is_valid(order, sizeof(order)));
	ck_assert(!acl_is_valid(bits, sizeof(bits)));
	ck_assert(!acl_is_valid(version, sizeof(version)));
	for (size_t len = 0; len < sizeof(minimal); len++)
		ck_assert(!acl_is_valid(minimal, len));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acl");
	TCase *tc = tcase_create("acl");

	tcase_add_test(tc, test_lists_stand_for_permission_bits);
	tcase_add_test(tc, test_chmod_changes_the_mask_where_there_is_one);
	tcase_add_test(tc, test_a_new_file_has_what_both_allow);
	tcase_add_test(tc, test_what_is_no_list_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
