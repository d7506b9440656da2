/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/exchange_turn.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "fs/exchange.h"
#include "util/clock.h"
#include "util/hash.h"

#define PAUSE_MAX 5

int turn_check(struct fs *fs, const struct obj_info *const *infos, size_t n, const char *own)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	const char *known = own;

	for (size_t i = 0; i < n; i++) {
		const char *mark = infos[i] ? obj_info_meta(infos[i], ATTR_EXCHANGE) : NULL;
		int err = 0;

		if (!mark || !intent_is_name(mark, strlen(mark)))
			continue;
		/* Names below one directory mostly have the same mark. */
		if (!known || strcmp(mark, known) != 0) {
			obj_info_free(steal_ptr(intent));
			known = mark;
			err = store_get_info(fs->store, mark, strlen(mark), &intent);
		}
		if (err && err != -ENOENT)
			return err;
		if (intent && !intent->is_deleted && pairs_have_first(intent, infos[i]))
			return -EAGAIN;
	}
	return 0;
}

void turn_begin(struct turn *t, int64_t patience_ms)
{
	t->deadline_ns = clock_deadline_ms(patience_ms);
	t->n = 0;
}

bool turn_is_over(const struct turn *t)
{
	return clock_now_ns() >= t->deadline_ns;
}

bool turn_wait(const struct fs *fs, struct turn *t)
{
	uint64_t own = hash_bytes(fs->claim_id, strlen(fs->claim_id));
	uint64_t spread = own >> (3 * (t->n % 16)) & 7;
	unsigned int shift = t->n < PAUSE_MAX ? t->n : PAUSE_MAX;
	struct timespec ts = {.tv_nsec = (long)(((8 + spread) * NS_PER_MS / 32) << shift)};

	if (turn_is_over(t) || atomic_load(&fs->is_closing))
		return false;
	(void)nanosleep(&ts, NULL);
	t->n++;
	return true;
}
