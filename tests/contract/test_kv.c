/* SPDX-License-Identifier: Apache-2.0 */

/* A key-value bucket on a nats-server and the one in memory keep the same contract. */

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kv.h"
#include "objstore/conn.h"
#include "objstore/kv.h"
#include "server.h"
#include "suite.h"
#include "util/clock.h"
#include "util/lock.h"

#define KEYS 5
#define ROUNDS 60

static struct server *server;
static struct fake_kv *fake;

static void setup_real(void)
{
	server = server_start(NULL);
	if (conn_library_init() < 0)
		exit(99);
}

static void teardown_real(void)
{
	conn_library_done();
	server_free(server);
	server = NULL;
}

static void setup_fake(void)
{
	fake = fake_kv_new();
}

static void teardown_fake(void)
{
	fake_kv_free(fake);
	fake = NULL;
}

static struct kv *open_kv(void)
{
	_cleanup_free_ char *why = NULL;
	struct kv *kv = NULL;
	struct conn_config cfg = {
		.name = "natsobj test", .connect_timeout_ms = 5000, .timeout_ms = 5000};
	int err;

	if (fake)
		return fake_kv_open(fake);
	cfg.servers = server_url(server);
	err = kv_open(&cfg, "locks", 1, &kv, &why);
	ck_assert_msg(!err, "%s: %s", why ? why : "?", strerror(-err));
	return kv;
}

/* An answer, waited for. */
struct reply {
	struct mutex lock;
	struct cond cond;
	bool is_done;
	int err;
	uint64_t seq;
	char value[64];
	size_t len;
};

static void on_done(void *arg, int err, uint64_t seq, const void *value, size_t len)
{
	struct reply *r = arg;

	LOCK_SCOPE(&r->lock);
	r->err = err;
	r->seq = seq;
	r->len = len;
	if (len > 0 && len < sizeof(r->value))
		memcpy(r->value, value, len);
	r->is_done = true;
	cond_signal(&r->cond);
}

static void begin(struct reply *r)
{
	*r = (struct reply){0};
	mutex_init(&r->lock, LOCK_RANK_LEAF);
	cond_init(&r->cond);
}

static void end(struct reply *r)
{
	uint64_t deadline = clock_deadline_ms(20000);

	mutex_lock(&r->lock);
	while (!r->is_done)
		ck_assert_int_eq(cond_wait_until(&r->cond, &r->lock, deadline), 0);
	mutex_unlock(&r->lock);
	cond_done(&r->cond);
	mutex_done(&r->lock);
}

static int put(struct kv *kv, const char *key, const char *value, uint64_t expected,
	       uint64_t *ret_seq)
{
	struct reply r;

	begin(&r);
	ck_assert_int_eq(kv_put(kv, key, value, strlen(value), expected, 5000, on_done, &r), 0);
	end(&r);
	*ret_seq = r.seq;
	return r.err;
}

static void assert_value(struct kv *kv, const char *key, const char *value, uint64_t seq)
{
	struct reply r;

	begin(&r);
	ck_assert_int_eq(kv_get(kv, key, 5000, on_done, &r), 0);
	end(&r);
	ck_assert_int_eq(r.err, 0);
	ck_assert_uint_eq(r.seq, seq);
	ck_assert_uint_eq(r.len, strlen(value));
	ck_assert_int_eq(memcmp(r.value, value, r.len), 0);
}

START_TEST(a_value_is_replaced_by_who_knows_it)
{
	struct kv *a = open_kv(), *b = open_kv();
	uint64_t first, second, none;

	assert_value(a, "s.x", "", 0);
	ck_assert_int_eq(put(a, "s.x", "one", 0, &first), 0);
	ck_assert_int_eq(put(b, "s.x", "two", 0, &none), -ESTALE);
	assert_value(b, "s.x", "one", first);
	ck_assert_int_eq(put(b, "s.x", "two", first, &second), 0);
	ck_assert_uint_gt(second, first);
	ck_assert_int_eq(put(a, "s.x", "three", first, &none), -ESTALE);
	assert_value(a, "s.x", "two", second);
	/* A deleted key has a sequence too. */
	ck_assert_int_eq(put(a, "s.x", "", second, &first), 0);
	assert_value(b, "s.x", "", first);
	ck_assert_int_eq(put(b, "s.x", "again", 0, &none), -ESTALE);
	ck_assert_int_eq(put(b, "s.x", "again", first, &second), 0);
	kv_close(a);
	kv_close(b);
}
END_TEST

/* What a watch has told. */
struct seen {
	struct mutex lock;
	uint64_t seq[KEYS];
	int n_losses, err;
};

static void on_entry(void *arg, const char *key, const void *value, size_t len, uint64_t seq)
{
	struct seen *s = arg;
	int i = key[2] - '0';

	(void)value;
	(void)len;
	ck_assert(i >= 0 && i < KEYS);
	LOCK_SCOPE(&s->lock);
	if (seq > s->seq[i])
		s->seq[i] = seq;
}

static void on_lost(void *arg, int err)
{
	struct seen *s = arg;

	LOCK_SCOPE(&s->lock);
	s->n_losses++;
	s->err = err;
	memset(s->seq, 0, sizeof(s->seq));
}

static int losses(struct seen *s)
{
	LOCK_SCOPE(&s->lock);
	return s->n_losses;
}

static bool has_seen(struct seen *s, const uint64_t *seqs)
{
	LOCK_SCOPE(&s->lock);
	return memcmp(s->seq, seqs, sizeof(s->seq)) == 0;
}

START_TEST(the_last_change_of_every_key_is_told)
{
	struct kv *a = open_kv(), *b = open_kv();
	struct seen seen = {.lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF)};
	const struct kv_listener l = {&seen, on_entry, NULL};
	uint64_t seqs[KEYS] = {0}, deadline = clock_deadline_ms(30000);
	char key[8];

	for (int round = 0; round < ROUNDS; round++) {
		/* Some are there before the watch. */
		if (round == ROUNDS / 2)
			ck_assert_int_eq(kv_watch(b, &l), 0);
		for (int i = 0; i < KEYS; i++) {
			(void)snprintf(key, sizeof(key), "l.%d", i);
			ck_assert_int_eq(put(a, key, round % 3 ? "value" : "", seqs[i], &seqs[i]),
					 0);
		}
	}
	while (!has_seen(&seen, seqs)) {
		ck_assert_msg(clock_now_ns() < deadline, "a change was not told");
		usleep(1000);
	}
	kv_close(b);
	kv_close(a);
	mutex_done(&seen.lock);
}
END_TEST

START_TEST(a_restart_is_survived)
{
	struct kv *a = open_kv(), *b = open_kv();
	struct seen seen = {.lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF)};
	const struct kv_listener l = {&seen, on_entry, NULL};
	uint64_t seqs[KEYS] = {0}, deadline = clock_deadline_ms(30000);
	int err;

	ck_assert_int_eq(kv_watch(b, &l), 0);
	ck_assert_int_eq(put(a, "l.0", "before", 0, &seqs[0]), 0);
	server_restart(server);
	do {
		ck_assert(clock_now_ns() < deadline);
		err = put(a, "l.1", "after", 0, &seqs[1]);
		if (err)
			usleep(50000);
	} while (err == -ENOTCONN || err == -ETIMEDOUT);
	ck_assert_int_eq(err, 0);
	while (!has_seen(&seen, seqs)) {
		ck_assert_msg(clock_now_ns() < deadline, "a change was not told");
		usleep(1000);
	}
	kv_close(b);
	kv_close(a);
	mutex_done(&seen.lock);
}
END_TEST

/* The server comes back without anything that it had stored. */
START_TEST(a_lost_bucket_is_made_again)
{
	struct kv *kv[2] = {open_kv(), open_kv()};
	struct seen seen[2] = {{.lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF)},
			       {.lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF)}};
	uint64_t seqs[KEYS] = {0}, deadline = clock_deadline_ms(30000);
	char store[200], away[200];

	for (int i = 0; i < 2; i++) {
		const struct kv_listener l = {&seen[i], on_entry, on_lost};

		ck_assert_int_eq(kv_watch(kv[i], &l), 0);
	}
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(put(kv[0], "l.0", "before", seqs[0], &seqs[0]), 0);
	server_stop(server);
	(void)snprintf(store, sizeof(store), "%s/store", server_dir(server));
	(void)snprintf(away, sizeof(away), "%s/away", server_dir(server));
	ck_assert_int_eq(rename(store, away), 0);
	server_restart(server);
	while (losses(&seen[0]) == 0 || losses(&seen[1]) == 0) {
		ck_assert_msg(clock_now_ns() < deadline, "the loss was not told");
		usleep(1000);
	}
	ck_assert_int_eq(put(kv[0], "l.0", "old", seqs[0], &seqs[1]), -ESTALE);
	memset(seqs, 0, sizeof(seqs));
	ck_assert_int_eq(put(kv[1], "l.0", "after", 0, &seqs[0]), 0);
	ck_assert_uint_eq(seqs[0], 1);
	for (int i = 0; i < 2; i++) {
		while (!has_seen(&seen[i], seqs)) {
			ck_assert_msg(clock_now_ns() < deadline, "a change was not told");
			usleep(1000);
		}
		kv_close(kv[i]);
		ck_assert_int_eq(seen[i].n_losses, 1);
		ck_assert_int_eq(seen[i].err, 0);
		mutex_done(&seen[i].lock);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kv");
	TCase *real = tcase_create("real"), *memory = tcase_create("memory");

	tcase_add_checked_fixture(memory, setup_fake, teardown_fake);
	tcase_add_checked_fixture(real, setup_real, teardown_real);
	tcase_add_test(memory, a_value_is_replaced_by_who_knows_it);
	tcase_add_test(memory, the_last_change_of_every_key_is_told);
	tcase_add_test(real, a_value_is_replaced_by_who_knows_it);
	tcase_add_test(real, the_last_change_of_every_key_is_told);
	tcase_add_test(real, a_restart_is_survived);
	tcase_add_test(real, a_lost_bucket_is_made_again);
	tcase_set_timeout(real, 120);
	tcase_set_timeout(memory, 60);
	suite_add_tcase(s, memory);
	suite_add_tcase(s, real);
	return run_suite(s);
}
