/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/account.h"

#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "util/clock.h"

#define ASK_MS 3000
/* How long an answer is good, and a refusal. */
#define AGE_MS 1000
#define REFUSED_AGE_MS 60000

/* limits and usage are in the answer itself, or in the tier for this number of replicas. */
static uint64_t free_in(const cJSON *account, bool is_memory)
{
	const cJSON *limits = cJSON_GetObjectItemCaseSensitive(account, "limits");
	uint64_t limit = api_u64(limits, is_memory ? "max_memory" : "max_storage");
	uint64_t used = api_u64(account, is_memory ? "memory" : "storage");

	if (limit == 0)
		return UINT64_MAX;
	return used < limit ? limit - used : 0;
}

uint64_t account_parse_free(const char *json, size_t len, uint32_t replicas, bool is_memory)
{
	_cleanup_json_ cJSON *account = cJSON_ParseWithLength(json, len);
	const cJSON *tiers = cJSON_GetObjectItemCaseSensitive(account, "tiers"), *tier;
	uint64_t bytes;
	char name[16];

	(void)snprintf(name, sizeof(name), "R%u", replicas);
	tier = cJSON_GetObjectItemCaseSensitive(tiers, name);
	if (tier)
		return free_in(tier, is_memory);
	bytes = free_in(account, is_memory);
	return bytes == UINT64_MAX || replicas < 2 ? bytes : bytes / replicas;
}

static uint64_t parse_used(const char *json, size_t len)
{
	_cleanup_json_ cJSON *account = cJSON_ParseWithLength(json, len);

	return api_u64(account, "storage") + api_u64(account, "memory");
}

static uint64_t ask(struct bucket *b, const struct stream_info *info, bool *ret_is_answered)
{
	_cleanup_msg_ natsMsg *msg = NULL;
	_cleanup_free_ char *subject = NULL;
	struct rpc_request req = {.deadline_ns = clock_deadline_ms(ASK_MS)};
	bool was_sent;

	*ret_is_answered = false;
	if (asprintf(&subject, "%s.INFO", b->api) < 0) {
		subject = NULL;
		return UINT64_MAX;
	}
	req.subject = subject;
	if (rpc_call(b->control.rpc, &req, &msg, &was_sent) < 0)
		return UINT64_MAX;
	*ret_is_answered = true;
	mutex_lock(&b->lock);
	b->account_used = parse_used(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
	mutex_unlock(&b->lock);
	return account_parse_free(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
				  info->replicas, info->is_memory);
}

uint64_t account_free(struct bucket *b, const struct stream_info *info)
{
	uint64_t now_ns = clock_now_ns(), bytes;
	bool is_answered;

	mutex_lock(&b->lock);
	bytes = b->account_free;
	if (now_ns < b->account_until_ns) {
		mutex_unlock(&b->lock);
		return bytes;
	}
	mutex_unlock(&b->lock);
	bytes = ask(b, info, &is_answered);
	LOCK_SCOPE(&b->lock);
	b->account_free = bytes;
	b->account_until_ns = clock_deadline_ms(is_answered ? AGE_MS : REFUSED_AGE_MS);
	return bytes;
}

uint64_t account_used(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	return b->account_used;
}
