/* SPDX-License-Identifier: Apache-2.0 */
/* Places of chunks, against the layouts of tests/vectors/chunk_index.json. */
#include <check.h>

#include "objstore/chunk_index.h"
#include "objstore/seq_runs.h"
#include "suite.h"
#include "vectors.h"

static cJSON *vectors;

static void setup(void)
{
	vectors = vectors_load("chunk_index.json", "cases");
}

static void teardown(void)
{
	cJSON_Delete(vectors);
}

static uint64_t number(const cJSON *o, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);

	ck_assert_msg(cJSON_IsNumber(item), "%s", key);
	return (uint64_t)item->valuedouble;
}

static uint64_t element(const cJSON *o, const char *key, int i)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(o, key);

	return (uint64_t)cJSON_GetArrayItem(array, i)->valuedouble;
}

/* Every place that has a byte in it. */
static void assert_places(const cJSON *c, const struct chunk_index *x)
{
	for (uint32_t i = 0; i < x->count; i++) {
		uint64_t len = element(c, "chunk_sizes", (int)i), off;
		uint64_t start = element(c, "chunk_offsets", (int)i);
		uint32_t idx;

		ck_assert_uint_eq(chunk_index_seq(x, i), element(c, "chunk_seqs", (int)i));
		ck_assert_uint_eq(chunk_index_len(x, i), len);
		for (uint64_t k = 0; k < 2 && len > 0; k++) {
			chunk_index_locate(x, start + k * (len - 1), &idx, &off);
			ck_assert_uint_eq(idx, i);
			ck_assert_uint_eq(off, start);
		}
	}
}

START_TEST(proof_is_as_strict_as_it_must_be)
{
	const cJSON *c;
	size_t n = 0;

	cJSON_ArrayForEach(c, vectors)
	{
		int last =
			cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(c, "chunk_sizes")) - 1;
		const char *label = cJSON_GetObjectItemCaseSensitive(c, "label")->valuestring;
		struct chunk_end a, z;
		struct chunk_index x;
		bool is_expected = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
			c, "provably_uniform_from_first_and_last"));

		if (last < 0 || number(c, "meta_size") == 0)
			continue;
		n++;
		a = (struct chunk_end){element(c, "chunk_seqs", 0), element(c, "chunk_sizes", 0)};
		z = (struct chunk_end){element(c, "chunk_seqs", last),
				       element(c, "chunk_sizes", last)};
		chunk_index_init(&x, number(c, "meta_size"), (uint32_t)number(c, "meta_chunks"));
		ck_assert_msg(
			chunk_index_prove(&x, &a, &z, (uint32_t)number(c, "max_chunk_size")) ==
				is_expected,
			"%s", label);
		if (is_expected)
			assert_places(c, &x);
		chunk_index_done(&x);
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(listing_gives_every_place)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, vectors)
	{
		int n = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(c, "chunk_sizes"));
		struct chunk_index x;

		if (number(c, "meta_size") == 0)
			continue;
		chunk_index_init(&x, number(c, "meta_size"), (uint32_t)number(c, "meta_chunks"));
		for (int i = 0; i < n; i++)
			ck_assert_int_eq(chunk_index_add(&x, element(c, "chunk_seqs", i),
							 element(c, "chunk_sizes", i)),
					 0);
		ck_assert_int_eq(chunk_index_finish(&x), 0);
		assert_places(c, &x);
		chunk_index_done(&x);
	}
}
END_TEST

START_TEST(listing_that_contradicts_is_refused)
{
	struct chunk_index x;

	chunk_index_init(&x, 10, 2);
	ck_assert_int_eq(chunk_index_finish(&x), -ESTALE);
	ck_assert_int_eq(chunk_index_add(&x, 5, 6), 0);
	ck_assert_int_eq(chunk_index_finish(&x), -EIO);
	ck_assert_int_eq(chunk_index_add(&x, 6, 5), -EIO);
	ck_assert_int_eq(chunk_index_add(&x, 6, UINT64_MAX), -EIO);
	ck_assert_int_eq(chunk_index_add(&x, 6, 4), 0);
	ck_assert_int_eq(chunk_index_add(&x, 7, 0), 0);
	ck_assert_int_eq(chunk_index_finish(&x), 0);
	ck_assert_int_eq(chunk_index_add(&x, 8, 0), -EIO);
	chunk_index_done(&x);
}
END_TEST

START_TEST(proof_survives_large_numbers)
{
	const struct chunk_end first = {1, UINT32_MAX}, last = {UINT32_MAX, 1};
	struct chunk_index x;
	uint64_t off;
	uint32_t idx;

	chunk_index_init(&x, (uint64_t)(UINT32_MAX - 1) * UINT32_MAX + 1, UINT32_MAX);
	ck_assert(chunk_index_prove(&x, &first, &last, UINT32_MAX));
	chunk_index_locate(&x, x.size - 1, &idx, &off);
	ck_assert_uint_eq(idx, UINT32_MAX - 1);
	ck_assert_uint_eq(off, x.size - 1);
	ck_assert_uint_eq(chunk_index_seq(&x, idx), UINT32_MAX);
	ck_assert_uint_eq(chunk_index_len(&x, idx), 1);
	chunk_index_done(&x);
}
END_TEST

START_TEST(runs_give_back_what_was_added)
{
	static const uint64_t seqs[] = {3, 4, 5, 9, 10, 12, 100, 101, 102, 103, UINT64_MAX};
	struct seq_runs r = {0};

	for (size_t i = 0; i < ARRAY_LEN(seqs); i++)
		ck_assert_int_eq(seq_runs_add(&r, seqs[i]), 0);
	ck_assert_uint_eq(r.n_items, 5);
	for (uint32_t i = 0; i < ARRAY_LEN(seqs); i++)
		ck_assert_uint_eq(seq_runs_get(&r, i), seqs[i]);
	ck_assert_int_eq(seq_runs_add(&r, 5), -ERANGE);
	ck_assert_int_eq(seq_runs_add(&r, UINT64_MAX), -ERANGE);
	seq_runs_done(&r);
	ck_assert_int_eq(seq_runs_add(&r, 1), 0);
	seq_runs_done(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chunk_index");
	TCase *tc = tcase_create("chunk_index");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, proof_is_as_strict_as_it_must_be);
	tcase_add_test(tc, listing_gives_every_place);
	tcase_add_test(tc, listing_that_contradicts_is_refused);
	tcase_add_test(tc, proof_survives_large_numbers);
	tcase_add_test(tc, runs_give_back_what_was_added);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
