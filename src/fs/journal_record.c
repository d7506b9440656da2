/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/journal_record.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LEN 16u
#define ENTRY_LEN 16u
#define IS_DATA (UINT64_C(1) << 63)
#define STEP (UINT64_C(1) << 20)

static const uint8_t magic[4] = {'N', 'O', 'J', '1'};

struct entry {
	uint64_t from, len;
	bool is_data;
};

struct entries {
	struct entry *v;
	size_t n, cap;
};

static void entries_done(struct entries *e)
{
	free(e->v);
}

static int add_entry(struct entries *e, uint64_t from, uint64_t to, bool is_data)
{
	if (e->n >= JOURNAL_RANGES_MAX)
		return -E2BIG;
	if (e->n == e->cap) {
		size_t cap = e->cap ? 2 * e->cap : 16;
		struct entry *v = reallocarray(e->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		e->v = v;
		e->cap = cap;
	}
	e->v[e->n++] = (struct entry){from, to - from, is_data};
	return 0;
}

/* Each range is cut where bytes and holes meet. */
static int list_entries(const struct draft *d, const struct ranges *r, uint64_t size,
			struct entries *e)
{
	int err = 0;

	for (size_t i = 0; i < r->n && r->v[i].from < size; i++) {
		uint64_t from = r->v[i].from, to = r->v[i].to < size ? r->v[i].to : size;

		while (!err && from < to) {
			bool is_data;
			uint64_t end = ranges_run(&d->data, from, to, &is_data);

			err = add_entry(e, from, end, is_data);
			from = end;
		}
	}
	return err;
}

/* ---- writing ---- */

struct sink {
	struct store *store;
	struct store_put *put;
	struct chunk *chunk; /* not full, or NULL */
};

static void sink_done(struct sink *k)
{
	store_put_close(k->put, false);
	chunk_unref(k->chunk);
}

static int sink_send(struct sink *k)
{
	int err = store_put_add(k->put, steal_ptr(k->chunk));

	return err ? err : store_put_wait_room(k->put);
}

/* The next bytes of the segment: from data, or of the draft from off on. */
static int sink_add(struct sink *k, const uint8_t *data, struct draft *d, uint64_t off,
		    uint64_t len)
{
	int err = 0;

	while (!err && len > 0) {
		size_t n;

		if (!k->chunk)
			k->chunk = chunk_new(k->store->chunk_size);
		if (!k->chunk)
			return -ENOMEM;
		n = k->chunk->cap - k->chunk->len;
		if (n > len)
			n = (size_t)len;
		if (data)
			memcpy(k->chunk->data + k->chunk->len, data, n);
		else
			err = draft_read(d, off, k->chunk->data + k->chunk->len, n, true);
		if (err)
			return err;
		k->chunk->len += n;
		data = data ? data + n : NULL;
		off += n;
		len -= n;
		if (k->chunk->len == k->chunk->cap)
			err = sink_send(k);
	}
	return err;
}

static int add_head(struct sink *k, const struct entries *e, uint64_t size)
{
	size_t len = HEAD_LEN + e->n * ENTRY_LEN;
	_cleanup_free_ uint8_t *head = malloc(len);
	uint32_t n = htole32((uint32_t)e->n);

	if (!head)
		return -ENOMEM;
	size = htole64(size);
	memcpy(head, magic, sizeof(magic));
	memcpy(head + 4, &n, sizeof(n));
	memcpy(head + 8, &size, sizeof(size));
	for (size_t i = 0; i < e->n; i++) {
		const uint64_t pair[2] = {
			htole64(e->v[i].from),
			htole64(e->v[i].len | (e->v[i].is_data ? IS_DATA : 0)),
		};

		memcpy(head + HEAD_LEN + i * ENTRY_LEN, pair, ENTRY_LEN);
	}
	return sink_add(k, head, NULL, 0, len);
}

int journal_record_store(struct store *s, struct draft *d, const struct ranges *r, uint64_t size,
			 struct store_put **ret_put, struct put_result *ret)
{
	struct entries e CLEANUP(entries_done) = {0};
	struct sink k CLEANUP(sink_done) = {.store = s};
	int err = list_entries(d, r, size, &e);

	if (!err)
		err = store_put_open(s, &k.put);
	if (!err)
		err = add_head(&k, &e, size);
	for (size_t i = 0; !err && i < e.n; i++)
		if (e.v[i].is_data)
			err = sink_add(&k, NULL, d, e.v[i].from, e.v[i].len);
	if (!err && k.chunk)
		err = sink_send(&k);
	if (!err)
		err = store_put_finish(k.put, ret);
	if (!err)
		*ret_put = steal_ptr(k.put);
	return err;
}

/* ---- reading ---- */

/* The next n bytes of a content that may be shorter. */
static int take(struct content *c, uint64_t *off, void *ret, size_t n)
{
	int err;

	if (*off > c->size || n > c->size - *off)
		return -EIO;
	err = n ? content_copy(c, *off, ret, n, true) : 0;
	*off += n;
	return err;
}

static int read_head(struct content *c, uint64_t *off, uint64_t max_size, struct entries *e,
		     uint64_t *ret_size)
{
	uint8_t head[HEAD_LEN];
	uint64_t pair[2];
	uint32_t n;
	int err = take(c, off, head, sizeof(head));

	if (err || memcmp(head, magic, sizeof(magic)) != 0)
		return err ? err : -EIO;
	memcpy(&n, head + 4, sizeof(n));
	memcpy(ret_size, head + 8, sizeof(*ret_size));
	n = le32toh(n);
	*ret_size = le64toh(*ret_size);
	if (*ret_size > max_size || n > JOURNAL_RANGES_MAX)
		return -EIO;
	for (uint32_t i = 0; !err && i < n; i++) {
		err = take(c, off, pair, sizeof(pair));
		if (!err) {
			uint64_t from = le64toh(pair[0]), len = le64toh(pair[1]) & ~IS_DATA;

			if (from > *ret_size || len == 0 || len > *ret_size - from)
				return -EIO;
			err = add_entry(e, from, from + len, le64toh(pair[1]) & IS_DATA);
		}
	}
	return err;
}

static int apply_data(struct content *c, uint64_t *off, struct draft *d, const struct entry *e,
		      uint8_t *buf)
{
	uint64_t at = e->from, end = e->from + e->len;
	int err = 0;

	while (!err && at < end) {
		size_t n = end - at < STEP ? (size_t)(end - at) : STEP;

		err = take(c, off, buf, n);
		if (!err)
			err = draft_write(d, at, buf, n);
		at += n;
	}
	return err;
}

int journal_record_apply(struct content *c, struct draft *d, uint64_t max_size, uint64_t *size)
{
	struct entries e CLEANUP(entries_done) = {0};
	_cleanup_free_ uint8_t *buf = malloc(STEP);
	uint64_t off = 0, new_size = 0;
	int err = buf ? read_head(c, &off, max_size, &e, &new_size) : -ENOMEM;

	if (!err && new_size < *size)
		err = draft_zero(d, new_size, RANGES_END);
	for (size_t i = 0; !err && i < e.n; i++)
		err = e.v[i].is_data ? apply_data(c, &off, d, &e.v[i], buf)
				     : draft_zero(d, e.v[i].from, e.v[i].from + e.v[i].len);
	if (!err && off != c->size)
		err = -EIO;
	if (!err)
		err = content_verify(c);
	if (!err)
		*size = new_size;
	return err;
}
