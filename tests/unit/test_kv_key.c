/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/kv_key.h"
#include "objstore/subject.h"
#include "suite.h"

static const struct {
	char separator;
	const char *name, *key;
} pairs[] = {
	{'/', "a", "a"},
	{'/', "a/b.c", "a/b.c"},
	{'/', "app.config.db", "app.config.db"},
	{'/', ".foo.swp", "=2Efoo.swp"},
	{'/', "a/.foo.swp", "a/.foo.swp"},
	{'/', "foo~", "foo=7E"},
	{'/', "my file", "my=20file"},
	{'/', "\xc3\xa4", "=C3=A4"},
	{'/', "a..b", "a.=2Eb"},
	{'/', "a...b", "a.=2E=2Eb"},
	{'/', "a.", "a=2E"},
	{'/', "a/", "a/"},
	{'/', "/a//b", "/a//b"},
	{'/', "x=41", "x=41"},
	{'/', "YWI=", "YWI="},
	{'/', "x=20y", "x=3D20y"},
	{'/', "x=3D20y", "x=3D3D20y"},
	{'/', "x=3Dy", "x=3Dy"},
	{'/', "*>", "=2A=3E"},
	{'.', "a", "a"},
	{'.', "sensors/kitchen/temp", "sensors.kitchen.temp"},
	{'.', "a.txt", "a=2Etxt"},
	{'.', "d/.a.swp", "d.=2Ea=2Eswp"},
	{'.', "a=2Fb", "a/b"},
	{'.', "a=3D2Fb", "a=2Fb"},
	{'.', "a/", "a=00"},
	{'.', "a//b", "a.=00b"},
};

START_TEST(test_a_name_has_its_key_and_back)
{
	_cleanup_buf_ struct buf key, name;
	bool is_canonical;

	buf_init(&key, 4096);
	buf_init(&name, 4096);
	ck_assert_int_eq(
		kv_key_from_name(pairs[_i].separator, pairs[_i].name, strlen(pairs[_i].name), &key),
		0);
	ck_assert_str_eq(key.data, pairs[_i].key);
	ck_assert_int_eq(kv_name_from_key(pairs[_i].separator, key.data, &name, &is_canonical), 0);
	ck_assert(is_canonical);
	ck_assert_str_eq(name.data, pairs[_i].name);
}
END_TEST

/* NATS ADR-8, and what a subject can hold. */
static void check_key(const struct buf *key)
{
	ck_assert_uint_eq(strspn(key->data, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789-/_=."),
			  key->len);
	ck_assert_int_ne(key->data[0], '.');
	ck_assert_int_ne(key->data[key->len - 1], '.');
	ck_assert_ptr_null(strstr(key->data, ".."));
}

static size_t make_text(char *out, const char *const *parts, size_t n)
{
	size_t n_parts = 1 + (size_t)rand() % 8;

	*out = '\0';
	for (size_t i = 0; i < n_parts; i++)
		strcat(out, parts[(size_t)rand() % n]);
	return strlen(out);
}

START_TEST(test_no_two_names_share_a_key)
{
	static const char *const parts[] = {".", "=", "/",  "2E", "3D", "2F", "00",
					    "a", "B", "41", " ",  "~",	"=2", "\xc3\xa4"};
	char separator = _i ? '.' : '/', text[64];

	srand(7);
	for (int i = 0; i < 200000; i++) {
		_cleanup_buf_ struct buf key, name;
		size_t len = make_text(text, parts, ARRAY_LEN(parts));
		bool is_canonical;

		buf_init(&key, 4096);
		buf_init(&name, 4096);
		ck_assert_int_eq(kv_key_from_name(separator, text, len, &key), 0);
		ck_assert_int_eq(kv_name_from_key(separator, key.data, &name, &is_canonical), 0);
		/* Check reports every assertion through a pipe. */
		if (!is_canonical || name.len != len || memcmp(name.data, text, len) != 0 ||
		    i % 1000 == 0) {
			ck_assert_str_eq(name.data, text);
			check_key(&key);
		}
	}
}
END_TEST

START_TEST(test_every_valid_key_has_a_name)
{
	static const char *const parts[] = {"x.", "=",	"/",  "2E", "3D", "2F",
					    "00", "aB", "41", "20", "=2", "7E"};
	char separator = _i ? '.' : '/', text[64];

	srand(11);
	for (int i = 0; i < 200000; i++) {
		_cleanup_buf_ struct buf name;
		size_t len = make_text(text, parts, ARRAY_LEN(parts));
		bool is_canonical, is_text = true;

		if (text[len - 1] == '.')
			text[len - 1] = 'e';
		buf_init(&name, 4096);
		ck_assert_int_eq(kv_name_from_key(separator, text, &name, &is_canonical), 0);
		is_text = obj_utf8_is_valid(name.data, name.len);
		if (!is_canonical || !is_text)
			ck_abort_msg("%s is shown as %s", text, name.data);
	}
}
END_TEST

START_TEST(test_keys_that_should_not_be_have_names_too)
{
	static const struct {
		const char *key, *name;
	} odd[] = {{"\xc3\xa4", "\xc3\xa4"}, {"=FF", "=FF"}, {"a\xff", "a=FF"}, {"a=2Eb", "a=2Eb"}};

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		_cleanup_buf_ struct buf name;
		bool is_canonical;

		buf_init(&name, 4096);
		ck_assert_int_eq(kv_name_from_key('/', odd[i].key, &name, &is_canonical), 0);
		ck_assert_str_eq(name.data, odd[i].name);
		/* The last one means itself: nobody escapes that dot. */
		ck_assert_int_eq(is_canonical, i == 3);
	}
}
END_TEST

START_TEST(test_names_that_no_key_can_hold)
{
	_cleanup_buf_ struct buf key;
	char name[KV_KEY_LEN_MAX + 1];

	buf_init(&key, 1 << 16);
	ck_assert_int_eq(kv_key_from_name('/', "", 0, &key), -EINVAL);
	ck_assert_int_eq(kv_key_from_name('/', "a\0b", 3, &key), -EINVAL);
	memset(name, ' ', sizeof(name));
	ck_assert_int_eq(kv_key_from_name('/', name, KV_KEY_LEN_MAX / 3, &key), 0);
	ck_assert_int_eq(kv_key_from_name('/', name, KV_KEY_LEN_MAX / 3 + 1, &key), -ENAMETOOLONG);
	ck_assert_int_eq(kv_key_from_name('/', name, sizeof(name), &key), -ENAMETOOLONG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kv_key");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, test_a_name_has_its_key_and_back, 0, (int)ARRAY_LEN(pairs));
	tcase_add_loop_test(tc, test_no_two_names_share_a_key, 0, 2);
	tcase_add_loop_test(tc, test_every_valid_key_has_a_name, 0, 2);
	tcase_add_test(tc, test_keys_that_should_not_be_have_names_too);
	tcase_add_test(tc, test_names_that_no_key_can_hold);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
