/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_STEP (UINT64_C(1) << 20)
#define FETCH_AHEAD (UINT64_C(8) << 20)

int draft_new(struct staging_area *area, struct content *base, uint64_t base_len,
	      struct draft **ret)
{
	_cleanup_draft_ struct draft *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->staging = staging_new(area);
	if (!d->staging)
		return -ENOMEM;
	err = ranges_reserve(&d->own);
	if (err)
		return err;
	ranges_add(&d->own, base ? base_len : 0, RANGES_END);
	d->base = content_ref(base);
	*ret = steal_ptr(d);
	return 0;
}

void draft_free(struct draft *d)
{
	if (!d)
		return;
	content_unref(d->base);
	ranges_done(&d->own);
	ranges_done(&d->data);
	ranges_done(&d->changed);
	staging_free(d->staging);
	free(d);
}

static int reserve(struct draft *d)
{
	int err = ranges_reserve(&d->own);

	if (!err)
		err = ranges_reserve(&d->data);
	return err ? err : ranges_reserve(&d->changed);
}

static int put_data(struct draft *d, uint64_t off, const void *data, size_t len)
{
	bool is_in;
	uint64_t end;
	int err = reserve(d);

	if (err || len == 0)
		return err;
	end = ranges_run(&d->data, off, off + len, &is_in);
	err = staging_write(d->staging, off, data, len, !is_in || end < off + len);
	if (err)
		return err;
	ranges_add(&d->own, off, off + len);
	ranges_add(&d->data, off, off + len);
	return 0;
}

int draft_write(struct draft *d, uint64_t off, const void *data, size_t len)
{
	int err = put_data(d, off, data, len);

	if (!err)
		ranges_add(&d->changed, off, off + len);
	return err;
}

int draft_zero(struct draft *d, uint64_t from, uint64_t to)
{
	int err = reserve(d);

	if (err || from >= to)
		return err;
	ranges_add(&d->own, from, to);
	ranges_add(&d->changed, from, to);
	ranges_remove(&d->data, from, to);
	staging_discard(d->staging, from, to);
	return 0;
}

bool draft_may_wait(const struct draft *d, uint64_t end)
{
	return staging_may_wait(d->staging, end);
}

bool draft_is_base(const struct draft *d, uint64_t off, size_t len)
{
	bool is_own;

	return ranges_run(&d->own, off, off + len, &is_own) == off + len && !is_own;
}

static int read_own(struct draft *d, uint64_t off, uint8_t *buf, uint64_t end)
{
	while (off < end) {
		bool is_data;
		uint64_t next = ranges_run(&d->data, off, end, &is_data);
		int err;

		if (is_data) {
			err = staging_read(d->staging, off, buf, (size_t)(next - off));
			if (err)
				return err;
		} else {
			memset(buf, 0, (size_t)(next - off));
		}
		buf += next - off;
		off = next;
	}
	return 0;
}

int draft_read(struct draft *d, uint64_t off, void *buf, size_t len, bool may_wait)
{
	uint64_t end = off + len;
	uint8_t *p = buf;

	if (!may_wait && draft_may_wait(d, 0))
		return -FS_WOULD_WAIT;
	draft_prefetch(d, off, end);
	while (off < end) {
		bool is_own;
		uint64_t next = ranges_run(&d->own, off, end, &is_own);
		int err = is_own ? read_own(d, off, p, next)
				 : content_copy(d->base, off, p, (size_t)(next - off), may_wait);

		if (err)
			return err;
		p += next - off;
		off = next;
	}
	return 0;
}

void draft_prefetch(struct draft *d, uint64_t from, uint64_t to)
{
	if (d->base && to > d->base->size)
		to = d->base->size;
	while (d->base && from < to) {
		bool is_own;
		uint64_t next = ranges_run(&d->own, from, to, &is_own);

		if (!is_own)
			(void)content_prefetch(d->base, from, next);
		from = next;
	}
}

int draft_fetch(struct draft *d, uint64_t size, uint64_t max)
{
	_cleanup_free_ uint8_t *buf = NULL;
	uint64_t off = 0, done = 0;

	if (!d->base)
		return 0;
	if (size > d->base->size)
		size = d->base->size;
	while (off < size) {
		bool is_own;
		uint64_t next = ranges_run(&d->own, off, size, &is_own);
		int err;

		if (is_own) {
			off = next;
			continue;
		}
		if (done >= max)
			return 1;
		if (!buf)
			buf = malloc(FETCH_STEP);
		if (!buf)
			return -ENOMEM;
		if (next - off > FETCH_STEP)
			next = off + FETCH_STEP;
		err = draft_read(d, off, buf, (size_t)(next - off), true);
		if (!err)
			err = put_data(d, off, buf, (size_t)(next - off));
		if (err)
			return err;
		done += next - off;
		off = next;
		draft_prefetch(d, off, off + FETCH_AHEAD);
	}
	return 0;
}

int draft_verify_base(struct draft *d)
{
	return d->base ? content_verify(d->base) : 0;
}

uint64_t draft_next_data(const struct draft *d, uint64_t off, uint64_t size)
{
	while (off < size) {
		bool is_data, is_own;
		uint64_t end = ranges_run(&d->data, off, size, &is_data);
		uint64_t own_end = ranges_run(&d->own, off, size, &is_own);

		if (is_data || !is_own)
			return off;
		off = end < own_end ? end : own_end;
	}
	return size;
}

uint64_t draft_next_hole(const struct draft *d, uint64_t off, uint64_t size)
{
	while (off < size) {
		bool is_data, is_own;
		uint64_t end = ranges_run(&d->data, off, size, &is_data);
		uint64_t own_end = ranges_run(&d->own, off, size, &is_own);

		if (!is_data && is_own)
			return off;
		off = is_data ? end : own_end;
	}
	return size;
}
