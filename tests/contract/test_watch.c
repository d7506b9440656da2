/* SPDX-License-Identifier: Apache-2.0 */
/* The watch on a real server: what it must not miss, and how it begins anew. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_fixture.h"
#include "objstore/subject.h"
#include "suite.h"
#include "util/clock.h"
#include "util/lock.h"

#define API "$JS.API."
#define STREAM "OBJ_" FIXTURE_BUCKET
#define NAMES 2000
#define WAIT_MS 30000
/* Where the second names of renamed objects begin. */
#define RENAMED 1000

/* What a listener knows, by the number that ends each name. */
struct known {
	struct mutex lock;
	struct cond changed;
	uint64_t seq[NAMES];
	bool is_deleted[NAMES];
	unsigned int round[NAMES]; /* of the listing that reported it last */
	unsigned int n_begun, n_ended, n_backward;
	unsigned int n_lost;	       /* removals of n<i> while n<i + RENAMED> was not there */
	unsigned int n_there, n_empty; /* names there; removals of the last one */
	enum watch_state state;
};

static struct known known;

static void on_begin(void *arg, bool is_other_history)
{
	struct known *k = arg;

	LOCK_SCOPE(&k->lock);
	if (is_other_history)
		memset(k->seq, 0, sizeof(k->seq));
	k->n_begun++;
}

static void on_end(void *arg, uint64_t last_seq)
{
	struct known *k = arg;

	LOCK_SCOPE(&k->lock);
	for (size_t i = 0; i < NAMES; i++)
		if (k->round[i] != k->n_begun && k->seq[i] <= last_seq)
			k->seq[i] = 0;
	k->n_ended++;
	cond_broadcast(&k->changed);
}

static void on_info(void *arg, struct obj_info *info)
{
	struct known *k = arg;
	size_t i = (size_t)atoi(info->name + 1) % NAMES;

	LOCK_SCOPE(&k->lock);
	if (info->seq < k->seq[i])
		k->n_backward++;
	if (info->is_deleted && i + RENAMED < NAMES &&
	    (k->seq[i + RENAMED] == 0 || k->is_deleted[i + RENAMED]))
		k->n_lost++;
	k->n_there += !info->is_deleted;
	k->n_there -= k->seq[i] != 0 && !k->is_deleted[i];
	if (info->is_deleted && k->n_there == 0)
		k->n_empty++;
	k->seq[i] = info->seq;
	k->is_deleted[i] = info->is_deleted;
	k->round[i] = k->n_begun;
	cond_broadcast(&k->changed);
	obj_info_free(info);
}

static void on_state(void *arg, enum watch_state state)
{
	struct known *k = arg;

	LOCK_SCOPE(&k->lock);
	k->state = state;
	cond_broadcast(&k->changed);
}

static const struct watch_listener listener = {.arg = &known,
					       .on_reload_begin = on_begin,
					       .on_reload_end = on_end,
					       .on_info = on_info,
					       .on_state = on_state};

static void setup(void)
{
	fixture_setup();
	fx.cfg.is_hard = true;
	memset(&known, 0, sizeof(known));
	mutex_init(&known.lock, LOCK_RANK_LEAF);
	cond_init(&known.changed);
	known.state = WATCH_DISCONNECTED;
}

/* Waits until the predicate holds of what is known; fails the test after a while. */
#define WAIT_FOR(predicate)                                                                        \
	do {                                                                                       \
		uint64_t _until = clock_deadline_ms(WAIT_MS);                                      \
		bool _holds;                                                                       \
		mutex_lock(&known.lock);                                                           \
		while (!(_holds = (predicate)) &&                                                  \
		       cond_wait_until(&known.changed, &known.lock, _until) != -ETIMEDOUT)         \
			;                                                                          \
		mutex_unlock(&known.lock);                                                         \
		ck_assert_msg(_holds, "never came: %s", #predicate);                               \
	} while (0)

/* Stores an empty object n<i> over whatever is there; its sequence. */
static uint64_t store_number(struct store *s, unsigned int i, uint64_t expected_seq)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char name[16];

	snprintf(name, sizeof(name), "n%u", i);
	info = obj_info_new(name, strlen(name));
	obj_nuid_new(info->nuid);
	ck_assert_int_eq(store_put_info(s, info, expected_seq), 0);
	return info->seq;
}

START_TEST(first_listing_is_complete)
{
	_cleanup_obj_info_ struct obj_info *gone = NULL;
	struct store *s = fixture_open(NULL);
	uint64_t seq[50];

	for (unsigned int i = 0; i < 50; i++)
		seq[i] = store_number(s, i, 0);
	ck_assert_int_eq(store_get_info(s, "n7", 2, &gone), 0);
	ck_assert_int_eq(store_remove_info(s, gone), 0);
	ck_assert_int_eq(store_watch(s, &listener), 0);
	ck_assert_uint_eq(known.n_ended, 1);
	for (unsigned int i = 0; i < 50; i++) {
		if (i != 7)
			ck_assert_uint_eq(known.seq[i], seq[i]);
		ck_assert_int_eq(known.is_deleted[i], i == 7);
	}
	WAIT_FOR(known.state == WATCH_CONNECTED);
	store_close(s);
}
END_TEST

/* Somebody who stores names again and again, and has what they replace purged as a roll-up does. */
struct replacer {
	struct store *store;
	uint64_t seq[NAMES];
	atomic_bool is_stopping;
};

static void replace_number(struct replacer *r, unsigned int i)
{
	_cleanup_free_ char *token = NULL;
	char name[16], body[128];

	snprintf(name, sizeof(name), "n%u", i);
	token = obj_meta_token(name, strlen(name));
	r->seq[i] = store_number(r->store, i, r->seq[i]);
	snprintf(body, sizeof(body), "{\"filter\":\"$O." FIXTURE_BUCKET ".M.%s\",\"keep\":1}",
		 token);
	fixture_api(API "STREAM.PURGE." STREAM, body);
}

static void *replace_on(void *arg)
{
	struct replacer *r = arg;

	for (unsigned int i = 0; !atomic_load(&r->is_stopping); i = (i + 37) % NAMES)
		replace_number(r, i);
	return NULL;
}

START_TEST(a_listing_misses_nothing_that_is_replaced_meanwhile)
{
	static struct replacer r;
	pthread_t thread;

	r = (struct replacer){.store = fixture_open(NULL)};
	for (unsigned int i = 0; i < NAMES; i++)
		r.seq[i] = store_number(r.store, i, 0);
	for (int round = 0; round < 10; round++) {
		struct store *s = fixture_open(NULL);

		memset(known.seq, 0, sizeof(known.seq));
		atomic_store(&r.is_stopping, false);
		ck_assert_int_eq(pthread_create(&thread, NULL, replace_on, &r), 0);
		ck_assert_int_eq(store_watch(s, &listener), 0);
		mutex_lock(&known.lock);
		for (unsigned int i = 0; i < NAMES; i++)
			ck_assert_msg(known.seq[i] != 0, "n%u is missing", i);
		mutex_unlock(&known.lock);
		atomic_store(&r.is_stopping, true);
		pthread_join(thread, NULL);
		for (unsigned int i = 0; i < NAMES; i++)
			WAIT_FOR(known.seq[i] == r.seq[i]);
		store_close(s);
	}
	store_close(r.store);
}
END_TEST

START_TEST(empty_bucket_has_an_empty_listing)
{
	struct store *s = fixture_open(NULL);

	ck_assert_int_eq(store_watch(s, &listener), 0);
	ck_assert_uint_eq(known.n_ended, 1);
	ck_assert_uint_eq(known.seq[0], 0);
	store_close(s);
}
END_TEST

START_TEST(changes_of_others_arrive)
{
	struct store *s = fixture_open(NULL), *other = fixture_open(NULL);
	uint64_t seq;

	ck_assert_int_eq(store_watch(s, &listener), 0);
	seq = store_number(other, 1, 0);
	WAIT_FOR(known.seq[1] == seq);
	seq = store_number(other, 1, seq);
	WAIT_FOR(known.seq[1] == seq);
	store_close(other);
	store_close(s);
}
END_TEST

/* Rollups and purges of the same subjects while events are on their way: what makes consumers of
 * some servers skip events. */
START_TEST(no_change_is_missed_under_load)
{
	struct store *s = fixture_open(NULL), *other = fixture_open(NULL);
	uint64_t seq[300] = {0};

	ck_assert_int_eq(store_watch(s, &listener), 0);
	for (unsigned int round = 0; round < 5; round++)
		for (unsigned int i = 0; i < 300; i++)
			seq[i] = store_number(other, i, seq[i]);
	for (unsigned int i = 0; i < 300; i++)
		WAIT_FOR(known.seq[i] == seq[i]);
	ck_assert_uint_eq(known.n_backward, 0);
	store_close(other);
	store_close(s);
}
END_TEST

static void remove_number(struct store *s, unsigned int i, uint64_t seq)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char name[16];

	snprintf(name, sizeof(name), "n%u", i);
	info = obj_info_new(name, strlen(name));
	info->seq = seq;
	ck_assert_int_eq(store_remove_info(s, info), 0);
}

/* The new name of a rename is stored before the old one is removed, and then changes at once, so
 * that its first message may be gone before the consumer comes to it. Nobody may see neither name.
 */
START_TEST(a_rename_never_shows_neither_name)
{
	struct store *s = fixture_open(NULL), *other = fixture_open(NULL);
	uint64_t seq[300] = {0}, last = 0;

	for (unsigned int i = 0; i < 300; i++)
		seq[i] = store_number(other, i, 0);
	ck_assert_int_eq(store_watch(s, &listener), 0);
	for (unsigned int i = 0; i < 300; i++) {
		last = store_number(other, RENAMED + i, 0);
		remove_number(other, i, seq[i]);
		last = store_number(other, RENAMED + i, last);
		last = store_number(other, RENAMED + i, last);
	}
	WAIT_FOR(known.seq[RENAMED + 299] == last);
	for (unsigned int i = 0; i < 300; i++)
		WAIT_FOR(known.is_deleted[i]);
	ck_assert_uint_eq(known.n_lost, 0);
	ck_assert_uint_eq(known.n_backward, 0);
	store_close(other);
	store_close(s);
}
END_TEST

/* The same for one file that moves on and on, and changes in between more often than is announced
 * one by one. */
START_TEST(a_file_that_moves_on_is_always_there)
{
	struct store *s = fixture_open(NULL), *other = fixture_open(NULL);
	uint64_t seq = store_number(other, 0, 0), next;

	ck_assert_int_eq(store_watch(s, &listener), 0);
	for (unsigned int i = 0; i < 300; i++) {
		for (unsigned int j = 0; j < i % 4; j++)
			seq = store_number(other, i, seq);
		next = store_number(other, i + 1, 0);
		remove_number(other, i, seq);
		seq = next;
	}
	WAIT_FOR(known.seq[300] == seq);
	ck_assert_uint_eq(known.n_empty, 0);
	ck_assert_uint_eq(known.n_backward, 0);
	store_close(other);
	store_close(s);
}
END_TEST

/* Deletes every consumer of the stream behind the watch's back. */
static void delete_consumers(void)
{
	_cleanup_free_ char *text = fixture_request(API "CONSUMER.NAMES." STREAM, NULL, 0);
	char *p = strstr(text, "\"consumers\":[");

	ck_assert_ptr_nonnull(p);
	for (p = strchr(p, '['); p && *p != ']'; p = strchr(p, '"')) {
		_cleanup_free_ char *name = NULL, *subject = NULL;
		char *end = NULL;

		p = strchr(p, '"');
		end = p ? strchr(p + 1, '"') : NULL;
		if (!end)
			return;
		name = strndup(p + 1, (size_t)(end - p - 1));
		ck_assert_int_gt(asprintf(&subject, API "CONSUMER.DELETE." STREAM ".%s", name), 0);
		fixture_api(subject, NULL);
		p = end + 1;
		if (*p == ']')
			return;
	}
}

START_TEST(lost_consumer_is_replaced)
{
	struct store *s = fixture_open(NULL), *other = fixture_open(NULL);
	uint64_t seq;

	ck_assert_int_eq(store_watch(s, &listener), 0);
	delete_consumers();
	/* The plain subscription shows the change at once, the new listing comes later. */
	seq = store_number(other, 3, 0);
	WAIT_FOR(known.seq[3] == seq);
	WAIT_FOR(known.n_ended >= 2);
	ck_assert_uint_eq(known.seq[3], seq);
	store_close(other);
	store_close(s);
}
END_TEST

START_TEST(restarted_server_means_a_new_listing)
{
	struct store *s = fixture_open(NULL);
	uint64_t seq;

	store_number(s, 1, 0);
	ck_assert_int_eq(store_watch(s, &listener), 0);
	server_kill(fx.server);
	WAIT_FOR(known.state == WATCH_DISCONNECTED);
	server_restart(fx.server);
	WAIT_FOR(known.n_ended >= 2 && known.state == WATCH_CONNECTED);
	ck_assert_uint_gt(known.seq[1], 0);
	seq = store_number(s, 2, 0);
	WAIT_FOR(known.seq[2] == seq);
	store_close(s);
}
END_TEST

/* A purge sends no event; the next listing shows that the name is gone. */
START_TEST(purged_name_vanishes_with_the_next_listing)
{
	struct store *s = fixture_open(NULL);

	store_number(s, 1, 0);
	store_number(s, 2, 0);
	ck_assert_int_eq(store_watch(s, &listener), 0);
	fixture_api(API "STREAM.PURGE." STREAM, "{\"filter\":\"$O.test.M.bjE=\"}");
	server_restart(fx.server);
	WAIT_FOR(known.n_ended >= 2);
	ck_assert_uint_eq(known.seq[1], 0);
	ck_assert_uint_gt(known.seq[2], 0);
	store_close(s);
}
END_TEST

START_TEST(deleted_bucket_is_gone_and_may_come_back)
{
	_cleanup_free_ char *why = NULL;
	struct store *s = fixture_open(NULL);
	uint64_t seq;

	store_number(s, 1, 0);
	ck_assert_int_eq(store_watch(s, &listener), 0);
	ck_assert_int_eq(bucket_delete(&fx.cfg, FIXTURE_BUCKET, &why), 0);
	WAIT_FOR(known.state == WATCH_GONE);
	store_close(fixture_open(NULL));
	WAIT_FOR(known.state == WATCH_CONNECTED);
	ck_assert_uint_eq(known.seq[1], 0);
	seq = store_number(s, 5, 0);
	WAIT_FOR(known.seq[5] == seq);
	store_close(s);
}
END_TEST

#define CONFIG                                                                                     \
	"{\"name\":\"" STREAM "\",\"subjects\":[\"$O.test.C.>\",\"$O.test.M.>\"],"                 \
	"\"allow_direct\":true,\"allow_rollup_hdrs\":true,"

static void wait_access(struct store *s, bool is_writable)
{
	uint64_t until = clock_deadline_ms(WAIT_MS);

	while (!atomic_load(&s->why_read_only) != is_writable && clock_now_ns() < until)
		nats_Sleep(5);
	ck_assert(!atomic_load(&s->why_read_only) == is_writable);
}

/* Whoever writes while old messages make room for new ones takes away what others have stored. */
START_TEST(settings_that_forbid_writing_count_at_once)
{
	static const char *const bad[] = {"\"discard\":\"old\"}",
					  "\"discard\":\"new\",\"max_msgs_per_subject\":2}",
					  "\"discard\":\"new\",\"no_ack\":true}"};
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("n1", 2);
	_cleanup_free_ char *body = NULL;
	struct store *s = fixture_open(NULL);
	struct store_put *put = NULL;
	struct put_result r;

	ck_assert_int_eq(store_watch(s, &listener), 0);
	ck_assert_int_eq(store_put_open(s, &put), 0);
	ck_assert_int_eq(fixture_upload(put, s->chunk_size, 0, s->chunk_size), 0);
	ck_assert_int_gt(asprintf(&body, CONFIG "%s", bad[_i]), 0);
	fixture_api(API "STREAM.UPDATE." STREAM, body);
	wait_access(s, false);
	(void)!fixture_upload(put, s->chunk_size, s->chunk_size, s->chunk_size);
	ck_assert_int_eq(store_put_finish(put, &r), -EROFS);
	store_put_close(put, false);
	ck_assert_int_eq(store_put_open(s, &put), -EROFS);
	obj_nuid_new(info->nuid);
	ck_assert_int_eq(store_put_info(s, info, 0), -EROFS);
	fixture_api(API "STREAM.UPDATE." STREAM, CONFIG "\"discard\":\"new\"}");
	wait_access(s, true);
	ck_assert_int_eq(store_put_info(s, info, 0), 0);
	store_close(s);
}
END_TEST

START_TEST(second_watch_is_refused)
{
	struct store *s = fixture_open(NULL);

	ck_assert_int_eq(store_watch(s, &listener), 0);
	ck_assert_int_eq(store_watch(s, &listener), -EBUSY);
	store_close(s);
}
END_TEST

START_TEST(close_without_server_ends)
{
	struct store *s = fixture_open(NULL);
	uint64_t start;

	ck_assert_int_eq(store_watch(s, &listener), 0);
	server_kill(fx.server);
	WAIT_FOR(known.state == WATCH_DISCONNECTED);
	start = clock_now_ns();
	store_close(s);
	ck_assert_uint_lt(clock_now_ns() - start, 25 * (uint64_t)NS_PER_SEC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watch");
	TCase *tc = tcase_create("watch");

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, first_listing_is_complete);
	tcase_add_test(tc, a_listing_misses_nothing_that_is_replaced_meanwhile);
	tcase_add_test(tc, empty_bucket_has_an_empty_listing);
	tcase_add_test(tc, changes_of_others_arrive);
	tcase_add_test(tc, no_change_is_missed_under_load);
	tcase_add_test(tc, a_rename_never_shows_neither_name);
	tcase_add_test(tc, a_file_that_moves_on_is_always_there);
	tcase_add_test(tc, lost_consumer_is_replaced);
	tcase_add_test(tc, restarted_server_means_a_new_listing);
	tcase_add_test(tc, purged_name_vanishes_with_the_next_listing);
	tcase_add_test(tc, deleted_bucket_is_gone_and_may_come_back);
	tcase_add_loop_test(tc, settings_that_forbid_writing_count_at_once, 0, 3);
	tcase_add_test(tc, second_watch_is_refused);
	tcase_add_test(tc, close_without_server_ends);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
