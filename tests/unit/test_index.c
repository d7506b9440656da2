/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "util/hash.h"
#include "util/index.h"
#include "util/slab.h"

#define N 5000

struct item {
	struct index_link link;
	uint64_t key;
};

static uint64_t hash_of(struct index_link *l)
{
	const struct item *i = container_of(l, struct item, link);

	return hash_bytes(&i->key, sizeof(i->key));
}

static struct item *find(const struct index *x, uint64_t key)
{
	index_for_each(l, x, hash_bytes(&key, sizeof(key)))
	{
		struct item *i = container_of(l, struct item, link);

		if (i->key == key)
			return i;
	}
	return NULL;
}

START_TEST(test_members_are_found_until_they_are_removed)
{
	struct item *items = calloc(N, sizeof(*items));
	struct index x;
	size_t seen = 0;

	index_init(&x, hash_of);
	ck_assert_ptr_null(find(&x, 0));
	if (_i)
		index_reserve(&x, N);
	for (uint64_t i = 0; i < N; i++) {
		items[i].key = i;
		ck_assert_int_eq(index_insert(&x, &items[i].link, hash_of(&items[i].link)), 0);
	}
	for (size_t i = 0; i < N; i += 2)
		index_remove(&x, &items[i].link);
	ck_assert_uint_eq(x.count, N / 2);
	for (size_t i = 0; i < N; i++)
		ck_assert_ptr_eq(find(&x, i), i % 2 ? &items[i] : NULL);
	index_each(l, &x) seen++;
	ck_assert_uint_eq(seen, N / 2);
	index_done(&x);
	free(items);
}
END_TEST

START_TEST(test_members_with_the_same_hash_are_all_kept)
{
	struct item a = {.key = 1}, b = {.key = 1};
	struct index x;

	index_init(&x, hash_of);
	ck_assert_int_eq(index_insert(&x, &a.link, hash_of(&a.link)), 0);
	ck_assert_int_eq(index_insert(&x, &b.link, hash_of(&b.link)), 0);
	ck_assert_ptr_eq(find(&x, 1), &b);
	index_remove(&x, &b.link);
	ck_assert_ptr_eq(find(&x, 1), &a);
	index_remove(&x, &a.link);
	ck_assert_ptr_null(find(&x, 1));
	index_done(&x);
}
END_TEST

static bool is_filled(const char *p, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != c)
			return false;
	return true;
}

START_TEST(test_a_slab_gives_zeroed_pieces_that_do_not_overlap)
{
	static char *pieces[N];
	static size_t sizes[N];
	struct slab s;

	slab_init(&s);
	for (size_t i = 0; i < N; i++) {
		sizes[i] = 1 + i * 7 % 700; /* some too large for a block's classes */
		pieces[i] = slab_alloc(&s, sizes[i]);
		ck_assert(is_filled(pieces[i], sizes[i], 0));
		memset(pieces[i], (char)i, sizes[i]);
	}
	for (size_t i = 0; i < N; i++)
		ck_assert(is_filled(pieces[i], sizes[i], (char)i));
	for (size_t i = 0; i < N; i++)
		slab_free(&s, pieces[i], sizes[i]);
	ck_assert_uint_eq(s.n_bytes, 0);
	slab_done(&s);
}
END_TEST

START_TEST(test_what_a_slab_gets_back_it_uses_again)
{
	size_t blocks = 0, after = 0;
	struct slab s;

	slab_init(&s);
	for (int round = 0; round < 10; round++) {
		void *pieces[N];

		for (size_t i = 0; i < N; i++)
			pieces[i] = slab_alloc(&s, 100);
		for (size_t i = 0; i < N; i++)
			slab_free(&s, pieces[i], 100);
		for (struct slab_block *b = s.blocks; round == 0 && b; b = b->next)
			blocks++;
	}
	for (struct slab_block *b = s.blocks; b; b = b->next)
		after++;
	ck_assert_uint_eq(after, blocks);
	slab_done(&s);
}
END_TEST

START_TEST(test_queued_members_are_found_after_the_flush)
{
	struct item *items = calloc(N, sizeof(*items));
	struct index_queue q = {0};
	struct index x, y;

	index_init(&x, hash_of);
	index_init(&y, hash_of);
	index_reserve(&x, 1);
	index_reserve(&y, N);
	for (uint64_t i = 0; i < N; i++) {
		items[i].key = i;
		index_queue_add(&q, i % 3 ? &x : &y, &items[i].link, hash_of(&items[i].link));
	}
	index_queue_flush(&q);
	index_queue_flush(&q);
	for (uint64_t i = 0; i < N; i++) {
		ck_assert_ptr_eq(find(&x, i), i % 3 ? &items[i] : NULL);
		ck_assert_ptr_eq(find(&y, i), i % 3 ? NULL : &items[i]);
	}
	ck_assert_uint_eq(x.count + y.count, N);
	index_done(&x);
	index_done(&y);
	free(items);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("index");
	TCase *tc = tcase_create("index");

	tcase_add_loop_test(tc, test_members_are_found_until_they_are_removed, 0, 2);
	tcase_add_test(tc, test_members_with_the_same_hash_are_all_kept);
	tcase_add_test(tc, test_queued_members_are_found_after_the_flush);
	tcase_add_test(tc, test_a_slab_gives_zeroed_pieces_that_do_not_overlap);
	tcase_add_test(tc, test_what_a_slab_gets_back_it_uses_again);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
