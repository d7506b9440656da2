/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/farewell.h"
#include "suite.h"

#include <check.h>
#include <sys/sysmacros.h>

/* A device number that no mount has. */
static dev_t some_device(void)
{
	return makedev(4000, (unsigned)getpid() & 0xfffff);
}

static void hear(const char *said, struct farewell *ret)
{
	int listener = -1, fd = -1;

	ck_assert_int_eq(farewell_listen(some_device(), &listener), 0);
	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &fd), 0);
	farewell_say(&listener, 16, said);
	ck_assert_int_eq(listener, -1);
	ck_assert_int_eq(farewell_hear(fd, ret), 0);
}

START_TEST(last_words_are_heard)
{
	struct farewell words;

	hear("not all is stored", &words);
	ck_assert_int_eq(words.status, 16);
	ck_assert_str_eq(words.text, "not all is stored");
}
END_TEST

START_TEST(words_do_not_steer_a_terminal)
{
	struct farewell words;

	hear("\033[2Jfree\a\n", &words);
	ck_assert_str_eq(words.text, "?[2Jfree??");
}
END_TEST

START_TEST(death_without_words_is_noticed)
{
	struct farewell words;
	int listener = -1, fd = -1;

	ck_assert_int_eq(farewell_listen(some_device(), &listener), 0);
	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &fd), 0);
	(void)close(listener);
	ck_assert_int_eq(farewell_hear(fd, &words), -EPIPE);
}
END_TEST

START_TEST(nobody_listens)
{
	int fd = -1;

	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &fd), -ECONNREFUSED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("farewell");
	TCase *tc = tcase_create("farewell");

	tcase_add_test(tc, last_words_are_heard);
	tcase_add_test(tc, words_do_not_steer_a_terminal);
	tcase_add_test(tc, death_without_words_is_noticed);
	tcase_add_test(tc, nobody_listens);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
