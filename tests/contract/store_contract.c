/* SPDX-License-Identifier: Apache-2.0 */
#include "store_contract.h"

#include <stdlib.h>
#include <string.h>

#include "objstore/digest.h"
#include "objstore/long_name.h"
#include "suite.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/lock.h"

static const struct store_maker *maker;
static struct store *s;

static void setup(void)
{
	maker->setup();
	s = maker->open();
}

static void teardown(void)
{
	store_close(s);
	maker->teardown();
}

static struct obj_info *info_new(const char *name)
{
	struct obj_info *info = obj_info_new(name, strlen(name));

	ck_assert_ptr_nonnull(info);
	obj_nuid_new(info->nuid);
	info->mtime_ns = clock_wall_ns();
	return info;
}

static int get(const char *name, struct obj_info **ret)
{
	return store_get_info(s, name, strlen(name), ret);
}

/* --- metadata --- */

START_TEST(test_an_unknown_name_does_not_exist)
{
	struct obj_info *info;

	ck_assert_int_eq(get("none", &info), -ENOENT);
}
END_TEST

START_TEST(test_metadata_are_read_back)
{
	_cleanup_obj_info_ struct obj_info *a = info_new("d\xc3\xa4/ \"x\"");
	_cleanup_obj_info_ struct obj_info *b = NULL;

	ck_assert_int_eq(obj_info_set_meta(a, "posix.mode", "100644"), 0);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_uint_gt(a->seq, 0);
	ck_assert_int_gt(a->time_ns, 0);
	ck_assert_int_eq(get(a->name, &b), 0);
	ck_assert_str_eq(b->name, a->name);
	ck_assert_str_eq(b->nuid, a->nuid);
	ck_assert_str_eq(obj_info_meta(b, "posix.mode"), "100644");
	ck_assert_uint_eq(b->seq, a->seq);
	/* Server and test share a clock here. */
	ck_assert_int_lt(llabs(b->time_ns - a->time_ns), 60 * NS_PER_SEC);
}
END_TEST

START_TEST(test_only_the_expected_version_is_replaced)
{
	_cleanup_obj_info_ struct obj_info *a = info_new("n");
	_cleanup_obj_info_ struct obj_info *b = info_new("n");
	_cleanup_obj_info_ struct obj_info *now = NULL;
	uint64_t first;

	ck_assert_int_eq(store_put_info(s, a, 7), -ESTALE);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	first = a->seq;
	ck_assert_int_eq(store_put_info(s, b, 0), -ESTALE);
	ck_assert_int_eq(store_put_info(s, b, first + 1), -ESTALE);
	ck_assert_int_eq(store_put_info(s, b, first), 0);
	ck_assert_uint_gt(b->seq, first);
	ck_assert_int_eq(store_put_info(s, a, first), -ESTALE);
	ck_assert_int_eq(get("n", &now), 0);
	ck_assert_str_eq(now->nuid, b->nuid);
}
END_TEST

START_TEST(test_a_removed_object_leaves_a_tombstone)
{
	_cleanup_obj_info_ struct obj_info *a = info_new("n");
	_cleanup_obj_info_ struct obj_info *now = NULL;
	_cleanup_obj_info_ struct obj_info *again = info_new("n");

	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_remove_info(s, a), 0);
	ck_assert_int_eq(get("n", &now), 0);
	ck_assert(now->is_deleted);
	ck_assert_uint_gt(now->seq, a->seq);
	ck_assert_str_ne(now->nuid, a->nuid);
	ck_assert_int_eq(store_remove_info(s, a), -ESTALE);
	ck_assert_int_eq(store_put_info(s, again, 0), -ESTALE);
	ck_assert_int_eq(store_put_info(s, again, now->seq), 0);
}
END_TEST

START_TEST(test_many_names_are_read_at_once)
{
	static const char *const names[] = {"a", "none", "b"};
	static const size_t lens[] = {1, 4, 1};
	_cleanup_obj_info_ struct obj_info *a = info_new("a");
	_cleanup_obj_info_ struct obj_info *b = info_new("b");
	struct obj_info *got[3];
	int errs[3];

	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_put_info(s, b, 0), 0);
	ck_assert_int_eq(store_get_infos(s, names, lens, 3, got, errs), 0);
	ck_assert_int_eq(errs[0], 0);
	ck_assert_int_eq(errs[1], -ENOENT);
	ck_assert_int_eq(errs[2], 0);
	ck_assert_ptr_null(got[1]);
	ck_assert_str_eq(got[0]->nuid, a->nuid);
	ck_assert_str_eq(got[2]->nuid, b->nuid);
	obj_info_free(got[0]);
	obj_info_free(got[2]);
}
END_TEST

START_TEST(test_all_names_are_told)
{
	struct name_list names CLEANUP(name_list_done) = {0};
	struct name_list few CLEANUP(name_list_done) = {0};
	_cleanup_obj_info_ struct obj_info *a = info_new("d/\xc3\xa4");
	_cleanup_obj_info_ struct obj_info *b = info_new("b");
	_cleanup_obj_info_ struct obj_info *hidden = info_new(".natsobj/x");

	ck_assert_int_eq(store_names(s, 3, &names), 0);
	ck_assert_uint_eq(names.n, 0);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_put_info(s, b, 0), 0);
	ck_assert_int_eq(store_put_info(s, hidden, 0), 0);
	ck_assert_int_eq(store_remove_info(s, b), 0);
	ck_assert_int_eq(store_names(s, 3, &names), 0);
	ck_assert_uint_eq(names.n, 3);
	ck_assert_str_eq(names.items[0], hidden->name);
	ck_assert_str_eq(names.items[1], "b");
	ck_assert_str_eq(names.items[2], a->name);
	ck_assert_int_eq(store_names(s, 2, &few), -E2BIG);
}
END_TEST

START_TEST(test_names_that_are_not_told)
{
	struct name_list names CLEANUP(name_list_done) = {0};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *name = calloc(1, OBJ_NAME_PLAIN_MAX + 2);

	memset(name, 'n', OBJ_NAME_PLAIN_MAX + 1);
	info = info_new(name);
	ck_assert_int_eq(store_put_info(s, info, 0), 0);
	ck_assert_int_eq(store_names(s, 10, &names), -EOPNOTSUPP);
}
END_TEST

START_TEST(test_a_name_that_is_too_long_is_refused)
{
	_cleanup_free_ char *name = calloc(1, s->name_max + 2);
	_cleanup_obj_info_ struct obj_info *info = NULL, *fits = NULL;

	memset(name, 'n', s->name_max + 1);
	info = info_new(name);
	ck_assert_int_eq(store_put_info(s, info, 0), -ENAMETOOLONG);
	name[s->name_max] = '\0';
	fits = info_new(name);
	ck_assert_int_eq(store_put_info(s, fits, 0), 0);
}
END_TEST

/* --- content --- */

struct answer {
	struct mutex lock;
	struct cond cond;
	struct chunk *chunk;
	unsigned int n;
	int err;
};

static void on_chunk(void *arg, uint32_t idx, struct chunk *chunk, int err)
{
	struct answer *a = arg;

	(void)idx;
	LOCK_SCOPE(&a->lock);
	a->chunk = chunk;
	a->err = err;
	a->n++;
	cond_signal(&a->cond);
}

static void answer_init(struct answer *a)
{
	*a = (struct answer){.n = 0};
	mutex_init(&a->lock, LOCK_RANK_LEAF);
	cond_init(&a->cond);
}

static void answer_done(struct answer *a)
{
	chunk_unref(a->chunk);
	cond_done(&a->cond);
	mutex_done(&a->lock);
}

static int wait_answer(struct answer *a)
{
	LOCK_SCOPE(&a->lock);
	while (a->n == 0)
		cond_wait(&a->cond, &a->lock);
	ck_assert_uint_eq(a->n, 1);
	return a->err;
}

static void add(struct store_put *p, char fill, size_t len)
{
	struct chunk *c = chunk_new(len);

	ck_assert_ptr_nonnull(c);
	memset(c->data, fill, len);
	c->len = len;
	ck_assert_int_eq(store_put_add(p, c), 0);
	ck_assert_int_eq(store_put_wait_room(p), 0);
}

/* n full chunks of 'a', 'b', … and a short one. */
static struct store_put *upload(unsigned int n, struct put_result *ret)
{
	struct store_put *p;

	ck_assert_int_eq(store_put_open(s, &p), 0);
	for (unsigned int i = 0; i < n; i++)
		add(p, (char)('a' + i), CONTRACT_CHUNK);
	add(p, (char)('a' + n), 10);
	ck_assert_int_eq(store_put_finish(p, ret), 0);
	return p;
}

static struct store_get *open_result(const struct put_result *r)
{
	_cleanup_obj_info_ struct obj_info *info = info_new("any");
	struct store_get *g;

	put_result_describe(r, info);
	ck_assert_int_eq(store_get_open(s, info, &g), 0);
	return g;
}

START_TEST(test_uploaded_chunks_are_read_back)
{
	struct put_result r;
	struct store_put *p = upload(20, &r);
	struct store_get *g = open_result(&r);

	ck_assert_uint_eq(r.size, 20 * CONTRACT_CHUNK + 10);
	ck_assert_uint_eq(r.chunks, 21);
	ck_assert_int_eq(store_get_index(g, true), 0);
	ck_assert_int_eq(store_get_index(g, false), 0);
	for (uint32_t i = 0; i < r.chunks; i++) {
		size_t len = i < 20 ? CONTRACT_CHUNK : 10;
		struct answer a;
		uint64_t start;
		uint32_t idx;

		store_get_locate(g, (uint64_t)i * CONTRACT_CHUNK + 9, &idx, &start);
		ck_assert_uint_eq(idx, i);
		ck_assert_uint_eq(start, (uint64_t)i * CONTRACT_CHUNK);
		answer_init(&a);
		ck_assert_int_eq(store_get_chunk(g, i, on_chunk, &a), 0);
		ck_assert_int_eq(wait_answer(&a), 0);
		ck_assert_uint_eq(a.chunk->len, len);
		for (size_t j = 0; j < len; j++)
			ck_assert_int_eq(a.chunk->data[j], 'a' + (int)i);
		answer_done(&a);
	}
	store_get_close(g);
	store_put_close(p, true);
}
END_TEST

/* With one small chunk, and with more. */
START_TEST(test_foretold_content_is_there_with_its_metadata)
{
	_cleanup_obj_info_ struct obj_info *info = info_new("a");
	struct put_result told = {0}, r = {0};
	struct store_put *p;
	struct answer a;
	struct store_get *g;

	ck_assert_int_eq(store_put_open(s, &p), 0);
	for (int i = 0; i < _i; i++)
		add(p, 'a', CONTRACT_CHUNK);
	add(p, 'b', 10);
	ck_assert_int_eq(store_put_foretell(p, &told), 0);
	put_result_describe(&told, info);
	ck_assert_int_eq(store_put_commit(s, p, info, 99), -ESTALE);
	ck_assert_int_eq(store_put_commit(s, p, info, 0), 0);
	ck_assert_int_eq(store_put_finish(p, &r), 0);
	ck_assert_mem_eq(&r, &told, sizeof(r));
	g = open_result(&r);
	ck_assert_int_eq(store_get_index(g, true), 0);
	answer_init(&a);
	ck_assert_int_eq(store_get_chunk(g, (uint32_t)_i, on_chunk, &a), 0);
	ck_assert_int_eq(wait_answer(&a), 0);
	ck_assert_uint_eq(a.chunk->len, 10);
	answer_done(&a);
	store_get_close(g);
	store_put_close(p, true);
}
END_TEST

START_TEST(test_the_digest_is_that_of_the_content)
{
	uint8_t want[OBJ_DIGEST_LEN];
	struct digest *d = digest_new();
	struct put_result r;
	struct store_put *p;

	ck_assert_int_eq(store_put_open(s, &p), 0);
	ck_assert_int_eq(store_put_finish(p, &r), 0);
	digest_finish(d, want);
	ck_assert_uint_eq(r.size, 0);
	ck_assert_uint_eq(r.chunks, 0);
	ck_assert_mem_eq(r.digest, want, sizeof(want));
	add(p, 'x', 3);
	ck_assert_int_eq(store_put_finish(p, &r), 0);
	digest_reset(d);
	digest_add(d, "xxx", 3);
	digest_finish(d, want);
	ck_assert_uint_eq(r.size, 3);
	ck_assert_mem_eq(r.digest, want, sizeof(want));
	store_put_close(p, false);
	digest_free(d);
}
END_TEST

START_TEST(test_purged_chunks_are_stale)
{
	struct put_result r;
	struct store_put *p = upload(2, &r);
	struct store_get *g;

	store_put_close(p, true);
	ck_assert_int_eq(store_purge_chunks(s, r.nuid), 0);
	g = open_result(&r);
	ck_assert_int_eq(store_get_index(g, true), -ESTALE);
	store_get_close(g);
	ck_assert_int_eq(store_purge_chunks(s, r.nuid), 0);
}
END_TEST

START_TEST(test_content_that_contradicts_its_metadata_is_an_error)
{
	struct put_result r;
	struct store_put *p = upload(2, &r);
	struct store_get *g;

	store_put_close(p, true);
	r.size -= 1;
	g = open_result(&r);
	ck_assert_int_eq(store_get_index(g, true), -EIO);
	store_get_close(g);
}
END_TEST

START_TEST(test_an_upload_that_is_not_kept_is_removed)
{
	struct put_result r;
	struct store_put *p = upload(2, &r);
	int err = 0;

	store_put_close(p, false);
	for (int i = 0; i < 500 && err == 0; i++) {
		struct store_get *g = open_result(&r);

		err = store_get_index(g, true);
		store_get_close(g);
		usleep(10000);
	}
	ck_assert(err == -ESTALE || err == -EIO);
}
END_TEST

START_TEST(test_every_request_is_answered_once_even_when_closed)
{
	struct put_result r;
	struct store_put *p = upload(20, &r);
	struct store_get *g = open_result(&r);
	struct answer a[20];

	ck_assert_int_eq(store_get_index(g, true), 0);
	for (uint32_t i = 0; i < 20; i++) {
		answer_init(&a[i]);
		ck_assert_int_eq(store_get_chunk(g, i, on_chunk, &a[i]), 0);
	}
	store_get_close(g);
	for (uint32_t i = 0; i < 20; i++) {
		int err = wait_answer(&a[i]);

		ck_assert(err == 0 || err == -ECANCELED);
		ck_assert_int_eq(err == 0, a[i].chunk != NULL);
	}
	usleep(50000);
	for (uint32_t i = 0; i < 20; i++) {
		ck_assert_uint_eq(a[i].n, 1);
		answer_done(&a[i]);
	}
	store_put_close(p, true);
}
END_TEST

/* --- watch --- */

struct seen {
	struct mutex lock;
	struct cond cond;
	unsigned int n_begins, n_ends;
	bool is_other_history;
	uint64_t last_seq, n_names;
	struct obj_info *infos[100];
	unsigned int n;
};

static struct seen seen;

static void on_begin(void *arg, bool is_other_history)
{
	(void)arg;
	LOCK_SCOPE(&seen.lock);
	seen.is_other_history = is_other_history;
	ck_assert_uint_eq(seen.n_begins, seen.n_ends);
	seen.n_begins++;
}

static void on_size(void *arg, uint64_t n_names)
{
	(void)arg;
	LOCK_SCOPE(&seen.lock);
	ck_assert_uint_eq(seen.n_begins, seen.n_ends + 1);
	ck_assert_uint_eq(seen.n, 0);
	seen.n_names = n_names;
}

static void on_end(void *arg, uint64_t last_seq)
{
	(void)arg;
	LOCK_SCOPE(&seen.lock);
	seen.n_ends++;
	seen.last_seq = last_seq;
}

static void on_info(void *arg, struct obj_info *info)
{
	(void)arg;
	LOCK_SCOPE(&seen.lock);
	ck_assert_uint_lt(seen.n, ARRAY_LEN(seen.infos));
	for (unsigned int i = 0; i < seen.n; i++)
		if (strcmp(seen.infos[i]->name, info->name) == 0)
			ck_assert_uint_ge(info->seq, seen.infos[i]->seq);
	seen.infos[seen.n++] = info;
	cond_broadcast(&seen.cond);
}

static void on_state(void *arg, enum watch_state state)
{
	(void)arg;
	(void)state;
}

/* Waits until version seq of a name was reported, which has to be. */
static bool reported(const char *name, uint64_t seq, bool is_deleted)
{
	uint64_t deadline = clock_deadline_ms(10000);

	LOCK_SCOPE(&seen.lock);
	for (;;) {
		for (unsigned int i = 0; i < seen.n; i++)
			if (strcmp(seen.infos[i]->name, name) == 0 && seen.infos[i]->seq == seq)
				return seen.infos[i]->is_deleted == is_deleted;
		if (cond_wait_until(&seen.cond, &seen.lock, deadline) < 0)
			return false;
	}
}

START_TEST(test_the_watch_lists_and_then_follows)
{
	const struct watch_listener l = {.on_reload_begin = on_begin,
					 .on_reload_size = on_size,
					 .on_reload_end = on_end,
					 .on_info = on_info,
					 .on_state = on_state};
	_cleanup_obj_info_ struct obj_info *a = info_new("a");
	_cleanup_obj_info_ struct obj_info *b = info_new("b");
	_cleanup_obj_info_ struct obj_info *c = info_new("c");
	_cleanup_obj_info_ struct obj_info *now = NULL;
	struct store *other = maker->open();

	mutex_init(&seen.lock, LOCK_RANK_LEAF);
	cond_init(&seen.cond);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_put_info(s, b, 0), 0);
	ck_assert_int_eq(store_watch(s, &l), 0);
	ck_assert_uint_ge(seen.n_ends, 1);
	ck_assert_uint_ge(seen.last_seq, b->seq);
	ck_assert_uint_eq(seen.n_names, 2);
	ck_assert(reported("a", a->seq, false));
	ck_assert(reported("b", b->seq, false));
	ck_assert_int_eq(store_put_info(other, c, 0), 0);
	ck_assert(reported("c", c->seq, false));
	ck_assert_int_eq(store_remove_info(other, a), 0);
	ck_assert_int_eq(get("a", &now), 0);
	ck_assert(reported("a", now->seq, true));
	store_close(other);
	store_close(steal_ptr(s));
	for (unsigned int i = 0; i < seen.n; i++)
		obj_info_free(seen.infos[i]);
}
END_TEST

static unsigned int count_reports(void)
{
	LOCK_SCOPE(&seen.lock);
	return seen.n;
}

/* What the watch told before is forgotten; another store goes on from the mark. */
static void go_on_from(const struct watch_listener *l, const struct watch_mark *mark)
{
	store_close(s);
	for (unsigned int i = 0; i < seen.n; i++)
		obj_info_free(seen.infos[i]);
	seen.n = seen.n_begins = seen.n_ends = 0;
	seen.is_other_history = false;
	s = maker->open();
	ck_assert_int_eq(store_watch_from(s, l, mark), 0);
}

START_TEST(test_a_watch_goes_on_from_a_mark)
{
	const struct watch_listener l = {.on_reload_begin = on_begin,
					 .on_reload_end = on_end,
					 .on_info = on_info,
					 .on_state = on_state};
	_cleanup_obj_info_ struct obj_info *a = info_new("a");
	_cleanup_obj_info_ struct obj_info *b = info_new("b");
	_cleanup_obj_info_ struct obj_info *c = info_new("c");
	struct store *other = maker->open();
	struct watch_mark mark;

	mutex_init(&seen.lock, LOCK_RANK_LEAF);
	cond_init(&seen.cond);
	ck_assert_int_eq(store_watch(s, &l), 0);
	ck_assert_int_eq(store_watch_mark(s, &mark), -EAGAIN);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_put_info(s, b, 0), 0);
	ck_assert(reported("b", b->seq, false));
	ck_assert_int_eq(store_watch_mark(s, &mark), 0);
	ck_assert_uint_eq(mark.seq, b->seq);

	ck_assert_int_eq(store_put_info(other, c, 0), 0);
	go_on_from(&l, &mark);
	ck_assert(reported("c", c->seq, false));
	ck_assert_uint_eq(seen.n_begins, 0);
	ck_assert_uint_eq(count_reports(), 1);

	/* The mark's message is replaced: nothing is sure. */
	ck_assert_int_eq(store_put_info(other, b, b->seq), 0);
	go_on_from(&l, &mark);
	ck_assert_uint_eq(seen.n_ends, 1);
	ck_assert(seen.is_other_history);
	ck_assert(reported("a", a->seq, false));
	ck_assert(reported("b", b->seq, false));
	store_close(other);
	store_close(steal_ptr(s));
	for (unsigned int i = 0; i < seen.n; i++)
		obj_info_free(seen.infos[i]);
}
END_TEST

/* Names that no subject could hold, one of which differs from the other in its last byte only. */
static void long_names(char *a, char *b, size_t len)
{
	memset(a, 'n', len);
	memset(b, 'n', len);
	b[len - 1] = '/';
	a[len] = b[len] = '\0';
}

START_TEST(test_names_longer_than_a_subject)
{
	const size_t len = OBJ_NAME_PLAIN_MAX + 1;
	_cleanup_free_ char *name_a = malloc(len + 1), *name_b = malloc(len + 1);
	_cleanup_obj_info_ struct obj_info *a = NULL, *b = NULL, *now = NULL, *under = NULL;
	char alias[OBJ_ALIAS_LEN + 1];

	long_names(name_a, name_b, len);
	a = info_new(name_a);
	b = info_new(name_b);
	ck_assert_int_eq(obj_info_set_meta(a, "posix.mode", "100644"), 0);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(get(name_b, &now), -ENOENT);
	ck_assert_int_eq(store_put_info(s, b, 0), 0);
	ck_assert_int_eq(store_put_info(s, a, 0), -ESTALE);
	ck_assert_int_eq(get(name_a, &now), 0);
	ck_assert_str_eq(now->name, name_a);
	ck_assert_str_eq(now->nuid, a->nuid);
	ck_assert_str_eq(obj_info_meta(now, "posix.mode"), "100644");
	ck_assert_ptr_null(obj_info_meta(now, ATTR_NAME));
	ck_assert_ptr_null(now->foreign_token);
	/* Others know it by its alias. */
	ck_assert_int_eq(obj_alias(name_a, len, alias), 0);
	ck_assert_int_eq(get(alias, &under), 0);
	ck_assert_uint_eq(under->seq, a->seq);
	ck_assert_int_eq(store_remove_info(s, now), 0);
	obj_info_free(steal_ptr(now));
	ck_assert_int_eq(get(name_a, &now), 0);
	ck_assert(now->is_deleted);
	ck_assert_str_eq(now->name, name_a);
}
END_TEST

START_TEST(test_the_watch_tells_long_names)
{
	const size_t len = OBJ_NAME_PLAIN_MAX + 1;
	const struct watch_listener l = {.on_reload_begin = on_begin,
					 .on_reload_end = on_end,
					 .on_info = on_info,
					 .on_state = on_state};
	_cleanup_free_ char *name_a = malloc(len + 1), *name_b = malloc(len + 1);
	_cleanup_obj_info_ struct obj_info *a = NULL, *b = NULL, *now = NULL;
	struct store *other = maker->open();

	mutex_init(&seen.lock, LOCK_RANK_LEAF);
	cond_init(&seen.cond);
	long_names(name_a, name_b, len);
	a = info_new(name_a);
	b = info_new(name_b);
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_watch(s, &l), 0);
	ck_assert(reported(name_a, a->seq, false));
	ck_assert_int_eq(store_put_info(other, b, 0), 0);
	ck_assert(reported(name_b, b->seq, false));
	ck_assert_int_eq(store_remove_info(other, b), 0);
	ck_assert_int_eq(get(name_b, &now), 0);
	ck_assert(reported(name_b, now->seq, true));
	store_close(other);
	store_close(steal_ptr(s));
	for (unsigned int i = 0; i < seen.n; i++)
		obj_info_free(seen.infos[i]);
}
END_TEST

START_TEST(test_a_store_that_was_shut_down_refuses_to_wait)
{
	_cleanup_obj_info_ struct obj_info *a = info_new("a");

	store_shutdown(s);
	ck_assert_int_eq(store_put_info(s, a, 0), -ESHUTDOWN);
}
END_TEST

START_TEST(test_status)
{
	_cleanup_obj_info_ struct obj_info *a = info_new("a");
	struct store_status st;

	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_status(s, &st), 0);
	ck_assert(st.is_connected);
	ck_assert(!st.is_read_only);
	ck_assert_int_ne(st.created_ns, 0);
	ck_assert_uint_eq(s->meta_max, maker->is_plain ? 0 : OBJ_META_MAX);
	ck_assert_int_eq(s->is_plain, maker->is_plain);
	ck_assert_uint_eq(st.max_bytes, 0);
	ck_assert_uint_eq(st.free_bytes, UINT64_MAX);
	ck_assert_uint_eq(s->chunk_size, CONTRACT_CHUNK);
}
END_TEST

/* --- plain stores --- */

/* Stores the present content of p, with what a plain store does not keep. */
static void commit(struct store_put *p, const char *name, uint64_t expected_seq,
		   struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = info_new(name);
	struct put_result r;

	ck_assert_int_eq(store_put_finish(p, &r), 0);
	put_result_describe(&r, info);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.mode", "100644"), 0);
	ck_assert_int_eq(obj_info_set_description(info, "text"), 0);
	ck_assert_int_eq(obj_info_add_header(info, "H", "v"), 0);
	ck_assert_int_eq(store_put_info(s, info, expected_seq), 0);
	*ret = steal_ptr(info);
}

static void check_content(const struct obj_info *info, char first, uint64_t size)
{
	struct store_get *g;
	uint64_t off = 0;

	ck_assert_uint_eq(info->size, size);
	ck_assert_int_eq(store_get_open(s, info, &g), 0);
	ck_assert_int_eq(store_get_index(g, true), 0);
	while (off < size) {
		struct answer a;
		uint64_t start;
		uint32_t idx;

		store_get_locate(g, off, &idx, &start);
		ck_assert_uint_eq(start, off);
		answer_init(&a);
		ck_assert_int_eq(store_get_chunk(g, idx, on_chunk, &a), 0);
		ck_assert_int_eq(wait_answer(&a), 0);
		for (size_t i = 0; i < a.chunk->len; i++)
			ck_assert_int_eq(a.chunk->data[i],
					 first + (int)((off + i) / CONTRACT_CHUNK));
		off += a.chunk->len;
		answer_done(&a);
	}
	ck_assert_uint_eq(off, size);
	store_get_close(g);
}

START_TEST(test_only_content_is_kept)
{
	_cleanup_obj_info_ struct obj_info *a = NULL, *now = NULL;
	struct put_result r;
	struct store_put *p = upload(3, &r);

	commit(p, "a/b c", 0, &a);
	store_put_close(p, true);
	ck_assert_str_ne(a->nuid, r.nuid);
	ck_assert_int_eq(get("a/b c", &now), 0);
	for (int i = 0; i < 2; i++) {
		const struct obj_info *info = i ? now : a;

		ck_assert_str_eq(info->name, "a/b c");
		ck_assert_str_eq(info->nuid, a->nuid);
		ck_assert_uint_eq(info->seq, a->seq);
		ck_assert_int_eq(info->time_ns, a->time_ns);
		ck_assert_uint_eq(info->metadata.count + info->headers.count, 0);
		ck_assert_ptr_null(info->description);
		ck_assert(!info->has_digest);
		check_content(info, 'a', 3 * CONTRACT_CHUNK + 10);
	}
}
END_TEST

START_TEST(test_stored_content_is_read_by_others)
{
	_cleanup_obj_info_ struct obj_info *a = NULL, *now = NULL;
	struct put_result r;
	struct store_put *p = upload(1, &r);

	commit(p, "a", 0, &a);
	store_put_close(p, true);
	store_close(steal_ptr(s));
	s = maker->open();
	ck_assert_int_eq(get("a", &now), 0);
	check_content(a, 'a', CONTRACT_CHUNK + 10);
	check_content(now, 'a', CONTRACT_CHUNK + 10);
}
END_TEST

/* As a rename does it. */
START_TEST(test_content_is_stored_under_another_name)
{
	_cleanup_obj_info_ struct obj_info *a = NULL, *b = NULL, *now = NULL;
	struct put_result r;
	struct store_put *p = upload(1, &r);

	commit(p, "a", 0, &a);
	store_put_close(p, true);
	store_close(steal_ptr(s));
	s = maker->open();
	b = obj_info_dup(a);
	free(b->name);
	b->name = strdup("b");
	b->name_len = 1;
	ck_assert_int_eq(store_put_info(s, b, 0), 0);
	ck_assert_str_ne(b->nuid, a->nuid);
	ck_assert_int_eq(store_remove_info(s, a), 0);
	ck_assert_int_eq(get("b", &now), 0);
	check_content(now, 'a', CONTRACT_CHUNK + 10);
}
END_TEST

START_TEST(test_replaced_content_is_stale)
{
	_cleanup_obj_info_ struct obj_info *a = NULL, *b = info_new("a");
	struct put_result r;
	struct store_put *p = upload(1, &r);
	struct store_get *g;
	struct answer ans;
	int err;

	commit(p, "a", 0, &a);
	store_put_close(p, true);
	store_close(steal_ptr(s));
	s = maker->open();
	ck_assert_int_eq(store_put_info(s, b, a->seq), 0);
	ck_assert_int_eq(store_get_open(s, a, &g), 0);
	err = store_get_index(g, true);
	if (!err) {
		answer_init(&ans);
		ck_assert_int_eq(store_get_chunk(g, 0, on_chunk, &ans), 0);
		err = wait_answer(&ans);
		answer_done(&ans);
	}
	ck_assert_int_eq(err, -ESTALE);
	store_get_close(g);
}
END_TEST

START_TEST(test_content_above_the_limit_is_refused)
{
	struct chunk *chunk = chunk_new(1);
	struct store_put *p;
	uint64_t size = 0;
	int err = 0;

	ck_assert_uint_gt(s->max_object_size, 0);
	ck_assert_int_eq(store_put_open(s, &p), 0);
	chunk_unref(chunk);
	while (!err) {
		chunk = chunk_new(CONTRACT_CHUNK);
		memset(chunk->data, 'x', CONTRACT_CHUNK);
		chunk->len = CONTRACT_CHUNK;
		if (s->max_object_size - size < CONTRACT_CHUNK)
			chunk->len = s->max_object_size - size;
		if (chunk->len == 0)
			chunk->len = 1;
		size += chunk->len;
		err = store_put_add(p, chunk);
	}
	ck_assert_int_eq(err, -EFBIG);
	ck_assert_uint_eq(size, s->max_object_size + 1);
	ck_assert_int_eq(store_put_wait_room(p), -EFBIG);
	store_put_close(p, false);
}
END_TEST

START_TEST(test_the_largest_content_is_stored)
{
	_cleanup_obj_info_ struct obj_info *a = NULL;
	struct store_put *p;

	ck_assert_int_eq(store_put_open(s, &p), 0);
	for (uint64_t left = s->max_object_size; left > 0;) {
		uint64_t len = left < CONTRACT_CHUNK ? left : CONTRACT_CHUNK;

		add(p, 'x', len);
		left -= len;
	}
	commit(p, "large", 0, &a);
	ck_assert_uint_eq(a->size, s->max_object_size);
	store_put_close(p, true);
}
END_TEST

/* Stores content that begins with a letter. */
static uint64_t store_version(const char *name, unsigned int n, uint64_t expected_seq)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct put_result r;
	struct store_put *p = upload(n, &r);

	commit(p, name, expected_seq, &info);
	store_put_close(p, true);
	return info->seq;
}

START_TEST(test_older_versions_are_read)
{
	const unsigned int last = CONTRACT_DEPTH + 1;
	_cleanup_obj_info_ struct obj_info *now = NULL;
	struct obj_info **versions;
	uint64_t seq = 0;
	size_t n;

	ck_assert(s->has_history);
	ck_assert_int_eq(store_history(s, "a", 1, &versions, &n), -ENOENT);
	for (unsigned int i = 0; i < last; i++)
		seq = store_version("a", i, seq);
	(void)store_version("b", 0, 0);
	ck_assert_int_eq(get("a", &now), 0);
	ck_assert_int_eq(store_remove_info(s, now), 0);
	ck_assert_int_eq(store_history(s, "a", 1, &versions, &n), 0);
	ck_assert_uint_eq(n, CONTRACT_DEPTH);
	for (size_t i = 0; i < n; i++) {
		unsigned int chunks = last - CONTRACT_DEPTH + 1 + (unsigned int)i;

		ck_assert_str_eq(versions[i]->name, "a");
		ck_assert_int_eq(versions[i]->is_deleted, i == n - 1);
		if (i > 0)
			ck_assert_uint_gt(versions[i]->seq, versions[i - 1]->seq);
		if (i < n - 1)
			check_content(versions[i], 'a', (uint64_t)chunks * CONTRACT_CHUNK + 10);
	}
	for (size_t i = 0; i < n; i++)
		obj_info_free(versions[i]);
	free(versions);
}
END_TEST

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_names(const char *prefix, const char *want)
{
	char got[256] = "", **names;
	size_t n;

	ck_assert_int_eq(store_history_names(s, prefix, &names, &n), 0);
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++) {
		strcat(strcat(got, names[i]), " ");
		free(names[i]);
	}
	free(names);
	ck_assert_str_eq(got, want);
}

START_TEST(test_names_with_versions_are_listed)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;

	(void)store_version("d/a", 0, 0);
	(void)store_version("b", 0, 0);
	ck_assert_int_eq(get("b", &now), 0);
	ck_assert_int_eq(store_remove_info(s, now), 0);
	assert_names("", "b d/a ");
	assert_names("d/", "d/a ");
	assert_names("c", "");
	/* Whatever is remembered. */
	(void)store_version("d", 0, 0);
	(void)store_version("c", 0, 0);
	assert_names("d", "d d/a ");
	assert_names("", "b c d d/a ");
}
END_TEST

static int run_history(const char *name)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create("history");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_older_versions_are_read);
	tcase_add_test(tc, test_names_with_versions_are_listed);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

static void add_plain_tests(TCase *tc)
{
	tcase_add_test(tc, test_only_content_is_kept);
	tcase_add_test(tc, test_stored_content_is_read_by_others);
	tcase_add_test(tc, test_content_is_stored_under_another_name);
	tcase_add_test(tc, test_replaced_content_is_stale);
	tcase_add_test(tc, test_content_above_the_limit_is_refused);
	tcase_add_test(tc, test_the_largest_content_is_stored);
}

/* What needs metadata. */
static void add_rich_tests(TCase *tc)
{
	tcase_add_test(tc, test_metadata_are_read_back);
	tcase_add_test(tc, test_names_longer_than_a_subject);
	tcase_add_test(tc, test_all_names_are_told);
	tcase_add_test(tc, test_names_that_are_not_told);
	tcase_add_test(tc, test_the_watch_tells_long_names);
	tcase_add_test(tc, test_a_watch_goes_on_from_a_mark);
}

static int run_all(const char *name)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create("contract");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_an_unknown_name_does_not_exist);
	if (maker->is_plain)
		add_plain_tests(tc);
	else
		add_rich_tests(tc);
	tcase_add_test(tc, test_only_the_expected_version_is_replaced);
	tcase_add_test(tc, test_a_removed_object_leaves_a_tombstone);
	tcase_add_test(tc, test_many_names_are_read_at_once);
	tcase_add_test(tc, test_a_name_that_is_too_long_is_refused);
	tcase_add_test(tc, test_uploaded_chunks_are_read_back);
	tcase_add_loop_test(tc, test_foretold_content_is_there_with_its_metadata, 0, 3);
	tcase_add_test(tc, test_the_digest_is_that_of_the_content);
	tcase_add_test(tc, test_purged_chunks_are_stale);
	tcase_add_test(tc, test_content_that_contradicts_its_metadata_is_an_error);
	tcase_add_test(tc, test_an_upload_that_is_not_kept_is_removed);
	tcase_add_test(tc, test_every_request_is_answered_once_even_when_closed);
	tcase_add_test(tc, test_the_watch_lists_and_then_follows);
	tcase_add_test(tc, test_a_store_that_was_shut_down_refuses_to_wait);
	tcase_add_test(tc, test_status);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

int store_contract_run(const char *name, const struct store_maker *m)
{
	maker = m;
	return m->keeps_versions ? run_history(name) : run_all(name);
}
