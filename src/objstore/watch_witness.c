/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Witnesses: the newest versions that were delivered, each of another name. A bucket that was
 * restored from a backup has the same creation time, and once others have written to it, sequences
 * as high as before. If it is still the same history, the newest message of a witness's name is the
 * witness itself or one that came after it.
 */
#include <string.h>

#include "objstore/watch_internal.h"

void witness_note(struct watch *w, const char *token, uint64_t seq, int64_t time_ns)
{
	struct witness *oldest = &w->witnesses[0];
	char *copy;

	for (size_t i = 0; i < WITNESSES; i++) {
		struct witness *it = &w->witnesses[i];

		if (it->token && strcmp(it->token, token) == 0) {
			oldest = it;
			break;
		}
		if (it->seq < oldest->seq)
			oldest = it;
	}
	if (seq <= oldest->seq)
		return;
	copy = oldest->token && strcmp(oldest->token, token) == 0 ? oldest->token : strdup(token);
	if (!copy)
		return;
	if (copy != oldest->token)
		free(oldest->token);
	*oldest = (struct witness){copy, seq, time_ns};
}

void witness_forget(struct watch *w)
{
	for (size_t i = 0; i < WITNESSES; i++) {
		free(w->witnesses[i].token);
		w->witnesses[i] = (struct witness){0};
	}
}

int witness_check(struct watch *w, bool *ret_is_other)
{
	struct obj_info *infos[WITNESSES] = {NULL};
	const char *tokens[WITNESSES];
	int errs[WITNESSES] = {0}, err = 0;
	const struct witness *its[WITNESSES] = {NULL};
	size_t n = 0;

	*ret_is_other = false;
	for (size_t i = 0; i < WITNESSES; i++)
		if (w->witnesses[i].token) {
			its[n] = &w->witnesses[i];
			tokens[n++] = w->witnesses[i].token;
		}
	if (n > 0)
		err = meta_read_tokens(w->bucket, tokens, n, infos, errs);
	for (size_t i = 0; i < n; i++) {
		const struct obj_info *now = infos[i];

		if (!err && now &&
		    (now->seq < its[i]->seq ||
		     (now->seq == its[i]->seq && now->time_ns != its[i]->time_ns)))
			*ret_is_other = true;
		obj_info_free(infos[i]);
	}
	return err;
}
