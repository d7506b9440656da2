/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "util/hash.h"

#define N 5000

struct item {
	struct hash_node link;
	char key[16];
};

static struct item *find(const struct hash *h, const char *key)
{
	uint64_t hv = hash_bytes(key, strlen(key));

	hash_for_each (n, h, hv) {
		struct item *i = container_of(n, struct item, link);

		if (n->hash == hv && strcmp(i->key, key) == 0)
			return i;
	}
	return NULL;
}

START_TEST(test_members_are_found_until_they_are_removed)
{
	struct item *items = calloc(N, sizeof(*items));
	struct hash h;

	hash_init(&h);
	ck_assert_ptr_null(find(&h, "0"));
	for (int i = 0; i < N; i++) {
		snprintf(items[i].key, sizeof(items[i].key), "%d", i);
		ck_assert_int_eq(hash_insert(&h, &items[i].link,
					     hash_bytes(items[i].key, strlen(items[i].key))),
				 0);
	}
	ck_assert_uint_eq(h.count, N);
	for (int i = 0; i < N; i += 2)
		hash_remove(&h, &items[i].link);
	ck_assert_uint_eq(h.count, N / 2);
	for (int i = 0; i < N; i++) {
		ck_assert_ptr_eq(find(&h, items[i].key), i % 2 ? &items[i] : NULL);
		ck_assert_int_eq(hash_contains(&h, &items[i].link), i % 2);
	}
	hash_done(&h);
	free(items);
}
END_TEST

START_TEST(test_members_with_the_same_hash_are_all_kept)
{
	struct item a = {.key = "a"}, b = {.key = "b"};
	struct hash h;
	int n = 0;

	hash_init(&h);
	ck_assert_int_eq(hash_insert(&h, &a.link, 42), 0);
	ck_assert_int_eq(hash_insert(&h, &b.link, 42), 0);
	hash_for_each (it, &h, 42)
		n++;
	ck_assert_int_eq(n, 2);
	hash_remove(&h, &a.link);
	ck_assert(hash_contains(&h, &b.link));
	hash_done(&h);
}
END_TEST

START_TEST(test_the_stable_hash_does_not_change)
{
	uint64_t a = hash_bytes_stable("name", 4);

	ck_assert_uint_eq(a, hash_bytes_stable("name", 4));
	ck_assert_uint_ne(a, hash_bytes_stable("namf", 4));
	ck_assert_uint_ne(a, hash_bytes_stable("name\0", 5));
	ck_assert_uint_ne(hash_bytes_stable("", 0), hash_bytes_stable("\0", 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tc = tcase_create("hash");

	tcase_add_test(tc, test_members_are_found_until_they_are_removed);
	tcase_add_test(tc, test_members_with_the_same_hash_are_all_kept);
	tcase_add_test(tc, test_the_stable_hash_does_not_change);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
