/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "fs/name.h"
#include "suite.h"

struct pair {
	const char *component;
	size_t len;
	const char *file_name;
};

static const struct pair pairs[] = {
	{"a", 1, "a"},		 {"hello.txt", 9, "hello.txt"},
	{" ", 1, " "},		 {"...", 3, "..."},
	{"%", 1, "%"},		 {"100%=", 5, "100%="},
	{"é", 2, "é"},		 {"new\nline", 8, "new\nline"},
	{"", 0, "%="},		 {".", 1, "%=."},
	{"..", 2, "%=.."},	 {"%=", 2, "%=x%25="},
	{"%=.", 3, "%=x%25=."},	 {"%=xyz", 5, "%=x%25=xyz"},
	{"a\0b", 3, "%=xa%00b"}, {"\0", 1, "%=x%00"},
};

START_TEST(encode_and_decode_are_inverse)
{
	const struct pair *p = &pairs[_i];
	char name[NAME_COMPONENT_MAX + 1], back[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;

	ck_assert(!name_encode(p->component, p->len, name));
	ck_assert_str_eq(name, p->file_name);
	ck_assert_int_eq(name_decode(name, strlen(name), back, &len, &is_shadowed), 0);
	ck_assert(!is_shadowed);
	ck_assert_uint_eq(len, p->len);
	ck_assert_mem_eq(back, p->component, len);
}
END_TEST

START_TEST(shadowed_names_decode_to_their_component)
{
	const struct pair *p = &pairs[_i];
	char name[NAME_COMPONENT_MAX + 1], back[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;

	ck_assert(!name_encode_shadowed(p->component, p->len, name));
	ck_assert_int_eq(strncmp(name, "%=f", 3), 0);
	ck_assert_int_eq(name_decode(name, strlen(name), back, &len, &is_shadowed), 0);
	ck_assert(is_shadowed);
	ck_assert_uint_eq(len, p->len);
	ck_assert_mem_eq(back, p->component, len);
}
END_TEST

static const char *const not_escapes[] = {
	"%=a",	  "%=...",   "%=xplain", "%=xa%2fb", "%=xa%0",
	"%=x%25", "%=label", "%=X%25=",	 "%=x%00%",  "%=l0123",
};

START_TEST(what_encoding_never_makes_is_refused)
{
	char out[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;

	ck_assert_int_eq(
		name_decode(not_escapes[_i], strlen(not_escapes[_i]), out, &len, &is_shadowed),
		-EINVAL);
}
END_TEST

START_TEST(names_that_are_not_utf8_are_refused)
{
	char out[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;

	ck_assert_int_eq(name_decode("caf\xe9", 4, out, &len, &is_shadowed), -EILSEQ);
}
END_TEST

START_TEST(long_components_keep_their_text_elsewhere)
{
	char component[700], a[NAME_COMPONENT_MAX + 1], b[NAME_COMPONENT_MAX + 1];
	char out[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;

	memset(component, 'x', sizeof(component));
	ck_assert(!name_encode(component, NAME_COMPONENT_MAX, a));
	ck_assert(name_encode(component, NAME_COMPONENT_MAX + 1, a));
	ck_assert(name_encode(component, sizeof(component), b));
	ck_assert_str_ne(a, b);
	ck_assert_uint_le(strlen(a), NAME_COMPONENT_MAX);
	ck_assert_int_eq(name_decode(a, strlen(a), out, &len, &is_shadowed), -EINVAL);
}
END_TEST

START_TEST(a_long_component_and_its_shadowed_form_differ)
{
	char component[700], plain[NAME_COMPONENT_MAX + 1], shadowed[NAME_COMPONENT_MAX + 1];

	memset(component, 'x', sizeof(component));
	ck_assert(name_encode(component, sizeof(component), plain));
	ck_assert(name_encode_shadowed(component, sizeof(component), shadowed));
	ck_assert_str_ne(plain, shadowed);
}
END_TEST

START_TEST(long_components_are_cut_between_characters)
{
	char component[900], name[NAME_COMPONENT_MAX + 1];

	for (size_t i = 0; i + 3 <= sizeof(component); i += 3)
		memcpy(component + i, "\xe2\x82\xac", 3);
	ck_assert(name_encode(component, sizeof(component), name));
	ck_assert_int_eq((unsigned char)name[strlen(name) - 1], 0xac);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("name");
	TCase *tc = tcase_create("name");

	tcase_add_loop_test(tc, encode_and_decode_are_inverse, 0,
			    (int)(sizeof(pairs) / sizeof(*pairs)));
	tcase_add_loop_test(tc, shadowed_names_decode_to_their_component, 0,
			    (int)(sizeof(pairs) / sizeof(*pairs)));
	tcase_add_loop_test(tc, what_encoding_never_makes_is_refused, 0,
			    (int)(sizeof(not_escapes) / sizeof(*not_escapes)));
	tcase_add_test(tc, names_that_are_not_utf8_are_refused);
	tcase_add_test(tc, long_components_keep_their_text_elsewhere);
	tcase_add_test(tc, a_long_component_and_its_shadowed_form_differ);
	tcase_add_test(tc, long_components_are_cut_between_characters);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
