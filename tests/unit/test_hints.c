/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements that are read before their messages are stored. */
#include <check.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/watch_internal.h"
#include "suite.h"

static struct bucket bucket = {.meta_prefix = (char[]){"$O.b.M."}};
static struct watch w;

static void setup(void)
{
	w = (struct watch){.bucket = &bucket};
	mutex_init(&w.lock, LOCK_RANK_STORE);
	cond_init(&w.changed);
	hints_init(&w.hints);
}

static void teardown(void)
{
	mutex_lock(&w.lock);
	hints_clear_locked(&w);
	mutex_unlock(&w.lock);
	hash_done(&w.hints.table);
	cond_done(&w.changed);
	mutex_done(&w.lock);
}

static natsMsg *make(const char *token, const char *data)
{
	natsMsg *msg;
	char subject[64];

	snprintf(subject, sizeof(subject), "$O.b.M.%s", token);
	ck_assert_int_eq(natsMsg_Create(&msg, subject, NULL, data, (int)strlen(data)), NATS_OK);
	return msg;
}

/* expected NULL: of a client that says nothing. */
static void announce(const char *token, const char *data, const char *expected)
{
	_cleanup_msg_ natsMsg *msg = make(token, data);

	if (expected)
		ck_assert_int_eq(natsMsgHeader_Set(msg, HEADER_EXPECTED_SEQ, expected), NATS_OK);
	hints_add(&w, msg);
}

/* Takes the only hint there is to read; NULL when there is none. */
static struct hint *take_one(void)
{
	struct hint *hints[WATCH_RESOLVE_MAX];
	size_t n = hints_take(&w, true, hints);

	ck_assert_uint_le(n, 1);
	return n ? hints[0] : NULL;
}

/* What a name has when it is read, and whether the announced message may come yet. */
static const struct {
	const char *expected;
	uint64_t seq;
	bool is_settled;
} reads[] = {
	{"0", 0, false}, {"0", 7, true},   {"6", 6, false}, {"6", 0, false},
	{"6", 7, true},	 {NULL, 0, false}, {NULL, 7, true}, {"0", UINT64_MAX, true},
};

START_TEST(what_is_not_stored_yet_is_read_again)
{
	struct hint *h;

	announce("eDE=", "one", reads[_i].expected);
	hints_begin_round(&w);
	h = take_one();
	ck_assert_ptr_nonnull(h);
	ck_assert_str_eq(hint_token(h), "eDE=");
	ck_assert_int_eq(hints_settle(&w, h, reads[_i].seq), reads[_i].is_settled);
	/* Nothing is read twice in one round. */
	ck_assert_ptr_null(take_one());
	hints_begin_round(&w);
	h = take_one();
	ck_assert_int_eq(h == NULL, reads[_i].is_settled);
	if (h)
		ck_assert(hints_settle(&w, h, 9));
	hints_begin_round(&w);
	ck_assert_ptr_null(take_one());
	ck_assert_uint_eq(w.hints.n_unsettled, 0);
}
END_TEST

/* One hint stands for the second and all further announcements of a name. */
START_TEST(none_of_several_is_forgotten)
{
	struct hint *hints[WATCH_RESOLVE_MAX];

	announce("eDE=", "one", "3");
	announce("eDE=", "two", "5");
	/* This one will be refused. */
	announce("eDE=", "three", "4");
	hints_begin_round(&w);
	ck_assert_uint_eq(hints_take(&w, true, hints), 2);
	ck_assert(hints_settle(&w, hints[0], 5));
	ck_assert(!hints_settle(&w, hints[1], 5));
	hints_begin_round(&w);
	ck_assert(hints_settle(&w, take_one(), 6));
}
END_TEST

/* The consumer brings it. */
static void meet(const char *token, const char *data, uint64_t seq)
{
	_cleanup_msg_ natsMsg *msg = make(token, data);
	struct resolved names = RESOLVED_INITIALIZER(names);

	hints_meet(&w, msg, seq, false, &names);
}

/* What was read ahead of it says nothing of what was announced since. */
START_TEST(an_event_that_is_behind_meets_no_later_announcement)
{
	struct hint *h;

	announce("eDE=", "one", "3");
	hints_begin_round(&w);
	ck_assert(hints_settle(&w, take_one(), 5));
	announce("eDE=", "two", "5");
	meet("eDE=", "one", 5);
	hints_begin_round(&w);
	h = take_one();
	ck_assert_ptr_nonnull(h);
	ck_assert(hints_settle(&w, h, 6));
	announce("eDE=", "three", "6");
	meet("eDE=", "three", 7);
	ck_assert_ptr_null(take_one());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hints");
	TCase *tc = tcase_create("hints");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_is_not_stored_yet_is_read_again, 0, (int)ARRAY_LEN(reads));
	tcase_add_test(tc, none_of_several_is_forgotten);
	tcase_add_test(tc, an_event_that_is_behind_meets_no_later_announcement);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
