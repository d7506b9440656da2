/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/rpc_table.h"
#include "suite.h"

static struct rpc_pending *new_pending(uint64_t deadline_ns)
{
	const struct rpc_request req = {.subject = "s", .deadline_ns = deadline_ns};
	struct rpc_pending *p = rpc_pending_new(&req);

	ck_assert_ptr_nonnull(p);
	return p;
}

START_TEST(request_is_copied)
{
	char subject[] = "subject", key[] = "K", value[] = "value", data[] = "\0data";
	const struct rpc_header header = {key, value};
	const struct rpc_request req = {
		.subject = subject, .headers = &header, .n_headers = 1, .data = data, .len = 5};
	struct rpc_pending *p = rpc_pending_new(&req);

	ck_assert_ptr_nonnull(p);
	memset(subject, 'x', sizeof(subject) - 1);
	key[0] = value[0] = data[1] = 'x';
	ck_assert_str_eq(p->subject, "subject");
	ck_assert_str_eq(p->headers[0].key, "K");
	ck_assert_str_eq(p->headers[0].value, "value");
	ck_assert_uint_eq(p->len, 5);
	ck_assert_mem_eq(p->data, "\0data", 5);
	rpc_pending_unref(p);
}
END_TEST

START_TEST(chunk_is_referenced_not_copied)
{
	struct chunk *c = chunk_new(16);
	const struct rpc_request req = {.subject = "s", .chunk = c};
	struct rpc_pending *p;

	c->len = 16;
	p = rpc_pending_new(&req);
	ck_assert_ptr_eq(p->data, c->data);
	ck_assert_uint_eq(p->len, 16);
	ck_assert_uint_eq(atomic_load(&c->refs), 2);
	rpc_pending_ref(p);
	rpc_pending_unref(p);
	ck_assert_uint_eq(atomic_load(&c->refs), 2);
	rpc_pending_unref(p);
	ck_assert_uint_eq(atomic_load(&c->refs), 1);
	chunk_unref(c);
}
END_TEST

#define N 2000

/* Random additions and removals: the earliest is always right. */
START_TEST(earliest_deadline_comes_first)
{
	struct rpc_pending *all[N];
	struct rpc_table t;
	unsigned int seed = 7;
	size_t n = 0;

	rpc_table_init(&t);
	for (int step = 0; step < 20000; step++) {
		uint64_t min = UINT64_MAX;

		if (n < N && (n == 0 || rand_r(&seed) % 5 < 3)) {
			all[n] = new_pending((uint64_t)rand_r(&seed) % 500);
			ck_assert_int_eq(rpc_table_add(&t, all[n++]), 0);
		} else {
			size_t i = (size_t)rand_r(&seed) % n;

			rpc_table_remove(&t, all[i]);
			rpc_table_remove(&t, all[i]);
			rpc_pending_unref(all[i]);
			all[i] = all[--n];
		}
		if (step % 50 || n == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			min = all[i]->deadline_ns < min ? all[i]->deadline_ns : min;
		ck_assert_uint_eq(rpc_table_earliest(&t)->deadline_ns, min);
		ck_assert_uint_eq(t.n_heap, n);
	}
	while (n > 0) {
		rpc_table_remove(&t, all[--n]);
		rpc_pending_unref(all[n]);
	}
	ck_assert_ptr_null(rpc_table_earliest(&t));
	rpc_table_done(&t);
}
END_TEST

START_TEST(late_answer_does_not_meet_a_reused_slot)
{
	struct rpc_pending *a = new_pending(1), *b = new_pending(1);
	char token_a[RPC_TOKEN_LEN + 1], token_b[RPC_TOKEN_LEN + 1];
	struct rpc_table t;

	rpc_table_init(&t);
	ck_assert_int_eq(rpc_table_assign(&t, a), 0);
	ck_assert_int_eq(a->state, RPC_SENT);
	rpc_table_token(&t, a, token_a);
	ck_assert_uint_eq(strlen(token_a), RPC_TOKEN_LEN);
	ck_assert_ptr_eq(rpc_table_find(&t, token_a), a);
	rpc_table_remove(&t, a);
	ck_assert_ptr_null(rpc_table_find(&t, token_a));
	ck_assert_int_eq(rpc_table_assign(&t, b), 0);
	rpc_table_token(&t, b, token_b);
	ck_assert_mem_eq(token_a, token_b, 4);
	ck_assert_ptr_null(rpc_table_find(&t, token_a));
	ck_assert_ptr_eq(rpc_table_find(&t, token_b), b);
	rpc_table_remove(&t, b);
	rpc_pending_unref(a);
	rpc_pending_unref(b);
	rpc_table_done(&t);
}
END_TEST

static const char *const bad_tokens[] = {
	"",
	"0",
	"000000000000x",
	"00000000000",
	"0000000000000",
	"ffff00000000",
	"00000000000g",
	"0000 0000000",
	"-00000000000",
	"0000000000A0",
};

START_TEST(strange_token_finds_nothing)
{
	struct rpc_pending *p = new_pending(1);
	struct rpc_table t;

	rpc_table_init(&t);
	ck_assert_ptr_null(rpc_table_find(&t, "000000000000"));
	ck_assert_int_eq(rpc_table_assign(&t, p), 0);
	ck_assert_ptr_eq(rpc_table_find(&t, "000000000000"), p);
	ck_assert_ptr_null(rpc_table_find(&t, bad_tokens[_i]));
	rpc_table_remove(&t, p);
	rpc_pending_unref(p);
	rpc_table_done(&t);
}
END_TEST

START_TEST(slots_are_limited_and_distinct)
{
	struct rpc_pending **all = calloc(RPC_SLOTS_MAX, sizeof(*all));
	struct rpc_pending *extra = new_pending(1);
	char token[RPC_TOKEN_LEN + 1];
	struct rpc_table t;

	ck_assert_ptr_nonnull(all);
	rpc_table_init(&t);
	for (size_t i = 0; i < RPC_SLOTS_MAX; i++) {
		all[i] = new_pending(1);
		ck_assert_int_eq(rpc_table_assign(&t, all[i]), 0);
	}
	ck_assert_int_eq(rpc_table_assign(&t, extra), -EAGAIN);
	ck_assert_int_eq(extra->state, RPC_QUEUED);
	for (size_t i = 0; i < RPC_SLOTS_MAX; i++) {
		rpc_table_token(&t, all[i], token);
		ck_assert_ptr_eq(rpc_table_find(&t, token), all[i]);
	}
	rpc_table_remove(&t, all[12345]);
	ck_assert_int_eq(rpc_table_assign(&t, extra), 0);
	rpc_table_remove(&t, extra);
	rpc_pending_unref(extra);
	for (size_t i = 0; i < RPC_SLOTS_MAX; i++) {
		rpc_table_remove(&t, all[i]);
		rpc_pending_unref(all[i]);
	}
	rpc_table_done(&t);
	free(all);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rpc_table");
	TCase *tc = tcase_create("rpc_table");

	tcase_add_test(tc, request_is_copied);
	tcase_add_test(tc, chunk_is_referenced_not_copied);
	tcase_add_test(tc, earliest_deadline_comes_first);
	tcase_add_test(tc, late_answer_does_not_meet_a_reused_slot);
	tcase_add_loop_test(tc, strange_token_finds_nothing, 0, (int)ARRAY_LEN(bad_tokens));
	tcase_add_test(tc, slots_are_limited_and_distinct);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
