/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <nats/nats.h>

#include "objstore/api.h"
#include "objstore/push.h"
#include "suite.h"

static const struct {
	const char *created;
	uint64_t want;
} answers[] = {
	{"{\"delivered\":{\"consumer_seq\":0,\"stream_seq\":0},\"num_pending\":620}", 620},
	/* The server was faster with the messages than with the answer. */
	{"{\"delivered\":{\"consumer_seq\":616,\"stream_seq\":9},\"num_pending\":4}", 620},
	{"{\"delivered\":{\"consumer_seq\":620,\"stream_seq\":9},\"num_pending\":0}", 620},
	{"{\"num_pending\":7}", 7},
	{"{}", 0},
};

START_TEST(what_was_delivered_before_the_answer_counts)
{
	_cleanup_json_ cJSON *json = cJSON_Parse(answers[_i].created);

	ck_assert_ptr_nonnull(json);
	ck_assert_uint_eq(push_total(json), answers[_i].want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("push");
	TCase *tc = tcase_create("push");

	tcase_add_loop_test(tc, what_was_delivered_before_the_answer_counts, 0,
			    (int)ARRAY_LEN(answers));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
