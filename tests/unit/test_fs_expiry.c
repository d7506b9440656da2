/* SPDX-License-Identifier: Apache-2.0 */

/* Objects of a bucket with an age limit, which others set, change and take away. */

#include <stdlib.h>
#include <unistd.h>

#include "fs_fixture.h"
#include "suite.h"
#include "util/clock.h"

#define HOUR_NS (3600 * NS_PER_SEC)
#define WAIT_MS 20000

static void wait_names(const char *want)
{
	uint64_t until = clock_deadline_ms(WAIT_MS);
	bool is_so = false;

	while (!is_so && clock_now_ns() < until) {
		char *names = list_dir(m.fs, "", 10);

		is_so = strcmp(names, want) == 0;
		free(names);
		(void)usleep(10000);
	}
	assert_names(m.fs, "", want);
}

/* From now on the server's clock is an hour ahead of what was stored before, as one event tells. */
static void pass_an_hour(void)
{
	fake_set_clock_ahead(bucket, 3600 * 1000);
	put_file(m.fs, "new", "2", 1);
	fake_sync(bucket);
}

START_TEST(test_a_limit_counts_from_when_it_is_set)
{
	put_file(m.fs, "old", "1", 1);
	pass_an_hour();
	fake_set_max_age(bucket, HOUR_NS / 2);
	wait_names("new ");
	ck_assert(!exists(m.fs, "old"));
	/* The server, which is late, has it still. */
	fake_set_max_age(bucket, 2 * HOUR_NS);
	wait_names("new old ");
	assert_file(m.fs, "old", "1", 1);
	fake_set_max_age(bucket, HOUR_NS / 2);
	wait_names("new ");
	fake_set_max_age(bucket, 0);
	wait_names("new old ");
	assert_file(m.fs, "old", "1", 1);
}
END_TEST

START_TEST(test_what_is_known_expires_without_an_event)
{
	fake_set_max_age(bucket, HOUR_NS);
	fake_sync(bucket);
	put_file(m.fs, "old", "1", 1);
	/* There is a look planned, in a minute; this one is to come before it. */
	fake_set_max_age(bucket, 3 * NS_PER_SEC);
	fake_sync(bucket);
	wait_names("old ");
	wait_names("");
}
END_TEST

/* Without a limit nobody writes down how old content is whose metadata are changed. */
START_TEST(test_content_is_as_old_as_is_known)
{
	struct obj_info *info;

	put_file(m.fs, "a", "1", 1);
	put_file(m.fs, "late", "1", 1);
	fake_sync(bucket);
	pass_an_hour();
	ck_assert_int_eq(change_mode(m.fs, "a", 0600), 0);
	ck_assert_int_eq(change_mode(m.fs, "late", 0600), 0);
	fake_sync(bucket);
	info = fake_info(bucket, "a");
	fake_drop_chunks(bucket, info->nuid);
	obj_info_free(info);
	fake_set_max_age(bucket, HOUR_NS / 2);
	/* It leads nowhere, on no host. */
	wait_names("late new ");
	ck_assert(!is_stored("a"));
	assert_file(m.fs, "late", "1", 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_expiry");
	TCase *tc = tcase_create("fs_expiry");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_a_limit_counts_from_when_it_is_set);
	tcase_add_test(tc, test_what_is_known_expires_without_an_event);
	tcase_add_test(tc, test_content_is_as_old_as_is_known);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
