/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Metadata from the network: whatever the payload and the token, parsing must not crash, and what
 * was understood must come out of the canonical form unchanged. The input is the token, a line
 * feed, and the payload.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/info.h"
#include "objstore/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_round_trip(const struct obj_info *info)
{
	_cleanup_obj_info_ struct obj_info *again = NULL;
	_cleanup_free_ char *token = obj_meta_token(info->name, info->name_len);
	struct buf first _cleanup_buf_ = {0};
	struct buf second _cleanup_buf_ = {0};

	buf_init(&first, 8 * OBJ_META_MAX);
	buf_init(&second, 8 * OBJ_META_MAX);
	must(token && obj_info_format(info, "fuzz", &first) == 0, "not written");
	must(obj_info_parse(first.data, first.len, token, strlen(token), &again) == 0, "not read");
	must(!again->is_malformed, "what was written is malformed");
	must(again->name_len == info->name_len &&
		     memcmp(again->name, info->name, info->name_len) == 0,
	     "the name changed");
	must(obj_info_format(again, "fuzz", &second) == 0, "not written again");
	must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0,
	     "the second form is another one");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	const char *text = (const char *)data;
	const char *end = size ? memchr(text, '\n', size) : NULL;
	size_t token_len = end ? (size_t)(end - text) : size;
	const char *json = end ? end + 1 : text + size;
	size_t len = size - (size_t)(json - text);
	int err = obj_info_parse(json, len, text, token_len, &info);

	if (err) {
		must(!info, "a result in spite of an error");
		return 0;
	}
	must(info->name_len > 0 && obj_utf8_is_valid(info->name, info->name_len), "a bad name");
	must(!info->nuid[0] || obj_nuid_is_valid(info->nuid, strlen(info->nuid)), "a bad token");
	if (!info->is_malformed)
		check_round_trip(info);
	return 0;
}
