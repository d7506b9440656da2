/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no consumer tells of: metadata that somebody purges, as some clients do with the old name of
 * an object they rename. The server announces every call of its API to whoever listens; those that
 * purge our stream name the subject. Those that delete a message by its number do not, and the
 * message is gone: the bucket is listed anew. What nobody announces is found by the number of
 * messages: a stream in which nothing was stored since the last look, and from which more is gone
 * than was announced.
 */
#include <string.h>

#include "objstore/api.h"
#include "objstore/layout.h"
#include "objstore/long_name.h"
#include "objstore/watch_internal.h"
#include "util/base64url.h"
#include "util/clock.h"
#include "util/log.h"

/* How a request of natsobj begins that deletes metadata which was replaced (replaced.c). */
#define OWN_DELETE "\"request\":\"{\\\"no_erase\\\":true,\\\"seq\\\":"
#define QUEUE_MAX 65536
#define TOKEN_MAX 8192
/* A second look, before a whole listing, lets announcements in that are on the way, and further
 * deletions. */
#define AGAIN_MS 2000
/* Listings for this reason: at most so often, and for at most that part of the time. */
#define PAUSE_MIN_MS 60000
#define PAUSE_FACTOR 50

struct purged {
	struct list link;
	uint64_t below_seq;
	size_t len;
	char name[];
};

/* True when text names a call of ours: "…<verb>.<stream>" in quotes, as JSON has its subject. */
static bool is_call(const struct watch *w, const char *text, size_t len, const char *verb)
{
	char needle[512];
	int n = snprintf(needle, sizeof(needle), ".%s.%s\",", verb, w->bucket->stream);

	return n > 0 && (size_t)n < sizeof(needle) && memmem(text, len, needle, (size_t)n);
}

static cJSON *parse_inner(const cJSON *audit, const char *key)
{
	const char *text = api_string(audit, key);

	return text ? cJSON_Parse(text) : NULL;
}

/* The name of a token, if it is the one that natsobj gives it. NULL otherwise. */
static struct purged *decode(const char *token, uint64_t below_seq)
{
	size_t len = strlen(token), cap = len / 4 * 3 + 3, name_len;
	struct purged *p = NULL;
	char again[BASE64_LEN(TOKEN_MAX) + 1];

	if (len > 0 && len < TOKEN_MAX)
		p = malloc(sizeof(*p) + cap + 1);
	if (!p)
		return NULL;
	if (base64_decode(token, len, (uint8_t *)p->name, cap, &name_len) < 0)
		goto unknown;
	base64url_encode(p->name, name_len, again);
	p->name[name_len] = '\0';
	/* The alias of a long name says nothing about that. */
	if (strcmp(again, token) != 0 ||
	    strncmp(p->name, HIDDEN_LONG_NAMES, sizeof(HIDDEN_LONG_NAMES) - 1) == 0)
		goto unknown;
	p->len = name_len;
	p->below_seq = below_seq;
	return p;
unknown:
	free(p);
	return NULL;
}

/* Whether a filter is about chunks alone, which have the prefix of metadata up to their letter. */
static bool is_of_chunks(const struct watch *w, const char *filter)
{
	const char *prefix = w->bucket->meta_prefix;
	size_t len = strlen(prefix);

	return filter && w->bucket->layout->is_base64 && strncmp(filter, prefix, len - 2) == 0 &&
	       strncmp(filter + len - 2, "C.", 2) == 0;
}

/* The token of the one name that a filter is about, or NULL. */
static const char *token_of(const struct watch *w, const char *filter)
{
	size_t len = strlen(w->bucket->meta_prefix);

	if (!filter || !w->bucket->layout->is_base64 || strpbrk(filter, "*>") ||
	    strncmp(filter, w->bucket->meta_prefix, len) != 0)
		return NULL;
	return filter + len;
}

/* What a purge with this filter means for the names. */
static void note_filter(struct watch *w, const char *filter, uint64_t below_seq)
{
	const char *token = token_of(w, filter);
	struct purged *p = token ? decode(token, below_seq) : NULL;

	LOCK_SCOPE(&w->lock);
	if (p && w->n_purged < QUEUE_MAX) {
		list_push_back(&w->purged, &p->link);
		w->n_purged++;
	} else {
		free(p);
		w->feed.is_overflown = true;
	}
	cond_broadcast(&w->changed);
}

/* Somebody deleted a message of our stream by its number. */
static void note_deletion(struct watch *w, const char *text, size_t len)
{
	bool is_own = memmem(text, len, OWN_DELETE, sizeof(OWN_DELETE) - 1) != NULL;
	_cleanup_json_ cJSON *audit = NULL, *response = NULL;

	if (!is_own) {
		audit = cJSON_ParseWithLength(text, len);
		response = parse_inner(audit, "response");
		if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(response, "success")))
			return;
		/* It may have been any. */
		regain_forget(w->bucket, NULL);
	}
	LOCK_SCOPE(&w->lock);
	if (is_own) {
		w->n_audited++;
		return;
	}
	if (w->deleted_ns == 0)
		w->deleted_ns = clock_now_ns();
	w->is_told = true;
	cond_broadcast(&w->changed);
}

void audit_note(struct watch *w, natsMsg *msg)
{
	const char *text = natsMsg_GetData(msg);
	size_t len = (size_t)natsMsg_GetDataLength(msg);
	_cleanup_json_ cJSON *audit = NULL, *request = NULL, *response = NULL;
	const char *filter;
	uint64_t n, below_seq;

	if (len > 0 && is_call(w, text, len, "STREAM.MSG.DELETE"))
		note_deletion(w, text, len);
	if (len == 0 || !is_call(w, text, len, "STREAM.PURGE"))
		return;
	audit = cJSON_ParseWithLength(text, len);
	request = parse_inner(audit, "request");
	response = parse_inner(audit, "response");
	filter = api_string(request, "filter");
	below_seq = api_u64(request, "seq");
	n = api_u64(response, "purged");
	/* Natsobj itself purges what is replaced, up to a sequence. */
	if (below_seq == 0 && !is_of_chunks(w, filter))
		regain_forget(w->bucket, token_of(w, filter) ? filter : NULL);
	if (n == 0)
		return;
	mutex_lock(&w->lock);
	w->n_audited += n;
	mutex_unlock(&w->lock);
	if (!is_of_chunks(w, filter))
		note_filter(w, filter, below_seq);
}

void audit_deliver(struct watch *w)
{
	struct list all = LIST_INITIALIZER(all);
	struct list *l;

	mutex_lock(&w->lock);
	list_splice_back(&all, &w->purged);
	w->n_purged = 0;
	mutex_unlock(&w->lock);
	while ((l = list_pop_front(&all))) {
		struct purged *p = list_entry(l, struct purged, link);

		if (w->listener.on_purged)
			w->listener.on_purged(w->listener.arg, p->name, p->len, p->below_seq);
		free(p);
	}
}

void audit_forget(struct watch *w)
{
	struct list *l;

	while ((l = list_pop_front(&w->purged)))
		free(list_entry(l, struct purged, link));
	w->n_purged = 0;
}

static uint64_t n_audited(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	return w->n_audited;
}

void audit_begin(struct watch *w, const struct stream_info *info)
{
	w->look = (struct audit_look){.last_seq = info->last_seq,
				      .messages = info->messages,
				      .n_audited = n_audited(w),
				      .listed_ns = clock_now_ns()};
}

void audit_listed(struct watch *w)
{
	w->listing_pause_ns = (clock_now_ns() - w->look.listed_ns) * PAUSE_FACTOR;
	if (w->listing_pause_ns < PAUSE_MIN_MS * (uint64_t)NS_PER_MS)
		w->listing_pause_ns = PAUSE_MIN_MS * (uint64_t)NS_PER_MS;
}

/* -EAGAIN: a message was deleted by its number, and it is time to list the bucket anew. */
static int check_deletions(struct watch *w)
{
	uint64_t due_ns;

	LOCK_SCOPE(&w->lock);
	if (w->deleted_ns == 0)
		return 0;
	due_ns = w->deleted_ns + AGAIN_MS * (uint64_t)NS_PER_MS;
	if (due_ns < w->listing_pause_until_ns)
		due_ns = w->listing_pause_until_ns;
	if (clock_now_ns() < due_ns) {
		w->look_again_ns = due_ns;
		return 0;
	}
	w->deleted_ns = 0;
	w->listing_pause_until_ns = clock_now_ns() + w->listing_pause_ns;
	return -EAGAIN;
}

int audit_check(struct watch *w, const struct stream_info *info)
{
	struct audit_look *look = &w->look;
	uint64_t explained = n_audited(w) - look->n_audited;
	bool is_quiet = info->last_seq == look->last_seq && info->max_age_ns == 0;

	if (check_deletions(w) < 0) {
		log_info("%s: messages were deleted by their numbers, listing anew",
			 w->bucket->store.bucket);
		return -EAGAIN;
	}
	if (is_quiet && info->messages + explained < look->messages) {
		if (clock_now_ns() < w->listing_pause_until_ns)
			return 0;
		if (look->is_doubtful) {
			log_info("%s: something was removed without a word, listing anew",
				 w->bucket->store.bucket);
			w->listing_pause_until_ns = clock_now_ns() + w->listing_pause_ns;
			return -EAGAIN;
		}
		look->is_doubtful = true;
		w->look_again_ns = clock_deadline_ms(AGAIN_MS);
		return 0;
	}
	audit_begin(w, info);
	return 0;
}
