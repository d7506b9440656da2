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
	struct farewell_host host;
	int fd = -1;

	ck_assert_int_eq(farewell_listen(&host, some_device()), 0);
	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &fd), 0);
	farewell_say(&host, 16, said);
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
	struct farewell_host host;
	int fd = -1;

	ck_assert_int_eq(farewell_listen(&host, some_device()), 0);
	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &fd), 0);
	(void)close(host.fd);
	ck_assert_int_eq(farewell_hear(fd, &words), -EPIPE);
}
END_TEST

/* The kernel gives the number away while the first daemon still stores. */
START_TEST(the_next_mount_has_the_same_number)
{
	struct farewell_host first, second;
	struct farewell words;
	int fd = -1, other = -1;

	ck_assert_int_eq(farewell_listen(&first, some_device()), 0);
	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &fd), 0);
	farewell_gather(&first);
	ck_assert_int_eq(farewell_listen(&second, some_device()), 0);
	ck_assert_int_eq(farewell_connect(some_device(), getuid(), &other), 0);
	farewell_say(&second, 0, "second");
	ck_assert_int_eq(farewell_hear(other, &words), 0);
	ck_assert_str_eq(words.text, "second");
	farewell_say(&first, 1, "first");
	ck_assert_int_eq(farewell_hear(fd, &words), 0);
	ck_assert_str_eq(words.text, "first");
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
	tcase_add_test(tc, the_next_mount_has_the_same_number);
	tcase_add_test(tc, nobody_listens);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
