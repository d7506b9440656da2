/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

/* Chunks a scan may still lack when its end is read: the kernel's read-ahead of 1 MiB, twice. */
#define REORDER_MAX 16

/* What a chunk that is asked for will take, more or less; metadata of others may lie. */
static uint64_t mean_chunk_size(uint64_t size, uint32_t chunks)
{
	return chunks > 0 ? (size - 1) / chunks + 1 : size;
}

static int open_get(struct content *c, struct store *store, struct chunk_cache *cache,
		    struct disk_cache *disk, const struct obj_info *info)
{
	uint64_t chunk_bytes = mean_chunk_size(info->size, info->chunks);
	int err = -EFBIG;

	if (disk && info->has_digest)
		err = disk_get_open(disk, store, info, &c->get);
	c->is_on_disk = !err;
	if (c->is_on_disk && disk_get_block_size(c->get) < info->size)
		chunk_bytes = disk_get_block_size(c->get);
	if (err == -EFBIG)
		err = store_get_open(store, info, &c->get);
	if (!err)
		chunk_source_init(&c->source, cache, c->get, chunk_bytes);
	return err;
}

int content_new(struct store *store, struct chunk_cache *cache, struct disk_cache *disk,
		const struct obj_info *info, struct content **ret)
{
	struct content *c = calloc(1, sizeof(*c));
	int err = 0;

	if (!c)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	c->size = info->size;
	mutex_init(&c->check_lock, LOCK_RANK_FILE_INNER);
	c->has_digest = info->has_digest;
	memcpy(c->expected, info->digest, OBJ_DIGEST_LEN);
	c->nuid = strdup(info->nuid);
	if (!c->nuid)
		err = -ENOMEM;
	else if (c->size > 0)
		err = open_get(c, store, cache, disk, info);
	if (err) {
		content_unref(c);
		return err;
	}
	*ret = c;
	return 0;
}

struct content *content_ref(struct content *c)
{
	if (c)
		atomic_fetch_add(&c->refs, 1);
	return c;
}

void content_unref(struct content *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	if (c->get)
		chunk_source_done(&c->source);
	digest_free(c->digest);
	free(c->asked);
	free(c->nuid);
	mutex_done(&c->check_lock);
	free(c);
}

void content_warm(struct content *c)
{
	if (c->get)
		(void)!store_get_index(c->get, false);
}

static int prepare_locked(struct content *c)
{
	uint32_t last;
	uint64_t off;

	if (atomic_load(&c->is_ready))
		return 0;
	store_get_locate(c->get, c->size - 1, &last, &off);
	c->n_chunks = last + 1;
	c->asked = calloc((size_t)last / 8 + 1, sizeof(*c->asked));
	c->digest = c->has_digest ? digest_new() : NULL;
	if (!c->asked || (c->has_digest && !c->digest)) {
		digest_free(steal_ptr(c->digest));
		free(c->asked);
		c->asked = NULL;
		return -ENOMEM;
	}
	atomic_store(&c->is_ready, true);
	return 0;
}

/* The chunk index is known and the fields that depend on it are set. */
static int prepare(struct content *c, bool may_wait)
{
	int err;

	if (atomic_load(&c->is_ready))
		return 0;
	err = store_get_index(c->get, may_wait);
	if (err)
		return err;
	LOCK_SCOPE(&c->check_lock);
	return prepare_locked(c);
}

static void note_asked(struct content *c, uint32_t idx)
{
	uint8_t bit = (uint8_t)(1u << (idx % 8));

	if (!(__atomic_fetch_or(&c->asked[idx / 8], bit, __ATOMIC_SEQ_CST) & bit))
		atomic_fetch_add(&c->n_asked, 1);
}

static bool was_asked(struct content *c, uint32_t idx)
{
	return __atomic_load_n(&c->asked[idx / 8], __ATOMIC_SEQ_CST) & (1u << (idx % 8));
}

/* A chunk; see disk_get_open for why the index may have to be asked for once more. */
static int get_chunk(struct content *c, uint32_t idx, bool may_wait, struct chunk **ret)
{
	int err = chunk_source_get(&c->source, idx, may_wait, ret);

	while (err == DISK_GET_ASK && c->is_on_disk) {
		err = store_get_index(c->get, may_wait);
		if (!err)
			err = chunk_source_get(&c->source, idx, may_wait, ret);
	}
	return err;
}

/* Whether nothing is left to be hashed. */
static bool is_settled(struct content *c)
{
	return !c->has_digest || atomic_load(&c->is_checked) ||
	       (c->is_on_disk && disk_get_is_verified(c->get));
}

static void compare_locked(struct content *c)
{
	uint8_t actual[OBJ_DIGEST_LEN];
	bool is_right;

	digest_finish(c->digest, actual);
	is_right = memcmp(actual, c->expected, sizeof(actual)) == 0;
	if (c->is_on_disk)
		disk_get_judge(c->get, is_right);
	if (!is_right) {
		atomic_store(&c->is_bad, true);
		log_error("content %s contradicts its SHA-256 digest: reads of it fail", c->nuid);
	}
	atomic_store(&c->is_checked, true);
}

/* Adds chunks to the digest from where it stands: to the end, or to that of what was asked for. */
static int advance_locked(struct content *c, bool is_whole, bool may_wait)
{
	while (!atomic_load(&c->is_checked) && (is_whole || was_asked(c, c->next_idx))) {
		_cleanup_chunk_ struct chunk *chunk = NULL;
		int err = get_chunk(c, c->next_idx, may_wait, &chunk);

		if (err)
			return err;
		digest_add(c->digest, chunk->data, chunk->len);
		chunk_source_spent(&c->source, c->next_idx);
		if (++c->next_idx == c->n_chunks)
			compare_locked(c);
	}
	return 0;
}

void content_check_behind(struct content *c)
{
	if (!atomic_load(&c->is_ready) || is_settled(c))
		return;
	if (!mutex_trylock(&c->check_lock))
		return;
	(void)!advance_locked(c, false, false);
	mutex_unlock(&c->check_lock);
}

/* Before the last byte of a whole scan is handed over. */
static int check_whole(struct content *c, bool may_wait)
{
	int err;

	if (is_settled(c))
		return 0;
	/* The kernel sends the reads of a scan in parallel, so the last may come before a few
	 * others. */
	if (c->n_chunks - atomic_load(&c->n_asked) > REORDER_MAX) {
		atomic_store(&c->is_tail_unchecked, true);
		return 0;
	}
	if (may_wait)
		mutex_lock(&c->check_lock);
	else if (!mutex_trylock(&c->check_lock))
		return -EINPROGRESS;
	err = advance_locked(c, true, may_wait);
	mutex_unlock(&c->check_lock);
	return err;
}

int content_verify(struct content *c)
{
	int err = 0;

	if (atomic_load(&c->is_ready) && atomic_load(&c->n_asked) == c->n_chunks)
		err = check_whole(c, true);
	return err ? err : atomic_load(&c->is_bad) ? -EIO : 0;
}

/* Adds a piece of a chunk to the answer; many small pieces are gathered into one copy. */
static void add_piece(struct fs_data *d, struct chunk *chunk, size_t at, size_t len)
{
	if (d->copy) {
		memcpy((char *)d->copy + d->len, chunk->data + at, len);
		d->iov[0].iov_len += len;
		chunk_unref(chunk);
	} else {
		d->chunks[d->n] = chunk;
		d->iov[d->n++] = (struct iovec){chunk->data + at, len};
	}
	d->len += len;
}

static int use_copy(struct fs_data *d, size_t len)
{
	d->copy = malloc(len);
	if (!d->copy)
		return -ENOMEM;
	d->iov[0] = (struct iovec){d->copy, 0};
	d->n = 1;
	return 0;
}

void fs_data_done(struct fs_data *d)
{
	for (int i = 0; i < d->n && !d->copy; i++)
		chunk_unref(d->chunks[i]);
	free(d->copy);
	*d = (struct fs_data){0};
}

static int gather(struct content *c, uint64_t off, size_t len, uint32_t first, uint32_t last,
		  bool may_wait, struct fs_data *d)
{
	uint64_t end = off + len, start;
	uint32_t idx;

	if (last - first >= FS_DATA_MAX_IOV && use_copy(d, len) < 0)
		return -ENOMEM;
	while (off < end) {
		struct chunk *chunk = NULL;
		size_t at, n;
		int err;

		store_get_locate(c->get, off, &idx, &start);
		err = get_chunk(c, idx, may_wait, &chunk);
		if (err)
			return err;
		at = (size_t)(off - start);
		if (at >= chunk->len) {
			chunk_unref(chunk);
			return -EIO;
		}
		n = chunk->len - at < end - off ? chunk->len - at : (size_t)(end - off);
		add_piece(d, chunk, at, n);
		off += n;
	}
	return 0;
}

/* The chunks that the read ended with or passed need no place in memory: the disk's cache has them.
 */
static void leave_to_disk(struct content *c, uint64_t end, uint32_t first, uint32_t last)
{
	uint64_t block = disk_get_block_size(c->get);

	for (uint32_t i = first; i <= last; i++)
		if (end == c->size || (i + UINT64_C(1)) * block <= end)
			chunk_source_spent(&c->source, i);
}

/* Whether an attempt that may not wait makes sense. If not, the next one sends the requests itself,
 * without waking another thread for it. Of two chunks the index brought both. */
static bool is_at_hand(struct content *c, uint32_t first, uint32_t last)
{
	return c->is_on_disk || c->n_chunks <= 2 || chunk_source_has(&c->source, first, last);
}

int content_read(struct content *c, uint64_t off, size_t len, bool may_wait, struct fs_data *ret)
{
	struct fs_data d = {0};
	uint32_t first, last;
	uint64_t start;
	int err;

	*ret = d;
	if (off >= c->size || len == 0)
		return 0;
	if (len > c->size - off)
		len = (size_t)(c->size - off);
	err = prepare(c, may_wait);
	if (err)
		return err;
	store_get_locate(c->get, off, &first, &start);
	store_get_locate(c->get, off + len - 1, &last, &start);
	if (!may_wait && !is_at_hand(c, first, last))
		return -EINPROGRESS;
	/* All requests go out before the first answer is waited for. */
	for (uint32_t i = first; i <= last; i++) {
		note_asked(c, i);
		(void)chunk_source_need(&c->source, i, may_wait);
	}
	err = gather(c, off, len, first, last, may_wait, &d);
	if (!err && c->is_on_disk && disk_get_is_verified(c->get))
		leave_to_disk(c, off + len, first, last);
	if (!err && off + len == c->size)
		err = check_whole(c, may_wait);
	if (!err && atomic_load(&c->is_bad))
		err = -EIO;
	if (err)
		fs_data_done(&d);
	else
		*ret = d;
	return err;
}

int content_copy(struct content *c, uint64_t off, void *buf, size_t len, bool may_wait)
{
	struct fs_data d;
	uint8_t *p = buf;
	int err = content_read(c, off, len, may_wait, &d);

	if (err)
		return err;
	if (d.len != len)
		err = -EIO;
	for (int i = 0; i < d.n && !err; i++) {
		memcpy(p, d.iov[i].iov_base, d.iov[i].iov_len);
		p += d.iov[i].iov_len;
	}
	fs_data_done(&d);
	return err;
}

int content_keep(struct content *c)
{
	int err = c->get ? prepare(c, true) : 0;

	if (err || !c->get || (c->is_on_disk && disk_get_is_verified(c->get)))
		return err;
	(void)content_prefetch(c, 0, c->size);
	for (uint32_t i = 0; i < c->n_chunks && !err; i++) {
		_cleanup_chunk_ struct chunk *chunk = NULL;

		err = get_chunk(c, i, true, &chunk);
		if (!err)
			err = chunk_source_keep(&c->source, i);
	}
	return err;
}

uint64_t content_prefetch(struct content *c, uint64_t from, uint64_t to)
{
	uint64_t start, end = to < c->size ? to : c->size;
	uint32_t first, last;

	if (from >= end || !c->get || !atomic_load(&c->is_ready))
		return to;
	if (c->is_on_disk && disk_get_is_verified(c->get)) {
		disk_get_will_need(c->get, from, end);
		return to;
	}
	store_get_locate(c->get, from, &first, &start);
	store_get_locate(c->get, end - 1, &last, &start);
	for (uint32_t i = first; i <= last; i++)
		if (!chunk_source_prefetch(&c->source, i))
			return from + (uint64_t)(i - first) * c->source.chunk_bytes;
	return to;
}
