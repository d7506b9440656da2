/* SPDX-License-Identifier: Apache-2.0 */
/* Which announced messages are kept, in case that the server loses them. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/keys.h"
#include "suite.h"

static struct bucket bucket = {.meta_prefix = (char[]){"$O.b.M."}};
static struct regain *const regain = &bucket.janitor.regain;

static void setup(void)
{
	/* The library frees messages on a thread of its own. */
	ck_assert_int_eq(nats_Open(-1), NATS_OK);
	memset(&bucket.janitor, 0, sizeof(bucket.janitor));
	janitor_init(&bucket.janitor);
	bucket.janitor.replaced.is_used = true;
}

static void teardown(void)
{
	janitor_done(&bucket.janitor);
	msg_free_kept();
	ck_assert_int_eq(nats_CloseAndWait(0), NATS_OK);
}

/* True when it was taken. header NULL: none beside that of the roll-up. */
static bool announce(const char *subject, const char *data, const char *header)
{
	natsMsg *msg;
	bool is_taken;

	ck_assert_int_eq(natsMsg_Create(&msg, subject, NULL, data, (int)strlen(data)), NATS_OK);
	if (header)
		ck_assert_int_eq(natsMsgHeader_Set(msg, header, "4"), NATS_OK);
	ck_assert_int_eq(natsMsgHeader_Set(msg, HEADER_ROLLUP, "sub"), NATS_OK);
	is_taken = replaced_saw(&bucket, msg);
	if (!is_taken)
		msg_free(msg);
	return is_taken;
}

START_TEST(only_what_met_a_removal_is_kept)
{
	ck_assert(!announce("$O.b.M.eDE=", "one", NULL));
	regain_removing(&bucket, "$O.b.M.eDE=");
	ck_assert(announce("$O.b.M.eDE=", "one", NULL));
	ck_assert(!announce("$O.b.M.eDI=", "one", NULL));
	ck_assert_uint_eq(regain->n, 1);
}
END_TEST

START_TEST(removals_of_chunks_are_none)
{
	regain_removing(&bucket, "$O.b.C.nuid");
	ck_assert_uint_eq(regain->last_ns, 0);
}
END_TEST

START_TEST(what_may_have_been_refused_is_not_kept)
{
	regain_removing(&bucket, "$O.b.M.eDE=");
	ck_assert(!announce("$O.b.M.eDE=", "one", HEADER_EXPECTED_SEQ));
	ck_assert(announce("$O.b.M.eDE=", "two", "X-Other"));
}
END_TEST

START_TEST(the_last_message_counts)
{
	size_t one;

	regain_removing(&bucket, "$O.b.M.eDE=");
	ck_assert(announce("$O.b.M.eDE=", "one", NULL));
	one = regain->bytes;
	ck_assert(announce("$O.b.M.eDE=", "number two", NULL));
	ck_assert_uint_eq(regain->n, 1);
	ck_assert_uint_eq(regain->bytes, one + 7);
	regain_stored(&bucket, "$O.b.M.eDE=", "3", 1);
	ck_assert_uint_eq(regain->n, 1);
	ck_assert_uint_eq(regain->bytes, one - 2);
	regain_stored(&bucket, "$O.b.M.eDI=", "our own", 7);
	ck_assert_uint_eq(regain->n, 1);
}
END_TEST

START_TEST(what_is_to_be_empty_is_forgotten)
{
	regain_removing(&bucket, "$O.b.M.eDE=");
	regain_removing(&bucket, "$O.b.M.eDI=");
	ck_assert(announce("$O.b.M.eDE=", "one", NULL));
	ck_assert(announce("$O.b.M.eDI=", "one", NULL));
	regain_forget(&bucket, "$O.b.M.eDE=");
	ck_assert_uint_eq(regain->n, 1);
	ck_assert(announce("$O.b.M.eDE=", "one", NULL));
	regain_forget(&bucket, NULL);
	ck_assert_uint_eq(regain->n, 0);
	ck_assert_uint_eq(regain->bytes, 0);
}
END_TEST

START_TEST(nothing_is_due_at_once)
{
	uint64_t due_ns;

	regain_removing(&bucket, "$O.b.M.eDE=");
	ck_assert(announce("$O.b.M.eDE=", "one", NULL));
	mutex_lock(&bucket.janitor.lock);
	ck_assert_ptr_null(regain_take_locked(regain, true, &due_ns));
	mutex_unlock(&bucket.janitor.lock);
	ck_assert_uint_lt(due_ns, UINT64_MAX);
}
END_TEST

START_TEST(what_is_kept_is_bounded)
{
	static char large[1500000];

	memset(large, 'x', sizeof(large) - 1);
	for (int i = 0; i < 4; i++) {
		char subject[32];

		snprintf(subject, sizeof(subject), "$O.b.M.%d", i);
		regain_removing(&bucket, subject);
		ck_assert_int_eq(announce(subject, large, NULL), i < 2);
	}
	ck_assert_uint_eq(regain->n, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("regain");
	TCase *tc = tcase_create("kept");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_what_met_a_removal_is_kept);
	tcase_add_test(tc, removals_of_chunks_are_none);
	tcase_add_test(tc, what_may_have_been_refused_is_not_kept);
	tcase_add_test(tc, the_last_message_counts);
	tcase_add_test(tc, what_is_to_be_empty_is_forgotten);
	tcase_add_test(tc, nothing_is_due_at_once);
	tcase_add_test(tc, what_is_kept_is_bounded);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
