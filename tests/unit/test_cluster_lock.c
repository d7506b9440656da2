/* SPDX-License-Identifier: Apache-2.0 */

/* Several mounts that share one lock bucket in memory. */

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kv.h"
#include "fs/cluster_lock.h"
#include "suite.h"
#include "util/clock.h"
#include "util/lock.h"

#define LEASE_MS 1500
#define N 3
#define ALL LOCK_RANGE_END

static struct fake_kv *server;
static struct kv *kv[N];
static struct cluster_locks *cl[N];

/* One request, from outside. */
struct asked {
	struct cluster_locks *cl;
	struct mutex lock;
	struct cond cond;
	uint64_t id;
	bool is_done, has_conflict, is_local;
	int err;
	struct lock_entry conflict;
};

static void on_done(void *arg, int err, const struct lock_entry *conflict, bool is_local)
{
	struct asked *a = arg;

	LOCK_SCOPE(&a->lock);
	a->err = err;
	a->is_local = is_local;
	a->has_conflict = conflict != NULL;
	if (conflict)
		a->conflict = *conflict;
	a->is_done = true;
	cond_signal(&a->cond);
}

static void key_of(const char *name, char ret[LOCK_KEY_LEN + 1])
{
	ck_assert_int_eq(cluster_lock_key(name, strlen(name), ret), 0);
}

static struct asked *ask_entry(int mount, enum lock_op_kind kind, const char *name,
			       const struct lock_entry *want)
{
	struct asked *a = calloc(1, sizeof(*a));
	char key[LOCK_KEY_LEN + 1];
	struct lock_op *op;

	key_of(name, key);
	a->cl = cl[mount];
	mutex_init(&a->lock, LOCK_RANK_LEAF);
	cond_init(&a->cond);
	op = cluster_lock_op(cl[mount], kind, key, name, want, on_done, a);
	ck_assert_ptr_nonnull(op);
	a->id = cluster_lock_op_id(op);
	cluster_lock_submit(cl[mount], op);
	return a;
}

static struct asked *ask(int mount, enum lock_op_kind kind, const char *name, enum lock_mode mode,
			 uint64_t owner, uint64_t start, uint64_t end)
{
	const struct lock_entry want = {.kind = LOCK_POSIX,
					.mode = mode,
					.owner = {.id = owner},
					.start = start,
					.end = end,
					.pid = 4711,
					.via = owner};

	return ask_entry(mount, kind, name, &want);
}

static bool is_done(struct asked *a)
{
	LOCK_SCOPE(&a->lock);
	return a->is_done;
}

/* The answer; the request is freed. */
static int answer(struct asked *a)
{
	uint64_t end = clock_deadline_ms(20000);
	int err;

	mutex_lock(&a->lock);
	while (!a->is_done)
		ck_assert_msg(cond_wait_until(&a->cond, &a->lock, end) == 0, "no answer");
	err = a->err;
	mutex_unlock(&a->lock);
	cond_done(&a->cond);
	mutex_done(&a->lock);
	free(a);
	return err;
}

static int try_lock(int mount, const char *name, enum lock_mode mode, uint64_t owner)
{
	return answer(ask(mount, LOCK_OP_TRY, name, mode, owner, 0, ALL));
}

static int unlock(int mount, const char *name, uint64_t owner)
{
	return answer(ask(mount, LOCK_OP_UNLOCK, name, LOCK_OFF, owner, 0, ALL));
}

static struct asked *wait_for(int mount, const char *name, uint64_t owner)
{
	return ask(mount, LOCK_OP_WAIT, name, LOCK_EXCLUSIVE, owner, 0, ALL);
}

static int check(int mount, const char *name)
{
	char key[LOCK_KEY_LEN + 1];

	key_of(name, key);
	return cluster_lock_check(cl[mount], key);
}

/* Until the request stands in the shared table, where a probe of another mount sees nothing of it;
 * so the number of stored versions tells. */
static void wait_puts(uint64_t n)
{
	uint64_t end = clock_deadline_ms(20000);

	while (fake_kv_puts(server) < n) {
		ck_assert(clock_now_ns() < end);
		usleep(1000);
	}
}

static void open_mount(int i)
{
	const struct cluster_locks_config cfg = {.lease_ms = LEASE_MS, .host = "test"};

	kv[i] = fake_kv_open(server);
	ck_assert_int_eq(cluster_locks_new(kv[i], &cfg, &cl[i]), 0);
}

static void close_mount(int i)
{
	cluster_locks_stop(cl[i]);
	kv_close(kv[i]);
	cluster_locks_free(cl[i]);
	cl[i] = NULL;
}

static void setup(void)
{
	server = fake_kv_new();
	for (int i = 0; i < N; i++)
		open_mount(i);
}

static void teardown(void)
{
	for (int i = 0; i < N; i++)
		if (cl[i])
			close_mount(i);
	fake_kv_free(server);
}

START_TEST(one_host_at_a_time)
{
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 2), -EAGAIN);
	ck_assert_int_eq(try_lock(1, "g", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_SHARED, 1), 0);
	ck_assert_int_eq(try_lock(2, "f", LOCK_SHARED, 1), 0);
	ck_assert_int_eq(try_lock(2, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
	ck_assert_int_eq(check(2, "f"), 0);
}
END_TEST

START_TEST(ranges_are_apart)
{
	ck_assert_int_eq(answer(ask(0, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 0, 9)), 0);
	ck_assert_int_eq(answer(ask(1, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 9, 20)), -EAGAIN);
	ck_assert_int_eq(answer(ask(1, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 10, 20)), 0);
	ck_assert_int_eq(answer(ask(0, LOCK_OP_UNLOCK, "f", LOCK_OFF, 1, 0, 4)), 0);
	ck_assert_int_eq(answer(ask(2, LOCK_OP_TRY, "f", LOCK_SHARED, 1, 0, 4)), 0);
	ck_assert_int_eq(answer(ask(2, LOCK_OP_TRY, "f", LOCK_SHARED, 1, 5, 5)), -EAGAIN);
}
END_TEST

START_TEST(a_test_names_the_holder)
{
	struct asked *a;

	ck_assert_int_eq(answer(ask(0, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 3, 9)), 0);
	a = ask(1, LOCK_OP_TEST, "f", LOCK_SHARED, 1, 5, 5);
	while (!is_done(a))
		usleep(1000);
	ck_assert(a->has_conflict && !a->is_local);
	ck_assert_uint_eq(a->conflict.start, 3);
	ck_assert_uint_eq(a->conflict.end, 9);
	ck_assert_int_eq(answer(a), 0);
	a = ask(0, LOCK_OP_TEST, "f", LOCK_SHARED, 2, 5, 5);
	while (!is_done(a))
		usleep(1000);
	ck_assert(a->has_conflict && a->is_local);
	ck_assert_uint_eq(a->conflict.pid, 4711);
	ck_assert_int_eq(answer(a), 0);
}
END_TEST

START_TEST(who_waits_is_handed_the_lock_in_turn)
{
	struct asked *a, *b;
	uint64_t puts;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	puts = fake_kv_puts(server);
	a = wait_for(1, "f", 1);
	wait_puts(puts + 1);
	b = wait_for(2, "f", 1);
	wait_puts(puts + 2);
	ck_assert(!is_done(a));
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(answer(a), 0);
	ck_assert(!is_done(b));
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
	ck_assert_int_eq(unlock(1, "f", 1), 0);
	ck_assert_int_eq(answer(b), 0);
}
END_TEST

START_TEST(a_wait_is_cancelled_and_leaves_nothing)
{
	struct asked *a;
	uint64_t puts;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	puts = fake_kv_puts(server);
	a = wait_for(1, "f", 1);
	wait_puts(puts + 1);
	cluster_lock_cancel(cl[1], a->id);
	ck_assert_int_eq(answer(a), -EINTR);
	wait_puts(puts + 2);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(try_lock(2, "f", LOCK_EXCLUSIVE, 1), 0);
}
END_TEST

START_TEST(a_cancelled_upgrade_keeps_what_was_held)
{
	struct asked *a;
	uint64_t puts;

	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 1), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_SHARED, 1), 0);
	puts = fake_kv_puts(server);
	a = wait_for(1, "f", 1);
	wait_puts(puts + 1);
	cluster_lock_cancel(cl[1], a->id);
	ck_assert_int_eq(answer(a), -EINTR);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(try_lock(2, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
	ck_assert_int_eq(try_lock(2, "f", LOCK_SHARED, 1), 0);
}
END_TEST

START_TEST(circles_end_with_one_victim)
{
	struct asked *a, *b;
	int err_a, err_b;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(try_lock(1, "g", LOCK_EXCLUSIVE, 2), 0);
	a = wait_for(0, "g", 1);
	b = wait_for(1, "f", 2);
	while (!is_done(a) && !is_done(b))
		usleep(1000);
	/* The victim gives way, and the other one gets on. */
	ck_assert_int_eq(is_done(a) ? unlock(0, "f", 1) : unlock(1, "g", 2), 0);
	err_a = answer(a);
	err_b = answer(b);
	ck_assert(err_a == 0 || err_b == 0);
	ck_assert(err_a == -EDEADLK || err_b == -EDEADLK);
}
END_TEST

START_TEST(an_answer_that_was_lost_changes_nothing)
{
	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 9), 0);
	fake_kv_lose_answers(kv[0], 1);
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 9), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_SHARED, 1), -EAGAIN);
	fake_kv_lose_answers(kv[0], 1);
	ck_assert_int_eq(unlock(0, "f", 9), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(check(0, "f"), 0);
}
END_TEST

START_TEST(closing_gives_back_what_the_owner_or_the_file_has)
{
	ck_assert_int_eq(answer(ask(0, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 0, 9)), 0);
	ck_assert_int_eq(answer(ask(0, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 20, 29)), 0);
	ck_assert_int_eq(answer(ask(0, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 2, 40, 49)), 0);
	ck_assert_int_eq(answer(ask(0, LOCK_OP_DROP_OWNER, "f", LOCK_OFF, 1, 0, ALL)), 0);
	ck_assert_int_eq(answer(ask(1, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 0, 39)), 0);
	ck_assert_int_eq(answer(ask(1, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 40, 40)), -EAGAIN);
	ck_assert_int_eq(answer(ask(0, LOCK_OP_DROP_VIA, "f", LOCK_OFF, 2, 0, ALL)), 0);
	ck_assert_int_eq(answer(ask(1, LOCK_OP_TRY, "f", LOCK_EXCLUSIVE, 1, 40, 40)), 0);
	ck_assert(!cluster_lock_is_used(cl[0]));
	ck_assert(cluster_lock_is_used(cl[1]));
}
END_TEST

START_TEST(an_orderly_end_frees_at_once)
{
	struct asked *a;
	uint64_t begin = clock_now_ns(), puts;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	puts = fake_kv_puts(server);
	a = wait_for(1, "f", 1);
	wait_puts(puts + 1);
	close_mount(0);
	ck_assert_int_eq(answer(a), 0);
	ck_assert_uint_lt(clock_now_ns() - begin, 20 * (uint64_t)NS_PER_SEC);
}
END_TEST

START_TEST(a_silent_holder_is_replaced_after_its_lease_and_told)
{
	uint64_t begin;
	struct asked *a;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	begin = clock_now_ns();
	fake_kv_cut(kv[0], true);
	a = wait_for(1, "f", 1);
	ck_assert_int_eq(answer(a), 0);
	ck_assert_uint_gt(clock_now_ns() - begin, (uint64_t)LEASE_MS * 2 / 3 * NS_PER_MS);
	/* By now the old holder must know by itself. */
	ck_assert_int_eq(check(0, "f"), -EIO);
	fake_kv_cut(kv[0], false);
	ck_assert_int_eq(try_lock(0, "g", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(check(0, "g"), 0);
	ck_assert_int_eq(check(0, "f"), -EIO);
	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 1), -EIO);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(check(0, "f"), 0);
	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 1), -EAGAIN);
}
END_TEST

START_TEST(a_short_absence_costs_nothing)
{
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	fake_kv_cut(kv[0], true);
	while (check(0, "f") == 0)
		usleep(10000);
	/* Nobody wanted the lock meanwhile. */
	fake_kv_cut(kv[0], false);
	while (check(0, "f") != 0)
		usleep(10000);
	ck_assert_int_eq(try_lock(1, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
}
END_TEST

START_TEST(a_forgotten_bucket_loses_all_locks)
{
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	fake_kv_forget(server, "");
	while (check(0, "f") == 0)
		usleep(10000);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
}
END_TEST

/* What was held is lost, and nobody has what another mount may still believe to hold. */
START_TEST(a_bucket_that_is_made_again_begins_with_nothing)
{
	struct asked *w, *other;
	uint64_t begin;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	w = wait_for(1, "f", 2);
	wait_puts(N + 2);
	fake_kv_lose(server);
	begin = clock_now_ns();
	fake_kv_tell_lost(kv[1], 0);
	other = ask(1, LOCK_OP_TRY, "g", LOCK_EXCLUSIVE, 3, 0, ALL);
	/* The first mount was told of nothing yet. */
	ck_assert_int_eq(answer(w), 0);
	ck_assert_int_eq(answer(other), 0);
	ck_assert_uint_ge(clock_now_ns() - begin, (uint64_t)LEASE_MS * 2 / 3 * NS_PER_MS);
	ck_assert_int_eq(check(1, "f"), 0);
	ck_assert_int_eq(check(0, "f"), -EIO);
	fake_kv_tell_lost(kv[0], 0);
	fake_kv_tell_lost(kv[2], 0);
	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 1), -EIO);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(check(0, "f"), 0);
	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 1), -EAGAIN);
	/* The sequences are low again, and still one hands to the other. */
	w = wait_for(0, "f", 1);
	ck_assert_int_eq(try_lock(2, "h", LOCK_EXCLUSIVE, 1), 0);
	ck_assert(!is_done(w));
	ck_assert_int_eq(unlock(1, "f", 2), 0);
	ck_assert_int_eq(answer(w), 0);
}
END_TEST

START_TEST(without_a_bucket_there_are_no_locks)
{
	struct asked *w;

	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	w = wait_for(1, "f", 2);
	wait_puts(N + 2);
	fake_kv_lose(server);
	for (int i = 0; i < N; i++)
		fake_kv_tell_lost(kv[i], -EACCES);
	ck_assert_int_eq(answer(w), -ENOLCK);
	ck_assert_int_eq(try_lock(2, "g", LOCK_SHARED, 1), -ENOLCK);
	while (check(0, "f") == 0)
		usleep(1000);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
	ck_assert_int_eq(check(0, "f"), 0);
	for (int i = 0; i < N; i++)
		fake_kv_tell_lost(kv[i], 0);
	ck_assert_int_eq(try_lock(0, "f", LOCK_EXCLUSIVE, 1), 0);
	ck_assert_int_eq(try_lock(1, "f", LOCK_EXCLUSIVE, 1), -EAGAIN);
}
END_TEST

START_TEST(nonsense_in_the_bucket_is_an_error)
{
	char key[LOCK_KEY_LEN + 3] = "l.";

	key_of("f", key + 2);
	ck_assert_int_eq(try_lock(1, "f", LOCK_SHARED, 1), 0);
	fake_kv_store(server, key, "nonsense");
	while (check(1, "f") == 0)
		usleep(1000);
	ck_assert_int_eq(try_lock(0, "f", LOCK_SHARED, 1), -EIO);
	ck_assert_int_eq(unlock(0, "f", 1), 0);
}
END_TEST

START_TEST(flock_gives_back_before_it_converts)
{
	struct lock_entry want = {.kind = LOCK_FLOCK, .mode = LOCK_SHARED, .end = ALL};
	struct asked *a, *b;

	want.owner.id = 1;
	ck_assert_int_eq(answer(ask_entry(0, LOCK_OP_TRY, "f", &want)), 0);
	want.owner.id = 2;
	ck_assert_int_eq(answer(ask_entry(1, LOCK_OP_TRY, "f", &want)), 0);
	want.mode = LOCK_EXCLUSIVE;
	b = ask_entry(1, LOCK_OP_WAIT, "f", &want);
	want.owner.id = 1;
	a = ask_entry(0, LOCK_OP_WAIT, "f", &want);
	while (!is_done(a) && !is_done(b))
		usleep(1000);
	want.mode = LOCK_OFF;
	if (is_done(a)) {
		ck_assert_int_eq(answer(ask_entry(0, LOCK_OP_UNLOCK, "f", &want)), 0);
	} else {
		want.owner.id = 2;
		ck_assert_int_eq(answer(ask_entry(1, LOCK_OP_UNLOCK, "f", &want)), 0);
	}
	ck_assert_int_eq(answer(a), 0);
	ck_assert_int_eq(answer(b), 0);
}
END_TEST

#define RACERS 12
#define TURNS 20

static int n_inside, n_turns;

static void *race(void *arg)
{
	int i = (int)(intptr_t)arg;

	for (int turn = 0; turn < TURNS; turn++) {
		ck_assert_int_eq(answer(wait_for(i % N, "race", (uint64_t)i)), 0);
		ck_assert_int_eq(__atomic_add_fetch(&n_inside, 1, __ATOMIC_SEQ_CST), 1);
		n_turns++;
		__atomic_sub_fetch(&n_inside, 1, __ATOMIC_SEQ_CST);
		ck_assert_int_eq(unlock(i % N, "race", (uint64_t)i), 0);
	}
	return NULL;
}

START_TEST(many_race_and_one_wins)
{
	pthread_t threads[RACERS];

	for (int i = 0; i < RACERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race, (void *)(intptr_t)i), 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(n_turns, RACERS * TURNS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cluster_lock");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_host_at_a_time);
	tcase_add_test(tc, ranges_are_apart);
	tcase_add_test(tc, a_test_names_the_holder);
	tcase_add_test(tc, who_waits_is_handed_the_lock_in_turn);
	tcase_add_test(tc, a_wait_is_cancelled_and_leaves_nothing);
	tcase_add_test(tc, a_cancelled_upgrade_keeps_what_was_held);
	tcase_add_test(tc, circles_end_with_one_victim);
	tcase_add_test(tc, an_answer_that_was_lost_changes_nothing);
	tcase_add_test(tc, closing_gives_back_what_the_owner_or_the_file_has);
	tcase_add_test(tc, an_orderly_end_frees_at_once);
	tcase_add_test(tc, a_silent_holder_is_replaced_after_its_lease_and_told);
	tcase_add_test(tc, a_short_absence_costs_nothing);
	tcase_add_test(tc, a_forgotten_bucket_loses_all_locks);
	tcase_add_test(tc, a_bucket_that_is_made_again_begins_with_nothing);
	tcase_add_test(tc, without_a_bucket_there_are_no_locks);
	tcase_add_test(tc, nonsense_in_the_bucket_is_an_error);
	tcase_add_test(tc, flock_gives_back_before_it_converts);
	tcase_add_test(tc, many_race_and_one_wins);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
