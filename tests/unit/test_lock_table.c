/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "fs/lock_table.h"
#include "suite.h"

#define S1 "aaaaaaaaaaaaaaaaaaaaaa"
#define S2 "bbbbbbbbbbbbbbbbbbbbbb"

static struct lock_entry entry(enum lock_mode mode, const char *session, uint64_t id,
			       uint64_t start, uint64_t end)
{
	struct lock_entry e = {
		.kind = LOCK_POSIX, .mode = mode, .start = start, .end = end, .pid = 7};

	strcpy(e.owner.session, session);
	e.owner.id = id;
	return e;
}

static void set(struct lock_table *t, enum lock_mode mode, uint64_t id, uint64_t start,
		uint64_t end)
{
	const struct lock_entry e = entry(mode, S1, id, start, end);

	ck_assert_int_eq(lock_table_set(t, &e), 0);
}

static void await(struct lock_table *t, enum lock_mode mode, const char *session, uint64_t id,
		  uint64_t start, uint64_t end, uint64_t ticket)
{
	const struct lock_waiter w = {
		.want = entry(mode, session, id, start, end), .request = ticket, .ticket = ticket};

	ck_assert_int_eq(lock_table_wait(t, &w), 0);
}

static bool is_free(const struct lock_table *t, enum lock_mode mode, uint64_t id, uint64_t start,
		    uint64_t end)
{
	const struct lock_entry e = entry(mode, S1, id, start, end);

	return !lock_table_conflict(t, &e);
}

/* "id:start-end/mode …" of what is held. */
static void assert_held(const struct lock_table *t, const char *expected)
{
	struct buf out CLEANUP(buf_done);

	buf_init(&out, 4096);
	for (size_t i = 0; i < t->n_held; i++)
		buf_printf(&out, "%d:%d-%d%s ", (int)t->held[i].owner.id, (int)t->held[i].start,
			   (int)t->held[i].end, t->held[i].mode == LOCK_SHARED ? "s" : "x");
	ck_assert_str_eq(out.data ? out.data : "", expected);
}

START_TEST(shared_locks_go_together_exclusive_ones_do_not)
{
	struct lock_table t = {0};

	set(&t, LOCK_SHARED, 1, 0, 9);
	ck_assert(is_free(&t, LOCK_SHARED, 2, 0, 9));
	ck_assert(!is_free(&t, LOCK_EXCLUSIVE, 2, 9, 20));
	ck_assert(is_free(&t, LOCK_EXCLUSIVE, 2, 10, 20));
	ck_assert(is_free(&t, LOCK_EXCLUSIVE, 1, 0, 9));
	lock_table_done(&t);
}
END_TEST

START_TEST(a_part_is_unlocked_upgraded_and_joined_again)
{
	struct lock_table t = {0};

	set(&t, LOCK_SHARED, 1, 0, 99);
	set(&t, LOCK_OFF, 1, 40, 49);
	assert_held(&t, "1:0-39s 1:50-99s ");
	set(&t, LOCK_EXCLUSIVE, 1, 30, 59);
	assert_held(&t, "1:0-29s 1:30-59x 1:60-99s ");
	set(&t, LOCK_SHARED, 1, 30, 59);
	assert_held(&t, "1:0-99s ");
	set(&t, LOCK_OFF, 1, 0, LOCK_RANGE_END);
	assert_held(&t, "");
	lock_table_done(&t);
}
END_TEST

START_TEST(neighbours_of_other_owners_and_kinds_stay_apart)
{
	struct lock_table t = {0};
	struct lock_entry flock = entry(LOCK_EXCLUSIVE, S1, 1, 0, LOCK_RANGE_END);

	flock.kind = LOCK_FLOCK;
	ck_assert_int_eq(lock_table_set(&t, &flock), 0);
	set(&t, LOCK_SHARED, 1, 0, 9);
	set(&t, LOCK_SHARED, 2, 10, 19);
	ck_assert_uint_eq(t.n_held, 3);
	ck_assert(is_free(&t, LOCK_EXCLUSIVE, 3, 20, 29));
	flock.owner.id = 3;
	ck_assert(lock_table_conflict(&t, &flock));
	lock_table_done(&t);
}
END_TEST

START_TEST(what_is_covered_may_be_in_pieces)
{
	struct lock_table t = {0};
	struct lock_entry want = entry(LOCK_SHARED, S1, 1, 5, 15);

	set(&t, LOCK_SHARED, 1, 0, 9);
	ck_assert(!lock_table_covers(&t, &want));
	set(&t, LOCK_EXCLUSIVE, 1, 10, 19);
	ck_assert(lock_table_covers(&t, &want));
	want.mode = LOCK_EXCLUSIVE;
	ck_assert(!lock_table_covers(&t, &want));
	lock_table_done(&t);
}
END_TEST

START_TEST(who_waits_longest_is_first)
{
	struct lock_table t = {0};

	set(&t, LOCK_EXCLUSIVE, 1, 0, 9);
	await(&t, LOCK_EXCLUSIVE, S1, 2, 0, 4, 1);
	await(&t, LOCK_SHARED, S1, 3, 0, 9, 2);
	await(&t, LOCK_EXCLUSIVE, S1, 4, 5, 9, 3);
	set(&t, LOCK_OFF, 1, 0, 9);
	ck_assert_int_eq(lock_table_grant(&t), 0);
	assert_held(&t, "2:0-4x 4:5-9x ");
	ck_assert_uint_eq(t.n_waiting, 1);
	ck_assert(lock_table_find_waiter(&t, S1, 2));
	lock_table_done(&t);
}
END_TEST

START_TEST(the_end_of_a_session_takes_all_it_has)
{
	struct lock_table t = {0};

	set(&t, LOCK_EXCLUSIVE, 1, 0, 9);
	await(&t, LOCK_EXCLUSIVE, S1, 2, 0, 4, 1);
	await(&t, LOCK_EXCLUSIVE, S2, 2, 0, 4, 2);
	lock_table_drop_session(&t, S1);
	ck_assert_uint_eq(t.n_held, 0);
	ck_assert_uint_eq(t.n_waiting, 1);
	ck_assert_str_eq(t.waiting[0].want.owner.session, S2);
	lock_table_done(&t);
}
END_TEST

START_TEST(a_table_has_an_end)
{
	struct lock_table t = {0};
	struct lock_entry e = entry(LOCK_SHARED, S1, 1, 0, 0);
	int err = 0;

	for (uint64_t i = 0; !err && i <= LOCK_TABLE_MAX; i++) {
		e.start = e.end = 2 * i;
		err = lock_table_set(&t, &e);
	}
	ck_assert_int_eq(err, -ENOLCK);
	ck_assert_uint_eq(t.n_held, LOCK_TABLE_MAX);
	set(&t, LOCK_OFF, 1, 0, LOCK_RANGE_END);
	lock_table_done(&t);
}
END_TEST

START_TEST(text_says_all)
{
	struct lock_table t = {0}, again;
	struct buf out CLEANUP(buf_done);

	set(&t, LOCK_SHARED, 1, 0, 9);
	set(&t, LOCK_EXCLUSIVE, UINT64_MAX, 10, LOCK_RANGE_END);
	await(&t, LOCK_EXCLUSIVE, S2, 2, 0, 4, UINT64_MAX);
	buf_init(&out, 4096);
	ck_assert_int_eq(lock_table_format(&t, "a\nb", &out), 0);
	ck_assert_int_eq(lock_table_parse(out.data, out.len, &again), 0);
	ck_assert(lock_table_equal(&t, &again));
	ck_assert_uint_eq(again.waiting[0].ticket, UINT64_MAX);
	ck_assert_uint_eq(again.held[0].pid, 7);
	lock_table_done(&t);
	lock_table_done(&again);
}
END_TEST

static const char *const bad_texts[] = {
	"",
	"natsobj-locks 2 a\n",
	"natsobj-locks 1 a\nheld posix shared " S1 " 1 7 0\n",
	"natsobj-locks 1 a\nheld posix shared " S1 " 1 7 9 0\n",
	"natsobj-locks 1 a\nheld posix shared " S1 " 1 7 0 9223372036854775808\n",
	"natsobj-locks 1 a\nheld posix shared " S1 "x 1 7 0 9\n",
	"natsobj-locks 1 a\nheld posix off " S1 " 1 7 0 9\n",
	"natsobj-locks 1 a\nheld lockf shared " S1 " 1 7 0 9\n",
	"natsobj-locks 1 a\nheld posix shared " S1 " -1 7 0 9\n",
	"natsobj-locks 1 a\nwait posix shared " S1 " 1 7 0 9 1\n",
	"natsobj-locks 1 a\nheld posix shared " S1 " 1 7 0 9 1 1\n",
};

START_TEST(other_texts_are_refused)
{
	struct lock_table t;

	ck_assert_int_eq(lock_table_parse(bad_texts[_i], strlen(bad_texts[_i]), &t), -EINVAL);
	ck_assert_uint_eq(t.n_held, 0);
}
END_TEST

START_TEST(the_last_of_a_circle_gives_up)
{
	struct lock_table a = {0}, b = {0};
	const struct lock_table *tables[] = {&a, &b};

	set(&a, LOCK_EXCLUSIVE, 1, 0, 0);
	set(&b, LOCK_EXCLUSIVE, 2, 0, 0);
	await(&b, LOCK_EXCLUSIVE, S1, 1, 0, 0, 5);
	ck_assert(!lock_graph_is_victim(tables, 2, &b.waiting[0]));
	await(&a, LOCK_EXCLUSIVE, S1, 2, 0, 0, 6);
	ck_assert(!lock_graph_is_victim(tables, 2, &b.waiting[0]));
	ck_assert(lock_graph_is_victim(tables, 2, &a.waiting[0]));
	/* Waiting for somebody in a circle is not being in it. */
	await(&a, LOCK_EXCLUSIVE, S1, 3, 0, 0, 7);
	ck_assert(!lock_graph_is_victim(tables, 2, &a.waiting[1]));
	ck_assert(lock_graph_is_victim(tables, 2, &a.waiting[0]));
	lock_table_done(&a);
	lock_table_done(&b);
}
END_TEST

START_TEST(two_upgrades_are_a_circle)
{
	struct lock_table t = {0};
	const struct lock_table *tables[] = {&t};

	set(&t, LOCK_SHARED, 1, 0, 9);
	set(&t, LOCK_SHARED, 2, 0, 9);
	await(&t, LOCK_EXCLUSIVE, S1, 1, 0, 9, 1);
	ck_assert(!lock_graph_is_victim(tables, 1, &t.waiting[0]));
	await(&t, LOCK_EXCLUSIVE, S1, 2, 0, 9, 2);
	ck_assert(lock_graph_is_victim(tables, 1, &t.waiting[1]));
	lock_table_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lock_table");
	TCase *tc = tcase_create("core");

	tcase_add_test(tc, shared_locks_go_together_exclusive_ones_do_not);
	tcase_add_test(tc, a_part_is_unlocked_upgraded_and_joined_again);
	tcase_add_test(tc, neighbours_of_other_owners_and_kinds_stay_apart);
	tcase_add_test(tc, what_is_covered_may_be_in_pieces);
	tcase_add_test(tc, who_waits_longest_is_first);
	tcase_add_test(tc, the_end_of_a_session_takes_all_it_has);
	tcase_add_test(tc, a_table_has_an_end);
	tcase_add_test(tc, text_says_all);
	tcase_add_loop_test(tc, other_texts_are_refused, 0, (int)ARRAY_LEN(bad_texts));
	tcase_add_test(tc, the_last_of_a_circle_gives_up);
	tcase_add_test(tc, two_upgrades_are_a_circle);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
